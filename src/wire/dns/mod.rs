//! Questions to name servers and their answers (RFC 1035, RFC 2782, RFC 3403, RFC 3596), as far as SIP needs them.
mod order;
mod reader;
#[cfg(test)]
mod tests;

pub use order::{services, srv_order};

use crate::util::limits::{DNS_ALIASES, DNS_RECORDS};
use reader::Reader;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Octets of a name on the wire (RFC 1035 section 2.3.4).
const NAME: usize = 255;
/// The internet's class.
const CLASS: u16 = 1;
/// No such name (RFC 1035 section 4.1.1).
pub const NO_SUCH_NAME: u8 = 3;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    A = 1,
    Cname = 5,
    Aaaa = 28,
    Srv = 33,
    Naptr = 35,
}

/// Where a service is (RFC 2782).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Srv {
    pub priority: u16,
    pub weight: u16,
    pub port: u16,
    /// Empty: the service is decidedly not there.
    pub target: String,
}

/// Which services a domain has (RFC 3403 section 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Naptr {
    pub order: u16,
    pub preference: u16,
    pub flags: String,
    pub service: String,
    pub replacement: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    Address(IpAddr),
    Alias(String),
    Srv(Srv),
    Naptr(Naptr),
}

/// An answer, its question and its records; names are in lower case and without the last dot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub id: u16,
    /// There is more than a datagram holds: ask by TCP.
    pub is_truncated: bool,
    /// 0: fine; RFC 1035 section 4.1.1.
    pub code: u8,
    question: (String, u16),
    records: Vec<(String, Data)>,
}

/// A question as it goes out. `None`: no such name can be.
#[must_use]
pub fn query(id: u16, name: &str, kind: Kind) -> Option<Vec<u8>> {
    let mut bytes = id.to_be_bytes().to_vec();
    // Recursion desired; one question.
    bytes.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    let start = bytes.len();
    for label in name.strip_suffix('.').unwrap_or(name).split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..64).contains(length))?;
        if !label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')) {
            return None;
        }
        bytes.push(length);
        bytes.extend(label.bytes());
    }
    bytes.push(0);
    if bytes.len().saturating_sub(start) > NAME {
        return None;
    }
    bytes.extend([0, kind as u8, 0, 1]);
    Some(bytes)
}

impl Answer {
    /// `None`: no answer to one question, or bytes that contradict each other.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let (id, flags) = (reader.u16()?, reader.u16()?);
        let (questions, answers) = (reader.u16()?, reader.u16()?);
        reader.skip(4)?;
        // A response to a standard query.
        if flags & 0xF800 != 0x8000 || questions != 1 {
            return None;
        }
        let question = (reader.name()?, reader.u16()?);
        if reader.u16()? != CLASS {
            return None;
        }
        let is_truncated = flags & 0x0200 != 0;
        let mut answer = Self { id, is_truncated, code: (flags & 15) as u8, question, records: Vec::new() };
        if !is_truncated {
            for _ in 0..usize::from(answers).min(DNS_RECORDS) {
                answer.records.extend(record(&mut reader)?);
            }
        }
        Some(answer)
    }

    /// It is the answer to this question: anybody can send a datagram.
    #[must_use]
    pub fn is_to(&self, id: u16, name: &str, kind: Kind) -> bool {
        let name = name.strip_suffix('.').unwrap_or(name);
        self.id == id && self.question.1 == kind as u16 && self.question.0.eq_ignore_ascii_case(name)
    }

    /// The name behind the aliases of `name`, which may be itself, and what is said of it.
    #[must_use]
    pub fn data(&self, name: &str) -> (String, Vec<Data>) {
        let mut name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        for _ in 0..DNS_ALIASES {
            let alias = self.records.iter().find_map(|(owner, data)| match data {
                Data::Alias(target) if *owner == name => Some(target.clone()),
                _ => None,
            });
            let Some(alias) = alias else { break };
            name = alias;
        }
        let own =
            self.records.iter().filter(|(owner, data)| *owner == name && !matches!(data, Data::Alias(_)));
        let own = own.map(|(_, data)| data.clone()).collect();
        (name, own)
    }
}

const A: u16 = Kind::A as u16;
const AAAA: u16 = Kind::Aaaa as u16;
const CNAME: u16 = Kind::Cname as u16;
const SRV: u16 = Kind::Srv as u16;
const NAPTR: u16 = Kind::Naptr as u16;

/// One record; inside `None`: of a kind or class that nobody asked for.
fn record(reader: &mut Reader<'_>) -> Option<Option<(String, Data)>> {
    let owner = reader.name()?;
    let (kind, class) = (reader.u16()?, reader.u16()?);
    // For how long it holds: what it is for is asked again each time.
    reader.skip(4)?;
    let length = usize::from(reader.u16()?);
    let mut data = reader.part(length)?;
    if class != CLASS {
        return Some(None);
    }
    let said = match kind {
        A => Data::Address(Ipv4Addr::from(data.array::<4>()?).into()),
        AAAA => Data::Address(Ipv6Addr::from(data.array::<16>()?).into()),
        CNAME => Data::Alias(data.name()?),
        SRV => Data::Srv(Srv {
            priority: data.u16()?,
            weight: data.u16()?,
            port: data.u16()?,
            target: data.name()?,
        }),
        NAPTR => {
            let (order, preference) = (data.u16()?, data.u16()?);
            let (flags, service) = (data.text()?, data.text()?);
            // The rule to rewrite with; SIP has none (RFC 3263 section 4.1).
            data.text()?;
            Data::Naptr(Naptr { order, preference, flags, service, replacement: data.name()? })
        }
        _ => return Some(None),
    };
    // Bytes behind it: its length was a lie.
    data.is_at_end().then_some(Some((owner, said)))
}
