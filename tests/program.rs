//! The program from outside: exit codes, and what it does to files that are not its own.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods)]
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

/// A directory that goes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tandem-program-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        let config = format!(
            "config tandem 'main'\n\toption state_dir '{0}/state'\nconfig dongle 'sim'\n\toption at_port '{0}/none'\n",
            path.display()
        );
        fs::write(path.join("tandem.uci"), config).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A daemon that is killed with the test.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn tandem(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tandem")).args(words).output().unwrap()
}

fn run(scratch: &Scratch, socket: &str) -> Vec<String> {
    ["run", "--log", "stderr", "-c", &scratch.path("tandem.uci"), "-s", socket].map(str::to_owned).to_vec()
}

/// A running daemon; it has said so.
fn daemon(scratch: &Scratch) -> Daemon {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
    let mut child =
        command.args(run(scratch, &scratch.path("a.sock"))).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let daemon = Daemon(child);
    assert!(lines.any(|l| l.unwrap().contains("is running")), "it ended without a word");
    // Read on, or it would find its stderr closed.
    std::thread::spawn(move || lines.for_each(drop));
    daemon
}

#[test]
fn a_file_at_the_sockets_place_is_left_alone() {
    let scratch = Scratch::new("victim");
    let config = scratch.path("tandem.uci");
    let words = run(&scratch, &config);
    let out = tandem(&words.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(out.status.code(), Some(1), "{out:?}");
    assert!(String::from_utf8_lossy(&out.stderr).contains("no socket"), "{out:?}");
    assert!(fs::metadata(config).unwrap().is_file());
}

#[test]
fn two_daemons_do_not_share_a_store() {
    let scratch = Scratch::new("two");
    let first = daemon(&scratch);
    let words = run(&scratch, &scratch.path("b.sock"));
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let second = tandem(&words);
    assert_eq!(second.status.code(), Some(1), "{second:?}");
    assert!(String::from_utf8_lossy(&second.stderr).contains("another tandem"), "{second:?}");
    // The lock goes with its holder, however that ends.
    drop(first);
    let _third = daemon(&scratch);
}

#[test]
fn exit_codes() {
    let scratch = Scratch::new("codes");
    let socket = scratch.path("a.sock");
    let code = |words: &[&str]| tandem(words).status.code();
    let config = scratch.path("tandem.uci");
    assert_eq!(code(&["check", &config]), Some(0));
    assert_eq!(code(&["check", &scratch.path("none")]), Some(4));
    assert_eq!(code(&["run", "-c", &scratch.path("none"), "-s", &socket]), Some(4));
    assert_eq!(code(&["run", "-c", &scratch.path(""), "-s", &socket]), Some(4), "a directory");
    assert_eq!(code(&["status", "-s", &socket]), Some(3));
    for wrong in [&["stauts"][..], &[], &["sms"], &["sms", "send"], &["sms", "list", "--limit", "x"]] {
        assert_eq!(code(wrong), Some(2), "{wrong:?}");
    }
    assert_eq!(code(&["pdu", "decode", "00"]), Some(1));
    assert_eq!(code(&["pdu", "encode", "+491511234567"]), Some(1), "no text");
    for fine in [&["--version"][..], &["--help"], &["sms", "send", "--help"], &["version", "--json"]] {
        assert_eq!(code(fine), Some(0), "{fine:?}");
    }
    let _daemon = daemon(&scratch);
    assert_eq!(code(&["status", "-s", &socket]), Some(0));
    assert_eq!(code(&["sms", "show", "0123456789abcdef", "-s", &socket]), Some(1));
    assert_eq!(code(&["reload", "-s", &socket]), Some(0));
    fs::write(&config, fs::read_to_string(&config).unwrap() + "config smtp 'mail'\n").unwrap();
    assert_eq!(code(&["reload", "-s", &socket]), Some(4), "a problem in the file");
}
