//! What comes in broken: from the stick, from socket clients, from the disk, from the configuration.
use house::home::{Home, Options};
use house::random::Random;
use house::{Scratch, daemon, wait};
use serde_json::json;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

const SENDER: &str = "+4915112345678";

fn resident_kb(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap_or("0");
    line.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// The daemon is the same process as before and does its work.
#[track_caller]
fn assert_well(home: &mut Home, text: &str) {
    let count = home.mail.count();
    home.daemon.wait_dongle("ready", 120.0);
    home.stick.sms(SENDER, text);
    home.wait_mails(count + 1, 90.0);
    assert!(home.stick.emptied(10.0));
}

#[test]
fn noise_on_the_at_port() {
    let mut home = Home::ready("noise", Options::default());
    let mut random = Random::new("noise");
    let id = home.daemon.id();
    for round in 0..20 {
        home.stick.ask(&json!({ "do": "garble", "bytes": 500 + random.below(4_000) }));
        if round % 5 == 0 {
            assert_well(&mut home, &format!("through the noise {round}"));
        }
    }
    // Lines that nearly are notifications, one without an end, and one too long for any buffer.
    for line in ["+CMTI: \"SM\",999999999999", "+CMTI:", "^BOOT:", "+CMGR: 1,,999", "> ", "^RSSI:-1"] {
        home.stick.ask(&json!({ "do": "urc", "text": line }));
    }
    let long = "41".repeat(300_000);
    home.stick.ask(&json!({ "do": "raw", "port": "at", "hex": long }));
    home.stick.ask(&json!({ "do": "raw", "port": "at", "hex": "0d0a" }));
    assert_well(&mut home, "still here");
    assert_eq!(home.daemon.id(), id);
}

#[test]
fn socket_clients_that_misbehave() {
    let mut home = Home::ready("socket", Options::default());
    let path = home.daemon.socket_path();
    // Half a line, and the client waits: nobody else does.
    let mut half = UnixStream::connect(&path).unwrap();
    half.write_all(b"{\"id\":1,\"method\":\"sta").unwrap();
    home.daemon.status();
    // Half a line, and the client goes.
    UnixStream::connect(&path).unwrap().write_all(b"{\"id\"").unwrap();
    let deep = "[".repeat(50_000) + "\n";
    for line in [
        "\n",
        "nonsense\n",
        "{}\n",
        "{\"id\":1}\n",
        "{\"id\":1,\"method\":7}\n",
        "{\"id\":1,\"method\":\"no_such\",\"params\":{}}\n",
        "{\"id\":1,\"method\":\"sms_send\",\"params\":{\"to\":7,\"text\":[]}}\n",
        "{\"id\":1,\"method\":\"sms_show\",\"params\":{\"id\":\"../../etc/passwd\"}}\n",
        "{\"id\":1,\"method\":\"sms_list\",\"params\":{\"limit\":-1}}\n",
        "\u{0}\u{1}\u{2}\n",
        deep.as_str(),
    ] {
        let mut client = UnixStream::connect(&path).unwrap();
        client.set_read_timeout(Some(wait::patience(5.0))).unwrap();
        let _ = client.write_all(line.as_bytes());
        let mut answer = vec![0; 4_096];
        let count = client.read(&mut answer).unwrap_or(0);
        let answer = String::from_utf8_lossy(&answer[..count]).into_owned();
        // A refusal in words, or a closed connection; no result.
        assert!(!answer.contains("\"result\""), "{:.60?}: {answer}", line);
        home.daemon.status();
    }
    // The first client ends its line at last.
    half.write_all(b"tus\",\"params\":{}}\n").unwrap();
    half.set_read_timeout(Some(wait::patience(5.0))).unwrap();
    let mut first = [0; 64];
    // Either it is answered, or it has been put out for its slowness.
    let _ = half.read(&mut first).unwrap();
    assert_well(&mut home, "after the clients");
}

#[test]
fn a_gigabyte_without_a_line_end() {
    let mut home = Home::ready("gigabyte", Options::default());
    let before = resident_kb(home.daemon.id());
    let mut client = UnixStream::connect(home.daemon.socket_path()).unwrap();
    client.set_write_timeout(Some(wait::patience(10.0))).unwrap();
    let chunk = vec![b'a'; 64 * 1_024];
    let mut sent: u64 = 0;
    while sent < 1 << 30 && client.write_all(&chunk).is_ok() {
        sent += 64 * 1_024;
    }
    println!("refused after {} kB", sent / 1_024);
    assert!(sent < 8 << 20, "{sent} bytes taken");
    let after = resident_kb(home.daemon.id());
    assert!(after < before + 2_048, "memory grew from {before} to {after} kB");
    assert_well(&mut home, "after the flood");
}

#[test]
fn more_clients_than_places() {
    let mut home = Home::ready("clients", Options::default());
    let clients: Vec<_> =
        (0..300).map_while(|_| UnixStream::connect(home.daemon.socket_path()).ok()).collect();
    assert!(!clients.is_empty());
    assert_well(&mut home, "in spite of the crowd");
    drop(clients);
    // With them gone there is room again.
    let room = wait::poll(10.0, || home.daemon.ask("status", &json!({})).ok());
    assert!(room.is_some());
}

fn snapshot(dir: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(snapshot(&path));
        } else if let Ok(bytes) = fs::read(&path) {
            files.push((path, bytes));
        }
    }
    files
}

#[test]
fn foreign_and_damaged_files_in_the_state_directory() {
    let mut home = Home::ready("damaged", Options::default());
    for n in 1..=6 {
        home.stick.sms(SENDER, &format!("stored {n}"));
    }
    home.wait_mails(6, 20.0);
    home.daemon.wait_status("delivered", 10.0, |s| s["messages"]["waiting"] == 0);
    assert_eq!(home.daemon.stop(), Some(0));
    let state = home.scratch.join("state");
    let files = snapshot(&state);
    assert!(files.len() >= 6, "a file each: {files:?}");
    let mut random = Random::new("damaged");
    // Half, empty, noise, a bit turned; the last ones stay as they are.
    let (half, rest) = files.split_first().unwrap();
    fs::write(&half.0, &half.1[..half.1.len() / 2]).unwrap();
    fs::write(&rest[0].0, b"").unwrap();
    fs::write(&rest[1].0, random.bytes(3_000)).unwrap();
    let mut turned = rest[2].1.clone();
    let at = turned.len() / 2;
    turned[at] ^= 0x40;
    fs::write(&rest[2].0, turned).unwrap();
    let whole = &rest[3..];
    // What others put there.
    let beside = half.0.parent().unwrap();
    let foreign = ["notes.txt", "0", ".hidden", "%00", "x.json", "lost+found.tmp"];
    for name in foreign {
        fs::write(beside.join(name), random.bytes(100)).unwrap();
    }
    fs::create_dir_all(beside.join("a directory")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", beside.join("link")).unwrap();
    std::os::unix::fs::symlink("nowhere", beside.join("dangling")).unwrap();
    fs::write(beside.join("huge"), vec![b'{'; 4 << 20]).unwrap();
    assert!(Command::new("mkfifo").arg(beside.join("fifo")).status().unwrap().success());

    let before = resident_kb(std::process::id());
    home.daemon.restart();
    let texts = home.daemon.texts();
    assert!(texts.len() >= 2, "the whole ones are there: {texts:#?}\n{}", home.daemon.tail(40));
    assert!(before > 0);
    assert_well(&mut home, "after the damage");
    // Nothing of others was removed, nothing whole was touched, and no old text went out again.
    for name in foreign.iter().filter(|n| !n.contains("tmp")) {
        assert!(beside.join(name).exists(), "{name} is gone");
    }
    assert!(fs::read("/etc/passwd").is_ok_and(|p| !p.is_empty()));
    for (path, _) in whole {
        assert!(path.exists(), "{} is gone", path.display());
    }
    let again =
        home.mail.mails().iter().filter(|m| m["body"].as_str().unwrap().starts_with("stored")).count();
    assert!((6..=10).contains(&again), "{again}: at most the damaged ones twice");
}

/// A state directory that is a file system of its own, of 256 kB; where mounting is allowed.
fn small_state(home: &Home) -> bool {
    let state = home.scratch.join("state");
    fs::create_dir_all(&state).unwrap();
    mount(&["-t", "tmpfs", "-o", "size=256k", "tmpfs"], &state)
}

fn mount(arguments: &[&str], at: &Path) -> bool {
    Command::new("mount").args(arguments).arg(at).output().is_ok_and(|o| o.status.success())
}

/// Taken away again, however the test ends.
struct Mounted(std::path::PathBuf);
impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

/// A home that is ready, its state directory a file system of its own. `None` where nothing may be mounted, which a person must
/// have allowed.
fn home_on_a_small_disk(name: &str) -> Option<(Home, Mounted)> {
    let mut home = Home::prepare(name, Options::default());
    if !small_state(&home) {
        let allowed = std::env::var_os("HOUSE_MAY_SKIP").is_some();
        assert!(allowed, "can't mount; HOUSE_MAY_SKIP=1 goes on without");
        return None;
    }
    let mounted = Mounted(home.scratch.join("state"));
    home.daemon.restart();
    home.daemon.wait_dongle("ready", 30.0);
    Some((home, mounted))
}

#[test]
fn the_disk_is_full_and_then_it_is_not() {
    let Some((mut home, mounted)) = home_on_a_small_disk("full") else { return };
    let state = mounted.0.clone();
    assert_well(&mut home, "while there is room");
    let ballast = fill(&state);
    // Neither the disk nor the server can have them: only the SIM is left.
    home.mail.down();
    for n in 1..=3 {
        home.stick.sms(SENDER, &format!("on a full disk {n}"));
    }
    home.daemon.child().wait_line(0, "no space left", 30.0);
    home.daemon.status();
    home.daemon.kill9();
    home.daemon.restart();
    home.daemon.wait_dongle("ready", 30.0);
    for file in ballast {
        let _ = fs::remove_file(file);
    }
    home.mail.up();
    home.wait_mails(4, 150.0);
    assert!(home.stick.emptied(120.0), "{}", home.daemon.tail(40));
    assert_well(&mut home, "with room again");
    assert_each_text_under_one_id(&home, 5);
}

/// Takes all the room below `dir`; the files that do.
fn fill(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    let mut refused = 0;
    // A tmpfs counts its pages roughly: what is refused once may fit a moment later.
    while refused < 5 && files.len() < 2_000 {
        let path = dir.join(format!("ballast{}", files.len()));
        if fs::write(&path, [0; 4_096]).is_err() {
            refused += 1;
        }
        files.push(path);
    }
    files
}

/// Mailed again only under the same Message-ID.
fn assert_each_text_under_one_id(home: &Home, texts: usize) {
    let pair = |m: &serde_json::Value| (m["subject"].to_string(), m["message_id"].to_string());
    let pairs: std::collections::BTreeSet<_> = home.mail.mails().iter().map(pair).collect();
    assert_eq!(pairs.len(), texts, "{pairs:#?}");
}

#[test]
fn the_disk_is_read_only() {
    let Some((mut home, mounted)) = home_on_a_small_disk("erofs") else { return };
    let state = mounted.0.clone();
    assert_well(&mut home, "while it can be written");
    assert!(mount(&["-o", "remount,ro"], &state));
    home.mail.down();
    home.stick.sms(SENDER, "on a read-only disk");
    home.daemon.child().wait_line(0, "the file system is read-only", 30.0);
    assert_eq!(home.stick.texts_left(), 1, "{}", home.daemon.tail(40));
    // It also starts like that, and says so.
    home.daemon.kill9();
    home.daemon.restart();
    home.daemon.wait_dongle("ready", 30.0);
    assert_eq!(home.stick.texts_left(), 1);
    assert!(mount(&["-o", "remount,rw"], &state));
    home.mail.up();
    home.wait_mails(2, 150.0);
    assert!(home.stick.emptied(120.0), "{}", home.daemon.tail(40));
    assert_well(&mut home, "when it can be written again");
    assert_each_text_under_one_id(&home, 3);
}

#[test]
fn configurations_that_are_none() {
    let scratch = Scratch::new("uci");
    let path = scratch.join("tandem.uci");
    // Built before the clock runs.
    let _ = house::paths::tandem();
    let mut random = Random::new("uci");
    let megabyte = "config smtp 'x'\n\toption host 'y'\n".repeat(32_768);
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("1 MB", megabyte.into_bytes()),
        ("1 MB in one line", vec![b'a'; 1 << 20]),
        ("NULs", b"config tandem 'main'\n\toption state_dir '/tmp\0/x'\n".to_vec()),
        ("open quote", b"config tandem 'main\n\toption x 'y'\n".to_vec()),
        ("noise", random.bytes(20_000)),
        ("no UTF-8", b"config smtp '\xff\xfe'\n".to_vec()),
    ];
    for (what, bytes) in cases {
        fs::write(&path, bytes).unwrap();
        let begin = Instant::now();
        let out = daemon::cli(&["check", path.to_str().unwrap()], None);
        assert_eq!(out.status.code(), Some(4), "{what}: {out:?}");
        assert!(!out.stdout.is_empty() && out.stdout.len() < 100_000, "{what}: {} bytes", out.stdout.len());
        assert!(begin.elapsed() < wait::patience(3.0), "{what}");
    }
}
