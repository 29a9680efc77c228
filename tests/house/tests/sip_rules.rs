//! What RFC 3261, 3311 and 4028 ask of a peer beyond the common call: flows that no softphone makes, with sipp.
use house::home::Options;
use house::phone::Transport;
use house::sipp::{Sipp, SippOptions};
use house::telephony::Telephony;
use house::wait::poll;
use std::time::Instant;

const NUMBER: &str = "+919800000001";

const OTHER: &str = "config extension '201'\n\toption secret 'secret'\n";

fn home(name: &str) -> Telephony {
    Telephony::ready(name, Options::default(), "")
}

/// The user 100, who calls `NUMBER`.
fn calls(home: &Telephony, scenario: &str) -> SippOptions {
    SippOptions::new(scenario).to(home.port, Transport::Udp).target(NUMBER)
}

/// The user 100, who is registered and waits to be called.
fn waits(home: &Telephony, scenario: &str) -> Sipp {
    Sipp::start_registered(calls(home, scenario))
}

#[track_caller]
fn succeeds(phone: &mut Sipp, home: &Telephony) {
    assert!(phone.finish(), "{}\n{}", phone.tail(), home.tails());
}

/// So many messages with this first line and CSeq went by.
#[track_caller]
fn counts(phone: &Sipp, first: &str, cseq: &str, want: std::ops::Range<usize>) {
    let count = phone.count(first, cseq);
    assert!(want.contains(&count), "{first}, {cseq}: {count} times, not {want:?}\n{}", phone.tail());
}

/// No session is left either, and the daemon took nothing for damaged.
fn end(mut home: Telephony) {
    let none = poll(10.0, || (home.counters()["sessions"] == 0).then_some(()));
    assert!(none.is_some(), "a session is left: {}\n{}", home.counters(), home.tails());
    assert_eq!(home.counters()["sip_malformed"], 0);
    home.end();
}

/// RFC 3261 13.3.1.4, 14.2, 15.1.2, 17.2: one INVITE is one call, however often it comes.
#[test]
fn what_comes_twice_is_answered_twice_and_done_once() {
    let mut home = home("rules-repeats");
    home.next_dial("manual");
    let mut phone = Sipp::start(calls(&home, "repeats").echo());
    phone.wait_message("CSeq: 15 UPDATE", 15.0);
    home.home.stick.tell("remote_answer");
    succeeds(&mut phone, &home);
    counts(&phone, "SIP/2.0 183", "12 INVITE", 2..3);
    counts(&phone, "SIP/2.0 500", "14 INVITE", 1..3);
    counts(&phone, "SIP/2.0 200", "12 INVITE", 2..4);
    counts(&phone, "SIP/2.0 200", "16 BYE", 2..3);
    assert_eq!(home.dialled(), [NUMBER]);
    end(home);
}

/// RFC 3261 9.1, 13.2.2.4: the answer of a call that is given up is acknowledged, and the call ended.
#[test]
fn an_answer_that_crosses_the_cancel() {
    let mut home = home("rules-crossing");
    let mut phone = waits(&home, "crossing");
    home.ring();
    phone.wait_message("180 Ringing", 10.0);
    home.home.stick.tell("remote_hangup");
    succeeds(&mut phone, &home);
    counts(&phone, "CANCEL sip:", "1 CANCEL", 2..4);
    counts(&phone, "BYE sip:", "2 BYE", 2..4);
    end(home);
}

/// RFC 3311 5: before the answer and after it.
#[test]
fn update_with_an_offer_and_without() {
    let mut home = home("rules-update");
    let mut phone = waits(&home, "update");
    home.ring();
    succeeds(&mut phone, &home);
    counts(&phone, "SIP/2.0 491", "2 UPDATE", 1..2);
    counts(&phone, "SIP/2.0 491", "7 INVITE", 1..3);
    end(home);
}

/// RFC 4028 7 to 9.
#[test]
fn a_session_that_is_too_short_and_one_that_is_refreshed() {
    let mut home = home("rules-timer");
    home.next_dial("answer");
    let mut phone = Sipp::start(calls(&home, "session-timer").echo());
    succeeds(&mut phone, &home);
    counts(&phone, "SIP/2.0 422", "INVITE", 0..1);
    for (cseq, count) in [("1 INVITE", 1..3), ("7 INVITE", 1..3), ("8 UPDATE", 1..2)] {
        counts(&phone, "SIP/2.0 422", cseq, count);
    }
    assert_eq!(home.dialled(), [NUMBER]);
    end(home);
}

/// RFC 3261 14.1, RFC 4028 10: two phones call each other. To the one who was called the daemon says after 45 s of 90 that it is
/// there, and both offer at once; the other one has promised to say so and does not, so a third before the end it is over.
#[test]
fn both_offer_at_once_and_a_session_without_its_refresh_ends() {
    // 100 is a number for emergencies in India.
    let home = Telephony::ready("rules-glare", Options::default(), OTHER);
    let called = calls(&home, "glare").user("201", "secret").key("expires", "120").seconds(90.0);
    let mut called = Sipp::start_registered(called);
    let begin = Instant::now();
    let mut caller =
        Sipp::start(calls(&home, "no-refresh").user("101", "secret").target("201").seconds(90.0));
    succeeds(&mut caller, &home);
    assert!(begin.elapsed().as_secs() >= 60, "ended after {:?}\n{}", begin.elapsed(), home.tails());
    succeeds(&mut called, &home);
    counts(&called, "SIP/2.0 491", "1 INVITE", 1..3);
    // Offered once, and once again after the pause.
    counts(&called, "INVITE sip:", "2 INVITE", 2..4);
    counts(&called, "INVITE sip:", "3 INVITE", 1..3);
    end(home);
}

/// RFC 3261 8.2.2.3.
#[test]
fn what_is_required_and_nobody_has() {
    let mut home = home("rules-require");
    home.next_dial("manual");
    let mut phone = Sipp::start(calls(&home, "require"));
    succeeds(&mut phone, &home);
    counts(&phone, "SIP/2.0 420", "1 INVITE", 1..3);
    counts(&phone, "SIP/2.0 420", "12 ", 0..1);
    end(home);
}

/// RFC 3261 8.2.2.2, 16.3.
#[test]
fn an_invite_by_two_ways_and_one_that_has_come_far_enough() {
    let mut home = home("rules-merged");
    home.next_dial("manual");
    let mut phone = Sipp::start(calls(&home, "merged"));
    succeeds(&mut phone, &home);
    counts(&phone, "SIP/2.0 482", "12 INVITE", 1..3);
    assert_eq!(home.dialled(), [NUMBER]);
    end(home);
}

/// RFC 3261 7.3.3, 8.2.1, 11.2.
#[test]
fn compact_forms_and_what_nobody_knows() {
    let mut home = home("rules-compact");
    home.next_dial("answer");
    let mut phone = Sipp::start(calls(&home, "compact").echo());
    succeeds(&mut phone, &home);
    counts(&phone, "SIP/2.0 501", "2 FOO", 1..2);
    assert_eq!(home.dialled(), [NUMBER]);
    end(home);
}
