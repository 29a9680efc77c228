//! A UDP socket for RTP of many calls: datagrams go out and come in many at a time, and the kernel says when each came.
use super::batch::large_buffers;
use nix::libc;
use nix::time::{ClockId, clock_gettime};
use std::net::{SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd as _;

/// Datagrams of one system call.
const BATCH: usize = 64;
/// A packet of 60 ms with SRTP's tag.
const LONGEST: usize = 512;
/// For one `timespec` with its head.
const CONTROL: usize = 64;

/// Nanoseconds of the clock that the kernel stamps datagrams with.
pub fn wall_ns() -> u64 {
    let now = clock_gettime(ClockId::CLOCK_REALTIME).expect("the clock");
    now.tv_sec() as u64 * 1_000_000_000 + now.tv_nsec() as u64
}

/// One for all callers, another one for all that are called.
pub struct MediaSocket {
    socket: UdpSocket,
    /// Datagrams that the kernel did not take.
    pub unsent: u64,
}

impl MediaSocket {
    #[must_use]
    pub fn bind(ip: &str) -> Self {
        let socket = UdpSocket::bind((ip, 0)).expect("a socket");
        socket.set_nonblocking(true).expect("a socket that does not wait");
        large_buffers(&socket);
        let on: libc::c_int = 1;
        let size = size_of::<libc::c_int>() as libc::socklen_t;
        let (fd, value) = (socket.as_raw_fd(), (&raw const on).cast());
        // SAFETY: the value lives until the call returns.
        let set = unsafe { libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, value, size) };
        assert_eq!(set, 0, "the kernel stamps datagrams");
        Self { socket, unsent: 0 }
    }

    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("an address")
    }

    /// Everything that waits.
    pub fn send(&mut self, out: &mut Outgoing) {
        let mut parts: Vec<libc::iovec> = out.room[..out.count]
            .iter_mut()
            .zip(&out.lengths)
            .map(|(room, length)| libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: *length })
            .collect();
        let head = |(part, to): (&mut libc::iovec, &mut libc::sockaddr_in)| {
            let mut head = empty();
            head.msg_hdr.msg_iov = part;
            head.msg_hdr.msg_iovlen = 1;
            head.msg_hdr.msg_name = std::ptr::from_mut(to).cast();
            head.msg_hdr.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
            head
        };
        let mut heads: Vec<libc::mmsghdr> = parts.iter_mut().zip(&mut out.to).map(head).collect();
        let mut done = 0;
        while done < heads.len() {
            let rest = &mut heads[done..];
            let fd = self.socket.as_raw_fd();
            // SAFETY: the headers point to buffers and addresses that live until the call returns.
            let sent = unsafe { libc::sendmmsg(fd, rest.as_mut_ptr(), rest.len() as libc::c_uint, 0) };
            match usize::try_from(sent) {
                Ok(sent) if sent > 0 => done += sent,
                // Nobody listens there, or no room: that one is lost.
                _ => {
                    self.unsent += 1;
                    done += 1;
                }
            }
        }
        out.count = 0;
    }

    /// Takes what is there, at most one batch. True: there may be more.
    pub fn receive(&self, inbox: &mut Arrivals) -> bool {
        let mut parts: Vec<libc::iovec> = inbox
            .room
            .chunks_mut(LONGEST)
            .map(|b| libc::iovec { iov_base: b.as_mut_ptr().cast(), iov_len: b.len() })
            .collect();
        let head = |(part, control): (&mut libc::iovec, &mut [u64; CONTROL / 8])| {
            let mut head = empty();
            head.msg_hdr.msg_iov = part;
            head.msg_hdr.msg_iovlen = 1;
            head.msg_hdr.msg_control = control.as_mut_ptr().cast();
            head.msg_hdr.msg_controllen = CONTROL as _;
            head
        };
        let mut heads: Vec<libc::mmsghdr> = parts.iter_mut().zip(&mut inbox.control).map(head).collect();
        let (fd, flags, none) = (self.socket.as_raw_fd(), libc::MSG_DONTWAIT, std::ptr::null_mut());
        // SAFETY: as above.
        let came = unsafe { libc::recvmmsg(fd, heads.as_mut_ptr(), BATCH as libc::c_uint, flags, none) };
        let came = usize::try_from(came).unwrap_or(0);
        inbox.seen.clear();
        let seen = |head: &libc::mmsghdr| ((head.msg_len as usize).min(LONGEST), stamp(&head.msg_hdr));
        inbox.seen.extend(heads[..came].iter().map(seen));
        came == BATCH
    }
}

fn empty() -> libc::mmsghdr {
    // SAFETY: all-zero is an empty header.
    unsafe { std::mem::zeroed() }
}

/// When it came, 0 where the kernel does not say.
fn stamp(head: &libc::msghdr) -> u64 {
    // SAFETY: the kernel has filled the control buffer, which still lives, and its length is checked by the macros.
    unsafe {
        let control = libc::CMSG_FIRSTHDR(head);
        if control.is_null() || (*control).cmsg_type != libc::SCM_TIMESTAMPNS {
            return 0;
        }
        let time = libc::CMSG_DATA(control).cast::<libc::timespec>().read_unaligned();
        time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
    }
}

/// Where a datagram goes, as the kernel wants it.
#[must_use]
pub fn destination(to: SocketAddrV4) -> libc::sockaddr_in {
    // SAFETY: all-zero is an address.
    let mut name: libc::sockaddr_in = unsafe { std::mem::zeroed() };
    name.sin_family = libc::AF_INET as libc::sa_family_t;
    name.sin_port = to.port().to_be();
    name.sin_addr.s_addr = u32::from(*to.ip()).to_be();
    name
}

/// Datagrams that wait to go out of one socket.
pub struct Outgoing {
    room: Vec<[u8; LONGEST]>,
    lengths: [usize; BATCH],
    to: Vec<libc::sockaddr_in>,
    count: usize,
}

impl Default for Outgoing {
    fn default() -> Self {
        let nowhere = destination(SocketAddrV4::new([0; 4].into(), 0));
        Self { room: vec![[0; LONGEST]; BATCH], lengths: [0; BATCH], to: vec![nowhere; BATCH], count: 0 }
    }
}

impl Outgoing {
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.count == BATCH
    }

    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Room for one more; `write` says how many bytes it is.
    pub fn push(&mut self, to: libc::sockaddr_in, write: impl FnOnce(&mut [u8]) -> usize) {
        self.to[self.count] = to;
        self.lengths[self.count] = write(&mut self.room[self.count]);
        self.count += 1;
    }
}

/// What came in one call.
pub struct Arrivals {
    room: Vec<u8>,
    control: Vec<[u64; CONTROL / 8]>,
    /// Length, and the kernel's stamp.
    seen: Vec<(usize, u64)>,
}

impl Default for Arrivals {
    fn default() -> Self {
        Self {
            room: vec![0; BATCH * LONGEST],
            control: vec![[0; CONTROL / 8]; BATCH],
            seen: Vec::with_capacity(BATCH),
        }
    }
}

impl Arrivals {
    /// Each with the moment at which it came.
    pub fn packets(&self) -> impl Iterator<Item = (&[u8], u64)> {
        self.room.chunks(LONGEST).zip(&self.seen).map(|(room, (length, at))| (&room[..*length], *at))
    }
}
