//! Two peers without a common codec: what comes from one goes through a transcoder, and out by the outputs.
//!
//! It is asked only where a type stands in no list, so what is relayed as it is pays nothing for it.
use super::{Forward, Peer, Refused, Relay, Side, Types};
use crate::media::continuity::Numbers;
use crate::media::transcode::{Made, Plan, Transcoded, Transcoder};
use crate::util::MEDIA;
use crate::util::limits::MEDIA_OUTPUTS;
use crate::util::time::Instant;
use crate::wire::rtp::{Packet, write_header};
use core::net::SocketAddr;

/// What a packet has become.
#[derive(Debug)]
pub enum Recoded {
    /// Nothing, or not yet.
    None,
    One(Forward),
    /// They are among the outputs.
    More,
}

/// All that is transcoded counts so.
const PER_MS: u16 = 8;

impl Relay {
    /// How this side's sound becomes that of the other; `None`: as it is. After `set_types`.
    pub fn set_plan(&mut self, side: Side, plan: Option<Plan>) {
        let Some(Some(peer)) = self.peers.get_mut(side.place()) else { return };
        let Some(plan) = plan.filter(|_| MEDIA) else {
            peer.transcoder = None;
            return;
        };
        if !plan.reserve {
            peer.turn_to_transcoder();
        }
        match &mut peer.transcoder {
            Some(transcoder) => transcoder.renew(plan),
            None => peer.transcoder = Some(Box::new(Transcoder::new(plan))),
        }
    }

    /// After a datagram that does not go out as it is.
    pub fn take_made(&mut self) -> Recoded {
        match self.outputs.len() {
            0 => Recoded::None,
            1 => self.outputs.pop_front().map_or(Recoded::None, Recoded::One),
            _ => Recoded::More,
        }
    }

    /// What became of this side's sound; `None`: it goes as it is.
    #[must_use]
    pub fn transcoded(&self, side: Side) -> Option<Transcoded> {
        let peer = self.peers.get(side.place())?.as_ref().filter(|peer| peer.is_transcoded())?;
        peer.transcoder.as_ref().map(|transcoder| transcoder.counts())
    }

    /// A packet of a type that the other side has not.
    #[inline(never)]
    pub(super) fn recode(&mut self, side: Side, from: SocketAddr, packet: &Packet, now: Instant) -> Refused {
        if MEDIA {
            self.transcode(side, from, packet, now).err().unwrap_or(Refused::Recoded)
        } else {
            Refused::UnknownType
        }
    }

    fn transcode(
        &mut self,
        side: Side,
        from: SocketAddr,
        packet: &Packet,
        now: Instant,
    ) -> Result<(), Refused> {
        let Self { peers: [a, b], outputs, stats: all, learnt } = self;
        let (source, target) = match side {
            Side::A => (a, b),
            Side::B => (b, a),
        };
        let source = source.as_mut().ok_or(Refused::Stranger)?;
        if !source.transcoder.as_ref().is_some_and(|transcoder| transcoder.knows(packet.payload_type)) {
            return Err(Refused::UnknownType);
        }
        let stats = all.get_mut(side.place()).ok_or(Refused::Held)?;
        let arrival = source.admit(from, packet, now, (stats, learnt))?;
        let target = target.as_mut().filter(|target| source.may_reach(target)).ok_or(Refused::Held)?;
        stats.last_received_at = Some(now);
        stats.note_forwarded(packet);
        let mut dropped = 0_u64;
        let mut send = |made: Made<'_>| {
            if outputs.len() >= MEDIA_OUTPUTS {
                dropped = dropped.saturating_add(1);
                return;
            }
            let bytes = target.wrapped(&made, now);
            outputs.push_back(Forward { side: side.other(), to: target.latch.target(), bytes });
        };
        // Keys and silence keep their place among what is made of sound.
        source.turn_to_transcoder();
        if let Some(transcoder) = &mut source.transcoder {
            transcoder.handle(packet, arrival, now, &mut send);
        }
        if let Some(stats) = all.get_mut(side.other().place()) {
            stats.outputs_dropped = stats.outputs_dropped.saturating_add(dropped);
        }
        Ok(())
    }
}

impl Peer {
    /// From now on all that comes from it goes that way.
    fn turn_to_transcoder(&mut self) {
        self.types = Types { pairs: heapless::Vec::new(), per_ms: PER_MS, silence: false };
    }

    /// Its sound is not passed on as it is.
    pub(super) const fn is_transcoded(&self) -> bool {
        !self.types.silence && self.transcoder.is_some()
    }

    /// The datagram that this peer gets.
    fn wrapped(&mut self, made: &Made<'_>, now: Instant) -> Vec<u8> {
        let Numbers { marker, sequence, timestamp, ssrc } = self.numbers.next(made.numbers, PER_MS, now);
        self.note_sent(made.payload.len());
        let header = write_header(marker, made.payload_type, sequence, timestamp, ssrc);
        [&header[..], made.payload].concat()
    }
}
