//! Digest access authentication: RFC 3261 section 22, RFC 2617, RFC 7616, RFC 8760.
//!
//! `Authenticator` asks phones and judges their answers; `Answerer` answers the challenges of providers.
mod client;
mod digest;
mod fields;
mod nonce;
mod server;

pub use client::{Answerer, Refusal, Tries};
pub use digest::Algorithm;
pub use server::{Account, Authenticator, Verdict};

use crate::config::Secret;
use crate::wire::sip::header;

/// In whose name somebody asks: it decides the status and the header names. RFC 3261 sections 22.2 and 22.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// 401, `WWW-Authenticate`, `Authorization`: REGISTER, and whatever ends at the one who asks.
    Uas,
    /// 407, `Proxy-Authenticate`, `Proxy-Authorization`: calls that go on from here.
    Proxy,
}

impl Role {
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Uas => 401,
            Self::Proxy => 407,
        }
    }

    /// Where the question stands.
    #[must_use]
    pub const fn challenge_header(self) -> &'static str {
        match self {
            Self::Uas => header::WWW_AUTHENTICATE,
            Self::Proxy => header::PROXY_AUTHENTICATE,
        }
    }

    /// Where the answer stands.
    #[must_use]
    pub const fn answer_header(self) -> &'static str {
        match self {
            Self::Uas => header::AUTHORIZATION,
            Self::Proxy => header::PROXY_AUTHORIZATION,
        }
    }

    const fn of_status(status: u16) -> Option<Self> {
        match status {
            401 => Some(Self::Uas),
            407 => Some(Self::Proxy),
            _ => None,
        }
    }
}

/// What we show to a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    pub username: String,
    pub secret: Secret,
}

#[cfg(test)]
mod tests;
