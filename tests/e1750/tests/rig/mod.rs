//! Starts a stick and talks to it by hand. Everything waits with a deadline and shows the log when it fails.

#![allow(dead_code)]

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::libc::{O_NOCTTY, O_NONBLOCK};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr};
use serde_json::{Value, json};
use std::os::fd::AsFd;

const DEADLINE: Duration = Duration::from_secs(10);
/// What an idle stick says every ten seconds.
const RSSI: &[u8] = b"\r\n^RSSI:20\r\n";
static COUNT: AtomicU32 = AtomicU32::new(0);

pub struct Rig {
    child: Child,
    pub dir: PathBuf,
    control: BufReader<UnixStream>,
}

impl Rig {
    pub fn start(args: &[&str]) -> Rig {
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("e1750-{}-{n}", std::process::id()));
        let mut child = Command::new(env!("CARGO_BIN_EXE_e1750"))
            .arg("--dir")
            .arg(&dir)
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        let control = UnixStream::connect(dir.join("stick.sock")).unwrap();
        control.set_read_timeout(Some(DEADLINE)).unwrap();
        Rig { child, dir, control: BufReader::new(control) }
    }

    /// A request whose answer may be a refusal.
    pub fn ask(&mut self, request: Value) -> Value {
        writeln!(self.control.get_mut(), "{request}").unwrap();
        let mut line = String::new();
        self.control.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    /// A request that must be granted.
    pub fn tell(&mut self, request: Value) -> Value {
        let answer = self.ask(request.clone());
        assert_eq!(answer["ok"], json!(true), "{request} -> {answer}");
        answer
    }

    pub fn state(&mut self) -> Value {
        self.tell(json!({"do": "state"}))
    }

    pub fn offences(&mut self) -> Value {
        self.state()["counters"]["offences"].clone()
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.join("stick.log")).unwrap_or_default()
    }

    fn fail(&self, what: &str) -> ! {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        panic!("{what}\nlog:\n{}", lines[lines.len().saturating_sub(25)..].join("\n"));
    }

    /// Polls `state` until the closure is content.
    pub fn until(&mut self, what: &str, content: impl Fn(&Value) -> bool) {
        let end = Instant::now() + DEADLINE;
        while Instant::now() < end {
            if content(&self.state()) {
                return;
            }
        }
        self.fail(&format!("never: {what}"));
    }

    pub fn registered(&mut self) {
        self.until("registered", |s| s["registered"] == json!(true));
    }

    /// Opens the AT port raw, without the echo of the interpreter.
    pub fn at(&mut self) -> Tty {
        let mut tty = self.open("ttyUSB2");
        tty.send(b"ATE0\r");
        tty.expect(self, "OK\r\n");
        tty
    }

    /// Registered, with the settings a daemon makes.
    pub fn ready(&mut self) -> Tty {
        self.registered();
        let mut at = self.at();
        for command in ["AT+CMEE=1", "AT+CMGF=0", "AT+CNMI=2,1,0,2,0", "AT+CLIP=1"] {
            at.command(self, command, "OK\r\n");
        }
        at
    }

    pub fn open(&mut self, name: &str) -> Tty {
        Tty::open(&self.dir.join("dev").join(name))
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        let _ = self.child.wait();
        if !std::thread::panicking() {
            let left: Vec<_> = std::fs::read_dir(self.dir.join("dev")).unwrap().collect();
            assert!(left.is_empty(), "{left:?}");
            let _ = std::fs::remove_dir_all(&self.dir);
        }
    }
}

/// One serial port, opened as a daemon would.
pub struct Tty {
    file: std::fs::File,
    seen: Vec<u8>,
}

impl Tty {
    pub fn open(path: &Path) -> Tty {
        let mut options = std::fs::OpenOptions::new();
        let file = options.read(true).write(true).custom_flags(O_NOCTTY | O_NONBLOCK).open(path).unwrap();
        let mut termios = tcgetattr(&file).unwrap();
        cfmakeraw(&mut termios);
        tcsetattr(&file, SetArg::TCSAFLUSH, &termios).unwrap();
        Tty { file, seen: Vec::new() }
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.file.write_all(bytes).unwrap();
    }

    /// Reads until `wanted` was seen; gives everything up to and with it, and forgets it.
    pub fn expect(&mut self, rig: &Rig, wanted: &str) -> String {
        let end = Instant::now() + DEADLINE;
        let octets: Vec<u8> = wanted.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
        loop {
            if let Some(at) = find(&self.seen, &octets) {
                let head: Vec<u8> = self.seen.drain(..at + octets.len()).collect();
                return head.iter().map(|b| char::from(*b)).collect();
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || !self.read(left) {
                let seen: String = self.seen.iter().map(|b| char::from(*b)).collect();
                rig.fail(&format!("expected {wanted:?}, seen {seen:?}"));
            }
        }
    }

    /// Sends a command and waits for the end of its answer.
    pub fn command(&mut self, rig: &Rig, command: &str, wanted: &str) -> String {
        self.send(format!("{command}\r").as_bytes());
        self.expect(rig, wanted)
    }

    /// Sends a command, waits for a line and for the OK behind it.
    pub fn query(&mut self, rig: &Rig, command: &str, line: &str) -> String {
        let head = self.command(rig, command, line);
        head + &self.expect(rig, "OK\r\n")
    }

    /// Gathers what comes for a time that is part of the claim ("nothing comes"), but for the regular ^RSSI.
    pub fn gather(&mut self, time: Duration) -> Vec<u8> {
        let end = Instant::now() + time;
        while !end.saturating_duration_since(Instant::now()).is_zero() {
            self.read(end.saturating_duration_since(Instant::now()));
        }
        let mut seen = std::mem::take(&mut self.seen);
        while let Some(at) = find(&seen, RSSI) {
            seen.drain(at..at + RSSI.len());
        }
        seen
    }

    /// Whether the port hangs up within the deadline.
    pub fn hangs_up(&mut self) -> bool {
        let end = Instant::now() + DEADLINE;
        while Instant::now() < end {
            let mut fds = [PollFd::new(self.file.as_fd(), PollFlags::POLLIN)];
            poll(&mut fds, PollTimeout::from(100u16)).unwrap();
            let hup = fds[0].revents().is_some_and(|r| r.contains(PollFlags::POLLHUP));
            let mut buffer = [0u8; 4096];
            match self.file.read(&mut buffer) {
                Ok(0) => return hup && self.file.write_all(b"AT\r").is_err(),
                Err(e) if e.raw_os_error() == Some(nix::libc::EIO) => return hup,
                _ => {}
            }
        }
        false
    }

    fn read(&mut self, time: Duration) -> bool {
        let mut fds = [PollFd::new(self.file.as_fd(), PollFlags::POLLIN)];
        let ms = u16::try_from(time.as_millis().max(1)).unwrap_or(u16::MAX);
        poll(&mut fds, PollTimeout::from(ms)).unwrap();
        let mut buffer = [0u8; 4096];
        match self.file.read(&mut buffer) {
            Ok(0) => false,
            Ok(n) => {
                self.seen.extend(&buffer[..n]);
                true
            }
            Err(e) => e.kind() == ErrorKind::WouldBlock,
        }
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|w| w == needle)
}
