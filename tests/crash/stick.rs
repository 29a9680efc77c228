//! A stick of few words, for a virtual clock: no echo, no quirks (tests/e1750 has those). Its SIM and its network outlive a crash of the daemon.
use std::collections::{BTreeMap, VecDeque};

#[derive(Clone, Debug, Default)]
pub struct ModelStick {
    /// The SIM: index to PDU.
    pub slots: BTreeMap<u16, String>,
    pub capacity: u16,
    /// Kept by the network until a slot is free.
    pub waiting: VecDeque<String>,
    /// What the network took from us.
    pub sent: Vec<String>,
    /// The next submissions get no answer although they go out.
    pub swallow_answers: u32,
    prompt: bool,
    line: Vec<u8>,
}

/// What one command did, for the checks of the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    Deleted(String),
    Nothing,
}

impl ModelStick {
    pub fn new(capacity: u16) -> Self {
        Self { capacity, ..Self::default() }
    }

    /// The network brings a text; what the stick says unasked.
    pub fn arrive(&mut self, pdu: &str) -> String {
        self.waiting.push_back(pdu.to_owned());
        self.take_waiting()
    }

    fn take_waiting(&mut self) -> String {
        let mut said = String::new();
        while let Some(pdu) = self.waiting.pop_front() {
            let Some(free) = (0..self.capacity).find(|i| !self.slots.contains_key(i)) else {
                self.waiting.push_front(pdu);
                if said.is_empty() {
                    said.push_str("\r\n^SMMEMFULL:\"SM\"\r\n");
                }
                break;
            };
            self.slots.insert(free, pdu);
            said.push_str(&format!("\r\n+CMTI: \"SM\",{free}\r\n"));
        }
        said
    }

    /// The daemon died: what it was writing is gone.
    pub fn hang_up(&mut self) {
        self.prompt = false;
        self.line.clear();
    }

    /// Bytes from the daemon, up to the first complete command; the rest of the bytes, the answer, and the deed.
    pub fn feed(&mut self, bytes: &[u8]) -> (usize, Option<(String, Deed)>) {
        for (at, byte) in bytes.iter().enumerate() {
            match (byte, self.prompt) {
                (0x1b, _) => {
                    self.prompt = false;
                    self.line.clear();
                }
                (0x1a, true) => {
                    self.prompt = false;
                    let pdu = String::from_utf8(std::mem::take(&mut self.line)).unwrap();
                    return (at + 1, Some((self.submit(&pdu), Deed::Nothing)));
                }
                (b'\r', false) => {
                    let line = String::from_utf8(std::mem::take(&mut self.line)).unwrap();
                    if !line.is_empty() {
                        return (at + 1, Some(self.command(&line)));
                    }
                }
                (b, _) => self.line.push(*b),
            }
        }
        (bytes.len(), None)
    }

    fn submit(&mut self, pdu: &str) -> String {
        self.sent.push(pdu.to_owned());
        if self.swallow_answers > 0 {
            self.swallow_answers -= 1;
            return String::new();
        }
        format!("\r\n+CMGS: {}\r\n\r\nOK\r\n", self.sent.len())
    }

    fn command(&mut self, line: &str) -> (String, Deed) {
        let ok = |text: &str| (format!("\r\n{text}\r\n\r\nOK\r\n"), Deed::Nothing);
        if let Some(index) = line.strip_prefix("AT+CMGD=") {
            let pdu = self.slots.remove(&index.parse().unwrap());
            let said = format!("\r\nOK\r\n{}", self.take_waiting());
            return (said, pdu.map_or(Deed::Nothing, Deed::Deleted));
        }
        if let Some(index) = line.strip_prefix("AT+CMGR=") {
            return match self.slots.get(&index.parse().unwrap()) {
                Some(pdu) => ok(&format!("+CMGR: 0,,{}\r\n{pdu}", pdu.len() / 2)),
                None => ("\r\nOK\r\n".to_owned(), Deed::Nothing),
            };
        }
        if line.starts_with("AT+CMGS=") {
            self.prompt = true;
            return ("\r\n> ".to_owned(), Deed::Nothing);
        }
        let (used, total) = (self.slots.len(), self.capacity);
        match line {
            "AT+CMGL=4" => {
                let entries =
                    self.slots.iter().map(|(i, pdu)| format!("+CMGL: {i},1,,{}\r\n{pdu}", pdu.len() / 2));
                ok(&entries.collect::<Vec<_>>().join("\r\n"))
            }
            "AT+CGSN" => ok("860000000000000"),
            "AT+CIMI" => ok("404450000000000"),
            "AT+CPIN?" => ok("+CPIN: READY"),
            "AT+CREG?" => ok("+CREG: 2,1"),
            "AT+COPS?" => ok("+COPS: 0,0,\"Model\",2"),
            "AT+CPMS?" => ok(&format!("+CPMS: \"SM\",{used},{total}")),
            _ if line.starts_with("AT+CPMS=\"ME\"") => ("\r\nERROR\r\n".to_owned(), Deed::Nothing),
            _ if line.starts_with("AT+CPMS=") => ok(&format!("+CPMS: {used},{total}")),
            _ => ("\r\nOK\r\n".to_owned(), Deed::Nothing),
        }
    }
}
