//! What a restart knows, and what is thrown away when there is too much.
use super::house::{CONFIG, House, down};
use super::pdus::Deliver;
use tandem::modem::start::Step;

fn text(words: &str) -> String {
    Deliver::new("+4915112345678", words).hex()
}

#[test]
fn a_restart_mails_nothing_again() {
    let mut house = House::new();
    house.arrive(&text("one"));
    house.restart();
    house.pass(86_400);
    assert_eq!(house.tries.len(), 1);
    assert_eq!(house.list()[0]["state"], "sent");
}

#[test]
fn a_restart_goes_on_with_what_waits() {
    let mut house = House::new();
    house.replies.extend([down(), down()]);
    house.arrive(&text("one"));
    house.restart();
    house.pass(3_600);
    assert_eq!(house.mailbox.len(), 1);
}

/// A crash between two removals leaves some of a text's files. Whichever they are, it is not mailed again.
#[test]
fn a_crash_while_old_texts_are_removed() {
    let config = CONFIG.replace("config tandem 'main'", "config tandem 'main'\n\toption keep '1'");
    let mut house = House::with(&config, &[]);
    for (text, number) in [("eins ", 1), ("zwei ", 2), ("drei", 3)] {
        house.arrive(&Deliver::new("+4915112345678", text).part(7, 3, number).hex());
    }
    house.arrive(&text("one"));
    house.arrive(&text("two"));
    assert_eq!((house.mailbox.len(), house.list().len()), (3, 1));
    assert_eq!(house.removals.iter().map(|(_, names)| names.len()).collect::<Vec<_>>(), [4, 2]);
    for (disk, names) in house.removals {
        for removed in 1..names.len() {
            let left = disk.iter().filter(|(name, _)| !names[..removed].contains(name));
            let files: Vec<(&str, Vec<u8>)> = left.map(|(n, b)| (n.as_str(), b.clone())).collect();
            let mut house = House::with(&config, &files);
            house.pass(2 * 86_400);
            assert!(house.tries.is_empty(), "without {:?}: {:#?}", &names[..removed], house.tries);
        }
    }
}

#[test]
fn no_secret_is_shown() {
    let config = CONFIG
        .replace("option sender", "option username 'me'\n\toption secret 'hunter2hunter2'\n\toption sender")
        .replace("config dongle 'home_sim'", "config dongle 'home_sim'\n\toption pin '73194682'");
    let mut house = House::with(&config, &[]);
    house.arrive(&text("one"));
    let answers = format!("{} {:?}", house.status(), house.list());
    let shown = format!("{:?} {answers}", house.switch);
    for secret in ["hunter2hunter2", "73194682"] {
        assert!(!shown.contains(secret), "{secret}");
    }
    // What the log shows of the command that has it.
    assert_eq!(Step::EnterPin.command("73194682").shown(), "AT+CPIN");
}
