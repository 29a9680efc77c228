//! The requests of the control socket.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::gsm7;
use crate::hex;
use crate::network::{SendResult, UssdService};
use crate::pdu::{self, Alphabet, Split};
use crate::ports::Port;
use crate::sim::{Memory, Message, SimState};
use crate::stick::Stick;
use crate::sysfs::Layout;
use crate::time::Stamp;
use crate::voice::DialResult;

type Outcome = Result<Value, String>;

fn text<'a>(r: &'a Value, key: &str) -> Result<&'a str, String> {
    r[key].as_str().ok_or_else(|| format!("`{key}` is missing or no string"))
}

fn number(r: &Value, key: &str) -> Result<u64, String> {
    r[key].as_u64().ok_or_else(|| format!("`{key}` is missing or no number"))
}

fn small<T: TryFrom<u64>>(r: &Value, key: &str) -> Result<T, String> {
    T::try_from(number(r, key)?).map_err(|_| format!("`{key}` is too big"))
}

fn octets(r: &Value, key: &str) -> Result<Vec<u8>, String> {
    hex::decode(text(r, key)?).ok_or_else(|| format!("`{key}` is no hex"))
}

fn seconds(r: &Value, key: &str) -> Option<Duration> {
    r[key].as_f64().filter(|s| *s > 0.0).map(Duration::from_secs_f64)
}

fn numbers(r: &Value, key: &str) -> Option<Vec<usize>> {
    let list = r[key].as_array()?;
    Some(list.iter().filter_map(|v| v.as_u64().and_then(|n| usize::try_from(n).ok())).collect())
}

impl Stick {
    /// Carries one request out.
    pub fn request(&mut self, r: &Value) -> Value {
        let name = r["do"].as_str().unwrap_or_default().to_string();
        match self.asked(&name, r) {
            Ok(Value::Object(mut fields)) => {
                fields.insert("ok".into(), json!(true));
                Value::Object(fields)
            }
            Ok(_) => json!({"ok": true}),
            Err(error) => json!({"ok": false, "error": error}),
        }
    }

    fn asked(&mut self, name: &str, r: &Value) -> Outcome {
        match name {
            "sms" => self.ask_sms(r),
            "pdu" => {
                self.network_sends(octets(r, "hex")?);
                Ok(json!({"parts": 1}))
            }
            "preload" => self.ask_preload(r),
            "slots" => Ok(json!({"slots": self.sim.list(), "waiting": self.network.waiting()})),
            "sent" => Ok(json!({"sent": self.network.sent})),
            "send_result" => self.ask_send_result(r),
            "report" => self.ask_report(r),
            "ussd" | "ussd_push" => self.ask_ussd(name, r),
            "ring" | "remote_hangup" | "dial_result" | "remote_answer" | "play" | "record" | "dtmf"
            | "audio" => self.ask_call(name, r),
            _ => self.asked_of_stick(name, r),
        }
    }

    fn asked_of_stick(&mut self, name: &str, r: &Value) -> Outcome {
        match name {
            "unplug" => self.unplug(),
            "plug" => {
                let base = r["tty_base"].as_u64().and_then(|n| u32::try_from(n).ok());
                let layout = r["layout"].as_str().map(Layout::parse).transpose()?;
                self.plug(base, layout).map_err(|e| e.to_string())?;
            }
            "hang" => self.hang(seconds(r, "seconds")),
            "unhang" => self.unhang(),
            "reboot" => self.reboot(),
            "network" => self.ask_network(r),
            "signal" => {
                self.network.csq = small(r, "csq")?;
                self.rssi_now();
            }
            "raw" => {
                let port = Port::parse(r["port"].as_str().unwrap_or("at")).ok_or("unknown port")?;
                self.emit(port, &octets(r, "hex")?);
            }
            "urc" => self.urc(text(r, "text")?),
            "urc_before_prompt" => self.urc_before_prompt.push(text(r, "text")?.into()),
            "urc_inside" => self.urc_inside.push((command(r)?, text(r, "text")?.into())),
            "late" => self.late.push((command(r)?, seconds(r, "seconds").ok_or("`seconds` is missing")?)),
            "garble" => {
                let junk: Vec<u8> =
                    (0..small::<u32>(r, "bytes")?).map(|_| self.rng.draw().to_be_bytes()[0]).collect();
                self.emit(Port::At, &junk);
            }
            "quirk" => {
                let spec = text(r, "name")?;
                let spec = r["value"].as_str().map_or(spec.to_string(), |v| format!("{spec}={v}"));
                self.quirks.set(&spec, r["on"].as_bool().unwrap_or(true))?;
                self.quirk_changed();
            }
            "sim" => self.ask_sim(r)?,
            "state" => return Ok(self.state()),
            "" => return Err("`do` is missing".into()),
            _ => return Err(format!("unknown request {name}")),
        }
        Ok(Value::Null)
    }

    fn ask_sms(&mut self, r: &Value) -> Outcome {
        let alphabet = match r["alphabet"].as_str() {
            None => None,
            Some("gsm7") => Some(Alphabet::Gsm7),
            Some("ucs2") => Some(Alphabet::Ucs2),
            Some("8bit") => Some(Alphabet::Eight),
            Some(other) => return Err(format!("unknown alphabet {other}")),
        };
        let reference = match r["ref"].as_u64() {
            Some(n) => u16::try_from(n).map_err(|_| "`ref` is too big")?,
            None => {
                self.network.next_concat = self.network.next_concat.wrapping_add(1);
                self.network.next_concat
            }
        };
        let width = u8::try_from(r["width"].as_u64().unwrap_or(8)).unwrap_or(8);
        let scts = match r["scts"].as_str() {
            Some(iso) => Stamp::parse(iso).ok_or("`scts` is no time")?,
            None => Stamp::now(),
        };
        let class = r["class"].as_u64().and_then(|c| u8::try_from(c).ok());
        let from = text(r, "from")?;
        let segments = pdu::split(text(r, "text")?, &Split { alphabet, reference, width })?;
        let pdus: Vec<Vec<u8>> = segments.iter().map(|s| pdu::deliver(from, s, &scts, class)).collect();
        let omit = numbers(r, "omit").unwrap_or_default();
        let double = numbers(r, "double").unwrap_or_default();
        for part in numbers(r, "order").unwrap_or_else(|| (1..=pdus.len()).collect()) {
            let pdu = part.checked_sub(1).and_then(|n| pdus.get(n)).ok_or("`order` names a missing part")?;
            let times = if omit.contains(&part) { 0 } else { 1 + usize::from(double.contains(&part)) };
            for _ in 0..times {
                self.network_sends(pdu.clone());
            }
        }
        let hexes: Vec<String> = pdus.iter().map(|p| hex::encode(p)).collect();
        Ok(json!({"parts": pdus.len(), "pdus": hexes, "ref": reference}))
    }

    fn ask_preload(&mut self, r: &Value) -> Outcome {
        let stat = u8::try_from(r["stat"].as_u64().unwrap_or(0)).unwrap_or(0);
        let message = Message::new(octets(r, "hex")?, stat);
        let memory = Memory::parse(r["memory"].as_str().unwrap_or("SM")).ok_or("unknown memory")?;
        let index = match r["slot"].as_u64().and_then(|n| usize::try_from(n).ok()) {
            Some(index) => {
                *self.sim.slot_mut(memory, index).ok_or("no such slot")? = Some(message);
                index
            }
            None => self.sim.store(memory, message).ok_or("the store is full")?,
        };
        Ok(json!({"slot": index}))
    }

    fn ask_send_result(&mut self, r: &Value) -> Outcome {
        let list = r["next"].as_array().ok_or("`next` is no list")?;
        for item in list {
            self.network.results.push_back(SendResult::parse(item.as_str().unwrap_or_default())?);
        }
        Ok(Value::Null)
    }

    fn ask_report(&mut self, r: &Value) -> Outcome {
        let mr: u8 = small(r, "mr")?;
        let st = u8::try_from(r["st"].as_u64().unwrap_or(0)).unwrap_or(0);
        let sent = self.network.sent.iter().rev().find(|s| s["mr"] == json!(mr));
        let to = match (r["to"].as_str(), sent) {
            (Some(to), _) => to.to_string(),
            (None, Some(sent)) => sent["to"].as_str().unwrap_or_default().to_string(),
            (None, None) => return Err(format!("nothing was sent with reference {mr}")),
        };
        let report = self.report_pdu(mr, &to, st);
        let shown = hex::encode(&report);
        self.network_sends(report);
        Ok(json!({"hex": shown}))
    }

    fn ask_ussd(&mut self, name: &str, r: &Value) -> Outcome {
        let service = UssdService {
            text: text(r, "text")?.into(),
            m: u8::try_from(r["m"].as_u64().unwrap_or(0)).unwrap_or(0),
        };
        if name == "ussd" {
            self.network.ussd.insert(text(r, "code")?.into(), service);
        } else {
            self.ussd_arrives(&service);
        }
        Ok(json!({"packed": gsm7::pack_ussd(text(r, "text")?).map(|p| hex::encode(&p))}))
    }

    fn ask_network(&mut self, r: &Value) {
        self.network.offered = r["registered"].as_bool().unwrap_or(self.network.offered);
        self.network.roaming = r["roaming"].as_bool().unwrap_or(self.network.roaming);
        self.network.denied = r["denied"].as_bool().unwrap_or(self.network.denied);
        self.network_changed();
    }

    fn ask_sim(&mut self, r: &Value) -> Result<(), String> {
        if let Some(pin) = r["pin"].as_str() {
            self.sim.pin = Some(pin.into());
        }
        if let Some(tries) = r["tries"].as_u64() {
            self.sim.pin_tries = u8::try_from(tries).unwrap_or(3);
        }
        let Some(state) = r["state"].as_str() else { return Ok(()) };
        let was_ready = self.sim.state == SimState::Ready;
        self.sim.state = match state {
            "absent" => SimState::Absent,
            "locked" if self.sim.pin.is_some() => SimState::PinNeeded,
            "locked" => return Err("a locked SIM needs a `pin`".into()),
            "puk" => {
                self.sim.pin_tries = 0;
                SimState::PukNeeded
            }
            "busy" => SimState::Busy,
            "ready" if was_ready => SimState::Ready,
            "ready" => SimState::Initialising,
            _ => return Err(format!("unknown SIM state {state}")),
        };
        if self.plugged.is_some() {
            if self.sim.state != SimState::Ready {
                self.detach();
            }
            if self.sim.state == SimState::Absent {
                self.urc("^SIMST:255");
            }
            self.sim_changed();
        }
        Ok(())
    }

    fn ask_call(&mut self, name: &str, r: &Value) -> Outcome {
        match name {
            "ring" => self.ring(r["from"].as_str())?,
            "remote_hangup" => {
                let cause = u8::try_from(r["cause"].as_u64().unwrap_or(16)).unwrap_or(16);
                self.network_ends_call(104, Some(cause));
            }
            "dial_result" => {
                for item in r["next"].as_array().ok_or("`next` is no list")? {
                    self.voice.script.push_back(DialResult::parse(item.as_str().unwrap_or_default())?);
                }
            }
            "remote_answer" => self.remote_answers()?,
            "play" => self.ask_play(r)?,
            "record" => {
                let frames =
                    self.voice.save_recording(Path::new(text(r, "path")?)).map_err(|e| e.to_string())?;
                return Ok(json!({"samples": frames}));
            }
            "dtmf" => return Ok(json!({"digits": self.voice.dtmf})),
            _ => self.ask_audio(r)?,
        }
        Ok(Value::Null)
    }

    fn ask_play(&mut self, r: &Value) -> Result<(), String> {
        let level = r["level_db"].as_f64().unwrap_or(-10.0);
        if let Some(digits) = r["dtmf"].as_str() {
            self.voice.audio.play_dtmf(digits, level);
        } else if let Some(path) = r["wav"].as_str() {
            self.voice.audio.play_samples(crate::wav::read(Path::new(path))?);
        } else {
            let hz = r["hz"].as_f64().ok_or("one of `hz`, `dtmf`, `wav`")?;
            self.voice.audio.play_tone(hz, level);
        }
        Ok(())
    }

    fn ask_audio(&mut self, r: &Value) -> Result<(), String> {
        if let Some(ms) = r["stall_ms"].as_u64() {
            self.voice.audio.stall_until = Some(self.now + Duration::from_millis(ms));
        }
        if let Some(ppm) = r["ppm"].as_i64() {
            self.voice.audio.ppm = ppm;
        }
        if let Some(pieces) = r["pieces"].as_str() {
            self.voice.audio.pieces = crate::audio::Pieces::parse(pieces)?;
        }
        Ok(())
    }
}

/// The command a script names, with or without `AT`.
fn command(r: &Value) -> Result<String, String> {
    let name = text(r, "command")?.to_ascii_uppercase();
    Ok(name.strip_prefix("AT").unwrap_or(&name).to_string())
}
