//! `Date: Sat, 13 Nov 2010 23:29:00 GMT`. RFC 3261 section 20.17.
use crate::util::time::{Wall, civil_from_days};

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The header's value: always GMT.
#[must_use]
pub fn date(at: Wall) -> String {
    let (days, second) = (at.0.div_euclid(86_400), at.0.rem_euclid(86_400));
    let (year, month, day) = civil_from_days(days);
    // 1970-01-01 was a Thursday.
    let weekday = usize::try_from(days.rem_euclid(7)).ok().and_then(|d| DAYS.get(d)).unwrap_or(&"Thu");
    let month = usize::try_from(month).ok().and_then(|m| MONTHS.get(m.wrapping_sub(1))).unwrap_or(&"Jan");
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_in_the_rfc() {
        // RFC 3261 section 20.17.
        assert_eq!(date(Wall(1_289_690_940)), "Sat, 13 Nov 2010 23:29:00 GMT");
        assert_eq!(date(Wall(1_709_164_799)), "Wed, 28 Feb 2024 23:59:59 GMT");
        assert_eq!(date(Wall(0)), "Thu, 01 Jan 1970 00:00:00 GMT");
    }
}
