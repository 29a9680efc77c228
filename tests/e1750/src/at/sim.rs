//! PIN, SIM identity, locks, radio switch.

use std::time::Duration;

use super::{Answer, Form, arguments};
use crate::quirks::Quirk;
use crate::sim::{SimState, Verdict};
use crate::stick::{Event, Stick};

impl Stick {
    pub(super) fn sim_command(&mut self, name: &str, form: Form, args: &str) -> Option<Answer> {
        Some(match (name, form) {
            ("+CPIN", Form::Query) => self.pin_state(),
            ("+CPIN", Form::Set) => self.pin_entered(&arguments(args)),
            ("^CPIN", Form::Query) => self.pin_counters(),
            ("^ICCID", Form::Query) => match self.sim.state {
                SimState::Absent => self.fail(10),
                SimState::Busy => self.fail(14),
                _ => Answer::line(format!("^ICCID: {}", self.options.iccid)),
            },
            ("+CIMI", Form::Bare) => self.imsi(),
            ("+CNUM", Form::Bare) => self.own_number(),
            ("+CLCK", Form::Set) => self.facility_lock(&arguments(args)),
            ("+CLCK", Form::Test) => {
                Answer::line("+CLCK: (\"SC\",\"AO\",\"OI\",\"AI\",\"IR\",\"FD\",\"PN\")")
            }
            ("+CPWD", Form::Set) => self.change_pin(&arguments(args)),
            ("+CFUN", Form::Query) => Answer::line(format!("+CFUN: {}", self.powered.cfun)),
            ("+CFUN", Form::Test) => Answer::line("+CFUN: (0,1,4,5,6,7),(0,1)"),
            ("+CFUN", Form::Set) => self.functionality(&arguments(args)),
            _ => return None,
        })
    }

    /// `None` when the SIM can be used, else the CME error.
    pub(super) fn sim_trouble(&self) -> Option<u16> {
        match self.sim.state {
            SimState::Ready => None,
            SimState::Absent => Some(10),
            SimState::Busy | SimState::Initialising => Some(14),
            SimState::PinNeeded => Some(11),
            SimState::PukNeeded => Some(12),
        }
    }

    fn pin_state(&mut self) -> Answer {
        match self.sim.state {
            SimState::Absent => self.fail(10),
            SimState::Busy => self.fail(14),
            SimState::PinNeeded => Answer::line("+CPIN: SIM PIN"),
            SimState::PukNeeded if self.sim.puk_tries == 0 => self.fail(13),
            SimState::PukNeeded => Answer::line("+CPIN: SIM PUK"),
            SimState::Initialising | SimState::Ready => Answer::line("+CPIN: READY"),
        }
    }

    fn pin_entered(&mut self, args: &[String]) -> Answer {
        let verdict = match args {
            [pin] => self.sim.enter_pin(pin),
            [puk, new] => self.sim.enter_puk(puk, new),
            _ => return self.fail(50),
        };
        self.log.event(
            "pin",
            serde_json::json!({"entered": args, "verdict": format!("{verdict:?}"),
            "tries": self.sim.pin_tries}),
        );
        if let Verdict::Wrong { seen_before: true } = verdict {
            self.log.offence("pin_retried", serde_json::json!({"pin": args}));
        }
        let wait = self.pace(1, 300, 1500);
        match verdict {
            Verdict::Accepted => {
                self.sim_changed();
                Answer::ok().takes(wait)
            }
            Verdict::NotAsked => self.fail(3),
            Verdict::Blocked => self.fail(13),
            Verdict::NowPuk => self.fail(12),
            Verdict::Wrong { .. } if self.quirks.has(Quirk::WrongPinError) => Answer::error(),
            Verdict::Wrong { .. } => self.fail(16),
        }
    }

    fn pin_counters(&mut self) -> Answer {
        let (pin, puk) = (self.sim.pin_tries, self.sim.puk_tries);
        let code = match self.sim.state {
            SimState::Absent => return self.fail(10),
            SimState::Busy => return self.fail(14),
            SimState::PinNeeded => format!("SIM PIN,{pin}"),
            SimState::PukNeeded => format!("SIM PUK,{puk}"),
            _ => "READY,".to_string(),
        };
        Answer::line(format!("^CPIN: {code},{puk},{pin},10,3"))
    }

    fn imsi(&mut self) -> Answer {
        if let Some(code) = self.sim_trouble() {
            return self.fail(code);
        }
        let late = self.quirks.number(Quirk::CimiLate).map(Duration::from_millis).unwrap_or_default();
        if self.powered.sim_ready.is_some_and(|ready| self.now < ready + late) {
            return self.fail(14);
        }
        Answer::line(self.options.imsi.clone())
    }

    fn own_number(&mut self) -> Answer {
        if let Some(code) = self.sim_trouble() {
            return self.fail(code);
        }
        let number = self.in_charset(&self.options.number.clone());
        match () {
            () if self.quirks.has(Quirk::CnumEmpty) => Answer::ok(),
            () if self.quirks.has(Quirk::CnumGlued) => {
                Answer::line(format!("ERROR+CNUM: \"\",\"{number}\",145"))
            }
            () => Answer::line(format!("+CNUM: \"\",\"{number}\",145")),
        }
    }

    /// A string as +CSCS wants it.
    pub(super) fn in_charset(&self, text: &str) -> String {
        if self.powered.cscs == "UCS2" { crate::hex::ucs2(text) } else { text.to_string() }
    }

    fn facility_lock(&mut self, args: &[String]) -> Answer {
        let facility = args.first().map(String::as_str).unwrap_or_default();
        let mode = args.get(1).map(String::as_str).unwrap_or_default();
        if matches!(self.sim.state, SimState::Absent | SimState::Busy) {
            let code = self.sim_trouble().unwrap_or(13);
            return self.fail(code);
        }
        match (facility, mode) {
            ("SC", "2") => Answer::line(format!("+CLCK: {}", u8::from(self.sim.pin.is_some()))),
            ("SC", "0" | "1") => self.switch_pin(mode == "1", args.get(2)),
            (_, "2") => Answer::line("+CLCK: 0"),
            _ => self.fail(4),
        }
    }

    fn switch_pin(&mut self, on: bool, pin: Option<&String>) -> Answer {
        if self.quirks.has(Quirk::ClckRefused) && !on {
            return self.fail(13);
        }
        let Some(pin) = pin else { return self.fail(50) };
        if self.sim.state != SimState::Ready {
            let code = self.sim_trouble().unwrap_or(3);
            return self.fail(code);
        }
        match &self.sim.pin {
            Some(right) if right == pin => {
                if !on {
                    self.sim.pin = None;
                }
                Answer::ok()
            }
            None if on => {
                self.sim.pin = Some(pin.clone());
                Answer::ok()
            }
            None => Answer::ok(),
            Some(_) => {
                self.sim.pin_tries = self.sim.pin_tries.saturating_sub(1);
                self.log.event(
                    "pin",
                    serde_json::json!({"entered": [pin], "verdict": "Wrong",
                    "tries": self.sim.pin_tries}),
                );
                if self.sim.pin_tries == 0 {
                    self.sim.state = SimState::PukNeeded;
                    return self.fail(12);
                }
                self.fail(16)
            }
        }
    }

    fn change_pin(&mut self, args: &[String]) -> Answer {
        match args {
            [facility, old, new] if facility == "SC" && self.sim.pin.as_ref() == Some(old) => {
                self.sim.pin = Some(new.clone());
                Answer::ok()
            }
            [facility, _, _] if facility == "SC" => self.fail(16),
            _ => self.fail(4),
        }
    }

    fn functionality(&mut self, args: &[String]) -> Answer {
        let Some(level) = args.first().and_then(|a| a.parse::<u8>().ok()) else { return self.fail(50) };
        if args.get(1).is_some_and(|reset| reset == "1") {
            return self.reset_answer();
        }
        if !matches!(level, 0 | 1 | 4 | 5 | 6 | 7) {
            return self.fail(50);
        }
        if level == 6 {
            return self.reset_answer();
        }
        let was = self.powered.cfun;
        self.powered.cfun = level;
        if level != 1 {
            self.detach();
        } else if was != 1 {
            self.look_for_network();
        }
        let wait = self.pace(2, 1000, 3000);
        Answer::ok()
            .takes(wait)
            .after(Duration::ZERO, Event::Urc(format!("^RFSWITCH:{},1", u8::from(level == 1))))
    }
}
