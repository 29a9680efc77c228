//! Trunks: the way to each provider, our registration there, and what comes from it.
mod calls;
mod challenge;
mod identity;
mod moves;
mod view;
mod ways;

pub use identity::identity;

use super::calls::Party;
use super::{Output, Switch, net};
use crate::config::{self, Secret, Trunk};
use crate::sip::auth::{Answerer, Credentials, Tries};
use crate::sip::registration::{Failure, Registration, Settings, State};
use crate::sip::{ClientId, Flow, SessionId, Transport};
use crate::util::random::Random;
use crate::util::time::{Instant, Now};
use crate::wire::sip::{Address, Message, Method, Uri, header};
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use view::words;
use ways::Ways;

/// A name that was not found is looked up again after this.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// A trunk without registration: its addresses are looked up so often.
const LOOK_SELDOM: Duration = Duration::from_secs(300);
/// Between two line ends that keep a connection, and every NAT on its way, open (RFC 5626 section 4.4.1).
const PING_STREAM: Duration = Duration::from_secs(110);
/// By UDP, where the provider sees another address of ours than we have: a NAT forgets after 30 seconds.
const PING_DATAGRAM: Duration = Duration::from_secs(29);
/// The tokens of our Contacts at providers.
const TOKEN: usize = 16;

/// The way to a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Line {
    /// Its name is being looked up; what was known before serves until then.
    Resolving {
        token: u64,
        last: Option<Flow>,
    },
    Connecting {
        id: u32,
        remote: SocketAddr,
    },
    Up {
        flow: Flow,
        look_at: Instant,
    },
    Down {
        why: String,
        again: Instant,
    },
}

/// One trunk.
#[derive(Debug)]
pub struct TrunkLine {
    section: Trunk,
    line: Line,
    /// The servers behind its name.
    ways: Ways,
    /// When the request under way went out; how long the last one took.
    asked_at: Instant,
    rtt: Option<Duration>,
    /// What went wrong last, though it may be well now.
    error: Option<String>,
    registration: Option<Registration>,
    /// When the way is kept open next.
    ping_at: Instant,
    request: Option<ClientId>,
    answerer: Answerer,
}

/// All trunks, and sessions whose challenges they answer.
#[derive(Debug, Default)]
pub struct Trunks {
    all: Vec<TrunkLine>,
    resolving: u64,
    connections: u32,
    /// What each session was asked already; sessions that ended are pushed out by newer ones.
    tries: VecDeque<(SessionId, String, Tries)>,
}

impl TrunkLine {
    fn target(&self) -> (String, Option<u16>) {
        match &self.section.proxy {
            Some(proxy) => (proxy.host.clone(), proxy.port),
            None => (self.section.host.clone(), self.section.port),
        }
    }

    /// The name in the certificate is the one configured, whatever DNS makes of it (RFC 5922 section 7.1).
    fn tls(&self) -> net::TlsPeer {
        let (verify, ca_file) = (self.section.tls_verify, self.section.ca_file.clone());
        net::TlsPeer { name: self.target().0, verify, ca_file }
    }

    fn enter(&mut self, line: Line) {
        let told =
            matches!((&self.line, &line), (Line::Down { why: a, .. }, Line::Down { why: b, .. }) if a == b);
        if let Line::Down { why, .. } = &line {
            if !told {
                log::warn!("trunk '{}': {why}", self.section.name);
            }
            self.error = Some(why.clone());
        }
        self.line = line;
    }

    /// How often the way has to be kept open.
    fn ping_interval(&self) -> Option<Duration> {
        let Line::Up { flow, .. } = &self.line else { return None };
        let learnt = self.registration.as_ref().and_then(Registration::learnt_address);
        match flow.transport {
            Transport::Udp => learnt.map(|_| PING_DATAGRAM),
            Transport::Tcp | Transport::Tls => Some(PING_STREAM),
        }
    }

    /// Calls from there are its.
    fn is_at(&self, peer: IpAddr) -> bool {
        self.ways.has(peer) || self.section.has_address(peer)
    }

    /// Who may ask for its password: whom its section names, else the realm that took it, and who belongs to its domain.
    /// Before anybody is known: the first one.
    fn trusted(&self) -> Vec<String> {
        if !self.section.realms.is_empty() {
            return self.section.realms.clone();
        }
        let registrar = self.registration.as_ref().and_then(Registration::realm);
        let Some(known) = registrar.or(self.answerer.realm()) else { return Vec::new() };
        let proxy = self.section.proxy.as_ref().map(|proxy| proxy.host.clone());
        let own = [known.to_owned(), self.section.domain().to_owned(), self.section.host.clone()];
        own.into_iter().chain(proxy).collect()
    }

    fn flow(&self) -> Option<Flow> {
        match &self.line {
            Line::Up { flow, .. } => Some(*flow),
            Line::Resolving { last, .. } => *last,
            Line::Connecting { .. } | Line::Down { .. } => None,
        }
    }
}

impl Trunks {
    /// A number for a connection of ours.
    pub fn connection(&mut self) -> u32 {
        self.connections = self.connections.wrapping_add(1).clamp(1, (1 << 31) - 1);
        self.connections
    }

    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let each = self.all.iter().filter_map(|t| match &t.line {
            Line::Down { again, .. } => Some(*again),
            Line::Up { look_at, .. } => {
                let next = match &t.registration {
                    Some(registration) => registration.poll_timeout().filter(|_| t.request.is_none()),
                    None => Some(*look_at),
                };
                next.into_iter().chain(t.ping_interval().map(|_| t.ping_at)).min()
            }
            Line::Resolving { .. } | Line::Connecting { .. } => None,
        });
        each.min()
    }
}

impl Switch {
    /// Trunks as the configuration has them; those that did not change live on.
    pub(super) fn set_trunks(&mut self, now: Now) {
        let old = std::mem::take(&mut self.trunks.all);
        let sections: Vec<Trunk> = match self.loaded.config.sip.enabled {
            true => self.loaded.config.trunks.iter().filter(|t| t.enabled).cloned().collect(),
            false => Vec::new(),
        };
        let (mut kept, gone): (Vec<TrunkLine>, Vec<TrunkLine>) =
            old.into_iter().partition(|t| sections.contains(&t.section));
        for trunk in gone {
            self.leave(trunk, now);
        }
        for section in sections {
            if kept.iter().any(|t| t.section == section) {
                continue;
            }
            let registration = registration(&section, &mut self.random);
            let line = Line::Down { why: "starting".to_owned(), again: now.mono };
            let (ways, answerer) = (Ways::default(), Answerer::default());
            let (asked_at, rtt, error) = (now.mono, None, None);
            kept.push(TrunkLine {
                section,
                line,
                ways,
                asked_at,
                rtt,
                error,
                registration,
                ping_at: now.mono,
                request: None,
                answerer,
            });
        }
        self.trunks.all = kept;
    }

    /// The provider is told that calls go nowhere any more.
    fn leave(&mut self, mut trunk: TrunkLine, now: Now) {
        let Some(flow) = trunk.flow() else { return };
        let here = self.contact(flow, None);
        if let Some(registration) = &mut trunk.registration {
            registration.unregister(now.mono);
            if let Some(request) = registration.poll_request(&here, now.mono) {
                // Its answer concerns nobody.
                let _ = self.sip.send(flow, request, now.mono);
            }
        }
    }

    /// Look names up, connect, register: whatever is due.
    pub(super) fn trunk_timeouts(&mut self, now: Now) {
        for at in 0..self.trunks.all.len() {
            self.advance_trunk(at, now);
        }
    }

    fn advance_trunk(&mut self, at: usize, now: Now) {
        let Some(trunk) = self.trunks.all.get_mut(at) else { return };
        if let (Some(interval), Some(flow)) = (trunk.ping_interval(), trunk.flow())
            && trunk.ping_at <= now.mono
        {
            trunk.ping_at = now.mono + interval;
            self.outputs.push_back(Output::Sip { flow, bytes: b"\r\n\r\n".to_vec() });
        }
        match &trunk.line {
            Line::Down { again, .. } if *again <= now.mono => self.look_up(at),
            Line::Up { look_at, .. } if *look_at <= now.mono && trunk.registration.is_none() => {
                self.look_up(at)
            }
            Line::Up { .. } if trunk.registration.is_some() => self.register_trunk(at, now),
            _ => {}
        }
    }

    fn look_up(&mut self, at: usize) {
        self.trunks.resolving = self.trunks.resolving.wrapping_add(1);
        let token = self.trunks.resolving;
        let Some(trunk) = self.trunks.all.get_mut(at) else { return };
        let last = trunk.flow();
        trunk.enter(Line::Resolving { token, last });
        let (host, port) = trunk.target();
        let transport = trunk.section.transport.map(|t| match t {
            config::Transport::Udp => Transport::Udp,
            config::Transport::Tcp => Transport::Tcp,
            config::Transport::Tls => Transport::Tls,
        });
        self.outputs.push_back(Output::Resolve { token, host, port, transport });
    }

    fn register_trunk(&mut self, at: usize, now: Now) {
        let Some(flow) = self.trunks.all.get(at).and_then(TrunkLine::flow) else { return };
        let here = self.contact(flow, None);
        let Some(trunk) = self.trunks.all.get_mut(at).filter(|t| t.request.is_none()) else { return };
        let request = match &mut trunk.registration {
            Some(registration) => registration.poll_request(&here, now.mono),
            // Is it there? Any answer says so.
            None => Some(options(&trunk.section)),
        };
        let Some(request) = request else { return };
        trunk.asked_at = now.mono;
        match self.sip.send(flow, request, now.mono) {
            Ok(client) => trunk.request = Some(client),
            Err(_) => {
                if let Some(registration) = &mut trunk.registration {
                    registration.handle_no_response(Failure::Transport, now.mono);
                }
            }
        }
    }

    /// `Output::Resolve` was carried out. Never empty when `Ok`.
    pub fn handle_resolved(&mut self, token: u64, result: Result<Vec<net::Way>, String>, now: Now) {
        if self.handle_external_resolved(token, &result, now) {
            return;
        }
        let found = |t: &TrunkLine| matches!(t.line, Line::Resolving { token: asked, .. } if asked == token);
        let Some(at) = self.trunks.all.iter().position(found) else { return };
        match result {
            Ok(ways) => self.on_trunk_found(at, &ways, now),
            Err(why) if self.trunks.all.get(at).is_some_and(|t| t.flow().is_some()) => {
                self.stay(at, why, now)
            }
            Err(why) => {
                let host = self.trunks.all.get(at).map(|t| t.target().0).unwrap_or_default();
                self.trunk_down(at, format!("{host}: {why}"), Failure::NotResolved, now);
            }
        }
        self.turn(now);
    }

    fn on_trunk_found(&mut self, at: usize, ways: &[net::Way], now: Now) {
        let Some(trunk) = self.trunks.all.get_mut(at) else { return };
        trunk.ways.set(ways, now.mono);
        self.take_way(at, now);
    }

    /// The name is not found just now: the server that it led to before is as good.
    fn stay(&mut self, at: usize, why: String, now: Now) {
        let Some(trunk) = self.trunks.all.get_mut(at) else { return };
        if let Some(flow) = trunk.flow() {
            trunk.error = Some(why);
            trunk.enter(Line::Up { flow, look_at: now.mono + LOOK_AGAIN });
            self.register_trunk(at, now);
        }
    }

    /// Go by the best server that is alive, or stay where we are.
    fn take_way(&mut self, at: usize, now: Now) {
        let Some(trunk) = self.trunks.all.get_mut(at) else { return };
        let Some(way) = trunk.ways.choose(now.mono) else { return };
        let last = trunk.flow().filter(|f| (f.transport, f.remote) == (way.transport, way.remote));
        let tcp = way.transport.is_reliable();
        if let Some(flow) = last.filter(|_| tcp) {
            trunk.enter(Line::Up { flow, look_at: now.mono + LOOK_SELDOM });
            return self.register_trunk(at, now);
        }
        let flow = if tcp { None } else { self.udp_flow(way) };
        let connection = if tcp { self.trunks.connection() } else { 0 };
        let Some(trunk) = self.trunks.all.get_mut(at) else { return };
        match flow {
            Some(flow) => {
                trunk.enter(Line::Up { flow, look_at: now.mono + LOOK_SELDOM });
                self.register_trunk(at, now);
            }
            None if tcp => {
                trunk.enter(Line::Connecting { id: connection, remote: way.remote });
                let tls = (way.transport == Transport::Tls).then(|| Box::new(trunk.tls()));
                self.outputs.push_back(Output::Connect { id: connection, to: way.remote, tls });
            }
            None => {
                let why =
                    "no UDP socket of ours leads there: see option 'listen' of section 'sip'".to_owned();
                self.trunk_down(at, why, Failure::Transport, now);
            }
        }
    }

    /// The server in use does not answer, or wants no more: the next one, if there is one.
    fn trunk_failed(&mut self, at: usize, why: String, failure: Failure, now: Now) {
        let Some(trunk) = self.trunks.all.get_mut(at) else { return };
        trunk.request = None;
        if !trunk.ways.fail(now.mono) {
            return self.trunk_down(at, why, failure, now);
        }
        log::warn!("trunk '{}': {why}; to the next server", trunk.section.name);
        trunk.error = Some(why);
        if let Some(registration) = &mut trunk.registration {
            registration.move_on(now.mono);
        }
        self.take_way(at, now);
    }

    pub(super) fn on_trunk_connected(&mut self, flow: Flow, now: Now) {
        let ours = |t: &TrunkLine| matches!(t.line, Line::Connecting { id, .. } if id == flow.id);
        if let Some(at) = self.trunks.all.iter().position(ours) {
            if let Some(trunk) = self.trunks.all.get_mut(at) {
                trunk.enter(Line::Up { flow, look_at: now.mono + LOOK_SELDOM });
                let own = trunk.section.name.clone();
                self.follow(flow, |party, _| matches!(party, Party::Trunk { name, .. } if *name == own));
                self.tell_calls(now);
            }
            self.register_trunk(at, now);
        }
    }

    pub(super) fn on_trunk_disconnected(&mut self, id: u32, why: &str, now: Now) {
        let ours = |t: &TrunkLine| match &t.line {
            Line::Connecting { id: own, .. } => *own == id,
            Line::Up { flow, .. } => flow.transport.is_reliable() && flow.id == id,
            Line::Resolving { .. } | Line::Down { .. } => false,
        };
        if let Some(at) = self.trunks.all.iter().position(ours) {
            self.trunk_failed(at, format!("connection: {why}"), Failure::Transport, now);
        }
    }

    fn trunk_down(&mut self, at: usize, why: String, failure: Failure, now: Now) {
        let Some(trunk) = self.trunks.all.get_mut(at) else { return };
        if let Some(registration) = &mut trunk.registration {
            registration.handle_no_response(failure, now.mono);
        }
        trunk.request = None;
        trunk.enter(Line::Down { why, again: now.mono + LOOK_AGAIN });
    }

    /// The final answer to our REGISTER, or that there was none.
    pub(super) fn on_registered(&mut self, id: ClientId, response: Option<&Message>, now: Now) {
        let Some(at) = self.trunks.all.iter().position(|t| t.request == Some(id)) else { return };
        let Some(trunk) = self.trunks.all.get_mut(at) else { return };
        trunk.request = None;
        let status = response.and_then(Message::status);
        if status.is_some_and(|s| s != 503) {
            trunk.rtt = Some(now.mono.since(trunk.asked_at));
            trunk.ways.note_alive();
        }
        let lost = response.is_none() || status == Some(503);
        let is_leaving = matches!(
            trunk.registration.as_ref().map(Registration::state),
            Some(State::Leaving | State::Gone)
        );
        if lost && !is_leaving && trunk.ways.has_another(now.mono) {
            let why = if response.is_none() { "no answer" } else { "503 Service Unavailable" };
            return self.trunk_failed(at, why.to_owned(), Failure::NoAnswer, now);
        }
        let Some(registration) = &mut trunk.registration else {
            if response.is_none() {
                trunk.error = Some("no answer to OPTIONS".to_owned());
            }
            return;
        };
        let before = words(registration.state());
        match response {
            Some(response) => registration.handle_response(response, now.mono),
            None => registration.handle_no_response(Failure::NoAnswer, now.mono),
        }
        let state = words(registration.state());
        if state != before {
            match registration.state() {
                State::Failed { failure, .. } => {
                    log::warn!("trunk '{}': {failure}", trunk.section.name);
                    trunk.error = Some(failure.to_string());
                }
                State::Registered { .. } => log::info!("trunk '{}': registered", trunk.section.name),
                _ => {}
            }
        }
        // The provider may have moved: its name is looked up before the next try.
        if let State::Failed { retry_at, .. } = registration.state() {
            let again = *retry_at;
            if response.is_none() {
                trunk.enter(Line::Down { why: "no answer".to_owned(), again });
                return;
            }
        }
        self.register_trunk(at, now);
    }
}

/// Looks like a token of ours: 16 lower-case hexadecimal characters.
#[must_use]
pub fn is_token(user: &str) -> bool {
    user.len() == TOKEN && user.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn credentials(section: &Trunk) -> Option<Credentials> {
    let (username, secret): (String, Secret) = (section.username.clone()?, section.secret.clone()?);
    Some(Credentials { username, secret })
}

fn registration(section: &Trunk, random: &mut Random) -> Option<Registration> {
    let credentials = credentials(section).filter(|_| section.register)?;
    let settings = Settings {
        domain: section.domain().to_owned(),
        port: section.port.filter(|port| section.domain.is_none() && *port != 5060),
        user: section.from_user.clone().unwrap_or_else(|| credentials.username.clone()),
        credentials,
        expires: u32::try_from(section.expires.as_secs()).unwrap_or(300),
    };
    let mut registration = Registration::new(settings, random.block());
    registration.trust(section.realms.clone());
    Some(registration)
}

fn options(section: &Trunk) -> Message {
    let uri = Uri::sip(None, section.domain(), section.port.filter(|_| section.domain.is_none()));
    let mut request = Message::request(Method::Options, uri.clone());
    let user = section.from_user.as_deref().or(section.username.as_deref()).unwrap_or("tandem");
    request.push(header::FROM, Address::new(Uri::sip(Some(user), section.domain(), None)).to_string());
    request.push(header::TO, Address::new(uri).to_string());
    request
}
