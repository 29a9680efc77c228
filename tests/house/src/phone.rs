//! A softphone as people have it: Debian's baresip, without a sound card. It speaks what is in a WAV file and writes
//! down what it hears, and is told what to do through its control socket.
//!
//! What it hears is written packet by packet as it leaves the jitter buffer: a packet that never came is no silence
//! there, the recording is only shorter. Baresip fills the place of a lost packet by playing the next one twice.
use crate::child::Child;
use crate::control::Control;
use crate::ports;
use crate::sound::Wav;
use crate::wait::poll;
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// How it reaches the registrar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Udp,
    Tcp,
}

impl Transport {
    /// As URIs and configurations have it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
        }
    }
}

/// What is said into the phone.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    Tone {
        hz: f64,
        dbfs: f64,
    },
    Silence,
    /// A WAV file, 8000 samples a second, one channel, 16 bits. At its end the phone sends no more packets.
    File(PathBuf),
}

/// How a phone is set up.
#[derive(Clone, Debug)]
pub struct PhoneOptions {
    pub user: String,
    pub password: String,
    /// The registrar's port on 127.0.0.1. None: it registers nowhere and calls by whole URIs.
    pub registrar: Option<u16>,
    pub transport: Transport,
    /// What it asks for in its REGISTER, in seconds.
    pub expires: u32,
    pub auto_answer: bool,
    /// In the order of preference.
    pub codecs: String,
    pub source: Source,
    /// Further parameters of the account, `;name=value`.
    pub account: String,
    /// Further lines of the configuration.
    pub config: String,
}

impl PhoneOptions {
    /// A phone that says 1020 Hz at -10 dBFS and registers nowhere.
    #[must_use]
    pub fn new(user: &str) -> Self {
        Self {
            user: user.to_owned(),
            password: "secret".to_owned(),
            registrar: None,
            transport: Transport::Udp,
            expires: 60,
            auto_answer: false,
            codecs: "PCMU/8000/1,PCMA/8000/1".to_owned(),
            source: TONE,
            account: String::new(),
            config: String::new(),
        }
    }

    #[must_use]
    pub fn registrar(mut self, port: u16, transport: Transport) -> Self {
        (self.registrar, self.transport) = (Some(port), transport);
        self
    }

    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        password.clone_into(&mut self.password);
        self
    }

    #[must_use]
    pub fn auto_answer(mut self) -> Self {
        self.auto_answer = true;
        self
    }

    #[must_use]
    pub fn codecs(mut self, codecs: &str) -> Self {
        codecs.clone_into(&mut self.codecs);
        self
    }

    #[must_use]
    pub fn source(mut self, source: Source) -> Self {
        self.source = source;
        self
    }
}

/// A call that has come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The From URI.
    pub uri: String,
    /// The display name.
    pub name: Option<String>,
}

/// What a phone says unless told otherwise: 20 ms of it are no whole periods, so that a lost packet is heard.
pub const TONE: Source = Source::Tone { hz: 1_020.0, dbfs: -10.0 };

/// Ports of a phone's RTP: it tries until one is free, several calls need some.
const RTP_PORTS: u16 = 40;
/// Of its tone.
const SECONDS_OF_TONE: f64 = 90.0;
const PROGRAM: &str = "/usr/bin/baresip";
const MODULES: &str = "/usr/lib/baresip/modules";

/// A running baresip on 127.0.0.1.
pub struct Phone {
    pub options: PhoneOptions,
    /// Its SIP port, UDP and TCP.
    pub port: u16,
    child: Child,
    control: Control,
    dir: PathBuf,
    calls: usize,
}

impl Phone {
    /// Why it can't run here; None: it can.
    #[must_use]
    pub fn missing() -> Option<&'static str> {
        (!Path::new(PROGRAM).exists()).then_some("the package baresip-core is missing")
    }

    /// Starts a phone with its files in `dir`. It registers at once if it has a registrar.
    #[must_use]
    pub fn start(dir: &Path, options: PhoneOptions) -> Self {
        assert_eq!(Self::missing(), None);
        fs::create_dir_all(dir.join("sound")).expect("the phone's directory");
        let source = options.source_file(dir);
        // A port that was free when it was looked for may be gone: then once more with others.
        let (port, child, control) = (0..5)
            .find_map(|_| launch(dir, &options, &source))
            .unwrap_or_else(|| panic!("baresip finds no ports on 127.0.0.1"));
        let mut phone = Self { options, port, child, control, dir: dir.to_owned(), calls: 0 };
        let account = phone.account();
        phone.ask("uanew", Some(&account));
        phone
    }

    /// The account, as a line of baresip's `accounts` would have it.
    fn account(&self) -> String {
        let o = &self.options;
        let (port, expires) = o.registrar.map_or((self.port, 0), |port| (port, o.expires));
        let answer = if o.auto_answer { "auto" } else { "manual" };
        format!(
            "<sip:{}@127.0.0.1:{port};transport={}>;auth_pass={};regint={expires};answermode={answer};\
             audio_codecs={}{}",
            o.user,
            o.transport.word(),
            o.password,
            o.codecs,
            o.account
        )
    }

    /// Where it can be called without a registrar.
    #[must_use]
    pub fn uri(&self) -> String {
        format!("sip:{}@127.0.0.1:{}", self.options.user, self.port)
    }

    /// One command of baresip's menu, which must succeed; what it printed.
    pub fn ask(&mut self, command: &str, params: Option<&str>) -> String {
        self.control
            .ask(command, params)
            .unwrap_or_else(|e| panic!("baresip: {command} {params:?}: {e}\n{}", self.tail(40)))
    }

    /// Waits until the registrar has said yes (again); its words.
    pub fn wait_registered(&mut self, seconds: f64) -> String {
        let event = self.wait_event("REGISTER_OK", "REGISTER_FAIL", seconds);
        text(&event, "param")
    }

    /// Waits until the registrar has said no; its words.
    pub fn wait_register_failed(&mut self, seconds: f64) -> String {
        let event = self.wait_event("REGISTER_FAIL", "REGISTER_OK", seconds);
        text(&event, "param")
    }

    /// Calls a number at the registrar, or a whole URI. What happened in earlier calls is forgotten.
    pub fn dial(&mut self, target: &str) {
        self.control.forget(|e| e["class"] == "call");
        let uri = match self.options.registrar {
            _ if target.starts_with("sip:") => target.to_owned(),
            Some(port) => {
                format!("sip:{target}@127.0.0.1:{port};transport={}", self.options.transport.word())
            }
            None => panic!("without a registrar {target:?} is nowhere"),
        };
        self.ask("dial", Some(&uri));
    }

    /// Waits for a call. What happened in earlier calls is forgotten.
    pub fn wait_incoming(&mut self, seconds: f64) -> Caller {
        let event = self.wait_event("CALL_INCOMING", "", seconds);
        let id = event["id"].clone();
        self.control.forget(|e| e["class"] == "call" && e["id"] != id);
        Caller { uri: text(&event, "peeruri"), name: event["peerdisplayname"].as_str().map(str::to_owned) }
    }

    /// No call comes in for so long; for what must not ring.
    pub fn assert_quiet(&mut self, seconds: f64) {
        let event = self.control.take(seconds, |e| e["type"] == "CALL_INCOMING");
        assert!(event.is_none(), "an unwanted call: {event:?}\n{}", self.tail(20));
    }

    /// Answers the call.
    pub fn accept(&mut self) {
        self.ask("accept", None);
    }

    /// Rejects a call that rings: 486.
    pub fn reject(&mut self) {
        self.ask("hangup", None);
    }

    /// Ends the call: CANCEL or BYE, as it stands.
    pub fn hangup(&mut self) {
        self.ask("hangup", None);
    }

    /// Waits for a 180.
    pub fn wait_ringing(&mut self, seconds: f64) {
        self.wait_event("CALL_RINGING", "CALL_CLOSED", seconds);
    }

    /// Waits for a 183 with sound.
    pub fn wait_progress(&mut self, seconds: f64) {
        self.wait_event("CALL_PROGRESS", "CALL_CLOSED", seconds);
    }

    pub fn wait_established(&mut self, seconds: f64) {
        self.wait_event("CALL_ESTABLISHED", "CALL_CLOSED", seconds);
    }

    /// Waits for the call's end: `486 Busy Here`, `Connection reset by peer` after a BYE, `Rejected by user`. Its
    /// recordings are complete then.
    pub fn wait_closed(&mut self, seconds: f64) -> String {
        let event = self.wait_event("CALL_CLOSED", "", seconds);
        // The event comes first and the files are closed then; the next answer comes after both.
        self.ask("listcalls", None);
        self.calls += 1;
        for (dump, name) in [("-dec.wav", "heard"), ("-enc.wav", "said")] {
            if let Some(path) = self.dump(dump) {
                let kept = self.dir.join(format!("sound/{name}-{}.wav", self.calls));
                fs::rename(&path, kept).expect("the recording");
            }
        }
        text(&event, "param")
    }

    /// Presses the keys one after the other, as telephone-events.
    pub fn dtmf(&mut self, digits: &str) {
        for digit in digits.chars() {
            self.ask("sndcode", Some(&digit.to_string()));
        }
    }

    /// Waits until this many key presses have been heard; the keys.
    pub fn wait_dtmf(&mut self, count: usize, seconds: f64) -> String {
        (0..count)
            .map(|_| text(&self.wait_event("CALL_DTMF_START", "CALL_CLOSED", seconds), "param"))
            .collect()
    }

    /// What it has heard in the call: so far, or in all of the last one.
    #[must_use]
    pub fn heard(&self) -> Wav {
        self.recording("-dec.wav", "heard")
    }

    /// What it has said in the call.
    #[must_use]
    pub fn said(&self) -> Wav {
        self.recording("-enc.wav", "said")
    }

    /// Waits until it has heard so much in this call.
    pub fn wait_heard(&mut self, sound: f64, seconds: f64) -> Wav {
        let long = |path: &PathBuf| Wav::read(path).ok().filter(|wav| wav.seconds() >= sound);
        poll(seconds, || self.dump("-dec.wav").as_ref().and_then(long))
            .unwrap_or_else(|| panic!("not {sound} s heard in {seconds} s\n{}", self.tail(40)))
    }

    fn recording(&self, dump: &str, name: &str) -> Wav {
        let kept = || self.dir.join(format!("sound/{name}-{}.wav", self.calls));
        let path = self.dump(dump).unwrap_or_else(kept);
        Wav::read(&path).unwrap_or_else(|e| panic!("{}: {e}\n{}", path.display(), self.tail(40)))
    }

    /// The file that baresip writes now: `dump-TIME-enc.wav` or `-dec.wav`.
    fn dump(&self, end: &str) -> Option<PathBuf> {
        let files = fs::read_dir(self.dir.join("sound")).ok()?.flatten().map(|e| e.path());
        let is_one = |p: &PathBuf| {
            let name = p.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            name.starts_with("dump-") && name.ends_with(end)
        };
        files.filter(is_one).max()
    }

    /// The next event of this kind; panics when `not` comes instead.
    fn wait_event(&mut self, kind: &str, not: &str, seconds: f64) -> Value {
        let event = self.control.take(seconds, |e| e["type"] == kind || e["type"] == not);
        match event {
            Some(event) if event["type"] == kind => event,
            Some(event) => panic!("{kind} awaited, but {event}\n{}", self.tail(40)),
            None => {
                let events = self.control.events();
                panic!("no {kind} in {seconds} s; untaken events: {events:#?}\n{}", self.tail(60))
            }
        }
    }

    /// RTP packets that it has sent and received in the last call that has ended. Missing ones leave no gap in the
    /// recording, but are missing here.
    #[must_use]
    pub fn packets(&self) -> (u32, u32) {
        let line = self.child.last_line("packets:").unwrap_or_default();
        let mut counts = line.split_whitespace().skip(1).map(|n| n.parse().unwrap_or(0));
        (counts.next().unwrap_or(0), counts.next().unwrap_or(0))
    }

    /// Forgets the events that nobody has waited for: what is waited for now comes later.
    pub fn forget(&mut self) {
        self.control.forget(|_| true);
    }

    /// Events that nobody has waited for yet.
    #[must_use]
    pub fn events(&self) -> Vec<Value> {
        self.control.events()
    }

    #[must_use]
    pub fn child(&self) -> &Child {
        &self.child
    }

    #[must_use]
    pub fn tail(&self, count: usize) -> String {
        self.child.tail(count)
    }

    /// Switches it off: it hangs up and unregisters. (Dropped, it is gone without a word.)
    pub fn stop(mut self) {
        self.child.stop(Duration::from_secs(5));
    }
}

fn text(event: &Value, name: &str) -> String {
    event[name].as_str().unwrap_or_default().to_owned()
}

impl PhoneOptions {
    fn source_file(&self, dir: &Path) -> PathBuf {
        let path = dir.join("source.wav");
        let sound = match &self.source {
            Source::File(path) => return path.clone(),
            Source::Silence => Wav::silence(8_000, SECONDS_OF_TONE),
            Source::Tone { hz, dbfs } => Wav::tone(8_000, *hz, *dbfs, SECONDS_OF_TONE),
        };
        sound.write(&path).expect("the phone's source");
        path
    }

    fn config(&self, dir: &Path, sip: u16, control: u16, rtp: u16, source: &Path) -> String {
        let mut text = format!(
            "poll_method epoll\nnet_interface 127.0.0.1\nsip_listen 127.0.0.1:{sip}\nctrl_tcp_listen 127.0.0.1:{control}\n\
             rtp_ports {rtp}-{}\naudio_source aufile,{}\nsnd_path {}\n\
             call_local_timeout 120\ncall_max_calls 4\njitter_buffer_delay 5-10\naudio_buffer 20-160\n\
             ringback_disabled yes\nmenu_bell no\nrtp_stats yes\nmodule_path {MODULES}\n",
            rtp + RTP_PORTS - 1,
            source.display(),
            dir.join("sound").display(),
        );
        // No module that plays: without a sound card there is nobody to play to, and what is heard is written before.
        for module in ["g711", "aufile", "sndfile"] {
            let _ = writeln!(text, "module {module}.so");
        }
        for module in ["menu", "debug_cmd", "ctrl_tcp"] {
            let _ = writeln!(text, "module_app {module}.so");
        }
        text + &self.config
    }
}

/// Starts the program; None when one of its ports has been taken meanwhile.
fn launch(dir: &Path, options: &PhoneOptions, source: &Path) -> Option<(u16, Child, Control)> {
    // SIP over TLS binds the port after the other one.
    let (sip, control, rtp) = (ports::free_run(2), ports::free(), ports::free_run(RTP_PORTS));
    fs::write(dir.join("config"), options.config(dir, sip, control, rtp, source)).expect("baresip's config");
    for empty in ["accounts", "contacts"] {
        fs::write(dir.join(empty), "").expect("baresip's files");
    }
    let mut command = Command::new(PROGRAM);
    command.arg("-f").arg(dir).args(["-s", "-v"]).current_dir(dir).stdin(Stdio::null());
    let mut child = Child::spawn(&format!("baresip {}", options.user), &mut command);
    let started = poll(20.0, || {
        let is_taken = child.count_lines("Address already in use") > 0;
        if is_taken || child.has_ended().is_some() {
            return Some(None);
        }
        let ready = child.count_lines("baresip is ready") > 0;
        ready.then(|| Control::connect(control).ok()).flatten().map(Some)
    });
    match started {
        Some(Some(control)) => Some((sip, child, control)),
        Some(None) if child.count_lines("Address already in use") > 0 => None,
        _ => panic!("baresip doesn't start\n{}", child.tail(40)),
    }
}
