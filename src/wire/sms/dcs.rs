//! Data coding scheme, TS 23.038 section 4.

/// Data coding scheme of a text: alphabet, class, message waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Dcs(pub u8);

/// How the octets of a text are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Alphabet {
    /// GSM 7 bit default alphabet with its extensions and national tables.
    Gsm7,
    /// 8 bit data.
    Octets,
    /// UTF-16, big-endian.
    Ucs2,
}

/// What waits at the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Waiting {
    Voicemail,
    Fax,
    Email,
    Other,
}

impl Waiting {
    /// Bits 1 and 0 of a coding scheme or of the indication in a user data header.
    pub(super) const fn of(bits: u8) -> Self {
        match bits & 0x03 {
            0 => Self::Voicemail,
            1 => Self::Fax,
            2 => Self::Email,
            _ => Self::Other,
        }
    }
}

/// Message waiting indication, TS 23.038 section 4, groups 1100 to 1110.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MessageWaiting {
    pub waiting: Waiting,
    /// Light the lamp; put it out when false.
    pub active: bool,
    /// The text is worth keeping; when false only the lamp matters.
    pub store: bool,
}

impl Dcs {
    /// GSM 7 bit, no class.
    pub const GSM7: Self = Self(0x00);
    /// UTF-16, no class.
    pub const UCS2: Self = Self(0x08);

    /// The alphabet. Reserved codings read as GSM 7 bit, as the standard asks.
    #[must_use]
    pub const fn alphabet(self) -> Alphabet {
        match self.0 >> 4 {
            0x0..=0x7 => match (self.0 >> 2) & 0x03 {
                1 => Alphabet::Octets,
                2 => Alphabet::Ucs2,
                _ => Alphabet::Gsm7,
            },
            0xE => Alphabet::Ucs2,
            0xF if self.0 & 0x04 != 0 => Alphabet::Octets,
            _ => Alphabet::Gsm7,
        }
    }

    /// Message class: 0 flash, 1 the device, 2 the SIM, 3 the terminal.
    #[must_use]
    pub const fn class(self) -> Option<u8> {
        match self.0 >> 4 {
            0x0..=0x7 if self.0 & 0x10 != 0 => Some(self.0 & 0x03),
            0xF => Some(self.0 & 0x03),
            _ => None,
        }
    }

    /// Compressed by TS 23.042, which nobody uses: the octets are kept as they are.
    #[must_use]
    pub const fn compressed(self) -> bool {
        self.0 & 0xA0 == 0x20
    }

    /// The lamp this text switches, if it does.
    #[must_use]
    pub const fn message_waiting(self) -> Option<MessageWaiting> {
        match self.0 >> 4 {
            group @ 0xC..=0xE => {
                let waiting = Waiting::of(self.0);
                Some(MessageWaiting { waiting, active: self.0 & 0x08 != 0, store: group != 0xC })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group() {
        use Alphabet::{Gsm7, Octets, Ucs2};
        for (dcs, alphabet, class, compressed) in [
            (0x00, Gsm7, None, false),
            (0x04, Octets, None, false),
            (0x06, Octets, None, false),
            (0x08, Ucs2, None, false),
            (0x0C, Gsm7, None, false),
            (0x10, Gsm7, Some(0), false),
            (0x18, Ucs2, Some(0), false),
            (0x20, Gsm7, None, true),
            (0x59, Ucs2, Some(1), false),
            (0x84, Gsm7, None, false),
            (0xBF, Gsm7, None, false),
            (0xC8, Gsm7, None, false),
            (0xE1, Ucs2, None, false),
            (0xF1, Gsm7, Some(1), false),
            (0xF6, Octets, Some(2), false),
        ] {
            let dcs = Dcs(dcs);
            assert_eq!(
                (dcs.alphabet(), dcs.class(), dcs.compressed()),
                (alphabet, class, compressed),
                "{dcs:?}"
            );
        }
    }

    #[test]
    fn lamps() {
        let lamp = |dcs| Dcs(dcs).message_waiting().map(|m| (m.waiting, m.active, m.store));
        assert_eq!(lamp(0xC8), Some((Waiting::Voicemail, true, false)));
        assert_eq!(lamp(0xD1), Some((Waiting::Fax, false, true)));
        assert_eq!(lamp(0xEA), Some((Waiting::Email, true, true)));
        assert_eq!(lamp(0xF8), None);
    }
}
