//! One text to one target: its state, and the record of all of a text's deliveries on disk.
use super::text::TextId;
use crate::config::Target;
use crate::util::text::one_line;
use crate::util::time::{Instant, Wall};
use serde_json::{Value, json};
use std::time::Duration;

/// What is delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    Text,
    /// The news that the text did not reach another target, and what the server said.
    Notice {
        about: String,
        reply: String,
    },
}

/// Where a delivery stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Tried at `next_at` at the earliest, and not while the server is down.
    Waiting {
        next_at: Instant,
    },
    Sending,
    Sent {
        reply: String,
        at: Wall,
    },
    /// 5xx: a person must look.
    Refused {
        reply: String,
    },
    /// Given up after `give_up`.
    Failed {
        reply: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub target: Target,
    pub what: What,
    pub state: State,
    pub attempts: u32,
    /// What the server said last.
    pub last_reply: Option<String>,
    /// How long it has waited, router off not counted: the clock may jump, this does not.
    pub waited: Duration,
    /// `waited` was counted up to here.
    pub counted_at: Instant,
    /// The `waited` on disk.
    saved_wait: Duration,
}

/// `waited` goes to disk when it has grown so much: a week of retries costs 28 small writes.
const SAVE_EVERY: Duration = Duration::from_secs(6 * 3_600);

impl Delivery {
    #[must_use]
    pub fn new(target: Target, what: What, now: Instant) -> Self {
        Self {
            target,
            what,
            state: State::Waiting { next_at: now },
            attempts: 0,
            last_reply: None,
            waited: Duration::ZERO,
            counted_at: now,
            saved_wait: Duration::ZERO,
        }
    }

    /// Nothing more happens to it by itself.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(self.state, State::Sent { .. } | State::Refused { .. } | State::Failed { .. })
    }

    #[must_use]
    pub const fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting { .. } | State::Sending)
    }

    /// Count the wait up to `now`; true when it should go to disk.
    pub fn count_wait(&mut self, now: Instant) -> bool {
        self.waited = self.waited.saturating_add(now.since(self.counted_at));
        self.counted_at = now;
        let save = self.waited.saturating_sub(self.saved_wait) >= SAVE_EVERY;
        if save {
            self.saved_wait = self.waited;
        }
        save
    }

    /// Try it again at once, as a person asked or the server's section changed.
    pub fn renew(&mut self, now: Instant) {
        if !matches!(self.state, State::Sent { .. } | State::Sending) {
            *self = Self {
                last_reply: self.last_reply.take(),
                ..Self::new(self.target.clone(), self.what.clone(), now)
            };
        }
    }

    /// The word for `sms list`.
    #[must_use]
    pub const fn state_name(&self) -> &'static str {
        match self.state {
            State::Waiting { .. } => "waiting",
            State::Sending => "sending",
            State::Sent { .. } => "sent",
            State::Refused { .. } => "refused",
            State::Failed { .. } => "failed",
        }
    }

    #[must_use]
    pub fn reply(&self) -> Option<&str> {
        match &self.state {
            State::Sent { reply, .. } | State::Refused { reply } | State::Failed { reply } => Some(reply),
            _ => self.last_reply.as_deref(),
        }
    }

    fn record(&self) -> Value {
        let mut record = json!({
            "to": self.target.to_string(),
            "state": if self.is_waiting() { "waiting" } else { self.state_name() },
            "attempts": self.attempts,
            "waited": self.waited.as_secs(),
        });
        if let Some(reply) = self.reply() {
            record["reply"] = one_line(reply, 200).into();
        }
        if let State::Sent { at, .. } = self.state {
            record["at"] = at.0.into();
        }
        if let What::Notice { about, reply } = &self.what {
            record["about"] = about.as_str().into();
            record["said"] = one_line(reply, 200).into();
        }
        record
    }

    fn from_record(record: &Value, now: Instant) -> Option<Self> {
        let word = |key| record.get(key).and_then(Value::as_str).map(str::to_owned);
        let number = |key| record.get(key).and_then(Value::as_u64).unwrap_or(0);
        let what = match (word("about"), word("said")) {
            (Some(about), reply) => What::Notice { about, reply: reply.unwrap_or_default() },
            _ => What::Text,
        };
        let reply = word("reply").unwrap_or_default();
        let at = Wall(record.get("at").and_then(Value::as_i64).unwrap_or(0));
        let mut delivery = Self::new(Target::parse(record.get("to")?.as_str()?)?, what, now);
        delivery.attempts = u32::try_from(number("attempts")).unwrap_or(u32::MAX);
        delivery.waited = Duration::from_secs(number("waited"));
        delivery.saved_wait = delivery.waited;
        match record.get("state")?.as_str()? {
            "sent" => delivery.state = State::Sent { reply, at },
            "refused" => delivery.state = State::Refused { reply },
            "failed" => delivery.state = State::Failed { reply },
            _ => delivery.last_reply = (!reply.is_empty()).then_some(reply),
        }
        Some(delivery)
    }
}

/// The deliveries of one text.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Deliveries {
    /// How many parts the text had when they were begun: when more come, it is delivered again as a whole.
    pub parts: u8,
    pub all: Vec<Delivery>,
}

impl Deliveries {
    #[must_use]
    pub fn file_name(text: TextId) -> String {
        format!("{text}.done")
    }

    #[must_use]
    pub fn record(&self) -> Value {
        json!({"parts": self.parts, "deliveries": self.all.iter().map(Delivery::record).collect::<Vec<_>>()})
    }

    #[must_use]
    pub fn from_record(record: &Value, now: Instant) -> Option<Self> {
        let parts = u8::try_from(record.get("parts")?.as_u64()?).ok()?;
        let all = record.get("deliveries")?.as_array()?;
        Some(Self { parts, all: all.iter().filter_map(|d| Delivery::from_record(d, now)).collect() })
    }

    /// Every delivery has ended.
    #[must_use]
    pub fn are_final(&self) -> bool {
        self.all.iter().all(Delivery::is_final)
    }

    /// The word for the text as a whole.
    #[must_use]
    pub fn state_name(&self) -> &'static str {
        let any = |test: fn(&Delivery) -> bool| self.all.iter().filter(|d| d.what == What::Text).any(test);
        if any(Delivery::is_waiting) {
            "waiting"
        } else if any(|d| matches!(d.state, State::Refused { .. })) {
            "refused"
        } else if any(|d| matches!(d.state, State::Failed { .. })) {
            "failed"
        } else if any(|d| matches!(d.state, State::Sent { .. })) {
            "sent"
        } else {
            "kept"
        }
    }
}
