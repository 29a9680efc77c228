//! Echo suppression: what comes back of the sound that was sent to a side is made as quiet as the noise there.
//!
//! By levels alone, so the way of the echo may be long and may change. Whoever's echo comes back is never quieter than his echo:
//! the least distance between what was sent a while ago and what comes now, over some seconds, is the loss of the way at that delay. Where
//! there is no echo that distance has no bound, and nothing is ever suppressed. What is louder than the echo can be is the voice of that
//! side, and passes.
use super::level::{Floor, db, dbfs};

/// Delays that are looked at: up to 640 ms, in frames. An echo from a mobile network takes 200 to 400.
const LAGS: usize = 32;
/// And one frame before and one behind.
const KEPT: usize = LAGS + 2;
/// What was sent can be judged by this level on, and while it is steady for three frames: an echo does not come in whole frames.
const LOUD: i32 = dbfs(-40);
const STEADY: i32 = db(12);
/// A loss is learnt from so many looks (a second of speech), and must hold for two such times.
const LOOKS: i32 = 50;
const TIMES: usize = 2;
/// In such a time what is sent goes up and down, and its echo is about as far below it all the while; another voice is not. So the least
/// distance may be below the mean by a quarter of what the sound sent moved, but within these bounds.
const LIVELY: i32 = db(4);
const SPREAD: [i32; 2] = [db(4), db(7)];
/// What comes back louder than this is no echo.
const CLOSE: i32 = db(-6);
/// An echo with a greater loss is not heard.
const FAINT: i32 = db(-36);
/// Least losses are measured; an echo may be this much louder than they say. Rooms die away by 3 dB a frame.
const MARGIN: i32 = db(12);
const FADE: i32 = db(3);
/// What is louder, and above what is always there, is a voice, and stays one for 60 ms: words have soft ends.
const ABOVE: i32 = db(6);
const HELD: u32 = 3;
/// An echo is brought down to what is always there, but when both talk without a pause that is no noise any more.
const QUIET: i32 = dbfs(-58);
/// The most that is taken away.
const MOST: i32 = db(-40);

/// What is known about one delay.
#[derive(Clone, Copy)]
struct Way {
    looks: i32,
    /// The two least distances of these looks; the least may be an accident. And the sum of all.
    least: [i32; 2],
    sum: i32,
    /// The least and the most that was sent.
    sent: [i32; 2],
    /// The last results.
    losses: [i32; TIMES],
}

const UNKNOWN: Way =
    Way { looks: 0, least: [i32::MAX; 2], sum: 0, sent: [i32::MAX, i32::MIN], losses: [i32::MIN; TIMES] };

/// Towards one side's ear: the echo in what comes from the other side.
pub struct Suppressor {
    /// Levels of what was sent, the newest first.
    sent: [i32; KEPT],
    ways: [Way; LAGS],
    floor: Floor,
    /// The loudest that an echo may be now.
    echo: i32,
    held: u32,
}

impl Default for Suppressor {
    fn default() -> Self {
        Self { sent: [0; KEPT], ways: [UNKNOWN; LAGS], floor: Floor::default(), echo: 0, held: 0 }
    }
}

impl Suppressor {
    /// The level of a frame that was sent to the side where the echo is made.
    pub fn on_sent(&mut self, level: i32) {
        self.sent.copy_within(..KEPT - 1, 1);
        self.sent[0] = level;
    }

    /// The level of a frame from there, before the next one is sent; what is to be done to it, as a difference of levels.
    pub fn on_frame(&mut self, level: i32) -> i32 {
        let floor = self.floor.on_frame(level);
        self.learn(level);
        let Some(now) = self.expected() else { return 0 };
        self.echo = now.max(self.echo.saturating_sub(FADE));
        if level >= self.echo && level >= floor.saturating_add(ABOVE) {
            self.held = HELD;
            return 0;
        }
        if self.held > 0 {
            self.held -= 1;
            return 0;
        }
        floor.min(QUIET).saturating_sub(level).clamp(MOST, 0)
    }

    fn learn(&mut self, level: i32) {
        for (way, around) in self.ways.iter_mut().zip(self.sent.windows(3)) {
            let (Some(least), Some(most)) = (around.iter().min(), around.iter().max()) else { continue };
            if *least >= LOUD && most.saturating_sub(*least) <= STEADY {
                way.look(level.saturating_sub(*most), *most);
            }
        }
    }

    /// How loud the echo may be in this frame; `None` where there is none.
    fn expected(&self) -> Option<i32> {
        let known = self.ways.iter().zip(self.sent.windows(3)).map(|(way, around)| (way.loss(), around));
        let (loss, around) = known.max_by_key(|(loss, _)| *loss).filter(|(loss, _)| *loss > FAINT)?;
        let sent = around.iter().copied().max()?;
        Some(sent.saturating_add(loss).saturating_add(MARGIN))
    }
}

impl Way {
    fn look(&mut self, distance: i32, sent: i32) {
        let [first, second] = self.least;
        self.least = if distance < first { [distance, first] } else { [first, second.min(distance)] };
        let [low, high] = self.sent;
        self.sent = [low.min(sent), high.max(sent)];
        self.sum = self.sum.saturating_add(distance);
        self.looks = self.looks.saturating_add(1);
        if self.looks >= LOOKS {
            self.conclude();
        }
    }

    fn conclude(&mut self) {
        let ([_, least], [low, high]) = (self.least, self.sent);
        let mean = self.sum.div_euclid(LOOKS);
        let [narrow, wide] = SPREAD;
        let (moved, spread) = (high.saturating_sub(low), mean.saturating_sub(least));
        let is_echo = mean <= CLOSE && moved >= LIVELY && spread <= (moved / 4).clamp(narrow, wide);
        // One voice and its echo; or less of an echo than was thought, whoever talks.
        if is_echo || self.losses.iter().all(|loss| least < *loss) {
            self.losses.rotate_left(1);
            self.losses[TIMES - 1] = least;
        }
        *self = Self { losses: self.losses, ..UNKNOWN };
    }

    /// The loss that always held, below zero; `i32::MIN` until that is known.
    fn loss(&self) -> i32 {
        let [_, least] = self.least;
        self.losses.iter().copied().fold(least, i32::min)
    }
}
