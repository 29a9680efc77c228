//! The hashes. RFC 7616 section 3.4.1, RFC 2617 section 3.2.2.
use crate::util::hex;
use md5::Md5;
use sha2::Sha256;

/// The hash of a challenge. `-sess` variants and SHA-512-256 are not ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    /// What every phone knows.
    #[default]
    Md5,
    /// RFC 8760.
    Sha256,
}

impl Algorithm {
    /// As in the `algorithm` parameter.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    /// No `algorithm` means MD5. `None`: one that we can't.
    #[must_use]
    pub fn parse(text: Option<&str>) -> Option<Self> {
        let text = text.unwrap_or("MD5");
        [Self::Md5, Self::Sha256].into_iter().find(|a| text.eq_ignore_ascii_case(a.name()))
    }

    /// Lower-case hexadecimal of the hash of the parts with colons between them.
    pub(super) fn hash(self, parts: &[&str]) -> String {
        match self {
            Self::Md5 => hashed::<Md5>(parts),
            Self::Sha256 => hashed::<Sha256>(parts),
        }
    }
}

fn hashed<D: md5::Digest>(parts: &[&str]) -> String {
    let mut hash = D::new();
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            hash.update(b":");
        }
        hash.update(part);
    }
    hex::encode_lower(&hash.finalize())
}

/// Count and client nonce of `qop=auth`, as their text stands in the header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Count<'a> {
    pub nc: &'a str,
    pub cnonce: &'a str,
}

/// Everything that one `response` is made of, besides the secret.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<'a> {
    pub algorithm: Algorithm,
    pub username: &'a str,
    pub realm: &'a str,
    pub nonce: &'a str,
    pub method: &'a str,
    /// The text of the header's `uri`, not the Request-URI: they may differ.
    pub uri: &'a str,
    /// `None`: the form of RFC 2069, without `qop`.
    pub count: Option<Count<'a>>,
}

impl Question<'_> {
    pub fn response(&self, secret: &str) -> String {
        let ha1 = self.algorithm.hash(&[self.username, self.realm, secret]);
        let ha2 = self.algorithm.hash(&[self.method, self.uri]);
        match self.count {
            Some(count) => self.algorithm.hash(&[&ha1, self.nonce, count.nc, count.cnonce, "auth", &ha2]),
            None => self.algorithm.hash(&[&ha1, self.nonce, &ha2]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_2617_section_3_5() {
        let question = Question {
            algorithm: Algorithm::Md5,
            username: "Mufasa",
            realm: "testrealm@host.com",
            nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
            method: "GET",
            uri: "/dir/index.html",
            count: Some(Count { nc: "00000001", cnonce: "0a4f113b" }),
        };
        assert_eq!(question.response("Circle Of Life"), "6629fae49393a05397450978507c4ef1");
        let legacy = Question { count: None, ..question };
        assert_eq!(legacy.response("Circle Of Life"), "670fd8c2df070c60b045671b8b24ff02");
    }

    #[test]
    fn rfc_7616_section_3_9_1() {
        let question = Question {
            algorithm: Algorithm::Sha256,
            username: "Mufasa",
            realm: "http-auth@example.org",
            nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            method: "GET",
            uri: "/dir/index.html",
            count: Some(Count { nc: "00000001", cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ" }),
        };
        assert_eq!(
            question.response("Circle of Life"),
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
        );
        let md5 = Question { algorithm: Algorithm::Md5, ..question };
        assert_eq!(md5.response("Circle of Life"), "8ca523f5e9506fed4657c9700eebdbec");
    }

    #[test]
    fn names_of_algorithms() {
        for (text, want) in [
            (None, Some(Algorithm::Md5)),
            (Some("md5"), Some(Algorithm::Md5)),
            (Some("SHA-256"), Some(Algorithm::Sha256)),
            (Some("MD5-sess"), None),
            (Some("SHA-512-256"), None),
            (Some(""), None),
        ] {
            assert_eq!(Algorithm::parse(text), want, "{text:?}");
        }
    }
}
