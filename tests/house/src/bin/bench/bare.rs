//! What a call costs any program: a loop that only reads and writes what the daemon must, fifty times a second.
use crate::peer::packet;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::openpty;
use nix::sys::termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr};
use nix::time::{ClockId, clock_gettime};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::UdpSocket;
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

const FRAME: usize = 320;

/// Percent of one core for a frame and a packet in and out each 20 ms, over `seconds`.
pub fn measure(seconds: u64) -> f64 {
    let pty = openpty(None, None).expect("a pty");
    let mut raw = tcgetattr(&pty.slave).expect("its settings");
    cfmakeraw(&mut raw);
    tcsetattr(&pty.slave, SetArg::TCSANOW, &raw).expect("a raw pty");
    fcntl(&pty.master, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).expect("a pty that does not wait");
    let (ours, phones) = (socket(), socket());
    ours.connect(phones.local_addr().expect("an address")).expect("a way");
    phones.connect(ours.local_addr().expect("an address")).expect("a way");
    let count = seconds * 50;
    let mut tty = File::from(pty.slave);
    let worker = std::thread::spawn(move || work(&mut tty, &ours, count));
    let mut master = File::from(pty.master);
    let mut buffer = [0; 4_096];
    let begin = Instant::now();
    for n in 0..count {
        let at = begin + Duration::from_millis(20 * n);
        std::thread::sleep(at.saturating_duration_since(Instant::now()));
        let _ = master.write_all(&[0; FRAME]);
        // The phone's clock is another one.
        std::thread::sleep(Duration::from_millis(7));
        let _ = phones.send(&packet(n, &[0xff; 160]));
        let _ = master.read(&mut buffer);
        let _ = phones.recv(&mut buffer);
    }
    worker.join().expect("the loop ends") * 100.0 / (seconds as f64 * 1e3)
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.set_nonblocking(true).expect("a socket that does not wait");
    socket
}

/// The loop; milliseconds of processor time that it took.
fn work(tty: &mut File, udp: &UdpSocket, count: u64) -> f64 {
    let mut buffer = [0; 4_096];
    let (mut frames, mut packets) = (0, 0);
    while frames < count || packets < count {
        let mut ready =
            [PollFd::new(tty.as_fd(), PollFlags::POLLIN), PollFd::new(udp.as_fd(), PollFlags::POLLIN)];
        if poll(&mut ready, PollTimeout::from(1_000_u16)).unwrap_or(0) == 0 {
            break;
        }
        let [sound, net] = ready.map(|fd| fd.any().unwrap_or(false));
        if sound {
            frames += tty.read(&mut buffer).unwrap_or(0) as u64 / FRAME as u64;
            let _ = tty.write_all(&buffer[..FRAME]);
            let _ = udp.send(&packet(frames, &buffer[..160]));
        }
        if net && udp.recv(&mut buffer).is_ok() {
            packets += 1;
        }
    }
    let used = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("the clock");
    used.tv_sec() as f64 * 1e3 + used.tv_nsec() as f64 / 1e6
}
