//! Lamps and message counts: what phones subscribed to, shown from the calls and messages there are.
use super::Switch;
use super::calls::Call;
use super::calls::{Leg, Party as CallParty, Phase, Side, State as SideState};
use crate::message::pager::Pager;
use crate::sip::registrar::Registrar;
use crate::sip::subscription::{
    Answer, Direction, Notifier, Package, Party, Seen, Sender, Stage, State, Summary,
};
use crate::sip::{ClientId, Flow, SessionId};
use crate::util::random::Seed;
use crate::util::time::Now;
use crate::wire::sdp;
use crate::wire::sip::{Message, header};

/// Who watches, and whether they may have to hear something.
#[derive(Debug)]
pub struct Presence {
    pub notifier: Notifier,
    /// A call, a registration or a message changed since the lamps were set.
    pub stale: bool,
}

impl Presence {
    pub const fn new(seed: Seed) -> Self {
        Self { notifier: Notifier::new(seed), stale: false }
    }
}

impl Switch {
    /// SUBSCRIBE of a phone, which proves its password as for any request.
    pub(super) fn on_subscribe(&mut self, request: &Message, flow: Flow, now: Now) -> Message {
        let extension = match self.authenticate(request, flow, now) {
            Ok(extension) => extension,
            Err(response) => return *response,
        };
        let contact = self.contact(flow, None);
        let extensions = &self.loaded.config.extensions;
        let find = |package, user: Option<String>| match user {
            // `sip:tandem`: its own messages.
            None if package == Package::MessageSummary => Ok(extension.name.clone()),
            Some(user) if extensions.iter().any(|e| e.enabled && e.name == user) => {
                let foreign = package == Package::MessageSummary && user != extension.name;
                if foreign { Err(403) } else { Ok(user) }
            }
            _ => Err(404),
        };
        let sender = Sender { name: &extension.name, flow, contact: &contact };
        self.presence.notifier.handle_subscribe(request, sender, find, now.mono)
    }

    /// The answer to a NOTIFY of ours; false: it was another request.
    pub(super) fn on_notified(&mut self, id: ClientId, answer: Answer, now: Now) -> bool {
        self.presence.notifier.handle_answer(id, answer, now.mono)
    }

    /// NOTIFYs that are due. True when there was something.
    pub(super) fn turn_presence(&mut self, now: Now) -> bool {
        if self.presence.notifier.count() == 0 {
            self.presence.stale = false;
            return false;
        }
        let mut calls = None;
        if std::mem::take(&mut self.presence.stale) {
            let seen = self.seen();
            let all = [Package::Dialog, Package::Presence, Package::MessageSummary];
            let (registrar, pager) = (&self.registrar, &self.messages.pager);
            self.presence
                .notifier
                .changed(&all, |package, name| watched(registrar, pager, package, name, &seen));
            calls = Some(seen);
        }
        let mut any = false;
        while let Some(due) = self.presence.notifier.poll_due(now.mono) {
            any = true;
            if self.streams.is_lost(due.flow) {
                self.presence.notifier.lost(due.id);
                continue;
            }
            let seen = calls.get_or_insert_with(|| self.seen());
            let state = watched(&self.registrar, &self.messages.pager, due.package, &due.resource, seen);
            let Some((flow, request)) = self.presence.notifier.notify(due.id, &state, now.mono) else {
                continue;
            };
            match self.sip.send(flow, request, now.mono) {
                Ok(client) => self.presence.notifier.sent(due.id, client),
                Err(_) => self.presence.notifier.not_sent(due.id, now.mono),
            }
        }
        any
    }

    /// Every call of every extension, as a lamp shows it.
    fn seen(&mut self) -> Vec<(String, Seen)> {
        let mut seen: Vec<(String, Seen)> = Vec::new();
        let mut ringing: Vec<(usize, SessionId)> = Vec::new();
        for call in self.calls.all() {
            for side in std::iter::once(&call.a).chain(&call.b) {
                let CallParty::Extension { name } = &side.party else { continue };
                let is_caller = std::ptr::eq(side, &call.a);
                let Some(stage) = stage(call, side, is_caller) else { continue };
                let mut id = name.clone();
                id.push('-');
                id.push_str(&call.id.0.to_string());
                // One line for all phones that ring as one extension.
                if seen.iter().any(|(_, s)| s.id == id) {
                    continue;
                }
                let remote = if is_caller { self.called_party(call) } else { self.party(&call.a.party) };
                if let (Stage::Early, false, Some(session)) = (stage, is_caller, side.leg.session()) {
                    ringing.push((seen.len(), session));
                }
                let call = Seen {
                    id,
                    direction: if is_caller { Direction::Initiator } else { Direction::Recipient },
                    stage,
                    replaces: None,
                    local: self.party(&side.party),
                    remote,
                    held: stage == Stage::Confirmed && is_held(side),
                };
                seen.push((name.clone(), call));
            }
        }
        for (at, session) in ringing {
            let dialog = self.sip.dialog_id(session).filter(|d| !d.remote_tag.is_empty());
            if let (Some(dialog), Some((_, call))) = (dialog, seen.get_mut(at)) {
                call.replaces = Some([dialog.call_id, dialog.remote_tag, dialog.local_tag]);
            }
        }
        seen
    }

    fn party(&self, party: &CallParty) -> Party {
        let display = match party {
            CallParty::Extension { name } => {
                self.loaded.config.extensions.iter().find(|e| e.name == *name).and_then(|e| e.display.clone())
            }
            _ => None,
        };
        Party { display, number: party.number().filter(|n| !n.is_empty()).map(str::to_owned) }
    }

    fn called_party(&self, call: &Call) -> Party {
        match call.b.first() {
            Some(side) => self.party(&side.party),
            None => Party { display: None, number: Some(call.dialled.clone()) },
        }
    }
}

fn watched(
    registrar: &Registrar,
    pager: &Pager,
    package: Package,
    name: &str,
    seen: &[(String, Seen)],
) -> State {
    let calls = seen.iter().filter(|(whose, _)| whose == name);
    match package {
        Package::Dialog => State::Calls(calls.map(|(_, call)| call.clone()).collect()),
        Package::Presence => {
            State::Presence { registered: registrar.bindings(name).next().is_some(), busy: calls.count() > 0 }
        }
        Package::MessageSummary => {
            State::Messages(Summary { text: (pager.waiting_for(name), 0), ..Summary::default() })
        }
    }
}

/// `None`: nothing to show yet.
fn stage(call: &Call, side: &Side, is_caller: bool) -> Option<Stage> {
    Some(match side.state {
        _ if matches!(call.phase, Phase::Up { .. }) && side.state == SideState::Up => Stage::Confirmed,
        SideState::Up if !is_caller => Stage::Confirmed,
        _ if is_caller && call.b.iter().any(|b| b.state != SideState::Begun) => Stage::Early,
        _ if is_caller => Stage::Trying,
        SideState::Ringing { .. } => Stage::Early,
        _ => return None,
    })
}

/// The phone takes no sound.
fn is_held(side: &Side) -> bool {
    let Leg::Sip(leg) = &side.leg else { return false };
    let ours = leg.agreed.as_ref().map(|a| a.direction);
    matches!(ours, Some(sdp::Direction::RecvOnly | sdp::Direction::Inactive))
}

/// What a final response to a NOTIFY says.
pub(super) fn answer_of(response: &Message) -> Option<Answer> {
    let status = response.status().filter(|s| *s >= 200)?;
    Some(Answer::Final { status, wait: response.number(header::RETRY_AFTER) })
}
