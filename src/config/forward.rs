//! `config forward`: which texts go where.
use std::fmt;

use super::fields::Fields;
use super::value::is_address;
use crate::util::nearest::nearest;

/// `config forward NAME`: texts of these dongles go to these targets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    pub name: String,
    /// `enabled`, default 1.
    pub enabled: bool,
    /// `list from`: names of dongles; empty: every dongle.
    pub from: Vec<String>,
    /// `list to`: destinations. Required.
    pub to: Vec<Target>,
}

/// Where a text goes. Written `email/me@example.com`, with the server's name in front where there are several:
/// `email/mail/me@example.com`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    Email { server: String, address: String },
}

impl Target {
    /// Read what `Display` wrote: the form with the server's name in it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (server, address) = text.strip_prefix("email/")?.split_once('/')?;
        Some(Self::Email { server: server.to_owned(), address: address.to_owned() })
    }

    /// The name of the section that carries it there.
    #[must_use]
    pub fn server(&self) -> &str {
        let Self::Email { server, .. } = self;
        server
    }

    #[must_use]
    pub fn address(&self) -> &str {
        let Self::Email { address, .. } = self;
        address
    }
}

impl fmt::Display for Target {
    /// In full, with the server's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Email { server, address } => write!(f, "email/{server}/{address}"),
        }
    }
}

/// What a forward may name.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Names of dongles, those of sections with a problem too: they have been reported.
    pub dongles: Vec<String>,
    pub servers: Vec<Server>,
}

/// An smtp section.
#[derive(Debug)]
pub(super) struct Server {
    /// Its own or, for an anonymous section, its made-up name.
    pub name: String,
    /// As problems call the section.
    pub label: String,
    pub is_anonymous: bool,
    pub state: ServerState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ServerState {
    Works,
    Disabled,
    /// The section was left out for a problem.
    LeftOut,
}

impl Forward {
    /// Reports what is wrong to `fields`; the caller drops the section then.
    pub(super) fn from_uci(name: String, fields: &mut Fields<'_>, known: &Known) -> Self {
        let enabled = fields.flag("enabled");
        let from = fields.list("from");
        for dongle in &from {
            if !known.dongles.contains(dongle) {
                fields.bad("from", dongle, &known.want_dongle(dongle));
            }
        }
        let mut to = Vec::new();
        for text in fields.list("to") {
            match known.target(&text, enabled) {
                Ok(target) if to.contains(&target) => {}
                Ok(target) => to.push(target),
                Err(want) => fields.bad("to", &text, &want),
            }
        }
        Self { name, enabled, from, to }
    }
}

impl Known {
    fn want_dongle(&self, name: &str) -> String {
        if self.dongles.is_empty() {
            return "the name of a dongle: add a section config dongle 'NAME'".to_owned();
        }
        let hint = nearest(name, self.dongles.iter().map(String::as_str));
        let hint = hint.map(|near| format!("; did you mean '{near}'?")).unwrap_or_default();
        format!("the name of a dongle: {}{hint}", listed(&self.dongles))
    }

    /// `text` as a destination; the error says what to write. A forward that is itself switched off may name a
    /// server that is.
    fn target(&self, text: &str, forward_enabled: bool) -> Result<Target, String> {
        let Some(rest) = text.strip_prefix("email/") else {
            return Err(want_destination(text));
        };
        let (server, address) = match rest.split_once('/') {
            Some((server, address)) => (Some(server), address),
            None => (None, rest),
        };
        if !is_address(address) {
            return Err("email/ and an address, such as email/me@example.com".to_owned());
        }
        let server = match server {
            Some(name) => self.server(name, address)?,
            None => self.only_server(address)?,
        };
        match server.state {
            ServerState::Disabled if forward_enabled => {
                Err(format!("a server that is enabled: {} has enabled '0'", server.label))
            }
            ServerState::LeftOut => Err(format!("a server that works: {} has a problem", server.label)),
            ServerState::Works | ServerState::Disabled => {
                Ok(Target::Email { server: server.name.clone(), address: address.to_owned() })
            }
        }
    }

    fn server(&self, name: &str, address: &str) -> Result<&Server, String> {
        let named = || self.servers.iter().filter(|server| !server.is_anonymous);
        named().find(|server| server.name == name).ok_or_else(|| self.want_server(address))
    }

    /// One that is switched off or has a problem harms nobody but itself: it does not make the other one ambiguous.
    fn only_server(&self, address: &str) -> Result<&Server, String> {
        let mut working = self.servers.iter().filter(|server| server.state == ServerState::Works);
        match (working.next(), working.next(), self.servers.as_slice()) {
            (Some(only), None, _) | (None, None, [only]) => Ok(only),
            _ => Err(self.want_server(address)),
        }
    }

    fn want_server(&self, address: &str) -> String {
        let named = self.servers.iter().filter(|server| !server.is_anonymous);
        let written: Vec<String> = named.map(|server| format!("email/{}/{address}", server.name)).collect();
        match (self.servers.as_slice(), written.is_empty()) {
            ([], _) => "a server to send it: add a section config smtp 'mail'".to_owned(),
            ([_], true) => format!("email/{address}, as the one smtp section has no name"),
            (_, true) => "the server's name in it: give each smtp section a name".to_owned(),
            (_, false) => format!("the server's name in it: {}", listed(&written)),
        }
    }
}

fn want_destination(text: &str) -> String {
    if is_address(text) {
        format!("email/{text}")
    } else {
        "email/ADDRESS or email/SERVER/ADDRESS".to_owned()
    }
}

/// `a`, `a or b`, `a, b or c`; of many the first few.
pub(super) fn listed(words: &[impl AsRef<str>]) -> String {
    const SHOWN: usize = 12;
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    match words.as_slice() {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] if first.len() < SHOWN => format!("{} or {last}", first.join(", ")),
        many => format!("{} and others", many.get(..SHOWN).unwrap_or_default().join(", ")),
    }
}
