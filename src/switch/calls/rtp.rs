//! What comes in at RTP ports. The hot path: fifty times a second for each side of each call.
use super::reports::is_report;
use super::{CallId, Media, SipLeg};
use crate::media::Recoded;
use crate::switch::{Output, Switch};
use crate::util::MEDIA;
use crate::util::time::Now;
use std::net::SocketAddr;

/// What became of a datagram at an RTP port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Its bytes, as they are now, go out of this port to there.
    Send { port: u16, to: SocketAddr },
    /// Nothing is to be done.
    Dropped,
    /// There may be outputs, and deadlines may have changed.
    Taken,
}

impl Switch {
    /// A datagram at an RTP port. Between two SIP legs it is changed in place and goes out at once, past the outputs.
    pub fn handle_rtp(&mut self, port: u16, from: SocketAddr, bytes: &mut Vec<u8>, now: Now) -> Heard {
        if is_report(port, bytes) {
            return self.handle_rtcp(port, from, bytes, now);
        }
        let Some(id) = self.calls.of_port(port) else {
            self.counters.rtp_stray = self.counters.rtp_stray.saturating_add(1);
            return Heard::Dropped;
        };
        match self.calls.all.get(&id).map(|call| &call.media) {
            Some(Media::Relay(_)) => self.relay_rtp(id, port, from, bytes, now),
            Some(Media::Gateway(_)) => self.rtp_for_stick(id, port, from, bytes, now),
            Some(Media::None) | None => Heard::Dropped,
        }
    }

    fn relay_rtp(&mut self, id: CallId, port: u16, from: SocketAddr, bytes: &mut Vec<u8>, now: Now) -> Heard {
        let Some(call) = self.calls.all.get_mut(&id) else { return Heard::Dropped };
        let Some((side, slot)) = call.place_of(port) else { return Heard::Dropped };
        if !call.open_packet(port, bytes) {
            return Heard::Dropped;
        }
        let Some(relay) = call.relay_mut(slot) else { return Heard::Dropped };
        let mut to = relay.handle_rtp(side, from, bytes, now.mono);
        if MEDIA && to.is_none() && relay.has_keys() {
            return self.tell_key(id, now);
        }
        let made = if MEDIA && to.is_none() { relay.take_made() } else { Recoded::None };
        if let Some(to) = relay.take_learnt().filter(|_| MEDIA) {
            self.outputs.push_back(Output::PinRtp { port, to });
        }
        match made {
            Recoded::None => {}
            // The same number of packets as came: past the outputs, as what is not changed.
            Recoded::One(forward) => {
                bytes.clear();
                bytes.extend_from_slice(&forward.bytes);
                to = Some(forward.to);
            }
            Recoded::More => {
                self.pump(id, now);
                return Heard::Taken;
            }
        }
        match (to, call.leg_of(side.other()).and_then(|leg| leg.port_of(slot))) {
            (Some(to), Some(port)) if is_somewhere(to) && call.close_packet(port, bytes) => {
                Heard::Send { port, to }
            }
            _ => Heard::Dropped,
        }
    }

    /// The packet may have been one of a key, for which others go out.
    fn tell_key(&mut self, id: CallId, now: Now) -> Heard {
        let infos = self.calls.infos.len();
        self.pump(id, now);
        if self.calls.infos.len() != infos {
            self.turn(now);
        }
        Heard::Taken
    }

    fn rtp_for_stick(
        &mut self,
        id: CallId,
        port: u16,
        from: SocketAddr,
        bytes: &mut Vec<u8>,
        now: Now,
    ) -> Heard {
        let digits = self.counters.digits_out;
        let Some(call) = self.calls.all.get_mut(&id) else { return Heard::Dropped };
        if !call.open_packet(port, bytes) {
            return Heard::Dropped;
        }
        if let Media::Gateway(gateway) = &mut call.media {
            gateway.handle_rtp(from, bytes, now.mono);
        }
        self.pump(id, now);
        if self.counters.digits_out != digits {
            // The stick is to hear of the key.
            self.turn(now);
        }
        Heard::Taken
    }
}

/// `c=IN IP4 0.0.0.0` is hold as RFC 2543 wrote it; the kernel would take that address for our own.
pub(super) fn is_somewhere(to: SocketAddr) -> bool {
    !to.ip().is_unspecified() && to.port() != 0
}

impl SipLeg {
    /// Our port of this stream: 0 is the sound.
    pub(super) fn port_of(&self, slot: usize) -> Option<u16> {
        match slot.checked_sub(1) {
            None => Some(self.port),
            Some(further) => self.further.get(further).copied(),
        }
    }
}
