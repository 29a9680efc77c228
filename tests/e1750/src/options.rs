//! The command line.

use std::path::PathBuf;

use crate::quirks::{Quirks, TABLE};
use crate::sysfs::Layout;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Answers within milliseconds, everything in order.
    Fast,
    /// Delays as reported from real sticks.
    Slow,
}

#[derive(Debug, Clone)]
pub struct Options {
    pub dir: PathBuf,
    pub name: String,
    pub bus: String,
    pub tty_base: u32,
    pub layout: Layout,
    pub imei: String,
    pub imsi: String,
    pub iccid: String,
    pub number: String,
    pub pin: Option<String>,
    pub pin_tries: u8,
    pub slots: usize,
    pub operator: String,
    pub firmware: String,
    pub model: String,
    pub quirks: Quirks,
    pub profile: Profile,
    pub seed: u64,
    pub absent: bool,
}

/// What the command line asks for.
#[derive(Debug)]
pub enum Request {
    Run(Box<Options>),
    Help,
}

impl Options {
    fn new() -> Options {
        Options {
            dir: PathBuf::new(),
            name: "stick".into(),
            bus: "1-1.2".into(),
            tty_base: 0,
            layout: Layout::L1001,
            imei: "357784040987654".into(),
            imsi: "262011234567890".into(),
            iccid: "89490200001234567890".into(),
            number: "+4915112345678".into(),
            pin: None,
            pin_tries: 3,
            slots: 20,
            operator: "Testfunk".into(),
            firmware: "11.126.16.00.00".into(),
            model: "E1750".into(),
            quirks: Quirks::default(),
            profile: Profile::Fast,
            seed: 1,
            absent: false,
        }
    }

    /// Reads the arguments behind the program's name.
    pub fn parse(args: impl Iterator<Item = String>) -> Result<Request, String> {
        let mut o = Options::new();
        let mut args = args;
        while let Some(flag) = args.next() {
            match flag.as_str() {
                "--help" | "-h" => return Ok(Request::Help),
                "--absent" => o.absent = true,
                _ => {
                    let value = args.next().ok_or_else(|| format!("{flag} wants a value"))?;
                    o.set(&flag, value)?;
                }
            }
        }
        if o.dir.as_os_str().is_empty() {
            return Err("--dir is missing".into());
        }
        Ok(Request::Run(Box::new(o)))
    }

    fn set(&mut self, flag: &str, value: String) -> Result<(), String> {
        let bad = |_| format!("{flag}: not a number");
        match flag {
            "--dir" => self.dir = value.into(),
            "--name" => self.name = value,
            "--bus" => self.bus = value,
            "--tty-base" => self.tty_base = value.parse().map_err(bad)?,
            "--layout" => self.layout = Layout::parse(&value)?,
            "--imei" => self.imei = value,
            "--imsi" => self.imsi = value,
            "--iccid" => self.iccid = value,
            "--number" => self.number = value,
            "--pin" => self.pin = Some(value),
            "--pin-tries" => self.pin_tries = value.parse().map_err(bad)?,
            "--slots" => self.slots = value.parse().map_err(bad)?,
            "--operator" => self.operator = value,
            "--firmware" => self.firmware = value,
            "--model" => self.model = value,
            "--quirk" => self.quirks.set(&value, true)?,
            "--profile" => {
                self.profile = match value.as_str() {
                    "fast" => Profile::Fast,
                    "slow" => Profile::Slow,
                    _ => return Err(format!("--profile {value}: fast or slow")),
                }
            }
            "--seed" => self.seed = value.parse().map_err(bad)?,
            _ => return Err(format!("unknown option {flag}")),
        }
        if self.slots > 255 {
            return Err("--slots: 255 at most".into());
        }
        Ok(())
    }
}

/// The text of `--help`.
pub fn help() -> String {
    let mut out = String::from(
        "e1750 --dir DIR [options]: an emulated Huawei E1750-class stick (see README.md)\n\n\
         --dir DIR          where sys/, dev/, NAME.sock and NAME.log go\n\
         --name NAME        of socket and log (stick)\n\
         --bus 1-1.2        USB path\n\
         --tty-base N       first ttyUSB number (0)\n\
         --layout L         1001 140c 1436 14ac 1506 1506b roles fff fff2 1446 14db (1001)\n\
         --imei --imsi --iccid --number --operator --firmware --model   strings\n\
         --pin 0000         the SIM is locked by it\n\
         --pin-tries N      tries left (3)\n\
         --slots N          of the SIM (20)\n\
         --quirk NAME[=V]   see below, repeatable\n\
         --profile P        fast or slow (fast)\n\
         --seed N           of the random delays (1)\n\
         --absent           start unplugged\n\nquirks (name, default value, section, meaning):\n",
    );
    for (_, name, section, value, text) in TABLE {
        let shown = if value.is_empty() { (*name).to_string() } else { format!("{name}={value}") };
        out.push_str(&format!("  {shown:<24} [{section}] {text}\n"));
    }
    out
}
