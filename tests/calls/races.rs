//! Two things at once, in each order.
use super::house::*;
use super::incoming::{CALLER, check_sound};
use super::peer::Answer;
use super::stick::Far;
use super::world::World;

const NUMBER: &str = "0301234567";
/// Milliseconds by which the second thing comes before or after the first; both ways through net and stick lie within.
const OFFSETS: [i32; 19] = [-400, -60, -30, -21, -16, -12, -9, -6, -3, 0, 3, 6, 9, 12, 16, 21, 30, 60, 400];

/// At `seconds`, shifted by `ms`.
fn at(w: &mut World, seconds: f64, ms: i32, what: impl FnOnce(&mut World) + 'static) {
    w.at(seconds + f64::from(ms) / 1_000.0, what);
}

fn answers(w: &mut World) {
    w.with(P100, |p, now| p.decide(0, 200, now));
}

/// The caller gives up while the phone answers: our CANCEL crosses its 200.
#[test]
fn cancel_against_200() {
    for ms in OFFSETS {
        let mut w = home();
        w.peers[P100].answer = Answer::Rings;
        w.sim_called(CALLER);
        at(&mut w, 2.0, 0, answers);
        at(&mut w, 2.0, ms, |w| w.far_ends("104,16"));
        w.run(6.0);
        let talk = &w.peers[P100].talks[0];
        assert!(talk.is_over(), "{ms} ms\n{}", w.story());
        assert!(["CANCEL", "BYE"].contains(&talk.ended_by.as_str()), "{ms} ms\n{}", w.story());
        if talk.ended_by == "BYE" {
            assert!(talk.acked, "{ms} ms\n{}", w.story());
        }
        w.end();
    }
}

/// The phone gives up while the far side answers.
#[test]
fn cancel_against_the_answer_of_the_far_side() {
    for ms in OFFSETS {
        let mut w = home();
        w.stick.far = Far::Rings(500);
        let t = dial(&mut w, P100, NUMBER);
        at(&mut w, 3.0, 0, |w| w.stick.far_answers(w.us));
        at(&mut w, 3.0, ms, move |w| {
            w.with(P100, |p, now| p.cancel(t, now));
        });
        w.run(4.0);
        if w.peers[P100].talks[t].is_up() {
            w.with(P100, |p, now| p.bye(t, now));
            w.run(2.0);
        }
        let talk = &w.peers[P100].talks[t];
        assert!(talk.is_over() && w.stick.call.is_none(), "{ms} ms\n{}", w.story());
        assert_eq!(w.stick.count("AT+CHUP"), 1, "{ms} ms\n{}", w.story());
        w.end();
    }
}

#[test]
fn bye_against_cend() {
    for outgoing in [true, false] {
        for ms in OFFSETS {
            let mut w = home();
            if outgoing {
                dial(&mut w, P100, NUMBER);
            } else {
                w.sim_called(CALLER);
            }
            at(&mut w, 8.0, 0, |w| w.with(P100, |p, now| p.bye(0, now)));
            at(&mut w, 8.0, ms, |w| w.far_ends("104,16"));
            w.run(12.0);
            assert!(w.peers[P100].talks[0].is_over() && w.stick.call.is_none(), "{ms} ms\n{}", w.story());
            assert!(w.stick.count("AT+CHUP") <= 1, "{ms} ms\n{}", w.story());
            w.end();
        }
    }
}

/// `tandem hangup` and the phone.
#[test]
fn bye_against_bye() {
    for ms in OFFSETS {
        let mut w = home();
        dial(&mut w, P100, NUMBER);
        at(&mut w, 8.0, 0, |w| w.with(P100, |p, now| p.bye(0, now)));
        at(&mut w, 8.0, ms, |w| {
            w.request("hangup", serde_json::json!({"call": "all"}));
        });
        w.run(12.0);
        assert!(w.peers[P100].talks[0].is_over() && w.stick.call.is_none(), "{ms} ms\n{}", w.story());
        assert_eq!(w.stick.count("AT+CHUP"), 1, "{ms} ms\n{}", w.story());
        w.end();
    }
}

/// 101 dials while somebody calls the SIM, which is for 100.
#[test]
fn ring_against_atd() {
    for ms in OFFSETS {
        let mut w = home();
        w.peers[P100].answer = Answer::After(1_500);
        at(&mut w, 1.0, 0, |w| {
            dial(w, P101, NUMBER);
        });
        at(&mut w, 1.0, ms, |w| {
            // A caller whom the network tells busy is nobody's concern.
            if w.stick.call.is_none() {
                w.sim_called(CALLER);
            }
        });
        w.run(12.0);
        let dialled = w.peers[P101].talks[0].is_up();
        let called = w.peers[P100].talks.iter().any(|t| t.is_up());
        assert!(dialled ^ called, "{ms} ms: {dialled} {called}\n{}", w.story());
        if called {
            check_sound(&w, P100, 0, 1);
            let refused = &w.peers[P101].talks[0].ended_by;
            assert!(["486", "503", "480"].contains(&refused.as_str()), "{ms} ms\n{}", w.story());
        }
        w.far_ends("104,16");
        w.run(3.0);
        w.end();
    }
}

/// The far side answers and hangs up before our 200 has reached the phone, or its ACK us.
#[test]
fn cend_while_the_200_is_on_its_way() {
    for ms in [0, 1, 4, 6, 9, 11, 14, 16, 20] {
        let mut w = home();
        w.stick.far = Far::Rings(500);
        let t = dial(&mut w, P100, NUMBER);
        at(&mut w, 3.0, 0, |w| w.stick.far_answers(w.us));
        at(&mut w, 3.0, ms, |w| w.far_ends("104,16"));
        w.run(8.0);
        assert!(w.peers[P100].talks[t].is_over(), "{ms} ms\n{}", w.story());
        assert!(w.stick.call.is_none());
        // RFC 3261 section 15: the called side says no BYE before it has the ACK.
        if w.count("stick > ^CONN:1,0") > 0 {
            w.expect(&["100 < 200 INVITE", "100 > ACK", "100 < BYE"]);
        }
        w.end();
    }
}

fn works_again(w: &mut World) {
    w.plug();
    w.forget();
    w.stick.far = Far::Answers { rings: 500, answers: 1_000 };
    let t = dial(w, P100, NUMBER);
    w.run(5.0);
    assert!(w.peers[P100].talks[t].is_up(), "{}", w.story());
    check_sound(w, P100, t, 2);
    w.with(P100, |p, now| p.bye(t, now));
    w.run(2.0);
}

#[test]
fn the_stick_is_pulled_while_a_phone_rings() {
    let mut w = home();
    w.peers[P100].answer = Answer::Rings;
    w.sim_called(CALLER);
    w.run(3.0);
    w.pull();
    w.run(1.0);
    w.expect(&["stick pulled", "100 < CANCEL", "100 > 487 INVITE", "100 < ACK"]);
    w.end();
}

#[test]
fn the_stick_is_pulled_while_it_dials() {
    for seconds in [0.03, 0.5, 3.0] {
        let mut w = home();
        let t = dial(&mut w, P100, NUMBER);
        w.run(seconds);
        w.pull();
        w.run(1.0);
        assert_eq!(w.peers[P100].talks[t].ended_by, "503", "{}", w.story());
        assert!(w.peers[P100].talks[t].reason.starts_with("Q.850;cause=38"));
        works_again(&mut w);
        w.end();
    }
}

#[test]
fn the_stick_is_pulled_in_a_call() {
    for outgoing in [true, false] {
        let mut w = home();
        if outgoing {
            dial(&mut w, P100, NUMBER);
        } else {
            w.sim_called(CALLER);
        }
        w.run(8.0);
        assert!(w.peers[P100].talks[0].is_up(), "{}", w.story());
        w.pull();
        w.run(1.0);
        let talk = &w.peers[P100].talks[0];
        assert_eq!(talk.ended_by, "BYE", "{}", w.story());
        assert!(talk.reason.starts_with("Q.850;cause=38"), "{}", talk.reason);
        works_again(&mut w);
        w.end();
    }
}

fn by_tcp(w: &mut World) {
    w.with(P100, |p, now| p.register(0, now));
    w.run(1.0);
    w.connect(P100);
    w.with(P100, |p, now| p.register(3_600, now));
    w.run(1.0);
}

/// The sound goes on; the phone comes back and hangs up.
#[test]
fn the_connection_is_lost_in_a_call() {
    let mut w = home();
    by_tcp(&mut w);
    let t = dial(&mut w, P100, NUMBER);
    w.run(8.0);
    assert!(w.peers[P100].talks[t].is_up(), "{}", w.story());
    w.disconnect(P100);
    w.run(3.0);
    check_sound(&w, P100, t, 3);
    w.connect(P100);
    w.with(P100, |p, now| p.register(3_600, now));
    w.run(1.0);
    w.with(P100, |p, now| p.bye(t, now));
    w.run(2.0);
    w.expect(&["100 connection lost", "100 > BYE", "100 < 200 BYE", "stick < AT+CHUP"]);
    w.end();
}

/// The phone comes back, and the far side hangs up: the BYE finds the new connection.
#[test]
fn a_bye_finds_the_new_connection() {
    let mut w = home();
    by_tcp(&mut w);
    let t = dial(&mut w, P100, NUMBER);
    w.run(8.0);
    w.disconnect(P100);
    w.run(1.0);
    w.connect(P100);
    w.with(P100, |p, now| p.register(3_600, now));
    w.run(1.0);
    w.far_ends("104,16");
    w.run(2.0);
    assert_eq!(w.peers[P100].talks[t].ended_by, "BYE", "{}", w.story());
    w.end();
}

/// It stays away: nothing is left of its call when the far side hangs up.
#[test]
fn the_connection_is_lost_for_good() {
    for ringing in [true, false] {
        let mut w = home();
        by_tcp(&mut w);
        w.stick.far = if ringing { Far::Rings(500) } else { Far::Answers { rings: 500, answers: 1_000 } };
        dial(&mut w, P100, NUMBER);
        w.run(5.0);
        w.disconnect(P100);
        w.peers[P100].answer = Answer::Gone;
        w.peers[P100].talks[0].next_rtp = None;
        w.run(2.0);
        if ringing {
            assert_eq!(w.stick.count("AT+CHUP"), 1, "{}", w.story());
        } else {
            w.far_ends("104,16");
        }
        w.end();
    }
}

#[test]
fn a_call_survives_that_its_phone_leaves_the_configuration() {
    let mut w = home();
    let t = dial(&mut w, P101, NUMBER);
    w.run(7.0);
    let at = CONFIG.find("config extension '101'").unwrap();
    let end = CONFIG.find("config route 'emergency_trap'").unwrap();
    w.reload(&format!("{}{}", &CONFIG[..at], &CONFIG[end..]));
    w.run(5.0);
    assert!(w.peers[P101].talks[t].is_up(), "{}", w.story());
    check_sound(&w, P101, t, 5);
    w.with(P101, |p, now| p.bye(t, now));
    w.run(2.0);
    assert_eq!(w.stick.count("AT+CHUP"), 1);
    // The next one is not let in.
    let t = dial(&mut w, P101, NUMBER);
    w.run(2.0);
    assert_eq!(w.peers[P101].talks[t].ended_by, "401", "{}", w.story());
    w.end();
}

#[test]
fn one_call_too_many_gets_503() {
    let many = "config sip 'sip'\n\toption rtp_ports '10000-10999'\n";
    let mut w = home_with(&format!("{CONFIG}{many}"));
    w.peers[P101].answer = Answer::Rings;
    let calls = tandem::util::limits::CALLS;
    for _ in 0..calls {
        dial(&mut w, P100, "101");
        w.run(0.05);
    }
    w.run(1.0);
    assert!(
        w.peers[P100].talks.iter().all(|t| !t.is_over()),
        "{}",
        w.peers[P100].talks.iter().filter(|t| t.is_over()).count()
    );
    let t = dial(&mut w, P100, "101");
    w.run(1.0);
    assert_eq!(w.peers[P100].talks[t].ended_by, "503");
    assert!(w.peers[P100].responses.iter().any(|r| r.status() == 503 && !r.get("Retry-After").is_empty()));
    // An emergency call has its place all the same.
    let urgent = dial(&mut w, P100, "112");
    w.run(7.0);
    assert!(w.peers[P100].talks[urgent].is_up());
    w.far_ends("104,16");
    for t in 0..calls {
        w.with(P100, |p, now| p.cancel(t, now));
    }
    w.end();
}

/// The provider's connection breaks in a call; it is made again, and the BYE finds it.
#[test]
fn the_connection_of_a_trunk_is_lost_in_a_call() {
    let config = format!("{CONFIG}{TRUNK}")
        .replace("option register '1'", "option register '1'\n\toption transport 'tcp'");
    let mut w = home_with(&config);
    assert!(w.peers[PROVIDER].tcp.is_some());
    let t = dial(&mut w, P100, "99040123");
    w.run(6.0);
    assert!(w.peers[P100].talks[t].is_up(), "{}", w.story());
    w.disconnect(PROVIDER);
    w.run(40.0);
    assert!(w.peers[PROVIDER].tcp.is_some(), "{}", w.story());
    w.with(P100, |p, now| p.bye(t, now));
    w.run(2.0);
    assert_eq!(w.peers[PROVIDER].talks[0].ended_by, "BYE", "{}", w.story());
    w.end();
}

/// Every prefix and every changed octet of real messages, from a stranger and from a phone's own address, in a call.
#[test]
fn damaged_messages_do_no_harm() {
    let mut w = home();
    let t = dial(&mut w, P100, NUMBER);
    w.run(8.0);
    let talk = &w.peers[P100].talks[t];
    let mut messages = vec![talk.invite.to_bytes()];
    messages.extend(w.peers[P100].responses.iter().map(super::text::Msg::to_bytes));
    let mut random = 12_345_u32;
    for message in &messages {
        for at in 0..message.len() {
            w.stranger_sends(&message[..at]);
            let mut changed = message.clone();
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            changed[at] ^= random.to_le_bytes()[3] | 1;
            w.stranger_sends(&changed);
            let from = w.peers[P100].talks[t].rtp_at;
            let (port, now) = (w.peers[P100].talks[t].rtp_to.unwrap().port(), w.now());
            w.switch.handle_rtp(port, from, &mut changed[at..].to_vec(), now);
        }
    }
    w.run(3.0);
    assert!(w.peers[P100].talks[t].is_up(), "{}", w.story());
    assert_eq!(w.stick.count("ATD"), 1);
    check_sound(&w, P100, t, 1);
    w.with(P100, |p, now| p.bye(t, now));
    w.end();
}
