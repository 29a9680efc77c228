//! A provider (Asterisk) behind an outbound proxy (Kamailio): everything goes by the proxy, in both directions.
use house::home::Options;
use house::kamailio::Kamailio;
use house::may_skip;
use house::phone::Transport;
use house::provider::{Provider, SECRET, USER};
use house::telephony::{CALLER, FAR_HZ, Telephony, assert_hears};
use house::wait::poll;

/// There the provider gives the sound back.
const ECHO: &str = "+4915198765432";

#[test]
fn registration_and_calls_by_an_outbound_proxy() {
    if may_skip(Provider::missing().or(Kamailio::missing().map(str::to_owned))) {
        return;
    }
    let provider = Provider::start();
    let proxy = Kamailio::before(provider.port);
    let sections = format!(
        "config trunk 'provider'
	option host '127.0.0.1'
	option port '{}'
	option proxy '127.0.0.1:{}'
	option username '{USER}'
	option secret '{SECRET}'
	option register '1'
	option inbound '100'
config route 'by_provider'
	list from 'extensions'
	list match '9X.'
	option strip '1'
	option prepend '+'
	list to 'provider'
",
        provider.port, proxy.port
    );
    let options = Options::default().dongle(&format!("option inbound 'provider/{ECHO}'"));
    let mut home = Telephony::ready("proxy", options, &sections);
    home.home
        .daemon
        .wait_status("registered with the provider", 15.0, |s| s["trunks"][0]["state"] == "registered");
    provider.wait_registered(5.0);
    assert!(proxy.passed("REGISTER") >= 2, "{}", proxy.tail(40));

    // Out: the SIM's caller hears his echo from the provider.
    home.ring();
    home.wait_stick_call("active", 15.0);
    home.far_speaks();
    home.assert_far_hears(FAR_HZ);
    assert!(proxy.passed("ACK") >= 1, "{}", proxy.tail(40));
    home.home.stick.tell("remote_hangup");
    provider.wait_idle(10.0);
    home.wait_idle(10.0);
    let gone = poll(5.0, || (proxy.passed("BYE") == 1).then_some(()));
    assert!(gone.is_some(), "the BYE went around the proxy\n{}", proxy.tail(40));

    // In: the provider's caller rings the phone, and hangs up.
    let mut phone = home.phone("100", Transport::Udp);
    provider.call(CALLER, USER);
    assert!(phone.wait_incoming(10.0).uri.contains(CALLER));
    phone.accept();
    phone.wait_established(10.0);
    // Its own voice comes back.
    assert_hears(&mut phone, 1_020.0);
    phone.hangup();
    phone.wait_closed(10.0);
    provider.wait_idle(10.0);
    let gone = poll(5.0, || (proxy.passed("BYE") == 2).then_some(()));
    assert!(gone.is_some(), "the BYE went around the proxy\n{}", proxy.tail(40));
    home.end();
}
