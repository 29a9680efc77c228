//! The session: what happens to a stick, and what it leads to.
mod calling;
mod course;
mod dialogue;
mod starting;

use crate::modem::bus::{Port, Role, probe_order};
use crate::modem::call::{Calls, Job as CallJob};
use crate::modem::engine::Engine;
use crate::modem::ladder::Ladder;
use crate::modem::learnt::Learnt;
use crate::modem::life::Life;
use crate::modem::sim::{PinNote, SimTrouble};
use crate::modem::slots::{Job, Slot, Slots};
use crate::modem::start::Step;
use crate::modem::ussd::{Codes, Job as CodeJob};
use crate::modem::view::View;
use crate::modem::{Action, Event, SendResult, Settings};
use crate::util::table::Table;
use crate::util::time::Instant;
use std::collections::VecDeque;
use std::time::Duration;

/// After a port could not be opened, or went away while the stick stayed.
const REOPEN_PAUSE: Duration = Duration::from_secs(5);
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
    /// With the number of the call it belongs to.
    Call(CallJob, u32),
    Code(CodeJob),
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
    calls: Calls,
    codes: Codes,
    learnt: Learnt,
    /// Bytes of ports that nobody reads, the voice port outside of calls among them; dropped.
    drained: u32,
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
    pin_notes: Table<u64, PinNote>,
    /// The trouble that the log told last.
    told: Option<String>,
    actions: VecDeque<Action>,
}

impl Modem {
    /// A dongle without a stick. `pin_notes`: what earlier runs learnt of PINs.
    #[must_use]
    pub fn new(settings: Settings, pin_notes: Table<u64, PinNote>) -> Self {
        Self {
            settings,
            life: Life::Absent { reason: None },
            view: View::default(),
            engine: Engine::default(),
            ladder: Ladder::default(),
            slots: Slots::default(),
            calls: Calls::default(),
            codes: Codes::default(),
            learnt: Learnt::default(),
            drained: 0,
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
        self.let_go(Life::Absent { reason });
    }

    /// The stick shows itself as a CD. `switching`: it was asked to be a modem.
    pub fn handle_storage(&mut self, switching: bool, reason: String) {
        self.let_go(if switching { Life::Switching { reason } } else { Life::Storage { reason } });
    }

    fn let_go(&mut self, life: Life) {
        self.close();
        self.ports.clear();
        self.view = View::default();
        self.enter(life);
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
        if self.life.is_absent() || matches!(self.life, Life::Resetting { .. } | Life::Failed { .. }) {
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
        } else {
            self.drained = self.drained.saturating_add(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        }
    }

    /// The clock reached `poll_timeout`.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.engine.handle_timeout(now);
        self.turn(now);
        self.calls.handle_timeout(now);
        self.codes.handle_timeout(now);
        if self.calls.take_interrupt() && self.engine.interrupt("AT+CHUP", now) {
            self.calls.on_interrupted(now);
        }
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
        let (calls, codes) = (self.calls.poll_timeout(), self.codes.poll_timeout());
        [self.engine.poll_timeout(), self.life.deadline(), rounds, calls, codes].into_iter().flatten().min()
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
}
