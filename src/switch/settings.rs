//! What is set for an extension from a phone's owner or the command line (`tandem extension`): it stands until the section
//! says something new, and over a restart.
use super::api::{Code, Refusal, RequestId};
use super::route::{self, Caller, Decision};
use super::storing::Purpose;
use super::{Client, Switch};
use crate::config::{Extension, Features, ForwardWhen};
use crate::message::{Change, DiskError, store};
use crate::util::limits::{CONFIG_SECTIONS, NUMBER_DIALLED, SETTINGS_WAITING};
use crate::util::table::Table;
use crate::util::text::dialable;
use crate::util::time::Now;
use serde_json::{Value, json};

/// In `state_dir`.
pub(super) const FILE: &str = "extensions.set";
const DND: &str = "dnd";
const SET: &str = "parameter 'set': want dnd, always, busy, no_answer or unreachable";

/// One extension's. `section`: what its section said at that time; once it says something else, that is newer.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Setting {
    section: Features,
    set: Features,
}

/// What was set for all extensions.
#[derive(Debug, Default)]
pub struct Settings {
    all: Table<String, Setting>,
    /// Who waits until it is on the medium.
    waiting: Vec<(Client, RequestId, String)>,
}

impl Settings {
    /// False: it is no record of ours.
    pub fn load(&mut self, record: &Value) -> bool {
        let Some(all) = record.get("extensions").and_then(Value::as_object) else { return false };
        for (name, value) in all.iter().take(CONFIG_SECTIONS) {
            let part = |key| value.get(key).and_then(features_of);
            let (Some(section), Some(set)) = (part("section"), part("set")) else { return false };
            self.all.insert(name.clone(), Setting { section, set });
        }
        true
    }

    pub fn forget(&mut self, client: Client) {
        self.waiting.retain(|(c, ..)| *c != client);
    }

    fn record(&self) -> Value {
        let one = |(name, s): (&String, &Setting)| {
            (name.clone(), json!({"section": view(&s.section), "set": view(&s.set)}))
        };
        json!({"extensions": self.all.iter().map(one).collect::<serde_json::Map<_, _>>()})
    }
}

impl Switch {
    /// As it was set, else as the section says.
    pub(super) fn features(&self, extension: &Extension) -> Features {
        let set = self.settings.all.get(&extension.name).filter(|s| s.section == extension.features);
        set.map_or(&extension.features, |s| &s.set).clone()
    }

    /// `tandem extension NAME …`. None: answered when it is on the medium.
    pub(super) fn set_extension(
        &mut self,
        asked: (Client, &RequestId),
        name: &str,
        set: Option<&str>,
        to: Option<&str>,
        now: Now,
    ) -> Result<Option<Value>, Refusal> {
        let found = self.loaded.config.extensions.iter().find(|e| e.name == name);
        let extension = found.ok_or_else(|| Refusal::new(Code::NotFound, "there is no such extension"))?;
        let Some(what) = set else { return Ok(Some(self.extension_view(extension))) };
        let section = extension.features.clone();
        let set = changed(self.features(extension), what, to)?;
        if let Some(number) = to.filter(|_| what != DND) {
            self.check_forward(name, number, now)?;
        }
        if self.settings.waiting.len() >= SETTINGS_WAITING {
            return Err(Refusal::new(Code::Unavailable, "too many requests wait for the disk"));
        }
        let known = &self.loaded.config.extensions;
        self.settings.all.retain(|name, _| known.iter().any(|e| e.name == *name));
        if set == section {
            self.settings.all.remove(&name.to_owned());
        } else {
            self.settings.all.insert(name.to_owned(), Setting { section, set });
        }
        self.settings.waiting.push((asked.0, asked.1.clone(), name.to_owned()));
        let change = Change::Write { name: FILE.to_owned(), bytes: store::encode(&self.settings.record()) };
        self.store(Purpose::Settings, change);
        Ok(None)
    }

    /// What would be found out with the first call only. A number that no route takes now may have one at another hour.
    fn check_forward(&self, name: &str, number: &str, now: Now) -> Result<(), Refusal> {
        let why = match self.decide(Caller::Extension(name), number, now) {
            Decision::Refused(why @ route::Refusal::NotANumber) => why.words(),
            Decision::Emergency { .. } => "nobody calls for help by being called",
            _ => return Ok(()),
        };
        Err(Refusal::new(
            Code::BadParameter,
            format!("parameter 'to': {why}; want what the phone would dial"),
        ))
    }

    /// The settings are on the medium, or not.
    pub(super) fn on_settings_stored(&mut self, result: Result<(), DiskError>) {
        // A later write holds what was set since.
        if self.storing.is_under_way(&Purpose::Settings) {
            return;
        }
        for (client, id, name) in std::mem::take(&mut self.settings.waiting) {
            let found = self.loaded.config.extensions.iter().find(|e| e.name == name);
            let view = found.map(|extension| self.extension_view(extension)).unwrap_or_default();
            let unsafe_yet = |why: DiskError| {
                let text = format!("it is set, but can't be stored ({why}): a restart would forget it");
                Refusal::new(Code::Unavailable, text)
            };
            self.reply(client, &id, result.map(|()| view).map_err(unsafe_yet));
        }
    }

    fn extension_view(&self, extension: &Extension) -> Value {
        let mut view = view(&self.features(extension));
        if let Some(fields) = view.as_object_mut() {
            fields.insert("name".to_owned(), json!(extension.name));
        }
        view
    }
}

/// `features` with one thing set. `to`: on, or a number; None: off.
fn changed(mut features: Features, what: &str, to: Option<&str>) -> Result<Features, Refusal> {
    match ForwardWhen::ALL.into_iter().find(|when| when.word() == what) {
        None if what == DND => features.dnd = to.is_some(),
        None => return Err(Refusal::new(Code::BadParameter, SET)),
        Some(when) => {
            let number = to.map(dialable);
            if number.as_ref().is_some_and(|to| !(1..=NUMBER_DIALLED).contains(&to.len())) {
                let want = format!("parameter 'to': want a number of at most {NUMBER_DIALLED} digits");
                return Err(Refusal::new(Code::BadParameter, want));
            }
            features.set_forward(when, number);
        }
    }
    Ok(features)
}

pub(super) fn view(features: &Features) -> Value {
    let to = |when| features.forward(when);
    json!({"dnd": features.dnd, "call_waiting": features.call_waiting,
           "always": to(ForwardWhen::Always), "busy": to(ForwardWhen::Busy),
           "no_answer": to(ForwardWhen::NoAnswer), "unreachable": to(ForwardWhen::Unreachable)})
}

fn features_of(value: &Value) -> Option<Features> {
    let flag = |key| value.get(key).and_then(Value::as_bool);
    let mut features = Features::default();
    (features.dnd, features.call_waiting) = (flag("dnd")?, flag("call_waiting")?);
    for when in ForwardWhen::ALL {
        let number = value.get(when.word()).and_then(Value::as_str).map(dialable);
        features.set_forward(when, number.filter(|to| (1..=NUMBER_DIALLED).contains(&to.len())));
    }
    Some(features)
}
