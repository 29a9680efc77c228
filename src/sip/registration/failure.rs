//! Why we are not registered, in words.
use crate::sip::auth::Refusal;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The owner found no address for the name.
    NotResolved,
    /// The packet could not be sent, or the connection broke.
    Transport,
    /// No answer in time.
    NoAnswer,
    /// A final response that means no.
    Refused { status: u16, reason: String },
    /// A challenge without an answer.
    Challenge(Refusal),
}

impl Failure {
    /// Asking again soon changes nothing, and may lock the account.
    #[must_use]
    pub const fn is_for_good(&self) -> bool {
        matches!(self, Self::Refused { status: 401 | 403 | 404 | 407, .. } | Self::Challenge(_))
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotResolved => f.write_str("name not found"),
            Self::Transport => f.write_str("could not be reached"),
            Self::NoAnswer => f.write_str("no answer"),
            Self::Refused { status, reason } => write!(f, "{status} {reason}{}", hint(*status)),
            Self::Challenge(refusal) => f.write_str(refusal.words()),
        }
    }
}

/// What the user may look at.
const fn hint(status: u16) -> &'static str {
    match status {
        401 | 403 | 407 => ": wrong user name or password?",
        404 => ": wrong user name or host?",
        _ => "",
    }
}
