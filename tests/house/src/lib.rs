//! The house that tandem is tested in: the daemon as a process, the emulated stick, real mail servers, and what cuts
//! the line between them; real phones (baresip), a provider (Asterisk), hand-written call flows (sipp), and numbers for
//! what was heard. Used by `tests/*.rs`, `make demo` and `make bench`.
//!
//! Nothing here sleeps to "wait a bit": everything waits for an event with a deadline, and panics with the logs' tails.

pub mod child;
pub mod control;
pub mod cutter;
pub mod daemon;
pub mod demo;
pub mod demo_calls;
pub mod home;
pub mod kamailio;
pub mod linphone;
pub mod load;
pub mod mail;
pub mod netstring;
pub mod paths;
pub mod phone;
pub mod ports;
pub mod postfix;
pub mod provider;
pub mod random;
pub mod rogue;
pub mod sipp;
pub mod socket;
pub mod sound;
pub mod stick;
pub mod telephony;
pub mod wait;

/// Whether a test may go on without a program that is missing here: `HOUSE_MAY_SKIP=1` allows it, otherwise that is a failure.
///
/// # Panics
/// When it is missing and that is not allowed.
#[must_use]
pub fn may_skip(missing: Option<impl std::fmt::Display>) -> bool {
    let Some(why) = missing else { return false };
    assert!(std::env::var_os("HOUSE_MAY_SKIP").is_some(), "{why}; HOUSE_MAY_SKIP=1 goes on without");
    true
}

pub use cutter::Cutter;
pub use daemon::Daemon;
pub use home::Home;
pub use mail::{Authority, Security, Smtpd};
pub use paths::Scratch;
pub use phone::Phone;
pub use provider::Provider;
pub use sipp::Sipp;
pub use stick::Stick;
