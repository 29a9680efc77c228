//! Provisional responses that arrive: 100rel and PRACK, of the callee's side. RFC 3262.
//!
//! Ours are reliable where the caller requires it, and only there: what was answered reliably can't be answered otherwise in the 200.
use super::{Fate, Session, State};
use crate::sip::endpoint::{Core, EndedBy, Event, sdp_of};
use crate::sip::transaction::{GIVE_UP, T1, TransactionId};
use crate::util::time::Instant;
use crate::wire::sip::{Message, header};
use std::time::Duration;

/// What waits for its PRACK.
#[derive(Debug)]
struct Waiting {
    has_sdp: bool,
    again_at: Instant,
    interval: Duration,
    give_up_at: Instant,
}

/// Of a session that began with an INVITE which requires 100rel.
#[derive(Debug)]
pub(super) struct Reliable {
    /// Of the last one.
    rseq: u32,
    waiting: Option<Waiting>,
    /// To be sent after the PRACK.
    next: Option<(u16, Option<Vec<u8>>)>,
    /// The 200, which a description without its PRACK holds back (section 3).
    accept: Option<Vec<u8>>,
    /// Our description went out.
    sdp: Option<Vec<u8>>,
    /// The answer to it, where it was an offer.
    answer: Option<Vec<u8>>,
}

impl Reliable {
    pub(super) fn new(core: &mut Core) -> Self {
        // Section 3: anywhere below 2^31.
        let rseq = core.random.below(0x7fff_0000);
        Self { rseq, waiting: None, next: None, accept: None, sdp: None, answer: None }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.waiting.as_ref().map(|w| w.again_at.min(w.give_up_at))
    }

    /// Both sides know our description.
    pub(super) const fn is_agreed(&self) -> bool {
        self.sdp.is_some() && self.waiting.is_none()
    }

    /// What the 200 still has to say: its description, and one for a re-INVITE because it came too late.
    pub(super) fn rest(&self, sdp: Vec<u8>) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
        match &self.sdp {
            None => (Some(sdp), None),
            Some(said) => (None, (*said != sdp).then_some(sdp)),
        }
    }

    pub(super) const fn take_answer(&mut self) -> Option<Vec<u8>> {
        self.answer.take()
    }

    /// True: it waits for the PRACK.
    pub(super) fn holds_back(&mut self, sdp: &[u8]) -> bool {
        let waits = self.waiting.as_ref().is_some_and(|w| w.has_sdp);
        if waits {
            self.accept = Some(sdp.to_vec());
        }
        waits
    }
}

impl Session {
    /// A reliable 101 to 199.
    pub(super) fn ring_reliably(
        &mut self,
        invite: TransactionId,
        has_offer: bool,
        status: u16,
        sdp: Option<Vec<u8>>,
        core: &mut Core,
        now: Instant,
    ) {
        let Some(mut response) = self.dialog_response(invite, status, core) else { return };
        let Some(reliable) = &mut self.reliable else { return };
        if reliable.waiting.is_some() {
            let waiting = reliable.next.take().and_then(|(_, sdp)| sdp);
            reliable.next = Some((status, sdp.or(waiting)));
            return;
        }
        let sdp = sdp.filter(|_| reliable.sdp.is_none());
        if !has_offer && reliable.sdp.is_none() && sdp.is_none() {
            // Section 5: the first one would have to hold our offer.
            return;
        }
        reliable.rseq = reliable.rseq.wrapping_add(1);
        response.push(header::REQUIRE, "100rel");
        response.push(header::RSEQ, reliable.rseq.to_string());
        reliable.waiting = Some(Waiting {
            has_sdp: sdp.is_some(),
            again_at: now + T1,
            interval: T1,
            give_up_at: now + GIVE_UP,
        });
        if let Some(sdp) = sdp {
            reliable.sdp = Some(sdp.clone());
            self.local_sdp = Some(sdp.clone());
            response.set_body("application/sdp", sdp);
        }
        core.respond(invite, response, now);
    }

    /// Sections 3 and 5. A PRACK for anything but the last response that waits is 481.
    pub fn on_prack(&mut self, id: TransactionId, request: &Message, core: &mut Core, now: Instant) -> Fate {
        let invite = match self.state {
            State::Invited { invite, has_offer, .. } => Some((invite, has_offer)),
            _ => None,
        };
        let rack = request.get(header::RACK).unwrap_or_default();
        let mut rack = rack.split_ascii_whitespace();
        let numbers = (rack.next().and_then(header::number), rack.next().and_then(header::number));
        let is_it = rack.next() == Some("INVITE") && numbers.1.is_some() && numbers.1 == self.invite_cseq;
        let acked = self.reliable.as_mut().filter(|r| is_it && numbers.0 == Some(r.rseq));
        let Some(waited) = acked.and_then(|r| r.waiting.take()) else {
            core.respond_plainly(id, 481, "", &[], now);
            return Fate::Stays;
        };
        let has_offer = invite.is_none_or(|(_, has_offer)| has_offer);
        match (sdp_of(request), &mut self.reliable) {
            (Some(sdp), Some(reliable)) if waited.has_sdp && !has_offer => {
                reliable.answer = Some(sdp);
                core.respond_plainly(id, 200, "", &[], now);
            }
            (Some(sdp), Some(reliable)) if invite.is_some() && reliable.is_agreed() => {
                self.take_offer(id, Some(sdp), core);
            }
            _ => core.respond_plainly(id, 200, "", &[], now),
        }
        let Some((invite, has_offer)) = invite else { return Fate::Stays };
        let Some(reliable) = &mut self.reliable else { return Fate::Stays };
        if let Some(sdp) = reliable.accept.take() {
            self.accept(sdp, core, now);
        } else if let Some((status, sdp)) = reliable.next.take() {
            self.ring_reliably(invite, has_offer, status, sdp, core, now);
        }
        Fate::Stays
    }

    /// A response without its PRACK goes out again, doubling; after 64*T1 the call is refused.
    pub(super) fn on_reliable_timeout(&mut self, core: &mut Core, now: Instant) -> Fate {
        let State::Invited { invite, .. } = self.state else { return Fate::Stays };
        let Some(waiting) = self.reliable.as_mut().and_then(|r| r.waiting.as_mut()) else {
            return Fate::Stays;
        };
        if now >= waiting.give_up_at {
            core.respond_plainly(invite, 504, &self.local_tag(), &[], now);
            core.event(Event::Ended { session: self.id, by: EndedBy::Timeout });
            return Fate::Over;
        }
        if now >= waiting.again_at {
            waiting.interval = waiting.interval.saturating_mul(2);
            waiting.again_at = now + waiting.interval;
            core.transactions.repeat(invite);
        }
        Fate::Stays
    }
}
