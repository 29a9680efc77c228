//! Hexadecimal, upper case as the sticks print it.

/// Two upper-case digits per octet.
pub fn encode(octets: &[u8]) -> String {
    octets.iter().map(|o| format!("{o:02X}")).collect()
}

/// `None` on odd length or a foreign character.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
    let digits = digits?;
    if digits.len() % 2 != 0 {
        return None;
    }
    Some(
        digits
            .chunks_exact(2)
            .map(|p| p.first().copied().unwrap_or(0) << 4 | p.last().copied().unwrap_or(0))
            .collect(),
    )
}

/// UTF-16 big-endian as hex (character set "UCS2" of AT+CSCS).
pub fn ucs2(text: &str) -> String {
    text.encode_utf16().map(|u| format!("{u:04X}")).collect()
}
