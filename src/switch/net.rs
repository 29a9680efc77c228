//! The doors of SIP and RTP: what the shell brings in.
use super::Switch;
use crate::sip::{Flow, Transport};
use crate::util::time::Now;
use std::net::{IpAddr, SocketAddr};

/// A place to listen at, numbered by the switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listening {
    pub id: u32,
    pub transport: Transport,
    pub place: Place,
    pub port: u16,
}

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    Any,
    Address(IpAddr),
    /// A network device (`br-lan`), or the name of an interface in `/etc/config/network` (`lan`).
    Device(String),
}

/// A way to a host that was asked for: an address of it, and our own address on that way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    pub remote: SocketAddr,
    pub local: IpAddr,
}

impl Switch {
    /// `Output::Listen` was carried out: where it listens, or why not in words.
    pub fn handle_listening(&mut self, id: u32, result: Result<SocketAddr, String>, now: Now) {
        let _ = (id, result, now);
    }

    /// A datagram at a listening socket (`flow.id`).
    pub fn handle_datagram(&mut self, flow: Flow, bytes: &[u8], now: Now) {
        let _ = (flow, bytes, now);
    }

    /// A TCP connection was accepted, or `Output::Connect` succeeded. Its number is `flow.id`: accepted ones are numbered by the
    /// shell from 2^31 up, ours by the switch from 1 up.
    pub fn handle_connected(&mut self, flow: Flow, now: Now) {
        let _ = (flow, now);
    }

    /// Bytes of a connection, cut anywhere.
    pub fn handle_stream(&mut self, flow: Flow, bytes: &[u8], now: Now) {
        let _ = (flow, bytes, now);
    }

    /// A connection ended, or could not be made.
    pub fn handle_disconnected(&mut self, id: u32, why: &str, now: Now) {
        let _ = (id, why, now);
    }

    /// `Output::Resolve` was carried out. Never empty when `Ok`.
    pub fn handle_resolved(&mut self, token: u64, result: Result<Vec<Way>, String>, now: Now) {
        let _ = (token, result, now);
    }

    /// `Output::BindRtp` was carried out, or why not.
    pub fn handle_rtp_bound(&mut self, port: u16, result: Result<(), String>, now: Now) {
        let _ = (port, result, now);
    }

    /// A datagram at an RTP port.
    pub fn handle_rtp(&mut self, port: u16, from: SocketAddr, bytes: &[u8], now: Now) {
        let _ = (port, from, bytes, now);
    }
}
