//! Trouble that lasts, on the virtual clock: a server down for a week, a full or read-only disk, a clock that jumps.
use super::story::{BROKEN, END, at, ended_well, parts, story, world};
use super::world::{CONFIG, Happening, World};
use tandem::message::DiskError;
use tandem::message::mail::Outcome;

const DAY: u64 = 86_400;

/// The mail section with a longer `give_up` than the trouble lasts.
fn patient() -> String {
    CONFIG.replace("option sender", "option give_up '2000000'\n\toption sender")
}

#[test]
fn the_server_is_down_for_a_week() {
    let mut story = story();
    story.insert(0, (at(0), Happening::ServerDown(true)));
    story.push((at(7 * DAY), Happening::ServerDown(false)));
    let mut world = World::new(story).with_config(&patient());
    world.live(at(8 * DAY)).unwrap();
    ended_well(&world, "server down for a week");
    assert!((150..300).contains(&world.tries), "{} tries", world.tries);
}

#[test]
fn given_up_after_seven_days_and_kept() {
    let mut world = World::new(vec![
        (at(0), Happening::ServerDown(true)),
        (at(0), Happening::Arrives(BROKEN.to_owned())),
        (at(9 * DAY), Happening::ServerDown(false)),
        (at(9 * DAY + 1), Happening::Request(r#"{"id":1,"method":"sms_list"}"#.to_owned())),
    ]);
    world.live(at(10 * DAY)).unwrap();
    assert!(world.mailbox.is_empty());
    assert!(world.answers.last().unwrap().contains(r#""state":"failed""#), "{:?}", world.answers);
}

#[test]
fn a_refused_text_is_not_tried_again_until_a_person_asks() {
    let mut world = World::new(vec![
        (at(0), Happening::Arrives(BROKEN.to_owned())),
        (at(2 * DAY), Happening::Request(r#"{"id":1,"method":"sms_list"}"#.to_owned())),
    ]);
    world.replies.push_back(Outcome::Refused { reply: "550 no such mailbox".to_owned() });
    world.live(at(3 * DAY)).unwrap();
    assert_eq!(world.tries, 1);
    let answer: serde_json::Value = serde_json::from_str(world.answers.last().unwrap()).unwrap();
    let text = &answer["result"]["messages"][0];
    assert_eq!(text["state"], "refused");
    assert_eq!(text["deliveries"][0]["reply"], "550 no such mailbox");
    // After a restart too.
    world.live(at(4 * DAY)).unwrap();
    assert_eq!(world.tries, 1);
}

#[test]
fn a_failure_is_told_once_by_another_target() {
    let config = CONFIG.replace(
        "list to 'email/me@example.com'",
        "list to 'email/me@example.com'\n\tlist to 'email/you@example.com'",
    );
    let mut world = World::new(vec![(at(0), Happening::Arrives(BROKEN.to_owned()))]).with_config(&config);
    world.replies.push_back(Outcome::Refused { reply: "550 no such mailbox".to_owned() });
    world.live(at(DAY)).unwrap();
    let notices: Vec<_> =
        world.mailbox.iter().filter(|m| m.subject.contains("could not be delivered")).collect();
    assert_eq!(notices.len(), 1, "{:#?}", world.mailbox);
    assert!(notices[0].body.contains("550 no such mailbox"));
    assert_eq!(world.mailbox.len(), 2);
    world.live(at(2 * DAY)).unwrap();
    assert_eq!(world.mailbox.len(), 2, "once");
}

#[test]
fn greylisting_is_waited_for() {
    let mut world = World::new(vec![(at(0), Happening::Arrives(BROKEN.to_owned()))]);
    for _ in 0..3 {
        world.replies.push_back(Outcome::Deferred { reply: "451 greylisted".to_owned() });
    }
    world.live(at(1_000)).unwrap();
    assert_eq!((world.tries, world.mailbox.len()), (4, 1));
}

#[test]
fn a_full_disk_keeps_texts_on_the_sim_and_mails_them_all_the_same() {
    for trouble in [DiskError::Full, DiskError::ReadOnly] {
        let mut story = story();
        story.retain(|(_, h)| !matches!(h, Happening::Request(_)));
        story.insert(0, (at(0), Happening::DiskTrouble(Some(trouble))));
        let mut world = World::new(story);
        world.live(at(END)).unwrap();
        // The parts of one text wait for each other on the SIM, so all of it fits.
        ended_well(&world, &format!("{trouble}"));
        assert!(world.disk.files().is_empty());
    }
}

#[test]
fn a_full_disk_that_is_freed_again() {
    let mut story = story();
    story.insert(0, (at(0), Happening::DiskTrouble(Some(DiskError::Full))));
    story.insert(0, (at(0), Happening::ServerDown(true)));
    story.push((at(8_000), Happening::DiskTrouble(None)));
    story.push((at(9_000), Happening::ServerDown(false)));
    let mut world = World::new(story);
    world.live(at(4 * 3_600)).unwrap();
    ended_well(&world, "full, then free");
}

#[test]
fn the_clock_jumps_to_1970_and_back() {
    let mut story = story();
    for (seconds, wall) in [(10, 5), (30, 1_795_000_030), (45, 20), (70, 1_895_000_000), (400, 1_795_000_400)]
    {
        story.push((at(seconds), Happening::Clock(wall)));
    }
    story.sort_by_key(|(at, _)| *at);
    let mut world = World::new(story);
    world.replies.push_back(Outcome::Deferred { reply: "451 later".to_owned() });
    world.live(at(END)).unwrap();
    ended_well(&world, "clock jumps");
    // Dated by the service centre where the clock was not set.
    assert!(world.mailbox.iter().all(|m| m.date.at.is_set() || !m.body.contains("Received:")));
}

#[test]
fn a_restart_in_1970_keeps_waiting_for_the_server() {
    let mut world = world();
    world.server_down = true;
    world.live(at(END)).unwrap();
    for _ in 0..3 {
        world.live(at(END + DAY)).unwrap();
    }
    world.server_down = false;
    world.live(at(END + 2 * DAY)).unwrap();
    ended_well(&world, "server down over restarts");
}

#[test]
fn missing_parts_are_forwarded_with_a_mark_and_mended_later() {
    let [first, second, third] = <[String; 3]>::try_from(parts()).unwrap();
    let mut world = World::new(vec![
        (at(0), Happening::Arrives(first)),
        (at(10), Happening::Arrives(third)),
        (at(2 * DAY), Happening::Arrives(second)),
    ]);
    world.live(at(DAY - 100)).unwrap();
    assert!(world.mailbox.is_empty(), "a day is waited");
    assert!(world.stick.slots.is_empty(), "but not on the SIM");
    world.live(at(DAY + 100)).unwrap();
    assert_eq!(world.mailbox.len(), 1);
    assert!(world.mailbox[0].body.contains("[part 2 of 3 is missing]"), "{}", world.mailbox[0].body);
    world.live(at(3 * DAY)).unwrap();
    assert_eq!(world.mailbox.len(), 2, "the whole text follows");
    assert!(!world.mailbox[1].body.contains("missing"));
    assert_ne!(world.mailbox[0].message_id, world.mailbox[1].message_id);
}

#[test]
fn a_lost_answer_is_not_sent_again() {
    let send = r#"{"id":1,"method":"sms_send","params":{"to":"+491511234567","text":"Hello"}}"#;
    let mut world = World::new(vec![
        (at(20), Happening::Request(send.to_owned())),
        (at(900), Happening::Request(r#"{"id":2,"method":"sms_list"}"#.to_owned())),
    ]);
    world.stick.swallow_answers = 1;
    world.live(at(END)).unwrap();
    assert_eq!(world.stick.sent.len(), 1);
    assert!(world.answers.last().unwrap().contains(r#""state":"unknown""#), "{:?}", world.answers);
    world.live(at(2 * END)).unwrap();
    assert_eq!(world.stick.sent.len(), 1, "nor after a restart");
}

#[test]
fn thirty_days_of_peace_write_nothing_and_poll_little() {
    let mut world = World::new(vec![(at(0), Happening::Arrives(BROKEN.to_owned()))]);
    world.live(at(3_600)).unwrap();
    let files = world.disk.files();
    let before = world.operations;
    world.live(at(30 * DAY)).unwrap();
    assert_eq!(world.disk.files(), files);
    // A look at the store each two minutes, three questions each ten; two operations a command.
    assert!(world.operations - before < 30 * 720 * 2 + 30 * 144 * 6 + 1_000, "{}", world.operations - before);
}
