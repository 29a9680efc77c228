//! Timers: numbers in a heap; the next one is how long `epoll_wait` may take. Setting one is no system call.
use super::{Core, HERE};
use crate::util::pool::Pool;
use crate::util::time::Instant;
use nix::sys::epoll::EpollTimeout;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

#[derive(Default)]
pub struct Sleeper {
    waker: Option<Waker>,
    has_rung: bool,
}

/// All timers of a thread.
pub type Sleepers = Pool<Sleeper>;

/// Done when its time has come, not earlier and at most a millisecond later; then it waits for the next `set`.
pub struct Timer {
    key: u64,
}

impl Timer {
    /// One that is not set.
    #[must_use]
    pub fn never() -> Self {
        let key = HERE.try_with(|core| core.sleepers.borrow_mut().insert(Sleeper::default()));
        Self { key: key.unwrap_or_default() }
    }

    #[must_use]
    pub fn after(wait: Duration) -> Self {
        let timer = Self::never();
        let _ = HERE.try_with(|core| {
            let at = core.clock.mono() + wait;
            core.sleepers.borrow_mut().set_timer(timer.key, Some(at));
        });
        timer
    }

    /// Anew; `None`: not at all.
    pub fn set(&mut self, at: Option<std::time::Instant>) {
        let _ = HERE.try_with(|core| {
            let at = at.map(|at| core.clock.of_system(at));
            let mut sleepers = core.sleepers.borrow_mut();
            sleepers.set_timer(self.key, at);
            if let Some(sleeper) = sleepers.get_mut(self.key) {
                sleeper.has_rung = false;
            }
        });
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        let _ = HERE.try_with(|core| core.sleepers.borrow_mut().remove(self.key));
    }
}

impl Future for Timer {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let poll = HERE.try_with(|core| {
            let mut sleepers = core.sleepers.borrow_mut();
            let Some(sleeper) = sleepers.get_mut(self.key) else { return Poll::Pending };
            if std::mem::take(&mut sleeper.has_rung) {
                return Poll::Ready(());
            }
            if sleeper.waker.as_ref().is_none_or(|waker| !waker.will_wake(context.waker())) {
                sleeper.waker = Some(context.waker().clone());
            }
            Poll::Pending
        });
        poll.unwrap_or(Poll::Pending)
    }
}

impl Core {
    /// How long the loop may wait: whole milliseconds, rounded up, so that no timer is looked at in vain.
    pub(super) fn patience(&self) -> EpollTimeout {
        let Some(next) = self.sleepers.borrow().next_timer() else { return EpollTimeout::NONE };
        wait(next, self.clock.mono())
    }

    /// Wake those whose time has come.
    pub(super) fn ring(&self) {
        let mut sleepers = self.sleepers.borrow_mut();
        if sleepers.next_timer().is_none() {
            return;
        }
        let now = self.clock.mono();
        while let Some(key) = sleepers.pop_timer(now) {
            if let Some(sleeper) = sleepers.get_mut(key) {
                sleeper.has_rung = true;
                if let Some(waker) = sleeper.waker.take() {
                    waker.wake();
                }
            }
        }
    }
}

/// From `now` to `at`; at most 24 days, after which it is asked again.
fn wait(at: Instant, now: Instant) -> EpollTimeout {
    let micros = at.as_micros().saturating_sub(now.as_micros());
    i32::try_from(micros.div_ceil(1_000)).ok().and_then(|ms| ms.try_into().ok()).unwrap_or(EpollTimeout::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_rounded_up() {
        let at = Instant::from_micros;
        for (due, now, ms) in [(5, 5, 0), (5, 6, 0), (1_001, 1_000, 1), (2_000, 1_000, 1), (2_001, 1_000, 2)]
        {
            assert_eq!(wait(at(due), at(now)), EpollTimeout::from(ms as u16), "{due} at {now}");
        }
        assert_eq!(wait(at(u64::MAX), at(0)), EpollTimeout::MAX);
    }
}
