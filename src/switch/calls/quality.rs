//! How a call sounds, for people: in the list, in the log, and a word where one side is not heard.
use super::reports::Reports;
use super::{Call, CallId, Media, Phase, SipLeg};
use crate::media::{Coding, Quality, Side as RelaySide, Silence};
use crate::switch::Switch;
use crate::util::MEDIA;
use crate::util::time::{Instant, Now};
use crate::wire::sdp::MediaLine;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::net::SocketAddr;

const SIDES: [RelaySide; 2] = [RelaySide::A, RelaySide::B];

impl Call {
    /// Of each side by SIP: whose it is, how it is, what lies behind us.
    fn qualities(&self) -> impl Iterator<Item = (RelaySide, Quality, u32)> + '_ {
        let ways = SIDES.map(|side| self.quality_of(side));
        let behind = ways.map(|quality| quality.map_or(0, |q| q.way_ms()));
        let of = move |side: RelaySide| match (side, ways, behind) {
            (RelaySide::A, [a, _], [_, b]) => Some((side, a?, b)),
            (RelaySide::B, [_, b], [a, _]) => Some((side, b?, a)),
        };
        SIDES.into_iter().filter_map(of)
    }

    fn quality_of(&self, side: RelaySide) -> Option<Quality> {
        let leg = self.leg_of(side)?;
        match &self.media {
            Media::None => None,
            Media::Gateway(gateway) => gateway.quality(coding(leg)),
            Media::Relay(relay) => relay.quality(side, coding(leg)),
        }
    }

    /// Why nothing is heard of this side, and where it should be.
    fn silence_of(&self, side: RelaySide, now: Instant) -> Option<(Silence, SocketAddr)> {
        self.leg_of(side).filter(|_| matches!(self.phase, Phase::Up { .. }))?;
        match &self.media {
            Media::None => None,
            Media::Gateway(gateway) => gateway.silence(now),
            Media::Relay(relay) => relay.silence(side, now),
        }
    }

    fn party_of(&self, side: RelaySide) -> Option<&super::Party> {
        match side {
            RelaySide::A => Some(&self.a.party),
            RelaySide::B => self.b.iter().find(|b| b.leg.sip().is_some()).map(|b| &b.party),
        }
    }

    /// For `tandem calls`.
    pub(super) fn legs_view(&self, now: Instant) -> Vec<Value> {
        if !MEDIA {
            return Vec::new();
        }
        let leg = |(side, q, behind): (RelaySide, Quality, u32)| {
            let silent = self.silence_of(side, now).map(|(why, at)| silence_words(why, at));
            let told = q.told.map(|told| {
                json!({"lost": told.lost, "lost_percent": told.lost_percent, "jitter_ms": told.jitter_ms,
                       "mos": hundredths(q.told_opinion(behind))})
            });
            json!({"party": self.party_of(side).map(super::Party::shown), "received": q.received, "lost": q.lost,
                   "duplicates": q.duplicates, "discarded": q.discarded, "jitter_ms": q.jitter_ms,
                   "concealed_ms": q.concealed_ms, "round_trip_ms": q.round_trip_ms, "sent": q.sent,
                   "mos": hundredths(q.opinion(behind)), "told": told, "silent": silent})
        };
        self.qualities().map(leg).collect()
    }
}

impl Switch {
    /// How the sound was, for the call's line in the log.
    pub(super) fn sound_words(&self, call: &Call) -> String {
        let mut words = String::new();
        if let Media::Gateway(gateway) = &call.media {
            let s = gateway.stats();
            let _ = write!(
                words,
                "; sound: {} packets in ({} lost, {} late), {} out, {} ms buffered",
                s.received_packets, s.lost, s.late, s.sent_packets, s.delay_ms
            );
        }
        if !MEDIA || call.answered.is_none() {
            return words;
        }
        for (side, quality, behind) in call.qualities() {
            let party = call.party_of(side).map(super::Party::logged).unwrap_or_default();
            let _ = write!(words, "; {party}: {}", quality_words(&quality, behind));
        }
        words
    }

    /// A side that is not heard is named once in a call, and so is that it has come.
    pub(super) fn watch(&mut self, id: CallId, now: Now) {
        let Some(call) = self.calls.all.get_mut(&id) else { return };
        let silences = SIDES.map(|side| {
            let silence = call.silence_of(side, now.mono);
            let party = call.party_of(side).map(super::Party::logged).unwrap_or_default();
            (party, silence.filter(|(why, _)| !matches!(why, Silence::Held | Silence::Stopped(_))))
        });
        let Some(Reports { silent, warned, .. }) = &mut call.reports else { return };
        for ((party, silence), (silent, warned)) in silences.into_iter().zip(silent.iter_mut().zip(warned)) {
            match silence {
                Some((why, at)) if !*warned => {
                    log::warn!("call {}: no sound from {party}: {}", id.0, silence_words(why, at));
                    (*silent, *warned) = (true, true);
                }
                None if *silent => {
                    log::info!("call {}: the sound from {party} has come", id.0);
                    *silent = false;
                }
                Some(_) | None => {}
            }
        }
    }
}

/// The likely reason.
fn silence_words(why: Silence, at: SocketAddr) -> String {
    let host = at.ip();
    match why {
        Silence::Held => "on hold".to_owned(),
        Silence::Nothing => format!("no packet from {host} since the answer: NAT or firewall"),
        Silence::Elsewhere(from) => {
            format!(
                "packets come from {from} instead of {host}: it is behind NAT and does not know its address, or a stranger sends"
            )
        }
        Silence::Mute => "it sends nothing though it hears us".to_owned(),
        Silence::OtherType => "its packets are of a type that was not agreed on".to_owned(),
        Silence::Stopped(seconds) => format!("no packet for {seconds} s"),
    }
}

fn quality_words(q: &Quality, behind: u32) -> String {
    let mut words = format!("{} packets ({} lost), jitter {} ms", q.received, q.lost, q.jitter_ms);
    if let Some(trip) = q.round_trip_ms {
        let _ = write!(words, ", round trip {trip} ms");
    }
    if let Some(mos) = q.opinion(behind) {
        let _ = write!(words, ", MOS {}", tenths(mos));
    }
    if let Some(told) = q.told {
        let _ = write!(words, ", hears {} of {} lost", told.lost, q.sent);
        if let Some(mos) = q.told_opinion(behind) {
            let _ = write!(words, ", MOS {}", tenths(mos));
        }
    }
    words
}

fn tenths(hundredths: u16) -> String {
    let tenths = hundredths.saturating_add(5) / 10;
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn hundredths(mos: Option<u16>) -> Option<f64> {
    mos.map(|mos| f64::from(mos) / 100.0)
}

/// What the first format of the sound is, in what we said to this peer.
fn coding(leg: &SipLeg) -> Coding {
    let line = leg.ours.as_ref().and_then(|ours| ours.media.iter().find(|m| m.port == leg.port));
    let name = |line: &MediaLine| {
        let number = line.formats.first()?.parse().ok()?;
        Some(match line.rtpmap(number) {
            Some(map) if map.encoding.eq_ignore_ascii_case("G722") => Coding::G722,
            Some(map) if ["PCMU", "PCMA"].iter().any(|n| map.encoding.eq_ignore_ascii_case(n)) => {
                Coding::G711
            }
            None if matches!(number, 0 | 8) => Coding::G711,
            None if number == 9 => Coding::G722,
            Some(_) | None => Coding::Other,
        })
    };
    line.and_then(name).unwrap_or(Coding::Other)
}
