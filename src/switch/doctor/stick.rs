//! From the socket to the first `OK`.
use super::{Seen, fine, mind, skipped, wrong};
use crate::modem::Life;
use crate::modem::bus::Kind;
use crate::switch::Switch;
use crate::switch::line::Line;
use crate::util::time::Instant;
use std::time::Duration;

/// So often in so long it is no accident.
const OFTEN: usize = 3;
const LATELY: Duration = Duration::from_secs(3_600);

impl Switch {
    /// Sticks of this section's kind that the bus shows: their sockets, and what they are.
    fn on_bus<'a>(&'a self, line: &'a Line) -> impl Iterator<Item = (&'a str, &'a Kind)> {
        let fits = |path: &str| line.section.usb.as_deref().is_none_or(|usb| usb == path);
        let used = |path: &str| {
            self.lines
                .iter()
                .filter(|l| l.id != line.id)
                .any(|l| l.plug.as_ref().is_some_and(|(p, _)| p.path == path))
        };
        self.fleet.kinds().filter(move |(path, _)| fits(path) && !used(path))
    }

    pub(super) fn look_at_usb(&self, line: &Line) -> Seen {
        if line.has_explicit_ports() {
            return skipped("the section names its ports (option 'at_port'), so the bus is not looked at");
        }
        if let Some((plug, _)) = &line.plug {
            return fine(format!(
                "the stick is at socket {} (device {} of bus {})",
                plug.path, plug.device, plug.bus
            ));
        }
        if let Life::Absent { reason: Some(reason) } = line.modem.life()
            && self.on_bus(line).all(|(_, kind)| matches!(kind, Kind::Modem(_)))
        {
            return wrong(
                reason.clone(),
                "correct option 'imei', 'imsi' or 'usb' of the section, or plug in the other stick",
            );
        }
        if let Some((path, _)) = self.on_bus(line).next() {
            return fine(format!("a stick is at socket {path}"));
        }
        if self.switching.under_way().next().is_some() {
            return mind("a stick is between two modes", "wait half a minute and ask again");
        }
        if line.vanished.is_empty() {
            wrong(
                "no Huawei stick on the bus",
                "plug it in; try another socket and another cable; a socket without power shows nothing in 'lsusb'",
            )
        } else {
            wrong(
                "the stick was there and has left the bus",
                "unplug it for ten seconds; if it comes and goes, give it more power (a hub with a supply of its own)",
            )
        }
    }

    pub(super) fn look_at_mode(&self, line: &Line) -> Seen {
        match line.modem.life() {
            _ if line.has_explicit_ports() => skipped("its ports are there, so it is a modem"),
            Life::Switching { reason } => mind(reason.clone(), "wait half a minute and ask again"),
            Life::Storage { reason } => wrong(
                reason.clone(),
                "pull it and push it in again; if it stays so, install usb-modeswitch or send it AT^U2DIAG=256 at a computer",
            ),
            _ if line.plug.is_some() => fine("it shows itself as a modem"),
            _ => match self.on_bus(line).find(|(_, kind)| **kind == Kind::Router) {
                Some((path, _)) => wrong(
                    format!("the stick at {path} is a router (HiLink): no serial ports, no voice"),
                    "it needs another firmware or another mode for calls and texts: take another stick",
                ),
                None => fine("it shows itself as a modem"),
            },
        }
    }

    pub(super) fn look_at_driver(&self, line: &Line) -> Seen {
        if line.has_explicit_ports() || line.plug.is_some() {
            return fine("the driver has made its serial ports");
        }
        match self.on_bus(line).find(|(_, kind)| **kind == Kind::Incomplete) {
            Some((path, _)) if self.unsettled => mind(
                format!("the ports of the stick at {path} are being made"),
                "wait a second and ask again",
            ),
            Some((path, _)) => wrong(
                format!("the stick at {path} is a modem, but the kernel has made no serial ports for it"),
                "install kmod-usb-serial-option and kmod-usb-serial-wwan; a kernel that does not know the stick learns \
                 it by: echo '12d1 PRODUCT ff' > /sys/bus/usb-serial/drivers/option1/new_id",
            ),
            None => fine("the driver has made its serial ports"),
        }
    }
}

/// A stick that goes by itself wants more than the socket gives.
pub(super) fn power(line: &Line, now: Instant) -> Seen {
    let lately = line.vanished.iter().filter(|at| now.since(**at) < LATELY).count();
    match lately {
        0 if line.has_explicit_ports() => {
            skipped("the section names its ports, so nobody sees it come and go")
        }
        0 => fine("it has not gone by itself lately"),
        n if n < OFTEN => mind(
            format!("it has gone {n} times within the last hour"),
            "if that was not your hand: a shorter cable, or a hub with a supply of its own",
        ),
        n => wrong(
            format!(
                "it has gone {n} times within the last hour: it draws up to 500 mA, and more for moments"
            ),
            "a hub with a supply of its own, a short cable, a stronger supply for the router",
        ),
    }
}

pub(super) fn ports(line: &Line) -> Seen {
    let (commands, voice) = line.modem.port_names();
    match line.modem.life() {
        Life::Opening { .. } => mind("its ports are being opened", "wait some seconds and ask again"),
        Life::Failed { reason, .. } if commands.is_some_and(|tty| reason.starts_with(tty)) => wrong(
            reason.clone(),
            "stop the other program, or give the daemon's user the right (group 'dialout')",
        ),
        life if life.is_absent() => wrong("it has no ports", "see the steps before this one"),
        _ => fine(format!(
            "commands go to {}, voice comes from {}",
            commands.unwrap_or("no port yet"),
            voice.unwrap_or("no port of its own")
        )),
    }
}

pub(super) fn commands(line: &Line) -> Seen {
    match line.modem.life() {
        Life::Probing { .. } => {
            mind("its ports are being asked for an answer to AT", "wait some seconds and ask again")
        }
        Life::Resetting { rung, .. } => mind(
            format!("it did not answer and is being restarted: {rung}"),
            "wait a minute and ask again; if this repeats, give it more power or pull it once",
        ),
        Life::Failed { reason, .. } => wrong(
            reason.clone(),
            "pull it and push it in again; if it stays silent, try it at a computer: its firmware may hang",
        ),
        _ => {
            let identity = &line.modem.view().identity;
            let resets = line.modem.resets();
            let who = format!(
                "it answers: {} with firmware {}",
                identity.model.as_deref().unwrap_or("a stick that does not say its model"),
                identity.firmware.as_deref().unwrap_or("unknown")
            );
            match resets {
                0 => fine(who),
                n => mind(
                    format!("{who}; it was restarted {n} times since the start of the daemon"),
                    "now and then is usual; if it is every day, give it more power",
                ),
            }
        }
    }
}
