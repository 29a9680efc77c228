//! Keys pressed at the phone: telephone events (RFC 4733) become one digit for one press.
use crate::util::time::Instant;
use crate::wire::rtp::Event;
use core::time::Duration;

/// A press of which nothing came for so long is over, its end lost: a phone repeats each 50 ms at least.
const OVER: Duration = Duration::from_millis(500);
/// A phone that begins a new run of timestamps is silent for some time; an older one before is a straggler.
const FORGOTTEN: Duration = Duration::from_secs(5);
/// A press longer than 8 s is told in segments, each beginning where the full one before ended (section 2.5.1.3).
const FULL_SEGMENT: u32 = 0xf000;

/// The press that is known last.
struct Press {
    timestamp: u32,
    code: u8,
    ended: bool,
    last_at: Instant,
}

/// What was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pressed {
    Digit(char),
    /// `A` to `D`, the hook, or no key at all.
    Other,
}

#[derive(Default)]
pub struct Keys {
    last: Option<Press>,
}

impl Keys {
    /// One event packet; the event when it is the first of its press, whichever part of the press it tells. The clock may be any.
    pub fn on_event(&mut self, timestamp: u32, marker: bool, event: Event, now: Instant) -> Option<Pressed> {
        if let Some(press) = &mut self.last {
            let ahead = timestamp.wrapping_sub(press.timestamp).cast_signed();
            let silent_for = now.since(press.last_at);
            if ahead == 0 || (ahead < 0 && silent_for < FORGOTTEN) {
                press.ended |= ahead == 0 && event.end;
                press.last_at = if ahead == 0 { now } else { press.last_at };
                return None;
            }
            let follows = (FULL_SEGMENT..=0x1_0000).contains(&ahead.unsigned_abs());
            if follows && !press.ended && !marker && press.code == event.code && silent_for < OVER {
                *press = Press { timestamp, code: event.code, ended: event.end, last_at: now };
                return None;
            }
        }
        self.last = Some(Press { timestamp, code: event.code, ended: event.end, last_at: now });
        Some(Event::digit(event.code).map_or(Pressed::Other, Pressed::Digit))
    }

    /// The press that is known last goes on, as far as was heard.
    #[must_use]
    pub fn is_down(&self, now: Instant) -> bool {
        self.last.as_ref().is_some_and(|press| !press.ended && now.since(press.last_at) < OVER)
    }

    /// Another stream: its timestamps say nothing about those before.
    pub fn restart(&mut self) {
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets of presses: `s` start (marker), `u` update, `e` end; a number before them is the timestamp of the
    /// press, divided by 100, and the digit's code. `_` passes 300 ms, else 20 ms a packet.
    fn digits(presses: &[(u32, u8, &str)]) -> String {
        let (mut keys, mut now) = (Keys::default(), Instant::ZERO);
        let mut heard = String::new();
        for (timestamp, code, packets) in presses {
            for (n, kind) in packets.chars().enumerate() {
                now = now + Duration::from_millis(if kind == '_' { 300 } else { 20 });
                if kind != '_' {
                    let duration = u16::try_from(n * 160).unwrap_or(u16::MAX);
                    let event = Event { code: *code, end: kind == 'e', volume: 10, duration };
                    if let Some(Pressed::Digit(digit)) = keys.on_event(*timestamp, kind == 's', event, now) {
                        heard.push(digit);
                    }
                }
            }
        }
        heard
    }

    #[test]
    fn one_press_is_one_digit() {
        for (presses, want) in [
            (&[(1_000, 5, "suuueee")][..], "5"),
            (&[(1_000, 5, "uuueee")], "5"),
            (&[(1_000, 5, "e")], "5"),
            (&[(1_000, 5, "s")], "5"),
            (&[(1_000, 5, "su"), (3_000, 6, "sueee")], "56"),
            (&[(1_000, 5, "sueee"), (3_000, 5, "sueee")], "55"),
            (&[(1_000, 5, "su__"), (9_000, 5, "ueee")], "55"),
            (&[(1_000, 5, "sueee"), (3_000, 6, "s"), (1_000, 5, "e"), (3_000, 6, "ueee")], "56"),
            (&[(1_000, 5, "su________________________________________uuueee")], "5"),
            (&[(u32::MAX - 500, 1, "sueee"), (1_100, 2, "sueee")], "12"),
            (&[(1_000, 12, "sueee"), (2_000, 16, "sueee"), (3_000, 0, "e")], "0"),
            (&[(1_000, 10, "sueee"), (3_000, 11, "sueee")], "*#"),
            (&[(1_000, 7, "suuu"), (66_535, 7, "uuueee")], "7"),
            (&[(1_000, 7, "suuueee"), (66_535, 7, "suueee")], "77"),
            (&[(1_000, 7, "sueee___________________"), (500, 7, "sueee")], "77"),
        ] {
            assert_eq!(digits(presses), want, "{presses:?}");
        }
    }

    #[test]
    fn a_press_is_down_until_its_end_or_silence() {
        let (mut keys, at) = (Keys::default(), |ms| Instant::ZERO + Duration::from_millis(ms));
        let event = |end| Event { code: 5, end, volume: 10, duration: 800 };
        assert!(!keys.is_down(at(0)));
        keys.on_event(1_000, true, event(false), at(0));
        keys.on_event(1_000, false, event(false), at(50));
        assert!(keys.is_down(at(540)) && !keys.is_down(at(550)));
        keys.on_event(1_000, false, event(true), at(600));
        assert!(!keys.is_down(at(600)));
        keys.on_event(9_000, false, event(true), at(1_600));
        assert!(!keys.is_down(at(1_600)));
    }
}
