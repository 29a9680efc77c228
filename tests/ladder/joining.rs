//! What arrives: parts in all shapes, senders that would like to write headers, a state directory with other people's files.
use super::house::{CONFIG, House};
use super::pdus::Deliver;
use tandem::message::store;
use tandem::util::limits::TEXTS_WAITING;

const FROM: &str = "+4915112345678";

fn part(text: &str, reference: u8, total: u8, number: u8) -> String {
    Deliver::new(FROM, text).part(reference, total, number).hex()
}

#[test]
fn a_surrogate_pair_split_between_two_parts() {
    for order in [[0, 1], [1, 0]] {
        let halves = [
            Deliver::new(FROM, "").units(&[0x0041, 0xd83d]).part(7, 2, 1).hex(),
            Deliver::new(FROM, "").units(&[0xde00, 0x0042]).part(7, 2, 2).hex(),
        ];
        let mut house = House::new();
        for at in order {
            house.arrive(&halves[at]);
        }
        assert_eq!(house.mailbox.len(), 1);
        assert!(house.mailbox[0].body.starts_with("A😀B\n"), "{:?}", house.mailbox[0].body);
    }
}

#[test]
fn parts_are_joined_by_their_numbers() {
    let mut house = House::new();
    for (text, number) in [("drei", 3), ("eins ", 1), ("eins ", 1), ("zwei ", 2)] {
        house.arrive(&part(text, 7, 3, number));
    }
    assert_eq!(house.mailbox.len(), 1, "{:#?}", house.mailbox);
    assert!(house.mailbox[0].body.starts_with("eins zwei drei\n"));
    assert!(house.slots.is_empty());
}

#[test]
fn one_part_of_255() {
    for (number, shown) in [
        (1, "da[parts 2 to 255 of 255 are missing]\n"),
        (255, "[parts 1 to 254 of 255 are missing]da\n"),
        (100, "[parts 1 to 99 of 255 are missing]da[parts 101 to 255 of 255 are missing]\n"),
    ] {
        let mut house = House::new();
        house.arrive(&part("da", 7, 255, number));
        assert!(house.mailbox.is_empty() && house.slots.is_empty());
        house.pass(86_400 + 1);
        assert_eq!(house.mailbox.len(), 1);
        assert!(house.mailbox[0].body.starts_with(shown), "{:?}", house.mailbox[0].body);
    }
}

#[test]
fn part_numbers_that_can_not_be() {
    for (total, number) in [(3, 0), (3, 4), (0, 0), (0, 1)] {
        let mut house = House::new();
        house.arrive(&part("allein", 7, total, number));
        assert_eq!(house.mailbox.len(), 1, "part {number} of {total} is a text of its own");
        assert!(house.mailbox[0].body.starts_with("allein\n"));
    }
}

/// Reserved groups, compressed data, message waiting, classes: whatever the scheme, nothing is thrown away.
#[test]
fn every_coding_scheme_reaches_the_mailbox() {
    let mut house = House::new();
    for dcs in 0..=255 {
        let mut text = Deliver::new(FROM, "xy");
        text.dcs = dcs;
        house.arrive(&text.hex());
        assert_eq!(house.mailbox.len(), usize::from(dcs) + 1, "coding scheme {dcs:02x}");
    }
    assert!(house.slots.is_empty());
}

#[test]
fn a_sender_writes_no_header_and_no_line() {
    let mut house = House::new();
    // CR and LF are 0D and 0A in GSM 7-bit too.
    house.arrive(&Deliver::new("!Bk\r\nBcc:x", "hello").hex());
    let mail = &house.mailbox[0];
    for header in [&mail.subject, &mail.from_name, &mail.from, &mail.to, &mail.message_id] {
        assert!(!header.contains(['\r', '\n']), "{mail:#?}");
    }
    assert!(!mail.body.lines().any(|l| l.starts_with("Bcc")), "{mail:#?}");
    assert!(mail.body.contains("This sender can't be answered."));
}

#[test]
fn a_text_writes_no_header() {
    let mut house = House::new();
    house.arrive(&Deliver::new(FROM, "hi\r\nBcc: you@example.com\r\n\r\nbody").hex());
    assert!(!house.mailbox[0].subject.contains(['\r', '\n']));
}

#[test]
fn damaged_and_foreign_files_are_left_alone() {
    let mut house = House::new();
    house.arrive(&part("eins ", 7, 2, 1));
    let (name, good) = house.disk.iter().next().map(|(n, b)| (n.clone(), b.clone())).unwrap();
    let mut damaged = good.clone();
    damaged[good.len() / 2] ^= 1;
    let foreign = store::encode(&serde_json::json!({"dongle": 5}));
    let files = [
        ("0123456789abcdef-0123456789abcdef.part", damaged),
        ("fedcba9876543210-fedcba9876543210.part", foreign.clone()),
        ("0123456789abcdef.done", b"".to_vec()),
        ("0123456789abcdef.out", foreign.clone()),
        ("0123456789abcdef.pin", foreign),
        ("lost+found", vec![0xff; 4_000]),
        ("holiday.jpg", vec![0xd8; 100]),
        (name.as_str(), good),
    ];
    let mut house = House::with(CONFIG, &files);
    assert_eq!(house.status()["storage"]["foreign_files"], 7);
    house.arrive(&part("zwei", 7, 2, 2));
    assert!(house.mailbox[0].body.starts_with("eins zwei\n"), "what is good is used");
    assert!(files.iter().all(|(name, bytes)| house.disk.get(*name) == Some(bytes)), "nothing is removed");
}

/// At the limit the SIM keeps what comes, and it is read when there is room.
#[test]
fn texts_waiting_at_the_limit() {
    let mut house = House::new();
    house.mail_hangs = true;
    for n in 0..TEXTS_WAITING {
        house.arrive(&Deliver::new(FROM, &format!("text {n}")).hex());
    }
    assert!(house.slots.is_empty());
    house.arrive(&Deliver::new(FROM, "one more").hex());
    house.pass(600);
    assert_eq!(house.slots.len(), 1, "it stays");
    house.mail_hangs = false;
    house.settle();
    house.pass(121);
    assert!(house.slots.is_empty(), "the next look at the store finds it");
    assert_eq!(house.mailbox.len(), TEXTS_WAITING + 1);
}

#[test]
fn texts_without_a_usable_target_are_bounded_too() {
    let mut house = House::new();
    house.reload_bad(&CONFIG.replace("option sender", "option sendre"));
    for n in 0..TEXTS_WAITING {
        house.arrive(&Deliver::new(FROM, &format!("text {n}")).hex());
    }
    assert!(house.slots.is_empty());
    house.arrive(&Deliver::new(FROM, "one more").hex());
    house.pass(600);
    assert_eq!(house.slots.len(), 1, "it stays on the SIM");
    house.reload(CONFIG);
    house.pass(600);
    assert_eq!(house.mailbox.len(), TEXTS_WAITING + 1);
}

#[test]
fn the_wait_for_missing_parts_is_the_sections_and_goes_on_over_a_restart() {
    let patient = CONFIG
        .replace("config dongle 'home_sim'", "config dongle 'home_sim'\n\toption incomplete_after '3600'");
    for restart in [false, true] {
        let mut house = House::with(&patient, &[]);
        house.arrive(&part("the first half ", 7, 2, 1));
        house.pass(1_800);
        if restart {
            house.restart();
        }
        house.pass(1_700);
        assert!(house.mailbox.is_empty(), "restart {restart}: too early");
        house.pass(200);
        assert_eq!(house.mailbox.len(), 1, "restart {restart}: after an hour");
    }
}
