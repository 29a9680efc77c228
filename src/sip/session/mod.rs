//! Sessions: the INVITE usage of a dialog with its offer/answer state. RFC 3261 sections 13 to 15.
//!
//! ```text
//!  our INVITE ─► Calling ──2xx──┐                      ┌─ peer's BYE ─► over
//!                   │           ├─► Answered ──────────┤
//! their INVITE ─► Invited ─200──┘       │              └─ our BYE ─► Ending ─► over
//!                   │                   └─ hung up before the ACK ─► Leaving ─ACK─► Ending
//!                   └─ refused, cancelled ─► over
//! ```
//!
//! | file | what |
//! |---|---|
//! | `uac` | from our INVITE to its final response |
//! | `invitation` | what outlives that: CANCEL, the ACK of each 2xx, forks, late 2xx |
//! | `uas` | from the peer's INVITE to our final response and its ACK |
//! | `unacked` | our 2xx until its ACK |
//! | `reliable` | our provisional responses until their PRACK |
//! | `negotiation`, `theirs` | re-INVITE and UPDATE with an offer: ours, the peer's |
//! | `timer` | session timers |
//! | `ending` | BYE, both ways |
mod ending;
mod invitation;
mod negotiation;
mod reliable;
mod theirs;
mod timer;
mod uac;
mod uas;
mod unacked;

pub use invitation::{Invitation, on_provisional, repeat_ack, turn_away};
pub use timer::{LEAST, is_too_short};

use crate::sip::Flow;
use crate::sip::dialog::{Dialog, DialogId};
use crate::sip::transaction::TransactionId;
use crate::util::time::Instant;
use crate::wire::sip::{Message, Method, Uri, header};
use ending::Bye;
use negotiation::Negotiation;
use reliable::Reliable;
use timer::Timer;
use uac::Calling;
use unacked::Unacked;

/// Names a session; not used again for a long time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub(crate) u64);

/// What becomes of a session after an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Fate {
    Stays,
    /// To be removed; its transactions go on without it.
    Over,
}

/// 401 or 407 came; the owner thinks. He has 64*T1 for it, then the challenge counts as a refusal.
#[derive(Debug)]
struct Challenged {
    request: Message,
    response: Message,
    until: Instant,
}

#[derive(Debug)]
enum State {
    /// Our INVITE waits for its final response.
    Calling(Calling),
    /// The peer's INVITE waits for ours.
    Invited { invite: TransactionId, dialog: Dialog, has_offer: bool },
    /// `owed`: the INVITE whose 2xx held an offer and has no ACK from us yet.
    Answered { dialog: Dialog, owed: Option<(TransactionId, Message)> },
    /// The owner hung up before the ACK for our 2xx: BYE waits for it (section 15).
    Leaving { dialog: Dialog, headers: Vec<(String, String)> },
    /// BYE is out.
    Ending { dialog: Dialog, bye: Bye },
    /// Between two states, inside of one function.
    Moving,
}

#[derive(Debug)]
pub struct Session {
    id: SessionId,
    /// The way of our requests.
    flow: Flow,
    contact: Uri,
    state: State,
    unacked: Option<Unacked>,
    negotiation: Negotiation,
    /// We made the Call-ID (for the pause after 491).
    ours: bool,
    /// Hash of our tag.
    tag: u64,
    /// The description that the peer knows of us, for a refresh.
    local_sdp: Option<Vec<u8>>,
    reliable: Option<Box<Reliable>>,
    /// Of the peer's first INVITE, for RAck.
    invite_cseq: Option<u32>,
    timer: Option<Box<Timer>>,
    /// Min-SE that the peer asked for, in seconds.
    least: u32,
    /// The peer has UPDATE in its Allow.
    allows_update: bool,
}

impl Session {
    const fn new(id: SessionId, flow: Flow, contact: Uri, state: State, ours: bool, tag: u64) -> Self {
        Self {
            id,
            flow,
            contact,
            state,
            unacked: None,
            negotiation: Negotiation::Idle,
            ours,
            tag,
            local_sdp: None,
            reliable: None,
            invite_cseq: None,
            timer: None,
            least: 0,
            allows_update: false,
        }
    }

    /// Hash of our tag.
    pub const fn tag(&self) -> u64 {
        self.tag
    }

    fn enter(&mut self, state: State) {
        self.state = state;
    }

    /// The state's data for the next state.
    fn leave(&mut self) -> State {
        std::mem::replace(&mut self.state, State::Moving)
    }

    pub const fn set_flow(&mut self, flow: Flow) {
        self.flow = flow;
    }

    pub fn set_contact(&mut self, contact: Uri) {
        self.contact = contact;
    }

    pub const fn flow(&self) -> Flow {
        self.flow
    }

    /// The dialog of our requests; of several early ones the last in which something came.
    pub fn our_dialog(&mut self) -> Option<&mut Dialog> {
        match &mut self.state {
            State::Invited { dialog, .. }
            | State::Answered { dialog, .. }
            | State::Leaving { dialog, .. }
            | State::Ending { dialog, .. } => Some(dialog),
            State::Calling(calling) => calling.last_early_dialog(),
            State::Moving => None,
        }
    }

    /// A request of ours with Contact, for the owner to complete.
    pub fn request(&mut self, method: Method) -> Option<Message> {
        let mut request = self.our_dialog()?.request(method);
        request.push(header::CONTACT, format!("<{}>", self.contact));
        Some(request)
    }

    /// Not answered yet.
    pub const fn is_early(&self) -> bool {
        matches!(self.state, State::Calling(_) | State::Invited { .. })
    }

    /// It began with our INVITE.
    pub const fn is_ours(&self) -> bool {
        self.ours
    }

    const fn dialog(&self) -> Option<&Dialog> {
        match &self.state {
            State::Invited { dialog, .. }
            | State::Answered { dialog, .. }
            | State::Leaving { dialog, .. }
            | State::Ending { dialog, .. } => Some(dialog),
            State::Calling(_) | State::Moving => None,
        }
    }

    /// The dialog of this name, early ones included.
    pub fn dialog_mut(&mut self, id: &DialogId) -> Option<&mut Dialog> {
        match &mut self.state {
            State::Invited { dialog, .. }
            | State::Answered { dialog, .. }
            | State::Leaving { dialog, .. }
            | State::Ending { dialog, .. } => Some(dialog).filter(|d| d.id() == id),
            State::Calling(calling) => calling.early_dialog(id),
            State::Moving => None,
        }
    }

    /// Whether this dialog is one of the session's.
    pub fn has_dialog(&self, id: &DialogId) -> bool {
        match &self.state {
            State::Calling(calling) => calling.has_early_dialog(id),
            _ => self.dialog().is_some_and(|d| d.id() == id),
        }
    }

    pub fn dialog_count(&self) -> usize {
        match &self.state {
            State::Calling(calling) => calling.early_count(),
            _ => usize::from(self.dialog().is_some()),
        }
    }

    /// Of its messages.
    pub fn call_id(&self, core: &crate::sip::endpoint::Core) -> Option<String> {
        match &self.state {
            State::Calling(calling) => calling.call_id(core),
            _ => self.dialog().map(|d| d.id().call_id.clone()),
        }
    }

    /// The final response of this INVITE of ours is waited for.
    pub fn awaits(&self, invite: TransactionId) -> bool {
        match &self.state {
            State::Calling(calling) => calling.awaits(invite),
            State::Answered { .. } => self.negotiation.awaits(invite),
            _ => false,
        }
    }

    /// This INVITE of the peer waits for our final response.
    pub const fn owes(&self, invite: TransactionId) -> bool {
        match &self.state {
            State::Invited { invite: owed, .. } => owed.0 == invite.0,
            _ => self.negotiation.owes(invite),
        }
    }

    /// The owner has not hung up.
    pub const fn is_heard(&self) -> bool {
        !matches!(self.state, State::Leaving { .. } | State::Ending { .. } | State::Moving)
    }

    #[cfg(test)]
    pub const fn is_accepted(&self) -> bool {
        matches!(self.state, State::Answered { .. })
    }

    pub const fn is_calling(&self) -> bool {
        matches!(self.state, State::Calling(_))
    }

    /// What the peer says of itself in a message of the dialog.
    pub fn learn(&mut self, message: &Message) {
        if message.get(header::ALLOW).is_some() {
            self.allows_update = message.items(header::ALLOW).any(|m| m == "UPDATE");
        }
    }

    pub fn deadline(&self) -> Option<Instant> {
        let of_state = match &self.state {
            State::Calling(calling) => calling.deadline(),
            State::Invited { .. } => self.reliable.as_ref().and_then(|r| r.deadline()),
            State::Answered { .. } => self.timer.as_ref().map(|t| t.deadline()),
            State::Ending { bye: Bye::Challenged { challenged, .. }, .. } => Some(challenged.until),
            _ => None,
        };
        let of_unacked = self.unacked.as_ref().map(Unacked::deadline);
        of_state.into_iter().chain(of_unacked).chain(self.negotiation.deadline()).min()
    }
}

/// The status that ends a session in words of `Event::Failed`, for a request without a response.
const fn status_of(why: crate::sip::transaction::Why) -> u16 {
    match why {
        crate::sip::transaction::Why::Timeout => 408,
        crate::sip::transaction::Why::Transport => 503,
    }
}

impl Calling {
    fn awaits(&self, invite: TransactionId) -> bool {
        self.stage.invite() == Some(invite)
    }
}
