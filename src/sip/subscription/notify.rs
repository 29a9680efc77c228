//! NOTIFY: when, and what its answer means. RFC 6665 section 4.2.2.
use super::{Notifier, PACE, Package, State, Step, SubscriptionId, document};
use crate::sip::{ClientId, Flow};
use crate::util::time::Instant;
use crate::wire::sip::{Message, Method, header};
use std::time::Duration;

/// A NOTIFY is to be sent.
#[derive(Clone, Debug)]
pub struct Due {
    pub id: SubscriptionId,
    pub package: Package,
    /// The extension that is watched.
    pub resource: String,
    pub flow: Flow,
}

/// Answers after which the subscription is over: the phone knows it no more, or takes no NOTIFY (RFC 5057 section 5.1).
const OVER: [u16; 15] = [403, 404, 405, 406, 410, 415, 416, 480, 481, 482, 483, 484, 485, 489, 501];
/// Other refusals: once more after this time, three times.
const AGAIN: Duration = Duration::from_secs(10);
const FAILURES: u8 = 3;

impl Notifier {
    /// The next one that is due, until `None`. Those whose time is over end with a last NOTIFY.
    pub fn poll_due(&mut self, now: Instant) -> Option<Due> {
        self.all.retain(|_, s| s.step != Step::Lost || s.expires_at > now);
        for s in self.all.values_mut().filter(|s| s.step == Step::Idle && s.expires_at <= now) {
            s.ending = s.ending.or(Some("timeout"));
        }
        let (id, s) = self.all.iter().find(|(_, s)| s.due_at().is_some_and(|at| at <= now))?;
        Some(Due { id: *id, package: s.package, resource: s.resource.clone(), flow: s.flow })
    }

    /// Its connection is gone: nothing is sent before the phone is back.
    pub fn lost(&mut self, id: SubscriptionId) {
        match self.all.get_mut(&id) {
            Some(s) if s.ending.is_none() => s.step = Step::Lost,
            _ => {
                self.all.remove(&id);
            }
        }
    }

    /// The NOTIFY that shows `state`; `None`: that is what was shown last. `sent` or `not_sent` comes next.
    pub fn notify(&mut self, id: SubscriptionId, state: &State, now: Instant) -> Option<(Flow, Message)> {
        let s = self.all.get_mut(&id)?;
        s.wanted = false;
        let mark = state.mark();
        if s.shown == Some(mark) && s.ending.is_none() {
            return None;
        }
        let body = document::write(s.package, &s.entity, &s.resource, state, s.version, &s.listed);
        s.version = s.version.wrapping_add(1);
        s.shown = Some(mark);
        s.listed = state.ids();
        s.next_at = now + PACE;
        let mut request = s.dialog.request(Method::Notify);
        let left = s.expires_at.since(now).as_secs();
        let word = match s.ending {
            Some(reason) => format!("terminated;reason={reason}"),
            None => format!("active;expires={left}"),
        };
        request.push(header::CONTACT, format!("<{}>", s.contact));
        request.push(header::EVENT, s.event.as_str());
        request.push(header::SUBSCRIPTION_STATE, word);
        request.set_body(s.package.content_type(), body.into_bytes());
        let flow = s.flow;
        if s.ending.is_some() {
            self.all.remove(&id);
        }
        Some((flow, request))
    }

    /// The NOTIFY is on its way.
    pub fn sent(&mut self, id: SubscriptionId, client: ClientId) {
        if let Some(s) = self.all.get_mut(&id) {
            s.step = Step::Notifying(client);
        }
    }

    /// There was no room for it.
    pub fn not_sent(&mut self, id: SubscriptionId, now: Instant) {
        self.fail(id, AGAIN, now);
    }

    /// How a request of ours ended. False: it was none of these.
    pub fn handle_answer(&mut self, client: ClientId, answer: Answer, now: Instant) -> bool {
        let found = self.all.iter_mut().find(|(_, s)| s.step == Step::Notifying(client));
        let Some((id, s)) = found else { return false };
        let id = *id;
        s.step = Step::Idle;
        match answer {
            Answer::Final { status: 200..=299, .. } => s.failures = 0,
            Answer::Final { status, .. } if OVER.contains(&status) || status >= 600 => {
                self.all.remove(&id);
            }
            Answer::Final { wait, .. } => {
                let wait = wait.map_or(AGAIN, |s| Duration::from_secs(u64::from(s.min(600))));
                self.fail(id, wait, now);
            }
            Answer::NoWay => {
                s.shown = None;
                s.wanted = true;
                self.lost(id);
            }
            // It vanished.
            Answer::Silence => {
                self.all.remove(&id);
            }
        }
        true
    }

    fn fail(&mut self, id: SubscriptionId, wait: Duration, now: Instant) {
        let Some(s) = self.all.get_mut(&id) else { return };
        s.step = Step::Idle;
        s.failures = s.failures.saturating_add(1);
        s.shown = None;
        s.wanted = true;
        s.next_at = now + wait;
        if s.failures >= FAILURES {
            self.all.remove(&id);
        }
    }
}

/// What came of a NOTIFY.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// `wait`: seconds of Retry-After.
    Final { status: u16, wait: Option<u32> },
    /// Nothing in 32 seconds.
    Silence,
    /// Its connection is gone.
    NoWay,
}
