//! What a stick says of calls: `+CLIP`, `+CCWA`, `+CLCC` and Huawei's `^ORIG ^CONF ^CONN ^CEND`. TS 27.007 7.6, 7.11, 7.18; DONGLE 3.
use super::Fields;

/// The other side as the stick names it. An empty number with validity 1 was withheld, with 2 it is unavailable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Party {
    pub number: String,
    /// Type of address: 145 international, 129 national or unknown, 128 withheld.
    pub kind: Option<u8>,
    /// CLI validity, TS 27.007 7.6: 0 valid, 1 withheld, 2 unavailable.
    pub validity: Option<u8>,
}

/// Where a call stands, `<stat>` of TS 27.007 7.18.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stat {
    Active,
    Held,
    Dialling,
    Alerting,
    Incoming,
    Waiting,
}

/// One line of `AT+CLCC`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub id: u8,
    /// The far side began it.
    pub incoming: bool,
    pub stat: Stat,
    pub party: Party,
}

impl Party {
    /// `+CLIP: <number>,<type>[,<subaddr>,<satype>[,<alpha>[,<validity>]]]`. Some leave the values in between empty,
    /// some the last ones out.
    #[must_use]
    pub fn of_clip(mut f: Fields<'_>) -> Self {
        let (number, kind) = (f.next().unwrap_or("").to_owned(), f.number());
        Self { number, kind, validity: f.nth(3).and_then(|v| v.parse().ok()) }
    }

    /// `+CCWA: <number>,<type>,<class>[,<alpha>][,<validity>]`.
    #[must_use]
    pub fn of_waiting(mut f: Fields<'_>) -> Self {
        Self { number: f.next().unwrap_or("").to_owned(), kind: f.number(), validity: None }
    }
}

impl Listed {
    /// `+CLCC: <id>,<dir>,<stat>,<mode>,<mpty>[,<number>,<type>[,<alpha>]]`; voice calls only.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let mut f = Fields::of(line, "+CLCC:")?;
        let (id, dir) = (f.number()?, f.number::<u8>()?);
        let stat = match f.number::<u8>()? {
            0 => Stat::Active,
            1 => Stat::Held,
            2 => Stat::Dialling,
            3 => Stat::Alerting,
            4 => Stat::Incoming,
            5 => Stat::Waiting,
            _ => return None,
        };
        if f.number::<u8>().unwrap_or(0) != 0 {
            return None;
        }
        let number = f.nth(1).unwrap_or("").to_owned();
        let party = Party { number, kind: f.number(), validity: None };
        Some(Self { id, incoming: dir == 1, stat, party })
    }
}

/// `^ORIG` and `^CONN` carry the kind of the call: 0 voice, 9 emergency; 1 and 2 are data.
#[must_use]
pub fn voice_call(mut f: Fields<'_>) -> Option<u8> {
    let id = f.number()?;
    (!matches!(f.number::<u8>(), Some(1 | 2))).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party(number: &str, kind: Option<u8>, validity: Option<u8>) -> Party {
        Party { number: number.to_owned(), kind, validity }
    }

    #[test]
    fn callers() {
        for (line, want) in [
            ("+CLIP: \"+48500000000\",145,,,,0", party("+48500000000", Some(145), Some(0))),
            ("+CLIP: \"+48500000000\",145,\"\",128,\"\",0", party("+48500000000", Some(145), Some(0))),
            ("+CLIP: \"\",128,,,,1", party("", Some(128), Some(1))),
            ("+CLIP:\"030123\",129", party("030123", Some(129), None)),
        ] {
            assert_eq!(Party::of_clip(Fields::of(line, "+CLIP:").unwrap()), want, "{line}");
        }
    }

    #[test]
    fn listed_calls() {
        let call = |id, incoming, stat, party| Some(Listed { id, incoming, stat, party });
        for (line, want) in [
            (
                "+CLCC: 1,1,4,0,0,\"+48500000000\",145",
                call(1, true, Stat::Incoming, party("+48500000000", Some(145), None)),
            ),
            ("+CLCC: 1,1,4,0,0,\"\",,\"\",", call(1, true, Stat::Incoming, party("", None, None))),
            ("+CLCC: 2,0,3,0,0", call(2, false, Stat::Alerting, party("", None, None))),
            ("+CLCC: 1,0,0,1,0,\"*99#\",129", None),
            ("+CLCC: 1,0,7,0,0", None),
            ("+CLCC:", None),
        ] {
            assert_eq!(Listed::parse(line), want, "{line}");
        }
    }

    #[test]
    fn data_calls_are_none_of_ours() {
        assert_eq!(voice_call(Fields::of("^ORIG:1,0", "^ORIG:").unwrap()), Some(1));
        assert_eq!(voice_call(Fields::of("^ORIG: 2,9", "^ORIG:").unwrap()), Some(2));
        assert_eq!(voice_call(Fields::of("^CONN:1", "^CONN:").unwrap()), Some(1));
        assert_eq!(voice_call(Fields::of("^ORIG:1,2", "^ORIG:").unwrap()), None);
    }
}
