//! musl names a thread by `snprintf` for the case that it is another's: the whole of printf, 11 kB on mipsel. std only names
//! the thread that it is in, and for that there is a system call.
use libc::{c_char, c_int, c_ulong, pthread_t};

/// pthread_setname_np(3) for the calling thread. Returns 0 or an error number.
// SAFETY (no_mangle): the C signature of the libc function that it stands for.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_setname_np(_own: pthread_t, name: *const c_char) -> c_int {
    // SAFETY: PR_SET_NAME reads at most 16 bytes of a string that the caller of pthread_setname_np has to end.
    match unsafe { libc::prctl(libc::PR_SET_NAME, name as c_ulong, 0, 0, 0) } {
        0 => 0,
        _ => libc::ENOTSUP,
    }
}
