//! Sound as numbers: WAV files, tones, and what is wrong with a recorded tone. Levels are dBFS, 0 being a sine that
//! just fits into 16 bits.
//!
//! A tone whose periods fit into a packet hides packets that are lost or played twice: 20 ms of 1000 Hz are 20 periods.
//! Use 1020 Hz (20.4 periods, the usual test tone for that reason) and 440 Hz (8.8 periods).
use std::f64::consts::PI;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

/// One channel of 16-bit samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wav {
    /// Samples a second.
    pub rate: u32,
    pub samples: Vec<i16>,
}

/// A run without the tone, or without sound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gap {
    /// Where it begins, from the start of what was measured.
    pub at_ms: f64,
    pub ms: f64,
}

/// What a stretch of a tone sounds like.
#[derive(Clone, Debug, PartialEq)]
pub struct Tone {
    pub hz: f64,
    pub dbfs: f64,
    pub gaps: Vec<Gap>,
    /// Numbers of the samples at which the tone jumps.
    pub clicks: Vec<usize>,
}

/// `440.0 Hz, -10.1 dBFS, 0 gaps, 0 clicks`.
impl fmt::Display for Tone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (gaps, clicks) = (self.gaps.len(), self.clicks.len());
        write!(f, "{:.1} Hz, {:.1} dBFS, {gaps} gaps, {clicks} clicks", self.hz, self.dbfs)
    }
}

impl Wav {
    /// A sine.
    #[must_use]
    pub fn tone(rate: u32, hz: f64, dbfs: f64, seconds: f64) -> Self {
        let peak = 32_767.0 * 10_f64.powf(dbfs / 20.0);
        let step = 2.0 * PI * hz / f64::from(rate);
        let count = whole(seconds * f64::from(rate));
        Self { rate, samples: (0..count).map(|n| rounded(peak * (step * real(n)).sin())).collect() }
    }

    #[must_use]
    pub fn silence(rate: u32, seconds: f64) -> Self {
        Self { rate, samples: vec![0; whole(seconds * f64::from(rate))] }
    }

    /// Reads 16-bit PCM; of several channels the first. A file that is still being written has no lengths yet: then
    /// all that is there counts.
    ///
    /// # Errors
    /// The file's, and `InvalidData` for what is no such WAV.
    pub fn read(path: &Path) -> io::Result<Self> {
        let bytes = fs::read(path)?;
        parse(&bytes).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, format!("{}: no 16-bit PCM WAV", path.display()))
        })
    }

    /// # Errors
    /// The file's.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let data = u32::try_from(self.samples.len() * 2).map_err(io::Error::other)?;
        let mut bytes = Vec::with_capacity(self.samples.len() * 2 + 44);
        bytes.extend_from_slice(b"RIFF");
        bytes.extend_from_slice(&(data + 36).to_le_bytes());
        bytes.extend_from_slice(b"WAVEfmt ");
        bytes.extend_from_slice(&16_u32.to_le_bytes());
        // PCM, one channel.
        bytes.extend_from_slice(&[1, 0, 1, 0]);
        bytes.extend_from_slice(&self.rate.to_le_bytes());
        bytes.extend_from_slice(&(self.rate * 2).to_le_bytes());
        bytes.extend_from_slice(&[2, 0, 16, 0]);
        bytes.extend_from_slice(b"data");
        bytes.extend_from_slice(&data.to_le_bytes());
        bytes.extend(self.samples.iter().flat_map(|s| s.to_le_bytes()));
        fs::write(path, bytes)
    }

    #[must_use]
    pub fn seconds(&self) -> f64 {
        real(self.samples.len()) / f64::from(self.rate)
    }

    /// From one second to another, as far as it is there.
    #[must_use]
    pub fn stretch(&self, from: f64, to: f64) -> &[i16] {
        let at = |seconds: f64| whole(seconds * f64::from(self.rate)).min(self.samples.len());
        self.samples.get(at(from)..at(to)).unwrap_or(&[])
    }

    /// As `stretch`, measured.
    #[must_use]
    pub fn measure(&self, from: f64, to: f64) -> Tone {
        measure(self.stretch(from, to), self.rate)
    }

    /// The recording without what is quieter than -50 dBFS at its begin and its end.
    #[must_use]
    pub fn trimmed(&self) -> Self {
        let loud = |s: &i16| s.unsigned_abs() > 104;
        let first = self.samples.iter().position(loud).unwrap_or(0);
        let last = self.samples.iter().rposition(loud).map_or(0, |n| n + 1);
        let samples = self.samples.get(first..last).unwrap_or(&[]).to_vec();
        Self { rate: self.rate, samples }
    }
}

/// The chunks of a WAV file: `fmt ` for the shape, `data` for the samples.
fn parse(bytes: &[u8]) -> Option<Wav> {
    let word = |at: usize| Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    let long = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    if bytes.get(..4)? != b"RIFF" || bytes.get(8..12)? != b"WAVE" {
        return None;
    }
    let complete = usize::try_from(long(4)?).ok()?.checked_add(8)? == bytes.len();
    let (mut at, mut shape) = (12, None);
    while let Some(name) = bytes.get(at..at + 4) {
        let size = usize::try_from(long(at + 4)?).ok()?;
        let body = at + 8;
        match name {
            // Format 1 is PCM; 0xFFFE names it in an extension.
            b"fmt " if matches!(word(body)?, 1 | 0xFFFE) && word(body + 14)? == 16 => {
                shape = Some((usize::from(word(body + 2)?), long(body + 4)?));
            }
            b"fmt " => return None,
            b"data" => {
                let (channels, rate) = shape?;
                let end = if complete { body.checked_add(size)?.min(bytes.len()) } else { bytes.len() };
                let samples = bytes.get(body..end)?.chunks_exact(2 * channels.max(1));
                let samples = samples.map(|s| i16::from_le_bytes([s[0], s[1]])).collect();
                return Some(Wav { rate, samples });
            }
            _ => {}
        }
        at = body.checked_add(size)?.checked_add(size & 1)?;
    }
    None
}

/// Frequency, level, gaps and clicks of what should be one steady tone.
#[must_use]
pub fn measure(samples: &[i16], rate: u32) -> Tone {
    let Some(hz) = frequency(samples, rate) else {
        let ms = real(samples.len()) * 1_000.0 / f64::from(rate);
        return Tone { hz: 0.0, dbfs: SILENT, gaps: vec![Gap { at_ms: 0.0, ms }], clicks: Vec::new() };
    };
    Tone {
        hz,
        dbfs: level(samples, rate, hz),
        gaps: gaps(samples, rate, hz),
        clicks: clicks(samples, rate, hz),
    }
}

/// The level of nothing.
pub const SILENT: f64 = -96.0;

/// Samples that a spectrum is made of: at 8000 a second its lines are 2 Hz apart.
const BLOCK: usize = 4_096;

/// The strongest frequency between 50 Hz and almost half the rate. None: no sound above -70 dBFS, or too short.
#[must_use]
pub fn frequency(samples: &[i16], rate: u32) -> Option<f64> {
    // The loudest block, as a recording may begin or end in silence.
    let block = samples.chunks(BLOCK).filter(|b| b.len() >= 400).max_by_key(|b| energy(b))?;
    let line = f64::from(rate) / real(block.len());
    let shaped = hann(block);
    let at = |n: usize| shaped_peak(&shaped, rate, real(n) * line);
    let (first, last) = (whole(50.0 / line).max(2), block.len() / 2 - 2);
    let strongest = (first..last).map(|n| (n, at(n))).max_by(|a, b| a.1.total_cmp(&b.1))?;
    if decibels(strongest.1) < -70.0 {
        return None;
    }
    // The top of the parabola through three lines, in decibels, as the window's main lobe is one.
    let (left, top, right) =
        (decibels(at(strongest.0 - 1)), decibels(strongest.1), decibels(at(strongest.0 + 1)));
    let bend = left - 2.0 * top + right;
    let shift = if bend.abs() < 1e-9 { 0.0 } else { 0.5 * (left - right) / bend };
    Some((real(strongest.0) + shift.clamp(-0.5, 0.5)) * line)
}

/// The level of one frequency, over the whole stretch.
#[must_use]
pub fn level(samples: &[i16], rate: u32, hz: f64) -> f64 {
    let blocks: Vec<f64> = samples
        .chunks(BLOCK)
        .filter(|b| b.len() >= 160)
        .map(|b| shaped_peak(&hann(b), rate, hz).powi(2) * real(b.len()))
        .collect();
    let counted: usize = samples.chunks(BLOCK).map(<[i16]>::len).filter(|n| *n >= 160).sum();
    if counted == 0 { SILENT } else { decibels((blocks.iter().sum::<f64>() / real(counted)).sqrt()) }
}

/// Runs in which the tone is less than half of what it usually is, from 15 ms on: a lost packet of 20 ms is always
/// seen, a lost one of 10 ms never.
#[must_use]
pub fn gaps(samples: &[i16], rate: u32, hz: f64) -> Vec<Gap> {
    runs(samples, rate, |window| bare_peak(window, rate, hz))
}

/// As `gaps`, for sound of any kind: runs that are much quieter than usual.
#[must_use]
pub fn silences(samples: &[i16], rate: u32) -> Vec<Gap> {
    runs(samples, rate, |window| (real_of(energy(window)) / real(window.len().max(1))).sqrt())
}

/// Windows of 10 ms each 2.5 ms; runs of those with less than half the median `strength`.
fn runs(samples: &[i16], rate: u32, strength: impl Fn(&[i16]) -> f64) -> Vec<Gap> {
    let hop = (rate as usize / 400).max(1);
    let strengths: Vec<f64> = samples.windows(hop * 4).step_by(hop).map(strength).collect();
    let mut sorted = strengths.clone();
    sorted.sort_by(f64::total_cmp);
    let Some(usual) = sorted.get(sorted.len() / 2).copied() else { return Vec::new() };
    let is_absent = |s: &f64| *s < (usual / 2.0).max(1.0);
    let ms = |windows: usize| real(windows * hop) * 1_000.0 / f64::from(rate);
    let mut found = Vec::new();
    let mut at = 0;
    for run in strengths.chunk_by(|a, b| is_absent(a) == is_absent(b)) {
        if run.first().is_some_and(is_absent) && ms(run.len()) >= 15.0 {
            // A window's middle decides: the gap begins half a window after the first window does.
            found.push(Gap { at_ms: ms(at + 2), ms: ms(run.len()) });
        }
        at += run.len();
    }
    found
}

/// Samples that the tone's course does not explain: a sine goes on as 2 cos(w) x[n-1] - x[n-2]. What G.711's steps
/// make of it stays below the limit. Jumps within 5 ms count once.
#[must_use]
pub fn clicks(samples: &[i16], rate: u32, hz: f64) -> Vec<usize> {
    let turn = 2.0 * (2.0 * PI * hz / f64::from(rate)).cos();
    let peak = 32_768.0 * 10_f64.powf(level(samples, rate, hz) / 20.0);
    let limit = (peak * 0.2).max(24.0);
    let apart = rate as usize / 200;
    let mut found: Vec<usize> = Vec::new();
    for (n, three) in samples.windows(3).enumerate() {
        let rest = f64::from(three[2]) - turn * f64::from(three[1]) + f64::from(three[0]);
        let is_new = found.last().is_none_or(|last| n + 2 - last > apart);
        if rest.abs() > limit && is_new {
            found.push(n + 2);
        }
    }
    found
}

/// Samples through a Hann window, whose mean is a half.
fn hann(samples: &[i16]) -> Vec<f64> {
    let step = 2.0 * PI / real(samples.len());
    let shape = |(n, sample): (usize, &i16)| f64::from(*sample) * (0.5 - 0.5 * (step * real(n)).cos());
    samples.iter().enumerate().map(shape).collect()
}

/// Peak of one frequency in what went through the window.
fn shaped_peak(shaped: &[f64], rate: u32, hz: f64) -> f64 {
    4.0 / real(shaped.len()) * goertzel(shaped.iter().copied(), rate, hz)
}

/// As `shaped_peak`, without a window: for stretches of a few periods.
fn bare_peak(samples: &[i16], rate: u32, hz: f64) -> f64 {
    2.0 / real(samples.len().max(1)) * goertzel(samples.iter().map(|s| f64::from(*s)), rate, hz)
}

/// Goertzel's recursion: one line of the spectrum.
fn goertzel(samples: impl Iterator<Item = f64>, rate: u32, hz: f64) -> f64 {
    let turn = 2.0 * (2.0 * PI * hz / f64::from(rate)).cos();
    let (last, before) = samples.fold((0.0, 0.0), |(last, before), s| (s + turn * last - before, last));
    (last * last + before * before - turn * last * before).max(0.0).sqrt()
}

fn energy(samples: &[i16]) -> i64 {
    samples.iter().map(|s| i64::from(*s) * i64::from(*s)).sum()
}

fn decibels(peak: f64) -> f64 {
    (20.0 * (peak / 32_768.0).max(1e-9).log10()).max(SILENT)
}

fn real(count: usize) -> f64 {
    count as f64
}

fn real_of(energy: i64) -> f64 {
    energy as f64
}

fn whole(count: f64) -> usize {
    count.max(0.0).round() as usize
}

fn rounded(value: f64) -> i16 {
    value.round().clamp(-32_768.0, 32_767.0) as i16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scratch;

    const RATE: u32 = 8_000;

    fn close(a: f64, b: f64, by: f64) -> bool {
        (a - b).abs() <= by
    }

    /// As coarse as G.711 is: 4 bits of each segment, here without its exact thresholds.
    fn coarse(wav: &Wav) -> Wav {
        let rough = |s: &i16| {
            let size = i32::from(s.unsigned_abs()) + 132;
            let shift = (31 - size.leading_zeros()).saturating_sub(4);
            let kept = (((size >> shift) << shift) + (1 << shift) / 2 - 132).clamp(0, 32_767);
            i16::try_from(if *s < 0 { -kept } else { kept }).unwrap()
        };
        Wav { rate: wav.rate, samples: wav.samples.iter().map(rough).collect() }
    }

    #[test]
    fn frequency_is_found_within_a_tenth_of_a_percent() {
        for hz in [60.0, 440.0, 443.7, 1_000.0, 1_001.3, 3_400.0] {
            for dbfs in [-3.0, -20.0, -40.0] {
                let found = frequency(&Wav::tone(RATE, hz, dbfs, 1.0).samples, RATE).unwrap();
                assert!(close(found, hz, hz * 0.001 + 0.2), "{hz}: {found}");
            }
        }
        // Also of a stretch of 100 ms, and of a tone within silence.
        let short = frequency(Wav::tone(RATE, 440.0, -10.0, 1.0).stretch(0.2, 0.3), RATE).unwrap();
        assert!(close(short, 440.0, 2.0), "{short}");
        let mut late = Wav::silence(RATE, 1.0).samples;
        late.extend(Wav::tone(RATE, 440.0, -10.0, 1.0).samples);
        assert!(close(frequency(&late, RATE).unwrap(), 440.0, 2.0));
    }

    #[test]
    fn silence_has_no_frequency() {
        assert_eq!(frequency(&Wav::silence(RATE, 1.0).samples, RATE), None);
        assert_eq!(frequency(&[], RATE), None);
        let nothing = measure(&Wav::silence(RATE, 0.5).samples, RATE);
        assert_eq!(nothing.to_string(), "0.0 Hz, -96.0 dBFS, 1 gaps, 0 clicks");
    }

    #[test]
    fn the_stronger_of_two_tones_wins() {
        let (loud, low) = (Wav::tone(RATE, 1_000.0, -10.0, 1.0), Wav::tone(RATE, 440.0, -16.0, 1.0));
        let both: Vec<i16> = loud.samples.iter().zip(&low.samples).map(|(a, b)| a + b).collect();
        assert!(close(frequency(&both, RATE).unwrap(), 1_000.0, 0.5));
        assert!(close(level(&both, RATE, 440.0), -16.0, 0.1));
    }

    #[test]
    fn level_is_that_of_the_tone_alone() {
        for dbfs in [0.0, -6.0, -10.0, -30.0, -50.0] {
            let wav = Wav::tone(RATE, 440.0, dbfs, 1.3);
            assert!(close(level(&wav.samples, RATE, 440.0), dbfs, 0.1), "{dbfs}");
            assert!(level(&wav.samples, RATE, 1_000.0) < dbfs - 40.0, "{dbfs}");
            assert!(close(level(&coarse(&wav).samples, RATE, 440.0), dbfs, 0.5), "{dbfs}");
        }
        assert!(close(level(&[], RATE, 440.0), SILENT, 0.0));
    }

    #[test]
    fn a_steady_tone_has_neither_gap_nor_click() {
        for hz in [100.0, 440.0, 1_000.0, 3_000.0] {
            for dbfs in [-3.0, -12.0, -30.0] {
                let tone = coarse(&Wav::tone(RATE, hz, dbfs, 2.0)).measure(0.0, 2.0);
                assert!(tone.gaps.is_empty() && tone.clicks.is_empty(), "{hz} Hz {dbfs} dB: {tone:?}");
            }
        }
    }

    #[test]
    fn each_missing_packet_is_a_gap() {
        for (ms, seen) in [(5, false), (10, false), (20, true), (40, true), (500, true)] {
            let mut wav = Wav::tone(RATE, 440.0, -10.0, 2.0);
            wav.samples[5_003..5_003 + ms * 8].fill(0);
            let found = gaps(&wav.samples, RATE, 440.0);
            assert_eq!(found.len(), usize::from(seen), "{ms}: {found:?}");
            assert_eq!(silences(&wav.samples, RATE).len(), usize::from(seen), "{ms}");
            for gap in found {
                assert!(close(gap.at_ms, 625.0, 5.0) && close(gap.ms, real(ms), 5.0), "{ms}: {gap:?}");
            }
        }
    }

    #[test]
    fn another_sound_in_place_of_the_tone_is_a_gap() {
        let mut wav = Wav::tone(RATE, 440.0, -10.0, 1.0);
        let other = Wav::tone(RATE, 1_900.0, -10.0, 0.03);
        wav.samples[3_000..3_240].copy_from_slice(&other.samples);
        assert_eq!(gaps(&wav.samples, RATE, 440.0).len(), 1);
        assert!(silences(&wav.samples, RATE).is_empty());
    }

    #[test]
    fn a_jump_in_the_tone_is_a_click() {
        for hz in [440.0, 1_020.0] {
            let whole = Wav::tone(RATE, hz, -10.0, 2.0).samples;
            // One packet left out, one twice, one sample wrong.
            let without = [&whole[..8_000], &whole[8_160..]].concat();
            let twice = [&whole[..8_000], &whole[7_840..]].concat();
            let mut wrong = whole.clone();
            wrong[8_000] += 5_000;
            for (what, samples) in [("without", without), ("twice", twice), ("wrong", wrong)] {
                let found = clicks(&samples, RATE, hz);
                assert_eq!(found.len(), 1, "{hz} {what}: {found:?}");
                assert!(found[0].abs_diff(8_000) <= 2, "{hz} {what}: {found:?}");
            }
        }
        let whole = Wav::tone(RATE, 440.0, -10.0, 2.0).samples;
        let swapped: Vec<i16> = whole.iter().map(|s| s.swap_bytes()).collect();
        assert!(clicks(&swapped, RATE, 440.0).len() > 100);
    }

    #[test]
    fn a_file_is_read_as_it_was_written() {
        let scratch = Scratch::new("wav");
        let path = scratch.join("a.wav");
        let wav = Wav::tone(RATE, 440.0, -10.0, 0.1);
        wav.write(&path).unwrap();
        assert_eq!(Wav::read(&path).unwrap(), wav);
        // Still being written: the lengths are those of an empty file.
        let mut bytes = fs::read(&path).unwrap();
        bytes[4..8].copy_from_slice(&36_u32.to_le_bytes());
        bytes[40..44].copy_from_slice(&0_u32.to_le_bytes());
        fs::write(&path, &bytes).unwrap();
        assert_eq!(Wav::read(&path).unwrap(), wav);
        for cut in 0..44 {
            fs::write(&path, &bytes[..cut]).unwrap();
            assert!(Wav::read(&path).is_err(), "{cut}");
        }
    }

    #[test]
    fn other_chunks_and_channels_are_passed_by() {
        let long = |n: u32| n.to_le_bytes();
        let fmt = [[1, 0, 2, 0], long(8_000), long(32_000), [4, 0, 16, 0]].concat();
        let data = [1_i16, -1, 2, -2].map(i16::to_le_bytes).concat();
        let chunk =
            |name: &[u8], body: &[u8]| [name, &long(u32::try_from(body.len()).unwrap()), body].concat();
        let chunks =
            [chunk(b"LIST", b"abc\0"), chunk(b"fmt ", &fmt), chunk(b"data", &data), b"LIST".to_vec()];
        let body = [b"WAVE".to_vec(), chunks.concat()].concat();
        assert_eq!(parse(&chunk(b"RIFF", &body)), Some(Wav { rate: 8_000, samples: vec![1, 2] }));
    }

    #[test]
    fn quiet_ends_are_trimmed() {
        let mut samples = vec![0; 300];
        samples.extend(Wav::tone(RATE, 440.0, -10.0, 0.5).samples);
        samples.extend(vec![5; 200]);
        let trimmed = Wav { rate: RATE, samples }.trimmed();
        assert!(close(trimmed.seconds(), 0.5, 0.002), "{}", trimmed.seconds());
    }
}
