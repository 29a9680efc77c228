//! The ways to a SIP host, best first: RFC 3263 section 4.
use super::resolve::Resolver;
use crate::sip::Transport;
use crate::util::limits::{HOST_ADDRESSES, HOST_SERVERS};
use crate::wire::dns::{Data, Kind, Naptr, Srv, services, srv_order};
use futures_lite::future::zip;
use std::net::{IpAddr, SocketAddr};

/// With a port no SRV records are asked for, with a transport no NAPTR.
///
/// # Errors
/// In words. Never empty when `Ok`.
pub async fn locate(
    dns: &Resolver,
    host: &str,
    port: Option<u16>,
    transport: Option<Transport>,
) -> Result<Vec<(Transport, SocketAddr)>, String> {
    let plain = transport.unwrap_or(Transport::Udp);
    let plain_port = port.unwrap_or(plain.default_port());
    let mut found = Vec::new();
    let known = dns.known(host);
    if !known.is_empty() {
        add(&mut found, plain, plain_port, known);
        return Ok(found);
    }
    let mut is_served = false;
    if port.is_none() {
        for (transport, place) in places(dns, host, transport).await? {
            let servers = servers(dns, &place).await?;
            is_served |= !servers.is_empty();
            // RFC 2782: "." as the target says that there is none.
            let usable = servers.into_iter().filter(|srv| !srv.target.is_empty()).collect();
            for srv in srv_order(usable, |limit| dns.below(limit)).into_iter().take(HOST_SERVERS) {
                // A server whose name is lost is as good as one that is down: the next one serves.
                match addresses(dns, &srv.target).await {
                    Ok(addresses) => add(&mut found, transport, srv.port, addresses),
                    Err(why) => log::debug!("{}: {why}", srv.target),
                }
            }
        }
    }
    if !is_served {
        let addresses = addresses(dns, host).await?;
        add(&mut found, plain, plain_port, addresses);
    }
    match found.is_empty() {
        true => Err("the name has no address".to_owned()),
        false => Ok(found),
    }
}

fn add(found: &mut Vec<(Transport, SocketAddr)>, transport: Transport, port: u16, addresses: Vec<IpAddr>) {
    for address in addresses {
        let way = (transport, SocketAddr::new(address, port));
        if found.len() < HOST_ADDRESSES && !found.contains(&way) {
            found.push(way);
        }
    }
}

/// Where the SRV records are, for each transport of ours.
async fn places(
    dns: &Resolver,
    host: &str,
    transport: Option<Transport>,
) -> Result<Vec<(Transport, String)>, String> {
    if let Some(transport) = transport {
        return Ok(vec![place(transport, host)]);
    }
    let naptr = |data| match data {
        Data::Naptr(naptr) => Some(naptr),
        _ => None,
    };
    let records: Vec<Naptr> = dns.ask(host, Kind::Naptr).await?.into_iter().filter_map(naptr).collect();
    let found = services(records, |service| match service {
        "sip+d2u" => Some(Transport::Udp),
        "sip+d2t" => Some(Transport::Tcp),
        "sips+d2t" if cfg!(feature = "tls") => Some(Transport::Tls),
        _ => None,
    });
    Ok(match found.is_empty() {
        // Who has a choice is not driven off UDP; TLS is for who asks for it.
        true => [Transport::Udp, Transport::Tcp].map(|transport| place(transport, host)).into(),
        false => found,
    })
}

fn place(transport: Transport, host: &str) -> (Transport, String) {
    let service = match transport {
        Transport::Udp => "_sip._udp.",
        Transport::Tcp => "_sip._tcp.",
        Transport::Tls => "_sips._tcp.",
    };
    (transport, service.to_owned() + host)
}

async fn servers(dns: &Resolver, place: &str) -> Result<Vec<Srv>, String> {
    let srv = |data| match data {
        Data::Srv(srv) => Some(srv),
        _ => None,
    };
    Ok(dns.ask(place, Kind::Srv).await?.into_iter().filter_map(srv).collect())
}

/// IPv4 first: where IPv6 is half broken, a call would wait for its end.
async fn addresses(dns: &Resolver, host: &str) -> Result<Vec<IpAddr>, String> {
    let known = dns.known(host);
    if !known.is_empty() {
        return Ok(known);
    }
    let (v4, v6) = zip(dns.ask(host, Kind::A), dns.ask(host, Kind::Aaaa)).await;
    let both = match (v4, v6) {
        (Ok(mut v4), Ok(v6)) => {
            v4.extend(v6);
            v4
        }
        (Ok(some), Err(_)) | (Err(_), Ok(some)) if !some.is_empty() => some,
        (Err(why), _) | (_, Err(why)) => return Err(why),
    };
    let address = |data| match data {
        Data::Address(ip) => Some(ip),
        _ => None,
    };
    Ok(both.into_iter().filter_map(address).collect())
}
