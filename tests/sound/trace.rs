//! Five minutes in a mobile network, by a trace: what the jitter buffer loses, and what that costs in delay.
use super::world::{Clicks, Heard, World, remote, slope};

/// A packet's microseconds on its way; none: lost.
pub type Trace = Vec<Option<u64>>;

/// The seconds at which its parts end: a good cell, the road, 3G, a full queue, the good cell again.
pub const ENDS: [u64; 5] = [60, 120, 180, 200, 300];

/// Made by a model, see its head.
pub fn mobile() -> Trace {
    let text = include_str!("../data/mobile_jitter.txt");
    let words = text.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace);
    words.map(|word| (word != "-").then(|| word.parse::<u64>().unwrap() * 100)).collect()
}

/// What became of the packets of some seconds.
pub struct Part {
    seconds: u64,
    lost: u64,
    pub late: u64,
    concealed_ms: u64,
    /// Waiting in the buffer, the mean and the extremes of its smoothed value.
    wait_ms: f64,
    least_ms: u32,
    most_ms: u32,
    /// At the end of the part.
    last_ms: u32,
}

/// Plays the trace up to the ends of these parts, in seconds.
pub fn play(trace: &Trace, ends: &[u64]) -> Vec<Part> {
    let mut world = World::new(remote());
    let delays = trace.clone();
    world.network = Box::new(move |n| delays.get(n as usize).copied().flatten().into_iter().collect());
    let mut from = 0;
    let mut part = |end: &u64| {
        let before = world.stats().clone();
        let mut waits = Vec::new();
        for second in from..*end {
            world.run((second + 1) * 1_000_000, &mut |_, heard| assert!(!matches!(heard, Heard::Digit(_))));
            waits.push(world.stats().delay_ms);
        }
        let seconds = *end - from;
        from = *end;
        let stats = world.stats();
        Part {
            seconds,
            lost: stats.lost - before.lost,
            late: stats.late - before.late,
            concealed_ms: (stats.concealed_samples - before.concealed_samples) / 8,
            wait_ms: waits.iter().copied().map(f64::from).sum::<f64>() / waits.len() as f64,
            least_ms: waits.iter().copied().min().unwrap(),
            most_ms: waits.iter().copied().max().unwrap(),
            last_ms: waits[waits.len() - 1],
        }
    };
    ends.iter().map(&mut part).collect()
}

/// What a packet waits in the mean of all parts.
pub fn mean_wait_ms(parts: &[Part]) -> f64 {
    let all: u64 = parts.iter().map(|part| part.seconds).sum();
    parts.iter().map(|part| part.wait_ms * part.seconds as f64).sum::<f64>() / all as f64
}

/// Packets that would be late in a buffer in which they wait as long in the mean, but that never changes its delay.
pub fn late_if_fixed(trace: &Trace, wait_ms: f64) -> u64 {
    let ways: Vec<u64> = trace.iter().flatten().copied().collect();
    let total_us = ways.iter().sum::<u64>() as f64 / ways.len() as f64 + wait_ms * 1_000.0;
    ways.iter().filter(|delay| **delay as f64 > total_us).count() as u64
}

#[test]
fn a_mobile_network_by_its_trace() {
    let trace = mobile();
    assert_eq!(trace.len(), 15_000);
    let parts = play(&trace, &ENDS);
    let names = ["LTE", "on the road", "3G", "full queue", "LTE again"];
    for (name, part) in names.iter().zip(&parts) {
        println!(
            "trace, {name}: lost {}, late {}, concealed {} ms, waits {:.0} ms ({} to {}), at the end {}",
            part.lost, part.late, part.concealed_ms, part.wait_ms, part.least_ms, part.most_ms, part.last_ms
        );
    }
    let late: u64 = parts.iter().map(|part| part.late).sum();
    let waits = mean_wait_ms(&parts);
    let fixed = late_if_fixed(&trace, waits);
    println!("trace: {late} late of 15000 with {waits:.0} ms in the mean, {fixed} if that were fixed");
    // What comes too late is less than a two hundredth, and less than a percent even in the worst of networks.
    let most_late = [15, 15, 30, 10, 25];
    for ((name, part), most) in names.iter().zip(&parts).zip(most_late) {
        assert!(part.late <= most, "{name}: {}", part.late);
        // 20 to 200 ms, and the frame in which a sample waits for its turn.
        assert!(part.least_ms >= 20 && part.most_ms <= 220, "{name}: {} {}", part.least_ms, part.most_ms);
    }
    assert!(late * 200 <= 15_000 && late * 5 <= fixed, "{late} {fixed}");
    // What is replaced is what was lost or late, and a little where the delay grew.
    let missing: u64 = parts.iter().map(|part| part.lost + part.late).sum();
    let concealed: u64 = parts.iter().map(|part| part.concealed_ms).sum();
    assert!(concealed <= missing * 26, "{concealed} ms for {missing} packets");
    // It goes down again: in the good cell it is less than on the road, behind the full queue at last as at the start.
    assert!(parts[0].wait_ms < 100.0 && parts[0].wait_ms + 20.0 < parts[1].wait_ms);
    assert!(parts[1].wait_ms + 40.0 < parts[2].wait_ms);
    assert!(parts[4].wait_ms < 100.0 && parts[4].last_ms < 45, "{}", parts[4].last_ms);
}

#[test]
fn after_a_burst_the_delay_shrinks_within_twelve_seconds() {
    let mut world = World::new(remote());
    // At the tenth second nothing comes for 180 ms, then all of it at once.
    world.network =
        Box::new(|n| vec![if (500..509).contains(&n) { 5_000 + (509 - n) * 20_000 } else { 5_000 }]);
    world.run(10_500_000, &mut |_, _| {});
    let (late, mut clicks, mut waits) = (world.stats().late, Clicks::new(), Vec::new());
    for second in 11..=40 {
        world.run(second * 1_000_000, &mut |_, heard| {
            if let Heard::Voice(samples) = heard {
                clicks.listen(samples);
            }
        });
        waits.push(world.stats().delay_ms);
    }
    println!("a burst of 180 ms: {late} late, then waits of {waits:?} ms, largest step {}", clicks.largest);
    assert!(waits[1] > 130, "{waits:?}");
    assert!(waits[12..].iter().all(|wait| (20..45).contains(wait)), "{waits:?}");
    assert_eq!((world.stats().late, clicks.silent), (late, 0));
    assert!(clicks.largest < slope(440.0, 8_000.0) * 110 / 100, "{}", clicks.largest);
}
