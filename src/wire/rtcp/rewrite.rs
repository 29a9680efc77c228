//! The same packet with other sources and numbers in it: what a translator does (RFC 3550 section 7.2).
use super::{BLOCK, Block, HEADER, Part, kind};

/// What becomes of what stands in a packet.
pub trait Rules {
    /// Who speaks: of reports, names and feedback.
    fn source(&self, ssrc: u32) -> u32;
    /// The RTP timestamp of a sender report of this source.
    fn timestamp(&self, ssrc: u32, timestamp: u32) -> u32;
    /// What is said of a source.
    fn block(&self, block: Block) -> Block;
    /// The source that feedback is about.
    fn about(&self, ssrc: u32) -> u32;
    /// The number of a packet of that source which is missing.
    fn sequence(&self, about: u32, sequence: u16) -> u16;
}

/// Feedback that names packets or sources behind its header: generic NACK (RFC 4585 section 6.2.1), TMMBR, TMMBN and FIR (RFC 5104
/// section 4), and the REMB that browsers send.
const NACK: u8 = 1;
const TMMBR: u8 = 3;
const TMMBN: u8 = 4;
const FIR: u8 = 4;
const APPLICATION: u8 = 15;
const REMB: &[u8; 4] = b"REMB";

/// Appends the packet to `out`, as long as it was.
pub fn rewrite(part: &Part<'_>, rules: &impl Rules, out: &mut Vec<u8>) {
    let from = out.len();
    out.extend_from_slice(part.bytes);
    let Some(body) = out.get_mut(from.saturating_add(HEADER)..) else { return };
    let Some(body) = body.get_mut(..part.body.len()) else { return };
    match part.kind {
        kind::SENDER_REPORT => sender_report(body, part.count, rules),
        kind::RECEIVER_REPORT => receiver_report(body, part.count, rules),
        kind::SOURCE_DESCRIPTION => source_description(body, part.count, rules),
        kind::GOODBYE => {
            let sources = body.as_chunks_mut::<4>().0.iter_mut().take(usize::from(part.count));
            sources.for_each(|place| change(place, |ssrc| rules.source(ssrc)));
        }
        kind::TRANSPORT_FEEDBACK => transport_feedback(body, part.count, rules),
        kind::PAYLOAD_FEEDBACK => payload_feedback(body, part.count, rules),
        kind::APPLICATION | kind::EXTENDED_REPORT => drop(source(body, rules)),
        _ => {}
    }
}

fn change(place: &mut [u8; 4], to: impl FnOnce(u32) -> u32) {
    *place = to(u32::from_be_bytes(*place)).to_be_bytes();
}

/// The first word is who speaks; who that was, and the rest.
fn source<'a>(body: &'a mut [u8], rules: &impl Rules) -> Option<(u32, &'a mut [u8])> {
    let (place, rest) = body.split_first_chunk_mut::<4>()?;
    let ssrc = u32::from_be_bytes(*place);
    *place = rules.source(ssrc).to_be_bytes();
    Some((ssrc, rest))
}

fn sender_report(body: &mut [u8], count: u8, rules: &impl Rules) {
    let Some((ssrc, rest)) = source(body, rules) else { return };
    let Some((_ntp, rest)) = rest.split_first_chunk_mut::<8>() else { return };
    let Some((timestamp, rest)) = rest.split_first_chunk_mut::<4>() else { return };
    change(timestamp, |t| rules.timestamp(ssrc, t));
    let Some((_counts, rest)) = rest.split_first_chunk_mut::<8>() else { return };
    blocks(rest, count, rules);
}

fn receiver_report(body: &mut [u8], count: u8, rules: &impl Rules) {
    if let Some((_, rest)) = source(body, rules) {
        blocks(rest, count, rules);
    }
}

fn blocks(bytes: &mut [u8], count: u8, rules: &impl Rules) {
    for place in bytes.as_chunks_mut::<BLOCK>().0.iter_mut().take(usize::from(count)) {
        *place = rules.block(Block::from_bytes(place)).to_bytes();
    }
}

/// The source of each chunk; its items stay.
fn source_description(body: &mut [u8], count: u8, rules: &impl Rules) {
    let mut rest = body;
    for _ in 0..count {
        let Some((_, items)) = source(rest, rules) else { return };
        let Some(length) = chunk(items) else { return };
        let Some((_, after)) = items.split_at_mut_checked(length) else { return };
        rest = after;
    }
}

/// Bytes of a chunk behind its source.
fn chunk(items: &[u8]) -> Option<usize> {
    let mut at = 0_usize;
    while *items.get(at)? != 0 {
        let length = usize::from(*items.get(at.saturating_add(1))?);
        at = at.saturating_add(2).saturating_add(length);
    }
    Some(at.saturating_add(1).next_multiple_of(4))
}

fn transport_feedback(body: &mut [u8], format: u8, rules: &impl Rules) {
    let Some((about, details)) = feedback(body, rules) else { return };
    match format {
        NACK => {
            for [a, b, _, _] in details.as_chunks_mut::<4>().0 {
                [*a, *b] = rules.sequence(about, u16::from_be_bytes([*a, *b])).to_be_bytes();
            }
        }
        TMMBR | TMMBN => named(details, rules),
        _ => {}
    }
}

fn payload_feedback(body: &mut [u8], format: u8, rules: &impl Rules) {
    let Some((_, details)) = feedback(body, rules) else { return };
    match format {
        FIR => named(details, rules),
        APPLICATION if details.first_chunk::<4>() == Some(REMB) => {
            let count = details.get(4).copied().map_or(0, usize::from);
            let sources = details.as_chunks_mut::<4>().0.iter_mut().skip(2).take(count);
            sources.for_each(|place| change(place, |ssrc| rules.about(ssrc)));
        }
        _ => {}
    }
}

/// Which source it was about, and what follows.
fn feedback<'a>(body: &'a mut [u8], rules: &impl Rules) -> Option<(u32, &'a mut [u8])> {
    let (_, rest) = source(body, rules)?;
    let (about, details) = rest.split_first_chunk_mut::<4>()?;
    let was = u32::from_be_bytes(*about);
    *about = rules.about(was).to_be_bytes();
    Some((was, details))
}

/// Entries of two words, the first of which is a source.
fn named(details: &mut [u8], rules: &impl Rules) {
    for entry in details.as_chunks_mut::<8>().0 {
        if let Some((place, _)) = entry.split_first_chunk_mut::<4>() {
            change(place, |ssrc| rules.about(ssrc));
        }
    }
}
