//! Session timers (RFC 4028): who refreshes, how, and what happens when nobody does.
use super::ladder::{Ladder, OURS, SDP, to_tag, with_sdp};
use crate::sip::endpoint::{EndedBy, Event, SessionId};
use crate::wire::sip::{Method, header};

/// We call; the peer's 200 says this of the timer.
fn called(l: &mut Ladder, rest: &str) -> SessionId {
    let (session, invite) = l.call();
    assert_eq!(invite.get(header::SESSION_EXPIRES), Some("1800"));
    assert!(invite.get(header::SUPPORTED).unwrap().contains("timer"));
    l.respond(&invite, 200, "t", &format!("{rest}{}", with_sdp(SDP)));
    l.sent("ACK");
    l.event();
    // Behind the transaction of the INVITE.
    l.wait(32_000);
    session
}

/// The peer calls; what our 200 says of the timer.
fn answered(l: &mut Ladder, rest: &str) -> (SessionId, String, Option<String>) {
    l.request("INVITE", "i", 1, "", &format!("{rest}{}", with_sdp(SDP)));
    let Event::Invite { session, .. } = l.event() else { panic!() };
    l.endpoint.accept(session, OURS.into(), l.now);
    let ok = l.sent("200");
    let tag = to_tag(&ok);
    assert_eq!(
        ok.get(header::REQUIRE).is_some(),
        ok.get(header::SESSION_EXPIRES).is_some_and(|s| s.ends_with("uac"))
    );
    l.request("ACK", "a", 1, &tag, "");
    l.event();
    l.wait(32_000);
    (session, tag, ok.get(header::SESSION_EXPIRES).map(str::to_owned))
}

/// The next timer is the session's, so many ms from now, and ends it.
fn runs_out(l: &mut Ladder, session: SessionId, ms: u64) {
    l.timer(ms);
    let bye = l.sent("BYE");
    assert_eq!(l.event(), Event::Ended { session, by: EndedBy::Timeout });
    l.respond(&bye, 200, "", "");
}

#[test]
fn we_refresh_by_update_where_the_peer_has_it() {
    let mut l = Ladder::new();
    let session = called(&mut l, "Session-Expires: 1800;refresher=uac\nAllow: INVITE, UPDATE\n");
    for _ in 0..3 {
        // Half of 1,800 s, of which 32 s are over.
        l.timer(868_000);
        let update = l.sent("UPDATE");
        assert_eq!(update.get(header::SESSION_EXPIRES), Some("1800;refresher=uac"));
        assert!(update.body.is_empty());
        l.respond(&update, 200, "", "Session-Expires: 1800;refresher=uac\n");
        l.wait(32_000);
    }
    l.no_event();
    l.hang_up(session);
    l.ends();
}

#[test]
fn we_refresh_by_invite_where_it_has_not() {
    let mut l = Ladder::new();
    let session = called(&mut l, "Session-Expires: 1000;refresher=uac\n");
    l.timer(468_000);
    let invite = l.sent("INVITE");
    assert_eq!(invite.body, OURS.as_bytes(), "the very description that it knows");
    assert_eq!(invite.get(header::SESSION_EXPIRES), Some("1000;refresher=uac"));
    l.respond(&invite, 200, "", &format!("Session-Expires: 1000;refresher=uac\n{}", with_sdp(SDP)));
    l.sent("ACK");
    l.no_event();
    l.hang_up(session);
    l.ends();
}

#[test]
fn an_update_that_is_refused_after_all_becomes_an_invite() {
    let mut l = Ladder::new();
    let session = called(&mut l, "Session-Expires: 1800;refresher=uac\nAllow: UPDATE\n");
    l.timer(868_000);
    let update = l.sent("UPDATE");
    l.respond(&update, 501, "", "");
    let invite = l.sent("INVITE");
    l.respond(&invite, 500, "", "");
    l.sent("ACK");
    l.no_event();
    l.wait(10_000);
    let invite = l.sent("INVITE");
    l.respond(&invite, 200, "", "Session-Expires: 1800;refresher=uac\n");
    l.sent("ACK");
    l.hang_up(session);
    l.ends();
}

#[test]
fn a_peer_that_does_not_refresh_is_gone() {
    // Min(32 s, a third) before the end.
    for (interval, at) in [(1_800, 1_768), (96, 64), (90, 60)] {
        let mut l = Ladder::new();
        let session = called(&mut l, &format!("Session-Expires: {interval};refresher=uas\n"));
        runs_out(&mut l, session, (at - 32) * 1_000);
        l.ends();
    }
}

#[test]
fn our_refresh_that_nobody_takes_ends_the_call() {
    for status in [None, Some(481), Some(408)] {
        let mut l = Ladder::new();
        let session = called(&mut l, "Session-Expires: 1800;refresher=uac\nAllow: UPDATE\n");
        l.timer(868_000);
        let update = l.sent("UPDATE");
        match status {
            Some(status) => l.respond(&update, status, "", ""),
            None => {
                l.wait(31_999);
                while l.sent_any().is_some() {}
                l.no_event();
                l.wait(1);
            }
        }
        let bye = l.sent("BYE");
        assert_eq!(l.event(), Event::Ended { session, by: EndedBy::Timeout });
        l.respond(&bye, 200, "", "");
        l.ends();
    }
}

#[test]
fn a_refresh_that_is_put_off_until_it_is_too_late() {
    let mut l = Ladder::new();
    let session = called(&mut l, "Session-Expires: 200;refresher=uac\nAllow: UPDATE\n");
    l.timer(68_000);
    for _ in 0..6 {
        let update = l.sent("UPDATE");
        l.respond(&update, 503, "", "");
        l.wait(10_000);
    }
    l.sent("UPDATE");
    l.wait(7_999);
    l.no_event();
    while l.sent_any().is_some_and(|m| m.method().is_some_and(|m| m.name() == "UPDATE")) {}
    l.wait(1);
    let bye = l.sent("BYE");
    assert_eq!(l.event(), Event::Ended { session, by: EndedBy::Timeout });
    l.respond(&bye, 200, "", "");
    l.wait(32_000);
    while l.sent_any().is_some() {}
    l.ends();
}

#[test]
fn a_challenged_refresh() {
    let mut l = Ladder::new();
    let session = called(&mut l, "Session-Expires: 1800;refresher=uac\nAllow: UPDATE\n");
    l.timer(868_000);
    let update = l.sent("UPDATE");
    l.respond(&update, 407, "", "");
    assert!(matches!(l.event(), Event::Challenged { .. }));
    l.endpoint.retry(session, "Proxy-Authorization", "x", l.now);
    let again = l.sent("UPDATE");
    assert_eq!(again.cseq().unwrap().number, update.cseq().unwrap().number + 1);
    assert_eq!(again.get(header::PROXY_AUTHORIZATION), Some("x"));
    l.respond(&again, 200, "", "Session-Expires: 1800;refresher=uas\n");
    // From now on it is the peer's turn.
    l.wait(32_000);
    runs_out(&mut l, session, 1_736_000);
    l.ends();
}

#[test]
fn a_call_with_too_short_an_interval_is_made_again() {
    let mut l = Ladder::new();
    let (session, invite) = l.call();
    l.respond(&invite, 422, "t", "Min-SE: 3600\n");
    l.sent("ACK");
    l.no_event();
    let again = l.sent("INVITE");
    assert_eq!((again.get(header::SESSION_EXPIRES), again.get(header::MIN_SE)), (Some("3600"), Some("3600")));
    assert_eq!((again.call_id(), again.get(header::FROM)), (invite.call_id(), invite.get(header::FROM)));
    assert_eq!(again.cseq().unwrap().number, 2);
    assert_eq!(again.body, invite.body);
    // The same once more says nothing new.
    l.respond(&again, 422, "t", "Min-SE: 3600\n");
    l.sent("ACK");
    assert!(matches!(l.event(), Event::Failed { session: s, status: 422, .. } if s == session));
    l.ends();
}

#[test]
fn a_refresh_with_too_short_an_interval_goes_out_again() {
    let mut l = Ladder::new();
    let session = called(&mut l, "Session-Expires: 100;refresher=uac\nAllow: UPDATE\n");
    l.timer(18_000);
    let update = l.sent("UPDATE");
    l.respond(&update, 422, "", "Min-SE: 300\n");
    let update = l.sent("UPDATE");
    assert_eq!(
        (update.get(header::SESSION_EXPIRES), update.get(header::MIN_SE)),
        (Some("300;refresher=uac"), Some("300"))
    );
    l.respond(&update, 200, "", "Session-Expires: 300;refresher=uac\n");
    l.hang_up(session);
    l.ends();
}

#[test]
fn what_our_200_says() {
    for (request, want) in [
        ("", None),
        ("Supported: timer\n", Some("1800;refresher=uac")),
        ("Supported: timer\nMin-SE: 4000\n", Some("4000;refresher=uac")),
        ("k: x, Timer\nx: 90\n", Some("90;refresher=uac")),
        ("Supported: timer\nSession-Expires: 600;refresher=uas\n", Some("600;refresher=uas")),
        ("Supported: timer\nSession-Expires: 600 ; Refresher=UAC\n", Some("600;refresher=uac")),
        // A proxy wants it, and the caller can't.
        ("Session-Expires: 600\n", Some("600;refresher=uas")),
        ("Session-Expires: 5\n", None),
        ("Session-Expires: x\n", None),
        ("Require: timer\nSupported: timer\nSession-Expires: 600\n", Some("600;refresher=uac")),
    ] {
        let mut l = Ladder::new();
        let (session, _, got) = answered(&mut l, request);
        assert_eq!(got.as_deref(), want, "{request}");
        l.hang_up(session);
        l.ends();
    }
}

#[test]
fn too_short_for_us() {
    let mut l = Ladder::new();
    l.request("INVITE", "i", 1, "", "Supported: timer\nSession-Expires: 89\n");
    let refused = l.sent("422");
    assert_eq!(refused.get(header::MIN_SE), Some("90"));
    l.request("ACK", "i", 1, &to_tag(&refused), "");
    l.ends();
    let mut l = Ladder::new();
    let (session, tag, _) = answered(&mut l, "Supported: timer\nX-Try: 2\n");
    for method in ["INVITE", "UPDATE"] {
        l.request(method, &format!("s{method}"), 2, &tag, "Supported: timer\nSession-Expires: 60\n");
        l.sent("422");
        l.request("ACK", "sINVITE", 2, &tag, "");
    }
    l.hang_up(session);
    l.ends();
}

#[test]
fn a_caller_that_does_not_refresh_is_gone_and_one_that_does_is_not() {
    let mut l = Ladder::new();
    let (session, tag, _) = answered(&mut l, "Supported: timer\nSession-Expires: 300;refresher=uac\n");
    for n in 0..3 {
        l.wait(200_000);
        let refresh = "Supported: timer\nSession-Expires: 300;refresher=uac\n";
        l.request("UPDATE", &format!("u{n}"), 2 + n, &tag, refresh);
        assert_eq!(l.sent("200").get(header::SESSION_EXPIRES), Some("300;refresher=uac"));
    }
    l.wait(32_000);
    runs_out(&mut l, session, (300 - 32 - 32) * 1_000);
    l.ends();
}

#[test]
fn we_refresh_for_a_caller_that_can_not() {
    let mut l = Ladder::new();
    let (session, _, _) = answered(&mut l, "Session-Expires: 300\n");
    l.timer(118_000);
    let invite = l.sent("INVITE");
    assert_eq!(
        (invite.get(header::SESSION_EXPIRES), &*invite.body),
        (Some("300;refresher=uac"), OURS.as_bytes())
    );
    l.respond(&invite, 200, "", &with_sdp(SDP));
    l.sent("ACK");
    // It said nothing of an interval: it is asked by ours from now on.
    l.wait(32_000);
    l.timer(868_000);
    asked(&mut l, 200);
    l.hang_up(session);
    l.ends();
}

/// The peer is asked whether it is there, and answers.
fn asked(l: &mut Ladder, status: u16) {
    let invite = l.sent("INVITE");
    assert_eq!(invite.body, OURS.as_bytes());
    l.respond(&invite, status, "", &if status == 200 { with_sdp(SDP) } else { String::new() });
    l.sent("ACK");
    l.no_event();
    l.wait(32_000);
}

#[test]
fn who_knows_no_timer_is_asked_and_any_answer_keeps_the_call() {
    for is_ours in [true, false] {
        let mut l = Ladder::new();
        let session = if is_ours { called(&mut l, "") } else { answered(&mut l, "Supported: replaces\n").0 };
        for status in [200, 488, 500, 200] {
            l.timer(868_000);
            asked(&mut l, status);
        }
        l.hang_up(session);
        l.ends();
    }
}

#[test]
fn who_knows_no_timer_and_is_gone_is_hung_up_on() {
    for is_gone in [true, false] {
        let mut l = Ladder::new();
        let session = called(&mut l, "");
        l.timer(868_000);
        let invite = l.sent("INVITE");
        if is_gone {
            l.wait(32_000);
        } else {
            // Started anew, and knows nothing of a call.
            l.respond(&invite, 481, "", "");
            l.sent("ACK");
        }
        let sent = std::iter::from_fn(|| l.sent_any());
        let bye = sent.last().filter(|m| m.method() == Some(&Method::Bye)).unwrap();
        assert_eq!(l.event(), Event::Ended { session, by: EndedBy::Timeout });
        l.respond(&bye, 200, "", "");
        l.wait(32_000);
        l.ends();
    }
}

/// Nobody knows the password: it is there nevertheless.
#[test]
fn who_knows_no_timer_and_wants_a_password_stays() {
    let mut l = Ladder::new();
    let session = called(&mut l, "Allow: INVITE, UPDATE\n");
    for _ in 0..3 {
        l.timer(868_000);
        let update = l.sent("UPDATE");
        l.respond(&update, 407, "", "Proxy-Authenticate: Digest realm=\"a\", nonce=\"b\"\n");
        let Event::Challenged { .. } = l.event() else { panic!() };
        l.endpoint.give_up(session);
        l.wait(1_800_000 - 32_000 - 900_000);
        l.no_event();
        l.wait(32_000);
    }
    l.hang_up(session);
    l.ends();
}
