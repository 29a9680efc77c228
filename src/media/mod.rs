//! Sound of a call: a stick's voice port, or another peer, on one side, RTP on the other.
//!
//! Sans-IO: bytes, datagrams and the time come in, bytes, datagrams and digits go out. `gateway` joins a stick and a
//! peer, `relay` two peers. The stick's frames are the clock of a gateway: a frame in, a frame out.
mod boundary;
pub mod codec;
mod conceal;
mod continuity;
pub mod control;
mod delays;
pub mod digits;
pub mod emodel;
pub mod gateway;
pub mod jitter;
pub mod latch;
pub mod mixer;
mod outgoing;
mod pitch;
pub mod prompt;
pub mod quality;
mod reception;
pub mod relay;
mod ring;
mod shape;
pub mod srtp;
pub mod stats;
#[cfg(test)]
mod tests;
pub mod tones;
pub mod transcode;
mod voice;
pub mod wav;

pub use codec::Codec;
pub use control::{Control, ControlWay, Silence, Wording};
pub use emodel::Coding;
pub use gateway::Gateway;
pub use quality::Quality;
pub use relay::{Forward, Recoded, Relay, Side, Types, Way};
pub use shape::{Shaping, Wish};
pub use stats::Stats;
pub use transcode::{Plan, Transcoder};

use crate::util::MEDIA;
use crate::util::limits::RECEIVE_TYPES;
use crate::wire::dtmf::Dtmf;
use core::net::SocketAddr;

/// Samples of a stick's frame: 20 ms.
pub const FRAME: usize = 160;
/// Its bytes: 16 bits a sample, little-endian.
pub const FRAME_BYTES: usize = 320;
/// Most sound in one of our packets, 60 ms.
pub const PACKET_SAMPLES: usize = 480;

/// What we may do with the sound, seen from our side (RFC 3264 section 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    SendRecv,
    SendOnly,
    RecvOnly,
    Inactive,
}

impl Direction {
    #[must_use]
    pub const fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    #[must_use]
    pub const fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }
}

/// What offer and answer agreed on with one peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// From the peer's SDP.
    pub addr: SocketAddr,
    /// What we send, under the payload type that the peer listed for it.
    pub codec: Codec,
    pub payload_type: u8,
    /// What we take, under the types that we listed.
    pub receive_types: heapless::Vec<(u8, Codec), RECEIVE_TYPES>,
    /// Type of telephone-event: the peer's own list, and ours.
    pub event_send: Option<u8>,
    pub event_receive: Option<u8>,
    /// Sound in each packet that we send, a multiple of 10 from 10 to 60; others are rounded into that.
    pub ptime_ms: u8,
    pub direction: Direction,
    /// The peer is behind NAT: the address in its SDP may be wrong.
    pub symmetric: bool,
    /// How keys are told to the peer.
    pub dtmf: Dtmf,
}

/// How a peer is told of a key now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Telling {
    /// By events of this type.
    Event(u8),
    Info,
    /// As it is: in the sound.
    Sound,
}

impl Remote {
    const fn telling(&self) -> Telling {
        match (self.dtmf, self.event_send) {
            (Dtmf::Info, _) if MEDIA => Telling::Info,
            (Dtmf::Auto | Dtmf::Rtp | Dtmf::Info, Some(payload_type)) => Telling::Event(payload_type),
            (Dtmf::InBand, _) | (_, None) => Telling::Sound,
        }
    }

    /// The codec of a type that we listed.
    #[must_use]
    pub fn codec_of(&self, payload_type: u8) -> Option<Codec> {
        self.receive_types.iter().find(|(listed, _)| *listed == payload_type).map(|(_, codec)| *codec)
    }

    /// Samples of each packet that we send.
    #[must_use]
    pub fn packet_samples(&self) -> usize {
        usize::from(self.ptime_ms / 10).clamp(1, 6).saturating_mul(FRAME / 2)
    }
}

/// Random numbers that an RTP stream begins with (RFC 3550 section 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed {
    pub ssrc: u32,
    pub sequence: u16,
    pub timestamp: u32,
}

/// What the owner of a gateway is asked to do.
#[expect(clippy::large_enum_variant, reason = "fetched and gone; a box for each frame would cost more")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// A datagram for the peer.
    Rtp { to: SocketAddr, bytes: Vec<u8> },
    /// A frame for the voice port, one for each that came.
    Voice([u8; FRAME_BYTES]),
    /// The phone's user pressed a key: `AT^DTMF`, once.
    Digit(char),
    /// Behind the stick a key was pressed: INFO to the peer, once.
    Inform(char),
}
