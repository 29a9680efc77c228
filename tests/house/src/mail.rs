//! Mail servers: aiosmtpd under a script, and certificates for all of them.
use crate::child::Child;
use crate::paths::{self, Scratch};
use crate::wait::poll;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};

/// How a server protects its port; the words are those of the option `security`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    None,
    Starttls,
    Tls,
}

impl Security {
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Starttls => "starttls",
            Self::Tls => "tls",
        }
    }
}

/// A certificate with its key.
#[derive(Clone, Debug)]
pub struct Certificate {
    pub cert: PathBuf,
    pub key: PathBuf,
}

/// A certificate authority of the test's own.
pub struct Authority {
    dir: Scratch,
    /// What `ca_file` names.
    pub ca: PathBuf,
}

impl Authority {
    #[must_use]
    pub fn new() -> Self {
        let dir = Scratch::new("ca");
        let ca = dir.join("ca.pem");
        let subject = ["-subj", "/CN=House of tests", "-addext", "basicConstraints=critical,CA:TRUE"];
        openssl(
            dir.path(),
            &[&["req", "-x509", "-days", "3", "-keyout", "ca.key", "-out", "ca.pem"], EC, &subject],
        );
        Self { dir, ca }
    }

    /// For `localhost` and 127.0.0.1.
    #[must_use]
    pub fn good(&self) -> Certificate {
        self.issue("good", "DNS:localhost,IP:127.0.0.1")
    }

    /// Signed alike, for a host that isn't here.
    #[must_use]
    pub fn wrong_name(&self) -> Certificate {
        self.issue("wrong", "DNS:other.example")
    }

    /// Signed by nobody else.
    #[must_use]
    pub fn self_signed(&self) -> Certificate {
        let subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
        let out = ["req", "-x509", "-days", "3", "-keyout", "self.key", "-out", "self.pem"];
        openssl(self.dir.path(), &[&out, EC, &subject, &["-addext", "basicConstraints=critical,CA:FALSE"]]);
        self.named("self")
    }

    fn issue(&self, name: &str, names: &str) -> Certificate {
        let (cert, key) = (format!("{name}.pem"), format!("{name}.key"));
        let by = [
            "req", "-x509", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "3", "-keyout", &key, "-out", &cert,
        ];
        let names = format!("subjectAltName={names}");
        let subject =
            ["-subj", "/CN=mail", "-addext", &names, "-addext", "basicConstraints=critical,CA:FALSE"];
        openssl(self.dir.path(), &[&by, EC, &subject]);
        self.named(name)
    }

    fn named(&self, name: &str) -> Certificate {
        Certificate {
            cert: self.dir.join(&format!("{name}.pem")),
            key: self.dir.join(&format!("{name}.key")),
        }
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

const EC: &[&str] = &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-sha256"];

fn openssl(dir: &Path, arguments: &[&[&str]]) {
    let output = Command::new("openssl").current_dir(dir).args(arguments.concat()).output().expect("openssl");
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// What an `Smtpd` is started with.
#[derive(Clone, Debug)]
pub struct SmtpdOptions {
    pub security: Security,
    pub certificate: Option<Certificate>,
    /// User and password that it insists on.
    pub login: Option<(String, String)>,
    /// The one AUTH mechanism it offers.
    pub only: Option<&'static str>,
    /// Where it also puts the mails.
    pub maildir: Option<PathBuf>,
}

impl SmtpdOptions {
    #[must_use]
    pub fn new(security: Security) -> Self {
        Self { security, certificate: None, login: None, only: None, maildir: None }
    }

    #[must_use]
    pub fn certificate(mut self, certificate: Certificate) -> Self {
        self.certificate = Some(certificate);
        self
    }

    #[must_use]
    pub fn login(mut self, user: &str, secret: &str) -> Self {
        self.login = Some((user.to_owned(), secret.to_owned()));
        self
    }
}

/// A running mail server, `servers/smtpd.py`.
pub struct Smtpd {
    pub port: u16,
    talk: RefCell<Talk>,
}

struct Talk {
    child: Child,
    stdin: ChildStdin,
}

impl Smtpd {
    /// A plain one.
    #[must_use]
    pub fn plain() -> Self {
        Self::start(&SmtpdOptions::new(Security::None))
    }

    #[must_use]
    pub fn start(options: &SmtpdOptions) -> Self {
        let mut command = Command::new(paths::python());
        command.arg(paths::root().join("tests/house/servers/smtpd.py")).stdin(Stdio::piped());
        command.args(["--security", options.security.word()]);
        if let Some(certificate) = &options.certificate {
            command.arg("--cert").arg(&certificate.cert).arg("--key").arg(&certificate.key);
        }
        if let Some((user, secret)) = &options.login {
            command.args(["--user", user, "--secret", secret]);
        }
        if let Some(only) = options.only {
            command.args(["--only", only]);
        }
        if let Some(maildir) = &options.maildir {
            command.arg("--maildir").arg(maildir);
        }
        let mut child = Child::spawn("smtpd.py", &mut command);
        let line = child.wait_line(0, "{\"port\"", 30.0);
        let port = serde_json::from_str::<Value>(&line).expect("JSON")["port"].as_u64().expect("a port");
        let stdin = child.take_stdin().expect("a pipe");
        Self { port: u16::try_from(port).expect("a port"), talk: RefCell::new(Talk { child, stdin }) }
    }

    /// One request to the script; its answer.
    pub fn ask(&self, request: &Value) -> Value {
        let mut talk = self.talk.borrow_mut();
        let mark = talk.child.mark();
        writeln!(talk.stdin, "{request}").expect("the mail server listens");
        let line = talk.child.wait_line(mark, "{\"ok\"", 30.0);
        let answer: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(answer["ok"], true, "{request}: {answer}");
        answer
    }

    /// From now on, `times` times (0: always), `stage` is answered by `reply`.
    pub fn script(&self, stage: &str, reply: &str, times: u32) {
        self.ask(&json!({ "do": "script", "stage": stage, "reply": reply, "times": times }));
    }

    pub fn clear(&self) {
        self.ask(&json!({ "do": "clear" }));
    }

    pub fn down(&self) {
        self.ask(&json!({ "do": "down" }));
    }

    pub fn up(&self) {
        self.ask(&json!({ "do": "up" }));
    }

    /// All mails that got a 250.
    pub fn mails(&self) -> Vec<Value> {
        self.ask(&json!({ "do": "mails" }))["mails"].as_array().cloned().unwrap_or_default()
    }

    /// How many mails got a 250.
    pub fn count(&self) -> usize {
        self.ask(&json!({ "do": "count" }))["count"]
            .as_u64()
            .and_then(|n| usize::try_from(n).ok())
            .unwrap_or(0)
    }

    /// Waits until `count` mails have come; None after `seconds`.
    #[must_use]
    pub fn find_mails(&self, count: usize, seconds: f64) -> Option<Vec<Value>> {
        poll(seconds, || (self.count() >= count).then_some(())).map(|()| self.mails())
    }

    pub fn stats(&self) -> Value {
        self.ask(&json!({ "do": "stats" }))
    }
}
