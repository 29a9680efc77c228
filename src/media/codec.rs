//! G.711, the two laws. The tables are those of the crate `audio-codec-algorithms`.
use audio_codec_algorithms::{decode_alaw, decode_ulaw, encode_alaw, encode_ulaw};

/// What both ends of a call in the telephone network can speak: 8,000 samples a second, a byte each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// mu-law.
    Pcmu,
    /// A-law.
    Pcma,
}

impl Codec {
    /// Encoding name in `a=rtpmap`, RFC 3551 section 6.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
        }
    }

    /// Static payload type, RFC 3551 table 4.
    #[must_use]
    pub const fn payload_type(self) -> u8 {
        match self {
            Self::Pcmu => 0,
            Self::Pcma => 8,
        }
    }

    /// A 16-bit linear sample of one byte.
    #[must_use]
    pub fn decode(self, byte: u8) -> i16 {
        match self {
            Self::Pcmu => decode_ulaw(byte),
            Self::Pcma => decode_alaw(byte),
        }
    }

    #[must_use]
    pub fn encode(self, sample: i16) -> u8 {
        match self {
            Self::Pcmu => encode_ulaw(sample),
            Self::Pcma => encode_alaw(sample),
        }
    }

    /// The byte of a silent sample.
    #[must_use]
    pub fn silence(self) -> u8 {
        self.encode(0)
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
            Codec::Pcma => 8 << ((byte ^ 0x55) >> 4 & 7).saturating_sub(1),
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
