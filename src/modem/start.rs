//! The first dialogue with a stick, DONGLE 2.3: which command comes when, and what its answer means.
use super::command::{Command, Reply};
use super::sim::{PinState, SimTrouble, tries_left};
use super::view::{Identity, Network, Pin, View};
use crate::wire::at::{Fields, Final, Storage, urc};
use std::time::Duration;

/// One command of the start. The order of the variants is the order on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    EchoOff,
    NumericErrors,
    Notifications,
    Describe,
    Manufacturer,
    Model,
    Firmware,
    Serial,
    Power,
    PowerOn,
    CardNumber,
    PinState,
    PinTries,
    EnterPin,
    Subscriber,
    Voice,
    CallerId,
    PlainRing,
    Supplementary,
    HangUp,
    OperatorFormat,
    RegistrationOn,
    Registration,
    Charset,
    PduMode,
    DeviceStorage,
    SimStorage,
    NewTexts,
    NewTexts2,
    NewTexts3,
    NewTexts4,
    ServiceCentre,
    OwnNumber,
    Ussd,
    Signal,
    System,
    Operator,
}

const ORDER: [Step; 37] = [
    Step::EchoOff,
    Step::NumericErrors,
    Step::Notifications,
    Step::Describe,
    Step::Manufacturer,
    Step::Model,
    Step::Firmware,
    Step::Serial,
    Step::Power,
    Step::PowerOn,
    Step::CardNumber,
    Step::PinState,
    Step::PinTries,
    Step::EnterPin,
    Step::Subscriber,
    Step::Voice,
    Step::CallerId,
    Step::PlainRing,
    Step::Supplementary,
    Step::HangUp,
    Step::OperatorFormat,
    Step::RegistrationOn,
    Step::Registration,
    Step::Charset,
    Step::PduMode,
    Step::DeviceStorage,
    Step::SimStorage,
    Step::NewTexts,
    Step::NewTexts2,
    Step::NewTexts3,
    Step::NewTexts4,
    Step::ServiceCentre,
    Step::OwnNumber,
    Step::Ussd,
    Step::Signal,
    Step::System,
    Step::Operator,
];

/// What an answer leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// The step behind this one.
    On,
    /// On from another step.
    Jump(Step),
    /// The same command after a pause, at most so many times; then on.
    Again { pause: Duration, at_most: u8 },
    /// The SIM must be looked at by a person.
    Stop(SimTrouble),
    /// The SIM wants its PIN: decide, then `EnterPin`.
    WantsPin,
    /// The PIN was refused.
    PinRefused,
    /// The PIN was taken.
    PinTaken,
    /// All done.
    Finished,
}

const SECOND: Duration = Duration::from_secs(1);

impl Step {
    /// The step behind this one on the straight way; steps that only a `Jump` reaches are left out.
    #[must_use]
    pub fn following(self) -> Option<Self> {
        let skipped = [
            Self::PowerOn,
            Self::PinTries,
            Self::EnterPin,
            Self::NewTexts2,
            Self::NewTexts3,
            Self::NewTexts4,
        ];
        ORDER.into_iter().find(|s| *s > self && !skipped.contains(s))
    }

    /// The command of this step.
    #[must_use]
    pub fn command(self, pin: &str) -> Command {
        match self {
            Self::EchoOff => Command::set("ATE0").within(2),
            Self::NumericErrors => Command::set("AT+CMEE=1"),
            Self::Notifications => Command::set("AT^CURC=1"),
            Self::Describe => Command::bare("ATI"),
            Self::Manufacturer => Command::bare("AT+CGMI"),
            Self::Model => Command::bare("AT+CGMM"),
            Self::Firmware => Command::bare("AT+CGMR"),
            Self::Serial => Command::bare("AT+CGSN"),
            Self::Power => Command::query("AT+CFUN?", "+CFUN:"),
            Self::PowerOn => Command::set("AT+CFUN=1").within(15),
            Self::CardNumber => Command::query("AT^ICCID?", "^ICCID:").with_bare_lines().within(10),
            Self::PinState => Command::query("AT+CPIN?", "+CPIN:").within(15),
            Self::PinTries => Command::query("AT^CPIN?", "^CPIN:").within(10),
            Self::EnterPin => Command::set(format!("AT+CPIN=\"{pin}\"")).within(15).secret(),
            Self::Subscriber => Command::bare("AT+CIMI").within(10),
            Self::Voice => Command::query("AT^CVOICE?", "^CVOICE:"),
            Self::CallerId => Command::set("AT+CLIP=1").within(15),
            // Left on by other software it turns RING into +CRING.
            Self::PlainRing => Command::set("AT+CRC=0"),
            Self::Supplementary => Command::set("AT+CSSN=1,1").within(15),
            Self::HangUp => Command::set("AT+CVHU=0"),
            // The format only: mode 0 would also force automatic selection.
            Self::OperatorFormat => Command::set("AT+COPS=3,0"),
            Self::RegistrationOn => Command::set("AT+CREG=2"),
            Self::Registration => Command::query("AT+CREG?", "+CREG:"),
            Self::Charset => Command::set("AT+CSCS=\"GSM\""),
            Self::PduMode => Command::set("AT+CMGF=0"),
            Self::DeviceStorage => select(Storage::Device),
            Self::SimStorage => select(Storage::Sim),
            Self::NewTexts => Command::set("AT+CNMI=2,1,0,2,0"),
            Self::NewTexts2 => Command::set("AT+CNMI=1,1,0,1,0"),
            Self::NewTexts3 => Command::set("AT+CNMI=1,1,0,0,0"),
            Self::NewTexts4 => Command::set("AT+CNMI=2,1"),
            Self::ServiceCentre => Command::query("AT+CSCA?", "+CSCA:").within(15),
            Self::OwnNumber => Command::query("AT+CNUM", "+CNUM:").within(15),
            Self::Ussd => Command::set("AT+CUSD=1").within(10),
            Self::Signal => Command::query("AT+CSQ", "+CSQ:"),
            Self::System => Command::query("AT^SYSINFO", "^SYSINFO:"),
            Self::Operator => Command::query("AT+COPS?", "+COPS:").within(15),
        }
    }

    /// Learn from the answer.
    pub fn on_reply(self, reply: &Reply, view: &mut View) -> Next {
        match self {
            Self::Describe => on_description(reply, &mut view.identity),
            Self::Manufacturer => keep(reply, &mut view.identity.manufacturer),
            Self::Model => keep(reply, &mut view.identity.model),
            Self::Firmware => keep(reply, &mut view.identity.firmware),
            Self::Serial => return on_serial(reply, &mut view.identity),
            Self::Power => return on_power(reply),
            Self::PowerOn => return Next::Jump(Self::CardNumber),
            Self::CardNumber => view.identity.iccid = digits_of(reply, 18..=22),
            Self::PinState => return on_pin_state(reply, view),
            Self::PinTries => {
                view.pin_tries = reply.line("^CPIN:").and_then(tries_left);
                return Next::WantsPin;
            }
            Self::EnterPin => return on_pin_entered(reply),
            Self::Subscriber => return on_subscriber(reply, &mut view.identity),
            Self::Voice => on_voice(reply, view),
            Self::Registration => on_registration(reply, &mut view.network),
            Self::PduMode if !reply.is_ok() => return Next::Again { pause: SECOND, at_most: 5 },
            Self::DeviceStorage => view.has_device_storage = reply.is_ok(),
            // Right after the PIN the SIM is still being read: +CMS ERROR: 314 or plain ERROR.
            Self::SimStorage => {
                if !reply.is_ok() {
                    return Next::Again { pause: SECOND, at_most: 15 };
                }
                view.note_storage(reply);
            }
            Self::NewTexts => return accepted(reply, Self::NewTexts2, view),
            Self::NewTexts2 => return accepted(reply, Self::NewTexts3, view),
            Self::NewTexts3 => return accepted(reply, Self::NewTexts4, view),
            Self::NewTexts4 => view.notifies = reply.is_ok(),
            Self::Signal => view.network.note_signal(reply),
            Self::Operator => {
                view.network.note_operator(reply);
                return Next::Finished;
            }
            _ => {}
        }
        Next::On
    }
}

/// `AT+CPMS` with one storage for all three purposes; the second and third may be refused, the first counts.
#[must_use]
pub fn select(storage: Storage) -> Command {
    let name = storage.name();
    let text = match storage {
        // Reports can be read and deleted, never written to.
        Storage::Reports => format!("AT+CPMS=\"{name}\""),
        _ => format!("AT+CPMS=\"{name}\",\"{name}\",\"{name}\""),
    };
    Command::query(text, "+CPMS:").within(15)
}

fn keep(reply: &Reply, value: &mut Option<String>) {
    if let Some(line) = reply.lines().first() {
        let line = line.trim_start_matches(|c: char| !c.is_alphanumeric());
        *value = Some(crate::util::text::one_line(line, 40));
    }
}

/// `ATI`: `Manufacturer: huawei`, `Model: E173`, `Revision: …`, `IMEI: …`.
fn on_description(reply: &Reply, identity: &mut Identity) {
    for line in reply.lines() {
        let Some((name, value)) = line.split_once(':') else { continue };
        let value = crate::util::text::one_line(value.trim(), 40);
        match name.trim() {
            "Manufacturer" => identity.manufacturer = Some(value),
            "Model" => identity.model = Some(value),
            "Revision" => identity.firmware = Some(value),
            "IMEI" if is_imei(&value) => identity.imei = Some(value),
            _ => {}
        }
    }
}

fn is_imei(text: &str) -> bool {
    (14..=16).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

fn on_serial(reply: &Reply, identity: &mut Identity) -> Next {
    let found = reply.lines().iter().find_map(|l| {
        let digits: String = l.chars().filter(char::is_ascii_digit).collect();
        is_imei(&digits).then_some(digits)
    });
    match found {
        Some(imei) => identity.imei = Some(imei),
        // Without any identity the section can't know its stick: ask twice more.
        None if identity.imei.is_none() => return Next::Again { pause: SECOND, at_most: 2 },
        None => {}
    }
    Next::On
}

fn on_power(reply: &Reply) -> Next {
    match reply.line("+CFUN:").and_then(|l| Fields::of(l, "+CFUN:")).and_then(|mut f| f.number::<u8>()) {
        Some(0 | 4 | 5 | 7) => Next::Jump(Step::PowerOn),
        _ => Next::On,
    }
}

fn digits_of(reply: &Reply, length: std::ops::RangeInclusive<usize>) -> Option<String> {
    reply.lines().iter().find_map(|l| {
        let tail = l.rsplit(':').next().unwrap_or(l);
        let digits: String = tail.chars().filter(char::is_ascii_alphanumeric).collect();
        length.contains(&digits.len()).then_some(digits)
    })
}

fn on_pin_state(reply: &Reply, view: &mut View) -> Next {
    let result = match reply {
        Reply::Done { result, .. } => Some(*result),
        Reply::Lost | Reply::NoPrompt => None,
    };
    match PinState::of(reply.line("+CPIN:"), result) {
        PinState::Ready => {
            if view.pin != Pin::Entered {
                view.pin = Pin::NotNeeded;
            }
            Next::Jump(Step::Subscriber)
        }
        PinState::Pin => Next::Jump(Step::PinTries),
        PinState::Trouble(trouble) => Next::Stop(trouble),
        PinState::Busy => Next::Again { pause: SECOND, at_most: 20 },
    }
}

/// A wrong PIN is +CME ERROR: 16, on some firmwares 3 or plain ERROR. Busy (14) and no answer leave it open: the state is asked again.
fn on_pin_entered(reply: &Reply) -> Next {
    match reply {
        Reply::Done { result: Final::Ok, .. } => Next::PinTaken,
        Reply::Done { result: Final::Cme(14), .. } | Reply::Lost | Reply::NoPrompt => {
            Next::Jump(Step::PinState)
        }
        Reply::Done { .. } => Next::PinRefused,
    }
}

fn on_subscriber(reply: &Reply, identity: &mut Identity) -> Next {
    identity.imsi = digits_of(reply, 14..=15);
    if identity.imsi.is_none() {
        // 2 to 10 s after the PIN the SIM is still being read.
        return Next::Again { pause: SECOND, at_most: 10 };
    }
    Next::On
}

/// `^CVOICE:<mode>,…`: 0 is enabled. DONGLE 2.5.
fn on_voice(reply: &Reply, view: &mut View) {
    let mode =
        reply.line("^CVOICE:").and_then(|l| Fields::of(l, "^CVOICE:")).and_then(|mut f| f.number::<u8>());
    view.voice = mode == Some(0);
}

fn on_registration(reply: &Reply, network: &mut Network) {
    if let Some(stat) = reply.line("+CREG:").and_then(urc::creg_answer) {
        network.registration = stat;
    }
}

fn accepted(reply: &Reply, otherwise: Step, view: &mut View) -> Next {
    if reply.is_ok() {
        view.notifies = true;
        Next::Jump(Step::ServiceCentre)
    } else {
        Next::Jump(otherwise)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_names_every_step_once() {
        assert!(ORDER.windows(2).all(|w| w[0] < w[1]));
        assert_eq!(Step::PinState.following(), Some(Step::Subscriber));
        assert_eq!(Step::Operator.following(), None);
    }

    fn ok(lines: &[&str]) -> Reply {
        Reply::Done { lines: lines.iter().map(|l| (*l).to_owned()).collect(), result: Final::Ok }
    }

    #[test]
    fn identity_from_either_command() {
        let mut view = View::default();
        Step::Describe
            .on_reply(&ok(&["Manufacturer: huawei", "Model: E173", "IMEI: 860000000000000"]), &mut view);
        let none = Reply::Done { lines: vec![], result: Final::NotSupported };
        assert_eq!(Step::Serial.on_reply(&none, &mut view), Next::On);
        assert_eq!(view.identity.imei.as_deref(), Some("860000000000000"));
        assert_eq!(view.identity.model.as_deref(), Some("E173"));
        let mut bare = View::default();
        assert!(matches!(Step::Serial.on_reply(&none, &mut bare), Next::Again { .. }));
    }

    #[test]
    fn power_and_pin() {
        let mut view = View::default();
        assert_eq!(Step::Power.on_reply(&ok(&["+CFUN: 4"]), &mut view), Next::Jump(Step::PowerOn));
        assert_eq!(Step::PinState.on_reply(&ok(&["+CPIN: SIM PIN"]), &mut view), Next::Jump(Step::PinTries));
        let wrong = Reply::Done { lines: vec![], result: Final::Cme(16) };
        assert_eq!(Step::EnterPin.on_reply(&wrong, &mut view), Next::PinRefused);
        // No answer: it may have been taken; the state tells, the PIN is not sent again blindly.
        assert_eq!(Step::EnterPin.on_reply(&Reply::Lost, &mut view), Next::Jump(Step::PinState));
    }

    #[test]
    fn notifications_fall_back() {
        let mut view = View::default();
        let error = Reply::Done { lines: vec![], result: Final::Error };
        assert_eq!(Step::NewTexts.on_reply(&error, &mut view), Next::Jump(Step::NewTexts2));
        assert_eq!(Step::NewTexts2.on_reply(&ok(&[]), &mut view), Next::Jump(Step::ServiceCentre));
        assert!(view.notifies);
    }
}
