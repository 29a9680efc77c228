//! Real descriptors. Each test has a thread, and so a loop, of its own.
use super::*;
use futures_lite::future::{or, zip};
use std::cell::Cell;
use std::io::{Read as _, Write as _};
use std::net::UdpSocket;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(20);

fn run<T>(main: impl Future<Output = T>) -> T {
    let limit = async {
        Timer::after(Duration::from_secs(20)).await;
        panic!("it takes too long");
    };
    block_on(or(main, limit)).unwrap()
}

fn pair() -> (Source<UnixStream>, UnixStream) {
    let (near, far) = UnixStream::pair().unwrap();
    (Source::new(near).unwrap(), far)
}

/// Looks so far.
fn looks() -> u32 {
    HERE.with(|core| core.poller().unwrap().turn())
}

#[allow(clippy::disallowed_methods)]
fn now() -> Instant {
    Instant::now()
}

#[test]
fn timers_ring_in_their_order_and_not_early() {
    let begin = now();
    let order = Rc::new(RefCell::new(Vec::new()));
    for ms in [30_u64, 10, 20, 0] {
        let order = order.clone();
        let course = async move {
            Timer::after(Duration::from_millis(ms)).await;
            order.borrow_mut().push(ms);
            assert!(begin.elapsed() >= Duration::from_millis(ms));
        };
        spawn(course).detach();
    }
    run(Timer::after(Duration::from_millis(40)));
    assert_eq!(*order.borrow(), [0, 10, 20, 30]);
}

#[test]
fn a_timer_is_set_anew() {
    let mut timer = Timer::never();
    run(async {
        let begin = now();
        timer.set(Some(begin + Duration::from_secs(3_600)));
        timer.set(Some(begin + SHORT));
        (&mut timer).await;
        assert!(begin.elapsed() >= SHORT);
        // It rang once.
        let silent = async {
            (&mut timer).await;
            panic!("it rings again");
        };
        or(silent, Timer::after(SHORT)).await;
        timer.set(Some(begin));
        (&mut timer).await;
        timer.set(Some(begin));
        timer.set(None);
        let silent = async {
            (&mut timer).await;
            panic!("it was taken back");
        };
        or(silent, Timer::after(SHORT)).await;
    });
}

#[test]
fn thousands_of_timers() {
    let rung = Rc::new(Cell::new(0));
    for n in 0..5_000_u64 {
        let rung = rung.clone();
        let course = async move {
            Timer::after(Duration::from_micros(n * 7 % 20_000)).await;
            rung.set(rung.get() + 1);
        };
        spawn(course).detach();
    }
    run(async {
        while rung.get() < 5_000 {
            look().await;
        }
    });
    HERE.with(|core| assert!(core.sleepers.borrow().is_empty(), "a dropped timer stays"));
}

#[test]
fn another_thread_wakes_a_loop_that_sleeps() {
    let (sender, receiver) = async_channel::bounded(1);
    let thread = std::thread::spawn(move || {
        for n in 0..100 {
            if n % 10 == 0 {
                #[allow(clippy::disallowed_methods)]
                std::thread::sleep(Duration::from_millis(2));
            }
            sender.send_blocking(n).unwrap();
        }
    });
    run(async {
        for n in 0..100 {
            assert_eq!(receiver.recv().await, Ok(n));
        }
    });
    thread.join().unwrap();
}

#[test]
fn messages_are_read_one_a_look_or_many_when_many_come() {
    let socket = Source::new(UdpSocket::bind("127.0.0.1:0").unwrap()).unwrap();
    let at = socket.get_ref().local_addr().unwrap();
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (reads, mut buffer) = (Cell::new(0), [0; 8]);
    let mut read = async || {
        let attempt = |s: &UdpSocket| {
            reads.set(reads.get() + 1);
            s.recv(&mut buffer)
        };
        socket.read_with(attempt).await.unwrap()
    };
    run(async {
        for n in 0..20 {
            zip(read(), async {
                look().await;
                Timer::after(Duration::from_millis(2)).await;
                peer.send_to(b"sound", at).unwrap();
            })
            .await;
            // The first try comes before the first wait.
            assert_eq!(reads.get(), n + 2);
        }
        for _ in 0..100 {
            peer.send_to(b"flood", at).unwrap();
        }
        let begin = looks();
        for _ in 0..100 {
            read().await;
        }
        let looks = looks() - begin;
        assert!((10..20).contains(&looks), "{looks} looks for 100 datagrams");
        assert!(
            or(async { Some(read().await) }, async {
                Timer::after(SHORT).await;
                None
            })
            .await
            .is_none()
        );
        peer.send_to(b"again", at).unwrap();
        assert_eq!(read().await, 5);
    });
}

#[test]
fn what_nobody_reads_does_not_keep_the_loop_awake() {
    let (near, mut far) = pair();
    let mut buffer = [0; 8];
    run(async {
        // Waited for once, and given up.
        or(async { drop(near.read(&mut buffer).await) }, Timer::after(SHORT)).await;
        far.write_all(b"text").unwrap();
        let begin = looks();
        Timer::after(SHORT).await;
        assert!(looks() - begin < 6, "{} looks", looks() - begin);
        assert_eq!(near.read(&mut buffer).await.unwrap(), 4);
        // The same with its end, which epoll always tells.
        or(async { drop(near.read(&mut buffer).await) }, Timer::after(SHORT)).await;
        drop(far);
        let begin = looks();
        Timer::after(SHORT).await;
        assert!(looks() - begin < 6, "{} looks", looks() - begin);
        assert_eq!(near.read(&mut buffer).await.unwrap(), 0);
    });
}

#[test]
fn an_idle_loop_sleeps() {
    let (near, _far) = pair();
    let idle = async move { drop(near.read(&mut [0; 8]).await) };
    spawn(idle).detach();
    run(async {
        let begin = looks();
        Timer::after(Duration::from_millis(100)).await;
        assert!(looks() - begin <= 3, "{} looks", looks() - begin);
    });
}

#[test]
fn more_than_the_kernel_takes_is_written() {
    let (near, mut far) = pair();
    let long: Vec<u8> = (0..1_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let reader = std::thread::spawn(move || {
        let mut all = Vec::new();
        far.read_to_end(&mut all).unwrap();
        all
    });
    run(async move {
        near.write_all(&long).await.unwrap();
        drop(near);
        let read = reader.join().unwrap();
        assert!(read == long);
    });
}

#[test]
fn who_waits_for_a_source_that_is_closed_hears_of_it() {
    let (near, _far) = pair();
    let shared = Rc::new(RefCell::new(Some(near)));
    let (ended, waiting) = (Rc::new(Cell::new(false)), shared.clone());
    let is_ended = ended.clone();
    let wait = async move {
        poll_fn(|context| match waiting.borrow().as_ref() {
            Some(source) => {
                let _ = source.try_read(&mut |mut s| s.read(&mut [0; 8]));
                source.poll_readable(context)
            }
            None => Poll::Ready(Ok(())),
        })
        .await
        .unwrap();
        is_ended.set(true);
    };
    spawn(wait).detach();
    run(async {
        Timer::after(SHORT).await;
        let source = shared.borrow_mut().take();
        drop(source);
        look().await;
        look().await;
    });
    assert!(ended.get());
}

#[test]
fn a_number_that_is_used_again_belongs_to_the_new_source() {
    run(async {
        for _ in 0..50 {
            let (near, mut far) = pair();
            or(async { drop(near.read(&mut [0; 8]).await) }, look()).await;
            far.write_all(b"x").unwrap();
            drop(near);
            // It has the number now, and nothing to read.
            let (next, _held) = pair();
            let read = async { Some(next.read(&mut [0; 8]).await) };
            let silence = async {
                look().await;
                look().await;
                None
            };
            assert!(or(read, silence).await.is_none());
        }
    });
}

#[test]
fn a_task_ends_with_its_handle_and_may_end_itself() {
    let count = Rc::new(Cell::new(0));
    let counted = count.clone();
    let task = spawn(async move {
        loop {
            counted.set(counted.get() + 1);
            look().await;
        }
    });
    let own: Rc<RefCell<Option<Task>>> = Rc::default();
    let (held, survived) = (own.clone(), count.clone());
    *own.borrow_mut() = Some(spawn(async move {
        let own = held.borrow_mut().take();
        drop(own);
        look().await;
        survived.set(1_000_000);
    }));
    run(async {
        while count.get() < 5 {
            look().await;
        }
        drop(task);
        let last = count.get();
        for _ in 0..5 {
            look().await;
        }
        assert_eq!(count.get(), last);
    });
}

#[test]
fn tasks_end_with_the_loop_and_sockets_with_them() {
    let (near, mut far) = pair();
    spawn(async move { drop(near.read(&mut [0; 8]).await) }).detach();
    run(look());
    assert_eq!(far.read(&mut [0; 8]).unwrap(), 0, "closed");
}

#[test]
fn a_task_that_is_always_ready_stops_nobody() {
    let (near, mut far) = pair();
    let busy = poll_fn(|context: &mut Context<'_>| {
        context.waker().wake_by_ref();
        Poll::<()>::Pending
    });
    spawn(busy).detach();
    run(async {
        far.write_all(b"x").unwrap();
        assert_eq!(near.read(&mut [0; 8]).await.unwrap(), 1);
        assert_eq!(zip(near.read(&mut [0; 8]), async { far.write_all(b"yz").unwrap() }).await.0.unwrap(), 2);
        Timer::after(SHORT).await;
    });
}

#[test]
fn a_regular_file_is_no_source() {
    let source = Source::new(std::fs::File::open("Cargo.toml").unwrap()).unwrap();
    assert!(run(source.writable()).is_err());
}

#[test]
fn a_listed_source_is_heard_of_once_until_it_is_read() {
    let near = UdpSocket::bind("127.0.0.1:0").unwrap();
    near.set_nonblocking(true).unwrap();
    let (at, far) = (near.local_addr().unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    block_on(async {
        let listed = Listed::new(near, 7).unwrap();
        let heard = || async {
            poll_fn(|context| poll_heard(context)).await;
            let mut keys = Vec::new();
            take_heard(&mut keys);
            keys
        };
        for n in 0..2 {
            far.send_to(&[n], at).unwrap();
        }
        // Nobody takes it at the first looks.
        for _ in 0..3 {
            look().await;
        }
        let mut bytes = [0; 4];
        for n in 0..2 {
            assert_eq!(heard().await, [7]);
            assert_eq!(listed.get_ref().recv(&mut bytes).unwrap(), 1);
            assert_eq!(bytes[0], n);
        }
        look().await;
        let mut keys = Vec::new();
        take_heard(&mut keys);
        assert_eq!(keys, [0; 0], "all is read");
        far.send_to(&[9], at).unwrap();
        drop(listed);
        look().await;
        take_heard(&mut keys);
        assert_eq!(keys, [0; 0], "it is closed");
    })
    .unwrap();
}
