//! What the API shows. Secrets are not in what it is made from.
use super::Switch;
use super::line::Line;
use crate::message::delivery::Delivery;
use crate::message::outbox::Outgoing;
use crate::message::{Text, TextId};
use crate::util::time::{Instant, Now, Stamp, Wall};
use serde_json::{Value, json};

impl Switch {
    pub(super) fn status(&self, now: Now) -> Value {
        let problems: Vec<&str> = self.loaded.problem_lines().collect();
        let notices: Vec<&str> = self.loaded.notice_lines().collect();
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "uptime_s": now.mono.since(self.started).as_secs(),
            "config": {"file": self.file, "problems": problems, "notices": notices},
            "dongles": self.lines.iter().map(|l| self.dongle(l)).collect::<Vec<_>>(),
            "listen": self.listening_view(),
            "extensions": self.extensions_view(now.mono),
            "trunks": self.trunks_view(now.mono),
            "calls": self.calls.count(),
            "mail": self.mail_servers(now.mono),
            "messages": self.message_counts(),
            "storage": {"directory": self.loaded.config.main.state_dir, "trouble": self.disk_trouble,
                        "foreign_files": self.foreign_files},
        })
    }

    fn dongle(&self, line: &Line) -> Value {
        let modem = &line.modem;
        let view = modem.view();
        let (at_port, audio_port) = modem.port_names();
        let waiting = self.outbox.texts().filter(|t| t.dongle == line.section.name && !t.is_ended()).count();
        json!({
            "name": line.section.name,
            "state": modem.state_name(),
            "reason": modem.life().reason(),
            "imei": view.identity.imei,
            "imsi": view.identity.imsi,
            "model": view.identity.model,
            "firmware": view.identity.firmware,
            "number": line.section.number,
            "operator": view.network.operator,
            "registration": view.network.registration.name(),
            "signal_dbm": view.network.signal_dbm,
            "voice": view.voice,
            "at_port": at_port,
            "audio_port": audio_port,
            "usb": line.plug.as_ref().map(|(plug, _)| plug.path.as_str()),
            "pin": view.pin.name(),
            "pin_tries": view.pin_tries,
            "slots_used": view.slots_used,
            "slots_total": view.slots_total,
            "sms_waiting": waiting,
            "resets": modem.resets(),
        })
    }

    fn mail_servers(&self, now: Instant) -> Vec<Value> {
        self.post
            .servers()
            .map(|s| {
                json!({"name": s.name, "state": s.state, "reason": s.reason, "waiting": s.waiting,
                       "next_try_s": s.next_try.map(|at| at.since(now).as_secs())})
            })
            .collect()
    }

    fn message_counts(&self) -> Value {
        let mut counts =
            [("waiting", 0_u32), ("sent", 0), ("refused", 0), ("failed", 0), ("incomplete", 0), ("kept", 0)];
        let mut total = 0_u32;
        for text in self.inbox.texts() {
            total = total.saturating_add(1);
            let state = self.text_state(text);
            counts.iter_mut().filter(|(name, _)| *name == state).for_each(|(_, n)| *n = n.saturating_add(1));
        }
        let mut view = serde_json::Map::from_iter(counts.map(|(name, n)| (name.to_owned(), n.into())));
        view.insert("in".to_owned(), total.into());
        view.insert("out".to_owned(), self.outbox.texts().count().into());
        Value::Object(view)
    }

    fn text_state(&self, text: &Text) -> &'static str {
        if self.inbox.is_waiting_for_parts(text.id) {
            return "incomplete";
        }
        self.post.deliveries(text.id).map_or("waiting", |d| d.state_name())
    }

    pub(super) fn counters_view(&self) -> Value {
        let (c, sip) = (&self.counters, self.sip.counts());
        json!({"texts_in": c.texts_in, "texts_out": c.texts_out, "reports": c.reports, "mails_sent": c.mails_sent,
               "mails_failed": c.mails_failed, "store_writes": c.store_writes, "store_bytes": c.store_bytes,
               "store_failures": c.store_failures, "requests": c.requests, "bad_requests": c.bad_requests,
               "calls_in": c.calls_in, "calls_out": c.calls_out, "calls_answered": c.calls_answered,
               "calls_failed": c.calls_failed, "digits_out": c.digits_out, "digits_untold": c.digits_untold, "auth_failures": c.auth_failures,
               "rtp_stray": c.rtp_stray, "rtcp_refused": c.rtcp_refused, "sip_malformed": sip.malformed, "sip_stray": sip.stray,
               "sip_refused_full": sip.refused_full, "sessions": sip.sessions, "rtp_ports": self.rtp_ports.used()})
    }

    pub(super) fn reloaded(&self) -> Value {
        json!({"problems": self.loaded.problem_lines().collect::<Vec<_>>(),
               "notices": self.loaded.notice_lines().collect::<Vec<_>>()})
    }

    /// Texts in and out, newest first.
    pub(super) fn list(&self, limit: usize, before: Option<TextId>, now: Now) -> Value {
        let mut all: Vec<(Wall, usize, TextId)> = Vec::new();
        // The place in its own box keeps the order of texts of one second.
        all.extend(self.inbox.texts().enumerate().map(|(i, t)| (t.received(), i, t.id)));
        all.extend(self.outbox.texts().enumerate().map(|(i, t)| (t.created, i, t.id)));
        all.sort_by_key(|(at, place, _)| (std::cmp::Reverse(*at), *place));
        let skip = before
            .and_then(|id| all.iter().position(|(_, _, i)| *i == id))
            .map_or(0, |at| at.saturating_add(1));
        let page: Vec<Value> =
            all.iter().skip(skip).take(limit).filter_map(|(_, _, id)| self.show(*id, now)).collect();
        json!({"messages": page, "total": all.len()})
    }

    pub(super) fn show(&self, id: TextId, now: Now) -> Option<Value> {
        match self.inbox.text(id) {
            Some(text) => Some(self.received(text, now)),
            None => self.outbox.text(id).map(sent),
        }
    }

    fn received(&self, text: &Text, now: Now) -> Value {
        let deliveries: Vec<Value> = self
            .post
            .deliveries(text.id)
            .map(|d| d.all.iter().map(|d| self.delivery(d, now.mono)).collect())
            .unwrap_or_default();
        json!({
            "id": text.id.to_string(),
            "direction": "in",
            "dongle": text.dongle,
            "number": text.sender,
            "timestamp": text.stamp().to_string(),
            "received": Stamp::utc(text.received()).to_string(),
            "text": text.unreadable().map_or_else(|| text.content(), |(_, pdu)| pdu.to_owned()),
            "unreadable": text.unreadable().map(|(why, _)| why),
            "parts": text.total,
            "missing": text.missing(),
            "state": self.text_state(text),
            "deliveries": deliveries,
        })
    }

    fn delivery(&self, delivery: &Delivery, now: Instant) -> Value {
        json!({
            "to": delivery.target.to_string(),
            "notice": delivery.what != crate::message::delivery::What::Text,
            "state": delivery.state_name(),
            "attempts": delivery.attempts,
            "reply": delivery.reply(),
            "next_try_s": self.post.next_try_of(delivery).map(|at| at.since(now).as_secs()),
        })
    }
}

fn sent(text: &Outgoing) -> Value {
    json!({
        "id": text.id.to_string(),
        "direction": "out",
        "dongle": text.dongle,
        "number": text.to,
        "timestamp": Stamp::utc(text.created).to_string(),
        "text": text.text,
        "parts": text.parts.len(),
        "missing": [],
        "state": text.state_name(),
        "error": text.error(),
        "references": text.references(),
        "deliveries": [],
    })
}
