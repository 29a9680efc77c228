//! Calls: two legs and the sound between them.
//!
//! `arrive`: somebody calls. `reach`: the called side is tried, way after way. `progress`: what the legs say, and what the other
//! leg hears of it. `sound`: ports, offers, answers, samples. `reports`: RTCP, and `quality` what it tells. `carry`: what two phones
//! have beyond our codecs, `recode` what is done where two sides share none. `keys`: what was pressed, and who is told of it how.
//! `secure`: what one leg has encrypted. `end`: everything that was taken is given back, in one place.
mod arrive;
mod carry;
mod cause;
mod diverted;
mod end;
mod forward;
mod group;
mod keys;
mod leg;
mod pickup;
mod progress;
mod quality;
mod reach;
mod recode;
mod reports;
mod rtp;
mod secure;
mod sound;
mod transfer;
mod uplink;
mod view;

pub use cause::Cause;
pub use leg::{Leg, Party, Side, SipLeg, State};
pub use rtp::Heard;
pub use view::Ended;

use super::line::LineId;
use super::route::Leg as Way;
use crate::media::{Gateway, Relay};
use crate::sip::{ClientId, SessionId};
use crate::util::MEDIA;
use crate::util::table::Table;
use crate::util::time::{Instant, Now, Wall};
use std::collections::VecDeque;
use std::time::Duration;

/// Names a call, in the log and for `tandem hangup`. Counts from 1 since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u32);

/// Which side of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The caller.
    A,
    /// One of those that are called.
    B(usize),
}

/// Where a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// `tandem dial`: the caller's own phone rings first, until then.
    RingingCaller {
        until: Instant,
    },
    /// The called side is tried, until then.
    Reaching {
        until: Option<Instant>,
    },
    /// The called side answered; the stick is told to take the caller's call.
    Answering,
    Up {
        since: Instant,
    },
}

impl Phase {
    /// The word for `tandem calls`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RingingCaller { .. } => "ringing the caller",
            Self::Reaching { .. } => "ringing",
            Self::Answering => "answering",
            Self::Up { .. } => "up",
        }
    }

    const fn deadline(self) -> Option<Instant> {
        match self {
            Self::RingingCaller { until } => Some(until),
            Self::Reaching { until } => until,
            Self::Answering | Self::Up { .. } => None,
        }
    }
}

/// What carries the sound. The ports are those of the SIP legs.
pub enum Media {
    None,
    /// Between the voice port of a stick and the SIP leg.
    Gateway(Box<Gateway>),
    /// Between two SIP legs.
    Relay(Box<Relay>),
}

impl std::fmt::Debug for Media {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Gateway(_) => "Gateway",
            Self::Relay(_) => "Relay",
        })
    }
}

/// One way to the called side.
#[derive(Clone, Debug)]
pub struct Step {
    pub way: Way,
    /// At most; `None`: as long as the extension says.
    pub rings: Option<Duration>,
    /// Whatever becomes of it, the next one is tried.
    pub hunting: bool,
    /// Of a group: what the extension does with its own calls does not count.
    pub member: bool,
}

impl From<Way> for Step {
    fn from(way: Way) -> Self {
        Self { way, rings: None, hunting: false, member: false }
    }
}

/// One call.
#[derive(Debug)]
pub struct Call {
    pub id: CallId,
    pub a: Side,
    /// Those that ring; after the answer the one that did.
    pub b: Vec<Side>,
    /// Ways to the called side that were not tried yet.
    pub ways: VecDeque<Step>,
    /// The one that was taken last.
    pub trying: Option<Step>,
    /// Of the step that is tried: see `Step`.
    pub hunting: bool,
    /// The extension that is tried, if what it has set counts; whether one of its phones has rung; where one of them sent the call.
    pub target: Option<String>,
    pub rang: bool,
    pub moved: Option<String>,
    /// Groups and extensions that sent it on.
    pub hops: u8,
    pub diverted: Vec<diverted::Diverted>,
    /// It rings for who transfers another call.
    pub referred: Option<transfer::Referred>,
    /// As it was dialled, or the number of the SIM's section that was called.
    pub dialled: String,
    pub phase: Phase,
    pub media: Media,
    /// Between two phones: their streams beside the sound, in the order of the legs' ports.
    pub further: Vec<Relay>,
    /// Who was called has refused what the caller has: it is called again, and may answer with any codec of ours.
    pub recodes: bool,
    /// An offer of one side that waits for the other's answer.
    pub handed: Option<Box<carry::Handed>>,
    /// Once there is sound.
    pub reports: Option<reports::Reports>,
    /// From which port of the stick samples came last.
    pub voice_port: Option<usize>,
    /// To an emergency number: nothing of ours ends it.
    pub emergency: bool,
    pub began: Now,
    /// When both sides could speak.
    pub answered: Option<Now>,
    /// The worst news of a way that failed; told to the caller when none is left.
    pub failure: Option<Cause>,
}

impl Call {
    fn new(id: CallId, a: Side, dialled: String, ways: VecDeque<Step>, emergency: bool, began: Now) -> Self {
        Self {
            id,
            a,
            b: Vec::new(),
            ways,
            trying: None,
            hunting: false,
            target: None,
            rang: false,
            moved: None,
            hops: 0,
            diverted: Vec::new(),
            referred: None,
            dialled,
            phase: Phase::Reaching { until: None },
            media: Media::None,
            further: Vec::new(),
            recodes: false,
            handed: None,
            reports: None,
            voice_port: None,
            emergency,
            began,
            answered: None,
            failure: None,
        }
    }

    #[must_use]
    pub fn side(&self, end: End) -> Option<&Side> {
        match end {
            End::A => Some(&self.a),
            End::B(at) => self.b.get(at),
        }
    }

    pub fn side_mut(&mut self, end: End) -> Option<&mut Side> {
        match end {
            End::A => Some(&mut self.a),
            End::B(at) => self.b.get_mut(at),
        }
    }

    fn sides(&self) -> impl Iterator<Item = &Side> {
        std::iter::once(&self.a).chain(&self.b)
    }

    /// The one setter of the phase.
    fn enter(&mut self, phase: Phase) {
        if self.phase.name() != phase.name() {
            log::debug!("call {}: {}", self.id.0, phase.name());
        }
        self.phase = phase;
    }
}

/// All calls, and by what their legs are found.
#[derive(Debug, Default)]
pub struct Calls {
    /// In boxes: a call that ends moves only pointers.
    all: Table<CallId, Box<Call>>,
    last: u32,
    sessions: Table<SessionId, CallId>,
    lines: Table<LineId, CallId>,
    ports: Table<u16, CallId>,
    /// An emergency call that waits until its line is free.
    pub(super) urgent: Option<(CallId, LineId)>,
    recent: VecDeque<Ended>,
    turns: group::Turns,
    /// INFOs of ours that wait for their answer.
    infos: Table<ClientId, SessionId>,
    /// The next report of any call.
    reports_at: Option<Instant>,
    /// The time of day, when the first report was made.
    clock: Option<(Wall, Instant)>,
}

impl Calls {
    fn next_id(&mut self) -> CallId {
        self.last = self.last.wrapping_add(1).max(1);
        CallId(self.last)
    }

    #[must_use]
    pub fn count(&self) -> usize {
        self.all.len()
    }

    /// Nothing of any call is left: what every test asserts at its end.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.all.is_empty()
            && self.sessions.is_empty()
            && self.lines.is_empty()
            && self.ports.is_empty()
            && self.infos.is_empty()
            && self.urgent.is_none()
    }

    pub fn all(&self) -> impl Iterator<Item = &Call> {
        self.all.values().map(|call| &**call)
    }

    #[must_use]
    pub fn of_session(&self, session: SessionId) -> Option<(CallId, End)> {
        let id = *self.sessions.get(&session)?;
        let call = self.all.get(&id)?;
        if call.a.leg.session() == Some(session) {
            return Some((id, End::A));
        }
        let at = call.b.iter().position(|b| b.leg.session() == Some(session))?;
        Some((id, End::B(at)))
    }

    #[must_use]
    pub fn of_line(&self, line: LineId) -> Option<(CallId, End)> {
        let id = *self.lines.get(&line)?;
        let call = self.all.get(&id)?;
        if call.a.leg.line() == Some(line) {
            return Some((id, End::A));
        }
        let at = call.b.iter().position(|b| b.leg.line() == Some(line))?;
        Some((id, End::B(at)))
    }

    #[must_use]
    pub fn of_port(&self, port: u16) -> Option<CallId> {
        self.ports.get(&port).copied()
    }

    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let phases = self.all.values().filter_map(|c| c.phase.deadline());
        let sound = self.all.values().filter_map(|c| match &c.media {
            Media::Gateway(gateway) => gateway.poll_timeout(),
            Media::Relay(relay) if MEDIA => relay.poll_timeout(),
            Media::Relay(_) | Media::None => None,
        });
        phases.chain(sound).chain(self.reports_at).min()
    }
}
