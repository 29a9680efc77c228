//! SMS PDUs: any octets decode or fail; any text that can be sent arrives as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tandem::cli::pdu;
use tandem::wire::sms::{Content, Decoded, Direction, Pdu, Text, UserData, encode_submit, join, ussd};

fuzz_target!(|data: &[u8]| {
    for from in [Direction::FromNetwork, Direction::Stored] {
        if let Ok(decoded) = Decoded::parse(data, from) {
            let _ = pdu::describe(&decoded);
            if let Some(text) = user_data(decoded).and_then(|user| user.text()) {
                send(&text);
            }
        }
    }
    let _ = ussd::unpack(data);
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = pdu::decode(text);
        let _ = ussd::text_of_answer(text, data.first().copied());
        send(text);
    }
});

fn user_data(decoded: Decoded) -> Option<UserData> {
    match decoded.pdu {
        Pdu::Deliver(deliver) => Some(deliver.user),
        Pdu::Submit(submit) => Some(submit.user),
        Pdu::StatusReport(_) => None,
    }
}

/// Encode, decode, compare. A byte order mark in front and zeros at the end are dropped on purpose.
fn send(text: &str) {
    let text = text.trim_start_matches('\u{FEFF}').trim_end_matches('\0');
    let reference = u16::try_from(text.len() % 600).unwrap_or(0);
    let Ok(segments) = encode_submit(&Text { destination: "+123", text, reference, report: false }) else { return };
    let parts: Vec<Content> = segments
        .iter()
        .map(|segment| {
            assert!(segment.tpdu_len <= 164);
            let decoded = Decoded::parse(&segment.pdu, Direction::Stored).expect("a PDU of our own");
            user_data(decoded).expect("a SUBMIT").content
        })
        .collect();
    assert_eq!(join(&parts).as_deref(), Some(text));
}
