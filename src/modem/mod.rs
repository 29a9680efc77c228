//! The dongle: a session with one stick, from its ports to service.
//!
//! Sans-IO: bytes of the ports, opened and closed ports and the time come in; bytes to write, ports to open and events go
//! out. The states are in `life`, the first dialogue in `start`, the store of texts in `slots`, calls in `call`, service codes
//! in `ussd`, what outlives a replug in `learnt`.
pub mod bus;
pub mod call;
pub mod command;
pub mod engine;
pub mod ladder;
mod learnt;
pub mod life;
pub mod modeswitch;
mod session;
pub mod sim;
pub mod slots;
pub mod start;
pub mod ussd;
pub mod view;

pub use call::{CallEvent, CallView, Caller, Clir, DialRefused, End, EndedBy, Phase};
pub use ladder::Rung;
pub use life::Life;
pub use session::Modem;
pub use sim::PinNote;
pub use slots::{Found, Slot};
pub use ussd::{UssdResult, UssdTrouble};
pub use view::View;

use crate::wire::at::Final;

/// What the session asks of the shell, or tells its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Open these ttys; each is answered by `handle_opened` with its place in the list.
    Open(Vec<String>),
    CloseAll,
    /// To the port at this place.
    Write(usize, Vec<u8>),
    /// `Rung::UsbReset`, `Authorize` or `Rebind` of the stick's USB device.
    Reset(Rung),
    Event(Event),
}

/// For the owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A text lies in a slot. `Modem::delete` once it is safe.
    Text(Found),
    /// A text came that lies nowhere.
    Direct(String),
    /// How `Modem::send` ended.
    Sent { token: u64, result: SendResult },
    /// News of the call.
    Call(CallEvent),
    /// How `Modem::ussd` ended. Exactly one for each.
    Ussd { token: u64, result: UssdResult },
    /// The network said this without being asked.
    UssdPush(String),
    /// The stick is not the one its section means.
    NotMine,
    /// To be written down before the PIN goes out; `handle_noted` answers.
    NotePin { key: u64, note: PinNote },
    /// `life` changed.
    Changed,
}

/// How one PDU fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendResult {
    /// The network took it; its message reference.
    Accepted(u8),
    Rejected(Final),
    /// Nobody knows whether it went out. Not to be sent again blindly.
    Unknown,
    /// It certainly did not go out.
    NotSent,
}

/// What the section says of its stick.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    pub name: String,
    pub imei: Option<String>,
    pub imsi: Option<String>,
    pub pin: Option<crate::config::Secret>,
}
