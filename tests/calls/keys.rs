//! Keys from everywhere to everywhere: one pressed is one told, in the way that the other side wants.
use super::house::*;
use super::net::{Fault, Rule, Way};
use super::peer::Answer;
use super::srtp::Srtp;
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
    ToneAndInfo,
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
                info(w);
                tone(w);
            }
            By::ToneAndInfo => {
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
    std::array::from_fn(|way| if way == by { KEYS.to_owned() } else { String::new() })
}

/// Another leg of the call: the phone 101, or the provider.
fn other_house(first: &str, second: &str, other: usize) -> (World, &'static str) {
    if other == P101 {
        return (house(first, second), "101");
    }
    let config = format!("{CONFIG}{TRUNK}")
        .replace("	option secret 'geheim'\n", &format!("	option secret 'geheim'\n{first}"))
        .replace("	option secret 'trunkpass'\n", &format!("	option secret 'trunkpass'\n{second}"));
    let mut w = home_with(&config);
    w.peers[PROVIDER].answer = Answer::After(500);
    (w, "990301234567")
}

/// One stream without a gap, whatever was taken out of it and put in.
#[track_caller]
fn is_whole(w: &World, peer: usize) {
    let heard = &w.peers[peer].talks[0].heard;
    for pair in heard.windows(2) {
        let (one, two) = (&pair[0].1, &pair[1].1);
        assert_eq!(two.sequence, one.sequence.wrapping_add(1), "{one:?} {two:?}");
        let step = two.timestamp.wrapping_sub(one.timestamp).cast_signed();
        let (events, sound) = (one.payload_type >= 96, two.payload_type < 96);
        assert!(step > 0 || (events && !sound && step == 0), "{one:?} {two:?}");
        assert!(step < 8_000 / 5 || events, "{one:?} {two:?}");
    }
}

const BY_EVENT: usize = 0;
const BY_INFO: usize = 1;
const BY_TONE: usize = 2;
const BY_NOTHING: usize = 3;

#[test]
fn from_a_phone_to_a_stick() {
    for (config, events, by) in [
        ("", true, By::Event),
        ("", false, By::Info),
        ("", false, By::Tone),
        ("", true, By::EventAndInfo),
        ("", true, By::InfoAndEvent),
        ("", false, By::InfoAndTone),
        ("", false, By::ToneAndInfo),
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

/// What one peer is told of the other, each way of telling with each way of being told.
#[test]
fn between_two_sip_legs() {
    let sources = [
        ("", true, By::Event),
        (RFC4733, true, By::Event),
        ("", false, By::Info),
        ("", false, By::Tone),
        ("", false, By::InfoAndTone),
        ("", false, By::ToneAndInfo),
        ("", true, By::EventAndInfo),
        ("", true, By::InfoAndEvent),
        (INFO, true, By::Info),
        (INFO, true, By::Event),
        (INFO, true, By::EventAndInfo),
        (INFO, true, By::InfoAndEvent),
        (INBAND, true, By::Tone),
        (INBAND, true, By::Event),
        (INBAND, true, By::EventAndTone),
    ];
    let targets = [
        ("", true, BY_EVENT),
        (RFC4733, true, BY_EVENT),
        ("", false, BY_TONE),
        (INBAND, true, BY_TONE),
        (INFO, true, BY_INFO),
        (INFO, false, BY_INFO),
    ];
    for source in sources {
        for target in targets {
            for from_caller in [true, false] {
                one_way(source, target, from_caller, PROVIDER);
            }
        }
    }
}

/// Two phones are told what the other one has: where one has no events, the other one still has its own with us.
#[test]
fn between_two_phones() {
    for (source, target) in [
        (("", true, By::Event), ("", true, BY_EVENT)),
        (("", true, By::Event), ("", false, BY_TONE)),
        (("", true, By::Event), (INFO, true, BY_INFO)),
        (("", true, By::Event), (INFO, false, BY_INFO)),
        (("", true, By::EventAndInfo), ("", false, BY_TONE)),
        (("", true, By::Event), (INBAND, true, BY_TONE)),
        (("", false, By::Info), ("", false, BY_TONE)),
        (("", false, By::Tone), ("", false, BY_TONE)),
        (("", false, By::Tone), (INFO, false, BY_INFO)),
        ((INFO, true, By::InfoAndEvent), ("", true, BY_EVENT)),
        ((INBAND, true, By::EventAndTone), ("", true, BY_EVENT)),
    ] {
        one_way(source, target, true, P101);
    }
}

fn one_way(source: (&str, bool, By), target: (&str, bool, usize), from_caller: bool, other: usize) {
    let (from, to) = if from_caller { (P100, other) } else { (other, P100) };
    let (first, second) = if from_caller { (source.0, target.0) } else { (target.0, source.0) };
    let (mut w, number) = other_house(first, second, other);
    w.peers[from].events = source.1;
    w.peers[to].events = target.1;
    talking(&mut w, number, 2.0);
    let before = w.peers[to].talks[0].heard.len();
    press(&mut w, from, source.2, KEYS);
    let what = format!("{source:?} {target:?} from the caller: {from_caller}\n{}", w.story());
    let mut want = only(target.2);
    if source.2 == By::ToneAndInfo && target.2 == BY_TONE {
        // Nobody listens to a sound that goes through as it is before the first INFO.
        want[BY_TONE] = format!("{}{KEYS}", &KEYS[..1]);
    }
    assert_eq!(told(&w, to), want, "{what}");
    assert_eq!(told(&w, from), only(BY_NOTHING), "{what}");
    is_whole(&w, to);
    // Both hear each other still.
    w.run(1.0);
    let heard = w.peers[to].talks[0].heard.len() - before;
    assert!(heard > 100, "{heard} {what}");
    end(w);
}

/// A phone that sends no packet itself, and one whose packets are encrypted.
#[test]
fn a_silent_leg_and_an_encrypted_one() {
    let (mut w, number) = other_house("", "", PROVIDER);
    w.peers[P100].events = false;
    let t = dial(&mut w, P100, number);
    w.peers[P100].talks[t].muted = true;
    w.run(2.0);
    press(&mut w, P100, By::Info, KEYS);
    assert_eq!(told(&w, PROVIDER), only(BY_EVENT), "{}", w.story());
    w.peers[P100].talks[t].muted = false;
    w.run(1.0);
    is_whole(&w, PROVIDER);
    end(w);
    let (mut w, number) = other_house("", "", PROVIDER);
    w.peers[P100].events = false;
    w.peers[P100].srtp = Some(Srtp::new("RTP/SAVP", 0x55));
    talking(&mut w, number, 2.0);
    press(&mut w, PROVIDER, By::Event, KEYS);
    press(&mut w, P100, By::Tone, KEYS);
    assert_eq!(told(&w, P100), only(BY_TONE), "{}", w.story());
    assert_eq!(told(&w, PROVIDER), only(BY_EVENT), "{}", w.story());
    assert_eq!(w.peers[P100].talks[0].srtp.as_ref().unwrap().failed, 0);
    end(w);
}

/// Who is on hold hears no keys, and hears none of them later.
#[test]
fn a_held_leg_is_told_nothing() {
    let (mut w, number) = other_house("", "", PROVIDER);
    w.peers[P100].events = false;
    talking(&mut w, number, 2.0);
    w.with(PROVIDER, |p, now| p.reinvite(0, "inactive", true, now));
    w.run(1.0);
    press(&mut w, P100, By::Info, KEYS);
    w.with(PROVIDER, |p, now| p.reinvite(0, "sendrecv", true, now));
    w.run(1.0);
    assert_eq!(told(&w, PROVIDER), only(BY_NOTHING), "{}", w.story());
    press(&mut w, P100, By::Info, KEYS);
    assert_eq!(told(&w, PROVIDER), only(BY_EVENT), "{}", w.story());
    end(w);
}

/// The new one wants it otherwise than the one before.
#[test]
fn after_a_transfer() {
    let mut w = home_with(&format!("{CONFIG}config extension '102'\n\toption secret 'geheimst'\n"));
    w.peers.push(phone("102", "geheimst", 102));
    let last = w.peers.len() - 1;
    w.with(last, |p, now| p.register(3_600, now));
    w.run(1.0);
    w.peers.iter_mut().for_each(|peer| peer.answer = Answer::After(500));
    w.peers[last].events = false;
    talking(&mut w, "101", 2.0);
    press(&mut w, P100, By::Event, KEYS);
    assert_eq!(told(&w, P101), only(BY_EVENT), "{}", w.story());
    w.with(P101, |p, now| p.refer(0, &uri("102"), &[], now));
    w.run(3.0);
    assert!(w.peers[last].talks[0].is_up(), "{}", w.story());
    press(&mut w, P100, By::Event, KEYS);
    assert_eq!(told(&w, last), only(BY_TONE), "{}", w.story());
    is_whole(&w, last);
    end(w);
}
