//! Where a call goes. Pure: the configuration, who calls and what was dialled in, the decision out.
//!
//! In this order:
//! 1. An emergency number, as dialled and untouched by any rule, permission or hour: for every extension, and for callers by
//!    a trunk whom some route names and lets out. Such a caller is somebody of the house on the way. A stranger from a trunk gets no line
//!    for 112 either: it would be a call by our SIM, with our number, from anybody who found the port.
//! 2. From an extension, the number of an extension.
//! 3. The first route in the file that is for this caller, takes the number and counts at this hour. A caller by a trunk must
//!    be named by it (`list caller`), whatever it leads to. An extension that may not use it gets no other: the next one
//!    would be the way around. An emergency number behind an outside-line digit (`strip`) is one all the same.
//! 4. From a trunk or dongle, its `inbound`.
//!
//! A target that is switched off or was left out for a problem is passed over; a route of which nothing remains refuses
//! the call, for the next one may cost more than its owner wants.
mod explain;
mod legs;

pub(in crate::switch) use legs::to_destination;
#[cfg(test)]
mod tests;

pub use explain::{Explanation, explain};

use crate::config::{Config, Destination, Dongle, HangupWord, Moment, Route, Source, Trunk, emergency};
use crate::util::{limits, text::dialable};

/// Who calls. Numbers as the other side showed them; empty: withheld.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller<'a> {
    /// A phone that has proven its password.
    Extension(&'a str),
    Trunk {
        name: &'a str,
        number: &'a str,
    },
    Dongle {
        name: &'a str,
        number: &'a str,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// All ways out, to be tried in this order: dongles, then trunks. There may be none.
    Emergency {
        number: String,
        legs: Vec<Leg>,
    },
    /// To be tried in this order; never empty. `route`: the section's name, `inbound`, or `extension` for a call inside
    /// the house.
    Dial {
        route: String,
        legs: Vec<Leg>,
    },
    Refused(Refusal),
}

/// One way to the called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leg {
    /// `hide`: ask the network not to show our number (CLIR).
    Dongle {
        name: String,
        number: String,
        hide: bool,
    },
    /// `caller_id`: number to show; None: none was set.
    Trunk {
        name: String,
        number: String,
        caller_id: Option<String>,
        hide: bool,
    },
    Extension {
        name: String,
    },
    Group {
        name: String,
    },
    /// The call ends here with this cause.
    Hangup(HangupWord),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// What was dialled is no number, or a rule made none of it.
    NotANumber,
    /// No route takes the number.
    NoRoute,
    /// A route takes the number and does not name this caller, who came by a trunk.
    NotNamed,
    /// A route takes the number, and the extension may not use it.
    NotAllowed,
    /// Everything it leads to is switched off or has a problem.
    NothingThere,
}

impl Refusal {
    /// For log and `route explain`.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::NotANumber => "this is no number",
            Self::NoRoute => "no route takes this number",
            Self::NotNamed => "the route does not name this caller",
            Self::NotAllowed => "the extension may not use this route",
            Self::NothingThere => "what the route leads to is switched off or has a problem",
        }
    }
}

/// What one route says to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Takes,
    /// It takes the number and has nothing for this extension.
    NotAllowed,
    Off,
    OtherCaller,
    OtherNumber,
    NotNow,
    NotNamed,
}

impl Verdict {
    /// For `route explain`.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Takes => "takes it",
            Self::NotAllowed => "takes it, and the extension may not use it (allow, deny)",
            Self::Off => "is switched off (enabled)",
            Self::OtherCaller => "is for other callers (from)",
            Self::OtherNumber => "takes other numbers (match)",
            Self::NotNow => "does not count at this hour (time)",
            Self::NotNamed => "does not name this caller (caller)",
        }
    }
}

/// `dialled` is a stranger's text. From a dongle it is the SIM's own number as far as it is known, or empty. `at`: by the clock
/// of the place; None: it is not set, and what counts at some hours does not count.
#[must_use]
pub fn decide(config: &Config, caller: Caller<'_>, dialled: &str, at: Option<Moment>) -> Decision {
    let number = clean(dialled);
    let shown = shown(caller);
    let search = Search { config, caller, shown: &shown, at };
    if let Some(number) = number.as_deref().and_then(|number| search.emergency(number)) {
        let legs = legs::emergency(config, caller, number);
        return Decision::Emergency { number: number.to_owned(), legs };
    }
    search.decide(number.as_deref())
}

/// The caller's number without separators; what cannot be read is withheld.
fn shown(caller: Caller<'_>) -> String {
    match caller {
        Caller::Extension(_) => String::new(),
        Caller::Trunk { number, .. } | Caller::Dongle { number, .. } => clean(number).unwrap_or_default(),
    }
}

/// Digits, `*`, `#` and a `+` in front, without what serves the eye. None: there is something else, or too much.
fn clean(text: &str) -> Option<String> {
    // Twice as long as a number may be, with a separator behind each digit.
    if text.len() > 2 * limits::NUMBER_DIALLED {
        return None;
    }
    Some(dialable(text)).filter(|number| is_number(number))
}

fn is_number(number: &str) -> bool {
    let rest = number.strip_prefix('+').unwrap_or(number);
    number.len() <= limits::NUMBER_DIALLED
        && !number.is_empty()
        && rest.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'*' | b'#'))
}

struct Search<'a> {
    config: &'a Config,
    caller: Caller<'a>,
    /// The caller's number without separators; empty: withheld.
    shown: &'a str,
    at: Option<Moment>,
}

impl Search<'_> {
    fn emergency<'n>(&self, number: &'n str) -> Option<&'n str> {
        let own = &self.config.main.emergency;
        if emergency(self.country(), number).is_none() && !own.iter().any(|listed| listed == number) {
            return None;
        }
        let may = match self.caller {
            Caller::Extension(_) => true,
            Caller::Trunk { .. } => {
                let outside = |route: &&Route| route.to.iter().any(|target| target.is_outside());
                let routes = self.config.routes.iter().filter(|route| self.is_for(route));
                routes.filter(outside).any(|route| self.is_named(route))
            }
            // It has called the SIM's number and dials nothing.
            Caller::Dongle { .. } => false,
        };
        may.then_some(number)
    }

    fn decide(&self, number: Option<&str>) -> Decision {
        if let (Caller::Extension(_), Some(number)) = (self.caller, number)
            && self.is_extension(number)
        {
            return dial("extension", legs::to_extension(self.config, number));
        }
        // From a dongle an empty number is one: `!` takes it. From a trunk there may be a user name, for `inbound`.
        let number = number.or(matches!(self.caller, Caller::Dongle { .. }).then_some(""));
        let mut refusal = Refusal::NotANumber;
        if let Some(number) = number {
            refusal = Refusal::NoRoute;
            for route in &self.config.routes {
                match self.verdict(route, number) {
                    Verdict::Takes => return self.by_route(route, number),
                    Verdict::NotAllowed => return self.not_allowed(route, number),
                    Verdict::NotNamed if matches!(self.caller, Caller::Trunk { .. }) => {
                        refusal = Refusal::NotNamed;
                    }
                    _ => {}
                }
            }
        }
        match self.inbound() {
            Some(destination) => dial("inbound", legs::to_destination(self.config, destination)),
            None => Decision::Refused(refusal),
        }
    }

    /// Also one that is off or has a problem: its number must not go out by a route meanwhile.
    fn is_extension(&self, number: &str) -> bool {
        let mut names = self.config.extensions.iter().map(|extension| &extension.name);
        names.any(|name| name == number) || self.config.left_out.iter().any(|name| name == number)
    }

    fn verdict(&self, route: &Route, number: &str) -> Verdict {
        let counts = |times: &crate::config::Times| self.at.is_some_and(|at| times.has(at));
        match self.caller {
            _ if !route.enabled => Verdict::Off,
            _ if !self.is_for(route) => Verdict::OtherCaller,
            _ if !route.matches.iter().any(|pattern| pattern.matches(number)) => Verdict::OtherNumber,
            _ if !route.times.as_ref().is_none_or(counts) => Verdict::NotNow,
            _ if !self.is_named(route) => Verdict::NotNamed,
            Caller::Extension(name) if !self.may_use(name, route) => Verdict::NotAllowed,
            _ => Verdict::Takes,
        }
    }

    fn may_use(&self, extension: &str, route: &Route) -> bool {
        let found = self.config.extensions.iter().find(|e| e.name == extension);
        found.is_none_or(|extension| extension.may_use(route))
    }

    /// Behind an outside-line digit there may be somebody in need.
    fn not_allowed(&self, route: &Route, number: &str) -> Decision {
        self.emergency_behind(route, number).unwrap_or(Decision::Refused(Refusal::NotAllowed))
    }

    fn emergency_behind(&self, route: &Route, number: &str) -> Option<Decision> {
        let behind = number.get(usize::from(route.strip)..).filter(|_| route.strip > 0)?;
        let outside = route.to.iter().any(|target| target.is_outside());
        let number = self.emergency(behind).filter(|_| outside)?.to_owned();
        let legs = legs::emergency(self.config, self.caller, &number);
        Some(Decision::Emergency { number, legs })
    }

    fn by_route(&self, route: &Route, number: &str) -> Decision {
        if let Some(emergency) = self.emergency_behind(route, number) {
            return emergency;
        }
        match legs::of_route(self.config, self.caller, route, number) {
            Some(legs) => dial(&route.name, legs),
            None => Decision::Refused(Refusal::NotANumber),
        }
    }

    fn is_for(&self, route: &Route) -> bool {
        let is_from = |source: &Source| match (source, self.caller) {
            (Source::Extensions, Caller::Extension(_)) => true,
            (Source::Extension(name), Caller::Extension(own)) => name == own,
            (Source::Group(name), Caller::Extension(own)) => self.is_member(name, own),
            (Source::Trunk(name), Caller::Trunk { name: own, .. })
            | (Source::Dongle(name), Caller::Dongle { name: own, .. }) => name == own,
            _ => false,
        };
        route.enabled && route.from.iter().any(is_from)
    }

    fn is_member(&self, group: &str, extension: &str) -> bool {
        let found = self.config.groups.iter().find(|g| g.name == group && g.enabled);
        found.is_some_and(|group| group.members.iter().any(|member| member == extension))
    }

    /// Extensions need no name. Nobody from a trunk is named by omission, and what a reader of the file has overlooked
    /// does not open the way out: a pattern that takes everybody names nobody there.
    fn is_named(&self, route: &Route) -> bool {
        let outside = route.to.iter().any(|target| target.is_outside());
        let mut callers = route.callers.iter();
        match self.caller {
            Caller::Extension(_) => true,
            Caller::Trunk { .. } => callers.any(|pattern| {
                (!outside || pattern.names_somebody()) && pattern.matches(self.country(), self.shown)
            }),
            Caller::Dongle { .. } => {
                route.callers.is_empty() || callers.any(|pattern| pattern.matches(self.country(), self.shown))
            }
        }
    }

    fn inbound(&self) -> Option<&Destination> {
        match self.caller {
            Caller::Extension(_) => None,
            Caller::Trunk { name, .. } => trunk(self.config, name)?.inbound.as_ref(),
            Caller::Dongle { name, .. } => dongle(self.config, name)?.inbound.as_ref(),
        }
    }

    fn country(&self) -> Option<&str> {
        self.config.main.country.as_deref()
    }
}

fn dial(route: &str, legs: Vec<Leg>) -> Decision {
    if legs.is_empty() {
        return Decision::Refused(Refusal::NothingThere);
    }
    Decision::Dial { route: route.to_owned(), legs }
}

/// Switched on and without a problem.
fn trunk<'a>(config: &'a Config, name: &str) -> Option<&'a Trunk> {
    config.trunks.iter().find(|trunk| trunk.name == name && trunk.enabled)
}

/// Switched on and without a problem.
fn dongle<'a>(config: &'a Config, name: &str) -> Option<&'a Dongle> {
    config.dongles.iter().find(|dongle| dongle.name == name && dongle.enabled)
}
