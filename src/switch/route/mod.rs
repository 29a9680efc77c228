//! Where a call goes. Pure: the configuration, who calls and what was dialled in, the decision out.
//!
//! In this order:
//! 1. An emergency number, as dialled and untouched by any rule: for every extension, and for callers by a trunk whom some
//!    route names and lets out. Such a caller is somebody of the house on the way. A stranger from a trunk gets no line
//!    for 112 either: it would be a call by our SIM, with our number, from anybody who found the port.
//! 2. From an extension, the number of an extension.
//! 3. The first route in the file that is for this caller and takes the number. A caller by a trunk must be named by it
//!    (`list caller`), whatever it leads to.
//! 4. From a trunk or dongle, its `inbound`.
//!
//! A target that is switched off or was left out for a problem is passed over; a route of which nothing remains refuses
//! the call, for the next one may cost more than its owner wants.
mod legs;

pub(in crate::switch) use legs::to_destination;
#[cfg(test)]
mod tests;

use crate::config::{Config, Destination, Dongle, HangupWord, Route, Source, Trunk, emergency};
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
    /// Everything it leads to is switched off or has a problem.
    NothingThere,
}

/// `dialled` is a stranger's text. From a dongle it is the SIM's own number as far as it is known, or empty.
#[must_use]
pub fn decide(config: &Config, caller: Caller<'_>, dialled: &str) -> Decision {
    let number = clean(dialled);
    let shown = match caller {
        Caller::Extension(_) => String::new(),
        // What cannot be read is withheld.
        Caller::Trunk { number, .. } | Caller::Dongle { number, .. } => clean(number).unwrap_or_default(),
    };
    let search = Search { config, caller, shown: &shown };
    if let Some(number) = number.as_deref().and_then(|number| search.emergency(number)) {
        let legs = legs::emergency(config, caller, number);
        return Decision::Emergency { number: number.to_owned(), legs };
    }
    search.decide(number.as_deref())
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
}

impl Search<'_> {
    fn emergency<'n>(&self, number: &'n str) -> Option<&'n str> {
        let number = emergency(self.country(), number)?;
        let may = match self.caller {
            Caller::Extension(_) => true,
            Caller::Trunk { .. } => {
                let outside = |route: &&Route| route.to.iter().any(|target| target.is_outside());
                self.routes().filter(outside).any(|route| self.is_named(route))
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
            for route in self.routes().filter(|route| route.matches.iter().any(|p| p.matches(number))) {
                if self.is_named(route) {
                    return self.by_route(route, number);
                }
                if matches!(self.caller, Caller::Trunk { .. }) {
                    refusal = Refusal::NotNamed;
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

    fn by_route(&self, route: &Route, number: &str) -> Decision {
        match legs::of_route(self.config, route, number) {
            Some(legs) => dial(&route.name, legs),
            None => Decision::Refused(Refusal::NotANumber),
        }
    }

    /// Routes for this kind of caller, in the order of the file.
    fn routes(&self) -> impl Iterator<Item = &Route> {
        let is_from = |source: &Source| match (source, self.caller) {
            (Source::Extensions, Caller::Extension(_)) => true,
            (Source::Extension(name), Caller::Extension(own)) => name == own,
            (Source::Trunk(name), Caller::Trunk { name: own, .. })
            | (Source::Dongle(name), Caller::Dongle { name: own, .. }) => name == own,
            _ => false,
        };
        self.config.routes.iter().filter(move |route| route.enabled && route.from.iter().any(is_from))
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
