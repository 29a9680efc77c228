//! From the peer's INVITE to our final response and its ACK. RFC 3261 section 13.3.
use super::reliable::Reliable;
use super::unacked::{Due, Unacked};
use super::{Fate, Session, SessionId, State};
use crate::sip::Flow;
use crate::sip::dialog::Dialog;
use crate::sip::endpoint::{ALLOW, Core, EndedBy, Event, SUPPORTED, sdp_of};
use crate::sip::transaction::TransactionId;
use crate::util::time::Instant;
use crate::wire::sip::{Message, Uri, header};
use std::net::SocketAddr;

impl Session {
    /// The peer's first INVITE. Our Contact is that of the flow until the owner names another.
    pub fn invited(
        id: SessionId,
        invite: TransactionId,
        dialog: Dialog,
        has_offer: bool,
        flow: Flow,
        tag: u64,
    ) -> Self {
        Self::new(id, flow, contact_at(flow), State::Invited { invite, dialog, has_offer }, false, tag)
    }

    /// What the first INVITE says of its sender.
    pub fn read_invite(&mut self, request: &Message, core: &mut Core) {
        self.learn(request);
        self.invite_cseq = request.cseq().map(|c| c.number);
        if request.items(header::REQUIRE).any(|t| t.eq_ignore_ascii_case("100rel")) {
            self.reliable = Some(Box::new(Reliable::new(core)));
        }
    }

    /// 101 to 199.
    pub fn ring(&mut self, status: u16, sdp: Option<Vec<u8>>, core: &mut Core, now: Instant) {
        let State::Invited { invite, has_offer, .. } = self.state else { return };
        let status = if (101..200).contains(&status) { status } else { 180 };
        if self.reliable.is_some() {
            return self.ring_reliably(invite, has_offer, status, sdp, core, now);
        }
        let Some(mut response) = self.dialog_response(invite, status, core) else { return };
        if let Some(sdp) = sdp {
            response.set_body("application/sdp", sdp);
        }
        core.respond(invite, response, now);
    }

    /// 200 for the first INVITE.
    pub fn accept(&mut self, sdp: Vec<u8>, core: &mut Core, now: Instant) {
        let State::Invited { invite, has_offer, .. } = self.state else { return };
        if self.reliable.as_mut().is_some_and(|r| r.holds_back(&sdp)) {
            return;
        }
        let (sdp, late) = match &self.reliable {
            Some(reliable) => reliable.rest(sdp),
            None => (Some(sdp), None),
        };
        let is_answered = has_offer || sdp.is_none();
        if !self.send_ok(invite, is_answered, true, sdp, core, now) {
            return;
        }
        if let State::Invited { dialog, .. } = self.leave() {
            self.enter(State::Answered { dialog, owed: None });
        }
        if let Some(sdp) = late {
            self.offer_later(sdp, now);
        }
    }

    /// 200 with a session description; it is sent again until its ACK comes.
    pub(super) fn send_ok(
        &mut self,
        invite: TransactionId,
        has_offer: bool,
        is_first: bool,
        sdp: Option<Vec<u8>>,
        core: &mut Core,
        now: Instant,
    ) -> bool {
        let Some(mut ok) = self.dialog_response(invite, 200, core) else { return false };
        let Some(cseq) = ok.cseq() else { return false };
        if let Some(request) = core.transactions.request(invite) {
            self.promise_timer(request, &mut ok, now);
        }
        if let Some(sdp) = sdp {
            self.local_sdp = Some(sdp.clone());
            ok.set_body("application/sdp", sdp);
        }
        self.unacked = Some(Unacked::new(invite, cseq.number, !has_offer, is_first, now));
        core.respond(invite, ok, now)
    }

    /// A response that makes or keeps a dialog: with Record-Route and Contact, section 12.1.1.
    pub(super) fn dialog_response(&self, invite: TransactionId, status: u16, core: &Core) -> Option<Message> {
        let request = core.transactions.request(invite)?;
        let mut response = Message::response_to(request, status, &self.local_tag());
        for value in request.all(header::RECORD_ROUTE) {
            response.push(header::RECORD_ROUTE, value);
        }
        response.push(header::CONTACT, format!("<{}>", self.contact));
        response.push(header::ALLOW, ALLOW);
        response.push(header::SUPPORTED, SUPPORTED);
        Some(response)
    }

    pub fn local_tag(&self) -> String {
        self.dialog().map(|d| d.id().local_tag.clone()).unwrap_or_default()
    }

    /// A refusal of the first INVITE.
    pub fn reject(&mut self, status: u16, headers: &[(&str, String)], core: &mut Core, now: Instant) -> Fate {
        let State::Invited { invite, .. } = self.state else { return Fate::Stays };
        let status = if (300..700).contains(&status) { status } else { 480 };
        core.respond_plainly(invite, status, &self.local_tag(), headers, now);
        Fate::Over
    }

    /// A refusal that the owner wrote. It gets the To tag of this session.
    pub fn challenge(&mut self, mut response: Message, core: &mut Core, now: Instant) -> Fate {
        let State::Invited { invite, .. } = self.state else { return Fate::Stays };
        if response.status().is_none_or(|s| s < 300) {
            return self.reject(500, &[], core, now);
        }
        if let Some(to) = response.to() {
            response.set(header::TO, to.with_tag(&self.local_tag()).to_string());
        }
        core.respond(invite, response, now);
        Fate::Over
    }

    /// CANCEL for an INVITE that waits for our answer: 487, section 9.2. For a re-INVITE what was agreed before holds.
    pub fn on_cancel(
        &mut self,
        invite: TransactionId,
        reason: Option<String>,
        core: &mut Core,
        now: Instant,
    ) -> Fate {
        core.respond_plainly(invite, 487, &self.local_tag(), &[], now);
        if let State::Invited { .. } = self.state {
            core.event(Event::Cancelled { session: self.id, reason });
            return Fate::Over;
        }
        self.end_theirs(now);
        core.event(Event::OfferWithdrawn { session: self.id });
        Fate::Stays
    }

    /// The connection of an INVITE that waits for our answer is gone.
    pub fn on_unanswerable(&mut self, core: &mut Core, now: Instant) -> Fate {
        if let State::Invited { .. } = self.state {
            core.event(Event::Ended { session: self.id, by: EndedBy::Transport });
            return Fate::Over;
        }
        self.end_theirs(now);
        core.event(Event::OfferWithdrawn { session: self.id });
        Fate::Stays
    }

    /// An ACK in our dialog; it is the one for our 2xx when the CSeq number says so, whatever its branch is.
    pub fn on_ack(&mut self, ack: &Message, core: &mut Core, now: Instant) -> bool {
        let number = ack.cseq().map(|c| c.number);
        let Some(unacked) = self.unacked.take_if(|u| Some(u.cseq) == number) else { return false };
        core.transactions.acknowledged(unacked.invite);
        if let State::Leaving { .. } = self.state {
            self.send_bye_after_leaving(core, now);
            return true;
        }
        let early = self.reliable.take().and_then(|mut r| r.take_answer());
        let sdp = sdp_of(ack).filter(|_| unacked.wants_answer).or(early);
        core.event(Event::Acked { session: self.id, sdp });
        true
    }

    /// Our 2xx without an ACK is due.
    pub(super) fn on_unacked_timeout(&mut self, core: &mut Core, now: Instant) -> Fate {
        match self.unacked.as_mut().and_then(|u| u.handle_timeout(now)) {
            Some(Due::Repeat(invite)) => {
                core.transactions.repeat(invite);
                Fate::Stays
            }
            Some(Due::GiveUp) => {
                self.unacked = None;
                if let State::Leaving { .. } = self.state {
                    self.send_bye_after_leaving(core, now);
                    return Fate::Stays;
                }
                self.end_by(EndedBy::NoAck, core, now)
            }
            None => Fate::Stays,
        }
    }

    /// The first 2xx has no ACK yet: no BYE may be sent (section 15).
    pub(super) fn awaits_first_ack(&self) -> bool {
        self.unacked.is_some_and(|u| u.is_first)
    }
}

/// `sip:tandem@192.0.2.1:5060`, with with the transport, other than UDP.
fn contact_at(flow: Flow) -> Uri {
    let host = match flow.local {
        SocketAddr::V4(at) => at.ip().to_string(),
        SocketAddr::V6(at) => format!("[{}]", at.ip()),
    };
    let mut contact = Uri::sip(Some("tandem"), &host, Some(flow.local.port()));
    if let Some(transport) = flow.transport.parameter() {
        contact.params.set("transport", Some(transport));
    }
    contact
}
