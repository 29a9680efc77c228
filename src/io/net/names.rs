//! A name server of the tests' own, with real sockets: weights, failover, cut answers, lies, silence.
use super::locate::locate;
use super::resolve::Resolver;
use crate::io::reactor::block_on;
use crate::sip::Transport::{self, Tcp, Udp};
use crate::util::random::Random;
use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::time::{Duration, Instant};

const A: u16 = 1;
const ALIAS: u16 = 5;
const AAAA: u16 = 28;
const SRV: u16 = 33;
const NAPTR: u16 = 35;

/// What the server does besides answering.
#[derive(Clone, Copy, Default)]
struct Manners {
    /// Every answer by datagram says that it is cut.
    cuts: bool,
    /// Forged answers come before the true one: another id, another name, another kind, a question, rubbish.
    lies: bool,
    /// It knows nothing and says so: SERVFAIL.
    fails: bool,
}

type Zone = Vec<(&'static str, u16, Vec<u8>)>;

fn wire_name(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.').filter(|l| !l.is_empty()) {
        bytes.push(label.len() as u8);
        bytes.extend(label.bytes());
    }
    bytes.push(0);
    bytes
}

fn a(name: &'static str, ip: &str) -> (&'static str, u16, Vec<u8>) {
    match ip.parse().unwrap() {
        IpAddr::V4(v4) => (name, A, v4.octets().to_vec()),
        IpAddr::V6(v6) => (name, AAAA, v6.octets().to_vec()),
    }
}

fn alias(name: &'static str, to: &str) -> (&'static str, u16, Vec<u8>) {
    (name, ALIAS, wire_name(to))
}

fn srv(
    name: &'static str,
    priority: u16,
    weight: u16,
    port: u16,
    target: &str,
) -> (&'static str, u16, Vec<u8>) {
    let mut data = [priority, weight, port].map(u16::to_be_bytes).concat();
    data.extend(wire_name(target));
    (name, SRV, data)
}

fn naptr(
    name: &'static str,
    order: u16,
    preference: u16,
    service: &str,
    to: &str,
) -> (&'static str, u16, Vec<u8>) {
    let mut data = [order, preference].map(u16::to_be_bytes).concat();
    for text in ["s", service, ""] {
        data.push(text.len() as u8);
        data.extend(text.bytes());
    }
    data.extend(wire_name(to));
    (name, NAPTR, data)
}

/// The answer to a question, with aliases followed as far as the zone has them.
fn answer(question: &[u8], zone: &Zone, manners: Manners) -> Vec<u8> {
    let mut labels = Vec::new();
    let mut at = 12;
    while question[at] != 0 {
        let end = at + 1 + usize::from(question[at]);
        labels.push(String::from_utf8(question[at + 1..end].to_ascii_lowercase()).unwrap());
        at = end;
    }
    let mut name = labels.join(".");
    let kind = u16::from_be_bytes([question[at + 1], question[at + 2]]);
    assert_eq!(question.len(), at + 5, "one question and nothing behind it");
    let mut records = Vec::new();
    while let Some((owner, _, to)) = zone.iter().find(|(owner, k, _)| *owner == name && *k == ALIAS) {
        records.push((owner.to_string(), ALIAS, to.clone()));
        let Some((next, ..)) = zone.iter().find(|(owner, ..)| wire_name(owner) == *to) else { break };
        name = next.to_string();
    }
    let own = zone.iter().filter(|(owner, k, _)| *owner == name && *k == kind && kind != ALIAS);
    records.extend(own.map(|(owner, k, data)| (owner.to_string(), *k, data.clone())));
    let known = zone.iter().any(|(owner, ..)| *owner == name);
    let code = if manners.fails { 2 } else { u8::from(!known) * 3 };
    let mut bytes = question[..2].to_vec();
    bytes.extend([0x81, 0x80 | code, 0, 1, 0, records.len() as u8, 0, 0, 0, 0]);
    bytes.extend(&question[12..]);
    for (owner, kind, data) in records {
        // A pointer to the question where the name is the same.
        match owner == labels.join(".") {
            true => bytes.extend([0xC0, 12]),
            false => bytes.extend(wire_name(&owner)),
        }
        bytes.extend(kind.to_be_bytes());
        bytes.extend([0, 1, 0, 0, 0, 60]);
        bytes.extend((data.len() as u16).to_be_bytes());
        bytes.extend(data);
    }
    bytes
}

/// Its address. It ends with the process.
fn server(zone: Zone, manners: Manners) -> SocketAddr {
    let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let at = udp.local_addr().unwrap();
    let tcp = TcpListener::bind(at).unwrap();
    let by_tcp = zone.clone();
    std::thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((length, from)) = udp.recv_from(&mut buffer) {
            let right = answer(&buffer[..length], &zone, manners);
            if manners.lies {
                for lie in lies(&right) {
                    udp.send_to(&lie, from).unwrap();
                }
            }
            let mut reply = right;
            if manners.cuts {
                reply[2] |= 2;
                reply.truncate(40.min(reply.len()));
            }
            udp.send_to(&reply, from).unwrap();
        }
    });
    std::thread::spawn(move || {
        while let Ok((mut peer, _)) = tcp.accept() {
            let mut length = [0; 2];
            peer.read_exact(&mut length).unwrap();
            let mut question = vec![0; usize::from(u16::from_be_bytes(length))];
            peer.read_exact(&mut question).unwrap();
            let reply = answer(&question, &by_tcp, manners);
            let length = (reply.len() as u16).to_be_bytes();
            // In pieces, as streams may come.
            for piece in [&length[..1], &length[1..], &reply[..5], &reply[5..]] {
                peer.write_all(piece).unwrap();
            }
        }
    });
    at
}

/// What a forger who sees nothing could send; each would lead to 203.0.113.66.
fn lies(right: &[u8]) -> Vec<Vec<u8>> {
    let change = |at: usize, by: u8| {
        let mut lie = right.to_vec();
        lie[at] ^= by;
        let end = lie.len();
        if end > 16 {
            lie[end - 4..].copy_from_slice(&[203, 0, 113, 66]);
        }
        lie
    };
    let mut kind = 12;
    while right[kind] != 0 {
        kind += 1 + usize::from(right[kind]);
    }
    // Id, a letter of the name, the kind, the class, and no response at all.
    vec![change(0, 1), change(13, 1), change(kind + 2, 2), change(kind + 4, 2), change(2, 0x80), vec![0; 7]]
}

fn resolver(servers: &[SocketAddr], hosts: &str) -> Resolver {
    static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("tandem-names-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (hosts_path, resolv) = (folder.join("hosts"), folder.join("resolv.conf"));
    std::fs::write(&hosts_path, hosts).unwrap();
    let lines: String = servers.iter().map(|at| format!("nameserver {at}\n")).collect();
    std::fs::write(&resolv, lines).unwrap();
    let mut seed = [0; 32];
    seed[..4].copy_from_slice(&number.to_le_bytes());
    Resolver::with(Random::new(seed), hosts_path, resolv)
}

fn find(
    dns: &Resolver,
    host: &str,
    port: Option<u16>,
    transport: Option<Transport>,
) -> Result<Vec<String>, String> {
    let found = block_on(locate(dns, host, port, transport)).unwrap()?;
    Ok(found.into_iter().map(|(transport, at)| format!("{} {at}", transport.name())).collect())
}

#[test]
fn naptr_srv_and_addresses() {
    let zone = vec![
        naptr("p.example", 20, 1, "SIP+D2U", "_sip._udp.p.example"),
        naptr("p.example", 10, 5, "SIP+D2T", "_sip._tcp.p.example"),
        naptr("p.example", 1, 1, "SIP+D2S", "_sip._sctp.p.example"),
        naptr("p.example", 1, 2, "E2U+sip", "_sip._udp.elsewhere.example"),
        srv("_sip._udp.p.example", 2, 0, 5070, "b.p.example"),
        srv("_sip._udp.p.example", 1, 0, 5071, "a.p.example"),
        srv("_sip._tcp.p.example", 1, 0, 5072, "a.p.example"),
        a("a.p.example", "192.0.2.1"),
        a("a.p.example", "2001:db8::1"),
        a("b.p.example", "192.0.2.2"),
        a("p.example", "192.0.2.9"),
        // No SRV records.
        a("plain.example", "192.0.2.5"),
        alias("www.example", "plain.example"),
        // A server whose name is gone.
        srv("_sip._udp.half.example", 1, 0, 5060, "gone.example"),
        srv("_sip._udp.half.example", 2, 0, 5060, "a.p.example"),
        srv("_sip._udp.no.example", 0, 0, 0, "."),
        a("no.example", "192.0.2.7"),
        alias("round.example", "about.example"),
        alias("about.example", "outside.example"),
    ];
    let dns = resolver(&[server(zone, Manners::default())], "192.0.2.77 pbx.lan\n");
    for (host, port, transport, wanted) in [
        (
            "p.example",
            None,
            None,
            vec![
                "TCP 192.0.2.1:5072",
                "TCP [2001:db8::1]:5072",
                "UDP 192.0.2.1:5071",
                "UDP [2001:db8::1]:5071",
                "UDP 192.0.2.2:5070",
            ],
        ),
        (
            "P.Example.",
            None,
            Some(Udp),
            vec!["UDP 192.0.2.1:5071", "UDP [2001:db8::1]:5071", "UDP 192.0.2.2:5070"],
        ),
        ("p.example", Some(5080), None, vec!["UDP 192.0.2.9:5080"]),
        ("p.example", Some(5080), Some(Tcp), vec!["TCP 192.0.2.9:5080"]),
        ("plain.example", None, None, vec!["UDP 192.0.2.5:5060"]),
        ("plain.example", None, Some(Transport::Tls), vec!["TLS 192.0.2.5:5061"]),
        ("www.example", None, Some(Tcp), vec!["TCP 192.0.2.5:5060"]),
        ("half.example", None, Some(Udp), vec!["UDP 192.0.2.1:5060", "UDP [2001:db8::1]:5060"]),
        ("pbx.lan", None, None, vec!["UDP 192.0.2.77:5060"]),
        ("[2001:db8::5]", None, Some(Tcp), vec!["TCP [2001:db8::5]:5060"]),
        ("192.0.2.8", Some(5062), None, vec!["UDP 192.0.2.8:5062"]),
    ] {
        assert_eq!(
            find(&dns, host, port, transport),
            Ok(wanted.iter().map(|w| w.to_string()).collect()),
            "{host}"
        );
    }
    for host in ["no.example", "nowhere.example", "round.example"] {
        let found = find(&dns, host, None, Some(Udp));
        assert!(found.as_ref().is_err_and(|why| why.contains("no address")), "{host}: {found:?}");
    }
}

#[test]
fn weights_share_the_calls() {
    let zone = vec![
        srv("_sip._udp.w.example", 1, 60, 1, "a.example"),
        srv("_sip._udp.w.example", 1, 30, 2, "a.example"),
        srv("_sip._udp.w.example", 1, 10, 3, "a.example"),
        srv("_sip._udp.w.example", 0, 0, 4, "a.example"),
        srv("_sip._udp.w.example", 9, 65_535, 5, "a.example"),
        a("a.example", "192.0.2.1"),
    ];
    let dns = resolver(&[server(zone, Manners::default())], "");
    let mut second: HashMap<String, u32> = HashMap::new();
    for _ in 0..300 {
        let found = find(&dns, "w.example", None, Some(Udp)).unwrap();
        assert_eq!(
            (found[0].as_str(), found[4].as_str()),
            ("UDP 192.0.2.1:4", "UDP 192.0.2.1:5"),
            "priorities"
        );
        *second.entry(found[1].clone()).or_default() += 1;
    }
    // 60, 30 and 10 of a hundred; the chance is seeded.
    let share = |port| second.get(&format!("UDP 192.0.2.1:{port}")).copied().unwrap_or(0);
    let shares = [share(1), share(2), share(3)];
    assert!(
        (150..210).contains(&shares[0]) && (65..115).contains(&shares[1]) && (12..50).contains(&shares[2]),
        "{shares:?}"
    );
}

#[test]
fn cut_answers_are_asked_for_by_tcp() {
    let zone = vec![srv("_sip._udp.p.example", 1, 0, 5070, "a.example"), a("a.example", "192.0.2.1")];
    let dns = resolver(&[server(zone, Manners { cuts: true, ..Manners::default() })], "");
    assert_eq!(find(&dns, "p.example", None, Some(Udp)), Ok(vec!["UDP 192.0.2.1:5070".to_owned()]));
}

#[test]
fn lies_are_not_believed() {
    let zone = vec![a("p.example", "192.0.2.1")];
    let dns = resolver(&[server(zone, Manners { lies: true, ..Manners::default() })], "");
    assert_eq!(find(&dns, "p.example", Some(1), Some(Udp)), Ok(vec!["UDP 192.0.2.1:1".to_owned()]));
}

#[test]
#[allow(clippy::disallowed_methods)]
fn the_next_server_knows() {
    let zone = vec![a("p.example", "192.0.2.1")];
    let failing = server(Vec::new(), Manners { fails: true, ..Manners::default() });
    // Nobody listens there: the kernel says so at once. And one that never answers.
    let closed = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let silent = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let right = server(zone, Manners::default());
    let begin = Instant::now();
    for first in [failing, closed] {
        let dns = resolver(&[first, right], "");
        assert_eq!(find(&dns, "p.example", Some(1), Some(Udp)), Ok(vec!["UDP 192.0.2.1:1".to_owned()]));
    }
    assert!(begin.elapsed() < Duration::from_secs(2));
    let dns = resolver(&[silent.local_addr().unwrap(), right], "");
    assert_eq!(find(&dns, "p.example", Some(1), Some(Udp)), Ok(vec!["UDP 192.0.2.1:1".to_owned()]));
    let dns = resolver(&[failing, closed], "");
    assert_eq!(find(&dns, "p.example", None, None), Err("the name server can't tell (code 2)".to_owned()));
    let dns = resolver(&[closed], "");
    assert_eq!(find(&dns, "p.example", None, None), Err("no answer from a name server".to_owned()));
    let nobody = find(&dns, "localhost", Some(9), Some(Udp)).unwrap();
    assert_eq!(nobody, ["UDP 127.0.0.1:9".to_owned(), format!("UDP [{}]:9", Ipv6Addr::LOCALHOST)]);
}

#[test]
fn names_that_no_host_has_are_not_asked_for() {
    let dns = resolver(&[server(Vec::new(), Manners::default())], "");
    let long = ["a"; 130].join(".");
    for name in ["", ".", "a b", "..", "%", "a..b", "\r\n", "ä.example", &"x".repeat(64), &long] {
        assert_eq!(
            find(&dns, name, Some(1), Some(Udp)),
            Err("no host can have this name".to_owned()),
            "{name:?}"
        );
    }
}
