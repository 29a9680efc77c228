//! Calls and the voice port (DONGLE.md chapter 3). One call at a time, and a second caller who waits.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::audio::Audio;
use crate::ports::Port;
use crate::quirks::Quirk;
use crate::stick::{Event, Stick};

/// Bytes on the idle voice port that still pass as a probe.
const PROBE_LIMIT: usize = 64;
/// A frame may be under way when a call ends.
const TAIL: Duration = Duration::from_millis(300);

/// What becomes of the next dialled call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DialResult {
    Answer,
    /// Rings until `remote_answer` or `remote_hangup`.
    Manual,
    NoAnswer,
    /// Ends before it is answered: end status and cause.
    Fail(u8, u8),
    /// ATD itself gives ERROR.
    Error,
}

impl DialResult {
    pub fn parse(text: &str) -> Result<DialResult, String> {
        Ok(match text {
            "answer" => DialResult::Answer,
            "manual" => DialResult::Manual,
            "no_answer" => DialResult::NoAnswer,
            "busy" => DialResult::Fail(104, 17),
            "reject" => DialResult::Fail(104, 21),
            "congestion" => DialResult::Fail(104, 42),
            "no_credit" => DialResult::Fail(104, 68),
            "no_service" => DialResult::Fail(21, 0),
            "error" => DialResult::Error,
            _ => match text.strip_prefix("cause ").and_then(|n| n.parse().ok()) {
                Some(cause) => DialResult::Fail(104, cause),
                None => return Err(format!("unknown dial result {text}")),
            },
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallState {
    Dialling,
    Alerting,
    Incoming,
    Active { since: Instant },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallStep {
    Orig,
    Conf,
    Conn,
    /// The network ends it: end status, cause.
    End(u8, u8),
    /// `^CEND` of a call that is gone: seconds, end status, cause.
    Cend(u64, u8, u8),
}

#[derive(Debug)]
pub struct Call {
    pub unique: u32,
    pub state: CallState,
    pub outgoing: bool,
    /// `None`: withheld.
    pub number: Option<String>,
    pub rings: u32,
    pub orig_told: bool,
    pub ddsetex: u32,
}

#[derive(Debug, Default)]
pub struct Voice {
    pub call: Option<Call>,
    pub waiting: Option<String>,
    pub script: VecDeque<DialResult>,
    pub dtmf: String,
    pub audio: Audio,
    calls: u32,
    idle_since: Option<Instant>,
    idle_bytes: usize,
    /// Ended calls, for `state`.
    last: Value,
}

impl Voice {
    pub fn new() -> Voice {
        Voice::default()
    }

    pub fn power_up(&mut self) {
        self.call = None;
        self.waiting = None;
        self.audio.stop();
        self.idle_bytes = 0;
    }

    pub fn save_recording(&self, path: &Path) -> io::Result<usize> {
        crate::wav::write(path, self.audio.recording())?;
        Ok(self.audio.recording().len() / 2)
    }

    pub fn state(&self) -> Value {
        let call = self.call.as_ref().map(|c| {
            let state = match c.state {
                CallState::Dialling => "dialling",
                CallState::Alerting => "alerting",
                CallState::Incoming => "incoming",
                CallState::Active { .. } => "active",
            };
            json!({"state": state, "outgoing": c.outgoing, "number": c.number, "rings": c.rings})
        });
        json!({"current": call, "waiting": self.waiting, "last": self.last, "audio": self.audio.state()})
    }

    /// A new call; the sound of the last one is forgotten.
    pub fn begin(&mut self, outgoing: bool, number: Option<String>) -> u32 {
        self.calls += 1;
        self.dtmf.clear();
        self.audio.new_call();
        self.call = Some(Call {
            unique: self.calls,
            state: if outgoing { CallState::Dialling } else { CallState::Incoming },
            outgoing,
            number,
            rings: 0,
            orig_told: false,
            ddsetex: 0,
        });
        self.calls
    }
}

impl Stick {
    /// A caller rings.
    pub fn ring(&mut self, from: Option<&str>) -> Result<(), String> {
        if !self.network.attached {
            return Err("the stick is not registered".into());
        }
        let number = from.map(str::to_string);
        if self.voice.call.is_some() {
            if !self.powered.ccwa {
                self.log.event("busy_for", json!({"from": number}));
                return Ok(());
            }
            let (shown, toa) = shown_number(number.as_deref());
            self.voice.waiting = Some(shown.clone());
            self.urc(&format!("+CCWA: \"{shown}\",{toa},1"));
            return Ok(());
        }
        self.log.event("call", json!({"dir": "in", "from": number}));
        let unique = self.voice.begin(false, number);
        self.ring_again(unique);
        Ok(())
    }

    pub fn ring_again(&mut self, unique: u32) {
        let Some(call) = self.voice.call.as_mut().filter(|c| c.unique == unique) else { return };
        if call.state != CallState::Incoming {
            return;
        }
        call.rings += 1;
        let (first, number) = (call.rings == 1, call.number.clone());
        let extended = self.powered.crc || self.quirks.has(Quirk::CringAlways);
        self.urc(if extended { "+CRING: VOICE" } else { "RING" });
        if self.powered.clip && !(first && self.quirks.has(Quirk::ClipLate)) {
            let (shown, toa) = shown_number(number.as_deref());
            let withheld = u8::from(number.is_none());
            let text = if self.quirks.has(Quirk::ClipSecondForm) {
                format!("+CLIP: \"{shown}\",{toa},\"\",128,\"\",{withheld}")
            } else {
                format!("+CLIP: \"{shown}\",{toa},,,,{withheld}")
            };
            self.urc(&text);
        }
        let next = self.pace(500, 4800, 5200);
        self.later(next, Event::Ring(unique));
    }

    pub fn remote_answers(&mut self) -> Result<(), String> {
        let call = self.voice.call.as_ref().ok_or("no call")?;
        let unique = call.unique;
        if !call.outgoing || matches!(call.state, CallState::Active { .. }) {
            return Err("no outgoing call waits".into());
        }
        self.call_step(unique, CallStep::Conn);
        Ok(())
    }

    /// The far side or the network ends the call. A caller who gives up is end status 104 as well.
    pub fn network_ends_call(&mut self, status: u8, cause: Option<u8>) {
        if let Some(call) = &self.voice.call {
            let step = CallStep::End(status, cause.unwrap_or(0));
            self.call_step(call.unique, step);
        }
    }

    pub fn call_step(&mut self, unique: u32, step: CallStep) {
        if let CallStep::Cend(seconds, status, cause) = step {
            return self.tell_cend(seconds, status, cause);
        }
        let now = self.now;
        let Some(call) = self.voice.call.as_mut().filter(|c| c.unique == unique) else { return };
        match step {
            CallStep::Orig => {
                call.orig_told = true;
                self.call_urc("^ORIG:1,0");
                if self.quirks.has(Quirk::CssiUnterminated) {
                    self.emit(Port::At, b"\r\n+CSSI: 1");
                }
            }
            CallStep::Conf if call.state == CallState::Dialling => {
                call.state = CallState::Alerting;
                self.voice.audio.ringback = true;
                self.call_urc("^CONF:1");
            }
            CallStep::Conn if !matches!(call.state, CallState::Active { .. }) => {
                call.state = CallState::Active { since: now };
                self.voice.audio.ringback = false;
                self.log.event("call", json!({"state": "active"}));
                if !self.quirks.has(Quirk::MissingConn) {
                    self.call_urc("^CONN:1,0");
                }
            }
            CallStep::End(status, cause) => {
                let seconds = self.drop_call("far side", status, cause);
                self.tell_cend(seconds, status, cause);
            }
            _ => {}
        }
    }

    fn call_urc(&mut self, text: &str) {
        if self.powered.curc == 0 && self.quirks.has(Quirk::CurcHidesCalls) {
            return;
        }
        self.urc(text);
    }

    /// Forgets the call and stops its sound; returns the seconds it was up.
    pub fn drop_call(&mut self, by: &str, status: u8, cause: u8) -> u64 {
        let Some(call) = self.voice.call.take() else { return 0 };
        let seconds = match call.state {
            CallState::Active { since } => self.now.saturating_duration_since(since).as_secs(),
            _ => 0,
        };
        self.voice.waiting = None;
        self.voice.audio.stop();
        self.voice.idle_since = Some(self.now);
        self.voice.idle_bytes = 0;
        self.voice.last = json!({"by": by, "seconds": seconds, "status": status, "cause": cause,
            "number": call.number, "outgoing": call.outgoing, "dtmf": self.voice.dtmf});
        self.log.event("call_end", self.voice.last.clone());
        seconds
    }

    fn tell_cend(&mut self, seconds: u64, status: u8, cause: u8) {
        if !self.quirks.has(Quirk::LostCend) {
            let short = self.quirks.has(Quirk::CendShort) || cause == 0;
            let tail = if short { String::new() } else { format!(",{cause}") };
            self.call_urc(&format!("^CEND:1,{seconds},{status}{tail}"));
        }
        if self.quirks.has(Quirk::BusyLine) {
            self.urc(match cause {
                17 => "BUSY",
                19 => "NO ANSWER",
                _ => "NO CARRIER",
            });
        }
    }

    /// AT^DDSETEX with a call: PCM flows from here on.
    pub fn start_audio(&mut self) {
        let Some(call) = self.voice.call.as_mut() else { return };
        call.ddsetex += 1;
        if self.quirks.has(Quirk::PcmOnSecond) && call.ddsetex < 2 {
            return;
        }
        if self.voice.audio.streaming {
            return;
        }
        self.log.event("audio_start", json!({}));
        if self.quirks.has(Quirk::DiagResidue) {
            self.emit(Port::Voice, &[0x7E, 0x13, 0x0C, 0x00, 0x41, 0x55, 0x7E, 0x98, 0x01]);
        }
        self.voice.audio.start(self.now);
        self.later(Duration::from_millis(20), Event::Audio(self.voice.audio.run));
    }

    pub fn audio_tick(&mut self, run: u32) {
        if run != self.voice.audio.run {
            return;
        }
        while self.voice.audio.streaming && self.voice.audio.next.is_some_and(|n| n <= self.now) {
            let port = if self.quirks.has(Quirk::PcmElsewhere) { Port::Modem } else { Port::Voice };
            for piece in self.voice.audio.tick(self.now) {
                if self.port(port).is_some_and(|p| p.open) {
                    if let Some(sample) = self.voice.audio.begins_out(&piece) {
                        self.log.event("sound_out", json!({"sample": sample}));
                    }
                    self.emit(port, &piece);
                }
            }
        }
        if let Some(next) = self.voice.audio.next {
            self.timers.add(next, Some(self.power), Event::Audio(run));
        }
    }

    /// Bytes from the daemon on the voice port: PCM in a call, else something for the diagnostic protocol.
    pub fn voice_input(&mut self, bytes: &[u8]) {
        if self.voice.audio.streaming {
            if let Some(sample) = self.voice.audio.begins_in(bytes) {
                self.log.event("sound_in", json!({"sample": sample}));
            }
            return self.voice.audio.hear(bytes);
        }
        if self.voice.idle_since.is_some_and(|t| self.now.saturating_duration_since(t) < TAIL) {
            return;
        }
        let before = self.voice.idle_bytes;
        self.voice.idle_bytes += bytes.len();
        if before <= PROBE_LIMIT && self.voice.idle_bytes > PROBE_LIMIT {
            self.log.offence("pcm_while_idle", json!({"bytes": self.voice.idle_bytes}));
        }
        if bytes.contains(&0x7E) {
            // "Bad command" of the diagnostic protocol.
            self.emit(Port::Voice, &[0x13, 0x00, 0x78, 0xF0, 0x7E]);
        }
    }
}

/// Digits and type of address as the stick shows them.
pub fn shown_number(number: Option<&str>) -> (String, u8) {
    match number {
        None => (String::new(), 128),
        Some(n) if n.starts_with('+') => (n.to_string(), 145),
        Some(n) => (n.to_string(), 129),
    }
}
