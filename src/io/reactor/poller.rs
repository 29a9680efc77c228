//! epoll, and the sources that it knows.
//!
//! Level-triggered, and a descriptor stays registered from the first wait to its end. A reader takes one message a look: if there is
//! more, the next look says so, and then it reads on until there is nothing (`Direction::taken`). So the usual packet, alone in its
//! 20 ms, costs neither a second read that finds nothing, as an edge-triggered registration would, nor an `epoll_ctl`.
//! Only what is reported while nobody waits for it is taken out, until somebody does: a socket whose reader is held up must
//! not keep the loop awake.
use super::source::{Inner, Side, State};
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::EventFd;
use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::{AsFd, AsRawFd as _};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// Reports taken by one look; what is left comes first in the next one.
const REPORTS: usize = 32;
/// Not the number of a descriptor.
const BELL: u64 = u64::MAX;
/// Both directions end with it, and nobody can ask not to hear of it.
const BROKEN: EpollFlags = EpollFlags::EPOLLHUP.union(EpollFlags::EPOLLERR);

enum Slot {
    Free,
    /// Tasks wait for it.
    Awaited(Rc<Inner<dyn AsFd>>),
    /// The main task reads it (`listed`).
    Listed(u32),
}

pub struct Poller {
    epoll: Epoll,
    /// By the number of the descriptor, which the system bounds.
    sources: RefCell<Vec<Slot>>,
    /// Keys of listed ones that have something, each once.
    heard: RefCell<Vec<u32>>,
    heard_by: RefCell<Option<Waker>>,
    /// Counts looks.
    turn: Cell<u32>,
}

impl Poller {
    /// # Errors
    /// What the system says.
    pub fn new(bell: &EventFd) -> io::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        // By edges: each ring is told once, and nobody has to read it.
        epoll.add(bell, EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLET, BELL))?;
        Ok(Self {
            epoll,
            sources: RefCell::default(),
            heard: RefCell::default(),
            heard_by: RefCell::default(),
            turn: Cell::new(0),
        })
    }

    #[must_use]
    pub fn turn(&self) -> u32 {
        self.turn.get()
    }

    /// Take a source in. epoll hears of it when somebody waits for it.
    pub fn add(&self, source: Rc<Inner<dyn AsFd>>) {
        self.put(place(&source.io), Slot::Awaited(source));
    }

    fn put(&self, place: usize, what: Slot) {
        let mut sources = self.sources.borrow_mut();
        if sources.len() <= place {
            sources.resize_with(place.saturating_add(1), || Slot::Free);
        }
        if let Some(slot) = sources.get_mut(place) {
            *slot = what;
        }
    }

    /// Tell of everything that there is to read.
    ///
    /// # Errors
    /// What the system says.
    pub fn list(&self, io: &impl AsFd, key: u32) -> io::Result<()> {
        let data = u64::try_from(io.as_fd().as_raw_fd()).unwrap_or(BELL);
        self.epoll.add(io, EpollEvent::new(EpollFlags::EPOLLIN, data))?;
        self.put(place(io), Slot::Listed(key));
        Ok(())
    }

    pub fn unlist(&self, io: &impl AsFd) {
        if let Err(why) = self.epoll.delete(io) {
            log::debug!("a descriptor can't be taken out of epoll: {why}");
        }
        self.put(place(io), Slot::Free);
    }

    pub fn is_heard(&self, context: &Context<'_>) -> bool {
        if !self.heard.borrow().is_empty() {
            return true;
        }
        let mut heard_by = self.heard_by.borrow_mut();
        if !heard_by.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            *heard_by = Some(context.waker().clone());
        }
        false
    }

    pub fn take_heard(&self, keys: &mut Vec<u32>) {
        std::mem::swap(&mut *self.heard.borrow_mut(), keys);
    }

    /// Who waits for it wakes: its descriptor is about to be closed.
    pub fn remove(&self, source: &Inner<dyn AsFd>) {
        if let Err(why) = self.register(source, EpollFlags::empty()) {
            log::debug!("a descriptor can't be taken out of epoll: {why}");
        }
        self.put(place(&source.io), Slot::Free);
        for side in [Side::Read, Side::Write] {
            source.state.direction(side).wake();
        }
    }

    /// What is waited for from now on; nothing takes it out, for else the end of a connection would still be reported.
    fn register(&self, source: &Inner<dyn AsFd>, wanted: EpollFlags) -> io::Result<()> {
        let registered = source.state.registered.replace(wanted);
        if registered == wanted {
            return Ok(());
        }
        let data = u64::try_from(source.io.as_fd().as_raw_fd()).unwrap_or(BELL);
        let mut event = EpollEvent::new(wanted, data);
        let result = match (registered.is_empty(), wanted.is_empty()) {
            (_, true) => self.epoll.delete(&source.io),
            (true, false) => self.epoll.add(&source.io, event),
            (false, false) => self.epoll.modify(&source.io, &mut event),
        };
        result.map_err(|why| {
            source.state.registered.set(registered);
            why.into()
        })
    }

    /// Whether this side can go on; if not, the task is woken when it can.
    pub fn poll(
        &self,
        source: &Inner<dyn AsFd>,
        side: Side,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let State { registered, .. } = &source.state;
        if source.state.direction(side).is_ready_or_wait(context) {
            return Poll::Ready(Ok(()));
        }
        match self.register(source, registered.get() | side.flag()) {
            Ok(()) => Poll::Pending,
            Err(why) => Poll::Ready(Err(why)),
        }
    }

    /// Wait for reports and tell those whom they concern.
    ///
    /// # Errors
    /// What the system says.
    pub fn look(&self, patience: EpollTimeout) -> io::Result<()> {
        let mut events = [EpollEvent::empty(); REPORTS];
        let count = match self.epoll.wait(&mut events, patience) {
            Ok(count) => count,
            // A signal: its mark lies in a pipe.
            Err(Errno::EINTR) => 0,
            Err(why) => return Err(why.into()),
        };
        self.turn.set(self.turn.get().wrapping_add(1));
        let sources = self.sources.borrow();
        for event in events.get(..count).unwrap_or_default() {
            match usize::try_from(event.data()).ok().and_then(|place| sources.get(place)) {
                Some(Slot::Awaited(source)) => self.report(source, event.events()),
                Some(Slot::Listed(key)) => self.hear(*key),
                Some(Slot::Free) | None => {}
            }
        }
        if !self.heard.borrow().is_empty()
            && let Some(waker) = &*self.heard_by.borrow()
        {
            waker.wake_by_ref();
        }
        Ok(())
    }

    fn hear(&self, key: u32) {
        let mut heard = self.heard.borrow_mut();
        // There are some before this look's only where the main task has been held up.
        if !heard.contains(&key) {
            heard.push(key);
        }
    }

    fn report(&self, source: &Inner<dyn AsFd>, flags: EpollFlags) {
        let mut wanted = source.state.registered.get();
        for side in [Side::Read, Side::Write] {
            let is_concerned = flags.intersects(side.flag() | BROKEN);
            if is_concerned && !source.state.direction(side).report(self.turn()) {
                wanted.remove(side.flag());
            }
        }
        if let Err(why) = self.register(source, wanted) {
            log::debug!("what is waited for can't be changed: {why}");
        }
    }
}

fn place(io: &(impl AsFd + ?Sized)) -> usize {
    usize::try_from(io.as_fd().as_raw_fd()).unwrap_or_default()
}
