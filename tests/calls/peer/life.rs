//! What happens to a peer over weeks: it is switched off, its connection ends, it forgets what is long over.
use super::{GIVE_UP, Peer, T1};

/// Answers that may be asked for again.
const SERVED: usize = 64;

impl Peer {
    /// Its power was gone for a moment: it knows of no call and no request any more, and tells nobody.
    pub fn reboot(&mut self) {
        self.boots += 1;
        self.forgotten += self.talks.len();
        self.talks.clear();
        self.clients.clear();
        self.finals.clear();
        self.decisions.clear();
        self.served.clear();
        self.outbox.clear();
        (self.requests, self.responses) = (Vec::new(), Vec::new());
    }

    /// What was under way over its connection gets no answer; its calls live on.
    pub fn connection_lost(&mut self) {
        for client in self.clients.iter_mut().filter(|c| !c.done) {
            client.done = true;
            if let Some(talk) = client.talk.filter(|_| client.msg.method() == "INVITE") {
                self.talks[talk].over("connection lost", "");
            }
        }
    }

    /// Forgets requests that were answered long ago.
    pub fn tidy(&mut self, now: u64) {
        self.clients.retain(|c| !c.done || c.began + GIVE_UP + 64 * T1 > now);
        let old = self.served.len().saturating_sub(SERVED);
        self.served.drain(..old);
        (self.requests, self.responses) = (Vec::new(), Vec::new());
    }

    /// Nobody is in a call: they are forgotten too.
    pub fn new_day(&mut self, now: u64) {
        self.tidy(now);
        self.clients.retain(|c| !c.done);
        assert!(self.talks.iter().all(super::Talk::is_over), "{} is still in a call", self.name);
        assert!(self.finals.is_empty(), "{} waits for an ACK", self.name);
        self.forgotten += self.talks.len();
        self.talks.clear();
        self.decisions.clear();
    }
}
