//! USSD strings as `+CUSD` carries them: TS 23.038 sections 5 and 6.1.2.3, TS 27.007 section 7.15.
use super::dcs::{Alphabet, Dcs};
use super::gsm7;
use super::user_data::text_of_units;
use crate::util::hex;

/// Carriage return, the padding of USSD.
const CR: u8 = 0x0D;

/// Octets of a code such as `*100#`; `None` when a character has no septet.
///
/// When seven bits would stay free they hold a CR, so that no `@` appears; a text whose own CR ends an octet gets
/// another one, so that the receiver does not take it for padding.
#[must_use]
pub fn pack(text: &str) -> Option<Vec<u8>> {
    let mut septets = gsm7::encode(text)?;
    let padded = septets.len() % 8 == 7;
    if padded || (!septets.is_empty() && septets.len().is_multiple_of(8) && septets.last() == Some(&CR)) {
        septets.push(CR);
    }
    Some(gsm7::pack(&septets, 0))
}

/// Text of packed octets without the padding: a CR, or the zeros of senders that do not pad.
#[must_use]
pub fn unpack(octets: &[u8]) -> String {
    let mut septets = gsm7::unpack(octets, 0, usize::MAX);
    if septets.len().is_multiple_of(8) && matches!(septets.last(), Some(&(CR | 0))) {
        septets.pop();
    }
    gsm7::decode(&septets, 0, 0)
}

/// The text of an answer: what stands between the quotes of `+CUSD`, and its coding scheme. Packed septets, UCS-2
/// or 8 bit data in hexadecimal, or plain text; sticks mix them without saying so.
#[must_use]
pub fn text_of_answer(answer: &str, dcs: Option<u8>) -> String {
    let Some(octets) = hex::decode(answer.trim()).ok().filter(|octets| !octets.is_empty()) else {
        return answer.to_owned();
    };
    match dcs.map_or(Coding::Plain(Alphabet::Gsm7), Coding::of) {
        Coding::LanguageThenUcs2 => text_of_octets(octets.get(2..).unwrap_or_default()),
        Coding::Plain(Alphabet::Ucs2) => text_of_octets(&octets),
        Coding::Plain(Alphabet::Octets) => octets.iter().copied().map(char::from).collect(),
        _ if looks_like_ucs2(&octets) => text_of_octets(&octets),
        Coding::LanguageThenGsm7 => unpack(&octets).chars().skip(3).collect(),
        Coding::Plain(Alphabet::Gsm7) => unpack(&octets),
    }
}

/// Cell broadcast data coding scheme, TS 23.038 section 5, as far as answers go.
enum Coding {
    Plain(Alphabet),
    /// Two letters of language and a CR precede the text.
    LanguageThenGsm7,
    /// Two octets of packed language precede the text.
    LanguageThenUcs2,
}

impl Coding {
    const fn of(dcs: u8) -> Self {
        match dcs {
            0x10 => Self::LanguageThenGsm7,
            0x11 => Self::LanguageThenUcs2,
            0x40..=0x7F => Self::Plain(Dcs(dcs).alphabet()),
            0x90..=0x9F => Self::Plain(Dcs(dcs & 0x0F).alphabet()),
            0xF0..=0xFF if dcs & 0x04 != 0 => Self::Plain(Alphabet::Octets),
            _ => Self::Plain(Alphabet::Gsm7),
        }
    }
}

/// Latin, Cyrillic or Arabic letters and no lonely octet: sticks set to UCS-2 write it whatever the scheme says.
/// Packed septets whose every second octet is so low do not occur in text.
fn looks_like_ucs2(octets: &[u8]) -> bool {
    let (pairs, lonely) = octets.as_chunks::<2>();
    lonely.is_empty() && pairs.iter().take(4).all(|[high, _]| matches!(high, 0x00 | 0x04 | 0x06))
}

fn text_of_octets(octets: &[u8]) -> String {
    let units: Vec<u16> = octets.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
    text_of_units(&units)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding() {
        for text in ["1234567", "12345678", "123456", "", "*100#", "1234567\r", "123456789012345\r"] {
            let packed = pack(text).unwrap();
            assert_eq!(unpack(&packed).trim_end_matches('\r'), text.trim_end_matches('\r'), "{text:?}");
        }
        // Not padded by the sender.
        assert_eq!(unpack(&gsm7::pack(&gsm7::encode("1234567").unwrap(), 0)), "1234567");
        assert_eq!(pack("ő"), None);
    }

    #[test]
    fn answers() {
        for (answer, dcs, text) in [
            ("00480069", Some(72), "Hi"),
            ("00480069", Some(15), "Hi"),
            ("613900480069", Some(17), "Hi"),
            ("4869", Some(68), "Hi"),
            ("31", None, "1"),
            ("Balance 3", Some(15), "Balance 3"),
            ("", None, ""),
        ] {
            assert_eq!(text_of_answer(answer, dcs), text, "{answer}");
        }
    }
}
