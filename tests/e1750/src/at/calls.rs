//! Dialling, answering, hanging up, and the call settings (DONGLE.md 3.1-3.6).

use std::time::Duration;

use serde_json::json;

use super::{Answer, End, Form, arguments};
use crate::quirks::Quirk;
use crate::stick::{Event, Stick};
use crate::voice::{CallState, CallStep, DialResult, shown_number};

impl Stick {
    pub(super) fn call_command(&mut self, name: &str, form: Form, args: &str) -> Option<Answer> {
        let list = arguments(args);
        let first = || list.first().and_then(|a| a.parse::<u8>().ok());
        Some(match (name, form) {
            ("^CVOICE", Form::Query | Form::Test) => self.voice_capability(form),
            ("^CVOICE", Form::Set) => self.fail(3),
            ("^DDSETEX", Form::Test) if !self.quirks.has(Quirk::NoVoice) => Answer::line("^DDSETEX: (0-3)"),
            ("^DDSETEX", Form::Set) => self.route_audio(),
            ("+CHUP", Form::Bare) => self.hang_up_all(),
            ("+CHLD", Form::Set) => self.hold(&list),
            ("+CHLD", Form::Test) => Answer::line("+CHLD: (0,1,1x,2,2x,3,4)"),
            ("+CLCC", Form::Bare) => self.current_calls(),
            ("^DTMF", Form::Set) => self.send_digit(&list),
            ("+CLIP", Form::Set) => {
                self.powered.clip = first() == Some(1);
                Answer::ok()
            }
            ("+CLIP", Form::Query) => Answer::line(format!("+CLIP: {},1", u8::from(self.powered.clip))),
            ("+CRC", Form::Set) => {
                self.powered.crc = first() == Some(1);
                Answer::ok()
            }
            ("+CRC", Form::Query) => Answer::line(format!("+CRC: {}", u8::from(self.powered.crc))),
            ("+CSSN", Form::Set) => {
                let number = |n: usize| list.get(n).and_then(|a| a.parse().ok()).unwrap_or(0);
                self.powered.cssn = [number(0), number(1)];
                Answer::ok()
            }
            ("+CVHU" | "+CMOD" | "+COLP" | "+CUSVC", Form::Set) => Answer::ok(),
            ("+CLVL", Form::Set) => match first() {
                Some(n @ 0..=5) => {
                    self.powered.clvl = n;
                    self.log.event("volume", json!({"level": n}));
                    Answer::ok()
                }
                _ => self.fail(50),
            },
            ("+CLVL", Form::Query) => Answer::line(format!("+CLVL: {}", self.powered.clvl)),
            ("+CMUT", Form::Set) => {
                self.powered.cmut = first().unwrap_or(0);
                Answer::ok()
            }
            ("+CLIR", Form::Set) => {
                self.powered.clir = first().unwrap_or(0);
                Answer::ok()
            }
            ("+CLIR", Form::Query) => Answer::line(format!("+CLIR: {},4", self.powered.clir)),
            ("+CCWA" | "+CCFC", Form::Set) => self.supplementary(name, &list),
            ("+CCWA", Form::Query) => Answer::line(format!("+CCWA: {}", u8::from(self.powered.ccwa))),
            _ => return None,
        })
    }

    fn voice_capability(&mut self, form: Form) -> Answer {
        match () {
            () if self.quirks.has(Quirk::NoVoice) => Answer::new(End::Text("COMMAND NOT SUPPORT")),
            () if form == Form::Test => Answer::line("^CVOICE: (0,1)"),
            () if self.quirks.has(Quirk::CvoiceOff) => Answer::line("^CVOICE:1,8000,16,20"),
            () => Answer::line("^CVOICE:0,8000,16,20"),
        }
    }

    fn route_audio(&mut self) -> Answer {
        let voiceless = self.quirks.has(Quirk::NoVoice) || self.quirks.has(Quirk::CvoiceOff);
        if voiceless || self.quirks.has(Quirk::DdsetexError) {
            return Answer::error();
        }
        match self.voice.call.as_ref().map(|c| c.state) {
            None | Some(CallState::Incoming) => Answer::error(),
            Some(_) => {
                self.start_audio();
                Answer::ok()
            }
        }
    }

    /// `ATD<number>[I|i];`
    pub(super) fn dial(&mut self, dialled: &str) -> Answer {
        let Some(number) = dialled.trim().strip_suffix(';') else {
            return Answer::new(End::Text("NO CARRIER"));
        };
        let number = number.trim_end_matches(['I', 'i', 'G', 'g']);
        self.log.event("dial", json!({"number": number}));
        let wrong = number.is_empty() || number.chars().any(|c| !(c.is_ascii_digit() || "*#+".contains(c)));
        if wrong || self.quirks.has(Quirk::NoVoice) {
            return Answer::error();
        }
        if self.voice.call.is_some() {
            return self.fail(3);
        }
        if !self.network.attached {
            return self.fail(30);
        }
        let result = self.voice.script.pop_front().unwrap_or(DialResult::Answer);
        if result == DialResult::Error {
            return Answer::error();
        }
        let unique = self.voice.begin(true, Some(number.to_string()));
        let orig = self.pace(10, 300, 600);
        let conf = orig + self.pace(30, 2000, 4000);
        let answer = Answer::ok()
            .after(orig, Event::Call(unique, CallStep::Orig))
            .after(conf, Event::Call(unique, CallStep::Conf));
        let (wait, step) = match result {
            DialResult::Answer => (self.pace(60, 2000, 5000), CallStep::Conn),
            DialResult::Fail(status, cause) => (self.pace(60, 500, 2000), CallStep::End(status, cause)),
            DialResult::NoAnswer => (self.pace(400, 25_000, 30_000), CallStep::End(104, 19)),
            DialResult::Manual | DialResult::Error => return answer,
        };
        answer.after(conf + wait, Event::Call(unique, step))
    }

    pub(super) fn answer_call(&mut self) -> Answer {
        let Some(call) = self.voice.call.as_ref().filter(|c| c.state == CallState::Incoming) else {
            return Answer::new(End::Text("NO CARRIER"));
        };
        let unique = call.unique;
        let mut wait = self.pace(2, 400, 1500);
        if self.quirks.has(Quirk::AtaSlow) {
            wait = Duration::from_secs(6);
        }
        if self.quirks.has(Quirk::ConnBeforeOk) {
            self.later(wait / 2, Event::Call(unique, CallStep::Conn));
            return Answer::ok().takes(wait);
        }
        let conn = self.pace(5, 50, 400);
        Answer::ok().takes(wait).after(conn, Event::Call(unique, CallStep::Conn))
    }

    /// +CHUP and ATH: ends or rejects what there is.
    pub(super) fn hang_up_all(&mut self) -> Answer {
        let Some(call) = &self.voice.call else { return Answer::ok() };
        let early = call.outgoing && !call.orig_told;
        let (status, cause) = if call.state == CallState::Incoming { (102, 21) } else { (29, 16) };
        let unique = call.unique;
        let seconds = self.drop_call("us", status, cause);
        let wait = self.pace(2, 100, 800);
        let answer = Answer::ok().takes(wait);
        if early && self.quirks.has(Quirk::ChupEatsCend) {
            return answer;
        }
        let tell = self.pace(5, 50, 300);
        answer.after(tell, Event::Call(unique, CallStep::Cend(seconds, status, cause)))
    }

    fn hold(&mut self, list: &[String]) -> Answer {
        let what = list.first().map(String::as_str).unwrap_or_default();
        let dialling = self.voice.call.as_ref().is_some_and(|c| c.state == CallState::Dialling);
        if what.len() == 2 && what.starts_with('1') && dialling && self.quirks.has(Quirk::ChldKills) {
            self.hang(None);
            return Answer::new(End::Silent);
        }
        match what {
            "0" if self.voice.waiting.take().is_some() => Answer::ok(),
            "0" => Answer::ok(),
            "1" | "11" => self.hang_up_all(),
            "2" | "21" | "3" | "4" if self.voice.call.is_some() => Answer::ok(),
            _ => self.fail(3),
        }
    }

    fn current_calls(&mut self) -> Answer {
        let mut answer = Answer::ok();
        if let Some(call) = &self.voice.call {
            let stat = match call.state {
                CallState::Active { .. } => 0,
                CallState::Dialling => 2,
                CallState::Alerting => 3,
                CallState::Incoming => 4,
            };
            let dir = u8::from(!call.outgoing);
            let (shown, toa) = shown_number(call.number.as_deref());
            answer.info.push(if call.number.is_none() && self.quirks.has(Quirk::ClccEmpty) {
                format!("+CLCC: 1,{dir},{stat},0,0,\"\",,\"\",")
            } else {
                format!("+CLCC: 1,{dir},{stat},0,0,\"{shown}\",{toa}")
            });
        }
        if let Some(number) = &self.voice.waiting {
            let (shown, toa) = shown_number(Some(number));
            answer.info.push(format!("+CLCC: 2,1,5,0,0,\"{shown}\",{toa}"));
        }
        answer
    }

    fn send_digit(&mut self, list: &[String]) -> Answer {
        if self.quirks.has(Quirk::DtmfFails) {
            return Answer::new(End::Silent);
        }
        let active = matches!(self.voice.call.as_ref().map(|c| c.state), Some(CallState::Active { .. }));
        let digit = list.get(1).map(String::as_str).unwrap_or_default();
        match digit {
            _ if !active => self.fail(3),
            "A" | "B" | "C" | "D" => {
                // Accepted, and a wrong tone goes out.
                self.voice.dtmf.push('?');
                Answer::ok()
            }
            d if d.len() == 1 && d.chars().all(|c| c.is_ascii_digit() || c == '*' || c == '#') => {
                self.voice.dtmf.push_str(d);
                self.log.event("dtmf", json!({"digit": d}));
                Answer::ok()
            }
            _ => self.fail(50),
        }
    }

    /// Call waiting and forwarding: questions to the network.
    fn supplementary(&mut self, name: &str, list: &[String]) -> Answer {
        if self.quirks.has(Quirk::CcwaWedges) {
            self.hang(None);
            return Answer::new(End::Silent);
        }
        if !self.network.attached {
            return self.fail(30);
        }
        let wait = self.pace(5, 1000, 5000);
        let number = |n: usize| list.get(n).and_then(|a| a.parse::<u8>().ok());
        if number(1) == Some(2) {
            let on = u8::from(name == "+CCWA" && self.powered.ccwa);
            return Answer::line(format!("{name}: {on},1")).takes(wait);
        }
        if name == "+CCWA" {
            self.powered.ccwa = number(1) == Some(1);
        }
        Answer::ok().takes(wait)
    }
}
