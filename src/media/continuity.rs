//! The numbers of the stream that one peer gets from us, whoever speaks: the first source's as they are, those of later ones
//! continued. RFC 3550 section 5.1.
//!
//! A phone's jitter buffer goes by them. When a transfer or another server of the provider brings another source, its numbers
//! begin anywhere: baresip 1.0 drops all that is "older" than the last source's packets, half of the time a whole call.
use super::Seed;
use crate::util::time::Instant;

/// What a packet is sent on under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    pub marker: bool,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
}

/// Of one peer's incoming stream.
#[derive(Clone, Debug, Default)]
pub struct Continuity {
    stream: Option<Stream>,
}

#[derive(Clone, Debug)]
struct Stream {
    /// Ours towards the peer, as long as the call lasts.
    ssrc: u32,
    /// Whose packets come.
    source: u32,
    sequence_shift: u16,
    timestamp_shift: u32,
    /// The newest one sent.
    last: (u16, u32),
    last_at: Instant,
}

/// The least that a new source is behind the last one, in milliseconds: a packet of sound.
const STEP: u32 = 20;
/// Half of the sequence numbers lie behind, half before (RFC 3550 appendix A.1).
const HALF: u16 = 0x8000;

impl Continuity {
    /// `per_ms`: what the source's clock counts in a millisecond: 8 for G.711 and G.722 (RFC 3551 section 4.5.2), 90 for video.
    pub fn next(&mut self, came: Numbers, per_ms: u16, now: Instant) -> Numbers {
        let stream = self.stream.get_or_insert_with(|| Stream::new(came, now));
        let mut marker = came.marker;
        if stream.source != came.ssrc {
            stream.follow(came, per_ms, now);
            marker = true;
        }
        let sequence = came.sequence.wrapping_add(stream.sequence_shift);
        let timestamp = came.timestamp.wrapping_add(stream.timestamp_shift);
        let ahead = sequence.wrapping_sub(stream.last.0);
        if ahead != 0 && ahead < HALF {
            stream.last = (sequence, timestamp);
            stream.last_at = now;
        }
        Numbers { marker, sequence, timestamp, ssrc: stream.ssrc }
    }
}

/// Packets of our own in the place of some of the source's.
impl Continuity {
    /// A packet of the source that does not go on: the next one gets its number.
    pub fn withhold(&mut self, came: Numbers, per_ms: u16, now: Instant) {
        let stream = self.stream.get_or_insert_with(|| Stream::new(came, now));
        if stream.source != came.ssrc {
            stream.follow(came, per_ms, now);
        }
        let ahead = came.sequence.wrapping_add(stream.sequence_shift).wrapping_sub(stream.last.0);
        if ahead != 0 && ahead < HALF {
            stream.sequence_shift = stream.sequence_shift.wrapping_sub(1);
        }
    }

    /// Sequence number and SSRC of a packet of ours, which comes before the source's next one. `seed`: where nothing went before.
    pub fn insert(&mut self, seed: Seed, now: Instant) -> (u16, u32) {
        let stream = self.stream.get_or_insert_with(|| Stream::new(seed.numbers(), now));
        stream.sequence_shift = stream.sequence_shift.wrapping_add(1);
        stream.last.0 = stream.last.0.wrapping_add(1);
        (stream.last.0, stream.ssrc)
    }

    /// The timestamp of a packet of ours that begins now, `step` behind the last one at least.
    pub fn after(&mut self, step: u32, per_ms: u16, seed: Seed, now: Instant) -> u32 {
        let stream = self.stream.get_or_insert_with(|| Stream::new(seed.numbers(), now));
        let passed = now.since(stream.last_at).as_micros().saturating_mul(u128::from(per_ms)) / 1_000;
        #[expect(clippy::cast_possible_truncation, reason = "timestamps wrap")]
        let passed = passed as u32;
        stream.last.1.wrapping_add(passed.max(step))
    }
}

impl Seed {
    const fn numbers(self) -> Numbers {
        let Self { ssrc, sequence, timestamp } = self;
        Numbers { marker: false, sequence, timestamp, ssrc }
    }
}

/// What a translator of reports needs (RFC 3550 section 7.2): the peer's own numbers beside ours.
impl Continuity {
    /// Ours towards the peer.
    #[must_use]
    pub fn ssrc(&self) -> Option<u32> {
        self.stream.as_ref().map(|stream| stream.ssrc)
    }

    /// Whose packets come under it now.
    #[must_use]
    pub fn source(&self) -> Option<u32> {
        self.stream.as_ref().map(|stream| stream.source)
    }

    /// What was added to the source's sequence numbers and timestamps.
    #[must_use]
    pub fn shifts(&self) -> (u16, u32) {
        self.stream.as_ref().map_or((0, 0), |stream| (stream.sequence_shift, stream.timestamp_shift))
    }

    /// The timestamp of this moment.
    #[must_use]
    pub fn timestamp(&self, per_ms: u16, now: Instant) -> u32 {
        let Some(stream) = &self.stream else { return 0 };
        let passed = now.since(stream.last_at).as_micros().saturating_mul(u128::from(per_ms)) / 1_000;
        #[expect(clippy::cast_possible_truncation, reason = "timestamps wrap")]
        stream.last.1.wrapping_add(passed as u32)
    }
}

impl Stream {
    /// Before its first packet.
    const fn new(came: Numbers, now: Instant) -> Self {
        Self {
            ssrc: came.ssrc,
            source: came.ssrc,
            sequence_shift: 0,
            timestamp_shift: 0,
            last: (came.sequence.wrapping_sub(1), came.timestamp),
            last_at: now,
        }
    }

    /// Another source: its first packet comes behind the last one of the other, by as much as has passed since.
    fn follow(&mut self, came: Numbers, per_ms: u16, now: Instant) {
        let passed = u32::try_from(now.since(self.last_at).as_millis()).unwrap_or(u32::MAX).max(STEP);
        let step = passed.saturating_mul(u32::from(per_ms));
        self.source = came.ssrc;
        self.sequence_shift = self.last.0.wrapping_add(1).wrapping_sub(came.sequence);
        self.timestamp_shift = self.last.1.wrapping_add(step).wrapping_sub(came.timestamp);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::from_micros(ms * 1_000)
    }

    fn came(ssrc: u32, sequence: u16, timestamp: u32) -> Numbers {
        Numbers { marker: false, sequence, timestamp, ssrc }
    }

    #[test]
    fn the_first_source_stays_as_it_is() {
        let mut stream = Continuity::default();
        for (n, sequence) in [65_534_u16, 65_535, 1, 0, 2].into_iter().enumerate() {
            let packet = came(7, sequence, 1_000 + u32::from(sequence));
            assert_eq!(stream.next(packet, 8, at(20 * n as u64)), packet);
        }
    }

    #[test]
    fn packets_of_ours_among_those_of_the_source() {
        let seed = Seed { ssrc: 1, sequence: 2, timestamp: 3 };
        let mut stream = Continuity::default();
        stream.next(came(7, 500, 8_000), 8, at(0));
        // Ours in the place of two that came, and one more.
        assert_eq!(stream.after(160, 8, seed, at(5)), 8_160);
        assert_eq!(stream.insert(seed, at(5)), (501, 7));
        stream.withhold(came(7, 501, 8_160), 8, at(20));
        assert_eq!(stream.insert(seed, at(25)), (502, 7));
        stream.withhold(came(7, 502, 8_320), 8, at(40));
        assert_eq!(stream.insert(seed, at(45)), (503, 7));
        // Again, and late: it takes no number away.
        stream.withhold(came(7, 502, 8_320), 8, at(46));
        let next = stream.next(came(7, 503, 8_480), 8, at(60));
        assert_eq!((next.sequence, next.timestamp), (504, 8_480));
        assert_eq!(stream.after(160, 8, seed, at(160)), 8_480 + 800);
        // One is lost: it is missing behind us too.
        assert_eq!(stream.next(came(7, 505, 8_800), 8, at(100)).sequence, 506);
        // Another source while we speak.
        stream.insert(seed, at(120));
        stream.withhold(came(9, 3, 70_000), 8, at(120));
        assert_eq!(stream.next(came(9, 4, 70_160), 8, at(140)).sequence, 508);
    }

    #[test]
    fn before_anybody_spoke() {
        let seed = Seed { ssrc: 1, sequence: u16::MAX, timestamp: u32::MAX };
        let mut stream = Continuity::default();
        assert_eq!(stream.after(160, 8, seed, at(0)), 159);
        assert_eq!((stream.insert(seed, at(0)), stream.insert(seed, at(20))), ((u16::MAX, 1), (0, 1)));
        let next = stream.next(came(9, 77, 4_000), 8, at(100));
        assert_eq!(next, Numbers { marker: true, sequence: 1, timestamp: 799, ssrc: 1 });
    }

    #[test]
    fn another_source_goes_on_where_the_last_one_was() {
        let mut stream = Continuity::default();
        stream.next(came(7, 500, 8_000), 8, at(0));
        stream.next(came(7, 501, 8_160), 8, at(20));
        // Lower numbers, and a pause of 100 ms.
        let next = stream.next(came(9, 3, 4_000_000_000), 8, at(120));
        assert_eq!(next, Numbers { marker: true, sequence: 502, timestamp: 8_960, ssrc: 7 });
        let next = stream.next(came(9, 5, 4_000_000_320), 8, at(160));
        assert_eq!(next, Numbers { marker: false, sequence: 504, timestamp: 9_280, ssrc: 7 });
        // One that was overtaken.
        assert_eq!(stream.next(came(9, 4, 4_000_000_160), 8, at(165)).sequence, 503);
        // Back to the first one, at once: as another one.
        let next = stream.next(came(7, 502, 8_320), 8, at(166));
        assert_eq!((next.sequence, next.timestamp, next.marker), (505, 9_440, true));
        assert_eq!((stream.ssrc(), stream.source(), stream.shifts().0), (Some(7), Some(7), 3));
        assert_eq!(stream.timestamp(8, at(176)), 9_440 + 80);
    }
}
