//! UCI text as words: quotes, escapes, continued lines, comments.
use super::fault::What;
use crate::util::limits;

/// A fault and the line it belongs to.
pub(super) type Slip = (u32, What);

/// Where a statement's words end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// End of line or file, or a comment.
    Line,
    /// A `;` that separates two statements.
    Semicolon,
    /// A `;` right behind a word without quote or escape. There real `uci` loses the rest of the line.
    GluedSemicolon,
}

/// Reads words from a text, and knows the line it is in.
pub(super) struct Words<'a> {
    text: &'a [u8],
    at: usize,
    /// From 1.
    line: u32,
    /// The last word had no quote and no escape, and ended right here.
    glued: bool,
}

impl<'a> Words<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0, line: 1, glued: false }
    }

    pub(super) fn line(&self) -> u32 {
        self.line
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn bump(&mut self) {
        if self.peek() == Some(b'\n') {
            self.line = self.line.saturating_add(1);
        }
        self.at = self.at.saturating_add(1);
    }

    /// Steps over `prefix` if the text goes on with it.
    pub(super) fn accept(&mut self, prefix: &[u8]) -> bool {
        let found = self.rest().starts_with(prefix);
        if found {
            prefix.iter().for_each(|_| self.bump());
        }
        found
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r')) {
            self.bump();
        }
    }

    /// To the beginning of the next line, whatever stands in this one.
    pub(super) fn skip_line(&mut self) {
        while let Some(byte) = self.peek() {
            self.bump();
            if byte == b'\n' {
                break;
            }
        }
    }

    /// Steps over blanks, empty lines and comments to the next statement. A NUL in a comment is a fault: real
    /// `uci` stops reading there.
    pub(super) fn skip_to_statement(&mut self) -> Result<(), Slip> {
        loop {
            self.skip_blanks();
            match self.peek() {
                Some(b'\n') => self.bump(),
                Some(b'#') => self.skip_comment()?,
                _ => return Ok(()),
            }
        }
    }

    fn skip_comment(&mut self) -> Result<(), Slip> {
        while let Some(byte) = self.peek() {
            match byte {
                b'\n' => break,
                0 => return Err((self.line, What::Nul)),
                _ => self.bump(),
            }
        }
        Ok(())
    }

    /// The statement's first word: as it stands, up to a blank or the line's end. It knows no quotes.
    pub(super) fn keyword(&mut self) -> Result<&'a [u8], Slip> {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.bump();
        }
        let rest = self.rest();
        let length = rest
            .iter()
            .enumerate()
            .position(|(i, b)| matches!(b, b' ' | b'\t' | b'\n') || rest.get(i..).is_some_and(is_line_end));
        let word = rest.get(..length.unwrap_or(rest.len())).unwrap_or_default();
        if word.contains(&0) {
            return Err((self.line, What::Nul));
        }
        word.iter().for_each(|_| self.bump());
        self.glued = false;
        Ok(word)
    }

    /// The next word of this statement. Empty quotes make an empty word.
    pub(super) fn next(&mut self) -> Result<Option<String>, Slip> {
        let end = self.at;
        self.skip_blanks();
        self.glued &= self.at == end;
        if matches!(self.peek(), None | Some(b'\n' | b'#' | b';')) {
            return Ok(None);
        }
        let mut word = Word { bytes: Vec::new(), line: self.line, plain: true };
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b'#' | b';' => break,
                b'\'' | b'"' => self.quoted(byte, &mut word)?,
                b'\\' => self.escaped(&mut word)?,
                _ => self.take(byte, &mut word)?,
            }
        }
        self.glued = word.plain;
        word.finish().map(Some)
    }

    fn take(&mut self, byte: u8, word: &mut Word) -> Result<(), Slip> {
        word.push(byte, self.line)?;
        self.bump();
        Ok(())
    }

    /// Behind a backslash: a line end vanishes and the word goes on in the next line; any other byte is meant as
    /// it is. There are no escapes such as `\n`.
    fn escaped(&mut self, word: &mut Word) -> Result<(), Slip> {
        word.plain = false;
        self.bump();
        if self.accept(b"\n") || self.accept(b"\r\n") {
            return Ok(());
        }
        match self.peek() {
            Some(byte) => self.take(byte, word),
            None => Ok(()),
        }
    }

    /// A quoted piece. Where its end is missing, reading stays in the line that opened it: what follows is read
    /// as if that line were whole.
    fn quoted(&mut self, quote: u8, word: &mut Word) -> Result<(), Slip> {
        word.plain = false;
        let (start, line) = (self.at, self.line);
        self.bump();
        let outcome = self.through_closing(quote, word);
        match outcome {
            Ok(true) => Ok(()),
            Ok(false) => {
                (self.at, self.line) = (start, line);
                Err((line, What::OpenQuote(char::from(quote))))
            }
            Err(slip) => Err(slip),
        }
    }

    /// True: stepped over the closing quote.
    fn through_closing(&mut self, quote: u8, word: &mut Word) -> Result<bool, Slip> {
        while let Some(byte) = self.peek() {
            let line_before = self.line;
            match byte {
                _ if byte == quote => {
                    self.bump();
                    return Ok(true);
                }
                b'\\' if quote == b'"' => self.escaped(word)?,
                _ => self.take(byte, word)?,
            }
            if self.line != line_before && begins_with_statement(self.rest()) {
                break;
            }
        }
        Ok(false)
    }

    /// What ended the words of this statement; steps over a `;`.
    pub(super) fn stop(&mut self) -> Stop {
        match (self.peek(), self.glued) {
            (Some(b';'), glued) => {
                self.bump();
                if glued { Stop::GluedSemicolon } else { Stop::Semicolon }
            }
            _ => Stop::Line,
        }
    }

    /// What stands between here and the line's end.
    pub(super) fn rest_of_line(&self) -> Rest {
        let mut rest = self.rest();
        while let [b' ' | b'\t' | b'\r', tail @ ..] = rest {
            rest = tail;
        }
        match rest.first() {
            None | Some(b'#') => Rest::End,
            Some(b'\n') => Rest::Blank,
            Some(_) => Rest::Text,
        }
    }
}

/// See `Words::rest_of_line`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// Nothing but the line end.
    Blank,
    /// A comment, or the end of the file.
    End,
    Text,
}

struct Word {
    bytes: Vec<u8>,
    /// Where it begins.
    line: u32,
    plain: bool,
}

impl Word {
    fn push(&mut self, byte: u8, line: u32) -> Result<(), Slip> {
        if byte == 0 {
            return Err((line, What::Nul));
        }
        if byte.is_ascii_control() && !matches!(byte, b'\t' | b'\r' | b'\n') {
            return Err((line, What::Control));
        }
        if self.bytes.len() >= limits::CONFIG_VALUE {
            return Err((self.line, What::ValueTooLong));
        }
        self.bytes.push(byte);
        Ok(())
    }

    fn finish(self) -> Result<String, Slip> {
        let text = String::from_utf8(self.bytes).map_err(|_| (self.line, What::NotUtf8))?;
        // U+0080 to U+009F; the others were seen as bytes.
        if text.chars().any(|c| c.is_control() && !c.is_ascii()) {
            return Err((self.line, What::Control));
        }
        Ok(text)
    }
}

fn is_line_end(text: &[u8]) -> bool {
    text.starts_with(b"\r\n")
}

/// Does this line look like a statement? Within quotes that means: the quote was forgotten further up. Real `uci`
/// would swallow the line, and all up to the next quote.
fn begins_with_statement(mut line: &[u8]) -> bool {
    while let [b' ' | b'\t', rest @ ..] = line {
        line = rest;
    }
    [b"config".as_slice(), b"option", b"list", b"package"].iter().any(|keyword| {
        line.strip_prefix(*keyword).is_some_and(|rest| matches!(rest.first(), Some(b' ' | b'\t')))
    })
}
