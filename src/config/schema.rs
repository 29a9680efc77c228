//! Every kind of section and every option: what it takes, its default, its unit, one line of help.
mod calls;

use super::value::{
    is_absolute_path, is_address, is_country, is_host, is_imei, is_imsi, is_name, is_number, is_one_line,
    is_pin, is_short_number, is_state_dir, is_usb_port, is_zone,
};

/// One kind of section.
#[derive(Debug)]
pub struct Kind {
    pub name: &'static str,
    pub help: &'static str,
    pub options: &'static [Item],
}

/// One option of it.
#[derive(Debug)]
pub struct Item {
    pub key: &'static str,
    pub form: Form,
    /// As it would be written; None: nothing, or what `help` says.
    pub default: Option<&'static str>,
    pub required: bool,
    /// Of a number, where it counts something.
    pub unit: Option<&'static str>,
    pub help: &'static str,
}

/// What an option takes.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// 0 or 1; also on and off, true and false, yes and no, enabled and disabled.
    Flag,
    Number {
        least: u64,
        most: u64,
    },
    Choice(&'static [&'static str]),
    /// One text that passes `check`; `want` says in words what that is.
    Text {
        check: fn(&str) -> bool,
        want: &'static str,
        shown: Shown,
    },
    /// Several of them, written as `list` or as one `option` with blanks between.
    List {
        check: fn(&str) -> bool,
        want: &'static str,
        shown: Shown,
    },
    /// Belongs to a later version: accepted, not read.
    Later,
}

/// How much of a wrong value a problem may repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    Plain,
    /// Identifies a person: from five digits on only its last two characters.
    Private,
    /// Only what is too short to be one.
    Pin,
    Never,
}

const fn item(key: &'static str, form: Form, default: &'static str, help: &'static str) -> Item {
    Item { key, form, default: Some(default), required: false, unit: None, help }
}

const fn optional(key: &'static str, form: Form, help: &'static str) -> Item {
    Item { key, form, default: None, required: false, unit: None, help }
}

const fn required(key: &'static str, form: Form, help: &'static str) -> Item {
    Item { key, form, default: None, required: true, unit: None, help }
}

const fn seconds(
    key: &'static str,
    least: u64,
    most: u64,
    default: &'static str,
    help: &'static str,
) -> Item {
    let form = Form::Number { least, most };
    Item { key, form, default: Some(default), required: false, unit: Some("seconds"), help }
}

const fn text(check: fn(&str) -> bool, want: &'static str) -> Form {
    Form::Text { check, want, shown: Shown::Plain }
}

const fn list(check: fn(&str) -> bool, want: &'static str) -> Form {
    Form::List { check, want, shown: Shown::Plain }
}

const fn hidden_list(check: fn(&str) -> bool, want: &'static str) -> Form {
    Form::List { check, want, shown: Shown::Private }
}

const fn hidden(check: fn(&str) -> bool, want: &'static str, shown: Shown) -> Form {
    Form::Text { check, want, shown }
}

const DESTINATION: &str = "an extension, a trunk or dongle with a number (NAME/NUMBER), or hangup/busy";

const EMERGENCY: Item =
    item("emergency", Form::Flag, "0", "1: emergency calls are tried here first; everywhere else after it");

const ENABLED: Item = item("enabled", Form::Flag, "1", "0: checked, and not used");

const TANDEM: Kind = Kind {
    name: "tandem",
    help: "the daemon itself, one section 'main'",
    options: &[
        item("enabled", Form::Flag, "1", "0: the daemon ends at once"),
        optional(
            "country",
            text(is_country, "two letters such as IN (ISO 3166)"),
            "tones, emergency numbers, number format",
        ),
        optional(
            "timezone",
            text(is_zone, "a zone such as CET-1CEST,M3.5.0,M10.5.0/3"),
            "for 'time' of routes, as 'uci get system.@system[0].timezone' shows it; none: the system's",
        ),
        optional(
            "emergency",
            list(is_short_number, "2 to 6 digits"),
            "emergency numbers beside those of the country, 112 and 911",
        ),
        item(
            "state_dir",
            text(is_state_dir, "an absolute path outside /etc/config, such as /etc/tandem/state"),
            "/etc/tandem/state",
            "texts and their delivery",
        ),
        item(
            "log_level",
            Form::Choice(&["error", "warn", "info", "debug", "trace"]),
            "info",
            "least severe line that is logged",
        ),
        Item {
            unit: Some("texts"),
            ..item(
                "keep",
                Form::Number { least: 0, most: 5_000 },
                "200",
                "delivered texts kept for 'tandem sms list'",
            )
        },
    ],
};

const DONGLE: Kind = Kind {
    name: "dongle",
    help: "one stick, or the SIM in it; no imei, imsi, usb and at_port: the first one found",
    options: &[
        ENABLED,
        optional(
            "imei",
            text(is_imei, "15 digits, as printed on the stick"),
            "this stick wherever it is plugged in",
        ),
        optional("imsi", hidden(is_imsi, "14 or 15 digits", Shown::Private), "the stick that holds this SIM"),
        optional("usb", text(is_usb_port, "a USB port such as 1-1.2"), "whatever is plugged in there"),
        optional(
            "at_port",
            text(is_absolute_path, "a path such as /dev/ttyUSB2"),
            "the tty that takes AT commands, instead of finding it",
        ),
        optional(
            "audio_port",
            text(is_absolute_path, "a path such as /dev/ttyUSB1"),
            "the tty that carries voice; only with at_port",
        ),
        optional(
            "number",
            hidden(is_number, "3 to 15 digits, with + in front of a country code", Shown::Private),
            "the SIM's own number, shown in mails",
        ),
        optional("pin", hidden(is_pin, "4 to 8 digits", Shown::Pin), "opens the SIM"),
        seconds(
            "incomplete_after",
            600,
            2_592_000,
            "86400",
            "until a text with missing parts is forwarded with a mark",
        ),
        item("delivery_reports", Form::Flag, "1", "ask the network to report sent texts"),
        optional(
            "inbound",
            hidden(is_one_line, DESTINATION, Shown::Private),
            "where calls to the SIM go: 100, provider/NUMBER or hangup/busy",
        ),
        EMERGENCY,
        // Sticks are hot and noisy, each network in another way; phones have a gain of their own. So only what comes from a stick is set.
        #[cfg(feature = "media")]
        item(
            "agc",
            Form::Choice(&["off", "in", "out", "both"]),
            "in",
            "bring voices to -18 dBFS: in: those from the stick, out: those to it",
        ),
        #[cfg(feature = "media")]
        item(
            "gain_in",
            text(|text| super::value::gain(text).is_some(), GAIN),
            "0",
            "decibels added to the sound from the stick",
        ),
        #[cfg(feature = "media")]
        item(
            "gain_out",
            text(|text| super::value::gain(text).is_some(), GAIN),
            "0",
            "decibels added to the sound to the stick",
        ),
        // A stick makes none, and a phone removes its own.
        #[cfg(feature = "media")]
        item(
            "echo",
            Form::Choice(&["off", "suppress"]),
            "off",
            "suppress: echoes of a phone or of the far end, where either has one",
        ),
    ],
};

#[cfg(feature = "media")]
const GAIN: &str = "decibels from -20 to 20";

const SMTP: Kind = Kind {
    name: "smtp",
    help: "a mail server",
    options: &[
        ENABLED,
        required("host", text(is_host, "a name or an address such as smtp.example.com"), "name or address"),
        optional(
            "port",
            Form::Number { least: 1, most: 65_535 },
            "default by security: none 25, starttls 587, tls 465",
        ),
        item(
            "security",
            Form::Choice(&["none", "starttls", "tls"]),
            "starttls",
            "none: in clear; starttls: begins in clear; tls: from the first byte",
        ),
        optional("username", text(is_one_line, "one line of text"), "only with secret"),
        optional(
            "secret",
            hidden(is_one_line, "one line of text", Shown::Never),
            "the password; only with username",
        ),
        required(
            "sender",
            text(is_address, "an address such as router@example.com"),
            "the address mails come from",
        ),
        item("verify", Form::Flag, "1", "0: accept any certificate, for a server in one's own house"),
        optional(
            "ca_file",
            text(is_absolute_path, "a path such as /etc/ssl/my-ca.pem"),
            "PEM file with further trusted certificates",
        ),
        seconds("timeout", 5, 300, "60", "for one step of the dialogue"),
        seconds("give_up", 3_600, 2_592_000, "604800", "until a text that the server puts off has failed"),
    ],
};

const FORWARD: Kind = Kind {
    name: "forward",
    help: "texts of these dongles go to these destinations",
    options: &[
        ENABLED,
        optional("from", list(is_name, "the name of a dongle"), "names of dongles; none: every dongle"),
        Item {
            required: true,
            ..optional(
                "to",
                list(is_one_line, "email/ADDRESS or email/SERVER/ADDRESS"),
                "destinations: email/me@example.com, or email/SERVER/me@example.com",
            )
        },
    ],
};

/// What this version reads.
const SCHEMA: [Kind; 9] =
    [TANDEM, DONGLE, SMTP, FORWARD, calls::SIP, calls::EXTENSION, calls::TRUNK, calls::ROUTE, calls::GROUP];

/// Sections of later versions. A problem each, for whoever wrote one counts on it.
const LATER: [&str; 13] = [
    "mailbox",
    "page",
    "menu",
    "conference",
    "block",
    "phone",
    "guard",
    "webhook",
    "telegram",
    "ntfy",
    "mqtt",
    "park",
    "features",
];

/// Every kind of section that this version reads.
#[must_use]
pub fn schema() -> &'static [Kind] {
    &SCHEMA
}

/// A kind that this version knows and does not read.
#[must_use]
pub fn is_later(kind: &str) -> bool {
    LATER.contains(&kind)
}

/// Kinds a file may have today.
pub(super) fn kinds() -> impl Iterator<Item = &'static str> {
    SCHEMA.iter().map(|kind| kind.name)
}

impl Kind {
    #[must_use]
    pub fn item(&self, key: &str) -> Option<&'static Item> {
        self.options.iter().find(|item| item.key == key)
    }
}

impl Form {
    /// Behind "want": what to write.
    #[must_use]
    pub fn want(&self) -> String {
        match self {
            Self::Flag => "0 or 1".to_owned(),
            Self::Number { least, most } => format!("a number from {least} to {most}"),
            Self::Choice(words) => super::forward::listed(words),
            Self::Text { want, .. } | Self::List { want, .. } => (*want).to_owned(),
            Self::Later => String::new(),
        }
    }
}
