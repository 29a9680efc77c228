//! `Replaces: call-id;to-tag=a;from-tag=b;early-only`: this call is to take the place of that dialog. RFC 3891 section 6.1.
use super::Params;

/// The dialog meant, as its other side (who gets the INVITE) names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaces {
    pub call_id: String,
    /// The tag of who gets the INVITE.
    pub to_tag: String,
    /// The tag of its peer.
    pub from_tag: String,
    /// Only as long as the dialog is not confirmed.
    pub early_only: bool,
}

impl Replaces {
    /// `None`: not exactly one of each tag, or no Call-ID.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (call_id, params) = text.trim().split_once(';')?;
        let call_id = call_id.trim();
        if call_id.is_empty() || call_id.contains(|c: char| c.is_whitespace() || c.is_control() || c == ',') {
            return None;
        }
        let params = Params::parse(params);
        let only = |name: &str| {
            let mut found = params.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
            let (_, value) = found.next()?;
            value.filter(|v| !v.is_empty() && found.next().is_none()).map(str::to_owned)
        };
        Some(Self {
            call_id: call_id.to_owned(),
            to_tag: only("to-tag")?,
            from_tag: only("from-tag")?,
            early_only: params.has("early-only"),
        })
    }
}

impl std::fmt::Display for Replaces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{};to-tag={};from-tag={}", self.call_id, self.to_tag, self.from_tag)?;
        f.write_str(if self.early_only { ";early-only" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::sip::{Address, Uri};

    #[test]
    fn read_and_written() {
        for (text, want) in [
            (
                "98732@sip.example.com ;from-tag=r33th4x0r ;to-tag=ff87ff",
                Some("98732@sip.example.com;to-tag=ff87ff;from-tag=r33th4x0r"),
            ),
            (
                "12adf2f34456gs5;to-tag=12345;from-tag=54321;early-only;x=y",
                Some("12adf2f34456gs5;to-tag=12345;from-tag=54321;early-only"),
            ),
            (
                "87134@171.161.34.23;to-tag=24796;from-tag=0",
                Some("87134@171.161.34.23;to-tag=24796;from-tag=0"),
            ),
            ("c;to-tag=1", None),
            ("c;from-tag=1", None),
            ("c;to-tag=1;to-tag=2;from-tag=3", None),
            ("c;to-tag=;from-tag=3", None),
            (";to-tag=1;from-tag=3", None),
            ("c d;to-tag=1;from-tag=3", None),
            ("c", None),
            ("", None),
        ] {
            assert_eq!(Replaces::parse(text).map(|r| r.to_string()).as_deref(), want, "{text}");
        }
    }

    #[test]
    fn in_a_refer_to() {
        let refer_to = "<sip:20@192.0.2.9?Replaces=c%40h%3Bto-tag%3Da%3Bfrom-tag%3Db&Require=replaces>";
        let uri = Address::parse(refer_to).unwrap().uri;
        let replaces = Replaces::parse(&uri.header("replaces").unwrap()).unwrap();
        assert_eq!(replaces.to_string(), "c@h;to-tag=a;from-tag=b");
        assert_eq!(uri.header("Require").as_deref(), Some("replaces"));
        assert_eq!(uri.header("Subject"), None);
        let mut again = Uri::parse("sip:20@192.0.2.9").unwrap();
        again.set_header("Replaces", &replaces.to_string());
        again.set_header("Require", "replaces");
        assert_eq!(Address::new(again).to_string(), refer_to);
    }
}
