//! Home 2 from `examples/home2.uci`: a family's three phones and a provider (Asterisk). Only names of servers, passwords of the
//! account and ports are others.
use house::daemon::Daemon;
use house::may_skip;
use house::paths::{self, Scratch};
use house::phone::{Phone, PhoneOptions, Source, Transport};
use house::ports;
use house::provider::{Provider, SECRET, USER};
use house::telephony::{CALLER, LEVEL, assert_hears};
use house::wait::poll;
use serde_json::json;

/// Dialled as in the USA; the provider gives the sound back.
const ECHO_ABROAD: &str = "0114915198765432";

struct Family {
    provider: Provider,
    daemon: Daemon,
    port: u16,
    scratch: Scratch,
}

impl Family {
    fn start() -> Self {
        let provider = Provider::start();
        let scratch = Scratch::new("home2");
        let port = ports::free();
        let config = config(&scratch, port, provider.port);
        let nothing = scratch.join("no-usb");
        std::fs::create_dir_all(&nothing).expect("an empty directory");
        let mut daemon = Daemon::start(&scratch.join("run"), &config, &nothing, &nothing);
        daemon.wait_status("registered", 15.0, |s| s["trunks"][0]["state"] == "registered");
        Self { provider, daemon, port, scratch }
    }

    fn phone(&self, user: &str, transport: Transport, hz: f64) -> Phone {
        let options = PhoneOptions::new(user)
            .password(&format!("change-me-{user}"))
            .source(Source::Tone { hz, dbfs: LEVEL })
            .registrar(self.port, transport);
        let mut phone = Phone::start(&self.scratch.join(user), options);
        phone.wait_registered(15.0);
        phone
    }

    fn wait_idle(&mut self) {
        let idle = poll(10.0, || {
            let counters = self.daemon.get("counters", &json!({}));
            let calls = self.daemon.status()["calls"].as_u64();
            (calls == Some(0) && counters["rtp_ports"] == 0).then_some(())
        });
        assert!(idle.is_some(), "a call or port is left\n{}", self.daemon.tail(80));
    }

    /// What `route explain` says of a number.
    fn explained(&self, number: &str) -> String {
        let output = self.daemon.cli(&["route", "explain", "6001", number]);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

/// The example, on this machine.
fn config(scratch: &Scratch, port: u16, provider: u16) -> String {
    let example = std::fs::read_to_string(paths::root().join("examples/home2.uci")).expect("the example");
    let rtp = ports::free_run(40).next_multiple_of(2);
    let state = scratch.join("state").display().to_string();
    let changes = [
        (
            "option enabled '1'",
            format!("option enabled '1'\n\toption state_dir '{state}'\n\toption log_level 'debug'"),
        ),
        ("'udp:lan:5060'", format!("'udp:127.0.0.1:{port}'")),
        ("'tcp:lan:5060'", format!("'tcp:127.0.0.1:{port}'")),
        // Here the phones have the provider's address: its port tells.
        ("'192.168.1.0/24'", "'127.0.0.0/8'".to_owned()),
        ("\tlist listen 'udp:wan:5060'", String::new()),
        ("'10000-10199'", format!("'{rtp}-{}'", rtp + 37)),
        ("'newyork1.voip.ms'", format!("'127.0.0.1'\n\toption port '{provider}'")),
        ("'123456'", format!("'{USER}'")),
        ("'change-me-too'", format!("'{SECRET}'")),
    ];
    changes.into_iter().fold(example, |text, (from, to)| {
        assert_eq!(text.matches(from).count(), 1, "{from}");
        text.replace(from, &to)
    })
}

#[test]
fn a_day_of_a_family() {
    if may_skip(Provider::missing()) {
        return;
    }
    let mut home = Family::start();
    let mut living_room = home.phone("6001", Transport::Udp, 600.0);
    let mut kitchen = home.phone("6002", Transport::Udp, 700.0);
    let mut computer = home.phone("6003", Transport::Tcp, 800.0);

    // In the house.
    living_room.dial("6003");
    assert!(computer.wait_incoming(10.0).uri.contains("6001"));
    computer.accept();
    living_room.wait_established(10.0);
    assert_hears(&mut living_room, 800.0);
    assert_hears(&mut computer, 600.0);
    computer.hangup();
    living_room.wait_closed(10.0);
    home.wait_idle();

    // Somebody calls: all ring, and the first that answers has the call.
    home.provider.call(CALLER, USER);
    for phone in [&mut living_room, &mut kitchen, &mut computer] {
        assert!(phone.wait_incoming(10.0).uri.contains(CALLER), "{}", phone.tail(20));
    }
    kitchen.accept();
    kitchen.wait_established(10.0);
    living_room.wait_closed(10.0);
    computer.wait_closed(10.0);
    assert_hears(&mut kitchen, 700.0);
    kitchen.hangup();
    home.provider.wait_idle(10.0);
    home.wait_idle();

    // Out, as people dial.
    computer.dial(ECHO_ABROAD);
    computer.wait_established(10.0);
    assert_hears(&mut computer, 800.0);
    computer.hangup();
    home.provider.wait_idle(10.0);
    let mark = home.provider.mark();
    living_room.dial("911");
    home.provider.wait_log(mark, "INVITE sip:911@", 10.0);
    living_room.wait_closed(10.0);
    for (dialled, number) in [
        ("5552345678", "+15552345678"),
        ("15552345678", "+15552345678"),
        ("4567890", "+15554567890"),
        ("611", "611"),
    ] {
        let words = home.explained(dialled);
        assert!(words.contains(&format!("trunk voipms: {number}, ")), "{dialled}: {words}");
    }
    home.wait_idle();
}
