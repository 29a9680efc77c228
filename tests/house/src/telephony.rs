//! Home 1 with phones: the daemon listens on 127.0.0.1, extensions 100 and 101 may register, the SIM's calls ring 100.
use crate::home::{Home, Options};
use crate::phone::{Phone, PhoneOptions, Source, Transport};
use crate::ports;
use crate::sound::{Tone, Wav, measure};
use crate::wait::poll;
use serde_json::{Value, json};
use std::path::PathBuf;

/// What the far side says into the stick.
pub const FAR_HZ: f64 = 440.0;
/// The level of both sides' tones, dBFS.
pub const LEVEL: f64 = -10.0;

/// Who calls the SIM.
pub const CALLER: &str = "+4915112345678";

/// Within 1% and 1.5 dB (G.711 and a resampled sample here and there), without gap or click.
#[track_caller]
pub fn assert_tone(tone: &Tone, hz: f64) {
    assert!((tone.hz - hz).abs() <= hz * 0.01, "{tone}");
    assert!((tone.dbfs - LEVEL).abs() <= 1.5, "{tone}");
    assert!(tone.gaps.is_empty() && tone.clicks.is_empty(), "{tone}: {tone:?}");
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

    /// Waits until the far side has heard `seconds` of sound; its last `seconds`, measured.
    #[must_use]
    pub fn far_measure(&mut self, seconds: f64, patience: f64) -> Tone {
        let wav = poll(patience, || {
            let wav = self.far_heard();
            (wav.trimmed().seconds() >= seconds + 0.5).then_some(wav)
        });
        let wav = wav.unwrap_or_else(|| {
            panic!(
                "the far side heard too little\n{}\n{}",
                self.home.daemon.tail(60),
                self.home.stick.tail(30)
            )
        });
        let end = wav.trimmed();
        measure(end.stretch(end.seconds() - seconds, end.seconds()), end.rate)
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
    pub fn tails(&self) -> String {
        format!("{}\n{}", self.home.daemon.tail(60), self.home.stick.tail(30))
    }

    /// Waits until no call, session or port is left anywhere.
    pub fn wait_idle(&mut self, seconds: f64) {
        let idle = poll(seconds, || {
            let counters = self.home.daemon.get("counters", &json!({}));
            let calls = self.home.daemon.status()["calls"].as_u64();
            (calls == Some(0) && counters["rtp_ports"] == 0).then_some(())
        });
        assert!(idle.is_some(), "a call or port is left\n{}", self.home.daemon.tail(80));
    }
}
