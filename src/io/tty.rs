//! Serial ports: opened by us, set by us, held by `serialport`.
//!
//! `serialport` opens with TCGETS2 and reads settings back, which some kernels refuse and ttyUSB answers wrongly; so the
//! descriptor is opened and set here with plain termios and handed over, which also makes it exclusive (TIOCEXCL).
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::sys::termios::{self, BaudRate, ControlFlags, FlushArg, SetArg, SpecialCharacterIndices};
use serialport::TTYPort;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd};
use std::path::Path;

/// An open port for the reactor.
pub struct Tty(TTYPort);

impl AsFd for Tty {
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the port owns the descriptor and lives as long as the borrow.
        unsafe { BorrowedFd::borrow_raw(self.0.as_raw_fd()) }
    }
}

impl Tty {
    #[must_use]
    pub fn new(port: TTYPort) -> Self {
        Self(port)
    }

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
pub fn open_raw(path: &Path) -> Result<TTYPort, String> {
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
