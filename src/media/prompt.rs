//! A file that is played to a party: its bytes come in as the disk has them, frames of 20 ms go out by the party's clock.
//!
//! What comes late is silence, counted; what comes early waits in the file: `room` says how much is taken.
use super::codec::resample::{Down, Up};
use super::mixer::Rate;
use super::wav::{Fault, Reader};
use crate::util::limits::PROMPT_WAITING;
use std::collections::VecDeque;

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Played {
    Sound,
    /// The file is slower than the party: the rest of the frame is silence.
    Starved,
    /// All of it was heard: the rest of the frame is silence.
    Ended,
}

/// From the rate of the file to that of the party.
enum Resampler {
    Same,
    Up(Up),
    Down(Down),
}

/// One file on its way to one party.
pub struct Prompt {
    reader: Reader,
    /// Samples of the party, a second.
    rate: Rate,
    /// `None`: the file has not said its rate yet.
    resampler: Option<Resampler>,
    /// At the rate of the file.
    waiting: VecDeque<i16>,
    /// The second one of two that came of one.
    second: Option<i16>,
    ended: bool,
    starved: u64,
}

impl core::fmt::Debug for Prompt {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Prompt").field("waiting", &self.waiting.len()).finish_non_exhaustive()
    }
}

impl Prompt {
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        Self {
            reader: Reader::default(),
            rate,
            resampler: None,
            waiting: VecDeque::new(),
            second: None,
            ended: false,
            starved: 0,
        }
    }

    /// Bytes that are taken now.
    #[must_use]
    pub fn room(&self) -> usize {
        if self.ended || self.reader.is_done() {
            0
        } else {
            PROMPT_WAITING.saturating_sub(self.waiting.len())
        }
    }

    /// The next bytes of the file. How many of them were taken: at most `room`.
    ///
    /// # Errors
    /// What is wrong with the file; what came of it before is still heard.
    pub fn push(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        let taken = bytes.get(..self.room()).unwrap_or(bytes);
        let read = self.reader.push(taken, &mut |sample| self.waiting.push_back(sample));
        if let (None, Some(format)) = (&self.resampler, self.reader.format()) {
            self.resampler = Some(match (format.rate, self.rate) {
                (Rate::Narrow, Rate::Wide) => Resampler::Up(Up::default()),
                (Rate::Wide, Rate::Narrow) => Resampler::Down(Down::default()),
                (Rate::Narrow, Rate::Narrow) | (Rate::Wide, Rate::Wide) => Resampler::Same,
            });
        }
        self.ended |= read.is_err();
        read.map(|()| taken.len())
    }

    /// The file has no more bytes.
    ///
    /// # Errors
    /// It ended too early; what there is of it is still heard.
    pub fn end(&mut self) -> Result<(), Fault> {
        self.ended = true;
        self.reader.end()
    }

    /// The next 20 ms, or any other number of samples.
    pub fn fill(&mut self, frame: &mut [i16]) -> Played {
        let mut lacked = false;
        for sample in frame {
            let next = self.next();
            lacked |= next.is_none();
            *sample = next.unwrap_or(0);
        }
        if !lacked {
            return Played::Sound;
        }
        if self.ended || self.reader.is_done() {
            return Played::Ended;
        }
        self.starved = self.starved.saturating_add(1);
        Played::Starved
    }

    /// Frames that the file was too slow for.
    #[must_use]
    pub const fn starved(&self) -> u64 {
        self.starved
    }

    fn next(&mut self) -> Option<i16> {
        match self.resampler.as_mut()? {
            Resampler::Same => self.waiting.pop_front(),
            Resampler::Up(up) => {
                if let Some(second) = self.second.take() {
                    return Some(second);
                }
                let [first, second] = up.push(self.waiting.pop_front()?);
                self.second = Some(second);
                Some(first)
            }
            Resampler::Down(down) => {
                let first = self.waiting.pop_front()?;
                // The last one of an odd number has none beside it.
                Some(down.push([first, self.waiting.pop_front().unwrap_or(0)]))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::wav::tests::{file, fmt, sine};

    /// Plays a whole file in reads of `piece` bytes, 20 ms of sound after each.
    fn play(bytes: &[u8], rate: Rate, piece: usize) -> (Vec<i16>, Prompt, Result<(), Fault>) {
        let (mut prompt, mut heard, mut rest) = (Prompt::new(rate), Vec::new(), bytes);
        let mut result = Ok(());
        loop {
            let some = rest.get(..piece).unwrap_or(rest);
            let taken = prompt.push(some).unwrap_or(0);
            rest = &rest[taken..];
            if rest.is_empty() && !prompt.ended {
                result = prompt.end();
            }
            assert!(prompt.waiting.len() <= PROMPT_WAITING);
            let mut frame = vec![0; rate.frame()];
            if prompt.fill(&mut frame) == Played::Ended {
                return (heard, prompt, result);
            }
            heard.extend_from_slice(&frame);
        }
    }

    /// Power of one frequency, parts of a sine of this level (Goertzel by its definition).
    fn level(sound: &[i16], hz: f64, rate: Rate) -> f64 {
        let per_second = rate.frame() as f64 * 50.0;
        let (re, im) = sound.iter().enumerate().fold((0.0, 0.0), |(re, im), (n, sample)| {
            let angle = std::f64::consts::TAU * hz * n as f64 / per_second;
            (re + f64::from(*sample) * angle.cos(), im + f64::from(*sample) * angle.sin())
        });
        2.0 * f64::hypot(re, im) / sound.len() as f64
    }

    #[test]
    fn every_rate_to_every_party() {
        use Rate::{Narrow, Wide};
        for (of_file, of_party) in [(Narrow, Narrow), (Narrow, Wide), (Wide, Narrow), (Wide, Wide)] {
            let per_second = of_file.frame() as u32 * 50;
            let sound = sine(1_000.0, per_second, per_second as usize);
            let data: Vec<u8> = sound.iter().flat_map(|s| s.to_le_bytes()).collect();
            let bytes = file(&[(b"fmt ", &fmt(1, 1, per_second, 16)), (b"data", &data)]);
            let (heard, prompt, result) = play(&bytes, of_party, 2_000);
            assert_eq!((result, prompt.starved()), (Ok(()), 0));
            // A second, but for the last frame.
            assert!((49..=50).contains(&(heard.len() / of_party.frame())), "{}", heard.len());
            let level = level(&heard[of_party.frame()..of_party.frame() * 41], 1_000.0, of_party);
            assert!((level - 8_000.0).abs() < 100.0, "{of_file:?} to {of_party:?}: {level}");
        }
    }

    #[test]
    fn a_slow_file_is_silence_and_nothing_is_lost() {
        let data: Vec<u8> = (1..=1_600_i16).flat_map(i16::to_le_bytes).collect();
        let bytes = file(&[(b"fmt ", &fmt(1, 1, 8_000, 16)), (b"data", &data)]);
        let (heard, prompt, result) = play(&bytes, Rate::Narrow, 100);
        assert_eq!(result, Ok(()));
        assert!(prompt.starved() > 10, "{}", prompt.starved());
        let sounded: Vec<i16> = heard.into_iter().filter(|s| *s != 0).collect();
        assert!(sounded.len() > 1_400 && sounded.iter().copied().eq(1..=sounded.len() as i16));
    }

    #[test]
    fn a_cut_file_is_heard_as_far_as_it_goes() {
        let data: Vec<u8> = [500_i16; 800].iter().flat_map(|s| s.to_le_bytes()).collect();
        let bytes = file(&[(b"fmt ", &fmt(1, 1, 8_000, 16)), (b"data", &data)]);
        let (heard, _, result) = play(&bytes[..44 + 800], Rate::Narrow, 4_000);
        assert_eq!(result, Err(Fault::Cut { missing: 800 }));
        assert_eq!(heard, [500; 320]);
    }

    #[test]
    fn what_is_no_sound_ends_at_once() {
        let mut prompt = Prompt::new(Rate::Narrow);
        assert_eq!(prompt.push(b"ID3\x04 and many more"), Err(Fault::Other("an MP3 file")));
        assert_eq!(prompt.room(), 0);
        let mut frame = [7; 160];
        assert_eq!((prompt.fill(&mut frame), frame), (Played::Ended, [0; 160]));
    }
}
