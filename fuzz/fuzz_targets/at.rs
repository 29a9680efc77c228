//! Bytes of the AT port: whatever a stick says, the session goes on, and what it keeps and asks for stays bounded.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::time::Duration;
use tandem::modem::bus::{Port, Role};
use tandem::modem::{Action, Clir, Event, Modem, Settings};
use tandem::util::table::Table;
use tandem::util::time::Instant;

fuzz_target!(|bytes: &[u8]| {
    let mut now = Instant::ZERO;
    let mut modem = Modem::new(Settings { name: "fuzz".to_owned(), ..Settings::default() }, Table::new());
    modem.handle_attached(vec![Port { tty: "ttyUSB2".to_owned(), role: Role::Commands }], true, now);
    // A byte of 0xff lets time pass to the next deadline, 0xf8 to 0xfd act for the owner; the rest is what the stick says.
    for piece in bytes.split_inclusive(|b| *b >= 0xf8) {
        let mut asked = 0;
        while let Some(action) = modem.poll_action() {
            asked += 1;
            assert!(asked < 10_000, "the session does not come to rest");
            match action {
                Action::Open(ttys) => {
                    (0..ttys.len()).for_each(|port| modem.handle_opened(port, Ok(()), now));
                }
                Action::Event(Event::Text(found)) => modem.delete(found.slot, now),
                Action::Event(Event::NotePin { key, .. }) => modem.handle_noted(key, true, now),
                _ => {}
            }
        }
        modem.handle_bytes(0, piece, now);
        match piece.last() {
            Some(0xf8) => {
                let _ = modem.dial("030123456", Clir::Hide, false, now);
            }
            Some(0xf9) => modem.answer(now),
            Some(0xfa) => modem.hangup(now),
            Some(0xfb) => modem.dtmf('5', now),
            Some(0xfc) => modem.ussd(1, "*100#", now),
            Some(0xfd) => modem.note_voice(now),
            _ => {}
        }
        if piece.ends_with(&[0xff]) {
            now = modem.poll_timeout().unwrap_or(now).max(now) + Duration::from_millis(1);
            modem.handle_timeout(now);
        }
    }
});
