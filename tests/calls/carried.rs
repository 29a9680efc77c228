//! Between two phones: codecs that are none of ours, pictures, and offers that the other phone has to hear of.
use super::house::*;
use super::peer::Answer;
use super::world::World;

const P102: usize = 2;
const OPUS: u8 = 96;

/// 100 and 101 with these codecs, and 101 takes calls at once.
fn two(codecs: &[u8], others: &[u8]) -> World {
    let mut w = home();
    w.peers[P100].codecs = codecs.to_vec();
    w.peers[P101].codecs = others.to_vec();
    w.peers[P101].answer = Answer::After(500);
    w
}

fn talking(w: &mut World, number: &str) -> usize {
    let t = dial(w, P100, number);
    w.run(2.0);
    assert!(w.peers[P100].talks[t].is_up(), "{}", w.story());
    t
}

/// The formats of the line of this kind in the other side's last description.
fn formats(w: &World, peer: usize, kind: &str) -> String {
    let theirs = &w.peers[peer].talks[0].theirs;
    let line = theirs.split("\r\n").find_map(|l| l.strip_prefix(&format!("m={kind} ")));
    let line = line.unwrap_or_else(|| panic!("no {kind} in {theirs}"));
    let mut words = line.split(' ');
    if words.next() == Some("0") {
        return "refused".to_owned();
    }
    words.skip(1).collect::<Vec<_>>().join(" ")
}

/// Sound of this type reaches both, and nothing else.
#[track_caller]
fn hear(w: &mut World, payload_type: u8) {
    let count = |w: &World| [P100, P101].map(|p| w.peers[p].talks[0].heard.len());
    let before = count(w);
    w.run(1.0);
    let after = count(w);
    assert!(after[0] > before[0] + 45 && after[1] > before[1] + 45, "{before:?} {after:?}\n{}", w.story());
    for p in [P100, P101] {
        let last = w.peers[p].talks[0].heard.last().unwrap().1.payload_type;
        assert_eq!(last, payload_type, "{}", w.story());
    }
}

/// How many packets of pictures came in a second.
fn pictures(w: &mut World) -> [u32; 2] {
    let seen = |w: &World| [P100, P101].map(|p| w.peers[p].talks[0].video.map_or(0, |v| v.heard));
    let before = seen(w);
    w.run(1.0);
    let after = seen(w);
    [after[0] - before[0], after[1] - before[1]]
}

fn end(mut w: World) {
    w.with(P100, |p, now| p.bye(0, now));
    w.run(1.0);
    w.end();
}

#[test]
fn a_codec_that_is_none_of_ours() {
    let mut w = two(&[OPUS, 9, 0], &[OPUS, 0]);
    w.peers[P101].event_number = 110;
    talking(&mut w, "101");
    assert_eq!(formats(&w, P101, "audio"), "96 9 0 101");
    assert_eq!(formats(&w, P100, "audio"), "96 101", "one codec, and the keys under the caller's number");
    hear(&mut w, OPUS);
    w.peers[P100].talks[0].press(5);
    w.run(0.5);
    let keys = w.peers[P101].talks[0].heard.iter().filter(|(_, r)| r.payload_type == 110).count();
    assert!(keys >= 5, "{keys}");
    end(w);
}

#[test]
fn the_called_phone_chooses() {
    let mut w = two(&[OPUS, 9, 8], &[9]);
    talking(&mut w, "101");
    assert_eq!(formats(&w, P100, "audio"), "9 101");
    hear(&mut w, 9);
    end(w);
}

/// A stick has G.711 only, and so have we.
#[test]
fn a_phone_without_g711_gets_nowhere_but_to_its_like() {
    let mut w = two(&[OPUS], &[8, 0]);
    w.peers[P100].events = false;
    for number in ["0301234567", "101"] {
        let t = dial(&mut w, P100, number);
        w.run(2.0);
        assert_eq!(w.peers[P100].talks[t].ended_by, "488", "{number}\n{}", w.story());
    }
    assert!(!w.story().contains("ATD"), "{}", w.story());
    w.end();
}

#[test]
fn a_picture_goes_through() {
    let mut w = two(&[0], &[0]);
    w.peers[P100].video = Some(120);
    w.peers[P101].video = Some(120);
    talking(&mut w, "101");
    assert_eq!((formats(&w, P100, "video"), formats(&w, P101, "video")), ("120".into(), "120".into()));
    assert!(w.peers[P101].talks[0].theirs.contains("a=fmtp:120 profile-level-id=42e01f\r\n"));
    let seen = pictures(&mut w);
    assert!(seen.iter().all(|n| *n >= 48), "{seen:?}\n{}", w.story());
    hear(&mut w, 0);
    // Hold and back is between the phone and us.
    w.forget();
    w.with(P100, |p, now| p.reinvite(0, "sendonly", true, now));
    w.run(1.0);
    w.with(P100, |p, now| p.reinvite(0, "sendrecv", true, now));
    w.run(1.0);
    assert_eq!(w.count("101 < INVITE"), 0, "{}", w.story());
    assert!(pictures(&mut w).iter().all(|n| *n >= 48), "{}", w.story());
    end(w);
}

#[test]
fn a_picture_that_the_other_does_not_want() {
    let mut w = two(&[0], &[0]);
    w.peers[P100].video = Some(120);
    talking(&mut w, "101");
    assert_eq!((formats(&w, P100, "video"), formats(&w, P100, "audio")), ("refused".into(), "0 101".into()));
    assert_eq!(pictures(&mut w), [0, 0]);
    hear(&mut w, 0);
    end(w);
}

#[test]
fn a_picture_comes_and_goes_while_they_talk() {
    for by in [P100, P101] {
        let mut w = two(&[0], &[0]);
        w.peers[P100].video = Some(120);
        w.peers[P101].video = Some(120);
        let t = dial(&mut w, P100, "101");
        w.peers[P100].talks[t].video.as_mut().unwrap().off = true;
        w.run(0.3);
        w.peers[P101].talks[0].video.as_mut().unwrap().off = true;
        w.run(2.0);
        // It was offered before it was switched off here.
        w.with(by, |p, now| p.reinvite(0, "sendrecv", true, now));
        w.run(1.0);
        assert_eq!(pictures(&mut w), [0, 0], "{}", w.story());
        for p in [P100, P101] {
            w.peers[p].talks[0].video.as_mut().unwrap().off = false;
        }
        w.with(by, |p, now| p.reinvite(0, "sendrecv", true, now));
        w.run(1.0);
        assert_eq!(w.peers[by].talks[0].last_status, 200, "{}", w.story());
        let seen = pictures(&mut w);
        assert!(seen.iter().all(|n| *n >= 48), "{seen:?}\n{}", w.story());
        w.peers[by].talks[0].video.as_mut().unwrap().off = true;
        w.with(by, |p, now| p.reinvite(0, "sendrecv", true, now));
        w.run(1.0);
        assert_eq!(pictures(&mut w), [0, 0], "{}", w.story());
        hear(&mut w, 0);
        end(w);
    }
}

#[test]
fn another_codec_while_they_talk() {
    for by in [P100, P101] {
        let mut w = two(&[0, 8, OPUS], &[0, 8, OPUS]);
        talking(&mut w, "101");
        hear(&mut w, 0);
        for codec in [8, OPUS] {
            w.peers[by].codecs = vec![codec];
            w.with(by, |p, now| p.reinvite(0, "sendrecv", true, now));
            w.run(1.0);
            assert_eq!(w.peers[by].talks[0].last_status, 200, "{}", w.story());
            hear(&mut w, codec);
        }
        end(w);
    }
}

/// The other one does not have it: it goes on with what it has, and each gets its own.
#[test]
fn another_codec_that_the_other_refuses() {
    let mut w = two(&[0, 8], &[0]);
    talking(&mut w, "101");
    w.peers[P100].codecs = vec![8];
    w.with(P100, |p, now| p.reinvite(0, "sendrecv", true, now));
    w.run(1.0);
    assert_eq!(w.peers[P100].talks[0].last_status, 200, "{}", w.story());
    assert_eq!(w.count("101 > 488 INVITE"), 1, "{}", w.story());
    w.run(1.0);
    for (p, payload_type) in [(P100, 8), (P101, 0)] {
        let heard = &w.peers[p].talks[0].heard;
        assert!(heard.iter().rev().take(40).all(|(_, r)| r.payload_type == payload_type), "{}", w.story());
    }
    end(w);
}

/// An offer of each at the same time: neither waits for the other for ever.
#[test]
fn both_want_another_codec_at_once() {
    let mut w = two(&[0, 8], &[0, 8]);
    talking(&mut w, "101");
    for p in [P100, P101] {
        w.peers[p].codecs = vec![8];
        w.with(p, |p, now| p.reinvite(0, "sendrecv", true, now));
    }
    w.run(3.0);
    let status = [P100, P101].map(|p| w.peers[p].talks[0].last_status);
    assert!(status.iter().all(|s| [200, 491, 500].contains(s)), "{status:?}\n{}", w.story());
    w.run(6.0);
    end(w);
}

/// The call ends while the other phone thinks about an offer.
#[test]
fn a_call_ends_while_an_offer_is_handed_on() {
    for by in [P100, P101] {
        let mut w = two(&[0, 8], &[0, 8]);
        talking(&mut w, "101");
        w.peers[P101].answer = Answer::Gone;
        w.peers[P100].codecs = vec![8];
        w.with(P100, |p, now| p.reinvite(0, "sendrecv", true, now));
        w.run(1.0);
        w.peers[P101].answer = Answer::After(1);
        w.with(by, |p, now| p.bye(0, now));
        w.run(40.0);
        assert!(w.peers[P100].talks[0].is_over() && w.peers[P101].talks[0].is_over(), "{}", w.story());
        w.end();
    }
}

/// Who is transferred speaks something that the new one may not have.
#[test]
fn a_transfer_goes_on_with_what_both_have() {
    for (third, heard) in [(vec![OPUS, 0], OPUS), (vec![0], 0)] {
        for by in [P101, P100] {
            let mut w = home_with(&format!("{CONFIG}config extension '102'\n\toption secret 'geheimst'\n"));
            w.peers.push(phone("102", "geheimst", 102));
            w.with(P102, |p, now| p.register(3_600, now));
            w.run(1.0);
            for p in [P100, P101, P102] {
                w.peers[p].answer = Answer::After(200);
                w.peers[p].codecs = vec![OPUS, 0];
                w.peers[p].video = Some(120).filter(|_| p != P102);
            }
            w.peers[P102].codecs.clone_from(&third);
            talking(&mut w, "101");
            assert!(pictures(&mut w).iter().all(|n| *n >= 48), "{}", w.story());
            w.with(by, |p, now| p.refer(0, &uri("102"), &[], now));
            w.run(3.0);
            let stays = P100 + P101 - by;
            let count = |w: &World| [stays, P102].map(|p| w.peers[p].talks[0].heard.len());
            let before = count(&w);
            w.run(1.0);
            let after = count(&w);
            assert!(
                after[0] > before[0] + 45 && after[1] > before[1] + 45,
                "{before:?} {after:?}\n{}",
                w.story()
            );
            for p in [stays, P102] {
                assert_eq!(w.peers[p].talks[0].heard.last().unwrap().1.payload_type, heard, "{}", w.story());
            }
            assert_eq!(formats(&w, stays, "video"), "refused", "102 has none\n{}", w.story());
            w.with(stays, |p, now| p.bye(0, now));
            w.run(1.0);
            w.end();
        }
    }
}

/// From phone to stick: the phone is asked for G.711.
#[test]
fn a_phone_is_transferred_to_the_sim() {
    let mut w = two(&[OPUS, 8], &[OPUS, 8]);
    talking(&mut w, "101");
    hear(&mut w, OPUS);
    w.with(P101, |p, now| p.refer(0, &uri("0301234567"), &[], now));
    w.run(6.0);
    assert_eq!(formats(&w, P100, "audio"), "0 8 101", "{}", w.story());
    assert_eq!(w.peers[P100].talks[0].heard.last().unwrap().1.payload_type, 8, "{}", w.story());
    end(w);
}

/// It has no offer of its own, and hears of what the called phone has.
#[test]
fn a_caller_without_an_offer() {
    let mut w = two(&[0, 8], &[8]);
    w.peers[P100].late_offer = true;
    talking(&mut w, "101");
    assert_eq!(formats(&w, P100, "audio").split(' ').next(), Some("8"), "{}", w.story());
    w.run(1.0);
    hear(&mut w, 8);
    end(w);
}
