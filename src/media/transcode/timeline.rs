//! The numbers of a stream that is made of another one: which sample is when.
use crate::media::continuity::Numbers;
use crate::util::time::Instant;
use crate::wire::rtp::Packet;
use core::time::Duration;

/// A timestamp so much further on than the time that has passed, a second, is another clock and no pause.
const JUMP: u32 = 8_000;
/// The longest key lasts so long before it gets a new timestamp (RFC 4733 section 2.3.5: the duration has 16 bits).
const LONGEST_KEY: u32 = 66_000;

/// Where a packet of sound stands to the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Behind a newer one.
    Late,
    /// Right after it.
    Next,
    /// So many samples after it, and packets are missing.
    Lost(u32),
    /// After a pause of the sender, or by another clock.
    Apart,
}

/// How the stream that comes goes on.
#[derive(Clone, Copy)]
struct Source {
    sequence: u16,
    /// The timestamp of the sound that comes next.
    expected: u32,
    /// From its timestamps to ours.
    shift: u32,
    /// When the last packet came.
    at: Instant,
}

/// One stream that goes out.
#[derive(Default)]
pub struct Timeline {
    source: Option<Source>,
    /// Its name as long as it lasts, and the number of its next packet.
    begun: Option<(u32, u16)>,
    /// Of the first sample that is not sent yet.
    timestamp: u32,
    marker: bool,
    /// What the last sound ends with, and the moment that stands for.
    reached: Option<(u32, Instant)>,
}

/// From one timestamp to a later one; `None`: it is an earlier one.
const fn ahead(from: u32, to: u32) -> Option<u32> {
    let step = to.wrapping_sub(from);
    if step.cast_signed() < 0 { None } else { Some(step) }
}

/// Units of the clock.
fn units(passed: Duration) -> u32 {
    u32::try_from(passed.as_micros() / 125).unwrap_or(u32::MAX)
}

impl Source {
    const fn is_late(&self, sequence: u16) -> bool {
        sequence.wrapping_sub(self.sequence).cast_signed() <= 0
    }

    /// This timestamp may be that of a packet that comes now.
    fn continues(&self, timestamp: u32, now: Instant) -> bool {
        let most = units(now.since(self.at)).saturating_add(JUMP);
        ahead(self.expected, timestamp).is_some_and(|gap| gap <= most)
    }

    /// The same of one that is no sound: the begin of a key lies behind us while it is pressed.
    fn is_near(&self, timestamp: u32, now: Instant) -> bool {
        self.continues(timestamp, now)
            || ahead(timestamp, self.expected).is_some_and(|gap| gap <= LONGEST_KEY)
    }

    fn place_of(&self, packet: &Packet, now: Instant) -> Place {
        if self.is_late(packet.sequence) {
            return Place::Late;
        }
        let is_lost = packet.sequence.wrapping_sub(self.sequence) > 1;
        match ahead(self.expected, packet.timestamp) {
            Some(0) => Place::Next,
            Some(gap) if is_lost && self.continues(packet.timestamp, now) => Place::Lost(gap),
            _ => Place::Apart,
        }
    }
}

impl Timeline {
    /// The next packet is of another source.
    pub const fn restart(&mut self) {
        self.source = None;
    }

    /// A packet of sound: where it stands. The next one is expected behind it.
    pub fn place(&mut self, packet: &Packet, now: Instant) -> Place {
        let Packet { sequence, timestamp, payload, .. } = *packet;
        let place = self.source.map_or(Place::Apart, |source| source.place_of(packet, now));
        if place == Place::Late {
            return place;
        }
        let length = u32::try_from(payload.len()).unwrap_or(0);
        let shift = match self.source {
            Some(source) if source.continues(timestamp, now) => source.shift,
            _ => self.shift_to_now(timestamp, now),
        };
        self.begin(packet);
        self.marker |= place == Place::Apart;
        let expected = timestamp.wrapping_add(length);
        self.source = Some(Source { sequence, expected, shift, at: now });
        let end = now + Duration::from_micros(u64::from(length).saturating_mul(125));
        self.reached = Some((expected.wrapping_add(shift), end));
        place
    }

    /// The next sound that is sent has this timestamp of the source.
    pub fn begin_here(&mut self, timestamp: u32) {
        let ours = timestamp.wrapping_add(self.source.map_or(0, |source| source.shift));
        self.marker |= ours != self.timestamp;
        self.timestamp = ours;
    }

    /// The numbers of a packet with the next `length` samples.
    pub fn sound(&mut self, length: u32) -> Numbers {
        let timestamp = self.timestamp;
        self.timestamp = timestamp.wrapping_add(length);
        let marker = core::mem::take(&mut self.marker);
        self.number(marker, timestamp)
    }

    /// The numbers of a packet that is no sound; `None`: it came too late.
    pub fn beside(&mut self, packet: &Packet, now: Instant) -> Option<Numbers> {
        let Packet { marker, sequence, timestamp, .. } = *packet;
        let source = match self.source {
            Some(source) if source.is_late(sequence) => return None,
            Some(source) if source.is_near(timestamp, now) => Source { sequence, at: now, ..source },
            // Nothing tells when it is: now.
            _ => Source { sequence, expected: timestamp, shift: self.shift_to_now(timestamp, now), at: now },
        };
        self.begin(packet);
        self.source = Some(source);
        Some(self.number(marker, timestamp.wrapping_add(source.shift)))
    }

    /// The first packet gives the numbers to begin with. The stream is not that of the source, which may come untouched another time.
    fn begin(&mut self, packet: &Packet) {
        self.begun.get_or_insert((!packet.ssrc, packet.sequence));
    }

    fn number(&mut self, marker: bool, timestamp: u32) -> Numbers {
        let (ssrc, sequence) = self.begun.unwrap_or_default();
        self.begun = Some((ssrc, sequence.wrapping_add(1)));
        Numbers { marker, sequence, timestamp, ssrc }
    }

    /// So that this timestamp stands for now, and not before what was sent.
    fn shift_to_now(&self, timestamp: u32, now: Instant) -> u32 {
        let Some((reached, at)) = self.reached else { return 0 };
        reached.wrapping_add(units(now.since(at))).wrapping_sub(timestamp)
    }
}
