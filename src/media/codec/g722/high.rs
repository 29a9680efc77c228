//! The higher band: two bits for each sample (ITU-T G.722 sections 3.2 to 3.5, 4.2).
use super::band::{Predictor, Scale, saturated};
use super::entry;

/// Where the inner interval of the quantiser ends, in parts of the scale factor.
const LEVEL: i32 = 564;
/// QM2: the differences that two bits stand for.
const DIFFERENCES: [i16; 4] = [-7408, -1616, 7408, 1616];
/// WH by RH2: how the scale follows them.
const CHANGES: [i16; 4] = [798, -214, 798, -214];

/// One direction of the band.
#[derive(Clone)]
pub struct HighBand {
    predictor: Predictor,
    scale: Scale,
}

impl Default for HighBand {
    fn default() -> Self {
        Self { predictor: Predictor::default(), scale: Scale::new(8, 22_528, 10) }
    }
}

impl HighBand {
    /// The least difference that there is: while nothing else comes the scale stays so small that it is none.
    pub const SILENT: u8 = 3;

    /// The two bits of a sample of 15 bits.
    pub fn encode(&mut self, sample: i32) -> u8 {
        let difference = saturated(sample - self.predictor.prediction());
        let (size, outward) = if difference < 0 { (!difference, 0) } else { (difference, 2) };
        let inner = size < (LEVEL * self.scale.factor()) >> 12;
        let code = outward | u8::from(inner);
        self.adapt(code);
        code
    }

    /// A sample of 15 bits, of the two lowest bits.
    pub fn decode(&mut self, code: u8) -> i32 {
        let predicted = self.predictor.prediction();
        (predicted + self.adapt(code)).clamp(-16_384, 16_383)
    }

    fn adapt(&mut self, code: u8) -> i32 {
        let difference = (self.scale.factor() * entry(&DIFFERENCES, code)) >> 15;
        self.scale.adapt(entry(&CHANGES, code));
        self.predictor.adapt(difference);
        difference
    }
}
