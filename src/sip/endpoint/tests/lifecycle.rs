//! Whole calls without trouble.
use super::ladder::{Ladder, OURS, SDP, to_tag, with_sdp};
use crate::sip::endpoint::{EndedBy, Event};
use crate::wire::sip::header;

#[test]
fn the_peer_calls_and_hangs_up() {
    let mut l = Ladder::new();
    let session = l.invited();
    l.endpoint.ring(session, 180, None, l.now);
    let ringing = l.sent("180");
    let tag = to_tag(&ringing);
    assert_eq!(ringing.get(header::CONTACT), Some("<sip:tandem@192.0.2.1:5060>"));
    l.wait(3_000);
    l.nothing_sent();
    l.endpoint.accept(session, OURS.into(), l.now);
    let ok = l.sent("200");
    assert_eq!((ok.body.as_slice(), to_tag(&ok)), (OURS.as_bytes(), tag.clone()));
    l.request("ACK", "a", 1, &tag, "");
    assert_eq!(l.event(), Event::Acked { session, sdp: None });
    l.wait(60_000);
    l.nothing_sent();
    l.request("BYE", "b", 2, &tag, "Reason: Q.850;cause=16\n");
    l.sent("200");
    let reason = Some("Q.850;cause=16".to_owned());
    assert_eq!(l.event(), Event::Ended { session, by: EndedBy::Bye { reason } });
    l.ends();
}

#[test]
fn we_call_and_hang_up() {
    let mut l = Ladder::new();
    let (session, invite) = l.call();
    assert_eq!(invite.body, OURS.as_bytes());
    l.respond(&invite, 100, "", "");
    l.respond(&invite, 180, "t", "");
    assert_eq!(l.event(), Event::Progress { session, status: 180, sdp: None });
    l.wait(20_000);
    l.respond(&invite, 200, "t", &with_sdp(SDP));
    let ack = l.sent("ACK");
    assert_eq!(ack.uri().unwrap().to_string(), "sip:20@192.0.2.9");
    assert_ne!(ack.via().unwrap().branch(), invite.via().unwrap().branch());
    assert_eq!(ack.get(header::CSEQ), Some("1 ACK"));
    assert!(matches!(l.event(), Event::Answered { sdp: Some(sdp), .. } if sdp == SDP.as_bytes()));
    l.wait(60_000);
    l.endpoint.hangup(session, Some("Q.850;cause=16"), 480, &[], l.now);
    let bye = l.sent("BYE");
    assert_eq!(bye.get(header::REASON), Some("Q.850;cause=16"));
    assert_eq!(bye.get(header::CSEQ), Some("2 BYE"));
    l.respond(&bye, 200, "", "");
    l.ends();
}
