//! How late packets are and how early the stick asks: what the delay must be.
//!
//! A packet's *age* is its arrival minus its timestamp, the buffer's *lag* is a frame's moment minus the timestamp it
//! begins with; both in samples with an arbitrary common zero. A sample is there in time when its packet's age is less than
//! the lag minus the frame (160) that it may stand in. Both slide with the clocks' drift, so only the last seconds count.
use crate::util::time::Instant;
use core::time::Duration;

/// Samples a frame.
const FRAME: i64 = 160;
/// Room beyond the latest packet, 4 ms: the wake-ups of a busy router.
const GUARD: i64 = 32;
/// No packet waits longer than this for its turn, 200 ms.
const MOST: i64 = 1_600;
/// At the start nothing is known of the jitter: 5 ms more.
pub const START: i64 = FRAME + GUARD + 40;
const WINDOWS: usize = 4;
const WINDOW: Duration = Duration::from_secs(2);

#[derive(Clone, Copy)]
struct Window {
    /// The two largest ages: one late packet in two seconds is an accident and sets no delay.
    oldest: [i64; 2],
    youngest: i64,
    /// The least lag.
    lag: i64,
}

const EMPTY: Window = Window { oldest: [i64::MIN; 2], youngest: i64::MAX, lag: i64::MAX };

pub struct Delays {
    windows: [Window; WINDOWS],
    current: usize,
    since: Option<Instant>,
}

impl Default for Delays {
    fn default() -> Self {
        Self { windows: [EMPTY; WINDOWS], current: 0, since: None }
    }
}

impl Delays {
    /// A packet came. Windows turn with packets: a silent sender takes no knowledge away.
    pub fn on_packet(&mut self, age: i64, now: Instant) {
        let since = *self.since.get_or_insert(now);
        if now.since(since) >= WINDOW {
            self.since = Some(now);
            self.current = (self.current + 1) % WINDOWS;
            if let Some(window) = self.windows.get_mut(self.current) {
                *window = EMPTY;
            }
        }
        let Some(window) = self.windows.get_mut(self.current) else { return };
        let [first, second] = window.oldest;
        window.oldest = if age > first { [age, first] } else { [first, second.max(age)] };
        window.youngest = window.youngest.min(age);
    }

    /// The stick asked for a frame.
    pub fn on_frame(&mut self, lag: i64) {
        if let Some(window) = self.windows.get_mut(self.current) {
            window.lag = window.lag.min(lag);
        }
    }

    /// The buffer holds `samples` more than it did (fewer when negative): all lags move.
    pub fn shift(&mut self, samples: i64) {
        for window in self.windows.iter_mut().filter(|window| window.lag != i64::MAX) {
            window.lag = window.lag.saturating_add(samples);
        }
    }

    /// The age of the latest packet that counts.
    #[must_use]
    pub fn oldest(&self) -> Option<i64> {
        let ages =
            |place: usize| self.windows.iter().filter_map(move |window| window.oldest.get(place).copied());
        let known = |age: &i64| *age != i64::MIN;
        ages(1).filter(known).max().or_else(|| ages(0).filter(known).max())
    }

    /// How many samples the buffer holds beyond what it needs; negative when packets come too late for it.
    #[must_use]
    pub fn excess(&self) -> Option<i64> {
        let lag = self.windows.iter().map(|window| window.lag).min().filter(|lag| *lag != i64::MAX)?;
        let youngest = self.windows.iter().map(|window| window.youngest).min()?;
        let wanted = self.oldest()?.saturating_add(FRAME + GUARD);
        Some(lag.saturating_sub(wanted.min(youngest.saturating_add(MOST))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::from_micros(ms * 1_000)
    }

    #[test]
    fn the_delay_follows_the_jitter_up_at_once_and_down_after_eight_seconds() {
        let mut delays = Delays::default();
        let mut excess_at = Vec::new();
        for n in 0..1_000u64 {
            // 30 ms of jitter in the third second.
            let jitter = if (100..150).contains(&n) && n % 3 == 0 { 240 } else { 0 };
            delays.on_packet(jitter, at(20 * n));
            delays.on_frame(FRAME + GUARD);
            excess_at.push(delays.excess().unwrap());
        }
        assert_eq!(excess_at[99], 0);
        assert_eq!(excess_at[105], -240);
        assert_eq!(excess_at[400], -240);
        assert_eq!(excess_at[600], 0);
    }

    #[test]
    fn one_late_packet_changes_nothing_and_a_very_late_one_not_more_than_200_ms() {
        let mut delays = Delays::default();
        for n in 0..50 {
            delays.on_packet(if n == 30 { 500 } else { 0 }, at(20 * n));
            delays.on_frame(FRAME + GUARD);
        }
        assert_eq!(delays.excess(), Some(0));
        delays.on_packet(9_000, at(1_100));
        delays.on_packet(9_000, at(1_101));
        assert_eq!(delays.excess(), Some(FRAME + GUARD - MOST));
        delays.shift(1_000);
        assert_eq!(delays.excess(), Some(FRAME + GUARD - MOST + 1_000));
    }
}
