//! How a stick that shows itself as a CD is asked to be a modem. DONGLE 1.1, 1.2.
use crate::wire::usb::{COMMAND, command};

/// One way to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The SCSI message of sticks since about 2009, host "Linux".
    New,
    /// The one that brings E353, E3131 and E3372 up with serial ports instead of as a router.
    Stick,
    /// The one of guides from 2009 to 2012.
    Old,
    /// SET_FEATURE(remote wake-up) to the device: E169, E180, E220.
    Feature,
    /// The CD is ejected: the standard's own word, which some take when they take nothing else.
    Eject,
}

/// What goes to the stick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// By the bulk endpoint of the storage interface, one after the other.
    Bulk(Vec<[u8; COMMAND]>),
    /// A control transfer without data.
    Control { request_type: u8, request: u8, value: u16, index: u16 },
}

impl Method {
    #[must_use]
    pub fn message(self) -> Message {
        let block: &[u8] = match self {
            Self::New => &[0x11, 0x06, 0x20, 0, 0, 0x01, 0x01, 0, 0x01],
            Self::Stick => &[0x11, 0x06, 0x30, 0, 0, 0, 0, 0x01],
            Self::Old => &[0x11, 0x06],
            Self::Feature => {
                return Message::Control { request_type: 0x00, request: 0x03, value: 0x0001, index: 0 };
            }
            // "Allow removal", then "stop, and eject" (SPC-3 section 6.12, SBC-3 START STOP UNIT).
            Self::Eject => {
                return Message::Bulk(vec![command(6, &[0x1e]), command(6, &[0x1b, 0, 0, 0, 0x02])]);
            }
        };
        Message::Bulk(vec![command(0, block)])
    }

    /// For log and status.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new message",
            Self::Stick => "stick message",
            Self::Old => "old message",
            Self::Feature => "control message",
            Self::Eject => "eject",
        }
    }
}

/// Sticks of the E169 and E220 family: one product id before and after, and E180, which has another.
const BY_FEATURE: [u16; 5] = [0x1001, 0x1003, 0x1004, 0x1413, 0x1414];
/// Sticks that the new message makes a router without voice.
const ROUTERS: [u16; 9] = [0x1f01, 0x157d, 0x15ca, 0x151a, 0x15cd, 0x15ce, 0x15cf, 0x15d2, 0x15e7];

/// Whether a stick of this kind is a router, not a modem, where it was not asked for the other: it has no voice then (HiLink).
#[must_use]
pub fn takes_voice_away(product: u16) -> bool {
    ROUTERS.contains(&product)
}

/// The ways to ask a stick with this product id, the likeliest first. The first two stand twice: some sticks need to be asked twice.
#[must_use]
pub fn methods(product: u16) -> [Method; 5] {
    use Method::{Eject, Feature, New, Old, Stick};
    if BY_FEATURE.contains(&product) {
        [Feature, New, Feature, Old, Eject]
    } else if ROUTERS.contains(&product) {
        [Stick, New, Stick, Old, Eject]
    } else {
        [New, New, Old, Feature, Eject]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::hex;

    fn sent(method: Method) -> Vec<String> {
        match method.message() {
            Message::Bulk(blocks) => blocks.iter().map(|block| hex::encode(block)).collect(),
            Message::Control { request_type, request, value, index } => {
                vec![format!("{request_type:02x} {request:02x} {value:04x} {index:04x}")]
            }
        }
    }

    #[test]
    fn each_message_is_that_of_the_paper() {
        for (method, wanted) in [
            (Method::New, "55534243123456780000000000000011062000000101000100000000000000"),
            (Method::Stick, "55534243123456780000000000000011063000000000010000000000000000"),
            (Method::Old, "55534243123456780000000000000011060000000000000000000000000000"),
            (Method::Feature, "00 03 0001 0000"),
        ] {
            let [only] = <[String; 1]>::try_from(sent(method)).unwrap();
            assert!(only.eq_ignore_ascii_case(wanted), "{method:?}: {only}");
        }
        let [allow, eject] = <[String; 2]>::try_from(sent(Method::Eject)).unwrap();
        assert!(allow.eq_ignore_ascii_case("5553424312345678000000000000061e000000000000000000000000000000"));
        assert!(eject.eq_ignore_ascii_case("5553424312345678000000000000061b000000020000000000000000000000"));
    }

    #[test]
    fn each_family_begins_with_its_own() {
        for (product, first) in [
            (0x1446, Method::New),
            (0x1520, Method::New),
            (0x14fe, Method::New),
            (0x1001, Method::Feature),
            (0x1414, Method::Feature),
            (0x1f01, Method::Stick),
            (0x157d, Method::Stick),
            (0x9999, Method::New),
        ] {
            assert_eq!(methods(product)[0], first, "{product:04x}");
            // Whatever it is, every other way is tried before it is given up.
            assert!(methods(product).contains(&Method::Eject));
        }
    }
}
