//! Calls between the SIM and a real phone (baresip), through the real program and the emulated stick.
use house::home::Options;
use house::phone::{Caller, PhoneOptions, Transport};
use house::sound::Tone;
use house::telephony::{FAR_HZ, LEVEL, Telephony};
use house::wait::poll;
use serde_json::json;

/// Within 1% and 1.5 dB (G.711 and a resampled sample here and there), without gap or click.
#[track_caller]
fn assert_tone(tone: &Tone, hz: f64) {
    assert!((tone.hz - hz).abs() <= hz * 0.01, "{tone}");
    assert!((tone.dbfs - LEVEL).abs() <= 1.5, "{tone}");
    assert!(tone.gaps.is_empty() && tone.clicks.is_empty(), "{tone}: {tone:?}");
}

fn far_speaks(home: &mut Telephony) {
    home.home.stick.ask(&json!({"do": "play", "hz": FAR_HZ, "level_db": LEVEL}));
}

#[test]
fn a_call_to_the_sim_rings_the_phone_and_both_hear_each_other() {
    let mut home = Telephony::ready("call-in", Options::default(), "");
    let mut phone = home.phone("100", Transport::Udp);
    home.home.stick.ask(&json!({"do": "ring", "from": "+4915112345678"}));
    let Caller { uri, .. } = phone.wait_incoming(10.0);
    assert!(uri.contains("+4915112345678"), "{uri}");
    phone.accept();
    phone.wait_established(10.0);
    far_speaks(&mut home);
    let heard = phone.wait_heard(3.0, 20.0).trimmed();
    assert_tone(&heard.measure(heard.seconds() - 2.0, heard.seconds()), FAR_HZ);
    assert_tone(&home.far_measure(2.0, 20.0), 1_020.0);
    home.home.stick.ask(&json!({"do": "remote_hangup", "cause": 16}));
    phone.wait_closed(10.0);
    home.wait_idle(10.0);
    home.home.assert_clean();
}

#[test]
fn the_phone_calls_out_presses_keys_and_hangs_up() {
    let mut home = Telephony::ready("call-out", Options::default(), "");
    let mut phone = home.phone_with(PhoneOptions::new("100").codecs("PCMA/8000/1"), Transport::Tcp);
    home.home.stick.ask(&json!({"do": "dial_result", "next": ["answer"]}));
    phone.dial("+919800000001");
    phone.wait_established(15.0);
    far_speaks(&mut home);
    let heard = phone.wait_heard(3.0, 20.0).trimmed();
    assert_tone(&heard.measure(heard.seconds() - 2.0, heard.seconds()), FAR_HZ);
    phone.dtmf("159#");
    let pressed = poll(15.0, || {
        let dtmf = home.home.stick.tell("dtmf");
        (dtmf["digits"].as_str().is_some_and(|d| d.len() >= 4)).then_some(dtmf)
    });
    let pressed = pressed.unwrap_or_else(|| panic!("no keys\n{}", home.home.daemon.tail(60)));
    assert_eq!(pressed["digits"], "159#");
    phone.hangup();
    home.wait_idle(10.0);
    home.home.assert_clean();
}

#[test]
fn busy_is_busy() {
    let mut home = Telephony::ready("call-busy", Options::default(), "");
    let mut phone = home.phone("100", Transport::Udp);
    home.home.stick.ask(&json!({"do": "dial_result", "next": ["busy"]}));
    phone.dial("+919800000001");
    let why = phone.wait_closed(15.0);
    assert!(why.contains("486"), "{why}");
    home.wait_idle(10.0);
}
