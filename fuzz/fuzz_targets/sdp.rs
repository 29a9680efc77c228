//! Session descriptions: any bytes are read or refused, and every answer fits its offer.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tandem::wire::sdp::carry::{Peer, pass_answer, pass_offer, types};
use tandem::wire::sdp::{Codec, Direction, Ours, Session, agreed, answer, offer};

fuzz_target!(|bytes: &[u8]| {
    let Ok(session) = Session::parse(bytes) else { return };
    let written = session.to_string();
    let again = Session::parse(written.as_bytes()).expect("a description of our own");
    assert_eq!(again.to_string(), written);

    let ours = Ours {
        local: [192, 0, 2, 1].into(),
        rtp_port: 16_000,
        codecs: Codec::ALL.to_vec(),
        session_id: 1,
        version: 1,
        ptime: 20,
        direction: Direction::SendRecv,
    };
    if let Ok((answer, seen)) = answer(&session, &ours) {
        assert_eq!(answer.media.len(), session.media.len());
        assert_eq!(answer.media.iter().filter(|m| m.port != 0).count(), 1);
        assert!((10..=60).contains(&seen.ptime_ms) && seen.ptime_ms % 10 == 0);
        assert!(seen.remote.port() != 0 && !(seen.remote.ip().is_unspecified() && seen.direction.sends()));
        assert!(seen.receive_types.contains(&(seen.payload_type, seen.codec)));
        assert_eq!(Session::parse(answer.to_string().as_bytes()).as_ref(), Ok(&answer));
    }
    let _ = agreed(&offer(&ours), &session);

    // From one phone to another and back, which answers with the same words.
    let (own, other) = ([9_000, 9_002, 9_004], [16_000, 16_002, 16_004]);
    let from = Peer::offering(&session, None, &own);
    let Ok(passed) = pass_offer(&from, None, &other, &ours) else { return };
    let text = passed.to_string();
    assert_eq!(Session::parse(text.as_bytes()).map(|s| s.to_string()), Ok(text));
    assert_eq!(passed.media.len(), session.media.len());
    assert!(passed.media.iter().filter(|m| m.port != 0).count() <= other.len());
    let settled = Peer::settled(&session, &passed, &other);
    if let Ok(back) = pass_answer(&from, &settled, &ours) {
        assert_eq!(back.media.len(), session.media.len());
        assert!((0..3).all(|slot| types(&back, own[slot], &settled, slot).0.len() <= 16));
    }
});
