//! Ladders on the virtual clock.
use super::*;
use crate::config::Secret;
use crate::sip::auth::{Account, Algorithm, Authenticator, Refusal, Role, Verdict};
use crate::wire::sip::Start;

const CHALLENGE: &str = "Digest realm=\"provider\", nonce=\"1\", qop=\"auth\"";

struct Ladder {
    registration: Registration,
    here: Uri,
    /// The last request that went out.
    sent: Message,
}

const fn ms(millis: u64) -> Instant {
    Instant::from_micros(millis * 1_000)
}

const fn at(seconds: u64) -> Instant {
    ms(seconds * 1_000)
}

fn settings() -> Settings {
    Settings {
        domain: "provider.example".into(),
        port: None,
        user: "mypbx".into(),
        credentials: Credentials { username: "mypbx".into(), secret: Secret::new("s3cret") },
        expires: 600,
    }
}

impl Ladder {
    /// The first request is out at 0 s.
    fn sent() -> Self {
        let mut registration = Registration::new(settings(), [9; 32]);
        let here = Uri::parse("sip:192.0.2.1:5060").unwrap();
        let sent = registration.poll_request(&here, at(0)).unwrap();
        Self { registration, here, sent }
    }

    fn registered() -> Self {
        let mut l = Self::sent();
        l.hear(0, 200, "Expires: 600");
        l
    }

    fn text(&self, status: u16, lines: &str) -> Message {
        let cseq = self.sent.get("CSeq").unwrap();
        let text = format!(
            "SIP/2.0 {status} Reason\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx\nCall-ID: x\nCSeq: {cseq}\n{lines}\n\n"
        );
        Message::parse(text.as_bytes()).unwrap()
    }

    /// An answer to the last request.
    fn hear(&mut self, seconds: u64, status: u16, lines: &str) {
        let response = self.text(status, lines);
        self.registration.handle_response(&response, at(seconds));
    }

    /// Must send now, and not a moment earlier.
    fn sends(&mut self, now: Instant) -> &Message {
        assert!(self.registration.poll_timeout().is_some_and(|due| due <= now), "{:?}", self.registration);
        self.sent = self.registration.poll_request(&self.here, now).unwrap();
        assert!(self.registration.poll_request(&self.here, now).is_none(), "one at a time");
        assert_eq!(self.registration.poll_timeout(), None);
        &self.sent
    }

    /// Seconds from `now` to the next request.
    fn waits(&mut self, now: u64) -> u64 {
        let due = self.registration.poll_timeout().unwrap();
        assert!(
            self.registration.poll_request(&self.here, Instant::from_micros(due.as_micros() - 1)).is_none()
        );
        due.since(at(now)).as_secs()
    }

    fn failure(&self) -> String {
        match self.registration.state() {
            State::Failed { failure, .. } => failure.to_string(),
            other => format!("{other:?}"),
        }
    }
}

#[test]
fn the_request() {
    let mut l = Ladder::sent();
    let user = l.registration.contact_user().to_owned();
    let first = l.sent.clone();
    let Start::Request { method, uri } = &first.start else { panic!() };
    assert_eq!((method, uri.to_string().as_str()), (&Method::Register, "sip:provider.example"));
    assert_eq!(first.get("To"), Some("<sip:mypbx@provider.example>"));
    assert_eq!(first.get("Contact"), Some(format!("<sip:{user}@192.0.2.1:5060>;expires=600").as_str()));
    assert_eq!(first.get("Expires"), Some("600"));
    assert_eq!(l.registration.state(), &State::Trying);
    assert_ne!(Registration::new(settings(), [8; 32]).contact_user(), user);

    // CSeq rises, Call-ID and From tag stay.
    l.hear(0, 200, "");
    let second = l.sends(at(480)).clone();
    assert_eq!((first.call_id(), first.get("From")), (second.call_id(), second.get("From")));
    assert!(first.from().unwrap().tag().is_some());
    assert_eq!(second.cseq().unwrap().number, first.cseq().unwrap().number + 1);
}

#[test]
fn the_interval_of_our_own_contact_counts() {
    let user = Ladder::sent().registration.contact_user().to_owned();
    for (lines, want) in [
        (format!("Contact: <sip:x@198.51.100.1>;expires=60, <sip:{user}@192.0.2.1:5060>;expires=300"), 300),
        (format!("Contact: <sip:{user}@198.51.100.9:1024>;expires=120, <sip:x@a>;expires=60"), 120),
        (format!("Contact: <sip:{user}@192.0.2.1:5060>\nExpires: 240"), 240),
        ("Contact: <sip:x@198.51.100.1>;expires=60\nExpires: 180".to_owned(), 180),
        ("Contact: <sip:x@198.51.100.1>;expires=60".to_owned(), 600),
        (String::new(), 600),
        ("Expires: 4000000000".to_owned(), 86_400),
        ("Expires: 1".to_owned(), 10),
    ] {
        let mut l = Ladder::sent();
        l.hear(5, 200, &lines);
        let until = at(5 + want);
        assert_eq!(l.registration.state(), &State::Registered { until }, "{lines}");
        let wait = l.registration.poll_timeout().unwrap().since(at(5));
        let granted = Duration::from_secs(want);
        assert!((granted / 2..=granted * 4 / 5).contains(&wait), "{lines} {wait:?}");
    }
}

#[test]
fn refreshes_are_spread() {
    let wait = |seed: u8| {
        let mut registration = Registration::new(settings(), [seed; 32]);
        let sent = registration.poll_request(&Uri::parse("sip:a").unwrap(), at(0)).unwrap();
        registration.handle_response(&Message::response_to(&sent, 200, "t"), at(0));
        registration.poll_timeout().unwrap()
    };
    let mut all: Vec<Instant> = (0..20).map(wait).collect();
    all.sort();
    all.dedup();
    assert!(all.len() > 5, "{all:?}");
}

#[test]
fn asked_for_a_password() {
    for (status, question, header) in
        [(401, "WWW-Authenticate", "Authorization"), (407, "Proxy-Authenticate", "Proxy-Authorization")]
    {
        let mut l = Ladder::sent();
        let first = l.sent.clone();
        l.hear(1, status, &format!("{question}: {CHALLENGE}"));
        assert_eq!(l.registration.state(), &State::Trying);
        let second = l.sends(at(1)).clone();
        let answer = second.get(header).unwrap();
        assert!(
            answer.contains("uri=\"sip:provider.example\"") && answer.contains("nc=00000001"),
            "{answer}"
        );
        assert_eq!(second.cseq().unwrap().number, first.cseq().unwrap().number + 1);
        l.hear(1, 200, "");
        // The refresh answers before it is asked, with the next count.
        let refresh = l.sends(at(500));
        assert!(refresh.get(header).unwrap().contains("nc=00000002"));
    }
}

#[test]
fn a_stale_nonce_is_answered_at_once() {
    let mut l = Ladder::sent();
    l.hear(0, 401, &format!("WWW-Authenticate: {CHALLENGE}"));
    l.sends(at(0));
    l.hear(0, 200, "");
    l.sends(at(480));
    l.hear(480, 401, "WWW-Authenticate: Digest realm=\"provider\", nonce=\"2\", qop=\"auth\", stale=true");
    assert!(l.sends(at(480)).get("Authorization").unwrap().contains("nonce=\"2\""));
    assert!(matches!(l.registration.state(), State::Registered { .. }), "calls can come meanwhile");
    l.hear(481, 200, "");
    assert_eq!(l.registration.state(), &State::Registered { until: at(1_081) });
}

#[test]
fn a_wrong_password_does_not_hammer() {
    for (second, words) in [
        ("1", "wrong user name or password?"),
        // A provider with a new nonce each time gets one answer more.
        ("2", "wrong user name or password?"),
    ] {
        let mut l = Ladder::sent();
        let (mut now, mut requests) = (0, 0);
        while now < 3_600 {
            let nonce = if second == "1" { 1 } else { requests };
            l.hear(
                now,
                401,
                &format!("WWW-Authenticate: Digest realm=\"r\", nonce=\"{nonce}\", qop=\"auth\""),
            );
            requests += 1;
            if matches!(l.registration.state(), State::Failed { .. }) {
                assert_eq!(l.failure(), words);
            }
            now = l.registration.poll_timeout().unwrap().as_micros().div_ceil(1_000_000);
            l.sends(at(now));
        }
        assert!(requests <= 40, "{requests} in an hour");
    }
    let mut l = Ladder::sent();
    l.hear(0, 401, &format!("WWW-Authenticate: {CHALLENGE}"));
    l.sends(at(0));
    l.hear(0, 403, "");
    assert_eq!(l.failure(), "403 Reason: wrong user name or password?");
    assert!((300..=360).contains(&l.waits(0)));
    // Nor does a link that flaps.
    l.registration.restart(at(10));
    assert!(l.waits(10) >= 290);
}

#[test]
fn a_challenge_that_is_none() {
    let mut l = Ladder::sent();
    l.hear(0, 401, "");
    let want = Failure::Challenge(Refusal::Unsupported);
    assert!(matches!(l.registration.state(), State::Failed { failure, .. } if *failure == want));
    assert!((300..=360).contains(&l.waits(0)));
}

#[test]
fn back_off_doubles_to_five_minutes_and_goes_on_for_ever() {
    let mut l = Ladder::sent();
    let mut now = 0;
    for (round, least) in [30, 60, 120, 240, 300, 300, 300, 300, 300, 300, 300].into_iter().enumerate() {
        match round % 3 {
            0 => l.registration.handle_no_response(Failure::NoAnswer, at(now)),
            1 => l.hear(now, 503, ""),
            _ => l.registration.handle_no_response(Failure::NotResolved, at(now)),
        }
        let wait = l.waits(now);
        assert!((least..=least + least / 5).contains(&wait), "round {round}: {wait}");
        now += wait + 1;
        l.sends(at(now));
    }
    l.hear(now, 200, "");
    l.sends(at(now + 480));
    l.registration.handle_no_response(Failure::NoAnswer, at(now + 480));
    assert!((30..=36).contains(&l.waits(now + 480)), "a success begins anew");
}

#[test]
fn a_failed_refresh_leaves_the_registration_until_it_ends() {
    let mut l = Ladder::registered();
    l.sends(at(480));
    l.registration.handle_no_response(Failure::NoAnswer, at(512));
    assert_eq!(l.failure(), "no answer");
    assert_eq!(l.registration.registered_until(), Some(at(600)));
    l.sends(at(560));
    l.hear(601, 500, "");
    assert_eq!(l.registration.registered_until(), None);
}

#[test]
fn retry_after_is_kept_within_reason() {
    for (value, least) in [("120 (maintenance);duration=60", 120), ("1", 30), ("999999", 3_600), ("x", 30)] {
        let mut l = Ladder::sent();
        l.hear(0, 503, &format!("Retry-After: {value}"));
        let wait = l.waits(0);
        assert!((least..=least + least / 5).contains(&wait), "{value}: {wait}");
    }
}

#[test]
fn too_brief_is_raised_once() {
    let mut l = Ladder::sent();
    l.hear(0, 423, "Min-Expires: 1800");
    let raised = l.sends(at(0));
    assert_eq!(raised.get("Expires"), Some("1800"));
    assert!(raised.get("Contact").unwrap().ends_with(";expires=1800"));
    l.hear(0, 423, "Min-Expires: 1800");
    assert_eq!(l.failure(), "423 Interval Too Brief");
    for lines in ["", "Min-Expires: 60", "Min-Expires: 999999", "Min-Expires: x"] {
        let mut l = Ladder::sent();
        l.hear(0, 423, lines);
        assert!(l.waits(0) >= 30, "{lines}");
    }
}

#[test]
fn what_is_not_the_answer_changes_nothing() {
    let mut l = Ladder::sent();
    let late = l.text(403, "");
    l.hear(0, 100, "");
    assert_eq!(l.registration.state(), &State::Trying);
    l.registration.restart(at(1));
    l.sends(at(1));
    l.registration.handle_response(&late, at(2));
    assert_eq!(l.registration.state(), &State::Trying, "an answer to an earlier request");
    l.hear(2, 200, "");
    // Retransmitted.
    l.hear(3, 403, "");
    assert_eq!(l.registration.state(), &State::Registered { until: at(602) });
}

#[test]
fn zero_seconds_granted_is_not_registered() {
    let mut l = Ladder::sent();
    l.hear(0, 200, "Expires: 0");
    assert_eq!(l.failure(), "200 but the contact was not kept");
}

#[test]
fn the_address_behind_nat_is_learnt() {
    for (via, want) in [
        ("192.0.2.1:5060;rport=1024;received=198.51.100.7", Some("198.51.100.7:1024")),
        ("192.0.2.1:5060;rport=1024", Some("192.0.2.1:1024")),
        ("192.0.2.1:5060;received=198.51.100.7", Some("198.51.100.7:5060")),
        ("192.0.2.1:5060;rport=5060;received=192.0.2.1", None),
        ("192.0.2.1;rport=5060", None),
        ("192.0.2.1:5060", None),
        ("[2001:db8::1]:5060;rport=5060;received=[2001:db8::2]", Some("[2001:db8::2]:5060")),
        ("[2001:db8::1]:5060;rport=5060;received=2001:DB8::1", None),
        ("192.0.2.1:5060;rport=x;received=nonsense", None),
    ] {
        let mut l = Ladder::sent();
        let mut response = l.text(200, "");
        response.set("Via", format!("SIP/2.0/UDP {via};branch=z9hG4bKx"));
        l.registration.handle_response(&response, at(0));
        assert_eq!(l.registration.learnt_address(), want.map(|w| w.parse().unwrap()), "{via}");
        l.sends(at(480));
    }
}

#[test]
fn leaving() {
    let mut l = Ladder::registered();
    l.registration.unregister(at(10));
    assert_eq!(l.registration.state(), &State::Leaving);
    // What is removed is what was registered.
    let contact = l.sent.contacts().next().unwrap().uri;
    l.here = Uri::parse("sip:203.0.113.5:5060").unwrap();
    let bye = l.sends(at(10));
    assert_eq!(bye.contacts().next().unwrap().uri, contact);
    assert_eq!(
        (bye.get("Expires"), bye.contacts().next().unwrap().params.get("expires")),
        (Some("0"), Some("0"))
    );
    l.hear(10, 401, &format!("WWW-Authenticate: {CHALLENGE}"));
    assert_eq!(l.sends(at(10)).get("Expires"), Some("0"));
    l.hear(10, 200, "");
    assert_eq!((l.registration.state(), l.registration.poll_timeout()), (&State::Gone, None));
    l.registration.restart(at(11));
    l.registration.handle_no_response(Failure::NoAnswer, at(42));
    assert_eq!(l.registration.poll_timeout(), None);

    // Any end will do.
    let mut l = Ladder::registered();
    l.registration.unregister(at(10));
    l.sends(at(10));
    l.registration.handle_no_response(Failure::NoAnswer, at(42));
    assert_eq!(l.registration.state(), &State::Gone);

    // While the first answer is awaited the provider may know us already.
    let mut l = Ladder::sent();
    l.registration.unregister(at(1));
    assert_eq!(l.sends(at(1)).get("Expires"), Some("0"));

    // Nothing to take back.
    let mut fresh = Registration::new(settings(), [9; 32]);
    fresh.unregister(at(0));
    assert_eq!((fresh.state(), fresh.poll_timeout()), (&State::Gone, None));
    let mut l = Ladder::sent();
    l.hear(0, 403, "");
    l.registration.unregister(at(1));
    assert_eq!(l.registration.state(), &State::Gone);
}

/// Our registration at our own registrar's door, for both algorithms.
#[test]
fn against_our_own_authenticator() {
    for algorithm in [Algorithm::Md5, Algorithm::Sha256] {
        for (secret, want) in [("s3cret", true), ("other", false)] {
            let mut l = Ladder::sent();
            let mut door = Authenticator::new([1; 32]);
            let account = |user: &str| {
                (user == "mypbx").then(|| Account { secret: Secret::new(secret), algorithm, or_md5: false })
            };
            for _ in 0..5 {
                let verdict = door.verify(&l.sent, Role::Uas, "pbx", &account, at(1));
                if matches!(verdict, Verdict::Accepted { .. }) {
                    l.hear(1, 200, "");
                    break;
                }
                let value = door.challenge("pbx", algorithm, verdict == Verdict::Stale, at(1));
                l.hear(1, 401, &format!("WWW-Authenticate: {value}"));
                if matches!(l.registration.state(), State::Failed { .. }) {
                    break;
                }
                l.sends(at(1));
            }
            let is_registered = matches!(l.registration.state(), State::Registered { .. });
            assert_eq!(is_registered, want, "{algorithm:?} {secret}");
        }
    }
}
