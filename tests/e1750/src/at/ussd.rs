//! USSD in its dialects (DONGLE.md chapter 5).

use std::time::Duration;

use serde_json::json;

use super::{Answer, End, Form, arguments};
use crate::gsm7;
use crate::hex;
use crate::network::UssdService;
use crate::quirks::Quirk;
use crate::stick::{Event, Stick};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Packed,
    Plain,
    Ucs2,
}

impl Stick {
    pub(super) fn ussd_command(&mut self, name: &str, form: Form, args: &str) -> Option<Answer> {
        Some(match (name, form) {
            ("+CUSD", Form::Query) => Answer::line(format!("+CUSD: {}", self.powered.cusd)),
            ("+CUSD", Form::Test) => Answer::line("+CUSD: (0-2)"),
            ("+CUSD", Form::Set) => self.ussd_asked(&arguments(args)),
            ("^USSDMODE", Form::Query) => Answer::line(format!("^USSDMODE: {}", self.powered.ussd_mode)),
            ("^USSDMODE", Form::Test) => Answer::line("^USSDMODE: (0-1)"),
            ("^USSDMODE", Form::Set) => {
                self.powered.ussd_mode = args.trim().parse().unwrap_or(0);
                Answer::ok()
            }
            _ => return None,
        })
    }

    fn dialect(&self) -> Dialect {
        match () {
            () if self.quirks.has(Quirk::UssdUcs2) || self.powered.cscs == "UCS2" => Dialect::Ucs2,
            () if self.quirks.has(Quirk::UssdPlain) => Dialect::Plain,
            () if self.quirks.has(Quirk::UssdModeRaw) && self.powered.ussd_mode == 0 => Dialect::Plain,
            () => Dialect::Packed,
        }
    }

    fn ussd_asked(&mut self, list: &[String]) -> Answer {
        let mode = list.first().and_then(|n| n.parse::<u8>().ok());
        if mode == Some(2) {
            self.network.ussd_open = false;
            let refuses = self.quirks.has(Quirk::CusdCancelError);
            return if refuses { Answer::error() } else { Answer::ok() };
        }
        let Some(n @ 0..=1) = mode else { return self.fail(50) };
        let Some(asked) = list.get(1) else {
            self.powered.cusd = n;
            return Answer::ok();
        };
        if !self.network.attached {
            return self.fail(30);
        }
        let Some(code) = self.ussd_code(asked) else { return self.fail(100) };
        self.log.event("ussd", json!({"asked": asked, "code": code}));
        let text = self.ussd_answer(&code);
        if self.quirks.has(Quirk::CusdBeforeOk) {
            self.later(Duration::ZERO, Event::Urc(text));
            return Answer::ok().takes(Duration::from_millis(50));
        }
        let wait = self.pace(20, 1500, 5000);
        Answer::new(End::Ok).after(wait, Event::Urc(text))
    }

    /// What the host asked for, read in this stick's dialect; `None` makes it an error.
    fn ussd_code(&self, asked: &str) -> Option<String> {
        match self.dialect() {
            Dialect::Plain => Some(asked.to_string()),
            Dialect::Packed => hex::decode(asked).map(|octets| gsm7::unpack_ussd(&octets)),
            Dialect::Ucs2 => {
                let octets = hex::decode(asked)?;
                let units: Vec<u16> =
                    octets.chunks_exact(2).map(|p| u16::from_be_bytes([p[0], p[1]])).collect();
                String::from_utf16(&units).ok()
            }
        }
    }

    /// The +CUSD line to a code.
    fn ussd_answer(&mut self, code: &str) -> String {
        match self.network.ussd.get(code).cloned() {
            Some(service) => {
                self.network.ussd_open = service.m == 1;
                self.cusd_line(&service)
            }
            None if code.chars().all(|c| c.is_ascii_digit() || "*#".contains(c)) => {
                self.network.ussd_open = false;
                self.cusd_line(&UssdService { text: "Unbekannter Dienst".into(), m: 2 })
            }
            // Sent in a dialect that the network cannot make out.
            None => "+CUSD: 5".into(),
        }
    }

    fn cusd_line(&self, service: &UssdService) -> String {
        let text = &service.text;
        let ucs2 = (hex::ucs2(text), 72);
        let packed = gsm7::pack_ussd(text).map(|octets| (hex::encode(&octets), 15));
        let (body, dcs) = match self.dialect() {
            Dialect::Ucs2 => ucs2,
            _ if self.quirks.has(Quirk::UssdAnswerUcs2) => ucs2,
            Dialect::Packed => packed.unwrap_or(ucs2),
            Dialect::Plain if packed.is_some() => (text.clone(), 15),
            Dialect::Plain => ucs2,
        };
        let body = if self.quirks.has(Quirk::UssdUnquoted) { body } else { format!("\"{body}\"") };
        if self.quirks.has(Quirk::UssdNoDcs) {
            return format!("+CUSD: {},{body}", service.m);
        }
        format!("+CUSD: {},{body},{dcs}", service.m)
    }

    /// The network sends a USSD notification by itself.
    pub fn ussd_arrives(&mut self, service: &UssdService) {
        let line = self.cusd_line(service);
        self.network.ussd_open = service.m == 1;
        self.urc(&line);
    }
}
