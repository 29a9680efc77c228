//! Clocks: the monotonic one for the log, and service centre time stamps (TS 23.040 9.2.3.11).

use nix::time::{ClockId, clock_gettime};

/// Seconds of CLOCK_MONOTONIC, comparable between processes of one machine.
pub fn monotonic() -> f64 {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(0.0, |t| t.tv_sec() as f64 + t.tv_nsec() as f64 / 1e9)
}

/// Local time of a service centre with its offset in quarters of an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Year of the century, month, day, hour, minute, second.
    fields: [u8; 6],
    quarters: i8,
}

impl Stamp {
    /// Now, in UTC.
    pub fn now() -> Stamp {
        let seconds = clock_gettime(ClockId::CLOCK_REALTIME).map_or(0, |t| t.tv_sec());
        let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let (year, month, day) = civil(days);
        let small = |n: i64| u8::try_from(n).unwrap_or(0);
        Stamp {
            fields: [
                small(year.rem_euclid(100)),
                small(month),
                small(day),
                small(rest / 3600),
                small(rest / 60 % 60),
                small(rest % 60),
            ],
            quarters: 0,
        }
    }

    /// `2026-11-20T12:00:00+01:00`, or with `Z`.
    pub fn parse(iso: &str) -> Option<Stamp> {
        let number = |from: usize| iso.get(from..from + 2).and_then(|t| t.parse::<u8>().ok());
        let fields = [number(2)?, number(5)?, number(8)?, number(11)?, number(14)?, number(17)?];
        let zone = iso.get(19..)?;
        let quarters = if zone == "Z" {
            0
        } else {
            let hours: i8 = zone.get(1..3)?.parse().ok()?;
            let minutes: i8 = zone.get(4..6)?.parse().ok()?;
            let size = hours.checked_mul(4)?.checked_add(minutes / 15)?;
            if zone.starts_with('-') { -size } else { size }
        };
        Some(Stamp { fields, quarters })
    }

    /// The seven octets with swapped nibbles; bit 3 of the last is the minus sign.
    pub fn octets(&self) -> [u8; 7] {
        let swap = |n: u8| ((n % 10) << 4) | (n / 10);
        let [y, mo, d, h, mi, s] = self.fields.map(swap);
        let sign = if self.quarters < 0 { 8 } else { 0 };
        [y, mo, d, h, mi, s, swap(self.quarters.unsigned_abs()) | sign]
    }
}

/// Year, month, day of a day number since 1970-01-01.
fn civil(days: i64) -> (i64, i64, i64) {
    let mut year = 1970;
    let mut left = days;
    let leap = |y: i64| (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    while left >= 365 + i64::from(leap(year)) {
        left -= 365 + i64::from(leap(year));
        year += 1;
    }
    let lengths = [31, 28 + i64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 1;
    for length in lengths {
        if left < length {
            break;
        }
        left -= length;
        month += 1;
    }
    (year, month, left + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;

    #[test]
    fn stamps_match_published_vectors() {
        for (octets, iso) in [
            ("51117200000000", "2015-11-27T00:00:00+00:00"),
            ("51117200000080", "2015-11-27T00:00:00+02:00"),
            ("7040213252242B", "2007-04-12T23:25:42-08:00"),
            ("99202150750321", "1999-02-12T05:57:30+03:00"),
        ] {
            assert_eq!(hex::encode(&Stamp::parse(iso).unwrap().octets()), octets);
        }
        assert_eq!(civil(20_777), (2026, 11, 20));
        assert_eq!(civil(19_782), (2024, 2, 29));
    }
}
