//! Numbers: what may be dialled, and who calls.
use super::Clir;
use crate::util::limits::DIAL_DIGITS;
use crate::wire::at::Party;

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// As the network gave it; an international one has its `+`.
    Number(String),
    /// The caller does not want to be known.
    Withheld,
    /// The network does not know.
    Unknown,
}

/// International, TS 24.008 type of number 1.
const INTERNATIONAL: u8 = 145;
/// Withheld, where the stick says no more than this.
const NO_ADDRESS: u8 = 128;

impl Caller {
    /// The caller, if `party` tells; `None` while it may still be told.
    pub(super) fn of(party: &Party) -> Option<Self> {
        let digits: String = party.number.chars().filter(|c| is_digit(*c)).take(DIAL_DIGITS).collect();
        if !digits.is_empty() {
            let plus = if party.kind == Some(INTERNATIONAL) && !digits.starts_with('+') { "+" } else { "" };
            return Some(Self::Number(format!("{plus}{digits}")));
        }
        match (party.validity, party.kind) {
            (Some(2), _) => Some(Self::Unknown),
            (Some(1), _) | (_, Some(NO_ADDRESS)) => Some(Self::Withheld),
            _ => None,
        }
    }

    pub(super) fn number(&self) -> Option<&str> {
        match self {
            Self::Number(number) => Some(number),
            Self::Withheld | Self::Unknown => None,
        }
    }
}

const fn is_digit(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, '*' | '#' | '+')
}

/// Whether ATD may carry it.
pub(super) fn is_dialable(number: &str) -> bool {
    let digits = number.strip_prefix('+').unwrap_or(number);
    let service = digits.starts_with(['*', '#']) && digits.ends_with('#');
    !digits.is_empty()
        && number.len() <= DIAL_DIGITS
        && digits.chars().all(|c| is_digit(c) && c != '+')
        && !service
}

/// `ATD<number>[I|i];`: the semicolon makes it a voice call, TS 27.007 6.2; the letter hides or shows our number for this
/// call alone and leaves no setting behind.
pub(super) fn dial_command(number: &str, clir: Clir) -> String {
    let suffix = match clir {
        Clir::Default => "",
        Clir::Hide => "I",
        Clir::Show => "i",
    };
    format!("ATD{number}{suffix};")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_calls() {
        let caller =
            |number: &str, kind, validity| Caller::of(&Party { number: number.to_owned(), kind, validity });
        let number = |n: &str| Some(Caller::Number(n.to_owned()));
        for (got, want) in [
            (caller("+48500000000", Some(145), Some(0)), number("+48500000000")),
            (caller("48500000000", Some(145), None), number("+48500000000")),
            (caller("030123", Some(129), None), number("030123")),
            (caller("", Some(128), Some(1)), Some(Caller::Withheld)),
            (caller("", Some(128), None), Some(Caller::Withheld)),
            (caller("", Some(128), Some(2)), Some(Caller::Unknown)),
            (caller("", None, None), None),
            (caller("\r\n+1", Some(129), None), number("+1")),
        ] {
            assert_eq!(got, want);
        }
    }

    #[test]
    fn what_may_be_dialled() {
        for (number, good) in [
            ("+4915112345678", true),
            ("112", true),
            ("*31#0301234", true),
            ("0301234#", true),
            ("", false),
            ("+", false),
            ("1+2", false),
            ("112;", false),
            ("0301\r\nAT", false),
            ("112,1", false),
            ("**21*0301#", false),
            ("*100#", false),
            ("#31#", false),
            ("12345678901234567890123456789012345678901", false),
        ] {
            assert_eq!(is_dialable(number), good, "{number:?}");
        }
        assert_eq!(dial_command("112", Clir::Hide), "ATD112I;");
        assert_eq!(dial_command("112", Clir::Default), "ATD112;");
    }
}
