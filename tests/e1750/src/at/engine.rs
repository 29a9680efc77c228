//! Bytes to command lines, answers to bytes. One command runs at a time.
//!
//! A second command line while one runs: if the first is younger than its time-out (DONGLE.md 2.9b) that is the
//! offence `two_in_flight` and the stick loses the second. If the first is older, the host has given it up: the new
//! one is kept and answered afterwards, so answers can come late and in the place of others.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde_json::json;

use super::parse::{self, Command};
use super::{Answer, End, Form, PduInput};
use crate::options::Profile;
use crate::ports::Port;
use crate::quirks::Quirk;
use crate::stick::{Event, Stick};

const CR: u8 = 0x0D;
const LF: u8 = 0x0A;
const ESC: u8 = 0x1B;
const CTRL_Z: u8 = 0x1A;
const LINE_LIMIT: usize = 2048;
/// A host that waits just as long as it should must not be blamed for our own scheduling.
const MARGIN: Duration = Duration::from_millis(250);
const NOISE_LIMIT: u64 = 1000;
const QUEUE_LIMIT: usize = 4;

#[derive(Debug)]
struct Running {
    name: String,
    since: Instant,
    /// What comes when: bytes after the wait.
    steps: VecDeque<(Duration, Vec<u8>)>,
    after: Vec<(Duration, Event)>,
    then: Then,
}

#[derive(Debug, Clone, Copy)]
enum Then {
    Idle,
    Prompt(usize),
}

#[derive(Debug)]
enum Doing {
    Idle,
    Running(Running),
    Prompt(PduInput),
}

/// The interpreter of one port.
#[derive(Debug)]
pub struct Engine {
    pub echo: bool,
    pub cmee: u8,
    line: Vec<u8>,
    doing: Doing,
    queue: VecDeque<String>,
    /// URCs kept back while a prompt is open.
    held: Vec<u8>,
    /// Distinguishes the steps of one command from those of an aborted one.
    run: u64,
}

impl Engine {
    pub fn new() -> Engine {
        Engine {
            echo: true,
            cmee: 0,
            line: Vec::new(),
            doing: Doing::Idle,
            queue: VecDeque::new(),
            held: Vec::new(),
            run: 0,
        }
    }

    /// Forgets what it was doing, as after a reset of the interpreter; settings stay.
    pub fn abort(&mut self) {
        self.run += 1;
        self.doing = Doing::Idle;
        self.line.clear();
        self.queue.clear();
    }

    pub fn prompt_open(&self) -> bool {
        matches!(self.doing, Doing::Prompt(_))
    }
}

impl Default for Engine {
    fn default() -> Self {
        Engine::new()
    }
}

/// The characters outside quotes.
fn unquoted(text: &str) -> impl Iterator<Item = char> {
    text.split('"').step_by(2).flat_map(str::chars)
}

/// After how long the host may give a command up (the lower values of DONGLE.md 2.9b).
fn patience(name: &str) -> Duration {
    Duration::from_secs(match name {
        "" | "E" => 1,
        "+CPIN" | "+CIMI" | "+CNUM" | "+CSCA" | "+CPMS" | "A" | "+CHUP" | "+CMGR" | "+CMGD" | "+CUSD" => 10,
        "+CFUN" => 15,
        "D" | "+CMGL" | "+CCWA" | "+CCFC" | "+CLIR" | "PDU" => 30,
        "+COPS=?" => 180,
        _ => 5,
    })
}

impl Stick {
    /// Bytes from the host on a port with an interpreter.
    pub fn at_input(&mut self, port: Port, bytes: &[u8]) {
        if self.is_hung() {
            self.log.event(
                "swallowed",
                json!({"port": port.name(), "bytes": bytes.len(),
                "text": String::from_utf8_lossy(bytes)}),
            );
            self.engine(port).line.clear();
            return;
        }
        for &byte in bytes {
            self.at_byte(port, byte);
        }
    }

    fn at_byte(&mut self, port: Port, byte: u8) {
        let engine = self.engine(port);
        if let Doing::Prompt(_) = engine.doing {
            return self.prompt_byte(port, byte);
        }
        let echo = engine.echo && !matches!(engine.doing, Doing::Running(_));
        if echo {
            self.emit(port, &[byte]);
        }
        let engine = self.engine(port);
        match byte {
            CR => {
                let line = std::mem::take(&mut engine.line);
                let text = String::from_utf8_lossy(&line).trim_start().to_string();
                if !text.is_empty() {
                    self.at_line(port, text);
                }
            }
            ESC => engine.line.clear(),
            CTRL_Z => {
                let lost = std::mem::take(&mut engine.line);
                self.log.offence(
                    "write_after_prompt_lost",
                    json!({"port": port.name(),
                    "text": String::from_utf8_lossy(&lost)}),
                );
            }
            LF | 0x11 | 0x13 => {}
            _ if engine.line.len() < LINE_LIMIT => engine.line.push(byte),
            _ => engine.line.clear(),
        }
    }

    /// Bytes of a TPDU, until Ctrl-Z or ESC.
    fn prompt_byte(&mut self, port: Port, byte: u8) {
        let echo = self.engine(port).echo || self.quirks.has(Quirk::PduEcho);
        if echo && byte != CTRL_Z {
            self.emit(port, &[byte]);
        }
        let Doing::Prompt(input) = &mut self.engine(port).doing else { return };
        match byte {
            ESC => {
                self.log.event("prompt_cancelled", json!({"port": port.name()}));
                self.engine(port).doing = Doing::Idle;
                self.start_answer(port, "ESC", Answer::ok());
            }
            CTRL_Z => {
                let input = input.clone();
                self.engine(port).doing = Doing::Idle;
                let answer = self.pdu_written(port, &input);
                self.start_answer(port, "PDU", answer);
            }
            CR => {
                let text = input.text();
                if text.len() >= 2 && text.get(..2).is_some_and(|t| t.eq_ignore_ascii_case("AT")) {
                    self.log.offence("command_in_prompt", json!({"port": port.name(), "text": text}));
                }
                if !self.quirks.has(Quirk::NoPrompt) {
                    self.emit(port, b"\r\n> ");
                }
            }
            _ => input.push(byte),
        }
    }

    fn at_line(&mut self, port: Port, text: String) {
        let now = self.now;
        if let Doing::Running(running) = &self.engine(port).doing {
            let (name, age) = (running.name.clone(), now.saturating_duration_since(running.since));
            if age + MARGIN < patience(&name) {
                self.log.offence(
                    "two_in_flight",
                    json!({"port": port.name(), "running": name, "lost": text,
                    "age": age.as_secs_f64()}),
                );
            } else if self.engine(port).queue.len() < QUEUE_LIMIT {
                self.engine(port).queue.push_back(text);
            }
            return;
        }
        self.begin(port, text);
    }

    fn begin(&mut self, port: Port, text: String) {
        let parsed = parse::line(&text);
        if parsed.is_none() {
            return self.noise(port, &text);
        }
        self.commands += 1;
        self.powered.commands += 1;
        self.log.event("command", json!({"port": port.name(), "text": text}));
        if self.silent_by_count() {
            self.log.event("unanswered", json!({"port": port.name(), "text": text}));
            return;
        }
        if self.quirks.has(Quirk::CapitalsOnly) && unquoted(&text).any(|c| c.is_ascii_lowercase()) {
            return self.start_answer(port, "", Answer::error());
        }
        match parsed {
            Some(Ok(commands)) => self.execute(port, &commands),
            _ => self.start_answer(port, "", Answer::error()),
        }
    }

    /// A line that is no command. A cooked tty echoes our own lines back for ever, so the log takes only so many.
    fn noise(&mut self, port: Port, text: &str) {
        self.noise_lines += 1;
        if self.noise_lines <= NOISE_LIMIT {
            self.log.event("noise", json!({"port": port.name(), "text": text}));
        }
    }

    /// Commands that get no answer because the stick is just starting or just dying.
    fn silent_by_count(&mut self) -> bool {
        let nth = self.powered.commands;
        if self.quirks.number(Quirk::SilentAt).is_some_and(|n| nth <= n) {
            return true;
        }
        if self.quirks.number(Quirk::StopsResponding).is_some_and(|n| nth > n) {
            self.hang(None);
            return true;
        }
        false
    }

    /// Carries the commands of a line out in order; the first failure ends the line.
    fn execute(&mut self, port: Port, commands: &[Command]) {
        let mut whole = Answer::ok();
        let mut name = String::new();
        for command in commands {
            name = match command {
                Command::Extended { name, form: Form::Test, .. } => format!("{name}=?"),
                _ => command.name().to_string(),
            };
            let answer = self.refused(command).unwrap_or_else(|| self.carry_out(port, command));
            whole.info.extend(answer.info);
            whole.after.extend(answer.after);
            whole.wait = whole.wait.max(answer.wait);
            whole.pace = whole.pace.or(answer.pace);
            whole.end = answer.end;
            if whole.end != End::Ok {
                break;
            }
        }
        self.start_answer(port, &name, whole);
    }

    /// The list quirks.
    fn refused(&self, command: &Command) -> Option<Answer> {
        let name = command.name();
        let set = matches!(command, Command::Extended { form: Form::Set, .. });
        match () {
            () if self.quirks.lists(Quirk::NotSupported, name) => {
                Some(Answer::new(End::Text("COMMAND NOT SUPPORT")))
            }
            () if set && self.quirks.lists(Quirk::TooMany, name) => {
                Some(Answer::new(End::Text("TOO MANY PARAMETERS")))
            }
            () if self.quirks.lists(Quirk::ErrorFor, name) => Some(Answer::error()),
            () => None,
        }
    }

    fn carry_out(&mut self, port: Port, command: &Command) -> Answer {
        match command {
            Command::Ping => Answer::ok(),
            Command::Basic { name, value } => self.basic_command(port, name, *value),
            Command::Dial(number) => self.dial(number),
            Command::Extended { name, form, arguments } => self
                .identity_command(port, name, *form, arguments)
                .or_else(|| self.sim_command(name, *form, arguments))
                .or_else(|| self.network_command(name, *form, arguments))
                .or_else(|| self.sms_command(name, *form, arguments))
                .or_else(|| self.ussd_command(name, *form, arguments))
                .or_else(|| self.call_command(name, *form, arguments))
                .unwrap_or_else(|| {
                    self.log.event("unknown_command", json!({"name": name}));
                    self.fail(4)
                }),
        }
    }

    /// An error as AT+CMEE says: the number is used only when it is on.
    pub fn fail(&self, code: u16) -> Answer {
        Answer::new(End::Cme(code))
    }

    /// Turns an answer into timed bytes and starts with the first.
    fn start_answer(&mut self, port: Port, name: &str, answer: Answer) {
        let mut wait = answer.wait.unwrap_or_else(|| self.usual_delay());
        wait += self.lateness(name);
        let mut steps = VecDeque::new();
        let mut first = true;
        for info in &answer.info {
            let mut bytes = if first { self.line_end() } else { Vec::new() };
            bytes.extend(self.lines(info));
            if answer.pace.is_some() || first {
                let gap = if first { wait } else { answer.pace.unwrap_or_default() };
                steps.push_back((gap, bytes));
            } else if let Some((_, last)) = steps.back_mut() {
                last.extend(bytes);
            }
            first = false;
        }
        let inside = self.urc_for_inside(name, !answer.info.is_empty());
        let mut tail: Vec<u8> = inside.iter().flat_map(|u| self.frame(u)).collect();
        let then = if let End::Prompt(length) = answer.end { Then::Prompt(length) } else { Then::Idle };
        tail.extend(self.final_bytes(port, answer.end));
        steps.push_back((if first { wait } else { Duration::ZERO }, tail));
        let since = self.now;
        let engine = self.engine(port);
        engine.run += 1;
        let run = engine.run;
        let gap = steps.front().map_or(Duration::ZERO, |s| s.0);
        engine.doing = Doing::Running(Running { name: name.into(), since, steps, after: answer.after, then });
        self.later(gap, Event::Step(port, run));
    }

    /// Scripted lateness of this answer.
    fn lateness(&mut self, name: &str) -> Duration {
        let mut out = Duration::ZERO;
        if let Some(at) = self.late.iter().position(|(command, _)| command.eq_ignore_ascii_case(name)) {
            out += self.late.remove(at).1;
        }
        if self
            .quirks
            .number(Quirk::LateReplies)
            .is_some_and(|n| n > 0 && self.powered.commands.is_multiple_of(n))
        {
            out += Duration::from_secs(7);
        }
        out
    }

    fn usual_delay(&mut self) -> Duration {
        match self.options.profile {
            Profile::Fast => Duration::from_millis(1),
            Profile::Slow => self.rng.millis(50, 300),
        }
    }

    fn urc_for_inside(&mut self, name: &str, has_info: bool) -> Option<String> {
        if let Some(at) = self.urc_inside.iter().position(|(command, _)| command.eq_ignore_ascii_case(name)) {
            return Some(self.urc_inside.remove(at).1);
        }
        (has_info && self.quirks.has(Quirk::UrcInside)).then(|| format!("^RSSI:{}", self.network.csq.min(31)))
    }

    fn final_bytes(&mut self, port: Port, end: End) -> Vec<u8> {
        let cmee = self.engine(port).cmee;
        let text = match end {
            End::Ok => "OK".to_string(),
            End::Error => "ERROR".to_string(),
            End::Cme(code) => match cmee {
                0 => "ERROR".to_string(),
                1 => format!("+CME ERROR: {code}"),
                _ => format!("+CME ERROR: {}", super::basic::cme_text(code)),
            },
            End::Cms(code) => format!("+CMS ERROR: {code}"),
            End::Text(text) => text.to_string(),
            End::Silent => return Vec::new(),
            End::Prompt(_) => return self.prompt_bytes(),
        };
        let mut out = self.line_end();
        out.extend(self.lines(&text));
        if self.quirks.has(Quirk::GluedUrc) && end == End::Ok {
            let ends = self.line_end().len();
            out.truncate(out.len().saturating_sub(ends));
            out.extend(self.lines(&format!("^RSSI:{}", self.network.csq.min(31))));
        }
        out
    }

    fn prompt_bytes(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        if self.quirks.has(Quirk::PromptUrc) {
            out.extend(self.frame("^RSSI:19"));
        }
        for text in std::mem::take(&mut self.urc_before_prompt) {
            out.extend(self.frame(&text));
        }
        if !self.quirks.has(Quirk::NoPrompt) {
            out.extend(b"\r\n> ");
        }
        out
    }

    /// The next step of the running command.
    pub fn step(&mut self, port: Port, run: u64) {
        let engine = self.engine(port);
        if engine.run != run {
            return;
        }
        let Doing::Running(running) = &mut engine.doing else { return };
        let Some((_, bytes)) = running.steps.pop_front() else { return };
        if self.is_hung() {
            self.engine(port).abort();
            return;
        }
        self.log_output(port, &bytes);
        self.emit(port, &bytes);
        let Doing::Running(running) = &mut self.engine(port).doing else { return };
        if let Some((gap, _)) = running.steps.front() {
            let gap = *gap;
            return self.later(gap, Event::Step(port, run));
        }
        let after = std::mem::take(&mut running.after);
        let then = running.then;
        self.engine(port).doing = match then {
            Then::Idle => Doing::Idle,
            Then::Prompt(length) => Doing::Prompt(PduInput::new(length)),
        };
        for (wait, event) in after {
            self.later(wait, event);
        }
        if let Then::Idle = then {
            self.finish(port);
        }
    }

    /// The engine is free: held URCs go out, then what was queued.
    fn finish(&mut self, port: Port) {
        let held = std::mem::take(&mut self.engine(port).held);
        self.emit(port, &held);
        if let Some(text) = self.engine(port).queue.pop_front() {
            self.begin(port, text);
        }
    }

    /// Sends a framed URC on a port, or keeps it while a prompt is open there.
    pub fn urc_on(&mut self, port: Port, text: &str) {
        let mut bytes = if self.quirks.has(Quirk::ExtraCrLf) { self.line_end() } else { Vec::new() };
        bytes.extend(self.frame(text));
        if self.engine(port).prompt_open() {
            self.engine(port).held.extend(bytes);
            return;
        }
        self.emit(port, &bytes);
    }

    pub fn line_end(&self) -> Vec<u8> {
        if self.quirks.has(Quirk::CrCrLf) { b"\r\r\n".to_vec() } else { b"\r\n".to_vec() }
    }

    /// `CR LF text CR LF`.
    pub fn frame(&self, text: &str) -> Vec<u8> {
        let mut out = self.line_end();
        out.extend(self.lines(text));
        out
    }

    /// Text whose lines end with CR LF each, with the habits of this stick's spelling. Bytes above 0x7F leave as
    /// Latin-1 (`U+00A7` is octet A7), so that junk can be spelled.
    fn lines(&self, text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        for line in text.split('\n') {
            let line = self.spelling(line);
            out.extend(line.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')));
            if self.quirks.has(Quirk::NulPadding) {
                out.extend(b" \0");
            }
            out.extend(self.line_end());
        }
        out
    }

    fn spelling(&self, line: &str) -> String {
        if line.starts_with('+') && self.quirks.has(Quirk::NoSpace) {
            return line.replacen(": ", ":", 1);
        }
        if line.starts_with('^') && self.quirks.has(Quirk::CaretSpace) {
            return line.replacen(": ", ":", 1).replacen(':', ": ", 1);
        }
        line.to_string()
    }
}
