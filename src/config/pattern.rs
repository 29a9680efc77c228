//! Patterns of numbers: what a route takes.
use std::fmt;

use super::numbering::e164;
use crate::util::limits;

/// `NXX`, `+91X.`, `[2-5]!`: X is 0 to 9, Z 1 to 9, N 2 to 9, `[..]` one of a set, `.` one or more and `!` none or more
/// digits; digits, `*`, `#` and a `+` in front stand for themselves. `.` and `!` take a `+` too and neither `*` nor `#`:
/// a code that changes the SIM's settings (`**21*…#`) passes only where a pattern spells it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Pattern {
    text: String,
    steps: Vec<Step>,
}

/// One place of a pattern: which symbols it takes, as bits; a repeated one takes none or more of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Step {
    takes: u16,
    repeated: bool,
}

const DIGITS: u16 = 0b11_1111_1111;
const STAR: u16 = 1 << 10;
const HASH: u16 = 1 << 11;
const PLUS: u16 = 1 << 12;

/// The bit of one dialled character; 0: nobody dials that.
fn bit(symbol: u8) -> u16 {
    match symbol {
        b'0'..=b'9' => 1 << (symbol & 0x0F),
        b'*' => STAR,
        b'#' => HASH,
        b'+' => PLUS,
        _ => 0,
    }
}

impl Pattern {
    /// None: it is no pattern, or a longer one than `limits::PATTERN_STEPS`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut steps = Vec::new();
        let mut symbols = text.bytes();
        while let Some(symbol) = symbols.next() {
            let (takes, least, repeated) = match symbol {
                b'X' | b'x' => (DIGITS, 1, false),
                b'Z' | b'z' => (DIGITS & !bit(b'0'), 1, false),
                b'N' | b'n' => (DIGITS & !bit(b'0') & !bit(b'1'), 1, false),
                b'[' => (set(&mut symbols)?, 1, false),
                b'.' => (DIGITS | PLUS, 1, true),
                b'!' => (DIGITS | PLUS, 0, true),
                b'+' if !steps.is_empty() => return None,
                _ => (bit(symbol), 1, false),
            };
            if takes == 0 {
                return None;
            }
            if least > 0 {
                steps.push(Step { takes, repeated: false });
            }
            if repeated {
                steps.push(Step { takes, repeated: true });
            }
            if steps.len() > limits::PATTERN_STEPS {
                return None;
            }
        }
        (!steps.is_empty()).then(|| Self { text: text.to_owned(), steps })
    }

    /// Does it take the whole number? All places where the pattern can stand move at once, so the time is the
    /// number's length times the pattern's, whatever both are.
    #[must_use]
    pub fn matches(&self, number: &str) -> bool {
        matches(&self.steps, number)
    }

    /// Places that take one symbol alone.
    fn fixed(&self) -> usize {
        self.steps.iter().filter(|step| !step.repeated && step.takes.is_power_of_two()).count()
    }

    fn is_number(&self) -> bool {
        self.fixed() == self.steps.len()
    }
}

/// Bit i of the places: what was read so far brings the pattern before its step i.
fn matches(steps: &[Step], number: &str) -> bool {
    let mut places = skip_repeated(steps, 1);
    for symbol in number.bytes() {
        let symbol = bit(symbol);
        let mut next: u64 = 0;
        for (i, step) in steps.iter().enumerate() {
            if places >> i & 1 == 1 && step.takes & symbol != 0 {
                next |= 1 << if step.repeated { i } else { i + 1 };
            }
        }
        places = skip_repeated(steps, next);
    }
    places >> steps.len() & 1 == 1
}

/// A repeated step may take nothing: who stands before it stands behind it, too.
fn skip_repeated(steps: &[Step], mut places: u64) -> u64 {
    for (i, step) in steps.iter().enumerate() {
        if step.repeated {
            places |= (places >> i & 1) << (i + 1);
        }
    }
    places
}

/// What stands between brackets: symbols and ranges of digits, `[13-5*]`.
fn set(symbols: &mut std::str::Bytes<'_>) -> Option<u16> {
    let mut takes = 0;
    let mut before: Option<u8> = None;
    loop {
        match symbols.next()? {
            b']' => return Some(takes),
            b'-' => {
                let (first, last) = (before.take()?, symbols.next()?);
                if !first.is_ascii_digit() || !last.is_ascii_digit() || first > last {
                    return None;
                }
                takes |= (first..=last).map(bit).fold(0, |all, one| all | one);
            }
            b'+' => return None,
            symbol if bit(symbol) == 0 => return None,
            symbol => {
                takes |= bit(symbol);
                before = Some(symbol);
            }
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({})", self.text)
    }
}

/// Callers that a route names: a number, or a pattern of numbers.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct CallerPattern(Pattern);

/// A caller pattern with fewer fixed digits than this names nobody.
const NAMING_DIGITS: usize = 3;

impl CallerPattern {
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Pattern::parse(text).map(Self)
    }

    /// It has enough fixed digits to mean somebody and not everybody.
    #[must_use]
    pub fn names_somebody(&self) -> bool {
        self.0.fixed() >= NAMING_DIGITS
    }

    /// `number` is the caller's as it was shown, without separators; empty: withheld. Numbers are compared with their
    /// country's code, so `+15555555555` is `15555555555` and, in `country`, the national spelling of the same.
    #[must_use]
    pub fn matches(&self, country: Option<&str>, number: &str) -> bool {
        if self.0.is_number() {
            return !number.is_empty() && e164(country, &self.0.text) == e164(country, number);
        }
        let steps = match self.0.steps.split_first() {
            Some((first, rest)) if first.takes == PLUS => rest,
            _ => &self.0.steps,
        };
        self.0.matches(number) || (!number.is_empty() && matches(steps, &e164(country, number)))
    }
}

impl fmt::Display for CallerPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_pattern_takes() {
        for (pattern, taken, left) in [
            ("X", &["0", "9"][..], &["", "00", "+", "*", "a"][..]),
            ("Z", &["1", "9"], &["0"]),
            ("N", &["2", "9"], &["0", "1"]),
            ("n11", &["211", "911"], &["111", "2110"]),
            ("NXXNXXXXXX", &["2125551234"], &["1125551234", "21255512345", "+2125551234"]),
            ("+91X.", &["+9198", "+919876543210"], &["+91", "+919", "919876543210", "+9298"]),
            ("X.", &["12", "0987"], &["1", "", "+12", "1*2", "12#", "*21"]),
            (".", &["1", "+491"], &["", "*", "*21*1#"]),
            ("!", &["", "1", "+491"], &["#"]),
            ("0!", &["0", "0123"], &["1", ""]),
            ("*21*X.#", &["*21*123#"], &["*21*1#", "*21*123", "*21*123##", "21*123#"]),
            ("[13-5]X", &["10", "39", "50"], &["20", "60", "-0"]),
            ("[*#0]9", &["*9", "#9", "09"], &["19"]),
            ("1.2.3", &["19293", "122223", "1323233"], &["123", "1223", "12233 "]),
            ("100", &["100"], &["1000", "10", "100 "]),
        ] {
            let read = Pattern::parse(pattern).unwrap();
            for number in taken {
                assert!(read.matches(number), "{pattern} takes {number}");
            }
            for number in left {
                assert!(!read.matches(number), "{pattern} leaves {number}");
            }
            assert_eq!(read.to_string(), pattern);
        }
    }

    #[test]
    fn what_is_no_pattern() {
        let longest = "X".repeat(limits::PATTERN_STEPS);
        assert!(Pattern::parse(&longest).is_some());
        for text in [
            "",
            " ",
            "a",
            "_1X.",
            "1-2",
            "1 2",
            "[",
            "[]",
            "[1",
            "1]",
            "[a]",
            "[5-1]",
            "[-5]",
            "[1-]",
            "[1-*]",
            "[+]",
            "1+",
            "++",
            "X\n",
            "½",
            &format!("{longest}X"),
            &"[0-9]".repeat(60),
        ] {
            assert!(Pattern::parse(text).is_none(), "{text:?}");
        }
    }

    /// 24 repetitions against a number that fails at its end: a reader that goes back would need years.
    #[test]
    fn many_repetitions_take_no_time() {
        let pattern = Pattern::parse(&format!("{}9", ".".repeat(23))).unwrap();
        let number = "1".repeat(100_000);
        assert!(!pattern.matches(&number));
        assert!(pattern.matches(&format!("{number}9")));
    }

    #[test]
    fn callers_in_different_clothes() {
        for (pattern, country, number, want) in [
            ("+15555555555", None, "15555555555", true),
            ("+15555555555", None, "+15555555555", true),
            ("15555555555", None, "+15555555555", true),
            ("+15555555555", Some("US"), "5555555555", true),
            ("+15555555555", Some("IN"), "0015555555555", true),
            ("+15555555555", Some("IN"), "5555555555", false),
            ("+15555555555", None, "15555555556", false),
            ("+15555555555", None, "115555555555", false),
            ("+15555555555", None, "", false),
            ("+919876543210", Some("IN"), "09876543210", true),
            ("09876543210", Some("IN"), "+919876543210", true),
            ("+91987X.", Some("IN"), "09876543210", true),
            ("+91987X.", None, "919876543210", true),
            ("+91987X.", None, "919886543210", false),
            ("0987X.", Some("IN"), "09876543210", true),
            (".", None, "", false),
            ("!", None, "", true),
        ] {
            let read = CallerPattern::parse(pattern).unwrap();
            assert_eq!(read.matches(country, number), want, "{pattern} {country:?} {number}");
        }
        for (pattern, want) in
            [("+15555555555", true), ("100", true), ("+1X.", false), (".", false), ("XXXX", false)]
        {
            assert_eq!(CallerPattern::parse(pattern).unwrap().names_somebody(), want, "{pattern}");
        }
    }
}
