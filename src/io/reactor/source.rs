//! Something with a descriptor that tasks wait for: a socket, a tty, a pipe.
use super::HERE;
use super::poller::Poller;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::epoll::EpollFlags;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::rc::Rc;
use std::task::{Context, Waker};

/// Messages taken of one source before the others are looked at, where they come faster than they are taken.
const PER_LOOK: u32 = 8;

#[derive(Clone, Copy)]
pub enum Side {
    Read,
    Write,
}

impl Side {
    #[must_use]
    pub const fn flag(self) -> EpollFlags {
        match self {
            Self::Read => EpollFlags::EPOLLIN,
            Self::Write => EpollFlags::EPOLLOUT,
        }
    }
}

/// What is known of one direction of a source.
pub struct Direction {
    /// It is worth a try.
    is_ready: Cell<bool>,
    waiting: RefCell<Vec<Waker>>,
    /// There was more than one message lately: read until there is none.
    is_eager: Cell<bool>,
    /// The look after which the last message was taken, and how many have been since the direction became ready.
    taken_at: Cell<u32>,
    taken: Cell<u32>,
}

impl Direction {
    const fn new() -> Self {
        Self {
            // Before anybody has waited, there may be something.
            is_ready: Cell::new(true),
            waiting: RefCell::new(Vec::new()),
            is_eager: Cell::new(false),
            taken_at: Cell::new(0),
            taken: Cell::new(0),
        }
    }

    /// Or the task is among those that wait.
    pub fn is_ready_or_wait(&self, context: &Context<'_>) -> bool {
        if !self.is_ready.get() {
            let mut waiting = self.waiting.borrow_mut();
            if !waiting.iter().any(|waker| waker.will_wake(context.waker())) {
                waiting.push(context.waker().clone());
            }
        }
        self.is_ready.get()
    }

    /// Whether anybody waited.
    pub fn wake(&self) -> bool {
        let mut waiting = self.waiting.borrow_mut();
        let anybody = !waiting.is_empty();
        waiting.drain(..).for_each(Waker::wake);
        anybody
    }

    /// epoll says, at look `turn`, that it can go on. Whether anybody waited.
    pub fn report(&self, turn: u32) -> bool {
        self.is_ready.set(true);
        if self.taken_at.get() == turn.wrapping_sub(1) {
            self.is_eager.set(true);
        }
        self.wake()
    }

    /// A message was taken. If there is more, the next look says so.
    fn taken(&self, turn: u32) {
        let taken = self.taken.get().saturating_add(1);
        if self.is_eager.get() && taken < PER_LOOK {
            self.taken.set(taken);
            return;
        }
        self.is_ready.set(false);
        self.taken_at.set(turn);
        self.taken.set(0);
    }

    /// There was nothing to take, or no room.
    fn exhausted(&self) {
        self.is_ready.set(false);
        self.is_eager.set(false);
        self.taken.set(0);
    }
}

pub struct State {
    read: Direction,
    write: Direction,
    /// What epoll tells of.
    pub registered: Cell<EpollFlags>,
}

impl State {
    #[must_use]
    pub const fn direction(&self, side: Side) -> &Direction {
        match side {
            Side::Read => &self.read,
            Side::Write => &self.write,
        }
    }
}

pub struct Inner<T: ?Sized> {
    pub state: State,
    pub io: T,
}

/// A descriptor of this thread's loop. It is closed when this is dropped; who waits for it then is woken.
pub struct Source<T: AsFd + 'static> {
    inner: Rc<Inner<T>>,
    poller: Rc<Poller>,
}

impl<T: AsFd + 'static> Drop for Source<T> {
    fn drop(&mut self) {
        self.poller.remove(&*self.inner);
    }
}

impl<T: AsFd + 'static> Source<T> {
    /// Made not to wait.
    ///
    /// # Errors
    /// What the system says.
    pub fn new(io: T) -> io::Result<Self> {
        let flags = OFlag::from_bits_retain(fcntl(&io, FcntlArg::F_GETFL)?);
        fcntl(&io, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
        Self::of_nonblocking(io)
    }

    /// Of a descriptor that was opened so that it does not wait.
    ///
    /// # Errors
    /// What the system says.
    pub fn of_nonblocking(io: T) -> io::Result<Self> {
        let poller = HERE.try_with(super::Core::poller).map_err(io::Error::other)??;
        let state = State {
            read: Direction::new(),
            write: Direction::new(),
            registered: Cell::new(EpollFlags::empty()),
        };
        let inner = Rc::new(Inner { state, io });
        poller.add(inner.clone());
        Ok(Self { inner, poller })
    }

    #[must_use]
    pub fn get_ref(&self) -> &T {
        &self.inner.io
    }

    async fn ready(&self, side: Side) -> io::Result<()> {
        poll_fn(|context| self.poller.poll(&*self.inner, side, context)).await
    }

    /// Until epoll says that it takes something: that a connection is made, or has failed.
    ///
    /// # Errors
    /// What the system says.
    pub async fn writable(&self) -> io::Result<()> {
        self.inner.state.write.exhausted();
        self.ready(Side::Write).await
    }

    /// The next turn of `operation`, which takes one message; `None`: not now. For those that share the source (`net::shared`).
    ///
    /// # Errors
    /// Those of `operation`.
    pub fn try_read<R>(&self, operation: &mut impl FnMut(&T) -> io::Result<R>) -> Option<io::Result<R>> {
        let direction = &self.inner.state.read;
        match operation(&self.inner.io) {
            Err(why) if why.kind() == io::ErrorKind::WouldBlock => {
                direction.exhausted();
                None
            }
            Err(why) if why.kind() == io::ErrorKind::Interrupted => None,
            Ok(result) => {
                direction.taken(self.poller.turn());
                Some(Ok(result))
            }
            result => Some(result),
        }
    }

    /// Whether there may be something to read; if not, the task is woken when there is.
    ///
    /// # Errors
    /// What the system says.
    pub fn poll_readable(&self, context: &mut Context<'_>) -> std::task::Poll<io::Result<()>> {
        self.poller.poll(&*self.inner, Side::Read, context)
    }

    /// Try until it doesn't want to wait.
    ///
    /// # Errors
    /// Those of `operation`, and what the system says.
    pub async fn read_with<R>(&self, mut operation: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        loop {
            self.ready(Side::Read).await?;
            if let Some(result) = self.try_read(&mut operation) {
                return result;
            }
        }
    }

    /// Try until it doesn't want to wait.
    ///
    /// # Errors
    /// Those of `operation`, and what the system says.
    pub async fn write_with<R>(&self, mut operation: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        loop {
            self.ready(Side::Write).await?;
            match operation(&self.inner.io) {
                Err(why) if why.kind() == io::ErrorKind::WouldBlock => self.inner.state.write.exhausted(),
                Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }
}

impl<T: AsFd + 'static> Source<T>
where
    for<'a> &'a T: Read + Write,
{
    /// Some bytes; 0: there will be no more.
    ///
    /// # Errors
    /// What the system says.
    pub async fn read(&self, bytes: &mut [u8]) -> io::Result<usize> {
        self.read_with(|mut io| io.read(bytes)).await
    }

    /// # Errors
    /// What the system says.
    pub async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let count = self.write_with(|mut io| io.write(bytes)).await?;
            bytes = bytes.get(count..).unwrap_or_default();
        }
        Ok(())
    }
}
