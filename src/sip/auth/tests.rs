//! Both sides against each other, and against what others write.
use super::*;
use crate::util::time::Instant;
use crate::wire::sip::{Message, Method, Uri};

const REALM: &str = "tandem";
const SECRET: &str = "s3cret";

const fn at(seconds: u64) -> Instant {
    Instant::from_micros(seconds * 1_000_000)
}

fn account(user: &str) -> Option<Account> {
    let algorithm = match user {
        "100" => Algorithm::Md5,
        "101" | "102" => Algorithm::Sha256,
        _ => return None,
    };
    Some(Account { secret: Secret::new(SECRET), algorithm, or_md5: user == "102" })
}

fn credentials(username: &str, secret: &str) -> Credentials {
    Credentials { username: username.to_owned(), secret: Secret::new(secret) }
}

fn request(method: Method, uri: &str) -> Message {
    Message::request(method, Uri::parse(uri).unwrap())
}

fn asked(role: Role, value: &str) -> Message {
    let mut response = Message::response(role.status());
    response.push(role.challenge_header(), value);
    response
}

/// A phone and the authenticator.
struct Pair {
    server: Authenticator,
    phone: Answerer,
    credentials: Credentials,
}

impl Pair {
    fn new(username: &str, secret: &str) -> Self {
        Self {
            server: Authenticator::new([3; 32]),
            phone: Answerer::default(),
            credentials: credentials(username, secret),
        }
    }

    /// A request with the answer to a fresh challenge.
    fn answered(&mut self, role: Role, algorithm: Algorithm, now: Instant) -> Message {
        let value = self.server.challenge(REALM, algorithm, false, now);
        let mut request = request(Method::Register, "sip:pbx.example");
        let answer = self.phone.answer(
            &mut Tries::default(),
            &asked(role, &value),
            &Method::Register,
            "sip:pbx.example",
            &self.credentials,
            "c0",
        );
        let (name, value) = answer.unwrap();
        request.push(name, value);
        request
    }

    fn verify(&mut self, request: &Message, role: Role, now: Instant) -> Verdict {
        self.server.verify(request, role, REALM, &account, now)
    }
}

fn accepted(user: &str) -> Verdict {
    Verdict::Accepted { user: user.to_owned() }
}

#[test]
fn round_trip_of_both_algorithms_and_roles() {
    for role in [Role::Uas, Role::Proxy] {
        for (username, algorithm, want) in [
            ("100", Algorithm::Md5, accepted("100")),
            ("101", Algorithm::Sha256, accepted("101")),
            ("101@tandem", Algorithm::Sha256, accepted("101")),
            ("100@elsewhere", Algorithm::Md5, Verdict::Wrong),
            // Not the one of this extension.
            ("101", Algorithm::Md5, Verdict::Wrong),
            ("100", Algorithm::Sha256, Verdict::Wrong),
        ] {
            let mut pair = Pair::new(username, SECRET);
            let request = pair.answered(role, algorithm, at(1));
            assert_eq!(pair.verify(&request, role, at(2)), want, "{username} {algorithm:?}");
        }
    }
}

#[test]
fn an_answer_counts_in_its_own_header_only() {
    let mut pair = Pair::new("100", SECRET);
    let request = pair.answered(Role::Uas, Algorithm::Md5, at(1));
    assert_eq!(pair.verify(&request, Role::Proxy, at(1)), Verdict::Missing);
    assert_eq!(
        pair.verify(&super::tests::request(Method::Register, "sip:a"), Role::Uas, at(1)),
        Verdict::Missing
    );
}

#[test]
fn a_replay_is_stale_and_the_next_count_is_not() {
    let mut pair = Pair::new("100", SECRET);
    let request = pair.answered(Role::Uas, Algorithm::Md5, at(1));
    assert_eq!(pair.verify(&request, Role::Uas, at(2)), accepted("100"));
    assert_eq!(pair.verify(&request, Role::Uas, at(3)), Verdict::Stale);

    let again = |pair: &mut Pair, now| {
        let mut next = super::tests::request(Method::Register, "sip:pbx.example");
        let mut tries = Tries::default();
        let (name, value) = pair
            .phone
            .again(&mut tries, &Method::Register, "sip:pbx.example", &pair.credentials, "c1")
            .unwrap();
        next.push(name, value);
        let verdict = pair.verify(&next, Role::Uas, now);
        (next, verdict)
    };
    let (second, verdict) = again(&mut pair, at(4));
    assert_eq!(verdict, accepted("100"));
    assert!(second.get("Authorization").unwrap().contains("nc=00000002,"));
    assert_eq!(again(&mut pair, at(5)).1, accepted("100"));
    // Going backwards.
    assert_eq!(pair.verify(&second, Role::Uas, at(6)), Verdict::Stale);
    // Older than five minutes.
    assert_eq!(again(&mut pair, at(302)).1, Verdict::Stale);
}

#[test]
fn a_restart_asks_again_without_a_word_about_the_password() {
    let mut pair = Pair::new("100", SECRET);
    let request = pair.answered(Role::Uas, Algorithm::Md5, at(1));
    pair.server = Authenticator::new([4; 32]);
    assert_eq!(pair.verify(&request, Role::Uas, at(2)), Verdict::Stale);
}

#[test]
fn an_unknown_user_looks_like_a_wrong_password() {
    let wrong = |username: &str, secret: &str| {
        let mut pair = Pair::new(username, secret);
        let request = pair.answered(Role::Uas, Algorithm::Md5, at(1));
        let verdict = pair.verify(&request, Role::Uas, at(2));
        (verdict, pair.server.challenge(REALM, Algorithm::Md5, false, at(2)))
    };
    let known = wrong("100", "guessed");
    assert_eq!(known.0, Verdict::Wrong);
    assert_eq!(wrong("999", "guessed"), known);
    assert_eq!(wrong("", ""), known);
    // Nor does the wrong password of a known user mark the nonce as used.
    assert_eq!(wrong("999", SECRET), known);
}

#[test]
fn an_extension_without_a_secret_lets_nobody_in() {
    let mut pair = Pair::new("100", "");
    let request = pair.answered(Role::Uas, Algorithm::Md5, at(1));
    let open = |_: &str| Some(Account { secret: Secret::new(""), algorithm: Algorithm::Md5, or_md5: false });
    assert_eq!(pair.server.verify(&request, Role::Uas, REALM, &open, at(2)), Verdict::Wrong);
}

/// What phones write, with `NONCE` and the response of `uri` in it.
#[test]
fn answers_as_phones_write_them() {
    let a = accepted("100");
    for (text, uri, want) in [
        // Linphone's order; baresip quotes nothing needless; old phones without qop.
        (
            "Digest realm=\"tandem\", nonce=\"NONCE\", algorithm=MD5, username=\"100\", uri=\"URI\", response=\"QOP\", cnonce=\"x\", nc=00000001, qop=auth",
            "sip:pbx.example",
            &a,
        ),
        (
            "Digest username=100,qop=\"auth\",nc=00000001,cnonce=x,uri=URI,realm=tandem,response=QOP,nonce=NONCE,algorithm=\"md5\",new=1",
            "sip:pbx.example",
            &a,
        ),
        (
            "digest username=\"100\", realm=\"tandem\", nonce=\"NONCE\", uri=\"URI\", response=\"OLD\"",
            "sip:pbx.example",
            &a,
        ),
        // The text of the header's uri is hashed; it may differ from the Request-URI in port and parameters.
        (
            "Digest username=\"100\", realm=\"tandem\", nonce=\"NONCE\", uri=\"URI\", response=\"OLD\"",
            "sip:PBX.example:5060;transport=TLS",
            &a,
        ),
        (
            "Digest username=\"100\", realm=\"tandem\", nonce=\"NONCE\", uri=\"URI\", response=\"OLD\"",
            "sip:900123@pbx.example",
            &Verdict::Wrong,
        ),
        (
            "Digest username=\"100\", realm=\"tandem\", nonce=\"NONCE\", uri=\"URI\", response=\"OLD\"",
            "sip:other.example",
            &Verdict::Wrong,
        ),
        (
            "Digest username=\"100\", realm=\"tandem\", nonce=\"NONCE\", uri=\"URI\", response=\"QOP\", qop=auth-int, nc=00000001, cnonce=\"x\"",
            "sip:pbx.example",
            &Verdict::Wrong,
        ),
        (
            "Digest username=\"100\", realm=\"tandem\", nonce=\"NONCE\", uri=\"URI\", response=\"QOP\", qop=auth, nc=zzz, cnonce=\"x\"",
            "sip:pbx.example",
            &Verdict::Wrong,
        ),
        (
            "Digest username=\"100\", realm=\"tandem\", nonce=\"NONCE\", uri=\"URI\", response=\"QOP\", qop=auth, cnonce=\"x\"",
            "sip:pbx.example",
            &Verdict::Wrong,
        ),
        ("Digest username=\"100\", realm=\"tandem\"", "sip:pbx.example", &Verdict::Wrong),
        (
            "Digest username=\"100\", realm=\"tandem\", nonce=\"NONCE\", uri=\"URI\", response=\"\"",
            "sip:pbx.example",
            &Verdict::Wrong,
        ),
        ("Digest username=\"100\", realm=\"elsewhere\", nonce=\"1\"", "sip:pbx.example", &Verdict::Missing),
        ("Basic dXNlcjpwYXNz", "sip:pbx.example", &Verdict::Missing),
    ] {
        let mut server = Authenticator::new([3; 32]);
        let challenge = server.challenge(REALM, Algorithm::Md5, false, at(1));
        let nonce = challenge.split('"').nth(3).unwrap();
        let hash = |parts: &[&str]| Algorithm::Md5.hash(parts);
        let (ha1, ha2) = (hash(&["100", REALM, SECRET]), hash(&["REGISTER", uri]));
        let text = text
            .replace("NONCE", nonce)
            .replace("URI", uri)
            .replace("QOP", &hash(&[&ha1, nonce, "00000001", "x", "auth", &ha2]))
            .replace("OLD", &hash(&[&ha1, nonce, &ha2]));
        let mut request = request(Method::Register, "sip:pbx.example");
        request.push("Authorization", text.as_str());
        assert_eq!(&server.verify(&request, Role::Uas, REALM, &account, at(2)), want, "{text}");
        if *want == a {
            assert_eq!(server.verify(&request, Role::Uas, REALM, &account, at(2)), Verdict::Stale, "twice");
        }
    }
}

#[test]
fn our_challenge_is_what_old_phones_read() {
    let mut server = Authenticator::new([3; 32]);
    let value = server.challenge(REALM, Algorithm::Md5, true, at(1));
    let (before, rest) = value.split_once("nonce=\"").unwrap();
    let (nonce, after) = rest.split_once('"').unwrap();
    assert_eq!(before, "Digest realm=\"tandem\", ");
    assert!(nonce.len() <= 64 && nonce.bytes().all(|b| b.is_ascii_alphanumeric()));
    assert_eq!(after, ", algorithm=MD5, qop=\"auth\", stale=true");
    assert!(!server.challenge(REALM, Algorithm::Sha256, false, at(1)).contains("stale"));
}

#[test]
fn which_challenge_is_answered_and_how() {
    let answer = |status: u16, lines: &[&str]| {
        let mut response = Message::response(status);
        let role = Role::of_status(status).unwrap_or(Role::Uas);
        lines.iter().for_each(|l| response.push(role.challenge_header(), *l));
        let who = credentials("100", SECRET);
        let mut tries = Tries::default();
        Answerer::default().answer(&mut tries, &response, &Method::Register, "sip:a", &who, "c")
    };
    for (lines, has, has_not) in [
        // No algorithm, no qop: the form of RFC 2069.
        (&["Digest realm=\"r\", nonce=\"n\""][..], "uri=\"sip:a\"", "qop"),
        (&["Digest realm=\"r\", nonce=\"n\""], "realm=\"r\"", "algorithm"),
        (
            &["Digest realm=\"r\", nonce=\"n\", qop=\"auth,auth-int\", opaque=\"o\""],
            "opaque=\"o\", qop=auth, nc=00000001, cnonce=\"c\"",
            "auth-int",
        ),
        (
            &[
                "Digest realm=\"r\", nonce=\"1\", algorithm=MD5",
                "Digest realm=\"r\", nonce=\"2\", algorithm=SHA-256",
            ],
            "algorithm=SHA-256",
            "nonce=\"1\"",
        ),
        (
            &[
                "Digest realm=\"r\", nonce=\"1\", algorithm=SHA-512-256, Digest realm=\"r\", nonce=\"2\", algorithm=MD5",
            ],
            "nonce=\"2\"",
            "SHA",
        ),
        (
            &["Digest realm=\"a\", nonce=\"1\"", "Digest realm=\"b\", nonce=\"2\""],
            "realm=\"a\"",
            "realm=\"b\"",
        ),
    ] {
        let (name, value) = answer(401, lines).unwrap();
        assert_eq!(name, "Authorization");
        assert!(value.contains(has) && !value.contains(has_not), "{lines:?}: {value}");
    }
    assert_eq!(answer(407, &["Digest realm=\"r\", nonce=\"n\""]).unwrap().0, "Proxy-Authorization");
    let long = format!("Digest realm=\"r\", nonce=\"{}\"", "n".repeat(2_000));
    for (status, lines, want) in [
        (403, &["Digest realm=\"r\", nonce=\"n\""][..], Refusal::NoChallenge),
        (401, &[], Refusal::Unsupported),
        (401, &["Basic realm=\"r\""], Refusal::Unsupported),
        (401, &["Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\""], Refusal::Unsupported),
        (401, &["Digest realm=\"r\", nonce=\"n\", algorithm=MD5-sess"], Refusal::Unsupported),
        (401, &["Digest realm=\"r\""], Refusal::Unsupported),
        (401, &[long.as_str()], Refusal::Unsupported),
    ] {
        assert_eq!(answer(status, lines), Err(want), "{lines:?}");
    }
}

/// Each row: nonce and `stale` of the challenges to one request, and how many of them are answered.
#[test]
fn no_more_answers_than_a_provider_bears() {
    for (challenges, answers) in [
        (&[("1", false), ("1", false)][..], 1),
        (&[("1", false), ("1", true)], 2),
        (&[("1", false), ("2", false)], 2),
        (&[("1", false), ("2", false), ("3", false)], 2),
        (&[("1", false), ("2", true), ("3", true), ("4", true)], 2),
    ] {
        let (mut answerer, mut tries) = (Answerer::default(), Tries::default());
        let given = challenges.iter().take_while(|(nonce, stale)| {
            let value = format!("Digest realm=\"r\", nonce=\"{nonce}\", stale={stale}, qop=\"auth\"");
            let who = credentials("100", SECRET);
            let response = asked(Role::Uas, &value);
            answerer.answer(&mut tries, &response, &Method::Register, "sip:a", &who, "c").is_ok()
        });
        assert_eq!(given.count(), answers, "{challenges:?}");
    }
}

#[test]
fn an_answer_in_advance_that_is_refused_with_its_nonce_is_the_last() {
    let (mut answerer, who) = (Answerer::default(), credentials("100", SECRET));
    let (method, uri) = (Method::Register, "sip:a");
    let response = asked(Role::Uas, "Digest realm=\"r\", nonce=\"1\", qop=\"auth\"");
    answerer.answer(&mut Tries::default(), &response, &method, uri, &who, "c").unwrap();
    let mut tries = Tries::default();
    let (_, value) = answerer.again(&mut tries, &method, uri, &who, "c").unwrap();
    assert!(value.contains("nc=00000002"), "{value}");
    let refused = answerer.answer(&mut tries, &response, &method, uri, &who, "c");
    assert_eq!(refused, Err(Refusal::AskedAgain));
    assert!(answerer.again(&mut Tries::default(), &method, uri, &who, "c").is_none());
}

#[test]
fn without_qop_a_nonce_is_used_once() {
    let (mut answerer, who) = (Answerer::default(), credentials("100", SECRET));
    let (method, uri) = (Method::Register, "sip:a");
    let response = asked(Role::Uas, "Digest realm=\"r\", nonce=\"1\"");
    answerer.answer(&mut Tries::default(), &response, &method, uri, &who, "c").unwrap();
    assert!(answerer.again(&mut Tries::default(), &method, uri, &who, "c").is_none());
}

#[test]
fn a_user_name_cannot_begin_a_header() {
    let who = credentials("1\"\r\nX: y", SECRET);
    let response = asked(Role::Uas, "Digest realm=\"a\r\nb\", nonce=\"1\"");
    let answer =
        Answerer::default().answer(&mut Tries::default(), &response, &Method::Register, "sip:a", &who, "c");
    let (_, value) = answer.unwrap();
    assert!(value.starts_with("Digest username=\"1\\\"X: y\""), "{value}");
    assert!(!value.contains(['\r', '\n']));
}

/// Every prefix, and every byte changed: never accepted unless nothing that counts was changed, never a panic.
#[test]
fn damaged_answers() {
    let mut pair = Pair::new("100", SECRET);
    let whole = pair.answered(Role::Uas, Algorithm::Md5, at(1)).to_bytes();
    let mut judge = |bytes: &[u8]| {
        let Ok(request) = Message::parse(bytes) else { return };
        let verdict = Authenticator::new([3; 32]).verify(&request, Role::Uas, REALM, &account, at(2));
        let value = request.get("Authorization").unwrap_or_default();
        let question = Message::parse(b"SIP/2.0 401 x\r\n\r\n").map(|mut r| {
            r.push("WWW-Authenticate", value);
            r
        });
        let who = pair.credentials.clone();
        let mut tries = Tries::default();
        let _ = pair.phone.answer(&mut tries, &question.unwrap(), &Method::Bye, "sip:a", &who, "c");
        if matches!(verdict, Verdict::Accepted { .. }) {
            // A letter's case, or a parameter that nobody hashes.
            assert!(value.contains("100") && value.contains("tandem"), "{value}");
        }
    };
    for end in 0..whole.len() {
        let (before, _) = whole.split_at(end);
        judge(before);
        judge(&[before, b"\r\n\r\n"].concat());
    }
    for position in 0..whole.len() {
        for byte in [0, b' ', b'"', b'\\', b',', b'=', b'<', 0xff] {
            let mut bytes = whole.clone();
            if let Some(place) = bytes.get_mut(position) {
                *place = byte;
            }
            judge(&bytes);
        }
    }
}

/// RFC 8760 section 2.3: who is offered both answers either; who is offered one, that one.
#[test]
fn either_algorithm_where_both_are_offered() {
    for (user, algorithm, want) in [
        ("102", Algorithm::Md5, true),
        ("102", Algorithm::Sha256, true),
        ("101", Algorithm::Md5, false),
        ("100", Algorithm::Sha256, false),
    ] {
        let mut pair = Pair::new(user, SECRET);
        let request = pair.answered(Role::Uas, algorithm, at(1));
        let verdict = pair.verify(&request, Role::Uas, at(1));
        assert_eq!(matches!(verdict, Verdict::Accepted { .. }), want, "{user} {algorithm:?}");
    }
}
