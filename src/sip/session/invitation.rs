//! An INVITE of ours beside its session, which may be over long before: CANCEL when it may be sent, an ACK for each 2xx however often and
//! from whomever it comes. Lives as long as the client transaction.
use super::SessionId;
use crate::sip::dialog::Dialog;
use crate::sip::endpoint::{Core, Usage};
use crate::sip::transaction::{GIVE_UP, TransactionId};
use crate::util::limits::SIP_FORKS;
use crate::util::time::Instant;
use crate::wire::sip::{CSeq, Message, Method, header};
use std::borrow::Cow;

#[derive(Debug)]
enum Cancel {
    No,
    /// To be sent with these headers as soon as a provisional response comes. RFC 3261 section 9.1.
    Wanted(Vec<(String, String)>),
    Sent,
}

/// The ACK for the 2xx with this To tag. `None`: the owner has not given his answer yet.
#[derive(Debug)]
struct Ack {
    remote_tag: String,
    bytes: Option<Vec<u8>>,
}

#[derive(Debug)]
pub struct Invitation {
    pub session: SessionId,
    has_provisional: bool,
    cancel: Cancel,
    acks: Vec<Ack>,
}

impl Invitation {
    pub const fn new(session: SessionId) -> Self {
        Self { session, has_provisional: false, cancel: Cancel::No, acks: Vec::new() }
    }
}

/// The session ends before the final response.
pub fn cancel(core: &mut Core, id: TransactionId, headers: Vec<(String, String)>, now: Instant) {
    let Some(invitation) = core.invitation(id) else { return };
    if !matches!(invitation.cancel, Cancel::No) || !invitation.acks.is_empty() {
        return;
    }
    let may_be_sent = invitation.has_provisional;
    invitation.cancel = Cancel::Wanted(headers);
    if may_be_sent {
        send_cancel(core, id, now);
    }
}

fn send_cancel(core: &mut Core, id: TransactionId, now: Instant) {
    let Some(invitation) = core.invitation(id) else { return };
    let Cancel::Wanted(headers) = &mut invitation.cancel else { return };
    let headers = std::mem::take(headers);
    invitation.cancel = Cancel::Sent;
    // Without a final response until then it is forgotten (section 9.1).
    core.transactions.set_limit(id, Some(now + GIVE_UP));
    core.transactions.cancel(id, &headers, Usage::Cancel, now);
}

/// A provisional response came: a CANCEL that waited for it goes out.
pub fn on_provisional(core: &mut Core, id: TransactionId, now: Instant) {
    if let Some(invitation) = core.invitation(id) {
        invitation.has_provisional = true;
        send_cancel(core, id, now);
    }
}

/// Remembers the ACK for a 2xx.
pub fn acknowledged(core: &mut Core, id: TransactionId, ok: &Message, bytes: Option<Vec<u8>>) {
    acknowledged_tag(core, id, tag_of(ok), bytes);
}

pub fn acknowledged_tag(core: &mut Core, id: TransactionId, remote_tag: String, bytes: Option<Vec<u8>>) {
    let Some(invitation) = core.invitation(id) else { return };
    // The answer has come: nothing is left to cancel.
    invitation.cancel = Cancel::No;
    match invitation.acks.iter_mut().find(|a| a.remote_tag == remote_tag) {
        Some(ack) => ack.bytes = bytes,
        None => invitation.acks.push(Ack { remote_tag, bytes }),
    }
}

/// True: this 2xx was here before. Its ACK goes out again, if there is one yet.
pub fn repeat_ack(core: &mut Core, id: TransactionId, ok: &Message) -> bool {
    let tag = tag_of(ok);
    let Some(invitation) = core.invitation(id) else { return false };
    let Some(ack) = invitation.acks.iter().find(|a| a.remote_tag == tag) else { return false };
    if let (Some(bytes), Some(flow)) = (ack.bytes.clone(), core.transactions.sent_on(id)) {
        core.transactions.send_bytes(flow, bytes);
    }
    true
}

/// A 2xx that nobody wants any more, or a second one from another fork: ACK, then BYE (section 13.2.2.4).
pub fn turn_away(core: &mut Core, id: TransactionId, ok: &Message, now: Instant) {
    let (Some(invite), Some(flow)) =
        (core.transactions.sent(id).map(Cow::into_owned), core.transactions.sent_on(id))
    else {
        return;
    };
    if core.invitation(id).is_none_or(|i| i.acks.len() >= SIP_FORKS) {
        return;
    }
    if invite.to().is_some_and(|to| to.tag().is_some()) {
        // A re-INVITE: its session is over, so that its dialog has had its BYE.
        let ack = ack_in_lost_dialog(&invite);
        let bytes = ack.map(|ack| core.send_ack(flow, ack));
        return acknowledged(core, id, ok, bytes);
    }
    let Some(mut dialog) = Dialog::uac(&invite, ok) else { return };
    let bytes = core.send_ack(flow, dialog.ack(&invite));
    acknowledged(core, id, ok, Some(bytes));
    core.send(flow, dialog.request(Method::Bye), Usage::Stray, now);
}

fn ack_in_lost_dialog(reinvite: &Message) -> Option<Message> {
    let mut ack = Message::request(Method::Ack, reinvite.uri()?.clone());
    for name in [header::ROUTE, header::FROM, header::TO, header::CALL_ID, header::AUTHORIZATION] {
        for value in reinvite.all(name) {
            ack.push(name, value);
        }
    }
    ack.push(header::MAX_FORWARDS, "70");
    ack.push(header::CSEQ, CSeq { number: reinvite.cseq()?.number, method: Method::Ack }.to_string());
    Some(ack)
}

fn tag_of(response: &Message) -> String {
    response.to().and_then(|to| to.tag().map(str::to_owned)).unwrap_or_default()
}
