//! Ring groups: who of them rings, at once or in turn.
use super::{CallId, Cause, Party, Step};
use crate::config::{Extension, Group, Strategy};
use crate::switch::Switch;
use crate::switch::route::{Leg as Way, to_destination};
use crate::util::limits::CONFIG_SECTIONS;
use crate::util::table::Table;
use crate::util::time::Now;

/// Who was rung by groups, for those that take turns.
#[derive(Debug, Default)]
pub struct Turns {
    /// Calls of each group.
    groups: Table<String, u32>,
    /// The last call that rang each member.
    members: Table<String, u32>,
}

impl Turns {
    /// The place in the list that this call begins with.
    fn next(&mut self, group: &str, members: usize) -> usize {
        if self.groups.len() >= CONFIG_SECTIONS {
            self.groups.clear();
        }
        let count = self.groups.or_default(group.to_owned());
        let place = usize::try_from(*count).unwrap_or(0).checked_rem(members).unwrap_or(0);
        *count = count.wrapping_add(1);
        place
    }

    fn note(&mut self, member: &str, id: CallId) {
        if self.members.len() >= CONFIG_SECTIONS {
            self.members.clear();
        }
        self.members.insert(member.to_owned(), id.0);
    }
}

impl Switch {
    /// All members ring, or they become the next ways of the call; behind them comes what the group has for nobody.
    pub(super) fn ring_group(&mut self, id: CallId, name: &str, now: Now) -> Result<(), Cause> {
        let config = &self.loaded.config;
        let group = config.groups.iter().find(|g| g.enabled && g.name == name);
        let group = group.cloned().ok_or(Cause::UNASSIGNED)?;
        let otherwise = group.otherwise.as_ref().map(|d| to_destination(config, d)).unwrap_or_default();
        let members = self.members(id, &group);
        let call = self.calls.all.get_mut(&id).ok_or(Cause::NO_ROUTE)?;
        if !call.hop() {
            log::warn!("call {}: sent in a circle by group '{name}'", id.0);
            return Err(Cause::NO_ROUTE);
        }
        let goes_on = !otherwise.is_empty();
        otherwise.into_iter().rev().for_each(|way| call.ways.push_front(Step::from(way)));
        if group.strategy == Strategy::All {
            call.hunting = goes_on;
            return self.ring_phones(id, &members, Some(group.timeout), now);
        }
        let mut hunting = goes_on;
        let members = self.in_turn(&group, members);
        let call = self.calls.all.get_mut(&id).ok_or(Cause::NO_ROUTE)?;
        for member in members.into_iter().rev() {
            let way = Way::Extension { name: member.name };
            call.ways.push_front(Step { way, rings: Some(group.timeout), hunting, member: true });
            hunting = true;
        }
        // The first of them is tried next.
        Err(Cause::ABSENT)
    }

    /// Who may ring: neither the caller nor who wants not to be disturbed.
    fn members(&self, id: CallId, group: &Group) -> Vec<Extension> {
        let caller = self.calls.all.get(&id).map(|call| &call.a.party);
        let calls = |e: &Extension| matches!(caller, Some(Party::Extension { name }) if *name == e.name);
        let find = |name: &String| self.loaded.config.extension(name);
        let ring = |e: &&Extension| {
            let features = self.features(e);
            let busy = !features.call_waiting && self.is_in_call(id, &e.name);
            !calls(e) && !features.dnd && !busy
        };
        group.members.iter().filter_map(find).filter(ring).cloned().collect()
    }

    fn in_turn(&mut self, group: &Group, mut members: Vec<Extension>) -> Vec<Extension> {
        let turns = &mut self.calls.turns;
        match group.strategy {
            Strategy::Rotate => {
                // Below the length, or 0.
                let first = turns.next(&group.name, members.len());
                members.rotate_left(first);
            }
            Strategy::LeastRecent => {
                members.sort_by_key(|e| turns.members.get(&e.name).copied().unwrap_or(0));
            }
            Strategy::All | Strategy::InOrder => {}
        }
        members
    }

    /// A member's turn has come.
    pub(super) fn note_turn(&mut self, id: CallId, member: &str) {
        self.calls.turns.note(member, id);
    }
}
