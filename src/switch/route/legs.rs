//! From targets to legs: numbers rewritten, what is switched off passed over.
use super::{Caller, Leg, dongle, is_number, trunk};
use crate::config::{Config, Destination, Route, RouteTarget};

/// Every dongle, then every trunk but the one that the call came by.
pub(super) fn emergency(config: &Config, caller: Caller<'_>, dialled: &str) -> Vec<Leg> {
    let came_by = match caller {
        Caller::Trunk { name, .. } => Some(name),
        Caller::Extension(_) | Caller::Dongle { .. } => None,
    };
    let dongles = config.dongles.iter().filter_map(|d| to_dongle(config, &d.name, dialled.to_owned(), false));
    let others = config.trunks.iter().filter(|trunk| Some(trunk.name.as_str()) != came_by);
    let trunks = others.filter_map(|t| to_trunk(config, &t.name, dialled.to_owned(), None, false));
    dongles.chain(trunks).collect()
}

/// None: strip and prepend leave no number for a target that needs one.
pub(super) fn of_route(config: &Config, route: &Route, dialled: &str) -> Option<Vec<Leg>> {
    let number = || rewritten(route, dialled);
    let mut legs = Vec::new();
    for target in &route.to {
        let leg = match target {
            RouteTarget::Dongle { name, number: fixed } => {
                let number = fixed.clone().or_else(number)?;
                to_dongle(config, name, number, route.hide)
            }
            RouteTarget::Trunk { name, number: fixed } => {
                let number = fixed.clone().or_else(number)?;
                to_trunk(config, name, number, route.caller_id.clone(), route.hide)
            }
            RouteTarget::Extension(name) => to_extension(config, name).pop(),
            RouteTarget::Group(name) => to_group(config, name),
            RouteTarget::Hangup(word) => Some(Leg::Hangup(*word)),
        };
        legs.extend(leg);
    }
    Some(legs)
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
    let found = config.extensions.iter().find(|extension| extension.name == name && extension.enabled);
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
