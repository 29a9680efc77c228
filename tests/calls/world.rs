//! Everything on one clock: the switch, the stick, phones and provider, and the network between them.
use super::net::{Fault, Net, Way};
use super::peer::Peer;
use super::stick::{SOUND, Stick};
use super::text::Msg;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;
use tandem::config::Loaded;
use tandem::message::{Change, DiskError};
use tandem::sip::{Flow, Transport};
use tandem::switch::net as shell;
use tandem::switch::{Heard, Output, Switch};
use tandem::util::limits::RTP_SPARE;
use tandem::util::time::{Instant, Now, Wall};

/// 2026-11-18.
const START: i64 = 1_795_000_000;
/// A swapped message for which no other comes.
const HELD: u64 = 1_500_000;
/// Our addresses: for phones, for the provider.
pub const LAN: &str = "192.168.1.1:5060";
pub const WAN: &str = "198.51.100.7:5060";
/// Nobody's address: what goes there is not looked at.
pub const STRANGER: &str = "192.0.2.66:5060";
const ACCEPTED: u32 = 1 << 31;

enum Event {
    ToSwitch(usize, Vec<u8>),
    ToPeer(usize, Vec<u8>),
    /// Let go what was held back for a swap.
    Release(Way),
    Do(Box<dyn FnOnce(&mut World)>),
}

pub struct World {
    pub switch: Switch,
    /// Microseconds.
    pub us: u64,
    queue: BTreeMap<(u64, u64), Event>,
    serial: u64,
    pub stick: Stick,
    pub peers: Vec<Peer>,
    pub net: Net,
    held: BTreeMap<Way, (usize, Vec<u8>)>,
    /// What went over each edge: `100 < INVITE` (to the phone), `stick > RING`.
    pub ladder: Vec<(u64, String)>,
    /// Open RTP ports.
    pub bound: BTreeSet<u16>,
    /// The most that were open at once.
    pub most_bound: usize,
    /// Sound for ports that are closed.
    pub strays: usize,
    udp: Option<u32>,
    connections: u32,
    /// Peers take connections for long requests; those that are there, by number.
    pub takes_large: bool,
    pub large: BTreeMap<u32, usize>,
    /// A trunk's name was asked for with TCP.
    trunk_by_tcp: bool,
    wan_is_down: bool,
    pub replies: Vec<Value>,
    pub traced: Vec<Value>,
    /// What is in the state directory.
    pub files: BTreeMap<String, Vec<u8>>,
    pub disk_is_full: bool,
    /// How often something was written there.
    pub written: usize,
    timeouts: u64,
    ended: bool,
}

impl World {
    pub fn new(config: &str) -> Self {
        let loaded = Loaded::parse(config.as_bytes());
        assert!(loaded.is_right(), "{loaded}");
        let now = Now { mono: Instant::ZERO, wall: Wall(START) };
        Self {
            switch: Switch::new(loaded, "model", &[], [7; 32], now),
            us: 0,
            queue: BTreeMap::new(),
            serial: 0,
            stick: Stick::new(),
            peers: Vec::new(),
            net: Net::new(),
            held: BTreeMap::new(),
            ladder: Vec::new(),
            bound: BTreeSet::new(),
            most_bound: 0,
            strays: 0,
            udp: None,
            connections: ACCEPTED,
            takes_large: false,
            large: BTreeMap::new(),
            trunk_by_tcp: false,
            wan_is_down: false,
            replies: Vec::new(),
            traced: Vec::new(),
            files: BTreeMap::new(),
            disk_is_full: false,
            written: 0,
            timeouts: 0,
            ended: false,
        }
    }

    pub fn now(&self) -> Now {
        let seconds = i64::try_from(self.us / 1_000_000).unwrap();
        Now { mono: Instant::from_micros(self.us), wall: Wall(START + seconds) }
    }

    /// kill -9, and a new daemon on the same state directory.
    pub fn restart(&mut self, config: &str) {
        let loaded = Loaded::parse(config.as_bytes());
        let files: Vec<(String, Vec<u8>)> = self.files.iter().map(|(n, b)| (n.clone(), b.clone())).collect();
        self.ladder.push((self.us, "restart".to_owned()));
        for peer in self.peers.iter_mut().filter(|p| p.tcp.is_some()) {
            peer.tcp = None;
            peer.connection_lost();
        }
        self.bound.clear();
        self.udp = None;
        self.stick.line = None;
        // Another seed each time, or branches would come again.
        let mut seed = [8; 32];
        seed[..8].copy_from_slice(&self.us.to_le_bytes());
        self.switch = Switch::new(loaded, "model", &files, seed, self.now());
        self.settle();
    }

    // --- the clock ---

    /// Let so many seconds pass.
    pub fn run(&mut self, seconds: f64) {
        let until = self.us + u64::try_from(Duration::from_secs_f64(seconds).as_micros()).unwrap();
        self.settle();
        let mut stands_still = 0;
        while let Some(at) = self.next_moment().filter(|at| *at <= until) {
            stands_still = if at > self.us { 0 } else { stands_still + 1 };
            assert!(stands_still < 2_000, "the clock stands still: {}\n{}", self.due(), self.story());
            self.us = self.us.max(at);
            self.on_moment();
        }
        self.us = until;
    }

    /// Run until `done`; fails after `seconds`.
    pub fn run_until(&mut self, what: &str, seconds: f64, done: impl Fn(&Self) -> bool) {
        let until = self.us + u64::try_from(Duration::from_secs_f64(seconds).as_micros()).unwrap();
        while !done(self) {
            assert!(self.us < until, "never {what}:\n{}", self.story());
            self.run(0.01);
        }
    }

    pub fn at(&mut self, seconds: f64, what: impl FnOnce(&mut Self) + 'static) {
        let wait = u64::try_from(Duration::from_secs_f64(seconds).as_micros()).unwrap();
        self.schedule(wait, Event::Do(Box::new(what)));
    }

    fn schedule(&mut self, wait: u64, event: Event) {
        self.serial += 1;
        self.queue.insert((self.us + wait, self.serial), event);
    }

    fn next_moment(&self) -> Option<u64> {
        let queue = self.queue.keys().next().map(|(at, _)| *at);
        let switch = self.switch.poll_timeout().map(Instant::as_micros);
        let peers = self.peers.iter().filter_map(Peer::poll_timeout).min();
        [queue, switch, peers, self.stick.poll_timeout()].into_iter().flatten().min()
    }

    /// Who wants something when.
    fn due(&self) -> String {
        let peers: Vec<_> = self.peers.iter().map(|p| (&p.name, p.poll_timeout())).collect();
        let (queue, switch) = (self.queue.keys().next(), self.switch.poll_timeout());
        format!("now {}, queue {queue:?}, switch {switch:?}, peers {peers:?}", self.us)
    }

    fn on_moment(&mut self) {
        while let Some(entry) = self.queue.first_entry().filter(|e| e.key().0 <= self.us) {
            let event = entry.remove();
            self.on_event(event);
        }
        if self.stick.poll_timeout().is_some_and(|at| at <= self.us) {
            self.stick_moment();
        }
        for at in 0..self.peers.len() {
            if self.peers[at].poll_timeout().is_some_and(|due| due <= self.us) {
                let sound = self.peers[at].handle_timeout(self.us);
                sound.into_iter().for_each(|(from, to, bytes)| self.rtp_to_switch(from, to, &bytes));
                self.send_of(at);
            }
        }
        if self.switch.poll_timeout().is_some_and(|at| at.as_micros() <= self.us) {
            self.timeouts += 1;
            let now = self.now();
            self.switch.handle_timeout(now);
            self.settle();
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::ToSwitch(peer, bytes) => self.reach_switch(peer, &bytes),
            Event::ToPeer(peer, bytes) => {
                self.peers[peer].handle(&bytes, self.us);
                self.send_of(peer);
            }
            Event::Release(way) => {
                if let Some((peer, bytes)) = self.held.remove(&way) {
                    self.carry(way, peer, bytes, 0);
                }
            }
            Event::Do(what) => what(self),
        }
        self.settle();
    }

    // --- the stick ---

    fn stick_moment(&mut self) {
        let said = self.stick.handle_timeout(self.us);
        self.note_stick();
        let Some(line) = self.stick.line else { return };
        for said in said {
            let now = self.now();
            self.switch.handle_at(line, said.port, &said.bytes, now);
            self.settle();
        }
    }

    fn note_stick(&mut self) {
        let at = self.us;
        self.ladder.extend(self.stick.told.drain(..).map(|text| (at, text)));
    }

    pub fn plug(&mut self) {
        self.stick.is_plugged = true;
        for wait in [0.0, 0.3, 0.6] {
            self.at(wait, Self::look_at_bus);
        }
        self.run(5.0);
        assert_eq!(self.status()["dongles"][0]["state"], "ready");
    }

    fn look_at_bus(&mut self) {
        let devices: Vec<_> = self.stick.is_plugged.then(|| self.stick.device()).into_iter().collect();
        let now = self.now();
        self.switch.handle_bus(&devices, now);
    }

    pub fn pull(&mut self) {
        self.ladder.push((self.us, "stick pulled".to_owned()));
        self.stick.pull();
        let now = self.now();
        if let Some(line) = self.stick.line.take() {
            self.switch.handle_closed(line, "hung up", now);
        }
        self.look_at_bus();
        self.settle();
    }

    pub fn sim_called(&mut self, number: &str) {
        self.stick.ring(number, self.us);
    }

    /// `104,16`
    pub fn far_ends(&mut self, numbers: &str) {
        self.stick.far_ends(numbers, self.us);
    }

    // --- phones and provider ---

    /// Something that a phone does by itself.
    pub fn with<T>(&mut self, peer: usize, what: impl FnOnce(&mut Peer, u64) -> T) -> T {
        let result = what(&mut self.peers[peer], self.us);
        self.send_of(peer);
        self.settle();
        result
    }

    /// A TCP connection is made for its messages.
    pub fn connect(&mut self, peer: usize) {
        self.connections += 1;
        let (id, now) = (self.connections, self.now());
        self.peers[peer].tcp = Some(id);
        self.peers[peer].is_tcp = true;
        let flow = self.flow(peer).unwrap();
        self.switch.handle_connected(flow, now);
        self.settle();
    }

    /// The WAN has this address from now on; `None`: it is down.
    pub fn wan_changes(&mut self, to: Option<&str>) {
        self.ladder.push((self.us, format!("WAN is {}", to.unwrap_or("down"))));
        self.wan_is_down = to.is_none();
        let lan: SocketAddr = LAN.parse().unwrap();
        if let Some(to) = to {
            let outside = self.peers.iter_mut().filter(|p| p.server != lan);
            outside.for_each(|p| p.server = SocketAddr::new(to.parse().unwrap(), 5_060));
        }
        let ways: Vec<_> = self.peers.iter().map(|p| (p.at, p.server.ip())).collect();
        let local = |remote: SocketAddr| {
            let (_, own) = ways.iter().find(|(at, _)| at.ip() == remote.ip())?;
            (*own == lan.ip() || to.is_some()).then_some(*own)
        };
        let now = self.now();
        self.switch.relisten();
        self.settle();
        self.switch.handle_addresses(&local, now);
        self.settle();
    }

    pub fn disconnect(&mut self, peer: usize) {
        let (Some(id), now) = (self.peers[peer].tcp.take(), self.now()) else { return };
        self.ladder.push((self.us, format!("{} connection lost", self.peers[peer].name)));
        self.switch.handle_disconnected(id, "reset by peer", now);
        self.settle();
    }

    fn flow(&self, peer: usize) -> Option<Flow> {
        let peer = &self.peers[peer];
        let (transport, id) =
            if peer.is_tcp { (Transport::Tcp, peer.tcp?) } else { (Transport::Udp, self.udp?) };
        Some(Flow { transport, id, local: peer.server, remote: peer.at })
    }

    fn send_of(&mut self, peer: usize) {
        for bytes in std::mem::take(&mut self.peers[peer].outbox) {
            self.transmit(Way::ToSwitch, peer, bytes);
        }
    }

    fn transmit(&mut self, way: Way, peer: usize, bytes: Vec<u8>) {
        let kind = Msg::parse(&bytes).kind();
        let is_tcp = self.peers[peer].is_tcp;
        let fault = if is_tcp { None } else { self.net.fault(way, &kind) };
        let arrow = if way == Way::ToPeer { '<' } else { '>' };
        let note = fault.map_or(String::new(), |f| format!(" ({f:?})"));
        self.ladder.push((self.us, format!("{} {arrow} {kind}{note}", self.peers[peer].name)));
        match fault {
            Some(Fault::Lose) => return,
            Some(Fault::Double) => {
                self.carry(way, peer, bytes.clone(), 0);
                self.carry(way, peer, bytes, 1_000);
            }
            Some(Fault::Delay(ms)) => self.carry(way, peer, bytes, ms * 1_000),
            Some(Fault::Swap) if !self.held.contains_key(&way) => {
                self.held.insert(way, (peer, bytes));
                self.schedule(HELD, Event::Release(way));
                return;
            }
            Some(Fault::Swap) | None => self.carry(way, peer, bytes, 0),
        }
        if let Some((peer, bytes)) = self.held.remove(&way) {
            self.carry(way, peer, bytes, 1_000);
        }
    }

    fn carry(&mut self, way: Way, peer: usize, bytes: Vec<u8>, more: u64) {
        let event = match way {
            Way::ToSwitch => Event::ToSwitch(peer, bytes),
            Way::ToPeer => Event::ToPeer(peer, bytes),
        };
        self.schedule(self.net.delay + more, event);
    }

    fn reach_switch(&mut self, peer: usize, bytes: &[u8]) {
        let (Some(flow), now) = (self.flow(peer), self.now()) else { return };
        if flow.transport == Transport::Udp {
            return self.switch.handle_datagram(flow, bytes, now);
        }
        // In two pieces, as streams come.
        let (first, second) = bytes.split_at(bytes.len() / 3);
        self.switch.handle_stream(flow, first, now);
        self.settle();
        self.switch.handle_stream(flow, second, now);
    }

    /// A datagram from an address that is nobody's.
    pub fn stranger_sends(&mut self, bytes: &[u8]) {
        let Some(id) = self.udp else { return };
        let (local, remote) = (WAN.parse().unwrap(), STRANGER.parse().unwrap());
        let now = self.now();
        self.switch.handle_datagram(Flow { transport: Transport::Udp, id, local, remote }, bytes, now);
        self.settle();
    }

    // --- sound ---

    fn rtp_to_switch(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        if !self.bound.contains(&(to.port() & !1)) {
            self.strays += 1;
            return;
        }
        let now = self.now();
        let mut bytes = bytes.to_vec();
        if let Heard::Send { port, to } = self.switch.handle_rtp(to.port(), from, &mut bytes, now) {
            self.carry_out(Output::Rtp { port, to, bytes });
        }
        self.settle();
    }

    /// A phone sends RTCP: beside its RTP, or among it where both sides want that.
    pub fn report(&mut self, peer: usize, talk: usize, bytes: &[u8]) {
        let talk = &self.peers[peer].talks[talk];
        let is_muxed = talk.muxes && talk.theirs.contains("a=rtcp-mux\r\n");
        let beside = |at: SocketAddr| SocketAddr::new(at.ip(), at.port() + u16::from(!is_muxed));
        let (from, to) = (beside(talk.rtp_at), beside(talk.rtp_to.unwrap()));
        self.rtp_to_switch(from, to, bytes);
    }

    /// The same of anybody, from anywhere.
    pub fn datagram(&mut self, from: &str, to: SocketAddr, bytes: &[u8]) {
        self.rtp_to_switch(from.parse().unwrap(), to, bytes);
    }

    fn rtp_to_peer(&mut self, to: SocketAddr, bytes: &[u8]) {
        let us = self.us;
        // RTCP at the upper port of a pair, or among RTP.
        let is_report = to.port() % 2 == 1 || (192..224).contains(&bytes[1]);
        let lower = SocketAddr::new(to.ip(), to.port() & !1);
        let mut talks = self.peers.iter_mut().flat_map(|p| p.talks.iter_mut());
        let Some(talk) = talks.find(|t| t.rtp_at == lower || t.picture_at() == lower) else {
            let forgot = self.peers.iter().any(|p| p.at.ip() == to.ip() && p.boots > 0);
            return assert!(forgot, "sound for nobody at {to}");
        };
        let picture = talk.picture_at();
        if is_report {
            let plain = talk.srtp.as_mut().map_or_else(|| Some(bytes.to_vec()), |s| s.open_report(bytes));
            return talk.reports.extend(plain.map(|bytes| (us, to, bytes)));
        }
        // What opens a router's way is no sound to a phone.
        if to == picture {
            talk.see(bytes);
        } else if bytes != [0; 4] {
            talk.hear(us, bytes);
        }
    }

    // --- what the switch asks for ---

    pub fn settle(&mut self) {
        while let Some(output) = self.switch.poll_output() {
            self.carry_out(output);
        }
        self.note_stick();
    }

    fn carry_out(&mut self, output: Output) {
        let now = self.now();
        match output {
            Output::Open { line, ttys } => {
                self.stick.line = Some(line);
                (0..ttys.len()).for_each(|port| self.switch.handle_opened(line, port, Ok(()), now));
            }
            Output::Close { .. } => self.stick.line = None,
            Output::Write { port, bytes, .. } => self.stick.write(port, &bytes, self.us),
            Output::Voice { port, frame, .. } => {
                assert!(self.stick.takes_voice, "sound at a wrong time:\n{}", self.story());
                self.stick.hear(port, &frame);
            }
            Output::Listen(place) => {
                if place.transport == Transport::Udp {
                    self.udp = Some(place.id);
                }
                let at = SocketAddr::new([0, 0, 0, 0].into(), place.port);
                self.switch.handle_listening(place.id, Ok(at), now);
            }
            Output::BindRtp { port } => {
                assert!(self.bound.insert(port), "RTP port {port} is bound twice");
                self.most_bound = self.most_bound.max(self.bound.len());
                self.switch.handle_rtp_bound(port, Ok(()), now);
            }
            Output::CloseRtp { port } => assert!(self.bound.remove(&port), "RTP port {port} is not open"),
            // It only says what will be quick.
            Output::PinRtp { port, .. } => assert!(self.bound.contains(&port), "a closed port"),
            Output::Rtp { port, to, bytes } => {
                assert!(self.bound.contains(&(port & !1)), "sound from a closed port");
                self.rtp_to_peer(to, &bytes);
            }
            Output::Sip { flow, bytes } => self.sip_to_peer(flow, bytes),
            Output::Resolve { token, port, transport, host, .. } => {
                let lan: SocketAddr = LAN.parse().unwrap();
                let named = |p: &&Peer| p.host == host || (p.host.is_empty() && p.server != lan);
                let providers = self.peers.iter().filter(|p| named(p) && !self.wan_is_down);
                let transport = transport.unwrap_or(Transport::Udp);
                self.trunk_by_tcp |= transport == Transport::Tcp;
                let found = providers.map(|p| {
                    let remote = SocketAddr::new(p.at.ip(), port.unwrap_or(transport.default_port()));
                    shell::Way { transport, remote, local: p.server.ip() }
                });
                let ways: Vec<shell::Way> = found.collect();
                let ways = if ways.is_empty() { Err("not found".to_owned()) } else { Ok(ways) };
                self.switch.handle_resolved(token, ways, now);
            }
            Output::Connect { id, to, .. } => {
                let Some(at) = self.peers.iter().position(|p| p.at == to) else {
                    return self.switch.handle_disconnected(id, "refused", now);
                };
                if !self.trunk_by_tcp {
                    return self.on_connect_for_large(id, at);
                }
                self.peers[at].tcp = Some(id);
                self.peers[at].is_tcp = true;
                let flow = self.flow(at).unwrap();
                self.switch.handle_connected(flow, now);
            }
            Output::Disconnect { id } => {
                self.peers.iter_mut().filter(|p| p.tcp == Some(id)).for_each(|p| p.tcp = None);
            }
            Output::Store { token, change } => {
                let result = if self.disk_is_full { Err(DiskError::Full) } else { Ok(()) };
                self.written += usize::from(matches!(change, Change::Write { .. }));
                match change {
                    Change::Write { name, bytes } if result.is_ok() => drop(self.files.insert(name, bytes)),
                    Change::Remove { names } if result.is_ok() => {
                        names.iter().for_each(|name| drop(self.files.remove(name)));
                    }
                    _ => {}
                }
                self.switch.handle_stored(token, result, now);
            }
            Output::Reply { text, .. } => self.replies.push(serde_json::from_str(&text).unwrap()),
            Output::Trace { text, .. } => self.traced.push(serde_json::from_str(&text).unwrap()),
            Output::Unlisten { .. } | Output::Reset { .. } => {}
            other => panic!("{other:?}"),
        }
    }

    fn on_connect_for_large(&mut self, id: u32, at: usize) {
        let now = self.now();
        self.ladder.push((self.us, format!("{} < connection", self.peers[at].name)));
        if !self.takes_large {
            return self.switch.handle_disconnected(id, "refused", now);
        }
        self.large.insert(id, at);
        let (local, remote) = (self.peers[at].server, self.peers[at].at);
        self.switch.handle_connected(Flow { transport: Transport::Tcp, id, local, remote }, now);
    }

    fn sip_to_peer(&mut self, flow: Flow, bytes: Vec<u8>) {
        if bytes == b"\r\n\r\n" {
            return self.ladder.push((self.us, format!("ping {}", flow.remote)));
        }
        let by_tcp = flow.transport == Transport::Tcp;
        if by_tcp && let Some(peer) = self.large.get(&flow.id).copied() {
            self.ladder.push((self.us, format!("{} by connection", self.peers[peer].name)));
            return self.transmit(Way::ToPeer, peer, bytes);
        }
        let peer =
            self.peers.iter().position(|p| if by_tcp { p.tcp == Some(flow.id) } else { p.at == flow.remote });
        match peer {
            Some(peer) => self.transmit(Way::ToPeer, peer, bytes),
            None if by_tcp => self.ladder.push((self.us, "lost with its connection".to_owned())),
            None if flow.remote == STRANGER.parse().unwrap() => {}
            None => panic!("a message for nobody at {}", flow.remote),
        }
    }

    // --- questions ---

    /// A request to the control socket and its answer, if it comes at once.
    pub fn request(&mut self, method: &str, params: Value) -> Value {
        let line = serde_json::json!({"id": 1, "method": method, "params": params}).to_string();
        let now = self.now();
        self.switch.handle_request(1, &line, now);
        self.settle();
        self.replies.pop().unwrap_or(Value::Null)
    }

    pub fn status(&mut self) -> Value {
        self.request("status", Value::Null)["result"].clone()
    }

    pub fn reload(&mut self, config: &str) {
        let loaded = Loaded::parse(config.as_bytes());
        assert!(loaded.is_right(), "{loaded}");
        let now = self.now();
        self.switch.reload(loaded, now);
        self.settle();
    }

    /// How often this arrow is in the ladder, lost ones included.
    pub fn count(&self, step: &str) -> usize {
        self.ladder.iter().filter(|(_, s)| s == step || s.starts_with(&format!("{step} ("))).count()
    }

    /// The ladder as text, for who has to find out.
    pub fn story(&self) -> String {
        let lines = self.ladder.iter().map(|(at, text)| format!("{:>10} {text}", *at / 1_000));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Forget the steps so far.
    pub fn forget(&mut self) {
        self.ladder.clear();
    }

    /// These arrows are in the ladder in this order, with others between.
    #[track_caller]
    pub fn expect(&self, steps: &[&str]) {
        let mut from = 0;
        for step in steps {
            let found = self.ladder[from..].iter().position(|(_, s)| s == step);
            let at = found.unwrap_or_else(|| panic!("no '{step}' in its place:\n{}", self.story()));
            from += at + 1;
        }
    }

    /// The whole ladder since `forget`.
    #[track_caller]
    pub fn expect_all(&self, steps: &[&str]) {
        let seen: Vec<&str> = self.ladder.iter().map(|(_, s)| s.as_str()).collect();
        assert_eq!(seen, steps, "\n{}", self.story());
    }

    // --- the end ---

    /// What each ladder ends with: the clock runs on, nothing is hung up, and nothing may be left.
    pub fn end(mut self) {
        self.ended = true;
        self.run(64.0 * 0.5 + 32.0 + 1.0);
        // A registration may be under way just now.
        for _ in 0..40 {
            if self.switch.has_no_calls() {
                break;
            }
            self.run(1.0);
        }
        let story = self.story();
        let counters = self.request("counters", Value::Null);
        assert!(self.switch.has_no_calls(), "something of a call is left: {counters}\n{story}");
        assert!(self.stick.is_idle(), "the stick is not idle: {:?}\n{story}", self.stick.call);
        let calls = self.request("calls", Value::Null);
        assert_eq!(calls["result"]["calls"], serde_json::json!([]), "{story}");
        let spare = if self.udp.is_some() { RTP_SPARE } else { 0 };
        assert_eq!(self.bound.len(), spare, "RTP ports are left: {:?}\n{story}", self.bound);
        for peer in self.peers.iter().filter(|p| p.answer != super::peer::Answer::Gone) {
            let open = peer.talks.iter().filter(|t| !t.is_over()).count();
            assert_eq!(peer.unanswered, 0, "{} got no answer\n{story}", peer.name);
            assert_eq!(open, 0, "{} is still in a call\n{story}", peer.name);
        }
        self.is_quiet(&story);
    }

    /// Nobody is in a call: a minute has hardly a moment in which something happens.
    fn is_quiet(&mut self, story: &str) {
        let (before, heard) = (self.timeouts, self.stick.heard.len());
        let due = self.switch.poll_timeout();
        assert!(due.is_none_or(|at| at.as_micros() >= self.us), "a timer in the past\n{story}");
        self.run(60.0);
        let woken = self.timeouts - before;
        assert!(woken <= 12, "{woken} wake-ups in a quiet minute\n{story}");
        assert_eq!(self.stick.heard.len(), heard, "sound in the quiet minute");
        let _ = SOUND;
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !self.ended && !std::thread::panicking() {
            panic!("this ladder does not look at what it leaves: call `end`");
        }
    }
}
