//! What the kernel tells of a server, and on which core it runs.
use nix::libc;
use std::fs;
use std::path::PathBuf;

/// A running program with all its threads.
#[derive(Clone, Copy, Debug)]
pub struct Process(pub u32);

impl Process {
    fn tasks(self) -> impl Iterator<Item = PathBuf> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.0)).into_iter().flatten().flatten();
        tasks.map(|task| task.path())
    }

    /// All threads, and those that they make, run on this core only.
    pub fn pin(self, core: usize) {
        for task in self.tasks() {
            let id = task.file_name().and_then(|n| n.to_string_lossy().parse().ok());
            if let Some(id) = id {
                pin(id, core);
            }
        }
    }

    /// Resident memory in kB.
    #[must_use]
    pub fn resident_kb(self) -> f64 {
        status_number(&format!("/proc/{}/status", self.0), "VmRSS:")
    }

    /// Threads.
    #[must_use]
    pub fn threads(self) -> f64 {
        self.tasks().count() as f64
    }

    /// Times that a thread has gone to sleep so far; it woke up as often.
    #[must_use]
    pub fn sleeps(self) -> f64 {
        self.tasks()
            .map(|t| status_number(&t.join("status").to_string_lossy(), "voluntary_ctxt_switches:"))
            .sum()
    }

    /// Wake-ups a second from now on, while nothing happens but what it does by itself.
    #[must_use]
    pub fn wakeups(self, window: std::time::Duration) -> f64 {
        let before = self.sleeps();
        std::thread::sleep(window);
        (self.sleeps() - before) / window.as_secs_f64()
    }

    /// Milliseconds of processor time so far, user and system, of threads that have ended too: Asterisk has two for each call.
    #[must_use]
    pub fn cpu_ms(self) -> f64 {
        let Ok(pid) = libc::pid_t::try_from(self.0) else { return f64::NAN };
        // SAFETY: zeroes are a time, and both calls only write to what they are given, which lives until they return.
        unsafe {
            let (mut clock, mut time) = (0, std::mem::zeroed::<libc::timespec>());
            if libc::clock_getcpuclockid(pid, &raw mut clock) != 0
                || libc::clock_gettime(clock, &raw mut time) != 0
            {
                return f64::NAN;
            }
            time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
        }
    }

    /// Milliseconds in which its present threads wanted to run and another program had their core.
    #[must_use]
    pub fn starved_ms(self) -> f64 {
        // A thread that ended since they were listed has nothing to tell.
        let texts = self.tasks().filter_map(|task| fs::read_to_string(task.join("schedstat")).ok());
        let of = |text: String| {
            text.split_whitespace().nth(1).and_then(|n| n.parse::<f64>().ok()).unwrap_or(f64::NAN)
        };
        texts.map(of).sum::<f64>() / 1e6
    }
}

/// The number behind `key` in one of the kernel's files, 0 where it is missing.
#[must_use]
pub fn status_number(path: &str, key: &str) -> f64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find_map(|l| l.strip_prefix(key)).unwrap_or_default();
    line.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0.0)
}

/// One core for the server and another for the load; the same one where there is no other.
#[must_use]
pub fn cores() -> (usize, usize) {
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    (0, usize::from(count > 1))
}

/// The calling thread runs on this core from now on.
pub fn pin_self(core: usize) {
    pin(0, core);
}

fn pin(id: libc::pid_t, core: usize) {
    // SAFETY: all-zero is the empty set, and it lives until the call returns.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(core, &mut set);
        libc::sched_setaffinity(id, size_of::<libc::cpu_set_t>(), &raw const set);
    }
}

/// All processes of this session run before those of others, where that is allowed: on a quiet machine it changes nothing. Until it is
/// dropped. (With CONFIG_SCHED_AUTOGROUP a session is to the scheduler what a process is without.)
pub struct Preferred {
    before: String,
}

const SESSION: &str = "/proc/self/autogroup";

impl Preferred {
    #[must_use]
    pub fn new() -> Option<Self> {
        // `/autogroup-11 nice 0`
        let before = fs::read_to_string(SESSION).ok()?.split_whitespace().last()?.to_owned();
        fs::write(SESSION, "-20").ok()?;
        Some(Self { before })
    }
}

impl Drop for Preferred {
    fn drop(&mut self) {
        let _ = fs::write(SESSION, &self.before);
    }
}
