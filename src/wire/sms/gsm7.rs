//! The GSM 7 bit alphabet: characters to septets, septets to octets and back. TS 23.038 section 6.
use super::tables::{DEFAULT, EXTENSION, NONE, locking, single};

/// The septet that announces a character of a single shift table.
pub const ESCAPE: u8 = 0x1B;

/// A character of the default alphabet or its extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// One septet.
    Plain(u8),
    /// [`ESCAPE`] and this septet.
    Escaped(u8),
}

impl Code {
    /// Septets that it takes, 1 or 2.
    #[must_use]
    pub const fn septets(self) -> usize {
        match self {
            Self::Plain(_) => 1,
            Self::Escaped(_) => 2,
        }
    }

    /// Append its septets to `text`.
    pub fn push_to(self, text: &mut Vec<u8>) {
        match self {
            Self::Plain(septet) => text.push(septet),
            Self::Escaped(septet) => text.extend([ESCAPE, septet]),
        }
    }
}

/// Code of `c` without national tables; `None` when the alphabet does not have it.
#[must_use]
pub fn encode_char(c: char) -> Option<Code> {
    let wanted = u16::try_from(u32::from(c)).ok().filter(|unit| *unit != NONE)?;
    if let Some(septet) = DEFAULT.iter().position(|unit| *unit == wanted) {
        return u8::try_from(septet).ok().map(Code::Plain);
    }
    EXTENSION.iter().find(|(_, unit)| *unit == wanted).map(|(septet, _)| Code::Escaped(*septet))
}

/// Septets of `text`; `None` when a character has no code.
#[must_use]
pub fn encode(text: &str) -> Option<Vec<u8>> {
    let mut septets = Vec::with_capacity(text.len());
    for c in text.chars() {
        encode_char(c)?.push_to(&mut septets);
    }
    Some(septets)
}

/// Text of `septets`, read with the locking and single shift tables of two languages (0 is the default).
///
/// An escape to a position that the single shift table lacks shows the character of the locking table, two
/// escapes and one at the end a space (TS 23.038 section 6.2.1.1); a position without a character is U+FFFD.
#[must_use]
pub fn decode(septets: &[u8], locking_language: u8, single_language: u8) -> String {
    let table = locking(locking_language);
    let plain = |septet: u8| shown(table.get(usize::from(septet)).copied().unwrap_or(NONE));
    let mut text = String::with_capacity(septets.len());
    let mut rest = septets.iter().copied();
    while let Some(septet) = rest.next() {
        text.push(match septet {
            ESCAPE => match rest.next() {
                None | Some(ESCAPE) => ' ',
                Some(shifted) => single(single_language, shifted).map_or_else(|| plain(shifted), shown),
            },
            _ => plain(septet),
        });
    }
    text
}

fn shown(unit: u16) -> char {
    match unit {
        NONE => char::REPLACEMENT_CHARACTER,
        _ => char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER),
    }
}

/// Octets of `septets`, low bits first, behind `fill` empty bits (0 to 6). TS 23.038 section 6.1.2.1.
#[must_use]
pub fn pack(septets: &[u8], fill: usize) -> Vec<u8> {
    let bits = septets.len().saturating_mul(7).saturating_add(fill);
    let mut octets = vec![0_u8; bits.div_ceil(8)];
    for (index, septet) in septets.iter().enumerate() {
        let bit = index.saturating_mul(7).saturating_add(fill);
        let [low, high] = (u16::from(septet & 0x7F) << (bit % 8)).to_le_bytes();
        for (offset, part) in [(bit / 8, low), ((bit / 8).saturating_add(1), high)] {
            if let Some(octet) = octets.get_mut(offset) {
                *octet |= part;
            }
        }
    }
    octets
}

/// At most `count` septets of `octets` behind `fill` bits; fewer when the octets end.
#[must_use]
pub fn unpack(octets: &[u8], fill: usize, count: usize) -> Vec<u8> {
    let bits = octets.len().saturating_mul(8).saturating_sub(fill);
    let septet = |index: usize| {
        let bit = index.saturating_mul(7).saturating_add(fill);
        let at = |offset: usize| octets.get(offset).copied().unwrap_or(0);
        let window = u16::from_le_bytes([at(bit / 8), at((bit / 8).saturating_add(1))]);
        let [low, _] = (window >> (bit % 8)).to_le_bytes();
        low & 0x7F
    };
    (0..count.min(bits / 7)).map(septet).collect()
}

/// Empty bits behind a user data header of `octets`, so that the text begins on a septet boundary.
/// TS 23.040 figure 9.2.3.24(a).
#[must_use]
pub const fn fill_bits(octets: usize) -> usize {
    (7 - octets.saturating_mul(8) % 7) % 7
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packs_and_unpacks_behind_any_fill() {
        for count in 0..200_usize {
            let septets: Vec<u8> = (0..count).map(|n| (n * 37 % 128) as u8).collect();
            for fill in 0..7 {
                let octets = pack(&septets, fill);
                assert_eq!(octets.len(), (count * 7 + fill).div_ceil(8));
                assert_eq!(unpack(&octets, fill, count), septets, "{count} septets, {fill} bits");
            }
        }
    }

    #[test]
    fn fills_to_the_septet() {
        let fills: Vec<usize> = (0..9).map(fill_bits).collect();
        assert_eq!(fills, [0, 6, 5, 4, 3, 2, 1, 0, 6]);
    }

    #[test]
    fn escapes() {
        for (septets, text) in [
            (&[0x1B, 0x65][..], "€"),
            (&[0x1B, 0x61], "a"),
            (&[0x1B, 0x1B, 0x61], " a"),
            (&[0x61, 0x1B], "a "),
            (&[0x61, 0x00, 0x00], "a@@"),
        ] {
            assert_eq!(decode(septets, 0, 0), text, "{septets:02X?}");
        }
        assert_eq!(decode(&[0x1B, 0x00, 0x80], 11, 99), "\u{FFFD}\u{FFFD}");
    }

    #[test]
    fn every_character_has_one_code() {
        for septet in (0..128).filter(|s| *s != ESCAPE) {
            let c = decode(&[septet], 0, 0);
            assert_eq!(encode(&c), Some(vec![septet]), "{c}");
        }
        assert_eq!((encode("ő"), encode("\0"), encode("😋")), (None, None, None));
        assert_eq!(encode("[€"), Some(vec![0x1B, 0x3C, 0x1B, 0x65]));
    }
}
