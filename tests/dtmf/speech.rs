//! An hour of speech, in which nobody presses a key.
use crate::coder::{CODERS, samples};
use crate::texts::{TEXTS, VOICES};
use crate::{Dice, listen};
use std::f64::consts::PI;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Together more than an hour.
const SPEECHES: usize = 124;
/// The synthesizer's rate is 22,050 a second: 441 of its samples are 160 of ours.
const THEIRS: usize = 441;
const OURS: usize = 160;
/// Half of the filter's length in samples of the synthesizer, and where it ends, as a share of its rate.
const REACH: usize = 24;
const EDGE: f64 = 3_600.0 / 22_050.0;

/// What somebody says: sentences in any order, and numbers as one reads them out.
fn speech(seed: usize) -> Vec<i16> {
    let mut dice = Dice(seed as u64 * 7_919 + 1);
    let (language, text) = TEXTS[seed % TEXTS.len()];
    let voice = format!("{language}{}", VOICES[seed / TEXTS.len() % VOICES.len()]);
    let mut sentences: Vec<&str> = text.split_inclusive(['.', '?', '。', '।']).collect();
    for at in (1..sentences.len()).rev() {
        sentences.swap(at, dice.roll(at as u64 + 1) as usize);
    }
    let numbers: Vec<String> = (0..8)
        .map(|_| {
            let digits = 1 + dice.roll(7) as u32;
            dice.roll(10u64.pow(digits)).to_string()
        })
        .collect();
    let text = format!("{} {}.", sentences.join(" "), numbers.join(", "));
    let (pitch, speed) = ((10 + dice.roll(85)).to_string(), (110 + dice.roll(110)).to_string());
    let output = Command::new("espeak-ng")
        .args(["-v", &voice, "-p", &pitch, "-s", &speed, "--stdout", &text])
        .output()
        .expect("`make setup` brings espeak-ng");
    assert!(output.status.success(), "{voice}");
    to_8_khz(&samples(&output.stdout[44..]))
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

#[test]
fn an_hour_of_speech_has_no_key_in_it() {
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let seconds = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= SPEECHES {
                        break;
                    }
                    let sound = speech(seed);
                    seconds.fetch_add(sound.len() / 8_000, Ordering::Relaxed);
                    for coder in CODERS {
                        for (at, key) in listen(&coder.code(&sound)).0 {
                            found.lock().unwrap().push((coder.name(), seed, at, key));
                        }
                    }
                }
            });
        }
    });
    let (seconds, found) = (seconds.into_inner(), found.into_inner().unwrap());
    println!("{seconds} seconds of speech, each uncoded and coded twice: {} false keys", found.len());
    assert!(seconds >= 3_600, "{seconds}");
    assert!(found.is_empty(), "{found:?}");
}
