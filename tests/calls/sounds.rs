//! In a call: hold, new offers, keys.
use super::house::*;
use super::incoming::{CALLER, check_sound};
use super::sound::{PHONE_SAYS, STICK_SAYS, from_alaw, from_ulaw};
use super::talk::Talk;
use super::world::World;

/// A call out that is up; the phone's talk is the first.
fn up(config: impl FnOnce(&mut World)) -> World {
    let mut w = home();
    config(&mut w);
    let t = dial(&mut w, P100, "0301234567");
    w.run(8.0);
    assert!(w.peers[P100].talks[t].is_up(), "{}", w.story());
    w
}

fn talk(w: &World) -> &Talk {
    &w.peers[P100].talks[0]
}

/// Packets to the phone in the next seconds.
fn packets(w: &mut World, seconds: f64) -> usize {
    let before = talk(w).heard.len();
    w.run(seconds);
    talk(w).heard.len() - before
}

#[test]
fn hold_and_resume() {
    let mut w = up(|_| ());
    for (hold, want) in [("sendonly", "recvonly"), ("inactive", "inactive")] {
        w.with(P100, |p, now| p.reinvite(0, hold, true, now));
        w.run(0.5);
        assert_eq!((talk(&w).last_status, talk(&w).their_direction()), (200, want), "{}", w.story());
        let count = packets(&mut w, 5.0);
        assert!(count <= 1, "{count} packets on hold");
        w.with(P100, |p, now| p.reinvite(0, "sendrecv", true, now));
        w.run(0.5);
        assert_eq!((talk(&w).last_status, talk(&w).their_direction()), (200, "sendrecv"));
        assert!(packets(&mut w, 2.0) >= 99);
        check_sound(&w, P100, 0, 1);
    }
    w.with(P100, |p, now| p.bye(0, now));
    w.end();
}

/// RFC 2543's way.
#[test]
fn hold_by_an_address_of_zeroes() {
    let mut w = up(|_| ());
    let sdp = w.peers[P100].talks[0].sdp(&[0, 8], true).replace("c=IN IP4 192.168.1.100", "c=IN IP4 0.0.0.0");
    w.with(P100, |p, now| p.reinvite_with(0, &sdp, now));
    w.run(0.5);
    assert_eq!(talk(&w).last_status, 200, "{}", w.story());
    let count = packets(&mut w, 5.0);
    assert!(count <= 1, "{count} packets on hold");
    // Resumed without an offer: ours, and the phone answers in its ACK.
    w.with(P100, |p, now| p.reinvite(0, "sendrecv", false, now));
    w.run(0.5);
    assert_eq!(talk(&w).last_status, 200, "{}", w.story());
    assert!(talk(&w).theirs.contains("m=audio"), "{}", talk(&w).theirs);
    assert!(packets(&mut w, 2.0) >= 99);
    w.far_ends("104,16");
    w.end();
}

#[test]
fn an_offer_that_cannot_be_taken_leaves_the_call_as_it_was() {
    let mut w = up(|_| ());
    let sdp = w.peers[P100].talks[0].sdp(&[18], false);
    w.with(P100, |p, now| p.reinvite_with(0, &sdp, now));
    w.run(0.5);
    assert_eq!(talk(&w).last_status, 488, "{}", w.story());
    assert!(packets(&mut w, 2.0) >= 99);
    w.with(P100, |p, now| p.bye(0, now));
    w.end();
}

#[test]
fn the_phone_moves_to_another_port_and_codec() {
    let mut w = up(|_| ());
    w.peers[P100].talks[0].rtp_at.set_port(45_000);
    w.peers[P100].codecs = vec![8];
    w.with(P100, |p, now| p.reinvite(0, "sendrecv", true, now));
    w.run(2.0);
    assert_eq!(talk(&w).payload_type, 8, "{}", w.story());
    assert!(talk(&w).heard.iter().rev().take(50).all(|(_, r)| r.payload_type == 8));
    w.far_ends("104,16");
    w.end();
}

#[test]
fn a_call_to_the_sim_can_be_held_too() {
    let mut w = home();
    w.sim_called(CALLER);
    w.run(8.0);
    w.with(P100, |p, now| p.reinvite(0, "sendonly", true, now));
    w.run(0.5);
    assert_eq!((talk(&w).last_status, talk(&w).their_direction()), (200, "recvonly"), "{}", w.story());
    w.with(P100, |p, now| p.bye(0, now));
    w.end();
}

#[test]
fn a_key_is_one_digit() {
    let mut w = up(|_| ());
    for code in [5, 10, 11, 5] {
        w.peers[P100].talks[0].press(code);
        w.run(1.0);
    }
    let digits: Vec<&str> = w.stick.commands.iter().filter_map(|c| c.strip_prefix("AT^DTMF=1,")).collect();
    assert_eq!(digits, ["5", "*", "#", "5"], "{}", w.story());
    w.far_ends("104,16");
    w.end();
}

#[test]
fn a_key_by_info_counts_where_there_are_no_events() {
    for events in [true, false] {
        let mut w = up(|w| w.peers[P100].events = events);
        w.with(P100, |p, now| p.info(0, '7', now));
        w.run(1.0);
        assert_eq!(talk(&w).last_status, 200, "{}", w.story());
        assert_eq!(w.stick.count("AT^DTMF=1,7"), usize::from(!events), "{}", w.story());
        w.far_ends("104,16");
        w.end();
    }
}

#[test]
fn a_key_before_the_answer_is_not_sent() {
    let mut w = home();
    w.stick.far = super::stick::Far::Rings(500);
    let t = dial(&mut w, P100, "0301234567");
    w.run(3.0);
    w.with(P100, |p, now| {
        p.talks[t].start_rtp(now);
        p.talks[t].press(5);
    });
    w.run(1.0);
    assert_eq!(w.stick.count("AT^DTMF"), 0, "{}", w.story());
    w.peers[P100].talks[t].next_rtp = None;
    w.with(P100, |p, now| p.cancel(t, now));
    w.end();
}

/// What a stranger sends to our port is not what the other side hears.
#[test]
fn sound_of_strangers_is_not_heard() {
    let mut w = up(|_| ());
    w.peers[P100].talks[0].muted = true;
    w.run(1.0);
    let from = w.stick.heard.len();
    let port = talk(&w).rtp_to.unwrap().port();
    for n in 0..100_u16 {
        let packet = super::sound::Rtp {
            payload_type: 0,
            sequence: n,
            timestamp: u32::from(n) * 160,
            payload: vec![0x80; 160],
        };
        let now = w.now();
        for mut bytes in [packet.to_bytes(false, 9), vec![0x80; 7]] {
            w.switch.handle_rtp(port, "192.0.2.66:5000".parse().unwrap(), &mut bytes, now);
        }
        w.settle();
        w.run(0.02);
    }
    let loudest = w.stick.heard[from..].iter().flatten().map(|s| i32::from(*s).abs()).max();
    assert!(loudest.unwrap() < 10_000, "{loudest:?}");
    w.far_ends("104,16");
    w.end();
}

/// Option `gain_in` reaches the phone, `gain_out` the stick.
#[test]
fn the_gains_of_a_dongle_are_heard() {
    let config = CONFIG.replace(
        "config dongle 'sim'\n",
        "config dongle 'sim'\n\toption gain_in '6'\n\toption gain_out '-12'\n",
    );
    let mut w = home_with(&config);
    w.sim_called(CALLER);
    w.run(13.0);
    let talk = talk(&w);
    let decode = if talk.payload_type == 8 { from_alaw } else { from_ulaw };
    let near = |got: i16, said: i16, gain: f64| (f64::from(got) / f64::from(said) - gain).abs() < 0.04 * gain;
    let last = &talk.heard[talk.heard.len() - 1].1.payload;
    assert!(last.iter().all(|b| near(decode(*b), STICK_SAYS, 1.995)), "{last:x?}");
    let last = w.stick.heard[w.stick.heard.len() - 1];
    assert!(last.iter().all(|s| near(*s, decode(PHONE_SAYS), 0.2512)), "{last:?}");
    w.with(P100, |p, now| p.bye(0, now));
    w.end();
}
