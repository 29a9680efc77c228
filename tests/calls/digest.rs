//! RFC 2617 digest with MD5, from both sides.
use md5::{Digest as _, Md5};

fn hash(text: &str) -> String {
    Md5::digest(text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
}

/// A field of `Digest realm="x", nonce=…`.
pub fn field<'a>(header: &'a str, name: &str) -> &'a str {
    let rest = header.trim_start_matches("Digest ");
    let fields = rest.split(',').filter_map(|f| f.trim().split_once('='));
    let mut found = fields.filter(|(n, _)| n.eq_ignore_ascii_case(name));
    found.next().map_or("", |(_, v)| v.trim_matches('"'))
}

pub fn credentials(challenge: &str, user: &str, secret: &str, method: &str, uri: &str) -> String {
    let (realm, nonce, qop) = (field(challenge, "realm"), field(challenge, "nonce"), field(challenge, "qop"));
    let algorithm = field(challenge, "algorithm");
    assert!(algorithm.is_empty() || algorithm == "MD5", "{challenge}");
    let (ha1, ha2) = (hash(&format!("{user}:{realm}:{secret}")), hash(&format!("{method}:{uri}")));
    let known = format!("Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\"");
    if qop.is_empty() {
        let response = hash(&format!("{ha1}:{nonce}:{ha2}"));
        return format!("{known}, response=\"{response}\", algorithm=MD5");
    }
    let response = hash(&format!("{ha1}:{nonce}:00000001:c0ffee:auth:{ha2}"));
    format!("{known}, response=\"{response}\", algorithm=MD5, qop=auth, nc=00000001, cnonce=\"c0ffee\"")
}

/// Whether an Authorization header proves `secret`.
pub fn proves(header: &str, nonce: &str, secret: &str, method: &str) -> bool {
    let get = |name| field(header, name);
    let ha1 = hash(&format!("{}:{}:{secret}", get("username"), get("realm")));
    let ha2 = hash(&format!("{method}:{}", get("uri")));
    let middle = match get("qop") {
        "" => get("nonce").to_owned(),
        qop => format!("{}:{}:{}:{qop}", get("nonce"), get("nc"), get("cnonce")),
    };
    get("nonce") == nonce && get("response") == hash(&format!("{ha1}:{middle}:{ha2}"))
}

#[test]
fn the_example_of_rfc_2617() {
    let header = "Digest username=\"Mufasa\", realm=\"testrealm@host.com\", \
                  nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", uri=\"/dir/index.html\", qop=auth, nc=00000001, \
                  cnonce=\"0a4f113b\", response=\"6629fae49393a05397450978507c4ef1\"";
    assert!(proves(header, "dcd98b7102dd2f0e8b11d0f600bfb0c093", "Circle Of Life", "GET"));
    assert!(!proves(header, "dcd98b7102dd2f0e8b11d0f600bfb0c093", "circle of life", "GET"));
}
