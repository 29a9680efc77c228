//! The torture messages of RFC 4475 and RFC 5118: what `parse` and `check` make of each, and what is answered.
#![allow(clippy::unwrap_used, clippy::panic)]
use std::collections::BTreeSet;
use std::fs;
use tandem::wire::sip::{Fault, Framer, Message, Piece, header};

/// What a message comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Goes to the endpoint, which may still refuse it for its meaning.
    Accepted,
    /// Refused with the status of this fault.
    Fault(Fault),
    /// Dropped without an answer: there is nobody to answer, or it is a response.
    Silence(Fault),
}

use Outcome::{Accepted, Fault as Refused, Silence};

const CSEQ: Fault = Fault::Mandatory(header::CSEQ);

/// Message, section of RFC 4475, outcome, status of the answer (0: none).
const RFC4475: [(&str, &str, Outcome, u16); 50] = [
    // Valid messages.
    ("wsinv", "3.1.1.1", Accepted, 0),
    ("intmeth", "3.1.1.2", Accepted, 0),
    ("esc01", "3.1.1.3", Accepted, 0),
    ("escnull", "3.1.1.4", Accepted, 0),
    ("esc02", "3.1.1.5", Accepted, 0),
    ("lwsdisp", "3.1.1.6", Accepted, 0),
    ("longreq", "3.1.1.7", Accepted, 0),
    // What follows the message in a datagram is dropped.
    ("dblreq", "3.1.1.8", Accepted, 0),
    ("semiuri", "3.1.1.9", Accepted, 0),
    ("transports", "3.1.1.10", Accepted, 0),
    ("mpart01", "3.1.1.11", Accepted, 0),
    ("unreason", "3.1.1.12", Accepted, 0),
    ("noreason", "3.1.1.13", Accepted, 0),
    // Invalid messages.
    ("badinv01", "3.1.2.1", Refused(Fault::Mandatory(header::VIA)), 400),
    ("clerr", "3.1.2.2", Refused(Fault::Length), 400),
    ("ncl", "3.1.2.3", Refused(Fault::Length), 400),
    ("scalar02", "3.1.2.4", Refused(CSEQ), 400),
    ("scalarlg", "3.1.2.5", Silence(CSEQ), 0),
    ("quotbal", "3.1.2.6", Refused(Fault::Mandatory(header::TO)), 400),
    ("ltgtruri", "3.1.2.7", Refused(Fault::StartLine), 400),
    ("lwsruri", "3.1.2.8", Refused(Fault::StartLine), 400),
    // Two blanks in the request line, and blanks behind it, leave no doubt what is meant.
    ("lwsstart", "3.1.2.9", Accepted, 0),
    ("trws", "3.1.2.10", Accepted, 0),
    // Headers in the Request-URI are ignored.
    ("escruri", "3.1.2.11", Accepted, 0),
    // Nobody reads the date.
    ("baddate", "3.1.2.12", Accepted, 0),
    ("regbadct", "3.1.2.13", Refused(Fault::Mandatory(header::CONTACT)), 400),
    ("badaspec", "3.1.2.14", Accepted, 0),
    // Its file lacks the empty line.
    ("baddn", "3.1.2.15", Refused(Fault::Cut), 400),
    ("badvers", "3.1.2.16", Refused(Fault::Version), 505),
    ("mismatch01", "3.1.2.17", Refused(CSEQ), 400),
    ("mismatch02", "3.1.2.18", Refused(CSEQ), 400),
    ("bigcode", "3.1.2.19", Silence(Fault::StartLine), 0),
    // A branch that is nothing but the cookie: the transactions take it for one of RFC 2543.
    ("badbranch", "3.2.1", Accepted, 0),
    // Application layer.
    ("insuf", "3.3.1", Refused(Fault::Mandatory(header::FROM)), 400),
    ("unkscm", "3.3.2", Refused(Fault::Scheme), 416),
    ("novelsc", "3.3.3", Refused(Fault::Scheme), 416),
    ("unksm2", "3.3.4", Refused(Fault::Mandatory(header::FROM)), 400),
    ("bext01", "3.3.5", Accepted, 0),
    ("invut", "3.3.6", Accepted, 0),
    ("regaut01", "3.3.7", Accepted, 0),
    ("multi01", "3.3.8", Refused(Fault::Mandatory(header::FROM)), 400),
    ("mcl01", "3.3.9", Refused(Fault::Length), 400),
    ("bcast", "3.3.10", Accepted, 0),
    ("zeromf", "3.3.11", Accepted, 0),
    ("cparam01", "3.3.12", Accepted, 0),
    ("cparam02", "3.3.13", Accepted, 0),
    ("regescrt", "3.3.14", Accepted, 0),
    ("sdp01", "3.3.15", Accepted, 0),
    ("inv2543", "3.4.1", Accepted, 0),
    ("test", "in no section", Silence(Fault::StartLine), 0),
];

const RFC5118: [(&str, &str, Outcome, u16); 12] = [
    ("ipv6-good", "4.1", Accepted, 0),
    ("ipv6-bad", "4.2", Refused(Fault::StartLine), 400),
    ("port-ambiguous", "4.3", Accepted, 0),
    ("port-unambiguous", "4.4", Accepted, 0),
    ("via-received-param-with-delim", "4.5", Accepted, 0),
    ("via-received-param-no-delim", "4.5", Accepted, 0),
    ("ipv6-in-sdp", "4.6", Accepted, 0),
    ("mult-ip-in-header", "4.7", Accepted, 0),
    ("mult-ip-in-sdp", "4.8", Accepted, 0),
    ("ipv4-mapped-ipv6", "4.9", Accepted, 0),
    ("ipv6-bug-abnf-3-colons", "4.10", Accepted, 0),
    ("ipv6-correct-abnf-2-colons", "4.10", Accepted, 0),
];

fn folder(rfc: &str) -> String {
    format!("{}/tests/data/{rfc}", env!("CARGO_MANIFEST_DIR"))
}

fn rfc4475(name: &str) -> Vec<u8> {
    fs::read(format!("{}/{name}.dat", folder("rfc4475"))).unwrap()
}

/// The files have LF, may lack the empty line, and their lengths fit neither kind of line end; on the wire there is no
/// such fault.
fn rfc5118(name: &str) -> Vec<u8> {
    let text = fs::read_to_string(format!("{}/{name}", folder("rfc5118"))).unwrap();
    let end = if text.contains("\n\n") { "" } else { "\n" };
    let (head, body) =
        format!("{text}{end}").split_once("\n\n").map(|(h, b)| (h.to_owned(), b.to_owned())).unwrap();
    let head: Vec<&str> = head.lines().filter(|line| !line.starts_with("Content-Length")).collect();
    format!("{}\n\n{body}", head.join("\n")).replace('\n', "\r\n").into_bytes()
}

fn checked(bytes: &[u8]) -> Result<Message, Fault> {
    let message = Message::parse(bytes)?;
    message.check()?;
    Ok(message)
}

fn outcome(bytes: &[u8]) -> (Outcome, u16) {
    match checked(bytes) {
        Ok(_) => (Accepted, 0),
        Err(fault) => match Message::refusal(bytes, fault, "t") {
            Some(answer) => {
                // The answer reaches the other side and can be read there.
                assert!(Message::parse(&answer.to_bytes()).is_ok());
                (Refused(fault), answer.status().unwrap())
            }
            None => (Silence(fault), 0),
        },
    }
}

#[test]
fn every_message_of_rfc_4475_comes_to_what_its_row_says() {
    let mut wrong = Vec::new();
    for (name, section, expected, status) in RFC4475 {
        let found = outcome(&rfc4475(name));
        if found != (expected, status) {
            wrong.push(format!("{name} ({section}): {found:?}, want {expected:?} {status}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_message_of_rfc_5118_comes_to_what_its_row_says() {
    let mut wrong = Vec::new();
    for (name, section, expected, status) in RFC5118 {
        let found = outcome(&rfc5118(name));
        if found != (expected, status) {
            wrong.push(format!("{name} ({section}): {found:?}, want {expected:?} {status}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_message_is_left_out_of_the_tables() {
    let files = |rfc: &str, end: &str| -> BTreeSet<String> {
        let names = fs::read_dir(folder(rfc)).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
        names.filter_map(|n| n.strip_suffix(end).map(str::to_owned)).filter(|n| !n.contains('.')).collect()
    };
    assert_eq!(files("rfc4475", ".dat"), RFC4475.iter().map(|(n, ..)| (*n).to_owned()).collect());
    assert_eq!(files("rfc5118", ""), RFC5118.iter().map(|(n, ..)| (*n).to_owned()).collect());
}

#[test]
fn what_is_accepted_is_written_as_it_was_understood() {
    let all = RFC4475.iter().filter(|r| r.2 == Accepted).map(|r| rfc4475(r.0));
    for bytes in all.chain(RFC5118.iter().filter(|r| r.2 == Accepted).map(|r| rfc5118(r.0))) {
        let message = checked(&bytes).unwrap();
        assert_eq!(checked(&message.to_bytes()), Ok(message.clone()));
        let mut framer = Framer::default();
        framer.push(&message.to_bytes()).unwrap();
        assert_eq!(framer.pop(), Ok(Some(Piece::Message(message.to_bytes()))));
    }
}

#[test]
fn the_tortuous_invite_is_understood() {
    let m = checked(&rfc4475("wsinv")).unwrap();
    assert_eq!(m.from().unwrap().display.as_deref(), Some("J Rosenberg \\\""));
    assert_eq!(m.from().unwrap().tag(), Some("98asjd8"));
    assert_eq!(m.to().unwrap().tag(), Some("1918181833n"));
    assert_eq!(m.cseq().unwrap().to_string(), "9 INVITE");
    assert_eq!(m.number(header::MAX_FORWARDS), Some(68));
    assert_eq!(m.items(header::VIA).count(), 3);
    let vias: Vec<_> = m.items(header::VIA).filter_map(tandem::wire::sip::Via::parse).collect();
    assert_eq!(vias.iter().map(|v| v.transport.as_str()).collect::<Vec<_>>(), ["UDP", "TCP", "UDP"]);
    assert_eq!(vias[1].branch(), Some("z9hG4bK9ikj8"));
    assert_eq!(m.contacts().next().unwrap().params.get("q"), Some("0.33"));
    assert_eq!(m.body.len(), 150);
}

#[test]
fn the_unusual_but_valid_is_understood() {
    let m = checked(&rfc4475("intmeth")).unwrap();
    assert_eq!(m.method().unwrap().name(), "!interesting-Method0123456789_*+`.%indeed'~");
    assert_eq!(m.uri().unwrap().host, "example.com");
    assert_eq!(m.from().unwrap().display.as_deref(), Some("token1~` token2'+_ token3*%!.-"));
    let m = checked(&rfc4475("esc01")).unwrap();
    assert_eq!(m.uri().unwrap().user_text().unwrap(), "sips:user@example.com");
    assert_eq!(m.contacts().next().unwrap().uri.user_text().unwrap(), "caller");
    let m = checked(&rfc4475("semiuri")).unwrap();
    assert_eq!(m.uri().unwrap().user_text().unwrap(), "user;par=u@example.net");
    let m = checked(&rfc4475("escnull")).unwrap();
    assert_eq!(m.contacts().count(), 2);
    // No control character comes out of an escape.
    assert_eq!(m.to().unwrap().uri.user_text().unwrap(), "null-%00-null");
    let m = checked(&rfc4475("cparam01")).unwrap();
    assert!(m.contacts().next().unwrap().params.has("unknownparam"));
    let m = checked(&rfc4475("cparam02")).unwrap();
    assert!(m.contacts().next().unwrap().uri.params.has("unknownparam"));
    let m = checked(&rfc4475("dblreq")).unwrap();
    assert!(m.body.is_empty());
    let mut baddn = rfc4475("baddn");
    baddn.extend_from_slice(b"\r\n");
    assert_eq!(checked(&baddn).unwrap().from().unwrap().display.as_deref(), Some("Bell, Alexander"));
}

#[test]
fn addresses_of_version_6_are_understood() {
    for name in ["via-received-param-with-delim", "via-received-param-no-delim"] {
        let via = checked(&rfc5118(name)).unwrap().via().unwrap();
        assert_eq!((via.host.as_str(), via.port), ("[2001:db8::9:1]", None));
        assert_eq!(via.received(), Some("2001:db8::9:255".parse().unwrap()));
    }
    let uri = |name: &str| checked(&rfc5118(name)).unwrap().uri().unwrap().clone();
    assert_eq!(uri("port-ambiguous").port, None);
    assert_eq!(uri("port-unambiguous").port, Some(5070));
    assert_eq!(uri("ipv6-bug-abnf-3-colons").host, uri("ipv6-correct-abnf-2-colons").host);
    for name in ["ipv6-in-sdp", "mult-ip-in-sdp", "ipv4-mapped-ipv6"] {
        let body = checked(&rfc5118(name)).unwrap().body;
        assert!(tandem::wire::sdp::Session::parse(&body).is_ok(), "{name}");
    }
}
