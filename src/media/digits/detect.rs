//! Keys in a sound that may have gone through a GSM or AMR codec.
//!
//! The codec bends levels (a twist of 8 dB becomes 20 at 4.75 kbit/s) and adds noise, but it keeps frequencies. So what tells a key
//! from a voice is less how pure the two tones are than where they are: both by the same ratio beside their frequencies, for they
//! come from one clock. The harmonics of a voice that fall near two of the tones are off by what is left over.
use super::tones::KEYS;
use super::window::{BLOCK, Pair, Window};

/// Windows in a row that make a key: 20 ms long and 5 ms apart, so a tone of 50 ms has six, and two more by half.
const BEGIN: usize = 5;
/// Those of them, the last ones, that are weighed together.
const WEIGHED: usize = 4;
/// Windows without the key that end it, 25 ms.
const END: u32 = 5;
/// Each tone at least -58 dBFS.
const LEAST: i64 = 800 * 800;
/// The row may be this much stronger than the column, and the column than the row, in tenths of powers: 20 and 23 dB.
const ROW_TWIST: i64 = 1_000;
const COLUMN_TWIST: i64 = 2_000;
/// The strongest tone of a group against the next one, in tenths of powers: no more than that it is the strongest.
const CLEAR: i64 = 12;
/// Share of both tones in all power of each window, in thousandths.
const SHARE: i64 = 494;
/// Beside its frequency in 10,000ths: each tone in each window, each on average, and one against the other on average. A sender may
/// be 1.5% off (Q.24).
const OFF: i64 = 450;
const MEAN_OFF: i64 = 200;
const MEAN_APART: i64 = 155;
/// How much the column may move about its average: two harmonics of a voice beat, which shows in the higher group.
const UNSTEADY: i64 = 170;
/// The share on average, if both tones are where they belong; more by these percents of how far the worse one is off, and of how far
/// they are apart. Found with hours of speech and some thousand keys, both through the coders.
const MEAN_SHARE: i64 = 737;
const DEARER_OFF: i64 = 22;
const DEARER_APART: i64 = 45;

/// What a sound told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    Begin(char),
    /// The key is over, since 25 ms.
    End,
}

/// A key in the windows up to now.
struct Candidate {
    key: char,
    windows: usize,
    /// The last ones.
    weighed: [Weight; WEIGHED],
}

#[derive(Clone, Copy, Default)]
struct Weight {
    share: i64,
    row_off: i64,
    column_off: i64,
}

impl Candidate {
    fn push(&mut self, pair: &Pair) {
        self.windows = self.windows.saturating_add(1);
        self.weighed.rotate_left(1);
        if let Some(last) = self.weighed.last_mut() {
            *last = Weight { share: pair.share, row_off: pair.row.off, column_off: pair.column.off };
        }
    }

    fn is_key(&self) -> bool {
        let mean = |of: fn(&Weight) -> i64| self.weighed.iter().map(of).sum::<i64>() / WEIGHED as i64;
        let (row, column) = (mean(|weight| weight.row_off), mean(|weight| weight.column_off));
        let (off, apart) = (row.abs().max(column.abs()), (row - column).abs());
        let unsteady = self.weighed.iter().map(|weight| (weight.column_off - column).abs()).sum::<i64>()
            / WEIGHED as i64;
        let least = MEAN_SHARE + (off * DEARER_OFF + apart * DEARER_APART) / 100;
        self.windows >= BEGIN
            && off <= MEAN_OFF
            && apart <= MEAN_APART
            && unsteady <= UNSTEADY
            && mean(|weight| weight.share) >= least
    }
}

/// Listens for keys.
#[derive(Default)]
pub struct Detector {
    window: Window,
    /// Samples that wait for a whole block.
    waiting: heapless::Vec<i16, BLOCK>,
    candidate: Option<Candidate>,
    /// The key that is pressed, and windows since it was heard.
    pressed: Option<(char, u32)>,
}

impl Detector {
    /// Sound as it comes, in pieces of any length.
    pub fn listen(&mut self, sound: impl IntoIterator<Item = i16>, heard: &mut impl FnMut(Heard)) {
        for sample in sound {
            // It is emptied as soon as it is full.
            let _ = self.waiting.push(sample);
            if let Ok(block) = <&[i16; BLOCK]>::try_from(self.waiting.as_slice()) {
                let pair = self.window.push(block);
                self.waiting.clear();
                self.on_window(pair.as_ref(), heard);
            }
        }
    }

    fn on_window(&mut self, pair: Option<&Pair>, heard: &mut impl FnMut(Heard)) {
        match pair.and_then(|pair| Some((key_of(pair)?, pair))) {
            Some((key, pair)) => {
                let candidate = self.candidate.take().filter(|last| last.key == key);
                let weighed = [Weight::default(); WEIGHED];
                self.candidate.insert(candidate.unwrap_or(Candidate { key, windows: 0, weighed })).push(pair);
            }
            None => self.candidate = None,
        }
        let key =
            self.candidate.as_ref().filter(|candidate| candidate.is_key()).map(|candidate| candidate.key);
        if let Some((pressed, missing)) = &mut self.pressed {
            let goes_on = self.candidate.as_ref().is_some_and(|candidate| candidate.key == *pressed);
            *missing = if goes_on { 0 } else { missing.saturating_add(1) };
            let another = key.is_some_and(|key| key != *pressed);
            if *missing < END && !another {
                return;
            }
            self.pressed = None;
            heard(Heard::End);
            if !another {
                return;
            }
        }
        if let Some(key) = key {
            self.pressed = Some((key, 0));
            heard(Heard::Begin(key));
        }
    }
}

/// The key of a pair of tones that may be one. `A` to `D` are on no telephone, but what sounds like them is no other key.
fn key_of(pair: &Pair) -> Option<char> {
    let Pair { row, column, share } = pair;
    let clear = row.clear >= CLEAR && column.clear >= CLEAR;
    let strong = row.power >= LEAST && column.power >= LEAST;
    let even = row.power * 10 <= column.power * ROW_TWIST && column.power * 10 <= row.power * COLUMN_TWIST;
    let near = row.off.abs() <= OFF && column.off.abs() <= OFF;
    if !(clear && strong && even && near && *share >= SHARE) {
        return None;
    }
    KEYS.get(row.place)?.get(column.place).copied()
}
