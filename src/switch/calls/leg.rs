//! One side of a call.
use crate::media;
use crate::sip::{Flow, SessionId};
use crate::switch::line::LineId;
use crate::util::pii::Pii;
use crate::wire::dtmf::Dtmf;
use crate::wire::sdp;
use crate::wire::sdp::secure::Policy;
use crate::wire::sip::Uri;
use std::borrow::Cow;
use std::net::SocketAddr;

/// Who is at this side, for log, list and decisions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Party {
    /// Behind the SIM: the far number, if it is shown.
    Dongle {
        name: String,
        number: Option<String>,
    },
    Trunk {
        name: String,
        number: Option<String>,
    },
    Extension {
        name: String,
    },
    /// Nobody was found for what was dialled.
    Nobody {
        dialled: String,
    },
}

impl Party {
    /// For people who may know: `home_sim/+49…`, `100`.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Dongle { name, number } | Self::Trunk { name, number } => {
                format!("{name}/{}", number.as_deref().unwrap_or("withheld"))
            }
            Self::Extension { name } => name.clone(),
            Self::Nobody { dialled } => dialled.clone(),
        }
    }

    /// For the log: numbers masked.
    #[must_use]
    pub fn logged(&self) -> String {
        match self {
            Self::Dongle { name, number } | Self::Trunk { name, number } => match number {
                Some(number) => format!("{name}/{}", Pii(number)),
                None => format!("{name}/withheld"),
            },
            Self::Extension { name } => name.clone(),
            Self::Nobody { dialled } => Pii(dialled).to_string(),
        }
    }

    /// What a phone shows as the caller's number.
    #[must_use]
    pub fn number(&self) -> Option<&str> {
        match self {
            Self::Dongle { number, .. } | Self::Trunk { number, .. } => number.as_deref(),
            Self::Extension { name } => Some(name),
            Self::Nobody { .. } => None,
        }
    }
}

/// How far a side is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Called, or calling: nothing said yet.
    Begun,
    /// It rings. `early`: sound flows already.
    Ringing {
        early: bool,
    },
    Up,
}

/// One side: who, by what, how far.
#[derive(Debug)]
pub struct Side {
    pub party: Party,
    pub leg: Leg,
    pub state: State,
}

/// By what a side is reached.
#[derive(Debug)]
pub enum Leg {
    /// In another call, which is being transferred here.
    Waiting,
    Modem {
        line: LineId,
    },
    Sip(Box<SipLeg>),
}

impl Leg {
    #[must_use]
    pub fn session(&self) -> Option<SessionId> {
        match self {
            Self::Sip(leg) => Some(leg.session),
            Self::Waiting | Self::Modem { .. } => None,
        }
    }

    #[must_use]
    pub fn line(&self) -> Option<LineId> {
        match self {
            Self::Modem { line } => Some(*line),
            Self::Waiting | Self::Sip(_) => None,
        }
    }

    #[must_use]
    pub fn sip(&self) -> Option<&SipLeg> {
        match self {
            Self::Sip(leg) => Some(leg),
            Self::Waiting | Self::Modem { .. } => None,
        }
    }

    pub fn sip_mut(&mut self) -> Option<&mut SipLeg> {
        match self {
            Self::Sip(leg) => Some(leg),
            Self::Waiting | Self::Modem { .. } => None,
        }
    }
}

/// A SIP leg and its part of offer and answer.
#[derive(Debug)]
pub struct SipLeg {
    pub session: SessionId,
    pub flow: Flow,
    /// Ours for RTP; the legs of one fork share it.
    pub port: u16,
    /// Those of further streams, carried to and from the other side's in the same place.
    pub further: Vec<u16>,
    /// Ours in this dialog.
    pub contact: Uri,
    /// Which codecs this peer may use, in our order.
    pub codecs: Vec<sdp::Codec>,
    /// Their offer that waits for our answer.
    pub offer: Option<sdp::Session>,
    /// What we said last: our offer or answer.
    pub ours: Option<sdp::Session>,
    pub agreed: Option<sdp::Agreed>,
    /// What we had said before an offer that is not answered yet.
    pub before: Option<Box<sdp::Session>>,
    /// What they said last, as it came; of an encrypted leg as if it were plain.
    pub theirs: Option<Box<[u8]>>,
    /// What we said is what the other side has, codecs that are not ours included; `agreed` is what could be had instead.
    pub carried: bool,
    /// Whose registration answers a challenge.
    pub trunk: Option<String>,
    /// The INVITE is ours.
    pub by_us: bool,
    /// Whether its packets are to be encrypted.
    pub srtp: Policy,
    /// How keys are told to it.
    pub dtmf: Dtmf,
    /// Keys that are told to it by INFO.
    pub informing: Option<Box<super::keys::Informing>>,
    /// How they are; `None`: plain, and none of both sides has asked for more.
    pub secure: Option<Box<super::secure::Secure>>,
}

impl SipLeg {
    /// Our answer, or our offer, as it goes out.
    #[must_use]
    pub fn body(&mut self) -> Option<Vec<u8>> {
        let ours = self.ours.take()?;
        let text = self.answer_text(&ours);
        self.ours = Some(ours);
        Some(text)
    }

    /// Our ports: of the sound, then of the further streams.
    #[must_use]
    pub fn ports(&self) -> Vec<u16> {
        std::iter::once(self.port).chain(self.further.iter().copied()).collect()
    }

    /// Which stream comes in at this port of ours.
    #[must_use]
    pub fn slot_of(&self, port: u16) -> Option<usize> {
        if self.port == port {
            return Some(0);
        }
        self.further.iter().position(|p| *p == port).map(|at| at.saturating_add(1))
    }

    /// Their last description.
    #[must_use]
    pub fn said(&self) -> Option<Cow<'_, sdp::Session>> {
        match &self.offer {
            Some(offer) => Some(Cow::Borrowed(offer)),
            None => sdp::Session::parse(self.theirs.as_deref()?).ok().map(Cow::Owned),
        }
    }

    /// The peer writes an address there that its packets do not come from.
    #[must_use]
    pub fn is_symmetric(&self, remote: SocketAddr) -> bool {
        let away = remote.ip().to_canonical() != self.flow.remote.ip().to_canonical();
        away && self.trunk.is_none()
    }

    /// The peer as a gateway wants it. A phone behind a router writes an address there that its packets do not come from;
    /// only then is another one learnt.
    #[must_use]
    pub fn remote(&self) -> Option<media::Remote> {
        let agreed = self.agreed.as_ref()?;
        Some(media::Remote {
            addr: agreed.remote,
            codec: codec(agreed.codec),
            payload_type: agreed.payload_type,
            receive_types: agreed.receive_types.iter().map(|(pt, c)| (*pt, codec(*c))).collect(),
            event_send: agreed.event_send,
            event_receive: agreed.event_receive,
            ptime_ms: agreed.ptime_ms,
            direction: direction(agreed.direction),
            symmetric: self.is_symmetric(agreed.remote),
            dtmf: self.dtmf,
        })
    }
}

#[must_use]
pub const fn codec(codec: sdp::Codec) -> media::Codec {
    match codec {
        sdp::Codec::Pcmu => media::Codec::Pcmu,
        sdp::Codec::Pcma => media::Codec::Pcma,
        sdp::Codec::G722 => media::Codec::G722,
    }
}

pub(super) const fn direction(direction: sdp::Direction) -> media::Direction {
    match direction {
        sdp::Direction::SendRecv => media::Direction::SendRecv,
        sdp::Direction::SendOnly => media::Direction::SendOnly,
        sdp::Direction::RecvOnly => media::Direction::RecvOnly,
        sdp::Direction::Inactive => media::Direction::Inactive,
    }
}
