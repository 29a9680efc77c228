//! A session description as a value, and its text.
use super::words::Plain;
use super::{Direction, Place};
use crate::util::MEDIA;
use std::fmt::{Display, Formatter, Result};

const RTCP_MUX: &str = "rtcp-mux";

/// One description. `Display` writes it with CRLF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub origin: Origin,
    /// `s=`
    pub name: String,
    /// `c=` of the session: for every `m=` line without its own.
    pub connection: Option<Place>,
    /// For every `m=` line without its own.
    pub direction: Option<Direction>,
    /// Attributes without a field here, without `a=`.
    pub attributes: Vec<String>,
    pub media: Vec<MediaLine>,
}

/// The `o=` line. RFC 8866 section 5.2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub username: String,
    pub session_id: u64,
    /// Rises with each change of the description.
    pub version: u64,
    pub address: Place,
}

/// One `m=` line and what belongs to it. RFC 8866 section 5.14.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MediaLine {
    /// `audio`, `video`, `image`…
    pub kind: String,
    /// 0: refused, or gone.
    pub port: u16,
    /// `RTP/AVP`
    pub protocol: String,
    /// Payload types in order of preference, as they came.
    pub formats: Vec<String>,
    pub connection: Option<Place>,
    pub direction: Option<Direction>,
    /// Milliseconds in one packet.
    pub ptime: Option<u8>,
    pub maxptime: Option<u8>,
    pub rtpmaps: Vec<RtpMap>,
    pub fmtps: Vec<Fmtp>,
    /// Attributes without a field here, without `a=`.
    pub attributes: Vec<String>,
}

/// `a=rtpmap:101 telephone-event/8000`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RtpMap {
    pub payload_type: u8,
    pub encoding: String,
    pub clock_hz: u32,
    pub channels: u8,
}

/// `a=fmtp:101 0-15`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fmtp {
    pub payload_type: u8,
    pub parameters: String,
}

impl Session {
    /// Where the media of this line go: its own `c=` or that of the session.
    #[must_use]
    pub fn place_of<'a>(&'a self, media: &'a MediaLine) -> Option<&'a Place> {
        media.connection.as_ref().or(self.connection.as_ref())
    }

    /// Who sends on this line, seen from the side that wrote it.
    #[must_use]
    pub fn direction_of(&self, media: &MediaLine) -> Direction {
        media.direction.or(self.direction).unwrap_or_default()
    }
}

impl MediaLine {
    /// The value of an attribute without a field here; `Some("")` for a flag such as `rtcp-mux`.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find_map(|line| {
            let (n, value) = line.split_once(':').unwrap_or((line, ""));
            n.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    /// RFC 5761.
    #[must_use]
    pub fn has_rtcp_mux(&self) -> bool {
        self.attribute(RTCP_MUX).is_some()
    }

    /// The port of its RTCP: what it says itself (RFC 3605; another host there is none that we would send to), or the one above
    /// that of its RTP.
    #[must_use]
    pub fn rtcp_port(&self) -> u16 {
        let said =
            self.attribute("rtcp").and_then(|value| value.split_ascii_whitespace().next()?.parse().ok());
        said.filter(|port| *port != 0).unwrap_or(self.port.saturating_add(1))
    }

    /// We take RTCP at the port of RTP where the other side asks for it, and where it did so before (RFC 5761 section 5.1.1).
    pub(super) fn mux_like(&mut self, theirs: &Self) {
        if MEDIA && theirs.has_rtcp_mux() && !self.has_rtcp_mux() {
            self.attributes.push(RTCP_MUX.to_owned());
        }
    }

    /// Keys for SRTP are offered, RFC 4568.
    #[must_use]
    pub fn has_crypto(&self) -> bool {
        self.attribute("crypto").is_some()
    }

    /// `a=rtpmap` of this payload type.
    #[must_use]
    pub fn rtpmap(&self, payload_type: u8) -> Option<&RtpMap> {
        self.rtpmaps.iter().find(|m| m.payload_type == payload_type)
    }
}

impl Display for Session {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "v=0\r\n{}\r\n", self.origin)?;
        // RFC 8866 section 5.3: one blank or a hyphen stands for no name.
        let name = if self.name.is_empty() { "-" } else { &self.name };
        write!(f, "s={}\r\n", Plain(name))?;
        if let Some(place) = &self.connection {
            write!(f, "c={place}\r\n")?;
        }
        f.write_str("t=0 0\r\n")?;
        attributes(f, &self.attributes, self.direction)?;
        self.media.iter().try_for_each(|media| media.fmt(f))
    }
}

impl Display for Origin {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let username = if self.username.is_empty() { "-" } else { &self.username };
        write!(f, "o={} {} {} {}", Plain(username), self.session_id, self.version, self.address)
    }
}

impl Display for MediaLine {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "m={} {} {}", Plain(&self.kind), self.port, Plain(&self.protocol))?;
        self.formats.iter().try_for_each(|format| write!(f, " {}", Plain(format)))?;
        f.write_str("\r\n")?;
        if let Some(place) = &self.connection {
            write!(f, "c={place}\r\n")?;
        }
        self.rtpmaps.iter().try_for_each(|map| map.fmt(f))?;
        for fmtp in &self.fmtps {
            write!(f, "a=fmtp:{} {}\r\n", fmtp.payload_type, Plain(&fmtp.parameters))?;
        }
        for (name, value) in [("ptime", self.ptime), ("maxptime", self.maxptime)] {
            value.map_or(Ok(()), |value| write!(f, "a={name}:{value}\r\n"))?;
        }
        attributes(f, &self.attributes, self.direction)
    }
}

impl Display for RtpMap {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "a=rtpmap:{} {}/{}", self.payload_type, Plain(&self.encoding), self.clock_hz)?;
        if self.channels != 1 {
            write!(f, "/{}", self.channels)?;
        }
        f.write_str("\r\n")
    }
}

fn attributes(f: &mut Formatter<'_>, lines: &[String], direction: Option<Direction>) -> Result {
    lines.iter().try_for_each(|line| write!(f, "a={}\r\n", Plain(line)))?;
    direction.map_or(Ok(()), |direction| write!(f, "a={}\r\n", direction.name()))
}
