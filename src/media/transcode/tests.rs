//! Streams through a transcoder: numbers, lengths, sound.
use super::*;
use crate::wire::rtp::Event;

fn at(ms: u64) -> Instant {
    Instant::from_micros(ms * 1_000)
}

fn plan(from: Codec, to: Codec, ptime_ms: u8) -> Plan {
    Plan {
        sound: [(from.payload_type(), from)].into_iter().collect(),
        codec: to,
        payload_type: to.payload_type(),
        ptime_ms,
        passed: [(101, 96), (13, 13)].into_iter().collect(),
        reserve: false,
    }
}

/// A packet that went out.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sent {
    payload_type: u8,
    marker: bool,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
    payload: Vec<u8>,
}

struct World {
    transcoder: Transcoder,
    sent: Vec<Sent>,
}

impl World {
    fn new(plan: Plan) -> Self {
        Self { transcoder: Transcoder::new(plan), sent: Vec::new() }
    }

    /// What goes out for this packet.
    fn put(&mut self, packet: Packet, arrival: Arrival, now: u64) -> Vec<Sent> {
        let mut sent = Vec::new();
        self.transcoder.handle(&packet, arrival, at(now), &mut |made| {
            let Made { numbers, payload_type, payload } = made;
            let Numbers { marker, sequence, timestamp, ssrc } = numbers;
            sent.push(Sent { payload_type, marker, sequence, timestamp, ssrc, payload: payload.to_vec() });
        });
        self.sent.extend(sent.iter().cloned());
        sent
    }
}

/// A phone that says a tone.
struct Phone {
    codec: Codec,
    encoder: Encoder,
    samples: usize,
    said: usize,
    sequence: u16,
    timestamp: u32,
}

impl Phone {
    fn new(codec: Codec, ptime_ms: usize) -> Self {
        let (sequence, timestamp) = (65_530, u32::MAX - 900);
        Self { codec, encoder: Encoder::new(codec), samples: ptime_ms * 8, said: 0, sequence, timestamp }
    }

    fn say(&mut self) -> Vec<u8> {
        let from = self.said;
        self.said += self.samples;
        (from..self.said).map(|n| self.encoder.encode(tone(n))).collect()
    }

    /// The next packet, which has this payload.
    fn packet<'a>(&mut self, payload: &'a [u8]) -> Packet<'a> {
        let (sequence, timestamp) = (self.sequence, self.timestamp);
        self.sequence = sequence.wrapping_add(1);
        self.timestamp = timestamp.wrapping_add(u32::try_from(self.samples).unwrap());
        let payload_type = self.codec.payload_type();
        Packet { marker: false, payload_type, sequence, timestamp, ssrc: 77, payload }
    }

    fn lose(&mut self) {
        let payload = self.say();
        self.packet(&payload);
    }
}

/// 440 Hz at 8,000 a second.
fn tone(n: usize) -> i16 {
    ((n as f64 * 440.0 / 8_000.0 * std::f64::consts::TAU).sin() * 8_000.0).round() as i16
}

fn decoded(codec: Codec, sent: &[Sent]) -> Vec<i16> {
    let mut decoder = Decoder::new(codec);
    sent.iter().flat_map(|packet| packet.payload.iter()).map(|octet| decoder.decode(*octet)).collect()
}

/// How many dB the tone is above all else; of any phase and level.
fn purity(sound: &[i16]) -> f64 {
    let (mut s, mut c, mut power) = (0.0, 0.0, 0.0);
    // Whole periods.
    let length = sound.len() / 200 * 200;
    for (n, sample) in sound.iter().take(length).enumerate() {
        let (angle, sample) = (n as f64 * 440.0 / 8_000.0 * std::f64::consts::TAU, f64::from(*sample));
        s += sample * angle.sin();
        c += sample * angle.cos();
        power += sample * sample;
    }
    let tone = 2.0 * (s * s + c * c) / length as f64;
    10.0 * (tone / (power - tone).max(1.0)).log10()
}

const CODECS: [Codec; 3] = [Codec::Pcmu, Codec::Pcma, Codec::G722];

/// Each codec into each other one, each length into each other one. The clock counts 8 for a millisecond, G.722's too (RFC 3551
/// section 4.5.2).
#[test]
fn every_codec_and_length_into_every_other() {
    for (from, to) in CODECS.into_iter().flat_map(|a| CODECS.map(|b| (a, b))).filter(|(a, b)| a != b) {
        for (comes, goes) in [(20, 20), (10, 60), (60, 10), (20, 30), (30, 20), (40, 60)] {
            let mut phone = Phone::new(from, comes);
            let mut world = World::new(plan(from, to, goes));
            let first = phone.timestamp;
            for n in 0..(1_200 / comes as u64) {
                let payload = phone.say();
                world.put(phone.packet(&payload), Arrival::Fresh, n * comes as u64);
            }
            let why = format!("{from:?} of {comes} ms to {to:?} of {goes} ms");
            assert_eq!(world.sent.len(), 1_200 / usize::from(goes), "{why}");
            for (n, packet) in world.sent.iter().enumerate() {
                assert_eq!(packet.payload_type, to.payload_type(), "{why}");
                assert_eq!(packet.payload.len(), usize::from(goes) * 8, "{why}");
                assert_eq!(
                    packet.timestamp,
                    first.wrapping_add(n as u32 * u32::from(goes) * 8),
                    "{why}: {n}"
                );
                assert_eq!(packet.sequence, 65_530_u16.wrapping_add(n as u16), "{why}");
                assert_eq!((packet.marker, packet.ssrc), (n == 0, !77), "{why}");
            }
            let purity = purity(&decoded(to, &world.sent)[800..]);
            assert!(purity > 28.0, "{why}: {purity} dB");
        }
    }
}

#[test]
fn a_lost_packet_is_made_up_and_a_longer_loss_is_not() {
    for to in [Codec::G722, Codec::Pcma] {
        let mut phone = Phone::new(Codec::Pcmu, 20);
        let mut world = World::new(plan(Codec::Pcmu, to, 20));
        let first = phone.timestamp;
        for n in 0..50_u64 {
            if n == 20 || (30..40).contains(&n) {
                phone.lose();
                continue;
            }
            let payload = phone.say();
            let sent = world.put(phone.packet(&payload), Arrival::Fresh, n * 20);
            let numbers: Vec<(u32, bool)> =
                sent.iter().map(|p| (p.timestamp.wrapping_sub(first) / 160, p.marker)).collect();
            match n {
                0 | 40 => assert_eq!(numbers, [(n as u32, true)]),
                21 => assert_eq!(numbers, [(20, false), (21, false)]),
                _ => assert_eq!(numbers, [(n as u32, false)]),
            }
        }
        assert_eq!(world.transcoder.counts(), Transcoded { concealed: 160, late: 0 });
        // No number is missing: what was lost is not lost on the other side.
        assert!(world.sent.windows(2).all(|pair| pair[1].sequence == pair[0].sequence.wrapping_add(1)));
        let sound = decoded(to, &world.sent);
        let steps = sound.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs());
        // Across the long loss, which is a gap to who listens, there may be a step.
        // G.722 needs some samples to begin with.
        assert!(steps.skip(100).take(29 * 160).all(|step| step < 3_400));
    }
}

#[test]
fn made_up_sound_ends() {
    let mut phone = Phone::new(Codec::Pcmu, 60);
    let mut world = World::new(plan(Codec::Pcmu, Codec::Pcma, 20));
    for n in 0..10_u64 {
        let payload = phone.say();
        world.put(phone.packet(&payload), Arrival::Fresh, n * 60);
    }
    phone.lose();
    let payload = phone.say();
    let sent = world.put(phone.packet(&payload), Arrival::Fresh, 660);
    assert_eq!(sent.len(), 6);
    let sound = decoded(Codec::Pcma, &sent);
    assert!(sound[..80].iter().any(|s| s.abs() > 6_000));
    assert!(sound[440..470].iter().all(|s| s.abs() < 1_500), "{:?}", &sound[440..470]);
}

#[test]
fn late_and_doubled_ones_go_nowhere() {
    let mut phone = Phone::new(Codec::Pcmu, 20);
    let mut world = World::new(plan(Codec::Pcmu, Codec::G722, 20));
    let payloads: Vec<Vec<u8>> = (0..4).map(|_| phone.say()).collect();
    let packets: Vec<Packet> = payloads.iter().map(|payload| phone.packet(payload)).collect();
    assert_eq!(world.put(packets[0], Arrival::Fresh, 0).len(), 1);
    assert_eq!(world.put(packets[2], Arrival::Fresh, 40).len(), 2);
    assert_eq!(world.put(packets[1], Arrival::Fresh, 41), []);
    assert_eq!(world.put(packets[2], Arrival::Duplicate, 42), []);
    assert_eq!(world.put(packets[3], Arrival::Fresh, 60).len(), 1);
    assert_eq!(world.transcoder.counts().late, 1);
}

/// The sender is silent for a while and says so, or not: no sample is made up, and the next packet has a marker.
#[test]
fn a_pause_of_the_sender() {
    for says_so in [true, false] {
        let mut phone = Phone::new(Codec::G722, 10);
        let mut world = World::new(plan(Codec::G722, Codec::Pcma, 20));
        let first = phone.timestamp;
        for n in 0..5 {
            let payload = phone.say();
            world.put(phone.packet(&payload), Arrival::Fresh, n * 10);
        }
        if says_so {
            let packet = phone.packet(&[40]);
            let sent = world.put(Packet { payload_type: 13, ..packet }, Arrival::Fresh, 50);
            // What waited for its second half goes first.
            assert_eq!(
                sent.iter().map(|p| (p.payload_type, p.payload.len())).collect::<Vec<_>>(),
                [(8, 80), (13, 1)]
            );
            assert_eq!(sent[1].timestamp, first.wrapping_add(400));
            phone.timestamp = phone.timestamp.wrapping_sub(80);
        }
        phone.timestamp = phone.timestamp.wrapping_add(8 * 900);
        let payloads = [phone.say(), phone.say()];
        let mut sent = world.put(phone.packet(&payloads[0]), Arrival::Fresh, 950);
        assert_eq!(sent.pop().map(|p| p.payload.len()), (!says_so).then_some(80), "the half packet");
        let sent = world.put(phone.packet(&payloads[1]), Arrival::Fresh, 960);
        assert_eq!(sent.iter().map(|p| (p.payload.len(), p.marker)).collect::<Vec<_>>(), [(160, true)]);
        assert_eq!(sent[0].timestamp, first.wrapping_add(400 + 7_200));
        assert_eq!(world.transcoder.counts(), Transcoded::default());
    }
}

/// A key is told with one timestamp, under the number that the other side has for it.
#[test]
fn keys_are_passed_on_beside_the_sound() {
    for sound_goes_on in [false, true] {
        let mut phone = Phone::new(Codec::Pcmu, 20);
        let mut world = World::new(plan(Codec::Pcmu, Codec::G722, 20));
        let first = phone.timestamp;
        for n in 0..5 {
            let payload = phone.say();
            world.put(phone.packet(&payload), Arrival::Fresh, n * 20);
        }
        let key = phone.timestamp;
        for n in 0..10_u64 {
            let duration = 160 * (n as u16 + 1).min(8);
            let payload = Event { code: 5, end: n >= 7, volume: 10, duration }.to_bytes();
            let kept = phone.timestamp;
            let packet =
                Packet { payload_type: 101, timestamp: key, marker: n == 0, ..phone.packet(&payload) };
            phone.timestamp = kept;
            let sent = world.put(packet, Arrival::Fresh, 100 + n * 20);
            assert_eq!(sent.len(), 1);
            assert_eq!((sent[0].payload_type, sent[0].marker), (96, n == 0));
            assert_eq!(sent[0].timestamp, first.wrapping_add(800));
            assert_eq!(sent[0].payload, payload);
            if sound_goes_on {
                let payload = phone.say();
                let sent = world.put(phone.packet(&payload), Arrival::Fresh, 101 + n * 20);
                assert_eq!(sent[0].timestamp, first.wrapping_add(800 + n as u32 * 160));
                assert_eq!((sent.len(), sent[0].payload_type, sent[0].marker), (1, 9, false));
            }
        }
        if !sound_goes_on {
            phone.timestamp = phone.timestamp.wrapping_add(1_600);
        }
        let payload = phone.say();
        let sent = world.put(phone.packet(&payload), Arrival::Fresh, 300);
        assert_eq!(sent.iter().map(|p| p.marker).collect::<Vec<_>>(), [!sound_goes_on]);
        assert_eq!(sent[0].timestamp, first.wrapping_add(2_400));
        assert!(world.sent.windows(2).all(|pair| pair[1].sequence == pair[0].sequence.wrapping_add(1)));
    }
}

/// Another source, and another clock of the same one, go on where the stream was.
#[test]
fn another_source_and_another_clock() {
    for restarts in [true, false] {
        let mut phone = Phone::new(Codec::Pcma, 20);
        let mut world = World::new(plan(Codec::Pcma, Codec::G722, 20));
        let first = phone.timestamp;
        for n in 0..5 {
            let payload = phone.say();
            world.put(phone.packet(&payload), Arrival::Fresh, n * 20);
        }
        phone.timestamp = phone.timestamp.wrapping_add(0x4000_0000);
        if restarts {
            phone.sequence = 7;
        }
        let arrival = if restarts { Arrival::Restart } else { Arrival::Fresh };
        let payload = phone.say();
        let packet = Packet { ssrc: if restarts { 5 } else { 77 }, ..phone.packet(&payload) };
        let sent = world.put(packet, arrival, 140);
        assert_eq!(sent.len(), 1);
        // It came 40 ms after it was due.
        assert_eq!((sent[0].timestamp, sent[0].marker), (first.wrapping_add(800 + 320), true));
        assert_eq!((sent[0].sequence, sent[0].ssrc), (65_530_u16.wrapping_add(5), !77));
        // And back again by as much.
        phone.timestamp = phone.timestamp.wrapping_sub(0x3000_0000);
        let payload = phone.say();
        let sent = world.put(phone.packet(&payload), Arrival::Fresh, 160);
        assert_eq!((sent[0].timestamp, sent[0].marker), (first.wrapping_add(800 + 480), true));
    }
}

/// What the other one has is not decoded: its packets pass as they are, whatever their length.
#[test]
fn what_the_other_one_has_passes_untouched() {
    let mut both = plan(Codec::G722, Codec::Pcma, 20);
    both.sound.push((8, Codec::Pcma)).unwrap();
    let mut world = World::new(both);
    let mut phone = Phone::new(Codec::G722, 10);
    let payload = phone.say();
    assert_eq!(world.put(phone.packet(&payload), Arrival::Fresh, 0), []);
    let payload = [1; 80];
    let packet = Packet { payload_type: 8, ..phone.packet(&payload) };
    let sent = world.put(packet, Arrival::Fresh, 10);
    assert_eq!(sent.iter().map(|p| p.payload.len()).collect::<Vec<_>>(), [80, 80]);
    assert_eq!(sent[1].payload, payload);
    assert_eq!(sent[1].timestamp, sent[0].timestamp.wrapping_add(80));
}

#[test]
fn another_codec_after_another_answer() {
    let mut world = World::new(plan(Codec::Pcmu, Codec::G722, 20));
    let mut phone = Phone::new(Codec::Pcmu, 20);
    for n in 0..3 {
        let payload = phone.say();
        world.put(phone.packet(&payload), Arrival::Fresh, n * 20);
    }
    world.transcoder.renew(plan(Codec::Pcmu, Codec::Pcma, 40));
    for n in 3..5 {
        let payload = phone.say();
        world.put(phone.packet(&payload), Arrival::Fresh, n * 20);
    }
    let [.., before, last] = &world.sent[..] else { panic!("{:?}", world.sent.len()) };
    assert_eq!((last.payload_type, last.payload.len(), last.marker), (8, 320, false));
    assert_eq!(last.timestamp, before.timestamp.wrapping_add(160));
    assert_eq!(last.sequence, before.sequence.wrapping_add(1));
}

/// Whatever comes, not more goes out than came, some made up packets aside.
#[test]
fn anything_at_all_stays_bounded() {
    let mut seed = 9_u32;
    let mut roll = |most: u32| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) % most
    };
    for ptime in [10, 20, 60] {
        let mut world = World::new(plan(Codec::G722, Codec::Pcmu, ptime));
        let (mut sequence, mut timestamp, mut now) = (0_u16, 0_u32, 0_u64);
        for _ in 0..20_000 {
            sequence = sequence.wrapping_add([1, 1, 1, 2, 0, 9, 40_000, 65_500][roll(8) as usize]);
            timestamp = timestamp
                .wrapping_add([160, 160, 320, 0, 480, 90_000, 1 << 31, u32::MAX - 5][roll(8) as usize]);
            now += u64::from(roll(60));
            let payload = vec![roll(256) as u8; roll(1_489) as usize];
            let payload_type = [9, 9, 9, 101, 13][roll(5) as usize];
            let arrival =
                [Arrival::Fresh, Arrival::Fresh, Arrival::Restart, Arrival::Stray][roll(4) as usize];
            let packet = Packet {
                marker: roll(2) == 0,
                payload_type,
                sequence,
                timestamp,
                ssrc: roll(3),
                payload: &payload,
            };
            let sent = world.put(packet, arrival, now);
            let most = (payload.len() + 480 * 2) / (usize::from(ptime) * 8) + 2;
            assert!(sent.len() <= most && sent.iter().all(|p| p.payload.len() <= 1_488), "{}", sent.len());
            world.sent.clear();
        }
    }
}

/// Through a relay: each side gets its own codec, and what one stream was goes on as the other one, whichever way it is made.
#[test]
fn a_relay_that_transcodes() {
    use crate::media::{Direction, Forward, Recoded, Relay, Side, Types, Way};
    const A: &str = "192.0.2.7:4000";
    const B: &str = "198.51.100.2:6000";
    let way =
        |addr: &str| Way { remote: addr.parse().unwrap(), direction: Direction::SendRecv, symmetric: false };
    let mut relay = Relay::new();
    relay.set_remote(Side::A, way(A), at(0));
    relay.set_remote(Side::B, way(B), at(0));
    while relay.poll_output().is_some() {}
    let mut phone = Phone::new(Codec::Pcmu, 20);
    let mut say = |relay: &mut Relay, from: &str, now: u64| -> (Option<Sent>, u8) {
        let payload = phone.say();
        let Packet { sequence, timestamp, ssrc, .. } = phone.packet(&payload);
        let mut bytes =
            [&crate::wire::rtp::write_header(false, 0, sequence, timestamp, ssrc)[..], &payload].concat();
        let to = relay.handle_rtp(Side::A, from.parse().unwrap(), &mut bytes, at(now));
        let (way, bytes) = match (to, relay.take_made()) {
            (Some(_), Recoded::None) => (1, bytes),
            (None, Recoded::One(Forward { side, to, bytes })) => {
                assert_eq!((side, to), (Side::B, B.parse().unwrap()));
                (2, bytes)
            }
            (None, Recoded::None) => return (None, 0),
            more => panic!("{more:?}"),
        };
        let Packet { marker, payload_type, sequence, timestamp, ssrc, payload } =
            Packet::parse(&bytes).unwrap();
        (Some(Sent { payload_type, marker, sequence, timestamp, ssrc, payload: payload.to_vec() }), way)
    };
    let mut last: Option<Sent> = None;
    // Relayed, transcoded at once, held in reserve, relayed again.
    for (n, (types, plan, want)) in [
        (Types::new(&[(0, 0)], 8), None, (1, 0)),
        (Types::new(&[], 8), Some(plan(Codec::Pcmu, Codec::G722, 20)), (2, 9)),
        (
            Types::new(&[(8, 8)], 8),
            Some(Plan { reserve: true, ..plan(Codec::Pcmu, Codec::G722, 20) }),
            (2, 9),
        ),
        (
            Types::new(&[(0, 0)], 8),
            Some(Plan { reserve: true, ..plan(Codec::Pcmu, Codec::G722, 20) }),
            (1, 0),
        ),
        (Types::new(&[(0, 0)], 8), None, (1, 0)),
    ]
    .into_iter()
    .enumerate()
    {
        relay.set_types(Side::A, types);
        relay.set_plan(Side::A, plan);
        for m in 0..3 {
            let now = n as u64 * 60 + m * 20;
            let (sent, way) = say(&mut relay, A, now);
            let sent = sent.unwrap();
            assert_eq!((way, sent.payload_type, sent.payload.len()), (want.0, want.1, 160), "{n} {m}");
            if let Some(last) = last.replace(sent.clone()) {
                assert_eq!(sent.sequence, last.sequence.wrapping_add(1), "{n} {m}");
                assert_eq!(sent.timestamp, last.timestamp.wrapping_add(160), "{n} {m}");
                assert_eq!(sent.ssrc, last.ssrc);
            }
        }
        assert_eq!(relay.transcoded(Side::A).is_some(), want.0 == 2, "{n}");
    }
    relay.set_types(Side::A, Types::new(&[], 8));
    relay.set_plan(Side::A, Some(plan(Codec::Pcmu, Codec::G722, 20)));
    assert_eq!(say(&mut relay, "203.0.113.1:9", 400), (None, 0), "a stranger");
    assert_eq!(relay.stats(Side::A).stranger, 1);
    relay.set_remote(Side::B, Way { direction: Direction::Inactive, ..way(B) }, at(400));
    assert_eq!(say(&mut relay, A, 420), (None, 0), "on hold");
    assert_eq!((relay.stats(Side::A).held, relay.stats(Side::A).unknown_type), (1, 0));
}
