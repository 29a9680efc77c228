//! Several parties in one room: each hears all the others.
//!
//! Frames of 20 ms at 8,000 or 16,000 samples a second. One clock calls `mix`; who has no frame then is silent for it, who has too many
//! loses the oldest: nobody holds up the others. The room is as wide as its widest party.
use super::codec::resample::{Down, Up};
use crate::util::limits::{MIXER_PARTIES, MIXER_WAITING};
use heapless::{Deque, Vec};

/// Samples of 20 ms.
const NARROW: usize = 160;
const WIDE: usize = 320;
/// Nobody gets louder than this, of 32,768.
const CEILING: i32 = 31_000;
/// Gains are parts of this.
const UNITY: i32 = 1 << 15;
/// Samples over which a gain falls, and frames over which it recovers by two thirds.
const FALL: i32 = 32;
const RECOVERY: i32 = 8;

/// How many samples a second a party has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// 8,000
    Narrow,
    /// 16,000
    Wide,
}

impl Rate {
    /// Samples of a frame.
    #[must_use]
    pub const fn frame(self) -> usize {
        match self {
            Self::Narrow => NARROW,
            Self::Wide => WIDE,
        }
    }
}

/// Names a party as long as it is in the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartyId(u32);

/// Why nobody can come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

struct Party {
    id: PartyId,
    rate: Rate,
    /// What it said and nobody heard yet, at its own rate.
    waiting: Deque<[i16; WIDE], MIXER_WAITING>,
    dropped: u64,
    up: Up,
    down: Down,
    limiter: Limiter,
    /// This frame of it at the rate of the room.
    said: [i16; WIDE],
}

/// The room.
#[derive(Default)]
pub struct Mixer {
    parties: Vec<Party, MIXER_PARTIES>,
    last: u32,
}

impl core::fmt::Debug for Mixer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Mixer").field("parties", &self.parties.len()).finish_non_exhaustive()
    }
}

impl Mixer {
    /// Somebody comes in.
    ///
    /// # Errors
    /// The room is full.
    pub fn enter(&mut self, rate: Rate) -> Result<PartyId, Full> {
        self.last = self.last.wrapping_add(1);
        let id = PartyId(self.last);
        let party = Party {
            id,
            rate,
            waiting: Deque::new(),
            dropped: 0,
            up: Up::default(),
            down: Down::default(),
            limiter: Limiter::default(),
            said: [0; WIDE],
        };
        self.parties.push(party).map_err(|_| Full)?;
        Ok(id)
    }

    pub fn leave(&mut self, id: PartyId) {
        self.parties.retain(|party| party.id != id);
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.parties.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parties.is_empty()
    }

    /// Frames of this party that came too fast.
    #[must_use]
    pub fn dropped(&self, id: PartyId) -> u64 {
        self.parties.iter().find(|party| party.id == id).map_or(0, |party| party.dropped)
    }

    /// 20 ms of a party, at its rate: what is missing of them is silence, what is too much is left out.
    pub fn push(&mut self, id: PartyId, frame: &[i16]) {
        let Some(party) = self.parties.iter_mut().find(|party| party.id == id) else { return };
        if party.waiting.is_full() {
            party.waiting.pop_front();
            party.dropped = party.dropped.saturating_add(1);
        }
        let mut whole = [0; WIDE];
        let length = party.rate.frame();
        whole.iter_mut().take(length).zip(frame).for_each(|(to, from)| *to = *from);
        // There is room now.
        let _ = party.waiting.push_back(whole);
    }

    /// The next 20 ms: `hear` gets what each party hears, at its rate.
    pub fn mix(&mut self, mut hear: impl FnMut(PartyId, &[i16])) {
        let wide = self.parties.iter().any(|party| party.rate == Rate::Wide);
        let room = if wide { Rate::Wide } else { Rate::Narrow };
        let mut sum = [0_i32; WIDE];
        for party in &mut self.parties {
            party.take(room);
            // As many as the parties' limit stay far below 2^31.
            sum.iter_mut().zip(party.said).for_each(|(sum, said)| *sum = sum.wrapping_add(i32::from(said)));
        }
        for party in &mut self.parties {
            let mut others = [0_i32; WIDE];
            let all = sum.iter().zip(party.said);
            others.iter_mut().zip(all).for_each(|(to, (sum, own))| *to = sum.wrapping_sub(i32::from(own)));
            let mut heard = [0; WIDE];
            party.limiter.limit(&others, &mut heard, room.frame());
            party.give(room, &heard, &mut hear);
        }
    }
}

impl Party {
    /// Its next frame, at the rate of the room.
    fn take(&mut self, room: Rate) {
        let frame = self.waiting.pop_front().unwrap_or([0; WIDE]);
        if room == self.rate {
            self.said = frame;
            return;
        }
        // The room is wider: it is never narrower than one of its parties.
        for (pair, sample) in self.said.chunks_exact_mut(2).zip(frame) {
            pair.copy_from_slice(&self.up.push(sample));
        }
    }

    fn give(&mut self, room: Rate, heard: &[i16; WIDE], hear: &mut impl FnMut(PartyId, &[i16])) {
        if room == self.rate {
            return hear(self.id, heard.get(..room.frame()).unwrap_or_default());
        }
        let mut narrow = [0; NARROW];
        for (to, pair) in narrow.iter_mut().zip(heard.as_chunks::<2>().0) {
            *to = self.down.push(*pair);
        }
        hear(self.id, &narrow);
    }
}

/// Keeps a sum within 16 bits: the gain falls at once when it must, and comes back slowly.
struct Limiter {
    gain: i32,
}

impl Default for Limiter {
    fn default() -> Self {
        Self { gain: UNITY }
    }
}

impl Limiter {
    fn limit(&mut self, sum: &[i32; WIDE], out: &mut [i16; WIDE], length: usize) {
        let frame = sum.iter().take(length);
        let peak = frame.clone().map(|s| s.unsigned_abs()).max().unwrap_or(0);
        let peak = i32::try_from(peak).unwrap_or(i32::MAX);
        let fits = if peak > CEILING {
            i32::try_from(i64::from(CEILING) * i64::from(UNITY) / i64::from(peak)).unwrap_or(UNITY)
        } else {
            UNITY
        };
        let before = self.gain;
        self.gain = if fits < before { fits } else { fits.min(before + (UNITY - before) / RECOVERY) };
        for ((to, sample), at) in out.iter_mut().zip(frame).zip(1..) {
            // From the last gain to this one over some samples: a step would click.
            let gain = before + (self.gain - before) * FALL.min(at) / FALL;
            let value = i64::from(*sample) * i64::from(gain) / i64::from(UNITY);
            *to = i16::try_from(value).unwrap_or(if value < 0 { i16::MIN } else { i16::MAX });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn sine(hz: f64, level: f64, rate: Rate, frame: usize) -> std::vec::Vec<i16> {
        let length = rate.frame();
        let per_second = length as f64 * 50.0;
        (0..length)
            .map(|n| {
                (level * ((frame * length + n) as f64 * hz / per_second * std::f64::consts::TAU).sin()) as i16
            })
            .collect()
    }

    /// Amplitude of one frequency.
    fn amplitude(sound: &[i16], hz: f64, rate: Rate) -> f64 {
        let per_second = rate.frame() as f64 * 50.0;
        let (mut re, mut im) = (0.0, 0.0);
        for (n, sample) in sound.iter().enumerate() {
            let angle = std::f64::consts::TAU * hz * n as f64 / per_second;
            re += f64::from(*sample) * angle.cos();
            im += f64::from(*sample) * angle.sin();
        }
        2.0 * (re * re + im * im).sqrt() / sound.len() as f64
    }

    const TONES: [f64; 4] = [500.0, 900.0, 1_300.0, 1_700.0];

    /// What each party heard in `frames` frames, of the second half.
    fn talk(rates: &[Rate], level: f64, frames: usize) -> std::vec::Vec<std::vec::Vec<i16>> {
        let mut mixer = Mixer::default();
        let ids: std::vec::Vec<PartyId> = rates.iter().map(|rate| mixer.enter(*rate).unwrap()).collect();
        let mut heard: std::vec::Vec<std::vec::Vec<i16>> =
            rates.iter().map(|_| std::vec::Vec::new()).collect();
        for frame in 0..frames {
            for (at, (id, rate)) in ids.iter().zip(rates).enumerate() {
                mixer.push(*id, &sine(TONES[at % 4], level, *rate, frame));
            }
            mixer.mix(|id, sound| {
                let at = ids.iter().position(|known| *known == id).unwrap();
                assert_eq!(sound.len(), rates[at].frame());
                if frame >= frames / 2 {
                    heard[at].extend_from_slice(sound);
                }
            });
        }
        heard
    }

    #[test]
    fn each_hears_all_but_itself() {
        use Rate::{Narrow, Wide};
        for rates in [[Narrow; 4], [Wide; 4], [Narrow, Wide, Narrow, Wide]] {
            let heard = talk(&rates, 4_000.0, 40);
            for (listener, sound) in heard.iter().enumerate() {
                for (speaker, tone) in TONES.iter().enumerate() {
                    let amplitude = amplitude(sound, *tone, rates[listener]);
                    if speaker == listener {
                        assert!(amplitude < 40.0, "{rates:?}: {listener} hears itself: {amplitude}");
                    } else {
                        assert!(
                            (amplitude - 4_000.0).abs() < 150.0,
                            "{rates:?}: {listener} {speaker}: {amplitude}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn loud_ones_are_turned_down_and_nothing_wraps() {
        for count in [3, 8, MIXER_PARTIES] {
            let rates = vec![Rate::Narrow; count];
            let heard = talk(&rates, 32_000.0, 40);
            for sound in &heard {
                let peak = sound.iter().map(|s| s.unsigned_abs()).max().unwrap();
                assert!(peak <= 31_001, "{count}: {peak}");
                // A wrapped sum leaps from one end to the other.
                let steepest =
                    sound.windows(2).map(|w| (i32::from(w[1]) - i32::from(w[0])).abs()).max().unwrap();
                assert!(steepest < 45_000, "{count}: {steepest}");
            }
            // Who is turned down is still there.
            assert!(amplitude(&heard[0], TONES[1], Rate::Narrow) > 2_000.0);
        }
    }

    #[test]
    fn a_gain_falls_without_a_click_and_comes_back() {
        let mut limiter = Limiter::default();
        let mut out = [0; WIDE];
        limiter.limit(&[60_000; WIDE], &mut out, NARROW);
        assert!(out.iter().take(NARROW).all(|s| *s > 0), "nothing wraps on the way down");
        let low = limiter.gain;
        for _ in 0..50 {
            limiter.limit(&[1_000; WIDE], &mut out, NARROW);
        }
        assert!(limiter.gain > low && limiter.gain > UNITY * 9 / 10, "{}", limiter.gain);
        limiter.limit(&[i32::MIN; WIDE], &mut out, WIDE);
        limiter.limit(&[i32::MAX; WIDE], &mut out, WIDE);
        // All parties at their loudest.
        let mut limiter = Limiter::default();
        limiter.limit(&[1_048_576; WIDE], &mut out, WIDE);
        limiter.limit(&[1_048_576; WIDE], &mut out, WIDE);
        assert!(out.iter().all(|s| (30_000..=31_000).contains(s)));
    }

    #[test]
    fn who_stalls_or_hurries_holds_nobody_up() {
        let mut mixer = Mixer::default();
        let steady = mixer.enter(Rate::Narrow).unwrap();
        let stalling = mixer.enter(Rate::Narrow).unwrap();
        let mut heard: BTreeMap<u32, std::vec::Vec<i16>> = BTreeMap::new();
        for frame in 0..100 {
            mixer.push(steady, &sine(500.0, 4_000.0, Rate::Narrow, frame));
            if frame % 10 == 0 {
                // Ten at once: the newest are heard.
                (0..10).for_each(|n| mixer.push(stalling, &sine(900.0, 4_000.0, Rate::Narrow, frame + n)));
            }
            mixer.mix(|id, sound| heard.entry(id.0).or_default().extend_from_slice(sound));
        }
        assert_eq!(heard[&stalling.0].len(), 100 * NARROW);
        assert!((amplitude(&heard[&stalling.0], 500.0, Rate::Narrow) - 4_000.0).abs() < 150.0);
        let waits = u64::try_from(MIXER_WAITING).unwrap();
        assert_eq!(mixer.dropped(stalling), 10 * (10 - waits));
        assert_eq!(mixer.dropped(steady), 0);
    }

    #[test]
    fn who_leaves_is_heard_no_more_and_makes_room() {
        let mut mixer = Mixer::default();
        let ids: std::vec::Vec<PartyId> =
            (0..MIXER_PARTIES).map(|_| mixer.enter(Rate::Narrow).unwrap()).collect();
        assert_eq!(mixer.enter(Rate::Wide), Err(Full));
        mixer.push(ids[1], &[9_000; NARROW]);
        mixer.leave(ids[1]);
        mixer.mix(|id, sound| assert!(id != ids[1] && sound.iter().all(|s| *s == 0)));
        assert!(mixer.enter(Rate::Wide).is_ok());
        // Of nobody, too short, too long.
        mixer.push(ids[1], &[1]);
        mixer.push(ids[0], &[5; 7]);
        mixer.push(ids[2], &[5; 1_000]);
        mixer.mix(|_, _| {});
        assert_eq!(mixer.len(), MIXER_PARTIES);
    }
}
