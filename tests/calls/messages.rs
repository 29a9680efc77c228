//! MESSAGE between phones: handed on, kept, given out once.
use super::house::*;
use super::peer::Answer;
use super::world::World;

/// The texts that a phone got, in their order.
fn texts(w: &World, phone: usize) -> Vec<String> {
    w.peers[phone].heard("MESSAGE").iter().map(|m| m.body.clone()).collect()
}

fn stored(w: &World) -> usize {
    w.files.keys().filter(|name| name.ends_with(".msg")).count()
}

fn say(w: &mut World, text: &str) -> u16 {
    w.with(P100, |p, now| p.message("101", text, now));
    w.run(1.0);
    w.peers[P100].status()
}

#[test]
fn handed_on_at_once() {
    let mut w = home();
    assert_eq!(say(&mut w, "Tea?"), 200, "{}", w.story());
    w.expect_all(&[
        "100 > MESSAGE",
        "100 < 401 MESSAGE",
        "100 > MESSAGE",
        "101 < MESSAGE",
        "101 > 200 MESSAGE",
        "100 < 200 MESSAGE",
    ]);
    let message = w.peers[P101].heard("MESSAGE")[0];
    assert!(
        message.get("From").starts_with("\"Kitchen\" <sip:100@192.168.1.1>;tag="),
        "{}",
        message.get("From")
    );
    assert_eq!((message.get("Content-Type"), message.body.as_str()), ("text/plain", "Tea?"));
    assert!(message.get("Authorization").is_empty(), "what the sender proves itself by stays here");
    assert_eq!(w.files.len(), 0, "nothing is written for a message that arrives");
    w.end();
}

/// 202 means: it is on the medium. The addressee gets all in order when it comes, each once.
#[test]
fn kept_until_the_phone_registers() {
    let mut w = home();
    w.with(P101, |p, now| p.register(0, now));
    w.with(P100, |p, now| p.subscribe("message-summary", "100", 3_600, now));
    w.run(1.0);
    for text in ["one", "two", "three"] {
        assert_eq!(say(&mut w, text), 202, "{}", w.story());
    }
    assert_eq!(stored(&w), 3);
    w.run(86_400.0 - 60.0);
    w.with(P100, |p, now| p.register(3_600, now));
    assert_eq!(texts(&w, P101), [""; 0]);
    w.with(P101, |p, now| p.register(7_200, now));
    w.run(2.0);
    assert_eq!(texts(&w, P101), ["one", "two", "three"], "{}", w.story());
    assert!(w.peers[P101].heard("MESSAGE")[0].get("Date").ends_with(" GMT"));
    assert_eq!(stored(&w), 0);
    // It registers again, and again: nothing comes twice.
    w.with(P101, |p, now| p.register(3_600, now));
    w.run(400.0);
    w.restart(CONFIG);
    w.with(P101, |p, now| p.register(3_600, now));
    w.run(2.0);
    assert_eq!(texts(&w, P101).len(), 3, "{}", w.story());
    w.end();
}

#[test]
fn a_crash_in_between_loses_nothing() {
    let mut w = home();
    w.with(P101, |p, now| p.register(0, now));
    w.run(1.0);
    assert_eq!((say(&mut w, "one"), say(&mut w, "two")), (202, 202));
    w.restart(CONFIG);
    w.with(P101, |p, now| p.register(3_600, now));
    w.run(2.0);
    assert_eq!(texts(&w, P101), ["one", "two"], "{}", w.story());
    assert_eq!(stored(&w), 0);
    // What comes after the restart does not take the place of another.
    w.with(P101, |p, now| p.register(0, now));
    w.run(1.0);
    assert_eq!(say(&mut w, "three"), 202);
    w.end();
}

/// The phone is registered and answers nothing: its sender hears 202 soon, and it gets the text when it is back.
#[test]
fn a_phone_that_is_there_and_silent() {
    let mut w = home();
    let heard = std::mem::replace(&mut w.peers[P101].answer, Answer::Gone);
    w.with(P100, |p, now| p.message("101", "late", now));
    w.run(6.0);
    assert_eq!((w.peers[P100].status(), stored(&w)), (202, 1), "{}", w.story());
    w.run(60.0);
    w.peers[P101].answer = heard;
    w.with(P101, |p, now| p.register(3_600, now));
    w.run(2.0);
    assert_eq!((texts(&w, P101), stored(&w)), (vec!["late".to_owned()], 0), "{}", w.story());
    w.end();
}

/// Its answer is on the way while the text is being stored: both know, and it is not sent again.
#[test]
fn an_answer_that_comes_after_the_202() {
    let mut w = home();
    w.net.delay = 3_000_000;
    w.with(P100, |p, now| p.message("101", "slow", now));
    w.run(60.0);
    w.net.delay = 1_000;
    w.run(60.0);
    assert_eq!((texts(&w, P101).len(), stored(&w)), (1, 0), "{}", w.story());
    w.with(P101, |p, now| p.register(3_600, now));
    w.run(400.0);
    assert_eq!(texts(&w, P101).len(), 1, "{}", w.story());
    w.end();
}

#[test]
fn who_takes_none() {
    let mut w = home();
    w.peers[P101].takes.push(("MESSAGE", 405));
    assert_eq!((say(&mut w, "x"), stored(&w)), (405, 0), "{}", w.story());
    w.with(P101, |p, now| p.register(0, now));
    w.run(1.0);
    assert_eq!((say(&mut w, "y"), stored(&w)), (202, 1));
    w.with(P101, |p, now| p.register(3_600, now));
    w.run(2.0);
    assert_eq!(stored(&w), 0, "it will never take it");
    w.end();
}

#[test]
fn refusals() {
    let mut w = home();
    for (whom, text, status) in
        [("555", "x".to_owned(), 404), ("0301234567", "x".to_owned(), 404), ("101", "x".repeat(4_097), 413)]
    {
        w.with(P100, |p, now| p.message(whom, &text, now));
        w.run(1.0);
        assert_eq!(w.peers[P100].status(), status, "{whom}\n{}", w.story());
    }
    w.peers[P100].secret = "guessed".to_owned();
    assert_eq!((say(&mut w, "x"), texts(&w, P101).len()), (401, 0));
    w.end();
}

#[test]
fn what_can_not_be_kept_is_not_promised() {
    let mut w = home();
    w.with(P101, |p, now| p.register(0, now));
    w.run(1.0);
    w.disk_is_full = true;
    assert_eq!(say(&mut w, "x"), 480, "{}", w.story());
    w.disk_is_full = false;
    // As many as there is room for, and no more.
    for n in 0..50 {
        assert_eq!(say(&mut w, "y"), 202, "{n}");
    }
    assert_eq!(say(&mut w, "y"), 480);
    w.end();
}

#[test]
fn given_up_after_a_week() {
    let mut w = home();
    w.with(P101, |p, now| p.register(0, now));
    w.run(1.0);
    assert_eq!(say(&mut w, "x"), 202);
    w.run(6.9 * 86_400.0);
    assert_eq!(stored(&w), 1);
    w.run(0.2 * 86_400.0);
    assert_eq!(stored(&w), 0);
    w.end();
}

/// The lamp for messages of who was away: it shows them, and goes out when they are delivered.
#[test]
fn the_count_of_messages() {
    let mut w = home();
    w.peers[P101].takes.push(("MESSAGE", 480));
    w.with(P101, |p, now| p.subscribe("message-summary", "101", 3_600, now));
    w.run(1.0);
    w.with(P100, |p, now| p.message("101", "x", now));
    w.run(6.0);
    assert_eq!(w.peers[P100].status(), 202);
    w.peers[P101].takes.clear();
    w.with(P101, |p, now| p.register(3_600, now));
    w.run(2.0);
    let bodies: Vec<&str> = w.peers[P101].heard("NOTIFY").iter().map(|n| n.body.as_str()).collect();
    assert_eq!(bodies.len(), 3, "{bodies:?}\n{}", w.story());
    let account = "Message-Account: sip:101@192.168.1.1\r\nVoice-Message: 0/0 (0/0)\r\n";
    assert_eq!(bodies[0], format!("Messages-Waiting: no\r\n{account}"));
    assert_eq!(bodies[1], format!("Messages-Waiting: yes\r\n{account}Text-Message: 1/0 (0/0)\r\n"));
    assert_eq!(bodies[2], bodies[0]);
    w.end();
}
