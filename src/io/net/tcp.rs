//! SIP over TCP and TLS: listening places, and all connections, accepted and made.
use super::connection::{Ends, Handle, Stop, pair, talk};
use super::event::NetEvent;
use super::pipe::Pipe;
use super::shared::Shared;
use super::sockets::{begin_connect, canonical, listener, mark, on_any, tune};
use super::tls::{Client, Server, Side, secure};
use super::udp::Means;
use crate::config::Dscp;
use crate::io::reactor::{Source, Task, Timer, spawn};
use crate::sip::Flow;
use crate::util::limits::{TCP_ACCEPTED, TCP_OURS, TCP_PER_SOURCE};
use crate::util::table::Table;
use futures_lite::future::or;
use std::cell::RefCell;
use std::io::{self, Read as _};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::time::Duration;

/// Accepted connections are numbered from here up.
const FIRST_ACCEPTED: u32 = 1 << 31;
/// A connection that isn't made within it has failed.
const CONNECT: Duration = Duration::from_secs(10);
/// Who made a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Ours,
    Accepted { listening: u32, source: IpAddr },
}

struct Connection {
    origin: Origin,
    handle: Handle,
}

/// All connections until the loop has heard of their end.
pub struct Connections {
    all: Table<u32, Connection>,
    next: u32,
}

impl Default for Connections {
    fn default() -> Self {
        Self { all: Table::new(), next: FIRST_ACCEPTED }
    }
}

impl Connections {
    pub fn write(&mut self, id: u32, bytes: Vec<u8>) {
        match self.all.get_mut(&id) {
            Some(connection) => connection.handle.write(bytes),
            None => log::debug!("{} bytes for a connection that is gone", bytes.len()),
        }
    }

    pub fn disconnect(&mut self, id: u32) {
        if let Some(connection) = self.all.get_mut(&id) {
            connection.handle.stop(Stop::Drain);
        }
    }

    /// Whether the loop still wants to hear what comes of it.
    #[must_use]
    pub fn is_open(&self, id: u32) -> bool {
        self.all.get(&id).is_some_and(|c| !c.handle.is_ending())
    }

    /// The loop has heard of its end: the number is free.
    pub fn forget(&mut self, id: u32) {
        self.all.remove(&id);
    }

    fn end_of_listening(&mut self, id: u32) {
        for connection in self.all.values_mut() {
            if matches!(connection.origin, Origin::Accepted { listening, .. } if listening == id) {
                connection.handle.stop(Stop::Drain);
            }
        }
    }

    fn has_room_for(&self, source: IpAddr) -> bool {
        let accepted = self.all.values().filter_map(|c| match c.origin {
            Origin::Ours => None,
            Origin::Accepted { source, .. } => Some(source),
        });
        let (mut total, mut same) = (0, 0);
        for other in accepted {
            total += 1;
            same += usize::from(other == source);
        }
        total < TCP_ACCEPTED && same < TCP_PER_SOURCE
    }

    /// The next number from 2^31 up that no connection has.
    fn number(&mut self) -> u32 {
        loop {
            let id = self.next;
            self.next = id.checked_add(1).unwrap_or(FIRST_ACCEPTED);
            if !self.all.contains_key(&id) {
                return id;
            }
        }
    }

    fn add(&mut self, id: u32, origin: Origin) -> Ends {
        let (handle, ends) = pair();
        self.all.insert(id, Connection { origin, handle });
        ends
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    #[cfg(test)]
    pub fn set_next(&mut self, next: u32) {
        self.next = next;
    }
}

/// One subscriber is one address with IPv4 and a /64 with IPv6.
fn source(remote: SocketAddr) -> IpAddr {
    match remote.ip().to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from(u128::from(v6) & !u128::from(u64::MAX)).into(),
        v4 => v4,
    }
}

/// A listening place; closed at once when dropped, and its connections end after what was written.
pub struct Acceptor {
    id: u32,
    socket: Shared<TcpListener>,
    local: SocketAddr,
    tls: Rc<RefCell<Option<Server>>>,
    connections: Rc<RefCell<Connections>>,
    _task: Task,
}

impl Drop for Acceptor {
    fn drop(&mut self) {
        self.socket.close();
        self.connections.borrow_mut().end_of_listening(self.id);
    }
}

impl Acceptor {
    /// `address`: `None` is all.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(
        id: u32,
        address: Option<IpAddr>,
        port: u16,
        means: &Means,
        connections: &Rc<RefCell<Connections>>,
        tls: Option<Server>,
    ) -> io::Result<Self> {
        let dscp = means.marks.get().sip;
        let socket = match address {
            Some(ip) => listener(SocketAddr::from((ip, port)), dscp)?,
            None => on_any(port, |at| listener(at, dscp))?,
        };
        let local = socket.local_addr()?;
        let socket = Shared::new(socket)?;
        let tls = Rc::new(RefCell::new(tls));
        let task = accept(socket.clone(), id, means.clone(), connections.clone(), tls.clone());
        let task = spawn(task);
        Ok(Self { id, socket, local, tls, connections: connections.clone(), _task: task })
    }

    /// What it shows from now on: certificates are renewed.
    pub fn show(&self, tls: Option<Server>) {
        self.tls.replace(tls);
    }

    #[must_use]
    pub const fn local(&self) -> SocketAddr {
        self.local
    }
}

async fn accept(
    socket: Shared<TcpListener>,
    listening: u32,
    means: Means,
    connections: Rc<RefCell<Connections>>,
    tls: Rc<RefCell<Option<Server>>>,
) {
    loop {
        match socket.read_with(TcpListener::accept).await {
            Ok((stream, remote)) => {
                let side = tls.borrow().clone().map(Side::Server);
                welcome((stream, remote), side, listening, &means, &connections);
            }
            Err(why) if why.kind() == io::ErrorKind::NotConnected => return,
            // The peer was faster gone than we.
            Err(why) if why.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(why) => {
                // Out of descriptors: some come back.
                log::warn!("SIP over TCP accepts nobody: {why}");
                Timer::after(Duration::from_secs(1)).await;
            }
        }
    }
}

/// A further connection than there is room for is closed by being dropped.
fn welcome(
    (stream, remote): (TcpStream, SocketAddr),
    side: Option<Side>,
    listening: u32,
    means: &Means,
    connections: &Rc<RefCell<Connections>>,
) {
    let source = source(remote);
    if !connections.borrow().has_room_for(source) {
        means.outlets.dropped_sip.count("SIP connections or datagrams turned away: too many");
        return;
    }
    let stream = match Source::new(stream) {
        Ok(stream) => stream,
        Err(why) => {
            log::debug!("an accepted connection can't be used: {why}");
            return;
        }
    };
    let mut connections = connections.borrow_mut();
    let id = connections.number();
    let ends = connections.add(id, Origin::Accepted { listening, source });
    let task_means = means.clone();
    let course = async move {
        let why = match secured(stream, side).await {
            Ok(pipe) => begin(pipe, id, ends, &task_means, true).await,
            Err(why) => why,
        };
        task_means.outlets.tell(NetEvent::Ended { id, why }).await;
    };
    spawn(course).detach();
}

/// Make a connection; `NetEvent::Connected` or `Ended` comes.
///
/// # Errors
/// In words, when nothing will come.
pub fn connect(
    id: u32,
    to: SocketAddr,
    tls: Option<Client>,
    means: &Means,
    connections: &Rc<RefCell<Connections>>,
) -> Result<(), String> {
    let mut all = connections.borrow_mut();
    if all.all.contains_key(&id) {
        // Its owner would take the answer for the first one's.
        log::error!("connection {id} is there already");
        return Ok(());
    }
    if all.all.values().filter(|c| c.origin == Origin::Ours).count() >= TCP_OURS {
        return Err(format!("{TCP_OURS} connections of ours are open, which is the limit"));
    }
    let ends = all.add(id, Origin::Ours);
    let task_means = means.clone();
    let course = async move {
        let why = make(id, to, tls, ends, &task_means).await;
        task_means.outlets.tell(NetEvent::Ended { id, why }).await;
    };
    spawn(course).detach();
    Ok(())
}

async fn make(id: u32, to: SocketAddr, tls: Option<Client>, ends: Ends, means: &Means) -> String {
    let stop = ends.stop.clone();
    let stopped = async {
        let _ = stop.recv().await;
        Err("closed by us".to_owned())
    };
    let connected = async {
        let stream = connected(to, means.marks.get().sip).await.map_err(|why| why.to_string())?;
        secured(stream, tls.map(Side::Client)).await
    };
    match or(stopped, or(connected, late())).await {
        Ok(pipe) => begin(pipe, id, ends, means, false).await,
        Err(why) => why,
    }
}

async fn late<T>() -> Result<T, String> {
    Timer::after(CONNECT).await;
    Err(format!("no connection within {} seconds", CONNECT.as_secs()))
}

/// As it is, or after a handshake.
async fn secured(stream: Source<TcpStream>, side: Option<Side>) -> Result<Pipe, String> {
    let Some(side) = side else { return Ok(Pipe::plain(stream)) };
    tune(stream.get_ref());
    or(secure(stream, side), late()).await
}

/// # Errors
/// What the system says.
pub async fn connected(to: SocketAddr, dscp: Dscp) -> io::Result<Source<TcpStream>> {
    let stream = Source::of_nonblocking(begin_connect(to, dscp)?)?;
    stream.writable().await?;
    if stream.get_ref().peer_addr().is_ok() {
        return Ok(stream);
    }
    // A read tells why; SO_ERROR would too, but some emulators hand it on in the host's numbers.
    stream.get_ref().read_exact(&mut [0; 1])?;
    Err(io::ErrorKind::NotConnected.into())
}

async fn begin(pipe: Pipe, id: u32, ends: Ends, means: &Means, is_accepted: bool) -> String {
    tune(pipe.socket());
    let (local, remote) = match (pipe.socket().local_addr(), pipe.socket().peer_addr()) {
        (Ok(local), Ok(remote)) => (canonical(local), canonical(remote)),
        (Err(why), _) | (_, Err(why)) => return why.to_string(),
    };
    mark(pipe.socket(), pipe.socket().local_addr().is_ok_and(|at| at.is_ipv6()), means.marks.get().sip);
    let flow = Flow { transport: pipe.transport(), id, local, remote };
    means.outlets.tell(NetEvent::Connected(flow)).await;
    talk(&pipe, flow, ends, &means.outlets, &means.scratch, is_accepted).await
}
