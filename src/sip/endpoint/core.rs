//! What all sessions share: transactions and who uses them, random numbers, our name, the events for the owner.
use super::event::{ClientId, Event};
use crate::sip::Flow;
use crate::sip::session::{Invitation, SessionId};
use crate::sip::transaction::{TransactionId, Transactions, branch};
use crate::util::OFFICE;
use crate::util::index::Secret;
use crate::util::random::Random;
use crate::util::time::Instant;
use crate::wire::sip::{Message, header};
use std::borrow::Cow;
use std::collections::VecDeque;

/// What we do.
pub const ALLOW: &str = if OFFICE {
    "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, REGISTER, MESSAGE, NOTIFY, SUBSCRIBE, REFER, UPDATE, PRACK"
} else {
    "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, REGISTER, NOTIFY, UPDATE, PRACK"
};
/// Option tags that a request may require of us.
pub const SUPPORTED: &str = if OFFICE { "100rel, timer, replaces, norefersub" } else { "100rel, timer" };
/// What OPTIONS is told. RFC 3261 section 11.2.
pub const ABLE: [(&str, &str); 3] =
    [(header::ALLOW, ALLOW), (header::SUPPORTED, SUPPORTED), (header::ACCEPT, "application/sdp")];

/// Who waits for the responses of a client transaction.
#[derive(Debug)]
pub enum Usage {
    /// `Endpoint::send`.
    Owner,
    Invite(Invitation),
    Bye(SessionId),
    /// With an offer, or a refresh of the session.
    Update(SessionId),
    /// Only a challenge counts.
    Prack(SessionId),
    /// Its response changes nothing: that of the INVITE counts.
    Cancel,
    /// BYE for a dialog that we never wanted.
    Stray,
}

/// See `Counts`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    pub refused_full: u64,
    pub malformed: u64,
    pub stray: u64,
}

#[derive(Debug)]
pub struct Core {
    pub transactions: Transactions<Usage>,
    pub secret: Secret,
    pub random: Random,
    pub counters: Counters,
    user_agent: String,
    events: VecDeque<Event>,
}

impl Core {
    pub fn new(mut random: Random, user_agent: &str) -> Self {
        let secret = Secret::new([random.next_u64(), random.next_u64()]);
        Self {
            transactions: Transactions::new(secret.clone()),
            secret,
            random,
            counters: Counters::default(),
            user_agent: user_agent.to_owned(),
            events: VecDeque::new(),
        }
    }

    pub fn event(&mut self, event: Event) {
        self.events.push_back(event);
    }

    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Sends a request in a transaction of its own.
    pub fn send(&mut self, flow: Flow, mut request: Message, usage: Usage, now: Instant) -> TransactionId {
        self.name_ourselves(&mut request, header::USER_AGENT);
        let branch = branch(&self.random.token());
        self.transactions.send(flow, request, &branch, usage, now)
    }

    /// Sends the ACK for a 2xx; its bytes.
    pub fn send_ack(&mut self, flow: Flow, mut ack: Message) -> Vec<u8> {
        self.name_ourselves(&mut ack, header::USER_AGENT);
        let branch = branch(&self.random.token());
        self.transactions.send_ack(flow, ack, &branch)
    }

    /// False: too late, there has been a final response.
    pub fn respond(&mut self, id: TransactionId, mut response: Message, now: Instant) -> bool {
        self.name_ourselves(&mut response, header::SERVER);
        // Sections 8.2.1 and 21.5.2.
        if matches!(response.status(), Some(405 | 501)) && response.get(header::ALLOW).is_none() {
            response.push(header::ALLOW, ALLOW);
        }
        self.transactions.respond(id, &response, now)
    }

    /// A response without a body. `tag` becomes that of To if it has none.
    pub fn respond_plainly(
        &mut self,
        id: TransactionId,
        status: u16,
        tag: &str,
        headers: &[(&str, String)],
        now: Instant,
    ) {
        let Some(request) = self.transactions.request(id) else { return };
        let mut response = Message::response_to(request, status, tag);
        for (name, value) in headers {
            response.push(name, value.as_str());
        }
        self.respond(id, response, now);
    }

    fn name_ourselves(&self, message: &mut Message, name: &str) {
        if message.get(name).is_none() && !self.user_agent.is_empty() {
            message.push(name, self.user_agent.as_str());
        }
    }

    pub fn invitation(&mut self, id: TransactionId) -> Option<&mut Invitation> {
        match self.transactions.user(id) {
            Some(Usage::Invite(invitation)) => Some(invitation),
            _ => None,
        }
    }

    /// The owner's requests.
    pub fn on_owners_response(&mut self, id: TransactionId, response: Message) {
        let Some(request) = self.transactions.sent(id).map(Cow::into_owned) else { return };
        self.event(Event::Response {
            id: ClientId(id),
            response: Box::new(response),
            request: Box::new(request),
        });
    }
}

/// The next try of a request that was challenged: the same with this header (in place of one with that name), without Via, and with
/// this CSeq number. RFC 3261 section 22.2.
#[must_use]
pub fn again(request: &Message, header_name: &str, header_value: &str, cseq: u32) -> Message {
    let mut next = request.clone();
    next.remove(header::VIA);
    if let Some(old) = request.cseq() {
        next.set(header::CSEQ, crate::wire::sip::CSeq { number: cseq, ..old }.to_string());
    }
    next.set(header_name, header_value);
    next
}

/// The session description in a message, if that is what its body is.
pub fn sdp_of(message: &Message) -> Option<Vec<u8>> {
    let is_sdp = message.get(header::CONTENT_TYPE).is_none_or(|t| media_type(t) == "application/sdp");
    (is_sdp && !message.body.is_empty()).then(|| message.body.clone())
}

/// `Application/SDP; charset=x` without its parameters, in lower case.
pub fn media_type(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}
