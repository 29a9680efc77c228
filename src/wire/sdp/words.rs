//! Small values of session descriptions: who may send, which codec, which address.
use crate::util::MEDIA;
use std::net::IpAddr;

/// Who sends, seen from the side that wrote it. RFC 8866 section 6.7.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    #[default]
    SendRecv,
    SendOnly,
    RecvOnly,
    Inactive,
}

impl Direction {
    #[must_use]
    pub const fn new(sends: bool, receives: bool) -> Self {
        match (sends, receives) {
            (true, true) => Self::SendRecv,
            (true, false) => Self::SendOnly,
            (false, true) => Self::RecvOnly,
            (false, false) => Self::Inactive,
        }
    }

    /// `None`: another attribute.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::SendRecv, Self::SendOnly, Self::RecvOnly, Self::Inactive]
            .into_iter()
            .find(|d| d.name().eq_ignore_ascii_case(name))
    }

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    #[must_use]
    pub const fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    #[must_use]
    pub const fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    /// The same, seen from the other side.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Self::new(self.receives(), self.sends())
    }

    /// What both allow, seen from the same side.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self::new(self.sends() && other.sends(), self.receives() && other.receives())
    }
}

/// The codecs of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// mu-law, of America and Japan.
    Pcmu,
    /// A-law, of the rest of the world.
    Pcma,
    /// Wideband, 64 kbit/s. Not in the smallest build: there it is one of the others, which two phones may agree on.
    G722,
}

impl Codec {
    /// G.711, what every telephone has, as SIP lists it: what is spoken where nothing else is asked for.
    pub const ALL: [Self; 2] = [Self::Pcmu, Self::Pcma];
    /// All that this build speaks.
    pub const KNOWN: &'static [Self] = if MEDIA { &[Self::Pcmu, Self::Pcma, Self::G722] } else { &Self::ALL };

    /// RFC 3551 section 6, table 4.
    #[must_use]
    pub const fn payload_type(self) -> u8 {
        match self {
            Self::Pcmu => 0,
            Self::Pcma => 8,
            Self::G722 => 9,
        }
    }

    /// Telephone sound, 8,000 samples a second.
    #[must_use]
    pub const fn is_narrow(self) -> bool {
        matches!(self, Self::Pcmu | Self::Pcma)
    }

    #[must_use]
    pub const fn encoding(self) -> &'static str {
        match self {
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
            Self::G722 => "G722",
        }
    }

    /// `None`: not ours.
    #[must_use]
    pub fn parse(encoding: &str) -> Option<Self> {
        Self::KNOWN.iter().copied().find(|c| c.encoding().eq_ignore_ascii_case(encoding))
    }
}

/// Where media go.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// `0.0.0.0` and `::` mean: nowhere, the call is held (RFC 3264 section 8.4).
    Ip(IpAddr),
    /// A host name; none is looked up.
    Name(String),
}

impl Place {
    /// The last word of a `c=` or `o=` line; a time to live behind `/` is dropped.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let text = text.split('/').next().unwrap_or(text);
        let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
        match bare.parse::<IpAddr>() {
            Ok(ip) => Self::Ip(ip.to_canonical()),
            Err(_) => Self::Name(if text.is_empty() { "-" } else { text }.to_owned()),
        }
    }

    #[must_use]
    pub const fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Ip(ip) => Some(*ip),
            Self::Name(_) => None,
        }
    }
}

/// With network and address type: `IN IP4 192.0.2.1`.
impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ip(ip @ IpAddr::V4(_)) => write!(f, "IN IP4 {ip}"),
            Self::Ip(ip @ IpAddr::V6(_)) => write!(f, "IN IP6 {ip}"),
            Self::Name(name) => write!(f, "IN IP4 {}", Plain(name)),
        }
    }
}

/// Text without control characters: no value begins a line of its own.
pub(super) struct Plain<'a>(pub &'a str);

impl std::fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use std::fmt::Write as _;
        self.0.chars().filter(|c| !c.is_control()).try_for_each(|c| f.write_char(c))
    }
}
