//! `config tandem 'main'`: the daemon itself.
use super::fields::Fields;
use crate::util::zone::Zone;

/// `config tandem 'main'`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Main {
    /// `enabled`, default 1: with 0 the daemon ends at once with a line in the log.
    pub enabled: bool,
    /// `country`, two letters (ISO 3166): tones, emergency numbers, number format. None: not told.
    pub country: Option<String>,
    /// `timezone` as POSIX writes it; None: the system's.
    pub zone: Option<Zone>,
    /// `list emergency`: emergency numbers beside those of the country, 112 and 911.
    pub emergency: Vec<String>,
    /// `state_dir`: texts and their delivery. Default `/etc/tandem/state`.
    pub state_dir: String,
    /// `log_level`: error, warn, info (default), debug or trace.
    pub log_level: log::LevelFilter,
    /// `keep`: delivered texts kept for `tandem sms list`, default 200, 0 to 5000.
    pub keep: usize,
}

impl Default for Main {
    fn default() -> Self {
        Self {
            enabled: true,
            country: None,
            zone: None,
            emergency: Vec::new(),
            state_dir: "/etc/tandem/state".to_owned(),
            log_level: log::LevelFilter::Info,
            keep: 200,
        }
    }
}

impl Main {
    /// A bad option keeps its default here: the daemon needs this section whatever it says.
    pub(super) fn from_uci(fields: &mut Fields<'_>) -> Self {
        let default = Self::default();
        Self {
            enabled: fields.flag("enabled"),
            country: fields.text("country").map(|code| code.to_ascii_uppercase()),
            zone: fields.text("timezone").as_deref().and_then(Zone::parse),
            emergency: fields.list("emergency"),
            state_dir: fields.text("state_dir").map_or(default.state_dir, without_last_slash),
            log_level: fields.text("log_level").and_then(|l| l.parse().ok()).unwrap_or(default.log_level),
            keep: usize::try_from(fields.number("keep")).unwrap_or(default.keep),
        }
    }
}

fn without_last_slash(path: String) -> String {
    path.trim_end_matches('/').to_owned()
}
