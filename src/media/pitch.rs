//! Where a piece of sound repeats itself: the best lag for a seamless cut or repetition.

/// A lag and how well the sound fits itself there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fit {
    pub lag: usize,
    /// Correlation of 0.8 or more, or both pieces almost silent: nobody hears the seam.
    pub good: bool,
}

/// Mean magnitude below which a seam is not heard, about -57 dBFS.
const QUIET: i64 = 48;

/// The lag in `lags` whose piece fits `piece` best; `at(lag)` gives that piece, `None` when it isn't there whole.
pub fn best<'a>(
    piece: &[i16],
    lags: core::ops::RangeInclusive<usize>,
    at: impl Fn(usize) -> Option<&'a [i16]>,
) -> Option<Fit> {
    let energy = energy(piece);
    let mut best: Option<(i64, usize, i64)> = None;
    for lag in lags {
        let Some(other) = at(lag) else { break };
        let (product, other_energy) = correlate(piece, other);
        let score = if product > 0 { product.saturating_mul(product) / other_energy.max(1) } else { 0 };
        if best.is_none_or(|(most, _, _)| score > most) {
            best = Some((score, lag, other_energy));
        }
    }
    let (score, lag, other_energy) = best?;
    let length = i64::try_from(piece.len()).unwrap_or(i64::MAX);
    let quiet = QUIET * QUIET / 256 * length;
    // The square of the correlation against 0.64.
    let alike = score > 0 && score >= energy / 25 * 16;
    Some(Fit { lag, good: alike || (energy <= quiet && other_energy <= quiet) })
}

/// Twelve bits a sample: the square of a sum over a few hundred products still fits 64 bits.
fn scaled(sample: i16) -> i64 {
    i64::from(sample >> 4)
}

fn energy(piece: &[i16]) -> i64 {
    piece.iter().map(|sample| scaled(*sample) * scaled(*sample)).sum()
}

fn correlate(piece: &[i16], other: &[i16]) -> (i64, i64) {
    piece.iter().zip(other).fold((0, 0), |(product, energy), (a, b)| {
        (product + scaled(*a) * scaled(*b), energy + scaled(*b) * scaled(*b))
    })
}

/// From `old` to `new`, `step` of `steps` done.
#[must_use]
pub fn blend(old: i16, new: i16, step: usize, steps: usize) -> i16 {
    let whole = i32::try_from(steps.max(1)).unwrap_or(i32::MAX);
    let done = i32::try_from(step).unwrap_or(i32::MAX).min(whole);
    let mixed =
        (i64::from(old) * i64::from(whole - done) + i64::from(new) * i64::from(done)) / i64::from(whole);
    // Between two 16-bit values.
    i16::try_from(mixed).unwrap_or(new)
}
