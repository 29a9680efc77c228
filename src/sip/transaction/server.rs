//! The server transaction of all requests but INVITE and ACK. RFC 3261 section 17.2.2.
use super::timers::{GIVE_UP, unless_reliable};
use crate::util::time::Instant;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing sent yet. At `forget_at` the client's Timer F has run out: nobody waits for an answer any more.
    Trying {
        forget_at: Instant,
    },
    /// A provisional response was sent.
    Proceeding {
        forget_at: Instant,
    },
    /// Answered: retransmissions of the request get the same answer until Timer J.
    Completed {
        timer_j: Instant,
    },
    Terminated,
}

#[derive(Debug)]
pub struct Server {
    state: State,
    reliable: bool,
}

impl Server {
    pub fn new(reliable: bool, now: Instant) -> Self {
        Self { state: State::Trying { forget_at: now + GIVE_UP }, reliable }
    }

    /// The request came again. True: send the last response again.
    pub const fn handle_request(&self) -> bool {
        matches!(self.state, State::Proceeding { .. } | State::Completed { .. })
    }

    /// The user responds; false: too late, not to be sent.
    pub fn respond(&mut self, status: u16, now: Instant) -> bool {
        match self.state {
            State::Trying { forget_at } | State::Proceeding { forget_at } if status < 200 => {
                self.enter(State::Proceeding { forget_at });
                true
            }
            State::Trying { .. } | State::Proceeding { .. } => {
                self.enter(State::Completed { timer_j: now + unless_reliable(GIVE_UP, self.reliable) });
                true
            }
            State::Completed { .. } | State::Terminated => false,
        }
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        if self.deadline().is_some_and(|at| now >= at) {
            self.enter(State::Terminated);
        }
    }

    pub const fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Trying { forget_at: at }
            | State::Proceeding { forget_at: at }
            | State::Completed { timer_j: at } => Some(at),
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

    const fn at(ms: u64) -> Instant {
        Instant::from_micros(ms * 1_000)
    }

    #[test]
    fn a_request_that_comes_again_gets_the_same_answer_until_timer_j() {
        let mut server = Server::new(false, at(0));
        assert!(!server.handle_request(), "nothing to repeat yet");
        assert!(server.respond(100, at(100)));
        assert!(server.handle_request());
        assert!(server.respond(200, at(200)));
        assert!(server.handle_request());
        assert!(!server.respond(404, at(300)), "one final answer");
        assert_eq!(server.deadline(), Some(at(32_200)));
        server.handle_timeout(at(32_199));
        assert!(!server.is_terminated());
        server.handle_timeout(at(32_200));
        assert!(server.is_terminated());
    }

    #[test]
    fn on_tcp_the_answer_is_the_end() {
        let mut server = Server::new(true, at(0));
        assert!(server.respond(200, at(200)));
        assert_eq!(server.deadline(), Some(at(200)));
        server.handle_timeout(at(200));
        assert!(server.is_terminated());
    }

    #[test]
    fn a_user_who_never_answers_leaves_nothing() {
        let mut server = Server::new(false, at(0));
        assert_eq!(server.deadline(), Some(at(32_000)));
        server.handle_timeout(at(32_000));
        assert!(server.is_terminated());
        assert!(!server.respond(200, at(32_001)));
    }
}
