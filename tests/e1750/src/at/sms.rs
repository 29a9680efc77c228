//! Texts in PDU mode (TS 27.005 chapter 4) and the settings around them.

use std::time::Duration;

use serde_json::json;

use super::{Answer, End, Form, arguments};
use crate::hex;
use crate::network::SendResult;
use crate::pdu;
use crate::ports::Port;
use crate::quirks::Quirk;
use crate::sim::{Memory, Message, SimState};
use crate::stick::{Event, Stick};
use crate::time::{Stamp, monotonic};

const INPUT_LIMIT: usize = 1024;

/// What is typed behind a prompt.
#[derive(Debug, Clone)]
pub struct PduInput {
    expected: usize,
    typed: Vec<u8>,
}

impl PduInput {
    pub fn new(expected: usize) -> PduInput {
        PduInput { expected, typed: Vec::new() }
    }

    pub fn push(&mut self, byte: u8) {
        if self.typed.len() < INPUT_LIMIT {
            self.typed.push(byte);
        }
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.typed).trim().to_string()
    }
}

impl Stick {
    pub(super) fn sms_command(&mut self, name: &str, form: Form, args: &str) -> Option<Answer> {
        let list = arguments(args);
        let known = matches!(
            name,
            "+CMGF"
                | "+CPMS"
                | "+CNMI"
                | "+CMGR"
                | "+CMGL"
                | "+CMGD"
                | "+CMGS"
                | "+CMMS"
                | "+CSCA"
                | "+CSMS"
                | "+CNMA"
                | "+CSMP"
                | "+CSDH"
                | "+CGSMS"
                | "+CSCB"
                | "+CMGW"
                | "+CMSS"
        );
        if !known {
            return None;
        }
        if matches!(name, "+CPMS" | "+CMGR" | "+CMGL" | "+CMGD" | "+CMGS" | "+CSCA")
            && form != Form::Test
            && let Some(code) = self.sms_trouble()
        {
            return Some(Answer::new(End::Cms(code)));
        }
        Some(match (name, form) {
            ("+CMGF", Form::Query) => Answer::line(format!("+CMGF: {}", self.powered.cmgf)),
            ("+CMGF", Form::Test) => Answer::line("+CMGF: (0,1)"),
            ("+CMGF", Form::Set) => {
                self.powered.cmgf = u8::from(args.trim() == "1");
                Answer::ok()
            }
            ("+CPMS", Form::Query) => self.memories(true),
            ("+CPMS", Form::Test) => Answer::line("+CPMS: (\"SM\",\"ME\"),(\"SM\",\"ME\"),(\"SM\",\"ME\")"),
            ("+CPMS", Form::Set) => self.select_memories(&list),
            ("+CNMI", Form::Query) => {
                let [mode, mt, bm, ds, bfr] = self.powered.cnmi;
                Answer::line(format!("+CNMI: {mode},{mt},{bm},{ds},{bfr}"))
            }
            ("+CNMI", Form::Test) => Answer::line("+CNMI: (0,1,2),(0,1,2,3),(0,2),(0,1,2),(0,1)"),
            ("+CNMI", Form::Set) => self.indications(&list),
            ("+CMGR", Form::Set) => self.read_slot(&list),
            ("+CMGL", Form::Set | Form::Bare) => self.list_slots(&list),
            ("+CMGL", Form::Test) => Answer::line("+CMGL: (0-4)"),
            ("+CMGD", Form::Set) => self.delete_slot(&list),
            ("+CMGS", Form::Set) => self.send_asked(&list),
            ("+CMMS", Form::Query) => Answer::line(format!("+CMMS: {}", self.powered.cmms)),
            ("+CMMS", Form::Set) => {
                self.powered.cmms = args.trim().parse().unwrap_or(0);
                Answer::ok()
            }
            ("+CSCA", Form::Query) => self.service_centre(),
            ("+CSCA", Form::Set) => {
                self.sim.smsc = list.first().cloned().unwrap_or_default();
                Answer::ok()
            }
            ("+CSMS", Form::Query) => Answer::line(format!("+CSMS: {},1,1,1", self.powered.csms)),
            ("+CSMS", Form::Set) => {
                self.powered.csms = args.trim().parse().unwrap_or(0);
                Answer::line("+CSMS: 1,1,1")
            }
            ("+CNMA" | "+CSMP" | "+CSDH" | "+CGSMS" | "+CSCB", Form::Set | Form::Bare) => Answer::ok(),
            _ => Answer::new(End::Cms(303)),
        })
    }

    /// CMS error while the SIM cannot be used.
    fn sms_trouble(&self) -> Option<u16> {
        match self.sim.state {
            SimState::Ready => None,
            SimState::Absent => Some(310),
            SimState::PinNeeded => Some(311),
            SimState::Busy | SimState::Initialising => Some(314),
            SimState::PukNeeded => Some(316),
        }
    }

    fn capacity(&self, memory: Memory) -> (usize, usize) {
        (self.sim.used(memory), self.sim.slots(memory).len())
    }

    fn memories(&self, named: bool) -> Answer {
        let one = |m: &Memory| {
            let (used, all) = self.capacity(*m);
            if named { format!("\"{}\",{used},{all}", m.name()) } else { format!("{used},{all}") }
        };
        let text: Vec<String> = self.powered.memories.iter().map(one).collect();
        Answer::line(format!("+CPMS: {}", text.join(",")))
    }

    fn select_memories(&mut self, list: &[String]) -> Answer {
        for (n, name) in list.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            let memory =
                Memory::parse(name).filter(|m| *m == Memory::Me || !self.quirks.has(Quirk::SmRefused));
            match (memory, self.powered.memories.get_mut(n)) {
                (Some(memory), Some(place)) => *place = memory,
                _ => return Answer::new(End::Cms(302)),
            }
        }
        self.memories(false)
    }

    fn indications(&mut self, list: &[String]) -> Answer {
        if let Some(only) = self.quirks.text(Quirk::CnmiOnly)
            && only != list.join(",")
        {
            return Answer::new(End::Cms(303));
        }
        let mut new = [0u8; 5];
        for (place, text) in new.iter_mut().zip(list) {
            match text.parse::<u8>() {
                Ok(n @ 0..=3) => *place = n,
                _ => return Answer::new(End::Cms(305)),
            }
        }
        if list.len() > 5 || new[0] > 2 || new[2] == 1 || new[3] > 2 || new[4] > 1 {
            return Answer::new(End::Cms(305));
        }
        self.powered.cnmi = new;
        Answer::ok()
    }

    fn selected(&self) -> Memory {
        self.powered.memories[0]
    }

    fn slot_number(&self, list: &[String]) -> Option<usize> {
        let index = list.first()?.parse::<usize>().ok()?;
        (index < self.sim.slots(self.selected()).len()).then_some(index)
    }

    fn alpha(&self) -> &'static str {
        if self.quirks.has(Quirk::AlphaField) { "\"Anna, B.\"" } else { "" }
    }

    fn read_slot(&mut self, list: &[String]) -> Answer {
        if self.powered.cmgf == 1 {
            return Answer::new(End::Cms(303));
        }
        let Some(index) = self.slot_number(list) else { return Answer::new(End::Cms(321)) };
        if self.quirks.number(Quirk::CmgrWedge) == Some(index as u64) {
            self.hang(None);
            return Answer::new(End::Silent);
        }
        let alpha = self.alpha();
        let Some(message) = self.note_read(index) else {
            return if self.quirks.has(Quirk::Empty321) { Answer::new(End::Cms(321)) } else { Answer::ok() };
        };
        let length = pdu::tpdu_length(&message.pdu).unwrap_or(0);
        let (stat, text) = (message.stat, hex::encode(&message.pdu));
        let head = if self.quirks.has(Quirk::CmgrTwoFields) {
            format!("+CMGR: {stat},{length}")
        } else {
            format!("+CMGR: {stat},{alpha},{length}")
        };
        Answer::line(format!("{head}\n{text}"))
    }

    /// Counts a reading and gives the message as it was before.
    fn note_read(&mut self, index: usize) -> Option<Message> {
        let memory = self.selected();
        let message = self.sim.slot_mut(memory, index)?.as_mut()?;
        let before = message.clone();
        message.read += 1;
        message.read_in_session += 1;
        if message.stat == 0 {
            message.stat = 1;
        }
        let twice = message.read_in_session == 2;
        if twice {
            self.log.offence("slot_read_twice", json!({"slot": index, "memory": memory.name()}));
        }
        self.log.event("read", json!({"slot": index, "memory": memory.name(), "stat": before.stat}));
        Some(before)
    }

    fn list_slots(&mut self, list: &[String]) -> Answer {
        if self.powered.cmgf == 1 {
            return Answer::new(End::Cms(303));
        }
        let wanted = list.first().filter(|t| !t.is_empty()).map_or(Some(0), |t| t.parse::<u8>().ok());
        let Some(wanted @ 0..=4) = wanted else { return Answer::new(End::Cms(305)) };
        let hide = self.quirks.has(Quirk::CmglHidesUnread) && wanted == 4;
        let mut answer = Answer::ok();
        for index in 0..self.sim.slots(self.selected()).len() {
            let stat = self.sim.slots(self.selected()).get(index).and_then(|s| s.as_ref()).map(|m| m.stat);
            let Some(stat) = stat.filter(|s| (wanted == 4 || *s == wanted) && !(hide && *s == 0)) else {
                continue;
            };
            let alpha = self.alpha();
            if let Some(message) = self.note_read(index) {
                let length = pdu::tpdu_length(&message.pdu).unwrap_or(0);
                answer
                    .info
                    .push(format!("+CMGL: {index},{stat},{alpha},{length}\n{}", hex::encode(&message.pdu)));
            }
        }
        if !self.fast() {
            answer.pace = Some(self.rng.millis(40, 120));
        }
        answer
    }

    fn delete_slot(&mut self, list: &[String]) -> Answer {
        let flag = list.get(1).and_then(|t| t.parse::<u8>().ok()).unwrap_or(0);
        let Some(index) = self.slot_number(list) else { return Answer::new(End::Cms(321)) };
        let memory = self.selected();
        let doomed: Vec<usize> = (0..self.sim.slots(memory).len())
            .filter(|n| {
                let stat = self.sim.slots(memory).get(*n).and_then(|s| s.as_ref()).map(|m| m.stat);
                match flag {
                    0 => *n == index,
                    1 => stat == Some(1),
                    2 => matches!(stat, Some(1 | 3)),
                    3 => matches!(stat, Some(1..=3)),
                    _ => true,
                }
            })
            .collect();
        if flag != 0 {
            self.log.offence("delete_many", json!({"flag": flag}));
        }
        for n in doomed {
            if !self.delete_one(memory, n) {
                return Answer::new(End::Cms(500));
            }
        }
        let wait = self.pace(1, 180, 250);
        self.slot_freed();
        Answer::ok().takes(wait)
    }

    /// `false` when the stick refuses this time.
    fn delete_one(&mut self, memory: Memory, index: usize) -> bool {
        let refuses = self.quirks.has(Quirk::DeleteFails);
        let Some(place) = self.sim.slot_mut(memory, index) else { return true };
        let Some(message) = place.as_mut() else {
            self.log.event("delete_empty", json!({"slot": index}));
            return true;
        };
        if refuses && !message.delete_refused {
            message.delete_refused = true;
            return false;
        }
        let (read, text) = (message.read, hex::encode(&message.pdu));
        *place = None;
        if read == 0 {
            self.log.offence("delete_unread", json!({"slot": index, "memory": memory.name(), "hex": text}));
        }
        self.log.event("deleted", json!({"slot": index, "memory": memory.name(), "hex": text, "read": read}));
        true
    }

    fn service_centre(&mut self) -> Answer {
        let number = &self.sim.smsc;
        let toa = if number.starts_with('+') { 145 } else { 129 };
        let ucs2 = self.quirks.has(Quirk::CscaUcs2);
        let shown = if ucs2 { hex::ucs2(number) } else { self.in_charset(number) };
        Answer::line(format!("+CSCA: \"{shown}\",{toa}"))
    }

    fn send_asked(&mut self, list: &[String]) -> Answer {
        let Some(length) = list.first().and_then(|t| t.parse::<usize>().ok()) else {
            return Answer::new(End::Cms(304));
        };
        if self.powered.cmgf == 1 {
            return Answer::new(End::Cms(303));
        }
        if !(8..=pdu::TPDU_LIMIT).contains(&length) {
            return self.pdu_too_long(length);
        }
        let wait = self.pace(1, 50, 400);
        Answer::new(End::Prompt(length)).takes(wait)
    }

    fn pdu_too_long(&mut self, length: usize) -> Answer {
        if length > pdu::TPDU_LIMIT {
            self.log.offence("pdu_too_long", json!({"length": length}));
            if self.quirks.has(Quirk::LongPduHangs) {
                self.hang(None);
                return Answer::new(End::Silent);
            }
        }
        Answer::new(End::Cms(304))
    }

    /// A TPDU was typed behind the prompt and ended with Ctrl-Z.
    pub(super) fn pdu_written(&mut self, port: Port, input: &PduInput) -> Answer {
        let text = input.text();
        self.log.event("pdu", json!({"port": port.name(), "hex": text}));
        let Some(octets) = hex::decode(&text) else { return self.bad_pdu("not hex") };
        let Some(length) = pdu::tpdu_length(&octets) else { return self.bad_pdu("SMSC field too long") };
        if length > pdu::TPDU_LIMIT {
            return self.pdu_too_long(length);
        }
        if length != input.expected {
            return self.bad_pdu(&format!("{length} octets, AT+CMGS said {}", input.expected));
        }
        let submit = match pdu::submit(&octets) {
            Ok(submit) => submit,
            Err(why) => return self.bad_pdu(&why),
        };
        let wait = if self.powered.cmms > 0 { self.pace(3, 800, 1500) } else { self.pace(3, 2000, 4000) };
        if !self.network.attached {
            return Answer::new(End::Cms(331)).takes(wait);
        }
        let result = self.network.results.pop_front().unwrap_or(if self.quirks.has(Quirk::Cms500) {
            SendResult::Cms(500)
        } else {
            SendResult::Ok
        });
        self.log
            .event("send", json!({"to": submit.to, "text": submit.text, "result": format!("{result:?}")}));
        let mut answer = self.send_outcome(&submit, &text, result);
        answer.wait = Some(wait);
        answer
    }

    fn bad_pdu(&mut self, why: &str) -> Answer {
        self.log.offence("bad_pdu", json!({"why": why}));
        Answer::new(End::Cms(304))
    }

    fn send_outcome(&mut self, submit: &pdu::Submit, text: &str, result: SendResult) -> Answer {
        match result {
            SendResult::Cms(code) => return Answer::new(End::Cms(code)),
            SendResult::Cme(code) => return self.fail(code),
            SendResult::Error => return Answer::error(),
            SendResult::SilentLost => return Answer::new(End::Silent),
            SendResult::Hang => {
                self.hang(None);
                return Answer::new(End::Silent);
            }
            SendResult::Ok | SendResult::SilentSent => {}
        }
        let mr = self.network.reference();
        let (reference, total, part) = submit.part.unwrap_or((0, 1, 1));
        self.network.sent.push(
            json!({"to": submit.to, "text": submit.text, "mr": mr, "report": submit.report,
            "part": part, "total": total, "ref": reference, "hex": text, "dcs": submit.dcs,
            "national": submit.national, "t": monotonic()}),
        );
        if submit.report && self.quirks.has(Quirk::AutoReport) {
            let report = self.report_pdu(mr, &submit.to, 0);
            self.later_outside(Duration::from_millis(200), Event::Report(report));
        }
        if result == SendResult::SilentSent {
            return Answer::new(End::Silent);
        }
        Answer::line(format!("+CMGS: {mr}"))
    }

    pub fn report_pdu(&self, mr: u8, to: &str, st: u8) -> Vec<u8> {
        let mut report = pdu::status_report(mr, to, &Stamp::now(), &Stamp::now(), st);
        if self.quirks.has(Quirk::ReportAppends) {
            report.extend([0x07, 0x00, 0x00, 0x00]);
        }
        report
    }
}
