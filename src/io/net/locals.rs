//! Our own address as a peer reaches it: what the kernel would put into a datagram to it.
use super::sockets::canonical;
use crate::util::limits::LOCAL_ADDRESSES;
use crate::util::table::Table;
use crate::util::time::Instant;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

/// Routes change, with every new address of the WAN.
const KEEP: Duration = Duration::from_secs(60);

#[derive(Default)]
pub struct Locals {
    /// By remote address and, for link-local ones, device.
    known: Table<(IpAddr, u32), (IpAddr, Instant)>,
}

impl Locals {
    /// `None`: no way leads there.
    pub fn find(&mut self, remote: SocketAddr, now: Instant) -> Option<IpAddr> {
        let remote = canonical(remote);
        let scope = if let SocketAddr::V6(v6) = remote { v6.scope_id() } else { 0 };
        let key = (remote.ip(), scope);
        if let Some((local, until)) = self.known.get(&key)
            && *until > now
        {
            return Some(*local);
        }
        let local = ask(remote)?;
        self.known.remove(&key);
        self.make_room(now);
        self.known.insert(key, (local, now + KEEP));
        Some(local)
    }

    fn make_room(&mut self, now: Instant) {
        if self.known.len() < LOCAL_ADDRESSES {
            return;
        }
        self.known.retain(|_, (_, until)| *until > now);
        if self.known.len() >= LOCAL_ADDRESSES
            && let Some(oldest) = self.known.iter().min_by_key(|(_, (_, until))| *until).map(|(key, _)| *key)
        {
            self.known.remove(&oldest);
        }
    }
}

/// A socket of its own each time: a connected one keeps its first address. Nothing is sent.
fn ask(remote: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr =
        if remote.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let mut to = remote;
    if to.port() == 0 {
        to.set_port(9);
    }
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(to).ok()?;
    let local = socket.local_addr().ok()?.ip().to_canonical();
    (!local.is_unspecified()).then_some(local)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_reaches_us_by_the_loopback() {
        let mut locals = Locals::default();
        let local = locals.find("127.0.0.1:5060".parse().unwrap(), Instant::ZERO);
        assert_eq!(local, Some(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        let mapped = locals.find("[::ffff:127.0.0.1]:5060".parse().unwrap(), Instant::ZERO);
        assert_eq!(mapped, local);
        assert_eq!(locals.known.len(), 1);
    }

    #[test]
    fn few_are_remembered() {
        let mut locals = Locals::default();
        for n in 0..1_000_u32 {
            let remote = Ipv4Addr::from(0x7F00_0001 + n);
            let now = Instant::from_micros(u64::from(n));
            assert!(locals.find(SocketAddr::from((remote, 5_060)), now).is_some());
            assert!(locals.known.len() <= LOCAL_ADDRESSES);
        }
        let later = Instant::ZERO + KEEP + KEEP;
        assert!(locals.find("127.9.9.9:1".parse().unwrap(), later).is_some());
        assert_eq!(locals.known.len(), 1, "old ones are forgotten");
    }
}
