//! What one leg says, and what the other hears of it.
use super::carry::other;
use super::{CallId, Cause, End, Leg, Media, Party, Phase, Side, State};
use crate::config::ForwardWhen;
use crate::modem::CallEvent;
use crate::sip::{EndedBy, SessionId};
use crate::switch::Switch;
use crate::switch::line::LineId;
use crate::switch::line::SoundSeen;
use crate::util::time::Now;
use crate::wire::sip::Message;

impl Switch {
    /// The stick of a call, or one whose call is gone already.
    pub(in crate::switch) fn on_call_event(&mut self, line: LineId, event: &CallEvent, now: Now) {
        self.presence.stale = true;
        match event {
            CallEvent::Incoming { caller } => self.on_incoming(line, caller, now),
            CallEvent::VoiceOpen => {
                self.on_voice_open(line, now);
                self.on_early_voice(line, now);
            }
            CallEvent::NoVoice => {
                log::warn!("a call is up and the stick brings no sound: 'tandem doctor' says what to do");
                if let Some(line) = self.line_mut(line) {
                    line.sound = Some(SoundSeen::None);
                }
            }
            CallEvent::DigitRefused(digit) => self.on_digit_refused(line, *digit),
            // 100 went out with the INVITE.
            CallEvent::Originated => {}
            CallEvent::Alerting => self.on_alerting(line, now),
            CallEvent::Connected => self.on_connected(line, now),
            CallEvent::Ended(end) => {
                self.on_voice_closed(line);
                self.on_line_ended(line, Cause::of_end(end), now);
            }
        }
    }

    /// The far phone rings.
    fn on_alerting(&mut self, line: LineId, now: Now) {
        let Some((id, end @ End::B(_))) = self.calls.of_line(line) else { return };
        self.note_ringing(id, end);
        let early = self.has_voice(id);
        self.ring_caller_leg(id, early, now);
    }

    /// Sound before the answer, from a call that rings.
    fn on_early_voice(&mut self, line: LineId, now: Now) {
        let Some((id, End::B(at))) = self.calls.of_line(line) else { return };
        let rung = self.calls.all.get(&id).and_then(|c| c.b.get(at)).is_some_and(Side::has_rung);
        if rung {
            self.ring_caller_leg(id, true, now);
        }
    }

    /// 183 with our answer where there is sound to hear, else 180 and the phone makes its own ringing.
    fn ring_caller_leg(&mut self, id: CallId, early: bool, now: Now) {
        let Some(call) = self.calls.all.get_mut(&id) else { return };
        if call.a.state == State::Up || call.a.state == (State::Ringing { early: true }) {
            return;
        }
        let Leg::Sip(leg) = &mut call.a.leg else { return };
        // To an INVITE without an offer our offer goes in the 200 only.
        let early = early && leg.offer.is_some();
        if call.a.state == (State::Ringing { early }) {
            return;
        }
        let (session, body) = (leg.session, if early { leg.body() } else { None });
        call.a.state = State::Ringing { early };
        self.sip.ring(session, if early { 183 } else { 180 }, body, now.mono);
    }

    fn note_ringing(&mut self, id: CallId, end: End) {
        if let Some(side) = self.calls.all.get_mut(&id).and_then(|c| c.side_mut(end))
            && side.state == State::Begun
        {
            side.state = State::Ringing { early: false };
        }
    }

    /// `^CONN`: the dialled call was answered, or ours was taken.
    fn on_connected(&mut self, line: LineId, now: Now) {
        let Some((id, end)) = self.calls.of_line(line) else { return };
        if let Some(side) = self.calls.all.get_mut(&id).and_then(|c| c.side_mut(end)) {
            side.state = State::Up;
        }
        if matches!(end, End::B(_)) {
            self.answer_caller(id, now);
        }
        self.on_both_up(id, now);
    }

    /// The called side answered: so does the caller's leg.
    fn answer_caller(&mut self, id: CallId, now: Now) {
        let Some(call) = self.calls.all.get_mut(&id) else { return };
        match &mut call.a.leg {
            Leg::Waiting => self.finish_transfer(id, now),
            // It was in a call that was transferred here.
            _ if call.a.state == State::Up => {}
            Leg::Sip(leg) if !leg.by_us => {
                let (session, body) = (leg.session, leg.body().unwrap_or_default());
                call.a.state = State::Up;
                self.sip.accept(session, body, now.mono);
            }
            // `tandem dial`: it took the call before.
            Leg::Sip(_) => {}
            Leg::Modem { line } => {
                let line = *line;
                call.enter(Phase::Answering);
                if let Some(line) = self.line_mut(line) {
                    line.modem.answer(now.mono);
                }
            }
        }
    }

    fn on_both_up(&mut self, id: CallId, now: Now) {
        let Some(call) = self.calls.all.get_mut(&id) else { return };
        let up = call.a.state == State::Up && call.b.iter().any(|b| b.state == State::Up);
        if up && call.answered.is_none() {
            let was_described = call.a.leg.sip().is_some_and(|leg| leg.offer.is_none());
            call.answered = Some(now);
            for leg in std::iter::once(&mut call.a).chain(&mut call.b).filter_map(|s| s.leg.sip_mut()) {
                // It is kept as it came.
                leg.offer = None;
            }
            call.enter(Phase::Up { since: now.mono });
            self.counters.calls_answered = self.counters.calls_answered.saturating_add(1);
            self.begin_reports(id, now);
            if was_described {
                self.align(id, End::B(0), now);
            }
        }
    }

    /// `^CEND` and everything that means the same.
    fn on_line_ended(&mut self, line: LineId, cause: Cause, now: Now) {
        if let Some((id, end)) = self.calls.of_line(line) {
            match end {
                End::A => self.end_call(id, Some(End::A), cause, now),
                End::B(at) => self.on_called_gone(id, at, cause, now),
            }
        }
        self.take_freed_line(line, now);
    }

    /// An emergency call waited for this line.
    fn take_freed_line(&mut self, line: LineId, now: Now) {
        if let Some((id, _)) = self.calls.urgent.take_if(|(_, wanted)| *wanted == line) {
            self.next_way(id, now);
        }
    }

    /// One of the called is gone. While others ring the call goes on; an answered one ends.
    pub(super) fn on_called_gone(&mut self, id: CallId, at: usize, cause: Cause, now: Now) {
        let Some(call) = self.calls.all.get_mut(&id) else { return };
        let was_up = call.b.get(at).is_some_and(|b| b.state == State::Up);
        if was_up || call.answered.is_some() {
            return self.end_call(id, Some(End::B(at)), cause, now);
        }
        let side = call.b.remove(at);
        call.rang |= side.has_rung();
        // Busy and no tell more than nobody there.
        let firm = |c: Cause| matches!(c, Cause::BUSY | Cause::REJECTED);
        if !call.failure.is_some_and(firm) {
            call.failure = Some(cause);
        }
        let others = !call.b.is_empty();
        let (failed, emergency) = (call.failure, call.emergency);
        self.forget_side(&side);
        self.release_unused_of(id, &side);
        if others {
            return;
        }
        let forwarded = self.send_on(id, failed.unwrap_or(cause), now);
        let hunting = emergency || self.calls.all.get(&id).is_some_and(|c| c.hunting);
        // Who said no is not called again by another way. For help every way is tried.
        if !forwarded && !hunting && failed.is_some_and(|c| !c.deserves_another_way()) {
            return self.end_call(id, None, cause, now);
        }
        // A stick that is up keeps its sound.
        if let Some(call) =
            self.calls.all.get_mut(&id).filter(|c| c.a.leg.line().is_none() || c.a.state != State::Up)
        {
            call.media = Media::None;
        }
        self.next_way(id, now);
    }

    /// The extension that was tried has another place for this call. False: it has none.
    fn send_on(&mut self, id: CallId, cause: Cause, now: Now) -> bool {
        let Some(call) = self.calls.all.get_mut(&id) else { return false };
        let Some(name) = call.target.take() else { return false };
        if let Some(number) = call.moved.take() {
            return self.deflect(id, &name, &number, now);
        }
        let when = match cause {
            Cause::BUSY => ForwardWhen::Busy,
            Cause::NO_ANSWER if call.rang => ForwardWhen::NoAnswer,
            Cause(102) | Cause::NO_ANSWER | Cause::NO_RESPONSE | Cause::ABSENT | Cause::TEMPORARY => {
                ForwardWhen::Unreachable
            }
            _ => return false,
        };
        self.forward(id, &name, when, now)
    }

    /// 1xx of a phone or trunk that we call.
    pub(in crate::switch) fn on_session_progress(
        &mut self,
        session: SessionId,
        status: u16,
        sdp: Option<&[u8]>,
        now: Now,
    ) {
        let Some((id, end @ End::B(_))) = self.calls.of_session(session) else { return };
        let alone = self.calls.all.get(&id).is_some_and(|c| c.b.len() == 1);
        if status >= 180 {
            self.note_ringing(id, end);
        }
        // Early media of one phone of many would be of the wrong one.
        let early = alone && sdp.is_some() && self.take_early(id, end, sdp, now);
        if status >= 180 || early {
            self.ring_caller_leg(id, early, now);
        }
    }

    fn take_early(&mut self, id: CallId, end: End, sdp: Option<&[u8]>, now: Now) -> bool {
        if !self.take_answer(id, end, sdp) {
            return false;
        }
        if !self.settle_caller_with(id, end) {
            return false;
        }
        self.set_remote(id, End::A, now);
        self.set_remote(id, end, now);
        true
    }

    /// False: the caller can't be answered with that.
    fn settle_caller_with(&mut self, id: CallId, end: End) -> bool {
        if self.sip_leg(id, end).is_some_and(|leg| leg.carried) {
            return self.carry_answer(id, end);
        }
        let chosen = self.sip_leg(id, end).and_then(|l| l.agreed.as_ref()).map(|a| a.codec);
        if let Some(codec) = chosen {
            self.settle_caller(id, codec);
        }
        // Its own words are none of ours.
        self.sip_leg(id, End::A).is_none_or(|leg| leg.ours.is_some())
    }

    /// 200 of a phone or trunk that we called.
    pub(in crate::switch) fn on_session_answered(
        &mut self,
        session: SessionId,
        sdp: Option<&[u8]>,
        now: Now,
    ) {
        let Some((id, end)) = self.calls.of_session(session) else {
            // The call ended while its answer was on the way.
            return self.sip.hangup(session, None, 487, &[], now.mono);
        };
        if !self.take_answer(id, end, sdp) {
            return self.on_unusable_answer(id, now);
        }
        if let Some(side) = self.calls.all.get_mut(&id).and_then(|c| c.side_mut(end)) {
            side.state = State::Up;
        }
        match end {
            End::A => self.on_own_phone_answered(id, now),
            End::B(at) => {
                self.drop_other_forks(id, at, now);
                self.on_answered_by(id, now);
            }
        }
    }

    /// The first of the called is up: so is the caller.
    pub(super) fn on_answered_by(&mut self, id: CallId, now: Now) {
        let early = self.calls.all.get(&id).is_some_and(|c| c.a.state == (State::Ringing { early: true }));
        if !early && !self.settle_caller_with(id, End::B(0)) {
            return self.on_unusable_answer(id, now);
        }
        self.start_gateway(id, now);
        self.set_remote(id, End::A, now);
        self.set_remote(id, End::B(0), now);
        self.answer_caller(id, now);
        self.on_both_up(id, now);
    }

    /// `tandem dial`: the caller's phone is there, now what was dialled.
    fn on_own_phone_answered(&mut self, id: CallId, now: Now) {
        if let Some(call) = self.calls.all.get_mut(&id) {
            call.enter(Phase::Reaching { until: None });
        }
        self.next_way(id, now);
    }

    /// One of the phones took the call: the others stop ringing, and note no missed call (RFC 3326).
    fn drop_other_forks(&mut self, id: CallId, at: usize, now: Now) {
        let Some(call) = self.calls.all.get_mut(&id) else { return };
        if at >= call.b.len() {
            return;
        }
        let winner = call.b.swap_remove(at);
        let losers = std::mem::replace(&mut call.b, vec![winner]);
        for side in losers {
            let elsewhere = "SIP;cause=200;text=\"Call completed elsewhere\"";
            self.hang_up(&side, Cause::NORMAL, false, Some(elsewhere), now);
            self.forget_side(&side);
        }
    }

    /// The ACK of an answered caller; the answer to our offer where the INVITE had none.
    pub(in crate::switch) fn on_session_acked(&mut self, session: SessionId, sdp: Option<&[u8]>, now: Now) {
        let Some((id, end)) = self.calls.of_session(session) else { return };
        let late = self.sip_leg(id, end).is_some_and(|l| l.theirs.is_none());
        if sdp.is_some() || late {
            if !self.take_answer(id, end, sdp) {
                return self.on_unusable_answer(id, now);
            }
            self.set_remote(id, end, now);
            self.align(id, other(end), now);
        }
    }

    pub(in crate::switch) fn on_session_offer(&mut self, session: SessionId, sdp: Option<&[u8]>, now: Now) {
        let Some((id, end)) = self.calls.of_session(session) else { return };
        match self.answer_offer(id, end, sdp, now) {
            Some(Ok(answer)) => self.sip.answer(session, answer, now.mono),
            Some(Err(status)) => self.sip.refuse(session, status, now.mono),
            // The other side is asked.
            None => {}
        }
    }

    /// Our INVITE was refused.
    pub(in crate::switch) fn on_session_failed(
        &mut self,
        session: SessionId,
        status: u16,
        response: Option<&Message>,
        now: Now,
    ) {
        let Some((id, end)) = self.calls.of_session(session) else { return };
        let side = self.calls.all.get(&id).and_then(|c| c.side(end));
        let silent = side.is_some_and(|s| s.state == State::Begun);
        let trunk = side.is_some_and(|s| matches!(s.party, Party::Trunk { .. }));
        let server = side.and_then(|s| Some((s.leg.sip()?.trunk.clone()?, s.leg.sip()?.flow)));
        if let (300..=399, Some(call)) = (status, self.calls.all.get_mut(&id)) {
            call.moved = super::forward::moved_to(response).filter(|_| call.target.is_some());
        }
        if status == 488 && self.call_recoded(id, end, now) {
            return;
        }
        // A server that is dead or full: the same trunk may have another.
        if let (408 | 503, true, Some((name, flow))) = (status, silent, server)
            && self.trunk_call_failed(&name, flow, now)
            && let Some(call) = self.calls.all.get_mut(&id)
            && let Some(step) = call.trying.take()
        {
            call.ways.push_front(step);
        }
        let cause = match status {
            // Not a word from there: another way may be alive.
            408 if silent => Cause(102),
            // Nobody took it in time.
            408 => Cause::NO_ANSWER,
            // The provider does not want us; the called has not said no.
            401..=403 | 407 if trunk => Cause::NOT_AUTHORIZED,
            status => Cause::of_status(status),
        };
        match end {
            End::A => self.end_call(id, Some(End::A), cause, now),
            End::B(at) => self.on_called_gone(id, at, cause, now),
        }
    }

    /// A caller gave up, or an answered leg ended.
    pub(in crate::switch) fn on_session_gone(&mut self, session: SessionId, by: Option<&EndedBy>, now: Now) {
        let Some((id, end)) = self.calls.of_session(session) else { return };
        if self.leave_to_transfer(id, end, now) {
            return;
        }
        let cause = match by {
            None => Cause::NORMAL,
            Some(EndedBy::Bye { reason }) => {
                reason.as_deref().and_then(cause_of_reason).unwrap_or(Cause::NORMAL)
            }
            Some(EndedBy::Timeout | EndedBy::Transport | EndedBy::NoAck) => Cause(102),
        };
        self.end_call(id, Some(end), cause, now);
    }

    /// Deadlines of calls.
    pub(in crate::switch) fn call_timeouts(&mut self, now: Now) {
        self.sound_timeouts(now);
        self.report_timeouts(now);
        let due: Vec<CallId> = self
            .calls
            .all
            .values()
            .filter(|c| c.phase.deadline().is_some_and(|at| at <= now.mono))
            .map(|c| c.id)
            .collect();
        for id in due {
            self.end_call(id, None, Cause::NO_ANSWER, now);
        }
    }
}

/// `Q.850;cause=17`, RFC 3326.
fn cause_of_reason(reason: &str) -> Option<Cause> {
    let rest = reason.trim().strip_prefix("Q.850")?;
    let cause = rest.split(';').find_map(|p| p.trim().strip_prefix("cause="))?;
    cause.trim().parse().ok().filter(|c| (1..=127).contains(c)).map(Cause)
}

impl Switch {
    /// By which trunk this side goes.
    pub(in crate::switch) fn trunk_of(&self, id: CallId, end: End) -> Option<String> {
        self.calls.all.get(&id)?.side(end)?.leg.sip()?.trunk.clone()
    }
}
