//! Tasks of a thread, all of one type: each type of task of its own would be 2 kB of the same code again on mipsel.
use super::ready::Mark;
use super::{Core, HERE};
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake as _, Waker};

/// `None` while it runs.
pub struct Course(Option<Pin<Box<dyn Future<Output = ()>>>>);

/// A task that runs beside the others of its thread; dropping this ends it.
#[must_use]
pub struct Task {
    key: u64,
    /// It can only be ended where it runs.
    here: PhantomData<Rc<()>>,
}

/// Run `course` beside this thread's others, while the thread is in `block_on`.
pub fn spawn(course: impl Future<Output = ()> + 'static) -> Task {
    let course: Pin<Box<dyn Future<Output = ()>>> = Box::pin(course);
    // A thread that is ending runs nothing.
    let key = HERE.try_with(|core| core.add(course)).unwrap_or_default();
    Task { key, here: PhantomData }
}

impl Task {
    /// It runs to its end.
    pub fn detach(self) {
        std::mem::forget(self);
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        let course = HERE.try_with(|core| core.tasks.borrow_mut().remove(self.key));
        // It may own tasks itself: the list is free by now.
        drop(course);
    }
}

impl Core {
    fn add(&self, course: Pin<Box<dyn Future<Output = ()>>>) -> u64 {
        let key = self.tasks.borrow_mut().insert(Course(Some(course)));
        Mark::new(key, &self.ready).wake();
        key
    }

    /// A task that was woken goes on; one that has ended meanwhile does nothing.
    pub(super) fn run_task(&self, key: u64, mark: Arc<Mark>) {
        let course = self.tasks.borrow_mut().get_mut(key).and_then(|task| task.0.take());
        let Some(mut course) = course else { return };
        let waker = Waker::from(mark);
        let ended = match course.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(()) => self.tasks.borrow_mut().remove(key),
            Poll::Pending => {
                match self.tasks.borrow_mut().get_mut(key) {
                    Some(task) => task.0 = Some(course),
                    // It was ended by what it did itself.
                    None => return,
                }
                None
            }
        };
        drop(ended);
    }
}
