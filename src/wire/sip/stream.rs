//! Messages out of a TCP stream. RFC 3261 section 18.3: the headers end with an empty line, the body has `Content-Length`.
use super::Fault;
use super::parse::{HeadEnd, fold, is_folded, length, lines, text};
use crate::util::limits::SIP_MESSAGE;

/// What a stream gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// The bytes of one message, for `Message::parse`.
    Message(Vec<u8>),
    /// Two line ends between messages: a ping that wants one back (RFC 5626 section 3.5.1).
    Ping,
}

/// Collects one connection's bytes. Each is looked at once, however they come.
#[derive(Debug, Default)]
pub struct Framer {
    bytes: Vec<u8>,
    /// Bytes in front that were given out.
    gone: usize,
    place: Place,
}

/// Where in the stream the next byte to look at is.
#[derive(Debug)]
enum Place {
    /// Between messages, with so many bytes of a ping.
    Between(usize),
    Head(HeadEnd),
    /// The head is there; the message has this many bytes.
    Body(usize),
}

impl Default for Place {
    fn default() -> Self {
        Self::Between(0)
    }
}

const PING: &[u8] = b"\r\n\r\n";

impl Framer {
    /// Further bytes.
    ///
    /// # Errors
    /// The stream can't be followed any more: to be closed.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        if self.pending().len().saturating_add(bytes.len()) > SIP_MESSAGE.saturating_mul(2) {
            return Err(Fault::TooLarge);
        }
        // Not at each message: a stream of small ones would be moved over and over.
        if self.gone >= self.bytes.len() / 2 {
            self.bytes.drain(..self.gone);
            self.gone = 0;
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// What is not given out yet. Behind a fault of `pop` the message that can't be followed, for `Message::refusal`.
    #[must_use]
    pub fn pending(&self) -> &[u8] {
        self.bytes.get(self.gone..).unwrap_or_default()
    }

    /// The next piece, if it is complete.
    ///
    /// # Errors
    /// The stream can't be followed any more: to be closed.
    pub fn pop(&mut self) -> Result<Option<Piece>, Fault> {
        if let Place::Between(seen) = self.place {
            if self.skip_line_ends(seen) {
                return Ok(Some(Piece::Ping));
            }
            if self.pending().is_empty() {
                return Ok(None);
            }
        }
        self.read_head()?;
        let Place::Body(total) = self.place else { return Ok(None) };
        let Some(message) = self.pending().get(..total).map(<[u8]>::to_vec) else { return Ok(None) };
        self.gone = self.gone.saturating_add(total);
        self.place = Place::default();
        Ok(Some(Piece::Message(message)))
    }

    /// Line ends in front of a message mean nothing, but for four bytes that make a ping: true.
    fn skip_line_ends(&mut self, mut seen: usize) -> bool {
        while let Some(byte @ (b'\r' | b'\n')) = self.pending().first().copied() {
            self.gone = self.gone.saturating_add(1);
            seen = match PING.get(seen) {
                Some(wanted) if *wanted == byte => seen.saturating_add(1),
                _ => usize::from(byte == b'\r'),
            };
            if seen == PING.len() {
                self.place = Place::default();
                return true;
            }
        }
        let begun = !self.pending().is_empty();
        self.place = if begun { Place::Head(HeadEnd::default()) } else { Place::Between(seen) };
        false
    }

    fn read_head(&mut self) -> Result<(), Fault> {
        let bytes = self.bytes.get(self.gone..).unwrap_or_default();
        let Place::Head(end) = &mut self.place else { return Ok(()) };
        let Some(at) = end.find(bytes) else {
            return if bytes.len() > SIP_MESSAGE { Err(Fault::TooLarge) } else { Ok(()) };
        };
        let total = at.saturating_add(content_length(bytes.get(..at).unwrap_or_default())?);
        if total > SIP_MESSAGE {
            return Err(Fault::TooLarge);
        }
        self.place = Place::Body(total);
        Ok(())
    }
}

/// Without it a stream can't be cut (section 20.14). Read as `Message::parse` reads it, folds and all: what the two
/// took for different things could hide a message in another's body.
fn content_length(head: &[u8]) -> Result<usize, Fault> {
    let head = text(head);
    let mut values: Vec<String> = Vec::new();
    let mut here = false;
    for line in lines(&head).skip(1) {
        if is_folded(line) {
            if let Some(value) = values.last_mut().filter(|_| here) {
                fold(value, line);
            }
            continue;
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let name = name.trim_end();
        here = name.eq_ignore_ascii_case("Content-Length") || name.eq_ignore_ascii_case("l");
        if here {
            values.push(value.trim().to_owned());
        }
    }
    length(values.iter().map(String::as_str))?.ok_or(Fault::Length)
}
