//! Texts to SMS-SUBMIT PDUs, TS 23.040 section 9.2.2.2.
use std::fmt;

use super::address::{Address, AddressKind, code_of};
use super::dcs::Dcs;
use super::gsm7::{self, Code};
use super::udh::{self, Concat};
use crate::util::limits::SMS_PARTS_OUT;

/// A text to send.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    /// Digits, `*`, `#`, `a` to `c`; `+` in front of an international number.
    pub destination: &'a str,
    pub text: &'a str,
    /// Names the text among those to this destination when it takes several parts; eight bits of header when it
    /// fits, sixteen when not.
    pub reference: u16,
    /// Ask for a delivery report.
    pub report: bool,
}

/// One part, ready for `AT+CMGS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// SMSC field of length 0, so the SIM's service centre is used, and the TPDU.
    pub pdu: Vec<u8>,
    /// Octets behind the SMSC field: the number `AT+CMGS` wants.
    pub tpdu_len: usize,
    /// From 1.
    pub part: u8,
    pub total: u8,
}

/// Why a text cannot be sent. Says what to write instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeError {
    NoDestination,
    /// A character that no number has.
    Destination(char),
    /// So many digits.
    DestinationTooLong(usize),
    /// So many parts.
    TooLong(usize),
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const FORM: &str = "want digits, * # a b c, and + in front of a country code, as in +491511234567";
        match self {
            Self::NoDestination => write!(f, "the destination has no digits; {FORM}"),
            Self::Destination(c) => {
                let c = c.escape_debug();
                write!(f, "the destination has '{c}' in it, and a text can only go to a number; {FORM}")
            }
            Self::DestinationTooLong(digits) => {
                write!(f, "the destination has {digits} digits, want at most {MOST_DIGITS}")
            }
            Self::TooLong(parts) => {
                write!(f, "the text takes {parts} parts, want at most {SMS_PARTS_OUT}: write a shorter one")
            }
        }
    }
}

impl std::error::Error for EncodeError {}

/// Digits of a destination: an address field has at most 10 octets of value, section 9.1.2.5.
const MOST_DIGITS: usize = 20;
/// Message type SUBMIT, no validity period: the service centre's own applies.
const FIRST_OCTET: u8 = 0x01;
const REPORT_REQUESTED: u8 = 0x20;
const HAS_HEADER: u8 = 0x40;
/// User data of one part, in octets; 160 septets.
const USER_DATA_OCTETS: usize = 140;

/// PDUs of `text`: GSM 7 bit when every character has a code there, UTF-16 when not.
///
/// # Errors
/// See [`EncodeError`].
pub fn encode_submit(text: &Text<'_>) -> Result<Vec<Segment>, EncodeError> {
    let destination = parse_destination(text.destination)?.field();
    let cut = Cut::of(text.text, text.reference > u16::from(u8::MAX));
    let count = cut.parts.len();
    let total = u8::try_from(count).ok().filter(|total| usize::from(*total) <= SMS_PARTS_OUT);
    let total = total.ok_or(EncodeError::TooLong(count))?;
    Ok((1..=total)
        .zip(&cut.parts)
        .map(|(part, body)| segment(text, &destination, part, total, body))
        .collect())
}

/// Parts that `text` takes with a reference of eight bits, whether or not so many can be sent.
#[must_use]
pub fn segment_count(text: &str) -> usize {
    Cut::of(text, false).parts.len()
}

/// A destination as an address.
///
/// # Errors
/// When it is no number: a name can send texts, but not receive any.
pub fn parse_destination(text: &str) -> Result<Address, EncodeError> {
    let (kind, digits) = match text.strip_prefix('+') {
        Some(digits) => (AddressKind::International, digits),
        None => (AddressKind::Unknown, text),
    };
    if let Some(c) = digits.chars().find(|c| code_of(*c).is_none()) {
        return Err(EncodeError::Destination(c));
    }
    match digits.len() {
        0 => Err(EncodeError::NoDestination),
        1..=MOST_DIGITS => Ok(Address { kind, text: digits.to_owned() }),
        count => Err(EncodeError::DestinationTooLong(count)),
    }
}

/// The text of one part, unpacked.
enum Body {
    Septets(Vec<u8>),
    Units(Vec<u16>),
}

/// A text in parts.
struct Cut {
    parts: Vec<Body>,
}

impl Cut {
    /// `wide`: with a reference of 16 bits, when there are several parts.
    fn of(text: &str, wide: bool) -> Self {
        let header: usize = if wide { 7 } else { 6 };
        let room = USER_DATA_OCTETS.saturating_sub(header);
        let codes: Option<Vec<Code>> = text.chars().map(gsm7::encode_char).collect();
        let parts = if let Some(codes) = codes {
            let (alone, of_several) = (USER_DATA_OCTETS * 8 / 7, room * 8 / 7);
            let parts = split(&codes, alone, of_several, |code| code.septets());
            parts.into_iter().map(|part| Body::Septets(septets_of(part))).collect()
        } else {
            let characters: Vec<char> = text.chars().collect();
            let parts = split(&characters, USER_DATA_OCTETS / 2, room / 2, |c| c.len_utf16());
            parts.into_iter().map(|part| Body::Units(units_of(part))).collect()
        };
        Self { parts }
    }
}

/// Cut `characters` into parts: one of at most `alone`, else several of at most `of_several`, never inside a
/// character. Nothing is one empty part.
fn split<T>(characters: &[T], alone: usize, of_several: usize, size: impl Fn(&T) -> usize) -> Vec<&[T]> {
    if characters.iter().map(&size).sum::<usize>() <= alone {
        return vec![characters];
    }
    let mut parts = Vec::new();
    let mut rest = characters;
    while !rest.is_empty() {
        let mut used = 0_usize;
        let fits = rest.iter().take_while(|character| {
            used = used.saturating_add(size(character));
            used <= of_several
        });
        // A character always fits; were it not so, one is taken rather than none for ever.
        let (part, next) = rest.split_at(fits.count().clamp(1, rest.len()));
        parts.push(part);
        rest = next;
    }
    parts
}

fn septets_of(codes: &[Code]) -> Vec<u8> {
    let mut septets = Vec::with_capacity(codes.len());
    for code in codes {
        code.push_to(&mut septets);
    }
    septets
}

fn units_of(characters: &[char]) -> Vec<u16> {
    let mut room = [0; 2];
    characters.iter().flat_map(|c| c.encode_utf16(&mut room).to_vec()).collect()
}

fn segment(text: &Text<'_>, destination: &[u8], part: u8, total: u8, body: &Body) -> Segment {
    let concat = Concat { reference: text.reference, wide: text.reference > 0xFF, total, part };
    let header = if total > 1 { udh::emit(&[concat.element()]) } else { Vec::new() };
    let (dcs, length, octets) = emit_body(body, header.len());
    let report = if text.report { REPORT_REQUESTED } else { 0 };
    let has_header = if header.is_empty() { 0 } else { HAS_HEADER };
    // SMSC length 0, first octet, message reference (the stick fills it in).
    let mut pdu = vec![0, FIRST_OCTET | report | has_header, 0];
    pdu.extend(destination);
    pdu.extend([0, dcs.0, u8::try_from(length).unwrap_or(u8::MAX)]);
    pdu.extend(header);
    pdu.extend(octets);
    Segment { tpdu_len: pdu.len().saturating_sub(1), pdu, part, total }
}

/// Coding scheme, user data length and packed text behind a header of `header` octets.
fn emit_body(body: &Body, header: usize) -> (Dcs, usize, Vec<u8>) {
    match body {
        Body::Septets(septets) => {
            let length = header.saturating_mul(8).div_ceil(7).saturating_add(septets.len());
            (Dcs::GSM7, length, gsm7::pack(septets, gsm7::fill_bits(header)))
        }
        Body::Units(units) => {
            let octets: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
            (Dcs::UCS2, header.saturating_add(octets.len()), octets)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::hex;

    fn encode(destination: &str, text: &str) -> Result<Vec<String>, EncodeError> {
        let text = Text { destination, text, reference: 1, report: false };
        encode_submit(&text).map(|segments| segments.iter().map(|s| hex::encode(&s.pdu)).collect())
    }

    #[test]
    fn whole_pdus() {
        assert_eq!(
            encode("+46708251358", "hellohello").unwrap(),
            ["0001000B916407281553F800000AE8329BFD4697D9EC37"]
        );
        assert_eq!(encode("123", "").unwrap(), ["00010003812 1F3000000".replace(' ', "")]);
        let long = encode("123", &"ő".repeat(71)).unwrap();
        assert!(long[0].starts_with("004100038121F300088C050003010201"), "{long:?}");
        assert!(long[1].starts_with("004100038121F300080E050003010202"), "{long:?}");
    }

    #[test]
    fn a_wide_reference_and_a_report() {
        let text = "x".repeat(161);
        let text = Text { destination: "123", text: &text, reference: 0x0180, report: true };
        let segments = encode_submit(&text).unwrap();
        assert_eq!(
            &segments[0].pdu[..17],
            hex::decode("0061000381 21F30000A0 06080401800201".replace(' ', "").as_str()).unwrap()
        );
        assert_eq!(
            (segments[0].part, segments[0].total, segments[0].tpdu_len),
            (1, 2, segments[0].pdu.len() - 1)
        );
    }

    #[test]
    fn destinations() {
        for (destination, error) in [
            ("", EncodeError::NoDestination),
            ("+", EncodeError::NoDestination),
            ("Vodafone", EncodeError::Destination('V')),
            ("0151 234", EncodeError::Destination(' ')),
            ("1+2", EncodeError::Destination('+')),
            ("012345678901234567890", EncodeError::DestinationTooLong(21)),
        ] {
            assert_eq!(encode(destination, "x"), Err(error), "{destination}");
        }
        assert!(encode("*#abc0123", "x").is_ok() && encode("+01234567890123456789", "x").is_ok());
        assert!(EncodeError::Destination('V').to_string().contains("want digits"));
    }

    #[test]
    fn too_many_parts() {
        assert_eq!(encode("1", &"x".repeat(153 * SMS_PARTS_OUT)).unwrap().len(), SMS_PARTS_OUT);
        assert_eq!(
            encode("1", &"x".repeat(153 * SMS_PARTS_OUT + 1)),
            Err(EncodeError::TooLong(SMS_PARTS_OUT + 1))
        );
        assert_eq!(segment_count(&"x".repeat(153 * 300)), 300);
    }
}
