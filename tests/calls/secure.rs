//! Encrypted sound: who gets it, and what strangers make of it.
use super::house::*;
use super::peer::Answer;
use super::sound::Rtp;
use super::srtp::Srtp;
use super::world::World;
use serde_json::{Value, json};

const KEY: u8 = 0xa5;
const OTHER_KEY: u8 = 0x3c;

/// The usual house with these lines for 100 and for 101.
fn house(first: &str, second: &str) -> World {
    let config = CONFIG
        .replace("	option secret 'geheim'\n", &format!("	option secret 'geheim'\n{first}"))
        .replace("	option secret 'geheimer'\n", &format!("	option secret 'geheimer'\n{second}"));
    let mut w = home_with(&config);
    w.peers[P101].answer = Answer::After(500);
    w
}

const OFF: &str = "	option srtp 'off'\n";
const OPTIONAL: &str = "	option srtp 'optional'\n";
const REQUIRED: &str = "	option srtp 'required'\n";

fn talking(w: &mut World, number: &str) {
    let t = dial(w, P100, number);
    w.run(2.0);
    assert!(w.peers[P100].talks[t].is_up(), "{}", w.story());
}

/// Both hear each other, and every packet opens.
#[track_caller]
fn hear(w: &mut World) {
    let count = |w: &World| [P100, P101].map(|p| w.peers[p].talks[0].heard.len());
    let before = count(w);
    w.run(1.0);
    let after = count(w);
    for at in [P100, P101] {
        assert!(after[at] >= before[at] + 48, "{at}: {before:?} {after:?}\n{}", w.story());
        let talk = &w.peers[at].talks[0];
        assert!(talk.heard.iter().all(|(_, rtp)| rtp.payload.len() == 160), "{}", w.story());
        assert_eq!(talk.srtp.as_ref().map_or(0, |s| s.failed), 0, "{at}\n{}", w.story());
    }
}

fn end(mut w: World) {
    w.with(P100, |p, now| p.bye(0, now));
    w.run(1.0);
    w.end();
}

/// What `tandem calls` says of encryption: party and suite.
fn encrypted(w: &mut World) -> Vec<(String, String)> {
    let word = |leg: &Value, name: &str| leg[name].as_str().unwrap().to_owned();
    let answer = w.request("calls", json!({}));
    let calls = answer["result"]["calls"].as_array().unwrap_or_else(|| panic!("{answer}"));
    let legs = calls[0]["encrypted"].as_array().unwrap();
    legs.iter().map(|leg| (word(leg, "party"), word(leg, "suite"))).collect()
}

/// Forged and replayed packets of the only encrypted leg.
fn refused(w: &mut World) -> (u64, u64) {
    let answer = w.request("calls", json!({}));
    let leg = &answer["result"]["calls"][0]["encrypted"][0];
    (leg["forged"].as_u64().unwrap(), leg["replayed"].as_u64().unwrap())
}

fn profile(w: &World, peer: usize) -> String {
    let theirs = &w.peers[peer].talks[0].theirs;
    let line = theirs.split("\r\n").find_map(|l| l.strip_prefix("m=audio ")).unwrap();
    format!("{}{}", line.split(' ').nth(1).unwrap(), if theirs.contains("a=crypto:") { "+" } else { "" })
}

#[test]
fn an_encrypted_phone_and_a_plain_one() {
    for (profile_offered, suite) in [
        ("RTP/SAVP", "AES_CM_128_HMAC_SHA1_80"),
        ("RTP/AVP", "AES_CM_128_HMAC_SHA1_32"),
        ("RTP/SAVPF", "AES_CM_128_HMAC_SHA1_80"),
        ("RTP/AVPF", "AES_CM_128_HMAC_SHA1_80"),
    ] {
        let mut w = house("", "");
        w.peers[P100].srtp = Some(Srtp { suite, ..Srtp::new(profile_offered, KEY) });
        talking(&mut w, "101");
        assert_eq!(profile(&w, P100), format!("{profile_offered}+"), "{}", w.story());
        let plain = profile_offered.replace("SAVP", "AVP");
        assert_eq!(profile(&w, P101), plain, "{}", w.story());
        hear(&mut w);
        assert_eq!(encrypted(&mut w), [("100".to_owned(), suite.to_owned())]);
        end(w);
    }
}

#[test]
fn a_stick_hears_an_encrypted_phone() {
    let mut w = house(REQUIRED, "");
    w.peers[P100].srtp = Some(Srtp::new("RTP/SAVP", KEY));
    dial(&mut w, P100, "0301234567");
    w.run(8.0);
    let talk = &w.peers[P100].talks[0];
    assert!(talk.is_up() && talk.heard.len() > 50, "{}", w.story());
    assert_eq!(talk.srtp.as_ref().unwrap().failed, 0);
    let loud = w.stick.heard.iter().rev().take(10).flatten().all(|s| s.abs() > 1_000);
    assert!(loud, "{}", w.story());
    assert_eq!(encrypted(&mut w).len(), 1);
    end(w);
}

#[test]
fn who_does_not_fit_is_refused() {
    for (config, srtp) in [(REQUIRED, None), (OFF, Some(Srtp::new("RTP/SAVP", KEY)))] {
        let mut w = house(config, "");
        w.peers[P100].srtp = srtp;
        dial(&mut w, P100, "101");
        w.run(2.0);
        assert_eq!(w.peers[P100].talks[0].ended_by, "488", "{}", w.story());
        assert!(w.peers[P101].talks.is_empty(), "{}", w.story());
        w.end();
    }
    // Keys that nobody asked for are left alone.
    let mut w = house(OFF, "");
    w.peers[P100].srtp = Some(Srtp::new("RTP/AVP", KEY));
    talking(&mut w, "101");
    assert_eq!(profile(&w, P100), "RTP/AVP");
    hear(&mut w);
    end(w);
}

#[test]
fn what_a_called_phone_makes_of_our_offer() {
    for (config, srtp, want) in [
        (OPTIONAL, None, "RTP/AVP+"),
        (OPTIONAL, Some(Srtp::new("", KEY)), "RTP/AVP+"),
        (REQUIRED, Some(Srtp::new("", KEY)), "RTP/SAVP+"),
        ("", Some(Srtp::new("", KEY)), "RTP/AVP"),
        (OFF, Some(Srtp::new("", KEY)), "RTP/AVP"),
    ] {
        let mut w = house("", config);
        let is_encrypted = srtp.is_some() && want.ends_with('+');
        w.peers[P101].srtp = srtp;
        talking(&mut w, "101");
        assert_eq!(profile(&w, P101), want, "{}", w.story());
        hear(&mut w);
        assert_eq!(encrypted(&mut w).len(), usize::from(is_encrypted));
        end(w);
    }
    let mut w = house("", REQUIRED);
    dial(&mut w, P100, "101");
    w.run(2.0);
    assert_eq!(w.peers[P100].talks[0].ended_by, "488", "{}", w.story());
    w.run(1.0);
    w.end();
}

#[test]
fn both_sides_are_encrypted_each_under_its_own_keys() {
    let mut w = house("", REQUIRED);
    w.peers[P100].srtp = Some(Srtp::new("RTP/SAVP", KEY));
    w.peers[P101].srtp = Some(Srtp::new("", OTHER_KEY));
    talking(&mut w, "101");
    hear(&mut w);
    assert_eq!(encrypted(&mut w).len(), 2);
    let keys = [P100, P101].map(|p| w.peers[p].talks[0].srtp.as_ref().unwrap().theirs);
    assert_ne!(keys[0], keys[1]);
    // Hold and back, from either side.
    for by in [P100, P101] {
        for direction in ["sendonly", "sendrecv"] {
            w.with(by, |p, now| p.reinvite(0, direction, true, now));
            w.run(1.0);
            assert_eq!(w.peers[by].talks[0].last_status, 200, "{}", w.story());
        }
        hear(&mut w);
    }
    assert_eq!([P100, P101].map(|p| w.peers[p].talks[0].srtp.as_ref().unwrap().theirs), keys);
    end(w);
}

#[test]
fn new_keys_while_they_talk() {
    for by in [P100, P101] {
        let mut w = house("", OPTIONAL);
        w.peers[P100].srtp = Some(Srtp::new("RTP/SAVP", KEY));
        w.peers[P101].srtp = Some(Srtp::new("", OTHER_KEY));
        talking(&mut w, "101");
        hear(&mut w);
        let before = w.peers[by].talks[0].srtp.as_ref().unwrap().theirs;
        w.peers[by].talks[0].srtp.as_mut().unwrap().new_key(0x77);
        w.with(by, |p, now| p.reinvite(0, "sendrecv", true, now));
        w.run(1.0);
        let srtp = w.peers[by].talks[0].srtp.as_mut().unwrap();
        assert!(srtp.theirs.is_some() && srtp.theirs != before, "{}", w.story());
        srtp.failed = 0;
        hear(&mut w);
        end(w);
    }
}

/// A phone that can do both offers both lines.
#[test]
fn of_two_lines_one_is_answered() {
    let lines = |talk: &mut super::talk::Talk| {
        let plain = talk.sdp(&[0], true);
        let (head, audio) = plain.split_once("m=audio").unwrap();
        let secure = audio.replace("RTP/AVP", "RTP/SAVP");
        let line = Srtp::new("RTP/SAVP", KEY).line("7");
        (
            format!("{head}m=audio{secure}{line}m=audio{audio}"),
            format!("{head}m=audio{audio}m=audio{secure}{line}"),
        )
    };
    for (config, first, want) in [
        ("", true, ["RTP/SAVP+", "RTP/AVP 0"]),
        ("", false, ["RTP/AVP 0", "RTP/SAVP+"]),
        (REQUIRED, false, ["RTP/AVP 0", "RTP/SAVP+"]),
        (OFF, true, ["RTP/SAVP 0", "RTP/AVP"]),
    ] {
        // It begins as it may.
        let mut w = house(config, "");
        if config == REQUIRED {
            w.peers[P100].srtp = Some(Srtp::new("RTP/SAVP", OTHER_KEY));
        }
        talking(&mut w, "101");
        w.peers[P100].talks[0].srtp = None;
        let (one, other) = lines(&mut w.peers[P100].talks[0]);
        let sdp = if first { one } else { other };
        w.peers[P100].talks[0].next_rtp = None;
        w.with(P100, |p, now| p.reinvite_with(0, &sdp, now));
        w.run(1.0);
        let answer = w.peers[P100].responses.iter().rev().find(|m| m.body.contains("m=audio")).unwrap();
        let seen: Vec<String> = answer
            .body
            .split("m=audio ")
            .skip(1)
            .map(|line| {
                let words: Vec<&str> = line.split([' ', '\r']).collect();
                let refused = if words[0] == "0" { " 0" } else { "" };
                let key = if line.contains("a=crypto:7 AES_CM_128_HMAC_SHA1_80 inline:") { "+" } else { "" };
                format!("{}{key}{refused}", words[1])
            })
            .collect();
        assert_eq!(seen, want, "{config}\n{}\n{}", answer.body, w.story());
        end(w);
    }
}

/// The numbers of both directions go round.
#[test]
fn the_roll_over_counter_is_kept() {
    let mut w = house("", "");
    w.peers[P100].srtp = Some(Srtp::new("RTP/SAVP", KEY));
    dial(&mut w, P100, "101");
    w.peers[P100].talks[0].lose(65_400);
    w.run(0.4);
    w.peers[P101].talks[0].lose(65_380);
    w.run(2.0);
    for _ in 0..4 {
        hear(&mut w);
    }
    assert!(w.peers[P100].talks[0].sent().0 < 1_000 && w.peers[P101].talks[0].sent().0 < 1_000);
    // And again, with whole rounds between.
    for _ in 0..6 {
        for p in [P100, P101] {
            w.peers[p].talks[0].lose(30_000);
        }
        w.run(0.2);
    }
    hear(&mut w);
    assert_eq!(refused(&mut w), (0, 0));
    end(w);
}

/// One packet as the phone would send it next, but under this key.
fn packet(w: &World, key: u8, ahead: u16) -> Vec<u8> {
    let talk = &w.peers[P100].talks[0];
    let mut srtp = talk.srtp.clone().unwrap();
    srtp.new_key(key);
    let (sequence, timestamp) = talk.sent();
    let packet = Rtp { payload_type: 0, sequence: sequence + ahead, timestamp, payload: vec![0x80; 160] };
    srtp.close(packet.to_bytes(false, talk.ssrc()))
}

/// Neither packets under another key nor copies of real ones count for anything, from wherever they come.
#[test]
fn a_forged_packet_moves_nothing() {
    let mut w = house("", "");
    w.peers[P100].srtp = Some(Srtp::new("RTP/SAVP", KEY));
    talking(&mut w, "101");
    hear(&mut w);
    let to = w.peers[P100].talks[0].rtp_to.unwrap();
    let known = w.peers[P100].talks[0].rtp_at.to_string();
    let heard = w.peers[P101].talks[0].heard.len();
    let mut forged = 0;
    // Right at the start of a new exchange, when the source is learnt anew.
    w.with(P100, |p, now| p.reinvite(0, "sendrecv", true, now));
    for n in 0..50 {
        for from in [known.as_str(), "192.168.1.100:6000", "203.0.113.66:40000"] {
            let bytes = packet(&w, 0x11, 30_000 + n);
            w.datagram(from, to, &bytes);
            w.datagram(from, to, &vec![0x80; usize::from(n)]);
            forged += 1;
        }
        w.run(0.02);
    }
    assert!(refused(&mut w).0 >= forged, "{:?}", refused(&mut w));
    hear(&mut w);
    let all = w.peers[P101].talks[0].heard.len();
    assert!(all <= heard + 105, "{heard} {all}");
    assert!(w.peers[P101].talks[0].heard.iter().all(|(_, rtp)| rtp.payload != [0x80; 160]));
    end(w);
}

/// What linphone 5.1 sends to an RTP port before its first packet (a binding request of STUN).
#[test]
fn a_question_of_stun_is_no_forgery() {
    let mut w = house("", "");
    w.peers[P100].srtp = Some(Srtp::new("RTP/SAVP", KEY));
    talking(&mut w, "101");
    let (to, from) = (w.peers[P100].talks[0].rtp_to.unwrap(), w.peers[P100].talks[0].rtp_at.to_string());
    let request = b"\x00\x01\x00\x00\x21\x12\xa4\x42\x59\xb6\xf0\x40\x9a\x3a\xee\x8e\xf4\x20\xdf\x0f";
    for _ in 0..4 {
        w.datagram(&from, to, request);
    }
    assert_eq!(refused(&mut w), (0, 0));
    hear(&mut w);
    end(w);
}

#[test]
fn a_replayed_packet_is_dropped() {
    let mut w = house("", "");
    w.peers[P100].srtp = Some(Srtp::new("RTP/SAVP", KEY));
    talking(&mut w, "101");
    hear(&mut w);
    let (to, from) = (w.peers[P100].talks[0].rtp_to.unwrap(), w.peers[P100].talks[0].rtp_at.to_string());
    let heard = w.peers[P101].talks[0].heard.len();
    let bytes = packet(&w, KEY, 20);
    for _ in 0..5 {
        w.datagram(&from, to, &bytes);
    }
    assert_eq!(w.peers[P101].talks[0].heard.len(), heard + 1, "{}", w.story());
    assert_eq!(refused(&mut w), (0, 4));
    end(w);
}

/// RTCP is encrypted and opened like RTP.
#[test]
fn reports_are_encrypted() {
    let mut w = house("", "");
    w.peers[P100].srtp = Some(Srtp::new("RTP/SAVP", KEY));
    talking(&mut w, "101");
    w.run(30.0);
    // None of those that came was not to be opened.
    let talk = &w.peers[P100].talks[0];
    assert!(!talk.reports.is_empty() && talk.srtp.as_ref().unwrap().failed == 0, "{}", w.story());
    let before = w.peers[P101].talks[0].reports.len();
    let ssrc = w.peers[P100].talks[0].ssrc().to_be_bytes();
    let report = [&[0x80, 200, 0, 6][..], &ssrc, &[1; 20]].concat();
    let closed = w.peers[P100].talks[0].srtp.as_mut().unwrap().close_report(report.clone());
    w.report(P100, 0, &report);
    assert_eq!(w.peers[P101].talks[0].reports.len(), before, "it was not encrypted");
    w.report(P100, 0, &closed);
    assert!(w.peers[P101].talks[0].reports.len() > before, "{}", w.story());
    end(w);
}

/// Neither status nor trace show a key.
#[test]
fn keys_are_nobodys_business() {
    let mut w = house("", REQUIRED);
    w.request("trace", json!({"all": true}));
    w.peers[P100].srtp = Some(Srtp::new("RTP/SAVP", KEY));
    w.peers[P101].srtp = Some(Srtp::new("", OTHER_KEY));
    talking(&mut w, "101");
    let mut keys = Vec::new();
    for p in [P100, P101] {
        keys.push(w.peers[p].talks[0].srtp.as_ref().unwrap().key_text());
        let theirs = w.peers[p].talks[0].theirs.clone();
        keys.extend(
            theirs.split("inline:").skip(1).map(|rest| rest.split("\r\n").next().unwrap().to_owned()),
        );
    }
    assert!(keys.len() >= 4);
    let calls = w.request("calls", json!({}));
    let shown = format!("{} {calls} {:?}", w.status(), w.traced);
    assert!(shown.contains("inline:xxxx"), "the trace has the lines");
    assert!(keys.iter().all(|key| !shown.contains(key.as_str())), "{shown}");
    end(w);
}
