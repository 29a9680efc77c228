//! When two URIs are the same. RFC 3261 section 19.1.4.
use crate::wire::sip::{Params, Uri};

/// Parameters that matter even if only one of the two has them. (`transport` is not in the list of the RFC but in its examples.)
const TELLING: [&str; 5] = ["user", "ttl", "method", "maddr", "transport"];

/// The comparison of RFC 3261 section 19.1.4: the order of parameters and escapes are nothing, a port that is written is something.
#[must_use]
pub fn is_same_uri(a: &Uri, b: &Uri) -> bool {
    a.scheme == b.scheme
        && a.user_text() == b.user_text()
        && a.host == b.host
        && a.port == b.port
        && agree(&a.params, &b.params)
        && headers(a) == headers(b)
}

fn agree(a: &Params, b: &Params) -> bool {
    let in_both = a.iter().all(|(name, value)| {
        b.get(name).is_none_or(|other| other.eq_ignore_ascii_case(value.unwrap_or_default()))
    });
    in_both && TELLING.iter().all(|name| a.has(name) == b.has(name))
}

fn headers(uri: &Uri) -> Vec<String> {
    let text = uri.headers.as_deref().unwrap_or_default();
    let mut all: Vec<String> = text.split('&').map(str::to_ascii_lowercase).collect();
    all.sort();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_of_rfc_3261_section_19_1_4() {
        for (a, b, want) in [
            ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtlanTa.CoM;Transport=tcp", true),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true),
            ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5", true),
            (
                "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
                "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
                true,
            ),
            (
                "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
                "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
                true,
            ),
            ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", false),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", false),
            ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", false),
            ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", false),
            ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", false),
        ] {
            let (a, b) = (Uri::parse(a).unwrap(), Uri::parse(b).unwrap());
            assert_eq!(is_same_uri(&a, &b), want, "{a} {b}");
            assert_eq!(is_same_uri(&b, &a), want, "{b} {a}");
        }
    }
}
