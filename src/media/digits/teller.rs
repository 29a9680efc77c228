//! Keys that are told to a peer between the packets of another one: as telephone events, or as tones. One after the other, in
//! packets of 20 ms, by the clock.
use super::tones::Tone;
use crate::media::FRAME;
use crate::media::codec::{Codec, Encoder};
use crate::util::limits::TONES_WAITING;
use crate::util::time::Instant;
use crate::wire::rtp::Event;
use core::time::Duration;
use heapless::Deque;

const TICK: Duration = Duration::from_millis(20);
/// A key is told at least so long: Q.24 wants 40 ms, and some peers more.
const LEAST: Duration = Duration::from_millis(100);
/// And at most: the length of an event has 16 bits.
const MOST: Duration = Duration::from_secs(8);
/// Between two keys.
const PAUSE: Duration = Duration::from_millis(80);
/// A moment that is late by more is not made up for.
const LATE: Duration = Duration::from_millis(100);
/// Power told with events, -dBm0.
const VOLUME: u8 = 10;
/// Copies of an event's end (RFC 4733 section 2.5.1.4).
const ENDS: u8 = 3;

/// How the peer wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// `per_ms`: what the clock of the events counts in a millisecond.
    Event {
        payload_type: u8,
        per_ms: u16,
    },
    Sound {
        payload_type: u8,
        codec: Codec,
    },
    /// Not in RTP.
    Info,
    /// It has no way of being told.
    Nothing,
}

/// One packet of ours, beside its number. `begins`: this is the first one of its key, and its timestamp is this moment; `ticks`: 20 ms
/// since then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told<'a> {
    pub begins: bool,
    pub ticks: u32,
    /// Each packet has a time of its own: it is sound.
    pub moves: bool,
    pub payload_type: u8,
    pub payload: &'a [u8],
}

#[derive(Clone, Copy, Debug)]
enum Held {
    Down { since: Instant },
    For(Duration),
}

#[derive(Clone, Copy, Debug)]
struct Press {
    digit: char,
    held: Held,
}

struct Telling {
    press: Press,
    /// Packets since its begin, of 20 ms each.
    ticks: u32,
    tone: Tone,
    encoder: Encoder,
}

/// Tells one peer.
#[derive(Default)]
pub struct Teller {
    waiting: Deque<Press, TONES_WAITING>,
    telling: Option<Telling>,
    /// When the next packet is due; without one: from when on the next key may begin.
    next_at: Option<Instant>,
    /// Until then the last packet lasts.
    busy_until: Option<Instant>,
}

impl Teller {
    /// A key went down. False: too many wait.
    pub fn press(&mut self, digit: char, now: Instant) -> bool {
        self.push(Press { digit, held: Held::Down { since: now } }, now)
    }

    /// A key was pressed for so long.
    pub fn press_for(&mut self, digit: char, held: Duration, now: Instant) -> bool {
        self.push(Press { digit, held: Held::For(held) }, now)
    }

    /// The key that went down last is up.
    pub fn release(&mut self, now: Instant) {
        let last = self.waiting.back_mut();
        if let Some(press) = last.or(self.telling.as_mut().map(|telling| &mut telling.press))
            && let Held::Down { since } = press.held
        {
            press.held = Held::For(now.since(since));
        }
    }

    /// Nobody is there to be told.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The sound of the other peer has to give way, now or at once.
    #[must_use]
    pub fn is_busy(&self, now: Instant) -> bool {
        let is_due = self.poll_timeout().is_some_and(|at| at <= now);
        is_due || self.telling.is_some() || self.busy_until.is_some_and(|until| now < until)
    }

    /// Nothing is told, and nothing waits.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.telling.is_none() && self.waiting.is_empty()
    }

    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.next_at.filter(|_| !self.is_idle())
    }

    /// What is due.
    pub fn handle_timeout(&mut self, by: By, now: Instant, send: &mut impl FnMut(Told<'_>)) {
        while let Some(at) = self.poll_timeout().filter(|at| *at <= now) {
            let at = if now.since(at) > LATE { now } else { at };
            if self.telling.is_none() {
                self.begin();
            }
            self.next_at = Some(at + TICK);
            self.busy_until = self.next_at;
            if self.tell(by, at, send) {
                self.telling = None;
                self.next_at = Some(at + TICK + PAUSE);
            }
        }
    }

    fn push(&mut self, press: Press, now: Instant) -> bool {
        // Whoever presses another key has let go of the last.
        self.release(now);
        if self.is_idle() {
            self.next_at = Some(self.next_at.map_or(now, |free| free.max(now)));
        }
        self.waiting.push_back(press).is_ok()
    }

    fn begin(&mut self) {
        let press = self.waiting.pop_front();
        self.telling = press.map(|press| Telling {
            press,
            ticks: 0,
            tone: Tone::new(press.digit),
            encoder: Encoder::default(),
        });
    }

    /// 20 ms of the key. True: these were the last.
    fn tell(&mut self, by: By, now: Instant, send: &mut impl FnMut(Told<'_>)) -> bool {
        let Some(Telling { press, ticks, tone, encoder }) = &mut self.telling else { return true };
        let (begins, before) = (*ticks == 0, *ticks);
        *ticks = ticks.saturating_add(1);
        let length = TICK.saturating_mul(*ticks);
        let held = match press.held {
            Held::Down { since } => now.since(since).saturating_add(TICK).max(length.saturating_add(TICK)),
            Held::For(held) => held.max(LEAST),
        };
        match by {
            By::Event { payload_type, per_ms } => {
                let Some(code) = Event::code(press.digit) else { return true };
                let most = MOST.min(Duration::from_millis(u64::from(u16::MAX / per_ms.max(1))));
                let is_over = length >= held.min(most.saturating_sub(TICK));
                let units = length.as_millis().saturating_mul(u128::from(per_ms));
                let duration = u16::try_from(units).unwrap_or(u16::MAX);
                let payload = Event { code, end: is_over, volume: VOLUME, duration }.to_bytes();
                for _ in 0..if is_over { ENDS } else { 1 } {
                    send(Told { begins, ticks: before, moves: false, payload_type, payload: &payload });
                }
                is_over
            }
            By::Sound { payload_type, codec } => {
                let is_over = length >= held.min(MOST);
                let mut payload = [0; FRAME];
                encoder.turn_to(codec);
                for (left, octet) in (0..FRAME).rev().zip(&mut payload) {
                    let sample = if is_over { tone.last(left) } else { tone.sample() };
                    *octet = encoder.encode(sample);
                }
                send(Told { begins, ticks: before, moves: true, payload_type, payload: &payload });
                is_over
            }
            By::Info | By::Nothing => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: By = By::Event { payload_type: 101, per_ms: 8 };

    fn at(ms: u64) -> Instant {
        Instant::from_micros(ms * 1_000)
    }

    /// Milliseconds, and what went out then: `5` a packet of that key, `5!` an end with its length in ms.
    fn run(teller: &mut Teller, by: By, until: u64) -> Vec<String> {
        let mut all = Vec::new();
        while let Some(due) = teller.poll_timeout().filter(|due| *due <= at(until)) {
            teller.handle_timeout(by, due, &mut |told| {
                let event = Event::parse(told.payload).unwrap();
                let digit = Event::digit(event.code).unwrap();
                let end = if event.end { format!("!{}", event.duration / 8) } else { String::new() };
                let begin = if told.begins { "+" } else { "" };
                all.push(format!("{}:{begin}{digit}{end}", due.as_micros() / 1_000));
            });
        }
        all
    }

    #[test]
    fn a_press_of_a_known_length() {
        let mut teller = Teller::default();
        assert!(teller.press_for('5', Duration::from_millis(130), at(10)));
        let want = "10:+5 30:5 50:5 70:5 90:5 110:5 130:5!140 130:5!140 130:5!140";
        assert_eq!(run(&mut teller, EVENT, 1_000).join(" "), want);
        assert!(teller.is_idle() && teller.is_busy(at(149)) && !teller.is_busy(at(150)));
        // The next one has its distance, a shorter one the least length.
        assert!(teller.press_for('*', Duration::from_millis(1), at(160)));
        let told = run(&mut teller, EVENT, 2_000);
        assert_eq!((told.first().unwrap().as_str(), told.last().unwrap().as_str()), ("230:+*", "310:*!100"));
    }

    #[test]
    fn a_press_lasts_until_its_release() {
        let mut teller = Teller::default();
        teller.press('1', at(0));
        assert_eq!(run(&mut teller, EVENT, 990).len(), 50);
        teller.release(at(1_000));
        assert_eq!(run(&mut teller, EVENT, 9_000).join(" "), "1000:1!1020 1000:1!1020 1000:1!1020");
        // Or the longest that an event can tell.
        teller.press('2', at(10_000));
        let told = run(&mut teller, EVENT, 30_000);
        assert_eq!(told.last().unwrap(), "17960:2!7980");
        let fast = By::Event { payload_type: 101, per_ms: 48 };
        teller.press('3', at(40_000));
        let mut lengths = Vec::new();
        while let Some(due) = teller.poll_timeout() {
            teller.handle_timeout(fast, due, &mut |told| {
                lengths.push(Event::parse(told.payload).unwrap().duration)
            });
        }
        assert!(
            lengths.is_sorted() && lengths[lengths.len() - 4..].iter().all(|l| *l > 60_000),
            "{lengths:?}"
        );
    }

    #[test]
    fn keys_wait_for_each_other() {
        let mut teller = Teller::default();
        for digit in "0123456789".chars() {
            assert!(teller.press(digit, at(0)));
        }
        teller.release(at(5));
        let told = run(&mut teller, EVENT, 60_000);
        let begun: String = told.iter().filter_map(|t| t.split_once('+')).map(|(_, key)| key).collect();
        assert_eq!(begun, "0123456789");
        assert_eq!(told.iter().filter(|t| t.contains('!')).count(), 30);
        let most = (0..100).filter(|_| teller.press('5', at(70_000))).count();
        assert_eq!(most, TONES_WAITING);
    }

    /// A loop that was held up neither tells everything at once nor forgets a key.
    #[test]
    fn a_late_moment() {
        let mut teller = Teller::default();
        teller.press_for('5', Duration::from_millis(100), at(0));
        let mut count = 0;
        for now in [0, 5_000, 5_020, 5_040, 5_060] {
            teller.handle_timeout(EVENT, at(now), &mut |_| count += 1);
        }
        assert_eq!((count, teller.is_idle()), (7, true));
    }

    /// What a peer with this codec hears of two presses of `7`: keys, packets, the last sample.
    fn tones(codec: Codec) -> (String, usize, i16) {
        use super::super::detect::{Detector, Heard};
        use crate::media::codec::Decoder;
        let mut teller = Teller::default();
        teller.press_for('7', Duration::from_millis(100), at(0));
        teller.press_for('7', Duration::from_millis(300), at(0));
        let (mut detector, mut decoder, mut keys) = (Detector::default(), Decoder::new(codec), String::new());
        let (mut count, mut last) = (0, 0);
        for clock in (0..1_000).step_by(20) {
            let mut sound = vec![0; FRAME];
            teller.handle_timeout(By::Sound { payload_type: 0, codec }, at(clock), &mut |told| {
                assert!(told.moves);
                sound = told.payload.iter().map(|octet| decoder.decode(*octet)).collect();
                last = *sound.last().unwrap();
                count += 1;
            });
            assert_eq!(sound.len(), FRAME);
            detector.listen(sound, &mut |heard| {
                if let Heard::Begin(key) = heard {
                    keys.push(key);
                }
            });
        }
        (keys, count, last)
    }

    #[test]
    fn tones_sound_as_keys_do() {
        for codec in [Codec::Pcmu, Codec::Pcma, Codec::G722] {
            let (keys, count, last) = tones(codec);
            assert_eq!((keys.as_str(), count), ("77", 20), "{codec:?}");
            assert!(last.abs() < 1_500, "it fades out: {codec:?} {last}");
        }
    }
}
