//! Vectors of RFC 3711 appendix B, RFC 6188 section 7 and RFC 7714 sections 16 and 17; and what no vector says.
use super::aes::Aes;
use super::session::Session;
use super::*;
use crate::util::random::Random;
use crate::wire::sdp::crypto::{KEY_BYTES, Suite};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|d| u8::try_from(d[0] << 4 | d[1]).unwrap()).collect()
}

fn block(text: &str) -> [u8; 16] {
    hex(text).try_into().unwrap()
}

#[test]
fn streams_of_key_bytes() {
    for (key, counter, want) in [
        // RFC 3711 appendix B.2.
        (
            "2B7E151628AED2A6ABF7158809CF4F3C",
            "F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000",
            "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB 41E95B3BB0A2E8DD477901E4FCA894C0",
        ),
        (
            "2B7E151628AED2A6ABF7158809CF4F3C",
            "F0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF",
            "EC8CDF7398607CB0F2D21675EA9EA1E4 362B7C3C6773516318A077D7FC5073AE 6A2CC3787889374FBEB4C81B17BA6C44",
        ),
        // RFC 6188 section 7.1.
        (
            "57f82fe3613fd170a85ec93c40b1f0922ec4cb0dc025b58272147cc438944a98",
            "f0f1f2f3f4f5f6f7f8f9fafbfcfd0000",
            "92bdd28a93c3f52511c677d08b5515a4 9da71b2378a854f67050756ded165bac 63c4868b7096d88421b563b8c94c9a31",
        ),
    ] {
        let want = hex(want);
        let mut stream = vec![0; want.len()];
        Aes::new(&hex(key)).add_stream(block(counter), &mut stream);
        assert_eq!(stream, want, "{key} {counter}");
    }
    // Many blocks are those that one by one would be.
    let (aes, mut long) = (Aes::new(&[7; 16]), [0; 1_000]);
    aes.add_stream([0xff; 16], &mut long);
    for (n, part) in long.chunks(16).enumerate() {
        let mut counter = [0xff; 16];
        counter[12..].copy_from_slice(&u32::MAX.wrapping_add(u32::try_from(n).unwrap()).to_be_bytes());
        assert_eq!(part, &aes.block(counter)[..part.len()], "{n}");
    }
}

/// Keys of RTP as they are made of a master key: seen by what they do.
#[test]
fn keys_are_derived() {
    for (suite, master, salt, key, session_salt, auth) in [
        // RFC 3711 appendix B.3.
        (
            Suite::AesCm128Sha1_80,
            "E1F97A0D3E018BE0D64FA32C06DE4139",
            "0EC675AD498AFEEBB6960B3AABE6",
            "C61E7A93744F39EE10734AFE3FF7A087",
            "30CBBC08863D8C85D49DB34A9AE1",
            "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4",
        ),
        // RFC 6188 section 7.2.
        (
            Suite::AesCm256Sha1_80,
            "f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6",
            "3b04803de51ee7c96423ab5b78d2",
            "5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4",
            "fa31791685ca444a9e07c6c64e93",
            "fd9c32d39ed5fbb5a9dc96b30818454d1313dc05",
        ),
    ] {
        let master = master_key(suite, &[hex(master), hex(salt)].concat());
        let by_hand = Session::new(&hex(key), block(&format!("{session_salt}0000")), Some((&hex(auth), 10)));
        let mut closed = rtp(1, 7);
        Sender::new(&master).close(&mut closed).unwrap();
        let mut expected = rtp(1, 7);
        by_hand.close_rtp(&mut expected, 12, 7, 1);
        assert_eq!(closed, expected, "{suite:?}");
    }
}

/// RFC 7714 sections 16 and 17.
#[test]
fn packets_of_gcm() {
    let salt = block("51756964 2070726f 2071756f 00000000");
    let keys: Vec<u8> = (0..32).collect();
    let plain = hex(
        "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070 61727465 73207472 6573",
    );
    for (bytes, want) in [
        (
            16,
            "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce",
        ),
        (
            32,
            "8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02 76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13",
        ),
    ] {
        let session = Session::new(&keys[..bytes], salt, None);
        let mut packet = plain.clone();
        session.close_rtp(&mut packet, 12, 0x5501_a0b2, 0xf17b);
        assert_eq!(packet, hex(want), "{bytes}");
        let length = session.open_rtp(&mut packet, 12, 0x5501_a0b2, 0xf17b).unwrap();
        assert_eq!(packet[..length], plain);
    }
    let plain = hex(
        "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef deadbeef deadbeef deadbeef",
    );
    let want = "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4";
    let session = Session::new(&keys[..16], salt, None);
    let mut packet = plain.clone();
    session.close_rtcp(&mut packet, 0x4d61_7273, 0x8000_05d4);
    assert_eq!(packet, hex(want));
    assert_eq!(session.rtcp_word(&packet), Ok(0x8000_05d4));
    let length = session.open_rtcp(&mut packet, 0x4d61_7273, 0x8000_05d4).unwrap();
    assert_eq!(packet[..length], plain);
}

fn master_key(suite: Suite, bytes: &[u8]) -> MasterKey {
    let mut all = [0; KEY_BYTES];
    all[..bytes.len()].copy_from_slice(bytes);
    MasterKey::new(suite, &all)
}

fn pair(suite: Suite) -> (Sender, Receiver) {
    let key = master_key(suite, &[0x5a; KEY_BYTES]);
    (Sender::new(&key), Receiver::new(&key))
}

fn rtp(sequence: u16, ssrc: u32) -> Vec<u8> {
    let [high, low] = sequence.to_be_bytes();
    let head = [0x80, 0, high, low, 0, 0, 0, 1];
    [&head[..], &ssrc.to_be_bytes(), &[0x55; 160]].concat()
}

/// A sender report and a description.
fn rtcp(ssrc: u32) -> Vec<u8> {
    [
        &[0x80, 200, 0, 6][..],
        &ssrc.to_be_bytes(),
        &[9; 20],
        &[0x81, 202, 0, 2],
        &ssrc.to_be_bytes(),
        &[1, 0, 0, 0],
    ]
    .concat()
}

#[test]
fn what_is_closed_opens() {
    for suite in Suite::ALL {
        let (mut sender, mut receiver) = pair(suite);
        for n in 0..300_u16 {
            for plain in [rtp(n, 1), rtp(n, 2), rtcp(1)] {
                let mut packet = plain.clone();
                sender.close(&mut packet).unwrap();
                let more = packet.len() - plain.len();
                let want = match (suite, is_rtcp(&plain)) {
                    (Suite::AeadAes128Gcm | Suite::AeadAes256Gcm, false) => 16,
                    (Suite::AeadAes128Gcm | Suite::AeadAes256Gcm, true) => 20,
                    (Suite::AesCm128Sha1_32 | Suite::AesCm256Sha1_32, false) => 4,
                    (_, false) => 10,
                    (_, true) => 14,
                };
                assert_eq!(more, want, "{suite:?}");
                assert_ne!(packet[..plain.len()], plain);
                let length = receiver.open(&mut packet).unwrap();
                assert_eq!(packet[..length], plain, "{suite:?} {n}");
            }
        }
    }
}

#[test]
fn a_changed_byte_is_refused_and_moves_nothing() {
    for suite in Suite::ALL {
        let (mut sender, mut receiver) = pair(suite);
        for plain in [rtp(500, 1), rtcp(1)] {
            let mut closed = plain.clone();
            sender.close(&mut closed).unwrap();
            for at in 0..closed.len() {
                let mut changed = closed.clone();
                changed[at] ^= 0x10;
                let before = changed.clone();
                assert!(receiver.open(&mut changed).is_err(), "{suite:?} {at}");
                assert_eq!(changed, before, "{suite:?} {at}");
            }
            for length in 0..closed.len() {
                assert!(receiver.open(&mut closed[..length].to_vec()).is_err());
            }
            let length = receiver.open(&mut closed).unwrap();
            assert_eq!(closed[..length], plain, "{suite:?}");
        }
    }
}

#[test]
fn a_packet_comes_once() {
    for suite in Suite::ALL {
        let (mut sender, mut receiver) = pair(suite);
        for plain in [rtp(500, 1), rtcp(1)] {
            let mut closed = plain;
            sender.close(&mut closed).unwrap();
            receiver.open(&mut closed.clone()).unwrap();
            assert_eq!(receiver.open(&mut closed), Err(Refused::Replayed), "{suite:?}");
        }
        // Nor goes out twice.
        assert_eq!(sender.close(&mut rtp(500, 1)), Err(Refused::Replayed));
    }
}

/// A long call, with losses and packets that overtake each other.
#[test]
fn the_roll_over_counter_goes_with_the_stream() {
    let (mut sender, mut receiver) = pair(Suite::AesCm128Sha1_80);
    let mut random = Random::new([3; 32]);
    let mut waiting: Vec<(u16, Vec<u8>)> = Vec::new();
    // Most packets don't come.
    for n in (0..200_000_u32).step_by(8) {
        let sequence = u16::try_from(n & 0xffff).unwrap().wrapping_add(60_000);
        let mut packet = rtp(sequence, 1)[..20].to_vec();
        sender.close(&mut packet).unwrap();
        if random.below(20) > 0 {
            waiting.push((sequence, packet));
        }
        // Four at a time, in any order.
        let ready = if waiting.len() > 3 { waiting.len() } else { 0 };
        for _ in 0..ready {
            let at = usize::try_from(random.below(u32::try_from(waiting.len()).unwrap())).unwrap();
            let (sequence, mut packet) = waiting.swap_remove(at);
            assert_eq!(receiver.open(&mut packet), Ok(20), "{n} {sequence}");
        }
    }
}

#[test]
fn the_counter_goes_on_after_an_answer_with_the_same_key() {
    let (mut sender, mut receiver) = pair(Suite::AesCm128Sha1_80);
    let mut one = |sequence: u16, receiver: &mut Receiver| {
        let mut packet = rtp(sequence, 1);
        sender.close(&mut packet).unwrap();
        receiver.open(&mut packet)
    };
    for sequence in [40_000, 65_535, 2, 20_000] {
        one(sequence, &mut receiver).unwrap();
    }
    receiver.renew();
    assert!(one(20_001, &mut receiver).is_ok(), "in its second round");
}

#[test]
fn lies_about_lengths() {
    for suite in Suite::ALL {
        let (mut sender, mut receiver) = pair(suite);
        for bad in [
            vec![],
            vec![0x80],
            vec![0x80; 11],
            rtp(1, 1)[..11].to_vec(),
            [&[0x8f][..], &rtp(1, 1)[1..40]].concat(),
            [&[0x90][..], &rtp(1, 1)[1..14]].concat(),
            [&[0x90][..], &rtp(1, 1)[1..60]].concat(),
            [&[0x40][..], &rtp(1, 1)[1..]].concat(),
            rtcp(1)[..7].to_vec(),
            [&[0x40][..], &rtcp(1)[1..]].concat(),
        ] {
            assert_eq!(sender.close(&mut bad.clone()), Err(Refused::Malformed), "{bad:?}");
            assert!(receiver.open(&mut bad.clone()).is_err(), "{bad:?}");
        }
    }
}

#[test]
fn no_more_sources_than_there_is_room_for() {
    let (mut sender, mut receiver) = pair(Suite::AesCm128Sha1_80);
    let most = u32::try_from(crate::util::limits::SRTP_SOURCES).unwrap();
    for ssrc in 0..most {
        sender.close(&mut rtp(1, ssrc)).unwrap();
    }
    assert_eq!(sender.close(&mut rtp(1, most)), Err(Refused::UsedUp));
    let key = *receiver.key();
    for ssrc in 0..most * 4 {
        let mut packet = rtp(1, ssrc);
        Sender::new(&key).close(&mut packet).unwrap();
        receiver.open(&mut packet).unwrap();
    }
}

#[test]
fn rtcp_without_encryption_is_proven_all_the_same() {
    for suite in [Suite::AesCm128Sha1_80, Suite::AeadAes128Gcm] {
        let (mut sender, mut receiver) = pair(suite);
        let mut packet = rtcp(1);
        sender.close(&mut packet).unwrap();
        // The bit says otherwise than the proof.
        let at = packet.len() - if suite.is_aead() { 4 } else { 14 };
        packet[at] ^= 0x80;
        assert_eq!(receiver.open(&mut packet), Err(Refused::Forged), "{suite:?}");
    }
}

/// The packets of another implementation: ours are the same, and theirs open.
#[test]
fn libsrtp_closes_and_opens_the_same() {
    let octets: Vec<u8> = (0..20).collect();
    let plain_rtp = |sequence: u16, extended: bool| {
        let flags = if extended { 0x90 } else { 0x80 };
        let extension = if extended { hex("bede000110aa0000") } else { Vec::new() };
        let [high, low] = sequence.to_be_bytes();
        let timestamp = (1_000 + u32::from(sequence)).to_be_bytes();
        [&[flags, 0, high, low][..], &timestamp, &hex("decafbad"), &extension, &octets].concat()
    };
    let plain_rtcp = [&hex("80c80006decafbad")[..], &octets].concat();
    let mut sequences = [(0xfffe, false), (0xffff, true), (0, false), (1, true)].into_iter().cycle();
    let mut contexts = None;
    let mut seen = (0, 0, 0);
    for line in include_str!("libsrtp.txt").lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["suite", name, key] => {
                let suite = Suite::ALL.into_iter().find(|suite| format!("{suite:?}") == name).unwrap();
                let key = master_key(suite, &hex(key));
                contexts = Some((Sender::new(&key), Receiver::new(&key)));
                seen.0 += 1;
            }
            ["rtp", theirs] => {
                let (sender, receiver) = contexts.as_mut().unwrap();
                let (sequence, extended) = sequences.next().unwrap();
                let plain = plain_rtp(sequence, extended);
                let mut ours = plain.clone();
                sender.close(&mut ours).unwrap();
                assert_eq!(ours, hex(theirs), "{sequence}");
                let length = receiver.open(&mut ours).unwrap();
                assert_eq!(ours[..length], plain);
                seen.1 += 1;
            }
            ["rtcp", theirs] => {
                let (_, receiver) = contexts.as_mut().unwrap();
                let mut packet = hex(theirs);
                let length = receiver.open(&mut packet).unwrap();
                assert_eq!(packet[..length], plain_rtcp);
                seen.2 += 1;
            }
            _ => unreachable!("{line}"),
        }
    }
    assert_eq!(seen, (4, 16, 8));
}
