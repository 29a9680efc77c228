//! Calls for people.
use super::{Call, CallId, Cause, Media, Phase};
use crate::switch::Switch;
use crate::util::time::{Instant, Now, Stamp, Wall};
use serde_json::{Value, json};

/// What is remembered of a call.
#[derive(Clone, Debug)]
pub struct Ended {
    pub id: CallId,
    pub from: String,
    pub to: String,
    pub began: Wall,
    pub talked_s: Option<u64>,
    pub cause: Cause,
}

impl Switch {
    pub(in crate::switch) fn calls_view(&self, now: Now) -> Value {
        let calls: Vec<Value> = self.calls.all.values().map(|c| call(c, now.mono)).collect();
        let recent: Vec<Value> = self
            .calls
            .recent
            .iter()
            .map(|e| {
                json!({"id": e.id.0, "from": e.from, "to": e.to, "began": Stamp::utc(e.began).to_string(),
                       "talked_s": e.talked_s, "cause": e.cause.words(), "q850": e.cause.0})
            })
            .collect();
        json!({"calls": calls, "recent": recent})
    }

    /// End this call, or all. How many there were.
    pub(in crate::switch) fn hangup_calls(&mut self, wanted: Option<u32>, now: Now) -> usize {
        let ids: Vec<CallId> =
            self.calls.all.keys().copied().filter(|id| wanted.is_none_or(|w| w == id.0)).collect();
        ids.iter().for_each(|id| self.end_call(*id, None, Cause::NORMAL, now));
        ids.len()
    }
}

fn call(call: &Call, now: Instant) -> Value {
    let mut rung: Vec<String> = Vec::new();
    for shown in call.b.iter().map(|b| b.party.shown()) {
        if !rung.contains(&shown) {
            rung.push(shown);
        }
    }
    let to = if rung.is_empty() { call.dialled.clone() } else { rung.join(", ") };
    let seconds = match call.phase {
        Phase::Up { since } => now.since(since).as_secs(),
        _ => now.since(call.began.mono).as_secs(),
    };
    let sound = match &call.media {
        Media::Gateway(gateway) => {
            let s = gateway.stats();
            json!({"received": s.received_packets, "sent": s.sent_packets, "lost": s.lost, "late": s.late,
                   "delay_ms": s.delay_ms, "jitter_ms": s.jitter_samples / 8, "stalls": s.stalls})
        }
        Media::Relay(_) | Media::None => Value::Null,
    };
    let encrypted: Vec<Value> = call
        .sides()
        .filter_map(|side| Some((side.party.shown(), side.leg.sip()?.seen()?)))
        .map(|(party, seen)| {
            json!({"party": party, "suite": seen.suite.name(), "forged": seen.forged, "replayed": seen.replayed})
        })
        .collect();
    json!({"id": call.id.0, "from": call.a.party.shown(), "to": to, "dialled": call.dialled, "state": call.phase.name(),
           "seconds": seconds, "emergency": call.emergency, "sound": sound,
           "legs": call.legs_view(now), "encrypted": encrypted})
}
