//! We call: every way in which that can go wrong.
use super::ladder::{Ladder, OURS, SDP, with_sdp};
use crate::sip::endpoint::{ClientId, EndedBy, Event, SessionId, Why};
use crate::wire::sip::{Address, Message, Method, Uri, header};
use std::time::Duration;

/// In the middle of the call.
fn talking(l: &mut Ladder) -> (SessionId, Message) {
    let (session, invite) = l.call();
    l.respond(&invite, 200, "t", &with_sdp(SDP));
    l.sent("ACK");
    assert!(matches!(l.event(), Event::Answered { .. }));
    (session, invite)
}

/// A request of the peer in the dialog of our call.
fn in_dialog(l: &mut Ladder, invite: &Message, method: &str, branch: &str, cseq: u32, rest: &str) {
    let (local, remote) = (invite.get(header::FROM).unwrap(), invite.get(header::TO).unwrap());
    let call_id = invite.call_id().unwrap();
    let rest = if rest.contains("\n\n") { rest.to_owned() } else { format!("{rest}\n") };
    l.recv(&format!(
        "{method} sip:tandem@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK{branch}\n\
         From: {remote};tag=t\nTo: {local}\nCall-ID: {call_id}\nCSeq: {cseq} {method}\nContact: <sip:20@192.0.2.9>\n{rest}"
    ));
}

// ---- INVITE ----

#[test]
fn nobody_answers() {
    let mut l = Ladder::new();
    let (session, invite) = l.call();
    for ms in [500, 1_000, 2_000, 4_000, 8_000, 16_000] {
        l.timer(ms);
        assert_eq!(l.sent("INVITE"), invite);
    }
    l.timer(500);
    assert_eq!(l.event(), Event::Failed { session, status: 408, response: None });
    l.ends();
}

#[test]
fn refusals_are_acknowledged_by_the_transaction() {
    for status in [302, 404, 486, 603] {
        let mut l = Ladder::new();
        let (session, invite) = l.call();
        l.respond(&invite, 100, "", "");
        l.respond(&invite, status, "t", "Contact: <sip:30@192.0.2.9>");
        let ack = l.sent("ACK");
        assert_eq!(ack.via(), invite.via(), "the branch of the INVITE");
        assert_eq!(ack.get(header::TO), Some("<sip:20@192.0.2.9>;tag=t"));
        assert!(
            matches!(l.event(), Event::Failed { session: s, status: n, response: Some(_) } if s == session && n == status)
        );
        l.respond(&invite, status, "t", "");
        assert_eq!(l.sent("ACK"), ack);
        l.ends();
    }
}

#[test]
fn an_invite_goes_the_route_it_is_given() {
    let mut l = Ladder::new();
    let mut spec = l.spec();
    spec.route = vec!["<sip:proxy;lr>".into()];
    spec.headers = vec![("Max-Forwards".into(), "9".into()), ("Privacy".into(), "id".into())];
    spec.call_id = Some("mine".into());
    let (session, invite) = l.call_by(spec);
    assert_eq!(invite.get(header::ROUTE), Some("<sip:proxy;lr>"));
    assert_eq!(invite.all(header::MAX_FORWARDS).collect::<Vec<_>>(), ["9"]);
    assert_eq!(invite.call_id(), Some("mine"));
    l.respond(&invite, 200, "t", "Record-Route: <sip:a;lr>, <sip:b;lr>");
    let ack = l.sent("ACK");
    assert_eq!(ack.all(header::ROUTE).collect::<Vec<_>>(), ["<sip:b;lr>", "<sip:a;lr>"]);
    assert!(matches!(l.event(), Event::Answered { sdp: None, .. }));
    l.hang_up(session);
    l.ends();
}

#[test]
fn what_we_sent_comes_back() {
    for (uri, is_loop) in [("sip:20@192.0.2.9", true), ("sip:21@192.0.2.1", false)] {
        let mut l = Ladder::new();
        let (session, invite) = l.call();
        let mut back = invite.clone();
        back.push_front(header::VIA, "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKproxy");
        back.start =
            crate::wire::sip::Start::Request { method: Method::Invite, uri: Uri::parse(uri).unwrap() };
        l.endpoint.handle_message(l.flow, &back.to_bytes(), l.now);
        if is_loop {
            let refused = l.sent("482");
            l.recv(&format!(
                "ACK {uri} SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKproxy\nFrom: {}\nTo: {}\nCall-ID: {}\nCSeq: 1 ACK\n\n",
                invite.get(header::FROM).unwrap(),
                refused.get(header::TO).unwrap(),
                invite.call_id().unwrap()
            ));
        } else {
            let Event::Invite { session: other, .. } = l.event() else { panic!("a spiral is a call") };
            l.endpoint.reject(other, 486, &[], l.now);
            l.sent("486");
        }
        l.endpoint.hangup(session, None, 480, &[], l.now);
        l.wait(40_000);
        while l.sent_any().is_some() {}
        l.ends();
    }
}

#[test]
fn early_media_and_the_answer_of_its_own_dialog() {
    for (tag, ok, want) in [
        ("t", String::new(), Some("early-t")),
        ("u", String::new(), None),
        ("t", with_sdp("final"), Some("final")),
        ("u", with_sdp("final"), Some("final")),
    ] {
        let mut l = Ladder::new();
        let (session, invite) = l.call();
        l.respond(&invite, 183, "t", &with_sdp("early-t"));
        assert_eq!(l.event(), Event::Progress { session, status: 183, sdp: Some(b"early-t".to_vec()) });
        l.respond(&invite, 180, "u", "");
        assert_eq!(l.event(), Event::Progress { session, status: 180, sdp: None });
        assert_eq!(l.endpoint.counts().dialogs, 2);
        l.respond(&invite, 200, tag, &ok);
        l.sent("ACK");
        let Event::Answered { sdp, .. } = l.event() else { panic!() };
        assert_eq!(sdp.as_deref(), want.map(str::as_bytes), "{tag}");
        assert_eq!(l.endpoint.counts().dialogs, 1);
        l.hang_up(session);
        l.ends();
    }
}

#[test]
fn a_180_behind_its_200_says_nothing() {
    let mut l = Ladder::new();
    let (session, invite) = talking(&mut l);
    l.respond(&invite, 180, "t", "");
    l.no_event();
    l.hang_up(session);
    l.ends();
}

#[test]
fn each_repeated_200_gets_the_same_ack_even_when_all_is_over() {
    let mut l = Ladder::new();
    let (session, invite) = l.call();
    l.respond(&invite, 200, "t", &with_sdp(SDP));
    let ack = l.sent("ACK");
    l.event();
    l.wait(500);
    l.respond(&invite, 200, "t", &with_sdp(SDP));
    assert_eq!(l.sent("ACK"), ack);
    l.hang_up(session);
    assert_eq!(l.endpoint.counts().sessions, 0);
    l.respond(&invite, 200, "t", &with_sdp(SDP));
    assert_eq!(l.sent("ACK"), ack);
    l.ends();
}

#[test]
fn a_second_fork_that_answers_gets_ack_and_bye() {
    let mut l = Ladder::new();
    let (session, invite) = talking(&mut l);
    l.respond(&invite, 200, "second", &with_sdp(SDP));
    let ack = l.sent("ACK");
    let bye = l.sent("BYE");
    for message in [&ack, &bye] {
        assert_eq!(message.to().unwrap().tag(), Some("second"));
    }
    l.no_event();
    l.respond(&invite, 200, "second", &with_sdp(SDP));
    assert_eq!(l.sent("ACK"), ack, "one BYE is enough");
    l.respond(&bye, 200, "", "");
    l.hang_up(session);
    l.ends();
}

#[test]
fn a_peer_that_answers_for_a_hundred_phones_is_ignored_in_the_end() {
    let mut l = Ladder::new();
    let (session, invite) = talking(&mut l);
    for n in 0..100 {
        l.respond(&invite, 200, &format!("fork{n}"), &with_sdp(SDP));
    }
    for _ in 0..15 {
        l.sent("ACK");
        let bye = l.sent("BYE");
        l.respond(&bye, 200, "", "");
    }
    l.hang_up(session);
    l.ends();
}

#[test]
fn our_answer_to_a_late_offer_goes_out_in_the_ack() {
    let mut l = Ladder::new();
    let mut spec = l.spec();
    spec.sdp = None;
    let (session, invite) = l.call_by(spec);
    assert!(invite.body.is_empty());
    l.respond(&invite, 200, "t", &with_sdp(SDP));
    assert!(matches!(l.event(), Event::Answered { sdp: Some(_), .. }));
    l.respond(&invite, 200, "t", &with_sdp(SDP));
    l.nothing_sent();
    l.endpoint.acknowledge(session, OURS.into());
    let ack = l.sent("ACK");
    assert_eq!(ack.body, OURS.as_bytes());
    l.respond(&invite, 200, "t", &with_sdp(SDP));
    assert_eq!(l.sent("ACK"), ack);
    l.hang_up(session);
    l.ends();
}

#[test]
fn a_late_offer_that_the_owner_does_not_want() {
    let mut l = Ladder::new();
    let mut spec = l.spec();
    spec.sdp = None;
    let (session, invite) = l.call_by(spec);
    l.respond(&invite, 200, "t", &with_sdp(SDP));
    l.event();
    l.endpoint.hangup(session, None, 480, &[], l.now);
    l.sent("ACK");
    let bye = l.sent("BYE");
    l.respond(&bye, 200, "", "");
    l.ends();
}

// ---- CANCEL ----

#[test]
fn cancel_waits_for_a_provisional_response() {
    let mut l = Ladder::new();
    let (session, invite) = l.call();
    l.endpoint.hangup(session, Some("SIP;cause=200"), 480, &[], l.now);
    l.nothing_sent();
    l.timer(500);
    l.sent("INVITE");
    l.respond(&invite, 100, "", "");
    let cancel = l.sent("CANCEL");
    assert_eq!(cancel.via(), invite.via());
    assert_eq!(cancel.uri(), invite.uri());
    assert_eq!(cancel.get(header::CSEQ), Some("1 CANCEL"));
    assert_eq!(cancel.get(header::REASON), Some("SIP;cause=200"));
    l.respond(&cancel, 200, "t", "");
    l.respond(&invite, 487, "t", "");
    l.sent("ACK");
    l.ends();
}

#[test]
fn cancel_while_it_rings_goes_out_at_once_and_once() {
    let mut l = Ladder::new();
    let (session, invite) = l.call();
    l.respond(&invite, 180, "t", "");
    l.event();
    l.endpoint.hangup(session, None, 480, &[], l.now);
    let cancel = l.sent("CANCEL");
    l.respond(&invite, 180, "t", "");
    l.endpoint.hangup(session, None, 480, &[], l.now);
    l.nothing_sent();
    l.timer(500);
    assert_eq!(l.sent("CANCEL"), cancel);
    l.respond(&cancel, 200, "t", "");
    l.respond(&invite, 487, "t", "");
    l.sent("ACK");
    l.ends();
}

#[test]
fn a_200_that_crosses_our_cancel_gets_ack_and_bye() {
    for cancel_sent in [true, false] {
        let mut l = Ladder::new();
        let (session, invite) = l.call();
        if cancel_sent {
            l.respond(&invite, 180, "t", "");
            l.event();
        }
        l.endpoint.hangup(session, None, 480, &[], l.now);
        if cancel_sent {
            let cancel = l.sent("CANCEL");
            l.respond(&cancel, 200, "t", "");
        }
        l.respond(&invite, 200, "t", &with_sdp(SDP));
        let ack = l.sent("ACK");
        let bye = l.sent("BYE");
        assert_eq!(bye.get(header::CSEQ), Some("2 BYE"));
        l.no_event();
        l.respond(&invite, 200, "t", &with_sdp(SDP));
        assert_eq!(l.sent("ACK"), ack);
        l.respond(&bye, 200, "", "");
        l.ends();
    }
}

#[test]
fn a_cancel_that_nobody_answers_ends_after_64_t1() {
    let mut l = Ladder::new();
    let (session, invite) = l.call();
    l.respond(&invite, 180, "t", "");
    l.event();
    l.endpoint.hangup(session, None, 480, &[], l.now);
    l.wait(31_999);
    assert_eq!(l.endpoint.counts().client_transactions, 2);
    l.wait(1);
    for _ in 0..11 {
        l.sent("CANCEL");
    }
    assert!(l.endpoint.is_idle());
    l.respond(&invite, 200, "t", "");
    l.ends();
}

#[test]
fn the_ring_limit_cancels() {
    let mut l = Ladder::new();
    let mut spec = l.spec();
    spec.ring_limit = Some(Duration::from_secs(60));
    let (session, invite) = l.call_by(spec);
    l.respond(&invite, 180, "t", "");
    l.event();
    l.wait(59_999);
    l.no_event();
    l.wait(1);
    assert_eq!(l.event(), Event::Failed { session, status: 408, response: None });
    let cancel = l.sent("CANCEL");
    l.respond(&cancel, 200, "t", "");
    l.respond(&invite, 487, "t", "");
    l.sent("ACK");
    l.ends();
}

#[test]
fn without_a_limit_it_may_ring_for_ever() {
    let mut l = Ladder::new();
    let (session, invite) = l.call();
    l.respond(&invite, 180, "t", "");
    l.event();
    l.wait(86_400_000);
    l.respond(&invite, 200, "t", &with_sdp(SDP));
    l.sent("ACK");
    l.event();
    l.hang_up(session);
    l.ends();
}

#[test]
fn a_callee_that_says_bye_before_it_answers_ends_the_call() {
    let mut l = Ladder::new();
    let (session, invite) = l.call();
    l.respond(&invite, 180, "t", "");
    l.event();
    in_dialog(&mut l, &invite, "BYE", "b", 1, "");
    l.sent("200");
    let cancel = l.sent("CANCEL");
    assert_eq!(l.event(), Event::Ended { session, by: EndedBy::Bye { reason: None } });
    l.respond(&cancel, 200, "t", "");
    l.respond(&invite, 487, "t", "");
    l.sent("ACK");
    l.ends();
}

// ---- challenges ----

#[test]
fn a_challenged_invite_goes_out_again_with_the_next_number() {
    let mut l = Ladder::new();
    let (session, invite) = l.call();
    l.respond(&invite, 407, "p", "Proxy-Authenticate: Digest realm=\"x\"");
    l.sent("ACK");
    let Event::Challenged { session: s, response, request } = l.event() else { panic!() };
    assert_eq!((s, response.status()), (session, Some(407)));
    assert_eq!(*request, invite);
    l.endpoint.retry(session, header::PROXY_AUTHORIZATION, "Digest y", l.now);
    let second = l.sent("INVITE");
    assert_eq!(second.get(header::CSEQ), Some("2 INVITE"));
    assert_eq!(second.get(header::PROXY_AUTHORIZATION), Some("Digest y"));
    assert_eq!(second.call_id(), invite.call_id());
    assert_eq!(second.get(header::FROM), invite.get(header::FROM));
    assert_eq!(second.get(header::TO), Some("<sip:20@192.0.2.9>"));
    assert_eq!(second.items(header::VIA).count(), 1);
    assert_ne!(second.via(), invite.via());
    assert_eq!(second.body, invite.body);
    l.respond(&second, 200, "t", &with_sdp(SDP));
    let ack = l.sent("ACK");
    assert_eq!(ack.get(header::CSEQ), Some("2 ACK"));
    assert_eq!(ack.get(header::PROXY_AUTHORIZATION), Some("Digest y"));
    l.event();
    l.endpoint.hangup(session, None, 480, &[], l.now);
    let bye = l.sent("BYE");
    assert_eq!(bye.get(header::CSEQ), Some("3 BYE"));
    l.respond(&bye, 407, "", "Proxy-Authenticate: Digest realm=\"x\"");
    assert!(matches!(l.event(), Event::Challenged { .. }));
    l.endpoint.retry(session, header::PROXY_AUTHORIZATION, "Digest z", l.now);
    let bye = l.sent("BYE");
    assert_eq!(bye.get(header::CSEQ), Some("4 BYE"));
    assert_eq!(bye.get(header::PROXY_AUTHORIZATION), Some("Digest z"));
    l.respond(&bye, 200, "", "");
    l.ends();
}

#[test]
fn a_challenge_given_up_hung_up_or_left_alone() {
    for (n, wait) in [(0, 0), (1, 0), (2, 32_000)] {
        let mut l = Ladder::new();
        let (session, invite) = l.call();
        l.respond(&invite, 401, "p", "");
        l.sent("ACK");
        l.event();
        match n {
            0 => l.endpoint.give_up(session),
            1 => l.endpoint.hangup(session, None, 480, &[], l.now),
            _ => {}
        }
        l.wait(wait);
        if n != 1 {
            assert!(matches!(l.event(), Event::Failed { status: 401, response: Some(_), .. }));
        }
        l.ends();
    }
}

#[test]
fn challenges_have_an_end() {
    let mut l = Ladder::new();
    let (session, mut invite) = l.call();
    for _ in 0..5 {
        l.respond(&invite, 401, "p", "");
        l.sent("ACK");
        assert!(matches!(l.event(), Event::Challenged { .. }));
        l.endpoint.retry(session, header::AUTHORIZATION, "Digest y", l.now);
        invite = l.sent("INVITE");
    }
    l.respond(&invite, 401, "p", "");
    l.sent("ACK");
    assert!(matches!(l.event(), Event::Failed { status: 401, .. }));
    l.ends();
}

#[test]
fn a_challenged_bye_that_nobody_answers_for() {
    let mut l = Ladder::new();
    let (session, _) = talking(&mut l);
    l.endpoint.hangup(session, None, 480, &[], l.now);
    let bye = l.sent("BYE");
    l.respond(&bye, 401, "", "");
    assert!(matches!(l.event(), Event::Challenged { .. }));
    assert_eq!(l.endpoint.counts().sessions, 1);
    l.ends();
}

// ---- re-INVITE ----

#[test]
fn our_offer_and_its_answer() {
    let mut l = Ladder::new();
    let (session, invite) = l.call();
    assert!(!l.endpoint.reinvite(session, OURS.into(), l.now), "not answered yet");
    l.respond(&invite, 200, "t", &with_sdp(SDP));
    l.sent("ACK");
    l.event();
    assert!(l.endpoint.reinvite(session, b"hold".to_vec(), l.now));
    let reinvite = l.sent("INVITE");
    assert_eq!(reinvite.get(header::CSEQ), Some("2 INVITE"));
    assert_eq!(reinvite.get(header::CONTACT), Some("<sip:tandem@192.0.2.1:5060>"));
    assert!(!l.endpoint.reinvite(session, OURS.into(), l.now), "one at a time");
    l.respond(&reinvite, 200, "", &with_sdp("held"));
    let ack = l.sent("ACK");
    assert_eq!(ack.get(header::CSEQ), Some("2 ACK"));
    assert_eq!(l.event(), Event::Answer { session, sdp: Some(b"held".to_vec()) });
    l.respond(&reinvite, 200, "", &with_sdp("held"));
    assert_eq!(l.sent("ACK"), ack);
    assert!(l.endpoint.reinvite(session, OURS.into(), l.now));
    let reinvite = l.sent("INVITE");
    l.respond(&reinvite, 488, "", "");
    l.sent("ACK");
    assert_eq!(l.event(), Event::OfferRefused { session, status: 488 });
    l.hang_up(session);
    l.ends();
}

#[test]
fn both_offer_at_once() {
    let mut l = Ladder::new();
    let (session, invite) = talking(&mut l);
    assert!(l.endpoint.reinvite(session, b"mine".to_vec(), l.now));
    let mine = l.sent("INVITE");
    in_dialog(&mut l, &invite, "INVITE", "g", 1, &with_sdp(SDP));
    l.sent("491");
    in_dialog(&mut l, &invite, "ACK", "g", 1, "");
    l.respond(&mine, 491, "", "");
    l.sent("ACK");
    l.no_event();
    // The peer's second try comes first: it is the other's turn to wait, and ours follows.
    in_dialog(&mut l, &invite, "INVITE", "h", 2, &with_sdp(SDP));
    assert!(matches!(l.event(), Event::Offer { .. }));
    l.wait(10_000);
    l.sent("100");
    l.nothing_sent();
    l.endpoint.answer(session, OURS.into(), l.now);
    l.sent("200");
    in_dialog(&mut l, &invite, "ACK", "ha", 2, "");
    assert!(matches!(l.event(), Event::Acked { .. }));
    l.wait(500);
    let again = l.sent("INVITE");
    assert_eq!((again.body.as_slice(), again.get(header::CSEQ)), (b"mine".as_slice(), Some("3 INVITE")));
    l.respond(&again, 200, "", &with_sdp(SDP));
    l.sent("ACK");
    assert!(matches!(l.event(), Event::Answer { .. }));
    l.hang_up(session);
    l.ends();
}

#[test]
fn who_made_the_call_waits_longer_after_491_and_not_for_ever() {
    let mut l = Ladder::new();
    let (session, _) = talking(&mut l);
    assert!(l.endpoint.reinvite(session, b"mine".to_vec(), l.now));
    for n in 0..5 {
        let mine = l.sent("INVITE");
        l.respond(&mine, 491, "", "");
        l.sent("ACK");
        if n < 4 {
            l.wait(2_099);
            l.nothing_sent();
            let next = l.endpoint.poll_timeout().unwrap().since(l.now);
            assert!(next <= Duration::from_millis(1_901), "{next:?}");
            l.wait(u64::try_from(next.as_millis()).unwrap());
        }
    }
    assert_eq!(l.event(), Event::OfferRefused { session, status: 491 });
    l.hang_up(session);
    l.ends();
}

#[test]
fn a_peer_that_lost_the_dialog_ends_it() {
    for status in [481, 408, 0] {
        let mut l = Ladder::new();
        let (session, _) = talking(&mut l);
        assert!(l.endpoint.reinvite(session, OURS.into(), l.now));
        let reinvite = l.sent("INVITE");
        if status == 0 {
            l.wait(32_000);
            for _ in 0..6 {
                l.sent("INVITE");
            }
        } else {
            l.respond(&reinvite, status, "", "");
            l.sent("ACK");
        }
        assert_eq!(l.event(), Event::Ended { session, by: EndedBy::Timeout });
        let bye = l.sent("BYE");
        l.respond(&bye, 481, "", "");
        l.ends();
    }
}

#[test]
fn a_challenged_reinvite() {
    let mut l = Ladder::new();
    let (session, _) = talking(&mut l);
    assert!(l.endpoint.reinvite(session, OURS.into(), l.now));
    let reinvite = l.sent("INVITE");
    l.respond(&reinvite, 401, "", "");
    l.sent("ACK");
    assert!(matches!(l.event(), Event::Challenged { .. }));
    l.endpoint.retry(session, header::AUTHORIZATION, "Digest y", l.now);
    let second = l.sent("INVITE");
    assert_eq!(second.get(header::CSEQ), Some("3 INVITE"));
    l.respond(&second, 401, "", "");
    l.sent("ACK");
    l.event();
    l.endpoint.give_up(session);
    assert_eq!(l.event(), Event::OfferRefused { session, status: 401 });
    l.endpoint.hangup(session, None, 480, &[], l.now);
    let bye = l.sent("BYE");
    assert_eq!(bye.get(header::CSEQ), Some("4 BYE"));
    l.respond(&bye, 200, "", "");
    l.ends();
}

#[test]
fn a_reinvite_that_is_answered_when_all_is_over_gets_its_ack() {
    let mut l = Ladder::new();
    let (session, _) = talking(&mut l);
    assert!(l.endpoint.reinvite(session, OURS.into(), l.now));
    let reinvite = l.sent("INVITE");
    l.hang_up(session);
    l.respond(&reinvite, 200, "", &with_sdp(SDP));
    let ack = l.sent("ACK");
    assert_eq!(ack.get(header::CSEQ), Some("2 ACK"));
    l.ends();
}

#[test]
fn the_peer_may_move() {
    let mut l = Ladder::new();
    let (session, invite) = talking(&mut l);
    let moved = with_sdp(SDP).replace("Content-Type", "Contact: <sip:20@192.0.2.77>\nContent-Type");
    // A second Contact line stands behind the first: the request below has one of its own.
    let text = format!(
        "INVITE sip:tandem@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKm\nFrom: {};tag=t\nTo: {}\n\
         Call-ID: {}\nCSeq: 1 INVITE\n{moved}",
        invite.get(header::TO).unwrap(),
        invite.get(header::FROM).unwrap(),
        invite.call_id().unwrap(),
    );
    l.recv(&text);
    l.event();
    l.endpoint.answer(session, OURS.into(), l.now);
    l.sent("200");
    in_dialog(&mut l, &invite, "ACK", "ma", 1, "");
    l.event();
    l.endpoint.hangup(session, None, 480, &[], l.now);
    let bye = l.sent("BYE");
    assert_eq!(bye.uri().unwrap().to_string(), "sip:20@192.0.2.77");
    l.respond(&bye, 200, "", "");
    l.ends();
}

// ---- the way ----

#[test]
fn a_bye_that_nobody_answers_leaves_nothing() {
    let mut l = Ladder::new();
    let (session, _) = talking(&mut l);
    l.endpoint.hangup(session, None, 480, &[], l.now);
    l.wait(31_999);
    for _ in 0..11 {
        l.sent("BYE");
    }
    assert_eq!(l.endpoint.counts().sessions, 1);
    l.wait(1);
    assert_eq!(l.endpoint.counts().sessions, 0);
    l.ends();
}

#[test]
fn what_can_not_be_sent_fails_at_once() {
    let mut l = Ladder::tcp();
    let (session, _) = l.call();
    l.endpoint.handle_flow_closed(1, l.now);
    assert_eq!(l.event(), Event::Failed { session, status: 503, response: None });
    l.ends();

    let mut l = Ladder::new();
    let (session, _) = l.call();
    l.endpoint.handle_flow_closed(1, l.now);
    l.no_event();
    l.endpoint.handle_send_failed(l.flow, l.now);
    assert_eq!(l.event(), Event::Failed { session, status: 503, response: None });
    l.ends();
}

#[test]
fn on_tcp_nothing_is_sent_twice() {
    let mut l = Ladder::tcp();
    let (session, invite) = l.call();
    l.wait(10_000);
    l.nothing_sent();
    l.respond(&invite, 180, "t", "");
    l.event();
    l.respond(&invite, 200, "t", &with_sdp(SDP));
    l.sent("ACK");
    l.event();
    l.endpoint.hangup(session, None, 480, &[], l.now);
    let bye = l.sent("BYE");
    l.wait(20_000);
    l.nothing_sent();
    l.respond(&bye, 200, "", "");
    l.ends();
}

// ---- outside of sessions ----

fn options() -> Message {
    let uri = Uri::parse("sip:20@192.0.2.9").unwrap();
    let mut request = Message::request(Method::Options, uri.clone());
    request.push(header::FROM, Address::new(Uri::parse("sip:192.0.2.1").unwrap()).to_string());
    request.push(header::TO, Address::new(uri).to_string());
    request
}

fn ask(l: &mut Ladder) -> (ClientId, Message) {
    let id = l.endpoint.send(l.flow, options(), l.now).unwrap();
    (id, l.sent("OPTIONS"))
}

#[test]
fn a_question_and_its_answer() {
    let mut l = Ladder::new();
    let (id, request) = ask(&mut l);
    assert!(request.call_id().is_some() && request.from().unwrap().tag().is_some());
    assert_eq!(request.get(header::USER_AGENT), Some("tandem"));
    l.timer(500);
    assert_eq!(l.sent("OPTIONS"), request);
    l.respond(&request, 401, "t", "");
    assert!(
        matches!(l.event(), Event::Response { id: i, response, .. } if i == id && response.status() == Some(401))
    );
    l.respond(&request, 401, "t", "");
    l.ends();
}

#[test]
fn a_question_without_an_answer() {
    let mut l = Ladder::new();
    let (id, _) = ask(&mut l);
    l.wait(32_000);
    assert_eq!(l.event(), Event::NoResponse { id, why: Why::Timeout });
    for _ in 0..10 {
        l.sent("OPTIONS");
    }
    l.ends();
    let mut l = Ladder::tcp();
    let (id, _) = ask(&mut l);
    l.endpoint.handle_flow_closed(1, l.now);
    assert_eq!(l.event(), Event::NoResponse { id, why: Why::Transport });
    l.ends();
}

#[test]
fn a_response_that_is_not_for_us_is_counted() {
    let mut l = Ladder::new();
    let (_, request) = ask(&mut l);
    let mut foreign = request.clone();
    foreign.push(header::VIA, "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx");
    l.respond(&foreign, 200, "t", "");
    let mut foreign = request.clone();
    foreign.set(header::VIA, "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx");
    l.respond(&foreign, 200, "t", "");
    assert_eq!(l.endpoint.counts().stray, 2);
    l.respond(&request, 200, "t", "");
    assert!(matches!(l.event(), Event::Response { .. }));
    l.ends();
}
