//! Calls of one stick: one at a time, in or out. `machine` holds the states, `commands` what is sent and what its answer means,
//! `progress` what the stick says unasked, `listing` what `AT+CLCC` shows, `voice` the port of the sound, `digits` the tones.
//!
//! A stick loses notifications, gives them in any order or never had them. So each state is left by what was heard *or* by
//! what `AT+CLCC` shows, and whatever begins ends with exactly one `CallEvent::Ended`.
mod commands;
mod digits;
mod listing;
mod machine;
mod number;
mod progress;
mod voice;

pub use commands::Job;
pub use machine::Calls;
pub use number::Caller;
pub use voice::candidates;

use crate::wire::at::Final;

/// Whether the called side sees our number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clir {
    /// As the SIM's contract says.
    #[default]
    Default,
    Hide,
    Show,
}

/// Why a call was not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialRefused {
    /// No stick in service, or no network.
    NotReady,
    /// A call is up, or on its way up or down.
    Busy,
    /// Not a number: other characters than digits, `*`, `#` and a leading `+`, none or too many of them, or a service
    /// code (`**21*…#`), which the stick would carry out instead of calling.
    BadNumber,
}

/// Where the call stands, for status and decisions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    #[default]
    Idle,
    /// Somebody calls the SIM.
    Ringing,
    /// `answer` was asked for; the stick has not said that it is.
    Answering,
    Dialling,
    /// The far phone rings.
    Alerting,
    Connected,
    /// On its way down; the stick has not said that it is.
    Ending,
}

impl Phase {
    /// The word for `status`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Ringing => "ringing",
            Self::Answering => "answering",
            Self::Dialling => "dialling",
            Self::Alerting => "alerting",
            Self::Connected => "connected",
            Self::Ending => "ending",
        }
    }
}

/// The call, for status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallView<'a> {
    pub phase: Phase,
    pub incoming: bool,
    /// Dialled, or the caller's where it is known.
    pub number: Option<&'a str>,
    /// Sound flows, as far as the port has shown.
    pub voice: bool,
}

/// What a call's owner hears of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallEvent {
    /// Somebody calls. Told once, at most 1.5 s after the first RING.
    Incoming { caller: Caller },
    /// The network works on the dialled call. Not every stick says so.
    Originated,
    /// The far phone rings. Not every stick says so.
    Alerting,
    /// Answered, by either side.
    Connected,
    /// Samples come from `Modem::voice_port` and may be written there; before `Connected` that is early media. Told
    /// again when another port is tried.
    VoiceOpen,
    /// The call is up, but no port brings sound.
    NoVoice,
    /// The stick did not send this tone.
    DigitRefused(char),
    /// Exactly once for each `Incoming` and each accepted `dial`.
    Ended(End),
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    pub by: EndedBy,
    /// Huawei's end_status, DONGLE 3.4.
    pub status: Option<u8>,
    /// Cause of 3GPP TS 24.008 section 10.5.4.11. Missing on some sticks.
    pub cause: Option<u8>,
    /// Since it was answered.
    pub seconds: u32,
}

/// Who ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedBy {
    /// The other side hung up, is busy, does not answer or refuses.
    Far,
    /// `Modem::hangup`.
    Us,
    /// The network, or the stick for lack of one.
    Network,
    /// Nothing was said of its end; `AT+CLCC` shows it no more.
    Vanished,
    /// Dialled while a call came in, which won.
    Collision,
    /// The stick, its SIM or its command engine went.
    StickLost,
    /// ATD or ATA was answered by this.
    Refused(Final),
}

impl End {
    /// An end without a word from the network.
    #[must_use]
    pub const fn bare(by: EndedBy) -> Self {
        Self { by, status: None, cause: None, seconds: 0 }
    }
}
