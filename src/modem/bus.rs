//! Which USB device is a stick, and which of its ports is what. A snapshot of sysfs in, roles out.

/// What sysfs says of one USB device.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct UsbDevice {
    /// Port path: `1-1.2`. The same socket keeps it.
    pub path: String,
    pub vendor: u16,
    pub product: u16,
    /// Changes with every re-enumeration: tells a stick that came back from one that stayed.
    pub devnum: u32,
    pub busnum: u32,
    pub interfaces: Vec<Interface>,
}

/// One interface of it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Interface {
    pub number: u8,
    pub class: u8,
    pub subclass: u8,
    pub protocol: u8,
    pub endpoints: u8,
    /// `ttyUSB3`
    pub tty: Option<String>,
}

/// A port of a stick that can be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// `ttyUSB3`, or the path the user gave.
    pub tty: String,
    pub role: Role,
}

/// DONGLE 1.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// AT commands and notifications (PCUI).
    Commands,
    /// PCM during calls, Qualcomm DIAG otherwise.
    Voice,
    /// PPP; takes AT too.
    Modem,
    /// Not told by descriptors or table: to be probed.
    Unknown,
}

const HUAWEI: u16 = 0x12d1;
const VENDOR_CLASS: u8 = 0xff;
const MASS_STORAGE: u8 = 0x08;
/// What HiLink sticks are once they are routers. DONGLE 1.1.
const ROUTERS: [u16; 2] = [0x14db, 0x14dc];

/// Interface numbers of modem, voice and commands by product id, where sub-class and protocol say nothing. DONGLE 1.4.
/// 1506's order depends on `AT^SETPORT`, so it is left to the probe.
const LAYOUTS: &[(u16, u8, u8, u8)] = &[
    (0x1001, 0, 1, 2),
    (0x140c, 0, 2, 3),
    (0x1436, 0, 3, 4),
    (0x14ac, 0, 3, 4),
    (0x1464, 0, 3, 4),
    (0x1465, 0, 3, 4),
    (0x14c6, 0, 3, 4),
];

/// What a device on the bus is to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing of ours.
    Foreign,
    /// A stick that still shows its CD.
    Storage,
    /// A stick that is a router (HiLink): no serial ports, no voice.
    Router,
    /// A stick whose ports are not all there yet: they come 10 to 100 ms apart.
    Incomplete,
    /// A stick with its ports, likeliest command port first.
    Modem(Vec<Port>),
}

impl UsbDevice {
    /// Never by product id alone: vendor and interface classes decide (DONGLE 1.1).
    #[must_use]
    pub fn kind(&self) -> Kind {
        if self.vendor != HUAWEI {
            return Kind::Foreign;
        }
        let serial: Vec<&Interface> = self.interfaces.iter().filter(|i| i.class == VENDOR_CLASS).collect();
        if serial.len() < 2 {
            let first = self.interfaces.iter().find(|i| i.number == 0);
            return if first.is_some_and(|i| i.class == MASS_STORAGE) {
                Kind::Storage
            } else if ROUTERS.contains(&self.product) {
                Kind::Router
            } else {
                Kind::Foreign
            };
        }
        let with_tty: Vec<&Interface> = serial.iter().copied().filter(|i| i.tty.is_some()).collect();
        // A network interface may be vendor class too and never gets a tty; two ports are the least that works.
        if with_tty.len() < serial.len().min(3) && with_tty.len() < 2 {
            return Kind::Incomplete;
        }
        Kind::Modem(self.ports(&with_tty))
    }

    fn ports(&self, serial: &[&Interface]) -> Vec<Port> {
        let mut sorted = serial.to_vec();
        sorted.sort_by_key(|i| i.number);
        let told = sorted.iter().any(|i| role_by_class(i) == Role::Commands);
        let layout = LAYOUTS.iter().find(|l| l.0 == self.product);
        // A table entry counts only if its command interface has a port here.
        let layout = layout.filter(|l| sorted.iter().any(|i| i.number == l.3));
        let mut ports: Vec<Port> = sorted
            .iter()
            .map(|i| Port {
                tty: i.tty.clone().unwrap_or_default(),
                role: match (told, layout) {
                    (true, _) => role_by_class(i),
                    (false, Some(layout)) => role_by_table(i, layout),
                    (false, None) => Role::Unknown,
                },
            })
            .collect();
        if !told && layout.is_none() {
            guess_by_order(&sorted, &mut ports);
        }
        ports
    }
}

/// Newer sticks tell the role in sub-class and protocol: ff/01/xx, ff/02/xx, or ff/01/3x.
fn role_by_class(i: &Interface) -> Role {
    match (i.subclass, i.protocol) {
        (0x01 | 0x02, 0x01) | (0x01, 0x31) => Role::Modem,
        (0x01 | 0x02, 0x02) | (0x01, 0x32) => Role::Commands,
        (0x01 | 0x02, 0x03) | (0x01, 0x33) => Role::Voice,
        _ => Role::Unknown,
    }
}

const fn role_by_table(i: &Interface, layout: &(u16, u8, u8, u8)) -> Role {
    if i.number == layout.1 {
        Role::Modem
    } else if i.number == layout.2 {
        Role::Voice
    } else if i.number == layout.3 {
        Role::Commands
    } else {
        Role::Unknown
    }
}

/// The first with three endpoints (an interrupt one among them) is the modem; the others are left to the probe.
fn guess_by_order(sorted: &[&Interface], ports: &mut [Port]) {
    let modem = sorted.iter().position(|i| i.endpoints == 3).unwrap_or(0);
    if let Some(port) = ports.get_mut(modem) {
        port.role = Role::Modem;
    }
}

/// The order in which ports are asked for `AT`: the one that should take commands, then unknown ones from the last,
/// then voice (tables are wrong for some firmwares), the modem port at last (notifications may not come there).
#[must_use]
pub fn probe_order(ports: &[Port]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..ports.len()).collect();
    order.sort_by_key(|&at| {
        let rank = match ports.get(at).map(|p| p.role) {
            Some(Role::Commands) => 0,
            Some(Role::Unknown) => 1,
            Some(Role::Voice) => 2,
            Some(Role::Modem) | None => 3,
        };
        (rank, std::cmp::Reverse(at))
    });
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stick(product: u16, interfaces: &[(u8, u8, u8, u8, u8, bool)]) -> UsbDevice {
        let interfaces = interfaces
            .iter()
            .map(|&(number, class, subclass, protocol, endpoints, tty)| Interface {
                number,
                class,
                subclass,
                protocol,
                endpoints,
                tty: tty.then(|| format!("ttyUSB{number}")),
            })
            .collect();
        UsbDevice { path: "1-1".into(), vendor: 0x12d1, product, interfaces, ..UsbDevice::default() }
    }

    fn roles(d: &UsbDevice) -> Vec<(String, Role)> {
        match d.kind() {
            Kind::Modem(ports) => ports.into_iter().map(|p| (p.tty, p.role)).collect(),
            other => unreachable!("{other:?}"),
        }
    }

    #[test]
    fn layout_1436_has_holes() {
        let d = stick(
            0x1436,
            &[
                (0, 255, 255, 255, 3, true),
                (1, 2, 6, 0, 1, false),
                (2, 10, 0, 0, 2, false),
                (3, 255, 255, 255, 2, true),
                (4, 255, 255, 255, 2, true),
                (5, 8, 6, 0x50, 2, false),
            ],
        );
        assert_eq!(
            roles(&d),
            [
                ("ttyUSB0".into(), Role::Modem),
                ("ttyUSB3".into(), Role::Voice),
                ("ttyUSB4".into(), Role::Commands)
            ]
        );
    }

    #[test]
    fn class_beats_table() {
        // A 1001 whose firmware tells its roles, in another order than the table.
        let d = stick(0x1001, &[(0, 255, 1, 1, 3, true), (1, 255, 1, 2, 2, true), (2, 255, 1, 3, 2, true)]);
        assert_eq!(
            roles(&d).iter().map(|r| r.1).collect::<Vec<_>>(),
            [Role::Modem, Role::Commands, Role::Voice]
        );
    }

    #[test]
    fn unknown_id_is_probed_from_the_end() {
        let d = stick(
            0x15ff,
            &[(0, 255, 255, 255, 3, true), (1, 255, 255, 255, 2, true), (2, 255, 255, 255, 2, true)],
        );
        let Kind::Modem(ports) = d.kind() else { unreachable!() };
        assert_eq!(probe_order(&ports), [2, 1, 0]);
    }

    #[test]
    fn storage_and_foreign() {
        assert_eq!(
            stick(0x1446, &[(0, 8, 6, 0x50, 2, false), (1, 8, 6, 0x50, 2, false)]).kind(),
            Kind::Storage
        );
        assert_eq!(stick(0x14dc, &[(0, 2, 6, 0, 1, false), (1, 10, 0, 0, 2, false)]).kind(), Kind::Router);
        let mut other = stick(0x1001, &[(0, 255, 255, 255, 3, true), (1, 255, 255, 255, 2, true)]);
        other.vendor = 0x0403;
        assert_eq!(other.kind(), Kind::Foreign);
        assert_eq!(
            stick(0x1001, &[(0, 255, 255, 255, 3, true), (1, 255, 255, 255, 2, false)]).kind(),
            Kind::Incomplete
        );
    }
}
