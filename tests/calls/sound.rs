//! RTP and G.711 by hand.

/// An octet that no silence has, and the sample it stands for in PCMU; bytes of the sample differ, so a swap shows.
pub const PHONE_SAYS: u8 = 0x9a;
pub const STICK_SAYS: i16 = 0x0d7c;

pub fn from_ulaw(octet: u8) -> i16 {
    let octet = !octet;
    let magnitude = ((i16::from(octet & 0x0f) << 3) + 0x84) << ((octet & 0x70) >> 4);
    if octet & 0x80 == 0 { magnitude - 0x84 } else { 0x84 - magnitude }
}

pub fn from_alaw(octet: u8) -> i16 {
    let octet = octet ^ 0x55;
    let (segment, step) = ((octet & 0x70) >> 4, i16::from(octet & 0x0f) << 4);
    let magnitude = if segment == 0 { step + 8 } else { (step + 0x108) << (segment - 1) };
    if octet & 0x80 == 0 { -magnitude } else { magnitude }
}

#[derive(Clone, Debug)]
pub struct Rtp {
    pub payload_type: u8,
    pub sequence: u16,
    pub timestamp: u32,
    pub payload: Vec<u8>,
}

impl Rtp {
    pub fn parse(bytes: &[u8]) -> Self {
        assert_eq!(bytes[0], 0x80, "version 2, nothing else");
        Self {
            payload_type: bytes[1] & 0x7f,
            sequence: u16::from_be_bytes([bytes[2], bytes[3]]),
            timestamp: u32::from_be_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
            payload: bytes[12..].to_vec(),
        }
    }

    pub fn to_bytes(&self, marker: bool, ssrc: u32) -> Vec<u8> {
        let mut bytes = vec![0x80, self.payload_type | u8::from(marker) << 7];
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(self.timestamp.to_be_bytes());
        bytes.extend(ssrc.to_be_bytes());
        bytes.extend(&self.payload);
        bytes
    }
}

#[test]
fn known_points_of_g711() {
    assert_eq!((from_ulaw(0xff), from_ulaw(0x80), from_ulaw(0x00)), (0, 32124, -32124));
    assert_eq!((from_alaw(0xd5), from_alaw(0x55), from_alaw(0xaa)), (8, -8, 32256));
}
