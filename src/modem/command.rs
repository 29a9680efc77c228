//! A command and its answer.
use crate::wire::at::Final;
use std::time::Duration;

/// One AT command as it goes to the stick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Without the CR.
    pub text: String,
    /// Prefix of its information lines (`+CSQ:`), so that a notification in between is not taken for an answer.
    pub prefix: &'static str,
    /// Lines without a prefix belong to the answer: ATI, +CGSN, the PDU below +CMGR.
    pub bare: bool,
    pub timeout: Duration,
    /// Hexadecimal PDU that follows the prompt, TS 27.005 3.5.1; with its own time-out.
    pub pdu: Option<(String, Duration)>,
    /// The text must not be logged (PIN, service code).
    pub secret: bool,
    /// ATD or ATA: NO CARRIER, BUSY and relatives are its answer. The number must not be logged.
    pub calls: bool,
}

/// Set or query without network: DONGLE 2.9b.
const QUICK: Duration = Duration::from_secs(5);
/// From prompt to +CMGS. The network may take its time.
const SUBMIT: Duration = Duration::from_secs(60);

impl Command {
    /// A command without information lines.
    #[must_use]
    pub fn set(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            prefix: "\0",
            bare: false,
            timeout: QUICK,
            pdu: None,
            secret: false,
            calls: false,
        }
    }

    /// A command whose answer has `prefix`.
    #[must_use]
    pub fn query(text: impl Into<String>, prefix: &'static str) -> Self {
        Self { prefix, ..Self::set(text) }
    }

    /// A command answered by bare lines.
    #[must_use]
    pub fn bare(text: impl Into<String>) -> Self {
        Self { bare: true, ..Self::set(text) }
    }

    /// AT+CMGS with its PDU. `tpdu_len`: octets without the SMSC field.
    #[must_use]
    pub fn submit(tpdu_len: usize, pdu_hex: String) -> Self {
        Self {
            pdu: Some((pdu_hex, SUBMIT)),
            timeout: Duration::from_secs(10),
            ..Self::query(format!("AT+CMGS={tpdu_len}"), "+CMGS:")
        }
    }

    #[must_use]
    pub const fn within(mut self, seconds: u64) -> Self {
        self.timeout = Duration::from_secs(seconds);
        self
    }

    #[must_use]
    pub const fn with_bare_lines(mut self) -> Self {
        self.bare = true;
        self
    }

    #[must_use]
    pub const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// ATD or ATA.
    #[must_use]
    pub fn call(text: impl Into<String>) -> Self {
        Self { calls: true, ..Self::set(text) }
    }

    /// What may stand in a log.
    #[must_use]
    pub fn shown(&self) -> &str {
        if self.calls {
            return self.text.get(..3).unwrap_or("AT");
        }
        match self.text.split_once('=') {
            Some((head, _)) if self.secret => head,
            _ => &self.text,
        }
    }
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    Done {
        lines: Vec<String>,
        result: Final,
    },
    /// Nobody knows: the answer did not come in time, or the port went away. Whether the command was carried out is open.
    Lost,
    /// The prompt for a PDU did not come; the PDU was not written, so nothing was sent.
    NoPrompt,
}

impl Reply {
    #[must_use]
    pub const fn is_ok(&self) -> bool {
        matches!(self, Self::Done { result: Final::Ok, .. })
    }

    /// The information lines of a good answer.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        match self {
            Self::Done { lines, result: Final::Ok } => lines,
            _ => &[],
        }
    }

    /// The first line with this prefix.
    #[must_use]
    pub fn line(&self, prefix: &str) -> Option<&str> {
        self.lines().iter().find(|l| l.starts_with(prefix)).map(String::as_str)
    }
}
