//! Tones to send, one by one.
use crate::util::limits::DTMF_WAITING;
use crate::util::time::Instant;
use std::time::Duration;

/// From one command to the next, DONGLE 3.6: closer ones run together.
const APART: Duration = Duration::from_millis(200);

/// The queue of `AT^DTMF`.
#[derive(Debug, Default)]
pub struct Digits {
    waiting: heapless::Deque<char, DTMF_WAITING>,
    /// The last one is still sounding.
    pause_until: Option<Instant>,
    /// `AT^DTMF` is not there, or its answer never comes: not asked again until the stick is opened anew.
    pub dead: bool,
}

impl Digits {
    /// # Errors
    /// The digit, when the stick can't send it.
    pub fn push(&mut self, digit: char) -> Result<(), char> {
        // A to D are accepted by the stick, and another tone is sent.
        if self.dead || !(digit.is_ascii_digit() || matches!(digit, '*' | '#')) {
            return Err(digit);
        }
        self.waiting.push_back(digit)
    }

    /// The next digit to send now.
    pub fn take(&mut self) -> Option<char> {
        if self.pause_until.is_some() { None } else { self.waiting.pop_front() }
    }

    /// A digit went to the stick, or its answer came.
    pub fn pause(&mut self, now: Instant) {
        self.pause_until = Some(now + APART);
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        if self.pause_until.is_some_and(|until| now >= until) {
            self.pause_until = None;
        }
    }

    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Instant> {
        self.pause_until
    }

    pub fn clear(&mut self) {
        self.waiting.clear();
        self.pause_until = None;
    }

    /// What still waits, when the stick turns out not to send tones.
    pub fn give_up(&mut self) -> Option<char> {
        self.waiting.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apart_bounded_and_only_real_digits() {
        let mut d = Digits::default();
        assert_eq!(d.push('A'), Err('A'));
        for _ in 0..DTMF_WAITING {
            assert_eq!(d.push('5'), Ok(()));
        }
        assert_eq!(d.push('6'), Err('6'));
        assert_eq!(d.take(), Some('5'));
        d.pause(Instant::ZERO);
        assert_eq!(d.take(), None);
        d.handle_timeout(Instant::from_micros(199_999));
        assert_eq!(d.take(), None);
        d.handle_timeout(Instant::from_micros(200_000));
        assert_eq!(d.take(), Some('5'));
    }
}
