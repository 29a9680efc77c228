//! Phones over a restart: who was registered is written now and then, and rings again at once after the next start.
use super::storing::Purpose;
use super::{Switch, net};
use crate::message::{Change, store};
use crate::sip::Transport;
use crate::sip::registrar::{Kept, Policy};
use crate::util::limits::REGISTRATIONS_KEPT;
use crate::util::time::{Instant, Now};
use serde_json::{Value, json};
use std::time::Duration;

/// In `state_dir`.
pub(super) const FILE: &str = "phones.reg";
/// The flash is spared: a crash costs the phones of the last hour, which come back by themselves.
const PAUSE: Duration = Duration::from_secs(3_600);
/// After the start all phones come; then it is written once.
const FIRST: Duration = Duration::from_secs(60);

/// What is to be written, and what an earlier run left.
#[derive(Debug, Default)]
pub struct Keeping {
    /// They wait until a socket of ours leads to them.
    waiting: Vec<Kept>,
    is_due: bool,
    earliest: Option<Instant>,
}

impl Keeping {
    pub fn note(&mut self, started: Instant) {
        self.is_due = true;
        self.earliest = self.earliest.or(Some(started + FIRST));
    }

    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.earliest.filter(|_| self.is_due)
    }

    /// False: it is no record of ours.
    pub fn load(&mut self, record: &Value) -> bool {
        let Some(all) = record.get("phones").and_then(Value::as_array) else { return false };
        self.waiting = all.iter().take(REGISTRATIONS_KEPT).filter_map(Kept::parse).collect();
        true
    }
}

impl Switch {
    pub(super) fn policy(&self, extension: &crate::config::Extension) -> Policy {
        let sip = &self.loaded.config.sip;
        let seconds = |wait: Duration| u32::try_from(wait.as_secs()).unwrap_or(u32::MAX);
        Policy {
            max_contacts: usize::from(extension.max_contacts),
            qualify: extension.qualify,
            expires: (seconds(sip.min_expires), seconds(sip.max_expires)),
        }
    }

    /// A socket of ours is open: phones of the earlier run that it leads to are there again.
    pub(super) fn restore_phones(&mut self, now: Now) {
        for kept in std::mem::take(&mut self.kept.waiting) {
            let way = net::Way { transport: Transport::Udp, remote: kept.remote, local: kept.local };
            let policy = self.loaded.config.extension(&kept.aor).map(|extension| self.policy(extension));
            match (policy, self.udp_flow(way)) {
                (Some(policy), Some(flow)) => self.registrar.restore(&kept, policy, flow, now.mono),
                (Some(_), None) => self.kept.waiting.push(kept),
                // No longer in the configuration.
                (None, _) => {}
            }
        }
        let _ = self.registrar.take_changed();
        self.tell_registrar_news();
    }

    /// An hour has passed since the last time, and phones have come, moved or gone.
    pub(super) fn keep_phones(&mut self, now: Now) {
        if self.kept.poll_timeout().is_some_and(|at| at <= now.mono) {
            self.write_phones(now);
        }
    }

    /// The process is about to end: what is not on the disk yet goes there. `is_stored` says when it is.
    pub fn handle_end(&mut self, now: Now) {
        if self.kept.is_due {
            self.write_phones(now);
        }
    }

    fn write_phones(&mut self, now: Now) {
        self.kept.is_due = false;
        self.kept.earliest = Some(now.mono + PAUSE);
        let all = self.registrar.kept().chain(self.kept.waiting.iter().cloned()).take(REGISTRATIONS_KEPT);
        let phones: Vec<Value> = all.map(|kept| kept.record()).collect();
        let bytes = store::encode(&json!({"phones": phones}));
        self.store(Purpose::Registrations, Change::Write { name: FILE.to_owned(), bytes });
    }
}
