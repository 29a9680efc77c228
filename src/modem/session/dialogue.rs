//! The dialogue with a stick in service: which command is next, what its answer and what notifications lead to.
use super::{FULL_ROUND, Modem, Purpose, STORE_ROUND};
use crate::modem::command::{Command, Reply};
use crate::modem::engine;
use crate::modem::life::Life;
use crate::modem::sim::SimTrouble;
use crate::modem::start::Step;
use crate::modem::{Action, Event, SendResult};
use crate::util::time::Instant;
use crate::wire::at::{Fields, Urc};
use std::time::Duration;

impl Modem {
    pub(super) fn issue(&mut self, purpose: Purpose, command: Command, now: Instant) {
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
    pub(super) fn turn(&mut self, now: Instant) {
        self.calls.see(now);
        while let Some(event) = self.engine.poll_event() {
            match event {
                engine::Event::Completed(_, reply) => self.on_reply(&reply, now),
                engine::Event::Urc(urc) => self.on_urc(&urc, now),
                engine::Event::Direct(pdu) => self.tell(Event::Direct(pdu)),
                engine::Event::Resynced => self.on_resynced(now),
                engine::Event::Dead => self.on_dead(now),
            }
        }
        self.free_a_stuck_stick(now);
        self.next_command(now);
        self.tell_of_calls();
    }

    pub(super) fn on_resynced(&mut self, now: Instant) {
        if matches!(self.life, Life::Probing { .. }) {
            self.lost_in_start = 0;
            self.run_step(Step::EchoOff, now);
        }
    }

    pub(super) fn on_dead(&mut self, now: Instant) {
        match &self.life {
            Life::Probing { candidate } => {
                let next = candidate.saturating_add(1);
                self.probe(next, now);
            }
            _ => self.climb(now),
        }
    }

    pub(super) fn on_reply(&mut self, reply: &Reply, now: Instant) {
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
                    self.slots.want_home_list();
                }
            }
            Some(Purpose::Call(job, serial)) => self.calls.on_reply(job, serial, reply, now),
            Some(Purpose::Code(job)) => self.codes.on_reply(job, reply, now),
            None => {}
        }
    }

    pub(super) fn on_submitted(&mut self, token: u64, reply: &Reply) {
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

    pub(super) fn on_urc(&mut self, urc: &Urc, now: Instant) {
        // RING comes again and again, so one that comes during the start is not lost.
        if self.life.is_working() && self.calls.on_urc(urc, now) {
            return;
        }
        match urc {
            Urc::Stored { storage, index } | Urc::ReportStored { storage, index } => {
                self.slots.want_read(*storage, *index);
            }
            Urc::Full => self.slots.want_home_list(),
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
            Urc::Ussd(ussd) => self.codes.on_network(ussd, now),
            _ => {}
        }
    }

    /// `^SIMST`: 1 valid, 255 gone. A SIM that came gets a start of its own.
    pub(super) fn on_sim_state(&mut self, state: u16, now: Instant) {
        match (&self.life, state) {
            (Life::Sim { .. }, 1) => {
                let trouble = SimTrouble::Unclear("a SIM came".to_owned());
                self.enter(Life::Sim { trouble, check_at: now });
            }
            (life, 255) if life.is_working() => self.stop_at_sim(SimTrouble::Absent, now),
            _ => {}
        }
    }

    pub(super) fn next_command(&mut self, now: Instant) {
        if !self.life.is_working() || !self.engine.is_idle() || self.purpose.is_some() {
            return;
        }
        if let Some(job) = self.calls.take_job(now) {
            self.issue_call(job, now);
        } else if self.calls.is_setting_up() {
            // Nothing may stand in the way of the call's next command.
        } else if let Some(job) = self.slots.next() {
            self.issue(Purpose::Slot(job), job.command(), now);
        } else if let Some(job) = self.codes.take_job() {
            let command = self.codes.command(job);
            self.issue(Purpose::Code(job), command, now);
        } else if let Some(submit) = self.sends.pop_front() {
            let command = Command::submit(submit.tpdu_len, submit.pdu);
            self.issue(Purpose::Submit(submit.token), command, now);
        } else if let Some(step) = self.next_poll() {
            self.issue(Purpose::Poll(step), step.command(""), now);
        } else if let Some(job) = self.slots.idle_selection() {
            self.issue(Purpose::Slot(job), job.command(), now);
        } else if std::mem::take(&mut self.poll_store) {
            self.issue(Purpose::Store, Command::query("AT+CPMS?", "+CPMS:").within(10), now);
        } else if matches!(self.life, Life::Ready)
            && let Some(job) = self.calls.take_idle_job()
        {
            self.issue_call(job, now);
        }
    }

    /// In a call only the signal: it is a look into the stick's memory.
    fn next_poll(&mut self) -> Option<Step> {
        let harmless = self.calls.is_idle() || self.polls.front() == Some(&Step::Signal);
        if harmless { self.polls.pop_front() } else { None }
    }

    pub(super) fn start_rounds(&mut self, now: Instant) {
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

    pub(super) fn want_poll(&mut self, step: Step) {
        if !self.polls.iter().any(|p| *p == step) && self.polls.push_back(step).is_err() {
            log::debug!("too many polls wait; the next round asks again");
        }
    }

    pub(super) fn tell(&mut self, event: Event) {
        self.actions.push_back(Action::Event(event));
    }
}
