//! Keys in sound that went through a mobile network: how many are found, and how many a voice makes.
//! `cargo test --test dtmf -- --nocapture` prints the table.
#![allow(clippy::unwrap_used, clippy::panic, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
#![allow(clippy::cast_precision_loss, clippy::indexing_slicing)]
mod coder;
#[path = "../sound/espeak.rs"]
mod espeak;
mod keys;
mod speech;
mod texts;

use tandem::media::digits::detect::{Detector, Heard};

/// The keys in a sound and the sample after which each is known; and how often one ended.
pub fn listen(sound: &[i16]) -> (Vec<(usize, char)>, usize) {
    let (mut detector, mut keys, mut ends) = (Detector::default(), Vec::new(), 0);
    for (n, frame) in sound.chunks(160).enumerate() {
        detector.listen(frame.iter().copied(), &mut |heard| match heard {
            Heard::Begin(key) => keys.push(((n + 1) * 160, key)),
            Heard::End => ends += 1,
        });
    }
    (keys, ends)
}

/// Chance that is the same each time.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    pub fn unit(&mut self) -> f64 {
        self.roll(1 << 30) as f64 / f64::from(1 << 30)
    }

    /// Normal noise of power 1.
    pub fn noise(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}
