//! Requests in the dialog of a session that are not the session's own affair: REFER, NOTIFY, MESSAGE. RFC 3261 section 12.2.
use super::core::Usage;
use super::event::{ClientId, Event, Found, Full, RequestId};
use super::{Endpoint, again};
use crate::sip::dialog::DialogId;
use crate::sip::session::{Session, SessionId};
use crate::sip::transaction::TransactionId;
use crate::util::time::Instant;
use crate::wire::sip::{Message, Method};

impl Endpoint {
    /// Sends a request in the dialog of a session: of an early one too, where there is one. `body` has its content type in front. The
    /// answer is `Event::Response` or `NoResponse`, and changes nothing in the session.
    ///
    /// # Errors
    /// `Full`: nothing was sent; there was no room, or the session has no dialog (any more).
    pub fn request_in(
        &mut self,
        session: SessionId,
        method: Method,
        headers: Vec<(String, String)>,
        body: Option<(String, Vec<u8>)>,
        now: Instant,
    ) -> Result<ClientId, Full> {
        self.make_room()?;
        let session = self.sessions.get_mut(session.0).filter(|s| s.is_heard()).ok_or(Full)?;
        let mut request = session.request(method).ok_or(Full)?;
        for (name, value) in headers {
            request.push(&name, value);
        }
        if let Some((content_type, body)) = body {
            request.set_body(&content_type, body);
        }
        let flow = session.flow();
        Ok(ClientId(self.core.send(flow, request, Usage::Owner, now)))
    }

    /// `request`, which was challenged, again with this header and the dialog's next CSeq number. See `again`.
    ///
    /// # Errors
    /// `Full`, as `request_in`.
    pub fn retry_in(
        &mut self,
        session: SessionId,
        request: &Message,
        header_name: &str,
        header_value: &str,
        now: Instant,
    ) -> Result<ClientId, Full> {
        self.make_room()?;
        let session = self.sessions.get_mut(session.0).filter(|s| s.is_heard()).ok_or(Full)?;
        let number = session.our_dialog().ok_or(Full)?.next_cseq();
        let flow = session.flow();
        let request = again(request, header_name, header_value, number);
        Ok(ClientId(self.core.send(flow, request, Usage::Owner, now)))
    }

    pub(super) fn make_room(&mut self) -> Result<(), Full> {
        if self.core.transactions.client_count() < self.core.transactions.capacity.transactions() {
            return Ok(());
        }
        self.core.counters.refused_full = self.core.counters.refused_full.saturating_add(1);
        Err(Full)
    }

    /// The session that an INVITE with Replaces is about, by the tags as we see them: `to-tag` is the local one. A tag `0` stands for a
    /// peer without one (RFC 3891 section 3). Sessions that are over, or whose end is under way, are not found.
    #[must_use]
    pub fn find_dialog(&self, call_id: &str, local_tag: &str, remote_tag: &str) -> Option<Found> {
        let id = |remote: &str| DialogId {
            call_id: call_id.to_owned(),
            local_tag: local_tag.to_owned(),
            remote_tag: remote.to_owned(),
        };
        let without = (remote_tag == "0").then(|| id(""));
        let names = [Some(id(remote_tag)), without];
        let session = names.iter().flatten().find_map(|name| self.session_of(name))?;
        let found = self.sessions.get(session.0).filter(|s| s.is_heard())?;
        Some(Found { session, early: found.is_early(), by_us: found.is_ours() })
    }

    /// A request that the owner has to answer.
    pub(super) fn on_owners_request(
        &mut self,
        id: TransactionId,
        request: Message,
        session: SessionId,
        now: Instant,
    ) {
        if !self.sessions.get(session.0).is_some_and(Session::is_heard) {
            return self.refuse_request(id, 481, &[], now);
        }
        self.core.event(Event::InDialog { session, id: RequestId(id), request: Box::new(request) });
    }
}
