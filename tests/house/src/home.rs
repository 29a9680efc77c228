//! Home 1 as a whole: a stick, a mail server, and the daemon between them.
use crate::daemon::Daemon;
use crate::mail::Smtpd;
use crate::paths::Scratch;
use crate::stick::{IMEI, Stick};
use crate::wait::patience;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

/// Who gets the mail here.
pub const READER: &str = "me@example.com";

/// What differs from the plain home.
#[derive(Clone, Debug)]
pub struct Options {
    /// Options of the stick.
    pub stick: Vec<String>,
    /// Lines in the dongle's section, beside the IMEI: `option pin '1234'`.
    pub dongle: Vec<String>,
    /// Another port than the mail server's own: a cutter's.
    pub smtp_port: Option<u16>,
    /// Lines in the server's section.
    pub smtp: Vec<String>,
    /// Lines in the main section.
    pub main: Vec<String>,
    /// Whole sections after the others.
    pub sections: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            stick: strings(&["--profile", "fast", "--number", "+919876543210", "--operator", "Airtel"]),
            dongle: Vec::new(),
            smtp_port: None,
            smtp: strings(&["option security 'none'", "option timeout '5'"]),
            main: Vec::new(),
            sections: String::new(),
        }
    }
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|w| (*w).to_owned()).collect()
}

impl Options {
    /// Further options for the stick.
    #[must_use]
    pub fn stick(mut self, options: &[&str]) -> Self {
        self.stick.extend(strings(options));
        self
    }

    /// `fast` or `slow`, as real sticks are.
    #[must_use]
    pub fn profile(mut self, profile: &str) -> Self {
        if let Some(at) = self.stick.iter().position(|w| w == "--profile")
            && let Some(value) = self.stick.get_mut(at + 1)
        {
            profile.clone_into(value);
        }
        self
    }

    /// A further line in the dongle's section.
    #[must_use]
    pub fn dongle(mut self, line: &str) -> Self {
        self.dongle.push(line.to_owned());
        self
    }

    #[must_use]
    pub fn smtp_port(mut self, port: u16) -> Self {
        self.smtp_port = Some(port);
        self
    }

    /// The UCI file.
    #[must_use]
    pub fn config(&self, state_dir: &str, mail_port: u16) -> String {
        let mut text = String::new();
        let mut section = |head: &str, lines: &[String]| {
            let _ = writeln!(text, "config {head}");
            for line in lines {
                let _ = writeln!(text, "\t{line}");
            }
        };
        let with = |own: &[String], more: &[String]| [own, more].concat();
        let option = |name: &str, value: &str| format!("option {name} '{value}'");
        let main = [option("state_dir", state_dir), option("log_level", "debug")];
        section("tandem 'main'", &with(&main, &self.main));
        let dongle = [option("imei", IMEI), option("number", "+919876543210")];
        section("dongle 'home_sim'", &with(&dongle, &self.dongle));
        let port = self.smtp_port.unwrap_or(mail_port).to_string();
        let smtp =
            [option("host", "127.0.0.1"), option("port", &port), option("sender", "router@example.com")];
        section("smtp 'mail'", &with(&smtp, &self.smtp));
        let forward = ["list from 'home_sim'".to_owned(), format!("list to 'email/{READER}'")];
        section("forward 'sms_to_mail'", &forward);
        text.push_str(&self.sections);
        text
    }
}

/// The home. Fields are dropped in this order: the daemon goes first.
pub struct Home {
    pub daemon: Daemon,
    pub stick: Stick,
    pub mail: Smtpd,
    pub options: Options,
    pub scratch: Scratch,
}

impl Home {
    /// Everything runs and the dongle is ready.
    #[must_use]
    pub fn ready(name: &str, options: Options) -> Self {
        let mut home = Self::start(name, options);
        home.daemon.wait_dongle("ready", 30.0);
        home
    }

    /// Everything runs; the dongle may still be starting.
    #[must_use]
    pub fn start(name: &str, options: Options) -> Self {
        let mut home = Self::prepare(name, options);
        home.daemon.restart();
        home
    }

    /// Stick and mail server run, the daemon doesn't yet.
    #[must_use]
    pub fn prepare(name: &str, options: Options) -> Self {
        let scratch = Scratch::new(name);
        let mail = Smtpd::plain();
        let words: Vec<&str> = options.stick.iter().map(String::as_str).collect();
        let stick = Stick::start(&scratch.join("stick"), &words);
        let state = scratch.join("state");
        let config = options.config(&state.to_string_lossy(), mail.port);
        let daemon = Daemon::prepare(&scratch.join("run"), &config, &stick.sysfs(), &stick.dev());
        Self { daemon, stick, mail, options, scratch }
    }

    /// The configuration that the daemon runs with, made anew from `options`.
    #[must_use]
    pub fn config(&self) -> String {
        self.options.config(&self.scratch.join("state").to_string_lossy(), self.mail.port)
    }

    /// Waits for `count` mails in all, and until the daemon has noted that they are delivered.
    pub fn wait_mails(&mut self, count: usize, seconds: f64) -> Vec<Value> {
        let mails = self.mail.find_mails(count, seconds);
        mails.unwrap_or_else(|| {
            let mails = self.mail.mails();
            let last = mails.iter().rev().take(5).map(|m| &m["subject"]).collect::<Vec<_>>();
            let (daemon, stick) = (self.daemon.tail(60), self.stick.tail(25));
            panic!(
                "not {count} mails in {seconds} s, but {}, the last {last:?}\n{daemon}\n{stick}",
                mails.len()
            )
        })
    }

    /// The SIM is empty and the stick has nothing to complain about.
    pub fn assert_clean(&mut self) {
        if !self.stick.emptied(10.0) {
            let slots = self.stick.slots();
            panic!("left on the SIM: {slots:?}\n{}\n{}", self.daemon.tail(60), self.stick.tail(30));
        }
        let offences = self.stick.offences();
        assert!(offences.is_empty(), "offences: {offences:#?}\n{}", self.daemon.tail(40));
    }

    /// See the function of this name.
    pub fn kill_after_store(&mut self, from: &str, text: &str) -> bool {
        kill_after_store(&mut self.stick, &mut self.daemon, &self.scratch.join("state"), from, text)
    }
}

/// A text arrives, and the daemon is killed as soon as a file of it lies in the state directory. True: the SIM still
/// held it then, so the kill came between store and delete.
pub fn kill_after_store(
    stick: &mut Stick,
    daemon: &mut Daemon,
    state: &Path,
    from: &str,
    text: &str,
) -> bool {
    // Stretches the moment: the first AT+CMGD of each text fails, as some sticks have it.
    stick.ask(&json!({ "do": "quirk", "name": "delete_fails", "on": true }));
    let before = count_files(state);
    stick.sms(from, text);
    let ends = Instant::now() + patience(15.0);
    // No pause: the moment lasts for a write on the serial port.
    while count_files(state) <= before && Instant::now() < ends {
        std::hint::spin_loop();
    }
    daemon.kill9();
    stick.ask(&json!({ "do": "quirk", "name": "delete_fails", "on": false }));
    !stick.slots().is_empty()
}

/// Files below `dir` that are complete, that is without a temporary name.
fn count_files(dir: &Path) -> usize {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => count_files(&entry.path()),
            _ => usize::from(!entry.file_name().to_string_lossy().contains("tmp")),
        })
        .sum()
}
