//! The fake sysfs tree and the device links (DONGLE.md 1.4, 1.5). Everything is made and removed as the kernel
//! would show it: a real directory per device, links in bus/usb/devices and class/tty.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::ports::Port;

/// Product id and interface map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    L1001,
    L140c,
    L1436,
    L14ac,
    L1506,
    /// 1506 with voice and PCUI as `AT^SETPORT` can move them.
    L1506b,
    /// Roles told by sub-class and protocol, in an order no table knows.
    Roles,
    /// Unknown id, all ff/ff/ff: modem, voice, PCUI.
    Fff,
    /// Unknown id, all ff/ff/ff: modem, PCUI, voice.
    Fff2,
    /// Not switched: a CD-ROM.
    L1446,
    /// HiLink mode: a network card.
    L14db,
}

/// One interface: number, class, sub-class, protocol, endpoints, the serial role if it has one.
#[derive(Debug, Clone, Copy)]
pub struct Interface {
    pub number: u8,
    pub class: [u8; 3],
    pub endpoints: u8,
    pub role: Option<Port>,
}

const STORAGE: [u8; 3] = [8, 6, 0x50];
const VENDOR: [u8; 3] = [0xFF, 0xFF, 0xFF];
const ETHERNET_CONTROL: [u8; 3] = [2, 6, 0];
const ETHERNET_BULK: [u8; 3] = [0x0A, 0, 0];

fn interface(number: u8, class: [u8; 3], role: Option<Port>) -> Interface {
    let endpoints = match (role, class) {
        (Some(Port::Modem), _) => 3,
        (None, ETHERNET_CONTROL) => 1,
        _ => 2,
    };
    Interface { number, class, endpoints, role }
}

impl Layout {
    pub fn parse(name: &str) -> Result<Layout, String> {
        Ok(match name {
            "1001" => Layout::L1001,
            "140c" => Layout::L140c,
            "1436" => Layout::L1436,
            "14ac" => Layout::L14ac,
            "1506" => Layout::L1506,
            "1506b" => Layout::L1506b,
            "roles" => Layout::Roles,
            "fff" => Layout::Fff,
            "fff2" => Layout::Fff2,
            "1446" => Layout::L1446,
            "14db" => Layout::L14db,
            _ => return Err(format!("unknown layout {name}")),
        })
    }

    pub fn product(self) -> &'static str {
        match self {
            Layout::L1001 => "1001",
            Layout::L140c => "140c",
            Layout::L1436 => "1436",
            Layout::L14ac => "14ac",
            Layout::L1506 | Layout::L1506b => "1506",
            Layout::Roles => "150f",
            Layout::Fff | Layout::Fff2 => "1fff",
            Layout::L1446 => "1446",
            Layout::L14db => "14db",
        }
    }

    /// The interfaces in order of their numbers.
    pub fn interfaces(self) -> Vec<Interface> {
        let (modem, voice, at) = (Some(Port::Modem), Some(Port::Voice), Some(Port::At));
        let rows: Vec<([u8; 3], Option<Port>)> = match self {
            Layout::L1001 => {
                vec![(VENDOR, modem), (VENDOR, voice), (VENDOR, at), (STORAGE, None), (STORAGE, None)]
            }
            Layout::L140c | Layout::L1506 => vec![
                (VENDOR, modem),
                (VENDOR, None),
                (VENDOR, voice),
                (VENDOR, at),
                (STORAGE, None),
                (STORAGE, None),
            ],
            Layout::L1506b => vec![(VENDOR, modem), (VENDOR, voice), (VENDOR, at), (STORAGE, None)],
            Layout::L1436 | Layout::L14ac => vec![
                (VENDOR, modem),
                (ETHERNET_CONTROL, None),
                (ETHERNET_BULK, None),
                (VENDOR, voice),
                (VENDOR, at),
                (STORAGE, None),
                (STORAGE, None),
            ],
            Layout::Roles => vec![
                ([0xFF, 2, 2], at),
                ([0xFF, 2, 3], voice),
                ([0xFF, 2, 1], modem),
                ([0xFF, 2, 8], None),
                (STORAGE, None),
            ],
            Layout::Fff => vec![(VENDOR, modem), (VENDOR, voice), (VENDOR, at)],
            Layout::Fff2 => vec![(VENDOR, modem), (VENDOR, at), (VENDOR, voice)],
            Layout::L1446 => vec![(STORAGE, None), (STORAGE, None)],
            Layout::L14db => vec![(ETHERNET_CONTROL, None), (ETHERNET_BULK, None)],
        };
        rows.into_iter().zip(0..).map(|((class, role), number)| interface(number, class, role)).collect()
    }

    /// The roles in order of their ttys.
    pub fn ttys(self) -> Vec<Port> {
        self.interfaces().iter().filter_map(|i| i.role).collect()
    }

    /// The list of `AT^GETPORTMODE`: logical positions, which are not interface numbers.
    pub fn port_mode(self) -> String {
        let mut names = Vec::new();
        let mut last = None;
        for i in self.interfaces() {
            let name = match (i.role, i.class) {
                (Some(Port::Modem), _) => "MDM",
                (Some(Port::Voice), _) => "DIAG",
                (Some(Port::At), _) => "PCUI",
                (None, STORAGE) if last == Some("CDROM") => "SD",
                (None, STORAGE) => "CDROM",
                _ => "NDIS",
            };
            if last != Some(name) {
                names.push(format!("{name}:{}", names.len()));
            }
            last = Some(name);
        }
        names.join(",")
    }
}

/// What is plugged: enough to build the tree and to take it away again.
#[derive(Debug)]
pub struct Tree {
    dir: PathBuf,
    bus: String,
    layout: Layout,
    tty_base: u32,
}

/// Strings of the USB descriptors.
#[derive(Debug, Clone)]
pub struct Descriptor {
    pub devnum: u32,
    pub serial: Option<&'static str>,
}

impl Tree {
    pub fn new(dir: &Path, bus: &str, layout: Layout, tty_base: u32) -> Tree {
        Tree { dir: dir.to_path_buf(), bus: bus.to_string(), layout, tty_base }
    }

    /// `sys/devices/platform/usb1/1-1/1-1.2`
    fn device(&self) -> PathBuf {
        let controller = self.bus.split('-').next().unwrap_or("1");
        let mut path = self.dir.join("sys/devices/platform").join(format!("usb{controller}"));
        let parts: Vec<&str> = self.bus.split('.').collect();
        for n in 1..=parts.len() {
            path.push(parts.get(..n).unwrap_or_default().join("."));
        }
        path
    }

    fn interface_name(&self, number: u8) -> String {
        format!("{}:1.{number}", self.bus)
    }

    /// The kernel's name of the n-th tty.
    pub fn tty(&self, n: usize) -> String {
        format!("ttyUSB{}", self.tty_base as usize + n)
    }

    /// Makes device and interfaces, without ttys.
    pub fn make_device(&self, descriptor: &Descriptor) -> io::Result<()> {
        let device = self.device();
        fs::create_dir_all(&device)?;
        let interfaces = self.layout.interfaces();
        let (bus, port) = self.bus.split_once('-').unwrap_or(("1", "1"));
        let mut files = vec![
            ("idVendor", "12d1".to_string()),
            ("idProduct", self.layout.product().to_string()),
            ("bcdDevice", "0000".to_string()),
            ("bDeviceClass", "00".to_string()),
            ("manufacturer", "HUAWEI Technology".to_string()),
            ("product", "HUAWEI Mobile".to_string()),
            ("busnum", bus.to_string()),
            ("devnum", descriptor.devnum.to_string()),
            ("devpath", port.to_string()),
            ("bConfigurationValue", "1".to_string()),
            ("bNumInterfaces", format!("{:2}", interfaces.len())),
            ("speed", "480".to_string()),
            ("authorized", "1".to_string()),
        ];
        if let Some(serial) = descriptor.serial {
            files.push(("serial", serial.to_string()));
        }
        for (name, value) in files {
            fs::write(device.join(name), format!("{value}\n"))?;
        }
        for i in &interfaces {
            self.make_interface(i)?;
        }
        self.link(&device, "sys/bus/usb/devices", &self.bus)
    }

    fn make_interface(&self, i: &Interface) -> io::Result<()> {
        let name = self.interface_name(i.number);
        let path = self.device().join(&name);
        fs::create_dir_all(&path)?;
        let [class, subclass, protocol] = i.class;
        for (file, value) in [
            ("bInterfaceNumber", i.number),
            ("bAlternateSetting", 0),
            ("bInterfaceClass", class),
            ("bInterfaceSubClass", subclass),
            ("bInterfaceProtocol", protocol),
            ("bNumEndpoints", i.endpoints),
        ] {
            let text =
                if file == "bAlternateSetting" { format!("{value:2}\n") } else { format!("{value:02x}\n") };
            fs::write(path.join(file), text)?;
        }
        let driver = match (i.role, i.class) {
            (Some(_), _) => "option",
            (None, STORAGE) => "usb-storage",
            (None, _) => "cdc_ether",
        };
        let drivers = self.dir.join("sys/bus/usb/drivers").join(driver);
        fs::create_dir_all(&drivers)?;
        replace_link(&relative(&path, &drivers, &self.dir), &path.join("driver"))?;
        self.link(&path, "sys/bus/usb/devices", &name)
    }

    /// Makes the n-th tty: device link first, so that whoever sees it in sysfs can open it.
    pub fn make_tty(&self, n: usize, pts: &Path) -> io::Result<()> {
        let Some(i) = self.layout.interfaces().into_iter().filter(|i| i.role.is_some()).nth(n) else {
            return Ok(());
        };
        let name = self.tty(n);
        let dev = self.dir.join("dev");
        fs::create_dir_all(&dev)?;
        replace_link(pts, &dev.join(&name))?;
        let port = self.device().join(self.interface_name(i.number)).join(&name);
        let tty = port.join("tty").join(&name);
        fs::create_dir_all(&tty)?;
        fs::write(tty.join("dev"), format!("188:{}\n", self.tty_base as usize + n))?;
        fs::write(
            tty.join("uevent"),
            format!("MAJOR=188\nMINOR={}\nDEVNAME={name}\n", self.tty_base as usize + n),
        )?;
        replace_link(Path::new("../../../").join(&name).as_path(), &tty.join("device"))?;
        self.link(&tty, "sys/class/tty", &name)?;
        fs::write(port.join("port_number"), "0\n")
    }

    /// Takes everything away. What is gone already is fine.
    pub fn remove(&self) {
        for n in 0..self.layout.ttys().len() {
            let _ = fs::remove_file(self.dir.join("sys/class/tty").join(self.tty(n)));
            let _ = fs::remove_file(self.dir.join("dev").join(self.tty(n)));
        }
        let links = self.dir.join("sys/bus/usb/devices");
        for i in self.layout.interfaces() {
            let _ = fs::remove_file(links.join(self.interface_name(i.number)));
        }
        let _ = fs::remove_file(links.join(&self.bus));
        let _ = fs::remove_dir_all(self.device());
    }

    fn link(&self, target: &Path, class: &str, name: &str) -> io::Result<()> {
        let links = self.dir.join(class);
        fs::create_dir_all(&links)?;
        replace_link(&relative(&links.join(name), target, &self.dir), &links.join(name))
    }
}

/// `target` as seen from a link at `link`, both below `root`.
fn relative(link: &Path, target: &Path, root: &Path) -> PathBuf {
    let depth = link.strip_prefix(root).map_or(0, |p| p.components().count().saturating_sub(1));
    let mut out: PathBuf = std::iter::repeat_n("..", depth).collect();
    out.push(target.strip_prefix(root).unwrap_or(target));
    out
}

fn replace_link(target: &Path, link: &Path) -> io::Result<()> {
    let _ = fs::remove_file(link);
    symlink(target, link)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tree_has_the_listed_files_and_goes_away() {
        let dir = std::env::temp_dir().join(format!("e1750-sysfs-{}", std::process::id()));
        let tree = Tree::new(&dir, "1-1.2", Layout::L1436, 5);
        tree.make_device(&Descriptor { devnum: 7, serial: None }).unwrap();
        for n in 0..3 {
            tree.make_tty(n, Path::new("/dev/null")).unwrap();
        }
        let read = |p: &str| fs::read_to_string(dir.join("sys").join(p)).unwrap_or_default();
        assert_eq!(read("bus/usb/devices/1-1.2/idProduct"), "1436\n");
        assert_eq!(read("bus/usb/devices/1-1.2:1.4/bInterfaceNumber"), "04\n");
        assert_eq!(read("bus/usb/devices/1-1.2:1.4/ttyUSB7/port_number"), "0\n");
        assert_eq!(read("bus/usb/devices/1-1.2:1.4/ttyUSB7/tty/ttyUSB7/dev"), "188:7\n");
        assert_eq!(read("class/tty/ttyUSB6/device/port_number"), "0\n");
        assert_eq!(read("bus/usb/devices/1-1.2/1-1.2:1.0/bNumEndpoints"), "03\n");
        let device = fs::canonicalize(dir.join("sys/class/tty/ttyUSB7/device")).unwrap();
        assert!(device.ends_with("1-1.2:1.4/ttyUSB7"), "{device:?}");
        tree.remove();
        assert_eq!(fs::read_dir(dir.join("sys/bus/usb/devices")).unwrap().count(), 0);
        assert_eq!(fs::read_dir(dir.join("dev")).unwrap().count(), 0);
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn port_mode_counts_logically() {
        assert_eq!(Layout::L1436.port_mode(), "MDM:0,NDIS:1,DIAG:2,PCUI:3,CDROM:4,SD:5");
        assert_eq!(Layout::L1001.port_mode(), "MDM:0,DIAG:1,PCUI:2,CDROM:3,SD:4");
    }
}
