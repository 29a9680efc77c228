//! The INVITE client transaction. RFC 3261 section 17.1.1, with the Accepted state of RFC 6026 section 7.2.
use super::timers::{D, GIVE_UP, T1, unless_reliable};
use crate::util::time::Instant;
use std::time::Duration;

/// What the transaction asks for. At most one per input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send the INVITE again.
    Retransmit,
    /// Give the response to the user.
    Deliver,
    /// Acknowledge the refusal and give it to the user.
    AckAndDeliver,
    /// A refusal came again: its ACK was lost.
    Ack,
    TimedOut,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// INVITE sent, nothing heard yet. A reliable transport has no `timer_a`.
    Calling {
        timer_a: Option<Instant>,
        interval: Duration,
        timer_b: Instant,
    },
    /// A provisional response arrived. How long it may ring is the user's matter.
    Proceeding,
    /// Refused: its retransmissions get their ACK until Timer D.
    Completed {
        timer_d: Instant,
    },
    /// A 2xx arrived: each further one goes to the user until Timer M, for it is the user who acknowledges.
    Accepted {
        timer_m: Instant,
    },
    Terminated,
}

#[derive(Debug)]
pub struct InviteClient {
    state: State,
    reliable: bool,
}

impl InviteClient {
    /// The INVITE has just been sent.
    pub fn new(reliable: bool, now: Instant) -> Self {
        let timer_a = (!reliable).then(|| now + T1);
        Self { state: State::Calling { timer_a, interval: T1, timer_b: now + GIVE_UP }, reliable }
    }

    pub fn handle_response(&mut self, status: u16, now: Instant) -> Option<Action> {
        match (self.state, status) {
            (State::Calling { .. } | State::Proceeding, 100..=199) => {
                self.enter(State::Proceeding);
                Some(Action::Deliver)
            }
            (State::Calling { .. } | State::Proceeding, 200..=299) => {
                self.enter(State::Accepted { timer_m: now + GIVE_UP });
                Some(Action::Deliver)
            }
            (State::Calling { .. } | State::Proceeding, _) => {
                self.enter(State::Completed { timer_d: now + unless_reliable(D, self.reliable) });
                Some(Action::AckAndDeliver)
            }
            (State::Completed { .. }, 300..) => Some(Action::Ack),
            (State::Accepted { .. }, 200..=299) => Some(Action::Deliver),
            (State::Completed { .. } | State::Accepted { .. } | State::Terminated, _) => None,
        }
    }

    pub fn handle_timeout(&mut self, now: Instant) -> Option<Action> {
        match self.state {
            State::Calling { timer_b, .. } if now >= timer_b => {
                self.enter(State::Terminated);
                Some(Action::TimedOut)
            }
            State::Calling { timer_a: Some(at), interval, timer_b } if now >= at => {
                let interval = interval.saturating_mul(2);
                self.enter(State::Calling { timer_a: Some(now + interval), interval, timer_b });
                Some(Action::Retransmit)
            }
            State::Completed { timer_d: at } | State::Accepted { timer_m: at } if now >= at => {
                self.enter(State::Terminated);
                None
            }
            _ => None,
        }
    }

    pub fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Calling { timer_a, timer_b, .. } => Some(timer_a.map_or(timer_b, |a| a.min(timer_b))),
            State::Completed { timer_d: at } | State::Accepted { timer_m: at } => Some(at),
            State::Proceeding | State::Terminated => None,
        }
    }

    /// No final response yet.
    pub const fn is_waiting(&self) -> bool {
        matches!(self.state, State::Calling { .. } | State::Proceeding)
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
        machine: InviteClient,
    }

    impl Ladder {
        fn sent(reliable: bool) -> Self {
            Self { machine: InviteClient::new(reliable, Instant::ZERO) }
        }

        /// The next deadline is this moment, and then this happens.
        fn timer(&mut self, ms: u64, want: Option<Action>) {
            let at = Instant::from_micros(ms * 1_000);
            assert_eq!(self.machine.deadline(), Some(at), "deadline");
            assert_eq!(self.machine.handle_timeout(at), want, "at {ms} ms");
        }

        fn recv(&mut self, ms: u64, status: u16, want: Option<Action>) {
            let at = Instant::from_micros(ms * 1_000);
            assert_eq!(self.machine.handle_response(status, at), want, "{status} at {ms} ms");
        }

        fn ends(&self) {
            assert!(self.machine.is_terminated());
            assert_eq!(self.machine.deadline(), None);
        }
    }

    #[test]
    fn nobody_answers() {
        let mut l = Ladder::sent(false);
        for ms in [500, 1_500, 3_500, 7_500, 15_500, 31_500] {
            l.timer(ms, Some(Action::Retransmit));
        }
        l.timer(32_000, Some(Action::TimedOut));
        l.ends();
    }

    #[test]
    fn nobody_answers_on_tcp() {
        let mut l = Ladder::sent(true);
        l.timer(32_000, Some(Action::TimedOut));
        l.ends();
    }

    #[test]
    fn ringing_stops_the_retransmissions_and_has_no_end() {
        let mut l = Ladder::sent(false);
        l.timer(500, Some(Action::Retransmit));
        l.recv(600, 100, Some(Action::Deliver));
        assert_eq!(l.machine.deadline(), None);
        l.recv(900, 180, Some(Action::Deliver));
        l.recv(90_000, 200, Some(Action::Deliver));
        l.recv(90_500, 200, Some(Action::Deliver));
        l.recv(90_600, 180, None);
        l.recv(90_700, 486, None);
        l.timer(122_000, None);
        l.ends();
    }

    #[test]
    fn a_refusal_is_acknowledged_each_time_it_comes() {
        let mut l = Ladder::sent(false);
        l.recv(100, 486, Some(Action::AckAndDeliver));
        l.recv(600, 486, Some(Action::Ack));
        l.recv(700, 180, None);
        l.recv(800, 200, None);
        l.timer(32_100, None);
        l.ends();
    }

    #[test]
    fn on_tcp_a_refusal_is_the_end() {
        let mut l = Ladder::sent(true);
        l.recv(100, 603, Some(Action::AckAndDeliver));
        l.timer(100, None);
        l.ends();
    }

    #[test]
    fn on_tcp_the_2xx_of_forks_are_still_waited_for() {
        let mut l = Ladder::sent(true);
        l.recv(100, 200, Some(Action::Deliver));
        l.recv(5_000, 200, Some(Action::Deliver));
        l.timer(32_100, None);
        l.ends();
        l.recv(32_200, 200, None);
    }
}
