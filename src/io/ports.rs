//! The open ports of all lines: a thread opens them, a task each reads, a task each writes.
use super::event::{Event, Events};
use super::net::Dropped;
use super::tty::{Tty, open_raw};
use crate::io::reactor::{Source, Task, Timer, spawn};
use crate::switch::LineId;
use crate::util::limits::VOICE_FRAMES;
use crate::util::table::Table;
use async_channel::{Receiver, Sender, bounded};
use futures_lite::future::{or, pending};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

/// Writes waiting for one port. A stick that takes none for so long is hung; further ones are dropped, and the command's time-out tells.
const WRITES: usize = 32;
/// Bytes taken by one read.
const READ: usize = 2_048;

struct OpenPort {
    writes: Sender<Vec<u8>>,
    /// Frames of sound for it, if it is a voice port.
    voice: Sender<Box<[u8]>>,
    _reader: Task,
    writer: Task,
}

#[derive(Default)]
struct LinePorts {
    /// Counts openings: what still comes from an earlier one is dropped.
    generation: u32,
    ports: Table<usize, OpenPort>,
}

/// All ports.
pub struct Ports {
    dev: PathBuf,
    lines: Table<LineId, LinePorts>,
    /// Lines whose opener has not come back: a second one would hang behind the first.
    opening: Arc<Mutex<Table<LineId, ()>>>,
    dropped_voice: Dropped,
}

impl Ports {
    #[must_use]
    pub fn new(dev: PathBuf) -> Self {
        Self { dev, lines: Table::new(), opening: Arc::default(), dropped_voice: Dropped::default() }
    }

    /// Begin to open; `Event::Opened` comes for each.
    pub fn open(&mut self, line: LineId, ttys: &[String], events: &Events) {
        let ports = self.lines.or_default(line);
        ports.ports.clear();
        ports.generation = ports.generation.wrapping_add(1);
        let generation = ports.generation;
        // An absolute path stands for itself.
        let paths: Vec<PathBuf> = ttys.iter().map(|tty| self.dev.join(tty)).collect();
        let count = paths.len();
        let refuse = |why: &str| {
            for port in 0..count {
                let result = Err(why.to_owned());
                // A full queue is drained by the same thread that is here: drop, the opening's time limit tells.
                let _ = events.try_send(Event::Opened { line, generation, port, result });
            }
        };
        if lock(&self.opening).insert(line, ()).is_some() {
            refuse("the last attempt to open it still hangs");
            return;
        }
        let (opening, sender) = (self.opening.clone(), events.clone());
        let thread =
            std::thread::Builder::new().name("opener".to_owned()).stack_size(64 * 1_024).spawn(move || {
                for (port, path) in paths.iter().enumerate() {
                    let result = open_raw(path);
                    if sender.send_blocking(Event::Opened { line, generation, port, result }).is_err() {
                        break;
                    }
                }
                lock(&opening).remove(&line);
            });
        if let Err(why) = thread {
            lock(&self.opening).remove(&line);
            refuse(&why.to_string());
        }
    }

    /// Take an opened port in. `None`: it belongs to an earlier opening.
    pub fn opened(
        &mut self,
        (line, generation, port): (LineId, u32, usize),
        tty: Tty,
        events: &Events,
    ) -> Option<Result<(), String>> {
        let ports = self.lines.get_mut(&line).filter(|l| l.generation == generation)?;
        let tty = match Source::new(tty) {
            Ok(tty) => Rc::new(tty),
            Err(why) => return Some(Err(why.to_string())),
        };
        let (writes, queue) = bounded(WRITES);
        let (voice, frames) = bounded(VOICE_FRAMES);
        let reader = spawn(read(tty.clone(), (line, generation, port), events.clone()));
        let writer = spawn(write(tty, Queues { writes: queue, voice: frames }));
        ports.ports.insert(port, OpenPort { writes, voice, _reader: reader, writer });
        Some(Ok(()))
    }

    #[must_use]
    pub fn is_current(&self, line: LineId, generation: u32) -> bool {
        self.lines.get(&line).is_some_and(|l| l.generation == generation)
    }

    /// Queue bytes for a port. They go out even when the port is closed right after.
    pub fn write(&mut self, line: LineId, port: usize, bytes: Vec<u8>) {
        let port = self.lines.get(&line).and_then(|l| l.ports.get(&port));
        if port.is_none_or(|p| p.writes.try_send(bytes).is_err()) {
            log::debug!("a write to a port was dropped");
        }
    }

    /// Queue a frame of sound. Where three wait already, the oldest goes whole: the way stays 60 ms long, and what is heard
    /// after a stall is what was said last.
    pub fn voice(&mut self, line: LineId, port: usize, frame: Box<[u8]>) {
        let port = self.lines.get(&line).and_then(|l| l.ports.get(&port));
        let displaced = port.map(|p| p.voice.force_send(frame));
        if !matches!(displaced, Some(Ok(None))) {
            self.dropped_voice.count("frames of sound dropped: a port takes none");
        }
    }

    pub fn close(&mut self, line: LineId) {
        if let Some(ports) = self.lines.get_mut(&line) {
            ports.generation = ports.generation.wrapping_add(1);
            for (_, port) in std::mem::take(&mut ports.ports) {
                // The last words (`AT+CFUN=1,1`) are still written: the writer ends when its queue is empty.
                port.writes.close();
                port.voice.close();
                port.writer.detach();
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Nothing panics while holding it; and if it did, a set of names stays usable.
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

async fn read(tty: Rc<Source<Tty>>, (line, generation, port): (LineId, u32, usize), events: Events) {
    let mut buffer = [0; READ];
    let why = loop {
        match tty.read_with(|tty| tty.read(&mut buffer)).await {
            Ok(0) => break "hung up".to_owned(),
            Ok(n) => {
                let bytes = buffer.get(..n).unwrap_or_default().to_vec();
                if events.send(Event::Read { line, generation, port, bytes }).await.is_err() {
                    return;
                }
            }
            Err(e) => break e.to_string(),
        }
    };
    // The receiver ends with the daemon.
    let _ = events.send(Event::Closed { line, generation, why }).await;
}

/// How long the last words may take.
const LAST_WORDS: std::time::Duration = std::time::Duration::from_secs(2);

/// What waits for one port.
struct Queues {
    writes: Receiver<Vec<u8>>,
    voice: Receiver<Box<[u8]>>,
}

impl Queues {
    /// The next bytes, commands first. After the close the commands are still written, sound is not.
    async fn next(&self) -> Option<Box<[u8]>> {
        let write = async { self.writes.recv().await.ok().map(Vec::into_boxed_slice) };
        let voice = async {
            match self.voice.recv().await {
                Ok(frame) if !self.writes.is_closed() => Some(frame),
                _ => pending().await,
            }
        };
        or(write, voice).await
    }
}

/// What was begun is written to its end before anything else: a frame cut short would shift all samples after it.
async fn write(tty: Rc<Source<Tty>>, queues: Queues) {
    while let Some(bytes) = queues.next().await {
        let mut rest = &*bytes;
        while !rest.is_empty() {
            let written = or(async { tty.write_with(|tty| tty.write(rest)).await.ok() }, async {
                // After the close nobody waits for this task: it must not keep a dead port open for ever.
                closed(&queues.writes).await;
                Timer::after(LAST_WORDS).await;
                None
            });
            match written.await {
                Some(n) => rest = rest.get(n..).unwrap_or_default(),
                None => return,
            }
        }
    }
}

async fn closed(queue: &Receiver<Vec<u8>>) {
    while !queue.is_closed() {
        // Only reached while the port takes nothing.
        Timer::after(LAST_WORDS).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::reactor::{block_on, look};
    use std::os::fd::OwnedFd;

    const LINE: LineId = LineId(1);
    const FRAME: usize = 320;

    /// A port whose other side is in our hand, and the frames that came there.
    struct Rig {
        ports: Ports,
        far: Source<OwnedFd>,
        heard: Vec<u8>,
    }

    fn run<F: Future<Output = ()>>(test: impl FnOnce(Rig) -> F) {
        let limit = async {
            Timer::after(std::time::Duration::from_secs(20)).await;
            panic!("it takes too long");
        };
        let opened = async { test(open().await).await };
        block_on(or(opened, limit)).unwrap();
    }

    async fn open() -> Rig {
        let pair = nix::pty::openpty(None, None).unwrap();
        let path = nix::unistd::ttyname(&pair.slave).unwrap();
        let (events, inbox) = bounded(16);
        let mut ports = Ports::new(PathBuf::from("/dev"));
        ports.open(LINE, &[path.display().to_string()], &events);
        let Ok(Event::Opened { line, generation, port, result }) = inbox.recv().await else {
            panic!("not opened")
        };
        let tty = result.unwrap();
        assert_eq!(ports.opened((line, generation, port), tty, &events), Some(Ok(())));
        Rig { ports, far: Source::new(pair.master).unwrap(), heard: Vec::new() }
    }

    impl Rig {
        async fn hear(&mut self) {
            let mut buffer = [0; 1_000];
            let n = self.far.read_with(|far| Ok(nix::unistd::read(far, &mut buffer)?)).await.unwrap();
            self.heard.extend(buffer.get(..n).unwrap_or_default());
        }

        /// The numbers of the frames heard. Each is whole.
        fn frames(&self) -> Vec<u16> {
            let (frames, rest) = self.heard.as_chunks::<FRAME>();
            assert!(rest.is_empty(), "{} bytes of a frame", rest.len());
            let number = |frame: &[u8; FRAME]| {
                let (samples, _) = frame.as_chunks::<2>();
                assert!(samples.iter().all(|s| *s == samples[0]), "a frame in pieces");
                u16::from_le_bytes(samples[0])
            };
            frames.iter().map(number).collect()
        }
    }

    fn frame(number: u16) -> Box<[u8]> {
        number.to_le_bytes().repeat(FRAME / 2).into_boxed_slice()
    }

    #[test]
    fn a_port_that_takes_nothing_loses_the_oldest_frames_whole() {
        run(|mut rig| async move {
            for number in 0..1_000 {
                rig.ports.voice(LINE, 0, frame(number));
                look().await;
            }
            while rig.heard.len() < FRAME || !rig.heard.ends_with(&frame(999)) {
                rig.hear().await;
            }
            let frames = rig.frames();
            assert!(frames.is_sorted() && frames.len() < 900, "{frames:?}");
            assert!(frames.ends_with(&[997, 998, 999]), "the newest wait: {frames:?}");
            let dropped = usize::try_from(rig.ports.dropped_voice.get()).unwrap();
            assert_eq!(frames.len() + dropped, 1_000, "each is written or counted");
        });
    }

    #[test]
    fn sound_of_a_closed_port_is_not_written() {
        run(|mut rig| async move {
            for number in 0..1_000 {
                rig.ports.voice(LINE, 0, frame(number));
                look().await;
            }
            rig.ports.write(LINE, 0, b"last words".to_vec());
            rig.ports.close(LINE);
            rig.ports.voice(LINE, 0, frame(7));
            while !rig.heard.ends_with(b"last words") {
                rig.hear().await;
            }
            rig.heard.truncate(rig.heard.len() - b"last words".len());
            let frames = rig.frames();
            assert!(!frames.contains(&999), "what waited is not said any more: {frames:?}");
            rig.ports.voice(LineId(9), 3, frame(7));
        });
    }
}
