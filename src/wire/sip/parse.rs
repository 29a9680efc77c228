//! From bytes to a `Message`.
use super::uri::is_foreign;
use super::{Fault, Message, Method, Start, Uri, header};
use crate::util::limits::{SIP_HEADERS, SIP_MESSAGE};
use std::borrow::Cow;

impl Message {
    /// One datagram, or one message that `Framer` cut out of a stream. A body shorter than `Content-Length` is a
    /// fault, a longer one is cut (RFC 3261 section 18.3). What is in the headers is `check`'s matter.
    ///
    /// # Errors
    /// Why it is none; `refusal` makes the answer.
    pub fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        if bytes.len() > SIP_MESSAGE {
            return Err(Fault::TooLarge);
        }
        let bytes = bytes.trim_ascii_start();
        if bytes.iter().all(|b| *b == 0) {
            return Err(Fault::Empty);
        }
        let (head, body) = split_head(bytes).ok_or(Fault::Cut)?;
        let head = text(head);
        let mut lines = lines(&head);
        let start = start(lines.next().unwrap_or_default())?;
        let mut message = Self::new(start);
        message.reserve(head.len());
        for line in lines {
            message.take_line(line)?;
        }
        message.take_body(body)?;
        Ok(message)
    }

    pub(super) fn take_line(&mut self, line: &str) -> Result<(), Fault> {
        if is_folded(line) {
            return if self.extend_last(line.trim()) { Ok(()) } else { Err(Fault::Header) };
        }
        let (name, value) = line.split_once(':').ok_or(Fault::Header)?;
        let name = name.trim_end();
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(Fault::Header);
        }
        if self.count() >= SIP_HEADERS {
            return Err(Fault::TooLarge);
        }
        self.add(header::canonical(name), value.trim());
        Ok(())
    }

    fn take_body(&mut self, body: &[u8]) -> Result<(), Fault> {
        let length = length(self.all(header::CONTENT_LENGTH))?.unwrap_or(body.len());
        self.body = body.get(..length).ok_or(Fault::Length)?.to_vec();
        self.remove(header::CONTENT_LENGTH);
        Ok(())
    }
}

/// What `Content-Length` says. Twice the same is forgiven, two that differ leave the end open (RFC 4475 section 3.3.9).
pub(super) fn length<'a>(values: impl Iterator<Item = &'a str>) -> Result<Option<usize>, Fault> {
    let mut found = None;
    for value in values {
        let value =
            header::number(value.trim()).and_then(|n| usize::try_from(n).ok()).ok_or(Fault::Length)?;
        if found.replace(value).is_some_and(|other| other != value) {
            return Err(Fault::Length);
        }
    }
    Ok(found)
}

/// The head as text. A line end of CR alone ends no line here, and must end none where the text goes: it is a blank.
pub(super) fn text(head: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(head);
    if head.windows(2).any(|pair| matches!(pair, [b'\r', next] if *next != b'\n')) {
        return Cow::Owned(text.replace("\r\n", "\n").replace('\r', " "));
    }
    text
}

/// The lines that are not empty, the first one without what stands before it.
pub(super) fn lines(head: &str) -> impl Iterator<Item = &str> {
    head.split('\n').filter(|line| !line.trim().is_empty())
}

/// The line above goes on here. RFC 3261 section 7.3.1.
pub(super) fn is_folded(line: &str) -> bool {
    line.starts_with([' ', '\t'])
}

pub(super) fn fold(value: &mut String, line: &str) {
    if !value.is_empty() {
        value.push(' ');
    }
    value.push_str(line.trim());
}

/// Headers and body, at the first empty line; bare LF is taken too.
pub(super) fn split_head(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    bytes.split_at_checked(HeadEnd::default().find(bytes)?)
}

/// Looks for the end of the head in bytes that come piece by piece; none is looked at twice.
#[derive(Debug, Default)]
pub(super) struct HeadEnd {
    seen: usize,
    line_is_empty: bool,
}

impl HeadEnd {
    /// `bytes`: all of the message that is there, each time with more behind it. Gives where the body begins.
    pub(super) fn find(&mut self, bytes: &[u8]) -> Option<usize> {
        for part in bytes.get(self.seen..).unwrap_or_default().split_inclusive(|b| *b == b'\n') {
            self.seen = self.seen.saturating_add(part.len());
            let line = part.strip_suffix(b"\n");
            let empty = self.line_is_empty && line.unwrap_or(part).iter().all(|b| *b == b'\r');
            if empty && line.is_some() {
                return Some(self.seen);
            }
            // The next part begins a line, or goes on with this one.
            self.line_is_empty = empty || line.is_some();
        }
        None
    }
}

fn start(line: &str) -> Result<Start, Fault> {
    let line = line.trim();
    if let Some((version, rest)) = line.split_once(' ').filter(|(v, _)| is_protocol(v)) {
        if !version.eq_ignore_ascii_case("SIP/2.0") {
            return Err(Fault::Version);
        }
        let (status, reason) = rest.trim_start().split_once(' ').unwrap_or((rest.trim_start(), ""));
        let status = Some(status).filter(|s| s.len() == 3).and_then(header::number);
        let status = status.and_then(|s| u16::try_from(s).ok()).filter(|s| (100..700).contains(s));
        let reason = reason.trim().to_owned();
        return Ok(Start::Response { status: status.ok_or(Fault::StartLine)?, reason });
    }
    let (method, rest) = line.split_once(' ').ok_or(Fault::StartLine)?;
    let (uri, version) = rest.rsplit_once(' ').ok_or(Fault::StartLine)?;
    if !method.bytes().all(is_token) || !is_protocol(version) {
        return Err(Fault::StartLine);
    }
    if !version.eq_ignore_ascii_case("SIP/2.0") {
        return Err(Fault::Version);
    }
    let wrong = if is_foreign(uri) { Fault::Scheme } else { Fault::StartLine };
    Ok(Start::Request { method: Method::parse(method), uri: Uri::parse(uri).ok_or(wrong)? })
}

/// `SIP/` in any case (RFC 3261 section 7.1), whatever the number.
pub(super) fn is_protocol(word: &str) -> bool {
    word.get(..4).is_some_and(|w| w.eq_ignore_ascii_case("SIP/"))
}

/// RFC 3261 section 25.1, `token`.
pub(super) const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~')
}
