//! We ask, phones answer. RFC 3261 section 22.4, RFC 7616 section 3.4.6.
use super::Role;
use super::digest::{Algorithm, Count, Question};
use super::fields::{Fields, quote};
use super::nonce::{Nonces, is_same};
use crate::config::Secret;
use crate::util::random::Seed;
use crate::util::time::Instant;
use crate::wire::sip::{Message, Uri};

/// Whom an answer may prove to be.
#[derive(Clone, Debug)]
pub struct Account {
    pub secret: Secret,
    /// What he is asked for first.
    pub algorithm: Algorithm,
    /// MD5 is taken, too (RFC 8760 section 2.3): for phones that can't more.
    pub or_md5: bool,
}

impl Account {
    fn takes(&self, algorithm: Algorithm) -> bool {
        self.algorithm == algorithm || (self.or_md5 && algorithm == Algorithm::Md5)
    }
}

/// What an answer is worth. All but `Accepted` get a fresh challenge (401 or 407): who has no account can't tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Accepted {
        /// As the accounts call him: without `@realm`.
        user: String,
    },
    /// No answer, or one for another realm.
    Missing,
    /// The secret is right, but the nonce is old, or this count was there already: ask with `stale=true`.
    Stale,
    /// Wrong secret, unknown user, another algorithm than his, or an answer that was made for another request. Counts for the log and the guard.
    Wrong,
}

/// Asks and judges. No state per question: only nonces with a right answer take memory.
#[derive(Debug)]
pub struct Authenticator {
    nonces: Nonces,
    /// Hashed with for users whom nobody knows.
    nobody: Secret,
}

impl Authenticator {
    #[must_use]
    pub fn new(seed: Seed) -> Self {
        let nobody = Secret::new(Algorithm::Sha256.hash(&["nobody", &crate::util::hex::encode(&seed)]));
        Self { nonces: Nonces::new(seed), nobody }
    }

    /// A number that is the same for the same name, and that nobody outside can tell: what an unknown user is asked like.
    #[must_use]
    pub fn lot(&self, user: &str) -> usize {
        let hash = Algorithm::Sha256.hash(&[self.nobody.expose(), user]);
        hash.get(..7).and_then(|digits| usize::from_str_radix(digits, 16).ok()).unwrap_or_default()
    }

    /// The value of `WWW-Authenticate` or `Proxy-Authenticate`. `stale`: after `Verdict::Stale`.
    pub fn challenge(&mut self, realm: &str, algorithm: Algorithm, stale: bool, now: Instant) -> String {
        let nonce = self.nonces.mint(now);
        let stale = if stale { ", stale=true" } else { "" };
        let (realm, name) = (quote(realm), algorithm.name());
        format!("Digest realm={realm}, nonce=\"{nonce}\", algorithm={name}, qop=\"auth\"{stale}")
    }

    /// Judges the answer in `request`. `account` finds a user by name.
    pub fn verify(
        &mut self,
        request: &Message,
        role: Role,
        realm: &str,
        account: &dyn Fn(&str) -> Option<Account>,
        now: Instant,
    ) -> Verdict {
        let answers = request.all(role.answer_header()).flat_map(Fields::parse);
        let Some(answer) = answers.into_iter().find(|a| a.get("realm") == Some(realm)) else {
            return Verdict::Missing;
        };
        let Some(answer) = Answer::read(&answer, request) else { return Verdict::Wrong };
        let user = user_of(answer.question.username, realm);
        let known = account(user);
        // The same work whether we know him or not.
        let secret = known.as_ref().map_or(&self.nobody, |a| &a.secret);
        let want = answer.question.response(secret.expose());
        let given = answer.response.to_ascii_lowercase();
        let is_right = is_same(want.as_bytes(), given.as_bytes())
            & known.is_some_and(|a| a.takes(answer.question.algorithm) && !a.secret.expose().is_empty());
        if !is_right || !answer.fits(request) {
            return Verdict::Wrong;
        }
        if !self.nonces.take(answer.question.nonce, answer.count, now) {
            return Verdict::Stale;
        }
        Verdict::Accepted { user: user.to_owned() }
    }
}

/// What stands in the header, as far as it can be an answer to a challenge of ours.
struct Answer<'a> {
    question: Question<'a>,
    /// `nc`; `None` without `qop`.
    count: Option<u32>,
    response: &'a str,
}

impl<'a> Answer<'a> {
    fn read(fields: &'a Fields, request: &'a Message) -> Option<Self> {
        let (count, text) = match fields.get("qop") {
            // RFC 2069: old phones leave it away although we offer it.
            None => (None, None),
            Some(qop) if qop.eq_ignore_ascii_case("auth") => {
                let (nc, cnonce) = (fields.get("nc")?, fields.get("cnonce")?);
                let number = u32::from_str_radix(nc, 16).ok().filter(|_| nc.len() <= 8)?;
                (Some(number), Some(Count { nc, cnonce }))
            }
            Some(_) => return None,
        };
        let question = Question {
            algorithm: Algorithm::parse(fields.get("algorithm"))?,
            username: fields.get("username")?,
            realm: fields.get("realm")?,
            nonce: fields.get("nonce")?,
            method: request.method()?.name(),
            uri: fields.get("uri")?,
            count: text,
        };
        Some(Self { question, count, response: fields.get("response")? })
    }

    /// Whether the `uri` that was hashed means the Request-URI. Some phones leave out its parameters or its port.
    fn fits(&self, request: &Message) -> bool {
        match (Uri::parse(self.question.uri), request.uri()) {
            (Some(said), Some(asked)) => said.host == asked.host && said.user_text() == asked.user_text(),
            _ => false,
        }
    }
}

/// `100` of `100` and of `100@realm`.
fn user_of<'a>(username: &'a str, realm: &str) -> &'a str {
    match username.rsplit_once('@') {
        Some((user, place)) if place.eq_ignore_ascii_case(realm) => user,
        _ => username,
    }
}
