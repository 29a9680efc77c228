//! The port of the sound: opened by `AT^DDSETEX`, checked by whether samples come. DONGLE 3.7.
use crate::modem::bus::{Port, Role};
use crate::util::limits::PORTS;
use crate::util::time::Instant;
use std::time::Duration;

/// Samples come within this after the call is answered, or something is wrong.
const SILENCE: Duration = Duration::from_secs(1);
/// Reads before the port counts as the right one: what another port may say in a line or two is no sound.
const READS: u8 = 3;

/// The ports that may carry the sound, likeliest first; `learnt` is where it was the last time. Never the modem port,
/// never the one that takes commands.
#[must_use]
pub fn candidates(ports: &[Port], at: usize, learnt: Option<usize>) -> heapless::Vec<usize, PORTS> {
    let fits = |place: &usize, role: Role| *place != at && ports.get(*place).is_some_and(|p| p.role == role);
    let places = || 0..ports.len().min(PORTS);
    let learnt = learnt.filter(|l| fits(l, Role::Voice) || fits(l, Role::Unknown) || fits(l, Role::Commands));
    let mut found = heapless::Vec::new();
    let by_role = [Role::Voice, Role::Unknown, Role::Commands];
    let all = by_role.into_iter().flat_map(|role| places().filter(move |p| fits(p, role)));
    for place in learnt.into_iter().chain(all) {
        if !found.contains(&place) && found.push(place).is_err() {
            break;
        }
    }
    found
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Closed,
    /// `AT^DDSETEX` waits its turn.
    Wanted,
    /// Written; samples may come before its OK is read.
    Asked,
    Open,
    /// The stick refused it.
    Refused,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Opened,
    /// No port brings sound.
    None,
}

/// The sound of one call.
#[derive(Debug, Default)]
pub struct Voice {
    ports: heapless::Vec<usize, PORTS>,
    /// Which of them is listened to.
    at: usize,
    state: State,
    /// Told as open on this port.
    told: Option<usize>,
    /// Reads of samples since the port was asked for.
    reads: u8,
    /// The call is answered: sound must come by then.
    due: Option<Instant>,
    asked_at: Option<Instant>,
    repeated: bool,
}

impl Voice {
    /// A stick was started.
    pub fn set_ports(&mut self, ports: heapless::Vec<usize, PORTS>) {
        *self = Self { ports, ..Self::default() };
    }

    /// The call is over, or none of ours any more.
    pub fn close(&mut self) {
        let ports = std::mem::take(&mut self.ports);
        *self = Self { ports, ..Self::default() };
    }

    fn port(&self) -> Option<usize> {
        self.ports.get(self.at).copied()
    }

    /// Samples may be written there.
    #[must_use]
    pub fn open_port(&self) -> Option<usize> {
        self.told.filter(|told| self.port() == Some(*told))
    }

    /// Bytes of `port` are samples.
    #[must_use]
    pub fn takes(&self, port: usize) -> bool {
        self.port() == Some(port) && (self.told.is_some() || self.state == State::Asked)
    }

    /// Sound has come.
    #[must_use]
    pub const fn is_heard(&self) -> bool {
        self.reads >= READS
    }

    /// Samples came; where from, when that has just become certain.
    pub fn note(&mut self) -> Option<usize> {
        if self.is_heard() || self.state == State::Closed {
            return None;
        }
        self.reads = self.reads.saturating_add(1);
        if !self.is_heard() {
            return None;
        }
        self.due = None;
        // The next call begins here.
        if let Some(tried) = self.ports.get_mut(..=self.at) {
            tried.rotate_right(1);
        }
        self.at = 0;
        self.port()
    }

    /// Ask for the sound: right behind ATD for early media, and behind ATA.
    pub fn want(&mut self) {
        self.state = State::Wanted;
    }

    pub fn take_wanted(&mut self, now: Instant) -> bool {
        let wanted = self.state == State::Wanted;
        if wanted {
            self.state = State::Asked;
            self.asked_at = Some(now);
        }
        wanted
    }

    /// The answer to `AT^DDSETEX`.
    pub fn on_reply(&mut self, ok: bool) -> Option<Outcome> {
        if self.state != State::Asked {
            return None;
        }
        self.state = if ok { State::Open } else { State::Refused };
        if !ok || self.told == self.port() {
            return None;
        }
        self.told = self.port();
        self.told.map(|_| Outcome::Opened)
    }

    /// The call is answered: from now on sound is due. What was asked before the answer may not have been heard.
    pub fn on_connected(&mut self, now: Instant) {
        if self.is_heard() {
            return;
        }
        let fresh = self.asked_at.is_some_and(|at| now.since(at) < SILENCE) && self.state != State::Refused;
        if !fresh {
            self.want();
        }
        self.due = Some(now + SILENCE);
    }

    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    /// Sound did not come in time: once more, then the next port, then the news that there is none.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Outcome> {
        if self.due.is_none_or(|due| now < due) {
            return None;
        }
        self.due = Some(now + SILENCE);
        if self.reads > 0 || matches!(self.state, State::Wanted | State::Asked) {
            // It has begun, or the stick has not answered yet.
            self.reads = 0;
            return None;
        }
        if !self.repeated {
            self.repeated = true;
        } else if self.at.saturating_add(1) < self.ports.len() {
            self.at = self.at.saturating_add(1);
            self.told = None;
        } else {
            self.due = None;
            // Back to the likeliest: the stick may only be late.
            self.at = 0;
            self.told = self.told.and_then(|_| self.port());
            return Some(Outcome::None);
        }
        self.want();
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(roles: &[Role]) -> Vec<Port> {
        roles.iter().map(|role| Port { tty: String::new(), role: *role }).collect()
    }

    #[test]
    fn the_voice_port_first_and_never_the_modem() {
        let p = ports(&[Role::Modem, Role::Voice, Role::Commands]);
        assert_eq!(candidates(&p, 2, None), [1]);
        let p = ports(&[Role::Modem, Role::Unknown, Role::Unknown, Role::Unknown]);
        assert_eq!(candidates(&p, 3, None), [1, 2]);
        assert_eq!(candidates(&p, 3, Some(2)), [2, 1]);
        assert_eq!(candidates(&p, 3, Some(0)), [1, 2], "never learnt");
        // The table was wrong: commands are taken at the voice port.
        let p = ports(&[Role::Modem, Role::Voice, Role::Commands]);
        assert_eq!(candidates(&p, 1, None), [2]);
        assert!(candidates(&ports(&[Role::Commands]), 0, None).is_empty());
    }
}
