//! The end of a call: every leg is hung up, every port given back, one line written.
use super::view::Ended;
use super::{Call, CallId, Cause, End, Leg, Side, State};
use crate::switch::Switch;
use crate::util::limits::CALLS_RECENT;
use crate::util::time::Now;

impl Switch {
    /// End a call whose legs still have to be told. `from`: the side that is gone already.
    pub(in crate::switch) fn end_call(&mut self, id: CallId, from: Option<End>, cause: Cause, now: Now) {
        let Some(mut call) = self.calls.all.remove(&id) else { return };
        self.presence.stale = true;
        let answered = call.answered.is_some();
        self.end_transfer(&call, cause, now);
        if from != Some(End::A) {
            self.hang_up(&call.a, cause, answered, None, now);
        }
        for (at, side) in call.b.iter().enumerate() {
            if from != Some(End::B(at)) {
                self.hang_up(side, cause, answered, None, now);
            }
        }
        self.say_goodbye(&mut call, now);
        self.forget_sides(&call);
        self.drain_sound(&mut call, now);
        if self.calls.urgent.is_some_and(|(urgent, _)| urgent == id) {
            self.calls.urgent = None;
        }
        self.note_end(&call, from, cause, now);
    }

    /// One leg, in whatever state it is.
    pub(super) fn hang_up(
        &mut self,
        side: &Side,
        cause: Cause,
        answered: bool,
        reason: Option<&str>,
        now: Now,
    ) {
        match &side.leg {
            Leg::Waiting => {}
            Leg::Modem { line } => {
                if let Some(line) = self.line_mut(*line) {
                    line.modem.hangup(now.mono);
                }
            }
            Leg::Sip(leg) => {
                // An answered leg gets BYE, one that we call CANCEL, one that calls us this status.
                let q850 = cause.reason();
                let reason = reason.unwrap_or(&q850);
                let status = if answered { 480 } else { cause.status() };
                self.sip.hangup(leg.session, Some(reason), status, &[], now.mono);
            }
        }
    }

    /// A side leaves the call: its names lead nowhere any more.
    pub(super) fn forget_side(&mut self, side: &Side) {
        match &side.leg {
            Leg::Waiting => {}
            Leg::Modem { line } => {
                self.calls.lines.remove(line);
            }
            Leg::Sip(leg) => {
                self.calls.sessions.remove(&leg.session);
            }
        }
    }

    fn forget_sides(&mut self, call: &Call) {
        call.sides().for_each(|side| self.forget_side(side));
        let ports: Vec<u16> =
            self.calls.ports.iter().filter(|(_, id)| **id == call.id).map(|(port, _)| *port).collect();
        for port in ports {
            self.calls.ports.remove(&port);
            self.release_rtp(port);
        }
    }

    /// The call's one line, and what `tandem calls` remembers of it.
    pub(super) fn note_end(&mut self, call: &Call, from: Option<End>, cause: Cause, now: Now) {
        let to = match call.b.iter().find(|b| b.state == State::Up).or_else(|| call.b.first()) {
            Some(side) => side.party.clone(),
            None => super::Party::Nobody { dialled: call.dialled.clone() },
        };
        let talked = call.answered.map(|at| now.mono.since(at.mono).as_secs());
        let by = match from {
            Some(End::A) => "the caller",
            Some(End::B(_)) => "the called",
            None => "us",
        };
        let how = match talked {
            Some(seconds) => format!("{seconds} s talked"),
            None => format!("not answered, {} s", now.mono.since(call.began.mono).as_secs()),
        };
        log::info!(
            "call {}: {} -> {}: {how}, ended by {by}: {} ({}){}",
            call.id.0,
            call.a.party.logged(),
            to.logged(),
            cause.words(),
            cause.0,
            self.sound_words(call)
        );
        if talked.is_none() {
            self.counters.calls_failed = self.counters.calls_failed.saturating_add(1);
        }
        let ended = Ended {
            id: call.id,
            from: call.a.party.shown(),
            to: to.shown(),
            began: call.began.wall,
            talked_s: talked,
            cause,
        };
        if self.calls.recent.len() >= CALLS_RECENT {
            self.calls.recent.pop_back();
        }
        self.calls.recent.push_front(ended);
    }
}
