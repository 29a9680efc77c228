//! How one peer is heard and hears, in figures for people.
use super::control::{Session, Told};
use super::emodel::{Coding, opinion, rating};
use super::reception::{Counts, Reception};
use super::stats::Stats;

/// A jitter buffer that is not ours: so many times the jitter, and a packet.
const BUFFERED: u32 = 2;
const PACKET_MS: u32 = 20;

/// Since the peer is in its call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quality {
    pub coding: Coding,
    /// Packets of the peer.
    pub received: u64,
    pub lost: u64,
    pub duplicates: u64,
    pub jitter_ms: u32,
    /// Of a stick's call: packets too late to be heard, and what was made up for those that were missing.
    pub discarded: u64,
    pub concealed_ms: u64,
    /// From us to the peer and back; `None`: its reports tell nothing of ours.
    pub round_trip_ms: Option<u32>,
    /// What the sound waits before it is heard: at us where we play it, else as is likely.
    pub buffer_ms: u32,
    /// Packets that the peer was sent, and what it says of them.
    pub sent: u64,
    pub told: Option<Far>,
}

/// As the peer hears it, by its own reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Far {
    pub lost: u64,
    /// Lately, in percent.
    pub lost_percent: u32,
    pub jitter_ms: u32,
}

impl Quality {
    /// `per_ms`: what the stream's clock counts in a millisecond.
    #[must_use]
    pub fn new(
        (reception, per_ms): (&Reception, u16),
        control: &Session,
        sent_packets: u32,
        coding: Coding,
    ) -> Self {
        let Counts { received, lost, duplicates, .. } = reception.counts();
        let ms = |units: u32| units.checked_div(u32::from(per_ms)).unwrap_or(0);
        let jitter_ms = reception.heard().map_or(0, |heard| ms(heard.jitter));
        let told = control.told().map(|Told { fraction, lost, jitter }| Far {
            lost: u64::try_from(lost).unwrap_or(0),
            lost_percent: u32::from(fraction).saturating_mul(100) / 256,
            jitter_ms: ms(jitter),
        });
        let round_trip_ms =
            control.round_trip().map(|trip| u32::try_from(trip.as_millis()).unwrap_or(u32::MAX));
        Self {
            coding,
            received,
            lost,
            duplicates,
            jitter_ms,
            discarded: 0,
            concealed_ms: 0,
            round_trip_ms,
            buffer_ms: likely_buffer(jitter_ms),
            sent: u64::from(sent_packets),
            told,
        }
    }

    /// We play it ourselves.
    #[must_use]
    pub fn buffered(self, stats: &Stats) -> Self {
        Self {
            discarded: stats.late.saturating_add(stats.discarded),
            concealed_ms: stats.concealed_samples / 8,
            buffer_ms: stats.delay_ms,
            ..self
        }
    }

    /// Of what comes from the peer, in hundredths; `None`: nothing came. `further_ms`: the way behind us.
    #[must_use]
    pub fn opinion(&self, further_ms: u32) -> Option<u16> {
        let lost = self.lost.saturating_add(self.discarded);
        let delay = self.way_ms().saturating_add(self.buffer_ms).saturating_add(further_ms);
        let expected = self.received.saturating_add(self.lost);
        (self.received > 0).then(|| opinion(rating(self.coding, delay, lost, expected)))
    }

    /// Of what the peer hears, by its own reports.
    #[must_use]
    pub fn told_opinion(&self, further_ms: u32) -> Option<u16> {
        let told = self.told.filter(|_| self.sent > 0)?;
        let delay = self.way_ms().saturating_add(likely_buffer(told.jitter_ms)).saturating_add(further_ms);
        Some(opinion(rating(self.coding, delay, told.lost, self.sent)))
    }

    /// One way, as far as it is known.
    #[must_use]
    pub fn way_ms(&self) -> u32 {
        self.round_trip_ms.unwrap_or(0) / 2
    }
}

const fn likely_buffer(jitter_ms: u32) -> u32 {
    jitter_ms.saturating_mul(BUFFERED).saturating_add(PACKET_MS)
}
