//! One serial port of the stick: the master side of a pty. The stick never keeps the slave open, so a closed
//! master is a hang-up to the daemon, and a closed slave is seen here.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::sys::stat::Mode;
use nix::sys::termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr};
use nix::unistd::{read, write};

/// What the stick keeps for a host that does not read; more is lost.
const OUT_LIMIT: usize = 64 * 1024;
/// What an unopened port keeps: it lies in the stick's own buffer.
const CLOSED_LIMIT: usize = 4096;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Port {
    Modem,
    Voice,
    At,
}

impl Port {
    pub const ALL: [Port; 3] = [Port::Modem, Port::Voice, Port::At];

    pub fn name(self) -> &'static str {
        match self {
            Port::Modem => "modem",
            Port::Voice => "voice",
            Port::At => "at",
        }
    }

    pub fn parse(name: &str) -> Option<Port> {
        Port::ALL.into_iter().find(|p| p.name() == name)
    }

    pub fn index(self) -> usize {
        self as usize
    }
}

/// What a look at the port brought.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    Nothing,
    Opened,
    Closed,
    Bytes(Vec<u8>),
}

#[derive(Debug)]
pub struct PtyPort {
    master: PtyMaster,
    /// `/dev/pts/N`
    pub path: PathBuf,
    out: VecDeque<u8>,
    pub open: bool,
    /// Bytes thrown away because nobody read.
    pub lost: usize,
}

impl PtyPort {
    /// A new port, unopened. `raw` sets the terminal raw at once, else it is cooked as the kernel makes it.
    pub fn new(raw: bool) -> nix::Result<PtyPort> {
        let master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let path = PathBuf::from(ptsname_r(&master)?);
        if raw {
            let mut termios = tcgetattr(&master)?;
            cfmakeraw(&mut termios);
            tcsetattr(&master, SetArg::TCSANOW, &termios)?;
        }
        // A slave that was opened and closed once makes the master report EIO from now on until the next open;
        // a slave that was never opened would look the same as an opened one.
        drop(open(&path, OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC, Mode::empty())?);
        Ok(PtyPort { master, path, out: VecDeque::new(), open: false, lost: 0 })
    }

    pub fn fd(&self) -> BorrowedFd<'_> {
        self.master.as_fd()
    }

    pub fn has_output(&self) -> bool {
        self.open && !self.out.is_empty()
    }

    /// Octets that wait for the host.
    pub fn unread(&self) -> usize {
        self.out.len()
    }

    /// Queues bytes towards the host.
    pub fn put(&mut self, bytes: &[u8]) {
        let limit = if self.open { OUT_LIMIT } else { CLOSED_LIMIT };
        let room = limit.saturating_sub(self.out.len()).min(bytes.len());
        self.out.extend(bytes.iter().take(room));
        self.lost += bytes.len() - room;
    }

    /// Hands queued bytes to the kernel as far as it takes them.
    pub fn flush(&mut self) {
        while self.open && !self.out.is_empty() {
            let (head, _) = self.out.as_slices();
            match write(&self.master, head) {
                Ok(0) => return,
                Ok(n) => drop(self.out.drain(..n)),
                Err(Errno::EINTR) => {}
                Err(_) => return,
            }
        }
    }

    /// A host without privileges that set TIOCEXCL locks a pty for good, while a real tty forgets it at the last
    /// close: such a port must be made anew.
    pub fn is_locked(&self) -> bool {
        let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
        matches!(open(&self.path, flags, Mode::empty()), Err(Errno::EBUSY))
    }

    /// Looks once: bytes, or a change of the open state.
    pub fn look(&mut self) -> Read {
        let mut buffer = [0u8; 4096];
        match read(&self.master, &mut buffer) {
            Ok(n) if n > 0 => {
                self.open = true;
                Read::Bytes(buffer.get(..n).unwrap_or_default().to_vec())
            }
            Err(Errno::EAGAIN | Errno::EINTR) if !self.open => {
                self.open = true;
                Read::Opened
            }
            Err(Errno::EAGAIN | Errno::EINTR) => Read::Nothing,
            _ if self.open => {
                self.open = false;
                Read::Closed
            }
            _ => Read::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};

    #[test]
    fn opening_and_closing_is_seen() {
        let mut port = PtyPort::new(true).unwrap();
        assert_eq!(port.look(), Read::Nothing);
        assert!(!port.open);
        let mut slave = std::fs::OpenOptions::new().read(true).write(true).open(&port.path).unwrap();
        assert_eq!(port.look(), Read::Opened);
        slave.write_all(b"AT\r").unwrap();
        assert_eq!(port.look(), Read::Bytes(b"AT\r".to_vec()));
        drop(slave);
        assert_eq!(port.look(), Read::Closed);
        let mut slave = std::fs::OpenOptions::new().read(true).write(true).open(&port.path).unwrap();
        assert_eq!(port.look(), Read::Opened);
        drop(port);
        let mut byte = [0u8];
        assert!(matches!(slave.read(&mut byte), Ok(0) | Err(_)), "a closed master hangs up");
        assert!(slave.write_all(b"x").is_err());
    }
}
