//! Where to listen: addresses, devices, and the interfaces of `/etc/config/network`.
use crate::util::limits::CONFIG_BYTES;
use crate::wire::uci;
use std::io::Read as _;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

/// OpenWrt's file of interfaces.
const NETWORK: &str = "/etc/config/network";

/// Interfaces that name each other may do so for ever.
const ALIASES: u8 = 3;

/// A device and one of its addresses; a device without any is there once without.
type Device = (String, Option<IpAddr>);

/// The address of a device or interface: its first IPv4 address, else its first IPv6 address that routers forward. Phones of a
/// house have IPv4; who wants IPv6 alone writes the address.
///
/// # Errors
/// In words, with what to write instead.
pub fn address_of(name: &str) -> Result<IpAddr, String> {
    let devices = devices().map_err(|why| format!("the network devices can't be read: {why}"))?;
    find(name, &devices, &read_network(Path::new(NETWORK)))
}

fn devices() -> nix::Result<Vec<Device>> {
    let address = |storage: nix::sys::socket::SockaddrStorage| {
        let v4 = storage.as_sockaddr_in().map(|a| IpAddr::V4(a.ip()));
        v4.or_else(|| storage.as_sockaddr_in6().map(|a| IpAddr::V6(a.ip())))
    };
    Ok(nix::ifaddrs::getifaddrs()?.map(|d| (d.interface_name, d.address.and_then(address))).collect())
}

/// A machine that is no router has none.
fn read_network(path: &Path) -> Vec<u8> {
    let mut text = Vec::new();
    let limit = u64::try_from(CONFIG_BYTES).unwrap_or(u64::MAX);
    if let Ok(file) = std::fs::File::open(path)
        && let Err(why) = file.take(limit).read_to_end(&mut text)
    {
        log::debug!("{}: {why}", path.display());
    }
    text
}

fn find(name: &str, devices: &[Device], network: &[u8]) -> Result<IpAddr, String> {
    let is_there = |device: &str| devices.iter().any(|(d, _)| d == device);
    let candidates: Vec<String> = if is_there(name) {
        vec![name.to_owned()]
    } else {
        interface(name, &uci::parse(network).sections, ALIASES)
    };
    let there: Vec<&String> = candidates.iter().filter(|device| is_there(device)).collect();
    if let Some(ip) = there.iter().find_map(|device| first_address(device, devices)) {
        return Ok(ip);
    }
    Err(match (there.first(), candidates.first()) {
        (Some(device), _) => format!("network device '{device}' has no address yet"),
        // The first is a guess when the file has no such interface.
        (None, Some(device)) if candidates.len() > 1 => {
            format!("interface '{name}' has no device: '{device}' is not there yet")
        }
        _ => unknown(name, devices),
    })
}

/// The devices that may stand behind an interface, likeliest first.
fn interface(name: &str, sections: &[uci::Section], aliases: u8) -> Vec<String> {
    let section = sections.iter().find(|s| s.kind == "interface" && s.name.as_deref() == Some(name));
    let mut found = Vec::new();
    if let Some(section) = section {
        let bridge = format!("br-{name}");
        // Before OpenWrt 21.02 a bridge was made of the interface, and `ifname` had its ports.
        if word(section, "type").as_deref() == Some("bridge") {
            found.push(bridge.clone());
        }
        // PPP makes its own device above the one in the file.
        if let Some(protocol) = word(section, "proto") {
            found.push(format!("{protocol}-{name}"));
        }
        found.extend(["device", "ifname"].iter().filter_map(|key| word(section, key)));
    }
    found.push(format!("br-{name}"));
    // `@lan`: the device of another interface.
    let alias = found.iter().find_map(|d| d.strip_prefix('@')).map(str::to_owned);
    if let Some(other) = alias
        && let Some(aliases) = aliases.checked_sub(1)
    {
        found.extend(interface(&other, sections, aliases));
    }
    found
}

/// The first word of an option.
fn word(section: &uci::Section, key: &str) -> Option<String> {
    let text = match &section.option(key)?.value {
        uci::Value::Single(text) => text.as_str(),
        uci::Value::List(items) => items.first()?.as_str(),
    };
    text.split_whitespace().next().map(str::to_owned)
}

fn first_address(device: &str, devices: &[Device]) -> Option<IpAddr> {
    let of_device = devices.iter().filter(|(d, _)| d == device);
    let addresses: Vec<IpAddr> = of_device.filter_map(|(_, address)| *address).collect();
    let usable = |ip: &&IpAddr| match ip {
        IpAddr::V4(_) => false,
        IpAddr::V6(v6) => !v6.is_unicast_link_local() && !v6.is_multicast(),
    };
    addresses.iter().find(|ip| ip.is_ipv4()).or_else(|| addresses.iter().find(usable)).copied()
}

fn unknown(name: &str, devices: &[Device]) -> String {
    let mut names: Vec<&str> = devices.iter().map(|(d, _)| d.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.truncate(8);
    format!(
        "there is no network device and no interface '{name}'; write an address, a device ({}), or an interface of {NETWORK} (lan, wan)",
        names.join(", ")
    )
}

/// Why a socket could not be had.
#[must_use]
pub fn words(why: &std::io::Error, address: Option<IpAddr>, port: u16) -> String {
    match why.raw_os_error() {
        Some(libc::EADDRINUSE) => {
            format!(
                "port {port} is taken by another program ('netstat -lnp' shows which): stop that one or write another port"
            )
        }
        Some(libc::EACCES) => {
            format!("port {port} is below 1024, which only root may use: write another port")
        }
        Some(libc::EADDRNOTAVAIL) => match address {
            Some(ip) => {
                format!("{ip} is no address of this machine: write one that is, or a device (br-lan)")
            }
            None => why.to_string(),
        },
        _ => match address {
            Some(ip) => format!("{}: {why}", SocketAddr::new(ip, port)),
            None => format!("port {port}: {why}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(name: &str, address: &str) -> Device {
        (name.to_owned(), address.parse().ok())
    }

    fn router() -> Vec<Device> {
        vec![
            device("lo", ""),
            device("eth0", ""),
            device("lo", "::1"),
            device("lo", "127.0.0.1"),
            device("br-lan", "fe80::1"),
            device("br-lan", "2001:db8::1"),
            device("br-lan", "192.168.1.1"),
            device("pppoe-wan", "203.0.113.5"),
            device("six", "fe80::2"),
            device("six", "2001:db8::2"),
            device("local", "fe80::3"),
        ]
    }

    const FILE: &[u8] = b"config interface 'loopback'\n option device 'lo'\n\
config interface 'lan'\n option device 'br-lan'\n option proto 'static'\n\
config interface 'old'\n option type 'bridge'\n option ifname 'eth0 eth1'\n\
config interface 'wan'\n option device 'eth0'\n option proto 'pppoe'\n\
config interface 'wan6'\n option device '@wan'\n option proto 'dhcpv6'\n\
config interface 'loop'\n option device '@loop'\n\
config interface 'a'\n option device '@b'\nconfig interface 'b'\n option device '@a'\n";

    #[test]
    fn names_lead_to_addresses() {
        let mut devices = router();
        devices.push(device("br-old", "192.168.9.1"));
        for (name, wanted) in [
            ("lo", "127.0.0.1"),
            ("loopback", "127.0.0.1"),
            ("br-lan", "192.168.1.1"),
            ("lan", "192.168.1.1"),
            ("old", "192.168.9.1"),
            ("wan", "203.0.113.5"),
            ("wan6", "203.0.113.5"),
            ("six", "2001:db8::2"),
        ] {
            assert_eq!(find(name, &devices, FILE), Ok(wanted.parse().unwrap()), "{name}");
        }
        assert_eq!(find("lan", &devices, b""), Ok("192.168.1.1".parse().unwrap()), "without the file");
    }

    #[test]
    fn words_for_what_is_not_there() {
        for (name, wanted) in [
            ("eth0", "'eth0' has no address yet"),
            ("local", "'local' has no address yet"),
            ("old", "'eth0' has no address yet"),
            ("loop", "no device"),
            ("a", "no device"),
            ("guest", "there is no network device and no interface 'guest'"),
            ("guest", "eth0, lo, local"),
        ] {
            let why = find(name, &router(), FILE).unwrap_err();
            assert!(why.contains(wanted), "{name}: {why}");
        }
    }

    #[test]
    fn the_loopback_is_a_device_here() {
        assert_eq!(address_of("lo"), Ok("127.0.0.1".parse().unwrap()));
    }
}
