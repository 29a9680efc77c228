//! A gateway and a relay from outside.
use super::*;
use crate::util::time::Instant;
use crate::wire::rtp::{Event, Packet, write_header};

const PEER: &str = "192.0.2.7:4000";
const EVENTS: u8 = 101;

fn at(ms: u64) -> Instant {
    Instant::from_micros(ms * 1_000)
}

fn remote(codec: Codec, ptime_ms: u8) -> Remote {
    Remote {
        addr: PEER.parse().unwrap(),
        codec,
        payload_type: codec.payload_type(),
        receive_types: heapless::Vec::from_slice(&[(0, Codec::Pcmu), (8, Codec::Pcma)]).unwrap(),
        event_send: Some(EVENTS),
        event_receive: Some(EVENTS),
        ptime_ms,
        direction: Direction::SendRecv,
        symmetric: true,
        dtmf: Dtmf::Auto,
    }
}

fn gateway(remote: Remote) -> Gateway {
    let mut gateway = Gateway::new(Seed { ssrc: 7, sequence: 65_530, timestamp: u32::MAX - 1_000 });
    gateway.set_remote(remote, at(0));
    gateway.open_voice(at(0));
    drain(&mut gateway);
    gateway
}

fn drain(gateway: &mut Gateway) -> Vec<Output> {
    core::iter::from_fn(|| gateway.poll_output()).collect()
}

fn datagrams(outputs: &[Output]) -> Vec<Vec<u8>> {
    let rtp = |output: &'_ Output| -> Option<Vec<u8>> {
        match output {
            Output::Rtp { bytes, .. } => Some(bytes.clone()),
            _ => None,
        }
    };
    outputs.iter().filter_map(rtp).collect()
}

fn voices(outputs: &[Output]) -> Vec<i16> {
    let voice = |output: &Output| match output {
        Output::Voice(bytes) => {
            Some(bytes.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect::<Vec<_>>())
        }
        _ => None,
    };
    outputs.iter().filter_map(voice).flatten().collect()
}

fn rtp(kind: u8, sequence: u16, timestamp: u32, payload: &[u8]) -> Vec<u8> {
    [&write_header(false, kind, sequence, timestamp, 99)[..], payload].concat()
}

#[test]
fn sound_goes_both_ways_in_both_laws() {
    for codec in [Codec::Pcmu, Codec::Pcma] {
        let mut gateway = gateway(remote(codec, 20));
        let value = codec.decode(codec.encode(5_000));
        for n in 0..50u16 {
            let now = at(20 * u64::from(n));
            let packet = rtp(codec.payload_type(), n, u32::from(n) * 160, &[codec.encode(5_000); 160]);
            gateway.handle_rtp(PEER.parse().unwrap(), &packet, now);
            gateway.handle_voice(&5_000i16.to_le_bytes().repeat(160), now);
            let outputs = drain(&mut gateway);
            assert_eq!(voices(&outputs).len(), 160);
            let sent = datagrams(&outputs);
            assert_eq!(sent.len(), 1);
            let sent = Packet::parse(&sent[0]).unwrap();
            assert_eq!(
                (sent.payload_type, sent.payload),
                (codec.payload_type(), &[codec.encode(5_000); 160][..])
            );
            if n > 5 {
                assert!(voices(&outputs).iter().all(|sample| *sample == value));
            }
        }
    }
}

/// Bytes as they are on the wires, not by way of `to_le_bytes`: this holds on big-endian machines too, where `cross/qemu` runs it.
#[test]
fn the_stick_has_its_low_byte_first_on_every_machine() {
    let mut gateway = gateway(remote(Codec::Pcma, 20));
    let mut voice = Vec::new();
    for n in 0..20u16 {
        let now = at(20 * u64::from(n));
        // -296 and 9,984 in A-law, two of each: G.711 table 1a with the even bits inverted.
        gateway.handle_rtp(
            PEER.parse().unwrap(),
            &rtp(8, n, u32::from(n) * 160, &[0x47, 0x47, 0xb6, 0xb6].repeat(40)),
            now,
        );
        gateway.handle_voice(&[0xd8, 0xfe, 0x00, 0x27].repeat(80), now);
        for output in drain(&mut gateway) {
            match output {
                Output::Voice(bytes) => voice = bytes.to_vec(),
                Output::Rtp { bytes, .. } => assert_eq!(&bytes[12..], [0x47, 0xb6].repeat(80), "{n}"),
                Output::Digit(digit) | Output::Inform(digit) => panic!("{digit}"),
            }
        }
    }
    let pair = [0xd8, 0xfe, 0xd8, 0xfe, 0x00, 0x27, 0x00, 0x27];
    assert!(voice.windows(8).any(|bytes| bytes == pair), "{voice:02x?}");
    assert!(voice.chunks(2).all(|sample| sample == &pair[..2] || sample == &pair[4..6]), "{voice:02x?}");
}

fn press(code: u8, sequence: u16, timestamp: u32, end: bool) -> Vec<u8> {
    rtp(EVENTS, sequence, timestamp, &Event { code, end, volume: 10, duration: 800 }.to_bytes())
}

#[test]
fn nothing_goes_to_the_stick_outside_the_call() {
    let mut gateway = Gateway::new(Seed { ssrc: 7, sequence: 1, timestamp: 2 });
    gateway.set_remote(remote(Codec::Pcma, 20), at(0));
    let to_stick = |gateway: &mut Gateway| drain(gateway).iter().any(|o| !matches!(o, Output::Rtp { .. }));
    let talk = |gateway: &mut Gateway, n: u16| {
        let now = at(20 * u64::from(n));
        gateway.handle_rtp(PEER.parse().unwrap(), &rtp(8, n * 2, u32::from(n) * 160, &[1; 160]), now);
        gateway.handle_rtp(PEER.parse().unwrap(), &press(5, n * 2 + 1, u32::from(n) * 160, false), now);
        gateway.handle_voice(&[1; 640], now);
        gateway.send_digit('5');
    };
    talk(&mut gateway, 0);
    assert!(!to_stick(&mut gateway));
    gateway.open_voice(at(20));
    talk(&mut gateway, 1);
    // What waits goes nowhere either.
    gateway.close_voice();
    assert!(!to_stick(&mut gateway));
    talk(&mut gateway, 2);
    assert!(!to_stick(&mut gateway));
    // Half a frame of the call before is not part of the next one's first.
    gateway.open_voice(at(60));
    gateway.handle_voice(&[1; 319], at(60));
    gateway.close_voice();
    gateway.open_voice(at(80));
    gateway.handle_voice(&[1; 319], at(80));
    assert!(!to_stick(&mut gateway));
    gateway.handle_voice(&[1], at(80));
    assert!(to_stick(&mut gateway));
}

#[test]
fn each_packet_has_the_agreed_length_and_the_numbers_go_on() {
    for (ptime, samples) in [(10, 80), (20, 160), (30, 240), (60, 480), (0, 80), (255, 480)] {
        let mut gateway = gateway(remote(Codec::Pcma, ptime));
        let mut sent = Vec::new();
        for n in 0..60u64 {
            gateway.handle_voice(&[0; 320], at(20 * n));
            if n == 30 {
                // A renegotiation begins no new stream.
                gateway.set_remote(
                    Remote { codec: Codec::Pcmu, payload_type: 0, ..remote(Codec::Pcmu, ptime) },
                    at(600),
                );
            }
            sent.extend(datagrams(&drain(&mut gateway)));
        }
        let packets: Vec<Packet> = sent.iter().map(|bytes| Packet::parse(bytes).unwrap()).collect();
        assert_eq!(packets.len(), 60 * 160 / samples, "{ptime}");
        assert!(packets.iter().all(|packet| packet.payload.len() == samples && packet.ssrc == 7));
        for pair in packets.windows(2) {
            assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
            assert_eq!(pair[1].timestamp, pair[0].timestamp.wrapping_add(u32::try_from(samples).unwrap()));
        }
        assert_eq!((packets[0].payload_type, packets[packets.len() - 1].payload_type), (8, 0));
    }
}

#[test]
fn the_peer_is_sent_to_at_once_and_kept_alive() {
    let mut gateway = Gateway::new(Seed { ssrc: 7, sequence: 1, timestamp: 1_000 });
    gateway.set_remote(Remote { direction: Direction::RecvOnly, ..remote(Codec::Pcma, 20) }, at(0));
    let mut stamps = Vec::new();
    let mut now = at(0);
    while now < at(40_000) {
        for bytes in datagrams(&drain(&mut gateway)) {
            stamps.push((now.as_micros() / 1_000, Packet::parse(&bytes).unwrap().timestamp));
        }
        now = gateway.poll_timeout().unwrap();
        gateway.handle_timeout(now);
    }
    assert_eq!(stamps, [(0, 1_000), (20, 1_160), (15_020, 121_160), (30_020, 241_160)]);
}

#[test]
fn strangers_get_nothing_and_are_not_heard() {
    let mut gateway = gateway(remote(Codec::Pcma, 20));
    for n in 0..300u16 {
        let now = at(20 * u64::from(n));
        gateway.handle_rtp(PEER.parse().unwrap(), &rtp(8, n, u32::from(n) * 160, &[0xd5; 160]), now);
        gateway.handle_rtp(
            "203.0.113.1:9".parse().unwrap(),
            &rtp(8, n, u32::from(n) * 160, &[0x2a; 160]),
            now,
        );
        gateway.handle_voice(&[0; 320], now);
        for output in drain(&mut gateway) {
            match output {
                Output::Rtp { to, .. } => assert_eq!(to, PEER.parse().unwrap()),
                Output::Voice(_) => assert!(voices(&[output]).iter().all(|sample| sample.abs() <= 8)),
                Output::Digit(digit) | Output::Inform(digit) => panic!("{digit}"),
            }
        }
    }
    assert_eq!((gateway.stats().stranger, gateway.stats().latched), (300, Some(PEER.parse().unwrap())));
}

#[test]
fn whatever_comes_nothing_panics_and_a_frame_in_is_a_frame_out() {
    let mut gateway = gateway(remote(Codec::Pcma, 20));
    let good = rtp(8, 1, 160, &[0x55; 20]);
    let mut frames = 0;
    for (n, whole) in [good, press(5, 2, 160, true), rtp(13, 3, 320, &[9])].iter().enumerate() {
        for cut in 0..=whole.len() {
            gateway.handle_rtp(PEER.parse().unwrap(), &whole[..cut], at(n as u64));
        }
        for place in 0..whole.len() {
            for value in 0..=255 {
                let mut bytes = whole.clone();
                bytes[place] = value;
                gateway.handle_rtp(PEER.parse().unwrap(), &bytes, at(n as u64 * 40_000 + u64::from(value)));
                gateway.handle_voice(&bytes, at(n as u64 * 40_000 + u64::from(value)));
                frames += drain(&mut gateway).iter().filter(|o| matches!(o, Output::Voice(_))).count();
            }
        }
    }
    gateway.handle_rtp(PEER.parse().unwrap(), &rtp(8, 9, 9, &vec![0; 65_000]), at(200_000));
    assert_eq!(frames as u64, gateway.stats().voice_frames);
    assert_eq!(gateway.stats().outputs_dropped, 0);
}

fn way(addr: &str) -> Way {
    Way { remote: addr.parse().unwrap(), direction: Direction::SendRecv, symmetric: false }
}

/// What goes out when this comes in.
fn through(relay: &mut Relay, side: Side, from: &str, packet: &[u8], now: Instant) -> Option<Forward> {
    let mut bytes = packet.to_vec();
    let to = relay.handle_rtp(side, from.parse().unwrap(), &mut bytes, now)?;
    Some(Forward { side: side.other(), to, bytes })
}

#[test]
fn a_relay_changes_the_type_and_nothing_else() {
    const B: &str = "198.51.100.2:6000";
    let mut relay = Relay::new();
    relay.set_remote(Side::A, way(PEER), at(0));
    relay.set_remote(Side::B, way(B), at(0));
    relay.set_types(Side::A, Types::new(&[(8, 100), (EVENTS, 97), (96, 98)], 8));
    let openers: Vec<Forward> = core::iter::from_fn(|| relay.poll_output()).collect();
    assert_eq!(openers.iter().map(|f| f.to.to_string()).collect::<Vec<_>>(), [PEER, B]);
    // No RTP: the first numbers that a phone sees are those of the call.
    assert!(openers.iter().all(|f| Packet::parse(&f.bytes).is_err()));
    for (kind, want) in
        [(8, Some(100)), (EVENTS, Some(97)), (13, Some(13)), (0, None), (55, None), (96, Some(98))]
    {
        let mut packet = rtp(kind, 500, 160_000, &[1, 2, 3, 4]);
        let sent = through(&mut relay, Side::A, PEER, &packet, at(20));
        packet[1] = want.unwrap_or(0);
        let forward = want.map(|_| Forward { side: Side::B, to: B.parse().unwrap(), bytes: packet });
        assert_eq!(sent, forward, "{kind}");
    }
    // CSRC list, extension and padding are none of our business.
    let mut packet = rtp(8, 500, 160_000, &[0; 24]);
    packet[0] = 0xb1;
    packet[16..20].copy_from_slice(&[0xbe, 0xde, 0, 1]);
    packet[35] = 4;
    let sent = through(&mut relay, Side::A, PEER, &packet, at(40));
    packet[1] = 100;
    assert_eq!(sent.unwrap().bytes, packet);
    let mut forwarded = Vec::new();
    for n in 0..20 {
        let now = at(100 + 20 * u64::from(n));
        forwarded.extend(through(&mut relay, Side::A, PEER, &rtp(8, 501 + n, 0, &[1]), now));
        forwarded.extend(through(&mut relay, Side::A, "203.0.113.1:9", &rtp(8, n, 0, &[2]), now));
    }
    assert!(forwarded.len() == 20 && forwarded.iter().all(|f| f.bytes[12] == 1));
    assert_eq!(relay.stats(Side::A).stranger, 20);
    let held = Way { direction: Direction::Inactive, ..way(B) };
    relay.set_remote(Side::B, held, at(1_000));
    let sent = through(&mut relay, Side::A, PEER, &rtp(8, 521, 0, &[1]), at(1_000));
    assert_eq!((sent, relay.stats(Side::A).held), (None, 1));
}

/// A transfer: who stays hears one stream, whatever numbers the new source has.
#[test]
fn relays_are_joined_without_a_break() {
    const B: &str = "198.51.100.2:6000";
    const C: &str = "198.51.100.3:7000";
    let pair = |a: &str, b: &str| {
        let mut relay = Relay::new();
        relay.set_remote(Side::A, way(a), at(0));
        relay.set_remote(Side::B, way(b), at(0));
        for side in [Side::A, Side::B] {
            relay.set_types(side, Types::new(&[(8, 8)], 8));
        }
        relay
    };
    let of = |ssrc: u8, sequence: u16| {
        let mut bytes = rtp(8, sequence, u32::from(sequence), &[1, 2]);
        bytes[11] = ssrc;
        bytes
    };
    let sent = |relay: &mut Relay, side: Side, from: &str, packet: &[u8], ms: u64| {
        let forward = through(relay, side, from, packet, at(ms)).unwrap();
        let packet = Packet::parse(&forward.bytes).unwrap();
        (forward.side, forward.to.to_string(), packet.sequence, packet.ssrc & 0xff)
    };
    // B transfers A to C: the first call was A - B, the second B - C.
    let (mut one, mut two) = (pair(PEER, B), pair("198.51.100.2:6002", C));
    assert_eq!(sent(&mut one, Side::B, B, &of(1, 40_000), 20), (Side::A, PEER.to_owned(), 40_000, 1));
    assert_eq!(
        sent(&mut two, Side::A, "198.51.100.2:6002", &of(2, 100), 20),
        (Side::B, C.to_owned(), 100, 2)
    );
    let mut both = one.left_by(Side::B).joined(two.left_by(Side::A));
    both.set_remote(Side::A, way(PEER), at(30));
    both.set_remote(Side::B, way(C), at(30));
    assert_eq!(sent(&mut both, Side::B, C, &of(3, 7), 40), (Side::A, PEER.to_owned(), 40_001, 1));
    assert_eq!(sent(&mut both, Side::A, PEER, &of(4, 60_000), 40), (Side::B, C.to_owned(), 101, 2));
    let mut left = both.left_by(Side::A);
    let sent = through(&mut left, Side::B, C, &of(3, 8), at(60));
    assert_eq!((sent, left.stats(Side::B).held), (None, 1));
}

#[test]
fn any_operations_in_any_order_and_at_any_time() {
    let mut state = 1u64;
    let mut roll = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut gateway = gateway(remote(Codec::Pcma, 20));
    let (mut now, mut sequence, mut timestamp) = (0, 0u16, 0u32);
    for _ in 0..60_000 {
        now += [0, 1, 10, 20, 20, 20, 150, 5_000][roll(8) as usize];
        sequence = sequence.wrapping_add([1, 1, 1, 1, 1, 1, 0, 5, 40_000][roll(9) as usize]);
        timestamp = timestamp
            .wrapping_add([160, 160, 160, 160, 80, 0, 4_000, 0x8000_0000, u32::MAX][roll(9) as usize]);
        let payload: Vec<u8> = (0..roll(500)).map(|_| roll(256) as u8).collect();
        match roll(40) {
            0 => gateway.open_voice(at(now)),
            1 => gateway.close_voice(),
            2 => gateway.set_remote(remote(Codec::Pcmu, roll(256) as u8), at(now)),
            3 => gateway.send_digit('7'),
            4..20 => {
                let kind = [8, 8, 8, 0, 13, EVENTS][roll(6) as usize];
                gateway.handle_rtp(PEER.parse().unwrap(), &rtp(kind, sequence, timestamp, &payload), at(now));
            }
            20..36 => gateway.handle_voice(&payload, at(now)),
            _ => gateway.handle_timeout(at(now)),
        }
        drain(&mut gateway);
        assert!(gateway.stats().delay_ms <= 512);
    }
    let stats = gateway.stats();
    assert!(stats.voice_frames > 5_000 && stats.restarts > 100, "{stats:?}");
}
