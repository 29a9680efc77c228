//! Who can be reached where: we answer REGISTER. RFC 3261 section 10.3, RFC 3327 (Path), RFC 5626 (instances).
//!
//! Pure: no transactions, no digest. The owner authenticates first and sends what comes back.
mod binding;
mod contact;
mod date;
mod kept;
mod qualify;
mod register;
mod same;

pub use binding::{Binding, Key, Reach};
pub use date::date;
pub use kept::Kept;
pub use qualify::Probe;
pub use same::is_same_uri;

use crate::sip::Flow;
use crate::util::limits::REGISTRAR_EVENTS;
use crate::util::random::{Random, Seed};
use crate::util::table::Table;
use crate::util::time::Instant;
use std::collections::VecDeque;
use std::time::Duration;

/// What the configuration says about one extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// A new contact beyond them pushes out the oldest.
    pub max_contacts: usize,
    /// How often a phone is asked by OPTIONS whether it is there. `None`: never.
    pub qualify: Option<Duration>,
    /// Shortest and longest registration, seconds: who asks for less or more gets these.
    pub expires: (u32, u32),
}

/// What became of a binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Registered,
    /// The phone refreshed from another address or connection.
    Moved,
    /// By the phone's own wish.
    Removed,
    /// The same phone came with another contact, or one contact too many.
    Replaced,
    Expired,
    /// Its TCP connection is gone.
    ConnectionLost,
    /// The extension is no more in the configuration.
    Forgotten,
    /// OPTIONS stay without an answer; the binding stays.
    Unreachable,
    Reachable,
}

/// For log and status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub aor: String,
    pub change: Change,
    pub key: Key,
    pub flow: Flow,
}

/// All bindings of all extensions.
#[derive(Debug)]
pub struct Registrar {
    /// Each list in the order in which to ring: by `q`, then the freshest.
    aors: Table<String, Vec<Binding>>,
    events: VecDeque<Event>,
    random: Random,
    last_key: u64,
    /// Nothing is due before: no look at every binding for each REGISTER.
    due: Option<Instant>,
    /// Other phones, or at other places, than when it was asked last.
    is_changed: bool,
}

impl Registrar {
    #[must_use]
    pub fn new(seed: Seed) -> Self {
        Self {
            aors: Table::new(),
            events: VecDeque::new(),
            random: Random::new(seed),
            last_key: 0,
            due: None,
            is_changed: false,
        }
    }

    // `register` stands in register.rs, `poll_qualify` and `handle_qualified` in qualify.rs.

    /// Where an extension can be reached, in the order in which to ring: by `q`, then the freshest.
    pub fn bindings(&self, aor: &str) -> impl Iterator<Item = &Binding> {
        self.aors.get(aor).into_iter().flatten()
    }

    /// Every binding with its extension, for status.
    pub fn all(&self) -> impl Iterator<Item = (&str, &Binding)> {
        self.aors.iter().flat_map(|(aor, list)| list.iter().map(move |b| (aor.as_str(), b)))
    }

    /// The connection `flow_id` is gone: so are the bindings that came by it.
    pub fn flow_closed(&mut self, flow_id: u32) {
        self.remove_where(Change::ConnectionLost, |_, b| {
            b.flow.transport.is_reliable() && b.flow.id == flow_id
        });
    }

    /// The extension is gone from the configuration.
    pub fn forget(&mut self, aor: &str) {
        self.remove_of(aor, Change::Forgotten, |_| true);
    }

    /// Drops what has expired.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.due.is_some_and(|due| due <= now) {
            self.remove_where(Change::Expired, |_, b| b.expires_at <= now);
            self.look_for_due();
        }
    }

    fn look_for_due(&mut self) {
        self.due = self.all().flat_map(|(_, b)| [Some(b.expires_at), b.asks_at()]).flatten().min();
    }

    /// Something is due then, perhaps earlier than all else.
    fn note_due(&mut self, at: Instant) {
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    /// Whether phones came, moved or went since this was asked last.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.is_changed)
    }

    /// When `handle_timeout` and then `poll_qualify` are wanted next, at the latest.
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Of one extension: the others cost nothing.
    fn remove_of(&mut self, aor: &str, change: Change, is_gone: impl Fn(&Binding) -> bool) {
        let Some(list) = self.aors.get_mut(aor) else { return };
        let (events, before) = (&mut self.events, list.len());
        list.retain(|b| {
            let is_gone = is_gone(b);
            if is_gone {
                tell(events, aor, change, b);
            }
            !is_gone
        });
        self.is_changed |= list.len() < before;
        if list.is_empty() {
            self.aors.remove(aor);
        }
    }

    fn remove_where(&mut self, change: Change, is_gone: impl Fn(&str, &Binding) -> bool) {
        let (events, is_changed) = (&mut self.events, &mut self.is_changed);
        self.aors.retain(|aor, list| {
            list.retain(|b| {
                let is_gone = is_gone(aor, b);
                if is_gone {
                    *is_changed = true;
                    tell(events, aor, change, b);
                }
                !is_gone
            });
            !list.is_empty()
        });
    }
}

fn tell(events: &mut VecDeque<Event>, aor: &str, change: Change, binding: &Binding) {
    if events.len() >= REGISTRAR_EVENTS {
        events.pop_front();
    }
    events.push_back(Event { aor: aor.to_owned(), change, key: binding.key, flow: binding.flow });
}

#[cfg(test)]
mod tests;
