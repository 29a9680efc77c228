//! The two clocks.
use crate::util::time::{Instant, Now, Wall};
use crate::util::zone::Zone;
use std::time::{SystemTime, UNIX_EPOCH};

/// Monotonic time since its making, wall time as the system has it.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: std::time::Instant,
}

impl Clock {
    #[must_use]
    #[allow(clippy::disallowed_methods)]
    pub fn start() -> Self {
        Self { start: std::time::Instant::now() }
    }

    #[must_use]
    pub fn now(self) -> Now {
        let micros = u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX);
        Now { mono: Instant::from_micros(micros), wall: wall() }
    }

    /// The system's name for one of our instants.
    #[must_use]
    pub fn system(self, at: Instant) -> std::time::Instant {
        self.start + std::time::Duration::from_micros(at.as_micros())
    }
}

/// Wall time as the system has it.
#[allow(clippy::disallowed_methods)]
pub fn wall() -> Wall {
    Wall(match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |s| -s),
    })
}

/// The system's time zone, where OpenWrt keeps it. UTC if it says none that we can read.
#[must_use]
pub fn zone() -> Zone {
    std::fs::read_to_string("/etc/TZ").ok().and_then(|text| Zone::parse(&text)).unwrap_or_default()
}
