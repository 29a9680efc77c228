//! The place's own clock: a time zone as POSIX writes it (`CET-1CEST,M3.5.0,M10.5.0/3`), which is how OpenWrt keeps it.
use super::time::{Wall, civil_from_days, days_from_civil};

/// Offset from UTC, and when summer time moves it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Zone {
    /// Seconds east of UTC.
    standard: i32,
    summer: Option<Summer>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Summer {
    offset: i32,
    begins: Turn,
    ends: Turn,
}

/// `M3.5.0/2`: month, week (5: the last), weekday (0: Sunday), and seconds after that day's midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Turn {
    month: u32,
    week: u32,
    weekday: u32,
    second: i32,
}

/// The hour at which it turns if the text names none.
const TWO: i32 = 7_200;
const DAY: i64 = 86_400;

impl Zone {
    /// IEEE 1003.1 section 8.3, TZ in its third form, with rules of the kind `M` only. None: it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (standard, rest) = offset(name(text.trim())?)?;
        let standard = standard.checked_neg()?;
        if rest.is_empty() {
            return Some(Self { standard, summer: None });
        }
        let rest = name(rest)?;
        let (summer, rest) = match rest.starts_with(',') {
            true => (standard.checked_add(3_600)?, rest),
            false => {
                let (west, rest) = offset(rest)?;
                (west.checked_neg()?, rest)
            }
        };
        let (begins, ends) = rest.strip_prefix(',')?.split_once(',')?;
        let summer = Summer { offset: summer, begins: Turn::parse(begins)?, ends: Turn::parse(ends)? };
        Some(Self { standard, summer: Some(summer) })
    }

    /// Seconds east of UTC at this moment.
    #[must_use]
    pub fn offset(&self, at: Wall) -> i32 {
        let Some(summer) = self.summer else { return self.standard };
        let local = at.0.saturating_add(i64::from(self.standard));
        let year = civil_from_days(local.div_euclid(DAY)).0;
        let begins = summer.begins.in_year(year).saturating_sub(i64::from(self.standard));
        let ends = summer.ends.in_year(year).saturating_sub(i64::from(summer.offset));
        // South of the equator summer lasts over the new year.
        let is_summer = match begins <= ends {
            true => begins <= at.0 && at.0 < ends,
            false => !(ends <= at.0 && at.0 < begins),
        };
        if is_summer { summer.offset } else { self.standard }
    }
}

impl Turn {
    fn parse(text: &str) -> Option<Self> {
        let (day, time) = text.split_once('/').unwrap_or((text, ""));
        let mut parts = day.strip_prefix('M')?.split('.').map(|part| part.parse::<u32>().ok());
        let (month, week, weekday) = (parts.next()??, parts.next()??, parts.next()??);
        let second = match time {
            "" => TWO,
            time => offset(time).filter(|(_, rest)| rest.is_empty())?.0,
        };
        let fits = (1..=12).contains(&month) && (1..=5).contains(&week) && weekday <= 6;
        (fits && parts.next().is_none()).then_some(Self { month, week, weekday, second })
    }

    /// Seconds since 1970 by the clock of the place.
    fn in_year(self, year: i64) -> i64 {
        let first = days_from_civil(year, self.month, 1);
        let next = match self.month {
            12 => days_from_civil(year.saturating_add(1), 1, 1),
            month => days_from_civil(year, month.saturating_add(1), 1),
        };
        // 1970-01-01 was a Thursday, 4 days after a Sunday.
        let wait = (i64::from(self.weekday) - first.saturating_add(4)).rem_euclid(7);
        let mut day = first.saturating_add(wait).saturating_add((i64::from(self.week) - 1) * 7);
        if day >= next {
            day = day.saturating_sub(7);
        }
        day.saturating_mul(DAY).saturating_add(i64::from(self.second))
    }
}

/// What stands behind the name of a zone: three letters or more, or anything between `<` and `>`.
fn name(text: &str) -> Option<&str> {
    if let Some(rest) = text.strip_prefix('<') {
        return rest.split_once('>').map(|(_, rest)| rest);
    }
    let rest = text.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    (text.len().saturating_sub(rest.len()) >= 3).then_some(rest)
}

/// `[+-]hh[:mm[:ss]]` in seconds, and what follows it.
fn offset(text: &str) -> Option<(i32, &str)> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = text.find(|c: char| !c.is_ascii_digit() && c != ':').unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    let mut seconds: i32 = 0;
    for (part, (unit, most)) in digits.splitn(3, ':').zip([(3_600, 167), (60, 59), (1, 59)]) {
        let number: i32 = part.parse().ok().filter(|n| *n <= most)?;
        seconds = seconds.checked_add(number.checked_mul(unit)?)?;
    }
    Some((sign * seconds, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds since 1970 of a moment in UTC.
    fn utc(year: i64, month: u32, day: u32, hour: i64, minute: i64) -> Wall {
        Wall(days_from_civil(year, month, day) * DAY + hour * 3_600 + minute * 60)
    }

    #[test]
    fn summer_and_winter() {
        for (text, at, want) in [
            ("UTC0", utc(2026, 7, 1, 0, 0), 0),
            ("IST-5:30", utc(2026, 7, 1, 0, 0), 19_800),
            ("<+0330>-3:30", utc(2026, 7, 1, 0, 0), 12_600),
            ("<-03>3", utc(2026, 1, 1, 0, 0), -10_800),
            // 29 March 2026 at 02:00 and 25 October at 03:00 by the clock of the place: 01:00 UTC both.
            ("CET-1CEST,M3.5.0,M10.5.0/3", utc(2026, 3, 29, 0, 59), 3_600),
            ("CET-1CEST,M3.5.0,M10.5.0/3", utc(2026, 3, 29, 1, 0), 7_200),
            ("CET-1CEST,M3.5.0,M10.5.0/3", utc(2026, 10, 25, 0, 59), 7_200),
            ("CET-1CEST,M3.5.0,M10.5.0/3", utc(2026, 10, 25, 1, 0), 3_600),
            // 8 March 2026 at 02:00 EST is 07:00 UTC, 1 November at 02:00 EDT is 06:00 UTC.
            ("EST5EDT,M3.2.0,M11.1.0", utc(2026, 3, 8, 6, 59), -18_000),
            ("EST5EDT,M3.2.0,M11.1.0", utc(2026, 3, 8, 7, 0), -14_400),
            ("EST5EDT,M3.2.0,M11.1.0", utc(2026, 11, 1, 5, 59), -14_400),
            ("EST5EDT,M3.2.0,M11.1.0", utc(2026, 11, 1, 6, 0), -18_000),
            // Summer over the new year.
            ("AEST-10AEDT,M10.1.0,M4.1.0/3", utc(2026, 1, 1, 0, 0), 39_600),
            ("AEST-10AEDT,M10.1.0,M4.1.0/3", utc(2026, 7, 1, 0, 0), 36_000),
            // Friday before the last Sunday at 02:00, written as an hour beyond the day.
            ("IST-2IDT,M3.4.4/26,M10.5.0", utc(2026, 3, 26, 23, 59), 7_200),
            ("IST-2IDT,M3.4.4/26,M10.5.0", utc(2026, 3, 27, 0, 0), 10_800),
        ] {
            assert_eq!(Zone::parse(text).unwrap().offset(at), want, "{text} {at:?}");
        }
    }

    #[test]
    fn what_is_no_zone() {
        for text in [
            "",
            "CET",
            "Europe/Berlin",
            "CE-1",
            "<+03",
            "CET-1CEST",
            "CET-1CEST,M3.5.0",
            "CET-200",
            "CET-1CEST,J60,J300",
            "CET-1CEST,M13.5.0,M10.5.0",
            "CET-1:60",
            "CET--1",
            "CET-1CEST,M3.5.0/x,M10.5.0",
        ] {
            assert_eq!(Zone::parse(text), None, "{text}");
        }
    }
}
