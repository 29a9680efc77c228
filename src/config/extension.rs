//! `config extension`: a phone that registers here.
use std::time::Duration;

use super::Secret;
use super::features::Features;
use super::fields::Fields;
use super::numbering::emergency;
use super::value::is_extension;
use crate::util::MEDIA;

/// `config extension NUMBER`: a phone that registers here, with the number as its user name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// The section's name: its number, 2 to 15 digits.
    pub name: String,
    /// `enabled`, default 1.
    pub enabled: bool,
    /// `name`: what is shown to the called.
    pub display: Option<String>,
    /// `secret`. Required; not the number itself.
    pub secret: Secret,
    /// `digest`, default md5; with both SHA-256 is offered first.
    pub digest: Digest,
    /// `max_contacts`, default 3, 1 to 10: a further one pushes out the oldest.
    pub max_contacts: u8,
    /// `codecs` in order of preference, default PCMU and PCMA; never empty.
    pub codecs: Vec<Codec>,
    /// `qualify`, seconds between OPTIONS to its contacts; None (0, the default): never. A mobile phone is woken by
    /// each.
    pub qualify: Option<Duration>,
    /// `timeout`, seconds it rings at most; default 60, 5 to 600.
    pub timeout: Duration,
    /// `caller_id`: number shown through a trunk where the route sets none.
    pub caller_id: Option<String>,
    /// `hide`, default 0: ask the network not to show our number.
    pub hide: bool,
    /// `srtp`, default accept: whether its sound is encrypted.
    pub srtp: Srtp,
    /// `dtmf`, default auto: how keys are told to it.
    pub dtmf: Dtmf,
    /// `list allow`: routes that it may use, by name or class; empty: every route. Emergency numbers need none.
    pub allow: Vec<String>,
    /// `list deny`: routes that it may not use, by name or class, whatever `allow` says.
    pub deny: Vec<String>,
    /// `dnd`, `call_waiting`, `forward_…`.
    pub features: Features,
}

/// Algorithm of the challenge (RFC 7616 section 3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest {
    Md5,
    Sha256,
    /// RFC 8760: the phone takes the first that it can.
    Both,
}

pub use crate::wire::dtmf::Dtmf;
pub use crate::wire::sdp::Codec;

pub use crate::wire::sdp::secure::Policy as Srtp;

/// `srtp`. A build without it says so where it is wanted: packets that nobody was to hear would go out as they are.
pub(super) fn srtp(fields: &mut Fields<'_>) -> Srtp {
    let word = fields.text("srtp").unwrap_or_default();
    match word.as_str() {
        "optional" | "required" if !MEDIA => {
            fields.bad("srtp", &word, "off: this build has no encryption, the full package has it");
            Srtp::Off
        }
        "off" => Srtp::Off,
        "optional" => Srtp::Optional,
        "required" => Srtp::Required,
        _ => Srtp::Accept,
    }
}

/// `dtmf`. The smallest build knows telephone events only.
pub(super) fn dtmf(fields: &mut Fields<'_>) -> Dtmf {
    let word = fields.text("dtmf").unwrap_or_default();
    match word.as_str() {
        "info" | "inband" if !MEDIA => {
            fields.bad("dtmf", &word, "auto or rfc4733: the others are in the full package");
            Dtmf::Auto
        }
        "rfc4733" => Dtmf::Rtp,
        "info" => Dtmf::Info,
        "inband" => Dtmf::InBand,
        _ => Dtmf::Auto,
    }
}

/// Codecs that exist and that this version does not speak.
const LATER: [&str; 6] = ["opus", "g729", "gsm", "g726", "ilbc", "speex"];

/// `codecs`; of those that this version does not speak it says so and goes on without them.
pub(super) fn codecs(fields: &mut Fields<'_>) -> Vec<Codec> {
    let mut codecs = Vec::new();
    let words = fields.list("codecs");
    for word in &words {
        match word.as_str() {
            "pcmu" => codecs.push(Codec::Pcmu),
            "pcma" => codecs.push(Codec::Pcma),
            "g722" if MEDIA => codecs.push(Codec::G722),
            "g722" => fields.notice("codecs", "has g722, which is not in this build: left out"),
            later if LATER.contains(&later) => {
                fields.notice("codecs", &format!("has {later}, which is not in this version: left out"));
            }
            _ => fields.bad("codecs", word, if MEDIA { "pcmu, pcma or g722" } else { "pcmu or pcma" }),
        }
    }
    if codecs.is_empty()
        && words.iter().all(|word| word == "g722" || LATER.contains(&word.as_str()))
        && let Some(first) = words.first()
    {
        fields.bad("codecs", first, "pcmu or pcma beside it");
    }
    if codecs.is_empty() { Codec::ALL.to_vec() } else { codecs }
}

impl Extension {
    /// May it call by this route? Not asked for emergency numbers.
    #[must_use]
    pub fn may_use(&self, route: &super::Route) -> bool {
        let named = |words: &[String]| words.iter().any(|word| route.is_called(word));
        (self.allow.is_empty() || named(&self.allow)) && !named(&self.deny)
    }

    /// Reports what is wrong to `fields`; the caller drops the section then.
    pub(super) fn from_uci(name: String, fields: &mut Fields<'_>) -> Self {
        if !is_extension(&name) {
            fields.bad_section("want its number as the name, 2 to 15 digits: config extension '100'");
        } else if emergency(None, &name).is_some() {
            fields.bad_section(&format!("want another number: {name} is the emergency number everywhere"));
        }
        let secret = fields.required("secret");
        if secret == name {
            fields.bad(
                "secret",
                &secret,
                "a password that is not the number: whoever tries it calls at your cost",
            );
        }
        let qualify = fields.number("qualify");
        Self {
            name,
            enabled: fields.flag("enabled"),
            display: fields.text("name"),
            secret: Secret::new(secret),
            digest: match fields.text("digest").as_deref() {
                Some("sha256") => Digest::Sha256,
                Some("md5 sha256" | "sha256 md5") => Digest::Both,
                _ => Digest::Md5,
            },
            max_contacts: u8::try_from(fields.number("max_contacts")).unwrap_or(u8::MAX),
            codecs: codecs(fields),
            qualify: (qualify > 0).then(|| Duration::from_secs(qualify)),
            timeout: Duration::from_secs(fields.number("timeout")),
            caller_id: fields.text("caller_id"),
            hide: fields.flag("hide"),
            srtp: srtp(fields),
            dtmf: dtmf(fields),
            allow: fields.list("allow"),
            deny: fields.list("deny"),
            features: Features::from_uci(fields),
        }
    }
}
