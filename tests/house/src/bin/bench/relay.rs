//! What relaying a packet costs, how much longer it is under way, and how many calls fit on one core: tandem, and what else relays, all
//! up at once, measured in turn.
//!
//! The server has one core, the load the other. Counted is the processor time of the server's process with all its threads: its own
//! instructions and the kernel's work in its system calls. On the loopback interface a datagram is delivered by whoever sends it: so the
//! server pays for the way of each packet down to the receiver's socket, which a network card's driver would do later, and the load
//! pays for the way to the server's socket and for waking it, which on a router is work of the interrupt. All servers are charged alike.
use crate::figure::{Aim, Figure, aimed};
use crate::forward::Forwarder;
use crate::rtpengine::Rtpengine;
use crate::servers::Server;
use house::Provider;
use house::load::{Edge, Preferred, Process, StreamReport, Streams, cores, pin_self};
use std::net::SocketAddr;
use std::time::Duration;

/// Calls at which the packet's price is taken.
const LOADS: [usize; 3] = [50, 100, 200];
/// For the growth, and for the delay.
const FEW: usize = 10;
const MANY: usize = 400;
/// Turns at each load, and the seconds of each: before it is measured, and measured.
const ROUNDS: usize = 3;
const BEFORE: Duration = Duration::from_secs(1);
const MEASURED: Duration = Duration::from_secs(4);
/// The names of tandem's own figures begin with what is measured.
const TANDEM: &str = "relay";
/// Calls that begin in a second.
const DIALLED: f64 = 100.0;

pub fn say(text: &str) {
    eprintln!("  {text}");
}

enum Program {
    Sip(Box<Server>),
    Bare(Forwarder),
    Rtpengine(Rtpengine),
    /// None: what goes out comes in on the other side.
    Direct,
}

/// What relays, and the load on it.
struct Candidate {
    /// What its figures' names begin with.
    key: &'static str,
    name: &'static str,
    program: Program,
    streams: Streams,
}

/// One turn of one of them.
struct Turn {
    us_per_packet: f64,
    report: StreamReport,
}

impl Turn {
    /// Not a number where the load was late.
    fn price(&self) -> f64 {
        if self.report.counts() { self.us_per_packet } else { f64::NAN }
    }

    fn delay_us(&self, share: f64) -> f64 {
        if self.report.counts() { self.report.delay_us(share) } else { f64::NAN }
    }
}

/// The turns that count; none: no figure.
fn counted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    values.filter(|value| !value.is_nan()).collect()
}

impl Candidate {
    fn tandem() -> Self {
        Self::sip(TANDEM, "tandem", Server::tandem_with(1, (12_000, 19_998)))
    }

    fn sip(key: &'static str, name: &'static str, mut server: Server) -> Self {
        let streams = Streams::default();
        let pcmu = ("0", "a=rtpmap:0 PCMU/8000\r\n");
        server.caller.describe(streams.addresses(), [pcmu; 2]);
        Self { key, name, program: Program::Sip(Box::new(server)), streams }
    }

    /// None, with a word, where it is not there.
    fn asterisk() -> Option<Self> {
        if let Some(why) = Provider::missing() {
            say(&format!("no Asterisk to compare with: {why}"));
            return None;
        }
        Some(Self::sip("asterisk", "Asterisk", Server::asterisk_with(1, (20_000, 25_998))))
    }

    fn rtpengine() -> Option<Self> {
        if let Some(why) = Rtpengine::missing() {
            say(&format!("no rtpengine to compare with: {why}"));
            return None;
        }
        let streams = Streams::default();
        let engine = Rtpengine::start((26_000, 31_998), streams.addresses());
        Some(Self { key: "rtpengine", name: "rtpengine", program: Program::Rtpengine(engine), streams })
    }

    fn bare() -> Self {
        let mut streams = Streams::default();
        let forwarder = Forwarder::start(MANY, streams.addresses());
        streams.add(&forwarder.ports[0], &forwarder.ports[1]);
        Self { key: "bare", name: "bare loop", program: Program::Bare(forwarder), streams }
    }

    fn direct() -> Self {
        let mut streams = Streams::default();
        let [callers, called]: [SocketAddr; 2] = streams.addresses();
        streams.add(&vec![called; MANY], &vec![callers; MANY]);
        Self { key: "direct", name: "no server", program: Program::Direct, streams }
    }

    fn process(&self) -> Option<Process> {
        match &self.program {
            Program::Sip(server) => Some(server.process()),
            Program::Bare(forwarder) => Some(forwarder.process()),
            Program::Rtpengine(engine) => Some(engine.process()),
            Program::Direct => None,
        }
    }

    /// So many calls are up.
    fn have(&mut self, calls: usize) {
        let more = calls.saturating_sub(self.streams.calls());
        if more == 0 {
            return;
        }
        let [callers, called] = match &mut self.program {
            Program::Sip(server) => server
                .caller
                .dial(more, DIALLED)
                .unwrap_or_else(|why| panic!("{}: {why}\n{}", self.name, server.tail())),
            Program::Rtpengine(engine) => engine.dial(more),
            Program::Bare(_) | Program::Direct => return,
        };
        self.streams.add(&callers, &called);
    }

    /// Sound of `calls` calls; once more where the load was late. Late again, it is no figure.
    fn turn(&mut self, calls: usize) -> Turn {
        let mut tries = 0;
        loop {
            let turn = self.try_turn(calls);
            tries += 1;
            if turn.report.counts() || tries == 3 {
                return turn;
            }
            say("the load was late: that does not count, once more");
        }
    }

    fn try_turn(&mut self, calls: usize) -> Turn {
        let process = self.process();
        let used = || process.map_or(0.0, Process::cpu_ms);
        let mut edges = [0.0; 2];
        let starved = process.map_or(0.0, Process::starved_ms);
        let report = self.streams.run(calls, BEFORE, MEASURED, |edge| match edge {
            Edge::Begin => edges[0] = used(),
            Edge::End => edges[1] = used(),
        });
        let starved = process.map_or(0.0, Process::starved_ms) - starved;
        let us_per_packet = (edges[1] - edges[0]) * 1e3 / report.received as f64;
        say(&format!(
            "{:<10} {calls:>4} calls: {us_per_packet:>6.2} µs a packet, under way {:>6.0} µs, 99% {:>6.0}, lost {:.3}%; \
             the load late 99% {:.0} µs, at most {:.0}; the core taken away for {starved:.0} ms{}",
            self.name,
            report.delay_us(0.5),
            report.delay_us(0.99),
            report.loss() * 100.0,
            report.late_us(0.99),
            report.late_us(1.0),
            if report.foreign > 0 { format!("; {} foreign packets", report.foreign) } else { String::new() }
        ));
        Turn { us_per_packet, report }
    }
}

/// The turns of all at this load: `turns[candidate][round]`.
fn rounds(all: &mut [Candidate], calls: usize) -> Vec<Vec<Turn>> {
    all.iter_mut().for_each(|one| one.have(calls));
    let mut turns: Vec<Vec<Turn>> = all.iter().map(|_| Vec::new()).collect();
    for _ in 0..ROUNDS {
        for (one, turns) in all.iter_mut().zip(&mut turns) {
            turns.push(one.turn(calls));
        }
    }
    turns
}

pub fn measure() -> Vec<Figure> {
    let worker = std::thread::spawn(|| {
        pin_self(cores().1);
        let _preferred = Preferred::new();
        measure_here()
    });
    worker.join().expect("the load ends")
}

fn measure_here() -> Vec<Figure> {
    let others = [Candidate::asterisk(), Candidate::rtpengine()];
    let mut all = vec![Candidate::tandem(), Candidate::bare()];
    all.extend(others.into_iter().flatten());
    all.push(Candidate::direct());
    let mut figures = Vec::new();
    let few = rounds(&mut all, FEW);
    for calls in LOADS {
        let turns = rounds(&mut all, calls);
        figures.extend(prices(&all, &turns, calls));
        if calls == LOADS[2] {
            figures.extend(delays(&all, &turns, calls, 1_000.0));
        }
    }
    let many = rounds(&mut all, MANY);
    figures.extend(delays(&all, &many, MANY, 5_000.0));
    let growth = few[0].iter().zip(&many[0]).map(|(few, many)| many.price() / few.price());
    let what = format!("the same, {MANY} calls against {FEW}");
    figures.push(aimed("relay_growth", "x", Some(Aim::Most(1.1)), what, counted(growth)));
    figures
}

/// How long packets were under way.
fn delays(all: &[Candidate], turns: &[Vec<Turn>], calls: usize, aim: f64) -> Vec<Figure> {
    let mut figures = Vec::new();
    for (one, turns) in all.iter().zip(turns) {
        for (share, name, aim) in [(0.5, "p50", None), (0.99, "p99", Some(Aim::Most(aim)))] {
            let key = format!("{}_delay_us_{name}_{calls}", one.key);
            let what = format!("from socket to socket, {calls} calls, {}", one.name);
            let aim = aim.filter(|_| one.key == TANDEM);
            let us = counted(turns.iter().map(|t| t.delay_us(share)));
            figures.push(aimed(key, "µs", aim, what, us));
        }
    }
    figures
}

/// What a packet costs at this load, and beside the others in the same round.
fn prices(all: &[Candidate], turns: &[Vec<Turn>], calls: usize) -> Vec<Figure> {
    let of = |turns: &[Turn]| -> Vec<f64> { turns.iter().map(Turn::price).collect() };
    let what = format!("processor time of a relayed packet, {calls} calls PCMU");
    let mut figures = vec![aimed(
        format!("relay_us_per_packet_{calls}"),
        "µs",
        None,
        what,
        counted(of(&turns[0]).into_iter()),
    )];
    for (one, theirs) in all.iter().zip(turns).skip(1) {
        let (key, aim) = match one.key {
            "direct" => continue,
            "bare" => (one.key, Some(Aim::Most(1.15))),
            "asterisk" => (one.key, Some(Aim::Most(0.85))),
            _ => (one.key, None),
        };
        let ratios = of(&turns[0]).into_iter().zip(of(theirs)).map(|(ours, theirs)| ours / theirs);
        let what = format!("the same, {}", one.name);
        figures.push(aimed(
            format!("{key}_us_per_packet_{calls}"),
            "µs",
            None,
            what,
            counted(of(theirs).into_iter()),
        ));
        let what = "tandem's price by that one's, round by round";
        figures.push(aimed(format!("relay_vs_{key}_x_{calls}"), "x", aim, what, counted(ratios)));
    }
    figures
}
