//! Samples by timestamp in a circle, with holes where nothing came.
use crate::util::limits::JITTER_SAMPLES;

/// No codec's value: nothing came for this sample.
pub const HOLE: i16 = i16::MIN;

/// The last `JITTER_SAMPLES` of a stream that has no end.
pub struct Ring(Box<[i16]>);

impl Default for Ring {
    fn default() -> Self {
        Self(vec![HOLE; JITTER_SAMPLES].into_boxed_slice())
    }
}

impl Ring {
    #[must_use]
    pub fn get(&self, at: i64) -> i16 {
        self.0.get(place(at)).copied().unwrap_or(HOLE)
    }

    /// Stores what a packet says about `count` samples from `at` on.
    pub fn write(&mut self, at: i64, count: usize, samples: impl Iterator<Item = i16>) {
        let [first, second] = self.pieces_mut(at, count);
        for (slot, sample) in first.iter_mut().chain(second).zip(samples) {
            *slot = sample;
        }
    }

    pub fn read(&self, at: i64, into: &mut [i16]) {
        let [first, second] = self.pieces(at, into.len());
        for (slot, sample) in into.iter_mut().zip(first.iter().chain(second)) {
            *slot = *sample;
        }
    }

    /// Samples from `at` on up to the first hole, at most `most`.
    #[must_use]
    pub fn filled(&self, at: i64, most: usize) -> usize {
        let [first, second] = self.pieces(at, most);
        let hole = |piece: &[i16]| piece.iter().position(|sample| *sample == HOLE);
        hole(first).or_else(|| hole(second).map(|more| first.len().saturating_add(more))).unwrap_or(most)
    }

    /// Makes holes of the samples from `at` on.
    pub fn clear(&mut self, at: i64, count: usize) {
        let [first, second] = self.pieces_mut(at, count);
        first.fill(HOLE);
        second.fill(HOLE);
    }

    fn pieces(&self, at: i64, count: usize) -> [&[i16]; 2] {
        let (before, from) = self.0.split_at_checked(place(at)).unwrap_or_default();
        let first = from.get(..count).unwrap_or(from);
        let left = count.saturating_sub(first.len());
        [first, before.get(..left).unwrap_or(before)]
    }

    fn pieces_mut(&mut self, at: i64, count: usize) -> [&mut [i16]; 2] {
        let (before, from) = self.0.split_at_mut_checked(place(at)).unwrap_or_default();
        let first = count.min(from.len());
        let left = count.saturating_sub(first).min(before.len());
        [from.get_mut(..first).unwrap_or_default(), before.get_mut(..left).unwrap_or_default()]
    }
}

fn place(at: i64) -> usize {
    const LENGTH: i64 = JITTER_SAMPLES as i64;
    usize::try_from(at.rem_euclid(LENGTH)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::codec::Codec;
    use super::*;

    #[test]
    fn samples_stay_where_their_timestamp_says() {
        let length = i64::try_from(JITTER_SAMPLES).unwrap();
        for at in [-5, 0, 7, length - 3, length * 9 - 100] {
            let mut ring = Ring::default();
            assert_eq!(ring.filled(at, 160), 0);
            ring.write(at, 160, std::iter::repeat_n(Codec::Pcmu.decode(0x20), 160));
            assert_eq!(
                (ring.filled(at, 160), ring.filled(at, 300), ring.filled(at + 150, 300)),
                (160, 160, 10)
            );
            let mut read = [0; 170];
            ring.read(at, &mut read);
            assert!(read[..160].iter().all(|sample| *sample == Codec::Pcmu.decode(0x20)));
            assert!(read[160..].iter().all(|sample| *sample == HOLE));
            ring.clear(at, 159);
            assert_eq!((ring.get(at + 158), ring.get(at + 159)), (HOLE, read[0]));
        }
    }

    #[test]
    fn no_code_is_a_hole() {
        for codec in [Codec::Pcmu, Codec::Pcma, Codec::G722] {
            assert!((0..=255).all(|byte| codec.decode(byte) != HOLE));
        }
    }

    #[cfg(feature = "media")]
    #[test]
    fn the_lowest_that_there_is_in_g722_is_no_hole() {
        let mut decoder = super::super::codec::Decoder::new(Codec::G722);
        let lowest = (0..2_000).map(|_| decoder.decode(4)).min();
        assert_eq!(lowest, Some(-i16::MAX));
    }
}
