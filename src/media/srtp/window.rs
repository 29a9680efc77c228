//! Which packets of a source were seen: the roll-over counter (RFC 3711 section 3.3.1, appendix A) and the list against copies
//! (section 3.3.2).
use super::Refused;
use crate::util::limits::SRTP_SOURCES;

/// How far behind the newest packet another one may be.
const BEHIND: u64 = 128;
const HALF: u16 = 0x8000;

/// Of one source. An index is the roll-over counter and behind it the sequence number; of RTCP its own number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// The highest index that was seen.
    highest: u64,
    /// Bit n: `highest` - n was seen.
    seen: u128,
    /// Whatever comes next is new.
    renewed: bool,
}

impl Window {
    const fn new(index: u64) -> Self {
        Self { highest: index, seen: 1, renewed: false }
    }

    /// The index behind the highest.
    pub const fn next(&self) -> u64 {
        self.highest.saturating_add(1)
    }

    /// Which index a packet with this sequence number has. `None`: one of before the counter began.
    fn guess(&self, sequence: u16) -> Option<u64> {
        let [.., high, low] = self.highest.to_be_bytes();
        let last = u16::from_be_bytes([high, low]);
        let counter = self.highest >> 16;
        let counter = if last < HALF && sequence.saturating_sub(last) > HALF {
            counter.checked_sub(1)?
        } else if last >= HALF && last.saturating_sub(HALF) > sequence {
            counter.saturating_add(1)
        } else {
            counter
        };
        Some(counter << 16 | u64::from(sequence))
    }

    pub fn admits(&self, index: u64) -> bool {
        match self.highest.checked_sub(index) {
            None => true,
            Some(_) if self.renewed => true,
            Some(behind) => {
                let bit = u32::try_from(behind).ok().and_then(|n| 1_u128.checked_shl(n));
                behind < BEHIND && bit.is_some_and(|bit| self.seen & bit == 0)
            }
        }
    }

    fn note(&mut self, index: u64) {
        match index.checked_sub(self.highest) {
            _ if self.renewed => *self = Self::new(index),
            Some(ahead) => {
                let shifted = u32::try_from(ahead).ok().and_then(|n| self.seen.checked_shl(n));
                *self = Self { highest: index, seen: shifted.unwrap_or(0) | 1, renewed: false };
            }
            None => {
                let behind = u32::try_from(self.highest.saturating_sub(index)).unwrap_or(u32::MAX);
                self.seen |= 1_u128.checked_shl(behind).unwrap_or(0);
            }
        }
    }
}

/// The sources under one key, the last heard first.
#[derive(Debug, Default)]
pub(super) struct Sources {
    list: heapless::Vec<(u32, Window), SRTP_SOURCES>,
}

impl Sources {
    pub fn is_full(&self) -> bool {
        self.list.is_full()
    }

    pub fn get(&self, ssrc: u32) -> Option<&Window> {
        self.list.iter().find(|(known, _)| *known == ssrc).map(|(_, window)| window)
    }

    /// Of an RTP packet. A new source's counter is zero.
    ///
    /// # Errors
    /// It was seen before, or is too old to tell.
    pub fn index(&self, ssrc: u32, sequence: u16) -> Result<u64, Refused> {
        let Some(window) = self.get(ssrc) else { return Ok(u64::from(sequence)) };
        window.guess(sequence).filter(|index| window.admits(*index)).ok_or(Refused::Replayed)
    }

    /// A packet that is what it says. In place of one source too many goes the one that was silent longest.
    pub fn note(&mut self, ssrc: u32, index: u64) {
        let Some(at) = self.list.iter().position(|(known, _)| *known == ssrc) else {
            if self.list.is_full() {
                self.list.pop();
            }
            // There is room.
            let _ = self.list.push((ssrc, Window::new(index)));
            self.list.rotate_right(1);
            return;
        };
        if let Some((_, window)) = self.list.get_mut(at) {
            window.note(index);
        }
        if let Some(newer) = self.list.get_mut(..=at).filter(|newer| newer.len() > 1) {
            newer.rotate_right(1);
        }
    }

    pub fn renew(&mut self) {
        self.list.iter_mut().for_each(|(_, window)| window.renewed = true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(window: &mut Window, sequence: u16) -> Option<u64> {
        let index = window.guess(sequence).filter(|index| window.admits(*index))?;
        window.note(index);
        Some(index)
    }

    #[test]
    fn the_counter_rolls_over() {
        let mut window = Window::new(65_534);
        for (sequence, index) in [
            (65_535, Some(65_535)),
            (1, Some(65_537)),
            (0, Some(65_536)),
            // Overtaken, and of before the turn.
            (65_533, Some(65_533)),
            (65_533, None),
            (2, Some(65_538)),
            (32_769, Some(65_536 + 32_769)),
            (65_535, Some(131_071)),
            (0, Some(131_072)),
        ] {
            assert_eq!(heard(&mut window, sequence), index, "{sequence}");
        }
        // Nothing was before the first turn.
        assert_eq!(Window::new(3).guess(65_000), None);
    }

    #[test]
    fn each_packet_once_and_none_that_is_too_old() {
        let mut window = Window::new(1_000);
        for (sequence, admitted) in [
            (1_000, false),
            (1_001, true),
            (1_001, false),
            (1_000, false),
            (999, true),
            (999, false),
            (874, true),
            (873, false),
            (1_128, true),
            (1_001, false),
            (1_002, true),
            (1_000, false),
            (30_000, true),
            (1_128, false),
        ] {
            assert_eq!(heard(&mut window, sequence).is_some(), admitted, "{sequence}");
        }
    }

    #[test]
    fn after_an_answer_numbers_may_begin_anywhere_once() {
        let mut window = Window::new(65_536 * 3 + 20_000);
        assert_eq!(heard(&mut window, 10_000), None);
        window.renewed = true;
        assert_eq!(heard(&mut window, 10_000), Some(65_536 * 3 + 10_000));
        assert_eq!(heard(&mut window, 10_000), None);
        assert_eq!(heard(&mut window, 10_001), Some(65_536 * 3 + 10_001));
    }

    #[test]
    fn sources_have_an_end() {
        let mut sources = Sources::default();
        for ssrc in 0..100 {
            sources.note(ssrc, 7);
            sources.note(0, u64::from(ssrc) + 8);
        }
        assert_eq!((sources.list.len(), sources.is_full()), (SRTP_SOURCES, true));
        assert!(sources.get(0).is_some() && sources.get(99).is_some() && sources.get(1).is_none());
    }
}
