//! One REGISTER: read it whole, check it whole, then change something. RFC 3261 section 10.3.
use super::binding::Binding;
use super::contact::Contact;
use super::date::date;
use super::qualify::Watch;
use super::{Change, Key, Policy, Registrar, tell};
use crate::sip::Flow;
use crate::util::limits::{REGISTRAR_AORS, REGISTRAR_CONTACTS, REGISTRAR_TEXT};
use crate::util::text::one_line;
use crate::util::time::{Instant, Now};
use crate::wire::sip::{Message, header};
use std::time::Duration;

/// Characters of a User-Agent that are kept.
const USER_AGENT: usize = 80;

/// What a REGISTER wants.
enum Wish {
    /// No Contact: only the list.
    Fetch,
    /// `Contact: *` with `Expires: 0`.
    RemoveAll,
    /// Contacts to be kept or, with 0 seconds, removed. Keep-alives are left out.
    Change(Vec<Contact>),
}

/// Who asks, from where and when.
pub(super) struct Source<'a> {
    pub aor: &'a str,
    pub policy: Policy,
    pub call_id: &'a str,
    pub cseq: u32,
    pub user_agent: String,
    pub path: Vec<String>,
    pub flow: Flow,
    pub now: Instant,
}

/// Why nothing was changed: status and reason phrase.
type Refused = (u16, &'static str);

impl Registrar {
    /// Answers a REGISTER of the extension `aor`, whose digest was right: 200 with all contacts that it has now, or a refusal that
    /// changed nothing. An interval that is too short is raised without a word: not every phone understands 423.
    pub fn register(
        &mut self,
        aor: &str,
        policy: Policy,
        request: &Message,
        flow: Flow,
        now: Now,
    ) -> Message {
        self.handle_timeout(now.mono);
        let tag = self.random.token();
        match self.on_register(aor, policy, request, flow, now.mono) {
            Ok(()) => self.listing(aor, request, now, &tag),
            Err((status, reason)) => {
                let mut response = Message::response_to(request, status, &tag);
                response.start = crate::wire::sip::Start::Response { status, reason: reason.to_owned() };
                response
            }
        }
    }

    fn on_register(
        &mut self,
        aor: &str,
        policy: Policy,
        request: &Message,
        flow: Flow,
        now: Instant,
    ) -> Result<(), Refused> {
        let wish = read(request, policy.expires)?;
        let (Some(call_id), Some(cseq)) = (request.call_id(), request.cseq()) else {
            return Err((400, "Call-ID Or CSeq Missing"));
        };
        let path: Vec<String> = request.items(header::PATH).map(str::to_owned).collect();
        if path.iter().map(String::len).sum::<usize>().max(call_id.len()) > REGISTRAR_TEXT {
            return Err((400, "Header Too Long"));
        }
        let user_agent = one_line(request.get(header::USER_AGENT).unwrap_or_default(), USER_AGENT);
        let source = Source { aor, policy, call_id, cseq: cseq.number, user_agent, path, flow, now };
        match wish {
            Wish::Fetch => Ok(()),
            Wish::RemoveAll => {
                self.check_order(&source, |_| true)?;
                self.remove_of(aor, Change::Removed, |_| true);
                Ok(())
            }
            Wish::Change(contacts) => {
                self.check_order(&source, |b| contacts.iter().any(|c| c.is_of(b)))?;
                self.apply(&source, contacts)
            }
        }
    }

    /// Section 10.3 item 7: an older request of the same Call-ID came late, and must not undo the newer one.
    fn check_order(&self, source: &Source<'_>, is_meant: impl Fn(&Binding) -> bool) -> Result<(), Refused> {
        let is_newer = |b: &Binding| b.call_id == source.call_id && b.cseq > source.cseq;
        if self.bindings(source.aor).any(|b| is_meant(b) && is_newer(b)) {
            return Err((500, "CSeq Out Of Order"));
        }
        Ok(())
    }

    fn apply(&mut self, source: &Source<'_>, contacts: Vec<Contact>) -> Result<(), Refused> {
        let adds = contacts.iter().any(|c| c.seconds > 0);
        if adds && !self.aors.contains_key(source.aor) && self.aors.len() >= REGISTRAR_AORS {
            return Err((503, "Registrar Full"));
        }
        self.drop_moved(source, &contacts);
        for contact in contacts {
            if contact.seconds == 0 {
                self.remove_of(source.aor, Change::Removed, |b| contact.is_of(b));
            } else {
                self.keep(source, contact);
            }
        }
        self.push_out(source);
        Ok(())
    }

    /// A phone that comes back from another port names another contact under its old Call-ID: the old one leads nowhere.
    fn drop_moved(&mut self, source: &Source<'_>, contacts: &[Contact]) {
        let [contact] = contacts else { return };
        if contact.seconds > 0 {
            self.remove_of(source.aor, Change::Replaced, |b| {
                b.call_id == source.call_id
                    && b.cseq < source.cseq
                    && b.contact.user == contact.uri.user
                    && !contact.is_of(b)
            });
        }
    }

    /// Refreshes the binding of this phone, or makes one.
    pub(super) fn keep(&mut self, source: &Source<'_>, contact: Contact) {
        let interval = source.policy.qualify;
        let wait = interval.map_or(0, |i| u32::try_from(i.as_millis()).unwrap_or(u32::MAX));
        // Spread, so that not every phone is asked in the same moment after a restart.
        let first_at = source.now + Duration::from_millis(u64::from(self.random.below(wait)));
        let expires_at = source.now + Duration::from_secs(u64::from(contact.seconds));
        self.note_due(interval.map_or(expires_at, |_| first_at.min(expires_at)));
        if !self.aors.contains_key(source.aor) {
            self.aors.insert(source.aor.to_owned(), Vec::new());
        }
        let Some(list) = self.aors.get_mut(source.aor) else { return };
        let old = list.iter().position(|b| contact.is_of(b)).map(|at| list.swap_remove(at));
        // Others that this contact means too: the URI of one, the instance of another.
        list.retain(|b| !contact.is_of(b));
        let (key, watch, was_at) = match old {
            Some(old) => (old.key, old.watch, Some(old.flow)),
            None => {
                self.last_key = self.last_key.wrapping_add(1);
                (Key(self.last_key), Watch::new(interval, first_at), None)
            }
        };
        let mut binding = Binding {
            key,
            contact: contact.uri,
            params: contact.params,
            flow: source.flow,
            expires_at,
            last_seen: source.now,
            user_agent: source.user_agent.clone(),
            instance: contact.instance,
            reg_id: contact.reg_id,
            q: contact.q,
            path: source.path.clone(),
            call_id: source.call_id.to_owned(),
            cseq: source.cseq,
            watch,
        };
        binding.watch.on_register(interval, first_at);
        let change = match was_at {
            None => Some(Change::Registered),
            Some(flow) if (flow.transport, flow.remote) != (source.flow.transport, source.flow.remote) => {
                Some(Change::Moved)
            }
            Some(_) => None,
        };
        if let Some(change) = change {
            self.is_changed = true;
            tell(&mut self.events, source.aor, change, &binding);
        }
        list.push(binding);
        list.sort_by_key(|b| (std::cmp::Reverse(b.q), std::cmp::Reverse(b.last_seen)));
    }

    /// The oldest go until no more are left than this extension may have.
    pub(super) fn push_out(&mut self, source: &Source<'_>) {
        let most = source.policy.max_contacts.clamp(1, REGISTRAR_CONTACTS);
        if self.bindings(source.aor).count() <= most {
            return;
        }
        let mut ages: Vec<(Instant, Key)> = self.bindings(source.aor).map(|b| (b.last_seen, b.key)).collect();
        ages.sort();
        let too_many = ages.len().saturating_sub(most);
        for (_, key) in ages.into_iter().take(too_many) {
            self.remove_of(source.aor, Change::Replaced, |b| b.key == key);
        }
    }

    fn listing(&self, aor: &str, request: &Message, now: Now, tag: &str) -> Message {
        let mut response = Message::response_to(request, 200, tag);
        for binding in self.bindings(aor) {
            response.push(header::CONTACT, binding.listed(now.mono));
        }
        for hop in request.all(header::PATH) {
            response.push(header::PATH, hop);
        }
        // RFC 5626 section 6: the phone learns that its connection counts.
        if self.bindings(aor).any(|b| b.reg_id.is_some() && b.instance.is_some())
            && request.items(header::SUPPORTED).any(|option| option == "outbound")
        {
            response.push(header::REQUIRE, "outbound");
        }
        // Cisco phones set their clock by it.
        if now.wall.is_set() {
            response.push(header::DATE, date(now.wall));
        }
        response
    }
}

fn read(request: &Message, bounds: (u32, u32)) -> Result<Wish, Refused> {
    let items: Vec<&str> = request.items(header::CONTACT).collect();
    if items.is_empty() {
        return Ok(Wish::Fetch);
    }
    if items.contains(&"*") {
        let is_zero = request.get(header::EXPIRES).is_some_and(|e| e.trim() == "0");
        return if is_zero && items.len() == 1 {
            Ok(Wish::RemoveAll)
        } else {
            Err((400, "Contact * Needs Expires 0"))
        };
    }
    if items.len() > REGISTRAR_CONTACTS {
        return Err((400, "Too Many Contacts"));
    }
    if items.iter().any(|i| i.len() > REGISTRAR_TEXT) {
        return Err((400, "Contact Too Long"));
    }
    let default = request.get(header::EXPIRES);
    let contacts: Option<Vec<Contact>> =
        items.into_iter().map(|i| Contact::read(i, default, bounds)).collect();
    let mut contacts = contacts.ok_or((400, "Bad Contact"))?;
    contacts.retain(|c| !c.is_keep_alive);
    Ok(Wish::Change(contacts))
}
