//! The house's own parts answer as the other tests expect.
use house::{Scratch, Smtpd, Stick};
use serde_json::json;

#[test]
fn the_stick_takes_texts_until_it_is_full() {
    let scratch = Scratch::new("stick");
    let mut stick = Stick::start(&scratch.join("s"), &["--profile", "fast"]);
    assert!(stick.sysfs().join("bus/usb/devices/1-1.2").exists());
    assert!(stick.dev().join("ttyUSB2").exists());
    assert_eq!(stick.texts_left(), 0);
    assert_eq!(stick.sms_with("+4915112345678", &"Привет 😀 ".repeat(10), &json!({ "order": [2, 1] })), 2);
    assert_eq!(stick.sms("A\r\nBcc: b@c", "who am I"), 1);
    for hex in ["07919471060040340404A1214300006211201200004005C8", "07919471060040340412A1"] {
        stick.ask(&json!({ "do": "pdu", "hex": hex }));
    }
    stick.wait_slots(5, 10.0);
    for n in 0..20 {
        stick.sms("+4915112345678", &format!("text {n}"));
    }
    stick.wait_slots(20, 10.0);
    assert_eq!(stick.texts_left(), 25);
    assert!(stick.sent().is_empty() && stick.offences().is_empty());
    stick.unplug();
    assert!(!stick.dev().join("ttyUSB2").exists());
    stick.plug(5);
    let there = house::wait::poll(10.0, || stick.dev().join("ttyUSB7").exists().then_some(()));
    assert!(there.is_some(), "{}", stick.tail(10));
    stick.ask(&json!({ "do": "quirk", "name": "delete_fails", "on": true }));
    stick.stop();
    assert!(!scratch.join("s/dev/ttyUSB7").exists(), "removed what it made");
}

#[test]
fn the_mail_server_goes_down_and_up_on_its_port() {
    let smtpd = Smtpd::plain();
    let reach = || std::net::TcpStream::connect(("127.0.0.1", smtpd.port)).is_ok();
    assert!(reach());
    smtpd.down();
    assert!(!reach());
    smtpd.up();
    assert!(reach());
    assert!(smtpd.mails().is_empty());
}
