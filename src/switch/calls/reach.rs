//! The called side: way after way is tried until one rings.
use super::{CallId, Cause, Leg, Party, Phase, Side, SipLeg, State, Step};
use crate::config::{Extension, HangupWord, NumberFormat, formatted};
use crate::modem::{Clir, DialRefused};
use crate::sip::{Flow, Invite};
use crate::switch::Switch;
use crate::switch::route::Leg as Way;
use crate::util::limits::FORKS;
use crate::util::time::Now;
use crate::util::{MEDIA, OFFICE};
use crate::wire::dtmf::Dtmf;
use crate::wire::sdp;
use crate::wire::sip::{Address, Uri, header};
use std::time::Duration;

/// A trunk rings as long as the far network lets it; beyond this nobody is there.
const TRUNK_RINGS: Duration = Duration::from_secs(180);
/// The network ends a call that nobody takes after a minute; this is for a stick that does not say so.
const SIM_RINGS: Duration = Duration::from_secs(120);

impl Switch {
    /// Try the ways that are left; the call ends when none is.
    pub(super) fn next_way(&mut self, id: CallId, now: Now) {
        loop {
            let Some(call) = self.calls.all.get_mut(&id) else { return };
            call.target = None;
            let Some(step) = call.ways.pop_front() else {
                let cause = call.failure.unwrap_or(Cause::NO_ROUTE);
                return self.end_call(id, None, cause, now);
            };
            call.hunting = step.hunting;
            match self.try_way(id, &step, now) {
                Ok(()) => {
                    if let Some(call) = self.calls.all.get_mut(&id) {
                        call.trying = Some(step);
                    }
                    return;
                }
                Err(cause) => {
                    if let Some(call) = self.calls.all.get_mut(&id) {
                        call.failure = Some(cause);
                    }
                }
            }
        }
    }

    fn try_way(&mut self, id: CallId, step: &Step, now: Now) -> Result<(), Cause> {
        match &step.way {
            Way::Extension { name } => self.ring_extension(id, name, step, now),
            Way::Group { name } if OFFICE => self.ring_group(id, name, now),
            Way::Group { .. } => Err(Cause::NO_ROUTE),
            Way::Trunk { name, number, caller_id, hide } => {
                self.call_trunk(id, name, number, caller_id.as_deref(), *hide, now)
            }
            Way::Dongle { name, number, hide } => self.call_by_dongle(id, name, number, *hide, now),
            Way::Hangup(word) => Err(match word {
                HangupWord::Busy => Cause::BUSY,
                HangupWord::Rejected => Cause::REJECTED,
                HangupWord::NotFound => Cause::UNASSIGNED,
                HangupWord::Unavailable => Cause::ABSENT,
            }),
        }
    }

    fn call_by_dongle(
        &mut self,
        id: CallId,
        name: &str,
        number: &str,
        hide: bool,
        now: Now,
    ) -> Result<(), Cause> {
        let call = self.calls.all.get(&id).ok_or(Cause::NO_ROUTE)?;
        // Samples of one stick into the other would need a clock between them.
        if self.caller_side(id).is_some_and(|s| s.leg.line().is_some()) {
            log::warn!("call {}: from one dongle out by another is not in this version", id.0);
            return Err(Cause::INCOMPATIBLE);
        }
        let emergency = call.emergency;
        let caller = self.caller_side(id).and_then(|side| side.leg.sip());
        if caller.is_some_and(|leg| super::sound::caller_codecs(leg).is_empty()) {
            return Err(Cause::INCOMPATIBLE);
        }
        let line = self.lines.iter_mut().find(|l| l.section.name == name).ok_or(Cause::NETWORK_DOWN)?;
        let line_id = line.id;
        // The network still takes an emergency call, and a call without sound may bring help.
        if !line.modem.view().voice && !emergency && line.modem.can_dial() {
            log::warn!("call {}: the stick of '{name}' carries no sound (AT^CVOICE)", id.0);
            return Err(Cause::NO_BEARER);
        }
        let clir = if hide { Clir::Hide } else { Clir::Default };
        match line.modem.dial(number, clir, emergency, now.mono) {
            Ok(()) => {}
            Err(DialRefused::Busy) if emergency => return self.make_room(id, line_id, number, now),
            Err(DialRefused::Busy) => return Err(Cause::BUSY),
            Err(DialRefused::NotReady) => return Err(Cause::NETWORK_DOWN),
            Err(DialRefused::BadNumber) => return Err(Cause::INVALID_NUMBER),
        }
        self.counters.calls_out = self.counters.calls_out.saturating_add(1);
        let side = Side {
            party: Party::Dongle { name: name.to_owned(), number: Some(number.to_owned()) },
            leg: Leg::Modem { line: line_id },
            state: State::Begun,
        };
        self.add_called(id, side, now.mono + SIM_RINGS);
        self.narrow_caller(id);
        self.start_gateway(id, now);
        Ok(())
    }

    /// An emergency call takes the line from another call; it is dialled when the stick says that the other is over.
    fn make_room(
        &mut self,
        id: CallId,
        line: crate::switch::LineId,
        number: &str,
        now: Now,
    ) -> Result<(), Cause> {
        if self.calls.urgent.is_some() {
            return Err(Cause::BUSY);
        }
        let other = self.calls.of_line(line).map(|(other, _)| other);
        if other.and_then(|o| self.calls.all.get(&o)).is_some_and(|c| c.emergency) {
            return Err(Cause::BUSY);
        }
        log::warn!("call {}: an emergency call takes the line", id.0);
        let name = self.line_mut(line).map(|l| l.section.name.clone()).unwrap_or_default();
        if let Some(call) = self.calls.all.get_mut(&id) {
            let way = Way::Dongle { name, number: number.to_owned(), hide: false };
            call.ways.push_front(Step::from(way));
            call.enter(Phase::Reaching { until: Some(now.mono + SIM_RINGS) });
        }
        self.calls.urgent = Some((id, line));
        match other {
            Some(other) => self.end_call(other, None, Cause(8), now),
            // A call of the stick that nobody here knows: it rings, or is on its way down.
            None => {
                if let Some(line) = self.line_mut(line) {
                    line.modem.hangup(now.mono);
                }
            }
        }
        Ok(())
    }

    fn ring_extension(&mut self, id: CallId, name: &str, step: &Step, now: Now) -> Result<(), Cause> {
        let extension = self.loaded.config.extension(name);
        let extension = extension.cloned().ok_or(Cause::UNASSIGNED)?;
        if step.member {
            self.note_turn(id, name);
        } else if let Some((when, cause)) = self.obstacle(id, &extension) {
            let forwarded = self.forward(id, name, when, now);
            let call = self.calls.all.get_mut(&id).ok_or(Cause::NO_ROUTE)?;
            // Who is busy is not called by another way.
            if !forwarded && !step.hunting && !cause.deserves_another_way() {
                call.ways.clear();
            }
            return Err(cause);
        }
        self.ring_phones(id, &[extension], step.rings, now)?;
        if let Some(call) = self.calls.all.get_mut(&id).filter(|_| !step.member) {
            call.target = Some(name.to_owned());
            call.rang = false;
            call.moved = None;
        }
        Ok(())
    }

    /// All contacts of these extensions at once; `rings`: instead of what each has set.
    pub(super) fn ring_phones(
        &mut self,
        id: CallId,
        extensions: &[Extension],
        rings: Option<Duration>,
        now: Now,
    ) -> Result<(), Cause> {
        let mut phones: Vec<(&Extension, Uri, Flow, Vec<String>)> = Vec::new();
        for extension in extensions {
            let places = FORKS.saturating_sub(phones.len());
            let contacts = self.registrar.bindings(&extension.name).take(places);
            phones.extend(contacts.map(|b| (extension, b.contact.clone(), b.flow, b.path.clone())));
        }
        if phones.is_empty() {
            let names: Vec<&str> = extensions.iter().map(|e| e.name.as_str()).collect();
            log::info!("call {}: no phone is registered as '{}'", id.0, names.join("', '"));
            return Err(Cause::ABSENT);
        }
        let mut ports = vec![self.allocate_rtp().ok_or(Cause::NO_CIRCUIT)?];
        let carried = self.carries(id);
        if carried {
            ports.extend(self.further_ports(id));
        }
        let (mut any, mut failure) = (false, Cause::CONGESTION);
        for (extension, uri, flow, route) in phones {
            let words = match self.words_for(id, flow, &ports, extension, carried) {
                Ok(words) => words,
                Err(cause) => {
                    failure = cause;
                    continue;
                }
            };
            let local = self.contact(flow, None);
            let from = self.caller_address(id, &local);
            let to = Address::new(Uri::sip(Some(&extension.name), &local.host, None));
            let headers = self.diversion(id, &local.host, &extension.name, |_| None);
            let order = Order { flow, uri, from, to, contact: local, route, headers, trunk: None };
            let party = Party::Extension { name: extension.name.clone() };
            let rings = rings.unwrap_or(extension.timeout);
            any |= self.call_sip(id, order, words, &party, rings, now);
        }
        if !any {
            ports.into_iter().for_each(|port| self.release_open(id, port));
            return Err(failure);
        }
        self.start_gateway(id, now);
        Ok(())
    }

    fn call_trunk(
        &mut self,
        id: CallId,
        name: &str,
        number: &str,
        caller_id: Option<&str>,
        hide: bool,
        now: Now,
    ) -> Result<(), Cause> {
        let emergency = self.calls.all.get(&id).is_some_and(|c| c.emergency);
        let Some((section, flow)) = self.trunk_way(name, emergency) else { return Err(Cause::NETWORK_DOWN) };
        let codecs = self.codecs_for(id, &section.codecs)?;
        let contact = self.contact(flow, self.trunk_token(name).as_deref());
        let caller = self.calls.all.get(&id).and_then(|c| c.a.party.number().map(str::to_owned));
        let country = self.loaded.config.main.country.as_deref();
        let identity = super::super::trunks::identity(&section, country, caller.as_deref(), caller_id, hide);
        // A number for help goes out as it was dialled.
        let format = if emergency { NumberFormat::AsDialled } else { section.format };
        let number = &formatted(country, number, format);
        let mut uri = Uri::sip(Some(number), section.domain(), None);
        if section.domain.is_none() {
            uri.port = section.port.filter(|port| *port != 5060);
        }
        let to = Address::new(uri.clone());
        let port = self.allocate_rtp().ok_or(Cause::NO_CIRCUIT)?;
        let mut headers = identity.headers;
        // Outside an extension is known by its number.
        let config = &self.loaded.config;
        let known = |name: &str| {
            let own = config.extensions.iter().find(|e| e.name == name).and_then(|e| e.caller_id.as_deref());
            own.or(section.caller_id.as_deref())
                .map(|shown| formatted(config.main.country.as_deref(), shown, section.format))
        };
        headers.extend(self.diversion(id, section.domain(), number, known));
        let order = Order {
            flow,
            uri,
            from: identity.from,
            to,
            contact,
            route: self.trunk_route(name),
            headers,
            trunk: Some(name.to_owned()),
        };
        let party = Party::Trunk { name: name.to_owned(), number: Some(number.to_owned()) };
        let ours = self.our_offer(order.flow, port, &codecs);
        let words =
            Words { ports: vec![port], codecs, ours, carried: false, srtp: section.srtp, dtmf: section.dtmf };
        if !self.call_sip(id, order, words, &party, TRUNK_RINGS, now) {
            self.release_rtp(port);
            return Err(Cause::CONGESTION);
        }
        self.counters.calls_out = self.counters.calls_out.saturating_add(1);
        self.start_gateway(id, now);
        Ok(())
    }

    /// One INVITE of ours. False when the endpoint has no room.
    fn call_sip(
        &mut self,
        id: CallId,
        order: Order,
        words: Words,
        party: &Party,
        rings: Duration,
        now: Now,
    ) -> bool {
        let Some((session, leg)) = self.send_invite(order, words, rings, now) else { return false };
        log::debug!(
            "call {}: INVITE to {} at {} is session {session:?}",
            id.0,
            party.logged(),
            leg.flow.remote
        );
        let side = Side { party: party.clone(), leg: Leg::Sip(Box::new(leg)), state: State::Begun };
        // The endpoint ends it a moment earlier, with CANCEL and 408.
        self.add_called(id, side, now.mono + rings + Duration::from_secs(2));
        true
    }

    pub(super) fn send_invite(
        &mut self,
        order: Order,
        words: Words,
        rings: Duration,
        now: Now,
    ) -> Option<(crate::sip::SessionId, SipLeg)> {
        let Words { ports, codecs, ours, carried, srtp, dtmf } = words;
        let (port, further) = ports.split_first()?;
        let (text, secure) = SipLeg::first_offer(&ours, srtp, &mut self.random);
        let spec = Invite {
            flow: order.flow,
            uri: order.uri,
            from: order.from,
            to: order.to,
            contact: order.contact.clone(),
            call_id: None,
            route: order.route,
            headers: order.headers,
            sdp: Some(text),
            ring_limit: Some(rings),
        };
        let session = self.sip.invite(spec, now.mono).ok()?;
        let leg = SipLeg {
            session,
            flow: order.flow,
            port: *port,
            further: further.to_vec(),
            contact: order.contact,
            codecs,
            offer: None,
            ours: Some(ours),
            agreed: None,
            before: None,
            theirs: None,
            carried,
            trunk: order.trunk,
            by_us: true,
            srtp,
            dtmf,
            informing: None,
            secure,
        };
        Some((session, leg))
    }

    fn add_called(&mut self, id: CallId, side: Side, until: crate::util::time::Instant) {
        self.note_side(id, &side);
        if let Some(call) = self.calls.all.get_mut(&id) {
            call.b.push(side);
            call.enter(Phase::Reaching { until: Some(until) });
        }
    }

    /// What a phone is offered: what the caller's phone has, else codecs of ours.
    fn words_for(
        &mut self,
        id: CallId,
        flow: Flow,
        ports: &[u16],
        extension: &Extension,
        carried: bool,
    ) -> Result<Words, Cause> {
        let (ports, codecs, srtp) = (ports.to_vec(), extension.codecs.as_slice(), extension.srtp);
        let dtmf = extension.dtmf;
        if carried {
            let ours = self.carried_offer(id, flow, &ports, codecs)?;
            return Ok(Words { ports, codecs: codecs.to_vec(), ours, carried, srtp, dtmf });
        }
        let codecs = self.codecs_for(id, codecs)?;
        let ours = self.our_offer(flow, ports.first().copied().unwrap_or(0), &codecs);
        Ok(Words { ports, codecs, ours, carried, srtp, dtmf })
    }

    /// A port that no leg has got.
    fn release_open(&mut self, id: CallId, port: u16) {
        self.calls.ports.insert(port, id);
        self.release_unused(id, port);
    }

    /// What the called side may offer: between two SIP legs what both can, and more only where that is nothing.
    pub(super) fn codecs_for(&self, id: CallId, theirs: &[sdp::Codec]) -> Result<Vec<sdp::Codec>, Cause> {
        let side = self.caller_side(id).ok_or(Cause::NO_ROUTE)?;
        let Some(a) = side.leg.sip() else { return Ok(narrow_first(theirs)) };
        let callers = match &a.agreed {
            Some(agreed) if side.state == State::Up => vec![agreed.codec],
            _ => super::sound::caller_codecs(a),
        };
        let mut both: Vec<sdp::Codec> = callers.iter().copied().filter(|c| theirs.contains(c)).collect();
        if MEDIA && !callers.is_empty() && (both.is_empty() || self.recodes(id)) {
            both.extend(theirs.iter().filter(|codec| !callers.contains(codec)));
        }
        if both.is_empty() { Err(Cause::INCOMPATIBLE) } else { Ok(both) }
    }

    /// The caller as a phone shows it. What strangers wrote is quoted by `Address`.
    fn caller_address(&self, id: CallId, local: &Uri) -> Address {
        let party = self.calls.all.get(&id).map(|c| c.a.party.clone());
        let number = party.as_ref().and_then(|p| p.number());
        let Some(number) = number.filter(|n| !n.is_empty()) else {
            return Address::new(Uri::sip(Some("anonymous"), "anonymous.invalid", None))
                .named(Some("Anonymous"));
        };
        let display = match &party {
            Some(Party::Extension { name }) => {
                self.loaded.config.extensions.iter().find(|e| e.name == *name).and_then(|e| e.display.clone())
            }
            _ => None,
        };
        Address::new(Uri::sip(Some(number), &local.host, None)).named(display.as_deref().or(Some(number)))
    }

    /// `tandem dial`: the caller's phones ring first.
    pub(super) fn ring_caller(
        &mut self,
        extension: &str,
        number: &str,
        ways: Vec<Way>,
        emergency: bool,
        now: Now,
    ) -> Result<CallId, String> {
        let section = self.loaded.config.extensions.iter().find(|e| e.name == extension).cloned();
        let binding =
            self.registrar.bindings(extension).last().map(|b| (b.contact.clone(), b.flow, b.path.clone()));
        let (Some(section), Some((contact, flow, route))) = (section, binding) else {
            return Err(format!("no phone is registered as '{extension}'"));
        };
        let port = self.allocate_rtp().ok_or("no RTP port is free")?;
        let local = self.contact(flow, None);
        let shown = Address::new(Uri::sip(Some(number), &local.host, None)).named(Some(number));
        let to = Address::new(Uri::sip(Some(extension), &local.host, None));
        // Phones that know it take the call by themselves.
        let headers = vec![(header::CALL_INFO.to_owned(), format!("<sip:{}>;answer-after=0", local.host))];
        let order =
            Order { flow, uri: contact, from: shown, to, contact: local, route, headers, trunk: None };
        let ours = self.our_offer(flow, port, &section.codecs);
        let (codecs, srtp) = (section.codecs.clone(), section.srtp);
        let dtmf = section.dtmf;
        let words = Words { ports: vec![port], codecs, ours, carried: false, srtp, dtmf };
        let Some((_, leg)) = self.send_invite(order, words, section.timeout, now) else {
            self.release_rtp(port);
            return Err("too many calls".to_owned());
        };
        let a = Side {
            party: Party::Extension { name: extension.to_owned() },
            leg: Leg::Sip(Box::new(leg)),
            state: State::Begun,
        };
        let session = a.leg.session();
        match self.begin_call(a, number.to_owned(), ways, emergency, now) {
            Some(id) => {
                if let Some(call) = self.calls.all.get_mut(&id) {
                    call.enter(Phase::RingingCaller {
                        until: now.mono + section.timeout + Duration::from_secs(2),
                    });
                }
                Ok(id)
            }
            None => {
                if let Some(session) = session {
                    self.sip.hangup(session, None, 480, &[], now.mono);
                }
                self.release_rtp(port);
                Err("too many calls".to_owned())
            }
        }
    }
}

/// A stick has no more than telephone sound: nobody hears what a wider codec costs.
pub(super) fn narrow_first(codecs: &[sdp::Codec]) -> Vec<sdp::Codec> {
    let mut codecs = codecs.to_vec();
    codecs.sort_by_key(|codec| !codec.is_narrow());
    codecs
}

/// What a side is offered.
pub(super) struct Words {
    /// Ours: of the sound, then of further streams.
    pub ports: Vec<u16>,
    /// That it may use later.
    pub codecs: Vec<sdp::Codec>,
    pub ours: sdp::Session,
    /// All of it is the caller's.
    pub carried: bool,
    pub srtp: sdp::secure::Policy,
    pub dtmf: Dtmf,
}

/// Whom to invite, and as whom.
pub(super) struct Order {
    pub flow: Flow,
    pub uri: Uri,
    pub from: Address,
    pub to: Address,
    pub contact: Uri,
    pub route: Vec<String>,
    pub headers: Vec<(String, String)>,
    pub trunk: Option<String>,
}
