//! Mixed stories over a bad network, one for each seed. Whatever comes of them: nothing stays behind.
use super::house::*;
use super::incoming::CALLER;
use super::peer::Answer;
use super::stick::Far;
use super::world::World;

const SEEDS: u64 = 300;

fn story(w: &mut World) {
    for _ in 0..2 {
        w.peers[P100].answer = match w.net.below(5) {
            0 => Answer::Refuse(486, 800),
            1 => Answer::Rings,
            _ => Answer::After(200 + w.net.below(2_000)),
        };
        w.stick.far = match w.net.below(5) {
            0 => Far::Ends(200 + w.net.below(2_000), "104,17"),
            1 => Far::Rings(700),
            _ => Far::Answers { rings: 500, answers: 600 + w.net.below(1_500) },
        };
        let first = if w.net.below(2) == 0 { P100 } else { P101 };
        match w.net.below(3) {
            0 => drop(dial(w, first, "0301234567")),
            1 => w.sim_called(CALLER),
            _ => {
                dial(w, P101, "100");
                w.run(0.3);
                if w.stick.call.is_none() {
                    w.sim_called(CALLER);
                }
            }
        }
        let wait = seconds(w, 6_000);
        w.run(wait);
        match w.net.below(3) {
            0 => w.far_ends("104,16"),
            1 => hang_up(w),
            _ => {}
        }
        let wait = seconds(w, 3_000);
        w.run(wait);
        w.far_ends("104,16");
        hang_up(w);
        w.run_until("idle", 70.0, |w| w.stick.call.is_none());
        w.run(5.0);
    }
}

fn seconds(w: &mut World, most: u32) -> f64 {
    f64::from(u32::try_from(w.net.below(u64::from(most))).unwrap()) / 1_000.0
}

/// Everybody who can hang up does.
fn hang_up(w: &mut World) {
    for peer in [P100, P101] {
        for talk in 0..w.peers[peer].talks.len() {
            w.with(peer, |p, now| {
                if p.talks[talk].is_up() {
                    p.bye(talk, now);
                } else if p.talks[talk].ours {
                    p.cancel(talk, now);
                } else {
                    p.decide(talk, 603, now);
                }
            });
        }
    }
}

fn run_seeds(from: u64, to: u64) {
    let (mut bad, mut answered) = (Vec::new(), 0);
    for seed in from..to {
        let result = std::panic::catch_unwind(|| {
            let mut w = home();
            w.net.shake(seed + 1, 10);
            story(&mut w);
            let counters = w.request("counters", serde_json::json!({}));
            w.end();
            counters["result"]["calls_answered"].as_u64().unwrap()
        });
        match result {
            Ok(count) => answered += count,
            Err(_) => bad.push(seed),
        }
    }
    assert!(bad.is_empty(), "seeds that ended wrong: {bad:?}");
    assert!(answered > (to - from) / 2, "hardly any call came about: {answered}");
}

#[test]
fn first_half() {
    run_seeds(0, SEEDS / 2);
}

#[test]
fn second_half() {
    run_seeds(SEEDS / 2, SEEDS);
}
