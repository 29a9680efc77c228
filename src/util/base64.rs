//! Base64 (RFC 4648 section 4).

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// With padding.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3).saturating_mul(4));
    for chunk in bytes.chunks(3) {
        let at = |n: usize| u32::from(chunk.get(n).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for (n, shift) in [18_u32, 12, 6, 0].into_iter().enumerate() {
            let place = usize::try_from(bits >> shift & 63).unwrap_or(0);
            let letter = ALPHABET.get(place).filter(|_| n <= chunk.len());
            text.push(char::from(*letter.unwrap_or(&b'=')));
        }
    }
    text
}

/// Into `out`; how many bytes those were. Padding may be missing. `None`: a letter that is none of base64, a length that can't be, or
/// more than `out` holds.
#[must_use]
pub fn decode(text: &str, out: &mut [u8]) -> Option<usize> {
    let padded = text.len().is_multiple_of(4);
    let bare = text.trim_end_matches('=');
    let padding = text.len().saturating_sub(bare.len());
    if bare.len() % 4 == 1 || padding > 2 || (padding > 0 && !padded) {
        return None;
    }
    let mut length = 0_usize;
    for chunk in bare.as_bytes().chunks(4) {
        let mut bits = 0_u32;
        for n in 0..4 {
            let value = match chunk.get(n) {
                Some(letter) => u32::try_from(ALPHABET.iter().position(|a| a == letter)?).ok()?,
                None => 0,
            };
            bits = bits << 6 | value;
        }
        let [_, bytes @ ..] = bits.to_be_bytes();
        for byte in bytes.iter().take(chunk.len().saturating_sub(1)) {
            *out.get_mut(length)? = *byte;
            length = length.saturating_add(1);
        }
    }
    Some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4648 section 10.
    #[test]
    fn there_and_back() {
        let mut out = [0; 8];
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(encode(bytes.as_bytes()), text);
            for text in [text, text.trim_end_matches('=')] {
                let length = decode(text, &mut out).unwrap();
                assert_eq!(&out[..length], bytes.as_bytes());
            }
        }
        for bad in ["Z", "Zg=", "Zm9vY", "Zm 9v", "Z===", "====", "Zm9=v", "Zg==Zg==", "Zm9vYmFyZm9v"] {
            assert_eq!(decode(bad, &mut out), None, "{bad}");
        }
    }
}
