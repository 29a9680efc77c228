//! The quadrature mirror filters that part the two bands and put them together again (ITU-T G.722 sections 3.1 and 4.4).

/// H0 to H11, of 8,192; the other twelve are their mirror.
const TAPS: [i32; 12] = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11];

/// What a filter remembers: the last values at even and at odd places, the newest last.
#[derive(Clone, Default)]
struct History {
    even: [i32; 12],
    odd: [i32; 12],
}

impl History {
    fn push(&mut self, even: i32, odd: i32) {
        self.even.copy_within(1.., 0);
        self.odd.copy_within(1.., 0);
        (self.even[11], self.odd[11]) = (even, odd);
    }

    /// The even ones by the taps, the odd ones by their mirror. At most 32,768 * 6,482: it fits.
    fn sums(&self) -> (i32, i32) {
        let even = self.even.iter().zip(&TAPS).map(|(value, tap)| value.wrapping_mul(*tap));
        let odd = self.odd.iter().zip(TAPS.iter().rev()).map(|(value, tap)| value.wrapping_mul(*tap));
        (even.fold(0, i32::wrapping_add), odd.fold(0, i32::wrapping_add))
    }
}

/// From 16,000 samples a second to two bands.
#[derive(Clone, Default)]
pub struct Analysis(History);

impl Analysis {
    /// Lower and higher band, 15 bits each.
    pub fn split(&mut self, [first, second]: [i16; 2]) -> (i32, i32) {
        self.0.push(i32::from(first), i32::from(second));
        let (even, odd) = self.0.sums();
        ((odd + even) >> 14, (odd - even) >> 14)
    }
}

/// And back.
#[derive(Clone, Default)]
pub struct Synthesis(History);

impl Synthesis {
    /// Two samples of the two bands, 15 bits each.
    pub fn join(&mut self, low: i32, high: i32) -> [i16; 2] {
        self.0.push(low + high, low - high);
        let (even, odd) = self.0.sums();
        [limited(odd >> 11), limited(even >> 11)]
    }
}

fn limited(value: i32) -> i16 {
    i16::try_from(value).unwrap_or(if value < 0 { i16::MIN } else { i16::MAX })
}
