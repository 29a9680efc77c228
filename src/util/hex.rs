//! Hexadecimal text, as AT commands and PDUs write it.
/// Upper-case hexadecimal of `bytes`, two characters each.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    write(bytes, b"0123456789ABCDEF")
}

/// The same in lower case, as digests are written.
#[must_use]
pub fn encode_lower(bytes: &[u8]) -> String {
    write(bytes, b"0123456789abcdef")
}

fn write(bytes: &[u8], digits: &[u8; 16]) -> String {
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for b in bytes {
        for nibble in [b >> 4, b & 15] {
            text.push(char::from(digits.get(usize::from(nibble)).copied().unwrap_or_default()));
        }
    }
    text
}

/// Bytes of hexadecimal `text` (either case).
///
/// # Errors
/// The offset of the first character that is no hexadecimal digit; the text's length when it is odd.
pub fn decode(text: &str) -> Result<Vec<u8>, usize> {
    let raw = text.as_bytes();
    let nibble = |at: usize| {
        let digit = raw.get(at).copied().and_then(|c| char::from(c).to_digit(16));
        digit.and_then(|d| u8::try_from(d).ok()).ok_or(at)
    };
    let mut bytes = Vec::with_capacity(raw.len() / 2);
    for at in (0..raw.len()).step_by(2) {
        bytes.push(nibble(at)? << 4 | nibble(at.saturating_add(1))?);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_and_faults() {
        assert_eq!(decode("00ffA5"), Ok(vec![0, 255, 0xA5]));
        assert_eq!(encode(&[0, 255, 0xA5]), "00FFA5");
        assert_eq!(decode("0"), Err(1));
        assert_eq!(decode("0g"), Err(1));
        assert_eq!(decode("00é0"), Err(2));
    }
}
