//! The end of a session: BYE both ways, and what takes its place before the answer. RFC 3261 section 15.
use super::{Challenged, Fate, Session, State};
use crate::sip::dialog::{Dialog, DialogId};
use crate::sip::endpoint::{Core, EndedBy, Event, Usage, again};
use crate::sip::transaction::{GIVE_UP, TransactionId};
use crate::util::limits::SIP_CHALLENGES;
use crate::util::time::Instant;
use crate::wire::sip::{Message, Method, header};

/// Our BYE.
#[derive(Debug)]
pub(super) enum Bye {
    /// Its response is waited for. So many challenges may still go to the owner, who hung up; at an end that was not his nobody is there
    /// to answer them.
    Sent {
        may_ask: usize,
    },
    Challenged {
        challenged: Box<Challenged>,
        may_ask: usize,
    },
}

impl Session {
    /// The owner ends the session.
    pub fn hangup(
        &mut self,
        reason: Option<&str>,
        status_if_early: u16,
        headers: &[(&str, String)],
        core: &mut Core,
        now: Instant,
    ) -> Fate {
        let headers = with_reason(reason, headers);
        match &self.state {
            State::Calling(_) => {
                self.cancel_call(headers, core, now);
                Fate::Over
            }
            State::Invited { .. } => {
                let headers: Vec<(&str, String)> =
                    headers.iter().map(|(n, v)| (n.as_str(), v.clone())).collect();
                self.reject(status_if_early, &headers, core, now)
            }
            State::Answered { .. } if self.awaits_first_ack() => {
                self.close_negotiation(core, now);
                if let State::Answered { dialog, .. } = self.leave() {
                    self.enter(State::Leaving { dialog, headers });
                }
                Fate::Stays
            }
            State::Answered { .. } => {
                self.say_bye(headers, SIP_CHALLENGES, core, now);
                Fate::Stays
            }
            State::Leaving { .. } | State::Ending { .. } | State::Moving => Fate::Stays,
        }
    }

    /// From `Answered` to `Ending`.
    fn say_bye(&mut self, headers: Vec<(String, String)>, may_ask: usize, core: &mut Core, now: Instant) {
        // A 2xx without its ACK would be sent for half a minute more.
        self.acknowledge(None, core);
        self.close_negotiation(core, now);
        self.unacked = None;
        if let State::Answered { dialog, .. } = self.leave() {
            self.send_bye(dialog, headers, may_ask, core, now);
        }
    }

    /// The ACK came, or never will.
    pub(super) fn send_bye_after_leaving(&mut self, core: &mut Core, now: Instant) {
        if let State::Leaving { dialog, headers } = self.leave() {
            self.send_bye(dialog, headers, SIP_CHALLENGES, core, now);
        }
    }

    fn send_bye(
        &mut self,
        mut dialog: Dialog,
        headers: Vec<(String, String)>,
        may_ask: usize,
        core: &mut Core,
        now: Instant,
    ) {
        let mut bye = dialog.request(Method::Bye);
        for (name, value) in headers {
            bye.push(&name, value);
        }
        core.send(self.flow, bye, Usage::Bye(self.id), now);
        self.enter(State::Ending { dialog, bye: Bye::Sent { may_ask } });
    }

    /// An end that neither side asked for: the owner hears of it, the peer gets a BYE.
    pub(super) fn end_by(&mut self, by: EndedBy, core: &mut Core, now: Instant) -> Fate {
        core.event(Event::Ended { session: self.id, by });
        self.say_bye(Vec::new(), 0, core, now);
        Fate::Stays
    }

    /// The peer's BYE.
    pub fn on_bye(
        &mut self,
        bye: TransactionId,
        request: &Message,
        id: &DialogId,
        core: &mut Core,
        now: Instant,
    ) -> Fate {
        core.respond_plainly(bye, 200, "", &[], now);
        let reason = request.get(header::REASON).map(str::to_owned);
        match self.state {
            State::Calling(_) => {
                if !self.on_early_bye(id) {
                    return Fate::Stays;
                }
                self.cancel_call(Vec::new(), core, now);
                core.event(Event::Ended { session: self.id, by: EndedBy::Bye { reason } });
            }
            State::Invited { invite, .. } => {
                // Section 15.1.2: the INVITE gets 487.
                core.respond_plainly(invite, 487, &self.local_tag(), &[], now);
                core.event(Event::Cancelled { session: self.id, reason });
            }
            State::Answered { .. } => {
                self.acknowledge(None, core);
                self.close_negotiation(core, now);
                core.event(Event::Ended { session: self.id, by: EndedBy::Bye { reason } });
            }
            // Both at once: the peer needs no more of us.
            State::Leaving { .. } | State::Ending { .. } | State::Moving => {}
        }
        Fate::Over
    }

    /// A response to our BYE: whatever it says, the session is over, but a challenge may be answered.
    pub fn on_bye_response(
        &mut self,
        response: Message,
        request: Message,
        core: &mut Core,
        now: Instant,
    ) -> Fate {
        let State::Ending { bye: Bye::Sent { may_ask }, .. } = &self.state else { return Fate::Stays };
        match response.status().unwrap_or(500) {
            100..=199 => Fate::Stays,
            401 | 407 if *may_ask > 0 => {
                let may_ask = may_ask.saturating_sub(1);
                let (response, request) = (Box::new(response), Box::new(request));
                let challenged = Challenged {
                    request: (*request).clone(),
                    response: (*response).clone(),
                    until: now + GIVE_UP,
                };
                if let State::Ending { bye, .. } = &mut self.state {
                    *bye = Bye::Challenged { challenged: Box::new(challenged), may_ask };
                }
                core.event(Event::Challenged { session: self.id, response, request });
                Fate::Stays
            }
            _ => Fate::Over,
        }
    }

    /// After `Event::Challenged`.
    pub fn retry(&mut self, name: &str, value: &str, core: &mut Core, now: Instant) {
        match &mut self.state {
            State::Calling(_) => self.retry_invite(name, value, core, now),
            State::Answered { .. } => {
                if !self.retry_refresh(name, value, core, now) {
                    self.retry_offer(name, value, core, now);
                }
            }
            State::Ending { dialog, bye } => {
                let Bye::Challenged { challenged, may_ask } = &*bye else { return };
                let request = again(&challenged.request, name, value, dialog.next_cseq());
                *bye = Bye::Sent { may_ask: *may_ask };
                core.send(self.flow, request, Usage::Bye(self.id), now);
            }
            State::Invited { .. } | State::Leaving { .. } | State::Moving => {}
        }
    }

    pub fn give_up(&mut self, core: &mut Core) -> Fate {
        match &self.state {
            State::Calling(_) => self.give_up_invite(core),
            State::Answered { .. } => {
                self.give_up_refresh();
                self.give_up_offer(core);
                Fate::Stays
            }
            State::Ending { bye: Bye::Challenged { .. }, .. } => Fate::Over,
            State::Ending { .. } | State::Invited { .. } | State::Leaving { .. } | State::Moving => {
                Fate::Stays
            }
        }
    }

    pub fn handle_timeout(&mut self, core: &mut Core, now: Instant) -> Fate {
        if self.on_unacked_timeout(core, now) == Fate::Over {
            return Fate::Over;
        }
        self.on_negotiation_timeout(core, now);
        if self.on_reliable_timeout(core, now) == Fate::Over || self.on_timer_timeout(core, now) == Fate::Over
        {
            return Fate::Over;
        }
        match &self.state {
            State::Calling(_) => self.on_calling_timeout(core, now),
            State::Ending { bye: Bye::Challenged { challenged, .. }, .. } if now >= challenged.until => {
                Fate::Over
            }
            _ => Fate::Stays,
        }
    }
}

fn with_reason(reason: Option<&str>, headers: &[(&str, String)]) -> Vec<(String, String)> {
    let reason = reason.map(|r| (header::REASON.to_owned(), r.to_owned()));
    reason.into_iter().chain(headers.iter().map(|(n, v)| ((*n).to_owned(), v.clone()))).collect()
}
