//! A descriptor that no task waits for. What is heard of it is listed for the main task, which reads by itself: a packet of sound
//! wakes nobody else, and waits in no queue but the kernel's.
use super::HERE;
use super::poller::Poller;
use std::io;
use std::os::fd::AsFd;
use std::rc::Rc;
use std::task::{Context, Poll};

/// With a key of the owner's. It must not wait when it is read; it is closed when this is dropped.
pub struct Listed<T: AsFd> {
    io: T,
    poller: Rc<Poller>,
}

impl<T: AsFd> Listed<T> {
    /// # Errors
    /// What the system says.
    pub fn new(io: T, key: u32) -> io::Result<Self> {
        let poller = HERE.try_with(super::Core::poller).map_err(io::Error::other)??;
        poller.list(&io, key)?;
        Ok(Self { io, poller })
    }

    #[must_use]
    pub const fn get_ref(&self) -> &T {
        &self.io
    }
}

impl<T: AsFd> Drop for Listed<T> {
    fn drop(&mut self) {
        self.poller.unlist(&self.io);
    }
}

/// Whether there is something to read; if not, the task is woken when there is. One task of a thread asks this.
pub fn poll_heard(context: &Context<'_>) -> Poll<()> {
    let heard = HERE.try_with(|core| core.poller.get().is_some_and(|poller| poller.is_heard(context)));
    if heard.unwrap_or_default() { Poll::Ready(()) } else { Poll::Pending }
}

/// The keys of those that were heard of go into `keys`, which is empty. Of each one message is to be read: if there is more, the next
/// look says so.
pub fn take_heard(keys: &mut Vec<u32>) {
    // A thread that is ending reads no more.
    let _ = HERE.try_with(|core| core.poller.get().map(|poller| poller.take_heard(keys)));
}
