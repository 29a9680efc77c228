//! The SIM's lock. A PIN is entered once; a wrong one is never tried again, not even after a restart.
use crate::wire::at::{Fields, Final};
use std::fmt;

/// Why the SIM can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SimTrouble {
    Absent,
    Faulty,
    /// Wants a PIN, and the section has none.
    PinNeeded,
    /// This PIN was refused before.
    PinWrong,
    /// One try left, or not all left and none of them ours: too dangerous.
    TooFewTries(u8),
    /// The attempt could not be noted on disk, and nobody knows how many tries are left.
    NotNoted,
    PukNeeded,
    /// `PH-NET PIN` and its relatives: the stick belongs to an operator.
    Locked(String),
    /// Busy for longer than it should be, or an answer nobody knows.
    Unclear(String),
}

impl fmt::Display for SimTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("no SIM in the stick (or upside down)"),
            Self::Faulty => f.write_str("the SIM does not work (faulty, or of another kind)"),
            Self::PinNeeded => f.write_str("the SIM wants its PIN: set option 'pin'"),
            Self::PinWrong => {
                f.write_str("the SIM refused this PIN; it is not tried again until option 'pin' is changed")
            }
            Self::TooFewTries(n) => write!(f, "only {n} PIN tries left: enter the PIN in a phone first"),
            Self::NotNoted => f.write_str("the PIN is not entered, as the attempt can't be noted on disk"),
            Self::PukNeeded => f.write_str("the SIM is blocked and wants its PUK: enter it in a phone"),
            Self::Locked(what) => write!(f, "the stick is locked to an operator ({what})"),
            Self::Unclear(what) => write!(f, "the SIM does not get ready ({what})"),
        }
    }
}

/// What is known of one PIN on one SIM. Kept on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinNote {
    /// Written before the attempt; still there after a crash in it.
    Tried,
    Good,
    Bad,
}

impl PinNote {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tried => "tried",
            Self::Good => "good",
            Self::Bad => "bad",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Tried, Self::Good, Self::Bad].into_iter().find(|n| n.name() == text)
    }
}

/// The key of a note: this PIN on this SIM (ICCID, or the stick's IMEI where the SIM does not tell).
#[must_use]
pub fn pin_key(sim: &str, pin: &str) -> u64 {
    crate::util::hash::of(&[sim.as_bytes(), pin.as_bytes()])
}

/// What `AT+CPIN?` said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PinState {
    Ready,
    Pin,
    Trouble(SimTrouble),
    /// Ask again in a second.
    Busy,
}

impl PinState {
    /// TS 27.007 8.3 and 9.2.
    #[must_use]
    pub fn of(line: Option<&str>, result: Option<Final>) -> Self {
        if let Some(word) = line.and_then(|l| Fields::of(l, "+CPIN:")).and_then(|mut f| f.next()) {
            return match word {
                "READY" | "SIM PIN2" | "SIM PUK2" => Self::Ready,
                "SIM PIN" => Self::Pin,
                "SIM PUK" => Self::Trouble(SimTrouble::PukNeeded),
                other => Self::Trouble(SimTrouble::Locked(crate::util::text::one_line(other, 20))),
            };
        }
        match result {
            Some(Final::Cme(10)) => Self::Trouble(SimTrouble::Absent),
            Some(Final::Cme(13 | 15)) => Self::Trouble(SimTrouble::Faulty),
            Some(Final::Cme(11)) => Self::Pin,
            Some(Final::Cme(12)) => Self::Trouble(SimTrouble::PukNeeded),
            _ => Self::Busy,
        }
    }
}

/// PIN tries left in `^CPIN: <code>,[<n>],<puk>,<pin>,<puk2>,<pin2>`.
#[must_use]
pub fn tries_left(line: &str) -> Option<u8> {
    Fields::of(line, "^CPIN:")?.nth(3)?.parse().ok()
}

/// Whether to enter the PIN now.
///
/// # Errors
/// What keeps from it.
pub fn may_enter(note: Option<PinNote>, tries: Option<u8>) -> Result<(), SimTrouble> {
    match (note, tries) {
        // All tries left: the attempt that a crash cut off was not a wrong one.
        (Some(PinNote::Tried), Some(3..)) => Ok(()),
        (Some(PinNote::Bad | PinNote::Tried), _) => Err(SimTrouble::PinWrong),
        (_, Some(n @ 0..=1)) => Err(SimTrouble::TooFewTries(n)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entered_once_and_never_guessed_again() {
        assert_eq!(may_enter(None, Some(3)), Ok(()));
        assert_eq!(may_enter(None, None), Ok(()));
        assert_eq!(may_enter(Some(PinNote::Good), Some(3)), Ok(()));
        assert_eq!(may_enter(Some(PinNote::Bad), Some(3)), Err(SimTrouble::PinWrong));
        // A crash between attempt and answer: it may have been wrong.
        assert_eq!(may_enter(Some(PinNote::Tried), Some(2)), Err(SimTrouble::PinWrong));
        assert_eq!(may_enter(Some(PinNote::Tried), None), Err(SimTrouble::PinWrong));
        assert_eq!(may_enter(Some(PinNote::Tried), Some(3)), Ok(()));
        assert_eq!(may_enter(None, Some(1)), Err(SimTrouble::TooFewTries(1)));
    }

    #[test]
    fn answers_of_sims() {
        for (line, result, state) in [
            (Some("+CPIN: READY"), None, PinState::Ready),
            (Some("+CPIN:SIM PIN"), None, PinState::Pin),
            (Some("+CPIN: SIM PUK"), None, PinState::Trouble(SimTrouble::PukNeeded)),
            (Some("+CPIN: PH-NET PIN"), None, PinState::Trouble(SimTrouble::Locked("PH-NET PIN".into()))),
            (None, Some(Final::Cme(14)), PinState::Busy),
            (None, Some(Final::Cme(10)), PinState::Trouble(SimTrouble::Absent)),
            (None, Some(Final::Error), PinState::Busy),
        ] {
            assert_eq!(PinState::of(line, result), state);
        }
        assert_eq!(tries_left("^CPIN: SIM PIN,3,10,3,10,3"), Some(3));
        assert_eq!(tries_left("^CPIN:SIM PIN,,10,2,10,3"), Some(2));
        assert_eq!(tries_left("^CPIN:"), None);
    }
}
