//! rtpengine in user space: a program that relays and nothing else, told of each call by its ng protocol (a cookie, then a bencoded
//! dictionary, by UDP).
use house::child::Child;
use house::load::{Process, cores, media_of, sdp};
use house::ports;
use house::wait::poll;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const PROGRAM: &str = "/usr/bin/rtpengine";
/// No call ends by itself while others are measured.
const NEVER: &str = "--timeout=100000";

/// The program as a process.
pub struct Rtpengine {
    child: Child,
    control: UdpSocket,
    ends: [SocketAddr; 2],
    calls: usize,
    asked: usize,
}

impl Rtpengine {
    /// Why it can't run here; None: it can.
    pub fn missing() -> Option<&'static str> {
        (!Path::new(PROGRAM).exists()).then_some("the package rtpengine-daemon is missing")
    }

    /// With ports of this range, for sound between these two addresses.
    pub fn start((first, last): (u16, u16), ends: [SocketAddr; 2]) -> Self {
        let port = ports::free();
        let mut command = Command::new(PROGRAM);
        command.args(["--config-file=none", "--foreground", "--log-stderr", "--log-level=4"]);
        // No table: nothing of it is in the kernel.
        command.args(["--table=-1", "--interface=127.0.0.1", NEVER, "--silent-timeout=100000"]);
        command.arg(format!("--listen-ng=127.0.0.1:{port}"));
        command.arg(format!("--port-min={first}")).arg(format!("--port-max={last}"));
        let child = Child::spawn("rtpengine", command.stdin(Stdio::null()));
        let control = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        control.set_read_timeout(Some(Duration::from_millis(200))).expect("a time limit");
        control.connect(("127.0.0.1", port)).expect("a way");
        let mut this = Self { child, control, ends, calls: 0, asked: 0 };
        let up = poll(20.0, || this.ask(&[("command", "ping")]));
        assert!(up.is_some(), "rtpengine does not answer\n{}", this.child.tail(30));
        this.process().pin(cores().0);
        this
    }

    pub fn process(&self) -> Process {
        Process(self.child.id())
    }

    /// So many more calls: where it wants the sound of the callers, and of whom they call.
    pub fn dial(&mut self, calls: usize) -> [Vec<SocketAddr>; 2] {
        let mut media = [Vec::new(), Vec::new()];
        let pcmu = ("0", "a=rtpmap:0 PCMU/8000\r\n");
        let [caller, called] = self.ends.map(|end| sdp(end, pcmu));
        for _ in 0..calls {
            self.calls += 1;
            let id = format!("call-{}", self.calls);
            // The keys in order, as bencode wants it.
            let offer = [("call-id", &id[..]), ("command", "offer"), ("from-tag", "a"), ("sdp", &caller)];
            let answer = [
                ("call-id", &id[..]),
                ("command", "answer"),
                ("from-tag", "a"),
                ("sdp", &called),
                ("to-tag", "b"),
            ];
            media[1].extend(self.ask(&offer).and_then(|text| media_of(&text)));
            media[0].extend(self.ask(&answer).and_then(|text| media_of(&text)));
        }
        assert!(
            media.iter().all(|side| side.len() == calls),
            "rtpengine: {media:?}\n{}",
            self.child.tail(30)
        );
        media
    }

    /// One request; its answer. None: nothing came, yet.
    fn ask(&mut self, request: &[(&str, &str)]) -> Option<Vec<u8>> {
        let text: String = request
            .iter()
            .map(|(key, value)| format!("{}:{key}{}:{value}", key.len(), value.len()))
            .collect();
        self.asked += 1;
        // The same in each repetition: it answers that from memory.
        let cookie = format!("ask{} ", self.asked);
        let mut buffer = [0; 4_096];
        for _ in 0..10 {
            if self.control.send(format!("{cookie}d{text}e").as_bytes()).is_ok()
                && let Ok(length) = self.control.recv(&mut buffer)
                && buffer.starts_with(cookie.as_bytes())
            {
                return Some(buffer[..length].to_vec());
            }
        }
        None
    }
}
