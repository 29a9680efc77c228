//! A received text: its parts joined as far as they are there.
use super::part::{Body, Part, PartId};
use crate::util::table::Table;
use crate::util::time::{Instant, Stamp, Wall};
use crate::wire::sms::{Content, join};
use std::fmt;
use std::time::Duration;

/// Names a text; the id of the part that came first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TextId(pub u64);

impl fmt::Display for TextId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl TextId {
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 16).then(|| u64::from_str_radix(text, 16).ok().map(Self)).flatten()
    }
}

/// Which part of which text, as the sender numbers them. TS 23.040 9.2.3.24.1.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    pub sim: String,
    pub sender: String,
    pub reference: u16,
    pub wide: bool,
    pub total: u8,
}

/// A text with at least one part.
#[derive(Clone, Debug)]
pub struct Text {
    pub id: TextId,
    pub dongle: String,
    pub sender: String,
    /// A name, which can't be answered.
    pub nameless: bool,
    pub key: Option<Key>,
    pub total: u8,
    parts: Table<u8, Part>,
    /// When this run of the daemon saw its last part.
    pub touched: Instant,
}

/// The service centre stamps the parts of one text within minutes; a phone that loses coverage in the middle takes
/// longer. Reference numbers come again after 256 texts.
const SAME_TEXT: Duration = Duration::from_secs(6 * 3_600);
/// Without stamps only the time of arrival tells.
const SAME_TEXT_BY_ARRIVAL: Duration = Duration::from_secs(24 * 3_600);

impl Text {
    /// The text that `part` begins.
    #[must_use]
    pub fn begin(id: TextId, part: Part, sender: String, nameless: bool, now: Instant) -> Self {
        let key = part.concat.map(|c| Key {
            sim: part.arrival.sim.clone(),
            sender: sender.clone(),
            reference: c.reference,
            wide: c.wide,
            total: c.total,
        });
        Self {
            id,
            dongle: part.arrival.dongle.clone(),
            sender,
            nameless,
            key,
            total: part.concat.map_or(1, |c| c.total),
            parts: Table::from_iter([(part.number(), part)]),
            touched: now,
        }
    }

    /// Add a part that fits.
    pub fn add(&mut self, part: Part, now: Instant) {
        self.touched = now;
        if !self.parts.contains_key(&part.number()) {
            self.parts.insert(part.number(), part);
        }
    }

    #[must_use]
    pub fn part(&self, number: u8) -> Option<&Part> {
        self.parts.get(&number)
    }

    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        self.parts.values()
    }

    /// Which part this id is.
    #[must_use]
    pub fn number_of(&self, id: PartId) -> Option<u8> {
        self.parts.iter().find(|(_, p)| p.id == id).map(|(n, _)| *n)
    }

    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.parts.len() >= usize::from(self.total)
    }

    #[must_use]
    pub fn missing(&self) -> Vec<u8> {
        (1..=self.total).filter(|n| !self.parts.contains_key(n)).collect()
    }

    /// How many parts are there.
    #[must_use]
    pub fn count(&self) -> u8 {
        u8::try_from(self.parts.len()).unwrap_or(u8::MAX)
    }

    /// Whether `part` can belong to this text in time: its reference may be a later text's.
    #[must_use]
    pub fn is_of_the_time(&self, part: &Part) -> bool {
        self.parts.values().all(|have| {
            let (apart, limit) = match (have.stamp, part.stamp) {
                (Some(a), Some(b)) => (a.at.0.abs_diff(b.at.0), SAME_TEXT),
                _ if have.arrival.at.is_set() && part.arrival.at.is_set() => {
                    (have.arrival.at.0.abs_diff(part.arrival.at.0), SAME_TEXT_BY_ARRIVAL)
                }
                _ => (0, SAME_TEXT_BY_ARRIVAL),
            };
            apart <= limit.as_secs()
        })
    }

    /// When it was sent, by the service centre's clock; when that wrote no date, when it came.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        self.parts.values().find_map(|p| p.stamp).unwrap_or_else(|| Stamp::utc(self.received()))
    }

    /// When its first part came, by our clock.
    #[must_use]
    pub fn received(&self) -> Wall {
        self.parts.values().map(|p| p.arrival.at).min().unwrap_or_default()
    }

    /// Why it can't be read, and the PDU.
    #[must_use]
    pub fn unreadable(&self) -> Option<(&str, &str)> {
        self.parts.values().find_map(|p| match &p.body {
            Body::Unreadable(why) => Some((why.as_str(), p.arrival.pdu.as_str())),
            _ => None,
        })
    }

    /// The joined text; a missing part is marked in its place.
    #[must_use]
    pub fn content(&self) -> String {
        let mut text = String::new();
        let mut run: Vec<&Content> = Vec::new();
        // Wider than a part's number, which may be 255 itself.
        let mut expected = 1_u16;
        for (number, part) in self.parts.iter() {
            let number = u16::from(*number);
            if expected < number {
                close_run(&mut text, &mut run, &self.gap(expected, number.saturating_sub(1)));
            }
            expected = number.saturating_add(1);
            match &part.body {
                Body::Content(content) => run.push(content),
                Body::Said(words) => close_run(&mut text, &mut run, words),
                Body::Unreadable(_) => close_run(&mut text, &mut run, "(unreadable)"),
            }
        }
        let total = u16::from(self.total);
        let tail =
            if expected <= total && !self.is_complete() { self.gap(expected, total) } else { String::new() };
        close_run(&mut text, &mut run, &tail);
        text
    }

    fn gap(&self, from: u16, to: u16) -> String {
        let total = self.total;
        if from == to {
            format!("[part {from} of {total} is missing]")
        } else {
            format!("[parts {from} to {to} of {total} are missing]")
        }
    }
}

/// Parts that follow each other are joined before decoding: a character may be split between them.
fn close_run(text: &mut String, run: &mut Vec<&Content>, then: &str) {
    text.push_str(&join(run.drain(..)).unwrap_or_default());
    text.push_str(then);
}
