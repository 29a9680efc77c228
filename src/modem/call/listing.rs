//! What `AT+CLCC` shows: the truth where notifications were lost.
use super::commands::ANSWERS;
use super::machine::{Calls, Progress, RING_SILENCE, Sent, State};
use super::{Caller, End, EndedBy};
use crate::modem::command::Reply;
use crate::util::time::Instant;
use crate::wire::at::{Final, Listed, Stat};

/// Lists in a row without the call before it counts as over.
const MISSES: u8 = 2;

impl Calls {
    pub(super) fn on_list(&mut self, reply: &Reply, now: Instant) {
        if *reply == Reply::Lost {
            self.want_list = self.orphans && self.is_idle();
            self.look_again(now);
            return;
        }
        let calls: Vec<Listed> = reply.lines().iter().filter_map(|l| Listed::parse(l)).collect();
        let ours = calls.iter().find(|c| self.is_ours_listed(c));
        let asked = reply.is_ok();
        match self.state.clone() {
            State::Idle => self.on_orphans(&calls),
            State::Announced { tell_at, .. } => {
                if let Some(call) = ours {
                    self.id = Some(call.id);
                    match Caller::of(&call.party) {
                        Some(caller) => self.tell(caller, now),
                        None => self.enter(State::Announced { tell_at, nameless: true }),
                    }
                }
            }
            State::Ringing { last } => self.on_list_ringing(ours, now.since(last) >= RING_SILENCE, now),
            State::Answering { ata: Sent::Answered, tries, refused } => match ours {
                Some(call) if call.stat == Stat::Active => self.on_listed_active(call, now),
                Some(call) => {
                    self.id = Some(call.id);
                    self.heard(now);
                    self.on_unanswered(tries, refused);
                }
                None => self.on_missing(asked, refused.is_some(), now),
            },
            State::Dialling { atd: Sent::Answered, rung, .. } => match ours {
                Some(call) => self.on_listed_dialled(call, now),
                None if rung && self.missing > 0 && calls.iter().any(|c| c.incoming) => {
                    // For the second time only the caller's call is there: it won.
                    self.finish(End::bare(EndedBy::Collision));
                    self.on_ring(now);
                    self.want_list = false;
                    self.on_list(reply, now);
                }
                None => self.on_missing(asked, false, now),
            },
            State::Talking { .. } => match ours {
                Some(_) => self.heard(now),
                None => self.on_missing(asked, false, now),
            },
            State::HangingUp { chup: Sent::Answered, end, .. } => match ours {
                Some(_) => self.hang_up_again(),
                None => self.finish(end),
            },
            State::Answering { .. }
            | State::Dialling { .. }
            | State::HangingUp { .. }
            | State::Refused { .. } => {}
        }
    }

    /// By its number on the stick, or by who began it while that is not known.
    fn is_ours_listed(&self, call: &Listed) -> bool {
        match self.id {
            Some(id) => call.id == id && call.incoming == self.incoming,
            None => call.incoming == self.incoming,
        }
    }

    /// What is up and nobody's: left over by an earlier run, or given up too early. It would be billed on. A caller
    /// rings again and is not hung up on.
    fn on_orphans(&mut self, calls: &[Listed]) {
        let up = |c: &Listed| !matches!(c.stat, Stat::Incoming | Stat::Waiting);
        if std::mem::take(&mut self.orphans) && calls.iter().any(up) {
            log::warn!("the stick holds a call that nobody owns; hung up");
            self.hang_up_orphan = true;
        }
    }

    fn on_list_ringing(&mut self, ours: Option<&Listed>, silent: bool, now: Instant) {
        match ours {
            Some(call) => {
                self.id = Some(call.id);
                self.heard(now);
            }
            None if silent || self.doubt.is_some() => self.finish(self.vanished()),
            None => self.look_again(now),
        }
    }

    fn on_listed_active(&mut self, call: &Listed, now: Instant) {
        self.id = Some(call.id);
        self.connect(now);
    }

    /// It rings on although ATA was answered; refused, ATA is tried once more.
    fn on_unanswered(&mut self, tries: u8, refused: Option<Final>) {
        match refused {
            None => {}
            Some(_) if tries < ANSWERS => {
                self.enter(State::Answering { ata: Sent::No, tries, refused: None });
            }
            Some(result) => self.bring_down(End::bare(EndedBy::Refused(result))),
        }
    }

    fn on_listed_dialled(&mut self, call: &Listed, now: Instant) {
        self.id = Some(call.id);
        match call.stat {
            Stat::Active | Stat::Held => {
                self.advance(Progress::Originated);
                self.connect(now);
                return;
            }
            Stat::Alerting => self.advance(Progress::Alerting),
            _ => self.advance(Progress::Originated),
        }
        self.heard(now);
    }

    /// Not in the list. `asked`: the stick gave one. `gone`: there is other evidence.
    fn on_missing(&mut self, asked: bool, gone: bool, now: Instant) {
        let gone = gone || self.doubt.is_some();
        if !asked && !gone {
            // This stick does not list; only ^CEND tells.
            self.look_again(now);
            return;
        }
        self.missing = self.missing.saturating_add(1);
        if gone || self.missing >= MISSES {
            let end = self.vanished();
            self.finish(end);
        } else {
            self.look_again(now);
        }
    }

    /// How it ended, when only the list shows that it did.
    fn vanished(&self) -> End {
        let ringing = matches!(self.state, State::Ringing { .. } | State::Answering { .. });
        let by = if ringing { EndedBy::Far } else { EndedBy::Vanished };
        self.doubt.unwrap_or(End::bare(by))
    }
}
