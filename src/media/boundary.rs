//! Whether the sample boundary was lost. One byte that a serial port drops makes noise of everything after it (DONGLE 3.7): the
//! bytes still come, but each sample is the high byte of one and the low byte of the next.
//!
//! Speech goes in small steps from sample to sample, the wrong reading of it does not. So both readings of each frame are compared.
use super::FRAME_BYTES;

/// Frames in which the other reading is far smoother before it is believed: 100 ms. One frame may be a click.
const FRAMES: u8 = 5;
/// "Far smoother": so many times.
const SMOOTHER: u32 = 8;
/// Steps, summed over a frame, below which nothing is to be told: silence reads the same both ways.
const AUDIBLE: u32 = 8_000;

/// Watches one voice port.
#[derive(Debug, Default)]
pub struct Boundary {
    suspicious: u8,
}

impl Boundary {
    /// Looks at a frame as it was read. True: the boundary lies one byte further.
    pub fn is_lost(&mut self, bytes: &[u8; FRAME_BYTES]) -> bool {
        let read = steps(bytes);
        let other = steps(bytes.get(1..).unwrap_or_default());
        if read < AUDIBLE && other < AUDIBLE {
            return false;
        }
        if read / SMOOTHER > other && !has_one_low_byte(bytes) {
            self.suspicious = self.suspicious.saturating_add(1);
        } else if read <= other {
            self.suspicious = 0;
        }
        if self.suspicious < FRAMES {
            return false;
        }
        self.suspicious = 0;
        true
    }
}

/// How far it is from each sample to the next, summed up. At most 159 * 65535.
fn steps(bytes: &[u8]) -> u32 {
    let mut sum = 0_u32;
    let mut last: Option<i16> = None;
    for pair in bytes.as_chunks::<2>().0 {
        let sample = i16::from_le_bytes(*pair);
        if let Some(last) = last {
            sum = sum.saturating_add(u32::from(last.abs_diff(sample)));
        }
        last = Some(sample);
    }
    sum
}

/// Coarse samples, all multiples of 256: read one byte off they look smooth, and are right as they are.
fn has_one_low_byte(bytes: &[u8; FRAME_BYTES]) -> bool {
    let mut low = bytes.as_chunks::<2>().0.iter().map(|[low, _]| *low);
    let first = low.next();
    low.all(|byte| Some(byte) == first)
}

#[cfg(test)]
mod tests {
    use super::super::FRAME;
    use super::super::voice::VoiceBytes;

    /// A tone of `hz` with this peak, as bytes of the port.
    fn tone(hz: f64, peak: f64, frames: usize) -> Vec<u8> {
        let sample = |n: usize| peak * (n as f64 * hz / 8_000.0 * std::f64::consts::TAU).sin();
        (0..frames * FRAME).flat_map(|n| (sample(n).round() as i16).to_le_bytes()).collect()
    }

    /// Frames out of bytes, and how often the boundary was moved.
    fn read(bytes: &[u8]) -> (Vec<[i16; FRAME]>, u64) {
        let mut port = VoiceBytes::default();
        let mut rest = bytes;
        let frames = std::iter::from_fn(|| port.next_frame(&mut rest)).collect();
        (frames, port.realigned())
    }

    #[test]
    fn after_a_lost_byte_sound_comes_back_within_120_ms() {
        for (hz, peak) in [(440.0, 10_000.0), (440.0, 900.0), (150.0, 25_000.0), (1_020.0, 3_000.0)] {
            let mut bytes = tone(hz, peak, 50);
            bytes.remove(10 * 320 + 77);
            let (frames, realigned) = read(&bytes);
            assert_eq!(realigned, 1, "{hz} Hz, {peak}");
            for frame in frames.iter().skip(17) {
                assert!(frame.iter().all(|s| f64::from(s.unsigned_abs()) <= peak + 1.0), "{hz} Hz, {peak}");
            }
        }
    }

    #[test]
    fn what_is_right_stays() {
        let coarse: Vec<u8> =
            tone(440.0, 20_000.0, 100).as_chunks::<2>().0.iter().flat_map(|[_, h]| [0, *h]).collect();
        let mut seed = 1_u32;
        let mut noise = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 24) as u8
        };
        let noise: Vec<u8> = (0..100 * 320).map(|_| noise()).collect();
        for (what, bytes) in [
            ("loud and high", tone(3_400.0, 32_000.0, 100)),
            ("low", tone(100.0, 30_000.0, 100)),
            ("quiet", tone(440.0, 60.0, 100)),
            ("silence", vec![0; 100 * 320]),
            ("least noise", [0_u8, 0, 1, 0, 255, 255].repeat(5_400)),
            ("noise", noise),
            ("coarse", coarse),
        ] {
            assert_eq!(read(&bytes).1, 0, "{what}");
        }
    }
}
