//! The demo's calls: a phone (baresip) that registers as 100, and the room for one's own as 101.
use crate::phone::{Phone, PhoneOptions, Source, Transport};
use crate::ports;
use crate::sound::{Tone, Wav, measure};
use crate::stick::Stick;
use crate::telephony::{FAR_HZ, LEVEL, judged};
use crate::wait::poll;
use crate::{Daemon, Scratch};
use serde_json::{Value, json};
use std::hash::{BuildHasher as _, RandomState};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::time::Instant;

/// What a step measured, or what was wrong.
pub type Step = Result<String, String>;

/// What the phone says: 20 ms of it are no whole periods, so that a lost packet is heard.
const PHONE_HZ: f64 = 1_020.0;
/// Sound that is measured, in seconds.
const MEASURED: f64 = 2.0;
const CALLER: &str = "+4915112345678";
const CALLED: &str = "+919800000001";

/// Port and password of the demo's phones; the phone itself once it has registered.
pub struct Calls {
    /// UDP and TCP, at all addresses of this machine.
    pub port: u16,
    /// Of both extensions: anybody who reaches this machine can try, so it is another one each time.
    pub password: String,
    phone: Option<Phone>,
}

/// The world as the steps need it.
pub struct House<'a> {
    pub daemon: &'a mut Daemon,
    pub stick: &'a mut Stick,
    pub scratch: &'a Scratch,
}

impl House<'_> {
    fn tails(&self) -> String {
        format!("{}\n{}", self.daemon.tail(40), self.stick.tail(15))
    }

    fn fail(&self, words: &str) -> String {
        format!("{words}\n{}", self.tails())
    }

    fn far_speaks(&mut self) {
        self.stick.ask(&json!({ "do": "play", "hz": FAR_HZ, "level_db": LEVEL }));
    }

    /// What the far side has heard, once some more has come; None when nothing comes.
    fn far_heard(&mut self) -> Option<Wav> {
        let path = self.scratch.join("far.wav");
        let mut heard = || {
            self.stick.ask(&json!({ "do": "record", "path": path }));
            Wav::read(&path).ok().map(|w| w.trimmed())
        };
        let so_far = heard().map_or(0.0, |w| w.seconds());
        poll(15.0, || heard().filter(|w| w.seconds() > so_far + MEASURED + 0.5))
    }

    /// Until no call and no port for sound is left.
    fn idle(&mut self) -> Result<(), String> {
        let idle = poll(10.0, || {
            let ports = self.daemon.get("counters", &json!({}))["rtp_ports"].clone();
            (ports == 0 && self.daemon.status()["calls"] == 0).then_some(())
        });
        idle.ok_or_else(|| self.fail("a call or one of its ports is left"))
    }

    /// The newest call that has ended.
    fn last_call(&mut self) -> Value {
        self.daemon.get("calls", &json!({}))["recent"][0].clone()
    }
}

impl Calls {
    /// Port 5060 if it is free, else another.
    #[must_use]
    pub fn new() -> Self {
        let is_free = |port: u16| {
            let any = Ipv4Addr::UNSPECIFIED;
            UdpSocket::bind((any, port)).is_ok() && TcpListener::bind((any, port)).is_ok()
        };
        let port = [5060, 5062, 5064].into_iter().find(|p| is_free(*p)).unwrap_or_else(ports::free);
        let password = format!("{:08}", RandomState::new().hash_one(0) % 100_000_000);
        Self { port, password, phone: None }
    }

    /// The sections: the SIM rings 101 first, one's own phone; as long as there is none, 100.
    #[must_use]
    pub fn sections(&self) -> String {
        let (port, password) = (self.port, &self.password);
        let rtp = ports::free_run(40);
        format!(
            "config sip 'sip'
	list listen 'udp:any:{port}'
	list listen 'tcp:any:{port}'
	option rtp_ports '{rtp}-{}'
config extension '100'
	option name 'The demo'
	option secret '{password}'
config extension '101'
	option name 'My phone'
	option secret '{password}'
config route 'in'
	list from 'home_sim'
	list match '!'
	list to '101'
	list to '100'
config route 'out'
	list from 'extensions'
	list match '+X.'
	list match 'XXXX.'
	list to 'home_sim'
",
            rtp + 38
        )
    }

    fn phone(&mut self) -> Result<&mut Phone, String> {
        self.phone.as_mut().ok_or_else(|| "no phone has registered".to_owned())
    }

    pub fn registers(&mut self, house: &mut House<'_>) -> Step {
        if let Some(why) = Phone::missing() {
            return Err(why.to_owned());
        }
        house.daemon.wait_status("the SIP ports", 10.0, |s| {
            s["listen"].as_array().is_some_and(|l| !l.is_empty() && l.iter().all(|p| p["state"] == "up"))
        });
        let options = PhoneOptions::new("100").password(&self.password);
        let options = options.source(Source::Tone { hz: PHONE_HZ, dbfs: LEVEL });
        let options = options.registrar(self.port, Transport::Udp);
        let begin = Instant::now();
        let mut phone = Phone::start(&house.scratch.join("phone"), options);
        let words = phone.wait_registered(15.0);
        self.phone = Some(phone);
        let extension = house.daemon.status()["extensions"][0].clone();
        let agent = extension["contacts"][0]["user_agent"].as_str().unwrap_or("?").to_owned();
        Ok(format!("{agent} as 100, \"{words}\" {} ms after its start", begin.elapsed().as_millis()))
    }

    /// A call to the SIM, until it is answered.
    fn ring(&mut self, house: &mut House<'_>) -> Result<String, String> {
        let begin = Instant::now();
        house.stick.ask(&json!({ "do": "ring", "from": CALLER }));
        let phone = self.phone()?;
        let caller = phone.wait_incoming(15.0);
        let rang = begin.elapsed().as_millis();
        if !caller.uri.contains(CALLER) {
            return Err(format!("the phone shows {}", caller.uri));
        }
        phone.accept();
        phone.wait_established(15.0);
        Ok(format!("rings {rang} ms after the first RING and shows {CALLER}"))
    }

    pub fn call_in(&mut self, house: &mut House<'_>) -> Step {
        let rang = self.ring(house)?;
        house.far_speaks();
        let phone = self.phone()?;
        let from_far = judged(FAR_HZ, || {
            let so_far = phone.wait_heard(0.1, 10.0).seconds();
            let heard = phone.wait_heard(so_far + MEASURED + 0.5, 20.0).trimmed();
            heard.measure(heard.seconds() - MEASURED, heard.seconds())
        });
        let from_phone = judged(PHONE_HZ, || {
            house
                .far_heard()
                .map_or_else(|| measure(&[], 8_000), |w| w.measure(w.seconds() - MEASURED, w.seconds()))
        });
        let delays = house.daemon.get("calls", &json!({}))["calls"][0]["sound"].clone();
        house.stick.ask(&json!({ "do": "remote_hangup", "cause": 16 }));
        self.phone()?.wait_closed(10.0);
        house.idle()?;
        let words = format!(
            "{rang}\nthe phone hears {from_far}\nthe far side hears {from_phone}\n\
             jitter buffer {} ms; the far side hangs up, the phone's call ends",
            delays["delay_ms"]
        );
        for (tone, hz) in [(&from_far, FAR_HZ), (&from_phone, PHONE_HZ)] {
            judge(tone, hz).map_err(|wrong| house.fail(&format!("{words}\n{wrong}")))?;
        }
        Ok(words.replace('\n', "\n      "))
    }

    pub fn call_out(&mut self, house: &mut House<'_>) -> Step {
        house.stick.ask(&json!({ "do": "dial_result", "next": ["answer"] }));
        let begin = Instant::now();
        let phone = self.phone()?;
        phone.dial(CALLED);
        phone.wait_established(20.0);
        let took = begin.elapsed().as_millis();
        let keys = "159#";
        phone.dtmf(keys);
        let pressed = poll(20.0, || {
            let digits = house.stick.tell("dtmf")["digits"].as_str().unwrap_or_default().to_owned();
            (digits.len() >= keys.len()).then_some(digits)
        });
        let pressed = pressed.ok_or_else(|| house.fail("the keys don't arrive"))?;
        if pressed != keys {
            return Err(house.fail(&format!("{keys} pressed, {pressed} arrived")));
        }
        house.stick.ask(&json!({ "do": "remote_hangup", "cause": 16 }));
        self.phone()?.wait_closed(10.0);
        house.idle()?;
        let call = house.last_call();
        Ok(format!(
            "{CALLED} answers after {took} ms; keys {pressed} arrive once each; the far side hangs up: {}",
            call["cause"].as_str().unwrap_or("?")
        ))
    }

    pub fn busy(&mut self, house: &mut House<'_>) -> Step {
        house.stick.ask(&json!({ "do": "dial_result", "next": ["busy"] }));
        let phone = self.phone()?;
        phone.dial(CALLED);
        let words = phone.wait_closed(20.0);
        house.idle()?;
        let cause = house.last_call()["cause"].as_str().unwrap_or("?").to_owned();
        let words = format!("the phone is told \"{words}\", the log says \"{cause}\"");
        if words.contains("486") { Ok(words) } else { Err(house.fail(&words)) }
    }

    pub fn pulled(&mut self, house: &mut House<'_>) -> Step {
        self.ring(house)?;
        house.far_speaks();
        self.phone()?.wait_heard(0.5, 15.0);
        let begin = Instant::now();
        house.stick.unplug();
        self.phone()?.wait_closed(10.0);
        let ended = begin.elapsed().as_millis();
        house.idle()?;
        let call = house.last_call();
        if call["q850"] != 38 {
            return Err(house.fail(&format!("the daemon says {call}")));
        }
        house.stick.plug(10);
        house.daemon.wait_dongle("ready", 90.0);
        let rang = self.ring(house)?;
        self.phone()?.hangup();
        house.idle()?;
        Ok(format!(
            "the phone's call ends after {ended} ms, \"{}\"; put back, the next call {rang}",
            call["cause"].as_str().unwrap_or("?")
        ))
    }

    /// Switches the phone off.
    pub fn phone_off(&mut self) {
        if let Some(phone) = self.phone.take() {
            phone.stop();
        }
    }

    /// How to register one's own phone. `program`: this one, for the other terminal.
    #[must_use]
    pub fn invitation(&self, program: &str) -> String {
        let servers: Vec<String> =
            addresses().iter().map(|address| format!("{address}:{}", self.port)).collect();
        format!(
            "Your own softphone (Linphone, baresip, …):

  server     {}
  user       101
  password   {}
  transport  UDP or TCP, no encryption

  It calls +919876500000: the emulated network answers and says {FAR_HZ} Hz.
  {program} ring                             the SIM is called, your phone rings
  {program} stick '{{\"do\":\"remote_hangup\"}}'  the far side hangs up",
            servers.join("  or  "),
            self.password
        )
    }
}

impl Default for Calls {
    fn default() -> Self {
        Self::new()
    }
}

/// Within 1% and 1.5 dB, without gap or click.
fn judge(tone: &Tone, hz: f64) -> Result<(), String> {
    let near = (tone.hz - hz).abs() <= hz * 0.01 && (tone.dbfs - LEVEL).abs() <= 1.5;
    if near && tone.gaps.is_empty() && tone.clicks.is_empty() {
        return Ok(());
    }
    Err(format!("wanted {hz:.0} Hz, {LEVEL:.0} dBFS without gap or click: {tone:?}"))
}

/// This machine's IPv4 addresses, as the kernel's routing table has them; 127.0.0.1 last.
fn addresses() -> Vec<Ipv4Addr> {
    local_addresses(&std::fs::read_to_string("/proc/net/fib_trie").unwrap_or_default())
}

/// An address stands in the line above its `/32 host LOCAL`.
fn local_addresses(table: &str) -> Vec<Ipv4Addr> {
    let mut found = Vec::new();
    let mut last = None;
    for line in table.lines() {
        if let Some((_, address)) = line.split_once("|-- ") {
            last = address.trim().parse().ok();
        } else if line.contains("/32 host LOCAL") {
            found.extend(last.filter(|address| !found.contains(address)));
        }
    }
    found.sort_by_key(|address: &Ipv4Addr| (address.is_loopback(), *address));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_addresses_are_those_marked_local() {
        let table = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 127.0.0.1\n        /32 host LOCAL\n     \
                     |-- 192.0.2.0\n        /24 link UNICAST\n     |-- 192.0.2.2\n        /32 host LOCAL\n     \
                     |-- 192.0.2.255\n        /32 link BROADCAST\n     |-- 127.0.0.1\n        /32 host LOCAL\n";
        let wanted: [Ipv4Addr; 2] = [[192, 0, 2, 2].into(), [127, 0, 0, 1].into()];
        assert_eq!(local_addresses(table), wanted);
        assert_eq!(local_addresses(""), [] as [Ipv4Addr; 0]);
    }

    #[test]
    fn the_sections_open_the_port_for_all() {
        let calls = Calls { port: 5062, password: "12345678".to_owned(), phone: None };
        let sections = calls.sections();
        assert!(sections.contains("'udp:any:5062'") && sections.contains("option secret '12345678'"));
        let words = calls.invitation("demo");
        assert!(words.contains(":5062") && words.contains("12345678"), "{words}");
    }
}
