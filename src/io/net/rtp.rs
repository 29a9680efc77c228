//! RTP ports. In: one copy, then to the loop, which serves these first. Out: straight to the kernel.
use super::event::{Outlets, RtpEvent};
use super::shared::{Scratch, Shared};
use super::sockets::{Class, canonical, for_socket, on_any, udp};
use crate::io::reactor::{Task, spawn};
use crate::util::limits::RTP_DATAGRAM;
use std::io;
use std::net::{SocketAddr, UdpSocket};

/// An open port; closed at once when dropped.
pub struct RtpPort {
    socket: Shared<UdpSocket>,
    is_ipv6: bool,
    generation: u32,
    _reader: Task,
}

impl Drop for RtpPort {
    fn drop(&mut self) {
        self.socket.close();
    }
}

impl RtpPort {
    /// On all addresses. `generation` marks what comes in by this opening.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(port: u16, generation: u32, outlets: &Outlets, scratch: &Scratch) -> io::Result<Self> {
        let socket = on_any(port, |at| udp(at, Class::Voice))?;
        let is_ipv6 = socket.local_addr()?.is_ipv6();
        let socket = Shared::new(socket)?;
        let reader = read(socket.clone(), (port, generation), outlets.clone(), scratch.clone());
        Ok(Self { socket, is_ipv6, generation, _reader: spawn(reader) })
    }

    #[must_use]
    pub const fn generation(&self) -> u32 {
        self.generation
    }

    /// # Errors
    /// What the system says.
    pub fn send(&self, to: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        self.socket.with(|s| s.send_to(bytes, for_socket(to, self.is_ipv6))).map(drop)
    }
}

async fn read(socket: Shared<UdpSocket>, (port, generation): (u16, u32), outlets: Outlets, scratch: Scratch) {
    loop {
        // One byte more tells what is too long.
        let take = |s: &UdpSocket| scratch.read(RTP_DATAGRAM.saturating_add(1), |buffer| s.recv_from(buffer));
        match socket.read_with(take).await {
            Ok((bytes, _)) if bytes.len() > RTP_DATAGRAM => {
                outlets.dropped_rtp.count("RTP datagrams dropped: too long, or more than can be handled");
            }
            Ok((bytes, from)) => {
                outlets.tell_rtp(RtpEvent { port, generation, from: canonical(from), bytes });
            }
            Err(why) if why.kind() == io::ErrorKind::NotConnected => return,
            Err(why) => log::debug!("RTP port {port}: {why}"),
        }
    }
}
