//! What the owner of an `Endpoint` sees: names, events, the order for a call.
use crate::sip::Flow;
use crate::wire::dtmf::Key;
use crate::wire::sip::{Address, Message, Uri};
use std::time::Duration;

pub use crate::sip::session::SessionId;
use crate::sip::transaction::TransactionId;
pub use crate::sip::transaction::{Output, Why};

/// A request of ours outside of sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub(crate) TransactionId);

/// A request that wants an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub(crate) TransactionId);

/// No room (`limits::Capacity`): nothing was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// The order for a call of ours.
#[derive(Clone, Debug)]
pub struct Invite {
    pub flow: Flow,
    /// The Request-URI.
    pub uri: Uri,
    /// Gets a tag; one that is there is replaced.
    pub from: Address,
    pub to: Address,
    /// Our Contact in this dialog.
    pub contact: Uri,
    /// `None`: a fresh one.
    pub call_id: Option<String>,
    /// Route header values, the first hop first.
    pub route: Vec<String>,
    /// Further headers. `Max-Forwards` here takes the place of 70.
    pub headers: Vec<(String, String)>,
    /// The offer. `None`: the peer offers in its 200 and the owner answers by `Endpoint::acknowledge`.
    pub sdp: Option<Vec<u8>>,
    /// How long it may ring (the part of RFC 3261's Timer C): then it is cancelled and has `Failed` with 408. `None`: without end.
    pub ring_limit: Option<Duration>,
}

/// Who or what ended an answered call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndedBy {
    /// The peer's BYE, with its Reason header.
    Bye { reason: Option<String> },
    /// The peer did not answer a request in the dialog, or knew the dialog no more. A BYE was sent.
    Timeout,
    /// The connection that had to carry our answer is gone.
    Transport,
    /// Our 200 got no ACK for 64*T1. A BYE was sent.
    NoAck,
}

/// What happened.
///
/// A session that the owner learnt of (by `Invite` or by `Endpoint::invite`) ends in exactly one of two ways: by one of the events
/// `Failed`, `Cancelled` or `Ended`, or by the owner's own `reject`, `challenge` or `hangup`. After that the owner hears no more of it,
/// except `Challenged` for the BYE of a `hangup`, and may forget it; calls with its id do nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A request outside of sessions: REGISTER, OPTIONS, MESSAGE, SUBSCRIBE, NOTIFY, PUBLISH, REFER. The owner calls `respond` within
    /// 64*T1, later the request is forgotten. A SUBSCRIBE with a To tag comes so too: the dialogs of subscriptions are the owner's.
    Request { id: RequestId, request: Box<Message>, flow: Flow },
    /// The answer to a `send`: any number of 1xx, then one final one, 401 and 407 included (`again` makes the next request).
    Response { id: ClientId, response: Box<Message>, request: Box<Message> },
    /// In place of a final `Response`.
    NoResponse { id: ClientId, why: Why },

    /// Somebody calls. The owner rings, accepts, rejects or challenges. 100 goes out by itself.
    Invite { session: SessionId, request: Box<Message>, flow: Flow },
    /// The caller gave up before our answer; 487 was sent. `reason` is the Reason header of CANCEL (or of a BYE in its place).
    Cancelled { session: SessionId, reason: Option<String> },
    /// The ACK for our 200. `sdp` where it is the answer to our offer in the 200.
    Acked { session: SessionId, sdp: Option<Vec<u8>> },

    /// 101 to 199 for our INVITE. `sdp`: early media of the peer.
    Progress { session: SessionId, status: u16, sdp: Option<Vec<u8>> },
    /// Our INVITE was answered. With an offer in the INVITE the ACK has been sent, and `sdp` is the answer: that of the 200, or that
    /// of this dialog's last 18x where the 200 has none. Without one `sdp` is the peer's offer, and `acknowledge` sends our answer.
    Answered { session: SessionId, sdp: Option<Vec<u8>>, response: Box<Message> },
    /// Our INVITE was refused: 300 to 699. Without a response: 408 for time-outs, 503 for a lost connection.
    Failed { session: SessionId, status: u16, response: Option<Box<Message>> },
    /// 401 or 407 for a request in this session: INVITE, re-INVITE, BYE. The owner calls `retry` or `give_up`.
    Challenged { session: SessionId, response: Box<Message>, request: Box<Message> },

    /// A re-INVITE of the peer; without SDP it wants our offer. The owner calls `answer` or `refuse`.
    Offer { session: SessionId, sdp: Option<Vec<u8>> },
    /// The peer took back its re-INVITE by CANCEL; what was agreed before holds.
    OfferWithdrawn { session: SessionId },
    /// The answer to our `reinvite`.
    Answer { session: SessionId, sdp: Option<Vec<u8>> },
    /// Our `reinvite` was refused; what was agreed before holds. 491 (both at once) is tried again by itself some times before.
    OfferRefused { session: SessionId, status: u16 },
    /// A key, told by INFO in the session, which was answered 200.
    Info { session: SessionId, key: Key },
    /// A request in the session's dialog that is not the endpoint's affair: REFER, NOTIFY, MESSAGE, SUBSCRIBE,
    /// methods that nobody knows. The owner calls `respond`.
    InDialog { session: SessionId, id: RequestId, request: Box<Message> },
    /// The end of an answered session that was not ours.
    Ended { session: SessionId, by: EndedBy },
}

/// The session of a dialog, for an INVITE that wants to take its place (RFC 3891 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    pub session: SessionId,
    /// Not answered yet.
    pub early: bool,
    /// It began with an INVITE of ours.
    pub by_us: bool,
}

/// How much is going on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub client_transactions: usize,
    pub server_transactions: usize,
    /// Early ones included.
    pub dialogs: usize,
    /// Those whose BYE is not answered yet included.
    pub sessions: usize,
    /// Since the start: requests turned away because something was full.
    pub refused_full: u64,
    /// Since the start: bytes that were no message, or one that breaks the rules.
    pub malformed: u64,
    /// Since the start: responses and ACKs that belong to nothing.
    pub stray: u64,
}

impl Counts {
    /// Nothing is left.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        self.client_transactions == 0
            && self.server_transactions == 0
            && self.dialogs == 0
            && self.sessions == 0
    }
}
