//! The SIM card and the stick's own message memory: PIN, PUK, slots. It outlives every unplug.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::hex;

/// Slots of the stick's own memory ("ME") on an E1750.
const ME_SLOTS: usize = 23;
const PUK_TRIES: u8 = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SimState {
    Absent,
    /// Just powered, AT+CPIN? says busy.
    Busy,
    PinNeeded,
    PukNeeded,
    /// PIN is through, files are being read: 2-10 s on real sticks.
    Initialising,
    Ready,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Memory {
    Sm,
    Me,
}

impl Memory {
    pub fn name(self) -> &'static str {
        match self {
            Memory::Sm => "SM",
            Memory::Me => "ME",
        }
    }

    pub fn parse(name: &str) -> Option<Memory> {
        match name {
            "SM" => Some(Memory::Sm),
            "ME" => Some(Memory::Me),
            _ => None,
        }
    }

    pub fn other(self) -> Memory {
        match self {
            Memory::Sm => Memory::Me,
            Memory::Me => Memory::Sm,
        }
    }
}

/// One stored message: SMSC and TPDU.
#[derive(Debug, Clone)]
pub struct Message {
    pub pdu: Vec<u8>,
    /// 0 unread, 1 read, 2 unsent, 3 sent.
    pub stat: u8,
    /// Times read by AT+CMGR or AT+CMGL, ever and since the AT port was opened.
    pub read: u32,
    pub read_in_session: u32,
    pub delete_refused: bool,
}

impl Message {
    pub fn new(pdu: Vec<u8>, stat: u8) -> Message {
        Message { pdu, stat, read: 0, read_in_session: 0, delete_refused: false }
    }
}

#[derive(Debug)]
pub struct Sim {
    pub state: SimState,
    pub pin: Option<String>,
    pub pin_tries: u8,
    pin_tries_full: u8,
    pub puk: String,
    pub puk_tries: u8,
    /// Wrong PINs seen: entering one again is an offence.
    wrong: BTreeSet<String>,
    pub smsc: String,
    sm: Vec<Option<Message>>,
    me: Vec<Option<Message>>,
}

/// What became of a PIN or PUK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Accepted,
    Wrong { seen_before: bool },
    NowPuk,
    NotAsked,
    Blocked,
}

impl Sim {
    pub fn new(pin: Option<String>, tries: u8, slots: usize, smsc: &str) -> Sim {
        Sim {
            state: SimState::Busy,
            pin,
            pin_tries: tries,
            pin_tries_full: tries.max(3),
            puk: "12345678".into(),
            puk_tries: PUK_TRIES,
            wrong: BTreeSet::new(),
            smsc: smsc.into(),
            sm: vec![None; slots],
            me: vec![None; ME_SLOTS],
        }
    }

    /// The state after the first contact: what the lock asks for.
    pub fn after_power_up(&self) -> SimState {
        match &self.pin {
            _ if self.state == SimState::Absent => SimState::Absent,
            _ if self.pin_tries == 0 => SimState::PukNeeded,
            Some(_) => SimState::PinNeeded,
            None => SimState::Initialising,
        }
    }

    pub fn enter_pin(&mut self, pin: &str) -> Verdict {
        if self.state != SimState::PinNeeded {
            return Verdict::NotAsked;
        }
        if self.pin.as_deref() == Some(pin) {
            self.pin_tries = self.pin_tries_full;
            self.state = SimState::Initialising;
            return Verdict::Accepted;
        }
        self.pin_tries = self.pin_tries.saturating_sub(1);
        let seen_before = !self.wrong.insert(pin.to_string());
        if self.pin_tries == 0 {
            self.state = SimState::PukNeeded;
            return if seen_before { Verdict::Wrong { seen_before } } else { Verdict::NowPuk };
        }
        Verdict::Wrong { seen_before }
    }

    pub fn enter_puk(&mut self, puk: &str, new_pin: &str) -> Verdict {
        if self.state != SimState::PukNeeded {
            return Verdict::NotAsked;
        }
        if self.puk_tries == 0 {
            return Verdict::Blocked;
        }
        if self.puk == puk {
            self.pin = Some(new_pin.to_string());
            self.pin_tries = self.pin_tries_full;
            self.puk_tries = PUK_TRIES;
            self.wrong.remove(new_pin);
            self.state = SimState::Initialising;
            return Verdict::Accepted;
        }
        self.puk_tries -= 1;
        if self.puk_tries == 0 { Verdict::Blocked } else { Verdict::Wrong { seen_before: false } }
    }

    pub fn slots(&self, memory: Memory) -> &[Option<Message>] {
        match memory {
            Memory::Sm => &self.sm,
            Memory::Me => &self.me,
        }
    }

    fn slots_mut(&mut self, memory: Memory) -> &mut Vec<Option<Message>> {
        match memory {
            Memory::Sm => &mut self.sm,
            Memory::Me => &mut self.me,
        }
    }

    pub fn used(&self, memory: Memory) -> usize {
        self.slots(memory).iter().flatten().count()
    }

    pub fn slot_mut(&mut self, memory: Memory, index: usize) -> Option<&mut Option<Message>> {
        self.slots_mut(memory).get_mut(index)
    }

    /// Puts a message into the lowest free slot; `None` when full.
    pub fn store(&mut self, memory: Memory, message: Message) -> Option<usize> {
        let index = self.slots(memory).iter().position(Option::is_none)?;
        *self.slot_mut(memory, index)? = Some(message);
        Some(index)
    }

    /// A new session of the daemon: read counters of the session start again.
    pub fn new_session(&mut self) {
        for message in self.sm.iter_mut().chain(&mut self.me).flatten() {
            message.read_in_session = 0;
        }
    }

    /// Used slots for the control socket.
    pub fn list(&self) -> Vec<Value> {
        let mut out = Vec::new();
        for memory in [Memory::Sm, Memory::Me] {
            for (index, slot) in self.slots(memory).iter().enumerate() {
                if let Some(m) = slot {
                    out.push(json!({"index": index, "stat": m.stat, "hex": hex::encode(&m.pdu),
                        "read": m.read, "memory": memory.name()}));
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_wrong_pins_ask_for_the_puk() {
        let mut sim = Sim::new(Some("1234".into()), 3, 20, "+49");
        sim.state = sim.after_power_up();
        assert_eq!(sim.enter_pin("0000"), Verdict::Wrong { seen_before: false });
        assert_eq!(sim.enter_pin("0000"), Verdict::Wrong { seen_before: true });
        assert_eq!(sim.enter_pin("1111"), Verdict::NowPuk);
        assert_eq!(sim.enter_pin("1234"), Verdict::NotAsked);
        assert_eq!(sim.enter_puk("00000000", "4321"), Verdict::Wrong { seen_before: false });
        assert_eq!(sim.enter_puk("12345678", "4321"), Verdict::Accepted);
        assert_eq!((sim.pin_tries, sim.puk_tries, sim.pin.as_deref()), (3, 10, Some("4321")));
    }
}
