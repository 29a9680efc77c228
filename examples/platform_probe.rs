//! Does this machine's C library, kernel (or qemu-user) and this build agree about time, threads and terminals?
//!
//! A build for a router shows none of the traps of docs/CROSS.md, only a run does. This program is built for each
//! target with the daemon's own profile and run by `cross/probe`. One line a check; last line `N passed, M failed`;
//! exit code 0 when all hold. A check that hangs is ended by SIGALRM after [`DEADLINE_S`] seconds.

// It looks at the world on purpose: clocks, threads, sockets. What io does in the daemon, it does here.
#![allow(clippy::disallowed_methods)]

use std::fs::File;
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_lite::future::or;
use nix::sys::termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr};
use tandem::io::reactor::{Source, Timer, block_on, spawn};
use tandem::media::{Codec, Direction, Gateway, Output, Remote, Seed};
use tandem::wire::rtp::write_header;

/// The whole run takes well under a second natively and two under qemu.
const DEADLINE_S: u32 = 30;
/// What every timer here waits.
const SHORT: Duration = Duration::from_millis(50);
/// 2024-01-01, before this program was written; and 2100.
const PLAUSIBLE_CLOCK: std::ops::Range<u64> = 1_704_067_200..4_102_444_800;

type Check = (&'static str, fn() -> Result<()>);

const CHECKS: &[Check] = &[
    ("clock: seconds since 1970 are plausible", clock_is_plausible),
    ("file: modification time is now", file_time_is_now),
    ("file: a time that was set is read back", file_time_is_read_back),
    ("std: a channel's time-out of 50 ms", channel_times_out),
    ("std: a thread sleeps 50 ms and is joined", thread_sleeps),
    ("std: a UDP read time-out of 50 ms", udp_read_times_out),
    ("libc: poll(2) with a time-out of 50 ms", poll_times_out),
    ("reactor: a timer of 50 ms", reactor_timer_fires),
    ("reactor: a timer of 50 ms beside another that never fires", reactor_race_of_timers),
    ("reactor: a UDP round trip", reactor_udp_round_trip),
    ("reactor: a time-out while nothing is received", reactor_udp_times_out),
    ("reactor: a TCP round trip", reactor_tcp_round_trip),
    ("reactor: a Unix socket round trip", reactor_unix_round_trip),
    ("reactor: a pty, written and read", reactor_pty_round_trip),
    ("reactor: a closed pty is noticed", reactor_pty_hangs_up),
    ("reactor: another thread wakes it", reactor_is_woken),
    ("sound: a stick's samples have their low byte first", samples_have_their_low_byte_first),
];

fn main() {
    nix::unistd::alarm::set(DEADLINE_S);
    let mut failed = 0;
    for (name, check) in CHECKS {
        println!("... {name}");
        match check() {
            Ok(()) => println!("ok  {name}"),
            Err(error) => {
                failed += 1;
                println!("BAD {name}: {error}");
            }
        }
    }
    println!("{} passed, {failed} failed", CHECKS.len() - failed);
    std::process::exit(i32::from(failed > 0));
}

fn wrong(what: impl Into<String>) -> Error {
    Error::other(what.into())
}

/// `SHORT` must have passed since `start`, and not very much more: a timer that fires at once is as wrong as none.
fn short_time_passed(start: Instant) -> Result<()> {
    let took = start.elapsed();
    // 1 ms below: epoll counts whole milliseconds.
    if took + Duration::from_millis(1) >= SHORT && took < Duration::from_secs(5) {
        Ok(())
    } else {
        Err(wrong(format!("took {took:?}, want about {SHORT:?}")))
    }
}

fn want_timeout<T>(start: Instant, got: Result<T>) -> Result<()> {
    match got {
        Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => short_time_passed(start),
        Err(e) => Err(e),
        Ok(_) => Err(wrong("no time-out")),
    }
}

fn want_bytes(got: &[u8], want: &[u8]) -> Result<()> {
    if got == want { Ok(()) } else { Err(wrong(format!("got {got:?}, want {want:?}"))) }
}

fn clock_is_plausible() -> Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(Error::other)?;
    let seconds = libc_clock()?;
    if !PLAUSIBLE_CLOCK.contains(&now.as_secs()) {
        return Err(wrong(format!("std says {} s", now.as_secs())));
    }
    if seconds.abs_diff(now.as_secs().cast_signed()) > 2 {
        return Err(wrong(format!("std says {} s, clock_gettime {seconds} s", now.as_secs())));
    }
    Ok(())
}

/// CLOCK_REALTIME in seconds as the `libc` crate declares it, where time_t has 32 or 64 bits by target.
fn libc_clock() -> Result<i64> {
    let mut now = std::mem::MaybeUninit::<libc::timespec>::zeroed();
    // SAFETY: the pointer is to a timespec of ours, and all zeroes is a valid one.
    let now = unsafe {
        if libc::clock_gettime(libc::CLOCK_REALTIME, now.as_mut_ptr()) != 0 {
            return Err(Error::last_os_error());
        }
        now.assume_init()
    };
    #[allow(clippy::useless_conversion)] // on 32-bit targets without the 64-bit time_t it is one
    Ok(i64::from(now.tv_sec))
}

/// A file of our own that is gone when it is closed.
fn scratch_file() -> Result<(File, std::path::PathBuf)> {
    let path = std::env::temp_dir().join(format!("tandem-probe-{}", std::process::id()));
    let file = File::options().create(true).truncate(true).read(true).write(true).open(&path)?;
    Ok((file, path))
}

fn file_time_is_now() -> Result<()> {
    let (file, path) = scratch_file()?;
    let modified = file.metadata()?.modified()?;
    std::fs::remove_file(path)?;
    let apart = SystemTime::now().duration_since(modified).unwrap_or_else(|e| e.duration());
    if apart < Duration::from_secs(60) { Ok(()) } else { Err(wrong(format!("{apart:?} apart"))) }
}

fn file_time_is_read_back() -> Result<()> {
    // With nanoseconds: both halves must survive. Not after 2038: std's own time_t has 32 bits on 32-bit musl still.
    let set = UNIX_EPOCH + Duration::new(2_000_000_000, 123_456_789);
    let (file, path) = scratch_file()?;
    file.set_modified(set)?;
    let read = file.metadata()?.modified()?;
    std::fs::remove_file(path)?;
    if read == set { Ok(()) } else { Err(wrong(format!("set {set:?}, read {read:?}"))) }
}

fn channel_times_out() -> Result<()> {
    let (_sender, receiver) = mpsc::channel::<()>();
    let start = Instant::now();
    match receiver.recv_timeout(SHORT) {
        Err(mpsc::RecvTimeoutError::Timeout) => short_time_passed(start),
        other => Err(wrong(format!("{other:?}"))),
    }
}

fn thread_sleeps() -> Result<()> {
    let start = Instant::now();
    let thread = std::thread::spawn(|| {
        std::thread::sleep(SHORT);
        7
    });
    let seven = thread.join().map_err(|_| wrong("the thread died"))?;
    want_bytes(&[seven], &[7])?;
    short_time_passed(start)
}

fn udp_read_times_out() -> Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_read_timeout(Some(SHORT))?;
    let read_back = socket.read_timeout()?;
    // The kernel rounds to its own tick.
    if !read_back.is_some_and(|t| t >= SHORT && t < 2 * SHORT) {
        return Err(wrong(format!("set {SHORT:?}, read back {read_back:?}")));
    }
    let start = Instant::now();
    want_timeout(start, socket.recv(&mut [0; 16]))
}

fn poll_times_out() -> Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let mut wanted = libc::pollfd { fd: socket.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let start = Instant::now();
    // SAFETY: one pollfd of ours, and the count says one.
    match unsafe { libc::poll(&mut wanted, 1, 50) } {
        0 => short_time_passed(start),
        ready => Err(wrong(format!("poll says {ready}"))),
    }
}

fn reactor_timer_fires() -> Result<()> {
    let start = Instant::now();
    block_on(Timer::after(SHORT))?;
    short_time_passed(start)
}

fn reactor_race_of_timers() -> Result<()> {
    let start = Instant::now();
    spawn(Timer::after(Duration::from_secs(86_400))).detach();
    block_on(Timer::after(SHORT))?;
    short_time_passed(start)
}

fn reactor_udp_round_trip() -> Result<()> {
    block_on(async {
        let a = Source::new(UdpSocket::bind("127.0.0.1:0")?)?;
        let b = Source::new(UdpSocket::bind("127.0.0.1:0")?)?;
        let mut buffer = [0; 32];
        a.get_ref().send_to(b"there", b.get_ref().local_addr()?)?;
        let (length, from) = b.read_with(|b| b.recv_from(&mut buffer)).await?;
        want_bytes(buffer.get(..length).unwrap_or_default(), b"there")?;
        b.get_ref().send_to(b"and back", from)?;
        let (length, _) = a.read_with(|a| a.recv_from(&mut buffer)).await?;
        want_bytes(buffer.get(..length).unwrap_or_default(), b"and back")
    })?
}

fn reactor_udp_times_out() -> Result<()> {
    let start = Instant::now();
    let got = block_on(async {
        let socket = Source::new(UdpSocket::bind("127.0.0.1:0")?)?;
        let mut buffer = [0; 16];
        or(socket.read_with(|s| s.recv(&mut buffer)), async {
            Timer::after(SHORT).await;
            Err(ErrorKind::TimedOut.into())
        })
        .await
    })?;
    want_timeout(start, got)
}

fn reactor_tcp_round_trip() -> Result<()> {
    block_on(async {
        let listener = Source::new(TcpListener::bind("127.0.0.1:0")?)?;
        let near = Source::new(TcpStream::connect(listener.get_ref().local_addr()?)?)?;
        near.writable().await?;
        let (far, _) = listener.read_with(TcpListener::accept).await?;
        echo(&near, &Source::new(far)?).await
    })?
}

fn reactor_unix_round_trip() -> Result<()> {
    block_on(async {
        let (near, far) = UnixStream::pair()?;
        echo(&Source::new(near)?, &Source::new(far)?).await
    })?
}

async fn echo<S: AsFd + 'static>(near: &Source<S>, far: &Source<S>) -> Result<()>
where
    for<'a> &'a S: Read + Write,
{
    want(far, near, b"there").await?;
    want(near, far, b"again").await
}

/// Goes in at one end and comes out at the other, in however many pieces.
async fn want<T, F>(to: &Source<T>, from: &Source<F>, text: &[u8]) -> Result<()>
where
    T: AsFd + 'static,
    F: AsFd + 'static,
    for<'a> &'a T: Read + Write,
    for<'a> &'a F: Read + Write,
{
    from.write_all(text).await?;
    let (mut got, mut buffer) = (Vec::new(), [0; 16]);
    while got.len() < text.len() {
        match to.read(&mut buffer).await? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            n => got.extend(buffer.get(..n).unwrap_or_default()),
        }
    }
    want_bytes(&got, text)
}

/// Both ends of a pty, raw, as the daemon sees a dongle's tty.
fn raw_pty() -> Result<(Source<File>, Source<File>)> {
    let pty = nix::pty::openpty(None, None)?;
    let mut settings = tcgetattr(&pty.slave)?;
    cfmakeraw(&mut settings);
    tcsetattr(&pty.slave, SetArg::TCSANOW, &settings)?;
    Ok((Source::new(File::from(pty.master))?, Source::new(File::from(pty.slave))?))
}

fn reactor_pty_round_trip() -> Result<()> {
    block_on(async {
        let (stick, driver) = raw_pty()?;
        want(&stick, &driver, b"AT\r").await?;
        want(&driver, &stick, b"\r\nOK\r\n").await
    })?
}

fn reactor_pty_hangs_up() -> Result<()> {
    block_on(async {
        let (stick, driver) = raw_pty()?;
        drop(stick);
        let mut buffer = [0; 8];
        let read = driver.read(&mut buffer).await;
        // A slave whose master is gone answers end of file or EIO, as a pulled dongle does.
        match read {
            Ok(0) => Ok(()),
            Err(e) if e.raw_os_error() == Some(libc::EIO) => Ok(()),
            other => Err(wrong(format!("{other:?}"))),
        }
    })?
}

fn reactor_is_woken() -> Result<()> {
    let start = Instant::now();
    let (sender, receiver) = async_channel::bounded(1);
    std::thread::spawn(move || {
        std::thread::sleep(SHORT);
        sender.send_blocking(7_u8)
    });
    let seven = block_on(receiver.recv())?.map_err(Error::other)?;
    want_bytes(&[seven], &[7])?;
    short_time_passed(start)
}

/// Bytes as they are on the wires: two samples (-296 and 9,984) and their codes in A-law, G.711 table 1a.
fn samples_have_their_low_byte_first() -> Result<()> {
    const STICK: [u8; 4] = [0xd8, 0xfe, 0x00, 0x27];
    const PHONE: [u8; 2] = [0x47, 0xb6];
    let peer = std::net::SocketAddr::from(([192, 0, 2, 7], 4_000));
    let at = |frame: u64| tandem::util::time::Instant::from_micros(frame * 20_000);
    let mut gateway = Gateway::new(Seed { ssrc: 7, sequence: 1, timestamp: 0 });
    let remote = Remote {
        addr: peer,
        codec: Codec::Pcma,
        payload_type: 8,
        receive_types: [(8, Codec::Pcma)].into_iter().collect(),
        event_send: None,
        event_receive: None,
        dtmf: tandem::wire::dtmf::Dtmf::Auto,
        ptime_ms: 20,
        direction: Direction::SendRecv,
        symmetric: false,
    };
    gateway.set_remote(remote, at(0));
    gateway.open_voice(at(0));
    let (mut voice, mut sent) = (Vec::new(), Vec::new());
    for n in 0..20_u16 {
        let header = write_header(n == 0, 8, n, u32::from(n) * 160, 9);
        let packet = [&header[..], &PHONE.repeat(80)].concat();
        gateway.handle_rtp(peer, &packet, at(n.into()));
        gateway.handle_voice(&STICK.repeat(80), at(n.into()));
        while let Some(output) = gateway.poll_output() {
            match output {
                Output::Voice(bytes) => voice = bytes.to_vec(),
                Output::Rtp { bytes, .. } => sent = bytes,
                Output::Digit(key) | Output::Inform(key) => return Err(wrong(format!("a key {key}"))),
            }
        }
    }
    want_bytes(sent.get(12..).unwrap_or_default(), &PHONE.repeat(80))?;
    // The buffer begins where it likes.
    let begin = usize::from(voice.first() != STICK.first()) * 2;
    let want: Vec<u8> = STICK.iter().copied().cycle().skip(begin).take(320).collect();
    want_bytes(&voice, &want)
}
