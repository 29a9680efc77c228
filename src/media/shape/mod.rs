//! What is done to the sound between a stick and a peer: echo suppressed, levels set, peaks limited. All in whole numbers.
mod agc;
mod echo;
mod level;
mod limit;
#[cfg(test)]
mod tests;

use super::FRAME;
use agc::Agc;
use echo::Suppressor;
use level::{UNITY, db, factor, level, power};
use limit::{Limiter, between, times};

/// Samples over which a gain changes, 5 ms: no click, and no begin of a word or an echo lost in it.
const SLOPE: usize = 40;

/// What is wished for one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// Bring voices to -18 dBFS.
    pub agc: bool,
    /// Fixed gain in decibels; -20 to 20 are meaningful.
    pub gain_db: i8,
}

/// What is wished for a stick. The default leaves each sample as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shaping {
    /// From the stick.
    pub from_stick: Wish,
    /// To the stick.
    pub to_stick: Wish,
    /// Suppress echoes of either side.
    pub echo: bool,
}

/// One direction.
#[derive(Default)]
struct Path {
    agc: Option<Agc>,
    echo: Option<Suppressor>,
    /// The fixed gain, as a difference of levels.
    fixed: i32,
    limiter: Limiter,
    /// The gain at the end of the last frame, in 2^14ths; none before the first.
    gain: Option<i32>,
}

/// Both directions of one call.
pub struct Shaper {
    from_stick: Path,
    to_stick: Path,
}

impl Shaper {
    /// `None` where nothing is wished.
    #[must_use]
    pub fn new(shaping: Shaping) -> Option<Self> {
        let path = |wish: Wish| Path {
            agc: wish.agc.then(Agc::default),
            echo: shaping.echo.then(Suppressor::default),
            fixed: db(i32::from(wish.gain_db)),
            ..Path::default()
        };
        let shaper = || Self { from_stick: path(shaping.from_stick), to_stick: path(shaping.to_stick) };
        (shaping != Shaping::default()).then(shaper)
    }

    /// A frame of the peer on its way to the stick.
    pub fn shape_for_stick(&mut self, frame: &mut [i16; FRAME]) {
        self.to_stick.shape(frame);
        self.from_stick.note_sent(frame);
    }

    /// A frame of the stick on its way to the peer.
    pub fn shape_for_peer(&mut self, frame: &mut [i16; FRAME]) {
        self.from_stick.shape(frame);
        self.to_stick.note_sent(frame);
    }
}

impl Path {
    fn shape(&mut self, frame: &mut [i16; FRAME]) {
        let power = power(frame);
        let level = level(power);
        let suppressed = self.echo.as_mut().map_or(0, |echo| echo.on_frame(level));
        // An echo is nobody's voice.
        let heard = (suppressed == 0).then_some(power);
        let wanted = self.agc.as_mut().map_or(0, |agc| agc.on_frame(heard));
        let to = factor(suppressed + wanted + self.fixed);
        let from = self.gain.replace(to).unwrap_or(to);
        if from == UNITY && to == UNITY && self.limiter.is_idle(frame) {
            return;
        }
        let mut wide = [0; FRAME];
        for (step, (slot, sample)) in wide.iter_mut().zip(&*frame).enumerate() {
            *slot = times(i32::from(*sample), between(from, to, step, SLOPE));
        }
        *frame = self.limiter.limit(&wide);
    }

    /// The other direction sent this to where an echo of ours would come from.
    fn note_sent(&mut self, frame: &[i16; FRAME]) {
        if let Some(echo) = &mut self.echo {
            echo.on_sent(level(power(frame)));
        }
    }
}
