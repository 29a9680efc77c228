//! A proxy between the daemon and a real mail server that cuts the line at a given place.
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Where the line is cut. Lines and bytes are counted from 1 over both directions, in the order in which they come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    Never,
    /// Instead of forwarding line `n`.
    BeforeLine(u32),
    /// Once line `n` has been forwarded.
    AfterLine(u32),
    /// Once `n` bytes have been forwarded; for TLS, where no lines are seen.
    AfterBytes(u32),
    /// Instead of forwarding the client's final dot.
    BeforeDot,
    /// The dot is forwarded, the server's answer to it isn't.
    AfterDot,
}

/// What one connection has carried.
struct Tally {
    cut: Cut,
    lines: u32,
    bytes: u32,
    /// The client's last bytes, to see CR LF . CR LF across reads.
    tail: Vec<u8>,
    dot_sent: bool,
    is_cut: bool,
}

/// The proxy. The cut holds for the next connection only; later ones go through.
pub struct Cutter {
    pub port: u16,
    plan: Arc<Mutex<Cut>>,
    most_lines: Arc<AtomicU32>,
    most_bytes: Arc<AtomicU32>,
    cuts: Arc<AtomicU32>,
    over: Arc<AtomicBool>,
}

impl Cutter {
    /// A proxy to `server` on 127.0.0.1.
    #[must_use]
    pub fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let cutter = Self {
            port: listener.local_addr().expect("its address").port(),
            plan: Arc::new(Mutex::new(Cut::Never)),
            most_lines: Arc::default(),
            most_bytes: Arc::default(),
            cuts: Arc::default(),
            over: Arc::default(),
        };
        let (plan, over) = (Arc::clone(&cutter.plan), Arc::clone(&cutter.over));
        let counts =
            (Arc::clone(&cutter.most_lines), Arc::clone(&cutter.most_bytes), Arc::clone(&cutter.cuts));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let cut =
                    std::mem::replace(&mut *plan.lock().unwrap_or_else(PoisonError::into_inner), Cut::Never);
                let counts = counts.clone();
                std::thread::spawn(move || join(client, server, cut, &counts));
            }
        });
        cutter
    }

    /// The next connection is cut there.
    pub fn cut_next(&self, cut: Cut) {
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = cut;
    }

    /// Lines and bytes of the longest connection so far.
    #[must_use]
    pub fn longest(&self) -> (u32, u32) {
        (self.most_lines.load(Ordering::SeqCst), self.most_bytes.load(Ordering::SeqCst))
    }

    /// Connections that have been cut.
    #[must_use]
    pub fn cuts(&self) -> u32 {
        self.cuts.load(Ordering::SeqCst)
    }
}

impl Drop for Cutter {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

type Counts = (Arc<AtomicU32>, Arc<AtomicU32>, Arc<AtomicU32>);

/// Both directions of one connection, until either side ends or the cut comes.
fn join(client: TcpStream, server: u16, cut: Cut, counts: &Counts) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else { return };
    for stream in [&client, &server] {
        let _ = stream.set_nodelay(true);
    }
    let tally = Tally { cut, lines: 0, bytes: 0, tail: Vec::new(), dot_sent: false, is_cut: false };
    let tally = Arc::new(Mutex::new(tally));
    let (Ok(client_in), Ok(server_out)) = (client.try_clone(), server.try_clone()) else { return };
    let shared = Arc::clone(&tally);
    let up = std::thread::spawn(move || pump(client_in, server_out, true, &shared));
    pump(server, client, false, &tally);
    let _ = up.join();
    let tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
    counts.0.fetch_max(tally.lines, Ordering::SeqCst);
    counts.1.fetch_max(tally.bytes, Ordering::SeqCst);
    counts.2.fetch_add(u32::from(tally.is_cut), Ordering::SeqCst);
}

fn pump(mut from: TcpStream, mut to: TcpStream, by_client: bool, tally: &Mutex<Tally>) {
    let mut chunk = [0; 4_096];
    while let Ok(count @ 1..) = from.read(&mut chunk) {
        // Held while forwarding, so that the two directions have one order.
        let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        let (pass, cut) = tally.count(&chunk[..count], by_client);
        if to.write_all(&chunk[..pass]).is_err() || cut {
            tally.is_cut |= cut;
            break;
        }
    }
    // A FIN after what was forwarded, in both directions.
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}

impl Tally {
    /// How many of `bytes` to forward, and whether to cut then.
    fn count(&mut self, bytes: &[u8], by_client: bool) -> (usize, bool) {
        if self.is_cut || (self.cut == Cut::AfterDot && self.dot_sent && !by_client) {
            return (0, true);
        }
        for (at, byte) in bytes.iter().enumerate() {
            self.bytes += 1;
            if self.cut == Cut::AfterBytes(self.bytes) {
                return (at + 1, true);
            }
            if by_client && self.ends_mail(*byte) {
                self.dot_sent = true;
                if self.cut == Cut::BeforeDot {
                    // Without the dot and its CR LF.
                    return (at.saturating_sub(2), true);
                }
            }
            if *byte == b'\n' {
                self.lines += 1;
                if self.cut == Cut::BeforeLine(self.lines) {
                    let begin = bytes[..at].iter().rposition(|b| *b == b'\n').map_or(0, |p| p + 1);
                    return (begin, true);
                }
                if self.cut == Cut::AfterLine(self.lines) {
                    return (at + 1, true);
                }
            }
        }
        (bytes.len(), false)
    }

    fn ends_mail(&mut self, byte: u8) -> bool {
        self.tail.push(byte);
        if self.tail.len() > 5 {
            self.tail.remove(0);
        }
        self.tail == b"\r\n.\r\n"
    }
}
