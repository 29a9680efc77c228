//! All transactions, with the messages that they send again.
use super::clients::ClientTransaction;
use super::key::{ClientKey, ServerKey};
use super::servers::ServerTransaction;
use super::{Output, TransactionId, Why};
use crate::sip::Flow;
use crate::util::table::Table;
use crate::util::time::Instant;
use std::collections::VecDeque;

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

#[derive(Debug, Default)]
pub struct Transactions {
    pub(super) clients: Table<TransactionId, ClientTransaction>,
    pub(super) client_keys: Table<ClientKey, TransactionId>,
    pub(super) servers: Table<TransactionId, ServerTransaction>,
    pub(super) server_keys: Table<ServerKey, TransactionId>,
    last_id: u64,
    outputs: VecDeque<Output>,
    pub(super) notes: VecDeque<Note>,
}

impl Transactions {
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

    /// A connection is gone.
    pub fn handle_flow_closed(&mut self, flow_id: u32) {
        let on_it = |flow: Flow| flow.transport.is_reliable() && flow.id == flow_id;
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

    pub(super) fn fresh_id(&mut self) -> TransactionId {
        self.last_id = self.last_id.wrapping_add(1);
        TransactionId(self.last_id)
    }

    pub(super) fn output(&mut self, flow: Flow, bytes: Vec<u8>) {
        self.outputs.push_back(Output { flow, bytes });
    }
}
