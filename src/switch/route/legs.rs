//! From targets to legs: numbers rewritten, what is switched off passed over.
use super::{Caller, Leg, dongle, is_number, trunk};
use crate::config::{Config, Destination, Extension, Route, RouteTarget};

/// Every dongle, then every trunk but the one that the call came by; those that are named for it before the others.
pub(super) fn emergency(config: &Config, caller: Caller<'_>, dialled: &str) -> Vec<Leg> {
    let came_by = match caller {
        Caller::Trunk { name, .. } => Some(name),
        Caller::Extension(_) | Caller::Dongle { .. } => None,
    };
    let caller_id = own_number(config, caller);
    let dongles =
        config.dongles.iter().map(|d| (!d.emergency, to_dongle(config, &d.name, dialled.to_owned(), false)));
    let others = config.trunks.iter().filter(|trunk| Some(trunk.name.as_str()) != came_by);
    // Who is helped is shown: they call back.
    let trunks = others
        .map(|t| (!t.emergency, to_trunk(config, &t.name, dialled.to_owned(), caller_id.clone(), false)));
    let mut ways: Vec<(bool, Option<Leg>)> = dongles.chain(trunks).collect();
    // Stable: each part stays in the order of the file.
    ways.sort_by_key(|(last, _)| *last);
    ways.into_iter().filter_map(|(_, leg)| leg).collect()
}

/// None: strip and prepend leave no number for a target that needs one.
pub(super) fn of_route(
    config: &Config,
    caller: Caller<'_>,
    route: &Route,
    dialled: &str,
) -> Option<Vec<Leg>> {
    let hide = route.hide || extension(config, caller).is_some_and(|extension| extension.hide);
    let number = || rewritten(route, dialled);
    let mut legs = Vec::new();
    for target in &route.to {
        let leg = match target {
            RouteTarget::Dongle { name, number: fixed } => {
                let number = fixed.clone().or_else(number)?;
                to_dongle(config, name, number, hide)
            }
            RouteTarget::Trunk { name, number: fixed } => {
                let number = fixed.clone().or_else(number)?;
                let caller_id = route.caller_id.clone().or_else(|| own_number(config, caller));
                to_trunk(config, name, number, caller_id, hide)
            }
            RouteTarget::Extension(name) => to_extension(config, name).pop(),
            RouteTarget::Group(name) => to_group(config, name),
            RouteTarget::Hangup(word) => Some(Leg::Hangup(*word)),
        };
        legs.extend(leg);
    }
    Some(legs)
}

fn extension<'a>(config: &'a Config, caller: Caller<'_>) -> Option<&'a Extension> {
    match caller {
        Caller::Extension(name) => config.extensions.iter().find(|extension| extension.name == name),
        Caller::Trunk { .. } | Caller::Dongle { .. } => None,
    }
}

/// The number that an extension shows outside.
fn own_number(config: &Config, caller: Caller<'_>) -> Option<String> {
    extension(config, caller)?.caller_id.clone()
}

/// One leg, or none.
pub(in crate::switch) fn to_destination(config: &Config, destination: &Destination) -> Vec<Leg> {
    let leg = match destination {
        Destination::Extension(name) => return to_extension(config, name),
        Destination::Group(name) => to_group(config, name),
        Destination::Hangup(word) => Some(Leg::Hangup(*word)),
        Destination::Dongle { name, number } => to_dongle(config, name, number.clone(), false),
        Destination::Trunk { name, number } => to_trunk(config, name, number.clone(), None, false),
    };
    leg.into_iter().collect()
}

/// One leg, or none.
pub(super) fn to_extension(config: &Config, name: &str) -> Vec<Leg> {
    let found = config.extension(name);
    found.map(|extension| Leg::Extension { name: extension.name.clone() }).into_iter().collect()
}

fn to_group(config: &Config, name: &str) -> Option<Leg> {
    let found = config.groups.iter().find(|group| group.name == name && group.enabled);
    found.map(|group| Leg::Group { name: group.name.clone() })
}

fn to_dongle(config: &Config, name: &str, number: String, hide: bool) -> Option<Leg> {
    let name = dongle(config, name)?.name.clone();
    Some(Leg::Dongle { name, number, hide })
}

fn to_trunk(
    config: &Config,
    name: &str,
    number: String,
    caller_id: Option<String>,
    hide: bool,
) -> Option<Leg> {
    // Without `config sip` enabled there is no trunk to go by.
    let trunk = trunk(config, name).filter(|_| config.sip.enabled)?;
    let caller_id = caller_id.or_else(|| trunk.caller_id.clone());
    Some(Leg::Trunk { name: trunk.name.clone(), number, caller_id, hide })
}

/// What is dialled outside: `strip` characters off the front, `prepend` before the rest.
fn rewritten(route: &Route, dialled: &str) -> Option<String> {
    let rest = dialled.get(usize::from(route.strip)..)?;
    Some(format!("{}{rest}", route.prepend)).filter(|number| is_number(number))
}
