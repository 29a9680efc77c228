//! How a call is likely to sound: the E-model (ITU-T G.107), reduced to what a telephone exchange can see: delay, loss and coding.
//!
//! R = 93.2 - Id - Ie,eff: all else has the values that G.107 takes where nothing is known. An estimate, not a measurement: it knows
//! nothing of echo, noise and level.

/// What the sound is coded as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    G711,
    G722,
    /// None that we know.
    Other,
}

/// All numbers are thousandths. G.107 clause 7.1 with its default values.
const BEST: i64 = 93_200;
/// G.107.1 clause 7.1: the scale of wideband goes up to here; on the scale of telephones it is 100.
const BEST_WIDE: i64 = 129_000;
/// From this delay on a talk suffers in another way, too (Cole and Rosenbluth, "Voice over IP performance monitoring", 2001, who
/// reduced Id to two lines).
const LONG: i64 = 177_300;
/// The worst impairment that loss brings (G.107 clause 7.5).
const WORST: i64 = 95_000;

impl Coding {
    /// Ie and Bpl: what the coding costs, and how much loss it bears (G.113 appendix I: G.711 with concealment; G.729A stands for what
    /// is not known; of wideband G.722 at 64 kbit/s appendix IV has no Bpl, so it is taken as G.711's).
    const fn factors(self) -> (i64, i64) {
        match self {
            Self::G711 => (0, 25_100),
            Self::G722 => (13_000, 25_100),
            Self::Other => (11_000, 19_000),
        }
    }
}

/// R in thousandths, from 0 to 100,000. `delay_ms`: from mouth to ear. Lost counts what came too late to be heard.
#[must_use]
pub fn rating(coding: Coding, delay_ms: u32, lost: u64, expected: u64) -> i64 {
    let (ie, bpl) = coding.factors();
    let delay = i64::from(delay_ms.min(10_000)).saturating_mul(1_000);
    let id = delay.saturating_mul(24) / 1_000;
    let id = id.saturating_add(delay.saturating_sub(LONG).max(0).saturating_mul(110) / 1_000);
    let lost = i64::try_from(lost.min(expected)).unwrap_or(i64::MAX);
    // Loss in thousandths of a percent.
    let percent =
        lost.saturating_mul(100_000).checked_div(i64::try_from(expected).unwrap_or(i64::MAX)).unwrap_or(0);
    let by_loss = WORST.saturating_sub(ie).saturating_mul(percent);
    let by_loss = by_loss.checked_div(percent.saturating_add(bpl)).unwrap_or(0);
    let less = id.saturating_add(ie).saturating_add(by_loss);
    let r = match coding {
        Coding::G722 => BEST_WIDE.saturating_sub(less).saturating_mul(100) / 129,
        Coding::G711 | Coding::Other => BEST.saturating_sub(less),
    };
    r.clamp(0, 100_000)
}

/// What listeners would say on a scale from 1 to 4.5, in hundredths (G.107 annex B).
#[must_use]
pub fn opinion(rating: i64) -> u16 {
    let r = rating.clamp(0, 100_000);
    let bend = r.saturating_mul(r.saturating_sub(60_000)).saturating_mul(100_000_i64.saturating_sub(r));
    let mos = r.saturating_mul(35) / 1_000;
    let mos = mos.saturating_add(bend.saturating_mul(7) / 1_000_000_000_000).saturating_add(1_000);
    u16::try_from(mos.saturating_add(5) / 10).unwrap_or(100).clamp(100, 450)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// G.107 table B.1: R and what users say.
    #[test]
    fn opinions_of_the_table() {
        for (r, mos) in
            [(0, 100), (50, 258), (60, 310), (70, 360), (80, 403), (90, 434), (93, 441), (100, 450)]
        {
            let got = opinion(r * 1_000);
            assert!(got.abs_diff(mos) <= 1, "{r}: {got}, want {mos}");
        }
    }

    #[test]
    fn what_makes_it_worse() {
        for (coding, delay, lost, expected, want) in [
            (Coding::G711, 0, 0, 0, 93_200),
            (Coding::G711, 100, 0, 1_000, 90_800),
            // 0.024 * 300 + 0.11 * 122.7
            (Coding::G711, 300, 0, 1_000, 72_503),
            // 95 * 5 / 30.1
            (Coding::G711, 0, 50, 1_000, 77_420),
            (Coding::G722, 0, 0, 1_000, 89_922),
            (Coding::Other, 0, 0, 1_000, 82_200),
            (Coding::G711, u32::MAX, u64::MAX, u64::MAX, 0),
        ] {
            assert_eq!(
                rating(coding, delay, lost, expected),
                want,
                "{coding:?} {delay} {lost} of {expected}"
            );
        }
    }
}
