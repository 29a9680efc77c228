//! The network between the switch and its peers: datagrams are late, lost, doubled, swapped.
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    ToSwitch,
    ToPeer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Lose,
    Double,
    /// Milliseconds.
    Delay(u64),
    /// Comes behind the next message that goes the same way.
    Swap,
}

/// What happens to one message.
#[derive(Clone, Debug)]
pub struct Rule {
    pub way: Way,
    /// `INVITE`, `180 INVITE`
    pub kind: String,
    /// Which of its kind, from 1.
    pub nth: usize,
    pub fault: Fault,
}

#[derive(Debug)]
pub struct Net {
    /// Microseconds from end to end.
    pub delay: u64,
    pub rules: Vec<Rule>,
    /// Of a hundred messages.
    pub trouble: u64,
    random: u64,
    counts: BTreeMap<(Way, String), usize>,
    /// Every message by datagram: way, kind, which of its kind.
    pub seen: Vec<(Way, String, usize)>,
}

impl Net {
    pub fn new() -> Self {
        let (counts, seen, rules) = (BTreeMap::new(), Vec::new(), Vec::new());
        Self { delay: 5_000, rules, trouble: 0, random: 1, counts, seen }
    }

    /// `trouble` of a hundred messages are lost, as many doubled, as many swapped.
    pub fn shake(&mut self, seed: u64, trouble: u64) {
        self.random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        self.trouble = trouble;
    }

    /// xorshift64*
    pub fn below(&mut self, limit: u64) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        (self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % limit
    }

    pub fn fault(&mut self, way: Way, kind: &str) -> Option<Fault> {
        let count = self.counts.entry((way, kind.to_owned())).or_default();
        *count += 1;
        let nth = *count;
        self.seen.push((way, kind.to_owned(), nth));
        let rule = self.rules.iter().find(|r| (r.way, r.kind.as_str(), r.nth) == (way, kind, nth));
        if rule.is_some() || self.trouble == 0 {
            return rule.map(|r| r.fault);
        }
        match self.below(100) / self.trouble {
            0 => Some(Fault::Lose),
            1 => Some(Fault::Double),
            2 => Some(Fault::Swap),
            _ => None,
        }
    }
}
