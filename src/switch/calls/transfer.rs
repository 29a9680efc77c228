//! Transfer: RFC 3515 and RFC 3891. The switch joins the sides that stay by itself; no REFER goes any further.
//!
//! While what was dialled rings, the call of who transfers stays as it is. A second call has `Leg::Waiting` in the caller's place; with
//! its answer both become one, with its failure the first goes on. Who transfers may hang up before: then the one that stays waits there.
use super::carry::other;
use super::sound::{left_by, relay_side, seed};
use super::{Call, CallId, Cause, End, Leg, Media, Party, Phase, Side, State, Step};
use crate::config::tones::Kind;
use crate::media::{Direction, Relay};
use crate::sip::{RequestId, SessionId};
use crate::switch::Switch;
use crate::switch::route::{Caller, Decision, Leg as Way};
use crate::util::MEDIA;
use crate::util::pii::Pii;
use crate::util::time::Now;
use crate::wire::sip::{Address, Message, Method, Replaces, header, reason_phrase};

/// Who transfers, and wants to hear how it went.
#[derive(Clone, Copy, Debug)]
pub struct Referred {
    pub call: CallId,
    pub by: End,
    session: SessionId,
    /// Not where `Refer-Sub: false` (RFC 4488).
    notify: bool,
}

/// What a REFER asks for.
enum Order {
    Dial { number: String, ways: Vec<Way> },
    Join { other: CallId, end: End },
}

impl Switch {
    pub(in crate::switch) fn on_refer(
        &mut self,
        session: SessionId,
        id: RequestId,
        request: &Message,
        now: Now,
    ) {
        let order = self.check_refer(session, request, now);
        let status = order.as_ref().map_or_else(|status| *status, |_| 202);
        let mut response = self.sip.response_to(request, status);
        let silent = request.get("Refer-Sub").is_some_and(|v| v.trim().eq_ignore_ascii_case("false"));
        if silent {
            response.push("Refer-Sub", "false");
        }
        let found = self.calls.of_session(session);
        if let Some(leg) = found.and_then(|(call, by)| self.sip_leg(call, by)) {
            let contact = Address::new(leg.contact.clone()).to_string();
            response.push(header::CONTACT, contact);
        }
        self.sip.respond(id, response, now.mono);
        let (Ok(order), Some((call, by))) = (order, found) else { return };
        let referred = Referred { call, by, session, notify: !silent };
        self.notify_refer(referred, 100, now);
        match order {
            Order::Dial { number, ways } => self.transfer_to(referred, number, ways, now),
            Order::Join { other, end } => self.transfer_joined(referred, other, end, now),
        }
    }

    /// The status to refuse with: 403 who may not, 481 what is not there (any more).
    fn check_refer(&self, session: SessionId, request: &Message, now: Now) -> Result<Order, u16> {
        let (id, by) = self.calls.of_session(session).ok_or(481_u16)?;
        let call = self.calls.all.get(&id).ok_or(481_u16)?;
        let Some(Party::Extension { name }) = call.side(by).map(|s| &s.party) else { return Err(403) };
        if !matches!(call.phase, Phase::Up { .. }) || call.emergency {
            return Err(403);
        }
        if self.transfer_of(id).is_some() {
            return Err(491);
        }
        let mut targets = request.all(header::REFER_TO);
        let target = targets.next().filter(|_| targets.next().is_none()).ok_or(400_u16)?;
        let uri = Address::parse(target).ok_or(400_u16)?.uri;
        let Some(replaces) = uri.header(header::REPLACES) else {
            let number = uri.user_text().ok_or(404_u16)?;
            return match self.decide(Caller::Extension(name), &number, now) {
                Decision::Dial { legs: ways, .. } => Ok(Order::Dial { number, ways }),
                // Whoever wants help calls for it.
                Decision::Emergency { .. } => Err(403),
                Decision::Refused(_) => Err(404),
            };
        };
        let replaces = Replaces::parse(&replaces).ok_or(400_u16)?;
        let found = self.sip.find_dialog(&replaces.call_id, &replaces.to_tag, &replaces.from_tag);
        let (other, end) = found.and_then(|f| self.calls.of_session(f.session)).ok_or(481_u16)?;
        let two = self.calls.all.get(&other).filter(|_| other != id).ok_or(481_u16)?;
        let same = matches!(two.side(end).map(|s| &s.party), Some(Party::Extension { name: n }) if n == name);
        let usable = matches!(two.phase, Phase::Up { .. }) || end == End::A;
        if !same || !usable || two.emergency || two.referred.is_some() || self.transfer_of(other).is_some() {
            return Err(403);
        }
        // Samples of one stick into another would need a clock between them.
        let sticks = [call, two].iter().filter(|c| c.sides().any(|s| s.leg.line().is_some())).count();
        if sticks > 1 { Err(488) } else { Ok(Order::Join { other, end }) }
    }

    /// The call that rings somebody for who transfers this one.
    fn transfer_of(&self, id: CallId) -> Option<CallId> {
        self.calls.all.values().find(|c| c.referred.is_some_and(|r| r.call == id)).map(|c| c.id)
    }

    fn transfer_to(&mut self, referred: Referred, number: String, ways: Vec<Way>, now: Now) {
        let stays = self.calls.all.get(&referred.call).and_then(|c| c.side(other(referred.by)));
        let Some(party) = stays.map(|s| s.party.clone()) else { return };
        log::info!("call {}: {} is transferred to {}", referred.call.0, party.logged(), Pii(&number));
        let a = Side { party, leg: Leg::Waiting, state: State::Up };
        let Some(id) = self.begin_call(a, number, ways, false, now) else {
            return self.notify_refer(referred, 503, now);
        };
        if let Some(call) = self.calls.all.get_mut(&id) {
            call.referred = Some(referred);
        }
        self.next_way(id, now);
    }

    /// Both calls are of who transfers; the other one may still ring.
    fn transfer_joined(&mut self, referred: Referred, id: CallId, end: End, now: Now) {
        let is_up = self.calls.all.get(&id).is_some_and(|c| matches!(c.phase, Phase::Up { .. }));
        if is_up {
            self.notify_refer(referred, 200, now);
            return self.join(referred, id, Some(end), now);
        }
        let stays = self.calls.all.get(&referred.call).and_then(|c| c.side(other(referred.by)));
        let Some(party) = stays.map(|s| s.party.clone()) else { return };
        let Some(call) = self.calls.all.get_mut(&id) else { return };
        let gone = std::mem::replace(&mut call.a, Side { party, leg: Leg::Waiting, state: State::Up });
        call.referred = Some(referred);
        if let Media::Relay(_) = call.media {
            call.media = Media::None;
        }
        self.drop_side(&gone, now);
    }

    /// What was dialled for a transfer has answered.
    pub(super) fn finish_transfer(&mut self, id: CallId, now: Now) {
        let Some(referred) = self.calls.all.get_mut(&id).and_then(|c| c.referred.take()) else { return };
        self.notify_refer(referred, 200, now);
        self.join(referred, id, None, now);
    }

    /// Two calls become one, the first: without who transfers, and without its side of the second call.
    fn join(&mut self, referred: Referred, second: CallId, end: Option<End>, now: Now) {
        let (Some(mut one), Some(mut two)) =
            (self.calls.all.remove(&referred.call), self.calls.all.remove(&second))
        else {
            return;
        };
        self.drain_sound(&mut one, now);
        self.drain_sound(&mut two, now);
        self.note_end(&two, None, Cause::NORMAL, now);
        let id = one.id;
        let (a, gone) = part(&mut one, referred.by);
        let (b, also_gone) = part(&mut two, end.unwrap_or(End::A));
        self.drop_side(&gone, now);
        self.drop_side(&also_gone, now);
        let (media, voice_port) = match (one.media, two.media) {
            (media @ Media::Gateway(_), _) => (media, one.voice_port),
            (_, media @ Media::Gateway(_)) => (media, two.voice_port),
            (Media::None, Media::None) => (Media::None, None),
            (one, two) => {
                let relay = left_by(one, referred.by).joined(left_by(two, end.unwrap_or(End::A)));
                (Media::Relay(Box::new(relay)), None)
            }
        };
        log::info!("call {}: now between {} and {}", id.0, a.party.logged(), b.party.logged());
        self.note_side(id, &a);
        self.note_side(id, &b);
        let (b, dialled) = (vec![b], two.dialled);
        let joined =
            Call { a, b, media, voice_port, dialled, answered: Some(now), ..one_of(one.id, one.began) };
        self.calls.all.insert(id, Box::new(joined));
        if let Some(call) = self.calls.all.get_mut(&id) {
            call.enter(Phase::Up { since: now.mono });
        }
        self.start_gateway(id, now);
        self.set_remote(id, End::A, now);
        self.set_remote(id, End::B(0), now);
        self.align(id, End::B(0), now);
    }

    /// Who transfers has hung up before the answer: the one that stays waits for it. False: nothing is transferred.
    pub(super) fn leave_to_transfer(&mut self, id: CallId, by: End, now: Now) -> bool {
        let Some(next) = self.transfer_of(id) else { return false };
        let is_by = self.calls.all.get(&next).is_some_and(|c| c.referred.is_some_and(|r| r.by == by));
        if !is_by {
            return false;
        }
        let Some(mut one) = self.calls.all.remove(&id) else { return false };
        self.drain_sound(&mut one, now);
        self.note_end(&one, Some(by), Cause::NORMAL, now);
        let (a, gone) = part(&mut one, by);
        self.forget_side(&gone);
        // No sound for who is not there.
        let silent = gone.leg.sip().and_then(super::SipLeg::remote);
        if let (Media::Gateway(gateway), Some(remote)) = (&mut one.media, silent) {
            gateway.set_remote(crate::media::Remote { direction: Direction::Inactive, ..remote }, now.mono);
        }
        self.release_of(&gone);
        self.note_side(next, &a);
        if let Some(call) = self.calls.all.get_mut(&next) {
            call.a = a;
            call.referred = None;
            (call.media, call.voice_port) = match one.media {
                media @ Media::Gateway(_) => (media, one.voice_port),
                media @ Media::Relay(_) => {
                    (Media::Relay(Box::new(left_by(media, by).joined(Relay::new()))), None)
                }
                Media::None => (Media::None, None),
            };
        }
        self.start_gateway(next, now);
        if MEDIA {
            self.ring_waiting(next, now);
        }
        true
    }

    /// Nobody but us can tell the one that waits that it rings.
    fn ring_waiting(&mut self, id: CallId, now: Now) {
        let Some(tone) = self.tone(Kind::Ringing) else { return };
        let seed = seed(&mut self.random);
        let Some(call) = self.calls.all.get_mut(&id) else { return };
        let remote = call.a.leg.sip().and_then(super::SipLeg::remote);
        if let (Media::Relay(relay), Some(remote)) = (&mut call.media, remote) {
            relay.ring(relay_side(End::A), tone, &remote, seed, now.mono);
        }
    }

    /// How the transfer goes. RFC 3515 section 2.4.4: each NOTIFY says whether another one comes.
    pub(super) fn notify_refer(&mut self, referred: Referred, status: u16, now: Now) {
        if !referred.notify {
            return;
        }
        let state = if status < 200 { "active;expires=180" } else { "terminated;reason=noresource" };
        let headers = vec![
            (header::EVENT.to_owned(), "refer".to_owned()),
            (header::SUBSCRIPTION_STATE.to_owned(), state.to_owned()),
        ];
        let line = format!("SIP/2.0 {status} {}\r\n", reason_phrase(status));
        let body = ("message/sipfrag;version=2.0".to_owned(), line.into_bytes());
        // Who has hung up hears nothing more.
        let _ = self.sip.request_in(referred.session, Method::Notify, headers, Some(body), now.mono);
    }

    /// One side leaves a call that goes on.
    pub(super) fn drop_side(&mut self, side: &Side, now: Now) {
        self.hang_up(side, Cause::NORMAL, side.state == State::Up, None, now);
        self.forget_side(side);
        self.release_of(side);
    }

    fn release_of(&mut self, side: &Side) {
        for port in side.leg.sip().map(super::SipLeg::ports).unwrap_or_default() {
            if self.calls.ports.remove(&port).is_some() {
                self.release_rtp(port);
            }
        }
    }

    /// The caller, also where it waits in the call that is transferred.
    pub(super) fn caller_side(&self, id: CallId) -> Option<&Side> {
        let call = self.calls.all.get(&id)?;
        match call.referred {
            Some(referred) => self.calls.all.get(&referred.call)?.side(other(referred.by)),
            None => Some(&call.a),
        }
    }

    /// A call ends whose caller waits elsewhere, or one that waits for a transfer.
    pub(super) fn end_transfer(&mut self, call: &Call, cause: Cause, now: Now) {
        if let Some(referred) = call.referred {
            self.notify_refer(referred, cause.status(), now);
        }
        if let Some(next) = self.transfer_of(call.id) {
            self.end_call(next, None, cause, now);
        }
    }
}

/// The side that stays and the one that leaves, of a call that is up.
fn part(call: &mut Call, leaves: End) -> (Side, Side) {
    let waiting =
        || Side { party: Party::Nobody { dialled: String::new() }, leg: Leg::Waiting, state: State::Up };
    let mut a = std::mem::replace(&mut call.a, waiting());
    let mut b = if call.b.is_empty() { waiting() } else { call.b.swap_remove(0) };
    for side in [&mut a, &mut b] {
        if let Leg::Sip(leg) = &mut side.leg {
            // It is answered: what it offered once serves no more.
            leg.offer = None;
        }
    }
    if leaves == End::A { (b, a) } else { (a, b) }
}

/// A call without sides.
fn one_of(id: CallId, began: Now) -> Call {
    let nobody =
        Side { party: Party::Nobody { dialled: String::new() }, leg: Leg::Waiting, state: State::Up };
    Call::new(id, nobody, String::new(), Vec::<Step>::new().into(), false, began)
}
