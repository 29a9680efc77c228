//! Phones: who they are, where they are.
use super::Switch;
use super::calls::Party;
use crate::config::{Digest, Dtmf, Extension, Srtp, Trunk};
use crate::sip::auth::{Account, Algorithm, Role, Verdict};
use crate::sip::registrar::{Change, Reach};
use crate::sip::{ClientId, Flow};
use crate::util::OFFICE;
use crate::util::text::one_line;
use crate::util::time::{Instant, Now};
use crate::wire::sip::{Message, header};
use serde_json::{Value, json};

/// Who sent an INVITE.
#[derive(Debug)]
pub enum Who {
    /// A phone that has proven its password.
    Extension(Extension),
    /// The provider of this trunk; `number` as it showed the caller's, empty: withheld.
    Trunk { section: Trunk, number: String },
}

impl Who {
    #[must_use]
    pub fn trunk(&self) -> Option<&str> {
        match self {
            Self::Trunk { section, .. } => Some(&section.name),
            Self::Extension(_) => None,
        }
    }

    #[must_use]
    pub const fn srtp(&self) -> Srtp {
        match self {
            Self::Extension(extension) => extension.srtp,
            Self::Trunk { section, .. } => section.srtp,
        }
    }

    #[must_use]
    pub const fn dtmf(&self) -> Dtmf {
        match self {
            Self::Extension(extension) => extension.dtmf,
            Self::Trunk { section, .. } => section.dtmf,
        }
    }
}

impl Switch {
    /// REGISTER: the phone proves its password, then its contacts are kept.
    pub(super) fn on_register(&mut self, request: &Message, flow: Flow, now: Now) -> Message {
        let name = match self.prove(request, flow, now) {
            Ok(name) => name,
            Err(response) => return *response,
        };
        let Some(extension) = self.loaded.config.extension(&name) else {
            return self.sip.response_to(request, 403);
        };
        // Who proves to be 100 registers as 100.
        let aor = request.to().and_then(|to| to.uri.user_text());
        if aor.as_deref() != Some(&extension.name) {
            log::warn!("extension '{}': REGISTER for another one from {}", extension.name, flow.remote);
            return self.sip.response_to(request, 403);
        }
        let policy = self.policy(extension);
        let response = self.registrar.register(&name, policy, request, flow, now);
        self.wake_messages(&name);
        self.tell_registrar_news();
        response
    }

    /// The extension that the digest of a request proves; else the challenge to answer with.
    pub(super) fn authenticate(
        &mut self,
        request: &Message,
        flow: Flow,
        now: Now,
    ) -> Result<Extension, Box<Message>> {
        let name = self.prove(request, flow, now)?;
        match self.loaded.config.extension(&name).cloned() {
            Some(extension) => Ok(extension),
            None => Err(Box::new(self.challenge(request, false, now))),
        }
    }

    /// As `authenticate`, the name alone.
    fn prove(&mut self, request: &Message, flow: Flow, now: Now) -> Result<String, Box<Message>> {
        let config = &self.loaded.config;
        let account = |user: &str| {
            let extension = config.extension(user)?;
            let (secret, or_md5) = (extension.secret.clone(), extension.digest == Digest::Both);
            Some(Account { secret, algorithm: algorithm(extension.digest), or_md5 })
        };
        let verdict = self.authenticator.verify(request, Role::Uas, &config.sip.realm, &account, now.mono);
        let stale = match verdict {
            Verdict::Accepted { user } => return Ok(user),
            Verdict::Missing => false,
            Verdict::Stale => true,
            Verdict::Wrong => {
                self.counters.auth_failures = self.counters.auth_failures.saturating_add(1);
                let user = request.from().and_then(|f| f.uri.user_text()).unwrap_or_default();
                // A scanner tries thousands: the counter tells, the log shows the first of each while.
                if self.auth_told.is_none_or(|at| now.mono.since(at) >= AUTH_QUIET) {
                    self.auth_told = Some(now.mono);
                    log::warn!(
                        "wrong password for extension '{}' from {}",
                        one_line(&user, 32),
                        flow.remote.ip()
                    );
                }
                false
            }
        };
        Err(Box::new(self.challenge(request, stale, now)))
    }

    fn challenge(&mut self, request: &Message, stale: bool, now: Now) -> Message {
        let user = request.from().and_then(|f| f.uri.user_text()).unwrap_or_default();
        let config = &self.loaded.config;
        // A name that nobody has is asked like one of ours, always the same, and for the same work: who tries names
        // learns nothing.
        let lot = self.authenticator.lot(&user);
        let like = lot.checked_rem(config.extensions.len()).and_then(|at| config.extensions.get(at));
        let digest = config.extension(&user).or(like).map_or(Digest::Md5, |e| e.digest);
        let mut response = self.sip.response_to(request, Role::Uas.status());
        let realm = &config.sip.realm;
        // RFC 8760 section 2.3: what we prefer stands first.
        let second = (digest == Digest::Both).then_some(Algorithm::Md5);
        for algorithm in std::iter::once(algorithm(digest)).chain(second) {
            let value = self.authenticator.challenge(realm, algorithm, stale, now.mono);
            response.push(Role::Uas.challenge_header(), value);
        }
        response
    }

    /// Who calls: a trunk by its token or address, else a phone that has to prove itself.
    pub(super) fn who_calls(&mut self, request: &Message, flow: Flow, now: Now) -> Result<Who, Box<Message>> {
        if let Some(who) = self.trunk_calls(request, flow) {
            return Ok(who);
        }
        self.authenticate(request, flow, now).map(Who::Extension)
    }

    pub(super) fn tell_registrar_news(&mut self) {
        if self.registrar.take_changed() {
            self.kept.note(self.started);
        }
        while let Some(news) = self.registrar.poll_event() {
            self.presence.stale = true;
            if matches!(news.change, Change::Registered | Change::Moved) {
                self.follow(news.flow, |party, old| {
                    let same_host = old.remote.ip() == news.flow.remote.ip();
                    same_host && matches!(party, Party::Extension { name } if *name == news.aor)
                });
                let binding = self.registrar.bindings(&news.aor).find(|b| b.key == news.key);
                if OFFICE && let Some(contact) = binding.map(|b| b.contact.clone()) {
                    self.presence.notifier.follow(&news.aor, &contact, news.flow);
                }
            }
            let (name, peer) = (&news.aor, news.flow.remote);
            match news.change {
                Change::Registered => log::info!("extension '{name}': registered from {peer}"),
                Change::Moved => log::info!("extension '{name}': now at {peer}"),
                Change::Removed => log::info!("extension '{name}': signed off at {peer}"),
                Change::Replaced => log::info!("extension '{name}': {peer} made room for a newer one"),
                Change::Expired => log::info!("extension '{name}': {peer} did not come back in time"),
                Change::ConnectionLost => log::info!("extension '{name}': connection of {peer} lost"),
                Change::Forgotten => log::info!("extension '{name}': no longer in the configuration"),
                Change::Unreachable => log::warn!("extension '{name}': {peer} does not answer"),
                Change::Reachable => log::info!("extension '{name}': {peer} answers again"),
            }
        }
    }

    /// Expired contacts, and phones that are to be asked whether they are there.
    pub(super) fn registrar_timeouts(&mut self, now: Now) {
        self.registrar.handle_timeout(now.mono);
        while let Some(probe) = self.registrar.poll_qualify(now.mono) {
            match self.sip.send(probe.flow, probe.request, now.mono) {
                Ok(client) => {
                    self.probes.insert(client, probe.key);
                }
                Err(_) => self.registrar.handle_qualified(probe.key, false, now.mono),
            }
        }
        self.tell_registrar_news();
    }

    /// The answer to an OPTIONS or a REGISTER of ours.
    pub(super) fn on_response(&mut self, id: ClientId, answer: Option<(&Message, &Message)>, now: Now) {
        if answer.is_some_and(|(response, _)| response.status().is_some_and(|s| s < 200)) {
            return;
        }
        if let Some(key) = self.probes.remove(&id) {
            // Any answer says that somebody is there.
            self.registrar.handle_qualified(key, answer.is_some(), now.mono);
            self.tell_registrar_news();
            return;
        }
        self.on_registered(id, answer.map(|(response, _)| response), now);
    }

    /// Extensions that are gone or got another password ring no more.
    pub(super) fn set_extensions(&mut self, old: &[Extension]) {
        for extension in old {
            let kept = self
                .loaded
                .config
                .extensions
                .iter()
                .any(|e| e.enabled && e.name == extension.name && e.secret == extension.secret);
            if !kept {
                self.registrar.forget(&extension.name);
                if OFFICE {
                    self.presence.notifier.forget(&extension.name);
                }
            }
        }
        self.tell_registrar_news();
    }

    pub(super) fn extensions_view(&self, now: Instant) -> Vec<Value> {
        let contacts = |name: &str| -> Vec<Value> {
            self.registrar
                .bindings(name)
                .map(|b| {
                    let reach = match b.reach() {
                        Reach::Unknown => None,
                        Reach::Reachable { rtt } => {
                            Some(json!({"ok": true, "ms": u64::try_from(rtt.as_millis()).ok()}))
                        }
                        Reach::Unreachable => Some(json!({"ok": false})),
                    };
                    json!({"contact": b.contact.to_string(), "address": b.flow.remote.to_string(),
                           "transport": b.flow.transport.name(), "user_agent": b.user_agent,
                           "expires_s": b.expires_at.since(now).as_secs(), "reachable": reach})
                })
                .collect()
        };
        let enabled = self.loaded.config.extensions.iter().filter(|e| e.enabled);
        enabled
            .map(|e| {
                let mut view = json!({"name": e.name, "display": e.display, "contacts": contacts(&e.name)});
                if OFFICE && let Some(fields) = view.as_object_mut() {
                    fields.insert("set".to_owned(), super::settings::view(&self.features(e)));
                    fields.insert("watched_by".to_owned(), json!(self.presence.notifier.watching(&e.name)));
                    fields.insert("texts_waiting".to_owned(), json!(self.messages.pager.waiting(&e.name)));
                }
                view
            })
            .collect()
    }
}

/// At most one line about wrong passwords in this time.
const AUTH_QUIET: std::time::Duration = std::time::Duration::from_secs(10);

const fn algorithm(digest: Digest) -> Algorithm {
    match digest {
        Digest::Md5 => Algorithm::Md5,
        Digest::Sha256 | Digest::Both => Algorithm::Sha256,
    }
}

/// A caller's number in From, or in P-Asserted-Identity where a provider puts it; empty: withheld.
pub(super) fn shown_number(request: &Message) -> String {
    let asserted = request.get(header::P_ASSERTED_IDENTITY).and_then(crate::wire::sip::Address::parse);
    let address = asserted.or_else(|| request.from());
    let user = address.filter(|a| !a.uri.host.ends_with("anonymous.invalid")).and_then(|a| a.uri.user_text());
    user.filter(|u| !u.eq_ignore_ascii_case("anonymous")).unwrap_or_default()
}
