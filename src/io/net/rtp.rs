//! RTP ports. The loop reads them itself, straight from the kernel, and writes straight to it.
use super::sockets::{canonical, for_socket, mark, on_any, udp};
use crate::config::Dscp;
use crate::io::reactor::Listed;
use crate::util::limits::{RTP_BACKLOG, RTP_DATAGRAM};
use nix::sys::socket::{setsockopt, sockopt::RcvBuf};
use std::io;
use std::net::{SocketAddr, UdpSocket};

/// An open port; closed when dropped.
pub struct RtpPort {
    socket: Listed<UdpSocket>,
    is_ipv6: bool,
}

impl RtpPort {
    /// On all addresses. It is heard of by its number.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(port: u16, dscp: Dscp) -> io::Result<Self> {
        let socket = on_any(port, |at| udp(at, dscp))?;
        if let Err(why) = setsockopt(&socket, RcvBuf, &RTP_BACKLOG) {
            log::debug!("SO_RCVBUF can't be set: {why}");
        }
        let is_ipv6 = socket.local_addr()?.is_ipv6();
        Ok(Self { socket: Listed::new(socket, port.into())?, is_ipv6 })
    }

    pub fn mark(&self, dscp: Dscp) {
        mark(self.socket.get_ref(), self.is_ipv6, dscp);
    }

    /// The next datagram goes into `bytes`; one byte more than `RTP_DATAGRAM` tells that it is too long.
    ///
    /// # Errors
    /// What the system says; `WouldBlock` where there is none.
    pub fn receive(&self, bytes: &mut Vec<u8>) -> io::Result<SocketAddr> {
        bytes.resize(RTP_DATAGRAM.saturating_add(1), 0);
        let result = self.socket.get_ref().recv_from(bytes);
        bytes.truncate(result.as_ref().map_or(0, |(length, _)| *length));
        result.map(|(_, from)| canonical(from))
    }

    /// # Errors
    /// What the system says.
    pub fn send(&self, to: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        self.socket.get_ref().send_to(bytes, for_socket(to, self.is_ipv6)).map(drop)
    }
}
