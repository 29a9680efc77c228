//! The lower band: six bits for each sample, of which the predictor uses four (ITU-T G.722 sections 3.1 to 3.5, 4.1).
use super::band::{Predictor, Scale, saturated};
use super::entry;

/// Q6: where the intervals of the quantiser end, in parts of the scale factor; the last one has no end.
const LEVELS: [i16; 29] = [
    35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023, 1121, 1219,
    1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919,
];
/// QM4, QM6: the differences that four and six bits stand for.
const COARSE: [i16; 16] =
    [0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0];
const FINE: [i16; 64] = [
    -136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360,
    -8576, -7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688,
    -1360, -1040, -728, 24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856,
    7192, 6576, 6000, 5456, 4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136,
    -432, -136,
];
/// WL by RL42: how the scale follows four bits.
const CHANGES: [i16; 16] = [-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60];

/// One direction of the band.
#[derive(Clone)]
pub struct LowBand {
    predictor: Predictor,
    scale: Scale,
}

impl Default for LowBand {
    fn default() -> Self {
        Self { predictor: Predictor::default(), scale: Scale::new(32, 18_432, 8) }
    }
}

impl LowBand {
    /// The six bits of a sample of 15 bits.
    pub fn encode(&mut self, sample: i32) -> u8 {
        let code = self.quantised(saturated(sample - self.predictor.prediction()));
        self.adapt(code);
        code
    }

    /// A sample of 15 bits; the two highest bits of the octet are not looked at.
    pub fn decode(&mut self, octet: u8) -> i32 {
        let difference = (self.scale.factor() * entry(&FINE, octet & 0x3f)) >> 15;
        let sample = (self.predictor.prediction() + difference).clamp(-16_384, 16_383);
        self.adapt(octet & 0x3f);
        sample
    }

    /// QUANTL: the interval, and its code by the sign.
    fn quantised(&self, difference: i32) -> u8 {
        let factor = self.scale.factor();
        let (size, negative) = if difference < 0 { (!difference, true) } else { (difference, false) };
        let interval = LEVELS.partition_point(|level| size >= (i32::from(*level) * factor) >> 12);
        let interval = u8::try_from(interval).unwrap_or(29);
        match (negative, interval) {
            (true, 0 | 1) => 63 - interval,
            (true, _) => 33 - interval,
            (false, _) => 61 - interval,
        }
    }

    fn adapt(&mut self, code: u8) {
        let coarse = code >> 2;
        let difference = (self.scale.factor() * entry(&COARSE, coarse)) >> 15;
        self.scale.adapt(entry(&CHANGES, coarse));
        self.predictor.adapt(difference);
    }
}
