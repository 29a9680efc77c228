//! RTP of many calls at once, both ways: each packet at its own moment, spread evenly over the 20 ms; what comes back is counted and
//! timed. Says how late it was itself.
//!
//! The moments are absolute: a packet that was late does not make the next ones late. Where the next one is near, it spins; what comes
//! is fetched at times only, as the kernel's stamps tell when it came, and nobody has to be woken for that.
use super::media::{Arrivals, MediaSocket, Outgoing, destination, wall_ns};
use nix::libc;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const PACKET: Duration = Duration::from_millis(20);
/// RTP's head and 20 ms of G.711 or G.722.
const HEAD: usize = 12;
const PAYLOAD: usize = 160;
/// What a packet's payload begins with: this, its flow, its number, when it went out.
const MARK: u32 = 0x7a5e_b00c;
/// Nearer than this there is no sleep.
const SPIN: Duration = Duration::from_micros(150);
/// Received packets may wait as long.
const FETCH: Duration = Duration::from_micros(200);
/// How long what was sent last may be on its way.
const DRAIN: Duration = Duration::from_millis(300);

/// Where the packets of one side go to, under which payload type.
#[derive(Clone, Copy, Debug)]
pub struct Flow {
    to: libc::sockaddr_in,
    /// 0: the callers'.
    side: usize,
}

/// What came of a run: of its measured time, not of what came before.
#[derive(Clone, Debug, Default)]
pub struct StreamReport {
    pub sent: u64,
    pub received: u64,
    /// Datagrams that are none of these packets.
    pub foreign: u64,
    /// Nanoseconds from the moment at which a packet was given to the kernel to the kernel's stamp on the other side; sorted.
    delays: Vec<u32>,
    /// Nanoseconds by which each packet was given away too late; sorted.
    late: Vec<u32>,
}

impl StreamReport {
    /// Share of the packets that did not arrive.
    #[must_use]
    pub fn loss(&self) -> f64 {
        1.0 - self.received as f64 / self.sent.max(1) as f64
    }

    /// Microseconds that this share of the packets did not exceed on its way.
    #[must_use]
    pub fn delay_us(&self, share: f64) -> f64 {
        at(&self.delays, share)
    }

    /// Microseconds that this share of the packets did not exceed in going out.
    #[must_use]
    pub fn late_us(&self, share: f64) -> f64 {
        at(&self.late, share)
    }

    /// The tool kept its own time, else the run says nothing about the server: of a hundred packets one was a millisecond late, and
    /// none so much that the next one was due.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.late_us(0.99) < 1_000.0 && self.late_us(1.0) < 20_000.0
    }
}

fn at(sorted: &[u32], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let place = (last as f64 * share).round() as usize;
    sorted.get(place).map_or(f64::NAN, |ns| f64::from(*ns) / 1e3)
}

/// The beginning and the end of the time that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    Begin,
    End,
}

/// Both sides of all calls.
pub struct Streams {
    sockets: [MediaSocket; 2],
    /// By side.
    types: [u8; 2],
    flows: [Vec<Flow>; 2],
    /// Packets of each flow so far, and when the first one went out.
    count: u32,
    began: Option<Instant>,
    arrivals: Arrivals,
    out: Outgoing,
}

impl Default for Streams {
    fn default() -> Self {
        Self {
            sockets: [MediaSocket::bind("127.0.0.1"), MediaSocket::bind("127.0.0.2")],
            types: [0; 2],
            flows: [Vec::new(), Vec::new()],
            count: 0,
            began: None,
            arrivals: Arrivals::default(),
            out: Outgoing::default(),
        }
    }
}

/// One run as it goes on.
struct Run {
    /// Numbers of packets of each flow: the first, the first that is measured, the one behind the last.
    first: u32,
    measured: u32,
    end: u32,
    /// Whether a packet came, by flow and number.
    seen: Vec<bool>,
    flows: u32,
    report: StreamReport,
}

impl Streams {
    /// Where the callers' sound comes from and goes to, and that of whom they call.
    #[must_use]
    pub fn addresses(&self) -> [SocketAddr; 2] {
        [self.sockets[0].address(), self.sockets[1].address()]
    }

    /// Calls that it has.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.flows[0].len()
    }

    /// More calls: the server's port for each caller, and for each that is called, in any order.
    pub fn add(&mut self, callers: &[SocketAddr], called: &[SocketAddr]) {
        assert_eq!(callers.len(), called.len(), "a call has two sides");
        for (side, ports) in [callers, called].into_iter().enumerate() {
            for at in ports {
                let SocketAddr::V4(at) = at else { panic!("{at}: IPv4 is what is measured") };
                self.flows[side].push(Flow { to: destination(*at), side });
            }
        }
    }

    /// Packets of the first `calls` calls for `before` and then for `measured`. `edge` is called at the beginning and the end of the latter.
    pub fn run(
        &mut self,
        calls: usize,
        before: Duration,
        measured: Duration,
        mut edge: impl FnMut(Edge),
    ) -> StreamReport {
        let flows: Vec<Flow> = self.flows.iter().flat_map(|side| &side[..calls]).copied().collect();
        let packets = |time: Duration| (time.as_nanos() / PACKET.as_nanos()) as u32;
        let (first, each) = (self.count, packets(before) + packets(measured));
        let mut run = Run {
            first,
            measured: first + packets(before),
            end: first + each,
            seen: vec![false; flows.len() * each as usize],
            flows: flows.len() as u32,
            report: StreamReport::default(),
        };
        // So late that the first is not late already.
        let begin = Instant::now() + Duration::from_millis(5);
        let began = *self.began.get_or_insert(begin);
        let pause = packets(begin - began).saturating_sub(first);
        let (total, gap) =
            (flows.len() as u64 * u64::from(each), PACKET.as_nanos() as f64 / flows.len() as f64);
        let edges = [(run.measured - first) as u64 * flows.len() as u64, total];
        let mut told = 0;
        let (mut next, mut fetched) = (0_u64, begin);
        precise_sleep();
        loop {
            let now = Instant::now();
            while told < 2 && next >= edges[told] {
                edge([Edge::Begin, Edge::End][told]);
                told += 1;
            }
            let passed = now.saturating_duration_since(begin).as_nanos() as f64;
            let due = if now < begin { 0 } else { ((passed / gap) as u64 + 1).min(total) };
            // Not beyond an edge.
            let due = edges.get(told).map_or(due, |at| due.min(*at));
            while next < due && !self.out.is_full() {
                let flow = flows[(next % flows.len() as u64) as usize];
                if !self.out.is_empty() && next % flows.len() as u64 == flows.len() as u64 / 2 {
                    // The other side's socket.
                    break;
                }
                let number = first + (next / flows.len() as u64) as u32;
                if number >= run.measured {
                    run.report.late.push((passed - next as f64 * gap) as u32);
                    run.report.sent += 1;
                }
                let place = (next % flows.len() as u64) as u32;
                let (kind, marked) = (self.types[flow.side], next < flows.len() as u64);
                self.out.push(flow.to, |room| write(room, kind, marked, place, number, number + pause));
                next += 1;
                if next % flows.len() as u64 == 0 || self.out.is_full() {
                    break;
                }
            }
            if !self.out.is_empty() {
                let last = (next - 1) % flows.len() as u64;
                self.sockets[flows[last as usize].side].send(&mut self.out);
            }
            if now - fetched.min(now) >= FETCH {
                self.fetch(&mut run);
                fetched = now;
            }
            if next == total && told == 2 && now >= begin + PACKET * each + DRAIN {
                break;
            }
            let at = begin + Duration::from_nanos((next as f64 * gap) as u64);
            let at = if next == total { now + SPIN * 2 } else { at };
            let left = at.saturating_duration_since(Instant::now());
            if left > SPIN {
                std::thread::sleep(left - SPIN / 2);
            }
        }
        self.fetch(&mut run);
        self.count = run.end;
        run.report.delays.sort_unstable();
        run.report.late.sort_unstable();
        run.report
    }

    fn fetch(&mut self, run: &mut Run) {
        for (side, socket) in self.sockets.iter().enumerate() {
            loop {
                let more = socket.receive(&mut self.arrivals);
                self.arrivals.packets().for_each(|(bytes, at)| run.take(side, bytes, at));
                if !more {
                    break;
                }
            }
        }
    }
}

impl Run {
    fn take(&mut self, side: usize, bytes: &[u8], at: u64) {
        let word = |n: usize| {
            let bytes = bytes.get(HEAD + n..HEAD + n + 4)?;
            Some(u32::from_be_bytes(bytes.try_into().ok()?))
        };
        let mine = || {
            let (mark, flow, number) = (word(0)?, word(4)?, word(8)?);
            let sent = u64::from(word(12)?) << 32 | u64::from(word(16)?);
            let is_other_side = (flow < self.flows / 2) == (side == 1);
            (mark == MARK && flow < self.flows && is_other_side && (self.first..self.end).contains(&number))
                .then_some((flow, number, sent))
        };
        let Some((flow, number, sent)) = mine() else {
            self.report.foreign += 1;
            return;
        };
        let seen = &mut self.seen[((number - self.first) * self.flows + flow) as usize];
        if std::mem::replace(seen, true) || number < self.measured {
            return;
        }
        self.report.received += 1;
        self.report.delays.push(u32::try_from(at.saturating_sub(sent)).unwrap_or(u32::MAX));
    }
}

/// A packet of PCMU or G.722 with its marks; its length.
fn write(room: &mut [u8], kind: u8, marked: bool, flow: u32, number: u32, moment: u32) -> usize {
    let mut put = |at: usize, bytes: &[u8]| room[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &[0x80, kind | if marked { 0x80 } else { 0 }]);
    put(2, &(number as u16).to_be_bytes());
    put(4, &moment.wrapping_mul(PAYLOAD as u32).to_be_bytes());
    put(8, &(0x1000_0000 + flow).to_be_bytes());
    for (n, word) in [MARK, flow, number].into_iter().enumerate() {
        put(HEAD + 4 * n, &word.to_be_bytes());
    }
    put(HEAD + 12, &wall_ns().to_be_bytes());
    HEAD + PAYLOAD
}

/// Without it a sleep may last 50 µs longer, that the kernel can wake several at once.
fn precise_sleep() {
    // SAFETY: it takes numbers only.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1_u64) };
}
