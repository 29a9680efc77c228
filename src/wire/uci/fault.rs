//! What can be wrong with UCI text, in words for the person who wrote it.
use std::fmt;

use crate::util::limits;

/// One thing that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Line in the file, from 1; of an open quote the line that opened it.
    pub line: u32,
    /// Index of the section whose statement it is; None above the first section and for the file as a whole.
    pub section: Option<usize>,
    pub what: What,
}

/// Carries no text of the file but kinds: the rest of a broken line may be a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The file has this many bytes, more than `limits::CONFIG_BYTES`; nothing of it was read.
    FileTooLong(usize),
    /// U+FEFF in front of the first statement.
    ByteOrderMark,
    Nul,
    /// A control character other than tab, CR and LF.
    Control,
    NotUtf8,
    /// `'` or `"` without its end, or whose text runs over a line that begins with a statement.
    OpenQuote(char),
    /// The first word is no statement; the one it may be a slip of.
    Statement(Option<&'static str>),
    /// The statement ends before its required word.
    Missing(Wanted),
    TooManyWords,
    /// The word is there, and has a character that is not allowed in it.
    BadName(Wanted),
    /// `option` or `list` above the first `config`.
    BeforeFirstSection,
    /// A section of this name has this other kind already, since that line.
    OtherKind {
        kind: String,
        line: u32,
    },
    /// A `;` that real `uci` refuses, or behind which it silently drops the rest of the line.
    Semicolon,
    ValueTooLong,
    TooManySections,
    TooManyOptions,
    TooManyItems,
}

/// Which word of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    Package,
    Kind,
    SectionName,
    Key,
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Package => "the package's name",
            Self::Kind => "the section's type",
            Self::SectionName => "the section's name",
            Self::Key => "the option's name",
        })
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FileTooLong(bytes) => {
                write!(f, "the file has {bytes} bytes, want at most {}", limits::CONFIG_BYTES)
            }
            Self::ByteOrderMark => {
                f.write_str("the file begins with a byte order mark, want it saved without")
            }
            Self::Nul => f.write_str("a NUL byte, want text"),
            Self::Control => f.write_str("a control character, want text"),
            Self::NotUtf8 => f.write_str("not UTF-8, want the file saved as UTF-8"),
            Self::OpenQuote(quote) => write!(f, "a quote is opened and not closed, want {quote} at the end"),
            Self::Statement(None) => f.write_str("no statement, want config, option or list"),
            Self::Statement(Some(near)) => write!(f, "no statement, did you mean '{near}'?"),
            Self::Missing(wanted) => write!(f, "{wanted} is missing"),
            Self::TooManyWords => f.write_str("too many words, want the value in one pair of quotes"),
            Self::BadName(Wanted::Kind) => {
                f.write_str("the section's type is unreadable, want one plain word")
            }
            Self::BadName(Wanted::Package) => {
                write!(f, "{} is unreadable, want letters, digits, _ and -", Wanted::Package)
            }
            Self::BadName(wanted) => write!(f, "{wanted} is unreadable, want letters, digits and _"),
            Self::BeforeFirstSection => f.write_str("an option in no section, want a config line above it"),
            Self::OtherKind { kind, line } => {
                write!(f, "the name is taken by the section of type '{kind}' in line {line}, want another")
            }
            Self::Semicolon => f.write_str("a misplaced ';', want each statement on a line of its own"),
            Self::ValueTooLong => {
                write!(f, "a word is too long, want at most {} bytes", limits::CONFIG_VALUE)
            }
            Self::TooManySections => {
                write!(f, "too many sections, want at most {}", limits::CONFIG_SECTIONS)
            }
            Self::TooManyOptions => {
                write!(f, "too many options in this section, want at most {}", limits::CONFIG_OPTIONS)
            }
            Self::TooManyItems => {
                write!(f, "too many values in this list, want at most {}", limits::CONFIG_ITEMS)
            }
        }
    }
}
