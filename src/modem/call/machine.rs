//! The states of a call and what leads the stick through them.
use super::digits::Digits;
use super::number::{dial_command, is_dialable};
use super::voice::{Outcome, Voice};
use super::{CallEvent, CallView, Caller, Clir, DialRefused, End, EndedBy, Phase};
use crate::modem::command::{Command, Reply};
use crate::util::limits::PORTS;
use crate::util::time::Instant;
use crate::wire::at::Final;
use std::collections::VecDeque;
use std::time::Duration;

/// For the number behind the first RING. DONGLE 3.2.
pub(super) const NAME_WAIT: Duration = Duration::from_millis(1_500);
/// RING comes every 5 s; without it for so long the caller may have given up unheard.
pub(super) const RING_SILENCE: Duration = Duration::from_secs(10);
/// `AT+CLCC` while a call is set up and nothing was heard, and in a call with a stick that does not report.
pub(super) const LOOK_OFTEN: Duration = Duration::from_secs(2);
/// In a call.
pub(super) const LOOK_SELDOM: Duration = Duration::from_secs(10);
/// For `^CEND` behind a refusal or a hang-up.
const GRACE: Duration = Duration::from_millis(1_500);
/// `AT+CHUP` for one call before the stick is restarted: a call nobody hears would be billed on.
const HANGUPS: u8 = 4;
/// For the answer to an ATD or ATA that is to be cancelled; sticks give it at once.
const PATIENCE: Duration = Duration::from_secs(2);
/// `ATA` for one call.
pub(super) const ANSWERS: u8 = 2;

/// A command of a call on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// Waits for the engine.
    No,
    InFlight,
    Answered,
}

/// How far a dialled call got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Progress {
    None,
    Originated,
    Alerting,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    Idle,
    /// RING came; the owner is not told yet.
    Announced {
        tell_at: Instant,
        /// `AT+CLCC` shows the call without a number.
        nameless: bool,
    },
    Ringing {
        last: Instant,
    },
    Answering {
        ata: Sent,
        tries: u8,
        /// The last ATA was refused or got no answer.
        refused: Option<Final>,
    },
    Dialling {
        command: String,
        atd: Sent,
        progress: Progress,
        /// Somebody calls at the same time.
        rung: bool,
    },
    Talking {
        since: Instant,
    },
    HangingUp {
        chup: Sent,
        tries: u8,
        end: End,
    },
    /// ATD was refused; `^CEND` may still tell why.
    Refused {
        end: End,
        until: Instant,
    },
}

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

/// The calls of one stick.
#[derive(Debug)]
pub struct Calls {
    pub(super) state: State,
    /// Counts calls: the answer to a command of an earlier one is nobody's.
    serial: u32,
    pub(super) id: Option<u8>,
    pub(super) incoming: bool,
    pub(super) number: Option<String>,
    pub(super) voice: Voice,
    digits: Digits,
    /// `AT+CLVL` still to be sent: 1, then 5. The first alone has no effect.
    volume: Option<u8>,
    pub(super) want_list: bool,
    pub(super) look_at: Option<Instant>,
    /// Lists in a row that did not show the call.
    pub(super) missing: u8,
    /// The call seems to be over, and how: the next list decides.
    pub(super) doubt: Option<End>,
    /// This stick sends `^CONN`, so it will send `^CEND`.
    pub(super) reports: bool,
    /// Something may be up that nobody owns: of an earlier run, or of a call given up too early.
    pub(super) orphans: bool,
    pub(super) hang_up_orphan: bool,
    no_waiting: bool,
    /// When `AT+CHUP` is written past an ATD or ATA that is not answered.
    interrupt_at: Option<Instant>,
    interrupt: bool,
    /// The stick does not let go of the call.
    stuck: bool,
    pub(super) waiting_told: bool,
    /// The latest time told, for the length of a call whose end nobody reports.
    pub(super) seen: Instant,
    pub(super) events: VecDeque<CallEvent>,
}

impl Default for Calls {
    fn default() -> Self {
        Self {
            state: State::Idle,
            serial: 0,
            id: None,
            incoming: false,
            number: None,
            voice: Voice::default(),
            digits: Digits::default(),
            volume: None,
            want_list: false,
            look_at: None,
            missing: 0,
            doubt: None,
            reports: false,
            orphans: false,
            hang_up_orphan: false,
            no_waiting: false,
            interrupt_at: None,
            interrupt: false,
            stuck: false,
            waiting_told: false,
            seen: Instant::ZERO,
            events: VecDeque::new(),
        }
    }
}

impl Calls {
    /// A stick was started. `voice`: it carries calls, so a left-over one is looked for and call waiting is switched
    /// off (the second caller hears busy; two calls at once break these sticks, DONGLE 2.10).
    pub fn open(&mut self, ports: heapless::Vec<usize, PORTS>, voice: bool) {
        self.voice.set_ports(ports);
        self.digits.dead = false;
        self.reports = false;
        self.orphans = voice;
        self.want_list = voice;
        self.no_waiting = voice;
    }

    /// The stick, its SIM or its engine is gone.
    pub fn lose(&mut self) {
        self.finish(match self.state {
            State::HangingUp { end, .. } | State::Refused { end, .. } => end,
            _ => End::bare(EndedBy::StickLost),
        });
        self.want_list = false;
        self.orphans = false;
        self.hang_up_orphan = false;
        self.no_waiting = false;
        self.stuck = false;
    }

    /// What time it is: to be told before anything else happens.
    pub const fn see(&mut self, now: Instant) {
        self.seen = now;
    }

    #[must_use]
    pub const fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle)
    }

    /// Nothing but the call's own commands may go out.
    #[must_use]
    pub const fn is_setting_up(&self) -> bool {
        !matches!(self.state, State::Idle | State::Talking { .. })
    }

    #[must_use]
    pub const fn phase(&self) -> Phase {
        match self.state {
            State::Idle => Phase::Idle,
            State::Announced { .. } | State::Ringing { .. } => Phase::Ringing,
            State::Answering { .. } => Phase::Answering,
            State::Dialling { progress: Progress::Alerting, .. } => Phase::Alerting,
            State::Dialling { .. } => Phase::Dialling,
            State::Talking { .. } => Phase::Connected,
            State::HangingUp { .. } | State::Refused { .. } => Phase::Ending,
        }
    }

    #[must_use]
    pub fn view(&self) -> Option<CallView<'_>> {
        (!self.is_idle()).then(|| CallView {
            phase: self.phase(),
            incoming: self.incoming,
            number: self.number.as_deref(),
            voice: self.voice.is_heard(),
        })
    }

    /// # Errors
    /// What keeps from it.
    pub fn dial(&mut self, number: &str, clir: Clir) -> Result<(), DialRefused> {
        if !is_dialable(number) {
            return Err(DialRefused::BadNumber);
        }
        if !self.is_idle() {
            return Err(DialRefused::Busy);
        }
        self.begin(false);
        self.number = Some(number.to_owned());
        self.enter(State::Dialling {
            command: dial_command(number, clir),
            atd: Sent::No,
            progress: Progress::None,
            rung: false,
        });
        Ok(())
    }

    pub fn answer(&mut self) {
        if matches!(self.state, State::Ringing { .. }) {
            self.look_at = None;
            self.enter(State::Answering { ata: Sent::No, tries: 0, refused: None });
        }
    }

    /// Ends or rejects the call in whatever phase it is.
    pub fn hang_up(&mut self) {
        match &self.state {
            State::Idle | State::Announced { .. } | State::HangingUp { .. } | State::Refused { .. } => {}
            // The stick knows nothing of it.
            State::Dialling { atd: Sent::No, .. } => self.finish(End::bare(EndedBy::Us)),
            _ => self.bring_down(End::bare(EndedBy::Us)),
        }
    }

    pub(super) fn bring_down(&mut self, end: End) {
        let end = End { seconds: self.talked(), ..end };
        let unanswered = matches!(
            self.state,
            State::Dialling { atd: Sent::InFlight, .. } | State::Answering { ata: Sent::InFlight, .. }
        );
        self.interrupt_at = unanswered.then_some(self.seen + PATIENCE);
        self.look_at = None;
        self.missing = 0;
        self.volume = None;
        self.voice.close();
        self.digits.clear();
        self.enter(State::HangingUp { chup: Sent::No, tries: 0, end });
    }

    /// # Errors
    /// The digit, when it can't be sent now.
    pub fn dial_digit(&mut self, digit: char) -> Result<(), char> {
        if matches!(self.state, State::Talking { .. }) { self.digits.push(digit) } else { Err(digit) }
    }

    /// Bytes of `port` are samples: from `AT^DDSETEX` on, so that the first of them is not lost before its OK is read.
    #[must_use]
    pub fn takes_voice(&self, port: usize) -> bool {
        self.has_voice() && self.voice.takes(port)
    }

    /// Where samples may be written.
    #[must_use]
    pub fn voice_port(&self) -> Option<usize> {
        self.voice.open_port().filter(|_| self.has_voice())
    }

    const fn has_voice(&self) -> bool {
        matches!(self.state, State::Answering { .. } | State::Dialling { .. } | State::Talking { .. })
    }

    /// Samples came; from which port, when that has just become certain.
    pub fn note_voice(&mut self, now: Instant) -> Option<usize> {
        self.seen = now;
        self.voice.note()
    }

    /// `AT+CHUP` must be written past the command in flight.
    pub fn take_interrupt(&mut self) -> bool {
        std::mem::take(&mut self.interrupt)
    }

    /// It was. What it did, only the list tells.
    pub fn on_interrupted(&mut self, now: Instant) {
        self.on_hung_up(&Reply::NoPrompt, now);
    }

    /// The stick holds a call that four hang-ups did not end.
    pub fn take_stuck(&mut self) -> bool {
        std::mem::take(&mut self.stuck)
    }

    pub fn poll_event(&mut self) -> Option<CallEvent> {
        self.events.pop_front()
    }

    /// The one setter.
    pub(super) fn enter(&mut self, state: State) {
        self.state = state;
    }

    pub(super) fn begin(&mut self, incoming: bool) {
        self.serial = self.serial.wrapping_add(1);
        self.incoming = incoming;
        self.id = None;
        self.number = None;
        self.missing = 0;
        self.doubt = None;
        self.waiting_told = false;
    }

    /// The call is over: told once, if it was told at all.
    pub(super) fn finish(&mut self, mut end: End) {
        if end.seconds == 0 {
            end.seconds = self.talked();
        }
        let told = !matches!(self.state, State::Idle | State::Announced { .. });
        self.enter(State::Idle);
        self.begin(false);
        self.voice.close();
        self.digits.clear();
        self.volume = None;
        self.look_at = None;
        self.interrupt_at = None;
        self.interrupt = false;
        if told {
            log::debug!("call over: {end:?}");
            self.events.push_back(CallEvent::Ended(end));
        }
    }

    /// Seconds since the answer.
    fn talked(&self) -> u32 {
        match self.state {
            State::Talking { since } => u32::try_from(self.seen.since(since).as_secs()).unwrap_or(u32::MAX),
            _ => 0,
        }
    }

    pub(super) fn tell(&mut self, caller: Caller, now: Instant) {
        self.number = caller.number().map(str::to_owned);
        self.look_at = Some(now + RING_SILENCE);
        self.enter(State::Ringing { last: now });
        self.events.push_back(CallEvent::Incoming { caller });
    }

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

    #[must_use]
    pub const fn serial(&self) -> u32 {
        self.serial
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

    fn on_voice(&mut self, outcome: Outcome) {
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

    fn on_hung_up(&mut self, reply: &Reply, now: Instant) {
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

    pub fn handle_timeout(&mut self, now: Instant) {
        match self.state {
            State::Announced { tell_at, nameless } if now >= tell_at => {
                self.tell(if nameless { Caller::Withheld } else { Caller::Unknown }, now);
            }
            State::Refused { end, until } if now >= until => self.finish(end),
            _ => {}
        }
        if self.look_at.is_some_and(|at| now >= at) {
            // The answer sets the next look.
            self.look_at = None;
            self.want_list = true;
        }
        if self.interrupt_at.is_some_and(|at| now >= at) {
            self.interrupt_at = None;
            self.interrupt = true;
        }
        self.digits.handle_timeout(now);
        if let Some(outcome) = self.voice.handle_timeout(now) {
            self.on_voice(outcome);
        }
    }

    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let own = match self.state {
            State::Announced { tell_at, .. } => Some(tell_at),
            State::Refused { until, .. } => Some(until),
            _ => None,
        };
        let (digits, voice) = (self.digits.poll_timeout(), self.voice.poll_timeout());
        [own, self.look_at, self.interrupt_at, digits, voice].into_iter().flatten().min()
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
