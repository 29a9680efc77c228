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
/// The low tone at -9 dBFS, the high one 2 dB louder: the way of the line weakens it more (Q.23 allows 4 dB). Together they stay
/// below full scale.
const LOW_LEVEL: i64 = 11_600;
const HIGH_LEVEL: i64 = 14_600;

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

/// The sound of a key as long as it is down, from silence on.
pub struct Tone {
    low: Oscillator,
    high: Oscillator,
    /// Samples since its begin, up to the end of its rise.
    at: i64,
}

impl Tone {
    /// What is no key sounds like `1`.
    #[must_use]
    pub fn new(digit: char) -> Self {
        let (low, high) = place(digit).unwrap_or((0, 0));
        Self { low: Oscillator::new(low), high: Oscillator::new(high.saturating_add(4)), at: 0 }
    }

    pub fn sample(&mut self) -> i16 {
        let slope = i64::from(SLOPE);
        self.at = self.at.saturating_add(1).min(slope);
        let sum = (self.low.next() * LOW_LEVEL + self.high.next() * HIGH_LEVEL) / 16_384 * self.at / slope;
        i16::try_from(sum).unwrap_or(if sum < 0 { i16::MIN } else { i16::MAX })
    }
}

impl Tone {
    /// The same in its last packet: `left` samples come behind it.
    pub fn last(&mut self, left: usize) -> i16 {
        let slope = i32::try_from(SLOPE).unwrap_or(1);
        let fall = i32::try_from(left).unwrap_or(slope).min(slope);
        i16::try_from(i32::from(self.sample()) * fall / slope).unwrap_or(0)
    }
}

struct Sounding {
    tone: Tone,
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
        if self.sounding.as_ref().is_none_or(|sounding| sounding.at >= ON + OFF) {
            let digit = self.waiting.pop_front();
            self.sounding = digit.map(|digit| Sounding { tone: Tone::new(digit), at: 0 });
        }
        let Some(Sounding { tone, at }) = &mut self.sounding else { return 0 };
        *at += 1;
        let left = ON.saturating_sub(*at);
        if left == 0 {
            return 0;
        }
        let fall = i32::try_from(left.min(SLOPE)).unwrap_or(0);
        let sound = i32::from(tone.sample()) * fall / i32::try_from(SLOPE).unwrap_or(1);
        i16::try_from(sound).unwrap_or(0)
    }
}

/// Row and column of a key.
fn place(digit: char) -> Option<(usize, usize)> {
    KEYS.iter()
        .enumerate()
        .find_map(|(low, row)| row.iter().position(|key| *key == digit).map(|high| (low, high)))
}
