//! Trunks as `status` shows them.
use super::{Line, TrunkLine};
use crate::sip::registration::{Registration, State};
use crate::switch::Switch;
use crate::util::time::Instant;
use serde_json::{Value, json};

impl Switch {
    pub(in crate::switch) fn trunks_view(&self, now: Instant) -> Vec<Value> {
        let view = |t: &TrunkLine| {
            let registration = t.registration.as_ref().map(Registration::state);
            let (state, reason) = match (&t.line, registration) {
                (Line::Down { why, .. }, _) => ("down", Some(why.clone())),
                (Line::Resolving { last: None, .. } | Line::Connecting { .. }, _) => ("connecting", None),
                (_, None) => ("up", None),
                (_, Some(State::Failed { failure, .. })) => ("failed", Some(failure.to_string())),
                (_, Some(state)) => (words(state), None),
            };
            let until = match registration {
                Some(State::Registered { until }) => Some(until.since(now).as_secs()),
                _ => None,
            };
            json!({"name": t.section.name, "state": state, "reason": reason, "expires_s": until,
                   "address": t.flow().map(|f| f.remote.to_string()), "last_error": t.error,
                   "ms": t.rtt.and_then(|rtt| u64::try_from(rtt.as_millis()).ok())})
        };
        self.trunks.all.iter().map(view).collect()
    }
}

pub(super) const fn words(state: &State) -> &'static str {
    match state {
        State::Idle | State::Trying => "registering",
        State::Registered { .. } => "registered",
        State::Failed { .. } => "failed",
        State::Leaving | State::Gone => "leaving",
    }
}
