//! As much of SIP's text as the load needs: finding a header, and answering a challenge (RFC 2617).
use md5::{Digest as _, Md5};
use std::io::Write as _;

/// Status of a response; None: a request.
pub fn status(message: &[u8]) -> Option<u16> {
    let digits = message.strip_prefix(b"SIP/2.0 ")?.get(..3)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Lines of the head.
pub fn lines(message: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = message.split(|b| *b == b'\n').map(|l| l.strip_suffix(b"\r").unwrap_or(l));
    lines.take_while(|l| !l.is_empty())
}

/// The first header of this name, without blanks.
pub fn header<'a>(message: &'a [u8], name: &str) -> Option<&'a [u8]> {
    lines(message).skip(1).find_map(|line| {
        let (found, value) = (line.get(..name.len())?, line.get(name.len()..)?);
        let value = found.eq_ignore_ascii_case(name.as_bytes()).then_some(value)?;
        Some(value.trim_ascii_start().strip_prefix(b":")?.trim_ascii())
    })
}

/// What stands between `before` and the next of `;,>"` or the end.
pub fn after<'a>(value: &'a [u8], before: &[u8]) -> Option<&'a [u8]> {
    let at = value.windows(before.len()).position(|w| w.eq_ignore_ascii_case(before))?;
    let rest = &value[at + before.len()..];
    let end = rest.iter().position(|b| matches!(b, b';' | b',' | b'>' | b'"' | b' ')).unwrap_or(rest.len());
    Some(&rest[..end])
}

/// The number in a text, up to its first other character.
pub fn number(text: &[u8]) -> Option<usize> {
    let end = text.iter().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    std::str::from_utf8(&text[..end]).ok()?.parse().ok()
}

/// A user with a password, and what of the answers stays the same.
#[derive(Clone)]
pub struct Account {
    pub user: String,
    secret: String,
    realm: Vec<u8>,
    ha1: [u8; 32],
}

impl Account {
    #[must_use]
    pub fn new(user: &str, secret: &str) -> Self {
        Self { user: user.to_owned(), secret: secret.to_owned(), realm: Vec::new(), ha1: [0; 32] }
    }

    /// Writes the Authorization line for a 401. False: there is no challenge in it.
    pub fn answer(&mut self, response: &[u8], method: &str, uri: &str, out: &mut Vec<u8>) -> bool {
        let Some(challenge) = header(response, "WWW-Authenticate") else { return false };
        let (Some(realm), Some(nonce)) = (after(challenge, b"realm=\""), after(challenge, b"nonce=\""))
        else {
            return false;
        };
        if self.realm != realm {
            self.realm = realm.to_vec();
            self.ha1 = hash(&[self.user.as_bytes(), realm, self.secret.as_bytes()]);
        }
        let ha2 = hash(&[method.as_bytes(), uri.as_bytes()]);
        let has_qop = after(challenge, b"qop=\"").or_else(|| after(challenge, b"qop=")).is_some();
        let response = if has_qop {
            hash(&[&self.ha1, nonce, b"00000001", b"load", b"auth", &ha2])
        } else {
            hash(&[&self.ha1, nonce, &ha2])
        };
        out.extend_from_slice(b"Authorization: Digest username=\"");
        for part in [
            self.user.as_bytes(),
            b"\", realm=\"",
            realm,
            b"\", nonce=\"",
            nonce,
            b"\", uri=\"",
            uri.as_bytes(),
            b"\", response=\"",
            &response,
            b"\", algorithm=MD5",
        ] {
            out.extend_from_slice(part);
        }
        if let Some(opaque) = after(challenge, b"opaque=\"") {
            out.extend_from_slice(b", opaque=\"");
            out.extend_from_slice(opaque);
            out.push(b'"');
        }
        if has_qop {
            out.extend_from_slice(b", qop=auth, nc=00000001, cnonce=\"load\"");
        }
        out.extend_from_slice(b"\r\n");
        true
    }
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut md5 = Md5::new();
    for (n, part) in parts.iter().enumerate() {
        if n > 0 {
            md5.update(b":");
        }
        md5.update(part);
    }
    let mut text = [0; 32];
    let mut room = &mut text[..];
    for byte in md5.finalize() {
        let _ = write!(room, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_2617_section_3_5() {
        let response =
            b"SIP/2.0 401 Unauthorized\r\nVia: x\r\nWWW-Authenticate:  Digest realm=\"testrealm@host.com\",\
            nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\",opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"\r\n\r\n";
        let mut account = Account::new("Mufasa", "Circle Of Life");
        let mut out = Vec::new();
        assert!(account.answer(response, "GET", "/dir/index.html", &mut out));
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("response=\"670fd8c2df070c60b045671b8b24ff02\""), "{text}");
        assert!(text.contains("opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"") && !text.contains("qop"));
    }

    #[test]
    fn headers_and_what_is_in_them() {
        let message = b"SIP/2.0 180 Ringing\r\nto : <sip:b@h>;tag=x12\r\nTotal: 1\r\n\r\nCall-ID: body";
        assert_eq!(status(message), Some(180));
        assert_eq!(header(message, "To"), Some(&b"<sip:b@h>;tag=x12"[..]));
        assert_eq!(after(header(message, "To").unwrap(), b"tag=").and_then(|t| number(&t[1..])), Some(12));
        assert_eq!(header(message, "Call-ID"), None);
        assert_eq!(status(b"INVITE sip:x SIP/2.0"), None);
    }
}
