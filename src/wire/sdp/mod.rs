//! Session descriptions: RFC 8866, as much of it as a telephone call needs, and offer and answer (RFC 3264) for codecs of ours.
//! What is not ours to know goes from one peer to the other: `carry`.
//!
//! `Session` is the text as a value, `offer`, `answer` and `agreed` are the rules. No state, no time.
pub mod carry;
pub mod crypto;
mod fault;
pub mod keys;
mod negotiate;
mod parse;
pub mod secure;
mod session;
#[cfg(test)]
mod tests;
mod words;

pub use fault::Fault;
pub use negotiate::{Agreed, Ours, Unacceptable, agreed, agreed_of, answer, offer, usable};
pub use session::{Fmtp, MediaLine, Origin, RtpMap, Session};
pub use words::{Codec, Direction, Place};
