//! The server side: requests from outside, and our responses to them.
use super::TransactionId;
use super::invite_server::{self, InviteServer};
use super::key::{key_of_its_invite, key_of_request, origin_of};
use super::routing::{stamp, way_back};
use super::server::Server;
use super::table::Transactions;
use crate::sip::Flow;
use crate::util::time::Instant;
use crate::wire::sip::{Message, Method};

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
enum ServerMachine {
    Invite(InviteServer),
    Other(Server),
}

#[derive(Debug)]
pub(super) struct ServerTransaction {
    machine: ServerMachine,
    key: u64,
    /// `None`: a further one with this origin is not merged. After a challenge the next try has a new CSeq, but some phones keep
    /// the old one.
    origin: Option<u64>,
    /// The way of the responses.
    pub(super) back: Flow,
    /// Until the final response.
    request: Option<Box<Message>>,
    /// The last response. With a final one it is all that lingers.
    response: Option<Box<[u8]>>,
}

impl<U> Transactions<U> {
    /// A request with its Via stamped by where it came from.
    pub fn handle_request(&mut self, mut request: Message, flow: Flow, now: Instant) -> Received {
        let back = way_back(&request, flow);
        stamp(&mut request, flow);
        let is_ack = request.method() == Some(&Method::Ack);
        let secret = &self.secret;
        let key = if is_ack { key_of_its_invite(secret, &request) } else { key_of_request(secret, &request) };
        let (Some(key), Some(origin)) = (key, origin_of(secret, &request)) else {
            return Received::Incomplete;
        };
        let known = self.server_keys.get(key).next().map(TransactionId);
        if let Some(id) = known {
            return if is_ack { self.on_ack(id, request, now) } else { self.on_repeated(id) };
        }
        if is_ack {
            return Received::Ack(Box::new(request));
        }
        if self.servers.len() >= self.capacity.transactions() {
            return Received::Full(Box::new(request));
        }
        let may_merge =
            request.to().is_none_or(|to| to.tag().is_none()) && request.method() != Some(&Method::Cancel);
        let origin = may_merge.then_some(origin);
        let merged = origin.is_some_and(|origin| self.origins.get(origin).next().is_some());
        let reliable = flow.transport.is_reliable();
        let machine = if request.method() == Some(&Method::Invite) {
            ServerMachine::Invite(InviteServer::new(reliable, now))
        } else {
            ServerMachine::Other(Server::new(reliable, now))
        };
        let request = Some(Box::new(request));
        let id =
            self.servers.insert(ServerTransaction { machine, key, origin, back, request, response: None });
        self.server_keys.insert(key, id);
        if let Some(origin) = origin {
            self.origins.insert(origin, id);
        }
        self.arm_server(TransactionId(id));
        if merged { Received::Merged(TransactionId(id)) } else { Received::New(TransactionId(id)) }
    }

    fn arm_server(&mut self, id: TransactionId) {
        let at = self.servers.get(id.0).and_then(ServerTransaction::deadline);
        self.servers.set_timer(id.0, at);
    }

    fn on_ack(&mut self, id: TransactionId, ack: Message, now: Instant) -> Received {
        let absorbed = match self.servers.get_mut(id.0).map(|t| &mut t.machine) {
            Some(ServerMachine::Invite(machine)) => machine.handle_ack(now),
            _ => false,
        };
        self.arm_server(id);
        if absorbed { Received::Absorbed } else { Received::Ack(Box::new(ack)) }
    }

    fn on_repeated(&mut self, id: TransactionId) -> Received {
        let action = match self.servers.get_mut(id.0).map(|t| &mut t.machine) {
            Some(ServerMachine::Invite(machine)) => machine.handle_request(),
            Some(ServerMachine::Other(machine)) if machine.handle_request() => {
                Some(invite_server::Action::Retransmit)
            }
            _ => None,
        };
        self.on_server_action(id, action);
        self.arm_server(id);
        Received::Absorbed
    }

    fn on_server_action(&mut self, id: TransactionId, action: Option<invite_server::Action>) {
        match action {
            Some(invite_server::Action::SendTrying) => {
                let Some(transaction) = self.servers.get_mut(id.0) else { return };
                let Some(request) = &transaction.request else { return };
                transaction.response = Some(Message::response_to(request, 100, "").to_bytes().into());
                self.repeat(id);
            }
            Some(invite_server::Action::Retransmit) => self.repeat(id),
            // Nothing depends on the ACK for a refusal.
            Some(invite_server::Action::TimedOut) | None => {}
        }
    }

    /// The INVITE that a CANCEL is about, and whether it still waits for its final response.
    pub fn cancelled_by(&self, cancel: &Message) -> Option<(TransactionId, bool)> {
        let id = self.server_keys.get(key_of_its_invite(&self.secret, cancel)?).next().map(TransactionId)?;
        Some((id, self.is_waiting(id)))
    }

    /// The request of a server transaction; `None` after its final response.
    pub fn request(&self, id: TransactionId) -> Option<&Message> {
        self.servers.get(id.0)?.request.as_deref()
    }

    /// The server transaction has no final response yet.
    pub fn is_waiting(&self, id: TransactionId) -> bool {
        self.servers.get(id.0).is_some_and(|t| match &t.machine {
            ServerMachine::Invite(machine) => machine.is_waiting(),
            ServerMachine::Other(machine) => machine.is_waiting(),
        })
    }

    /// Sends a response; false: too late, it was dropped.
    pub fn respond(&mut self, id: TransactionId, response: &Message, now: Instant) -> bool {
        let Some(transaction) = self.servers.get_mut(id.0) else { return false };
        let Some(status) = response.status() else { return false };
        let (goes_out, is_other) = match &mut transaction.machine {
            ServerMachine::Invite(machine) => (machine.respond(status, now), false),
            ServerMachine::Other(machine) => (machine.respond(status, now), true),
        };
        if goes_out {
            transaction.response = Some(response.to_bytes().into());
            if status >= 200 {
                transaction.request = None;
            }
            let origin = transaction.origin.take_if(|_| matches!(status, 401 | 407));
            if let Some(origin) = origin {
                self.origins.remove(origin, id.0);
            }
            self.repeat(id);
            // Section 8.2.7: a request without a right proof leaves nothing behind, or a flood of them would take the place of calls. One that
            // comes again is asked again.
            if matches!(status, 401 | 407) && is_other {
                self.forget_server(id);
            } else {
                self.arm_server(id);
            }
        }
        goes_out
    }

    /// Sends the last response again: for a 2xx to INVITE its user does that.
    pub fn repeat(&mut self, id: TransactionId) {
        let Some(transaction) = self.servers.get(id.0) else { return };
        if let Some(bytes) = transaction.response.clone() {
            self.output(transaction.back, bytes.into_vec());
        }
    }

    /// The ACK for our 2xx came: nobody sends it again (RFC 6026 section 7.1), so its bytes needn't linger until Timer L.
    pub fn acknowledged(&mut self, id: TransactionId) {
        if let Some(transaction) = self.servers.get_mut(id.0) {
            transaction.response = None;
        }
    }

    pub(super) fn on_server_timeout(&mut self, id: TransactionId, now: Instant) {
        let Some(transaction) = self.servers.get_mut(id.0) else { return };
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
            self.arm_server(id);
        }
    }

    pub(super) fn forget_server(&mut self, id: TransactionId) {
        let Some(transaction) = self.servers.remove(id.0) else { return };
        self.server_keys.remove(transaction.key, id.0);
        if let Some(origin) = transaction.origin {
            self.origins.remove(origin, id.0);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lingers_is_small() {
        // Beside the bytes of the answer; two words more in the pool, about five in the indexes and the heap.
        assert!(size_of::<ServerTransaction>() <= 176, "{}", size_of::<ServerTransaction>());
    }

    #[test]
    fn an_acknowledged_2xx_leaves_no_bytes() {
        let text = "INVITE sip:1@b SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n\
                    To: <sip:1@b>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\n\r\n";
        let invite = Message::parse(text.as_bytes()).unwrap();
        let (local, remote) = ("192.0.2.1:5060".parse().unwrap(), "192.0.2.2:5060".parse().unwrap());
        let flow = Flow { transport: crate::sip::Transport::Udp, id: 1, local, remote };
        let mut transactions = Transactions::<()>::new(crate::util::index::Secret::new([1, 2]));
        let Received::New(id) = transactions.handle_request(invite.clone(), flow, Instant::ZERO) else {
            unreachable!("it is the first")
        };
        assert!(transactions.respond(id, &Message::response_to(&invite, 200, "t"), Instant::ZERO));
        transactions.repeat(id);
        let sent = std::iter::from_fn(|| transactions.poll_output()).count();
        assert_eq!(sent, 2, "until the ACK its user sends it again");
        transactions.acknowledged(id);
        assert!(transactions.servers.get(id.0).unwrap().response.is_none());
        let again = transactions.handle_request(invite, flow, Instant::ZERO);
        assert!(matches!(again, Received::Absorbed) && transactions.poll_output().is_none(), "{again:?}");
    }
}
