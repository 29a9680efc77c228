//! One press that a peer tells in two ways: by INFO and as an event, or in the sound beside one of them.
use crate::util::limits::PRESSES_KNOWN;
use crate::util::time::Instant;
use core::time::Duration;

/// By what a press was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    /// RFC 4733.
    Event,
    Info,
    /// A tone.
    Sound,
}

/// How far the second telling may be behind: an INFO that was lost three times comes after 3.5 s (RFC 3261 section 17.1.2.2).
const APART: Duration = Duration::from_secs(4);

/// Presses that were told once.
#[derive(Debug, Default)]
pub struct Doubles {
    known: heapless::Vec<(Means, char, Instant), PRESSES_KNOWN>,
}

impl Doubles {
    /// A press, told by these means. False: another way has told it before. Each telling stands for one press, so the same key twice
    /// in a row, both ways each time, is two.
    pub fn is_new(&mut self, means: Means, digit: char, now: Instant) -> bool {
        self.known.retain(|(_, _, at)| now.since(*at) < APART);
        let first = self.known.iter().position(|(by, known, _)| *by != means && *known == digit);
        if let Some(at) = first {
            self.known.remove(at);
            return false;
        }
        if self.known.is_full() {
            self.known.remove(0);
        }
        // There is room.
        let _ = self.known.push((means, digit, now));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `e5` an event, `i5` an INFO, `s5` a tone, each 100 ms after the one before; `_` passes a second. What counts.
    fn counted(story: &str) -> String {
        let (mut doubles, mut now) = (Doubles::default(), Instant::ZERO);
        let mut all = String::new();
        for word in story.split(' ') {
            let mut chars = word.chars();
            let means = match chars.next() {
                Some('e') => Means::Event,
                Some('i') => Means::Info,
                Some('s') => Means::Sound,
                _ => {
                    now = now + Duration::from_secs(1);
                    continue;
                }
            };
            now = now + Duration::from_millis(100);
            all.extend(chars.next().filter(|digit| doubles.is_new(means, *digit, now)));
        }
        all
    }

    #[test]
    fn one_press_told_twice_is_one() {
        for (story, want) in [
            ("e5 i5", "5"),
            ("i5 e5", "5"),
            ("s5 e5", "5"),
            ("i5 s5", "5"),
            ("e5 e5 e5", "555"),
            ("i5 i5", "55"),
            ("e5 i5 e5 i5", "55"),
            ("e5 e5 i5 i5", "55"),
            ("i5 e5 e5 i5", "55"),
            ("e1 e2 e3 i1 i2 i3", "123"),
            ("e1 i2 e2 i1", "12"),
            // Lost three times.
            ("e5 _ _ _ i5", "5"),
            // No retransmission is that old.
            ("e5 _ _ _ _ i5", "55"),
            ("e1 e2 e3 e4 e5 e6 e7 e8 e9 i9 i8", "123456789"),
        ] {
            assert_eq!(counted(story), want, "{story}");
        }
    }
}
