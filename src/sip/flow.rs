//! Which way a message came, and which way its answer goes.
use std::net::SocketAddr;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    Udp,
    Tcp,
    Tls,
}

impl Transport {
    /// As in Via.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
        }
    }

    /// What is sent arrives or the connection breaks: no retransmissions of requests.
    #[must_use]
    pub const fn is_reliable(self) -> bool {
        !matches!(self, Self::Udp)
    }

    /// The `transport` parameter of a SIP URI (RFC 3261 section 19.1.1); UDP goes without saying.
    #[must_use]
    pub const fn parameter(self) -> Option<&'static str> {
        match self {
            Self::Udp => None,
            Self::Tcp => Some("tcp"),
            Self::Tls => Some("tls"),
        }
    }

    /// The port where none is written (RFC 3261 section 19.1.2).
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 5060,
            Self::Tls => 5061,
        }
    }
}

/// A socket of ours and one peer at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flow {
    pub transport: Transport,
    /// UDP: the number of our listening socket. TCP and TLS: the number of the connection.
    pub id: u32,
    /// Our side as this peer reaches it: what Via, Contact and SDP say where no other address is configured.
    pub local: SocketAddr,
    pub remote: SocketAddr,
}
