//! Between two peers that share no codec: what comes from one is decoded, encoded anew and put into packets of the other's length.
//!
//! No jitter buffer and no clock of its own: a packet in gives the packets out that it completes, so both peers go on hearing how the
//! network is. The stream that goes out has numbers of its own, one for each packet; its timestamps keep the pace of what comes.
//! Keys and silence are passed on as they are, with the timestamps of the sound around them.
#[cfg(feature = "media")]
#[cfg(test)]
mod tests;
mod timeline;

use super::PACKET_SAMPLES;
use super::codec::{Codec, Decoder, Encoder};
use super::conceal::Conceal;
use super::continuity::Numbers;
use super::reception::Arrival;
use crate::util::limits::{CARRIED_FORMATS, RECEIVE_TYPES};
use crate::util::time::Instant;
use crate::wire::rtp::{COMFORT_NOISE, Packet};
use timeline::{Place, Timeline};

/// Samples that are decoded in one go, 20 ms.
const PIECE: usize = 160;
/// A gap of at most so much is filled where packets were lost, 60 ms. A longer one stays: the peer has heard of it already.
const CONCEALED: u32 = 480;

/// What comes from one peer, and what the other one gets for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Types of sound, as we listed them to who sends it.
    pub sound: heapless::Vec<(u8, Codec), RECEIVE_TYPES>,
    /// What the other one gets.
    pub codec: Codec,
    pub payload_type: u8,
    /// Sound in each of its packets: 10 to 60 ms; others are rounded into that.
    pub ptime_ms: u8,
    /// Types of what is passed on as it is, on a clock of 8,000 Hz: as it comes, and as the other one knows it.
    pub passed: heapless::Vec<(u8, u8), CARRIED_FORMATS>,
    /// The other one has what is likely to come: nothing is transcoded until something else does.
    pub reserve: bool,
}

impl Plan {
    fn packet_samples(&self) -> usize {
        usize::from(self.ptime_ms / 10).clamp(1, 6).saturating_mul(80)
    }

    fn codec_of(&self, payload_type: u8) -> Option<Codec> {
        self.sound.iter().find(|(listed, _)| *listed == payload_type).map(|(_, codec)| *codec)
    }

    /// Silence has its number everywhere.
    fn passes(&self, payload_type: u8) -> Option<u8> {
        let listed = self.passed.iter().find(|(from, _)| *from == payload_type).map(|(_, to)| *to);
        listed.or_else(|| (payload_type == COMFORT_NOISE).then_some(COMFORT_NOISE))
    }
}

/// One packet for the other peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Made<'a> {
    /// Of the stream that is made, not of what came.
    pub numbers: Numbers,
    pub payload_type: u8,
    pub payload: &'a [u8],
}

/// What became of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transcoded {
    /// Samples made up for lost packets.
    pub concealed: u64,
    /// Packets that came too late for their place.
    pub late: u64,
}

/// One direction.
pub struct Transcoder {
    plan: Plan,
    decoder: Decoder,
    encoder: Encoder,
    conceal: Conceal,
    timeline: Timeline,
    /// Less than a packet of samples that wait for the rest of it.
    pending: heapless::Vec<i16, PACKET_SAMPLES>,
    counts: Transcoded,
}

/// What takes the packets.
type Send<'a> = dyn FnMut(Made<'_>) + 'a;

impl Transcoder {
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        Self {
            decoder: Decoder::default(),
            encoder: Encoder::new(plan.codec),
            plan,
            conceal: Conceal::default(),
            timeline: Timeline::default(),
            pending: heapless::Vec::new(),
            counts: Transcoded::default(),
        }
    }

    /// After another offer and answer: the stream goes on.
    pub fn renew(&mut self, plan: Plan) {
        self.encoder.turn_to(plan.codec);
        self.plan = plan;
    }

    #[must_use]
    pub fn knows(&self, payload_type: u8) -> bool {
        self.plan.codec_of(payload_type).is_some() || self.plan.passes(payload_type).is_some()
    }

    #[must_use]
    pub const fn counts(&self) -> Transcoded {
        self.counts
    }

    /// One packet of the peer, of a type that it knows. `send` gets what the other one is to have.
    pub fn handle(&mut self, packet: &Packet, arrival: Arrival, now: Instant, send: &mut Send) {
        match arrival {
            Arrival::Duplicate | Arrival::Stray => return,
            Arrival::Restart => self.restart(send),
            Arrival::Fresh => {}
        }
        if let Some(codec) = self.plan.codec_of(packet.payload_type) {
            self.on_sound(packet, codec, now, send);
        } else if let Some(payload_type) = self.plan.passes(packet.payload_type) {
            self.on_passed(packet, payload_type, now, send);
        }
    }

    /// Another stream of the same peer.
    fn restart(&mut self, send: &mut Send) {
        self.flush(send);
        self.timeline.restart();
        self.decoder = Decoder::default();
        self.conceal = Conceal::default();
    }

    fn on_sound(&mut self, packet: &Packet, codec: Codec, now: Instant, send: &mut Send) {
        let untouched = codec == self.plan.codec;
        match self.timeline.place(packet, now) {
            Place::Late => {
                self.counts.late = self.counts.late.saturating_add(1);
                return;
            }
            Place::Next => {}
            Place::Lost(gap) if gap <= CONCEALED && !untouched => self.fill(gap, send),
            Place::Lost(_) | Place::Apart => self.flush(send),
        }
        if untouched || self.pending.is_empty() {
            self.flush(send);
            self.timeline.begin_here(packet.timestamp);
        }
        if untouched {
            self.send_sound(packet.payload, send);
        } else {
            self.decoder.turn_to(codec);
            self.take(packet.payload, send);
        }
    }

    /// Decodes a payload, piece by piece.
    fn take(&mut self, payload: &[u8], send: &mut Send) {
        let mut samples = [0; PIECE];
        for piece in payload.chunks(PIECE) {
            for (sample, octet) in samples.iter_mut().zip(piece) {
                *sample = self.decoder.decode(*octet);
            }
            let sound = samples.get_mut(..piece.len()).unwrap_or_default();
            if self.conceal.is_idle() {
                self.conceal.remember(sound);
            } else {
                sound.iter_mut().for_each(|sample| *sample = self.conceal.real(*sample));
            }
            self.collect(sound, send);
        }
    }

    /// Sound in place of lost packets: what came last once more, fading.
    fn fill(&mut self, gap: u32, send: &mut Send) {
        self.counts.concealed = self.counts.concealed.saturating_add(u64::from(gap));
        for _ in 0..gap {
            let sample = self.conceal.missing(false);
            self.collect(&[sample], send);
        }
    }

    fn collect(&mut self, mut sound: &[i16], send: &mut Send) {
        let whole = self.plan.packet_samples();
        while !sound.is_empty() {
            let room = whole.saturating_sub(self.pending.len()).min(sound.len());
            let (now, rest) = sound.split_at_checked(room).unwrap_or_default();
            // `whole` is at most its capacity.
            let _ = self.pending.extend_from_slice(now);
            if self.pending.len() >= whole {
                self.flush(send);
            }
            sound = rest;
        }
    }

    /// What waits goes out, even if it is a short packet.
    fn flush(&mut self, send: &mut Send) {
        if self.pending.is_empty() {
            return;
        }
        let mut octets = [0; PACKET_SAMPLES];
        for (octet, sample) in octets.iter_mut().zip(&self.pending) {
            *octet = self.encoder.encode(*sample);
        }
        let length = self.pending.len();
        self.pending.clear();
        self.send_sound(octets.get(..length).unwrap_or_default(), send);
    }

    fn send_sound(&mut self, payload: &[u8], send: &mut Send) {
        // An octet is a step of the clock, of G.722 too.
        let numbers = self.timeline.sound(u32::try_from(payload.len()).unwrap_or(0));
        send(Made { numbers, payload_type: self.plan.payload_type, payload });
    }

    /// A key, or the sender's silence.
    fn on_passed(&mut self, packet: &Packet, payload_type: u8, now: Instant, send: &mut Send) {
        self.flush(send);
        if let Some(numbers) = self.timeline.beside(packet, now) {
            send(Made { numbers, payload_type, payload: packet.payload });
        } else {
            self.counts.late = self.counts.late.saturating_add(1);
        }
    }
}
