//! `config dongle`: one stick, or the SIM in it.
use std::time::Duration;

use super::destination::{Destination, Parties};
use super::fields::Fields;
use super::{Secret, value};
use crate::util::MEDIA;

/// `config dongle NAME`: one stick, or the SIM in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dongle {
    pub name: String,
    /// `enabled`, default 1.
    pub enabled: bool,
    /// `imei`, 15 digits: this stick wherever it is plugged in.
    pub imei: Option<String>,
    /// `imsi`, 14 or 15 digits: the stick that holds this SIM.
    pub imsi: Option<String>,
    /// `usb`, a port path as in sysfs (`1-1.2`): whatever is plugged in there.
    pub usb: Option<String>,
    /// `at_port`: the tty that takes AT commands, instead of finding it (`/dev/ttyUSB2`).
    pub at_port: Option<String>,
    /// `audio_port`: the tty that carries voice; only with `at_port`.
    pub audio_port: Option<String>,
    /// `number`: the SIM's own number, shown in mails.
    pub number: Option<String>,
    /// `pin`, 4 to 8 digits.
    pub pin: Option<Secret>,
    /// `incomplete_after`, seconds until a text with missing parts is forwarded with a mark; default 86400, 600 to 2592000.
    pub incomplete_after: Duration,
    /// `delivery_reports`, default 1: ask the network to report sent texts.
    pub delivery_reports: bool,
    /// `inbound`: where calls to the SIM go that no route takes. None: nowhere.
    pub inbound: Option<Destination>,
    /// `emergency`, default 0: emergency calls are tried by those with 1 before all others.
    pub emergency: bool,
    /// `agc`, default in: which directions of its sound are brought to -18 dBFS.
    pub agc: Agc,
    /// `gain_in` and `gain_out`, decibels from -20 to 20, default 0: fixed gain from and to the stick.
    pub gain_in: i8,
    pub gain_out: i8,
    /// `echo`, default off: suppress echoes of either side.
    pub echo: bool,
}

/// Directions of automatic gain: `off`, `in` (from the stick), `out` (to it) or `both`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Agc {
    pub from_stick: bool,
    pub to_stick: bool,
}

impl Agc {
    fn of(word: &str) -> Self {
        Self { from_stick: matches!(word, "in" | "both"), to_stick: matches!(word, "out" | "both") }
    }
}

impl Dongle {
    /// Reports what is wrong to `fields`; the caller drops the section then.
    pub(super) fn from_uci(name: String, fields: &mut Fields<'_>, parties: &Parties) -> Self {
        let enabled = fields.flag("enabled");
        let inbound = parties.inbound_of_dongle(fields, &name, enabled);
        let dongle = Self {
            name,
            enabled,
            imei: fields.text("imei"),
            imsi: fields.text("imsi"),
            usb: fields.text("usb"),
            at_port: fields.text("at_port"),
            audio_port: fields.text("audio_port"),
            number: fields.text("number"),
            pin: fields.secret("pin"),
            incomplete_after: Duration::from_secs(fields.number("incomplete_after")),
            delivery_reports: fields.flag("delivery_reports"),
            inbound,
            emergency: fields.flag("emergency"),
            agc: Agc::default(),
            gain_in: 0,
            gain_out: 0,
            echo: false,
        };
        // The smallest build has neither the options nor what they do.
        let dongle = if MEDIA { dongle.with_sound(fields) } else { dongle };
        if dongle.audio_port.is_some() && !fields.has("at_port") {
            fields.missing("at_port", "the tty that takes AT commands, beside 'audio_port'");
        }
        dongle
    }

    fn with_sound(self, fields: &mut Fields<'_>) -> Self {
        let agc = fields.text("agc").unwrap_or_default();
        let mut gain = |key| fields.text(key).and_then(|text| value::gain(&text)).unwrap_or(0);
        Self {
            agc: Agc::of(if agc.is_empty() { "in" } else { &agc }),
            gain_in: gain("gain_in"),
            gain_out: gain("gain_out"),
            echo: fields.text("echo").is_some_and(|word| word == "suppress"),
            ..self
        }
    }

    /// What tells this dongle's stick from others: key and value of each such option. None given: any stick will
    /// do.
    pub(super) fn marks(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let marks =
            [("imei", &self.imei), ("imsi", &self.imsi), ("usb", &self.usb), ("at_port", &self.at_port)];
        marks.into_iter().filter_map(|(key, value)| Some((key, value.as_deref()?)))
    }
}
