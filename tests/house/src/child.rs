//! A child process that dies with us, and whose lines are kept.
use crate::wait::patience;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read};
use std::os::unix::process::CommandExt as _;
use std::process::{Child as Process, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// Lines kept of one process, and their bytes.
const KEPT: usize = 20_000;
const KEPT_BYTES: usize = 16 << 20;

#[derive(Default)]
struct Lines {
    /// Number of the first line in `kept`.
    first: usize,
    kept: VecDeque<String>,
    bytes: usize,
    /// Streams still open.
    open: usize,
}

impl Lines {
    fn push(&mut self, line: String) {
        self.bytes += line.len();
        self.kept.push_back(line);
        while self.kept.len() > KEPT || (self.bytes > KEPT_BYTES && self.kept.len() > 1) {
            self.bytes -= self.kept.pop_front().map_or(0, |l| l.len());
            self.first += 1;
        }
    }
}

#[derive(Default)]
struct Log {
    lines: Mutex<Lines>,
    grown: Condvar,
}

impl Log {
    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn follow(self: &Arc<Self>, stream: impl Read + Send + 'static) {
        let log = Arc::clone(self);
        log.lock().open += 1;
        std::thread::spawn(move || {
            let mut reader = BufReader::new(stream);
            let mut raw = Vec::new();
            while reader.read_until(b'\n', &mut raw).is_ok_and(|n| n > 0) {
                let mut lines = log.lock();
                lines.push(String::from_utf8_lossy(&raw).trim_end().to_owned());
                raw.clear();
                log.grown.notify_all();
            }
            log.lock().open -= 1;
            log.grown.notify_all();
        });
    }
}

/// A running program. Killed when dropped, and by the kernel when the thread that started it ends.
pub struct Child {
    name: String,
    process: Process,
    log: Arc<Log>,
}

impl Child {
    /// Starts `command`; its stdout and stderr become lines here.
    pub fn spawn(name: &str, command: &mut Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        // SAFETY: prctl is async-signal-safe.
        unsafe { command.pre_exec(|| Ok(nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?)) };
        let mut process = command.spawn().unwrap_or_else(|e| panic!("{name}: {command:?}: {e}"));
        let log = Arc::new(Log::default());
        if let Some(out) = process.stdout.take() {
            log.follow(out);
        }
        if let Some(err) = process.stderr.take() {
            log.follow(err);
        }
        Self { name: name.to_owned(), process, log }
    }

    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    pub fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.process.stdin.take()
    }

    /// A place in the log: lines from now on.
    #[must_use]
    pub fn mark(&self) -> usize {
        let lines = self.log.lock();
        lines.first + lines.kept.len()
    }

    /// The first line from `mark` on that holds `part`. None after `seconds`, or when the program has ended.
    #[must_use]
    pub fn find_line(&self, mark: usize, part: &str, seconds: f64) -> Option<String> {
        let ends = Instant::now() + patience(seconds);
        let mut lines = self.log.lock();
        let mut next = mark;
        loop {
            next = next.max(lines.first);
            let found = lines.kept.iter().skip(next - lines.first).find(|l| l.contains(part));
            if found.is_some() {
                return found.cloned();
            }
            next = lines.first + lines.kept.len();
            let left = ends.saturating_duration_since(Instant::now());
            if left.is_zero() || lines.open == 0 {
                return None;
            }
            lines = self.log.grown.wait_timeout(lines, left).map_or_else(|e| e.into_inner().0, |(l, _)| l);
        }
    }

    /// As `find_line`, and panics with the log's tail.
    pub fn wait_line(&self, mark: usize, part: &str, seconds: f64) -> String {
        self.find_line(mark, part, seconds).unwrap_or_else(|| {
            panic!("{}: no line with {part:?} in {seconds} s\n{}", self.name, self.tail(40))
        })
    }

    /// How many lines hold `part`.
    #[must_use]
    pub fn count_lines(&self, part: &str) -> usize {
        self.log.lock().kept.iter().filter(|l| l.contains(part)).count()
    }

    /// The newest line that holds `part`.
    #[must_use]
    pub fn last_line(&self, part: &str) -> Option<String> {
        self.log.lock().kept.iter().rev().find(|l| l.contains(part)).cloned()
    }

    /// The last `count` lines.
    #[must_use]
    pub fn tail(&self, count: usize) -> String {
        let lines = self.log.lock();
        let skip = lines.kept.len().saturating_sub(count);
        let mut text = format!("--- {} (pid {}), last lines:\n", self.name, self.process.id());
        for line in lines.kept.iter().skip(skip) {
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    pub fn signal(&self, signal: Signal) {
        if let Ok(id) = i32::try_from(self.process.id()) {
            let _ = kill(Pid::from_raw(id), signal);
        }
    }

    #[must_use]
    pub fn has_ended(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().ok().flatten()
    }

    /// Waits for its end; None after `seconds`.
    pub fn wait_end(&mut self, seconds: f64) -> Option<ExitStatus> {
        crate::wait::poll(seconds, || self.has_ended())
    }

    /// kill -9, and waits until it is gone.
    pub fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// SIGTERM, and kill -9 after `grace`.
    pub fn stop(&mut self, grace: Duration) -> Option<ExitStatus> {
        self.signal(Signal::SIGTERM);
        let ended = self.wait_end(grace.as_secs_f64());
        if ended.is_none() {
            self.kill();
        }
        ended
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}
