//! Twenty messages as phones and providers write them (`fuzz/seeds/sip`), whole, cut and with changed bytes.
#![allow(clippy::unwrap_used, clippy::panic)]
use std::fs;
use tandem::wire::sdp::{self, Codec, Direction};
use tandem::wire::sip::{Address, Fault, Message, Method, Replaces, header};

const MESSAGES: [&str; 20] = [
    "invite-baresip",
    "invite-linphone",
    "invite-asterisk",
    "invite-grandstream",
    "register-yealink",
    "200-fritzbox",
    "cancel-zoiper",
    "bye-compact",
    "options-asterisk",
    "401-trunk",
    "invite-snom",
    "invite-cisco",
    "183-ims",
    "prack-sipgate",
    "subscribe-yealink",
    "notify-asterisk",
    "refer-grandstream",
    "update-polycom",
    "message-linphone",
    "603-gigaset",
];

fn bytes(name: &str) -> Vec<u8> {
    fs::read(format!("{}/fuzz/seeds/sip/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn message(name: &str) -> Message {
    let message = Message::parse(&bytes(name)).unwrap_or_else(|fault| panic!("{name}: {fault:?}"));
    message.check().unwrap_or_else(|fault| panic!("{name}: {fault:?}"));
    message
}

fn ours() -> sdp::Ours {
    sdp::Ours {
        local: [192, 168, 1, 1].into(),
        rtp_port: 16_000,
        codecs: Codec::ALL.to_vec(),
        session_id: 1,
        version: 1,
        ptime: 20,
        direction: Direction::SendRecv,
    }
}

/// What is read from bytes is read again from what we write of it.
fn survives(bytes: &[u8]) -> Result<Message, Fault> {
    let message = match Message::parse(bytes) {
        Ok(message) => message,
        Err(fault) => {
            if let Some(answer) = Message::refusal(bytes, fault, "t") {
                assert_eq!(answer.status(), Some(fault.status()));
            }
            return Err(fault);
        }
    };
    let checked = message.check();
    let again = Message::parse(&message.to_bytes());
    assert_eq!(again.as_ref(), Ok(&message), "{}", String::from_utf8_lossy(bytes));
    let _ = (message.via(), message.from(), message.to(), message.contacts().count());
    if let Ok(session) = sdp::Session::parse(&message.body) {
        let _ = sdp::answer(&session, &ours());
    }
    checked.map(|()| message)
}

#[test]
fn each_message_is_understood() {
    for name in MESSAGES {
        let m = message(name);
        assert_eq!(survives(&bytes(name)).as_ref(), Ok(&m), "{name}");
        assert!(m.to().is_some() && m.from().unwrap().tag().is_some(), "{name}");
    }
    let m = message("invite-linphone");
    assert_eq!(m.from().unwrap().display.as_deref(), Some("Zoë Bürger"));
    assert_eq!(m.uri().unwrap().user_text().as_deref(), Some("*98#"));
    let m = message("invite-grandstream");
    assert_eq!(m.uri().unwrap().user_text().as_deref(), Some("*72#"));
    assert_eq!(m.contacts().next().unwrap().params.get("reg-id"), Some("1"));
    let m = message("invite-asterisk");
    assert_eq!(m.items(header::P_ASSERTED_IDENTITY).count(), 1);
    assert_eq!(m.number(header::SESSION_EXPIRES), Some(1_800));
    let m = message("register-yealink");
    let contacts: Vec<_> = m.contacts().collect();
    assert_eq!(contacts.len(), 2);
    assert_eq!(contacts[1].uri.host, "[2001:db8::60]");
    let m = message("200-fritzbox");
    assert_eq!(m.via().unwrap().received(), Some("fd00::2".parse().unwrap()));
    assert_eq!(m.via().unwrap().rport(), Some(5060));
    let m = message("bye-compact");
    assert_eq!((m.method(), m.items(header::VIA).count()), (Some(&Method::Bye), 2));
    assert_eq!(m.from().unwrap().display.as_deref(), Some("A. G. \"Alec\" Bell"));
    assert_eq!(m.to().unwrap().uri.user.as_deref(), Some("+49-30-123456"));
    assert_eq!(message("401-trunk").all(header::WWW_AUTHENTICATE).count(), 2);
    let m = message("183-ims");
    assert_eq!((m.number(header::RSEQ), m.items(header::RECORD_ROUTE).count()), (Some(1), 2));
    assert_eq!(message("prack-sipgate").get(header::RACK), Some("730412 102 INVITE"));
    assert_eq!(message("update-polycom").uri().unwrap().host, "[2001:db8::1]");
    assert_eq!(message("invite-snom").via().unwrap().sent_by(), ("192.168.1.44".into(), 41_234));
    let m = message("refer-grandstream");
    let refer_to = Address::parse(m.get(header::REFER_TO).unwrap()).unwrap();
    let replaces = Replaces::parse(&refer_to.uri.header(header::REPLACES).unwrap()).unwrap();
    assert_eq!((&*replaces.call_id, &*replaces.from_tag), ("1564738290-5060-8@BJC.BGI.B.GC", "475869302"));
}

#[test]
fn each_description_is_answered() {
    for (name, codec, events, port) in [
        ("invite-baresip", Codec::Pcmu, 101, 10_048),
        ("invite-linphone", Codec::Pcmu, 100, 53_710),
        ("invite-asterisk", Codec::Pcma, 101, 17_234),
        ("invite-grandstream", Codec::Pcmu, 101, 5_004),
        ("invite-snom", Codec::Pcma, 101, 57_344),
        ("invite-cisco", Codec::Pcmu, 101, 19_012),
    ] {
        let offer = sdp::Session::parse(&message(name).body).unwrap();
        let (answer, agreed) = sdp::answer(&offer, &ours()).unwrap();
        assert_eq!(
            (agreed.codec, agreed.event_send, agreed.remote.port()),
            (codec, Some(events), port),
            "{name}"
        );
        assert_eq!(answer.media.len(), offer.media.len(), "{name}");
        // What they make of our answer fits what we made of their offer.
        let read = sdp::Session::parse(answer.to_string().as_bytes()).unwrap();
        assert_eq!(read, answer, "{name}");
    }
    let answer = sdp::Session::parse(&message("200-fritzbox").body).unwrap();
    let agreed = sdp::agreed(&sdp::offer(&ours()), &answer).unwrap();
    assert_eq!((agreed.codec, agreed.event_send, agreed.ptime_ms), (Codec::Pcma, Some(101), 20));
}

#[test]
fn no_part_of_a_message_is_a_message_but_one_without_its_body() {
    for name in MESSAGES {
        let whole = bytes(name);
        for end in 0..whole.len() {
            let cut = survives(&whole[..end]);
            assert!(cut.is_err(), "{name} cut at {end}");
        }
    }
}

/// Every value at every place of the head, of the body some, which nobody reads here. What still is a message is read again from what we
/// write of it.
fn change_every_byte(names: &[&str]) {
    let all: Vec<u8> = (0..=255).collect();
    for name in names {
        let whole = bytes(name);
        let head = whole.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            for byte in if at < head { &all } else { &BYTES[..] } {
                changed[at] = *byte;
                let Ok(message) = Message::parse(&changed) else { continue };
                if message.check().is_ok() && byte % 16 == 9 {
                    assert_eq!(
                        Message::parse(&message.to_bytes()).as_ref(),
                        Ok(&message),
                        "{name} {at} {byte}"
                    );
                }
            }
        }
    }
}

#[test]
fn every_value_of_every_byte_of_the_first_ten() {
    change_every_byte(&MESSAGES[..10]);
}

#[test]
fn every_value_of_every_byte_of_the_others() {
    change_every_byte(&MESSAGES[10..]);
}

const BYTES: &[u8; 16] = b"\0\n\r \"<>@:;,=?%9\x80";

#[test]
fn no_changed_byte_does_harm() {
    for name in MESSAGES {
        let whole = bytes(name);
        for at in 0..whole.len() {
            // Four of these at each place, others at the next.
            for byte in BYTES.iter().cycle().skip(5 * at).step_by(4).take(4) {
                let mut changed = whole.clone();
                changed[at] = *byte;
                let _ = survives(&changed);
            }
            let mut shorter = whole.clone();
            shorter.remove(at);
            let _ = survives(&shorter);
        }
    }
}
