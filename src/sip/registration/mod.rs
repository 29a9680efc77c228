//! Our own REGISTER at a provider. RFC 3261 section 10.2, RFC 3581.
//!
//! The owner resolves the name, chooses the flow and sends what `poll_request` gives as a transaction; what came of it
//! goes into `handle_response` or `handle_no_response`. After each input it polls again.
mod answer;
mod backoff;
mod failure;

pub use failure::Failure;

use crate::sip::auth::{Answerer, Credentials, Tries};
use crate::util::random::{Random, Seed};
use crate::util::time::Instant;
use crate::wire::sip::{Address, CSeq, Message, Method, Uri, header};
use std::net::SocketAddr;
use std::time::Duration;

/// We ask for no less, seconds.
const LEAST_EXPIRES: u32 = 60;

/// What the configuration says about a trunk that wants our REGISTER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Host of the Request-URI, From and To. Not always where the packets go.
    pub domain: String,
    pub port: Option<u16>,
    /// The user of From and To; often, not always, that of the credentials.
    pub user: String,
    pub credentials: Credentials,
    /// What we ask for, seconds.
    pub expires: u32,
}

/// For status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing was sent yet.
    Idle,
    /// The first answer is awaited.
    Trying,
    /// Calls can come until then; a refresh comes long before.
    Registered { until: Instant },
    /// The next try comes at `retry_at`. `until`: an earlier registration holds so long.
    Failed { failure: Failure, retry_at: Instant, until: Option<Instant> },
    /// Our REGISTER that ends it is under way.
    Leaving,
    /// Ended by us.
    Gone,
}

/// What happens next.
#[derive(Debug)]
enum Step {
    /// The next request goes out then.
    Due { at: Instant },
    /// The next request repeats the last one, with this header where it was asked for a password.
    Again { at: Instant, tries: Tries, answer: Option<(&'static str, String)> },
    /// The answer to the request with this number is awaited.
    Asked { cseq: u32, tries: Tries },
    /// Nothing ever again.
    Over,
}

/// One registration at one provider.
#[derive(Debug)]
pub struct Registration {
    settings: Settings,
    state: State,
    step: Step,
    random: Random,
    answerer: Answerer,
    /// The user part of our Contact.
    token: String,
    /// Constant, as the provider's registrar orders our requests by it and CSeq.
    call_id: String,
    tag: String,
    cseq: u32,
    /// Seconds that we ask for: as configured, or what 423 raised it to.
    expires: u32,
    /// Of the last request.
    contact: Option<Uri>,
    /// Failures since the last 200.
    failures: u32,
    learnt: Option<SocketAddr>,
    /// The way that the registrar wants our requests to take (RFC 3608).
    service_route: Vec<String>,
}

impl Registration {
    /// The first request is due at once.
    #[must_use]
    pub fn new(settings: Settings, seed: Seed) -> Self {
        let mut random = Random::new(seed);
        let (token, call_id, tag) = (random.token(), random.token(), random.token());
        // Beginning anywhere but at 1: the provider may remember an earlier run of ours by another Call-ID only.
        let cseq = random.below(1_000);
        // 0 would be the end of it.
        let expires = settings.expires.max(LEAST_EXPIRES);
        Self {
            settings,
            state: State::Idle,
            step: Step::Due { at: Instant::ZERO },
            random,
            answerer: Answerer::default(),
            token,
            call_id,
            tag,
            cseq,
            expires,
            contact: None,
            failures: 0,
            learnt: None,
            service_route: Vec::new(),
        }
    }

    /// The user part of our Contact: by it a call from this provider is known, and it is unlike any other trunk's.
    #[must_use]
    pub fn contact_user(&self) -> &str {
        &self.token
    }

    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Until when calls can come, whether or not a refresh has failed since.
    #[must_use]
    pub const fn registered_until(&self) -> Option<Instant> {
        match self.state {
            State::Registered { until } => Some(until),
            State::Failed { until, .. } => until,
            _ => None,
        }
    }

    /// Our address and port as the provider last saw them, where they differ from what our Via said: we are behind NAT.
    #[must_use]
    pub const fn learnt_address(&self) -> Option<SocketAddr> {
        self.learnt
    }

    /// When `poll_request` is wanted next. `None`: an answer is awaited, or all is over.
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Instant> {
        match self.step {
            Step::Due { at } | Step::Again { at, .. } => Some(at),
            Step::Asked { .. } | Step::Over => None,
        }
    }

    /// A REGISTER to send, without Via. `here` gives host, port and parameters of our Contact; its user part is ours to set.
    pub fn poll_request(&mut self, here: &Uri, now: Instant) -> Option<Message> {
        if self.poll_timeout().is_none_or(|at| at > now) {
            return None;
        }
        if self.state == State::Idle {
            self.enter(State::Trying);
        }
        let (mut tries, answer) = match std::mem::replace(&mut self.step, Step::Over) {
            Step::Again { tries, answer, .. } => (tries, answer),
            _ => (Tries::default(), None),
        };
        let uri = self.request_uri();
        let answer = answer.or_else(|| self.in_advance(&mut tries, &uri));
        self.cseq = self.cseq.wrapping_add(1) & 0x7fff_ffff;
        self.step = Step::Asked { cseq: self.cseq, tries };
        let mut request = self.request(uri, here);
        if let Some((name, value)) = answer {
            request.push(name, value);
        }
        Some(request)
    }

    /// The last request went unanswered or could not be sent, or found no address to go to. Not for earlier requests.
    pub fn handle_no_response(&mut self, failure: Failure, now: Instant) {
        if !matches!(self.step, Step::Over) {
            self.fail(failure, Duration::ZERO, now);
        }
    }

    /// Our address changed, or the connection went: register again now. An answer that is still under way is ignored.
    /// Where the provider said no, a new address changes nothing: the wait goes on.
    pub fn restart(&mut self, now: Instant) {
        let is_refused = matches!(&self.state, State::Failed { failure, .. } if failure.is_for_good());
        if !is_refused && !matches!(self.state, State::Leaving | State::Gone) {
            self.failures = 0;
            self.learnt = None;
            self.step = Step::Due { at: now };
        }
    }

    /// The server did not answer, and there is another: the same question goes there, at once.
    pub fn move_on(&mut self, now: Instant) {
        if !matches!(self.step, Step::Over) && self.state != State::Leaving {
            self.learnt = None;
            self.step = Step::Due { at: now };
        }
    }

    /// Only these realms may ask for the password.
    pub fn trust(&mut self, realms: Vec<String>) {
        self.answerer.trust(realms);
    }

    /// The realm that took our password.
    #[must_use]
    pub fn realm(&self) -> Option<&str> {
        self.answerer.realm().filter(|_| self.registered_until().is_some())
    }

    /// Route of requests by this provider.
    #[must_use]
    pub fn service_route(&self) -> &[String] {
        &self.service_route
    }

    /// Ends it: one more request follows if the provider may know us.
    pub fn unregister(&mut self, now: Instant) {
        match &self.state {
            State::Leaving | State::Gone => {}
            State::Failed { failure, until: None, .. } if failure.is_for_good() => self.leave(),
            _ if self.contact.is_none() => self.leave(),
            _ => {
                self.enter(State::Leaving);
                self.step = Step::Due { at: now };
            }
        }
    }

    fn leave(&mut self) {
        self.step = Step::Over;
        self.enter(State::Gone);
    }

    /// The answer to a question that the provider asked earlier: saves the 401 of each refresh.
    fn in_advance(&mut self, tries: &mut Tries, uri: &Uri) -> Option<(&'static str, String)> {
        let cnonce = self.random.token();
        let who = &self.settings.credentials;
        self.answerer.again(tries, &Method::Register, &uri.to_string(), who, &cnonce)
    }

    /// No user part: some registrars drop a request with one and say nothing.
    fn request_uri(&self) -> Uri {
        Uri::sip(None, &self.settings.domain, self.settings.port)
    }

    fn request(&mut self, uri: Uri, here: &Uri) -> Message {
        let seconds = if self.state == State::Leaving { 0 } else { self.expires };
        let us = Address::new(Uri::sip(Some(&self.settings.user), &self.settings.domain, self.settings.port));
        let last = self.contact.take().filter(|_| seconds == 0);
        // What is removed is what was registered, wherever we are now.
        let contact = last.unwrap_or_else(|| Uri { user: Some(self.token.clone()), ..here.clone() });
        let mut request = Message::request(Method::Register, uri);
        request.push(header::MAX_FORWARDS, "70");
        request.push(header::FROM, us.clone().with_tag(&self.tag).to_string());
        request.push(header::TO, us.to_string());
        request.push(header::CALL_ID, self.call_id.as_str());
        request.push(header::CSEQ, CSeq { number: self.cseq, method: Method::Register }.to_string());
        request.push(header::CONTACT, format!("{};expires={seconds}", Address::new(contact.clone())));
        request.push(header::EXPIRES, seconds.to_string());
        // RFC 3327 section 5.1. A registrar behind a proxy that puts its Path in answers 420 to who does not say so.
        request.push(header::SUPPORTED, "path");
        self.contact = Some(contact);
        request
    }

    fn enter(&mut self, state: State) {
        self.state = state;
    }
}

#[cfg(test)]
mod tests;
