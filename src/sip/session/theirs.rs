//! An offer of the peer in a session: by re-INVITE (RFC 3261 section 14.2), UPDATE (RFC 3311 section 5.2) or PRACK (RFC 3262 section 5).
use super::negotiation::{LATER, Negotiation};
use super::{Session, State, invitation};
use crate::sip::dialog::DialogId;
use crate::sip::endpoint::{Core, Event, sdp_of};
use crate::sip::transaction::TransactionId;
use crate::util::time::Instant;
use crate::wire::sip::{Message, header};

impl Session {
    /// The peer's INVITE in this dialog.
    pub fn on_reinvite(&mut self, invite: TransactionId, request: &Message, core: &mut Core, now: Instant) {
        let tag = self.local_tag();
        let may_offer = self.may_offer();
        match (&mut self.state, &self.negotiation) {
            // Section 14.2: an earlier one of the peer is not answered yet.
            (State::Invited { .. }, _) | (_, Negotiation::Theirs { .. }) => {
                self.refuse_for_now(invite, core, now)
            }
            // Ours is not answered yet, or an answer is still to come by an ACK.
            (State::Calling(_), _) | (_, Negotiation::Ours { .. } | Negotiation::Challenged { .. }) => {
                core.respond_plainly(invite, 491, &tag, &[], now);
            }
            (State::Answered { .. }, _) if !may_offer => core.respond_plainly(invite, 491, &tag, &[], now),
            (State::Answered { dialog, .. }, _) => {
                dialog.refresh_target(request);
                self.wait_for_answer(invite, true, sdp_of(request), core);
            }
            (State::Leaving { .. } | State::Ending { .. } | State::Moving, _) => {
                core.respond_plainly(invite, 481, &tag, &[], now);
            }
        }
    }

    /// The peer's UPDATE: a refresh, or an offer.
    pub fn on_update(
        &mut self,
        id: TransactionId,
        request: &Message,
        name: &DialogId,
        core: &mut Core,
        now: Instant,
    ) {
        if !self.is_heard() {
            return core.respond_plainly(id, 481, "", &[], now);
        }
        let offer = sdp_of(request);
        if offer.is_some() {
            // Whose answer is still due: the peer's to our offer, or ours to the peer's.
            let (ours, theirs) = match &self.state {
                State::Calling(calling) => (!calling.is_agreed(), false),
                State::Invited { .. } => (false, !self.is_agreed_early()),
                _ => (!self.may_offer(), false),
            };
            if theirs || matches!(self.negotiation, Negotiation::Theirs { .. }) {
                return self.refuse_for_now(id, core, now);
            }
            if ours || matches!(self.negotiation, Negotiation::Ours { .. } | Negotiation::Challenged { .. }) {
                return core.respond_plainly(id, 491, "", &[], now);
            }
        }
        if let Some(dialog) = self.dialog_mut(name) {
            dialog.refresh_target(request);
        }
        match offer {
            Some(sdp) => self.take_offer(id, Some(sdp), core),
            None => self.send_plain_ok(id, None, core, now),
        }
    }

    /// Of an UPDATE or PRACK.
    pub(super) fn take_offer(&mut self, id: TransactionId, sdp: Option<Vec<u8>>, core: &mut Core) {
        self.wait_for_answer(id, false, sdp, core);
    }

    fn wait_for_answer(
        &mut self,
        request: TransactionId,
        is_invite: bool,
        sdp: Option<Vec<u8>>,
        core: &mut Core,
    ) {
        let waiting = match std::mem::replace(&mut self.negotiation, Negotiation::Idle) {
            Negotiation::Glare { offer, .. } => Some(offer),
            _ => None,
        };
        self.negotiation = Negotiation::Theirs { request, is_invite, has_offer: sdp.is_some(), waiting };
        core.event(Event::Offer { session: self.id, sdp });
    }

    fn refuse_for_now(&self, id: TransactionId, core: &mut Core, now: Instant) {
        let headers = [(header::RETRY_AFTER, core.random.below(11).to_string())];
        core.respond_plainly(id, 500, &self.local_tag(), &headers, now);
    }

    /// 200 for an UPDATE or PRACK: nobody acknowledges it.
    fn send_plain_ok(&mut self, id: TransactionId, sdp: Option<Vec<u8>>, core: &mut Core, now: Instant) {
        let Some(mut ok) = self.dialog_response(id, 200, core) else { return };
        if let (State::Answered { .. }, Some(request)) = (&self.state, core.transactions.request(id))
            && request.method() == Some(&crate::wire::sip::Method::Update)
        {
            self.promise_timer(request, &mut ok, now);
        }
        if let Some(sdp) = sdp {
            self.local_sdp = Some(sdp.clone());
            ok.set_body("application/sdp", sdp);
        }
        core.respond(id, ok, now);
    }

    /// 200 for the peer's offer.
    pub fn answer(&mut self, sdp: Vec<u8>, core: &mut Core, now: Instant) {
        let Negotiation::Theirs { request, is_invite, has_offer, .. } = self.negotiation else { return };
        if is_invite {
            self.send_ok(request, has_offer, false, Some(sdp), core, now);
        } else {
            self.send_plain_ok(request, Some(sdp), core, now);
        }
        self.end_theirs(now);
    }

    pub fn refuse(&mut self, status: u16, core: &mut Core, now: Instant) {
        let Negotiation::Theirs { request, .. } = self.negotiation else { return };
        let status = if (300..700).contains(&status) { status } else { 488 };
        core.respond_plainly(request, status, &self.local_tag(), &[], now);
        self.end_theirs(now);
    }

    /// Also when the peer took it back.
    pub(super) fn end_theirs(&mut self, now: Instant) {
        if let Negotiation::Theirs { waiting, .. } =
            std::mem::replace(&mut self.negotiation, Negotiation::Idle)
            && let Some(offer) = waiting
        {
            self.negotiation = Negotiation::Glare { offer, at: now + LATER };
        }
    }

    /// The session ends: nothing is negotiated any more.
    pub(super) fn close_negotiation(&mut self, core: &mut Core, now: Instant) {
        match std::mem::replace(&mut self.negotiation, Negotiation::Idle) {
            Negotiation::Ours { request, is_update: false, .. } => {
                invitation::cancel(core, request, Vec::new(), now);
            }
            Negotiation::Theirs { request, .. } => {
                core.respond_plainly(request, 487, &self.local_tag(), &[], now);
            }
            _ => {}
        }
    }
}
