//! Texts to send. Each is on the medium before it is accepted, and each attempt is noted before the stick hears of it:
//! after a crash or a lost answer nobody knows whether a part went out, and it is not sent again blindly.
use super::store::{self, DiskError};
use super::text::TextId;
use crate::util::limits::OUTBOX_WAITING;
use crate::util::pii::Pii;
use crate::util::table::Table;
use crate::util::time::{Instant, Now, Wall};
use crate::util::{hash, hex};
use crate::wire::sms::{self, Segment, StatusReport, encode_submit};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::time::Duration;

/// What the outbox asks for or tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Write this record; `handle_stored` answers.
    Store { id: TextId, name: String, bytes: Vec<u8> },
    /// Hand this PDU to the stick; `handle_sent` answers.
    Submit { id: TextId, dongle: String, tpdu_len: usize, pdu: String },
    /// The record of an accepted text is on the medium, or could not be written.
    Accepted { id: TextId, result: Result<(), DiskError> },
}

/// Where one part stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartState {
    Queued,
    /// The attempt is noted on the medium.
    Sending,
    /// The network has it under this reference.
    Sent(u8),
    Delivered(u8),
    /// +CMS ERROR, or 0 where the stick only said ERROR.
    Failed(u16),
    /// A report said so.
    Undelivered(u8),
    Unknown,
}

/// How an attempt with one part ended, in the outbox's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    Accepted(u8),
    /// +CMS or +CME ERROR; `None` for a plain ERROR.
    Rejected(Option<u16>),
    Unknown,
    NotSent,
}

/// What holds a text back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The record of its acceptance is being written.
    Accepting,
    /// Its next part is tried at this time, when the dongle is free.
    Due(Instant),
    /// "This part is being sent" is being written.
    Noting(usize),
    /// The stick has the part.
    AtStick(usize),
    Ended,
}

#[derive(Clone, Debug)]
pub struct Outgoing {
    pub id: TextId,
    pub dongle: String,
    pub to: String,
    pub text: String,
    pub created: Wall,
    pub parts: Vec<PartState>,
    pub tries: u8,
    report: bool,
    step: Step,
}

/// Network out of order, temporary failure, congestion, resources, time-out, unknown: TS 27.005 3.2.5. Three tries.
const TEMPORARY: [u16; 6] = [38, 41, 42, 47, 332, 500];
const PAUSES: [Duration; 3] = [Duration::from_secs(30), Duration::from_secs(120), Duration::from_secs(600)];
/// Digits that a report's number must share with ours from the end: it may come back in national form.
const COMMON_DIGITS: usize = 7;

#[derive(Debug, Default)]
pub struct Outbox {
    texts: Table<TextId, Outgoing>,
    /// In the order of acceptance.
    order: VecDeque<TextId>,
    actions: VecDeque<Action>,
}

/// Why a text to send was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    Text(sms::EncodeError),
    Empty,
    /// Not a number that a text can go to.
    Number(String),
    Full,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(why) => why.fmt(f),
            Self::Empty => f.write_str("the text is empty"),
            Self::Number(to) => {
                write!(
                    f,
                    "the number is '{to}', want 3 to 20 digits, * or #, + in front of a country code; blanks only in quotes"
                )
            }
            Self::Full => {
                write!(f, "{OUTBOX_WAITING} texts wait to be sent already; try again when some are gone")
            }
        }
    }
}

/// The letters a to c are legal in a PDU and never in a number that a person means.
fn is_number(to: &str) -> bool {
    let digits = to.strip_prefix('+').unwrap_or(to);
    (3..=20).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'*' | b'#'))
}

impl Outgoing {
    fn segments(&self) -> Result<Vec<Segment>, sms::EncodeError> {
        // Eight bits are enough to tell the texts to one number apart, and every phone reads them.
        let reference = u16::from(self.id.0.to_be_bytes()[7]);
        encode_submit(&sms::Text { destination: &self.to, text: &self.text, reference, report: self.report })
    }

    fn record(&self) -> Value {
        let parts: Vec<Value> = self.parts.iter().map(|p| p.record()).collect();
        json!({"dongle": self.dongle, "to": self.to, "text": self.text, "created": self.created.0,
               "report": self.report, "parts": parts, "tries": self.tries})
    }

    fn from_record(id: TextId, record: &Value, now: Instant) -> Option<Self> {
        let word = |key| record.get(key).and_then(Value::as_str).map(str::to_owned);
        let parts = record.get("parts")?.as_array()?.iter().map(PartState::from_record);
        let mut text = Self {
            id,
            dongle: word("dongle")?,
            to: word("to")?,
            text: word("text")?,
            created: Wall(record.get("created")?.as_i64()?),
            report: record.get("report")?.as_bool()?,
            tries: u8::try_from(record.get("tries")?.as_u64()?).ok()?,
            parts: parts.collect::<Option<Vec<_>>>()?,
            step: Step::Due(now),
        };
        // A crash between note and answer: it may have gone out.
        for part in text.parts.iter_mut().filter(|p| **p == PartState::Sending) {
            *part = PartState::Unknown;
        }
        if !text.parts.contains(&PartState::Queued) || text.is_stuck() {
            text.step = Step::Ended;
        }
        Some(text)
    }

    fn is_stuck(&self) -> bool {
        self.parts.iter().any(|p| matches!(p, PartState::Unknown | PartState::Failed(_)))
    }

    fn next_part(&self) -> Option<usize> {
        self.parts.iter().position(|p| *p == PartState::Queued)
    }

    /// The word for `sms list`.
    #[must_use]
    pub fn state_name(&self) -> &'static str {
        let any = |state: fn(&PartState) -> bool| self.parts.iter().any(state);
        if any(|p| *p == PartState::Unknown) {
            "unknown"
        } else if any(|p| matches!(p, PartState::Failed(_) | PartState::Undelivered(_))) {
            "failed"
        } else if matches!(self.step, Step::Noting(_) | Step::AtStick(_)) {
            "sending"
        } else if any(|p| *p == PartState::Queued) {
            "queued"
        } else if self.parts.iter().all(|p| matches!(p, PartState::Delivered(_))) {
            "delivered"
        } else {
            "sent"
        }
    }

    /// Message references of the parts that went out.
    #[must_use]
    pub fn references(&self) -> Vec<u8> {
        self.parts
            .iter()
            .filter_map(|p| match p {
                PartState::Sent(mr) | PartState::Delivered(mr) => Some(*mr),
                _ => None,
            })
            .collect()
    }

    /// The code of the first failed part.
    #[must_use]
    pub fn error(&self) -> Option<u16> {
        self.parts.iter().find_map(|p| match p {
            PartState::Failed(code) => Some(*code),
            PartState::Undelivered(status) => Some(u16::from(*status)),
            _ => None,
        })
    }

    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.step == Step::Ended
    }
}

impl PartState {
    fn record(self) -> Value {
        match self {
            Self::Queued => json!("queued"),
            Self::Sending => json!("sending"),
            Self::Unknown => json!("unknown"),
            Self::Sent(mr) => json!({"sent": mr}),
            Self::Delivered(mr) => json!({"delivered": mr}),
            Self::Failed(code) => json!({"failed": code}),
            Self::Undelivered(status) => json!({"undelivered": status}),
        }
    }

    fn from_record(record: &Value) -> Option<Self> {
        let number = |key| record.get(key).and_then(Value::as_u64);
        let octet = |key| number(key).and_then(|n| u8::try_from(n).ok());
        match record.as_str() {
            Some("queued") => Some(Self::Queued),
            Some("sending") => Some(Self::Sending),
            Some("unknown") => Some(Self::Unknown),
            Some(_) => None,
            None => octet("sent")
                .map(Self::Sent)
                .or_else(|| octet("delivered").map(Self::Delivered))
                .or_else(|| octet("undelivered").map(Self::Undelivered))
                .or_else(|| number("failed").and_then(|n| u16::try_from(n).ok()).map(Self::Failed)),
        }
    }
}

impl Outbox {
    #[must_use]
    pub fn file_name(id: TextId) -> String {
        format!("{id}.out")
    }

    /// A record found at start.
    pub fn load(&mut self, id: TextId, record: &Value, now: Now) -> bool {
        let Some(text) = Outgoing::from_record(id, record, now.mono) else { return false };
        self.texts.insert(id, text);
        self.order.push_back(id);
        true
    }

    /// All records are loaded: in the order of their making.
    pub fn loaded(&mut self) {
        let texts = &self.texts;
        self.order.make_contiguous().sort_by_key(|id| texts.get(id).map(|t| t.created));
    }

    /// Take a text. `Accepted` follows when it is on the medium.
    ///
    /// # Errors
    /// What is wrong with number or text; too many wait.
    pub fn accept(
        &mut self,
        dongle: &str,
        to: &str,
        text: &str,
        report: bool,
        now: Now,
    ) -> Result<TextId, Refusal> {
        if text.trim().is_empty() {
            return Err(Refusal::Empty);
        }
        if self.texts.values().filter(|t| !t.is_ended()).count() >= OUTBOX_WAITING {
            return Err(Refusal::Full);
        }
        let to = crate::util::text::dialable(to);
        if !is_number(&to) {
            return Err(Refusal::Number(crate::util::text::one_line(&to, 24)));
        }
        let id = self.new_id(&to, text, now);
        let mut outgoing = Outgoing {
            id,
            dongle: dongle.to_owned(),
            to,
            text: text.to_owned(),
            created: now.wall,
            parts: Vec::new(),
            tries: 0,
            report,
            step: Step::Accepting,
        };
        let segments = outgoing.segments().map_err(Refusal::Text)?;
        outgoing.parts = vec![PartState::Queued; segments.len()];
        log::info!("text {id} to {} accepted, {} part(s)", Pii(&outgoing.to), segments.len());
        self.texts.insert(id, outgoing);
        self.order.push_back(id);
        self.save(id);
        Ok(id)
    }

    /// The same text twice in one second is two texts.
    fn new_id(&self, to: &str, text: &str, now: Now) -> TextId {
        let mut salt = now.mono.as_micros();
        loop {
            let id =
                hash::of(&[to.as_bytes(), text.as_bytes(), &now.wall.0.to_be_bytes(), &salt.to_be_bytes()]);
            if !self.texts.contains_key(&TextId(id)) {
                return TextId(id);
            }
            salt = salt.wrapping_add(1);
        }
    }

    /// The record was written, or not.
    pub fn handle_stored(&mut self, id: TextId, result: Result<(), DiskError>, now: Now) {
        let Some(text) = self.texts.get_mut(&id) else { return };
        match (text.step, result) {
            (Step::Accepting, Ok(())) => text.step = Step::Due(now.mono),
            (Step::Noting(part), Ok(())) => {
                text.step = Step::AtStick(part);
                self.submit(id, part);
                return;
            }
            // Not noted, not sent: later.
            (Step::Noting(part), Err(why)) => {
                log::error!("text {id} waits: the attempt can't be noted: {why}");
                if let Some(part) = text.parts.get_mut(part) {
                    *part = PartState::Queued;
                }
                text.step = Step::Due(now.mono + PAUSES[0]);
                return;
            }
            (Step::Accepting, Err(_)) => {}
            _ => return,
        }
        if result.is_err() {
            self.remove(id);
        }
        self.actions.push_back(Action::Accepted { id, result });
    }

    fn submit(&mut self, id: TextId, part: usize) {
        let Some(text) = self.texts.get(&id) else { return };
        let segment = text.segments().ok().and_then(|s| s.into_iter().nth(part));
        // The text was accepted because it could be encoded; a record from disk may differ.
        let Some(segment) = segment else {
            self.handle_sent(id, Attempt::Rejected(None), Now::default());
            return;
        };
        self.actions.push_back(Action::Submit {
            id,
            dongle: text.dongle.clone(),
            tpdu_len: segment.tpdu_len,
            pdu: hex::encode(&segment.pdu),
        });
    }

    /// How the part at the stick fared.
    pub fn handle_sent(&mut self, id: TextId, attempt: Attempt, now: Now) {
        let Some(text) = self.texts.get_mut(&id) else { return };
        let Step::AtStick(at) = text.step else { return };
        let Some(part) = text.parts.get_mut(at) else { return };
        text.step = Step::Due(now.mono);
        match attempt {
            Attempt::Accepted(reference) => {
                *part = PartState::Sent(reference);
                text.tries = 0;
            }
            Attempt::NotSent => {
                *part = PartState::Queued;
                text.step = Step::Due(now.mono + PAUSES[0]);
            }
            Attempt::Rejected(code) => {
                let code = code.unwrap_or(0);
                match PAUSES.get(usize::from(text.tries)).filter(|_| TEMPORARY.contains(&code)) {
                    Some(pause) => {
                        *part = PartState::Queued;
                        text.tries = text.tries.saturating_add(1);
                        text.step = Step::Due(now.mono + *pause);
                    }
                    None => *part = PartState::Failed(code),
                }
            }
            Attempt::Unknown => *part = PartState::Unknown,
        }
        if text.is_stuck() || text.next_part().is_none() {
            text.step = Step::Ended;
            log::info!("text {id} to {}: {}", Pii(&text.to), text.state_name());
        }
        self.save(id);
    }

    /// A status report came: newest text to this number with this reference; if there is none, the newest one whose
    /// reference was lost. TS 23.040 9.2.2.3.
    pub fn handle_report(&mut self, report: &StatusReport) {
        let tail = |number: &str| -> String {
            let digits: Vec<char> = number.chars().filter(char::is_ascii_digit).collect();
            digits.iter().rev().take(COMMON_DIGITS).collect()
        };
        let wanted = tail(&report.recipient.text);
        let reference = report.reference;
        let newest = |state: PartState| {
            self.order.iter().rev().copied().find_map(|id| {
                let text = self.texts.get(&id).filter(|t| tail(&t.to) == wanted)?;
                Some((id, text.parts.iter().position(|p| *p == state)?))
            })
        };
        let found = newest(PartState::Sent(reference)).or_else(|| newest(PartState::Unknown));
        let Some((id, at)) = found else { return };
        let Some(part) = self.texts.get_mut(&id).and_then(|t| t.parts.get_mut(at)) else { return };
        *part = match report.outcome() {
            sms::Outcome::Delivered => PartState::Delivered(reference),
            sms::Outcome::Failed => PartState::Undelivered(report.status),
            sms::Outcome::Unconfirmed | sms::Outcome::Trying => PartState::Sent(reference),
        };
        self.save(id);
    }

    /// A person wants it sent (again): all parts that are not known to have gone out.
    pub fn retry(&mut self, id: TextId, now: Instant) -> bool {
        let Some(text) = self.texts.get_mut(&id).filter(|t| matches!(t.step, Step::Ended | Step::Due(_)))
        else {
            return false;
        };
        for part in &mut text.parts {
            if !matches!(part, PartState::Sent(_) | PartState::Delivered(_)) {
                *part = PartState::Queued;
            }
        }
        text.tries = 0;
        let any = text.next_part().is_some();
        if any {
            text.step = Step::Due(now);
        }
        any
    }

    /// Begin the next part that is due and whose dongle is free.
    pub fn turn(&mut self, is_free: impl Fn(&str) -> bool, now: Now) {
        let due = self.order.iter().find(|id| {
            self.texts
                .get(id)
                .is_some_and(|t| matches!(t.step, Step::Due(at) if at <= now.mono) && is_free(&t.dongle))
        });
        let Some(id) = due.copied() else { return };
        let Some(text) = self.texts.get_mut(&id) else { return };
        let Some(next) = text.next_part() else {
            text.step = Step::Ended;
            return;
        };
        if let Some(part) = text.parts.get_mut(next) {
            *part = PartState::Sending;
        }
        text.step = Step::Noting(next);
        self.save(id);
    }

    /// When the next part is due whose dongle is free; for the others there is nothing to wake for.
    pub fn poll_timeout(&self, is_free: impl Fn(&str) -> bool) -> Option<Instant> {
        self.texts
            .values()
            .filter_map(|t| match t.step {
                Step::Due(at) if is_free(&t.dongle) => Some(at),
                _ => None,
            })
            .min()
    }

    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    #[must_use]
    pub fn text(&self, id: TextId) -> Option<&Outgoing> {
        self.texts.get(&id)
    }

    /// Newest first.
    pub fn texts(&self) -> impl DoubleEndedIterator<Item = &Outgoing> {
        self.order.iter().rev().filter_map(|id| self.texts.get(id))
    }

    /// Forget it. A part that the stick has goes out all the same.
    pub fn remove(&mut self, id: TextId) -> bool {
        self.order.retain(|o| *o != id);
        self.texts.remove(&id).is_some()
    }

    fn save(&mut self, id: TextId) {
        if let Some(text) = self.texts.get(&id) {
            let bytes = store::encode(&text.record());
            self.actions.push_back(Action::Store { id, name: Self::file_name(id), bytes });
        }
    }
}
