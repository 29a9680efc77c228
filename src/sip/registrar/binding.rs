//! One contact of one extension.
use super::qualify::Watch;
use super::same::is_same_uri;
use crate::sip::Flow;
use crate::util::time::Instant;
use crate::wire::sip::{Params, Uri};
use std::time::Duration;

/// Names a binding for its whole life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub(super) u64);

/// What OPTIONS say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Not asked, or not answered yet.
    Unknown,
    /// Any answer counts; the time it took.
    Reachable {
        rtt: Duration,
    },
    Unreachable,
}

/// AOR → Contact with expiry.
#[derive(Clone, Debug)]
pub struct Binding {
    pub key: Key,
    /// The Request-URI for this phone.
    pub contact: Uri,
    /// The Contact's own parameters, `expires` left out; every answer shows them.
    pub params: Params,
    /// Which way its REGISTER came and requests go: right for phones behind NAT.
    pub flow: Flow,
    pub expires_at: Instant,
    /// The last REGISTER.
    pub last_seen: Instant,
    /// One line, cut.
    pub user_agent: String,
    /// `+sip.instance`, with its brackets, without quotes.
    pub instance: Option<String>,
    pub reg_id: Option<u32>,
    /// In thousandths, 0 to 1000. Higher rings first, equal ones together.
    pub q: u16,
    /// Route set for requests, topmost first (RFC 3327).
    pub path: Vec<String>,
    pub(super) call_id: String,
    pub(super) cseq: u32,
    pub(super) watch: Watch,
}

impl Binding {
    #[must_use]
    pub const fn reach(&self) -> Reach {
        self.watch.reach
    }

    /// The same phone: the same instance where both name one (RFC 5626 section 6), else the same URI.
    pub(super) fn is_of(&self, contact: &Uri, instance: Option<&str>, reg_id: Option<u32>) -> bool {
        match (self.instance.as_deref(), instance) {
            (Some(ours), Some(theirs)) => ours == theirs && self.reg_id == reg_id,
            _ => is_same_uri(&self.contact, contact),
        }
    }

    /// As a 200 lists it, with the seconds that remain.
    pub(super) fn listed(&self, now: Instant) -> String {
        let left = self.expires_at.since(now);
        // The last begun second counts, or a phone would hear 3599 at once.
        let seconds = left.as_secs().saturating_add(u64::from(left.subsec_micros() > 0));
        format!("<{}>{};expires={seconds}", self.contact, self.params)
    }

    pub(super) fn asks_at(&self) -> Option<Instant> {
        self.watch.due_at()
    }
}
