//! `Digest name="value", name=value`: challenges and answers as text. RFC 3261 section 25.1, RFC 7616 section 3.3.
use crate::wire::sip::header;

/// The parameters of one challenge or answer. Values are without quotes and escapes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Every Digest challenge of one header line; other schemes are left out. A comma ends a parameter or a challenge:
    /// a word before the parameter's name begins the next one.
    pub fn parse(value: &str) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        let mut ours = false;
        for item in header::split(value) {
            let (scheme, parameter) = scheme(item);
            if let Some(scheme) = scheme {
                ours = scheme.eq_ignore_ascii_case("Digest");
                if ours {
                    all.push(Self::default());
                }
            }
            if let (true, Some(fields), Some((name, value))) =
                (ours, all.last_mut(), parameter.split_once('='))
            {
                fields.0.push((name.trim().to_ascii_lowercase(), unquote(value.trim())));
            }
        }
        all
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The `stale` flag, quoted or not.
    pub fn is_stale(&self) -> bool {
        self.get("stale").is_some_and(|s| s.eq_ignore_ascii_case("true"))
    }
}

/// The word before a parameter, if there is one.
fn scheme(item: &str) -> (Option<&str>, &str) {
    let name = item.split('=').next().unwrap_or(item);
    match name.trim_end().split_once([' ', '\t']) {
        Some((scheme, _)) => (Some(scheme), item.get(scheme.len()..).unwrap_or_default()),
        None if !item.contains('=') => (Some(item), ""),
        None => (None, item),
    }
}

fn unquote(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"') else { return value.to_owned() };
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' => out.extend(chars.next()),
            c => out.push(c),
        }
    }
    out
}

/// `value` in quotes, with the escapes that it needs and without what could end the header line.
pub(super) fn quote(value: &str) -> String {
    let inner = value.chars().filter(|c| !c.is_control());
    let inner: String =
        inner.flat_map(|c| matches!(c, '"' | '\\').then_some('\\').into_iter().chain([c])).collect();
    format!("\"{inner}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_peers_write_it() {
        type Want = &'static [&'static [(&'static str, &'static str)]];
        let table: [(&str, Want); 9] = [
            ("Digest realm=\"a\", nonce=\"b\"", &[&[("realm", "a"), ("nonce", "b")]]),
            // Unquoted, odd case and blanks.
            ("DIGEST  Realm = a ,NONCE= \"b\",", &[&[("realm", "a"), ("nonce", "b")]]),
            ("Digest realm=\"a,b=c\\\"d\"", &[&[("realm", "a,b=c\"d")]]),
            ("Digest qop=\"auth,auth-int\",x-new=1", &[&[("qop", "auth,auth-int"), ("x-new", "1")]]),
            // Two in one line (RFC 7616 section 3.7), another scheme between them.
            (
                "Digest realm=\"a\", algorithm=SHA-256, Bearer authz=\"x\", Digest realm=\"a\"",
                &[&[("realm", "a"), ("algorithm", "SHA-256")], &[("realm", "a")]],
            ),
            ("Digest", &[&[]]),
            ("Basic realm=\"a\"", &[]),
            ("Digest realm=\"never closed, nonce=b", &[&[("realm", "never closed, nonce=b")]]),
            ("", &[]),
        ];
        for (text, want) in table {
            let want: Vec<Fields> = want
                .iter()
                .map(|f| Fields(f.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()))
                .collect();
            assert_eq!(Fields::parse(text), want, "{text:?}");
        }
    }

    #[test]
    fn quoting_round_trip() {
        for text in ["", "plain", "a\"b\\c", "käse"] {
            assert_eq!(unquote(&quote(text)), text);
        }
        assert_eq!(quote("a\r\nb"), "\"ab\"");
    }
}
