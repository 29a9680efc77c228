//! From the start to the first answer.
use crate::peer::monotonic_ms;
use house::home::Home;
use house::telephony::Telephony;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

/// Start until the socket's first answer.
pub fn ready(home: &mut Home) -> f64 {
    home.daemon.kill9();
    let begin = Instant::now();
    home.daemon.launch();
    home.daemon.wait_answer();
    begin.elapsed().as_secs_f64() * 1_000.0
}

/// Start until the first 200 for an OPTIONS, asked again and again over UDP.
pub fn ready_sip(home: &mut Telephony) -> f64 {
    home.home.daemon.kill9();
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.set_read_timeout(Some(Duration::from_micros(500))).expect("a time limit");
    let at = socket.local_addr().expect("an address");
    let port = home.port;
    let request = format!(
        "OPTIONS sip:127.0.0.1:{port} SIP/2.0\r\nVia: SIP/2.0/UDP {at};branch=z9hG4bKready;rport\r\n\
         From: <sip:bench@{at}>;tag=1\r\nTo: <sip:127.0.0.1:{port}>\r\nCall-ID: ready@{at}\r\nCSeq: 1 OPTIONS\r\n\
         Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    );
    let begin = monotonic_ms();
    home.home.daemon.launch();
    let limit = Instant::now() + Duration::from_secs(20);
    let mut buffer = [0; 2_000];
    while Instant::now() < limit {
        // Before the port is there the kernel refuses, and this socket hears of it or not: either way once more.
        let _ = socket.send_to(request.as_bytes(), ("127.0.0.1", port));
        if let Ok((n, _)) = socket.recv_from(&mut buffer)
            && buffer[..n].starts_with(b"SIP/2.0 200")
        {
            let ready = monotonic_ms() - begin;
            home.home.daemon.wait_answer();
            return ready;
        }
    }
    panic!("no answer to OPTIONS\n{}", home.home.daemon.tail(40));
}
