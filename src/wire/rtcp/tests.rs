use super::*;

/// A sender report of 0x11111111 with one block about 0x22222222, its name "abc", and a goodbye; written by hand from RFC 3550
/// section 6.
#[rustfmt::skip]
const WHOLE: [u8; 76] = [
    0x81, 200, 0, 12, 0x11, 0x11, 0x11, 0x11,
    0xe0, 1, 2, 3, 0x80, 0, 0, 0, 0, 0, 3, 0xe8, 0, 0, 0, 50, 0, 0, 0x1f, 0x40,
    0x22, 0x22, 0x22, 0x22, 64, 0xff, 0xff, 0xfe, 0, 1, 0, 5, 0, 0, 0, 80, 2, 3, 0x80, 0, 0, 1, 0, 0,
    0x81, 202, 0, 3, 0x11, 0x11, 0x11, 0x11, 1, 3, b'a', b'b', b'c', 0, 0, 0,
    0x81, 203, 0, 1, 0x11, 0x11, 0x11, 0x11,
];

const SENDER: SenderInfo =
    SenderInfo { ntp: 0xe001_0203_8000_0000, timestamp: 1_000, packets: 50, bytes: 8_000 };
const ABOUT: Block = Block {
    ssrc: 0x2222_2222,
    fraction: 64,
    lost: -2,
    highest: 0x1_0005,
    jitter: 80,
    last_report: 0x0203_8000,
    delay: 0x1_0000,
};

#[test]
fn fields_and_round_trip() {
    let report =
        Report { ssrc: 0x1111_1111, sender: Some(SENDER), block: Some(ABOUT), cname: "abc", goodbye: true };
    assert_eq!(report.to_bytes(), WHOLE);
    assert_eq!(SENDER.middle(), 0x0203_8000);
    let packets: Vec<Packet<'_>> = Datagram::parse(&WHOLE).unwrap().packets().collect();
    let [Packet::SenderReport { ssrc, sender, blocks }, Packet::SourceDescription { cname, .. }, goodbye] =
        packets[..]
    else {
        panic!("{packets:?}")
    };
    assert_eq!((ssrc, sender, blocks.about(0x2222_2222)), (0x1111_1111, SENDER, Some(ABOUT)));
    assert_eq!((blocks.about(7), cname), (None, &b"abc"[..]));
    assert_eq!(goodbye, Packet::Goodbye { sources: &[[0x11; 4]] });
    let short = Report { sender: None, block: None, cname: "", goodbye: false, ..report };
    let want: [u8; 20] =
        [0x80, 201, 0, 1, 0x11, 0x11, 0x11, 0x11, 0x81, 202, 0, 2, 0x11, 0x11, 0x11, 0x11, 1, 0, 0, 0];
    assert_eq!(short.to_bytes(), want);
}

#[test]
fn what_is_lost_fits_24_bits() {
    for (lost, want) in [(0, 0), (-1, -1), (i32::MAX, 0x7f_ffff), (i32::MIN, -0x80_0000)] {
        assert_eq!(Block::from_bytes(&Block { lost, ..ABOUT }.to_bytes()).lost, want);
    }
}

#[test]
fn lengths_are_checked() {
    let ok: &[&[u8]] = &[
        &[0x80, 201, 0, 1, 1, 1, 1, 1],
        // An extension of a profile behind the blocks.
        &[0x80, 201, 0, 2, 1, 1, 1, 1, 9, 9, 9, 9],
        &[0xa0, 201, 0, 2, 1, 1, 1, 1, 0, 0, 0, 4],
        &[0x80, 202, 0, 0],
        &[0x80, 203, 0, 0],
        &[0x81, 203, 0, 2, 1, 1, 1, 1, 3, b'e', b'n', b'd'],
        &[0x81, 206, 0, 2, 1, 1, 1, 1, 2, 2, 2, 2],
        &[0x80, 204, 0, 2, 1, 1, 1, 1, b'n', b'a', b'm', b'e'],
        &[0x80, 223, 0, 0],
    ];
    for bytes in ok {
        assert!(Datagram::parse(bytes).is_ok(), "{bytes:?}");
    }
    let wrong: &[(&[u8], RtcpError)] = &[
        (&[], RtcpError::Short),
        (&[0x80, 201, 0], RtcpError::Short),
        (&[0x80, 201, 0, 1, 1, 1, 1], RtcpError::Short),
        (&[0x80, 201, 0xff, 0xff, 1, 1, 1, 1], RtcpError::Short),
        (&[0x40, 201, 0, 1, 1, 1, 1, 1], RtcpError::Version),
        (&[0x80, 191, 0, 1, 1, 1, 1, 1], RtcpError::Type),
        (&[0x80, 224, 0, 1, 1, 1, 1, 1], RtcpError::Type),
        // Something is left over, too little to be a packet.
        (&[0x80, 201, 0, 1, 1, 1, 1, 1, 0x80], RtcpError::Short),
        // Padding of none, of half a word, of more than there is, before the last packet.
        (&[0xa0, 201, 0, 2, 1, 1, 1, 1, 0, 0, 0, 0], RtcpError::Padding),
        (&[0xa0, 201, 0, 2, 1, 1, 1, 1, 0, 0, 0, 2], RtcpError::Padding),
        (&[0xa0, 201, 0, 2, 1, 1, 1, 1, 0, 0, 0, 12], RtcpError::Padding),
        (&[0xa0, 201, 0, 2, 1, 1, 1, 1, 0, 0, 0, 4, 0x80, 203, 0, 0], RtcpError::Padding),
        (&[0x80, 201, 0, 0], RtcpError::Body),
        (&[0x81, 201, 0, 1, 1, 1, 1, 1], RtcpError::Body),
        (&[0x80, 200, 0, 1, 1, 1, 1, 1], RtcpError::Body),
        (&[0x9f, 203, 0, 1, 1, 1, 1, 1], RtcpError::Body),
        (&[0x81, 206, 0, 1, 1, 1, 1, 1], RtcpError::Body),
        (&[0x80, 204, 0, 1, 1, 1, 1, 1], RtcpError::Body),
        // Items that are longer than the packet, that have no end, a chunk without its second.
        (&[0x81, 202, 0, 2, 1, 1, 1, 1, 1, 9, b'a', 0], RtcpError::Body),
        (&[0x81, 202, 0, 2, 1, 1, 1, 1, 1, 2, b'a', b'b'], RtcpError::Body),
        (&[0x82, 202, 0, 2, 1, 1, 1, 1, 0, 0, 0, 0], RtcpError::Body),
    ];
    for (bytes, want) in wrong {
        assert_eq!(Datagram::parse(bytes), Err(*want), "{bytes:?}");
    }
}

#[test]
fn rtcp_among_rtp() {
    for (second, want) in
        [(0, false), (0x80, false), (191, false), (192, true), (200, true), (223, true), (224, false)]
    {
        assert_eq!(is_rtcp(&[0x80, second]), want, "{second}");
    }
    assert!(!is_rtcp(&[0x80]));
}

/// Sources 1, 2 are those of this side and of the other one; there they are 101 and 102.
struct Hundred;

impl Rules for Hundred {
    fn source(&self, ssrc: u32) -> u32 {
        ssrc + 100
    }

    fn timestamp(&self, ssrc: u32, timestamp: u32) -> u32 {
        timestamp.wrapping_add(ssrc * 1_000)
    }

    fn block(&self, block: Block) -> Block {
        Block { ssrc: block.ssrc + 200, highest: block.highest + 1, ..block }
    }

    fn about(&self, ssrc: u32) -> u32 {
        if ssrc == 0 { 0 } else { ssrc + 200 }
    }

    fn sequence(&self, about: u32, sequence: u16) -> u16 {
        assert_eq!(about, 2);
        sequence.wrapping_add(7)
    }
}

fn rewritten(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![9];
    for part in Datagram::parse(bytes).unwrap().parts() {
        rewrite(&part, &Hundred, &mut out);
    }
    assert_eq!(out.remove(0), 9, "behind what is there");
    out
}

#[test]
fn other_sources_in_the_same_packet() {
    let cases: &[(&[u8], &[u8])] = &[
        // Two names of two sources; a goodbye with its words.
        (
            &[0x82, 202, 0, 4, 0, 0, 0, 1, 1, 1, b'a', 0, 0, 0, 0, 3, 0, 0, 0, 0],
            &[0x82, 202, 0, 4, 0, 0, 0, 101, 1, 1, b'a', 0, 0, 0, 0, 103, 0, 0, 0, 0],
        ),
        (&[0x81, 203, 0, 2, 0, 0, 0, 1, 1, b'x', 0, 0], &[0x81, 203, 0, 2, 0, 0, 0, 101, 1, b'x', 0, 0]),
        // PLI; FIR, which names its source behind; NACK with two numbers; REMB; its like of others.
        (&[0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2], &[0x81, 206, 0, 2, 0, 0, 0, 101, 0, 0, 0, 202]),
        (
            &[0x84, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 5, 0, 0, 0],
            &[0x84, 206, 0, 4, 0, 0, 0, 101, 0, 0, 0, 0, 0, 0, 0, 202, 5, 0, 0, 0],
        ),
        (
            &[0x81, 205, 0, 4, 0, 0, 0, 1, 0, 0, 0, 2, 0xff, 0xfe, 0, 3, 0, 1, 0, 0],
            &[0x81, 205, 0, 4, 0, 0, 0, 101, 0, 0, 0, 202, 0, 5, 0, 3, 0, 8, 0, 0],
        ),
        (
            &[0x8f, 206, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0, b'R', b'E', b'M', b'B', 1, 4, 5, 6, 0, 0, 0, 2],
            &[0x8f, 206, 0, 5, 0, 0, 0, 101, 0, 0, 0, 0, b'R', b'E', b'M', b'B', 1, 4, 5, 6, 0, 0, 0, 202],
        ),
        (
            &[0x8f, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, b'o', b'w', b'n', b'!', 1, 2, 3, 4],
            &[0x8f, 206, 0, 4, 0, 0, 0, 101, 0, 0, 0, 0, b'o', b'w', b'n', b'!', 1, 2, 3, 4],
        ),
        (
            &[0x80, 204, 0, 2, 0, 0, 0, 1, b'n', b'a', b'm', b'e'],
            &[0x80, 204, 0, 2, 0, 0, 0, 101, b'n', b'a', b'm', b'e'],
        ),
        (&[0x80, 222, 0, 1, 0, 0, 0, 1], &[0x80, 222, 0, 1, 0, 0, 0, 1]),
    ];
    for (bytes, want) in cases {
        assert_eq!(rewritten(bytes), *want);
    }
    let sender = SenderInfo { timestamp: u32::MAX, ..SENDER };
    let report = Report { ssrc: 1, sender: Some(sender), block: Some(ABOUT), cname: "x", goodbye: false };
    let want = Report {
        ssrc: 101,
        sender: Some(SenderInfo { timestamp: 999, ..SENDER }),
        block: Some(Block { ssrc: ABOUT.ssrc + 200, highest: ABOUT.highest + 1, ..ABOUT }),
        ..report
    };
    assert_eq!(rewritten(&report.to_bytes()), want.to_bytes());
}

/// Sources as they are.
struct Same;

impl Rules for Same {
    fn source(&self, ssrc: u32) -> u32 {
        ssrc
    }

    fn timestamp(&self, _: u32, timestamp: u32) -> u32 {
        timestamp
    }

    fn block(&self, block: Block) -> Block {
        block
    }

    fn about(&self, ssrc: u32) -> u32 {
        ssrc
    }

    fn sequence(&self, _: u32, sequence: u16) -> u16 {
        sequence
    }
}

#[test]
fn every_prefix_and_every_byte_is_rtcp_or_an_error() {
    let nack = [0x81, 205, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 9, 0, 3];
    let fir = [0xa4, 206, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 5, 0, 0, 0, 0, 0, 0, 4];
    for whole in [&WHOLE[..], &nack, &fir] {
        for length in 0..=whole.len() {
            for at in 0..length {
                for value in 0..=255 {
                    let mut bytes = whole[..length].to_vec();
                    bytes[at] = value;
                    let Ok(datagram) = Datagram::parse(&bytes) else { continue };
                    let mut out = Vec::new();
                    datagram.parts().for_each(|part| rewrite(&part, &Same, &mut out));
                    assert_eq!(out, bytes, "nothing of it changes by itself");
                    assert_eq!(datagram.packets().count(), datagram.parts().count());
                }
            }
        }
    }
}
