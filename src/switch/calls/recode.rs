//! Two SIP legs that share no codec: each has one of ours, and what one says is transcoded for the other.
//!
//! That is the last resort. Who is called is offered what the caller has; only when it refuses that (488) it is called once more with
//! all codecs that it may have. A new offer in the call takes the other side's codec where it can.
use super::leg::codec;
use super::reach::narrow_first;
use super::{Call, CallId, End, SipLeg, State};
use crate::media::Plan;
use crate::switch::Switch;
use crate::util::MEDIA;
use crate::util::limits::{CARRIED_FORMATS, RECEIVE_TYPES};
use crate::util::time::Now;
use crate::wire::sdp::carry::{Peer, transcoding};
use crate::wire::sdp::{self, Codec};

/// What is done with the sound of `from`, to whom we said `from_ours`, before `to`, whose leg is `target`, gets it.
pub(super) fn plan(
    from: &Peer<'_>,
    from_ours: &sdp::Session,
    to: &Peer<'_>,
    target: &SipLeg,
) -> Option<Plan> {
    let found = transcoding(from, from_ours, to, &target.codecs)?;
    Some(Plan {
        sound: found.sound.into_iter().map(|(pt, of)| (pt, codec(of))).take(RECEIVE_TYPES).collect(),
        codec: codec(found.codec),
        payload_type: found.payload_type,
        ptime_ms: target.agreed.as_ref().map_or(20, |agreed| agreed.ptime_ms),
        passed: found.passed.into_iter().take(CARRIED_FORMATS).collect(),
        reserve: found.reserve,
    })
}

impl Call {
    /// Both sides have a codec of ours.
    pub(super) fn can_recode(&self) -> bool {
        let has = |side: &super::Side| side.leg.sip().is_some_and(|leg| leg.agreed.is_some());
        MEDIA && self.b.len() == 1 && self.sides().all(has)
    }
}

impl Switch {
    /// Who is called may answer with another codec than the caller's.
    pub(super) fn recodes(&self, id: CallId) -> bool {
        MEDIA && self.calls.all.get(&id).is_some_and(|call| call.recodes)
    }

    /// 488: who is called has nothing of what the caller has. Once more, with all that it may have. False: that was so already, others
    /// ring, or the caller has nothing of ours.
    pub(super) fn call_recoded(&mut self, id: CallId, end: End, now: Now) -> bool {
        let caller = self.caller_side(id).and_then(|side| side.leg.sip());
        let has_ours = caller.is_some_and(|leg| !super::sound::caller_codecs(leg).is_empty());
        let Some(call) = self.calls.all.get_mut(&id).filter(|_| MEDIA && has_ours) else { return false };
        let (1, End::B(at)) = (call.b.len(), end) else { return false };
        let silent = call.b.get(at).is_some_and(|side| side.state == State::Begun);
        if call.recodes || !silent {
            return false;
        }
        let Some(step) = call.trying.take() else { return false };
        call.recodes = true;
        call.ways.push_front(step);
        let side = call.b.remove(at);
        log::debug!("call {}: {} has no codec of the caller's, once more", id.0, side.party.logged());
        self.forget_side(&side);
        self.release_unused_of(id, &side);
        self.next_way(id, now);
        true
    }

    /// The sides do not understand each other, and are transcoded.
    pub(super) fn is_recoded(&self, id: CallId) -> bool {
        let Some(call) = self.calls.all.get(&id).filter(|call| call.can_recode()) else { return false };
        let Some((one, two)) = call.a.leg.sip().zip(call.b.first().and_then(|b| b.leg.sip())) else {
            return false;
        };
        let (Some(a), Some(b)) = (one.said(), two.said()) else { return false };
        let (ports_a, ports_b) = (one.ports(), two.ports());
        one.settled(&a, &ports_a).zip(two.settled(&b, &ports_b)).is_some_and(|(a, b)| !a.has_sound_of(&b))
    }

    /// A new offer that has the codec that this side has now, and not the other one's: nobody else need hear of it.
    pub(super) fn goes_on_recoded(&self, id: CallId, end: End, offer: &sdp::Session) -> bool {
        let Some(call) = self.calls.all.get(&id) else { return false };
        let agreed = |end| call.side(end).and_then(|side| side.leg.sip()).and_then(|leg| leg.agreed.as_ref());
        let has = |end| agreed(end).is_some_and(|a: &sdp::Agreed| sdp::usable(offer, &[a.codec]).is_ok());
        has(end) && !has(super::carry::other(end))
    }

    /// Which codecs a new offer of this side is answered with: the other side's, else the one that it had, else any of `all`.
    pub(super) fn codecs_for_answer(
        &self,
        id: CallId,
        end: End,
        offer: &sdp::Session,
        all: &[Codec],
    ) -> Vec<Codec> {
        let call = self.calls.all.get(&id);
        let now = |end| {
            let leg = call.and_then(|call| call.side(end)).and_then(|side| side.leg.sip());
            leg.and_then(|leg| leg.agreed.as_ref()).map(|agreed| agreed.codec)
        };
        let wanted = [now(super::carry::other(end)), now(end)];
        let fits = |codec: &Codec| all.contains(codec) && sdp::usable(offer, &[*codec]).is_ok();
        wanted.into_iter().flatten().find(fits).map_or_else(|| all.to_vec(), |codec| vec![codec])
    }

    /// A stick is called: the caller is answered with telephone sound, if it has that.
    pub(super) fn narrow_caller(&mut self, id: CallId) {
        let Some(side) = self.caller_side(id).filter(|side| MEDIA && side.state == State::Begun) else {
            return;
        };
        let codecs = side.leg.sip().map(super::sound::caller_codecs).unwrap_or_default();
        let is_narrow = codecs.first().is_none_or(|codec| codec.is_narrow());
        if let Some(codec) = narrow_first(&codecs).first().filter(|codec| !is_narrow && codec.is_narrow()) {
            self.settle_caller(id, *codec);
        }
    }
}
