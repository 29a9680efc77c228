//! Our 2xx to an INVITE until its ACK. RFC 3261 section 13.3.1.4: sent again after T1, doubling to T2, on every transport; given up after
//! 64*T1.
use crate::sip::transaction::{GIVE_UP, T1, TransactionId, doubled_to_t2};
use crate::util::time::Instant;
use std::time::Duration;

/// What a 2xx without ACK asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Send the 2xx again.
    Repeat(TransactionId),
    GiveUp,
}

#[derive(Clone, Copy, Debug)]
pub struct Unacked {
    pub invite: TransactionId,
    /// The ACK has the CSeq number of its INVITE; its branch says nothing.
    pub cseq: u32,
    /// The 2xx held our offer: the answer is in the ACK.
    pub wants_answer: bool,
    /// For the INVITE that began the session.
    pub is_first: bool,
    again_at: Instant,
    interval: Duration,
    give_up_at: Instant,
}

impl Unacked {
    pub fn new(invite: TransactionId, cseq: u32, wants_answer: bool, is_first: bool, now: Instant) -> Self {
        let (again_at, give_up_at) = (now + T1, now + GIVE_UP);
        Self { invite, cseq, wants_answer, is_first, again_at, interval: T1, give_up_at }
    }

    pub fn handle_timeout(&mut self, now: Instant) -> Option<Due> {
        if now >= self.give_up_at {
            return Some(Due::GiveUp);
        }
        if now < self.again_at {
            return None;
        }
        self.interval = doubled_to_t2(self.interval);
        self.again_at = now + self.interval;
        Some(Due::Repeat(self.invite))
    }

    pub fn deadline(&self) -> Instant {
        self.again_at.min(self.give_up_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_repetitions_then_no_more() {
        let mut unacked = Unacked::new(TransactionId(1), 1, false, true, Instant::ZERO);
        for ms in [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500] {
            let at = Instant::from_micros(ms * 1_000);
            assert_eq!(unacked.deadline(), at);
            assert_eq!(unacked.handle_timeout(at), Some(Due::Repeat(TransactionId(1))));
            assert_eq!(unacked.handle_timeout(at), None);
        }
        assert_eq!(unacked.handle_timeout(unacked.deadline()), Some(Due::GiveUp));
        assert_eq!(unacked.deadline(), Instant::from_micros(32_000_000));
    }
}
