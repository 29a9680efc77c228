//! RTP packets (RFC 3550 section 5.1) and telephone events (RFC 4733 section 2.3).

/// Bytes of a header without CSRC list and extension.
pub const HEADER: usize = 12;
/// Comfort noise, RFC 3389 section 4.
pub const COMFORT_NOISE: u8 = 13;

/// One packet, every length of it checked. Borrows the datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    pub marker: bool,
    /// 0 to 127.
    pub payload_type: u8,
    pub sequence: u16,
    /// Units of the codec's clock, 8,000 a second for all that we speak.
    pub timestamp: u32,
    pub ssrc: u32,
    /// Without padding; may be empty.
    pub payload: &'a [u8],
}

/// Why some bytes are no RTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RtpError {
    /// Shorter than its header, CSRC list or extension says.
    Short,
    /// Not version 2.
    Version,
    /// The padding's length is zero or longer than the payload.
    Padding,
    /// Payload types 72 to 76 are RTCP's on a shared port (RFC 5761 section 4).
    Rtcp,
}

impl<'a> Packet<'a> {
    /// # Errors
    /// `RtpError` says which rule of RFC 3550 section 5.1 the bytes break.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, RtpError> {
        let (header, rest) = bytes.split_first_chunk::<HEADER>().ok_or(RtpError::Short)?;
        let [flags, kind, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3] = *header;
        if flags >> 6 != 2 {
            return Err(RtpError::Version);
        }
        let payload_type = kind & 0x7f;
        if (72..=76).contains(&payload_type) {
            return Err(RtpError::Rtcp);
        }
        let csrc = usize::from(flags & 0x0f).saturating_mul(4);
        let (_, rest) = rest.split_at_checked(csrc).ok_or(RtpError::Short)?;
        let rest = if flags & 0x10 == 0 { rest } else { after_extension(rest)? };
        let payload = if flags & 0x20 == 0 { rest } else { without_padding(rest)? };
        Ok(Self {
            marker: kind & 0x80 != 0,
            payload_type,
            sequence: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([c0, c1, c2, c3]),
            payload,
        })
    }
}

/// Skips the header extension, whose length counts 32-bit words without its own four bytes.
fn after_extension(rest: &[u8]) -> Result<&[u8], RtpError> {
    let (&[_, _, high, low], rest) = rest.split_first_chunk::<4>().ok_or(RtpError::Short)?;
    let length = usize::from(u16::from_be_bytes([high, low])).saturating_mul(4);
    Ok(rest.split_at_checked(length).ok_or(RtpError::Short)?.1)
}

/// The last byte counts the padding, itself included.
fn without_padding(rest: &[u8]) -> Result<&[u8], RtpError> {
    let padding = usize::from(*rest.last().ok_or(RtpError::Padding)?);
    let kept = rest.len().checked_sub(padding).filter(|_| padding > 0).ok_or(RtpError::Padding)?;
    Ok(rest.split_at_checked(kept).ok_or(RtpError::Padding)?.0)
}

/// The header of a packet without CSRC, extension and padding; the payload follows it.
#[must_use]
pub fn write_header(
    marker: bool,
    payload_type: u8,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
) -> [u8; HEADER] {
    let kind = payload_type & 0x7f | if marker { 0x80 } else { 0 };
    let [s0, s1] = sequence.to_be_bytes();
    let [t0, t1, t2, t3] = timestamp.to_be_bytes();
    let [c0, c1, c2, c3] = ssrc.to_be_bytes();
    [0x80, kind, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3]
}

/// What a relay changes in a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub marker: bool,
    /// 0 to 127.
    pub payload_type: u8,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
}

impl Head {
    /// In place of what stands there; CSRC list, extension, payload and padding stay. Bytes that are no packet stay as they are.
    pub fn write_into(self, packet: &mut [u8]) {
        let header = write_header(self.marker, self.payload_type, self.sequence, self.timestamp, self.ssrc);
        if let (Some((_, place)), Some((_, ours))) = (
            packet.split_first_chunk_mut::<HEADER>().and_then(|(h, _)| h.split_first_mut()),
            header.split_first(),
        ) {
            place.copy_from_slice(ours);
        }
    }
}

/// One telephone event: how the press of a key stands. RFC 4733 section 2.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// 0 to 9 the digits, 10 `*`, 11 `#`, 12 to 15 `A` to `D`, 16 flash.
    pub code: u8,
    /// The press is over.
    pub end: bool,
    /// Power in -dBm0, 0 to 63.
    pub volume: u8,
    /// Units of the RTP clock since the packet's timestamp.
    pub duration: u16,
}

impl Event {
    /// The first event of a payload; `None` when it is shorter than one.
    #[must_use]
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let (&[code, flags, high, low], _) = payload.split_first_chunk::<4>()?;
        let duration = u16::from_be_bytes([high, low]);
        Some(Self { code, end: flags & 0x80 != 0, volume: flags & 0x3f, duration })
    }

    #[must_use]
    pub fn to_bytes(self) -> [u8; 4] {
        let [high, low] = self.duration.to_be_bytes();
        [self.code, self.volume & 0x3f | if self.end { 0x80 } else { 0 }, high, low]
    }

    /// The key of a code. `A` to `D` are on no telephone; the rest are no keys.
    #[must_use]
    pub fn digit(code: u8) -> Option<char> {
        match code {
            0..=9 => char::from_digit(u32::from(code), 10),
            10 => Some('*'),
            11 => Some('#'),
            _ => None,
        }
    }

    /// The code of a key.
    #[must_use]
    pub fn code(digit: char) -> Option<u8> {
        match digit {
            '*' => Some(10),
            '#' => Some(11),
            _ => digit.to_digit(10).and_then(|value| u8::try_from(value).ok()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Marker, type 8, sequence 0x1234, timestamp 0xdeadbeef, SSRC 0x01020304.
    const PLAIN: [u8; 12] = [0x80, 0x88, 0x12, 0x34, 0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4];

    fn with(first: u8, rest: &[u8]) -> Vec<u8> {
        let mut bytes = PLAIN.to_vec();
        bytes[0] = first;
        bytes.extend_from_slice(rest);
        bytes
    }

    #[test]
    fn fields_and_round_trip() {
        let bytes = with(0x80, &[7, 8, 9]);
        let packet = Packet::parse(&bytes).unwrap();
        assert!(packet.marker);
        assert_eq!((packet.payload_type, packet.sequence), (8, 0x1234));
        assert_eq!((packet.timestamp, packet.ssrc), (0xdead_beef, 0x0102_0304));
        assert_eq!(packet.payload, [7, 8, 9]);
        assert_eq!(write_header(true, 8, 0x1234, 0xdead_beef, 0x0102_0304), PLAIN);
    }

    #[test]
    fn lengths_are_checked() {
        for (bytes, want) in [
            (with(0x80, &[]), Ok(&[][..])),
            (with(0x81, &[0, 0, 0, 1, 5]), Ok(&[5][..])),
            (with(0x81, &[0, 0, 0]), Err(RtpError::Short)),
            (with(0x90, &[0xbe, 0xde, 0, 1, 1, 1, 1, 1, 6]), Ok(&[6][..])),
            (with(0x90, &[0xbe, 0xde, 0, 2, 1, 1, 1, 1, 6]), Err(RtpError::Short)),
            (with(0x90, &[0xbe, 0xde, 0]), Err(RtpError::Short)),
            (with(0xa0, &[5, 0, 2]), Ok(&[5][..])),
            (with(0xa0, &[5, 0, 3]), Ok(&[][..])),
            (with(0xa0, &[5, 0, 4]), Err(RtpError::Padding)),
            (with(0xa0, &[5, 0, 0]), Err(RtpError::Padding)),
            (with(0xa0, &[]), Err(RtpError::Padding)),
            (with(0xb1, &[0, 0, 0, 1, 0, 0, 0, 1, 9, 9, 9, 9, 3, 0, 2]), Ok(&[3][..])),
            (with(0x40, &[]), Err(RtpError::Version)),
            (with(0x00, &[]), Err(RtpError::Version)),
            (PLAIN.get(..11).unwrap().to_vec(), Err(RtpError::Short)),
            (Vec::new(), Err(RtpError::Short)),
        ] {
            assert_eq!(Packet::parse(&bytes).map(|packet| packet.payload), want, "{bytes:x?}");
        }
        let mut report = PLAIN;
        report[1] = 200;
        assert_eq!(Packet::parse(&report), Err(RtpError::Rtcp));
    }

    #[test]
    fn every_prefix_and_every_byte_is_a_packet_or_an_error() {
        let whole = with(0xb1, &[0, 0, 0, 1, 0, 0, 0, 1, 9, 9, 9, 9, 3, 0, 2]);
        for length in 0..=whole.len() {
            for at in 0..length {
                for value in 0..=255 {
                    let mut bytes = whole[..length].to_vec();
                    bytes[at] = value;
                    if let Ok(packet) = Packet::parse(&bytes) {
                        assert!(packet.payload_type < 128);
                        assert!(packet.payload.len() + HEADER <= length);
                    }
                }
            }
        }
    }

    #[test]
    fn events() {
        let event = Event { code: 11, end: true, volume: 10, duration: 800 };
        assert_eq!(event.to_bytes(), [11, 0x8a, 3, 32]);
        assert_eq!(Event::parse(&[11, 0x8a, 3, 32]), Some(event));
        // The reserved bit means nothing; further events (RFC 2833 redundancy) are not looked at.
        assert_eq!(Event::parse(&[11, 0xca, 3, 32, 1, 2]), Some(event));
        assert_eq!(Event::parse(&[11, 0x8a, 3]), None);
        for (code, digit) in
            [(0, Some('0')), (9, Some('9')), (10, Some('*')), (11, Some('#')), (12, None), (16, None)]
        {
            assert_eq!(Event::digit(code), digit);
            assert!(digit.is_none_or(|digit| Event::code(digit) == Some(code)));
        }
        assert_eq!(Event::code('A'), None);
    }
}
