//! Where the peer's packets come from, and where ours go: symmetric RTP without answering strangers.
//!
//! The signalled address is believed at once. Another address is believed after it sent four packets in a row over
//! 60 ms: the same host with another port always, any host only where the peer is known to sit behind NAT, and only
//! in the first seconds. Then it is locked: a stranger who sprays packets gets nothing.
use crate::util::time::Instant;
use core::net::SocketAddr;
use core::time::Duration;
use heapless::Vec;

/// Any address may be learnt this long after the signalling.
pub const LEARN_WINDOW: Duration = Duration::from_secs(5);
/// A locked peer that is silent this long may move to another port of its host.
pub const MOVE_AFTER: Duration = Duration::from_secs(3);
const IN_A_ROW: u32 = 4;
const PROVEN_AFTER: Duration = Duration::from_millis(60);
/// Sources that are watched at once; while all places are taken a further one waits.
const CANDIDATES: usize = 4;
/// A candidate that pauses this long gives its place away.
const CANDIDATE_GONE: Duration = Duration::from_millis(500);

/// A source on its way to be believed.
struct Candidate {
    from: SocketAddr,
    ssrc: u32,
    sequence: u16,
    in_a_row: u32,
    first_at: Instant,
    last_at: Instant,
}

/// The address of one peer.
pub struct Latch {
    expected: SocketAddr,
    /// The peer is behind NAT: its signalled address may be wrong altogether.
    symmetric: bool,
    learn_until: Instant,
    locked: Option<SocketAddr>,
    last_at: Instant,
    expected_host_heard: bool,
    candidates: Vec<Candidate, CANDIDATES>,
}

impl Latch {
    #[must_use]
    pub fn new(expected: SocketAddr, symmetric: bool, now: Instant) -> Self {
        let learn_until = now + LEARN_WINDOW;
        let candidates = Vec::new();
        Self {
            expected,
            symmetric,
            learn_until,
            locked: None,
            last_at: now,
            expected_host_heard: false,
            candidates,
        }
    }

    /// A new offer or answer: another address starts anew, the same one keeps what was learnt.
    pub fn renew(&mut self, expected: SocketAddr, symmetric: bool, now: Instant) {
        if self.expected != expected {
            *self = Self::new(expected, symmetric, now);
            return;
        }
        self.symmetric = symmetric;
        self.learn_until = now + LEARN_WINDOW;
    }

    /// Where to send.
    #[must_use]
    pub fn target(&self) -> SocketAddr {
        self.locked.unwrap_or(self.expected)
    }

    #[must_use]
    pub const fn locked(&self) -> Option<SocketAddr> {
        self.locked
    }

    /// Whether a packet with this sequence number and SSRC is the peer's.
    pub fn accept(&mut self, from: SocketAddr, sequence: u16, ssrc: u32, now: Instant) -> bool {
        match self.locked {
            Some(locked) if locked == from => {
                self.last_at = now;
                return true;
            }
            Some(locked) if now.since(self.last_at) < MOVE_AFTER || from.ip() != locked.ip() => return false,
            Some(_) => {}
            None if from.ip() == self.expected.ip() => self.expected_host_heard = true,
            None if !self.may_learn(now) => return false,
            None => {}
        }
        let proven = self.prove(from, sequence, ssrc, now);
        if proven {
            self.locked = Some(from);
            self.last_at = now;
            self.candidates.clear();
        }
        proven || (self.locked.is_none() && from == self.expected)
    }

    /// A foreign host gets its chance only while the signalled one is silent.
    fn may_learn(&self, now: Instant) -> bool {
        self.symmetric && now < self.learn_until && !self.expected_host_heard
    }

    fn prove(&mut self, from: SocketAddr, sequence: u16, ssrc: u32, now: Instant) -> bool {
        self.candidates.retain(|c| now.since(c.last_at) < CANDIDATE_GONE);
        let Some(candidate) = self.candidates.iter_mut().find(|c| c.from == from) else {
            let new = Candidate { from, ssrc, sequence, in_a_row: 1, first_at: now, last_at: now };
            // No place: it tries again with its next packet.
            drop(self.candidates.push(new));
            return false;
        };
        let next = candidate.sequence.wrapping_add(1) == sequence && candidate.ssrc == ssrc;
        if next {
            candidate.in_a_row = candidate.in_a_row.saturating_add(1);
        } else if candidate.sequence != sequence {
            candidate.in_a_row = 1;
            candidate.first_at = now;
        }
        (candidate.sequence, candidate.ssrc, candidate.last_at) = (sequence, ssrc, now);
        candidate.in_a_row >= IN_A_ROW && now.since(candidate.first_at) >= PROVEN_AFTER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNALLED: &str = "192.0.2.1:4000";
    const SAME_HOST: &str = "192.0.2.1:5555";
    const FOREIGN: &str = "203.0.113.9:7000";
    const OTHER: &str = "203.0.113.10:7000";

    fn at(ms: u64) -> Instant {
        Instant::from_micros(ms * 1_000)
    }

    fn addr(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn latch(symmetric: bool) -> Latch {
        Latch::new(addr(SIGNALLED), symmetric, at(0))
    }

    /// Packets each 20 ms with rising numbers; whether the last one was taken.
    fn send(latch: &mut Latch, from: &str, start_ms: u64, count: u16) -> bool {
        (0..count).map(|n| latch.accept(addr(from), n, 1, at(start_ms + 20 * u64::from(n)))).last().unwrap()
    }

    #[test]
    fn the_signalled_address_is_taken_at_once_and_locked() {
        let mut latch = latch(true);
        assert_eq!(latch.target(), addr(SIGNALLED));
        assert!(send(&mut latch, SIGNALLED, 0, 1));
        assert_eq!(latch.locked(), None);
        assert!(send(&mut latch, SIGNALLED, 20, 4));
        assert_eq!(latch.locked(), Some(addr(SIGNALLED)));
        assert!(!send(&mut latch, FOREIGN, 200, 10));
    }

    #[test]
    fn who_is_learnt() {
        for (from, symmetric, start, count, learnt) in [
            (SAME_HOST, false, 0, 4, true),
            (SAME_HOST, false, 0, 3, false),
            (SAME_HOST, false, 60_000, 4, true),
            (FOREIGN, true, 0, 4, true),
            (FOREIGN, true, 4_900, 20, true),
            (FOREIGN, true, 5_000, 20, false),
            (FOREIGN, false, 0, 20, false),
        ] {
            let mut latch = latch(symmetric);
            assert_eq!(send(&mut latch, from, start, count), learnt, "{from} {symmetric} {start} {count}");
            assert_eq!(latch.target(), addr(if learnt { from } else { SIGNALLED }));
        }
    }

    #[test]
    fn four_packets_at_once_or_out_of_order_prove_nothing() {
        let mut burst = latch(true);
        assert!((0..10).all(|n| !burst.accept(addr(FOREIGN), n, 1, at(u64::from(n)))));
        let mut random = latch(true);
        assert!((0..100).all(|n| !random.accept(addr(FOREIGN), n * 7, 1, at(u64::from(n) * 20))));
        let mut ssrc = latch(true);
        assert!((0..100).all(|n| !ssrc.accept(addr(FOREIGN), n, u32::from(n), at(u64::from(n) * 20))));
    }

    #[test]
    fn a_stranger_gets_no_chance_while_the_signalled_host_talks() {
        let mut latch = latch(true);
        for n in 0..20 {
            let now = at(u64::from(n) * 20);
            latch.accept(addr(SAME_HOST), n * 3, 1, now);
            assert!(!latch.accept(addr(FOREIGN), n, 2, now));
        }
        assert_eq!(latch.target(), addr(SIGNALLED));
    }

    #[test]
    fn competing_strangers_one_wins_and_many_find_no_place() {
        let mut latch = latch(true);
        for n in 0..4 {
            let now = at(u64::from(n) * 20);
            latch.accept(addr(FOREIGN), n, 1, now);
            latch.accept(addr(OTHER), n, 2, now);
        }
        assert_eq!(latch.locked(), Some(addr(FOREIGN)));
        for port in 1..1_000 {
            assert!(!latch.accept(SocketAddr::new(addr(OTHER).ip(), port), 1, 1, at(100)));
        }
    }

    #[test]
    fn a_locked_peer_moves_after_silence_only_and_only_on_its_host() {
        let mut latch = latch(false);
        assert!(send(&mut latch, SIGNALLED, 0, 4));
        assert!(!send(&mut latch, SAME_HOST, 1_000, 20));
        assert!(!send(&mut latch, FOREIGN, 4_000, 20));
        assert!(send(&mut latch, SAME_HOST, 4_000, 4));
        assert_eq!(latch.target(), addr(SAME_HOST));
    }

    #[test]
    fn a_renegotiation_keeps_the_lock_unless_the_address_changes() {
        let mut latch = latch(true);
        assert!(send(&mut latch, FOREIGN, 0, 4));
        latch.renew(addr(SIGNALLED), true, at(500));
        assert_eq!(latch.target(), addr(FOREIGN));
        latch.renew(addr(OTHER), true, at(500));
        assert_eq!(latch.target(), addr(OTHER));
        assert_eq!(latch.locked(), None);
    }
}
