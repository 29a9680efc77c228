//! User data: header and text, TS 23.040 sections 9.2.3.16 and 9.2.3.24.
use super::dcs::{Alphabet, Dcs};
use super::fault::{Fault, PduError};
use super::gsm7;
use super::reader::Reader;
use super::udh::{self, Element};

/// Most octets user data has; a length above it, in an alphabet counted in octets, is no length of octets.
const MOST_OCTETS: usize = 140;

/// Header elements and text of one part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserData {
    pub elements: Vec<Element>,
    pub content: Content,
    /// The length field says more than there is; this is what there is.
    pub truncated: bool,
}

/// The text of one part as its alphabet allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// GSM 7 bit, read with the tables the header names.
    Text(String),
    /// UTF-16 units. A surrogate pair can be split across parts: [`join`] the parts, then read.
    Ucs2(Vec<u16>),
    /// 8 bit or compressed data.
    Octets(Vec<u8>),
}

impl UserData {
    /// The text of this part alone, lossy for half a surrogate pair; `None` for data.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        join([&self.content])
    }

    pub(super) fn parse(reader: &mut Reader<'_>, has_header: bool, dcs: Dcs) -> Result<Self, PduError> {
        let start = reader.at();
        let error = |what| PduError { at: start, what };
        let declared = usize::from(reader.octet("user data length")?);
        let septets = dcs.alphabet() == Alphabet::Gsm7 && !dcs.compressed();
        let wanted = if septets { declared.saturating_mul(7).div_ceil(8) } else { declared };
        // Senders that count septets whatever the alphabet write A0 for every full part.
        let truncated = !septets && declared > MOST_OCTETS && wanted > reader.rest().len();
        let octets = if truncated {
            reader.rest()
        } else {
            reader.take(wanted, Fault::UserDataLength).map_err(|_| error(Fault::UserDataLength))?
        };
        let header = if has_header { split_header(octets).ok_or(error(Fault::HeaderLength))? } else { &[] };
        let elements = udh::parse(header.get(1..).unwrap_or_default());
        let body = octets.get(header.len()..).unwrap_or_default();
        let content = if septets {
            read_septets(body, header.len(), declared, &elements)
        } else if dcs.alphabet() == Alphabet::Ucs2 && !dcs.compressed() {
            // An odd octet at the end is nothing.
            Content::Ucs2(body.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair)).collect())
        } else {
            Content::Octets(body.to_vec())
        };
        Ok(Self { elements, content, truncated })
    }
}

/// The header with its length octet.
fn split_header(octets: &[u8]) -> Option<&[u8]> {
    let length = usize::from(*octets.first()?);
    octets.get(..length.saturating_add(1))
}

/// `declared` septets include those the header covers.
fn read_septets(body: &[u8], header: usize, declared: usize, elements: &[Element]) -> Content {
    let covered = header.saturating_mul(8).div_ceil(7);
    let septets = gsm7::unpack(body, gsm7::fill_bits(header), declared.saturating_sub(covered));
    let locking = udh::language(elements, udh::id::LOCKING_SHIFT);
    let single = udh::language(elements, udh::id::SINGLE_SHIFT);
    Content::Text(gsm7::decode(&septets, locking, single))
}

/// The text of parts in their order; `None` when one is data. Neighbouring UCS-2 parts are read as one, so that a
/// character split between them survives.
#[must_use]
pub fn join<'a>(parts: impl IntoIterator<Item = &'a Content>) -> Option<String> {
    let mut text = String::new();
    let mut units = Vec::new();
    for part in parts {
        match part {
            Content::Ucs2(more) => units.extend(more),
            Content::Text(more) => {
                text.push_str(&text_of_units(&units));
                units.clear();
                text.push_str(more);
            }
            Content::Octets(_) => return None,
        }
    }
    text.push_str(&text_of_units(&units));
    Some(text)
}

/// UTF-16 as text: half a surrogate pair becomes U+FFFD; a byte order mark in front and zeros at the end, which
/// some senders pad with, are left out.
#[must_use]
pub fn text_of_units(units: &[u16]) -> String {
    let units = units.strip_prefix(&[0xFEFF]).unwrap_or(units);
    let end = units.iter().rposition(|unit| *unit != 0).map_or(0, |last| last.saturating_add(1));
    String::from_utf16_lossy(units.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(octets: &[u8], has_header: bool, dcs: u8) -> Result<UserData, PduError> {
        UserData::parse(&mut Reader::new(octets), has_header, Dcs(dcs))
    }

    #[test]
    fn joined_across_parts() {
        let (high, low) = (Content::Ucs2(vec![0x61, 0xD83D]), Content::Ucs2(vec![0xDE0B, 0x62, 0]));
        assert_eq!(join([&high, &low]).as_deref(), Some("a😋b"));
        assert_eq!(join([&high, &Content::Text("-".into()), &low]).as_deref(), Some("a\u{FFFD}-\u{FFFD}b"));
        assert_eq!(join([&high, &Content::Octets(vec![])]), None);
        assert_eq!(text_of_units(&[0xFEFF, 0x61]), "a");
    }

    #[test]
    fn lengths() {
        let long = |what| Err(PduError { at: 0, what });
        assert_eq!(parse(&[3, 0x00, 0x61, 0x00], false, 8).unwrap().text().as_deref(), Some("a"));
        assert_eq!(parse(&[4, 0x00, 0x61, 0x00], false, 8), long(Fault::UserDataLength));
        assert_eq!(parse(&[0], true, 0), long(Fault::HeaderLength));
        assert_eq!(parse(&[2, 2, 0], true, 4), long(Fault::HeaderLength));
        assert_eq!(
            parse(&[0xA0, 0x00, 0x61], false, 8).map(|u| (u.truncated, u.text())),
            Ok((true, Some("a".into())))
        );
        // The header covers more septets than the length says.
        assert_eq!(parse(&[6, 5, 0, 3, 1, 2, 1], true, 0).unwrap().text().as_deref(), Some(""));
    }

    #[test]
    fn compressed_text_stays_data() {
        assert_eq!(parse(&[2, 1, 2], false, 0x20).unwrap().content, Content::Octets(vec![1, 2]));
    }
}
