//! Numbers in different clothes: emergency numbers, and one spelling for callers.
use super::countries::COUNTRIES;
use std::borrow::Cow;

/// 3GPP TS 22.101 clause 10.1.1: emergency numbers on every mobile, whatever the country.
const EVERYWHERE: [&str; 2] = ["112", "911"];

/// How a country writes its numbers. None: it has none, or several.
struct Country {
    calling_code: &'static str,
    international: Option<&'static str>,
    national: Option<&'static str>,
    /// Lengths of numbers that are shown without a national prefix.
    bare: Option<(usize, usize)>,
    emergency: std::str::SplitAsciiWhitespace<'static>,
}

impl Country {
    /// `code`: two letters, any case.
    fn find(code: &str) -> Option<Self> {
        COUNTRIES.lines().find_map(|line| {
            let mut words = line.split_ascii_whitespace();
            words.next().filter(|name| name.eq_ignore_ascii_case(code))?;
            let calling_code = words.next()?;
            let mut some = || words.next().filter(|word| *word != "-");
            let (international, national, bare) = (some(), some(), some().and_then(lengths));
            Some(Self { calling_code, international, national, bare, emergency: words })
        })
    }
}

impl Country {
    /// Where national numbers have no prefix: the country's code stands before a whole one, `12125551234`.
    fn is_before(&self, number: &str) -> bool {
        let digits = number.strip_prefix(self.calling_code);
        self.bare.zip(digits).is_some_and(|((least, most), digits)| (least..=most).contains(&digits.len()))
    }
}

fn has_country_code(country: Option<&str>, number: &str) -> bool {
    country.and_then(Country::find).is_some_and(|country| country.is_before(number))
}

/// `10` or `8-9`.
fn lengths(text: &str) -> Option<(usize, usize)> {
    let (least, most) = text.split_once('-').unwrap_or((text, text));
    Some((least.parse().ok()?, most.parse().ok()?))
}

/// Is the country in the table?
pub(super) fn is_known_country(code: &str) -> bool {
    Country::find(code).is_some()
}

/// `dialled` if it is an emergency number of `country` (two letters), or 112 or 911. Exactly as dialled: nothing is taken
/// off its front, for 9112… may be a subscriber.
#[must_use]
pub fn emergency<'a>(country: Option<&str>, dialled: &'a str) -> Option<&'a str> {
    let is_one = EVERYWHERE.contains(&dialled)
        || country
            .and_then(Country::find)
            .is_some_and(|mut found| found.emergency.any(|entry| is_entry(entry, dialled)));
    is_one.then_some(dialled)
}

/// `entry` is a number, or a range of numbers of one length: `1300-1399`.
fn is_entry(entry: &str, dialled: &str) -> bool {
    match entry.split_once('-') {
        None => entry == dialled,
        Some((first, last)) => {
            let is_number = dialled.bytes().all(|b| b.is_ascii_digit());
            is_number && dialled.len() == first.len() && (first..=last).contains(&dialled)
        }
    }
}

/// How numbers go out by a trunk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NumberFormat {
    #[default]
    AsDialled,
    /// `+4930123`
    Plus,
    /// `4930123`
    Bare,
    /// `004930123`
    Zeros,
    /// `030123` at home, with the international prefix abroad.
    National,
}

/// `number` as `format` writes it. Short numbers, star codes and what cannot be read for want of a country stay as they are.
#[must_use]
pub fn formatted(country: Option<&str>, number: &str, format: NumberFormat) -> String {
    let digits = e164(country, number);
    let is_international = number.starts_with('+') || *digits != *number || has_country_code(country, number);
    let is_digits = digits.bytes().all(|b| b.is_ascii_digit());
    if format == NumberFormat::AsDialled || !is_international || !is_digits {
        return number.to_owned();
    }
    let prefix = match format {
        NumberFormat::AsDialled | NumberFormat::Bare => "",
        NumberFormat::Plus => "+",
        NumberFormat::Zeros => "00",
        NumberFormat::National => {
            let Some(country) = country.and_then(Country::find) else { return number.to_owned() };
            match (digits.strip_prefix(country.calling_code), country.bare) {
                (Some(own), None) => return [country.national.unwrap_or_default(), own].concat(),
                (Some(own), Some(_)) => return own.to_owned(),
                (None, _) => country.international.unwrap_or("00"),
            }
        }
    };
    [prefix, &*digits].concat()
}

/// The digits of a number with its country's code and without `+`, as far as that can be told: `+91 987…`, `0091987…`,
/// `0987…` and `91987…` in India are one. `number` has no separators.
#[must_use]
pub fn e164<'a>(country: Option<&str>, number: &'a str) -> Cow<'a, str> {
    if let Some(digits) = number.strip_prefix('+') {
        return Cow::Borrowed(digits);
    }
    let Some(country) = country.and_then(Country::find) else { return Cow::Borrowed(number) };
    let without = |prefix: Option<&str>| prefix.and_then(|prefix| number.strip_prefix(prefix));
    if let Some(digits) = without(country.international) {
        return Cow::Borrowed(digits);
    }
    let national = match country.bare {
        Some((least, most)) => {
            let fits = (least..=most).contains(&number.len());
            (fits && !country.is_before(number)).then_some(number)
        }
        None => without(country.national),
    };
    // A short number has no country: 0987 is not +91 987.
    match national.filter(|digits| digits.len() >= 5) {
        Some(digits) => Cow::Owned(format!("{}{digits}", country.calling_code)),
        None => Cow::Borrowed(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A dozen countries in the source's own spelling, without ranges and with 112 and 911.
    const EXCERPT: &str = include_str!("../../tests/data/emergency.txt");

    #[test]
    fn emergency_numbers_of_the_excerpt() {
        let mut rows = 0;
        for line in EXCERPT.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split(' ');
            let code = words.next().unwrap();
            for number in words {
                assert_eq!(emergency(Some(code), number), Some(number), "{code}");
                assert_eq!(emergency(Some(&code.to_ascii_lowercase()), number), Some(number), "{code}");
                for other in [format!("{number}0"), format!("0{number}"), format!("+{number}")] {
                    let listed = line.split(' ').any(|word| word == other);
                    assert_eq!(emergency(Some(code), &other).is_some(), listed, "{code} {other}");
                }
            }
            rows += 1;
        }
        assert_eq!(rows, 12);
    }

    #[test]
    fn everywhere_and_nowhere() {
        for country in [None, Some("IN"), Some("XX"), Some("")] {
            for (dialled, is_one) in [
                ("112", true),
                ("911", true),
                ("113", false),
                ("1120", false),
                ("12", false),
                ("", false),
                ("-", false),
                ("91", false),
                ("00", false),
            ] {
                assert_eq!(emergency(country, dialled).is_some(), is_one, "{country:?} {dialled}");
            }
        }
        assert!(emergency(Some("DE"), "110").is_some() && emergency(None, "110").is_none());
        for (dialled, is_one) in
            [("1299", false), ("1300", true), ("1399", true), ("1400", false), ("13x9", false)]
        {
            assert_eq!(emergency(Some("GA"), dialled).is_some(), is_one, "{dialled}");
        }
    }

    #[test]
    fn the_table_is_whole() {
        let mut before = "";
        for line in COUNTRIES.lines() {
            let code = line.split(' ').next().unwrap();
            assert!(before < code && code.len() == 2, "{line}");
            let country = Country::find(code).unwrap();
            assert!(country.calling_code.bytes().all(|b| b.is_ascii_digit()), "{line}");
            assert!(line.bytes().all(|b| b.is_ascii_graphic() || b == b' '), "{line}");
            for entry in country.emergency {
                assert!(entry.len() <= 9 && entry.bytes().all(|b| b.is_ascii_digit() || b == b'-'), "{line}");
            }
            before = code;
        }
        assert_eq!(COUNTRIES.lines().count(), 245);
    }

    #[test]
    fn one_spelling() {
        for (country, number, want) in [
            (None, "+15555555555", "15555555555"),
            (None, "15555555555", "15555555555"),
            (None, "0015555555555", "0015555555555"),
            (Some("IN"), "15555555555", "15555555555"),
            (Some("IN"), "0015555555555", "15555555555"),
            (Some("IN"), "09876543210", "919876543210"),
            (Some("IN"), "+919876543210", "919876543210"),
            (Some("IN"), "919876543210", "919876543210"),
            (Some("US"), "5555555555", "15555555555"),
            (Some("US"), "15555555555", "15555555555"),
            (Some("US"), "011919876543210", "919876543210"),
            (Some("ES"), "612345678", "34612345678"),
            (Some("ES"), "34612345678", "34612345678"),
            (Some("RU"), "89123456789", "79123456789"),
            (Some("HU"), "06201234567", "36201234567"),
            (Some("IT"), "0612345678", "390612345678"),
            (Some("IT"), "390612345678", "390612345678"),
            (Some("JP"), "0109876543210", "9876543210"),
            (Some("DE"), "0987", "0987"),
            (Some("DE"), "", ""),
            (Some("XX"), "0987654", "0987654"),
        ] {
            assert_eq!(e164(country, number), want, "{country:?} {number}");
        }
    }

    #[test]
    fn formats() {
        use NumberFormat::{AsDialled, Bare, National, Plus, Zeros};
        for (country, number, format, want) in [
            (Some("DE"), "030123456", Plus, "+4930123456"),
            (Some("DE"), "0049 30".replace(' ', "").as_str(), Plus, "+4930"),
            (Some("DE"), "+4930123456", Bare, "4930123456"),
            (Some("DE"), "+4930123456", Zeros, "004930123456"),
            (Some("DE"), "+4930123456", National, "030123456"),
            (Some("DE"), "004930123456", National, "030123456"),
            (Some("DE"), "+43123456", National, "0043123456"),
            (Some("DE"), "030123456", AsDialled, "030123456"),
            (Some("US"), "2125551234", Plus, "+12125551234"),
            (Some("US"), "12125551234", Plus, "+12125551234"),
            (Some("US"), "+12125551234", National, "2125551234"),
            (Some("US"), "+4930123456", National, "0114930123456"),
            (Some("IT"), "0612345678", Plus, "+390612345678"),
            (Some("IT"), "+390612345678", National, "0612345678"),
            // No number of a country.
            (Some("DE"), "112", Plus, "112"),
            (Some("DE"), "*21#", Plus, "*21#"),
            (Some("DE"), "19222", Plus, "19222"),
            (None, "030123456", Plus, "030123456"),
            (None, "+4930123456", National, "+4930123456"),
            (None, "+4930123456", Zeros, "004930123456"),
        ] {
            assert_eq!(formatted(country, number, format), want, "{country:?} {number} {format:?}");
        }
    }
}
