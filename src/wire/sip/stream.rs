//! Messages out of a TCP stream. RFC 3261 section 18.3: the headers end with an empty line, the body has `Content-Length`.
use super::parse::split_head;
use super::{Fault, header};
use crate::util::limits::SIP_MESSAGE;

/// What a stream gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// The bytes of one message, for `Message::parse`.
    Message(Vec<u8>),
    /// Two line ends between messages: a ping that wants one back (RFC 5626 section 3.5.1).
    Ping,
}

/// Collects one connection's bytes.
#[derive(Debug, Default)]
pub struct Framer {
    bytes: Vec<u8>,
}

impl Framer {
    /// Further bytes.
    ///
    /// # Errors
    /// The stream can't be followed any more: to be closed.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        if self.bytes.len().saturating_add(bytes.len()) > SIP_MESSAGE.saturating_mul(2) {
            return Err(Fault::TooLarge);
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// The next piece, if it is complete.
    ///
    /// # Errors
    /// The stream can't be followed any more: to be closed.
    pub fn pop(&mut self) -> Result<Option<Piece>, Fault> {
        if self.bytes.starts_with(b"\r\n\r\n") {
            self.bytes.drain(..4);
            return Ok(Some(Piece::Ping));
        }
        if matches!(self.bytes.as_slice(), [] | [b'\r'] | [b'\r', b'\n'] | [b'\r', b'\n', b'\r']) {
            return Ok(None);
        }
        let blank = self.bytes.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        self.bytes.drain(..blank);
        let Some((head, _)) = split_head(&self.bytes) else {
            return if self.bytes.len() > SIP_MESSAGE { Err(Fault::TooLarge) } else { Ok(None) };
        };
        let total = head.len().saturating_add(content_length(head)?);
        if total > SIP_MESSAGE {
            return Err(Fault::TooLarge);
        }
        if self.bytes.len() < total {
            return Ok(None);
        }
        let rest = self.bytes.split_off(total);
        Ok(Some(Piece::Message(std::mem::replace(&mut self.bytes, rest))))
    }
}

fn content_length(head: &[u8]) -> Result<usize, Fault> {
    let head = String::from_utf8_lossy(head);
    let value = head.lines().skip(1).find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (header::canonical(name.trim()) == header::CONTENT_LENGTH).then(|| value.trim().to_owned())
    });
    // Without it a stream can't be cut (section 20.14).
    value.ok_or(Fault::Length)?.parse().map_err(|_| Fault::Length)
}
