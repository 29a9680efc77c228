//! Requests in a session's dialog that the owner answers or sends, and dialogs found by name.
use super::ladder::{Ladder, OURS, SDP, to_tag, with_sdp};
use crate::sip::endpoint::ALLOW;
use crate::sip::endpoint::{Event, Found, Full, SessionId};
use crate::wire::sip::{Method, header};

/// The peer called, and we answered.
fn talking(l: &mut Ladder) -> (SessionId, String) {
    let session = l.invited();
    l.endpoint.accept(session, OURS.into(), l.now);
    let tag = to_tag(&l.sent("200"));
    l.request("ACK", "a", 1, &tag, "");
    l.event();
    (session, tag)
}

#[test]
fn the_owner_answers() {
    for (method, rest) in [
        ("REFER", "Refer-To: <sip:30@192.0.2.1>\n"),
        ("NOTIFY", "Event: refer\n"),
        ("MESSAGE", "Content-Type: text/plain\n\nhello\n"),
        ("SUBSCRIBE", "Event: dialog\n"),
        ("FOO", ""),
    ] {
        let mut l = Ladder::new();
        let (session, tag) = talking(&mut l);
        l.request(method, "r", 2, &tag, rest);
        l.nothing_sent();
        let Event::InDialog { session: of, id, request } = l.event() else { panic!("{method}") };
        assert_eq!((of, request.method().unwrap().name()), (session, method));
        let response = l.endpoint.response_to(&request, 405);
        l.endpoint.respond(id, response, l.now);
        let refused = l.sent("405");
        assert_eq!(refused.get(header::ALLOW), Some(ALLOW));
        assert_eq!(to_tag(&refused), tag);
        l.request(method, "r", 2, &tag, rest);
        assert_eq!(l.sent("405"), refused, "again the same");
        l.endpoint.hangup(session, None, 480, &[], l.now);
        let bye = l.sent("BYE");
        // The owner hears of it no more.
        l.request(method, "s", 3, &tag, rest);
        l.sent("481");
        l.respond(&bye, 200, "", "");
        l.ends();
    }
}

#[test]
fn the_owner_asks() {
    let mut l = Ladder::new();
    let (session, tag) = talking(&mut l);
    let headers = vec![("Event".to_owned(), "refer".to_owned())];
    let body = Some(("message/sipfrag".to_owned(), b"SIP/2.0 100 Trying".to_vec()));
    let id = l.endpoint.request_in(session, Method::Notify, headers, body, l.now).unwrap();
    let notify = l.sent("NOTIFY");
    assert_eq!(notify.from().unwrap().tag(), Some(tag.as_str()));
    assert_eq!(notify.to().unwrap().tag(), Some("theirs"));
    assert_eq!(notify.uri().unwrap().to_string(), "sip:10@192.0.2.9");
    assert_eq!(notify.get(header::CONTENT_TYPE), Some("message/sipfrag"));
    assert!(notify.get(header::CONTACT).is_some());
    l.respond(&notify, 407, "", "");
    let Event::Response { id: of, request, response } = l.event() else { panic!() };
    assert_eq!((of, response.status()), (id, Some(407)));
    let id = l.endpoint.retry_in(session, &request, "Proxy-Authorization", "x", l.now).unwrap();
    let again = l.sent("NOTIFY");
    assert_eq!(again.cseq().unwrap().number, notify.cseq().unwrap().number + 1);
    assert_ne!(again.via(), notify.via());
    l.wait(31_999);
    while l.sent_any().is_some() {}
    l.wait(1);
    assert!(matches!(l.event(), Event::NoResponse { id: of, .. } if of == id));
    l.endpoint.hangup(session, None, 480, &[], l.now);
    let bye = l.sent("BYE");
    assert_eq!(bye.cseq().unwrap().number, again.cseq().unwrap().number + 1);
    assert_eq!(l.endpoint.request_in(session, Method::Info, Vec::new(), None, l.now), Err(Full));
    l.respond(&bye, 200, "", "");
    assert_eq!(l.endpoint.request_in(session, Method::Info, Vec::new(), None, l.now), Err(Full));
    l.ends();
}

#[test]
fn dialogs_are_found_by_their_names() {
    let mut l = Ladder::new();
    let (ours, invite) = l.call();
    assert_eq!(
        l.endpoint.request_in(ours, Method::Info, Vec::new(), None, l.now),
        Err(Full),
        "no dialog yet"
    );
    l.respond(&invite, 180, "t", "");
    l.event();
    let (call_id, from) = (invite.call_id().unwrap().to_owned(), invite.from().unwrap());
    let local = from.tag().unwrap();
    let early = Some(Found { session: ours, early: true, by_us: true });
    assert_eq!(l.endpoint.find_dialog(&call_id, local, "t"), early);
    for (call_id, local, remote) in
        [("x", local, "t"), (&*call_id, "x", "t"), (&*call_id, local, "0"), (&*call_id, "t", local)]
    {
        assert_eq!(l.endpoint.find_dialog(call_id, local, remote), None);
    }
    l.respond(&invite, 200, "t", &with_sdp(SDP));
    l.sent("ACK");
    l.event();
    assert_eq!(
        l.endpoint.find_dialog(&call_id, local, "t"),
        Some(Found { session: ours, early: false, by_us: true })
    );
    l.endpoint.hangup(ours, None, 480, &[], l.now);
    let bye = l.sent("BYE");
    assert_eq!(l.endpoint.find_dialog(&call_id, local, "t"), None, "its end is under way");
    l.respond(&bye, 200, "", "");

    // A caller of RFC 2543, who has no tag.
    l.recv(
        "INVITE sip:20@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.9\nFrom: <sip:10@192.0.2.1>\nTo: <sip:20@192.0.2.1>\n\
         Call-ID: old\nCSeq: 1 INVITE\nContact: <sip:10@192.0.2.9>\n\n",
    );
    let Event::Invite { session, .. } = l.event() else { panic!() };
    l.endpoint.ring(session, 180, None, l.now);
    let tag = to_tag(&l.sent("180"));
    let found = Some(Found { session, early: true, by_us: false });
    assert_eq!(l.endpoint.find_dialog("old", &tag, "0"), found);
    assert_eq!(l.endpoint.find_dialog("old", &tag, ""), found);
    l.endpoint.reject(session, 486, &[], l.now);
    l.sent("486");
    l.wait(40_000);
    while l.sent_any().is_some() {}
    l.ends();
}
