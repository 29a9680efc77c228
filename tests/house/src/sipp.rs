//! Hand-written call flows: sipp with a scenario of `scenarios/`, on 127.0.0.1, once or several times.
//!
//! A scenario says in its first lines what it plays and which keys it wants.
use crate::child::Child;
use crate::paths::{self, Scratch};
use crate::phone::Transport;
use crate::ports;
use crate::wait::{patience, poll};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

const PROGRAM: &str = "/usr/bin/sipp";

/// How a scenario is played.
#[derive(Clone, Debug)]
pub struct SippOptions {
    /// A name in `scenarios/`, without `.xml`.
    pub scenario: String,
    /// Who is called or registered with, on 127.0.0.1. None: it waits to be called itself.
    pub remote: Option<u16>,
    pub transport: Transport,
    /// Its own name, and that of its login.
    pub user: String,
    pub password: String,
    /// Whom it calls.
    pub target: String,
    /// How often, one after the other.
    pub times: u32,
    /// Of a `<pause />`.
    pub pause_ms: u32,
    /// All in all, after which it fails.
    pub seconds: f64,
    /// Each RTP packet goes back to where it came from.
    pub echo: bool,
    /// Further keys, `[name]` in the scenario.
    pub keys: Vec<(String, String)>,
    /// Its SIP port. None: a free one.
    pub port: Option<u16>,
}

impl SippOptions {
    /// A scenario that is played once over UDP by the user `100` with the password `secret`.
    #[must_use]
    pub fn new(scenario: &str) -> Self {
        Self {
            scenario: scenario.to_owned(),
            remote: None,
            transport: Transport::Udp,
            user: "100".to_owned(),
            password: "secret".to_owned(),
            target: "200".to_owned(),
            times: 1,
            pause_ms: 200,
            seconds: 20.0,
            echo: false,
            keys: Vec::new(),
            port: None,
        }
    }

    /// Whom it talks to first.
    #[must_use]
    pub fn to(mut self, remote: u16, transport: Transport) -> Self {
        (self.remote, self.transport) = (Some(remote), transport);
        self
    }

    #[must_use]
    pub fn user(mut self, user: &str, password: &str) -> Self {
        user.clone_into(&mut self.user);
        password.clone_into(&mut self.password);
        self
    }

    #[must_use]
    pub fn target(mut self, target: &str) -> Self {
        target.clone_into(&mut self.target);
        self
    }

    #[must_use]
    pub fn pause_ms(mut self, pause_ms: u32) -> Self {
        self.pause_ms = pause_ms;
        self
    }

    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    #[must_use]
    pub fn seconds(mut self, seconds: f64) -> Self {
        self.seconds = seconds;
        self
    }

    #[must_use]
    pub fn echo(mut self) -> Self {
        self.echo = true;
        self
    }

    #[must_use]
    pub fn key(mut self, name: &str, value: &str) -> Self {
        self.keys.push((name.to_owned(), value.to_owned()));
        self
    }

    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// The scenario with its parts, and with keys put in where sipp takes none: in the code that is awaited.
    fn text(&self) -> String {
        let text = whole(&format!("{}.xml", self.scenario));
        self.keys.iter().fold(text, |text, (name, value)| {
            text.replace(&format!("response=\"[{name}]\""), &format!("response=\"{value}\""))
        })
    }
}

/// A file of `scenarios/`. In place of a line `[part NAME]` comes `parts/NAME`, which may have parts itself.
fn whole(name: &str) -> String {
    let path = paths::root().join("tests/house/scenarios").join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let lines = text.split_inclusive('\n').map(|line| {
        let part = line.trim().strip_prefix("[part ").and_then(|l| l.strip_suffix(']'));
        part.map_or_else(|| line.to_owned(), |part| whole(&format!("parts/{part}")))
    });
    lines.collect()
}

/// A scenario being played.
pub struct Sipp {
    pub port: u16,
    options: SippOptions,
    child: Child,
    scratch: Scratch,
}

impl Sipp {
    /// Why it can't run here; None: it can.
    #[must_use]
    pub fn missing() -> Option<&'static str> {
        (!Path::new(PROGRAM).exists()).then_some("the package sip-tester is missing")
    }

    /// Starts the scenario. It has its port when this returns.
    #[must_use]
    pub fn start(options: SippOptions) -> Self {
        assert_eq!(Self::missing(), None);
        // A port that was free when it was looked for may be gone: then once more.
        let started = (0..5).find_map(|_| Self::launch(&options));
        started.unwrap_or_else(|| panic!("sipp finds no port on 127.0.0.1"))
    }

    fn launch(options: &SippOptions) -> Option<Self> {
        let scratch = Scratch::new("sipp");
        let port = options.port.unwrap_or_else(ports::free);
        fs::write(scratch.join("scenario.xml"), options.text()).expect("the scenario");
        let mut command = Command::new(PROGRAM);
        command.current_dir(scratch.path()).stdin(Stdio::null()).args(arguments(options, port));
        let child = Child::spawn(&format!("sipp {}", options.scenario), &mut command);
        let mut sipp = Self { port, options: options.clone(), child, scratch };
        let is_tcp = options.transport == Transport::Tcp;
        let mut ended = false;
        // Who calls over TCP has no port that others could see.
        let is_seen = || (is_tcp && options.remote.is_some()) || ports::is_bound(port, is_tcp);
        let there = poll(10.0, || {
            ended = sipp.child.has_ended().is_some();
            (ended || is_seen()).then_some(())
        });
        if ended && sipp.errors().contains("Address already in use") {
            return None;
        }
        // One that calls others may be through already.
        let well = there.is_some() && !(ended && options.remote.is_none());
        assert!(well, "sipp doesn't start\n{}", sipp.tail());
        Some(sipp)
    }

    /// Registers from a port and then plays a scenario that waits for calls there, as one phone would.
    #[must_use]
    pub fn start_registered(options: SippOptions) -> Self {
        let port = options.port.unwrap_or_else(ports::free);
        let register = SippOptions { scenario: "register".to_owned(), times: 1, ..options.clone() };
        Self::start(register.port(port)).succeed();
        Self::start(SippOptions { remote: None, ..options }.port(port))
    }

    /// Waits until this stands in a message that was sent or received.
    pub fn wait_message(&mut self, part: &str, seconds: f64) {
        let found = poll(seconds, || self.messages().contains(part).then_some(()));
        assert!(found.is_some(), "no message with {part:?} in {seconds} s\n{}", self.tail());
    }

    /// All messages so far, as sipp writes them down.
    #[must_use]
    pub fn messages(&self) -> String {
        let bytes = fs::read(self.scratch.join("messages.log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// How often a message with this first line and CSeq went by so far.
    #[must_use]
    pub fn count(&self, first: &str, cseq: &str) -> usize {
        let messages = self.messages();
        let all = messages.split("----------------");
        all.filter(|m| m.contains(first) && m.contains(&format!("CSeq: {cseq}"))).count()
    }

    /// Waits for its end: true when everything went as the scenario has it.
    pub fn finish(&mut self) -> bool {
        // It ends itself in time; the rest is for its start and its end.
        let ended = self.child.wait_end(self.options.seconds + 15.0);
        let ended = ended.unwrap_or_else(|| panic!("sipp doesn't end\n{}", self.tail()));
        ended.success()
    }

    /// As `finish`, and panics with its logs if not.
    pub fn succeed(mut self) {
        assert!(self.finish(), "the scenario {} has failed\n{}", self.options.scenario, self.tail());
    }

    /// As `succeed`, the other way round; its logs.
    #[must_use]
    pub fn fail(mut self) -> String {
        assert!(!self.finish(), "the scenario {} has not failed\n{}", self.options.scenario, self.tail());
        self.tail()
    }

    #[must_use]
    pub fn child(&self) -> &Child {
        &self.child
    }

    fn errors(&self) -> String {
        fs::read_to_string(self.scratch.join("errors.log")).unwrap_or_default()
    }

    /// What went wrong, and the last messages.
    #[must_use]
    pub fn tail(&self) -> String {
        let errors = self.errors();
        let (messages, own) = (self.messages(), self.child.tail(3));
        let last = |text: &str, count: usize| {
            let lines: Vec<&str> = text.lines().collect();
            lines[lines.len().saturating_sub(count)..].join("\n")
        };
        format!("{own}--- its errors:\n{}\n--- its messages:\n{}", last(&errors, 30), last(&messages, 120))
    }
}

fn arguments(options: &SippOptions, port: u16) -> Vec<String> {
    let seconds = patience(options.seconds).as_secs_f64().ceil();
    let transport = if options.transport == Transport::Udp { "u1" } else { "t1" };
    // Sound, and two ports on for pictures.
    let (control, media) = (ports::free(), ports::free_run(4));
    let line = format!(
        "-sf scenario.xml -nostdin -i 127.0.0.1 -p {port} -ci 127.0.0.1 -cp {control} -mi 127.0.0.1 -mp {media} \
         -t {transport} -m {} -l 1 -d {} -timeout {seconds}s -timeout_error -deadcall_wait 0 -trace_err \
         -error_file errors.log -trace_msg -message_file messages.log",
        options.times, options.pause_ms
    );
    let mut words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    let pairs = [("user", &options.user), ("secret", &options.password)];
    let own = options.keys.iter().map(|(name, value)| (name.as_str(), value));
    let expires = "60".to_owned();
    let default = [("expires", &expires)];
    let default = default.into_iter().filter(|(n, _)| !options.keys.iter().any(|(name, _)| name == n));
    for (name, value) in pairs.into_iter().chain(default).chain(own) {
        words.extend(["-key".to_owned(), name.to_owned(), value.clone()]);
    }
    for (name, value) in [("-au", &options.user), ("-ap", &options.password), ("-s", &options.target)] {
        words.extend([name.to_owned(), value.clone()]);
    }
    if options.echo {
        words.push("-rtp_echo".to_owned());
    }
    if let Some(remote) = options.remote {
        // Left to itself it signs the host's URI in an INVITE too, and not that of the request.
        if options.scenario != "register" {
            words.extend(["-auth_uri".to_owned(), format!("{}@127.0.0.1:{remote}", options.target)]);
        }
        words.push(format!("127.0.0.1:{remote}"));
    }
    words
}
