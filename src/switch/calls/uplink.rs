//! Calls whose peer knows an old address of ours.
use super::{CallId, End, Leg, State};
use crate::switch::Switch;
use crate::switch::uplink::Local;
use crate::util::time::Now;
use crate::wire::sdp::Place;

impl Switch {
    /// What we send in each call leaves from our address as it is now.
    pub(in crate::switch) fn move_calls(&mut self, local: Local<'_>) {
        let sides = self.calls.all.values().flat_map(|call| call.sides());
        let flows: Vec<_> =
            sides.filter_map(|side| side.leg.sip()).map(|leg| (leg.session, leg.flow)).collect();
        for (session, flow) in flows {
            let Some(new) = self.moved(flow, local).filter(|new| *new != flow) else { continue };
            self.sip.set_flow(session, new);
            let sides = self.calls.all.values_mut().flat_map(|c| std::iter::once(&mut c.a).chain(&mut c.b));
            for leg in sides.filter_map(|side| side.leg.sip_mut()).filter(|leg| leg.session == session) {
                leg.flow = new;
            }
        }
    }

    /// Peers of answered calls that know another address of ours than we have now get a re-INVITE. RFC 3261 section 14.1.
    pub(in crate::switch) fn tell_calls(&mut self, now: Now) {
        let mut stale: Vec<(CallId, End)> = Vec::new();
        for (id, call) in self.calls.all.iter() {
            let ends = std::iter::once(End::A).chain((0..call.b.len()).map(End::B));
            for (end, side) in ends.zip(call.sides()) {
                let Leg::Sip(leg) = &side.leg else { continue };
                let told = leg.ours.as_ref().map(|ours| &ours.origin.address);
                let differs = told.is_some_and(|told| *told != Place::Ip(self.media_address(leg.flow)));
                if side.state == State::Up && differs && !self.streams.is_lost(leg.flow) {
                    stale.push((*id, end));
                }
            }
        }
        for (id, end) in stale {
            self.tell_address(id, end, now);
        }
    }

    /// Our last description again, with the address of now.
    fn tell_address(&mut self, id: CallId, end: End, now: Now) {
        let Some(leg) = self.sip_leg(id, end) else { return };
        let (session, flow) = (leg.session, leg.flow);
        let address = Place::Ip(self.media_address(flow));
        let token = self.trunk_of(id, end).and_then(|name| self.trunk_token(&name));
        let contact = self.contact(flow, token.as_deref());
        let Some(leg) = self.sip_leg(id, end) else { return };
        let Some(mut ours) = leg.ours.clone() else { return };
        ours.origin.version = ours.origin.version.saturating_add(1);
        ours.origin.address = address.clone();
        ours.connection = Some(address);
        ours.media.iter_mut().for_each(|media| media.connection = None);
        self.sip.set_contact(session, contact);
        // Where another offer is under way, the next change of an address, or their next offer, tells them.
        self.propose(id, end, ours, now);
    }
}
