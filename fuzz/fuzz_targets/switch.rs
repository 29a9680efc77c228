//! The operations of the switch: a house with a stick, two extensions and a trunk, and bytes that choose who does what
//! next. Whatever comes, outputs stay bounded, the clock goes on, and a quiet time later nothing of a call is left.
#![no_main]

#[path = "../../tests/calls/digest.rs"]
#[allow(dead_code)]
mod digest;
#[path = "switch/house.rs"]
mod house;
#[path = "switch/party.rs"]
mod party;
#[path = "../../tests/calls/stick.rs"]
#[allow(dead_code)]
mod stick;

/// What the stick's double says.
mod sound {
    pub const STICK_SAYS: i16 = 0x0d7c;
}

use house::House;
use libfuzzer_sys::fuzz_target;
use party::{PHONE, STRANGER, TRUNK};

const SEEDS: [&[u8]; 10] = [
    include_bytes!("../seeds/sip/200-fritzbox"),
    include_bytes!("../seeds/sip/401-trunk"),
    include_bytes!("../seeds/sip/bye-compact"),
    include_bytes!("../seeds/sip/cancel-zoiper"),
    include_bytes!("../seeds/sip/invite-asterisk"),
    include_bytes!("../seeds/sip/invite-baresip"),
    include_bytes!("../seeds/sip/invite-grandstream"),
    include_bytes!("../seeds/sip/invite-linphone"),
    include_bytes!("../seeds/sip/options-asterisk"),
    include_bytes!("../seeds/sip/register-yealink"),
];

/// What a stick may say at a wrong moment.
const SAID: [&str; 16] = [
    "RING",
    "+CLIP: \"+491511\",145,,,,0",
    "^ORIG:1,0",
    "^CONF:1",
    "^CONN:1,0",
    "^CEND:1,5,104,16",
    "^CEND:1,0,29",
    "OK",
    "ERROR",
    "NO CARRIER",
    "BUSY",
    "+CLCC: 1,1,4,0,0,\"491511\",145",
    "+CLCC: 1,0,0,0,0,\"030\",129",
    "+CME ERROR: 10",
    "+CREG: 0",
    "+CUSD: 0,\"41\",15",
];

const REQUESTS: [&str; 10] = [
    r#"{"method":"status"}"#,
    r#"{"method":"counters"}"#,
    r#"{"method":"calls"}"#,
    r#"{"method":"dial","params":{"from":"100","to":"030123456"}}"#,
    r#"{"method":"dial","params":{"from":"100","to":"101"}}"#,
    r#"{"method":"dial","params":{"from":"101","to":"9912345"}}"#,
    r#"{"method":"hangup","params":{"call":"all"}}"#,
    r#"{"method":"hangup","params":{"call":1}}"#,
    r#"{"method":"ussd","params":{"code":"*100#"}}"#,
    r#"{"method":"sms_send","params":{"to":"+491511","text":"x"}}"#,
];

/// The fuzzer's bytes, one after the other; zeros behind the last.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn next(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::from(self.next()) % limit.max(1)
    }

    /// A piece with its length in front.
    fn piece(&mut self) -> &'a [u8] {
        let length = self.below(200).min(self.0.len());
        let (piece, rest) = self.0.split_at(length);
        self.0 = rest;
        piece
    }

    /// These bytes with a few of them changed, and perhaps cut short.
    fn mutated(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..self.below(4) {
            let at = usize::from(u16::from_be_bytes([self.next(), self.next()]));
            let value = self.next();
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            } else {
                bytes.truncate(at % (bytes.len() + 1));
            }
        }
        bytes
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = Bytes(bytes);
    let mut house = House::new();
    let mut steps = 0;
    while !bytes.0.is_empty() && steps < 200 {
        steps += 1;
        step(&mut house, &mut bytes);
        house.settle();
    }
    house.end();
});

fn step(house: &mut House, bytes: &mut Bytes) {
    match bytes.next() % 20 {
        0 | 1 => {
            let from = [PHONE, TRUNK, STRANGER][bytes.below(3)];
            let seed = SEEDS[bytes.below(SEEDS.len())];
            let message = bytes.mutated(seed);
            house.datagram(from, &message);
        }
        2 => {
            let from = [PHONE, TRUNK, STRANGER][bytes.below(3)];
            house.datagram(from, bytes.piece());
        }
        3 => {
            let seed = SEEDS[bytes.below(SEEDS.len())];
            let message = bytes.mutated(seed);
            house.stream(u32::from(bytes.next() % 3), &message);
        }
        4 => house.stream(u32::from(bytes.next() % 3), bytes.piece()),
        5 => house.disconnect(u32::from(bytes.next() % 3)),
        6 => {
            let (port, kind, sequence) = (bytes.below(8), bytes.next(), bytes.next());
            house.rtp(port, kind, sequence, bytes.piece());
        }
        7 => {
            let line = SAID[bytes.below(SAID.len())];
            house.at(2, format!("\r\n{line}\r\n").as_bytes());
        }
        8 => house.at(bytes.below(3), bytes.piece()),
        9 => house.at(1, &[bytes.next(); 320]),
        10 => house.pass_ms(u64::from(bytes.next()) * 4),
        11 => house.pass_ms(u64::from(bytes.next()) * 500),
        12 => house.plug(bytes.next().is_multiple_of(2)),
        13 => {
            let line = REQUESTS[bytes.below(REQUESTS.len())];
            house.request(line);
        }
        14 => house.request(&String::from_utf8_lossy(bytes.piece())),
        15 => {
            let (which, status, sdp) = (bytes.below(4), bytes.next(), bytes.next());
            house.answer(which, status, sdp);
        }
        16 => house.register(if bytes.next().is_multiple_of(2) { "100" } else { "101" }),
        17 => house.invite(bytes.next(), bytes.next()),
        18 => house.in_dialog(bytes.next()),
        _ => house.far(bytes.next()),
    }
}
