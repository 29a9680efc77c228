//! Sequence numbers of what comes: lost, doubled, overtaken, another stream (RFC 3550 appendix A.1 and A.3).
use super::stats::Stats;
use crate::util::time::Instant;

/// A step of the sequence number that is still a loss, not another stream (RFC 3550 MAX_DROPOUT).
const MAX_DROPOUT: i16 = 3_000;
/// How far back a doubled packet is recognised.
const WINDOW: i16 = 64;

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

#[derive(Default)]
pub struct Reception {
    stream: Option<Stream>,
    /// Lost in streams that have ended.
    lost_before: u64,
}

struct Stream {
    ssrc: u32,
    newest: u16,
    /// Numbers from the first to the newest, and packets that came of them.
    expected: u64,
    received: u64,
    /// Bit n: `newest - n` came.
    seen: u64,
    stray: Option<u16>,
    /// Arrival minus timestamp of the last packet, and the jitter in sixteenths.
    transit: u32,
    jitter: u32,
}

impl Reception {
    /// One packet of the peer, of whatever type.
    pub fn on_packet(&mut self, sequence: u16, ssrc: u32, stats: &mut Stats) -> Arrival {
        let arrival = match &mut self.stream {
            Some(stream) if stream.ssrc == ssrc => stream.on_sequence(sequence, stats),
            Some(_) => Arrival::Restart,
            None => {
                self.stream = Some(Stream::new(sequence, ssrc));
                Arrival::Fresh
            }
        };
        if arrival == Arrival::Restart {
            self.lost_before = self.lost();
            self.stream = Some(Stream::new(sequence, ssrc));
            stats.restarts = stats.restarts.saturating_add(1);
        }
        stats.lost = self.lost();
        arrival
    }

    /// Jitter of sound packets, whose timestamps are those of their making.
    pub fn on_timestamp(&mut self, timestamp: u32, now: Instant, stats: &mut Stats) {
        let Some(stream) = &mut self.stream else { return };
        // Both wrap: only the difference counts.
        #[expect(clippy::cast_possible_truncation, reason = "the low 32 bits are what a timestamp has")]
        let transit = ((now.as_micros() / 125) as u32).wrapping_sub(timestamp);
        let change = transit.wrapping_sub(stream.transit).cast_signed().unsigned_abs();
        if stream.transit != 0 && change < 16_000 {
            stream.jitter =
                stream.jitter.saturating_add(change).saturating_sub(stream.jitter.saturating_add(8) / 16);
            stats.jitter_samples = stream.jitter / 16;
        }
        stream.transit = transit;
    }

    fn lost(&self) -> u64 {
        let now = self.stream.as_ref().map_or(0, |stream| stream.expected.saturating_sub(stream.received));
        self.lost_before.saturating_add(now)
    }
}

impl Stream {
    const fn new(sequence: u16, ssrc: u32) -> Self {
        Self { ssrc, newest: sequence, expected: 1, received: 1, seen: 1, stray: None, transit: 0, jitter: 0 }
    }

    fn on_sequence(&mut self, sequence: u16, stats: &mut Stats) -> Arrival {
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
            return self.on_older(ahead, stats);
        }
        if self.stray == Some(sequence) {
            return Arrival::Restart;
        }
        self.stray = Some(sequence.wrapping_add(1));
        Arrival::Stray
    }

    fn on_older(&mut self, ahead: i16, stats: &mut Stats) -> Arrival {
        let bit = 1u64.checked_shl(u32::from(ahead.unsigned_abs())).unwrap_or(0);
        if self.seen & bit != 0 {
            stats.duplicates = stats.duplicates.saturating_add(1);
            return Arrival::Duplicate;
        }
        self.seen |= bit;
        self.received = self.received.saturating_add(1);
        stats.reordered = stats.reordered.saturating_add(1);
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
        let mut stats = Stats::default();
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
            assert_eq!(reception.on_packet(sequence, ssrc, &mut stats), want, "{sequence} of {ssrc}");
            assert_eq!(stats.lost, lost, "{sequence} of {ssrc}");
        }
        assert_eq!((stats.duplicates, stats.restarts), (2, 2));
    }

    #[test]
    fn jitter_of_an_even_stream_is_none_and_of_an_uneven_one_its_mean_step() {
        for (step_us, want) in [(0, 0..=0), (10_000, 70..=80)] {
            let mut reception = Reception::default();
            let mut stats = Stats::default();
            for n in 0..500u16 {
                let now =
                    Instant::from_micros(1_000_000 + u64::from(n) * 20_000 + u64::from(n % 2) * step_us);
                reception.on_packet(n, 1, &mut stats);
                reception.on_timestamp(u32::from(n) * 160, now, &mut stats);
            }
            assert!(want.contains(&stats.jitter_samples), "{}", stats.jitter_samples);
        }
    }
}
