//! Requests of the API, carried out.
use super::api::{self, Code, Refusal, Request, RequestId};
use super::{Client, Output, Switch};
use crate::message::{DiskError, TextId};
use crate::util::time::Now;
use crate::util::{MANAGER, NO_TRACE, OFFICE};
use serde_json::{Value, json};

impl Switch {
    /// One line of a client. The answer is an `Output::Reply`, perhaps later.
    pub fn handle_request(&mut self, client: Client, line: &str, now: Now) {
        self.counters.requests = self.counters.requests.saturating_add(1);
        let (id, request) = api::parse(line);
        let result = match request {
            Ok(Request::SmsSend { to, text, dongle }) => {
                match self.send(&to, &text, dongle.as_deref(), now) {
                    // Answered when it is on the medium.
                    Ok(text) => {
                        self.accepting.insert(text, (client, id));
                        self.turn(now);
                        return;
                    }
                    Err(why) => Err(why),
                }
            }
            Ok(Request::Ussd { code, dongle }) => {
                match self.begin_ussd(&code, dongle.as_deref(), (client, id.clone()), now) {
                    // Answered when the network does.
                    Ok(()) => {
                        self.turn(now);
                        return;
                    }
                    Err(why) => Err(why),
                }
            }
            Ok(Request::Extension { name, set, to }) if OFFICE => {
                match self.set_extension((client, &id), &name, set.as_deref(), to.as_deref(), now) {
                    Ok(Some(view)) => Ok(view),
                    // Answered when it is on the medium.
                    Ok(None) => return,
                    Err(why) => Err(why),
                }
            }
            Ok(Request::Trace { wanted }) if OFFICE => self.begin_trace(client, &id, wanted, now),
            Ok(Request::Trace { .. }) => Err(Refusal::new(Code::Unavailable, NO_TRACE.to_owned())),
            Ok(Request::Reload) => {
                self.outputs.push_back(Output::Reload { client, id });
                return;
            }
            Ok(request) => self.answer(&request, now),
            Err(why) => {
                self.counters.bad_requests = self.counters.bad_requests.saturating_add(1);
                Err(why)
            }
        };
        self.reply(client, &id, result);
        self.turn(now);
    }

    /// The client went away: what was to be answered is carried out all the same.
    pub fn handle_client_gone(&mut self, client: Client) {
        self.accepting.retain(|_, (c, _)| *c != client);
        self.ussd.retain(|_, (c, _)| *c != client);
        self.settings.forget(client);
        self.trace.forget(client);
    }

    /// The configuration was read again because `client` asked.
    pub fn reply_reloaded(&mut self, client: Client, id: &RequestId, result: Result<(), String>) {
        let result = result.map(|()| self.reloaded()).map_err(|why| Refusal::new(Code::Unavailable, why));
        self.reply(client, id, result);
    }

    pub(super) fn on_accepted(&mut self, id: TextId, result: Result<(), DiskError>) {
        if result.is_ok() {
            self.counters.texts_out = self.counters.texts_out.saturating_add(1);
        }
        let Some((client, request)) = self.accepting.remove(&id) else { return };
        let answer = match result {
            Ok(()) => Ok(json!({"id": id.to_string()})),
            Err(why) => Err(Refusal::new(
                Code::Unavailable,
                format!("the text can't be stored ({why}), so it is not sent"),
            )),
        };
        self.reply(client, &request, answer);
    }

    pub(super) fn reply(&mut self, client: Client, id: &RequestId, result: Result<Value, Refusal>) {
        self.outputs.push_back(Output::Reply { client, text: api::answer(id, result) });
    }

    fn answer(&mut self, request: &Request, now: Now) -> Result<Value, Refusal> {
        match request {
            Request::Version => Ok(json!({"version": env!("CARGO_PKG_VERSION")})),
            Request::Status => {
                self.lines.iter_mut().for_each(|l| l.modem.refresh(now.mono));
                Ok(self.status(now))
            }
            Request::Counters => Ok(self.counters_view()),
            Request::SmsList { limit, before } => Ok(self.list(*limit, *before, now)),
            Request::SmsShow { id } => self.show(*id, now).ok_or_else(|| not_found(*id)),
            Request::SmsRetry { id } => self.retry(*id, now),
            Request::SmsDelete { id } => self.delete(*id),
            Request::Calls => Ok(self.calls_view(now)),
            Request::RouteExplain { .. } if !OFFICE => Err(Refusal::new(
                Code::Unavailable,
                "this build has no 'route explain'; the full package has it",
            )),
            Request::RouteExplain { from, to } => self.explain_route(from, to, now),
            Request::Dial { from, to } => self
                .dial_for(from, to, now)
                .map(|id| json!({"id": id.0}))
                .map_err(|why| Refusal::new(Code::Unavailable, why)),
            Request::Hangup { call } => match (self.hangup_calls(*call, now), call) {
                (0, Some(call)) => {
                    let why = format!("there is no call {call}; 'tandem calls' shows those there are");
                    Err(Refusal::new(Code::NotFound, why))
                }
                (ended, _) => Ok(json!({"ended": ended})),
            },
            Request::Doctor { .. } if !MANAGER => {
                Err(Refusal::new(Code::Unavailable, "this build has no 'doctor'; the full package has it"))
            }
            Request::Doctor { dongle } => {
                let name = self.dongle_for(dongle.as_deref())?;
                Ok(self.doctor_view(&name, now.mono))
            }
            Request::Extension { .. } => {
                Err(Refusal::new(Code::Unavailable, "this build has no 'extension'; the full package has it"))
            }
            // Answered elsewhere.
            Request::SmsSend { .. } | Request::Reload | Request::Ussd { .. } | Request::Trace { .. } => {
                Ok(Value::Null)
            }
        }
    }

    fn send(&mut self, to: &str, text: &str, dongle: Option<&str>, now: Now) -> Result<TextId, Refusal> {
        let dongle = self.dongle_for(dongle)?;
        let report = self.loaded.config.dongles.iter().any(|d| d.name == dongle && d.delivery_reports);
        self.outbox
            .accept(&dongle, to, text, report, now)
            .map_err(|why| Refusal::new(Code::BadParameter, why.to_string()))
    }

    /// The named dongle, or the only one.
    pub(super) fn dongle_for(&self, wanted: Option<&str>) -> Result<String, Refusal> {
        let names: Vec<&str> = self.lines.iter().map(|l| l.section.name.as_str()).collect();
        let listed = names.join(", ");
        match (wanted, names.as_slice()) {
            (_, []) => Err(Refusal::new(Code::Unavailable, "no dongle is configured")),
            (Some(name), all) if all.contains(&name) => Ok(name.to_owned()),
            (Some(_), _) => Err(Refusal::new(Code::NotFound, format!("no such dongle; there are {listed}"))),
            (None, [only]) => Ok((*only).to_owned()),
            (None, _) => Err(Refusal::new(Code::BadParameter, format!("which dongle? There are {listed}"))),
        }
    }

    fn retry(&mut self, id: TextId, now: Now) -> Result<Value, Refusal> {
        let known = self.inbox.text(id).is_some() || self.outbox.text(id).is_some();
        if !known {
            return Err(not_found(id));
        }
        if self.post.retry(id, now.mono) || self.deliver_kept(id, now) || self.outbox.retry(id, now.mono) {
            Ok(json!({"id": id.to_string()}))
        } else {
            Err(Refusal::new(
                Code::Unavailable,
                "there is nothing to try again: it is delivered, or no forward names a target for it",
            ))
        }
    }

    fn delete(&mut self, id: TextId) -> Result<Value, Refusal> {
        if self.inbox.text(id).is_some() {
            self.remove_text(id);
        } else if self.outbox.text(id).is_some() {
            self.remove_outgoing(id);
        } else {
            return Err(not_found(id));
        }
        Ok(json!({"id": id.to_string()}))
    }
}

fn not_found(id: TextId) -> Refusal {
    Refusal::new(Code::NotFound, format!("no text has the id {id}; 'tandem sms list' shows those there are"))
}
