//! What the tasks and threads tell the one that runs the switch.
use super::control::ClientEvent;
use super::tty::Tty;
use crate::message::DiskError;
use crate::message::mail::Outcome;
use crate::switch::{LineId, ModeSwitchTrouble, Plug};

pub enum Event {
    /// The opener is done with one tty.
    Opened {
        line: LineId,
        generation: u32,
        port: usize,
        result: Result<Tty, String>,
    },
    /// Bytes of a port.
    Read {
        line: LineId,
        generation: u32,
        port: usize,
        bytes: Vec<u8>,
    },
    /// A port hung up or failed.
    Closed {
        line: LineId,
        generation: u32,
        why: String,
    },
    /// A stick was asked to switch from CD to modem, or why not.
    Switched {
        plug: Plug,
        result: Result<(), ModeSwitchTrouble>,
    },
    Stored {
        token: u64,
        result: Result<(), DiskError>,
    },
    Mailed(Outcome),
    Client(ClientEvent),
    /// The kernel reports a change of devices.
    Bus,
    /// SIGHUP
    Reload,
    /// SIGTERM, SIGINT
    End,
}

pub type Events = async_channel::Sender<Event>;
