//! SIP messages as values. RFC 3261 sections 7, 19, 20 and 25; no state, no time.
//!
//! A `Message` owns its text: header values stay as they came and are read through typed values (`Via`, `Address`, `CSeq`, `Uri`) where one is needed.
mod address;
mod check;
mod cseq;
mod fault;
pub mod header;
mod message;
mod method;
mod params;
mod parse;
mod replaces;
mod stream;
#[cfg(test)]
mod stream_tests;
#[cfg(test)]
mod tests;
mod uri;
mod via;

pub use address::Address;
pub use cseq::CSeq;
pub use fault::Fault;
pub use message::{Message, Start, reason_phrase};
pub use method::Method;
pub use params::Params;
pub use replaces::Replaces;
pub use stream::{Framer, Piece};
pub use uri::{Scheme, Uri};
pub use via::{MAGIC, Via};
