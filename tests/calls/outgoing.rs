//! A phone calls out.
use super::house::*;
use super::incoming::{CALLER, check_sound};
use super::peer::Answer;
use super::stick::Far;
use super::world::World;

const NUMBER: &str = "0301234567";

#[test]
fn every_arrow_and_the_phone_hangs_up() {
    let mut w = home();
    let t = dial(&mut w, P100, NUMBER);
    w.run(4.5);
    let early = w.peers[P100].talks[t].heard.len();
    assert!(early > 100, "{early} packets of ring-back\n{}", w.story());
    w.run(7.0);
    check_sound(&w, P100, t, 5);
    w.with(P100, |p, now| p.bye(t, now));
    w.run(2.0);
    w.expect_all(&[
        "100 > INVITE",
        "100 < 401 INVITE",
        "100 > ACK",
        "100 > INVITE",
        "stick < ATD0301234567;",
        "stick < AT^DDSETEX=2",
        // RFC 3261 section 17.2.1: after 200 ms without another answer.
        "100 < 100 INVITE",
        "stick > ^ORIG:1,0",
        "stick > ^CONF:1",
        "100 < 183 INVITE",
        "stick > ^CONN:1,0",
        "100 < 200 INVITE",
        "100 > ACK",
        "100 > BYE",
        "100 < 200 BYE",
        "stick < AT+CHUP",
        "stick > ^CEND:1,6,29,16",
    ]);
    w.end();
}

#[test]
fn the_far_side_hangs_up() {
    let mut w = home();
    let t = dial(&mut w, P100, NUMBER);
    w.run(8.0);
    w.forget();
    w.far_ends("104,16");
    w.run(2.0);
    w.expect_all(&["stick > ^CEND:1,2,104,16", "100 < BYE", "100 > 200 BYE"]);
    assert!(w.peers[P100].talks[t].reason.starts_with("Q.850;cause=16"), "{}", w.peers[P100].talks[t].reason);
    w.end();
}

/// DONGLE 3.4: what the network says, what the phone hears.
#[test]
fn causes_reach_the_phone() {
    for (cend, status, cause) in [
        ("104,1", 404, 1),
        ("104,16", 480, 16),
        ("104,17", 486, 17),
        ("104,18", 408, 18),
        ("104,19", 480, 19),
        ("104,21", 603, 21),
        ("104,27", 502, 27),
        ("104,28", 484, 28),
        ("104,34", 503, 34),
        ("104,38", 503, 38),
        ("104,68", 403, 68),
        ("105", 403, 68),
        ("21", 503, 38),
    ] {
        let mut w = home();
        w.stick.far = Far::Ends(2_500, cend);
        let t = dial(&mut w, P100, NUMBER);
        w.run(6.0);
        let talk = &w.peers[P100].talks[t];
        assert_eq!(talk.ended_by, status.to_string(), "{cend}\n{}", w.story());
        assert!(talk.reason.starts_with(&format!("Q.850;cause={cause};")), "{cend}: {}", talk.reason);
        assert_eq!(w.stick.count("AT+CHUP"), 0);
        w.end();
    }
}

#[test]
fn atd_is_refused() {
    for (words, status) in [("+CME ERROR: 30", 503), ("ERROR", 503), ("BUSY", 486), ("NO DIALTONE", 503)] {
        let mut w = home();
        w.stick.far = Far::Refuses(words);
        let t = dial(&mut w, P100, NUMBER);
        w.run(6.0);
        assert_eq!(w.peers[P100].talks[t].ended_by, status.to_string(), "{words}\n{}", w.story());
        w.end();
    }
}

#[test]
fn nobody_takes_it_and_the_network_ends_it() {
    let mut w = home();
    w.stick.far = Far::Rings(1_000);
    let t = dial(&mut w, P100, NUMBER);
    w.run(60.0);
    assert!(!w.peers[P100].talks[t].is_over());
    w.far_ends("104,19");
    w.run(1.0);
    assert_eq!(w.peers[P100].talks[t].ended_by, "480");
    w.end();
}

#[test]
fn a_stick_that_rings_for_ever() {
    let mut w = home();
    w.stick.far = Far::Rings(1_000);
    let t = dial(&mut w, P100, NUMBER);
    w.run(125.0);
    assert_eq!(w.peers[P100].talks[t].ended_by, "480", "{}", w.story());
    assert_eq!(w.stick.count("AT+CHUP"), 1);
    w.end();
}

#[test]
fn cancel_in_every_phase() {
    // Milliseconds after dialling: before ATD, before its OK, before ^ORIG, after it, after 183, just before the answer.
    for wait in [1, 5, 12, 15, 20, 22, 25, 30, 35, 40, 60, 150, 230, 300, 1_000, 1_560, 2_000, 4_990] {
        let mut w = home();
        let t = dial(&mut w, P100, NUMBER);
        w.run(f64::from(wait) / 1_000.0);
        w.with(P100, |p, now| p.cancel(t, now));
        w.run(5.0);
        let talk = &w.peers[P100].talks[t];
        assert_eq!(talk.ended_by, "487", "{wait} ms\n{}", w.story());
        assert!(w.stick.count("ATD") <= 1 && w.stick.count("AT+CHUP") <= 1, "{wait} ms\n{}", w.story());
        assert!(w.stick.call.is_none(), "{wait} ms\n{}", w.story());
        w.end();
    }
}

#[test]
fn a_stick_that_says_nothing_more() {
    let mut w = home();
    w.stick.far = Far::Silent;
    let t = dial(&mut w, P100, NUMBER);
    w.run(3.0);
    w.with(P100, |p, now| p.cancel(t, now));
    w.run(2.0);
    assert_eq!(w.peers[P100].talks[t].ended_by, "487", "{}", w.story());
    w.expect(&["stick < ATD0301234567;", "100 > CANCEL", "stick < AT+CHUP"]);
    w.end();
}

#[test]
fn the_dongle_is_busy() {
    let mut w = home();
    let first = dial(&mut w, P100, NUMBER);
    w.run(7.0);
    let second = dial(&mut w, P101, "0409999");
    w.run(1.0);
    let talk = &w.peers[P101].talks[second];
    assert_eq!(talk.ended_by, "486", "{}", w.story());
    assert!(talk.reason.starts_with("Q.850;cause=17"), "{}", talk.reason);
    assert!(w.peers[P100].talks[first].is_up());
    assert_eq!(w.stick.count("ATD"), 1);
    w.with(P100, |p, now| p.bye(first, now));
    w.run(2.0);
    // And free again.
    let third = dial(&mut w, P101, "0409999");
    w.run(7.0);
    assert!(w.peers[P101].talks[third].is_up(), "{}", w.story());
    w.far_ends("104,16");
    w.end();
}

#[test]
fn no_stick_no_route() {
    let mut w = home();
    let t = dial(&mut w, P100, "55");
    w.run(1.0);
    assert_eq!(w.peers[P100].talks[t].ended_by, "404", "{}", w.story());
    w.pull();
    let t = dial(&mut w, P100, NUMBER);
    w.run(1.0);
    assert_eq!(w.peers[P100].talks[t].ended_by, "503", "{}", w.story());
    assert!(w.peers[P100].talks[t].reason.starts_with("Q.850;cause=38"), "{}", w.peers[P100].talks[t].reason);
    w.end();
}

/// Only an emergency call is tried without a network of ours.
#[test]
fn no_network() {
    let mut w = home();
    w.stick.set_service(false, w.us);
    w.run(1.0);
    let t = dial(&mut w, P100, NUMBER);
    w.run(1.0);
    assert_eq!(w.peers[P100].talks[t].ended_by, "503", "{}", w.story());
    assert_eq!(w.stick.count("ATD"), 0);
    let t = dial(&mut w, P100, "112");
    w.run(7.0);
    assert!(w.peers[P100].talks[t].is_up(), "{}", w.story());
    w.far_ends("104,16");
    w.run(1.0);
    w.stick.set_service(true, w.us);
    w.run(1.0);
    let t = dial(&mut w, P100, NUMBER);
    w.run(7.0);
    assert!(w.peers[P100].talks[t].is_up(), "{}", w.story());
    w.far_ends("104,16");
    w.end();
}

#[test]
fn a_wrong_password_never_gets_through() {
    let mut w = home();
    w.peers[P100].secret = "geheimer".to_owned();
    let t = dial(&mut w, P100, NUMBER);
    w.run(3.0);
    assert_eq!(w.peers[P100].talks[t].ended_by, "401", "{}", w.story());
    w.with(P100, |p, now| p.register(3_600, now));
    w.run(3.0);
    assert_eq!(w.peers[P100].register_status, 401);
    assert_eq!(w.stick.count("ATD"), 0);
    w.end();
}

/// A proof that was heard on the wire is not good a second time.
#[test]
fn a_proof_is_not_used_twice() {
    let mut w = home();
    w.stick.far = Far::Ends(1_000, "104,17");
    let t = dial(&mut w, P100, NUMBER);
    w.run(3.0);
    let heard = w.peers[P100].talks[t].invite.clone();
    assert!(!heard.get("Authorization").is_empty());
    w.with(P101, |p, now| p.replay(&heard, now));
    w.run(3.0);
    assert_eq!(w.peers[P101].talks[0].ended_by, "401", "{}", w.story());
    assert_eq!(w.stick.count("ATD"), 1, "{}", w.story());
    w.end();
}

#[test]
fn who_is_not_named_does_not_get_out_by_a_trunk() {
    for (caller, named) in [("+4930111", true), ("+4930112", false), ("anonymous", false)] {
        let mut w = home_with(
            &format!("{CONFIG}{TRUNK}").replace("option inbound '100'\nconfig route 'by", "config route 'by"),
        );
        let from = format!("<sip:{caller}@sip.example.com>");
        let t = w.with(PROVIDER, |p, now| p.call("sip:0030123@198.51.100.7:5060", &from, now));
        w.run(8.0);
        assert_eq!(w.peers[PROVIDER].talks[t].is_up(), named, "{caller}\n{}", w.story());
        if named {
            w.expect(&["stick < ATD030123;", "stick > ^CONN:1,0", "provider < 200 INVITE", "provider > ACK"]);
            check_sound(&w, PROVIDER, t, 2);
            w.far_ends("104,16");
            w.run(1.0);
        } else {
            assert_eq!(w.peers[PROVIDER].talks[t].ended_by, "403", "{caller}\n{}", w.story());
            assert_eq!(w.stick.count("ATD"), 0);
        }
        // A stranger gets no line for an emergency number either.
        if caller == "anonymous" {
            let t = w.with(PROVIDER, |p, now| p.call("sip:112@198.51.100.7:5060", &from, now));
            w.run(3.0);
            assert!(w.peers[PROVIDER].talks[t].is_over() || w.stick.count("ATD") == 0, "{}", w.story());
            w.with(PROVIDER, |p, now| p.cancel(t, now));
        }
        w.end();
    }
}

#[test]
fn emergency_numbers_go_out_untouched() {
    let mut w = home();
    let t = dial(&mut w, P100, "112");
    w.run(7.0);
    w.expect(&["stick < ATD112;", "stick > ^CONN:1,0", "100 < 200 INVITE"]);
    assert_eq!(w.stick.count("ATD"), 1);
    check_sound(&w, P100, t, 1);
    w.far_ends("104,16");
    w.end();
}

#[test]
fn an_emergency_call_takes_the_line() {
    // The line is: talking, dialling, ringing.
    for phase in ["talking", "dialling", "ringing"] {
        let mut w = home();
        w.peers[P100].answer = Answer::Rings;
        match phase {
            "talking" => {
                dial(&mut w, P100, NUMBER);
                w.run(7.0);
            }
            "dialling" => {
                w.stick.far = Far::Rings(1_000);
                dial(&mut w, P100, NUMBER);
                w.run(3.0);
            }
            _ => {
                w.sim_called(CALLER);
                w.run(2.0);
            }
        }
        w.stick.far = Far::Answers { rings: 500, answers: 2_000 };
        let t = dial(&mut w, P101, "112");
        w.run(6.0);
        w.expect(&["stick < AT+CHUP", "stick < ATD112;", "stick > ^CONN:1,0", "101 < 200 INVITE"]);
        assert!(w.peers[P101].talks[t].is_up(), "{phase}\n{}", w.story());
        assert!(w.peers[P100].talks[0].is_over(), "{phase}\n{}", w.story());
        // Nobody takes it from him.
        let other = dial(&mut w, P100, "112");
        w.run(1.0);
        assert_eq!(w.peers[P100].talks[other].ended_by, "486", "{phase}\n{}", w.story());
        w.far_ends("104,16");
        w.end();
    }
}

#[test]
fn no_codec_in_common() {
    let mut w = home();
    w.peers[P100].codecs = vec![18, 9];
    let t = dial(&mut w, P100, NUMBER);
    w.run(1.0);
    assert_eq!(w.peers[P100].talks[t].ended_by, "488", "{}", w.story());
    assert_eq!(w.stick.count("ATD"), 0);
    w.end();
}

#[test]
fn an_invite_without_an_offer_gets_ours() {
    let mut w = home();
    w.peers[P100].late_offer = true;
    let t = dial(&mut w, P100, NUMBER);
    w.run(12.0);
    w.expect(&["stick > ^CONF:1", "100 < 180 INVITE", "stick > ^CONN:1,0", "100 < 200 INVITE", "100 > ACK"]);
    assert!(!w.peers[P100].talks[t].early);
    check_sound(&w, P100, t, 5);
    w.with(P100, |p, now| p.bye(t, now));
    w.end();
}

/// Inside the house no dongle is needed.
#[test]
fn a_phone_calls_another_one() {
    let mut w = home();
    let t = dial(&mut w, P100, "101");
    w.run(6.0);
    w.expect(&[
        "101 < INVITE",
        "101 > 180 INVITE",
        "100 < 180 INVITE",
        "101 > 200 INVITE",
        "100 < 200 INVITE",
        "100 > ACK",
    ]);
    let from = w.peers[P101].talks[0].invite.get("From").to_owned();
    assert!(from.starts_with("\"Kitchen\" <sip:100@"), "{from}");
    let heard = |w: &World, p: usize| w.peers[p].talks[0].heard.len();
    assert!(heard(&w, P100) > 100 && heard(&w, P101) > 100);
    w.with(P101, |p, now| p.bye(0, now));
    w.run(1.0);
    assert_eq!(w.peers[P100].talks[t].ended_by, "BYE");
    w.end();
}

#[test]
fn a_call_by_the_trunk() {
    let mut w = home_with(&format!("{CONFIG}{TRUNK}"));
    let t = dial(&mut w, P100, "99040123");
    w.run(8.0);
    w.expect(&[
        "provider < INVITE",
        "provider > 407 INVITE",
        "provider < INVITE",
        "provider > 200 INVITE",
        "100 < 200 INVITE",
    ]);
    assert_eq!(w.peers[PROVIDER].talks[0].invite.uri(), "sip:040123@sip.example.com");
    assert!(w.peers[P100].talks[t].heard.len() > 100);
    w.with(PROVIDER, |p, now| p.bye(0, now));
    w.run(1.0);
    assert_eq!(w.peers[P100].talks[t].ended_by, "BYE");
    w.end();
}

/// What the provider says before the answer is heard.
#[test]
fn early_sound_of_the_trunk() {
    let mut w = home_with(&format!("{CONFIG}{TRUNK}"));
    w.peers[PROVIDER].early = true;
    let t = dial(&mut w, P100, "99040123");
    w.run(2.5);
    w.expect(&["provider > 183 INVITE", "100 < 183 INVITE"]);
    let early = w.peers[P100].talks[t].heard.len();
    assert!(early > 100, "{early}\n{}", w.story());
    assert!(!w.peers[P100].talks[t].is_up());
    w.run(3.0);
    w.expect(&["provider > 200 INVITE", "100 < 200 INVITE"]);
    w.with(P100, |p, now| p.bye(t, now));
    w.run(1.0);
    assert_eq!(w.peers[PROVIDER].talks[0].ended_by, "BYE");
    w.end();
}

#[test]
fn the_trunk_is_busy_or_gone() {
    for (answer, status) in [
        (Answer::Refuse(486, 300), "486"),
        (Answer::Refuse(404, 0), "404"),
        (Answer::Refuse(480, 300), "480"),
        (Answer::Gone, "503"),
    ] {
        let mut w = home_with(&format!("{CONFIG}{TRUNK}"));
        w.peers[PROVIDER].answer = answer;
        let t = dial(&mut w, P100, "99040123");
        w.run(40.0);
        let ended = &w.peers[P100].talks[t].ended_by;
        // Nobody there in time has more than one right name.
        let right =
            ended == status || answer == Answer::Gone && ["408", "480", "504"].contains(&ended.as_str());
        assert!(right, "{ended}\n{}", w.story());
        w.end();
    }
}
