//! Header names: one spelling for each, whatever case or compact form came. RFC 3261 section 7.3.3 and 20.
use std::borrow::Cow;

macro_rules! names {
    ($($constant:ident = $name:literal $(, $compact:literal)?;)*) => {
        $(#[doc = $name] pub const $constant: &str = $name;)*
        const KNOWN: &[(&str, &str)] = &[$(($name, names!(@ $($compact)?)),)*];
    };
    (@ $compact:literal) => { $compact };
    (@) => { "" };
}

names! {
    ACCEPT = "Accept";
    ACCEPT_CONTACT = "Accept-Contact", "a";
    ALERT_INFO = "Alert-Info";
    ALLOW = "Allow";
    ALLOW_EVENTS = "Allow-Events", "u";
    AUTHORIZATION = "Authorization";
    CALL_ID = "Call-ID", "i";
    CALL_INFO = "Call-Info";
    CONTACT = "Contact", "m";
    CONTENT_ENCODING = "Content-Encoding", "e";
    CONTENT_LENGTH = "Content-Length", "l";
    CONTENT_TYPE = "Content-Type", "c";
    CSEQ = "CSeq";
    DATE = "Date";
    DIVERSION = "Diversion";
    EVENT = "Event", "o";
    EXPIRES = "Expires";
    FROM = "From", "f";
    HISTORY_INFO = "History-Info";
    IDENTITY = "Identity", "y";
    INFO_PACKAGE = "Info-Package";
    MAX_FORWARDS = "Max-Forwards";
    MIN_EXPIRES = "Min-Expires";
    MIN_SE = "Min-SE";
    P_ASSERTED_IDENTITY = "P-Asserted-Identity";
    P_CALLED_PARTY_ID = "P-Called-Party-ID";
    PATH = "Path";
    PRIVACY = "Privacy";
    PROXY_AUTHENTICATE = "Proxy-Authenticate";
    PROXY_AUTHORIZATION = "Proxy-Authorization";
    PROXY_REQUIRE = "Proxy-Require";
    RACK = "RAck";
    REASON = "Reason";
    RECV_INFO = "Recv-Info";
    RECORD_ROUTE = "Record-Route";
    REFER_TO = "Refer-To", "r";
    REFERRED_BY = "Referred-By", "b";
    REJECT_CONTACT = "Reject-Contact", "j";
    REMOTE_PARTY_ID = "Remote-Party-ID";
    REPLACES = "Replaces";
    REQUEST_DISPOSITION = "Request-Disposition", "d";
    REQUIRE = "Require";
    RETRY_AFTER = "Retry-After";
    ROUTE = "Route";
    RSEQ = "RSeq";
    SERVER = "Server";
    SERVICE_ROUTE = "Service-Route";
    SESSION_EXPIRES = "Session-Expires", "x";
    SUBJECT = "Subject", "s";
    SUBSCRIPTION_STATE = "Subscription-State";
    SUPPORTED = "Supported", "k";
    TIMESTAMP = "Timestamp";
    TO = "To", "t";
    UNSUPPORTED = "Unsupported";
    USER_AGENT = "User-Agent";
    VIA = "Via", "v";
    WARNING = "Warning";
    WWW_AUTHENTICATE = "WWW-Authenticate";
}

/// The one spelling of a name.
#[must_use]
pub fn canonical(name: &str) -> Cow<'static, str> {
    // Lengths first: this is done for each line of each message.
    let same = |known: &str| known.len() == name.len() && known.eq_ignore_ascii_case(name);
    let known = match name.len() {
        0 => None,
        1 => KNOWN.iter().find(|(_, compact)| same(compact)),
        _ => KNOWN.iter().find(|(full, _)| same(full)),
    };
    match known {
        Some((full, _)) => Cow::Borrowed(full),
        None => Cow::Owned(name.to_owned()),
    }
}

/// A number without sign or blanks. One that is too large for 32 bits is the largest (RFC 4475 section 3.1.2.4).
#[must_use]
pub fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u32::MAX))
}

/// Items of a header value between commas that stand in no quotes or angle brackets.
pub fn split(value: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(value);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = comma(text);
        let (item, tail) = match end {
            Some(at) => (text.get(..at)?, text.get(at.saturating_add(1)..)),
            None => (text, None),
        };
        rest = tail;
        Some(item.trim())
    })
    .filter(|item| !item.is_empty())
}

fn comma(text: &str) -> Option<usize> {
    let (mut quoted, mut escaped, mut angle) = (false, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' if !angle => quoted = !quoted,
            b'<' if !quoted => angle = true,
            b'>' if !quoted => angle = false,
            b',' if !quoted && !angle => return Some(at),
            _ => {}
        }
    }
    None
}
