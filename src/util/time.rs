//! Time as a value: nothing below `io` reads a clock.
use std::ops::Add;
use std::time::Duration;

/// Monotonic time, microseconds since the shell started. Never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The moment the shell started.
    pub const ZERO: Self = Self(0);

    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// How long `earlier` is ago; zero when it lies in the future.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(wait.as_micros()).unwrap_or(u64::MAX)))
    }
}

/// Wall-clock time, seconds since 1970 UTC. It jumps: a router without a clock chip boots in 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct Wall(pub i64);

/// 2024-01-01: nothing of ours runs before it, so an earlier clock has not been set yet.
const CLOCK_IS_SET: i64 = 1_704_067_200;

impl Wall {
    /// Whether the clock can be believed.
    #[must_use]
    pub const fn is_set(self) -> bool {
        self.0 >= CLOCK_IS_SET
    }
}

/// Both clocks, read once per wake by the shell.
#[derive(Clone, Copy, Debug, Default)]
pub struct Now {
    pub mono: Instant,
    pub wall: Wall,
}

/// Days since 1970-01-01 to (year, month, day) of the Gregorian calendar.
#[must_use]
pub fn civil_from_days(days: i64) -> (i64, u32, u32) {
    // Years begin in March here, so that the leap day is the last of its year.
    let shifted = days.saturating_add(719_468);
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, u32::try_from(month).unwrap_or(1), u32::try_from(day).unwrap_or(1))
}

/// Days since 1970-01-01 of a Gregorian date.
#[must_use]
pub fn days_from_civil(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year.saturating_sub(1) } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (i64::from(month) + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era.saturating_mul(146_097).saturating_add(day_of_era).saturating_sub(719_468)
}

/// A moment with the offset of the place that wrote it, as an SMS carries it (SCTS).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stamp {
    /// UTC.
    pub at: Wall,
    /// Minutes east of UTC.
    pub offset_min: i32,
}

impl Stamp {
    #[must_use]
    pub const fn utc(at: Wall) -> Self {
        Self { at, offset_min: 0 }
    }
}

impl Stamp {
    /// The place's own calendar and clock: days since 1970-01-01 and seconds of the day.
    #[must_use]
    pub fn local(self) -> (i64, i64) {
        let local = self.at.0.saturating_add(i64::from(self.offset_min).saturating_mul(60));
        (local.div_euclid(86_400), local.rem_euclid(86_400))
    }
}

/// ISO 8601 with offset: `2011-02-28T11:50:50-05:00`.
impl std::fmt::Display for Stamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (days, second) = self.local();
        let (year, month, day) = civil_from_days(days);
        let sign = if self.offset_min < 0 { '-' } else { '+' };
        let offset = self.offset_min.unsigned_abs();
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}{sign}{:02}:{:02}",
            second / 3_600,
            second / 60 % 60,
            second % 60,
            offset / 60,
            offset % 60
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calendar_round_trip() {
        for days in -200_000..200_000 {
            let (y, m, d) = civil_from_days(days);
            assert_eq!(days_from_civil(y, m, d), days);
        }
        assert_eq!(civil_from_days(0), (1970, 1, 1));
        assert_eq!(civil_from_days(19_782), (2024, 2, 29));
    }

    #[test]
    fn stamp_shows_the_senders_offset() {
        let at = Wall(1_298_911_850);
        assert_eq!(Stamp { at, offset_min: -300 }.to_string(), "2011-02-28T11:50:50-05:00");
        assert_eq!(Stamp::utc(Wall(0)).to_string(), "1970-01-01T00:00:00+00:00");
    }
}
