//! What the demo shows on, and the mail server that it runs with.
use crate::Smtpd;
use crate::mail::{Authority, Security, SmtpdOptions};
use crate::paths::Scratch;
use crate::postfix::{self, Postfix, read_maildir};
use crate::wait::poll;
use serde_json::Value;
use std::io::{IsTerminal as _, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

/// Steps with a tick or a cross, and their count.
pub struct Screen {
    colour: bool,
    passed: u32,
    failed: u32,
    /// What the last panic said.
    panic: Arc<Mutex<String>>,
}

impl Screen {
    #[must_use]
    pub fn new() -> Self {
        let panic = Arc::new(Mutex::new(String::new()));
        let last = Arc::clone(&panic);
        // A wait that ran out panics with the logs' tails: they belong under the step.
        std::panic::set_hook(Box::new(move |info| {
            *last.lock().unwrap_or_else(PoisonError::into_inner) = info.to_string();
        }));
        let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { colour, passed: 0, failed: 0, panic }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    pub fn line(&self, text: &str) {
        println!("{}\n", self.paint("1", text));
    }

    /// Runs one step; shows what it measured, or why it failed. True: it went well.
    pub fn step(&mut self, title: &str, action: impl FnOnce() -> Result<String, String>) -> bool {
        if self.colour {
            print!("  … {title}");
            let _ = std::io::stdout().flush();
        }
        let outcome = catch_unwind(AssertUnwindSafe(action)).unwrap_or_else(|_| Err(self.last_panic()));
        let erase = if self.colour { "\r\x1b[K" } else { "" };
        let good = outcome.is_ok();
        match outcome {
            Ok(words) => {
                self.passed += 1;
                println!("{erase}  {} {title}\n      {words}", self.paint("32", "✓"));
            }
            Err(words) => {
                self.failed += 1;
                println!("{erase}  {} {title}", self.paint("31", "✗"));
                words.lines().for_each(|line| println!("      {line}"));
            }
        }
        good
    }

    /// Runs what all steps need; None, counted as a failure, when it panics.
    pub fn guard<T>(&mut self, title: &str, action: impl FnOnce() -> T) -> Option<T> {
        let done = catch_unwind(AssertUnwindSafe(action)).ok();
        if done.is_none() {
            let words = self.last_panic();
            self.step(title, || Err(words));
        }
        done
    }

    fn last_panic(&self) -> String {
        self.panic.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The last line.
    #[must_use]
    pub fn finish(&self) -> ExitCode {
        println!("demo: {} passed, {} failed", self.passed, self.failed);
        if self.failed == 0 && self.passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

impl Default for Screen {
    fn default() -> Self {
        Self::new()
    }
}

/// The mail server: Postfix where it can run (root and its packages), else aiosmtpd with TLS and a login.
pub enum Server {
    Postfix(Postfix),
    Smtpd { smtpd: Smtpd, authority: Authority, dir: Scratch },
}

impl Server {
    #[must_use]
    pub fn start() -> Self {
        if Postfix::missing().is_none() {
            return Self::Postfix(Postfix::start());
        }
        let (authority, dir) = (Authority::new(), Scratch::new("box"));
        let options = SmtpdOptions::new(Security::Starttls).certificate(authority.good());
        let options = options.login(postfix::USER, postfix::SECRET);
        let smtpd = Smtpd::start(&SmtpdOptions { maildir: Some(dir.join("me")), ..options });
        Self::Smtpd { smtpd, authority, dir }
    }

    #[must_use]
    pub fn port(&self) -> u16 {
        match self {
            Self::Postfix(postfix) => postfix.port,
            Self::Smtpd { smtpd, .. } => smtpd.port,
        }
    }

    /// Lines for the section of the server, beside host and port.
    #[must_use]
    pub fn options(&self) -> Vec<String> {
        let authority = match self {
            Self::Postfix(postfix) => &postfix.authority,
            Self::Smtpd { authority, .. } => authority,
        };
        vec![
            "option security 'starttls'".to_owned(),
            format!("option username '{}'", postfix::USER),
            format!("option secret \"{}\"", postfix::SECRET),
            format!("option ca_file '{}'", authority.ca.display()),
            "option timeout '10'".to_owned(),
        ]
    }

    #[must_use]
    pub fn describe(&self) -> String {
        let name = match self {
            Self::Postfix(_) => "Postfix",
            Self::Smtpd { .. } => "aiosmtpd (Postfix needs root)",
        };
        format!("{name} on port {}, with STARTTLS and a login", self.port())
    }

    pub fn down(&mut self) {
        match self {
            Self::Postfix(postfix) => postfix.down(),
            Self::Smtpd { smtpd, .. } => smtpd.down(),
        }
    }

    pub fn up(&mut self) {
        match self {
            Self::Postfix(postfix) => postfix.up(),
            Self::Smtpd { smtpd, .. } => smtpd.up(),
        }
    }

    /// The reader's Maildir.
    #[must_use]
    pub fn mailbox(&self) -> PathBuf {
        match self {
            Self::Postfix(postfix) => postfix.mailbox(),
            Self::Smtpd { dir, .. } => dir.join("me"),
        }
    }

    /// Mails in it.
    #[must_use]
    pub fn count(&self) -> usize {
        std::fs::read_dir(self.mailbox().join("new")).map_or(0, Iterator::count)
    }

    /// All mails in it, oldest first.
    #[must_use]
    pub fn mails(&self) -> Vec<Value> {
        read_maildir(&self.mailbox())
    }

    /// Waits for `count` mails in all; None after `seconds`.
    #[must_use]
    pub fn find_mails(&self, count: usize, seconds: f64) -> Option<Vec<Value>> {
        poll(seconds, || (self.count() >= count).then_some(())).map(|()| self.mails())
    }
}
