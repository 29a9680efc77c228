//! Service codes of the network (USSD): one at a time, in the dialect that the stick takes. TS 27.007 7.15, DONGLE 5.
use super::Event;
use super::command::{Command, Reply};
use crate::util::hex;
use crate::util::limits::USSD_CODE;
use crate::util::time::Instant;
use crate::wire::at::{Final, Ussd};
use crate::wire::sms::ussd;
use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

/// The network's answer.
const ANSWER: Duration = Duration::from_secs(60);
/// The network waits for ours; it gives up after 30 to 180 s itself.
const IDLE: Duration = Duration::from_secs(120);

/// How the stick wants the text of `AT+CUSD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Septets packed, in hexadecimal: E1550, E1750, E173 and most.
    Packed,
    /// As text: K3765, some E3131, and E1752 after `AT^USSDMODE=0`.
    Plain,
}

/// How a service code fared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UssdResult {
    /// `more`: the network waits for an answer, which is sent by `Modem::ussd` too.
    Answer {
        text: String,
        more: bool,
    },
    Failed(UssdTrouble),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UssdTrouble {
    /// Another one is under way.
    Busy,
    NotReady,
    /// Too long, empty, or with characters that the alphabet of codes does not have.
    BadCode,
    Refused(Final),
    /// The network did not answer in time.
    Timeout,
    /// The network ended it without a word.
    Ended,
    /// Another program at the stick was answered instead.
    OtherClient,
    NotSupported,
    /// The stick went, or did not answer the command; whether the code was carried out is open.
    Lost,
}

impl fmt::Display for UssdTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => f.write_str("another service code is under way"),
            Self::NotReady => f.write_str("the dongle is not ready"),
            Self::BadCode => f.write_str("this is no service code that can be sent"),
            Self::Refused(Final::Cme(code)) => write!(f, "the stick refused it (+CME ERROR: {code})"),
            Self::Refused(_) => f.write_str("the stick refused it"),
            Self::Timeout => f.write_str("the network did not answer in time"),
            Self::Ended => f.write_str("the network ended it without an answer"),
            Self::OtherClient => f.write_str("another program at the stick got the answer"),
            Self::NotSupported => f.write_str("the network does not support it"),
            Self::Lost => f.write_str("the stick went away or did not answer; it may have been carried out"),
        }
    }
}

#[derive(Clone, Debug)]
struct Request {
    token: u64,
    code: String,
    dialect: Dialect,
    /// This stick's dialect is known, or both were tried.
    certain: bool,
    /// Which try it is: the answer to an earlier one is nobody's.
    serial: u32,
    sent: bool,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Idle,
    /// Waits for the engine, or for the OK. `lead`: what goes before it.
    Asking { request: Request, lead: Option<Lead> },
    /// The network has it.
    Waiting { request: Request, until: Instant },
    /// The network waits for an answer.
    Open { until: Instant },
}

/// A command before the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lead {
    /// End the last dialogue.
    Cancel,
    /// Take text, not PDUs: E1752.
    TextMode,
}

/// A command that the codes want.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    Cancel,
    TextMode,
    /// With the number of the try.
    Ask(u32),
}

/// The service codes of one stick.
#[derive(Debug, Default)]
pub struct Codes {
    state: State,
    serial: u32,
    /// The last dialogue is to be ended.
    cancel: bool,
    learnt: Option<Dialect>,
    events: VecDeque<Event>,
}

impl Codes {
    /// # Errors
    /// What keeps from it; no event follows then.
    pub fn ask(&mut self, token: u64, code: &str, dialect: Option<Dialect>) -> Result<(), UssdTrouble> {
        let fits = !code.is_empty()
            && code.chars().count() <= USSD_CODE
            && !code.contains(|c: char| c.is_control() || c == '"')
            && ussd::pack(code).is_some();
        if !fits {
            return Err(UssdTrouble::BadCode);
        }
        // In a dialogue a new code begins a new one; anything else is the answer.
        let lead = match &self.state {
            State::Idle => None,
            State::Open { .. } if code.starts_with(['*', '#']) && code.ends_with('#') => Some(Lead::Cancel),
            State::Open { .. } => None,
            State::Asking { .. } | State::Waiting { .. } => return Err(UssdTrouble::Busy),
        };
        self.serial = self.serial.wrapping_add(1);
        let request = Request {
            token,
            code: code.to_owned(),
            dialect: dialect.unwrap_or(Dialect::Packed),
            certain: dialect.is_some(),
            serial: self.serial,
            sent: false,
        };
        self.enter(State::Asking { request, lead });
        Ok(())
    }

    /// The stick or its SIM is gone.
    pub fn lose(&mut self) {
        self.cancel = false;
        self.fail(UssdTrouble::Lost);
    }

    /// The next command. The caller must send it.
    pub fn take_job(&mut self) -> Option<Job> {
        if std::mem::take(&mut self.cancel) {
            return Some(Job::Cancel);
        }
        let State::Asking { lead, request } = &mut self.state else { return None };
        Some(match lead.take() {
            Some(Lead::Cancel) => Job::Cancel,
            Some(Lead::TextMode) => Job::TextMode,
            None if request.sent => return None,
            None => {
                request.sent = true;
                Job::Ask(request.serial)
            }
        })
    }

    #[must_use]
    pub fn command(&self, job: Job) -> Command {
        match (job, &self.state) {
            (Job::Cancel, _) => Command::set("AT+CUSD=2").within(10),
            (Job::TextMode, _) => Command::set("AT^USSDMODE=0"),
            (Job::Ask(_), State::Asking { request, .. }) => {
                let text = match request.dialect {
                    Dialect::Packed => packed(&request.code),
                    Dialect::Plain => request.code.clone(),
                };
                Command::set(format!("AT+CUSD=1,\"{text}\",15")).within(10).secret()
            }
            (Job::Ask(_), _) => Command::set("AT"),
        }
    }

    pub fn on_reply(&mut self, job: Job, reply: &Reply, now: Instant) {
        // Ending a dialogue that is over is an error to some; setting a mode that is not there too.
        let (Job::Ask(serial), State::Asking { request, .. }) = (job, &self.state) else { return };
        if serial != request.serial {
            return;
        }
        match reply {
            Reply::Done { result: Final::Ok, .. } => {
                let request = request.clone();
                self.enter(State::Waiting { request, until: now + ANSWER });
            }
            Reply::Done { result, .. } => self.on_refused(UssdTrouble::Refused(*result)),
            Reply::Lost | Reply::NoPrompt => {
                self.cancel = true;
                self.fail(UssdTrouble::Lost);
            }
        }
    }

    /// `+CUSD:`. It may come before the OK.
    pub fn on_network(&mut self, said: &Ussd, now: Instant) {
        let text = said.text.as_deref().map(|t| ussd::text_of_answer(t, said.dcs)).unwrap_or_default();
        let asked = match &self.state {
            State::Waiting { .. } => true,
            State::Asking { request, .. } => request.sent,
            _ => false,
        };
        if !asked {
            self.on_push(said, text, now);
            return;
        }
        match said.mode {
            Some(1) => {
                self.succeed(text, true);
                self.enter(State::Open { until: now + IDLE });
            }
            Some(2) if text.is_empty() => self.on_refused(UssdTrouble::Ended),
            Some(3) => self.fail(UssdTrouble::OtherClient),
            Some(4) => self.fail(UssdTrouble::NotSupported),
            Some(5) => self.on_refused(UssdTrouble::Timeout),
            _ => self.succeed(text, false),
        }
    }

    fn on_push(&mut self, said: &Ussd, text: String, now: Instant) {
        match (&self.state, said.mode) {
            // The network waits for an answer that nobody can give.
            (State::Idle, Some(1)) => self.enter(State::Open { until: now + IDLE }),
            (State::Open { .. }, Some(1)) => {}
            (State::Open { .. }, _) => self.enter(State::Idle),
            _ => {}
        }
        if !text.is_empty() {
            self.events.push_back(Event::UssdPush(text));
        }
    }

    /// Refused: perhaps only the dialect is wrong. Tried once in the other.
    fn on_refused(&mut self, trouble: UssdTrouble) {
        let (State::Asking { request, .. } | State::Waiting { request, .. }) = &self.state else { return };
        if request.certain {
            self.fail(trouble);
            return;
        }
        self.serial = self.serial.wrapping_add(1);
        let request = Request {
            dialect: Dialect::Plain,
            certain: true,
            serial: self.serial,
            sent: false,
            ..request.clone()
        };
        self.enter(State::Asking { request, lead: Some(Lead::TextMode) });
    }

    fn succeed(&mut self, text: String, more: bool) {
        if let Some(request) = self.take_request() {
            self.learnt = Some(request.dialect);
            let result = UssdResult::Answer { text, more };
            self.events.push_back(Event::Ussd { token: request.token, result });
        }
    }

    fn fail(&mut self, trouble: UssdTrouble) {
        if let Some(request) = self.take_request() {
            let result = UssdResult::Failed(trouble);
            self.events.push_back(Event::Ussd { token: request.token, result });
        }
    }

    fn take_request(&mut self) -> Option<Request> {
        match std::mem::take(&mut self.state) {
            State::Asking { request, .. } | State::Waiting { request, .. } => Some(request),
            State::Idle | State::Open { .. } => None,
        }
    }

    fn enter(&mut self, state: State) {
        self.state = state;
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        match self.state {
            State::Waiting { until, .. } if now >= until => {
                self.cancel = true;
                self.fail(UssdTrouble::Timeout);
            }
            State::Open { until } if now >= until => {
                self.cancel = true;
                self.enter(State::Idle);
            }
            _ => {}
        }
    }

    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Waiting { until, .. } | State::Open { until } => Some(until),
            State::Idle | State::Asking { .. } => None,
        }
    }

    /// The dialect that worked.
    pub fn take_learnt(&mut self) -> Option<Dialect> {
        self.learnt.take()
    }

    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }
}

fn packed(code: &str) -> String {
    hex::encode(&ussd::pack(code).unwrap_or_default())
}
