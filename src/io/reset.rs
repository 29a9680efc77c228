//! The rough rungs of the reset ladder. DONGLE 1.7.
use crate::modem::Rung;
use crate::switch::Plug;
use std::fs;
use std::os::fd::AsRawFd;
use std::path::Path;

mod ioctl {
    // USBDEVFS_RESET, linux/usbdevice_fs.h. The macro makes an unsafe function, as every ioctl is.
    #![allow(unsafe_code)]
    nix::ioctl_none!(usbdevfs_reset, b'U', 20);

    /// # Errors
    /// What the kernel says.
    pub fn reset(fd: std::os::fd::RawFd) -> Result<(), nix::Error> {
        // SAFETY: takes no argument; on a descriptor that is no usbfs node the kernel says ENOTTY.
        unsafe { usbdevfs_reset(fd) }.map(|_| ())
    }
}

/// Take one rung with the stick at `plug`.
///
/// # Errors
/// What the system says; the ladder goes on all the same.
pub fn take(rung: Rung, plug: &Plug, sysfs: &Path, dev: &Path) -> std::io::Result<()> {
    let device = sysfs.join("bus/usb/devices").join(&plug.path);
    match rung {
        Rung::UsbReset => {
            let node = super::usb::node_path(dev, plug);
            let file = fs::OpenOptions::new().write(true).open(node)?;
            Ok(ioctl::reset(file.as_raw_fd())?)
        }
        Rung::Authorize => {
            fs::write(device.join("authorized"), "0")?;
            fs::write(device.join("authorized"), "1")
        }
        Rung::Rebind => {
            let driver = sysfs.join("bus/usb/drivers/usb");
            fs::write(driver.join("unbind"), &plug.path)?;
            fs::write(driver.join("bind"), &plug.path)
        }
        // Done by the session itself.
        Rung::Reopen | Rung::Command => Ok(()),
    }
}
