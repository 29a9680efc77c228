//! Sockets as we want them: dual-stack where IPv6 is there, not blocking, marked for the router's queues.
use crate::config::Dscp;
use nix::errno::Errno;
use nix::sys::socket::sockopt::{
    Ipv4Tos, Ipv6TClass, Ipv6V6Only, KeepAlive, Priority, ReuseAddr, ReusePort, TcpKeepCount, TcpKeepIdle,
    TcpKeepInterval, TcpNoDelay, TcpUserTimeout,
};
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrStorage, bind, connect, listen, setsockopt, socket,
};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};

/// Connections that the kernel holds until we accept them.
const BACKLOG: i32 = 64;

/// # Errors
/// What the system says.
pub fn udp(at: SocketAddr, dscp: Dscp) -> io::Result<UdpSocket> {
    bound(at, open(at, SockType::Datagram, dscp)?)
}

/// Beside another one of ours at the same port.
///
/// # Errors
/// What the system says.
pub fn rtp(at: SocketAddr, dscp: Dscp) -> io::Result<UdpSocket> {
    let socket = open(at, SockType::Datagram, dscp)?;
    setsockopt(&socket, ReusePort, &true)?;
    bound(at, socket)
}

fn bound(at: SocketAddr, socket: OwnedFd) -> io::Result<UdpSocket> {
    bind(socket.as_raw_fd(), &SockaddrStorage::from(at))?;
    Ok(UdpSocket::from(socket))
}

/// # Errors
/// What the system says.
pub fn listener(at: SocketAddr, dscp: Dscp) -> io::Result<TcpListener> {
    let socket = open(at, SockType::Stream, dscp)?;
    // Connections of the last run that are not quite over must not hinder this one.
    setsockopt(&socket, ReuseAddr, &true)?;
    bind(socket.as_raw_fd(), &SockaddrStorage::from(at))?;
    listen(&socket, Backlog::new(BACKLOG)?)?;
    Ok(TcpListener::from(socket))
}

/// Begin to connect. It has succeeded when the socket is writable and knows its peer.
///
/// # Errors
/// What the system says.
pub fn begin_connect(to: SocketAddr, dscp: Dscp) -> io::Result<TcpStream> {
    let socket = open(to, SockType::Stream, dscp)?;
    match connect(socket.as_raw_fd(), &SockaddrStorage::from(to)) {
        Ok(()) | Err(Errno::EINPROGRESS) => Ok(TcpStream::from(socket)),
        Err(why) => Err(why.into()),
    }
}

/// All addresses of both families, or of IPv4 where the kernel has no IPv6.
///
/// # Errors
/// What the system says.
pub fn on_any<T>(port: u16, open: impl Fn(SocketAddr) -> io::Result<T>) -> io::Result<T> {
    match open(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))) {
        Err(why) if lacks_ipv6(&why) => open(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))),
        result => result,
    }
}

fn lacks_ipv6(why: &io::Error) -> bool {
    let codes = [libc::EAFNOSUPPORT, libc::EADDRNOTAVAIL, libc::EPROTONOSUPPORT, libc::ENOPROTOOPT];
    why.raw_os_error().is_some_and(|code| codes.contains(&code))
}

fn open(at: SocketAddr, kind: SockType, dscp: Dscp) -> io::Result<OwnedFd> {
    let family = if at.is_ipv6() { AddressFamily::Inet6 } else { AddressFamily::Inet };
    let socket = socket(family, kind, SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK, None)?;
    if at.is_ipv6() {
        setsockopt(&socket, Ipv6V6Only, &false)?;
    }
    mark(&socket, at.is_ipv6(), dscp);
    Ok(socket)
}

/// How its packets are marked on the way out, and in which queue of ours they wait.
pub fn mark(socket: &impl AsFd, is_ipv6: bool, dscp: Dscp) {
    let octet = i32::from(dscp.octet());
    // For what an IPv6 socket sends to mapped IPv4 addresses, too.
    note("IP_TOS", setsockopt(socket, Ipv4Tos, &octet));
    if is_ipv6 {
        note("IPV6_TCLASS", setsockopt(socket, Ipv6TClass, &octet));
    }
    // After IP_TOS, which sets it to something else.
    note("SO_PRIORITY", setsockopt(socket, Priority, &i32::from(dscp.priority())));
}

/// What a connection wants: small messages at once, and to hear when the peer is gone: after 2 minutes of silence, 4 probes.
pub fn tune(stream: &TcpStream) {
    let socket = stream.as_fd();
    note("TCP_NODELAY", setsockopt(&socket, TcpNoDelay, &true));
    note("SO_KEEPALIVE", setsockopt(&socket, KeepAlive, &true));
    note("TCP_KEEPIDLE", setsockopt(&socket, TcpKeepIdle, &120));
    note("TCP_KEEPINTVL", setsockopt(&socket, TcpKeepInterval, &15));
    note("TCP_KEEPCNT", setsockopt(&socket, TcpKeepCount, &4));
    // Nothing acknowledged for as long as a SIP transaction lives.
    note("TCP_USER_TIMEOUT", setsockopt(&socket, TcpUserTimeout, &32_000));
}

/// Calls work without it.
fn note(what: &str, result: nix::Result<()>) {
    if let Err(why) = result {
        log::debug!("{what} can't be set: {why}");
    }
}

/// `::ffff:192.0.2.1` is an IPv4 peer at a dual-stack socket.
#[must_use]
pub fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => SocketAddr::from((ip, address.port())),
        // As it is: a link-local address has its device in it.
        IpAddr::V6(_) => address,
    }
}

/// The address as this socket wants it.
#[must_use]
pub fn for_socket(to: SocketAddr, is_ipv6: bool) -> SocketAddr {
    match to {
        SocketAddr::V4(v4) if is_ipv6 => SocketAddr::from((v4.ip().to_ipv6_mapped(), v4.port())),
        other => other,
    }
}
