//! Sides that share no codec: each speaks its own, and hears its own.
use super::house::*;
use super::peer::Answer;
use super::sound::{PHONE_SAYS, from_alaw, from_ulaw};
use super::world::World;

const P102: usize = 2;

/// The house, where phones may speak G.722.
fn wide(more: &str) -> World {
    let config =
        CONFIG.replace("\toption secret 'geheim", "\toption codecs 'g722 pcmu'\n\toption secret 'geheim");
    let mut w = home_with(&format!("{config}{more}"));
    w.peers.iter_mut().for_each(|peer| peer.answer = Answer::After(500));
    w
}

/// Each hears its own codec all the time: no number is missing, and the clock counts 160 for 20 ms, whatever the codec (RFC 3551 section
/// 4.5.2).
#[track_caller]
fn hear(w: &mut World, sides: [(usize, usize, u8); 2]) {
    let before = sides.map(|(peer, talk, _)| w.peers[peer].talks[talk].heard.len());
    w.run(1.0);
    for ((peer, talk, payload_type), from) in sides.into_iter().zip(before) {
        let heard = &w.peers[peer].talks[talk].heard[from..];
        assert!(heard.len() > 45, "{peer}: {} packets\n{}", heard.len(), w.story());
        assert!(
            heard.iter().all(|(_, r)| r.payload_type == payload_type && r.payload.len() == 160),
            "{}",
            w.story()
        );
        for pair in heard.windows(2) {
            let ((_, one), (_, two)) = (&pair[0], &pair[1]);
            assert_eq!(two.sequence, one.sequence.wrapping_add(1), "{peer}\n{}", w.story());
            assert_eq!(two.timestamp, one.timestamp.wrapping_add(160), "{peer}\n{}", w.story());
        }
    }
}

fn talking(w: &mut World, number: &str) {
    dial(w, P100, number);
    w.run(3.0);
    assert!(w.peers[P100].talks[0].is_up(), "{}", w.story());
}

fn end(mut w: World) {
    w.with(P100, |p, now| p.bye(0, now));
    w.run(1.0);
    w.end();
}

#[test]
fn two_phones_of_which_one_has_g722_only() {
    for (codecs, others) in [([0], [9]), ([9], [0])] {
        let mut w = wide("");
        w.peers[P100].codecs = codecs.to_vec();
        w.peers[P101].codecs = others.to_vec();
        talking(&mut w, "101");
        let sides = [(P100, 0, codecs[0]), (P101, 0, others[0])];
        hear(&mut w, sides);
        // Hold and back, by either: the other one hears nothing of it, and its codec stays.
        for by in [P100, P101] {
            w.forget();
            for direction in ["sendonly", "sendrecv"] {
                w.with(by, |p, now| p.reinvite(0, direction, true, now));
                w.run(1.0);
                assert_eq!(w.peers[by].talks[0].last_status, 200, "{}", w.story());
            }
            let other = if by == P100 { "101 < INVITE" } else { "100 < INVITE" };
            assert_eq!(w.count(other), 0, "{}", w.story());
            hear(&mut w, sides);
        }
        w.peers[P100].talks[0].press(5);
        w.run(1.0);
        assert_eq!(w.peers[P101].talks[0].events_heard(), "5", "{}", w.story());
        end(w);
    }
}

/// What both have is not transcoded, though G.722 stands first: not where the other one has it, nor where it has not.
#[test]
fn what_both_have_comes_first() {
    for (others, want) in [(vec![9, 0], 9), (vec![0], 0), (vec![0, 9], 9)] {
        let mut w = wide("");
        w.peers[P100].codecs = vec![9, 0];
        w.peers[P101].codecs = others;
        talking(&mut w, "101");
        assert_eq!(w.count("101 < INVITE"), 1, "{}", w.story());
        hear(&mut w, [(P100, 0, want), (P101, 0, want)]);
        let said = &w.peers[P101].talks[0].heard.last().unwrap().1.payload;
        assert!(said.iter().all(|octet| *octet == PHONE_SAYS), "as it came");
        end(w);
    }
}

#[test]
fn one_law_only_on_each_side() {
    let mut w = home();
    w.peers[P100].codecs = vec![0];
    w.peers[P101].codecs = vec![8];
    w.peers[P101].answer = Answer::After(500);
    talking(&mut w, "101");
    hear(&mut w, [(P100, 0, 0), (P101, 0, 8)]);
    let near = |a: i16, b: i16| (i32::from(a) - i32::from(b)).abs() < 300;
    let last = |w: &World, p: usize| w.peers[p].talks[0].heard.last().unwrap().1.payload.clone();
    assert!(last(&w, P101).iter().all(|o| near(from_alaw(*o), from_ulaw(PHONE_SAYS))));
    assert!(last(&w, P100).iter().all(|o| near(from_ulaw(*o), from_alaw(PHONE_SAYS))));
    end(w);
}

#[test]
fn g722_only_and_a_trunk_with_pcma_only() {
    let mut w = wide(TRUNK);
    w.peers[P100].codecs = vec![9];
    w.peers[PROVIDER].codecs = vec![8];
    talking(&mut w, "99123456");
    assert_eq!(w.count("provider < INVITE"), 2, "one without a password: {}", w.story());
    hear(&mut w, [(P100, 0, 9), (PROVIDER, 0, 8)]);
    // Another codec of the phone's, and the trunk need not hear of it.
    w.peers[P100].codecs = vec![0];
    w.with(P100, |p, now| p.reinvite(0, "sendrecv", true, now));
    w.run(1.0);
    assert_eq!(w.peers[P100].talks[0].last_status, 200, "{}", w.story());
    assert_eq!(w.count("provider < INVITE"), 2, "{}", w.story());
    hear(&mut w, [(P100, 0, 0), (PROVIDER, 0, 8)]);
    end(w);
}

#[test]
fn a_stick_speaks_g722_where_there_is_nothing_else() {
    for (codecs, want) in [(vec![9], 9), (vec![9, 0], 0)] {
        let mut w = wide("");
        w.peers[P100].codecs = codecs;
        dial(&mut w, P100, "0301234567");
        w.run(8.0);
        let talk = &w.peers[P100].talks[0];
        assert!(talk.is_up() && talk.payload_type == want, "{}", w.story());
        let heard: Vec<_> = talk.heard.iter().rev().take(100).map(|(_, r)| r).collect();
        assert!(heard.len() == 100 && heard.iter().all(|r| r.payload_type == want), "{}", w.story());
        assert!(
            heard.windows(2).all(|p| p[0].timestamp.wrapping_sub(p[1].timestamp) == 160),
            "{}",
            w.story()
        );
        w.far_ends("104,16");
        w.end();
    }
}

#[test]
fn a_transfer_to_who_has_another_codec() {
    let mut w = wide("config extension '102'\n\toption secret 'geheimst'\n\toption codecs 'g722'\n");
    w.peers.push(phone("102", "geheimst", 102));
    w.with(P102, |p, now| p.register(3_600, now));
    w.run(1.0);
    w.peers[P100].codecs = vec![0];
    w.peers[P101].codecs = vec![0];
    w.peers[P102].codecs = vec![9];
    w.peers[P102].answer = Answer::After(500);
    talking(&mut w, "101");
    w.with(P101, |p, now| p.refer(0, &uri("102"), &[], now));
    w.run(3.0);
    let talk = w.peers[P102].talks.len() - 1;
    hear(&mut w, [(P100, 0, 0), (P102, talk, 9)]);
    end(w);
}
