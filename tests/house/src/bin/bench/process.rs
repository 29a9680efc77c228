//! What the kernel tells of the daemon.
use house::home::Home;
use std::fs;
use std::time::Duration;

pub fn status_number(path: &str, key: &str) -> f64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find_map(|l| l.strip_prefix(key)).unwrap_or_default();
    line.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0.0)
}

/// Resident memory of the daemon in kB.
pub fn resident(home: &Home) -> f64 {
    status_number(&format!("/proc/{}/status", home.daemon.id()), "VmRSS:")
}

/// Times that a thread of the daemon has gone to sleep so far; it woke up as often.
pub fn sleeps(home: &Home) -> f64 {
    let tasks = fs::read_dir(format!("/proc/{}/task", home.daemon.id())).into_iter().flatten().flatten();
    tasks.map(|t| status_number(&t.path().join("status").to_string_lossy(), "voluntary_ctxt_switches:")).sum()
}

/// Wake-ups a second while nothing happens but the stick's own notifications.
pub fn wakeups(home: &Home, window: Duration) -> f64 {
    let before = sleeps(home);
    std::thread::sleep(window);
    (sleeps(home) - before) / window.as_secs_f64()
}

/// Milliseconds of processor time that the daemon's threads have used so far: user and system, as the scheduler counts
/// them in nanoseconds.
pub fn cpu_ms(home: &Home) -> f64 {
    let tasks = fs::read_dir(format!("/proc/{}/task", home.daemon.id())).into_iter().flatten().flatten();
    let used = |path: std::path::PathBuf| {
        let text = fs::read_to_string(path.join("schedstat")).unwrap_or_default();
        text.split_whitespace().next().and_then(|n| n.parse::<f64>().ok()).unwrap_or(f64::NAN)
    };
    tasks.map(|t| used(t.path())).sum::<f64>() / 1e6
}
