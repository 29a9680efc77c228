//! `config route`: numbers and where they go.
use super::destination::{Destination, HangupWord, Parties, PartyKind};
use super::fields::Fields;
use super::pattern::{CallerPattern, Pattern};
use super::times::Times;

/// `config route NAME`: numbers from these callers go to these targets. The first route of the file that takes a number
/// counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub name: String,
    /// `enabled`, default 1.
    pub enabled: bool,
    /// `list from`: who may use it. Required.
    pub from: Vec<Source>,
    /// `list caller`: from a trunk only these; none named: nobody from a trunk. From a dongle only these, if there are
    /// any. A route from a trunk to a trunk or dongle has only patterns that name somebody.
    pub callers: Vec<CallerPattern>,
    /// `list match`: numbers that it takes. Required.
    pub matches: Vec<Pattern>,
    /// `time`: hours of the week; at others the next route is asked. None: always.
    pub times: Option<Times>,
    /// `class`: a word by which `allow` and `deny` of extensions may name it, beside its name.
    pub class: Option<String>,
    /// `strip`: characters taken off the front, `+` is one; default 0, at most 20.
    pub strip: u8,
    /// `prepend`: put in front after that; empty: nothing.
    pub prepend: String,
    /// `caller_id`: number shown through a trunk, instead of the trunk's.
    pub caller_id: Option<String>,
    /// `hide`, default 0: ask the network not to show our number.
    pub hide: bool,
    /// `list to`: tried in this order. Required.
    pub to: Vec<RouteTarget>,
}

/// Who may use a route.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// `extensions`: each of them.
    Extensions,
    Extension(String),
    /// The members of this group.
    Group(String),
    Trunk(String),
    Dongle(String),
}

/// Where a route leads. Without a number of its own a trunk or dongle gets the dialled one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RouteTarget {
    Extension(String),
    Group(String),
    Trunk { name: String, number: Option<String> },
    Dongle { name: String, number: Option<String> },
    Hangup(HangupWord),
}

impl RouteTarget {
    /// It leaves the house, at the cost of whoever pays for the line.
    #[must_use]
    pub fn is_outside(&self) -> bool {
        matches!(self, Self::Trunk { .. } | Self::Dongle { .. })
    }

    /// The section it names.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Extension(name)
            | Self::Group(name)
            | Self::Trunk { name, .. }
            | Self::Dongle { name, .. } => Some(name),
            Self::Hangup(_) => None,
        }
    }

    /// For calls that have no dialled number; the error says what to write.
    pub(super) fn into_destination(self) -> Result<Destination, String> {
        match self {
            Self::Extension(name) => Ok(Destination::Extension(name)),
            Self::Group(name) => Ok(Destination::Group(name)),
            Self::Hangup(word) => Ok(Destination::Hangup(word)),
            Self::Trunk { name, number: Some(number) } => Ok(Destination::Trunk { name, number }),
            Self::Dongle { name, number: Some(number) } => Ok(Destination::Dongle { name, number }),
            Self::Trunk { name, number: None } | Self::Dongle { name, number: None } => {
                Err(format!("a number behind it, such as {name}/+15555555555"))
            }
        }
    }
}

impl Route {
    /// `word` is its name or its class.
    #[must_use]
    pub fn is_called(&self, word: &str) -> bool {
        self.name == word || self.class.as_deref() == Some(word)
    }

    /// Reports what is wrong to `fields`; the caller drops the section then.
    pub(super) fn from_uci(name: String, fields: &mut Fields<'_>, parties: &Parties) -> Self {
        let route = Self {
            name,
            enabled: fields.flag("enabled"),
            from: fields.list_of("from", |text| parties.source(text)),
            callers: patterns(fields, "caller", CallerPattern::parse),
            matches: patterns(fields, "match", Pattern::parse),
            times: fields.text("time").as_deref().and_then(Times::parse),
            class: fields.text("class"),
            strip: u8::try_from(fields.number("strip")).unwrap_or_default(),
            prepend: fields.text("prepend").unwrap_or_default(),
            caller_id: fields.text("caller_id"),
            hide: fields.flag("hide"),
            to: fields.list_of("to", |text| parties.target(text)),
        };
        route.check_callers(fields);
        if route.enabled {
            for target in &route.to {
                parties.note_if_off(fields, "to", target.name());
            }
        }
        route
    }

    /// Patterns such as `.` name nobody: with them whoever calls the trunk would call out at the house's cost.
    fn check_callers(&self, fields: &mut Fields<'_>) {
        let from_trunk = self.from.iter().any(|source| matches!(source, Source::Trunk(_)));
        if !from_trunk {
            return;
        }
        if self.callers.is_empty() && !fields.has("caller") {
            let what = "has a trunk, and no 'caller' says who may come by it: nobody from there";
            fields.notice("from", what);
        }
        if self.to.iter().any(RouteTarget::is_outside) {
            for caller in self.callers.iter().filter(|caller| !caller.names_somebody()) {
                let want =
                    "a number, or a pattern with at least 3 digits in it: this one lets every caller out";
                fields.bad("caller", &caller.to_string(), want);
            }
        }
    }
}

/// The schema has checked them already.
fn patterns<T: PartialEq>(fields: &mut Fields<'_>, key: &str, read: fn(&str) -> Option<T>) -> Vec<T> {
    fields.list_of(key, |text| read(text).ok_or_else(String::new))
}

impl Parties {
    fn source(&self, text: &str) -> Result<Source, String> {
        if text == "extensions" {
            return Ok(Source::Extensions);
        }
        let Some(party) = self.find(text) else {
            return Err(format!("extensions, or {}", self.want(Some(text))));
        };
        let name = party.name.clone();
        Ok(match party.kind {
            PartyKind::Extension => Source::Extension(name),
            PartyKind::Trunk => Source::Trunk(name),
            PartyKind::Dongle => Source::Dongle(name),
            PartyKind::Group => Source::Group(name),
        })
    }
}
