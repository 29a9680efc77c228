//! One received PDU: what it says, and its record on disk.
use crate::util::limits::RAW_PDU;
use crate::util::time::{Stamp, Wall};
use crate::util::{hash, hex, text};
use crate::wire::sms::{Concat, Content, Decoded, Deliver, Direction, Pdu, StatusReport};
use serde_json::{Value, json};

/// Names a PDU from one SIM: the same PDU read twice has the same id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartId(pub u64);

/// A PDU as it came from a stick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    pub dongle: String,
    /// IMSI, or the dongle's name where the SIM does not tell it.
    pub sim: String,
    /// As the stick printed it. May be anything.
    pub pdu: String,
    pub at: Wall,
}

/// What a PDU turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    Text(Deliver),
    Report(StatusReport),
    /// TS 23.040 9.2.3.9, type 0: acknowledge and forget.
    Silent,
    /// Can't be read; why. Kept and forwarded as it came.
    Unreadable(String),
}

impl Arrival {
    #[must_use]
    pub fn new(dongle: &str, sim: &str, pdu: &str, at: Wall) -> Self {
        let pdu = text::one_line(pdu.trim(), RAW_PDU);
        Self { dongle: dongle.to_owned(), sim: sim.to_owned(), pdu, at }
    }

    #[must_use]
    pub fn id(&self) -> PartId {
        PartId(hash::of(&[self.sim.as_bytes(), self.pdu.as_bytes()]))
    }

    /// The id of a second PDU with the same bytes that is a text of its own (see `inbox`).
    #[must_use]
    pub fn id_by_time(&self) -> PartId {
        PartId(hash::of(&[self.sim.as_bytes(), self.pdu.as_bytes(), &self.at.0.to_be_bytes()]))
    }

    #[must_use]
    pub fn read(&self) -> Reading {
        let bytes = match hex::decode(&self.pdu) {
            Ok(bytes) => bytes,
            Err(at) => return Reading::Unreadable(format!("character {at} is no hexadecimal digit")),
        };
        match Decoded::parse(&bytes, Direction::Stored) {
            Ok(Decoded { pdu: Pdu::Deliver(deliver), .. }) if deliver.silent() => Reading::Silent,
            Ok(Decoded { pdu: Pdu::Deliver(deliver), .. }) => Reading::Text(deliver),
            Ok(Decoded { pdu: Pdu::StatusReport(report), .. }) => Reading::Report(report),
            Ok(Decoded { pdu: Pdu::Submit(_), .. }) => {
                Reading::Unreadable("a text of the SIM's own among the received ones".to_owned())
            }
            Err(why) => Reading::Unreadable(why.to_string()),
        }
    }

    /// The record on disk.
    #[must_use]
    pub fn record(&self) -> Value {
        json!({"dongle": self.dongle, "sim": self.sim, "pdu": self.pdu, "received": self.at.0})
    }

    #[must_use]
    pub fn from_record(record: &Value) -> Option<Self> {
        let word = |key| record.get(key).and_then(Value::as_str);
        let at = Wall(record.get("received")?.as_i64()?);
        Some(Self::new(word("dongle")?, word("sim")?, word("pdu")?, at))
    }
}

/// A PDU among the parts of its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub id: PartId,
    pub arrival: Arrival,
    pub concat: Option<Concat>,
    pub stamp: Option<Stamp>,
    pub body: Body,
}

/// What a part adds to its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    Content(Content),
    /// Said by header or coding scheme, with no text: `voicemail waiting`.
    Said(String),
    Unreadable(String),
}

impl Part {
    /// The part that a readable text or an unreadable PDU makes.
    #[must_use]
    pub fn of(arrival: Arrival, id: PartId, reading: &Reading) -> Self {
        match reading {
            Reading::Text(deliver) => Self {
                id,
                concat: deliver.user.concat(),
                stamp: deliver.timestamp,
                body: body_of(deliver),
                arrival,
            },
            Reading::Unreadable(why) => {
                Self { id, concat: None, stamp: None, body: Body::Unreadable(why.clone()), arrival }
            }
            Reading::Report(_) | Reading::Silent => {
                Self { id, concat: None, stamp: None, body: Body::Said(String::new()), arrival }
            }
        }
    }

    /// Its number, from 1.
    #[must_use]
    pub fn number(&self) -> u8 {
        self.concat.map_or(1, |c| c.part)
    }
}

/// WAP push: an MMS notification comes on this port (DONGLE 4.5).
const WAP_PUSH: u16 = 2948;

fn body_of(deliver: &Deliver) -> Body {
    if let Content::Octets(bytes) = &deliver.user.content {
        let what = match deliver.user.ports() {
            Some((WAP_PUSH, _)) => "MMS notification".to_owned(),
            Some((to, _)) => format!("data for port {to}"),
            None => "data".to_owned(),
        };
        return Body::Said(format!("({what}: {})", hex::encode(bytes)));
    }
    let empty = deliver.user.text().is_none_or(|t| t.is_empty());
    match deliver.dcs.message_waiting() {
        Some(waiting) if empty => Body::Said(if waiting.active {
            "(a message waits in the mailbox)".to_owned()
        } else {
            "(no more messages in the mailbox)".to_owned()
        }),
        _ => Body::Content(deliver.user.content.clone()),
    }
}
