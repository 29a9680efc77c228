//! Sticks that show themselves as a CD: asked to be modems until they are. DONGLE 1.1 to 1.3.
//!
//! One state for each socket of the bus, for the number of a device changes when it switches, and two equal sticks differ by nothing
//! else. What it did shows the bus alone: that a message was taken means nothing, and a stick may reboot before it says so.
use super::fleet::Plug;
use crate::modem::bus::{Kind, UsbDevice};
use crate::modem::modeswitch::{Method, methods, takes_voice_away};
use crate::util::table::Table;
use crate::util::time::Instant;
use std::time::Duration;

/// Usually it is gone after a second; one took 17.
const GONE_WITHIN: Duration = Duration::from_secs(20);
/// Another program has the stick in hand: usb-modeswitch, or somebody mounts the CD.
const BUSY_PAUSE: Duration = Duration::from_secs(3);
/// From its leaving the bus to its return. Longer: it was pulled.
const BACK_WITHIN: Duration = Duration::from_secs(30);
/// After every way was tried, doubled each time.
const FIRST_PAUSE: Duration = Duration::from_secs(60);
const LAST_PAUSE: Duration = Duration::from_secs(1_800);
/// A stick that shows its CD again so soon has fallen back, and so often it will go on.
const RELAPSE: Duration = Duration::from_secs(60);
const RELAPSES: u8 = 3;

/// What the shell is asked to do: `Switch::handle_switched` answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    pub plug: Plug,
    pub method: Method,
}

/// Why a stick could not be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It left the bus meanwhile: as it should.
    Gone,
    /// Another program has it.
    Busy,
    /// We may not; the words of the system.
    Denied(String),
    /// Its endpoint stalls, its descriptors make no sense.
    Failed(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    /// Asked, and still there.
    Asked { plug: Plug, until: Instant },
    /// It left the bus.
    Away { until: Instant },
    /// A modem since then.
    Switched { at: Instant },
    /// Given up for now.
    Failed { plug: Plug, why: String, next_try: Instant },
}

/// One socket.
#[derive(Clone, Debug)]
struct Socket {
    product: u16,
    stage: Stage,
    /// How often it was asked in this round.
    asked: u8,
    /// Rounds that ended in vain.
    rounds: u8,
    /// How often it has fallen back.
    relapses: u8,
    began: Instant,
    trouble: Option<String>,
}

/// All sockets with a stick that is or was a CD.
#[derive(Debug, Default)]
pub struct Switching {
    sockets: Table<String, Socket>,
    orders: Vec<Order>,
}

impl Switching {
    /// A snapshot of the bus. `named`: a section names this socket; `wanted`: a section without a stick could take the one in it.
    pub fn look(
        &mut self,
        devices: &[UsbDevice],
        named: impl Fn(&str) -> bool,
        wanted: impl Fn(&str) -> bool,
        now: Instant,
    ) {
        for device in devices {
            match device.kind() {
                Kind::Storage if wanted(&device.path) => self.on_storage(device, named(&device.path), now),
                Kind::Modem(_) | Kind::Incomplete | Kind::Router => self.on_switched(&device.path, now),
                Kind::Storage | Kind::Foreign => {}
            }
        }
        self.sockets.retain(|path, socket| devices.iter().any(|d| d.path == *path) || socket.is_awaited(now));
    }

    /// What the asking of `order` came to.
    pub fn on_result(&mut self, plug: &Plug, result: Result<(), Trouble>, now: Instant) {
        let Some(socket) = self.sockets.get_mut(&plug.path) else { return };
        let Stage::Asked { plug: asked, until } = &mut socket.stage else { return };
        if asked != plug {
            return;
        }
        match result {
            Ok(()) | Err(Trouble::Gone) => {}
            Err(Trouble::Busy) => *until = (*until).min(now + BUSY_PAUSE),
            Err(Trouble::Failed(why)) => {
                log::info!("the stick at {} could not be asked to switch: {why}", plug.path);
                socket.trouble = Some(why);
                *until = now;
            }
            Err(Trouble::Denied(why)) => {
                socket.fail(plug.clone(), format!("may not be switched from CD to modem: {why}"), now);
            }
        }
    }

    pub fn poll_order(&mut self) -> Option<Order> {
        self.orders.pop()
    }

    /// What is the matter with a stick that shows its CD. The flag: it is being switched.
    #[must_use]
    pub fn explain(&self, path: &str) -> Option<(bool, String)> {
        let socket = self.sockets.get(path)?;
        match &socket.stage {
            Stage::Asked { .. } => Some((
                true,
                format!(
                    "the stick at {path} shows itself as a CD and is being switched (try {})",
                    socket.asked
                ),
            )),
            Stage::Away { .. } => Some((true, format!("the stick at {path} is switching"))),
            Stage::Failed { why, .. } => Some((false, format!("the stick at {path} {why}"))),
            Stage::Switched { .. } => None,
        }
    }

    /// Sockets that are away or being asked.
    pub fn under_way(&self) -> impl Iterator<Item = &str> {
        let under_way = |socket: &Socket| matches!(socket.stage, Stage::Asked { .. } | Stage::Away { .. });
        self.sockets.iter().filter(move |(_, socket)| under_way(socket)).map(|(path, _)| path.as_str())
    }

    fn on_storage(&mut self, device: &UsbDevice, named: bool, now: Instant) {
        let plug = Plug::of(device);
        let Some(socket) = self.sockets.get_mut(&plug.path) else {
            let mut socket = Socket::new(device.product, plug.clone(), now);
            if takes_voice_away(device.product) && !named {
                // It may be somebody's way to the Internet.
                socket.fail(plug.clone(), spared(&plug.path), now);
            } else {
                self.orders.extend(socket.ask(plug.clone(), now));
            }
            self.sockets.insert(plug.path, socket);
            return;
        };
        match &socket.stage {
            Stage::Asked { plug: asked, until } if *asked == plug && now < *until => return,
            Stage::Failed { plug: failed, next_try, .. } if *failed == plug && now < *next_try => return,
            Stage::Asked { .. } | Stage::Away { .. } => {}
            Stage::Failed { plug: failed, .. } if *failed == plug => socket.asked = 0,
            // Another one, or pulled and pushed.
            Stage::Failed { .. } => *socket = Socket::new(device.product, plug.clone(), now),
            Stage::Switched { at } => {
                socket.asked = 0;
                let fell_back = now.since(*at) < RELAPSE;
                socket.relapses = if fell_back { socket.relapses.saturating_add(1) } else { 0 };
                if socket.relapses > RELAPSES {
                    let why = "comes up as a modem and falls back to a CD again and again: give it more power \
                               (a shorter cable, a hub with a supply of its own)";
                    socket.relapses = 0;
                    return socket.fail(plug, why.to_owned(), now);
                }
            }
        }
        socket.product = device.product;
        if takes_voice_away(device.product) && !named {
            return socket.fail(plug.clone(), spared(&plug.path), now);
        }
        match socket.ask(plug.clone(), now) {
            Some(order) => self.orders.push(order),
            None => {
                let trouble = socket.trouble.take().map_or_else(String::new, |why| format!(" ({why})"));
                let why = format!(
                    "stays a CD whatever it is asked{trouble}: try it at a computer, and send it AT^U2DIAG=256 there"
                );
                socket.fail(plug, why, now);
            }
        }
    }

    fn on_switched(&mut self, path: &str, now: Instant) {
        let Some(socket) = self.sockets.get_mut(path) else { return };
        if matches!(socket.stage, Stage::Switched { .. }) {
            return;
        }
        if socket.asked > 0 {
            log::info!("the stick at {path} has switched after {} ms", now.since(socket.began).as_millis());
        }
        socket.stage = Stage::Switched { at: now };
        (socket.rounds, socket.trouble) = (0, None);
    }
}

fn spared(path: &str) -> String {
    format!(
        "is of a kind that often is somebody's way to the Internet: to have it switched write option usb '{path}'"
    )
}

impl Socket {
    const fn new(product: u16, plug: Plug, now: Instant) -> Self {
        let stage = Stage::Asked { plug, until: now };
        Self { product, stage, asked: 0, rounds: 0, relapses: 0, began: now, trouble: None }
    }

    /// The next way; `None`: each was tried.
    fn ask(&mut self, plug: Plug, now: Instant) -> Option<Order> {
        let method = *methods(self.product).get(usize::from(self.asked))?;
        if self.asked == 0 {
            self.began = now;
        }
        self.asked = self.asked.saturating_add(1);
        log::info!("the stick at {} shows itself as a CD: {}", plug.path, method.name());
        self.stage = Stage::Asked { plug: plug.clone(), until: now + GONE_WITHIN };
        Some(Order { plug, method })
    }

    fn fail(&mut self, plug: Plug, why: String, now: Instant) {
        log::warn!("the stick at {} {why}", plug.path);
        let pause = FIRST_PAUSE.saturating_mul(1 << self.rounds.min(10)).min(LAST_PAUSE);
        self.rounds = self.rounds.saturating_add(1);
        self.stage = Stage::Failed { plug, why, next_try: now + pause };
    }

    /// Nothing is in the socket: is this one to come back?
    fn is_awaited(&mut self, now: Instant) -> bool {
        match &self.stage {
            Stage::Asked { .. } => {
                self.stage = Stage::Away { until: now + BACK_WITHIN };
                true
            }
            Stage::Away { until } => now < *until,
            Stage::Switched { at } => now.since(*at) < RELAPSE,
            Stage::Failed { .. } => false,
        }
    }
}

#[cfg(test)]
#[path = "switching_tests.rs"]
mod tests;
