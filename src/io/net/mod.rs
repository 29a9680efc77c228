//! SIP, RTP and names: sockets in, sockets out. Framing, and every decision, is the switch's.
mod connection;
mod event;
mod locals;
mod places;
mod resolve;
mod rtp;
mod shared;
mod sockets;
mod tcp;
#[cfg(test)]
mod tests;
mod udp;

pub use event::{Inlets, NetEvent, RtpEvent};
pub use shared::Dropped;

use super::clock::Clock;
use super::task::spawn;
use crate::sip::{Flow, Transport};
use crate::switch::net::{Listening, Place, TlsPeer, Way};
use crate::util::limits::SIP_MESSAGE;
use crate::util::table::Table;
use event::Outlets;
use resolve::{Lookup, Resolver};
use rtp::RtpPort;
use shared::Scratch;
use smol::LocalExecutor;
use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use tcp::{Acceptor, Connections};
use udp::{Datagrams, Means};

/// All sockets of SIP and RTP.
pub struct Net {
    means: Means,
    udp: Table<u32, Datagrams>,
    tcp: Table<u32, Acceptor>,
    connections: Rc<RefCell<Connections>>,
    rtp: Table<u16, RtpPort>,
    rtp_openings: u32,
    unsent_rtp: Dropped,
    resolver: Resolver,
}

impl Net {
    /// And where comes out what the sockets hear.
    #[must_use]
    pub fn new(executor: Rc<LocalExecutor<'static>>, clock: Clock) -> (Self, Inlets) {
        let (outlets, inlets) = Outlets::new();
        let means =
            Means { executor, clock, outlets, scratch: Scratch::new(SIP_MESSAGE), locals: Rc::default() };
        let net = Self {
            means,
            udp: Table::new(),
            tcp: Table::new(),
            connections: Rc::default(),
            rtp: Table::new(),
            rtp_openings: 0,
            unsent_rtp: Dropped::default(),
            resolver: Resolver::default(),
        };
        (net, inlets)
    }

    /// Open a listening socket: where it listens now.
    ///
    /// # Errors
    /// In words, with what to do.
    pub fn listen(&mut self, listening: &Listening) -> Result<SocketAddr, String> {
        let (id, port) = (listening.id, listening.port);
        // A number used again: the earlier socket goes first, it may have the same port.
        self.unlisten(id);
        let address = match &listening.place {
            Place::Any => None,
            Place::Address(ip) => Some(*ip),
            Place::Device(name) => Some(places::address_of(name)?),
        };
        let result = match listening.transport {
            Transport::Udp => Datagrams::open(id, address, port, &self.means).map(|socket| {
                let local = socket.local();
                self.udp.insert(id, socket);
                local
            }),
            Transport::Tcp | Transport::Tls => {
                Acceptor::open(id, address, port, &self.means, &self.connections).map(|socket| {
                    let local = socket.local();
                    self.tcp.insert(id, socket);
                    local
                })
            }
        };
        result.map_err(|why| places::words(&why, address, port))
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
        if tls.is_some() {
            return Err("TLS is not in this version".to_owned());
        }
        tcp::connect(id, to, &self.means, &self.connections)
    }

    pub fn disconnect(&mut self, id: u32) {
        self.connections.borrow_mut().disconnect(id);
    }

    /// Look a name up; `NetEvent::Resolved` tells.
    pub fn resolve(&mut self, token: u64, host: &str, port: Option<u16>, transport: Option<Transport>) {
        let transport = transport.unwrap_or(Transport::Udp);
        let lookup = self.resolver.ask(host, port.unwrap_or(transport.default_port()));
        let means = self.means.clone();
        let answer = async move {
            let addresses = match lookup {
                Lookup::Known(addresses) => addresses,
                Lookup::Asked(answer) => answer.wait().await,
            };
            let result = addresses.and_then(|all| ways(&all, transport, &means));
            means.outlets.tell(NetEvent::Resolved { token, result }).await;
        };
        spawn(&self.means.executor, answer).detach();
    }

    /// Open an RTP port.
    ///
    /// # Errors
    /// In words.
    pub fn bind_rtp(&mut self, port: u16) -> Result<(), String> {
        self.rtp_openings = self.rtp_openings.wrapping_add(1);
        self.rtp.remove(&port);
        let Means { executor, outlets, scratch, .. } = &self.means;
        let open = RtpPort::open(port, self.rtp_openings, executor, outlets, scratch)
            .map_err(|why| places::words(&why, None, port))?;
        self.rtp.insert(port, open);
        Ok(())
    }

    pub fn close_rtp(&mut self, port: u16) {
        self.rtp.remove(&port);
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
        }
    }

    /// The same for RTP.
    #[must_use]
    pub fn admits_rtp(&self, event: &RtpEvent) -> bool {
        self.rtp.get(&event.port).is_some_and(|p| p.generation() == event.generation)
    }
}

/// Addresses to which a way leads.
fn ways(addresses: &[SocketAddr], transport: Transport, means: &Means) -> Result<Vec<Way>, String> {
    let now = means.clock.now().mono;
    let mut locals = means.locals.borrow_mut();
    let way = |remote: &SocketAddr| {
        let remote = sockets::canonical(*remote);
        locals.find(remote, now).map(|local: IpAddr| Way { transport, remote, local })
    };
    let ways: Vec<Way> = addresses.iter().filter_map(way).collect();
    if ways.is_empty() { Err("no way leads there: is the uplink down?".to_owned()) } else { Ok(ways) }
}
