//! Things that happen later. Events of a powered stick die with its power.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::stick::Event;

#[derive(Debug, Default)]
pub struct Timers {
    due: BTreeMap<(Instant, u64), (Option<u64>, Event)>,
    count: u64,
}

impl Timers {
    /// Schedules `event`; `power` is the power cycle it belongs to, `None` for the world outside the stick.
    pub fn add(&mut self, at: Instant, power: Option<u64>, event: Event) {
        self.count += 1;
        self.due.insert((at, self.count), (power, event));
    }

    /// The next event that is due.
    pub fn take(&mut self, now: Instant) -> Option<(Option<u64>, Event)> {
        let entry = self.due.first_entry()?;
        if entry.key().0 > now {
            return None;
        }
        Some(entry.remove())
    }

    /// Time until the next event.
    pub fn wait(&self, now: Instant) -> Option<Duration> {
        self.due.first_key_value().map(|((at, _), _)| at.saturating_duration_since(now))
    }
}
