//! Reading one packet.
use super::{BLOCK, Block, Part, RtcpError, SenderInfo, kind};

/// One packet, what is in it. Borrows the datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    SenderReport {
        ssrc: u32,
        sender: SenderInfo,
        blocks: Blocks<'a>,
    },
    ReceiverReport {
        ssrc: u32,
        blocks: Blocks<'a>,
    },
    /// Names of sources; `cname` of the first one, empty where it has none.
    SourceDescription {
        ssrc: u32,
        cname: &'a [u8],
    },
    /// These sources are gone.
    Goodbye {
        sources: &'a [[u8; 4]],
    },
    /// RFC 4585 section 6.1. `about`: the source that is meant, 0 where `details` names them.
    Feedback {
        is_payload: bool,
        format: u8,
        from: u32,
        about: u32,
        details: &'a [u8],
    },
    /// Of applications, extended reports, and what is not known.
    Other {
        kind: u8,
    },
}

/// The blocks of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocks<'a>(&'a [[u8; BLOCK]]);

impl<'a> Blocks<'a> {
    pub fn iter(self) -> impl Iterator<Item = Block> + 'a {
        self.0.iter().map(Block::from_bytes)
    }

    /// The one about this source.
    #[must_use]
    pub fn about(self, ssrc: u32) -> Option<Block> {
        self.iter().find(|block| block.ssrc == ssrc)
    }
}

impl Block {
    #[must_use]
    pub fn from_bytes(bytes: &[u8; BLOCK]) -> Self {
        let mut words = bytes.as_chunks::<4>().0.iter().copied();
        let mut next = || words.next().unwrap_or_default();
        let (ssrc, [fraction, lost @ ..]) = (next(), next());
        let [l0, l1, l2] = lost;
        Self {
            ssrc: u32::from_be_bytes(ssrc),
            fraction,
            // The sign of 24 bits.
            lost: i32::from_be_bytes([l0, l1, l2, 0]) >> 8,
            highest: u32::from_be_bytes(next()),
            jitter: u32::from_be_bytes(next()),
            last_report: u32::from_be_bytes(next()),
            delay: u32::from_be_bytes(next()),
        }
    }
}

impl<'a> Packet<'a> {
    /// # Errors
    /// What it says to hold does not fit into it.
    pub(super) fn read(part: &Part<'a>) -> Result<Self, RtcpError> {
        let read = match part.kind {
            kind::SENDER_REPORT => sender_report(part),
            kind::RECEIVER_REPORT => receiver_report(part),
            kind::SOURCE_DESCRIPTION => source_description(part),
            kind::GOODBYE => goodbye(part),
            kind::TRANSPORT_FEEDBACK | kind::PAYLOAD_FEEDBACK => feedback(part),
            // Both begin with the source, and an application with its name.
            kind::APPLICATION if part.body.len() < 8 => None,
            kind::EXTENDED_REPORT if part.body.len() < 4 => None,
            kind => Some(Self::Other { kind }),
        };
        read.ok_or(RtcpError::Body)
    }
}

fn word(bytes: &[u8]) -> Option<(u32, &[u8])> {
    bytes.split_first_chunk::<4>().map(|(word, rest)| (u32::from_be_bytes(*word), rest))
}

/// As many as the header says; what follows them is an extension of a profile.
fn blocks(bytes: &[u8], count: u8) -> Option<Blocks<'_>> {
    bytes.as_chunks::<BLOCK>().0.get(..usize::from(count)).map(Blocks)
}

fn sender_report<'a>(part: &Part<'a>) -> Option<Packet<'a>> {
    let (ssrc, rest) = word(part.body)?;
    let (ntp, rest) = rest.split_first_chunk::<8>()?;
    let (timestamp, rest) = word(rest)?;
    let (packets, rest) = word(rest)?;
    let (bytes, rest) = word(rest)?;
    let sender = SenderInfo { ntp: u64::from_be_bytes(*ntp), timestamp, packets, bytes };
    Some(Packet::SenderReport { ssrc, sender, blocks: blocks(rest, part.count)? })
}

fn receiver_report<'a>(part: &Part<'a>) -> Option<Packet<'a>> {
    let (ssrc, rest) = word(part.body)?;
    Some(Packet::ReceiverReport { ssrc, blocks: blocks(rest, part.count)? })
}

/// RFC 3550 section 6.5: chunks of items, each with a type and a length; a type of 0 ends them, up to the next whole word.
fn source_description<'a>(part: &Part<'a>) -> Option<Packet<'a>> {
    let mut found = None;
    let mut rest = part.body;
    for _ in 0..part.count {
        let (ssrc, items) = word(rest)?;
        let (cname, after) = items_of(items)?;
        found.get_or_insert((ssrc, cname));
        rest = after;
    }
    let (ssrc, cname) = found.unwrap_or_default();
    Some(Packet::SourceDescription { ssrc, cname })
}

/// The canonical name, and what is behind the chunk.
fn items_of(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    const CNAME: u8 = 1;
    let mut cname: &[u8] = &[];
    let mut rest = bytes;
    loop {
        let (kind, after) = rest.split_first()?;
        if *kind == 0 {
            break;
        }
        let (length, after) = after.split_first()?;
        let (text, after) = after.split_at_checked(usize::from(*length))?;
        if *kind == CNAME {
            cname = text;
        }
        rest = after;
    }
    // The SSRC before the items is a whole word.
    let used = bytes.len().saturating_sub(rest.len()).saturating_add(1).next_multiple_of(4);
    Some((cname, bytes.get(used..)?))
}

fn goodbye<'a>(part: &Part<'a>) -> Option<Packet<'a>> {
    let sources = part.body.as_chunks::<4>().0.get(..usize::from(part.count))?;
    Some(Packet::Goodbye { sources })
}

fn feedback<'a>(part: &Part<'a>) -> Option<Packet<'a>> {
    let (from, rest) = word(part.body)?;
    let (about, details) = word(rest)?;
    let is_payload = part.kind == kind::PAYLOAD_FEEDBACK;
    Some(Packet::Feedback { is_payload, format: part.count, from, about, details })
}
