//! The course of a session: opened, probed, given up, reset. The states are in `life`.
use super::{Modem, Purpose};
use crate::modem::engine;
use crate::modem::ladder::{Climb, Rung};
use crate::modem::life::Life;
use crate::modem::start::Step;
use crate::modem::view::View;
use crate::modem::{Action, Event, SendResult};
use crate::util::time::Instant;
use std::time::Duration;

/// Opening a port of a sick stick took 6 s in the field.
const OPEN_LIMIT: Duration = Duration::from_secs(10);

impl Modem {
    /// The one setter.
    pub(super) fn enter(&mut self, life: Life) {
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
    pub(super) fn log_life(&mut self) {
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

    pub(super) fn open(&mut self, now: Instant) {
        self.close();
        self.session = self.session.wrapping_add(1);
        self.view = View::default();
        self.slots.open(self.session);
        let ttys: Vec<String> = self.ports.iter().map(|p| p.tty.clone()).collect();
        self.enter(Life::Opening { waiting: ttys.len(), deadline: now + OPEN_LIMIT });
        self.actions.push_back(Action::Open(ttys));
    }

    /// Close all ports; what was in flight is lost.
    pub(super) fn close(&mut self) {
        self.engine.close();
        self.drain_engine_on_close();
        self.purpose = None;
        self.calls.lose();
        self.codes.lose();
        self.tell_of_calls();
        self.polls.clear();
        self.poll_store = false;
        while let Some(submit) = self.sends.pop_front() {
            self.tell(Event::Sent { token: submit.token, result: SendResult::NotSent });
        }
        self.actions.push_back(Action::CloseAll);
    }

    /// A PDU in flight when the port went: its sender must hear that nobody knows.
    pub(super) fn drain_engine_on_close(&mut self) {
        while let Some(event) = self.engine.poll_event() {
            if let (engine::Event::Completed(_, reply), Some(Purpose::Submit(token))) =
                (event, self.purpose.take())
            {
                self.on_submitted(token, &reply);
            }
        }
    }

    pub(super) fn probe(&mut self, candidate: usize, now: Instant) {
        let Some(port) = self.candidates.get(candidate).copied() else {
            self.climb(now);
            return;
        };
        self.at = port;
        self.engine.open(now);
        self.enter(Life::Probing { candidate });
    }

    pub(super) fn fail(&mut self, reason: String, pause: Duration, now: Instant) {
        self.close();
        self.enter(Life::Failed { reason, next_try: now + pause });
    }

    /// The stick is silent: the next rung.
    pub(super) fn climb(&mut self, now: Instant) {
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

    pub(super) fn on_deadline(&mut self, now: Instant) {
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
}
