//! Names to addresses: the C library's look-up, which blocks, in a thread of its own behind a bounded queue. What follows it
//! needs no more than `Resolver::ask`.
use crate::util::limits::{HOST_ADDRESSES, LOOKUPS};
use smol::channel::{Receiver, Sender, bounded};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::time::Duration;

/// A look-up that takes longer has failed.
const LIMIT: Duration = Duration::from_secs(20);
/// Stack of the thread: the C library's look-up with a plug-in or two. Pages that are never touched cost nothing.
const STACK_BYTES: usize = 256 * 1_024;

pub type Addresses = Result<Vec<SocketAddr>, String>;

struct Job {
    host: String,
    port: u16,
    answer: Sender<Addresses>,
}

/// The thread begins with the first name and ends when this is dropped.
#[derive(Default)]
pub struct Resolver {
    jobs: Option<Sender<Job>>,
}

/// The answer, or a way to it.
pub enum Lookup {
    Known(Addresses),
    Asked(Answer),
}

pub struct Answer(Receiver<Addresses>);

impl Answer {
    /// Waits until the name is looked up, or as long as it may take.
    pub async fn wait(self) -> Addresses {
        let limit = async {
            smol::Timer::after(LIMIT).await;
            Err(format!("no answer from the name server within {} seconds", LIMIT.as_secs()))
        };
        let answer = async { self.0.recv().await.unwrap_or_else(|_| Err("the look-up failed".to_owned())) };
        smol::future::or(answer, limit).await
    }
}

impl Resolver {
    pub fn ask(&mut self, host: &str, port: u16) -> Lookup {
        // An IPv6 address stands in brackets in a URI.
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        if let Ok(ip) = bare.parse::<IpAddr>() {
            return Lookup::Known(Ok(vec![SocketAddr::new(ip, port)]));
        }
        let (answer, receiver) = bounded(1);
        let job = Job { host: host.to_owned(), port, answer };
        match self.submit(job) {
            Ok(()) => Lookup::Asked(Answer(receiver)),
            Err(why) => Lookup::Known(Err(why)),
        }
    }

    fn submit(&mut self, job: Job) -> Result<(), String> {
        let jobs = match &self.jobs {
            Some(jobs) => jobs,
            None => self.jobs.insert(start()?),
        };
        jobs.try_send(job).map_err(|_| format!("{LOOKUPS} other names wait to be looked up"))
    }
}

fn start() -> Result<Sender<Job>, String> {
    let (jobs, queue) = bounded(LOOKUPS);
    let thread = std::thread::Builder::new().name("names".to_owned()).stack_size(STACK_BYTES);
    thread
        .spawn(move || serve(&queue))
        .map_err(|why| format!("no thread for the look-up of names: {why}"))?;
    Ok(jobs)
}

fn serve(queue: &Receiver<Job>) {
    while let Ok(job) = queue.recv_blocking() {
        // Nobody waits for it any longer.
        if job.answer.is_closed() {
            continue;
        }
        let _ = job.answer.try_send(look_up(&job.host, job.port));
    }
}

fn look_up(host: &str, port: u16) -> Addresses {
    let mut found = Vec::new();
    for address in (host, port).to_socket_addrs().map_err(|why| why.to_string())? {
        if found.len() < HOST_ADDRESSES && !found.contains(&address) {
            found.push(address);
        }
    }
    if found.is_empty() { Err("the name has no address".to_owned()) } else { Ok(found) }
}
