//! What the shell and the switch say to each other about sockets.
use crate::config::Dscp;
use crate::sip::Transport;
use std::net::{IpAddr, SocketAddr};

/// How what we send is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marks {
    pub sip: Dscp,
    pub rtp: Dscp,
}

impl Default for Marks {
    fn default() -> Self {
        Self { sip: Dscp::CS3, rtp: Dscp::EF }
    }
}

/// A place to listen at, numbered by the switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listening {
    pub id: u32,
    pub transport: Transport,
    pub place: Place,
    pub port: u16,
    /// What a place for TLS shows.
    pub tls: Option<TlsOwn>,
}

/// Our own certificate, and its key: paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsOwn {
    pub certificate: String,
    pub key: String,
    /// In DER, made by the shell where it is not there. Else PEM.
    pub is_made: bool,
}

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    Any,
    Address(IpAddr),
    /// A network device (`br-lan`), or the name of an interface in `/etc/config/network` (`lan`).
    Device(String),
}

/// How a connection by TLS is made: whom the certificate must be for, and who may have signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsPeer {
    /// The host as configured: RFC 5922 section 7.
    pub name: String,
    /// False: any certificate will do.
    pub verify: bool,
    /// A PEM file with certificates that are trusted beside the system's.
    pub ca_file: Option<String>,
}

/// A way to a host that was asked for: an address of it, the transport, and our own address on that way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    pub transport: Transport,
    pub remote: SocketAddr,
    pub local: IpAddr,
}
