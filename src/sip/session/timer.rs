//! Session timers: a call whose peer vanished without a BYE ends nevertheless. RFC 4028.
//!
//! One side refreshes at half the interval, by UPDATE or re-INVITE; whoever sees no refresh says BYE shortly before the interval ends.
//! A peer that agreed on no timer is asked all the same whether it is there: whatever it answers, but that it knows no such call, it is.
use super::negotiation::{LATER, Offer};
use super::{Challenged, Fate, Session, State};
use crate::sip::endpoint::{Core, EndedBy, Event, Usage, again};
use crate::sip::transaction::{GIVE_UP, Why};
use crate::util::limits::SIP_CHALLENGES;
use crate::util::time::Instant;
use crate::wire::sip::{Message, Method, Params, header};
use std::time::Duration;

/// What we ask for, in seconds (section 4 recommends it).
pub(super) const INTERVAL: u32 = 1_800;
/// The least that we take (section 5).
pub const LEAST: u32 = 90;
/// Pause after a refresh that was refused for reasons of the moment.
const AGAIN: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Refreshes,
    /// The peer refreshes.
    Awaits,
    /// Refreshes, and the peer has promised nothing: no refusal ends the call.
    Asks,
}

/// Runs from each 2xx to an INVITE or UPDATE on.
#[derive(Debug)]
pub(super) struct Timer {
    interval: u32,
    role: Role,
    /// Ours, if it is not under way.
    refresh_at: Option<Instant>,
    /// BYE.
    expires_at: Instant,
    /// Refreshes in a row that were not taken.
    tries: usize,
    challenged: Option<Box<Challenged>>,
}

impl Timer {
    fn new(interval: u32, role: Role, now: Instant) -> Self {
        // Section 10: so much before the end that the BYE still arrives within the session.
        let margin = (interval / 3).min(32);
        Self {
            interval,
            role,
            refresh_at: (role != Role::Awaits).then(|| now + seconds(interval / 2)),
            expires_at: now + seconds(interval.saturating_sub(margin)),
            tries: 0,
            challenged: None,
        }
    }

    /// There is no timer by RFC 4028.
    fn of_our_own(now: Instant) -> Self {
        Self::new(INTERVAL, Role::Asks, now)
    }

    pub(super) fn deadline(&self) -> Instant {
        let until = self.challenged.as_ref().map(|c| c.until);
        [self.refresh_at, until].into_iter().flatten().fold(self.expires_at, Instant::min)
    }
}

fn seconds(number: u32) -> Duration {
    Duration::from_secs(u64::from(number))
}

/// Whether a message has this option tag in Supported.
fn supports(message: &Message, tag: &str) -> bool {
    message.items(header::SUPPORTED).any(|t| t.eq_ignore_ascii_case(tag))
}

/// `1800;refresher=uac`: seconds, and whether the client refreshes.
fn session_expires(message: &Message) -> Option<(u32, Option<bool>)> {
    let value = message.get(header::SESSION_EXPIRES)?;
    let (number, params) = value.split_once(';').unwrap_or((value, ""));
    let params = Params::parse(params);
    let refresher = params.get("refresher").map(|r| r.eq_ignore_ascii_case("uac"));
    Some((header::number(number.trim())?, refresher))
}

/// A request with a shorter interval than we take, of somebody who can ask for a longer one: 422. Section 9.
pub fn is_too_short(request: &Message) -> bool {
    supports(request, "timer") && session_expires(request).is_some_and(|(interval, _)| interval < LEAST)
}

/// The interval for our 2xx, and whether the client refreshes. Section 9, table 2.
fn answer(request: &Message) -> Option<(u32, bool)> {
    let client_can = supports(request, "timer");
    match session_expires(request) {
        Some((interval, refresher)) if interval >= LEAST => {
            Some((interval, client_can && refresher.unwrap_or(true)))
        }
        // A proxy put it there, and nobody could ask for more.
        Some(_) => None,
        None => client_can.then(|| (request.number(header::MIN_SE).unwrap_or(0).max(INTERVAL), true)),
    }
}

impl Session {
    /// Our 2xx to an INVITE or UPDATE: the timer begins anew.
    pub(super) fn promise_timer(&mut self, request: &Message, ok: &mut Message, now: Instant) {
        let timer = match answer(request) {
            Some((interval, true)) => {
                ok.push(header::REQUIRE, "timer");
                ok.push(header::SESSION_EXPIRES, format!("{interval};refresher=uac"));
                Timer::new(interval, Role::Awaits, now)
            }
            Some((interval, false)) => {
                ok.push(header::SESSION_EXPIRES, format!("{interval};refresher=uas"));
                Timer::new(interval, Role::Refreshes, now)
            }
            None => Timer::of_our_own(now),
        };
        self.timer = Some(Box::new(timer));
    }

    /// A 2xx for our INVITE or UPDATE: the timer begins anew.
    pub(super) fn take_timer(&mut self, ok: &Message, now: Instant) {
        // A shorter one than we take has no business here; the least keeps us from refreshing all the time.
        let timer = match session_expires(ok) {
            Some((interval, Some(false))) => Timer::new(interval.max(LEAST), Role::Awaits, now),
            Some((interval, _)) => Timer::new(interval.max(LEAST), Role::Refreshes, now),
            None => Timer::of_our_own(now),
        };
        self.timer = Some(Box::new(timer));
    }

    /// For a request in the dialog: the roles stay as they are.
    pub(super) fn ask_for_timer(&self, request: &mut Message) {
        request.push(header::SUPPORTED, "timer");
        if let Some(timer) = &self.timer {
            let refresher = if timer.role == Role::Awaits { "uas" } else { "uac" };
            let interval = timer.interval.max(self.least);
            request.push(header::SESSION_EXPIRES, format!("{interval};refresher={refresher}"));
        }
        if self.least > 0 {
            request.push(header::MIN_SE, self.least.to_string());
        }
    }

    /// 422 came, and says what would be enough: true, the request may go out again.
    pub(super) fn take_least(&mut self, response: &Message) -> bool {
        let least = response.number(header::MIN_SE).unwrap_or(0);
        let more = least > self.least;
        self.least = least.max(self.least);
        more
    }

    /// The refresh is due, or has not come.
    pub(super) fn on_timer_timeout(&mut self, core: &mut Core, now: Instant) -> Fate {
        let Some(timer) = self.timer.as_mut().filter(|_| matches!(self.state, State::Answered { .. })) else {
            return Fate::Stays;
        };
        if now >= timer.expires_at {
            if timer.role == Role::Asks {
                **timer = Timer::of_our_own(now);
                return Fate::Stays;
            }
            return self.end_by(EndedBy::Timeout, core, now);
        }
        if timer.challenged.take_if(|c| now >= c.until).is_some()
            || timer.refresh_at.is_some_and(|at| now >= at)
        {
            self.refresh(core, now);
        }
        Fate::Stays
    }

    /// UPDATE where the peer has it, else INVITE with the description that it knows.
    fn refresh(&mut self, core: &mut Core, now: Instant) {
        let may_offer = self.may_offer() && self.negotiation.is_idle();
        let Some(timer) = &mut self.timer else { return };
        if !may_offer {
            timer.refresh_at = Some(now + LATER);
            return;
        }
        timer.refresh_at = None;
        timer.tries = timer.tries.saturating_add(1);
        if self.allows_update {
            let Some(mut update) = self.request(Method::Update) else { return };
            self.ask_for_timer(&mut update);
            core.send(self.flow, update, Usage::Update(self.id), now);
        } else if let Some(sdp) = self.local_sdp.clone() {
            self.send_offer(Offer::refresh(sdp), core, now);
        }
    }

    /// A refresh was refused; it is the next one's turn, if there is time. Who agreed on none has shown that it is there.
    pub(super) fn refresh_later(&mut self, now: Instant) {
        let Some(timer) = &mut self.timer else { return };
        match timer.role {
            Role::Asks => **timer = Timer::of_our_own(now),
            Role::Refreshes | Role::Awaits => timer.refresh_at = Some(now + AGAIN),
        }
    }

    /// A final response to our UPDATE without an offer.
    pub(super) fn on_refreshed(
        &mut self,
        response: Message,
        request: Message,
        core: &mut Core,
        now: Instant,
    ) -> Fate {
        let status = response.status().unwrap_or(500);
        let longer = status == 422 && self.take_least(&response);
        let pause = self.glare_pause(core);
        let State::Answered { dialog, .. } = &mut self.state else { return Fate::Stays };
        let Some(timer) = &mut self.timer else { return Fate::Stays };
        let may_try = timer.tries <= SIP_CHALLENGES;
        match status {
            200..=299 => {
                dialog.refresh_target(&response);
                self.take_timer(&response, now);
            }
            408 | 481 => return self.end_by(EndedBy::Timeout, core, now),
            401 | 407 if may_try => {
                let challenged =
                    Challenged { request: request.clone(), response: response.clone(), until: now + GIVE_UP };
                timer.challenged = Some(Box::new(challenged));
                let (response, request) = (Box::new(response), Box::new(request));
                core.event(Event::Challenged { session: self.id, response, request });
            }
            405 | 501 => {
                self.allows_update = false;
                self.refresh(core, now);
            }
            _ if longer && may_try => self.refresh(core, now),
            491 => timer.refresh_at = Some(now + pause),
            _ => self.refresh_later(now),
        }
        Fate::Stays
    }

    /// The owner has no credentials: unless the peer changes its mind, the session ends with the interval that was agreed on.
    pub(super) fn give_up_refresh(&mut self) {
        if let Some(timer) = &mut self.timer {
            timer.challenged = None;
        }
    }

    /// No response to our UPDATE.
    pub(super) fn on_unrefreshed(&mut self, why: Why, core: &mut Core, now: Instant) -> Fate {
        if why == Why::Timeout && matches!(self.state, State::Answered { .. }) {
            return self.end_by(EndedBy::Timeout, core, now);
        }
        self.refresh_later(now);
        Fate::Stays
    }

    /// Our challenged UPDATE again, with credentials. False: there was none.
    pub(super) fn retry_refresh(&mut self, name: &str, value: &str, core: &mut Core, now: Instant) -> bool {
        let Some(challenged) = self.timer.as_mut().and_then(|t| t.challenged.take()) else { return false };
        let State::Answered { dialog, .. } = &mut self.state else { return false };
        if let Some(timer) = &mut self.timer {
            timer.tries = timer.tries.saturating_add(1);
        }
        let request = again(&challenged.request, name, value, dialog.next_cseq());
        core.send(self.flow, request, Usage::Update(self.id), now);
        true
    }
}
