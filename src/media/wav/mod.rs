//! Sound out of a WAV file: a RIFF form `WAVE` (Microsoft and IBM, Multimedia Programming Interface, 1991) of 16-bit samples or
//! G.711, 8,000 or 16,000 a second, one or two channels, read as it comes.
mod format;
mod reader;

pub use format::{Coding, Format};
pub use reader::Reader;

use core::fmt;

/// Why a file can't be played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It begins like something else.
    Other(&'static str),
    /// It begins like nothing that we know.
    NotWav,
    /// How the samples are coded: the tag of the chunk `fmt `, bits of a sample.
    Coding {
        tag: u16,
        bits: u16,
    },
    Channels(u16),
    /// Samples a second.
    Rate(u32),
    /// Bytes of a sample of all channels: what it says, and what channels and bits make.
    Block {
        says: u16,
        is: u16,
    },
    /// Bytes of the chunk `fmt `.
    FormatSize(u32),
    /// `data` comes before `fmt `: nobody can tell what it is.
    NoFormat,
    /// Too many or too large chunks before the sound.
    Preamble,
    /// It ends before its sound begins.
    NoSound,
    /// It ends, and by its sizes so many bytes are missing.
    Cut {
        missing: u32,
    },
    /// More samples than are played of a file.
    TooLong,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other(kind) => write!(f, "it is {kind}, want a WAV file"),
            Self::NotWav => f.write_str("it is no WAV file"),
            Self::Coding { tag: 0x55, .. } => f.write_str("it has MP3 in it, want 16-bit samples or G.711"),
            Self::Coding { tag: 1, bits } => write!(f, "its samples have {bits} bits, want 16"),
            Self::Coding { tag, bits } => {
                write!(f, "its sound has format {tag} with {bits} bits, want 16-bit samples or G.711")
            }
            Self::Channels(count) => write!(f, "it has {count} channels, want 1 or 2"),
            Self::Rate(rate) => write!(f, "it has {rate} samples a second, want 8000 or 16000"),
            Self::Block { says, is } => {
                write!(f, "it says that a sample of all channels takes {says} bytes, its format needs {is}")
            }
            Self::FormatSize(size) => write!(f, "its format chunk has {size} bytes, want 16 to 64"),
            Self::NoFormat => f.write_str("its sound comes before its format"),
            Self::Preamble => f.write_str("too much stands before its sound"),
            Self::NoSound => f.write_str("it ends before its sound begins"),
            Self::Cut { missing } => write!(f, "it is cut short: {missing} bytes of sound are missing"),
            Self::TooLong => f.write_str("it is longer than what is played of a file"),
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
