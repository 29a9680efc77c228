//! A socket that a task waits for and that can be closed at once from outside: a port that was closed can be bound again in the
//! same turn, which the dropping of a task does not promise.
use crate::io::reactor::Source;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::os::fd::AsFd;
use std::rc::Rc;
use std::task::{Poll, ready};

pub struct Shared<T: AsFd + 'static>(Rc<RefCell<Option<Source<T>>>>);

impl<T: AsFd> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: AsFd> Shared<T> {
    /// # Errors
    /// What the system says.
    pub fn new(socket: T) -> io::Result<Self> {
        Ok(Self(Rc::new(RefCell::new(Some(Source::of_nonblocking(socket)?)))))
    }

    /// # Errors
    /// Those of `operation`; `NotConnected` after `close`.
    pub fn with<R>(&self, operation: impl FnOnce(&T) -> io::Result<R>) -> io::Result<R> {
        match self.0.borrow().as_ref() {
            Some(socket) => operation(socket.get_ref()),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Try until it doesn't want to wait.
    ///
    /// # Errors
    /// Those of `operation`; `NotConnected` after `close`.
    pub async fn read_with<R>(&self, mut operation: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        poll_fn(|context| {
            let socket = self.0.borrow();
            let Some(socket) = socket.as_ref() else {
                return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
            };
            loop {
                ready!(socket.poll_readable(context))?;
                if let Some(result) = socket.try_read(&mut operation) {
                    return Poll::Ready(result);
                }
            }
        })
        .await
    }

    pub fn close(&self) {
        let socket = self.0.borrow_mut().take();
        drop(socket);
    }
}

/// One buffer for all sockets: what is read is copied out at its size before anybody waits.
#[derive(Clone)]
pub struct Scratch(Rc<RefCell<Box<[u8]>>>);

impl Scratch {
    #[must_use]
    pub fn new(size: usize) -> Self {
        Self(Rc::new(RefCell::new(vec![0; size].into_boxed_slice())))
    }

    /// Read at most `most` bytes. `operation` gives their number, and what else it learned.
    ///
    /// # Errors
    /// Those of `operation`.
    pub fn read<R>(
        &self,
        most: usize,
        operation: impl FnOnce(&mut [u8]) -> io::Result<(usize, R)>,
    ) -> io::Result<(Vec<u8>, R)> {
        let mut buffer = self.0.borrow_mut();
        let most = most.min(buffer.len());
        let room = buffer.get_mut(..most).unwrap_or_default();
        let (count, rest) = operation(room)?;
        Ok((room.get(..count).unwrap_or_default().to_vec(), rest))
    }
}

/// Things dropped. Told at powers of two: a flood must not flood the log.
#[derive(Clone, Default)]
pub struct Dropped(Rc<Cell<u32>>);

impl Dropped {
    pub fn count(&self, what: &str) {
        let count = self.0.get().saturating_add(1);
        self.0.set(count);
        if count.is_power_of_two() {
            log::debug!("{count} {what}");
        }
    }

    #[cfg(test)]
    pub fn get(&self) -> u32 {
        self.0.get()
    }
}
