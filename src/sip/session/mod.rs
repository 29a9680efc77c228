//! Sessions: the INVITE usage of a dialog with its offer/answer state. RFC 3261 sections 13 to 15.

/// Names a session; not used again for a long time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub(crate) u32);
