//! The peer calls: every way in which that can go wrong.
use super::ladder::{Ladder, OURS, SDP, to_tag, with_sdp};
use crate::sip::endpoint::{EndedBy, Event, SessionId};
use crate::wire::dtmf::Key;
use crate::wire::sip::header;
use std::time::Duration;

/// Accepted; the ACK has not come. The session and our tag.
fn accepted(l: &mut Ladder) -> (SessionId, String) {
    let session = l.invited();
    l.endpoint.accept(session, OURS.into(), l.now);
    let ok = l.sent("200");
    (session, to_tag(&ok))
}

/// In the middle of the call.
fn talking(l: &mut Ladder) -> (SessionId, String) {
    let (session, tag) = accepted(l);
    l.request("ACK", "a", 1, &tag, "");
    assert_eq!(l.event(), Event::Acked { session, sdp: None });
    (session, tag)
}

// ---- INVITE ----

#[test]
fn an_owner_who_thinks_gets_100_sent() {
    let mut l = Ladder::new();
    let session = l.invited();
    l.nothing_sent();
    l.timer(200);
    let trying = l.sent("100");
    assert_eq!(trying.to().unwrap().tag(), None);
    l.endpoint.reject(session, 404, &[], l.now);
    let refused = l.sent("404");
    l.request("ACK", "i", 1, &to_tag(&refused), "");
    l.ends();
}

#[test]
fn a_doubled_invite_is_one_session() {
    let mut l = Ladder::new();
    let session = l.invited();
    l.request("INVITE", "i", 1, "", &with_sdp(SDP));
    l.sent("100");
    l.endpoint.ring(session, 180, None, l.now);
    let first = l.sent("180");
    l.request("INVITE", "i", 1, "", &with_sdp(SDP));
    assert_eq!(l.sent("180"), first);
    l.endpoint.reject(session, 486, &[], l.now);
    let first = l.sent("486");
    l.request("INVITE", "i", 1, "", &with_sdp(SDP));
    assert_eq!(l.sent("486"), first, "again after the final answer");
    l.request("ACK", "i", 1, &to_tag(&first), "");
    l.request("INVITE", "i", 1, "", &with_sdp(SDP));
    l.ends();
}

#[test]
fn after_our_200_a_doubled_invite_is_absorbed() {
    let mut l = Ladder::new();
    let (_, tag) = accepted(&mut l);
    l.request("INVITE", "i", 1, "", &with_sdp(SDP));
    l.nothing_sent();
    l.request("ACK", "a", 1, &tag, "");
    l.event();
    l.request("INVITE", "i", 1, "", &with_sdp(SDP));
    l.nothing_sent();
    l.request("BYE", "b", 2, &tag, "");
    l.sent("200");
    l.event();
    l.ends();
}

#[test]
fn the_same_invite_by_another_way_is_merged() {
    let mut l = Ladder::new();
    let session = l.invited();
    l.request("INVITE", "other", 1, "", &with_sdp(SDP));
    let merged = l.sent("482");
    l.request("ACK", "other", 1, &to_tag(&merged), "");
    l.endpoint.reject(session, 486, &[], l.now);
    let busy = l.sent("486");
    l.request("ACK", "i", 1, &to_tag(&busy), "");
    l.ends();
}

#[test]
fn a_refusal_is_repeated_until_its_ack() {
    let mut l = Ladder::new();
    let session = l.invited();
    l.endpoint.reject(session, 486, &[(header::REASON, "Q.850;cause=17".into())], l.now);
    assert_eq!(l.sent("486").get(header::REASON), Some("Q.850;cause=17"));
    l.timer(500);
    l.sent("486");
    l.timer(1_000);
    let busy = l.sent("486");
    l.request("ACK", "i", 1, &to_tag(&busy), "");
    l.wait(4_000);
    l.ends();
}

#[test]
fn a_challenged_caller_comes_again() {
    let mut l = Ladder::new();
    l.request("INVITE", "i", 1, "", &with_sdp(SDP));
    let Event::Invite { session, request, .. } = l.event() else { panic!() };
    let mut challenge = l.endpoint.response_to(&request, 401);
    challenge.push(header::WWW_AUTHENTICATE, "Digest realm=\"x\", nonce=\"y\"");
    l.endpoint.challenge(session, challenge, l.now);
    let refused = l.sent("401");
    assert!(refused.get(header::WWW_AUTHENTICATE).is_some());
    l.request("ACK", "i", 1, &to_tag(&refused), "");
    l.request("INVITE", "j", 2, "", &format!("Authorization: Digest x\n{}", with_sdp(SDP)));
    let Event::Invite { session: second, .. } = l.event() else { panic!() };
    assert_ne!(session, second);
    l.endpoint.reject(second, 603, &[], l.now);
    let refused = l.sent("603");
    l.request("ACK", "j", 2, &to_tag(&refused), "");
    l.ends();
}

#[test]
fn a_phone_that_keeps_its_cseq_after_a_challenge_is_no_loop() {
    let mut l = Ladder::new();
    let first = l.invited();
    l.endpoint.reject(first, 401, &[], l.now);
    let refused = l.sent("401");
    l.request("ACK", "i", 1, &to_tag(&refused), "");
    l.request("INVITE", "j", 1, "", &with_sdp(SDP));
    let Event::Invite { session, .. } = l.event() else { panic!() };
    l.endpoint.reject(session, 603, &[], l.now);
    let refused = l.sent("603");
    l.request("ACK", "j", 1, &to_tag(&refused), "");
    l.ends();
}

#[test]
fn what_an_invite_must_have() {
    for (rest, status, why) in [
        ("Require: 100rel, x-foo\n", "420", "an extension that we don't have"),
        ("Content-Type: text/plain\n\nhello", "415", "a body that is no session description"),
        ("Content-Type: application/sdp\nContent-Encoding: gzip\n\nxx", "415", "a body that is packed"),
    ] {
        let mut l = Ladder::new();
        l.request("INVITE", "i", 1, "", rest);
        let refused = l.sent(status);
        if status == "420" {
            assert_eq!(refused.get(header::UNSUPPORTED), Some("x-foo"), "{why}");
        }
        l.request("ACK", "i", 1, &to_tag(&refused), "");
        l.ends();
    }
}

#[test]
fn an_invite_without_contact_or_with_no_hops_left_is_refused() {
    let head = "INVITE sip:20@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKi\n\
        From: <sip:10@a>;tag=theirs\nTo: <sip:20@a>\nCall-ID: call\nCSeq: 1 INVITE\n";
    for (rest, status) in [("\n", "400"), ("Contact: <sip:10@192.0.2.9>\nMax-Forwards: 0\n\n", "483")] {
        let mut l = Ladder::new();
        l.recv(&format!("{head}{rest}"));
        let refused = l.sent(status);
        l.request("ACK", "i", 1, &to_tag(&refused), "");
        l.ends();
    }
}

#[test]
fn a_late_offer_is_answered_in_the_ack() {
    let mut l = Ladder::new();
    l.request("INVITE", "i", 1, "", "");
    let Event::Invite { session, .. } = l.event() else { panic!() };
    l.endpoint.accept(session, OURS.into(), l.now);
    let ok = l.sent("200");
    assert_eq!(ok.body, OURS.as_bytes());
    l.request("ACK", "a", 1, &to_tag(&ok), &with_sdp(SDP));
    assert_eq!(l.event(), Event::Acked { session, sdp: Some(SDP.into()) });
    l.request("BYE", "b", 2, &to_tag(&ok), "");
    l.sent("200");
    l.event();
    l.ends();
}

// ---- 200 and its ACK ----

#[test]
fn our_200_is_repeated_until_its_ack() {
    for mut l in [Ladder::new(), Ladder::tcp()] {
        let (session, tag) = accepted(&mut l);
        l.timer(500);
        l.sent("200");
        l.timer(1_000);
        l.sent("200");
        l.timer(2_000);
        l.sent("200");
        l.request("ACK", "a", 1, &tag, "");
        assert_eq!(l.event(), Event::Acked { session, sdp: None });
        l.wait(60_000);
        l.nothing_sent();
        l.request("BYE", "b", 2, &tag, "");
        l.sent("200");
        l.event();
        l.ends();
    }
}

#[test]
fn the_ack_for_a_200_is_known_by_its_dialog_and_number_never_by_its_branch() {
    let mut l = Ladder::new();
    let (session, tag) = accepted(&mut l);
    for (call, number, to_tag, why) in [
        ("call", 2, tag.as_str(), "another CSeq"),
        ("call", 1, "wrong", "another dialog"),
        ("other", 1, tag.as_str(), "another call"),
    ] {
        l.recv(&format!(
            "ACK sip:20@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKi\n\
             From: <sip:10@192.0.2.1>;tag=theirs\nTo: <sip:20@192.0.2.1>;tag={to_tag}\nCall-ID: {call}\n\
             CSeq: {number} ACK\n\n"
        ));
        l.no_event();
        assert!(l.endpoint.counts().stray > 0, "{why}");
    }
    l.timer(500);
    l.sent("200");
    // The INVITE's own branch, as RFC 2543 had it, does no harm.
    l.request("ACK", "i", 1, &tag, "");
    assert_eq!(l.event(), Event::Acked { session, sdp: None });
    l.request("ACK", "z", 1, &tag, "");
    l.request("BYE", "b", 2, &tag, "");
    l.sent("200");
    l.event();
    l.ends();
}

#[test]
fn a_200_that_nobody_acknowledges_ends_with_bye() {
    let mut l = Ladder::new();
    let (session, _) = accepted(&mut l);
    l.wait(31_999);
    for _ in 0..10 {
        l.sent("200");
    }
    l.nothing_sent();
    l.wait(1);
    assert_eq!(l.event(), Event::Ended { session, by: EndedBy::NoAck });
    let bye = l.sent("BYE");
    l.respond(&bye, 200, "", "");
    l.ends();
}

#[test]
fn hanging_up_before_the_ack_waits_for_it() {
    let mut l = Ladder::new();
    let (session, tag) = accepted(&mut l);
    l.endpoint.hangup(session, None, 480, &[], l.now);
    l.nothing_sent();
    l.timer(500);
    l.sent("200");
    l.request("ACK", "a", 1, &tag, "");
    let bye = l.sent("BYE");
    l.endpoint.hangup(session, None, 480, &[], l.now);
    l.respond(&bye, 200, "", "");
    l.ends();
}

#[test]
fn hanging_up_without_ever_an_ack() {
    let mut l = Ladder::new();
    let (session, _) = accepted(&mut l);
    l.endpoint.hangup(session, None, 480, &[], l.now);
    l.wait(31_999);
    for _ in 0..10 {
        l.sent("200");
    }
    l.wait(1);
    let bye = l.sent("BYE");
    l.respond(&bye, 481, "", "");
    l.ends();
}

#[test]
fn a_bye_before_its_ack_ends_the_200() {
    let mut l = Ladder::new();
    let (session, tag) = accepted(&mut l);
    l.request("BYE", "b", 2, &tag, "");
    l.sent("200");
    assert_eq!(l.event(), Event::Ended { session, by: EndedBy::Bye { reason: None } });
    l.request("ACK", "a", 1, &tag, "");
    l.ends();
}

// ---- CANCEL ----

#[test]
fn cancel_in_every_phase_before_the_answer() {
    for ringing in [None, Some(180), Some(183)] {
        let mut l = Ladder::new();
        let session = l.invited();
        if let Some(status) = ringing {
            l.endpoint.ring(session, status, None, l.now);
            l.sent(&status.to_string());
        }
        l.request("CANCEL", "i", 1, "", "Reason: SIP;cause=200\n");
        let ok = l.sent("200");
        let terminated = l.sent("487");
        assert_eq!(to_tag(&ok), to_tag(&terminated));
        assert_eq!(l.event(), Event::Cancelled { session, reason: Some("SIP;cause=200".into()) });
        l.request("CANCEL", "i", 1, "", "");
        l.sent("200");
        l.endpoint.accept(session, OURS.into(), l.now);
        l.endpoint.hangup(session, None, 480, &[], l.now);
        l.nothing_sent();
        l.timer(500);
        l.sent("487");
        l.request("ACK", "i", 1, &to_tag(&terminated), "");
        l.ends();
    }
}

#[test]
fn cancel_that_crosses_our_200_changes_nothing() {
    let mut l = Ladder::new();
    let (session, tag) = accepted(&mut l);
    l.request("CANCEL", "i", 1, "", "");
    l.sent("200");
    l.no_event();
    l.request("ACK", "a", 1, &tag, "");
    assert_eq!(l.event(), Event::Acked { session, sdp: None });
    l.request("BYE", "b", 2, &tag, "");
    l.sent("200");
    l.event();
    l.ends();
}

#[test]
fn cancel_for_nothing() {
    let mut l = Ladder::new();
    l.request("CANCEL", "unknown", 1, "", "");
    l.sent("481");
    l.ends();
}

#[test]
fn a_caller_may_say_bye_in_place_of_cancel() {
    let mut l = Ladder::new();
    let session = l.invited();
    l.endpoint.ring(session, 180, None, l.now);
    let tag = to_tag(&l.sent("180"));
    l.request("BYE", "b", 2, &tag, "");
    l.sent("200");
    l.sent("487");
    assert_eq!(l.event(), Event::Cancelled { session, reason: None });
    l.request("ACK", "i", 1, &tag, "");
    l.ends();
}

#[test]
fn a_caller_of_rfc_2543_is_followed() {
    let mut l = Ladder::new();
    let message = |method: &str, tag: &str| {
        format!(
            "{method} sip:20@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.9;branch=7\nFrom: <sip:10@a>;tag=theirs\n\
             To: <sip:20@a>{tag}\nCall-ID: old\nCSeq: 1 {method}\nContact: <sip:10@192.0.2.9>\n\n"
        )
    };
    l.recv(&message("INVITE", ""));
    let Event::Invite { session, .. } = l.event() else { panic!() };
    l.recv(&message("INVITE", ""));
    l.sent("100");
    l.recv(&message("CANCEL", ""));
    l.sent("200");
    let terminated = l.sent("487");
    assert_eq!(l.event(), Event::Cancelled { session, reason: None });
    l.recv(&message("ACK", &format!(";tag={}", to_tag(&terminated))));
    l.ends();
}

// ---- in the dialog ----

#[test]
fn bye_crosses_bye() {
    let mut l = Ladder::new();
    let (session, tag) = talking(&mut l);
    l.endpoint.hangup(session, None, 480, &[], l.now);
    let bye = l.sent("BYE");
    l.request("BYE", "b", 2, &tag, "");
    l.sent("200");
    l.request("BYE", "b", 2, &tag, "");
    l.sent("200");
    l.respond(&bye, 481, "", "");
    l.ends();
}

#[test]
fn requests_of_no_dialog_or_out_of_order() {
    let mut l = Ladder::new();
    let (_, tag) = talking(&mut l);
    l.request("BYE", "x", 9, "unknown", "");
    l.sent("481");
    l.request("OPTIONS", "o", 8, &tag, "");
    l.sent("200");
    l.request("OPTIONS", "p", 7, &tag, "");
    l.sent("500");
    l.request("BYE", "b", 20, &tag, "");
    l.sent("200");
    l.event();
    l.request("BYE", "c", 21, &tag, "");
    l.sent("481");
    l.ends();
}

#[test]
fn digits_by_info() {
    let mut l = Ladder::new();
    let (session, tag) = talking(&mut l);
    l.request("INFO", "n", 2, &tag, "Content-Type: application/dtmf-relay\n\nSignal=5\n");
    l.sent("200");
    let key = Key { digit: '5', held: Duration::from_millis(160) };
    assert_eq!(l.event(), Event::Info { session, key });
    l.request("INFO", "n", 2, &tag, "Content-Type: application/dtmf-relay\n\nSignal=5\n");
    l.sent("200");
    l.no_event();
    l.request("INFO", "e", 4, &tag, "");
    l.sent("200");
    l.no_event();
    l.request("BYE", "b", 5, &tag, "");
    l.sent("200");
    l.event();
    l.ends();
}

#[test]
fn info_that_is_no_digit() {
    let mut l = Ladder::new();
    let (session, tag) = talking(&mut l);
    for (n, (rest, status)) in [
        ("Content-Type: application/dtmf-relay\n\nSignal=A\n", "200"),
        ("Content-Type: application/dtmf-relay\n\nSignal=fish\n", "415"),
        ("Content-Type: application/dtmf-relay\n", "415"),
        ("Content-Type: application/media_control+xml\n\n<media_control/>\n", "415"),
        ("\nhello\n", "415"),
        ("Info-Package: foo\nContent-Type: application/dtmf-relay\n\nSignal=5\n", "469"),
    ]
    .into_iter()
    .enumerate()
    {
        let cseq = u32::try_from(n).unwrap() + 2;
        l.request("INFO", &format!("i{n}"), cseq, &tag, rest);
        let answer = l.sent(status);
        let accept = (status == "415").then_some("application/dtmf-relay, application/dtmf");
        assert_eq!(answer.get(header::ACCEPT), accept, "{rest}");
        assert_eq!(answer.get(header::RECV_INFO), (status == "469").then_some(""), "{rest}");
        l.no_event();
    }
    l.endpoint.hangup(session, None, 480, &[], l.now);
    let bye = l.sent("BYE");
    l.request("INFO", "late", 20, &tag, "Content-Type: application/dtmf\n\n5\n");
    l.sent("481");
    l.respond(&bye, 200, "", "");
    l.ends();
}

#[test]
fn hold_by_the_peer() {
    let mut l = Ladder::new();
    let (session, tag) = talking(&mut l);
    l.request("INVITE", "h", 2, &tag, &with_sdp("v=0\r\na=sendonly\r\n"));
    assert_eq!(l.event(), Event::Offer { session, sdp: Some(b"v=0\r\na=sendonly\r\n".to_vec()) });
    l.endpoint.answer(session, b"v=0\r\na=recvonly\r\n".to_vec(), l.now);
    assert_eq!(l.sent("200").body, b"v=0\r\na=recvonly\r\n");
    l.timer(500);
    l.sent("200");
    l.request("ACK", "ha", 2, &tag, "");
    assert_eq!(l.event(), Event::Acked { session, sdp: None });
    // Resumed without a description: our offer, the answer in the ACK.
    l.request("INVITE", "r", 3, &tag, "");
    assert_eq!(l.event(), Event::Offer { session, sdp: None });
    l.endpoint.answer(session, OURS.into(), l.now);
    l.sent("200");
    l.request("ACK", "ra", 3, &tag, &with_sdp(SDP));
    assert_eq!(l.event(), Event::Acked { session, sdp: Some(SDP.into()) });
    // Refused: nothing changes.
    l.request("INVITE", "q", 4, &tag, &with_sdp(SDP));
    l.event();
    l.endpoint.refuse(session, 488, l.now);
    l.sent("488");
    l.request("ACK", "q", 4, &tag, "");
    // Taken back.
    l.request("INVITE", "w", 5, &tag, &with_sdp(SDP));
    l.event();
    l.request("CANCEL", "w", 5, &tag, "");
    l.sent("200");
    l.sent("487");
    assert_eq!(l.event(), Event::OfferWithdrawn { session });
    l.request("ACK", "w", 5, &tag, "");
    l.endpoint.answer(session, OURS.into(), l.now);
    l.nothing_sent();
    l.request("BYE", "b", 6, &tag, "");
    l.sent("200");
    l.event();
    l.ends();
}

#[test]
fn a_second_reinvite_before_our_answer_and_the_end_in_between() {
    let mut l = Ladder::new();
    let (session, tag) = talking(&mut l);
    l.request("INVITE", "h", 2, &tag, &with_sdp(SDP));
    l.event();
    l.request("INVITE", "k", 3, &tag, &with_sdp(SDP));
    assert!(l.sent("500").get(header::RETRY_AFTER).is_some());
    l.request("ACK", "k", 3, &tag, "");
    l.request("BYE", "b", 4, &tag, "");
    l.sent("200");
    l.sent("487");
    l.request("ACK", "h", 2, &tag, "");
    assert_eq!(l.event(), Event::Ended { session, by: EndedBy::Bye { reason: None } });
    l.ends();
}

#[test]
fn a_reinvite_whose_200_is_never_acknowledged_ends_the_session() {
    let mut l = Ladder::new();
    let (session, tag) = talking(&mut l);
    l.request("INVITE", "h", 2, &tag, &with_sdp(SDP));
    l.event();
    l.endpoint.answer(session, OURS.into(), l.now);
    l.wait(32_000);
    for _ in 0..11 {
        l.sent("200");
    }
    assert_eq!(l.event(), Event::Ended { session, by: EndedBy::NoAck });
    let bye = l.sent("BYE");
    l.respond(&bye, 200, "", "");
    l.ends();
}

// ---- the way ----

#[test]
fn a_caller_whose_connection_is_gone_is_gone() {
    let mut l = Ladder::tcp();
    let session = l.invited();
    l.endpoint.handle_flow_closed(1, l.now);
    assert_eq!(l.event(), Event::Ended { session, by: EndedBy::Transport });
    l.ends();
}

#[test]
fn a_session_outlives_its_connection() {
    let mut l = Ladder::tcp();
    let (session, tag) = talking(&mut l);
    l.endpoint.handle_flow_closed(1, l.now);
    l.no_event();
    l.flow.id = 2;
    l.flow.remote.set_port(40_000);
    l.endpoint.set_flow(session, l.flow);
    l.request("OPTIONS", "o", 2, &tag, "");
    l.sent("200");
    l.endpoint.hangup(session, None, 480, &[], l.now);
    let bye = l.sent("BYE");
    l.respond(&bye, 200, "", "");
    l.ends();
}
