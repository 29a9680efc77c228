//! A new offer of ours: re-INVITE in a session that is answered (RFC 3261 section 14), UPDATE before that (RFC 3311).
use super::{Challenged, Fate, Invitation, Session, State, invitation, status_of};
use crate::sip::endpoint::{ALLOW, Core, EndedBy, Event, Usage, again, sdp_of};
use crate::sip::transaction::{GIVE_UP, TransactionId, Why};
use crate::util::limits::SIP_CHALLENGES;
use crate::util::time::Instant;
use crate::wire::sip::{Message, Method, header};
use std::borrow::Cow;
use std::time::Duration;

/// How often an offer that got 491 or 422 is tried again by itself.
const GLARE_TRIES: u8 = 4;
/// How long an offer of ours waits for the end of another exchange before it looks again.
pub(super) const LATER: Duration = Duration::from_millis(500);

/// An offer of ours that is not agreed upon yet.
#[derive(Debug)]
pub(super) struct Offer {
    sdp: Vec<u8>,
    glares: u8,
    challenges: usize,
    /// What the peer knows already, for the session timer; the owner hears nothing of it.
    is_refresh: bool,
}

impl Offer {
    const fn new(sdp: Vec<u8>) -> Self {
        Self { sdp, glares: 0, challenges: 0, is_refresh: false }
    }

    pub(super) fn refresh(sdp: Vec<u8>) -> Self {
        let mut offer = Self::new(sdp);
        offer.is_refresh = true;
        offer
    }
}

#[derive(Debug)]
pub(super) enum Negotiation {
    Idle,
    /// Our re-INVITE or UPDATE waits for its final response.
    Ours {
        request: TransactionId,
        offer: Offer,
        is_update: bool,
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
    /// The peer's offer waits for our final response; an offer of ours waits behind it.
    Theirs {
        request: TransactionId,
        /// By re-INVITE, else by UPDATE or PRACK.
        is_invite: bool,
        has_offer: bool,
        waiting: Option<Offer>,
    },
}

impl Negotiation {
    pub(super) const fn is_idle(&self) -> bool {
        matches!(self, Self::Idle)
    }

    pub(super) fn awaits(&self, id: TransactionId) -> bool {
        matches!(self, Self::Ours { request, .. } if *request == id)
    }

    pub(super) const fn owes(&self, id: TransactionId) -> bool {
        matches!(self, Self::Theirs { request, .. } if request.0 == id.0)
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
    /// Our new offer.
    pub fn reinvite(&mut self, sdp: Vec<u8>, core: &mut Core, now: Instant) -> bool {
        if !self.may_offer() || !self.negotiation.is_idle() {
            return false;
        }
        self.send_offer(Offer::new(sdp), core, now);
        true
    }

    /// As soon as nothing else is negotiated.
    pub(super) fn offer_later(&mut self, sdp: Vec<u8>, now: Instant) {
        self.negotiation = Negotiation::Glare { offer: Offer::new(sdp), at: now + LATER };
    }

    /// Answered, and every 2xx has its ACK; or early, both descriptions known, and the peer has UPDATE (RFC 3311 section 5.1).
    pub(super) fn may_offer(&self) -> bool {
        match &self.state {
            State::Answered { owed, .. } => self.unacked.is_none() && owed.is_none(),
            State::Calling(calling) => self.allows_update && calling.is_agreed(),
            State::Invited { .. } => self.allows_update && self.is_agreed_early(),
            State::Leaving { .. } | State::Ending { .. } | State::Moving => false,
        }
    }

    /// Our description went out reliably and arrived.
    pub(super) fn is_agreed_early(&self) -> bool {
        self.reliable.as_ref().is_some_and(|r| r.is_agreed())
    }

    pub(super) fn send_offer(&mut self, offer: Offer, core: &mut Core, now: Instant) {
        let is_update = self.is_early();
        let method = if is_update { Method::Update } else { Method::Invite };
        let Some(mut request) = self.request(method) else { return };
        request.push(header::ALLOW, ALLOW);
        if !is_update {
            self.ask_for_timer(&mut request);
        }
        request.set_body("application/sdp", offer.sdp.clone());
        let request = core.send(self.flow, request, self.usage(is_update), now);
        self.negotiation = Negotiation::Ours { request, offer, is_update };
    }

    fn usage(&self, is_update: bool) -> Usage {
        if is_update { Usage::Update(self.id) } else { Usage::Invite(Invitation::new(self.id)) }
    }

    /// 2xx for our re-INVITE.
    pub fn on_offer_answered(
        &mut self,
        invite: TransactionId,
        ok: &Message,
        core: &mut Core,
        now: Instant,
    ) -> Fate {
        let flow = self.flow_of(invite, core);
        self.learn(ok);
        let State::Answered { dialog, .. } = &mut self.state else { return Fate::Stays };
        let Some(request) = core.transactions.sent(invite) else { return Fate::Stays };
        dialog.refresh_target(ok);
        let ack = dialog.ack(&request);
        let bytes = core.send_ack(flow, ack);
        invitation::acknowledged(core, invite, ok, Some(bytes));
        self.take_timer(ok, now);
        self.on_agreed(ok, core);
        Fate::Stays
    }

    fn on_agreed(&mut self, ok: &Message, core: &mut Core) {
        let done = std::mem::replace(&mut self.negotiation, Negotiation::Idle);
        let Negotiation::Ours { offer, .. } = done else { return };
        self.local_sdp = Some(offer.sdp);
        if !offer.is_refresh {
            core.event(Event::Answer { session: self.id, sdp: sdp_of(ok) });
        }
    }

    /// The final response to an UPDATE of ours.
    pub fn on_update_response(
        &mut self,
        id: TransactionId,
        response: Message,
        request: Message,
        core: &mut Core,
        now: Instant,
    ) -> Fate {
        if !self.negotiation.awaits(id) {
            return self.on_refreshed(response, request, core, now);
        }
        if response.status().is_some_and(|s| s < 300) {
            self.learn(&response);
            if let Some(dialog) = self.our_dialog() {
                dialog.refresh_target(&response);
            }
            self.on_agreed(&response, core);
            return Fate::Stays;
        }
        self.on_offer_refused(id, response, core, now)
    }

    pub fn on_update_unanswered(
        &mut self,
        id: TransactionId,
        why: Why,
        core: &mut Core,
        now: Instant,
    ) -> Fate {
        if !self.negotiation.awaits(id) {
            return self.on_unrefreshed(why, core, now);
        }
        self.on_offer_unanswered(why, core, now)
    }

    /// 300 to 699 for our offer.
    pub fn on_offer_refused(
        &mut self,
        id: TransactionId,
        response: Message,
        core: &mut Core,
        now: Instant,
    ) -> Fate {
        let longer = response.status() == Some(422) && self.take_least(&response);
        let Negotiation::Ours { mut offer, .. } = std::mem::replace(&mut self.negotiation, Negotiation::Idle)
        else {
            return Fate::Stays;
        };
        let request = core.transactions.sent(id).map(Cow::into_owned);
        match (response.status().unwrap_or(500), request) {
            // The peer knows this dialog no more (section 12.2.1.2).
            (408 | 481, _) if !self.is_early() => return self.end_by(EndedBy::Timeout, core, now),
            (491, _) if offer.glares < GLARE_TRIES => {
                offer.glares = offer.glares.saturating_add(1);
                let at = now + self.glare_pause(core);
                self.negotiation = Negotiation::Glare { offer, at };
            }
            (422, _) if longer && offer.glares < GLARE_TRIES => {
                offer.glares = offer.glares.saturating_add(1);
                self.send_offer(offer, core, now);
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
            (status, _) => self.on_disagreed(&offer, status, core, now),
        }
        Fate::Stays
    }

    fn on_disagreed(&mut self, offer: &Offer, status: u16, core: &mut Core, now: Instant) {
        if offer.is_refresh {
            return self.refresh_later(now);
        }
        core.event(Event::OfferRefused { session: self.id, status });
    }

    /// Section 14.1: whoever made the Call-ID waits 2.1 to 4 s, the other up to 2 s, in steps of 10 ms.
    pub(super) fn glare_pause(&self, core: &mut Core) -> Duration {
        let (from, steps) = if self.ours { (2_100, 191) } else { (0, 201) };
        Duration::from_millis(u64::from(core.random.below(steps)).saturating_mul(10).saturating_add(from))
    }

    /// No final response to our offer came.
    pub fn on_offer_unanswered(&mut self, why: Why, core: &mut Core, now: Instant) -> Fate {
        let lost = std::mem::replace(&mut self.negotiation, Negotiation::Idle);
        if why == Why::Timeout && !self.is_early() {
            return self.end_by(EndedBy::Timeout, core, now);
        }
        if let Negotiation::Ours { offer, .. } = lost {
            self.on_disagreed(&offer, status_of(why), core, now);
        }
        Fate::Stays
    }

    pub(super) fn retry_offer(&mut self, name: &str, value: &str, core: &mut Core, now: Instant) {
        let taken = std::mem::replace(&mut self.negotiation, Negotiation::Idle);
        let Negotiation::Challenged { challenged, offer } = taken else {
            self.negotiation = taken;
            return;
        };
        let is_update = challenged.request.method() == Some(&Method::Update);
        let Some(dialog) = self.our_dialog() else { return };
        let request = again(&challenged.request, name, value, dialog.next_cseq());
        let request = core.send(self.flow, request, self.usage(is_update), now);
        self.negotiation = Negotiation::Ours { request, offer, is_update };
    }

    pub(super) fn give_up_offer(&mut self, core: &mut Core) {
        let taken = std::mem::replace(&mut self.negotiation, Negotiation::Idle);
        let Negotiation::Challenged { challenged, offer } = taken else {
            self.negotiation = taken;
            return;
        };
        let status = challenged.response.status().unwrap_or(401);
        // Without a refresh the session timer ends the call.
        if !offer.is_refresh {
            core.event(Event::OfferRefused { session: self.id, status });
        }
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
}
