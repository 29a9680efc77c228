//! The INVITE server transaction. RFC 3261 section 17.2.1, with the Accepted state of RFC 6026 section 7.1.
use super::timers::{GIVE_UP, T1, T4, doubled_to_t2, unless_reliable};
use crate::util::time::Instant;
use std::time::Duration;

/// How long the user may think before 100 goes out. RFC 3261 section 17.2.1.
const TRYING_AFTER: Duration = Duration::from_millis(200);

/// What the transaction asks for. At most one per input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The user has said nothing yet: send 100.
    SendTrying,
    /// Send the last response again.
    Retransmit,
    /// Nobody acknowledged our refusal.
    TimedOut,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// No final response yet; `trying_at` until a provisional one was sent.
    Proceeding {
        trying_at: Option<Instant>,
    },
    /// Refused, and waiting for the ACK. A reliable transport has no `timer_g`.
    Completed {
        timer_g: Option<Instant>,
        interval: Duration,
        timer_h: Instant,
    },
    /// The ACK came: absorb further ones until Timer I.
    Confirmed {
        timer_i: Instant,
    },
    /// A 2xx was sent, which its user sends again: absorb retransmissions of INVITE until Timer L.
    Accepted {
        timer_l: Instant,
    },
    Terminated,
}

#[derive(Debug)]
pub struct InviteServer {
    state: State,
    reliable: bool,
}

impl InviteServer {
    pub fn new(reliable: bool, now: Instant) -> Self {
        Self { state: State::Proceeding { trying_at: Some(now + TRYING_AFTER) }, reliable }
    }

    /// The INVITE came again.
    pub fn handle_request(&mut self) -> Option<Action> {
        match self.state {
            State::Proceeding { trying_at: Some(_) } => {
                self.enter(State::Proceeding { trying_at: None });
                Some(Action::SendTrying)
            }
            State::Proceeding { trying_at: None } | State::Completed { .. } => Some(Action::Retransmit),
            State::Confirmed { .. } | State::Accepted { .. } | State::Terminated => None,
        }
    }

    /// True: the ACK is that for a refusal, and is absorbed. False: it is for a 2xx, the user's matter.
    pub fn handle_ack(&mut self, now: Instant) -> bool {
        match self.state {
            State::Completed { .. } => {
                self.enter(State::Confirmed { timer_i: now + unless_reliable(T4, self.reliable) });
                true
            }
            State::Confirmed { .. } => true,
            State::Proceeding { .. } | State::Accepted { .. } | State::Terminated => false,
        }
    }

    /// The user responds; false: too late, not to be sent. RFC 6026: the user's retransmissions of a 2xx pass.
    pub fn respond(&mut self, status: u16, now: Instant) -> bool {
        match (self.state, status) {
            (State::Proceeding { .. }, 100..=199) => self.enter(State::Proceeding { trying_at: None }),
            (State::Proceeding { .. }, 200..=299) => {
                self.enter(State::Accepted { timer_l: now + GIVE_UP });
            }
            (State::Proceeding { .. }, _) => {
                let timer_g = (!self.reliable).then(|| now + T1);
                self.enter(State::Completed { timer_g, interval: T1, timer_h: now + GIVE_UP });
            }
            (State::Accepted { .. }, 200..=299) => {}
            _ => return false,
        }
        true
    }

    pub fn handle_timeout(&mut self, now: Instant) -> Option<Action> {
        match self.state {
            State::Proceeding { trying_at: Some(at) } if now >= at => {
                self.enter(State::Proceeding { trying_at: None });
                Some(Action::SendTrying)
            }
            State::Completed { timer_h, .. } if now >= timer_h => {
                self.enter(State::Terminated);
                Some(Action::TimedOut)
            }
            State::Completed { timer_g: Some(at), interval, timer_h } if now >= at => {
                let interval = doubled_to_t2(interval);
                self.enter(State::Completed { timer_g: Some(now + interval), interval, timer_h });
                Some(Action::Retransmit)
            }
            State::Confirmed { timer_i: at } | State::Accepted { timer_l: at } if now >= at => {
                self.enter(State::Terminated);
                None
            }
            _ => None,
        }
    }

    pub fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Proceeding { trying_at } => trying_at,
            State::Completed { timer_g, timer_h, .. } => Some(timer_g.map_or(timer_h, |g| g.min(timer_h))),
            State::Confirmed { timer_i: at } | State::Accepted { timer_l: at } => Some(at),
            State::Terminated => None,
        }
    }

    /// No final response yet.
    pub const fn is_waiting(&self) -> bool {
        matches!(self.state, State::Proceeding { .. })
    }

    pub const fn is_terminated(&self) -> bool {
        matches!(self.state, State::Terminated)
    }

    fn enter(&mut self, state: State) {
        self.state = state;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Ladder {
        machine: InviteServer,
    }

    impl Ladder {
        fn invited(reliable: bool) -> Self {
            Self { machine: InviteServer::new(reliable, Instant::ZERO) }
        }

        fn timer(&mut self, ms: u64, want: Option<Action>) {
            let at = Instant::from_micros(ms * 1_000);
            assert_eq!(self.machine.deadline(), Some(at), "deadline");
            assert_eq!(self.machine.handle_timeout(at), want, "at {ms} ms");
        }

        fn respond(&mut self, ms: u64, status: u16, goes_out: bool) {
            assert_eq!(self.machine.respond(status, Instant::from_micros(ms * 1_000)), goes_out, "{status}");
        }

        fn ack(&mut self, ms: u64, absorbed: bool) {
            assert_eq!(self.machine.handle_ack(Instant::from_micros(ms * 1_000)), absorbed, "ACK at {ms} ms");
        }

        fn invite(&mut self, want: Option<Action>) {
            assert_eq!(self.machine.handle_request(), want);
        }

        fn ends(&self) {
            assert!(self.machine.is_terminated());
            assert_eq!(self.machine.deadline(), None);
        }
    }

    #[test]
    fn a_slow_user_gets_100_before_him() {
        let mut l = Ladder::invited(false);
        l.timer(200, Some(Action::SendTrying));
        assert_eq!(l.machine.deadline(), None);
        l.invite(Some(Action::Retransmit));
        l.respond(1_000, 180, true);
        l.invite(Some(Action::Retransmit));
    }

    #[test]
    fn an_invite_that_comes_again_at_once_gets_100_at_once() {
        let mut l = Ladder::invited(false);
        l.invite(Some(Action::SendTrying));
        assert_eq!(l.machine.deadline(), None);
    }

    #[test]
    fn a_refusal_is_repeated_until_its_ack() {
        let mut l = Ladder::invited(false);
        l.respond(0, 486, true);
        l.timer(500, Some(Action::Retransmit));
        l.invite(Some(Action::Retransmit));
        l.timer(1_500, Some(Action::Retransmit));
        l.timer(3_500, Some(Action::Retransmit));
        l.timer(7_500, Some(Action::Retransmit));
        l.timer(11_500, Some(Action::Retransmit));
        l.ack(12_000, true);
        l.ack(12_100, true);
        l.invite(None);
        l.timer(17_000, None);
        l.ends();
    }

    #[test]
    fn a_refusal_that_nobody_acknowledges() {
        let mut l = Ladder::invited(false);
        l.respond(0, 486, true);
        for ms in [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500] {
            l.timer(ms, Some(Action::Retransmit));
        }
        l.timer(32_000, Some(Action::TimedOut));
        l.ends();
    }

    #[test]
    fn on_tcp_a_refusal_goes_out_once() {
        let mut l = Ladder::invited(true);
        l.respond(0, 486, true);
        assert_eq!(l.machine.deadline(), Some(Instant::from_micros(32_000_000)));
        l.ack(100, true);
        l.timer(100, None);
        l.ends();
    }

    #[test]
    fn after_a_2xx_its_user_sends_it_again_and_takes_the_ack() {
        let mut l = Ladder::invited(false);
        l.respond(0, 200, true);
        l.invite(None);
        l.respond(500, 200, true);
        l.respond(600, 486, false);
        l.respond(600, 180, false);
        l.ack(700, false);
        l.timer(32_000, None);
        l.ends();
        l.respond(32_100, 200, false);
    }
}
