//! Reports of our own.
use super::{BLOCK, Block, SenderInfo, kind};

/// A compound packet (RFC 3550 section 6.1): a report, a name, and the end of the stream where it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report<'a> {
    /// Who speaks.
    pub ssrc: u32,
    /// Of what it has sent; `None`: nothing, lately.
    pub sender: Option<SenderInfo>,
    /// Of what it hears.
    pub block: Option<Block>,
    /// The same for all streams of one call; up to 255 bytes of it count.
    pub cname: &'a str,
    /// It is the last word.
    pub goodbye: bool,
}

impl Report<'_> {
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(100);
        let count = u8::from(self.block.is_some());
        let begin = match self.sender {
            Some(_) => header(&mut out, count, kind::SENDER_REPORT),
            None => header(&mut out, count, kind::RECEIVER_REPORT),
        };
        out.extend(self.ssrc.to_be_bytes());
        if let Some(SenderInfo { ntp, timestamp, packets, bytes }) = self.sender {
            out.extend(ntp.to_be_bytes());
            [timestamp, packets, bytes].iter().for_each(|word| out.extend(word.to_be_bytes()));
        }
        if let Some(block) = self.block {
            out.extend(block.to_bytes());
        }
        close(&mut out, begin);
        let begin = header(&mut out, 1, kind::SOURCE_DESCRIPTION);
        out.extend(self.ssrc.to_be_bytes());
        let name = self.cname.as_bytes();
        let name = name.get(..usize::from(u8::MAX)).unwrap_or(name);
        out.extend([1, u8::try_from(name.len()).unwrap_or(u8::MAX)]);
        out.extend(name);
        // At least one zero ends the items.
        out.push(0);
        close(&mut out, begin);
        if self.goodbye {
            let begin = header(&mut out, 1, kind::GOODBYE);
            out.extend(self.ssrc.to_be_bytes());
            close(&mut out, begin);
        }
        out
    }
}

impl Block {
    /// More lost packets than 24 bits hold are as many as they hold.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; BLOCK] {
        let [_, lost @ ..] = self.lost.clamp(-0x80_0000, 0x7f_ffff).to_be_bytes();
        let [l0, l1, l2] = lost;
        let loss = u32::from_be_bytes([self.fraction, l0, l1, l2]);
        let words = [self.ssrc, loss, self.highest, self.jitter, self.last_report, self.delay];
        let mut bytes = [0; BLOCK];
        for (place, word) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(words) {
            *place = word.to_be_bytes();
        }
        bytes
    }
}

/// The place of its length is open; where it begins.
fn header(out: &mut Vec<u8>, count: u8, kind: u8) -> usize {
    let begin = out.len();
    out.extend([0x80 | count & 0x1f, kind, 0, 0]);
    begin
}

/// Whole words, and how many there are without the first one.
fn close(out: &mut Vec<u8>, begin: usize) {
    out.resize(out.len().next_multiple_of(4), 0);
    let words = (out.len().saturating_sub(begin) / 4).saturating_sub(1);
    let [high, low] = u16::try_from(words).unwrap_or(u16::MAX).to_be_bytes();
    if let Some([_, _, h, l]) = out.get_mut(begin..).and_then(|p| p.first_chunk_mut::<4>()) {
        (*h, *l) = (high, low);
    }
}
