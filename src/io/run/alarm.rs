//! The loop's one timer.
//!
//! Setting a timer wakes the reactor, and most deadlines of a telephone exchange are put off before they come: retransmissions
//! whose answer is there in a millisecond. So it is set only for what is earlier; what was put off wakes the loop once for nothing.
use crate::io::clock::Clock;
use crate::util::time::Instant;
use smol::Timer;

pub struct Alarm {
    timer: Timer,
    /// When it rings; `None`: not at all.
    at: Option<Instant>,
}

impl Alarm {
    #[must_use]
    pub fn new() -> Self {
        Self { timer: Timer::never(), at: None }
    }

    /// At this time, or earlier.
    pub fn set(&mut self, deadline: Option<Instant>, clock: Clock) {
        let Some(deadline) = deadline else { return };
        if self.at.is_none_or(|at| deadline < at) {
            self.timer.set_at(clock.system(deadline));
            self.at = Some(deadline);
        }
    }

    /// Until it rings.
    pub async fn ring(&mut self) {
        (&mut self.timer).await;
        self.at = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn it_rings_at_the_earliest_and_can_be_set_anew() {
        let clock = Clock::start();
        let mut alarm = Alarm::new();
        let far = clock.now().mono + Duration::from_secs(3_600);
        let near = clock.now().mono + Duration::from_millis(1);
        for deadline in [None, Some(far), Some(near), Some(far), None] {
            alarm.set(deadline, clock);
        }
        assert_eq!(alarm.at, Some(near));
        smol::block_on(alarm.ring());
        assert!(clock.now().mono >= near);
        alarm.set(Some(far), clock);
        assert_eq!(alarm.at, Some(far));
    }
}
