//! A mail as a value, and what a server said of it. What sends it is `io::mail`.
use crate::util::time::Stamp;

/// One mail, complete: sending it twice sends the same bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Without angle brackets; the same on every try.
    pub message_id: String,
    pub from: String,
    /// Shown beside `from`: `home_sim (tandem)`. May hold any text; the MIME library encodes it.
    pub from_name: String,
    pub to: String,
    /// One line, UTF-8.
    pub subject: String,
    /// UTF-8, lines end with LF.
    pub body: String,
    pub date: Stamp,
}

/// How one try ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server's 250 after DATA.
    Accepted { reply: String },
    /// 4xx for this mail: try this mail again later, others may go.
    Deferred { reply: String },
    /// 5xx for this mail or for our login: a person must look.
    Refused { reply: String },
    /// No connection, a lost one, a time-out, a bad certificate, 421: nothing goes to this server now.
    Unreachable { reason: String },
}

impl Outcome {
    /// What the server or the system said.
    #[must_use]
    pub fn words(&self) -> &str {
        match self {
            Self::Accepted { reply } | Self::Deferred { reply } | Self::Refused { reply } => reply,
            Self::Unreachable { reason } => reason,
        }
    }
}
