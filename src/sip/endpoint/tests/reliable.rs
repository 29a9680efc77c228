//! 100rel and PRACK (RFC 3262), UPDATE (RFC 3311).
use super::ladder::{Ladder, OURS, SDP, to_tag, with_sdp};
use crate::sip::endpoint::{EndedBy, Event, SessionId};
use crate::wire::sip::{Message, header};

/// The peer calls and requires 100rel.
fn invited(l: &mut Ladder, sdp: &str) -> SessionId {
    let rest = format!("Require: 100rel\nAllow: INVITE, ACK, BYE, PRACK, UPDATE\n{sdp}");
    l.request("INVITE", "i", 1, "", &rest);
    let Event::Invite { session, .. } = l.event() else { panic!() };
    session
}

fn rseq(message: &Message) -> u32 {
    assert_eq!(message.get(header::REQUIRE), Some("100rel"));
    message.number(header::RSEQ).unwrap()
}

fn prack(l: &mut Ladder, branch: &str, cseq: u32, of: &Message, rest: &str) {
    let rest = format!("RAck: {} 1 INVITE\n{rest}", rseq(of));
    l.request("PRACK", branch, cseq, &to_tag(of), &rest);
}

/// From the 200 to the end.
fn over(l: &mut Ladder, session: SessionId, tag: &str) {
    l.request("ACK", "a", 1, tag, "");
    assert_eq!(l.event(), Event::Acked { session, sdp: None });
    l.hang_up(session);
}

#[test]
fn ringing_is_repeated_until_its_prack() {
    let mut l = Ladder::new();
    let session = invited(&mut l, &with_sdp(SDP));
    l.endpoint.ring(session, 180, None, l.now);
    let ringing = l.sent("180");
    for ms in [500, 1_000, 2_000] {
        l.timer(ms);
        assert_eq!(l.sent("180"), ringing);
    }
    // Not this one, and not of this INVITE.
    let tag = to_tag(&ringing);
    for (n, rack) in
        ["1 1 INVITE", "x", "", &format!("{} 2 INVITE", rseq(&ringing)), &format!("{} 1 BYE", rseq(&ringing))]
            .into_iter()
            .enumerate()
    {
        l.request("PRACK", &format!("w{n}"), 2, &tag, &format!("RAck: {rack}\n"));
        l.sent("481");
    }
    prack(&mut l, "p", 3, &ringing, "");
    l.sent("200");
    // Further ones count up, one at a time, and the last says what is so.
    l.endpoint.ring(session, 183, Some(OURS.into()), l.now);
    let early = l.sent("183");
    assert_eq!(rseq(&early), rseq(&ringing) + 1);
    l.endpoint.ring(session, 180, None, l.now);
    l.endpoint.ring(session, 182, None, l.now);
    l.nothing_sent();
    prack(&mut l, "stray", 4, &ringing, "");
    l.sent("481");
    prack(&mut l, "q", 5, &early, "");
    l.sent("200");
    let queued = l.sent("182");
    assert_eq!((rseq(&queued), queued.body.len()), (rseq(&early) + 1, 0));
    // A response without a description does not hold the 200 back, and is not sent again behind it.
    l.endpoint.accept(session, OURS.into(), l.now);
    let ok = l.sent("200");
    assert_eq!(ok.body.len(), 0, "the answer was given");
    prack(&mut l, "r", 6, &queued, "");
    l.sent("200");
    over(&mut l, session, &tag);
    l.ends();
}

#[test]
fn the_200_waits_for_the_prack_of_a_description() {
    let mut l = Ladder::new();
    let session = invited(&mut l, &with_sdp(SDP));
    l.endpoint.ring(session, 183, Some(OURS.into()), l.now);
    let early = l.sent("183");
    // The owner thought of something else in the meantime.
    let other = OURS.replace("2 2", "2 3");
    l.endpoint.accept(session, other.clone().into(), l.now);
    l.nothing_sent();
    prack(&mut l, "p", 2, &early, "");
    l.sent("200");
    let ok = l.sent("200");
    assert_eq!((ok.get(header::CSEQ), ok.body.len()), (Some("1 INVITE"), 0));
    l.request("ACK", "a", 1, &to_tag(&ok), "");
    assert_eq!(l.event(), Event::Acked { session, sdp: None });
    l.wait(500);
    let again = l.sent("INVITE");
    assert_eq!(again.body, other.into_bytes(), "what it thought of is offered");
    l.respond(&again, 200, "", &with_sdp(SDP));
    l.sent("ACK");
    assert!(matches!(l.event(), Event::Answer { .. }));
    l.hang_up(session);
    l.ends();
}

#[test]
fn our_offer_is_answered_in_the_prack() {
    let mut l = Ladder::new();
    let session = invited(&mut l, "");
    l.endpoint.ring(session, 180, None, l.now);
    l.nothing_sent();
    l.endpoint.ring(session, 183, Some(OURS.into()), l.now);
    let early = l.sent("183");
    assert_eq!(early.body, OURS.as_bytes());
    prack(&mut l, "p", 2, &early, &with_sdp(SDP));
    l.sent("200");
    l.endpoint.accept(session, OURS.into(), l.now);
    let ok = l.sent("200");
    assert!(ok.body.is_empty());
    l.request("ACK", "a", 1, &to_tag(&ok), "");
    assert_eq!(l.event(), Event::Acked { session, sdp: Some(SDP.into()) });
    l.hang_up(session);
    l.ends();
}

#[test]
fn no_prack_ever() {
    let mut l = Ladder::new();
    let session = invited(&mut l, &with_sdp(SDP));
    l.endpoint.ring(session, 180, None, l.now);
    l.wait(31_999);
    while l.sent_any().is_some_and(|m| m.status() == Some(180)) {}
    l.no_event();
    l.timer(1);
    l.sent("504");
    assert_eq!(l.event(), Event::Ended { session, by: EndedBy::Timeout });
    l.wait(33_000);
    while l.sent_any().is_some() {}
    l.ends();
}

#[test]
fn refused_or_cancelled_while_it_waits() {
    for cancelled in [true, false] {
        let mut l = Ladder::new();
        let session = invited(&mut l, &with_sdp(SDP));
        l.endpoint.ring(session, 183, Some(OURS.into()), l.now);
        let early = l.sent("183");
        l.endpoint.accept(session, OURS.into(), l.now);
        if cancelled {
            l.request("CANCEL", "i", 1, "", "");
            l.sent("200");
            l.sent("487");
            assert!(matches!(l.event(), Event::Cancelled { .. }));
        } else {
            l.endpoint.reject(session, 486, &[], l.now);
            l.sent("486");
        }
        l.request("ACK", "i", 1, &to_tag(&early), "");
        prack(&mut l, "p", 2, &early, "");
        l.sent("481");
        l.ends();
    }
}

// ---- ours ----

#[test]
fn each_reliable_response_gets_one_prack() {
    let mut l = Ladder::new();
    let (session, invite) = l.call();
    assert!(invite.get(header::SUPPORTED).unwrap().contains("100rel"));
    let ringing = |n: u32| format!("Require: 100rel\nRSeq: {n}\n");
    l.respond(&invite, 180, "t", &ringing(7));
    let prack = l.sent("PRACK");
    assert_eq!(prack.get(header::RACK), Some("7 1 INVITE"));
    assert_eq!(prack.to().unwrap().tag(), Some("t"));
    assert_eq!(prack.cseq().unwrap().number, 2);
    assert!(matches!(l.event(), Event::Progress { status: 180, .. }));
    // Again, and one too far: neither is acknowledged or told.
    l.respond(&invite, 180, "t", &ringing(7));
    l.respond(&invite, 183, "t", &ringing(9));
    l.nothing_sent();
    l.no_event();
    // Another fork counts for itself.
    l.respond(&invite, 180, "u", &ringing(9));
    assert_eq!(l.sent("PRACK").to().unwrap().tag(), Some("u"));
    l.event();
    l.respond(&invite, 183, "t", &format!("Require: 100rel\nRSeq: 8\n{}", with_sdp(SDP)));
    assert_eq!(l.sent("PRACK").get(header::RACK), Some("8 1 INVITE"));
    l.event();
    l.respond(&prack, 200, "", "");
    l.respond(&invite, 200, "t", "");
    l.sent("ACK");
    assert!(matches!(l.event(), Event::Answered { sdp: Some(sdp), .. } if sdp == SDP.as_bytes()));
    l.endpoint.hangup(session, None, 480, &[], l.now);
    assert_eq!(l.sent("BYE").cseq().unwrap().number, 4);
    l.wait(40_000);
    while l.sent_any().is_some() {}
    l.ends();
}

#[test]
fn a_challenged_prack_goes_out_again_with_credentials() {
    let mut l = Ladder::new();
    let (session, invite) = l.call();
    l.respond(&invite, 180, "t", "Require: 100rel\nRSeq: 7\n");
    let first = l.sent("PRACK");
    l.event();
    l.respond(&first, 407, "t", "Proxy-Authenticate: Digest realm=\"x\"");
    let Event::Challenged { session: s, response, request } = l.event() else { panic!() };
    assert_eq!((s, response.status(), *request), (session, Some(407), first.clone()));
    l.endpoint.retry(session, header::PROXY_AUTHORIZATION, "Digest y", l.now);
    let second = l.sent("PRACK");
    assert_eq!(second.get(header::CSEQ), Some("3 PRACK"));
    assert_eq!(second.get(header::RACK), Some("7 1 INVITE"));
    assert_eq!(second.get(header::PROXY_AUTHORIZATION), Some("Digest y"));
    assert_ne!(second.via(), first.via());
    l.respond(&second, 200, "t", "");
    l.respond(&invite, 200, "t", &with_sdp(SDP));
    assert_eq!(l.sent("ACK").get(header::CSEQ), Some("1 ACK"));
    l.event();
    l.endpoint.hangup(session, None, 480, &[], l.now);
    let bye = l.sent("BYE");
    assert_eq!(bye.get(header::CSEQ), Some("4 BYE"));
    l.respond(&bye, 200, "", "");
    l.ends();
}

#[test]
fn challenges_of_a_prack_have_an_end() {
    let mut l = Ladder::new();
    let (session, invite) = l.call();
    l.respond(&invite, 180, "t", "Require: 100rel\nRSeq: 7\n");
    let mut prack = l.sent("PRACK");
    l.event();
    for _ in 0..5 {
        l.respond(&prack, 401, "t", "");
        assert!(matches!(l.event(), Event::Challenged { .. }));
        l.endpoint.retry(session, header::AUTHORIZATION, "Digest y", l.now);
        prack = l.sent("PRACK");
    }
    l.respond(&prack, 401, "t", "");
    l.no_event();
    l.nothing_sent();
    // It is the peer that ends the call.
    l.respond(&invite, 504, "t", "");
    l.sent("ACK");
    assert!(matches!(l.event(), Event::Failed { status: 504, .. }));
    l.ends();
}

#[test]
fn a_challenged_prack_that_nobody_answers_for() {
    let mut l = Ladder::new();
    let (session, invite) = l.call();
    l.respond(&invite, 180, "t", "Require: 100rel\nRSeq: 7\n");
    let prack = l.sent("PRACK");
    l.event();
    l.respond(&prack, 401, "t", "");
    l.event();
    l.endpoint.give_up(session);
    l.no_event();
    l.respond(&invite, 200, "t", &with_sdp(SDP));
    l.sent("ACK");
    assert!(matches!(l.event(), Event::Answered { .. }));
    l.hang_up(session);
    l.ends();
}

#[test]
fn a_call_without_an_offer_wants_no_reliable_response() {
    let mut l = Ladder::new();
    let mut spec = l.spec();
    spec.sdp = None;
    let (_, invite) = l.call_by(spec);
    assert!(!invite.get(header::SUPPORTED).unwrap().contains("100rel"));
    l.respond(&invite, 486, "t", "");
    l.sent("ACK");
    l.event();
    l.ends();
}

// ---- UPDATE ----

#[test]
fn an_update_before_the_answer() {
    let mut l = Ladder::new();
    let session = invited(&mut l, &with_sdp(SDP));
    l.endpoint.ring(session, 180, None, l.now);
    let ringing = l.sent("180");
    let tag = to_tag(&ringing);
    prack(&mut l, "p", 2, &ringing, "");
    l.sent("200");
    // The offer of the INVITE is not answered yet.
    l.request("UPDATE", "u1", 3, &tag, &with_sdp(SDP));
    assert!(l.sent("500").get(header::RETRY_AFTER).is_some());
    assert!(!l.endpoint.reinvite(session, OURS.into(), l.now));
    l.endpoint.ring(session, 183, Some(OURS.into()), l.now);
    let early = l.sent("183");
    prack(&mut l, "q", 4, &early, "");
    l.sent("200");
    l.request("UPDATE", "u2", 5, &tag, &with_sdp("new"));
    assert_eq!(l.event(), Event::Offer { session, sdp: Some(b"new".to_vec()) });
    l.request("UPDATE", "u3", 6, &tag, &with_sdp("newer"));
    l.sent("500");
    l.endpoint.answer(session, OURS.into(), l.now);
    let ok = l.sent("200");
    assert_eq!((ok.get(header::CSEQ), &*ok.body), (Some("5 UPDATE"), OURS.as_bytes()));
    assert_eq!(ok.get(header::SESSION_EXPIRES), None, "not before the call is answered");
    // And ours, which the peer's crosses.
    assert!(l.endpoint.reinvite(session, OURS.into(), l.now));
    let ours = l.sent("UPDATE");
    assert_eq!((&*ours.body, ours.to().unwrap().tag()), (OURS.as_bytes(), Some("theirs")));
    l.request("UPDATE", "u4", 7, &tag, &with_sdp(SDP));
    l.sent("491");
    l.respond(&ours, 491, "", "");
    let ours = loop {
        l.wait(10);
        if let Some(ours) = l.sent_any() {
            break ours;
        }
    };
    assert!(l.now.as_micros() <= 2_000_000, "we did not make the call: up to 2 s");
    l.respond(&ours, 200, "", &with_sdp(SDP));
    assert_eq!(l.event(), Event::Answer { session, sdp: Some(SDP.into()) });
    l.endpoint.accept(session, OURS.into(), l.now);
    l.sent("200");
    over(&mut l, session, &tag);
    l.ends();
}

#[test]
fn our_update_while_it_rings() {
    let mut l = Ladder::new();
    let (session, invite) = l.call();
    l.respond(&invite, 180, "t", "Allow: UPDATE\n");
    l.event();
    assert!(!l.endpoint.reinvite(session, OURS.into(), l.now), "our offer is not answered");
    let rest = format!("Require: 100rel\nRSeq: 1\nAllow: UPDATE\n{}", with_sdp(SDP));
    l.respond(&invite, 183, "t", &rest);
    let prack = l.sent("PRACK");
    l.respond(&prack, 200, "", "");
    l.event();
    assert!(l.endpoint.reinvite(session, OURS.into(), l.now));
    let update = l.sent("UPDATE");
    l.respond(&update, 488, "", "");
    assert_eq!(l.event(), Event::OfferRefused { session, status: 488 });
    l.respond(&invite, 200, "t", "");
    l.sent("ACK");
    l.event();
    l.hang_up(session);
    l.ends();
}

#[test]
fn an_update_in_the_call() {
    let mut l = Ladder::new();
    let session = l.invited();
    l.endpoint.accept(session, OURS.into(), l.now);
    let tag = to_tag(&l.sent("200"));
    // The ACK is still under way.
    l.request("UPDATE", "u0", 2, &tag, &with_sdp("hold"));
    l.sent("491");
    l.request("ACK", "a", 1, &tag, "");
    l.event();
    l.request("UPDATE", "u1", 3, &tag, &with_sdp("hold"));
    assert_eq!(l.event(), Event::Offer { session, sdp: Some(b"hold".to_vec()) });
    l.endpoint.refuse(session, 488, l.now);
    l.sent("488");
    l.request("UPDATE", "u2", 4, &tag, "");
    let ok = l.sent("200");
    assert!(ok.get(header::CONTACT).is_some() && ok.body.is_empty());
    l.request("UPDATE", "u3", 5, &tag, "Content-Type: text/plain\n\nx\n");
    l.sent("415");
    l.no_event();
    l.endpoint.hangup(session, None, 480, &[], l.now);
    let bye = l.sent("BYE");
    l.request("UPDATE", "u4", 6, &tag, "");
    l.sent("481");
    l.respond(&bye, 200, "", "");
    l.ends();
}
