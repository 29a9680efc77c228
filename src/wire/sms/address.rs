//! Addresses: type of number and semi-octets, TS 23.040 section 9.1.2.5.
use std::fmt;

use super::fault::{Fault, PduError};
use super::gsm7;
use super::reader::Reader;

/// A telephone number or a name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    pub kind: AddressKind,
    /// Characters of `0-9 * # a b c`, without the `+`; any text when alphanumeric.
    pub text: String,
}

/// Type of number, bits 6 to 4 of the type-of-address octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressKind {
    Unknown,
    International,
    National,
    /// Specific to the network, such as a service number of the operator.
    Network,
    Subscriber,
    /// A name in the GSM 7 bit alphabet. Nobody can answer it.
    Alphanumeric,
    Abbreviated,
    /// Reserved for extension.
    Reserved,
}

impl AddressKind {
    const fn of(type_of_address: u8) -> Self {
        match (type_of_address >> 4) & 0x07 {
            0 => Self::Unknown,
            1 => Self::International,
            2 => Self::National,
            3 => Self::Network,
            4 => Self::Subscriber,
            5 => Self::Alphanumeric,
            6 => Self::Abbreviated,
            _ => Self::Reserved,
        }
    }

    /// The octet that says so. The numbering plan is ISDN, E.164, for all numbers that can have one; a number of
    /// unknown type is 81, which networks take for short codes too.
    const fn type_of_address(self) -> u8 {
        match self {
            Self::Unknown => 0x81,
            Self::International => 0x91,
            Self::National => 0xA1,
            Self::Network => 0xB1,
            Self::Subscriber => 0xC1,
            Self::Alphanumeric => 0xD0,
            Self::Abbreviated => 0xE1,
            Self::Reserved => 0xF1,
        }
    }
}

impl Address {
    /// Whether a text or call can go back to it.
    #[must_use]
    pub fn is_number(&self) -> bool {
        self.kind != AddressKind::Alphanumeric && !self.text.is_empty()
    }

    /// Originator, destination or recipient address: the length counts semi-octets.
    pub(super) fn parse(reader: &mut Reader<'_>, field: &'static str) -> Result<Self, PduError> {
        let start = reader.error(Fault::AddressLength);
        let semi_octets = usize::from(reader.octet(field)?);
        let kind = AddressKind::of(reader.octet(field)?);
        let value = reader.take(semi_octets.div_ceil(2), Fault::AddressLength).map_err(|_| start)?;
        Ok(Self::of_value(kind, value, semi_octets))
    }

    /// Service centre address: the length counts octets including the type. Length 0 leaves it to the SIM.
    pub(super) fn parse_smsc(reader: &mut Reader<'_>) -> Result<Option<Self>, PduError> {
        let start = reader.error(Fault::SmscLength);
        let octets = usize::from(reader.octet("service centre address")?);
        let field = reader.take(octets, Fault::SmscLength).map_err(|_| start)?;
        Ok(field.split_first().map(|(type_of_address, value)| {
            let semi_octets = value.len().saturating_mul(2);
            Self::of_value(AddressKind::of(*type_of_address), value, semi_octets)
        }))
    }

    fn of_value(kind: AddressKind, value: &[u8], semi_octets: usize) -> Self {
        let text = if kind == AddressKind::Alphanumeric {
            name_of(value, semi_octets)
        } else {
            digits_of(value, semi_octets)
        };
        Self { kind, text }
    }

    /// Length in semi-octets, type and value, as a TPDU carries it. Characters that have no code are left out.
    #[must_use]
    pub fn field(&self) -> Vec<u8> {
        let (semi_octets, value) = if self.kind == AddressKind::Alphanumeric {
            let septets = gsm7::encode(&self.text).unwrap_or_default();
            (septets.len().saturating_mul(7).div_ceil(4), gsm7::pack(&septets, 0))
        } else {
            let digits: Vec<u8> = self.text.chars().filter_map(code_of).collect();
            (digits.len(), swapped(&digits))
        };
        let mut field = vec![u8::try_from(semi_octets).unwrap_or(u8::MAX), self.kind.type_of_address()];
        field.extend(value);
        field
    }

    /// Length in octets, type and value, as the service centre address in front of a TPDU carries it.
    #[must_use]
    pub fn smsc_field(&self) -> Vec<u8> {
        let mut field = self.field();
        let octets = field.len().saturating_sub(1);
        if let Some(length) = field.first_mut() {
            *length = u8::try_from(octets).unwrap_or(u8::MAX);
        }
        field
    }
}

/// As dialled: `+` in front of an international number.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind == AddressKind::International {
            f.write_str("+")?;
        }
        f.write_str(&self.text)
    }
}

/// Codes of semi-octets, TS 24.008 table 10.5.118; 15 is the filler.
const DIGITS: [char; 15] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#', 'a', 'b', 'c'];

/// The semi-octet of a digit; `None` for what cannot be dialled.
#[must_use]
pub fn code_of(digit: char) -> Option<u8> {
    DIGITS.iter().position(|d| *d == digit).and_then(|code| u8::try_from(code).ok())
}

/// Digits up to the filler: some sticks count it.
fn digits_of(value: &[u8], semi_octets: usize) -> String {
    let codes = value.iter().flat_map(|octet| [octet & 0x0F, octet >> 4]).take(semi_octets);
    codes.map_while(|code| DIGITS.get(usize::from(code))).collect()
}

/// A name of as many septets as fit. A sender who counts whole octets makes seven characters look like eight, the
/// last one `@` of the padding zeros.
fn name_of(value: &[u8], semi_octets: usize) -> String {
    let count = semi_octets.saturating_mul(4) / 7;
    let mut septets = gsm7::unpack(value, 0, count);
    if septets.len().is_multiple_of(8) && septets.last() == Some(&0) {
        septets.pop();
    }
    gsm7::decode(&septets, 0, 0)
}

fn swapped(digits: &[u8]) -> Vec<u8> {
    let octet = |pair: &[u8]| pair.first().unwrap_or(&0x0F) | pair.get(1).unwrap_or(&0x0F) << 4;
    digits.chunks(2).map(octet).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(octets: &[u8]) -> Result<Address, PduError> {
        Address::parse(&mut Reader::new(octets), "originator")
    }

    #[test]
    fn names_and_numbers() {
        for (octets, shown) in [
            (&[0x0D, 0xD0, 0xF3, 0x34, 0xFC, 0x1C, 0xA6, 0x97, 0x01][..], "sipgate"),
            // The same name, length counted in whole octets.
            (&[0x0E, 0xD0, 0xF3, 0x34, 0xFC, 0x1C, 0xA6, 0x97, 0x01], "sipgate"),
            (&[0x06, 0xD0, 0x6D, 0xFA, 0x1C], "mts"),
            (&[0x04, 0x81, 0xA1, 0xB2], "1*2#"),
            (&[0x04, 0xB9, 0x21, 0xF3], "123"),
            (&[0x00, 0x91], "+"),
        ] {
            assert_eq!(parse(octets).unwrap().to_string(), shown, "{octets:02X?}");
        }
    }

    #[test]
    fn too_long() {
        assert_eq!(parse(&[0x03, 0x81, 0x21]), Err(PduError { at: 0, what: Fault::AddressLength }));
        assert_eq!(parse(&[0x03]), Err(PduError { at: 1, what: Fault::Missing("originator") }));
    }
}
