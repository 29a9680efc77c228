//! Real phones and their measuring instruments, proven against each other before tandem is put between them.
use house::Scratch;
use house::phone::{Phone, PhoneOptions, Source};
use house::sound::Wav;

/// 440 Hz, and the phone that it is said into.
fn low(scratch: &Scratch) -> Phone {
    let source = Source::Tone { hz: 440.0, dbfs: -10.0 };
    Phone::start(&scratch.join("100"), PhoneOptions::new("100").source(source))
}

/// 1020 Hz.
fn high(scratch: &Scratch) -> Phone {
    Phone::start(&scratch.join("200"), PhoneOptions::new("200"))
}

/// `caller` calls `callee`, who answers.
fn join(caller: &mut Phone, callee: &mut Phone) {
    caller.dial(&callee.uri());
    callee.wait_incoming(5.0);
    caller.wait_ringing(5.0);
    callee.accept();
    callee.wait_established(5.0);
    caller.wait_established(5.0);
}

/// The recording is this tone, without gap or click, within 1% and 1 dB.
#[track_caller]
fn assert_tone(wav: &Wav, hz: f64, seconds: f64) {
    let sound = wav.trimmed();
    assert!(sound.seconds() >= seconds, "{} of {seconds} s", sound.seconds());
    let tone = sound.measure(0.0, sound.seconds());
    assert!((tone.hz - hz).abs() <= hz * 0.01, "{tone:?}");
    assert!((tone.dbfs + 10.0).abs() <= 1.0, "{tone:?}");
    assert!(tone.gaps.is_empty() && tone.clicks.is_empty(), "{tone:?}");
}

#[test]
fn two_phones_hear_each_other() {
    let scratch = Scratch::new("phones");
    let (mut a, mut b) = (low(&scratch), high(&scratch));
    a.dial(&b.uri());
    let caller = b.wait_incoming(5.0);
    assert_eq!((caller.uri.as_str(), caller.name), (a.uri().as_str(), None));
    a.wait_ringing(5.0);
    b.accept();
    b.wait_established(5.0);
    a.wait_established(5.0);
    assert_tone(&a.wait_heard(1.0, 10.0), 1_020.0, 0.9);
    assert_tone(&b.wait_heard(1.0, 10.0), 440.0, 0.9);
    a.hangup();
    assert_eq!(b.wait_closed(5.0), "Connection reset by peer");
    assert_eq!(a.wait_closed(5.0), "Connection reset by user");
    // The recordings outlive the call.
    assert_tone(&a.heard(), 1_020.0, 1.0);
    assert_tone(&b.heard(), 440.0, 1.0);
    assert_tone(&b.said(), 1_020.0, 1.0);
    let (sent, received) = a.packets();
    assert!(sent >= 50 && received >= 50, "{sent} {received}");
}

#[test]
fn keys_are_heard_one_for_one() {
    let scratch = Scratch::new("phones");
    let (mut a, mut b) = (low(&scratch), high(&scratch));
    join(&mut a, &mut b);
    a.wait_heard(0.2, 10.0);
    a.dtmf("1223#");
    assert_eq!(b.wait_dtmf(5, 5.0), "1223#");
    b.dtmf("*0D");
    assert_eq!(a.wait_dtmf(3, 5.0), "*0D");
    b.hangup();
    assert_eq!(a.wait_closed(5.0), "Connection reset by peer");
    let presses = |p: &Phone| p.events().iter().filter(|e| e["type"] == "CALL_DTMF_START").count();
    assert_eq!((presses(&a), presses(&b)), (0, 0), "no press more");
}

#[test]
fn a_phone_says_no_gives_up_and_is_called_again() {
    let scratch = Scratch::new("phones");
    let (mut a, mut b) = (low(&scratch), high(&scratch));
    a.dial(&b.uri());
    b.wait_incoming(5.0);
    b.reject();
    assert!(a.wait_closed(5.0).starts_with("486 "));

    a.dial(&b.uri());
    b.wait_incoming(5.0);
    a.wait_ringing(5.0);
    a.hangup();
    assert_eq!(b.wait_closed(5.0), "Connection reset by peer");
    a.wait_closed(5.0);

    a.dial(&b.uri().replacen("200@", "999@", 1));
    assert!(a.wait_closed(5.0).starts_with("404 "));
    b.assert_quiet(0.0);

    join(&mut b, &mut a);
    assert_tone(&a.wait_heard(0.5, 10.0), 1_020.0, 0.4);
    b.hangup();
    a.wait_closed(5.0);
}

#[test]
fn a_phone_answers_by_itself_over_tcp_with_a_law() {
    let scratch = Scratch::new("phones");
    let options = PhoneOptions::new("300").auto_answer().codecs("PCMA/8000/1");
    let mut b = Phone::start(&scratch.join("300"), options);
    let mut a = low(&scratch);
    a.dial(&format!("{};transport=tcp", b.uri()));
    b.wait_established(5.0);
    a.wait_established(5.0);
    assert_tone(&a.wait_heard(0.5, 10.0), 1_020.0, 0.4);
    assert!(a.child().find_line(0, "Set audio decoder: PCMA", 1.0).is_some(), "{}", a.tail(60));
    assert!(
        a.child().find_line(0, &format!("-> 127.0.0.1:{}", b.port), 1.0).is_some_and(|l| l.contains("TCP"))
    );
    a.hangup();
    b.wait_closed(5.0);
}

/// Also when nobody has stopped it.
#[test]
fn no_phone_outlives_the_thread_that_started_it() {
    let scratch = Scratch::new("phones");
    let dir = scratch.join("p");
    let forgetful = std::thread::spawn(move || {
        let phone = Phone::start(&dir, PhoneOptions::new("100"));
        let id = phone.child().id();
        std::mem::forget(phone);
        id
    });
    let stat = format!("/proc/{}/stat", forgetful.join().unwrap());
    // Nobody has waited for it, so its entry stays as that of a zombie.
    let is_dead = || std::fs::read_to_string(&stat).map_or(true, |s| s.contains(") Z "));
    assert!(house::wait::poll(5.0, || is_dead().then_some(())).is_some());
}
