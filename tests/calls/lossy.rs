//! The whole story again and again, each time with one message lost, doubled, late or behind the next one.
use super::house::*;
use super::incoming::CALLER;
use super::net::{Fault, Rule};
use super::world::World;

/// The SIM is called, the phone answers; then `end`.
fn call_in(w: &mut World, phone_ends: bool) {
    w.peers[P100].answer = super::peer::Answer::After(1_000);
    w.sim_called(CALLER);
    w.run_until("answered", 40.0, |w| w.stick.call.as_ref().is_some_and(|c| c.stat == 0));
    w.run_until("acknowledged", 10.0, |w| w.peers[P100].talks[0].acked);
    w.run(1.5);
    assert_eq!(w.peers[P100].talks.len(), 1, "one INVITE, one dialog\n{}", w.story());
    if phone_ends {
        w.with(P100, |p, now| p.bye(0, now));
    } else {
        w.far_ends("104,16");
    }
    w.run_until("over", 40.0, |w| w.stick.is_idle() && w.peers[P100].talks[0].is_over());
    w.run(1.0);
    assert_eq!((w.stick.count("ATA"), w.stick.count("ATD")), (1, 0), "{}", w.story());
    assert_eq!(w.stick.count("AT+CHUP"), usize::from(phone_ends), "{}", w.story());
    let by = if phone_ends { "us" } else { "BYE" };
    assert_eq!(w.peers[P100].talks[0].ended_by, by, "{}", w.story());
    assert_eq!(w.peers[P100].talks.len(), 1, "{}", w.story());
}

/// The phone dials, the far side answers; then `end`.
fn call_out(w: &mut World, phone_ends: bool) {
    w.stick.far = super::stick::Far::Answers { rings: 700, answers: 1_500 };
    let t = dial(w, P100, "0301234567");
    w.run_until("answered", 40.0, |w| w.peers[P100].talks[t].is_up());
    w.run(1.5);
    if phone_ends {
        w.with(P100, |p, now| p.bye(t, now));
    } else {
        w.far_ends("104,16");
    }
    w.run_until("over", 40.0, |w| w.stick.is_idle() && w.peers[P100].talks[t].is_over());
    w.run(1.0);
    assert_eq!((w.stick.count("ATA"), w.stick.count("ATD")), (0, 1), "{}", w.story());
    assert_eq!(w.stick.count("AT+CHUP"), usize::from(phone_ends), "{}", w.story());
    let talk = &w.peers[P100].talks[t];
    assert_eq!(talk.ended_by, if phone_ends { "us" } else { "BYE" }, "{}", w.story());
    assert_eq!(talk.status, 200);
}

/// A call that is held, dials a digit by INFO, and goes on.
fn call_held(w: &mut World, phone_ends: bool) {
    w.peers[P100].events = false;
    w.stick.far = super::stick::Far::Answers { rings: 300, answers: 600 };
    let t = dial(w, P100, "0301234567");
    w.run_until("answered", 40.0, |w| w.peers[P100].talks[t].is_up());
    w.run(0.5);
    for direction in ["sendonly", "sendrecv"] {
        loop {
            w.with(P100, |p, now| p.reinvite(t, direction, true, now));
            w.run_until("held or resumed", 20.0, |w| w.peers[P100].talks[t].last_status != 0);
            if w.peers[P100].talks[t].last_status == 200 {
                break;
            }
            // RFC 3261 section 14.1: the ACK before it has not come yet, again later.
            assert_eq!(w.peers[P100].talks[t].last_status, 491, "{}", w.story());
            w.run(2.1);
        }
        w.run(0.3);
    }
    assert_eq!(w.peers[P100].talks[t].their_direction(), "sendrecv");
    w.with(P100, |p, now| p.info(t, '7', now));
    w.run(8.0);
    assert_eq!(w.stick.count("AT^DTMF=1,7"), 1, "{}", w.story());
    if phone_ends {
        w.with(P100, |p, now| p.bye(t, now));
    } else {
        w.far_ends("104,16");
    }
    w.run_until("over", 40.0, |w| w.stick.is_idle() && w.peers[P100].talks[t].is_over());
}

/// The SIM is called and a number behind the provider rings, which wants a password.
fn in_and_out_by_the_trunk(w: &mut World, trunk_ends: bool) {
    w.peers[PROVIDER].answer = super::peer::Answer::After(1_000);
    w.sim_called(CALLER);
    w.run_until("answered", 40.0, |w| w.stick.call.as_ref().is_some_and(|c| c.stat == 0));
    w.run_until("acknowledged", 10.0, |w| w.peers[PROVIDER].talks[0].acked);
    w.run(1.5);
    if trunk_ends {
        w.with(PROVIDER, |p, now| p.bye(0, now));
    } else {
        w.far_ends("104,16");
    }
    w.run_until("over", 40.0, |w| w.stick.is_idle() && w.peers[PROVIDER].talks[0].is_over());
    w.run(1.0);
    assert_eq!(
        (w.stick.count("ATA"), w.stick.count("AT+CHUP")),
        (1, usize::from(trunk_ends)),
        "{}",
        w.story()
    );
    assert_eq!(w.peers[PROVIDER].talks.len(), 1, "{}", w.story());
    assert_eq!(w.peers[PROVIDER].talks[0].ended_by, if trunk_ends { "us" } else { "BYE" }, "{}", w.story());
}

/// One phone calls the other.
fn inside(w: &mut World, caller_ends: bool) {
    w.peers[P101].answer = super::peer::Answer::After(800);
    let t = dial(w, P100, "101");
    let up = |w: &World, p: usize| w.peers[p].talks.iter().any(super::talk::Talk::is_up);
    w.run_until("answered", 40.0, |w| up(w, P100) && up(w, P101));
    w.run(1.0);
    assert_eq!(w.peers[P101].talks.len(), 1, "{}", w.story());
    if caller_ends {
        w.with(P100, |p, now| p.bye(t, now));
    } else {
        w.with(P101, |p, now| p.bye(0, now));
    }
    w.run_until("over", 40.0, |w| !up(w, P100) && !up(w, P101));
    assert_eq!(w.peers[P100].talks[t].status, 200);
}

fn trunk_home() -> World {
    let inbound = "option inbound '100'\n\toption number";
    let config = CONFIG.replace(inbound, "option inbound 'provider/+919876543210'\n\toption number");
    home_with(&format!("{config}{TRUNK}"))
}

pub fn each_message(start: fn() -> World, story: fn(&mut World, bool), who_ends: bool, least: usize) {
    let mut clean = start();
    story(&mut clean, who_ends);
    let seen = clean.net.seen.clone();
    clean.end();
    assert!(seen.len() >= least, "{seen:?}");
    let mut bad = Vec::new();
    for (way, kind, nth) in seen {
        for fault in [Fault::Lose, Fault::Double, Fault::Swap, Fault::Delay(700)] {
            let rule = Rule { way, kind: kind.clone(), nth, fault };
            let tried = rule.clone();
            let result = std::panic::catch_unwind(move || {
                let mut w = start();
                w.net.rules = vec![tried];
                story(&mut w, who_ends);
                w.end();
            });
            if result.is_err() {
                bad.push(rule);
            }
        }
    }
    assert!(bad.is_empty(), "{} ended wrong: {bad:#?}", bad.len());
}

#[test]
fn in_and_the_phone_hangs_up() {
    each_message(home, call_in, true, 6);
}

#[test]
fn in_and_the_caller_hangs_up() {
    each_message(home, call_in, false, 6);
}

#[test]
fn out_and_the_phone_hangs_up() {
    each_message(home, call_out, true, 10);
}

#[test]
fn out_and_the_far_side_hangs_up() {
    each_message(home, call_out, false, 10);
}

#[test]
fn held_and_the_phone_hangs_up() {
    each_message(home, call_held, true, 18);
}

#[test]
fn held_and_the_far_side_hangs_up() {
    each_message(home, call_held, false, 18);
}

#[test]
fn by_the_trunk_and_the_trunk_hangs_up() {
    each_message(trunk_home, in_and_out_by_the_trunk, true, 8);
}

#[test]
fn by_the_trunk_and_the_caller_hangs_up() {
    each_message(trunk_home, in_and_out_by_the_trunk, false, 8);
}

#[test]
fn inside_and_the_caller_hangs_up() {
    each_message(home, inside, true, 12);
}

#[test]
fn inside_and_the_called_hangs_up() {
    each_message(home, inside, false, 12);
}

/// Ways so long that everything is repeated before its answer is there.
#[test]
fn a_slow_network() {
    for delay in [120_000, 260_000, 600_000, 1_100_000] {
        for story in [call_in, call_out, inside] {
            for who_ends in [true, false] {
                let mut w = home();
                w.net.delay = delay;
                story(&mut w, who_ends);
                w.net.delay = 5_000;
                w.end();
            }
        }
    }
}

/// A 200 whose ACK never comes ends the call, and the far side is not left in it.
#[test]
fn an_ack_that_never_comes() {
    let mut w = home();
    for nth in 2..40 {
        w.net.rules.push(Rule {
            way: super::net::Way::ToSwitch,
            kind: "ACK".to_owned(),
            nth,
            fault: Fault::Lose,
        });
    }
    let t = dial(&mut w, P100, "0301234567");
    w.run(45.0);
    assert!(w.count("100 < 200 INVITE") >= 8, "{}", w.story());
    w.expect(&["100 < 200 INVITE", "100 < BYE", "stick < AT+CHUP"]);
    assert_eq!(w.peers[P100].talks[t].ended_by, "BYE");
    w.end();
}

/// The phone vanishes in a call: our BYE is repeated, then given up.
#[test]
fn a_bye_that_nobody_answers() {
    let mut w = home();
    w.sim_called(CALLER);
    w.run(6.0);
    w.peers[P100].answer = super::peer::Answer::Gone;
    w.peers[P100].talks[0].next_rtp = None;
    w.far_ends("104,16");
    w.run(40.0);
    assert!(w.count("100 < BYE") >= 8, "{}", w.story());
    w.end();
}
