//! Calls by the control socket.
use super::house::*;
use super::incoming::{CALLER, check_sound};
use super::peer::Answer;
use serde_json::json;

#[test]
fn dial_rings_the_phone_first() {
    let mut w = home();
    w.peers[P100].answer = Answer::After(1_000);
    let answer = w.request("dial", json!({"from": "100", "to": "0301234567"}));
    let id = answer["result"]["id"].as_u64().unwrap_or_else(|| panic!("{answer}"));
    w.run(0.9);
    assert_eq!(w.stick.count("ATD"), 0, "the phone has not answered");
    w.run(8.0);
    w.expect(&[
        "100 < INVITE",
        "100 > 200 INVITE",
        "100 < ACK",
        "stick < ATD0301234567;",
        "stick > ^CONN:1,0",
    ]);
    assert!(w.peers[P100].talks[0].invite.get("Call-Info").contains("answer-after=0"));
    check_sound(&w, P100, 0, 2);
    let calls = w.request("calls", json!({}));
    let call = &calls["result"]["calls"][0];
    assert_eq!((call["id"].as_u64(), call["from"].as_str()), (Some(id), Some("100")), "{calls}");
    assert_eq!(
        (call["state"].as_str(), call["to"].as_str()),
        (Some("up"), Some("sim/0301234567")),
        "{calls}"
    );
    let answer = w.request("hangup", json!({"call": id}));
    assert_eq!(answer["result"]["ended"], 1, "{answer}");
    w.run(2.0);
    w.expect(&["100 < BYE", "100 > 200 BYE"]);
    assert_eq!(w.stick.count("AT+CHUP"), 1);
    let recent = w.request("calls", json!({}))["result"]["recent"][0].clone();
    assert!(recent["talked_s"].as_u64() > Some(1), "{recent}");
    w.end();
}

#[test]
fn dial_and_the_phone_is_not_answered_or_busy_or_not_there() {
    let mut w = home();
    let answer = w.request("dial", json!({"from": "102", "to": "0301234567"}));
    assert_eq!(answer["error"]["message"], "there is no extension '102'");
    w.peers[P100].answer = Answer::Refuse(486, 500);
    w.request("dial", json!({"from": "100", "to": "0301234567"}));
    w.run(3.0);
    w.peers[P100].answer = Answer::Rings;
    w.request("dial", json!({"from": "100", "to": "0301234567"}));
    w.run(35.0);
    w.expect(&["100 > 486 INVITE", "100 < INVITE", "100 < CANCEL", "100 > 487 INVITE"]);
    assert_eq!(w.stick.count("ATD"), 0, "{}", w.story());
    w.with(P100, |p, now| p.register(0, now));
    w.run(1.0);
    let answer = w.request("dial", json!({"from": "100", "to": "0301234567"}));
    assert_eq!(answer["error"]["message"], "no phone is registered as '100'", "{answer}");
    w.end();
}

/// The far side is busy: the phone that was rung for it hears so by BYE.
#[test]
fn dial_and_the_far_side_is_busy() {
    let mut w = home();
    w.peers[P100].answer = Answer::After(500);
    w.stick.far = super::stick::Far::Ends(1_000, "104,17");
    w.request("dial", json!({"from": "100", "to": "0301234567"}));
    w.run(5.0);
    let talk = &w.peers[P100].talks[0];
    assert_eq!(talk.ended_by, "BYE", "{}", w.story());
    assert!(talk.reason.starts_with("Q.850;cause=17"), "{}", talk.reason);
    w.end();
}

#[test]
fn hangup_in_every_phase() {
    for seconds in [0.02, 0.5, 3.0, 8.0] {
        for outgoing in [true, false] {
            let mut w = home();
            if outgoing {
                dial(&mut w, P100, "0301234567");
            } else {
                w.sim_called(CALLER);
            }
            w.run(seconds);
            w.request("hangup", json!({"call": "all"}));
            w.run(8.0);
            assert!(w.stick.call.is_none(), "{seconds} {outgoing}\n{}", w.story());
            assert!(w.peers[P100].talks.iter().all(|t| t.is_over()), "{seconds} {outgoing}\n{}", w.story());
            let answer = w.request("hangup", json!({"call": 77}));
            assert_eq!(answer["error"]["code"], "not_found", "{answer}");
            w.end();
        }
    }
}

#[test]
fn a_service_code_between_calls() {
    let mut w = home();
    w.request("ussd", json!({"code": "*100#"}));
    w.run(2.0);
    let answer = w.replies.pop().unwrap_or_default();
    assert_eq!(answer["result"]["text"], "OCTATOK 0.51 p.", "{answer}\n{}", w.story());
    w.end();
}

/// What phones ask outside of calls.
#[test]
fn other_requests_have_their_answers() {
    let mut w = home();
    for (method, event, status) in [
        ("OPTIONS", "", 200),
        ("NOTIFY", "keep-alive", 200),
        ("NOTIFY", "message-summary", 489),
        // Without a Contact nobody can be told.
        ("SUBSCRIBE", "message-summary", 400),
        ("SUBSCRIBE", "reg", 489),
        ("PUBLISH", "presence", 489),
        ("MESSAGE", "", 404),
        ("BYE", "", 481),
    ] {
        w.with(P100, |p, now| p.ask(method, &[("Event", event)], now));
        w.run(0.5);
        let answer = w.peers[P100].responses.last().unwrap();
        assert_eq!((answer.method(), answer.status()), (method, status), "{}", w.story());
        if method == "OPTIONS" {
            // RFC 3261 11.2.
            assert!(answer.get("Allow").contains("INVITE") && answer.get("Supported").contains("timer"));
        }
    }
    w.end();
}
