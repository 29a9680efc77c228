//! Parts in, texts out. Nothing leaves the SIM before its part is on the medium.
use super::part::{Arrival, Part, PartId, Reading};
use super::store::{self, DiskError};
use super::text::{Key, Text, TextId};
use crate::util::limits::TEXTS_WAITING;
use crate::util::table::Table;
use crate::util::time::{Instant, Now, Wall};
use crate::wire::sms::StatusReport;
use std::collections::VecDeque;
use std::time::Duration;

/// What the inbox asks for or tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Write this record; `handle_stored` answers.
    Store {
        part: PartId,
        name: String,
        bytes: Vec<u8>,
    },
    /// The part is on the medium, or needs no keeping: its slot may be emptied.
    Safe(PartId),
    /// There is no room: leave it where it is.
    Refused(PartId),
    /// More of the text is there than before, and it is to be delivered.
    Deliver(TextId),
    Report(StatusReport),
}

/// Why a part is not on the medium yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pending {
    Writing,
    /// Failed; tried again then. The slot keeps it meanwhile, and the text is delivered from memory.
    Waiting(Instant),
}

/// A failed write is tried again after this.
const STORE_PAUSE: Duration = Duration::from_secs(60);
/// Until all parts are there, `status` counts them; a text is called incomplete after so much silence.
pub const PARTS_SILENCE: Duration = Duration::from_secs(600);
/// Two equal PDUs without a date in them are one text within this time, two beyond it.
const SAME_UNDATED: i64 = 6 * 3_600;

/// All received texts.
#[derive(Debug, Default)]
pub struct Inbox {
    texts: Table<TextId, Text>,
    /// Newest last.
    order: VecDeque<TextId>,
    parts: Table<PartId, TextId>,
    keys: Table<Key, Vec<TextId>>,
    pending: Table<PartId, Pending>,
    /// Second copies whose first is not on the medium yet.
    copies: Table<PartId, Vec<PartId>>,
    /// Incomplete texts and when they are delivered as they are.
    incomplete: Table<TextId, Instant>,
    actions: VecDeque<Action>,
}

impl Inbox {
    /// A part's file.
    #[must_use]
    pub fn file_name(text: TextId, part: PartId) -> String {
        format!("{text}-{:016x}.part", part.0)
    }

    /// Text and part of a file name.
    #[must_use]
    pub fn parse_file_name(name: &str) -> Option<(TextId, PartId)> {
        let (text, part) = name.strip_suffix(".part")?.split_once('-')?;
        Some((TextId::parse(text)?, PartId(TextId::parse(part)?.0)))
    }

    /// A record found at start. `patience`: how long an incomplete text waits.
    pub fn load(
        &mut self,
        text: TextId,
        id: PartId,
        record: &serde_json::Value,
        patience: Duration,
        now: Now,
    ) -> bool {
        let Some(arrival) = Arrival::from_record(record) else { return false };
        let reading = arrival.read();
        let part = Part::of(arrival, id, &reading);
        self.parts.insert(id, text);
        match self.texts.get_mut(&text) {
            Some(known) => known.add(part, now.mono),
            None => self.begin(text, part, &reading, now),
        }
        self.watch(text, patience, now);
        true
    }

    /// All records are loaded: put the texts in the order in which they came.
    pub fn loaded(&mut self) {
        let texts = &self.texts;
        self.order.make_contiguous().sort_by_key(|id| texts.get(id).map(Text::received));
    }

    /// A PDU came from a stick. The part's id is known in `Safe` or `Refused` later.
    pub fn handle_arrival(
        &mut self,
        arrival: Arrival,
        patience: Duration,
        waiting: usize,
        now: Now,
    ) -> PartId {
        let reading = arrival.read();
        let mut id = arrival.id();
        match &reading {
            Reading::Silent => {
                self.actions.push_back(Action::Safe(id));
                return id;
            }
            Reading::Report(report) => {
                self.actions.push_back(Action::Report(report.clone()));
                self.actions.push_back(Action::Safe(id));
                return id;
            }
            Reading::Text(_) | Reading::Unreadable(_) => {}
        }
        if let Some(known) = self.known(id, &arrival) {
            if self.is_the_same(known, &reading, arrival.at) {
                self.on_copy(id, id);
                return id;
            }
            id = arrival.id_by_time();
        }
        if waiting >= TEXTS_WAITING {
            self.actions.push_back(Action::Refused(id));
            return id;
        }
        self.on_new_part(Part::of(arrival, id, &reading), &reading, patience, now);
        id
    }

    /// A record was written, or not.
    pub fn handle_stored(&mut self, part: PartId, result: Result<(), DiskError>, now: Now) {
        let Some(text) = self.parts.get(&part).copied() else { return };
        match result {
            Ok(()) => {
                self.on_safe(part);
            }
            Err(why) => {
                log::error!(
                    "a text can't be stored: {why}; it stays on the SIM and is forwarded from memory"
                );
                self.pending.insert(part, Pending::Waiting(now.mono + STORE_PAUSE));
            }
        }
        let settled = |t: &Text| t.parts().all(|p| self.pending.get(&p.id) != Some(&Pending::Writing));
        if self.texts.get(&text).is_some_and(|t| t.is_complete() && settled(t)) {
            self.actions.push_back(Action::Deliver(text));
        }
    }

    /// The clock reached `poll_timeout`.
    pub fn handle_timeout(&mut self, now: Now) {
        let due: Vec<PartId> = self
            .pending
            .iter()
            .filter(|(_, p)| matches!(p, Pending::Waiting(at) if *at <= now.mono))
            .map(|(id, _)| *id)
            .collect();
        due.into_iter().for_each(|id| self.store(id));
        let late: Vec<TextId> =
            self.incomplete.iter().filter(|(_, at)| **at <= now.mono).map(|(id, _)| *id).collect();
        for id in late {
            self.incomplete.remove(&id);
            self.actions.push_back(Action::Deliver(id));
        }
    }

    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let store = self.pending.values().filter_map(|p| match p {
            Pending::Waiting(at) => Some(*at),
            Pending::Writing => None,
        });
        store.chain(self.incomplete.values().copied()).min()
    }

    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    #[must_use]
    pub fn text(&self, id: TextId) -> Option<&Text> {
        self.texts.get(&id)
    }

    /// Newest first.
    pub fn texts(&self) -> impl DoubleEndedIterator<Item = &Text> {
        self.order.iter().rev().filter_map(|id| self.texts.get(id))
    }

    /// Texts whose missing parts are still waited for.
    #[must_use]
    pub fn incomplete(&self) -> usize {
        self.texts.values().filter(|t| !t.is_complete()).count()
    }

    #[must_use]
    pub fn is_waiting_for_parts(&self, id: TextId) -> bool {
        self.incomplete.contains_key(&id)
    }

    fn on_safe(&mut self, part: PartId) {
        self.pending.remove(&part);
        self.actions.push_back(Action::Safe(part));
        for copy in self.copies.remove(&part).unwrap_or_default() {
            self.actions.push_back(Action::Safe(copy));
        }
    }

    /// Delivered everywhere: parts that could not be stored need no keeping any more.
    pub fn note_delivered(&mut self, id: TextId) {
        let Some(text) = self.texts.get(&id) else { return };
        let unstored: Vec<PartId> = text
            .parts()
            .map(|p| p.id)
            .filter(|p| matches!(self.pending.get(p), Some(Pending::Waiting(_))))
            .collect();
        for part in unstored {
            self.on_safe(part);
        }
    }

    /// Forget a text; the files that hold it.
    pub fn remove(&mut self, id: TextId) -> Vec<String> {
        let Some(text) = self.texts.remove(&id) else { return Vec::new() };
        self.order.retain(|o| *o != id);
        self.incomplete.remove(&id);
        if let Some(key) = &text.key
            && let Some(ids) = self.keys.get_mut(key)
        {
            ids.retain(|o| *o != id);
            if ids.is_empty() {
                self.keys.remove(key);
            }
        }
        let mut names = Vec::new();
        for part in text.parts() {
            self.parts.remove(&part.id);
            self.pending.remove(&part.id);
            self.copies.remove(&part.id);
            names.push(Self::file_name(id, part.id));
        }
        names
    }

    // --- parts ------------------------------------------------------------------------------------------------

    /// The text that already holds a PDU with this id, if it is the same PDU (an id is only a hash).
    fn known(&self, id: PartId, arrival: &Arrival) -> Option<&Part> {
        let text = self.texts.get(self.parts.get(&id)?)?;
        text.parts().find(|p| p.id == id && p.arrival.pdu == arrival.pdu && p.arrival.sim == arrival.sim)
    }

    /// Equal bytes are the same text: the stamp in them is of one second. Without a stamp the time of arrival decides.
    fn is_the_same(&self, known: &Part, reading: &Reading, at: Wall) -> bool {
        let dated = matches!(reading, Reading::Text(deliver) if deliver.timestamp.is_some());
        let before = known.arrival.at;
        // Still on its way to the medium: certainly the same slot read again.
        dated
            || self.pending.contains_key(&known.id)
            || !before.is_set()
            || !at.is_set()
            || at.0.saturating_sub(before.0) < SAME_UNDATED
    }

    /// `copy` says the same as `part`: its slot may go as soon as `part` is on the medium.
    fn on_copy(&mut self, part: PartId, copy: PartId) {
        if self.pending.contains_key(&part) {
            let copies = self.copies.or_default(part);
            if part != copy && !copies.contains(&copy) {
                copies.push(copy);
            }
        } else {
            self.actions.push_back(Action::Safe(copy));
        }
    }

    fn on_new_part(&mut self, part: Part, reading: &Reading, patience: Duration, now: Now) {
        let id = part.id;
        let text = match self.place_for(&part, reading) {
            Place::Copy(of) => {
                self.on_copy(of, id);
                return;
            }
            Place::Joins(text) => {
                if let Some(known) = self.texts.get_mut(&text) {
                    known.add(part, now.mono);
                }
                text
            }
            Place::Begins => {
                let text = TextId(id.0);
                self.begin(text, part, reading, now);
                text
            }
        };
        self.parts.insert(id, text);
        self.watch(text, patience, now);
        self.store(id);
    }

    /// Where a part belongs: newest texts first, as reference numbers come again.
    fn place_for(&self, part: &Part, reading: &Reading) -> Place {
        let Some(key) = key_of(part, reading) else { return Place::Begins };
        let candidates = self.keys.get(&key).map(Vec::as_slice).unwrap_or_default();
        for text in candidates.iter().rev().filter_map(|id| self.texts.get(id)) {
            if !text.is_of_the_time(part) {
                continue;
            }
            match text.part(part.number()) {
                None => return Place::Joins(text.id),
                // Sent twice by the network, perhaps with another stamp.
                Some(have) if have.body == part.body => return Place::Copy(have.id),
                Some(_) => {}
            }
        }
        Place::Begins
    }

    fn begin(&mut self, id: TextId, part: Part, reading: &Reading, now: Now) {
        let (sender, nameless) = sender_of(reading);
        let text = Text::begin(id, part, sender, nameless, now.mono);
        if let Some(key) = &text.key {
            self.keys.or_default(key.clone()).push(id);
        }
        self.texts.insert(id, text);
        self.order.push_back(id);
    }

    /// Start or end the wait for missing parts. A restart does not begin it anew, as far as the clock can be believed.
    fn watch(&mut self, id: TextId, patience: Duration, now: Now) {
        let Some(text) = self.texts.get(&id) else { return };
        if text.is_complete() {
            self.incomplete.remove(&id);
            return;
        }
        let received = text.received();
        let passed = if received.is_set() && now.wall.is_set() {
            Duration::from_secs(u64::try_from(now.wall.0.saturating_sub(received.0)).unwrap_or(0))
        } else {
            Duration::ZERO
        };
        self.incomplete.insert(id, now.mono + patience.saturating_sub(passed));
    }

    fn store(&mut self, id: PartId) {
        let Some(text) = self.parts.get(&id) else { return };
        let Some(part) = self.texts.get(text).and_then(|t| t.parts().find(|p| p.id == id)) else { return };
        self.pending.insert(id, Pending::Writing);
        let name = Self::file_name(*text, id);
        self.actions.push_back(Action::Store {
            part: id,
            name,
            bytes: store::encode(&part.arrival.record()),
        });
    }
}

enum Place {
    Begins,
    Joins(TextId),
    Copy(PartId),
}

fn sender_of(reading: &Reading) -> (String, bool) {
    match reading {
        Reading::Text(deliver) => {
            let shown = crate::util::text::one_line(&deliver.originator.to_string(), 32);
            (shown, !deliver.originator.is_number())
        }
        _ => (String::new(), true),
    }
}

fn key_of(part: &Part, reading: &Reading) -> Option<Key> {
    let concat = part.concat?;
    Some(Key {
        sim: part.arrival.sim.clone(),
        sender: sender_of(reading).0,
        reference: concat.reference,
        wide: concat.wide,
        total: concat.total,
    })
}
