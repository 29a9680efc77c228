//! SUBSCRIBE, step by step: RFC 6665 section 4.2.1.
use super::{ALLOW_EVENTS, Notifier, Package, Step, Subscription, SubscriptionId};
use crate::sip::Flow;
use crate::sip::dialog::{Dialog, DialogId};
use crate::util::limits::{SUBSCRIPTIONS, SUBSCRIPTIONS_PER_EXTENSION};
use crate::util::time::Instant;
use crate::wire::sip::{Message, Uri, header};
use std::time::Duration;

/// Seconds: the shortest that is taken; what a request gets that names none (RFC 3842 section 3.4, RFC 4235 section 3.4); the longest.
const SHORTEST: u32 = 60;
const USUAL: u32 = 3_600;
const LONGEST: u32 = 86_400;

/// Who sent a SUBSCRIBE by which way.
#[derive(Clone, Copy, Debug)]
pub struct Sender<'a> {
    /// The extension that proved itself.
    pub name: &'a str,
    pub flow: Flow,
    /// Ours in this dialog.
    pub contact: &'a Uri,
}

impl Notifier {
    /// The response to a SUBSCRIBE of an extension. `find` says which extension a Request-URI's user means in a package, or the status
    /// to refuse with.
    pub fn handle_subscribe(
        &mut self,
        request: &Message,
        sender: Sender<'_>,
        find: impl Fn(Package, Option<String>) -> Result<String, u16>,
        now: Instant,
    ) -> Message {
        match self.take(request, sender, find, now) {
            Ok((tag, seconds)) => {
                let mut response = Message::response_to(request, 200, &tag);
                for route in request.all(header::RECORD_ROUTE) {
                    response.push(header::RECORD_ROUTE, route);
                }
                response.push(header::CONTACT, format!("<{}>", sender.contact));
                response.push(header::EXPIRES, seconds.to_string());
                response
            }
            Err(status) => {
                let mut response = Message::response_to(request, status, &self.random.token());
                match status {
                    423 => response.push(header::MIN_EXPIRES, SHORTEST.to_string()),
                    489 => response.push(header::ALLOW_EVENTS, ALLOW_EVENTS),
                    503 => response.push(header::RETRY_AFTER, "60"),
                    _ => {}
                }
                response
            }
        }
    }

    /// Our tag of the dialog and the seconds it has.
    fn take(
        &mut self,
        request: &Message,
        sender: Sender<'_>,
        find: impl Fn(Package, Option<String>) -> Result<String, u16>,
        now: Instant,
    ) -> Result<(String, u32), u16> {
        let package = Package::of(request).ok_or(489_u16)?;
        let seconds = request.number(header::EXPIRES).unwrap_or(USUAL).min(LONGEST);
        if seconds > 0 && seconds < SHORTEST {
            return Err(423);
        }
        let dialog = DialogId::of_request(request);
        let id = match dialog {
            Some(dialog) => self.refresh(request, &dialog, sender)?,
            None => {
                let uri = request.uri().ok_or(400_u16)?;
                let resource = find(package, uri.user_text())?;
                self.begin(request, package, resource, sender, now)?
            }
        };
        let subscription = self.all.get_mut(&id).ok_or(500_u16)?;
        subscription.expires_at = now + Duration::from_secs(u64::from(seconds));
        subscription.wanted = true;
        // The state goes out whether it changed or not (section 4.2.1.2).
        subscription.shown = None;
        if seconds == 0 {
            subscription.ending = Some("timeout");
        }
        Ok((subscription.dialog.id().local_tag.clone(), seconds))
    }

    fn begin(
        &mut self,
        request: &Message,
        package: Package,
        resource: String,
        sender: Sender<'_>,
        now: Instant,
    ) -> Result<SubscriptionId, u16> {
        let event = request.get(header::EVENT).unwrap_or_default().to_owned();
        let dialog = Dialog::uas(request, &self.random.token()).ok_or(400_u16)?;
        // A phone that was switched off and on knows nothing of its subscription before.
        self.all.retain(|_, s| {
            s.watcher != sender.name
                || s.resource != resource
                || s.event != event
                || s.dialog.remote_target() != dialog.remote_target()
        });
        let own = self.all.values().filter(|s| s.watcher == sender.name).count();
        if self.all.len() >= SUBSCRIPTIONS || own >= SUBSCRIPTIONS_PER_EXTENSION {
            return Err(503);
        }
        let mut entity = request.uri().ok_or(400_u16)?.clone();
        (entity.params, entity.headers) = Default::default();
        self.last = self.last.wrapping_add(1);
        let id = SubscriptionId(self.last);
        let subscription = Subscription {
            watcher: sender.name.to_owned(),
            resource,
            package,
            event,
            entity,
            dialog,
            flow: sender.flow,
            contact: sender.contact.clone(),
            expires_at: now,
            version: 0,
            shown: None,
            listed: Vec::new(),
            wanted: true,
            next_at: now,
            step: Step::Idle,
            ending: None,
            failures: 0,
        };
        self.all.insert(id, subscription);
        Ok(id)
    }

    fn refresh(
        &mut self,
        request: &Message,
        dialog: &DialogId,
        sender: Sender<'_>,
    ) -> Result<SubscriptionId, u16> {
        let found = self.all.iter_mut().find(|(_, s)| s.dialog.id() == dialog);
        let (id, subscription) = found.ok_or(481_u16)?;
        if subscription.watcher != sender.name {
            return Err(403);
        }
        // One that is about to end is over for the phone.
        if subscription.ending.is_some() || Package::of(request) != Some(subscription.package) {
            return Err(481);
        }
        subscription.dialog.take_cseq(request)?;
        subscription.dialog.refresh_target(request);
        subscription.flow = sender.flow;
        subscription.contact = sender.contact.clone();
        if subscription.step == Step::Lost {
            subscription.step = Step::Idle;
        }
        Ok(*id)
    }
}
