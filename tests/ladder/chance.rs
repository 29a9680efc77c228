//! Calls with a stick that says anything at any time: whatever happens, each call ends once, the sound goes nowhere without a
//! call, and the session comes to rest.
use std::time::Duration;
use tandem::modem::bus::{Port, Role};
use tandem::modem::{Action, CallEvent, Clir, Event, Modem, Phase, Settings};
use tandem::util::table::Table;
use tandem::util::time::Instant;

const SAYS: [&str; 34] = [
    "OK",
    "OK",
    "OK",
    "OK",
    "OK",
    "OK",
    "ERROR",
    "NO CARRIER",
    "BUSY",
    "+CME ERROR: 30",
    "RING",
    "RING",
    "RING",
    "+CLIP: \"030999\",129,,,,0",
    "+CLIP: \"\",128,,,,1",
    "^ORIG:1,0",
    "^ORIG:2,0",
    "^CONF:1",
    "^CONN:1,0",
    "^CONN:1,0",
    "^CONN:2,0",
    "^CEND:1,5,104,16",
    "^CEND:2,5,29",
    "^CEND:",
    "+CLCC: 1,0,2,0,0,\"030123456\",129",
    "+CLCC: 1,0,3,0,0",
    "+CLCC: 1,0,0,0,0,\"030123456\",129",
    "+CLCC: 1,1,4,0,0,\"030999\",129",
    "+CLCC: 1,1,0,0,0,\"\",,\"\",",
    "+CLCC: 2,1,5,0,0",
    "+CCWA: \"030777\",129,1",
    "+CREG: 2",
    "+CREG: 1",
    "+CUSD: 1,\"00480069\",72",
];

struct Chance(u64);

impl Chance {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % n
    }
}

struct World {
    modem: Modem,
    now: Instant,
    begun: usize,
    ended: usize,
    asked: usize,
    answered: usize,
    connected: usize,
    commands: Vec<String>,
    story: Vec<String>,
}

impl World {
    fn new() -> Self {
        let settings = Settings { name: "home_sim".to_owned(), ..Settings::default() };
        let roles = [Role::Modem, Role::Voice, Role::Commands];
        let port = |(n, role)| Port { tty: format!("ttyUSB{n}"), role };
        let mut modem = Modem::new(settings, Table::new());
        let now = Instant::ZERO;
        modem.handle_attached(roles.into_iter().enumerate().map(port).collect(), true, now);
        let mut world = Self {
            modem,
            now,
            begun: 0,
            ended: 0,
            asked: 0,
            answered: 0,
            connected: 0,
            commands: vec![],
            story: vec![],
        };
        world.drain();
        while !world.modem.life().is_working() || !world.commands.is_empty() {
            match world.commands.pop() {
                Some(command) => world.hear(match command.as_str() {
                    "ATI" => "IMEI: 860000000000001\r\n\r\nOK",
                    "AT+CPIN?" => "+CPIN: READY\r\n\r\nOK",
                    "AT+CIMI" => "262011234567890\r\n\r\nOK",
                    "AT+CREG?" => "+CREG: 2,1\r\n\r\nOK",
                    "AT^CVOICE?" => "^CVOICE:0,8000,16,20\r\n\r\nOK",
                    _ => "OK",
                }),
                None => world.pass(Duration::from_millis(50)),
            }
        }
        world
    }

    fn drain(&mut self) {
        while let Some(action) = self.modem.poll_action() {
            match action {
                Action::Write(2, bytes) => {
                    let text = String::from_utf8(bytes).unwrap().replace('\x1b', "");
                    self.story.push(format!("> {text:?}"));
                    self.commands.extend(text.split('\r').filter(|c| !c.is_empty()).map(str::to_owned));
                }
                Action::Open(ttys) => {
                    (0..ttys.len()).for_each(|port| self.modem.handle_opened(port, Ok(()), self.now));
                }
                Action::Event(Event::Call(event)) => {
                    self.story.push(format!("* {event:?}"));
                    match event {
                        CallEvent::Incoming { .. } => self.begun += 1,
                        CallEvent::Ended(_) => self.ended += 1,
                        CallEvent::Connected => self.connected += 1,
                        _ => assert!(self.ended < self.begun || matches!(event, CallEvent::DigitRefused(_))),
                    }
                    assert!(self.ended <= self.begun && self.begun <= self.ended + 1, "{:#?}", self.story);
                }
                Action::Event(Event::Ussd { .. }) => self.answered += 1,
                _ => {}
            }
        }
        let idle = matches!(self.modem.phase(), Phase::Idle);
        assert!(!idle || self.begun == self.ended, "idle with a call: {:#?}", self.story);
        let ending = matches!(self.modem.phase(), Phase::Idle | Phase::Ending | Phase::Ringing);
        assert!(!ending || self.modem.voice_port().is_none(), "{:#?}", self.story);
        assert!(self.modem.voice_port().is_none_or(|p| p == 1 && self.modem.takes_voice(p)));
    }

    fn hear(&mut self, text: &str) {
        self.story.push(format!("< {text}"));
        self.modem.handle_bytes(2, format!("\r\n{text}\r\n").as_bytes(), self.now);
        self.drain();
    }

    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        let mut turns = 0;
        while let Some(at) = self.modem.poll_timeout().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.modem.handle_timeout(self.now);
            self.drain();
            turns += 1;
            assert!(turns < 1_000, "does not come to rest: {:#?}", self.story);
        }
        self.now = until;
    }

    fn act(&mut self, what: usize) {
        match what {
            0 | 1 if self.modem.dial("030123456", Clir::Default, false, self.now).is_ok() => {
                self.story.push("! dial".to_owned());
                self.begun += 1;
            }
            2 | 3 => self.modem.answer(self.now),
            4 => {
                self.story.push("! hangup".to_owned());
                self.modem.hangup(self.now);
            }
            5 => self.modem.dtmf('5', self.now),
            6 if self.modem.takes_voice(1) => self.modem.note_voice(self.now),
            7 => {
                self.asked += 1;
                self.modem.ussd(1, "*100#", self.now);
            }
            _ => {}
        }
        self.drain();
    }
}

#[test]
fn whatever_a_stick_says_each_call_ends_once() {
    let (mut begun, mut connected) = (0, 0);
    for seed in 0..1_500 {
        let mut chance = Chance(seed);
        let mut world = World::new();
        for _ in 0..150 {
            match chance.below(10) {
                0..=2 => world.act(chance.below(8)),
                3..=6 => world.hear(SAYS[chance.below(SAYS.len())]),
                7 => world.hear("OK"),
                _ => {
                    let ms = [20, 200, 1_000, 3_000][chance.below(4)];
                    world.pass(Duration::from_millis(ms));
                }
            }
        }
        world.modem.handle_detached(None);
        world.drain();
        assert_eq!((world.begun, world.asked), (world.ended, world.answered), "{seed}: {:#?}", world.story);
        begun += world.begun;
        connected += world.connected;
    }
    // The chance is good enough to mean something.
    assert!(begun > 3_000 && connected > 300, "{begun} {connected}");
}
