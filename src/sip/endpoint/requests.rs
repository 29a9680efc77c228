//! Requests from outside: RFC 3261 section 8.2, step by step.
use super::Endpoint;
use super::core::{ABLE, SUPPORTED, media_type, sdp_of};
use super::event::{Event, RequestId};
use crate::sip::Flow;
use crate::sip::dialog::{Dialog, DialogId};
use crate::sip::session::{Fate, LEAST, Session, SessionId, is_too_short};
use crate::sip::transaction::{Received, TransactionId, stamp};
use crate::util::time::Instant;
use crate::wire::dtmf::{self, NotUnderstood};
use crate::wire::sip::{Fault, Message, Method, header};

/// Seconds in Retry-After when we are full.
const RETRY_AFTER: &str = "10";

impl Endpoint {
    pub(super) fn on_bytes(&mut self, flow: Flow, bytes: &[u8], now: Instant) {
        let sound = Message::parse(bytes).and_then(|message| message.check().map(|()| message));
        match sound {
            Ok(message) if message.is_request() => self.on_request(message, flow, bytes, now),
            Ok(message) => self.on_response(message, now),
            Err(fault) => self.on_garbage(flow, bytes, fault),
        }
    }

    /// Answered without a transaction, where it can be answered at all. The answer is hardly longer than what came: nobody is hit harder
    /// through us.
    fn on_garbage(&mut self, flow: Flow, bytes: &[u8], fault: Fault) {
        if fault == Fault::Empty {
            return;
        }
        self.core.counters.malformed = self.core.counters.malformed.saturating_add(1);
        if let Some(mut answer) = Message::refusal(bytes, fault, &self.core.random.token()) {
            stamp(&mut answer, flow);
            self.core.transactions.send_bytes(flow, answer.to_bytes());
        }
    }

    fn on_request(&mut self, request: Message, flow: Flow, bytes: &[u8], now: Instant) {
        match self.core.transactions.handle_request(request, flow, now) {
            Received::Absorbed => {}
            Received::New(id) => self.on_new_request(id, flow, now),
            Received::Merged(id) => self.refuse_request(id, 482, &[], now),
            Received::Ack(ack) => self.on_ack(&ack, now),
            Received::Incomplete => self.on_garbage(flow, bytes, Fault::Mandatory(header::VIA)),
            Received::Full(request) => self.on_full(&request, flow),
        }
    }

    /// Without a transaction: no memory is spent on it.
    fn on_full(&mut self, request: &Message, flow: Flow) {
        self.core.counters.refused_full = self.core.counters.refused_full.saturating_add(1);
        if request.method() == Some(&Method::Invite) {
            let mut response = Message::response_to(request, 503, &self.core.random.token());
            response.push(header::RETRY_AFTER, RETRY_AFTER);
            self.core.transactions.send_bytes(flow, response.to_bytes());
        }
    }

    fn on_ack(&mut self, ack: &Message, now: Instant) {
        let session = DialogId::of_request(ack).and_then(|id| self.session_of(&id));
        let mut taken = false;
        if let Some(session) = session {
            self.with(session, |s, core| {
                taken = s.on_ack(ack, core, now);
                Fate::Stays
            });
        }
        if !taken {
            self.core.counters.stray = self.core.counters.stray.saturating_add(1);
        }
    }

    fn on_new_request(&mut self, id: TransactionId, flow: Flow, now: Instant) {
        let Some(request) = self.core.transactions.request(id).cloned() else { return };
        let Some(method) = request.method().cloned() else { return };
        if method == Method::Cancel {
            return self.on_cancel(id, &request, now);
        }
        if let Some(unsupported) = unsupported(&request) {
            return self.refuse_request(id, 420, &[(header::UNSUPPORTED, unsupported)], now);
        }
        match DialogId::of_request(&request) {
            // A registration has no dialog; who writes a To tag nevertheless means nothing by it.
            Some(dialog) if method != Method::Register => self.on_in_dialog(id, request, dialog, flow, now),
            _ if self.core.transactions.has_come_back(&request) => self.refuse_request(id, 482, &[], now),
            _ => self.on_out_of_dialog(id, request, &method, flow, now),
        }
    }

    pub(super) fn refuse_request(
        &mut self,
        id: TransactionId,
        status: u16,
        headers: &[(&str, String)],
        now: Instant,
    ) {
        let tag = self.core.random.token();
        self.core.respond_plainly(id, status, &tag, headers, now);
    }

    /// Section 9.2: CANCEL is answered 200 when it finds its INVITE, and ends it if that still can be.
    fn on_cancel(&mut self, id: TransactionId, request: &Message, now: Instant) {
        let Some((invite, is_waiting)) = self.core.transactions.cancelled_by(request) else {
            return self.refuse_request(id, 481, &[], now);
        };
        let owner = self.owner_of(invite);
        let tag = owner.and_then(|s| self.sessions.get(s.0)).map(Session::local_tag).unwrap_or_default();
        let tag = if tag.is_empty() { self.core.random.token() } else { tag };
        self.core.respond_plainly(id, 200, &tag, &[], now);
        let reason = request.get(header::REASON).map(str::to_owned);
        if let (Some(session), true) = (owner, is_waiting) {
            self.with(session, |s, core| s.on_cancel(invite, reason, core, now));
        }
    }

    // ---- outside of dialogs ----

    fn on_out_of_dialog(
        &mut self,
        id: TransactionId,
        request: Message,
        method: &Method,
        flow: Flow,
        now: Instant,
    ) {
        match method {
            Method::Invite => self.on_invite(id, request, flow, now),
            Method::Bye | Method::Info | Method::Update | Method::Prack => {
                self.refuse_request(id, 481, &[], now);
            }
            Method::Message | Method::Refer if is_worn_out(&request) => {
                self.refuse_request(id, 483, &[], now);
            }
            Method::Register
            | Method::Options
            | Method::Message
            | Method::Subscribe
            | Method::Notify
            | Method::Publish
            | Method::Refer => {
                self.core.event(Event::Request { id: RequestId(id), request: Box::new(request), flow });
            }
            Method::Ack | Method::Cancel => {}
            Method::Other(_) => self.refuse_request(id, 501, &[], now),
        }
    }

    /// Somebody calls.
    fn on_invite(&mut self, id: TransactionId, request: Message, flow: Flow, now: Instant) {
        if is_worn_out(&request) {
            return self.refuse_request(id, 483, &[], now);
        }
        if !has_readable_body(&request) {
            let accept = [(header::ACCEPT, "application/sdp".to_owned())];
            return self.refuse_request(id, 415, &accept, now);
        }
        if is_too_short(&request) {
            return self.refuse_short(id, now);
        }
        if self.sessions.len() >= self.core.transactions.capacity.sessions() {
            self.core.counters.refused_full = self.core.counters.refused_full.saturating_add(1);
            return self.refuse_request(id, 503, &[(header::RETRY_AFTER, RETRY_AFTER.to_owned())], now);
        }
        let Some(dialog) = Dialog::uas(&request, &self.core.random.token()) else {
            // Without a Contact the peer can't be reached (section 8.1.1.8).
            return self.refuse_request(id, 400, &[], now);
        };
        let has_offer = sdp_of(&request).is_some();
        let tag = self.core.secret.hash(dialog.id().local_tag.as_str());
        let session =
            self.sessions.insert_with(|s| Session::invited(SessionId(s), id, dialog, has_offer, flow, tag));
        self.by_tag.insert(tag, session);
        let session = SessionId(session);
        self.with(session, |s, core| {
            s.read_invite(&request, core);
            Fate::Stays
        });
        self.core.event(Event::Invite { session, request: Box::new(request), flow });
    }

    // ---- in dialogs ----

    fn on_in_dialog(
        &mut self,
        id: TransactionId,
        request: Message,
        dialog: DialogId,
        flow: Flow,
        now: Instant,
    ) {
        let Some(session) = self.session_of(&dialog) else {
            return self.on_unknown_dialog(id, request, flow, now);
        };
        let taken = self
            .sessions
            .get_mut(session.0)
            .and_then(|s| s.dialog_mut(&dialog))
            .map(|d| d.take_cseq(&request));
        if let Some(Err(status)) = taken {
            return self.refuse_request(id, status, &[], now);
        }
        let Some(method) = request.method() else { return };
        match method {
            Method::Invite => self.on_reinvite(id, &request, session, now),
            Method::Bye => self.with(session, |s, core| s.on_bye(id, &request, &dialog, core, now)),
            Method::Info => self.on_info(id, &request, session, now),
            Method::Options => {
                let headers = ABLE.map(|(name, value)| (name, value.to_owned()));
                self.core.respond_plainly(id, 200, "", &headers, now);
            }
            Method::Update => self.on_update(id, &request, session, &dialog, now),
            Method::Prack => self.with(session, |s, core| s.on_prack(id, &request, core, now)),
            _ => self.on_owners_request(id, request, session, now),
        }
    }

    /// The dialogs of subscriptions are the owner's; it knows whether this is one.
    fn on_unknown_dialog(&mut self, id: TransactionId, request: Message, flow: Flow, now: Instant) {
        if request.method() == Some(&Method::Subscribe) {
            return self.core.event(Event::Request { id: RequestId(id), request: Box::new(request), flow });
        }
        self.refuse_request(id, 481, &[], now);
    }

    fn on_reinvite(&mut self, id: TransactionId, request: &Message, session: SessionId, now: Instant) {
        if !has_readable_body(request) {
            let accept = [(header::ACCEPT, "application/sdp".to_owned())];
            return self.refuse_request(id, 415, &accept, now);
        }
        if is_too_short(request) {
            return self.refuse_short(id, now);
        }
        self.with(session, |s, core| {
            s.learn(request);
            s.on_reinvite(id, request, core, now);
            Fate::Stays
        });
    }

    fn on_update(
        &mut self,
        id: TransactionId,
        request: &Message,
        session: SessionId,
        dialog: &DialogId,
        now: Instant,
    ) {
        if !has_readable_body(request) {
            let accept = [(header::ACCEPT, "application/sdp".to_owned())];
            return self.refuse_request(id, 415, &accept, now);
        }
        if is_too_short(request) {
            return self.refuse_short(id, now);
        }
        self.with(session, |s, core| {
            s.learn(request);
            s.on_update(id, request, dialog, core, now);
            Fate::Stays
        });
    }

    /// RFC 4028 section 9.
    fn refuse_short(&mut self, id: TransactionId, now: Instant) {
        self.refuse_request(id, 422, &[(header::MIN_SE, LEAST.to_string())], now);
    }

    /// RFC 6086 section 4.2.2. No package of INFO is ours; without one it is as it was before there were any.
    fn on_info(&mut self, id: TransactionId, request: &Message, session: SessionId, now: Instant) {
        if !self.sessions.get(session.0).is_some_and(Session::is_heard) {
            return self.refuse_request(id, 481, &[], now);
        }
        if request.get(header::INFO_PACKAGE).is_some() {
            return self.refuse_request(id, 469, &[(header::RECV_INFO, String::new())], now);
        }
        // Nothing is a sign of life.
        if !request.body.is_empty() || request.get(header::CONTENT_TYPE).is_some() {
            let media_type = media_type(request.get(header::CONTENT_TYPE).unwrap_or_default());
            match dtmf::read(&media_type, &request.body) {
                Ok(Some(key)) => self.core.event(Event::Info { session, key }),
                Ok(None) => {}
                Err(NotUnderstood) => {
                    let accept = [(header::ACCEPT, dtmf::TYPES.to_owned())];
                    return self.refuse_request(id, 415, &accept, now);
                }
            }
        }
        self.core.respond_plainly(id, 200, "", &[], now);
    }
}

/// What the request requires and we don't have: the value of Unsupported. Section 8.2.2.3.
fn unsupported(request: &Message) -> Option<String> {
    let unknown: Vec<&str> = request.items(header::REQUIRE).filter(|tag| !is_supported(tag)).collect();
    (!unknown.is_empty()).then(|| unknown.join(", "))
}

fn is_supported(tag: &str) -> bool {
    SUPPORTED.split(", ").any(|known| known.eq_ignore_ascii_case(tag))
}

/// Max-Forwards is used up. What ends here (REGISTER, OPTIONS) needs none; what the switch passes on does.
fn is_worn_out(request: &Message) -> bool {
    request.number(header::MAX_FORWARDS) == Some(0)
}

/// No body, or a session description that is written plainly. Section 8.2.3.
fn has_readable_body(request: &Message) -> bool {
    let plain =
        request.get(header::CONTENT_ENCODING).is_none_or(|e| e.trim().eq_ignore_ascii_case("identity"));
    request.body.is_empty() || (plain && sdp_of(request).is_some())
}
