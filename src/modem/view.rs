//! What is known of a stick: for `status`, for mails, for decisions.
use super::command::Reply;
use crate::wire::at::{Fields, Registration};

/// Who it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    pub manufacturer: Option<String>,
    pub model: Option<String>,
    pub firmware: Option<String>,
    pub imei: Option<String>,
    pub imsi: Option<String>,
    pub iccid: Option<String>,
}

/// Where it is logged in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    pub registration: Registration,
    pub operator: Option<String>,
    /// dBm, TS 27.007 8.5.
    pub signal_dbm: Option<i16>,
}

/// What became of the PIN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pin {
    #[default]
    Unknown,
    NotNeeded,
    Entered,
    Wanted,
    Refused,
}

impl Pin {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::NotNeeded => "not needed",
            Self::Entered => "ok",
            Self::Wanted => "wanted",
            Self::Refused => "refused",
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    pub identity: Identity,
    pub network: Network,
    pub pin: Pin,
    pub pin_tries: Option<u8>,
    /// `^CVOICE` says that calls carry sound.
    pub voice: bool,
    /// `ME` can be selected.
    pub has_device_storage: bool,
    /// New texts are announced; otherwise only the poll finds them.
    pub notifies: bool,
    pub slots_used: u16,
    pub slots_total: u16,
}

impl View {
    /// `+CPMS: <used1>,<total1>,…` or, from the query, `+CPMS: "SM",<used1>,<total1>,…`.
    pub fn note_storage(&mut self, reply: &Reply) {
        let Some(fields) = reply.line("+CPMS:").and_then(|l| Fields::of(l, "+CPMS:")) else { return };
        let mut numbers = fields.filter_map(|f| f.parse::<u16>().ok());
        if let (Some(used), Some(total)) = (numbers.next(), numbers.next()) {
            self.slots_used = used;
            self.slots_total = total;
        }
    }
}

impl Network {
    /// `+CSQ: <rssi>,<ber>`.
    pub fn note_signal(&mut self, reply: &Reply) {
        if let Some(rssi) =
            reply.line("+CSQ:").and_then(|l| Fields::of(l, "+CSQ:")).and_then(|mut f| f.number())
        {
            self.note_rssi(rssi);
        }
    }

    /// 0 is −113 dBm or less, 31 −51 dBm or more, 99 and above unknown.
    pub fn note_rssi(&mut self, rssi: u8) {
        self.signal_dbm = (rssi <= 31).then(|| i16::from(rssi) * 2 - 113);
    }

    /// `+COPS: <mode>,<format>,"<name>",<act>`. Names with trailing junk were seen.
    pub fn note_operator(&mut self, reply: &Reply) {
        let name = reply.line("+COPS:").and_then(|l| Fields::of(l, "+COPS:")).and_then(|mut f| f.nth(2));
        let junk = |c: char| c.is_control() || matches!(c, '@' | '\u{fffd}' | ' ');
        self.operator =
            name.map(|n| crate::util::text::one_line(n.trim_end_matches(junk), 32)).filter(|n| !n.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::at::Final;

    fn ok(line: &str) -> Reply {
        Reply::Done { lines: vec![line.to_owned()], result: Final::Ok }
    }

    #[test]
    fn storage_in_both_forms() {
        for line in ["+CPMS: 3,20,3,20,3,20", "+CPMS:\"SM\",3,20,\"SM\",3,20,\"SM\",3,20"] {
            let mut view = View::default();
            view.note_storage(&ok(line));
            assert_eq!((view.slots_used, view.slots_total), (3, 20), "{line}");
        }
    }

    #[test]
    fn signal_and_operator() {
        let mut n = Network::default();
        for (line, dbm) in [
            ("+CSQ: 17,99", Some(-79)),
            ("+CSQ:0,0", Some(-113)),
            ("+CSQ: 99,99", None),
            ("+CSQ: 199,99", None),
        ] {
            n.note_signal(&ok(line));
            assert_eq!(n.signal_dbm, dbm, "{line}");
        }
        n.note_operator(&ok("+COPS: 0,0,\"TELE2@\u{fffd}\u{1}\",0"));
        assert_eq!(n.operator.as_deref(), Some("TELE2"));
        n.note_operator(&ok("+COPS: 0"));
        assert_eq!(n.operator, None);
    }
}
