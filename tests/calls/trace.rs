//! `tandem trace`: what a client sees of the messages.
use super::house::*;
use super::incoming::CALLER;
use super::world::World;
use serde_json::{Value, json};

/// `in 100 INVITE`, of those traced so far.
fn steps(w: &World) -> Vec<String> {
    let word = |event: &Value, name: &str| event[name].as_str().unwrap_or("?").to_owned();
    let of = |line: &Value| {
        let event = &line["event"];
        let message = word(event, "message");
        let first: Vec<&str> = message.split(' ').collect();
        let what = if first[0] == "SIP/2.0" { first[1] } else { first[0] };
        format!("{} {} {what}", word(event, "direction"), word(event, "who"))
    };
    w.traced.iter().map(of).collect()
}

#[test]
fn a_call_as_it_happens() {
    let mut w = home();
    let answer = w.request("trace", json!({}));
    assert_eq!(answer["result"]["at_us"], w.us, "{answer}");
    w.sim_called(CALLER);
    w.run(8.0);
    w.far_ends("104,16");
    w.run(1.0);
    // A registration is no call.
    w.with(P101, |p, now| p.register(3_600, now));
    w.run(1.0);
    let want = ["out 100 INVITE", "in 100 180", "in 100 200", "out 100 ACK", "out 100 BYE", "in 100 200"];
    assert_eq!(steps(&w), want, "{}", w.story());
    // The BYE and its answer still belong to the call.
    assert!(w.traced.iter().all(|line| line["event"]["call"] == 1), "{:?}", w.traced);
    assert_eq!(w.traced[0]["event"]["remote"], "192.168.1.100:5070");
    assert_eq!(w.traced[0]["event"]["transport"], "UDP");
    w.end();
}

#[test]
fn everything_without_credentials() {
    let mut w = home();
    w.request("trace", json!({"all": true}));
    w.with(P101, |p, now| p.register(3_600, now));
    w.run(1.0);
    assert_eq!(
        steps(&w),
        ["in 101 REGISTER", "out 101 401", "in 101 REGISTER", "out 101 200"],
        "{}",
        w.story()
    );
    let proof = w.traced[2]["event"]["message"].as_str().unwrap().to_owned();
    assert!(proof.contains("username=\"101\"") && proof.contains(", response=\"xxxxxxxx"), "{proof}");
    w.switch.handle_client_gone(1);
    w.traced.clear();
    w.with(P101, |p, now| p.register(3_600, now));
    w.run(1.0);
    assert!(w.traced.is_empty(), "its client is gone");
    w.end();
}

#[test]
fn one_call_of_two() {
    let mut w = home();
    w.peers[P101].answer = super::peer::Answer::Rings;
    let talk = w.with(P100, |p, now| p.call(&uri("101"), "<sip:100@192.168.1.1>", now));
    w.run(0.5);
    assert_eq!(w.request("trace", json!({"call": 9}))["error"]["code"], "not_found");
    w.request("trace", json!({"call": 1}));
    let other = dial(&mut w, P100, "0301234567");
    w.run(6.0);
    assert!(w.traced.is_empty(), "{:?}", steps(&w));
    w.with(P100, |p, now| p.cancel(talk, now));
    w.run(1.0);
    let seen = steps(&w);
    for step in ["in 100 CANCEL", "out 100 487", "out 101 CANCEL", "in 101 487"] {
        assert!(seen.contains(&step.to_owned()), "{step}: {seen:?}");
    }
    w.with(P100, |p, now| p.bye(other, now));
    w.run(1.0);
    w.end();
}

#[test]
fn not_too_many() {
    let mut w = home();
    for client in 10..15 {
        let now = w.now();
        w.switch.handle_request(client, r#"{"id":1,"method":"trace"}"#, now);
        w.settle();
        let answer = w.replies.pop().unwrap();
        assert_eq!(answer["error"]["code"] == "unavailable", client == 14, "{answer}");
    }
    w.end();
}
