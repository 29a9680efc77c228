//! Which way a message came, and which way its answer goes.
use std::net::SocketAddr;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    Udp,
    Tcp,
}

impl Transport {
    /// As in Via.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        }
    }

    /// What is sent arrives or the connection breaks: no retransmissions of requests.
    #[must_use]
    pub const fn is_reliable(self) -> bool {
        matches!(self, Self::Tcp)
    }
}

/// A socket of ours and one peer at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flow {
    pub transport: Transport,
    /// UDP: the number of our listening socket. TCP: the number of the connection.
    pub id: u32,
    /// Our side as this peer reaches it: what Via, Contact and SDP say where no other address is configured.
    pub local: SocketAddr,
    pub remote: SocketAddr,
}
