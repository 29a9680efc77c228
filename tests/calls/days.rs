//! Thirty days of a house: six phones, two providers, two hundred calls a day over a network that loses, doubles and
//! swaps two of a hundred messages each. Phones are switched off and on, connections end, the router starts again, its
//! address outside changes. Each night nothing may be left, and each call that nothing disturbed came out as planned.
//!
//! `TANDEM_SEED=7 cargo test --test calls days` plays another month.
use super::net::Net;
use super::peer::{Answer, Peer};
use super::world::{LAN, WAN, World};
use std::cell::RefCell;
use std::rc::Rc;

const DAYS: u64 = 30;
const CALLS_A_DAY: u64 = 200;
const PHONES: usize = 6;
/// Behind the phones in `World::peers`.
const PROVIDERS: [usize; 2] = [6, 7];
const TROUBLE: u64 = 2;

/// Seconds. Phones ask for `EXPIRES` and come again after `REFRESH`; nothing happens in the last `NIGHT` of a day.
const EXPIRES: u32 = 3_600;
const REFRESH: f64 = 1_500.0;
const DAY: f64 = 86_400.0;
/// Long enough for the question after a quarter of an hour, for those that are in a call without session timers.
const NIGHT: f64 = 1_400.0;
/// A call is disturbed by what happens so long before it begins or after it ends.
const BEFORE: f64 = 60.0;
const AFTER: f64 = 40.0;

const HOUSE: &str = "
config tandem 'main'
	option country 'DE'
config trunk 'first'
	option host 'sip.first.example'
	option username '4930555'
	option secret 'trunkpass'
	option register '1'
	option expires '3600'
	option inbound '20'
config trunk 'second'
	option host 'sip.second.example'
	option username '4930777'
	option secret 'trunkpass'
	option register '1'
	option expires '3600'
	option inbound '21'
config route 'out'
	list from 'extensions'
	list match '0X.'
	list to 'first'
	list to 'second'
";

fn config() -> String {
    let phones = (0..PHONES).map(|n| {
        format!("config extension '2{n}'\n\toption secret 'geheim'\n\toption timeout '40'\n\toption max_contacts '1'\n")
    });
    HOUSE.to_owned() + &phones.collect::<String>()
}

fn house() -> World {
    let mut w = World::new(&config());
    for n in 0..PHONES {
        let mut phone = Peer::new(&format!("2{n}"), "geheim", &format!("192.168.1.{}:5070", 100 + n), LAN);
        phone.packets = Some(3);
        w.peers.push(phone);
    }
    for (n, (name, user)) in [("first", "4930555"), ("second", "4930777")].into_iter().enumerate() {
        let mut provider = Peer::new(name, "trunkpass", &format!("203.0.113.{}:5060", 10 + n), WAN);
        provider.user = user.to_owned();
        provider.host = format!("sip.{name}.example");
        provider.challenges = true;
        provider.packets = Some(3);
        w.peers.push(provider);
    }
    w.settle();
    // Two of the phones keep a connection.
    for phone in [4, 5] {
        w.connect(phone);
    }
    (0..PHONES).for_each(|phone| register(&mut w, phone));
    w.run(1.0);
    w
}

/// What somebody does while the house lives on.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Trouble {
    /// A phone is off for half a minute.
    Reboot(usize),
    /// A phone's connection ends; it makes another one.
    Connection(usize),
    /// The program starts again.
    Restart,
    /// The router has another address outside.
    Address,
}

/// How a call is meant to end.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Plan {
    /// Answered after so many milliseconds.
    Talk(u64),
    Refused(u16),
    /// Nobody answers, the caller gives up.
    GivenUp,
}

#[derive(Clone, Copy, Debug)]
struct Call {
    /// Seconds of the day.
    begin: f64,
    end: f64,
    from: usize,
    to: usize,
    plan: Plan,
    /// The called side hangs up.
    called_ends: bool,
    held: bool,
}

/// What came of the calls.
#[derive(Debug, Default)]
struct Outcomes {
    as_planned: u64,
    disturbed: u64,
    wrong: Vec<String>,
}

/// One month's chance and what came of it.
struct Month {
    chance: Net,
    outcomes: Rc<RefCell<Outcomes>>,
}

impl Month {
    fn seconds(&mut self, from: u64, to: u64) -> f64 {
        f64::from(u32::try_from(from * 1_000 + self.chance.below((to - from) * 1_000)).unwrap()) / 1_000.0
    }

    fn index(&mut self, count: usize) -> usize {
        usize::try_from(self.chance.below(count as u64)).unwrap()
    }

    /// When something goes wrong today.
    fn troubles(&mut self) -> Vec<(f64, Trouble)> {
        let mut all = Vec::new();
        for _ in 0..3 {
            let phone = self.index(PHONES);
            all.push((self.seconds(1_000, 84_000), Trouble::Reboot(phone)));
        }
        let phone = 4 + self.index(2);
        all.push((self.seconds(1_000, 84_000), Trouble::Connection(phone)));
        if self.chance.below(3) == 0 {
            all.push((self.seconds(1_000, 84_000), Trouble::Restart));
        }
        if self.chance.below(2) == 0 {
            all.push((self.seconds(1_000, 84_000), Trouble::Address));
        }
        all
    }

    fn call(&mut self) -> Call {
        let begin = self.seconds(10, 84_000);
        let from = self.index(PHONES);
        let (from, to) = match self.chance.below(4) {
            // Providers call the extension that the trunk names.
            0 => (PROVIDERS[0], 0),
            1 => (from, PROVIDERS[0]),
            2 if self.chance.below(2) == 0 => (PROVIDERS[1], 1),
            _ => (from, (from + 1 + self.index(PHONES - 1)) % PHONES),
        };
        let (plan, length) = match self.chance.below(10) {
            0 => (Plan::Refused([486, 603, 404][self.index(3)]), 30.0),
            1 => (Plan::GivenUp, self.seconds(4, 30)),
            _ => (Plan::Talk(500 + self.chance.below(8_000)), self.seconds(45, 400)),
        };
        let (called_ends, held) = (self.chance.below(2) == 0, self.chance.below(8) == 0);
        Call { begin, end: begin + length, from, to, plan, called_ends, held }
    }
}

/// Whether something happens to one of these two, or to all, around the call.
fn is_disturbed(call: &Call, troubles: &[(f64, Trouble)]) -> bool {
    troubles.iter().any(|(at, trouble)| {
        let concerns = match trouble {
            Trouble::Reboot(phone) | Trouble::Connection(phone) => [call.from, call.to].contains(phone),
            Trouble::Restart => true,
            Trouble::Address => [call.from, call.to].iter().any(|p| PROVIDERS.contains(p)),
        };
        // Most phones notice a restart when they come again.
        let before = if *trouble == Trouble::Restart { REFRESH + BEFORE } else { BEFORE };
        concerns && *at > call.begin - before && *at < call.end + AFTER
    })
}

fn register(w: &mut World, phone: usize) {
    if w.peers[phone].answer == Answer::Gone {
        return;
    }
    if w.peers[phone].is_tcp && w.peers[phone].tcp.is_none() {
        w.connect(phone);
    }
    w.with(phone, |p, now| p.register(EXPIRES, now));
}

fn trouble(w: &mut World, trouble: Trouble, wan: usize) {
    match trouble {
        Trouble::Reboot(phone) => {
            w.disconnect(phone);
            w.peers[phone].reboot();
            w.peers[phone].answer = Answer::Gone;
            w.at(30.0, move |w| {
                w.peers[phone].answer = Answer::Rings;
                register(w, phone);
            });
        }
        Trouble::Connection(phone) => {
            w.disconnect(phone);
            w.peers[phone].connection_lost();
            w.at(2.0, move |w| register(w, phone));
        }
        Trouble::Restart => {
            w.restart(&config());
            // Phones with a connection notice at once, the others when they come again.
            for phone in 4..PHONES {
                w.at(1.0, move |w| register(w, phone));
            }
        }
        Trouble::Address => {
            w.wan_changes(Some(&format!("198.51.100.{}", 7 + wan)));
        }
    }
}

fn dial(w: &mut World, call: &Call) -> Option<String> {
    let is_provider = PROVIDERS.contains(&call.from);
    let (uri, from) = if is_provider {
        let here = w.peers[call.from].server.to_string();
        // Where the router is no more, nobody takes the call.
        let contact = w.peers[call.from].registered.clone().filter(|c| c.contains(&here))?;
        (contact, "<sip:+49891234567@provider.example>".to_owned())
    } else {
        let number = if PROVIDERS.contains(&call.to) { "0301234567" } else { &w.peers[call.to].user };
        (format!("sip:{number}@192.168.1.1"), format!("<sip:{}@192.168.1.1>", w.peers[call.from].user))
    };
    if w.peers[call.from].answer == Answer::Gone
        || (w.peers[call.from].is_tcp && w.peers[call.from].tcp.is_none())
    {
        return None;
    }
    w.peers[call.to].answer = match call.plan {
        _ if w.peers[call.to].answer == Answer::Gone => Answer::Gone,
        Plan::Talk(after) => Answer::After(after),
        Plan::Refused(status) => Answer::Refuse(status, 700),
        Plan::GivenUp => Answer::Rings,
    };
    let talk = w.with(call.from, |p, now| p.call(&uri, &from, now));
    Some(w.peers[call.from].talks[talk].call_id.clone())
}

fn talk_of(w: &World, peer: usize, call_id: &str) -> Option<usize> {
    w.peers[peer].talks.iter().position(|t| t.call_id == call_id)
}

/// The caller gives up or hangs up, whatever is left of the call on its side.
fn caller_ends(w: &mut World, peer: usize, call_id: &str) {
    let Some(talk) = talk_of(w, peer, call_id) else { return };
    w.with(peer, |p, now| if p.talks[talk].is_up() { p.bye(talk, now) } else { p.cancel(talk, now) });
}

/// Everybody who is still in a call hangs up: a phone that was switched off told nobody.
fn all_hang_up(w: &mut World) {
    for peer in 0..w.peers.len() {
        for talk in 0..w.peers[peer].talks.len() {
            w.with(peer, |p, now| match p.talks[talk].state {
                super::talk::State::Up => p.bye(talk, now),
                super::talk::State::Ringing => p.decide(talk, 480, now),
                super::talk::State::Calling => p.cancel(talk, now),
                super::talk::State::Over => {}
            });
        }
    }
}

fn play(w: &mut World, call: Call, disturbed: bool, outcomes: Rc<RefCell<Outcomes>>) {
    // The called side knows the call by another name: it is the next one there.
    let before = w.peers[call.to].talks.len();
    let Some(id) = dial(w, &call) else {
        let mut outcomes = outcomes.borrow_mut();
        if disturbed {
            outcomes.disturbed += 1;
        } else {
            outcomes.wrong.push(format!("{call:?} never began"));
        }
        return;
    };
    let length = call.end - call.begin;
    if call.held && matches!(call.plan, Plan::Talk(_)) {
        for (after, direction) in [(20.0, "sendonly"), (30.0, "sendrecv")] {
            let id = id.clone();
            w.at(after, move |w| {
                if let Some(talk) =
                    talk_of(w, call.from, &id).filter(|t| w.peers[call.from].talks[*t].is_up())
                {
                    w.with(call.from, |p, now| p.reinvite(talk, direction, true, now));
                }
            });
        }
    }
    w.at(length, move |w| {
        let Some(talk) = talk_of(w, call.from, &id) else {
            outcomes.borrow_mut().disturbed += 1;
            return;
        };
        let status = w.peers[call.from].talks[talk].status;
        let was_up = w.peers[call.from].talks[talk].is_up();
        let theirs = w.peers[call.to].talks.iter().skip(before).position(|t| !t.ours).map(|t| t + before);
        let is_up = |t: &usize| w.peers[call.to].talks[*t].is_up();
        if let Some(theirs) = theirs.filter(is_up).filter(|_| call.called_ends && was_up) {
            w.with(call.to, |p, now| p.bye(theirs, now));
        } else {
            caller_ends(w, call.from, &id);
        }
        w.at(35.0, move |w| {
            let ended = talk_of(w, call.from, &id).map(|t| w.peers[call.from].talks[t].clone());
            caller_ends(w, call.from, &id);
            let right = ended.is_some_and(|t| match call.plan {
                Plan::Talk(_) => was_up,
                Plan::Refused(planned) => status == planned,
                Plan::GivenUp => t.ended_by == "487",
            });
            let mut outcomes = outcomes.borrow_mut();
            match (right, disturbed) {
                (true, _) => outcomes.as_planned += 1,
                (false, true) => outcomes.disturbed += 1,
                (false, false) => {
                    let story = if outcomes.wrong.is_empty() { w.story() } else { String::new() };
                    outcomes.wrong.push(format!("{call:?}: {status}, up: {was_up}\n{story}"));
                }
            }
        });
    });
}

fn day(w: &mut World, month: &mut Month, number: u64) {
    let troubles = month.troubles();
    for (at, what) in &troubles {
        let (what, wan) = (*what, usize::try_from(number).unwrap());
        w.at(*at, move |w| trouble(w, what, wan));
    }
    for phone in 0..PHONES {
        let mut at = 5.0 + month.seconds(0, 200);
        while at < DAY - NIGHT {
            w.at(at, move |w| register(w, phone));
            at += REFRESH;
        }
    }
    let calls: Vec<Call> = (0..CALLS_A_DAY).map(|_| month.call()).collect();
    for call in calls.clone() {
        // A phone does the same with two calls that come at once.
        let rivals = calls.iter().filter(|c| c.to == call.to && (c.begin - call.begin).abs() < 5.0).count();
        let (disturbed, outcomes) = (rivals > 1 || is_disturbed(&call, &troubles), month.outcomes.clone());
        w.at(call.begin, move |w| play(w, call, disturbed, outcomes));
    }
    for hour in 1..24 {
        w.at(f64::from(hour) * 3_600.0, |w| {
            let now = w.us;
            w.peers.iter_mut().for_each(|p| p.tidy(now));
            w.forget();
            w.net.seen.clear();
        });
    }
    w.at(DAY - NIGHT, all_hang_up);
    w.run(DAY);
    night(w, number);
}

/// Nothing of the day is left.
fn night(w: &mut World, number: u64) {
    for _ in 0..60 {
        if w.switch.has_no_calls() {
            break;
        }
        w.run(1.0);
    }
    let counters = w.request("counters", serde_json::json!({}));
    assert!(w.switch.has_no_calls(), "day {number}: something is left: {counters}\n{}", w.story());
    let status = w.status();
    let now = w.us;
    if let Some(still) = w.peers.iter().find(|p| !p.talks.iter().all(super::talk::Talk::is_over)) {
        let calls: Vec<&super::talk::Talk> = still.talks.iter().filter(|t| !t.is_over()).collect();
        panic!("day {number}: {} is still in a call: {calls:?}\n{}", still.name, w.story());
    }
    let story = w.story();
    for peer in &mut w.peers {
        assert_eq!(peer.unanswered, 0, "day {number}: {} got no answer\n{story}", peer.name);
        peer.new_day(now);
    }
    for phone in status["extensions"].as_array().unwrap() {
        assert_eq!(phone["contacts"].as_array().map(Vec::len), Some(1), "day {number}: {phone}");
    }
    for trunk in status["trunks"].as_array().unwrap() {
        assert_eq!(trunk["state"], "registered", "day {number}: {trunk}");
    }
    w.forget();
}

/// Other months: `TANDEM_SEED=7`.
#[test]
#[allow(clippy::disallowed_methods)]
fn thirty_days_of_a_house() {
    let seed = std::env::var("TANDEM_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(4_711);
    println!("TANDEM_SEED={seed}");
    let mut chance = Net::new();
    chance.shake(seed, 0);
    let mut month = Month { chance, outcomes: Rc::default() };
    let mut w = house();
    w.net.shake(seed, TROUBLE);
    for number in 0..DAYS {
        day(&mut w, &mut month, number);
    }
    w.net.shake(seed, 0);
    w.end();
    let outcomes = month.outcomes.borrow();
    let (right, disturbed) = (outcomes.as_planned, outcomes.disturbed);
    println!("{right} calls as planned, {disturbed} disturbed");
    for wrong in &outcomes.wrong {
        println!("{}", wrong.lines().next().unwrap_or_default());
    }
    assert!(outcomes.wrong.is_empty(), "{} wrong, the first: {}", outcomes.wrong.len(), outcomes.wrong[0]);
    assert!(right > DAYS * CALLS_A_DAY * 8 / 10, "only {right} as planned");
}
