//! `config sip 'sip'`: where phones and providers reach us.
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::fmt;
use std::time::Duration;

use super::Dscp;
use super::fields::Fields;
use super::value::{is_device, is_host};

/// `config sip 'sip'`. Without the section: the defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sip {
    /// `enabled`, default 1: with 0 there are no phones and no providers.
    pub enabled: bool,
    /// `list listen`; default UDP and TCP on every address, port 5060. Empty only where every item was wrong: then
    /// nothing is opened, rather than everything.
    pub listen: Vec<Listen>,
    /// `external`: the address that others see, default `auto`.
    pub external: External,
    /// `list local_net`: who reaches us without it; default the private ranges.
    pub local_net: Vec<Net>,
    /// `max_calls`, 1 to 10000; None: as many as the machine's memory allows.
    pub max_calls: Option<usize>,
    /// `rtp_ports`, two for each leg; default from 10000 on, four for each of `max_calls`, 200 where that is less or not there.
    pub rtp_ports: PortRange,
    /// `realm` of our challenges, default `tandem`. Phones compute their answer with it.
    pub realm: String,
    /// `min_expires`, seconds: a phone that asks for less gets this; default 60, 10 to 3600.
    pub min_expires: Duration,
    /// `tls_certificate` and `tls_key`, PEM files, both or none; None: made by us at the first start.
    pub tls: Option<(String, String)>,
    /// `max_expires`, seconds: a phone that asks for more gets this; default 3600, 60 to 86400.
    pub max_expires: Duration,
    /// `dscp_sip`, default `cs3`, and `dscp_rtp`, default `ef`: the marks of what we send.
    pub dscp_sip: Dscp,
    pub dscp_rtp: Dscp,
    /// `pickup_code`, default `*8`: with the number of an extension that rings behind it, takes that call.
    pub pickup_code: String,
}

/// `udp:lan:5060`: transport, place, port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Listen {
    pub transport: Transport,
    pub place: Place,
    pub port: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    Udp,
    Tcp,
    Tls,
}

/// On which of our addresses.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// Written `any`.
    Any,
    /// An IPv6 address is written in brackets.
    Address(IpAddr),
    /// The addresses of a network device (`br-lan`) or of an interface as /etc/config/network calls it (`lan`).
    Device(String),
}

/// The address that others see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum External {
    /// That of the interface the packet leaves by.
    Auto,
    Address(IpAddr),
    /// Looked up, and again now and then.
    Host(String),
}

/// `192.168.1.0/24`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Net {
    address: IpAddr,
    prefix: u8,
}

/// Ports from `first` (even, for RTP) to `last`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    pub first: u16,
    pub last: u16,
}

/// Beside the address itself: loopback, RFC 1918, RFC 3927, RFC 4193 and RFC 4291 section 2.5.6. Not RFC 6598, which is
/// the provider's side of a router.
const PRIVATE: [(IpAddr, u8); 8] = [
    (IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8),
    (IpAddr::V4(Ipv4Addr::new(10, 0, 0, 0)), 8),
    (IpAddr::V4(Ipv4Addr::new(172, 16, 0, 0)), 12),
    (IpAddr::V4(Ipv4Addr::new(192, 168, 0, 0)), 16),
    (IpAddr::V4(Ipv4Addr::new(169, 254, 0, 0)), 16),
    (IpAddr::V6(Ipv6Addr::LOCALHOST), 128),
    (IpAddr::V6(Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0)), 7),
    (IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0)), 10),
];

impl Default for Sip {
    fn default() -> Self {
        let any = |transport| Listen { transport, place: Place::Any, port: 5060 };
        Self {
            enabled: true,
            listen: vec![any(Transport::Udp), any(Transport::Tcp)],
            external: External::Auto,
            local_net: PRIVATE.iter().map(|&(address, prefix)| Net { address, prefix }).collect(),
            max_calls: None,
            rtp_ports: PortRange::for_calls(None),
            realm: "tandem".to_owned(),
            tls: None,
            min_expires: Duration::from_secs(60),
            max_expires: Duration::from_secs(3_600),
            dscp_sip: Dscp::CS3,
            dscp_rtp: Dscp::EF,
            pickup_code: "*8".to_owned(),
        }
    }
}

impl Sip {
    /// A bad option keeps its default here, as in `tandem`: without this section there would be more doors, not fewer.
    /// Of `listen` the right ones stay.
    pub(super) fn from_uci(fields: &mut Fields<'_>) -> Self {
        let default = Self::default();
        let listen =
            if fields.has("listen") { fields.list_of("listen", Listen::from_uci) } else { default.listen };
        let want_net = || "a network such as 192.168.1.0/24".to_owned();
        let nets = fields.list_of("local_net", |text| Net::parse(text).ok_or_else(want_net));
        let tls = (fields.text("tls_certificate"), fields.text("tls_key"));
        match &tls {
            (Some(path), None) => fields.bad("tls_certificate", path, "'tls_key' beside it"),
            (None, Some(path)) => fields.bad("tls_key", path, "'tls_certificate' beside it"),
            _ => {}
        }
        let max_calls = usize::try_from(fields.number("max_calls")).ok().filter(|calls| *calls != 0);
        let rtp_ports = fields.text("rtp_ports").and_then(|text| PortRange::parse(&text));
        let sip = Self {
            tls: tls.0.zip(tls.1),
            enabled: fields.flag("enabled"),
            listen,
            external: fields.text("external").and_then(|t| External::parse(&t)).unwrap_or(default.external),
            local_net: if nets.is_empty() { default.local_net } else { nets },
            max_calls,
            rtp_ports: rtp_ports.unwrap_or(PortRange::for_calls(max_calls)),
            realm: fields.text("realm").unwrap_or(default.realm),
            min_expires: Duration::from_secs(fields.number("min_expires")),
            max_expires: Duration::from_secs(fields.number("max_expires")),
            dscp_sip: fields.text("dscp_sip").and_then(|t| Dscp::parse(&t)).unwrap_or(default.dscp_sip),
            dscp_rtp: fields.text("dscp_rtp").and_then(|t| Dscp::parse(&t)).unwrap_or(default.dscp_rtp),
            pickup_code: fields.text("pickup_code").unwrap_or(default.pickup_code),
        };
        if sip.min_expires <= sip.max_expires {
            return sip;
        }
        let least = sip.min_expires.as_secs().to_string();
        fields.bad("min_expires", &least, "no more than 'max_expires'");
        Self { min_expires: default.min_expires, max_expires: default.max_expires, ..sip }
    }

    /// Can the far side reach us without the external address?
    #[must_use]
    pub fn is_local(&self, address: IpAddr) -> bool {
        self.local_net.iter().any(|net| net.contains(address))
    }
}

impl Listen {
    /// The error says what to write.
    fn from_uci(text: &str) -> Result<Self, String> {
        let (transport, rest) = text.split_once(':').unwrap_or((text, ""));
        let transport = match Transport::from_uci(transport) {
            Err(Some(want)) => return Err(want),
            transport => transport.ok(),
        };
        let read = || {
            let transport = transport?;
            let (place, port) = rest.rsplit_once(':')?;
            let port = super::value::number(port, 1, 65_535).and_then(|port| u16::try_from(port).ok())?;
            Some(Self { transport, place: Place::parse(place)?, port })
        };
        read().ok_or_else(|| "transport:where:port such as udp:lan:5060".to_owned())
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { transport, place, port } = self;
        match place {
            Place::Any => write!(f, "{transport}:any:{port}"),
            Place::Address(IpAddr::V6(address)) => write!(f, "{transport}:[{address}]:{port}"),
            Place::Address(address) => write!(f, "{transport}:{address}:{port}"),
            Place::Device(name) => write!(f, "{transport}:{name}:{port}"),
        }
    }
}

impl Transport {
    /// The error says what to write instead of a transport that exists and waits for a later version.
    pub(super) fn from_uci(text: &str) -> Result<Self, Option<String>> {
        match text {
            "udp" => Ok(Self::Udp),
            "tcp" => Ok(Self::Tcp),
            "tls" if cfg!(feature = "tls") => Ok(Self::Tls),
            "tls" => Err(Some("udp or tcp: this build has no TLS".to_owned())),
            "ws" | "wss" => Err(Some(format!("udp, tcp or tls: {text} is not in this version"))),
            _ => Err(None),
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        })
    }
}

impl Place {
    fn parse(text: &str) -> Option<Self> {
        let inside = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
        match (inside, text.parse::<Ipv4Addr>()) {
            (Some(v6), _) => v6.parse::<Ipv6Addr>().ok().map(|address| Self::Address(address.into())),
            (None, Ok(address)) => Some(Self::Address(address.into())),
            (None, Err(_)) if text == "any" || text == "*" => Some(Self::Any),
            // A device's name may hold digits and dots, as eth0.2 does; one of nothing else is a mistyped address.
            (None, Err(_)) if text.bytes().all(|b| b.is_ascii_digit() || b == b'.') => None,
            (None, Err(_)) => is_device(text).then(|| Self::Device(text.to_owned())),
        }
    }
}

impl External {
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text.parse() {
            _ if text == "auto" => Some(Self::Auto),
            Ok(address) => Some(Self::Address(address)),
            Err(_) => is_host(text).then(|| Self::Host(text.to_owned())),
        }
    }
}

impl Net {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Some(most), |text| super::value::number(text, 0, most))?;
        Some(Self { address, prefix: u8::try_from(prefix).ok()? })
    }

    /// An IPv4 address in IPv6 clothes (`::ffff:192.168.1.2`) is the IPv4 address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let (differing, width) = match (self.address, address.to_canonical()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => (u128::from(a.to_bits() ^ b.to_bits()), 32),
            (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits(), 128),
            _ => return false,
        };
        let rest = u32::saturating_sub(width, u32::from(self.prefix));
        differing.checked_shr(rest).unwrap_or(0) == 0
    }
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl PortRange {
    /// Where no option names the ports.
    fn for_calls(calls: Option<usize>) -> Self {
        let count = calls.and_then(|calls| u16::try_from(calls.saturating_mul(4)).ok()).unwrap_or(0).max(200);
        let first = 10_000;
        Self { first, last: u16::saturating_add(first, count.saturating_sub(1)) }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('-')?;
        let port = |text| super::value::number(text, 1_024, 65_535).and_then(|port| u16::try_from(port).ok());
        let (first, last) = (port(first)?, port(last)?);
        (first % 2 == 0 && first < last).then_some(Self { first, last })
    }

    /// Even ports whose odd neighbour is in the range, too.
    pub fn pairs(self) -> impl Iterator<Item = u16> {
        (self.first..self.last).step_by(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_to_listen() {
        for (text, want) in [
            ("udp:any:5060", Some("udp:any:5060")),
            ("tcp:*:5070", Some("tcp:any:5070")),
            ("udp:lan:5060", Some("udp:lan:5060")),
            ("udp:br-lan.2:5060", Some("udp:br-lan.2:5060")),
            ("udp:192.168.1.1:5060", Some("udp:192.168.1.1:5060")),
            ("udp:0.0.0.0:5060", Some("udp:0.0.0.0:5060")),
            ("tcp:[fd00::1]:5060", Some("tcp:[fd00::1]:5060")),
            ("udp:fd00::1:5060", None),
            ("udp:300.1.1.1:5060", None),
            ("udp:[192.168.1.1]:5060", None),
            ("udp::5060", None),
            ("udp:lan", None),
            ("udp:lan:0", None),
            ("udp:lan:65536", None),
            ("udp:lan:sip", None),
            ("udp:a_name_that_is_too_long:5060", None),
            ("udp", None),
            ("UDP:lan:5060", None),
            ("tls:lan:5061", if cfg!(feature = "tls") { Some("tls:lan:5061") } else { None }),
            ("wss:lan:5061", None),
            ("", None),
        ] {
            assert_eq!(
                Listen::from_uci(text).ok().map(|listen| listen.to_string()).as_deref(),
                want,
                "{text}"
            );
        }
    }

    #[test]
    fn nets() {
        for (net, address, want) in [
            ("192.168.1.0/24", "192.168.1.255", true),
            ("192.168.1.0/24", "192.168.2.1", false),
            ("192.168.1.77/24", "192.168.1.1", true),
            ("192.168.1.0/24", "::ffff:192.168.1.2", true),
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1", "10.0.0.2", false),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "2001:db8::1", true),
            ("fd00::/8", "fd12::1", true),
            ("fd00::/8", "fe12::1", false),
            ("2001:db8::1", "2001:db8::2", false),
        ] {
            let read = Net::parse(net).unwrap();
            assert_eq!(read.contains(address.parse().unwrap()), want, "{net} {address}");
        }
        for text in ["", "/", "lan", "192.168.1.0/33", "192.168.1.0/", "192.168.1/24", "::/129", "1.2.3.4/-1"]
        {
            assert_eq!(Net::parse(text), None, "{text}");
        }
        let sip = Sip::default();
        for (address, want) in [
            ("192.168.77.1", true),
            ("172.31.0.1", true),
            ("172.32.0.1", false),
            ("100.64.0.1", false),
            ("203.0.113.5", false),
            ("fe80::1", true),
            ("2001:db8::1", false),
        ] {
            assert_eq!(sip.is_local(address.parse().unwrap()), want, "{address}");
        }
    }

    #[test]
    fn port_ranges() {
        for (text, pairs) in [
            ("10000-10199", Some(100)),
            ("10000-10200", Some(100)),
            ("10000-10001", Some(1)),
            ("10001-10199", None),
            ("10000-10000", None),
            ("10200-10000", None),
            ("80-90", None),
            ("65534-65535", Some(1)),
            ("10000", None),
            ("10000-", None),
            ("10000-70000", None),
            ("10000 - 10199", None),
        ] {
            assert_eq!(PortRange::parse(text).map(|range| range.pairs().count()), pairs, "{text}");
        }
    }
}
