//! What an extension does with its calls: do not disturb, forwarding, call waiting.
use super::fields::Fields;

/// When a call is forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForwardWhen {
    /// `forward_always`
    Always,
    /// `forward_busy`
    Busy,
    /// `forward_no_answer`, after the extension's `timeout`.
    NoAnswer,
    /// `forward_unreachable`: no phone is registered, or none answers.
    Unreachable,
}

impl ForwardWhen {
    pub const ALL: [Self; 4] = [Self::Always, Self::Busy, Self::NoAnswer, Self::Unreachable];

    /// In the command line and the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Busy => "busy",
            Self::NoAnswer => "no_answer",
            Self::Unreachable => "unreachable",
        }
    }

    const fn key(self) -> &'static str {
        match self {
            Self::Always => "forward_always",
            Self::Busy => "forward_busy",
            Self::NoAnswer => "forward_no_answer",
            Self::Unreachable => "forward_unreachable",
        }
    }

    const fn place(self) -> usize {
        match self {
            Self::Always => 0,
            Self::Busy => 1,
            Self::NoAnswer => 2,
            Self::Unreachable => 3,
        }
    }
}

/// Of one extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Features {
    /// `dnd`, default 0: its phones do not ring, callers hear that it is busy.
    pub dnd: bool,
    /// `call_waiting`, default 1. With 0 it is busy while it has a call.
    pub call_waiting: bool,
    /// Numbers as the extension would dial them.
    pub(super) forward: [Option<String>; 4],
}

impl Default for Features {
    fn default() -> Self {
        Self { dnd: false, call_waiting: true, forward: [const { None }; 4] }
    }
}

impl Features {
    pub(super) fn from_uci(fields: &mut Fields<'_>) -> Self {
        Self {
            dnd: fields.flag("dnd"),
            call_waiting: fields.flag("call_waiting"),
            forward: ForwardWhen::ALL.map(|when| fields.text(when.key())),
        }
    }

    #[must_use]
    pub fn forward(&self, when: ForwardWhen) -> Option<&str> {
        self.forward.get(when.place())?.as_deref()
    }

    pub fn set_forward(&mut self, when: ForwardWhen, number: Option<String>) {
        if let Some(place) = self.forward.get_mut(when.place()) {
            *place = number;
        }
    }
}
