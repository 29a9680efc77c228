//! What a subscription shows.
use crate::util::hash;
use crate::util::limits::DIALOGS_SHOWN;

/// Who began a call, from the watched side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Initiator,
    Recipient,
}

/// RFC 4235 section 3.7.1, as far as phones show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    Trying,
    Early,
    Confirmed,
}

impl Stage {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trying => "trying",
            Self::Early => "early",
            Self::Confirmed => "confirmed",
        }
    }
}

/// A name and a number, as strangers may have written them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    pub display: Option<String>,
    /// `None`: withheld.
    pub number: Option<String>,
}

/// One call of the watched extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The same as long as the call lasts.
    pub id: String,
    pub direction: Direction,
    pub stage: Stage,
    /// Call-ID, the phone's tag and ours, of a call that rings there: who may look at the lamp can take it by Replaces (RFC 3891).
    pub replaces: Option<[String; 3]>,
    pub local: Party,
    pub remote: Party,
    /// The phone holds the call.
    pub held: bool,
}

/// Messages that wait: new and old ones. RFC 3842.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Voice messages.
    pub voice: (u32, u32),
    /// Text messages.
    pub text: (u32, u32),
}

/// Of one extension, for one package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Calls(Vec<Seen>),
    Messages(Summary),
    /// `registered`: some phone can be reached; `busy`: in a call.
    Presence {
        registered: bool,
        busy: bool,
    },
}

impl State {
    /// Differs where what is shown differs.
    #[must_use]
    pub fn mark(&self) -> u64 {
        match self {
            Self::Messages(s) => {
                let counts = [s.voice.0, s.voice.1, s.text.0, s.text.1].map(u32::to_be_bytes);
                hash::of(&[counts.as_flattened()])
            }
            Self::Presence { registered, busy } => hash::of(&[&[u8::from(*registered), u8::from(*busy)]]),
            Self::Calls(calls) => calls.iter().fold(hash::of(&[]), |sum, call| {
                let ids = call.replaces.as_ref().map_or("", |[_, theirs, _]| theirs);
                let bits = [call.stage as u8, call.direction as u8, u8::from(call.held)];
                let text = |text: &Option<String>| text.clone().unwrap_or_default().into_bytes();
                let (number, display) = (text(&call.remote.number), text(&call.remote.display));
                hash::of(&[&sum.to_be_bytes(), &bits, call.id.as_bytes(), ids.as_bytes(), &number, &display])
            }),
        }
    }

    /// Of the calls it shows.
    pub(super) fn ids(&self) -> Vec<String> {
        match self {
            Self::Calls(calls) => calls.iter().take(DIALOGS_SHOWN).map(|c| c.id.clone()).collect(),
            _ => Vec::new(),
        }
    }
}
