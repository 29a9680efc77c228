//! Asterisk as the provider: over TCP, with a call that a phone passes on; over TLS; sound past it; sessions that it refreshes.
use house::home::Options;
use house::mail::{Authority, Certificate};
use house::may_skip;
use house::phone::{PhoneOptions, Source, Transport};
use house::provider::{Provider, SECRET, USER};
use house::telephony::{CALLER, LEVEL, Telephony, assert_hears};
use house::wait::poll;

/// There the provider gives the sound back.
const ECHO: &str = "+4915198765432";
/// What the phones say.
const OWN_HZ: f64 = 1_020.0;
const OTHER_HZ: f64 = 440.0;

/// A home with a trunk to this provider, `transport` and more in its section.
fn home(name: &str, provider: &Provider, options: &str) -> Telephony {
    let sections = format!(
        "config trunk 'provider'
	option host '127.0.0.1'
	option port '{}'
	option username '{USER}'
	option secret '{SECRET}'
	option register '1'
	option inbound '100'
	{options}
config route 'by_provider'
	list from 'extensions'
	list match '+49X.'
	list to 'provider'
config extension '201'
	option secret 'secret'
",
        provider.port
    );
    Telephony::ready(name, Options::default(), &sections)
}

fn wait_registered(home: &mut Telephony, provider: &Provider) {
    home.home.daemon.wait_status("registered", 15.0, |s| s["trunks"][0]["state"] == "registered");
    provider.wait_registered(5.0);
}

#[test]
fn over_tcp_with_a_call_passed_on() {
    if may_skip(Provider::missing()) {
        return;
    }
    let provider = Provider::start();
    let mut home = home("asterisk-tcp", &provider, "option transport 'tcp'");
    wait_registered(&mut home, &provider);
    let mut phone = home.phone("100", Transport::Udp);
    let mut other = home.phone("201", Transport::Tcp);

    phone.dial(ECHO);
    phone.wait_established(10.0);
    assert_hears(&mut phone, OWN_HZ);
    phone.hangup();
    provider.wait_idle(10.0);
    home.wait_idle(10.0);

    provider.call(CALLER, USER);
    phone.wait_incoming(10.0);
    phone.accept();
    phone.wait_established(10.0);
    phone.ask("transfer", Some("201"));
    assert!(other.wait_incoming(10.0).uri.contains(CALLER), "{}", other.tail(20));
    other.accept();
    other.wait_established(10.0);
    phone.wait_closed(10.0);
    assert_hears(&mut other, OWN_HZ);
    provider.hang_up();
    other.wait_closed(10.0);
    home.end();
}

/// A call between two of the provider's customers, who both are we.
#[test]
fn the_provider_steps_out_of_the_sound() {
    if may_skip(Provider::missing()) {
        return;
    }
    let provider = Provider::direct();
    let mut home = home("asterisk-direct", &provider, "");
    wait_registered(&mut home, &provider);
    let mut phone = home.phone("100", Transport::Udp);
    let mut other = home.phone_with(
        PhoneOptions::new("201").source(Source::Tone { hz: OTHER_HZ, dbfs: LEVEL }),
        Transport::Udp,
    );
    let mark = provider.mark();
    other.dial("+4914555");
    phone.wait_incoming(10.0);
    phone.accept();
    phone.wait_established(10.0);
    other.wait_established(10.0);
    // Ours comes without credentials and with them, its own to the other customer; then one to each again.
    let invites = || provider.log().lines().skip(mark).filter(|l| l.starts_with("INVITE sip:")).count();
    assert!(poll(10.0, || (invites() >= 5).then_some(())).is_some(), "{}", provider.tail(80));
    assert_hears(&mut phone, OTHER_HZ);
    assert_hears(&mut other, OWN_HZ);
    other.hangup();
    phone.wait_closed(10.0);
    provider.wait_idle(10.0);
    provider.wait_log(mark, "left 'native_rtp'", 5.0);
    home.end();
}

/// A session of 90 seconds: the provider says after half of it that it is still there, and we that we are.
#[test]
fn the_provider_refreshes_its_session() {
    if may_skip(Provider::missing()) {
        return;
    }
    let provider = Provider::timed();
    let mut home = home("asterisk-timed", &provider, "");
    wait_registered(&mut home, &provider);
    let mut phone = home.phone("100", Transport::Udp);
    provider.call(CALLER, USER);
    phone.wait_incoming(10.0);
    phone.accept();
    phone.wait_established(10.0);
    let mark = provider.mark();
    let answered = || {
        let log = provider.log();
        let lines = log.lines().skip(mark).skip_while(|l| !l.starts_with("UPDATE sip:"));
        let mut answer = lines.skip_while(|l| *l != "SIP/2.0 200 OK");
        answer.any(|l| l.starts_with("CSeq:") && l.ends_with(" UPDATE")).then_some(())
    };
    assert!(poll(70.0, answered).is_some(), "no refresh\n{}", provider.tail(100));
    assert_hears(&mut phone, OWN_HZ);
    phone.hangup();
    phone.wait_closed(10.0);
    provider.wait_idle(10.0);
    home.end();
}

#[test]
fn over_tls_by_a_certificate_that_fits() {
    if may_skip(Provider::missing()) {
        return;
    }
    let authority = Authority::new();
    let trunk = format!("option transport 'tls'\n\toption ca_file '{}'", authority.ca.display());
    let (provider, mut home) = with(&authority.good(), "asterisk-tls", &trunk);
    wait_registered(&mut home, &provider);
    let mut phone = home.phone("100", Transport::Udp);
    phone.dial(ECHO);
    phone.wait_established(10.0);
    assert_hears(&mut phone, OWN_HZ);
    phone.hangup();
    provider.wait_idle(10.0);
    provider.call(CALLER, USER);
    assert!(phone.wait_incoming(10.0).uri.contains(CALLER));
    phone.accept();
    phone.wait_established(10.0);
    assert_hears(&mut phone, OWN_HZ);
    phone.hangup();
    provider.wait_idle(10.0);
    home.end();

    // Another one in its place, whose certificate is for somebody else.
    let (_provider, mut home) = with(&authority.wrong_name(), "asterisk-wrong", &trunk);
    let status = home.home.daemon.wait_status("refused", 15.0, |s| s["trunks"][0]["state"] == "down");
    let why = status["trunks"][0]["reason"].as_str().unwrap_or_default().to_owned();
    assert!(why.contains("certificate"), "{why}");
    home.end();
}

fn with(certificate: &Certificate, name: &str, trunk: &str) -> (Provider, Telephony) {
    let provider = Provider::encrypted(certificate);
    let home = home(name, &provider, trunk);
    (provider, home)
}
