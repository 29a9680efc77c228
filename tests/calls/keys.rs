//! Keys from everywhere to everywhere: one pressed is one told, in the way that the other side wants.
use super::house::*;
use super::net::{Fault, Rule, Way};
use super::peer::Answer;
use super::world::World;

const KEYS: &str = "15*9";
const INFO: &str = "	option dtmf 'info'\n";
const INBAND: &str = "	option dtmf 'inband'\n";
const RFC4733: &str = "	option dtmf 'rfc4733'\n";

/// How a phone tells its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Event,
    Info,
    Tone,
    /// Both, as Linphone does.
    EventAndInfo,
    InfoAndEvent,
    EventAndTone,
    InfoAndTone,
}

/// The usual house with these lines for 100 and for 101.
fn house(first: &str, second: &str) -> World {
    let config = CONFIG
        .replace("	option secret 'geheim'\n", &format!("	option secret 'geheim'\n{first}"))
        .replace("	option secret 'geheimer'\n", &format!("	option secret 'geheimer'\n{second}"));
    let mut w = home_with(&config);
    w.peers[P101].answer = Answer::After(500);
    w
}

fn press(w: &mut World, peer: usize, by: By, keys: &str) {
    for digit in keys.chars() {
        let code = "0123456789*#".find(digit).unwrap() as u8;
        let event = |w: &mut World| w.peers[peer].talks[0].press(code);
        let info = |w: &mut World| w.with(peer, |p, now| p.info(0, digit, now));
        let tone = |w: &mut World| w.peers[peer].talks[0].press_tone(digit);
        match by {
            By::Event => event(w),
            By::Info => info(w),
            By::Tone => tone(w),
            By::EventAndInfo => {
                event(w);
                w.run(0.1);
                info(w);
            }
            By::InfoAndEvent => {
                info(w);
                event(w);
            }
            By::EventAndTone => {
                event(w);
                tone(w);
            }
            By::InfoAndTone => {
                tone(w);
                w.run(0.15);
                info(w);
            }
        }
        w.run(0.4);
    }
    w.run(0.6);
}

/// A call of 100 to the stick, or of 100 to 101, that is up.
fn talking(w: &mut World, number: &str, seconds: f64) {
    dial(w, P100, number);
    w.run(seconds);
    assert!(w.peers[P100].talks[0].is_up(), "{}", w.story());
}

fn end(mut w: World) {
    w.with(P100, |p, now| p.bye(0, now));
    w.run(1.0);
    w.end();
}

fn sent_by_stick(w: &World) -> String {
    w.stick.commands.iter().filter_map(|c| c.strip_prefix("AT^DTMF=1,")).collect()
}

/// What this phone heard: by events, by INFO, as tones.
fn told(w: &World, peer: usize) -> [String; 3] {
    let talk = &w.peers[peer].talks[0];
    [talk.events_heard(), w.peers[peer].infos(), talk.tones_heard()]
}

fn only(by: usize) -> [String; 3] {
    let mut want = [const { String::new() }; 3];
    want[by] = KEYS.to_owned();
    want
}

const BY_EVENT: usize = 0;
const BY_INFO: usize = 1;
const BY_TONE: usize = 2;

#[test]
fn from_a_phone_to_a_stick() {
    for (config, events, by) in [
        ("", true, By::Event),
        ("", false, By::Info),
        ("", false, By::Tone),
        ("", true, By::EventAndInfo),
        ("", true, By::InfoAndEvent),
        ("", false, By::InfoAndTone),
        ("", true, By::EventAndTone),
        (RFC4733, true, By::Event),
        (INFO, true, By::Info),
        (INFO, true, By::Event),
        (INFO, true, By::EventAndInfo),
        (INFO, true, By::InfoAndEvent),
        (INFO, false, By::Info),
        (INBAND, true, By::Tone),
        (INBAND, true, By::Event),
        (INBAND, true, By::EventAndTone),
        (INBAND, false, By::InfoAndTone),
    ] {
        let mut w = house(config, "");
        w.peers[P100].events = events;
        talking(&mut w, "0301234567", 8.0);
        let from = w.stick.heard.len();
        press(&mut w, P100, by, KEYS);
        assert_eq!(sent_by_stick(&w), KEYS, "{config} {events} {by:?}\n{}", w.story());
        // What is told is not heard as well.
        let sound: Vec<i16> = w.stick.heard[from..].iter().flatten().copied().collect();
        if config == INBAND || !events {
            assert_eq!(super::sound::keys_in(&sound), "", "{config} {events} {by:?}");
        }
        end(w);
    }
}

#[test]
fn from_behind_a_stick_to_a_phone() {
    for (config, events, way) in [
        ("", true, BY_EVENT),
        ("", false, BY_TONE),
        (RFC4733, true, BY_EVENT),
        (INFO, true, BY_INFO),
        (INFO, false, BY_INFO),
        (INBAND, true, BY_TONE),
        (INBAND, false, BY_TONE),
    ] {
        let mut w = house(config, "");
        w.peers[P100].events = events;
        talking(&mut w, "0301234567", 8.0);
        for digit in KEYS.chars() {
            w.stick.tones.extend(super::sound::tone(digit));
            w.run(0.4);
        }
        w.run(0.5);
        assert_eq!(told(&w, P100), only(way), "{config} {events}\n{}", w.story());
        end(w);
    }
}

/// One INFO after the other, whatever becomes of each on its way; a peer that takes none is asked once.
#[test]
fn info_is_told_in_its_order() {
    for lost in [false, true] {
        let mut w = house(INFO, "");
        talking(&mut w, "0301234567", 8.0);
        if lost {
            let rule = |way, kind: &str| Rule { way, kind: kind.to_owned(), nth: 2, fault: Fault::Lose };
            w.net.rules = vec![rule(Way::ToPeer, "INFO"), rule(Way::ToSwitch, "200 INFO")];
        }
        for digit in KEYS.chars() {
            w.stick.tones.extend(super::sound::tone(digit));
        }
        w.run(6.0);
        assert_eq!(w.peers[P100].infos(), KEYS, "{}", w.story());
        end(w);
    }
    let mut w = house(INFO, "");
    w.peers[P100].takes = vec![("INFO", 415)];
    talking(&mut w, "0301234567", 8.0);
    for digit in KEYS.chars() {
        w.stick.tones.extend(super::sound::tone(digit));
    }
    w.run(3.0);
    assert_eq!(w.peers[P100].infos(), &KEYS[..1], "{}", w.story());
    let counters = w.request("counters", serde_json::Value::Null);
    assert_eq!(counters["result"]["digits_untold"], KEYS.len(), "{counters}");
    end(w);
}

/// Bodies that are none of ours, and keys that are on no telephone.
#[test]
fn info_that_tells_no_key() {
    let mut w = house("", "");
    w.peers[P100].events = false;
    talking(&mut w, "0301234567", 8.0);
    for (kind, body, status) in [
        ("application/dtmf-relay", "Signal=A\r\nDuration=160\r\n", 200),
        ("application/dtmf", "16", 200),
        ("application/dtmf-relay", "Signal=12345\r\n", 415),
        ("application/dtmf-relay", "Duration=160\r\n", 415),
        ("application/media_control+xml", "<media_control/>", 415),
        ("text/plain", "5", 415),
    ] {
        w.with(P100, |p, now| p.info_with(0, kind, body, now));
        w.run(0.5);
        assert_eq!(w.peers[P100].talks[0].last_status, status, "{kind} {body}");
    }
    assert_eq!(sent_by_stick(&w), "", "{}", w.story());
    end(w);
}
