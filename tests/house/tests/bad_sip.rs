//! Who wants to wear the SIP ports out, while a call goes on: real sockets at the real program.
use house::home::Options;
use house::phone::Transport;
use house::telephony::Telephony;
use house::wait::{patience, poll};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

fn resident_kb(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap_or("0");
    line.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0)
}

fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.set_write_timeout(Some(patience(2.0))).unwrap();
    stream.set_read_timeout(Some(patience(1.0))).unwrap();
    stream
}

/// The other side has closed it: nothing more comes, after what it still had to say.
fn is_closed(stream: &mut TcpStream) -> bool {
    loop {
        match stream.read(&mut [0; 2_000]) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(why) => {
                return !matches!(why.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut);
            }
        }
    }
}

/// A call from 100 over the stick, with sound both ways.
fn with_a_call(name: &str, harm: impl FnOnce(&mut Telephony)) {
    let mut home = Telephony::ready(name, Options::default(), "");
    let mut phone = home.phone("100", Transport::Udp);
    home.talk(&mut phone);
    let id = home.home.daemon.id();
    harm(&mut home);
    assert_eq!(home.home.daemon.id(), id);
    // It goes on as if nothing were.
    home.far_speaks();
    home.assert_phone_hears(&mut phone);
    home.assert_far_hears(1_020.0);
    phone.hangup();
    phone.wait_closed(10.0);
    home.end();
}

#[test]
fn messages_that_never_end() {
    with_a_call("bad-sip-endless", |home| {
        let port = home.port;
        let head = "OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bK1\r\n";
        let endless = "x".repeat(300_000);
        for (what, start) in [
            ("a header line without end", format!("{head}X: {endless}")),
            ("headers without end", format!("{head}{}", "X: y\r\n".repeat(50_000))),
            ("more than there can be", format!("{head}Content-Length: 4294967296\r\n\r\n")),
            ("less than nothing", format!("{head}Content-Length: -1\r\n\r\n")),
            ("two lengths", format!("{head}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab")),
            ("no length", format!("{head}\r\n")),
        ] {
            let mut stream = connect(port);
            let _ = stream.write_all(start.as_bytes());
            assert!(poll(10.0, || is_closed(&mut stream).then_some(())).is_some(), "{what} is still open");
        }
    });
}

/// A length that promises more than comes, and a byte a second: neither holds its place for long.
#[test]
fn slow_messages() {
    with_a_call("bad-sip-slow", |home| {
        let mut waiting = connect(home.port);
        waiting.write_all(b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 5000\r\n\r\n").unwrap();
        let mut slow = connect(home.port);
        let begin = Instant::now();
        let text = "OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bK1\r\n".repeat(3);
        let mut bytes = text.bytes();
        let gone = poll(60.0, || {
            let sent = bytes.next().is_some_and(|byte| slow.write_all(&[byte]).is_ok());
            // Waits a second, unless it is closed.
            (!sent || is_closed(&mut slow)).then_some(())
        });
        assert!(gone.is_some(), "a byte a second is waited for");
        assert!(begin.elapsed() > Duration::from_secs(10), "a slow line is no crime");
        assert!(
            poll(10.0, || is_closed(&mut waiting).then_some(())).is_some(),
            "a promised body is waited for"
        );
    });
}

#[test]
fn a_thousand_connections() {
    with_a_call("bad-sip-thousand", |home| {
        let pid = home.home.daemon.id();
        let (memory, files) = (resident_kb(pid), descriptors(pid));
        let mut held = Vec::new();
        for n in 0..1_000_u32 {
            // Forty addresses of one machine.
            let socket = socket_from(Ipv4Addr::from(0x7F00_0101 + n % 40));
            if let Some(stream) = socket.and_then(|s| to(s, home.port)) {
                held.push(stream);
            }
        }
        assert!(held.len() > 900, "{} connected", held.len());
        assert!(descriptors(pid) < files + 80, "{} of {files}", descriptors(pid));
        assert!(resident_kb(pid) < memory + 2_000, "{} of {memory} kB", resident_kb(pid));
        // Those who say nothing lose their places to those who speak.
        let speaks = poll(60.0, || {
            let mut phone = connect(home.port);
            let asked = phone.write_all(
                b"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bK2\r\nMax-Forwards: 70\r\n\
                  From: <sip:a@a>;tag=1\r\nTo: <sip:a>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
            );
            let mut answer = [0; 12];
            (asked.is_ok() && phone.read_exact(&mut answer).is_ok() && answer == *b"SIP/2.0 200 ")
                .then_some(())
        });
        assert!(speaks.is_some(), "{}", home.tails());
    });
}

fn socket_from(ip: Ipv4Addr) -> Option<std::os::fd::OwnedFd> {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, socket};
    use std::os::fd::AsRawFd as _;
    let fd = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).ok()?;
    bind(fd.as_raw_fd(), &SockaddrIn::from(std::net::SocketAddrV4::new(ip, 0))).ok()?;
    Some(fd)
}

fn to(socket: std::os::fd::OwnedFd, port: u16) -> Option<TcpStream> {
    use nix::sys::socket::{SockaddrIn, connect};
    use std::os::fd::AsRawFd as _;
    connect(socket.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, port)).ok()?;
    Some(TcpStream::from(socket))
}

#[test]
fn ten_thousand_registrations_a_second() {
    with_a_call("bad-sip-flood", |home| {
        let pid = home.home.daemon.id();
        let memory = resident_kb(pid);
        let lines = home.home.daemon.tail(100_000).lines().count();
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, home.port));
        let own = socket.local_addr().unwrap();
        let begin = Instant::now();
        let (mut sent, mut most) = (0_u32, memory);
        while sent < 30_000 {
            for _ in 0..100 {
                sent += 1;
                let proof = match sent % 2 {
                    0 => String::new(),
                    _ => format!(
                        "Authorization: Digest username=\"100\", realm=\"tandem\", nonce=\"{sent:032x}\", \
                         uri=\"sip:h\", response=\"{sent:032x}\"\r\n"
                    ),
                };
                let request = format!(
                    "REGISTER sip:h SIP/2.0\r\nVia: SIP/2.0/UDP {own};rport;branch=z9hG4bK{sent}\r\n\
                     Max-Forwards: 70\r\nFrom: <sip:{sent}@h>;tag={sent}\r\nTo: <sip:{sent}@h>\r\nCall-ID: {sent}\r\n\
                     CSeq: 1 REGISTER\r\nContact: <sip:{sent}@{own}>\r\n{proof}Content-Length: 0\r\n\r\n"
                );
                // What the kernel has no room for is lost, as in life.
                let _ = socket.send_to(request.as_bytes(), to);
            }
            most = most.max(resident_kb(pid));
            // No faster than ten thousand a second; meanwhile the answers are taken.
            let due = Duration::from_micros(u64::from(sent) * 100);
            while let Some(rest) = due.checked_sub(begin.elapsed()).filter(|rest| !rest.is_zero()) {
                socket.set_read_timeout(Some(rest)).unwrap();
                let _ = socket.recv(&mut [0; 2_000]);
            }
        }
        assert!(most < memory + 3_000, "{most} kB, {memory} before");
        let told = home.home.daemon.tail(100_000).lines().count().saturating_sub(lines);
        assert!(told < 20, "{told} lines: {}", home.tails());
        // Another phone comes in as if nothing were: it is registered when it is given back.
        let _other = home.phone("101", Transport::Udp);
    });
}
