//! All transactions, with the messages that they send again.
use super::clients::ClientTransaction;
use super::servers::ServerTransaction;
use super::{Output, TransactionId, Why};
use crate::sip::Flow;
use crate::util::index::{Index, Secret};
use crate::util::limits::Capacity;
use crate::util::pool::Pool;
use crate::util::time::Instant;
use std::collections::VecDeque;

/// What became of a transaction by itself.
#[derive(Debug)]
pub enum Note<U> {
    /// No final response came; the transaction is gone. With its user.
    Failed(TransactionId, Why, U),
    /// A server transaction that was not answered yet can't be: its connection is gone.
    Unanswerable(TransactionId),
}

/// `U`: the user of a client transaction.
#[derive(Debug)]
pub struct Transactions<U> {
    pub capacity: Capacity,
    pub(super) secret: Secret,
    pub(super) clients: Pool<ClientTransaction<U>>,
    pub(super) client_keys: Index,
    pub(super) servers: Pool<ServerTransaction>,
    pub(super) server_keys: Index,
    /// Server transactions by what merged requests have in common.
    pub(super) origins: Index,
    outputs: VecDeque<Output>,
    pub(super) notes: VecDeque<Note<U>>,
}

impl<U> Transactions<U> {
    pub fn new(secret: Secret) -> Self {
        Self {
            capacity: Capacity::default(),
            secret,
            clients: Pool::default(),
            client_keys: Index::default(),
            servers: Pool::default(),
            server_keys: Index::default(),
            origins: Index::default(),
            outputs: VecDeque::new(),
            notes: VecDeque::new(),
        }
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        // All that are due first: each gets one input, whatever its next deadline is.
        let due: Vec<u64> = std::iter::from_fn(|| self.clients.pop_timer(now)).collect();
        for id in due {
            self.on_client_timeout(TransactionId(id), now);
        }
        let due: Vec<u64> = std::iter::from_fn(|| self.servers.pop_timer(now)).collect();
        for id in due {
            self.on_server_timeout(TransactionId(id), now);
        }
    }

    /// A connection is gone.
    pub fn handle_flow_closed(&mut self, flow_id: u32) {
        let on_it = |flow: Flow| flow.transport.is_reliable() && flow.id == flow_id;
        self.fail_clients(on_it);
        let mut lost: Vec<TransactionId> =
            self.servers.iter().filter(|(_, t)| on_it(t.back)).map(|(id, _)| TransactionId(id)).collect();
        lost.sort_unstable();
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

    pub fn poll_timeout(&self) -> Option<Instant> {
        [self.clients.next_timer(), self.servers.next_timer()].into_iter().flatten().min()
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    pub fn poll_note(&mut self) -> Option<Note<U>> {
        self.notes.pop_front()
    }

    pub fn client_count(&self) -> usize {
        self.clients.len()
    }

    pub fn server_count(&self) -> usize {
        self.servers.len()
    }

    pub(super) fn output(&mut self, flow: Flow, bytes: Vec<u8>) {
        self.outputs.push_back(Output { flow, bytes });
    }
}
