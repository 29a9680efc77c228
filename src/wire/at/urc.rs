//! Unsolicited result codes: what a stick says unasked.
use super::calls::{self, Party};
use super::{Fields, Final, Ussd};

/// Where a text lies. TS 27.005 3.2.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Storage {
    /// `SM`
    Sim,
    /// `ME`
    Device,
    /// `SR`, status reports.
    Reports,
    /// `MT`, both: some sticks name it for either.
    Both,
}

impl Storage {
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "SM" => Self::Sim,
            "ME" => Self::Device,
            "SR" => Self::Reports,
            "MT" => Self::Both,
            _ => return None,
        })
    }

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sim => "SM",
            Self::Device => "ME",
            Self::Reports => "SR",
            Self::Both => "MT",
        }
    }
}

/// Registration in the network. TS 27.007 7.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Registration {
    #[default]
    Idle,
    Home,
    Searching,
    Denied,
    Unknown,
    Roaming,
}

impl Registration {
    #[must_use]
    pub const fn from_stat(stat: u8) -> Self {
        match stat {
            0 => Self::Idle,
            1 => Self::Home,
            2 => Self::Searching,
            3 => Self::Denied,
            5 => Self::Roaming,
            _ => Self::Unknown,
        }
    }

    /// Whether calls and texts go.
    #[must_use]
    pub const fn is_usable(self) -> bool {
        matches!(self, Self::Home | Self::Roaming)
    }

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Home => "home",
            Self::Searching => "searching",
            Self::Denied => "denied",
            Self::Unknown => "unknown",
            Self::Roaming => "roaming",
        }
    }
}

/// The ones that this version acts on; every other known one is `Other`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Urc {
    /// `+CMTI: "SM",3`: a text was stored. The index is missing when the stick says -1.
    Stored {
        storage: Option<Storage>,
        index: Option<u16>,
    },
    /// `+CDSI: "SR",3`: a status report was stored.
    ReportStored {
        storage: Option<Storage>,
        index: Option<u16>,
    },
    /// `+CMT:`: a text comes in the next line and lies nowhere (class 0 on some sticks).
    Direct,
    /// `+CDS:`: a status report comes in the next line and lies nowhere.
    ReportDirect,
    /// `^SMMEMFULL:"SM"`: the store is full, and +CMTI will not come (E1750).
    Full,
    Registration(Registration),
    /// `^RSSI:n`, 0 to 31, 99 unknown.
    Rssi(u8),
    /// `^SIMST:n`: 1 valid, 255 gone; others as in ^SYSINFO.
    SimState(u16),
    /// `RING`, or `+CRING: VOICE` where other software left AT+CRC=1.
    Ring,
    /// `+CLIP:`, behind each RING.
    Caller(Party),
    /// `+CCWA:`: a second caller while a call is up.
    Waiting(Party),
    /// `^ORIG:<id>,<kind>`: the dialled call is on its way.
    Originated(u8),
    /// `^CONF:<id>`: the far side is alerted.
    Alerting(u8),
    /// `^CONN:<id>,<kind>`: answered.
    Connected(u8),
    /// `^CEND:<id>,<seconds>,<end_status>[,<cc_cause>]`. DONGLE 3.4.
    CallEnded {
        id: Option<u8>,
        seconds: Option<u32>,
        status: Option<u8>,
        cause: Option<u8>,
    },
    /// `NO CARRIER`, `BUSY` and relatives that answer no command.
    Released(Final),
    /// `+CUSD:`
    Ussd(Ussd),
    /// Known, of no use here.
    Other,
}

/// Prefixes of what comes unasked, sorted by who needs them. DONGLE 2.8.
const OTHER: &[&str] = &[
    "^BOOT:",
    "^SRVST:",
    "^STIN:",
    "^DSFLOWRPT:",
    "^MODE:",
    "^HCSQ:",
    "^CSNR:",
    "+CBM:",
    "^CCALLSTATE:",
    "+CSSI:",
    "+CSSU:",
    "^NWTIME:",
    "^TIME:",
    "^EONS:",
    "^LWURC:",
    "^ECCLIST:",
    "^CONNECT",
    "^PDPDEACT",
    "^NDISSTAT:",
    "^THERM:",
    "^DDTMF:",
    "+CGREG:",
    "+COLP:",
    "^EARST:",
];

impl Urc {
    /// The notification that `line` is, if its prefix is known as one.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        if let Some(mut f) = Fields::of(line, "+CMTI:") {
            return Some(Self::Stored { storage: f.next().and_then(Storage::parse), index: f.number() });
        }
        if let Some(mut f) = Fields::of(line, "+CDSI:") {
            return Some(Self::ReportStored {
                storage: f.next().and_then(Storage::parse),
                index: f.number(),
            });
        }
        if let Some(f) = Fields::of(line, "+CREG:") {
            return Some(Self::registration(f));
        }
        if let Some(mut f) = Fields::of(line, "^RSSI:") {
            return Some(f.number().map_or(Self::Other, Self::Rssi));
        }
        if let Some(mut f) = Fields::of(line, "^SIMST:") {
            return Some(f.number().map_or(Self::Other, Self::SimState));
        }
        if line.starts_with("RING") {
            return Some(Self::Ring);
        }
        if let Some(urc) = Self::of_call(line) {
            return Some(urc);
        }
        if let Some(ussd) = Ussd::parse(line) {
            return Some(Self::Ussd(ussd));
        }
        if line.starts_with("^SMMEMFULL") {
            return Some(Self::Full);
        }
        if line.starts_with("+CMT:") {
            return Some(Self::Direct);
        }
        if line.starts_with("+CDS:") {
            return Some(Self::ReportDirect);
        }
        OTHER.iter().any(|prefix| line.starts_with(prefix)).then_some(Self::Other)
    }

    fn of_call(line: &str) -> Option<Self> {
        if let Some(mut f) = Fields::of(line, "+CRING:") {
            return Some(if f.next() == Some("VOICE") { Self::Ring } else { Self::Other });
        }
        if let Some(f) = Fields::of(line, "+CLIP:") {
            return Some(Self::Caller(Party::of_clip(f)));
        }
        if let Some(f) = Fields::of(line, "+CCWA:") {
            return Some(Self::Waiting(Party::of_waiting(f)));
        }
        if let Some(f) = Fields::of(line, "^ORIG:") {
            return Some(calls::voice_call(f).map_or(Self::Other, Self::Originated));
        }
        if let Some(mut f) = Fields::of(line, "^CONF:") {
            return Some(f.number().map_or(Self::Other, Self::Alerting));
        }
        if let Some(f) = Fields::of(line, "^CONN:") {
            return Some(calls::voice_call(f).map_or(Self::Other, Self::Connected));
        }
        let mut f = Fields::of(line, "^CEND:")?;
        // Fields are evaluated in the order in which they are written.
        Some(Self::CallEnded { id: f.number(), seconds: f.number(), status: f.number(), cause: f.number() })
    }

    /// `+CREG: <stat>[,<lac>,<ci>[,<act>]]`; the answer to a query has `<n>` in front and is told apart by `is_query_answer`.
    fn registration(mut f: Fields<'_>) -> Self {
        f.number().map_or(Self::Other, |stat| Self::Registration(Registration::from_stat(stat)))
    }
}

/// Whether a `+CREG:` line answers `AT+CREG?` (2 or 4 and more values) or came unasked (1 or 3).
/// A line with one quote too few (seen in field logs) counts as what its second value allows.
#[must_use]
pub fn creg_answers_query(line: &str) -> bool {
    let Some(f) = Fields::of(line, "+CREG:") else { return false };
    match f.count_left() {
        1 => false,
        3 => {
            // `2,1,"0B,"0100701",7` loses a comma in its quotes: two single digits first mean <n>,<stat>.
            let mut f = f;
            let digit = |text: Option<&str>| text.is_some_and(|t| t.len() == 1);
            f.next();
            digit(f.next())
        }
        _ => true,
    }
}

/// The registration in an answer to `AT+CREG?`.
#[must_use]
pub fn creg_answer(line: &str) -> Option<Registration> {
    let mut f = Fields::of(line, "+CREG:")?;
    f.next();
    f.number().map(Registration::from_stat)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ended(cause: Option<u8>) -> Urc {
        Urc::CallEnded { id: Some(1), seconds: Some(5), status: Some(29), cause }
    }

    #[test]
    fn notifications() {
        let sm = Some(Storage::Sim);
        for (line, urc) in [
            ("+CMTI: \"SM\",3", Some(Urc::Stored { storage: sm, index: Some(3) })),
            ("+CMTI: \"SM\",-1", Some(Urc::Stored { storage: sm, index: None })),
            ("+CDSI: \"SR\",2", Some(Urc::ReportStored { storage: Some(Storage::Reports), index: Some(2) })),
            ("^SMMEMFULL:\"SM\"", Some(Urc::Full)),
            ("^RSSI:20", Some(Urc::Rssi(20))),
            ("^RSSI: 99", Some(Urc::Rssi(99))),
            ("^SIMST:255,0", Some(Urc::SimState(255))),
            ("+CREG: 5", Some(Urc::Registration(Registration::Roaming))),
            ("+CREG: 1, 0B1C, 81DE445", Some(Urc::Registration(Registration::Home))),
            ("^BOOT:20014776,0,0,0,75", Some(Urc::Other)),
            ("RING", Some(Urc::Ring)),
            ("+CRING: VOICE", Some(Urc::Ring)),
            ("+CRING: GPRS", Some(Urc::Other)),
            ("^ORIG:1,0", Some(Urc::Originated(1))),
            ("^CONF: 1", Some(Urc::Alerting(1))),
            ("^CONN:1,0", Some(Urc::Connected(1))),
            ("^CEND:1,5,29,16", Some(ended(Some(16)))),
            ("^CEND:1,5,29", Some(ended(None))),
            ("+CMT: ,23", Some(Urc::Direct)),
            ("+CMGR: 0,,23", None),
            ("^FOO:1", None),
        ] {
            assert_eq!(Urc::parse(line), urc, "{line}");
        }
    }

    #[test]
    fn creg_in_both_roles() {
        for (line, query) in [
            ("+CREG: 1", false),
            ("+CREG: 2,1", true),
            ("+CREG: 1,\"0B1C\",\"5E25\"", false),
            ("+CREG: 2,1,\"0B1C\",\"5E25\"", true),
            ("+CREG:2,1,0B1C,81DE445,2", true),
            ("+CREG: 2,1,\"0B,\"0100701\",7", true),
        ] {
            assert_eq!(creg_answers_query(line), query, "{line}");
        }
        assert_eq!(creg_answer("+CREG: 2,5"), Some(Registration::Roaming));
    }
}
