//! Tasks that are to run, in the order in which they were woken: the one thing that other threads touch.
use nix::sys::eventfd::{EfdFlags, EventFd};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Wake;

/// Stands for the main task: no other has this key.
pub const MAIN: u64 = 0;

/// A task as its wakers know it.
pub struct Mark {
    key: u64,
    /// In the queue already: once is enough.
    is_queued: AtomicBool,
    ready: Arc<Ready>,
}

#[derive(Default)]
pub struct Ready {
    queue: Mutex<Queue>,
    /// Ends the loop's waiting.
    bell: OnceLock<EventFd>,
}

#[derive(Default)]
struct Queue {
    marks: Vec<Arc<Mark>>,
    /// The loop waits, or is about to: who wakes a task rings.
    is_asleep: bool,
}

impl Mark {
    #[must_use]
    pub fn new(key: u64, ready: &Arc<Ready>) -> Arc<Self> {
        Arc::new(Self { key, is_queued: AtomicBool::new(false), ready: ready.clone() })
    }

    /// The task's key. From now on it can be woken again.
    pub fn begin(&self) -> u64 {
        // A swap, not a store: what was written before a wake that came too early to count is seen from here on.
        self.is_queued.swap(false, Ordering::AcqRel);
        self.key
    }
}

impl Wake for Mark {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_queued.swap(true, Ordering::AcqRel) {
            self.ready.push(self.clone());
        }
    }
}

impl Ready {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing panics while holding it.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the bell where there is none yet.
    ///
    /// # Errors
    /// What the system says.
    pub fn bell(&self) -> io::Result<&EventFd> {
        if self.bell.get().is_none() {
            let bell = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?;
            // The one thread that the loop is in makes it.
            let _ = self.bell.set(bell);
        }
        self.bell.get().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn push(&self, mark: Arc<Mark>) {
        let mut queue = self.lock();
        queue.marks.push(mark);
        let must_ring = std::mem::take(&mut queue.is_asleep);
        drop(queue);
        if must_ring && let Some(bell) = self.bell.get() {
            // Fails when it has been rung 2^64 times and not heard.
            let _ = bell.write(1);
        }
    }

    /// What is to run goes into `batch`, which is empty.
    pub fn take(&self, batch: &mut Vec<Arc<Mark>>) {
        std::mem::swap(&mut self.lock().marks, batch);
    }

    /// Whether the loop may wait: nothing is to run. Who wakes a task from now on rings.
    pub fn sleep(&self) -> bool {
        let mut queue = self.lock();
        queue.is_asleep = queue.marks.is_empty();
        queue.is_asleep
    }

    pub fn wake_up(&self) {
        self.lock().is_asleep = false;
    }
}
