//! UCI text: `config`, `option` and `list` statements as OpenWrt's `libuci` reads them.
//!
//! Statements are `package NAME`, `config TYPE [NAME]`, `option KEY VALUE` and `list KEY VALUE` (or their first
//! letters), one a line; `#` begins a comment outside of quotes. A word is made of pieces that touch: `'literal'`,
//! `"with \" escapes"` and bare text with backslash escapes; a backslash at the line's end joins lines, and quotes
//! may span them. An `option` replaces what its key had, a `list` adds to it, an empty `option` changes nothing.
//! A section named twice is one section. `;` separates statements, with libuci's traps reported (`What::Semicolon`).
//!
//! `libuci` stops at the first fault; here each is reported and reading goes on with the next statement. What
//! libuci refuses is a fault here too. Refused here alone: control characters, text that is not UTF-8, a quote
//! that runs over the next statement, and whatever exceeds `util::limits`.
//! `tests/data/libuci.txt` has what the real one made of some hundred texts.
mod fault;
#[cfg(test)]
mod tests;
mod words;

pub use fault::{Fault, Wanted, What};

use crate::util::{limits, nearest::nearest};
use words::{Rest, Slip, Stop, Words};

/// A file, read as far as it could be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    /// In the order of their first `config` line.
    pub sections: Vec<Section>,
    /// In the order of the file, at most `limits::CONFIG_PROBLEMS`.
    pub faults: Vec<Fault>,
    /// Faults beyond those.
    pub more_faults: usize,
}

/// `config KIND [NAME]` and what follows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    pub kind: String,
    /// None: anonymous.
    pub name: Option<String>,
    /// Line of its first `config` statement.
    pub line: u32,
    /// One for each key.
    pub options: Vec<Opt>,
    /// No statement of it was faulty. Otherwise an option may be missing here that the file has.
    pub sound: bool,
}

/// All statements of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opt {
    pub key: String,
    pub value: Value,
    /// Line of the statement that counts; of a list the last one.
    pub line: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Never empty.
    Single(String),
    /// Items may be empty.
    List(Vec<String>),
}

impl Section {
    #[must_use]
    pub fn option(&self, key: &str) -> Option<&Opt> {
        self.options.iter().find(|option| option.key == key)
    }
}

/// Reads a whole file. Never fails as a whole unless it is longer than `limits::CONFIG_BYTES`.
#[must_use]
pub fn parse(text: &[u8]) -> Parsed {
    let mut reader = Reader { words: Words::new(text), parsed: Parsed::default(), place: Place::Top };
    if text.len() > limits::CONFIG_BYTES {
        reader.fault((1, What::FileTooLong(text.len())));
        return reader.parsed;
    }
    if reader.words.accept(b"\xEF\xBB\xBF") {
        reader.fault((1, What::ByteOrderMark));
    }
    while !reader.words.is_at_end() {
        reader.line();
    }
    reader.parsed
}

/// Where an option belongs.
#[derive(Clone, Copy)]
enum Place {
    /// Above the first section.
    Top,
    /// In the section of this index.
    Section(usize),
    /// Behind a `config` line that could not be read: what follows is left out without a fault of its own.
    Nowhere,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Statement {
    Package,
    Config,
    Option,
    List,
}

struct Reader<'a> {
    words: Words<'a>,
    parsed: Parsed,
    place: Place,
}

impl Reader<'_> {
    /// One line, or as many as its last word spans.
    fn line(&mut self) {
        let outcome = self.words.skip_to_statement().and_then(|()| {
            while !self.words.is_at_end() {
                if !self.statement()? {
                    break;
                }
            }
            Ok(())
        });
        if let Err(slip) = outcome {
            self.fault(slip);
        }
        self.words.skip_line();
    }

    /// Reads one statement; true if another one follows in the same line.
    fn statement(&mut self) -> Result<bool, Slip> {
        let line = self.words.line();
        let statement = self.keyword(line)?;
        let (first, second) = (self.words.next()?, self.words.next()?);
        self.expect_no_more(line)?;
        let stop = self.words.stop();
        // A `;` behind an incomplete statement is read as its last, empty word.
        let complete = if statement == Statement::Package { first.is_some() } else { second.is_some() };
        let (first, second) = (first.unwrap_or_default(), second.unwrap_or_default());
        match statement {
            Statement::Package if second.is_empty() => self.package(line, &first)?,
            Statement::Package => return Err((line, What::TooManyWords)),
            Statement::Config => self.config(line, first, second)?,
            Statement::Option => self.option(line, first, second, false)?,
            Statement::List => self.option(line, first, second, true)?,
        }
        match (stop, self.words.rest_of_line(), complete) {
            (Stop::Line, _, _) | (_, Rest::End, _) => Ok(false),
            (Stop::GluedSemicolon, Rest::Blank, _) | (Stop::Semicolon, Rest::Blank, false) => Ok(false),
            (Stop::Semicolon, Rest::Text, true) => Ok(true),
            (Stop::GluedSemicolon | Stop::Semicolon, _, _) => Err((line, What::Semicolon)),
        }
    }

    fn keyword(&mut self, line: u32) -> Result<Statement, Slip> {
        let word = self.words.keyword()?;
        let slip_of = match word {
            b"package" | b"p" => return Ok(Statement::Package),
            b"option" | b"o" => return Ok(Statement::Option),
            b"list" | b"l" => return Ok(Statement::List),
            b"config" | b"c" => Some("config"),
            // A word that is no slip of a statement is not repeated: it may be the end of a password.
            _ => {
                let word = std::str::from_utf8(word).unwrap_or_default();
                nearest(word, ["config", "option", "list", "package"])
            }
        };
        if slip_of == Some("config") {
            // The open section ends here, whatever becomes of this line.
            self.place = Place::Nowhere;
        }
        match word {
            b"config" | b"c" => Ok(Statement::Config),
            _ => Err((line, What::Statement(slip_of))),
        }
    }

    /// Further words may only be empty ones. They are read to their end, for a quote among them may span lines.
    fn expect_no_more(&mut self, line: u32) -> Result<(), Slip> {
        let mut surplus = false;
        while let Some(word) = self.words.next()? {
            surplus |= !word.is_empty();
        }
        if surplus { Err((line, What::TooManyWords)) } else { Ok(()) }
    }

    /// The package's name says nothing here: the file's name counts, as in libuci.
    fn package(&self, line: u32, name: &str) -> Result<(), Slip> {
        check_name(line, name, Wanted::Package)
    }

    fn config(&mut self, line: u32, kind: String, name: String) -> Result<(), Slip> {
        check_name(line, &kind, Wanted::Kind)?;
        let name = if name.is_empty() { None } else { Some(name) };
        if let Some(name) = &name {
            check_name(line, name, Wanted::SectionName)?;
            if let Some(index) = self.parsed.sections.iter().position(|s| s.name.as_ref() == Some(name)) {
                return self.reopen(line, index, kind);
            }
        }
        if self.parsed.sections.len() >= limits::CONFIG_SECTIONS {
            return Err((line, What::TooManySections));
        }
        self.place = Place::Section(self.parsed.sections.len());
        self.parsed.sections.push(Section { kind, name, line, options: Vec::new(), sound: true });
        Ok(())
    }

    /// A second `config` line with a name that is there.
    fn reopen(&mut self, line: u32, index: usize, kind: String) -> Result<(), Slip> {
        if let Some(earlier) = self.parsed.sections.get(index)
            && earlier.kind != kind
        {
            return Err((line, What::OtherKind { kind: earlier.kind.clone(), line: earlier.line }));
        }
        self.place = Place::Section(index);
        Ok(())
    }

    fn option(&mut self, line: u32, key: String, value: String, is_list: bool) -> Result<(), Slip> {
        check_name(line, &key, Wanted::Key)?;
        let section = match self.place {
            Place::Top => return Err((line, What::BeforeFirstSection)),
            Place::Nowhere => None,
            Place::Section(index) => self.parsed.sections.get_mut(index),
        };
        let Some(Section { options, .. }) = section else { return Ok(()) };
        let full = options.len() >= limits::CONFIG_OPTIONS;
        match options.iter_mut().find(|option| option.key == key) {
            // libuci neither makes nor removes an option for an empty value.
            _ if value.is_empty() && !is_list => {}
            Some(option) if is_list => option.add(value, line)?,
            Some(option) => (option.value, option.line) = (Value::Single(value), line),
            None if full => return Err((line, What::TooManyOptions)),
            None if is_list => options.push(Opt { key, value: Value::List(vec![value]), line }),
            None => options.push(Opt { key, value: Value::Single(value), line }),
        }
        Ok(())
    }

    /// Notes a fault, and that the open section is incomplete.
    fn fault(&mut self, (line, what): Slip) {
        let section = match self.place {
            Place::Section(index) => Some(index),
            Place::Top | Place::Nowhere => None,
        };
        if let Some(section) = section.and_then(|index| self.parsed.sections.get_mut(index)) {
            section.sound = false;
        }
        if self.parsed.faults.len() < limits::CONFIG_PROBLEMS {
            self.parsed.faults.push(Fault { line, section, what });
        } else {
            self.parsed.more_faults = self.parsed.more_faults.saturating_add(1);
        }
    }
}

impl Opt {
    /// `list` behind `option`: the single value becomes the first item.
    fn add(&mut self, item: String, line: u32) -> Result<(), Slip> {
        let mut items = match std::mem::replace(&mut self.value, Value::List(Vec::new())) {
            Value::Single(first) => vec![first],
            Value::List(items) => items,
        };
        let full = items.len() >= limits::CONFIG_ITEMS;
        if !full {
            items.push(item);
            self.line = line;
        }
        self.value = Value::List(items);
        if full { Err((line, What::TooManyItems)) } else { Ok(()) }
    }
}

/// Names are ASCII letters, digits and `_`, a package's name also `-`; kinds are any printable ASCII.
fn check_name(line: u32, name: &str, wanted: Wanted) -> Result<(), Slip> {
    let fits = |byte: u8| match wanted {
        Wanted::Kind => byte.is_ascii_graphic(),
        Wanted::Package => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'),
        Wanted::SectionName | Wanted::Key => byte.is_ascii_alphanumeric() || byte == b'_',
    };
    match name.bytes().all(fits) {
        _ if name.is_empty() => Err((line, What::Missing(wanted))),
        true => Ok(()),
        false => Err((line, What::BadName(wanted))),
    }
}
