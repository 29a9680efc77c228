//! What the tasks of the sockets tell the loop.
use super::shared::Dropped;
use crate::sip::Flow;
use crate::switch::net::Way;
use crate::util::limits::{NET_EVENTS, SIP_WAITING_BYTES};
use async_channel::{Receiver, Sender, bounded};
use std::cell::Cell;
use std::rc::Rc;

/// Of SIP and the look-up of names.
pub enum NetEvent {
    Datagram {
        flow: Flow,
        bytes: Vec<u8>,
    },
    Connected(Flow),
    Stream {
        flow: Flow,
        bytes: Vec<u8>,
    },
    /// Once for each connection, made or not.
    Ended {
        id: u32,
        why: String,
    },
    /// Ours changed, or the ways to others.
    Addresses,
    Resolved {
        token: u64,
        result: Result<Vec<Way>, String>,
    },
}

/// Where the tasks put what they have.
#[derive(Clone)]
pub struct Outlets {
    net: Sender<NetEvent>,
    /// Bytes of datagrams in `net`.
    waiting: Rc<Cell<usize>>,
    pub dropped_sip: Dropped,
}

/// The loop's end.
pub struct Inlets {
    pub net: Receiver<NetEvent>,
}

impl Outlets {
    #[must_use]
    pub fn new() -> (Self, Inlets) {
        let (net, net_inlet) = bounded(NET_EVENTS);
        let outlets = Self { net, waiting: Rc::default(), dropped_sip: Dropped::default() };
        (outlets, Inlets { net: net_inlet })
    }

    /// Waits for room. The loop outlives the tasks, except at the end.
    pub async fn tell(&self, event: NetEvent) {
        let _ = self.net.send(event).await;
    }

    /// Waits for room among the events; among the bytes there is room or not.
    pub async fn tell_datagram(&self, flow: Flow, bytes: Vec<u8>) {
        let waiting = self.waiting.get().saturating_add(bytes.len());
        if waiting > SIP_WAITING_BYTES {
            self.dropped_sip.count("SIP datagrams dropped: more came than can be handled");
            return;
        }
        self.waiting.set(waiting);
        self.tell(NetEvent::Datagram { flow, bytes }).await;
    }

    /// The loop has taken a datagram.
    pub fn taken(&self, bytes: usize) {
        self.waiting.set(self.waiting.get().saturating_sub(bytes));
    }
}
