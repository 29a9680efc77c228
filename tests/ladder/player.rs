//! Plays a transcript against one `Modem`.
//!
//! Lines of a transcript, in the order in which things happen:
//! * `# …`: a remark. Before the first other line: `# pin: 1234`, `# ports: modem voice commands`, `# imei: …`, `# note: bad`.
//! * `> AT+CSQ`: this is written next, ended by CR. `>2 AT`: to the port at place 2. `<ESC>` and `<SUB>` are 1B and 1A.
//! * `< OK`: the stick says this line, with CR LF around it. `<2 OK`: on the port at place 2.
//! * `<< \r\n>\s`: the stick says exactly these bytes; `\s` is a blank. `<<2 …`: on the port at place 2.
//! * `+ 1.5 s`: so much time passes. `+ next`: up to the next moment at which the modem wants to be called.
//! * `* …`: the modem tells or asks for this (`shown`). Changes of its state need not be written down.
//! * `= working`: commands are answered as in `e1750-11.126-start.txt` until the start is over and nothing is in flight.
//!   `= until AT+CPIN?`: until this command comes, which is left for the next line.
//! * `! …`: the house or the bus acts: `plug`, `unplug`, `opened 0`, `refused 0 why`, `hangup`, `noted yes`, `noted no`,
//!   `delete 3`, `release 3`, `send 7 <pdu>`; `dial +49…`, `dial-hidden …`, `dial-emergency 112`, `answer`, `hang-up`,
//!   `dtmf 5`, `ussd 7 *100#`, `voice` (samples come where the modem takes them), `noise 2` (bytes at a port it does not read).
//!   A refused `dial` is told: `* dial refused Busy`.
//! * `? ready`: the state's name; `? sim: words of its reason`; `? call ringing`: the call's phase; `? voice 1` or `? voice none`:
//!   where samples may be written.
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use tandem::config::Secret;
use tandem::modem::bus::{Port, Role};
use tandem::modem::sim::pin_key;
use tandem::modem::{
    Action, CallEvent, Caller, Clir, End, Event, Modem, PinNote, Settings, Slot, UssdResult,
};
use tandem::util::table::Table;
use tandem::util::time::Instant;
use tandem::wire::at::Storage;

const USUAL: &str = "e1750-11.126-start";
/// The SIM of `e1750-11.126-start.txt`.
const ICCID: &str = "89490200001234567890";

pub struct Player {
    modem: Modem,
    name: String,
    line: usize,
    now: Instant,
    ports: Vec<Port>,
    /// Written, not read yet: port and command.
    written: VecDeque<(usize, String)>,
    /// What came of a write that no CR has ended.
    begun: BTreeMap<usize, String>,
    told: VecDeque<String>,
    slots: Vec<Slot>,
    noting: Option<u64>,
}

fn file(name: &str) -> String {
    let path = format!("{}/tests/ladder/transcripts/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// What the usual stick answers to each command of the start.
fn usual_answers() -> BTreeMap<String, String> {
    let text = file(USUAL);
    let mut answers = BTreeMap::new();
    let mut command = None;
    for line in text.lines() {
        if let Some(text) = line.strip_prefix("> ") {
            command = Some(text.to_owned());
            // The last answer counts: the PIN is entered by then.
            answers.insert(text.to_owned(), String::new());
        } else if let (Some(said), Some(command)) = (line.strip_prefix("< "), &command) {
            answers.get_mut(command).unwrap().push_str(&format!("\r\n{said}\r\n"));
        } else if !line.starts_with('#') {
            command = None;
        }
    }
    answers
}

/// Plays the file `name` from its first line to its last, and expects nothing to be left over.
pub fn play(name: &str) {
    let text = file(name);
    let head = |key: &str| {
        text.lines()
            .take_while(|l| l.starts_with('#') || l.is_empty())
            .find_map(|l| l.strip_prefix(&format!("# {key}: ")).map(str::to_owned))
    };
    let pin = head("pin");
    let notes = head("note").map(|note| {
        let key = pin_key(ICCID, pin.as_deref().unwrap());
        Table::from_iter([(key, PinNote::parse(&note).unwrap())])
    });
    let roles = head("ports").unwrap_or_else(|| "commands".to_owned());
    let role = |word| match word {
        "commands" => Role::Commands,
        "voice" => Role::Voice,
        "modem" => Role::Modem,
        _ => Role::Unknown,
    };
    let ports = roles.split(' ').enumerate();
    let ports = ports.map(|(n, word)| Port { tty: format!("ttyUSB{n}"), role: role(word) }).collect();
    let settings = Settings {
        name: "home_sim".to_owned(),
        imei: head("imei"),
        imsi: head("imsi"),
        pin: pin.map(Secret::new),
    };
    let mut player = Player {
        modem: Modem::new(settings, notes.unwrap_or_default()),
        name: name.to_owned(),
        line: 0,
        now: Instant::ZERO,
        ports,
        written: VecDeque::new(),
        begun: BTreeMap::new(),
        told: VecDeque::new(),
        slots: Vec::new(),
        noting: None,
    };
    for (number, line) in text.lines().enumerate() {
        player.line = number + 1;
        player.step(line.trim_end());
    }
    assert!(player.written.is_empty(), "{name}: written besides: {:?}", player.written);
    assert!(player.told.is_empty(), "{name}: told besides: {:?}", player.told);
}

impl Player {
    fn place(&self) -> String {
        format!("{}, line {}, {:?}", self.name, self.line, self.modem.life())
    }

    fn step(&mut self, line: &str) {
        let Some((mark, rest)) = line.split_once(' ').filter(|(m, _)| *m != "#") else {
            assert!(line.is_empty() || line.starts_with('#'), "{}: {line:?}", self.place());
            return;
        };
        match mark.split_at(1) {
            (">", port) => self.expect_written(port_of(port), rest),
            ("<", raw) if raw.starts_with('<') => {
                let bytes = rest.replace("\\r", "\r").replace("\\n", "\n").replace("\\s", " ");
                self.hear(port_of(&raw[1..]), &bytes);
            }
            ("<", port) => self.hear(port_of(port), &format!("\r\n{rest}\r\n")),
            ("+", "") => self.pass(rest),
            ("*", "") => self.expect_told(rest),
            ("=", "") => self.usual(rest),
            ("!", "") => self.act(rest),
            ("?", "") => self.expect_state(rest),
            _ => panic!("{}: {line:?}", self.place()),
        }
    }

    /// Take what the modem put out.
    fn drain(&mut self) {
        while let Some(action) = self.modem.poll_action() {
            match action {
                Action::Write(port, bytes) => self.wrote(port, &bytes),
                Action::Event(Event::Changed) | Action::CloseAll => {}
                Action::Event(Event::NotePin { key, note }) => {
                    self.noting = Some(key);
                    self.told.push_back(format!("note pin {}", note.name()));
                }
                Action::Event(Event::Text(found)) => {
                    self.slots.push(found.slot);
                    let Slot { storage, index, .. } = found.slot;
                    self.told.push_back(format!("text {} {index} {}", storage.name(), found.pdu));
                }
                Action::Event(Event::Direct(pdu)) => self.told.push_back(format!("direct {pdu}")),
                Action::Event(Event::Sent { token, result }) => {
                    self.told.push_back(format!("sent {token} {result:?}"));
                }
                Action::Event(Event::Call(event)) => self.told.push_back(call_event(&event)),
                Action::Event(Event::Ussd { token, result }) => {
                    self.told.push_back(format!("ussd {token} {}", ussd_result(&result)));
                }
                Action::Event(Event::UssdPush(text)) => {
                    self.told.push_back(format!("ussd push {}", text.replace('\n', "\\n")))
                }
                Action::Event(Event::NotMine) => self.told.push_back("not mine".to_owned()),
                Action::Open(ttys) => self.told.push_back(format!("open {}", ttys.join(" "))),
                Action::Reset(rung) => self.told.push_back(format!("reset {rung:?}")),
            }
        }
    }

    fn wrote(&mut self, port: usize, bytes: &[u8]) {
        let begun = self.begun.entry(port).or_default();
        for byte in bytes {
            match byte {
                b'\r' if begun.is_empty() && self.written.back().is_some_and(|(_, c)| c == "<ESC>") => {}
                b'\r' => self.written.push_back((port, std::mem::take(begun))),
                0x1a => self.written.push_back((port, format!("{}<SUB>", std::mem::take(begun)))),
                0x1b => self.written.push_back((port, "<ESC>".to_owned())),
                byte => begun.push(char::from(*byte)),
            }
        }
    }

    fn expect_written(&mut self, port: usize, text: &str) {
        let next = self.written.pop_front();
        assert_eq!(next, Some((port, text.to_owned())), "{}: written", self.place());
    }

    fn expect_told(&mut self, text: &str) {
        let next = self.told.pop_front();
        assert_eq!(next.as_deref(), Some(text), "{}: told", self.place());
    }

    fn expect_state(&self, text: &str) {
        if let Some(phase) = text.strip_prefix("call ") {
            assert_eq!(self.modem.phase().name(), phase, "{}", self.place());
            return;
        }
        if let Some(port) = text.strip_prefix("voice ") {
            let want = (port != "none").then(|| port.parse().unwrap());
            assert_eq!(self.modem.voice_port(), want, "{}", self.place());
            return;
        }
        let (name, words) = text.split_once(": ").unwrap_or((text, ""));
        assert_eq!(self.modem.state_name(), name, "{}", self.place());
        let reason = self.modem.life().reason().unwrap_or_default();
        assert!(reason.contains(words), "{}: reason {reason:?}", self.place());
    }

    fn hear(&mut self, port: usize, text: &str) {
        self.modem.handle_bytes(port, text.as_bytes(), self.now);
        self.drain();
    }

    fn pass(&mut self, text: &str) {
        let until = if text == "next" {
            self.modem.poll_timeout().unwrap_or_else(|| panic!("{}: waits for nothing", self.place()))
        } else {
            let seconds: f64 = text.strip_suffix(" s").unwrap().parse().unwrap();
            self.now + Duration::from_secs_f64(seconds)
        };
        let mut turns = 0;
        while let Some(at) = self.modem.poll_timeout().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.modem.handle_timeout(self.now);
            self.drain();
            turns += 1;
            assert!(turns < 10_000, "{}: a timer that never ends", self.place());
            if text == "next" {
                break;
            }
        }
        self.now = until.max(self.now);
    }

    fn usual(&mut self, text: &str) {
        let stop = text.strip_prefix("until ");
        let answers = usual_answers();
        loop {
            let Some((port, command)) = self.written.front().cloned() else {
                if stop.is_none() && self.modem.life().is_working() {
                    return;
                }
                self.pass("next");
                continue;
            };
            if stop == Some(command.as_str()) {
                return;
            }
            self.written.pop_front();
            let Some(answer) = answers.get(&command) else {
                panic!("{}: no usual answer to {command:?}", self.place());
            };
            self.hear(port, answer);
        }
    }

    fn act(&mut self, text: &str) {
        let words: Vec<&str> = text.split(' ').collect();
        let number = |at: usize| words[at].parse::<usize>().unwrap();
        match words[0] {
            "plug" => self.modem.handle_attached(self.ports.clone(), true, self.now),
            "unplug" => self.modem.handle_detached(None),
            "opened" => self.modem.handle_opened(number(1), Ok(()), self.now),
            "refused" => self.modem.handle_opened(number(1), Err(words[2..].join(" ")), self.now),
            "hangup" => self.modem.handle_closed("hung up", self.now),
            "noted" => self.modem.handle_noted(self.noting.unwrap(), words[1] == "yes", self.now),
            "dial" => self.dial(words[1], Clir::Default, false),
            "dial-hidden" => self.dial(words[1], Clir::Hide, false),
            "dial-emergency" => self.dial(words[1], Clir::Hide, true),
            "answer" => self.modem.answer(self.now),
            "hang-up" => self.modem.hangup(self.now),
            "dtmf" => self.modem.dtmf(words[1].chars().next().unwrap(), self.now),
            "ussd" => self.modem.ussd(u64::try_from(number(1)).unwrap(), &words[2..].join(" "), self.now),
            "voice" => self.voice(number(1)),
            "noise" => self.modem.handle_bytes(number(1), &[0x7e; 33], self.now),
            "delete" => self.modem.delete(self.slot(number(1)), self.now),
            "release" => self.modem.release(self.slot(number(1))),
            "send" => {
                let token = u64::try_from(number(1)).unwrap();
                self.modem.send(token, words[2].len() / 2 - 1, words[2].to_owned(), self.now);
            }
            _ => panic!("{}: {text:?}", self.place()),
        }
        self.drain();
    }

    fn dial(&mut self, number: &str, clir: Clir, emergency: bool) {
        let free = self.modem.can_dial();
        match self.modem.dial(number, clir, emergency, self.now) {
            Ok(()) => assert!(free || emergency, "{}: can_dial said no", self.place()),
            Err(why) => self.told.push_back(format!("dial refused {why:?}")),
        }
    }

    /// A quarter of a second of samples in five reads.
    fn voice(&mut self, port: usize) {
        assert!(self.modem.takes_voice(port), "{}: port {port} takes no samples", self.place());
        for _ in 0..5 {
            self.modem.note_voice(self.now);
        }
    }

    /// The slot of the text told last that lay at this index.
    fn slot(&self, index: usize) -> Slot {
        let found = self.slots.iter().rev().find(|s| usize::from(s.index) == index);
        *found.unwrap_or_else(|| panic!("{}: no text of slot {index} was told", self.place()))
    }
}

fn call_event(event: &CallEvent) -> String {
    match event {
        CallEvent::Incoming { caller: Caller::Number(number) } => format!("incoming {number}"),
        CallEvent::Incoming { caller } => format!("incoming {caller:?}"),
        CallEvent::Ended(End { by, status, cause, seconds }) => {
            let number = |n: &Option<u8>| n.map_or("-".to_owned(), |n| n.to_string());
            format!("ended {by:?} {} {} {seconds} s", number(status), number(cause))
        }
        other => format!("{other:?}"),
    }
}

fn ussd_result(result: &UssdResult) -> String {
    match result {
        UssdResult::Answer { text, more } => {
            format!("{}{}", text.replace('\n', "\\n"), if *more { " (more)" } else { "" })
        }
        UssdResult::Failed(trouble) => format!("failed: {trouble}"),
    }
}

fn port_of(text: &str) -> usize {
    if text.is_empty() { 0 } else { text.parse().unwrap() }
}

/// Every transcript is played by a test of `sticks`.
pub fn transcripts() -> Vec<String> {
    let path = format!("{}/tests/ladder/transcripts", env!("CARGO_MANIFEST_DIR"));
    let entries = std::fs::read_dir(path).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = entries.map(|n| n.trim_end_matches(".txt").to_owned()).collect();
    names.sort();
    names
}

/// A storage's name is what transcripts call it.
#[test]
fn storages_by_name() {
    assert_eq!((Storage::Sim.name(), Storage::Device.name()), ("SM", "ME"));
}
