//! Where a request came from, written into its Via, and the way back. RFC 3261 sections 18.2.1 and 18.2.2, RFC 3581.
use crate::sip::{Flow, Transport};
use crate::wire::sip::{MAGIC, Message, Via, header};
use std::net::{IpAddr, SocketAddr};

/// Sets `received` and `rport` in the topmost Via of a request, or of an answer that copied it. `received` is always set where the sender named itself by anything
/// else than this very address, and where it asked for `rport` (RFC 3581 section 4).
pub fn stamp(request: &mut Message, flow: Flow) {
    let vias: Vec<String> = request.items(header::VIA).map(str::to_owned).collect();
    let Some((first, rest)) = vias.split_first() else { return };
    let Some(mut via) = Via::parse(first) else { return };
    let asked = via.params.has("rport");
    if asked {
        via.params.set("rport", Some(&flow.remote.port().to_string()));
    }
    if asked || !names(&via, flow.remote.ip()) {
        via.params.set("received", Some(&flow.remote.ip().to_string()));
    }
    request.remove(header::VIA);
    for value in rest.iter().rev() {
        request.push_front(header::VIA, value.as_str());
    }
    request.push_front(header::VIA, via.to_string());
}

/// The way of the answers: that by which the request came. Only who asked for no `rport`, and names the address that we see (so that
/// no NAT is between us), gets them at the port of his Via, as RFC 3261 section 18.2.2 wants it. `maddr` is not followed: it would
/// let a stranger have us send to anybody.
pub fn way_back(request: &Message, flow: Flow) -> Flow {
    let Some(via) = request.via() else { return flow };
    if flow.transport != Transport::Udp || via.params.has("rport") || !names(&via, flow.remote.ip()) {
        return flow;
    }
    Flow { remote: SocketAddr::new(flow.remote.ip(), via.sent_by().1), ..flow }
}

/// The sender calls itself by this address.
fn names(via: &Via, ip: IpAddr) -> bool {
    let host = via.host.trim_start_matches('[').trim_end_matches(']');
    host.parse::<IpAddr>().is_ok_and(|h| h.to_canonical() == ip.to_canonical())
}

/// Our own Via for a request on this flow.
pub fn via(flow: Flow, branch: &str) -> String {
    format!("SIP/2.0/{} {};rport;branch={branch}", flow.transport.name(), flow.local)
}

/// A branch from a random token.
pub fn branch(token: &str) -> String {
    format!("{MAGIC}{token}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(remote: &str) -> Flow {
        Flow {
            transport: Transport::Udp,
            id: 1,
            local: "192.0.2.1:5060".parse().unwrap(),
            remote: remote.parse().unwrap(),
        }
    }

    #[test]
    fn via_says_where_it_came_from_and_the_answer_goes_there() {
        for (via, remote, stamped, back) in [
            // A plain phone on the LAN.
            (
                "192.0.2.9:5060;branch=z9hG4bKa",
                "192.0.2.9:5060",
                "192.0.2.9:5060;branch=z9hG4bKa",
                "192.0.2.9:5060",
            ),
            // It sends from another port than it listens at, and asked for nothing else.
            (
                "192.0.2.9:5060;branch=z9hG4bKa",
                "192.0.2.9:40000",
                "192.0.2.9:5060;branch=z9hG4bKa",
                "192.0.2.9:5060",
            ),
            ("192.0.2.9;branch=z9hG4bKa", "192.0.2.9:40000", "192.0.2.9;branch=z9hG4bKa", "192.0.2.9:5060"),
            // It asked for rport.
            (
                "192.0.2.9:5060;rport;branch=z9hG4bKa",
                "192.0.2.9:40000",
                "192.0.2.9:5060;rport=40000;branch=z9hG4bKa;received=192.0.2.9",
                "192.0.2.9:40000",
            ),
            // Behind NAT, without rport.
            (
                "10.0.0.2:5060;branch=z9hG4bKa",
                "198.51.100.7:1024",
                "10.0.0.2:5060;branch=z9hG4bKa;received=198.51.100.7",
                "198.51.100.7:1024",
            ),
            // A name, and a lie.
            (
                "phone.example;rport=1;received=203.0.113.5;branch=z9hG4bKa",
                "192.0.2.9:5062",
                "phone.example;rport=5062;received=192.0.2.9;branch=z9hG4bKa",
                "192.0.2.9:5062",
            ),
            (
                "[2001:db8::9]:5060;branch=z9hG4bKa",
                "[2001:db8::9]:5070",
                "[2001:db8::9]:5060;branch=z9hG4bKa",
                "[2001:db8::9]:5060",
            ),
        ] {
            let text = format!(
                "OPTIONS sip:a SIP/2.0\r\nCall-ID: c\r\nVia: SIP/2.0/UDP {via}, SIP/2.0/UDP p\r\nv: SIP/2.0/UDP q\r\n\r\n"
            );
            let mut request = Message::parse(text.as_bytes()).unwrap();
            let flow = flow(remote);
            let back_to = way_back(&request, flow);
            stamp(&mut request, flow);
            let all: Vec<&str> = request.items(header::VIA).collect();
            assert_eq!(
                all,
                [format!("SIP/2.0/UDP {stamped}").as_str(), "SIP/2.0/UDP p", "SIP/2.0/UDP q"],
                "{via}"
            );
            assert_eq!(back_to.remote, back.parse().unwrap(), "{via}");
        }
    }
}
