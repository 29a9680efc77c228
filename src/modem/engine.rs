//! One command in flight on the AT port, each with its own time-out, and the way back after a lost answer.
//!
//! After a time-out the answer may still come and be taken for the next command's: every following answer is then one off
//! (a firmware string became the manufacturer in chan_dongle). So the engine stops, listens until it is quiet, and goes on only after `AT` got
//! exactly one `OK`.
use super::command::{Command, Reply};
use crate::util::limits::AT_ANSWER_LINES;
use crate::util::time::Instant;
use crate::wire::at::{Final, Token, Tokens, Urc, urc, ussd};
use std::collections::VecDeque;
use std::time::Duration;

/// How patiently the engine listens and pings until answers fit their questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Patience {
    /// Silence that is taken for "nothing late comes any more".
    quiet: Duration,
    /// Time for one `AT`.
    ping: Duration,
    /// Pings before the stick counts as dead.
    pings: u8,
}

/// After opening: little can be pending, but the stick may still be booting (DONGLE 2.3: ten pings, 1 s apart).
const OPENING: Patience =
    Patience { quiet: Duration::from_millis(150), ping: Duration::from_secs(1), pings: 10 };
/// After a lost answer, which may be on its way.
const RESYNC: Patience =
    Patience { quiet: Duration::from_millis(1_500), ping: Duration::from_secs(2), pings: 8 };

/// What the engine tells its session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The command in flight is over.
    Completed(Command, Reply),
    Urc(Urc),
    /// A hexadecimal line that followed `+CMT:` or `+CDS:`.
    Direct(String),
    /// Answers fit their questions again.
    Resynced,
    /// No answer to any ping.
    Dead,
}

#[derive(Debug)]
enum State {
    Idle,
    /// Sent, collecting the answer.
    Running {
        command: Command,
        lines: Vec<String>,
        deadline: Instant,
    },
    /// `AT+CMGS` sent, `> ` awaited.
    AwaitingPrompt {
        command: Command,
        deadline: Instant,
    },
    /// Listening until nothing has come for a while.
    Draining {
        until: Instant,
        patience: Patience,
    },
    /// `AT` sent; `oks` counts the answers until `deadline`.
    Pinging {
        oks: u8,
        deadline: Instant,
        patience: Patience,
    },
    /// The port is closed, or nobody answers.
    Off,
}

/// The engine of one AT port.
#[derive(Debug)]
pub struct Engine {
    state: State,
    tokens: Tokens,
    out: VecDeque<u8>,
    events: VecDeque<Event>,
    /// A `+CMT:` or `+CDS:` was seen: the next line is its PDU.
    direct: bool,
    /// The beginning of a `+CUSD:` whose text has several lines.
    cut: Option<String>,
    /// Lines that belonged to nothing; shown by `status`.
    pub stray: u32,
}

impl Default for Engine {
    fn default() -> Self {
        Self {
            state: State::Off,
            tokens: Tokens::default(),
            out: VecDeque::new(),
            events: VecDeque::new(),
            direct: false,
            cut: None,
            stray: 0,
        }
    }
}

impl Engine {
    /// The port was opened. A prompt of whoever had it before is left with ESC; the CR makes an empty command of it.
    /// `Resynced` or `Dead` follows.
    pub fn open(&mut self, now: Instant) {
        *self = Self { stray: self.stray, ..Self::default() };
        self.out.extend(b"\x1b\r");
        self.enter(State::Draining { until: now + OPENING.quiet, patience: OPENING });
    }

    /// The port is gone: what was in flight is lost.
    pub fn close(&mut self) {
        self.give_up_command();
        self.out.clear();
        self.tokens.clear();
        self.enter(State::Off);
    }

    /// After a lost answer, until questions and answers fit again.
    #[must_use]
    pub const fn is_resyncing(&self) -> bool {
        matches!(self.state, State::Draining { .. } | State::Pinging { .. })
    }

    #[must_use]
    pub const fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle)
    }

    /// Send `command`. Only while idle; otherwise it comes back.
    ///
    /// # Errors
    /// The command, when another is in flight or the port is off.
    pub fn send(&mut self, command: Command, now: Instant) -> Result<(), Command> {
        if !self.is_idle() {
            return Err(command);
        }
        log::trace!("> {}", command.shown());
        self.out.extend(command.text.as_bytes());
        self.out.push_back(b'\r');
        let deadline = now + command.timeout;
        self.enter(if command.pdu.is_some() {
            State::AwaitingPrompt { command, deadline }
        } else {
            State::Running { command, lines: Vec::new(), deadline }
        });
        Ok(())
    }

    /// Write `text` past an ATD or ATA in flight, whose answer is given up: a hang-up must not wait for it. `false`: none is
    /// in flight. Both answers come while it is listened for silence, so none shifts the next ones.
    pub fn interrupt(&mut self, text: &str, now: Instant) -> bool {
        let calling = self.is_calling();
        if calling {
            self.out.extend(text.as_bytes());
            self.out.push_back(b'\r');
            self.on_lost(now);
        }
        calling
    }

    /// Bytes from the port.
    pub fn handle_bytes(&mut self, bytes: &[u8], now: Instant) {
        self.tokens.push(bytes);
        if let State::Draining { until, patience } = &mut self.state {
            *until = now + patience.quiet;
        }
        while let Some(token) = self.tokens.pop(matches!(self.state, State::AwaitingPrompt { .. })) {
            match token {
                Token::Prompt => self.on_prompt(now),
                Token::Line(line) => self.on_glued_line(&line, now),
            }
        }
    }

    /// The clock reached `poll_timeout`.
    pub fn handle_timeout(&mut self, now: Instant) {
        match &self.state {
            State::Running { deadline, .. } | State::AwaitingPrompt { deadline, .. } if now >= *deadline => {
                self.on_lost(now);
            }
            State::Draining { until, patience } if now >= *until => self.ping(*patience, now),
            State::Pinging { oks, deadline, patience } if now >= *deadline => match (*oks, patience.pings) {
                (1, _) => {
                    self.enter(State::Idle);
                    self.events.push_back(Event::Resynced);
                }
                (_, 0) => {
                    self.enter(State::Off);
                    self.events.push_back(Event::Dead);
                }
                // No answer, or one too many: a late one came. Once more.
                _ => self.ping(*patience, now),
            },
            _ => {}
        }
    }

    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Running { deadline, .. }
            | State::AwaitingPrompt { deadline, .. }
            | State::Pinging { deadline, .. } => Some(*deadline),
            State::Draining { until, .. } => Some(*until),
            State::Idle | State::Off => None,
        }
    }

    /// Bytes to write to the port.
    pub fn poll_write(&mut self) -> Option<Vec<u8>> {
        (!self.out.is_empty()).then(|| self.out.drain(..).collect())
    }

    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn enter(&mut self, state: State) {
        self.state = state;
    }

    fn on_prompt(&mut self, now: Instant) {
        let state = std::mem::replace(&mut self.state, State::Idle);
        let State::AwaitingPrompt { command, .. } = state else {
            self.enter(state);
            return;
        };
        let wait = match &command.pdu {
            Some((pdu, wait)) => {
                self.out.extend(pdu.as_bytes());
                self.out.push_back(0x1a);
                *wait
            }
            None => command.timeout,
        };
        self.enter(State::Running { command, lines: Vec::new(), deadline: now + wait });
    }

    fn on_glued_line(&mut self, line: &str, now: Instant) {
        let mut rest = line;
        // Each cut takes at least two characters, so this ends.
        while !rest.is_empty() {
            let (head, tail) = Final::unglue(rest);
            self.on_line(head, now);
            rest = tail;
        }
    }

    fn on_line(&mut self, line: &str, now: Instant) {
        log::trace!("< {}", if self.cut.is_some() { "(text)" } else { shown(line) });
        if self.is_cut(line) {
            return;
        }
        if std::mem::take(&mut self.direct) && crate::util::hex::decode(line).is_ok() {
            self.events.push_back(Event::Direct(line.to_owned()));
            return;
        }
        if self.answers_running(line) {
            return;
        }
        if let Some(urc) = Urc::parse(line) {
            self.direct = matches!(urc, Urc::Direct | Urc::ReportDirect);
            self.events.push_back(Event::Urc(urc));
            return;
        }
        if let Some(result) = Final::parse(line) {
            if result.is_of_a_call() && !self.is_calling() {
                self.events.push_back(Event::Urc(Urc::Released(result)));
            } else {
                self.on_final(result, now);
            }
            return;
        }
        if let State::Running { command, lines, .. } = &mut self.state
            && command.bare
            && line != command.text
        {
            if lines.len() < AT_ANSWER_LINES {
                lines.push(line.to_owned());
            }
            return;
        }
        if !self.is_echo(line) {
            self.stray = self.stray.saturating_add(1);
        }
    }

    const fn is_calling(&self) -> bool {
        matches!(&self.state, State::Running { command, .. } if command.calls)
    }

    /// A `+CUSD:` goes on until its quote is closed, or until a line comes that is certainly none of its text.
    fn is_cut(&mut self, line: &str) -> bool {
        let text = match self.cut.take() {
            Some(cut) if Final::parse(line).is_none() && Urc::parse(line).is_none() => {
                format!("{cut}\n{line}")
            }
            Some(cut) => {
                self.events.extend(Urc::parse(&cut).map(Event::Urc));
                return self.is_cut(line);
            }
            None => line.to_owned(),
        };
        let goes_on = ussd::is_cut(&text);
        let joined = text.len() > line.len();
        if goes_on {
            self.cut = Some(text);
        } else if joined {
            self.events.extend(Urc::parse(&text).map(Event::Urc));
        }
        goes_on || joined
    }

    /// Take `line` if its prefix is that of the command in flight.
    fn answers_running(&mut self, line: &str) -> bool {
        let State::Running { command, lines, .. } = &mut self.state else { return false };
        if !line.starts_with(command.prefix) || (command.prefix == "+CREG:" && !urc::creg_answers_query(line))
        {
            return false;
        }
        if lines.len() < AT_ANSWER_LINES {
            lines.push(line.to_owned());
        }
        true
    }

    fn is_echo(&self, line: &str) -> bool {
        match &self.state {
            State::Running { command, .. } | State::AwaitingPrompt { command, .. } => {
                line == command.text
                    || line.starts_with("AT")
                    || command.pdu.as_ref().is_some_and(|(pdu, _)| line.trim_end_matches('\u{1a}') == pdu)
            }
            _ => line.starts_with("AT"),
        }
    }

    fn on_final(&mut self, result: Final, now: Instant) {
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Running { command, lines, .. } => {
                self.events.push_back(Event::Completed(command, Reply::Done { lines, result }));
            }
            // Refused before the prompt.
            State::AwaitingPrompt { command, .. } if result != Final::Ok => {
                self.events.push_back(Event::Completed(command, Reply::Done { lines: Vec::new(), result }));
            }
            State::Pinging { oks, deadline, patience } => {
                // The first answer starts a short watch for a second one.
                let deadline = if oks == 0 { now + patience.quiet } else { deadline };
                // Anything but OK is a late answer too.
                let oks = if result == Final::Ok { oks.saturating_add(1) } else { u8::MAX };
                self.enter(State::Pinging { oks, deadline, patience });
            }
            other => {
                self.stray = self.stray.saturating_add(1);
                self.enter(other);
            }
        }
    }

    /// The answer did not come in time.
    fn on_lost(&mut self, now: Instant) {
        let prompt_may_be_open = match &self.state {
            State::Running { command, .. } | State::AwaitingPrompt { command, .. } => command.pdu.is_some(),
            _ => false,
        };
        if prompt_may_be_open {
            self.out.push_back(0x1b);
        }
        self.give_up_command();
        self.enter(State::Draining { until: now + RESYNC.quiet, patience: RESYNC });
    }

    fn give_up_command(&mut self) {
        let (command, reply) = match std::mem::replace(&mut self.state, State::Idle) {
            State::Running { command, .. } => (command, Reply::Lost),
            State::AwaitingPrompt { command, .. } => (command, Reply::NoPrompt),
            _ => return,
        };
        log::debug!("no answer to {}", command.shown());
        self.events.push_back(Event::Completed(command, reply));
    }

    fn ping(&mut self, patience: Patience, now: Instant) {
        self.out.extend(b"AT\r");
        let deadline = now + patience.ping;
        let patience = Patience { pings: patience.pings.saturating_sub(1), ..patience };
        self.enter(State::Pinging { oks: 0, deadline, patience });
    }
}

/// A line for the trace log: PDUs, numbers and identities not in clear.
fn shown(line: &str) -> &str {
    if line.starts_with("AT") {
        return "(echo)";
    }
    if line.len() > 12 && line.bytes().all(|b| b.is_ascii_hexdigit()) {
        return "(digits)";
    }
    let private = line.contains('"') || line.starts_with("+CUSD");
    line.split_once(':').map_or(line, |(head, _)| if private { head } else { line })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An engine on a virtual clock.
    struct Ladder {
        engine: Engine,
        now: Instant,
    }

    impl Ladder {
        fn open() -> Self {
            let mut engine = Engine::default();
            engine.open(Instant::ZERO);
            assert_eq!(engine.poll_write().unwrap(), b"\x1b\r");
            let mut ladder = Self { engine, now: Instant::ZERO };
            assert_eq!(ladder.wait(), []);
            assert_eq!(ladder.written(), "AT\r");
            ladder.heard("OK\r\n");
            assert_eq!(ladder.wait(), [Event::Resynced]);
            ladder
        }

        fn send(&mut self, command: Command) {
            let text = format!("{}\r", command.text);
            self.engine.send(command, self.now).unwrap();
            assert_eq!(self.engine.poll_write().unwrap(), text.as_bytes());
        }

        fn heard(&mut self, text: &str) -> Vec<Event> {
            self.engine.handle_bytes(text.as_bytes(), self.now);
            std::iter::from_fn(|| self.engine.poll_event()).collect()
        }

        /// Go to the next deadline.
        fn wait(&mut self) -> Vec<Event> {
            self.now = self.engine.poll_timeout().unwrap();
            self.engine.handle_timeout(self.now);
            std::iter::from_fn(|| self.engine.poll_event()).collect()
        }

        fn written(&mut self) -> String {
            String::from_utf8(self.engine.poll_write().unwrap_or_default()).unwrap()
        }
    }

    fn done(command: Command, lines: &[&str], result: Final) -> Event {
        let lines = lines.iter().map(|l| (*l).to_owned()).collect();
        Event::Completed(command, Reply::Done { lines, result })
    }

    #[test]
    fn urc_between_answer_and_result() {
        let mut l = Ladder::open();
        let csq = Command::query("AT+CSQ", "+CSQ:");
        l.send(csq.clone());
        assert!(l.engine.send(csq.clone(), l.now).is_err(), "one in flight");
        assert_eq!(
            l.heard("AT+CSQ\r\r\n+CSQ: 17,99\r\r\n\r\n^RSSI:20\r\n\r\nOK^RSSI:21\r\n"),
            [Event::Urc(Urc::Rssi(20)), done(csq, &["+CSQ: 17,99"], Final::Ok), Event::Urc(Urc::Rssi(21))]
        );
    }

    #[test]
    fn late_answer_is_not_the_next_commands() {
        let mut l = Ladder::open();
        let model = Command::bare("AT+CGMM");
        l.send(model.clone());
        assert_eq!(l.wait(), [Event::Completed(model, Reply::Lost)]);
        assert_eq!(l.heard("\r\nE1750\r\n\r\nOK\r\n"), []);
        assert_eq!(l.wait(), [], "quiet");
        assert_eq!(l.written(), "AT\r");
        assert_eq!(l.heard("\r\nOK\r\n"), []);
        assert_eq!(l.wait(), [Event::Resynced]);
        let serial = Command::bare("AT+CGSN");
        l.send(serial.clone());
        assert_eq!(l.heard("860000000000000\r\nOK\r\n"), [done(serial, &["860000000000000"], Final::Ok)]);
    }

    #[test]
    fn answer_later_than_the_silence_makes_a_second_ping() {
        let mut l = Ladder::open();
        l.send(Command::bare("AT+CGMM"));
        l.wait();
        l.wait();
        assert_eq!(l.written(), "AT\r");
        l.heard("\r\nE1750\r\n\r\nOK\r\n\r\nOK\r\n");
        assert_eq!(l.wait(), [], "two results for one ping");
        assert_eq!(l.written(), "AT\r");
        l.heard("\r\nOK\r\n");
        assert_eq!(l.wait(), [Event::Resynced]);
    }

    #[test]
    fn dead_after_all_pings() {
        let mut l = Ladder::open();
        l.send(Command::set("AT"));
        l.wait();
        let mut pings = 0;
        while l.engine.poll_timeout().is_some() {
            let events = l.wait();
            pings += usize::from(l.written() == "AT\r");
            if !events.is_empty() {
                assert_eq!(events, [Event::Dead]);
            }
        }
        assert_eq!(pings, usize::from(RESYNC.pings));
        assert!(l.now.since(Instant::ZERO) < Duration::from_secs(30));
    }

    #[test]
    fn prompt_with_a_urc_in_between() {
        let mut l = Ladder::open();
        let submit = Command::submit(23, "0011".to_owned());
        l.send(submit.clone());
        assert_eq!(l.heard("\r\n+CMTI: \"SM\",3\r\n\r\n> ").len(), 1);
        assert_eq!(l.written(), "0011\x1a");
        assert_eq!(
            l.heard("0011\x1a\r\n\r\n+CMGS: 240\r\n\r\nOK\r\n"),
            [done(submit, &["+CMGS: 240"], Final::Ok)]
        );
        assert_eq!(l.engine.stray, 0);
    }

    #[test]
    fn no_prompt_is_left_with_escape() {
        let mut l = Ladder::open();
        l.send(Command::submit(23, "0011".to_owned()));
        l.wait();
        assert_eq!(l.written(), "\x1b");
    }

    #[test]
    fn stored_pdu_and_glued_error() {
        let mut l = Ladder::open();
        let read = Command::query("AT+CMGR=3", "+CMGR:").with_bare_lines();
        l.send(read.clone());
        assert_eq!(
            l.heard("\r\n+CMGR: 0,23\r\n0791AB\r\n\r\nOK\r\n"),
            [done(read, &["+CMGR: 0,23", "0791AB"], Final::Ok)]
        );
        let number = Command::query("AT+CNUM", "+CNUM:");
        l.send(number.clone());
        assert_eq!(l.heard("ERROR+CNUM: \"\",\"\",129\r\n"), [done(number, &[], Final::Error)]);
        assert_eq!(
            l.heard("+CMT: ,23\r\n0791AB\r\n"),
            [Event::Urc(Urc::Direct), Event::Direct("0791AB".into())]
        );
    }

    #[test]
    fn the_end_of_a_call_ends_no_other_command() {
        let mut l = Ladder::open();
        let list = Command::query("AT+CLCC", "+CLCC:");
        l.send(list.clone());
        assert_eq!(
            l.heard("\r\nNO CARRIER\r\n\r\nOK\r\n"),
            [Event::Urc(Urc::Released(Final::NoCarrier)), done(list, &[], Final::Ok)]
        );
        let dial = Command::call("ATD123;");
        assert_eq!(dial.shown(), "ATD");
        l.send(dial.clone());
        assert_eq!(l.heard("\r\nBUSY\r\n"), [done(dial, &[], Final::Busy)]);
    }

    #[test]
    fn a_ussd_text_of_several_lines() {
        let mut l = Ladder::open();
        let text = |text: &str| {
            let ussd = crate::wire::at::Ussd { mode: Some(1), text: Some(text.to_owned()), dcs: Some(15) };
            Event::Urc(Urc::Ussd(ussd))
        };
        assert_eq!(l.heard("+CUSD: 1,\"1 Balance\r\n2 Help\",15\r\n"), [text("1 Balance\n2 Help")]);
        // Never closed: what follows is not lost in it.
        let heard = l.heard("+CUSD: 1,\"1 Balance\r\n^RSSI:20\r\n+CUSD: 1,\"x\",15\r\n");
        assert_eq!(heard.get(1..), Some(&[Event::Urc(Urc::Rssi(20)), text("x")][..]));
    }

    #[test]
    fn random_bytes_never_panic_or_grow() {
        let mut l = Ladder::open();
        let mut seed = 1_u32;
        for _ in 0..2_000 {
            let noise: Vec<u8> = (0..100)
                .map(|_| {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    seed.to_be_bytes()[0]
                })
                .collect();
            l.engine.handle_bytes(&noise, l.now);
            while l.engine.poll_event().is_some() {}
        }
        l.send(Command::set("ATE0"));
    }
}
