//! Real sockets on the loopback. Each wait has a deadline; nothing sleeps.
use super::{Clock, Inlets, Net, NetEvent};
use crate::config::Dscp;
use crate::io::reactor::{Source, Timer, block_on, look, poll_heard, take_heard};
use crate::sip::{Flow, Transport};
use crate::switch::net::{Listening, Marks, Place, Way};
use crate::util::MEDIA;
use crate::util::limits::{RTP_DATAGRAM, TCP_ACCEPTED, TCP_PER_SOURCE, TCP_QUEUE_BYTES, TCP_QUEUE_MESSAGES};
use futures_lite::future::{or, poll_fn};
use nix::cmsg_space;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt};
use std::future::Future;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::time::Duration;

pub(super) struct Rig {
    pub net: Net,
    pub inlets: Inlets,
}

pub(super) fn run<F: Future<Output = ()>>(test: impl FnOnce(Rig) -> F) {
    let (net, inlets) = Net::new(Clock::start(), [0; 32]);
    block_on(within(test(Rig { net, inlets }))).unwrap();
}

pub(super) async fn within<R>(wait: impl Future<Output = R>) -> R {
    let limit = async {
        Timer::after(Duration::from_secs(20)).await;
        panic!("it takes too long");
    };
    or(wait, limit).await
}

/// The other end of a connection.
struct Peer(Source<TcpStream>);

impl Peer {
    /// The kernel takes it in before anybody accepts.
    fn connect(to: SocketAddr) -> Self {
        Self(Source::new(TcpStream::connect(to).unwrap()).unwrap())
    }

    async fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).await
    }

    async fn read(&self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.read(bytes).await
    }

    async fn read_exact(&self, mut bytes: &mut [u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let count = self.read(bytes).await?;
            assert!(count > 0, "it ended");
            bytes = &mut bytes[count..];
        }
        Ok(())
    }

    async fn read_to_end(&self, all: &mut Vec<u8>) -> io::Result<usize> {
        let mut buffer = [0; 4_096];
        loop {
            match self.read(&mut buffer).await? {
                0 => return Ok(all.len()),
                count => all.extend(&buffer[..count]),
            }
        }
    }
}

/// A phone's socket for datagrams.
fn phone(host: &str) -> Source<UdpSocket> {
    Source::new(UdpSocket::bind((host, 0)).unwrap()).unwrap()
}

impl Rig {
    fn listen(
        &mut self,
        id: u32,
        transport: Transport,
        place: Place,
        port: u16,
    ) -> Result<SocketAddr, String> {
        self.net.listen(&Listening { id, transport, place, port, tls: None })
    }

    /// A listening place on the loopback.
    fn tcp(&mut self) -> SocketAddr {
        self.listen(1, Transport::Tcp, Place::Address(Ipv4Addr::LOCALHOST.into()), 0).unwrap()
    }

    /// The next event that the switch would hear of.
    pub async fn next(&mut self) -> NetEvent {
        loop {
            let event = within(self.inlets.net.recv()).await.unwrap();
            if self.net.admit(&event) {
                return event;
            }
        }
    }

    async fn datagram(&mut self) -> (Flow, Vec<u8>) {
        match self.next().await {
            NetEvent::Datagram { flow, bytes } => (flow, bytes),
            _ => panic!("no datagram"),
        }
    }

    pub async fn connected(&mut self) -> Flow {
        match self.next().await {
            NetEvent::Connected(flow) => flow,
            NetEvent::Ended { why, .. } => panic!("{why}"),
            _ => panic!("not connected"),
        }
    }

    /// Bytes of a connection until there are so many.
    pub async fn stream(&mut self, length: usize) -> Vec<u8> {
        let mut all = Vec::new();
        while all.len() < length {
            match self.next().await {
                NetEvent::Stream { bytes, .. } => all.extend(bytes),
                NetEvent::Ended { why, .. } => panic!("{why}"),
                _ => panic!("no bytes"),
            }
        }
        all
    }

    pub async fn ended(&mut self) -> (u32, String) {
        match self.next().await {
            NetEvent::Ended { id, why } => (id, why),
            _ => panic!("not its end"),
        }
    }

    /// The next datagram at this port, when the loop hears of it.
    async fn hear(&mut self, port: u16, bytes: &mut Vec<u8>) -> Option<SocketAddr> {
        within(poll_fn(|context| poll_heard(context))).await;
        let mut heard = Vec::new();
        take_heard(&mut heard);
        let (at, from) = heard.into_iter().find_map(|key| self.net.receive_rtp(key, bytes))?;
        assert_eq!(at, port);
        Some(from)
    }

    async fn resolved(&mut self) -> Result<Vec<Way>, String> {
        match self.next().await {
            NetEvent::Resolved { result, .. } => result,
            _ => panic!("no answer"),
        }
    }
}

fn localhost(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// A port that nobody has.
fn free_port() -> u16 {
    UdpSocket::bind(localhost(0)).unwrap().local_addr().unwrap().port()
}

/// An even one with the next.
fn free_pair() -> u16 {
    let mut tried = Vec::new();
    loop {
        let one = UdpSocket::bind("0.0.0.0:0").unwrap();
        let port = one.local_addr().unwrap().port();
        if port.is_multiple_of(2) && UdpSocket::bind(("0.0.0.0", port + 1)).is_ok() {
            return port;
        }
        // Held, so that the next one is another.
        tried.push(one);
    }
}

fn has_ipv6() -> bool {
    UdpSocket::bind("[::1]:0").is_ok()
}

#[test]
fn datagrams_come_and_go_with_our_address_as_the_peer_sees_it() {
    run(|mut rig| async move {
        let at = rig.listen(7, Transport::Udp, Place::Any, 0).unwrap();
        assert!(at.ip().is_unspecified());
        let mut hosts = vec!["127.0.0.1", "127.0.0.2"];
        if has_ipv6() {
            hosts.push("::1");
        }
        for host in hosts {
            let peer = phone(host);
            let ours = if host == "::1" { "::1" } else { "127.0.0.1" };
            peer.get_ref().send_to(b"OPTIONS", (ours, at.port())).unwrap();
            let (flow, bytes) = rig.datagram().await;
            assert_eq!(bytes, b"OPTIONS");
            let local = SocketAddr::new(ours.parse().unwrap(), at.port());
            // The kernel answers a loopback address from itself.
            let local = if host == "127.0.0.2" { SocketAddr::new(flow.local.ip(), at.port()) } else { local };
            let remote = peer.get_ref().local_addr().unwrap();
            assert_eq!(flow, Flow { transport: Transport::Udp, id: 7, local, remote }, "{host}");
            rig.net.send(flow, b"200".to_vec());
            let mut answer = [0; 64];
            let (n, from) = within(peer.read_with(|p| p.recv_from(&mut answer))).await.unwrap();
            assert_eq!((&answer[..n], from), (&b"200"[..], flow.local), "{host}");
        }
    });
}

#[test]
fn the_longest_datagram_comes_whole() {
    run(|mut rig| async move {
        let at = rig.listen(1, Transport::Udp, Place::Address(Ipv4Addr::LOCALHOST.into()), 0).unwrap();
        let peer = phone("127.0.0.1");
        let long: Vec<u8> = (0..65_507_u32).map(|n| n.to_le_bytes()[0]).collect();
        peer.get_ref().send_to(&long, at).unwrap();
        assert_eq!(rig.datagram().await.1, long);
        peer.get_ref().send_to(b"", at).unwrap();
        assert_eq!(rig.datagram().await.1, b"", "an empty one is a keep-alive");
    });
}

#[test]
fn places() {
    run(|mut rig| async move {
        for transport in [Transport::Udp, Transport::Tcp] {
            let lo = rig.listen(1, transport, Place::Device("lo".to_owned()), 0).unwrap();
            assert_eq!(lo.ip(), IpAddr::V4(Ipv4Addr::LOCALHOST));
            let why =
                rig.listen(2, transport, Place::Address(lo.ip()), lo.port()).expect_err("the port is taken");
            assert!(why.contains("taken by another program"), "{why}");
            let stranger = Place::Address("192.0.2.77".parse().unwrap());
            let why = rig.listen(2, transport, stranger, 0).unwrap_err();
            assert!(why.contains("192.0.2.77 is no address of this machine"), "{why}");
            let why = rig.listen(2, transport, Place::Device("nowhere".to_owned()), 0).unwrap_err();
            assert!(why.contains("no network device and no interface 'nowhere'"), "{why}");
        }
    });
}

#[test]
fn a_place_is_free_at_once_for_the_next() {
    run(|mut rig| async move {
        let any = rig.listen(1, Transport::Udp, Place::Any, free_port()).unwrap();
        rig.net.unlisten(1);
        rig.listen(2, Transport::Udp, Place::Device("lo".to_owned()), any.port()).unwrap();
        let at = rig.tcp();
        let peer = Peer::connect(at);
        rig.connected().await;
        peer.write_all(b"x").await.unwrap();
        rig.stream(1).await;
        rig.net.unlisten(1);
        rig.listen(3, Transport::Tcp, Place::Address(at.ip()), at.port()).unwrap();
        let mut rest = Vec::new();
        assert_eq!(within(peer.read_to_end(&mut rest)).await.unwrap(), 0, "its connections end");
        drop(peer);
        assert_eq!(rig.ended().await.1, "closed by us");
        let _peer = Peer::connect(at);
        assert_eq!(rig.connected().await.local, at);
    });
}

#[test]
fn an_accepted_connection_talks_both_ways() {
    run(|mut rig| async move {
        let at = rig.listen(9, Transport::Tcp, Place::Any, 0).unwrap();
        let peer = Peer::connect(localhost(at.port()));
        let flow = rig.connected().await;
        assert!(flow.id >= 1 << 31);
        assert_eq!(flow.local, localhost(at.port()));
        assert_eq!((flow.transport, flow.remote), (Transport::Tcp, peer.0.get_ref().local_addr().unwrap()));
        peer.write_all(b"REGISTER").await.unwrap();
        assert_eq!(rig.stream(8).await, b"REGISTER");
        rig.net.send(flow, b"200".to_vec());
        rig.net.send(flow, b" OK".to_vec());
        let mut answer = [0; 6];
        within(peer.read_exact(&mut answer)).await.unwrap();
        assert_eq!(&answer, b"200 OK");
        drop(peer);
        // The end is told when the grace for a peer that still reads is over.
        assert_eq!(rig.ended().await, (flow.id, "the peer closed it".to_owned()));
        rig.net.send(flow, b"too late".to_vec());
        rig.net.disconnect(flow.id);
    });
}

#[test]
fn a_peer_that_has_said_all_still_gets_its_answer() {
    run(|mut rig| async move {
        let at = rig.tcp();
        let peer = Peer::connect(at);
        let flow = rig.connected().await;
        peer.write_all(b"OPTIONS").await.unwrap();
        peer.0.get_ref().shutdown(Shutdown::Write).unwrap();
        assert_eq!(rig.stream(7).await, b"OPTIONS");
        rig.net.send(flow, b"200".to_vec());
        let mut answer = [0; 3];
        within(peer.read_exact(&mut answer)).await.unwrap();
        rig.net.disconnect(flow.id);
        assert_eq!(rig.ended().await, (flow.id, "closed by us".to_owned()));
    });
}

#[test]
fn a_connection_of_ours() {
    run(|mut rig| async move {
        let listener = Source::new(TcpListener::bind("127.0.0.1:0").unwrap()).unwrap();
        let to = listener.get_ref().local_addr().unwrap();
        rig.net.connect(5, to, None).unwrap();
        let early = Flow { transport: Transport::Tcp, id: 5, local: localhost(0), remote: to };
        rig.net.send(early, b"INVITE".to_vec());
        let (peer, remote) = within(listener.read_with(TcpListener::accept)).await.unwrap();
        let peer = Peer(Source::new(peer).unwrap());
        let flow = rig.connected().await;
        assert_eq!((flow.id, flow.local, flow.remote), (5, remote, to));
        let mut request = [0; 6];
        within(peer.read_exact(&mut request)).await.unwrap();
        assert_eq!(&request, b"INVITE", "what was written before it was made");
        peer.write_all(b"100").await.unwrap();
        assert_eq!(rig.stream(3).await, b"100");
        rig.net.disconnect(5);
        peer.write_all(b"not heard any more").await.unwrap();
        assert_eq!(within(peer.read(&mut request)).await.unwrap(), 0);
        drop(peer);
        assert_eq!(rig.ended().await, (5, "closed by us".to_owned()));
        rig.net.connect(5, to, None).unwrap();
        assert_eq!(rig.connected().await.id, 5, "the number can be used again");
    });
}

#[test]
fn a_connection_that_can_not_be_made() {
    run(|mut rig| async move {
        // Bound and not listening: nobody else gets the port meanwhile.
        let at = localhost(0);
        let socket = super::sockets::udp(at, Dscp::CS3).unwrap();
        rig.net.connect(3, localhost(socket.local_addr().unwrap().port()), None).unwrap();
        let (id, why) = rig.ended().await;
        assert_eq!(id, 3);
        assert!(why.to_lowercase().contains("refused"), "{why}");
        rig.net.connect(4, localhost(9), None).unwrap();
        rig.net.disconnect(4);
        assert_eq!(rig.ended().await.0, 4, "ended before it was made");
    });
}

#[test]
fn what_was_written_before_the_end_arrives() {
    run(|mut rig| async move {
        let at = rig.tcp();
        let peer = Peer::connect(at);
        let flow = rig.connected().await;
        peer.write_all(&[b'?'; 1_000]).await.unwrap();
        let long = vec![b'x'; TCP_QUEUE_BYTES];
        rig.net.send(flow, long.clone());
        rig.net.disconnect(flow.id);
        let mut all = Vec::new();
        within(peer.read_to_end(&mut all)).await.unwrap();
        assert_eq!(all, long);
        drop(peer);
        assert_eq!(rig.ended().await.0, flow.id);
        assert!(rig.inlets.net.is_empty(), "one end for each connection");
    });
}

#[test]
fn a_peer_that_does_not_read_is_let_go() {
    run(|mut rig| async move {
        let at = rig.tcp();
        let _peer = Peer::connect(at);
        let flow = rig.connected().await;
        let mut sent = 0_usize;
        while rig.inlets.net.is_empty() {
            rig.net.send(flow, vec![b'x'; 32_768]);
            sent += 1;
            assert!(sent < 10_000, "it takes without end");
            look().await;
        }
        assert_eq!(rig.ended().await, (flow.id, "the peer takes nothing".to_owned()));

        let _peer = Peer::connect(at);
        let flow = rig.connected().await;
        for _ in 0..=TCP_QUEUE_MESSAGES {
            rig.net.send(flow, vec![b'x']);
        }
        assert_eq!(rig.ended().await, (flow.id, "the peer takes nothing".to_owned()), "too many messages");
    });
}

/// Connected, or turned away.
async fn try_connect(rig: &mut Rig, from: Ipv4Addr, to: SocketAddr) -> Option<(Flow, Peer)> {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrStorage, bind, connect, socket};
    let peer = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
    bind(peer.as_raw_fd(), &SockaddrStorage::from(SocketAddr::from((from, 0)))).unwrap();
    connect(peer.as_raw_fd(), &SockaddrStorage::from(to)).unwrap();
    let peer = Peer(Source::new(TcpStream::from(peer)).unwrap());
    let mut byte = [0; 1];
    let closed = async {
        assert!(matches!(peer.read(&mut byte).await, Ok(0) | Err(_)), "nobody wrote");
        None
    };
    let flow = or(closed, async { Some(rig.connected().await) }).await?;
    Some((flow, peer))
}

#[test]
fn a_thousand_connections() {
    run(|mut rig| async move {
        let at = rig.listen(1, Transport::Tcp, Place::Any, 0).unwrap();
        let at = localhost(at.port());
        let mut open = Vec::new();
        for _ in 0..1_000 {
            open.extend(try_connect(&mut rig, Ipv4Addr::LOCALHOST, at).await);
            assert!(rig.net.connections.borrow().len() <= TCP_PER_SOURCE);
        }
        assert_eq!(open.len(), TCP_PER_SOURCE, "one source");
        for n in 0..200_u8 {
            open.extend(try_connect(&mut rig, Ipv4Addr::new(127, 0, 1, n), at).await);
        }
        assert_eq!(open.len(), TCP_ACCEPTED, "all sources");
        // Who is in goes on, and a place that is free is given away.
        let (flow, peer) = open.swap_remove(0);
        peer.write_all(b"x").await.unwrap();
        rig.stream(1).await;
        rig.net.disconnect(flow.id);
        drop(peer);
        assert_eq!(rig.ended().await.0, flow.id);
        assert!(try_connect(&mut rig, Ipv4Addr::LOCALHOST, at).await.is_some());
    });
}

#[test]
fn numbers_of_living_connections_are_not_given_again() {
    run(|mut rig| async move {
        let at = rig.tcp();
        rig.net.connections.borrow_mut().set_next(u32::MAX);
        let mut peers = Vec::new();
        let mut ids = Vec::new();
        for round in 0..3 {
            peers.push(Peer::connect(at));
            ids.push(rig.connected().await.id);
            if round == 1 {
                rig.net.connections.borrow_mut().set_next(u32::MAX);
            }
        }
        assert_eq!(ids, [u32::MAX, 1 << 31, (1 << 31) + 1]);
    });
}

#[test]
fn rtp_comes_and_goes() {
    run(|mut rig| async move {
        let port = free_pair();
        rig.net.bind_rtp(port).unwrap();
        let peer = phone("127.0.0.1");
        peer.get_ref().send_to(&[0; RTP_DATAGRAM + 1], localhost(port)).unwrap();
        peer.get_ref().send_to(&[1; RTP_DATAGRAM], localhost(port)).unwrap();
        let mut bytes = Vec::new();
        assert_eq!(rig.hear(port, &mut bytes).await, None, "too long");
        let from = rig.hear(port, &mut bytes).await.unwrap();
        assert_eq!(from, peer.get_ref().local_addr().unwrap());
        assert_eq!(bytes, [1; RTP_DATAGRAM]);
        assert_eq!(rig.net.dropped_rtp.get(), 1);
        assert_eq!(rig.net.receive_rtp(port.into(), &mut bytes), None, "there is no more");
        rig.net.send_rtp(port, from, b"sound");
        let mut bytes = [0; 16];
        let (n, from) = within(peer.read_with(|p| p.recv_from(&mut bytes))).await.unwrap();
        assert_eq!((&bytes[..n], from), (&b"sound"[..], localhost(port)));
        peer.get_ref().send_to(&[2], localhost(port)).unwrap();
        rig.net.close_rtp(port);
        rig.net.bind_rtp(port).unwrap();
        assert_eq!(rig.net.receive_rtp(port.into(), &mut Vec::new()), None, "what came before the close");
        rig.net.send_rtp(port.wrapping_add(2), from, b"no such port");
    });
}

#[test]
fn a_port_with_a_socket_for_its_peer_hears_others_too() {
    run(|mut rig| async move {
        for (ours, theirs) in [("127.0.0.1", "127.0.0.1:0"), ("::1", "[::1]:0")] {
            let port = free_port();
            rig.net.bind_rtp(port).unwrap();
            let [peer, other, next] = [0; 3].map(|_| UdpSocket::bind(theirs).unwrap());
            let at = SocketAddr::new(ours.parse().unwrap(), port);
            let [of_peer, of_other, of_next] = [&peer, &other, &next].map(|s| s.local_addr().unwrap());
            let mut bytes = Vec::new();
            for pinned in [of_peer, of_next] {
                rig.net.pin_rtp(port, pinned);
                for (socket, from) in [(&peer, of_peer), (&other, of_other), (&next, of_next)] {
                    socket.send_to(b"to us", at).unwrap();
                    assert_eq!(rig.hear(port, &mut bytes).await, Some(from), "{pinned}");
                    assert_eq!(bytes, b"to us");
                    rig.net.send_rtp(port, from, b"from us");
                    let mut answer = [0; 16];
                    let (length, source) = socket.recv_from(&mut answer).unwrap();
                    assert_eq!((&answer[..length], source), (&b"from us"[..], at));
                }
            }
            // Nobody is there any more: the errors that come back stop nothing.
            drop(next);
            for _ in 0..3 {
                rig.net.send_rtp(port, of_next, b"anybody?");
            }
            peer.send_to(b"me", at).unwrap();
            while rig.hear(port, &mut bytes).await != Some(of_peer) {}
            rig.net.close_rtp(port);
            rig.net.bind_rtp(port).unwrap();
        }
    });
}

#[test]
fn an_rtp_port_that_is_taken() {
    run(|mut rig| async move {
        let port = free_pair();
        let other = UdpSocket::bind(("0.0.0.0", port)).unwrap();
        let why = rig.net.bind_rtp(port).unwrap_err();
        assert!(why.contains(&format!("port {port} is taken")), "{why}");
        drop(other);
        rig.net.bind_rtp(port).unwrap();
    });
}

/// The port above it is for RTCP: both are there, or neither.
#[test]
fn a_port_for_reports_comes_and_goes_with_that_of_its_sound() {
    run(|mut rig| async move {
        let (port, above) = (free_pair(), |port: u16| port + 1);
        let is_free = |port: u16| UdpSocket::bind(("0.0.0.0", port)).is_ok();
        if !MEDIA {
            rig.net.bind_rtp(port).unwrap();
            return assert!(is_free(above(port)), "nobody reads it");
        }
        let other = UdpSocket::bind(("0.0.0.0", above(port))).unwrap();
        let why = rig.net.bind_rtp(port).unwrap_err();
        assert!(why.contains(&format!("port {} is taken", above(port))) && is_free(port), "{why}");
        drop(other);
        rig.net.bind_rtp(port).unwrap();
        let peer = phone("127.0.0.1");
        peer.get_ref().send_to(b"report", localhost(above(port))).unwrap();
        let mut bytes = Vec::new();
        let from = rig.hear(above(port), &mut bytes).await.unwrap();
        assert_eq!(bytes, b"report");
        rig.net.send_rtp(above(port), from, b"ours");
        let mut bytes = [0; 16];
        let (n, from) = within(peer.read_with(|p| p.recv_from(&mut bytes))).await.unwrap();
        assert_eq!((&bytes[..n], from), (&b"ours"[..], localhost(above(port))));
        rig.net.close_rtp(port);
        assert!(is_free(port) && is_free(above(port)));
    });
}

/// The type of service, or the traffic class, of the next datagram at this socket.
fn mark_of(socket: &UdpSocket) -> u8 {
    let mut bytes = [0; 16];
    let mut room = [IoSliceMut::new(&mut bytes)];
    let mut space = cmsg_space!(libc::c_int, libc::c_int);
    let message = recvmsg::<()>(socket.as_raw_fd(), &mut room, Some(&mut space), MsgFlags::empty()).unwrap();
    let marks = message.cmsgs().unwrap().filter_map(|message| match message {
        ControlMessageOwned::Ipv4Tos(octet) => Some(octet),
        ControlMessageOwned::Ipv6TClass(octet) => u8::try_from(octet).ok(),
        _ => None,
    });
    marks.last().expect("no mark")
}

#[test]
fn packets_are_marked_in_both_families_and_anew_when_told() {
    run(|mut rig| async move {
        let v4 = UdpSocket::bind("127.0.0.1:0").unwrap();
        setsockopt(&v4, sockopt::IpRecvTos, &true).unwrap();
        let v6 = UdpSocket::bind("[::1]:0").unwrap();
        setsockopt(&v6, sockopt::Ipv6RecvTClass, &true).unwrap();
        let port = free_pair();
        rig.net.bind_rtp(port).unwrap();
        let sip = rig.listen(1, Transport::Udp, Place::Any, 0).unwrap();
        let send = |net: &mut Net| {
            [&v4, &v6].map(|peer| {
                let remote = peer.local_addr().unwrap();
                net.send_rtp(port, remote, b"sound");
                let voice = mark_of(peer);
                net.send(Flow { transport: Transport::Udp, id: 1, local: sip, remote }, b"words".to_vec());
                (voice, mark_of(peer))
            })
        };
        assert_eq!(send(&mut rig.net), [(0xb8, 0x60); 2]);
        let dscp = |text| Dscp::parse(text).unwrap();
        rig.net.mark(Marks { sip: dscp("af31"), rtp: dscp("cs6") });
        assert_eq!(send(&mut rig.net), [(0xc0, 0x68); 2]);
        let other = free_pair();
        rig.net.bind_rtp(other).unwrap();
        rig.net.send_rtp(other, v6.local_addr().unwrap(), b"sound");
        assert_eq!(mark_of(&v6), 0xc0);
    });
}

#[test]
fn datagrams_wait_within_bounds() {
    run(|mut rig| async move {
        let at = rig.listen(1, Transport::Udp, Place::Address(Ipv4Addr::LOCALHOST.into()), 0).unwrap();
        let peer = phone("127.0.0.1");
        let dropped = rig.net.means.outlets.dropped_sip.clone();
        for n in 0..8 {
            peer.get_ref().send_to(&vec![n; 60_000], at).unwrap();
            within(async {
                while rig.inlets.net.len() + dropped.get() as usize <= usize::from(n) {
                    look().await;
                }
            })
            .await;
        }
        assert_eq!((rig.inlets.net.len(), dropped.get()), (4, 4), "256 kB");
        for n in 0..4 {
            assert_eq!(rig.datagram().await.1[0], n);
        }
        peer.get_ref().send_to(b"room again", at).unwrap();
        assert_eq!(rig.datagram().await.1, b"room again");
    });
}

#[test]
fn names_and_addresses() {
    run(|mut rig| async move {
        let lo = IpAddr::V4(Ipv4Addr::LOCALHOST);
        rig.net.resolve(1, "127.0.0.9", Some(5_060), Some(Transport::Udp));
        let ways = rig.resolved().await.unwrap();
        assert_eq!(ways.iter().map(|w| w.remote).collect::<Vec<_>>(), ["127.0.0.9:5060".parse().unwrap()]);
        assert!(ways[0].local.is_loopback());
        rig.net.resolve(2, "localhost", Some(5_070), Some(Transport::Udp));
        let ways = rig.resolved().await.unwrap();
        let wanted = Way { transport: Transport::Udp, remote: localhost(5_070), local: lo };
        assert!(ways.iter().all(|w| w.remote.port() == 5_070 && w.local.is_loopback()), "{ways:?}");
        assert!(ways.contains(&wanted) || ways[0].remote.is_ipv6(), "{ways:?}");
        if has_ipv6() {
            rig.net.resolve(3, "[::1]", Some(5_060), Some(Transport::Udp));
            let ways = rig.resolved().await.unwrap();
            assert_eq!(
                ways,
                [Way {
                    transport: Transport::Udp,
                    remote: "[::1]:5060".parse().unwrap(),
                    local: "::1".parse().unwrap()
                }]
            );
        }
        for nonsense in ["", "a b", "..", "%", &"x".repeat(300)] {
            rig.net.resolve(4, nonsense, Some(5_060), Some(Transport::Udp));
            assert!(rig.resolved().await.is_err(), "{nonsense:?}");
        }
    });
}
