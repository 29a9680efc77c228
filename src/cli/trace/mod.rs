//! `tandem trace`: what the daemon says and hears, as a ladder and as a capture file.
mod ladder;
mod pcap;

use super::client::{self, Failure};
use super::show::{number, word};
use crate::util::text::one_line;
use ladder::{Arrow, Ladder};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::Path;

/// What `tandem trace` was told.
pub struct Order<'a> {
    pub socket: &'a Path,
    pub call: Option<u32>,
    pub all: bool,
    pub file: Option<&'a Path>,
    pub as_json: bool,
}

/// Follows until the daemon ends or the user does.
///
/// # Errors
/// As `client::follow`; `Refused` too when the file can't be written.
pub fn run(order: &Order<'_>) -> Result<(), Failure> {
    let mut file = match order.file {
        Some(path) => {
            Some(create(path).map_err(|why| Failure::Refused(format!("{}: {why}", path.display())))?)
        }
        None => None,
    };
    let (mut ladder, mut began) = (Ladder::default(), (0_i64, 0_i64));
    let mut trouble = None;
    let params = json!({"call": order.call, "all": order.all});
    client::follow(order.socket, "trace", &params, |answer| {
        if let Some(begin) = answer.get("result") {
            began = (number(begin, "wall"), number(begin, "at_us"));
            return true;
        }
        let text = if order.as_json {
            format!("{answer}\n")
        } else if let Some(event) = answer.get("event") {
            let at_us = wall_us(began, event);
            if let Some(file) = &mut file
                && let Err(why) = write(file, at_us, event)
            {
                trouble = Some(why.to_string());
                return false;
            }
            lines(&mut ladder, at_us, event)
        } else {
            match number(answer, "lost") {
                0 => String::new(),
                lost => format!("... {lost} messages came faster than they could be shown ...\n"),
            }
        };
        // A reader that closes the pipe has seen enough.
        io::stdout().lock().write_all(text.as_bytes()).is_ok()
    })?;
    trouble.map_or(Ok(()), |why| Err(Failure::Refused(format!("the file can't be written: {why}"))))
}

fn create(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = File::options();
    // Who telephones with whom is for its owner's eyes.
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
    pcap::begin(&mut file)?;
    Ok(file)
}

/// Microseconds since 1970 of an event.
fn wall_us((wall, base): (i64, i64), event: &Value) -> u64 {
    let since = number(event, "at_us").saturating_sub(base);
    u64::try_from(wall.saturating_mul(1_000_000).saturating_add(since)).unwrap_or(0)
}

fn write(file: &mut File, at_us: u64, event: &Value) -> io::Result<()> {
    let address = |name| word(event, name).parse::<SocketAddr>().ok();
    let (Some(local), Some(remote)) = (address("local"), address("remote")) else { return Ok(()) };
    let (from, to) = if word(event, "direction") == "out" { (local, remote) } else { (remote, local) };
    pcap::packet(file, at_us, from, to, word(event, "message").as_bytes())
}

fn lines(ladder: &mut Ladder, at_us: u64, event: &Value) -> String {
    let (seconds, millis) = (at_us / 1_000_000, at_us / 1_000 % 1_000);
    let time =
        format!("{:02}:{:02}:{:02}.{millis:03}", seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    let who = event.get("who").and_then(Value::as_str).unwrap_or_default();
    ladder.line(&Arrow {
        time: &time,
        out: word(event, "direction") == "out",
        remote: word(event, "remote"),
        who: &one_line(who, 40),
        call: event.get("call").and_then(Value::as_u64),
        label: &ladder::label(word(event, "message")),
    })
}
