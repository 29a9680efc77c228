//! From the SIM to the mailbox.
use super::{Seen, fine, mind, skipped, wrong};
use crate::modem::Life;
use crate::modem::sim::SimTrouble;
use crate::modem::view::Pin;
use crate::switch::Switch;
use crate::switch::line::{Line, SoundSeen};
use crate::util::time::Instant;
use crate::wire::at::Registration;

/// Below this calls break off.
const WEAK: i16 = -105;
/// Of the slots of a SIM, in percent.
const NEARLY_FULL: u16 = 80;

fn trouble(line: &Line) -> Option<&SimTrouble> {
    match line.modem.life() {
        Life::Sim { trouble, .. } => Some(trouble),
        _ => None,
    }
}

pub(super) fn sim(line: &Line) -> Seen {
    let identity = &line.modem.view().identity;
    match trouble(line) {
        Some(SimTrouble::Absent) => wrong(
            SimTrouble::Absent.to_string(),
            "take the stick out, put the SIM in with its contacts towards the board, and push it until it clicks",
        ),
        Some(SimTrouble::Faulty) => wrong(
            SimTrouble::Faulty.to_string(),
            "try the SIM in a phone; an old stick takes no SIM of today's smallest form without its frame",
        ),
        Some(locked @ SimTrouble::Locked(_)) => wrong(
            locked.to_string(),
            "use a SIM of that operator, or have the stick unlocked (its seller or operator has the code)",
        ),
        Some(unclear @ SimTrouble::Unclear(_)) => {
            wrong(unclear.to_string(), "wait a minute; then pull the stick and push it in again")
        }
        _ if matches!(line.modem.life(), Life::Starting { .. }) && identity.imsi.is_none() => {
            mind("the stick is starting", "wait half a minute and ask again")
        }
        _ => fine("the stick reads the SIM"),
    }
}

pub(super) fn pin(line: &Line) -> Seen {
    let view = line.modem.view();
    let left = view.pin_tries.map_or_else(String::new, |n| format!("; {n} tries left"));
    match trouble(line) {
        Some(trouble @ SimTrouble::PinNeeded) => wrong(
            format!("{trouble}{left}"),
            format!("uci set tandem.{}.pin='…' && uci commit tandem && reload_config", line.section.name),
        ),
        Some(trouble @ SimTrouble::PinWrong) => wrong(
            format!("{trouble}{left}"),
            "look the PIN up; it is entered once more as soon as the option changes",
        ),
        Some(trouble @ SimTrouble::TooFewTries(_)) => wrong(
            trouble.to_string(),
            "put the SIM into a phone, enter the PIN there, put it back: that gives it all its tries again",
        ),
        Some(trouble @ SimTrouble::PukNeeded) => {
            wrong(trouble.to_string(), "the PUK is on the card that the SIM came with, or with the operator")
        }
        Some(trouble @ SimTrouble::NotNoted) => wrong(
            trouble.to_string(),
            "make room in the state directory, or make it writable ('tandem status' says what is wrong with it)",
        ),
        _ => match view.pin {
            Pin::Entered => fine("the PIN was entered and taken"),
            Pin::NotNeeded => fine("the SIM wants none"),
            Pin::Unknown | Pin::Wanted | Pin::Refused => {
                mind("not known yet", "wait half a minute and ask again")
            }
        },
    }
}

pub(super) fn network(line: &Line) -> Seen {
    let network = &line.modem.view().network;
    let operator = network.operator.as_deref().unwrap_or("a network without a name");
    let signal = network.signal_dbm.map_or_else(|| "signal unknown".to_owned(), |dbm| format!("{dbm} dBm"));
    let weak = network.signal_dbm.is_some_and(|dbm| dbm < WEAK);
    match network.registration {
        Registration::Home | Registration::Roaming if weak => mind(
            format!("{operator}, {signal}: weak"),
            "move the stick to a window, on a cable; an antenna where it has a socket for one",
        ),
        Registration::Home => fine(format!("{operator}, {signal}")),
        Registration::Roaming => {
            mind(format!("{operator}, {signal}, roaming"), "calls and texts may cost more than at home")
        }
        Registration::Denied => wrong(
            "the network refuses the SIM",
            "is it activated, paid for, not expired? Roaming may be off in the stick: AT^SYSCFG. Many operators have switched \
             off 2G and 3G: then no stick of this kind works there",
        ),
        Registration::Idle | Registration::Searching | Registration::Unknown
            if !line.modem.life().is_working() =>
        {
            mind("not asked yet", "wait half a minute and ask again")
        }
        Registration::Idle | Registration::Searching | Registration::Unknown => wrong(
            format!("no network ({signal})"),
            "is there coverage of 2G or 3G of this operator? A stick set to one of them finds no other: AT^SYSCFG=2,0,3FFFFFFF,2,4 \
             lets it take each",
        ),
    }
}

pub(super) fn voice(line: &Line) -> Seen {
    if line.modem.view().voice {
        return fine("the firmware says that it carries voice (^CVOICE); a call proves it");
    }
    if !line.modem.life().is_working() {
        return skipped("not asked yet");
    }
    wrong(
        "the firmware says that it carries no voice (AT^CVOICE?): texts work, calls are silent or refused",
        "voice is locked in many sticks that operators sold: another firmware (11.126.85 for E173, 11.609 for E1550) or an \
         unlocking tool gives it back",
    )
}

pub(super) fn sound(line: &Line) -> Seen {
    match line.sound {
        None => skipped("no call since the stick was plugged in"),
        Some(SoundSeen::Came) => fine("sound came in the last call"),
        Some(SoundSeen::None) => wrong(
            "in the last call no port brought sound, though each was tried (AT^DDSETEX)",
            "voice may be locked although ^CVOICE says otherwise; try another firmware. An E150 has sound one way only",
        ),
    }
}

impl Switch {
    pub(super) fn look_at_texts(&self, line: &Line) -> Seen {
        if let Some(trouble) = &self.disk_trouble {
            return wrong(
                format!("texts can't be stored ({trouble}): they stay on the SIM until they are delivered"),
                "make room in the state directory, or make it writable",
            );
        }
        let view = line.modem.view();
        let (used, total) = (view.slots_used, view.slots_total);
        let percent = u32::from(used).saturating_mul(100).checked_div(u32::from(total)).unwrap_or(0);
        if total > 0 && used >= total {
            wrong(
                format!("all {total} places of the SIM are taken: the network keeps further texts back"),
                "they are read and emptied by themselves; drafts and sent texts of a phone stay: delete them in a phone",
            )
        } else if percent >= u32::from(NEARLY_FULL) {
            mind(
                format!("{used} of {total} places of the SIM are taken"),
                "drafts and sent texts of a phone take places: delete them in a phone",
            )
        } else if !line.modem.life().is_working() {
            skipped("the stick does not work yet")
        } else if view.notifies {
            fine(format!("{used} of {total} places of the SIM are taken; new texts are announced"))
        } else {
            fine(format!(
                "{used} of {total} places of the SIM are taken; the stick announces no texts, so they are looked for every two minutes"
            ))
        }
    }

    pub(super) fn look_at_mail(&self, line: &Line, now: Instant) -> Seen {
        let name = &line.section.name;
        let config = &self.loaded.config;
        let forwarded =
            config.forwards.iter().any(|f| f.from.is_empty() || f.from.iter().any(|from| from == name));
        if !forwarded {
            return mind(
                "no section 'forward' takes the texts of this dongle: they are kept here",
                "'tandem sms list' shows them; for mail: config forward, list from, list to 'email/me@example.com'",
            );
        }
        let sick = self.post.servers().find(|server| server.reason.is_some());
        match sick {
            Some(server) => {
                let wait = server
                    .next_try
                    .map_or_else(String::new, |at| format!(", next try in {} s", at.since(now).as_secs()));
                wrong(
                    format!(
                        "mail server '{}': {} ({}){wait}; {} texts wait",
                        server.name,
                        server.state,
                        server.reason.as_deref().unwrap_or_default(),
                        server.waiting
                    ),
                    "correct the section 'smtp' ('tandem check' reads it over), or wait: each text is tried for seven days",
                )
            }
            None => fine("texts are forwarded, and no mail server has complained"),
        }
    }
}
