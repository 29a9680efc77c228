//! Transfer, and calls that are taken over: REFER, Replaces, the pickup code.
use super::house::*;
use super::incoming::{CALLER, check_sound};
use super::lossy::each_message;
use super::peer::Answer;
use super::text::tag_of;
use super::world::World;
use serde_json::json;

const P102: usize = 2;

fn three() -> World {
    let mut w = home_with(&format!("{CONFIG}config extension '102'\n\toption secret 'geheimst'\n"));
    w.peers.push(phone("102", "geheimst", 102));
    w.with(P102, |p, now| p.register(3_600, now));
    w.run(1.0);
    for peer in &mut w.peers {
        peer.answer = Answer::After(500);
    }
    w.forget();
    w.net.seen.clear();
    w
}

/// 100 talks to 101.
fn two_talk() -> World {
    let mut w = three();
    dial(&mut w, P100, "101");
    w.run(2.0);
    assert!(w.peers[P101].talks[0].is_up(), "{}", w.story());
    w
}

/// What `phone` was told of its transfer: state and status line.
fn told(w: &World, phone: usize) -> Vec<(String, String)> {
    let notes = w.peers[phone].requests.iter().filter(|r| r.method() == "NOTIFY");
    notes
        .map(|n| {
            assert_eq!(n.get("Event"), "refer");
            assert!(n.get("Content-Type").starts_with("message/sipfrag"), "{}", n.get("Content-Type"));
            (n.get("Subscription-State").to_owned(), n.body.trim_end().to_owned())
        })
        .collect()
}

fn went(status: &str) -> Vec<(String, String)> {
    vec![
        ("active;expires=180".to_owned(), "SIP/2.0 100 Trying".to_owned()),
        ("terminated;reason=noresource".to_owned(), format!("SIP/2.0 {status}")),
    ]
}

/// `Replaces` of this talk, as it stands in a URI.
fn escaped(w: &World, phone: usize, talk: usize) -> String {
    let t = &w.peers[phone].talks[talk];
    format!("{}%3Bto-tag%3D{}%3Bfrom-tag%3D{}", t.call_id, tag_of(&t.remote), tag_of(&t.local))
}

/// Both are in one call and hear each other.
#[track_caller]
fn talk_together(w: &mut World, a: (usize, usize), b: (usize, usize)) {
    for (peer, talk) in [a, b] {
        assert!(w.peers[peer].talks[talk].is_up(), "{peer} {talk}\n{}", w.story());
    }
    let heard = |w: &World| [a, b].map(|(peer, talk)| w.peers[peer].talks[talk].heard.len());
    let before = heard(w);
    w.run(1.0);
    let after = heard(w);
    assert!(after[0] > before[0] + 40 && after[1] > before[1] + 40, "{before:?} {after:?}\n{}", w.story());
    let calls = w.request("calls", json!({}));
    assert_eq!(calls["result"]["calls"].as_array().unwrap().len(), 1, "{calls}");
    assert_eq!(calls["result"]["calls"][0]["state"], "up", "{calls}");
}

#[test]
fn a_call_is_transferred_by_either_side() {
    for (by, stays) in [(P101, P100), (P100, P101)] {
        let mut w = two_talk();
        w.with(by, |p, now| p.refer(0, &uri("102"), &[], now));
        w.run(3.0);
        assert_eq!(w.peers[by].talks[0].last_status, 202, "{}", w.story());
        assert_eq!(told(&w, by), went("200 OK"), "{}", w.story());
        assert_eq!(w.peers[by].talks[0].ended_by, "BYE");
        // Who is called sees who waits, not who transferred.
        let from = w.peers[P102].talks[0].invite.get("From").to_owned();
        assert!(from.contains(&format!("sip:{}@", w.peers[stays].user)), "{from}");
        talk_together(&mut w, (stays, 0), (P102, 0));
        w.with(stays, |p, now| p.bye(0, now));
        w.run(1.0);
        assert_eq!(w.peers[P102].talks[0].ended_by, "BYE");
        w.end();
    }
}

#[test]
fn a_transfer_that_fails_leaves_the_call() {
    for (answer, status) in
        [(Answer::Refuse(486, 300), "486 Busy Here"), (Answer::Refuse(603, 300), "603 Decline")]
    {
        let mut w = two_talk();
        w.peers[P102].answer = answer;
        w.with(P101, |p, now| p.refer(0, &uri("102"), &[], now));
        w.run(2.0);
        assert_eq!(told(&w, P101), went(status), "{}", w.story());
        talk_together(&mut w, (P100, 0), (P101, 0));
        // Once more, and it works.
        w.peers[P102].answer = Answer::After(100);
        w.with(P101, |p, now| p.refer(0, &uri("102"), &[], now));
        w.run(2.0);
        talk_together(&mut w, (P100, 0), (P102, 1));
        w.with(P100, |p, now| p.bye(0, now));
        w.end();
    }
}

/// Most phones hang up as soon as the REFER is taken.
#[test]
fn who_transfers_hangs_up_at_once() {
    for answered in [true, false] {
        let mut w = two_talk();
        w.peers[P102].answer = if answered { Answer::After(1_000) } else { Answer::Refuse(486, 1_000) };
        w.with(P101, |p, now| p.refer(0, &uri("102"), &[], now));
        w.run(0.2);
        w.with(P101, |p, now| p.bye(0, now));
        w.run(0.1);
        let heard = w.peers[P100].talks[0].heard.len();
        w.run(0.5);
        assert!(w.peers[P100].talks[0].is_up(), "{}", w.story());
        // It rings for who waits: 25 packets of ours.
        let rung = w.peers[P100].talks[0].heard.len() - heard;
        if cfg!(feature = "media") {
            assert!((20..=30).contains(&rung), "{rung}\n{}", w.story());
        }
        w.run(2.0);
        if answered {
            talk_together(&mut w, (P100, 0), (P102, 0));
            w.with(P102, |p, now| p.bye(0, now));
            w.run(1.0);
        }
        assert_eq!(w.peers[P100].talks[0].ended_by, "BYE", "{}", w.story());
        w.end();
    }
}

#[test]
fn who_waits_for_a_transfer_hangs_up() {
    for left in [false, true] {
        let mut w = two_talk();
        w.peers[P102].answer = Answer::Rings;
        w.with(P101, |p, now| p.refer(0, &uri("102"), &[], now));
        w.run(0.5);
        if left {
            w.with(P101, |p, now| p.bye(0, now));
            w.run(0.5);
        }
        w.with(P100, |p, now| p.bye(0, now));
        w.run(1.0);
        assert_eq!(w.peers[P102].talks[0].ended_by, "CANCEL", "{}", w.story());
        assert!(w.peers[P101].talks[0].is_over());
        w.end();
    }
}

#[test]
fn a_call_of_the_stick_is_transferred() {
    for (outgoing, left) in [(true, false), (false, false), (false, true)] {
        let mut w = three();
        if outgoing {
            dial(&mut w, P100, "0301234567");
        } else {
            w.sim_called(CALLER);
        }
        w.run(8.0);
        assert!(w.peers[P100].talks[0].is_up(), "{}", w.story());
        w.with(P100, |p, now| p.refer(0, &uri("101"), &[], now));
        w.run(0.2);
        if left {
            w.with(P100, |p, now| p.bye(0, now));
        }
        w.run(3.0);
        assert!(w.peers[P100].talks[0].is_over(), "{}", w.story());
        assert!(w.peers[P101].talks[0].is_up(), "{}", w.story());
        check_sound(&w, P101, 0, 2);
        w.far_ends("104,16");
        w.run(1.0);
        assert_eq!(w.peers[P101].talks[0].ended_by, "BYE", "{}", w.story());
        w.end();
    }
}

/// 101 talks to 100, calls 102 and puts them together.
fn attended(w: &mut World, waits: bool) {
    dial(w, P100, "101");
    w.run_until("answered", 40.0, |w| w.peers[P101].talks.first().is_some_and(|t| t.is_up() && t.acked));
    if !waits {
        w.peers[P102].answer = Answer::After(200);
    }
    let t = dial(w, P101, "102");
    w.run_until("answered", 40.0, |w| w.peers[P101].talks[t].is_up());
    w.run(1.0);
    let to = format!("{}?Replaces={}", uri("102"), escaped(w, P101, t));
    w.with(P101, |p, now| p.refer(0, &to, &[], now));
    w.run_until("joined", 40.0, |w| w.peers[P101].talks.iter().all(super::talk::Talk::is_over));
    w.run_until("told", 40.0, |w| told(w, P101).len() == 2);
    assert!(w.peers[P100].talks[0].is_up() && w.peers[P102].talks[0].is_up(), "{}", w.story());
    w.with(P100, |p, now| p.bye(0, now));
    w.run_until("over", 40.0, |w| w.peers[P102].talks[0].is_over());
}

#[test]
fn two_calls_are_put_together() {
    for (first, second) in [(vec![0, 8], vec![0, 8]), (vec![0], vec![8, 0]), (vec![8, 0], vec![0])] {
        let mut w = three();
        w.peers[P100].codecs = first;
        w.peers[P102].codecs = second;
        dial(&mut w, P100, "101");
        w.run(2.0);
        // 101 takes PCMA for its second call if it can.
        w.peers[P101].codecs = vec![8, 0];
        let t = dial(&mut w, P101, "102");
        w.run(2.0);
        let to = format!("{}?Replaces={}", uri("102"), escaped(&w, P101, t));
        w.with(P101, |p, now| p.refer(0, &to, &[], now));
        w.run(2.0);
        assert_eq!(told(&w, P101), went("200 OK"), "{}", w.story());
        assert!(w.peers[P101].talks.iter().all(super::talk::Talk::is_over), "{}", w.story());
        talk_together(&mut w, (P100, 0), (P102, 0));
        w.with(P102, |p, now| p.bye(0, now));
        w.end();
    }
}

#[test]
fn putting_together_with_each_message_lost() {
    each_message(three, attended, true, 20);
}

#[test]
fn a_call_of_the_stick_is_put_together_with_a_phone() {
    let mut w = three();
    w.sim_called(CALLER);
    w.run(8.0);
    let t = dial(&mut w, P100, "101");
    w.run(2.0);
    let to = format!("{}?Replaces={}", uri("101"), escaped(&w, P100, t));
    w.with(P100, |p, now| p.refer(0, &to, &[], now));
    w.run(0.5);
    // What came from 100 before.
    w.peers[P101].talks[0].heard.clear();
    w.run(4.0);
    assert!(w.peers[P100].talks.iter().all(super::talk::Talk::is_over), "{}", w.story());
    check_sound(&w, P101, 0, 3);
    w.with(P101, |p, now| p.bye(0, now));
    w.run(1.0);
    assert_eq!(w.stick.count("AT+CHUP"), 1);
    w.end();
}

/// Put together while the second one still rings.
#[test]
fn put_together_before_the_answer() {
    for answered in [true, false] {
        let mut w = two_talk();
        w.peers[P102].answer = if answered { Answer::After(2_000) } else { Answer::Refuse(486, 2_000) };
        let t = dial(&mut w, P101, "102");
        w.run(1.0);
        let ringing = w.peers[P101].responses.iter().rev().find(|r| r.status() == 180).unwrap();
        w.peers[P101].talks[t].remote = ringing.get("To").to_owned();
        let to = format!("{}?Replaces={}", uri("102"), escaped(&w, P101, t));
        w.with(P101, |p, now| p.refer(0, &to, &[], now));
        w.run(3.0);
        if answered {
            talk_together(&mut w, (P100, 0), (P102, 0));
        } else {
            assert_eq!(told(&w, P101), went("486 Busy Here"), "{}", w.story());
            talk_together(&mut w, (P100, 0), (P101, 0));
        }
        w.with(P100, |p, now| p.bye(0, now));
        w.end();
    }
}

#[test]
fn transfers_that_are_refused() {
    let mut w = two_talk();
    for (to, status) in [
        (uri("112"), 403),
        (uri("777"), 404),
        ("nonsense".to_owned(), 400),
        (format!("{}?Replaces=x%3Bto-tag%3Da%3Bfrom-tag%3Db", uri("102")), 481),
        (format!("{}?Replaces=x%3Bto-tag%3Da", uri("102")), 400),
    ] {
        w.with(P101, |p, now| p.refer(0, &to, &[], now));
        w.run(0.5);
        assert_eq!(w.peers[P101].talks[0].last_status, status, "{to}\n{}", w.story());
    }
    // The call of somebody else.
    let to = format!("{}?Replaces={}", uri("102"), escaped(&w, P100, 0));
    w.with(P101, |p, now| p.refer(0, &to, &[], now));
    w.run(0.5);
    assert!(w.peers[P101].talks[0].last_status >= 403, "{}", w.story());
    assert_eq!(told(&w, P101), []);
    talk_together(&mut w, (P100, 0), (P101, 0));
    w.with(P100, |p, now| p.bye(0, now));
    w.end();
}

#[test]
fn a_transfer_that_nobody_wants_to_hear_of() {
    let mut w = two_talk();
    w.with(P101, |p, now| p.refer(0, &uri("102"), &[("Refer-Sub", "false")], now));
    w.run(2.0);
    assert_eq!(told(&w, P101), []);
    talk_together(&mut w, (P100, 0), (P102, 0));
    w.with(P100, |p, now| p.bye(0, now));
    w.end();
}

/// 102 takes the place that 101 has in its call with 100.
fn replace(w: &mut World, only: &str) -> usize {
    let t = &w.peers[P101].talks[0];
    let value = format!("{};to-tag={};from-tag={}{only}", t.call_id, tag_of(&t.remote), tag_of(&t.local));
    w.peers[P102].extra = vec![("Replaces".to_owned(), value), ("Require".to_owned(), "replaces".to_owned())];
    let t = dial(w, P102, "101");
    w.run(1.0);
    t
}

#[test]
fn a_ringing_call_is_taken_by_replaces_or_code() {
    for how in ["", ";early-only", "*8101", "*8"] {
        for from_stick in [false, true] {
            let mut w = three();
            w.peers[P101].answer = Answer::Rings;
            if from_stick {
                w.request("extension", json!({"name": "100", "set": "always", "to": "101"}));
                w.sim_called(CALLER);
                w.run(2.0);
            } else {
                dial(&mut w, P100, "101");
                w.run(1.0);
            }
            let t = if how.starts_with('*') {
                let t = dial(&mut w, P102, how);
                w.run(1.0);
                t
            } else {
                replace(&mut w, how)
            };
            w.run(4.0);
            let loser = &w.peers[P101].talks[0];
            assert_eq!(loser.ended_by, "CANCEL", "{how}\n{}", w.story());
            assert!(loser.reason.contains("Call completed elsewhere"), "{}", loser.reason);
            if from_stick {
                check_sound(&w, P102, t, 2);
                w.far_ends("104,16");
            } else {
                talk_together(&mut w, (P100, 0), (P102, t));
                w.with(P100, |p, now| p.bye(0, now));
            }
            w.run(1.0);
            assert!(w.peers[P102].talks[t].is_over());
            w.end();
        }
    }
}

/// RFC 3891 section 3.
#[test]
fn an_answered_call_is_not_taken() {
    for (only, status) in [(";early-only", "486"), ("", "403")] {
        let mut w = two_talk();
        let t = replace(&mut w, only);
        assert_eq!(w.peers[P102].talks[t].ended_by, status, "{}", w.story());
        talk_together(&mut w, (P100, 0), (P101, 0));
        w.with(P100, |p, now| p.bye(0, now));
        w.end();
    }
}

/// One's own call moves to another phone of the same extension; what is confirmed is so for early-only, too.
#[test]
fn an_answered_call_moves_to_another_phone() {
    for (only, moves) in [("", true), (";early-only", false)] {
        let mut w = two_talk();
        w.peers[P102].user = "101".to_owned();
        w.peers[P102].secret = "geheimer".to_owned();
        let t = replace(&mut w, only);
        if moves {
            assert_eq!(w.peers[P101].talks[0].ended_by, "BYE", "{}", w.story());
            talk_together(&mut w, (P100, 0), (P102, t));
        } else {
            assert_eq!(w.peers[P102].talks[t].ended_by, "486", "{}", w.story());
            talk_together(&mut w, (P100, 0), (P101, 0));
        }
        w.with(P100, |p, now| p.bye(0, now));
        w.end();
    }
}

#[test]
fn nothing_rings_there() {
    let mut w = three();
    for number in ["*8101", "*8", "*8999"] {
        let t = dial(&mut w, P102, number);
        w.run(1.0);
        assert_eq!(w.peers[P102].talks[t].ended_by, "404", "{number}\n{}", w.story());
    }
    w.peers[P102].extra = vec![("Replaces".to_owned(), "x;to-tag=a;from-tag=b".to_owned())];
    let t = dial(&mut w, P102, "101");
    w.run(1.0);
    assert_eq!(w.peers[P102].talks[t].ended_by, "481", "{}", w.story());
    w.end();
}
