//! The whole switch and a bus on which a stick shows itself as a CD.
use serde_json::Value;
use tandem::config::Loaded;
use tandem::modem::bus::{Interface, UsbDevice};
use tandem::modem::modeswitch::Method;
use tandem::switch::{ModeSwitchTrouble, Output, Plug, Switch};
use tandem::util::time::{Instant, Now, Wall};

const CONFIG: &str = "config tandem 'main'\nconfig dongle 'home'\n";
const STICK: &str = "config tandem 'main'\nconfig dongle 'home'\n\toption usb '1-1.2'\n";

struct World {
    switch: Switch,
    seconds: u64,
    asked: Vec<(Plug, Method)>,
    opened: Vec<Vec<String>>,
    answers: Vec<Value>,
}

fn device(path: &str, devnum: u32, cd: bool) -> UsbDevice {
    let serial = |number: u8| Interface {
        number,
        class: 0xff,
        endpoints: 2,
        tty: Some(format!("ttyUSB{number}")),
        ..Interface::default()
    };
    let storage = Interface { class: 8, endpoints: 2, ..Interface::default() };
    let interfaces = if cd { vec![storage] } else { [0, 3, 4].map(serial).to_vec() };
    let product = if cd { 0x1446 } else { 0x1436 };
    UsbDevice { path: path.to_owned(), vendor: 0x12d1, product, devnum, busnum: 1, interfaces }
}

impl World {
    fn new(config: &str) -> Self {
        let now = Now { mono: Instant::ZERO, wall: Wall(1_800_000_000) };
        let switch = Switch::new(Loaded::parse(config.as_bytes()), "model", &[], [7; 32], now);
        let (asked, opened, answers) = (Vec::new(), Vec::new(), Vec::new());
        Self { switch, seconds: 0, asked, opened, answers }
    }

    fn now(&self) -> Now {
        let wall = Wall(1_800_000_000 + i64::try_from(self.seconds).unwrap());
        Now { mono: Instant::from_micros(self.seconds * 1_000_000), wall }
    }

    /// The bus looks like this for so long.
    fn look(&mut self, devices: &[UsbDevice], seconds: u64) {
        for _ in 0..seconds {
            self.seconds += 1;
            let now = self.now();
            self.switch.handle_bus(devices, now);
            self.drain();
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.switch.poll_output() {
            match output {
                Output::ModeSwitch(order) => self.asked.push((order.plug, order.method)),
                Output::Open { ttys, .. } => self.opened.push(ttys),
                Output::Reply { text, .. } => self.answers.push(serde_json::from_str(&text).unwrap()),
                _ => {}
            }
        }
    }

    fn answer(&mut self, result: Result<(), ModeSwitchTrouble>) {
        let (plug, now) = (self.asked.last().unwrap().0.clone(), self.now());
        self.switch.handle_switched(&plug, result, now);
        self.drain();
    }

    /// State and reason of the dongle.
    fn dongle(&mut self) -> (String, String) {
        let now = self.now();
        self.switch.handle_request(1, "{\"id\":1,\"method\":\"status\"}", now);
        self.drain();
        let dongle = &self.answers.pop().unwrap()["result"]["dongles"][0];
        let text = |name: &str| dongle[name].as_str().unwrap_or_default().to_owned();
        (text("state"), text("reason"))
    }
}

#[test]
fn a_cd_becomes_a_modem_without_help() {
    let mut world = World::new(CONFIG);
    assert_eq!(world.dongle().0, "absent");
    world.look(&[device("1-1.2", 4, true)], 1);
    assert_eq!(world.asked, [(Plug { path: "1-1.2".to_owned(), bus: 1, device: 4 }, Method::New)]);
    world.answer(Ok(()));
    let (state, reason) = world.dongle();
    assert_eq!(state, "switching", "{reason}");
    // Gone, and back under another number: its ports are opened as soon as they are all there.
    world.look(&[], 2);
    assert_eq!(world.dongle().0, "switching");
    world.look(&[device("1-1.2", 5, false)], 2);
    assert_eq!(world.dongle().0, "opening");
    assert_eq!((world.asked.len(), world.opened.len()), (1, 1));
}

#[test]
fn one_that_stays_a_cd_is_said_so_in_words() {
    let mut world = World::new(CONFIG);
    for _ in 0..150 {
        let asked = world.asked.len();
        world.look(&[device("1-1.2", 4, true)], 1);
        if world.asked.len() > asked {
            // Every message is taken, and nothing comes of it.
            world.answer(Ok(()));
        }
    }
    assert_eq!(world.asked.len(), 5);
    let (state, reason) = world.dongle();
    assert_eq!(state, "storage");
    assert!(reason.contains("stays a CD"), "{reason}");
    // Pulled: nothing is left of it.
    world.look(&[], 1);
    assert_eq!(world.dongle(), ("absent".to_owned(), String::new()));
}

#[test]
fn without_the_right_the_words_say_which() {
    let mut world = World::new(CONFIG);
    world.look(&[device("1-1.2", 4, true)], 1);
    world.answer(Err(ModeSwitchTrouble::Denied("/dev/bus/usb/001/004: Permission denied".to_owned())));
    let (state, reason) = world.dongle();
    assert_eq!(state, "storage");
    assert!(reason.contains("/dev/bus/usb/001/004: Permission denied"), "{reason}");
}

#[test]
fn a_socket_that_no_section_means_is_left_alone() {
    let mut world = World::new(STICK);
    world.look(&[device("1-1.3", 4, true)], 30);
    assert_eq!(world.asked, []);
    assert_eq!(world.dongle().0, "absent");
    world.look(&[device("1-1.3", 4, true), device("1-1.2", 5, true)], 1);
    assert_eq!(world.asked.iter().map(|(plug, _)| plug.device).collect::<Vec<_>>(), [5]);
}

#[test]
fn a_stick_that_falls_back_while_it_works_is_switched_again() {
    let mut world = World::new(CONFIG);
    world.look(&[device("1-1.2", 4, false)], 3);
    assert_eq!(world.dongle().0, "opening");
    world.look(&[device("1-1.2", 5, true)], 1);
    assert_eq!(world.asked.len(), 1);
    assert_eq!(world.dongle().0, "switching");
}
