//! What the stick says of a call unasked.
use super::commands::cause_of;
use super::machine::{Calls, LOOK_OFTEN, LOOK_SELDOM, NAME_WAIT, Progress, RING_SILENCE, Sent, State};
use super::{CallEvent, Caller, End, EndedBy};
use crate::util::pii::Pii;
use crate::util::time::Instant;
use crate::wire::at::{Final, Party, Urc};

/// Causes that are the other side's doing: normal, busy, no answer of two kinds, absent, rejected, unspecified.
/// TS 24.008 annex H.
const FAR_CAUSES: [u8; 7] = [16, 17, 18, 19, 20, 21, 31];
/// end_status: ended or rejected at this side.
const OUR_STATUS: [u8; 2] = [29, 102];

impl Calls {
    /// Take what concerns calls. `false`: it does not.
    pub fn on_urc(&mut self, urc: &Urc, now: Instant) -> bool {
        match urc {
            Urc::Ring => self.on_ring(now),
            Urc::Caller(party) => self.on_caller(party, now),
            Urc::Waiting(party) => self.on_waiting(party),
            Urc::Originated(id) => self.on_progress(*id, Progress::Originated, now),
            Urc::Alerting(id) => self.on_progress(*id, Progress::Alerting, now),
            Urc::Connected(id) => self.on_conn(*id, now),
            Urc::CallEnded { id, seconds, status, cause } => {
                let end = End {
                    by: EndedBy::Network,
                    status: *status,
                    cause: *cause,
                    seconds: seconds.unwrap_or(0),
                };
                self.on_cend(*id, end);
            }
            Urc::Released(result) => self.on_released(*result),
            _ => return false,
        }
        true
    }

    pub(super) fn on_ring(&mut self, now: Instant) {
        match &mut self.state {
            State::Idle => {
                self.begin(true);
                self.hang_up_orphan = false;
                self.want_list = true;
                self.enter(State::Announced { tell_at: now + NAME_WAIT, nameless: false });
            }
            State::Ringing { last } => {
                *last = now;
                self.look_at = Some(now + RING_SILENCE);
            }
            // Not dialled yet: the caller was first.
            State::Dialling { atd: Sent::No, .. } => {
                self.finish(End::bare(EndedBy::Collision));
                self.on_ring(now);
            }
            // The stick decides which of the two lives; the list tells.
            State::Dialling { rung, atd, .. } => {
                *rung = true;
                self.want_list |= *atd == Sent::Answered;
            }
            State::Refused { end, .. } => {
                let end = *end;
                self.finish(end);
                self.on_ring(now);
            }
            State::Talking { .. } => self.on_waiting(&Party::default()),
            State::Announced { .. } | State::Answering { .. } | State::HangingUp { .. } => {}
        }
    }

    fn on_caller(&mut self, party: &Party, now: Instant) {
        if let (State::Announced { .. }, Some(caller)) = (&self.state, Caller::of(party)) {
            self.tell(caller, now);
        }
    }

    /// A second caller. Two calls at once break these sticks (DONGLE 2.10), so he hears what the network says.
    fn on_waiting(&mut self, party: &Party) {
        if !self.is_idle() && !std::mem::replace(&mut self.waiting_told, true) {
            log::info!("a second caller ({}) waits; not answered", Pii(&party.number));
        }
    }

    /// `id` is that of our call, as far as ours is known.
    fn is_ours(&self, id: u8) -> bool {
        self.id.is_none_or(|ours| ours == id)
    }

    fn on_progress(&mut self, id: u8, reached: Progress, now: Instant) {
        if !self.is_ours(id) {
            return;
        }
        if let State::Dialling { atd: Sent::InFlight | Sent::Answered, .. } = self.state {
            self.id = Some(id);
            self.advance(reached);
            self.heard(now);
        }
    }

    /// The dialled call got further; each step is told once.
    pub(super) fn advance(&mut self, reached: Progress) {
        if let State::Dialling { progress, .. } = &mut self.state
            && reached > *progress
        {
            *progress = reached;
            self.events.push_back(match reached {
                Progress::Alerting => CallEvent::Alerting,
                Progress::None | Progress::Originated => CallEvent::Originated,
            });
        }
    }

    fn on_conn(&mut self, id: u8, now: Instant) {
        let expected = match &self.state {
            State::Dialling { atd, .. } => *atd != Sent::No,
            State::Answering { ata, .. } => *ata != Sent::No,
            State::Idle => {
                // Up, and nobody's: it must not be billed on.
                self.orphans = true;
                self.want_list = true;
                false
            }
            _ => false,
        };
        if expected && self.is_ours(id) {
            self.id = Some(id);
            self.reports = true;
            self.connect(now);
        }
    }

    pub(super) fn connect(&mut self, now: Instant) {
        self.enter(State::Talking { since: now });
        self.events.push_back(CallEvent::Connected);
        self.voice.on_connected(now);
        self.heard(now);
    }

    /// The call is known to live: the next look at the list.
    pub(super) fn heard(&mut self, now: Instant) {
        self.missing = 0;
        self.doubt = None;
        self.look_again(now);
    }

    pub(super) fn look_again(&mut self, now: Instant) {
        let wait = match self.state {
            State::Talking { .. } if self.reports => LOOK_SELDOM,
            State::Dialling { atd: Sent::Answered, .. }
            | State::Answering { ata: Sent::Answered, .. }
            | State::HangingUp { chup: Sent::Answered, .. }
            | State::Talking { .. } => LOOK_OFTEN,
            State::Ringing { .. } => RING_SILENCE,
            _ => {
                self.look_at = None;
                return;
            }
        };
        self.look_at = Some(now + wait);
    }

    fn on_cend(&mut self, id: Option<u8>, end: End) {
        if id.is_some_and(|id| !self.is_ours(id)) {
            // Of the other of two calls. Ours may have gone with it.
            self.want_list = true;
            return;
        }
        let end = self.judged(end);
        match &mut self.state {
            // Late, of the call before.
            State::Idle | State::Dialling { atd: Sent::No, .. } => {}
            State::Dialling { atd: Sent::InFlight, progress: Progress::None, rung, .. } => {
                // Of the caller who rang; or of the call before; or ours, faster than its OK. The list tells.
                if !std::mem::take(rung) {
                    self.doubt = Some(end);
                }
            }
            _ => self.finish(end),
        }
    }

    /// Who ended it, by what the stick says and what we did.
    fn judged(&self, end: End) -> End {
        let connected = matches!(self.state, State::Talking { .. });
        let by = match (&self.state, end.cause, end.status) {
            (State::HangingUp { end: ours, .. } | State::Refused { end: ours, .. }, ..) => {
                let seconds = if end.seconds == 0 { ours.seconds } else { end.seconds };
                return End { by: ours.by, seconds, cause: end.cause.or(ours.cause), ..end };
            }
            _ if self.doubt.is_some_and(|d| matches!(d.by, EndedBy::Refused(_))) && end.cause.is_none() => {
                self.doubt.map_or(EndedBy::Network, |d| d.by)
            }
            (.., Some(status)) if OUR_STATUS.contains(&status) => EndedBy::Us,
            (_, Some(cause), _) if FAR_CAUSES.contains(&cause) => EndedBy::Far,
            // Without a cause the likeliest.
            (_, None, _) if connected || self.incoming => EndedBy::Far,
            _ => EndedBy::Network,
        };
        let cause = end.cause.or_else(|| self.doubt.and_then(|d| d.cause));
        End { by, cause, ..end }
    }

    /// `NO CARRIER`, `BUSY` and so on between the commands: instead of `^CEND`, beside it, or of another call.
    fn on_released(&mut self, result: Final) {
        if matches!(self.state, State::Idle | State::HangingUp { .. } | State::Dialling { atd: Sent::No, .. })
        {
            return;
        }
        let dialled = matches!(self.state, State::Dialling { .. } | State::Refused { .. });
        let by = if dialled { EndedBy::Refused(result) } else { EndedBy::Far };
        self.doubt = Some(End { cause: cause_of(result), ..End::bare(by) });
        self.want_list = true;
    }
}
