//! What phones and providers send, and what strangers might.
use super::*;
use crate::util::limits::{SIP_CONTACTS, SIP_HEADERS, SIP_MESSAGE, SIP_VIAS};

const HEAD: &str = "OPTIONS sip:1@h SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\n\
    To: <sip:b@h>\r\nCall-ID: c1\r\nCSeq: 1 OPTIONS\r\n";

fn read(text: &str) -> Result<Message, Fault> {
    let message = Message::parse(text.as_bytes())?;
    message.check()?;
    Ok(message)
}

/// A good request with these further lines.
fn with(lines: &str) -> Result<Message, Fault> {
    read(&format!("{HEAD}{lines}\r\n"))
}

/// A good request with this in place of one of its lines.
fn instead(name: &str, line: &str) -> Result<Message, Fault> {
    let kept = HEAD.split_inclusive("\r\n").filter(|l| !l.starts_with(name));
    read(&format!("{}{line}\r\n", kept.collect::<String>()))
}

#[test]
fn bytes_before_and_behind_a_message_do_no_harm() {
    assert!(read(&format!("\r\n\r\n{HEAD}\r\n")).is_ok());
    assert!(read(&format!("{HEAD}\r\n").replace("\r\n", "\n")).is_ok());
    for text in ["", "\r\n", "\r\n\r\n", "\0", "\0\0\0\0"] {
        assert_eq!(read(text), Err(Fault::Empty), "{text:?}");
        assert_eq!(Message::refusal(text.as_bytes(), Fault::Empty, "t"), None);
    }
    // Without a length the datagram ends the body, with one the rest is cut.
    assert_eq!(read(&format!("{HEAD}\r\nabc")).unwrap().body, b"abc");
    assert_eq!(with("Content-Length: 2\r\n\r\nabc").unwrap().body, b"ab");
    assert_eq!(read(HEAD), Err(Fault::Cut));
}

#[test]
fn lengths_that_cannot_be_are_refused() {
    for value in ["1", "-1", "+0", "0x0", "", "1 1", "4294967295", "4294967296", "99999999999999999999"] {
        assert_eq!(with(&format!("Content-Length: {value}\r\n")), Err(Fault::Length), "{value}");
    }
    assert_eq!(with("Content-Length: 0\r\nl: 2\r\n\r\nab"), Err(Fault::Length));
    assert!(with("Content-Length: 0\r\nl: 00\r\n").is_ok());
}

#[test]
fn compact_names_stand_for_long_ones() {
    let text = "OPTIONS sip:1@h SIP/2.0\nv:SIP/2.0/UDP h\nf:sip:a@h\nt:sip:b@h\ni:1\nCSEQ:1 OPTIONS\nm:*\n\
        k:timer\nc:a/b\ne:gzip\ns:x\no:dialog\nu:dialog\nr:<sip:c@h>\nb:<sip:d@h>\nx:90\nl:0\n\n";
    let m = read(text).unwrap();
    for name in [
        header::CONTACT,
        header::SUPPORTED,
        header::CONTENT_TYPE,
        header::CONTENT_ENCODING,
        header::SUBJECT,
        header::EVENT,
        header::ALLOW_EVENTS,
        header::REFER_TO,
        header::REFERRED_BY,
        header::SESSION_EXPIRES,
    ] {
        assert!(m.get(name).is_some(), "{name}");
    }
    assert_eq!(header::canonical("").as_ref(), "");
    assert_eq!(header::canonical("SUPPorted").as_ref(), "Supported");
}

#[test]
fn folds_become_one_blank() {
    let m = with("Subject:\r\n  one\r\n\ttwo \r\n   \r\nX-Next: y\r\n").unwrap();
    assert_eq!(m.get("Subject"), Some("one two"));
    assert_eq!(m.get("X-Next"), Some("y"));
    assert_eq!(read(&format!("OPTIONS sip:1@h SIP/2.0\r\n fold\r\n{HEAD}\r\n")), Err(Fault::Header));
}

#[test]
fn a_carriage_return_alone_makes_no_line() {
    let m = with("Subject: a\rX-Evil: b\r\n").unwrap();
    assert_eq!(m.get("X-Evil"), None);
    assert!(!m.to_bytes().windows(2).any(|w| w[0] == b'\r' && w[1] != b'\n'));
}

#[test]
fn start_lines() {
    let first = |line: &str| Message::parse(format!("{line}\r\n\r\n").as_bytes()).map(|m| m.start);
    let response = |status, reason: &str| Ok(Start::Response { status, reason: reason.to_owned() });
    assert_eq!(first("SIP/2.0 200 OK"), response(200, "OK"));
    assert_eq!(first("SIP/2.0 180"), response(180, ""));
    assert_eq!(first("SIP/2.0 180 "), response(180, ""));
    assert_eq!(first("sip/2.0 486 Besetzt, später"), response(486, "Besetzt, später"));
    for line in ["SIP/2.0 99 x", "SIP/2.0 700 x", "SIP/2.0 +200 x", "SIP/2.0 0200 x", "SIP/2.0 OK", "SIP/2.0"]
    {
        assert_eq!(first(line), Err(Fault::StartLine), "{line}");
    }
    for (line, fault) in [
        ("INVITE sip:1@h", Fault::StartLine),
        ("INVITE  SIP/2.0", Fault::StartLine),
        ("INVITE sip:1@h HTTP/1.1", Fault::StartLine),
        ("IN(VITE sip:1@h SIP/2.0", Fault::StartLine),
        ("INVITE sip:1@h SIP/3.0", Fault::Version),
        ("SIP/3.0 200 OK", Fault::Version),
        ("INVITE mailto:a@h SIP/2.0", Fault::Scheme),
        ("INVITE <sip:1@h> SIP/2.0", Fault::StartLine),
        ("INVITE sip:1@h;x y SIP/2.0", Fault::StartLine),
        ("INVITE sip: SIP/2.0", Fault::StartLine),
    ] {
        assert_eq!(first(line), Err(fault), "{line}");
    }
}

#[test]
fn uris() {
    for (text, user, host, port) in [
        ("sip:*98#@192.168.1.1", Some("*98#"), "192.168.1.1", None),
        ("sip:%2A98%23@H.example", Some("*98#"), "h.example", None),
        ("sips:a;b?c:secret@h:5061;lr", Some("a;b?c"), "h", Some(5061)),
        ("SIP:[2001:DB8::1]:5070", None, "[2001:db8::1]", Some(5070)),
        ("tel:+49-30-1;phone-context=x", Some("+49-30-1"), "", None),
        ("sip:me@home@h", Some("me@home"), "h", None),
        ("sip:a@h?Replaces=x@y", Some("a"), "h", None),
        ("sip:@h", None, "h", None),
        ("sip:a@h:", Some("a"), "h", None),
        ("sip:Jörg@h", Some("Jörg"), "h", None),
        ("sip:1%0d%0aATH@h", Some("1%0d%0aATH"), "h", None),
        ("sip:6_7@my_pbx", Some("6_7"), "my_pbx", None),
    ] {
        let uri = Uri::parse(text).unwrap_or_else(|| panic!("{text}"));
        assert_eq!((uri.user_text().as_deref(), uri.host.as_str(), uri.port), (user, host, port), "{text}");
        assert_eq!(Uri::parse(&uri.to_string()), Some(uri), "{text}");
    }
    for text in [
        "",
        "sip:",
        "sip",
        ":",
        "tel:",
        "sip:a@",
        "sip:a@h:x",
        "sip:a@h:70000",
        "sip:a@h:+5",
        "sip:a@[::1",
        "sip:a@[::1]x",
        "sip:a@[1.2.3.4]",
        "sip:a b@h",
        "sip:a@h\n",
        "sip:a@h\"",
        "sip:@a@b?@",
        "sip:a@h:99999999999",
        "http://h",
    ] {
        assert_eq!(Uri::parse(text).filter(|_| text != "sip:a@h\n"), None, "{text}");
    }
}

#[test]
fn addresses() {
    for (text, display, uri, tag) in [
        ("sip:a@h;tag=1", None, "sip:a@h", Some("1")),
        ("<sip:a@h;user=phone>;tag=1", None, "sip:a@h;user=phone", Some("1")),
        ("A. Bell <sip:a@h>", Some("A. Bell"), "sip:a@h", None),
        ("\"a \\\"b\\\\ <x>, c\"<sip:a@h> ; TAG = 1", Some("a \"b\\ <x>, c"), "sip:a@h", Some("1")),
        ("\"Zoë 電話\" <sip:a@h>", Some("Zoë 電話"), "sip:a@h", None),
        ("\"\" <sip:a@h>", Some(""), "sip:a@h", None),
        ("< tel:+1 >", None, "tel:+1", None),
    ] {
        let address = Address::parse(text).unwrap_or_else(|| panic!("{text}"));
        assert_eq!((address.display.as_deref(), address.uri.to_string().as_str()), (display, uri), "{text}");
        assert_eq!(address.tag(), tag, "{text}");
        assert_eq!(Address::parse(&address.to_string()), Some(address), "{text}");
    }
    for text in ["", "\"a <sip:a@h>", "<sip:a@h", "a b", "\"x\" sip:a@h", "sip:a@h?x=y", "<>", "\"\\"] {
        assert_eq!(Address::parse(text), None, "{text}");
    }
}

#[test]
fn several_vias_in_one_line() {
    let m = instead(
        "Via",
        "Via: SIP / 2.0 / udp h1 : 5070 ; branch = a , SIP/2.0/TCP [::1]:9;received=[::2];rport=70\r\n",
    )
    .unwrap();
    let top = m.via().unwrap();
    assert_eq!(
        (top.transport.as_str(), top.sent_by(), top.branch()),
        ("UDP", ("h1".to_owned(), 5070), Some("a"))
    );
    let second = m.items(header::VIA).nth(1).and_then(Via::parse).unwrap();
    assert_eq!((second.received(), second.rport()), (Some("::2".parse().unwrap()), Some(70)));
    for via in [
        "",
        "SIP/2.0/UDP",
        "SIP/2.0 h",
        "SIP/1.0/UDP h",
        "SIP/2.0/UDP h:x",
        "SIP/2.0/UDP h, x",
        "SIP/2.0/U\0P h",
        "SIP/2.0/ h",
    ] {
        assert_eq!(instead("Via", &format!("Via: {via}\r\n")), Err(Fault::Mandatory("Via")), "{via}");
    }
}

#[test]
fn commas_in_quotes_and_brackets_part_nothing() {
    let items: Vec<_> = header::split("\"a,b\\\",\" <sip:x,y@h>;q=1 , ,<sip:z@h>,").collect();
    assert_eq!(items, ["\"a,b\\\",\" <sip:x,y@h>;q=1", "<sip:z@h>"]);
}

#[test]
fn mandatory_headers_are_there_once_and_can_be_read() {
    assert!(with("").is_ok());
    for (name, bad) in [
        ("From", "From: nobody\r\n"),
        ("From", "From: <mailto:a@h>\r\n"),
        ("To", "To: \"a <sip:b@h>\r\n"),
        ("Call-ID", "Call-ID:\r\n"),
        ("Call-ID", "Call-ID: a b\r\n"),
        ("CSeq", "CSeq: OPTIONS\r\n"),
        ("CSeq", "CSeq: 1\r\n"),
        ("CSeq", "CSeq: 1 INVITE\r\n"),
        ("CSeq", "CSeq: -1 OPTIONS\r\n"),
        ("CSeq", "CSeq: +1 OPTIONS\r\n"),
        ("CSeq", "CSeq: 2147483648 OPTIONS\r\n"),
        ("CSeq", "CSeq: 18446744073709551617 OPTIONS\r\n"),
    ] {
        assert_eq!(instead(name, bad), Err(Fault::Mandatory(name)), "{bad}");
        assert_eq!(instead(name, ""), Err(Fault::Mandatory(name)), "no {name}");
    }
    for line in ["From: <sip:a@h>", "To: <sip:a@h>", "Call-ID: c1", "CSeq: 1 OPTIONS"] {
        let (name, _) = line.split_once(':').unwrap();
        let fault = with(&format!("{line}\r\n")).unwrap_err();
        assert!(matches!(fault, Fault::Mandatory(found) if found == name), "{line}: {fault:?}");
    }
    for (line, good) in [
        ("Max-Forwards: 0", true),
        ("Max-Forwards: 255", true),
        ("Max-Forwards: 256", false),
        ("Max-Forwards: -1", false),
        ("Max-Forwards: 99999999999", false),
        ("Max-Forwards: 7\r\nMax-Forwards: 7", false),
        ("Contact: *", true),
        ("Contact: <mailto:a@h>", true),
        ("Contact: <sip:a@h>, \"x\" <sip:b@h>", true),
        ("Contact: <sip:a@h>, \"x", false),
        ("Contact: hello", false),
    ] {
        assert_eq!(with(&format!("{line}\r\n")).is_ok(), good, "{line}");
    }
    let response = HEAD.replace("OPTIONS sip:1@h SIP/2.0", "SIP/2.0 200 OK") + "Max-Forwards: 999\r\n\r\n";
    assert!(read(&response).is_ok());
}

#[test]
fn numbers_that_do_not_fit_are_the_largest() {
    let m = with("Expires: 99999999999999999999999\r\n").unwrap();
    assert_eq!(m.number(header::EXPIRES), Some(u32::MAX));
    for value in ["", "-1", "+1", "1.5", "x", "1 2"] {
        assert_eq!(with(&format!("Expires: {value}\r\n")).unwrap().number(header::EXPIRES), None, "{value}");
    }
}

#[test]
fn counts_are_bounded() {
    let lines = |line: &str, n: usize| with(&line.repeat(n));
    assert_eq!(lines("X: y\r\n", SIP_HEADERS), Err(Fault::TooLarge));
    assert_eq!(lines("v: SIP/2.0/UDP h\r\n", SIP_VIAS), Err(Fault::TooLarge));
    assert!(lines("v: SIP/2.0/UDP h\r\n", SIP_VIAS - 1).is_ok());
    assert!(lines("m: <sip:a@h>\r\n", SIP_CONTACTS).is_ok());
    assert_eq!(lines("m: <sip:a@h>\r\n", SIP_CONTACTS + 1), Err(Fault::TooLarge));
    assert_eq!(Uri::parse(&format!("sip:h{}", ";a=b".repeat(9_000))).unwrap().params.iter().count(), 64);
    assert_eq!(Message::parse(&vec![b'a'; SIP_MESSAGE + 1]), Err(Fault::TooLarge));
}

#[test]
fn a_refusal_carries_what_can_be_read_and_says_what_to_mend() {
    let text = "INVITE sip:1@h SIP/2.0\r\nbroken\r\n  fold\r\nv: SIP/2.0/UDP 192.0.2.1;branch=z9\r\nFrom: <sip:a@h>;tag=1\r\n\
        To: <sip:b@h>\r\nCSeq: 1 INVITE\r\n\r\n";
    let fault = read(text).unwrap_err();
    assert_eq!(fault, Fault::Header);
    let answer = Message::refusal(text.as_bytes(), fault, "t1").unwrap();
    assert_eq!(
        String::from_utf8(answer.to_bytes()).unwrap(),
        "SIP/2.0 400 Bad Header\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9\r\nFrom: <sip:a@h>;tag=1\r\n\
        To: <sip:b@h>;tag=t1\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
    );
    let fault = Fault::Mandatory(header::CALL_ID);
    let answer = Message::refusal(text.as_bytes(), fault, "t1").unwrap();
    assert!(answer.to_bytes().starts_with(b"SIP/2.0 400 Bad Or Missing Call-ID\r\n"));
    for silent in [
        text.replace("INVITE sip", "ACK sip"),
        text.replace("INVITE sip:1@h SIP/2.0", "SIP/2.0 200 OK"),
        text.replace("v: SIP", "X: SIP"),
        text.replace("UDP 192", "UDP/192"),
        "GET / HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(),
        "\0\x01\0\0\x21\x12\u{a4}B".to_owned(),
    ] {
        assert_eq!(Message::refusal(silent.as_bytes(), fault, "t"), None, "{silent}");
    }
}

#[test]
fn an_ipv6_host_is_bracketed_once() {
    for (host, shown) in [
        ("2001:DB8::5", "sip:1@[2001:db8::5]:5060"),
        ("[2001:db8::5]", "sip:1@[2001:db8::5]:5060"),
        ("Provider.Example", "sip:1@provider.example:5060"),
        ("192.0.2.1", "sip:1@192.0.2.1:5060"),
    ] {
        let uri = Uri::sip(Some("1"), host, Some(5060));
        assert_eq!(uri.to_string(), shown);
        assert_eq!(Uri::parse(shown).map(|read| read.to_string()).as_deref(), Some(shown));
    }
}
