//! Two endpoints and a network that loses, doubles and reorders: whatever it does, every session has exactly one end on each side, and
//! nothing is left.
use super::ladder::{OURS, SDP};
use crate::sip::endpoint::{Endpoint, Event, Invite, SessionId};
use crate::sip::{Flow, Transport};
use crate::util::random::Random;
use crate::util::time::Instant;
use crate::wire::sip::{Address, Message, Uri};
use std::collections::BTreeMap;
use std::time::Duration;

/// In percent.
#[derive(Clone, Copy)]
struct Weather {
    lost: u32,
    doubled: u32,
    /// The longest way, in ms; the shortest is 1 ms.
    slow: u32,
}

/// What a side knows of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Early,
    Answered,
    /// Its one end was said or done.
    Over,
}

struct Side {
    endpoint: Endpoint,
    flow: Flow,
    sessions: BTreeMap<SessionId, Life>,
    /// Answered at least once.
    talked: u32,
}

struct Pair {
    sides: [Side; 2],
    /// When, in which order, for whom.
    wire: BTreeMap<(Instant, u64), (usize, Vec<u8>)>,
    random: Random,
    weather: Weather,
    now: Instant,
    packets: u64,
}

impl Pair {
    fn new(seed: u8, turn: u8, weather: Weather, transport: Transport) -> Self {
        let side = |n: u8, local: &str, remote: &str| Side {
            endpoint: Endpoint::new([seed ^ (n << 7); 32], "pair"),
            flow: Flow { transport, id: 1, local: local.parse().unwrap(), remote: remote.parse().unwrap() },
            sessions: BTreeMap::new(),
            talked: 0,
        };
        let mut random = [seed; 32];
        random[0] = turn;
        Self {
            sides: [side(0, "192.0.2.1:5060", "192.0.2.2:5060"), side(1, "192.0.2.2:5060", "192.0.2.1:5060")],
            wire: BTreeMap::new(),
            random: Random::new(random),
            weather,
            now: Instant::ZERO,
            packets: 0,
        }
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.random.below(100) < percent
    }

    fn call(&mut self, from: usize, has_offer: bool) {
        let side = &mut self.sides[from];
        let uri = Uri::sip(Some("20"), &side.flow.remote.ip().to_string(), None);
        let own = Uri::sip(Some("10"), &side.flow.local.ip().to_string(), None);
        let spec = Invite {
            flow: side.flow,
            uri: uri.clone(),
            from: Address::new(own.clone()),
            to: Address::new(uri),
            contact: own,
            call_id: None,
            route: Vec::new(),
            headers: Vec::new(),
            sdp: has_offer.then(|| OURS.into()),
            ring_limit: Some(Duration::from_secs(60)),
        };
        let session = side.endpoint.invite(spec, self.now).unwrap();
        side.sessions.insert(session, Life::Early);
    }

    fn send(&mut self, to: usize, bytes: Vec<u8>) {
        let copies = if self.chance(self.weather.doubled) { 2 } else { 1 };
        for _ in 0..copies {
            if self.chance(self.weather.lost) {
                continue;
            }
            let way = Duration::from_millis(u64::from(1 + self.random.below(self.weather.slow)));
            self.packets += 1;
            self.wire.insert((self.now + way, self.packets), (to, bytes.clone()));
        }
    }

    fn settle(&mut self) {
        for n in 0..2 {
            while let Some(output) = self.sides[n].endpoint.poll_output() {
                assert_eq!(output.flow, self.sides[n].flow);
                Message::parse(&output.bytes).unwrap();
                self.send(1 - n, output.bytes);
            }
            while let Some(event) = self.sides[n].endpoint.poll_event() {
                self.on_event(n, event);
            }
        }
    }

    /// An owner who does one thing or another.
    fn on_event(&mut self, n: usize, event: Event) {
        let dice = self.random.below(100);
        let now = self.now;
        let side = &mut self.sides[n];
        let (endpoint, sessions) = (&mut side.endpoint, &mut side.sessions);
        match event {
            Event::Invite { session, .. } => {
                assert_eq!(sessions.insert(session, Life::Early), None, "a new name");
                match dice {
                    0..50 => endpoint.ring(session, 180, None, now),
                    50..70 => endpoint.ring(session, 183, Some(SDP.into()), now),
                    70..90 => {
                        endpoint.accept(session, SDP.into(), now);
                        sessions.insert(session, Life::Answered);
                    }
                    _ => {
                        endpoint.reject(session, 486, &[], now);
                        sessions.insert(session, Life::Over);
                    }
                }
            }
            Event::Answered { session, sdp, .. } => {
                assert_eq!(sessions.insert(session, Life::Answered), Some(Life::Early));
                assert!(sdp.is_some());
                side.talked += 1;
                endpoint.acknowledge(session, OURS.into());
            }
            Event::Progress { session, .. } => assert_eq!(sessions.get(&session), Some(&Life::Early)),
            Event::Acked { session, .. }
            | Event::Answer { session, .. }
            | Event::OfferRefused { session, .. }
            | Event::OfferWithdrawn { session } => {
                assert_eq!(sessions.get(&session), Some(&Life::Answered));
            }
            Event::Offer { session, sdp } => {
                assert_eq!(sessions.get(&session), Some(&Life::Answered));
                assert!(sdp.is_some());
                match dice {
                    0..80 => endpoint.answer(session, SDP.into(), now),
                    _ => endpoint.refuse(session, 488, now),
                }
            }
            Event::Failed { session, .. } | Event::Cancelled { session, .. } => {
                assert_eq!(sessions.insert(session, Life::Over), Some(Life::Early), "one end");
            }
            Event::Ended { session, .. } => {
                let before = sessions.insert(session, Life::Over);
                assert!(matches!(before, Some(Life::Early | Life::Answered)), "one end");
            }
            other => panic!("{other:?}"),
        }
    }

    /// Something an owner does by himself.
    fn stir(&mut self) {
        let n = usize::from(self.chance(50));
        let dice = self.random.below(100);
        let pick = self.random.next_u64();
        let now = self.now;
        let side = &mut self.sides[n];
        let alive: Vec<(SessionId, Life)> =
            side.sessions.iter().filter(|(_, l)| **l != Life::Over).map(|(s, l)| (*s, *l)).collect();
        let Some(at) = usize::try_from(pick).unwrap().checked_rem(alive.len()) else { return };
        let (session, life) = alive[at];
        match dice {
            0..30 => {
                // Does nothing to a call of ours.
                side.endpoint.accept(session, SDP.into(), now);
                if life == Life::Early && side.endpoint.has_accepted(session) {
                    side.sessions.insert(session, Life::Answered);
                }
            }
            30..60 => {
                side.endpoint.reinvite(session, OURS.into(), now);
            }
            60..80 => side.endpoint.ring(session, 180, None, now),
            80..95 => {
                side.endpoint.hangup(session, None, 480, &[], now);
                side.sessions.insert(session, Life::Over);
            }
            _ => {}
        }
    }

    /// To the next packet or timer, but not beyond `until`; false: nothing before it.
    fn step(&mut self, until: Instant) -> bool {
        self.settle();
        let packet = self.wire.keys().next().map(|(at, _)| *at);
        let timers = self.sides.iter().filter_map(|s| s.endpoint.poll_timeout());
        let Some(next) = timers.chain(packet).min().filter(|at| *at <= until) else { return false };
        self.now = self.now.max(next);
        match self.wire.first_entry().filter(|e| e.key().0 <= next) {
            Some(entry) => {
                let (to, bytes) = entry.remove();
                let side = &mut self.sides[to];
                side.endpoint.handle_message(side.flow, &bytes, self.now);
            }
            None => self.sides.iter_mut().for_each(|s| s.endpoint.handle_timeout(self.now)),
        }
        true
    }

    fn run_until(&mut self, until: Instant) {
        let mut steps = 0;
        while self.step(until) {
            steps += 1;
            assert!(steps < 100_000, "no end");
        }
        self.now = until;
    }

    fn hang_up_all(&mut self) {
        let now = self.now;
        for side in &mut self.sides {
            for (session, life) in side.sessions.iter_mut().filter(|(_, l)| **l != Life::Over) {
                side.endpoint.hangup(*session, None, 480, &[], now);
                *life = Life::Over;
            }
        }
    }

    /// Some calls and some whims, then everybody hangs up.
    fn story(mut self) -> [u32; 2] {
        for _ in 0..4 {
            let from = usize::from(self.chance(50));
            let has_offer = self.chance(80);
            self.call(from, has_offer);
        }
        for _ in 0..30 {
            let pause = Duration::from_millis(u64::from(self.random.below(1_500)));
            self.run_until(self.now + pause);
            self.stir();
        }
        self.hang_up_all();
        self.run_until(self.now + Duration::from_secs(120));
        // An INVITE may have got through when its caller heard of nothing any more: no CANCEL follows, and it rings until its owner ends it.
        let answered =
            self.sides.iter().flat_map(|s| s.sessions.values()).filter(|l| **l == Life::Answered).count();
        assert_eq!(answered, 0);
        self.hang_up_all();
        self.run_until(self.now + Duration::from_secs(120));
        for side in &mut self.sides {
            assert!(side.sessions.values().all(|l| *l == Life::Over), "{:?}", side.sessions);
            assert!(side.endpoint.is_idle(), "{:?}", side.endpoint);
        }
        [self.sides[0].talked, self.sides[1].talked]
    }
}

fn stories(weather: Weather, transport: Transport, count: u16) {
    let mut talked = 0;
    for n in 0..count {
        let [low, high] = n.to_le_bytes();
        let story = std::panic::catch_unwind(|| {
            Pair::new(low & 0x7f, high.wrapping_add(low), weather, transport).story()
        });
        let Ok([a, b]) = story else { panic!("story {n}") };
        talked += a + b;
    }
    assert!(talked > u32::from(count), "too few calls were answered: {talked} in {count} stories");
}

#[test]
fn fair_weather() {
    stories(Weather { lost: 0, doubled: 0, slow: 20 }, Transport::Udp, 60);
}

/// In order and whole.
#[test]
fn over_tcp() {
    stories(Weather { lost: 0, doubled: 0, slow: 1 }, Transport::Tcp, 60);
}

#[test]
fn everything_comes_twice_and_in_any_order() {
    stories(Weather { lost: 0, doubled: 60, slow: 1_200 }, Transport::Udp, 120);
}

#[test]
fn a_third_is_lost() {
    stories(Weather { lost: 33, doubled: 10, slow: 300 }, Transport::Udp, 150);
}

#[test]
fn hardly_anything_arrives() {
    stories(Weather { lost: 70, doubled: 10, slow: 2_000 }, Transport::Udp, 60);
}
