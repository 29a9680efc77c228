//! Challenges of providers to our calls: answered by the trunk that the call goes by, and by no other.
use super::credentials;
use crate::sip::SessionId;
use crate::sip::auth::Tries;
use crate::switch::Switch;
use crate::util::limits::LEAVING;
use crate::util::time::Now;
use crate::wire::sip::{Message, Method, header};

impl Switch {
    /// A trunk asks a session for the password. Only the trunk that the session was made by is answered.
    pub(in crate::switch) fn on_challenged(
        &mut self,
        session: SessionId,
        response: &Message,
        request: &Message,
        now: Now,
    ) {
        match self.challenge_answer(session, response, request) {
            Some((name, value)) => self.sip.retry(session, name, &value, now.mono),
            None => self.sip.give_up(session),
        }
    }

    /// The header that answers a challenge in this session; `None`: it is not answered.
    pub(in crate::switch) fn challenge_answer(
        &mut self,
        session: SessionId,
        response: &Message,
        request: &Message,
    ) -> Option<(&'static str, String)> {
        let name = self.calls.of_session(session).and_then(|(id, end)| self.trunk_of(id, end));
        let tries = &mut self.trunks.tries;
        let at = tries.iter().position(|(s, _, _)| *s == session);
        let mut entry = match (at.and_then(|at| tries.remove(at)), name) {
            (Some(entry), _) => entry,
            (None, name) => (session, name?, Tries::default()),
        };
        // A new one in the call: that it is asked too, with the same nonce even, does not say that the last answer was wrong.
        if [header::AUTHORIZATION, header::PROXY_AUTHORIZATION].iter().all(|h| request.get(h).is_none()) {
            entry.2 = Tries::default();
        }
        if tries.len() >= LEAVING {
            tries.pop_front();
        }
        tries.push_back(entry);
        self.answer_challenge(response, request)
    }

    /// For the session that was asked last.
    fn answer_challenge(&mut self, response: &Message, request: &Message) -> Option<(&'static str, String)> {
        let cnonce = self.random.token();
        let (_, name, tries) = self.trunks.tries.back_mut()?;
        let trunk = self.trunks.all.iter_mut().find(|t| t.section.name == *name)?;
        let credentials = credentials(&trunk.section)?;
        let method = request.method().cloned().unwrap_or(Method::Invite);
        let uri = request.uri()?.to_string();
        let trusted = trunk.trusted();
        trunk.answerer.trust(trusted);
        match trunk.answerer.answer(tries, response, &method, &uri, &credentials, &cnonce) {
            Ok(header) => Some(header),
            Err(why) => {
                log::warn!("trunk '{name}': {}", why.words());
                trunk.error = Some(why.words().to_owned());
                None
            }
        }
    }
}
