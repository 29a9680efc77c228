//! The SIP side as one thing: what the switch uses. Messages and time in, messages and events out.
//!
//! ```text
//! bytes ─► wire::sip ─► transaction ─► endpoint ─► session ─► dialog
//!                           │             └─► Event::Request: what is outside of sessions
//! bytes ◄───────────────────┘
//! ```
//!
//! | file | what |
//! |---|---|
//! | `event` | names, events, the order for a call |
//! | `requests`, `responses` | what comes from outside, step by step |
//! | `in_dialog` | requests in the dialog of a session that are not its own affair, both ways |
//! | `core` | what all sessions share |
//!
//! After each input: `poll_output` until it is empty, `poll_event` until it is empty, then `poll_timeout`. The order of inputs is the
//! order of their effects; nothing happens between them.
mod core;
mod event;
mod in_dialog;
mod requests;
mod responses;
#[cfg(test)]
mod tests;

pub use core::{ALLOW, SUPPORTED, again};
pub(super) use core::{Core, Usage, sdp_of};
pub use event::{ClientId, Counts, EndedBy, Event, Found, Full, Invite, Output, RequestId, SessionId, Why};

use crate::sip::Flow;
use crate::sip::dialog::DialogId;
use crate::sip::session::{Fate, Session};
use crate::sip::transaction::TransactionId;
use crate::util::index::Index;
use crate::util::limits::Capacity;
use crate::util::pool::Pool;
use crate::util::random::{Random, Seed};
use crate::util::time::Instant;
use crate::wire::sip::{CSeq, Message, Method, Uri, header};

/// All transactions, dialogs and sessions.
#[derive(Debug)]
pub struct Endpoint {
    core: Core,
    sessions: Pool<Session>,
    /// Sessions by our tag.
    by_tag: Index,
}

impl Endpoint {
    /// `user_agent` is our name in User-Agent and Server.
    #[must_use]
    pub fn new(seed: Seed, user_agent: &str) -> Self {
        Self {
            core: Core::new(Random::new(seed), user_agent),
            sessions: Pool::default(),
            by_tag: Index::default(),
        }
    }

    /// How much of everything there may be from now on.
    pub fn set_capacity(&mut self, capacity: Capacity) {
        self.core.transactions.capacity = capacity;
    }

    // ---- inputs of the shell ----

    /// One datagram, or one message that `Framer` cut out of a stream. What is no message gets 400 where its Via can be read and it is
    /// a request, else silence.
    pub fn handle_message(&mut self, flow: Flow, bytes: &[u8], now: Instant) {
        self.on_bytes(flow, bytes, now);
        self.take_notes(now);
    }

    /// A TCP connection is gone: requests that wait for an answer on it fail, callers on it who were not answered yet are gone.
    /// Answered sessions stay; their next request goes to the flow that `set_flow` last named.
    pub fn handle_flow_closed(&mut self, flow_id: u32, now: Instant) {
        self.core.transactions.handle_flow_closed(flow_id);
        self.take_notes(now);
    }

    /// An `Output` for this flow could not be sent: requests that wait for an answer from there fail with `Why::Transport`.
    pub fn handle_send_failed(&mut self, flow: Flow, now: Instant) {
        self.core.transactions.handle_send_failed(flow);
        self.take_notes(now);
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        let due: Vec<u64> = std::iter::from_fn(|| self.sessions.pop_timer(now)).collect();
        for id in due {
            self.with(SessionId(id), |s, core| s.handle_timeout(core, now));
        }
        self.core.transactions.handle_timeout(now);
        self.take_notes(now);
    }

    /// When `handle_timeout` is wanted next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.sessions.next_timer().into_iter().chain(self.core.transactions.poll_timeout()).min()
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.core.transactions.poll_output()
    }

    pub fn poll_event(&mut self) -> Option<Event> {
        self.core.poll_event()
    }

    // ---- outside of sessions ----

    /// A response with a To tag of ours, to be filled with headers and given to `respond` or `challenge`.
    #[must_use]
    pub fn response_to(&mut self, request: &Message, status: u16) -> Message {
        Message::response_to(request, status, &self.core.random.token())
    }

    /// The answer to OPTIONS outside of dialogs: what we can do.
    #[must_use]
    pub fn able(&mut self, request: &Message) -> Message {
        let mut response = self.response_to(request, 200);
        core::ABLE.into_iter().for_each(|(name, value)| response.push(name, value));
        response
    }

    /// Answers an `Event::Request`; a second final answer and one that comes too late are dropped.
    pub fn respond(&mut self, id: RequestId, response: Message, now: Instant) {
        self.core.respond(id.0, response, now);
    }

    /// Sends a request outside of sessions. Via is added, and where they are missing Max-Forwards, CSeq, Call-ID and a From tag.
    ///
    /// # Errors
    /// `Full`: nothing was sent.
    pub fn send(&mut self, flow: Flow, mut request: Message, now: Instant) -> Result<ClientId, Full> {
        self.make_room()?;
        self.complete(&mut request);
        Ok(ClientId(self.core.send(flow, request, Usage::Owner, now)))
    }

    fn complete(&mut self, request: &mut Message) {
        if request.get(header::MAX_FORWARDS).is_none() {
            request.push(header::MAX_FORWARDS, "70");
        }
        if let Some(from) = request.from().filter(|from| from.tag().is_none()) {
            let tag = self.core.random.token();
            request.set(header::FROM, from.with_tag(&tag).to_string());
        }
        if request.call_id().is_none() {
            let call_id = self.core.random.token();
            request.push(header::CALL_ID, call_id);
        }
        if request.cseq().is_none() {
            let method = request.method().cloned().unwrap_or(Method::Options);
            request.push(header::CSEQ, CSeq { number: 1, method }.to_string());
        }
    }

    // ---- sessions that began with the peer's INVITE ----

    /// Our Contact in the dialog, before `ring` or `accept`; without it `sip:tandem@LOCAL` of the flow.
    pub fn set_contact(&mut self, session: SessionId, contact: Uri) {
        self.with(session, |s, _| {
            s.set_contact(contact);
            Fate::Stays
        });
    }

    /// A provisional response, 180 or 183; again as often as wanted. `sdp`: early media.
    pub fn ring(&mut self, session: SessionId, status: u16, sdp: Option<Vec<u8>>, now: Instant) {
        self.with(session, |s, core| {
            s.ring(status, sdp, core, now);
            Fate::Stays
        });
    }

    /// 200. `sdp` answers the offer of the INVITE, or is our offer where it had none.
    pub fn accept(&mut self, session: SessionId, sdp: Vec<u8>, now: Instant) {
        self.with(session, |s, core| {
            s.accept(sdp, core, now);
            Fate::Stays
        });
    }

    /// A final answer of 300 to 699: the end of this session.
    pub fn reject(&mut self, session: SessionId, status: u16, headers: &[(&str, String)], now: Instant) {
        self.with(session, |s, core| s.reject(status, headers, core, now));
    }

    /// A final answer that the owner built from the INVITE (401 with its headers): the end of this session. The caller's next try is
    /// a new one.
    pub fn challenge(&mut self, session: SessionId, response: Message, now: Instant) {
        self.with(session, |s, core| s.challenge(response, core, now));
    }

    // ---- sessions that begin with our INVITE ----

    /// Calls somebody.
    ///
    /// # Errors
    /// `Full`: nothing was sent.
    pub fn invite(&mut self, spec: Invite, now: Instant) -> Result<SessionId, Full> {
        let capacity = self.core.transactions.capacity;
        if self.sessions.len() >= capacity.sessions()
            || self.core.transactions.client_count() >= capacity.transactions()
        {
            self.core.counters.refused_full = self.core.counters.refused_full.saturating_add(1);
            return Err(Full);
        }
        let core = &mut self.core;
        let id = SessionId(self.sessions.insert_with(|id| Session::call(SessionId(id), spec, core, now)));
        if let Some(session) = self.sessions.get(id.0) {
            self.by_tag.insert(session.tag(), id.0);
        }
        self.with(id, |_, _| Fate::Stays);
        Ok(id)
    }

    /// Our answer to an offer that came in the 200: goes out in the ACK.
    pub fn acknowledge(&mut self, session: SessionId, sdp: Vec<u8>) {
        self.with(session, |s, core| {
            s.acknowledge(Some(sdp), core);
            Fate::Stays
        });
    }

    // ---- both ----

    /// After `Challenged`: the same request with this header, the next CSeq and a new branch.
    pub fn retry(&mut self, session: SessionId, header_name: &str, header_value: &str, now: Instant) {
        self.with(session, |s, core| {
            s.retry(header_name, header_value, core, now);
            Fate::Stays
        });
    }

    /// After `Challenged`: takes the 401 or 407 as the answer. INVITE: `Failed`; re-INVITE: `OfferRefused`; BYE: no event.
    pub fn give_up(&mut self, session: SessionId) {
        self.with(session, Session::give_up);
    }

    /// Ends the session in any phase: BYE, CANCEL as soon as it may be sent, or `status_if_early` to the caller. `reason` is the value
    /// of a Reason header. No event follows but `Challenged`; a second call does nothing.
    pub fn hangup(
        &mut self,
        session: SessionId,
        reason: Option<&str>,
        status_if_early: u16,
        headers: &[(&str, String)],
        now: Instant,
    ) {
        self.with(session, |s, core| s.hangup(reason, status_if_early, headers, core, now));
    }

    /// Our re-INVITE with a new offer. False: not now (not answered yet, or another offer is under way).
    pub fn reinvite(&mut self, session: SessionId, sdp: Vec<u8>, now: Instant) -> bool {
        let mut begun = false;
        self.with(session, |s, core| {
            begun = s.reinvite(sdp, core, now);
            Fate::Stays
        });
        begun
    }

    /// 200 to the peer's re-INVITE: our answer, or our offer where it had none.
    pub fn answer(&mut self, session: SessionId, sdp: Vec<u8>, now: Instant) {
        self.with(session, |s, core| {
            s.answer(sdp, core, now);
            Fate::Stays
        });
    }

    /// Refuses the peer's re-INVITE, with 488 mostly; what was agreed before holds.
    pub fn refuse(&mut self, session: SessionId, status: u16, now: Instant) {
        self.with(session, |s, core| {
            s.refuse(status, core, now);
            Fate::Stays
        });
    }

    /// A new way to this peer (a phone that registered from elsewhere): further requests go there.
    pub fn set_flow(&mut self, session: SessionId, flow: Flow) {
        self.with(session, |s, _| {
            s.set_flow(flow);
            Fate::Stays
        });
    }

    /// The Call-ID of a session's messages.
    #[must_use]
    pub fn call_id(&self, session: SessionId) -> Option<String> {
        self.sessions.get(session.0)?.call_id(&self.core)
    }

    /// The dialog of a session; of several early ones the last in which something came.
    pub fn dialog_id(&mut self, session: SessionId) -> Option<crate::sip::DialogId> {
        self.sessions.get_mut(session.0)?.our_dialog().map(|d| d.id().clone())
    }

    #[must_use]
    pub fn counts(&self) -> Counts {
        let counters = self.core.counters;
        Counts {
            client_transactions: self.core.transactions.client_count(),
            server_transactions: self.core.transactions.server_count(),
            dialogs: self.sessions.iter().map(|(_, s)| s.dialog_count()).sum(),
            sessions: self.sessions.len(),
            refused_full: counters.refused_full,
            malformed: counters.malformed,
            stray: counters.stray,
        }
    }

    /// Nothing is left: no transaction, dialog, session or timer.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.counts().is_idle() && self.poll_timeout().is_none()
    }

    /// One input for one session, if there is one of this name.
    fn with(&mut self, id: SessionId, input: impl FnOnce(&mut Session, &mut Core) -> Fate) {
        let Some(session) = self.sessions.get_mut(id.0) else { return };
        if input(session, &mut self.core) == Fate::Over {
            let tag = session.tag();
            self.sessions.remove(id.0);
            self.by_tag.remove(tag, id.0);
        } else {
            let at = session.deadline();
            self.sessions.set_timer(id.0, at);
        }
    }

    /// The session that has this dialog.
    fn session_of(&self, dialog: &DialogId) -> Option<SessionId> {
        let hash = self.core.secret.hash(dialog.local_tag.as_str());
        let is_it = |id: &u64| self.sessions.get(*id).is_some_and(|s| s.has_dialog(dialog));
        self.by_tag.get(hash).find(is_it).map(SessionId)
    }

    /// The session whose final response this INVITE of the peer waits for.
    fn owner_of(&self, invite: TransactionId) -> Option<SessionId> {
        self.sessions.iter().find(|(_, s)| s.owes(invite)).map(|(id, _)| SessionId(id))
    }
}
