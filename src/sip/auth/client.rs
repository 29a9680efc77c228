//! A provider asks, we answer. RFC 3261 section 22.2, RFC 7616 section 3.4, RFC 8760 section 2.4.
use super::digest::{Algorithm, Count, Question};
use super::fields::{Fields, quote};
use super::{Credentials, Role};
use crate::util::limits::CHALLENGE_TEXT;
use crate::wire::sip::{Message, Method};

/// Answers to one request and its repetitions. A provider that says no to a second answer locks the account if we go on.
const ANSWERS: u8 = 2;

/// Why there is no answer to a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Neither 401 nor 407.
    NoChallenge,
    /// None of the challenges is one that we can answer: no Digest, another algorithm, no nonce, only `auth-int`.
    Unsupported,
    /// Somebody asks who is not the provider: another server behind it, or one that would try passwords on the answer.
    ForeignRealm,
    /// The same question again, or the second new one: the user name or the secret is wrong.
    AskedAgain,
}

impl Refusal {
    /// For status and log.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::NoChallenge => "asked for a password without a challenge",
            Self::Unsupported => {
                "asks for a password in a way that is not supported (want Digest with MD5 or SHA-256)"
            }
            Self::ForeignRealm => {
                "somebody else asks for the password (realm of the challenge): not answered"
            }
            Self::AskedAgain => "wrong user name or password?",
        }
    }
}

/// What one request was asked already. One for each request; its repetitions with an answer share it.
#[derive(Clone, Debug, Default)]
pub struct Tries {
    answers: u8,
    /// What was answered last; the nonce of a proxy says nothing about that of a registrar.
    last: Option<(Role, String)>,
}

/// The last challenge of one provider. One for the calls through it; its `Registration` has its own, as registrars ask by 401 and proxies
/// by 407.
#[derive(Debug, Default)]
pub struct Answerer {
    known: Option<Known>,
    /// Who may ask; empty: everybody.
    trusted: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    role: Role,
    algorithm: Algorithm,
    /// The challenge named it: only then does the answer.
    is_named: bool,
    realm: String,
    nonce: String,
    opaque: Option<String>,
    has_qop: bool,
    /// How often the nonce was used.
    uses: u32,
}

impl Answerer {
    /// Answers a 401 or 407: name and value of the header for the repetition. `uri` is the text of its Request-URI, `cnonce` a fresh token.
    /// Only for peers that we dialled ourselves: who gets an answer may try passwords on it.
    ///
    /// # Errors
    /// The failure is final; the owner does not repeat the request.
    pub fn answer(
        &mut self,
        tries: &mut Tries,
        response: &Message,
        method: &Method,
        uri: &str,
        credentials: &Credentials,
        cnonce: &str,
    ) -> Result<(&'static str, String), Refusal> {
        let role = response.status().and_then(Role::of_status).ok_or(Refusal::NoChallenge)?;
        let challenges = response.all(role.challenge_header()).flat_map(Fields::parse);
        let mut foreign = false;
        let challenges = challenges.filter(|c| {
            let trusts = c.get("realm").is_none_or(|realm| self.trusts(realm));
            foreign |= !trusts;
            trusts
        });
        // Of equal ones the first: that is the provider's preference.
        let known = challenges.filter_map(|c| Known::read(role, &c));
        let best = known.reduce(|a, b| if b.0.algorithm > a.0.algorithm { b } else { a });
        let refusal = if foreign { Refusal::ForeignRealm } else { Refusal::Unsupported };
        let (known, is_stale) = best.ok_or(refusal)?;
        let is_same = tries.last.as_ref().is_some_and(|(r, nonce)| *r == role && *nonce == known.nonce);
        if tries.answers >= ANSWERS || (is_same && !is_stale) {
            self.known = None;
            return Err(Refusal::AskedAgain);
        }
        tries.answers = tries.answers.saturating_add(1);
        // The count goes on where the provider wants the nonce of the last request again.
        match &mut self.known {
            Some(old) if old.nonce == known.nonce && old.realm == known.realm => {
                old.role = role;
            }
            _ => self.known = Some(known),
        }
        self.again(tries, method, uri, credentials, cnonce).ok_or(Refusal::Unsupported)
    }

    /// Answers before anybody asks, with the nonce of an earlier request. `None`: none is known, or it can't be used twice.
    pub fn again(
        &mut self,
        tries: &mut Tries,
        method: &Method,
        uri: &str,
        credentials: &Credentials,
        cnonce: &str,
    ) -> Option<(&'static str, String)> {
        let known = self.known.as_mut().filter(|k| k.has_qop || k.uses == 0)?;
        known.uses = known.uses.saturating_add(1);
        tries.last = Some((known.role, known.nonce.clone()));
        Some((known.role.answer_header(), known.write(method, uri, credentials, cnonce)))
    }

    /// Only these may ask from now on: realms by name, and hosts, which stand for every realm of their domain.
    pub fn trust(&mut self, realms: Vec<String>) {
        self.trusted = realms;
    }

    fn trusts(&self, realm: &str) -> bool {
        let one = |t: &String| {
            t.eq_ignore_ascii_case(realm)
                || domain(t).zip(domain(realm)).is_some_and(|(a, b)| a.eq_ignore_ascii_case(b))
        };
        self.trusted.is_empty() || self.trusted.iter().any(one)
    }

    /// Whose question was answered last.
    #[must_use]
    pub fn realm(&self) -> Option<&str> {
        self.known.as_ref().map(|known| known.realm.as_str())
    }

    /// After a change of the secret or of the server.
    pub fn forget(&mut self) {
        self.known = None;
    }
}

/// The last two labels of a host name; an address has none.
fn domain(host: &str) -> Option<&str> {
    let last = host.rfind('.').filter(|_| host.parse::<std::net::IpAddr>().is_err())?;
    let before = host.get(..last)?.rfind('.').map_or(0, |dot| dot.saturating_add(1));
    host.get(before..).filter(|domain| !domain.starts_with('.') && !domain.contains(' '))
}

impl Known {
    /// A challenge that we can answer, and whether it is `stale`.
    fn read(role: Role, fields: &Fields) -> Option<(Self, bool)> {
        let name = fields.get("algorithm");
        let has_qop = match fields.get("qop") {
            None | Some("") => false,
            Some(list) => list.split(',').any(|q| q.trim().eq_ignore_ascii_case("auth")).then_some(true)?,
        };
        let known = Self {
            role,
            algorithm: Algorithm::parse(name)?,
            is_named: name.is_some(),
            realm: fields.get("realm")?.to_owned(),
            nonce: fields.get("nonce").filter(|n| !n.is_empty())?.to_owned(),
            opaque: fields.get("opaque").map(str::to_owned),
            has_qop,
            uses: 0,
        };
        // All of it comes back in our request, which has to fit a datagram.
        let texts = [Some(&known.realm), Some(&known.nonce), known.opaque.as_ref()];
        let length = texts.into_iter().flatten().fold(0_usize, |sum, t| sum.saturating_add(t.len()));
        (length <= CHALLENGE_TEXT).then_some((known, fields.is_stale()))
    }

    fn write(&self, method: &Method, uri: &str, credentials: &Credentials, cnonce: &str) -> String {
        let nc = format!("{:08x}", self.uses);
        let question = Question {
            algorithm: self.algorithm,
            username: &credentials.username,
            realm: &self.realm,
            nonce: &self.nonce,
            method: method.name(),
            uri,
            count: self.has_qop.then_some(Count { nc: &nc, cnonce }),
        };
        let response = question.response(credentials.secret.expose());
        let mut text = format!(
            "Digest username={}, realm={}, nonce={}, uri={}, response=\"{response}\"",
            quote(&credentials.username),
            quote(&self.realm),
            quote(&self.nonce),
            quote(uri),
        );
        if self.is_named {
            text.push_str(&format!(", algorithm={}", self.algorithm.name()));
        }
        if let Some(opaque) = &self.opaque {
            text.push_str(&format!(", opaque={}", quote(opaque)));
        }
        if self.has_qop {
            text.push_str(&format!(", qop=auth, nc={nc}, cnonce={}", quote(cnonce)));
        }
        text
    }
}
