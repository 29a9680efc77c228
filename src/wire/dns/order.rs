//! Which server is tried first. RFC 2782, RFC 3263 section 4.1.
use super::{Naptr, Srv};

/// Servers in the order in which they are tried: by priority, and among equals by chance as their weights want it. `below(n)`: a random
/// number from 0 to n - 1.
#[must_use]
pub fn srv_order(mut waiting: Vec<Srv>, mut below: impl FnMut(u32) -> u32) -> Vec<Srv> {
    // RFC 2782: those without weight first, so that they have a small chance, too.
    waiting.sort_by_key(|srv| (srv.priority, srv.weight));
    let mut ordered = Vec::new();
    while let Some(first) = waiting.first() {
        let priority = first.priority;
        let equal = waiting.iter().take_while(|srv| srv.priority == priority);
        let total = equal.fold(0_u32, |sum, srv| sum.saturating_add(srv.weight.into()));
        let chosen = below(total.saturating_add(1));
        let mut sum = 0_u32;
        let at = waiting.iter().position(|srv| {
            sum = sum.saturating_add(srv.weight.into());
            sum >= chosen
        });
        ordered.push(waiting.remove(at.unwrap_or(0)));
    }
    ordered
}

/// The places of SRV records for the services that `wanted` takes, best first; it makes of a service such as `sip+d2u` what the caller wants
/// to know of it.
#[must_use]
pub fn services<T>(mut all: Vec<Naptr>, wanted: impl Fn(&str) -> Option<T>) -> Vec<(T, String)> {
    all.sort_by_key(|naptr| (naptr.order, naptr.preference));
    // `s`: an SRV record is next. SIP knows no others.
    let usable = all.into_iter().filter(|n| n.flags.eq_ignore_ascii_case("s") && !n.replacement.is_empty());
    usable.filter_map(|n| wanted(&n.service.to_ascii_lowercase()).map(|what| (what, n.replacement))).collect()
}
