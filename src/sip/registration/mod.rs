//! Our own REGISTER at a provider. RFC 3261 section 10.2.
//!
//! The owner resolves the name, chooses the flow and sends what `poll_request` gives as a transaction; what came of it
//! goes into `handle_response` or `handle_no_response`.
mod failure;

pub use failure::Failure;

use crate::sip::auth::{Answerer, Credentials};
use crate::util::random::{Random, Seed};
use crate::util::time::Instant;
use crate::wire::sip::{Message, Uri};
use std::net::SocketAddr;

/// What the configuration says about a trunk that wants our REGISTER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Host of the Request-URI, From and To, maybe with a port. Not always where the packets go.
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

/// One registration at one provider.
#[derive(Debug)]
pub struct Registration {
    settings: Settings,
    state: State,
    random: Random,
    answerer: Answerer,
    token: String,
}

impl Registration {
    /// The first request is due at once.
    #[must_use]
    pub fn new(settings: Settings, seed: Seed) -> Self {
        let mut random = Random::new(seed);
        let token = random.token();
        Self { settings, state: State::Idle, random, answerer: Answerer::default(), token }
    }

    /// The user part of our Contact: what the provider calls us by, unlike any other trunk's.
    #[must_use]
    pub fn contact_user(&self) -> &str {
        &self.token
    }

    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Our address and port as the provider sees them, if they differ from what we said: behind NAT.
    #[must_use]
    pub const fn learnt_address(&self) -> Option<SocketAddr> {
        None
    }

    /// When `poll_request` is wanted next.
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// A REGISTER to send, without Via. `here` is host, port and transport of our Contact; its user part is ours to set.
    pub fn poll_request(&mut self, here: &Uri, now: Instant) -> Option<Message> {
        let _ = (here, now);
        None
    }

    /// An answer to the last request; earlier ones are ignored.
    pub fn handle_response(&mut self, response: &Message, now: Instant) {
        let _ = (response, now);
    }

    /// The last request went unanswered or could not be sent.
    pub fn handle_no_response(&mut self, failure: Failure, now: Instant) {
        let _ = (failure, now);
    }

    /// Our address changed, or the connection went: register again now.
    pub fn restart(&mut self, now: Instant) {
        let _ = now;
    }

    /// Ends it: one more request follows if the provider may know us.
    pub fn unregister(&mut self, now: Instant) {
        let _ = now;
    }
}

#[cfg(test)]
mod tests;
