//! Who looks over our shoulder: every message that goes in or out, for `tandem trace`. Off it costs one test for each message.
mod mask;

pub use mask::mask;

use super::api::{Code, Refusal, RequestId};
use super::{Client, Output, Switch};
use crate::sip::Flow;
use crate::util::OFFICE;
use crate::util::limits::{TRACED_DIALOGS, TRACES};
use crate::util::time::Now;
use serde_json::{Value, json};
use std::collections::VecDeque;

/// Which messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    All,
    /// Those of any call.
    Calls,
    /// Those of one call.
    Call(u32),
}

/// Methods of calls; a response has that of its request in CSeq.
const OF_CALLS: [&[u8]; 9] =
    [b"INVITE", b"ACK", b"BYE", b"CANCEL", b"PRACK", b"UPDATE", b"INFO", b"REFER", b"NOTIFY"];

#[derive(Debug, Default)]
pub struct Trace {
    watchers: Vec<(Client, RequestId, Wanted)>,
    /// Whose Call-ID is whose: what comes after the end of a call still belongs to it.
    dialogs: VecDeque<(String, u32, String)>,
}

impl Trace {
    pub const fn is_on(&self) -> bool {
        OFFICE && !self.watchers.is_empty()
    }

    pub fn forget(&mut self, client: Client) {
        self.watchers.retain(|(c, ..)| *c != client);
        if self.watchers.is_empty() {
            self.dialogs = VecDeque::new();
        }
    }
}

impl Switch {
    /// Begins a trace for this client; it ends with its connection.
    pub(super) fn begin_trace(
        &mut self,
        client: Client,
        id: &RequestId,
        wanted: Wanted,
        now: Now,
    ) -> Result<Value, Refusal> {
        if let Wanted::Call(call) = wanted
            && !self.calls.all().any(|c| c.id.0 == call)
        {
            let why = "there is no such call; 'tandem calls' shows those there are";
            return Err(Refusal::new(Code::NotFound, why));
        }
        self.trace.forget(client);
        if self.trace.watchers.len() >= TRACES {
            return Err(Refusal::new(Code::Unavailable, "too many traces at once"));
        }
        self.trace.watchers.push((client, id.clone(), wanted));
        self.note_dialogs();
        Ok(json!({"wall": now.wall.0, "at_us": now.mono.as_micros()}))
    }

    /// A message came in or goes out; call only where `is_on`.
    pub(super) fn trace_message(&mut self, out: bool, flow: Flow, bytes: &[u8], now: Now) {
        let call_id = header(bytes, &[b"call-id", b"i"]);
        // A keep-alive.
        let Some(call_id) = call_id.map(|c| String::from_utf8_lossy(c).into_owned()) else { return };
        let method =
            header(bytes, &[b"cseq"]).and_then(|c| c.rsplit(|b| *b == b' ').next()).unwrap_or_default();
        let known = self.call_of_dialog(&call_id);
        let wants = |wanted: Wanted| match wanted {
            Wanted::All => true,
            Wanted::Calls => known.is_some() || OF_CALLS.contains(&method),
            Wanted::Call(call) => known.as_ref().is_some_and(|(c, _)| *c == call),
        };
        if !self.trace.watchers.iter().any(|(.., wanted)| wants(*wanted)) {
            return;
        }
        let who = known.as_ref().map(|(_, who)| who.clone()).or_else(|| self.registered_at(flow));
        let event = json!({
            "at_us": now.mono.as_micros(),
            "direction": if out { "out" } else { "in" },
            "transport": flow.transport.name(),
            "local": flow.local.to_string(),
            "remote": flow.remote.to_string(),
            "call": known.as_ref().map(|(call, _)| *call),
            "who": who,
            "message": String::from_utf8_lossy(&mask(bytes)),
        });
        for (client, id, wanted) in &self.trace.watchers {
            if wants(*wanted) {
                let text = json!({"id": id.0, "event": event}).to_string();
                self.outputs.push_back(Output::Trace { client: *client, text });
            }
        }
    }

    /// The call that a dialog belongs to, and who is at its other end.
    fn call_of_dialog(&mut self, call_id: &str) -> Option<(u32, String)> {
        let known = |trace: &Trace| {
            let found = trace.dialogs.iter().find(|(c, ..)| c == call_id);
            found.map(|(_, call, who)| (*call, who.clone()))
        };
        known(&self.trace).or_else(|| {
            self.note_dialogs();
            known(&self.trace)
        })
    }

    /// Whose Call-ID is whose, of the calls there are.
    fn note_dialogs(&mut self) {
        let sides =
            self.calls.all().flat_map(|c| std::iter::once(&c.a).chain(&c.b).map(move |s| (c.id.0, s)));
        for (call, side) in sides {
            let Some(call_id) = side.leg.session().and_then(|s| self.sip.call_id(s)) else { continue };
            if self.trace.dialogs.iter().any(|(c, ..)| *c == call_id) {
                continue;
            }
            if self.trace.dialogs.len() >= TRACED_DIALOGS {
                self.trace.dialogs.pop_front();
            }
            self.trace.dialogs.push_back((call_id, call, side.party.shown()));
        }
    }

    fn registered_at(&self, flow: Flow) -> Option<String> {
        let found = self.registrar.all().find(|(_, b)| b.flow.remote == flow.remote);
        found.map(|(name, _)| name.to_owned())
    }
}

/// The value of the first header with one of these names, as far as it stands in its first line.
fn header<'a>(bytes: &'a [u8], names: &[&[u8]]) -> Option<&'a [u8]> {
    bytes.split(|b| *b == b'\n').skip(1).map(<[u8]>::trim_ascii).take_while(|line| !line.is_empty()).find_map(
        |line| {
            let colon = line.iter().position(|b| *b == b':')?;
            let (name, value) = line.split_at_checked(colon)?;
            let name = name.trim_ascii();
            names
                .iter()
                .any(|n| n.eq_ignore_ascii_case(name))
                .then(|| value.get(1..).unwrap_or_default().trim_ascii())
        },
    )
}
