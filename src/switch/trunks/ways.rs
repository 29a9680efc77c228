//! The servers behind a trunk's name, best first, and which of them were dead a moment ago. RFC 3263 section 4.3.
use crate::switch::net::Way;
use crate::util::limits::HOST_ADDRESSES;
use crate::util::time::Instant;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Who did not answer is left alone so long, while there are others.
const DEAD: Duration = Duration::from_secs(300);

#[derive(Debug, Default)]
pub(super) struct Ways {
    all: Vec<Way>,
    /// The one in use.
    current: Option<Way>,
    dead: Vec<(SocketAddr, Instant)>,
}

impl Ways {
    /// The name was looked up anew.
    pub fn set(&mut self, ways: &[Way], now: Instant) {
        self.all = ways.to_vec();
        self.dead.retain(|(at, until)| *until > now && ways.iter().any(|way| way.remote == *at));
    }

    /// All addresses of the name: calls from them are its.
    pub fn has(&self, peer: IpAddr) -> bool {
        self.all.iter().any(|way| way.remote.ip().to_canonical() == peer)
    }

    /// Our own address on the way there may be another one now.
    fn is_current(&self, way: &Way) -> bool {
        self.current.is_some_and(|c| (c.transport, c.remote) == (way.transport, way.remote))
    }

    fn is_alive(&self, way: &Way, now: Instant) -> bool {
        !self.dead.iter().any(|(at, until)| *at == way.remote && *until > now)
    }

    /// The server in use as long as the name leads to it and it answers: a registration holds at one server, and so does the
    /// pinhole of a NAT. Else the best that is not dead; if all are, the one that has been so for the longest time.
    pub fn choose(&mut self, now: Instant) -> Option<Way> {
        let stays = |way: &&Way| self.is_current(way) && self.is_alive(way, now);
        let alive = self.all.iter().find(stays).or_else(|| self.all.iter().find(|w| self.is_alive(w, now)));
        let first_dead = || {
            let oldest = self.dead.iter().min_by_key(|(_, until)| *until)?;
            self.all.iter().find(|way| way.remote == oldest.0)
        };
        self.current = alive.or_else(first_dead).or(self.all.first()).copied();
        self.current
    }

    /// The server in use did not answer. True: there is another.
    pub fn fail(&mut self, now: Instant) -> bool {
        if let Some(way) = self.current.take() {
            self.dead.retain(|(at, _)| *at != way.remote);
            if self.dead.len() >= HOST_ADDRESSES {
                self.dead.remove(0);
            }
            self.dead.push((way.remote, now + DEAD));
        }
        self.all.iter().any(|way| self.is_alive(way, now))
    }

    /// A server beside the one in use that is not dead.
    pub fn has_another(&self, now: Instant) -> bool {
        self.all.iter().any(|way| !self.is_current(way) && self.is_alive(way, now))
    }

    /// The server in use answered.
    pub fn note_alive(&mut self) {
        if let Some(way) = self.current {
            self.dead.retain(|(at, _)| *at != way.remote);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::Transport;

    fn way(last: u8) -> Way {
        let remote = SocketAddr::new([192, 0, 2, last].into(), 5060);
        Way { transport: Transport::Udp, remote, local: [192, 0, 2, 1].into() }
    }

    const fn at(seconds: u64) -> Instant {
        Instant::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn one_after_the_other_and_back() {
        let mut ways = Ways::default();
        assert_eq!(ways.choose(at(0)), None);
        ways.set(&[way(10), way(11), way(12)], at(0));
        assert_eq!(ways.choose(at(0)), Some(way(10)));
        assert!(ways.fail(at(10)));
        assert_eq!(ways.choose(at(10)), Some(way(11)));
        // It stays there when the first one could be tried again, and wherever it stands in the next answer.
        ways.set(&[way(10), way(12), way(11)], at(400));
        assert_eq!(ways.choose(at(400)), Some(way(11)));
        assert!(ways.fail(at(401)));
        assert_eq!(ways.choose(at(401)), Some(way(10)));
        assert!(ways.fail(at(402)));
        assert_eq!(ways.choose(at(402)), Some(way(12)));
        assert!(!ways.fail(at(403)), "all are dead");
        assert_eq!(ways.choose(at(403)), Some(way(11)), "the one that has been so for the longest time");
        assert!(ways.fail(at(702)), "the dead list ends after five minutes");
        assert_eq!(ways.choose(at(702)), Some(way(10)));
        assert!(ways.has([192, 0, 2, 12].into()) && !ways.has([192, 0, 2, 13].into()));
        // The name leads elsewhere now.
        ways.set(&[way(20)], at(703));
        assert_eq!(ways.choose(at(703)), Some(way(20)));
    }
}
