//! Waiting with a deadline.
use std::time::{Duration, Instant};

/// Seconds, stretched by `HOUSE_PATIENCE` (a factor, for emulated processors and loaded machines).
#[must_use]
pub fn patience(seconds: f64) -> Duration {
    let factor = std::env::var("HOUSE_PATIENCE").ok().and_then(|f| f.parse::<f64>().ok()).unwrap_or(1.0);
    Duration::from_secs_f64(seconds * factor.max(1.0))
}

/// Asks `check` every few milliseconds until it has an answer; None after `seconds`.
pub fn poll<T>(seconds: f64, mut check: impl FnMut() -> Option<T>) -> Option<T> {
    let ends = Instant::now() + patience(seconds);
    let mut pause = Duration::from_millis(2);
    loop {
        if let Some(found) = check() {
            return Some(found);
        }
        if Instant::now() >= ends {
            return None;
        }
        // What is asked (another process's state) has no event to wait for; the interval only sets the resolution.
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(40));
    }
}
