//! The WAN gets another address: the trunk registers from there at once, and the provider of a call hears of it.
use super::house::{CONFIG, P100, PROVIDER, TRUNK, dial, home_with};
use super::world::World;

const NEW: &str = "198.51.100.99";

fn house() -> World {
    home_with(&format!("{CONFIG}{TRUNK}"))
}

#[test]
fn a_new_address_is_told_at_once() {
    let mut w = house();
    let t = dial(&mut w, P100, "99040123");
    w.run(6.0);
    assert!(w.peers[P100].talks[t].is_up(), "{}", w.story());
    let old = w.peers[PROVIDER].talks[0].rtp_to.unwrap();
    assert_eq!(old.ip().to_string(), "198.51.100.7");
    w.forget();
    w.wan_changes(Some(NEW));
    w.run(1.0);
    w.expect(&["provider < REGISTER", "provider > 200 REGISTER"]);
    w.expect(&["provider < INVITE", "provider > 200 INVITE", "provider < ACK"]);
    let registered = w.peers[PROVIDER].registered.clone().unwrap();
    assert!(registered.contains(NEW), "{registered}");
    let invite = w.peers[PROVIDER].requests.iter().rev().find(|r| r.method() == "INVITE").unwrap();
    for header in ["Via", "Contact"] {
        assert!(invite.get(header).contains(NEW), "{}", invite.get(header));
    }
    let new = w.peers[PROVIDER].talks[0].rtp_to.unwrap();
    assert_eq!((new.ip().to_string().as_str(), new.port()), (NEW, old.port()));
    assert_eq!(w.count("100 < INVITE"), 0, "the phone sees the address that it saw before");
    // The same event again changes nothing.
    w.forget();
    w.wan_changes(Some(NEW));
    w.run(1.0);
    assert_eq!((w.count("provider < INVITE"), w.count("provider < REGISTER")), (0, 0), "{}", w.story());
    w.with(P100, |p, now| p.bye(t, now));
    w.run(1.0);
    assert_eq!(w.peers[PROVIDER].talks[0].ended_by, "BYE");
    w.end();
}

#[test]
fn a_wan_that_is_down_for_a_while() {
    let mut w = house();
    w.wan_changes(None);
    w.run(1.0);
    assert_ne!(w.status()["trunks"][0]["state"], "registered", "{}", w.story());
    w.forget();
    w.wan_changes(Some(NEW));
    w.run(1.0);
    w.expect(&["provider < REGISTER", "provider > 200 REGISTER"]);
    assert_eq!(w.status()["trunks"][0]["state"], "registered", "{}", w.story());
    w.end();
}

/// RFC 3261 section 18.1.1: what is too long for a datagram goes by TCP, with a Via that says so, and by UDP where the peer has no TCP.
#[test]
fn long_requests_go_by_tcp() {
    let name = "x".repeat(900);
    for takes in [true, false] {
        let mut w = home_with(&CONFIG.replace("Kitchen", &name));
        w.takes_large = takes;
        let t = dial(&mut w, P100, "101");
        w.run(5.0);
        let invite = w.peers[1].requests.iter().find(|r| r.method() == "INVITE").cloned();
        let invite = invite.unwrap_or_else(|| panic!("{}", w.story()));
        assert!(invite.to_bytes().len() > 1_300, "{}", invite.to_bytes().len());
        let via = invite.get("Via");
        assert_eq!(via.starts_with("SIP/2.0/TCP"), takes, "{via}");
        assert_eq!((w.count("101 < connection"), w.count("101 by connection")), (1, usize::from(takes)));
        assert!(w.peers[P100].talks[t].is_up(), "{}", w.story());
        w.with(P100, |p, now| p.bye(t, now));
        w.run(1.0);
        w.end();
    }
}

/// A connection has its addresses until its end, so a new one is made.
#[test]
fn a_trunk_by_tcp_connects_again() {
    let config = format!("{CONFIG}{TRUNK}")
        .replace("option register '1'", "option register '1'\n\toption transport 'tcp'");
    let mut w = home_with(&config);
    let t = dial(&mut w, P100, "99040123");
    w.run(6.0);
    assert!(w.peers[P100].talks[t].is_up(), "{}", w.story());
    w.forget();
    w.wan_changes(Some(NEW));
    w.run(1.0);
    w.expect(&["provider < REGISTER", "provider > 200 REGISTER"]);
    w.expect(&["provider < INVITE", "provider > 200 INVITE", "provider < ACK"]);
    assert!(w.peers[PROVIDER].registered.clone().unwrap().contains(NEW));
    assert_eq!(w.peers[PROVIDER].talks[0].rtp_to.unwrap().ip().to_string(), NEW);
    w.with(P100, |p, now| p.bye(t, now));
    w.run(1.0);
    assert_eq!(w.peers[PROVIDER].talks[0].ended_by, "BYE", "{}", w.story());
    w.end();
}

/// A connection to the provider is kept open, by RFC 5626 section 4.4.1; a datagram needs it only through a NAT.
#[test]
fn the_way_is_kept_open() {
    let mut w = house();
    w.run(1_200.0);
    assert_eq!(w.count("ping 203.0.113.10:5060"), 0, "no NAT");
    w.end();
    let config = format!("{CONFIG}{TRUNK}")
        .replace("option register '1'", "option register '1'\n\toption transport 'tcp'");
    let mut w = home_with(&config);
    w.run(1_200.0);
    assert_eq!(w.count("ping 203.0.113.10:5060"), 10, "{}", w.story());
    w.end();
}
