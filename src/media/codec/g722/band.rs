//! What both sub-bands share: the predictor of two poles and six zeroes, and the scale factor (ITU-T G.722 section 3.6, blocks 3 and
//! 4 of either band).

/// 16 bits are what the recommendation computes with.
pub const fn saturated(value: i32) -> i32 {
    if value > 32_767 {
        32_767
    } else if value < -32_768 {
        -32_768
    } else {
        value
    }
}

/// The predictor of one band. Values are 16-bit as in the recommendation, kept in 32.
#[derive(Clone, Default)]
pub struct Predictor {
    /// RLT1, RLT2: the last reconstructed signals.
    reconstructed: [i32; 2],
    /// PLT1, PLT2: the last partly reconstructed ones, of which only the sign counts.
    partly: [i32; 2],
    /// AL1, AL2.
    poles: [i32; 2],
    /// BL1 to BL6, and the differences that they go with.
    zeroes: [i32; 6],
    differences: [i32; 6],
    /// SZL, and the whole prediction SL.
    of_zeroes: i32,
    prediction: i32,
}

impl Predictor {
    /// What the next sample is expected to be.
    pub const fn prediction(&self) -> i32 {
        self.prediction
    }

    /// The quantised difference of a sample to its prediction: adapts (blocks RECONS to PREDIC).
    pub fn adapt(&mut self, difference: i32) {
        let reconstructed = saturated(self.prediction + difference);
        let partly = saturated(self.of_zeroes + difference);
        let poles = self.adapted_poles(partly);
        self.adapt_zeroes(difference);
        self.poles = poles;
        self.partly = [partly, self.partly[0]];
        self.reconstructed = [reconstructed, self.reconstructed[0]];
        self.predict();
    }

    /// UPPOL2 and UPPOL1.
    fn adapted_poles(&self, partly: i32) -> [i32; 2] {
        let [first, second] = self.poles;
        let same = |before: i32| (partly < 0) == (before < 0);
        let quadrupled = saturated(first << 2);
        let toward = if same(self.partly[0]) { (-quadrupled).min(32_767) } else { quadrupled };
        let step = if same(self.partly[1]) { 128 } else { -128 };
        let second = (step + (toward >> 7) + ((second * 32_512) >> 15)).clamp(-12_288, 12_288);
        let step = if same(self.partly[0]) { 192 } else { -192 };
        let most = 15_360 - second;
        let first = saturated(step + ((first * 32_640) >> 15)).clamp(-most, most);
        [first, second]
    }

    /// UPZERO and the delay of the differences; what the zeroes predict then (FILTEZ).
    fn adapt_zeroes(&mut self, difference: i32) {
        let step = if difference == 0 { 0 } else { 128 };
        let mut newer = difference;
        let mut sum = 0;
        for (zero, past) in self.zeroes.iter_mut().zip(&mut self.differences) {
            let same = (difference < 0) == (*past < 0);
            *zero = saturated((if same { step } else { -step }) + ((*zero * 32_640) >> 15));
            (*past, newer) = (newer, *past);
            sum += (*zero * saturated(*past << 1)) >> 15;
        }
        self.of_zeroes = saturated(sum);
    }

    /// FILTEP and PREDIC.
    fn predict(&mut self) {
        let product = |pole: i32, past: i32| (pole * saturated(past << 1)) >> 15;
        let of_poles =
            product(self.poles[0], self.reconstructed[0]) + product(self.poles[1], self.reconstructed[1]);
        self.prediction = saturated(saturated(of_poles) + self.of_zeroes);
    }
}

/// The scale factor of a quantiser, by its logarithm.
#[derive(Clone)]
pub struct Scale {
    logarithm: i32,
    /// The longest that the logarithm gets, and how far its powers are shifted: 18,432 and 8 in the lower band, 22,528 and 10 in the
    /// higher.
    most: i32,
    shift: i32,
    factor: i32,
}

/// ILB: 2,048 times the powers of two in steps of 1/32.
const POWERS: [i16; 32] = [
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834, 2896,
    2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];

impl Scale {
    pub const fn new(factor: i32, most: i32, shift: i32) -> Self {
        Self { logarithm: 0, most, shift, factor }
    }

    /// DETL, DETH: 8 to 16,384.
    pub const fn factor(&self) -> i32 {
        self.factor
    }

    /// LOGSCL and SCALEL; `change` is what the table of the band has for the last code.
    pub fn adapt(&mut self, change: i32) {
        self.logarithm = (((self.logarithm * 127) >> 7) + change).clamp(0, self.most);
        let power = super::entry(&POWERS, u8::try_from((self.logarithm >> 6) & 31).unwrap_or(0));
        // -1 to 10.
        let shift = self.shift - (self.logarithm >> 11);
        self.factor = (if shift < 0 { power << -shift } else { power >> shift }) << 2;
    }
}
