//! JSON lines over a Unix socket: both the daemon and the stick speak them.
use crate::wait::patience;
use serde_json::Value;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// One connection.
pub struct JsonLines {
    reader: BufReader<UnixStream>,
}

impl JsonLines {
    /// # Errors
    /// The socket's.
    pub fn connect(path: &Path) -> io::Result<Self> {
        let stream = UnixStream::connect(path)?;
        stream.set_read_timeout(Some(patience(30.0)))?;
        stream.set_write_timeout(Some(patience(30.0)))?;
        Ok(Self { reader: BufReader::new(stream) })
    }

    /// One request, one answer.
    ///
    /// # Errors
    /// The socket's; `UnexpectedEof` when the other side has gone.
    pub fn ask(&mut self, request: &Value) -> io::Result<Value> {
        let mut line = request.to_string();
        line.push('\n');
        self.reader.get_mut().write_all(line.as_bytes())?;
        let mut answer = String::new();
        if self.reader.read_line(&mut answer)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        serde_json::from_str(&answer).map_err(io::Error::other)
    }

    /// The stream itself, for what is no request.
    #[must_use]
    pub fn stream(&mut self) -> &mut UnixStream {
        self.reader.get_mut()
    }
}
