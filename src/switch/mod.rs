//! L3: everything that decides. One `Switch`, no locks: inputs are `handle_*`, outputs `poll_output`, the next moment it
//! wants to be called is `poll_timeout`.
pub mod api;
pub mod calls;
pub mod doctor;
mod fleet;
mod kept;
mod large;
pub mod line;
mod lines;
mod listen;
mod messages;
pub mod net;
mod phones;
mod presence;
mod requests;
pub mod route;
mod routing;
mod rtp_ports;
mod settings;
mod sip;
mod storing;
mod switching;
mod texts;
mod tones;
mod trace;
mod trunks;
pub mod uplink;
mod ussd;
mod view;

pub use calls::Heard;
pub use fleet::Plug;
pub use line::LineId;
pub use switching::{Order as ModeSwitch, Trouble as ModeSwitchTrouble};

use crate::config::{Extension, Loaded, Smtp};
use crate::message::inbox::Inbox;
use crate::message::mail::Mail;
use crate::message::outbox::Outbox;
use crate::message::post::Post;
use crate::message::{Change, PartId, TextId};
use crate::modem::{PinNote, Rung, Slot};
use crate::sip::auth::Authenticator;
use crate::sip::registrar::{Key, Registrar};
use crate::sip::{ClientId, Endpoint, Flow, Transport};
use crate::util::OFFICE;
use crate::util::limits::Capacity;
use crate::util::random::{Random, Seed};
use crate::util::table::Table;
use crate::util::time::{Instant, Now};
use crate::util::zone::Zone;
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Names a connection of the control socket.
pub type Client = u64;

/// What the shell is asked to do.
#[derive(Clone, Debug)]
pub enum Output {
    /// Open these ttys; `handle_opened` answers for each.
    Open {
        line: LineId,
        ttys: Vec<String>,
    },
    /// Close all ports of this line.
    Close {
        line: LineId,
    },
    Write {
        line: LineId,
        port: usize,
        bytes: Vec<u8>,
    },
    /// One frame of PCM, 320 bytes, for the voice port. Dropped whole when three are waiting: late sound is worse than none.
    Voice {
        line: LineId,
        port: usize,
        frame: Box<[u8]>,
    },
    /// Listen there; `handle_listening` answers.
    Listen(net::Listening),
    /// Stop listening. Connections accepted there end too.
    Unlisten {
        id: u32,
    },
    /// A datagram from the listening socket `flow.id`, or bytes for the connection `flow.id`.
    Sip {
        flow: Flow,
        bytes: Vec<u8>,
    },
    /// Make a TCP or TLS connection; `handle_connected` or `handle_disconnected` answers within ten seconds.
    Connect {
        id: u32,
        to: SocketAddr,
        tls: Option<Box<net::TlsPeer>>,
    },
    /// End a connection, after what was written.
    Disconnect {
        id: u32,
    },
    /// Find the ways to a SIP host (RFC 3263), best first; `handle_resolved` answers within twenty seconds. With a port no SRV records
    /// are asked for, with a transport no NAPTR.
    Resolve {
        token: u64,
        host: String,
        port: Option<u16>,
        transport: Option<Transport>,
    },
    /// Mark what is sent from now on; what is open already, too, but for connections.
    Mark(net::Marks),
    /// Open an RTP port, on all addresses; `handle_rtp_bound` answers before any other input.
    BindRtp {
        port: u16,
    },
    /// Packets come to this port from there, and go there: what can be had by that is to be had. Whoever else sends is heard as before.
    PinRtp {
        port: u16,
        to: SocketAddr,
    },
    CloseRtp {
        port: u16,
    },
    Rtp {
        port: u16,
        to: SocketAddr,
        bytes: Vec<u8>,
    },
    /// Ask a stick that shows itself as a CD to be a modem; `handle_switched` answers.
    ModeSwitch(ModeSwitch),
    /// Reset the stick on the bus.
    Reset {
        plug: Plug,
        rung: Rung,
    },
    /// Change the store; `handle_stored` answers. In the order given.
    Store {
        token: u64,
        change: Change,
    },
    /// Try one mail; `handle_mailed` answers. Never a second one before.
    Mail {
        server: Arc<Smtp>,
        mail: Box<Mail>,
        more: bool,
    },
    /// One traced message for this client, left out where too many wait.
    Trace {
        client: Client,
        text: String,
    },
    /// One line for this client.
    Reply {
        client: Client,
        text: String,
    },
    /// Read the configuration again; `reload` answers the client.
    Reload {
        client: Client,
        id: api::RequestId,
    },
}

/// Things counted since the start.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    pub texts_in: u64,
    pub reports: u64,
    pub texts_out: u64,
    pub mails_sent: u64,
    pub mails_failed: u64,
    pub store_writes: u64,
    pub store_bytes: u64,
    pub store_failures: u64,
    pub requests: u64,
    pub bad_requests: u64,
    /// Calls that came: by the SIM, from phones, by trunks.
    pub calls_in: u64,
    /// Calls that went out of the house.
    pub calls_out: u64,
    pub calls_answered: u64,
    pub calls_failed: u64,
    /// Keys of phones that were sent on to a stick.
    pub digits_out: u64,
    /// Keys that a peer was not told of: it takes no INFO, or too many waited.
    pub digits_untold: u64,
    /// Wrong passwords of phones.
    pub auth_failures: u64,
    /// Datagrams at RTP ports that belong to no call.
    pub rtp_stray: u64,
    /// Datagrams of RTCP that are broken or not of the call's peer.
    pub rtcp_refused: u64,
}

/// The whole exchange.
#[derive(Debug)]
pub struct Switch {
    loaded: Loaded,
    file: String,
    started: Instant,
    lines: Vec<line::Line>,
    next_line: u32,
    fleet: fleet::Fleet,
    switching: switching::Switching,
    unsettled: bool,
    pins: Table<u64, PinNote>,
    inbox: Inbox,
    post: Post,
    outbox: Outbox,
    storing: storing::Storing,
    /// Where the parts lie that are not safe yet.
    slots: Table<PartId, Vec<(LineId, Slot)>>,
    /// Clients who wait until their text is on the medium.
    accepting: Table<TextId, (Client, api::RequestId)>,
    disk_trouble: Option<String>,
    foreign_files: usize,
    /// The system's time zone.
    zone: Zone,
    random: Random,
    sip: Endpoint,
    /// What the machine can bear, where no option says otherwise.
    machine: Capacity,
    authenticator: Authenticator,
    registrar: Registrar,
    kept: kept::Keeping,
    settings: settings::Settings,
    sockets: listen::Sockets,
    /// Our address outside, where `external` is a name.
    external: Option<IpAddr>,
    external_at: Option<Instant>,
    streams: sip::Streams,
    large: large::Large,
    trunks: trunks::Trunks,
    /// OPTIONS under way.
    probes: Table<ClientId, Key>,
    /// When the log told of a wrong password last.
    auth_told: Option<Instant>,
    rtp_ports: rtp_ports::RtpPorts,
    calls: calls::Calls,
    presence: presence::Presence,
    messages: messages::Messages,
    trace: trace::Trace,
    /// Clients who wait for the network's answer.
    ussd: Table<u64, (Client, api::RequestId)>,
    ussd_last: u64,
    counters: Counters,
    outputs: VecDeque<Output>,
}

impl Switch {
    /// `file` is only shown. `files`: the state directory as found, names and content. `seed`: unpredictable bytes.
    #[must_use]
    pub fn new(loaded: Loaded, file: &str, files: &[(String, Vec<u8>)], seed: Seed, now: Now) -> Self {
        let mut random = Random::new(seed);
        let mut switch = Self {
            loaded,
            file: file.to_owned(),
            started: now.mono,
            lines: Vec::new(),
            next_line: 0,
            fleet: fleet::Fleet::default(),
            switching: switching::Switching::default(),
            unsettled: true,
            pins: Table::new(),
            inbox: Inbox::default(),
            post: Post::default(),
            outbox: Outbox::default(),
            storing: storing::Storing::default(),
            slots: Table::new(),
            accepting: Table::new(),
            disk_trouble: None,
            foreign_files: 0,
            zone: Zone::default(),
            sip: Endpoint::new(random.block(), concat!("tandem/", env!("CARGO_PKG_VERSION"))),
            machine: Capacity::default(),
            authenticator: Authenticator::new(random.block()),
            registrar: Registrar::new(random.block()),
            presence: presence::Presence::new(random.block()),
            messages: messages::Messages::default(),
            kept: kept::Keeping::default(),
            settings: settings::Settings::default(),
            trace: trace::Trace::default(),
            random,
            sockets: listen::Sockets::default(),
            external: None,
            external_at: None,
            streams: sip::Streams::default(),
            large: large::Large::default(),
            trunks: trunks::Trunks::default(),
            probes: Table::new(),
            auth_told: None,
            rtp_ports: rtp_ports::RtpPorts::default(),
            calls: calls::Calls::default(),
            ussd: Table::new(),
            ussd_last: 0,
            counters: Counters::default(),
            outputs: VecDeque::new(),
        };
        switch.post.set_servers(&switch.loaded.config.smtps, now.mono);
        switch.load_state(files, now);
        switch.set_lines(now);
        switch.set_telephony(&[], now);
        switch.turn(now);
        switch
    }

    /// Why a file is no successor of the running configuration: cut short or half written, it would take every dongle
    /// out of service. A file whose sections can be told apart is taken, its bad ones left out.
    #[must_use]
    pub fn unfit(&self, loaded: &Loaded) -> Option<String> {
        if let Some(fault) = loaded.problems.iter().find(|p| p.kind.is_empty() && p.line > 0) {
            return Some(format!("the file can't be read to its end: {}", fault.text));
        }
        let nothing = loaded.config == crate::config::Config::default() && loaded.is_right();
        (nothing && !self.lines.is_empty()).then(|| "the file is empty".to_owned())
    }

    /// The running configuration stays; `status` shows what is wrong with the file.
    pub fn note_unfit(&mut self, loaded: Loaded, why: &str) {
        self.loaded.problems = loaded.problems;
        if self.loaded.problems.is_empty() {
            let (section, kind) = (String::new(), String::new());
            self.loaded.problems.push(crate::config::Problem {
                line: 0,
                section,
                kind,
                text: why.to_owned(),
            });
        }
    }

    /// A new configuration: only what changed is touched.
    pub fn reload(&mut self, loaded: Loaded, now: Now) {
        for problem in loaded.problem_lines() {
            log::warn!("{problem}");
        }
        let old = std::mem::replace(&mut self.loaded, loaded);
        self.post.set_servers(&self.loaded.config.smtps, now.mono);
        self.set_lines(now);
        self.set_telephony(&old.config.extensions, now);
        self.retarget(now);
        log::info!("configuration read again: {} problem(s)", self.loaded.problems.len());
        self.turn(now);
    }

    /// The clock reached `poll_timeout`.
    pub fn handle_timeout(&mut self, now: Now) {
        for line in &mut self.lines {
            if line.modem.poll_timeout().is_some_and(|at| at <= now.mono) {
                line.modem.handle_timeout(now.mono);
            }
        }
        self.inbox.handle_timeout(now);
        if self.sip.poll_timeout().is_some_and(|at| at <= now.mono) {
            self.sip.handle_timeout(now.mono);
        }
        if self.registrar.poll_timeout().is_some_and(|at| at <= now.mono) {
            self.registrar_timeouts(now);
        }
        self.keep_phones(now);
        self.retry_listening(now);
        self.end_slow_streams(now);
        if self.external_at.is_some_and(|at| at <= now.mono) {
            self.set_external(now);
        }
        self.trunk_timeouts(now);
        self.call_timeouts(now);
        for (purpose, change) in self.storing.due(now.mono) {
            self.store(purpose, change);
        }
        self.turn(now);
    }

    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let modems = self.lines.iter().filter_map(|l| l.modem.poll_timeout());
        let rest = [
            self.inbox.poll_timeout(),
            self.post.poll_timeout(),
            self.outbox_timeout(),
            self.storing.poll_timeout(),
            self.sip.poll_timeout(),
            self.registrar.poll_timeout(),
            self.kept.poll_timeout(),
            self.sockets.poll_timeout(),
            self.streams.poll_timeout(),
            self.trunks.poll_timeout(),
            self.calls.poll_timeout(),
            if OFFICE { self.presence.notifier.poll_timeout() } else { None },
            if OFFICE { self.messages.pager.poll_timeout() } else { None },
            self.rtp_ports.poll_timeout(),
            self.external_at,
        ];
        modems.chain(rest.into_iter().flatten()).min()
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Nothing is on its way to the disk.
    #[must_use]
    pub fn is_stored(&self) -> bool {
        self.storing.is_idle()
    }

    #[must_use]
    pub const fn loaded(&self) -> &Loaded {
        &self.loaded
    }

    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What the machine can bear; `max_calls` may say otherwise.
    pub fn set_machine(&mut self, machine: Capacity) {
        self.machine = machine;
        self.sip.set_capacity(self.capacity());
        log::debug!("{} calls at once at most", self.capacity().calls);
    }

    fn capacity(&self) -> Capacity {
        self.loaded.config.sip.max_calls.map_or(self.machine, |calls| Capacity { calls })
    }

    /// Phones, trunks and the places where they reach us. `old`: the extensions before.
    fn set_telephony(&mut self, old: &[Extension], now: Now) {
        self.sip.set_capacity(self.capacity());
        self.set_extensions(old);
        self.set_listening();
        self.set_trunks(now);
        self.set_external(now);
    }

    /// Nothing of any call is left: no leg, transaction, dialog, port. For tests.
    #[must_use]
    pub fn has_no_calls(&self) -> bool {
        self.calls.is_idle() && self.sip.is_idle() && self.rtp_ports.used() == 0
    }

    /// Phones that watch something.
    #[must_use]
    pub const fn subscriptions(&self) -> usize {
        self.presence.notifier.count()
    }

    /// Let every part take what the others gave, until nothing moves.
    fn turn(&mut self, now: Now) {
        loop {
            let moved = self.turn_lines(now)
                | self.turn_sip(now)
                | (OFFICE && (self.turn_messages(now) | self.turn_presence(now)))
                | self.turn_rtp_ports(now)
                | self.turn_inbox(now)
                | self.turn_post(now)
                | self.turn_outbox(now);
            if !moved {
                return;
            }
        }
    }
}
