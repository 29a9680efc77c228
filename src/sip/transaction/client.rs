//! The client transaction of all requests but INVITE and ACK. RFC 3261 section 17.1.2.
use super::timers::{GIVE_UP, T1, T2, T4, doubled_to_t2, unless_reliable};
use crate::util::time::Instant;
use std::time::Duration;

/// What the transaction asks for. At most one per input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send the request again.
    Retransmit,
    /// Give the response to the user.
    Deliver,
    TimedOut,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Request sent, nothing heard yet. A reliable transport has no `timer_e`.
    Trying {
        timer_e: Option<Instant>,
        interval: Duration,
        timer_f: Instant,
    },
    /// A provisional response arrived: retransmit every T2.
    Proceeding {
        timer_e: Option<Instant>,
        timer_f: Instant,
    },
    /// Final response delivered; absorb its retransmissions until Timer K.
    Completed {
        timer_k: Instant,
    },
    Terminated,
}

#[derive(Debug)]
pub struct Client {
    state: State,
    reliable: bool,
}

impl Client {
    /// The request has just been sent.
    pub fn new(reliable: bool, now: Instant) -> Self {
        let timer_e = (!reliable).then(|| now + T1);
        Self { state: State::Trying { timer_e, interval: T1, timer_f: now + GIVE_UP }, reliable }
    }

    pub fn handle_response(&mut self, status: u16, now: Instant) -> Option<Action> {
        match self.state {
            State::Trying { timer_e, timer_f, .. } if status < 200 => {
                // Timer E goes on as it was set; the next one is T2 long.
                self.enter(State::Proceeding { timer_e, timer_f });
                Some(Action::Deliver)
            }
            State::Proceeding { .. } if status < 200 => Some(Action::Deliver),
            State::Trying { .. } | State::Proceeding { .. } => {
                self.enter(State::Completed { timer_k: now + unless_reliable(T4, self.reliable) });
                Some(Action::Deliver)
            }
            State::Completed { .. } | State::Terminated => None,
        }
    }

    pub fn handle_timeout(&mut self, now: Instant) -> Option<Action> {
        match self.state {
            State::Trying { timer_f, .. } | State::Proceeding { timer_f, .. } if now >= timer_f => {
                self.enter(State::Terminated);
                Some(Action::TimedOut)
            }
            State::Trying { timer_e: Some(at), interval, timer_f } if now >= at => {
                let interval = doubled_to_t2(interval);
                self.enter(State::Trying { timer_e: Some(now + interval), interval, timer_f });
                Some(Action::Retransmit)
            }
            State::Proceeding { timer_e: Some(at), timer_f } if now >= at => {
                self.enter(State::Proceeding { timer_e: Some(now + T2), timer_f });
                Some(Action::Retransmit)
            }
            State::Completed { timer_k } if now >= timer_k => {
                self.enter(State::Terminated);
                None
            }
            _ => None,
        }
    }

    pub fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Trying { timer_e, timer_f, .. } | State::Proceeding { timer_e, timer_f } => {
                Some(timer_e.map_or(timer_f, |e| e.min(timer_f)))
            }
            State::Completed { timer_k } => Some(timer_k),
            State::Terminated => None,
        }
    }

    /// No final response yet.
    pub const fn is_waiting(&self) -> bool {
        matches!(self.state, State::Trying { .. } | State::Proceeding { .. })
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
        machine: Client,
    }

    impl Ladder {
        fn sent(reliable: bool) -> Self {
            Self { machine: Client::new(reliable, Instant::ZERO) }
        }

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
        for ms in [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500] {
            l.timer(ms, Some(Action::Retransmit));
        }
        l.timer(32_000, Some(Action::TimedOut));
        l.ends();
    }

    #[test]
    fn answered_on_second_try() {
        let mut l = Ladder::sent(false);
        l.timer(500, Some(Action::Retransmit));
        l.recv(700, 200, Some(Action::Deliver));
        l.recv(900, 200, None);
        l.timer(5_700, None);
        l.ends();
    }

    #[test]
    fn a_provisional_answer_slows_the_retransmissions_down() {
        let mut l = Ladder::sent(false);
        l.recv(100, 100, Some(Action::Deliver));
        l.timer(500, Some(Action::Retransmit));
        l.timer(4_500, Some(Action::Retransmit));
        l.timer(8_500, Some(Action::Retransmit));
        l.recv(9_000, 404, Some(Action::Deliver));
        l.timer(14_000, None);
        l.ends();
    }

    #[test]
    fn on_tcp_nothing_is_sent_twice() {
        let mut l = Ladder::sent(true);
        l.timer(32_000, Some(Action::TimedOut));
        l.ends();
        let mut l = Ladder::sent(true);
        l.recv(100, 200, Some(Action::Deliver));
        l.timer(100, None);
        l.ends();
    }
}
