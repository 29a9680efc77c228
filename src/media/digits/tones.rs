//! Keys as sound: the two tones of a key for the stick, where `AT^DTMF` does not work.
use crate::media::FRAME;
use crate::util::limits::TONES_WAITING;
use heapless::Deque;

/// 2 cos(2 pi f / 8000) in 2^14ths for 697, 770, 852, 941, 1209, 1336 and 1477 Hz (ITU-T Q.23).
pub const COEFFICIENTS: [i64; 7] = [27_980, 26_956, 25_701, 24_219, 19_073, 16_325, 13_085];
/// Sin(2 pi f / 8000) in 2^14ths, the second sample of each oscillator.
const SINES: [i64; 7] = [8_528, 9_315, 10_165, 11_036, 13_324, 14_206, 15_021];
/// Keys by low tone, then by high one.
pub const KEYS: [[char; 3]; 4] = [['1', '2', '3'], ['4', '5', '6'], ['7', '8', '9'], ['*', '0', '#']];
/// 120 ms on, 100 ms off.
const ON: u32 = 960;
const OFF: u32 = 800;
/// 4 ms of rise and fall: no click.
const SLOPE: u32 = 32;
/// Each tone at about -10 dBm0 (full scale is +3.14 dBm0).
const LEVEL: i64 = 7_200;

/// One tone by the recurrence y[n] = 2 cos(w) y[n-1] - y[n-2], in 2^14ths.
struct Oscillator {
    coefficient: i64,
    now: i64,
    before: i64,
}

impl Oscillator {
    fn new(tone: usize) -> Self {
        let at = |table: &[i64; 7]| table.get(tone).copied().unwrap_or(0);
        Self { coefficient: at(&COEFFICIENTS), now: at(&SINES) << 14, before: 0 }
    }

    fn next(&mut self) -> i64 {
        let next = ((self.coefficient * self.now) >> 14) - self.before;
        (self.before, self.now) = (self.now, next);
        self.before >> 14
    }
}

struct Sounding {
    low: Oscillator,
    high: Oscillator,
    /// Samples since its begin.
    at: u32,
}

/// The keys that wait to be heard.
#[derive(Default)]
pub struct Tones {
    waiting: Deque<char, TONES_WAITING>,
    sounding: Option<Sounding>,
}

impl Tones {
    /// Queues a key; `false` when it is none or the queue is full.
    pub fn push(&mut self, digit: char) -> bool {
        place(digit).is_some() && self.waiting.push_back(digit).is_ok()
    }

    /// Replaces the frame by the tones as long as there are some; between two keys it is silent.
    pub fn overlay(&mut self, frame: &mut [i16; FRAME]) {
        if self.sounding.is_none() && self.waiting.is_empty() {
            return;
        }
        frame.fill_with(|| self.next());
    }

    fn next(&mut self) -> i16 {
        if self.sounding.as_ref().is_none_or(|tone| tone.at >= ON + OFF) {
            self.sounding = self.waiting.pop_front().and_then(place).map(|(low, high)| Sounding {
                low: Oscillator::new(low),
                high: Oscillator::new(high + 4),
                at: 0,
            });
        }
        let Some(tone) = &mut self.sounding else { return 0 };
        tone.at += 1;
        if tone.at >= ON {
            return 0;
        }
        let slope = i64::from(tone.at.min(ON - tone.at).min(SLOPE));
        let sum = (tone.low.next() + tone.high.next()) * LEVEL / 16_384 * slope / i64::from(SLOPE);
        i16::try_from(sum).unwrap_or(0)
    }
}

/// Row and column of a key.
fn place(digit: char) -> Option<(usize, usize)> {
    KEYS.iter()
        .enumerate()
        .find_map(|(low, row)| row.iter().position(|key| *key == digit).map(|high| (low, high)))
}
