//! A snapshot of the USB bus from sysfs. DONGLE 1.5.
use crate::modem::bus::{Interface, UsbDevice};
use crate::util::limits::{USB_DEVICES, USB_INTERFACES};
use std::fs;
use std::path::Path;

/// All devices under `root` (`/sys`). Hexadecimal attributes; what vanishes while we look is left out.
#[must_use]
pub fn snapshot(root: &Path) -> Vec<UsbDevice> {
    let base = root.join("bus/usb/devices");
    let names = names(&base, USB_DEVICES * USB_INTERFACES);
    let is_device = |n: &&String| !n.contains(':') && !n.starts_with("usb");
    names.iter().filter(is_device).take(USB_DEVICES).filter_map(|name| device(&base, name, &names)).collect()
}

fn device(base: &Path, name: &str, names: &[String]) -> Option<UsbDevice> {
    let dir = base.join(name);
    let vendor = hex(&dir, "idVendor")?;
    let mut device = UsbDevice {
        path: name.to_owned(),
        vendor,
        product: hex(&dir, "idProduct")?,
        devnum: decimal(&dir, "devnum").unwrap_or(0),
        busnum: decimal(&dir, "busnum").unwrap_or(0),
        interfaces: Vec::new(),
    };
    let mut interfaces: Vec<String> = names.iter().filter(|n| belongs(n, name)).cloned().collect();
    if interfaces.is_empty() {
        // A tree without the flat links has them below the device.
        interfaces = self::names(&dir, USB_INTERFACES).into_iter().filter(|n| belongs(n, name)).collect();
    }
    for interface in interfaces.iter().take(USB_INTERFACES) {
        let flat = base.join(interface);
        let path = if flat.exists() { flat } else { dir.join(interface) };
        device.interfaces.extend(self::interface(&path));
    }
    device.interfaces.sort_by_key(|i| i.number);
    Some(device)
}

/// `1-1.4:1.2` is an interface of `1-1.4`.
fn belongs(interface: &str, device: &str) -> bool {
    interface.strip_prefix(device).is_some_and(|rest| rest.starts_with(':'))
}

fn interface(dir: &Path) -> Option<Interface> {
    // The child with `port_number` is a usb-serial port.
    let tty =
        names(dir, 64).into_iter().find(|n| n.starts_with("tty") && dir.join(n).join("port_number").exists());
    Some(Interface {
        number: hex(dir, "bInterfaceNumber")?,
        class: hex(dir, "bInterfaceClass")?,
        subclass: hex(dir, "bInterfaceSubClass")?,
        protocol: hex(dir, "bInterfaceProtocol")?,
        endpoints: hex(dir, "bNumEndpoints").unwrap_or(0),
        tty,
    })
}

fn names(dir: &Path, most: usize) -> Vec<String> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    entries.take(most).filter_map(|e| e.ok()?.file_name().into_string().ok()).collect()
}

fn text(dir: &Path, name: &str) -> Option<String> {
    fs::read_to_string(dir.join(name)).ok().map(|t| t.trim().to_owned())
}

fn hex<N: TryFrom<u32>>(dir: &Path, name: &str) -> Option<N> {
    N::try_from(u32::from_str_radix(&text(dir, name)?, 16).ok()?).ok()
}

fn decimal(dir: &Path, name: &str) -> Option<u32> {
    text(dir, name)?.parse().ok()
}
