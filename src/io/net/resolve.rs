//! Names to addresses, asked of the name servers by datagrams of ours: a server that is slow or dead blocks nothing else.
use super::shared::Shared;
use super::tcp::connected;
use crate::config::Dscp;
use crate::io::reactor::{Source, Timer};
use crate::util::limits::{DNS_ALIASES, DNS_ANSWER, HOSTS_BYTES, LOOKUPS, NAME_SERVERS};
use crate::util::random::Random;
use crate::wire::dns::{Answer, Data, Kind, NO_SUCH_NAME, query};
use futures_lite::future::or;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io::{self, Read, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

/// Every server is asked with the first patience, then with the second.
const PATIENCE: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(3)];
const PORT: u16 = 53;
/// The longest datagram of a server that was promised no longer one (RFC 1035 section 4.2.1), and what some send all the same.
const DATAGRAM: usize = 1_232;

/// Asks the servers of `resolv`, which is read each time: it changes with the uplink. `hosts` knows better.
pub struct Resolver {
    hosts: PathBuf,
    resolv: PathBuf,
    random: RefCell<Random>,
    under_way: Cell<usize>,
}

/// A place among the look-ups under way.
pub struct Turn(Rc<Resolver>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.under_way.set(self.0.under_way.get().saturating_sub(1));
    }
}

impl Resolver {
    #[must_use]
    pub fn new(random: Random) -> Self {
        Self::with(random, "/etc/hosts".into(), "/etc/resolv.conf".into())
    }

    #[must_use]
    pub fn with(random: Random, hosts: PathBuf, resolv: PathBuf) -> Self {
        Self { hosts, resolv, random: RefCell::new(random), under_way: Cell::new(0) }
    }

    /// # Errors
    /// In words: too many at once.
    pub fn turn(self: &Rc<Self>) -> Result<Turn, String> {
        if self.under_way.get() >= LOOKUPS {
            return Err(format!("{LOOKUPS} other names are being looked up"));
        }
        self.under_way.set(self.under_way.get().saturating_add(1));
        Ok(Turn(self.clone()))
    }

    pub fn below(&self, limit: u32) -> u32 {
        self.random.borrow_mut().below(limit)
    }

    /// Addresses that need no server: written as such (an IPv6 address stands in brackets in a URI), or in `/etc/hosts`.
    #[must_use]
    pub fn known(&self, host: &str) -> Vec<IpAddr> {
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        if let Ok(ip) = bare.parse() {
            return vec![ip];
        }
        let found = in_hosts(&text(&self.hosts), host);
        // RFC 6761 section 6.3: no server is asked for it.
        if found.is_empty() && host.eq_ignore_ascii_case("localhost") {
            return vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        }
        found
    }

    /// What the servers say of a name; empty: it is not there, or nothing of this kind.
    ///
    /// # Errors
    /// In words: nobody knows.
    pub async fn ask(&self, name: &str, kind: Kind) -> Result<Vec<Data>, String> {
        let mut name = name.to_owned();
        for _ in 0..DNS_ALIASES {
            let (real, data) = self.answer(&name, kind).await?.data(&name);
            if !data.is_empty() || real.eq_ignore_ascii_case(name.trim_end_matches('.')) {
                return Ok(data);
            }
            name = real;
        }
        Err("the name is an alias of an alias without end".to_owned())
    }

    async fn answer(&self, name: &str, kind: Kind) -> Result<Answer, String> {
        let servers = servers(&text(&self.resolv));
        let mut refused = None;
        for patience in PATIENCE {
            for server in &servers {
                let id = u16::try_from(self.below(0x1_0000)).unwrap_or(0);
                let Some(question) = query(id, name, kind) else {
                    return Err("no host can have this name".to_owned());
                };
                let check = |answer: &Answer| answer.is_to(id, name, kind);
                match clipped(patience, ask_one(*server, &question, &check)).await {
                    Ok(answer) if matches!(answer.code, 0 | NO_SUCH_NAME) => return Ok(answer),
                    Ok(answer) => refused = Some(answer.code),
                    Err(why) => log::debug!("name server {server}: {why}"),
                }
            }
        }
        Err(match refused {
            Some(code) => format!("the name server can't tell (code {code})"),
            None => "no answer from a name server".to_owned(),
        })
    }
}

async fn clipped<T>(limit: Duration, course: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let late = async {
        Timer::after(limit).await;
        Err(io::ErrorKind::TimedOut.into())
    };
    or(course, late).await
}

/// A datagram, or a connection where the answer doesn't fit one. A fresh socket each time has a fresh port, which a forger must guess, too.
async fn ask_one(server: SocketAddr, question: &[u8], is_it: &dyn Fn(&Answer) -> bool) -> io::Result<Answer> {
    let any: IpAddr =
        if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0))?;
    // From now on datagrams of this server alone come in.
    socket.connect(server)?;
    socket.set_nonblocking(true)?;
    let socket = Shared::new(socket)?;
    socket.with(|s| s.send(question))?;
    let mut buffer = vec![0; DATAGRAM];
    loop {
        let length = socket.read_with(|s| s.recv(&mut buffer)).await?;
        let answer = buffer.get(..length).and_then(Answer::parse).filter(|answer| is_it(answer));
        match answer {
            Some(answer) if answer.is_truncated => return ask_by_tcp(server, question, is_it).await,
            Some(answer) => return Ok(answer),
            None => log::debug!("name server {server}: an answer to something else"),
        }
    }
}

/// RFC 7766 section 8: each message behind its length.
async fn ask_by_tcp(
    server: SocketAddr,
    question: &[u8],
    is_it: &dyn Fn(&Answer) -> bool,
) -> io::Result<Answer> {
    let stream = connected(server, Dscp::BEST_EFFORT).await?;
    let mut message = u16::try_from(question.len()).unwrap_or(0).to_be_bytes().to_vec();
    message.extend(question);
    // Some dozen bytes always fit an empty buffer.
    stream.write_with(|mut s| s.write_all(&message)).await?;
    let mut length = [0; 2];
    fill(&stream, &mut length).await?;
    let mut answer = vec![0; usize::from(u16::from_be_bytes(length)).min(DNS_ANSWER)];
    fill(&stream, &mut answer).await?;
    Answer::parse(&answer)
        .filter(|a| is_it(a) && !a.is_truncated)
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}

async fn fill(stream: &Source<TcpStream>, mut room: &mut [u8]) -> io::Result<()> {
    while !room.is_empty() {
        let count = stream.read_with(|mut s| s.read(room)).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        room = room.get_mut(count..).unwrap_or_default();
    }
    Ok(())
}

/// The beginning of a small file; one that isn't there is empty.
fn text(path: &PathBuf) -> String {
    let mut bytes = Vec::new();
    let limit = u64::try_from(HOSTS_BYTES).unwrap_or(u64::MAX);
    if let Ok(file) = std::fs::File::open(path)
        && let Err(why) = file.take(limit).read_to_end(&mut bytes)
    {
        log::debug!("{}: {why}", path.display());
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The words of each line before a comment.
fn lines(text: &str) -> impl Iterator<Item = std::str::SplitAsciiWhitespace<'_>> {
    text.lines().map(|line| line.split(['#', ';']).next().unwrap_or_default().split_ascii_whitespace())
}

fn in_hosts(text: &str, host: &str) -> Vec<IpAddr> {
    let address = |mut words: std::str::SplitAsciiWhitespace<'_>| {
        let address = words.next()?.parse().ok()?;
        words.any(|name| name.eq_ignore_ascii_case(host)).then_some(address)
    };
    lines(text).filter_map(address).collect()
}

/// `nameserver 192.0.2.1`, or with a port; none: one on this machine.
fn servers(text: &str) -> Vec<SocketAddr> {
    let server = |mut words: std::str::SplitAsciiWhitespace<'_>| {
        let address = words.next().filter(|word| *word == "nameserver").and_then(|_| words.next())?;
        address.parse().ok().or_else(|| Some(SocketAddr::new(address.parse().ok()?, PORT)))
    };
    let mut found: Vec<SocketAddr> = lines(text).filter_map(server).take(NAME_SERVERS).collect();
    if found.is_empty() {
        found.push((Ipv4Addr::LOCALHOST, PORT).into());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_the_system() {
        let hosts = "127.0.0.1 localhost\n# 192.0.2.9 pbx\n192.0.2.1\tPBX pbx.lan # ours\n\nnonsense pbx\n2001:db8::1 pbx\n192.0.2.3";
        assert_eq!(
            in_hosts(hosts, "pbx"),
            ["192.0.2.1", "2001:db8::1"].map(|a| a.parse::<IpAddr>().unwrap())
        );
        assert_eq!(in_hosts(hosts, "pbx.LAN").len(), 1);
        assert_eq!(in_hosts(hosts, "192.0.2.3"), [] as [IpAddr; 0]);
        let resolv = "search lan\nnameserver 192.0.2.53\nnameserver\n;nameserver 192.0.2.54\nnameserver ::1 x\n\
                      nameserver 127.0.0.1:5353\nnameserver 192.0.2.55\n";
        let wanted = ["192.0.2.53:53", "[::1]:53", "127.0.0.1:5353"];
        assert_eq!(servers(resolv), wanted.map(|a| a.parse::<SocketAddr>().unwrap()));
        assert_eq!(servers(""), ["127.0.0.1:53".parse().unwrap()]);
    }
}
