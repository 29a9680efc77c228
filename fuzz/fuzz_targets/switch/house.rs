//! Everything around the switch, on one clock.
use super::digest;
use super::party::{self, PHONE, STRANGER, TRUNK, lines, message, response, value};
use super::stick::{Far, Stick};
use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use tandem::config::Loaded;
use tandem::sip::{Flow, Transport};
use tandem::switch::{Output, Switch};
use tandem::util::time::{Instant, Now, Wall};

const CONFIG: &str = "
config tandem 'main'
	option country 'DE'
config dongle 'sim'
	option inbound '100'
config extension '100'
	option secret 'geheim'
	option timeout '30'
config extension '101'
	option secret 'geheim'
config trunk 'provider'
	option host '203.0.113.10'
	option inbound '100'
config route 'out'
	list from 'extensions'
	list match '0X.'
	list to 'sim'
config route 'by_trunk'
	list from 'extensions'
	list match '99X.'
	option strip '2'
	list to 'provider'
config route 'through'
	list from 'provider'
	list caller '+4930111'
	list match '00X.'
	option strip '1'
	list to 'sim'
";

const START: i64 = 1_795_000_000;
/// Outputs of one input: a call that ends sends a message to each of ten phones, and closes ports.
const OUTPUTS: usize = 400;
/// Requests of the switch that can still be answered.
const KEPT: usize = 16;

pub struct House {
    switch: Switch,
    us: u64,
    stick: Stick,
    udp: Option<u32>,
    bound: BTreeSet<u16>,
    streams: BTreeSet<u32>,
    /// Requests and responses that came from the switch, the newest first.
    requests: VecDeque<(Flow, String)>,
    responses: VecDeque<(Flow, String)>,
    serial: u32,
}

impl House {
    pub fn new() -> Self {
        let loaded = Loaded::parse(CONFIG.as_bytes());
        assert!(loaded.is_right(), "{loaded}");
        let now = Now { mono: Instant::ZERO, wall: Wall(START) };
        let mut house = Self {
            switch: Switch::new(loaded, "fuzz", &[], [7; 32], now),
            us: 0,
            stick: Stick::new(),
            udp: None,
            bound: BTreeSet::new(),
            streams: BTreeSet::new(),
            requests: VecDeque::new(),
            responses: VecDeque::new(),
            serial: 0,
        };
        house.settle();
        house.plug(true);
        house.pass_ms(3_000);
        house.register("100");
        house
    }

    fn now(&self) -> Now {
        let seconds = i64::try_from(self.us / 1_000_000).unwrap_or(0);
        Now { mono: Instant::from_micros(self.us), wall: Wall(START + seconds) }
    }

    // --- time ---

    pub fn pass_ms(&mut self, ms: u64) {
        let until = self.us + ms * 1_000;
        let mut stands_still = 0;
        self.settle();
        loop {
            let switch = self.switch.poll_timeout().map(Instant::as_micros);
            let next = [switch, self.stick.poll_timeout()].into_iter().flatten().min();
            let Some(at) = next.filter(|at| *at <= until) else { break };
            stands_still = if at > self.us { 0 } else { stands_still + 1 };
            assert!(stands_still < 500, "the clock stands still");
            self.us = self.us.max(at);
            self.stick_moment();
            if self.switch.poll_timeout().is_some_and(|at| at.as_micros() <= self.us) {
                self.switch.handle_timeout(self.now());
                self.settle();
            }
        }
        self.us = until;
    }

    fn stick_moment(&mut self) {
        if self.stick.poll_timeout().is_none_or(|at| at > self.us) {
            return;
        }
        for said in self.stick.handle_timeout(self.us) {
            self.at(said.port, &said.bytes);
        }
        self.stick.told.clear();
        self.stick.commands.clear();
    }

    // --- what happens to the switch ---

    fn flow(&self, from: &str) -> Option<Flow> {
        let local = if from == TRUNK { "198.51.100.7:5060" } else { "192.168.1.1:5060" };
        let (local, remote) = (local.parse().ok()?, from.parse().ok()?);
        Some(Flow { transport: Transport::Udp, id: self.udp?, local, remote })
    }

    pub fn datagram(&mut self, from: &str, bytes: &[u8]) {
        let Some(flow) = self.flow(from) else { return };
        self.switch.handle_datagram(flow, bytes, self.now());
        self.settle();
    }

    /// Bytes of a connection, which is made if it isn't there. They come in two pieces.
    pub fn stream(&mut self, number: u32, bytes: &[u8]) {
        let id = (1 << 31) + number;
        let remote = SocketAddr::new([192, 168, 1, 100].into(), 6_000 + number as u16);
        let flow = Flow { transport: Transport::Tcp, id, local: ([192, 168, 1, 1], 5_060).into(), remote };
        if self.streams.insert(id) {
            self.switch.handle_connected(flow, self.now());
            self.settle();
        }
        let (first, second) = bytes.split_at(bytes.len() / 3);
        for piece in [first, second] {
            self.switch.handle_stream(flow, piece, self.now());
            self.settle();
        }
    }

    pub fn disconnect(&mut self, number: u32) {
        let id = (1 << 31) + number;
        if self.streams.remove(&id) {
            self.switch.handle_disconnected(id, "reset", self.now());
        }
    }

    pub fn rtp(&mut self, port: usize, kind: u8, sequence: u8, payload: &[u8]) {
        let Some(port) = self.bound.iter().nth(port).copied() else { return };
        let (version, n) = if kind == 0xff { (0, 0) } else { (0x80, u32::from(sequence)) };
        let mut bytes = vec![version, [0, 8, 101, kind][usize::from(kind % 4)], 0, sequence];
        bytes.extend_from_slice(&(n * 160).to_be_bytes());
        bytes.extend_from_slice(&[0, 0, 0, kind / 64]);
        bytes.extend_from_slice(payload);
        self.switch.handle_rtp(port, ([192, 0, 2, 9], 4_000).into(), &mut bytes, self.now());
    }

    pub fn at(&mut self, port: usize, bytes: &[u8]) {
        if let Some(line) = self.stick.line {
            self.switch.handle_at(line, port, bytes, self.now());
            self.settle();
        }
    }

    pub fn plug(&mut self, is_plugged: bool) {
        if self.stick.is_plugged && !is_plugged {
            self.stick.pull();
            if let Some(line) = self.stick.line.take() {
                self.switch.handle_closed(line, "hung up", self.now());
            }
        }
        self.stick.is_plugged = is_plugged;
        let device = is_plugged.then(|| self.stick.device());
        for _ in 0..3 {
            self.switch.handle_bus(device.as_slice(), self.now());
            self.pass_ms(100);
        }
    }

    pub fn request(&mut self, line: &str) {
        self.switch.handle_request(1, line, self.now());
    }

    /// What the far side of the stick's call does.
    pub fn far(&mut self, choice: u8) {
        match choice % 8 {
            0 | 1 if self.stick.call.is_none() && self.stick.is_plugged => {
                self.stick.ring(if choice.is_multiple_of(8) { "+491511" } else { "" }, self.us);
            }
            2 => self.stick.far_answers(self.us),
            3 => self.stick.far_ends("104,16", self.us),
            4 => self.stick.far = Far::Answers { rings: 500, answers: 1_000 },
            5 => self.stick.far = Far::Refuses("NO CARRIER"),
            6 => self.stick.far = Far::Ends(800, "104,17"),
            _ => self.stick.far = Far::Silent,
        }
        self.stick.told.clear();
    }

    /// One of the last requests of the switch is answered.
    pub fn answer(&mut self, which: usize, status: u8, sdp: u8) {
        const STATUS: [u16; 12] = [100, 180, 183, 200, 200, 202, 302, 401, 486, 487, 503, 603];
        let Some((flow, request)) = self.requests.get(which).cloned() else { return };
        let status = STATUS[usize::from(status) % STATUS.len()];
        let bytes = response(&request, status, &party::sdp(sdp));
        self.reach(flow, &bytes);
    }

    fn reach(&mut self, flow: Flow, bytes: &[u8]) {
        match flow.transport {
            Transport::Udp => self.switch.handle_datagram(flow, bytes, self.now()),
            Transport::Tcp | Transport::Tls => self.switch.handle_stream(flow, bytes, self.now()),
        }
        self.settle();
    }

    fn head(&mut self, from: &str, method: &str, user: &str, to: &str) -> Vec<String> {
        self.serial += 1;
        let n = self.serial;
        vec![
            format!("Via: SIP/2.0/UDP {from};branch=z9hG4bKf{n};rport"),
            format!("From: <sip:{user}@192.168.1.1>;tag=f{n}"),
            format!("To: <{to}>"),
            format!("Call-ID: f{n}"),
            format!("CSeq: 1 {method}"),
            format!("Contact: <sip:{user}@{from}>"),
            "Max-Forwards: 70".to_owned(),
        ]
    }

    /// With the right password, as a phone does it.
    pub fn register(&mut self, user: &str) {
        self.with_password("REGISTER", "sip:192.168.1.1", user, "");
    }

    fn with_password(&mut self, method: &str, uri: &str, user: &str, body: &str) {
        let start = format!("{method} {uri} SIP/2.0");
        let to = if method == "REGISTER" { format!("sip:{user}@192.168.1.1") } else { uri.to_owned() };
        let first = self.head(PHONE, method, user, &to);
        self.datagram(PHONE, &message(&start, &first, body));
        let challenge = self.responses.front().map(|(_, r)| value(r, "WWW-Authenticate")).unwrap_or_default();
        if challenge.is_empty() {
            return;
        }
        if let Some((_, refusal)) = self.responses.front().cloned().filter(|_| method == "INVITE") {
            self.ack(PHONE, &refusal);
        }
        let mut again = self.head(PHONE, method, user, &to);
        let proof = digest::credentials(&challenge, user, "geheim", method, uri);
        again.push(format!("Authorization: {proof}"));
        self.datagram(PHONE, &message(&start, &again, body));
    }

    fn ack(&mut self, from: &str, refusal: &str) {
        let mut headers = lines(refusal, &["Via", "From", "To", "Call-ID"]);
        headers.push("CSeq: 1 ACK".to_owned());
        self.datagram(from, &message("ACK sip:192.168.1.1 SIP/2.0", &headers, ""));
    }

    /// A phone or the provider calls.
    pub fn invite(&mut self, who: u8, sdp: u8) {
        let body = party::sdp(sdp);
        let number =
            ["030123", "112", "101", "100", "9912345", "*100#", "0049301", "x"][usize::from(who >> 3) % 8];
        let uri = format!("sip:{number}@192.168.1.1");
        match who % 3 {
            0 => self.with_password("INVITE", &uri, "100", &body),
            other => {
                let from = [TRUNK, STRANGER][usize::from(other) - 1];
                let headers = self.head(from, "INVITE", if who & 4 == 0 { "+4930111" } else { "x" }, &uri);
                self.datagram(from, &message(&format!("INVITE {uri} SIP/2.0"), &headers, &body));
            }
        }
    }

    /// A caller goes on where the switch's last answer to an INVITE left it.
    pub fn in_dialog(&mut self, choice: u8) {
        const METHODS: [&str; 8] = ["ACK", "ACK", "BYE", "CANCEL", "INVITE", "INFO", "UPDATE", "PRACK"];
        let method = METHODS[usize::from(choice) % 8];
        let mut invites = self.responses.iter().filter(|(_, r)| value(r, "CSeq").ends_with("INVITE"));
        let Some((flow, answer)) = invites.nth(usize::from(choice >> 3) % 2).cloned() else { return };
        self.serial += 1;
        let is_cancel = method == "CANCEL";
        let mut headers =
            lines(&answer, if is_cancel { &["Via", "From", "Call-ID"] } else { &["From", "To", "Call-ID"] });
        if is_cancel {
            headers.push(format!("To: {}", value(&answer, "To").split(";tag=").next().unwrap_or_default()));
        } else {
            headers.push(format!("Via: SIP/2.0/UDP {};branch=z9hG4bKf{};rport", flow.remote, self.serial));
        }
        let number = if matches!(method, "ACK" | "CANCEL") { 1 } else { self.serial };
        headers.push(format!("CSeq: {number} {method}"));
        headers.push(format!("Contact: <sip:them@{}>", flow.remote));
        headers.push("Max-Forwards: 70".to_owned());
        let body =
            if matches!(method, "INVITE" | "UPDATE") { party::sdp(choice >> 4) } else { String::new() };
        self.reach(flow, &message(&format!("{method} sip:192.168.1.1 SIP/2.0"), &headers, &body));
    }

    // --- what the switch asks for ---

    pub fn settle(&mut self) {
        let mut count = 0;
        while let Some(output) = self.switch.poll_output() {
            count += 1;
            assert!(count < OUTPUTS, "the switch does not come to rest");
            self.carry_out(output);
        }
    }

    fn carry_out(&mut self, output: Output) {
        let now = self.now();
        match output {
            Output::Open { line, ttys } => {
                self.stick.line = Some(line);
                (0..ttys.len()).for_each(|port| self.switch.handle_opened(line, port, Ok(()), now));
            }
            Output::Close { .. } => self.stick.line = None,
            Output::Write { port, bytes, .. } => {
                self.stick.write(port, &bytes, self.us);
                self.stick.told.clear();
            }
            Output::Voice { frame, .. } => assert_eq!(frame.len(), 320),
            Output::Listen(place) => {
                if place.transport == Transport::Udp {
                    self.udp = Some(place.id);
                }
                self.switch.handle_listening(place.id, Ok(([0, 0, 0, 0], place.port).into()), now);
            }
            Output::BindRtp { port } => {
                assert!(self.bound.insert(port), "RTP port {port} is bound twice");
                self.switch.handle_rtp_bound(port, Ok(()), now);
            }
            Output::CloseRtp { port } => assert!(self.bound.remove(&port), "RTP port {port} is not open"),
            Output::Rtp { port, bytes, .. } => assert!(self.bound.contains(&port) && bytes.len() < 600),
            Output::Sip { flow, bytes } => self.note(flow, &bytes),
            Output::Resolve { token, .. } => {
                self.switch.handle_resolved(token, Err("not found".to_owned()), now)
            }
            Output::Connect { id, .. } => self.switch.handle_disconnected(id, "refused", now),
            Output::Disconnect { id } => {
                self.streams.remove(&id);
                self.switch.handle_disconnected(id, "as asked", now);
            }
            Output::Store { token, .. } => self.switch.handle_stored(token, Ok(()), now),
            Output::Reload { client, id } => self.switch.reply_reloaded(client, &id, Ok(())),
            Output::Reply { text, .. } | Output::Trace { text, .. } => assert!(!text.contains('\n')),
            Output::PinRtp { port, .. } => assert!(self.bound.contains(&port), "a closed port"),
            Output::Mark(_)
            | Output::Reset { .. }
            | Output::Mail { .. }
            | Output::ModeSwitch(_)
            | Output::Unlisten { .. } => {}
        }
    }

    fn note(&mut self, flow: Flow, bytes: &[u8]) {
        assert!(bytes.len() <= 70_000, "a message of {} bytes", bytes.len());
        let text = String::from_utf8_lossy(bytes).into_owned();
        let kept = if text.starts_with("SIP/2.0") { &mut self.responses } else { &mut self.requests };
        kept.push_front((flow, text));
        kept.truncate(KEPT);
    }

    // --- the end ---

    /// Everybody hangs up, and nothing happens any more.
    pub fn end(mut self) {
        self.request(r#"{"method":"hangup","params":{"call":"all"}}"#);
        self.settle();
        self.stick.far_ends("104,16", self.us);
        self.pass_ms(200_000);
        // A phone may be asked just now whether it is still there.
        for _ in 0..60 {
            if self.switch.has_no_calls() {
                return;
            }
            self.pass_ms(1_000);
        }
        self.request(r#"{"method":"counters"}"#);
        while let Some(output) = self.switch.poll_output() {
            eprintln!("{output:?}");
        }
        panic!("something of a call is left");
    }
}
