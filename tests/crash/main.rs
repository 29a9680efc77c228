//! Proof that nothing is lost: the story of some texts, with a crash at its n-th operation, for every n, and every disk
//! that the crash can leave. An operation is a system call of the disk, a command of the stick, its answer, a try at the mail server, its reply.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod disk;
mod stick;
mod story;
mod trouble;
mod world;

use story::{END, at, ended_well, world};

/// Disks tried for one crash; the rest of a larger number is skipped evenly.
const OUTCOMES: usize = 24;

/// Shown by a plain `cargo test` too, which keeps what is printed of tests that pass.
fn tell(words: &str) {
    use std::io::Write as _;
    std::io::stderr().lock().write_all(format!("{words}\n").as_bytes()).unwrap();
}

#[test]
fn without_a_crash() {
    let mut world = world();
    world.live(at(END)).unwrap();
    ended_well(&world, "no crash");
    assert_eq!(world.accepted().values().max(), Some(&1));
    assert_eq!(world.tries, 5, "one failure and four texts");
}

#[test]
fn a_crash_at_every_operation() {
    let total = {
        let mut world = world();
        world.live(at(END)).unwrap();
        world.operations
    };
    let (mut points, mut runs) = (0, 0);
    for n in 0..total {
        points += 1;
        let mut outcome = 0;
        loop {
            let mut world = world();
            world.crash_after(Some(n));
            let Err(_) = world.live(at(END)) else { break };
            let outcomes = world.disk.outcomes();
            world.fall(outcome);
            let context = format!("crash at {n}, disk {outcome}");
            world.live(at(END)).unwrap_or_else(|_| unreachable!("{context}: one crash was ordered"));
            ended_well(&world, &context);
            runs += 1;
            outcome += 1.max(outcomes / OUTCOMES);
            if outcome >= outcomes {
                break;
            }
        }
    }
    tell(&format!("crash points tried: {points}, disks left by them: {runs}"));
    assert!(points > 200, "the story has become too short: {points} operations");
}

#[test]
fn a_second_crash_while_recovering() {
    let mut runs = 0;
    for first in (0..420).step_by(4) {
        for second in (0..120).step_by(4) {
            let mut world = world();
            world.crash_after(Some(first));
            if world.live(at(END)).is_ok() {
                continue;
            }
            let outcomes = world.disk.outcomes();
            world.fall((first + second) % outcomes);
            world.crash_after(Some(second));
            if world.live(at(END)).is_err() {
                let outcomes = world.disk.outcomes();
                world.fall((first * second) % outcomes);
                world.live(at(END)).unwrap();
            }
            ended_well(&world, &format!("crashes at {first} and {second}"));
            runs += 1;
        }
    }
    tell(&format!("pairs of crashes tried: {runs}"));
    assert!(runs > 2_000, "{runs}");
}
