//! RTCP of a stick's call: we are the end of the stream, so the reports are ours.
use super::{Gateway, PER_MS};
use crate::media::control::{Control, ControlWay, Silence, Stream, Wording};
use crate::media::emodel::Coding;
use crate::media::quality::Quality;
use crate::util::time::Instant;
use crate::wire::rtcp::Datagram;
use core::net::SocketAddr;

impl Gateway {
    /// Where the peer's RTCP is, after each offer and answer.
    pub fn set_control(&mut self, way: ControlWay) {
        if let Some(peer) = &mut self.peer {
            peer.control.set_way(way);
        }
    }

    /// A datagram of RTCP. False: it is none, or not the peer's.
    pub fn handle_rtcp(&mut self, from: SocketAddr, bytes: &[u8], now: Instant) -> bool {
        // A phone may ping before we have its answer.
        let Some(peer) = &mut self.peer else { return true };
        if from.ip() != peer.latch.target().ip() {
            return false;
        }
        let Ok(datagram) = Datagram::parse(bytes) else { return false };
        let heard = self.reception.heard().map(|heard| heard.ssrc);
        let (ours, _) = self.outgoing.clock(now);
        peer.control.on_datagram((from, datagram), (heard, Some(ours)), now);
        true
    }

    /// What we tell the peer; `None` before anything flows.
    pub fn report(&mut self, wording: Wording<'_>, now: Instant) -> Option<Control> {
        let peer = self.peer.as_mut()?;
        let heard = self.reception.heard();
        let low = |count: u64| u32::try_from(count & u64::from(u32::MAX)).unwrap_or(0);
        let (packets, bytes) = (low(self.stats.sent_packets), low(self.stats.sent_bytes));
        if heard.is_none() && packets == 0 {
            return None;
        }
        let (ssrc, timestamp) = self.outgoing.clock(now);
        let stream = Stream { ssrc, timestamp, packets, bytes };
        let bytes = peer.control.report(Some(stream), heard, wording, now);
        let to = peer.control.target(peer.latch.target(), peer.remote.addr);
        Some(Control { to, muxed: peer.control.is_muxed(), bytes })
    }

    /// Both sides talk from now on.
    pub fn begin(&mut self, now: Instant) {
        if let Some(peer) = &mut self.peer {
            peer.control.begin(self.reception.counts().received, now);
        }
    }

    /// How the peer is heard, and hears.
    #[must_use]
    pub fn quality(&self, coding: Coding) -> Option<Quality> {
        let peer = self.peer.as_ref()?;
        let sent = u32::try_from(self.stats.sent_packets).unwrap_or(u32::MAX);
        let quality = Quality::new((&self.reception, PER_MS), &peer.control, sent, coding);
        Some(quality.buffered(&self.stats))
    }

    /// Why nothing is heard of the peer, if that is so, and where it should be.
    #[must_use]
    pub fn silence(&self, now: Instant) -> Option<(Silence, SocketAddr)> {
        let peer = self.peer.as_ref()?;
        let received = self.reception.counts().received;
        let last = self.stats.last_received_at;
        let silence = peer.control.silence(received, last, self.stats.unknown_type > 0, now)?;
        Some((silence, peer.latch.target()))
    }
}
