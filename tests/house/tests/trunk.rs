//! Calls through a provider (Asterisk) that tandem registers with.
use house::home::Options;
use house::may_skip;
use house::provider::{Provider, SECRET, USER};
use house::telephony::{CALLER, FAR_HZ, Telephony};

const NUMBER: &str = "+919800000001";
/// There the provider gives the sound back.
const ECHO: &str = "+4915198765432";

/// A provider and a home registered with it. None where there is no Asterisk and that is allowed.
fn home(name: &str) -> Option<(Provider, Telephony)> {
    if may_skip(Provider::missing()) {
        return None;
    }
    let provider = Provider::start();
    let sections = format!(
        "config trunk 'provider'
	option host '127.0.0.1'
	option port '{}'
	option username '{USER}'
	option secret '{SECRET}'
	option register '1'
config route 'from_provider'
	list from 'provider'
	list caller '{CALLER}'
	list match '+91X.'
	list to 'home_sim'
",
        provider.port
    );
    let options = Options::default().dongle(&format!("option inbound 'provider/{ECHO}'"));
    let mut home = Telephony::ready(name, options, &sections);
    home.home
        .daemon
        .wait_status("registered with the provider", 15.0, |s| s["trunks"][0]["state"] == "registered");
    provider.wait_registered(5.0);
    Some((provider, home))
}

#[test]
fn a_call_to_the_sim_goes_to_a_number_at_the_provider_and_comes_back_as_an_echo() {
    let Some((provider, mut home)) = home("trunk-out") else { return };
    home.ring();
    home.wait_stick_call("active", 15.0);
    home.far_speaks();
    home.assert_far_hears(FAR_HZ);
    assert!(
        home.home.daemon.get("calls", &serde_json::json!({}))["calls"][0]["to"]
            .as_str()
            .is_some_and(|to| to.contains(ECHO))
    );
    home.home.stick.tell("remote_hangup");
    provider.wait_idle(10.0);
    home.end();
}

#[test]
fn who_is_named_may_call_out_through_the_sim_and_nobody_else() {
    let Some((provider, mut home)) = home("trunk-in") else { return };
    home.next_dial("answer");
    provider.call(CALLER, NUMBER);
    home.wait_stick_call("active", 15.0);
    assert_eq!(home.dialled(), [NUMBER]);
    home.far_speaks();
    home.assert_far_hears(FAR_HZ);
    provider.hang_up();
    home.wait_idle(10.0);
    for stranger in ["+4915100000000", "anonymous"] {
        let mark = provider.mark();
        provider.call(stranger, NUMBER);
        provider.wait_log(mark, "SIP/2.0 403", 10.0);
        provider.wait_idle(10.0);
    }
    assert_eq!(home.dialled(), [NUMBER]);
    home.end();
}
