//! What 20 ms of sound hold of the eight tones of ITU-T Q.23: correlators in integers, over blocks of 5 ms.
//!
//! Each sample is looked at once. A window is the last four blocks; its two halves tell by how much their phases turn how far the
//! tones are beside their frequencies, which costs two correlators less than to look for it.
/// Samples of a block, 5 ms.
pub const BLOCK: usize = 40;
const BLOCKS: usize = 4;
/// Rows, then columns.
const TONES: usize = 8;
pub const HZ: [i64; TONES] = [697, 770, 852, 941, 1_209, 1_336, 1_477, 1_633];
/// In 65536ths of a turn for each sample.
const STEPS: [u16; TONES] = [5_710, 6_308, 6_980, 7_709, 9_904, 10_945, 12_100, 13_378];
/// A block below -60 dBFS has nothing to look for, in squares of 14 bits.
const QUIET: i64 = 40 * 8 * 8 / 2;
/// Of the two tones in all power before their frequencies are known, percent: less is not worth the rest.
const WORTH: i64 = 20;

/// A sum over a block, turned by the tone's phase.
#[derive(Clone, Copy, Default)]
struct Turned {
    re: i64,
    im: i64,
}

impl Turned {
    const fn plus(self, other: Self) -> Self {
        Self { re: self.re + other.re, im: self.im + other.im }
    }

    const fn power(self) -> i64 {
        self.re * self.re + self.im * self.im
    }
}

#[derive(Clone, Copy, Default)]
struct Block {
    tones: [Turned; TONES],
    energy: i64,
}

/// The strongest tone of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tone {
    /// In its group.
    pub place: usize,
    /// |X|^2 over the window, had its halves the same phase.
    pub power: i64,
    /// Its power in tenths of the next one's.
    pub clear: i64,
    /// Beside its frequency, in 10,000ths.
    pub off: i64,
}

/// Two tones that are some of the window's sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    pub row: Tone,
    pub column: Tone,
    /// Their power in all power, in thousandths.
    pub share: i64,
}

/// The last four blocks.
#[derive(Default)]
pub struct Window {
    blocks: [Block; BLOCKS],
    phases: [u16; TONES],
}

impl Window {
    /// One more block; the pair of tones in the four last ones, if they have a good share in them.
    pub fn push(&mut self, samples: &[i16; BLOCK]) -> Option<Pair> {
        let block = self.correlate(samples);
        self.blocks.rotate_left(1);
        if let Some(last) = self.blocks.last_mut() {
            *last = block;
        }
        self.pair()
    }

    fn correlate(&mut self, samples: &[i16; BLOCK]) -> Block {
        // 14 bits: 40 products with a sine of 12 bits stay below 2^31.
        let samples = samples.map(|sample| i32::from(sample >> 2));
        let energy =
            i64::from(samples.iter().fold(0_u32, |sum, s| sum.saturating_add(s.unsigned_abs().pow(2))));
        if energy < QUIET {
            return Block { energy, ..Block::default() };
        }
        let mut tones = [Turned::default(); TONES];
        for ((tone, phase), step) in tones.iter_mut().zip(&mut self.phases).zip(STEPS) {
            let (mut re, mut im) = (0_i32, 0_i32);
            let mut at = *phase;
            for sample in &samples {
                let [place, _] = at.to_be_bytes();
                re = re.wrapping_add(sample.wrapping_mul(sine(place.wrapping_add(64))));
                im = im.wrapping_add(sample.wrapping_mul(sine(place)));
                at = at.wrapping_add(step);
            }
            *phase = at;
            *tone = Turned { re: i64::from(re >> 11), im: i64::from(im >> 11) };
        }
        Block { tones, energy }
    }

    fn pair(&self) -> Option<Pair> {
        let energy: i64 = self.blocks.iter().map(|block| block.energy).sum();
        // A pure tone has |X|^2 = N E / 2.
        let whole = energy * (BLOCK * BLOCKS / 2) as i64;
        let [a, b, c, d] = &self.blocks;
        let mut halves = [(Turned::default(), Turned::default()); TONES];
        for (tone, half) in halves.iter_mut().enumerate() {
            let of = |block: &Block| block.tones.get(tone).copied().unwrap_or_default();
            *half = (of(a).plus(of(b)), of(c).plus(of(d)));
        }
        let powers = halves.map(|(first, second)| first.plus(second).power());
        let (rows, columns) = powers.split_at_checked(TONES / 2)?;
        let ((row, row_clear), (column, column_clear)) = (strongest(rows)?, strongest(columns)?);
        let found = rows.get(row)? + columns.get(column)?;
        if energy < QUIET || found * 100 < whole * WORTH {
            return None;
        }
        let (row, row_whole) = refined(row, row, row_clear, *halves.get(row)?)?;
        let place = column + TONES / 2;
        let (column, column_whole) = refined(place, column, column_clear, *halves.get(place)?)?;
        let share = (row_whole + column_whole) * 1_000 / whole;
        Some(Pair { row, column, share })
    }
}

/// A turn in 256 steps, 12 bits.
const SINES: [i16; 256] = sines();

const fn sines() -> [i16; 256] {
    let mut table = [0; 256];
    // y[n] = 2 cos(w) y[n-1] - y[n-2], in 2^30ths; the last one is off by 10^-6.
    let (mut before, mut now) = (0_i64, 26_350_943_i64);
    let mut at = 1;
    while at < 256 {
        table[at] = ((now * 2_047 + (1 << 29)) >> 30) as i16;
        (before, now) = (now, ((now * 2_146_836_866) >> 30) - before);
        at += 1;
    }
    table
}

fn sine(place: u8) -> i32 {
    SINES.get(usize::from(place)).copied().map_or(0, i32::from)
}

/// Of a group: which one, and its power in tenths of the next one's.
fn strongest(powers: &[i64]) -> Option<(usize, i64)> {
    let (place, best) = powers.iter().copied().enumerate().max_by_key(|(_, power)| *power)?;
    let others =
        powers.iter().enumerate().filter(|(other, _)| *other != place).map(|(_, power)| *power).max()?;
    Some((place, best.saturating_mul(10) / (others + 1)))
}

/// How far beside its frequency, its power without what that takes from the sum of the halves; and without what it takes from each.
fn refined(tone: usize, place: usize, clear: i64, (first, second): (Turned, Turned)) -> Option<(Tone, i64)> {
    // What is above the tone's frequency turns back.
    let re = first.re * second.re + first.im * second.im;
    let im = second.re * first.im - second.im * first.re;
    let turn = angle(re, im);
    let size = first.power().unsigned_abs().isqrt() + second.power().unsigned_abs().isqrt();
    let power = i64::try_from(size.saturating_mul(size)).unwrap_or(i64::MAX);
    // The halves are 10 ms apart.
    let off = turn * 1_000_000 / 65_536 / HZ.get(tone)?;
    // (x / sin x)^2 for half of the turn, in 4096ths.
    let x = turn * 201 / 1_024;
    let square = x * x / 4_096;
    let whole = power / 4_096 * (4_096 + square / 3 + square * square / 61_440);
    Some((Tone { place, power, clear, off }, whole))
}

/// The angle of a vector in 65536ths of a turn, to 40 of them.
fn angle(re: i64, im: i64) -> i64 {
    let (x, y) = (re.abs(), im.abs());
    let (long, short) = (x.max(y), x.min(y));
    // Both well below 2^48 before the shift.
    let slope = (short << 14) / long.max(1);
    // atan z = z (pi / 4 + 0.273 (1 - z)).
    let eighth = slope * (8_192 + 2_848 * (16_384 - slope) / 16_384) / 16_384;
    let quarter = if y > x { 16_384 - eighth } else { eighth };
    let half = if re < 0 { 32_768 - quarter } else { quarter };
    if im < 0 { -half } else { half }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::f64::consts::TAU;

    #[test]
    fn a_turn_of_sines() {
        for (at, sine) in SINES.iter().enumerate() {
            let want = (at as f64 / 256.0 * TAU).sin() * 2_047.0;
            assert!((f64::from(*sine) - want).abs() < 1.0, "{at} {sine} {want}");
        }
    }

    #[test]
    fn angles() {
        for degrees in -179..180 {
            let turn = f64::from(degrees) / 360.0;
            let at = |x: f64| (x * 1e9) as i64;
            let got = angle(at((turn * TAU).cos()), at((turn * TAU).sin()));
            assert!((got as f64 - turn * 65_536.0).abs() < 45.0, "{degrees} {got}");
        }
        assert_eq!(angle(0, 0), 0);
    }

    #[test]
    fn a_pair_of_tones_is_all_of_the_sound_and_its_offset_is_told() {
        for off in [-0.02, -0.01, 0.0, 0.01, 0.02] {
            for place in 0..16 {
                let (row, column) = (place / 4, place % 4);
                let (low, high) = (HZ[row] as f64 * (1.0 + off), HZ[4 + column] as f64 * (1.0 + off));
                let mut window = Window::default();
                let mut pair = None;
                for block in 0..5 {
                    let samples = core::array::from_fn(|n| {
                        let t = (block * BLOCK + n) as f64 / 8_000.0 * TAU;
                        ((t * low).sin() * 3_000.0 + (t * high).sin() * 6_000.0) as i16
                    });
                    pair = window.push(&samples);
                }
                let pair = pair.unwrap();
                assert_eq!((pair.row.place, pair.column.place), (row, column));
                assert!((930..1_080).contains(&pair.share), "{pair:?}");
                // The other tone, here the louder one, leaks into halves of 10 ms: 85 is the worst. Four windows even it out.
                for tone in [pair.row, pair.column] {
                    assert!((tone.off - (off * 10_000.0) as i64).abs() < 100, "{off} {tone:?}");
                }
            }
        }
    }

    #[test]
    fn silence_and_the_loudest_sound_are_no_trouble() {
        let mut window = Window::default();
        for sample in [0, i16::MIN, i16::MAX] {
            for _ in 0..8 {
                window.push(&[sample; BLOCK]);
            }
        }
        for n in 0..64 {
            window.push(&core::array::from_fn(|at| if (at + n) / 3 % 2 == 0 { i16::MIN } else { i16::MAX }));
        }
    }
}
