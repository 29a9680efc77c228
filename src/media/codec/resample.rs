//! Between 8,000 and 16,000 samples a second: a half-band filter, flat to 3,400 Hz within 0.04 dB, nothing above 4,600 Hz but what is
//! 47 dB lower. Either way takes ten samples of the lower rate.

/// Every other tap beside the middle one, which is a half, in parts of 32,768: a sine over its angle under a Kaiser window (4.5).
const TAPS: [i32; 10] = [10_396, -3_330, 1_843, -1_163, 763, -499, 317, -191, 105, -49];
/// Samples that they lie over.
const LENGTH: usize = 20;

/// The last samples, the newest last.
#[derive(Clone, Default)]
struct History([i32; LENGTH]);

impl History {
    fn push(&mut self, sample: i16) {
        self.0.copy_within(1.., 0);
        self.0[LENGTH - 1] = i32::from(sample);
    }

    /// What lies between the tenth and the eleventh, half as high. At most 32,768 * 2 * 18,656: it fits.
    fn between(&self) -> i32 {
        let (older, newer) = self.0.split_at(LENGTH / 2);
        let pairs = older.iter().rev().zip(newer);
        pairs.zip(&TAPS).map(|((a, b), tap)| (a + b).wrapping_mul(*tap)).fold(0, i32::wrapping_add)
    }

    /// The tenth.
    const fn middle(&self) -> i32 {
        self.0[LENGTH / 2 - 1]
    }
}

/// From 16,000 to 8,000.
#[derive(Clone, Default)]
pub struct Down {
    first: History,
    second: History,
}

impl Down {
    /// One sample of two.
    pub fn push(&mut self, [first, second]: [i16; 2]) -> i16 {
        self.first.push(first);
        // The middle tap stands on a first one, a second one on either side of it.
        let sum = (self.first.middle() << 14) + self.second.between();
        self.second.push(second);
        limited((sum + (1 << 14)) >> 15)
    }
}

/// From 8,000 to 16,000.
#[derive(Clone, Default)]
pub struct Up(History);

impl Up {
    /// Two samples of one.
    pub fn push(&mut self, sample: i16) -> [i16; 2] {
        self.0.push(sample);
        [limited(self.0.middle()), limited((self.0.between() + (1 << 13)) >> 14)]
    }
}

fn limited(value: i32) -> i16 {
    i16::try_from(value).unwrap_or(if value < 0 { i16::MIN } else { i16::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f64, rate: f64, count: usize) -> Vec<i16> {
        (0..count)
            .map(|n| (10_000.0 * (n as f64 * hz / rate * std::f64::consts::TAU).sin()).round() as i16)
            .collect()
    }

    /// Level in dB against a tone of 10,000.
    fn level(sound: &[i16]) -> f64 {
        let power: f64 = sound.iter().skip(200).map(|s| f64::from(*s).powi(2)).sum();
        10.0 * (power / (sound.len() - 200) as f64 / 5.0e7).log10()
    }

    #[test]
    fn what_a_telephone_carries_passes_and_the_rest_does_not() {
        for (hz, least, most) in [
            (100.0, -0.1, 0.1),
            (1_000.0, -0.1, 0.1),
            (3_400.0, -0.1, 0.1),
            (4_600.0, -200.0, -45.0),
            (6_000.0, -200.0, -45.0),
            (7_800.0, -200.0, -45.0),
        ] {
            let mut down = Down::default();
            let sound: Vec<i16> =
                tone(hz, 16_000.0, 8_000).as_chunks::<2>().0.iter().map(|pair| down.push(*pair)).collect();
            let level = level(&sound);
            assert!((least..most).contains(&level), "{hz} Hz: {level} dB");
        }
    }

    /// The image of a tone lies at 8,000 Hz less it: what differs from the pure tone at the higher rate.
    #[test]
    fn up_is_the_same_sound_at_twice_the_rate() {
        for hz in [100.0, 1_000.0, 3_000.0, 3_400.0] {
            let mut up = Up::default();
            let sound: Vec<i16> = tone(hz, 8_000.0, 4_000).into_iter().flat_map(|s| up.push(s)).collect();
            // The middle one of twenty is the tenth: ten steps behind the newest.
            let pure = tone(hz, 16_000.0, 8_000);
            let error: Vec<i16> = sound.iter().skip(20).zip(&pure).map(|(a, b)| a - b).collect();
            let level = level(&error);
            assert!(level < -45.0, "{hz} Hz: {level} dB");
        }
    }

    #[test]
    fn there_and_back_is_the_same_and_nothing_wraps() {
        let (mut up, mut down) = (Up::default(), Down::default());
        let went = tone(700.0, 8_000.0, 2_000);
        let came: Vec<i16> = went.iter().map(|sample| down.push(up.push(*sample))).collect();
        for (n, (a, b)) in went.iter().zip(came.iter().skip(20)).enumerate().skip(40) {
            assert!((a - b).abs() < 60, "{n}: {a} {b}");
        }
        let (mut up, mut down) = (Up::default(), Down::default());
        for n in 0..400 {
            let sample = if n / 40 % 2 == 0 { i16::MAX } else { i16::MIN };
            let came = down.push(up.push(sample));
            if n > 40 && (30..40).contains(&(n % 40)) {
                // Twenty samples behind: the middle of the half wave.
                assert_eq!(came.signum(), sample.signum(), "{n}");
            }
        }
    }
}
