//! The whole switch with a patient stick, a disk and a mail server, all on one virtual clock.
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use tandem::config::{Loaded, Smtp};
use tandem::message::mail::{Mail, Outcome};
use tandem::message::{Change, DiskError};
use tandem::switch::{LineId, Output, Switch};
use tandem::util::time::{Instant, Now, Wall};

pub const CONFIG: &str = "
config tandem 'main'
config dongle 'home_sim'
	option at_port '/dev/model'
config smtp 'mail'
	option host 'mail.example.com'
	option sender 'router@example.com'
config forward 'sms_to_mail'
	list to 'email/mail/me@example.com'
";

/// 2026-11-18.
const START: i64 = 1_795_000_000;

/// Names and contents.
pub type Files = BTreeMap<String, Vec<u8>>;

/// What a stick answers to a PDU.
#[derive(Clone, Debug)]
pub enum Network {
    Takes(u8),
    Refuses(u16),
    /// `ERROR` in place of the prompt never comes: nothing does.
    NoPrompt,
    Silent,
}

pub struct House {
    pub switch: Switch,
    config: String,
    /// Since the house was built; a restart does not set it back.
    pub seconds: f64,
    born: f64,
    /// How far the wall clock is off.
    pub wall_offset: i64,
    pub disk: Files,
    pub disk_trouble: Option<DiskError>,
    /// Writes are not answered until this is false again.
    pub disk_hangs: bool,
    hanging: VecDeque<(u64, Change)>,
    /// Files removed, and the disk before.
    pub removals: Vec<(Files, Vec<String>)>,
    pub slots: BTreeMap<u16, String>,
    pub deleted: Vec<u16>,
    /// Answers to the next PDUs; then references count up from 1.
    pub network: VecDeque<Network>,
    /// When the network was offered which PDU.
    pub sent: Vec<(u64, String)>,
    line_text: String,
    prompt: bool,
    pub port: Option<LineId>,
    /// `open 1`, `close 1`.
    pub ports: Vec<String>,
    /// Replies of the mail server to the next tries; then it accepts.
    pub replies: VecDeque<Outcome>,
    /// Mails are not answered until `answer_mail`.
    pub mail_hangs: bool,
    pub mail: Option<Mail>,
    /// When which mail was tried, and by which host.
    pub tries: Vec<(u64, Mail)>,
    pub hosts: Vec<String>,
    pub mailbox: Vec<Mail>,
    answers: Vec<Value>,
}

fn loaded(config: &str) -> Loaded {
    let loaded = Loaded::parse(config.as_bytes());
    assert!(loaded.is_right(), "{loaded}");
    loaded
}

pub fn down() -> Outcome {
    Outcome::Unreachable { reason: "421 shutting down".to_owned() }
}

pub fn later() -> Outcome {
    Outcome::Deferred { reply: "451 greylisted".to_owned() }
}

pub fn refused() -> Outcome {
    Outcome::Refused { reply: "550 no such mailbox".to_owned() }
}

pub fn accepted() -> Outcome {
    Outcome::Accepted { reply: "250 queued".to_owned() }
}

impl House {
    pub fn new() -> Self {
        Self::with(CONFIG, &[])
    }

    pub fn with(config: &str, files: &[(&str, Vec<u8>)]) -> Self {
        let files: Vec<(String, Vec<u8>)> = files.iter().map(|(n, b)| ((*n).to_owned(), b.clone())).collect();
        let now = Now { mono: Instant::ZERO, wall: Wall(START) };
        let mut house = Self {
            switch: Switch::new(loaded(config), "model", &files, [7; 32], now),
            config: config.to_owned(),
            seconds: 0.0,
            born: 0.0,
            wall_offset: 0,
            disk: files.into_iter().collect(),
            disk_trouble: None,
            disk_hangs: false,
            hanging: VecDeque::new(),
            removals: Vec::new(),
            slots: BTreeMap::new(),
            deleted: Vec::new(),
            network: VecDeque::new(),
            sent: Vec::new(),
            line_text: String::new(),
            prompt: false,
            port: None,
            ports: Vec::new(),
            replies: VecDeque::new(),
            mail_hangs: false,
            mail: None,
            tries: Vec::new(),
            hosts: Vec::new(),
            mailbox: Vec::new(),
            answers: Vec::new(),
        };
        house.pass(5);
        assert_eq!(house.status()["dongles"][0]["state"], "ready");
        house
    }

    pub fn now(&self) -> Now {
        let mono = Instant::ZERO + Duration::from_secs_f64(self.seconds - self.born);
        #[allow(clippy::cast_possible_truncation)]
        Now { mono, wall: Wall(START + self.seconds as i64 + self.wall_offset) }
    }

    pub fn whole_seconds(&self) -> u64 {
        Duration::from_secs_f64(self.seconds + 0.000_5).as_secs()
    }

    /// The daemon is stopped and started again; disk and stick stay.
    pub fn restart(&mut self) {
        self.born = self.seconds;
        self.line_text.clear();
        self.prompt = false;
        self.mail = None;
        self.hanging.clear();
        let files: Vec<_> = self.disk.iter().map(|(n, b)| (n.clone(), b.clone())).collect();
        self.switch =
            Switch::new(Loaded::parse(self.config.as_bytes()), "model", &files, [7; 32], self.now());
        self.pass(5);
    }

    pub fn reload(&mut self, config: &str) {
        assert!(Loaded::parse(config.as_bytes()).is_right());
        self.reload_bad(config);
    }

    /// A file with problems in it.
    pub fn reload_bad(&mut self, config: &str) {
        self.config = config.to_owned();
        let now = self.now();
        self.switch.reload(Loaded::parse(config.as_bytes()), now);
        self.settle();
    }

    /// Let so much time pass.
    pub fn pass(&mut self, seconds: u64) {
        let until = self.seconds + Duration::from_secs(seconds).as_secs_f64();
        self.settle();
        let mut turns = 0_u32;
        while let Some(at) = self.switch.poll_timeout() {
            let at = self.born + at.since(Instant::ZERO).as_secs_f64();
            if at > until {
                break;
            }
            self.seconds = self.seconds.max(at + 0.000_001);
            let now = self.now();
            self.switch.handle_timeout(now);
            self.settle();
            turns += 1;
            assert!(turns < 1_000_000, "a timer that never ends");
        }
        self.seconds = self.seconds.max(until);
    }

    /// A request to the control socket and its answer.
    pub fn request(&mut self, method: &str, params: Value) -> Value {
        let line = serde_json::json!({"id": 1, "method": method, "params": params}).to_string();
        let now = self.now();
        self.switch.handle_request(1, &line, now);
        self.settle();
        self.answers.pop().unwrap_or(Value::Null)
    }

    pub fn status(&mut self) -> Value {
        self.request("status", Value::Null)["result"].clone()
    }

    /// Texts in and out, newest first.
    pub fn list(&mut self) -> Vec<Value> {
        self.request("sms_list", Value::Null)["result"]["messages"].as_array().unwrap().clone()
    }

    /// Send a text; its id.
    pub fn send(&mut self, to: &str, text: &str) -> Value {
        self.request("sms_send", serde_json::json!({"to": to, "text": text}))["result"]["id"].clone()
    }

    /// The network brings a text into the first free slot.
    pub fn arrive(&mut self, pdu: &str) {
        let free = (0..).find(|i| !self.slots.contains_key(i)).unwrap();
        self.slots.insert(free, pdu.to_owned());
        self.say(&format!("\r\n+CMTI: \"SM\",{free}\r\n"));
        self.settle();
    }

    pub fn answer_mail(&mut self, outcome: &Outcome) {
        self.mail_answered(outcome);
        self.settle();
    }

    fn mail_answered(&mut self, outcome: &Outcome) {
        let mail = self.mail.take().unwrap();
        if matches!(outcome, Outcome::Accepted { .. }) {
            self.mailbox.push(mail);
        }
        let now = self.now();
        self.switch.handle_mailed(outcome, now);
    }

    /// Carry out what is asked for until nothing more is.
    pub fn settle(&mut self) {
        loop {
            while let Some(output) = self.switch.poll_output() {
                self.carry_out(output);
            }
            if !self.disk_hangs
                && let Some((token, change)) = self.hanging.pop_front()
            {
                let result = self.change(&change);
                let now = self.now();
                self.switch.handle_stored(token, result, now);
            } else if self.mail.is_some() && !self.mail_hangs {
                let outcome = self.replies.pop_front().unwrap_or_else(accepted);
                self.mail_answered(&outcome);
            } else {
                return;
            }
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Open { line, ttys } => {
                self.port = Some(line);
                self.ports.push(format!("open {}", line.0));
                let now = self.now();
                for port in 0..ttys.len() {
                    self.switch.handle_opened(line, port, Ok(()), now);
                }
            }
            Output::Close { line } => self.ports.push(format!("close {}", line.0)),
            Output::Reset { .. } | Output::Reload { .. } => {}
            Output::Write { bytes, .. } => bytes.iter().for_each(|b| self.on_byte(*b)),
            Output::Store { token, change } => self.hanging.push_back((token, change)),
            Output::Mail { mail, server, .. } => {
                assert!(self.mail.is_none(), "two mails at once");
                self.tries.push((self.whole_seconds(), (*mail).clone()));
                self.hosts.push(Smtp::clone(&server).host);
                self.mail = Some(*mail);
            }
            Output::Reply { text, .. } => self.answers.push(serde_json::from_str(&text).unwrap()),
            // There are no phones in this house.
            other => panic!("{other:?}"),
        }
    }

    fn change(&mut self, change: &Change) -> Result<(), DiskError> {
        if let Some(trouble) = self.disk_trouble {
            return Err(trouble);
        }
        match change {
            Change::Write { name, bytes } => {
                self.disk.insert(name.clone(), bytes.clone());
            }
            Change::Remove { names } => {
                self.removals.push((self.disk.clone(), names.clone()));
                self.disk.retain(|name, _| !names.contains(name));
            }
        }
        Ok(())
    }

    /// The stick says something by itself.
    pub fn say(&mut self, text: &str) {
        let now = self.now();
        if let Some(line) = self.port {
            self.switch.handle_at(line, 0, text.as_bytes(), now);
        }
    }

    fn on_byte(&mut self, byte: u8) {
        match byte {
            0x1b => {
                self.prompt = false;
                self.line_text.clear();
            }
            0x1a if self.prompt => {
                self.prompt = false;
                let pdu = std::mem::take(&mut self.line_text);
                self.on_pdu(pdu);
            }
            b'\r' if !self.prompt => {
                let line = std::mem::take(&mut self.line_text);
                if !line.is_empty() {
                    let answer = self.answer(&line);
                    self.say(&answer);
                }
            }
            byte => self.line_text.push(char::from(byte)),
        }
    }

    fn on_pdu(&mut self, pdu: String) {
        self.sent.push((self.whole_seconds(), pdu));
        let count = u8::try_from(self.sent.len()).unwrap();
        let answer = match self.network.pop_front() {
            None => format!("\r\n+CMGS: {count}\r\n\r\nOK\r\n"),
            Some(Network::Takes(reference)) => format!("\r\n+CMGS: {reference}\r\n\r\nOK\r\n"),
            Some(Network::Refuses(code)) => format!("\r\n+CMS ERROR: {code}\r\n"),
            Some(Network::Silent | Network::NoPrompt) => return,
        };
        self.say(&answer);
    }

    fn answer(&mut self, line: &str) -> String {
        let ok = |text: &str| format!("\r\n{text}\r\n\r\nOK\r\n");
        let number = |text: &str| text.parse::<u16>().unwrap();
        if let Some(index) = line.strip_prefix("AT+CMGD=") {
            self.slots.remove(&number(index));
            self.deleted.push(number(index));
        } else if let Some(index) = line.strip_prefix("AT+CMGR=") {
            if let Some(pdu) = self.slots.get(&number(index)) {
                return ok(&format!("+CMGR: 0,,{}\r\n{pdu}", pdu.len() / 2));
            }
        } else if line.starts_with("AT+CMGS=") {
            if matches!(self.network.front(), Some(Network::NoPrompt)) {
                self.network.pop_front();
                return String::new();
            }
            self.prompt = true;
            return "\r\n> ".to_owned();
        } else if line == "AT+CMGL=4" {
            let lines = self.slots.iter().map(|(i, pdu)| format!("+CMGL: {i},1,,{}\r\n{pdu}", pdu.len() / 2));
            return ok(&lines.collect::<Vec<_>>().join("\r\n"));
        }
        let used = self.slots.len();
        match line {
            "AT+CGSN" => ok("860000000000001"),
            "AT+CIMI" => ok("262011234567890"),
            "AT+CPIN?" => ok("+CPIN: READY"),
            "AT+CREG?" => ok("+CREG: 2,1"),
            "AT+CPMS?" => ok(&format!("+CPMS: \"SM\",{used},50")),
            _ if line.starts_with("AT+CPMS=\"ME\"") => "\r\nERROR\r\n".to_owned(),
            _ if line.starts_with("AT+CPMS=") => ok(&format!("+CPMS: {used},50")),
            _ => "\r\nOK\r\n".to_owned(),
        }
    }
}
