//! The SIM is called.
use super::house::*;
use super::peer::Answer;
use super::sound::{PHONE_SAYS, STICK_SAYS, from_alaw, from_ulaw};
use super::world::World;

pub const CALLER: &str = "+48500000000";

/// Sound flowed both ways, untouched, in all but some of the last `seconds`.
pub fn check_sound(w: &World, phone: usize, talk: usize, seconds: usize) {
    let talk = &w.peers[phone].talks[talk];
    let decode = if talk.payload_type == 8 { from_alaw } else { from_ulaw };
    let near = |a: i16, b: i16| (i32::from(a) - i32::from(b)).abs() < 100;
    let packets: Vec<_> = talk.heard.iter().filter(|(_, r)| r.payload_type == talk.payload_type).collect();
    let wanted = seconds * 50;
    assert!(packets.len() >= wanted, "{} packets\n{}", packets.len(), w.story());
    let good = |p: &[u8]| p.len() == 160 && p.iter().all(|b| near(decode(*b), STICK_SAYS));
    let count = packets.iter().rev().take(wanted).filter(|(_, r)| good(&r.payload)).count();
    assert_eq!(count, wanted, "{:x?}", &packets[packets.len() - wanted].1);
    assert!(packets.windows(2).all(|p| p[1].1.sequence == p[0].1.sequence.wrapping_add(1)), "gaps");
    assert!(packets.windows(2).all(|p| p[1].1.timestamp.wrapping_sub(p[0].1.timestamp) >= 160), "times");
    let says = decode(PHONE_SAYS);
    let good = |f: &[i16; 160]| f.iter().all(|s| *s == says);
    let count = w.stick.heard.iter().rev().take(wanted).filter(|f| good(f)).count();
    assert!(count + 25 > wanted, "{count} good frames of {wanted}; {:?}", w.stick.heard.last());
}

#[test]
fn every_arrow_and_the_phone_hangs_up() {
    let mut w = home();
    w.sim_called(CALLER);
    w.run(13.0);
    check_sound(&w, P100, 0, 8);
    w.with(P100, |p, now| p.bye(0, now));
    w.run(2.0);
    w.expect_all(&[
        "stick > RING",
        "100 < INVITE",
        "100 > 180 INVITE",
        "100 > 200 INVITE",
        "100 < ACK",
        "stick < ATA",
        "stick < AT^DDSETEX=2",
        "stick > ^CONN:1,0",
        "100 > BYE",
        "100 < 200 BYE",
        "stick < AT+CHUP",
        "stick > ^CEND:1,9,29,16",
    ]);
    let invite = &w.peers[P100].talks[0].invite;
    assert!(invite.get("From").contains("<sip:+48500000000@192.168.1.1>"), "{invite:?}");
    assert!(invite.uri().starts_with("sip:100@192.168.1.100:5070"), "{invite:?}");
    assert!(invite.body.contains("c=IN IP4 192.168.1.1\r\n"), "{invite:?}");
    w.end();
}

#[test]
fn every_arrow_and_the_caller_hangs_up() {
    let mut w = home();
    w.sim_called(CALLER);
    w.run(8.0);
    w.forget();
    w.far_ends("104,16");
    w.run(2.0);
    w.expect_all(&["stick > ^CEND:1,4,104,16", "100 < BYE", "100 > 200 BYE"]);
    let talk = &w.peers[P100].talks[0];
    assert_eq!(talk.ended_by, "BYE");
    assert!(talk.reason.starts_with("Q.850;cause=16"), "{}", talk.reason);
    w.end();
}

#[test]
fn pieces_of_samples_are_put_together() {
    let mut w = home();
    w.stick.pieces = 77;
    w.sim_called(CALLER);
    w.run(10.0);
    check_sound(&w, P100, 0, 4);
    w.far_ends("104,16");
    w.end();
}

#[test]
fn a_phone_that_knows_pcma_only() {
    let mut w = home();
    w.peers[P100].codecs = vec![8];
    w.peers[P100].events = false;
    w.sim_called(CALLER);
    w.run(10.0);
    assert_eq!(w.peers[P100].talks[0].payload_type, 8);
    check_sound(&w, P100, 0, 4);
    w.far_ends("104,16");
    w.end();
}

#[test]
fn a_phone_at_a_tcp_connection() {
    let mut w = home();
    w.with(P100, |p, now| p.register(0, now));
    w.run(1.0);
    w.connect(P100);
    w.with(P100, |p, now| p.register(3_600, now));
    w.run(1.0);
    assert_eq!(w.peers[P100].register_status, 200);
    w.forget();
    w.sim_called(CALLER);
    w.run(8.0);
    w.expect(&["100 < INVITE", "100 > 200 INVITE", "100 < ACK", "stick < ATA"]);
    assert!(w.peers[P100].talks[0].invite.get("Via").starts_with("SIP/2.0/TCP"));
    check_sound(&w, P100, 0, 2);
    w.far_ends("104,16");
    w.run(1.0);
    w.expect(&["100 < BYE", "100 > 200 BYE"]);
    w.end();
}

/// Its router shows another address than it knows of itself.
#[test]
fn a_phone_behind_nat() {
    let mut w = World::new(CONFIG);
    let mut p = phone("100", "geheim", 100);
    p.at = "203.0.113.77:61000".parse().unwrap();
    p.shown = "10.0.0.5:5060".parse().unwrap();
    p.server = super::world::WAN.parse().unwrap();
    w.peers.push(p);
    w.settle();
    w.plug();
    w.with(P100, |p, now| p.register(3_600, now));
    w.run(1.0);
    w.sim_called(CALLER);
    w.run(8.0);
    assert!(w.peers[P100].talks[0].is_up(), "{}", w.story());
    assert!(w.peers[P100].talks[0].theirs.contains("c=IN IP4 198.51.100.7\r\n"));
    w.far_ends("104,16");
    w.end();
}

#[test]
fn a_withheld_number() {
    let mut w = home();
    w.sim_called("");
    w.run(6.0);
    let from = w.peers[P100].talks[0].invite.get("From").to_owned();
    assert!(from.contains("<sip:anonymous@anonymous.invalid>"), "{from}");
    w.far_ends("104,16");
    w.end();
}

#[test]
fn the_caller_gives_up() {
    let mut w = home();
    w.peers[P100].answer = Answer::Rings;
    w.sim_called(CALLER);
    w.run(3.0);
    w.far_ends("104,16");
    w.run(2.0);
    w.expect_all(&[
        "stick > RING",
        "100 < INVITE",
        "100 > 180 INVITE",
        "stick > ^CEND:1,0,104,16",
        "100 < CANCEL",
        "100 > 200 CANCEL",
        "100 > 487 INVITE",
        "100 < ACK",
    ]);
    w.end();
}

#[test]
fn nobody_is_registered() {
    let mut w = home();
    w.with(P100, |p, now| p.register(0, now));
    w.run(1.0);
    w.forget();
    w.sim_called(CALLER);
    w.run(10.0);
    w.expect_all(&["stick > RING", "stick < AT+CHUP", "stick > ^CEND:1,0,29,16"]);
    w.end();
}

#[test]
fn busy_and_declined_end_the_call_of_the_sim() {
    for status in [486, 480, 603, 404, 488, 500] {
        let mut w = home();
        w.peers[P100].answer = Answer::Refuse(status, 700);
        w.sim_called(CALLER);
        w.run(4.0);
        w.expect_all(&[
            "stick > RING",
            "100 < INVITE",
            "100 > 180 INVITE",
            &format!("100 > {status} INVITE"),
            "100 < ACK",
            "stick < AT+CHUP",
            "stick > ^CEND:1,0,29,16",
        ]);
        w.end();
    }
}

#[test]
fn nobody_answers_in_time() {
    let mut w = home();
    w.peers[P100].answer = Answer::Rings;
    w.sim_called(CALLER);
    w.run(29.0);
    assert_eq!(w.count("100 < CANCEL"), 0, "{}", w.story());
    w.run(5.0);
    w.expect(&["100 < CANCEL", "100 > 487 INVITE", "100 < ACK"]);
    w.expect(&["100 < CANCEL", "stick < AT+CHUP", "stick > ^CEND:1,0,29,16"]);
    assert_eq!(w.count("stick < AT+CHUP"), 1);
    w.end();
}

#[test]
fn a_phone_that_is_gone() {
    let mut w = home();
    w.peers[P100].answer = Answer::Gone;
    w.sim_called(CALLER);
    w.run(40.0);
    assert!(w.count("100 < INVITE") >= 6, "{}", w.story());
    w.expect(&["100 < INVITE", "stick < AT+CHUP", "stick > ^CEND:1,0,29,16"]);
    assert_eq!((w.count("stick < AT+CHUP"), w.count("stick < ATA")), (1, 0));
    w.end();
}

#[test]
fn two_phones_ring_and_one_answers() {
    let mut w = home();
    let second = w.peers.len();
    w.peers.push(phone("100b", "geheim", 110));
    w.with(second, |p, now| p.register(3_600, now));
    w.run(1.0);
    assert_eq!(w.peers[second].register_status, 200);
    w.peers[P100].answer = Answer::Rings;
    w.peers[second].answer = Answer::After(2_000);
    w.forget();
    w.sim_called(CALLER);
    w.run(8.0);
    w.expect(&["100 < INVITE", "100b > 200 INVITE", "100 < CANCEL", "100 > 487 INVITE", "100 < ACK"]);
    w.expect(&["100b < INVITE", "100b > 200 INVITE", "100b < ACK", "stick < ATA"]);
    let loser = &w.peers[P100].talks[0];
    assert!(loser.reason.starts_with("SIP;cause=200;text=\"Call completed elsewhere\""), "{}", loser.reason);
    check_sound(&w, second, 0, 3);
    w.with(second, |p, now| p.bye(0, now));
    w.run(1.0);
    assert_eq!(w.count("stick < AT+CHUP"), 1);
    w.end();
}

/// Both take the call in the same moment: one has it, the other is told that it is over.
#[test]
fn two_phones_answer_at_once() {
    for later in [0, 1, 4, 9, 11, 20] {
        let mut w = home();
        let second = w.peers.len();
        w.peers.push(phone("100b", "geheim", 110));
        w.with(second, |p, now| p.register(3_600, now));
        w.run(1.0);
        w.peers[P100].answer = Answer::After(2_000);
        w.peers[second].answer = Answer::After(2_000 + later);
        w.sim_called(CALLER);
        w.run(8.0);
        let up = |p: usize| w.peers[p].talks[0].is_up();
        assert!(up(P100) ^ up(second), "{later} ms\n{}", w.story());
        assert_eq!(w.stick.count("ATA"), 1);
        w.far_ends("104,16");
        w.end();
    }
}

#[test]
fn to_a_number_behind_a_trunk() {
    let config = format!("{CONFIG}{TRUNK}").replace(
        "option inbound '100'\n\toption number",
        "option inbound 'provider/+919876543210'\n\toption number",
    );
    let mut w = home_with(&config);
    w.sim_called(CALLER);
    w.run(10.0);
    w.expect(&[
        "stick > RING",
        "provider < INVITE",
        "provider > 407 INVITE",
        "provider < ACK",
        "provider < INVITE",
        "provider > 180 INVITE",
        "provider > 200 INVITE",
        "provider < ACK",
        "stick < ATA",
        "stick > ^CONN:1,0",
    ]);
    let invite = &w.peers[PROVIDER].talks[0].invite;
    assert_eq!(invite.uri(), "sip:+919876543210@sip.example.com");
    assert!(w.peers[PROVIDER].talks[0].theirs.contains("c=IN IP4 198.51.100.7\r\n"), "{invite:?}");
    check_sound(&w, PROVIDER, 0, 4);
    w.far_ends("104,16");
    w.run(1.0);
    w.expect(&["provider < BYE", "provider > 200 BYE"]);
    w.end();
}

#[test]
fn a_call_from_the_trunk_rings_the_phone() {
    let mut w = home_with(&format!("{CONFIG}{TRUNK}"));
    let uri = w.peers[PROVIDER].registered.clone().unwrap();
    w.with(PROVIDER, |p, now| p.call(&uri, "<sip:+4940999@sip.example.com>", now));
    w.run(6.0);
    w.expect(&[
        "provider > INVITE",
        "100 < INVITE",
        "100 > 180 INVITE",
        "provider < 180 INVITE",
        "100 > 200 INVITE",
        "provider < 200 INVITE",
        "provider > ACK",
    ]);
    let phone = &w.peers[P100].talks[0];
    assert!(phone.invite.get("From").contains("<sip:+4940999@192.168.1.1>"), "{:?}", phone.invite);
    assert!(phone.heard.len() > 100, "{}", phone.heard.len());
    assert!(w.peers[PROVIDER].talks[0].heard.len() > 100);
    w.with(PROVIDER, |p, now| p.bye(0, now));
    w.run(1.0);
    assert_eq!(w.peers[P100].talks[0].ended_by, "BYE");
    w.end();
}
