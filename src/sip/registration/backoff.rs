//! When to try again, for ever: nobody restarts a router because a provider was down.
use super::{Failure, Registration, State, Step};
use crate::util::time::Instant;
use std::time::Duration;

const FIRST: Duration = Duration::from_secs(30);
const LONGEST: Duration = Duration::from_secs(300);
/// A `Retry-After` beyond it is not believed.
const LONGEST_ASKED: u64 = 3_600;

impl Registration {
    /// `wait`: what the provider asked for.
    pub(super) fn fail(&mut self, failure: Failure, wait: Duration, now: Instant) {
        if self.state == State::Leaving {
            return self.leave();
        }
        let until = self.registered_until().filter(|until| *until > now);
        let least = if failure.is_for_good() { LONGEST } else { self.doubling() };
        let wait = wait.min(Duration::from_secs(LONGEST_ASKED)).max(least);
        // Up to a fifth more, so that a provider that comes back is not met by everybody at once.
        let fifth = u32::try_from(wait.as_millis() / 5).unwrap_or(u32::MAX);
        let retry_at = now + wait + Duration::from_millis(u64::from(self.random.below(fifth)));
        self.failures = self.failures.saturating_add(1);
        self.step = Step::Due { at: retry_at };
        self.enter(State::Failed { failure, retry_at, until });
    }

    /// 30, 60, 120, 240 and then 300 seconds.
    fn doubling(&self) -> Duration {
        FIRST.saturating_mul(1 << self.failures.min(8)).min(LONGEST)
    }
}
