//! One connection's bytes: TCP or TLS, with an end to every wait and to every line.
//!
//! lettre's own transport bounds each read only, and a line only once it has ended: a server that sends one byte a
//! minute would hold the worker for ever, one that never ends its line would fill the memory.
#![allow(clippy::disallowed_methods, reason = "sockets need the real clock; this is io")]
use crate::util::text::one_line;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Longest line of a reply. RFC 5321 section 4.5.3.1.5 says 512; some servers write more.
const LINE_BYTES: usize = 2_048;
/// Lines of one reply: an EHLO answer has about twelve.
const REPLY_LINES: usize = 100;
/// Characters of a reply that are kept, shown and stored.
const REPLY_CHARS: usize = 300;

/// A server's answer to one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Three digits, 200 to 599.
    pub code: u16,
    /// What follows the code, line by line; bounded.
    pub lines: Vec<String>,
}

impl Reply {
    /// One line for people: `550 5.1.1 no such user`.
    pub fn text(&self) -> String {
        one_line(&format!("{} {}", self.code, self.lines.join(" ")), REPLY_CHARS)
    }
}

/// A socket whose waits end together at `step_ends`, however many reads a step takes.
pub struct Guarded {
    tcp: TcpStream,
    step_ends: Instant,
}

impl Guarded {
    fn left(&self) -> io::Result<Duration> {
        match self.step_ends.saturating_duration_since(Instant::now()) {
            Duration::ZERO => Err(io::ErrorKind::TimedOut.into()),
            // A time-out of less than a microsecond would be rounded to "none".
            left => Ok(left.max(Duration::from_millis(1))),
        }
    }
}

impl Read for Guarded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.tcp.set_read_timeout(Some(self.left()?))?;
        self.tcp.read(buffer)
    }
}

impl Write for Guarded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.tcp.set_write_timeout(Some(self.left()?))?;
        self.tcp.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

enum Stream {
    Plain(Guarded),
    #[cfg(feature = "tls")]
    Tls(Box<rustls::StreamOwned<rustls::ClientConnection, Guarded>>),
}

trait ReadWrite: Read + Write {}
impl<T: Read + Write> ReadWrite for T {}

/// A connection to a server: replies in, lines out.
pub struct Link {
    stream: Stream,
    /// Received and not read yet; at most one read more than a line.
    received: Vec<u8>,
    attempt_ends: Instant,
}

impl Link {
    /// Connects to the first of `addresses` that answers within `step`; all of it ends after `attempt`.
    pub fn connect(addresses: &[SocketAddr], step: Duration, attempt: Duration) -> io::Result<Self> {
        let attempt_ends = Instant::now() + attempt;
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in addresses {
            let left = attempt_ends.saturating_duration_since(Instant::now()).min(step);
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            match TcpStream::connect_timeout(address, left) {
                Ok(tcp) => {
                    // A dialogue of short lines: Nagle and delayed acknowledgements would add 40 ms to each.
                    tcp.set_nodelay(true)?;
                    let step_ends = (Instant::now() + step).min(attempt_ends);
                    let stream = Stream::Plain(Guarded { tcp, step_ends });
                    return Ok(Self { stream, received: Vec::new(), attempt_ends });
                }
                Err(e) => last = e,
            }
        }
        Err(last)
    }

    /// The next mail on a kept connection has its own time.
    pub fn begin_attempt(&mut self, attempt: Duration) {
        self.attempt_ends = Instant::now() + attempt;
    }

    /// From now on one step: it and all its reads and writes end after `limit`.
    pub fn begin_step(&mut self, limit: Duration) {
        let step_ends = (Instant::now() + limit).min(self.attempt_ends);
        match &mut self.stream {
            Stream::Plain(guarded) => guarded.step_ends = step_ends,
            #[cfg(feature = "tls")]
            Stream::Tls(tls) => tls.sock.step_ends = step_ends,
        }
    }

    fn tcp(&self) -> &TcpStream {
        match &self.stream {
            Stream::Plain(guarded) => &guarded.tcp,
            #[cfg(feature = "tls")]
            Stream::Tls(tls) => &tls.sock.tcp,
        }
    }

    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp().local_addr()
    }

    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.tcp().peer_addr()
    }

    /// Shakes hands for TLS; from here on all bytes are encrypted.
    ///
    /// # Errors
    /// The handshake's; also when the server had already sent bytes in clear that would be read as if encrypted.
    #[cfg(feature = "tls")]
    pub fn into_tls(self, mut client: rustls::ClientConnection) -> io::Result<Self> {
        if !self.received.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "bytes in clear after STARTTLS"));
        }
        let Stream::Plain(mut guarded) = self.stream else {
            return Err(io::ErrorKind::AlreadyExists.into());
        };
        while client.is_handshaking() {
            let (read, written) = client.complete_io(&mut guarded)?;
            if read == 0 && written == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let stream = Stream::Tls(Box::new(rustls::StreamOwned::new(client, guarded)));
        Ok(Self { stream, ..self })
    }

    fn stream(&mut self) -> &mut dyn ReadWrite {
        match &mut self.stream {
            Stream::Plain(guarded) => guarded,
            #[cfg(feature = "tls")]
            Stream::Tls(tls) => tls,
        }
    }

    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream().write_all(bytes)?;
        self.stream().flush()
    }

    /// One reply, all its lines. RFC 5321 section 4.2.
    pub fn reply(&mut self) -> io::Result<Reply> {
        let mut lines = Vec::new();
        loop {
            let line = self.line()?;
            let (code, text, last) = reply_line(&line)
                .ok_or_else(|| garbage(format!("no SMTP reply: '{}'", one_line(&line, 80))))?;
            lines.push(text.to_owned());
            if last {
                return Ok(Reply { code, lines });
            }
            if lines.len() >= REPLY_LINES {
                return Err(garbage("a reply without end".to_owned()));
            }
        }
    }

    /// One line without its end; bytes that are no UTF-8 are replaced.
    fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.received.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.received.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned());
            }
            if self.received.len() > LINE_BYTES {
                return Err(garbage("a line without end".to_owned()));
            }
            self.receive()?;
        }
    }

    fn receive(&mut self) -> io::Result<()> {
        let mut chunk = [0; 1_024];
        match self.stream().read(&mut chunk) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                self.received.extend_from_slice(chunk.get(..count).unwrap_or_default());
                Ok(())
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(e) => Err(e),
        }
    }
}

fn garbage(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Code, text, and whether it is the last line: `250-SIZE` is not, `250 ok` and `250` are.
fn reply_line(line: &str) -> Option<(u16, &str, bool)> {
    let code = line.get(..3).filter(|c| c.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()?;
    let rest = line.get(3..)?;
    let (text, last) = match rest.bytes().next() {
        None => ("", true),
        Some(b' ') => (rest.get(1..)?, true),
        Some(b'-') => (rest.get(1..)?, false),
        Some(_) => return None,
    };
    (200..600).contains(&code).then_some((code, text, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reply_lines() {
        for (line, want) in [
            ("250 ok", Some((250, "ok", true))),
            ("250-  ", Some((250, "  ", false))),
            ("354", Some((354, "", true))),
            ("550-5.1.1 no", Some((550, "5.1.1 no", false))),
            ("", None),
            ("25", None),
            ("25é", None),
            ("250é", None),
            ("+50 x", None),
            ("999 x", None),
            ("HTTP/1.1 400 Bad Request", None),
        ] {
            assert_eq!(reply_line(line), want, "{line:?}");
        }
    }
}
