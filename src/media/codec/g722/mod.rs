//! G.722 at 64 kbit/s (ITU-T G.722, mode 1): two sub-bands of 8,000 samples a second, each its own ADPCM, an octet for both.
//!
//! Octets and samples are those of the recommendation to the bit. The lower band alone is telephone sound at 8,000 samples a second:
//! towards a side that has no more than that the filters and the higher band need not be computed.
mod band;
mod filter;
mod high;
mod low;

use filter::{Analysis, Synthesis};
use high::HighBand;
use low::LowBand;

/// From samples to octets.
#[derive(Clone, Default)]
pub struct Encoder {
    analysis: Analysis,
    low: LowBand,
    high: HighBand,
}

impl Encoder {
    /// One octet of two samples at 16,000 a second.
    pub fn encode(&mut self, samples: [i16; 2]) -> u8 {
        let (low, high) = self.analysis.split(samples);
        self.low.encode(low) | self.high.encode(high) << 6
    }
}

/// From octets to samples.
#[derive(Clone, Default)]
pub struct Decoder {
    low: LowBand,
    high: HighBand,
    synthesis: Synthesis,
}

impl Decoder {
    /// Two samples at 16,000 a second.
    pub fn decode(&mut self, octet: u8) -> [i16; 2] {
        let low = self.low.decode(octet);
        let high = self.high.decode(octet >> 6);
        self.synthesis.join(low, high)
    }
}

/// The lower band alone, one direction of it: telephone sound at 8,000 samples a second, an octet each.
#[derive(Clone, Default)]
pub struct Narrow(LowBand);

impl Narrow {
    /// The higher band is silent.
    pub fn encode(&mut self, sample: i16) -> u8 {
        self.0.encode(i32::from(sample) >> 1) | HighBand::SILENT << 6
    }

    pub fn decode(&mut self, octet: u8) -> i16 {
        // 15 bits.
        i16::try_from(self.0.decode(octet) << 1).unwrap_or(0)
    }
}

/// An entry of a table whose length is a power of two; the rest of `at` is cut off.
fn entry<const N: usize>(table: &[i16; N], at: u8) -> i32 {
    i32::from(table.get(usize::from(at) % N).copied().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDE_CODE: &[u8] = include_bytes!("../../../../tests/data/g722/wide.g722");
    const WIDE_SOUND: &[u8] = include_bytes!("../../../../tests/data/g722/wide.s16");
    const NARROW_CODE: &[u8] = include_bytes!("../../../../tests/data/g722/narrow.g722");
    const NARROW_SOUND: &[u8] = include_bytes!("../../../../tests/data/g722/narrow.s16");
    const ANY_WIDE: &[u8] = include_bytes!("../../../../tests/data/g722/any_wide.s16");
    const ANY_NARROW: &[u8] = include_bytes!("../../../../tests/data/g722/any_narrow.s16");

    fn samples(bytes: &[u8]) -> Vec<i16> {
        bytes.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect()
    }

    struct Lcg(u32);

    impl Lcg {
        fn next(&mut self) -> u32 {
            self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            self.0 >> 16
        }
    }

    /// The same as in `tests/data/g722/make.py`: noise of several levels and colours, a square at full scale, clicks.
    fn material() -> Vec<i16> {
        let (mut noise, mut y) = (Lcg(1), 0_i32);
        (0..3_840_usize)
            .map(|n| {
                let noise = noise.next() as i32 - 32_768;
                let part = n / 480;
                let level = [0, 200, 3_000, 32_767, 32_767, 8_000, 1, 500][part];
                let colour = [0, 1, 2, 0, 3, 2, 0, 1][part];
                y += (((noise * level) >> 15) - y) >> colour;
                let sample = match part {
                    4 if n / 9 % 2 == 1 => 32_767,
                    4 => -32_768,
                    5 if n % 160 < 20 => (noise * level) >> 15,
                    5 => 0,
                    _ => y,
                };
                sample.clamp(-32_768, 32_767) as i16
            })
            .collect()
    }

    /// What does not fit 16 bits is limited (section 4.4), where the other decoder lets it wrap.
    fn assert_alike(ours: &[i16], theirs: &[i16]) {
        assert_eq!(ours.len(), theirs.len());
        for (n, (a, b)) in ours.iter().zip(theirs).enumerate() {
            let wrapped = matches!(*a, i16::MIN | i16::MAX) && a.abs_diff(*b) > 50_000;
            assert!(a == b || wrapped, "sample {n}: {a}, not {b}");
        }
    }

    #[test]
    fn octets_are_those_of_another_encoder() {
        let (mut wide, mut narrow) = (Encoder::default(), Narrow::default());
        let sound = material();
        let code: Vec<u8> = sound.as_chunks::<2>().0.iter().map(|pair| wide.encode(*pair)).collect();
        assert_eq!(code, WIDE_CODE);
        let code: Vec<u8> = sound.iter().map(|sample| narrow.encode(*sample)).collect();
        assert_eq!(code, NARROW_CODE);
    }

    #[test]
    fn samples_are_those_of_another_decoder() {
        let (mut wide, mut narrow) = (Decoder::default(), Narrow::default());
        let sound: Vec<i16> = WIDE_CODE.iter().flat_map(|octet| wide.decode(*octet)).collect();
        assert_alike(&sound, &samples(WIDE_SOUND));
        let sound: Vec<i16> = NARROW_CODE.iter().map(|octet| narrow.decode(*octet)).collect();
        assert_alike(&sound, &samples(NARROW_SOUND));
    }

    #[test]
    fn octets_that_no_encoder_makes_are_decoded_alike() {
        let mut octets = Lcg(7);
        let octets: Vec<u8> = (0..1_600).map(|_| (octets.next() >> 3) as u8).collect();
        let (mut wide, mut narrow) = (Decoder::default(), Narrow::default());
        let sound: Vec<i16> = octets.iter().flat_map(|octet| wide.decode(*octet)).collect();
        assert_alike(&sound, &samples(ANY_WIDE));
        let sound: Vec<i16> = octets.iter().map(|octet| narrow.decode(*octet)).collect();
        assert_alike(&sound, &samples(ANY_NARROW));
    }

    fn tone(hz: f64, peak: f64, rate: f64, n: usize) -> i16 {
        (peak * (n as f64 * hz / rate * std::f64::consts::TAU).sin()).round() as i16
    }

    /// Signal to noise in dB of `came` against `went`, at the best whole delay.
    fn snr(went: &[i16], came: &[i16]) -> f64 {
        let at = |delay: usize| {
            let pairs = || went.iter().zip(came.iter().skip(delay)).skip(800);
            let power: f64 = pairs().map(|(a, _)| f64::from(*a).powi(2)).sum();
            let noise: f64 = pairs().map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
            10.0 * (power / noise.max(1.0)).log10()
        };
        (0..40).map(at).fold(f64::MIN, f64::max)
    }

    #[test]
    fn tones_come_back() {
        for (hz, peak, least) in [
            (300.0, 10_000.0, 33.0),
            (1_000.0, 10_000.0, 30.0),
            (3_100.0, 10_000.0, 30.0),
            (6_000.0, 10_000.0, 12.0),
            (1_000.0, 300.0, 28.0),
            (1_000.0, 32_000.0, 30.0),
        ] {
            let went: Vec<i16> = (0..8_000).map(|n| tone(hz, peak, 16_000.0, n)).collect();
            let (mut encoder, mut decoder) = (Encoder::default(), Decoder::default());
            let came: Vec<i16> = went
                .as_chunks::<2>()
                .0
                .iter()
                .flat_map(|pair| decoder.decode(encoder.encode(*pair)))
                .collect();
            let snr = snr(&went, &came);
            assert!(snr > least, "{hz} Hz at {peak}: {snr} dB");
        }
        for hz in [300.0, 1_000.0, 3_100.0] {
            let went: Vec<i16> = (0..8_000).map(|n| tone(hz, 10_000.0, 8_000.0, n)).collect();
            let (mut encoder, mut decoder) = (Narrow::default(), Narrow::default());
            let came: Vec<i16> = went.iter().map(|sample| decoder.decode(encoder.encode(*sample))).collect();
            let snr = snr(&went, &came);
            assert!(snr > 30.0, "{hz} Hz at 8 kHz: {snr} dB");
        }
    }

    /// A phone that speaks G.722 hears what a telephone says at the level it was said, and the other way.
    #[test]
    fn one_side_wide_and_the_other_narrow() {
        let power = |sound: &[i16]| {
            sound.iter().skip(800).map(|s| f64::from(*s).powi(2)).sum::<f64>() / (sound.len() - 800) as f64
        };
        for hz in [300.0, 1_000.0, 3_000.0] {
            let (mut encoder, mut decoder) = (Narrow::default(), Decoder::default());
            let went: Vec<i16> = (0..8_000).map(|n| tone(hz, 10_000.0, 8_000.0, n)).collect();
            let came: Vec<i16> = went.iter().flat_map(|s| decoder.decode(encoder.encode(*s))).collect();
            let ratio = power(&came) / power(&went);
            assert!((0.9..1.12).contains(&ratio), "{hz} Hz up: {ratio}");
            let (mut encoder, mut decoder) = (Encoder::default(), Narrow::default());
            let went: Vec<i16> = (0..16_000).map(|n| tone(hz, 10_000.0, 16_000.0, n)).collect();
            let came: Vec<i16> =
                went.as_chunks::<2>().0.iter().map(|pair| decoder.decode(encoder.encode(*pair))).collect();
            let ratio = power(&came) / power(&went);
            assert!((0.9..1.12).contains(&ratio), "{hz} Hz down: {ratio}");
        }
    }

    #[test]
    fn silence_stays_silent_and_full_scale_does_not_wrap() {
        let (mut encoder, mut decoder) = (Encoder::default(), Decoder::default());
        for _ in 0..4_000 {
            assert!(decoder.decode(encoder.encode([0, 0])).iter().all(|s| s.abs() < 40));
        }
        let (mut encoder, mut decoder) = (Encoder::default(), Decoder::default());
        let went: Vec<i16> = (0..8_000).map(|n| if n / 40 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
        let came: Vec<i16> =
            went.as_chunks::<2>().0.iter().flat_map(|pair| decoder.decode(encoder.encode(*pair))).collect();
        // In the middle of each half wave the sign is the right one, 22 samples later.
        for n in (800..7_900).filter(|n| (15..30).contains(&(n % 40))) {
            assert_eq!(came[n + 22].signum(), went[n].signum(), "{n}");
        }
    }
}
