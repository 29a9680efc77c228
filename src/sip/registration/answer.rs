//! What the provider says to our REGISTER. RFC 3261 section 10.2.4 and 10.2.8.
use super::{Failure, Registration, State, Step};
use crate::sip::auth::Tries;
use crate::sip::registrar::is_same_uri;
use crate::util::limits::REGISTRAR_TEXT;
use crate::util::text::one_line;
use crate::util::time::Instant;
use crate::wire::sip::{Address, Message, Method, Start, header};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// What providers grant, seconds: less makes no sense, more than a day is not believed.
const GRANTED: std::ops::RangeInclusive<u32> = 10..=86_400;
/// Percent of the granted time after which the refresh comes: from 50 up to 80.
const REFRESH_PERCENT: u32 = 50;
const REFRESH_SPREAD: u32 = 31;
/// Proxies of a provider between us and the network.
const SERVICE_HOPS: usize = 4;
/// Characters of a reason phrase that are kept.
const REASON: usize = 80;

impl Registration {
    /// An answer to the last request; provisional ones and those to earlier requests are ignored.
    pub fn handle_response(&mut self, response: &Message, now: Instant) {
        let Start::Response { status, reason } = &response.start else { return };
        let number = response.cseq().map(|c| c.number);
        let tries = match &mut self.step {
            Step::Asked { cseq, tries } if number == Some(*cseq) && *status >= 200 => std::mem::take(tries),
            _ => return,
        };
        self.learn(response);
        match *status {
            200..=299 => self.on_success(response, now),
            401 | 407 => self.on_challenge(response, tries, now),
            423 => self.on_too_brief(response, now),
            status => {
                let wait = response.get(header::RETRY_AFTER).and_then(leading_number).unwrap_or(0);
                let reason = one_line(reason, REASON);
                self.fail(Failure::Refused { status, reason }, Duration::from_secs(u64::from(wait)), now);
            }
        }
    }

    fn on_success(&mut self, response: &Message, now: Instant) {
        if self.state == State::Leaving {
            return self.leave();
        }
        let seconds = self.granted(response);
        if seconds == 0 {
            let reason = "but the contact was not kept".to_owned();
            return self.fail(Failure::Refused { status: 200, reason }, Duration::ZERO, now);
        }
        let seconds = seconds.clamp(*GRANTED.start(), *GRANTED.end());
        let percent = REFRESH_PERCENT.saturating_add(self.random.below(REFRESH_SPREAD));
        let refresh = Duration::from_millis(u64::from(seconds.saturating_mul(10)) * u64::from(percent));
        self.failures = 0;
        let hops = response.items(header::SERVICE_ROUTE).take(SERVICE_HOPS).map(str::to_owned);
        self.service_route = hops.filter(|hop| hop.len() <= REGISTRAR_TEXT).collect();
        self.step = Step::Due { at: now + refresh };
        self.enter(State::Registered { until: now + Duration::from_secs(u64::from(seconds)) });
    }

    /// The seconds of our own contact, for others may stand beside it; then the header; then what we asked for.
    fn granted(&self, response: &Message) -> u32 {
        let contacts: Vec<Address> = response.contacts().collect();
        let ours = contacts.iter().find(|c| self.contact.as_ref().is_some_and(|o| is_same_uri(o, &c.uri)));
        // A provider behind NAT helpers writes our address anew; the token it leaves.
        let ours = ours.or_else(|| contacts.iter().find(|c| c.uri.user.as_ref() == Some(&self.token)));
        let param = ours.and_then(|c| c.params.get("expires")).and_then(|e| e.trim().parse().ok());
        param.or_else(|| response.number(header::EXPIRES)).unwrap_or(self.expires)
    }

    fn on_challenge(&mut self, response: &Message, mut tries: Tries, now: Instant) {
        let (uri, cnonce) = (self.request_uri().to_string(), self.random.token());
        let who = &self.settings.credentials;
        match self.answerer.answer(&mut tries, response, &Method::Register, &uri, who, &cnonce) {
            Ok(answer) => self.step = Step::Again { at: now, tries, answer: Some(answer) },
            Err(refusal) => self.fail(Failure::Challenge(refusal), Duration::ZERO, now),
        }
    }

    /// Once more with what the provider wants at least; a number that raises nothing is a failure.
    fn on_too_brief(&mut self, response: &Message, now: Instant) {
        let least = response.number(header::MIN_EXPIRES).filter(|m| GRANTED.contains(m) && *m > self.expires);
        match least {
            Some(least) if self.state != State::Leaving => {
                self.expires = least;
                self.step = Step::Again { at: now, tries: Tries::default(), answer: None };
            }
            _ => {
                let reason = "Interval Too Brief".to_owned();
                self.fail(Failure::Refused { status: 423, reason }, Duration::ZERO, now);
            }
        }
    }

    /// RFC 3581: where the provider saw the request come from.
    fn learn(&mut self, response: &Message) {
        let Some(via) = response.via() else { return };
        let host = via.params.get("received").unwrap_or(&via.host);
        let host = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        let port = via.params.get("rport").and_then(|p| p.parse().ok()).or(via.port);
        let (Ok(ip), Some(port)) = (host, port) else { return };
        let said = via.host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        let is_as_said = said == Ok(ip) && via.sent_by().1 == port;
        self.learnt = (!is_as_said).then(|| SocketAddr::new(ip, port));
    }
}

/// `120` of `120 (maintenance);duration=60`.
fn leading_number(text: &str) -> Option<u32> {
    text.trim().split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}
