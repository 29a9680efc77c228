//! Ports for the programs that must be told theirs.
use std::net::{TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};

/// Below what Linux gives to outgoing connections (32768 and up), so that none of those takes a port between the
/// moment in which it was found free and the one in which the program binds it.
const FIRST: u32 = 10_000;
const COUNT: u32 = 22_000;

/// A port on 127.0.0.1 that is free for UDP and for TCP, and that this process has not given out lately.
#[must_use]
pub fn free() -> u16 {
    free_run(1)
}

/// The first of `count` such ports in a row; even, as RTP wants it.
#[must_use]
pub fn free_run(count: u16) -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Each process begins elsewhere, as several may search at once.
    let begin = std::process::id().wrapping_mul(7_919);
    let wide = (u32::from(count) + 1) & !1;
    for _ in 0..COUNT {
        let taken = NEXT.fetch_add(wide, Ordering::Relaxed);
        let offset = begin.wrapping_add(taken) % (COUNT - wide);
        let Ok(first) = u16::try_from((FIRST + offset) & !1) else { continue };
        if (first..first + count).all(is_free) {
            return first;
        }
    }
    panic!("no {count} free ports in a row on 127.0.0.1");
}

fn is_free(port: u16) -> bool {
    UdpSocket::bind(("127.0.0.1", port)).is_ok() && TcpListener::bind(("127.0.0.1", port)).is_ok()
}

/// Whether some program has this port on 127.0.0.1: for UDP, or listening for TCP. Looks at the kernel's table, as a
/// bind to find out would take the port from the program that is just about to.
#[must_use]
pub fn is_bound(port: u16, tcp: bool) -> bool {
    let table = if tcp { "/proc/net/tcp" } else { "/proc/net/udp" };
    let own = [format!("0100007F:{port:04X}"), format!("00000000:{port:04X}")];
    std::fs::read_to_string(table).unwrap_or_default().lines().any(|line| {
        let mut words = line.split_whitespace().skip(1);
        let (local, state) = (words.next().unwrap_or_default(), words.nth(1));
        own.iter().any(|o| o == local) && (!tcp || state == Some("0A"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_passed_by() {
        let first = free();
        assert!(is_free(first) && first.is_multiple_of(2));
        let _held = UdpSocket::bind(("127.0.0.1", first)).unwrap();
        assert!(!is_free(first));
        assert!(is_bound(first, false) && !is_bound(first, true));
        let _listens = TcpListener::bind(("127.0.0.1", first)).unwrap();
        assert!(is_bound(first, true));
        let run = free_run(20);
        assert!((run..run + 20).all(|p| p != first && is_free(p)));
    }
}
