//! What an extension has set for its calls: forwarding, do not disturb, call waiting; and a phone that sends a call elsewhere (302).
use super::diverted::{Diverted, Reason};
use super::{CallId, Cause, Party, Step};
use crate::config::{Extension, ForwardWhen};
use crate::switch::Switch;
use crate::switch::route::{Caller, Decision};
use crate::util::OFFICE;
use crate::util::limits::CALL_HOPS;
use crate::util::pii::Pii;
use crate::util::time::Now;
use crate::wire::sip::{Address, Message, header};

impl Switch {
    /// Why this extension does not ring, seen before it is tried.
    pub(super) fn obstacle(&self, id: CallId, extension: &Extension) -> Option<(ForwardWhen, Cause)> {
        if !OFFICE {
            return None;
        }
        let features = self.features(extension);
        let busy = || !features.call_waiting && self.is_in_call(id, &extension.name);
        if features.forward(ForwardWhen::Always).is_some() {
            Some((ForwardWhen::Always, Cause::ABSENT))
        } else if features.dnd || busy() {
            Some((ForwardWhen::Busy, Cause::BUSY))
        } else if self.registrar.bindings(&extension.name).next().is_none() {
            Some((ForwardWhen::Unreachable, Cause::ABSENT))
        } else {
            None
        }
    }

    /// In another call than this one.
    pub(super) fn is_in_call(&self, id: CallId, extension: &str) -> bool {
        let is = |party: &Party| matches!(party, Party::Extension { name } if name == extension);
        let mut others = self.calls.all.iter().filter(|(other, _)| **other != id);
        others.any(|(_, call)| call.sides().any(|side| is(&side.party)))
    }

    /// The call goes where this extension wants it. False: it wants it nowhere, or it can't go there.
    pub(super) fn forward(&mut self, id: CallId, extension: &str, when: ForwardWhen, now: Now) -> bool {
        if !OFFICE {
            return false;
        }
        let found = self.loaded.config.extensions.iter().find(|e| e.name == extension);
        let Some(number) = found.and_then(|e| self.features(e).forward(when).map(str::to_owned)) else {
            return false;
        };
        let reason = match when {
            ForwardWhen::Always => Reason::Unconditional,
            ForwardWhen::Busy => Reason::Busy,
            ForwardWhen::NoAnswer => Reason::NoAnswer,
            ForwardWhen::Unreachable => Reason::Unavailable,
        };
        self.divert(id, extension, &number, reason, now)
    }

    /// A phone of this extension answered 302.
    pub(super) fn deflect(&mut self, id: CallId, extension: &str, number: &str, now: Now) -> bool {
        self.divert(id, extension, number, Reason::Deflection, now)
    }

    /// The number is dialled with the permissions of the extension, not those of the caller. Each extension sends a call on once.
    fn divert(&mut self, id: CallId, by: &str, number: &str, reason: Reason, now: Now) -> bool {
        if !OFFICE {
            return false;
        }
        let Some(call) = self.calls.all.get_mut(&id) else { return false };
        if !call.hop() || call.diverted.iter().any(|d| d.by == by) {
            log::warn!("call {}: forwarded in a circle by '{by}'", id.0);
            return false;
        }
        let decision = self.decide(Caller::Extension(by), number, now);
        // Nobody calls for help by being called.
        let Decision::Dial { legs, .. } = decision else {
            log::warn!("extension '{by}': no call is forwarded to {}", Pii(number));
            return false;
        };
        let Some(call) = self.calls.all.get_mut(&id) else { return false };
        log::info!("call {}: forwarded by '{by}' to {} ({})", id.0, Pii(number), reason.word());
        call.diverted.push(Diverted { by: by.to_owned(), reason });
        for way in legs.into_iter().rev() {
            call.ways.push_front(Step::from(way));
        }
        true
    }
}

impl super::Call {
    /// One more step away from who was dialled; false when there were too many.
    pub(super) fn hop(&mut self) -> bool {
        self.hops = self.hops.saturating_add(1);
        self.hops <= CALL_HOPS
    }
}

/// Where a 3xx of a phone sends the call: the user of its first Contact.
pub(super) fn moved_to(response: Option<&Message>) -> Option<String> {
    let contact = response?.get(header::CONTACT).and_then(Address::parse)?;
    contact.uri.user_text().filter(|user| !user.is_empty())
}
