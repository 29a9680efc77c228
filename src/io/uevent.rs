//! Kernel events of devices that come and go: netlink, without udev. DONGLE 1.5.
use super::event::{Event, Events};
use super::reactor::Source;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, socket,
};
use std::os::fd::{AsRawFd, OwnedFd};

/// Tell of events of usb and tty devices. Where netlink can't be had (a container, an emulator) the regular look at the bus does it alone.
pub async fn watch(events: Events) {
    let socket = match open() {
        Ok(socket) => socket,
        Err(why) => {
            log::debug!("no kernel events of devices ({why}); the bus is looked at regularly");
            return;
        }
    };
    let mut buffer = [0; 4_096];
    loop {
        let read = socket.read_with(|s| Ok(recv(s.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT)?)).await;
        let relevant = match read {
            Ok(n) => concerns_us(buffer.get(..n).unwrap_or_default()),
            // ENOBUFS: events were lost, so look.
            Err(why) if why.raw_os_error() == Some(libc::ENOBUFS) => true,
            Err(why) => {
                log::debug!("kernel events ended: {why}");
                return;
            }
        };
        if relevant && events.send(Event::Bus).await.is_err() {
            return;
        }
    }
}

fn open() -> std::io::Result<Source<OwnedFd>> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket =
        socket(AddressFamily::Netlink, SockType::Datagram, flags, SockProtocol::NetlinkKObjectUEvent)?;
    bind(socket.as_raw_fd(), &NetlinkAddr::new(0, 1))?;
    Source::of_nonblocking(socket)
}

/// `add@/devices/…\0ACTION=add\0SUBSYSTEM=tty\0…`
fn concerns_us(event: &[u8]) -> bool {
    event.split(|b| *b == 0).any(|field| matches!(field, b"SUBSYSTEM=tty" | b"SUBSYSTEM=usb"))
}
