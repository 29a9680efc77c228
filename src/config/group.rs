//! `config group`: phones that ring for one call, together or in turn.
use std::time::Duration;

use super::destination::{Destination, Parties};
use super::fields::Fields;

/// `config group NAME`: phones that ring for one call. Named as `group/NAME`, or `NAME` alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub name: String,
    /// `enabled`, default 1.
    pub enabled: bool,
    /// `strategy`, default all.
    pub strategy: Strategy,
    /// `timeout`, seconds; default 25, 5 to 600. With `all` the group rings that long, in turn each member does.
    pub timeout: Duration,
    /// `list member`: extensions. Required.
    pub members: Vec<String>,
    /// `otherwise`: where the call goes when no member took it; None: it ends.
    pub otherwise: Option<Destination>,
}

/// Who rings when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// Everybody at once.
    All,
    /// One after the other, the first of the list first.
    InOrder,
    /// One after the other, beginning behind the one that the last call began with.
    Rotate,
    /// One after the other, beginning with the one that a group rang longest ago.
    LeastRecent,
}

impl Group {
    /// Reports what is wrong to `fields`; the caller drops the section then.
    pub(super) fn from_uci(name: String, fields: &mut Fields<'_>, parties: &Parties) -> Self {
        let enabled = fields.flag("enabled");
        Self {
            strategy: match fields.text("strategy").as_deref() {
                Some("in_order") => Strategy::InOrder,
                Some("rotate") => Strategy::Rotate,
                Some("least_recent") => Strategy::LeastRecent,
                _ => Strategy::All,
            },
            timeout: Duration::from_secs(fields.number("timeout")),
            members: fields.list_of("member", |text| parties.member(text)),
            otherwise: parties.otherwise(fields, &name, enabled),
            name,
            enabled,
        }
    }
}
