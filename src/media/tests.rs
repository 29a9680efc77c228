//! A gateway and a relay from outside.
use super::*;
use crate::util::time::Instant;
use crate::wire::rtp::{Event, Packet, write_header};
use core::time::Duration;

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

fn datagrams(outputs: &[Output]) -> Vec<&[u8]> {
    let rtp = |output| match output {
        &Output::Rtp { ref bytes, .. } => Some(&bytes[..]),
        _ => None,
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
            let sent = Packet::parse(sent[0]).unwrap();
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
