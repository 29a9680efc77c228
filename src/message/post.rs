//! The post office: which text goes to which server next, and what becomes of it. States and retries as in
//! ARCHITECTURE.md: 4xx and network again, 1 minute growing to 1 hour, for `give_up`; 5xx refused.
use super::delivery::{Deliveries, Delivery, State, What};
use super::mail::Outcome;
use super::store;
use super::text::TextId;
use crate::config::{Smtp, Target};
use crate::util::pii::Pii;
use crate::util::table::Table;
use crate::util::text::one_line;
use crate::util::time::{Instant, Now};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

const FIRST_PAUSE: Duration = Duration::from_secs(60);
const LONGEST_PAUSE: Duration = Duration::from_secs(3_600);

/// What the post office asks for or tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Write the record of this text's deliveries.
    Store { text: TextId, name: String, bytes: Vec<u8> },
    /// All its deliveries have ended.
    Finished(TextId),
}

/// One try, to be made now.
#[derive(Clone, Debug)]
pub struct Job {
    pub text: TextId,
    /// Which of its deliveries.
    pub index: usize,
    pub server: Arc<Smtp>,
    pub target: Target,
    pub what: What,
    /// Another one for this server follows.
    pub more: bool,
}

/// A mail server as it has shown itself.
#[derive(Debug)]
struct Server {
    section: Arc<Smtp>,
    health: Health,
}

/// Whether it takes mail.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Health {
    Up,
    /// Not tried before `until`; `pause` doubles with each failure.
    Down {
        until: Instant,
        pause: Duration,
        reason: String,
    },
}

/// For `status`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerView {
    pub name: String,
    pub state: &'static str,
    pub reason: Option<String>,
    pub waiting: usize,
    pub next_try: Option<Instant>,
}

#[derive(Debug, Default)]
pub struct Post {
    servers: Table<String, Server>,
    deliveries: Table<TextId, Deliveries>,
    /// Texts with something to deliver, oldest first.
    waiting: VecDeque<TextId>,
    /// The text whose try is under way: the one delivery of it that is `Sending`, unless it was dropped meanwhile.
    sending: Option<TextId>,
    actions: VecDeque<Action>,
}

impl Post {
    /// The mail servers of the configuration. One whose section changed is tried at once, with what it refused before: the change may be the cure.
    pub fn set_servers(&mut self, sections: &[Smtp], now: Instant) {
        let mut changed = Table::new();
        let old = std::mem::take(&mut self.servers);
        for section in sections.iter().filter(|s| s.enabled) {
            match old.get(&section.name) {
                Some(server) if *server.section == *section => {
                    let server = Server { section: server.section.clone(), health: server.health.clone() };
                    self.servers.insert(section.name.clone(), server);
                }
                known => {
                    if known.is_some() {
                        changed.insert(section.name.clone(), ());
                    }
                    let server = Server { section: Arc::new(section.clone()), health: Health::Up };
                    self.servers.insert(section.name.clone(), server);
                }
            }
        }
        let again: Vec<TextId> = self.deliveries.keys().copied().collect();
        for text in again {
            self.renew(text, now, |d| {
                changed.contains_key(d.target.server()) && !matches!(d.state, State::Sent { .. })
            });
        }
    }

    /// What the disk says of a text's deliveries.
    pub fn load(&mut self, text: TextId, deliveries: Deliveries) {
        self.deliveries.insert(text, deliveries);
    }

    /// Deliver a text of which `parts` are there. Does nothing when that was done already; when more parts came since, the
    /// text goes out again as a whole.
    pub fn deliver(&mut self, text: TextId, parts: u8, targets: &[Target], now: Now) {
        let fresh = || Deliveries {
            parts,
            all: targets.iter().map(|t| Delivery::new(t.clone(), What::Text, now.mono)).collect(),
        };
        match self.deliveries.get_mut(&text) {
            Some(known) if known.parts >= parts => {
                if known.are_final() {
                    self.actions.push_back(Action::Finished(text));
                    return;
                }
                retarget(known, targets, now.mono);
            }
            _ => {
                let fresh = fresh();
                let nothing_to_do = fresh.all.is_empty();
                self.deliveries.insert(text, fresh);
                if nothing_to_do {
                    self.save(text);
                }
            }
        }
        self.enlist(text);
    }

    /// The configuration changed: waiting deliveries follow it, ended ones stay.
    pub fn retarget(&mut self, text: TextId, targets: &[Target], now: Instant) {
        if let Some(known) = self.deliveries.get_mut(&text).filter(|d| !d.are_final()) {
            retarget(known, targets, now);
            self.enlist(text);
        }
    }

    /// A person wants this text delivered now. False: there is nothing to deliver.
    pub fn retry(&mut self, text: TextId, now: Instant) -> bool {
        for server in self.deliveries.get(&text).map(|d| d.all.as_slice()).unwrap_or_default() {
            if let Some(server) = self.servers.get_mut(server.target.server())
                && let Health::Down { until, .. } = &mut server.health
            {
                *until = now;
            }
        }
        self.renew(text, now, |d| !matches!(d.state, State::Sent { .. }))
    }

    fn renew(&mut self, text: TextId, now: Instant, which: impl Fn(&Delivery) -> bool) -> bool {
        let Some(known) = self.deliveries.get_mut(&text) else { return false };
        let mut any = false;
        for delivery in known.all.iter_mut().filter(|d| which(d)) {
            delivery.renew(now);
            any = true;
        }
        if any {
            self.enlist(text);
        }
        any
    }

    pub fn remove(&mut self, text: TextId) {
        self.deliveries.remove(&text);
        self.waiting.retain(|t| *t != text);
    }

    /// The next try, if one is due and none is under way.
    pub fn poll_job(&mut self, now: Instant) -> Option<Job> {
        if self.sending.is_some() {
            return None;
        }
        let (text, index) = self.waiting.iter().find_map(|t| self.due(*t, now).map(|i| (*t, i)))?;
        let delivery = self.deliveries.get_mut(&text)?.all.get_mut(index)?;
        delivery.state = State::Sending;
        delivery.attempts = delivery.attempts.saturating_add(1);
        let (target, what) = (delivery.target.clone(), delivery.what.clone());
        self.sending = Some(text);
        let server = self.servers.get(target.server())?.section.clone();
        let more = self.waiting.iter().filter(|t| **t != text).any(|t| {
            let index = self.due(*t, now);
            let next = index.and_then(|i| self.deliveries.get(t)?.all.get(i));
            next.is_some_and(|d| d.target.server() == target.server())
        });
        Some(Job { text, index, server, target, what, more })
    }

    /// The first delivery of `text` that is due.
    fn due(&self, text: TextId, now: Instant) -> Option<usize> {
        self.deliveries.get(&text)?.all.iter().position(|d| {
            let ready = matches!(d.state, State::Waiting { next_at } if next_at <= now);
            ready && self.servers.get(d.target.server()).is_some_and(|s| s.is_due(now))
        })
    }

    /// How the try under way ended. `elsewhere`: targets that could hear of a failure.
    pub fn handle_outcome(&mut self, outcome: &Outcome, elsewhere: &[Target], now: Now) {
        let Some(text) = self.sending.take() else { return };
        // Not by a place noted before: more parts or a new configuration may have changed the list.
        let sending = |d: &Delivery| d.state == State::Sending;
        let Some(known) = self.deliveries.get_mut(&text) else { return };
        let Some(index) = known.all.iter().position(sending) else { return };
        let Some(delivery) = known.all.get_mut(index) else { return };
        let server = delivery.target.server().to_owned();
        let mut save = delivery.count_wait(now.mono);
        let give_up = self.servers.get(&server).map_or(Duration::MAX, |s| s.section.give_up);
        let pause = pause_after(delivery.attempts);
        delivery.last_reply = Some(one_line(outcome.words(), 200));
        delivery.state = match outcome {
            Outcome::Accepted { reply } => State::Sent { reply: one_line(reply, 200), at: now.wall },
            Outcome::Refused { reply } => State::Refused { reply: one_line(reply, 200) },
            Outcome::Deferred { reply } | Outcome::Unreachable { reason: reply }
                if delivery.waited >= give_up =>
            {
                State::Failed { reply: one_line(reply, 200) }
            }
            Outcome::Deferred { .. } => State::Waiting { next_at: now.mono + pause },
            // The server's own pause decides.
            Outcome::Unreachable { .. } => State::Waiting { next_at: now.mono },
        };
        log_outcome(text, delivery, outcome);
        save |= delivery.is_final();
        let failed = matches!(delivery.state, State::Refused { .. } | State::Failed { .. });
        if failed {
            self.give_notice(text, index, elsewhere, now.mono);
        }
        if let Some(server) = self.servers.get_mut(&server) {
            server.on_outcome(outcome, now.mono);
        }
        if save {
            self.save(text);
        }
        self.delist_if_final(text);
    }

    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.sending.is_some() {
            return None;
        }
        self.waiting.iter().filter_map(|t| self.next_try(*t)).min()
    }

    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    #[must_use]
    pub fn deliveries(&self, text: TextId) -> Option<&Deliveries> {
        self.deliveries.get(&text)
    }

    /// Texts with something left to deliver.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// When this delivery is tried next.
    #[must_use]
    pub fn next_try_of(&self, delivery: &Delivery) -> Option<Instant> {
        let State::Waiting { next_at } = delivery.state else { return None };
        let server = self.servers.get(delivery.target.server())?;
        Some(match &server.health {
            Health::Up => next_at,
            Health::Down { until, .. } => next_at.max(*until),
        })
    }

    fn next_try(&self, text: TextId) -> Option<Instant> {
        self.deliveries.get(&text)?.all.iter().filter_map(|d| self.next_try_of(d)).min()
    }

    pub fn servers(&self) -> impl Iterator<Item = ServerView> + '_ {
        self.servers.iter().map(|(name, server)| {
            let mine = |d: &&Delivery| d.is_waiting() && d.target.server() == name;
            let waiting = self
                .waiting
                .iter()
                .filter_map(|t| self.deliveries.get(t))
                .map(|d| d.all.iter().filter(mine).count())
                .sum();
            let sending = self.sending.and_then(|t| self.deliveries.get(&t)).is_some_and(|d| {
                d.all.iter().any(|d| d.state == State::Sending && d.target.server() == name)
            });
            let (state, reason, next_try) = match &server.health {
                Health::Down { reason, until, .. } => ("down", Some(reason.clone()), Some(*until)),
                Health::Up if sending => ("sending", None, None),
                Health::Up => ("idle", None, None),
            };
            ServerView { name: name.clone(), state, reason, waiting, next_try }
        })
    }

    fn enlist(&mut self, text: TextId) {
        let open = self.deliveries.get(&text).is_some_and(|d| !d.are_final());
        if !open {
            self.delist_if_final(text);
        } else if !self.waiting.contains(&text) {
            self.waiting.push_back(text);
        }
    }

    fn delist_if_final(&mut self, text: TextId) {
        if self.deliveries.get(&text).is_some_and(Deliveries::are_final) {
            self.waiting.retain(|t| *t != text);
            self.actions.push_back(Action::Finished(text));
        }
    }

    fn save(&mut self, text: TextId) {
        if let Some(deliveries) = self.deliveries.get(&text) {
            let bytes = store::encode(&deliveries.record());
            self.actions.push_back(Action::Store { text, name: Deliveries::file_name(text), bytes });
        }
    }

    /// Tell of a failure once, by the first other target that is not in trouble with this text itself.
    fn give_notice(&mut self, text: TextId, index: usize, elsewhere: &[Target], now: Instant) {
        let Some(known) = self.deliveries.get_mut(&text) else { return };
        let Some(failed) = known.all.get(index).filter(|d| d.what == What::Text) else { return };
        let (about, reply) = (failed.target.clone(), failed.reply().unwrap_or_default().to_owned());
        let in_trouble = |t: &Target| {
            known
                .all
                .iter()
                .any(|d| d.target == *t && matches!(d.state, State::Refused { .. } | State::Failed { .. }))
        };
        if let Some(other) = elsewhere.iter().find(|t| **t != about && !in_trouble(t)).cloned() {
            let what = What::Notice { about: about.to_string(), reply };
            known.all.push(Delivery::new(other, what, now));
        }
    }
}

impl Server {
    fn is_due(&self, now: Instant) -> bool {
        match &self.health {
            Health::Up => true,
            Health::Down { until, .. } => *until <= now,
        }
    }

    fn on_outcome(&mut self, outcome: &Outcome, now: Instant) {
        let name = &self.section.name;
        let was_down = matches!(self.health, Health::Down { .. });
        let Outcome::Unreachable { reason } = outcome else {
            if was_down {
                log::info!("mail server '{name}' is back");
            }
            self.health = Health::Up;
            return;
        };
        let pause = match &self.health {
            Health::Up => FIRST_PAUSE,
            Health::Down { pause, .. } => pause.saturating_mul(2).min(LONGEST_PAUSE),
        };
        let reason = one_line(reason, 200);
        if !was_down {
            log::warn!("mail server '{name}' is down: {reason}; texts wait");
        }
        self.health = Health::Down { until: now + pause, pause, reason };
    }
}

/// Waiting deliveries to targets that are gone are dropped, new targets added.
fn retarget(known: &mut Deliveries, targets: &[Target], now: Instant) {
    known.all.retain(|d| {
        !matches!(d.state, State::Waiting { .. }) || d.what != What::Text || targets.contains(&d.target)
    });
    for target in targets {
        if !known.all.iter().any(|d| d.what == What::Text && d.target == *target) {
            known.all.push(Delivery::new(target.clone(), What::Text, now));
        }
    }
}

/// 1, 2, 4 … minutes, at most an hour.
fn pause_after(attempts: u32) -> Duration {
    let doublings = attempts.saturating_sub(1).min(6);
    FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE)
}

fn log_outcome(text: TextId, delivery: &Delivery, outcome: &Outcome) {
    let to = delivery.target.address();
    let (to, server) = (Pii(to), delivery.target.server());
    let words = one_line(outcome.words(), 120);
    match &delivery.state {
        State::Sent { .. } => log::info!("text {text} is with mail server '{server}' for {to}: {words}"),
        State::Refused { .. } => log::error!("text {text} was refused by mail server '{server}': {words}"),
        State::Failed { .. } => log::error!("text {text} is given up: {words}"),
        _ => log::debug!("text {text} waits: {words}"),
    }
}
