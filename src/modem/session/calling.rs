//! Calls and service codes: what the owner asks for, and the news he gets.
use super::{Modem, Purpose};
use crate::modem::call::{Job, candidates};
use crate::modem::life::Life;
use crate::modem::{
    Action, CallEvent, CallView, Clir, DialRefused, Event, Phase, Rung, UssdResult, UssdTrouble,
};
use crate::util::time::Instant;
use std::time::Duration;

/// AT+CFUN=1,1: re-enumeration took 9 to 30 s in the field.
const RESTART: Duration = Duration::from_secs(30);

impl Modem {
    /// Whether `dial` would begin a call now. Whether there would be sound is in `View::voice`.
    #[must_use]
    pub fn can_dial(&self) -> bool {
        matches!(self.life, Life::Ready) && self.calls.is_idle()
    }

    /// Call `number`. `CallEvent::Ended` follows in any case. An emergency call needs no registration; our number is
    /// never hidden in it.
    ///
    /// # Errors
    /// What keeps from it; no event follows then.
    pub fn dial(
        &mut self,
        number: &str,
        clir: Clir,
        emergency: bool,
        now: Instant,
    ) -> Result<(), DialRefused> {
        let ready = matches!(self.life, Life::Ready) || (emergency && self.life.is_working());
        if !ready {
            return Err(DialRefused::NotReady);
        }
        self.calls.dial(number, if emergency { Clir::Default } else { clir })?;
        self.turn(now);
        Ok(())
    }

    /// Take the call that comes in. Without one nothing happens.
    pub fn answer(&mut self, now: Instant) {
        self.calls.answer();
        self.turn(now);
    }

    /// End, reject or cancel the call, in whatever phase it is.
    pub fn hangup(&mut self, now: Instant) {
        self.calls.see(now);
        self.calls.hang_up();
        self.turn(now);
    }

    /// Send a tone: `0` to `9`, `*`, `#`. What can't be sent comes back as `CallEvent::DigitRefused`.
    pub fn dtmf(&mut self, digit: char, now: Instant) {
        if let Err(digit) = self.calls.dial_digit(digit) {
            self.tell(Event::Call(CallEvent::DigitRefused(digit)));
        }
        self.turn(now);
    }

    /// Send a service code (`*100#`), or the answer to what the network asked in the last one. `Event::Ussd` follows.
    pub fn ussd(&mut self, token: u64, code: &str, now: Instant) {
        let imei = self.view.identity.imei.as_deref().unwrap_or("");
        let result = if matches!(self.life, Life::Ready) {
            self.codes.ask(token, code, self.learnt.dialect(imei))
        } else {
            Err(UssdTrouble::NotReady)
        };
        if let Err(trouble) = result {
            self.tell(Event::Ussd { token, result: UssdResult::Failed(trouble) });
        }
        self.turn(now);
    }

    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.calls.phase()
    }

    /// The call, if there is one.
    #[must_use]
    pub fn call(&self) -> Option<CallView<'_>> {
        self.calls.view()
    }

    /// Bytes of `port` are samples now: not for `handle_bytes`. True from the moment `AT^DDSETEX` is written, before its
    /// OK is read: halves of samples are counted from the first of these bytes.
    #[must_use]
    pub fn takes_voice(&self, port: usize) -> bool {
        self.calls.takes_voice(port)
    }

    /// Samples came from the port that `takes_voice`.
    pub fn note_voice(&mut self, now: Instant) {
        if let Some(port) = self.calls.note_voice(now)
            && let Some(imei) = &self.view.identity.imei
        {
            self.learnt.note_voice(imei, port);
        }
    }

    /// Where samples may be written: from `CallEvent::VoiceOpen` to the end of the call. At any other time that port
    /// speaks another protocol, and samples would be garbage to it.
    #[must_use]
    pub fn voice_port(&self) -> Option<usize> {
        self.calls.voice_port()
    }

    /// Bytes that came where nobody listens, and were dropped; stays at its largest value.
    #[must_use]
    pub const fn drained(&self) -> u32 {
        self.drained
    }

    pub(super) fn open_calls(&mut self) {
        let imei = self.view.identity.imei.as_deref().unwrap_or("");
        let ports = candidates(&self.ports, self.at, self.learnt.voice(imei));
        self.calls.open(ports, self.view.voice);
    }

    pub(super) fn issue_call(&mut self, job: Job, now: Instant) {
        let command = self.calls.command(job);
        let serial = self.calls.serial();
        self.issue(Purpose::Call(job, serial), command, now);
    }

    /// News of calls and codes.
    pub(super) fn tell_of_calls(&mut self) {
        while let Some(event) = self.calls.poll_event() {
            self.tell(Event::Call(event));
        }
        while let Some(event) = self.codes.poll_event() {
            self.tell(event);
        }
        if let Some(dialect) = self.codes.take_learnt()
            && let Some(imei) = &self.view.identity.imei
        {
            self.learnt.note_dialect(imei, dialect);
        }
    }

    /// It holds a call that no hang-up ends: only a restart does, and until then it is billed.
    pub(super) fn free_a_stuck_stick(&mut self, now: Instant) {
        if self.calls.take_stuck() {
            log::warn!("dongle '{}': holds a call that AT+CHUP does not end; restarted", self.settings.name);
            self.actions.push_back(Action::Write(self.at, b"AT+CFUN=1,1\r".to_vec()));
            self.close();
            self.enter(Life::Resetting { rung: Rung::Command, until: now + RESTART });
        }
    }
}
