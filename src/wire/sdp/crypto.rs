//! `a=crypto`: how the packets of a line are encrypted, and with which key (RFC 4568, suites of RFC 6188 and RFC 7714).
use crate::util::base64;
use std::fmt::{Debug, Display, Formatter, Result};

/// The longest master key with its salt.
pub const KEY_BYTES: usize = 46;

/// How packets are encrypted and proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Suite {
    AesCm128Sha1_80,
    /// A proof of 4 bytes only; RTCP has 10 all the same (RFC 4568 section 6.2.2).
    AesCm128Sha1_32,
    AesCm256Sha1_80,
    AesCm256Sha1_32,
    AeadAes128Gcm,
    AeadAes256Gcm,
}

impl Suite {
    pub const ALL: [Self; 6] = [
        Self::AesCm128Sha1_80,
        Self::AesCm128Sha1_32,
        Self::AesCm256Sha1_80,
        Self::AesCm256Sha1_32,
        Self::AeadAes128Gcm,
        Self::AeadAes256Gcm,
    ];

    /// As in `a=crypto`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AesCm128Sha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Self::AesCm128Sha1_32 => "AES_CM_128_HMAC_SHA1_32",
            Self::AesCm256Sha1_80 => "AES_256_CM_HMAC_SHA1_80",
            Self::AesCm256Sha1_32 => "AES_256_CM_HMAC_SHA1_32",
            Self::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Self::AeadAes256Gcm => "AEAD_AES_256_GCM",
        }
    }

    /// `None`: not ours.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.name().eq_ignore_ascii_case(name))
    }

    /// Bytes of the master key.
    #[must_use]
    pub const fn key_bytes(self) -> usize {
        match self {
            Self::AesCm128Sha1_80 | Self::AesCm128Sha1_32 | Self::AeadAes128Gcm => 16,
            Self::AesCm256Sha1_80 | Self::AesCm256Sha1_32 | Self::AeadAes256Gcm => 32,
        }
    }

    /// Bytes of the master salt.
    #[must_use]
    pub const fn salt_bytes(self) -> usize {
        if self.is_aead() { 12 } else { 14 }
    }

    /// One operation encrypts and proves.
    #[must_use]
    pub const fn is_aead(self) -> bool {
        matches!(self, Self::AeadAes128Gcm | Self::AeadAes256Gcm)
    }

    const fn both_bytes(self) -> usize {
        self.key_bytes().saturating_add(self.salt_bytes())
    }
}

/// Master key and master salt of one direction. Neither is ever shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MasterKey {
    suite: Suite,
    bytes: [u8; KEY_BYTES],
}

impl MasterKey {
    /// The key and behind it the salt, of what `bytes` begins with. `random` has enough for every suite.
    #[must_use]
    pub fn new(suite: Suite, random: &[u8; KEY_BYTES]) -> Self {
        let mut bytes = *random;
        // What is behind would part two equal keys.
        bytes.iter_mut().skip(suite.both_bytes()).for_each(|byte| *byte = 0);
        Self { suite, bytes }
    }

    #[must_use]
    pub const fn suite(&self) -> Suite {
        self.suite
    }

    #[must_use]
    pub fn key(&self) -> &[u8] {
        self.bytes.get(..self.suite.key_bytes()).unwrap_or_default()
    }

    #[must_use]
    pub fn salt(&self) -> &[u8] {
        self.bytes.get(self.suite.key_bytes()..self.suite.both_bytes()).unwrap_or_default()
    }
}

impl Debug for MasterKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "MasterKey({})", self.suite.name())
    }
}

/// One line of them. `Display` writes the value with its key: for the peer only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crypto {
    /// By which the answer names it.
    pub tag: u32,
    pub key: MasterKey,
}

impl Crypto {
    /// What stands behind `crypto:`. `None`: something of it is nothing that we do. A lifetime is ignored; a master key identifier would
    /// be in every packet, and each parameter of the session changes what a packet looks like.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let mut words = value.split_ascii_whitespace();
        let tag = words.next().filter(|t| t.len() <= 9 && t.bytes().all(|b| b.is_ascii_digit()))?;
        let suite = Suite::parse(words.next()?)?;
        let inline = words.next()?;
        let (method, keys) = inline.split_once(':')?;
        if !method.eq_ignore_ascii_case("inline") || keys.contains(';') || !words.all(is_harmless) {
            return None;
        }
        let (text, more) = keys.split_once('|').unwrap_or((keys, ""));
        if more.contains(':') {
            return None;
        }
        let mut bytes = [0; KEY_BYTES];
        let length = base64::decode(text, &mut bytes)?;
        let key = MasterKey::new(suite, &bytes);
        (length == suite.both_bytes()).then_some(Self { tag: tag.parse().ok()?, key })
    }
}

/// A parameter of the session that changes nothing: no new keys on the way, the size of a window of theirs, or one that may be ignored
/// (RFC 4568 sections 6.3.1, 6.3.6 and 6.3.7).
fn is_harmless(parameter: &str) -> bool {
    let is = |name: &str| parameter.get(..name.len()).is_some_and(|p| p.eq_ignore_ascii_case(name));
    parameter.eq_ignore_ascii_case("KDR=0") || is("WSH=") || parameter.starts_with('-')
}

impl Display for Crypto {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let key = self.key.bytes.get(..self.key.suite.both_bytes()).unwrap_or_default();
        write!(f, "{} {} inline:{}", self.tag, self.key.suite.name(), base64::encode(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4568 section 9.1, without its master key identifier.
    const LINE: &str = "1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20";

    fn key(suite: Suite, byte: u8) -> MasterKey {
        MasterKey::new(suite, &[byte; KEY_BYTES])
    }

    #[test]
    fn what_is_read_is_written() {
        let crypto = Crypto::parse(LINE).unwrap();
        assert_eq!((crypto.tag, crypto.key.suite()), (1, Suite::AesCm128Sha1_80));
        assert_eq!((crypto.key.key().len(), crypto.key.salt().len()), (16, 14));
        assert_eq!(crypto.key.key(), b"YS___semctl () {");
        assert_eq!(crypto.to_string(), LINE.strip_suffix("|2^20").unwrap());
        for (tag, suite) in (1..).zip(Suite::ALL) {
            let crypto = Crypto { tag, key: key(suite, 0xa5) };
            assert_eq!(Crypto::parse(&crypto.to_string()), Some(crypto));
        }
    }

    #[test]
    fn what_we_do_not_do_is_skipped() {
        let good = LINE.strip_suffix("|2^20").unwrap();
        for more in ["", "|2^31", "|1048576", "|2^20 WSH=64", " KDR=0", " -X=1"] {
            assert!(Crypto::parse(&format!("{good}{more}")).is_some(), "{more}");
        }
        for more in [
            "|1:4",
            "|2^20|1:4",
            ";inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2:1",
            " UNENCRYPTED_SRTCP",
            " UNENCRYPTED_SRTP",
            " UNAUTHENTICATED_SRTP",
            " FEC_ORDER=FEC_SRTP",
            " FEC_KEY=inline:abc",
            " KDR=24",
            " SOMETHING_NEW",
            "=",
            "AAAA",
        ] {
            assert_eq!(Crypto::parse(&format!("{good}{more}")), None, "{more}");
        }
        for bad in [
            "",
            "1",
            "1 AES_CM_128_HMAC_SHA1_80",
            "x AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz",
            "1234567890 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz",
            "1 F8_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz",
            "1 AES_CM_128_HMAC_SHA1_80 WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz",
            "1 AES_CM_128_HMAC_SHA1_80 http:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz",
            "1 AES_CM_128_HMAC_SHA1_80 inline:",
            "1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGV",
            "1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVu*GVz",
            "1 AES_256_CM_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz",
            "1 AEAD_AES_128_GCM inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz",
        ] {
            assert_eq!(Crypto::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_key_is_never_shown() {
        let shown = format!("{:?}", Crypto { tag: 1, key: key(Suite::AeadAes256Gcm, 0x41) });
        assert_eq!(shown, "Crypto { tag: 1, key: MasterKey(AEAD_AES_256_GCM) }");
    }

    #[test]
    fn equal_keys_are_equal_whatever_is_behind_them() {
        let mut other = [1; KEY_BYTES];
        other[45] = 2;
        assert_eq!(MasterKey::new(Suite::AesCm128Sha1_80, &other), key(Suite::AesCm128Sha1_80, 1));
        assert_ne!(MasterKey::new(Suite::AesCm256Sha1_80, &other), key(Suite::AesCm256Sha1_80, 1));
    }
}
