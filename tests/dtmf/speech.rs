//! An hour of speech, in which nobody presses a key.
use crate::coder::CODERS;
use crate::texts::{TEXTS, VOICES};
use crate::{Dice, espeak, listen};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Together more than an hour.
const SPEECHES: usize = 124;
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
    espeak::say(&voice, &pitch, &speed, &text)
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
