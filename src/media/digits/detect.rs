//! Keys in the stick's sound: Goertzel filters, in integers, over 20 ms each 10 ms.
//!
//! The sound went through a GSM codec: levels of the two tones may differ by 8 dB and some noise is on them. A voice is no
//! key: both tones together must be nearly all of the sound, for 40 ms.
use super::tones::{COEFFICIENTS, KEYS};
use crate::media::FRAME;

/// Half a window, 10 ms.
const HALF: usize = FRAME / 2;
/// Windows in a row that make a key.
const BEGIN: u32 = 3;
/// Windows without the key that end it, 40 ms: a codec's hiccup ends no press.
const END: u32 = 4;
/// Each tone at least -38 dBFS: its |X|^2 over 160 samples of 13 bits.
const LEAST: i64 = 4_000 * 4_000;
/// Twist of 8 dB and room, as a ratio of powers.
const TWIST: i64 = 10;
/// The strongest tone of a group against the next one, 8 dB.
const CLEAR: i64 = 6;
/// The share of both tones in all power, percent. A tone beside its frequency loses some to its window: at 1% off this still
/// takes it; less would take a vowel with two strong harmonics for a key.
const SHARE: i64 = 74;

/// What half a frame told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    Begin(char),
    /// The key is over, since 40 ms.
    End,
}

/// Listens for keys.
pub struct Detector {
    before: [i16; HALF],
    /// The key of the last windows and how many had it.
    candidate: Option<(char, u32)>,
    /// The key that is pressed, and windows since it was heard.
    pressed: Option<(char, u32)>,
}

impl Default for Detector {
    fn default() -> Self {
        Self { before: [0; HALF], candidate: None, pressed: None }
    }
}

impl Detector {
    /// What each half of the frame told.
    pub fn on_frame(&mut self, frame: &[i16; FRAME]) -> [Option<Heard>; 2] {
        let (first, second) = frame.split_at(HALF);
        [self.on_half(first), self.on_half(second)]
    }

    fn on_half(&mut self, half: &[i16]) -> Option<Heard> {
        let mut window = [0; FRAME];
        let (old, new) = window.split_at_mut(HALF);
        old.copy_from_slice(&self.before);
        new.iter_mut().zip(half).for_each(|(slot, sample)| *slot = *sample);
        self.before.copy_from_slice(new);
        let key = key_in(&window);
        self.on_window(key)
    }

    fn on_window(&mut self, key: Option<char>) -> Option<Heard> {
        self.candidate = key.map(|key| match self.candidate {
            Some((same, count)) if same == key => (key, count.saturating_add(1)),
            _ => (key, 1),
        });
        if let Some((pressed, missing)) = &mut self.pressed {
            *missing = if key == Some(*pressed) { 0 } else { missing.saturating_add(1) };
            if *missing < END {
                return None;
            }
            self.pressed = None;
            return Some(Heard::End);
        }
        let (key, _) = self.candidate.filter(|(_, count)| *count >= BEGIN)?;
        self.pressed = Some((key, 0));
        Some(Heard::Begin(key))
    }
}

/// The key whose two tones make up this window.
fn key_in(window: &[i16; FRAME]) -> Option<char> {
    let energy: i64 = window.iter().map(|sample| i64::from(sample >> 3) * i64::from(sample >> 3)).sum();
    // Both tones at their least: nothing to look for below that.
    if energy.saturating_mul(FRAME as i64) < LEAST * 4 {
        return None;
    }
    let powers = COEFFICIENTS.map(|coefficient| power(window, coefficient));
    let (low, high) = powers.split_at_checked(4)?;
    let (row, low) = clear_best(low)?;
    let (column, high) = clear_best(high)?;
    let strong = low >= LEAST && high >= LEAST;
    let even = low <= high.saturating_mul(TWIST) && high <= low.saturating_mul(TWIST);
    // A pure tone has |X|^2 = N E / 2.
    let alone = (low + high).saturating_mul(200) >= energy.saturating_mul(FRAME as i64).saturating_mul(SHARE);
    if !(strong && even && alone) {
        return None;
    }
    KEYS.get(row)?.get(column).copied()
}

/// The strongest of a group, if it stands out.
fn clear_best(powers: &[i64]) -> Option<(usize, i64)> {
    let (place, best) = powers.iter().copied().enumerate().max_by_key(|(_, power)| *power)?;
    let others =
        powers.iter().enumerate().filter(|(other, _)| *other != place).map(|(_, power)| *power).max()?;
    (best >= others.saturating_mul(CLEAR)).then_some((place, best))
}

/// |X|^2 of one frequency, samples taken as 13 bits.
fn power(window: &[i16; FRAME], coefficient: i64) -> i64 {
    let (last, before) = window.iter().fold((0i64, 0i64), |(last, before), sample| {
        (((coefficient * last) >> 14) - before + i64::from(sample >> 3), last)
    });
    last * last + before * before - ((coefficient * last) >> 14) * before
}
