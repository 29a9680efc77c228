//! Big-endian 32-bit MIPS with musl: no timerfd, so that timers come due.
//!
//! `rustix` passes its own `Timespec` (64-bit seconds, 32-bit nanoseconds) to musl's `__timerfd_settime64`.
//! musl keeps four bytes of padding *before* the nanoseconds on a big-endian 32-bit machine, so the
//! nanoseconds land in the padding: a timer of 50 ms is set to zero, which disarms it, and whoever waits for it
//! waits for ever. (Little-endian machines have the padding behind, where it does no harm.)
//!
//! The three functions below take musl's place on that one target and say `ENOSYS`. `polling` then has no timer
//! descriptor and uses the time-out of `epoll_wait`, which is a plain number of milliseconds.
//! All three are needed: they are one object in libc.a, and defining only `timerfd_create` would make the linker
//! fetch that object for the other two and find the first one twice.
//!
//! `examples/platform_probe.rs` shows that it works; `make cross` runs it under qemu.

use libc::{c_int, c_void};

/// `-1` with `errno` set to `ENOSYS`: what a kernel without timerfd answers.
fn not_implemented() -> c_int {
    // SAFETY: __errno_location returns a valid pointer to this thread's errno.
    unsafe { *libc::__errno_location() = libc::ENOSYS };
    -1
}

/// timerfd_create(2), refused.
// SAFETY (no_mangle): the C signature of the libc function that it stands for; it reads no argument.
#[unsafe(no_mangle)]
pub extern "C" fn timerfd_create(_clock: c_int, _flags: c_int) -> c_int {
    not_implemented()
}

/// timerfd_settime(2) under the name that musl ≥ 1.2 gives its 64-bit `time_t` version, refused.
// SAFETY (no_mangle): as above.
#[unsafe(no_mangle)]
pub extern "C" fn __timerfd_settime64(
    _fd: c_int,
    _flags: c_int,
    _new: *const c_void,
    _old: *mut c_void,
) -> c_int {
    not_implemented()
}

/// timerfd_gettime(2), likewise.
// SAFETY (no_mangle): as above.
#[unsafe(no_mangle)]
pub extern "C" fn __timerfd_gettime64(_fd: c_int, _now: *mut c_void) -> c_int {
    not_implemented()
}
