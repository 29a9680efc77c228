//! The SIM is called.
use super::house::*;
use super::peer::Answer;
use super::sound::{PHONE_SAYS, STICK_SAYS, from_ulaw};

const CALLER: &str = "+48500000000";

#[test]
fn every_arrow() {
    let mut w = home();
    w.sim_called(CALLER);
    w.run(13.0);
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
    let talk = &w.peers[P100].talks[0];
    assert!(talk.invite.get("From").contains("<sip:+48500000000@192.168.1.1>"), "{:?}", talk.invite);
    assert!(talk.invite.uri().starts_with("sip:100@192.168.1.100:5070"), "{:?}", talk.invite);
    // Sound, both ways, all the time.
    let said: Vec<u8> =
        talk.heard.iter().filter(|(_, r)| r.payload_type == 0).flat_map(|(_, r)| r.payload.clone()).collect();
    assert!(said.len() > 160 * 400, "{}", said.len());
    assert!(said.iter().rev().take(160 * 400).all(|b| from_ulaw(*b) == STICK_SAYS), "{:x?}", &said[..200]);
    let heard = &w.stick.heard;
    assert!(heard.len() > 400, "{}", heard.len());
    let good = heard.iter().filter(|f| f.iter().all(|s| *s == from_ulaw(PHONE_SAYS))).count();
    assert!(good > heard.len() - 20, "{good} of {}", heard.len());
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
fn the_phone_is_busy() {
    let mut w = home();
    w.peers[P100].answer = Answer::Refuse(486, 500);
    w.sim_called(CALLER);
    w.run(10.0);
    w.expect(&["100 < INVITE", "100 > 486 INVITE", "100 < ACK", "stick < AT+CHUP"]);
    w.end();
}
