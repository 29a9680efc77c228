//! Where phones and providers reach us: sockets asked for, opened again when they could not be had, and our own name on each way.
use super::net::{Listening, Marks, Place, TlsOwn};
use super::{Output, Switch, net};
use crate::config::{self, Config, External};
use crate::sip::{Flow, Transport};
use crate::util::time::{Instant, Now};
use crate::wire::sip::Uri;
use serde_json::{Value, json};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// An address may come later than we do: a WAN, a VPN.
const RETRY: Duration = Duration::from_secs(10);

/// The token of the look-up of our own name.
const EXTERNAL: u64 = 0;
/// A name for a changing address follows it in minutes.
const LOOK_AGAIN: Duration = Duration::from_secs(120);

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Asked,
    Up(SocketAddr),
    Failed { why: String, again: Instant },
}

/// One place to listen at.
#[derive(Clone, Debug)]
struct Socket {
    id: u32,
    wanted: config::Listen,
    state: State,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Sockets {
    all: Vec<Socket>,
    last: u32,
    /// As the shell was told.
    marks: Marks,
}

impl Sockets {
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let retries = self.all.iter().filter_map(|s| match s.state {
            State::Failed { again, .. } => Some(again),
            State::Asked | State::Up(_) => None,
        });
        retries.min()
    }

    fn up(&self, transport: config::Transport) -> impl Iterator<Item = (u32, SocketAddr)> {
        self.all.iter().filter(move |s| s.wanted.transport == transport).filter_map(|s| match s.state {
            State::Up(at) => Some((s.id, at)),
            State::Asked | State::Failed { .. } => None,
        })
    }

    /// The UDP socket by which a packet leaves from `local`: one at that address, else one at all addresses.
    fn udp_for(&self, local: IpAddr) -> Option<(u32, u16)> {
        let exact = self.up(config::Transport::Udp).find(|(_, at)| at.ip() == local);
        let fits = |at: &SocketAddr| at.ip().is_unspecified() && (at.is_ipv6() || local.is_ipv4());
        exact
            .or_else(|| self.up(config::Transport::Udp).find(|(_, at)| fits(at)))
            .map(|(id, at)| (id, at.port()))
    }
}

impl Switch {
    /// Listen where the configuration says, if there is anybody to listen for.
    pub(super) fn set_listening(&mut self) {
        let config = &self.loaded.config;
        let anybody = config.extensions.iter().any(|e| e.enabled) || config.trunks.iter().any(|t| t.enabled);
        let wanted = if config.sip.enabled && anybody { config.sip.listen.clone() } else { Vec::new() };
        let range = config.sip.rtp_ports;
        self.set_marks(Marks { sip: config.sip.dscp_sip, rtp: config.sip.dscp_rtp });
        self.set_rtp_range((!wanted.is_empty()).then_some(range));
        let old = std::mem::take(&mut self.sockets.all);
        let (kept, gone): (Vec<Socket>, Vec<Socket>) =
            old.into_iter().partition(|s| wanted.contains(&s.wanted));
        self.outputs.extend(gone.into_iter().map(|s| Output::Unlisten { id: s.id }));
        self.sockets.all = kept;
        for place in wanted {
            if let Some(socket) = self.sockets.all.iter().find(|s| s.wanted == place) {
                // It stays, and shows a certificate that was renewed.
                if place.transport == config::Transport::Tls {
                    self.outputs.push_back(Output::Listen(listening(socket, &self.loaded.config)));
                }
                continue;
            }
            self.sockets.last = self.sockets.last.wrapping_add(1);
            let socket = Socket { id: self.sockets.last, wanted: place, state: State::Asked };
            self.outputs.push_back(Output::Listen(listening(&socket, &self.loaded.config)));
            self.sockets.all.push(socket);
        }
    }

    fn set_marks(&mut self, marks: Marks) {
        if std::mem::replace(&mut self.sockets.marks, marks) != marks {
            self.outputs.push_back(Output::Mark(marks));
        }
    }

    /// `Output::Listen` was carried out: where it listens, or why not in words.
    pub fn handle_listening(&mut self, id: u32, result: Result<SocketAddr, String>, now: Now) {
        let Some(socket) = self.sockets.all.iter_mut().find(|s| s.id == id) else { return };
        let shown = &socket.wanted;
        match result {
            Ok(at) => {
                if socket.state != State::Up(at) {
                    log::info!("listening at {shown} ({at})");
                }
                socket.state = State::Up(at);
                self.restore_phones(now);
            }
            Err(why) => {
                let told = matches!(&socket.state, State::Failed { why: old, .. } if *old == why);
                if !told {
                    log::warn!("listening at {shown}: {why}");
                }
                socket.state = State::Failed { why, again: now.mono + RETRY };
            }
        }
        self.turn(now);
    }

    /// Addresses changed: places follow their device, and those that could not be had are tried again. Places that are still right stay as
    /// they are.
    pub fn relisten(&mut self) {
        for socket in &self.sockets.all {
            if matches!(socket.wanted.place, config::Place::Device(_))
                || !matches!(socket.state, State::Up(_))
            {
                self.outputs.push_back(Output::Listen(listening(socket, &self.loaded.config)));
            }
        }
    }

    pub(super) fn retry_listening(&mut self, now: Now) {
        for socket in &mut self.sockets.all {
            if matches!(socket.state, State::Failed { again, .. } if again <= now.mono) {
                // The state with its words stays until the answer.
                if let State::Failed { again, .. } = &mut socket.state {
                    *again = now.mono + RETRY;
                }
                self.outputs.push_back(Output::Listen(listening(socket, &self.loaded.config)));
            }
        }
    }

    /// Our own URI on this way: what Contact says. `user`: the token of a trunk.
    pub(super) fn contact(&self, flow: Flow, user: Option<&str>) -> Uri {
        let ip = self.media_address(flow);
        let host = host(ip);
        let port = match flow.transport {
            Transport::Udp => flow.local.port(),
            // A connection of ours has a port that nobody listens at.
            Transport::Tcp => self.listening_port(config::Transport::Tcp, flow),
            Transport::Tls => self.listening_port(config::Transport::Tls, flow),
        };
        let mut uri = Uri::sip(Some(user.unwrap_or("tandem")), &host, Some(port));
        if let Some(transport) = flow.transport.parameter() {
            uri.params.set("transport", Some(transport));
        }
        uri
    }

    fn listening_port(&self, transport: config::Transport, flow: Flow) -> u16 {
        self.sockets.up(transport).next().map_or(flow.local.port(), |(_, at)| at.port())
    }

    /// Our address as this peer reaches it.
    pub(super) fn media_address(&self, flow: Flow) -> IpAddr {
        let peer = flow.remote.ip().to_canonical();
        let own = flow.local.ip().to_canonical();
        if self.loaded.config.sip.is_local(peer) {
            return own;
        }
        match &self.loaded.config.sip.external {
            External::Address(address) => *address,
            External::Host(_) => self.external.unwrap_or(own),
            // What the provider saw of us, where it differs: we are behind somebody's NAT.
            External::Auto => self.learnt_address(peer).unwrap_or(own),
        }
    }

    /// `external` as a name is looked up, now and again.
    pub(super) fn set_external(&mut self, now: Now) {
        match &self.loaded.config.sip.external {
            External::Host(host) if self.rtp_range_is_set() => {
                let host = host.clone();
                self.external_at = Some(now.mono + LOOK_AGAIN);
                // A port, so that no SRV records are asked for.
                let (port, transport) = (Some(0), Some(Transport::Udp));
                self.outputs.push_back(Output::Resolve { token: EXTERNAL, host, port, transport });
            }
            _ => self.external_at = None,
        }
    }

    /// The answer to `set_external`. False: it is somebody else's.
    pub(super) fn handle_external_resolved(
        &mut self,
        token: u64,
        result: &Result<Vec<net::Way>, String>,
        now: Now,
    ) -> bool {
        if token != EXTERNAL {
            return false;
        }
        match result {
            Ok(ways) => {
                self.external = ways.first().map(|w| w.remote.ip()).or(self.external);
                self.tell_calls(now);
            }
            Err(why) => log::warn!("option 'external' of section 'sip': {why}; the last address stays"),
        }
        true
    }

    /// A way by UDP to a host that was looked up.
    pub(super) fn udp_flow(&self, way: net::Way) -> Option<Flow> {
        let (id, port) = self.sockets.udp_for(way.local)?;
        let local = SocketAddr::new(way.local, port);
        Some(Flow { transport: Transport::Udp, id, local, remote: way.remote })
    }

    pub(super) fn listening_view(&self) -> Vec<Value> {
        let view = |s: &Socket| {
            let (state, reason) = match &s.state {
                State::Asked => ("opening", None),
                State::Up(_) => ("up", None),
                State::Failed { why, .. } => ("failed", Some(why.as_str())),
            };
            let at = match s.state {
                State::Up(at) => Some(at.to_string()),
                State::Asked | State::Failed { .. } => None,
            };
            json!({"where": s.wanted.to_string(), "state": state, "reason": reason, "at": at})
        };
        self.sockets.all.iter().map(view).collect()
    }
}

fn listening(socket: &Socket, config: &Config) -> Listening {
    let transport = match socket.wanted.transport {
        config::Transport::Udp => Transport::Udp,
        config::Transport::Tcp => Transport::Tcp,
        config::Transport::Tls => Transport::Tls,
    };
    let place = match &socket.wanted.place {
        config::Place::Any => Place::Any,
        config::Place::Address(address) => Place::Address(*address),
        config::Place::Device(name) => Place::Device(name.clone()),
    };
    let tls = (transport == Transport::Tls).then(|| match &config.sip.tls {
        Some((certificate, key)) => {
            TlsOwn { certificate: certificate.clone(), key: key.clone(), is_made: false }
        }
        None => {
            let path = |what| format!("{}/tls.{what}", config.main.state_dir);
            TlsOwn { certificate: path("certificate"), key: path("key"), is_made: true }
        }
    });
    Listening { id: socket.id, transport, place, port: socket.wanted.port, tls }
}

/// As a URI writes an address.
#[must_use]
pub fn host(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("[{v6}]"),
    }
}
