//! The emulated stick, `e1750`, as a process.
use crate::child::Child;
use crate::paths;
use crate::socket::JsonLines;
use crate::wait::poll;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The IMEI that the sticks here have, unless told otherwise.
pub const IMEI: &str = "860000000000000";

/// One stick with its SIM and its network. Several may share `dir` under different names.
pub struct Stick {
    child: Child,
    control: JsonLines,
    dir: PathBuf,
    name: String,
}

impl Stick {
    /// Starts a stick named `stick` in `dir`, with further options as the program takes them.
    #[must_use]
    pub fn start(dir: &Path, options: &[&str]) -> Self {
        Self::start_named(dir, "stick", options)
    }

    #[must_use]
    pub fn start_named(dir: &Path, name: &str, options: &[&str]) -> Self {
        std::fs::create_dir_all(dir).expect("the stick's directory");
        let mut command = Command::new(paths::built("e1750"));
        command.arg("--dir").arg(dir).args(["--name", name]).args(options);
        if !options.contains(&"--imei") {
            command.args(["--imei", IMEI]);
        }
        let child = Child::spawn("e1750", &mut command);
        child.wait_line(0, "ready", 20.0);
        let control =
            JsonLines::connect(&dir.join(format!("{name}.sock"))).expect("the stick's control socket");
        Self { child, control, dir: dir.to_owned(), name: name.to_owned() }
    }

    /// The fake sysfs tree, for `--sysfs`.
    #[must_use]
    pub fn sysfs(&self) -> PathBuf {
        self.dir.join("sys")
    }

    /// The directory with the ports, for `--dev`.
    #[must_use]
    pub fn dev(&self) -> PathBuf {
        self.dir.join("dev")
    }

    #[must_use]
    pub fn control_path(&self) -> PathBuf {
        self.dir.join(format!("{}.sock", self.name))
    }

    /// One control request; its answer, which must be ok.
    pub fn ask(&mut self, request: &Value) -> Value {
        let answer =
            self.control.ask(request).unwrap_or_else(|e| panic!("{request}: {e}\n{}", self.tail(20)));
        assert_eq!(answer["ok"], true, "{request}: {answer}");
        answer
    }

    /// A request without arguments.
    pub fn tell(&mut self, what: &str) -> Value {
        self.ask(&json!({ "do": what }))
    }

    /// A text arrives; the number of its parts.
    pub fn sms(&mut self, from: &str, text: &str) -> u64 {
        self.sms_with(from, text, &json!({}))
    }

    /// As `sms`, with further fields (`order`, `double`, `omit`, `ref`…).
    pub fn sms_with(&mut self, from: &str, text: &str, more: &Value) -> u64 {
        let mut request = json!({ "do": "sms", "from": from, "text": text });
        for (key, value) in more.as_object().into_iter().flatten() {
            request[key] = value.clone();
        }
        self.ask(&request)["parts"].as_u64().unwrap_or(0)
    }

    /// Slots of the SIM that hold something.
    pub fn slots(&mut self) -> Vec<Value> {
        let answer = self.tell("slots");
        let slots = answer["slots"].as_array().cloned().unwrap_or_default();
        slots.into_iter().filter(|s| s["hex"].as_str().is_some_and(|h| !h.is_empty())).collect()
    }

    /// Waits until the SIM holds `count` texts: the network takes its time. Panics after `seconds`.
    pub fn wait_slots(&mut self, count: usize, seconds: f64) {
        let held = poll(seconds, || (self.slots().len() >= count).then_some(()));
        assert!(held.is_some(), "not {count} texts on the SIM in {seconds} s\n{}", self.tail(20));
    }

    /// Texts on the SIM and waiting in the network.
    pub fn texts_left(&mut self) -> u64 {
        let waiting = self.tell("slots")["waiting"].as_u64().unwrap_or(0);
        waiting + self.slots().len() as u64
    }

    /// Waits until the SIM is empty and the network has nothing left. False after `seconds`.
    #[must_use]
    pub fn emptied(&mut self, seconds: f64) -> bool {
        poll(seconds, || (self.texts_left() == 0).then_some(())).is_some()
    }

    /// What the stick has sent, a part each.
    pub fn sent(&mut self) -> Vec<Value> {
        self.tell("sent")["sent"].as_array().cloned().unwrap_or_default()
    }

    /// Pulls the stick.
    pub fn unplug(&mut self) {
        self.tell("unplug");
    }

    /// Puts it back; its ports are called `ttyUSB{base}` and so on.
    pub fn plug(&mut self, base: u32) {
        self.ask(&json!({ "do": "plug", "tty_base": base }));
    }

    /// All events of the stick's log.
    #[must_use]
    pub fn events(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.dir.join(format!("{}.log", self.name))).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// When each +CMTI went out, in seconds of the monotonic clock.
    #[must_use]
    pub fn announced(&self) -> Vec<f64> {
        let is_cmti =
            |e: &Value| e["event"] == "urc" && e["text"].as_str().is_some_and(|t| t.starts_with("+CMTI"));
        self.events().iter().filter(|e| is_cmti(e)).filter_map(|e| e["t"].as_f64()).collect()
    }

    /// What the daemon did that no stick likes: commands on top of each other, slots read twice, PIN guessed…
    #[must_use]
    pub fn offences(&self) -> Vec<Value> {
        self.events().into_iter().filter(|e| e["event"] == "offence").collect()
    }

    /// The last lines of the stick's log.
    #[must_use]
    pub fn tail(&self, count: usize) -> String {
        let text = std::fs::read_to_string(self.dir.join(format!("{}.log", self.name))).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let from = lines.len().saturating_sub(count);
        format!("--- {}:\n{}\n{}", self.name, lines[from..].join("\n"), self.child.tail(5))
    }

    /// Ends the emulator as a user would pull the plug of the lab.
    pub fn stop(mut self) {
        self.child.stop(Duration::from_secs(5));
    }
}
