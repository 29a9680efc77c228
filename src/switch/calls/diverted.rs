//! What the next one hears of a call that extensions have sent on: Diversion (RFC 5806) and History-Info (RFC 7044). Some
//! providers let a call out under a number of its customer only where one of them says so; a voicemail finds its box by them.
use super::CallId;
use crate::switch::Switch;
use crate::util::OFFICE;
use crate::wire::sip::{Address, Uri, header};

/// An extension has sent the call on.
#[derive(Clone, Debug)]
pub struct Diverted {
    pub by: String,
    pub reason: Reason,
}

/// RFC 5806 section 4, RFC 4458 section 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    Unconditional,
    Busy,
    NoAnswer,
    Unavailable,
    /// By the phone itself, with a 302.
    Deflection,
}

impl Reason {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unconditional => "unconditional",
            Self::Busy => "user-busy",
            Self::NoAnswer => "no-answer",
            Self::Unavailable => "unavailable",
            Self::Deflection => "deflection",
        }
    }

    /// `cause` of the URI that it was sent on to.
    const fn cause(self) -> &'static str {
        match self {
            Self::Unconditional => "302",
            Self::Busy => "486",
            Self::NoAnswer => "408",
            Self::Unavailable => "503",
            Self::Deflection => "480",
        }
    }
}

impl Switch {
    /// Headers for whoever is called now as `target`. `host`: in whose words; `number`: how an extension is known there.
    pub(super) fn diversion(
        &self,
        id: CallId,
        host: &str,
        target: &str,
        number: impl Fn(&str) -> Option<String>,
    ) -> Vec<(String, String)> {
        let Some(call) = self.calls.all.get(&id).filter(|c| OFFICE && !c.diverted.is_empty()) else {
            return Vec::new();
        };
        let known = |d: &Diverted| number(&d.by).unwrap_or_else(|| d.by.clone());
        let users: Vec<String> = call.diverted.iter().map(known).collect();
        let reasons: Vec<Reason> = call.diverted.iter().map(|d| d.reason).collect();
        let mut headers = diversions(host, &users, &reasons);
        headers.push((header::HISTORY_INFO.to_owned(), history(host, &users, &reasons, target)));
        headers
    }
}

/// The last one first.
fn diversions(host: &str, users: &[String], reasons: &[Reason]) -> Vec<(String, String)> {
    let one = |(user, reason): (&String, &Reason)| {
        let mut value = Address::new(Uri::sip(Some(user), host, None)).to_string();
        value.push_str(";reason=");
        value.push_str(reason.word());
        (header::DIVERSION.to_owned(), value)
    };
    users.iter().zip(reasons).rev().map(one).collect()
}

/// The first one first, each with the cause that led there.
fn history(host: &str, users: &[String], reasons: &[Reason], target: &str) -> String {
    let targets = users.iter().map(String::as_str).chain(std::iter::once(target));
    let causes = std::iter::once(None).chain(reasons.iter().map(|reason| Some(reason.cause())));
    let (mut value, mut index) = (String::new(), String::from("1"));
    for (user, cause) in targets.zip(causes) {
        let uri = Uri::sip(Some(user), host, None).to_string();
        match cause {
            None => value.push_str(&format!("<{uri}>;index={index}")),
            Some(cause) => {
                let parent = index.clone();
                index.push_str(".1");
                value.push_str(&format!(", <{uri};cause={cause}>;index={index};mp={parent}"));
            }
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sent_on_twice() {
        let users = ["100".to_owned(), "+4930 101".to_owned()];
        let reasons = [Reason::Busy, Reason::Unconditional];
        assert_eq!(
            history("h", &users, &reasons, "102"),
            "<sip:100@h>;index=1, <sip:+4930%20101@h;cause=486>;index=1.1;mp=1, \
             <sip:102@h;cause=302>;index=1.1.1;mp=1.1"
        );
        let values: Vec<String> = diversions("h", &users, &reasons).into_iter().map(|(_, v)| v).collect();
        assert_eq!(values, ["<sip:+4930%20101@h>;reason=unconditional", "<sip:100@h>;reason=user-busy"]);
    }
}
