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

    /// Milliseconds of processor time so far, user and system.
    #[must_use]
    pub fn cpu_ms(self) -> f64 {
        self.schedstat(0)
    }

    /// Milliseconds in which it wanted to run and another program had its core.
    #[must_use]
    pub fn starved_ms(self) -> f64 {
        self.schedstat(1)
    }

    fn schedstat(self, word: usize) -> f64 {
        let of = |task: PathBuf| {
            let text = fs::read_to_string(task.join("schedstat")).unwrap_or_default();
            text.split_whitespace().nth(word).and_then(|n| n.parse::<f64>().ok()).unwrap_or(f64::NAN)
        };
        self.tasks().map(of).sum::<f64>() / 1e6
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
