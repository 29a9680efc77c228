//! SUBSCRIBE and NOTIFY: lamps for each other's lines, counts of messages.
use super::house::*;
use super::incoming::CALLER;
use super::peer::Answer;
use super::text::{Msg, tag_of};
use super::world::World;

/// 101 looks at the lamp of 100 for an hour; the 200.
fn watched() -> (World, Msg) {
    let mut w = home();
    w.with(P101, |p, now| p.subscribe("dialog", "100", 3_600, now));
    w.run(1.0);
    let ok = w.peers[P101].responses.last().unwrap().clone();
    assert_eq!((ok.status(), ok.get("Expires")), (200, "3600"), "{}", w.story());
    (w, ok)
}

/// The documents that 101 got, versions checked: each one more than that before.
fn lamp(w: &World) -> Vec<String> {
    let notes = w.peers[P101].heard("NOTIFY");
    for (at, note) in notes.iter().enumerate() {
        assert_eq!(note.get("Content-Type"), "application/dialog-info+xml");
        assert_eq!(note.get("Event"), "dialog");
        assert!(note.body.contains("state=\"full\" entity=\"sip:100@192.168.1.1\""), "{}", note.body);
        assert!(note.body.contains(&format!(" version=\"{at}\" ")), "the {at}th: {}", note.body);
        assert!(note.to_bytes().len() < 1_300);
    }
    notes.iter().map(|n| states(&n.body)).collect()
}

/// `early`, `confirmed terminated`.
fn states(body: &str) -> String {
    let all = body.split("<state>").skip(1).map(|s| s.split('<').next().unwrap());
    all.collect::<Vec<_>>().join(" ")
}

fn attribute<'a>(body: &'a str, name: &str) -> &'a str {
    let Some((_, rest)) = body.split_once(&format!(" {name}=\"")) else { return "" };
    rest.split('"').next().unwrap()
}

#[test]
fn a_lamp_follows_a_call() {
    let (mut w, _) = watched();
    w.expect(&[
        "101 > SUBSCRIBE",
        "101 < 401 SUBSCRIBE",
        "101 > SUBSCRIBE",
        "101 < 200 SUBSCRIBE",
        "101 < NOTIFY",
    ]);
    w.sim_called(CALLER);
    w.run(2.0);
    let early = w.peers[P101].heard("NOTIFY").last().unwrap().body.clone();
    let invite = w.peers[P100].talks[0].invite.clone();
    // By these it can be picked up: the phone's view, the tag of its 180 first.
    assert_eq!(attribute(&early, "call-id"), invite.get("Call-ID"), "{early}");
    assert_eq!(attribute(&early, "local-tag"), format!("tag-100-{}", invite.get("Call-ID")));
    assert_eq!(attribute(&early, "remote-tag"), tag_of(invite.get("From")));
    assert_eq!(attribute(&early, "direction"), "recipient");
    assert!(early.contains("<remote><identity>sip:"), "{early}");
    assert!(early.contains("<local><identity display=\"Kitchen\">sip:100@192.168.1.1</identity>"), "{early}");
    w.run(4.0);
    w.far_ends("104,16");
    w.run(2.0);
    assert_eq!(lamp(&w), ["terminated", "early", "confirmed", "terminated terminated"], "{}", w.story());
    let notes = w.peers[P101].heard("NOTIFY");
    assert!(attribute(&notes[2].body, "call-id").is_empty(), "an answered call is nobody's to take");
    // The same call all along.
    let ids: Vec<&str> = notes.iter().skip(1).map(|n| attribute(&n.body, "id")).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert!(notes.iter().all(|n| n.get("Subscription-State").starts_with("active;expires=3")));
    w.end();
}

#[test]
fn a_lamp_of_who_calls() {
    let (mut w, _) = watched();
    let talk = dial(&mut w, P100, "0301234567");
    w.run(8.0);
    w.with(P100, |p, now| p.bye(talk, now));
    w.run(2.0);
    let seen = lamp(&w);
    assert_eq!(seen[..2], ["terminated", "trying"], "{}", w.story());
    assert_eq!(seen[seen.len() - 2..], ["confirmed", "terminated terminated"], "{}", w.story());
    let notes = w.peers[P101].heard("NOTIFY");
    assert_eq!(attribute(&notes[1].body, "direction"), "initiator");
    assert!(notes[1].body.contains("sip:0301234567@192.168.1.1"), "{}", notes[1].body);
    w.end();
}

/// Calls that come and go faster than lamps are set: never two NOTIFYs in half a second, and what is shown in the end is right.
#[test]
fn not_faster_than_twice_a_second() {
    let (mut w, _) = watched();
    w.peers[P100].answer = Answer::Rings;
    for _ in 0..12 {
        let talk = w.with(P101, |p, now| p.call(&uri("100"), "<sip:101@192.168.1.1>", now));
        w.run(0.17);
        w.with(P101, |p, now| p.cancel(talk, now));
        w.run(0.08);
    }
    w.run(3.0);
    let times: Vec<u64> =
        w.ladder.iter().filter(|(_, step)| step == "101 < NOTIFY").map(|(at, _)| *at).collect();
    assert!(times.len() >= 4, "{}", w.story());
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 500_000), "{times:?}");
    assert!(lamp(&w).last().unwrap().starts_with("terminated"));
    w.end();
}

#[test]
fn refreshed_ended_and_expired() {
    let (mut w, ok) = watched();
    w.run(3_000.0);
    w.with(P101, |p, now| p.refresh(&ok, "dialog", 3_600, now));
    w.run(3_000.0);
    assert_eq!((w.peers[P101].status(), w.switch.subscriptions()), (200, 1), "{}", w.story());
    assert_eq!(w.peers[P101].heard("NOTIFY").len(), 2, "a refresh shows the state");
    // Another phone can't touch it.
    w.with(P100, |p, now| p.refresh(&ok, "dialog", 0, now));
    w.run(1.0);
    assert_eq!((w.peers[P100].status(), w.switch.subscriptions()), (403, 1));
    w.with(P101, |p, now| p.refresh(&ok, "dialog", 0, now));
    w.run(1.0);
    assert_eq!((w.peers[P101].status(), w.switch.subscriptions()), (200, 0));
    let last = w.peers[P101].heard("NOTIFY").last().unwrap().get("Subscription-State").to_owned();
    assert_eq!(last, "terminated;reason=timeout");
    w.with(P101, |p, now| p.refresh(&ok, "dialog", 3_600, now));
    w.run(1.0);
    assert_eq!(w.peers[P101].status(), 481);
    // And one that nobody refreshes.
    w.with(P101, |p, now| p.subscribe("dialog", "100", 120, now));
    w.run(119.0);
    assert_eq!(w.switch.subscriptions(), 1);
    w.run(2.0);
    assert_eq!(w.switch.subscriptions(), 0);
    let last = w.peers[P101].heard("NOTIFY").last().unwrap().get("Subscription-State").to_owned();
    assert_eq!(last, "terminated;reason=timeout");
    // Versions begin anew with each subscription.
    let notes = w.peers[P101].heard("NOTIFY");
    for (note, version) in notes.iter().zip([0, 1, 2, 0, 1]) {
        assert!(note.body.contains(&format!(" version=\"{version}\" ")), "{version}: {}", note.body);
    }
    assert_eq!(notes.len(), 5);
    w.end();
}

#[test]
fn refusals() {
    let mut w = home();
    for (event, whom, expires, status) in [
        ("dialog", "100", 59, 423),
        ("dialog", "555", 3_600, 404),
        ("dialog", "112", 3_600, 404),
        ("reg", "100", 3_600, 489),
        ("message-summary", "100", 3_600, 403),
        ("message-summary", "101", 3_600, 200),
        ("presence", "100", 3_600, 200),
        ("dialog;id=7", "100", 1_000_000, 200),
    ] {
        w.with(P101, |p, now| p.subscribe(event, whom, expires, now));
        w.run(1.0);
        let answer = w.peers[P101].responses.last().unwrap().clone();
        assert_eq!(answer.status(), status, "{event} {whom} {expires}\n{}", w.story());
        match status {
            423 => assert_eq!(answer.get("Min-Expires"), "60"),
            489 => assert_eq!(answer.get("Allow-Events"), "dialog, message-summary, presence"),
            _ => {}
        }
    }
    assert_eq!(w.peers[P101].responses.last().unwrap().get("Expires"), "86400");
    assert_eq!(w.peers[P101].heard("NOTIFY").last().unwrap().get("Event"), "dialog;id=7");
    assert_eq!(w.switch.subscriptions(), 3);
    w.end();
}

/// Without the password nobody sees who telephones.
#[test]
fn nobody_watches_without_a_password() {
    let mut w = home();
    w.peers[P101].secret = "guessed".to_owned();
    w.with(P101, |p, now| p.subscribe("dialog", "100", 3_600, now));
    w.run(1.0);
    assert_eq!((w.peers[P101].status(), w.switch.subscriptions()), (401, 0), "{}", w.story());
    w.end();
}

#[test]
fn a_phone_that_vanishes_or_forgets() {
    for gone in [true, false] {
        let (mut w, _) = watched();
        if gone {
            w.peers[P101].answer = Answer::Gone;
        } else {
            w.peers[P101].takes.push(("NOTIFY", 481));
        }
        w.sim_called(CALLER);
        w.run(40.0);
        w.far_ends("104,16");
        w.run(5.0);
        assert_eq!(w.switch.subscriptions(), 0, "{gone}\n{}", w.story());
        assert!(gone || w.count("101 < NOTIFY") == 2, "{}", w.story());
        w.end();
    }
}

/// It was switched off and on: what it subscribed to before is replaced, not doubled.
#[test]
fn a_phone_that_starts_again() {
    let (mut w, _) = watched();
    for _ in 0..5 {
        w.with(P101, |p, now| p.subscribe("dialog", "100", 3_600, now));
        w.run(1.0);
    }
    assert_eq!(w.switch.subscriptions(), 1);
    w.end();
}

#[test]
fn lamps_of_a_phone_whose_connection_breaks() {
    let mut w = home();
    w.with(P101, |p, now| p.register(0, now));
    w.run(1.0);
    w.connect(P101);
    w.with(P101, |p, now| p.register(3_600, now));
    w.run(1.0);
    w.with(P101, |p, now| p.subscribe("dialog", "100", 3_600, now));
    w.run(1.0);
    w.disconnect(P101);
    w.sim_called(CALLER);
    w.run(2.0);
    assert_eq!(w.peers[P101].heard("NOTIFY").len(), 1);
    w.connect(P101);
    w.with(P101, |p, now| p.register(3_600, now));
    w.run(0.5);
    let seen = w.peers[P101].heard("NOTIFY").last().map(|n| states(&n.body));
    assert_eq!(seen.as_deref(), Some("early"), "{}", w.story());
    w.run(6.0);
    w.far_ends("104,16");
    w.run(2.0);
    lamp(&w);
    w.end();
}

/// An extension that is taken out of the configuration is watched no more.
#[test]
fn a_watched_extension_is_gone() {
    let (mut w, _) = watched();
    let without = CONFIG
        .replace("config extension '100'", "config extension '109'")
        .replace("option inbound '100'", "option inbound '101'");
    w.reload(&without);
    w.run(2.0);
    assert_eq!(w.switch.subscriptions(), 0, "{}", w.story());
    let last = w.peers[P101].heard("NOTIFY").last().unwrap().get("Subscription-State").to_owned();
    assert_eq!(last, "terminated;reason=noresource");
    w.end();
}

/// What a caller calls himself stays text in the document.
#[test]
fn names_of_strangers_are_no_markup() {
    let mut w = home_with(&CONFIG.replace("'Kitchen'", "'A<b>&\"x'"));
    w.with(P100, |p, now| p.subscribe("dialog", "101", 3_600, now));
    w.peers[P101].answer = Answer::Rings;
    let talk = w.with(P100, |p, now| p.call(&uri("101"), "<sip:100@192.168.1.1>", now));
    w.run(1.0);
    let body = w.peers[P100].heard("NOTIFY").last().unwrap().body.clone();
    assert!(body.contains("display=\"A&lt;b&gt;&amp;&quot;x\""), "{body}");
    w.with(P100, |p, now| p.cancel(talk, now));
    w.run(1.0);
    w.end();
}
