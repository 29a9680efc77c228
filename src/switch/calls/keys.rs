//! Keys of a call: who is told of them, and how. INFO both ways; what comes and goes in RTP is the media's.
use super::{CallId, End, Media, SipLeg};
use crate::sip::{ClientId, SessionId};
use crate::switch::Switch;
use crate::util::limits::TONES_WAITING;
use crate::util::time::Now;
use crate::wire::dtmf::{self, Key};
use crate::wire::sip::{Message, Method};
use std::time::Duration;

/// What we say of a key's length before it has ended.
pub(super) const TOLD: Duration = Duration::from_millis(160);

/// Keys that one peer is told of by INFO: one after the other, for a later one that comes first makes the other too old (RFC 3261
/// section 12.2.2).
#[derive(Debug, Default)]
pub struct Informing {
    waiting: heapless::Deque<Key, TONES_WAITING>,
    is_asked: bool,
    /// The peer takes no INFO.
    is_refused: bool,
}

impl Switch {
    /// A key by INFO.
    pub(in crate::switch) fn on_session_info(&mut self, session: SessionId, key: Key, now: Now) {
        let Some((id, end)) = self.calls.of_session(session) else { return };
        let Some(leg) = self.sip_leg(id, end) else { return };
        if !leg.dtmf.may_inform(leg.has_events()) {
            return;
        }
        if let Some(Media::Gateway(gateway)) = self.calls.all.get_mut(&id).map(|call| &mut call.media) {
            gateway.press(key.digit, now.mono);
        }
        self.pump(id, now);
    }

    /// Tell this peer of a key.
    pub(super) fn inform(&mut self, leg: &mut SipLeg, key: Key, now: Now) {
        let informing = leg.informing.get_or_insert_default();
        if informing.is_refused || informing.waiting.push_back(key).is_err() {
            self.counters.digits_untold = self.counters.digits_untold.saturating_add(1);
        }
        self.inform_next(leg, now);
    }

    fn inform_next(&mut self, leg: &mut SipLeg, now: Now) {
        let session = leg.session;
        let Some(informing) = leg.informing.as_mut().filter(|informing| !informing.is_asked) else { return };
        let Some(key) = informing.waiting.pop_front() else { return };
        match self.sip.request_in(session, Method::Info, Vec::new(), Some(dtmf::write(key)), now.mono) {
            Ok(id) => {
                informing.is_asked = true;
                self.calls.infos.insert(id, session);
            }
            Err(_) => self.counters.digits_untold = self.counters.digits_untold.saturating_add(1),
        }
    }

    /// The answer to an INFO of ours, or that there is none. False: it is none of those.
    pub(in crate::switch) fn on_info_answer(
        &mut self,
        id: ClientId,
        answer: Option<(&Message, &Message)>,
        now: Now,
    ) -> bool {
        let Some(session) = self.calls.infos.get(&id).copied() else { return false };
        let status = answer.and_then(|(response, _)| response.status()).unwrap_or(408);
        if status < 200 {
            return true;
        }
        self.calls.infos.remove(&id);
        if let (401 | 407, Some((response, request))) = (status, answer)
            && let Some((name, value)) = self.challenge_answer(session, response, request)
            && let Ok(again) = self.sip.retry_in(session, request, name, &value, now.mono)
        {
            self.calls.infos.insert(again, session);
            return true;
        }
        let Some((call, end)) = self.calls.of_session(session) else { return true };
        if status >= 300 {
            self.on_info_refused(call, end, status);
        }
        let Some(mut call) = self.calls.all.remove(&call) else { return true };
        if let Some(leg) = call.side_mut(end).and_then(|side| side.leg.sip_mut()) {
            leg.informing.iter_mut().for_each(|informing| informing.is_asked = false);
            self.inform_next(leg, now);
        }
        self.calls.all.insert(call.id, call);
        true
    }

    fn on_info_refused(&mut self, id: CallId, end: End, status: u16) {
        self.counters.digits_untold = self.counters.digits_untold.saturating_add(1);
        let Some(side) = self.calls.all.get_mut(&id).and_then(|call| call.side_mut(end)) else { return };
        let who = side.party.logged();
        let Some(informing) = side.leg.sip_mut().and_then(|leg| leg.informing.as_mut()) else { return };
        // It knows no INFO, or not such a body: it won't the next time either.
        if matches!(status, 405 | 415 | 469 | 501) && !informing.is_refused {
            informing.is_refused = true;
            let lost = u64::try_from(informing.waiting.len()).unwrap_or(0);
            informing.waiting.clear();
            self.counters.digits_untold = self.counters.digits_untold.saturating_add(lost);
            log::warn!(
                "call {}: {who} takes no keys by INFO ({status}): set its option 'dtmf' to auto",
                id.0
            );
        }
    }
}

impl SipLeg {
    /// Telephone events may come from it.
    fn has_events(&self) -> bool {
        self.agreed.as_ref().is_some_and(|agreed| agreed.event_receive.is_some())
    }
}
