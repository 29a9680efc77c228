//! The sound of calls: offers and answers, ports, samples to and fro.
use super::keys::TOLD;
use super::rtp::is_somewhere;
use super::secure::close_packet;
use super::{Call, CallId, Cause, End, Leg, Media, SipLeg, State};
use crate::media::{Forward, Gateway, Output as Sound, Relay, Seed, Side as RelaySide};
use crate::sip::Flow;
use crate::switch::line::LineId;
use crate::switch::{Output, Switch};
use crate::util::random::Random;
use crate::util::time::Now;
use crate::util::{MEDIA, OFFICE};
use crate::wire::dtmf::Key;
use crate::wire::sdp::carry::{Peer, plain_offer};
use crate::wire::sdp::{self, Codec, Direction, Ours};
use crate::wire::sip::{Message, header};
use std::net::SocketAddr;

const SDP: &str = "application/sdp";
/// What we ask for; what the peer asks for counts for what we send.
const PTIME: u8 = 20;

/// The offer in a request; `None`: it has none and wants ours. The error is the status to refuse with.
pub(super) fn offer_of(request: &Message) -> Result<Option<sdp::Session>, u16> {
    if request.body.is_empty() {
        return Ok(None);
    }
    let kind = request.get(header::CONTENT_TYPE).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case(SDP) {
        return Err(415);
    }
    sdp::Session::parse(&request.body).map(Some).map_err(|_| 488)
}

/// Codecs that the caller's side can have, in its order.
pub(super) fn caller_codecs(leg: &SipLeg) -> Vec<Codec> {
    match &leg.agreed {
        Some(agreed) if leg.by_us => vec![agreed.codec],
        Some(agreed) => {
            let mut codecs = vec![agreed.codec];
            for (_, codec) in &agreed.receive_types {
                if !codecs.contains(codec) {
                    codecs.push(*codec);
                }
            }
            codecs
        }
        // Nothing of what it offered is ours.
        None if leg.theirs.is_some() => Vec::new(),
        None => leg.codecs.clone(),
    }
}

impl Switch {
    pub(super) fn ours(&mut self, flow: Flow, port: u16, codecs: &[Codec]) -> Ours {
        Ours {
            local: self.media_address(flow),
            rtp_port: port,
            codecs: codecs.to_vec(),
            // RFC 8866 section 5.2: unique; kept below 2^62, some phones read it as signed.
            session_id: self.random.next_u64() >> 2,
            version: 1,
            ptime: PTIME,
            direction: Direction::SendRecv,
        }
    }

    pub(super) fn our_offer(&mut self, flow: Flow, port: u16, codecs: &[Codec]) -> sdp::Session {
        sdp::offer(&self.ours(flow, port, codecs))
    }

    /// Whether the caller's offer has something for us; our answer, or our own offer where there is none. A phone may have sound that
    /// another phone understands, if not we.
    pub(super) fn check_offer(&mut self, leg: &mut SipLeg) -> Result<(), u16> {
        let ours = self.ours(leg.flow, leg.port, &leg.codecs);
        match &leg.offer {
            Some(offer) => {
                let (answer, agreed) = match sdp::answer(offer, &ours) {
                    Ok(answer) => answer,
                    Err(_)
                        if OFFICE && leg.trunk.is_none() && Peer::offering(offer, None, &[1]).has_sound() =>
                    {
                        return Ok(());
                    }
                    Err(why) => return Err(why.status()),
                };
                leg.ours = Some(answer);
                leg.agreed = Some(agreed);
            }
            None => leg.ours = Some(sdp::offer(&ours)),
        }
        Ok(())
    }

    /// The peer's answer to our offer. False: it can't be used.
    pub(super) fn take_answer(&mut self, id: CallId, end: End, body: Option<&[u8]>) -> bool {
        let Some(leg) =
            self.calls.all.get_mut(&id).and_then(|c| c.side_mut(end)).and_then(|s| s.leg.sip_mut())
        else {
            return false;
        };
        let Some(body) = body else { return false };
        let body = &*leg.opened_answer(body);
        let Ok(answer) = sdp::Session::parse(body) else { return false };
        let Some(ours) = &leg.ours else { return false };
        let agreed = sdp::agreed_of(ours, &answer, &leg.codecs).ok();
        if agreed.is_none() && !(leg.carried && Peer::settled(&answer, ours, &[leg.port]).has_sound()) {
            return false;
        }
        leg.agreed = agreed;
        leg.theirs = Some(body.into());
        leg.before = None;
        true
    }

    /// A new offer in a call that is up: hold, another address, another codec. Our answer, or the status to refuse with; `None`: it
    /// comes later.
    pub(super) fn answer_offer(
        &mut self,
        id: CallId,
        end: End,
        body: Option<&[u8]>,
        now: Now,
    ) -> Option<Result<Vec<u8>, u16>> {
        let opened = body.map(|body| self.opened_offer(id, end, body));
        let body = opened.as_deref();
        let relayed = self.calls.all.get(&id).is_some_and(|c| matches!(c.media, Media::Relay(_)));
        if OFFICE && relayed && self.is_between_phones(id) {
            return self.take_carried_offer(id, end, body, now);
        }
        Some(self.answer_plain(id, end, body, now))
    }

    pub(super) fn answer_plain(
        &mut self,
        id: CallId,
        end: End,
        body: Option<&[u8]>,
        now: Now,
    ) -> Result<Vec<u8>, u16> {
        let relayed = self.calls.all.get(&id).is_some_and(|c| matches!(c.media, Media::Relay(_)));
        let leg = self
            .calls
            .all
            .get_mut(&id)
            .and_then(|c| c.side_mut(end))
            .and_then(|s| s.leg.sip_mut())
            .ok_or(481_u16)?;
        let last = leg.ours.clone().ok_or(488_u16)?;
        let (session_id, version) = (last.origin.session_id, last.origin.version.saturating_add(1));
        let (flow, port) = (leg.flow, leg.port);
        // What is relayed untouched keeps its codec.
        let codecs = match &leg.agreed {
            Some(agreed) if relayed => vec![agreed.codec],
            _ => leg.codecs.clone(),
        };
        let all = leg.codecs.clone();
        let mut ours = Ours { session_id, version, ..self.ours(flow, port, &codecs) };
        let Some(body) = body else {
            // It wants our offer; its answer comes with the ACK.
            let offer = plain_offer(&ours, &last);
            let leg = self.sip_leg(id, end).ok_or(481_u16)?;
            let text = leg.offer_text(&offer);
            leg.ours = Some(offer);
            return Ok(text);
        };
        let offer = sdp::Session::parse(body).map_err(|_| 488_u16)?;
        if MEDIA && relayed {
            ours.codecs = self.codecs_for_answer(id, end, &offer, &all);
        }
        let (answer, agreed) = sdp::answer(&offer, &ours).map_err(sdp::Unacceptable::status)?;
        let leg = self.sip_leg(id, end).ok_or(481_u16)?;
        let text = leg.answer_text(&answer);
        leg.ours = Some(answer);
        leg.agreed = Some(agreed);
        leg.theirs = Some(body.into());
        leg.carried = false;
        self.set_remote(id, end, now);
        Ok(text)
    }

    pub(super) fn sip_leg(&mut self, id: CallId, end: End) -> Option<&mut SipLeg> {
        self.calls.all.get_mut(&id)?.side_mut(end)?.leg.sip_mut()
    }

    /// The caller's leg is answered with the codec that the called side chose.
    pub(super) fn settle_caller(&mut self, id: CallId, chosen: Codec) {
        let Some(leg) = self.sip_leg(id, End::A) else { return };
        let (offer, asked) = (leg.offer.clone(), !leg.by_us && leg.theirs.is_none());
        let Some(last) = leg.ours.clone() else { return };
        let (flow, port) = (leg.flow, leg.port);
        let ours = Ours { session_id: last.origin.session_id, ..self.ours(flow, port, &[chosen]) };
        let Some(offer) = offer else {
            // It wants our offer: what it takes of that has to be what the called side has.
            if let Some(leg) = self.sip_leg(id, End::A).filter(|leg| asked && leg.codecs.contains(&chosen)) {
                leg.ours = Some(sdp::offer(&ours));
            }
            return;
        };
        if let (Ok((answer, agreed)), Some(leg)) = (sdp::answer(&offer, &ours), self.sip_leg(id, End::A)) {
            leg.ours = Some(answer);
            leg.agreed = Some(agreed);
        }
    }

    /// What carries this call's sound, as soon as there is a leg to send to. `end`: the SIP leg that is settled.
    pub(super) fn start_gateway(&mut self, id: CallId, now: Now) {
        let seed = seed(&mut self.random);
        let Some(call) = self.calls.all.get_mut(&id) else { return };
        let called_by_modem = call.b.iter().any(|b| b.leg.line().is_some());
        let by_modem = called_by_modem || call.a.leg.line().is_some();
        match &call.media {
            Media::Gateway(_) => return,
            Media::Relay(_) if !by_modem => return,
            Media::Relay(_) | Media::None => {}
        }
        // Whose sound it is shows when the calls are put together.
        if matches!(call.a.leg, Leg::Waiting) && !called_by_modem {
            return;
        }
        call.media = if by_modem {
            Media::Gateway(Box::new(Gateway::new(seed)))
        } else {
            Media::Relay(Box::default())
        };
        self.set_remote(id, End::A, now);
    }

    /// Tell the media where this side is.
    pub(super) fn set_remote(&mut self, id: CallId, end: End, now: Now) {
        let Some(call) = self.calls.all.get_mut(&id) else { return };
        match &mut call.media {
            Media::Gateway(gateway) => {
                let remote = match end {
                    End::A => call.a.leg.sip(),
                    End::B(at) => call.b.get(at).and_then(|s| s.leg.sip()),
                };
                let Some(remote) = remote.and_then(SipLeg::remote) else { return };
                gateway.set_remote(remote, now.mono);
            }
            Media::Relay(_) => self.tell_relays(id, end, now),
            Media::None => return,
        }
        self.set_controls(id, end, now);
        self.pump(id, now);
    }

    /// Samples may flow between the call's stick and us.
    pub(in crate::switch) fn on_voice_open(&mut self, line: LineId, now: Now) {
        let Some((id, _)) = self.calls.of_line(line) else { return };
        let shaping = self.line_mut(line).filter(|_| MEDIA).map(|line| line.shaping());
        if let Some(Media::Gateway(gateway)) = self.calls.all.get_mut(&id).map(|call| &mut call.media) {
            if let Some(shaping) = shaping {
                gateway.set_shaping(shaping);
            }
            gateway.open_voice(now.mono);
        }
        self.pump(id, now);
    }

    /// The stick has ended the call: not one sample more.
    pub(in crate::switch) fn on_voice_closed(&mut self, line: LineId) {
        let Some((id, _)) = self.calls.of_line(line) else { return };
        if let Some(Media::Gateway(gateway)) = self.calls.all.get_mut(&id).map(|call| &mut call.media) {
            gateway.close_voice();
        }
    }

    /// Samples of a stick. The hot path.
    pub(in crate::switch) fn handle_voice(&mut self, line: LineId, port: usize, bytes: &[u8], now: Now) {
        let Some((id, _)) = self.calls.of_line(line) else { return };
        if let Some(Call { media: Media::Gateway(gateway), voice_port, .. }) =
            self.calls.all.get_mut(&id).map(|call| &mut **call)
        {
            if voice_port.replace(port).is_some_and(|last| last != port) {
                gateway.restart_voice_bytes();
            }
            gateway.handle_voice(bytes, now.mono);
        }
        let infos = self.calls.infos.len();
        self.pump(id, now);
        if MEDIA && self.calls.infos.len() != infos {
            // The peer is to hear of a key.
            self.turn(now);
        }
    }

    /// Timers of the media.
    pub(super) fn sound_timeouts(&mut self, now: Now) {
        let due: Vec<CallId> = self
            .calls
            .all
            .values_mut()
            .filter_map(|call| match &mut call.media {
                Media::Gateway(gateway) if gateway.poll_timeout().is_some_and(|at| at <= now.mono) => {
                    gateway.handle_timeout(now.mono);
                    Some(call.id)
                }
                Media::Relay(relay) if MEDIA && relay.poll_timeout().is_some_and(|at| at <= now.mono) => {
                    relay.handle_timeout(now.mono);
                    Some(call.id)
                }
                _ => None,
            })
            .collect();
        due.into_iter().for_each(|id| self.pump(id, now));
    }

    /// Take what the media has for the world.
    pub(super) fn pump(&mut self, id: CallId, now: Now) {
        let Some(mut call) = self.calls.all.remove(&id) else { return };
        self.drain_sound(&mut call, now);
        self.calls.all.insert(id, call);
    }

    pub(super) fn drain_sound(&mut self, call: &mut Call, now: Now) {
        match &mut call.media {
            Media::None => {}
            Media::Gateway(gateway) => {
                let Some(port) =
                    call.a.leg.sip().or_else(|| call.b.iter().find_map(|b| b.leg.sip())).map(|l| l.port)
                else {
                    return;
                };
                let stick = call.a.leg.line().or_else(|| call.b.iter().find_map(|b| b.leg.line()));
                while let Some(output) = gateway.poll_output() {
                    match (output, stick) {
                        (Sound::Rtp { to, mut bytes }, _) => {
                            if close_packet(&mut call.a, &mut call.b, port, &mut bytes) {
                                self.send_rtp(port, to, bytes);
                            }
                        }
                        (Sound::Voice(frame), Some(line)) => self.write_voice(line, frame),
                        (Sound::Digit(digit), Some(line)) => self.send_digit(line, digit, now),
                        (Sound::Inform(digit), _) if MEDIA => {
                            let legs = std::iter::once(&mut call.a).chain(&mut call.b);
                            if let Some(leg) = legs.filter_map(|side| side.leg.sip_mut()).next() {
                                self.inform(leg, Key { digit, held: TOLD }, now);
                            }
                        }
                        (Sound::Voice(_) | Sound::Digit(_), None) | (Sound::Inform(_), _) => {}
                    }
                }
            }
            Media::Relay(relay) => {
                for (slot, relay) in std::iter::once(&mut **relay).chain(&mut call.further).enumerate() {
                    while let Some(Forward { side, to, mut bytes }) = relay.poll_output() {
                        let leg = match side {
                            RelaySide::A => call.a.leg.sip(),
                            RelaySide::B => call.b.iter().find_map(|b| b.leg.sip()),
                        };
                        let Some(port) = leg.and_then(|leg| leg.port_of(slot)) else { continue };
                        if close_packet(&mut call.a, &mut call.b, port, &mut bytes) {
                            self.send_rtp(port, to, bytes);
                        }
                    }
                }
                if !MEDIA {
                    return;
                }
                self.counters.digits_untold = self.counters.digits_untold.saturating_add(relay.take_untold());
                while let Some((side, digit)) = relay.poll_key() {
                    let leg = match side {
                        RelaySide::A => call.a.leg.sip_mut(),
                        RelaySide::B => call.b.iter_mut().find_map(|b| b.leg.sip_mut()),
                    };
                    if let Some(leg) = leg {
                        self.inform(leg, Key { digit, held: TOLD }, now);
                    }
                }
            }
        }
    }

    fn send_rtp(&mut self, port: u16, to: SocketAddr, bytes: Vec<u8>) {
        if is_somewhere(to) {
            self.outputs.push_back(Output::Rtp { port, to, bytes });
        }
    }

    fn write_voice(&mut self, line: LineId, frame: [u8; 320]) {
        // Only between the answer to AT^DDSETEX and ^CEND; outside of it the port speaks another protocol (DONGLE 3.7).
        if let Some(port) = self.line_mut(line).and_then(|l| l.modem.voice_port()) {
            self.outputs.push_back(Output::Voice { line, port, frame: Box::new(frame) });
        }
    }

    fn send_digit(&mut self, line: LineId, digit: char, now: Now) {
        if let Some(line) = self.line_mut(line) {
            line.modem.dtmf(digit, now.mono);
            self.counters.digits_out = self.counters.digits_out.saturating_add(1);
        }
    }

    /// The stick does not send tones by itself: they go out as sound.
    pub(in crate::switch) fn on_digit_refused(&mut self, line: LineId, digit: char) {
        let Some((id, _)) = self.calls.of_line(line) else { return };
        if let Some(Media::Gateway(gateway)) = self.calls.all.get_mut(&id).map(|call| &mut call.media) {
            gateway.send_digit(digit);
        }
    }

    /// Give back what this side had for itself.
    pub(super) fn release_unused_of(&mut self, id: CallId, side: &super::Side) {
        for port in side.leg.sip().map(SipLeg::ports).unwrap_or_default() {
            self.release_unused(id, port);
        }
    }

    /// Give a port back when no side has it any more.
    pub(super) fn release_unused(&mut self, id: CallId, port: u16) {
        let used = self
            .calls
            .all
            .get(&id)
            .is_some_and(|c| c.sides().any(|s| s.leg.sip().is_some_and(|l| l.slot_of(port).is_some())));
        if !used && self.calls.ports.remove(&port).is_some() {
            self.release_rtp(port);
        }
    }

    /// Whether sound from the stick can be had before the answer.
    pub(super) fn has_voice(&mut self, id: CallId) -> bool {
        let stick = self.calls.all.get(&id).and_then(|c| c.b.iter().find_map(|b| b.leg.line()));
        stick.and_then(|line| self.line_mut(line)).is_some_and(|l| l.modem.voice_port().is_some())
    }

    /// No answer that can be used: the call ends on both sides.
    pub(super) fn on_unusable_answer(&mut self, id: CallId, now: Now) {
        log::warn!("call {}: the answer has no codec or address that can be used", id.0);
        self.end_call(id, None, Cause::INCOMPATIBLE, now);
    }
}

/// What is left of this call's sound without that side: only phones need what they were sent.
pub(super) fn left_by(media: Media, end: End) -> Relay {
    match media {
        Media::Relay(relay) => relay.left_by(relay_side(end)),
        Media::Gateway(_) | Media::None => Relay::new(),
    }
}

pub(super) const fn relay_side(end: End) -> RelaySide {
    match end {
        End::A => RelaySide::A,
        End::B(_) => RelaySide::B,
    }
}

pub(super) fn seed(random: &mut Random) -> Seed {
    let [a, b, c, d, e, f, g, h, i, j, ..] = random.block();
    Seed {
        ssrc: u32::from_le_bytes([a, b, c, d]),
        sequence: u16::from_le_bytes([e, f]),
        timestamp: u32::from_le_bytes([g, h, i, j]),
    }
}

impl super::Side {
    /// Sound or not: it said that it rings, or more.
    #[must_use]
    pub const fn has_rung(&self) -> bool {
        matches!(self.state, State::Ringing { .. } | State::Up)
    }

    #[must_use]
    pub const fn is_modem(&self) -> bool {
        matches!(self.leg, Leg::Modem { .. })
    }
}
