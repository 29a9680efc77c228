//! SIP, RTP and names: sockets in, sockets out. Framing, and every decision, is the switch's.
#[cfg(feature = "tls")]
mod certificate;
mod connection;
mod event;
mod locals;
mod locate;
#[cfg(test)]
mod names;
mod pipe;
mod places;
mod resolve;
mod rtp;
mod shared;
mod sockets;
mod tcp;
#[cfg(test)]
mod tests;
mod tls;
#[cfg(test)]
#[cfg(feature = "tls")]
mod tls_tests;
mod udp;
mod uplink;

pub use event::{Inlets, NetEvent};
pub use shared::Dropped;

use super::clock::Clock;
use super::reactor::{Timer, spawn};
use crate::sip::{Flow, Transport};
use crate::switch::net::{Listening, Marks, Place, TlsPeer, Way};
use crate::util::MEDIA;
use crate::util::limits::{RTP_DATAGRAM, SIP_MESSAGE};
use crate::util::random::{Random, Seed};
use crate::util::table::Table;
use event::Outlets;
use futures_lite::future::or;
use locate::locate;
use resolve::Resolver;
use rtp::RtpPort;
use shared::Scratch;
use std::cell::RefCell;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;
use tcp::{Acceptor, Connections};
use udp::{Datagrams, Means};

/// All questions about one host together may take so long.
const LOOKUP: Duration = Duration::from_secs(18);

/// All sockets of SIP and RTP.
pub struct Net {
    means: Means,
    udp: Table<u32, Datagrams>,
    tcp: Table<u32, Acceptor>,
    connections: Rc<RefCell<Connections>>,
    rtp: Table<u16, RtpPort>,
    dropped_rtp: Dropped,
    unsent_rtp: Dropped,
    resolver: Rc<Resolver>,
}

impl Net {
    /// And where comes out what the sockets hear.
    #[must_use]
    pub fn new(clock: Clock, seed: Seed) -> (Self, Inlets) {
        let (outlets, inlets) = Outlets::new();
        let means = Means {
            clock,
            outlets,
            scratch: Scratch::new(SIP_MESSAGE),
            locals: Rc::default(),
            marks: Rc::default(),
        };
        let net = Self {
            means,
            udp: Table::new(),
            tcp: Table::new(),
            connections: Rc::default(),
            rtp: Table::new(),
            dropped_rtp: Dropped::default(),
            unsent_rtp: Dropped::default(),
            resolver: Rc::new(Resolver::new(Random::new(seed))),
        };
        spawn(uplink::watch(net.means.outlets.clone())).detach();
        (net, inlets)
    }

    /// Open a listening socket: where it listens now. One that is there already stays, and shows the certificate as it is now.
    ///
    /// # Errors
    /// In words, with what to do.
    pub fn listen(&mut self, listening: &Listening) -> Result<SocketAddr, String> {
        let (id, port) = (listening.id, listening.port);
        let address = match &listening.place {
            Place::Any => Ok(None),
            Place::Address(ip) => Ok(Some(*ip)),
            Place::Device(name) => places::address_of(name).map(Some),
        };
        let tls = listening.tls.as_ref().map(tls::server).transpose();
        if let (Ok(address), Ok(tls)) = (&address, &tls)
            && let Some(local) = self.still_listens(id, *address, port)
        {
            if let Some(acceptor) = self.tcp.get(&id) {
                acceptor.show(tls.clone());
            }
            return Ok(local);
        }
        // A number used again: the earlier socket goes first, it may have the same port.
        self.unlisten(id);
        let (address, tls) = (address?, tls?);
        let result = match listening.transport {
            Transport::Udp => Datagrams::open(id, address, port, &self.means).map(|socket| {
                let local = socket.local();
                self.udp.insert(id, socket);
                local
            }),
            Transport::Tcp | Transport::Tls => {
                Acceptor::open(id, address, port, &self.means, &self.connections, tls).map(|socket| {
                    let local = socket.local();
                    self.tcp.insert(id, socket);
                    local
                })
            }
        };
        result.map_err(|why| places::words(&why, address, port))
    }

    /// Of what is sent from now on. Connections that are open keep theirs.
    pub fn mark(&self, marks: Marks) {
        self.means.marks.set(marks);
        self.udp.values().for_each(|socket| socket.mark(marks.sip));
        self.rtp.values().for_each(|port| port.mark(marks.rtp));
    }

    /// Where a socket is that is asked for again, if it is where it should be.
    fn still_listens(&self, id: u32, address: Option<IpAddr>, port: u16) -> Option<SocketAddr> {
        let local =
            self.udp.get(&id).map(Datagrams::local).or_else(|| self.tcp.get(&id).map(Acceptor::local))?;
        let is_there =
            local.port() == port && address.map_or(local.ip().is_unspecified(), |ip| local.ip() == ip);
        is_there.then_some(local)
    }

    pub fn unlisten(&mut self, id: u32) {
        self.udp.remove(&id);
        self.tcp.remove(&id);
    }

    /// Send a message. Bytes for a connection that is being made wait until it is.
    pub fn send(&mut self, flow: Flow, bytes: Vec<u8>) {
        match flow.transport {
            Transport::Tcp | Transport::Tls => self.connections.borrow_mut().write(flow.id, bytes),
            Transport::Udp => match self.udp.get(&flow.id) {
                Some(socket) => socket.send(flow.remote, &bytes),
                None => log::debug!("a datagram for a socket that is closed"),
            },
        }
    }

    /// Make a connection.
    ///
    /// # Errors
    /// In words, at once; else an event tells.
    pub fn connect(&mut self, id: u32, to: SocketAddr, tls: Option<&TlsPeer>) -> Result<(), String> {
        let tls = tls.map(tls::client).transpose()?;
        tcp::connect(id, to, tls, &self.means, &self.connections)
    }

    pub fn disconnect(&mut self, id: u32) {
        self.connections.borrow_mut().disconnect(id);
    }

    /// Our own address on the way to a peer.
    #[must_use]
    pub fn local(&self, remote: SocketAddr) -> Option<IpAddr> {
        self.means.locals.borrow_mut().find(remote, self.means.clock.now().mono)
    }

    /// Find the ways to a host; `NetEvent::Resolved` tells.
    pub fn resolve(&mut self, token: u64, host: &str, port: Option<u16>, transport: Option<Transport>) {
        let turn = self.resolver.turn();
        let (resolver, means, host) = (self.resolver.clone(), self.means.clone(), host.to_owned());
        let answer = async move {
            let found = match turn {
                Ok(_turn) => {
                    let late = async {
                        Timer::after(LOOKUP).await;
                        Err("the name servers take too long".to_owned())
                    };
                    or(locate(&resolver, &host, port, transport), late).await
                }
                Err(why) => Err(why),
            };
            let result = found.and_then(|all| ways(&all, &means));
            means.outlets.tell(NetEvent::Resolved { token, result }).await;
        };
        spawn(answer).detach();
    }

    /// Open an RTP port, and the one above it for RTCP: both or none.
    ///
    /// # Errors
    /// In words.
    pub fn bind_rtp(&mut self, port: u16) -> Result<(), String> {
        let mark = self.means.marks.get().rtp;
        self.close_rtp(port);
        for one in pair(port) {
            match RtpPort::open(one, mark) {
                Ok(open) => drop(self.rtp.insert(one, open)),
                Err(why) => {
                    self.close_rtp(port);
                    return Err(places::words(&why, None, one));
                }
            }
        }
        Ok(())
    }

    pub fn close_rtp(&mut self, port: u16) {
        for port in pair(port) {
            self.rtp.remove(&port);
        }
    }

    /// This port's packets come from there, and go there.
    pub fn pin_rtp(&mut self, port: u16, to: SocketAddr) {
        if let Some(socket) = self.rtp.get_mut(&port)
            && let Err(why) = socket.pin(to, self.means.marks.get().rtp)
        {
            log::debug!("RTP port {port} does without a socket for its peer: {why}");
        }
    }

    /// The next datagram of what was heard of under this key: our port, and where it comes from. `None`: there is none that can be used.
    pub fn receive_rtp(&self, key: u32, bytes: &mut Vec<u8>) -> Option<(u16, SocketAddr)> {
        let (port, is_pinned) = rtp::port_of(key);
        let from = self.receive(port, is_pinned, bytes)?;
        Some((port, from))
    }

    fn receive(&self, port: u16, is_pinned: bool, bytes: &mut Vec<u8>) -> Option<SocketAddr> {
        match self.rtp.get(&port)?.receive(is_pinned, bytes) {
            Ok(_) if bytes.len() > RTP_DATAGRAM => {
                self.dropped_rtp.count("RTP datagrams dropped: too long");
                None
            }
            Ok(from) => Some(from),
            Err(why) if why.kind() == io::ErrorKind::WouldBlock => None,
            Err(why) => {
                log::debug!("RTP port {port}: {why}");
                None
            }
        }
    }

    pub fn send_rtp(&self, port: u16, to: SocketAddr, bytes: &[u8]) {
        if self.rtp.get(&port).is_none_or(|p| p.send(to, bytes).is_err()) {
            self.unsent_rtp.count("RTP datagrams were not sent");
        }
    }

    /// Take note of an event before the switch hears of it. False: it comes from a socket that the switch has closed.
    pub fn admit(&mut self, event: &NetEvent) -> bool {
        match event {
            NetEvent::Datagram { flow, bytes } => {
                self.means.outlets.taken(bytes.len());
                self.udp.contains_key(&flow.id)
            }
            NetEvent::Connected(flow) | NetEvent::Stream { flow, .. } => {
                self.connections.borrow().is_open(flow.id)
            }
            NetEvent::Ended { id, .. } => {
                self.connections.borrow_mut().forget(*id);
                true
            }
            NetEvent::Resolved { .. } => true,
            NetEvent::Addresses => {
                self.means.locals.take();
                true
            }
        }
    }
}

/// A port for RTP, and that of its reports where there are some.
fn pair(port: u16) -> impl Iterator<Item = u16> {
    std::iter::once(port).chain(port.checked_add(1).filter(|_| MEDIA))
}

/// Those to which a way leads.
fn ways(found: &[(Transport, SocketAddr)], means: &Means) -> Result<Vec<Way>, String> {
    let now = means.clock.now().mono;
    let mut locals = means.locals.borrow_mut();
    let way = |&(transport, remote): &(Transport, SocketAddr)| {
        let remote = sockets::canonical(remote);
        locals.find(remote, now).map(|local: IpAddr| Way { transport, remote, local })
    };
    let ways: Vec<Way> = found.iter().filter_map(way).collect();
    if ways.is_empty() { Err("no way leads there: is the uplink down?".to_owned()) } else { Ok(ways) }
}
