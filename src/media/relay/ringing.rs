//! The tone of a peer that waits for another one: made here as long as nobody is on the other side.
use super::{Forward, Peer, Relay, Side};
use crate::media::codec::Encoder;
use crate::media::tones::{Player, Tone};
use crate::media::{FRAME, Remote, Seed};
use crate::util::time::Instant;
use crate::wire::rtp::{HEADER, write_header};
use core::time::Duration;

/// Between two packets.
const TICK: Duration = Duration::from_millis(20);
/// Its RTP time: an octet for 1/8,000 s in each codec of ours.
const STEP: u32 = 160;
/// Later than this is not made up for.
const LATE: Duration = Duration::from_millis(200);

/// A tone on its way to one peer.
pub(super) struct Ringing {
    player: Player,
    encoder: Encoder,
    payload_type: u8,
    seed: Seed,
    /// Of the last packet; it goes on while the peer holds the call.
    timestamp: Option<u32>,
    next_at: Instant,
}

impl Relay {
    /// The peer of this side hears `tone` until the other side has one, in the codec that `remote` asks for. `seed`: for a peer that
    /// has heard nothing so far.
    pub fn ring(&mut self, side: Side, tone: Tone, remote: &Remote, seed: Seed, now: Instant) {
        let Some(Some(peer)) = self.peers.get_mut(side.place()) else { return };
        peer.ringing = Some(Box::new(Ringing {
            player: Player::new(tone, 8_000),
            encoder: Encoder::new(remote.codec),
            payload_type: remote.payload_type,
            seed,
            timestamp: None,
            next_at: now,
        }));
    }

    /// Somebody is on the other side of this one.
    pub(super) fn stop_ringing(&mut self, side: Side) {
        if let Some(Some(peer)) = self.peers.get_mut(side.place()) {
            peer.ringing = None;
        }
    }

    pub(super) fn next_ringing(&self) -> Option<Instant> {
        self.peers
            .iter()
            .flatten()
            .filter_map(|peer| peer.ringing.as_ref())
            .map(|ringing| ringing.next_at)
            .min()
    }

    /// The packets of this side that are due; nothing is sent to who holds the call, and the tone goes on.
    pub(super) fn ring_on(&mut self, side: Side, now: Instant) {
        let Some(Some(peer)) = self.peers.get_mut(side.place()) else { return };
        let mut due = heapless::Vec::<Forward, 16>::new();
        while let Some(forward) = peer.next_of_tone(side, now) {
            // No more than were late together.
            let _ = due.push(forward);
        }
        due.into_iter().for_each(|forward| self.push(forward));
    }
}

impl Peer {
    fn next_of_tone(&mut self, side: Side, now: Instant) -> Option<Forward> {
        let ringing = self.ringing.as_mut().filter(|ringing| ringing.next_at <= now)?;
        let is_late = now.since(ringing.next_at) > LATE;
        ringing.next_at = if is_late { now } else { ringing.next_at } + TICK;
        let mut samples = [0; FRAME];
        ringing.player.fill(&mut samples);
        ringing.timestamp = ringing.timestamp.map(|last| last.wrapping_add(STEP));
        if !self.way.direction.sends() {
            return None;
        }
        let begins = ringing.timestamp.is_none();
        let timestamp = ringing.timestamp.unwrap_or_else(|| self.numbers.after(STEP, 8, ringing.seed, now));
        ringing.timestamp = Some(timestamp);
        let (sequence, ssrc) = self.numbers.insert(ringing.seed, now);
        let mut bytes = Vec::with_capacity(HEADER.saturating_add(FRAME));
        bytes.extend_from_slice(&write_header(begins, ringing.payload_type, sequence, timestamp, ssrc));
        bytes.extend(samples.iter().map(|sample| ringing.encoder.encode(*sample)));
        self.sent_packets = self.sent_packets.wrapping_add(1);
        self.sent_bytes = self.sent_bytes.wrapping_add(STEP);
        Some(Forward { side, to: self.latch.target(), bytes })
    }
}
