//! Levels, peaks and echoes of voices made here.
use super::limit::CEILING;
use super::*;

/// A voice: harmonics of a pitch through two formants that change with each syllable, and pauses between words.
struct Voice {
    seed: u64,
    phase: f64,
    pitch: f64,
    formants: [f64; 2],
    loud: f64,
    envelope: f64,
    left: u32,
}

impl Voice {
    fn new(seed: u64) -> Self {
        Self { seed, phase: 0.0, pitch: 120.0, formants: [500.0, 1_500.0], loud: 0.0, envelope: 0.0, left: 0 }
    }

    fn roll(&mut self, below: u64) -> f64 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.seed >> 33) % below) as f64
    }

    fn next_sample(&mut self) -> f64 {
        if self.left == 0 {
            self.left = 640 + self.roll(1_600) as u32;
            self.pitch = 90.0 + self.roll(120);
            self.formants = [300.0 + self.roll(600), 900.0 + self.roll(1_500)];
            // A fifth of the time nothing is said.
            self.loud = if self.roll(5) == 0.0 { 0.0 } else { 0.4 + self.roll(60) / 100.0 };
        }
        self.left -= 1;
        self.envelope += (self.loud - self.envelope) / 160.0;
        self.phase = (self.phase + self.pitch / 8_000.0) % 1.0;
        let at =
            |hz: f64| self.formants.iter().map(|f| 1.0 / (1.0 + ((hz - f) / 150.0).powi(2))).sum::<f64>();
        let sum: f64 = (1..20)
            .map(f64::from)
            .map(|k| at(k * self.pitch) * (self.phase * k * std::f64::consts::TAU).sin())
            .sum();
        sum * self.envelope
    }

    /// So many frames whose loudest have about this level.
    fn frames(seed: u64, many: usize, decibels: f64) -> Vec<[i16; FRAME]> {
        let mut voice = Self::new(seed);
        let sound: Vec<f64> = (0..many * FRAME).map(|_| voice.next_sample()).collect();
        let power = sound.iter().map(|s| s * s).sum::<f64>() / sound.len() as f64;
        let scale = 2f64.powi(29).sqrt() * 10f64.powf(decibels / 20.0) / power.sqrt();
        let frame = |n: usize| core::array::from_fn(|at| (sound[n * FRAME + at] * scale).round() as i16);
        (0..many).map(frame).collect()
    }
}

/// dBFS of all of it.
fn loudness(frames: &[[i16; FRAME]]) -> f64 {
    let power = frames.iter().map(|frame| super::power(frame) as f64).sum::<f64>() / frames.len() as f64;
    10.0 * (power / 2f64.powi(29)).log10()
}

fn agc() -> Shaper {
    let wish = Wish { agc: true, gain_db: 0 };
    Shaper::new(Shaping { from_stick: wish, to_stick: wish, echo: false }).unwrap()
}

#[test]
fn voices_of_all_levels_come_to_minus_18() {
    for level in [-32, -26, -20, -14] {
        let mut shaper = agc();
        let mut frames = Voice::frames(3, 1_500, f64::from(level));
        for frame in &mut frames {
            let mut other = *frame;
            shaper.shape_for_stick(&mut other);
            shaper.shape_for_peer(frame);
            assert_eq!(*frame, other);
        }
        // The pauses are in this mean, too: 1 to 2 dB.
        let after = loudness(&frames[750..]);
        println!("a voice at {level} dBFS comes to {after:.1}");
        assert!((-21.0..-17.0).contains(&after), "{level}: {after}");
    }
}

#[test]
fn whoever_shouts_after_a_whisper_is_limited_and_not_cut_off() {
    let mut shaper = agc();
    let whisper = Voice::frames(5, 1_000, -36.0);
    // 20 dB louder, at once.
    let shout = Voice::frames(6, 200, -16.0);
    for frame in &whisper {
        shaper.shape_for_peer(&mut { *frame });
    }
    let mut most = 0;
    let mut cut = 0;
    for frame in &shout {
        let mut out = *frame;
        shaper.shape_for_peer(&mut out);
        most = most.max(out.iter().map(|sample| i32::from(sample.abs())).max().unwrap());
        // What is cut off has the same value twice.
        cut += out.windows(2).filter(|pair| pair[0] == pair[1] && pair[0].abs() > 25_000).count();
    }
    assert!((CEILING - 500..=CEILING).contains(&most), "{most}");
    assert!(cut < 4, "{cut} samples cut off");
}

#[test]
fn nothing_wished_is_nothing_done() {
    assert!(Shaper::new(Shaping::default()).is_none());
    let mut shaper = Shaper::new(Shaping { echo: true, ..Shaping::default() }).unwrap();
    let (ours, theirs) = (Voice::frames(7, 1_000, -20.0), Voice::frames(8, 1_000, -20.0));
    for (n, (a, b)) in ours.iter().zip(&theirs).enumerate() {
        // Both talk all the time, and nobody has an echo: each sample goes as it came.
        let (mut to, mut from) = (*a, *b);
        shaper.shape_for_stick(&mut to);
        shaper.shape_for_peer(&mut from);
        assert!(to == *a && from == *b, "{n}");
    }
}

#[test]
fn fixed_gains_are_what_they_say_and_rise_without_a_step() {
    for gain_db in [-20i8, -6, 6, 20] {
        let wish = Wish { agc: false, gain_db };
        let mut shaper = Shaper::new(Shaping { to_stick: wish, ..Shaping::default() }).unwrap();
        let mut frames = Voice::frames(9, 200, -40.0);
        let before = loudness(&frames);
        frames.iter_mut().for_each(|frame| shaper.shape_for_stick(frame));
        let gained = loudness(&frames) - before;
        assert!((gained - f64::from(gain_db)).abs() < 0.3, "{gain_db}: {gained}");
    }
}

/// A room: three ways of different length, `delay` samples at least, together `loss` dB weaker; and a quiet noise.
fn echo_of(sent: &[i16], at: usize, delay: usize, loss: f64) -> f64 {
    let tap = |more: usize, weight: f64| {
        let there = at.checked_sub(delay + more).and_then(|at| sent.get(at)).copied().unwrap_or(0);
        f64::from(there) * weight
    };
    (tap(0, 0.8) + tap(37, -0.45) + tap(411, 0.4)) * 10f64.powf(-loss / 20.0)
}

/// How much of the echo is taken away, and how much of a voice beside it.
fn suppressed(delay: usize, loss: f64) -> (f64, f64) {
    let mut shaper = Shaper::new(Shaping { echo: true, ..Shaping::default() }).unwrap();
    let (sent, voice) = (Voice::frames(11, 2_000, -20.0), Voice::frames(12, 2_000, -20.0));
    let flat: Vec<i16> = sent.iter().flatten().copied().collect();
    let mut dice = Voice::new(13);
    let (mut echoes, mut left, mut spoken, mut passed) = (vec![], vec![], vec![], vec![]);
    for (n, frame) in sent.iter().enumerate() {
        shaper.shape_for_stick(&mut { *frame });
        // Ten seconds one talks, ten seconds both do.
        let both = n / 500 % 2 == 1;
        let near: [i16; FRAME] = core::array::from_fn(|at| {
            let voice = if both { f64::from(voice[n][at]) } else { 0.0 };
            (echo_of(&flat, n * FRAME + at, delay, loss) + voice + dice.roll(21) - 10.0) as i16
        });
        let mut out = near;
        shaper.shape_for_peer(&mut out);
        match n {
            // It learns in the first six seconds, and a held voice ends in the first 200 ms.
            300..500 | 1_010..1_500 => {
                echoes.push(near);
                left.push(out);
            }
            510..1_000 | 1_510..2_000 if power(&voice[n]) > 200_000 => {
                spoken.push(near);
                passed.push(out);
            }
            _ => {}
        }
    }
    (loudness(&echoes) - loudness(&left), loudness(&spoken) - loudness(&passed))
}

#[test]
fn an_echo_goes_and_a_voice_beside_it_stays() {
    for (delay_ms, loss) in [(60, 20.0), (180, 12.0), (190, 25.0), (333, 10.0), (400, 15.0), (560, 20.0)] {
        let (echo, voice) = suppressed(delay_ms * 8, loss);
        println!(
            "an echo {loss} dB weaker after {delay_ms} ms: {echo:.1} dB less of it, {voice:.2} dB of a voice beside it"
        );
        // Down to the noise, whatever that is: the louder the echo the more.
        assert!(echo > if loss > 15.0 { 18.0 } else { 27.0 }, "{delay_ms} ms, {loss} dB: {echo}");
        assert!(voice < 1.0, "{delay_ms} ms, {loss} dB: {voice}");
    }
}
