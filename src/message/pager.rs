//! Texts from phone to phone (RFC 3428, page mode): handed on while the sender waits, or kept until the addressee is there.
//!
//! ```text
//! accept ─► live ──── delivered: 200 ──────────────► gone
//!             │ nobody there, or no answer soon
//!             └─► storing ─ on the medium: 202 ─► stored ─ delivered, refused, too old ─► gone, and its record
//! ```
//!
//! In the order in which they came, one at a time for each addressee.
use super::{DiskError, TextId, store};
use crate::util::hex;
use crate::util::limits::{PAGES, PAGES_BYTES, PAGES_PER_EXTENSION};
use crate::util::table::Table;
use crate::util::time::{Instant, Now, Wall};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::time::Duration;

/// A sender hears something within this time; phones give up after 32 s.
const LIVE: Duration = Duration::from_secs(4);
/// A phone that is registered and does not take a message is tried again after this time, or when it registers.
const AGAIN: Duration = Duration::from_secs(300);
/// Then nobody will fetch it.
const GIVE_UP: Duration = Duration::from_secs(7 * 86_400);
/// The least that a message waits after a start, whatever the wall clock says.
const AT_LEAST: Duration = Duration::from_secs(3_600);

/// One message.
#[derive(Clone, Debug)]
pub struct Page {
    /// Extensions.
    pub to: String,
    pub from: String,
    pub content_type: String,
    pub body: Vec<u8>,
    /// When it came.
    pub accepted: Wall,
    until: Instant,
    place: Place,
    sending: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The sender waits, until then.
    Live {
        until: Instant,
    },
    /// The sender waits for the medium.
    Storing,
    Stored,
}

/// How a try ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Some phone has it.
    Delivered,
    /// No phone of the addressee takes such a message: the status it said so with.
    Refused(u16),
    /// Not now.
    Later,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// To all phones of the addressee; `handle_outcome` answers.
    Send(TextId),
    Store {
        id: TextId,
        name: String,
        bytes: Vec<u8>,
    },
    Remove(TextId),
    /// What the sender hears.
    Answer {
        id: TextId,
        status: u16,
    },
}

/// All messages that nobody has yet.
#[derive(Debug, Default)]
pub struct Pager {
    all: Table<TextId, Page>,
    /// Addressees that are not tried before.
    pauses: Table<String, Instant>,
    last: u64,
    actions: VecDeque<Action>,
    /// Given up or refused after it was stored.
    pub dropped: u32,
}

impl Pager {
    #[must_use]
    pub fn file_name(id: TextId) -> String {
        format!("{id}.msg")
    }

    /// How many wait for this extension.
    #[must_use]
    pub fn waiting(&self, to: &str) -> usize {
        self.all.values().filter(|p| p.to == to).count()
    }

    /// `None`: there is no room.
    pub fn accept(
        &mut self,
        to: &str,
        from: &str,
        content_type: &str,
        body: &[u8],
        now: Now,
    ) -> Option<TextId> {
        let bytes: usize = self.all.values().map(|p| p.body.len()).sum();
        let theirs = self.waiting(to);
        if self.all.len() >= PAGES
            || theirs >= PAGES_PER_EXTENSION
            || bytes.saturating_add(body.len()) > PAGES_BYTES
        {
            return None;
        }
        self.last = self.last.wrapping_add(1);
        let id = TextId(self.last);
        let page = Page {
            to: to.to_owned(),
            from: from.to_owned(),
            content_type: content_type.to_owned(),
            body: body.to_vec(),
            accepted: now.wall,
            until: now.mono + GIVE_UP,
            place: Place::Live { until: now.mono + LIVE },
            sending: false,
        };
        self.all.insert(id, page);
        Some(id)
    }

    /// A record of an earlier run.
    pub fn load(&mut self, id: TextId, record: &Value, now: Now) -> bool {
        let text = |name: &str| record.get(name).and_then(Value::as_str).map(str::to_owned);
        let body = text("body").map(String::into_bytes).or_else(|| hex::decode(&text("hex")?).ok());
        let accepted = record.get("accepted").and_then(Value::as_i64).map(Wall);
        let (Some(to), Some(from), Some(content_type), Some(body), Some(accepted)) =
            (text("to"), text("from"), text("type"), body, accepted)
        else {
            return false;
        };
        let set = accepted.is_set() && now.wall.is_set();
        let waited = if set { now.wall.0.saturating_sub(accepted.0) } else { 0 };
        let waited = Duration::from_secs(u64::try_from(waited).unwrap_or(0));
        let until = now.mono + GIVE_UP.saturating_sub(waited).max(AT_LEAST);
        let place = Place::Stored;
        self.all.insert(id, Page { to, from, content_type, body, accepted, until, place, sending: false });
        self.last = self.last.max(id.0);
        true
    }

    #[must_use]
    pub fn page(&self, id: TextId) -> Option<&Page> {
        self.all.get(&id)
    }

    /// Stored for this extension.
    #[must_use]
    pub fn waiting_for(&self, name: &str) -> u32 {
        let stored = self.all.values().filter(|p| p.to == name && p.place == Place::Stored);
        u32::try_from(stored.count()).unwrap_or(u32::MAX)
    }

    /// A phone of this extension is there.
    pub fn wake(&mut self, name: &str) {
        self.pauses.remove(name);
    }

    /// Goes on with what can go on. `is_there`: some phone of an extension is registered.
    pub fn turn(&mut self, is_there: impl Fn(&str) -> bool, now: Instant) {
        self.pauses.retain(|_, until| *until > now);
        let mut ahead: Vec<String> = Vec::new();
        let mut gone = Vec::new();
        for (id, page) in self.all.iter_mut() {
            if page.until <= now && page.place == Place::Stored && !page.sending {
                gone.push(*id);
                continue;
            }
            let first = !ahead.contains(&page.to);
            let there = is_there(&page.to) && !self.pauses.contains_key(&page.to);
            if first {
                ahead.push(page.to.clone());
                if there && !page.sending {
                    page.sending = true;
                    self.actions.push_back(Action::Send(*id));
                }
            }
            if let Place::Live { until } = page.place
                && (!there || until <= now)
            {
                page.place = Place::Storing;
                self.actions.push_back(Action::Store {
                    id: *id,
                    name: Self::file_name(*id),
                    bytes: record(page),
                });
            }
        }
        for id in gone {
            self.dropped = self.dropped.saturating_add(1);
            self.remove(id);
        }
    }

    pub fn handle_stored(&mut self, id: TextId, result: Result<(), DiskError>) {
        let Some(page) = self.all.get_mut(&id).filter(|p| p.place == Place::Storing) else { return };
        match result {
            Ok(()) => {
                page.place = Place::Stored;
                self.actions.push_back(Action::Answer { id, status: 202 });
            }
            // It would be lost with the power: the sender shall know, and try again.
            Err(_) => {
                self.all.remove(&id);
                self.actions.push_back(Action::Answer { id, status: 480 });
            }
        }
    }

    pub fn handle_outcome(&mut self, id: TextId, outcome: Outcome, now: Instant) {
        let Some(page) = self.all.get_mut(&id) else { return };
        page.sending = false;
        let status = match outcome {
            Outcome::Delivered => 200,
            Outcome::Refused(status) => status,
            Outcome::Later => {
                self.pauses.insert(page.to.clone(), now + AGAIN);
                return;
            }
        };
        if page.place == Place::Stored {
            self.dropped = self.dropped.saturating_add(u32::from(status != 200));
        } else {
            self.actions.push_back(Action::Answer { id, status });
        }
        self.remove(id);
    }

    fn remove(&mut self, id: TextId) {
        let Some(page) = self.all.remove(&id) else { return };
        if !matches!(page.place, Place::Live { .. }) {
            self.actions.push_back(Action::Remove(id));
        }
    }

    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let pages = self.all.values().filter_map(|p| match p.place {
            Place::Live { until } => Some(until),
            Place::Stored if !p.sending => Some(p.until),
            _ => None,
        });
        pages.chain(self.pauses.values().copied()).min()
    }
}

fn record(page: &Page) -> Vec<u8> {
    let mut record =
        json!({"to": page.to, "from": page.from, "type": page.content_type, "accepted": page.accepted.0});
    match std::str::from_utf8(&page.body) {
        Ok(text) => record["body"] = text.into(),
        Err(_) => record["hex"] = hex::encode(&page.body).into(),
    }
    store::encode(&record)
}
