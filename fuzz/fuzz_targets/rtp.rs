//! RTP of strangers, bytes of the voice port and the owner's calls, in any order and at any time.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::time::Duration;
use tandem::media::digits::between::Plan;
use tandem::media::digits::teller::By;
use tandem::media::{Codec, Direction, Gateway, Output, Relay, Remote, Seed, Side, Types, Way};
use tandem::util::time::Instant;
use tandem::wire::dtmf::{self, Dtmf};
use tandem::wire::rtp::{HEADER, Packet};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(packet) = Packet::parse(bytes) {
        assert!(packet.payload_type < 128 && packet.payload.len() + HEADER <= bytes.len());
    }
    let seed = Seed { ssrc: 1, sequence: u16::MAX - 3, timestamp: u32::MAX - 400 };
    let (mut gateway, mut relay) = (Gateway::new(seed), Relay::new());
    let mut now = Instant::ZERO;
    let mut rest = bytes;
    // An operation, its argument, its length, its bytes.
    while let Some((&[operation, argument, length], after)) = rest.split_first_chunk::<3>() {
        let (data, after) = after.split_at(usize::from(length).min(after.len()));
        rest = after;
        now = now + Duration::from_millis(u64::from(argument));
        let from = format!("192.0.2.{}:{}", operation >> 6, 4_000 + u16::from(argument & 3)).parse().expect("an address");
        match operation & 15 {
            0 => gateway.open_voice(now),
            1 => gateway.close_voice(),
            2 | 3 => gateway.handle_voice(data, now),
            4 => gateway.handle_voice(&data.repeat(20), now),
            5 => gateway.set_remote(remote(operation, argument), now),
            6 => {
                let Remote { addr, direction, symmetric, .. } = remote(operation, argument);
                let side = if argument & 4 == 0 { Side::A } else { Side::B };
                relay.set_remote(side, Way { remote: addr, direction, symmetric }, now);
                let pairs: Vec<(u8, u8)> = data.as_chunks::<2>().0.iter().map(|[a, b]| (a & 127, b & 127)).collect();
                relay.set_types(side, Types::new(&pairs, u16::from(argument)));
            }
            7 => drop(relay.handle_rtp(Side::B, from, &mut data.to_vec(), now)),
            10 => {
                let side = if argument & 4 == 0 { Side::A } else { Side::B };
                let by = match argument & 3 {
                    0 => By::Event { payload_type: 101, per_ms: u16::from(length) },
                    1 => By::Sound { payload_type: 0, codec: Codec::Pcmu },
                    2 => By::Info,
                    _ => By::Nothing,
                };
                let events = data.iter().take(4).map(|pt| pt & 127).collect();
                let plan = Plan { events, sounds: [(8, Codec::Pcma)].into_iter().collect(), by };
                relay.set_keys(side, plan.clone(), || seed);
                if let Ok(Some(key)) = dtmf::read("application/dtmf", data) {
                    gateway.press(key.digit, now);
                    relay.press(side, key, plan, seed, now);
                }
            }
            8 => gateway.send_digit(char::from(argument)),
            9 => now = gateway.poll_timeout().unwrap_or(now).max(now),
            _ => {
                gateway.handle_rtp(from, data, now);
                relay.handle_rtp(Side::A, from, &mut data.to_vec(), now);
            }
        }
        gateway.handle_timeout(now);
        relay.handle_timeout(now);
        assert!(relay.poll_timeout().is_none_or(|at| at > now));
        drain(&mut gateway, &mut relay);
    }
});

fn drain(gateway: &mut Gateway, relay: &mut Relay) {
    while let Some(output) = gateway.poll_output() {
        if let Output::Rtp { bytes, .. } = output {
            Packet::parse(&bytes).expect("a packet of our own");
        }
    }
    while relay.poll_key().is_some() {}
    while let Some(forward) = relay.poll_output() {
        // What opens the way is no packet.
        if forward.bytes == [0; 4] {
            continue;
        }
        Packet::parse(&forward.bytes).expect("a packet of our own");
    }
    assert_eq!(gateway.stats().outputs_dropped, 0);
}

fn remote(operation: u8, argument: u8) -> Remote {
    let codec = if argument & 8 == 0 { Codec::Pcmu } else { Codec::Pcma };
    Remote {
        addr: format!("192.0.2.{}:4000", operation >> 6).parse().expect("an address"),
        codec,
        payload_type: codec.payload_type(),
        receive_types: [(0, Codec::Pcmu), (8, Codec::Pcma)].into_iter().collect(),
        event_send: (argument & 16 == 0).then_some(101),
        event_receive: Some(101),
        ptime_ms: argument,
        direction: match argument & 3 {
            0 | 1 => Direction::SendRecv,
            2 => Direction::RecvOnly,
            _ => Direction::Inactive,
        },
        symmetric: argument & 32 == 0,
        dtmf: [Dtmf::Auto, Dtmf::Rtp, Dtmf::Info, Dtmf::InBand][usize::from(argument >> 6)],
    }
}
