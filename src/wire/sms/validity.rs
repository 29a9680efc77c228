//! How long the service centre keeps trying, TS 23.040 section 9.2.3.12.
use std::time::Duration;

use super::fault::{Fault, PduError};
use super::reader::Reader;
use super::timestamp::{self, OCTETS};
use crate::util::time::Stamp;

/// Validity period of a SUBMIT, in the form it has on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// One octet: steps of 5 minutes, half hours, days, weeks.
    Relative(u8),
    /// A time stamp.
    Absolute([u8; OCTETS]),
    /// Indicator and six octets by its kind, section 9.2.3.12.3. Nobody writes it.
    Enhanced([u8; OCTETS]),
}

impl Validity {
    /// The field that bits 4 and 3 of `first`, the TPDU's first octet, announce.
    pub(super) fn parse(reader: &mut Reader<'_>, first: u8) -> Result<Option<Self>, PduError> {
        const FIELD: &str = "validity period";
        let octets = |reader: &mut Reader<'_>| {
            let mut octets = [0; OCTETS];
            octets.copy_from_slice(reader.take(OCTETS, Fault::Missing(FIELD))?);
            Ok(octets)
        };
        Ok(match (first >> 3) & 0x03 {
            0 => None,
            1 => Some(Self::Enhanced(octets(reader)?)),
            2 => Some(Self::Relative(reader.octet(FIELD)?)),
            _ => Some(Self::Absolute(octets(reader)?)),
        })
    }

    /// The period counted from submission; `None` when it is none or a moment.
    #[must_use]
    pub fn period(self) -> Option<Duration> {
        let Self::Relative(step) = self else { return None };
        let step = u64::from(step);
        let minutes = match step {
            0..=143 => (step + 1) * 5,
            144..=167 => 12 * 60 + (step - 143) * 30,
            168..=196 => (step - 166) * 24 * 60,
            _ => (step - 192) * 7 * 24 * 60,
        };
        Some(Duration::from_secs(minutes * 60))
    }

    /// The moment when it ends; `None` when that is relative or garbage.
    #[must_use]
    pub fn until(self) -> Option<Stamp> {
        match self {
            Self::Absolute(octets) => timestamp::parse(&octets),
            Self::Relative(_) | Self::Enhanced(_) => None,
        }
    }
}
