//! Home 1 with phones: the daemon listens on 127.0.0.1, extensions 100 and 101 may register, the SIM's calls ring 100.
use crate::home::{Home, Options};
use crate::phone::{Phone, PhoneOptions, Source, Transport};
use crate::ports;
use crate::sound::{Tone, Wav, measure};
use crate::wait::poll;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Instant;

/// What the far side says into the stick.
pub const FAR_HZ: f64 = 440.0;
/// The level of both sides' tones, dBFS.
pub const LEVEL: f64 = -10.0;

/// Who calls the SIM.
pub const CALLER: &str = "+4915112345678";

/// Sound that is judged at a time, in seconds.
const MEASURED: f64 = 2.0;
/// Stretches of sound on a machine that has no time for us.
const STRETCHES: u32 = 12;

/// Measures until the tone is as it should be. Another stretch only counts where this machine had too little processor
/// time for all that ran while this one was recorded: phone, stick and daemon are then late without a fault.
pub fn judged(hz: f64, mut stretch: impl FnMut() -> Tone) -> Tone {
    for _ in 1..STRETCHES {
        let (before, begin) = (starved_us(), Instant::now());
        let tone = stretch();
        let starved = starved_us().saturating_sub(before);
        if is_good(&tone, hz) || u128::from(starved) * 50 < begin.elapsed().as_micros() {
            return tone;
        }
        println!(
            "      ({tone}; processes waited for a processor {} ms meanwhile: once more)",
            starved / 1_000
        );
    }
    stretch()
}

/// Microseconds in which something on this machine waited for a processor. 0 where the kernel doesn't say.
fn starved_us() -> u64 {
    let text = std::fs::read_to_string("/proc/pressure/cpu").unwrap_or_default();
    let total = text.lines().next().and_then(|l| l.rsplit_once("total=")).map(|(_, n)| n);
    total.and_then(|n| n.trim().parse().ok()).unwrap_or(0)
}

fn is_good(tone: &Tone, hz: f64) -> bool {
    let near = (tone.hz - hz).abs() <= hz * 0.01 && (tone.dbfs - LEVEL).abs() <= 1.5;
    near && tone.gaps.is_empty() && tone.clicks.is_empty()
}

/// Within 1% and 1.5 dB (G.711 and a resampled sample here and there), without gap or click.
#[track_caller]
pub fn assert_tone(tone: &Tone, hz: f64) {
    assert!(is_good(tone, hz), "{hz} Hz at {LEVEL} dBFS awaited: {tone}: {tone:?}");
}

/// The phone hears this tone, over two seconds from now on.
#[track_caller]
pub fn assert_hears(phone: &mut Phone, hz: f64) {
    let heard = judged(hz, || {
        let so_far = phone.wait_heard(0.1, 10.0).seconds();
        let heard = phone.wait_heard(so_far + MEASURED + 0.5, 20.0).trimmed();
        heard.measure(heard.seconds() - MEASURED, heard.seconds())
    });
    assert_tone(&heard, hz);
}

/// A home with a SIP port.
pub struct Telephony {
    pub home: Home,
    /// UDP and TCP.
    pub port: u16,
}

/// Sections for two extensions and a way out by the SIM, listening at `port`.
#[must_use]
pub fn sections(port: u16, more: &str) -> String {
    let rtp = ports::free_run(40);
    let rtp = rtp + rtp % 2;
    format!(
        "config sip 'sip'
	list listen 'udp:127.0.0.1:{port}'
	list listen 'tcp:127.0.0.1:{port}'
	option rtp_ports '{rtp}-{}'
config extension '100'
	option name 'My phone'
	option secret 'secret'
config extension '101'
	option secret 'secret'
config route 'out'
	list from 'extensions'
	list match '+91X.'
	list match 'X.'
	list to 'home_sim'
{more}",
        rtp + 38
    )
}

impl Telephony {
    /// Ready to call. `options` as for `Home`; `more`: further sections.
    #[must_use]
    pub fn ready(name: &str, mut options: Options, more: &str) -> Self {
        let port = ports::free();
        options.sections.push_str(&sections(port, more));
        if !options.dongle.iter().any(|line| line.contains("inbound")) {
            options.dongle.push("option inbound '100'".to_owned());
        }
        options.main.push("option country 'IN'".to_owned());
        let mut home = Home::ready(name, options);
        home.daemon.wait_status("the SIP port", 10.0, |s| {
            s["listen"].as_array().is_some_and(|l| !l.is_empty() && l.iter().all(|p| p["state"] == "up"))
        });
        Self { home, port }
    }

    /// A phone that registers as `user` and says a tone of 1020 Hz.
    #[must_use]
    pub fn phone(&mut self, user: &str, transport: Transport) -> Phone {
        self.phone_with(PhoneOptions::new(user).source(Source::Tone { hz: 1_020.0, dbfs: LEVEL }), transport)
    }

    #[must_use]
    pub fn phone_with(&mut self, options: PhoneOptions, transport: Transport) -> Phone {
        let user = options.user.clone();
        let count = std::fs::read_dir(self.home.scratch.join("")).map_or(0, Iterator::count);
        let dir = self.home.scratch.join(&format!("phone-{user}-{count}"));
        let mut phone = Phone::start(&dir, options.registrar(self.port, transport));
        phone.wait_registered(15.0);
        phone
    }

    /// What the stick's far side has heard so far, as a WAV.
    #[must_use]
    pub fn far_heard(&mut self) -> Wav {
        let path: PathBuf = self.home.scratch.join("far.wav");
        self.home.stick.ask(&json!({"do": "record", "path": path}));
        Wav::read(&path).expect("the stick's recording")
    }

    /// The phone hears the far side's tone, over two seconds from now on.
    #[track_caller]
    pub fn assert_phone_hears(&mut self, phone: &mut Phone) {
        assert_hears(phone, FAR_HZ);
    }

    /// The far side hears a tone, over two seconds from now on.
    #[track_caller]
    pub fn assert_far_hears(&mut self, hz: f64) {
        let heard = judged(hz, || {
            let so_far = self.far_heard().trimmed().seconds();
            let heard = poll(20.0, || {
                Some(self.far_heard().trimmed()).filter(|w| w.seconds() >= so_far + MEASURED + 0.5)
            });
            let heard = heard.unwrap_or_else(|| panic!("the far side heard too little\n{}", self.tails()));
            measure(heard.stretch(heard.seconds() - MEASURED, heard.seconds()), heard.rate)
        });
        assert_tone(&heard, hz);
    }

    /// The stick's call, as its state has it: `state`, `outgoing`, `number`; null without one.
    #[must_use]
    pub fn stick_call(&mut self) -> Value {
        self.home.stick.tell("state")["call"]["current"].clone()
    }

    /// Waits until the stick's call is in `state`.
    pub fn wait_stick_call(&mut self, state: &str, seconds: f64) {
        let there = poll(seconds, || (self.stick_call()["state"] == state).then_some(()));
        assert!(there.is_some(), "not {state} in {seconds} s\n{}", self.tails());
    }

    /// Numbers that the stick was told to dial.
    #[must_use]
    pub fn dialled(&self) -> Vec<String> {
        let events = self.home.stick.events();
        let dials = events.iter().filter(|e| e["event"] == "dial");
        dials.filter_map(|e| e["number"].as_str().map(str::to_owned)).collect()
    }

    /// What becomes of the next dialled call.
    pub fn next_dial(&mut self, result: &str) {
        self.home.stick.ask(&json!({ "do": "dial_result", "next": [result] }));
    }

    /// Somebody calls the SIM.
    pub fn ring(&mut self) {
        self.home.stick.ask(&json!({ "do": "ring", "from": CALLER }));
    }

    /// A call to the SIM that `phone` has answered.
    pub fn talk(&mut self, phone: &mut Phone) {
        self.ring();
        phone.wait_incoming(10.0);
        phone.accept();
        phone.wait_established(10.0);
    }

    /// The far side says its tone from now on.
    pub fn far_speaks(&mut self) {
        self.home.stick.ask(&json!({ "do": "play", "hz": FAR_HZ, "level_db": LEVEL }));
    }

    /// The newest call that is over.
    pub fn last_call(&mut self) -> Value {
        self.home.daemon.get("calls", &json!({}))["recent"][0].clone()
    }

    #[must_use]
    pub fn counters(&mut self) -> Value {
        self.home.daemon.get("counters", &json!({}))
    }

    #[must_use]
    pub fn tails(&self) -> String {
        format!("{}\n{}", self.home.daemon.tail(60), self.home.stick.tail(30))
    }

    /// Waits until no call, session or port is left anywhere.
    pub fn wait_idle(&mut self, seconds: f64) {
        let idle = poll(seconds, || {
            let counters = self.counters();
            let calls = self.home.daemon.status()["calls"].as_u64();
            (calls == Some(0) && counters["rtp_ports"] == 0).then_some(())
        });
        assert!(idle.is_some(), "a call or port is left\n{}", self.home.daemon.tail(80));
    }

    /// Nothing is left of any call, and the stick has nothing to complain about.
    pub fn end(mut self) {
        self.wait_idle(10.0);
        let gone = poll(10.0, || self.stick_call().is_null().then_some(()));
        assert!(gone.is_some(), "the stick is still in a call\n{}", self.tails());
        self.home.assert_clean();
    }
}
