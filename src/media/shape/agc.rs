//! Automatic gain: brings a voice towards -18 dBFS, slowly, and by what the voice does alone.
//!
//! Noise, silence and steady tones move nothing. A frame counts as speech when it is well above what is always there, and when the level
//! of the frames before it went up and down as syllables do.
use super::level::{Floor, db, dbfs, level};

/// Where a voice belongs (the level of its speech, not of its pauses).
const TARGET: i32 = dbfs(-18);
/// Less than this is no voice at a telephone.
const AUDIBLE: i32 = dbfs(-54);
/// So far above the floor is speech.
const ABOVE: i32 = db(6);
/// Syllables: the levels of the last frames differ by this; noise does by 2 dB, a tone by none.
const LIVELY: i32 = db(4);
const RECENT: usize = 8;
/// The most and the least that is done.
const MOST: i32 = db(15);
const LEAST: i32 = db(-12);
/// What is always there is not lifted above this.
const NOISE: i32 = dbfs(-45);
/// Frames of speech before anything is moved, and those that the mean is over: 0.2 and 2 s.
const FIRST: u32 = 10;
const MEAN: u32 = 100;
/// For each frame of speech: up by 6 dB a second, down by 23.
const UP: i32 = 10;
const DOWN: i32 = 40;

/// One direction's gain.
#[derive(Default)]
pub struct Agc {
    floor: Floor,
    /// Levels of the frames that were loud without a pause, but for the first one, which is part silence.
    recent: heapless::Deque<i32, RECENT>,
    loud: bool,
    /// Mean square of speech, and frames that it was seen in.
    power: u64,
    frames: u32,
    gain: i32,
}

impl Agc {
    /// The gain for a frame of this mean square, as a difference of levels; `None`: one that says nothing about who speaks.
    pub fn on_frame(&mut self, power: Option<u64>) -> i32 {
        let Some(power) = power else {
            self.pause();
            return self.gain;
        };
        let level = level(power);
        let floor = self.floor.on_frame(level);
        if level < AUDIBLE || level < floor.saturating_add(ABOVE) {
            self.pause();
            return self.gain;
        }
        // By the frames before this one: where a tone ends its level moves, too.
        if self.is_lively() {
            self.learn(power);
            self.step(floor);
        }
        if self.loud {
            if self.recent.is_full() {
                self.recent.pop_front();
            }
            self.recent.extend([level]);
        }
        self.loud = true;
        self.gain
    }

    fn pause(&mut self) {
        self.loud = false;
        self.recent.clear();
    }

    fn is_lively(&self) -> bool {
        let (least, most) = (self.recent.iter().min(), self.recent.iter().max());
        least.zip(most).is_some_and(|(least, most)| most.saturating_sub(*least) >= LIVELY)
    }

    fn learn(&mut self, power: u64) {
        self.frames = self.frames.saturating_add(1).min(MEAN);
        let many = u64::from(self.frames);
        self.power = (self.power * (many - 1) + power) / many;
    }

    fn step(&mut self, floor: i32) {
        if self.frames < FIRST {
            return;
        }
        let room = NOISE.saturating_sub(floor).max(0);
        let wanted = TARGET.saturating_sub(level(self.power)).clamp(LEAST, MOST.min(room));
        self.gain = self.gain.saturating_add(wanted.saturating_sub(self.gain).clamp(-DOWN, UP));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn power(decibels: f64) -> u64 {
        (2f64.powi(29) * 10f64.powf(decibels / 10.0)) as u64
    }

    /// Syllables of five frames around a level, a pause after each fourth.
    fn voice(n: u32, decibels: f64) -> u64 {
        if n / 5 % 5 == 4 {
            power(-70.0)
        } else {
            power(decibels + [-8.0, 0.0, 2.0, 0.0, -6.0][n as usize % 5])
        }
    }

    fn after(frames: u32, of: impl Fn(u32) -> u64) -> f64 {
        let mut agc = Agc::default();
        let gain = (0..frames).map(|n| agc.on_frame(Some(of(n)))).last().unwrap();
        f64::from(gain) / 85.04
    }

    #[test]
    fn a_voice_comes_to_its_place() {
        // The mean of what counts as speech there is about 1 dB below the middle.
        for (level, want) in [(-30.0, 13.0), (-26.0, 9.0), (-18.0, 1.0), (-8.0, -9.0)] {
            let gain = after(750, |n| voice(n, level));
            assert!((gain - want).abs() < 1.5, "{level} dBFS: {gain} dB");
        }
        // Not more than 15 dB up or 12 down.
        let (quiet, loud) = (after(1_500, |n| voice(n, -42.0)), after(1_500, |n| voice(n, -2.0)));
        assert!((14.9..15.1).contains(&quiet) && (-12.1..-11.9).contains(&loud), "{quiet} {loud}");
    }

    #[test]
    fn it_is_slow() {
        let second = after(50, |n| voice(n, -35.0));
        assert!((0.5..6.0).contains(&second), "{second}");
        let three = after(150, |n| voice(n, -35.0));
        assert!((6.0..14.0).contains(&three), "{three}");
    }

    #[test]
    fn what_is_no_voice_moves_nothing() {
        let mut seed = 1u32;
        let mut noise = |middle: f64| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            power(middle + f64::from(seed >> 16) / 65_536.0 * 2.0 - 1.0)
        };
        let hiss: Vec<u64> = (0..1_500).map(|_| noise(-30.0)).collect();
        for (what, of) in [
            ("silence", &(|_: u32| 0_u64) as &dyn Fn(u32) -> u64),
            ("a hum", &|_| power(-25.0)),
            ("hiss", &|n| hiss[n as usize]),
            ("hiss after silence", &|n| if n < 100 { 0 } else { hiss[n as usize] }),
            ("a ringback tone", &|n| if n % 250 < 50 { power(-14.0) } else { 0 }),
            ("one that ends within a frame", &|n| match n % 250 {
                0 => power(-20.0),
                1..50 => power(-14.0),
                50 => power(-24.0),
                _ => 0,
            }),
            ("keys", &|n| if n % 10 < 5 { power(-9.0) } else { 0 }),
            ("a whisper behind it all", &|n| voice(n, -60.0)),
        ] {
            assert_eq!(after(1_500, of), 0.0, "{what}");
        }
    }

    #[test]
    fn a_gain_stays_in_pauses_and_lifts_no_noise() {
        let paused = after(2_000, |n| if n < 1_000 { voice(n, -28.0) } else { power(-80.0) });
        assert!((paused - 11.0).abs() < 1.5, "{paused}");
        // A car at -52 dBFS may come to -45.
        let noisy = after(1_500, |n| voice(n, -36.0).max(power(-52.0)));
        assert!((noisy - 7.0).abs() < 0.5, "{noisy}");
    }
}
