//! The client side: our requests, and the responses to them.
use super::client::{self, Client};
use super::invite_client::{self, InviteClient};
use super::key::ClientKey;
use super::routing::via;
use super::table::{Note, Transactions};
use super::{TransactionId, Why};
use crate::sip::Flow;
use crate::util::time::Instant;
use crate::wire::sip::{CSeq, Message, Method, header};

#[derive(Debug)]
enum ClientMachine {
    Invite(InviteClient),
    Other(Client),
}

#[derive(Debug)]
pub(super) struct ClientTransaction {
    machine: ClientMachine,
    key: ClientKey,
    pub(super) flow: Flow,
    /// As it was sent, Via included.
    request: Message,
    bytes: Vec<u8>,
    /// For a refused INVITE.
    ack: Option<Vec<u8>>,
}

impl Transactions {
    /// Sends a request that has everything but its Via.
    pub fn send(&mut self, flow: Flow, mut request: Message, branch: &str, now: Instant) -> TransactionId {
        let method = request.method().cloned().unwrap_or(Method::Options);
        request.push_front(header::VIA, via(flow, branch));
        let reliable = flow.transport.is_reliable();
        let machine = if method == Method::Invite {
            ClientMachine::Invite(InviteClient::new(reliable, now))
        } else {
            ClientMachine::Other(Client::new(reliable, now))
        };
        let id = self.fresh_id();
        let key = ClientKey::new(branch, &method);
        let bytes = request.to_bytes();
        self.output(flow, bytes.clone());
        self.client_keys.insert(key.clone(), id);
        self.clients.insert(id, ClientTransaction { machine, key, flow, request, bytes, ack: None });
        id
    }

    /// CANCEL for an INVITE of ours: its Request-URI, Via, To, From, Call-ID, CSeq number and Route. RFC 3261 section 9.1. The caller has
    /// seen a provisional response.
    pub fn cancel(
        &mut self,
        invite: TransactionId,
        headers: &[(String, String)],
        now: Instant,
    ) -> Option<TransactionId> {
        let transaction = self.clients.get(&invite)?;
        let flow = transaction.flow;
        let branch = transaction.request.via()?.branch()?.to_owned();
        let mut cancel = like(&transaction.request, Method::Cancel)?;
        for (name, value) in headers {
            cancel.push(name, value.as_str());
        }
        Some(self.send(flow, cancel, &branch, now))
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
        let key = ClientKey::of_response(&response).ok_or(())?;
        let id = *self.client_keys.get(&key).ok_or(())?;
        let transaction = self.clients.get_mut(&id).ok_or(())?;
        let status = response.status().ok_or(())?;
        let deliver = match &mut transaction.machine {
            ClientMachine::Other(machine) => {
                machine.handle_response(status, now) == Some(client::Action::Deliver)
            }
            ClientMachine::Invite(machine) => {
                let action = machine.handle_response(status, now);
                if matches!(action, Some(invite_client::Action::AckAndDeliver)) {
                    transaction.ack = ack_refusal(&transaction.request, &response).map(|ack| ack.to_bytes());
                }
                let flow = transaction.flow;
                use invite_client::Action::{Ack, AckAndDeliver, Deliver};
                if let (Some(AckAndDeliver | Ack), Some(ack)) = (action, transaction.ack.clone()) {
                    self.output(flow, ack);
                }
                matches!(action, Some(Deliver | AckAndDeliver))
            }
        };
        Ok(deliver.then_some((id, response)))
    }

    /// The request as it was sent.
    pub fn sent(&self, id: TransactionId) -> Option<&Message> {
        self.clients.get(&id).map(|t| &t.request)
    }

    pub fn sent_on(&self, id: TransactionId) -> Option<Flow> {
        self.clients.get(&id).map(|t| t.flow)
    }

    /// Forgets a client transaction; its response would be stray. No note follows.
    pub fn forget(&mut self, id: TransactionId) {
        if let Some(transaction) = self.clients.remove(&id) {
            self.client_keys.remove(&transaction.key);
        }
    }

    pub(super) fn on_client_timeout(&mut self, id: TransactionId, now: Instant) {
        let Some(transaction) = self.clients.get_mut(&id) else { return };
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
        let over = transaction.is_terminated();
        let (flow, bytes) = (transaction.flow, again.then(|| transaction.bytes.clone()));
        if let Some(bytes) = bytes {
            self.output(flow, bytes);
        }
        if over {
            self.forget(id);
            self.notes.push_back(if failed { Note::Failed(id, Why::Timeout) } else { Note::Over(id) });
        }
    }

    pub(super) fn fail_clients(&mut self, on_it: impl Fn(Flow) -> bool) {
        let lost: Vec<TransactionId> =
            self.clients.iter().filter(|(_, t)| on_it(t.flow) && t.is_waiting()).map(|(id, _)| *id).collect();
        for id in lost {
            self.forget(id);
            self.notes.push_back(Note::Failed(id, Why::Transport));
        }
    }
}

impl ClientTransaction {
    pub(super) fn deadline(&self) -> Option<Instant> {
        match &self.machine {
            ClientMachine::Invite(machine) => machine.deadline(),
            ClientMachine::Other(machine) => machine.deadline(),
        }
    }

    const fn is_waiting(&self) -> bool {
        match &self.machine {
            ClientMachine::Invite(machine) => machine.is_waiting(),
            ClientMachine::Other(machine) => machine.is_waiting(),
        }
    }

    const fn is_terminated(&self) -> bool {
        match &self.machine {
            ClientMachine::Invite(machine) => machine.is_terminated(),
            ClientMachine::Other(machine) => machine.is_terminated(),
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
