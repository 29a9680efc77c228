//! The AT interpreter: `engine` takes bytes and gives bytes, the other files carry the commands out.

mod basic;
mod calls;
mod engine;
mod network;
mod parse;
mod sim;
mod sms;
mod ussd;

pub use engine::Engine;
pub use sms::PduInput;

use std::time::Duration;

use crate::stick::Event;

/// How an extended command was written: `+X`, `+X?`, `+X=?`, `+X=…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Bare,
    Query,
    Test,
    Set,
}

/// The final result of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Ok,
    Error,
    Cme(u16),
    Cms(u16),
    Text(&'static str),
    /// No answer at all; the engine is free again.
    Silent,
    /// `> ` for a TPDU of so many octets.
    Prompt(usize),
}

/// What a command answers and what it sets off.
#[derive(Debug)]
pub struct Answer {
    pub info: Vec<String>,
    pub end: End,
    /// Time until the answer, instead of the profile's usual one.
    pub wait: Option<Duration>,
    /// Time for each line of `info` (a list read out of the SIM).
    pub pace: Option<Duration>,
    /// What happens after the final result.
    pub after: Vec<(Duration, Event)>,
}

impl Answer {
    pub fn new(end: End) -> Answer {
        Answer { info: Vec::new(), end, wait: None, pace: None, after: Vec::new() }
    }

    pub fn ok() -> Answer {
        Answer::new(End::Ok)
    }

    pub fn error() -> Answer {
        Answer::new(End::Error)
    }

    pub fn line(text: impl Into<String>) -> Answer {
        let mut answer = Answer::ok();
        answer.info.push(text.into());
        answer
    }

    pub fn after(mut self, wait: Duration, event: Event) -> Answer {
        self.after.push((wait, event));
        self
    }

    pub fn takes(mut self, wait: Duration) -> Answer {
        self.wait = Some(wait);
        self
    }
}

/// The arguments of a set command: split at commas outside quotes, quotes taken off.
pub fn arguments(text: &str) -> Vec<String> {
    let mut out = vec![String::new()];
    let mut quoted = false;
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => out.push(String::new()),
            ' ' if !quoted => {}
            c => {
                if let Some(last) = out.last_mut() {
                    last.push(c);
                }
            }
        }
    }
    out
}
