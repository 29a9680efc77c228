//! Responses from outside, and what becomes of requests that get none.
use super::Endpoint;
use super::core::Usage;
use super::event::{ClientId, Event};
use crate::sip::session::{self, Fate, Session, SessionId};
use crate::sip::transaction::{Note, TransactionId, Why};
use crate::util::time::Instant;
use crate::wire::sip::Message;
use std::borrow::Cow;

impl Endpoint {
    pub(super) fn on_response(&mut self, response: Message, now: Instant) {
        match self.core.transactions.handle_response(response, now) {
            Ok(Some((id, response))) => {
                let is_final = response.status().is_some_and(|s| s >= 200);
                self.on_delivered(id, response, now);
                if is_final {
                    self.core.transactions.settle(id);
                }
            }
            Ok(None) => {}
            Err(()) => self.core.counters.stray = self.core.counters.stray.saturating_add(1),
        }
    }

    fn on_delivered(&mut self, id: TransactionId, response: Message, now: Instant) {
        match self.core.transactions.user(id) {
            Some(Usage::Owner) => self.core.on_owners_response(id, response),
            Some(Usage::Invite(invitation)) => {
                let session = invitation.session;
                self.on_invite_response(id, session, response, now);
            }
            Some(&mut Usage::Bye(session)) => {
                let Some(request) = self.core.transactions.sent(id).map(Cow::into_owned) else { return };
                self.with(session, |s, core| s.on_bye_response(response, request, core, now));
            }
            Some(&mut Usage::Update(session)) => {
                if response.status().is_some_and(|s| s < 200) {
                    return;
                }
                let Some(request) = self.core.transactions.sent(id).map(Cow::into_owned) else { return };
                self.with(session, |s, core| s.on_update_response(id, response, request, core, now));
            }
            Some(&mut Usage::Prack(session)) => {
                if !matches!(response.status(), Some(401 | 407)) {
                    return;
                }
                let Some(request) = self.core.transactions.sent(id).map(Cow::into_owned) else { return };
                self.with(session, |s, core| s.on_prack_challenged(response, request, core));
            }
            Some(Usage::Cancel | Usage::Stray) | None => {}
        }
    }

    fn on_invite_response(&mut self, id: TransactionId, session: SessionId, response: Message, now: Instant) {
        let waiting = self.sessions.get(session.0).filter(|s| s.awaits(id));
        let (is_waited_for, is_first) = (waiting.is_some(), waiting.is_some_and(Session::is_calling));
        match response.status().unwrap_or(500) {
            100..=199 => {
                session::on_provisional(&mut self.core, id, now);
                self.with(session, |s, core| {
                    if s.awaits(id) {
                        s.on_progress(id, &response, core, now);
                    }
                    Fate::Stays
                });
            }
            200..=299 => {
                if session::repeat_ack(&mut self.core, id, &response) {
                    return;
                }
                match (is_waited_for, is_first) {
                    (true, true) => self.with(session, |s, core| s.on_answered(id, response, core, now)),
                    (true, false) => {
                        self.with(session, |s, core| s.on_offer_answered(id, &response, core, now))
                    }
                    (false, _) => session::turn_away(&mut self.core, id, &response, now),
                }
            }
            _ => match (is_waited_for, is_first) {
                (true, true) => self.with(session, |s, core| s.on_refused(id, response, core, now)),
                (true, false) => self.with(session, |s, core| s.on_offer_refused(id, response, core, now)),
                (false, _) => {}
            },
        }
    }

    /// What happened to transactions by themselves.
    pub(super) fn take_notes(&mut self, now: Instant) {
        while let Some(note) = self.core.transactions.poll_note() {
            match note {
                Note::Failed(id, why, usage) => self.on_no_response(id, why, usage, now),
                Note::Unanswerable(invite) => {
                    if let Some(session) = self.owner_of(invite) {
                        self.with(session, |s, core| s.on_unanswerable(core, now));
                    }
                }
            }
        }
    }

    fn on_no_response(&mut self, id: TransactionId, why: Why, usage: Usage, now: Instant) {
        match usage {
            Usage::Owner => self.core.event(Event::NoResponse { id: ClientId(id), why }),
            Usage::Invite(invitation) => {
                self.with(invitation.session, |s, core| match (s.awaits(id), s.is_calling()) {
                    (true, true) => s.on_unanswered(why, core),
                    (true, false) => s.on_offer_unanswered(why, core, now),
                    (false, _) => Fate::Stays,
                })
            }
            Usage::Bye(session) => self.with(session, |_, _| Fate::Over),
            Usage::Update(session) => {
                self.with(session, |s, core| s.on_update_unanswered(id, why, core, now));
            }
            Usage::Cancel | Usage::Stray | Usage::Prack(_) => {}
        }
    }
}
