//! `config smtp`: a mail server.
use std::time::Duration;

use super::Secret;
use super::fields::Fields;
use super::value::is_loopback;

/// `config smtp NAME`: a mail server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Smtp {
    pub name: String,
    /// `enabled`, default 1.
    pub enabled: bool,
    /// `host`: name or address. Required.
    pub host: String,
    /// `port`; default by `security`: 25, 587 or 465.
    pub port: u16,
    /// `security`: none, starttls (default) or tls.
    pub security: Security,
    /// `username` and `secret`: both or none.
    pub login: Option<Login>,
    /// `sender`: an address. Required.
    pub sender: String,
    /// `verify`, default 1: check the server's certificate. 0 only for a server in one's own house.
    pub verify: bool,
    /// `ca_file`: a PEM file with further trusted certificates.
    pub ca_file: Option<String>,
    /// `timeout`, seconds for one step of the dialogue; default 60, 5 to 300.
    pub timeout: Duration,
    /// `give_up`, seconds after which a text that the server puts off is `failed`; default 604800 (7 days), 3600 to 2592000.
    pub give_up: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    None,
    Starttls,
    Tls,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    pub username: String,
    pub secret: Secret,
}

impl Security {
    /// The port where servers expect it: relay, RFC 6409 submission, RFC 8314 submissions.
    #[must_use]
    pub fn port(self) -> u16 {
        match self {
            Self::None => 25,
            Self::Starttls => 587,
            Self::Tls => 465,
        }
    }

    fn from_uci(text: Option<String>) -> Self {
        match text.as_deref() {
            Some("none") => Self::None,
            Some("tls") => Self::Tls,
            _ => Self::Starttls,
        }
    }
}

impl Smtp {
    /// Reports what is wrong to `fields`; the caller drops the section then.
    pub(super) fn from_uci(name: String, fields: &mut Fields<'_>) -> Self {
        let security = Security::from_uci(fields.text("security"));
        let smtp = Self {
            name,
            enabled: fields.flag("enabled"),
            host: fields.required("host"),
            port: u16::try_from(fields.number("port")).ok().filter(|p| *p != 0).unwrap_or(security.port()),
            security,
            login: login(fields),
            sender: fields.required("sender"),
            verify: fields.flag("verify"),
            ca_file: fields.text("ca_file"),
            timeout: Duration::from_secs(fields.number("timeout")),
            give_up: Duration::from_secs(fields.number("give_up")),
        };
        if smtp.login.is_some() && security == Security::None && !is_loopback(&smtp.host) {
            fields.notice("security", "is 'none': the password travels in clear, want starttls or tls");
        }
        smtp
    }
}

/// `username` and `secret`: both or none.
pub(super) fn login(fields: &mut Fields<'_>) -> Option<Login> {
    match (fields.text("username"), fields.secret("secret")) {
        (Some(username), Some(secret)) => return Some(Login { username, secret }),
        (Some(_), None) if !fields.has("secret") => {
            fields.missing("secret", "the password that belongs to 'username'");
        }
        (None, Some(_)) if !fields.has("username") => {
            fields.missing("username", "the name that belongs to 'secret'");
        }
        _ => {}
    }
    None
}
