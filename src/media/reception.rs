//! Sequence numbers of what comes: lost, doubled, overtaken, another stream (RFC 3550 appendix A.1 and A.3).
use super::stats::Stats;
use crate::util::time::Instant;

/// A step of the sequence number that is still a loss, not another stream (RFC 3550 MAX_DROPOUT).
const MAX_DROPOUT: i16 = 3_000;
/// How far back a doubled packet is recognised.
const WINDOW: i16 = 64;
/// A step of the timestamps by more than this is no jitter: another clock, or a pause.
const STEP_MS: u64 = 2_000;

/// What a packet is to its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Newer than all before, or overtaken and new.
    Fresh,
    Duplicate,
    /// The first of another stream.
    Restart,
    /// A number out of nowhere; a second one that follows it makes a new stream.
    Stray,
}

/// What came from one peer. `Stats` and reports are made of it.
#[derive(Default)]
pub struct Reception {
    stream: Option<Stream>,
    counts: Counts,
    /// Lost in streams that have ended.
    lost_before: u64,
}

/// Since the begin, whatever streams there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub received: u64,
    pub lost: u64,
    pub duplicates: u64,
    pub reordered: u64,
    pub restarts: u64,
}

/// The stream that comes now, as a report block tells of it (RFC 3550 section 6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    pub ssrc: u32,
    /// The highest number with its wraps.
    pub highest: u32,
    pub expected: u64,
    pub received: u64,
    /// Units of the stream's clock.
    pub jitter: u32,
}

struct Stream {
    ssrc: u32,
    first: u16,
    newest: u16,
    /// Numbers from the first to the newest, and packets that came of them.
    expected: u64,
    received: u64,
    /// Bit n: `newest - n` came.
    seen: u64,
    stray: Option<u16>,
    /// Arrival minus timestamp of the last packet, both in units of its clock, and the jitter in sixteenths.
    transit: u32,
    timestamp: u32,
    jitter: u32,
}

impl Reception {
    /// One packet of the peer, of whatever type.
    pub fn on_packet(&mut self, sequence: u16, ssrc: u32) -> Arrival {
        let arrival = match &mut self.stream {
            Some(stream) if stream.ssrc == ssrc => stream.on_sequence(sequence, &mut self.counts),
            Some(_) => Arrival::Restart,
            None => {
                self.stream = Some(Stream::new(sequence, ssrc));
                Arrival::Fresh
            }
        };
        if arrival == Arrival::Restart {
            self.lost_before = self.lost();
            self.stream = Some(Stream::new(sequence, ssrc));
            self.counts.restarts = self.counts.restarts.saturating_add(1);
        }
        self.counts.received = self.counts.received.saturating_add(1);
        arrival
    }

    /// Jitter of packets whose timestamps are those of their making (RFC 3550 section 6.4.1, appendix A.8). `per_ms`: what their
    /// clock counts in a millisecond. Packets of one picture have one timestamp: only the first tells when it was made.
    pub fn on_timestamp(&mut self, timestamp: u32, per_ms: u16, now: Instant) {
        let Some(stream) = &mut self.stream else { return };
        if stream.transit != 0 && stream.timestamp == timestamp {
            return;
        }
        let per_ms = u64::from(per_ms);
        let arrival = now.as_micros().wrapping_mul(per_ms) / 1_000;
        // Both wrap: only the difference counts.
        #[expect(clippy::cast_possible_truncation, reason = "the low 32 bits are what a timestamp has")]
        let transit = (arrival as u32).wrapping_sub(timestamp);
        let change = transit.wrapping_sub(stream.transit).cast_signed().unsigned_abs();
        if stream.transit != 0 && u64::from(change) < per_ms.saturating_mul(STEP_MS) {
            stream.jitter =
                stream.jitter.saturating_add(change).saturating_sub(stream.jitter.saturating_add(8) / 16);
        }
        (stream.transit, stream.timestamp) = (transit, timestamp);
    }

    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts { lost: self.lost(), ..self.counts }
    }

    /// `None`: nothing came.
    #[must_use]
    pub fn heard(&self) -> Option<Heard> {
        let stream = self.stream.as_ref()?;
        let ahead = stream.expected.saturating_sub(1);
        #[expect(clippy::cast_possible_truncation, reason = "the wraps above the number wrap too")]
        let highest = u64::from(stream.first).saturating_add(ahead) as u32;
        Some(Heard {
            ssrc: stream.ssrc,
            highest,
            expected: stream.expected,
            received: stream.received,
            jitter: stream.jitter / 16,
        })
    }

    /// For who counts in samples of 8,000 a second.
    pub fn note_in(&self, stats: &mut Stats) {
        let Counts { lost, duplicates, reordered, restarts, .. } = self.counts();
        (stats.lost, stats.duplicates, stats.reordered) = (lost, duplicates, reordered);
        stats.restarts = restarts;
        stats.jitter_samples = self.stream.as_ref().map_or(stats.jitter_samples, |s| s.jitter / 16);
    }

    fn lost(&self) -> u64 {
        let now = self.stream.as_ref().map_or(0, |stream| stream.expected.saturating_sub(stream.received));
        self.lost_before.saturating_add(now)
    }
}

impl Stream {
    const fn new(sequence: u16, ssrc: u32) -> Self {
        Self {
            ssrc,
            first: sequence,
            newest: sequence,
            expected: 1,
            received: 1,
            seen: 1,
            stray: None,
            transit: 0,
            timestamp: 0,
            jitter: 0,
        }
    }

    fn on_sequence(&mut self, sequence: u16, counts: &mut Counts) -> Arrival {
        let ahead = sequence.wrapping_sub(self.newest).cast_signed();
        if (1..MAX_DROPOUT).contains(&ahead) {
            self.expected = self.expected.saturating_add(u64::from(ahead.unsigned_abs()));
            self.received = self.received.saturating_add(1);
            self.seen = self.seen.checked_shl(u32::from(ahead.unsigned_abs())).unwrap_or(0) | 1;
            self.newest = sequence;
            self.stray = None;
            return Arrival::Fresh;
        }
        if (-WINDOW + 1..=0).contains(&ahead) {
            return self.on_older(ahead, counts);
        }
        if self.stray == Some(sequence) {
            return Arrival::Restart;
        }
        self.stray = Some(sequence.wrapping_add(1));
        Arrival::Stray
    }

    fn on_older(&mut self, ahead: i16, counts: &mut Counts) -> Arrival {
        let bit = 1u64.checked_shl(u32::from(ahead.unsigned_abs())).unwrap_or(0);
        if self.seen & bit != 0 {
            counts.duplicates = counts.duplicates.saturating_add(1);
            return Arrival::Duplicate;
        }
        self.seen |= bit;
        self.received = self.received.saturating_add(1);
        counts.reordered = counts.reordered.saturating_add(1);
        Arrival::Fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Arrival::{Duplicate, Fresh, Restart, Stray};

    #[test]
    fn what_a_number_means() {
        let mut reception = Reception::default();
        for (sequence, ssrc, want, lost) in [
            (65_534, 1, Fresh, 0),
            (65_535, 1, Fresh, 0),
            (65_535, 1, Duplicate, 0),
            (2, 1, Fresh, 2),
            (0, 1, Fresh, 1),
            (0, 1, Duplicate, 1),
            (1, 1, Fresh, 0),
            (65_533, 1, Fresh, 0),
            (102, 1, Fresh, 98),
            (30_000, 1, Stray, 98),
            (103, 1, Fresh, 98),
            (30_000, 1, Stray, 98),
            (30_001, 1, Restart, 98),
            (30_003, 1, Fresh, 99),
            (7, 2, Restart, 99),
            (8, 2, Fresh, 99),
        ] {
            assert_eq!(reception.on_packet(sequence, ssrc), want, "{sequence} of {ssrc}");
            assert_eq!(reception.counts().lost, lost, "{sequence} of {ssrc}");
        }
        let Counts { received, duplicates, restarts, .. } = reception.counts();
        assert_eq!((received, duplicates, restarts), (16, 2, 2));
    }

    /// The number of times that 65,535 was passed stands above the highest number.
    #[test]
    fn what_a_report_tells() {
        let mut reception = Reception::default();
        assert_eq!(reception.heard(), None);
        for sequence in [65_533, 65_534, 1, 0] {
            reception.on_packet(sequence, 7);
        }
        let heard = Heard { ssrc: 7, highest: 0x1_0001, expected: 5, received: 4, jitter: 0 };
        assert_eq!(reception.heard(), Some(heard));
    }

    /// Each second packet is 10 ms late: so much is the mean step, whatever the clock counts.
    #[test]
    fn jitter_of_an_even_stream_is_none_and_of_an_uneven_one_its_mean_step() {
        for (per_ms, late_us, want) in
            [(8, 0, 0..=0), (8, 10_000, 70..=80), (48, 10_000, 440..=480), (90, 10_000, 830..=900)]
        {
            let mut reception = Reception::default();
            for n in 0..500u16 {
                let us = 1_000_000 + u64::from(n) * 20_000 + u64::from(n % 2) * late_us;
                reception.on_packet(n, 1);
                let timestamp = u32::from(n) * 20 * u32::from(per_ms);
                reception.on_timestamp(timestamp, per_ms, Instant::from_micros(us));
                // More of the same picture.
                reception.on_timestamp(timestamp, per_ms, Instant::from_micros(us + 3_000));
            }
            let jitter = reception.heard().unwrap().jitter;
            assert!(want.contains(&jitter), "{per_ms} {late_us}: {jitter}");
        }
    }
}
