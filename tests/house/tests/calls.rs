//! Calls between the SIM and a real phone (baresip), through the real program and the emulated stick.
use house::home::Options;
use house::phone::{Caller, Phone, PhoneOptions, Transport};
use house::telephony::{CALLER, Telephony};
use house::wait::poll;
use serde_json::{Value, json};

const NUMBER: &str = "+919800000001";
const PHONE_HZ: f64 = 1_020.0;

fn home(name: &str) -> Telephony {
    Telephony::ready(name, Options::default(), "")
}

#[track_caller]
fn assert_both_hear(home: &mut Telephony, phone: &mut Phone) {
    home.assert_phone_hears(phone);
    home.assert_far_hears(PHONE_HZ);
}

fn word(output: &std::process::Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

#[test]
fn a_call_to_the_sim_rings_the_phone_and_both_hear_each_other() {
    let mut home = home("call-in");
    let mut phone = home.phone("100", Transport::Udp);
    home.ring();
    let Caller { uri, .. } = phone.wait_incoming(10.0);
    assert!(uri.contains(CALLER), "{uri}");
    phone.accept();
    phone.wait_established(10.0);
    home.far_speaks();
    assert_both_hear(&mut home, &mut phone);
    home.home.stick.ask(&json!({"do": "remote_hangup", "cause": 16}));
    phone.wait_closed(10.0);
    home.end();
}

#[test]
fn the_phone_calls_out_presses_keys_and_hangs_up() {
    let mut home = home("call-out");
    let mut phone = home.phone_with(PhoneOptions::new("100").codecs("PCMA/8000/1"), Transport::Tcp);
    home.next_dial("answer");
    phone.dial(NUMBER);
    phone.wait_established(15.0);
    home.far_speaks();
    home.assert_phone_hears(&mut phone);
    phone.dtmf("159#");
    let pressed = poll(15.0, || {
        let dtmf = home.home.stick.tell("dtmf");
        (dtmf["digits"].as_str().is_some_and(|d| d.len() >= 4)).then_some(dtmf)
    });
    let pressed = pressed.unwrap_or_else(|| panic!("no keys\n{}", home.tails()));
    assert_eq!(pressed["digits"], "159#");
    phone.hangup();
    home.end();
}

#[test]
fn busy_is_busy() {
    let mut home = home("call-busy");
    let mut phone = home.phone("100", Transport::Udp);
    home.next_dial("busy");
    phone.dial(NUMBER);
    let why = phone.wait_closed(15.0);
    assert!(why.contains("486"), "{why}");
    home.end();
}

#[test]
fn a_caller_who_gives_up_ends_the_ringing() {
    let mut home = home("call-given-up");
    let mut phone = home.phone("100", Transport::Udp);
    home.ring();
    phone.wait_incoming(10.0);
    home.home.stick.tell("remote_hangup");
    phone.wait_closed(10.0);
    home.wait_idle(10.0);
    let call = home.last_call();
    assert!(
        call["talked_s"].is_null() && call["from"].as_str().is_some_and(|f| f.contains(CALLER)),
        "{call}"
    );
    home.end();
}

#[test]
fn a_phone_that_says_no_ends_the_call_at_the_stick() {
    let mut home = home("call-rejected");
    let mut phone = home.phone("100", Transport::Udp);
    home.ring();
    phone.wait_incoming(10.0);
    phone.reject();
    phone.wait_closed(10.0);
    home.wait_idle(10.0);
    let is_chup =
        |e: &Value| e["event"] == "command" && e["text"].as_str().is_some_and(|t| t.contains("+CHUP"));
    assert!(home.home.stick.events().iter().any(is_chup), "{}", home.tails());
    home.end();
}

#[test]
fn of_two_phones_the_one_that_answers_has_the_call_and_may_end_it() {
    let mut home = home("call-two-phones");
    let (mut first, mut second) = (home.phone("100", Transport::Udp), home.phone("100", Transport::Tcp));
    home.ring();
    first.wait_incoming(10.0);
    second.wait_incoming(10.0);
    second.accept();
    second.wait_established(10.0);
    first.wait_closed(10.0);
    home.far_speaks();
    assert_both_hear(&mut home, &mut second);
    second.hangup();
    second.wait_closed(10.0);
    home.end();
}

#[test]
fn a_phone_gives_up_while_the_far_side_rings() {
    let mut home = home("call-cancel");
    let mut phone = home.phone("100", Transport::Udp);
    home.next_dial("manual");
    phone.dial(NUMBER);
    home.wait_stick_call("alerting", 15.0);
    phone.hangup();
    phone.wait_closed(10.0);
    home.wait_idle(10.0);
    assert_eq!(home.dialled(), [NUMBER]);
    home.end();
}

#[test]
fn a_second_call_out_is_told_that_the_stick_is_busy() {
    let mut home = home("call-second");
    let (mut first, mut second) = (home.phone("100", Transport::Udp), home.phone("101", Transport::Udp));
    home.next_dial("answer");
    first.dial(NUMBER);
    first.wait_established(15.0);
    second.dial("+919800000002");
    let why = second.wait_closed(10.0);
    assert!(why.contains("486"), "{why}");
    home.far_speaks();
    assert_both_hear(&mut home, &mut first);
    assert_eq!(home.dialled(), [NUMBER]);
    first.hangup();
    first.wait_closed(10.0);
    home.end();
}

#[test]
fn an_emergency_call_goes_out_as_it_was_dialled() {
    let prefix = "config route 'prefix'
	list from 'extensions'
	list match '1X.'
	option prepend '0'
	list to 'home_sim'
";
    let options = Options { sections: prefix.to_owned(), ..Options::default() };
    let mut home = Telephony::ready("call-112", options, "");
    let mut phone = home.phone("100", Transport::Udp);
    for (dialled, sent) in [("112", "112"), ("198", "0198")] {
        home.next_dial("answer");
        phone.dial(dialled);
        phone.wait_established(15.0);
        assert_eq!(home.dialled().last().map(String::as_str), Some(sent));
        phone.hangup();
        phone.wait_closed(10.0);
        home.wait_idle(10.0);
    }
    home.end();
}

#[test]
fn with_a_wrong_password_there_is_neither_a_registration_nor_a_call() {
    let mut home = home("call-wrong-password");
    let options = PhoneOptions::new("100").password("wrong").registrar(home.port, Transport::Udp);
    let mut phone = Phone::start(&home.home.scratch.join("phone-wrong"), options);
    let why = phone.wait_register_failed(10.0);
    assert!(why.contains("401") || why.contains("403"), "{why}");
    phone.dial(NUMBER);
    phone.wait_closed(10.0);
    phone.dial("112");
    phone.wait_closed(10.0);
    assert_eq!(home.dialled(), [""; 0]);
    assert_eq!(home.home.daemon.status()["extensions"][0]["contacts"], json!([]));
    home.end();
}

#[test]
fn a_stick_pulled_in_a_call_ends_it_and_the_next_one_works() {
    let mut home = home("call-pulled");
    let mut phone = home.phone("100", Transport::Udp);
    home.talk(&mut phone);
    home.far_speaks();
    phone.wait_heard(0.5, 10.0);
    home.home.stick.unplug();
    phone.wait_closed(10.0);
    home.wait_idle(10.0);
    let call = home.last_call();
    assert_eq!(call["q850"], 38, "{call}");
    home.home.stick.plug(5);
    home.home.daemon.wait_dongle("ready", 60.0);
    home.talk(&mut phone);
    home.far_speaks();
    assert_both_hear(&mut home, &mut phone);
    phone.hangup();
    phone.wait_closed(10.0);
    home.end();
}

#[test]
fn the_command_line_dials_lists_ends_and_asks_the_network() {
    let mut home = home("call-cli");
    let mut phone = home.phone("100", Transport::Udp);
    let cli = |home: &Telephony, words: &[&str]| word(&home.home.daemon.cli(words));
    home.next_dial("answer");
    assert!(cli(&home, &["dial", "100", NUMBER]).contains("the phone rings"));
    let Caller { uri, .. } = phone.wait_incoming(10.0);
    assert!(uri.contains(NUMBER), "{uri}");
    phone.accept();
    phone.wait_established(10.0);
    home.wait_stick_call("active", 15.0);
    home.far_speaks();
    assert_both_hear(&mut home, &mut phone);
    let list = cli(&home, &["calls"]);
    assert!(list.contains(NUMBER) && list.contains("100"), "{list}");
    assert_eq!(cli(&home, &["hangup", "all"]), "1 call ended\n");
    phone.wait_closed(10.0);
    home.wait_idle(10.0);
    let list = cli(&home, &["calls"]);
    assert!(list.starts_with("no calls now") && list.contains(NUMBER), "{list}");
    assert_eq!(cli(&home, &["hangup", "all"]), "no call to end\n");
    let balance = cli(&home, &["ussd", "*100#"]);
    assert!(balance.contains("Guthaben"), "{balance}");
    home.end();
}

#[test]
fn sound_in_odd_pieces_is_as_good() {
    let mut home = home("call-odd");
    let mut phone = home.phone("100", Transport::Udp);
    home.home.stick.ask(&json!({"do": "audio", "pieces": "odd"}));
    home.talk(&mut phone);
    home.far_speaks();
    assert_both_hear(&mut home, &mut phone);
    phone.hangup();
    phone.wait_closed(10.0);
    home.end();
}

#[test]
fn a_stick_that_stalls_and_drifts_is_heard_again() {
    let mut home = home("call-stall");
    let mut phone = home.phone("100", Transport::Udp);
    home.talk(&mut phone);
    home.far_speaks();
    assert_both_hear(&mut home, &mut phone);
    home.home.stick.ask(&json!({"do": "audio", "stall_ms": 1_000, "ppm": 150}));
    // Over before the stretch that is measured begins.
    let before = phone.wait_heard(0.1, 10.0).seconds();
    phone.wait_heard(before + 1.5, 20.0);
    assert_both_hear(&mut home, &mut phone);
    phone.hangup();
    phone.wait_closed(10.0);
    home.end();
}
