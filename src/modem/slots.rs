//! The stick's store of texts: which slots to read, which are read and still lie there, which may be deleted.
use super::command::{Command, Reply};
use crate::util::limits::{AT_ANSWER_LINES, SLOT_JOBS};
use crate::wire::at::{Fields, Storage};
use std::collections::VecDeque;

/// A place in the store. Good for one session only: after a replug another SIM may lie behind the same index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slot {
    pub storage: Storage,
    pub index: u16,
    pub session: u32,
}

/// What is to be done next with the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Make this storage the one that reads and deletes go to.
    Select(Storage),
    Delete(Slot),
    Read(Slot),
    List(Storage),
}

/// A text read from the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub slot: Slot,
    /// The PDU as the stick printed it: hexadecimal, SMSC field first. May be anything.
    pub pdu: String,
}

/// Deletions of one slot before it is left to the next list.
const DELETE_TRIES: u8 = 3;
/// +CMGR stat 2 and 3: texts of the user's own, stored unsent or sent. Not ours to read or delete.
const OWN_TEXTS: std::ops::RangeInclusive<u8> = 2..=3;

#[derive(Debug, Default)]
pub struct Slots {
    session: u32,
    selected: Option<Storage>,
    /// Where the network's texts go: what the start selected last.
    home: Option<Storage>,
    /// Storages to list, each once.
    lists: VecDeque<Storage>,
    reads: VecDeque<Slot>,
    deletes: VecDeque<(Slot, u8)>,
    /// Read in this session, not deleted yet: not to be read again.
    held: Vec<Slot>,
    /// Those of them that stay for longer, as the disk does not take them.
    stuck: Vec<Slot>,
    /// Slots that hold something that is not ours: drafts, and what could not be deleted.
    foreign: u16,
}

impl Slots {
    /// A new session with the stick: nothing of the last one holds.
    pub fn open(&mut self, session: u32) {
        *self = Self { session, ..Self::default() };
    }

    /// The start selected this storage.
    pub fn note_selected(&mut self, storage: Storage) {
        self.selected = Some(storage);
        self.home = Some(storage);
    }

    /// The poll or the stick says that something lies there that is not known.
    pub fn want_home_list(&mut self) {
        self.want_list(self.home.unwrap_or(Storage::Sim));
    }

    /// Read everything that lies in `storage`.
    pub fn want_list(&mut self, storage: Storage) {
        if !self.lists.contains(&storage) {
            self.lists.push_back(storage);
        }
    }

    /// `+CMTI` or `+CDSI` named a slot. Without an index, or when too many wait, the whole list is read.
    pub fn want_read(&mut self, storage: Option<Storage>, index: Option<u16>) {
        let storage = match storage {
            Some(Storage::Both) | None => self.selected.unwrap_or(Storage::Sim),
            Some(storage) => storage,
        };
        let slot = index.map(|index| Slot { storage, index, session: self.session });
        match slot {
            Some(slot) if self.reads.contains(&slot) => {}
            // Announced twice; but while it is being deleted it may be the next text in the same slot, announced
            // before the deletion's OK.
            Some(slot) if self.held.contains(&slot) && !self.is_to_go(slot) => {}
            Some(slot) if self.reads.len() < SLOT_JOBS => self.reads.push_back(slot),
            _ => {
                self.reads.retain(|r| r.storage != storage);
                self.want_list(storage);
            }
        }
    }

    /// The text of `slot` is safe. A slot of an earlier session is not touched.
    pub fn want_delete(&mut self, slot: Slot) {
        if slot.session == self.session && !self.is_to_go(slot) {
            self.deletes.push_back((slot, 0));
        }
    }

    /// Not kept by the owner: the next list shows it again.
    pub fn release(&mut self, slot: Slot) {
        self.let_go(slot);
    }

    /// More lies there than is known: `used` of the poll against what is held or foreign.
    #[must_use]
    pub fn hides_something(&self, used: u16) -> bool {
        let held = self.held.iter().filter(|s| Some(s.storage) == self.selected).count();
        self.lists.is_empty()
            && self.reads.is_empty()
            && usize::from(used) > held.saturating_add(self.foreign.into())
    }

    /// Deletions first: a full store keeps the network's next part away.
    #[must_use]
    pub fn next(&self) -> Option<Job> {
        let (storage, job) = if let Some((slot, _)) = self.deletes.front() {
            (slot.storage, Job::Delete(*slot))
        } else if let Some(storage) = self.lists.front().filter(|s| !self.holds_some_of(**s)) {
            // Lists before reads: what a list has shown need not be read.
            (*storage, Job::List(*storage))
        } else {
            let slot = *self.reads.front()?;
            (slot.storage, Job::Read(slot))
        };
        Some(if self.selected == Some(storage) { job } else { Job::Select(storage) })
    }

    fn is_to_go(&self, slot: Slot) -> bool {
        self.deletes.iter().any(|(s, _)| *s == slot)
    }

    /// Some texts of `storage` are on their way to the disk: a list now would only carry them over once more.
    fn holds_some_of(&self, storage: Storage) -> bool {
        self.held.iter().any(|s| s.storage == storage && !self.stuck.contains(s))
    }

    /// The disk did not take the text of `slot`: it stays here until it is delivered, and lists go on around it.
    pub fn note_stuck(&mut self, slot: Slot) {
        if self.held.contains(&slot) && !self.stuck.contains(&slot) {
            self.stuck.push(slot);
        }
    }

    /// The slot is empty, or somebody else's affair.
    fn let_go(&mut self, slot: Slot) {
        self.held.retain(|s| *s != slot);
        self.stuck.retain(|s| *s != slot);
    }

    /// Back home when nothing else is to be done here: the network delivers into the selected storage.
    #[must_use]
    pub fn idle_selection(&self) -> Option<Job> {
        let home = self.home.filter(|home| self.selected != Some(*home))?;
        let busy = self.selected.is_some_and(|selected| self.holds_some_of(selected));
        (!busy && self.next().is_none()).then_some(Job::Select(home))
    }

    /// An answer; the texts found in it.
    pub fn on_reply(&mut self, job: Job, reply: &Reply) -> Vec<Found> {
        match job {
            Job::Select(storage) => {
                // A lost answer says nothing of the storage: once more.
                if *reply != Reply::Lost {
                    self.on_selected(storage, reply.is_ok());
                }
                Vec::new()
            }
            Job::Delete(slot) => {
                self.on_deleted(slot, reply);
                Vec::new()
            }
            Job::Read(slot) => self.on_read(slot, reply),
            Job::List(storage) => self.on_list(storage, reply),
        }
    }

    fn on_selected(&mut self, storage: Storage, ok: bool) {
        if ok {
            self.selected = Some(storage);
            return;
        }
        // Not there: forget what was wanted of it, or this would never end.
        log::warn!("the stick refuses storage {}", storage.name());
        self.lists.retain(|s| *s != storage);
        self.reads.retain(|s| s.storage != storage);
        self.deletes.retain(|(s, _)| s.storage != storage);
    }

    fn on_deleted(&mut self, slot: Slot, reply: &Reply) {
        let Some((slot, tries)) = self.deletes.pop_front().filter(|(s, _)| *s == slot) else { return };
        if reply.is_ok() {
            self.let_go(slot);
        } else if *reply == Reply::Lost {
            // It may be empty and filled again with a text that nobody has read: look before it is emptied once more.
            self.let_go(slot);
            self.want_read(Some(slot.storage), Some(slot.index));
        } else if tries.saturating_add(1) < DELETE_TRIES {
            self.deletes.push_back((slot, tries.saturating_add(1)));
        } else {
            log::warn!("slot {} can't be deleted; it is tried again after the next list", slot.index);
            self.let_go(slot);
            self.foreign = self.foreign.saturating_add(1);
        }
    }

    fn on_read(&mut self, slot: Slot, reply: &Reply) -> Vec<Found> {
        self.reads.retain(|s| *s != slot);
        if *reply == Reply::Lost {
            // Some slots wedge some sticks on +CMGR (DONGLE 2.10-7); the list gets around it.
            self.want_list(slot.storage);
            return Vec::new();
        }
        let lines = reply.lines();
        let Some(header) = lines.iter().position(|l| l.starts_with("+CMGR:")) else { return Vec::new() };
        let stat = lines.get(header).and_then(|l| Fields::of(l, "+CMGR:")).and_then(|mut f| f.number::<u8>());
        let Some(pdu) = lines.get(header.saturating_add(1)) else { return Vec::new() };
        self.found(slot, stat, pdu).into_iter().collect()
    }

    fn on_list(&mut self, storage: Storage, reply: &Reply) -> Vec<Found> {
        self.lists.retain(|s| *s != storage);
        if !reply.is_ok() {
            // Once more with the next poll.
            log::warn!("the list of texts in {} was not answered", storage.name());
            return Vec::new();
        }
        self.foreign = 0;
        let mut found = Vec::new();
        let lines = reply.lines();
        for (at, line) in lines.iter().enumerate() {
            let Some(mut fields) = Fields::of(line, "+CMGL:") else { continue };
            let (index, stat) = (fields.number(), fields.number());
            let body = lines.get(at.saturating_add(1)).filter(|l| !l.starts_with("+CMGL:"));
            if let (Some(index), Some(pdu)) = (index, body) {
                found.extend(self.found(Slot { storage, index, session: self.session }, stat, pdu));
            }
        }
        // What the list has shown. What was announced while it ran may not be in it, and is read after it.
        let held = &self.held;
        self.reads.retain(|s| !held.contains(s));
        if lines.len() >= AT_ANSWER_LINES {
            self.want_list(storage);
        }
        found
    }

    fn found(&mut self, slot: Slot, stat: Option<u8>, pdu: &str) -> Option<Found> {
        if stat.is_some_and(|s| OWN_TEXTS.contains(&s)) {
            self.foreign = self.foreign.saturating_add(1);
            return None;
        }
        if self.held.contains(&slot) {
            return None;
        }
        self.held.push(slot);
        Some(Found { slot, pdu: pdu.to_owned() })
    }
}

impl Job {
    #[must_use]
    pub fn command(self) -> Command {
        match self {
            Self::Select(storage) => super::start::select(storage),
            Self::Delete(slot) => Command::set(format!("AT+CMGD={}", slot.index)).within(10),
            Self::Read(slot) => {
                Command::query(format!("AT+CMGR={}", slot.index), "+CMGR:").with_bare_lines().within(10)
            }
            Self::List(_) => Command::query("AT+CMGL=4", "+CMGL:").with_bare_lines().within(30),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::at::Final;

    fn ok(lines: &[&str]) -> Reply {
        Reply::Done { lines: lines.iter().map(|l| (*l).to_owned()).collect(), result: Final::Ok }
    }

    fn opened() -> Slots {
        let mut slots = Slots::default();
        slots.open(1);
        slots.note_selected(Storage::Sim);
        slots
    }

    fn slot(index: u16) -> Slot {
        Slot { storage: Storage::Sim, index, session: 1 }
    }

    #[test]
    fn listed_once_deleted_only_when_told() {
        let mut s = opened();
        s.want_list(Storage::Sim);
        assert_eq!(s.next(), Some(Job::List(Storage::Sim)));
        let found = s.on_reply(
            Job::List(Storage::Sim),
            &ok(&["+CMGL: 1,1,,23", "0791", "+CMGL: 2,3,,23", "0792", "+CMGL: 4,0,23", "0793"]),
        );
        assert_eq!(found.iter().map(|f| f.slot.index).collect::<Vec<_>>(), [1, 4], "a draft is not ours");
        assert_eq!(s.next(), None, "nothing is deleted before it is stored");
        assert!(!s.hides_something(3));
        assert!(s.hides_something(4));
        s.want_read(Some(Storage::Sim), Some(1));
        assert_eq!(s.next(), None, "held slots are not read again");
        s.want_delete(slot(4));
        assert_eq!(s.next(), Some(Job::Delete(slot(4))));
        s.on_reply(Job::Delete(slot(4)), &ok(&[]));
        s.want_read(Some(Storage::Sim), Some(4));
        assert_eq!(s.next(), Some(Job::Read(slot(4))), "a new text in the same slot");
    }

    #[test]
    fn a_slot_of_an_earlier_session_is_not_deleted() {
        let mut s = opened();
        s.want_read(None, Some(1));
        s.on_reply(Job::Read(slot(1)), &ok(&["+CMGR: 0,23", "0791"]));
        s.open(2);
        s.note_selected(Storage::Sim);
        s.want_delete(slot(1));
        assert_eq!(s.next(), None);
    }

    #[test]
    fn other_memory_is_selected_first() {
        let mut s = opened();
        s.want_read(Some(Storage::Device), Some(7));
        assert_eq!(s.next(), Some(Job::Select(Storage::Device)));
        s.on_reply(Job::Select(Storage::Device), &Reply::Done { lines: vec![], result: Final::Error });
        assert_eq!(s.next(), None, "a refused storage does not loop");
    }

    #[test]
    fn a_lost_answer_to_the_selection_is_no_refusal() {
        let mut s = opened();
        s.want_read(Some(Storage::Device), Some(7));
        s.on_reply(Job::Select(Storage::Device), &Reply::Lost);
        assert_eq!(s.next(), Some(Job::Select(Storage::Device)));
    }

    #[test]
    fn back_to_where_the_network_delivers() {
        let mut s = opened();
        s.want_list(Storage::Device);
        s.on_reply(Job::Select(Storage::Device), &ok(&[]));
        assert_eq!(s.idle_selection(), None, "not before the list is read");
        s.on_reply(Job::List(Storage::Device), &ok(&[]));
        assert_eq!(s.idle_selection(), Some(Job::Select(Storage::Sim)));
        s.on_reply(Job::Select(Storage::Sim), &ok(&[]));
        assert_eq!(s.idle_selection(), None);
    }

    #[test]
    fn no_index_and_wedged_slot_read_the_list() {
        let mut s = opened();
        s.want_read(Some(Storage::Sim), None);
        assert_eq!(s.next(), Some(Job::List(Storage::Sim)));
        let mut s = opened();
        s.want_read(Some(Storage::Sim), Some(3));
        s.on_reply(Job::Read(slot(3)), &Reply::Lost);
        assert_eq!(s.next(), Some(Job::List(Storage::Sim)));
    }

    #[test]
    fn announced_while_the_list_runs() {
        let mut s = opened();
        s.want_list(Storage::Sim);
        assert_eq!(s.next(), Some(Job::List(Storage::Sim)));
        s.want_read(Some(Storage::Sim), Some(0));
        s.want_read(Some(Storage::Sim), Some(1));
        s.on_reply(Job::List(Storage::Sim), &ok(&["+CMGL: 1,0,,23", "0791"]));
        assert_eq!(s.next(), Some(Job::Read(slot(0))), "not in the list: it came after");
    }

    #[test]
    fn the_next_text_in_a_slot_is_announced_before_the_deletions_ok() {
        let mut s = opened();
        s.want_read(None, Some(1));
        s.on_reply(Job::Read(slot(1)), &ok(&["+CMGR: 0,23", "0791"]));
        s.want_delete(slot(1));
        assert_eq!(s.next(), Some(Job::Delete(slot(1))));
        s.want_read(None, Some(1));
        s.on_reply(Job::Delete(slot(1)), &ok(&[]));
        assert_eq!(s.next(), Some(Job::Read(slot(1))));
        assert_eq!(s.on_reply(Job::Read(slot(1)), &ok(&["+CMGR: 0,23", "0792"])).len(), 1);
    }

    #[test]
    fn a_text_that_the_disk_does_not_take_does_not_keep_others_from_being_found() {
        let mut s = opened();
        s.want_read(None, Some(1));
        s.on_reply(Job::Read(slot(1)), &ok(&["+CMGR: 0,23", "0791"]));
        s.want_list(Storage::Sim);
        assert_eq!(s.next(), None, "on its way to the disk");
        s.note_stuck(slot(1));
        assert_eq!(s.next(), Some(Job::List(Storage::Sim)));
    }

    #[test]
    fn undeletable_slot_ends() {
        let mut s = opened();
        s.want_read(None, Some(1));
        s.on_reply(Job::Read(slot(1)), &ok(&["+CMGR: 0,23", "0791"]));
        s.want_delete(slot(1));
        for _ in 0..DELETE_TRIES {
            assert_eq!(s.next(), Some(Job::Delete(slot(1))));
            s.on_reply(Job::Delete(slot(1)), &Reply::Done { lines: vec![], result: Final::Error });
        }
        assert_eq!(s.next(), None);
    }
}
