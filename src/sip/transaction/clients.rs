//! The client side: our requests, and the responses to them.
use super::client::{self, Client};
use super::invite_client::{self, InviteClient};
use super::key::{client_key, key_of_response};
use super::routing::via;
use super::table::{Note, Transactions};
use super::{TransactionId, Why};
use crate::sip::Flow;
use crate::util::time::Instant;
use crate::wire::sip::{CSeq, Message, Method, Via, header};
use std::borrow::Cow;

#[derive(Debug)]
enum ClientMachine {
    Invite(InviteClient),
    Other(Client),
}

/// Our request. After the final response little of it is needed any more, and many linger.
#[derive(Debug)]
enum Sent {
    /// As it was sent, Via included; the bytes for sending it again.
    Whole(Box<Message>, Vec<u8>),
    /// An INVITE without its body, for the ACK of a further 2xx.
    Head(Box<[u8]>),
    Nothing,
}

#[derive(Debug)]
pub(super) struct ClientTransaction<U> {
    machine: ClientMachine,
    key: u64,
    pub(super) flow: Flow,
    sent: Sent,
    /// For a refused INVITE.
    ack: Option<Box<[u8]>>,
    /// Without a final response until then it is forgotten: an INVITE that was cancelled.
    limit: Option<Instant>,
    user: U,
}

impl<U> Transactions<U> {
    /// Sends a request that has everything but its Via.
    pub fn send(
        &mut self,
        flow: Flow,
        mut request: Message,
        branch: &str,
        user: U,
        now: Instant,
    ) -> TransactionId {
        let method = request.method().cloned().unwrap_or(Method::Options);
        request.push_front(header::VIA, via(flow, branch));
        let reliable = flow.transport.is_reliable();
        let machine = if method == Method::Invite {
            ClientMachine::Invite(InviteClient::new(reliable, now))
        } else {
            ClientMachine::Other(Client::new(reliable, now))
        };
        let key = client_key(&self.secret, branch, &method);
        let bytes = request.to_bytes();
        self.output(flow, bytes.clone());
        let sent = Sent::Whole(Box::new(request), bytes);
        let id =
            self.clients.insert(ClientTransaction { machine, key, flow, sent, ack: None, limit: None, user });
        self.client_keys.insert(key, id);
        self.arm_client(TransactionId(id));
        TransactionId(id)
    }

    /// CANCEL for an INVITE of ours: its Request-URI, Via, To, From, Call-ID, CSeq number and Route. RFC 3261 section 9.1. The caller has
    /// seen a provisional response.
    pub fn cancel(&mut self, invite: TransactionId, headers: &[(String, String)], user: U, now: Instant) {
        let Some((flow, cancel, branch)) = self.cancel_of(invite, headers) else { return };
        self.send(flow, cancel, &branch, user, now);
    }

    fn cancel_of(
        &self,
        invite: TransactionId,
        headers: &[(String, String)],
    ) -> Option<(Flow, Message, String)> {
        let request = self.sent(invite)?;
        let mut cancel = like(&request, Method::Cancel)?;
        for (name, value) in headers {
            cancel.push(name, value.as_str());
        }
        Some((self.sent_on(invite)?, cancel, request.via()?.branch()?.to_owned()))
    }

    /// An ACK for a 2xx: no transaction of its own (RFC 3261 section 13.2.2.4). Its bytes, to be sent again with `send_bytes`.
    pub fn send_ack(&mut self, flow: Flow, mut ack: Message, branch: &str) -> Vec<u8> {
        ack.push_front(header::VIA, via(flow, branch));
        let bytes = ack.to_bytes();
        self.output(flow, bytes.clone());
        bytes
    }

    pub fn send_bytes(&mut self, flow: Flow, bytes: Vec<u8>) {
        self.output(flow, bytes);
    }

    fn arm_client(&mut self, id: TransactionId) {
        let at = self.clients.get(id.0).and_then(ClientTransaction::deadline);
        self.clients.set_timer(id.0, at);
    }

    /// A response for the user, with its transaction. `None`: absorbed or stray.
    pub fn handle_response(
        &mut self,
        response: Message,
        now: Instant,
    ) -> Result<Option<(TransactionId, Message)>, ()> {
        // Section 8.1.3.3: with a second Via it is somebody else's.
        if response.items(header::VIA).count() != 1 {
            return Err(());
        }
        let key = key_of_response(&self.secret, &response).ok_or(())?;
        let id = TransactionId(self.client_keys.get(key).next().ok_or(())?);
        let transaction = self.clients.get_mut(id.0).ok_or(())?;
        let status = response.status().ok_or(())?;
        if status >= 200 {
            transaction.limit = None;
        }
        let deliver = match &mut transaction.machine {
            ClientMachine::Other(machine) => {
                machine.handle_response(status, now) == Some(client::Action::Deliver)
            }
            ClientMachine::Invite(machine) => {
                let action = machine.handle_response(status, now);
                use invite_client::Action::{Ack, AckAndDeliver, Deliver};
                if let (Some(AckAndDeliver), Sent::Whole(request, _)) = (action, &transaction.sent) {
                    transaction.ack = ack_refusal(request, &response).map(|ack| ack.to_bytes().into());
                }
                let flow = transaction.flow;
                if let (Some(AckAndDeliver | Ack), Some(ack)) = (action, transaction.ack.clone()) {
                    self.output(flow, ack.into_vec());
                }
                matches!(action, Some(Deliver | AckAndDeliver))
            }
        };
        self.arm_client(id);
        Ok(deliver.then_some((id, response)))
    }

    /// The final response was dealt with: of the request stays what may still be needed.
    pub fn settle(&mut self, id: TransactionId) {
        let Some(transaction) = self.clients.get_mut(id.0) else { return };
        let Sent::Whole(request, _) = &mut transaction.sent else { return };
        transaction.sent = match &transaction.machine {
            ClientMachine::Invite(machine) if transaction.ack.is_none() && !machine.is_waiting() => {
                request.body = Vec::new();
                Sent::Head(request.to_bytes().into())
            }
            machine if machine.is_waiting() => return,
            _ => Sent::Nothing,
        };
    }

    /// The request as it was sent, after the final response without its body. `None`: nothing of it is left.
    pub fn sent(&self, id: TransactionId) -> Option<Cow<'_, Message>> {
        match &self.clients.get(id.0)?.sent {
            Sent::Whole(request, _) => Some(Cow::Borrowed(request)),
            Sent::Head(bytes) => Message::parse(bytes).ok().map(Cow::Owned),
            Sent::Nothing => None,
        }
    }

    /// Whether this request is one of ours that came back as it was. With another Request-URI it is a spiral, not a loop. RFC 3261
    /// section 16.3.
    pub fn has_come_back(&self, request: &Message) -> bool {
        let Some(method) = request.method() else { return false };
        request.items(header::VIA).filter_map(Via::parse).any(|via| {
            let key = client_key(&self.secret, via.branch().unwrap_or_default(), method);
            let sent = self.client_keys.get(key).next().and_then(|id| self.clients.get(id));
            sent.is_some_and(|t| matches!(&t.sent, Sent::Whole(sent, _) if sent.uri() == request.uri()))
        })
    }

    pub fn sent_on(&self, id: TransactionId) -> Option<Flow> {
        self.clients.get(id.0).map(|t| t.flow)
    }

    pub fn user(&mut self, id: TransactionId) -> Option<&mut U> {
        self.clients.get_mut(id.0).map(|t| &mut t.user)
    }

    /// Without a final response until then it is forgotten.
    pub fn set_limit(&mut self, id: TransactionId, limit: Option<Instant>) {
        if let Some(transaction) = self.clients.get_mut(id.0) {
            transaction.limit = limit;
        }
        self.arm_client(id);
    }

    /// Its response would be stray from now on.
    fn forget(&mut self, id: TransactionId) -> Option<U> {
        let transaction = self.clients.remove(id.0)?;
        self.client_keys.remove(transaction.key, id.0);
        Some(transaction.user)
    }

    pub(super) fn on_client_timeout(&mut self, id: TransactionId, now: Instant) {
        let Some(transaction) = self.clients.get_mut(id.0) else { return };
        if transaction.limit.is_some_and(|at| now >= at) {
            self.forget(id);
            return;
        }
        let (again, failed) = match &mut transaction.machine {
            ClientMachine::Invite(machine) => {
                let action = machine.handle_timeout(now);
                use invite_client::Action::{Retransmit, TimedOut};
                (action == Some(Retransmit), action == Some(TimedOut))
            }
            ClientMachine::Other(machine) => {
                let action = machine.handle_timeout(now);
                (action == Some(client::Action::Retransmit), action == Some(client::Action::TimedOut))
            }
        };
        let over = transaction.machine.is_terminated();
        let flow = transaction.flow;
        let bytes = match &transaction.sent {
            Sent::Whole(_, bytes) if again => Some(bytes.clone()),
            _ => None,
        };
        if let Some(bytes) = bytes {
            self.output(flow, bytes);
        }
        if !over {
            return self.arm_client(id);
        }
        let user = self.forget(id);
        if let (true, Some(user)) = (failed, user) {
            self.notes.push_back(Note::Failed(id, Why::Timeout, user));
        }
    }

    pub(super) fn fail_clients(&mut self, on_it: impl Fn(Flow) -> bool) {
        let lost = self.clients.iter().filter(|(_, t)| on_it(t.flow) && t.machine.is_waiting());
        let mut lost: Vec<TransactionId> = lost.map(|(id, _)| TransactionId(id)).collect();
        lost.sort_unstable();
        for id in lost {
            if let Some(user) = self.forget(id) {
                self.notes.push_back(Note::Failed(id, Why::Transport, user));
            }
        }
    }
}

impl<U> ClientTransaction<U> {
    fn deadline(&self) -> Option<Instant> {
        let of_machine = match &self.machine {
            ClientMachine::Invite(machine) => machine.deadline(),
            ClientMachine::Other(machine) => machine.deadline(),
        };
        of_machine.into_iter().chain(self.limit).min()
    }
}

impl ClientMachine {
    const fn is_waiting(&self) -> bool {
        match self {
            Self::Invite(machine) => machine.is_waiting(),
            Self::Other(machine) => machine.is_waiting(),
        }
    }

    const fn is_terminated(&self) -> bool {
        match self {
            Self::Invite(machine) => machine.is_terminated(),
            Self::Other(machine) => machine.is_terminated(),
        }
    }
}

/// What CANCEL and the ACK for a refusal take over from their INVITE; CSeq with its number and the new method.
fn like(invite: &Message, method: Method) -> Option<Message> {
    let mut request = Message::request(method.clone(), invite.uri()?.clone());
    for name in [header::ROUTE, header::FROM, header::TO, header::CALL_ID] {
        for value in invite.all(name) {
            request.push(name, value);
        }
    }
    request.push(header::CSEQ, CSeq { number: invite.cseq()?.number, method }.to_string());
    request.push(header::MAX_FORWARDS, "70");
    Some(request)
}

/// RFC 3261 section 17.1.1.3: as its INVITE, with the To of the response.
fn ack_refusal(invite: &Message, response: &Message) -> Option<Message> {
    let mut ack = like(invite, Method::Ack)?;
    ack.set(header::TO, response.get(header::TO)?);
    ack.push_front(header::VIA, invite.get(header::VIA)?);
    Some(ack)
}
