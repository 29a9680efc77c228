//! From bytes to a `Message`.
use super::{Fault, Message, Method, Start, Uri, header};
use crate::util::limits::{SIP_HEADERS, SIP_MESSAGE};

impl Message {
    /// One datagram, or one message that `Framer` cut out of a stream. A body shorter than `Content-Length` is a
    /// fault, a longer one is cut (RFC 3261 section 18.3).
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        if bytes.len() > SIP_MESSAGE {
            return Err(Fault::TooLarge);
        }
        let bytes = bytes.trim_ascii_start();
        if bytes.is_empty() || bytes.iter().all(|b| *b == 0) {
            return Err(Fault::Empty);
        }
        let (head, body) = split_head(bytes).ok_or(Fault::Cut)?;
        let head = String::from_utf8_lossy(head);
        let mut lines = head.split('\n').map(|l| l.strip_suffix('\r').unwrap_or(l));
        let start = start(lines.next().unwrap_or_default())?;
        let mut message = Self { start, headers: Vec::new(), body: Vec::new() };
        for line in lines.filter(|l| !l.is_empty()) {
            message.take_line(line)?;
        }
        message.take_body(body)?;
        Ok(message)
    }

    fn take_line(&mut self, line: &str) -> Result<(), Fault> {
        if line.starts_with([' ', '\t']) {
            // Folded: the line goes on (section 7.3.1).
            let (_, value) = self.headers.last_mut().ok_or(Fault::Header)?;
            value.push(' ');
            value.push_str(line.trim());
            return Ok(());
        }
        let (name, value) = line.split_once(':').ok_or(Fault::Header)?;
        let name = name.trim_end();
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(Fault::Header);
        }
        if self.headers.len() >= SIP_HEADERS {
            return Err(Fault::TooLarge);
        }
        self.headers.push((header::canonical(name), value.trim().to_owned()));
        Ok(())
    }

    fn take_body(&mut self, body: &[u8]) -> Result<(), Fault> {
        let length = match self.get(header::CONTENT_LENGTH) {
            Some(text) => text.trim().parse::<usize>().map_err(|_| Fault::Length)?,
            None => body.len(),
        };
        self.body = body.get(..length).ok_or(Fault::Length)?.to_vec();
        self.remove(header::CONTENT_LENGTH);
        Ok(())
    }
}

/// Headers and body, at the first empty line; bare LF is taken too.
pub(super) fn split_head(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut line_is_empty = false;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'\n' if line_is_empty => {
                let (head, body) = bytes.split_at_checked(at.saturating_add(1))?;
                return Some((head, body));
            }
            b'\n' => line_is_empty = true,
            b'\r' => {}
            _ => line_is_empty = false,
        }
    }
    None
}

fn start(line: &str) -> Result<Start, Fault> {
    if let Some(rest) = line.strip_prefix("SIP/") {
        let (version, rest) = rest.split_once(' ').ok_or(Fault::StartLine)?;
        if version != "2.0" {
            return Err(Fault::Version);
        }
        let (status, reason) = rest.split_once(' ').unwrap_or((rest, ""));
        let status = status.parse().ok().filter(|s| (100..700).contains(s)).ok_or(Fault::StartLine)?;
        return Ok(Start::Response { status, reason: reason.trim().to_owned() });
    }
    let (method, rest) = line.split_once(' ').ok_or(Fault::StartLine)?;
    let (uri, version) = rest.trim().rsplit_once(' ').ok_or(Fault::StartLine)?;
    if method.is_empty() || !method.bytes().all(is_token) || !version.starts_with("SIP/") {
        return Err(Fault::StartLine);
    }
    if version != "SIP/2.0" {
        return Err(Fault::Version);
    }
    let uri = Uri::parse(uri).ok_or(Fault::StartLine)?;
    Ok(Start::Request { method: Method::parse(method), uri })
}

/// RFC 3261 section 25.1, `token`.
pub(super) const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~')
}
