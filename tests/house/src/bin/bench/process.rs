//! What the kernel tells of the daemon in a home.
use house::home::Home;
use house::load::Process;
use std::time::Duration;

fn of(home: &Home) -> Process {
    Process(home.daemon.id())
}

/// Resident memory of the daemon in kB.
pub fn resident(home: &Home) -> f64 {
    of(home).resident_kb()
}

/// Wake-ups a second while nothing happens but the stick's own notifications.
pub fn wakeups(home: &Home, window: Duration) -> f64 {
    of(home).wakeups(window)
}

/// Milliseconds of processor time that the daemon's threads have used so far.
pub fn cpu_ms(home: &Home) -> f64 {
    of(home).cpu_ms()
}
