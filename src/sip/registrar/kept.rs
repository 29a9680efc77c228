//! Bindings over a restart: as values for the disk, and back.
use super::contact::Contact;
use super::register::Source;
use super::{Policy, Registrar};
use crate::sip::{Flow, Transport};
use crate::util::limits::{REGISTRAR_TEXT, REGISTRATIONS_KEPT};
use crate::util::time::Instant;
use serde_json::{Value, json};
use std::net::{IpAddr, SocketAddr};

/// A binding of an earlier run. Connections end with the process, so there are those by UDP alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub aor: String,
    /// With parameters, `expires` the seconds that were granted.
    contact: String,
    pub remote: SocketAddr,
    /// Our address on the way there.
    pub local: IpAddr,
    path: Vec<String>,
    call_id: String,
    cseq: u32,
    user_agent: String,
}

impl Kept {
    #[must_use]
    pub fn parse(value: &Value) -> Option<Self> {
        let text = |key: &str| {
            let text = value.get(key)?.as_str()?;
            (text.len() <= REGISTRAR_TEXT && !text.contains(['\r', '\n'])).then(|| text.to_owned())
        };
        let path = value.get("path")?.as_array()?.iter();
        Some(Self {
            aor: text("aor")?,
            contact: text("contact")?,
            remote: text("remote")?.parse().ok()?,
            local: text("local")?.parse().ok()?,
            path: path.map(|hop| Some(hop.as_str()?.to_owned())).collect::<Option<_>>()?,
            call_id: text("call_id")?,
            cseq: u32::try_from(value.get("cseq")?.as_u64()?).ok()?,
            user_agent: text("user_agent")?,
        })
    }

    #[must_use]
    pub fn record(&self) -> Value {
        json!({"aor": self.aor, "contact": self.contact, "remote": self.remote.to_string(),
               "local": self.local.to_string(), "path": self.path, "call_id": self.call_id, "cseq": self.cseq,
               "user_agent": self.user_agent})
    }
}

impl Registrar {
    /// What a later run may begin with, at most `limits::REGISTRATIONS_KEPT`.
    pub fn kept(&self) -> impl Iterator<Item = Kept> {
        let by_udp = self.all().filter(|(_, b)| b.flow.transport == Transport::Udp);
        by_udp.take(REGISTRATIONS_KEPT).map(|(aor, b)| Kept {
            aor: aor.to_owned(),
            contact: format!(
                "<{}>{};expires={}",
                b.contact,
                b.params,
                b.expires_at.since(b.last_seen).as_secs()
            ),
            remote: b.flow.remote,
            local: b.flow.local.ip(),
            path: b.path.clone(),
            call_id: b.call_id.clone(),
            cseq: b.cseq,
            user_agent: b.user_agent.clone(),
        })
    }

    /// The phone rings again before it comes by itself. It has as long for that as it was granted: how long we were away a
    /// router without a clock can't tell. What it has registered meanwhile counts more.
    pub fn restore(&mut self, kept: &Kept, policy: Policy, flow: Flow, now: Instant) {
        let Some(contact) = Contact::read(&kept.contact, None, policy.expires) else { return };
        if contact.seconds == 0 || self.bindings(&kept.aor).any(|b| contact.is_of(b)) {
            return;
        }
        let source = Source {
            aor: &kept.aor,
            policy,
            call_id: &kept.call_id,
            cseq: kept.cseq,
            user_agent: kept.user_agent.clone(),
            path: kept.path.clone(),
            flow,
            now,
        };
        self.keep(&source, contact);
        self.push_out(&source);
    }
}
