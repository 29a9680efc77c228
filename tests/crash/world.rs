//! The world around one switch: disk, stick, network, mail server, clock. Everything but the daemon outlives a crash.
use super::disk::ModelDisk;
use super::stick::{Deed, ModelStick};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use tandem::config::Loaded;
use tandem::message::mail::{Mail, Outcome};
use tandem::message::store;
use tandem::message::{Change, Disk, DiskError};
use tandem::switch::{LineId, Output, Switch};
use tandem::util::time::{Instant, Now, Wall};

/// The daemon died here.
#[derive(Debug)]
pub struct Crash;

/// Something from outside, at a moment since the start of the story.
#[derive(Clone, Debug)]
pub enum Happening {
    Arrives(String),
    Request(String),
    /// The wall clock jumps to this.
    Clock(i64),
    DiskTrouble(Option<DiskError>),
    ServerDown(bool),
}

pub struct World {
    pub disk: ModelDisk,
    pub stick: ModelStick,
    /// Accepted mails, in order.
    pub mailbox: Vec<Mail>,
    /// Replies of the server to the next tries; then it accepts.
    pub replies: VecDeque<Outcome>,
    pub server_down: bool,
    pub tries: u32,
    pub answers: Vec<String>,
    story: Vec<(Duration, Happening)>,
    elapsed: Duration,
    wall: i64,
    /// Operations until the crash; counts down.
    crash_in: Option<usize>,
    pub operations: usize,
    /// Message-IDs accepted whose record is not on the medium yet.
    unrecorded: Vec<String>,
    /// Those of them at the moment of a crash: they may come twice.
    pub excused: Vec<String>,
    config: String,
}

const START: i64 = 1_795_000_000;

pub const CONFIG: &str = "
config tandem 'main'
config dongle 'home_sim'
	option at_port '/dev/model'
	option number '+919876543210'
config smtp 'mail'
	option host 'mail.example.com'
	option sender 'router@example.com'
config forward 'sms_to_mail'
	list to 'email/me@example.com'
";

impl World {
    pub fn new(story: Vec<(Duration, Happening)>) -> Self {
        Self {
            disk: ModelDisk::default(),
            stick: ModelStick::new(5),
            mailbox: Vec::new(),
            replies: VecDeque::new(),
            server_down: false,
            tries: 0,
            answers: Vec::new(),
            story,
            elapsed: Duration::ZERO,
            wall: START,
            crash_in: None,
            operations: 0,
            unrecorded: Vec::new(),
            excused: Vec::new(),
            config: CONFIG.to_owned(),
        }
    }

    pub fn with_config(mut self, config: &str) -> Self {
        self.config = config.to_owned();
        self
    }

    pub fn crash_after(&mut self, operations: Option<usize>) {
        self.crash_in = operations;
    }

    /// One operation that a crash can come before.
    fn operation(&mut self) -> Result<(), Crash> {
        self.operations += 1;
        match &mut self.crash_in {
            Some(0) => {
                self.crash_in = None;
                Err(Crash)
            }
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// After a `Crash`: which disk is left.
    pub fn fall(&mut self, outcome: usize) {
        self.disk.crash(outcome);
        self.stick.hang_up();
        self.excused.append(&mut self.unrecorded);
    }

    fn now(&self, born: Duration) -> Now {
        let micros = u64::try_from((self.elapsed - born).as_micros()).unwrap();
        Now { mono: Instant::from_micros(micros), wall: Wall(self.wall) }
    }

    /// Run a daemon from its start until `until` of the story.
    pub fn live(&mut self, until: Duration) -> Result<Switch, Crash> {
        let born = self.elapsed;
        let loaded = Loaded::parse(self.config.as_bytes());
        assert!(loaded.is_right(), "{loaded}");
        let switch = Switch::new(loaded, "model", &self.disk.files(), [7; 32], self.now(born));
        let mut life = Life { world: self, switch, born, disk: VecDeque::new(), mail: None, port: None };
        life.run(until)?;
        Ok(life.switch)
    }
}

/// One run of the daemon.
struct Life<'a> {
    world: &'a mut World,
    switch: Switch,
    born: Duration,
    disk: VecDeque<(u64, Change)>,
    mail: Option<Mail>,
    port: Option<LineId>,
}

impl Life<'_> {
    fn now(&self) -> Now {
        self.world.now(self.born)
    }

    fn run(&mut self, until: Duration) -> Result<(), Crash> {
        loop {
            self.carry_out()?;
            if self.work()? {
                continue;
            }
            // Nothing to do: on to what happens next.
            let timer = self.switch.poll_timeout().map(|at| self.born + at.since(Instant::ZERO));
            let story = self.world.story.first().map(|(at, _)| *at);
            let next = [timer, story].into_iter().flatten().min().unwrap_or(until);
            if next >= until {
                self.world.elapsed = until;
                return Ok(());
            }
            if let Some(passed) = next.checked_sub(self.world.elapsed) {
                self.world.elapsed = next;
                self.world.wall += i64::try_from(passed.as_secs()).unwrap();
            }
            if story == Some(next) {
                let (_, happening) = self.world.story.remove(0);
                self.happens(happening);
            } else {
                self.switch.handle_timeout(self.now());
            }
        }
    }

    fn happens(&mut self, happening: Happening) {
        match happening {
            Happening::Arrives(pdu) => {
                let said = self.world.stick.arrive(&pdu);
                self.say(&said);
            }
            Happening::Request(line) => {
                let now = self.now();
                self.switch.handle_request(1, &line, now);
            }
            Happening::Clock(wall) => self.world.wall = wall,
            Happening::DiskTrouble(trouble) => self.world.disk.trouble = trouble,
            Happening::ServerDown(down) => self.world.server_down = down,
        }
    }

    fn say(&mut self, text: &str) {
        let now = self.now();
        if let Some(line) = self.port {
            self.switch.handle_at(line, 0, text.as_bytes(), now);
        }
    }

    fn carry_out(&mut self) -> Result<(), Crash> {
        while let Some(output) = self.switch.poll_output() {
            match output {
                Output::Open { line, .. } => {
                    self.port = Some(line);
                    let now = self.now();
                    self.switch.handle_opened(line, 0, Ok(()), now);
                }
                Output::Close { .. } | Output::Reset { .. } | Output::Reload { .. } => {}
                Output::Write { bytes, .. } => self.write(&bytes)?,
                Output::Store { token, change } => self.disk.push_back((token, change)),
                Output::Mail { mail, .. } => {
                    assert!(self.mail.is_none(), "two mails at once");
                    self.mail = Some(*mail);
                }
                Output::Reply { text, .. } => self.world.answers.push(text),
                other => unreachable!("no phones here: {other:?}"),
            }
        }
        Ok(())
    }

    fn write(&mut self, mut bytes: &[u8]) -> Result<(), Crash> {
        while !bytes.is_empty() {
            self.world.operation()?;
            let (eaten, said) = self.world.stick.feed(bytes);
            bytes = &bytes[eaten..];
            if let Some((said, deed)) = said {
                if let Deed::Deleted(pdu) = deed {
                    self.world.must_be_safe(&pdu);
                }
                // The daemon may die before it hears.
                self.world.operation()?;
                self.say(&said);
            }
        }
        Ok(())
    }

    /// One piece of work of disk or mail server. False: there was none.
    fn work(&mut self) -> Result<bool, Crash> {
        if let Some((token, change)) = self.disk.pop_front() {
            let result = self.change(&change)?;
            let now = self.now();
            self.switch.handle_stored(token, result, now);
            return Ok(true);
        }
        if let Some(mail) = self.mail.take() {
            self.world.operation()?;
            let outcome = self.world.submit(&mail);
            self.world.operation()?;
            let now = self.now();
            self.switch.handle_mailed(&outcome, now);
            return Ok(true);
        }
        Ok(false)
    }

    fn change(&mut self, change: &Change) -> Result<Result<(), DiskError>, Crash> {
        let mut disk = CountedDisk { world: self.world, crashed: false };
        let result = store::apply(&mut disk, change);
        if disk.crashed {
            return Err(Crash);
        }
        if result.is_ok()
            && let Change::Write { name, bytes } = change
            && name.ends_with(".done")
        {
            let text = String::from_utf8_lossy(bytes).into_owned();
            let id = name.trim_end_matches(".done");
            if text.contains("\"sent\"") {
                self.world.unrecorded.retain(|m| !m.starts_with(id));
            }
        }
        Ok(result)
    }
}

impl World {
    fn submit(&mut self, mail: &Mail) -> Outcome {
        self.tries += 1;
        if self.server_down {
            return Outcome::Unreachable { reason: "connection refused".to_owned() };
        }
        match self.replies.pop_front() {
            Some(outcome) => outcome,
            None => {
                self.mailbox.push(mail.clone());
                self.unrecorded.push(mail.message_id.clone());
                Outcome::Accepted { reply: "250 queued".to_owned() }
            }
        }
    }

    /// The rule of the house, asked at the moment a slot is emptied: no crash can take this PDU away any more.
    fn must_be_safe(&self, pdu: &str) {
        let kept = self
            .disk
            .durable_files()
            .iter()
            .any(|(name, bytes)| name.ends_with(".part") && String::from_utf8_lossy(bytes).contains(pdu));
        assert!(kept || self.is_copy(pdu), "a slot was emptied before its part was on the medium: {pdu}");
    }

    /// Another PDU that says the same is on the medium, or the text is with its mail server.
    fn is_copy(&self, pdu: &str) -> bool {
        self.disk.trouble.is_some() && !self.mailbox.is_empty()
            || super::story::copies().contains(&pdu.to_owned())
    }

    /// How often each Message-ID was accepted.
    pub fn accepted(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for mail in &self.mailbox {
            *counts.entry(mail.message_id.clone()).or_insert(0) += 1;
        }
        counts
    }
}

/// The model disk with every system call an operation.
struct CountedDisk<'a> {
    world: &'a mut World,
    crashed: bool,
}

impl CountedDisk<'_> {
    fn count(&mut self) -> Result<(), DiskError> {
        if self.crashed || self.world.operation().is_err() {
            // Nothing after the crash reaches the disk.
            self.crashed = true;
            return Err(DiskError::Other(0));
        }
        Ok(())
    }
}

impl Disk for CountedDisk<'_> {
    fn write(&mut self, name: &str, bytes: &[u8]) -> Result<(), DiskError> {
        self.count()?;
        self.world.disk.write(name, bytes)
    }

    fn sync(&mut self, name: &str) -> Result<(), DiskError> {
        self.count()?;
        self.world.disk.sync(name)
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), DiskError> {
        self.count()?;
        self.world.disk.rename(from, to)
    }

    fn remove(&mut self, name: &str) -> Result<(), DiskError> {
        self.count()?;
        self.world.disk.remove(name)
    }

    fn sync_dir(&mut self) -> Result<(), DiskError> {
        self.count()?;
        self.world.disk.sync_dir()
    }
}
