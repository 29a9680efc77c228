//! Where a call goes: names of extensions, trunks and dongles, and what may stand behind them.
use std::fmt;

use super::fields::Fields;
use super::forward::listed;
use super::route::RouteTarget;
use super::value::is_dialable;
use crate::util::nearest::nearest;

/// Where a call goes, complete. Written `100`, `provider/+919876543210` or `hangup/busy`; also with the kind in front:
/// `extension/100`, `trunk/provider/+919876543210`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Destination {
    Extension(String),
    Group(String),
    Trunk { name: String, number: String },
    Dongle { name: String, number: String },
    Hangup(HangupWord),
}

/// Why a call is ended without ringing anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HangupWord {
    /// `hangup/busy`: 486.
    Busy,
    /// `hangup/rejected`: 603.
    Rejected,
    /// `hangup/not_found`: 404.
    NotFound,
    /// `hangup/unavailable`: 480.
    Unavailable,
}

impl HangupWord {
    pub const ALL: [Self; 4] = [Self::Busy, Self::Rejected, Self::NotFound, Self::Unavailable];

    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Rejected => "rejected",
            Self::NotFound => "not_found",
            Self::Unavailable => "unavailable",
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Extension(name) => f.write_str(name),
            Self::Group(name) => write!(f, "group/{name}"),
            Self::Trunk { name, number } | Self::Dongle { name, number } => write!(f, "{name}/{number}"),
            Self::Hangup(word) => write!(f, "hangup/{}", word.word()),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PartyKind {
    Extension,
    Group,
    Trunk,
    Dongle,
}

impl PartyKind {
    pub(super) fn of(kind: &str) -> Option<Self> {
        match kind {
            "extension" => Some(Self::Extension),
            "group" => Some(Self::Group),
            "trunk" => Some(Self::Trunk),
            "dongle" => Some(Self::Dongle),
            _ => None,
        }
    }
}

/// A section that takes part in calls.
#[derive(Debug)]
pub(super) struct Party {
    pub name: String,
    pub kind: PartyKind,
    /// As problems call the section.
    pub label: String,
    pub enabled: bool,
}

/// All named ones of the file, those of sections with a problem too: they have been reported.
#[derive(Debug, Default)]
pub(super) struct Parties(pub Vec<Party>);

/// Kinds of destinations that later versions bring, and those that take no calls.
const LATER: [&str; 7] = ["mailbox", "menu", "conference", "page", "park", "queue", "play"];
const FOR_TEXTS: [&str; 5] = ["email", "sms", "telegram", "ntfy", "webhook"];

impl Parties {
    pub(super) fn find(&self, name: &str) -> Option<&Party> {
        self.0.iter().find(|party| party.name == name)
    }

    /// `text` as what a route may name; the error says what to write.
    pub(super) fn target(&self, text: &str) -> Result<RouteTarget, String> {
        let (head, rest) = text.split_once('/').map_or((text, None), |(head, rest)| (head, Some(rest)));
        match (head, rest) {
            ("hangup", word) => hangup(word.unwrap_or_default()),
            ("extension" | "group" | "trunk" | "dongle", Some(rest)) => self.party(rest, PartyKind::of(head)),
            (later, Some(_)) if LATER.contains(&later) => {
                Err(format!("{}: {later} is not in this version", self.want(None)))
            }
            (other, Some(_)) if FOR_TEXTS.contains(&other) => {
                Err(format!("{}: {other} is for texts", self.want(None)))
            }
            _ => self.party(text, None),
        }
    }

    /// `NAME` or `NAME/NUMBER`.
    fn party(&self, text: &str, kind: Option<PartyKind>) -> Result<RouteTarget, String> {
        let (name, number) = text.split_once('/').map_or((text, None), |(name, number)| (name, Some(number)));
        let party = self.find(name).filter(|party| kind.is_none_or(|kind| kind == party.kind));
        let Some(party) = party else { return Err(self.want(Some(name))) };
        let name = party.name.clone();
        if let PartyKind::Extension | PartyKind::Group = party.kind {
            if number.is_some() {
                return Err(format!("{name} alone: an extension or group takes no number"));
            }
            return Ok(match party.kind {
                PartyKind::Extension => RouteTarget::Extension(name),
                _ => RouteTarget::Group(name),
            });
        }
        if number.is_some_and(|number| !is_dialable(number)) {
            return Err(format!("{name}/ and a number such as {name}/+15555555555"));
        }
        let number = number.map(str::to_owned);
        Ok(match party.kind {
            PartyKind::Trunk => RouteTarget::Trunk { name, number },
            _ => RouteTarget::Dongle { name, number },
        })
    }

    /// `inbound` of the dongle `own`.
    pub(super) fn inbound_of_dongle(
        &self,
        fields: &mut Fields<'_>,
        own: &str,
        enabled: bool,
    ) -> Option<Destination> {
        self.destination(fields, "inbound", enabled, |destination| match destination {
            Destination::Dongle { name, .. } if name == own => {
                Err("another way: a dongle has one call at a time".to_owned())
            }
            other => Ok(other),
        })
    }

    /// `inbound` of a trunk: strangers must not get out of the house by it.
    pub(super) fn inbound_of_trunk(&self, fields: &mut Fields<'_>, enabled: bool) -> Option<Destination> {
        self.destination(fields, "inbound", enabled, |destination| match destination {
            Destination::Dongle { .. } | Destination::Trunk { .. } => Err(
                "an extension or hangup/busy: out again a trunk's call goes by a route that names its caller"
                    .to_owned(),
            ),
            other => Ok(other),
        })
    }

    /// A member of a group.
    pub(super) fn member(&self, text: &str) -> Result<String, String> {
        match self.target(text)? {
            RouteTarget::Extension(name) => Ok(name),
            _ => Err("the name of an extension".to_owned()),
        }
    }

    /// `otherwise` of the group `own`.
    pub(super) fn otherwise(&self, fields: &mut Fields<'_>, own: &str, enabled: bool) -> Option<Destination> {
        self.destination(fields, "otherwise", enabled, |destination| match destination {
            Destination::Group(name) if name == own => Err("another way: nobody took it there".to_owned()),
            other => Ok(other),
        })
    }

    fn destination(
        &self,
        fields: &mut Fields<'_>,
        key: &str,
        enabled: bool,
        check: impl Fn(Destination) -> Result<Destination, String>,
    ) -> Option<Destination> {
        let text = fields.text(key)?;
        let read = self.target(&text).and_then(RouteTarget::into_destination).and_then(check);
        match read {
            Ok(destination) => {
                if enabled {
                    self.note_if_off(fields, key, destination_name(&destination));
                }
                Some(destination)
            }
            Err(want) => {
                fields.bad(key, &text, &want);
                None
            }
        }
    }

    /// What is switched off may be named; nobody will be there.
    pub(super) fn note_if_off(&self, fields: &mut Fields<'_>, key: &str, name: Option<&str>) {
        if let Some(party) = name.and_then(|name| self.find(name)).filter(|party| !party.enabled) {
            fields.notice(key, &format!("names {}, which has enabled '0'", party.label));
        }
    }

    /// Behind "want": the names there are, and the nearest to `name`.
    pub(super) fn want(&self, name: Option<&str>) -> String {
        if self.0.is_empty() {
            return "an extension, a trunk or a dongle: add a section such as config extension '100'"
                .to_owned();
        }
        let names: Vec<&str> = self.0.iter().map(|party| party.name.as_str()).collect();
        let hint = name.and_then(|name| nearest(name, names.iter().copied()));
        let hint = hint.map(|near| format!("; did you mean '{near}'?")).unwrap_or_default();
        format!("an extension, a trunk or a dongle ({}){hint}", listed(&names))
    }
}

fn hangup(word: &str) -> Result<RouteTarget, String> {
    let found = HangupWord::ALL.into_iter().find(|known| known.word() == word);
    let words = HangupWord::ALL.map(|word| format!("hangup/{}", word.word()));
    found.map(RouteTarget::Hangup).ok_or_else(|| listed(&words))
}

fn destination_name(destination: &Destination) -> Option<&str> {
    match destination {
        Destination::Extension(name)
        | Destination::Group(name)
        | Destination::Trunk { name, .. }
        | Destination::Dongle { name, .. } => Some(name),
        Destination::Hangup(_) => None,
    }
}
