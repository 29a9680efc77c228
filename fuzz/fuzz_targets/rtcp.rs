//! RTCP of strangers and of peers, between RTP, new offers and the passing of time: through a relay and to a stick's call.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::time::Duration;
use tandem::media::{Coding, Codec, ControlWay, Direction, Gateway, Relay, Remote, Seed, Side, Types, Way, Wording};
use tandem::util::time::Instant;
use tandem::wire::dtmf::Dtmf;
use tandem::wire::rtcp::Datagram;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(datagram) = Datagram::parse(bytes) {
        let length: usize = datagram.parts().map(|part| part.bytes.len()).sum();
        assert_eq!(length, bytes.len());
        assert_eq!(datagram.packets().count(), datagram.parts().count());
    }
    let seed = Seed { ssrc: 1, sequence: u16::MAX - 3, timestamp: u32::MAX - 400 };
    let (mut gateway, mut relay) = (Gateway::new(seed), Relay::new());
    let mut now = Instant::ZERO;
    let mut rest = bytes;
    // An operation, its argument, its length, its bytes.
    while let Some((&[operation, argument, length], after)) = rest.split_first_chunk::<3>() {
        let (data, after) = after.split_at(usize::from(length).min(after.len()));
        rest = after;
        now = now + Duration::from_millis(u64::from(argument) << (operation >> 4));
        let side = if argument & 4 == 0 { Side::A } else { Side::B };
        let from = format!("192.0.2.{}:{}", argument & 1, 4_000 + u16::from(argument & 3)).parse().expect("an address");
        match operation & 7 {
            0 => {
                let Remote { addr, direction, symmetric, .. } = remote(argument);
                relay.set_remote(side, Way { remote: addr, direction, symmetric }, now);
                relay.set_types(side, Types::new(&[(0, 0), (120, 97)], u16::from(argument)));
                gateway.set_remote(remote(argument), now);
            }
            1 => {
                let way = if argument & 8 == 0 { ControlWay::Muxed } else { ControlWay::Port(u16::from(argument) << 6) };
                relay.set_control(side, way);
                gateway.set_control(way);
            }
            2 => {
                relay.handle_rtp(side, from, &mut data.to_vec(), now);
                gateway.handle_rtp(from, data, now);
            }
            3 => {
                let wording = Wording { ntp: u64::from(argument) << 30, cname: "fuzz", ssrc: 7, goodbye: argument & 8 == 0 };
                let told = [relay.report(side, wording, now), gateway.report(wording, now)];
                for control in told.into_iter().flatten() {
                    Datagram::parse(&control.bytes).expect("a report of our own");
                }
            }
            _ => {
                if let Ok(control) = relay.handle_rtcp(side, from, data, now) {
                    assert!(control.bytes.len() <= data.len());
                    Datagram::parse(&control.bytes).expect("what is passed on is whole");
                }
                gateway.handle_rtcp(from, data, now);
            }
        }
        for coding in [Coding::G711, Coding::G722, Coding::Other] {
            let qualities = [relay.quality(side, coding), gateway.quality(coding)];
            for mos in qualities.into_iter().flatten().flat_map(|q| [q.opinion(0), q.told_opinion(50)]).flatten() {
                assert!((100..=450).contains(&mos));
            }
        }
        let _ = (relay.silence(side, now), gateway.silence(now));
        while relay.poll_output().is_some() || gateway.poll_output().is_some() {}
    }
});

fn remote(argument: u8) -> Remote {
    Remote {
        addr: format!("192.0.2.{}:4000", argument & 1).parse().expect("an address"),
        codec: Codec::Pcmu,
        payload_type: 0,
        receive_types: [(0, Codec::Pcmu), (8, Codec::Pcma)].into_iter().collect(),
        event_send: Some(101),
        event_receive: Some(101),
        ptime_ms: argument,
        direction: if argument & 16 == 0 { Direction::SendRecv } else { Direction::SendOnly },
        symmetric: argument & 32 == 0,
        dtmf: Dtmf::Auto,
    }
}
