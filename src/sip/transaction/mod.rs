//! Transactions: one request and its responses. RFC 3261 section 17 with RFC 6026.
//!
//! | file | what |
//! |---|---|
//! | `invite_client`, `client`, `invite_server`, `server` | the four machines: a state, its timers, one action per input |
//! | `key` | which machine a message belongs to |
//! | `routing` | Via: where a request came from, the way of its answers |
//! | `table`, `clients`, `servers` | all machines with their messages; what `endpoint` uses |
mod client;
mod clients;
mod invite_client;
mod invite_server;
mod key;
mod routing;
mod server;
mod servers;
mod table;
mod timers;

pub use routing::{branch, stamp};
pub use servers::Received;
pub use table::{Note, Transactions};
pub use timers::{GIVE_UP, T1, doubled_to_t2};

use crate::sip::Flow;

/// Names a transaction of the client's or of the server's side, which are numbered apart. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionId(pub(super) u64);

/// Why a request of ours got no final answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Timer B or F: 64*T1.
    Timeout,
    /// The connection is gone or the packet could not be sent.
    Transport,
}

/// A message to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    pub flow: Flow,
    pub bytes: Vec<u8>,
}
