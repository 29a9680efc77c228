//! Keys that don't go through a relay as they are: what `digits::between` has to say to the other peer.
use super::{Forward, Peer, Relay, Side};
use crate::media::Seed;
use crate::media::continuity::Numbers;
use crate::media::digits::between::{Between, Fate, Plan};
use crate::media::digits::ear::silence;
use crate::media::digits::teller::Told;
use crate::util::MEDIA;
use crate::util::limits::MEDIA_OUTPUTS;
use crate::util::time::Instant;
use crate::wire::dtmf::Key;
use crate::wire::rtp::{HEADER, Packet, write_header};
use core::net::SocketAddr;

/// 20 ms of a clock.
const TICK_MS: u32 = 20;

impl Relay {
    /// What is done with the keys of this side, after each offer and answer. `seed`: for a peer that has heard nothing so far.
    pub fn set_keys(&mut self, side: Side, plan: Plan, seed: impl FnOnce() -> Seed) {
        let Some(Some(peer)) = self.peers.get_mut(side.place()) else { return };
        match &mut peer.keys {
            Some(keys) if plan.listens() || !keys.teller.is_idle() => keys.plan = plan,
            keys => *keys = plan.listens().then(|| Box::new(Between::new(plan, seed()))),
        }
    }

    /// This side said by INFO that a key was pressed.
    pub fn press(&mut self, side: Side, key: Key, plan: Plan, seed: Seed, now: Instant) {
        let Some(Some(peer)) = self.peers.get_mut(side.place()) else { return };
        peer.keys.get_or_insert_with(|| Box::new(Between::new(plan, seed))).press(key, now);
        self.tell(side, now);
    }

    /// Packets of this relay have to be looked at: keys may be in them, or some are being told.
    #[must_use]
    pub fn has_keys(&self) -> bool {
        self.peers.iter().flatten().any(|peer| peer.keys.is_some())
    }

    /// The next packet of a key, or of a tone.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let keys = self.peers.iter().flatten().filter_map(|peer| peer.keys.as_ref());
        keys.filter_map(|keys| keys.teller.poll_timeout()).chain(self.next_ringing()).min()
    }

    /// The time of `poll_timeout` has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.tell(Side::A, now);
        self.tell(Side::B, now);
        self.ring_on(Side::A, now);
        self.ring_on(Side::B, now);
    }

    /// A key that the peer of this side is to be told of by INFO.
    pub fn poll_key(&mut self) -> Option<(Side, char)> {
        [Side::A, Side::B].into_iter().find_map(|side| {
            let keys = self.peers.get_mut(side.place())?.as_mut()?.keys.as_mut()?;
            keys.take_informing().map(|digit| (side.other(), digit))
        })
    }

    /// Keys that a peer was not told of, since this was asked last: it has no way of being told, or too many waited.
    pub fn take_untold(&mut self) -> u64 {
        let keys = self.peers.iter_mut().flatten().filter_map(|peer| peer.keys.as_mut());
        keys.fold(0, |sum, keys| sum.saturating_add(keys.take_untold()))
    }

    /// What this side has pressed, to the other one.
    pub(super) fn tell(&mut self, side: Side, now: Instant) {
        let [a, b] = &mut self.peers;
        let (source, target) = match side {
            Side::A => (a, b),
            Side::B => (b, a),
        };
        let Some(source) = source else { return };
        let (Some(keys), per_ms) = (&mut source.keys, source.types.per_ms) else { return };
        keys.on_time(now);
        let Some(target) = target.as_mut().filter(|target| target.way.direction.sends()) else {
            return keys.teller.clear();
        };
        let to = target.latch.target();
        let Between { plan, seed, teller, began, .. } = &mut **keys;
        let tick = TICK_MS.saturating_mul(u32::from(per_ms));
        let (outputs, stats) = (&mut self.outputs, self.stats.get_mut(side.other().place()));
        let mut dropped = 0;
        teller.handle_timeout(plan.by, now, &mut |told: Told<'_>| {
            if told.begins {
                *began = target.numbers.after(tick, per_ms, *seed, now);
            }
            let moved = if told.moves { told.ticks.saturating_mul(tick) } else { 0 };
            let (sequence, ssrc) = target.numbers.insert(*seed, now);
            let timestamp = began.wrapping_add(moved);
            let header = write_header(told.begins, told.payload_type, sequence, timestamp, ssrc);
            let mut bytes = Vec::with_capacity(HEADER.saturating_add(told.payload.len()));
            bytes.extend_from_slice(&header);
            bytes.extend_from_slice(told.payload);
            target.sent_packets = target.sent_packets.wrapping_add(1);
            let length = u32::try_from(told.payload.len()).unwrap_or(0);
            target.sent_bytes = target.sent_bytes.wrapping_add(length);
            if outputs.len() < MEDIA_OUTPUTS {
                outputs.push_back(Forward { side: side.other(), to, bytes });
            } else {
                dropped += 1;
            }
        });
        if let Some(stats) = stats {
            stats.outputs_dropped = stats.outputs_dropped.saturating_add(dropped);
        }
    }
}

impl Peer {
    /// The type that a packet of this peer has for the other one; its own where its keys are taken out.
    pub(super) fn type_of(&self, payload_type: u8) -> Option<u8> {
        let keys = || {
            let keys = self.keys.as_ref().filter(|_| MEDIA);
            keys.filter(|keys| keys.takes(payload_type)).map(|_| payload_type)
        };
        self.types.get(payload_type).or_else(keys)
    }

    /// A packet that does not go to this peer as it is: nothing, or silence, in its place.
    pub(super) fn instead(
        &mut self,
        fate: Fate,
        packet: &Packet<'_>,
        (payload_type, per_ms): (u8, u16),
        now: Instant,
    ) -> Option<(SocketAddr, Vec<u8>)> {
        let Packet { marker, sequence, timestamp, ssrc, payload, .. } = *packet;
        let came = Numbers { marker, sequence, timestamp, ssrc };
        let Fate::Silent(codec) = fate else {
            self.numbers.withhold(came, per_ms, now);
            return None;
        };
        let Numbers { marker, sequence, timestamp, ssrc } = self.numbers.next(came, per_ms, now);
        let mut bytes = write_header(marker, payload_type, sequence, timestamp, ssrc).to_vec();
        bytes.extend(silence(codec, payload.len()));
        self.sent_packets = self.sent_packets.wrapping_add(1);
        let length = u32::try_from(bytes.len().saturating_sub(HEADER)).unwrap_or(0);
        self.sent_bytes = self.sent_bytes.wrapping_add(length);
        Some((self.latch.target(), bytes))
    }
}
