//! Trunks: servers that are dead, strangers that ask for the password, numbers as the provider wants them.
use super::house::*;
use super::peer::{Answer, Peer};
use super::text::Msg;
use super::world::{WAN, World};

const FIRST: usize = 2;
const SECOND: usize = 3;

/// A provider with two servers behind its name.
fn two_servers(config: &str, first: Answer) -> World {
    let mut w = World::new(config);
    w.peers.push(phone("100", "geheim", 100));
    w.peers.push(phone("101", "geheimer", 101));
    for (name, at) in [("first", "203.0.113.10:5060"), ("second", "203.0.113.11:5060")] {
        let mut provider = Peer::new(name, "trunkpass", at, WAN);
        provider.user = "4930555".to_owned();
        provider.challenges = true;
        provider.answer = Answer::After(300);
        w.peers.push(provider);
    }
    w.peers[FIRST].answer = first;
    w.settle();
    w.with(P100, |p, now| p.register(7_200, now));
    w.run(1.0);
    w
}

fn trunk(w: &mut World) -> serde_json::Value {
    w.status()["trunks"][0].clone()
}

#[test]
fn the_next_server_is_taken_when_one_is_dead_and_kept() {
    let mut w = two_servers(&format!("{CONFIG}{TRUNK}"), Answer::Gone);
    assert!(w.peers[SECOND].registered.is_none());
    w.run(40.0);
    let view = trunk(&mut w);
    assert_eq!(view["state"], "registered", "{view}");
    assert_eq!((&view["last_error"], &view["address"]), (&"no answer".into(), &"203.0.113.11:5060".into()));
    assert!(view["ms"].is_u64(), "{view}");
    w.forget();
    let t = dial(&mut w, P100, "99040123");
    w.run(3.0);
    w.expect(&[
        "second < INVITE",
        "second > 407 INVITE",
        "second < INVITE",
        "second > 200 INVITE",
        "100 < 200 INVITE",
    ]);
    assert_eq!(w.count("first < INVITE"), 0);
    w.with(P100, |p, now| p.bye(t, now));
    w.run(1.0);
    // The first one is back: the registration stays where it is.
    w.peers[FIRST].answer = Answer::After(300);
    w.run(1_200.0);
    assert!(w.peers[FIRST].registered.is_none() && w.peers[SECOND].registrations >= 3);
    w.end();
}

#[test]
fn a_call_takes_the_next_server_of_its_trunk() {
    let config = TRUNK.replace("	option register '1'\n", "");
    let mut w = two_servers(&format!("{CONFIG}{config}"), Answer::After(300));
    w.run(40.0);
    w.peers[FIRST].answer = Answer::Gone;
    let t = dial(&mut w, P100, "99040123");
    w.run(60.0);
    w.expect(&["first < INVITE", "second < INVITE", "second > 200 INVITE", "100 < 200 INVITE"]);
    w.with(P100, |p, now| p.bye(t, now));
    w.run(1.0);
    // The next one does not wait for a dead server.
    w.forget();
    let t = dial(&mut w, P100, "99040123");
    w.run(3.0);
    w.expect(&["second < INVITE", "100 < 200 INVITE"]);
    assert_eq!(w.count("first < INVITE"), 0);
    w.with(P100, |p, now| p.bye(t, now));
    w.run(60.0);
    w.end();
}

/// Who gets an answer may try passwords on it: only the realm that took our registration, and who belongs to its domain.
#[test]
fn a_foreign_realm_gets_no_answer() {
    for (realm, answered) in [
        ("provider", true),
        ("edge.example.com", true),
        ("evil.example", false),
        ("example.com.evil.example", false),
    ] {
        let mut w = home_with(&format!("{CONFIG}{TRUNK}"));
        w.peers[PROVIDER].call_realm = realm;
        w.peers[PROVIDER].answer = Answer::After(300);
        let t = dial(&mut w, P100, "99040123");
        w.run(3.0);
        let proofs = w.peers[PROVIDER].requests.iter().filter(|r| r.method() == "INVITE");
        let proofs = proofs.filter(|r| !r.get("Proxy-Authorization").is_empty()).count();
        assert_eq!(proofs > 0, answered, "{realm}\n{}", w.story());
        if answered {
            w.with(P100, |p, now| p.bye(t, now));
        } else {
            assert_eq!(w.peers[P100].talks[t].ended_by, "403");
            let error = trunk(&mut w)["last_error"].as_str().unwrap_or_default().to_owned();
            assert!(error.contains("realm"), "{error}");
        }
        w.run(1.0);
        w.end();
    }
}

/// Each request is one of its own: the same question at the next one does not say that the password was wrong.
#[test]
fn a_provider_that_asks_at_every_request() {
    let mut w = home_with(&format!("{CONFIG}{TRUNK}"));
    let provider = &mut w.peers[PROVIDER];
    (provider.challenges_all, provider.timer) = (true, "90;refresher=uac");
    let t = dial(&mut w, P100, "99040123");
    w.run(600.0);
    let is_refresh = |r: &&Msg| r.method() == "INVITE" && r.get("To").contains("tag=");
    let asked = w.peers[PROVIDER].requests.iter().filter(is_refresh);
    let proven = asked.filter(|r| !r.get("Proxy-Authorization").is_empty()).count();
    assert!(proven >= 10, "a refresh each 45 s, but {proven}\n{}", w.story());
    assert!(w.peers[PROVIDER].talks[0].is_up() && w.peers[P100].talks[t].is_up());
    w.with(P100, |p, now| p.bye(t, now));
    w.run(1.0);
    w.expect(&["provider < BYE", "provider > 407 BYE", "provider < BYE", "provider > 200 BYE"]);
    w.end();
}

/// Failover only where it is deserved: the called is not rung twice.
#[test]
fn who_is_busy_or_says_no_is_not_called_by_another_way() {
    let trunk =
        TRUNK.replacen("	list to 'provider'\n", "	list to 'provider'\n	list to 'hangup/not_found'\n", 1);
    let config = format!("{CONFIG}{trunk}");
    for (status, told) in [(486, "486"), (603, "603"), (503, "404"), (403, "404"), (500, "404")] {
        let mut w = home_with(&config);
        w.peers[PROVIDER].answer = Answer::Refuse(status, 0);
        let t = dial(&mut w, P100, "99040123");
        w.run(3.0);
        assert_eq!(w.peers[P100].talks[t].ended_by, told, "{status}\n{}", w.story());
        w.run(60.0);
        w.end();
    }
}

#[test]
fn explained() {
    let mut w = home_with(&format!("{CONFIG}{TRUNK}"));
    let told = w.request("route_explain", serde_json::json!({"from": "100", "to": "99040123"}));
    let told = &told["result"];
    assert_eq!((&told["decision"], &told["rule"]), (&"dial".into(), &"by_trunk".into()), "{told}");
    assert_eq!(
        (&told["ways"][0]["name"], &told["ways"][0]["number"]),
        (&"provider".into(), &"040123".into())
    );
    assert_eq!(told["ways"][0]["up"], true);
    assert!(
        told["routes"].as_array().unwrap().iter().any(|r| r["says"] == "takes other numbers (match)"),
        "{told}"
    );
    let told = w.request("route_explain", serde_json::json!({"from": "100", "to": "112"}));
    assert_eq!(told["result"]["decision"], "emergency");
    let told = w.request("route_explain", serde_json::json!({"from": "77", "to": "112"}));
    assert_eq!(told["error"]["code"], "not_found");
    w.end();
}
