//! `make bench`: what tandem costs. Prints a table with the aims beside it and writes `target/bench.json`.
//!
//! Everything is the median of at least five, of the release build, against a stick and a mail server on this machine;
//! the last key says what the same mail costs with Python's smtplib against the same server in the same run.
use house::home::{Home, Options};
use house::{Smtpd, paths, wait};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

const SENDER: &str = "+4915112345678";

/// One measured thing.
struct Figure {
    key: &'static str,
    /// Each run's value.
    runs: Vec<f64>,
    unit: &'static str,
    /// At most this; None: nothing is asked.
    aim: Option<f64>,
    what: &'static str,
}

impl Figure {
    fn median(&self) -> f64 {
        median(&self.runs)
    }

    fn row(&self) -> String {
        let (aim, mark) = match self.aim {
            Some(aim) if self.median() <= aim => (format!("≤ {aim}"), "ok"),
            Some(aim) => (format!("≤ {aim}"), "OVER"),
            None => (String::new(), ""),
        };
        let least = self.runs.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self.runs.iter().copied().fold(0.0, f64::max);
        format!(
            "{:<22} {:>10.2} {:<6} {:>8} {:<4} {:>9.2} … {:<9.2} {}",
            self.key,
            self.median(),
            self.unit,
            aim,
            mark,
            least,
            most,
            self.what
        )
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

fn figure(
    key: &'static str,
    unit: &'static str,
    aim: Option<f64>,
    what: &'static str,
    runs: Vec<f64>,
) -> Figure {
    eprintln!("  {key}: {runs:.2?}");
    Figure { key, runs, unit, aim, what }
}

/// Start until the socket's first answer.
fn ready(home: &mut Home) -> f64 {
    home.daemon.kill9();
    let begin = Instant::now();
    home.daemon.launch();
    home.daemon.wait_answer();
    begin.elapsed().as_secs_f64() * 1_000.0
}

fn status_number(path: &str, key: &str) -> f64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find_map(|l| l.strip_prefix(key)).unwrap_or_default();
    line.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0.0)
}

/// Resident memory of the daemon in kB.
fn resident(home: &Home) -> f64 {
    status_number(&format!("/proc/{}/status", home.daemon.id()), "VmRSS:")
}

/// Times that a thread of the daemon has gone to sleep so far; it woke up as often.
fn sleeps(home: &Home) -> f64 {
    let tasks = fs::read_dir(format!("/proc/{}/task", home.daemon.id())).into_iter().flatten().flatten();
    tasks.map(|t| status_number(&t.path().join("status").to_string_lossy(), "voluntary_ctxt_switches:")).sum()
}

/// Wake-ups a second while nothing happens but the stick's own notifications.
fn wakeups(home: &Home, window: Duration) -> f64 {
    let before = sleeps(home);
    std::thread::sleep(window);
    (sleeps(home) - before) / window.as_secs_f64()
}

/// Milliseconds from +CMTI to the server's 250, one text after the other.
fn delivery(home: &mut Home, count: usize) -> Vec<f64> {
    let mut runs = Vec::new();
    for n in 0..count {
        let (mails, announced) = (home.mail.count(), home.stick.announced().len());
        // The count makes it a text of its own: the same words in the same second would be the same PDU.
        home.stick.sms(SENDER, &format!("measured {n} after {mails}"));
        let accepted = home.wait_mails(mails + 1, 60.0)[mails]["t"].as_f64().unwrap_or(f64::NAN);
        let begin = home.stick.announced().get(announced).copied().unwrap_or(f64::NAN);
        runs.push((accepted - begin) * 1_000.0);
        assert!(home.stick.emptied(30.0));
    }
    runs
}

/// Seconds from the first +CMTI to the last 250 of a hundred texts, and how many never came.
///
/// Each text is a new one: the same words in the same second are the same PDU, which counts as doubled by the network.
fn burst(home: &mut Home, round: usize) -> (f64, usize) {
    let (mails, announced) = (home.mail.count(), home.stick.announced().len());
    for n in 0..100 {
        home.stick.sms(SENDER, &format!("burst {round}, {n} of a hundred"));
    }
    let came = home.mail.find_mails(mails + 100, 180.0).unwrap_or_else(|| home.mail.mails());
    let lost = 100_usize.saturating_sub(came.len() - mails);
    let last = came.last().and_then(|m| m["t"].as_f64()).unwrap_or(f64::NAN);
    let first = home.stick.announced().get(announced).copied().unwrap_or(f64::NAN);
    let _ = home.stick.emptied(30.0);
    (last - first, lost)
}

/// Bytes and fsyncs below the state directory for each of `count` texts, counted at the system calls: what is written,
/// also if it is renamed, rewritten or deleted later. A flash chip adds its own pages to that.
fn flash(home: &mut Home, round: usize, count: usize) -> Option<(f64, f64)> {
    let trace = home.scratch.join("strace.txt");
    let calls = "trace=write,pwrite64,writev,pwritev,pwritev2,fsync,fdatasync";
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-y", "-s", "0", "-e", calls, "-o"]).arg(&trace);
    strace.args(["-p", &home.daemon.id().to_string()]);
    let mut tracer = house::child::Child::spawn("strace", &mut strace);
    // Attached when the daemon has a tracer.
    let status = format!("/proc/{}/status", home.daemon.id());
    wait::poll(10.0, || (status_number(&status, "TracerPid:") > 0.0).then_some(()))?;
    let mails = home.mail.count();
    for n in 0..count {
        home.stick.sms(SENDER, &format!("flash {round}, {n}"));
        home.wait_mails(mails + n + 1, 60.0);
    }
    home.daemon.wait_status("all noted", 30.0, |s| s["messages"]["waiting"] == 0);
    let _ = home.stick.emptied(30.0);
    tracer.signal(nix::sys::signal::Signal::SIGINT);
    tracer.wait_end(10.0)?;
    let state = home.scratch.join("state");
    let inside = format!("<{}", state.display());
    let (mut bytes, mut syncs) = (0.0, 0.0);
    for line in fs::read_to_string(&trace).ok()?.lines().filter(|l| l.contains(&inside)) {
        let result = line.rsplit("= ").next().and_then(|r| r.split_whitespace().next()?.parse::<f64>().ok());
        if line.contains("sync(") {
            syncs += 1.0;
        } else {
            bytes += result.unwrap_or(0.0);
        }
    }
    let texts = u32::try_from(count).map_or(1.0, f64::from);
    Some((bytes / texts, syncs / texts))
}

/// Milliseconds that Python's smtplib needs for the same mail to the same kind of server.
fn bare(count: usize) -> Vec<f64> {
    let smtpd = Smtpd::plain();
    let script = paths::root().join("tests/house/servers/bare_send.py");
    let mut command = Command::new(paths::python());
    let output =
        command.arg(script).args([smtpd.port.to_string(), count.to_string()]).output().expect("python");
    let times: Vec<f64> = serde_json::from_slice(&output.stdout).unwrap_or_default();
    // The first one also loads modules.
    times.into_iter().skip(1).collect()
}

fn measure() -> (Vec<Figure>, usize) {
    let mut figures = Vec::new();
    let mut home = Home::ready("bench", Options::default());
    let runs = (0..15).map(|_| ready(&mut home)).collect();
    figures.push(figure("ready_ms", "ms", Some(20.0), "start to the socket's first answer", runs));

    let rss = |home: &mut Home| {
        ready(home);
        home.daemon.wait_dongle("ready", 30.0);
        // What the start allocated has been given back by then, or never will be.
        wakeups(home, Duration::from_secs(3));
        resident(home)
    };
    let runs = (0..5).map(|_| rss(&mut home)).collect();
    figures.push(figure("rss_idle_kb", "kB", Some(4_096.0), "resident, dongle ready, nothing to do", runs));

    let runs = (0..5).map(|_| wakeups(&home, Duration::from_secs(8))).collect();
    figures.push(figure("idle_wakeups_per_s", "1/s", Some(5.0), "all threads, dongle ready", runs));

    let fast = delivery(&mut home, 21);
    figures.push(figure("sms_to_250_ms", "ms", Some(100.0), "+CMTI to the server's 250, fast stick", fast));
    let after_mail = |home: &mut Home| {
        ready(home);
        home.daemon.wait_dongle("ready", 30.0);
        delivery(home, 1);
        resident(home)
    };
    let runs = (0..5).map(|_| after_mail(&mut home)).collect();
    figures.push(figure("rss_after_mail_kb", "kB", None, "resident once the mail thread has worked", runs));

    let bursts: Vec<(f64, usize)> = (0..5).map(|round| burst(&mut home, round)).collect();
    let lost = bursts.iter().map(|b| b.1).sum();
    let runs = bursts.iter().map(|b| b.0).collect();
    figures.push(figure("sms_burst_s", "s", None, "100 texts at once, first +CMTI to the last 250", runs));

    let flashes: Vec<(f64, f64)> = (0..5).filter_map(|round| flash(&mut home, round, 5)).collect();
    let what = "written below state_dir per text, mailed and noted";
    let runs = flashes.iter().map(|f| f.0).collect();
    figures.push(figure("flash_bytes_per_sms", "byte", Some(4_096.0), what, runs));
    let runs = flashes.iter().map(|f| f.1).collect();
    figures.push(figure("fsyncs_per_sms", "", None, "fsync calls per text, files and directories", runs));
    drop(home);

    let mut home = Home::start("bench-slow", Options::default().profile("slow"));
    home.daemon.wait_dongle("ready", 120.0);
    let runs = delivery(&mut home, 7);
    figures.push(figure("sms_to_250_slow_ms", "ms", None, "the same with a real stick's delays", runs));
    drop(home);

    figures.push(figure(
        "bare_smtplib_ms",
        "ms",
        None,
        "Python's smtplib: connect to 250, the same mail",
        bare(21),
    ));
    (figures, lost)
}

fn report(figures: &[Figure], lost: usize) -> Value {
    let mut json: BTreeMap<String, Value> = BTreeMap::new();
    for figure in figures {
        let rounded = (figure.median() * 1_000.0).round() / 1_000.0;
        json.insert(figure.key.to_owned(), json!(rounded));
    }
    let of = |key| figures.iter().find(|f| f.key == key).map_or(f64::NAN, Figure::median);
    let ratio = of("sms_to_250_ms") / of("bare_smtplib_ms");
    json.insert("sms_to_250_per_bare_smtplib".to_owned(), json!((ratio * 100.0).round() / 100.0));
    json.insert("sms_burst_lost".to_owned(), json!(lost));
    println!("sms_to_250_per_bare_smtplib {ratio:.2}: from the SIM to the 250, against bare SMTP alone");
    println!("texts lost in the bursts: {lost} of 500");
    json!(json)
}

fn main() -> ExitCode {
    eprintln!("measuring, about three minutes …");
    let (figures, lost) = measure();
    println!("{:<22} {:>10} {:<6} {:>8} {:<4} {:>9} … {:<9}", "", "median", "", "aim", "", "least", "most");
    for figure in &figures {
        println!("{}", figure.row());
    }
    let json = report(&figures, lost);
    let path = paths::root().join("target/bench.json");
    if let Err(e) = fs::write(&path, format!("{json:#}\n")) {
        eprintln!("{}: {e}", path.display());
        return ExitCode::FAILURE;
    }
    println!("written: target/bench.json");
    if lost == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
