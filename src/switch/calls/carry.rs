//! What two phones have beyond our codecs: other codecs, video. Each hears from us what the other one wrote (`sdp::carry`), and what
//! they send goes through as it is.
//!
//! A new offer is answered by us where it asks for nothing that the other phone would have to know, as hold does. Else it is handed
//! on: the other phone gets an offer of ours, and its answer becomes ours.
use super::leg::direction;
use super::recode::plan;
use super::sound::{relay_side, seed};
use super::{Call, CallId, Cause, End, Media, Party, Side, SipLeg, State};
use crate::media::{Relay, Types, Way};
use crate::sip::{Flow, SessionId};
use crate::switch::Switch;
use crate::util::limits::CARRIED_STREAMS;
use crate::util::time::Now;
use crate::util::{MEDIA, OFFICE};
use crate::wire::sdp::carry::{
    Peer, codecs_at, pass_answer, pass_offer, pass_offer_and_plain, plain_offer, types,
};
use crate::wire::sdp::{self, Codec, Ours};

/// An offer that was handed on.
#[derive(Debug)]
pub struct Handed {
    /// Whose it is.
    from: End,
    offer: sdp::Session,
}

impl SipLeg {
    /// As both descriptions stand; `None` while one is missing.
    pub(super) fn settled<'a>(&'a self, said: &'a sdp::Session, ports: &'a [u16]) -> Option<Peer<'a>> {
        Some(Peer::settled(said, self.ours.as_ref()?, ports))
    }

    /// What may be put before another one: all that it said, for it can be asked again; but before its answer only what is left
    /// of its offer after ours.
    fn offering<'a>(&'a self, said: &'a sdp::Session, ports: &'a [u16], state: State) -> Option<Peer<'a>> {
        match state {
            State::Ringing { early: true } => self.settled(said, ports),
            State::Up => Some(Peer::offering(said, self.ours.as_ref(), ports)),
            State::Begun | State::Ringing { early: false } => Some(Peer::offering(said, None, ports)),
        }
    }

    fn origin(&self) -> Option<(u64, u64)> {
        self.ours.as_ref().map(|o| (o.origin.session_id, o.origin.version.saturating_add(1)))
    }
}

impl Side {
    /// Our answer is out, if only in a 183.
    const fn is_described(&self) -> bool {
        matches!(self.state, State::Up | State::Ringing { early: true })
    }

    const fn is_phone(&self) -> bool {
        matches!(self.party, Party::Extension { .. })
    }
}

impl Switch {
    /// Both sides are phones that said what they have.
    pub(super) fn is_between_phones(&self, id: CallId) -> bool {
        let described = |s: &Side| s.is_phone() && s.leg.sip().is_some_and(|leg| leg.theirs.is_some());
        self.calls.all.get(&id).is_some_and(|call| call.b.len() == 1 && call.sides().all(described))
    }

    /// The caller is a phone that said what it has: a phone that is called hears of all of it.
    pub(super) fn carries(&self, id: CallId) -> bool {
        let caller = self.caller_side(id).filter(|_| OFFICE);
        caller.is_some_and(|side| side.is_phone() && side.leg.sip().is_some_and(|leg| leg.theirs.is_some()))
    }

    /// Ports for the caller's further streams, as many as there are, and as many for who is called.
    pub(super) fn further_ports(&mut self, id: CallId) -> Vec<u16> {
        let Some(side) = self.caller_side(id) else { return Vec::new() };
        let (answered, leg) = (side.is_described(), side.leg.sip());
        let Some(leg) = leg else { return Vec::new() };
        let (session, has) = (leg.session, leg.further.len());
        let wanted = match leg.said() {
            Some(said) if !answered => Peer::further(&said),
            _ => has,
        };
        let owner = self.calls.sessions.get(&session).copied();
        let missing = wanted.saturating_sub(has);
        let added = owner.map(|owner| self.take_ports(owner, missing)).unwrap_or_default();
        if let Some((owner, end)) = self.calls.of_session(session)
            && let Some(leg) = self.sip_leg(owner, end)
        {
            leg.further.extend(added);
        }
        let count = self.caller_side(id).and_then(|s| s.leg.sip()).map_or(0, |leg| leg.further.len());
        self.take_ports(id, count)
    }

    /// As many of them as there are.
    fn take_ports(&mut self, id: CallId, count: usize) -> Vec<u16> {
        let ports: Vec<u16> = std::iter::from_fn(|| self.allocate_rtp()).take(count).collect();
        for port in &ports {
            self.calls.ports.insert(*port, id);
        }
        ports
    }

    /// What the caller has, as an offer to a phone with these codecs.
    pub(super) fn carried_offer(
        &mut self,
        id: CallId,
        flow: Flow,
        ports: &[u16],
        codecs: &[Codec],
    ) -> Result<sdp::Session, Cause> {
        let mut ours = self.ours(flow, ports.first().copied().unwrap_or(0), codecs);
        let side = self.caller_side(id).ok_or(Cause::NO_ROUTE)?;
        let leg = side.leg.sip().ok_or(Cause::INCOMPATIBLE)?;
        ours.codecs.retain(|codec| leg.codecs.contains(codec));
        let said = leg.said().ok_or(Cause::INCOMPATIBLE)?;
        let theirs = leg.ports();
        let from = leg.offering(&said, &theirs, side.state).ok_or(Cause::INCOMPATIBLE)?;
        // What it answered once is not all that it has.
        let plain: &[Codec] = if side.state == State::Up { &ours.codecs } else { &[] };
        let can_recode = MEDIA && leg.agreed.is_some();
        let plain = if can_recode && self.recodes(id) { codecs } else { plain };
        match pass_offer_and_plain(&from, ports, &ours, plain) {
            Err(_) if can_recode => pass_offer_and_plain(&from, ports, &ours, codecs),
            offer => offer,
        }
        .map_err(|_| Cause::INCOMPATIBLE)
    }

    /// The caller is answered with what the called phone has answered. False: there is nothing that it could be answered with.
    pub(super) fn carry_answer(&mut self, id: CallId, end: End) -> bool {
        let Some(call) = self.calls.all.get(&id) else { return false };
        let Some(to) = call.a.leg.sip().filter(|leg| !leg.by_us) else { return true };
        let (Some(offer), Some(from)) = (&to.offer, call.side(end).and_then(|s| s.leg.sip())) else {
            return true;
        };
        let offer = offer.clone();
        let (flow, port, codecs, before) = (to.flow, to.port, to.codecs.clone(), to.origin());
        let Some(said) = from.said().map(std::borrow::Cow::into_owned) else { return false };
        let mut ours = self.ours(flow, port, &codecs);
        if let Some((session_id, _)) = before {
            ours.session_id = session_id;
        }
        let Some(call) = self.calls.all.get_mut(&id) else { return false };
        let Some(from) = call.side(end).and_then(|s| s.leg.sip()) else { return false };
        let (to_ports, from_ports) = (call.a.leg.sip().map(SipLeg::ports).unwrap_or_default(), from.ports());
        let Some(from) = from.settled(&said, &from_ports) else { return false };
        let Ok(answer) = pass_answer(&Peer::offering(&offer, None, &to_ports), &from, &ours) else {
            // They share nothing: each has the codec of ours that it was told of, if there is one.
            return call.can_recode();
        };
        if let Some(leg) = call.a.leg.sip_mut() {
            leg.describe(answer, &offer);
        }
        true
    }

    /// Tell the relays where this side is, and both of what comes from the other one.
    pub(super) fn tell_relays(&mut self, id: CallId, end: End, now: Now) {
        let Some(call) = self.calls.all.get_mut(&id) else { return };
        let other = match end {
            End::A => End::B(0),
            End::B(_) => End::A,
        };
        let Call { a, b, media, further, .. } = &mut **call;
        let Media::Relay(relay) = media else { return };
        let leg_of = |end| match end {
            End::A => a.leg.sip(),
            End::B(at) => b.get(at).and_then(|s| s.leg.sip()),
        };
        let (Some(own), two) = (leg_of(end), leg_of(other)) else { return };
        let (said, said_two) = (own.said(), two.and_then(SipLeg::said));
        let (ports, ports_two) = (own.ports(), two.map(SipLeg::ports).unwrap_or_default());
        let Some(peer) = said.as_deref().and_then(|said| own.settled(said, &ports)) else { return };
        let peer_two = said_two.as_deref().zip(two).and_then(|(said, leg)| leg.settled(said, &ports_two));
        further.resize_with(ports.len().min(ports_two.len()).saturating_sub(1), Relay::new);
        for (slot, relay) in std::iter::once(&mut **relay).chain(further).enumerate() {
            match peer.way(slot) {
                Some(stream) => {
                    let symmetric = own.is_symmetric(stream.remote);
                    let way =
                        Way { remote: stream.remote, direction: direction(stream.direction), symmetric };
                    relay.set_remote(relay_side(end), way, now.mono);
                }
                None => relay.forget(relay_side(end)),
            }
            let Some(peer_two) = &peer_two else { continue };
            for (side, from, from_ports, to) in
                [(end, Some(own), &ports, peer_two), (other, two, &ports_two, &peer)]
            {
                let from = from.and_then(|leg| leg.ours.as_ref()).zip(from_ports.get(slot));
                let Some((ours, port)) = from else { continue };
                let (pairs, per_ms) = types(ours, *port, to, slot);
                relay.set_types(relay_side(side), Types::new(&pairs, per_ms));
                if MEDIA && slot == 0 {
                    let (from, target) = if side == end { (&peer, two) } else { (peer_two, Some(own)) };
                    relay.set_plan(relay_side(side), target.and_then(|target| plan(from, ours, to, target)));
                }
            }
            if let (true, Some(two), Some(said), Some(said_two)) =
                (MEDIA && slot == 0, two, said.as_deref(), said_two.as_deref())
            {
                for (side, from, to) in
                    [(end, (own, said), (two, said_two)), (other, (two, said_two), (own, said))]
                {
                    if let Some(plan) = super::keys::plan(from, to) {
                        relay.set_keys(relay_side(side), plan, || seed(&mut self.random));
                    }
                }
            }
        }
    }

    /// A new offer in a call between two phones. `None`: it was handed on, and the answer comes later.
    pub(super) fn take_carried_offer(
        &mut self,
        id: CallId,
        end: End,
        body: Option<&[u8]>,
        now: Now,
    ) -> Option<Result<Vec<u8>, u16>> {
        let recoded = MEDIA && self.is_recoded(id);
        let Some(body) = body else {
            let offer = if recoded {
                self.answer_plain(id, end, None, now)
            } else {
                self.offer_as_it_stands(id, end)
            };
            return Some(offer);
        };
        let Ok(offer) = sdp::Session::parse(body) else { return Some(Err(488)) };
        if recoded && self.goes_on_recoded(id, end, &offer) {
            return Some(self.answer_plain(id, end, Some(body), now));
        }
        let told = self.calls.all.get(&id).and_then(|c| c.side(other(end))).and_then(|s| s.leg.sip());
        let asks = |told: &SipLeg| {
            let (said, ports) = (told.said()?, told.ports());
            let other = told.settled(&said, &ports)?;
            let own = self.calls.all.get(&id)?.side(end)?.leg.sip()?;
            // Ports that it would get: their numbers don't matter yet.
            let mut places = own.ports();
            places.extend((1..).take(Peer::further(&offer).saturating_sub(own.further.len())));
            let peer = Peer::offering(&offer, own.ours.as_ref(), &places);
            Some(peer.asks_for_more(&other, told.ours.as_ref()?) || !peer.has_sound_of(&other))
        };
        match told.map(asks) {
            Some(Some(true)) => match self.hand_on(id, end, &offer, now) {
                Ok(()) => None,
                Err(488) if MEDIA => Some(self.answer_plain(id, end, Some(body), now)),
                Err(status) => Some(Err(status)),
            },
            Some(Some(false)) => Some(self.answer_as_it_stands(id, end, &offer, body, now)),
            _ => Some(Err(488)),
        }
    }

    /// It wants our offer: what the other phone has.
    fn offer_as_it_stands(&mut self, id: CallId, end: End) -> Result<Vec<u8>, u16> {
        let (ours, last, ports) = self.next_words(id, end).ok_or(488_u16)?;
        let call = self.calls.all.get(&id).ok_or(481_u16)?;
        let leg = call.side(other(end)).and_then(|s| s.leg.sip()).ok_or(488_u16)?;
        let said = leg.said().ok_or(488_u16)?;
        let theirs = leg.ports();
        let from = leg.settled(&said, &theirs).ok_or(488_u16)?;
        let offer = pass_offer(&from, Some(&last), &ports, &ours).map_err(sdp::Unacceptable::status)?;
        let leg = self.sip_leg(id, end).ok_or(481_u16)?;
        let text = leg.offer_text(&offer);
        leg.ours = Some(offer);
        leg.carried = true;
        Ok(text)
    }

    /// The other phone need not hear of it.
    fn answer_as_it_stands(
        &mut self,
        id: CallId,
        end: End,
        offer: &sdp::Session,
        body: &[u8],
        now: Now,
    ) -> Result<Vec<u8>, u16> {
        let (ours, last, ports) = self.next_words(id, end).ok_or(488_u16)?;
        let call = self.calls.all.get(&id).ok_or(481_u16)?;
        let leg = call.side(other(end)).and_then(|s| s.leg.sip()).ok_or(488_u16)?;
        let said = leg.said().ok_or(488_u16)?;
        let theirs = leg.ports();
        let from = leg.settled(&said, &theirs).ok_or(488_u16)?;
        let to = Peer::offering(offer, Some(&last), &ports);
        let answer = pass_answer(&to, &from, &ours).map_err(sdp::Unacceptable::status)?;
        let leg = self.sip_leg(id, end).ok_or(481_u16)?;
        let text = leg.answer_text(&answer);
        leg.describe(answer, offer);
        leg.theirs = Some(body.into());
        self.set_remote(id, end, now);
        Ok(text)
    }

    /// Our next description for this side: whose it is, what stood in the last one, our ports.
    fn next_words(&mut self, id: CallId, end: End) -> Option<(Ours, sdp::Session, Vec<u16>)> {
        let leg = self.sip_leg(id, end)?;
        let (flow, port, codecs, ports) = (leg.flow, leg.port, leg.codecs.clone(), leg.ports());
        let (last, (session_id, version)) = (leg.ours.clone()?, leg.origin()?);
        Some((Ours { session_id, version, ..self.ours(flow, port, &codecs) }, last, ports))
    }

    /// The other phone is asked before this one is answered. The error: the status to refuse with.
    fn hand_on(&mut self, id: CallId, end: End, offer: &sdp::Session, now: Now) -> Result<(), u16> {
        let two = other(end);
        let call = self.calls.all.get(&id).ok_or(481_u16)?;
        if call.handed.is_some() || call.side(two).is_none_or(|s| s.state != State::Up) {
            return Err(491);
        }
        let wanted = Peer::further(offer).min(CARRIED_STREAMS);
        for side in [end, two] {
            let has = self.sip_leg(id, side).map_or(0, |leg| leg.further.len());
            let added = self.take_ports(id, wanted.saturating_sub(has));
            if let Some(leg) = self.sip_leg(id, side) {
                leg.further.extend(added);
            }
        }
        let (mut ours, before, ports) = self.next_words(id, two).ok_or(488_u16)?;
        let leg = self.sip_leg(id, end).ok_or(481_u16)?;
        ours.codecs.retain(|codec| leg.codecs.contains(codec));
        let places = leg.ports();
        let from = Peer::offering(offer, leg.ours.as_ref(), &places);
        let passed = pass_offer(&from, Some(&before), &ports, &ours).map_err(sdp::Unacceptable::status)?;
        if !self.propose(id, two, passed, now) {
            return Err(491);
        }
        if let Some(leg) = self.sip_leg(id, two) {
            leg.carried = true;
        }
        if let Some(call) = self.calls.all.get_mut(&id) {
            call.handed = Some(Box::new(Handed { from: end, offer: offer.clone() }));
        }
        Ok(())
    }

    /// Two that were put together. Rather than to transcode for good, who does not fit the other gets an offer, this side first.
    pub(super) fn align(&mut self, id: CallId, end: End, now: Now) {
        let Some(call) = self.calls.all.get(&id) else { return };
        if call.handed.is_some() {
            return;
        }
        let leg_of = |end| call.side(end).and_then(|s| s.leg.sip());
        let two = other(end);
        let (own, their) = (leg_of(end), leg_of(two));
        let offer = match (own, their) {
            (Some(own), Some(their)) => {
                let (Some(a), Some(b)) = (own.said(), their.said()) else { return };
                let (ports_a, ports_b) = (own.ports(), their.ports());
                let (Some(one), Some(their_words)) = (own.settled(&a, &ports_a), their.settled(&b, &ports_b))
                else {
                    return;
                };
                if one.fits(&their_words) {
                    return;
                }
                // Rather whoever has said that it has what the other one uses.
                let can = Peer::offering(&a, own.ours.as_ref(), &ports_a).has_sound_of(&their_words);
                let other_can = Peer::offering(&b, their.ours.as_ref(), &ports_b).has_sound_of(&one);
                let between_phones = OFFICE && self.is_between_phones(id);
                let swap = if between_phones { !can && other_can } else { !own.carried && their.carried };
                if swap {
                    return self.align(id, two, now);
                }
                // Nobody has said that it has anything of the other one's: it is transcoded.
                if MEDIA && !can && !other_can && call.can_recode() {
                    return;
                }
                if between_phones { self.offer_of_other(id, end) } else { self.plain_offer_of_other(id, end) }
            }
            (Some(own), None) if own.carried && call.is_by_modem() => self.plain_offer_of_other(id, end),
            (None, Some(their)) if their.carried && call.is_by_modem() => return self.align(id, two, now),
            _ => return,
        };
        if let Some(offer) = offer {
            self.propose(id, end, offer, now);
        }
    }

    /// Our re-INVITE. False: another offer is under way.
    pub(super) fn propose(&mut self, id: CallId, end: End, offer: sdp::Session, now: Now) -> bool {
        let Some(leg) = self.sip_leg(id, end) else { return false };
        let (session, text) = (leg.session, leg.offer_text(&offer));
        if !self.sip.reinvite(session, text, now.mono) {
            return false;
        }
        if let Some(leg) = self.sip_leg(id, end) {
            leg.before = leg.ours.replace(offer).map(Box::new);
        }
        true
    }

    /// What the other phone has now.
    fn offer_of_other(&mut self, id: CallId, end: End) -> Option<sdp::Session> {
        let wanted = self.sip_leg(id, other(end))?.further.len();
        let has = self.sip_leg(id, end)?.further.len();
        let added = self.take_ports(id, wanted.saturating_sub(has));
        let leg = self.sip_leg(id, end)?;
        leg.further.extend(added);
        leg.carried = true;
        let (ours, last, mut ports) = self.next_words(id, end)?;
        ports.truncate(wanted.saturating_add(1));
        let leg = self.calls.all.get(&id)?.side(other(end))?.leg.sip()?;
        let (said, theirs) = (leg.said()?, leg.ports());
        pass_offer(&leg.settled(&said, &theirs)?, Some(&last), &ports, &ours).ok()
    }

    /// G.711: the codec of the other side, or all that this one may have where the other is a stick.
    fn plain_offer_of_other(&mut self, id: CallId, end: End) -> Option<sdp::Session> {
        let codec = self.sip_leg(id, other(end)).and_then(|l| l.agreed.as_ref()).map(|a| a.codec);
        let (mut ours, last, _) = self.next_words(id, end)?;
        if let Some(codec) = codec {
            ours.codecs = vec![codec];
        }
        self.sip_leg(id, end)?.carried = false;
        Some(plain_offer(&ours, &last))
    }

    /// The answer to a re-INVITE of ours.
    pub(in crate::switch) fn on_session_answer(&mut self, session: SessionId, sdp: Option<&[u8]>, now: Now) {
        let Some((id, end)) = self.calls.of_session(session) else { return };
        if self.on_handed_answer(id, end, sdp, now) {
            return;
        }
        if self.take_answer(id, end, sdp) {
            self.set_remote(id, end, now);
            // It may have taken less than it was offered.
            if matches!(end, End::B(_)) && self.is_between_phones(id) {
                self.align(id, End::A, now);
            }
            self.drop_unused_streams(id);
        }
    }

    /// It was refused: the other side may have the codec.
    pub(in crate::switch) fn on_session_offer_refused(&mut self, session: SessionId, now: Now) {
        let Some((id, end)) = self.calls.of_session(session) else { return };
        if let Some(leg) = self.sip_leg(id, end)
            && let Some(before) = leg.before.take()
        {
            leg.ours = Some(*before);
        }
        if self.on_handed_refused(id, end, now) {
            return;
        }
        match end {
            End::B(_) => self.align(id, End::A, now),
            End::A if self.is_deaf(id) => self.on_unusable_answer(id, now),
            End::A => {}
        }
    }

    /// Its sides don't understand each other.
    fn is_deaf(&self, id: CallId) -> bool {
        let Some(call) = self.calls.all.get(&id) else { return false };
        let Some((one, two)) = call.a.leg.sip().zip(call.b.first().and_then(|b| b.leg.sip())) else {
            return false;
        };
        let (Some(a), Some(b)) = (one.said(), two.said()) else { return false };
        let (ports_a, ports_b) = (one.ports(), two.ports());
        match one.settled(&a, &ports_a).zip(two.settled(&b, &ports_b)) {
            Some((a, b)) => !a.has_sound_of(&b) && !call.can_recode(),
            None => false,
        }
    }

    /// The answer to what was handed on. False: nothing was.
    pub(super) fn on_handed_answer(&mut self, id: CallId, end: End, body: Option<&[u8]>, now: Now) -> bool {
        let Some(handed) = self.take_handed(id, end) else { return false };
        let is_usable = self.take_answer(id, end, body);
        self.answer_handed(id, &handed, is_usable, now);
        self.drop_unused_streams(id);
        self.set_remote(id, End::A, now);
        self.set_remote(id, End::B(0), now);
        true
    }

    /// The other phone does not want it. What it knew before goes on, and may be enough. False: nothing was handed on.
    pub(super) fn on_handed_refused(&mut self, id: CallId, end: End, now: Now) -> bool {
        let Some(handed) = self.take_handed(id, end) else { return false };
        self.answer_handed(id, &handed, true, now);
        self.drop_unused_streams(id);
        true
    }

    fn take_handed(&mut self, id: CallId, answered: End) -> Option<Box<Handed>> {
        let call = self.calls.all.get_mut(&id)?;
        call.handed.take_if(|handed| other(handed.from) == answered)
    }

    fn answer_handed(&mut self, id: CallId, handed: &Handed, is_usable: bool, now: Now) {
        let Some(session) = self.sip_leg(id, handed.from).map(|leg| leg.session) else { return };
        let body = handed.offer.to_string().into_bytes();
        let answer = if is_usable {
            self.answer_as_it_stands(id, handed.from, &handed.offer, &body, now)
        } else {
            Err(488)
        };
        let answer = match answer {
            Err(_) if MEDIA && is_usable => self.answer_plain(id, handed.from, Some(&body), now),
            answer => answer,
        };
        match answer {
            Ok(answer) => self.sip.answer(session, answer, now.mono),
            Err(status) => self.sip.refuse(session, status, now.mono),
        }
    }

    /// Ports of streams that neither side has any more.
    fn drop_unused_streams(&mut self, id: CallId) {
        let Some(call) = self.calls.all.get_mut(&id) else { return };
        let mut dropped = Vec::new();
        let has = |side: &Side, slot: usize| {
            side.leg.sip().is_some_and(|leg| {
                let port = leg.ports().get(slot).copied();
                leg.ours.as_ref().is_some_and(|o| o.media.iter().any(|m| Some(m.port) == port))
            })
        };
        let count = call.sides().filter_map(|s| s.leg.sip()).map(|l| l.further.len()).max().unwrap_or(0);
        for slot in (1..=count).rev() {
            if call.sides().any(|side| has(side, slot)) {
                continue;
            }
            let at = slot.saturating_sub(1);
            for side in std::iter::once(&mut call.a).chain(&mut call.b) {
                if let Some(leg) = side.leg.sip_mut().filter(|leg| at < leg.further.len()) {
                    dropped.push(leg.further.remove(at));
                }
            }
            if at < call.further.len() {
                call.further.remove(at);
            }
        }
        for port in dropped {
            self.release_unused(id, port);
        }
    }
}

impl Call {
    fn is_by_modem(&self) -> bool {
        self.sides().any(|side| side.leg.line().is_some())
    }
}

impl SipLeg {
    /// What we answered to this offer.
    pub(super) fn describe(&mut self, answer: sdp::Session, offer: &sdp::Session) {
        let mut codecs = codecs_at(&answer, self.port);
        codecs.retain(|codec| self.codecs.contains(codec));
        let agreed = sdp::usable(offer, &codecs).ok();
        self.carried = agreed.is_none();
        if agreed.is_some() {
            self.agreed = agreed;
        }
        self.ours = Some(answer);
    }
}

pub(super) const fn other(end: End) -> End {
    match end {
        End::A => End::B(0),
        End::B(_) => End::A,
    }
}
