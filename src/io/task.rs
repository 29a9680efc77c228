//! Tasks of the loop, all of one type: each type of task of its own would be 2 kB of the same code again on mipsel.
use smol::{LocalExecutor, Task};
use std::future::Future;
use std::pin::Pin;

/// Run `course` beside the loop; dropping the task ends it.
pub fn spawn(executor: &LocalExecutor<'static>, course: impl Future<Output = ()> + 'static) -> Task<()> {
    let course: Pin<Box<dyn Future<Output = ()>>> = Box::pin(course);
    executor.spawn(course)
}
