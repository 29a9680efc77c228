//! SIP over UDP: one socket for each listening place.
use super::event::Outlets;
use super::locals::Locals;
use super::shared::{Scratch, Shared};
use super::sockets::{canonical, for_socket, mark, on_any, udp};
use crate::config::Dscp;
use crate::io::clock::Clock;
use crate::io::reactor::{Task, spawn};
use crate::sip::{Flow, Transport};
use crate::switch::net::Marks;
use crate::util::limits::SIP_MESSAGE;
use std::cell::{Cell, RefCell};
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::rc::Rc;

/// What a reader needs besides its socket.
#[derive(Clone)]
pub struct Means {
    pub clock: Clock,
    pub outlets: Outlets,
    pub scratch: Scratch,
    pub locals: Rc<RefCell<Locals>>,
    pub marks: Rc<Cell<Marks>>,
}

/// An open socket; closed at once when dropped.
pub struct Datagrams {
    socket: Shared<UdpSocket>,
    local: SocketAddr,
    _reader: Task,
}

impl Drop for Datagrams {
    fn drop(&mut self) {
        self.socket.close();
    }
}

impl Datagrams {
    /// `address`: `None` is all.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(id: u32, address: Option<IpAddr>, port: u16, means: &Means) -> io::Result<Self> {
        let dscp = means.marks.get().sip;
        let socket = match address {
            Some(ip) => udp(SocketAddr::from((ip, port)), dscp)?,
            None => on_any(port, |at| udp(at, dscp))?,
        };
        let local = socket.local_addr()?;
        let socket = Shared::new(socket)?;
        let reader = spawn(read(socket.clone(), id, local, means.clone()));
        Ok(Self { socket, local, _reader: reader })
    }

    #[must_use]
    pub const fn local(&self) -> SocketAddr {
        self.local
    }

    pub fn mark(&self, dscp: Dscp) {
        // A closed one needs none.
        let _ = self.socket.with(|s| {
            mark(s, self.local.is_ipv6(), dscp);
            Ok(())
        });
    }

    /// What the kernel doesn't take is lost, as datagrams are.
    pub fn send(&self, to: SocketAddr, bytes: &[u8]) {
        let to = for_socket(to, self.local.is_ipv6());
        if let Err(why) = self.socket.with(|s| s.send_to(bytes, to)) {
            log::debug!("a datagram of {} bytes was not sent: {why}", bytes.len());
        }
    }
}

async fn read(socket: Shared<UdpSocket>, id: u32, at: SocketAddr, means: Means) {
    loop {
        let take = |s: &UdpSocket| means.scratch.read(SIP_MESSAGE, |buffer| s.recv_from(buffer));
        match socket.read_with(take).await {
            Ok((bytes, remote)) => {
                if let Some(local) = local_for(at, remote, &means) {
                    let remote = canonical(remote);
                    let flow = Flow { transport: Transport::Udp, id, local, remote };
                    means.outlets.tell_datagram(flow, bytes).await;
                }
            }
            Err(why) if why.kind() == io::ErrorKind::NotConnected => return,
            // An unreachable peer of earlier, or no memory: what comes next may do.
            Err(why) => log::debug!("a datagram was not received: {why}"),
        }
    }
}

/// Our side as this peer reaches it. Who can't be answered is not heard.
fn local_for(at: SocketAddr, remote: SocketAddr, means: &Means) -> Option<SocketAddr> {
    if !at.ip().is_unspecified() {
        return Some(canonical(at));
    }
    let now = means.clock.now().mono;
    let local = means.locals.borrow_mut().find(remote, now);
    if local.is_none() {
        log::debug!("a datagram from where no way leads back");
    }
    Some(SocketAddr::new(local?, at.port()))
}
