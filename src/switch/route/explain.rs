//! Why a call goes where it goes: what each route says to it.
use super::{Caller, Decision, Search, Verdict, clean, decide, shown};
use crate::config::{Config, Moment};

/// What is decided, and what every route says, in the order of the file. An emergency number and an extension ask none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    pub decision: Decision,
    pub routes: Vec<(String, Verdict)>,
}

/// As `decide`, with what the routes say.
#[must_use]
pub fn explain(config: &Config, caller: Caller<'_>, dialled: &str, at: Option<Moment>) -> Explanation {
    let number = clean(dialled).unwrap_or_default();
    let shown = shown(caller);
    let search = Search { config, caller, shown: &shown, at };
    let routes = config.routes.iter().map(|route| (route.name.clone(), search.verdict(route, &number)));
    Explanation { decision: decide(config, caller, dialled, at), routes: routes.collect() }
}
