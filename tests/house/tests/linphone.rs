//! Linphone, as a phone of the house: SHA-256, over UDP, TCP and TLS; it holds, presses keys, and passes a call on.
use house::home::Options;
use house::linphone::{Linphone, Way};
use house::may_skip;
use house::phone::{Phone, Transport};
use house::ports;
use house::telephony::{LEVEL, Telephony, assert_hears};
use house::wait::poll;

const ITS_HZ: f64 = 440.0;
const OUR_HZ: f64 = 1_020.0;

#[track_caller]
fn assert_it_hears(linphone: &Linphone) {
    let tone = linphone.hears(1.0, 15.0);
    let near = (tone.hz - OUR_HZ).abs() <= OUR_HZ * 0.02 && (tone.dbfs - LEVEL).abs() <= 3.0;
    assert!(near, "{tone}\n{}", linphone.tail(40));
}

fn home(name: &str, more: &str) -> Telephony {
    let extensions =
        ["203", "204"].map(|n| format!("config extension '{n}'\n\toption secret 'secret'\n")).concat();
    let linphone = "config extension '201'\n\toption secret 'secret'\n\toption digest 'sha256'\n";
    Telephony::ready(name, Options::default(), &format!("{more}{linphone}{extensions}"))
}

/// Registered as 201.
fn linphone(home: &mut Telephony, transport: Transport) -> Linphone {
    let dir = home.home.scratch.join("linphone");
    let phone = Linphone::start(&dir, "201", "secret", home.port, &Way::Plain(transport), ITS_HZ, LEVEL);
    wait_registered(home);
    phone
}

fn wait_registered(home: &mut Telephony) {
    home.home.daemon.wait_status("linphone is registered", 20.0, |s| {
        let all = s["extensions"].as_array();
        all.is_some_and(|all| {
            all.iter().any(|e| e["name"] == "201" && e["contacts"].as_array().is_some_and(|c| c.len() == 1))
        })
    });
}

/// It is called, holds, goes on, presses a key, is left; and calls itself.
fn story(home: &mut Telephony, linphone: &mut Linphone) {
    let mut phone = home.phone("203", Transport::Udp);
    phone.dial("201");
    assert!(linphone.wait_incoming(10.0).contains("203"));
    phone.wait_ringing(10.0);
    linphone.answer();
    linphone.wait_streams(10.0);
    phone.wait_established(10.0);
    assert_hears(&mut phone, ITS_HZ);
    assert_it_hears(linphone);
    linphone.press('5');
    assert_eq!(phone.wait_dtmf(1, 10.0), "5");
    linphone.hold();
    linphone.wait_held(10.0);
    linphone.resume(1);
    linphone.wait_streams(10.0);
    assert_hears(&mut phone, ITS_HZ);
    assert_it_hears(linphone);
    phone.hangup();
    linphone.wait_ended(10.0);
    home.wait_idle(10.0);

    linphone.dial("203");
    assert!(phone.wait_incoming(10.0).uri.contains("201"));
    phone.accept();
    linphone.wait_streams(10.0);
    assert_hears(&mut phone, ITS_HZ);
    linphone.hang_up();
    phone.wait_closed(10.0);
    home.wait_idle(10.0);
}

/// 203 calls and is answered, as linphone's next call.
fn talk(caller: &mut Phone, linphone: &mut Linphone) {
    caller.dial("201");
    linphone.wait_incoming(10.0);
    linphone.answer();
    linphone.wait_streams(10.0);
    caller.wait_established(10.0);
}

/// Both hear each other and nothing is left of linphone's calls.
fn leave_alone(home: &mut Telephony, caller: &mut Phone, third: &mut Phone) {
    assert_hears(third, OUR_HZ);
    assert_hears(caller, OUR_HZ);
    let calls = home.home.daemon.status()["calls"].as_u64();
    assert_eq!(calls, Some(1), "{}", home.home.daemon.tail(60));
    caller.hangup();
    third.wait_closed(10.0);
    home.wait_idle(10.0);
}

#[test]
fn over_udp_and_it_passes_calls_on() {
    if may_skip(Linphone::missing()) {
        return;
    }
    let mut home = home("linphone-udp", "");
    let mut linphone = linphone(&mut home, Transport::Udp);
    story(&mut home, &mut linphone);
    let (mut caller, mut third) = (home.phone("203", Transport::Udp), home.phone("204", Transport::Tcp));
    talk(&mut caller, &mut linphone);
    linphone.transfer(3, "204");
    third.wait_incoming(10.0);
    third.accept();
    third.wait_established(10.0);
    linphone.wait_ended(10.0);
    leave_alone(&mut home, &mut caller, &mut third);

    // Asked first: REFER with Replaces.
    talk(&mut caller, &mut linphone);
    linphone.hold();
    linphone.wait_held(10.0);
    linphone.dial("204");
    third.wait_incoming(10.0);
    third.accept();
    linphone.wait_streams(10.0);
    linphone.join(4, 5);
    linphone.wait_ended(10.0);
    leave_alone(&mut home, &mut caller, &mut third);
    home.end();
}

#[test]
fn over_tcp() {
    if may_skip(Linphone::missing()) {
        return;
    }
    let mut home = home("linphone-tcp", "");
    let mut linphone = linphone(&mut home, Transport::Tcp);
    story(&mut home, &mut linphone);
    home.end();
}

/// With the certificate that the daemon made for itself at its first start.
#[test]
fn over_tls() {
    if may_skip(Linphone::missing()) {
        return;
    }
    let port = ports::free();
    let mut home = home("linphone-tls", &format!("config sip 'sip'\n\tlist listen 'tls:127.0.0.1:{port}'\n"));
    let trusted = home.home.scratch.join("state/tls.certificate");
    let dir = home.home.scratch.join("linphone");
    let mut linphone = Linphone::start(&dir, "201", "secret", port, &Way::Tls(trusted), ITS_HZ, LEVEL);
    wait_registered(&mut home);
    story(&mut home, &mut linphone);
    home.end();
}

/// It tells each key by INFO and as an event. Also where INFO counts, each is one.
#[test]
fn it_tells_each_key_in_two_ways() {
    if may_skip(Linphone::missing()) {
        return;
    }
    let sections = "config extension '201'\n\toption secret 'secret'\n\toption dtmf 'info'\n\
                    config extension '203'\n\toption secret 'secret'\n";
    let mut home = Telephony::ready("linphone-keys", Options::default(), sections);
    let (dir, way) = (home.home.scratch.join("linphone"), Way::KeysTwice(Transport::Udp));
    let mut linphone = Linphone::start(&dir, "201", "secret", home.port, &way, ITS_HZ, LEVEL);
    wait_registered(&mut home);
    let mut phone = home.phone("203", Transport::Udp);
    talk(&mut phone, &mut linphone);
    assert_hears(&mut phone, ITS_HZ);
    let keys = "557*";
    for key in keys.chars() {
        linphone.press(key);
        assert_eq!(phone.wait_dtmf(1, 10.0), key.to_string(), "{}", linphone.tail(40));
    }
    let told = poll(10.0, || Some(linphone.accepted(" INFO")).filter(|count| *count >= keys.len()));
    assert!(told.is_some(), "{} INFO\n{}", linphone.accepted(" INFO"), linphone.tail(60));
    phone.hangup();
    linphone.wait_ended(10.0);
    let more = phone.events().iter().filter(|event| event["type"] == "CALL_DTMF_START").count();
    assert_eq!(more, 0, "no press more");
    home.end();
}
