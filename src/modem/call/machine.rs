//! The states of a call and what leads the stick through them.
use super::digits::Digits;
use super::number::{dial_command, is_dialable};
use super::voice::Voice;
use super::{CallEvent, CallView, Caller, Clir, DialRefused, End, EndedBy, Phase};
use crate::modem::command::Reply;
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
/// For the answer to an ATD or ATA that is to be cancelled; sticks give it at once.
const PATIENCE: Duration = Duration::from_secs(2);
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

/// The calls of one stick.
#[derive(Debug)]
pub struct Calls {
    pub(super) state: State,
    /// Counts calls: the answer to a command of an earlier one is nobody's.
    pub(super) serial: u32,
    pub(super) id: Option<u8>,
    pub(super) incoming: bool,
    pub(super) number: Option<String>,
    pub(super) voice: Voice,
    pub(super) digits: Digits,
    /// `AT+CLVL` still to be sent: 1, then 5. The first alone has no effect.
    pub(super) volume: Option<u8>,
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
    pub(super) no_waiting: bool,
    /// When `AT+CHUP` is written past an ATD or ATA that is not answered.
    pub(super) interrupt_at: Option<Instant>,
    pub(super) interrupt: bool,
    /// The stick does not let go of the call.
    pub(super) stuck: bool,
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
        self.want_list = self.orphans;
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

    #[must_use]
    pub const fn serial(&self) -> u32 {
        self.serial
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
