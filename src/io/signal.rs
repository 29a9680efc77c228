//! A signal becomes a byte in a pipe: all that may be done in a handler.
use std::io;
use std::os::fd::{IntoRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

/// Where the handler writes; -1 before the start.
static PIPE: AtomicI32 = AtomicI32::new(-1);

/// Let `signal` write `mark` into `pipe` from now on. The pipe stays open until the process ends.
///
/// # Errors
/// What the system says.
pub fn mark_on(signal: i32, mark: u8, pipe: &Arc<UnixStream>) -> io::Result<()> {
    if PIPE.load(Ordering::SeqCst) < 0 {
        // Given to the handlers for good: never closed.
        let fd: RawFd = pipe.try_clone()?.into_raw_fd();
        PIPE.store(fd, Ordering::SeqCst);
    }
    let handler = if mark == b'h' { on_hangup as extern "C" fn(i32) } else { on_end };
    let action = nix::sys::signal::SigAction::new(
        nix::sys::signal::SigHandler::Handler(handler),
        nix::sys::signal::SaFlags::SA_RESTART,
        nix::sys::signal::SigSet::empty(),
    );
    let signal = nix::sys::signal::Signal::try_from(signal)?;
    // SAFETY: the handlers only call write(2), which is async-signal-safe, on a descriptor that stays open.
    unsafe { nix::sys::signal::sigaction(signal, &action) }?;
    Ok(())
}

extern "C" fn on_hangup(_: i32) {
    write_mark(b'h');
}

extern "C" fn on_end(_: i32) {
    write_mark(b't');
}

fn write_mark(mark: u8) {
    let errno = nix::errno::Errno::last();
    let fd = PIPE.load(Ordering::SeqCst);
    // SAFETY: one byte of a live variable; a full pipe already holds a mark.
    unsafe { libc::write(fd, std::ptr::from_ref(&mark).cast(), 1) };
    errno.set();
}
