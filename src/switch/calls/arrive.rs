//! Somebody calls: by the SIM, by a phone, by a trunk, or `tandem dial` for a phone.
use super::{Call, CallId, Cause, Leg, Party, Side, SipLeg, State, Step};
use crate::modem::Caller as GsmCaller;
use crate::sip::{Flow, SessionId};
use crate::switch::line::LineId;
use crate::switch::phones::Who;
use crate::switch::route::{Caller, Decision, Refusal};
use crate::switch::{Switch, route::Leg as Way};
use crate::util::pii::Pii;
use crate::util::time::Now;
use crate::wire::sdp;
use crate::wire::sip::{Address, Message, header};

impl Switch {
    /// The SIM is called.
    pub(in crate::switch) fn on_incoming(&mut self, line: LineId, caller: &GsmCaller, now: Now) {
        let Some(section) = self.line_mut(line).map(|l| l.section.clone()) else { return };
        if !self.line_mut(line).is_some_and(|l| l.modem.view().voice) {
            log::warn!(
                "dongle '{}': a call rings, but this stick carries no sound (AT^CVOICE)",
                section.name
            );
            return;
        }
        let number = match caller {
            GsmCaller::Number(number) => Some(number.clone()),
            GsmCaller::Withheld | GsmCaller::Unknown => None,
        };
        self.counters.calls_in = self.counters.calls_in.saturating_add(1);
        let shown = number.as_deref().unwrap_or_default();
        let own = section.number.clone().unwrap_or_default();
        let caller = Caller::Dongle { name: &section.name, number: shown };
        let decision = self.decide(caller, &own, now);
        log::info!(
            "dongle '{}': call from {}",
            section.name,
            number.as_deref().map_or("withheld".to_owned(), |n| Pii(n).to_string())
        );
        let a = Side {
            party: Party::Dongle { name: section.name.clone(), number },
            leg: Leg::Modem { line },
            state: State::Ringing { early: false },
        };
        match decision {
            Decision::Dial { legs, .. } | Decision::Emergency { legs, .. } => {
                let Some(id) = self.begin_call(a, own, legs, false, now) else { return };
                self.next_way(id, now);
            }
            // It goes on ringing: the network's mailbox or nobody takes it.
            Decision::Refused(Refusal::NoRoute) => {
                log::info!("dongle '{}': nobody is to ring: option 'inbound' is not set", section.name);
            }
            Decision::Refused(_) => {
                let Some(id) = self.begin_call(a, own, Vec::new(), false, now) else { return };
                self.end_call(id, None, Cause::NO_ROUTE, now);
            }
        }
    }

    /// An INVITE outside of dialogs.
    pub(in crate::switch) fn on_invite(
        &mut self,
        session: SessionId,
        request: &Message,
        flow: Flow,
        now: Now,
    ) {
        let who = match self.who_calls(request, flow, now) {
            Ok(who) => who,
            Err(response) => return self.sip.challenge(session, *response, now.mono),
        };
        self.counters.calls_in = self.counters.calls_in.saturating_add(1);
        let dialled = dialled(request, &who);
        let (party, codecs, caller) = match &who {
            Who::Extension(extension) => (
                Party::Extension { name: extension.name.clone() },
                extension.codecs.clone(),
                Caller::Extension(&extension.name),
            ),
            Who::Trunk { section, number } => (
                Party::Trunk {
                    name: section.name.clone(),
                    number: Some(number.clone()).filter(|n| !n.is_empty()),
                },
                section.codecs.clone(),
                Caller::Trunk { name: &section.name, number },
            ),
        };
        match self.wanted_place(request, &who, &dialled) {
            Ok(None) => {}
            Ok(Some(place)) => return self.take_place(place, session, request, flow, &who, now),
            Err(status) => return self.refuse(session, status, Cause::of_status(status), now),
        }
        let (legs, emergency) = match self.decide(caller, &dialled, now) {
            Decision::Dial { legs, route } => {
                log::debug!("{} dialled {}: route '{route}'", party.logged(), Pii(&dialled));
                (legs, false)
            }
            Decision::Emergency { legs, number } => {
                log::warn!("{}: emergency call to {number}", party.logged());
                (legs, true)
            }
            Decision::Refused(why) => {
                let (status, words) = refusal(why);
                log::info!("{} dialled {}: {words}", party.logged(), Pii(&dialled));
                self.counters.calls_failed = self.counters.calls_failed.saturating_add(1);
                return self.refuse(session, status, Cause::of_status(status), now);
            }
        };
        let leg = match self.answering_leg(session, request, flow, &who, codecs) {
            Ok(leg) => leg,
            Err((status, cause)) => return self.refuse(session, status, cause, now),
        };
        let port = leg.port;
        let a = Side { party, leg: Leg::Sip(Box::new(leg)), state: State::Begun };
        match self.begin_call(a, dialled, legs, emergency, now) {
            Some(id) => self.next_way(id, now),
            None => {
                self.release_rtp(port);
                self.refuse(session, 503, Cause::CONGESTION, now);
            }
        }
    }

    /// `tandem dial`: ring the extension's phones, then dial for the one that answers.
    ///
    /// # Errors
    /// In words for the client.
    pub(in crate::switch) fn dial_for(
        &mut self,
        extension: &str,
        number: &str,
        now: Now,
    ) -> Result<CallId, String> {
        let known = self.loaded.config.extension(extension).is_some();
        if !known {
            return Err(format!("there is no extension '{}'", crate::util::text::one_line(extension, 32)));
        }
        let decision = self.decide(Caller::Extension(extension), number, now);
        let (legs, emergency) = match decision {
            Decision::Dial { legs, .. } => (legs, false),
            Decision::Emergency { legs, .. } => (legs, true),
            Decision::Refused(why) => return Err(refusal(why).1.to_owned()),
        };
        self.ring_caller(extension, number, legs, emergency, now)
    }

    /// A place in the table.
    pub(super) fn begin_call(
        &mut self,
        a: Side,
        dialled: String,
        ways: Vec<Way>,
        emergency: bool,
        now: Now,
    ) -> Option<CallId> {
        let most = self.capacity().calls;
        if self.calls.all.len() >= most && !emergency {
            log::warn!("{most} calls at once: a further one is turned away");
            return None;
        }
        self.presence.stale = true;
        let id = self.calls.next_id();
        self.note_side(id, &a);
        let ways = ways.into_iter().map(Step::from).collect();
        let call = Call::new(id, a, dialled, ways, emergency, now);
        log::debug!("call {}: from {}", id.0, call.a.party.logged());
        self.calls.all.insert(id, Box::new(call));
        Some(id)
    }

    /// So that what the side says finds its call.
    pub(super) fn note_side(&mut self, id: CallId, side: &Side) {
        match &side.leg {
            Leg::Waiting => {}
            Leg::Modem { line } => {
                self.calls.lines.insert(*line, id);
            }
            Leg::Sip(leg) => {
                self.calls.sessions.insert(leg.session, id);
                for port in leg.ports() {
                    self.calls.ports.insert(port, id);
                }
            }
        }
    }

    /// The caller's leg, with an offer that has something for us, and a port.
    pub(super) fn answering_leg(
        &mut self,
        session: SessionId,
        request: &Message,
        flow: Flow,
        who: &Who,
        codecs: Vec<sdp::Codec>,
    ) -> Result<SipLeg, (u16, Cause)> {
        let offer = match super::sound::offer_of(request) {
            Ok(offer) => offer,
            Err(status) => return Err((status, Cause::INCOMPATIBLE)),
        };
        let port = self.allocate_rtp().ok_or((503, Cause::NO_CIRCUIT))?;
        let has_offer = offer.is_some();
        let mut leg = SipLeg {
            session,
            flow,
            port,
            contact: self.contact(flow, None),
            codecs,
            theirs: has_offer.then(|| request.body.as_slice().into()),
            offer: None,
            ours: None,
            agreed: None,
            before: None,
            further: Vec::new(),
            carried: false,
            trunk: who.trunk().map(str::to_owned),
            by_us: false,
            srtp: who.srtp(),
            dtmf: who.dtmf(),
            informing: None,
            secure: None,
        };
        leg.take_first_words(offer, &mut self.random);
        if let Err(status) = self.check_offer(&mut leg) {
            self.release_rtp(port);
            return Err((status, Cause::INCOMPATIBLE));
        }
        Ok(leg)
    }

    /// A connection broke in a call and its peer has a new one: our next request in the call takes it.
    pub(in crate::switch) fn follow(&mut self, flow: Flow, is_peer: impl Fn(&Party, Flow) -> bool) {
        let (streams, sip) = (&self.streams, &mut self.sip);
        let sides = self.calls.all.values_mut().flat_map(|c| std::iter::once(&mut c.a).chain(&mut c.b));
        for side in sides {
            let Leg::Sip(leg) = &mut side.leg else { continue };
            if streams.is_lost(leg.flow) && is_peer(&side.party, leg.flow) {
                leg.flow = flow;
                sip.set_flow(leg.session, flow);
            }
        }
    }

    pub(super) fn refuse(&mut self, session: SessionId, status: u16, cause: Cause, now: Now) {
        let mut headers = vec![(header::REASON, cause.reason())];
        if status == 503 {
            headers.push((header::RETRY_AFTER, "10".to_owned()));
        }
        self.sip.reject(session, status, &headers, now.mono);
    }
}

/// What was dialled: the Request-URI's user; from a trunk that put our own Contact there, INTEROP's order of other places.
fn dialled(request: &Message, who: &Who) -> String {
    let user = |address: Option<Address>| address.and_then(|a| a.uri.user_text());
    let uri = request.uri().and_then(crate::wire::sip::Uri::user_text);
    let named = |header: &str| user(request.get(header).and_then(Address::parse));
    let text = match who {
        Who::Trunk { section, .. } => {
            let own = |u: &String| {
                Some(u.as_str()) == section.username.as_deref() || super::super::trunks::is_token(u)
            };
            uri.filter(|u| !own(u))
                .or_else(|| named(header::P_CALLED_PARTY_ID))
                .or_else(|| user(request.to()).filter(|u| !own(u)))
                // Sent on to our account by somebody's forwarding: the number that was called stands there.
                .or_else(|| named(header::DIVERSION).filter(|u| !own(u)))
        }
        Who::Extension(_) => uri,
    };
    text.unwrap_or_default()
}

const fn refusal(why: Refusal) -> (u16, &'static str) {
    let status = match why {
        Refusal::NotANumber => 484,
        Refusal::NoRoute => 404,
        Refusal::NotNamed | Refusal::NotAllowed => 403,
        Refusal::NothingThere => 503,
    };
    (status, why.words())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Loaded;

    /// Where each provider puts the number that was called.
    #[test]
    fn what_was_dialled() {
        let text = "config trunk 't'\noption host 'h.example'\noption username 'me'\noption secret 'x'\n";
        let section = Loaded::parse(text.as_bytes()).config.trunks.remove(0);
        let who = Who::Trunk { section, number: String::new() };
        let token = "0123456789abcdef";
        assert!(crate::switch::trunks::is_token(token));
        for (uri, to, more, want) in [
            ("+4930111", "+4930222", "", "+4930111"),
            (token, "+4930222", "P-Called-Party-ID: <sip:+4930333@h>\r\n", "+4930333"),
            (token, "+4930222", "", "+4930222"),
            ("me", "me", "Diversion: <sip:+4930444@h>;reason=unconditional\r\n", "+4930444"),
            ("me", "+4930222", "Diversion: <sip:+4930444@h>;reason=unconditional\r\n", "+4930222"),
            ("me", "me", "Diversion: <sip:me@h>;reason=unconditional\r\n", ""),
        ] {
            let text = format!(
                "INVITE sip:{uri}@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\n\
                 To: <sip:{to}@h>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\n{more}Content-Length: 0\r\n\r\n"
            );
            let request = Message::parse(text.as_bytes()).unwrap();
            assert_eq!(dialled(&request, &who), want, "{uri} {to} {more}");
        }
    }
}
