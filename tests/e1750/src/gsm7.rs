//! The GSM 7-bit default alphabet with its extension table (3GPP TS 23.038 6.2.1), and septet packing.

/// Position = septet. 0x1B is the escape.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\u{1b}ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

const EXTENSION: [(u8, char); 10] = [
    (0x0A, '\u{c}'),
    (0x14, '^'),
    (0x28, '{'),
    (0x29, '}'),
    (0x2F, '\\'),
    (0x3C, '['),
    (0x3D, '~'),
    (0x3E, ']'),
    (0x40, '|'),
    (0x65, '€'),
];

const ESCAPE: u8 = 0x1B;

/// The septets of one character: one, or escape and one; `None` when the alphabet lacks it.
pub fn septets_of(c: char) -> Option<Vec<u8>> {
    if c != '\u{1b}'
        && let Some(at) = BASIC.chars().position(|b| b == c)
    {
        return u8::try_from(at).ok().map(|s| vec![s]);
    }
    EXTENSION.iter().find(|(_, e)| *e == c).map(|(s, _)| vec![ESCAPE, *s])
}

/// The septets of a text; `None` when a character is missing from the alphabet.
pub fn encode(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    for c in text.chars() {
        out.extend(septets_of(c)?);
    }
    Some(out)
}

/// Septets to text. An unknown escape shows the character of the basic table, a doubled one a space.
pub fn decode(septets: &[u8]) -> String {
    let basic: Vec<char> = BASIC.chars().collect();
    let mut out = String::new();
    let mut escaped = false;
    for &s in septets {
        let plain = basic.get(usize::from(s & 0x7F)).copied().unwrap_or('?');
        if escaped {
            escaped = false;
            let shifted = EXTENSION.iter().find(|(e, _)| *e == s).map(|(_, c)| *c);
            out.push(if s == ESCAPE { ' ' } else { shifted.unwrap_or(plain) });
        } else if s == ESCAPE {
            escaped = true;
        } else {
            out.push(plain);
        }
    }
    out
}

/// Packs septets, least significant bit first, after `fill` zero bits (0..=6).
pub fn pack(septets: &[u8], fill: usize) -> Vec<u8> {
    let bits = fill + septets.len() * 7;
    let mut out = vec![0u8; bits.div_ceil(8)];
    for (n, s) in septets.iter().enumerate() {
        for bit in 0..7 {
            let at = fill + n * 7 + bit;
            if s >> bit & 1 == 1
                && let Some(octet) = out.get_mut(at / 8)
            {
                *octet |= 1 << (at % 8);
            }
        }
    }
    out
}

/// Unpacks `count` septets after `fill` bits; stops at the end of the octets.
pub fn unpack(octets: &[u8], fill: usize, count: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for n in 0..count {
        let mut septet = 0u8;
        for bit in 0..7 {
            let at = fill + n * 7 + bit;
            let Some(octet) = octets.get(at / 8) else { return out };
            septet |= (octet >> (at % 8) & 1) << bit;
        }
        out.push(septet);
    }
    out
}

/// A USSD string as hex of packed septets; seven spare bits are filled with CR (TS 23.038 6.1.2.3.1).
pub fn pack_ussd(text: &str) -> Option<Vec<u8>> {
    let mut septets = encode(text)?;
    if septets.len() % 8 == 7 {
        septets.push(0x0D);
    }
    Some(pack(&septets, 0))
}

/// The text of packed USSD octets, without the CR that filled them up.
pub fn unpack_ussd(octets: &[u8]) -> String {
    let mut septets = unpack(octets, 0, octets.len() * 8 / 7);
    if septets.len().is_multiple_of(8) && matches!(septets.last(), Some(0x0D | 0)) {
        septets.pop();
    }
    decode(&septets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;

    #[test]
    fn table_has_128_positions() {
        assert_eq!(BASIC.chars().count(), 128);
        assert_eq!(septets_of('€'), Some(vec![0x1B, 0x65]));
        assert_eq!(septets_of('à'), Some(vec![0x7F]));
        assert_eq!(septets_of('ё'), None);
    }

    #[test]
    fn packing_matches_published_vectors() {
        for (text, packed) in [
            ("123", "31D90C"),
            ("12345678", "31D98C56B3DD70"),
            ("Hello World!", "C8329BFD065DDF72363904"),
            ("[{abc}]~", "1BDE0615168F37A98D6FD303"),
            ("{åΦΓΛΩΠΨΣΘ€}", "1BD44332A1542C174C6653DEA400"),
        ] {
            let septets = encode(text).unwrap();
            assert_eq!(hex::encode(&pack(&septets, 0)), packed, "{text}");
            assert_eq!(decode(&unpack(&hex::decode(packed).unwrap(), 0, septets.len())), text);
        }
    }

    #[test]
    fn ussd_packing_matches_published_vectors() {
        for (code, packed) in [("*99#", "AA5C6E04"), ("*101#", "AA182C3602"), ("1", "31")] {
            assert_eq!(hex::encode(&pack_ussd(code).unwrap()), packed);
            assert_eq!(unpack_ussd(&hex::decode(packed).unwrap()), code);
        }
        let seven = pack_ussd("1234567").unwrap();
        assert_eq!(unpack_ussd(&seven), "1234567");
    }
}
