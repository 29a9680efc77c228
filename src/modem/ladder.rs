//! The reset ladder: from polite to rough, one rung a failure. DONGLE 1.7.
use std::fmt;
use std::time::Duration;

/// One way to bring a silent stick back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rung {
    /// Close the ports and open them again.
    Reopen,
    /// `AT+CFUN=1,1`: the stick re-enumerates.
    Command,
    /// `USBDEVFS_RESET`.
    UsbReset,
    /// `authorized` 0, then 1.
    Authorize,
    /// Unbind from the usb driver and bind again.
    Rebind,
}

impl fmt::Display for Rung {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reopen => "opening its ports anew",
            Self::Command => "restarting it by AT+CFUN=1,1",
            Self::UsbReset => "resetting its USB port",
            Self::Authorize => "taking its USB authorization and giving it back",
            Self::Rebind => "unbinding its USB driver and binding it again",
        })
    }
}

const RUNGS: [Rung; 5] = [Rung::Reopen, Rung::Command, Rung::UsbReset, Rung::Authorize, Rung::Rebind];
/// After the last rung: wait, then from the first again.
const FIRST_PAUSE: Duration = Duration::from_secs(60);
const LONGEST_PAUSE: Duration = Duration::from_secs(900);

/// How far up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ladder {
    next: usize,
    pause: Duration,
    /// Rungs taken since the start; shown by `status`.
    pub taken: u32,
}

/// What to do about a silent stick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Climb {
    Take(Rung, Duration),
    /// The last rung was taken in vain: leave it alone for so long.
    Pause(Duration),
}

impl Default for Ladder {
    fn default() -> Self {
        Self { next: 0, pause: FIRST_PAUSE, taken: 0 }
    }
}

impl Ladder {
    /// The stick works: the next trouble starts at the first rung.
    pub fn succeeded(&mut self) {
        *self = Self { taken: self.taken, ..Self::default() };
    }

    /// The stick is silent. `on_bus`: it was found there, so rungs above the command exist.
    pub fn climb(&mut self, on_bus: bool) -> Climb {
        let rungs = if on_bus { RUNGS.len() } else { 2 };
        let rung = RUNGS.get(self.next).copied().filter(|_| self.next < rungs);
        if let Some(rung) = rung {
            self.next = self.next.saturating_add(1);
            self.taken = self.taken.saturating_add(1);
            // Re-enumeration took 9 to 30 s in the field; it ends as soon as the stick is back on the bus.
            let wait = if rung == Rung::Reopen { 1 } else { 30 };
            Climb::Take(rung, Duration::from_secs(wait))
        } else {
            let pause = self.pause;
            self.pause = self.pause.saturating_mul(2).min(LONGEST_PAUSE);
            self.next = 0;
            Climb::Pause(pause)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rung_once_then_a_growing_pause() {
        let mut ladder = Ladder::default();
        let mut seen = Vec::new();
        for _ in 0..18 {
            seen.push(ladder.climb(true));
        }
        let pauses: Vec<_> = seen.iter().filter(|c| matches!(c, Climb::Pause(_))).collect();
        assert_eq!(
            pauses,
            [
                &Climb::Pause(Duration::from_secs(60)),
                &Climb::Pause(Duration::from_secs(120)),
                &Climb::Pause(Duration::from_secs(240))
            ]
        );
        assert_eq!(seen[4], Climb::Take(Rung::Rebind, Duration::from_secs(30)));
        ladder.succeeded();
        assert_eq!(ladder.climb(false), Climb::Take(Rung::Reopen, Duration::from_secs(1)));
        ladder.climb(false);
        assert!(matches!(ladder.climb(false), Climb::Pause(_)));
    }
}
