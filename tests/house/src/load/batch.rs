//! A UDP socket whose datagrams go out and come in many at a time.
use nix::libc;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::time::Duration;

/// Datagrams of one system call.
const BATCH: usize = 64;
/// No message of a test is longer.
const LONGEST: usize = 4_096;
/// Asked of the kernel, which may give less: the server's bursts must not get lost here.
const BUFFER: libc::c_int = 8 << 20;

/// Connected to one peer.
pub struct Wire {
    socket: UdpSocket,
    /// What waits to go out; the buffers stay.
    out: Vec<Vec<u8>>,
    waiting: usize,
    /// Datagrams that the kernel did not take.
    pub unsent: u64,
}

impl Wire {
    /// A port of its own at a loopback address (127.0.0.1, 127.0.0.2), not connected yet.
    #[must_use]
    pub fn bind(ip: &str) -> Self {
        let socket = UdpSocket::bind((ip, 0)).expect("a socket");
        socket.set_nonblocking(true).expect("a socket that does not wait");
        large_buffers(&socket);
        Self { socket, out: Vec::new(), waiting: 0, unsent: 0 }
    }

    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("an address")
    }

    pub fn connect(&self, to: SocketAddr) {
        self.socket.connect(to).expect("a way to 127.0.0.1");
    }

    /// A buffer that goes out with the next `flush`.
    pub fn fresh(&mut self) -> &mut Vec<u8> {
        if self.waiting == BATCH {
            self.flush();
        }
        if self.waiting == self.out.len() {
            self.out.push(Vec::with_capacity(LONGEST));
        }
        self.waiting += 1;
        let buffer = &mut self.out[self.waiting - 1];
        buffer.clear();
        buffer
    }

    /// The buffer that `fresh` gave last.
    pub fn last(&mut self) -> &mut Vec<u8> {
        &mut self.out[self.waiting - 1]
    }

    pub fn flush(&mut self) {
        let mut parts: Vec<libc::iovec> = self.out[..self.waiting]
            .iter_mut()
            .map(|b| libc::iovec { iov_base: b.as_mut_ptr().cast(), iov_len: b.len() })
            .collect();
        let mut heads: Vec<libc::mmsghdr> = parts.iter_mut().map(head).collect();
        let mut done = 0;
        while done < heads.len() {
            let rest = &mut heads[done..];
            // SAFETY: the headers point to buffers that live until the call returns.
            let sent = unsafe { libc::sendmmsg(self.fd(), rest.as_mut_ptr(), rest.len() as libc::c_uint, 0) };
            match usize::try_from(sent) {
                Ok(sent) if sent > 0 => done += sent,
                // Nobody listens there, or no room: that one is lost.
                _ => {
                    self.unsent += 1;
                    done += 1;
                }
            }
        }
        self.waiting = 0;
    }

    /// Takes what is there, at most one batch. False: nothing.
    pub fn receive(&self, inbox: &mut Inbox) -> bool {
        let mut parts: Vec<libc::iovec> = inbox
            .room
            .chunks_mut(LONGEST)
            .map(|b| libc::iovec { iov_base: b.as_mut_ptr().cast(), iov_len: b.len() })
            .collect();
        let mut heads: Vec<libc::mmsghdr> = parts.iter_mut().map(head).collect();
        let (flags, none) = (libc::MSG_DONTWAIT, std::ptr::null_mut());
        // SAFETY: as above.
        let came =
            unsafe { libc::recvmmsg(self.fd(), heads.as_mut_ptr(), BATCH as libc::c_uint, flags, none) };
        let came = usize::try_from(came).unwrap_or(0);
        inbox.lengths.clear();
        inbox.lengths.extend(heads[..came].iter().map(|head| (head.msg_len as usize).min(LONGEST)));
        came > 0
    }

    fn fd(&self) -> libc::c_int {
        self.socket.as_raw_fd()
    }
}

/// What came in one call.
pub struct Inbox {
    room: Vec<u8>,
    lengths: Vec<usize>,
}

impl Default for Inbox {
    fn default() -> Self {
        Self { room: vec![0; BATCH * LONGEST], lengths: Vec::with_capacity(BATCH) }
    }
}

impl Inbox {
    pub fn messages(&self) -> impl Iterator<Item = &[u8]> {
        self.room.chunks(LONGEST).zip(&self.lengths).map(|(room, length)| &room[..*length])
    }
}

fn head(part: &mut libc::iovec) -> libc::mmsghdr {
    // SAFETY: all-zero is an empty header.
    let mut head: libc::mmsghdr = unsafe { std::mem::zeroed() };
    head.msg_hdr.msg_iov = part;
    head.msg_hdr.msg_iovlen = 1;
    head
}

/// As large as the kernel allows.
pub(super) fn large_buffers(socket: &UdpSocket) {
    for (option, forced) in [(libc::SO_RCVBUF, libc::SO_RCVBUFFORCE), (libc::SO_SNDBUF, libc::SO_SNDBUFFORCE)]
    {
        // Only root may have more than the limit.
        if !set(socket, forced) {
            set(socket, option);
        }
    }
}

fn set(socket: &UdpSocket, option: libc::c_int) -> bool {
    let value = std::ptr::from_ref(&BUFFER).cast();
    let size = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the value lives until the call returns.
    unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, option, value, size) == 0 }
}

/// Waits until one of them has something, or that long.
pub fn wait(wires: &[&Wire], limit: Duration) -> io::Result<()> {
    let mut polled: Vec<libc::pollfd> =
        wires.iter().map(|w| libc::pollfd { fd: w.fd(), events: libc::POLLIN, revents: 0 }).collect();
    let limit = libc::timespec {
        tv_sec: limit.as_secs() as _,
        tv_nsec: libc::c_long::from(limit.subsec_nanos() as i32),
    };
    // SAFETY: the list lives until the call returns.
    let ready = unsafe {
        libc::ppoll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, &raw const limit, std::ptr::null())
    };
    if ready < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
