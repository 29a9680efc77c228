//! The control socket: one JSON request a line, one answer a line. Who may open it is told by its mode and group.
use super::event::{Event, Events};
use super::reactor::{Source, Timer, spawn};
use crate::switch::Client;
use crate::util::limits::{CLIENTS, REQUEST_BYTES, TRACE_EVENTS};
use crate::util::table::Table;
use async_channel::{Receiver, Sender, bounded};
use futures_lite::future::{or, zip};
use std::cell::RefCell;
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

pub enum ClientEvent {
    Request { client: Client, line: String },
    Gone { client: Client },
}

/// Answers waiting for a client that does not read; beyond it the connection ends.
const ANSWERS: usize = 16;
/// A client that says and hears nothing for so long is disconnected.
const SILENCE: Duration = Duration::from_secs(300);

/// The group that may use the socket besides root, where it exists.
const GROUP: &str = "tandem";

/// What goes to one client.
struct Outlet {
    sender: Sender<String>,
    /// It asked for a trace.
    traces: bool,
    /// Traced messages left out since the last that was queued.
    lost: u64,
}

type Clients = Rc<RefCell<Table<Client, Outlet>>>;

pub struct Control {
    clients: Clients,
}

impl Control {
    /// Listen at `path`. A socket that a dead daemon left is replaced; a live daemon's is not.
    ///
    /// # Errors
    /// What the system says; `AddrInUse` when another daemon answers there.
    pub fn start(path: &Path, events: &Events) -> io::Result<Self> {
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir)?;
        }
        if UnixStream::connect(path).is_ok() {
            return Err(io::Error::new(
                io::ErrorKind::AddrInUse,
                "another tandem is running and answers there",
            ));
        }
        remove_stale(path)?;
        let listener = Source::new(UnixListener::bind(path)?)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o660))?;
        give_to_group(path);
        let clients = Rc::default();
        spawn(accept(listener, Rc::clone(&clients), events.clone())).detach();
        Ok(Self { clients })
    }

    /// It says nothing more: what is queued is still written.
    pub fn close(&self, client: Client) {
        self.clients.borrow_mut().remove(&client);
    }

    /// One line for a client; one that does not read its answers is let go.
    pub fn reply(&self, client: Client, text: String) {
        let mut clients = self.clients.borrow_mut();
        let Some(outlet) = clients.get(&client) else { return };
        let room = if outlet.traces { TRACE_EVENTS.saturating_add(ANSWERS) } else { ANSWERS };
        if outlet.sender.len() >= room || outlet.sender.try_send(text).is_err() {
            clients.remove(&client);
        }
    }

    /// One traced message. Who reads too slowly loses some, and learns how many.
    pub fn offer(&self, client: Client, text: String) {
        let mut clients = self.clients.borrow_mut();
        let Some(outlet) = clients.get_mut(&client) else { return };
        outlet.traces = true;
        if outlet.sender.len() >= TRACE_EVENTS {
            outlet.lost = outlet.lost.saturating_add(1);
            return;
        }
        let text = match std::mem::take(&mut outlet.lost) {
            0 => text,
            lost => format!("{{\"lost\":{lost}}}\n{text}"),
        };
        // It is gone when there is nobody to read: its end is told elsewhere.
        let _ = outlet.sender.try_send(text);
    }
}

/// A socket that nobody answers is left over from a daemon that was killed. Anything else is somebody's file.
fn remove_stale(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(e),
        Ok(found) if found.file_type().is_socket() => fs::remove_file(path),
        Ok(_) => Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "there is a file that is no socket; name another path",
        )),
    }
}

/// Of `GROUP` in /etc/group. The C library's own reader costs 6 kB on mipsel and knows no more there.
fn group_number() -> Option<u32> {
    let mut text = String::new();
    fs::File::open("/etc/group").ok()?.take(65_536).read_to_string(&mut text).ok()?;
    let mut lines = text.lines().map(|line| line.split(':'));
    lines.find_map(|mut fields| if fields.next()? == GROUP { fields.nth(1)?.parse().ok() } else { None })
}

fn give_to_group(path: &Path) {
    if let Some(group) = group_number()
        && let Err(why) = nix::unistd::chown(path, None, Some(group.into()))
    {
        log::warn!("the control socket can't be given to group '{GROUP}': {why}");
    }
}

async fn accept(listener: Source<UnixListener>, clients: Clients, events: Events) {
    let mut next: Client = 0;
    loop {
        let accepted = listener.read_with(UnixListener::accept).await;
        let stream = match accepted.and_then(|(stream, _)| Source::new(stream)) {
            Ok(stream) => stream,
            Err(why) => {
                // Out of descriptors: some come back.
                log::warn!("the control socket accepts nobody: {why}");
                Timer::after(Duration::from_secs(1)).await;
                continue;
            }
        };
        if clients.borrow().len() >= CLIENTS {
            log::debug!("a client of the control socket was turned away: {CLIENTS} are there");
            continue;
        }
        next = next.wrapping_add(1);
        let (sender, answers) = bounded(TRACE_EVENTS.saturating_add(ANSWERS));
        clients.borrow_mut().insert(next, Outlet { sender, traces: false, lost: 0 });
        let (client, clients, events) = (next, Rc::clone(&clients), events.clone());
        let course = async move {
            serve(stream, client, answers, &events).await;
            clients.borrow_mut().remove(&client);
            let _ = events.send(Event::Client(ClientEvent::Gone { client })).await;
        };
        spawn(course).detach();
    }
}

async fn serve(stream: Source<UnixStream>, client: Client, answers: Receiver<String>, events: &Events) {
    let reading = read_requests(&stream, client, events);
    let writing = write_answers(&stream, answers);
    // Reading ends first when the client half-closes; its answers are still written.
    zip(reading, writing).await;
}

async fn read_requests(stream: &Source<UnixStream>, client: Client, events: &Events) {
    let mut line = Vec::new();
    let mut buffer = [0; 1_024];
    loop {
        let timeout = async {
            Timer::after(SILENCE).await;
            Ok(0)
        };
        let Ok(n @ 1..) = or(stream.read(&mut buffer), timeout).await else { break };
        for byte in buffer.get(..n).unwrap_or_default() {
            if *byte != b'\n' {
                line.push(*byte);
                continue;
            }
            let text = String::from_utf8_lossy(&std::mem::take(&mut line)).into_owned();
            if events.send(Event::Client(ClientEvent::Request { client, line: text })).await.is_err() {
                return;
            }
        }
        if line.len() > REQUEST_BYTES {
            log::debug!("a client of the control socket sent an endless line");
            break;
        }
    }
    // An empty line never becomes a request; it ends the writer.
    let _ = stream.get_ref().shutdown(std::net::Shutdown::Read);
    let _ = events.send(Event::Client(ClientEvent::Gone { client })).await;
}

async fn write_answers(stream: &Source<UnixStream>, answers: Receiver<String>) {
    while let Ok(mut answer) = answers.recv().await {
        answer.push('\n');
        let timeout = async {
            Timer::after(Duration::from_secs(30)).await;
            Err(io::ErrorKind::TimedOut.into())
        };
        if or(stream.write_all(answer.as_bytes()), timeout).await.is_err() {
            break;
        }
    }
    let _ = stream.get_ref().shutdown(std::net::Shutdown::Both);
}
