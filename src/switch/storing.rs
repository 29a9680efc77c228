//! What each write to the disk is for, and the second try of those that may not be forgotten.
use super::line::LineId;
use crate::message::{Change, PartId, TextId};
use crate::util::limits::STORE_RETRIES;
use crate::util::table::Table;
use crate::util::time::Instant;
use std::time::Duration;

/// Whom the answer of a write concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A received part; the inbox tries again itself.
    Part(PartId),
    /// The deliveries of a text. Unwritten, a restart would mail it again.
    Deliveries(TextId),
    Outgoing(TextId),
    /// A message between phones. Unwritten, its sender hears so.
    Page(TextId),
    Pin {
        line: LineId,
        key: u64,
    },
    /// Who is registered.
    Registrations,
    /// What extensions have set. Unwritten, who set it hears so.
    Settings,
    Removal,
}

const PAUSE: Duration = Duration::from_secs(60);

/// Writes under way and writes to be repeated.
#[derive(Debug, Default)]
pub struct Storing {
    next: u64,
    under_way: Table<u64, (Purpose, Change)>,
    again: Vec<(Purpose, Change)>,
    again_at: Option<Instant>,
    /// Repetitions dropped because too many waited.
    pub dropped: u32,
}

impl Storing {
    /// A token for this write.
    pub fn begin(&mut self, purpose: Purpose, change: Change) -> u64 {
        self.next = self.next.wrapping_add(1);
        self.under_way.insert(self.next, (purpose, change));
        self.next
    }

    /// The write behind a token has ended.
    pub fn end(&mut self, token: u64) -> Option<(Purpose, Change)> {
        self.under_way.remove(&token)
    }

    /// It failed; once more in a minute. A newer version of the same record replaces the older.
    pub fn repeat(&mut self, purpose: Purpose, change: Change, now: Instant) {
        self.again.retain(|(p, _)| *p != purpose || *p == Purpose::Removal);
        if self.again.len() >= STORE_RETRIES {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        self.again.push((purpose, change));
        self.again_at = Some(now + PAUSE);
    }

    /// A newer write of the same record is on its way.
    pub fn supersede(&mut self, purpose: &Purpose) {
        self.again.retain(|(p, _)| p != purpose);
    }

    /// What is to be written again now.
    pub fn due(&mut self, now: Instant) -> Vec<(Purpose, Change)> {
        if self.again_at.is_some_and(|at| at <= now) {
            self.again_at = None;
            return std::mem::take(&mut self.again);
        }
        Vec::new()
    }

    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Instant> {
        self.again_at
    }

    #[must_use]
    pub fn is_under_way(&self, purpose: &Purpose) -> bool {
        self.under_way.values().any(|(p, _)| p == purpose)
    }

    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.under_way.is_empty()
    }
}
