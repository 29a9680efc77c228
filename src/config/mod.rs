//! The configuration: one UCI file, read once into complete checked types.
//!
//! `Loaded::parse` never fails as a whole: a section with a problem is left out and reported, the others work.
//! `schema()` has every option with its default, unit and what it takes; the reader works from it.
mod dongle;
mod fields;
mod forward;
mod load;
mod report;
mod schema;
mod secret;
mod smtp;
mod tandem;
#[cfg(test)]
mod tests;
mod value;

pub use dongle::Dongle;
pub use forward::{Forward, Target};
pub use load::Loaded;
pub use report::Problem;
pub use schema::{Form, Item, Kind, Later, Shown, later, schema};
pub use secret::Secret;
pub use smtp::{Login, Security, Smtp};
pub use tandem::Main;

/// Everything one file said, section by section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    pub main: Main,
    pub dongles: Vec<Dongle>,
    pub smtps: Vec<Smtp>,
    pub forwards: Vec<Forward>,
}
