//! Serial ports: opened by us, set by us, held by `serialport`.
//!
//! `serialport` opens with TCGETS2 and reads settings back, which some kernels refuse and ttyUSB answers wrongly; so the
//! descriptor is opened and set here with plain termios and handed over, which also makes it exclusive (TIOCEXCL).
mod lock;
mod owner;

use crate::util::MANAGER;
use lock::Lock;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::sys::termios::{self, BaudRate, ControlFlags, FlushArg, SetArg, SpecialCharacterIndices};
use serialport::TTYPort;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd};
use std::path::Path;

/// An open port for the reactor, and its lock file.
pub struct Tty {
    port: TTYPort,
    _lock: Option<Lock>,
}

impl AsFd for Tty {
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the port owns the descriptor and lives as long as the borrow.
        unsafe { BorrowedFd::borrow_raw(self.port.as_raw_fd()) }
    }
}

impl Tty {
    /// # Errors
    /// What the system says; `WouldBlock` when nothing is there.
    pub fn read(&self, bytes: &mut [u8]) -> std::io::Result<usize> {
        Ok(nix::unistd::read(self.as_fd(), bytes)?)
    }

    /// # Errors
    /// What the system says; `WouldBlock` when the port takes nothing now.
    pub fn write(&self, bytes: &[u8]) -> std::io::Result<usize> {
        Ok(nix::unistd::write(self.as_fd(), bytes)?)
    }
}

/// Open a port raw, 115200 8N1, not as controlling terminal, without waiting for carrier; drop what is pending. May block for seconds on a
/// sick stick (DONGLE 2.1).
///
/// # Errors
/// In words for the status.
pub fn open_raw(path: &Path) -> Result<Tty, String> {
    let lock = if MANAGER { lock(path)? } else { None };
    Ok(Tty { port: open_port(path)?, _lock: lock })
}

const LOCKS: &str = "/var/lock";
const PROCESSES: &str = "/proc";

/// Nobody else has it, and nobody else will, as far as that can be had by asking.
fn lock(path: &Path) -> Result<Option<Lock>, String> {
    // Behind a link lies what others know it as. What can't be found fails at the opening, in its words.
    let Ok(tty) = std::fs::canonicalize(path) else { return Ok(None) };
    let name = tty.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if !["ttyUSB", "ttyACM"].iter().any(|kind| name.starts_with(kind)) {
        return Ok(None);
    }
    let (processes, own) = (Path::new(PROCESSES), std::process::id());
    if let Some(owner) = owner::find(processes, &tty, own) {
        return Err(format!("{} (process {}) has the port: stop it", owner.name, owner.process));
    }
    lock::take(Path::new(LOCKS), processes, name, own)
        .map_err(|process| format!("process {process} has locked the port ({LOCKS}/LCK..{name}): stop it"))
}

fn open_port(path: &Path) -> Result<TTYPort, String> {
    let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let descriptor = open(path, flags, Mode::empty()).map_err(words)?;
    let mut settings = termios::tcgetattr(&descriptor).map_err(words)?;
    termios::cfmakeraw(&mut settings);
    settings.control_flags |= ControlFlags::CLOCAL | ControlFlags::CREAD;
    if let Some(least) = settings.control_chars.get_mut(SpecialCharacterIndices::VMIN as usize) {
        *least = 1;
    }
    // Means nothing over USB; some drivers want one they know.
    termios::cfsetspeed(&mut settings, BaudRate::B115200).map_err(words)?;
    termios::tcsetattr(&descriptor, SetArg::TCSANOW, &settings).map_err(words)?;
    termios::tcflush(&descriptor, FlushArg::TCIOFLUSH).map_err(words)?;
    // SAFETY: the descriptor is a terminal, open, and given away here.
    Ok(unsafe { TTYPort::from_raw_fd(descriptor.into_raw_fd()) })
}

fn words(errno: nix::Error) -> String {
    use nix::Error as E;
    match errno {
        E::EBUSY => "another program has the port (ModemManager, comgt, minicom?): stop that one".to_owned(),
        E::EACCES | E::EPERM => "no permission: the daemon's user must be in group 'dialout'".to_owned(),
        E::ENOENT => "there is no such port".to_owned(),
        other => other.desc().to_owned(),
    }
}
