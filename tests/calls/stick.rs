//! An E1750 with a SIM, and the mobile network behind it, as DONGLE.md 2 and 3 say. Its start is answered as the transcript has it.
use super::sound::STICK_SAYS;
use std::collections::{BTreeMap, VecDeque};
use tandem::modem::bus::{Interface, UsbDevice};
use tandem::switch::LineId;

/// From a command to its answer.
const LATENCY: u64 = 10_000;
const FRAME: u64 = 20_000;
const TALK: usize = 2;
pub const SOUND: usize = 1;

/// What becomes of a call that we dial.
#[derive(Clone, Debug)]
pub enum Far {
    /// Milliseconds from ATD to `^CONF` and to `^CONN`.
    Answers {
        rings: u64,
        answers: u64,
    },
    Rings(u64),
    /// `^CEND` with these numbers after so many milliseconds.
    Ends(u64, &'static str),
    /// Instead of OK.
    Refuses(&'static str),
    /// OK, and not a word more.
    Silent,
}

#[derive(Clone, Debug)]
pub struct GsmCall {
    pub incoming: bool,
    pub number: String,
    /// Of +CLCC: 0 active, 2 dialling, 3 alerting, 4 incoming.
    pub stat: u8,
    pub answered: Option<u64>,
    serial: u64,
}

#[derive(Clone, Debug)]
enum Step {
    Ring,
    Originated,
    Alerting,
    Connected,
    Ended(String),
}

/// Something that reaches the switch.
#[derive(Debug)]
pub struct Said {
    pub port: usize,
    pub bytes: Vec<u8>,
}

pub struct Stick {
    pub line: Option<LineId>,
    pub is_plugged: bool,
    devnum: u32,
    typed: BTreeMap<usize, String>,
    usual: BTreeMap<String, String>,
    out: VecDeque<(u64, usize, String)>,
    steps: Vec<(u64, u64, Step)>,
    pub call: Option<GsmCall>,
    serial: u64,
    pub far: Far,
    /// How long from ATA to `^CONN`.
    pub answering: u64,
    /// Registered in a network.
    pub in_service: bool,
    next_frame: Option<u64>,
    /// Frames begin with the OK of DDSETEX and may be written from then on.
    pub takes_voice: bool,
    pub commands: Vec<String>,
    /// Lines for the ladder.
    pub told: Vec<String>,
    /// First samples of the frames that were written.
    pub heard: Vec<[i16; 160]>,
    /// Its own sound comes in such pieces.
    pub pieces: usize,
    left: Vec<u8>,
    /// Keys pressed behind it, as they sound.
    pub tones: VecDeque<i16>,
}

impl Stick {
    pub fn new() -> Self {
        Self {
            line: None,
            is_plugged: false,
            devnum: 4,
            typed: BTreeMap::new(),
            usual: usual_answers(),
            out: VecDeque::new(),
            steps: Vec::new(),
            call: None,
            serial: 0,
            far: Far::Answers { rings: 1_500, answers: 5_000 },
            answering: 300,
            in_service: true,
            next_frame: None,
            takes_voice: false,
            commands: Vec::new(),
            told: Vec::new(),
            heard: Vec::new(),
            pieces: 320,
            left: Vec::new(),
            tones: VecDeque::new(),
        }
    }

    pub fn device(&self) -> UsbDevice {
        let tty = |number: u8| Interface {
            number,
            class: 0xff,
            subclass: 0xff,
            protocol: 0xff,
            endpoints: 3,
            tty: Some(format!("ttyUSB{number}")),
        };
        UsbDevice {
            path: "1-1".to_owned(),
            vendor: 0x12d1,
            product: 0x1001,
            devnum: self.devnum,
            busnum: 1,
            interfaces: vec![tty(0), tty(1), tty(2)],
        }
    }

    /// Power is gone: nothing is remembered.
    pub fn pull(&mut self) {
        self.is_plugged = false;
        self.devnum += 1;
        self.typed.clear();
        self.out.clear();
        self.hush();
        self.call = None;
        self.takes_voice = false;
    }

    fn hush(&mut self) {
        self.steps.clear();
        self.next_frame = None;
        self.left.clear();
    }

    pub fn is_idle(&self) -> bool {
        self.call.is_none() && self.next_frame.is_none() && !self.takes_voice && self.steps.is_empty()
    }

    /// How often a command that starts like this was given.
    pub fn count(&self, start: &str) -> usize {
        self.commands.iter().filter(|c| c.starts_with(start)).count()
    }

    fn say(&mut self, text: &str, now: u64) {
        let at = self.out.back().map_or(0, |(at, ..)| *at).max(now + LATENCY);
        self.out.push_back((at, TALK, text.to_owned()));
    }

    fn lines(&mut self, lines: &[&str], now: u64) {
        let text: String = lines.iter().map(|l| format!("\r\n{l}\r\n")).collect();
        self.say(&text, now);
    }

    fn after(&mut self, wait_ms: u64, step: Step, now: u64) {
        self.steps.push((now + wait_ms * 1_000, self.serial, step));
    }

    fn begin(&mut self, incoming: bool, number: &str) {
        self.serial += 1;
        let (number, stat) = (number.to_owned(), if incoming { 4 } else { 2 });
        self.call = Some(GsmCall { incoming, number, stat, answered: None, serial: self.serial });
    }

    /// Somebody calls the SIM; empty: withheld.
    pub fn ring(&mut self, number: &str, now: u64) {
        assert!(self.call.is_none(), "the network does not bring two calls here");
        self.begin(true, number);
        self.after(0, Step::Ring, now);
    }

    /// The far side hangs up, is busy, gives up: `104,16`.
    pub fn far_ends(&mut self, numbers: &str, now: u64) {
        let Some(call) = self.call.take() else { return };
        let seconds = call.answered.map_or(0, |at| (now - at) / 1_000_000);
        self.hush();
        self.lines(&[&format!("^CEND:1,{seconds},{numbers}")], now);
    }

    /// The network is lost, or found.
    pub fn set_service(&mut self, in_service: bool, now: u64) {
        self.in_service = in_service;
        self.lines(&[if in_service { "+CREG: 1" } else { "+CREG: 0" }], now);
    }

    /// The far side answers a dialled call, now.
    pub fn far_answers(&mut self, now: u64) {
        self.steps.retain(|(_, _, step)| !matches!(step, Step::Connected));
        self.after(0, Step::Connected, now);
    }

    // --- what is written to it ---

    pub fn write(&mut self, port: usize, bytes: &[u8], now: u64) {
        for byte in bytes {
            match byte {
                0x1b => self.typed.entry(port).or_default().clear(),
                b'\r' => {
                    let line = self.typed.remove(&port).unwrap_or_default();
                    if port == TALK && !line.is_empty() {
                        self.on_command(&line, now);
                    }
                }
                byte => self.typed.entry(port).or_default().push(char::from(*byte)),
            }
        }
    }

    fn on_command(&mut self, line: &str, now: u64) {
        self.commands.push(line.to_owned());
        let shown = ["ATD", "ATA", "AT+CHUP", "AT^DDSETEX", "AT^DTMF", "AT+CUSD=1,"];
        if shown.iter().any(|s| line.starts_with(s)) {
            self.told.push(format!("stick < {line}"));
        }
        if let Some(number) = line.strip_prefix("ATD") {
            return self.on_dial(number.trim_end_matches(';'), now);
        }
        match line {
            "ATA" => self.on_answer(now),
            "AT+CHUP" => {
                self.lines(&["OK"], now);
                self.far_ends("29,16", now);
            }
            "AT+CLCC" => {
                let listed = self.call.as_ref().map(|c| {
                    let kind = if c.number.starts_with('+') { 145 } else { 129 };
                    let number = c.number.trim_start_matches('+');
                    format!("+CLCC: 1,{},{},0,0,\"{number}\",{kind}", u8::from(c.incoming), c.stat)
                });
                let lines: Vec<&str> = listed.as_deref().into_iter().chain(["OK"]).collect();
                self.lines(&lines, now);
            }
            "AT^DDSETEX=2" => {
                self.lines(&["OK"], now);
                if self.call.is_some() && self.next_frame.is_none() {
                    self.next_frame = Some(now + LATENCY + FRAME);
                }
            }
            "AT+CREG?" if !self.in_service => self.lines(&["+CREG: 2,0", "OK"], now),
            "AT+CUSD=1,\"AA180C3602\",15" => {
                self.lines(&["OK"], now);
                self.lines(&["+CUSD: 0,\"CF2135487D2E4130572D0682BB1A\",0"], now);
            }
            _ => {
                let answer = self.usual.get(line).cloned().unwrap_or_else(|| "\r\nOK\r\n".to_owned());
                self.say(&answer, now);
            }
        }
    }

    fn on_dial(&mut self, number: &str, now: u64) {
        if let Far::Refuses(words) = self.far {
            return self.lines(&[words], now);
        }
        if self.call.is_some() {
            return self.lines(&["NO CARRIER"], now);
        }
        self.begin(false, number);
        self.lines(&["OK"], now);
        match self.far {
            Far::Silent | Far::Refuses(_) => return,
            Far::Answers { rings, answers } => {
                self.after(rings, Step::Alerting, now);
                self.after(answers, Step::Connected, now);
            }
            Far::Rings(rings) => self.after(rings, Step::Alerting, now),
            Far::Ends(after, numbers) => self.after(after, Step::Ended(numbers.to_owned()), now),
        }
        self.after(200, Step::Originated, now);
    }

    fn on_answer(&mut self, now: u64) {
        if !self.call.as_ref().is_some_and(|c| c.incoming && c.stat == 4) {
            return self.lines(&["ERROR"], now);
        }
        self.lines(&["OK"], now);
        self.after(self.answering, Step::Connected, now);
    }

    /// A frame of PCM.
    pub fn hear(&mut self, port: usize, frame: &[u8]) {
        assert_eq!((port, frame.len()), (SOUND, 320), "a frame for the voice port");
        assert!(self.takes_voice, "samples outside of AT^DDSETEX .. ^CEND");
        let mut samples = [0; 160];
        for (sample, bytes) in samples.iter_mut().zip(frame.chunks(2)) {
            *sample = i16::from_le_bytes([bytes[0], bytes[1]]);
        }
        self.heard.push(samples);
    }

    // --- time ---

    pub fn poll_timeout(&self) -> Option<u64> {
        let steps = self.steps.iter().map(|s| s.0).min();
        [self.out.front().map(|o| o.0), steps, self.next_frame].into_iter().flatten().min()
    }

    pub fn handle_timeout(&mut self, now: u64) -> Vec<Said> {
        while let Some(at) = self.steps.iter().position(|s| s.0 <= now) {
            let (_, serial, step) = self.steps.remove(at);
            if self.call.as_ref().is_some_and(|c| c.serial == serial) {
                self.carry_out(step, now);
            }
        }
        let mut said = Vec::new();
        if self.next_frame.is_some_and(|at| at <= now) {
            self.next_frame = Some(now + FRAME);
            for _ in 0..160 {
                self.left.extend(self.tones.pop_front().unwrap_or(STICK_SAYS).to_le_bytes());
            }
            while self.left.len() >= self.pieces {
                let bytes = self.left.drain(..self.pieces).collect();
                said.push(Said { port: SOUND, bytes });
            }
        }
        while self.out.front().is_some_and(|o| o.0 <= now) {
            let (_, port, text) = self.out.pop_front().unwrap();
            for line in text.lines().filter(|l| !l.is_empty()) {
                if line.starts_with('^')
                    && !line.contains("CVOICE")
                    && !line.contains("SYSINFO")
                    && !line.contains("CPIN")
                    && !line.contains("ICCID")
                    || line.starts_with("RING")
                {
                    self.told.push(format!("stick > {line}"));
                }
            }
            if text.contains("^CEND") {
                self.takes_voice = false;
            } else if self.next_frame.is_some() {
                self.takes_voice = true;
            }
            said.push(Said { port, bytes: text.into_bytes() });
        }
        said
    }

    fn carry_out(&mut self, step: Step, now: u64) {
        let Some(call) = &mut self.call else { return };
        match step {
            Step::Ring => {
                if call.stat == 4 {
                    let kind = if call.number.starts_with('+') { 145 } else { 129 };
                    let clip = match call.number.as_str() {
                        "" => "+CLIP: \"\",128,,,,1".to_owned(),
                        number => format!("+CLIP: \"{number}\",{kind},,,,0"),
                    };
                    self.lines(&["RING", &clip], now);
                    self.after(5_000, Step::Ring, now);
                }
            }
            Step::Originated => self.lines(&["^ORIG:1,0"], now),
            Step::Alerting => {
                call.stat = 3;
                self.lines(&["^CONF:1"], now);
            }
            Step::Connected => {
                (call.stat, call.answered) = (0, Some(now));
                self.lines(&["^CONN:1,0"], now);
            }
            Step::Ended(numbers) => self.far_ends(&numbers, now),
        }
    }
}

/// Of the transcript of a start, the last answer to each command.
fn usual_answers() -> BTreeMap<String, String> {
    let mut answers: BTreeMap<String, String> = BTreeMap::new();
    let mut command = String::new();
    for line in include_str!("../ladder/transcripts/e1750-11.126-start.txt").lines() {
        if let Some(text) = line.strip_prefix("> ") {
            command = text.to_owned();
            answers.insert(command.clone(), String::new());
        } else if let Some(text) = line.strip_prefix("< ") {
            answers.entry(command.clone()).or_default().push_str(&format!("\r\n{text}\r\n"));
        }
    }
    answers
}
