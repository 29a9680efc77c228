//! Keys both ways: events of the phone, tones of the stick, and voices that are no keys.
use crate::world::{Dice, EVENTS, Heard, PHONE, World, remote, sine};
use std::f64::consts::TAU;
use tandem::media::Remote;
use tandem::util::time::Instant;
use tandem::wire::rtp::{Event, write_header};

const KEYS: &str = "123456789*0#";
const LOW: [f64; 4] = [697.0, 770.0, 852.0, 941.0];
const HIGH: [f64; 3] = [1_209.0, 1_336.0, 1_477.0];

/// The two tones of a key; the low one `twist` dB louder than the high one.
fn tones(key: char, twist: f64, off: f64, n: u64) -> f64 {
    let place = KEYS.find(key).unwrap();
    let (low, high) = (LOW[place / 3] * off, HIGH[place % 3] * off);
    let level = |db: f64| 6_000.0 * 10f64.powf(db / 20.0);
    let at = |hz: f64| (n as f64 * hz / 8_000.0 * TAU).sin();
    at(low) * level(twist / 2.0) + at(high) * level(-twist / 2.0)
}

/// An event packet as it went out.
struct Told {
    at: u64,
    timestamp: u32,
    sequence: u16,
    marker: bool,
    event: Option<Event>,
}

fn told(stick_says: impl FnMut(u64) -> i16 + 'static, seconds: u64) -> (World, Vec<Told>) {
    let mut world = World::new(Remote { event_send: Some(EVENTS), ..remote() });
    world.stick_says = Box::new(stick_says);
    let mut all = Vec::new();
    world.run(seconds * 1_000_000, &mut |at, heard| {
        if let Heard::Rtp(packet) = heard {
            let event = (packet.payload_type == EVENTS).then(|| Event::parse(packet.payload).unwrap());
            let (timestamp, sequence, marker) = (packet.timestamp, packet.sequence, packet.marker);
            all.push(Told { at, timestamp, sequence, marker, event });
        }
    });
    (world, all)
}

/// Keys that a phone would have understood: an event with its marker, and the ends.
fn keys(told: &[Told]) -> String {
    let begins = told.iter().filter(|packet| packet.marker).filter_map(|packet| packet.event);
    begins.filter_map(|event| Event::digit(event.code)).collect()
}

#[test]
fn a_tone_of_the_stick_is_one_event_with_its_ends() {
    for (on_ms, off_ms, twist, noise, off) in [
        (50, 60, 0.0, 0.0, 1.0),
        (80, 80, 0.0, 1_500.0, 1.0),
        (80, 80, 8.0, 500.0, 1.0),
        (80, 80, -8.0, 500.0, 1.0),
        (70, 70, 3.0, 500.0, 1.01),
        (70, 70, -3.0, 500.0, 0.99),
        (400, 200, 0.0, 1_000.0, 1.0),
    ] {
        let mut dice = Dice(9);
        let (on, all) = (on_ms * 8, (on_ms + off_ms) * 8);
        let (world, packets) = told(
            move |n| {
                // Begins that move through the frame, so that every alignment is met.
                let (press, at) = ((n / (all + 13)) as usize, n % (all + 13));
                let tone = if press < 48 && at < on {
                    tones(KEYS.as_bytes()[press % 12].into(), twist, off, n)
                } else {
                    0.0
                };
                (tone + dice.noise(noise)) as i16
            },
            (48 * (on_ms + off_ms + 2) / 1_000) + 2,
        );
        let what = format!("{on_ms} {off_ms} {twist} {noise} {off}");
        assert_eq!(keys(&packets), KEYS.repeat(4), "{what}");
        assert_eq!(world.stats().digits_from_stick, 48);
        for event in packets.iter().filter(|packet| packet.marker && packet.event.is_some()) {
            let same: Vec<&Told> =
                packets.iter().filter(|p| p.event.is_some() && p.timestamp == event.timestamp).collect();
            let ends = same.iter().filter(|p| p.event.unwrap().end).count();
            assert_eq!(ends, 3, "{what}");
            assert!(same[same.len() - 3..].iter().all(|p| p.event.unwrap().end));
            let durations: Vec<u16> = same.iter().map(|p| p.event.unwrap().duration).collect();
            assert!(durations.is_sorted() && durations[durations.len() - 1] >= 480, "{durations:?}");
        }
        // No number is left out, and after an event the sound has the time it would have had.
        for pair in packets.windows(2) {
            assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
        }
        let sound: Vec<&Told> = packets.iter().filter(|packet| packet.event.is_none()).skip(3).collect();
        for packet in &sound {
            let passed = (packet.at - sound[0].at) / 125;
            assert_eq!(u64::from(packet.timestamp.wrapping_sub(sound[0].timestamp)), passed, "{what}");
        }
    }
}

#[test]
fn a_voice_or_music_is_no_key() {
    // Vowels: a buzz of 80 to 250 Hz through moving formants, in syllables, with hiss between them.
    let mut dice = Dice(4);
    let (mut phase, mut pitch, mut formants) = (0.0, 120.0, [700.0, 1_200.0]);
    let (_, packets) = told(
        move |n| {
            if n % 1_200 == 0 {
                pitch = 80.0 + dice.roll(170) as f64;
                formants = [250.0 + dice.roll(700) as f64, 800.0 + dice.roll(1_600) as f64];
            }
            phase = (phase + pitch / 8_000.0) % 1.0;
            if n % 1_200 > 1_000 {
                return dice.noise(2_000.0) as i16;
            }
            let gain =
                |hz: f64| formants.iter().map(|f| 1.0 / (1.0 + ((hz - f) / 90.0).powi(2))).sum::<f64>();
            let sum: f64 = (1..16).map(f64::from).map(|k| gain(k * pitch) * (phase * k * TAU).sin()).sum();
            (sum * 4_000.0) as i16
        },
        120,
    );
    assert_eq!(keys(&packets), "");
    for hz in [440.0, 697.0, 941.0, 1_336.0, 1_633.0, 425.0] {
        let (_, packets) = told(move |n| sine(hz, 10_000.0, n), 2);
        assert_eq!(keys(&packets), "", "{hz}");
    }
    // 'A' is on no telephone.
    let (_, packets) = told(|n| sine(697.0, 6_000.0, n).saturating_add(sine(1_633.0, 6_000.0, n)), 2);
    assert_eq!(keys(&packets), "");
    let mut dice = Dice(5);
    let (_, packets) = told(move |_| dice.noise(20_000.0) as i16, 60);
    assert_eq!(keys(&packets), "");
}

#[test]
fn presses_at_the_phone_are_one_digit_each_whatever_is_lost() {
    let mut dice = Dice(6);
    let mut world = World::new(remote());
    let (mut heard, mut wanted, mut sequence) = (String::new(), String::new(), 0u16);
    for press in 0..500u32 {
        let code = (dice.roll(12)) as u8;
        let updates = 2 + dice.roll(20);
        let mut came = false;
        for n in 0..updates + 3 {
            let event = Event { code, end: n >= updates, volume: 10, duration: (n * 160) as u16 };
            let header = write_header(n == 0, EVENTS, sequence, press * 8_000, 0xbeef);
            sequence = sequence.wrapping_add(1);
            let now = Instant::from_micros(u64::from(press) * 1_000_000 + n * 20_000);
            for _ in 0..[0, 0, 1, 1, 2][dice.roll(5) as usize] {
                came = true;
                world.gateway.handle_rtp(
                    PHONE.parse().unwrap(),
                    &[&header[..], &event.to_bytes()].concat(),
                    now,
                );
            }
        }
        if came {
            wanted.extend(Event::digit(code));
        }
        world.fetch(&mut |_, out| {
            if let Heard::Digit(digit) = out {
                heard.push(digit);
            }
        });
    }
    assert_eq!(heard, wanted);
    assert!(heard.len() > 450);
}

#[test]
fn a_digit_in_the_sound_of_the_stick_is_heard_by_our_own_ears() {
    let mut world = World::new(remote());
    world.phone_says = Box::new(|_| 0);
    KEYS.chars().for_each(|key| world.gateway.send_digit(key));
    (0..100).for_each(|_| world.gateway.send_digit('5'));
    world.gateway.send_digit('A');
    assert_eq!(world.stats().digits_dropped, 81);
    let mut sound = Vec::new();
    world.run(9_000_000, &mut |_, heard| {
        if let Heard::Voice(samples) = heard {
            sound.extend_from_slice(samples);
        }
    });
    // On and off: at least 100 ms each.
    let loud: Vec<bool> = sound.chunks(80).map(|piece| piece.iter().any(|s| s.abs() > 1_000)).collect();
    let runs: Vec<usize> = loud.chunk_by(|a, b| a == b).map(<[bool]>::len).collect();
    assert!(runs[1..runs.len() - 1].iter().all(|run| (10..=13).contains(run)), "{runs:?}");
    let (_, packets) = told(move |n| sound.get(n as usize).copied().unwrap_or(0), 10);
    assert_eq!(keys(&packets), format!("{KEYS}{}", "5".repeat(20)));
}
