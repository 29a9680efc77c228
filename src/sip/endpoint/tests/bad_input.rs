//! What strangers send.
use super::ladder::{Ladder, OURS, SDP, to_tag, with_sdp};
use crate::sip::endpoint::Event;
use crate::util::limits::Capacity;
use crate::wire::sip::header;

const OPTIONS: &str = "OPTIONS sip:a SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.9;rport;branch=z9hG4bKo\nFrom: <sip:b>;tag=f\n\
    To: <sip:a>\nCall-ID: c\nCSeq: 1 OPTIONS\n\n";

#[test]
fn what_is_no_message_gets_400_or_silence() {
    for (text, answer) in [
        ("", None),
        ("\n\n", None),
        ("hello\n\n", None),
        ("\u{0}\u{0}", None),
        ("SIP/2.0 OK\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\n\n", None),
        ("ACK sip:a SIP/2.0\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\nbad\n\n", None),
        ("OPTIONS sip:a SIP/2.0\nbad header\n\n", None),
        (
            "OPTIONS sip:a SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.8;branch=z9hG4bK1\nbad header\nCSeq: 1 OPTIONS\n\n",
            Some("400"),
        ),
        ("OPTIONS sip:a SIP/7.0\nv: SIP/2.0/UDP 192.0.2.8;branch=z9hG4bK1\nCSeq: 1 OPTIONS\n\n", Some("505")),
        (
            "OPTIONS sip:a SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.8;branch=z9hG4bK1\nFrom: <sip:b>;tag=f\nTo: <sip:a>\nCall-ID: c\nCSeq: 1 INVITE\n\n",
            Some("400"),
        ),
    ] {
        let mut l = Ladder::new();
        l.recv(text);
        match answer {
            Some(status) => {
                let via = l.sent(status).via().unwrap();
                assert_eq!(via.params.get("received"), Some("192.0.2.9"), "{text:?}");
            }
            None => l.nothing_sent(),
        }
        l.ends();
    }
}

#[test]
fn every_prefix_and_every_changed_byte_of_a_request_is_survived() {
    let mut l = Ladder::new();
    let text = OPTIONS.replace('\n', "\r\n").into_bytes();
    for end in 0..text.len() {
        l.endpoint.handle_message(l.flow, text.get(..end).unwrap(), l.now);
    }
    for at in 0..text.len() {
        for byte in [0, b' ', b'\n', b';', b',', b'<', b'"', b'9', b'z', 0xff] {
            let mut changed = text.clone();
            changed[at] = byte;
            l.endpoint.handle_message(l.flow, &changed, l.now);
        }
        while l.endpoint.poll_output().is_some() {}
        while let Some(event) = l.endpoint.poll_event() {
            if let Event::Invite { session, .. } = event {
                l.endpoint.reject(session, 486, &[], l.now);
            }
        }
        l.wait(40_000);
        while l.endpoint.poll_output().is_some() {}
        while l.endpoint.poll_event().is_some() {}
    }
    assert!(l.endpoint.is_idle(), "{:?}", l.endpoint.counts());
}

#[test]
fn outside_of_dialogs() {
    for (method, to, want) in [
        ("BYE", "<sip:a>", Some("481")),
        ("INFO", "<sip:a>", Some("481")),
        ("UPDATE", "<sip:a>", Some("481")),
        ("PRACK", "<sip:a>", Some("481")),
        ("FOO", "<sip:a>", Some("501")),
        ("OPTIONS", "<sip:a>;tag=x", Some("481")),
        ("NOTIFY", "<sip:a>;tag=x", Some("481")),
        ("SUBSCRIBE", "<sip:a>;tag=x", None),
        ("REGISTER", "<sip:a>;tag=x", None),
        ("REGISTER", "<sip:a>", None),
        ("OPTIONS", "<sip:a>", None),
        ("MESSAGE", "<sip:a>", None),
        ("SUBSCRIBE", "<sip:a>", None),
        ("NOTIFY", "<sip:a>", None),
        ("PUBLISH", "<sip:a>", None),
        ("REFER", "<sip:a>", None),
    ] {
        let mut l = Ladder::new();
        let text = OPTIONS.replace("OPTIONS", method).replace("To: <sip:a>", &format!("To: {to}"));
        l.recv(&text);
        match want {
            Some(status) => {
                l.sent(status);
            }
            None => {
                let Event::Request { id, request, .. } = l.event() else { panic!("{method}") };
                l.recv(&text);
                l.nothing_sent();
                let response = l.endpoint.response_to(&request, 200);
                l.endpoint.respond(id, response, l.now);
                let ok = l.sent("200");
                assert_eq!(ok.get(header::SERVER), Some("tandem"));
                assert!(!to_tag(&ok).is_empty());
                l.recv(&text);
                assert_eq!(l.sent("200"), ok, "the same answer again");
            }
        }
        l.ends();
    }
}

#[test]
fn an_owner_who_never_answers_leaves_nothing() {
    let mut l = Ladder::new();
    l.recv(OPTIONS);
    l.event();
    l.ends();
}

#[test]
fn a_full_house() {
    let mut l = Ladder::new();
    let capacity = Capacity { calls: 4 };
    l.endpoint.set_capacity(capacity);
    let mut sessions = Vec::new();
    for n in 0..capacity.sessions() {
        l.recv(&invite(n));
        let Event::Invite { session, .. } = l.event() else { panic!() };
        sessions.push(session);
    }
    l.recv(&invite(capacity.sessions()));
    let refused = l.sent("503");
    assert!(refused.get(header::RETRY_AFTER).is_some());
    assert!(l.endpoint.invite(l.spec(), l.now).is_err());
    for n in sessions.len() + 1..capacity.transactions() {
        l.recv(
            &OPTIONS
                .replace("z9hG4bKo", &format!("z9hG4bK{n}"))
                .replace("Call-ID: c", &format!("Call-ID: {n}")),
        );
        l.event();
    }
    // Now there is not even a transaction left.
    l.recv(&invite(9_999));
    l.sent("503");
    l.recv(OPTIONS);
    l.nothing_sent();
    assert_eq!(l.endpoint.counts().server_transactions, capacity.transactions());
    assert_eq!(l.endpoint.counts().refused_full, 4);
    for session in sessions {
        l.endpoint.reject(session, 503, &[], l.now);
    }
    while l.endpoint.poll_output().is_some() {}
    l.wait(40_000);
    while l.endpoint.poll_event().is_some() {}
    assert!(l.endpoint.is_idle());
}

fn invite(n: usize) -> String {
    format!(
        "INVITE sip:20@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKi{n}\nFrom: <sip:10@a>;tag=f\n\
         To: <sip:20@a>\nCall-ID: i{n}\nCSeq: 1 INVITE\nContact: <sip:10@192.0.2.9>\n{}",
        with_sdp(SDP)
    )
}

#[test]
fn calls_with_the_id_of_a_session_that_is_over_do_nothing() {
    let mut l = Ladder::new();
    let session = l.invited();
    l.endpoint.reject(session, 486, &[], l.now);
    let busy = l.sent("486");
    l.request("ACK", "i", 1, &to_tag(&busy), "");
    l.endpoint.ring(session, 180, None, l.now);
    l.endpoint.accept(session, OURS.into(), l.now);
    l.endpoint.answer(session, OURS.into(), l.now);
    l.endpoint.refuse(session, 488, l.now);
    l.endpoint.retry(session, header::AUTHORIZATION, "x", l.now);
    l.endpoint.give_up(session);
    l.endpoint.acknowledge(session, OURS.into());
    assert!(!l.endpoint.reinvite(session, OURS.into(), l.now));
    l.endpoint.hangup(session, None, 480, &[], l.now);
    l.ends();
}
