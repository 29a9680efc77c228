//! The session: what happens to a stick, and what it leads to.
use super::bus::{Port, Role, probe_order};
use super::command::{Command, Reply};
use super::engine::{self, Engine};
use super::ladder::{Climb, Ladder, Rung};
use super::life::Life;
use super::sim::{self, PinNote, SimTrouble};
use super::slots::{Job, Slot, Slots};
use super::start::{Next, Step};
use super::view::{Pin, View};
use super::{Action, Event, SendResult, Settings};
use crate::util::pii::Pii;
use crate::util::time::Instant;
use crate::wire::at::{Fields, Storage, Urc};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Opening a port of a sick stick took 6 s in the field.
const OPEN_LIMIT: Duration = Duration::from_secs(10);
/// After a port could not be opened, or went away while the stick stayed.
const REOPEN_PAUSE: Duration = Duration::from_secs(5);
/// How often a SIM in trouble is asked again; ^SIMST tells sooner.
const SIM_PAUSE: Duration = Duration::from_secs(60);
/// Whether texts lie there that nothing announced, and whether the stick still answers. `AT+CPMS?` is the cheapest command that tells both.
const STORE_ROUND: Duration = Duration::from_secs(120);
/// Registration, operator, signal.
const FULL_ROUND: Duration = Duration::from_secs(600);
/// Signal while somebody looks.
const SIGNAL_AGE: Duration = Duration::from_secs(60);
/// PDUs waiting to be sent; the outbox keeps the rest.
const SENDS: usize = 4;
/// Kinds of polls that can wait, each once.
const POLLS: usize = 4;
/// Answers lost in one start before the stick counts as dead.
const LOST_IN_START: u8 = 6;

/// A PDU to send.
#[derive(Clone, Debug)]
struct Submit {
    token: u64,
    tpdu_len: usize,
    pdu: String,
}

/// What the command in flight is for.
#[derive(Debug)]
enum Purpose {
    Start(Step),
    Slot(Job),
    Submit(u64),
    Poll(Step),
    Store,
}

/// One dongle.
#[derive(Debug)]
pub struct Modem {
    settings: Settings,
    life: Life,
    view: View,
    engine: Engine,
    ladder: Ladder,
    slots: Slots,
    /// The ports of the stick, as the bus or the user named them.
    ports: Vec<Port>,
    /// In which order they are asked for AT.
    candidates: Vec<usize>,
    /// Where AT commands go.
    at: usize,
    /// Found on the bus, so that it can be reset there.
    on_bus: bool,
    session: u32,
    purpose: Option<Purpose>,
    sends: heapless::Deque<Submit, SENDS>,
    polls: heapless::Deque<Step, POLLS>,
    poll_store: bool,
    next_store_round: Instant,
    next_full_round: Instant,
    signal_at: Instant,
    lost_in_start: u8,
    pin_notes: BTreeMap<u64, PinNote>,
    /// The trouble that the log told last.
    told: Option<String>,
    actions: VecDeque<Action>,
}

impl Modem {
    /// A dongle without a stick. `pin_notes`: what earlier runs learnt of PINs.
    #[must_use]
    pub fn new(settings: Settings, pin_notes: BTreeMap<u64, PinNote>) -> Self {
        Self {
            settings,
            life: Life::Absent { reason: None },
            view: View::default(),
            engine: Engine::default(),
            ladder: Ladder::default(),
            slots: Slots::default(),
            ports: Vec::new(),
            candidates: Vec::new(),
            at: 0,
            on_bus: false,
            session: 0,
            purpose: None,
            sends: heapless::Deque::new(),
            polls: heapless::Deque::new(),
            poll_store: false,
            next_store_round: Instant::ZERO,
            next_full_round: Instant::ZERO,
            signal_at: Instant::ZERO,
            lost_in_start: 0,
            pin_notes,
            told: None,
            actions: VecDeque::new(),
        }
    }

    #[must_use]
    pub const fn life(&self) -> &Life {
        &self.life
    }

    /// The word for `status`: the life's name, or `resyncing`.
    #[must_use]
    pub const fn state_name(&self) -> &'static str {
        if self.engine.is_resyncing() && self.life.is_working() { "resyncing" } else { self.life.name() }
    }

    #[must_use]
    pub const fn view(&self) -> &View {
        &self.view
    }

    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Rungs of the reset ladder taken since the start.
    #[must_use]
    pub const fn resets(&self) -> u32 {
        self.ladder.taken
    }

    /// The tty that takes commands, and the one for voice.
    #[must_use]
    pub fn port_names(&self) -> (Option<&str>, Option<&str>) {
        let voice = self.ports.iter().enumerate().find(|(i, p)| p.role == Role::Voice && *i != self.at);
        (self.ports.get(self.at).map(|p| p.tty.as_str()), voice.map(|(_, p)| p.tty.as_str()))
    }

    /// A stick that this section may mean is there.
    pub fn handle_attached(&mut self, ports: Vec<Port>, on_bus: bool, now: Instant) {
        self.candidates = probe_order(&ports);
        self.ports = ports;
        self.on_bus = on_bus;
        self.open(now);
    }

    /// The stick is gone from the bus.
    pub fn handle_detached(&mut self, reason: Option<String>) {
        self.close();
        self.ports.clear();
        self.enter(Life::Absent { reason });
    }

    /// A port of `Action::Open` was opened, or why not.
    pub fn handle_opened(&mut self, port: usize, result: Result<(), String>, now: Instant) {
        let Life::Opening { waiting, .. } = &mut self.life else { return };
        *waiting = waiting.saturating_sub(1);
        let done = *waiting == 0;
        if let Err(why) = result {
            let tty = self.ports.get(port).map(|p| p.tty.clone()).unwrap_or_default();
            let taken = self.candidates.first() == Some(&port) || self.ports.len() == 1;
            if taken {
                self.fail(format!("{tty}: {why}"), REOPEN_PAUSE, now);
                return;
            }
            // A port that is only drained may be missing.
            log::warn!("dongle '{}': {tty}: {why}", self.settings.name);
            self.candidates.retain(|c| *c != port);
        }
        if done {
            self.probe(0, now);
        }
    }

    /// A port hung up or failed.
    pub fn handle_closed(&mut self, why: &str, now: Instant) {
        if matches!(self.life, Life::Absent { .. } | Life::Resetting { .. } | Life::Failed { .. }) {
            return;
        }
        self.close();
        // The bus tells soon whether the stick is gone.
        self.fail(format!("the stick went away ({why})"), REOPEN_PAUSE, now);
    }

    /// Bytes of a port. What comes on the others is drained unread: a port that nobody reads fills the stick's buffers until it crashes.
    pub fn handle_bytes(&mut self, port: usize, bytes: &[u8], now: Instant) {
        if port == self.at {
            self.engine.handle_bytes(bytes, now);
            self.turn(now);
        }
    }

    /// The clock reached `poll_timeout`.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.engine.handle_timeout(now);
        self.turn(now);
        if self.life.deadline().is_some_and(|at| now >= at) {
            self.on_deadline(now);
        }
        if self.life.is_working() {
            self.start_rounds(now);
        }
        self.turn(now);
    }

    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let rounds = self.life.is_working().then(|| self.next_store_round.min(self.next_full_round));
        [self.engine.poll_timeout(), self.life.deadline(), rounds].into_iter().flatten().min()
    }

    pub fn poll_action(&mut self) -> Option<Action> {
        if let Some(bytes) = self.engine.poll_write() {
            return Some(Action::Write(self.at, bytes));
        }
        self.actions.pop_front()
    }

    /// The text of `slot` is safe.
    pub fn delete(&mut self, slot: Slot, now: Instant) {
        self.slots.want_delete(slot);
        self.turn(now);
    }

    /// The disk did not take the text of `slot` yet.
    pub fn note_stuck(&mut self, slot: Slot, now: Instant) {
        self.slots.note_stuck(slot);
        self.turn(now);
    }

    /// The text of `slot` can't be kept here: it stays, and a later list shows it again.
    pub fn release(&mut self, slot: Slot) {
        self.slots.release(slot);
    }

    /// Whether `send` takes a PDU now.
    #[must_use]
    pub fn can_send(&self) -> bool {
        matches!(self.life, Life::Ready) && !self.sends.is_full()
    }

    /// Send a PDU; `Event::Sent` with `token` answers.
    pub fn send(&mut self, token: u64, tpdu_len: usize, pdu: String, now: Instant) {
        if let Err(submit) = self.sends.push_back(Submit { token, tpdu_len, pdu }) {
            self.tell(Event::Sent { token: submit.token, result: SendResult::NotSent });
        }
        self.turn(now);
    }

    /// Somebody looks at the status: signal not older than a minute.
    pub fn refresh(&mut self, now: Instant) {
        if self.life.is_working() && now.since(self.signal_at) >= SIGNAL_AGE {
            self.signal_at = now;
            self.want_poll(Step::Signal);
            self.turn(now);
        }
    }

    /// `Event::NotePin` was written down, or not.
    pub fn handle_noted(&mut self, key: u64, ok: bool, now: Instant) {
        let waiting =
            matches!(self.life, Life::Starting { step: Step::EnterPin, .. }) && self.purpose.is_none();
        if !waiting || self.pin_notes.get(&key) != Some(&PinNote::Tried) {
            return;
        }
        // Unwritten, only a full count of tries makes sure that a restart does no harm.
        if ok || self.view.pin_tries.is_some_and(|n| n >= 3) {
            self.run_step(Step::EnterPin, now);
        } else {
            // Not tried: the next look at the SIM begins with the note again.
            self.pin_notes.remove(&key);
            self.stop_at_sim(SimTrouble::NotNoted, now);
        }
    }

    // --- life -------------------------------------------------------------------------------------------------

    /// The one setter.
    fn enter(&mut self, life: Life) {
        if self.life == life {
            return;
        }
        let news = self.life.name() != life.name() || self.life.reason() != life.reason();
        self.life = life;
        if news {
            self.log_life();
            self.actions.push_back(Action::Event(Event::Changed));
        }
    }

    /// One line for each news; a trouble that comes back after each try is told once.
    fn log_life(&mut self) {
        let name = &self.settings.name;
        match &self.life {
            Life::Ready => {
                self.told = None;
                let operator = self.view.network.operator.as_deref().unwrap_or("unknown operator");
                let signal = self.view.network.signal_dbm.map_or_else(String::new, |s| format!(", {s} dBm"));
                log::info!("dongle '{name}': ready, {operator}{signal}");
            }
            Life::Opening { .. } | Life::Probing { .. } | Life::Starting { .. } => {
                log::debug!("dongle '{name}': {}", self.life.name());
            }
            life => match life.reason() {
                Some(reason) if self.told.as_ref() == Some(&reason) => {}
                Some(reason) => {
                    log::warn!("dongle '{name}': {}: {reason}", life.name());
                    self.told = Some(reason);
                }
                None => log::info!("dongle '{name}': {}", life.name()),
            },
        }
    }

    fn open(&mut self, now: Instant) {
        self.close();
        self.session = self.session.wrapping_add(1);
        self.view = View::default();
        self.slots.open(self.session);
        let ttys: Vec<String> = self.ports.iter().map(|p| p.tty.clone()).collect();
        self.enter(Life::Opening { waiting: ttys.len(), deadline: now + OPEN_LIMIT });
        self.actions.push_back(Action::Open(ttys));
    }

    /// Close all ports; what was in flight is lost.
    fn close(&mut self) {
        self.engine.close();
        self.drain_engine_on_close();
        self.purpose = None;
        self.polls.clear();
        self.poll_store = false;
        while let Some(submit) = self.sends.pop_front() {
            self.tell(Event::Sent { token: submit.token, result: SendResult::NotSent });
        }
        self.actions.push_back(Action::CloseAll);
    }

    /// A PDU in flight when the port went: its sender must hear that nobody knows.
    fn drain_engine_on_close(&mut self) {
        while let Some(event) = self.engine.poll_event() {
            if let (engine::Event::Completed(_, reply), Some(Purpose::Submit(token))) =
                (event, self.purpose.take())
            {
                self.on_submitted(token, &reply);
            }
        }
    }

    fn probe(&mut self, candidate: usize, now: Instant) {
        let Some(port) = self.candidates.get(candidate).copied() else {
            self.climb(now);
            return;
        };
        self.at = port;
        self.engine.open(now);
        self.enter(Life::Probing { candidate });
    }

    fn fail(&mut self, reason: String, pause: Duration, now: Instant) {
        self.close();
        self.enter(Life::Failed { reason, next_try: now + pause });
    }

    /// The stick is silent: the next rung.
    fn climb(&mut self, now: Instant) {
        match self.ladder.climb(self.on_bus) {
            Climb::Take(rung, wait) => {
                if rung == Rung::Command {
                    // The engine gets no answer from a dead stick; written past it.
                    self.actions.push_back(Action::Write(self.at, b"\x1b\rAT+CFUN=1,1\r".to_vec()));
                }
                self.close();
                if matches!(rung, Rung::UsbReset | Rung::Authorize | Rung::Rebind) {
                    self.actions.push_back(Action::Reset(rung));
                }
                self.enter(Life::Resetting { rung, until: now + wait });
            }
            Climb::Pause(pause) => {
                let reason = "the stick does not answer, and no reset helped: unplug it and plug it in again, \
                              or give it more power";
                self.fail(reason.to_owned(), pause, now);
            }
        }
    }

    fn on_deadline(&mut self, now: Instant) {
        match &self.life {
            Life::Opening { .. } => self.climb(now),
            Life::Starting { step, .. } => {
                let step = *step;
                self.run_step(step, now);
            }
            Life::Sim { .. } => self.run_step(Step::CardNumber, now),
            Life::Resetting { .. } | Life::Failed { .. } if !self.ports.is_empty() => self.open(now),
            Life::Resetting { .. } | Life::Failed { .. } => self.enter(Life::Absent { reason: None }),
            _ => {}
        }
    }

    // --- the start --------------------------------------------------------------------------------------------

    fn run_step(&mut self, step: Step, now: Instant) {
        let tries = match &self.life {
            Life::Starting { step: at, tries, .. } if *at == step => *tries,
            _ => 0,
        };
        self.enter(Life::Starting { step, tries, pause: None });
        let pin = self.settings.pin.as_ref().map_or("", |p| p.expose());
        let command = step.command(pin);
        self.issue(Purpose::Start(step), command, now);
    }

    fn on_start_reply(&mut self, step: Step, reply: &Reply, now: Instant) {
        if matches!(reply, Reply::Lost) {
            self.lost_in_start = self.lost_in_start.saturating_add(1);
            if self.lost_in_start > LOST_IN_START {
                self.climb(now);
                return;
            }
        }
        if step == Step::SimStorage && reply.is_ok() {
            self.slots.note_selected(Storage::Sim);
        } else if step == Step::DeviceStorage && reply.is_ok() {
            self.slots.note_selected(Storage::Device);
        }
        let next = step.on_reply(reply, &mut self.view);
        match next {
            Next::On => self.step_after(step, now),
            Next::Jump(to) => self.run_step(to, now),
            Next::Again { pause, at_most } => self.again(step, pause, at_most, now),
            Next::Stop(trouble) => self.stop_at_sim(trouble, now),
            Next::WantsPin => self.on_pin_wanted(now),
            Next::PinRefused => self.on_pin_result(PinNote::Bad, now),
            Next::PinTaken => self.on_pin_result(PinNote::Good, now),
            Next::Finished => self.on_started(now),
        }
    }

    fn tries(&self) -> u8 {
        match &self.life {
            Life::Starting { tries, .. } => *tries,
            _ => 0,
        }
    }

    fn step_after(&mut self, step: Step, now: Instant) {
        if matches!(step, Step::Serial | Step::Subscriber) && !self.is_mine(step) {
            self.tell(Event::NotMine);
            return;
        }
        match step.following() {
            Some(next) => self.run_step(next, now),
            None => self.on_started(now),
        }
    }

    fn again(&mut self, step: Step, pause: Duration, at_most: u8, now: Instant) {
        let tries = self.tries().saturating_add(1);
        if tries <= at_most {
            self.enter(Life::Starting { step, tries, pause: Some(now + pause) });
        } else if step == Step::PinState {
            self.stop_at_sim(SimTrouble::Unclear("no clear answer to AT+CPIN?".to_owned()), now);
        } else {
            log::warn!(
                "dongle '{}': {} was refused {at_most} times",
                self.settings.name,
                step.command("").shown()
            );
            self.step_after(step, now);
        }
    }

    /// Whether the stick is the one that the section means, as far as it is known by now.
    fn is_mine(&self, step: Step) -> bool {
        let fits = |want: &Option<String>, have: &Option<String>| match (want, have) {
            (Some(want), Some(have)) => want == have,
            (Some(_), None) => false,
            (None, _) => true,
        };
        fits(&self.settings.imei, &self.view.identity.imei)
            && (step != Step::Subscriber || fits(&self.settings.imsi, &self.view.identity.imsi))
    }

    fn on_pin_wanted(&mut self, now: Instant) {
        self.view.pin = Pin::Wanted;
        let Some(pin) = self.settings.pin.as_ref() else {
            self.stop_at_sim(SimTrouble::PinNeeded, now);
            return;
        };
        let identity = &self.view.identity;
        let sim = identity.iccid.as_deref().or(identity.imei.as_deref()).unwrap_or("");
        let key = sim::pin_key(sim, pin.expose());
        let note = self.pin_notes.get(&key).copied();
        if let Err(trouble) = sim::may_enter(note, self.view.pin_tries) {
            self.stop_at_sim(trouble, now);
            return;
        }
        self.enter(Life::Starting { step: Step::EnterPin, tries: 0, pause: None });
        if note.is_some() {
            self.run_step(Step::EnterPin, now);
        } else {
            self.note_pin(key, PinNote::Tried);
        }
    }

    fn note_pin(&mut self, key: u64, note: PinNote) {
        if self.pin_notes.insert(key, note) != Some(note) {
            self.tell(Event::NotePin { key, note });
        }
    }

    fn on_pin_result(&mut self, note: PinNote, now: Instant) {
        let identity = &self.view.identity;
        let sim = identity.iccid.as_deref().or(identity.imei.as_deref()).unwrap_or("");
        let pin = self.settings.pin.as_ref().map_or("", |p| p.expose());
        let key = sim::pin_key(sim, pin);
        self.note_pin(key, note);
        if note == PinNote::Good {
            self.view.pin = Pin::Entered;
            self.run_step(Step::PinState, now);
        } else {
            self.view.pin = Pin::Refused;
            self.view.pin_tries = self.view.pin_tries.map(|n| n.saturating_sub(1));
            self.stop_at_sim(SimTrouble::PinWrong, now);
        }
    }

    fn stop_at_sim(&mut self, trouble: SimTrouble, now: Instant) {
        self.ladder.succeeded();
        self.forget_slots();
        self.enter(Life::Sim { trouble, check_at: now + SIM_PAUSE });
    }

    /// Another SIM may come into the same stick: the slots of this one mean nothing there.
    fn forget_slots(&mut self) {
        if matches!(self.purpose, Some(Purpose::Slot(_))) {
            self.purpose = None;
        }
        self.session = self.session.wrapping_add(1);
        self.slots.open(self.session);
    }

    fn on_started(&mut self, now: Instant) {
        self.lost_in_start = 0;
        self.ladder.succeeded();
        self.signal_at = now;
        self.next_store_round = now + STORE_ROUND;
        self.next_full_round = now + FULL_ROUND;
        // +CMTI may be silent (memory full), and what came while nobody listened lies there.
        if self.view.has_device_storage {
            self.slots.want_list(Storage::Device);
        }
        self.slots.want_list(Storage::Sim);
        let imei = self.view.identity.imei.as_deref().unwrap_or("unknown");
        log::debug!("dongle '{}': IMEI {} started", self.settings.name, Pii(imei));
        self.on_registration();
    }

    fn on_registration(&mut self) {
        let usable = self.view.network.registration.is_usable();
        self.enter(if usable { Life::Ready } else { Life::Searching });
    }

    // --- the dialogue -----------------------------------------------------------------------------------------

    fn issue(&mut self, purpose: Purpose, command: Command, now: Instant) {
        match self.engine.send(command, now) {
            Ok(()) => self.purpose = Some(purpose),
            // The engine is resyncing: the step is taken up again when it is done.
            Err(_) => {
                if let Purpose::Start(step) = purpose {
                    let tries = self.tries();
                    let pause = Some(now + Duration::from_secs(1));
                    self.enter(Life::Starting { step, tries, pause });
                }
            }
        }
    }

    /// Take the engine's events, then give it the next command.
    fn turn(&mut self, now: Instant) {
        while let Some(event) = self.engine.poll_event() {
            match event {
                engine::Event::Completed(_, reply) => self.on_reply(&reply, now),
                engine::Event::Urc(urc) => self.on_urc(&urc, now),
                engine::Event::Direct(pdu) => self.tell(Event::Direct(pdu)),
                engine::Event::Resynced => self.on_resynced(now),
                engine::Event::Dead => self.on_dead(now),
            }
        }
        self.next_command(now);
    }

    fn on_resynced(&mut self, now: Instant) {
        if matches!(self.life, Life::Probing { .. }) {
            self.lost_in_start = 0;
            self.run_step(Step::EchoOff, now);
        }
    }

    fn on_dead(&mut self, now: Instant) {
        match &self.life {
            Life::Probing { candidate } => {
                let next = candidate.saturating_add(1);
                self.probe(next, now);
            }
            _ => self.climb(now),
        }
    }

    fn on_reply(&mut self, reply: &Reply, now: Instant) {
        match self.purpose.take() {
            Some(Purpose::Start(step)) => self.on_start_reply(step, reply, now),
            Some(Purpose::Slot(job)) => {
                for found in self.slots.on_reply(job, reply) {
                    self.tell(Event::Text(found));
                }
            }
            Some(Purpose::Submit(token)) => self.on_submitted(token, reply),
            Some(Purpose::Poll(step)) => {
                step.on_reply(reply, &mut self.view);
                self.on_registration();
            }
            Some(Purpose::Store) => {
                self.view.note_storage(reply);
                if reply.is_ok() && self.slots.hides_something(self.view.slots_used) {
                    self.slots.want_list(Storage::Sim);
                }
            }
            None => {}
        }
    }

    fn on_submitted(&mut self, token: u64, reply: &Reply) {
        let result = match reply {
            Reply::Done { lines, result: crate::wire::at::Final::Ok } => {
                let reference =
                    lines.iter().find_map(|l| Fields::of(l, "+CMGS:")).and_then(|mut f| f.number::<u8>());
                // OK without a reference: it went out, only reports can't be matched.
                SendResult::Accepted(reference.unwrap_or(0))
            }
            Reply::Done { result, .. } => SendResult::Rejected(*result),
            Reply::Lost => SendResult::Unknown,
            Reply::NoPrompt => SendResult::NotSent,
        };
        self.tell(Event::Sent { token, result });
    }

    fn on_urc(&mut self, urc: &Urc, now: Instant) {
        match urc {
            Urc::Stored { storage, index } | Urc::ReportStored { storage, index } => {
                self.slots.want_read(*storage, *index);
            }
            Urc::Full => self.slots.want_list(Storage::Sim),
            Urc::Registration(stat) => {
                self.view.network.registration = *stat;
                if self.life.is_working() {
                    if stat.is_usable() && self.view.network.operator.is_none() {
                        self.want_poll(Step::Operator);
                    }
                    self.on_registration();
                }
            }
            Urc::Rssi(rssi) => self.view.network.note_rssi(*rssi),
            Urc::SimState(state) => self.on_sim_state(*state, now),
            Urc::Direct | Urc::ReportDirect | Urc::Other => {}
        }
    }

    /// `^SIMST`: 1 valid, 255 gone. A SIM that came gets a start of its own.
    fn on_sim_state(&mut self, state: u16, now: Instant) {
        match (&self.life, state) {
            (Life::Sim { .. }, 1) => {
                let trouble = SimTrouble::Unclear("a SIM came".to_owned());
                self.enter(Life::Sim { trouble, check_at: now });
            }
            (life, 255) if life.is_working() => self.stop_at_sim(SimTrouble::Absent, now),
            _ => {}
        }
    }

    fn next_command(&mut self, now: Instant) {
        if !self.life.is_working() || !self.engine.is_idle() || self.purpose.is_some() {
            return;
        }
        if let Some(job) = self.slots.next() {
            self.issue(Purpose::Slot(job), job.command(), now);
        } else if let Some(submit) = self.sends.pop_front() {
            let command = Command::submit(submit.tpdu_len, submit.pdu);
            self.issue(Purpose::Submit(submit.token), command, now);
        } else if let Some(step) = self.polls.pop_front() {
            self.issue(Purpose::Poll(step), step.command(""), now);
        } else if let Some(job) = self.slots.idle_selection() {
            self.issue(Purpose::Slot(job), job.command(), now);
        } else if std::mem::take(&mut self.poll_store) {
            self.issue(Purpose::Store, Command::query("AT+CPMS?", "+CPMS:").within(10), now);
        }
    }

    fn start_rounds(&mut self, now: Instant) {
        if now >= self.next_store_round {
            self.next_store_round = now + STORE_ROUND;
            self.poll_store = true;
        }
        if now >= self.next_full_round {
            self.next_full_round = now + FULL_ROUND;
            for step in [Step::Registration, Step::Operator, Step::Signal] {
                self.want_poll(step);
            }
        }
    }

    fn want_poll(&mut self, step: Step) {
        if !self.polls.iter().any(|p| *p == step) && self.polls.push_back(step).is_err() {
            log::debug!("too many polls wait; the next round asks again");
        }
    }

    fn tell(&mut self, event: Event) {
        self.actions.push_back(Action::Event(event));
    }
}
