//! `+CUSD:` lines. TS 27.007 7.15, DONGLE 5.
use crate::util::limits::AT_LINE;

const PREFIX: &str = "+CUSD:";

/// `+CUSD: <mode>[,"<text>"[,<dcs>]]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ussd {
    /// 0 done, 1 the network waits for an answer, 2 ended by the network, 3 another client answered, 4 not supported,
    /// 5 the network's time-out.
    pub mode: Option<u8>,
    /// As the stick prints it: packed or UCS-2 in hexadecimal, or plain, with quotes and commas inside.
    pub text: Option<String>,
    pub dcs: Option<u8>,
}

impl Ussd {
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let rest = line.strip_prefix(PREFIX)?.trim();
        let (mode, rest) = rest.split_once(',').unwrap_or((rest, ""));
        let mode = mode.trim().parse().ok();
        let rest = rest.trim();
        if rest.is_empty() {
            return Some(Self { mode, ..Self::default() });
        }
        // From the first quote to the last: there may be quotes inside.
        let (text, tail) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.rsplit_once('"').unwrap_or((quoted, "")),
            None => rest.split_once(',').unwrap_or((rest, "")),
        };
        let dcs = tail.trim().trim_start_matches(',').trim().parse().ok();
        Some(Self { mode, text: Some(text.to_owned()), dcs })
    }
}

/// A `+CUSD:` whose text goes on in the next line: its quote is not closed.
#[must_use]
pub fn is_cut(line: &str) -> bool {
    let quoted = line.strip_prefix(PREFIX).and_then(|rest| rest.split_once('"')).map(|(_, quoted)| quoted);
    quoted.is_some_and(|quoted| {
        let tail = quoted.rsplit_once('"').map(|(_, tail)| tail.trim().trim_start_matches(',').trim());
        line.len() < AT_LINE && !tail.is_some_and(|tail| tail.bytes().all(|b| b.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_with_and_without_quotes() {
        let ussd = |mode, text: Option<&str>, dcs| {
            Some(Ussd { mode: Some(mode), text: text.map(str::to_owned), dcs })
        };
        for (line, want) in [
            ("+CUSD: 0,\"CF2135\"", ussd(0, Some("CF2135"), None)),
            ("+CUSD: 0,\"CF2135\",0", ussd(0, Some("CF2135"), Some(0))),
            ("+CUSD: 0, 49B41C74", ussd(0, Some("49B41C74"), None)),
            ("+CUSD: 0, 49B41C74,15", ussd(0, Some("49B41C74"), Some(15))),
            ("+CUSD:2", ussd(2, None, None)),
            ("+CUSD: 2,\"\",72", ussd(2, Some(""), Some(72))),
            (
                "+CUSD: 1,\"Buy \"Mega, Tariff\"\n1 yes\",15",
                ussd(1, Some("Buy \"Mega, Tariff\"\n1 yes"), Some(15)),
            ),
            ("+CMGR: 0", None),
        ] {
            assert_eq!(Ussd::parse(line), want, "{line}");
        }
    }

    #[test]
    fn a_text_of_several_lines() {
        for (line, cut) in [
            ("+CUSD: 1,\"1 Balance", true),
            ("+CUSD: 1,\"1 \"Mega\" tariff", true),
            ("+CUSD: 1,\"1 Balance\n2 Help\",15", false),
            ("+CUSD: 0,\"AA18\"", false),
            ("+CUSD: 0, AA18", false),
            ("+CUSD: 2", false),
        ] {
            assert_eq!(is_cut(line), cut, "{line}");
        }
    }
}
