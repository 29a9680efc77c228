//! What a call needs of a trunk: whose it is, by which way it goes, and what to do with a server that does not answer.
use super::super::Switch;
use super::super::phones::{Who, shown_number};
use super::TrunkLine;
use crate::config::Trunk;
use crate::sip::Flow;
use crate::sip::registration::{Failure, Registration, State};
use crate::util::time::Now;
use crate::wire::sip::{Message, Uri};
use std::net::IpAddr;

impl Switch {
    /// Who calls by a trunk: our token in the Request-URI, or one of its addresses.
    pub(in crate::switch) fn trunk_calls(&self, request: &Message, flow: Flow) -> Option<Who> {
        let user = request.uri().and_then(Uri::user_text);
        let peer = flow.remote.ip().to_canonical();
        let by_token = |t: &&TrunkLine| {
            // The token alone could be guessed by who saw a packet; from elsewhere it counts nothing.
            t.registration.as_ref().is_some_and(|r| Some(r.contact_user()) == user.as_deref())
                && t.is_at(peer)
        };
        // In one's own network phones may share the address with the provider; there the port tells.
        let same_port = |t: &TrunkLine| t.flow().is_some_and(|f| f.remote.port() == flow.remote.port());
        let by_address = |t: &&TrunkLine| {
            t.is_at(peer)
                && (same_port(t) || t.section.has_address(peer) || !self.loaded.config.sip.is_local(peer))
        };
        // Several accounts at one provider: the one whose number or name is called.
        let by_number = |t: &&TrunkLine| by_address(t) && t.section.is_called(request);
        let all = || self.trunks.all.iter();
        let trunk =
            all().find(by_token).or_else(|| all().find(by_number)).or_else(|| all().find(by_address))?;
        Some(Who::Trunk { section: trunk.section.clone(), number: shown_number(request) })
    }

    /// `emergency`: also without a registration; the provider may take it all the same.
    pub(in crate::switch) fn trunk_way(&self, name: &str, emergency: bool) -> Option<(Trunk, Flow)> {
        let trunk = self.trunks.all.iter().find(|t| t.section.name == name)?;
        let usable = match trunk.registration.as_ref().map(Registration::state) {
            None | Some(State::Registered { .. }) => true,
            Some(State::Failed { until, .. }) => until.is_some(),
            Some(State::Idle | State::Trying | State::Leaving | State::Gone) => false,
        };
        trunk.flow().filter(|_| usable || emergency).map(|flow| (trunk.section.clone(), flow))
    }

    /// The route that the provider gave with our registration.
    pub(in crate::switch) fn trunk_route(&self, name: &str) -> Vec<String> {
        let trunk = self.trunks.all.iter().find(|t| t.section.name == name);
        trunk.and_then(|t| t.registration.as_ref()).map_or_else(Vec::new, |r| r.service_route().to_vec())
    }

    /// A call found nobody at the server `flow`: whether the same trunk has another for it now.
    pub(in crate::switch) fn trunk_call_failed(&mut self, name: &str, flow: Flow, now: Now) -> bool {
        let found = |t: &TrunkLine| t.section.name == name && t.flow() == Some(flow);
        let Some(at) = self.trunks.all.iter().position(found) else { return false };
        let another = self.trunks.all.get(at).is_some_and(|t| t.ways.has_another(now.mono));
        if another {
            self.trunk_failed(at, "no answer to a call".to_owned(), Failure::NoAnswer, now);
        }
        another && self.trunk_way(name, false).is_some()
    }

    pub(in crate::switch) fn trunk_token(&self, name: &str) -> Option<String> {
        let trunk = self.trunks.all.iter().find(|t| t.section.name == name)?;
        trunk.registration.as_ref().map(|r| r.contact_user().to_owned())
    }

    /// What a provider saw of us, where we talk to it.
    pub(in crate::switch) fn learnt_address(&self, peer: IpAddr) -> Option<IpAddr> {
        let trunk = self.trunks.all.iter().find(|t| t.is_at(peer));
        let seen = |t: &TrunkLine| t.registration.as_ref().and_then(Registration::learnt_address);
        // What one provider saw, others see too.
        let address = trunk.and_then(seen).or_else(|| self.trunks.all.iter().find_map(seen))?;
        Some(address.ip())
    }
}
