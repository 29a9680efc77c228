//! Each trouble by name. The stick is played by hand: what matters is what the doctor makes of what is known.
use super::*;
use crate::config::Loaded;
use crate::modem::bus::{Interface, UsbDevice};
use crate::switch::{LineId, ModeSwitchTrouble, Output, Plug};
use crate::util::time::{Now, Wall};

const CONFIG: &str = "config dongle 'home'\n";

struct World {
    switch: Switch,
    seconds: u64,
    line: Option<LineId>,
    switched: Option<Plug>,
    /// What the stick says to commands that begin so; `OK` to others.
    answers: Vec<(&'static str, &'static str)>,
}

fn device(path: &str, product: u16, devnum: u32, interfaces: &[(u8, Option<&str>)]) -> UsbDevice {
    let interfaces = interfaces
        .iter()
        .zip(0..)
        .map(|((class, tty), number)| Interface {
            number,
            class: *class,
            endpoints: 2,
            tty: tty.map(str::to_owned),
            ..Interface::default()
        })
        .collect();
    UsbDevice { path: path.to_owned(), vendor: 0x12d1, product, devnum, busnum: 1, interfaces }
}

fn modem(devnum: u32) -> UsbDevice {
    let ttys = [(0xff, Some("ttyUSB0")), (0xff, Some("ttyUSB1")), (0xff, Some("ttyUSB2"))];
    device("1-1.2", 0x1001, devnum, &ttys)
}

impl World {
    fn new(config: &str) -> Self {
        let loaded = Loaded::parse(config.as_bytes());
        assert!(loaded.problems.is_empty(), "{:?}", loaded.problems);
        let now = Now { mono: Instant::ZERO, wall: Wall(1_800_000_000) };
        let switch = Switch::new(loaded, "model", &[], [7; 32], now);
        Self { switch, seconds: 0, line: None, switched: None, answers: Vec::new() }
    }

    fn now(&self) -> Now {
        Now { mono: Instant::from_micros(self.seconds * 1_000_000), wall: Wall(1_800_000_000) }
    }

    fn look(&mut self, devices: &[UsbDevice], seconds: u64) {
        for _ in 0..seconds {
            self.seconds += 1;
            let now = self.now();
            self.switch.handle_bus(devices, now);
            self.drain();
            self.switch.handle_timeout(now);
            self.drain();
        }
    }

    fn drain(&mut self) {
        let now = self.now();
        while let Some(output) = self.switch.poll_output() {
            match output {
                Output::Open { line, ttys } => {
                    self.line = Some(line);
                    (0..ttys.len()).for_each(|port| self.switch.handle_opened(line, port, Ok(()), now));
                }
                Output::ModeSwitch(order) => self.switched = Some(order.plug),
                Output::Write { line, port, bytes } => {
                    let written = String::from_utf8_lossy(&bytes).into_owned();
                    let lines = written.split('\r').map(str::trim).filter(|l| !l.is_empty());
                    for command in lines.collect::<Vec<_>>() {
                        let answer = self.answers.iter().find(|(begin, _)| command.starts_with(begin));
                        let said = answer.map_or("OK", |(_, said)| said);
                        if !said.is_empty() {
                            self.switch.handle_at(line, port, format!("\r\n{said}\r\n").as_bytes(), now);
                        }
                    }
                }
                Output::Store { token, .. } => self.switch.handle_stored(token, Ok(()), now),
                _ => {}
            }
        }
    }

    /// What stands in the way, and the words about it.
    fn wrong(&self) -> Vec<(&'static str, String)> {
        let all = self.switch.examine("home", self.now().mono);
        assert_eq!(all.len(), Step::ALL.len());
        for finding in &all {
            let has_cure = matches!(finding.verdict, Verdict::Wrong | Verdict::Mind);
            assert_eq!(finding.cure.is_some(), has_cure, "{finding:?}");
        }
        all.into_iter().filter(|f| f.verdict == Verdict::Wrong).map(|f| (f.step.name(), f.says)).collect()
    }

    fn first_wrong(&self) -> (&'static str, String) {
        self.wrong().into_iter().next().unwrap_or_default()
    }

    fn verdict(&self, step: Step) -> Verdict {
        self.switch.examine("home", self.now().mono).into_iter().find(|f| f.step == step).unwrap().verdict
    }
}

/// A stick that works, in answers.
const WORKS: [(&str, &str); 9] = [
    ("AT+CPIN?", "+CPIN: READY\r\n\r\nOK"),
    ("AT^CVOICE?", "^CVOICE:0,8000,16,20\r\n\r\nOK"),
    ("AT+CREG?", "+CREG: 2,1,\"00A1\",\"81DE\"\r\n\r\nOK"),
    ("AT+CPMS?", "+CPMS: \"SM\",3,20,\"SM\",3,20,\"SM\",3,20\r\n\r\nOK"),
    ("AT+CPMS", "+CPMS: 3,20,3,20,3,20\r\n\r\nOK"),
    ("AT+CIMI", "262011234567890\r\n\r\nOK"),
    ("AT+CGSN", "860000000000000\r\n\r\nOK"),
    ("AT+CSQ", "+CSQ: 20,99\r\n\r\nOK"),
    ("AT+COPS?", "+COPS: 0,0,\"TELE2\",0\r\n\r\nOK"),
];

fn started(changed: &[(&'static str, &'static str)]) -> World {
    let mut world = World::new(CONFIG);
    world.answers = changed.iter().chain(&WORKS).copied().collect();
    world.look(&[modem(4)], 40);
    world
}

#[test]
fn a_stick_that_works_has_nothing_wrong() {
    let world = started(&[]);
    assert_eq!(world.wrong(), []);
    for step in [
        Step::Usb,
        Step::Mode,
        Step::Driver,
        Step::Commands,
        Step::Sim,
        Step::Pin,
        Step::Network,
        Step::Voice,
    ] {
        assert_eq!(world.verdict(step), Verdict::Fine, "{step:?}");
    }
    // Nobody forwards its texts.
    assert_eq!(world.verdict(Step::Mail), Verdict::Mind);
}

#[test]
fn no_stick_and_another_stick() {
    let mut world = World::new(CONFIG);
    world.look(&[], 3);
    assert_eq!(world.first_wrong().0, "usb");
    let mut world = World::new("config dongle 'home'\n\toption usb '1-1.9'\n");
    world.look(&[modem(4)], 3);
    let (step, says) = world.first_wrong();
    assert!(step == "usb" && says.contains("1-1.9"), "{says}");
}

#[test]
fn a_stick_that_comes_and_goes_wants_power() {
    let mut world = started(&[]);
    for n in 0..3 {
        world.look(&[], 2);
        world.look(&[modem(5 + n)], 40);
    }
    let (step, says) = world.first_wrong();
    assert!(step == "power" && says.contains("3 times"), "{says}");
    // What comes after it is looked at all the same.
    assert_eq!(world.verdict(Step::Network), Verdict::Fine);
    // An hour later it counts no more.
    world.look(&[modem(7)], 3_600);
    assert_eq!(world.wrong(), []);
}

#[test]
fn a_cd_a_router_and_a_modem_without_a_driver() {
    let mut world = World::new(CONFIG);
    let cd = [device("1-1.2", 0x1446, 4, &[(8, None), (8, None)])];
    world.look(&cd, 2);
    assert_eq!(world.verdict(Step::Mode), Verdict::Mind);
    let (plug, now) = (world.switched.clone().unwrap(), world.now());
    let denied = Err(ModeSwitchTrouble::Denied("Permission denied".to_owned()));
    world.switch.handle_switched(&plug, denied, now);
    let (step, says) = world.first_wrong();
    assert!(step == "mode" && says.contains("Permission denied"), "{says}");

    let mut world = World::new(CONFIG);
    world.look(&[device("1-1.2", 0x14dc, 4, &[(2, None), (10, None)])], 2);
    let (step, says) = world.first_wrong();
    assert!(says.contains("HiLink"), "{step}: {says}");

    let mut world = World::new(CONFIG);
    let bare = [device("1-1.2", 0x1436, 4, &[(0xff, None), (0xff, None), (0xff, None)])];
    world.look(&bare, 1);
    assert_eq!(world.verdict(Step::Driver), Verdict::Mind);
    world.look(&bare, 2);
    assert_eq!(world.first_wrong().0, "driver");
    assert_eq!(world.verdict(Step::Network), Verdict::Skipped);
}

#[test]
fn a_silent_stick_and_a_port_that_another_program_has() {
    let mut world = World::new(CONFIG);
    world.answers = vec![("AT", ""), ("\u{1b}", "")];
    world.look(&[modem(4)], 400);
    let minded = world.verdict(Step::Commands);
    assert!(matches!(minded, Verdict::Mind | Verdict::Wrong), "{minded:?}");

    let mut world = World::new(CONFIG);
    world.answers = WORKS.to_vec();
    world.seconds = 1;
    let now = world.now();
    world.switch.handle_bus(&[modem(4)], now);
    world.switch.handle_bus(&[modem(4)], now);
    let Some(Output::Open { line, ttys }) = std::iter::from_fn(|| world.switch.poll_output())
        .find(|output| matches!(output, Output::Open { .. }))
    else {
        unreachable!("nothing was opened")
    };
    for port in 0..ttys.len() {
        let why = Err("ModemManager (process 812) has the port: stop it".to_owned());
        world.switch.handle_opened(line, port, why, now);
    }
    let all = world.wrong();
    assert!(all.iter().any(|(_, says)| says.contains("ModemManager (process 812)")), "{all:?}");
}

#[test]
fn the_sim_and_its_pin() {
    for (answer, step, words) in [
        ("+CME ERROR: 10", "sim", "no SIM"),
        ("+CME ERROR: 15", "sim", "does not work"),
        ("+CPIN: PH-NET PIN\r\n\r\nOK", "sim", "operator"),
        ("+CPIN: SIM PIN\r\n\r\nOK", "pin", "PIN"),
        ("+CPIN: SIM PUK\r\n\r\nOK", "pin", "PUK"),
    ] {
        let world = started(&[("AT+CPIN?", answer)]);
        let (found, says) = world.first_wrong();
        assert!(found == step && says.contains(words), "{answer}: {found}: {says}");
        assert_eq!(world.verdict(Step::Voice), Verdict::Skipped, "{answer}");
    }
}

#[test]
fn the_network_and_its_signal() {
    for (creg, csq, step, words) in [
        ("+CREG: 2,3\r\n\r\nOK", "+CSQ: 20,99\r\n\r\nOK", "network", "refuses"),
        ("+CREG: 2,0\r\n\r\nOK", "+CSQ: 99,99\r\n\r\nOK", "network", "no network"),
    ] {
        let world = started(&[("AT+CREG?", creg), ("AT+CSQ", csq)]);
        let (found, says) = world.first_wrong();
        assert!(found == step && says.contains(words), "{creg}: {found}: {says}");
    }
    let weak = started(&[("AT+CSQ", "+CSQ: 2,99\r\n\r\nOK")]);
    assert_eq!((weak.verdict(Step::Network), weak.wrong().len()), (Verdict::Mind, 0));
    let roaming = started(&[("AT+CREG?", "+CREG: 2,5\r\n\r\nOK")]);
    assert_eq!(roaming.verdict(Step::Network), Verdict::Mind);
}

#[test]
fn a_voice_locked_stick_is_not_fine() {
    for answer in ["^CVOICE:1,8000,16,20\r\n\r\nOK", "ERROR", "COMMAND NOT SUPPORT"] {
        let world = started(&[("AT^CVOICE?", answer)]);
        assert_eq!(world.first_wrong().0, "voice", "{answer}");
        // Its texts work.
        assert_eq!(world.verdict(Step::Texts), Verdict::Fine);
    }
}

#[test]
fn a_full_sim() {
    let full = "+CPMS: \"SM\",20,20,\"SM\",20,20,\"SM\",20,20\r\n\r\nOK";
    let world = started(&[("AT+CPMS?", full), ("AT+CPMS", "+CPMS: 20,20,20,20,20,20\r\n\r\nOK")]);
    let (step, says) = world.first_wrong();
    assert!(step == "texts" && says.contains("all 20"), "{says}");
}

#[test]
fn an_unknown_dongle_has_no_steps() {
    assert_eq!(World::new(CONFIG).switch.examine("nobody", Instant::ZERO), []);
}

#[test]
fn a_sick_mail_server() {
    let config = "config dongle 'home'\nconfig smtp 'mail'\n\toption host 'mail.example'\n\toption sender 'r@example.com'\n\
                  config forward 'f'\n\tlist to 'email/me@example.com'\n";
    let mut world = World::new(config);
    world.answers = WORKS.to_vec();
    world.look(&[modem(4)], 40);
    assert_eq!((world.wrong(), world.verdict(Step::Mail)), (Vec::new(), Verdict::Fine));
    // A text, and a server that is down.
    let pdu = "07911326040000F0040B911346610089F60000208062917314080CC8F71D14969741F977FD07";
    let (line, now) = (world.line.unwrap(), world.now());
    world.answers.insert(0, ("AT+CMGR", ""));
    let listed = format!("\r\n+CMT: ,{}\r\n{pdu}\r\n", pdu.len() / 2 - 8);
    (0..3).for_each(|port| world.switch.handle_at(line, port, listed.as_bytes(), now));
    world.drain();
    let down = crate::message::mail::Outcome::Unreachable { reason: "connection refused".to_owned() };
    world.switch.handle_mailed(&down, now);
    let (step, says) = world.first_wrong();
    assert!(step == "mail" && says.contains("connection refused"), "{step}: {says}");
}
