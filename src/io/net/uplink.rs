//! The kernel's word of addresses and routes that come and go: rtnetlink.
use super::event::{NetEvent, Outlets};
use crate::io::reactor::{Source, Timer};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, socket,
};
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::time::Duration;

/// RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV4_ROUTE, RTMGRP_IPV6_IFADDR, RTMGRP_IPV6_ROUTE.
const GROUPS: u32 = 0x1 | 0x10 | 0x40 | 0x100 | 0x400;
/// One change comes as a dozen messages: the old address goes, a new one comes, routes follow.
const SETTLE: Duration = Duration::from_millis(300);

/// Tell when something changed. Where netlink can't be had (an emulator), what is looked up again tells later.
pub async fn watch(outlets: Outlets) {
    let socket = match open() {
        Ok(socket) => socket,
        Err(why) => {
            log::debug!("no word of addresses that change: {why}");
            return;
        }
    };
    while changed(&socket).await.is_ok() {
        Timer::after(SETTLE).await;
        while take(&socket).is_ok_and(|count| count > 0) {}
        outlets.tell(NetEvent::Addresses).await;
    }
}

fn open() -> io::Result<Source<OwnedFd>> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket(AddressFamily::Netlink, SockType::Datagram, flags, SockProtocol::NetlinkRoute)?;
    bind(socket.as_raw_fd(), &NetlinkAddr::new(0, GROUPS))?;
    Source::of_nonblocking(socket)
}

/// What it says is not read: what counts is what the kernel answers afterwards.
fn take(socket: &Source<OwnedFd>) -> io::Result<usize> {
    match recv(socket.get_ref().as_raw_fd(), &mut [0; 64], MsgFlags::MSG_DONTWAIT) {
        // Some were lost.
        Err(nix::errno::Errno::ENOBUFS) => Ok(1),
        result => Ok(result?),
    }
}

async fn changed(socket: &Source<OwnedFd>) -> io::Result<usize> {
    socket.read_with(|_| take(socket)).await
}
