//! Which stick on the bus belongs to which dongle section.
use crate::config::Dongle;
use crate::modem::bus::{Kind, Port, UsbDevice};
use crate::util::table::Table;

/// One plugging of one stick: the port path, and the device number that changes with every re-enumeration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Plug {
    pub path: String,
    pub bus: u32,
    pub device: u32,
}

impl Plug {
    #[must_use]
    pub fn of(device: &UsbDevice) -> Self {
        Self { path: device.path.clone(), bus: device.busnum, device: device.devnum }
    }
}

/// What a session learnt of a stick.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    pub imei: Option<String>,
    pub imsi: Option<String>,
}

/// What is on the bus, as of the last two looks.
#[derive(Debug, Default)]
pub struct Fleet {
    seen: Table<Plug, Kind>,
    /// Equal in two looks: all its ports are there.
    settled: Table<Plug, Vec<Port>>,
    known: Table<Plug, Known>,
    /// Sections that looked at a stick and found it was not theirs.
    rejected: Table<(String, Plug), ()>,
}

impl Fleet {
    /// A snapshot of the bus. True when a stick is not settled yet: look again soon.
    pub fn look(&mut self, devices: &[UsbDevice]) -> bool {
        let now: Table<Plug, Kind> = devices
            .iter()
            .map(|d| (Plug::of(d), d.kind()))
            .filter(|(_, kind)| *kind != Kind::Foreign)
            .collect();
        self.settled = now
            .iter()
            .filter(|(plug, kind)| self.seen.get(*plug) == Some(*kind))
            .filter_map(|(plug, kind)| match kind {
                Kind::Modem(ports) => Some((plug.clone(), ports.clone())),
                _ => None,
            })
            .collect();
        self.known.retain(|plug, _| now.contains_key(plug));
        self.rejected.retain(|(_, plug), ()| now.contains_key(plug));
        let unsettled = now != self.seen;
        self.seen = now;
        unsettled
    }

    /// Whether the plugging with these ports is still there.
    #[must_use]
    pub fn has(&self, plug: &Plug, ports: &[Port]) -> bool {
        matches!(self.seen.get(plug), Some(Kind::Modem(now)) if now == ports)
    }

    /// A session read who the stick is, and it is not the section's.
    pub fn reject(&mut self, section: &str, plug: &Plug, known: Known) {
        self.known.insert(plug.clone(), known);
        self.rejected.insert((section.to_owned(), plug.clone()), ());
    }

    /// The section changed: it looks at every stick again.
    pub fn forget(&mut self, section: &str) {
        self.rejected.retain(|(name, _), ()| name != section);
    }

    /// The best stick for a section among those not `taken`.
    #[must_use]
    pub fn find(&self, section: &Dongle, taken: &[Plug]) -> Option<(Plug, Vec<Port>)> {
        self.settled
            .iter()
            .filter(|(plug, _)| {
                !taken.contains(plug) && !self.rejected.contains_key(&(section.name.clone(), (*plug).clone()))
            })
            .filter_map(|(plug, ports)| self.score(section, plug).map(|s| (s, plug, ports)))
            .max_by_key(|(score, plug, _)| (*score, std::cmp::Reverse((*plug).clone())))
            .map(|(_, plug, ports)| (plug.clone(), ports.clone()))
    }

    /// Why a section without a stick has none, when something on the bus explains it.
    #[must_use]
    pub fn explain(&self, section: &Dongle) -> Option<String> {
        let other = self.rejected.keys().find(|(name, _)| *name == section.name);
        if let Some((_, plug)) = other {
            let what = if section.imei.is_some() { "IMEI" } else { "IMSI" };
            return Some(format!("the stick at {} has another {what} than the section", plug.path));
        }
        if let Some(wanted) = section.usb.as_ref()
            && let Some(plug) = self.settled.keys().find(|p| p.path != *wanted)
        {
            return Some(format!("a stick is at {}, the section wants {wanted}", plug.path));
        }
        let router = self.seen.iter().find(|(_, kind)| **kind == Kind::Router)?;
        Some(format!(
            "the stick at {} is a router (HiLink): it has no calls and no texts for us without another firmware",
            router.0.path
        ))
    }

    /// Each socket with a stick, and what that is.
    pub fn kinds(&self) -> impl Iterator<Item = (&str, &Kind)> {
        self.seen.iter().map(|(plug, kind)| (plug.path.as_str(), kind))
    }

    /// Sockets in which a stick shows itself as a CD.
    pub fn storages(&self) -> impl Iterator<Item = &str> {
        self.seen.iter().filter(|(_, kind)| **kind == Kind::Storage).map(|(plug, _)| plug.path.as_str())
    }

    /// How well a stick fits; `None` when it certainly does not.
    fn score(&self, section: &Dongle, plug: &Plug) -> Option<u8> {
        let known = self.known.get(plug);
        let fits = |want: &Option<String>, have: Option<&String>| match (want, have) {
            (Some(want), Some(have)) => (want == have).then_some(2),
            (Some(_), None) => Some(1),
            (None, _) => Some(0),
        };
        let socket = match &section.usb {
            Some(path) if *path == plug.path => 3,
            Some(_) => return None,
            None => 0,
        };
        let imei = fits(&section.imei, known.and_then(|k| k.imei.as_ref()))?;
        let imsi = fits(&section.imsi, known.and_then(|k| k.imsi.as_ref()))?;
        Some(socket + imei + imsi)
    }
}

/// Sections that say more choose first: what is left goes to those that take any stick.
#[must_use]
pub fn choosiness(section: &Dongle) -> u8 {
    u8::from(section.usb.is_some()) * 4
        + u8::from(section.imei.is_some()) * 2
        + u8::from(section.imsi.is_some())
}
