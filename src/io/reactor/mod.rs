//! The loop under all tasks of a thread: epoll, timers, and whose turn it is.
//!
//! Everything in here belongs to one thread and needs no lock, but for the queue of tasks that are to run (`ready`), into which other
//! threads put those that they wake. A descriptor is registered once and stays so (`poller`), a timer is a number in a heap
//! (`timer`): a packet costs one `epoll_wait` besides its own reading and writing.
mod listed;
mod poller;
mod ready;
mod source;
mod task;
#[cfg(test)]
mod tests;
mod timer;

pub use listed::{Listed, poll_heard, take_heard};
pub use source::Source;
pub use task::{Task, spawn};
pub use timer::Timer;

use super::clock::Clock;
use crate::util::pool::Pool;
use nix::sys::epoll::EpollTimeout;
use poller::Poller;
use ready::{Mark, Ready};
use std::cell::{OnceCell, RefCell};
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use task::Course;
use timer::Sleepers;

/// Times that the tasks that are ready run, with those that they woke, before sockets and timers are looked at again. A packet takes
/// two: its reader, then the one that it is for.
const ROUNDS: usize = 4;

thread_local! {
    static HERE: Core = Core::new();
}

/// What a thread has.
struct Core {
    clock: Clock,
    ready: Arc<Ready>,
    tasks: RefCell<Pool<Course>>,
    sleepers: RefCell<Sleepers>,
    /// Those that wait for the next look.
    lookers: RefCell<Vec<Waker>>,
    /// Once it could be had.
    poller: OnceCell<Rc<Poller>>,
}

/// Run this thread's tasks until `main` is done, which need not be one of them. Those that are left end here.
///
/// # Errors
/// What the system says: it has no descriptors for the loop itself.
pub fn block_on<F: Future>(main: F) -> io::Result<F::Output> {
    let mut main = pin!(main);
    let mut result = None;
    let mut poll_main = |context: &mut Context<'_>| match main.as_mut().poll(context) {
        Poll::Ready(output) => {
            result = Some(output);
            true
        }
        Poll::Pending => false,
    };
    HERE.with(|core| {
        let ended = core.run(&mut poll_main);
        core.end();
        ended
    })?;
    // The loop ends well with its main task alone.
    result.ok_or_else(|| io::Error::other("the loop ended early"))
}

/// Let the others run, and look at the sockets and timers in between.
pub async fn look() {
    let turn = || HERE.try_with(|core| core.poller.get().map(|p| p.turn())).ok().flatten();
    let begin = turn();
    poll_fn(|context| {
        if turn() != begin {
            return Poll::Ready(());
        }
        // A thread that is ending looks no more.
        let _ = HERE.try_with(|core| core.lookers.borrow_mut().push(context.waker().clone()));
        Poll::Pending
    })
    .await;
}

impl Core {
    fn new() -> Self {
        Self {
            clock: Clock::start(),
            ready: Arc::default(),
            tasks: RefCell::default(),
            sleepers: RefCell::default(),
            lookers: RefCell::default(),
            poller: OnceCell::new(),
        }
    }

    /// # Errors
    /// What the system says.
    fn poller(&self) -> io::Result<Rc<Poller>> {
        if let Some(poller) = self.poller.get() {
            return Ok(poller.clone());
        }
        let poller = Rc::new(Poller::new(self.ready.bell()?)?);
        Ok(self.poller.get_or_init(|| poller).clone())
    }

    fn run(&self, poll_main: &mut dyn FnMut(&mut Context<'_>) -> bool) -> io::Result<()> {
        let poller = self.poller()?;
        let main = Waker::from(Mark::new(ready::MAIN, &self.ready));
        main.wake_by_ref();
        let mut batch = Vec::new();
        loop {
            for _ in 0..ROUNDS {
                self.ready.take(&mut batch);
                if batch.is_empty() {
                    break;
                }
                for mark in batch.drain(..) {
                    match mark.begin() {
                        ready::MAIN if poll_main(&mut Context::from_waker(&main)) => return Ok(()),
                        ready::MAIN => {}
                        key => self.run_task(key, mark),
                    }
                }
            }
            self.look(&poller)?;
        }
    }

    /// Wait until there is something to do, and note what that is.
    fn look(&self, poller: &Poller) -> io::Result<()> {
        let is_awaited = !self.lookers.borrow().is_empty();
        let may_wait = !is_awaited && self.ready.sleep();
        let patience = if may_wait { self.patience() } else { EpollTimeout::ZERO };
        let result = poller.look(patience);
        if may_wait {
            self.ready.wake_up();
        }
        self.ring();
        self.lookers.borrow_mut().drain(..).for_each(Waker::wake);
        result
    }

    /// No task outlives the loop, so that no socket does.
    fn end(&self) {
        let tasks = self.tasks.take();
        drop(tasks);
        self.lookers.take();
        self.ready.take(&mut Vec::new());
    }
}
