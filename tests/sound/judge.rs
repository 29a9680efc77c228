//! Ears: what was heard beside what was said. Delay, level, distance of the spectra, clicks.
use std::f64::consts::PI;

/// Samples of a spectrum, 32 ms, and from one to the next.
const WINDOW: usize = 256;
const HOP: usize = 128;
/// Samples that are aligned together, 400 ms, and the longest delay that is looked for, 600 ms.
const SECTION: usize = 3_200;
const FARTHEST: usize = 4_800;
/// Edges in Hz of bands as wide as an ear's (Zwicker's critical bands within the telephone band).
const EDGES: [f64; 15] = [
    200.0, 300.0, 400.0, 510.0, 630.0, 770.0, 920.0, 1_080.0, 1_270.0, 1_480.0, 1_720.0, 2_000.0, 2_320.0,
    2_700.0, 3_150.0,
];
/// Speech is what is louder than this, dBFS; in a band nothing is heard below the other.
const SPOKEN: f64 = -45.0;
const AUDIBLE: f64 = -70.0;
/// Samples in which a click is one, 5 ms.
const BLOCK: usize = 40;

/// What a listener would say.
#[derive(Clone, Copy, Debug)]
pub struct Verdict {
    /// From being said to being heard, the middle one of all sections.
    pub delay_ms: f64,
    /// Louder (above zero) or quieter than it was said, where somebody speaks.
    pub level_db: f64,
    /// Log-spectral distance, the mean of all windows in which somebody speaks. 0: the same.
    pub distance_db: f64,
    /// Windows that are off by more than 10 dB, percent.
    pub bad_percent: f64,
    pub clicks: usize,
}

/// Mean square of full scale by dBFS (a sine that just fits is 0).
pub fn power_of(decibels: f64) -> f64 {
    2f64.powi(29) * 10f64.powf(decibels / 10.0)
}

/// dBFS of the parts in which somebody speaks.
pub fn loudness(sound: &[i16]) -> f64 {
    let power = |part: &[i16]| part.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / part.len() as f64;
    let spoken: Vec<f64> = sound.chunks_exact(HOP).map(power).filter(|p| *p > power_of(SPOKEN)).collect();
    10.0 * (spoken.iter().sum::<f64>() / spoken.len().max(1) as f64 / 2f64.powi(29)).log10()
}

/// Makes the spoken parts this loud.
pub fn at_level(sound: &[i16], decibels: f64) -> Vec<i16> {
    let gain = 10f64.powf((decibels - loudness(sound)) / 20.0);
    sound.iter().map(|s| (f64::from(*s) * gain).round().clamp(-32_767.0, 32_767.0) as i16).collect()
}

/// Compares sounds that begin at the same moment. `said` should have been through the codec that it was sent by.
pub fn judge(said: &[i16], heard: &[i16]) -> Verdict {
    let (mut delays, mut distances, mut clicks) = (Vec::new(), Vec::new(), 0);
    let (mut energy_said, mut energy_heard) = (0.0, 0.0);
    let (spectrum, steps) = (Spectrum::new(), Steps::of(said));
    let mut delay = None;
    for begin in (0..said.len().saturating_sub(SECTION + FARTHEST + WINDOW)).step_by(SECTION) {
        let section = &said[begin..begin + SECTION];
        let Some(around) = heard.get(begin..begin + SECTION + FARTHEST) else { break };
        if power(section) > power_of(SPOKEN) {
            delay = Some(align(section, around, delay));
        }
        let Some(delay) = delay else { continue };
        clicks += steps.clicks(&heard[begin + delay..begin + delay + SECTION], begin as i64, 2);
        for at in (begin..begin + SECTION).step_by(HOP) {
            let (one, other) = (&said[at..at + WINDOW], heard.get(at + delay..at + delay + WINDOW));
            let Some(other) = other.filter(|_| power(one) > power_of(SPOKEN)) else { continue };
            distances.push(distance(&spectrum.bands(one), &spectrum.bands(other)));
            energy_said += power(one);
            energy_heard += power(other);
            delays.push(delay as f64 / 8.0);
        }
    }
    assert!(!delays.is_empty(), "nothing was said");
    delays.sort_by(f64::total_cmp);
    let many = distances.len() as f64;
    Verdict {
        delay_ms: delays[delays.len() / 2],
        level_db: 10.0 * (energy_heard.max(1.0) / energy_said).log10(),
        distance_db: distances.iter().sum::<f64>() / many,
        bad_percent: distances.iter().filter(|d| **d > 10.0).count() as f64 * 100.0 / many,
        clicks,
    }
}

fn power(sound: &[i16]) -> f64 {
    sound.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / sound.len() as f64
}

/// The delay at which `heard` is most like `section`: by each fourth sample first, then by each around the likeliest, and around the last
/// one.
fn align(section: &[i16], heard: &[i16], last: Option<usize>) -> usize {
    let coarse = |sound: &[i16]| -> Vec<f32> {
        sound.chunks_exact(4).map(|c| c.iter().map(|s| f32::from(*s)).sum::<f32>() / 4.0).collect()
    };
    let fine = |sound: &[i16]| -> Vec<f32> { sound.iter().map(|s| f32::from(*s)).collect() };
    let mut rough = likeness(&coarse(section), &coarse(heard), 0..=FARTHEST / 4);
    rough.sort_by(|a, b| b.1.total_cmp(&a.1));
    let (section, heard) = (fine(section), fine(heard));
    let around = |at: usize| likeness(&section, &heard, at.saturating_sub(6)..=(at + 6).min(FARTHEST));
    let places = rough.iter().take(6).map(|(lag, _)| lag * 4).chain(last);
    places.flat_map(around).max_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |best| best.0)
}

/// How alike they are at each lag, and the lag.
fn likeness(section: &[f32], heard: &[f32], lags: std::ops::RangeInclusive<usize>) -> Vec<(usize, f32)> {
    let at = |lag: usize| {
        let pairs = section.iter().zip(&heard[lag..]);
        let (product, energy) = pairs.fold((0.0, 1.0), |(p, e): (f32, f32), (a, b)| (p + a * b, e + b * b));
        (lag, product / energy.sqrt())
    };
    lags.map(at).collect()
}

fn distance(one: &[f64], other: &[f64]) -> f64 {
    let squares = one.iter().zip(other).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
    (squares / one.len() as f64).sqrt()
}

/// Spectra in bands, by a Fourier transform of 256 samples.
struct Spectrum {
    window: Vec<f64>,
    turns: Vec<(f64, f64)>,
}

impl Spectrum {
    fn new() -> Self {
        let part = |n: usize| 2.0 * PI * n as f64 / WINDOW as f64;
        Self {
            window: (0..WINDOW).map(|n| 0.5 - 0.5 * part(n).cos()).collect(),
            turns: (0..WINDOW).map(|n| (part(n).cos(), -part(n).sin())).collect(),
        }
    }

    /// dB of each band, none below what can be heard.
    fn bands(&self, sound: &[i16]) -> Vec<f64> {
        let windowed: Vec<(f64, f64)> =
            sound.iter().zip(&self.window).map(|(s, w)| (f64::from(*s) * w, 0.0)).collect();
        let spectrum = self.transform(&windowed);
        let line = |hz: f64| (hz * WINDOW as f64 / 8_000.0).round() as usize;
        // Both halves of the spectrum, and the window's own power of three eighths.
        let scale = 2.0 / (WINDOW as f64).powi(2) / 0.375;
        EDGES
            .windows(2)
            .map(|edge| {
                let lines = &spectrum[line(edge[0])..line(edge[1])];
                let power = lines.iter().map(|(re, im)| re * re + im * im).sum::<f64>() * scale;
                10.0 * (power.max(power_of(AUDIBLE)) / power_of(0.0)).log10()
            })
            .collect()
    }

    fn transform(&self, sound: &[(f64, f64)]) -> Vec<(f64, f64)> {
        if sound.len() == 1 {
            return sound.to_vec();
        }
        let half = |odd: usize| -> Vec<(f64, f64)> { sound.iter().skip(odd).step_by(2).copied().collect() };
        let (even, odd) = (self.transform(&half(0)), self.transform(&half(1)));
        let step = WINDOW / sound.len();
        let turned: Vec<(f64, f64)> = odd
            .iter()
            .zip(self.turns.iter().step_by(step))
            .map(|((re, im), (c, s))| (re * c - im * s, re * s + im * c))
            .collect();
        let first = even.iter().zip(&turned).map(|(a, b)| (a.0 + b.0, a.1 + b.1));
        let second = even.iter().zip(&turned).map(|(a, b)| (a.0 - b.0, a.1 - b.1));
        first.chain(second).collect()
    }
}

/// The sharpest bends (second differences) of a sound in each 5 ms: what a sound has itself is no click.
pub struct Steps(Vec<i32>);

fn bend(three: &[i16]) -> i32 {
    (i32::from(three[0]) - 2 * i32::from(three[1]) + i32::from(three[2])).abs()
}

impl Steps {
    pub fn of(sound: &[i16]) -> Self {
        let at =
            |n: usize| sound[n.saturating_sub(2)..(n + BLOCK).min(sound.len())].windows(3).map(bend).max();
        Self((0..sound.len()).step_by(BLOCK).map(|n| at(n).unwrap_or(0)).collect())
    }

    /// The sharpest so many blocks before and behind this sample. The sound goes round.
    fn around(&self, sample: i64, reach: i64) -> i32 {
        let (block, many) = (sample.div_euclid(BLOCK as i64), self.0.len() as i64);
        (block - reach..=block + reach).map(|n| self.0[n.rem_euclid(many) as usize]).max().unwrap_or(0)
    }

    /// Clicks in a piece of what was heard that was said from `from` on, so many blocks more or less: 5 ms with a bend that is half as
    /// sharp again as any that was said there, as those that were heard 10 to 20 ms before and behind, and as what a coder makes.
    pub fn clicks(&self, heard: &[i16], from: i64, reach: i64) -> usize {
        let own = Self::of(heard).0;
        let near = |n: usize| {
            own[n.saturating_sub(4)..n.saturating_sub(1)].iter().chain(own.iter().skip(n + 2).take(3)).max()
        };
        let is_click = |n: usize| {
            let usual = self.around(from + (n * BLOCK) as i64, reach).max(near(n).copied().unwrap_or(0));
            own[n] > usual * 3 / 2 + 400
        };
        // One that lies on the border of two blocks is one.
        let all: Vec<bool> = (0..own.len()).map(is_click).collect();
        (0..all.len()).filter(|n| all[*n] && (*n == 0 || !all[n - 1])).count()
    }
}
