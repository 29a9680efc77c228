//! Reports through a relay: the translator of RFC 3550 section 7.2.
//!
//! Each peer's own reports reach the other one, with the sources and numbers that the other one knows: so both see the whole way, a
//! picture's feedback included, and nobody is told of a stream twice. Only for a peer that says nothing we speak ourselves. The end
//! of a source is not passed on: what the other one gets goes on with the next source; the last word is ours, when the call ends.
use super::{Peer, Relay, Side};
use crate::media::control::{Control, ControlWay, Stream, Wording};
use crate::media::quality::Quality;
use crate::media::{Coding, Silence};
use crate::util::time::Instant;
use crate::wire::rtcp::{Block, Datagram, Packet, Rules, kind, rewrite};
use core::net::SocketAddr;
use core::time::Duration;

/// A peer whose last word is so old does not speak: two intervals of 5 s, and the longest third. Its first comes sooner (RFC 3550
/// section 6.2: half of the first interval).
const SPEAKS: Duration = Duration::from_secs(18);
const BEGINS: Duration = Duration::from_secs(8);

/// Why a datagram goes nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    Malformed,
    /// Not of the host that the peer's sound comes from.
    Stranger,
    /// There is no other peer, or nothing for it.
    Held,
}

impl Refused {
    /// Nobody does anything wrong.
    #[must_use]
    pub const fn is_harmless(self) -> bool {
        matches!(self, Self::Held)
    }
}

impl Relay {
    /// Where this side's RTCP is, after each offer and answer.
    pub fn set_control(&mut self, side: Side, way: ControlWay) {
        if let Some(peer) = self.peer_mut(side) {
            peer.control.set_way(way);
        }
    }

    /// A datagram of RTCP for this side. What the other side gets of it.
    ///
    /// # Errors
    /// Nothing; the reason.
    pub fn handle_rtcp(
        &mut self,
        side: Side,
        from: SocketAddr,
        bytes: &[u8],
        now: Instant,
    ) -> Result<Control, Refused> {
        let [a, b] = &mut self.peers;
        let (source, target) = match side {
            Side::A => (a, b),
            Side::B => (b, a),
        };
        // A phone may ping before we have its answer.
        let source = source.as_mut().ok_or(Refused::Held)?;
        if from.ip() != source.latch.target().ip() {
            return Err(Refused::Stranger);
        }
        let datagram = Datagram::parse(bytes).map_err(|_| Refused::Malformed)?;
        let heard = source.reception.heard().map(|heard| heard.ssrc);
        source.control.on_datagram((from, datagram), (heard, source.numbers.ssrc()), now);
        let target = target.as_mut().ok_or(Refused::Held)?;
        if source.is_transcoded() || target.is_transcoded() {
            // It tells of packets that the other one has never seen. Each of them hears from us instead.
            return Err(Refused::Held);
        }
        let mut out = Vec::with_capacity(bytes.len());
        let rules = Translation { source, target };
        for part in datagram.parts().filter(|part| part.kind != kind::GOODBYE) {
            rewrite(&part, &rules, &mut out);
        }
        if out.is_empty() {
            return Err(Refused::Held);
        }
        for packet in datagram.packets() {
            if let Packet::SenderReport { sender, .. } = packet {
                target.control.note_sent(sender.middle(), false, now);
            }
        }
        Ok(target.sends(out))
    }

    /// What we tell this side; `None` while the other one speaks for itself, or has no time to have done so, or nothing flows.
    pub fn report(&mut self, side: Side, wording: Wording<'_>, now: Instant) -> Option<Control> {
        let [a, b] = &mut self.peers;
        let (target, other) = match side {
            Side::A => (a, b),
            Side::B => (b, a),
        };
        let target = target.as_mut()?;
        let transcoded = target.is_transcoded() || other.as_ref().is_some_and(Peer::is_transcoded);
        let speaks = !transcoded
            && other.as_ref().is_some_and(|other| {
                other.control.speaks(SPEAKS, now) || now.since(other.control.since()) < BEGINS
            });
        let heard = target.reception.heard();
        if (speaks && !wording.goodbye) || (heard.is_none() && target.sent_packets == 0) {
            return None;
        }
        let per_ms = other.as_ref().map_or(8, |other| other.types.per_ms);
        let stream = target.numbers.ssrc().map(|ssrc| Stream {
            ssrc,
            timestamp: target.numbers.timestamp(per_ms, now),
            packets: target.sent_packets,
            bytes: target.sent_bytes,
        });
        let bytes = target.control.report(stream, heard, wording, now);
        Some(target.sends(bytes))
    }

    /// Both sides talk from now on.
    pub fn begin(&mut self, now: Instant) {
        for peer in self.peers.iter_mut().flatten() {
            peer.control.begin(peer.reception.counts().received, now);
        }
    }

    /// How this side is heard, and hears.
    #[must_use]
    pub fn quality(&self, side: Side, coding: Coding) -> Option<Quality> {
        let peer = self.peer(side)?;
        let per_ms = peer.types.per_ms;
        Some(Quality::new((&peer.reception, per_ms), &peer.control, peer.sent_packets, coding))
    }

    /// Why nothing is heard of this side, if that is so, and where it should be.
    #[must_use]
    pub fn silence(&self, side: Side, now: Instant) -> Option<(Silence, SocketAddr)> {
        let (peer, stats) = (self.peer(side)?, self.stats(side));
        let received = peer.reception.counts().received;
        let silence = peer.control.silence(received, stats.last_received_at, stats.unknown_type > 0, now)?;
        Some((silence, peer.latch.target()))
    }

    fn peer(&self, side: Side) -> Option<&Peer> {
        self.peers.get(side.place())?.as_ref()
    }

    fn peer_mut(&mut self, side: Side) -> Option<&mut Peer> {
        self.peers.get_mut(side.place())?.as_mut()
    }
}

impl Peer {
    fn sends(&self, bytes: Vec<u8>) -> Control {
        let to = self.control.target(self.latch.target(), self.way.remote);
        Control { to, muxed: self.control.is_muxed(), bytes }
    }
}

/// From the peer that speaks to the one that hears of it.
struct Translation<'a> {
    source: &'a Peer,
    target: &'a Peer,
}

impl Rules for Translation<'_> {
    /// The stream that the other one gets has one source as long as the call lasts.
    fn source(&self, ssrc: u32) -> u32 {
        let numbers = &self.target.numbers;
        if numbers.source() == Some(ssrc) { numbers.ssrc().unwrap_or(ssrc) } else { ssrc }
    }

    fn timestamp(&self, ssrc: u32, timestamp: u32) -> u32 {
        let numbers = &self.target.numbers;
        let (_, shift) = numbers.shifts();
        if numbers.source() == Some(ssrc) { timestamp.wrapping_add(shift) } else { timestamp }
    }

    /// What the speaker got from us, as the other one has sent it.
    fn block(&self, block: Block) -> Block {
        let numbers = &self.source.numbers;
        let (shift, _) = numbers.shifts();
        let mut block = block;
        if numbers.ssrc() == Some(block.ssrc) {
            block.ssrc = self.about(block.ssrc);
            // Forward by what is left to a whole wrap, so that it never falls below zero.
            block.highest = block.highest.wrapping_add(u32::from(shift.wrapping_neg()));
        }
        if self.source.control.is_about_ours(&block) {
            (block.last_report, block.delay) = (0, 0);
        }
        block
    }

    fn about(&self, ssrc: u32) -> u32 {
        let numbers = &self.source.numbers;
        if numbers.ssrc() == Some(ssrc) { numbers.source().unwrap_or(ssrc) } else { ssrc }
    }

    fn sequence(&self, about: u32, sequence: u16) -> u16 {
        let numbers = &self.source.numbers;
        let (shift, _) = numbers.shifts();
        if numbers.ssrc() == Some(about) { sequence.wrapping_sub(shift) } else { sequence }
    }
}
