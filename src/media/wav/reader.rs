//! A file in pieces of any size: its chunks, then its samples.
use super::{Fault, Format};
use crate::util::limits::{WAV_PREAMBLE, WAV_SAMPLES};

/// Of the form and of a chunk.
const FORM: usize = 12;
const CHUNK: usize = 8;
/// What is read of a format, and what it may have at most.
const FORMAT: usize = 40;
const FORMAT_MOST: u32 = 64;
/// Of a file that was written without an end in sight (ffmpeg into a pipe, and our recordings): the sound goes on to the end.
const OPEN: u32 = u32::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Form,
    Chunk,
    /// The format, and what is passed over behind it.
    Format {
        length: usize,
        behind: u32,
    },
    /// Passed over.
    Skip {
        left: u32,
        then: Then,
    },
    /// `left`: `None` up to the end of the file.
    Sound {
        format: Format,
        left: Option<u32>,
    },
    /// Whatever follows the sound.
    Done,
}

/// What follows a chunk that is passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Pad,
    Chunk,
}

/// Reads one file.
#[derive(Clone, Debug)]
pub struct Reader {
    state: State,
    /// What was gathered of the head that comes now, or of a sample.
    head: heapless::Vec<u8, FORMAT>,
    format: Option<Format>,
    /// Bytes before the sound.
    preamble: u32,
    samples: u32,
    fault: Option<Fault>,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            state: State::Form,
            head: heapless::Vec::new(),
            format: None,
            preamble: 0,
            samples: 0,
            fault: None,
        }
    }
}

impl Reader {
    /// The next bytes; at most one sample comes of each.
    ///
    /// # Errors
    /// What is wrong with the file; the same again for what follows.
    pub fn push(&mut self, bytes: &[u8], hear: &mut impl FnMut(i16)) -> Result<(), Fault> {
        for byte in bytes {
            if let Some(fault) = self.fault {
                return Err(fault);
            }
            match self.on_byte(*byte) {
                Ok(sample) => sample.into_iter().for_each(&mut *hear),
                Err(fault) => self.fault = Some(fault),
            }
        }
        self.fault.map_or(Ok(()), Err)
    }

    /// What the file says of its sound, once that has begun.
    #[must_use]
    pub const fn format(&self) -> Option<Format> {
        match self.state {
            State::Sound { format, .. } => Some(format),
            State::Done => self.format,
            State::Form | State::Chunk | State::Format { .. } | State::Skip { .. } => None,
        }
    }

    /// Nothing that follows is sound.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// The file has ended.
    ///
    /// # Errors
    /// It ended too early, or was wrong before.
    pub fn end(&self) -> Result<(), Fault> {
        match (self.fault, self.state) {
            (Some(fault), _) => Err(fault),
            (None, State::Done | State::Sound { left: None, .. }) => Ok(()),
            (None, State::Sound { left: Some(missing), .. }) => Err(Fault::Cut { missing }),
            (None, State::Form) => Err(Fault::NotWav),
            (None, State::Chunk | State::Format { .. } | State::Skip { .. }) => Err(Fault::NoSound),
        }
    }

    fn on_byte(&mut self, byte: u8) -> Result<Option<i16>, Fault> {
        match self.state {
            State::Done => return Ok(None),
            State::Sound { format, left } => return self.on_sound(byte, format, left),
            State::Form | State::Chunk | State::Format { .. } | State::Skip { .. } => {}
        }
        self.preamble = self.preamble.saturating_add(1);
        if self.preamble > WAV_PREAMBLE {
            return Err(Fault::Preamble);
        }
        let state = self.state;
        match state {
            State::Skip { left, then } => self.pass_over(left.saturating_sub(1), then),
            State::Form if self.gathered(byte, FORM) => self.on_form()?,
            State::Chunk if self.gathered(byte, CHUNK) => self.on_chunk()?,
            State::Format { length, behind } if self.gathered(byte, length) => {
                self.format = Some(Format::parse(&self.head)?);
                self.pass_over(behind, Then::Chunk);
            }
            State::Form | State::Chunk | State::Format { .. } | State::Sound { .. } | State::Done => {}
        }
        Ok(None)
    }

    /// Whether the head is whole with this byte. The next one begins with the state that is entered then.
    fn gathered(&mut self, byte: u8, length: usize) -> bool {
        // It is whole before it is full.
        let _ = self.head.push(byte);
        self.head.len() >= length
    }

    fn enter(&mut self, state: State) {
        self.head.clear();
        self.state = state;
    }

    fn pass_over(&mut self, left: u32, then: Then) {
        let state = match (left, then) {
            (0, Then::Chunk) => State::Chunk,
            (0, Then::Pad) => State::Skip { left: 1, then: Then::Chunk },
            (left, then) => State::Skip { left, then },
        };
        self.enter(state);
    }

    fn on_form(&mut self) -> Result<(), Fault> {
        match self.head.as_slice() {
            // The size of the form says nothing that the chunks don't.
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E'] => {
                self.enter(State::Chunk);
                Ok(())
            }
            other => Err(kind(other).map_or(Fault::NotWav, Fault::Other)),
        }
    }

    fn on_chunk(&mut self) -> Result<(), Fault> {
        let [name @ .., a, b, c, d] = self.head.as_slice() else { return Err(Fault::NotWav) };
        let size = u32::from_le_bytes([*a, *b, *c, *d]);
        // Chunks are padded to an even number of bytes.
        let odd = size & 1;
        match name {
            b"fmt " if (16..=FORMAT_MOST).contains(&size) => {
                let length = usize::try_from(size).unwrap_or(FORMAT).min(FORMAT);
                let read = u32::try_from(length).unwrap_or(size);
                self.enter(State::Format { length, behind: size.saturating_sub(read).saturating_add(odd) });
            }
            b"fmt " => return Err(Fault::FormatSize(size)),
            b"data" => {
                let format = self.format.ok_or(Fault::NoFormat)?;
                let left = Some(size).filter(|size| *size != OPEN);
                self.enter(if left == Some(0) { State::Done } else { State::Sound { format, left } });
            }
            _ => self.pass_over(size, if odd == 1 { Then::Pad } else { Then::Chunk }),
        }
        Ok(())
    }

    fn on_sound(&mut self, byte: u8, format: Format, left: Option<u32>) -> Result<Option<i16>, Fault> {
        let whole = self.gathered(byte, format.block());
        let mut block = [0; 4];
        block.iter_mut().zip(&self.head).for_each(|(to, from)| *to = *from);
        if whole {
            self.head.clear();
            self.samples = self.samples.saturating_add(1);
            if self.samples > WAV_SAMPLES {
                return Err(Fault::TooLong);
            }
        }
        let left = left.map(|left| left.saturating_sub(1));
        self.state = if left == Some(0) { State::Done } else { State::Sound { format, left } };
        Ok(whole.then(|| format.sample(block)))
    }
}

/// What people take for a WAV file.
fn kind(head: &[u8]) -> Option<&'static str> {
    match head {
        [b'I', b'D', b'3', ..] | [0xff, 0xe2..=0xff, ..] => Some("an MP3 file"),
        [b'O', b'g', b'g', b'S', ..] => Some("an Ogg file"),
        [b'f', b'L', b'a', b'C', ..] => Some("a FLAC file"),
        [b'R', b'I', b'F', b'X', ..] => Some("a big-endian WAV file"),
        [b'R', b'F', b'6', b'4', ..] => Some("a 64-bit WAV file"),
        [b'.', b's', b'n', b'd', ..] => Some("an AU file"),
        [b'R', b'I', b'F', b'F', ..] => Some("a RIFF file without sound"),
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => Some("an MP4 file"),
        _ => None,
    }
}
