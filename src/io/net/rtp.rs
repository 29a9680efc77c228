//! RTP ports. The loop reads them itself, straight from the kernel, and writes straight to it.
//!
//! When a peer's address is known, the port gets a second socket that is connected to it: the kernel then keeps the way there, and
//! looks for it neither when it sends nor when it receives. Packets of anybody else still come to the first one.
use super::sockets::{canonical, for_socket, mark, on_any, rtp};
use crate::config::Dscp;
use crate::io::reactor::Listed;
use crate::util::limits::{RTP_BACKLOG, RTP_DATAGRAM};
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::socket::{setsockopt, sockopt::RcvBuf};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;

/// In a key: the socket that is connected.
const PINNED: u32 = 1 << 16;

/// An open port; closed when dropped.
pub struct RtpPort {
    port: u16,
    socket: Listed<UdpSocket>,
    is_ipv6: bool,
    pinned: Option<(SocketAddr, Listed<UdpSocket>)>,
}

/// The port, and whether its connected socket is meant.
#[must_use]
pub fn port_of(key: u32) -> (u16, bool) {
    let [low, high, ..] = key.to_le_bytes();
    (u16::from_le_bytes([low, high]), key & PINNED != 0)
}

impl RtpPort {
    /// On all addresses.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(port: u16, dscp: Dscp) -> io::Result<Self> {
        let socket = on_any(port, |at| rtp(at, dscp))?;
        bound_backlog(&socket);
        let is_ipv6 = socket.local_addr()?.is_ipv6();
        Ok(Self { port, socket: Listed::new(socket, port.into())?, is_ipv6, pinned: None })
    }

    /// A socket for this peer alone, in place of the last one's.
    ///
    /// # Errors
    /// What the system says; the port goes on as it was.
    pub fn pin(&mut self, to: SocketAddr, dscp: Dscp) -> io::Result<()> {
        if self.pinned.as_ref().is_some_and(|(there, _)| *there == to) {
            return Ok(());
        }
        self.pinned = None;
        let any = match to.ip() {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let socket = rtp(SocketAddr::new(any, self.port), dscp)?;
        if !is_spare(&socket) {
            return Err(io::ErrorKind::ResourceBusy.into());
        }
        bound_backlog(&socket);
        socket.connect(to)?;
        self.pinned = Some((to, Listed::new(socket, u32::from(self.port) | PINNED)?));
        Ok(())
    }

    pub fn mark(&self, dscp: Dscp) {
        mark(self.socket.get_ref(), self.is_ipv6, dscp);
        if let Some((to, socket)) = &self.pinned {
            mark(socket.get_ref(), to.is_ipv6(), dscp);
        }
    }

    /// The next datagram goes into `bytes`; one byte more than `RTP_DATAGRAM` tells that it is too long.
    ///
    /// # Errors
    /// What the system says; `WouldBlock` where there is none.
    pub fn receive(&self, is_pinned: bool, bytes: &mut Vec<u8>) -> io::Result<SocketAddr> {
        bytes.resize(RTP_DATAGRAM.saturating_add(1), 0);
        let result = match &self.pinned {
            Some((from, socket)) if is_pinned => socket.get_ref().recv(bytes).map(|length| (length, *from)),
            // It was replaced since.
            None if is_pinned => Err(io::ErrorKind::WouldBlock.into()),
            _ => self.socket.get_ref().recv_from(bytes).map(|(length, from)| (length, canonical(from))),
        };
        bytes.truncate(result.as_ref().map_or(0, |(length, _)| *length));
        result.map(|(_, from)| from)
    }

    /// # Errors
    /// What the system says.
    pub fn send(&self, to: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        match &self.pinned {
            Some((there, socket)) if *there == to => socket.get_ref().send(bytes),
            _ => self.socket.get_ref().send_to(bytes, for_socket(to, self.is_ipv6)),
        }
        .map(drop)
    }
}

/// Descriptors are for calls before they are for speed: this may have the lower half of them, and the kernel gives the lowest first.
fn is_spare(socket: &UdpSocket) -> bool {
    let (most, _) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((1_024, 1_024));
    u64::try_from(socket.as_raw_fd()).is_ok_and(|number| number < most / 2)
}

fn bound_backlog(socket: &UdpSocket) {
    if let Err(why) = setsockopt(socket, RcvBuf, &RTP_BACKLOG) {
        log::debug!("SO_RCVBUF can't be set: {why}");
    }
}
