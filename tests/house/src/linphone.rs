//! The softphone that most people have: Debian's linphonec, which is told what to do line by line. Without a sound card it speaks
//! what is in a WAV file and writes down what it hears.
use crate::child::Child;
use crate::phone::Transport;
use crate::sound::{Tone, Wav};
use crate::wait::poll;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};

const PROGRAM: &str = "/usr/bin/linphonec";
/// Of its tone.
const SECONDS_OF_TONE: f64 = 90.0;

/// By how much its record is behind at most, in seconds: its jitter buffer, and a piece of 4096 bytes.
const LATE: f64 = 1.0;

/// How it reaches the registrar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    Plain(Transport),
    /// And it tells each key in two ways, as on a mobile phone.
    KeysTwice(Transport),
    /// Its sound is encrypted (SRTP), and it takes no other.
    Encrypted(Transport),
    /// The certificate that it trusts.
    Tls(PathBuf),
}

impl Way {
    const fn word(&self) -> &'static str {
        match self {
            Self::Plain(transport) | Self::KeysTwice(transport) | Self::Encrypted(transport) => {
                transport.word()
            }
            Self::Tls(_) => "tls",
        }
    }
}

/// A running linphonec on 127.0.0.1 that registers by itself.
pub struct Linphone {
    user: String,
    child: Child,
    orders: ChildStdin,
    log: PathBuf,
    heard: PathBuf,
    /// Lines before this one are of earlier steps.
    mark: usize,
}

impl Linphone {
    /// Why it can't run here; None: it can.
    #[must_use]
    pub fn missing() -> Option<&'static str> {
        (!Path::new(PROGRAM).exists()).then_some("the package linphone-cli is missing")
    }

    /// Starts a phone with its files in `dir` that registers at `registrar`, and says a tone.
    #[must_use]
    pub fn start(
        dir: &Path,
        user: &str,
        password: &str,
        registrar: u16,
        way: &Way,
        hz: f64,
        dbfs: f64,
    ) -> Self {
        assert_eq!(Self::missing(), None);
        // Without this directory for its database it opens no port at all.
        fs::create_dir_all(dir.join(".local/share/linphone")).expect("the phone's directory");
        let (config, log, said) = (dir.join("linphonerc"), dir.join("log"), dir.join("said.wav"));
        let heard = dir.join("heard.wav");
        fs::write(&config, settings(user, password, registrar, way)).expect("its settings");
        Wav::tone(8_000, hz, dbfs, SECONDS_OF_TONE).write(&said).expect("its voice");
        let mut command = Command::new(PROGRAM);
        command.arg("-c").arg(&config).args(["-d", "6", "-l"]).arg(&log);
        command.env("HOME", dir).stdin(Stdio::piped());
        let mut child = Child::spawn("linphonec", &mut command);
        let orders = child.take_stdin().expect("its standard input");
        let mut phone = Self { user: user.to_owned(), child, orders, log, heard, mark: 0 };
        phone.say("soundcard use files");
        phone.say(&format!("play {}", said.display()));
        phone.say(&format!("record {}", phone.heard.display()));
        phone
    }

    /// One line of what linphonec understands.
    fn say(&mut self, line: &str) {
        let told = writeln!(self.orders, "{line}").and_then(|()| self.orders.flush());
        told.unwrap_or_else(|e| panic!("linphonec: {line}: {e}\n{}", self.tail(40)));
    }

    /// Waits for a line that comes after what was waited for before.
    fn wait(&mut self, part: &str, seconds: f64) -> String {
        let Some(line) = self.child.find_line(self.mark, part, seconds) else {
            panic!("linphonec {}: no '{part}' in {seconds} s\n{}", self.user, self.tail(60));
        };
        self.mark = self.child.mark();
        line
    }

    /// A new step: what was printed before is no answer to it.
    fn step(&mut self, line: &str) {
        self.mark = self.child.mark();
        self.say(line);
    }

    pub fn dial(&mut self, number: &str) {
        self.step(&format!("call sip:{number}@127.0.0.1"));
    }

    /// Waits for a call; the line that names the caller.
    pub fn wait_incoming(&mut self, seconds: f64) -> String {
        self.wait("Receiving new incoming call from", seconds)
    }

    pub fn answer(&mut self) {
        self.step("answer");
    }

    /// Waits until sound may flow (again).
    pub fn wait_streams(&mut self, seconds: f64) {
        self.wait("Media streams established", seconds);
    }

    /// Holds the call.
    pub fn hold(&mut self) {
        self.step("pause");
    }

    pub fn wait_held(&mut self, seconds: f64) {
        self.wait(" paused.", seconds);
    }

    /// Takes call `id` up again; its first is 1.
    pub fn resume(&mut self, id: u32) {
        self.step(&format!("resume {id}"));
    }

    /// Presses a key.
    pub fn press(&mut self, key: char) {
        self.step(&key.to_string());
    }

    /// Sends the other end of call `id` to another number.
    pub fn transfer(&mut self, id: u32, number: &str) {
        self.step(&format!("transfer {id} sip:{number}@127.0.0.1"));
    }

    /// Joins the other ends of two calls.
    pub fn join(&mut self, id: u32, other: u32) {
        self.step(&format!("transfer {id} --to-call {other}"));
    }

    pub fn hang_up(&mut self) {
        self.step("terminate");
    }

    pub fn wait_ended(&mut self, seconds: f64) {
        self.wait(" ended (", seconds);
    }

    /// What the next `sound` seconds that it hears sound like. The record is `LATE`: what is in it now may be of before. Its own jitter
    /// buffer stretches and shortens: frequency and level are ours, clicks may be its own.
    #[must_use]
    pub fn hears(&self, sound: f64, seconds: f64) -> Tone {
        let enough = self.heard().seconds() + LATE + sound;
        let heard = poll(seconds, || Some(self.heard()).filter(|wav| wav.seconds() >= enough));
        let wav = heard.unwrap_or_else(|| panic!("not {sound} s heard in {seconds} s\n{}", self.tail(60)));
        wav.measure(wav.seconds() - sound, wav.seconds())
    }

    /// What was recorded so far. The head of the file stays empty until the end.
    fn heard(&self) -> Wav {
        let bytes = fs::read(&self.heard).unwrap_or_default();
        let pairs = bytes.get(44..).unwrap_or_default().chunks_exact(2);
        Wav { rate: 8_000, samples: pairs.map(|p| i16::from_le_bytes([p[0], p[1]])).collect() }
    }

    /// How many of its requests of this method were answered 200.
    #[must_use]
    pub fn accepted(&self, method: &str) -> usize {
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log).into_owned();
        let answers = log.split("SIP/2.0 200 ").skip(1);
        answers.filter(|text| text.lines().take(12).any(|line| line.ends_with(method))).count()
    }

    /// Its last lines, and those of its log about SIP.
    #[must_use]
    pub fn tail(&self, count: usize) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log).into_owned();
        let lines: Vec<&str> = log.lines().filter(|l| !l.contains("mediastreamer")).collect();
        let last = lines.get(lines.len().saturating_sub(4 * count)..).unwrap_or_default();
        format!("{}\n{}", self.child.tail(count), last.join("\n"))
    }
}

fn settings(user: &str, password: &str, registrar: u16, way: &Way) -> String {
    let tls = match way {
        // The name in it is no address, and linphone looks for one.
        Way::Tls(path) => {
            format!("verify_server_certs=1\nverify_server_cn=0\nroot_ca={}\n", path.display())
        }
        Way::Plain(_) | Way::KeysTwice(_) | Way::Encrypted(_) => String::new(),
    };
    let word = way.word();
    // Then nothing else goes out before an INFO is answered.
    let info = u8::from(matches!(way, Way::KeysTwice(_)));
    let (encryption, mandatory) = match way {
        Way::Encrypted(_) => ("srtp", 1),
        _ => ("none", 0),
    };
    // -1: a port that is free.
    format!(
        "[sip]\nbind_address=127.0.0.1\nsip_port=-1\nsip_tcp_port=-1\nsip_tls_port=-1\nipv6=0\n\
         register_only_when_network_is_up=0\nguess_hostname=0\ndefault_proxy=0\nmedia_encryption={encryption}\n\
         media_encryption_mandatory={mandatory}\n\
         use_info={info}\nuse_rfc2833=1\n{tls}\
         [net]\nmtu=1300\nfirewall_policy=0\n\
         [rtp]\nbind_address=127.0.0.1\naudio_rtp_port=-1\n\
         [sound]\nechocancellation=0\n\
         [proxy_0]\nreg_proxy=<sip:127.0.0.1:{registrar};transport={word}>\n\
         reg_identity=sip:{user}@127.0.0.1\nreg_expires=120\nreg_sendregister=1\npublish=0\n\
         [auth_info_0]\nusername={user}\npasswd={password}\ndomain=127.0.0.1\n"
    )
}
