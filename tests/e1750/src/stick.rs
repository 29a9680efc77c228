//! The whole stick: its state, its events, and how bytes leave it.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::at::Engine;
use crate::log::Log;
use crate::network::Network;
use crate::options::{Options, Profile};
use crate::pdu;
use crate::ports::{Port, PtyPort, Read};
use crate::power::{Plugged, Powered};
use crate::quirks::{Quirk, Quirks};
use crate::rng::Rng;
use crate::sim::{Sim, SimState};
use crate::timers::Timers;
use crate::voice::{CallStep, Voice};

/// Something that happens later.
#[derive(Debug, Clone)]
pub enum Event {
    /// The next piece of a running command's answer: port and run number.
    Step(Port, u64),
    /// A few bytes of slow output.
    Drip(Port),
    /// The n-th tty of a plugged stick appears.
    TtyAppears(usize),
    SimAwake,
    SimReady,
    Attach,
    /// The network offers the next waiting text.
    Deliver,
    /// The network sends a status report.
    Report(Vec<u8>),
    BootUrc,
    NoiseUrc,
    RssiUrc,
    Urc(String),
    Call(u32, CallStep),
    /// The call identified waits for this ring.
    Ring(u32),
    /// A frame of the stream with this number is due.
    Audio(u32),
    /// The AT engine dies.
    Hang,
    Reboot,
    /// Back after a reset.
    PlugAgain,
}

/// Whether the AT engine answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hang {
    No,
    Forever,
    Until(Instant),
}

#[derive(Debug)]
pub struct Stick {
    pub options: Options,
    pub quirks: Quirks,
    pub log: Log,
    pub rng: Rng,
    pub now: Instant,
    pub(crate) timers: Timers,
    /// Number of the power cycle; timers of earlier ones are void.
    pub(crate) power: u64,
    pub(crate) plugged: Option<Plugged>,
    pub(crate) powered: Powered,
    engines: [Engine; 2],
    drips: [VecDeque<u8>; 3],
    pub sim: Sim,
    pub network: Network,
    pub voice: Voice,
    pub(crate) hang: Hang,
    pub(crate) commands: u64,
    pub(crate) noise_lines: u64,
    pub(crate) late: Vec<(String, Duration)>,
    pub(crate) urc_inside: Vec<(String, String)>,
    pub(crate) urc_before_prompt: Vec<String>,
    pub(crate) delivering: bool,
}

impl Stick {
    /// A stick that is not plugged yet. Makes the directory and the log.
    pub fn new(options: Options) -> io::Result<Stick> {
        std::fs::create_dir_all(&options.dir)?;
        for part in ["sys/bus/usb/devices", "sys/class/tty", "dev"] {
            std::fs::create_dir_all(options.dir.join(part))?;
        }
        let log = Log::create(&options.dir.join(format!("{}.log", options.name)))?;
        let sim = Sim::new(options.pin.clone(), options.pin_tries, options.slots, pdu::smsc_number());
        Ok(Stick {
            quirks: options.quirks.clone(),
            rng: Rng::new(options.seed),
            log,
            now: Instant::now(),
            timers: Timers::default(),
            power: 0,
            plugged: None,
            powered: Powered::new(Instant::now()),
            engines: [Engine::new(), Engine::new()],
            drips: Default::default(),
            sim,
            network: Network::new(),
            voice: Voice::new(),
            hang: Hang::No,
            commands: 0,
            noise_lines: 0,
            late: Vec::new(),
            urc_inside: Vec::new(),
            urc_before_prompt: Vec::new(),
            delivering: false,
            options,
        })
    }

    pub fn fast(&self) -> bool {
        self.options.profile == Profile::Fast
    }

    /// `fast` milliseconds in the fast profile, else between `low` and `high`.
    pub fn pace(&mut self, fast: u64, low: u64, high: u64) -> Duration {
        if self.fast() { Duration::from_millis(fast) } else { self.rng.millis(low, high) }
    }

    /// The interpreter of the modem or the AT port.
    pub fn engine(&mut self, port: Port) -> &mut Engine {
        let [modem, at] = &mut self.engines;
        if port == Port::Modem { modem } else { at }
    }

    pub fn reset_engines(&mut self) {
        self.engines = [Engine::new(), Engine::new()];
        self.drips = Default::default();
    }

    /// Schedules an event of this power cycle.
    pub fn later(&mut self, wait: Duration, event: Event) {
        self.timers.add(self.now + wait, Some(self.power), event);
    }

    /// Schedules an event of the world, which does not care for the stick's power.
    pub fn later_outside(&mut self, wait: Duration, event: Event) {
        self.timers.add(self.now + wait, None, event);
    }

    /// Carries out what is due.
    pub fn run_timers(&mut self) {
        if let Hang::Until(end) = self.hang
            && end <= self.now
        {
            self.unhang();
        }
        while let Some((power, event)) = self.timers.take(self.now) {
            if power.is_none_or(|p| p == self.power) {
                self.happen(event);
            }
        }
    }

    /// Time until something is due.
    pub fn wait(&self) -> Option<Duration> {
        let timers = self.timers.wait(self.now);
        let hang = match self.hang {
            Hang::Until(end) => Some(end.saturating_duration_since(self.now)),
            _ => None,
        };
        match (timers, hang) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Step(port, run) => self.step(port, run),
            Event::Drip(port) => self.drip(port),
            Event::TtyAppears(n) => self.tty_appears(n),
            Event::SimAwake => self.sim_awake(),
            Event::SimReady => self.sim_ready(),
            Event::Attach => self.attach(),
            Event::Deliver => self.deliver_next(),
            Event::Report(pdu) => self.network_sends(pdu),
            Event::BootUrc => self.boot_urc(),
            Event::NoiseUrc => self.noise_urc(),
            Event::RssiUrc => self.rssi_urc(),
            Event::Urc(text) => self.urc(&text),
            Event::Call(id, step) => self.call_step(id, step),
            Event::Ring(id) => self.ring_again(id),
            Event::Audio(run) => self.audio_tick(run),
            Event::Hang => self.hang(None),
            Event::Reboot => self.reboot(),
            Event::PlugAgain => self.plug_or_log(None, None),
        }
    }

    /// Stops the AT engine: for a time, or for good.
    pub fn hang(&mut self, time: Option<Duration>) {
        self.hang = time.map_or(Hang::Forever, |t| Hang::Until(self.now + t));
        self.log.event("hang", json!({"seconds": time.map(|t| t.as_secs_f64())}));
        self.engine(Port::At).abort();
        self.engine(Port::Modem).abort();
        self.arm_boot(500);
    }

    pub fn unhang(&mut self) {
        if self.hang != Hang::No {
            self.hang = Hang::No;
            self.log.event("unhang", json!({}));
        }
    }

    /// The AT engine does not answer: hung, or not up yet.
    pub fn is_hung(&self) -> bool {
        self.hang != Hang::No || self.now < self.powered.alive_at
    }

    /// An unsolicited line on the port that URCs go to.
    pub fn urc(&mut self, text: &str) {
        if self.plugged.is_none() {
            return;
        }
        let port = if self.powered.portsel == 1 { Port::Modem } else { Port::At };
        self.log.event("urc", json!({"port": port.name(), "text": text}));
        self.urc_on(port, text);
        if self.quirks.has(Quirk::UnreadPortCrash) && port == Port::At && self.powered.curc != 0 {
            self.urc_on(Port::Modem, text);
            let full = self.port(Port::Modem).is_some_and(|p| p.unread() >= 4096);
            if full {
                self.log.event("crash", json!({"why": "unread URCs on the modem port"}));
                self.reboot();
            }
        }
    }

    /// A report that AT^CURC=0 switches off.
    pub fn periodic_urc(&mut self, text: &str) {
        if self.powered.curc != 0 {
            self.urc(text);
        }
    }

    pub fn port(&mut self, port: Port) -> Option<&mut PtyPort> {
        self.plugged.as_mut().and_then(|p| p.ports.get_mut(port.index()))
    }

    /// Bytes out of a port, in pieces when the quirk says so.
    pub fn emit(&mut self, port: Port, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if self.quirks.has(Quirk::SplitOutput) && port != Port::Voice {
            let idle = self.drips[port.index()].is_empty();
            self.drips[port.index()].extend(bytes);
            if idle {
                self.later(Duration::from_millis(1), Event::Drip(port));
            }
            return;
        }
        if let Some(port) = self.port(port) {
            port.put(bytes);
            port.flush();
        }
    }

    fn drip(&mut self, port: Port) {
        let n = usize::try_from(self.rng.between(1, 3)).unwrap_or(1);
        let queue = &mut self.drips[port.index()];
        let piece: Vec<u8> = queue.drain(..n.min(queue.len())).collect();
        let more = !queue.is_empty();
        if let Some(port) = self.port(port) {
            port.put(&piece);
            port.flush();
        }
        if more {
            self.later(Duration::from_millis(1), Event::Drip(port));
        }
    }

    pub fn log_output(&mut self, port: Port, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n");
        self.log.event("reply", json!({"port": port.name(), "text": text.trim_matches('\n')}));
    }

    /// Looks at one port and takes what is there.
    pub fn look(&mut self, port: Port) {
        loop {
            let Some(pty) = self.port(port) else { return };
            let read = pty.look();
            match read {
                Read::Nothing => return,
                Read::Closed => {
                    self.log.event("close", json!({"port": port.name()}));
                    self.renew_if_locked(port);
                    return;
                }
                Read::Opened => self.opened(port),
                Read::Bytes(bytes) => {
                    if self.plugged.as_ref().is_some_and(|p| !p.known_open[port.index()]) {
                        self.opened(port);
                    }
                    let sound = self.voice.audio.streaming && self.quirks.has(Quirk::PcmElsewhere);
                    let voice = if sound { Port::Modem } else { Port::Voice };
                    if port == voice || port == Port::Voice {
                        self.voice_input(&bytes);
                    } else {
                        self.at_input(port, &bytes);
                    }
                }
            }
        }
    }

    fn opened(&mut self, port: Port) {
        if let Some(plugged) = &mut self.plugged {
            plugged.known_open[port.index()] = true;
        }
        self.log.event("open", json!({"port": port.name()}));
        if port == Port::At {
            self.sim.new_session();
        }
        if let Some(pty) = self.port(port) {
            pty.flush();
        }
    }

    /// Keeps the open flags the log has told in step with the ports.
    pub fn note_closed(&mut self) {
        if let Some(plugged) = &mut self.plugged {
            for port in Port::ALL {
                if !plugged.ports[port.index()].open {
                    plugged.known_open[port.index()] = false;
                }
            }
        }
    }

    /// Everything, for the control socket.
    pub fn state(&self) -> Value {
        let open = |port: Port| self.plugged.as_ref().is_some_and(|p| p.ports[port.index()].open);
        let lost: usize = self.plugged.iter().flat_map(|p| &p.ports).map(|p| p.lost).sum();
        json!({
            "plugged": self.plugged.is_some(),
            "layout": self.plugged.as_ref().map(|p| p.layout.product()),
            "ttys": self.plugged.as_ref().map(Plugged::tty_names),
            "registered": self.network.attached,
            "network": self.network.state(),
            "sim": sim_name(self.sim.state),
            "pin_tries": self.sim.pin_tries,
            "puk_tries": self.sim.puk_tries,
            "open": {"modem": open(Port::Modem), "voice": open(Port::Voice), "at": open(Port::At)},
            "hung": self.is_hung(),
            "cfun": self.powered.cfun,
            "cnmi": self.powered.cnmi,
            "quirks": self.quirks.names(),
            "counters": {"commands": self.commands, "noise": self.noise_lines, "offences": self.log.offences, "output_lost": lost},
            "call": self.voice.state(),
        })
    }
}

pub fn sim_name(state: SimState) -> &'static str {
    match state {
        SimState::Absent => "absent",
        SimState::Busy => "busy",
        SimState::PinNeeded => "locked",
        SimState::PukNeeded => "puk",
        SimState::Initialising => "initialising",
        SimState::Ready => "ready",
    }
}
