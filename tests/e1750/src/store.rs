//! Texts on their way from the network into a slot (or past it).

use std::time::Duration;

use serde_json::json;

use crate::hex;
use crate::pdu;
use crate::quirks::Quirk;
use crate::sim::{Memory, Message, SimState};
use crate::stick::{Event, Stick};

impl Stick {
    /// The network takes a text into custody and offers it.
    pub fn network_sends(&mut self, pdu: Vec<u8>) {
        let hex = hex::encode(&pdu);
        let kept = self.network.keep(pdu);
        self.log.event("network_sms", json!({"hex": hex, "kept": kept}));
        self.wake_delivery(Duration::ZERO);
    }

    /// Offers the next waiting text after `wait`, unless an offer is under way.
    pub fn wake_delivery(&mut self, wait: Duration) {
        if !self.delivering && self.plugged.is_some() && self.network.waiting() > 0 {
            self.delivering = true;
            self.later(wait, Event::Deliver);
        }
    }

    /// A slot became free: the network tries again after a while.
    pub fn slot_freed(&mut self) {
        let wait = self.pace(20, 2000, 5000);
        self.wake_delivery(wait);
    }

    /// One offer of the network.
    pub fn deliver_next(&mut self) {
        self.delivering = false;
        if !self.network.attached || self.sim.state != SimState::Ready {
            return;
        }
        let Some(pdu) = self.network.next_waiting().cloned() else { return };
        if !self.accept(&pdu) {
            self.log.event("store_full", json!({"waiting": self.network.waiting()}));
            if !self.quirks.has(Quirk::FullSilent) {
                let memory = self.receiving_memory().name();
                self.urc(&format!("^SMMEMFULL:\"{memory}\""));
            }
            return;
        }
        self.network.delivered();
        let gap = self.pace(3, 1000, 2000);
        self.wake_delivery(gap);
    }

    fn receiving_memory(&self) -> Memory {
        let [selected, _, received] = self.powered.memories;
        if self.quirks.has(Quirk::CmtiOther) { selected.other() } else { received }
    }

    /// The stick takes one text; `false` when it has no room.
    fn accept(&mut self, pdu: &[u8]) -> bool {
        let [mode, texts, _, reports, _] = self.powered.cnmi;
        let length = pdu::tpdu_length(pdu).unwrap_or(0);
        let tpdu = pdu.len() - length;
        let is_report = pdu.get(tpdu).is_some_and(|first| first & 3 == 2);
        if is_report && reports != 2 {
            if reports == 1 {
                self.urc(&format!("+CDS: {length}\n{}", hex::encode(pdu)));
            } else {
                self.log.event("report_dropped", json!({}));
            }
            return true;
        }
        let flash = self.quirks.has(Quirk::FlashCmt) && is_class_0(pdu);
        if !is_report && (flash || texts >= 2) {
            self.log.event("routed", json!({"hex": hex::encode(pdu)}));
            self.urc(&format!("+CMT: ,{length}\n{}", hex::encode(pdu)));
            return true;
        }
        let memory = self.receiving_memory();
        let Some(index) = self.sim.store(memory, Message::new(pdu.to_vec(), 0)) else { return false };
        self.log.event("stored", json!({"memory": memory.name(), "slot": index, "hex": hex::encode(pdu)}));
        self.tell_stored(memory, index, is_report, mode > 0 && (is_report || texts == 1));
        true
    }

    fn tell_stored(&mut self, memory: Memory, index: usize, is_report: bool, wanted: bool) {
        if !wanted || self.quirks.has(Quirk::NoCmti) {
            return;
        }
        let name = memory.name();
        let text = match is_report {
            true if self.quirks.has(Quirk::CdsiSr) => format!("+CDSI: \"SR\",{index}"),
            true => format!("+CDSI: \"{name}\",{index}"),
            false if self.quirks.has(Quirk::CmtiMinusOne) => format!("+CMTI: \"{name}\",-1"),
            false => format!("+CMTI: \"{name}\",{index}"),
        };
        self.urc(&text);
    }
}

/// Whether a DELIVER carries message class 0.
fn is_class_0(pdu: &[u8]) -> bool {
    let dcs = || {
        let first = 1 + usize::from(*pdu.first()?);
        let digits = usize::from(*pdu.get(first + 1)?);
        pdu.get(first + 3 + digits.div_ceil(2) + 1).copied()
    };
    dcs().is_some_and(|d| d & 0xD3 == 0x10 || d & 0xF3 == 0xF0)
}
