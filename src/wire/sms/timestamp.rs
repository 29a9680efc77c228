//! Service centre time stamp, TS 23.040 section 9.2.3.11.
use crate::util::time::{Stamp, Wall, days_from_civil};

/// Octets of a time stamp.
pub const OCTETS: usize = 7;

/// The moment in swapped semi-octets: year, month, day, hour, minute, second, zone in quarters of an hour.
///
/// Years 90 to 99 lie in the last century. `None` when it is no date; the time of arrival is then the better one.
#[must_use]
pub fn parse(octets: &[u8; OCTETS]) -> Option<Stamp> {
    let [year, month, day, hour, minute, second, zone] = *octets;
    let (month, hour) = (in_range(month, 1, 12)?, in_range(hour, 0, 23)?);
    let (minute, second) = (in_range(minute, 0, 59)?, in_range(second, 0, 59)?);
    let year = i64::from(decimal(year)?);
    let year = if year >= 90 { year + 1_900 } else { year + 2_000 };
    let day = in_range(day, 1, days_in_month(year, month))?;
    // Bit 3 of the octet, the high bit of the tens, is the sign.
    let quarters = i32::from(decimal(zone & !0x08)?);
    let offset_min = if zone & 0x08 == 0 { quarters * 15 } else { quarters * -15 };
    let local = days_from_civil(year, month, day) * 86_400 + i64::from(hour * 3_600 + minute * 60 + second);
    Some(Stamp { at: Wall(local - i64::from(offset_min) * 60), offset_min })
}

/// Two swapped decimal digits.
fn decimal(octet: u8) -> Option<u8> {
    let (tens, units) = (octet & 0x0F, octet >> 4);
    (tens <= 9 && units <= 9).then_some(tens * 10 + units)
}

fn in_range(octet: u8, low: u32, high: u32) -> Option<u32> {
    decimal(octet).map(u32::from).filter(|n| (low..=high).contains(n))
}

/// Days of a month from 1 to 12.
fn days_in_month(year: i64, month: u32) -> u32 {
    let (next_year, next) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    u32::try_from(days_from_civil(next_year, next, 1) - days_from_civil(year, month, 1)).unwrap_or(28)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_garbage() {
        for (octets, shown) in [
            // TS 23.040: +1 h and -1 h.
            ([0x20, 0x80, 0x62, 0x91, 0x73, 0x14, 0x48], Some("2002-08-26T19:37:41-01:00")),
            ([0x20, 0x80, 0x62, 0x91, 0x73, 0x14, 0x40], Some("2002-08-26T19:37:41+01:00")),
            ([0x42, 0x20, 0x92, 0, 0, 0, 0], Some("2024-02-29T00:00:00+00:00")),
            ([0x32, 0x20, 0x92, 0, 0, 0, 0], None),
            ([0x42, 0x13, 0x10, 0, 0, 0, 0], None),
            ([0x42, 0x10, 0x10, 0x42, 0, 0, 0], None),
            ([0; 7], None),
            ([0xFF; 7], None),
        ] {
            assert_eq!(parse(&octets).map(|s| s.to_string()).as_deref(), shown, "{octets:02X?}");
        }
    }
}
