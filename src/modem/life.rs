//! The life of a stick: one state, one setter.
use super::ladder::Rung;
use super::sim::SimTrouble;
use super::start::Step;
use crate::util::time::Instant;

/// Where a dongle is on its way from the socket to service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Life {
    /// No stick on the bus that this section could mean; the reason says why one that is there does not count.
    Absent {
        reason: Option<String>,
    },
    /// It shows itself as a CD, and that is not being changed.
    Storage {
        reason: String,
    },
    /// It showed itself as a CD and was asked to be a modem.
    Switching {
        reason: String,
    },
    /// Its ports are being opened; `waiting` are not open yet.
    Opening {
        waiting: usize,
        deadline: Instant,
    },
    /// Asking one port after the other for `AT`.
    Probing {
        candidate: usize,
    },
    /// DONGLE 2.3, step by step.
    Starting {
        step: Step,
        tries: u8,
        pause: Option<Instant>,
    },
    /// The SIM wants something, or is not there. Asked again at `check_at`.
    Sim {
        trouble: SimTrouble,
        check_at: Instant,
    },
    /// Works, but no network.
    Searching,
    Ready,
    /// A rung of the reset ladder was taken; ports are closed until `until`.
    Resetting {
        rung: Rung,
        until: Instant,
    },
    /// Given up for now.
    Failed {
        reason: String,
        next_try: Instant,
    },
}

impl Life {
    /// The word for `status`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Absent { .. } => "absent",
            Self::Storage { .. } => "storage",
            Self::Switching { .. } => "switching",
            Self::Opening { .. } => "opening",
            Self::Probing { .. } => "probing",
            Self::Starting { .. } => "starting",
            Self::Sim { .. } => "sim",
            Self::Searching => "searching",
            Self::Ready => "ready",
            Self::Resetting { .. } => "resetting",
            Self::Failed { .. } => "failed",
        }
    }

    /// In plain words, where there is more to say than the name.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Absent { reason } => reason.clone(),
            Self::Storage { reason } | Self::Switching { reason } => Some(reason.clone()),
            Self::Sim { trouble, .. } => Some(trouble.to_string()),
            Self::Resetting { rung, .. } => Some(rung.to_string()),
            Self::Failed { reason, .. } => Some(reason.clone()),
            _ => None,
        }
    }

    /// There is no stick with ports.
    #[must_use]
    pub const fn is_absent(&self) -> bool {
        matches!(self, Self::Absent { .. } | Self::Storage { .. } | Self::Switching { .. })
    }

    /// Texts can be read, deleted and sent.
    #[must_use]
    pub const fn is_working(&self) -> bool {
        matches!(self, Self::Searching | Self::Ready)
    }

    /// The moment at which the state wants to be looked at.
    #[must_use]
    pub const fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Opening { deadline, .. } => Some(*deadline),
            Self::Starting { pause, .. } => *pause,
            Self::Sim { check_at, .. } => Some(*check_at),
            Self::Resetting { until, .. } => Some(*until),
            Self::Failed { next_try, .. } => Some(*next_try),
            _ => None,
        }
    }
}
