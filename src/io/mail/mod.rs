//! Mail out: one thread that speaks SMTP, behind a bounded queue. A stuck server delays other mails, nothing else.
use crate::config::Smtp;
use crate::message::mail::{Mail, Outcome};
use async_channel::{Receiver, Sender, bounded};
use std::cell::RefCell;
use std::io;
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "mail")]
mod link;
#[cfg(feature = "mail")]
mod mime;
#[cfg(feature = "mail")]
mod session;

#[cfg(feature = "mail")]
pub use session::Connection;

/// A build without mail has no connections.
#[cfg(not(feature = "mail"))]
pub enum Connection {}

#[cfg(not(feature = "mail"))]
impl Connection {
    /// Never called: there is no value to call it with.
    pub fn quit(self) {
        match self {}
    }
}

/// One try at one mail.
pub struct Job {
    pub id: u64,
    pub server: Arc<Smtp>,
    pub mail: Mail,
    /// More mails for the same server follow at once: keep the connection.
    pub more: bool,
}

/// How the try `id` ended.
pub struct Done {
    pub id: u64,
    pub outcome: Outcome,
}

/// Stack of the thread: a TLS handshake in a build without optimisation fits 64 kB, not 48; the rest is for the C
/// library's look-up of names. Pages that are never touched cost nothing.
const STACK_BYTES: usize = 256 * 1_024;

/// How long a kept connection waits for the mail that should follow at once.
const KEEP: Duration = Duration::from_secs(10);

/// The thread's end of its two queues.
struct Ends {
    jobs: Receiver<Job>,
    done: Sender<Done>,
}

/// The mail thread. It begins with the first job, so that a router that gets no texts doesn't pay for it, and ends
/// when this is dropped.
pub struct Worker {
    jobs: Sender<Job>,
    /// Until the thread has begun.
    ends: RefCell<Option<Ends>>,
}

impl Worker {
    /// A worker for at most `queue` waiting jobs (0 counts as 1), and where their results come out.
    ///
    /// # Errors
    /// None today; the signature leaves room for a thread that begins at once.
    pub fn start(queue: usize) -> io::Result<(Self, Receiver<Done>)> {
        let (jobs, job_end) = bounded(queue.max(1));
        let (done_end, done) = bounded(queue.max(1));
        let ends = RefCell::new(Some(Ends { jobs: job_end, done: done_end }));
        Ok((Self { jobs, ends }, done))
    }

    /// Queues one try. False: the queue is full, or the system has no thread to give; try again when a result has
    /// come out, or later.
    #[must_use]
    pub fn submit(&self, job: Job) -> bool {
        self.ensure_thread() && self.jobs.try_send(job).is_ok()
    }

    fn ensure_thread(&self) -> bool {
        let mut slot = self.ends.borrow_mut();
        let Some(Ends { jobs, done }) = &*slot else { return true };
        let (jobs, done) = (jobs.clone(), done.clone());
        let thread = std::thread::Builder::new().name("mail".to_owned()).stack_size(STACK_BYTES);
        match thread.spawn(move || serve(&jobs, &done)) {
            Ok(_) => *slot = None,
            Err(e) => log::error!("no thread for mail: {e}"),
        }
        slot.is_none()
    }
}

/// The thread: job after job until the worker is gone.
fn serve(jobs: &Receiver<Job>, done: &Sender<Done>) {
    let mut conn = None;
    while let Some(job) = next_job(jobs, &mut conn) {
        let outcome = deliver(&mut conn, &job);
        let told = done.send_blocking(Done { id: job.id, outcome });
        // After the result, so that a slow goodbye delays nobody.
        if !job.more
            && let Some(conn) = conn.take()
        {
            conn.quit();
        }
        if told.is_err() {
            return;
        }
    }
}

/// The next job; None when the worker is gone. A kept connection for which nothing follows is ended.
fn next_job(jobs: &Receiver<Job>, conn: &mut Option<Connection>) -> Option<Job> {
    if conn.is_some() {
        let soon = async { jobs.recv().await.ok() };
        let timeout = async {
            crate::io::reactor::Timer::after(KEEP).await;
            None
        };
        if let Some(job) =
            crate::io::reactor::block_on(futures_lite::future::or(soon, timeout)).ok().flatten()
        {
            return Some(job);
        }
    }
    if let Some(conn) = conn.take() {
        conn.quit();
    }
    jobs.recv_blocking().ok()
}

/// Tries `job` once, blocking: at most three times the server's `timeout` and at least a minute, plus the name's
/// look-up. Uses the connection in `conn` if it leads to the same server, and leaves it there as long as it is usable:
/// the caller ends it with `quit` when nothing follows.
#[cfg(feature = "mail")]
pub fn deliver(conn: &mut Option<Connection>, job: &Job) -> Outcome {
    session::deliver(conn, &job.server, &job.mail)
}

#[cfg(not(feature = "mail"))]
pub fn deliver(_: &mut Option<Connection>, _: &Job) -> Outcome {
    Outcome::Unreachable { reason: "this build sends no mail".to_owned() }
}
