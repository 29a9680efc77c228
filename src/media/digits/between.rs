//! Keys that one peer of a relay presses, for the other one: where it can't be told, or does not want to be, as they come.
use super::doubles::{Doubles, Means};
use super::ear::Ear;
use super::keys::{Keys, Pressed};
use super::teller::{By, Teller};
use crate::media::{Codec, Seed};
use crate::util::limits::{RECEIVE_TYPES, TONES_WAITING};
use crate::util::time::Instant;
use crate::wire::dtmf::Key;
use crate::wire::rtp::{Event, Packet};
use heapless::{Deque, Vec};

/// What is done with the keys of one peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Types of telephone events that don't go through as they come.
    pub events: Vec<u8, RECEIVE_TYPES>,
    /// Types of sound in which keys may be.
    pub sounds: Vec<(u8, Codec), RECEIVE_TYPES>,
    /// How the other peer is told.
    pub by: By,
}

impl Plan {
    /// Packets have to be looked at. Tones for a peer that wants tones need not, until INFO tells the same keys.
    #[must_use]
    pub fn listens(&self) -> bool {
        match self.by {
            By::Event { .. } | By::Info => !(self.events.is_empty() && self.sounds.is_empty()),
            By::Sound { .. } => !self.events.is_empty(),
            By::Nothing => false,
        }
    }
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It goes on.
    Goes,
    /// It was a key, or has to give way to one.
    Taken,
    /// It is a tone that is told by other means: silence of this codec goes in its place.
    Silent(Codec),
}

/// From one peer to the other.
pub struct Between {
    pub plan: Plan,
    /// For a peer that has not heard anything yet.
    pub seed: Seed,
    pub teller: Teller,
    keys: Keys,
    ear: Ear,
    doubles: Doubles,
    /// By what the key is told that is down.
    down: Option<Means>,
    /// The tone that sounds goes on as it is.
    passes: bool,
    /// To be told by INFO.
    informing: Deque<char, TONES_WAITING>,
    /// Timestamp of the first packet of what is told.
    pub began: u32,
    /// Keys that the other peer was not told of.
    untold: u64,
}

impl Between {
    #[must_use]
    pub fn new(plan: Plan, seed: Seed) -> Self {
        Self {
            plan,
            seed,
            teller: Teller::default(),
            keys: Keys::default(),
            ear: Ear::default(),
            doubles: Doubles::default(),
            down: None,
            passes: false,
            informing: Deque::new(),
            began: 0,
            untold: 0,
        }
    }

    /// Packets of this type are ours.
    #[must_use]
    pub fn takes(&self, payload_type: u8) -> bool {
        self.plan.events.contains(&payload_type)
    }

    /// One packet of the peer.
    pub fn hear(&mut self, packet: &Packet<'_>, now: Instant) -> Fate {
        if self.takes(packet.payload_type) {
            self.on_event(packet, now);
            return Fate::Taken;
        }
        let sounds = &self.plan.sounds;
        let codec = sounds.iter().find(|(listed, _)| *listed == packet.payload_type).map(|(_, codec)| *codec);
        let silent = codec.filter(|codec| self.hears_key(packet, *codec, now));
        match silent {
            _ if self.teller.is_busy(now) => Fate::Taken,
            Some(codec) => Fate::Silent(codec),
            None => Fate::Goes,
        }
    }

    /// The peer said by INFO that this was pressed.
    pub fn press(&mut self, key: Key, now: Instant) {
        self.begin(Means::Info, key.digit, Some(key), now);
    }

    /// Time passes: an event whose end was lost is over.
    pub fn on_time(&mut self, now: Instant) {
        if self.down == Some(Means::Event) && !self.keys.is_down(now) {
            self.release(now);
        }
    }

    /// The next key that the other peer is to be told of by INFO.
    pub fn take_informing(&mut self) -> Option<char> {
        self.informing.pop_front()
    }

    /// Keys that the other peer was not told of, since this was asked last.
    pub const fn take_untold(&mut self) -> u64 {
        core::mem::replace(&mut self.untold, 0)
    }

    fn on_event(&mut self, packet: &Packet<'_>, now: Instant) {
        let Some(event) = Event::parse(packet.payload) else { return };
        match self.keys.on_event(packet.timestamp, packet.marker, event, now) {
            Some(Pressed::Digit(digit)) => {
                self.begin(Means::Event, digit, None, now);
            }
            // Neither a tone nor INFO tells those.
            Some(Pressed::Other) => self.untold = self.untold.saturating_add(1),
            None => {}
        }
        self.on_time(now);
    }

    /// Whether this is the sound of a key.
    fn hears_key(&mut self, packet: &Packet<'_>, codec: Codec, now: Instant) -> bool {
        let was_down = self.ear.is_down();
        let mut begun = Vec::<char, 2>::new();
        self.ear.listen(packet, codec, &mut |digit| begun.extend(Some(digit)));
        let is_down = self.ear.is_down();
        for digit in begun {
            let is_new = self.begin(Means::Sound, digit, None, now);
            self.passes = is_new && matches!(self.plan.by, By::Sound { .. });
        }
        if self.down == Some(Means::Sound) && !is_down {
            self.release(now);
        }
        (was_down || is_down) && !self.passes
    }

    /// A press by these means; of a known length, or down from now on. False: it was told already.
    fn begin(&mut self, means: Means, digit: char, known: Option<Key>, now: Instant) -> bool {
        if !self.doubles.is_new(means, digit, now) {
            return false;
        }
        let is_taken = match (self.plan.by, known) {
            (By::Event { .. } | By::Sound { .. }, Some(key)) => {
                self.down = None;
                self.teller.press_for(digit, key.held, now)
            }
            // It is heard.
            (By::Sound { .. }, None) if means == Means::Sound => true,
            (By::Event { .. } | By::Sound { .. }, None) => {
                self.down = Some(means);
                self.teller.press(digit, now)
            }
            (By::Info, _) => self.informing.push_back(digit).is_ok(),
            (By::Nothing, _) => false,
        };
        if !is_taken {
            self.untold = self.untold.saturating_add(1);
        }
        true
    }

    fn release(&mut self, now: Instant) {
        self.down = None;
        self.teller.release(now);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tones::Tones;
    use super::*;
    use crate::media::FRAME;
    use core::time::Duration;
    use std::vec::Vec;

    const EVENTS: u8 = 101;

    fn at(ms: u64) -> Instant {
        Instant::from_micros(ms * 1_000)
    }

    fn between(by: By) -> Between {
        let events = [EVENTS].into_iter().collect();
        let sounds = [(0, Codec::Pcmu)].into_iter().collect();
        Between::new(Plan { events, sounds, by }, Seed { ssrc: 1, sequence: 2, timestamp: 3 })
    }

    /// A packet each 20 ms: `s` begin of an event, `u` more of it, `e` its end, `t` a tone, `.` silence, `-` none. The last number of
    /// each packet of a key that was told, and what became of the packets: goes, taken, silent.
    fn story(between: &mut Between, packets: &str, clock: u32) -> (Vec<String>, String) {
        let (mut tones, mut fates, mut told) = (Tones::default(), String::new(), Vec::new());
        let mut began = 0;
        for (n, kind) in (0_u16..).zip(packets.chars()) {
            let now = at(u64::from(n) * 20);
            let timestamp = u32::from(n) * 20 * clock;
            let mut frame = [0; FRAME];
            if kind == 't' && !packets[..usize::from(n)].ends_with('t') {
                tones.push('5');
            }
            tones.overlay(&mut frame);
            let sound: Vec<u8> = frame.iter().map(|sample| Codec::Pcmu.encode(*sample)).collect();
            let event = |end| Event { code: 5, end, volume: 10, duration: 160 }.to_bytes();
            if kind == 's' {
                began = timestamp;
            }
            let end = event(kind == 'e');
            let is_event = "sue".contains(kind);
            let packet = Packet {
                marker: kind == 's',
                payload_type: if is_event { EVENTS } else { 0 },
                sequence: n,
                timestamp: if is_event { began } else { timestamp },
                ssrc: 9,
                payload: if is_event { &end } else { &sound },
            };
            if kind != '-' {
                fates.push(match between.hear(&packet, now) {
                    Fate::Goes => 'g',
                    Fate::Taken => 't',
                    Fate::Silent(_) => 's',
                });
            }
            between.on_time(now);
            let by = between.plan.by;
            between.teller.handle_timeout(by, now, &mut |packet| {
                if let Some(event) = Event::parse(packet.payload).filter(|event| event.end) {
                    told.push(format!("{}:{}", event.code, event.duration));
                }
            });
        }
        // Each end comes three times.
        (told.into_iter().step_by(3).collect(), fates)
    }

    #[test]
    fn events_at_any_clock_and_with_losses() {
        let by = |per_ms| By::Event { payload_type: 96, per_ms };
        // In ticks of the other one's clock: 100 ms at least, else as long as the press.
        for (packets, clock, per_ms, want) in [
            ("suuueee.........", 8, 8, &["5:800"][..]),
            ("suuueee.........", 48, 8, &["5:800"]),
            ("suuueee.........", 8, 48, &["5:4800"]),
            ("suuueee.........", 16, 16, &["5:1600"]),
            ("suuuuuuuuuuueee.....", 48, 8, &["5:2080"]),
            // Only the middle came; only an end; a second press right behind.
            ("-uu-eee.........", 8, 8, &["5:800"]),
            ("------e.........", 8, 8, &["5:800"]),
            ("suuueee....suuueee............", 8, 8, &["5:800", "5:800"]),
            // The end never came: half a second later it is over.
            ("suu..........................................", 8, 8, &["5:4480"]),
        ] {
            let (told, _) = story(&mut between(by(per_ms)), packets, clock);
            assert_eq!(told, want, "{packets} {clock}");
        }
    }

    #[test]
    fn what_is_told_otherwise_is_not_heard() {
        let event = By::Event { payload_type: 96, per_ms: 8 };
        let (told, fates) = story(&mut between(event), "...tttttt..........", 8);
        assert_eq!((told.len(), fates.as_str()), (1, "ggggtttttttgggggggg"));
        let mut informed = between(By::Info);
        let (told, fates) = story(&mut informed, "...tttttt..........", 8);
        assert_eq!((told.len(), fates.as_str()), (0, "ggggsssssssgggggggg"));
        assert_eq!((informed.take_informing(), informed.take_informing()), (Some('5'), None));
        let sound = By::Sound { payload_type: 0, codec: Codec::Pcmu };
        let (told, fates) = story(&mut between(sound), "...tttttt..........", 8);
        assert_eq!((told.len(), fates.as_str()), (0, "ggggggggggggggggggg"));
    }

    #[test]
    fn a_key_by_info_and_in_the_sound_is_one() {
        let sound = By::Sound { payload_type: 0, codec: Codec::Pcmu };
        let mut both = between(sound);
        let key = Key { digit: '5', held: Duration::from_millis(100) };
        both.press(key, at(0));
        let (_, fates) = story(&mut both, "tttttttttt..........", 8);
        assert!(!fates[..6].contains('g') && both.teller.is_idle(), "{fates}");
        // The tone was there first.
        let mut both = between(sound);
        story(&mut both, "tttttt....", 8);
        both.press(key, at(200));
        assert!(both.teller.is_idle());
        both.press(key, at(400));
        assert!(!both.teller.is_idle());
    }

    #[test]
    fn what_cannot_be_told_is_counted() {
        let mut nothing = between(By::Nothing);
        assert!(!nothing.plan.listens());
        nothing.press(Key { digit: '5', held: Duration::from_millis(100) }, at(0));
        assert_eq!((nothing.take_untold(), nothing.take_untold()), (1, 0));
    }
}
