//! The event loop and the control socket: JSON lines, one answer per request, in order.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::time::TimeSpec;
use serde_json::{Value, json};

use crate::ports::Port;
use crate::stick::Stick;

const LINE_LIMIT: usize = 4 * 1024 * 1024;
const CLIENT_LIMIT: usize = 32;
/// How often an unopened port is looked at; poll cannot tell an open from the master's side.
const LOOK_PERIOD: Duration = Duration::from_millis(5);

struct Client {
    stream: UnixStream,
    input: Vec<u8>,
    output: Vec<u8>,
    gone: bool,
}

struct Loop {
    stick: Stick,
    listener: UnixListener,
    socket: PathBuf,
    signals: SignalFd,
    clients: Vec<Client>,
    looked: Instant,
}

/// Runs a stick until SIGTERM, SIGINT or the death of the parent.
pub fn run(stick: Stick) -> io::Result<()> {
    let mut mask = SigSet::empty();
    mask.add(Signal::SIGTERM);
    mask.add(Signal::SIGINT);
    mask.thread_block()?;
    let signals = SignalFd::with_flags(&mask, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
    let parent = nix::unistd::getppid();
    prctl::set_pdeathsig(Signal::SIGTERM)?;
    let socket = stick.options.dir.join(format!("{}.sock", stick.options.name));
    let _ = std::fs::remove_file(&socket);
    let listener = UnixListener::bind(&socket)?;
    listener.set_nonblocking(true)?;
    let mut all = Loop { stick, listener, socket, signals, clients: Vec::new(), looked: Instant::now() };
    if !all.stick.options.absent {
        all.stick.plug(None, None)?;
    }
    let mut out = io::stdout();
    writeln!(out, "ready")?;
    out.flush()?;
    // A parent that died before set_pdeathsig leaves us to somebody else.
    while nix::unistd::getppid() == parent {
        if all.turn()? {
            break;
        }
    }
    all.stick.unplug();
    let _ = std::fs::remove_file(&all.socket);
    Ok(())
}

impl Loop {
    /// One round: wait, then serve. `true` ends the program.
    fn turn(&mut self) -> io::Result<bool> {
        let ready = self.wait()?;
        self.stick.now = Instant::now();
        if ready.signal {
            return Ok(true);
        }
        self.stick.run_timers();
        let look_closed = self.stick.now.saturating_duration_since(self.looked) >= LOOK_PERIOD;
        if look_closed {
            self.looked = self.stick.now;
        }
        for port in Port::ALL {
            let open = self.stick.port(port).is_some_and(|p| p.open);
            if (open && ready.ports[port.index()]) || (!open && look_closed) {
                self.stick.look(port);
            }
            if let Some(port) = self.stick.port(port) {
                port.flush();
            }
        }
        self.stick.note_closed();
        if ready.listener {
            self.accept();
        }
        for n in 0..self.clients.len() {
            self.serve(n);
        }
        self.clients.retain(|c| !(c.gone && c.output.is_empty()));
        Ok(false)
    }

    fn wait(&self) -> io::Result<Ready> {
        let mut fds = vec![
            PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.listener.as_fd(), PollFlags::POLLIN),
        ];
        let mut ports: Vec<Port> = Vec::new();
        let mut closed = false;
        for (port, pty) in self.stick.ports() {
            if !pty.open {
                closed = true;
                continue;
            }
            let write = if pty.has_output() { PollFlags::POLLOUT } else { PollFlags::empty() };
            fds.push(PollFd::new(pty.fd(), PollFlags::POLLIN | write));
            ports.push(port);
        }
        for client in &self.clients {
            let write = if client.output.is_empty() { PollFlags::empty() } else { PollFlags::POLLOUT };
            fds.push(PollFd::new(borrow(&client.stream), PollFlags::POLLIN | write));
        }
        let mut wait = self.stick.timers.wait(Instant::now());
        wait = min(wait, self.stick.wait());
        if closed {
            wait = min(wait, Some(LOOK_PERIOD));
        }
        match ppoll(&mut fds, wait.map(TimeSpec::from_duration), None) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(e) => return Err(e.into()),
        }
        let happened: Vec<bool> = fds.iter().map(|fd| fd.any().unwrap_or(true)).collect();
        let mut ready = Ready {
            signal: happened.first().copied().unwrap_or(false),
            listener: happened.get(1).copied().unwrap_or(false),
            ports: [false; 3],
        };
        for (port, flag) in ports.iter().zip(happened.iter().skip(2)) {
            ready.ports[port.index()] = *flag;
        }
        Ok(ready)
    }

    fn accept(&mut self) {
        while let Ok((stream, _)) = self.listener.accept() {
            if self.clients.len() < CLIENT_LIMIT && stream.set_nonblocking(true).is_ok() {
                self.clients.push(Client { stream, input: Vec::new(), output: Vec::new(), gone: false });
            }
        }
    }

    fn serve(&mut self, n: usize) {
        let Some(client) = self.clients.get_mut(n) else { return };
        client.receive();
        while let Some(client) = self.clients.get_mut(n)
            && let Some(end) = client.input.iter().position(|b| *b == b'\n')
        {
            let line: Vec<u8> = client.input.drain(..=end).collect();
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let answer = match serde_json::from_slice::<Value>(&line) {
                Ok(request) => self.stick.request(&request),
                Err(e) => json!({"ok": false, "error": format!("not JSON: {e}")}),
            };
            if let Some(client) = self.clients.get_mut(n) {
                client.output.extend(answer.to_string().bytes());
                client.output.push(b'\n');
            }
        }
        if let Some(client) = self.clients.get_mut(n) {
            client.send();
        }
    }
}

struct Ready {
    signal: bool,
    listener: bool,
    ports: [bool; 3],
}

fn min(a: Option<Duration>, b: Option<Duration>) -> Option<Duration> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

fn borrow(stream: &UnixStream) -> BorrowedFd<'_> {
    stream.as_fd()
}

impl Client {
    fn receive(&mut self) {
        let mut buffer = [0u8; 16_384];
        while !self.gone {
            match self.stream.read(&mut buffer) {
                Ok(0) => self.gone = true,
                Ok(n) => self.input.extend(buffer.get(..n).unwrap_or_default()),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                Err(_) => self.gone = true,
            }
            if self.input.len() > LINE_LIMIT {
                self.gone = true;
                self.input.clear();
            }
        }
    }

    fn send(&mut self) {
        while !self.output.is_empty() {
            match self.stream.write(&self.output) {
                Ok(n) if n > 0 => drop(self.output.drain(..n)),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                _ => {
                    self.gone = true;
                    self.output.clear();
                }
            }
        }
    }
}
