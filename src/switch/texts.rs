//! The way of a text through the house: slot → inbox → disk → slot emptied → post → mail server; and out again.
use super::lines::pin_file;
use super::storing::Purpose;
use super::{LineId, Output, Switch};
use crate::config::Target;
use crate::message::delivery::Deliveries;
use crate::message::inbox::{self, Inbox};
use crate::message::mail::Outcome;
use crate::message::outbox::{self, Outbox};
use crate::message::part::Arrival;
use crate::message::{Change, DiskError, PartId, TextId, compose, post, store};
use crate::modem::{PinNote, Slot};
use crate::util::OFFICE;
use crate::util::pii::Pii;
use crate::util::time::{Instant, Now};
use std::time::Duration;

/// Ended texts removed at once when the disk is full.
const MAKE_ROOM: usize = 20;
/// Where the section gives none (the dongle is gone from the configuration).
const PATIENCE: Duration = Duration::from_secs(86_400);

impl Switch {
    /// A write has ended.
    pub fn handle_stored(&mut self, token: u64, result: Result<(), DiskError>, now: Now) {
        let Some((purpose, change)) = self.storing.end(token) else { return };
        self.note_disk(result);
        match &purpose {
            Purpose::Part(part) => {
                if result.is_err() {
                    self.note_stuck(*part, now.mono);
                }
                self.inbox.handle_stored(*part, result, now);
            }
            Purpose::Page(id) => {
                if OFFICE {
                    self.messages.pager.handle_stored(*id, result);
                }
            }
            Purpose::Outgoing(id) => self.outbox.handle_stored(*id, result, now),
            Purpose::Pin { line, key } => {
                let (line, key) = (*line, *key);
                if let Some(line) = self.line_mut(line) {
                    line.modem.handle_noted(key, result.is_ok(), now.mono);
                }
            }
            Purpose::Settings if OFFICE => self.on_settings_stored(result),
            Purpose::Settings | Purpose::Deliveries(_) | Purpose::Registrations | Purpose::Removal => {}
        }
        if result.is_err() {
            self.store_again(purpose, change, now.mono);
        }
        self.turn(now);
    }

    /// The mail of `Output::Mail` is with the server, or not.
    pub fn handle_mailed(&mut self, outcome: &Outcome, now: Now) {
        match outcome {
            Outcome::Accepted { .. } => self.counters.mails_sent = self.counters.mails_sent.saturating_add(1),
            _ => self.counters.mails_failed = self.counters.mails_failed.saturating_add(1),
        }
        let elsewhere = self.all_targets();
        self.post.handle_outcome(outcome, &elsewhere, now);
        self.turn(now);
    }

    // --- the disk ---------------------------------------------------------------------------------------------

    pub(super) fn store(&mut self, purpose: Purpose, change: Change) {
        self.storing.supersede(&purpose);
        if let Change::Write { bytes, .. } = &change {
            self.counters.store_writes = self.counters.store_writes.saturating_add(1);
            let bytes = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            self.counters.store_bytes = self.counters.store_bytes.saturating_add(bytes);
        }
        let token = self.storing.begin(purpose, change.clone());
        self.outputs.push_back(Output::Store { token, change });
    }

    /// A part is repeated by the inbox, the note of a PIN by the modem before it tries: written later it would tell of an
    /// attempt that was not made. Everything else here, or a restart would not know of it.
    fn store_again(&mut self, purpose: Purpose, change: Change, now: Instant) {
        match purpose {
            Purpose::Part(_) | Purpose::Page(_) => {}
            Purpose::Pin { key, .. } if self.pins.get(&key) == Some(&PinNote::Tried) => {
                self.pins.remove(&key);
            }
            purpose => self.storing.repeat(purpose, change, now),
        }
    }

    fn note_disk(&mut self, result: Result<(), DiskError>) {
        match result {
            Ok(()) => {
                if self.disk_trouble.take().is_some() {
                    log::info!("the state directory takes writes again");
                }
            }
            Err(why) => {
                self.counters.store_failures = self.counters.store_failures.saturating_add(1);
                if self.disk_trouble.is_none() {
                    log::error!("the state directory takes no writes: {why}");
                    if why == DiskError::Full {
                        self.purge(self.ended().saturating_sub(MAKE_ROOM));
                    }
                }
                self.disk_trouble = Some(why.to_string());
            }
        }
    }

    /// Everything that an earlier run left.
    pub(super) fn load_state(&mut self, files: &[(String, Vec<u8>)], now: Now) {
        for (name, bytes) in files {
            if !self.load_file(name, bytes, now) {
                log::warn!(
                    "{}: not a record of tandem, or damaged; left alone",
                    crate::util::text::one_line(name, 80)
                );
                self.foreign_files = self.foreign_files.saturating_add(1);
            }
        }
        self.inbox.loaded();
        self.outbox.loaded();
        let texts: Vec<(TextId, bool, u8)> =
            self.inbox.texts().rev().map(|t| (t.id, t.is_complete(), t.count())).collect();
        for (id, complete, count) in texts {
            // An incomplete text that was delivered so far waits on for the rest.
            let known = self.post.deliveries(id).map(|d| d.parts);
            if complete || known.is_some_and(|parts| parts >= count) {
                self.deliver(id, now);
            }
        }
    }

    fn load_file(&mut self, name: &str, bytes: &[u8], now: Now) -> bool {
        let Some(record) = store::decode(bytes) else { return false };
        if let Some((text, part)) = Inbox::parse_file_name(name) {
            let dongle = record.get("dongle").and_then(|d| d.as_str());
            let section = self.loaded.config.dongles.iter().find(|d| Some(d.name.as_str()) == dongle);
            let patience = section.map_or(PATIENCE, |d| d.incomplete_after);
            return self.inbox.load(text, part, &record, patience, now);
        }
        if name == super::kept::FILE {
            return self.kept.load(&record);
        }
        if OFFICE && name == super::settings::FILE {
            return self.settings.load(&record);
        }
        let Some((stem, kind)) = name.rsplit_once('.') else { return false };
        let Some(id) = TextId::parse(stem) else { return false };
        match kind {
            "done" => match Deliveries::from_record(&record, now.mono) {
                Some(deliveries) => {
                    self.post.load(id, deliveries);
                    true
                }
                None => false,
            },
            "out" => self.outbox.load(id, &record, now),
            "msg" if OFFICE => self.messages.pager.load(id, &record, now),
            "pin" => {
                let note = record.get("note").and_then(|n| n.as_str()).and_then(PinNote::parse);
                note.is_some_and(|note| {
                    self.pins.insert(id.0, note);
                    pin_file(id.0) == name
                })
            }
            _ => false,
        }
    }

    // --- in ---------------------------------------------------------------------------------------------------

    /// A PDU came from a stick; `slot` is where it lies.
    pub(super) fn on_pdu(&mut self, id: LineId, slot: Option<Slot>, pdu: &str, now: Now) {
        let Some(line) = self.lines.iter().find(|l| l.id == id) else { return };
        let arrival = Arrival::new(&line.section.name, line.sim(), pdu, now.wall);
        let patience = line.section.incomplete_after;
        let before = self.inbox.texts().count();
        let waiting = self.undelivered();
        let part = self.inbox.handle_arrival(arrival, patience, waiting, now);
        if let Some(slot) = slot {
            self.slots.or_default(part).push((id, slot));
        }
        if self.inbox.texts().count() > before {
            self.counters.texts_in = self.counters.texts_in.saturating_add(1);
        }
    }

    /// Texts that nobody has yet: on their way, incomplete, or without a usable target.
    fn undelivered(&self) -> usize {
        let begun = |id| self.post.deliveries(id).is_some();
        self.post.waiting().saturating_add(self.inbox.texts().filter(|t| !begun(t.id)).count())
    }

    pub(super) fn turn_inbox(&mut self, now: Now) -> bool {
        let mut any = false;
        while let Some(action) = self.inbox.poll_action() {
            any = true;
            match action {
                inbox::Action::Store { part, name, bytes } => {
                    self.store(Purpose::Part(part), Change::Write { name, bytes });
                }
                inbox::Action::Safe(part) => self.empty_slots(part, now.mono),
                inbox::Action::Refused(part) => self.release_slots(part),
                inbox::Action::Deliver(id) => {
                    self.log_text(id);
                    self.deliver(id, now);
                }
                inbox::Action::Report(report) => {
                    self.counters.reports = self.counters.reports.saturating_add(1);
                    self.outbox.handle_report(&report);
                }
            }
        }
        any
    }

    /// The rule of the house: only what is on the medium leaves the SIM.
    fn empty_slots(&mut self, part: PartId, now: Instant) {
        for (id, slot) in self.slots.remove(&part).unwrap_or_default() {
            if let Some(line) = self.line_mut(id) {
                line.modem.delete(slot, now);
            }
        }
    }

    fn note_stuck(&mut self, part: PartId, now: Instant) {
        for (id, slot) in self.slots.get(&part).cloned().unwrap_or_default() {
            if let Some(line) = self.line_mut(id) {
                line.modem.note_stuck(slot, now);
            }
        }
    }

    /// No room here: the SIM keeps it, and the network what does not fit there.
    fn release_slots(&mut self, part: PartId) {
        log::error!("too many texts wait for their mail server; further ones stay on the SIM");
        for (id, slot) in self.slots.remove(&part).unwrap_or_default() {
            if let Some(line) = self.line_mut(id) {
                line.modem.release(slot);
            }
        }
    }

    fn log_text(&self, id: TextId) {
        let Some(text) = self.inbox.text(id) else { return };
        let chars = text.content().chars().count();
        let (dongle, sender) = (&text.dongle, Pii(&text.sender));
        if text.is_complete() {
            log::info!(
                "dongle '{dongle}': text {id} from {sender}: {chars} characters, {} part(s)",
                text.total
            );
        } else {
            log::warn!(
                "dongle '{dongle}': text {id} from {sender}: only {} of {} parts came",
                text.count(),
                text.total
            );
        }
    }

    // --- delivery ---------------------------------------------------------------------------------------------

    fn deliver(&mut self, id: TextId, now: Now) {
        let Some(text) = self.inbox.text(id) else { return };
        let targets = self.targets_of(&text.dongle);
        // A forward that can't be used now may be the one for it: it waits until the configuration is mended.
        if targets.is_empty() && self.forwards_are_broken() {
            return;
        }
        self.post.deliver(id, text.count(), &targets, now);
    }

    fn forwards_are_broken(&self) -> bool {
        self.loaded.problems.iter().any(|p| matches!(p.kind.as_str(), "forward" | "smtp" | ""))
    }

    /// A person wants a text delivered that had no target when it came. False: it has none now either.
    pub(super) fn deliver_kept(&mut self, id: TextId, now: Now) -> bool {
        let Some(text) = self.inbox.text(id) else { return false };
        let targets = self.targets_of(&text.dongle);
        let kept = self.post.deliveries(id).is_none_or(|d| d.all.is_empty());
        if !kept || targets.is_empty() {
            return false;
        }
        let parts = text.count();
        self.post.remove(id);
        self.post.deliver(id, parts, &targets, now);
        true
    }

    /// Where the texts of a dongle go.
    fn targets_of(&self, dongle: &str) -> Vec<Target> {
        let mut targets = Vec::new();
        for forward in self.loaded.config.forwards.iter().filter(|f| f.enabled) {
            if forward.from.is_empty() || forward.from.iter().any(|f| f == dongle) {
                targets.extend(forward.to.iter().cloned());
            }
        }
        targets.sort();
        targets.dedup();
        targets
    }

    fn all_targets(&self) -> Vec<Target> {
        let all = self.loaded.config.forwards.iter().filter(|f| f.enabled);
        all.flat_map(|f| f.to.iter().cloned()).collect()
    }

    pub(super) fn retarget(&mut self, now: Now) {
        let texts: Vec<(TextId, String)> = self.inbox.texts().map(|t| (t.id, t.dongle.clone())).collect();
        for (id, dongle) in texts {
            if self.post.deliveries(id).is_none() && !self.inbox.is_waiting_for_parts(id) {
                self.deliver(id, now);
                continue;
            }
            let targets = self.targets_of(&dongle);
            self.post.retarget(id, &targets, now.mono);
        }
    }

    pub(super) fn turn_post(&mut self, now: Now) -> bool {
        let mut any = false;
        while let Some(action) = self.post.poll_action() {
            any = true;
            match action {
                post::Action::Store { text, name, bytes } => {
                    self.store(Purpose::Deliveries(text), Change::Write { name, bytes });
                }
                post::Action::Finished(id) => {
                    self.inbox.note_delivered(id);
                    self.purge(self.loaded.config.main.keep);
                }
            }
        }
        if let Some(job) = self.post.poll_job(now.mono) {
            any = true;
            self.mail(&job, now);
        }
        any
    }

    fn mail(&mut self, job: &post::Job, now: Now) {
        let Some(text) = self.inbox.text(job.text) else {
            // Removed meanwhile.
            self.post.handle_outcome(&Outcome::Refused { reply: "removed".to_owned() }, &[], now);
            return;
        };
        let number = self
            .loaded
            .config
            .dongles
            .iter()
            .find(|d| d.name == text.dongle)
            .and_then(|d| d.number.as_deref());
        let line = compose::Line { dongle: &text.dongle, number };
        let mail = compose::mail(text, &job.server, &job.target, &job.what, line);
        self.outputs.push_back(Output::Mail {
            server: job.server.clone(),
            mail: Box::new(mail),
            more: job.more,
        });
    }

    // --- keeping ----------------------------------------------------------------------------------------------

    fn is_ended(&self, id: TextId) -> bool {
        self.post.deliveries(id).is_some_and(Deliveries::are_final) && !self.inbox.is_waiting_for_parts(id)
    }

    fn ended(&self) -> usize {
        self.inbox.texts().filter(|t| self.is_ended(t.id)).count()
    }

    /// Keep the newest ended texts, `keep` of them; likewise of those sent.
    fn purge(&mut self, keep: usize) {
        let old: Vec<TextId> =
            self.inbox.texts().map(|t| t.id).filter(|id| self.is_ended(*id)).skip(keep).collect();
        for id in old {
            self.remove_text(id);
        }
        let old: Vec<TextId> =
            self.outbox.texts().filter(|t| t.is_ended()).map(|t| t.id).skip(keep).collect();
        for id in old {
            self.remove_outgoing(id);
        }
    }

    /// Parts first, the record of their delivery last: a crash in between must not mail them again.
    pub(super) fn remove_text(&mut self, id: TextId) {
        let mut names = self.inbox.remove(id);
        names.push(Deliveries::file_name(id));
        self.post.remove(id);
        self.storing.supersede(&Purpose::Deliveries(id));
        self.store(Purpose::Removal, Change::Remove { names });
    }

    pub(super) fn remove_outgoing(&mut self, id: TextId) {
        self.outbox.remove(id);
        self.storing.supersede(&Purpose::Outgoing(id));
        self.store(Purpose::Removal, Change::Remove { names: vec![Outbox::file_name(id)] });
    }

    // --- out --------------------------------------------------------------------------------------------------

    pub(super) fn outbox_timeout(&self) -> Option<Instant> {
        self.outbox.poll_timeout(|dongle| self.can_send(dongle))
    }

    fn can_send(&self, dongle: &str) -> bool {
        self.lines.iter().any(|l| l.section.name == dongle && l.modem.can_send())
    }

    pub(super) fn turn_outbox(&mut self, now: Now) -> bool {
        let lines = &self.lines;
        let free = |dongle: &str| lines.iter().any(|l| l.section.name == dongle && l.modem.can_send());
        self.outbox.turn(free, now);
        let mut any = false;
        while let Some(action) = self.outbox.poll_action() {
            any = true;
            match action {
                outbox::Action::Store { id, name, bytes } => {
                    self.store(Purpose::Outgoing(id), Change::Write { name, bytes });
                }
                outbox::Action::Submit { id, dongle, tpdu_len, pdu } => {
                    match self.lines.iter_mut().find(|l| l.section.name == dongle && l.modem.can_send()) {
                        Some(line) => line.modem.send(id.0, tpdu_len, pdu, now.mono),
                        None => self.outbox.handle_sent(id, outbox::Attempt::NotSent, now),
                    }
                }
                outbox::Action::Accepted { id, result } => self.on_accepted(id, result),
            }
        }
        any
    }
}
