//! Credentials out of a message that somebody will read: masked character by character, so that lengths stay true.

/// What may be seen of a digest; everything else in these headers is masked (RFC 7616 section 3.4).
const PUBLIC: [&str; 11] =
    ["username", "realm", "nonce", "uri", "algorithm", "qop", "nc", "cnonce", "opaque", "nextnonce", "stale"];
const HEADERS: [&str; 4] =
    ["authorization", "proxy-authorization", "authentication-info", "proxy-authentication-info"];

/// The message with responses of digests, other credentials and keys of SDP (RFC 4568) masked by `x`.
#[must_use]
pub fn mask(bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    let (mut line, mut secret, mut body) = (0, None, false);
    while line < out.len() {
        let rest = out.get(line..).unwrap_or_default();
        let end = line.saturating_add(
            rest.iter().position(|b| *b == b'\n').map_or(rest.len(), |at| at.saturating_add(1)),
        );
        let text = out.get_mut(line..end).unwrap_or_default();
        let blank = text.iter().all(|b| matches!(b, b'\r' | b'\n'));
        if body {
            mask_sdp(text);
        } else if blank {
            body = true;
            end_header(&mut out, &mut secret, line);
        } else if !text.starts_with(b" ") && !text.starts_with(b"\t") {
            let value = value_at(text).map(|at| line.saturating_add(at));
            end_header(&mut out, &mut secret, line);
            secret = value;
        }
        line = end;
    }
    let end = out.len();
    end_header(&mut out, &mut secret, end);
    out
}

/// Where the value of a header with credentials begins in this line.
fn value_at(line: &[u8]) -> Option<usize> {
    let colon = line.iter().position(|b| *b == b':')?;
    let name = std::str::from_utf8(line.get(..colon)?).ok()?.trim();
    HEADERS.iter().any(|h| h.eq_ignore_ascii_case(name)).then(|| colon.saturating_add(1))
}

/// A header ended, its continuation lines included.
fn end_header(out: &mut [u8], secret: &mut Option<usize>, end: usize) {
    if let Some(value) = secret.take().and_then(|begin| out.get_mut(begin..end)) {
        mask_credentials(value);
    }
}

fn mask_credentials(value: &mut [u8]) {
    let begin = value.iter().position(|b| !b.is_ascii_whitespace()).unwrap_or(value.len());
    let rest = value.get(begin..).unwrap_or_default();
    let has_scheme = rest.get(..7).is_some_and(|s| s.eq_ignore_ascii_case(b"digest "));
    // Authentication-Info has no scheme. Any other is not known, and nothing of it is shown.
    let first = rest.iter().position(|b| matches!(b, b'=' | b' ' | b',')).and_then(|at| rest.get(at));
    let start = match (has_scheme, first) {
        (true, _) => begin.saturating_add(7),
        (false, Some(b'=')) => begin,
        _ => return hide(value.get_mut(begin..).unwrap_or_default()),
    };
    // Who can't count quotes shows nothing: where a parameter ends would be a guess.
    if value.iter().filter(|b| **b == b'"').count() % 2 == 1 || value.contains(&b'\\') {
        return hide(value.get_mut(start..).unwrap_or_default());
    }
    let mut quoted = false;
    let items = value.get_mut(start..).unwrap_or_default().split_mut(|b| {
        quoted ^= *b == b'"';
        *b == b',' && !quoted
    });
    for item in items {
        let equals = item.iter().position(|b| *b == b'=');
        let (name, secret) = item.split_at_mut(equals.unwrap_or(0));
        let name = String::from_utf8_lossy(name);
        if !PUBLIC.iter().any(|p| p.eq_ignore_ascii_case(name.trim())) {
            hide(secret.get_mut(usize::from(equals.is_some())..).unwrap_or_default());
        }
    }
}

fn mask_sdp(line: &mut [u8]) {
    let is = |text: &[u8]| line.get(..text.len()).is_some_and(|l| l.eq_ignore_ascii_case(text));
    let known = [&b"k="[..], b"a=key-mgmt:", b"a=ice-pwd:"].into_iter().find(|p| is(p)).map(<[u8]>::len);
    // The key of RFC 4568 stands behind `inline:`, wherever that is in the line.
    let inline =
        line.windows(7).position(|w| w.eq_ignore_ascii_case(b"inline:")).map(|at| at.saturating_add(7));
    if let Some(secret) = known.or(inline).and_then(|at| line.get_mut(at..)) {
        hide(secret);
    }
}

fn hide(secret: &mut [u8]) {
    secret
        .iter_mut()
        .filter(|b| !b.is_ascii_whitespace() && !matches!(b, b'"' | b'|' | b','))
        .for_each(|b| *b = b'x');
}

#[cfg(test)]
mod tests {
    use super::mask;

    fn masked(text: &str) -> String {
        let text = text.replace('\n', "\r\n");
        let out = mask(text.as_bytes());
        assert_eq!(out.len(), text.len());
        String::from_utf8(out).unwrap().replace("\r\n", "\n")
    }

    #[test]
    fn credentials_in_every_shape() {
        for (line, want) in [
            (
                "Authorization: Digest username=\"100\", response=\"0a1b\", nc=00000001",
                "Authorization: Digest username=\"100\", response=\"xxxx\", nc=00000001",
            ),
            (
                "proxy-authorization : digest response=0a1b,realm=\"a,response=b\"",
                "proxy-authorization : digest response=xxxx,realm=\"a,response=b\"",
            ),
            (
                "Authorization:\n Digest username=\"1\",\n\tresponse =\n \"0a1b\"",
                "Authorization:\n Digest username=\"1\",\n\tresponse =\n \"xxxx\"",
            ),
            ("Authorization: Basic MTAwOmdlaGVpbQ==", "Authorization: xxxxx xxxxxxxxxxxxxxxx"),
            (
                "Authorization: Digest username=\"100, response=\"0a1b\"",
                "Authorization: Digest xxxxxxxxx\"xxx, xxxxxxxxx\"xxxx\"",
            ),
            ("Authorization: Digest passport=secret", "Authorization: Digest passport=xxxxxx"),
            (
                "Authentication-Info: rspauth=\"0a1b\", nextnonce=\"n\"",
                "Authentication-Info: rspauth=\"xxxx\", nextnonce=\"n\"",
            ),
            ("X-Authorization: response=\"0a1b\"", "X-Authorization: response=\"0a1b\""),
        ] {
            for tail in ["\nTo: <sip:a>\n\nbody", "\n\n", ""] {
                let text = format!("REGISTER sip:a SIP/2.0\n{line}{tail}");
                let want = format!("REGISTER sip:a SIP/2.0\n{want}{tail}");
                assert_eq!(masked(&text), want);
            }
        }
    }

    #[test]
    fn keys_of_media() {
        let sdp = |key: &str, pwd: &str| {
            format!(
                "INVITE sip:a SIP/2.0\nTo: <sip:inline:b@a>\n\nv=0\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key}|2^20\na=ice-pwd:{pwd}\na=rtpmap:0 PCMU/8000\n"
            )
        };
        let out = masked(&sdp("WVNfX19zZW1jdGw=", "abcd"));
        assert_eq!(out, sdp("xxxxxxxxxxxxxxxx", "xxxx").replace("|2^20", "|xxxx"));
    }

    #[test]
    fn any_bytes() {
        for seed in 0_u32..2_000 {
            let bytes: Vec<u8> = (0..200_u32)
                .map(|n| {
                    b"Authorization: Digest =\",\r\n \\x"[(seed
                        .wrapping_mul(2_654_435_761)
                        .wrapping_add(n.wrapping_mul(n) * 40_503)
                        >> 13) as usize
                        % 30]
                })
                .collect();
            assert_eq!(mask(&bytes).len(), bytes.len());
        }
    }
}
