//! Why bytes are no SIP message.

/// What is wrong. `status` is the answer that a request with this fault deserves, if its Via can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing but blanks and line ends: a keep-alive, no answer.
    Empty,
    /// The request is for a URI that is none of ours, `mailto:` say: 416.
    Scheme,
    /// The first line is neither a request line nor a status line.
    StartLine,
    /// Not `SIP/2.0`: 505.
    Version,
    /// No empty line behind the headers.
    Cut,
    /// A header without a colon or with an impossible name.
    Header,
    /// More headers or longer ones than `limits` allow.
    TooLarge,
    /// `Content-Length` says more than came, or no number.
    Length,
    /// A header that every message has is missing, doubled or can't be read.
    Mandatory(&'static str),
}

impl Fault {
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Scheme => 416,
            Self::Version => 505,
            Self::TooLarge => 513,
            _ => 400,
        }
    }

    /// The reason phrase that says what to mend.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Empty | Self::StartLine => "Bad Request Line",
            Self::Scheme => "Unsupported URI Scheme",
            Self::Version => "Version Not Supported",
            Self::Cut => "Headers Without End",
            Self::Header => "Bad Header",
            Self::TooLarge => "Message Too Large",
            Self::Length => "Bad Content-Length",
            Self::Mandatory(_) => "Bad Or Missing Mandatory Header",
        }
    }
}

/// The reason, with the name of the header that is to blame.
impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Mandatory(name) => write!(f, "Bad Or Missing {name}"),
            other => f.write_str(other.reason()),
        }
    }
}
