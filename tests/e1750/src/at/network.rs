//! Registration, operator, signal, service state.

use std::time::Duration;

use super::{Answer, Form, arguments};
use crate::quirks::Quirk;
use crate::sim::SimState;
use crate::stick::{Event, Stick};

const LAC: &str = "00C3";
const CELL: &str = "01A2B3";
const PLMN: &str = "26201";

impl Stick {
    pub(super) fn network_command(&mut self, name: &str, form: Form, args: &str) -> Option<Answer> {
        Some(match (name, form) {
            ("+CREG" | "+CGREG", Form::Query) => {
                let n = if name == "+CREG" { self.powered.creg } else { self.powered.cgreg };
                Answer::line(format!("{name}: {n},{}", self.registration(n)))
            }
            ("+CREG" | "+CGREG", Form::Set) => match args.trim().parse::<u8>() {
                Ok(n @ 0..=2) if name == "+CREG" => {
                    self.powered.creg = n;
                    Answer::ok()
                }
                Ok(n @ 0..=2) => {
                    self.powered.cgreg = n;
                    Answer::ok()
                }
                _ => self.fail(50),
            },
            ("+CREG" | "+CGREG", Form::Test) => Answer::line(format!("{name}: (0-2)")),
            ("+COPS", Form::Query) => self.operator(),
            ("+COPS", Form::Set) => self.select_operator(&arguments(args)),
            ("+COPS", Form::Test) => self.search_operators(),
            ("+CSQ", Form::Bare) => self.signal(),
            ("+CSQ", Form::Test) => Answer::line("+CSQ: (0-31,99),(0-7,99)"),
            ("^SYSINFO", Form::Bare) => self.system_info(),
            ("^HCSQ", Form::Query) if self.quirks.has(Quirk::Hcsq) => {
                Answer::line(format!("^HCSQ:\"WCDMA\",{0},{0},50", self.network.csq.min(31) * 2))
            }
            ("^MODE", Form::Query) => {
                Answer::line(if self.network.attached { "^MODE:5,4" } else { "^MODE:0,0" })
            }
            ("+CGATT", Form::Query) => Answer::line(format!("+CGATT: {}", u8::from(self.network.attached))),
            ("+CGATT" | "+CGDCONT" | "+CTZR" | "+CTZU", Form::Set) => Answer::ok(),
            ("+CCLK", Form::Query) => Answer::line("+CCLK: \"80/01/06,00:10:00\""),
            _ => return None,
        })
    }

    /// `<stat>[,<lac>,<ci>]`, by the reporting level.
    fn registration(&self, level: u8) -> String {
        let stat = self.network.stat(self.radio_on());
        if level < 2 || !matches!(stat, 1 | 5) {
            return stat.to_string();
        }
        match () {
            () if self.quirks.has(Quirk::CregBroken) => format!("{stat},\"0B,\"0100701\",7"),
            () if self.quirks.has(Quirk::CregBare) => format!("{stat},{LAC},81DE445,2"),
            () => format!("{stat},\"{LAC}\",\"{CELL}\""),
        }
    }

    /// +CREG and +CGREG as the host asked for them.
    pub fn registration_urc(&mut self) {
        for (name, level) in [("+CREG", self.powered.creg), ("+CGREG", self.powered.cgreg)] {
            if level > 0 {
                let text = format!("{name}: {}", self.registration(level));
                self.urc(&text);
            }
        }
    }

    fn operator(&mut self) -> Answer {
        if !self.network.attached {
            return Answer::line("+COPS: 0");
        }
        let format = self.powered.cops_format;
        let mut name = if format == 2 { PLMN.to_string() } else { self.in_charset(&self.options.operator) };
        if self.quirks.has(Quirk::CopsJunk) {
            name.push_str("@@\u{81}\u{ff}\u{1}");
        }
        Answer::line(format!("+COPS: 0,{format},\"{name}\",2"))
    }

    fn select_operator(&mut self, args: &[String]) -> Answer {
        let number = |n: usize| args.get(n).and_then(|a| a.parse::<u8>().ok());
        if let Some(format @ 0..=2) = number(1) {
            self.powered.cops_format = format;
        }
        match number(0) {
            Some(3) => Answer::ok(),
            Some(0 | 1 | 4) => {
                if let Some(code) = self.sim_trouble() {
                    return self.fail(code);
                }
                self.look_for_network();
                let wait = self.pace(1, 500, 3000);
                Answer::ok().takes(wait)
            }
            Some(2) => {
                self.detach();
                Answer::ok()
            }
            _ => self.fail(50),
        }
    }

    fn search_operators(&mut self) -> Answer {
        let wait = self.pace(200, 20_000, 60_000);
        let name = self.options.operator.clone();
        Answer::line(format!("+COPS: (2,\"{name}\",\"{name}\",\"{PLMN}\",2),(1,\"Other\",\"Oth\",\"26203\",0),,(0,1,2,3,4),(0,1,2)"))
            .takes(wait)
    }

    fn signal(&mut self) -> Answer {
        let first = !std::mem::replace(&mut self.powered.csq_asked, true);
        if first && self.quirks.has(Quirk::CsqHangsOnce) {
            return Answer::new(super::End::Silent);
        }
        let csq = match () {
            () if self.quirks.has(Quirk::CsqOver) => 199,
            () if !self.radio_on() || !self.network.offered => 99,
            () => self.network.csq,
        };
        Answer::line(format!("+CSQ: {csq},99"))
    }

    fn system_info(&mut self) -> Answer {
        if self.quirks.has(Quirk::SysinfoEmpty) {
            return Answer::line(if self.network.attached {
                "^SYSINFO:2,3,0,5,1,,4,,"
            } else {
                "^SYSINFO:,,,,1,,,,"
            });
        }
        let early = self.quirks.number(Quirk::Sysinfo255).map(Duration::from_millis);
        let sim = match self.sim.state {
            _ if early.is_some_and(|n| self.now < self.powered.since + n) => 255,
            SimState::Absent => 255,
            SimState::Ready => 1,
            _ => 0,
        };
        let roaming = u8::from(self.network.roaming);
        Answer::line(if self.network.attached {
            format!("^SYSINFO:2,3,{roaming},5,{sim},,4")
        } else {
            format!("^SYSINFO:0,0,0,0,{sim},,0")
        })
    }

    /// The control socket changed what the network offers.
    pub fn network_changed(&mut self) {
        if !self.network.offered || self.network.denied {
            self.detach();
        } else if self.network.attached {
            self.registration_urc();
        } else if self.radio_on() {
            let wait = self.pace(30, 5000, 20_000);
            self.later(wait, Event::Attach);
        }
    }
}
