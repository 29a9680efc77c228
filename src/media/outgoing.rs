//! Our RTP stream to the peer: sound in packets of the agreed length, keys as events, and a sign of life.
//!
//! While the stick says nothing, nothing is sent but one packet of silence a second: enough for routers' NAT and for a peer
//! that ends silent calls, and what follows has the timestamp it would have had (RFC 3551 section 4.1 allows the gap, the
//! marker tells it).
use super::codec::Encoder;
use super::digits::detect::{Detector, Heard};
use super::jitter::STALL;
use super::stats::Stats;
use super::{FRAME, PACKET_SAMPLES, Remote, Seed, Telling as By};
use crate::util::time::Instant;
use crate::wire::rtp::{Event, write_header};
use core::time::Duration;

/// Silence is sent this often while there is no sound to send; and while the peer only sends, or nobody does.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);
const SIGN_ON_HOLD: Duration = Duration::from_secs(15);
/// The first packets open the way through NAT before there is sound.
const OPENERS: u32 = 2;
const OPENER_EACH: Duration = Duration::from_millis(20);
/// An event lasts at least so long (phones overlook shorter ones), and at most what its duration field holds.
const LEAST_EVENT: u32 = 480;
const MOST_EVENT: u32 = 64_000;
/// Samples of a frame as a step of the timestamp.
const FRAME_TIME: u32 = 160;
/// Power told with events, -dBm0.
const VOLUME: u8 = 10;
/// After a stall the stick may deliver its backlog at once: so much of it is sent, the rest is old.
const BACKLOG: u64 = 800;
const BACKLOG_FOR: Duration = Duration::from_secs(2);

/// A key that is being told.
struct Telling {
    code: u8,
    timestamp: u32,
    duration: u32,
    /// Its first packet, which bears the marker, has gone.
    begun: bool,
    /// The tone is over; the event lasts on to its least length.
    over: bool,
}

/// After a stall: what came since.
struct Resumed {
    at: Instant,
    samples: u64,
}

pub struct Outgoing {
    ssrc: u32,
    sequence: u16,
    /// Of the first sample in `pending`.
    timestamp: u32,
    /// The moment that the end of `pending` stands for. The frames' pace carries both on; over gaps the clock does.
    reached: Option<Instant>,
    pending: Vec<i16>,
    encoder: Encoder,
    marker: bool,
    detector: Detector,
    telling: Option<Telling>,
    /// To be told by INFO.
    pressed: Option<char>,
    last_frame_at: Option<Instant>,
    resumed: Option<Resumed>,
    openers: u32,
    next_sign_at: Option<Instant>,
}

impl Outgoing {
    #[must_use]
    pub fn new(seed: Seed) -> Self {
        Self {
            ssrc: seed.ssrc,
            sequence: seed.sequence,
            timestamp: seed.timestamp,
            reached: None,
            pending: Vec::with_capacity(PACKET_SAMPLES + FRAME),
            encoder: Encoder::default(),
            marker: true,
            detector: Detector::default(),
            telling: None,
            pressed: None,
            last_frame_at: None,
            resumed: None,
            openers: 0,
            next_sign_at: None,
        }
    }

    /// A peer, or a peer's new address: something must go there at once.
    pub fn open_way(&mut self, now: Instant) {
        self.openers = OPENERS;
        self.next_sign_at = Some(now);
    }

    /// Our source, and the timestamp of this moment.
    #[must_use]
    pub fn clock(&self, now: Instant) -> (u32, u32) {
        let passed = self.reached.map_or(0, |reached| now.since(reached).as_micros() / 125);
        #[expect(clippy::cast_possible_truncation, reason = "timestamps wrap")]
        let passed = passed as u32;
        let pending = u32::try_from(self.pending.len()).unwrap_or(0);
        (self.ssrc, self.timestamp.wrapping_add(pending).wrapping_add(passed))
    }

    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Instant> {
        self.next_sign_at
    }

    /// Sends silence where nothing else is sent.
    pub fn handle_timeout(&mut self, remote: &Remote, now: Instant, send: &mut impl FnMut(Vec<u8>)) {
        if self.next_sign_at.is_none_or(|at| now < at) {
            return;
        }
        self.openers = self.openers.saturating_sub(1);
        self.next_sign_at = Some(now + self.pause(remote));
        self.drop_pending();
        self.end_event(remote, send);
        self.follow_clock(now, 0);
        let silence = [0; PACKET_SAMPLES];
        let silence = silence.get(..remote.packet_samples()).unwrap_or_default();
        self.send_sound(remote, silence, send);
        self.reached = Some(now + Duration::from_millis(u64::try_from(silence.len() / 8).unwrap_or(0)));
        self.marker = true;
    }

    fn pause(&self, remote: &Remote) -> Duration {
        match self.openers {
            0 if remote.direction.sends() => SIGN_OF_LIFE,
            0 => SIGN_ON_HOLD,
            _ => OPENER_EACH,
        }
    }

    /// One frame of the stick: as it came, for keys to be found in, and as it is to be sent.
    pub fn on_frame(
        &mut self,
        (frame, said): (&[i16; FRAME], &[i16; FRAME]),
        remote: &Remote,
        now: Instant,
        stats: &mut Stats,
        send: &mut impl FnMut(Vec<u8>),
    ) {
        if !self.keep_time(now, stats) {
            return;
        }
        if !remote.direction.sends() {
            self.end_event(remote, send);
            self.drop_pending();
            self.timestamp = self.timestamp.wrapping_add(FRAME_TIME);
            self.marker = true;
            return;
        }
        self.openers = 0;
        self.next_sign_at = Some(now + self.pause(remote));
        self.listen(frame, remote, stats);
        if self.telling.is_some() {
            self.tell(remote, send);
            return;
        }
        // Less than one packet is left over from the frame before.
        self.pending.extend_from_slice(said);
        self.send_packets(remote, send);
    }

    /// The key that the last frame began with, if it is to be told by INFO.
    pub const fn take_pressed(&mut self) -> Option<char> {
        self.pressed.take()
    }

    /// The voice port closed: what was begun is ended.
    pub fn close(&mut self, remote: Option<&Remote>, send: &mut impl FnMut(Vec<u8>)) {
        if let Some(remote) = remote {
            self.end_event(remote, send);
        }
        self.drop_pending();
        self.telling = None;
        self.detector = Detector::default();
        self.last_frame_at = None;
        self.resumed = None;
        self.marker = true;
    }

    /// Ends the key that is being told, whatever the stick sounds like. Each event that was begun gets its ends.
    pub fn end_event(&mut self, remote: &Remote, send: &mut impl FnMut(Vec<u8>)) {
        let Some(telling) = self.telling.take() else { return };
        if let By::Event(payload_type) = remote.telling() {
            (0..3).for_each(|_| self.send_event(payload_type, &telling, true, send));
        }
    }

    /// Moves the timestamp over a gap; `false` when this frame is old already.
    fn keep_time(&mut self, now: Instant, stats: &mut Stats) -> bool {
        let stalled = self.last_frame_at.is_some_and(|at| now.since(at) > STALL);
        if stalled {
            self.resumed = Some(Resumed { at: now, samples: 0 });
        }
        if stalled || self.last_frame_at.is_none() {
            self.drop_pending();
            self.follow_clock(now, FRAME_TIME);
        }
        self.last_frame_at = Some(now);
        self.reached = Some(now);
        let Some(resumed) = &mut self.resumed else { return true };
        let passed = now.since(resumed.at);
        let due = u64::try_from(passed.as_micros() / 125).unwrap_or(u64::MAX);
        let old = resumed.samples > due.saturating_add(BACKLOG);
        if old {
            stats.voice_dropped = stats.voice_dropped.saturating_add(1);
        } else {
            resumed.samples = resumed.samples.saturating_add(u64::from(FRAME_TIME));
        }
        if passed > BACKLOG_FOR {
            self.resumed = None;
        }
        !old
    }

    /// The timestamp of this moment less `sound`, the samples that end with it.
    fn follow_clock(&mut self, now: Instant, sound: u32) {
        let passed = self.reached.map_or(0, |reached| now.since(reached).as_micros() / 125);
        let Some(gap) = passed.checked_sub(u128::from(sound)).filter(|gap| *gap > 0) else { return };
        #[expect(clippy::cast_possible_truncation, reason = "timestamps wrap, as these do after 149 hours")]
        let gap = gap as u32;
        self.timestamp = self.timestamp.wrapping_add(gap);
        self.marker = true;
    }

    /// Sound that waits for a whole packet is given up, its time passes.
    fn drop_pending(&mut self) {
        let waiting = u32::try_from(self.pending.len()).unwrap_or(0);
        self.timestamp = self.timestamp.wrapping_add(waiting);
        self.pending.clear();
    }

    /// Keys in the sound, where the peer is told of them; else they stay in the sound.
    fn listen(&mut self, frame: &[i16; FRAME], remote: &Remote, stats: &mut Stats) {
        let by = remote.telling();
        if by == By::Sound {
            return;
        }
        let mut all = heapless::Vec::<Heard, 4>::new();
        self.detector.listen(frame.iter().copied(), &mut |heard| all.extend([heard]));
        for heard in all {
            match heard {
                Heard::Begin(digit) => {
                    self.begin_event(digit, stats);
                    self.pressed = Some(digit).filter(|_| by == By::Info);
                }
                Heard::End => self.telling.iter_mut().for_each(|telling| telling.over = true),
            }
        }
    }

    fn begin_event(&mut self, digit: char, stats: &mut Stats) {
        let Some(code) = Event::code(digit) else { return };
        // Sound that waits for its packet has the tone in it already, so the event begins with it.
        let (timestamp, duration) = (self.timestamp, u32::try_from(self.pending.len()).unwrap_or(0));
        self.drop_pending();
        self.telling = Some(Telling { code, timestamp, duration, begun: false, over: false });
        stats.digits_from_stick = stats.digits_from_stick.saturating_add(1);
    }

    /// One frame of an event: begin, update or its three ends. Its sound is not sent; beside INFO there is silence.
    fn tell(&mut self, remote: &Remote, send: &mut impl FnMut(Vec<u8>)) {
        let Some(mut telling) = self.telling.take() else { return };
        let payload_type = match remote.telling() {
            By::Event(payload_type) => payload_type,
            By::Info | By::Sound => {
                self.telling = (!telling.over).then_some(telling);
                self.pending.extend_from_slice(&[0; FRAME]);
                return self.send_packets(remote, send);
            }
        };
        self.timestamp = self.timestamp.wrapping_add(FRAME_TIME);
        telling.duration = telling.duration.saturating_add(FRAME_TIME);
        let enough = telling.over && telling.duration >= LEAST_EVENT;
        let end = telling.begun && (enough || telling.duration > MOST_EVENT);
        let times = if end { 3 } else { 1 };
        (0..times).for_each(|_| self.send_event(payload_type, &telling, end, send));
        telling.begun = true;
        self.telling = (!end).then_some(telling);
    }

    fn send_event(&mut self, payload_type: u8, telling: &Telling, end: bool, send: &mut impl FnMut(Vec<u8>)) {
        let duration = u16::try_from(telling.duration).unwrap_or(u16::MAX);
        // The marker tells the begin of an event (RFC 4733 section 2.5.1.1).
        let marker = !end && !telling.begun;
        let event = Event { code: telling.code, end, volume: VOLUME, duration }.to_bytes();
        self.send_packet(marker, payload_type, telling.timestamp, event.into_iter(), send);
    }

    fn send_packets(&mut self, remote: &Remote, send: &mut impl FnMut(Vec<u8>)) {
        let pending = core::mem::take(&mut self.pending);
        let packets = pending.chunks_exact(remote.packet_samples());
        let rest = packets.remainder().len();
        packets.for_each(|packet| self.send_sound(remote, packet, send));
        self.pending = pending;
        self.pending.drain(..self.pending.len().saturating_sub(rest));
    }

    fn send_sound(&mut self, remote: &Remote, sound: &[i16], send: &mut impl FnMut(Vec<u8>)) {
        let marker = core::mem::take(&mut self.marker);
        let mut encoder = core::mem::take(&mut self.encoder);
        encoder.turn_to(remote.codec);
        let encoded = sound.iter().map(|sample| encoder.encode(*sample));
        self.send_packet(marker, remote.payload_type, self.timestamp, encoded, send);
        self.encoder = encoder;
        self.timestamp = self.timestamp.wrapping_add(u32::try_from(sound.len()).unwrap_or(0));
    }

    fn send_packet(
        &mut self,
        marker: bool,
        payload_type: u8,
        timestamp: u32,
        payload: impl ExactSizeIterator<Item = u8>,
        send: &mut impl FnMut(Vec<u8>),
    ) {
        let header = write_header(marker, payload_type, self.sequence, timestamp, self.ssrc);
        self.sequence = self.sequence.wrapping_add(1);
        let mut bytes = Vec::with_capacity(header.len().saturating_add(payload.len()));
        bytes.extend_from_slice(&header);
        bytes.extend(payload);
        send(bytes);
    }
}
