//! The course of one TCP or TLS connection: read, write what is queued, end.
use super::event::{NetEvent, Outlets};
use super::pipe::Pipe;
use super::shared::Scratch;
use crate::io::reactor::Timer;
use crate::sip::Flow;
use async_channel::{Receiver, Sender, bounded};
use futures_lite::future::{or, pending};
use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use crate::util::limits::{TCP_QUEUE_BYTES, TCP_QUEUE_MESSAGES};

/// Bytes of one read.
const READ: usize = 4_096;
/// A peer that connects and says nothing so long only takes a place.
const FIRST_WORDS: Duration = Duration::from_secs(30);
/// A peer that takes nothing so long is dead.
const STALL: Duration = Duration::from_secs(30);
/// A peer that has said all may still read. Who is gone looks the same, so not for long.
const HALF_CLOSED: Duration = Duration::from_secs(2);
/// What was written before `Disconnect` may take so long.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// A close with bytes unread would take back what is on its way: read on a moment.
const LINGER: Duration = Duration::from_secs(1);

/// How the loop ends a connection.
pub enum Stop {
    /// After what was written.
    Drain,
    Now(&'static str),
}

/// The loop's hold on a connection.
pub struct Handle {
    queue: Sender<Vec<u8>>,
    queued: Rc<Cell<usize>>,
    stop: Sender<Stop>,
    /// The loop has ended it: nothing more is heard of it but its end.
    is_ending: bool,
}

/// The task's side of a `Handle`.
pub struct Ends {
    writer: Writer,
    pub stop: Receiver<Stop>,
}

struct Writer {
    queue: Receiver<Vec<u8>>,
    queued: Rc<Cell<usize>>,
    current: Vec<u8>,
    written: usize,
}

#[must_use]
pub fn pair() -> (Handle, Ends) {
    let (queue, queue_end) = bounded(TCP_QUEUE_MESSAGES);
    let (stop, stop_end) = bounded(1);
    let queued: Rc<Cell<usize>> = Rc::default();
    let writer = Writer { queue: queue_end, queued: queued.clone(), current: Vec::new(), written: 0 };
    (Handle { queue, queued, stop, is_ending: false }, Ends { writer, stop: stop_end })
}

impl Handle {
    #[must_use]
    pub const fn is_ending(&self) -> bool {
        self.is_ending
    }

    /// A peer that doesn't read is let go: SIP can't skip bytes of a stream.
    pub fn write(&mut self, bytes: Vec<u8>) {
        if bytes.is_empty() || self.is_ending {
            return;
        }
        let queued = self.queued.get().saturating_add(bytes.len());
        if queued > TCP_QUEUE_BYTES || self.queue.try_send(bytes).is_err() {
            self.stop(Stop::Now("the peer takes nothing"));
            return;
        }
        self.queued.set(queued);
    }

    pub fn stop(&mut self, how: Stop) {
        if !self.is_ending {
            self.is_ending = true;
            self.queue.close();
            // The first one counts.
            let _ = self.stop.try_send(how);
        }
    }
}

async fn stall<T>() -> io::Result<T> {
    Timer::after(STALL).await;
    Err(io::Error::new(io::ErrorKind::TimedOut, "the peer takes nothing"))
}

impl Writer {
    /// Until the queue is closed and empty. Can be left at any moment and called again.
    async fn run(&mut self, pipe: &Pipe) -> io::Result<()> {
        loop {
            while let Some(rest) = self.current.get(self.written..).filter(|r| !r.is_empty()) {
                let written = or(pipe.write(rest), stall()).await?;
                self.written = self.written.saturating_add(written);
            }
            or(pipe.flush(), stall()).await?;
            self.queued.set(self.queued.get().saturating_sub(self.current.len()));
            (self.current, self.written) = (Vec::new(), 0);
            match self.queue.recv().await {
                Ok(bytes) => self.current = bytes,
                Err(_) => return Ok(()),
            }
        }
    }
}

/// Why the talk ended.
enum Turn {
    /// The peer has said all.
    Eof,
    Over(String),
    Drain,
}

/// From the first byte to the end; `patience`: whether the first byte must come soon. Returns why it ended.
pub async fn talk(
    pipe: &Pipe,
    flow: Flow,
    mut ends: Ends,
    outlets: &Outlets,
    scratch: &Scratch,
    is_accepted: bool,
) -> String {
    let Ends { writer, stop } = &mut ends;
    let reading = read(pipe, flow, outlets, scratch, is_accepted);
    let mut turn = or(stopped(stop), or(reading, written(writer, pipe))).await;
    if matches!(turn, Turn::Eof) {
        let grace = async {
            Timer::after(HALF_CLOSED).await;
            Turn::Over("the peer closed it".to_owned())
        };
        turn = or(stopped(stop), or(written(writer, pipe), grace)).await;
    }
    match turn {
        Turn::Eof => "the peer closed it".to_owned(),
        Turn::Over(why) => why,
        Turn::Drain => {
            drain(pipe, writer, scratch).await;
            "closed by us".to_owned()
        }
    }
}

async fn stopped(stop: &Receiver<Stop>) -> Turn {
    match stop.recv().await {
        Ok(Stop::Now(why)) => Turn::Over(why.to_owned()),
        Ok(Stop::Drain) => Turn::Drain,
        Err(_) => Turn::Over("closed by us".to_owned()),
    }
}

async fn written(writer: &mut Writer, pipe: &Pipe) -> Turn {
    match writer.run(pipe).await {
        // The queue is closed by a stop alone, which says how.
        Ok(()) => pending().await,
        Err(why) => Turn::Over(why.to_string()),
    }
}

async fn drain(pipe: &Pipe, writer: &mut Writer, scratch: &Scratch) {
    let limit = async {
        Timer::after(LAST_WORDS).await;
        Err(io::ErrorKind::TimedOut.into())
    };
    if or(writer.run(pipe), limit).await.is_err() || pipe.finish().await.is_err() {
        return;
    }
    let discard = async { while pipe.read(READ, scratch).await.is_ok_and(|bytes| !bytes.is_empty()) {} };
    or(discard, async {
        Timer::after(LINGER).await;
    })
    .await;
}

async fn read(pipe: &Pipe, flow: Flow, outlets: &Outlets, scratch: &Scratch, is_accepted: bool) -> Turn {
    let mut is_silent = is_accepted;
    loop {
        let patience = async {
            if !is_silent {
                pending::<()>().await;
            }
            Timer::after(FIRST_WORDS).await;
            Err(io::Error::new(io::ErrorKind::TimedOut, "the peer said nothing"))
        };
        match or(pipe.read(READ, scratch), patience).await {
            Ok(bytes) if bytes.is_empty() => return Turn::Eof,
            Ok(bytes) => outlets.tell(NetEvent::Stream { flow, bytes }).await,
            Err(why) => return Turn::Over(why.to_string()),
        }
        is_silent = false;
    }
}
