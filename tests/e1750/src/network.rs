//! The radio network: registration, texts that wait for the SIM, texts that were sent, USSD services.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

/// Texts the network keeps for one SIM.
const WAITING_LIMIT: usize = 1000;

/// What the next AT+CMGS comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendResult {
    Ok,
    Cms(u16),
    Cme(u16),
    Error,
    /// It went out, no answer comes.
    SilentSent,
    /// It was lost, no answer comes.
    SilentLost,
    /// The AT engine dies; the text is lost.
    Hang,
}

impl SendResult {
    pub fn parse(text: &str) -> Result<SendResult, String> {
        let number = |n: &str| n.trim().parse::<u16>().map_err(|_| format!("bad result {text}"));
        Ok(match text {
            "ok" => SendResult::Ok,
            "error" => SendResult::Error,
            "silent_sent" => SendResult::SilentSent,
            "silent_lost" => SendResult::SilentLost,
            "hang" => SendResult::Hang,
            _ => match text.split_once(' ') {
                Some(("cms", n)) => SendResult::Cms(number(n)?),
                Some(("cme", n)) => SendResult::Cme(number(n)?),
                _ => return Err(format!("unknown result {text}")),
            },
        })
    }
}

/// A USSD service: what it says, and whether it waits for an answer (`m` as in +CUSD).
#[derive(Debug, Clone)]
pub struct UssdService {
    pub text: String,
    pub m: u8,
}

#[derive(Debug)]
pub struct Network {
    /// What the control socket wants.
    pub offered: bool,
    pub roaming: bool,
    pub denied: bool,
    /// The stick is registered.
    pub attached: bool,
    pub csq: u16,
    waiting: VecDeque<Vec<u8>>,
    pub sent: Vec<Value>,
    pub results: VecDeque<SendResult>,
    next_reference: u8,
    /// Concatenation reference of the next long text.
    pub next_concat: u16,
    pub ussd: BTreeMap<String, UssdService>,
    /// A menu is open.
    pub ussd_open: bool,
}

impl Network {
    pub fn new() -> Network {
        let service = |text: &str, m| UssdService { text: text.into(), m };
        let ussd = BTreeMap::from([
            ("*100#".to_string(), service("Guthaben: 12,34 EUR", 0)),
            ("*101#".to_string(), service("1 Konto\n2 Tarif", 1)),
            ("1".to_string(), service("Konto: 12,34 €", 0)),
            ("2".to_string(), service("Tarif: {Basis}", 0)),
            ("*102#".to_string(), service("Баланс: 42 р.", 0)),
        ]);
        Network {
            offered: true,
            roaming: false,
            denied: false,
            attached: false,
            csq: 20,
            waiting: VecDeque::new(),
            sent: Vec::new(),
            results: VecDeque::new(),
            next_reference: 0,
            next_concat: 1,
            ussd,
            ussd_open: false,
        }
    }

    /// Takes a text into custody; `false` when the network gives up on it.
    pub fn keep(&mut self, pdu: Vec<u8>) -> bool {
        if self.waiting.len() >= WAITING_LIMIT {
            return false;
        }
        self.waiting.push_back(pdu);
        true
    }

    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub fn next_waiting(&self) -> Option<&Vec<u8>> {
        self.waiting.front()
    }

    pub fn delivered(&mut self) -> Option<Vec<u8>> {
        self.waiting.pop_front()
    }

    /// Message reference of the next sent text; wraps.
    pub fn reference(&mut self) -> u8 {
        let reference = self.next_reference;
        self.next_reference = reference.wrapping_add(1);
        reference
    }

    /// `<stat>` of +CREG.
    pub fn stat(&self, radio_on: bool) -> u8 {
        match () {
            () if !radio_on => 0,
            () if self.attached && self.roaming => 5,
            () if self.attached => 1,
            () if self.denied => 3,
            () => 2,
        }
    }

    pub fn state(&self) -> Value {
        json!({"registered": self.attached, "offered": self.offered, "roaming": self.roaming,
            "denied": self.denied, "csq": self.csq, "waiting": self.waiting.len(), "sent": self.sent.len()})
    }
}

impl Default for Network {
    fn default() -> Self {
        Network::new()
    }
}
