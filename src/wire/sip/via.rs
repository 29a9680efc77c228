//! `Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK…`. RFC 3261 section 20.42, RFC 3581.
use super::parse::is_token;
use super::uri::host_port;
use super::{Params, header};
use std::net::IpAddr;

/// Every branch of RFC 3261 begins so; others come from RFC 2543.
pub const MAGIC: &str = "z9hG4bK";

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Via {
    /// Upper case: `UDP`, `TCP`, `TLS`.
    pub transport: String,
    pub host: String,
    pub port: Option<u16>,
    pub params: Params,
}

impl Via {
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (protocol, rest) = text.trim().split_once('/')?;
        let (version, rest) = rest.split_once('/')?;
        let rest = rest.trim_start();
        let (transport, rest) = rest.split_once([' ', '\t'])?;
        if !protocol.trim().eq_ignore_ascii_case("SIP") || version.trim() != "2.0" {
            return None;
        }
        if transport.is_empty() || !transport.bytes().all(is_token) {
            return None;
        }
        let (place, params) = rest.split_once(';').unwrap_or((rest, ""));
        let (host, port) = host_port(place.trim())?;
        Some(Self { transport: transport.to_ascii_uppercase(), host, port, params: Params::parse(params) })
    }

    #[must_use]
    pub fn branch(&self) -> Option<&str> {
        self.params.get("branch").filter(|b| !b.is_empty())
    }

    /// Where the message came from, as a server noted it. Some write IPv6 in brackets (RFC 5118 section 4.5).
    #[must_use]
    pub fn received(&self) -> Option<IpAddr> {
        let text = self.params.get("received")?;
        text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text).parse().ok()
    }

    /// The port it came from. `None`: no `rport`, or one that waits for its value.
    #[must_use]
    pub fn rport(&self) -> Option<u16> {
        self.params.get("rport").and_then(header::number).and_then(|port| u16::try_from(port).ok())
    }

    /// `host:port`, the port as its default where none is written.
    #[must_use]
    pub fn sent_by(&self) -> (String, u16) {
        (self.host.clone(), self.port.unwrap_or(if self.transport == "TLS" { 5061 } else { 5060 }))
    }
}

impl std::fmt::Display for Via {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SIP/2.0/{} {}", self.transport, self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "{}", self.params)
    }
}
