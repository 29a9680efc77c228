//! Keys in the bodies of INFO: `application/dtmf-relay` (`Signal=5`, `Duration=160`) and `application/dtmf` (`5`), as phones and
//! exchanges have sent them since before RFC 6086, whose section 1 leaves them as they are.
use crate::util::MEDIA;
use crate::util::limits::INFO_BODY;
use core::time::Duration;

/// How keys are told to a peer. What it tells itself is understood in every way that its calls allow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dtmf {
    /// As telephone events where they were agreed on, else in the sound.
    #[default]
    Auto,
    /// As telephone events (RFC 4733) or not at all.
    Rtp,
    /// By INFO.
    Info,
    /// In the sound.
    InBand,
}

impl Dtmf {
    /// Whether keys may come as tones; `has_events`: telephone events were agreed on.
    #[must_use]
    pub const fn may_sound(self, has_events: bool) -> bool {
        match self {
            Self::Auto => !has_events,
            Self::InBand => true,
            Self::Rtp | Self::Info => false,
        }
    }

    /// Whether what INFO tells counts. Where telephone events were agreed on, phones tell each key in both ways (Linphone as it comes);
    /// whoever is told by INFO is expected to tell so, too.
    #[must_use]
    pub const fn may_inform(self, has_events: bool) -> bool {
        !has_events || matches!(self, Self::Info)
    }
}

/// A key that was pressed for so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// `0` to `9`, `*` or `#`.
    pub digit: char,
    pub held: Duration,
}

/// Neither body is one that we read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotUnderstood;

/// For Accept.
pub const TYPES: &str = "application/dtmf-relay, application/dtmf";
const RELAY: &str = "application/dtmf-relay";
const PLAIN: &str = "application/dtmf";
/// Where nothing or nonsense is said of it; what most phones say.
const USUAL: u16 = 160;
/// Whoever says more means a key that got stuck.
const LONGEST: u16 = 8_000;

/// Reads the body of an INFO. `Ok(None)`: a signal that is no key, `A` to `D` and the hook flash among them. `media_type` is in lower
/// case and without parameters.
///
/// # Errors
/// Another type, or a body that is not written as its type wants it.
pub fn read(media_type: &str, body: &[u8]) -> Result<Option<Key>, NotUnderstood> {
    let text = body.get(..body.len().min(INFO_BODY)).filter(|text| text.len() == body.len());
    let text = text.and_then(|text| core::str::from_utf8(text).ok()).ok_or(NotUnderstood)?;
    let (signal, duration) = match media_type {
        RELAY => (field(text, "signal").ok_or(NotUnderstood)?, field(text, "duration")),
        // Some write the other form under this name.
        PLAIN => match field(text, "signal") {
            Some(signal) => (signal, field(text, "duration")),
            None => (text.trim(), None),
        },
        _ => return Err(NotUnderstood),
    };
    // The smallest build tells nobody how long it was.
    let said = duration.filter(|_| MEDIA).and_then(|text| text.parse::<u32>().ok()).filter(|said| *said > 0);
    let held = said.map_or(USUAL, |said| u16::try_from(said).unwrap_or(LONGEST).min(LONGEST));
    let held = Duration::from_millis(u64::from(held));
    Ok(digit(signal)?.map(|digit| Key { digit, held }))
}

/// The body that tells a key, behind its type.
#[must_use]
pub fn write(key: Key) -> (String, Vec<u8>) {
    let body = format!("Signal={}\r\nDuration={}\r\n", key.digit, key.held.as_millis());
    (RELAY.to_owned(), body.into_bytes())
}

/// `Signal= 5` or `signal: 5`, in a line of its own.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(['=', ':'])?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// A key as it is written on it, or by its number among the events (RFC 4733 section 3.2).
fn digit(signal: &str) -> Result<Option<char>, NotUnderstood> {
    match signal {
        "*" | "10" => Ok(Some('*')),
        "#" | "11" => Ok(Some('#')),
        "12" | "13" | "14" | "15" | "16" | "!" => Ok(None),
        _ => {
            let mut chars = signal.chars();
            match (chars.next(), chars.next()) {
                (Some(one), None) if one.is_ascii_digit() => Ok(Some(one)),
                (Some('A'..='D' | 'a'..='d'), None) => Ok(None),
                _ => Err(NotUnderstood),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RELAYED: &str = "application/dtmf-relay";

    #[test]
    #[cfg(feature = "media")]
    fn keys() {
        let key = |digit, ms| Ok(Some(Key { digit, held: Duration::from_millis(ms) }));
        for (kind, body, want) in [
            (RELAYED, "Signal=5\r\nDuration=160\r\n", key('5', 160)),
            // Cisco's blanks; no line end at all; the order turned round; a colon.
            (RELAYED, "Signal= 1\r\nDuration= 100\r\n", key('1', 100)),
            (RELAYED, "signal = #\n", key('#', 160)),
            (RELAYED, "Duration=250\r\nSignal=*", key('*', 250)),
            (RELAYED, "Signal: 9\r\nDuration: 90\r\n", key('9', 90)),
            (RELAYED, "Signal=10\r\nDuration=0\r\n", key('*', 160)),
            (RELAYED, "Signal=11\r\nDuration=long\r\n", key('#', 160)),
            (RELAYED, "Signal=0\r\nDuration=99999999999\r\n", key('0', 160)),
            (RELAYED, "Signal=0\r\nDuration=99999\r\n", key('0', 8_000)),
            ("application/dtmf", "*", key('*', 160)),
            ("application/dtmf", "7\r\n", key('7', 160)),
            ("application/dtmf", "11", key('#', 160)),
            ("application/dtmf", "Signal=3\r\nDuration=120\r\n", key('3', 120)),
            ("application/dtmf", "12", Ok(None)),
            (RELAYED, "Signal=A\r\n", Ok(None)),
            (RELAYED, "Signal=!\r\n", Ok(None)),
            (RELAYED, "Signal=16\r\n", Ok(None)),
        ] {
            assert_eq!(read(kind, body.as_bytes()), want, "{kind} {body:?}");
        }
    }

    #[test]
    fn what_is_not_understood() {
        for (kind, body) in [
            (RELAYED, &b"Signal=\r\n"[..]),
            (RELAYED, b"Signal=55\r\n"),
            (RELAYED, b"Signal=17\r\n"),
            (RELAYED, b"Signal=-1\r\n"),
            (RELAYED, b"Duration=100\r\n"),
            (RELAYED, b""),
            (RELAYED, b"5"),
            (RELAYED, b"Signal=5\xff\r\n"),
            ("application/dtmf", b""),
            ("application/dtmf", b"5 5"),
            ("application/dtmf", b"call me"),
            ("application/dtmf", "\u{0665}".as_bytes()),
            ("text/plain", b"5"),
            ("", b"5"),
        ] {
            assert_eq!(read(kind, body), Err(NotUnderstood), "{kind} {body:?}");
        }
        // Longer than any such body; what stands in front of it doesn't count either.
        let long = format!("Signal=5\r\nDuration=160\r\n{}", "x".repeat(INFO_BODY));
        assert_eq!(read(RELAYED, long.as_bytes()), Err(NotUnderstood));
        // Each byte of a real one changed, and each shorter one.
        let real = b"Signal=5\r\nDuration=160\r\n";
        for length in 0..=real.len() {
            for at in 0..length {
                for value in 0..=255 {
                    let mut body = real[..length].to_vec();
                    body[at] = value;
                    if let Ok(Some(key)) = read(RELAYED, &body) {
                        assert!("0123456789*#".contains(key.digit), "{body:?}");
                        assert!((1..=8_000).contains(&key.held.as_millis()), "{body:?}");
                    }
                }
            }
        }
    }

    #[test]
    #[cfg(feature = "media")]
    fn what_is_written_is_read() {
        for digit in "0123456789*#".chars() {
            let key = Key { digit, held: Duration::from_millis(200) };
            let (kind, body) = write(key);
            assert_eq!(read(&kind, &body), Ok(Some(key)));
        }
    }
}
