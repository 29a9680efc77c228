//! Identity, echo and the interpreter's own settings; V.250 commands.

use std::time::Duration;

use super::{Answer, End, Form, arguments};
use crate::ports::Port;
use crate::quirks::Quirk;
use crate::stick::{Event, Stick};

/// Verbose texts of AT+CMEE=2 (TS 27.007 9.2).
pub fn cme_text(code: u16) -> String {
    match code {
        3 => "operation not allowed".into(),
        4 => "operation not supported".into(),
        10 => "SIM not inserted".into(),
        11 => "SIM PIN required".into(),
        12 => "SIM PUK required".into(),
        13 => "SIM failure".into(),
        14 => "SIM busy".into(),
        16 => "incorrect password".into(),
        21 => "invalid index".into(),
        30 => "no network service".into(),
        50 => "incorrect parameters".into(),
        n => format!("{n}"),
    }
}

impl Stick {
    /// Single-letter commands.
    pub(super) fn basic_command(&mut self, port: Port, name: &str, value: Option<u32>) -> Answer {
        match name {
            "E" => {
                let keep = self.quirks.has(Quirk::EchoStays);
                self.engine(port).echo = keep || value.unwrap_or(0) == 1;
                Answer::ok()
            }
            "Z" | "&F" => {
                self.engine(port).echo = true;
                self.engine(port).cmee = 0;
                self.powered.clip = false;
                self.powered.creg = 0;
                self.powered.cnmi = [0; 5];
                Answer::ok()
            }
            "I" => self.identification(),
            "A" => self.answer_call(),
            "H" => self.hang_up_all(),
            "Q" | "V" | "X" | "L" | "M" | "S" | "&C" | "&D" | "&W" | "&K" | "&S" | "&V" => Answer::ok(),
            _ => Answer::error(),
        }
    }

    fn identification(&mut self) -> Answer {
        let o = &self.options;
        let mut text = format!("Manufacturer: huawei\nModel: {}\nRevision: {}\n", o.model, o.firmware);
        if !self.quirks.has(Quirk::AtiWithoutImei) {
            text.push_str(&format!("IMEI: {}\n", o.imei));
        }
        text.push_str("+GCAP: +CGSM,+DS,+ES");
        Answer::line(text)
    }

    pub(super) fn identity_command(
        &mut self,
        port: Port,
        name: &str,
        form: Form,
        args: &str,
    ) -> Option<Answer> {
        Some(match (name, form) {
            ("+CGMI" | "+GMI", Form::Bare) => Answer::line("huawei"),
            ("+CGMM" | "+GMM", Form::Bare) => Answer::line(self.options.model.clone()),
            ("+CGMR" | "+GMR", Form::Bare) => Answer::line(self.options.firmware.clone()),
            ("+CGSN" | "+GSN", Form::Bare) if self.quirks.has(Quirk::NoCgsn) => self.fail(4),
            ("+CGSN" | "+GSN", Form::Bare) => Answer::line(self.options.imei.clone()),
            ("+GCAP", Form::Bare) => Answer::line("+GCAP: +CGSM,+DS,+ES"),
            ("+CMEE", Form::Query) => Answer::line(format!("+CMEE: {}", self.engine(port).cmee)),
            ("+CMEE", Form::Set) if self.quirks.has(Quirk::CmeeRefused) => Answer::error(),
            ("+CMEE", Form::Set) => match args.trim().parse() {
                Ok(n @ 0..=2) => {
                    self.engine(port).cmee = n;
                    Answer::ok()
                }
                _ => self.fail(50),
            },
            ("+CSCS", Form::Query) => Answer::line(format!("+CSCS: \"{}\"", self.powered.cscs)),
            ("+CSCS", Form::Test) => Answer::line("+CSCS: (\"IRA\",\"GSM\",\"UCS2\")"),
            ("+CSCS", Form::Set) => match arguments(args).first().map(String::as_str) {
                Some(set @ ("IRA" | "GSM" | "UCS2")) => {
                    self.powered.cscs = set.into();
                    Answer::ok()
                }
                _ => self.fail(50),
            },
            ("^CURC", Form::Query) => Answer::line(format!("^CURC: {}", self.powered.curc)),
            ("^CURC", Form::Set) => {
                self.powered.curc = arguments(args).first().and_then(|a| a.parse().ok()).unwrap_or(1);
                Answer::ok()
            }
            ("^PORTSEL", Form::Set) => {
                self.powered.portsel = args.trim().parse().unwrap_or(0);
                Answer::ok()
            }
            ("^GETPORTMODE", Form::Bare) if self.quirks.has(Quirk::GetportmodeCrash) => {
                Answer::new(End::Silent).after(Duration::from_millis(10), Event::Reboot)
            }
            ("^GETPORTMODE", Form::Bare) => {
                let list = self.options.layout.port_mode();
                Answer::line(format!("^GETPORTMODE:TYPE:WCDMA:Qualcomm,{list}"))
            }
            ("^U2DIAG", Form::Query) => Answer::line("^U2DIAG: 268"),
            ("^U2DIAG" | "^SYSCFG" | "^CARDLOCK", Form::Set) => Answer::ok(),
            ("^SYSCFG", Form::Query) => Answer::line("^SYSCFG:2,0,3FFFFFFF,1,2"),
            ("^CARDMODE", Form::Bare) => Answer::line("^CARDMODE: 2"),
            ("^HWVER", Form::Bare) => Answer::line("^HWVER:\"CD2E1750M\""),
            ("^VERSION", Form::Query) => {
                let firmware = self.options.firmware.clone();
                Answer::line(format!("^VERSION:BDT:Jul 21 2010, 16:35:04\n^VERSION:EXTS:{firmware}"))
            }
            ("+IPR" | "+IFC" | "+ICF" | "+CBST" | "+FCLASS", Form::Set) => Answer::ok(),
            ("+FCLASS", Form::Query) => Answer::line("0"),
            ("^RESET", Form::Bare) => self.reset_answer(),
            _ => return None,
        })
    }

    /// OK, then gone.
    pub(super) fn reset_answer(&mut self) -> Answer {
        let wait = self.pace(10, 300, 800);
        Answer::ok().after(wait, Event::Reboot)
    }
}
