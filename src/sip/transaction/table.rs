//! All transactions, with the messages that they send again.
use super::client::{self, Client};
use super::invite_client::{self, InviteClient};
use super::invite_server::{self, InviteServer};
use super::key::{ClientKey, Origin, ServerKey};
use super::routing::{stamp, via, way_back};
use super::server::Server;
use super::{Output, TransactionId, Why};
use crate::sip::{Flow, Transport};
use crate::util::limits::SIP_SERVER_TRANSACTIONS;
use crate::util::time::Instant;
use crate::wire::sip::{CSeq, Message, Method, header};
use std::collections::{BTreeMap, VecDeque};

/// What became of a transaction by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// No final response came; the transaction is gone.
    Failed(TransactionId, Why),
    /// A client transaction that had its final response is gone.
    Over(TransactionId),
    /// A server transaction that was not answered yet can't be: its connection is gone.
    Unanswerable(TransactionId),
}

/// What became of a request.
#[derive(Debug)]
pub enum Received {
    /// It came again, or was the ACK for a refusal.
    Absorbed,
    /// The first of its transaction.
    New(TransactionId),
    /// An ACK that no refusal waited for: for a 2xx, or for nothing.
    Ack(Box<Message>),
    /// The same request came by another way and is being dealt with.
    Merged(TransactionId),
    /// A header that every request has is missing.
    Incomplete,
    /// No room for a further transaction.
    Full(Box<Message>),
}

#[derive(Debug)]
enum ClientMachine {
    Invite(InviteClient),
    Other(Client),
}

#[derive(Debug)]
struct ClientTransaction {
    machine: ClientMachine,
    key: ClientKey,
    flow: Flow,
    /// As it was sent, Via included.
    request: Message,
    bytes: Vec<u8>,
    /// For a refused INVITE.
    ack: Option<Vec<u8>>,
}

#[derive(Debug)]
enum ServerMachine {
    Invite(InviteServer),
    Other(Server),
}

#[derive(Debug)]
struct ServerTransaction {
    machine: ServerMachine,
    key: ServerKey,
    origin: Origin,
    /// The way of the responses.
    back: Flow,
    /// Until the final response.
    request: Option<Box<Message>>,
    /// The last response.
    response: Option<Vec<u8>>,
    /// Asked for credentials. The next try has a new CSeq, but some phones keep the old one.
    challenged: bool,
}

#[derive(Debug, Default)]
pub struct Transactions {
    clients: BTreeMap<TransactionId, ClientTransaction>,
    client_keys: BTreeMap<ClientKey, TransactionId>,
    servers: BTreeMap<TransactionId, ServerTransaction>,
    server_keys: BTreeMap<ServerKey, TransactionId>,
    last_id: u64,
    outputs: VecDeque<Output>,
    notes: VecDeque<Note>,
}

impl Transactions {
    // ---- client side ----

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

    // ---- server side ----

    /// A request with its Via stamped by where it came from.
    pub fn handle_request(&mut self, mut request: Message, flow: Flow, now: Instant) -> Received {
        let back = way_back(&request, flow);
        stamp(&mut request, flow);
        let is_ack = request.method() == Some(&Method::Ack);
        let key = if is_ack { ServerKey::of_its_invite(&request) } else { ServerKey::of_request(&request) };
        let (Some(key), Some(origin)) = (key, Origin::of(&request)) else {
            return Received::Incomplete;
        };
        if let Some(&id) = self.server_keys.get(&key) {
            return if is_ack { self.on_ack(id, request, now) } else { self.on_repeated(id) };
        }
        if is_ack {
            return Received::Ack(Box::new(request));
        }
        if self.servers.len() >= SIP_SERVER_TRANSACTIONS {
            return Received::Full(Box::new(request));
        }
        let begins_no_dialog = request.to().is_some_and(|to| to.tag().is_some());
        let merged = !begins_no_dialog
            && request.method() != Some(&Method::Cancel)
            && self.servers.values().any(|t| t.origin == origin && !t.challenged);
        let reliable = flow.transport.is_reliable();
        let machine = if request.method() == Some(&Method::Invite) {
            ServerMachine::Invite(InviteServer::new(reliable, now))
        } else {
            ServerMachine::Other(Server::new(reliable, now))
        };
        let id = self.fresh_id();
        self.server_keys.insert(key.clone(), id);
        let request = Some(Box::new(request));
        self.servers.insert(
            id,
            ServerTransaction { machine, key, origin, back, request, response: None, challenged: false },
        );
        if merged { Received::Merged(id) } else { Received::New(id) }
    }

    fn on_ack(&mut self, id: TransactionId, ack: Message, now: Instant) -> Received {
        let absorbed = match self.servers.get_mut(&id).map(|t| &mut t.machine) {
            Some(ServerMachine::Invite(machine)) => machine.handle_ack(now),
            _ => false,
        };
        if absorbed { Received::Absorbed } else { Received::Ack(Box::new(ack)) }
    }

    fn on_repeated(&mut self, id: TransactionId) -> Received {
        let action = match self.servers.get_mut(&id).map(|t| &mut t.machine) {
            Some(ServerMachine::Invite(machine)) => machine.handle_request(),
            Some(ServerMachine::Other(machine)) if machine.handle_request() => {
                Some(invite_server::Action::Retransmit)
            }
            _ => None,
        };
        self.on_server_action(id, action);
        Received::Absorbed
    }

    fn on_server_action(&mut self, id: TransactionId, action: Option<invite_server::Action>) {
        match action {
            Some(invite_server::Action::SendTrying) => {
                let Some(transaction) = self.servers.get_mut(&id) else { return };
                let Some(request) = &transaction.request else { return };
                transaction.response = Some(Message::response_to(request, 100, "").to_bytes());
                self.repeat(id);
            }
            Some(invite_server::Action::Retransmit) => self.repeat(id),
            // Nothing depends on the ACK for a refusal.
            Some(invite_server::Action::TimedOut) | None => {}
        }
    }

    /// The INVITE that a CANCEL is about, and whether it still waits for its final response.
    pub fn cancelled_by(&self, cancel: &Message) -> Option<(TransactionId, bool)> {
        let id = *self.server_keys.get(&ServerKey::of_its_invite(cancel)?)?;
        Some((id, self.is_waiting(id)))
    }

    /// The request of a server transaction; `None` after its final response.
    pub fn request(&self, id: TransactionId) -> Option<&Message> {
        self.servers.get(&id)?.request.as_deref()
    }

    /// The server transaction has no final response yet.
    pub fn is_waiting(&self, id: TransactionId) -> bool {
        self.servers.get(&id).is_some_and(|t| match &t.machine {
            ServerMachine::Invite(machine) => machine.is_waiting(),
            ServerMachine::Other(machine) => machine.is_waiting(),
        })
    }

    /// Sends a response; false: too late, it was dropped.
    pub fn respond(&mut self, id: TransactionId, response: &Message, now: Instant) -> bool {
        let Some(transaction) = self.servers.get_mut(&id) else { return false };
        let Some(status) = response.status() else { return false };
        let goes_out = match &mut transaction.machine {
            ServerMachine::Invite(machine) => machine.respond(status, now),
            ServerMachine::Other(machine) => machine.respond(status, now),
        };
        if goes_out {
            transaction.response = Some(response.to_bytes());
            transaction.challenged = matches!(status, 401 | 407);
            if status >= 200 {
                transaction.request = None;
            }
            self.repeat(id);
        }
        goes_out
    }

    /// Sends the last response again: for a 2xx to INVITE its user does that.
    pub fn repeat(&mut self, id: TransactionId) {
        let Some(transaction) = self.servers.get(&id) else { return };
        if let Some(bytes) = transaction.response.clone() {
            self.output(transaction.back, bytes);
        }
    }

    // ---- both ----

    pub fn handle_timeout(&mut self, now: Instant) {
        let due: Vec<TransactionId> = self
            .clients
            .iter()
            .filter(|(_, t)| t.deadline().is_some_and(|at| now >= at))
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            self.on_client_timeout(id, now);
        }
        let due: Vec<TransactionId> = self
            .servers
            .iter()
            .filter(|(_, t)| t.deadline().is_some_and(|at| now >= at))
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            self.on_server_timeout(id, now);
        }
    }

    fn on_client_timeout(&mut self, id: TransactionId, now: Instant) {
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

    fn on_server_timeout(&mut self, id: TransactionId, now: Instant) {
        let Some(transaction) = self.servers.get_mut(&id) else { return };
        let action = match &mut transaction.machine {
            ServerMachine::Invite(machine) => machine.handle_timeout(now),
            ServerMachine::Other(machine) => {
                machine.handle_timeout(now);
                None
            }
        };
        if transaction.is_terminated() {
            self.forget_server(id);
        } else {
            self.on_server_action(id, action);
        }
    }

    fn forget_server(&mut self, id: TransactionId) {
        if let Some(transaction) = self.servers.remove(&id) {
            self.server_keys.remove(&transaction.key);
        }
    }

    /// A connection is gone.
    pub fn handle_flow_closed(&mut self, flow_id: u32) {
        let on_it = |flow: Flow| flow.transport == Transport::Tcp && flow.id == flow_id;
        self.fail_clients(on_it);
        let lost: Vec<TransactionId> =
            self.servers.iter().filter(|(_, t)| on_it(t.back)).map(|(id, _)| *id).collect();
        for id in lost {
            if self.is_waiting(id) {
                self.notes.push_back(Note::Unanswerable(id));
            }
            self.forget_server(id);
        }
    }

    /// A packet could not be sent. Responses are sent again when their request comes again.
    pub fn handle_send_failed(&mut self, flow: Flow) {
        self.fail_clients(|f| f == flow);
    }

    fn fail_clients(&mut self, on_it: impl Fn(Flow) -> bool) {
        let lost: Vec<TransactionId> =
            self.clients.iter().filter(|(_, t)| on_it(t.flow) && t.is_waiting()).map(|(id, _)| *id).collect();
        for id in lost {
            self.forget(id);
            self.notes.push_back(Note::Failed(id, Why::Transport));
        }
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        let clients = self.clients.values().filter_map(ClientTransaction::deadline);
        let servers = self.servers.values().filter_map(ServerTransaction::deadline);
        clients.chain(servers).min()
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    pub fn poll_note(&mut self) -> Option<Note> {
        self.notes.pop_front()
    }

    pub fn client_count(&self) -> usize {
        self.clients.len()
    }

    pub fn server_count(&self) -> usize {
        self.servers.len()
    }

    fn fresh_id(&mut self) -> TransactionId {
        self.last_id = self.last_id.wrapping_add(1);
        TransactionId(self.last_id)
    }

    fn output(&mut self, flow: Flow, bytes: Vec<u8>) {
        self.outputs.push_back(Output { flow, bytes });
    }
}

impl ClientTransaction {
    fn deadline(&self) -> Option<Instant> {
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

impl ServerTransaction {
    fn deadline(&self) -> Option<Instant> {
        match &self.machine {
            ServerMachine::Invite(machine) => machine.deadline(),
            ServerMachine::Other(machine) => machine.deadline(),
        }
    }

    const fn is_terminated(&self) -> bool {
        match &self.machine {
            ServerMachine::Invite(machine) => machine.is_terminated(),
            ServerMachine::Other(machine) => machine.is_terminated(),
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
