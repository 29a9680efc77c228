//! The mark by which routers sort packets: DSCP, RFC 2474.
use std::fmt;

/// 0 to 63. Written by name (`ef`, `cs3`, `af31`, `va`) or as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dscp(u8);

impl Dscp {
    /// What nobody marks.
    pub const BEST_EFFORT: Self = Self(0);
    /// RFC 3246: voice.
    pub const EF: Self = Self(46);
    /// RFC 5865: voice that was admitted.
    const VA: Self = Self(44);
    /// RFC 2474 section 4.2.2.2; what telephones give to their signalling.
    pub const CS3: Self = Self(24);

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(number) = text.parse() {
            return Some(number).filter(|n| *n < 64).map(Self);
        }
        match text.to_ascii_lowercase().as_bytes() {
            b"ef" => Some(Self::EF),
            b"va" => Some(Self::VA),
            [b'c', b's', class @ b'0'..=b'7'] => Some(Self((class & 7) << 3)),
            // RFC 2597 section 6.
            [b'a', b'f', class @ b'1'..=b'4', drop @ b'1'..=b'3'] => {
                Some(Self((class & 7) << 3 | (drop & 3) << 1))
            }
            _ => None,
        }
    }

    /// As it stands in the IPv4 type of service and in the IPv6 traffic class.
    #[must_use]
    pub const fn octet(self) -> u8 {
        self.0 << 2
    }

    /// 0 to 6, of a socket (802.1d): voice comes into the voice queue of a wireless network, which takes 6 and not 5.
    #[must_use]
    pub const fn priority(self) -> u8 {
        match self.0 {
            44..=63 => 6,
            lower => lower >> 3,
        }
    }
}

impl fmt::Display for Dscp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0, self.0 >> 3, self.0 & 7) {
            (46, ..) => f.write_str("ef"),
            (44, ..) => f.write_str("va"),
            (_, class, 0) => write!(f, "cs{class}"),
            (_, class @ 1..=4, drop @ (2 | 4 | 6)) => write!(f, "af{class}{}", drop >> 1),
            (number, ..) => number.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        for (text, want) in [
            ("ef", Some(46)),
            ("EF", Some(46)),
            ("va", Some(44)),
            ("cs0", Some(0)),
            ("cs3", Some(24)),
            ("cs7", Some(56)),
            ("af31", Some(26)),
            ("AF11", Some(10)),
            ("af43", Some(38)),
            ("0", Some(0)),
            ("63", Some(63)),
            ("64", None),
            ("-1", None),
            ("cs8", None),
            ("cs", None),
            ("cs33", None),
            ("af51", None),
            ("af10", None),
            ("af14", None),
            ("voice", None),
            ("", None),
        ] {
            assert_eq!(Dscp::parse(text).map(|d| d.0), want, "{text}");
        }
        (0..64).for_each(|n| assert_eq!(Dscp::parse(&Dscp(n).to_string()), Some(Dscp(n))));
        assert_eq!((Dscp::EF.octet(), Dscp::CS3.octet()), (0xb8, 0x60));
        assert_eq!((Dscp::EF.priority(), Dscp::CS3.priority(), Dscp(0).priority()), (6, 3, 0));
    }
}
