//! A phone takes the place of another: INVITE with Replaces (RFC 3891), or the pickup code and the number of an extension that rings.
use super::sound::left_by;
use super::{CallId, Cause, End, Leg, Media, Party, Phase, Side, State};
use crate::sip::{Flow, SessionId};
use crate::switch::Switch;
use crate::switch::phones::Who;
use crate::util::time::Now;
use crate::util::{MEDIA, OFFICE};
use crate::wire::sip::{Message, Replaces, header};

impl Switch {
    /// The place that this INVITE wants, `None`: a call of its own. The error is the status to refuse with.
    pub(super) fn wanted_place(
        &self,
        request: &Message,
        who: &Who,
        dialled: &str,
    ) -> Result<Option<(CallId, End)>, u16> {
        if !OFFICE {
            return Ok(None);
        }
        let mut all = request.all(header::REPLACES);
        let Who::Extension(extension) = who else {
            return if all.next().is_some() { Err(403) } else { Ok(None) };
        };
        match (all.next(), all.next()) {
            (None, _) => self.ringing_place(dialled),
            (Some(text), None) => self.replaced_place(text, &extension.name).map(Some),
            (Some(_), Some(_)) => Err(400),
        }
    }

    /// RFC 3891 section 3.
    fn replaced_place(&self, text: &str, own: &str) -> Result<(CallId, End), u16> {
        let replaces = Replaces::parse(text).ok_or(400_u16)?;
        let find = |ours: &str, theirs: &str| self.sip.find_dialog(&replaces.call_id, ours, theirs);
        // A lamp names the dialog as the phone that rings sees it.
        let found = find(&replaces.to_tag, &replaces.from_tag)
            .or_else(|| find(&replaces.from_tag, &replaces.to_tag))
            .ok_or(481_u16)?;
        if replaces.early_only && !found.early {
            return Err(486);
        }
        // A caller who waits for our answer can't be replaced.
        if found.early && !found.by_us {
            return Err(481);
        }
        let (id, end) = self.calls.of_session(found.session).ok_or(481_u16)?;
        let call = self.calls.all.get(&id).ok_or(481_u16)?;
        let is_own =
            matches!(call.side(end).map(|s| &s.party), Some(Party::Extension { name }) if name == own);
        let may = if found.early { call.is_picked_up() } else { is_own && call.is_up() };
        if may { Ok((id, end)) } else { Err(403) }
    }

    /// `*8101`: the call that rings 101; `*8`: the one that rings longest.
    fn ringing_place(&self, dialled: &str) -> Result<Option<(CallId, End)>, u16> {
        let code = &self.loaded.config.sip.pickup_code;
        let Some(wanted) = dialled.strip_prefix(code.as_str()).filter(|_| !code.is_empty()) else {
            return Ok(None);
        };
        let rings = |s: &Side| {
            matches!(&s.party, Party::Extension { name } if wanted.is_empty() || name == wanted)
                && s.state != State::Up
        };
        let found = self.calls.all.values().filter(|c| c.is_picked_up()).find_map(|call| {
            let at = call.b.iter().position(rings)?;
            Some((call.id, End::B(at)))
        });
        found.map(Some).ok_or(404)
    }

    /// This INVITE gets the place of that side, which is told that the call is elsewhere.
    pub(super) fn take_place(
        &mut self,
        (id, end): (CallId, End),
        session: SessionId,
        request: &Message,
        flow: Flow,
        who: &Who,
        now: Now,
    ) {
        let Who::Extension(extension) = who else { return };
        let codecs = match self.codecs_beside(id, end, &extension.codecs) {
            Ok(codecs) => codecs,
            Err(cause) => return self.refuse(session, 488, cause, now),
        };
        let mut leg = match self.answering_leg(session, request, flow, who, codecs) {
            Ok(leg) => leg,
            Err((status, cause)) => return self.refuse(session, status, cause, now),
        };
        let body = leg.body().unwrap_or_default();
        let party = Party::Extension { name: extension.name.clone() };
        log::info!("call {}: taken by {}", id.0, party.logged());
        let side = Side { party, leg: Leg::Sip(Box::new(leg)), state: State::Up };
        self.note_side(id, &side);
        let Some(call) = self.calls.all.get_mut(&id) else { return };
        let was_up = call.is_up();
        let gone = match end {
            End::A => vec![std::mem::replace(&mut call.a, side)],
            End::B(_) => std::mem::replace(&mut call.b, vec![side]),
        };
        call.media = match std::mem::replace(&mut call.media, Media::None) {
            media @ Media::Relay(_) => Media::Relay(Box::new(left_by(media, end))),
            media => media,
        };
        for side in &gone {
            let elsewhere = "SIP;cause=200;text=\"Call completed elsewhere\"";
            self.hang_up(side, Cause::NORMAL, side.state == State::Up, Some(elsewhere), now);
            self.forget_side(side);
            self.release_unused_of(id, side);
        }
        self.sip.accept(session, body, now.mono);
        if was_up {
            self.start_gateway(id, now);
            self.set_remote(id, End::A, now);
            self.set_remote(id, End::B(0), now);
            return self.align(id, super::carry::other(end), now);
        }
        self.on_answered_by(id, now);
    }

    /// Codecs that the one who stays has too.
    fn codecs_beside(
        &self,
        id: CallId,
        end: End,
        theirs: &[crate::wire::sdp::Codec],
    ) -> Result<Vec<crate::wire::sdp::Codec>, Cause> {
        match end {
            End::B(_) => self.codecs_for(id, theirs),
            End::A => {
                let call = self.calls.all.get(&id).ok_or(Cause::NO_ROUTE)?;
                let stays = call.b.first().and_then(|b| b.leg.sip()).and_then(|l| l.agreed.as_ref());
                let fits = |c: &&crate::wire::sdp::Codec| stays.is_none_or(|a| a.codec == **c);
                let both: Vec<_> = theirs.iter().filter(fits).copied().collect();
                match both.is_empty() {
                    false => Ok(both),
                    true if MEDIA => Ok(theirs.to_vec()),
                    true => Err(Cause::INCOMPATIBLE),
                }
            }
        }
    }
}

impl super::Call {
    const fn is_up(&self) -> bool {
        matches!(self.phase, Phase::Up { .. })
    }

    /// It rings, and who answers may be another one.
    const fn is_picked_up(&self) -> bool {
        matches!(self.phase, Phase::Reaching { .. }) && !self.emergency
    }
}
