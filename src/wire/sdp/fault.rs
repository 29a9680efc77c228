//! Why bytes are no session description.

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It doesn't begin with `v=0`.
    Version,
    /// A line that is not `x=…`.
    Line,
    /// No `o=` line, or one without its six words.
    Origin,
    /// A `c=` line without address, or not of the internet.
    Connection,
    /// An `m=` line without port, protocol or formats.
    Media,
    /// More `m=` lines than `limits` allow.
    TooLarge,
}

impl Fault {
    /// For a `Warning` header and the log.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Version => "session description without v=0",
            Self::Line => "session description with a broken line",
            Self::Origin => "session description without a right o= line",
            Self::Connection => "session description with a broken c= line",
            Self::Media => "session description with a broken m= line",
            Self::TooLarge => "session description with too many m= lines",
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.reason())
    }
}
