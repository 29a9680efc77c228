//! Plugging, unplugging, resets, and what a power cycle forgets.

use std::io;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::ports::{Port, PtyPort};
use crate::quirks::Quirk;
use crate::sim::{Memory, SimState};
use crate::stick::{Event, Hang, Stick, sim_name};
use crate::sysfs::{Descriptor, Layout, Tree};

/// What exists only while the stick is in the socket.
#[derive(Debug)]
pub struct Plugged {
    pub tree: Tree,
    pub layout: Layout,
    /// By `Port::index`.
    pub ports: [PtyPort; 3],
    /// Opens that the log has told.
    pub known_open: [bool; 3],
}

impl Plugged {
    /// `at: ttyUSB2` and so on.
    pub fn tty_names(&self) -> serde_json::Value {
        let names = self.layout.ttys();
        names.iter().enumerate().map(|(n, p)| (p.name().to_string(), json!(self.tree.tty(n)))).collect()
    }
}

/// Settings that are lost with the power.
#[derive(Debug)]
pub struct Powered {
    pub since: Instant,
    /// The AT engine answers from here on.
    pub alive_at: Instant,
    /// When the SIM became ready.
    pub sim_ready: Option<Instant>,
    pub commands: u64,
    pub cfun: u8,
    pub crc: bool,
    pub clip: bool,
    pub creg: u8,
    pub cgreg: u8,
    pub cnmi: [u8; 5],
    pub cscs: String,
    pub cmgf: u8,
    pub curc: u8,
    pub cops_format: u8,
    pub cssn: [u8; 2],
    pub memories: [Memory; 3],
    pub cmms: u8,
    pub csms: u8,
    pub clvl: u8,
    pub clir: u8,
    pub ccwa: bool,
    pub cmut: u8,
    pub ussd_mode: u8,
    pub cusd: u8,
    pub portsel: u8,
    pub csq_asked: bool,
    /// A timer for ^BOOT, and one for other noise, is running.
    pub boot_armed: bool,
    pub noise_armed: bool,
}

impl Powered {
    pub fn new(now: Instant) -> Powered {
        Powered {
            since: now,
            alive_at: now,
            sim_ready: None,
            commands: 0,
            cfun: 1,
            crc: false,
            clip: false,
            creg: 0,
            cgreg: 0,
            cnmi: [0; 5],
            cscs: "IRA".into(),
            cmgf: 0,
            curc: 1,
            cops_format: 0,
            cssn: [0; 2],
            memories: [Memory::Sm; 3],
            cmms: 0,
            csms: 0,
            clvl: 3,
            clir: 0,
            ccwa: true,
            cmut: 0,
            ussd_mode: 0,
            cusd: 0,
            portsel: 0,
            csq_asked: false,
            boot_armed: false,
            noise_armed: false,
        }
    }
}

impl Stick {
    /// Plugs in; errors go to the log.
    pub fn plug_or_log(&mut self, tty_base: Option<u32>, layout: Option<Layout>) {
        if let Err(e) = self.plug(tty_base, layout) {
            self.log.event("plug_failed", json!({"error": e.to_string()}));
        }
    }

    /// Plugs the stick in, under other tty numbers or as another product if asked for.
    pub fn plug(&mut self, tty_base: Option<u32>, layout: Option<Layout>) -> io::Result<()> {
        if self.plugged.is_some() {
            return Err(io::Error::other("plugged already"));
        }
        self.options.tty_base = tty_base.unwrap_or(self.options.tty_base);
        self.options.layout = layout.unwrap_or(self.options.layout);
        self.power += 1;
        let layout = self.options.layout;
        let tree = Tree::new(&self.options.dir, &self.options.bus, layout, self.options.tty_base);
        let raw = self.quirks.has(Quirk::RawTty);
        let ports = [PtyPort::new(raw)?, PtyPort::new(raw)?, PtyPort::new(raw)?];
        let serial = self.quirks.has(Quirk::SerialConst).then_some("0123456789ABCDEF");
        let devnum = u32::try_from(self.power).unwrap_or(1) + 3;
        tree.make_device(&Descriptor { devnum, serial })?;
        self.plugged = Some(Plugged { tree, layout, ports, known_open: [false; 3] });
        self.log.event("plug", json!({"layout": layout.product(), "tty_base": self.options.tty_base}));
        self.power_up();
        for n in 0..layout.ttys().len() {
            if self.quirks.has(Quirk::TtysAppearSlowly) {
                self.later(Duration::from_millis(100 * (n as u64 + 1)), Event::TtyAppears(n));
            } else if self.fast() {
                self.tty_appears(n);
            } else {
                self.later(Duration::from_millis(30 * (n as u64 + 1)), Event::TtyAppears(n));
            }
        }
        Ok(())
    }

    pub fn tty_appears(&mut self, n: usize) {
        let Some(plugged) = &self.plugged else { return };
        let Some(role) = plugged.layout.ttys().get(n).copied() else { return };
        let made = plugged.tree.make_tty(n, &plugged.ports[role.index()].path);
        if let Err(e) = made {
            self.log.event("plug_failed", json!({"error": e.to_string()}));
        }
    }

    /// Replaces a port that its last user left exclusive, under the same name.
    pub fn renew_if_locked(&mut self, port: Port) {
        let raw = self.quirks.has(Quirk::RawTty);
        let Some(plugged) = &mut self.plugged else { return };
        let Some(pty) = plugged.ports.get_mut(port.index()) else { return };
        if !pty.is_locked() {
            return;
        }
        if let Ok(new) = PtyPort::new(raw) {
            *pty = new;
            let n = plugged.layout.ttys().iter().position(|p| *p == port);
            n.into_iter().for_each(|n| self.tty_appears(n));
        }
    }

    fn power_up(&mut self) {
        self.powered = Powered::new(self.now);
        self.reset_engines();
        self.hang = Hang::No;
        self.network.attached = false;
        self.network.ussd_open = false;
        self.delivering = false;
        self.voice.power_up();
        let boot = self.quirks.number(Quirk::SlowBoot).map(Duration::from_millis);
        self.powered.alive_at = self.now + boot.unwrap_or_default().max(self.pace(0, 1000, 3000));
        if self.quirks.has(Quirk::MeStorage) || self.quirks.has(Quirk::SmRefused) {
            self.powered.memories = [Memory::Me; 3];
        }
        self.powered.crc = self.quirks.has(Quirk::CrcOn);
        self.powered.ussd_mode = u8::from(self.quirks.has(Quirk::UssdModeRaw));
        self.powered.portsel = u8::from(self.quirks.has(Quirk::PortselModem));
        self.powered.cfun =
            self.quirks.number(Quirk::CfunOff).and_then(|n| u8::try_from(n).ok()).unwrap_or(1);
        if self.sim.state != SimState::Absent {
            self.sim.state = SimState::Busy;
            let busy = self.quirks.number(Quirk::CpinBusy).map(Duration::from_millis);
            let busy = busy.unwrap_or_default().max(self.pace(0, 1000, 3000));
            self.later(busy, Event::SimAwake);
        }
        let boot = self.quirks.number(Quirk::BootStorm).or(self.quirks.number(Quirk::Boot));
        self.arm_boot(boot.unwrap_or(3000));
        self.arm_noise(300);
        let first = self.pace(2000, 3000, 8000);
        self.later(first, Event::RssiUrc);
        if let Some(n) = self.quirks.number(Quirk::Drops) {
            self.later(Duration::from_secs(n), Event::Reboot);
        }
    }

    /// Pulls the stick out: hang-up on the ttys, then device and links vanish.
    pub fn unplug(&mut self) {
        let Some(plugged) = self.plugged.take() else { return };
        self.power += 1;
        drop(plugged.ports);
        plugged.tree.remove();
        self.hang = Hang::No;
        self.network.attached = false;
        self.delivering = false;
        self.voice.power_up();
        if !matches!(self.sim.state, SimState::Absent) {
            self.sim.state = SimState::Busy;
        }
        self.log.event("unplug", json!({}));
    }

    /// As after AT+CFUN=1,1: gone, and back after a while.
    pub fn reboot(&mut self) {
        if self.plugged.is_none() {
            return;
        }
        self.log.event("reboot", json!({}));
        self.unplug();
        let gone = self.pace(200, 9000, 9500);
        self.later_outside(gone, Event::PlugAgain);
    }

    pub fn sim_awake(&mut self) {
        if self.sim.state == SimState::Busy {
            self.sim.state = self.sim.after_power_up();
            self.sim_changed();
        }
    }

    /// Goes on from the SIM's new state.
    pub fn sim_changed(&mut self) {
        self.log.event("sim", json!({"state": sim_name(self.sim.state)}));
        if self.sim.state == SimState::Initialising {
            let init = self.pace(20, 2000, 10_000);
            self.later(init, Event::SimReady);
        }
    }

    pub fn sim_ready(&mut self) {
        if self.sim.state != SimState::Initialising {
            return;
        }
        self.sim.state = SimState::Ready;
        self.powered.sim_ready = Some(self.now);
        self.sim_changed();
        self.urc("^SIMST:1");
        self.periodic_urc("^SRVST:1");
        self.look_for_network();
    }

    /// Starts a registration if everything is there for it.
    pub fn look_for_network(&mut self) {
        if self.radio_on() && self.network.offered && !self.network.attached {
            let search = self.pace(30, 5000, 20_000);
            self.later(search, Event::Attach);
        }
    }

    pub fn radio_on(&self) -> bool {
        self.plugged.is_some() && self.powered.cfun == 1 && self.sim.state == SimState::Ready
    }

    pub fn attach(&mut self) {
        if !self.radio_on() || !self.network.offered || self.network.denied || self.network.attached {
            return;
        }
        self.network.attached = true;
        self.log.event("registered", json!({"roaming": self.network.roaming}));
        self.periodic_urc("^SRVST:2");
        self.periodic_urc("^MODE:5,4");
        self.registration_urc();
        self.rssi_now();
        self.wake_delivery(Duration::ZERO);
    }

    /// The registration is lost.
    pub fn detach(&mut self) {
        if self.network.attached {
            self.network.attached = false;
            self.log.event("unregistered", json!({}));
            self.periodic_urc("^SRVST:0");
            self.periodic_urc("^MODE:0,0");
            self.network_ends_call(21, None);
        }
        self.registration_urc();
    }

    /// Plans the next ^BOOT, unless one is planned.
    pub fn arm_boot(&mut self, millis: u64) {
        if !std::mem::replace(&mut self.powered.boot_armed, true) {
            self.later(Duration::from_millis(millis.max(1)), Event::BootUrc);
        }
    }

    fn arm_noise(&mut self, millis: u64) {
        if !std::mem::replace(&mut self.powered.noise_armed, true) {
            self.later(Duration::from_millis(millis.max(1)), Event::NoiseUrc);
        }
    }

    pub fn boot_urc(&mut self) {
        self.powered.boot_armed = false;
        let storm = self.quirks.number(Quirk::BootStorm);
        let waiting = self.quirks.number(Quirk::Boot).filter(|_| self.powered.commands == 0);
        let hung = (self.hang != Hang::No).then_some(3000);
        if let Some(n) = storm.or(waiting).or(hung) {
            let x = self.rng.between(1, 99_999_999);
            self.urc(&format!("^BOOT:{x},0,0,0,{}", x % 90));
            self.arm_boot(n);
        }
    }

    pub fn noise_urc(&mut self) {
        self.powered.noise_armed = false;
        let Some(n) = self.quirks.number(Quirk::UrcNoise) else { return };
        let all = [
            "^STIN: 1, 0, 0",
            "^DSFLOWRPT:00000014,00000000,00000000,0000000000000D48,0000000000000C2A,00000000,00000000",
            "^CSNR:-89,-6",
            "^EONS:1,26201,0",
            "^LWURC: 3",
            "+XUNKNOWN: 1,2",
            "^NWTIME:\"26/11/20,12:00:00+04,0\"",
        ];
        let at = usize::try_from(self.rng.between(0, 6)).unwrap_or(0);
        let text = all.get(at).copied().unwrap_or("^STIN: 1, 0, 0");
        self.periodic_urc(text);
        self.arm_noise(n);
    }

    pub fn rssi_urc(&mut self) {
        self.rssi_now();
        let next = self.pace(10_000, 5000, 15_000);
        self.later(next, Event::RssiUrc);
    }

    pub fn rssi_now(&mut self) {
        if !self.network.attached {
            return;
        }
        let csq = self.network.csq.min(31);
        self.periodic_urc(&format!("^RSSI:{csq}"));
        if self.quirks.has(Quirk::Hcsq) {
            self.periodic_urc(&format!("^HCSQ:\"WCDMA\",{},{},50", csq * 2, csq * 2));
        }
    }

    /// All ports, for the poll loop.
    pub fn ports(&self) -> impl Iterator<Item = (Port, &PtyPort)> {
        self.plugged.iter().flat_map(|p| Port::ALL.into_iter().map(move |q| (q, &p.ports[q.index()])))
    }
}

impl Stick {
    /// Starts what a quirk that was switched on at run time needs.
    pub fn quirk_changed(&mut self) {
        if self.plugged.is_none() {
            return;
        }
        if self.quirks.has(Quirk::BootStorm) || self.quirks.has(Quirk::Boot) {
            self.arm_boot(50);
        }
        if self.quirks.has(Quirk::UrcNoise) {
            self.arm_noise(50);
        }
        if self.quirks.has(Quirk::CrcOn) {
            self.powered.crc = true;
        }
    }
}
