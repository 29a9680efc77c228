//! The limiter behind every gain: nothing is louder than -1 dBFS, and nothing is cut off.
use super::level::UNITY;
use crate::media::FRAME;

/// The loudest sample, -1 dBFS.
pub const CEILING: i32 = 29_200;
/// What is looked at together, 5 ms: shorter than a period of a deep voice, longer than one of its peaks.
const BLOCK: usize = 40;
/// The gain comes back by a hundredth in each block, 0 to full in half a second.
const RELEASE: i32 = UNITY / 100;

/// One direction's limiter.
pub struct Limiter {
    /// In 2^14ths, at most one.
    gain: i32,
}

impl Default for Limiter {
    fn default() -> Self {
        Self { gain: UNITY }
    }
}

/// A sample by a gain in 2^14ths.
pub fn times(sample: i32, gain: i32) -> i32 {
    let product = (i64::from(sample) * i64::from(gain)) >> 14;
    i32::try_from(product).unwrap_or(0)
}

/// The gain at `step` of `steps` between two. No division where there is no way to go: on a router one takes longer than all else.
pub fn between(from: i32, to: i32, step: usize, steps: usize) -> i32 {
    if from == to || step >= steps {
        return to;
    }
    let (step, steps) = (i32::try_from(step).unwrap_or(0), i32::try_from(steps).unwrap_or(1).max(1));
    // Gains are below 2^19, steps at most 160.
    from + (to - from) * step / steps
}

impl Limiter {
    /// These samples would come out as they are.
    #[must_use]
    pub fn is_idle(&self, frame: &[i16; FRAME]) -> bool {
        self.gain == UNITY && frame.iter().all(|sample| i32::from(*sample).abs() <= CEILING)
    }

    /// Samples of more than 16 bits in, of 16 bits out. No sample waits for another: where a peak comes the gain is there in time, because
    /// it falls over the samples of its block that are before it.
    pub fn limit(&mut self, wide: &[i32; FRAME]) -> [i16; FRAME] {
        let mut frame = [0; FRAME];
        for (block, out) in wide.chunks(BLOCK).zip(frame.chunks_mut(BLOCK)) {
            let peak = block.iter().map(|sample| sample.saturating_abs()).max().unwrap_or(0);
            // 29,200 times 2^14 is less than 2^31.
            let bearable = if peak > CEILING { CEILING * UNITY / peak } else { UNITY };
            let from = self.gain;
            let (to, steps) = if bearable < from {
                let over = block.iter().position(|sample| times(sample.saturating_abs(), from) > CEILING);
                (bearable, over.unwrap_or(BLOCK))
            } else {
                (bearable.min(from.saturating_add(RELEASE)), BLOCK)
            };
            for (step, (slot, sample)) in out.iter_mut().zip(block).enumerate() {
                *slot = narrow(times(*sample, between(from, to, step, steps)));
            }
            self.gain = to;
        }
        frame
    }
}

/// What rounding leaves over does not wrap.
fn narrow(sample: i32) -> i16 {
    i16::try_from(sample.clamp(-CEILING, CEILING)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(n: usize, hz: f64, peak: f64) -> i32 {
        ((n as f64 * hz / 8_000.0 * std::f64::consts::TAU).sin() * peak).round() as i32
    }

    fn limited(sound: impl Fn(usize) -> i32, frames: usize) -> Vec<i16> {
        let mut limiter = Limiter::default();
        (0..frames).flat_map(|n| limiter.limit(&core::array::from_fn(|at| sound(n * FRAME + at)))).collect()
    }

    #[test]
    fn what_fits_is_not_touched() {
        let sound = |n: usize| sine(n, 440.0, 29_000.0);
        assert!(limited(sound, 50).iter().enumerate().all(|(n, sample)| i32::from(*sample) == sound(n)));
    }

    #[test]
    fn what_is_too_loud_keeps_its_form() {
        for (hz, peak) in [(150.0, 40_000.0), (440.0, 100_000.0), (1_000.0, 500_000.0), (3_000.0, 60_000.0)] {
            // It is quiet, then at once too loud, in the middle of a block.
            let sound = |n: usize| sine(n, hz, if n < 4_817 { 3_000.0 } else { peak });
            let out = limited(sound, 60);
            assert!(out.iter().all(|sample| i32::from(sample.abs()) <= CEILING), "{hz} {peak}");
            // Behind the first block it is the same sine: what differs from that is 34 dB below it at least.
            let (from, many) = (4_960, out.len() - 4_960);
            let dot: f64 = (from..out.len()).map(|n| f64::from(out[n]) * f64::from(sound(n))).sum();
            let own: f64 = (from..out.len()).map(|n| f64::from(sound(n)).powi(2)).sum();
            let gain = dot / own;
            let power = |of: &dyn Fn(usize) -> f64| {
                (from..out.len()).map(|n| of(n).powi(2)).sum::<f64>() / many as f64
            };
            let (signal, rest) = (
                power(&|n| f64::from(sound(n)) * gain),
                power(&|n| f64::from(out[n]) - f64::from(sound(n)) * gain),
            );
            let distance = 10.0 * (signal / rest).log10();
            assert!(distance > 34.0, "{hz} {peak}: {distance}");
            assert!(signal.sqrt() > 17_000.0, "{hz} {peak}: {}", signal.sqrt());
        }
    }

    #[test]
    fn the_gain_comes_back_in_half_a_second() {
        let sound = |n: usize| sine(n, 440.0, if n < 1_600 { 300_000.0 } else { 8_000.0 });
        let out = limited(sound, 60);
        assert!(out[1_600..1_760].iter().all(|sample| sample.abs() < 1_500));
        assert!((5_760..9_600).all(|n| i32::from(out[n]) == sound(n)));
    }

    #[test]
    fn the_widest_samples_do_not_overflow() {
        let out = limited(|n| [524_272, -524_272, 0, 1][n % 4], 4);
        assert!(out.iter().all(|sample| i32::from(sample.abs()) <= CEILING));
    }
}
