//! Who wants to know what: the notifier's side of SUBSCRIBE and NOTIFY. RFC 6665; packages: RFC 4235 (dialog), RFC 3842
//! (message-summary), RFC 3856 (presence).
//!
//! ```text
//! SUBSCRIBE ─► handle_subscribe ─► 200, and a NOTIFY is due
//! changed ─────────────────────► a NOTIFY is due where what is shown differs
//! poll_due ─► notify ─► NOTIFY ─► sent ─► handle_answer ─► idle, or the end
//! ```
//!
//! The owner authenticates first. One NOTIFY of a subscription is under way at a time, one in half a second goes out: what comes
//! meanwhile waits, and the newest state wins.
mod document;
mod notify;
mod state;
mod subscribe;
#[cfg(test)]
mod tests;

pub use notify::{Answer, Due};
pub use state::{Direction, Party, Seen, Stage, State, Summary};
pub use subscribe::Sender;

use crate::sip::dialog::Dialog;
use crate::sip::{ClientId, Flow};
use crate::util::random::{Random, Seed};
use crate::util::table::Table;
use crate::util::time::Instant;
use crate::wire::sip::{Message, Uri, header};
use std::time::Duration;

/// Names a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SubscriptionId(u32);

/// An event package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Package {
    /// Lamps: who is in a call.
    Dialog,
    /// How many messages wait.
    MessageSummary,
    /// Whether somebody is there.
    Presence,
}

/// Name in Event, content type of its documents.
const PACKAGES: [(Package, &str, &str); 3] = [
    (Package::Dialog, "dialog", "application/dialog-info+xml"),
    (Package::MessageSummary, "message-summary", "application/simple-message-summary"),
    (Package::Presence, "presence", "application/pidf+xml"),
];

/// Value of Allow-Events.
pub const ALLOW_EVENTS: &str = "dialog, message-summary, presence";

impl Package {
    /// What `Event: dialog;id=7` names.
    #[must_use]
    pub fn of(request: &Message) -> Option<Self> {
        let event = request.get(header::EVENT)?.split(';').next()?.trim();
        PACKAGES.iter().find(|(_, name, _)| name.eq_ignore_ascii_case(event)).map(|(package, ..)| *package)
    }

    fn content_type(self) -> &'static str {
        PACKAGES.iter().find(|(package, ..)| *package == self).map_or("", |(.., content_type)| content_type)
    }
}

/// A NOTIFY of one subscription comes this long after the one before.
const PACE: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Idle,
    /// A NOTIFY is under way.
    Notifying(ClientId),
    /// Its connection is gone: the phone comes back by another, or it expires.
    Lost,
}

#[derive(Debug)]
struct Subscription {
    /// The extension that proved itself.
    watcher: String,
    /// The extension that is watched.
    resource: String,
    package: Package,
    /// Event as it came, with its `id`.
    event: String,
    /// What is watched as the phone wrote it.
    entity: Uri,
    dialog: Dialog,
    flow: Flow,
    /// Ours.
    contact: Uri,
    expires_at: Instant,
    /// Of the next document.
    version: u32,
    /// Of what was shown last.
    shown: Option<u64>,
    /// Calls shown last, to be shown as ended once.
    listed: Vec<String>,
    wanted: bool,
    /// Not before.
    next_at: Instant,
    step: Step,
    /// Why it ends with the next NOTIFY.
    ending: Option<&'static str>,
    failures: u8,
}

impl Subscription {
    fn due_at(&self) -> Option<Instant> {
        match self.step {
            Step::Idle if self.ending.is_some() => Some(self.next_at),
            Step::Idle if self.wanted => Some(self.next_at.min(self.expires_at)),
            Step::Idle | Step::Lost => Some(self.expires_at),
            // The transaction ends by itself.
            Step::Notifying(_) => None,
        }
    }
}

/// All subscriptions.
#[derive(Debug)]
pub struct Notifier {
    all: Table<SubscriptionId, Subscription>,
    last: u32,
    random: Random,
}

impl Notifier {
    #[must_use]
    pub const fn new(seed: Seed) -> Self {
        Self { all: Table::new(), last: 0, random: Random::new(seed) }
    }

    // `handle_subscribe` stands in subscribe.rs, `poll_due`, `notify`, `sent` and `handle_answer` in notify.rs.

    #[must_use]
    pub const fn count(&self) -> usize {
        self.all.len()
    }

    /// How many look at this extension.
    #[must_use]
    pub fn watching(&self, resource: &str) -> usize {
        self.all.values().filter(|s| s.resource == resource).count()
    }

    /// Somebody looks at one of these.
    #[must_use]
    pub fn watches(&self, packages: &[Package]) -> bool {
        self.all.values().any(|s| packages.contains(&s.package))
    }

    /// Something may have changed: who was shown another state hears of it.
    pub fn changed(&mut self, packages: &[Package], state: impl Fn(Package, &str) -> State) {
        for s in self.all.values_mut().filter(|s| packages.contains(&s.package)) {
            // What the first NOTIFY shows is not known yet.
            let Some(shown) = s.shown else { continue };
            s.wanted = state(s.package, &s.resource).mark() != shown;
        }
    }

    /// A phone registered: its subscriptions go where it is now. `contact`: as registered.
    pub fn follow(&mut self, watcher: &str, contact: &Uri, flow: Flow) {
        for s in self.all.values_mut().filter(|s| s.watcher == watcher) {
            let same_host = s.flow.remote.ip() == flow.remote.ip();
            let same = crate::sip::registrar::is_same_uri(s.dialog.remote_target(), contact);
            if same || (s.step == Step::Lost && same_host) {
                s.flow = flow;
                if s.step == Step::Lost {
                    s.step = Step::Idle;
                    s.wanted = true;
                }
            }
        }
    }

    /// An extension is gone from the configuration: nobody watches it, and it watches nobody.
    pub fn forget(&mut self, name: &str) {
        for s in self.all.values_mut() {
            if s.watcher == name || s.resource == name {
                s.ending = Some("noresource");
            }
        }
    }

    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.all.values().filter_map(Subscription::due_at).min()
    }
}
