//! A short, stable name for some bytes. Not cryptographic: whoever relies on it compares the bytes too.

/// 64-bit FNV-1a over the parts, each closed by its length, so that ("ab","c") differs from ("a","bc").
#[must_use]
pub fn of(parts: &[&[u8]]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut eat = |b: u8| hash = (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3);
    for part in parts {
        part.iter().for_each(|b| eat(*b));
        u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes().into_iter().for_each(&mut eat);
    }
    hash
}

/// CRC-32 (IEEE 802.3) of a record on disk: tells a damaged file.
#[must_use]
pub fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for b in bytes {
        crc ^= u32::from(*b);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_ne!(of(&[b"ab", b"c"]), of(&[b"a", b"bc"]));
    }
}
