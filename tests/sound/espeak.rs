//! Speech that espeak-ng makes, at the rate of the telephone network.
use std::f64::consts::PI;
use std::process::Command;

/// The synthesizer's rate is 22,050 a second: 441 of its samples are 160 of ours.
const THEIRS: usize = 441;
const OURS: usize = 160;
/// Half of the filter's length in samples of the synthesizer, and where it ends, as a share of its rate.
const REACH: usize = 24;
const EDGE: f64 = 3_600.0 / 22_050.0;

/// What a voice says, 8,000 samples a second. Pitch and speed are espeak-ng's.
pub fn say(voice: &str, pitch: &str, speed: &str, text: &str) -> Vec<i16> {
    let output = Command::new("espeak-ng")
        .args(["-v", voice, "-p", pitch, "-s", speed, "--stdout", text])
        .output()
        .expect("`make setup` brings espeak-ng");
    assert!(output.status.success(), "{voice}");
    let sample = |pair: &[u8]| i16::from_le_bytes([pair[0], pair[1]]);
    to_8_khz(&output.stdout[44..].chunks_exact(2).map(sample).collect::<Vec<_>>())
}

/// One filter for each of the 160 places that one of our samples can have between two of theirs.
fn filters() -> Vec<Vec<f32>> {
    let filter = |phase: usize| {
        let shift = phase as f64 / OURS as f64;
        (0..2 * REACH)
            .map(|n| {
                let at = n as f64 + 1.0 - REACH as f64 - shift;
                let x = at * EDGE * 2.0 * PI;
                let sinc = if x.abs() < 1e-9 { 1.0 } else { x.sin() / x };
                let window = 0.5 + 0.5 * (at / REACH as f64 * PI).cos();
                (sinc * window * EDGE * 2.0) as f32
            })
            .collect()
    };
    (0..OURS).map(filter).collect()
}

fn to_8_khz(theirs: &[i16]) -> Vec<i16> {
    let filters = filters();
    let padding = [0.0].repeat(REACH);
    let theirs: Vec<f32> = padding
        .iter()
        .copied()
        .chain(theirs.iter().map(|s| f32::from(*s)))
        .chain(padding.iter().copied())
        .collect();
    (0..)
        .map_while(|n: usize| {
            let (whole, phase) = (n * THEIRS / OURS, n * THEIRS % OURS);
            let around = theirs.get(whole + 1..whole + 1 + 2 * REACH)?;
            Some(around.iter().zip(&filters[phase]).map(|(sample, weight)| sample * weight).sum::<f32>()
                as i16)
        })
        .collect()
}
