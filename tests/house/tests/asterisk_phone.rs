//! Asterisk as a phone: it registers with us, calls and is called, over UDP and TCP.
use house::home::Options;
use house::may_skip;
use house::phone::Transport;
use house::provider::Provider;
use house::telephony::{Telephony, assert_hears};

const OWN_HZ: f64 = 1_020.0;

#[test]
fn it_calls_and_is_called() {
    if may_skip(Provider::missing()) {
        return;
    }
    let more =
        ["201", "202", "203"].map(|n| format!("config extension '{n}'\n\toption secret 'secret'\n")).concat();
    let mut home = Telephony::ready("asterisk-phone", Options::default(), &more);
    let mut phone = home.phone("203", Transport::Udp);
    for (at, user, transport) in [(2, "201", Transport::Udp), (3, "202", Transport::Tcp)] {
        let asterisk = Provider::as_phone(home.port, user, transport);
        home.home.daemon.wait_status("it is registered", 15.0, |s| {
            s["extensions"][at]["contacts"].as_array().is_some_and(|c| c.len() == 1)
        });

        phone.dial(user);
        phone.wait_established(10.0);
        assert_hears(&mut phone, OWN_HZ);
        asterisk.hang_up();
        phone.wait_closed(10.0);
        home.wait_idle(10.0);

        asterisk.call_from_phone("203");
        assert!(phone.wait_incoming(10.0).uri.contains(user), "{}", asterisk.tail(80));
        phone.accept();
        phone.wait_established(10.0);
        assert_hears(&mut phone, OWN_HZ);
        phone.hangup();
        asterisk.wait_idle(10.0);
        home.wait_idle(10.0);
    }
    home.end();
}
