//! MESSAGE from phone to phone: RFC 3428. `message::pager` decides, here it meets SIP and the disk.
use super::Switch;
use super::storing::Purpose;
use crate::message::pager::{Action, Outcome, Pager};
use crate::message::{Change, TextId};
use crate::sip::registrar::date;
use crate::sip::{ClientId, Flow, RequestId};
use crate::util::limits::{FORKS, PAGE_BYTES};
use crate::util::table::Table;
use crate::util::time::Now;
use crate::wire::sip::{Address, Message, Method, Uri, header};

/// Messages on their way.
#[derive(Debug, Default)]
pub struct Messages {
    pub pager: Pager,
    /// Senders who wait for their answer.
    senders: Table<TextId, (RequestId, Box<Message>)>,
    /// MESSAGEs of ours under way.
    clients: Table<ClientId, TextId>,
    /// What the phones said that were asked so far.
    tries: Table<TextId, Outcome>,
}

/// Longest content type that is kept.
const CONTENT_TYPE: usize = 100;

impl Switch {
    /// A message of a phone; the response, or `None` where it comes later.
    pub(super) fn on_message(
        &mut self,
        id: RequestId,
        request: &Message,
        flow: Flow,
        now: Now,
    ) -> Option<Message> {
        let sender = match self.authenticate(request, flow, now) {
            Ok(extension) => extension,
            Err(response) => return Some(*response),
        };
        let content_type = request.get(header::CONTENT_TYPE).unwrap_or("text/plain");
        let to = request.uri().and_then(Uri::user_text).unwrap_or_default();
        let is_known = self.loaded.config.extension(&to).is_some();
        let status = if !is_known {
            404
        } else if request.body.len() > PAGE_BYTES {
            413
        } else if content_type.len() > CONTENT_TYPE || request.get(header::CONTENT_ENCODING).is_some() {
            415
        } else {
            let (from, body) = (&sender.name, &request.body);
            if let Some(page) = self.messages.pager.accept(&to, from, content_type, body, now) {
                self.messages.senders.insert(page, (id, Box::new(request.clone())));
                return None;
            }
            log::warn!("too many messages wait for extension '{to}': one of '{from}' is turned away");
            480
        };
        Some(self.sip.response_to(request, status))
    }

    /// A final answer of a phone, or none; false: to another request.
    pub(super) fn on_message_answer(&mut self, id: ClientId, status: Option<u16>, now: Now) -> bool {
        let Some(page) = self.messages.clients.remove(&id) else { return false };
        let outcome = outcome(status);
        let before = self.messages.tries.get(&page).copied();
        // One phone that has it is enough; one that may take it later keeps it.
        let sum = match (before, outcome) {
            (Some(Outcome::Delivered), _) | (_, Outcome::Delivered) => Outcome::Delivered,
            (Some(Outcome::Later), _) | (_, Outcome::Later) => Outcome::Later,
            _ => outcome,
        };
        self.messages.tries.insert(page, sum);
        let left = self.messages.clients.values().any(|p| *p == page);
        if before != Some(Outcome::Delivered) && (sum == Outcome::Delivered || !left) {
            self.messages.pager.handle_outcome(page, sum, now.mono);
        }
        if !left {
            self.messages.tries.remove(&page);
        }
        true
    }

    /// True when something moved.
    pub(super) fn turn_messages(&mut self, now: Now) -> bool {
        let registrar = &self.registrar;
        self.messages.pager.turn(|name| registrar.bindings(name).next().is_some(), now.mono);
        let mut any = false;
        while let Some(action) = self.messages.pager.poll_action() {
            any = true;
            match action {
                Action::Send(id) => self.send_page(id, now),
                Action::Store { id, name, bytes } => {
                    self.store(Purpose::Page(id), Change::Write { name, bytes });
                }
                Action::Remove(id) => {
                    self.presence.stale = true;
                    self.storing.supersede(&Purpose::Page(id));
                    self.store(Purpose::Removal, Change::Remove { names: vec![Pager::file_name(id)] });
                }
                Action::Answer { id, status } => {
                    self.presence.stale = true;
                    let Some((request_id, request)) = self.messages.senders.remove(&id) else { continue };
                    let response = self.sip.response_to(&request, status);
                    self.sip.respond(request_id, response, now.mono);
                }
            }
        }
        any
    }

    /// To every phone of the addressee.
    fn send_page(&mut self, id: TextId, now: Now) {
        let Some(page) = self.messages.pager.page(id).cloned() else { return };
        let display = self
            .loaded
            .config
            .extensions
            .iter()
            .find(|e| e.name == page.from)
            .and_then(|e| e.display.clone());
        let contacts: Vec<(Uri, Flow, Vec<String>)> = self
            .registrar
            .bindings(&page.to)
            .take(FORKS)
            .map(|b| (b.contact.clone(), b.flow, b.path.clone()))
            .collect();
        let mut any = false;
        for (contact, flow, path) in contacts {
            let host = self.contact(flow, None).host;
            let mut request = Message::request(Method::Message, contact);
            for hop in path {
                request.push(header::ROUTE, hop);
            }
            let from = Address::new(Uri::sip(Some(&page.from), &host, None)).named(display.as_deref());
            request.push(header::FROM, from.to_string());
            request.push(header::TO, Address::new(Uri::sip(Some(&page.to), &host, None)).to_string());
            if page.accepted.is_set() {
                request.push(header::DATE, date(page.accepted));
            }
            request.set_body(&page.content_type, page.body.clone());
            if let Ok(client) = self.sip.send(flow, request, now.mono) {
                self.messages.clients.insert(client, id);
                any = true;
            }
        }
        if !any {
            self.messages.pager.handle_outcome(id, Outcome::Later, now.mono);
        }
    }

    /// A phone registered, for the first time or again: what waits for it is tried.
    pub(super) fn wake_messages(&mut self, name: &str) {
        self.messages.pager.wake(name);
    }
}

/// Refusals that another time will not change (RFC 3261 section 21).
fn outcome(status: Option<u16>) -> Outcome {
    match status {
        Some(200..=299) => Outcome::Delivered,
        Some(401 | 407 | 408 | 480 | 481 | 486 | 487 | 491) | None => Outcome::Later,
        Some(status @ (400..=499 | 501 | 505 | 513 | 603..=699)) => Outcome::Refused(status),
        Some(_) => Outcome::Later,
    }
}
