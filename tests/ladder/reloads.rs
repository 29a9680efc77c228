//! A new configuration touches only what changed.
use super::house::{CONFIG, House, Network, down, refused};
use super::pdus::Deliver;
use tandem::config::Loaded;

fn text(words: &str) -> String {
    Deliver::new("+4915112345678", words).hex()
}

#[test]
fn the_dongles_session_survives_a_change_elsewhere() {
    let mut house = House::new();
    let (ports, port) = (house.ports.clone(), house.port);
    house.reload(&CONFIG.replace("mail.example.com", "smtp.example.com"));
    house.reload(
        &CONFIG.replace("config dongle 'home_sim'", "config dongle 'home_sim'\n\toption number '+49151'"),
    );
    house.reload(&CONFIG.replace("me@example.com", "you@example.com"));
    assert_eq!((&house.ports, house.port), (&ports, port));
    house.arrive(&text("one"));
    assert_eq!(house.mailbox[0].to, "you@example.com");
}

#[test]
fn a_change_of_the_stick_begins_a_session() {
    let mut house = House::new();
    let port = house.port;
    house
        .reload(&CONFIG.replace("config dongle 'home_sim'", "config dongle 'home_sim'\n\toption pin '1234'"));
    house.pass(5);
    assert_ne!(house.port, port);
    assert_eq!(house.status()["dongles"][0]["state"], "ready");
}

#[test]
fn a_changed_mail_section_renews_what_it_refused() {
    let mut house = House::new();
    house.replies.push_back(refused());
    house.arrive(&text("one"));
    house.reload(CONFIG);
    house.pass(3_600);
    assert_eq!(house.tries.len(), 1, "nothing changed");
    house.reload(&CONFIG.replace("mail.example.com", "smtp.example.com"));
    house.pass(1);
    assert_eq!(house.mailbox.len(), 1);
    assert_eq!(house.hosts, ["mail.example.com", "smtp.example.com"]);
}

#[test]
fn a_changed_mail_section_ends_its_pause_and_an_unchanged_one_does_not() {
    let mut house = House::new();
    house.replies.extend([down(), down(), down(), down()]);
    house.arrive(&text("one"));
    house.pass(450);
    assert_eq!(house.tries.len(), 4);
    house.reload(&CONFIG.replace("home_sim'", "home_sim'\n\toption number '+49151'"));
    house.pass(1);
    assert_eq!(house.tries.len(), 4);
    house.reload(&CONFIG.replace("mail.example.com", "smtp.example.com"));
    house.pass(1);
    assert_eq!(house.mailbox.len(), 1);
}

#[test]
fn a_waiting_text_follows_its_forward() {
    let mut house = House::new();
    house.replies.push_back(down());
    house.arrive(&text("one"));
    house.reload(&CONFIG.replace("me@example.com", "you@example.com"));
    house.pass(61);
    assert_eq!(house.mailbox.len(), 1);
    assert_eq!(house.mailbox[0].to, "you@example.com");
}

/// The section of the stick that has the PDU is changed: nobody will ever hear its answer.
#[test]
fn a_text_at_the_stick_of_a_changed_section_is_unknown() {
    let mut house = House::new();
    house.network.push_back(Network::Silent);
    house.send("+491511234567", "Hello");
    house.send("+491511234567", "World");
    assert_eq!(house.list()[1]["state"], "sending");
    house
        .reload(&CONFIG.replace("config dongle 'home_sim'", "config dongle 'home_sim'\n\toption pin '1234'"));
    house.pass(300);
    let listed = house.list();
    assert_eq!((&listed[1]["state"], &listed[0]["state"]), (&"unknown".into(), &"sent".into()));
    assert_eq!(house.sent.len(), 2, "not sent again");
}

#[test]
fn a_text_that_came_while_its_mail_server_was_misconfigured_waits_for_the_mend() {
    let mut house = House::new();
    house.reload_bad(&CONFIG.replace("option sender", "option sendre"));
    house.arrive(&text("in between"));
    house.pass(600);
    assert!(house.slots.is_empty(), "it is stored");
    assert_eq!(house.list()[0]["state"], "waiting");
    house.restart();
    assert!(house.mailbox.is_empty());
    house.reload(CONFIG);
    house.pass(5);
    assert_eq!(house.mailbox.len(), 1);
}

#[test]
fn a_text_that_had_no_target_is_delivered_when_asked_for() {
    let mut house = House::new();
    let without = CONFIG.split("config forward").next().unwrap().to_owned();
    house.reload(&without);
    house.arrive(&text("kept"));
    house.pass(5);
    let id = house.list()[0]["id"].clone();
    assert_eq!(house.list()[0]["state"], "kept");
    let answer = house.request("sms_retry", serde_json::json!({"id": id}));
    assert_eq!(answer["error"]["code"], "unavailable", "no target yet");
    house.reload(CONFIG);
    house.pass(5);
    assert!(house.mailbox.is_empty(), "not by itself: it was to be kept");
    house.request("sms_retry", serde_json::json!({"id": id}));
    house.pass(5);
    assert_eq!(house.mailbox.len(), 1);
}

#[test]
fn a_file_cut_short_is_no_successor() {
    let house = House::new();
    let unfit = |text: &str| house.switch.unfit(&Loaded::parse(text.as_bytes()));
    assert!(unfit("").is_some());
    assert!(unfit("config dongle 'home").is_some());
    assert_eq!(unfit(CONFIG), None);
    assert_eq!(unfit("config dongle 'home_sim'\n\toption pin '1'\n"), None, "a bad section is left out");
}

#[test]
fn numbers_that_cannot_be_meant_are_refused() {
    let mut house = House::new();
    for (number, text) in [("+49", "hi"), ("abc", "hi"), ("", "hi"), ("+49151", " "), ("12x", "hi")] {
        let answer = house.request("sms_send", serde_json::json!({"to": number, "text": text}));
        assert_eq!(answer["error"]["code"], "bad_parameter", "{number:?} {text:?}: {answer}");
    }
    assert!(house.send("+49 (151) 123-456", "hi").is_string());
}
