//! The configuration: one UCI file, read once into complete checked types.
//!
//! `Loaded::parse` never fails as a whole: a section with a problem is left out and reported, the others work.
//! `schema()` has every option with its default, unit and what it takes; the reader works from it.
mod countries;
mod destination;
mod dongle;
mod dscp;
mod extension;
mod features;
mod fields;
mod forward;
mod group;
mod load;
mod numbering;
mod pattern;
mod report;
mod route;
mod schema;
mod secret;
mod sip;
mod smtp;
mod tandem;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_calls;
mod times;
pub mod tones;
mod trunk;
mod value;

pub use destination::{Destination, HangupWord};
pub use dongle::{Agc, Dongle};
pub use dscp::Dscp;
pub use extension::{Codec, Digest, Dtmf, Extension, Srtp};
pub use features::{Features, ForwardWhen};
pub use forward::{Forward, Target};
pub use group::{Group, Strategy};
pub use load::Loaded;
pub use numbering::{NumberFormat, e164, emergency, formatted};
pub use pattern::{CallerPattern, Pattern};
pub use report::Problem;
pub use route::{Route, RouteTarget, Source};
pub use schema::{Form, Item, Kind, Shown, is_later, schema};
pub use secret::Secret;
pub use sip::{External, Listen, Net, Place, PortRange, Sip, Transport};
pub use smtp::{Login, Security, Smtp};
pub use tandem::Main;
pub use times::{Moment, Times};
pub use trunk::{HostPort, Identity, Trunk};

/// Everything one file said, section by section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    pub main: Main,
    pub dongles: Vec<Dongle>,
    pub smtps: Vec<Smtp>,
    pub forwards: Vec<Forward>,
    pub sip: Sip,
    /// By name, so that each is found at once.
    pub extensions: Vec<Extension>,
    /// Numbers of extensions that were left out for a problem: they must not go out by a route meanwhile.
    pub left_out: Vec<String>,
    pub trunks: Vec<Trunk>,
    pub groups: Vec<Group>,
    /// In the order of the file, which is the order they are asked in.
    pub routes: Vec<Route>,
}

impl Config {
    /// Switched on and without a problem.
    #[must_use]
    pub fn extension(&self, name: &str) -> Option<&Extension> {
        let at = self.extensions.binary_search_by(|extension| extension.name.as_str().cmp(name)).ok()?;
        self.extensions.get(at).filter(|extension| extension.enabled)
    }
}
