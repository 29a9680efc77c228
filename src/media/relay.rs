//! Two RTP peers: what comes from one goes to the other as it is.
//!
//! Payload, header extensions and padding stay, whatever they are; the payload type becomes what the other side listed. Sequence
//! number, timestamp and SSRC stay while there is one source, and are continued when there is another.
mod keys;
mod recode;
mod ringing;
#[cfg(test)]
#[cfg(feature = "media")]
mod ringing_tests;
mod translate;

pub use recode::Recoded;

use super::Direction;
use super::continuity::{Continuity, Numbers};
use super::control::Session;
use super::digits::between::{Between, Fate};
use super::latch::Latch;
use super::reception::{Arrival, Reception};
use super::transcode::Transcoder;
use crate::util::MEDIA;
use crate::util::limits::{CARRIED_FORMATS, MEDIA_OUTPUTS};
use crate::util::time::Instant;
use crate::wire::rtp::{COMFORT_NOISE, Head, Packet};
use core::net::SocketAddr;
use ringing::Ringing;
use std::collections::VecDeque;

/// One of the two peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    A,
    B,
}

impl Side {
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    const fn place(self) -> usize {
        match self {
            Self::A => 0,
            Self::B => 1,
        }
    }
}

/// A datagram for the peer on this side, from our port of this side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    pub side: Side,
    pub to: SocketAddr,
    pub bytes: Vec<u8>,
}

/// What is counted of one side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RelayStats {
    /// From this side, forwarded.
    pub forwarded_packets: u64,
    pub forwarded_bytes: u64,
    pub malformed: u64,
    pub stranger: u64,
    /// Types that this side did not get from us, or that the other side has none for.
    pub unknown_type: u64,
    /// Not forwarded because a side is on hold, or the other one is not known yet.
    pub held: u64,
    /// Datagrams that nobody fetched in time.
    pub outputs_dropped: u64,
    pub latched: Option<SocketAddr>,
    pub last_received_at: Option<Instant>,
}

/// Where a peer is, and what may flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// From the peer's SDP.
    pub remote: SocketAddr,
    /// What WE may do.
    pub direction: Direction,
    /// The peer is behind NAT: the address in its SDP may be wrong.
    pub symmetric: bool,
}

struct Peer {
    way: Way,
    latch: Latch,
    /// Of what it gets.
    numbers: Continuity,
    types: Types,
    /// What comes from it for a peer that has another codec; asked only of types that are not in `types`.
    transcoder: Option<Box<Transcoder>>,
    /// What came from it, and the reports about that.
    reception: Reception,
    control: Session,
    /// Its keys, where they don't go through as they are.
    keys: Option<Box<Between>>,
    /// What it hears as long as nobody is on the other side.
    ringing: Option<Box<Ringing>>,
    /// What it got.
    sent_packets: u32,
    sent_bytes: u32,
}

impl Peer {
    fn new(way: Way, now: Instant) -> Self {
        Self {
            way,
            latch: Latch::new(way.remote, way.symmetric, now),
            numbers: Continuity::default(),
            types: Types::default(),
            transcoder: None,
            reception: Reception::default(),
            control: Session::new(way.remote, now),
            keys: None,
            ringing: None,
            sent_packets: 0,
            sent_bytes: 0,
        }
    }
}

impl Peer {
    /// Whether a packet is its own, and what it is to its stream.
    #[inline]
    fn admit(
        &mut self,
        from: SocketAddr,
        packet: &Packet,
        now: Instant,
        (stats, learnt): (&mut RelayStats, &mut Option<SocketAddr>),
    ) -> Result<Arrival, Refused> {
        if !self.latch.accept(from, packet.sequence, packet.ssrc, now) {
            self.control.note_stranger(from);
            return Err(Refused::Stranger);
        }
        if stats.latched != self.latch.locked() {
            stats.latched = self.latch.locked();
            *learnt = stats.latched;
        }
        if !MEDIA {
            return Ok(Arrival::Fresh);
        }
        let arrival = self.reception.on_packet(packet.sequence, packet.ssrc);
        self.reception.on_timestamp(packet.timestamp, self.types.per_ms, now);
        Ok(arrival)
    }

    /// Neither side is on hold.
    #[inline]
    const fn may_reach(&self, target: &Self) -> bool {
        self.way.direction.receives() && target.way.direction.sends()
    }

    #[inline]
    fn note_sent(&mut self, payload: usize) {
        self.sent_packets = self.sent_packets.wrapping_add(1);
        self.sent_bytes = self.sent_bytes.wrapping_add(u32::try_from(payload).unwrap_or(0));
    }
}

impl RelayStats {
    #[inline]
    fn note_forwarded(&mut self, packet: &Packet) {
        self.forwarded_packets = self.forwarded_packets.saturating_add(1);
        let length = u64::try_from(packet.payload.len()).unwrap_or(0);
        self.forwarded_bytes = self.forwarded_bytes.saturating_add(length);
    }
}

/// The payload types of what comes from one peer, each with the type that it has for the other one; and what its clock counts in
/// a millisecond.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Types {
    pairs: heapless::Vec<(u8, u8), CARRIED_FORMATS>,
    per_ms: u16,
    /// Silence (RFC 3389) has its number everywhere, listed or not.
    silence: bool,
}

impl Default for Types {
    fn default() -> Self {
        Self { pairs: heapless::Vec::new(), per_ms: 8, silence: true }
    }
}

impl Types {
    /// As many of `pairs` as fit.
    #[must_use]
    pub fn new(pairs: &[(u8, u8)], per_ms: u16) -> Self {
        Self { pairs: pairs.iter().copied().take(CARRIED_FORMATS).collect(), per_ms, silence: true }
    }

    fn get(&self, payload_type: u8) -> Option<u8> {
        let listed = self.pairs.iter().find(|(from, _)| *from == payload_type).map(|(_, to)| *to);
        listed.or_else(|| (payload_type == COMFORT_NOISE && self.silence).then_some(COMFORT_NOISE))
    }
}

/// What opens the way through a NAT before there is sound: four zero bytes. No RTP, so that a phone's jitter buffer does not
/// begin with numbers that are not those of the call (RFC 6263 section 4.1; Asterisk knows them, others see a packet too short).
const OPENER: [u8; 4] = [0; 4];

/// Joins two peers.
#[derive(Default)]
pub struct Relay {
    peers: [Option<Peer>; 2],
    outputs: VecDeque<Forward>,
    stats: [RelayStats; 2],
    /// The address of a peer that has just been learnt.
    learnt: Option<SocketAddr>,
}

impl core::fmt::Debug for Relay {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Relay").field("stats", &self.stats).finish_non_exhaustive()
    }
}

impl Relay {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The peer of this side is gone; the other one will get its next source as one stream with the last.
    #[must_use]
    pub fn left_by(mut self, side: Side) -> Self {
        if let Some(peer) = self.peers.get_mut(side.place()) {
            *peer = None;
        }
        self.peers.iter_mut().flatten().for_each(|peer| (peer.keys, peer.ringing) = (None, None));
        Self { peers: self.peers, ..Self::default() }
    }

    /// Two that one peer is left of: they talk to each other, that of `self` as side A.
    #[must_use]
    pub fn joined(self, other: Self) -> Self {
        let [a, b] = self.peers;
        let [c, d] = other.peers;
        Self { peers: [a.or(b), c.or(d)], ..Self::default() }
    }

    /// After each offer and answer with this side.
    pub fn set_remote(&mut self, side: Side, way: Way, now: Instant) {
        if MEDIA {
            self.stop_ringing(side.other());
        }
        let Some(place) = self.peers.get_mut(side.place()) else { return };
        let moved = match place {
            Some(peer) => {
                let moved = peer.way.remote != way.remote;
                peer.latch.renew(way.remote, way.symmetric, now);
                peer.control.renew(way.direction, moved, peer.reception.counts().received, now);
                peer.way = way;
                moved
            }
            None => {
                let peer = place.insert(Peer::new(way, now));
                peer.control.renew(way.direction, true, 0, now);
                true
            }
        };
        self.note_latch(side);
        if moved {
            self.open_way(side);
        }
    }

    /// What comes from this side, as both sides have described it. Nothing where this side is not known yet.
    pub fn set_types(&mut self, side: Side, types: Types) {
        if let Some(Some(peer)) = self.peers.get_mut(side.place()) {
            peer.types = types;
        }
    }

    /// The peer of this side has no such stream any more.
    pub fn forget(&mut self, side: Side) {
        if let Some(place) = self.peers.get_mut(side.place()) {
            *place = None;
        }
    }

    /// A datagram at our port for this side. Where it goes, out of our port of the other side, as `bytes` are after this.
    pub fn handle_rtp(
        &mut self,
        side: Side,
        from: SocketAddr,
        bytes: &mut [u8],
        now: Instant,
    ) -> Option<SocketAddr> {
        let refused = match self.forward(side, from, bytes, now) {
            Ok(to) => return Some(to),
            Err(refused) => refused,
        };
        let stats = self.stats.get_mut(side.place())?;
        let counter = match refused {
            Refused::Malformed => &mut stats.malformed,
            Refused::Stranger => &mut stats.stranger,
            Refused::UnknownType => &mut stats.unknown_type,
            Refused::Held => &mut stats.held,
            Refused::Key => {
                if MEDIA {
                    self.tell(side, now);
                }
                return None;
            }
            Refused::Recoded => return None,
        };
        *counter = counter.saturating_add(1);
        None
    }

    /// The address of the peer whose datagram came last, if it was learnt by that.
    pub const fn take_learnt(&mut self) -> Option<SocketAddr> {
        self.learnt.take()
    }

    pub fn poll_output(&mut self) -> Option<Forward> {
        self.outputs.pop_front()
    }

    #[must_use]
    pub const fn stats(&self, side: Side) -> &RelayStats {
        let [a, b] = &self.stats;
        match side {
            Side::A => a,
            Side::B => b,
        }
    }

    fn forward(
        &mut self,
        side: Side,
        from: SocketAddr,
        bytes: &mut [u8],
        now: Instant,
    ) -> Result<SocketAddr, Refused> {
        let packet = Packet::parse(bytes).map_err(|_| Refused::Malformed)?;
        let [a, b] = &mut self.peers;
        let (source, target) = match side {
            Side::A => (a, b),
            Side::B => (b, a),
        };
        let source = source.as_mut().ok_or(Refused::Stranger)?;
        // A wrong type proves nothing of who sends it.
        let Some(payload_type) = source.type_of(packet.payload_type) else {
            return Err(self.recode(side, from, &packet, now));
        };
        let stats = self.stats.get_mut(side.place()).ok_or(Refused::Held)?;
        source.admit(from, &packet, now, (stats, &mut self.learnt))?;
        let target = target.as_mut().filter(|target| source.may_reach(target)).ok_or(Refused::Held)?;
        stats.last_received_at = Some(now);
        if let Some(keys) = source.keys.as_mut().filter(|_| MEDIA) {
            match keys.hear(&packet, now) {
                Fate::Goes => {}
                fate => {
                    let forward = target.instead(fate, &packet, (payload_type, source.types.per_ms), now);
                    let forward = forward.filter(|_| self.outputs.len() < MEDIA_OUTPUTS);
                    self.outputs.extend(forward.map(|(to, bytes)| Forward { side: side.other(), to, bytes }));
                    return Err(Refused::Key);
                }
            }
        }
        stats.note_forwarded(&packet);
        let Packet { marker, sequence, timestamp, ssrc, .. } = packet;
        let came = Numbers { marker, sequence, timestamp, ssrc };
        let sent = target.numbers.next(came, source.types.per_ms, now);
        target.note_sent(packet.payload.len());
        let Numbers { marker, sequence, timestamp, ssrc } = sent;
        Head { marker, payload_type, sequence, timestamp, ssrc }.write_into(bytes);
        Ok(target.latch.target())
    }

    /// So that a NAT on our way lets the peer's packets in.
    fn open_way(&mut self, side: Side) {
        let Some(Some(peer)) = self.peers.get(side.place()) else { return };
        let to = peer.latch.target();
        self.push(Forward { side, to, bytes: OPENER.to_vec() });
    }

    fn push(&mut self, forward: Forward) {
        if self.outputs.len() < MEDIA_OUTPUTS {
            self.outputs.push_back(forward);
        } else if let Some(stats) = self.stats.get_mut(forward.side.place()) {
            stats.outputs_dropped = stats.outputs_dropped.saturating_add(1);
        }
    }

    fn note_latch(&mut self, side: Side) {
        let (Some(Some(peer)), Some(stats)) =
            (self.peers.get(side.place()), self.stats.get_mut(side.place()))
        else {
            return;
        };
        stats.latched = peer.latch.locked();
    }
}

enum Refused {
    /// It was one, or had to give way to one.
    Key,
    Malformed,
    Stranger,
    UnknownType,
    Held,
    /// What the other side gets for it is among the outputs.
    Recoded,
}
