//! The daemon as a process: started, asked through its socket, killed, started again.
use crate::child::Child;
use crate::paths;
use crate::socket::JsonLines;
use crate::wait::poll;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

/// `tandem run`, with its files in one directory: `tandem.uci`, `state/`, `tandem.sock`.
pub struct Daemon {
    dir: PathBuf,
    sysfs: PathBuf,
    dev: PathBuf,
    /// None between a kill and a restart.
    child: Option<Child>,
    socket: Option<JsonLines>,
    /// Put in front of the program: `strace -f …`.
    pub wrapper: Vec<OsString>,
}

impl Daemon {
    /// Writes `config` and starts. The socket answers when this returns.
    #[must_use]
    pub fn start(dir: &Path, config: &str, sysfs: &Path, dev: &Path) -> Self {
        let mut daemon = Self::prepare(dir, config, sysfs, dev);
        daemon.launch();
        daemon.wait_answer();
        daemon
    }

    /// As `start`, without starting.
    #[must_use]
    pub fn prepare(dir: &Path, config: &str, sysfs: &Path, dev: &Path) -> Self {
        let (dir, sysfs, dev) = (dir.to_owned(), sysfs.to_owned(), dev.to_owned());
        std::fs::create_dir_all(&dir).expect("the daemon's directory");
        let daemon = Self { dir, sysfs, dev, child: None, socket: None, wrapper: Vec::new() };
        daemon.write_config(config);
        daemon
    }

    /// Starts the program without waiting for anything.
    pub fn launch(&mut self) {
        let mut line: Vec<OsString> = self.wrapper.clone();
        line.extend(runner());
        line.push(paths::tandem().into());
        let mut command = Command::new(&line[0]);
        command.args(&line[1..]).arg("run").arg("-c").arg(self.config_path());
        command.arg("-s").arg(self.socket_path()).args(["--log", "stderr"]);
        command.arg("--sysfs").arg(&self.sysfs).arg("--dev").arg(&self.dev);
        self.socket = None;
        self.child = Some(Child::spawn("tandem", &mut command));
    }

    /// Waits for the socket's first answer.
    pub fn wait_answer(&mut self) -> Value {
        let answer = poll(20.0, || {
            let ended = self.child.as_mut().and_then(Child::has_ended);
            assert!(ended.is_none(), "the daemon has ended: {ended:?}\n{}", self.tail(40));
            self.try_ask("version", &json!({})).ok()
        });
        answer.unwrap_or_else(|| panic!("the socket doesn't answer\n{}", self.tail(60)))
    }

    #[must_use]
    pub fn config_path(&self) -> PathBuf {
        self.dir.join("tandem.uci")
    }

    #[must_use]
    pub fn socket_path(&self) -> PathBuf {
        self.dir.join("tandem.sock")
    }

    pub fn write_config(&self, config: &str) {
        std::fs::write(self.config_path(), config).expect("the configuration");
    }

    /// The running process.
    #[must_use]
    pub fn child(&self) -> &Child {
        self.child.as_ref().expect("the daemon runs")
    }

    pub fn child_mut(&mut self) -> &mut Child {
        self.child.as_mut().expect("the daemon runs")
    }

    #[must_use]
    pub fn id(&self) -> u32 {
        self.child().id()
    }

    fn try_ask(&mut self, method: &str, params: &Value) -> std::io::Result<Value> {
        if self.socket.is_none() {
            self.socket = Some(JsonLines::connect(&self.socket_path())?);
        }
        let request = json!({ "id": 1, "method": method, "params": params });
        let answer = match &mut self.socket {
            Some(socket) => socket.ask(&request),
            None => Err(std::io::ErrorKind::NotConnected.into()),
        };
        if answer.is_err() {
            self.socket = None;
        }
        answer
    }

    /// One request: the result, or the error object.
    ///
    /// # Errors
    /// What the daemon answered as `error`.
    pub fn ask(&mut self, method: &str, params: &Value) -> Result<Value, Value> {
        // A connection from before a restart is dead: one more try with a fresh one.
        let answer = self.try_ask(method, params).or_else(|_| self.try_ask(method, params));
        let answer = answer.unwrap_or_else(|e| panic!("{method}: {e}\n{}", self.tail(60)));
        match answer.get("result") {
            Some(result) => Ok(result.clone()),
            None => Err(answer["error"].clone()),
        }
    }

    /// One request that must succeed.
    pub fn get(&mut self, method: &str, params: &Value) -> Value {
        self.ask(method, params).unwrap_or_else(|e| panic!("{method} {params}: {e}\n{}", self.tail(40)))
    }

    pub fn status(&mut self) -> Value {
        self.get("status", &json!({}))
    }

    /// The first dongle of the status.
    pub fn dongle(&mut self) -> Value {
        self.status()["dongles"][0].clone()
    }

    /// The newest 200 texts, newest first.
    pub fn texts(&mut self) -> Vec<Value> {
        let list = self.get("sms_list", &json!({ "limit": 200 }));
        list["messages"].as_array().cloned().unwrap_or_default()
    }

    pub fn text(&mut self, id: &str) -> Value {
        self.get("sms_show", &json!({ "id": id }))
    }

    /// Waits until the status satisfies `check`; the status, or a panic that says `what` didn't come.
    pub fn wait_status(&mut self, what: &str, seconds: f64, check: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        poll(seconds, || {
            last = self.status();
            check(&last).then(|| last.clone())
        })
        .unwrap_or_else(|| panic!("not in {seconds} s: {what}\nstatus: {last:#}\n{}", self.tail(80)))
    }

    /// Waits until the first dongle is in `state`.
    pub fn wait_dongle(&mut self, state: &str, seconds: f64) -> Value {
        let status =
            self.wait_status(&format!("dongle {state}"), seconds, |s| s["dongles"][0]["state"] == state);
        status["dongles"][0].clone()
    }

    /// Waits for a text that satisfies `check`.
    pub fn wait_text(&mut self, what: &str, seconds: f64, check: impl Fn(&Value) -> bool) -> Value {
        let found = poll(seconds, || self.texts().into_iter().find(&check));
        found.unwrap_or_else(|| {
            let texts = self.texts();
            panic!("no text in {seconds} s: {what}\n{texts:#?}\n{}", self.tail(60))
        })
    }

    /// kill -9.
    pub fn kill9(&mut self) {
        self.socket = None;
        if let Some(mut child) = self.child.take() {
            child.kill();
        }
    }

    /// SIGTERM, then waits for the end; its exit code.
    pub fn stop(&mut self) -> Option<i32> {
        self.socket = None;
        self.child.take().and_then(|mut c| c.stop(Duration::from_secs(10))).and_then(|s| s.code())
    }

    /// Starts again after a kill or stop, and waits for the socket.
    pub fn restart(&mut self) {
        self.launch();
        self.wait_answer();
    }

    /// Writes `config` and sends SIGHUP.
    pub fn reload(&mut self, config: &str) {
        self.write_config(config);
        self.child().signal(Signal::SIGHUP);
    }

    /// The command line against this daemon: `tandem VERB [WORD] -s SOCKET …`.
    #[must_use]
    pub fn cli(&self, arguments: &[&str]) -> Output {
        cli(arguments, Some(&self.socket_path()))
    }

    #[must_use]
    pub fn tail(&self, count: usize) -> String {
        self.child.as_ref().map_or_else(|| "(the daemon isn't running)".to_owned(), |c| c.tail(count))
    }
}

/// What `TANDEM_RUNNER` puts in front of the program: `qemu-mipsel-static`.
fn runner() -> Vec<OsString> {
    let line = std::env::var("TANDEM_RUNNER").unwrap_or_default();
    line.split_whitespace().map(OsString::from).collect()
}

/// Runs the command line to its end.
#[must_use]
pub fn cli(arguments: &[&str], socket: Option<&Path>) -> Output {
    let mut line = runner();
    line.push(paths::tandem().into());
    let mut command = Command::new(&line[0]);
    // Behind the verb: `sms send` takes all that follows for the text.
    let has_two_words = arguments.first().is_some_and(|word| ["sms", "route"].contains(word));
    let verb = arguments.len().min(if has_two_words { 2 } else { 1 });
    command.args(&line[1..]).args(&arguments[..verb]);
    if let Some(socket) = socket {
        command.arg("-s").arg(socket);
    }
    command.args(&arguments[verb..]);
    command.output().expect("the program runs")
}
