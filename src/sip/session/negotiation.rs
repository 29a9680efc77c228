//! A new offer in a session that is answered: re-INVITE, both ways. RFC 3261 section 14.
use super::{Challenged, Fate, Invitation, Session, State, invitation, status_of};
use crate::sip::endpoint::{ALLOW, Core, EndedBy, Event, Usage, again, sdp_of};
use crate::sip::transaction::{GIVE_UP, TransactionId, Why};
use crate::util::limits::SIP_CHALLENGES;
use crate::util::time::Instant;
use crate::wire::sip::{Message, Method, header};
use std::borrow::Cow;
use std::time::Duration;

/// How often a re-INVITE that got 491 is tried again by itself.
const GLARE_TRIES: u8 = 4;
/// How long an offer of ours waits for the end of another exchange before it looks again.
const LATER: Duration = Duration::from_millis(500);

/// An offer of ours that is not agreed upon yet.
#[derive(Debug)]
pub(super) struct Offer {
    sdp: Vec<u8>,
    glares: u8,
    challenges: usize,
}

#[derive(Debug)]
pub(super) enum Negotiation {
    Idle,
    /// Our re-INVITE waits for its final response.
    Ours {
        invite: TransactionId,
        offer: Offer,
    },
    /// Both offered at once; ours goes out again at this moment.
    Glare {
        offer: Offer,
        at: Instant,
    },
    Challenged {
        challenged: Box<Challenged>,
        offer: Offer,
    },
    /// The peer's re-INVITE waits for our final response; an offer of ours waits behind it.
    Theirs {
        invite: TransactionId,
        has_offer: bool,
        waiting: Option<Offer>,
    },
}

impl Negotiation {
    pub(super) fn awaits(&self, id: TransactionId) -> bool {
        matches!(self, Self::Ours { invite, .. } if *invite == id)
    }

    pub(super) const fn owes(&self, id: TransactionId) -> bool {
        matches!(self, Self::Theirs { invite, .. } if invite.0 == id.0)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Glare { at, .. } => Some(*at),
            Self::Challenged { challenged, .. } => Some(challenged.until),
            _ => None,
        }
    }
}

impl Session {
    /// Our re-INVITE.
    pub fn reinvite(&mut self, sdp: Vec<u8>, core: &mut Core, now: Instant) -> bool {
        if !self.may_offer() || !matches!(self.negotiation, Negotiation::Idle) {
            return false;
        }
        self.send_offer(Offer { sdp, glares: 0, challenges: 0 }, core, now);
        true
    }

    /// Answered, and every 2xx has its ACK.
    const fn may_offer(&self) -> bool {
        self.unacked.is_none() && matches!(&self.state, State::Answered { owed: None, .. })
    }

    fn send_offer(&mut self, offer: Offer, core: &mut Core, now: Instant) {
        let State::Answered { dialog, .. } = &mut self.state else { return };
        let mut request = dialog.request(Method::Invite);
        request.push(header::CONTACT, format!("<{}>", self.contact));
        request.push(header::ALLOW, ALLOW);
        request.set_body("application/sdp", offer.sdp.clone());
        let usage = Usage::Invite(Invitation::new(self.id));
        let invite = core.send(self.flow, request, usage, now);
        self.negotiation = Negotiation::Ours { invite, offer };
    }

    /// 2xx for our re-INVITE.
    pub fn on_offer_answered(&mut self, invite: TransactionId, ok: &Message, core: &mut Core) -> Fate {
        let flow = self.flow_of(invite, core);
        let State::Answered { dialog, .. } = &mut self.state else { return Fate::Stays };
        let Some(request) = core.transactions.sent(invite) else { return Fate::Stays };
        dialog.refresh_target(ok);
        let ack = dialog.ack(&request);
        let bytes = core.send_ack(flow, ack);
        invitation::acknowledged(core, invite, ok, Some(bytes));
        self.negotiation = Negotiation::Idle;
        core.event(Event::Answer { session: self.id, sdp: sdp_of(ok) });
        Fate::Stays
    }

    /// 300 to 699 for our re-INVITE.
    pub fn on_offer_refused(
        &mut self,
        invite: TransactionId,
        response: Message,
        core: &mut Core,
        now: Instant,
    ) -> Fate {
        let Negotiation::Ours { mut offer, .. } = std::mem::replace(&mut self.negotiation, Negotiation::Idle)
        else {
            return Fate::Stays;
        };
        let request = core.transactions.sent(invite).map(Cow::into_owned);
        match (response.status().unwrap_or(500), request) {
            // The peer knows this dialog no more (section 12.2.1.2).
            (408 | 481, _) => return self.end_by(EndedBy::Timeout, core, now),
            (491, _) if offer.glares < GLARE_TRIES => {
                offer.glares = offer.glares.saturating_add(1);
                let at = now + self.glare_pause(core);
                self.negotiation = Negotiation::Glare { offer, at };
            }
            (401 | 407, Some(request)) if offer.challenges < SIP_CHALLENGES => {
                offer.challenges = offer.challenges.saturating_add(1);
                let (response, request) = (Box::new(response), Box::new(request));
                let challenged = Challenged {
                    request: (*request).clone(),
                    response: (*response).clone(),
                    until: now + GIVE_UP,
                };
                self.negotiation = Negotiation::Challenged { challenged: Box::new(challenged), offer };
                core.event(Event::Challenged { session: self.id, response, request });
            }
            (status, _) => core.event(Event::OfferRefused { session: self.id, status }),
        }
        Fate::Stays
    }

    /// Section 14.1: whoever made the Call-ID waits 2.1 to 4 s, the other up to 2 s, in steps of 10 ms.
    fn glare_pause(&self, core: &mut Core) -> Duration {
        let (from, steps) = if self.ours { (2_100, 191) } else { (0, 201) };
        Duration::from_millis(u64::from(core.random.below(steps)).saturating_mul(10).saturating_add(from))
    }

    /// No final response to our re-INVITE came.
    pub fn on_offer_unanswered(&mut self, why: Why, core: &mut Core, now: Instant) -> Fate {
        self.negotiation = Negotiation::Idle;
        if why == Why::Timeout {
            return self.end_by(EndedBy::Timeout, core, now);
        }
        core.event(Event::OfferRefused { session: self.id, status: status_of(why) });
        Fate::Stays
    }

    pub(super) fn retry_offer(&mut self, name: &str, value: &str, core: &mut Core, now: Instant) {
        let State::Answered { dialog, .. } = &mut self.state else { return };
        let taken = std::mem::replace(&mut self.negotiation, Negotiation::Idle);
        let Negotiation::Challenged { challenged, offer } = taken else {
            self.negotiation = taken;
            return;
        };
        let request = again(&challenged.request, name, value, dialog.next_cseq());
        let usage = Usage::Invite(Invitation::new(self.id));
        let invite = core.send(self.flow, request, usage, now);
        self.negotiation = Negotiation::Ours { invite, offer };
    }

    pub(super) fn give_up_offer(&mut self, core: &mut Core) {
        let Negotiation::Challenged { challenged, .. } = &self.negotiation else { return };
        let status = challenged.response.status().unwrap_or(401);
        self.negotiation = Negotiation::Idle;
        core.event(Event::OfferRefused { session: self.id, status });
    }

    /// An offer that met the peer's goes out again; a challenge that the owner left alone is a refusal.
    pub(super) fn on_negotiation_timeout(&mut self, core: &mut Core, now: Instant) {
        if self.negotiation.deadline().is_none_or(|at| now < at) {
            return;
        }
        let may_offer = self.may_offer();
        match std::mem::replace(&mut self.negotiation, Negotiation::Idle) {
            Negotiation::Glare { offer, .. } if may_offer => self.send_offer(offer, core, now),
            Negotiation::Glare { offer, .. } => {
                self.negotiation = Negotiation::Glare { offer, at: now + LATER };
            }
            other => {
                self.negotiation = other;
                self.give_up_offer(core);
            }
        }
    }

    /// The peer's INVITE in this dialog.
    pub fn on_reinvite(
        &mut self,
        invite: TransactionId,
        request: &Message,
        has_offer: bool,
        core: &mut Core,
        now: Instant,
    ) {
        let may_offer = self.may_offer();
        let tag = self.local_tag();
        let retry_after = |core: &mut Core| [(header::RETRY_AFTER, core.random.below(11).to_string())];
        match (&mut self.state, &self.negotiation) {
            // Section 14.2: an earlier INVITE of the peer is not answered yet.
            (State::Invited { .. }, _) | (_, Negotiation::Theirs { .. }) => {
                let headers = retry_after(core);
                core.respond_plainly(invite, 500, &tag, &headers, now);
            }
            // Ours is not answered yet, or an answer is still to come by an ACK.
            (State::Calling(_), _) | (_, Negotiation::Ours { .. } | Negotiation::Challenged { .. }) => {
                core.respond_plainly(invite, 491, &tag, &[], now);
            }
            (State::Answered { .. }, _) if !may_offer => core.respond_plainly(invite, 491, &tag, &[], now),
            (State::Answered { dialog, .. }, _) => {
                dialog.refresh_target(request);
                let waiting = match std::mem::replace(&mut self.negotiation, Negotiation::Idle) {
                    Negotiation::Glare { offer, .. } => Some(offer),
                    _ => None,
                };
                self.negotiation = Negotiation::Theirs { invite, has_offer, waiting };
                core.event(Event::Offer { session: self.id, sdp: sdp_of(request) });
            }
            (State::Leaving { .. } | State::Ending { .. } | State::Moving, _) => {
                core.respond_plainly(invite, 481, &tag, &[], now);
            }
        }
    }

    /// 200 for the peer's re-INVITE.
    pub fn answer(&mut self, sdp: Vec<u8>, core: &mut Core, now: Instant) {
        let Negotiation::Theirs { invite, has_offer, .. } = self.negotiation else { return };
        self.send_ok(invite, has_offer, false, sdp, core, now);
        self.end_theirs(now);
    }

    pub fn refuse(&mut self, status: u16, core: &mut Core, now: Instant) {
        let Negotiation::Theirs { invite, .. } = self.negotiation else { return };
        let status = if (300..700).contains(&status) { status } else { 488 };
        core.respond_plainly(invite, status, &self.local_tag(), &[], now);
        self.end_theirs(now);
    }

    fn end_theirs(&mut self, now: Instant) {
        if let Negotiation::Theirs { waiting, .. } =
            std::mem::replace(&mut self.negotiation, Negotiation::Idle)
            && let Some(offer) = waiting
        {
            self.negotiation = Negotiation::Glare { offer, at: now + LATER };
        }
    }

    /// The peer took its re-INVITE back.
    pub(super) fn withdraw_theirs(&mut self, now: Instant) {
        self.end_theirs(now);
    }

    /// The session ends: nothing is negotiated any more.
    pub(super) fn close_negotiation(&mut self, core: &mut Core, now: Instant) {
        match std::mem::replace(&mut self.negotiation, Negotiation::Idle) {
            Negotiation::Ours { invite, .. } => invitation::cancel(core, invite, Vec::new(), now),
            Negotiation::Theirs { invite, .. } => {
                core.respond_plainly(invite, 487, &self.local_tag(), &[], now);
            }
            Negotiation::Idle | Negotiation::Glare { .. } | Negotiation::Challenged { .. } => {}
        }
    }
}
