//! RTP ports: a few are always open and unused, so that a call never waits for one. A port carries one call and is closed after it.
//! Each is even, and the one above it is opened and closed with it: RTCP comes there (RFC 3550 section 11).
use super::{Output, Switch};
use crate::config::PortRange;
use crate::util::MEDIA;
use crate::util::limits::RTP_SPARE;
use crate::util::random::Random;
use crate::util::table::Table;
use crate::util::time::{Instant, Now};
use std::collections::VecDeque;
use std::time::Duration;

/// After a port that another program has.
const PAUSE: Duration = Duration::from_secs(2);

/// Which ports are open. The shell answers `Output::BindRtp` before anything else happens, so nothing here waits.
#[derive(Debug, Default)]
pub struct RtpPorts {
    range: Option<PortRange>,
    /// Open, and nobody's.
    spare: VecDeque<u16>,
    asked: Table<u16, ()>,
    used: Table<u16, ()>,
    /// Not before then: the range seems to be taken.
    pause: Option<Instant>,
    failures: u32,
}

impl RtpPorts {
    /// Ports in use by calls.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used.len()
    }

    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Instant> {
        self.pause
    }

    fn is_free(&self, port: u16) -> bool {
        !self.spare.contains(&port) && !self.asked.contains_key(&port) && !self.used.contains_key(&port)
    }

    /// An even port of the range that nobody has, from a random place on.
    fn pick(&self, random: &mut Random) -> Option<u16> {
        let range = self.range?;
        let count = u32::from(range.last.saturating_sub(range.first) / 2).saturating_add(1);
        let from = random.below(count);
        (0..count)
            .filter_map(|step| {
                let place = from.saturating_add(step).checked_rem(count)?.saturating_mul(2);
                range.first.checked_add(u16::try_from(place).ok()?)
            })
            .find(|port| port.saturating_add(u16::from(MEDIA)) <= range.last && self.is_free(*port))
    }
}

impl Switch {
    /// The range to take ports from; `None`: there are no phones.
    pub(super) fn set_rtp_range(&mut self, range: Option<PortRange>) {
        if self.rtp_ports.range == range {
            return;
        }
        self.rtp_ports.range = range;
        for port in std::mem::take(&mut self.rtp_ports.spare) {
            self.outputs.push_back(Output::CloseRtp { port });
        }
        self.rtp_ports.pause = None;
    }

    pub(super) fn rtp_range_is_set(&self) -> bool {
        self.rtp_ports.range.is_some()
    }

    /// An open port; `None`: the range is used up, or the system gives none.
    pub(super) fn allocate_rtp(&mut self) -> Option<u16> {
        let port = self.rtp_ports.spare.pop_front()?;
        self.rtp_ports.used.insert(port, ());
        Some(port)
    }

    pub(super) fn release_rtp(&mut self, port: u16) {
        if self.rtp_ports.used.remove(&port).is_some() {
            self.outputs.push_back(Output::CloseRtp { port });
        }
    }

    /// Ask for ports until there are spare ones. True when something was asked.
    pub(super) fn turn_rtp_ports(&mut self, now: Now) -> bool {
        if self.rtp_ports.pause.is_some_and(|at| now.mono < at) {
            return false;
        }
        self.rtp_ports.pause = None;
        let mut any = false;
        while self.rtp_ports.spare.len().saturating_add(self.rtp_ports.asked.len()) < RTP_SPARE {
            let Some(port) = self.rtp_ports.pick(&mut self.random) else { return any };
            self.rtp_ports.asked.insert(port, ());
            self.outputs.push_back(Output::BindRtp { port });
            any = true;
        }
        any
    }

    /// `Output::BindRtp` was carried out, or why not.
    pub fn handle_rtp_bound(&mut self, port: u16, result: Result<(), String>, now: Now) {
        if self.rtp_ports.asked.remove(&port).is_none() {
            return;
        }
        match result {
            Ok(()) => {
                self.rtp_ports.failures = 0;
                self.rtp_ports.spare.push_back(port);
            }
            Err(why) => {
                self.rtp_ports.failures = self.rtp_ports.failures.saturating_add(1);
                // One port of many may be another program's; several in a row are a trouble.
                if self.rtp_ports.failures > 8 {
                    log::warn!("RTP port {port}: {why}; see option 'rtp_ports' of section 'sip'");
                    self.rtp_ports.pause = Some(now.mono + PAUSE);
                }
            }
        }
        self.turn(now);
    }
}
