//! Phones that register: what strangers learn, and what a restart leaves.
use super::house::*;
use super::world::{STRANGER, World};
use serde_json::Value;
use tandem::config::Loaded;
use tandem::sip::{Flow, Transport};
use tandem::switch::{Output, Switch};
use tandem::util::time::{Instant, Now, Wall};

const HOUSE: &str = "
config extension '20'
	option secret 'one'
config extension '21'
	option secret 'two'
	option digest 'sha256'
config extension '22'
	option secret 'three'
	option digest 'md5 sha256'
";

struct Door {
    switch: Switch,
    asked: u32,
}

impl Door {
    fn new(config: &str) -> Self {
        let loaded = Loaded::parse(config.as_bytes());
        assert!(loaded.is_right(), "{loaded}");
        let now = Now { mono: Instant::ZERO, wall: Wall(1_795_000_000) };
        Self { switch: Switch::new(loaded, "model", &[], [7; 32], now), asked: 0 }
    }

    /// The answer to a request of this user, without what differs each time.
    fn ask(&mut self, method: &str, user: &str, answer: Option<&str>) -> String {
        self.asked += 1;
        let n = self.asked;
        let answer = answer.map_or(String::new(), |algorithm| {
            format!(
                "Authorization: Digest username=\"{user}\", realm=\"tandem\", nonce=\"00\", uri=\"sip:x\", \
                 response=\"0123456789abcdef0123456789abcdef\", algorithm={algorithm}\r\n"
            )
        });
        let text = format!(
            "{method} sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.66:5060;branch=z9hG4bK{n};rport\r\n\
             From: <sip:{user}@x>;tag=f\r\nTo: <sip:{user}@x>\r\nCall-ID: c{n}\r\nCSeq: 1 {method}\r\n\
             Max-Forwards: 70\r\nContact: <sip:{user}@192.0.2.66>\r\n{answer}Content-Length: 0\r\n\r\n"
        );
        let (local, remote) = ("192.0.2.1:5060".parse().unwrap(), STRANGER.parse().unwrap());
        let flow = Flow { transport: Transport::Udp, id: 1, local, remote };
        let now = Now { mono: Instant::from_micros(u64::from(n) * 1_000_000), wall: Wall(1_795_000_000) };
        self.switch.handle_datagram(flow, text.as_bytes(), now);
        let mut answer = None;
        while let Some(output) = self.switch.poll_output() {
            if let Output::Sip { bytes, .. } = output {
                answer = answer.or(Some(String::from_utf8(bytes).unwrap()));
            }
        }
        let answer = answer.unwrap_or_default();
        assert!(answer.starts_with("SIP/2.0 401 "), "{answer}");
        let lines = answer.lines().map(|line| match line.split_once("nonce=\"") {
            Some((before, rest)) => format!("{before}NONCE{}", rest.split_once('"').unwrap().1),
            None => {
                line.split("tag=").next().unwrap_or_default().replace(&format!("sip:{user}@"), "sip:USER@")
            }
        });
        let told =
            |line: &String| !["Via", "Call-ID", "CSeq", "v:", "i:"].iter().any(|n| line.starts_with(n));
        lines.filter(told).collect::<Vec<_>>().join("\n")
    }
}

/// Who tries names learns none: the answer to a name that nobody has is one that somebody could get, and always the same.
#[test]
fn known_and_unknown_users_get_the_same_answer() {
    for method in ["REGISTER", "INVITE"] {
        for proof in [None, Some("MD5"), Some("SHA-256")] {
            let mut door = Door::new(HOUSE);
            let known: Vec<String> = ["20", "21", "22"].iter().map(|u| door.ask(method, u, proof)).collect();
            assert_eq!(known.iter().filter(|k| k.contains("SHA-256")).count(), 2, "{known:#?}");
            let mut seen = Vec::new();
            for user in 30..60 {
                let user = user.to_string();
                let told = door.ask(method, &user, proof);
                assert!(known.contains(&told), "{told}\n{known:#?}");
                assert_eq!(door.ask(method, &user, proof), told, "a second look");
                seen.push(told);
            }
            // None of the three kinds is a sign of being known.
            assert!(known.iter().all(|kind| seen.contains(kind)));
        }
    }
    let mut plain = Door::new("config extension '20'\n\toption secret 'one'\n");
    let known = plain.ask("REGISTER", "20", None);
    assert_eq!(plain.ask("REGISTER", "99", None), known);
    assert_eq!(plain.ask("REGISTER", "99", Some("MD5")), known);
}

/// The daemon ends as it should, and starts again.
fn reboot(w: &mut World) {
    let now = w.now();
    w.switch.handle_end(now);
    w.settle();
    assert!(w.switch.is_stored());
    w.restart(CONFIG);
}

fn contacts(w: &mut World) -> Vec<usize> {
    let status = w.status();
    let extensions = status["extensions"].as_array().unwrap();
    extensions.iter().map(|e| e["contacts"].as_array().map_or(0, Vec::len)).collect()
}

#[test]
fn phones_ring_at_once_after_a_restart() {
    let mut w = home();
    assert_eq!(contacts(&mut w), [1, 1]);
    reboot(&mut w);
    assert_eq!(contacts(&mut w), [1, 1], "known before anybody has registered again");
    w.forget();
    let t = dial(&mut w, P101, "100");
    w.run(5.0);
    w.expect(&[
        "100 < INVITE",
        "100 > 180 INVITE",
        "101 < 180 INVITE",
        "100 > 200 INVITE",
        "101 < 200 INVITE",
    ]);
    w.with(P101, |p, now| p.bye(t, now));
    w.run(1.0);
    // Those that do not come again in the time that they were granted are gone.
    w.run(3_700.0);
    assert_eq!(contacts(&mut w), [0, 0]);
    w.end();
}

/// The flash is written once an hour at most, whatever the phones do, and not at all while nothing changes.
#[test]
fn registrations_are_written_hourly() {
    let mut w = home();
    assert_eq!(w.written, 0, "not for each phone");
    w.run(70.0);
    assert_eq!(w.written, 1);
    for minute in 0..50 {
        w.with(P100, |p, now| p.register(if minute % 2 == 0 { 0 } else { 3_600 }, now));
        w.run(60.0);
    }
    assert_eq!(w.written, 1);
    w.with(P101, |p, now| p.register(3_600, now));
    w.run(900.0);
    assert_eq!(w.written, 2);
    for _ in 0..6 {
        w.with(P100, |p, now| p.register(3_600, now));
        w.with(P101, |p, now| p.register(3_600, now));
        w.run(1_800.0);
    }
    assert_eq!(w.written, 2, "refreshes are no news");
    let record = String::from_utf8(w.files["phones.reg"].clone()).unwrap();
    assert!(!record.contains("geheim"), "{record}");
    let record: Value = serde_json::from_str(record.split_once('\n').unwrap().1).unwrap();
    assert_eq!(record["phones"].as_array().unwrap().len(), 2);
    w.end();
}

/// What others wrote there harms nobody.
#[test]
fn a_record_with_rubbish_is_passed_over() {
    let mut w = home();
    reboot(&mut w);
    let good = String::from_utf8(w.files["phones.reg"].clone()).unwrap();
    let mut record: Value = serde_json::from_str(good.split_once('\n').unwrap().1).unwrap();
    let phones = record["phones"].as_array_mut().unwrap();
    phones[0]["contact"] = "<tel:1>;expires=1\r\nX: y".into();
    phones.push(Value::Null);
    w.files.insert("phones.reg".to_owned(), tandem::message::store::encode(&record));
    reboot(&mut w);
    let known = contacts(&mut w);
    assert_eq!(known.iter().sum::<usize>(), 1, "{known:?}");
    w.end();
}
