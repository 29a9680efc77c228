//! The dongles: attached and detached, their ports, their events.
use super::fleet::{Fleet, Known, Plug, choosiness};
use super::line::{Line, LineId, SoundSeen};
use super::storing::Purpose;
use super::switching::{Switching, Trouble};
use super::{Output, Switch};
use crate::config::Dongle;
use crate::message::outbox::Attempt;
use crate::message::store;
use crate::message::{Change, TextId};
use crate::modem::bus::UsbDevice;
use crate::modem::{Action, Event, PinNote, SendResult};
use crate::util::MANAGER;
use crate::util::text::one_line;
use crate::util::time::{Instant, Now};
use crate::wire::at::Final;
use std::time::Duration;

/// A stick is missing or just came.
const LOOK_SOON: Duration = Duration::from_millis(250);
const LOOK_OFTEN: Duration = Duration::from_secs(1);
const LOOK_SELDOM: Duration = Duration::from_secs(10);

impl Switch {
    /// How long until the bus is to be looked at again; a uevent comes sooner. `None`: no section needs the bus.
    #[must_use]
    pub fn bus_interval(&self) -> Option<Duration> {
        let mut on_bus = self.lines.iter().filter(|l| !l.has_explicit_ports()).peekable();
        on_bus.peek()?;
        let unhappy = |l: &Line| l.plug.is_none() || !l.modem.life().is_working();
        Some(match (self.unsettled, on_bus.any(unhappy)) {
            (true, true) => LOOK_SOON,
            (false, true) => LOOK_OFTEN,
            (_, false) => LOOK_SELDOM,
        })
    }

    /// What sysfs shows now.
    pub fn handle_bus(&mut self, devices: &[UsbDevice], now: Now) {
        self.unsettled = self.fleet.look(devices);
        for line in &mut self.lines {
            let gone = line.plug.as_ref().is_some_and(|(plug, ports)| !self.fleet.has(plug, ports));
            if gone {
                log::warn!("dongle '{}': unplugged", line.section.name);
                line.note_gone(now.mono);
                line.plug = None;
                line.modem.handle_detached(None);
            }
        }
        self.switch_sticks(devices, now.mono);
        self.attach(now.mono);
        self.turn(now);
    }

    /// A port of `Output::Open` was opened, or why not.
    pub fn handle_opened(&mut self, line: LineId, port: usize, result: Result<(), String>, now: Now) {
        if let Some(line) = self.line_mut(line) {
            line.modem.handle_opened(port, result, now.mono);
        }
        self.turn(now);
    }

    /// A port hung up.
    pub fn handle_closed(&mut self, line: LineId, why: &str, now: Now) {
        if let Some(line) = self.line_mut(line) {
            line.modem.handle_closed(why, now.mono);
            self.unsettled = true;
        }
        self.turn(now);
    }

    /// Bytes from a port.
    pub fn handle_at(&mut self, line: LineId, port: usize, bytes: &[u8], now: Now) {
        let Some(known) = self.line_mut(line) else { return };
        if known.modem.takes_voice(port) {
            known.modem.note_voice(now.mono);
            known.sound = Some(SoundSeen::Came);
            // Fifty times a second: nothing else has happened.
            self.handle_voice(line, port, bytes, now);
            return;
        }
        known.modem.handle_bytes(port, bytes, now.mono);
        self.turn(now);
    }

    /// Lines for the sections: those whose stick is not concerned by a change live on.
    pub(super) fn set_lines(&mut self, now: Now) {
        let mut old = std::mem::take(&mut self.lines);
        for section in self.loaded.config.dongles.iter().filter(|d| d.enabled) {
            let kept = old.iter().position(|l| l.section.name == section.name && l.survives(section));
            let line = match kept {
                Some(at) => {
                    let mut line = old.swap_remove(at);
                    line.section = section.clone();
                    line
                }
                None => {
                    self.fleet.forget(&section.name);
                    self.next_line = self.next_line.wrapping_add(1);
                    Line::new(LineId(self.next_line), section, &self.pins, now.mono)
                }
            };
            self.lines.push(line);
        }
        for mut line in old {
            log::info!("dongle '{}': no longer used", line.section.name);
            line.modem.handle_detached(None);
            while let Some(action) = line.modem.poll_action() {
                // What it was sending, a call, a code: they have no other way to end.
                match action {
                    Action::Event(Event::Sent { token, result }) => {
                        self.outbox.handle_sent(TextId(token), attempt_of(result), now);
                    }
                    Action::Event(Event::Call(event)) => self.on_call_event(line.id, &event, now),
                    Action::Event(Event::Ussd { token, result }) => self.on_ussd(line.id, token, result),
                    _ => {}
                }
            }
            self.slots.values_mut().for_each(|slots| slots.retain(|(id, _)| *id != line.id));
            self.outputs.push_back(Output::Close { line: line.id });
        }
        self.attach(now.mono);
    }

    fn attach(&mut self, now: Instant) {
        let mut order: Vec<usize> = (0..self.lines.len()).collect();
        let choosy = |at: &usize| self.lines.get(*at).map(|l| choosiness(&l.section));
        order.sort_by_key(|at| std::cmp::Reverse(choosy(at)));
        for at in order {
            let taken: Vec<_> =
                self.lines.iter().filter_map(|l| l.plug.as_ref()).map(|(p, _)| p.clone()).collect();
            let Some(line) = self.lines.get_mut(at).filter(|l| l.plug.is_none() && !l.has_explicit_ports())
            else {
                continue;
            };
            if let Some((plug, ports)) = self.fleet.find(&line.section, &taken) {
                log::info!("dongle '{}': stick found at {}", line.section.name, plug.path);
                line.plug = Some((plug, ports.clone()));
                line.modem.handle_attached(ports, true, now);
            } else if line.modem.life().is_absent() {
                match unswitched(&self.fleet, &self.switching, &line.section) {
                    Some((switching, why)) => line.modem.handle_storage(switching, why),
                    None => line.modem.handle_detached(self.fleet.explain(&line.section)),
                }
            }
        }
    }

    /// Ask sticks that show themselves as a CD to be modems.
    fn switch_sticks(&mut self, devices: &[UsbDevice], now: Instant) {
        if !MANAGER {
            return;
        }
        let Self { lines, switching, outputs, .. } = self;
        let named = |path: &str| lines.iter().any(|l| l.section.usb.as_deref() == Some(path));
        let waits = |line: &&Line| line.plug.is_none() && !line.has_explicit_ports();
        let wanted = |path: &str| {
            lines.iter().filter(waits).any(|l| l.section.usb.as_deref().is_none_or(|usb| usb == path))
        };
        switching.look(devices, named, wanted, now);
        while let Some(order) = switching.poll_order() {
            outputs.push_back(Output::ModeSwitch(order));
        }
    }

    /// What became of an `Output::ModeSwitch`, as far as the asking goes; the bus shows the rest.
    pub fn handle_switched(&mut self, plug: &Plug, result: Result<(), Trouble>, now: Now) {
        self.switching.on_result(plug, result, now.mono);
        self.attach(now.mono);
        self.turn(now);
    }

    pub(super) fn line_mut(&mut self, id: LineId) -> Option<&mut Line> {
        self.lines.iter_mut().find(|l| l.id == id)
    }

    /// Take what the modems want. True when there was something.
    pub(super) fn turn_lines(&mut self, now: Now) -> bool {
        let mut events = Vec::new();
        for line in &mut self.lines {
            let id = line.id;
            while let Some(action) = line.modem.poll_action() {
                match action {
                    Action::Open(ttys) => self.outputs.push_back(Output::Open { line: id, ttys }),
                    Action::CloseAll => self.outputs.push_back(Output::Close { line: id }),
                    Action::Write(port, bytes) => {
                        self.outputs.push_back(Output::Write { line: id, port, bytes })
                    }
                    Action::Reset(rung) => {
                        if let Some((plug, _)) = line.plug.clone() {
                            self.outputs.push_back(Output::Reset { plug, rung });
                        }
                    }
                    Action::Event(event) => events.push((id, event)),
                }
            }
        }
        let any = !events.is_empty();
        for (id, event) in events {
            self.on_event(id, event, now);
        }
        any
    }

    fn on_event(&mut self, id: LineId, event: Event, now: Now) {
        match event {
            Event::Text(found) => self.on_pdu(id, Some(found.slot), &found.pdu, now),
            Event::Direct(pdu) => self.on_pdu(id, None, &pdu, now),
            Event::Sent { token, result } => self.outbox.handle_sent(TextId(token), attempt_of(result), now),
            Event::NotMine => self.on_not_mine(id, now.mono),
            Event::NotePin { key, note } => self.on_pin_note(id, key, note),
            Event::Call(event) => self.on_call_event(id, &event, now),
            Event::Ussd { token, result } => self.on_ussd(id, token, result),
            Event::UssdPush(text) => {
                let name = self.line_mut(id).map(|l| l.section.name.clone()).unwrap_or_default();
                log::info!("dongle '{name}': the network says: {}", one_line(&text, 200));
            }
            Event::Changed => {}
        }
    }

    fn on_not_mine(&mut self, id: LineId, now: Instant) {
        let Some(line) = self.lines.iter_mut().find(|l| l.id == id) else { return };
        let identity = &line.modem.view().identity;
        let known = Known { imei: identity.imei.clone(), imsi: identity.imsi.clone() };
        let wanted = if line.section.imei.is_some() { "IMEI" } else { "IMSI" };
        match line.plug.take() {
            Some((plug, _)) => {
                log::info!("dongle '{}': the stick at {} has another {wanted}", line.section.name, plug.path);
                self.fleet.reject(&line.section.name, &plug, known);
                line.modem.handle_detached(self.fleet.explain(&line.section));
            }
            None => {
                line.modem
                    .handle_detached(Some(format!("the stick at option 'at_port' has another {wanted}")));
            }
        }
        self.attach(now);
    }

    fn on_pin_note(&mut self, line: LineId, key: u64, note: PinNote) {
        self.pins.insert(key, note);
        let bytes = store::encode(&serde_json::json!({"note": note.name()}));
        let change = Change::Write { name: pin_file(key), bytes };
        self.store(Purpose::Pin { line, key }, change);
    }
}

/// What is the matter with a stick that shows itself as a CD and that this section could take. The flag: it is being switched.
fn unswitched(fleet: &Fleet, switching: &Switching, section: &Dongle) -> Option<(bool, String)> {
    let fits = |path: &&str| section.usb.as_deref().is_none_or(|usb| usb == *path);
    if MANAGER {
        return fleet
            .storages()
            .chain(switching.under_way())
            .filter(fits)
            .find_map(|path| switching.explain(path));
    }
    let path = fleet.storages().find(fits)?;
    Some((
        false,
        format!(
            "the stick at {path} still shows itself as a CD: install usb-modeswitch, or send it AT^U2DIAG=256 once"
        ),
    ))
}

/// The file of what is known of one PIN on one SIM.
pub(super) fn pin_file(key: u64) -> String {
    format!("{key:016x}.pin")
}

fn attempt_of(result: SendResult) -> Attempt {
    match result {
        SendResult::Accepted(reference) => Attempt::Accepted(reference),
        SendResult::Rejected(Final::Cms(code) | Final::Cme(code)) => Attempt::Rejected(Some(code)),
        SendResult::Rejected(_) => Attempt::Rejected(None),
        SendResult::Unknown => Attempt::Unknown,
        SendResult::NotSent => Attempt::NotSent,
    }
}
