//! Codecs of ours: G.711, whose tables are those of the crate `audio-codec-algorithms`, and G.722.
//!
//! All of them have an octet for 1/8,000 s, and count in that (RFC 3551 section 4.5.2 for G.722, although it samples twice as often):
//! an octet is a sample at 8,000 a second, whichever codec it is.
pub mod g722;
pub mod resample;

use crate::util::MEDIA;
use audio_codec_algorithms::{decode_alaw, decode_ulaw, encode_alaw, encode_ulaw};

/// How the sound of a packet is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// mu-law.
    Pcmu,
    /// A-law.
    Pcma,
    /// Sound of 16,000 samples a second; not in the smallest build.
    G722,
}

impl Codec {
    /// Encoding name in `a=rtpmap`, RFC 3551 section 6.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
            Self::G722 => "G722",
        }
    }

    /// The sample of an octet that begins a stream; of G.711 that of any octet.
    #[must_use]
    pub fn decode(self, octet: u8) -> i16 {
        Decoder::new(self).decode(octet)
    }

    /// The octet of a sample that begins a stream; of G.711 that of any sample.
    #[must_use]
    pub fn encode(self, sample: i16) -> u8 {
        Encoder::new(self).encode(sample)
    }

    /// The octet of a silent sample.
    #[must_use]
    pub fn silence(self) -> u8 {
        self.encode(0)
    }

    /// Static payload type, RFC 3551 table 4.
    #[must_use]
    pub const fn payload_type(self) -> u8 {
        match self {
            Self::Pcmu => 0,
            Self::Pcma => 8,
            Self::G722 => 9,
        }
    }
}

/// Octets of one stream to samples at 8,000 a second.
#[derive(Clone)]
pub struct Decoder {
    codec: Codec,
    g722: g722::Narrow,
}

/// Samples at 8,000 a second to octets of one stream.
#[derive(Clone)]
pub struct Encoder {
    codec: Codec,
    g722: g722::Narrow,
}

impl Decoder {
    #[must_use]
    pub fn new(codec: Codec) -> Self {
        Self { codec, g722: g722::Narrow::default() }
    }

    /// What follows is coded so; where that is not as before it is the begin of a stream.
    pub fn turn_to(&mut self, codec: Codec) {
        if self.codec != codec {
            *self = Self::new(codec);
        }
    }

    pub fn decode(&mut self, octet: u8) -> i16 {
        match self.codec {
            // The lowest value is none of G.711's, and means something else in places.
            Codec::G722 if MEDIA => self.g722.decode(octet).max(-i16::MAX),
            Codec::Pcma => decode_alaw(octet),
            Codec::Pcmu | Codec::G722 => decode_ulaw(octet),
        }
    }
}

impl Encoder {
    #[must_use]
    pub fn new(codec: Codec) -> Self {
        Self { codec, g722: g722::Narrow::default() }
    }

    /// As for the decoder.
    pub fn turn_to(&mut self, codec: Codec) {
        if self.codec != codec {
            *self = Self::new(codec);
        }
    }

    pub fn encode(&mut self, sample: i16) -> u8 {
        match self.codec {
            Codec::G722 if MEDIA => self.g722.encode(sample),
            Codec::Pcma => encode_alaw(sample),
            Codec::Pcmu | Codec::G722 => encode_ulaw(sample),
        }
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new(Codec::Pcmu)
    }
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new(Codec::Pcmu)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A-law by the formula of G.711 table 1a: even bits inverted, seven chords.
    fn reference_alaw(byte: u8) -> i32 {
        let code = i32::from(byte ^ 0x55);
        let (chord, step) = (code >> 4 & 7, code & 15);
        let magnitude = if chord == 0 { step * 2 + 1 } else { (step * 2 + 33) << (chord - 1) };
        // 13 bits in G.711; our samples have 16.
        magnitude * 8 * if code & 0x80 == 0 { -1 } else { 1 }
    }

    /// Mu-law by the formula of G.711 table 2a: all bits inverted, bias 33.
    fn reference_ulaw(byte: u8) -> i32 {
        let code = i32::from(!byte);
        let (chord, step) = (code >> 4 & 7, code & 15);
        let magnitude = ((step * 2 + 33) << chord) - 33;
        magnitude * 4 * if code & 0x80 == 0 { 1 } else { -1 }
    }

    #[test]
    fn every_code_has_the_value_of_g711() {
        for byte in 0..=255 {
            assert_eq!(i32::from(Codec::Pcma.decode(byte)), reference_alaw(byte), "A-law {byte:#x}");
            assert_eq!(i32::from(Codec::Pcmu.decode(byte)), reference_ulaw(byte), "mu-law {byte:#x}");
        }
    }

    /// Half a step of the chord that a code lies in, 16-bit samples.
    fn half_step(codec: Codec, byte: u8) -> i32 {
        match codec {
            Codec::Pcmu => 4 << ((!byte) >> 4 & 7),
            _ => 8 << ((byte ^ 0x55) >> 4 & 7).saturating_sub(1),
        }
    }

    #[test]
    fn every_sample_gets_a_code_within_half_a_step() {
        for (codec, most) in [(Codec::Pcmu, 32_124), (Codec::Pcma, 32_256)] {
            for sample in -most..=most {
                let byte = codec.encode(i16::try_from(sample).unwrap());
                let error = (i32::from(codec.decode(byte)) - sample).abs();
                // Four more: G.711 takes 14 bits for mu-law, 13 for A-law.
                assert!(error <= half_step(codec, byte) + 4, "{codec:?} {sample}: {byte:#x}");
            }
            assert_eq!(codec.decode(codec.encode(i16::MAX)), i16::try_from(most).unwrap());
            assert_eq!(codec.decode(codec.encode(i16::MIN)), -i16::try_from(most).unwrap());
            for byte in 0..=255 {
                assert_eq!(codec.decode(codec.encode(codec.decode(byte))), codec.decode(byte), "{byte:#x}");
            }
        }
        assert_eq!((Codec::Pcmu.silence(), Codec::Pcma.silence()), (0xff, 0xd5));
    }
}
