//! Levels and gains as logarithms in whole numbers: routers have no floating point.
//!
//! A level is 256 times the binary logarithm of a mean square, so that 3 dB are 256. 0 dBFS is a sine that just fits into 16 bits (AES17).
use crate::media::FRAME;

/// A sine of full scale: its mean square is 2^29.
const FULL_SCALE: i32 = 29 * 256;
/// A gain of one as a factor.
pub const UNITY: i32 = 1 << 14;

/// Decibels as a difference of levels.
#[must_use]
pub const fn db(decibels: i32) -> i32 {
    decibels.saturating_mul(8_504) / 100
}

/// The level of so many dBFS.
#[must_use]
pub const fn dbfs(decibels: i32) -> i32 {
    FULL_SCALE.saturating_add(db(decibels))
}

/// Mean square of a frame.
#[must_use]
pub fn power(frame: &[i16; FRAME]) -> u64 {
    let square = |sample: &i16| {
        let wide = u64::from(sample.unsigned_abs());
        wide * wide
    };
    frame.iter().map(square).sum::<u64>() / 160
}

/// Its level; 0 of silence. Off by less than a twentieth of a decibel.
#[must_use]
pub fn level(power: u64) -> i32 {
    let Some(whole) = power.checked_ilog2() else { return 0 };
    // The eight bits behind the leading one.
    let normal = power.checked_shl(63_u32.saturating_sub(whole)).unwrap_or(0);
    let rest = i32::from((normal >> 55).to_le_bytes()[0]);
    let bend = rest * (256 - rest) * 89 / 65_536;
    i32::try_from(whole).unwrap_or(0) * 256 + rest + bend
}

/// The factor of amplitudes for a difference of levels, in 2^14ths; from -48 to +24 dB. Off by less than half a percent, or one.
#[must_use]
pub fn factor(gain: i32) -> i32 {
    // A level counts squares.
    let gain = gain.clamp(db(-48), db(24));
    let (whole, rest) = (gain.div_euclid(512), gain.rem_euclid(512));
    let mantissa = UNITY + rest * 21 + rest * rest * 22 / 1_024;
    if whole < 0 { mantissa >> whole.unsigned_abs() } else { mantissa << whole.unsigned_abs() }
}

/// What is always there: the least level of the last one and a half to three seconds.
pub struct Floor {
    before: i32,
    now: i32,
    frames: u32,
}

/// Frames of a window, 1.5 s: a speaker breathes in it.
const WINDOW: u32 = 75;

impl Default for Floor {
    fn default() -> Self {
        Self { before: i32::MAX, now: i32::MAX, frames: 0 }
    }
}

impl Floor {
    /// The floor with this frame's level.
    pub fn on_frame(&mut self, level: i32) -> i32 {
        if self.frames >= WINDOW {
            (self.before, self.now, self.frames) = (self.now, i32::MAX, 0);
        }
        self.frames = self.frames.saturating_add(1);
        self.now = self.now.min(level);
        self.now.min(self.before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_logarithms() {
        for power in
            (0..1_000).chain((10..60).flat_map(|bit| [(1u64 << bit) - 1, 1 << bit, (3u64 << bit) / 2]))
        {
            let want = (power.max(1) as f64).log2() * 256.0;
            assert!((f64::from(level(power)) - want).abs() < 4.3, "{power}: {} {want}", level(power));
        }
        // A sine at -18 dBFS.
        let peak = 32_767.0 * 10f64.powf(-18.0 / 20.0);
        let frame: [i16; FRAME] = core::array::from_fn(|n| {
            ((n as f64 * 1_000.0 / 8_000.0 * std::f64::consts::TAU).sin() * peak).round() as i16
        });
        assert!((level(power(&frame)) - dbfs(-18)).abs() < 5);
    }

    #[test]
    fn factors_undo_levels() {
        for decibels in -48..=24 {
            let want = 10f64.powf(f64::from(decibels) / 20.0) * f64::from(UNITY);
            let off = (f64::from(factor(db(decibels))) - want).abs();
            assert!(off < want * 0.005 + 1.0, "{decibels} dB: {} {want}", factor(db(decibels)));
        }
        assert_eq!(factor(0), UNITY);
        assert_eq!((factor(i32::MIN), factor(i32::MAX)), (factor(db(-48)), factor(db(24))));
    }

    #[test]
    fn the_floor_follows_down_at_once_and_up_within_three_seconds() {
        let mut floor = Floor::default();
        assert_eq!(floor.on_frame(900), 900);
        assert_eq!(floor.on_frame(400), 400);
        let levels: Vec<i32> = (0..150).map(|_| floor.on_frame(700)).collect();
        assert_eq!((levels[0], levels[70], levels[149]), (400, 400, 700));
    }
}
