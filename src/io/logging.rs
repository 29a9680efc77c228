//! Where log lines go: to a terminal or pipe as they are, to logd by syslog.
use crate::util::time::civil_from_days;
use log::{Level, LevelFilter, Log, Metadata, Record};
use std::fmt::Display;
use std::io::{self, Write as _};
use std::sync::{Mutex, PoisonError};
use syslog::{LogFormat, Severity};

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

type Logger = syslog::Logger<syslog::LoggerBackend, Lines>;

struct Syslog(Mutex<Logger>);

fn start_syslog() -> bool {
    match syslog::unix(Lines) {
        Ok(logger) => log::set_boxed_logger(Box::new(Syslog(Mutex::new(logger)))).is_ok(),
        Err(_) => false,
    }
}

impl Log for Syslog {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let mut logger = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = record.args();
        // A logd that is gone must not end the daemon, and there is nobody else to tell.
        let _ = match record.level() {
            Level::Error => logger.err(text),
            Level::Warn => logger.warning(text),
            Level::Info => logger.info(text),
            Level::Debug | Level::Trace => logger.debug(text),
        };
    }

    fn flush(&self) {}
}

/// A line as logd and the other syslog daemons read it from `/dev/log`: RFC 3164 section 4.1 without a host name. The
/// stamp is UTC; logd cuts it off and writes its own. The library's own formatter costs 41 kB on mipsel.
#[derive(Clone)]
struct Lines;

impl<T: Display> LogFormat<T> for Lines {
    #[allow(clippy::disallowed_methods)]
    fn format<W: io::Write>(&self, to: &mut W, severity: Severity, message: T) -> syslog::Result<()> {
        let priority = syslog::Facility::LOG_DAEMON as u8 | severity as u8;
        let stamp = rfc3164(super::clock::wall().0);
        write!(to, "<{priority}>{stamp} tandem[{}]: {message}", std::process::id())
            .map_err(syslog::Error::Write)
    }
}

/// `Jan  2 03:04:05`, RFC 3164 section 4.1.2: sixteen bytes with the space that follows, which logd counts on.
fn rfc3164(now: i64) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (days, second) = (now.div_euclid(86_400), now.rem_euclid(86_400));
    let (_, month, day) = civil_from_days(days);
    let month = usize::try_from(month).ok().and_then(|m| MONTHS.get(m.wrapping_sub(1))).unwrap_or(&"Jan");
    format!("{month} {day:>2} {:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::{Lines, rfc3164};
    use syslog::{LogFormat as _, Severity};

    #[test]
    fn a_line_has_the_priority_and_the_stamp_that_logd_expects() {
        for (now, want) in [
            (0, "Jan  1 00:00:00"),
            (951_782_399, "Feb 28 23:59:59"),
            (951_782_400, "Feb 29 00:00:00"),
            (1_795_643_431, "Nov 25 21:50:31"),
        ] {
            assert_eq!(rfc3164(now), want);
        }
        let mut line = Vec::new();
        Lines.format(&mut line, Severity::LOG_WARNING, "one line").expect("writes");
        let line = String::from_utf8(line).expect("text");
        // daemon is 3, warning 4 (RFC 3164 section 4.1.1).
        assert!(line.starts_with("<28>"), "{line:?}");
        assert!(line.ends_with(&format!(" tandem[{}]: one line", std::process::id())), "{line:?}");
        assert_eq!(line.as_bytes().get(4 + 15), Some(&b' '), "{line:?}");
    }
}
