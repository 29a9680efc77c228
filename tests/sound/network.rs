//! Bad networks, a stick that stalls, packets of other lengths, and bytes in odd pieces.
use crate::world::{Clicks, Dice, Heard, PHONE, World, remote, sine, slope};
use std::cell::Cell;
use std::rc::Rc;
use tandem::media::{Codec, Direction, Remote};
use tandem::util::time::Instant;

/// What a listener at the stick heard of a tone of the phone from the third second on.
fn listen(world: &mut World, seconds: u64) -> Clicks {
    let mut clicks = Clicks::new();
    world.run(2_000_000, &mut |_, _| {});
    world.run(seconds * 1_000_000, &mut |_, heard| {
        if let Heard::Voice(samples) = heard {
            clicks.listen(samples);
        }
    });
    clicks
}

fn smooth(clicks: &Clicks, percent: i32) {
    assert!(clicks.largest < slope(440.0, 8_000.0) * percent / 100, "a step of {}", clicks.largest);
}

#[test]
fn jitter_of_60_ms_grows_the_delay_and_calm_shrinks_it() {
    let mut world = World::new(remote());
    let mut dice = Dice(1);
    world.network = Box::new(move |n| vec![if n < 3_000 { dice.roll(60_000) } else { 5_000 }]);
    let clicks = listen(&mut world, 60);
    let (bad, late) = (world.stats().delay_ms, world.stats().late);
    smooth(&clicks, 130);
    world.run(90_000_000, &mut |_, _| {});
    println!("jitter 60 ms: delay {bad} ms, late {late} of 3000, afterwards {} ms", world.stats().delay_ms);
    assert!((30..110).contains(&bad), "{bad}");
    assert!(late < 30, "{late}");
    assert!(world.stats().delay_ms < 45, "{}", world.stats().delay_ms);
    assert!(world.stats().jitter_samples < 80);
}

#[test]
fn lost_packets_are_replaced_without_a_click_and_cost_no_delay() {
    let mut world = World::new(remote());
    let mut dice = Dice(2);
    world.network = Box::new(move |_| if dice.roll(100) < 5 { vec![] } else { vec![5_000] });
    let clicks = listen(&mut world, 120);
    smooth(&clicks, 130);
    let stats = world.stats();
    println!(
        "loss 5%: lost {}, concealed {} samples, step {}",
        stats.lost, stats.concealed_samples, clicks.largest
    );
    assert!((200..400).contains(&stats.lost), "{}", stats.lost);
    assert!(stats.concealed_samples.abs_diff(stats.lost * 160) < 1_000, "{}", stats.concealed_samples);
    assert_eq!(stats.late, 0);
    assert!(stats.delay_ms < 45);
    // One lost packet is never silence.
    assert!(clicks.silent < 100, "{}", clicks.silent);
}

#[test]
fn a_gap_of_300_ms_becomes_silence_after_60() {
    let mut world = World::new(remote());
    world.network = Box::new(|n| if n % 100 < 15 { vec![] } else { vec![5_000] });
    let clicks = listen(&mut world, 20);
    smooth(&clicks, 130);
    // Nine gaps of 300 ms, 60 of which are filled.
    let per_gap = clicks.silent / 9;
    assert!((1_800..2_200).contains(&per_gap), "{per_gap}");
}

#[test]
fn overtaken_and_doubled_packets_change_nothing() {
    let mut world = World::new(remote());
    // Each fifth packet comes after the next one; each third comes twice.
    world.network = Box::new(|n| {
        let delay = if n % 5 == 0 { 26_000 } else { 5_000 };
        if n % 3 == 0 { vec![delay, delay + 7_000] } else { vec![delay] }
    });
    let clicks = listen(&mut world, 30);
    smooth(&clicks, 110);
    let stats = world.stats();
    assert_eq!((stats.lost, stats.late, clicks.silent), (0, 0, 0));
    assert!(stats.duplicates > 400 && stats.reordered > 250, "{stats:?}");
    assert!(stats.concealed_samples < 1_000, "{}", stats.concealed_samples);
}

#[test]
fn a_stick_that_stalls_for_a_second_costs_nothing_afterwards() {
    // With and without the stalled second's frames in one heap.
    for heap in [false, true] {
        let mut world = World::new(remote());
        world.run(5_000_000, &mut |_, _| {});
        let before = world.stats().delay_ms;
        let resumes = world.frames + 50;
        let mut stamps = Vec::new();
        // The stick sleeps: the phone goes on.
        let stalled_from = world.now_us;
        world.stall(1_000_000, &mut |at, heard| {
            if let Heard::Rtp(packet) = heard {
                stamps.push((at, packet.timestamp, packet.sequence, packet.marker));
            }
        });
        assert_eq!(world.stats().stalls, 1);
        let now = Instant::from_micros(world.now_us);
        if heap {
            for _ in 0..50 {
                let bytes = world.frame();
                world.gateway.handle_voice(&bytes, now);
            }
        }
        world.frames = resumes;
        world.run(20_000_000, &mut |at, heard| {
            if let Heard::Rtp(packet) = heard {
                stamps.push((at, packet.timestamp, packet.sequence, packet.marker));
            }
        });
        let after = world.stats().delay_ms;
        println!(
            "stall, heap {heap}: delay {before} ms before, {after} ms after; dropped {}",
            world.stats().voice_dropped
        );
        assert!(after <= before + 10, "{before} {after}");
        assert_eq!(world.stats().stalls, 1);
        for pair in stamps.windows(2) {
            assert_eq!(pair[1].2, pair[0].2.wrapping_add(1));
            let ahead = pair[1].1.wrapping_sub(pair[0].1);
            assert!((160..9_000).contains(&ahead), "{ahead}");
        }
        assert!(stamps.iter().any(|(at, _, _, marker)| *marker && *at >= stalled_from + 900_000));
        // At the end the timestamps agree with the clock, as if nothing had been.
        let (first, last) = (stamps[0], stamps[stamps.len() - 1]);
        let passed = (last.0 - first.0) / 125;
        let told = u64::from(last.1.wrapping_sub(first.1));
        assert!(told.abs_diff(passed) < 1_000, "{told} {passed}");
    }
}

#[test]
fn frames_in_odd_pieces_arrive_sample_for_sample() {
    let mut world = World::new(remote());
    let mut dice = Dice(3);
    let says = |n: u64| Codec::Pcma.decode(Codec::Pcma.encode(sine(700.0, 9_000.0, n)));
    world.stick_says = Box::new(says);
    let (mut heard_samples, mut frames_out, mut bytes) = (Vec::new(), 0, Vec::new());
    for n in 0..500 {
        bytes.extend(world.frame());
        let mut left = bytes.as_slice();
        while left.len() > 700 || (n == 499 && !left.is_empty()) {
            let (piece, rest) = left.split_at((1 + dice.roll(700) as usize).min(left.len()));
            world.gateway.handle_voice(piece, Instant::from_micros(n * 20_000));
            left = rest;
        }
        bytes = left.to_vec();
        world.fetch(&mut |_, heard| match heard {
            Heard::Rtp(packet) => heard_samples.extend(packet.payload.iter().map(|b| Codec::Pcma.decode(*b))),
            Heard::Voice(_) => frames_out += 1,
            Heard::Digit(_) => {}
        });
    }
    // In front is the silence that opened the way.
    let samples = heard_samples.split_off(heard_samples.len() - 80_000);
    assert!(samples.iter().enumerate().all(|(n, sample)| *sample == says(n as u64)));
    assert_eq!(frames_out, 500);
}

#[test]
fn packets_of_10_to_60_ms_from_the_phone() {
    for ptime in [10, 20, 30, 40, 60] {
        let mut world = World::new(remote());
        world.phone_ptime = ptime;
        let clicks = listen(&mut world, 30);
        smooth(&clicks, 110);
        let stats = world.stats();
        assert_eq!((stats.late, stats.lost, stats.concealed_samples, clicks.silent), (0, 0, 0, 0), "{ptime}");
        assert!(stats.delay_ms < 45, "{ptime}: {}", stats.delay_ms);
    }
}

#[test]
fn a_new_stream_or_a_jump_of_its_timestamps_is_heard_again_within_half_a_second() {
    for (what, ssrc, jump) in [
        ("ssrc", 5, 0),
        ("far", 0xfeed, 4_000_000u32),
        ("back", 0xfeed, 4_291_000_000),
        ("near", 0xfeed, 4_000),
    ] {
        let mut world = World::new(remote());
        world.run(5_000_000, &mut |_, _| {});
        world.rewrite = Some((ssrc, jump));
        world.run(5_500_000, &mut |_, _| {});
        let mut clicks = Clicks::new();
        world.run(10_000_000, &mut |_, heard| {
            if let Heard::Voice(samples) = heard {
                clicks.listen(samples);
            }
        });
        assert_eq!(clicks.silent, 0, "{what}");
        assert!(world.stats().delay_ms < 60, "{what}: {}", world.stats().delay_ms);
    }
}

/// A phone that sleeps for a while and goes on counting where it was; or a way that is so much longer from one packet to the next.
#[test]
fn a_pause_that_is_not_counted_is_over_within_a_second() {
    for samples in (0..6_000).step_by(40) {
        let mut world = World::new(remote());
        world.run(5_000_000, &mut |_, _| {});
        world.rewrite = Some((0xfeed, 0_u32.wrapping_sub(samples)));
        world.run(6_000_000, &mut |_, _| {});
        let before = world.stats().clone();
        world.run(9_000_000, &mut |_, _| {});
        let stats = world.stats();
        assert_eq!(
            (stats.late, stats.concealed_samples),
            (before.late, before.concealed_samples),
            "{samples}"
        );
    }
}

#[test]
fn a_phone_on_hold_hears_nothing_and_is_not_heard() {
    let mut world = World::new(Remote { direction: Direction::Inactive, ..remote() });
    world.stick_says = Box::new(|n| sine(1_000.0, 8_000.0, n));
    let loud = Rc::new(Cell::new(0));
    let seen = Rc::clone(&loud);
    world.run(10_000_000, &mut |_, heard| match heard {
        Heard::Voice(samples) => seen.set(seen.get() + samples.iter().filter(|s| **s != 0).count()),
        Heard::Rtp(packet) => assert!(packet.payload.iter().all(|b| *b == Codec::Pcma.silence())),
        Heard::Digit(_) => {}
    });
    assert_eq!(loud.get(), 0);
    assert_eq!(world.stats().latched, Some(PHONE.parse().unwrap()));
}
