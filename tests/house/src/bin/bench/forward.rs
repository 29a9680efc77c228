//! The bare loop: takes a datagram from one socket and gives it to another, and nothing else. A program of its own, so that its cost is
//! counted as that of the servers is.
use house::child::Child;
use house::load::{Process, cores};
use nix::libc;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::process::Command;

/// What the program is called with.
pub const ARGUMENT: &str = "forward";
const READY: &str = "ports";

/// The program as a process.
pub struct Forwarder {
    child: Child,
    /// Two for each call: what comes to the one goes to whom is called, what comes to the other to the caller.
    pub ports: [Vec<SocketAddr>; 2],
}

impl Forwarder {
    pub fn start(calls: usize, ends: [SocketAddr; 2]) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("its own path"));
        command.arg(ARGUMENT).arg(calls.to_string()).args(ends.map(|end| end.to_string()));
        let child = Child::spawn("forward", &mut command);
        let line = child.wait_line(0, READY, 20.0);
        let ports: Vec<SocketAddr> = line.split(' ').skip(1).filter_map(|word| word.parse().ok()).collect();
        let (callers, called) = ports.split_at(calls);
        let forwarder = Self { ports: [callers.to_vec(), called.to_vec()], child };
        forwarder.process().pin(cores().0);
        forwarder
    }

    pub fn process(&self) -> Process {
        Process(self.child.id())
    }
}

/// The program: `forward CALLS CALLERS CALLED`. Ends with who started it.
pub fn run(words: &[String]) {
    let [calls, ends @ ..] = words else { panic!("forward CALLS CALLERS CALLED") };
    let calls: usize = calls.parse().expect("a number of calls");
    let ends: Vec<SocketAddr> = ends.iter().map(|end| end.parse().expect("an address")).collect();
    let sockets: Vec<UdpSocket> =
        (0..2 * calls).map(|_| UdpSocket::bind("127.0.0.1:0").expect("a socket")).collect();
    // SAFETY: it takes a number.
    let epoll = unsafe { libc::epoll_create1(0) };
    for (n, socket) in sockets.iter().enumerate() {
        socket.set_nonblocking(true).expect("a socket that does not wait");
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: n as u64 };
        // SAFETY: the event lives until the call returns.
        let added =
            unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, socket.as_raw_fd(), &raw mut event) };
        assert_eq!(added, 0, "a socket to wait for");
    }
    let ports = sockets.iter().map(|s| s.local_addr().expect("an address").to_string());
    println!("{READY} {}", ports.collect::<Vec<_>>().join(" "));
    let mut events = [libc::epoll_event { events: 0, u64: 0 }; 64];
    let mut buffer = [0; 2_048];
    loop {
        // SAFETY: the kernel writes as many events as there is room for.
        let ready = unsafe { libc::epoll_wait(epoll, events.as_mut_ptr(), events.len() as libc::c_int, -1) };
        for event in &events[..usize::try_from(ready).unwrap_or(0)] {
            let from = event.u64 as usize;
            let Ok((length, _)) = sockets[from].recv_from(&mut buffer) else { continue };
            let is_caller = from < calls;
            let to = if is_caller { from + calls } else { from - calls };
            let _ = sockets[to].send_to(&buffer[..length], ends[usize::from(is_caller)]);
        }
    }
}
