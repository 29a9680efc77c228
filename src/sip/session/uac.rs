//! From our INVITE to its final response. RFC 3261 section 13.2.
use super::timer::INTERVAL;
use super::{Challenged, Fate, Invitation, Session, SessionId, State, invitation, status_of};
use crate::sip::dialog::{Dialog, DialogId};
use crate::sip::endpoint::{ALLOW, Core, Event, Invite, SUPPORTED, Usage, again, sdp_of};
use crate::sip::transaction::{GIVE_UP, TransactionId, Why};
use crate::util::limits::{SIP_CHALLENGES, SIP_EARLY_DIALOGS};
use crate::util::time::Instant;
use crate::wire::sip::{CSeq, Message, Method, header};
use std::borrow::Cow;

#[derive(Debug)]
pub(super) enum Stage {
    Sent(TransactionId),
    /// A PRACK was challenged and the owner thinks; the INVITE goes on meanwhile.
    PrackChallenged {
        invite: TransactionId,
        prack: Box<Message>,
    },
    /// The INVITE was.
    Challenged(Box<Challenged>),
}

impl Stage {
    /// The INVITE that has no final response yet.
    pub(super) const fn invite(&self) -> Option<TransactionId> {
        match self {
            Self::Sent(invite) | Self::PrackChallenged { invite, .. } => Some(*invite),
            Self::Challenged(_) => None,
        }
    }
}

/// A dialog of an 18x, and the last session description in it.
#[derive(Debug)]
struct Early {
    dialog: Dialog,
    sdp: Option<Vec<u8>>,
    /// Of the last reliable response (RFC 3262 section 4).
    rseq: Option<u32>,
    /// A reliable response answered our offer.
    is_agreed: bool,
}

#[derive(Debug)]
pub(super) struct Calling {
    pub(super) stage: Stage,
    early: Vec<Early>,
    has_offer: bool,
    ring_until: Option<Instant>,
    challenges: usize,
}

impl Calling {
    pub(super) fn deadline(&self) -> Option<Instant> {
        let of_stage = match &self.stage {
            Stage::Challenged(challenged) => Some(challenged.until),
            Stage::Sent(_) | Stage::PrackChallenged { .. } => None,
        };
        of_stage.into_iter().chain(self.ring_until).min()
    }

    pub(super) fn call_id(&self, core: &Core) -> Option<String> {
        match self.stage.invite() {
            Some(id) => core.transactions.sent(id)?.call_id().map(str::to_owned),
            None => self.early.first().map(|e| e.dialog.id().call_id.clone()),
        }
    }

    pub(super) fn has_early_dialog(&self, id: &DialogId) -> bool {
        self.early.iter().any(|e| e.dialog.id() == id)
    }

    pub(super) fn early_dialog(&mut self, id: &DialogId) -> Option<&mut Dialog> {
        self.early.iter_mut().map(|e| &mut e.dialog).find(|d| d.id() == id)
    }

    pub(super) fn last_early_dialog(&mut self) -> Option<&mut Dialog> {
        self.early.last_mut().map(|e| &mut e.dialog)
    }

    pub(super) fn early_count(&self) -> usize {
        self.early.len()
    }

    /// Takes the dialog of a provisional response in, and its session description.
    fn take_early(&mut self, request: &Message, response: &Message) {
        let Some(dialog) = Dialog::uac(request, response).filter(|d| !d.id().remote_tag.is_empty()) else {
            return;
        };
        let sdp = sdp_of(response);
        let has_room = self.early.len() < SIP_EARLY_DIALOGS;
        match self.early.iter_mut().find(|e| e.dialog.id() == dialog.id()) {
            Some(known) => {
                known.dialog.refresh_target(response);
                known.sdp = sdp.or(known.sdp.take());
            }
            None if has_room => self.early.push(Early { dialog, sdp, rseq: None, is_agreed: false }),
            None => {}
        }
    }

    /// Whether this provisional response is the next one of its dialog: RFC 3262 section 4. A repeated one has had its PRACK, one
    /// behind a gap comes again.
    fn is_next(&self, response: &Message) -> bool {
        let Some(rseq) = rseq_of(response) else { return true };
        let last = self.early_of(response).and_then(|e| e.rseq);
        last.is_none_or(|last| rseq == last.wrapping_add(1))
    }

    /// The owner has decided about the challenged PRACK.
    fn drop_prack(&mut self) {
        if let Stage::PrackChallenged { invite, .. } = self.stage {
            self.stage = Stage::Sent(invite);
        }
    }

    fn early_of(&self, response: &Message) -> Option<&Early> {
        let to = response.to()?;
        self.early.iter().find(|e| to.tag() == Some(e.dialog.id().remote_tag.as_str()))
    }

    /// The early dialog of a response, or of a request of ours in it.
    fn early_of_mut(&mut self, message: &Message) -> Option<&mut Early> {
        let to = message.to()?;
        self.early.iter_mut().find(|e| to.tag() == Some(e.dialog.id().remote_tag.as_str()))
    }

    /// The PRACK for a reliable response whose dialog was taken in.
    fn prack(&mut self, response: &Message) -> Option<Message> {
        let (rseq, cseq) = (rseq_of(response)?, response.cseq()?);
        let has_offer = self.has_offer;
        let early = self.early_of_mut(response)?;
        early.rseq = Some(rseq);
        early.is_agreed |= has_offer && sdp_of(response).is_some();
        let mut prack = early.dialog.request(Method::Prack);
        prack.push(header::RACK, format!("{rseq} {cseq}"));
        Some(prack)
    }

    /// Both sides know each other's description in the last early dialog: UPDATE may change it.
    pub(super) fn is_agreed(&self) -> bool {
        self.early.last().is_some_and(|e| e.is_agreed)
    }
}

/// The number of a response that wants a PRACK.
fn rseq_of(response: &Message) -> Option<u32> {
    let reliable = response.items(header::REQUIRE).any(|t| t.eq_ignore_ascii_case("100rel"));
    response.number(header::RSEQ).filter(|_| reliable)
}

impl Session {
    /// Sends the INVITE.
    pub fn call(id: SessionId, spec: Invite, core: &mut Core, now: Instant) -> Self {
        let tag = core.random.token();
        let mut request = first_invite(&spec, &tag, core);
        let has_offer = spec.sdp.is_some();
        if let Some(sdp) = spec.sdp.clone() {
            request.set_body("application/sdp", sdp);
        }
        let invite = core.send(spec.flow, request, Usage::Invite(Invitation::new(id)), now);
        let calling = Calling {
            stage: Stage::Sent(invite),
            early: Vec::new(),
            has_offer,
            ring_until: spec.ring_limit.map(|limit| now + limit),
            challenges: 0,
        };
        let tag = core.secret.hash(tag.as_str());
        let mut session = Self::new(id, spec.flow, spec.contact, State::Calling(calling), true, tag);
        session.local_sdp = spec.sdp;
        session
    }

    /// 101 to 199 for our first INVITE.
    pub fn on_progress(&mut self, invite: TransactionId, response: &Message, core: &mut Core, now: Instant) {
        self.learn(response);
        let State::Calling(calling) = &mut self.state else { return };
        let (Some(request), Some(status)) = (core.transactions.sent(invite), response.status()) else {
            return;
        };
        if status > 100 && calling.is_next(response) {
            calling.take_early(&request, response);
            if let Some(prack) = calling.prack(response) {
                core.send(self.flow, prack, Usage::Prack(self.id), now);
            }
            core.event(Event::Progress { session: self.id, status, sdp: sdp_of(response) });
        }
    }

    /// 401 or 407 for our PRACK: the peer ends a call whose ringing is never acknowledged.
    pub fn on_prack_challenged(&mut self, response: Message, request: Message, core: &mut Core) -> Fate {
        let State::Calling(calling) = &mut self.state else { return Fate::Stays };
        let invite = calling.stage.invite().filter(|_| calling.challenges < SIP_CHALLENGES);
        if let Some(invite) = invite {
            calling.challenges = calling.challenges.saturating_add(1);
            let (response, request) = (Box::new(response), Box::new(request));
            calling.stage = Stage::PrackChallenged { invite, prack: request.clone() };
            core.event(Event::Challenged { session: self.id, response, request });
        }
        Fate::Stays
    }

    /// The first 2xx for our first INVITE.
    pub fn on_answered(&mut self, invite: TransactionId, ok: Message, core: &mut Core, now: Instant) -> Fate {
        self.learn(&ok);
        let State::Calling(calling) = self.leave() else { return Fate::Stays };
        let Some(request) = core.transactions.sent(invite).map(Cow::into_owned) else { return Fate::Over };
        let Some(mut dialog) = Dialog::uac(&request, &ok) else {
            // Without a tag of ours or a Call-ID: no answer to what we sent.
            core.event(Event::Failed { session: self.id, status: 502, response: Some(Box::new(ok)) });
            return Fate::Over;
        };
        let early = calling.early.into_iter().find(|e| e.dialog.id() == dialog.id());
        let early_sdp = early.and_then(|early| {
            dialog.take_over(&early.dialog);
            early.sdp
        });
        let sdp = sdp_of(&ok).or(early_sdp);
        let mut owed = None;
        if calling.has_offer {
            let bytes = core.send_ack(self.flow_of(invite, core), dialog.ack(&request));
            invitation::acknowledged(core, invite, &ok, Some(bytes));
        } else {
            invitation::acknowledged(core, invite, &ok, None);
            owed = Some((invite, request));
        }
        self.enter(State::Answered { dialog, owed });
        self.take_timer(&ok, now);
        core.event(Event::Answered { session: self.id, sdp, response: Box::new(ok) });
        Fate::Stays
    }

    /// The ACK goes the way of its INVITE while that is known.
    pub(super) fn flow_of(&self, invite: TransactionId, core: &Core) -> crate::sip::Flow {
        core.transactions.sent_on(invite).unwrap_or(self.flow)
    }

    /// The answer to the offer in a 2xx goes out in its ACK.
    pub fn acknowledge(&mut self, sdp: Option<Vec<u8>>, core: &mut Core) {
        let State::Answered { dialog, owed } = &mut self.state else { return };
        let Some((invite, request)) = owed.take() else { return };
        let mut ack = dialog.ack(&request);
        if let Some(sdp) = sdp {
            self.local_sdp = Some(sdp.clone());
            ack.set_body("application/sdp", sdp);
        }
        let remote_tag = dialog.id().remote_tag.clone();
        let flow = core.transactions.sent_on(invite).unwrap_or(self.flow);
        let bytes = core.send_ack(flow, ack);
        invitation::acknowledged_tag(core, invite, remote_tag, Some(bytes));
    }

    /// 300 to 699 for our first INVITE.
    pub fn on_refused(
        &mut self,
        invite: TransactionId,
        response: Message,
        core: &mut Core,
        now: Instant,
    ) -> Fate {
        let status = response.status().unwrap_or(500);
        let longer = status == 422 && self.take_least(&response);
        let State::Calling(calling) = &mut self.state else { return Fate::Stays };
        let request = core.transactions.sent(invite).map(Cow::into_owned);
        if let (true, Some(request), true) = (longer, &request, calling.challenges < SIP_CHALLENGES) {
            // RFC 4028 section 7.4: the same call with what the peer takes.
            calling.challenges = calling.challenges.saturating_add(1);
            let least = self.least;
            let interval = least.max(INTERVAL).to_string();
            let mut request = again(request, header::SESSION_EXPIRES, &interval, next_number(request));
            request.set(header::MIN_SE, least.to_string());
            let usage = Usage::Invite(Invitation::new(self.id));
            calling.stage = Stage::Sent(core.send(self.flow, request, usage, now));
            return Fate::Stays;
        }
        if let (401 | 407, Some(request), true) = (status, request, calling.challenges < SIP_CHALLENGES) {
            calling.challenges = calling.challenges.saturating_add(1);
            calling.early.clear();
            calling.stage = Stage::Challenged(Box::new(Challenged {
                request: request.clone(),
                response: response.clone(),
                until: now + GIVE_UP,
            }));
            let (response, request) = (Box::new(response), Box::new(request));
            core.event(Event::Challenged { session: self.id, response, request });
            return Fate::Stays;
        }
        core.event(Event::Failed { session: self.id, status, response: Some(Box::new(response)) });
        Fate::Over
    }

    /// No final response to our first INVITE came.
    pub fn on_unanswered(&mut self, why: Why, core: &mut Core) -> Fate {
        core.event(Event::Failed { session: self.id, status: status_of(why), response: None });
        Fate::Over
    }

    /// Our challenged INVITE or PRACK again, with credentials.
    pub(super) fn retry_invite(&mut self, name: &str, value: &str, core: &mut Core, now: Instant) {
        let State::Calling(calling) = &mut self.state else { return };
        match &calling.stage {
            Stage::Challenged(challenged) => {
                let request = again(&challenged.request, name, value, next_number(&challenged.request));
                let usage = Usage::Invite(Invitation::new(self.id));
                calling.stage = Stage::Sent(core.send(self.flow, request, usage, now));
            }
            Stage::PrackChallenged { prack, .. } => {
                let prack = prack.clone();
                calling.drop_prack();
                let Some(early) = calling.early_of_mut(&prack) else { return };
                let prack = again(&prack, name, value, early.dialog.next_cseq());
                core.send(self.flow, prack, Usage::Prack(self.id), now);
            }
            Stage::Sent(_) => {}
        }
    }

    /// The INVITE's challenge is its refusal. Without its PRACK the peer says how the call ends.
    pub(super) fn give_up_invite(&mut self, core: &mut Core) -> Fate {
        let State::Calling(calling) = &mut self.state else { return Fate::Stays };
        calling.drop_prack();
        let Stage::Challenged(challenged) = &calling.stage else { return Fate::Stays };
        let response = challenged.response.clone();
        let status = response.status().unwrap_or(401);
        core.event(Event::Failed { session: self.id, status, response: Some(Box::new(response)) });
        Fate::Over
    }

    /// The ring limit, or an owner who never said what to do about a challenge.
    pub(super) fn on_calling_timeout(&mut self, core: &mut Core, now: Instant) -> Fate {
        let State::Calling(calling) = &mut self.state else { return Fate::Stays };
        if calling.ring_until.is_some_and(|at| now >= at) {
            if let Some(invite) = calling.stage.invite() {
                invitation::cancel(core, invite, Vec::new(), now);
            }
            core.event(Event::Failed { session: self.id, status: 408, response: None });
            return Fate::Over;
        }
        match &calling.stage {
            Stage::Challenged(challenged) if now >= challenged.until => self.give_up_invite(core),
            _ => Fate::Stays,
        }
    }

    /// A BYE from a peer that has not answered yet. It is not allowed to send one, but what it means is clear: this dialog is over. With the
    /// last one the session is.
    pub(super) fn on_early_bye(&mut self, id: &DialogId) -> bool {
        let State::Calling(calling) = &mut self.state else { return false };
        calling.early.retain(|e| e.dialog.id() != id);
        calling.early.is_empty()
    }

    /// The owner hangs up before the answer.
    pub(super) fn cancel_call(&mut self, headers: Vec<(String, String)>, core: &mut Core, now: Instant) {
        let State::Calling(calling) = &self.state else { return };
        if let Some(invite) = calling.stage.invite() {
            invitation::cancel(core, invite, headers, now);
        }
    }
}

fn next_number(request: &Message) -> u32 {
    request.cseq().map_or(1, |c| c.number).wrapping_add(1) & 0x7fff_ffff
}

fn first_invite(spec: &Invite, tag: &str, core: &mut Core) -> Message {
    let mut request = Message::request(Method::Invite, spec.uri.clone());
    for route in &spec.route {
        request.push(header::ROUTE, route.as_str());
    }
    if !spec.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(header::MAX_FORWARDS)) {
        request.push(header::MAX_FORWARDS, "70");
    }
    request.push(header::FROM, spec.from.clone().with_tag(tag).to_string());
    request.push(header::TO, spec.to.to_string());
    let call_id = spec.call_id.clone().unwrap_or_else(|| core.random.token());
    request.push(header::CALL_ID, call_id);
    request.push(header::CSEQ, CSeq { number: 1, method: Method::Invite }.to_string());
    request.push(header::CONTACT, format!("<{}>", spec.contact));
    request.push(header::ALLOW, ALLOW);
    // Without an offer of ours a reliable response would hold the peer's, and the owner has no answer yet.
    request.push(
        header::SUPPORTED,
        if spec.sdp.is_some() { SUPPORTED } else { SUPPORTED.trim_start_matches("100rel, ") },
    );
    request.push(header::SESSION_EXPIRES, INTERVAL.to_string());
    for (name, value) in &spec.headers {
        request.push(name, value.as_str());
    }
    request
}
