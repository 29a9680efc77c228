//! The commands of a call: which is next, and what its answer leads to.
use super::machine::{Calls, LOOK_OFTEN, Sent, State};
use super::voice::Outcome;
use super::{CallEvent, End, EndedBy};
use crate::modem::command::{Command, Reply};
use crate::util::time::Instant;
use crate::wire::at::Final;
use std::time::Duration;

/// For `^CEND` behind a refusal or a hang-up.
const GRACE: Duration = Duration::from_millis(1_500);
/// `AT+CHUP` for one call before the stick is restarted: a call nobody hears would be billed on.
const HANGUPS: u8 = 4;
/// `ATA` for one call.
pub(super) const ANSWERS: u8 = 2;

/// A command that the calls want.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    HangUp,
    Answer,
    Dial,
    /// `AT^DDSETEX=2`
    Voice,
    /// `AT+CLVL`
    Volume(u8),
    Digit(char),
    /// `AT+CLCC`
    List,
    /// `AT+CCWA=0,0,1`
    NoWaiting,
}

impl Calls {
    /// The next command, by urgency. The caller must send it.
    pub fn take_job(&mut self, now: Instant) -> Option<Job> {
        let nobody_rings = matches!(self.state, State::Idle | State::Dialling { atd: Sent::No, .. });
        if nobody_rings && std::mem::take(&mut self.hang_up_orphan) {
            return Some(Job::HangUp);
        }
        match &mut self.state {
            State::HangingUp { chup: chup @ Sent::No, .. } => {
                *chup = Sent::InFlight;
                self.interrupt_at = None;
                self.interrupt = false;
                return Some(Job::HangUp);
            }
            State::Answering { ata: ata @ Sent::No, tries, .. } => {
                *ata = Sent::InFlight;
                *tries = tries.saturating_add(1);
                return Some(Job::Answer);
            }
            State::Dialling { atd: atd @ Sent::No, .. } => {
                *atd = Sent::InFlight;
                return Some(Job::Dial);
            }
            _ => {}
        }
        if self.voice.take_wanted(now) {
            return Some(Job::Voice);
        }
        if let Some(level) = self.volume.take() {
            self.volume = (level == 1).then_some(5);
            return Some(Job::Volume(level));
        }
        if let Some(digit) = self.digits.take() {
            return Some(Job::Digit(digit));
        }
        std::mem::take(&mut self.want_list).then_some(Job::List)
    }

    /// A command that has time until nothing else waits.
    pub fn take_idle_job(&mut self) -> Option<Job> {
        (self.is_idle() && std::mem::take(&mut self.no_waiting)).then_some(Job::NoWaiting)
    }

    /// Time-outs: DONGLE 2.9b.
    #[must_use]
    pub fn command(&self, job: Job) -> Command {
        match job {
            Job::HangUp => Command::set("AT+CHUP").within(10),
            Job::Answer => Command::call("ATA").within(15),
            Job::Dial => {
                let text = match &self.state {
                    State::Dialling { command, .. } => command.as_str(),
                    _ => "AT",
                };
                Command::call(text).within(30)
            }
            Job::Voice => Command::set("AT^DDSETEX=2"),
            Job::Volume(level) => Command::set(format!("AT+CLVL={level}")),
            Job::Digit(digit) => Command::set(format!("AT^DTMF={},{digit}", self.id.unwrap_or(1))).secret(),
            Job::List => Command::query("AT+CLCC", "+CLCC:"),
            Job::NoWaiting => Command::set("AT+CCWA=0,0,1").within(30),
        }
    }

    pub fn on_reply(&mut self, job: Job, serial: u32, reply: &Reply, now: Instant) {
        if serial != self.serial {
            return;
        }
        match job {
            Job::HangUp => self.on_hung_up(reply, now),
            Job::Answer => self.on_answered(reply, now),
            Job::Dial => self.on_dialled(reply, now),
            Job::Voice => {
                if let Some(outcome) = self.voice.on_reply(reply.is_ok()) {
                    self.on_voice(outcome);
                }
            }
            Job::Digit(digit) => self.on_digit_sent(digit, reply, now),
            Job::List => self.on_list(reply, now),
            Job::Volume(_) | Job::NoWaiting => {}
        }
    }

    pub(super) fn on_voice(&mut self, outcome: Outcome) {
        self.events.push_back(match outcome {
            Outcome::Opened => CallEvent::VoiceOpen,
            Outcome::None => CallEvent::NoVoice,
        });
    }

    fn on_digit_sent(&mut self, digit: char, reply: &Reply, now: Instant) {
        self.digits.pause(now);
        if reply.is_ok() {
            return;
        }
        self.events.push_back(CallEvent::DigitRefused(digit));
        let gone = matches!(reply, Reply::Done { result: Final::NotSupported, .. } | Reply::Lost);
        if gone {
            // Each further one would cost a time-out and a resync.
            self.digits.dead = true;
            while let Some(digit) = self.digits.give_up() {
                self.events.push_back(CallEvent::DigitRefused(digit));
            }
        }
    }

    pub(super) fn on_hung_up(&mut self, reply: &Reply, now: Instant) {
        let State::HangingUp { chup, tries, .. } = &mut self.state else { return };
        *tries = tries.saturating_add(1);
        // No answer: perhaps not carried out. A refusal may mean that nothing was up; the list tells.
        *chup = if *reply == Reply::Lost && *tries < HANGUPS { Sent::No } else { Sent::Answered };
        self.look_at = Some(now + GRACE);
    }

    /// The list still shows what was hung up.
    pub(super) fn hang_up_again(&mut self) {
        if let State::HangingUp { chup, tries, .. } = &mut self.state {
            if *tries < HANGUPS {
                *chup = Sent::No;
            } else {
                self.stuck = true;
            }
        }
    }

    fn on_answered(&mut self, reply: &Reply, now: Instant) {
        let State::Answering { ata, refused, .. } = &mut self.state else {
            // ^CONN came first.
            if matches!(self.state, State::Talking { .. }) {
                self.volume = Some(1);
            }
            return;
        };
        *ata = Sent::Answered;
        if reply.is_ok() {
            self.voice.want();
            self.volume = Some(1);
        } else {
            // Gone, or not taken: the list tells.
            *refused = Some(final_of(reply));
            self.want_list = true;
        }
        self.look_at = Some(now + LOOK_OFTEN);
    }

    fn on_dialled(&mut self, reply: &Reply, now: Instant) {
        let refused = match reply {
            Reply::Done { result, .. } if *result != Final::Ok => Some(*result),
            _ => None,
        };
        match (&mut self.state, refused) {
            (State::Dialling { atd, rung, .. }, None) => {
                *atd = Sent::Answered;
                // Without an answer nobody knows whether it is on its way: the list tells.
                self.want_list = *rung || *reply == Reply::Lost || self.doubt.is_some();
                self.look_at = Some(now + LOOK_OFTEN);
                if reply.is_ok() {
                    self.voice.want();
                    self.volume = Some(1);
                }
            }
            (State::Dialling { rung, .. }, Some(result)) => {
                let rung = *rung;
                let told = self.doubt.take().unwrap_or(End::bare(EndedBy::Network));
                let cause = told.cause.or_else(|| cause_of(result));
                let end = End { by: EndedBy::Refused(result), cause, ..told };
                if rung {
                    // The caller won.
                    self.finish(end);
                    self.on_ring(now);
                } else if told.status.is_some() {
                    self.finish(end);
                } else {
                    self.enter(State::Refused { end, until: now + GRACE });
                }
            }
            (State::Talking { .. }, None) => self.volume = Some(1),
            (State::Talking { .. }, Some(_)) => self.want_list = true,
            (State::HangingUp { end, .. }, Some(_)) => {
                let end = *end;
                self.finish(end);
            }
            _ => {}
        }
    }
}

/// What a line of V.250 says in the words of TS 24.008.
pub(super) const fn cause_of(result: Final) -> Option<u8> {
    match result {
        Final::Busy => Some(17),
        Final::NoAnswer => Some(19),
        _ => None,
    }
}

/// A lost answer counts as a refusal here: the list corrects it.
fn final_of(reply: &Reply) -> Final {
    match reply {
        Reply::Done { result, .. } => *result,
        Reply::Lost | Reply::NoPrompt => Final::Error,
    }
}
