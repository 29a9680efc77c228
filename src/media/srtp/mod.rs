//! Encrypted RTP and RTCP: RFC 3711 with the suites of RFC 6188 and RFC 7714. How the keys came is not known here.
//!
//! `Sender` closes what goes to one peer, `Receiver` opens what comes from it, each under its own master key. `session` has the keys that
//! are made of that and what is done with them, `window` which packets were seen. Packets are changed where they lie; a packet that is
//! refused stays as it is, and moves nothing.
mod aes;
mod session;
#[cfg(test)]
mod tests;
mod window;

use crate::wire::sdp::crypto::MasterKey;
use session::Streams;
use window::{Sources, Window};

/// Why a packet is not closed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Shorter than its header, CSRC list, extension or proof; or not version 2.
    Malformed,
    /// It was here before, or is too old to tell.
    Replayed,
    /// Its proof is of another key, or it was changed.
    Forged,
    /// No packet may follow under this key: its numbers are used up, or there are too many sources.
    UsedUp,
}

/// The first byte of a packet says version 2, its second whose it is (RFC 5761 section 4).
fn is_rtcp(packet: &[u8]) -> bool {
    packet.get(1).is_some_and(|kind| (192..=223).contains(kind))
}

/// Where an SSRC stands in RTP and in RTCP.
const RTP_SSRC: usize = 8;
const RTCP_SSRC: usize = 4;

fn word_at(packet: &[u8], at: usize) -> Result<u32, Refused> {
    let word = packet.get(at..).and_then(<[u8]>::first_chunk::<4>).ok_or(Refused::Malformed)?;
    Ok(u32::from_be_bytes(*word))
}

/// Sequence number and SSRC of an RTP packet, and the bytes in front of its payload. The padding's length is encrypted.
fn rtp_head(packet: &[u8]) -> Result<(u16, u32, usize), Refused> {
    let [flags, _, high, low] = *packet.first_chunk::<4>().ok_or(Refused::Malformed)?;
    if flags >> 6 != 2 {
        return Err(Refused::Malformed);
    }
    let mut length = usize::from(flags & 0x0f).saturating_mul(4).saturating_add(12);
    if flags & 0x10 != 0 {
        let words = usize::try_from(word_at(packet, length)? & 0xffff).map_err(|_| Refused::Malformed)?;
        length = length.saturating_add(4).saturating_add(words.saturating_mul(4));
    }
    if length > packet.len() {
        return Err(Refused::Malformed);
    }
    Ok((u16::from_be_bytes([high, low]), word_at(packet, RTP_SSRC)?, length))
}

/// Bytes of RTCP that stay in the clear (RFC 3711 section 3.4), and of the word behind the packet with its number.
const RTCP_HEAD: usize = 8;
const RTCP_INDEX: usize = 4;
/// In that word: the packet is encrypted.
const ENCRYPTED: u32 = 0x8000_0000;
/// Numbers that a key has (RFC 3711 section 9.2).
const RTP_INDICES: u64 = 1 << 48;
const RTCP_INDICES: u64 = 1 << 31;

/// One direction under one master key: what is made of the key, and which packets were under it (RFC 3711 section 3.2.1).
struct Context {
    key: MasterKey,
    streams: Streams,
    rtp: Sources,
    rtcp: Sources,
}

impl Context {
    fn new(key: &MasterKey) -> Self {
        Self { key: *key, streams: Streams::new(key), rtp: Sources::default(), rtcp: Sources::default() }
    }
}

/// What goes to one peer.
pub struct Sender(Context);

impl Sender {
    #[must_use]
    pub fn new(key: &MasterKey) -> Self {
        Self(Context::new(key))
    }

    #[must_use]
    pub const fn key(&self) -> &MasterKey {
        &self.0.key
    }

    /// RTP or RTCP, by its second byte.
    ///
    /// # Errors
    /// It must not go out: neither as it is nor encrypted. A number is never used twice, for that would show what is in both packets.
    pub fn close(&mut self, packet: &mut Vec<u8>) -> Result<(), Refused> {
        if is_rtcp(packet) { self.close_rtcp(packet) } else { self.close_rtp(packet) }
    }

    fn close_rtp(&mut self, packet: &mut Vec<u8>) -> Result<(), Refused> {
        let (sequence, ssrc, head) = rtp_head(packet)?;
        let index = self.0.rtp.index(ssrc, sequence)?;
        if index >= RTP_INDICES || (self.0.rtp.is_full() && self.0.rtp.get(ssrc).is_none()) {
            return Err(Refused::UsedUp);
        }
        self.0.streams.rtp.close_rtp(packet, head, ssrc, index);
        self.0.rtp.note(ssrc, index);
        Ok(())
    }

    fn close_rtcp(&mut self, packet: &mut Vec<u8>) -> Result<(), Refused> {
        if packet.len() < RTCP_HEAD || packet.first().is_none_or(|flags| flags >> 6 != 2) {
            return Err(Refused::Malformed);
        }
        let ssrc = word_at(packet, RTCP_SSRC)?;
        let index = self.0.rtcp.get(ssrc).map_or(0, Window::next);
        if index >= RTCP_INDICES || (self.0.rtcp.is_full() && self.0.rtcp.get(ssrc).is_none()) {
            return Err(Refused::UsedUp);
        }
        let word = u32::try_from(index).map_err(|_| Refused::UsedUp)? | ENCRYPTED;
        self.0.streams.rtcp.close_rtcp(packet, ssrc, word);
        self.0.rtcp.note(ssrc, index);
        Ok(())
    }
}

/// What comes from one peer.
pub struct Receiver(Context);

impl Receiver {
    #[must_use]
    pub fn new(key: &MasterKey) -> Self {
        Self(Context::new(key))
    }

    #[must_use]
    pub const fn key(&self) -> &MasterKey {
        &self.0.key
    }

    /// The peer was negotiated with and kept its key: its numbers may begin anywhere, but the roll-over counter goes on.
    pub fn renew(&mut self) {
        self.0.rtp.renew();
        self.0.rtcp.renew();
    }

    /// RTP or RTCP, by its second byte. How many bytes of `packet` are now the plain one.
    ///
    /// # Errors
    /// It is to be dropped; it was not changed.
    pub fn open(&mut self, packet: &mut [u8]) -> Result<usize, Refused> {
        if is_rtcp(packet) { self.open_rtcp(packet) } else { self.open_rtp(packet) }
    }

    fn open_rtp(&mut self, packet: &mut [u8]) -> Result<usize, Refused> {
        let (sequence, ssrc, head) = rtp_head(packet)?;
        let index = self.0.rtp.index(ssrc, sequence)?;
        if index >= RTP_INDICES {
            return Err(Refused::UsedUp);
        }
        let length = self.0.streams.rtp.open_rtp(packet, head, ssrc, index)?;
        self.0.rtp.note(ssrc, index);
        Ok(length)
    }

    fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, Refused> {
        if packet.first().is_none_or(|flags| flags >> 6 != 2) {
            return Err(Refused::Malformed);
        }
        let ssrc = word_at(packet, RTCP_SSRC)?;
        let word = self.0.streams.rtcp.rtcp_word(packet)?;
        let index = u64::from(word & !ENCRYPTED);
        if self.0.rtcp.get(ssrc).is_some_and(|window| !window.admits(index)) {
            return Err(Refused::Replayed);
        }
        let length = self.0.streams.rtcp.open_rtcp(packet, ssrc, word)?;
        self.0.rtcp.note(ssrc, index);
        Ok(length)
    }
}
