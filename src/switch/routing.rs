//! Where a call goes, and why: the routes with the hour of the place and the state of each way.
use super::Switch;
use super::api::{Code, Refusal};
use super::route::{self, Caller, Decision, Leg};
use crate::config::Moment;
use crate::util::text::one_line;
use crate::util::time::Now;
use crate::util::zone::Zone;
use serde_json::{Value, json};

impl Switch {
    /// The system's time zone, for configurations that name none.
    pub fn set_zone(&mut self, zone: Zone) {
        self.zone = zone;
    }

    pub(super) fn moment(&self, now: Now) -> Option<Moment> {
        Moment::at(now.wall, self.loaded.config.main.zone.unwrap_or(self.zone))
    }

    pub(super) fn decide(&self, caller: Caller<'_>, dialled: &str, now: Now) -> Decision {
        route::decide(&self.loaded.config, caller, dialled, self.moment(now))
    }

    /// `from`: an extension, or a trunk or dongle, `NAME/NUMBER` if the caller's number is shown.
    pub(super) fn explain_route(&self, from: &str, to: &str, now: Now) -> Result<Value, Refusal> {
        let config = &self.loaded.config;
        let (name, number) = from.split_once('/').unwrap_or((from, ""));
        let caller = if config.extension(from).is_some() {
            Caller::Extension(from)
        } else if config.trunks.iter().any(|t| t.enabled && t.name == name) {
            Caller::Trunk { name, number }
        } else if config.dongles.iter().any(|d| d.enabled && d.name == name) {
            Caller::Dongle { name, number }
        } else {
            let why = "want an extension, or the name of a trunk or dongle and the caller's number: provider/+15555555555";
            return Err(Refusal::new(
                Code::NotFound,
                format!("nobody is called '{}'; {why}", one_line(name, 32)),
            ));
        };
        let told = route::explain(config, caller, to, self.moment(now));
        let routes = told.routes.iter().map(|(name, says)| json!({"route": name, "says": says.words()}));
        let (decision, rule, reason, legs) = match &told.decision {
            Decision::Emergency { legs, .. } => ("emergency", Some("emergency"), None, legs.as_slice()),
            Decision::Dial { route, legs } => ("dial", Some(route.as_str()), None, legs.as_slice()),
            Decision::Refused(why) => ("refused", None, Some(why.words()), [].as_slice()),
        };
        Ok(json!({"decision": decision, "rule": rule, "reason": reason,
                  "at": self.moment(now).map(|at| at.to_string()),
                  "ways": legs.iter().map(|leg| self.way_view(leg, decision == "emergency")).collect::<Vec<_>>(),
                  "routes": routes.collect::<Vec<_>>()}))
    }

    fn way_view(&self, leg: &Leg, emergency: bool) -> Value {
        match leg {
            Leg::Dongle { name, number, hide } => {
                let ready = self.lines.iter().any(|l| l.section.name == *name && l.modem.can_dial());
                json!({"kind": "dongle", "name": name, "number": number, "hide": hide, "up": ready})
            }
            Leg::Trunk { name, number, caller_id, hide } => {
                let ready = self.trunk_way(name, emergency).is_some();
                json!({"kind": "trunk", "name": name, "number": number, "caller_id": caller_id, "hide": hide,
                       "up": ready})
            }
            Leg::Extension { name } => {
                let ready = self.registrar.bindings(name).next().is_some();
                json!({"kind": "extension", "name": name, "up": ready})
            }
            Leg::Group { name } => json!({"kind": "group", "name": name}),
            Leg::Hangup(word) => json!({"kind": "hangup", "name": word.word()}),
        }
    }
}
