//! The end of an answer.

/// A final result: the command is over. V.250 5.7.1, TS 27.007 9.2, TS 27.005 3.2.5, and two of Huawei's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Final {
    Ok,
    Error,
    /// `+CME ERROR: n`, the equipment. Textual codes (CMEE=2 left over from other software) come as 100, unknown.
    Cme(u16),
    /// `+CMS ERROR: n`, the message service.
    Cms(u16),
    NoCarrier,
    Busy,
    NoAnswer,
    NoDialtone,
    Connect,
    /// `COMMAND NOT SUPPORT`, Huawei.
    NotSupported,
    /// `TOO MANY PARAMETERS`, Huawei.
    TooManyParameters,
}

impl Final {
    /// The final result that `line` is, if it is one.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let code = |text: &str| text.trim().parse().unwrap_or(100);
        Some(match line {
            "OK" => Self::Ok,
            "ERROR" => Self::Error,
            "NO CARRIER" => Self::NoCarrier,
            "BUSY" => Self::Busy,
            "NO ANSWER" => Self::NoAnswer,
            "NO DIALTONE" | "NO DIAL TONE" => Self::NoDialtone,
            "COMMAND NOT SUPPORT" => Self::NotSupported,
            "TOO MANY PARAMETERS" => Self::TooManyParameters,
            _ if line.starts_with("CONNECT") => Self::Connect,
            _ => {
                if let Some(rest) = line.strip_prefix("+CME ERROR:") {
                    Self::Cme(code(rest))
                } else if let Some(rest) = line.strip_prefix("+CMS ERROR:") {
                    Self::Cms(code(rest))
                } else {
                    return None;
                }
            }
        })
    }

    /// How a call ends or cannot begin: the answer to ATD and ATA only, unasked otherwise. V.250 6.3.1.
    #[must_use]
    pub const fn is_of_a_call(self) -> bool {
        matches!(self, Self::NoCarrier | Self::Busy | Self::NoAnswer | Self::NoDialtone | Self::Connect)
    }

    /// Cut what a firmware glued together: `OK^RSSI:20`, `ERROR+CNUM: …`, and `+CSSI: 1` which comes without a line
    /// end. The second part is empty when nothing is glued.
    #[must_use]
    pub fn unglue(line: &str) -> (&str, &str) {
        for head in ["OK", "ERROR", "+CSSI: 0", "+CSSI: 1", "+CSSI: 2", "+CSSI: 3"] {
            if let Some(rest) = line.strip_prefix(head)
                && (rest.starts_with(['^', '+']) || rest.starts_with("RING"))
            {
                return (head, rest);
            }
        }
        (line, "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results() {
        for (line, result) in [
            ("OK", Some(Final::Ok)),
            ("+CME ERROR: 14", Some(Final::Cme(14))),
            ("+CME ERROR:10", Some(Final::Cme(10))),
            ("+CME ERROR: SIM busy", Some(Final::Cme(100))),
            ("+CMS ERROR: 500", Some(Final::Cms(500))),
            ("COMMAND NOT SUPPORT", Some(Final::NotSupported)),
            ("CONNECT 7200000", Some(Final::Connect)),
            ("OKAY", None),
            ("+CMTI: \"SM\",3", None),
        ] {
            assert_eq!(Final::parse(line), result, "{line}");
        }
    }

    #[test]
    fn glued() {
        assert_eq!(Final::unglue("OK^RSSI:20"), ("OK", "^RSSI:20"));
        assert_eq!(Final::unglue("ERROR+CNUM: \"\",\"\",129"), ("ERROR", "+CNUM: \"\",\"\",129"));
        assert_eq!(Final::unglue("+CSSI: 1^CONF:1"), ("+CSSI: 1", "^CONF:1"));
        assert_eq!(Final::unglue("OK"), ("OK", ""));
    }
}
