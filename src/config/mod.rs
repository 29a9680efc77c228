//! The configuration: one UCI file, read once into complete checked types.
//!
//! `Loaded::parse` never fails as a whole: a section with a problem is left out and reported, the others work.

use std::time::Duration;

/// Everything one file said, section by section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    pub main: Main,
    pub dongles: Vec<Dongle>,
    pub smtps: Vec<Smtp>,
    pub forwards: Vec<Forward>,
}

/// `config tandem 'main'`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Main {
    /// `enabled`, default 1: with 0 the daemon ends at once with a line in the log.
    pub enabled: bool,
    /// `country`, two letters (ISO 3166): tones, emergency numbers, number format. None: not told.
    pub country: Option<String>,
    /// `state_dir`: texts and their delivery. Default `/etc/tandem/state`.
    pub state_dir: String,
    /// `log_level`: error, warn, info (default), debug or trace.
    pub log_level: log::LevelFilter,
    /// `keep`: delivered texts kept for `tandem sms list`, default 200, 0 to 5000.
    pub keep: usize,
}

/// `config dongle NAME`: one stick, or the SIM in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dongle {
    pub name: String,
    /// `enabled`, default 1.
    pub enabled: bool,
    /// `imei`, 15 digits: this stick wherever it is plugged in.
    pub imei: Option<String>,
    /// `imsi`, 14 or 15 digits: the stick that holds this SIM.
    pub imsi: Option<String>,
    /// `usb`, a port path as in sysfs (`1-1.2`): whatever is plugged in there.
    pub usb: Option<String>,
    /// `at_port`: the tty that takes AT commands, instead of finding it (`/dev/ttyUSB2`).
    pub at_port: Option<String>,
    /// `audio_port`: the tty that carries voice; only with `at_port`.
    pub audio_port: Option<String>,
    /// `number`: the SIM's own number, shown in mails.
    pub number: Option<String>,
    /// `pin`, 4 to 8 digits.
    pub pin: Option<Secret>,
    /// `incomplete_after`, seconds until a text with missing parts is forwarded with a mark; default 86400, 600 to 2592000.
    pub incomplete_after: Duration,
    /// `delivery_reports`, default 1: ask the network to report sent texts.
    pub delivery_reports: bool,
}

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

/// A password or PIN: `Debug` shows `***`, and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that hands it to a SIM or a server.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl Default for Main {
    fn default() -> Self {
        Self {
            enabled: true,
            country: None,
            state_dir: "/etc/tandem/state".to_owned(),
            log_level: log::LevelFilter::Info,
            keep: 200,
        }
    }
}

/// What is wrong with one option or section, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Line in the file, from 1.
    pub line: u32,
    /// The section's name, or `@kind[index]` for an anonymous one. Empty for the file as a whole.
    pub section: String,
    pub kind: String,
    /// `section 'home_sim' (dongle): option 'pin' is '12', want 4 to 8 digits`; secrets masked where the value itself is no hint.
    pub text: String,
}

/// A file as read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    pub config: Config,
    /// Each disables its section.
    pub problems: Vec<Problem>,
    /// Worth saying, harmful to nothing: sections that wait for a later version.
    pub notices: Vec<Problem>,
}
