//! Load on a server: calls at a given rate, REGISTERs as fast as they are answered, RTP of many calls; with texts of its own.
//!
//! One thread plays everybody: the phone that calls with a digest and the peer that is called. Datagrams go out and come in by the
//! dozen (`sendmmsg`, `recvmmsg`), so that one core makes some ten thousand calls a second. It measures how late it was itself: what it
//! finds out in such a run says nothing about the server.
mod batch;
mod callee;
mod calls;
mod media;
mod process;
mod registers;
mod streams;
mod text;

pub use batch::Wire;
pub use callee::{media_of, sdp};
pub use calls::{CallPlan, CallReport, Caller};
pub use process::{Preferred, Process, cores, pin_self, status_number};
pub use registers::{RegisterReport, Registers};
pub use streams::{Edge, StreamReport, Streams};
