//! The smallest phone: answers a call from the daemon, sends a packet each 20 ms and notes when sound comes. It is a
//! provider's server for the daemon, which calls it without registration and password.
use nix::time::{ClockId, clock_gettime};
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// PCMU: silence, and half of the loudest, in turn positive and negative.
const QUIET: u8 = 0xff;
const LOUD: [u8; 2] = [0x8f, 0x0f];
const PACKET: Duration = Duration::from_millis(20);
/// Packets from one burst to the next.
const BETWEEN: u64 = 25;
/// The least packets before the first.
const SETTLED: u64 = 75;

/// CLOCK_MONOTONIC, as the stick's log has it.
pub fn monotonic_ms() -> f64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("the clock");
    now.tv_sec() as f64 * 1e3 + now.tv_nsec() as f64 / 1e6
}

#[derive(Default)]
struct Shared {
    ended: AtomicBool,
    /// The daemon's RTP port while a call is up.
    rtp: AtomicU16,
    /// Milliseconds that the packets' clock is behind the answer's.
    phase: AtomicU64,
    calls: AtomicU64,
    /// Moments at which a packet with a burst went out, and at which one came after silence.
    said: Mutex<Vec<f64>>,
    heard: Mutex<Vec<f64>>,
    received: AtomicU64,
}

pub struct Peer {
    pub port: u16,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Peer {
    pub fn start() -> Self {
        let sip = socket();
        let rtp = Arc::new(socket());
        let port = sip.local_addr().expect("an address").port();
        let shared = Arc::new(Shared::default());
        let (a, b, c) = (shared.clone(), shared.clone(), shared.clone());
        let (voice, ear) = (rtp.clone(), rtp.clone());
        let at = rtp.local_addr().expect("an address").port();
        let threads = vec![
            std::thread::spawn(move || answer(&sip, at, &a)),
            std::thread::spawn(move || speak(&voice, &b)),
            std::thread::spawn(move || listen(&ear, &c)),
        ];
        Self { port, shared, threads }
    }

    /// In the next call the packets' clock begins so much later.
    pub fn set_phase(&self, ms: u64) {
        self.shared.phase.store(ms, Ordering::Relaxed);
    }

    pub fn is_in_call(&self) -> bool {
        self.shared.rtp.load(Ordering::Relaxed) != 0
    }

    /// Packets that have come.
    pub fn received(&self) -> u64 {
        self.shared.received.load(Ordering::Relaxed)
    }

    /// Moments of the bursts said and heard since the last question.
    pub fn bursts(&self) -> (Vec<f64>, Vec<f64>) {
        let take = |list: &Mutex<Vec<f64>>| std::mem::take(&mut *list.lock().expect("nobody panics with it"));
        (take(&self.shared.said), take(&self.shared.heard))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.set_read_timeout(Some(Duration::from_millis(100))).expect("a time limit");
    socket
}

/// INVITE and BYE get their 200 at once; an ACK needs none.
fn answer(sip: &UdpSocket, rtp: u16, shared: &Shared) {
    let at = sip.local_addr().expect("an address");
    let mut buffer = [0; 8_192];
    while !shared.ended.load(Ordering::Relaxed) {
        let Ok((n, from)) = sip.recv_from(&mut buffer) else { continue };
        let text = String::from_utf8_lossy(&buffer[..n]).into_owned();
        let sdp = match text.split(' ').next() {
            Some("INVITE") => {
                let remote = text.lines().find_map(|l| l.strip_prefix("m=audio "));
                let remote = remote.and_then(|l| l.split(' ').next()?.parse().ok()).unwrap_or(0);
                shared.calls.fetch_add(1, Ordering::Relaxed);
                shared.rtp.store(remote, Ordering::Relaxed);
                format!(
                    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
                     m=audio {rtp} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=ptime:20\r\n"
                )
            }
            Some("BYE") => {
                shared.rtp.store(0, Ordering::Relaxed);
                String::new()
            }
            Some("ACK" | "SIP/2.0") => continue,
            _ => String::new(),
        };
        let copied = ["Via:", "From:", "Call-ID:", "CSeq:"];
        let mut reply = "SIP/2.0 200 OK\r\n".to_owned();
        for line in text.split("\r\n").take_while(|l| !l.is_empty()) {
            if copied.iter().any(|c| line.starts_with(c)) {
                reply.push_str(&format!("{line}\r\n"));
            } else if line.starts_with("To:") {
                let tag = if line.contains(";tag=") { "" } else { ";tag=bench" };
                reply.push_str(&format!("{line}{tag}\r\n"));
            }
        }
        reply.push_str(&format!("Contact: <sip:bench@{at}>\r\n"));
        if !sdp.is_empty() {
            reply.push_str("Content-Type: application/sdp\r\n");
        }
        reply.push_str(&format!("Content-Length: {}\r\n\r\n{sdp}", sdp.len()));
        let _ = sip.send_to(reply.as_bytes(), from);
    }
}

/// A packet each 20 ms, each half a second one with a burst.
fn speak(socket: &UdpSocket, shared: &Shared) {
    let (mut call, mut sent, mut begin) = (0, 0, Instant::now());
    while !shared.ended.load(Ordering::Relaxed) {
        let remote = shared.rtp.load(Ordering::Relaxed);
        if remote == 0 {
            std::thread::sleep(Duration::from_millis(5));
            continue;
        }
        if shared.calls.load(Ordering::Relaxed) != call {
            call = shared.calls.load(Ordering::Relaxed);
            (sent, begin) = (0, Instant::now() + Duration::from_millis(shared.phase.load(Ordering::Relaxed)));
        }
        let at = begin + PACKET * u32::try_from(sent).unwrap_or(u32::MAX);
        std::thread::sleep(at.saturating_duration_since(Instant::now()));
        let is_burst = sent >= SETTLED && sent % BETWEEN == 0;
        let payload: Vec<u8> = if is_burst { LOUD.repeat(80) } else { vec![QUIET; 160] };
        if is_burst {
            shared.said.lock().expect("nobody panics with it").push(monotonic_ms());
        }
        let _ = socket.send_to(&packet(sent, &payload), ("127.0.0.1", remote));
        sent += 1;
    }
}

fn listen(socket: &UdpSocket, shared: &Shared) {
    let mut buffer = [0; 2_000];
    let mut was_loud = false;
    while !shared.ended.load(Ordering::Relaxed) {
        let Ok(n) = socket.recv(&mut buffer) else { continue };
        let now = monotonic_ms();
        shared.received.fetch_add(1, Ordering::Relaxed);
        // Small codes without the sign are loud.
        let is_loud = buffer[..n].iter().skip(12).any(|code| code & 0x7f < 0x40);
        if is_loud && !was_loud {
            shared.heard.lock().expect("nobody panics with it").push(now);
        }
        was_loud = is_loud;
    }
}

/// Packet `n` of a stream of PCMU.
pub fn packet(n: u64, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x80, if n == 0 { 0x80 } else { 0 }];
    bytes.extend_from_slice(&(n as u16).to_be_bytes());
    bytes.extend_from_slice(&((n * 160) as u32).to_be_bytes());
    bytes.extend_from_slice(&0x7a5e_u32.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}
