//! Keys that real phones and a real exchange tell in different ways.
use house::home::Options;
use house::may_skip;
use house::phone::Transport;
use house::provider::{Provider, SECRET, USER};
use house::telephony::Telephony;

const KEYS: &str = "1590*#7";

/// A home with a trunk to this provider, which is told of keys in this way, and with a phone 201 that is told by INFO.
fn home(name: &str, provider: u16, dtmf: &str) -> Telephony {
    let sections = format!(
        "config trunk 'provider'
	option host '127.0.0.1'
	option port '{provider}'
	option username '{USER}'
	option secret '{SECRET}'
	option register '1'
	option inbound '100'
	option dtmf '{dtmf}'
config route 'by_provider'
	list from 'extensions'
	list match '+49X.'
	list to 'provider'
config extension '201'
	option secret 'secret'
	option dtmf 'info'
"
    );
    Telephony::ready(name, Options::default(), &sections)
}

/// baresip sends telephone events and understands INFO.
#[test]
fn from_a_phone_with_events_to_one_that_wants_info() {
    let mut home = home("keys-info", 9, "auto");
    let mut a = home.phone("100", Transport::Udp);
    let mut b = home.phone("201", Transport::Tcp);
    a.dial("201");
    b.wait_incoming(10.0);
    b.accept();
    a.wait_established(10.0);
    b.wait_heard(0.5, 10.0);
    a.dtmf(KEYS);
    assert_eq!(b.wait_dtmf(KEYS.len(), 20.0), KEYS, "{}", b.tail(40));
    b.dtmf("42");
    assert_eq!(a.wait_dtmf(2, 10.0), "42", "{}", a.tail(40));
    a.hangup();
    b.wait_closed(10.0);
    let presses = |events: Vec<serde_json::Value>| {
        events.iter().filter(|event| event["type"] == "CALL_DTMF_START").count()
    };
    assert_eq!((presses(a.events()), presses(b.events())), (0, 0), "no press more");
    home.end();
}

/// A phone with telephone events, a provider without them: each key of either side comes once.
#[test]
fn beside_a_provider_without_events() {
    if may_skip(Provider::missing()) {
        return;
    }
    for (mode, dtmf) in [("info", "info"), ("inband", "auto")] {
        let provider = Provider::with_keys(mode);
        let mut home = home(&format!("keys-{mode}-{dtmf}"), provider.port, dtmf);
        home.home.daemon.wait_status("registered", 15.0, |s| s["trunks"][0]["state"] == "registered");
        provider.wait_registered(5.0);
        let mut phone = home.phone("100", Transport::Udp);

        phone.dial("+4930123456");
        phone.wait_established(10.0);
        phone.wait_heard(2.0, 10.0);
        let mark = provider.mark();
        phone.dtmf(KEYS);
        assert_eq!(provider.wait_dtmf(mark, KEYS.len(), 20.0), KEYS, "{mode}");
        phone.hangup();
        provider.wait_idle(10.0);
        // Neither a second telling nor a second tone.
        assert_eq!(provider.wait_dtmf(mark, KEYS.len(), 1.0), KEYS, "{mode}");

        phone.dial("+4919123456");
        phone.wait_established(10.0);
        assert_eq!(phone.wait_dtmf(4, 15.0), "123#", "{mode}\n{}", phone.tail(40));
        phone.wait_closed(10.0);
        let more = phone.events().iter().filter(|event| event["type"] == "CALL_DTMF_START").count();
        assert_eq!(more, 0, "{mode}");
        home.end();
    }
}
