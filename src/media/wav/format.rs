//! The chunk `fmt `: what the samples are.
use super::Fault;
use crate::media::Codec;
use crate::media::mixer::Rate;

/// Tags of `wFormatTag`: RFC 2361 for those of G.711; `EXTENSIBLE` has its own in the chunk's second part.
const PCM: u16 = 1;
const ALAW: u16 = 6;
const MULAW: u16 = 7;
const EXTENSIBLE: u16 = 0xfffe;

/// How a sample is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// 16 bits, signed, little-endian.
    Linear,
    /// G.711.
    Law(Codec),
}

impl Coding {
    /// Bytes of a sample.
    pub(super) const fn bytes(self) -> u16 {
        match self {
            Self::Linear => 2,
            Self::Law(_) => 1,
        }
    }
}

/// What a file says of its sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    pub coding: Coding,
    pub rate: Rate,
    /// Two channels are heard as one.
    pub stereo: bool,
}

impl Format {
    /// Of the chunk's body, as much of it as there is up to 40 bytes.
    ///
    /// # Errors
    /// It is shorter than 16 bytes, contradicts itself, or is nothing that is played.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Fault> {
        let short = Fault::FormatSize(u32::try_from(body.len()).unwrap_or(u32::MAX));
        let word = |at: usize| {
            let bytes = body.get(at..).and_then(|rest| rest.first_chunk::<2>()).copied();
            bytes.map(u16::from_le_bytes).ok_or(short)
        };
        let (tag, channels, low, high) = (word(0)?, word(2)?, word(4)?, word(6)?);
        let (block, bits) = (word(12)?, word(14)?);
        let tag = if tag == EXTENSIBLE { word(24)? } else { tag };
        let coding = match (tag, bits) {
            (PCM, 16) => Coding::Linear,
            (ALAW, 8) => Coding::Law(Codec::Pcma),
            (MULAW, 8) => Coding::Law(Codec::Pcmu),
            _ => return Err(Fault::Coding { tag, bits }),
        };
        let rate = match u32::from(low) | u32::from(high) << 16 {
            8_000 => Rate::Narrow,
            16_000 => Rate::Wide,
            other => return Err(Fault::Rate(other)),
        };
        if !(1..=2).contains(&channels) {
            return Err(Fault::Channels(channels));
        }
        let is = coding.bytes().saturating_mul(channels);
        // The bytes a second are wrong in many files and needed in none.
        if block != is {
            return Err(Fault::Block { says: block, is });
        }
        Ok(Self { coding, rate, stereo: channels == 2 })
    }

    /// Bytes of a sample of all channels.
    pub(super) fn block(self) -> usize {
        usize::from(self.coding.bytes()) << u8::from(self.stereo)
    }

    /// One sample of all channels, `block` bytes.
    pub(super) fn sample(self, block: [u8; 4]) -> i16 {
        let [a, b, c, d] = block;
        let (first, second) = match self.coding {
            Coding::Linear => (i16::from_le_bytes([a, b]), i16::from_le_bytes([c, d])),
            Coding::Law(law) => (law.decode(a), law.decode(b)),
        };
        if self.stereo { first.midpoint(second) } else { first }
    }
}
