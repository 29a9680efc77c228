//! Requests too long for a datagram go by TCP, if the peer can (RFC 3261 section 18.1.1). Their transaction stays one by UDP: it repeats them,
//! which does no harm, and takes the answer by whatever way it comes.
use super::{Output, Switch};
use crate::sip::{Flow, Transport};
use crate::util::limits::{LARGE_PEERS, LARGE_WAITING};
use crate::util::table::Table;
use crate::util::time::{Instant, Now};
use std::net::SocketAddr;
use std::time::Duration;

/// Octets of a datagram where nobody knows the way (RFC 3261 section 18.1.1).
const DATAGRAM: usize = 1_300;
/// A peer that answers no connection within this gets the datagram: longer would use up the time for its answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// A peer that takes no connection is asked for one again after this.
const REMEMBERED: Duration = Duration::from_secs(600);

#[derive(Debug)]
enum Way {
    Connecting {
        since: Instant,
        waiting: Vec<(Flow, Vec<u8>)>,
    },
    Up(Flow),
    /// It has no TCP.
    None {
        until: Instant,
    },
}

/// Connections for long requests, by peer.
#[derive(Debug, Default)]
pub struct Large {
    all: Table<SocketAddr, (u32, Way)>,
}

impl Switch {
    /// Bytes of the endpoint, by the way they fit.
    pub(super) fn send_sip(&mut self, flow: Flow, bytes: Vec<u8>, now: Now) {
        let is_large =
            bytes.len() > DATAGRAM && flow.transport == Transport::Udp && !bytes.starts_with(b"SIP/");
        if !is_large {
            self.outputs.push_back(Output::Sip { flow, bytes });
            return;
        }
        match self.large.all.get_mut(&flow.remote).map(|(_, way)| way) {
            Some(Way::Up(connection)) => {
                let (flow, bytes) = (*connection, by_tcp(&bytes));
                self.outputs.push_back(Output::Sip { flow, bytes });
            }
            Some(Way::Connecting { since, waiting })
                if now.mono.since(*since) < PATIENCE && waiting.len() < LARGE_WAITING =>
            {
                waiting.push((flow, bytes));
            }
            Some(Way::None { until }) if *until <= now.mono => self.connect_for(flow, bytes, now),
            Some(Way::Connecting { .. } | Way::None { .. }) => {
                self.outputs.push_back(Output::Sip { flow, bytes });
            }
            None => self.connect_for(flow, bytes, now),
        }
    }

    fn connect_for(&mut self, flow: Flow, bytes: Vec<u8>, now: Now) {
        if self.large.all.len() >= LARGE_PEERS {
            self.large.all.retain(|_, (_, way)| !matches!(way, Way::None { until } if *until <= now.mono));
        }
        if self.large.all.len() >= LARGE_PEERS && !self.large.all.contains_key(&flow.remote) {
            self.outputs.push_back(Output::Sip { flow, bytes });
            return;
        }
        let id = self.trunks.connection();
        let way = Way::Connecting { since: now.mono, waiting: vec![(flow, bytes)] };
        self.large.all.insert(flow.remote, (id, way));
        self.outputs.push_back(Output::Connect { id, to: flow.remote, tls: None });
    }

    pub(super) fn on_large_connected(&mut self, connection: Flow) {
        let Some((_, way)) = self.large.all.values_mut().find(|(id, _)| *id == connection.id) else { return };
        if let Way::Connecting { waiting, .. } = std::mem::replace(way, Way::Up(connection)) {
            for (_, bytes) in waiting {
                let bytes = by_tcp(&bytes);
                self.outputs.push_back(Output::Sip { flow: connection, bytes });
            }
        }
    }

    pub(super) fn on_large_disconnected(&mut self, id: u32, now: Now) {
        let Some((&peer, (_, way))) = self.large.all.iter_mut().find(|(_, (own, _))| *own == id) else {
            return;
        };
        match std::mem::replace(way, Way::None { until: now.mono + REMEMBERED }) {
            Way::Connecting { waiting, .. } => {
                for (flow, bytes) in waiting {
                    self.outputs.push_back(Output::Sip { flow, bytes });
                }
            }
            // It was idle; the next one is welcome.
            Way::Up(_) | Way::None { .. } => {
                self.large.all.remove(&peer);
            }
        }
    }
}

/// The same request with a Via for TCP, which the answer comes back by.
fn by_tcp(bytes: &[u8]) -> Vec<u8> {
    const UDP: &[u8] = b"SIP/2.0/UDP";
    let mut changed = bytes.to_vec();
    // The first one is ours; the request line has none.
    if let Some(at) = changed.windows(UDP.len()).position(|part| part == UDP)
        && let Some(word) = changed.get_mut(at.saturating_add(8)..at.saturating_add(UDP.len()))
    {
        word.copy_from_slice(b"TCP");
    }
    changed
}
