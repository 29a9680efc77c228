//! `make bench`: what tandem costs. Prints a table with the aims beside it and writes `target/bench.json`.
//!
//! Everything is the median of at least five, of the release build, against a stick, a phone and a mail server on this
//! machine. Two things are measured beside what any program would need for the same in the same run: a mail, against
//! Python's smtplib, and a call, against a loop that reads and writes the same packets and frames.
mod bare;
mod calls;
mod figure;
mod forward;
mod peer;
mod process;
mod relay;
mod rtpengine;
mod servers;
mod sip;
mod slips;
mod sound;
mod starts;
mod texts;

use figure::{Figure, figure};
use house::home::{Home, Options};
use house::paths;
use process::{resident, wakeups};
use serde_json::{Value, json};
use starts::ready;
use std::collections::BTreeMap;
use std::fs;
use std::process::ExitCode;
use std::time::Duration;
use texts::{bare, burst, delivery, flash};

fn measure_texts() -> (Vec<Figure>, usize) {
    let mut figures = Vec::new();
    let mut home = Home::ready("bench", Options::default());
    let runs = (0..15).map(|_| ready(&mut home)).collect();
    figures.push(figure("ready_socket_ms", "ms", Some(20.0), "start to the socket's first answer", runs));

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
    figures.push(figure("idle_wakeups_dongle_per_s", "1/s", Some(5.0), "all threads, dongle ready", runs));

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

/// The parts named on the command line, or all: texts, calls, slips, sound, sip, relay; `look` is sip in short, `growth` its memory. Also how many texts were lost.
fn measure(parts: &[String]) -> (Vec<Figure>, usize) {
    let is_wanted = |part: &str| parts.is_empty() || parts.iter().any(|p| p == part);
    let mut figures = Vec::new();
    let mut lost = 0;
    if is_wanted("calls") {
        figures.extend(calls::measure());
    }
    if is_wanted("slips") {
        figures.extend(slips::measure());
    }
    if is_wanted("sound") {
        figures.extend(sound::measure());
    }
    if is_wanted("sip") {
        figures.extend(sip::measure());
    }
    if is_wanted("relay") {
        figures.extend(relay::measure());
    }
    if parts.iter().any(|p| p == "look") {
        figures.extend(sip::look());
    }
    if parts.iter().any(|p| p == "growth") {
        figures.extend(sip::growth());
    }
    if is_wanted("texts") {
        let texts = measure_texts();
        figures.extend(texts.0);
        lost = texts.1;
    }
    (figures, lost)
}

fn report(figures: &[Figure], lost: usize) -> Value {
    let mut json: BTreeMap<String, Value> = BTreeMap::new();
    for figure in figures {
        let rounded = (figure.median() * 1_000.0).round() / 1_000.0;
        json.insert(figure.key.clone(), json!(rounded));
    }
    let of = |key| figures.iter().find(|f| f.key == key).map_or(f64::NAN, Figure::median);
    let ratio = of("sms_to_250_ms") / of("bare_smtplib_ms");
    json.insert("sms_to_250_per_bare_smtplib".to_owned(), json!((ratio * 100.0).round() / 100.0));
    json.insert("sms_burst_lost".to_owned(), json!(lost));
    println!("sms_to_250_per_bare_smtplib {ratio:.2}: from the SIM to the 250, against bare SMTP alone");
    let ratio = of("cpu_pct_per_dongle_call") / of("bare_call_cpu_pct");
    json.insert("cpu_call_vs_bare_x".to_owned(), json!((ratio * 100.0).round() / 100.0));
    println!("cpu_call_vs_bare_x {ratio:.2}: a call, against a loop that only reads and writes the same");
    println!("texts lost in the bursts: {lost} of 500");
    json!(json)
}

fn main() -> ExitCode {
    let parts: Vec<String> = std::env::args().skip(1).collect();
    if let Some((forward::ARGUMENT, words)) = parts.split_first().map(|(word, words)| (word.as_str(), words))
    {
        forward::run(words);
        return ExitCode::SUCCESS;
    }
    eprintln!("measuring, about fifteen minutes …");
    let (figures, lost) = measure(&parts);
    println!("{:<26} {:>10} {:<6} {:>8} {:<4} {:>9} … {:<9}", "", "median", "", "aim", "", "least", "most");
    for figure in &figures {
        println!("{}", figure.row());
    }
    if !parts.is_empty() {
        return ExitCode::SUCCESS;
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
