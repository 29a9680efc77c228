//! The SIP side as one thing: what the switch uses. Messages and time in, messages and events out.
//!
//! ```text
//! bytes ─► wire::sip ─► transaction ─► endpoint ─► session ─► dialog
//!                           │             └─► Event::Request: what is outside of sessions
//! bytes ◄───────────────────┘
//! ```
//!
//! After each input: `poll_output` until it is empty, `poll_event` until it is empty, then `poll_timeout`. The order of inputs is the
//! order of their effects; nothing happens between them.
mod event;

pub use event::{ClientId, Counts, EndedBy, Event, Full, Invite, Output, RequestId, SessionId, Why};

use crate::sip::Flow;
use crate::util::random::Seed;
use crate::util::time::Instant;
use crate::wire::sip::{Message, Uri};

/// All transactions, dialogs and sessions.
#[derive(Debug)]
pub struct Endpoint {}

impl Endpoint {
    /// `user_agent` is our name in User-Agent and Server.
    #[must_use]
    pub fn new(seed: Seed, user_agent: &str) -> Self {
        let _ = (seed, user_agent);
        Self {}
    }

    // ---- inputs of the shell ----

    /// One datagram, or one message that `Framer` cut out of a stream. What is no message gets 400 where its Via can be read and it is
    /// a request, else silence.
    pub fn handle_message(&mut self, flow: Flow, bytes: &[u8], now: Instant) {
        let _ = (flow, bytes, now);
    }

    /// A TCP connection is gone: requests that wait for an answer on it fail, callers on it who were not answered yet are gone.
    /// Answered sessions stay; their next request goes to the flow that `set_flow` last named.
    pub fn handle_flow_closed(&mut self, flow_id: u32, now: Instant) {
        let _ = (flow_id, now);
    }

    /// An `Output` for this flow could not be sent: requests that wait for an answer from there fail with `Why::Transport`.
    pub fn handle_send_failed(&mut self, flow: Flow, now: Instant) {
        let _ = (flow, now);
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        let _ = now;
    }

    /// When `handle_timeout` is wanted next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        None
    }

    pub fn poll_event(&mut self) -> Option<Event> {
        None
    }

    // ---- outside of sessions ----

    /// A response with a To tag of ours, to be filled with headers and given to `respond` or `challenge`.
    #[must_use]
    pub fn response_to(&mut self, request: &Message, status: u16) -> Message {
        Message::response_to(request, status, "")
    }

    /// Answers an `Event::Request`; a second final answer and one that comes too late are dropped.
    pub fn respond(&mut self, id: RequestId, response: Message, now: Instant) {
        let _ = (id, response, now);
    }

    /// Sends a request outside of sessions. Via, and where they are missing Max-Forwards, CSeq, Call-ID and a From tag, are added.
    ///
    /// # Errors
    /// `Full`: nothing was sent.
    pub fn send(&mut self, flow: Flow, request: Message, now: Instant) -> Result<ClientId, Full> {
        let _ = (flow, request, now);
        Err(Full)
    }

    // ---- sessions that began with the peer's INVITE ----

    /// Our Contact in the dialog, before `ring` or `accept`; without it `sip:tandem@LOCAL` of the flow.
    pub fn set_contact(&mut self, session: SessionId, contact: Uri) {
        let _ = (session, contact);
    }

    /// A provisional response, 180 or 183; again as often as wanted. `sdp`: early media.
    pub fn ring(&mut self, session: SessionId, status: u16, sdp: Option<Vec<u8>>, now: Instant) {
        let _ = (session, status, sdp, now);
    }

    /// 200. `sdp` answers the offer of the INVITE, or is our offer where it had none.
    pub fn accept(&mut self, session: SessionId, sdp: Vec<u8>, now: Instant) {
        let _ = (session, sdp, now);
    }

    /// A final answer of 300 to 699: the end of this session.
    pub fn reject(&mut self, session: SessionId, status: u16, headers: &[(&str, String)], now: Instant) {
        let _ = (session, status, headers, now);
    }

    /// A final answer that the owner built from the INVITE (401 with its headers): the end of this session. The caller's next try is
    /// a new one.
    pub fn challenge(&mut self, session: SessionId, response: Message, now: Instant) {
        let _ = (session, response, now);
    }

    // ---- sessions that begin with our INVITE ----

    /// Calls somebody.
    ///
    /// # Errors
    /// `Full`: nothing was sent.
    pub fn invite(&mut self, spec: Invite, now: Instant) -> Result<SessionId, Full> {
        let _ = (spec, now);
        Err(Full)
    }

    /// Our answer to an offer that came in the 200: goes out in the ACK.
    pub fn acknowledge(&mut self, session: SessionId, sdp: Vec<u8>, now: Instant) {
        let _ = (session, sdp, now);
    }

    // ---- both ----

    /// After `Challenged`: the same request with this header, the next CSeq and a new branch.
    pub fn retry(&mut self, session: SessionId, header_name: &str, header_value: &str, now: Instant) {
        let _ = (session, header_name, header_value, now);
    }

    /// After `Challenged`: takes the 401 or 407 as the answer. INVITE: `Failed`; re-INVITE: `OfferRefused`; BYE: no event.
    pub fn give_up(&mut self, session: SessionId, now: Instant) {
        let _ = (session, now);
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
        let _ = (session, reason, status_if_early, headers, now);
    }

    /// Our re-INVITE with a new offer. False: not now (not answered yet, or another offer is under way).
    pub fn reinvite(&mut self, session: SessionId, sdp: Vec<u8>, now: Instant) -> bool {
        let _ = (session, sdp, now);
        false
    }

    /// 200 to the peer's re-INVITE: our answer, or our offer where it had none.
    pub fn answer(&mut self, session: SessionId, sdp: Vec<u8>, now: Instant) {
        let _ = (session, sdp, now);
    }

    /// Refuses the peer's re-INVITE, with 488 mostly; what was agreed before holds.
    pub fn refuse(&mut self, session: SessionId, status: u16, now: Instant) {
        let _ = (session, status, now);
    }

    /// A new way to this peer (a phone that registered from elsewhere): further requests go there.
    pub fn set_flow(&mut self, session: SessionId, flow: Flow) {
        let _ = (session, flow);
    }

    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts::default()
    }

    /// Nothing is left: no transaction, dialog, session or timer.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.counts().is_idle()
    }
}
