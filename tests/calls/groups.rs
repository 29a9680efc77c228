//! Ring groups, forwarding, do not disturb, call waiting.
use super::house::*;
use super::incoming::{CALLER, check_sound};
use super::peer::Answer;
use super::stick::Far;
use super::world::World;
use serde_json::json;

const P102: usize = 2;

fn group(strategy: &str, otherwise: &str) -> String {
    format!(
        "
config extension '102'
	option secret 'geheimst'
config group 'home'
	option strategy '{strategy}'
	option timeout '10'
	list member '100'
	list member '101'
	list member '102'
	{otherwise}
config route 'to_home'
	list from 'extensions'
	list match '600'
	list to 'home'
"
    )
}

fn three(strategy: &str, otherwise: &str) -> World {
    with(&CONFIG.replace("option inbound '100'", "option inbound 'group/home'"), &group(strategy, otherwise))
}

fn with(config: &str, more: &str) -> World {
    let mut w = home_with(&format!("{config}{more}"));
    w.peers.push(phone("102", "geheimst", 102));
    w.with(P102, |p, now| p.register(3_600, now));
    w.run(1.0);
    w.forget();
    w
}

fn rung(w: &World) -> Vec<usize> {
    w.peers.iter().map(|p| p.talks.iter().filter(|t| !t.ours).count()).collect()
}

#[test]
fn all_ring_and_the_first_answer_wins() {
    let mut w = three("all", "");
    w.peers[P100].answer = Answer::Rings;
    w.peers[P101].answer = Answer::After(2_000);
    w.peers[P102].answer = Answer::Refuse(486, 500);
    w.sim_called(CALLER);
    w.run(1.0);
    let calls = w.request("calls", json!({}));
    assert_eq!(calls["result"]["calls"][0]["to"], "100, 101", "{calls}\n{}", w.story());
    w.run(5.0);
    assert_eq!(rung(&w), [1, 1, 1], "{}", w.story());
    let loser = &w.peers[P100].talks[0];
    assert!(loser.reason.starts_with("SIP;cause=200;text=\"Call completed elsewhere\""), "{}", loser.reason);
    check_sound(&w, P101, 0, 2);
    let calls = w.request("calls", json!({}));
    assert_eq!(calls["result"]["calls"][0]["to"], "101");
    w.with(P101, |p, now| p.bye(0, now));
    w.end();
}

#[test]
fn nobody_of_the_group_takes_it() {
    for (otherwise, ended) in [("", "480"), ("option otherwise 'hangup/busy'", "486")] {
        let mut w = three("all", otherwise);
        for peer in [P101, P102] {
            w.peers[peer].answer = Answer::Rings;
        }
        let t = dial(&mut w, P100, "600");
        w.run(9.0);
        assert_eq!(rung(&w), [0, 1, 1], "the caller does not ring\n{}", w.story());
        w.run(5.0);
        assert_eq!(w.peers[P100].talks[t].ended_by, ended, "{}", w.story());
        assert!(w.peers[P101].talks[0].is_over());
        w.end();
    }
}

#[test]
fn a_busy_group_goes_on_elsewhere() {
    let mut w = three("all", "option otherwise 'sim/0301234567'");
    w.peers[P101].answer = Answer::Refuse(486, 300);
    w.peers[P102].answer = Answer::Refuse(603, 600);
    let t = dial(&mut w, P100, "600");
    w.run(8.0);
    assert!(w.peers[P100].talks[t].is_up(), "{}", w.story());
    assert_eq!(w.stick.count("ATD0301234567;"), 1, "{}", w.story());
    w.with(P100, |p, now| p.bye(t, now));
    w.end();
}

#[test]
fn one_after_the_other() {
    for (strategy, first) in [("in_order", [1, 1]), ("rotate", [1, 2]), ("least_recent", [1, 2])] {
        let mut w = three(strategy, "");
        w.peers[P101].answer = Answer::Rings;
        w.peers[P102].answer = Answer::Rings;
        for want in first {
            let before = rung(&w);
            let t = dial(&mut w, P100, "600");
            w.run(1.0);
            let after = rung(&w);
            let ring: Vec<usize> = (1..3).filter(|at| after[*at] > before[*at]).collect();
            assert_eq!(ring, [want], "{strategy}\n{}", w.story());
            w.with(P100, |p, now| p.cancel(t, now));
            w.run(1.0);
        }
        // The first does not take it, the second does.
        w.peers[P101].answer = Answer::Rings;
        w.peers[P102].answer = Answer::Rings;
        let before = rung(&w);
        let t = dial(&mut w, P100, "600");
        w.run(11.5);
        let after = rung(&w);
        assert_eq!([after[1] - before[1], after[2] - before[2]], [1, 1], "{strategy}\n{}", w.story());
        w.run(11.0);
        assert_eq!(w.peers[P100].talks[t].ended_by, "480", "{strategy}\n{}", w.story());
        w.end();
    }
}

#[test]
fn groups_in_a_circle_end() {
    let circle = "
config group 'other'
	list member '103'
	option otherwise 'home'
config extension '103'
	option secret 'niemand'
";
    let mut w = with(CONFIG, &format!("{}{circle}", group("all", "option otherwise 'other'")));
    for peer in [P101, P102] {
        w.with(peer, |p, now| p.register(0, now));
    }
    w.run(1.0);
    let t = dial(&mut w, P100, "600");
    w.run(2.0);
    assert_eq!(w.peers[P100].talks[t].ended_by, "404", "{}", w.story());
    w.end();
}

/// 101 with these options.
fn set(options: &str) -> World {
    with(
        &CONFIG.replace(
            "option secret 'geheimer'\n\toption timeout '30'",
            &format!("option secret 'geheimer'\n\toption timeout '5'\n{options}"),
        ),
        "config extension '102'\n\toption secret 'geheimst'\n",
    )
}

#[test]
fn forwarding_that_is_set() {
    for (options, answer, there) in [
        ("option forward_always '102'", Answer::After(500), true),
        ("option forward_busy '102'", Answer::Refuse(486, 300), true),
        ("option forward_busy '102'\n\toption dnd '1'", Answer::After(500), true),
        ("option forward_no_answer '102'", Answer::Rings, true),
        ("option forward_unreachable '102'", Answer::After(0), false),
    ] {
        let mut w = set(options);
        w.peers[P101].answer = answer;
        w.peers[P102].answer = Answer::After(300);
        if !there {
            w.with(P101, |p, now| p.register(0, now));
            w.run(1.0);
        }
        let t = dial(&mut w, P100, "101");
        w.run(9.0);
        assert!(w.peers[P100].talks[t].is_up(), "{options}\n{}", w.story());
        assert!(w.peers[P102].talks[0].is_up(), "{options}\n{}", w.story());
        let invite = &w.peers[P102].talks[0].invite;
        assert!(invite.get("Diversion").starts_with("<sip:101@192.168.1.1>;reason="), "{options}");
        let history = invite.get("History-Info");
        assert!(
            history.starts_with("<sip:101@192.168.1.1>;index=1, <sip:102@192.168.1.1;cause="),
            "{history}"
        );
        let calls = w.request("calls", json!({}));
        assert_eq!(calls["result"]["calls"][0]["to"], "102");
        w.with(P100, |p, now| p.bye(t, now));
        w.end();
    }
}

#[test]
fn a_phone_that_does_not_want_it_is_not_forwarded() {
    let mut w = set("option forward_busy '102'\n\toption forward_no_answer '102'");
    w.peers[P101].answer = Answer::Refuse(603, 300);
    let t = dial(&mut w, P100, "101");
    w.run(2.0);
    assert_eq!(w.peers[P100].talks[t].ended_by, "603", "{}", w.story());
    w.end();
}

#[test]
fn forwarding_in_a_circle_ends() {
    let mut w = set("option forward_always '100'");
    w.request("extension", json!({"name": "100", "set": "always", "to": "101"}));
    let t = dial(&mut w, P102, "101");
    w.run(2.0);
    assert_eq!(w.peers[P102].talks[t].ended_by, "480", "{}", w.story());
    w.end();
}

/// A forwarding extension calls with its own permissions: no emergency number, nothing that no route takes.
#[test]
fn forwarding_to_where_it_may_not() {
    for number in ["112", "777"] {
        let mut w = set(&format!("option forward_always '{number}'"));
        let t = dial(&mut w, P100, "101");
        w.run(2.0);
        assert_eq!(w.peers[P100].talks[t].ended_by, "480", "{}", w.story());
        assert_eq!(w.stick.count("ATD"), 0);
        w.end();
    }
}

#[test]
fn do_not_disturb_and_back() {
    let mut w = set("");
    w.peers[P101].answer = Answer::After(200);
    let answer = w.request("extension", json!({"name": "101", "set": "dnd", "to": "on"}));
    assert_eq!(answer["result"]["dnd"], true, "{answer}");
    let t = dial(&mut w, P100, "101");
    w.run(1.0);
    assert_eq!(w.peers[P100].talks[t].ended_by, "486", "{}", w.story());
    assert_eq!(rung(&w)[P101], 0);
    w.request("extension", json!({"name": "101", "set": "dnd"}));
    let t = dial(&mut w, P100, "101");
    w.run(1.0);
    assert!(w.peers[P100].talks[t].is_up(), "{}", w.story());
    w.with(P100, |p, now| p.bye(t, now));
    let answer = w.request("extension", json!({"name": "111", "set": "dnd"}));
    assert_eq!(answer["error"]["code"], "not_found", "{answer}");
    let answer = w.request("extension", json!({"name": "101", "set": "sometimes"}));
    assert_eq!(answer["error"]["code"], "bad_parameter", "{answer}");
    for number in ["", " ()-", &"1".repeat(65), "nobody", "112"] {
        let answer = w.request("extension", json!({"name": "101", "set": "busy", "to": number}));
        assert_eq!(answer["error"]["code"], "bad_parameter", "{number}: {answer}");
    }
    w.end();
}

/// What an extension has set outlives the daemon; what its section says later is newer.
#[test]
fn a_setting_stands_after_a_restart_until_the_section_says_otherwise() {
    let mut w = set("");
    w.request("extension", json!({"name": "101", "set": "dnd", "to": "on"}));
    let set = w.request("extension", json!({"name": "101", "set": "busy", "to": "100"}))["result"].clone();
    assert_eq!((&set["dnd"], &set["busy"]), (&json!(true), &json!("100")), "{set}");
    w.restart(CONFIG);
    let ask = |w: &mut World| w.request("extension", json!({"name": "101"}))["result"].clone();
    assert_eq!(ask(&mut w), set);
    assert_eq!(w.status()["extensions"][1]["set"]["dnd"], true);
    w.reload(
        &CONFIG.replace("config extension '101'", "config extension '101'\n\toption forward_busy '100'"),
    );
    let now = ask(&mut w);
    assert_eq!((&now["dnd"], &now["busy"]), (&json!(false), &json!("100")), "{now}");
    // Back to what its section says: nothing is kept.
    w.reload(CONFIG);
    w.request("extension", json!({"name": "101", "set": "dnd"}));
    w.request("extension", json!({"name": "101", "set": "busy"}));
    w.restart(CONFIG);
    assert_eq!(ask(&mut w)["busy"], json!(null));
    w.end();
}

#[test]
fn a_setting_that_the_disk_does_not_take_is_told() {
    let mut w = set("");
    w.disk_is_full = true;
    let answer = w.request("extension", json!({"name": "101", "set": "dnd", "to": "on"}));
    assert_eq!(answer["error"]["code"], "unavailable", "{answer}");
    assert_eq!(w.request("extension", json!({"name": "101"}))["result"]["dnd"], true);
    w.disk_is_full = false;
    // It is written as soon as the disk takes it.
    w.run(61.0);
    w.restart(CONFIG);
    assert_eq!(w.request("extension", json!({"name": "101"}))["result"]["dnd"], true);
    w.end();
}

#[test]
fn call_waiting_and_without() {
    for (options, second) in [("", "up"), ("option call_waiting '0'", "486")] {
        let mut w = set(options);
        w.peers[P101].answer = Answer::After(200);
        let first = dial(&mut w, P100, "101");
        w.run(1.0);
        let t = dial(&mut w, P102, "101");
        w.run(1.0);
        let ended = if w.peers[P102].talks[t].is_up() { "up" } else { &w.peers[P102].talks[t].ended_by };
        assert_eq!(ended, second, "{}", w.story());
        w.with(P100, |p, now| p.bye(first, now));
        w.with(P102, |p, now| {
            if second == "up" {
                p.bye(t, now)
            }
        });
        w.end();
    }
}

#[test]
fn a_phone_sends_the_call_elsewhere() {
    let mut w = set("");
    w.peers[P101].answer = Answer::Refuse(302, 200);
    w.peers[P101].moved_to = "0301234567".to_owned();
    w.stick.far = Far::Answers { rings: 300, answers: 600 };
    let t = dial(&mut w, P100, "101");
    w.run(6.0);
    assert!(w.peers[P100].talks[t].is_up(), "{}", w.story());
    assert_eq!(w.stick.count("ATD0301234567;"), 1);
    w.with(P100, |p, now| p.bye(t, now));
    // Back to itself, and to a number of nobody.
    for to in ["101", "777", "112", ""] {
        w.run(2.0);
        w.peers[P101].moved_to = to.to_owned();
        let t = dial(&mut w, P100, "101");
        w.run(2.0);
        assert!(w.peers[P100].talks[t].is_over(), "{to}\n{}", w.story());
    }
    assert_eq!(w.stick.count("ATD"), 1);
    w.end();
}

/// The SIM's calls reach a phone that forwards to a number behind the provider, which hears for whom they were.
#[test]
fn a_call_is_forwarded_out_by_the_trunk() {
    let config = format!("{CONFIG}{TRUNK}");
    let mut w = home_with(&config);
    w.request("extension", json!({"name": "100", "set": "always", "to": "99040123"}));
    w.sim_called(CALLER);
    w.run(8.0);
    let talk = &w.peers[PROVIDER].talks[0];
    assert!(talk.is_up(), "{}", w.story());
    assert!(talk.invite.get("Diversion").contains("sip:100@sip.example.com>;reason=unconditional"));
    w.far_ends("104,16");
    w.run(1.0);
    // As the provider knows the extension.
    w.forget();
    w.reload(
        &config.replace("config extension '100'", "config extension '100'\n\toption caller_id '+4930100'"),
    );
    w.request("extension", json!({"name": "100", "set": "always", "to": "99040123"}));
    w.sim_called(CALLER);
    w.run(8.0);
    let invite = &w.peers[PROVIDER].talks.last().unwrap().invite;
    assert!(invite.get("Diversion").contains("sip:+4930100@sip.example.com>"), "{}", w.story());
    assert!(invite.get("History-Info").ends_with("@sip.example.com;cause=302>;index=1.1;mp=1"));
    w.far_ends("104,16");
    w.end();
}
