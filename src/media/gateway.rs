//! A stick's voice port and one RTP peer.
mod reports;

use super::Output;
use super::control::Session;
use super::digits::doubles::{Doubles, Means};
use super::digits::ear::{Ear, silence};
use super::digits::keys::{Keys, Pressed};
use super::digits::tones::Tones;
use super::jitter::{JitterBuffer, STALL};
use super::latch::Latch;
use super::outgoing::Outgoing;
use super::reception::{Arrival, Reception};
use super::shape::{Shaper, Shaping};
use super::stats::Stats;
use super::voice::{VoiceBytes, to_bytes};
use super::{Codec, FRAME, Remote, Seed};
use crate::util::MEDIA;
use crate::util::limits::MEDIA_OUTPUTS;
use crate::util::time::Instant;
use crate::wire::rtp::{COMFORT_NOISE, Event, Packet};
use core::net::SocketAddr;
use std::collections::VecDeque;

/// What the clock of G.711 counts in a millisecond.
const PER_MS: u16 = 8;

/// The peer and where it is.
struct Peer {
    remote: Remote,
    latch: Latch,
    control: Session,
}

/// Between the stick's OK to `AT^DDSETEX` and `^CEND`.
struct Voice {
    bytes: VoiceBytes,
    tones: Tones,
    jitter: JitterBuffer,
    /// The stick has stalled at this moment unless a frame comes; `None` when that has been counted.
    stall_at: Option<Instant>,
}

/// Sound between a stick and a peer, both ways. The stick's frames are the clock.
pub struct Gateway {
    peer: Option<Peer>,
    voice: Option<Voice>,
    /// An odd number of bytes came before `open_voice`.
    half_sample: bool,
    outgoing: Outgoing,
    reception: Reception,
    keys: Keys,
    /// Where keys may come in the sound.
    ear: Option<Box<Ear>>,
    doubles: Doubles,
    shaper: Option<Box<Shaper>>,
    outputs: VecDeque<Output>,
    stats: Stats,
}

impl Gateway {
    #[must_use]
    pub fn new(seed: Seed) -> Self {
        Self {
            peer: None,
            voice: None,
            half_sample: false,
            outgoing: Outgoing::new(seed),
            reception: Reception::default(),
            keys: Keys::default(),
            ear: None,
            doubles: Doubles::default(),
            shaper: None,
            outputs: VecDeque::new(),
            stats: Stats::default(),
        }
    }

    /// After each offer and answer. Our stream goes on with its numbers; the learnt address stays while the signalled
    /// one does. Each call opens the window for learning an address again, so it belongs to the answer of the call too.
    pub fn set_remote(&mut self, remote: Remote, now: Instant) {
        self.end_event();
        let moved = self.peer.as_ref().is_none_or(|peer| peer.remote.addr != remote.addr);
        match &mut self.peer {
            Some(peer) => {
                peer.latch.renew(remote.addr, remote.symmetric, now);
                peer.control.renew(remote.direction, moved, self.reception.counts().received, now);
                peer.remote = remote;
            }
            None => {
                let latch = Latch::new(remote.addr, remote.symmetric, now);
                let mut control = Session::new(remote.addr, now);
                control.renew(remote.direction, true, 0, now);
                self.peer = Some(Peer { remote, latch, control });
            }
        }
        self.note_latch();
        let remote = self.peer.as_ref().map(|peer| &peer.remote);
        let listens = MEDIA && remote.is_some_and(|r| r.dtmf.may_sound(r.event_receive.is_some()));
        self.ear = listens.then(|| self.ear.take().unwrap_or_default());
        if moved {
            self.outgoing.open_way(now);
            self.handle_timeout(now);
        }
    }

    /// What is done to the sound; without it each sample goes as it came.
    pub fn set_shaping(&mut self, shaping: Shaping) {
        self.shaper = if MEDIA { Shaper::new(shaping).map(Box::new) } else { None };
    }

    /// The stick's voice port carries sound from now on.
    pub fn open_voice(&mut self, now: Instant) {
        let half_sample = self.half_sample;
        self.close_voice();
        self.voice = Some(Voice {
            bytes: VoiceBytes::beginning(half_sample),
            tones: Tones::default(),
            jitter: JitterBuffer::default(),
            stall_at: Some(now + STALL),
        });
    }

    /// The call has ended at the stick: nothing goes there any more, not even what waits.
    pub fn close_voice(&mut self) {
        self.voice = None;
        self.half_sample = false;
        self.outputs.retain(|output| matches!(output, Output::Rtp { .. }));
        let Self { peer, outgoing, outputs, stats, .. } = self;
        let to = peer.as_ref().map(|peer| peer.latch.target());
        outgoing
            .close(peer.as_ref().map(|peer| &peer.remote), &mut |bytes| push_rtp(outputs, stats, to, bytes));
    }

    /// Bytes of the voice port, however many. Each frame that they complete gives one back.
    pub fn handle_voice(&mut self, bytes: &[u8], now: Instant) {
        if self.voice.is_none() {
            // Samples begin before the stick says OK to AT^DDSETEX; what is dropped here may be half of one.
            self.half_sample ^= bytes.len() % 2 == 1;
            return;
        }
        let mut rest = bytes;
        while let Some(frame) = self.voice.as_mut().and_then(|voice| voice.bytes.next_frame(&mut rest)) {
            self.on_frame(&frame, now);
        }
        self.stats.realigned_bytes = self.voice.as_ref().map_or(0, |voice| voice.bytes.realigned());
    }

    /// Samples come from another port from now on.
    pub fn restart_voice_bytes(&mut self) {
        self.half_sample = false;
        if let Some(voice) = &mut self.voice {
            voice.bytes = VoiceBytes::default();
        }
    }

    /// A datagram at our RTP port.
    pub fn handle_rtp(&mut self, from: SocketAddr, bytes: &[u8], now: Instant) {
        let Some(peer) = &mut self.peer else {
            self.stats.stranger = self.stats.stranger.saturating_add(1);
            return;
        };
        let Ok(packet) = Packet::parse(bytes) else {
            self.stats.malformed = self.stats.malformed.saturating_add(1);
            return;
        };
        if !is_known(&peer.remote, packet.payload_type) {
            self.stats.unknown_type = self.stats.unknown_type.saturating_add(1);
            return;
        }
        let accepted = peer.latch.accept(from, packet.sequence, packet.ssrc, now);
        self.stats.latched = peer.latch.locked();
        if !accepted {
            peer.control.note_stranger(from);
            self.stats.stranger = self.stats.stranger.saturating_add(1);
            return;
        }
        self.on_packet(&packet, now);
    }

    /// The time of `poll_timeout` has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        if let Some(voice) = &mut self.voice
            && voice.stall_at.is_some_and(|at| now >= at)
        {
            voice.stall_at = None;
            self.stats.stalls = self.stats.stalls.saturating_add(1);
        }
        let Self { peer, outgoing, outputs, stats, .. } = self;
        let Some(peer) = peer else { return };
        let before = stats.sent_packets;
        let to = Some(peer.latch.target());
        outgoing.handle_timeout(&peer.remote, now, &mut |bytes| push_rtp(outputs, stats, to, bytes));
        if stats.sent_packets != before {
            stats.last_sent_at = Some(now);
        }
    }

    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let sign = self.peer.as_ref().and_then(|_| self.outgoing.poll_timeout());
        let stall = self.voice.as_ref().and_then(|voice| voice.stall_at);
        [sign, stall].into_iter().flatten().min()
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Sounds a key in the stick's direction, for a stick whose `AT^DTMF` does not work.
    pub fn send_digit(&mut self, digit: char) {
        if !self.voice.as_mut().is_some_and(|voice| voice.tones.push(digit)) {
            self.stats.digits_dropped = self.stats.digits_dropped.saturating_add(1);
        }
    }

    /// The phone's user pressed a key, as its INFO says.
    pub fn press(&mut self, digit: char, now: Instant) {
        self.on_key(Means::Info, digit, now);
    }

    #[must_use]
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }

    fn on_frame(&mut self, frame: &[i16; FRAME], now: Instant) {
        let Self { peer, voice: Some(voice), shaper, outgoing, outputs, stats, .. } = self else { return };
        stats.voice_frames = stats.voice_frames.saturating_add(1);
        voice.stall_at = Some(now + STALL);
        let mut sound = voice.jitter.pull(now, stats);
        let mut said = *frame;
        if MEDIA && let Some(shaper) = shaper {
            shaper.shape_for_stick(&mut sound);
            shaper.shape_for_peer(&mut said);
        }
        voice.tones.overlay(&mut sound);
        push(outputs, stats, Output::Voice(to_bytes(&sound)));
        let Some(peer) = peer else { return };
        let to = Some(peer.latch.target());
        let mut packets = heapless::Vec::<Vec<u8>, 8>::new();
        outgoing.on_frame((frame, &said), &peer.remote, now, stats, &mut |bytes| drop(packets.push(bytes)));
        for bytes in packets {
            stats.last_sent_at = Some(now);
            push_rtp(outputs, stats, to, bytes);
        }
        if let Some(digit) = outgoing.take_pressed().filter(|_| MEDIA) {
            push(outputs, stats, Output::Inform(digit));
        }
    }

    /// A packet that is the peer's.
    fn on_packet(&mut self, packet: &Packet, now: Instant) {
        self.stats.received_packets = self.stats.received_packets.saturating_add(1);
        let bytes = u64::try_from(packet.payload.len()).unwrap_or(0);
        self.stats.received_bytes = self.stats.received_bytes.saturating_add(bytes);
        self.stats.last_received_at = Some(now);
        let arrival = self.reception.on_packet(packet.sequence, packet.ssrc);
        self.reception.note_in(&mut self.stats);
        match arrival {
            Arrival::Duplicate | Arrival::Stray => return,
            Arrival::Restart => {
                self.keys.restart();
                self.voice.iter_mut().for_each(|voice| voice.jitter.restart());
            }
            Arrival::Fresh => {}
        }
        let Some(remote) = self.peer.as_ref().map(|peer| &peer.remote).filter(|r| r.direction.receives())
        else {
            return;
        };
        if remote.event_receive == Some(packet.payload_type) {
            self.on_event(packet, now);
        } else if let Some(codec) = remote.codec_of(packet.payload_type) {
            self.reception.on_timestamp(packet.timestamp, PER_MS, now);
            self.reception.note_in(&mut self.stats);
            let is_key = self.hears_key(packet, codec, now);
            let Some(voice) = &mut self.voice else { return };
            let header = (packet.timestamp, packet.marker);
            let silence = is_key.then(|| silence(codec, packet.payload.len()));
            let payload = silence.as_deref().unwrap_or(packet.payload);
            voice.jitter.put(header, (codec, payload), now, &mut self.stats);
        } else if let Some(voice) = &mut self.voice {
            voice.jitter.put_silence(packet.timestamp);
        }
    }

    fn on_event(&mut self, packet: &Packet, now: Instant) {
        let (Some(event), Some(voice)) = (Event::parse(packet.payload), &mut self.voice) else { return };
        voice.jitter.put_silence(packet.timestamp);
        match self.keys.on_event(packet.timestamp, packet.marker, event, now) {
            Some(Pressed::Digit(digit)) => self.on_key(Means::Event, digit, now),
            Some(Pressed::Other) => {
                self.stats.events_ignored = self.stats.events_ignored.saturating_add(1);
            }
            None => {}
        }
    }

    /// Whether this sound is that of a key, which the stick tells by itself.
    fn hears_key(&mut self, packet: &Packet, codec: Codec, now: Instant) -> bool {
        let Some(ear) = self.ear.as_mut().filter(|_| MEDIA) else { return false };
        let was_down = ear.is_down();
        let mut begun = heapless::Vec::<char, 2>::new();
        ear.listen(packet, codec, &mut |digit| begun.extend(Some(digit)));
        let is_key = was_down || ear.is_down();
        begun.into_iter().for_each(|digit| self.on_key(Means::Sound, digit, now));
        is_key
    }

    fn on_key(&mut self, means: Means, digit: char, now: Instant) {
        if MEDIA && !self.doubles.is_new(means, digit, now) {
            return;
        }
        self.stats.digits_from_phone = self.stats.digits_from_phone.saturating_add(1);
        push(&mut self.outputs, &mut self.stats, Output::Digit(digit));
    }

    fn end_event(&mut self) {
        let Self { peer: Some(peer), outgoing, outputs, stats, .. } = self else { return };
        let to = Some(peer.latch.target());
        outgoing.end_event(&peer.remote, &mut |bytes| push_rtp(outputs, stats, to, bytes));
    }

    fn note_latch(&mut self) {
        self.stats.latched = self.peer.as_ref().and_then(|peer| peer.latch.locked());
    }
}

/// Types that make a packet plausible.
fn is_known(remote: &Remote, payload_type: u8) -> bool {
    payload_type == COMFORT_NOISE
        || remote.event_receive == Some(payload_type)
        || remote.codec_of(payload_type).is_some()
}

fn push_rtp(outputs: &mut VecDeque<Output>, stats: &mut Stats, to: Option<SocketAddr>, bytes: Vec<u8>) {
    let Some(to) = to else { return };
    stats.sent_packets = stats.sent_packets.saturating_add(1);
    let payload = bytes.len().saturating_sub(crate::wire::rtp::HEADER);
    stats.sent_bytes = stats.sent_bytes.saturating_add(u64::try_from(payload).unwrap_or(0));
    push(outputs, stats, Output::Rtp { to, bytes });
}

fn push(outputs: &mut VecDeque<Output>, stats: &mut Stats, output: Output) {
    if outputs.len() >= MEDIA_OUTPUTS {
        stats.outputs_dropped = stats.outputs_dropped.saturating_add(1);
        return;
    }
    outputs.push_back(output);
}
