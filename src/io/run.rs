//! The loop: events in, outputs out, sleep until the next deadline.
mod calls;
mod inputs;

use super::clock::Clock;
use super::control::{ClientEvent, Control};
use super::event::{Event, Events};
use super::net::Net;
use super::ports::Ports;
use super::reactor::{Source, Timer, block_on, look, spawn};
use super::tty::Tty;
use super::{disk, mail, reset, sysfs, uevent, usb};
use crate::config::Loaded;
use crate::message::Change;
use crate::switch::{Output, Switch};
use crate::util::MANAGER;
use crate::util::limits::CONFIG_BYTES;
use crate::util::time::{Instant, Now};
use async_channel::{Receiver, Sender, bounded};
use futures_lite::future::{or, poll_fn};
use inputs::{Input, Inputs, Next};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::Poll;

/// What `tandem run` was told.
#[derive(Clone, Debug)]
pub struct Options {
    pub config: PathBuf,
    pub socket: PathBuf,
    pub sysfs: PathBuf,
    pub dev: PathBuf,
}

/// Events waiting for the loop; who sends more waits.
const EVENTS: usize = 256;

/// The file as it stands. A file that can't be read is an error here; what is wrong in it is in `Loaded`.
///
/// # Errors
/// What the system says, with the path.
pub fn read_config(path: &Path) -> io::Result<Loaded> {
    let mut text = Vec::new();
    let limit = u64::try_from(CONFIG_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    std::fs::File::open(path)
        .and_then(|f| f.take(limit).read_to_end(&mut text))
        .map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", path.display())))?;
    Ok(Loaded::parse(&text))
}

struct Shell {
    options: Options,
    clock: Clock,
    events: Events,
    switch: Switch,
    ports: Ports,
    /// Where the ports put what they read.
    ttys: Events,
    net: Net,
    control: Control,
    disk: Sender<(u64, Change)>,
    mail: mail::Worker,
    next_look: Option<Instant>,
    /// The switch's next deadline; `None` inside: it has none. `None`: something happened since it was asked.
    deadline: Option<Option<Instant>>,
    alarm: Timer,
    /// When it rings.
    alarm_at: Option<Instant>,
    /// RTP ports that have something, and the datagram that is served: they keep their memory.
    heard: Vec<u32>,
    datagram: Vec<u8>,
}

/// Run until SIGTERM.
///
/// # Errors
/// `InvalidInput`: the configuration can't be read. Else the socket can't be had, or another daemon has the state directory.
/// Everything else is lived with.
pub fn run(options: Options) -> io::Result<()> {
    let clock = Clock::start();
    let loaded = read_config(&options.config)
        .map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e.to_string()))?;
    log::set_max_level(loaded.config.main.log_level);
    loaded.problem_lines().for_each(|p| log::error!("{p}"));
    loaded.notice_lines().for_each(|n| log::warn!("{n}"));
    if !loaded.config.main.enabled {
        log::info!("option 'enabled' of section 'tandem' is 0: nothing to do");
        return Ok(());
    }
    let (events, inbox) = bounded(EVENTS);
    signals(&events)?;
    let control = Control::start(&options.socket, &events)
        .map_err(|e| io::Error::new(e.kind(), format!("control socket {}: {e}", options.socket.display())))?;
    let state_dir = PathBuf::from(&loaded.config.main.state_dir);
    let _lock = match disk::lock(&state_dir) {
        Ok(lock) => Some(lock),
        Err(why) if why.kind() == io::ErrorKind::AddrInUse => return Err(why),
        // Told by the load, which fails too.
        Err(_) => None,
    };
    let files = disk::load(&state_dir).unwrap_or_else(|why| {
        log::error!(
            "state directory {}: {why}; texts stay on the SIM until they are delivered",
            state_dir.display()
        );
        Vec::new()
    });
    let disk = disk::start(state_dir, events.clone())?;
    let mail = start_mail(&events)?;
    spawn(uevent::watch(events.clone())).detach();
    let file = options.config.display().to_string();
    let seed = super::seed::seed()?;
    let mut switch = Switch::new(loaded, &file, &files, seed, clock.now());
    switch.set_zone(super::clock::zone());
    switch.set_machine(super::machine::capacity());
    drop(files);
    log::info!("tandem {} is running", env!("CARGO_PKG_VERSION"));
    let ports = Ports::new(options.dev.clone());
    let (net, inlets) = Net::new(clock, super::seed::seed()?);
    let (inputs, ttys) = Inputs::new(inlets, inbox);
    let shell = Shell {
        options,
        clock,
        events,
        switch,
        ports,
        ttys,
        net,
        control,
        disk,
        mail,
        next_look: Some(Instant::ZERO),
        deadline: None,
        alarm: Timer::never(),
        alarm_at: None,
        heard: Vec::new(),
        datagram: Vec::new(),
    };
    block_on(shell.serve(inputs))?
}

fn start_mail(events: &Events) -> io::Result<mail::Worker> {
    let (worker, done) = mail::Worker::start(1)?;
    let events = events.clone();
    let forward = async move {
        while let Ok(done) = done.recv().await {
            if events.send(Event::Mailed(done.outcome)).await.is_err() {
                return;
            }
        }
    };
    spawn(forward).detach();
    Ok(worker)
}

/// SIGHUP, SIGTERM and SIGINT as events.
fn signals(events: &Events) -> io::Result<()> {
    let (read, write) = std::os::unix::net::UnixStream::pair()?;
    write.set_nonblocking(true)?;
    let write = std::sync::Arc::new(write);
    for (signal, mark) in [(libc::SIGHUP, b'h'), (libc::SIGTERM, b't'), (libc::SIGINT, b't')] {
        super::signal::mark_on(signal, mark, &write)?;
    }
    let read = Source::new(read)?;
    let events = events.clone();
    let watch = async move {
        let mut mark = [0; 1];
        while read.read(&mut mark).await.is_ok_and(|count| count > 0) {
            let event = if mark == *b"h" { Event::Reload } else { Event::End };
            if events.send(event).await.is_err() {
                return;
            }
        }
    };
    spawn(watch).detach();
    Ok(())
}

impl Shell {
    async fn serve(mut self, mut inputs: Inputs) -> io::Result<()> {
        loop {
            self.look_at_bus();
            self.carry_out();
            let first = match self.next(&mut inputs).await {
                None => {
                    self.deadline = None;
                    self.switch.handle_timeout(self.clock.now());
                    continue;
                }
                Some(Next::Sound) => {
                    self.serve_sound();
                    None
                }
                Some(Next::Input(input)) => Some(input),
            };
            for input in inputs.turn(first) {
                if matches!(input, Input::Event(Event::End)) {
                    return self.end(inputs.rest()).await;
                }
                self.on_input(input);
            }
            // Deadlines are kept while events pour in.
            let deadline = self.deadline();
            if let Some(at) = deadline {
                let now = self.clock.now();
                if at <= now.mono {
                    self.deadline = None;
                    self.switch.handle_timeout(now);
                }
            }
            if !inputs.is_empty() {
                // The readers run, and the sound that came meanwhile is there in the next turn.
                look().await;
            }
        }
    }

    fn on_input(&mut self, input: Input) {
        self.deadline = None;
        match input {
            Input::Net(event) => self.on_net(event),
            Input::Event(event) => self.on_event(event),
        }
        self.carry_out();
    }

    /// The switch's next one. It looks at every call for that, so it is not asked for each packet.
    fn deadline(&mut self) -> Option<Instant> {
        *self.deadline.get_or_insert_with(|| self.switch.poll_timeout())
    }

    /// What comes next, or `None` when a deadline may be due.
    async fn next(&mut self, inputs: &mut Inputs) -> Option<Next> {
        let deadline = [self.deadline(), self.next_look].into_iter().flatten().min();
        if deadline != self.alarm_at {
            self.alarm.set(deadline.map(|at| self.clock.system(at)));
            self.alarm_at = deadline;
        }
        let Self { alarm, alarm_at, .. } = self;
        poll_fn(|context| {
            if let Poll::Ready(next) = inputs.poll_next(context) {
                return Poll::Ready(Some(next));
            }
            std::task::ready!(Pin::new(&mut *alarm).poll(context));
            *alarm_at = None;
            Poll::Ready(None)
        })
        .await
    }

    fn look_at_bus(&mut self) {
        let now = self.clock.now();
        if self.next_look.is_none_or(|at| at > now.mono) {
            return;
        }
        self.deadline = None;
        match self.switch.bus_interval() {
            Some(_) => {
                let devices = sysfs::snapshot(&self.options.sysfs);
                self.switch.handle_bus(&devices, now);
                self.next_look = self.switch.bus_interval().map(|wait| now.mono + wait);
            }
            None => self.next_look = None,
        }
    }

    fn on_event(&mut self, event: Event) {
        let now = self.clock.now();
        match event {
            Event::Opened { line, generation, port, result } => {
                self.on_opened((line, generation, port), result, now)
            }
            Event::Read { line, generation, port, bytes } => {
                if self.ports.is_current(line, generation) {
                    self.switch.handle_at(line, port, &bytes, now);
                }
            }
            Event::Closed { line, generation, why } => {
                if self.ports.is_current(line, generation) {
                    self.switch.handle_closed(line, &why, now);
                    self.next_look = Some(now.mono);
                }
            }
            Event::Switched { plug, result } if MANAGER => self.switch.handle_switched(&plug, result, now),
            Event::Stored { token, result } => self.switch.handle_stored(token, result, now),
            Event::Mailed(outcome) => self.switch.handle_mailed(&outcome, now),
            Event::Client(ClientEvent::Request { client, line }) => {
                self.switch.handle_request(client, &line, now)
            }
            Event::Client(ClientEvent::Gone { client }) => {
                self.switch.handle_client_gone(client);
                self.control.close(client);
            }
            Event::Bus => self.next_look = Some(now.mono),
            Event::Reload => {
                if let Err(why) = self.reload() {
                    log::error!("{why}; the configuration stays as it was");
                }
            }
            Event::Switched { .. } | Event::End => {}
        }
    }

    fn on_opened(&mut self, at: (crate::switch::LineId, u32, usize), result: Result<Tty, String>, now: Now) {
        let (line, generation, port) = at;
        let result = match result {
            Ok(tty) => match self.ports.opened(at, tty, &self.ttys) {
                Some(result) => result,
                None => return,
            },
            Err(why) if self.ports.is_current(line, generation) => Err(why),
            Err(_) => return,
        };
        self.switch.handle_opened(line, port, result, now);
    }

    fn reload(&mut self) -> io::Result<()> {
        let loaded = read_config(&self.options.config)?;
        if let Some(why) = self.switch.unfit(&loaded) {
            self.switch.note_unfit(loaded, &why);
            return Err(io::Error::other(why));
        }
        log::set_max_level(loaded.config.main.log_level);
        if loaded.config.main.state_dir != self.switch.loaded().config.main.state_dir {
            log::warn!("option 'state_dir' counts from the next start on");
        }
        if !loaded.config.main.enabled {
            log::info!("option 'enabled' of section 'tandem' is 0 now");
            // A full queue is served first; then the next reload or a SIGTERM ends it.
            let _ = self.events.try_send(Event::End);
        }
        self.switch.reload(loaded, self.clock.now());
        self.next_look = Some(Instant::ZERO);
        Ok(())
    }

    fn carry_out(&mut self) {
        while let Some(output) = self.switch.poll_output() {
            self.deadline = None;
            match output {
                Output::Open { line, ttys } => self.ports.open(line, &ttys, &self.events),
                Output::Close { line } => self.ports.close(line),
                Output::Write { line, port, bytes } => self.ports.write(line, port, bytes),
                output @ (Output::Voice { .. }
                | Output::Mark(_)
                | Output::Listen(_)
                | Output::Unlisten { .. }
                | Output::Sip { .. }
                | Output::Connect { .. }
                | Output::Disconnect { .. }
                | Output::Resolve { .. }
                | Output::BindRtp { .. }
                | Output::PinRtp { .. }
                | Output::CloseRtp { .. }
                | Output::Rtp { .. }) => self.carry_out_call(output),
                Output::ModeSwitch(order) if MANAGER => usb::switch(order, &self.options.dev, &self.events),
                // No switch of such a build asks for it.
                Output::ModeSwitch(_) => {}
                Output::Reset { plug, rung } => {
                    if let Err(why) = reset::take(rung, &plug, &self.options.sysfs, &self.options.dev) {
                        log::warn!("{rung} at {}: {why}", plug.path);
                    }
                }
                Output::Store { token, change } => {
                    if self.disk.try_send((token, change)).is_err() {
                        log::error!("the disk's thread is gone");
                    }
                }
                Output::Mail { server, mail, more } => {
                    let job = mail::Job { id: 0, server, mail: *mail, more };
                    if !self.mail.submit(job) {
                        let reason = "the mail thread is busy".to_owned();
                        let outcome = crate::message::mail::Outcome::Unreachable { reason };
                        self.switch.handle_mailed(&outcome, self.clock.now());
                    }
                }
                Output::Reply { client, text } => self.control.reply(client, text),
                Output::Trace { client, text } => self.control.offer(client, text),
                Output::Reload { client, id } => {
                    let result = self.reload().map_err(|why| why.to_string());
                    self.switch.reply_reloaded(client, &id, result);
                }
            }
        }
    }

    /// What was handed to the disk is waited for, so that a stop loses nothing that was answered.
    async fn end(mut self, inbox: &Receiver<Event>) -> io::Result<()> {
        log::info!("ending");
        self.switch.handle_end(self.clock.now());
        self.carry_out();
        let limit = Timer::after(std::time::Duration::from_secs(3));
        let drain = async {
            while !self.switch.is_stored() {
                let Ok(event) = inbox.recv().await else { break };
                if matches!(event, Event::Stored { .. } | Event::Mailed(_)) {
                    self.on_event(event);
                    self.carry_out();
                }
            }
        };
        or(drain, async {
            limit.await;
        })
        .await;
        // The next start replaces it; a missing one is the plainer answer meanwhile.
        let _ = std::fs::remove_file(&self.options.socket);
        Ok(())
    }
}
