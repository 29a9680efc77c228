//! Asterisk as the provider, proven with phones in the place of the customer's exchange.
use house::Scratch;
use house::may_skip;
use house::phone::{Phone, PhoneOptions, Source, Transport};
use house::provider::{Provider, SECRET, USER};
use house::sound::Wav;

/// None where there is no Asterisk and that is allowed.
fn provider() -> Option<Provider> {
    if may_skip(Provider::missing()) {
        return None;
    }
    Some(Provider::start())
}

fn customer(scratch: &Scratch, provider: &Provider, transport: Transport) -> Phone {
    let options = PhoneOptions::new(USER).password(SECRET).registrar(provider.port, transport);
    let source = Source::Tone { hz: 700.0, dbfs: -10.0 };
    let mut phone = Phone::start(&scratch.join("phone"), options.source(source));
    phone.wait_registered(5.0);
    phone
}

#[track_caller]
fn assert_tone(wav: &Wav, from: f64, to: f64, hz: f64, dbfs: Option<f64>) {
    let tone = wav.measure(from, to);
    assert!((tone.hz - hz).abs() <= hz * 0.01, "{tone:?}");
    assert!(dbfs.is_none_or(|dbfs| (tone.dbfs - dbfs).abs() <= 1.0), "{tone:?}");
    assert!(tone.gaps.is_empty(), "{tone:?}");
}

#[test]
fn the_customer_calls_out() {
    let Some(provider) = provider() else { return };
    let scratch = Scratch::new("provider");
    let mut phone = customer(&scratch, &provider, Transport::Udp);
    assert!(provider.wait_registered(5.0).contains(&format!("@127.0.0.1:{}", phone.port)));

    phone.dial("+4915112345678");
    phone.wait_established(5.0);
    let echo = phone.wait_heard(1.0, 10.0).trimmed();
    assert_tone(&echo, 0.1, echo.seconds() - 0.1, 700.0, Some(-10.0));
    let mark = provider.mark();
    phone.dtmf("159*");
    assert_eq!(provider.wait_dtmf(mark, 4, 5.0), "159*");
    phone.hangup();
    phone.wait_closed(5.0);
    provider.wait_idle(5.0);

    phone.dial("+4930123456");
    phone.wait_progress(5.0);
    phone.wait_established(5.0);
    let sound = phone.wait_heard(2.5, 10.0).trimmed();
    assert_tone(&sound, 0.1, 0.5, 440.0, None);
    assert_tone(&sound, sound.seconds() - 0.5, sound.seconds(), 1_020.0, None);
    provider.hang_up();
    assert_eq!(phone.wait_closed(5.0), "Connection reset by peer");

    phone.dial("+4917123456");
    assert!(phone.wait_closed(5.0).starts_with("486 "));
    phone.dial("+4918123456");
    assert!(phone.wait_closed(5.0).starts_with("404 "));
    phone.dial("+4916123456");
    phone.wait_ringing(5.0);
    phone.hangup();
    phone.wait_closed(5.0);
    phone.dial("+4919123456");
    phone.wait_established(5.0);
    assert_eq!(phone.wait_dtmf(4, 10.0), "123#");
    phone.wait_closed(5.0);
    provider.wait_idle(5.0);
}

#[test]
fn the_customer_is_called() {
    let Some(provider) = provider() else { return };
    let scratch = Scratch::new("provider");
    let mut phone = customer(&scratch, &provider, Transport::Tcp);
    provider.wait_registered(5.0);

    provider.call("+4915112345678", USER);
    let caller = phone.wait_incoming(5.0);
    assert!(caller.uri.starts_with("sip:+4915112345678@"), "{caller:?}");
    phone.accept();
    phone.wait_established(5.0);
    let echo = phone.wait_heard(1.0, 10.0).trimmed();
    assert_tone(&echo, 0.2, echo.seconds(), 700.0, Some(-10.0));
    provider.hang_up();
    assert_eq!(phone.wait_closed(5.0), "Connection reset by peer");
    provider.wait_idle(5.0);

    provider.call("anonymous", USER);
    let caller = phone.wait_incoming(5.0);
    assert!(caller.uri.starts_with("sip:anonymous@"), "{caller:?}");
    phone.reject();
    provider.wait_idle(5.0);

    // A number that the phone doesn't know.
    let mark = provider.mark();
    provider.call("+4915112345678", "4930123456");
    provider.wait_log(mark, "INVITE sip:4930123456@127.0.0.1", 5.0);
    provider.wait_log(mark, "SIP/2.0 404", 5.0);
    phone.assert_quiet(0.0);
}
