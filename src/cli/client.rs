//! One request through the control socket.
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

pub enum Failure {
    Unreachable(String),
    /// The daemon's words.
    Refused(String),
}

/// The daemon answers at once but for `sms send`, which waits for the flash, and `ussd`, which waits for the network.
const PATIENCE: Duration = Duration::from_secs(100);
/// An answer is a page of texts at most.
const ANSWER: u64 = 16 * 1_024 * 1_024;

/// Ask, and wait for the answer.
pub fn request(socket: &Path, method: &str, params: &Value) -> Result<Value, Failure> {
    let line = exchange(socket, &json!({"id": 1, "method": method, "params": params}))
        .map_err(|why| Failure::Unreachable(words(&why)))?;
    let mut answer: Value = serde_json::from_str(&line)
        .map_err(|_| Failure::Unreachable("its answer can't be read; is it another version?".to_owned()))?;
    if let Some(message) = answer.pointer("/error/message").and_then(Value::as_str) {
        return Err(Failure::Refused(message.to_owned()));
    }
    Ok(answer["result"].take())
}

/// The daemon ends a connection on which nothing is asked for five minutes.
#[cfg(feature = "office")]
const STILL_HERE: Duration = Duration::from_secs(120);

/// Ask, and take what comes until `each` says no or the daemon ends. `each` gets the answer with its `result` first.
#[cfg(feature = "office")]
pub fn follow(
    socket: &Path,
    method: &str,
    params: &Value,
    mut each: impl FnMut(&Value) -> bool,
) -> Result<(), Failure> {
    let begin = || -> std::io::Result<_> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(STILL_HERE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        (&stream)
            .write_all(format!("{}\n", json!({"id": 1, "method": method, "params": params})).as_bytes())?;
        Ok(stream)
    };
    let stream = begin().map_err(|why| Failure::Unreachable(words(&why)))?;
    let (mut reader, mut line) = (BufReader::new(&stream), Vec::new());
    loop {
        match reader.read_until(b'\n', &mut line) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(why)
                if matches!(why.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) =>
            {
                if (&stream).write_all(b"{\"method\":\"version\"}\n").is_ok() {
                    continue;
                }
                return Ok(());
            }
            Err(why) => return Err(Failure::Unreachable(words(&why))),
        }
        let answer: Value = serde_json::from_slice(&line).unwrap_or_default();
        line.clear();
        if let Some(message) = answer.pointer("/error/message").and_then(Value::as_str) {
            return Err(Failure::Refused(message.to_owned()));
        }
        // That to `version` is of nobody's interest.
        let is_ours = answer.get("id").is_none_or(|id| !id.is_null());
        if is_ours && !each(&answer) {
            return Ok(());
        }
    }
}

fn words(why: &std::io::Error) -> String {
    match why.kind() {
        std::io::ErrorKind::PermissionDenied => "no permission: be root or in group 'tandem'".to_owned(),
        std::io::ErrorKind::NotFound | std::io::ErrorKind::ConnectionRefused => {
            format!("{why}: is it running?")
        }
        _ => why.to_string(),
    }
}

fn exchange(socket: &Path, request: &Value) -> std::io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(format!("{request}\n").as_bytes())?;
    let mut line = String::new();
    BufReader::new(stream.take(ANSWER)).read_line(&mut line)?;
    if line.is_empty() {
        return Err(std::io::Error::other("it hung up without an answer"));
    }
    Ok(line)
}
