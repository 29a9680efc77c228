//! What a mail server says, and when it is asked again.
use super::house::{CONFIG, House, accepted, down, later, refused};
use super::pdus::Deliver;
use tandem::message::mail::Mail;

const TWO: &str = "\tlist to 'email/mail/me@example.com'\n\tlist to 'email/mail/you@example.com'\n";

fn text(words: &str) -> String {
    Deliver::new("+4915112345678", words).hex()
}

fn gaps(house: &House) -> Vec<u64> {
    house.tries.windows(2).map(|w| w[1].0 - w[0].0).collect()
}

/// Minutes to seconds.
fn minutes(all: &[u64]) -> Vec<u64> {
    all.iter().map(|m| m * 60).collect()
}

#[test]
fn a_4xx_is_tried_again_after_1_2_4_minutes_at_most_60() {
    let mut house = House::new();
    house.replies.extend((0..9).map(|_| later()));
    house.arrive(&text("one"));
    house.pass(8 * 3_600);
    assert_eq!(gaps(&house), minutes(&[1, 2, 4, 8, 16, 32, 60, 60, 60]));
    assert_eq!(house.mailbox.len(), 1);
}

#[test]
fn a_silent_server_is_tried_again_after_1_2_4_minutes_at_most_60() {
    let mut house = House::new();
    house.replies.extend((0..9).map(|_| down()));
    house.arrive(&text("one"));
    house.pass(8 * 3_600);
    assert_eq!(gaps(&house), minutes(&[1, 2, 4, 8, 16, 32, 60, 60, 60]));
    assert_eq!(house.mailbox.len(), 1);
}

#[test]
fn the_pause_of_a_server_is_shared_by_all_its_texts() {
    let mut house = House::new();
    house.replies.extend([down(), down(), down()]);
    house.arrive(&text("one"));
    house.arrive(&text("two"));
    house.arrive(&text("three"));
    house.pass(30);
    house.arrive(&text("four"));
    assert_eq!(house.tries.len(), 1, "nobody knocks while it is down");
    house.pass(3 * 60);
    assert_eq!(house.tries.len(), 3, "one knocks for all");
    house.pass(5 * 60);
    assert_eq!(house.mailbox.len(), 4);
    assert_eq!(house.tries.len(), 7);
}

#[test]
fn a_4xx_holds_up_its_own_text_only() {
    let mut house = House::new();
    house.replies.push_back(later());
    house.arrive(&text("one"));
    house.arrive(&text("two"));
    assert_eq!(house.mailbox.len(), 1);
    assert!(house.mailbox[0].body.contains("two"));
    house.pass(61);
    assert!(house.mailbox[1].body.contains("one"));
}

#[test]
fn a_5xx_waits_for_a_person() {
    let mut house = House::new();
    house.replies.push_back(refused());
    house.arrive(&text("one"));
    house.pass(9 * 86_400);
    assert_eq!(house.tries.len(), 1);
    let listed = house.list();
    assert_eq!(listed[0]["state"], "refused");
    let id = listed[0]["id"].clone();
    house.restart();
    house.pass(86_400);
    assert_eq!(house.tries.len(), 1, "nor after a restart");
    house.request("sms_retry", serde_json::json!({"id": id}));
    house.pass(1);
    assert_eq!((house.tries.len(), house.mailbox.len()), (2, 1));
}

#[test]
fn every_try_is_the_same_mail_over_a_restart_too() {
    let mut house = House::new();
    house.replies.extend([later(), down(), later(), down()]);
    house.arrive(&text("one"));
    house.pass(2 * 3_600);
    assert_eq!(house.tries.len(), 5);
    house.disk.retain(|name, _| !name.ends_with(".done"));
    house.restart();
    let mails: Vec<&Mail> = house.tries.iter().map(|(_, m)| m).collect();
    assert_eq!(mails.len(), 6);
    assert!(mails.windows(2).all(|w| w[0] == w[1]), "{mails:#?}");
    assert!(!mails[0].message_id.is_empty());
}

#[test]
fn two_equal_texts_are_two_mails() {
    let mut house = House::new();
    house.arrive(&text("again"));
    house.pass(60);
    let mut later = Deliver::new("+4915112345678", "again");
    later.minute = 11;
    house.arrive(&later.hex());
    assert_eq!(house.mailbox.len(), 2);
    assert_ne!(house.mailbox[0].message_id, house.mailbox[1].message_id);
}

/// The rest of a text comes while the mail of its beginning is under way: it must go out all the same.
#[test]
fn a_late_part_while_the_mail_is_under_way() {
    let mut house = House::new();
    house.mail_hangs = true;
    house.arrive(&Deliver::new("+4915112345678", "Anfang ").part(7, 2, 1).hex());
    house.pass(86_400 + 10);
    assert!(house.mail.as_ref().unwrap().body.contains("[part 2 of 2 is missing]"));
    house.arrive(&Deliver::new("+4915112345678", "Ende").part(7, 2, 2).hex());
    house.mail_hangs = false;
    house.answer_mail(&accepted());
    house.pass(10);
    assert_eq!(house.mailbox.len(), 2, "{:#?}", house.list());
    assert!(house.mailbox[1].body.contains("Anfang Ende"));
}

/// A target goes with a new configuration while the mail to another one is under way.
#[test]
fn a_target_removed_while_a_mail_is_under_way() {
    let config = CONFIG.replace("\tlist to 'email/mail/me@example.com'\n", TWO);
    let mut house = House::with(&config, &[]);
    house.replies.push_back(later());
    house.arrive(&text("one"));
    // To `me` deferred, to `you` accepted; then both again with a second text.
    house.pass(61);
    assert_eq!(house.mailbox.len(), 2);
    house.replies.push_back(later());
    house.pass(3_600);
    house.mail_hangs = true;
    house.arrive(&text("two"));
    house.answer_mail(&later());
    assert_eq!(house.mail.as_ref().unwrap().to, "you@example.com");
    let only_you = "\tlist to 'email/mail/you@example.com'\n";
    house.reload(&CONFIG.replace("\tlist to 'email/mail/me@example.com'\n", only_you));
    house.answer_mail(&accepted());
    house.mail_hangs = false;
    house.pass(3_600);
    let listed = house.list();
    assert_eq!(listed[0]["state"], "sent", "{listed:#?}");
    assert_eq!(house.mailbox.len(), 3);
}

#[test]
fn a_clock_that_jumps_does_not_give_a_text_up() {
    let mut house = House::new();
    house.replies.extend([down(), down(), down()]);
    house.arrive(&text("one"));
    house.wall_offset = 400 * 86_400;
    house.pass(120);
    house.wall_offset = -1_795_000_000;
    house.pass(600);
    assert_eq!(house.mailbox.len(), 1);
    assert_eq!(house.list()[0]["state"], "sent");
}

#[test]
fn given_up_only_after_give_up() {
    let config = CONFIG.replace("option sender", "option give_up '7200'\n\toption sender");
    let mut house = House::with(&config, &[]);
    house.replies.extend((0..100).map(|_| later()));
    house.arrive(&text("one"));
    house.pass(6_900);
    assert_eq!(house.list()[0]["state"], "waiting");
    house.pass(4_000);
    assert_eq!(house.list()[0]["state"], "failed");
    let tries = house.tries.len();
    house.pass(86_400);
    assert_eq!(house.tries.len(), tries);
}
