//! Work that takes its time, on a thread of its own.
use std::io;

/// Some 200 kB of certificates are read there, and in a test a program is waited for; pages that are never touched cost nothing.
const STACK_BYTES: usize = 256 * 1_024;

/// What `work` gives. It ends even when nobody waits for it any more.
///
/// # Errors
/// No thread can be had, or it died.
pub async fn elsewhere<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    let (sender, result) = async_channel::bounded(1);
    let course = move || {
        let _ = sender.try_send(work());
    };
    std::thread::Builder::new().name("helper".to_owned()).stack_size(STACK_BYTES).spawn(course)?;
    result.recv().await.map_err(io::Error::other)
}
