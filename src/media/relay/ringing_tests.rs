//! Who waits hears the tone, and what comes then is one stream with it.
use super::{Relay, Side, Types, Way};
use crate::media::tones::Tone;
use crate::media::{Codec, Direction, Remote, Seed};
use crate::util::time::Instant;
use crate::wire::dtmf::Dtmf;
use crate::wire::rtp::{Packet, write_header};

const PEER: &str = "192.0.2.7:4000";
const NEXT: &str = "192.0.2.8:4000";

fn at(ms: u64) -> Instant {
    Instant::from_micros(ms * 1_000)
}

fn way(addr: &str, direction: Direction) -> Way {
    Way { remote: addr.parse().unwrap(), direction, symmetric: false }
}

fn remote() -> Remote {
    Remote {
        addr: PEER.parse().unwrap(),
        codec: Codec::Pcma,
        payload_type: 8,
        receive_types: heapless::Vec::new(),
        event_send: None,
        event_receive: None,
        ptime_ms: 20,
        direction: Direction::SendRecv,
        symmetric: false,
        dtmf: Dtmf::Auto,
    }
}

fn ringing() -> Relay {
    let mut relay = Relay::new();
    relay.set_remote(Side::A, way(PEER, Direction::SendRecv), at(0));
    while relay.poll_output().is_some() {}
    let tone = Tone::parse("425/1000,0/4000").unwrap();
    relay.ring(
        Side::A,
        tone,
        &remote(),
        Seed { ssrc: 7, sequence: 65_530, timestamp: u32::MAX - 100 },
        at(0),
    );
    relay
}

/// What goes out up to then, each with its time.
fn sent(relay: &mut Relay, until: u64) -> Vec<(u64, Vec<u8>)> {
    let mut all = Vec::new();
    while let Some(next) = relay.poll_timeout().filter(|next| *next < at(until)) {
        relay.handle_timeout(next);
        while let Some(forward) = relay.poll_output() {
            assert_eq!((forward.side, forward.to), (Side::A, PEER.parse().unwrap()));
            all.push((next.as_micros() / 1_000, forward.bytes));
        }
    }
    all
}

/// Power of 425 Hz against all, in percent.
fn purity(sound: &[i16]) -> f64 {
    let (mut re, mut im, mut all) = (0.0, 0.0, 0.0);
    for (n, sample) in sound.iter().enumerate() {
        let (angle, sample) = (std::f64::consts::TAU * 425.0 * n as f64 / 8_000.0, f64::from(*sample));
        (re, im, all) = (re + sample * angle.cos(), im + sample * angle.sin(), all + sample * sample);
    }
    200.0 * (re * re + im * im) / (all * sound.len() as f64)
}

#[test]
fn the_tone_with_its_cadence_every_20_ms() {
    let all = sent(&mut ringing(), 6_000);
    assert_eq!(all.len(), 300);
    let mut sound = Vec::new();
    for (n, (ms, bytes)) in all.iter().enumerate() {
        let packet = Packet::parse(bytes).unwrap();
        let number = u16::try_from(n).unwrap();
        assert_eq!((*ms, packet.ssrc, packet.payload_type, packet.marker), (20 * n as u64, 7, 8, n == 0));
        assert_eq!(packet.sequence, 65_530_u16.wrapping_add(number));
        assert_eq!(packet.timestamp, (u32::MAX - 100).wrapping_add(160 * (u32::from(number) + 1)));
        sound.extend(packet.payload.iter().map(|octet| Codec::Pcma.decode(*octet)));
    }
    assert!(purity(&sound[..8_000]) > 99.0 && purity(&sound[40_000..]) > 99.0);
    assert!(sound[8_000..40_000].iter().all(|s| s.unsigned_abs() <= 8), "four seconds of silence");
}

#[test]
fn who_comes_is_one_stream_with_the_tone() {
    let mut relay = ringing();
    let last = sent(&mut relay, 2_000).pop().unwrap().1;
    let last = Packet::parse(&last).unwrap();
    relay.set_remote(Side::B, way(NEXT, Direction::SendRecv), at(2_000));
    relay.set_types(Side::B, Types::new(&[(8, 8)], 8));
    assert_eq!(relay.poll_timeout(), None, "the tone is over");
    let mut bytes = [write_header(false, 8, 40_000, 5, 99).as_slice(), &[0xd5; 160]].concat();
    assert!(relay.handle_rtp(Side::B, NEXT.parse().unwrap(), &mut bytes, at(2_030)).is_some());
    let first = Packet::parse(&bytes).unwrap();
    assert_eq!((first.ssrc, first.sequence, first.marker), (7, last.sequence.wrapping_add(1), true));
    let ahead = first.timestamp.wrapping_sub(last.timestamp);
    assert!((1..=800).contains(&ahead), "{ahead}");
}

#[test]
fn a_held_call_is_silent_and_a_late_clock_floods_nobody() {
    let mut relay = ringing();
    relay.set_remote(Side::A, way(PEER, Direction::RecvOnly), at(10));
    assert!(sent(&mut relay, 500).is_empty());
    relay.set_remote(Side::A, way(PEER, Direction::SendRecv), at(500));
    assert_eq!(sent(&mut relay, 600).len(), 5);
    relay.handle_timeout(at(60_000));
    let late: usize = core::iter::from_fn(|| relay.poll_output()).count();
    assert!(late <= 2, "{late}");
}
