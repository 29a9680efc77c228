//! Transactions: one request and its responses. RFC 3261 section 17 with RFC 6026.

/// Names a server transaction: an `Event::Request` that wants an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub(crate) u64);

/// Why a request of ours got no final answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Timer B or F: 64*T1.
    Timeout,
    /// The connection is gone or the packet could not be sent.
    Transport,
}
