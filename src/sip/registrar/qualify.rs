//! Is the phone still there? OPTIONS now and then. Any final answer says yes (RFC 3261 section 11).
use super::{Binding, Change, Key, Reach, Registrar, tell};
use crate::sip::Flow;
use crate::util::time::Instant;
use crate::wire::sip::{Address, Message, Method, Uri, header};
use std::time::Duration;

/// Without an answer so often, a phone counts as away.
const FAILURES: u8 = 3;
/// After a failure the next question comes sooner.
const AGAIN: Duration = Duration::from_secs(10);
/// The owner's transaction has ended long before (Timer F is 32 s): an answer is not coming any more.
const LOST: Duration = Duration::from_secs(60);

/// An OPTIONS to send. `handle_qualified` wants the key back.
#[derive(Clone, Debug)]
pub struct Probe {
    pub key: Key,
    pub flow: Flow,
    /// Without Via, CSeq, Call-ID and tag: the sender adds them.
    pub request: Message,
}

/// What is known about reaching one binding.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    pub reach: Reach,
    interval: Option<Duration>,
    failures: u8,
    step: Step,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Waiting { until: Instant },
    Asked { at: Instant },
}

impl Watch {
    pub const fn new(interval: Option<Duration>, first_at: Instant) -> Self {
        Self { reach: Reach::Unknown, interval, failures: 0, step: Step::Waiting { until: first_at } }
    }

    pub fn due_at(&self) -> Option<Instant> {
        self.interval.map(|_| match self.step {
            Step::Waiting { until } => until,
            Step::Asked { at } => at + LOST,
        })
    }

    /// A REGISTER came: the phone is there.
    pub fn on_register(&mut self, interval: Option<Duration>, first_at: Instant) {
        if self.interval != interval {
            self.interval = interval;
            self.enter(Step::Waiting { until: first_at });
        }
        self.failures = 0;
        if self.reach == Reach::Unreachable {
            self.reach = Reach::Unknown;
        }
    }

    fn on_answer(&mut self, now: Instant) {
        if let Step::Asked { at } = self.step {
            self.failures = 0;
            self.reach = Reach::Reachable { rtt: now.since(at) };
            self.enter(Step::Waiting { until: now + self.interval.unwrap_or(LOST) });
        }
    }

    fn on_silence(&mut self, now: Instant) {
        if let Step::Asked { .. } = self.step {
            self.failures = self.failures.saturating_add(1);
            let interval = self.interval.unwrap_or(LOST);
            let is_away = self.failures >= FAILURES;
            if is_away {
                self.reach = Reach::Unreachable;
            }
            let wait = if is_away { interval } else { interval.min(AGAIN) };
            self.enter(Step::Waiting { until: now + wait });
        }
    }

    const fn enter(&mut self, step: Step) {
        self.step = step;
    }
}

impl Registrar {
    /// The next phone to ask, until `None`.
    pub fn poll_qualify(&mut self, now: Instant) -> Option<Probe> {
        let keys: Vec<Key> =
            self.all().filter(|(_, b)| b.asks_at().is_some_and(|at| at <= now)).map(|(_, b)| b.key).collect();
        for key in keys {
            let was_asked = self.find(key).is_some_and(|b| matches!(b.watch.step, Step::Asked { .. }));
            if was_asked {
                self.handle_qualified(key, false, now);
                continue;
            }
            let Some(binding) = self.find(key) else { continue };
            binding.watch.enter(Step::Asked { at: now });
            return Some(Probe { key, flow: binding.flow, request: options(binding) });
        }
        self.look_for_due();
        None
    }

    /// How the question ended: `is_answered` by any final response, or not at all.
    pub fn handle_qualified(&mut self, key: Key, is_answered: bool, now: Instant) {
        let Some(binding) = self.find(key) else { return };
        let was = binding.reach();
        if is_answered {
            binding.watch.on_answer(now);
        } else {
            binding.watch.on_silence(now);
        }
        let (reach, asks_at) = (binding.reach(), binding.asks_at());
        if let Some(at) = asks_at {
            self.note_due(at);
        }
        let change = match (was, reach) {
            (Reach::Unreachable, Reach::Reachable { .. }) => Change::Reachable,
            (Reach::Unknown | Reach::Reachable { .. }, Reach::Unreachable) => Change::Unreachable,
            _ => return,
        };
        let Some(binding) = self.find(key).map(|b| b.clone()) else { return };
        let aor = self.all().find(|(_, b)| b.key == key).map(|(aor, _)| aor.to_owned());
        tell(&mut self.events, &aor.unwrap_or_default(), change, &binding);
    }

    fn find(&mut self, key: Key) -> Option<&mut Binding> {
        self.aors.values_mut().flatten().find(|b| b.key == key)
    }
}

fn options(binding: &Binding) -> Message {
    let mut request = Message::request(Method::Options, binding.contact.clone());
    let local = binding.flow.local;
    let host = match local {
        std::net::SocketAddr::V4(at) => at.ip().to_string(),
        std::net::SocketAddr::V6(at) => format!("[{}]", at.ip()),
    };
    let us = Uri::sip(Some("tandem"), &host, Some(local.port()));
    request.push(header::FROM, Address::new(us).to_string());
    request.push(header::TO, Address::new(binding.contact.clone()).to_string());
    for hop in &binding.path {
        request.push(header::ROUTE, hop.as_str());
    }
    request
}
