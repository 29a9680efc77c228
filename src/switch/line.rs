//! One dongle section and the modem behind it.
use super::fleet::Plug;
use crate::config::Dongle;
use crate::media::{Shaping, Wish};
use crate::modem::bus::{Port, Role};
use crate::modem::{Modem, PinNote, Settings};
use crate::util::table::Table;
use crate::util::time::Instant;

/// Names a line for the shell. A reload that begins a line anew gives it another id, so that what is still under way
/// for the old one reaches nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineId(pub u32);

#[derive(Debug)]
pub struct Line {
    pub id: LineId,
    pub section: Dongle,
    pub modem: Modem,
    /// The stick on the bus that it uses.
    pub plug: Option<(Plug, Vec<Port>)>,
    /// When it left the bus while it worked, the last times.
    pub vanished: heapless::Deque<Instant, VANISHED>,
    /// What the last call of this stick had of sound.
    pub sound: Option<SoundSeen>,
}

/// Departures of a stick that are remembered; the oldest is forgotten.
const VANISHED: usize = 8;

/// Whether a call brought sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SoundSeen {
    Came,
    /// No port brought any.
    None,
}

impl Line {
    #[must_use]
    pub fn new(id: LineId, section: &Dongle, pins: &Table<u64, PinNote>, now: Instant) -> Self {
        let settings = Settings {
            name: section.name.clone(),
            imei: section.imei.clone(),
            imsi: section.imsi.clone(),
            pin: section.pin.clone(),
        };
        let mut line = Self {
            id,
            section: section.clone(),
            modem: Modem::new(settings, pins.clone()),
            plug: None,
            vanished: heapless::Deque::new(),
            sound: None,
        };
        if let Some(ports) = explicit_ports(section) {
            line.modem.handle_attached(ports, false, now);
        }
        line
    }

    /// Its ports are written in the section; the bus is not asked.
    #[must_use]
    pub fn has_explicit_ports(&self) -> bool {
        self.section.at_port.is_some()
    }

    /// What is done to the sound of its calls.
    #[must_use]
    pub fn shaping(&self) -> Shaping {
        let Dongle { agc, gain_in, gain_out, echo, .. } = self.section;
        Shaping {
            from_stick: Wish { agc: agc.from_stick, gain_db: gain_in },
            to_stick: Wish { agc: agc.to_stick, gain_db: gain_out },
            echo,
        }
    }

    /// It has left the bus. One that was being reset has done as it was told.
    pub fn note_gone(&mut self, now: Instant) {
        self.sound = None;
        if self.modem.life().is_working() {
            if self.vanished.is_full() {
                self.vanished.pop_front();
            }
            // There is room now.
            let _ = self.vanished.push_back(now);
        }
    }

    /// A changed section needs a new session only where the change concerns the stick.
    #[must_use]
    pub fn survives(&self, section: &Dongle) -> bool {
        let stick = |d: &Dongle| {
            (
                d.imei.clone(),
                d.imsi.clone(),
                d.usb.clone(),
                d.at_port.clone(),
                d.audio_port.clone(),
                d.pin.clone(),
            )
        };
        stick(&self.section) == stick(section)
    }

    /// What tells the SIM apart: its IMSI, or the section's name where it does not tell.
    #[must_use]
    pub fn sim(&self) -> &str {
        self.modem.view().identity.imsi.as_deref().unwrap_or(&self.section.name)
    }
}

fn explicit_ports(section: &Dongle) -> Option<Vec<Port>> {
    let at = section.at_port.clone()?;
    let mut ports = vec![Port { tty: at, role: Role::Commands }];
    ports.extend(section.audio_port.clone().map(|tty| Port { tty, role: Role::Voice }));
    Some(ports)
}
