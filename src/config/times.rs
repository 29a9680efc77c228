//! Hours of the week: when a route counts.
use std::fmt;

use crate::util::limits;
use crate::util::time::Wall;
use crate::util::zone::Zone;

/// `mon-fri 08:00-17:30; sat 09:00-12:00`: spans of days and hours, any of which will do. Without days: every day;
/// without hours: all day. An end before the begin is on the next day.
#[derive(Clone, PartialEq, Eq)]
pub struct Times {
    text: String,
    spans: Vec<Span>,
}

/// Minutes of the day, the end not included; bit 0 is Monday, that of the day on which it begins.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Span {
    days: u8,
    from: u16,
    to: u16,
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const ALL_DAYS: u8 = 0b111_1111;
const MIDNIGHT: u16 = 1_440;

/// A moment by the clock of the place: the day of the week, Monday is 0, and the minute of that day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    pub day: u8,
    pub minute: u16,
}

impl Moment {
    /// None: the clock was not set since the start.
    #[must_use]
    pub fn at(wall: Wall, zone: Zone) -> Option<Self> {
        let local = wall.0.saturating_add(i64::from(zone.offset(wall)));
        // 1970-01-01 was a Thursday.
        let day = u8::try_from(local.div_euclid(86_400).saturating_add(3).rem_euclid(7)).ok()?;
        let minute = u16::try_from(local.rem_euclid(86_400) / 60).ok()?;
        wall.is_set().then_some(Self { day, minute })
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = DAYS.get(usize::from(self.day)).copied().unwrap_or_default();
        write!(f, "{day} {:02}:{:02}", self.minute / 60, self.minute % 60)
    }
}

impl Times {
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let spans: Option<Vec<Span>> = text.split(';').map(|span| Span::parse(span.trim())).collect();
        let spans = spans.filter(|spans| spans.len() <= limits::CONFIG_ITEMS)?;
        Some(Self { text: text.to_owned(), spans })
    }

    #[must_use]
    pub fn has(&self, at: Moment) -> bool {
        self.spans.iter().any(|span| span.has(at))
    }
}

impl Span {
    fn parse(text: &str) -> Option<Self> {
        let mut span = Self { days: ALL_DAYS, from: 0, to: MIDNIGHT };
        let mut words = text.split_ascii_whitespace();
        let mut hours = words.next()?;
        if !hours.contains(':') {
            span.days = days(hours)?;
            hours = words.next().unwrap_or("00:00-24:00");
        }
        let (from, to) = hours.split_once('-')?;
        (span.from, span.to) = (minute(from)?, minute(to)?);
        (words.next().is_none() && span.from < MIDNIGHT && span.from != span.to).then_some(span)
    }

    fn has(self, at: Moment) -> bool {
        let on = |day: u8| self.days >> day & 1 == 1;
        if self.from < self.to {
            return on(at.day) && (self.from..self.to).contains(&at.minute);
        }
        let yesterday = at.day.checked_sub(1).unwrap_or(6);
        (on(at.day) && at.minute >= self.from) || (on(yesterday) && at.minute < self.to)
    }
}

/// `mon-fri,sun` as bits. A range may go over the weekend.
fn days(text: &str) -> Option<u8> {
    let day = |name: &str| DAYS.iter().position(|day| day.eq_ignore_ascii_case(name));
    let mut all = 0;
    for range in text.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (mut at, last) = (day(first)?, day(last)?);
        all |= 1_u8 << at;
        while at != last {
            at = (at + 1) % 7;
            all |= 1 << at;
        }
    }
    Some(all)
}

/// `17:30`, up to `24:00`.
fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let number = |text: &str| text.parse::<u16>().ok().filter(|_| text.len() <= 2 && !text.starts_with('+'));
    let (hour, minute) = (number(hour)?, number(minute)?);
    let all = hour.checked_mul(60)?.checked_add(minute)?;
    (minute < 60 && all <= MIDNIGHT).then_some(all)
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_of_the_week() {
        for (text, inside, outside) in [
            ("mon-fri 08:00-17:30", &[(0, 480), (4, 1_049)][..], &[(0, 479), (4, 1_050), (5, 600)][..]),
            ("fri-mon", &[(4, 0), (5, 9), (6, 9), (0, 1_439)], &[(1, 0), (3, 1_439)]),
            ("22:00-06:00", &[(0, 1_320), (0, 359), (3, 0)], &[(0, 360), (0, 1_319)]),
            ("sun 22:00-06:00", &[(6, 1_320), (0, 359)], &[(6, 359), (0, 1_320), (5, 1_320)]),
            ("sat,sun; Wed 12:00-24:00", &[(5, 0), (2, 720), (2, 1_439)], &[(2, 719), (3, 0)]),
            ("8:00-9:00", &[(1, 480)], &[(1, 540)]),
        ] {
            let times = Times::parse(text).unwrap();
            for (day, minute) in inside {
                assert!(times.has(Moment { day: *day, minute: *minute }), "{text}: {day} {minute}");
            }
            for (day, minute) in outside {
                assert!(!times.has(Moment { day: *day, minute: *minute }), "{text}: {day} {minute}");
            }
            assert_eq!(times.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_time() {
        for text in [
            "",
            ";",
            "mon;",
            "monday",
            "8-17",
            "08:00",
            "08:00-08:00",
            "24:00-25:00",
            "08:60-09:00",
            "mon-",
            "mon fri",
            "08:00-17:00 mon",
            "+8:00-9:00",
            "008:00-9:00",
            "mon 08:00-9:00 x",
        ] {
            assert_eq!(Times::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_moment_of_a_place() {
        let zone = Zone::parse("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        // 2026-11-25 22:30 UTC, a Wednesday; 2026-07-05 22:30 UTC, a Sunday.
        assert_eq!(Moment::at(Wall(1_795_645_800), zone).unwrap().to_string(), "wed 23:30");
        assert_eq!(Moment::at(Wall(1_783_290_600), zone).unwrap().to_string(), "mon 00:30");
        assert_eq!(Moment::at(Wall(60), zone), None);
    }
}
