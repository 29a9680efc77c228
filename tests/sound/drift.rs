//! Two virtual hours with clocks that disagree, and the delay.
use crate::world::{Clicks, Heard, World, remote, slope};

const HOURS_2: u64 = 7_200_000_000;

fn two_hours(phone_ppm: f64, stick_ppm: f64) {
    let mut world = World::new(remote());
    (world.phone_ppm, world.stick_ppm) = (phone_ppm, stick_ppm);
    let mut clicks = Clicks::new();
    let (mut most_delay, mut sent) = (0, 0);
    world.run(2_000_000, &mut |_, _| {});
    let start = (world.stats().inserted_samples, world.stats().skipped_samples);
    let mut until = 2_000_000;
    while until < HOURS_2 {
        until += 1_000_000;
        world.run(until, &mut |_, heard| match heard {
            Heard::Voice(samples) => clicks.listen(samples),
            Heard::Rtp(packet) => sent += packet.payload.len() as u64,
            Heard::Digit(_) => panic!("a key nobody pressed"),
        });
        most_delay = most_delay.max(world.stats().delay_ms);
    }
    let (slips, demand) = (world.slips(), world.demand());
    let stats = world.stats();
    println!(
        "drift phone {phone_ppm} stick {stick_ppm} ppm: slips {slips}, inserted {}, skipped {}, drift {demand:.0}, \
         delay in the buffer at most {most_delay} ms, largest step {} of {}",
        stats.inserted_samples,
        stats.skipped_samples,
        clicks.largest,
        slope(440.0, 8_000.0),
    );
    assert!(start.0 + start.1 < 80, "{start:?}: a change at the start without need");
    assert_eq!(slips, 0.0);
    assert_eq!((stats.lost, stats.late, stats.discarded, stats.concealed_samples), (0, 0, 0, 0));
    assert!(most_delay < 45, "{most_delay}");
    assert!(clicks.largest < slope(440.0, 8_000.0) * 110 / 100, "{}", clicks.largest);
    assert_eq!(clicks.silent, 0);
    assert!(stats.voice_frames.abs_diff(clicks.samples / 160) <= 101);
    // Towards the phone nothing is taken out or put in: each sample of the stick goes, once.
    assert!(sent.abs_diff(stats.voice_frames * 160) <= 100 * 160);
}

#[test]
fn two_hours_at_100_ppm_a_fast_phone() {
    two_hours(100.0, 0.0);
}

#[test]
fn two_hours_at_100_ppm_a_slow_phone() {
    two_hours(-100.0, 0.0);
}

#[test]
fn two_hours_at_200_ppm_both_a_fast_phone() {
    two_hours(200.0, -200.0);
}

#[test]
fn two_hours_at_200_ppm_both_a_slow_phone() {
    two_hours(-200.0, 200.0);
}

#[test]
fn the_delay_in_a_calm_network_is_under_60_ms_both_ways() {
    let mut world = World::new(remote());
    // A second of silence, then a tone, again and again: its beginnings are what is measured.
    let beep =
        |n: u64| if n % 16_000 >= 8_000 { if (n / 4).is_multiple_of(2) { 8_000 } else { -8_000 } } else { 0 };
    world.phone_says = Box::new(beep);
    world.stick_says = Box::new(beep);
    let (mut to_stick, mut to_phone) = (Vec::new(), Vec::new());
    let (mut voice_was, mut rtp_was) = (true, true);
    let begins = |samples: &[i16], was: &mut bool| {
        let loud = samples.iter().position(|sample| sample.abs() > 2_000);
        let begin = if *was { None } else { loud };
        *was = samples.iter().any(|sample| sample.abs() > 2_000);
        begin
    };
    world.run(61_000_000, &mut |at, heard| match heard {
        Heard::Voice(samples) => {
            // The stick plays the frame from this moment on.
            to_stick.extend(begins(samples, &mut voice_was).map(|n| at + n as u64 * 125));
        }
        Heard::Rtp(packet) => {
            let samples: Vec<i16> =
                packet.payload.iter().map(|b| tandem::media::Codec::Pcma.decode(*b)).collect();
            to_phone.extend(begins(&samples, &mut rtp_was).map(|_| at));
        }
        Heard::Digit(_) => {}
    });
    assert!(to_stick.len() >= 29 && to_phone.len() >= 29);
    // Of what the phone recorded until it sent the packet, and the network's 5 ms.
    let delay = |n: usize, at: u64| at as i64 - world.phone_time(8_000 + 16_000 * n as u64) as i64;
    let worst = to_stick.iter().enumerate().map(|(n, at)| delay(n, *at)).max().unwrap() / 1_000;
    let stick = |n: usize, at: u64| at as i64 - (20_000 + (50 + 100 * n as i64) * 20_000 - 20_000);
    let back = to_phone.iter().enumerate().map(|(n, at)| stick(n, *at)).max().unwrap() / 1_000;
    println!("delay_ms.phone_to_stick {worst} (20 of the phone's packet and 5 of the network included)");
    println!("delay_ms.stick_to_phone {back} (20 of the stick's frame included)");
    assert!((25..60).contains(&worst), "{worst}");
    assert!((20..60).contains(&back), "{back}");
}
