//! Keys: levels, twist, offsets, noise, and how long they are pressed.
use crate::coder::CODERS;
use crate::{Dice, listen};
use std::f64::consts::TAU;

const KEYS: &str = "123456789*0#";
const LOW: [f64; 4] = [697.0, 770.0, 852.0, 941.0];
const HIGH: [f64; 3] = [1_209.0, 1_336.0, 1_477.0];

/// How the keys of a sequence are sent.
#[derive(Clone, Copy)]
struct Sender {
    /// Power of both tones together; a full sine is 0, and 2 equal tones of -3 just touch full scale.
    dbfs: f64,
    /// The low tone above the high one, dB.
    twist: f64,
    /// Beside the frequencies: the low tone and the high one.
    off: (f64, f64),
    /// Both tones above white noise, dB.
    snr: f64,
    /// Of each key and each pause, from and up to.
    on_ms: (u64, u64),
    off_ms: (u64, u64),
}

const PLAIN: Sender =
    Sender { dbfs: -13.0, twist: 0.0, off: (0.0, 0.0), snr: 45.0, on_ms: (50, 50), off_ms: (50, 50) };

struct Press {
    key: char,
    /// The samples in which its tone sounds.
    from: usize,
    to: usize,
}

fn sequence(sender: &Sender, count: usize, seed: u64) -> (Vec<i16>, Vec<Press>) {
    let mut dice = Dice(seed);
    let both = 32_767.0 * 10f64.powf(sender.dbfs / 20.0);
    let ratio = 10f64.powf(sender.twist / 20.0);
    let high = both / (1.0 + ratio * ratio).sqrt();
    let noise = both / 2f64.sqrt() * 10f64.powf(-sender.snr / 20.0);
    let length =
        |dice: &mut Dice, (from, to): (u64, u64)| (from * 8 + dice.roll((to - from) * 8 + 1)) as usize;
    // Begins anywhere in a frame.
    let mut sound = vec![0.0; 4_000 + dice.roll(480) as usize];
    let mut presses = Vec::new();
    for _ in 0..count {
        let place = dice.roll(12) as usize;
        let (row, column) = (LOW[place / 3] * (1.0 + sender.off.0), HIGH[place % 3] * (1.0 + sender.off.1));
        let phases = (dice.unit() * TAU, dice.unit() * TAU);
        let (on, off) = (length(&mut dice, sender.on_ms), length(&mut dice, sender.off_ms));
        presses.push(Press { key: KEYS.as_bytes()[place].into(), from: sound.len(), to: sound.len() + on });
        sound.extend((0..on).map(|n| {
            let t = n as f64 / 8_000.0 * TAU;
            high * (ratio * (t * row + phases.0).sin() + (t * column + phases.1).sin())
        }));
        sound.resize(sound.len() + off, 0.0);
    }
    sound.resize(sound.len() + 2_000, 0.0);
    let sound = sound.iter().map(|sample| (sample + dice.noise() * noise) as i16).collect();
    (sound, presses)
}

/// Presses that were heard once, in their time; and keys that nobody pressed.
fn score(presses: &[Press], heard: &[(usize, char)]) -> (usize, usize) {
    let mut spare = heard.to_vec();
    let mut found = 0;
    for press in presses {
        // A coder delays, and a frame is 20 ms.
        let late = press.to + 400;
        let place = spare.iter().position(|(at, key)| *key == press.key && (press.from..=late).contains(at));
        if let Some(place) = place {
            spare.remove(place);
            found += 1;
        }
    }
    (found, spare.len())
}

#[test]
fn keys_of_50_ms_are_found_after_the_coder() {
    let stressed = |change: &dyn Fn(&mut Sender)| {
        let mut sender = PLAIN;
        change(&mut sender);
        sender
    };
    let senders = [
        ("plain, -13 dBFS", PLAIN),
        ("-3 dBFS", stressed(&|s| s.dbfs = -3.0)),
        ("-25 dBFS", stressed(&|s| s.dbfs = -25.0)),
        ("-35 dBFS", stressed(&|s| s.dbfs = -35.0)),
        ("twist +8 dB", stressed(&|s| s.twist = 8.0)),
        ("twist -8 dB", stressed(&|s| s.twist = -8.0)),
        ("1.5% high", stressed(&|s| s.off = (0.015, 0.015))),
        ("1.5% low", stressed(&|s| s.off = (-0.015, -0.015))),
        ("0.5% apart", stressed(&|s| s.off = (0.005, -0.005))),
        ("noise at -20 dB", stressed(&|s| s.snr = 20.0)),
        ("noise at -15 dB", stressed(&|s| s.snr = 15.0)),
        (
            "-30 dBFS, twist 5, 1%, -20 dB",
            stressed(&|s| {
                (s.dbfs, s.twist, s.off, s.snr) = (-30.0, 5.0, (0.01, 0.01), 20.0);
            }),
        ),
        ("40 to 60 ms", stressed(&|s| (s.on_ms, s.off_ms) = ((40, 60), (50, 60)))),
    ];
    let mut bad = Vec::new();
    println!("keys found, 50 ms tone and 50 ms pause, and keys that nobody pressed");
    for (seed, (name, sender)) in senders.iter().enumerate() {
        let (sound, presses) = sequence(sender, 480, seed as u64 + 1);
        let mut line = format!("{name:30}");
        for coder in CODERS {
            let (found, extra) = score(&presses, &listen(&coder.code(&sound)).0);
            let percent = found as f64 * 100.0 / presses.len() as f64;
            line += &format!("  {} {percent:6.2}% +{extra}", coder.name());
            if percent < 95.0 || extra > 0 {
                bad.push(format!("{name} {}: {percent} +{extra}", coder.name()));
            }
        }
        println!("{line}");
    }
    assert!(bad.is_empty(), "{bad:?}");
}

#[test]
fn a_press_is_one_key_however_long_it_is() {
    for (seed, on_ms, off_ms) in
        [(1, (70, 200), (60, 200)), (2, (300, 2_000), (80, 400)), (3, (80, 80), (80, 80))]
    {
        for dbfs in [-6.0, -20.0] {
            let sender = Sender { dbfs, on_ms, off_ms, ..PLAIN };
            let (sound, presses) = sequence(&sender, 150, seed);
            for coder in CODERS {
                let (keys, ends) = listen(&coder.code(&sound));
                let (found, extra) = score(&presses, &keys);
                println!("{on_ms:?} ms at {dbfs} dBFS, {}: {found} of 150, {extra} more", coder.name());
                assert!(found >= 148 && extra == 0, "{found} {extra}");
                assert_eq!(ends, keys.len());
            }
        }
    }
}
