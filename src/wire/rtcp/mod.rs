//! RTCP: reports beside RTP (RFC 3550 section 6), and feedback on pictures (RFC 4585, RFC 5104).
//!
//! A datagram is read whole or not at all: each length in it is checked before anything of it counts.
mod packet;
mod rewrite;
#[cfg(test)]
mod tests;
mod write;

pub use packet::{Blocks, Packet};
pub use rewrite::{Rules, rewrite};
pub use write::Report;

/// Packet types (RFC 3550 section 12.1, RFC 4585 section 6.1).
pub mod kind {
    pub const SENDER_REPORT: u8 = 200;
    pub const RECEIVER_REPORT: u8 = 201;
    pub const SOURCE_DESCRIPTION: u8 = 202;
    pub const GOODBYE: u8 = 203;
    pub const APPLICATION: u8 = 204;
    /// About packets that are missing.
    pub const TRANSPORT_FEEDBACK: u8 = 205;
    /// About pictures that are missing.
    pub const PAYLOAD_FEEDBACK: u8 = 206;
    /// RFC 3611.
    pub const EXTENDED_REPORT: u8 = 207;
}

/// Bytes of a packet's header, and of a report block.
pub const HEADER: usize = 4;
pub const BLOCK: usize = 24;

/// Why some bytes are no RTCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RtcpError {
    /// A packet is shorter than its header, or than its length says.
    Short,
    /// Not version 2.
    Version,
    /// No RTCP packet type (RFC 5761 section 4: 192 to 223).
    Type,
    /// Padding before the last packet, or of a wrong length.
    Padding,
    /// What a packet says to hold does not fit into it.
    Body,
}

/// Where both share a port: whether a datagram is RTCP (RFC 5761 section 4).
#[must_use]
pub fn is_rtcp(datagram: &[u8]) -> bool {
    datagram.get(1).is_some_and(|kind| (192..=223).contains(kind))
}

/// One packet of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    pub kind: u8,
    /// How many blocks or sources there are, or which feedback it is: 0 to 31.
    pub count: u8,
    /// Header and padding included.
    pub bytes: &'a [u8],
    /// Without them.
    pub body: &'a [u8],
}

/// A whole datagram, every length of it checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a>(&'a [u8]);

impl<'a> Datagram<'a> {
    /// # Errors
    /// The first rule that it breaks. Reports need not come first (RFC 5506).
    pub fn parse(bytes: &'a [u8]) -> Result<Self, RtcpError> {
        let mut rest = bytes;
        loop {
            let (part, after) = Part::split(rest)?;
            let has_padding = part.bytes.len() != part.body.len().saturating_add(HEADER);
            if has_padding && !after.is_empty() {
                return Err(RtcpError::Padding);
            }
            Packet::read(&part)?;
            if after.is_empty() {
                return Ok(Self(bytes));
            }
            rest = after;
        }
    }

    pub fn parts(self) -> impl Iterator<Item = Part<'a>> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let (part, after) = Part::split(rest).ok()?;
            rest = after;
            Some(part)
        })
    }

    pub fn packets(self) -> impl Iterator<Item = Packet<'a>> {
        self.parts().filter_map(|part| Packet::read(&part).ok())
    }
}

impl<'a> Part<'a> {
    /// The first packet, and what follows it.
    fn split(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), RtcpError> {
        let (&[flags, kind, high, low], _) = bytes.split_first_chunk::<HEADER>().ok_or(RtcpError::Short)?;
        if flags >> 6 != 2 {
            return Err(RtcpError::Version);
        }
        if !(192..=223).contains(&kind) {
            return Err(RtcpError::Type);
        }
        // 32-bit words without the first one.
        let length = usize::from(u16::from_be_bytes([high, low])).saturating_add(1).saturating_mul(4);
        let (packet, after) = bytes.split_at_checked(length).ok_or(RtcpError::Short)?;
        let body = packet.get(HEADER..).unwrap_or_default();
        let body = if flags & 0x20 == 0 { body } else { without_padding(body)? };
        Ok((Self { kind, count: flags & 0x1f, bytes: packet, body }, after))
    }
}

/// The last byte counts the padding, itself included: whole words.
fn without_padding(body: &[u8]) -> Result<&[u8], RtcpError> {
    let padding = body.last().copied().map_or(0, usize::from);
    let kept = body.len().checked_sub(padding).filter(|_| padding > 0 && padding.is_multiple_of(4));
    kept.and_then(|kept| body.get(..kept)).ok_or(RtcpError::Padding)
}

/// What a sender says of its own stream (RFC 3550 section 6.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SenderInfo {
    /// Seconds since 1900, and fractions of them in the lower half.
    pub ntp: u64,
    /// The same moment in units of the stream's clock.
    pub timestamp: u32,
    pub packets: u32,
    pub bytes: u32,
}

impl SenderInfo {
    /// The middle of the NTP time, as a report block names it: units of 1/65,536 s.
    #[must_use]
    pub const fn middle(&self) -> u32 {
        let [_, _, a, b, c, d, _, _] = self.ntp.to_be_bytes();
        u32::from_be_bytes([a, b, c, d])
    }
}

/// What a receiver says of one source (RFC 3550 section 6.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Block {
    pub ssrc: u32,
    /// Lost since the last report, in 256ths.
    pub fraction: u8,
    /// Lost since the begin: 24 bits with a sign.
    pub lost: i32,
    /// The highest sequence number, and above it how often they have wrapped.
    pub highest: u32,
    /// Units of the stream's clock.
    pub jitter: u32,
    /// `SenderInfo::middle` of the last sender report, and how long ago it came in 1/65,536 s; both 0: none came.
    pub last_report: u32,
    pub delay: u32,
}
