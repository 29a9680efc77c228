//! Keys of a call: who is told of them, and how. INFO both ways; what comes and goes in RTP is the media's.
use super::carry::other;
use super::leg::codec;
use super::sound::{relay_side, seed};
use super::{CallId, End, Media, SipLeg};
use crate::media::digits::between::Plan;
use crate::media::digits::teller::By;
use crate::sip::{ClientId, SessionId};
use crate::switch::Switch;
use crate::util::MEDIA;
use crate::util::limits::TONES_WAITING;
use crate::util::time::Now;
use crate::wire::dtmf::{self, Dtmf, Key};
use crate::wire::sdp::Session;
use crate::wire::sdp::carry::{Peer, types};
use crate::wire::sdp::keys::key_types;
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
        let plan = if MEDIA { self.plan_from(id, end) } else { None };
        match (self.calls.all.get_mut(&id).map(|call| &mut call.media), plan) {
            (Some(Media::Gateway(gateway)), _) => gateway.press(key.digit, now.mono),
            (Some(Media::Relay(relay)), Some(plan)) if MEDIA => {
                relay.press(relay_side(end), key, plan, seed(&mut self.random), now.mono);
            }
            _ => {}
        }
        self.pump(id, now);
    }

    /// What is done with the keys of this side of a call between two SIP legs.
    fn plan_from(&self, id: CallId, end: End) -> Option<Plan> {
        let call = self.calls.all.get(&id)?;
        let (from, to) = (call.side(end)?.leg.sip()?, call.side(other(end))?.leg.sip()?);
        plan((from, &*from.said()?), (to, &*to.said()?))
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
        if !MEDIA {
            return self.agreed.as_ref().is_some_and(|agreed| agreed.event_receive.is_some());
        }
        let (ours, said) = (self.ours.as_ref(), self.said());
        let types = ours.zip(said).and_then(|(ours, said)| key_types(ours, &said, self.port));
        types.is_some_and(|types| !types.receive.is_empty())
    }
}

/// What is done with the keys of one SIP leg for another, each beside what its peer said last. `None`: there is no sound.
pub(super) fn plan((from, said): (&SipLeg, &Session), (to, told): (&SipLeg, &Session)) -> Option<Plan> {
    let (ours, ours_to) = (from.ours.as_ref()?, to.ours.as_ref()?);
    let (own, others) = (key_types(ours, said, from.port)?, key_types(ours_to, told, to.port)?);
    let by_event = others.send.map(|(payload_type, hz)| By::Event {
        payload_type,
        per_ms: u16::try_from(hz / 1_000).unwrap_or(8).max(1),
    });
    let by_sound = others.sound.map(|(payload_type, sound)| By::Sound { payload_type, codec: codec(sound) });
    let by = match to.dtmf {
        Dtmf::Auto => by_event.or(by_sound),
        Dtmf::Rtp => by_event,
        Dtmf::Info => Some(By::Info),
        Dtmf::InBand => by_sound.or(by_event),
    };
    let by = by.unwrap_or(By::Nothing);
    let may_sound = from.dtmf.may_sound(!own.receive.is_empty());
    // Where a key may be told in two ways, each of them is looked at.
    let one_way = matches!(from.dtmf, Dtmf::Auto | Dtmf::Rtp) && matches!(by, By::Event { .. });
    let ports = to.ports();
    let through = types(ours, from.port, &Peer::settled(told, ours_to, &ports), 0).0;
    let goes = |event: &u8| one_way && through.iter().any(|(pt, _)| pt == event);
    let sounds = own.sounds.iter().filter(|_| may_sound).map(|(pt, sound)| (*pt, codec(*sound)));
    let events = own.receive.iter().copied().filter(|event| !goes(event));
    Some(Plan { events: events.collect(), sounds: sounds.collect(), by })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::{Flow, Transport};
    use crate::wire::sdp::secure::Policy;
    use crate::wire::sip::Uri;

    /// With G.711 and, if it has them, events under this number.
    fn description(port: u16, events: Option<u8>) -> Session {
        let (types, map) = events.map_or_else(Default::default, |n| {
            (format!(" {n}"), format!("a=rtpmap:{n} telephone-event/8000\r\n"))
        });
        let text = format!(
            "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 0{types}\r\n{map}"
        );
        Session::parse(text.as_bytes()).unwrap()
    }

    /// A leg that is told of keys in this way, and what its peer said.
    fn leg(dtmf: Dtmf, events: bool) -> (SipLeg, Session) {
        let at = "192.0.2.1:5060".parse().unwrap();
        let said = description(5_000, events.then_some(96));
        let leg = SipLeg {
            session: SessionId(1),
            flow: Flow { transport: Transport::Udp, id: 0, local: at, remote: at },
            port: 4_000,
            further: Vec::new(),
            contact: Uri::sip(None, "192.0.2.1", None),
            codecs: Vec::new(),
            offer: None,
            ours: Some(description(4_000, events.then_some(101))),
            agreed: None,
            before: None,
            theirs: None,
            carried: false,
            trunk: None,
            by_us: false,
            srtp: Policy::Off,
            dtmf,
            informing: None,
            secure: None,
        };
        (leg, said)
    }

    /// `.`: packets go through unseen, `e`: events are taken out, `t`: tones are listened to. Then how the other side is told.
    fn planned(from: (Dtmf, bool), to: (Dtmf, bool)) -> String {
        let ((from, said), (to, told)) = (leg(from.0, from.1), leg(to.0, to.1));
        let plan = plan((&from, &said), (&to, &told)).unwrap();
        let by = match plan.by {
            By::Event { payload_type: 96, per_ms: 8 } => "event",
            By::Sound { payload_type: 0, .. } => "tone",
            By::Info => "info",
            By::Nothing => "nothing",
            other => panic!("{other:?}"),
        };
        let sees = |mark, is_seen: bool| if plan.listens() && is_seen { mark } else { "" };
        let seen = format!("{}{}", sees("e", !plan.events.is_empty()), sees("t", !plan.sounds.is_empty()));
        format!("{}{by}", if seen.is_empty() { "." } else { &seen })
    }

    #[test]
    fn nothing_is_looked_at_that_goes_through_as_it_is() {
        use Dtmf::{Auto, InBand, Info, Rtp};
        let (yes, no) = (true, false);
        for (from, to, want) in [
            // As most calls are.
            ((Auto, yes), (Auto, yes), ".event"),
            ((Auto, no), (Auto, no), ".tone"),
            ((Rtp, yes), (Rtp, yes), ".event"),
            ((Auto, no), (InBand, yes), ".tone"),
            ((Rtp, no), (Auto, yes), ".event"),
            // What can't go through.
            ((Auto, yes), (Auto, no), "etone"),
            ((Auto, yes), (InBand, yes), "etone"),
            ((Auto, yes), (Info, yes), "einfo"),
            ((Auto, no), (Info, no), "tinfo"),
            ((Auto, no), (Auto, yes), "tevent"),
            // What may come in two ways.
            ((Info, yes), (Auto, yes), "eevent"),
            ((InBand, yes), (Auto, yes), "etevent"),
            ((Info, no), (Auto, yes), ".event"),
            // Nobody to tell.
            ((Auto, yes), (Rtp, no), ".nothing"),
        ] {
            assert_eq!(planned(from, to), want, "{from:?} {to:?}");
        }
    }
}
