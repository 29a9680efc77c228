//! Tones of the network, generated: ringing, busy and the rest. ITU-T E.180.
//!
//! A sine table of a quarter wave and a phase of 32 bits for each frequency: integers only, and no drift however long it sounds.
use crate::util::limits::TONE_STEPS;

/// A quarter of a sine, 64 steps, 2^15ths.
#[rustfmt::skip]
const QUARTER: [i16; 65] = [
    0, 804, 1_608, 2_410, 3_212, 4_011, 4_808, 5_602, 6_393, 7_179, 7_962, 8_739, 9_512, 10_278, 11_039, 11_793, 12_539, 13_279, 14_010, 14_732, 15_446, 16_151, 16_846, 17_530, 18_204, 18_868, 19_519, 20_159, 20_787, 21_403, 22_005, 22_594, 23_170, 23_731, 24_279, 24_811, 25_329, 25_832, 26_319, 26_790, 27_245, 27_683, 28_105, 28_510, 28_898, 29_268, 29_621, 29_956, 30_273, 30_571, 30_852, 31_113, 31_356, 31_580, 31_785, 31_971, 32_137, 32_285, 32_412, 32_521, 32_609, 32_678, 32_728, 32_757, 32_767
];
/// Sum of a tone's frequencies, about -16 dBFS (-13 dBm0): as loud as speech. One, two and three of equal power.
const LEVELS: [i32; 3] = [5_193, 3_672, 2_998];
/// Depth of the modulation, in percent.
const DEPTH: i32 = 90;
/// A rise and a fall of 2 ms at the edges of a step: no click.
const SLOPE_MS: u32 = 2;

/// What sounds in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sound {
    Silence,
    /// Up to three frequencies at once, Hz; 0: none.
    Sum([u16; 3]),
    /// One frequency that swells and fades with the other.
    Modulated(u16, u16),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step {
    sound: Sound,
    /// `None`: for ever.
    ms: Option<u16>,
    /// Not repeated.
    once: bool,
}

/// A tone and its cadence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tone(heapless::Vec<Step, TONE_STEPS>);

impl Tone {
    /// Steps with commas between them: frequencies in Hz (`350+440` together, `425*25` modulated, `0` silence), `/` and milliseconds,
    /// none: for ever; `!` in front: not repeated. `None`: not of that form, too many steps, or nothing that lasts.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut steps = heapless::Vec::new();
        for word in text.split(',') {
            steps.push(step(word)?).ok()?;
        }
        // What is repeated takes time, or it would be repeated for ever at once.
        let repeated = steps.iter().filter(|s| !s.once);
        let lasts = repeated.clone().next().is_none() || repeated.clone().any(|s| s.ms != Some(0));
        (!steps.is_empty() && lasts).then_some(Self(steps))
    }
}

fn step(word: &str) -> Option<Step> {
    let (once, word) = match word.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, word),
    };
    let (sound, ms) = match word.split_once('/') {
        Some((sound, ms)) => (sound, Some(ms.parse().ok()?)),
        None => (word, None),
    };
    let audible = |f: &u16| (10..4_000).contains(f);
    let sound = if sound == "0" {
        Sound::Silence
    } else if let Some((carrier, by)) = sound.split_once('*') {
        let carrier = carrier.parse().ok().filter(audible)?;
        Sound::Modulated(carrier, by.parse().ok().filter(|by| *by > 0 && *by < carrier)?)
    } else {
        let mut all = [0; 3];
        for (at, frequency) in sound.split('+').enumerate() {
            *all.get_mut(at)? = frequency.parse().ok().filter(audible)?;
        }
        Sound::Sum(all)
    };
    Some(Step { sound, ms, once })
}

/// Plays a tone, frame after frame.
#[derive(Clone, Debug)]
pub struct Player {
    tone: Tone,
    /// Samples a second.
    rate: u32,
    at: usize,
    /// Samples of this step that have sounded.
    passed: u32,
    phases: [u32; 3],
    ended: bool,
}

impl Player {
    /// `rate`: samples a second, 8,000 or 16,000.
    #[must_use]
    pub const fn new(tone: Tone, rate: u32) -> Self {
        Self { tone, rate, at: 0, passed: 0, phases: [0; 3], ended: false }
    }

    /// The next samples. False: the tone has ended (one that is not repeated), and the rest is silence.
    pub fn fill(&mut self, frame: &mut [i16]) -> bool {
        for sample in frame.iter_mut() {
            *sample = self.next();
        }
        !self.ended
    }

    fn next(&mut self) -> i16 {
        // Steps of no length are passed over; each of a tone at most once.
        for _ in 0..=TONE_STEPS {
            let Some(step) = self.tone.0.get(self.at).copied().filter(|_| !self.ended) else {
                self.ended = true;
                return 0;
            };
            let length = step.ms.map(|ms| u32::from(ms).saturating_mul(self.rate / 1_000));
            if length.is_none_or(|length| self.passed < length) {
                let sample = self.sample(step.sound) * self.edge(length);
                self.passed = self.passed.saturating_add(1);
                let slope = self.slope();
                return i16::try_from(sample / slope).unwrap_or(0);
            }
            self.advance();
        }
        0
    }

    fn slope(&self) -> i32 {
        i32::try_from(self.rate / 1_000 * SLOPE_MS).unwrap_or(16).max(1)
    }

    /// How far in from the nearer edge of the step, up to the slope's length.
    fn edge(&self, length: Option<u32>) -> i32 {
        let left = length.map_or(u32::MAX, |length| length.saturating_sub(self.passed));
        let inside = self.passed.saturating_add(1).min(left);
        i32::try_from(inside).unwrap_or(i32::MAX).min(self.slope())
    }

    fn advance(&mut self) {
        self.passed = 0;
        self.at = self.at.saturating_add(1);
        if self.at >= self.tone.0.len() {
            // From the first step that is repeated; without one it is over.
            let first = self.tone.0.iter().position(|step| !step.once);
            self.at = first.unwrap_or(usize::MAX);
        }
    }

    fn sample(&mut self, sound: Sound) -> i32 {
        match sound {
            Sound::Silence => {
                self.phases = [0; 3];
                0
            }
            Sound::Sum(frequencies) => {
                let count = frequencies.iter().filter(|f| **f > 0).count();
                let level = LEVELS.get(count.saturating_sub(1)).copied().unwrap_or(0);
                let mut sum = 0;
                for (phase, frequency) in self.phases.iter_mut().zip(frequencies).filter(|(_, f)| *f > 0) {
                    sum += sine(*phase) * level / 32_768;
                    *phase = phase.wrapping_add(turn(frequency, self.rate));
                }
                sum
            }
            Sound::Modulated(carrier, by) => {
                let [phase, slow, _] = &mut self.phases;
                // Between 1 - depth and 1 + depth, over 1 + depth: never louder than a plain tone.
                let swell = 100 + sine(*slow) * DEPTH / 32_768;
                let level = LEVELS.first().copied().unwrap_or(0) * swell / (100 + DEPTH);
                let sample = sine(*phase) * level / 32_768;
                *phase = phase.wrapping_add(turn(carrier, self.rate));
                *slow = slow.wrapping_add(turn(by, self.rate));
                sample
            }
        }
    }
}

/// What a frequency adds to its phase each sample; 2^32 is a whole turn.
fn turn(frequency: u16, rate: u32) -> u32 {
    let turn = (u64::from(frequency) << 32) / u64::from(rate.max(1));
    u32::try_from(turn).unwrap_or(0)
}

/// The sine of a phase, 2^15ths: the table's nearest two, mixed.
fn sine(phase: u32) -> i32 {
    let quarter = phase >> 30;
    let within = phase & 0x3fff_ffff;
    // The second and the fourth quarter run backwards.
    let within = if quarter & 1 == 0 { within } else { 0x4000_0000 - within };
    let place = usize::try_from(within >> 24).unwrap_or(0);
    let part = i32::try_from(within >> 8 & 0xffff).unwrap_or(0);
    let at = |place: usize| QUARTER.get(place).copied().map_or(32_767, i32::from);
    let value = at(place) + (((at(place.saturating_add(1)) - at(place)) * (part >> 1)) >> 15);
    if quarter < 2 { value } else { -value }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATES: [u32; 2] = [8_000, 16_000];

    fn play(text: &str, rate: u32, ms: usize) -> Vec<i16> {
        let mut samples = vec![0; ms * rate as usize / 1_000];
        Player::new(Tone::parse(text).unwrap(), rate).fill(&mut samples);
        samples
    }

    /// Power at a frequency, full scale 1, by a single bin of a Fourier transform.
    fn power(samples: &[i16], frequency: f64, rate: u32) -> f64 {
        let (mut re, mut im) = (0.0, 0.0);
        for (n, sample) in samples.iter().enumerate() {
            let angle = std::f64::consts::TAU * frequency * n as f64 / f64::from(rate);
            re += f64::from(*sample) / 32_768.0 * angle.cos();
            im += f64::from(*sample) / 32_768.0 * angle.sin();
        }
        let n = samples.len() as f64;
        2.0 * (re * re + im * im) / (n * n)
    }

    fn total(samples: &[i16]) -> f64 {
        samples.iter().map(|s| (f64::from(*s) / 32_768.0).powi(2)).sum::<f64>() / samples.len() as f64
    }

    #[test]
    fn frequencies_and_level() {
        for rate in RATES {
            for (text, frequencies) in [
                ("425", vec![425.0]),
                ("350+440", vec![350.0, 440.0]),
                ("950+1400+1800", vec![950.0, 1400.0, 1800.0]),
            ] {
                let samples = play(text, rate, 1_000);
                let samples = &samples[rate as usize / 100..];
                let all = total(samples);
                let db = 10.0 * all.log10();
                assert!((-20.0..-18.0).contains(&db), "{text} {rate}: {db} dB");
                let wanted: f64 = frequencies.iter().map(|f| power(samples, *f, rate)).sum();
                assert!(wanted / all > 0.99, "{text} {rate}: {} of it elsewhere", 1.0 - wanted / all);
            }
        }
    }

    #[test]
    fn a_modulated_tone_has_its_two_neighbours() {
        let samples = play("400*25", 8_000, 1_000);
        let (middle, side) = (power(&samples, 400.0, 8_000), power(&samples, 425.0, 8_000));
        let other = power(&samples, 375.0, 8_000);
        assert!(
            (side / middle - 0.2).abs() < 0.02 && (other / middle - 0.2).abs() < 0.02,
            "{middle} {side} {other}"
        );
        let peak = samples.iter().map(|s| s.unsigned_abs()).max().unwrap();
        assert!(peak <= 5_193, "{peak}");
    }

    #[test]
    fn cadence() {
        for rate in RATES {
            // British ringing: 400 on, 200 off, 400 on, 2000 off.
            let samples = play("400+450/400,0/200,400+450/400,0/2000", rate, 6_000);
            for (n, part) in samples.chunks_exact(rate as usize / 100).enumerate() {
                let at = n * 10 % 3_000;
                let sounds = at < 400 || (600..1_000).contains(&at);
                let loud = part.iter().any(|s| s.unsigned_abs() > 200);
                assert_eq!(loud, sounds, "{rate}: {} ms", n * 10);
            }
        }
    }

    #[test]
    fn what_is_not_repeated_ends() {
        let tone = Tone::parse("!950/330,!1400/330,!1800/330").unwrap();
        let mut player = Player::new(tone, 8_000);
        let mut frame = [0; 80];
        let frames = (0..200).take_while(|_| player.fill(&mut frame)).count();
        assert_eq!(frames, 99);
        assert!(!player.fill(&mut frame) && frame == [0; 80]);
        // Once, then for ever.
        let samples = play("!425/100,0/100,950", 8_000, 1_000);
        assert!(power(&samples[3_200..], 950.0, 8_000) > 0.01);
        assert!(power(&samples[3_200..], 425.0, 8_000) < 0.000_1);
    }

    #[test]
    fn no_click_at_an_edge() {
        for text in ["425/100,0/100", "1800/13,0/17", "400*25/200,0/50"] {
            let samples = play(text, 8_000, 2_000);
            let steepest =
                samples.windows(2).map(|w| (i32::from(w[1]) - i32::from(w[0])).abs()).max().unwrap();
            // A sine of 1800 Hz at this level.
            assert!(steepest < 7_500, "{text}: {steepest}");
            assert_eq!(samples[0].unsigned_abs() / 400, 0, "{text}");
        }
    }

    #[test]
    fn what_is_no_tone() {
        for text in [
            "",
            ",",
            "425/",
            "4000",
            "9",
            "1+2+3+4",
            "425*0",
            "425*500",
            "a",
            "425/70000",
            "425/0",
            "0/0,425/0",
            "!",
        ] {
            assert_eq!(Tone::parse(text), None, "{text:?}");
        }
        let long = vec!["425/1"; TONE_STEPS + 1].join(",");
        assert_eq!(Tone::parse(&long), None);
        // A step of no length among others is passed over.
        assert!(total(&play("0/0,425/100", 8_000, 50)) > 0.001);
    }

    #[test]
    fn the_table_is_a_sine() {
        for n in 0..4_096_u32 {
            let wanted = (std::f64::consts::TAU * f64::from(n) / 4_096.0).sin() * 32_767.0;
            assert!((f64::from(sine(n << 20)) - wanted).abs() < 12.0, "{n}");
        }
    }
}
