//! What is played where no sample came: the last pitch period again, fading to silence in 60 ms; and the seams.
use super::pitch::{self, blend};

/// Samples of the past that are kept: the longest lag and the piece compared, a power of two.
const HISTORY: usize = 512;
/// The piece that is compared, 20 ms.
const PIECE: usize = 160;
/// Pitch from 200 Hz down to 40 Hz; a higher voice repeats at a multiple.
const LAGS: core::ops::RangeInclusive<usize> = 40..=200;
/// The first 10 ms at full level, nothing after 60 ms.
const FULL: u32 = 80;
const GONE: u32 = 480;
/// 5 ms: into the sender's silence, and from a replacement back to what came.
const SEAM: u32 = 40;

/// Follows the sound sample by sample and fills its holes.
pub struct Conceal {
    /// What was played, circular; `at` is the place of the next one.
    history: [i16; HISTORY],
    at: usize,
    /// The period that is repeated.
    period: [i16; 200],
    lag: usize,
    /// Added to the first samples so that they join the last true one.
    offset: i32,
    /// Samples since the sound went missing.
    missing: u32,
    /// 32,768 is the full level.
    level: i32,
    active: bool,
    /// Samples of the blend back that are left.
    seam: u32,
}

impl Default for Conceal {
    fn default() -> Self {
        let (history, period) = ([0; HISTORY], [0; 200]);
        Self { history, at: 0, period, lag: 40, offset: 0, missing: 0, level: 0, active: false, seam: 0 }
    }
}

impl Conceal {
    /// The next sample came.
    pub fn real(&mut self, sample: i16) -> i16 {
        if self.active {
            self.active = false;
            self.seam = SEAM;
        }
        let played = if self.seam > 0 {
            let old = self.replacement(false);
            self.seam -= 1;
            blend(old, sample, (SEAM - self.seam) as usize, SEAM as usize)
        } else {
            sample
        };
        self.push(played);
        played
    }

    /// The next sample did not come; `quiet` when the sender said that it is silent.
    pub fn missing(&mut self, quiet: bool) -> i16 {
        if !self.active {
            self.begin();
        }
        let played = self.replacement(quiet);
        self.push(played);
        played
    }

    /// Nothing is replaced or blended just now: the past is sound that came.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        !self.active && self.seam == 0
    }

    /// A replacement has faded out: silence plays.
    #[must_use]
    pub const fn is_silent(&self) -> bool {
        self.active && self.level == 0
    }

    /// The last played samples, oldest first.
    pub fn past(&self, into: &mut [i16]) {
        let from = self.at.wrapping_sub(into.len()) % HISTORY;
        let (newer, older) = self.history.split_at_checked(from).unwrap_or_default();
        for (slot, sample) in into.iter_mut().zip(older.iter().chain(newer)) {
            *slot = *sample;
        }
    }

    /// These were played without a hole or seam.
    pub fn remember(&mut self, samples: &[i16]) {
        let (before, from) = self.history.split_at_mut_checked(self.at).unwrap_or_default();
        let first = samples.len().min(from.len());
        let (head, tail) = samples.split_at_checked(first).unwrap_or_default();
        if let (Some(from), Some(before)) = (from.get_mut(..head.len()), before.get_mut(..tail.len())) {
            from.copy_from_slice(head);
            before.copy_from_slice(tail);
        }
        self.at = self.at.wrapping_add(samples.len()) % HISTORY;
    }

    fn push(&mut self, sample: i16) {
        if let Some(slot) = self.history.get_mut(self.at) {
            *slot = sample;
        }
        self.at = self.at.wrapping_add(1) % HISTORY;
    }

    fn begin(&mut self) {
        self.active = true;
        self.missing = 0;
        if self.seam > 0 {
            // Lost again while blending back: what is repeated goes on, from the level it has.
            self.seam = 0;
        } else {
            self.level = 32_768;
        }
        let mut past = [0; PIECE + 200];
        self.past(&mut past);
        let newest = past.len() - PIECE;
        let piece = past.get(newest..).unwrap_or_default();
        let fit =
            pitch::best(piece, LAGS, |lag| past.get(newest.checked_sub(lag)?..past.len().checked_sub(lag)?));
        self.lag = fit.map_or(160, |fit| fit.lag);
        let start = past.len().saturating_sub(self.lag);
        for (slot, sample) in self.period.iter_mut().zip(past.iter().skip(start)) {
            *slot = *sample;
        }
        self.close_the_loop(&past, start);
        let before = past.get(start.saturating_sub(1)).copied().unwrap_or(0);
        self.offset = i32::from(past.last().copied().unwrap_or(0)) - i32::from(before);
    }

    /// The period's end runs into what stood before its beginning, so that its repetition has no step.
    fn close_the_loop(&mut self, past: &[i16], start: usize) {
        let steps = self.lag / 4;
        for step in 0..steps {
            let from_end = steps - step;
            let before = start.checked_sub(from_end).and_then(|at| past.get(at)).copied().unwrap_or(0);
            if let Some(slot) = self.period.get_mut(self.lag - from_end) {
                *slot = blend(*slot, before, step + 1, steps);
            }
        }
    }

    fn replacement(&mut self, quiet: bool) -> i16 {
        let place = self.missing as usize % self.lag.max(1);
        let repeated = i32::from(self.period.get(place).copied().unwrap_or(0));
        let joining = i32::try_from(SEAM.saturating_sub(self.missing + 1)).unwrap_or(0);
        let joined = repeated + self.offset * joining / 40;
        self.missing = self.missing.saturating_add(1).min(GONE * 2);
        let step = if quiet {
            32_768 / 40 + 1
        } else if self.missing > FULL {
            32_768 / 400 + 1
        } else {
            0
        };
        self.level = (self.level - step).max(0);
        let scaled = i64::from(joined) * i64::from(self.level) / 32_768;
        i16::try_from(scaled).unwrap_or(if scaled < 0 { -i16::MAX } else { i16::MAX })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tone of 440 Hz by recurrence: no floating point in the code under test, some in its test is fine.
    fn tone(n: u32) -> i16 {
        ((f64::from(n) * 440.0 / 8_000.0 * std::f64::consts::TAU).sin() * 8_000.0) as i16
    }

    #[test]
    fn a_lost_frame_of_a_tone_leaves_no_step() {
        let mut conceal = Conceal::default();
        let mut last = 0;
        for n in 0..4_000 {
            let lost = n > 1_000 && n % 800 < 160;
            let played = if lost { conceal.missing(false) } else { conceal.real(tone(n)) };
            // The tone's own steps are up to 2,750.
            let step = (i32::from(played) - last).abs();
            assert!(step < 3_300, "{n}: {step}");
            last = i32::from(played);
        }
    }

    #[test]
    fn silent_after_60_ms_and_never_for_ever() {
        let mut conceal = Conceal::default();
        assert!((0..1_000).all(|n| conceal.real(tone(n)) == tone(n)));
        let played: Vec<i16> = (0..8_000).map(|_| conceal.missing(false)).collect();
        assert!(played[..80].iter().any(|sample| sample.abs() > 7_000));
        assert!(played[480..].iter().all(|sample| *sample == 0));
        assert!(conceal.is_silent());
    }

    #[test]
    fn the_senders_silence_comes_in_5_ms() {
        let mut conceal = Conceal::default();
        assert!((0..1_000).all(|n| conceal.real(tone(n)) == tone(n)));
        let played: Vec<i16> = (0..160).map(|_| conceal.missing(true)).collect();
        assert!(played[40..].iter().all(|sample| *sample == 0));
        assert!(played.windows(2).all(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs() < 3_300));
    }

    #[test]
    fn what_comes_is_played_as_it_came() {
        let mut conceal = Conceal::default();
        assert!((0..1_000).all(|n| conceal.real(tone(n)) == tone(n)));
    }
}
