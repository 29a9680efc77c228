//! One device through usbfs, as far as switching sticks needs it. `linux/usbdevice_fs.h`.
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::time::Duration;

/// Bytes of descriptors that are read: a stick has some hundred.
const DESCRIPTORS: u64 = 4_096;

/// What can be done with a device. Real: `Node`; recorded: in the tests.
pub trait Device {
    /// Those of the device and of its configurations.
    fn descriptors(&mut self) -> io::Result<Vec<u8>>;
    /// Take the kernel's driver off an interface. None there is an error, ENODATA.
    fn detach(&mut self, interface: u8) -> io::Result<()>;
    fn claim(&mut self, interface: u8) -> io::Result<()>;
    fn release(&mut self, interface: u8) -> io::Result<()>;
    fn clear_halt(&mut self, endpoint: u8) -> io::Result<()>;
    /// To or from a bulk endpoint, as the highest bit of its address says. How many bytes went.
    fn bulk(&mut self, endpoint: u8, bytes: &mut [u8], limit: Duration) -> io::Result<usize>;
    /// A control transfer without data.
    fn control(&mut self, setup: Setup, limit: Duration) -> io::Result<()>;
    fn pause(&mut self, time: Duration);
}

/// The first eight bytes of a control transfer, without the length, which is 0. USB 2.0 section 9.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    pub request_type: u8,
    pub request: u8,
    pub value: u16,
    pub index: u16,
}

/// `/dev/bus/usb/001/004`
pub struct Node(File);

impl Node {
    pub fn open(path: &Path) -> io::Result<Self> {
        OpenOptions::new().read(true).write(true).open(path).map(Self)
    }
}

mod ioctl {
    // The macros make unsafe functions, as every ioctl is.
    #![allow(unsafe_code)]
    use std::ffi::{c_int, c_uint, c_void};

    #[repr(C)]
    pub struct Control {
        pub request_type: u8,
        pub request: u8,
        pub value: u16,
        pub index: u16,
        pub length: u16,
        /// Milliseconds.
        pub timeout: u32,
        pub data: *mut c_void,
    }

    #[repr(C)]
    pub struct Bulk {
        pub endpoint: c_uint,
        pub length: c_uint,
        /// Milliseconds.
        pub timeout: c_uint,
        pub data: *mut c_void,
    }

    #[repr(C)]
    struct Inner {
        interface: c_int,
        code: c_int,
        data: *mut c_void,
    }

    nix::ioctl_readwrite!(usbdevfs_control, b'U', 0, Control);
    nix::ioctl_readwrite!(usbdevfs_bulk, b'U', 2, Bulk);
    nix::ioctl_read!(usbdevfs_claim, b'U', 15, c_uint);
    nix::ioctl_read!(usbdevfs_release, b'U', 16, c_uint);
    nix::ioctl_readwrite!(usbdevfs_ioctl, b'U', 18, Inner);
    nix::ioctl_read!(usbdevfs_clear_halt, b'U', 21, c_uint);
    /// `USBDEVFS_DISCONNECT`, `_IO('U', 22)`: an ioctl inside an ioctl. `_IO` is built differently on MIPS.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        reason = "sixteen bits and a direction"
    )]
    const DISCONNECT: c_int = nix::request_code_none!(b'U', 22) as c_int;

    type Result = nix::Result<c_int>;

    pub fn control(fd: c_int, control: &mut Control) -> Result {
        // SAFETY: `data` points to nothing and `length` is 0, else to `length` bytes that live as long as `control`.
        unsafe { usbdevfs_control(fd, control) }
    }

    /// `bytes` are read by the kernel, or written, as the endpoint says.
    pub fn bulk(fd: c_int, endpoint: u8, bytes: &mut [u8], timeout: u32) -> Result {
        let length = c_uint::try_from(bytes.len()).map_err(|_| nix::Error::EINVAL)?;
        let data = bytes.as_mut_ptr().cast();
        let mut bulk = Bulk { endpoint: endpoint.into(), length, timeout, data };
        // SAFETY: `data` points to `length` bytes that are ours to read and write until the call returns; the kernel keeps nothing.
        unsafe { usbdevfs_bulk(fd, &raw mut bulk) }
    }

    pub fn claim(fd: c_int, interface: u8) -> Result {
        let mut interface = c_uint::from(interface);
        // SAFETY: the kernel reads one number there.
        unsafe { usbdevfs_claim(fd, &raw mut interface) }
    }

    pub fn release(fd: c_int, interface: u8) -> Result {
        let mut interface = c_uint::from(interface);
        // SAFETY: the kernel reads one number there.
        unsafe { usbdevfs_release(fd, &raw mut interface) }
    }

    pub fn clear_halt(fd: c_int, endpoint: u8) -> Result {
        let mut endpoint = c_uint::from(endpoint);
        // SAFETY: the kernel reads one number there.
        unsafe { usbdevfs_clear_halt(fd, &raw mut endpoint) }
    }

    pub fn detach(fd: c_int, interface: u8) -> Result {
        let mut inner = Inner { interface: interface.into(), code: DISCONNECT, data: std::ptr::null_mut() };
        // SAFETY: the inner request has no argument, so its null pointer is not followed.
        unsafe { usbdevfs_ioctl(fd, &raw mut inner) }
    }
}

fn milliseconds(limit: Duration) -> u32 {
    u32::try_from(limit.as_millis()).unwrap_or(u32::MAX)
}

impl Device for Node {
    fn descriptors(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.0.by_ref().take(DESCRIPTORS).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn detach(&mut self, interface: u8) -> io::Result<()> {
        Ok(ioctl::detach(self.0.as_raw_fd(), interface).map(drop)?)
    }

    fn claim(&mut self, interface: u8) -> io::Result<()> {
        Ok(ioctl::claim(self.0.as_raw_fd(), interface).map(drop)?)
    }

    fn release(&mut self, interface: u8) -> io::Result<()> {
        Ok(ioctl::release(self.0.as_raw_fd(), interface).map(drop)?)
    }

    fn clear_halt(&mut self, endpoint: u8) -> io::Result<()> {
        Ok(ioctl::clear_halt(self.0.as_raw_fd(), endpoint).map(drop)?)
    }

    fn bulk(&mut self, endpoint: u8, bytes: &mut [u8], limit: Duration) -> io::Result<usize> {
        let moved = ioctl::bulk(self.0.as_raw_fd(), endpoint, bytes, milliseconds(limit))?;
        Ok(usize::try_from(moved).unwrap_or(0))
    }

    fn control(&mut self, setup: Setup, limit: Duration) -> io::Result<()> {
        let Setup { request_type, request, value, index } = setup;
        let (timeout, data) = (milliseconds(limit), std::ptr::null_mut());
        let mut control = ioctl::Control { request_type, request, value, index, length: 0, timeout, data };
        Ok(ioctl::control(self.0.as_raw_fd(), &mut control).map(drop)?)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the stick wants the time, in a thread that does nothing else"
    )]
    fn pause(&mut self, time: Duration) {
        std::thread::sleep(time);
    }
}
