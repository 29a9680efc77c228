//! `config trunk`: an account at a provider.
use std::time::Duration;

use super::destination::{Destination, Parties};
use super::extension::{Codec, Dtmf, Srtp, codecs, dtmf, srtp};
use super::fields::Fields;
use super::numbering::NumberFormat;
use super::sip::{Net, Transport};
use super::value::host_port;
use super::{Login, Secret, smtp};

/// `config trunk NAME`: an account at a provider, or another exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trunk {
    pub name: String,
    /// `enabled`, default 1.
    pub enabled: bool,
    /// `host`: the provider's server. Required.
    pub host: String,
    /// `port` of `host`; None: by SRV records, else 5060, and 5061 for TLS.
    pub port: Option<u16>,
    /// `transport`, default udp; None, written `auto`: as NAPTR records say.
    pub transport: Option<Transport>,
    /// `tls_verify`, default 1: its certificate must be for `proxy` or `host` and by an issuer that the system or `ca_file` knows.
    pub tls_verify: bool,
    /// `ca_file`, PEM: further trusted certificates.
    pub ca_file: Option<String>,
    /// `proxy`: where packets go instead of `host`.
    pub proxy: Option<HostPort>,
    /// `domain` in Request-URI, To and From; None: `host`.
    pub domain: Option<String>,
    /// `username`: there if `secret` is, and only then.
    pub username: Option<String>,
    pub secret: Option<Secret>,
    /// `register`, default 0. With 1 there are username and secret.
    pub register: bool,
    /// `expires`, seconds asked for a registration; default 300, 60 to 86400.
    pub expires: Duration,
    /// `codecs` in order of preference, default PCMU and PCMA; never empty.
    pub codecs: Vec<Codec>,
    /// `inbound`: where calls go that no route takes. An extension or a hangup: out of the house a call from a trunk
    /// goes only by a route that names its caller.
    pub inbound: Option<Destination>,
    /// `from_user` in From; None: `username`.
    pub from_user: Option<String>,
    /// `caller_id`: number shown to the called.
    pub caller_id: Option<String>,
    /// `identity`, default from.
    pub identity: Identity,
    /// `format` of numbers that go out, default as_dialled.
    pub format: NumberFormat,
    /// `list address`: networks that its calls come from, beside the addresses of its name.
    pub addresses: Vec<Net>,
    /// `list realm`: whose challenges are answered; empty: the realm of its registrar, and those of its own domain.
    pub realms: Vec<String>,
    /// `srtp`, default accept: whether its sound is encrypted.
    pub srtp: Srtp,
    /// `dtmf`, default auto: how keys are told to it.
    pub dtmf: Dtmf,
    /// `emergency`, default 0: emergency calls are tried by those with 1 before all others.
    pub emergency: bool,
}

/// Header that carries `caller_id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    From,
    /// P-Asserted-Identity (RFC 3325).
    Asserted,
    /// P-Preferred-Identity (RFC 3325).
    Preferred,
    /// Remote-Party-ID.
    RemoteParty,
}

/// `host` or `host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// A name, or an address without brackets.
    pub host: String,
    pub port: Option<u16>,
}

impl Trunk {
    /// The host in SIP addresses of this trunk.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.domain.as_deref().unwrap_or(&self.host)
    }

    /// One of `list address`.
    #[must_use]
    pub fn has_address(&self, peer: std::net::IpAddr) -> bool {
        self.addresses.iter().any(|net| net.contains(peer))
    }

    /// A request is for this account and no other at the same provider: by its name or its number.
    #[must_use]
    pub fn is_called(&self, request: &crate::wire::sip::Message) -> bool {
        let user = |address: Option<crate::wire::sip::Address>| address.and_then(|a| a.uri.user_text());
        let called = [request.uri().and_then(crate::wire::sip::Uri::user_text), user(request.to())];
        let own = [&self.username, &self.from_user, &self.caller_id].map(Option::as_deref);
        let digits = |text: &str| text.trim_start_matches('+').to_owned();
        called.iter().flatten().any(|user| own.iter().flatten().any(|own| digits(own) == digits(user)))
    }

    /// Reports what is wrong to `fields`; the caller drops the section then.
    pub(super) fn from_uci(name: String, fields: &mut Fields<'_>, parties: &Parties) -> Self {
        check_type(fields);
        let login = smtp::login(fields);
        let register = fields.flag("register");
        if register && login.is_none() && !fields.has("username") && !fields.has("secret") {
            fields.missing("username", "the name to register with, or register '0'");
        }
        let (username, secret) = login
            .map(|Login { username, secret }| (username, secret))
            .map_or((None, None), |(u, s)| (Some(u), Some(s)));
        let enabled = fields.flag("enabled");
        Self {
            name,
            enabled,
            host: fields.required("host"),
            port: u16::try_from(fields.number("port")).ok().filter(|port| *port != 0),
            transport: transport(fields),
            tls_verify: fields.flag("tls_verify"),
            ca_file: fields.text("ca_file"),
            proxy: fields.text("proxy").as_deref().and_then(host_port).map(HostPort::from),
            domain: fields.text("domain"),
            username,
            secret,
            register,
            expires: Duration::from_secs(fields.number("expires")),
            codecs: codecs(fields),
            inbound: parties.inbound_of_trunk(fields, enabled),
            from_user: fields.text("from_user"),
            caller_id: fields.text("caller_id"),
            identity: match fields.text("identity").as_deref() {
                Some("pai") => Identity::Asserted,
                Some("ppi") => Identity::Preferred,
                Some("rpid") => Identity::RemoteParty,
                _ => Identity::From,
            },
            format: match fields.text("format").as_deref() {
                Some("+e164") => NumberFormat::Plus,
                Some("e164") => NumberFormat::Bare,
                Some("00e164") => NumberFormat::Zeros,
                Some("national") => NumberFormat::National,
                _ => NumberFormat::AsDialled,
            },
            addresses: fields.list_of("address", |text| {
                Net::parse(text).ok_or_else(|| "an address or a network such as 192.0.2.0/24".to_owned())
            }),
            realms: fields.list("realm"),
            srtp: srtp(fields),
            dtmf: dtmf(fields),
            emergency: fields.flag("emergency"),
        }
    }
}

impl From<(&str, Option<u16>)> for HostPort {
    fn from((host, port): (&str, Option<u16>)) -> Self {
        Self { host: host.to_owned(), port }
    }
}

fn check_type(fields: &mut Fields<'_>) {
    match fields.text("type").as_deref() {
        None | Some("sip") => {}
        Some("iax2") => fields.bad("type", "iax2", "sip: iax2 is not in this version"),
        Some(other) => fields.bad("type", other, "sip"),
    }
}

fn transport(fields: &mut Fields<'_>) -> Option<Transport> {
    let Some(text) = fields.text("transport") else { return Some(Transport::Udp) };
    if text == "auto" {
        return None;
    }
    let transport = Transport::from_uci(&text).unwrap_or_else(|want| {
        fields.bad("transport", &text, want.as_deref().unwrap_or("udp, tcp, tls or auto"));
        Transport::Udp
    });
    Some(transport)
}
