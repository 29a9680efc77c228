//! RTCP of calls: what comes is passed on or read (`media`), and each 5 seconds we say what nobody else says.
//!
//! Every datagram comes in by `handle_rtcp` and goes out by `send_rtcp`.
use super::rtp::{Heard, is_somewhere};
use super::sound::relay_side;
use super::{Call, CallId, Calls, End, Leg, Media, SipLeg};
use crate::media::{Control, ControlWay, Relay, Side as RelaySide, Wording};
use crate::switch::{Output, Switch};
use crate::util::MEDIA;
use crate::util::random::Random;
use crate::util::time::{Instant, Now, Wall};
use crate::wire::rtcp::is_rtcp;
use std::iter::once;
use std::net::SocketAddr;
use std::time::Duration;

/// RFC 3550 section 6.2: five seconds between two reports, of which half to one and a half, so that those of many calls don't come
/// at once; the first one after half of it.
const INTERVAL_MS: u32 = 5_000;
/// From 1900 to 1970, in seconds.
const NTP_ERA: u64 = 2_208_988_800;

/// What the reports of one call need.
#[derive(Debug)]
pub struct Reports {
    next_at: Instant,
    /// Names its streams, and nobody.
    cname: u64,
    /// Who speaks where nothing is sent.
    ssrc: u32,
    /// Of the caller and the called: nothing is heard; the log was told of it.
    pub(super) silent: [bool; 2],
    pub(super) warned: [bool; 2],
}

impl Reports {
    fn new(random: &mut Random, now: Instant) -> Self {
        let [a, b, c, d, ..] = random.block();
        let (ssrc, cname) = (u32::from_le_bytes([a, b, c, d]), random.next_u64());
        Self { next_at: now + pause(random) / 2, cname, ssrc, silent: [false; 2], warned: [false; 2] }
    }
}

fn pause(random: &mut Random) -> Duration {
    let more = random.below(INTERVAL_MS);
    Duration::from_millis(u64::from((INTERVAL_MS / 2).saturating_add(more)))
}

/// Whether a datagram at this port of ours is RTCP: the upper one of the pair is for nothing else.
pub(super) fn is_report(port: u16, bytes: &[u8]) -> bool {
    MEDIA && (port & 1 == 1 || is_rtcp(bytes))
}

impl Calls {
    /// One moment for all, so that nobody has to look through them.
    fn report_by(&mut self, at: Instant) {
        self.reports_at = Some(self.reports_at.map_or(at, |first| first.min(at)));
    }

    /// RFC 3550 section 4. Where nobody knows the time of day, it is the time since the start.
    fn ntp(&mut self, now: Now) -> u64 {
        if self.clock.is_none() && now.wall.is_set() {
            self.clock = Some((now.wall, now.mono));
        }
        let (Wall(seconds), since) = self.clock.unwrap_or_default();
        let base = u64::try_from(seconds).map_or(0, |s| if s == 0 { 0 } else { s.saturating_add(NTP_ERA) });
        let passed = now.mono.since(since);
        let fraction = (u64::from(passed.subsec_micros()) << 32) / 1_000_000;
        base.wrapping_add(passed.as_secs()).wrapping_shl(32) | fraction
    }
}

impl SipLeg {
    /// Where this peer's RTCP of a stream is, as both descriptions stand.
    fn control_way(&self, slot: usize) -> Option<ControlWay> {
        let port = self.ports().get(slot).copied().filter(|port| *port != 0)?;
        let (said, ours) = (self.said()?, self.ours.as_ref()?);
        let line = ours.media.iter().position(|m| m.port == port)?;
        let (own, theirs) = (ours.media.get(line)?, said.media.get(line)?);
        let muxed = own.has_rtcp_mux() && theirs.has_rtcp_mux();
        Some(if muxed { ControlWay::Muxed } else { ControlWay::Port(theirs.rtcp_port()) })
    }
}

impl Call {
    /// The SIP leg of this side of a relay.
    pub(super) fn leg_of(&self, side: RelaySide) -> Option<&SipLeg> {
        match side {
            RelaySide::A => self.a.leg.sip(),
            RelaySide::B => self.b.iter().find_map(|b| b.leg.sip()),
        }
    }

    /// Which side and stream of a relay this port of ours is.
    pub(super) fn place_of(&self, port: u16) -> Option<(RelaySide, usize)> {
        let of_a = self.a.leg.sip().and_then(|leg| leg.slot_of(port));
        let of_b = || self.b.iter().find_map(|b| b.leg.sip()?.slot_of(port));
        of_a.map(|slot| (RelaySide::A, slot)).or_else(|| of_b().map(|slot| (RelaySide::B, slot)))
    }

    pub(super) fn relay_mut(&mut self, slot: usize) -> Option<&mut Relay> {
        let Media::Relay(relay) = &mut self.media else { return None };
        match slot.checked_sub(1) {
            None => Some(relay),
            Some(at) => self.further.get_mut(at),
        }
    }

    /// What is to be told to all peers, each from this port of ours.
    fn reports_of(&mut self, ntp: u64, goodbye: bool, now: Instant) -> Vec<(u16, Control)> {
        let Some(Reports { cname, ssrc, .. }) = &self.reports else { return Vec::new() };
        let cname = format!("{cname:016x}");
        let wording = Wording { ntp, cname: &cname, ssrc: *ssrc, goodbye };
        let ports = [RelaySide::A, RelaySide::B].map(|s| self.leg_of(s).map(SipLeg::ports));
        let [of_a, of_b] = &ports;
        match &mut self.media {
            Media::None => Vec::new(),
            Media::Gateway(gateway) => {
                let port = of_a.as_ref().or(of_b.as_ref()).and_then(|ports| ports.first().copied());
                port.zip(gateway.report(wording, now)).into_iter().collect()
            }
            Media::Relay(relay) => {
                let mut told = Vec::new();
                for (slot, relay) in once(&mut **relay).chain(&mut self.further).enumerate() {
                    for (side, ports) in [(RelaySide::A, of_a), (RelaySide::B, of_b)] {
                        let port = ports.as_ref().and_then(|ports| ports.get(slot).copied());
                        told.extend(port.zip(relay.report(side, wording, now)));
                    }
                }
                told
            }
        }
    }
}

impl Switch {
    /// A datagram of RTCP, at the upper port of a pair or among RTP.
    pub(super) fn handle_rtcp(
        &mut self,
        port: u16,
        from: SocketAddr,
        bytes: &mut Vec<u8>,
        now: Now,
    ) -> Heard {
        let port = port & !1;
        let id = self.calls.of_port(port);
        let Some(call) = id.and_then(|id| self.calls.all.get_mut(&id)) else {
            self.counters.rtp_stray = self.counters.rtp_stray.saturating_add(1);
            return Heard::Dropped;
        };
        if !call.open_packet(port, bytes) {
            return Heard::Dropped;
        }
        let place = call.place_of(port);
        let taken = match (&mut call.media, place) {
            (Media::Gateway(gateway), _) => gateway.handle_rtcp(from, bytes, now.mono).then_some(None),
            (Media::Relay(_), Some((side, slot))) => {
                let passed = call.relay_mut(slot).map(|r| r.handle_rtcp(side, from, bytes, now.mono));
                match passed {
                    Some(Ok(control)) => {
                        let port = call.leg_of(side.other()).and_then(|leg| leg.port_of(slot));
                        Some(port.map(|port| (port, control)))
                    }
                    Some(Err(why)) if why.is_harmless() => Some(None),
                    Some(Err(_)) | None => None,
                }
            }
            (Media::Relay(_), None) | (Media::None, _) => None,
        };
        match taken {
            Some(Some((port, mut control))) => {
                if call.close_packet(port, &mut control.bytes) {
                    self.send_rtcp(port, control);
                }
                Heard::Taken
            }
            Some(None) => Heard::Dropped,
            None => {
                self.counters.rtcp_refused = self.counters.rtcp_refused.saturating_add(1);
                Heard::Dropped
            }
        }
    }

    /// From the pair of ports of ours whose lower one this is.
    fn send_rtcp(&mut self, port: u16, control: Control) {
        let Control { to, muxed, bytes } = control;
        let port = if muxed { port } else { port | 1 };
        if is_somewhere(to) {
            self.outputs.push_back(Output::Rtp { port, to, bytes });
        }
    }

    /// After each offer and answer with this side: where its RTCP is.
    pub(super) fn set_controls(&mut self, id: CallId, end: End, now: Now) {
        let Some(call) = self.calls.all.get_mut(&id).filter(|_| MEDIA) else { return };
        let Some(leg) = call.side(end).and_then(|side| side.leg.sip()) else { return };
        let ways: Vec<Option<ControlWay>> =
            (0..leg.ports().len()).map(|slot| leg.control_way(slot)).collect();
        for (slot, way) in ways.into_iter().enumerate() {
            let Some(way) = way else { continue };
            match &mut call.media {
                Media::Gateway(gateway) if slot == 0 => gateway.set_control(way),
                Media::Relay(_) => {
                    if let Some(relay) = call.relay_mut(slot) {
                        relay.set_control(relay_side(end), way);
                    }
                }
                Media::Gateway(_) | Media::None => {}
            }
        }
        if call.reports.is_none() && !matches!(call.media, Media::None) {
            let reports = Reports::new(&mut self.random, now.mono);
            let at = reports.next_at;
            call.reports = Some(reports);
            self.calls.report_by(at);
        }
    }

    /// Both sides talk from now on.
    pub(super) fn begin_reports(&mut self, id: CallId, now: Now) {
        let Some(call) = self.calls.all.get_mut(&id).filter(|_| MEDIA) else { return };
        match &mut call.media {
            Media::None => {}
            Media::Gateway(gateway) => gateway.begin(now.mono),
            Media::Relay(relay) => relay.begin(now.mono),
        }
        self.set_controls(id, End::A, now);
        self.set_controls(id, End::B(0), now);
    }

    /// Reports of all calls whose time has come, and a look whether each side is heard.
    pub(super) fn report_timeouts(&mut self, now: Now) {
        if !MEDIA || self.calls.reports_at.is_none_or(|at| now.mono < at) {
            return;
        }
        let is_due = |call: &Call| call.reports.as_ref().is_some_and(|r| r.next_at <= now.mono);
        let due: Vec<CallId> = self.calls.all.values().filter(|c| is_due(c)).map(|c| c.id).collect();
        for id in due {
            self.watch(id, now);
            let ntp = self.calls.ntp(now);
            let pause = pause(&mut self.random);
            let Some(call) = self.calls.all.get_mut(&id) else { continue };
            let mut told = call.reports_of(ntp, false, now.mono);
            told.retain_mut(|(port, control)| call.close_packet(*port, &mut control.bytes));
            if let Some(reports) = &mut call.reports {
                reports.next_at = now.mono + pause;
            }
            told.into_iter().for_each(|(port, control)| self.send_rtcp(port, control));
        }
        let reports = self.calls.all.values().filter_map(|call| call.reports.as_ref());
        self.calls.reports_at = reports.map(|r| r.next_at).min();
    }

    /// The last word of a call's streams (RFC 3550 section 6.6).
    pub(super) fn say_goodbye(&mut self, call: &mut Call, now: Now) {
        if !MEDIA || matches!(call.a.leg, Leg::Waiting) {
            return;
        }
        let ntp = self.calls.ntp(now);
        let mut told = call.reports_of(ntp, true, now.mono);
        told.retain_mut(|(port, control)| call.close_packet(*port, &mut control.bytes));
        told.into_iter().for_each(|(port, control)| self.send_rtcp(port, control));
    }
}
