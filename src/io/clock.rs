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
        Now { mono: self.mono(), wall: wall() }
    }

    #[must_use]
    #[allow(clippy::disallowed_methods)]
    pub fn mono(self) -> Instant {
        self.of_system(std::time::Instant::now())
    }

    /// Our name for one of the system's instants.
    #[must_use]
    pub fn of_system(self, at: std::time::Instant) -> Instant {
        let since = at.saturating_duration_since(self.start);
        // Not `as_micros`: 128 bits are a library call on a 32-bit router.
        Instant::from_micros(
            since.as_secs().saturating_mul(1_000_000).saturating_add(since.subsec_micros().into()),
        )
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
