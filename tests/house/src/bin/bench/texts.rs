//! From the SIM to the mail server.
use house::home::Home;
use house::load::status_number;
use house::{Smtpd, paths, wait};
use std::fs;
use std::process::Command;

const SENDER: &str = "+4915112345678";

/// Milliseconds from +CMTI to the server's 250, one text after the other.
pub fn delivery(home: &mut Home, count: usize) -> Vec<f64> {
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
pub fn burst(home: &mut Home, round: usize) -> (f64, usize) {
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
pub fn flash(home: &mut Home, round: usize, count: usize) -> Option<(f64, f64)> {
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
pub fn bare(count: usize) -> Vec<f64> {
    let smtpd = Smtpd::plain();
    let script = paths::root().join("tests/house/servers/bare_send.py");
    let mut command = Command::new(paths::python());
    let output =
        command.arg(script).args([smtpd.port.to_string(), count.to_string()]).output().expect("python");
    let times: Vec<f64> = serde_json::from_slice(&output.stdout).unwrap_or_default();
    // The first one also loads modules.
    times.into_iter().skip(1).collect()
}
