//! `sip:` and `sips:` URIs, and `tel:`. RFC 3261 section 19.1, RFC 3966.
use super::{Params, header};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    Sip,
    Sips,
    Tel,
}

impl Scheme {
    fn parse(text: &str) -> Option<Self> {
        let all = [("sip", Self::Sip), ("sips", Self::Sips), ("tel", Self::Tel)];
        all.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, scheme)| scheme)
    }
}

/// A URI. `tel:+49…` has its number in `user` and no host.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Uri {
    pub scheme: Scheme,
    /// As it came, `%` escapes and all; `user_text` decodes.
    pub user: Option<String>,
    /// Name, IPv4 address, or IPv6 address in brackets; lower case.
    pub host: String,
    pub port: Option<u16>,
    pub params: Params,
    /// `?Subject=x`, without the question mark.
    pub headers: Option<String>,
}

impl Uri {
    /// `host`: as it stands in a URI, or an IPv6 address as people write it, without brackets.
    #[must_use]
    pub fn sip(user: Option<&str>, host: &str, port: Option<u16>) -> Self {
        Self {
            scheme: Scheme::Sip,
            user: user.map(|user| escape(user, b"-_.!~*'()&=+$,")),
            host: bracketed(host),
            port,
            params: Params::default(),
            headers: None,
        }
    }

    /// `None`: not a URI of these schemes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (scheme, rest) = text.split_once(':')?;
        let scheme = Scheme::parse(scheme)?;
        if rest.bytes().any(|b| b <= b' ' || b == 0x7f || matches!(b, b'<' | b'>' | b'"')) {
            return None;
        }
        if scheme == Scheme::Tel {
            let (number, params) = rest.split_once(';').unwrap_or((rest, ""));
            let user = Some(number.to_owned()).filter(|n| !n.is_empty())?;
            let params = Params::parse(params);
            return Some(Self {
                scheme,
                user: Some(user),
                host: String::new(),
                port: None,
                params,
                headers: None,
            });
        }
        // A raw `@` is wrong in the user part and in the headers alike, and both are met: the first that leaves a host
        // counts, else the last.
        let cut = |at: Option<(&'_ str, &'_ str)>| match at {
            Some((user, rest)) => Self::with_user(scheme, Some(user), rest),
            None => Self::with_user(scheme, None, rest),
        };
        cut(rest.split_once('@')).or_else(|| cut(rest.rsplit_once('@')))
    }

    fn with_user(scheme: Scheme, user: Option<&str>, rest: &str) -> Option<Self> {
        let (rest, headers) = match rest.split_once('?') {
            Some((rest, headers)) => (rest, Some(headers)),
            None => (rest, None),
        };
        let (place, params) = rest.split_once(';').unwrap_or((rest, ""));
        let (host, port) = host_port(place)?;
        // A password in the user part is not ours to know.
        let user = user.and_then(|u| u.split(':').next());
        // `sip:@host` comes from callers without a name; with another `@` behind it nobody can tell what is meant.
        if user == Some("") && (rest.contains('@') || headers.is_some_and(|h| h.contains('@'))) {
            return None;
        }
        let user = user.filter(|u| !u.is_empty()).map(str::to_owned);
        let headers = headers.filter(|h| !h.is_empty()).map(str::to_owned);
        Some(Self { scheme, user, host, port, params: Params::parse(params), headers })
    }

    /// The value of a header in `?name=value&…`, decoded.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        let pairs = self.headers.as_deref()?.split('&').filter_map(|pair| pair.split_once('='));
        pairs.into_iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| unescape(value))
    }

    /// A further header, for Refer-To.
    pub fn set_header(&mut self, name: &str, value: &str) {
        let headers = self.headers.get_or_insert_default();
        if !headers.is_empty() {
            headers.push('&');
        }
        headers.push_str(name);
        headers.push('=');
        headers.push_str(&escape(value, b"-_.!~*'()"));
    }

    /// The user part with `%` escapes decoded, but for those of control characters: it goes into dial strings and logs.
    #[must_use]
    pub fn user_text(&self) -> Option<String> {
        self.user.as_deref().map(unescape)
    }
}

/// In lower case; an IPv6 address in brackets (RFC 3261 section 25.1, IPv6reference).
fn bracketed(host: &str) -> String {
    match host.parse::<std::net::Ipv6Addr>() {
        Ok(address) => format!("[{address}]"),
        Err(_) => host.to_ascii_lowercase(),
    }
}

/// A URI, as far as one can see, but none of ours.
pub(super) fn is_foreign(text: &str) -> bool {
    let Some((scheme, rest)) = text.trim().split_once(':') else { return false };
    let named = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    Scheme::parse(scheme).is_none()
        && !rest.is_empty()
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(named)
}

/// `host`, `host:port`, `[::1]:port`. The host in lower case.
pub(super) fn host_port(text: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (inner, tail) = rest.split_once(']')?;
            // RFC 3261's own grammar asked for one colon too many, and some send it (RFC 5118 section 4.10).
            let inner = inner.replace(":::", "::");
            inner.parse::<std::net::Ipv6Addr>().ok()?;
            let tail = tail.trim_start();
            let port = tail.strip_prefix(':');
            if port.is_none() && !tail.is_empty() {
                return None;
            }
            (format!("[{}]", inner.to_ascii_lowercase()), port)
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host.trim_end().to_ascii_lowercase(), Some(port)),
            None => (text.to_ascii_lowercase(), None),
        },
    };
    let named = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    if !host.starts_with('[') && (host.is_empty() || !host.bytes().all(named)) {
        return None;
    }
    match port.map(str::trim) {
        None | Some("") => Some((host, None)),
        Some(port) => Some((host, Some(header::number(port)?.try_into().ok()?))),
    }
}

/// All but letters, digits and `kept` as `%XX`.
fn escape(text: &str, kept: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |n: u8| char::from(DIGITS.get(usize::from(n & 15)).copied().unwrap_or_default());
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || kept.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.extend(['%', digit(byte >> 4), digit(byte)]);
        }
    }
    out
}

fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut ahead = rest.clone();
        let pair = (byte == b'%').then(|| [ahead.next(), ahead.next()]);
        let digit =
            |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
        match pair.map(|[high, low]| (digit(high), digit(low))) {
            Some((Some(high), Some(low))) if !(high << 4 | low).is_ascii_control() => {
                bytes.push(high << 4 | low);
                rest = ahead;
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl std::fmt::Display for Uri {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.scheme {
            Scheme::Sip => "sip:",
            Scheme::Sips => "sips:",
            Scheme::Tel => "tel:",
        })?;
        if let Some(user) = &self.user {
            f.write_str(user)?;
            if self.scheme != Scheme::Tel {
                f.write_str("@")?;
            }
        }
        f.write_str(&self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "{}", self.params)?;
        match &self.headers {
            Some(headers) => write!(f, "?{headers}"),
            None => Ok(()),
        }
    }
}
