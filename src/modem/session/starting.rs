//! The start of a session: step by step, and the SIM's PIN on the way.
use super::{FULL_ROUND, Modem, Purpose, STORE_ROUND};
use crate::modem::Event;
use crate::modem::command::Reply;
use crate::modem::life::Life;
use crate::modem::sim::{self, PinNote, SimTrouble};
use crate::modem::start::{Next, Step};
use crate::modem::view::Pin;
use crate::util::pii::Pii;
use crate::util::time::Instant;
use crate::wire::at::Storage;
use std::time::Duration;

/// How often a SIM in trouble is asked again; ^SIMST tells sooner.
const SIM_PAUSE: Duration = Duration::from_secs(60);
/// Answers lost in one start before the stick counts as dead.
const LOST_IN_START: u8 = 6;

impl Modem {
    pub(super) fn run_step(&mut self, step: Step, now: Instant) {
        let tries = match &self.life {
            Life::Starting { step: at, tries, .. } if *at == step => *tries,
            _ => 0,
        };
        self.enter(Life::Starting { step, tries, pause: None });
        let pin = self.settings.pin.as_ref().map_or("", |p| p.expose());
        let command = step.command(pin);
        self.issue(Purpose::Start(step), command, now);
    }

    pub(super) fn on_start_reply(&mut self, step: Step, reply: &Reply, now: Instant) {
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

    pub(super) fn tries(&self) -> u8 {
        match &self.life {
            Life::Starting { tries, .. } => *tries,
            _ => 0,
        }
    }

    pub(super) fn step_after(&mut self, step: Step, now: Instant) {
        if matches!(step, Step::Serial | Step::Subscriber) && !self.is_mine(step) {
            self.tell(Event::NotMine);
            return;
        }
        match step.following() {
            Some(next) => self.run_step(next, now),
            None => self.on_started(now),
        }
    }

    pub(super) fn again(&mut self, step: Step, pause: Duration, at_most: u8, now: Instant) {
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
    pub(super) fn is_mine(&self, step: Step) -> bool {
        let fits = |want: &Option<String>, have: &Option<String>| match (want, have) {
            (Some(want), Some(have)) => want == have,
            (Some(_), None) => false,
            (None, _) => true,
        };
        fits(&self.settings.imei, &self.view.identity.imei)
            && (step != Step::Subscriber || fits(&self.settings.imsi, &self.view.identity.imsi))
    }

    pub(super) fn on_pin_wanted(&mut self, now: Instant) {
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

    pub(super) fn note_pin(&mut self, key: u64, note: PinNote) {
        if self.pin_notes.insert(key, note) != Some(note) {
            self.tell(Event::NotePin { key, note });
        }
    }

    pub(super) fn on_pin_result(&mut self, note: PinNote, now: Instant) {
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

    pub(super) fn stop_at_sim(&mut self, trouble: SimTrouble, now: Instant) {
        self.calls.lose();
        self.codes.lose();
        self.tell_of_calls();
        self.ladder.succeeded();
        self.forget_slots();
        self.enter(Life::Sim { trouble, check_at: now + SIM_PAUSE });
    }

    /// Another SIM may come into the same stick: the slots of this one mean nothing there.
    pub(super) fn forget_slots(&mut self) {
        if matches!(self.purpose, Some(Purpose::Slot(_))) {
            self.purpose = None;
        }
        self.session = self.session.wrapping_add(1);
        self.slots.open(self.session);
    }

    pub(super) fn on_started(&mut self, now: Instant) {
        self.lost_in_start = 0;
        self.ladder.succeeded();
        self.signal_at = now;
        self.next_store_round = now + STORE_ROUND;
        self.next_full_round = now + FULL_ROUND;
        self.open_calls();
        // +CMTI may be silent (memory full), and what came while nobody listened lies there.
        if self.view.has_device_storage {
            self.slots.want_list(Storage::Device);
        }
        self.slots.want_list(Storage::Sim);
        let imei = self.view.identity.imei.as_deref().unwrap_or("unknown");
        log::debug!("dongle '{}': IMEI {} started", self.settings.name, Pii(imei));
        self.on_registration();
    }

    pub(super) fn on_registration(&mut self) {
        let usable = self.view.network.registration.is_usable();
        self.enter(if usable { Life::Ready } else { Life::Searching });
    }
}
