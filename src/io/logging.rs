//! Where log lines go: to a terminal or pipe as they are, to logd by syslog.
use log::{LevelFilter, Log, Metadata, Record};
use std::io::Write as _;

/// The door for log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    Stderr,
    Syslog,
    /// stderr on a terminal, else syslog, else stderr.
    Auto,
}

impl std::str::FromStr for Door {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "stderr" => Ok(Self::Stderr),
            "syslog" => Ok(Self::Syslog),
            "auto" => Ok(Self::Auto),
            _ => Err("want stderr, syslog or auto".to_owned()),
        }
    }
}

struct Stderr;

impl Log for Stderr {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        if !is_ours(record.target()) && record.level() > log::Level::Warn {
            return;
        }
        // A closed stderr must not end the daemon.
        let _ =
            writeln!(std::io::stderr().lock(), "{} {}: {}", record.level(), record.target(), record.args());
    }

    fn flush(&self) {}
}

/// Libraries tell of their own affairs at the lower levels, some of them with what passes through.
fn is_ours(target: &str) -> bool {
    target.starts_with("tandem")
}

/// Begin to log. The level follows the configuration by `log::set_max_level`.
pub fn start(door: Door) {
    use std::io::IsTerminal as _;
    let syslog = match door {
        Door::Stderr => false,
        Door::Syslog => true,
        Door::Auto => !std::io::stderr().is_terminal(),
    };
    if !(syslog && start_syslog()) {
        // Set twice only in tests, where the first stays.
        let _ = log::set_boxed_logger(Box::new(Stderr));
    }
    log::set_max_level(LevelFilter::Info);
}

fn start_syslog() -> bool {
    let formatter = syslog::Formatter3164 {
        facility: syslog::Facility::LOG_DAEMON,
        hostname: None,
        process: "tandem".to_owned(),
        pid: std::process::id(),
    };
    match syslog::unix(formatter) {
        Ok(logger) => log::set_boxed_logger(Box::new(syslog::BasicLogger::new(logger))).is_ok(),
        Err(_) => false,
    }
}
