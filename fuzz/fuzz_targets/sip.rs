//! SIP messages: any bytes are read or refused, what is read is written and read again as the same, and a stream gives
//! the same messages however it is cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tandem::wire::sip::{Address, Fault, Framer, Message, Piece, Uri, Via, header};

fuzz_target!(|bytes: &[u8]| {
    match Message::parse(bytes) {
        Ok(message) => {
            let fault = message.check();
            let written = message.to_bytes();
            assert_eq!(Message::parse(&written), Ok(message.clone()));
            values(&message);
            // Our own answer can always be read, and is right where the request was.
            let answer = Message::response_to(&message, 200, "t");
            let read = Message::parse(&answer.to_bytes()).expect("an answer of our own");
            assert!(fault.is_err() || read.check().is_ok());
        }
        Err(fault) => {
            if let Some(answer) = Message::refusal(bytes, fault, "t") {
                assert!(Message::parse(&answer.to_bytes()).is_ok());
            }
        }
    }
    let whole = pieces(bytes, |left| left);
    let mut cuts = bytes.iter().cycle().map(|b| usize::from(b % 23) + 1);
    assert_eq!(pieces(bytes, |_| cuts.next().unwrap_or(1)), whole);
    assert_eq!(pieces(bytes, |_| 1), whole);
});

/// Each value is written as it was read.
fn values(message: &Message) {
    for via in message.items(header::VIA).filter_map(Via::parse) {
        let _ = (via.received(), via.rport(), via.branch(), via.sent_by());
        assert_eq!(Via::parse(&via.to_string()), Some(via));
    }
    for address in message.contacts().chain(message.from()).chain(message.to()) {
        let uri = &address.uri;
        let _ = (uri.user_text(), address.tag());
        assert_eq!(Uri::parse(&uri.to_string()).as_ref(), Some(uri));
    }
    for name in [header::CONTACT, header::ROUTE] {
        let _ = message.items(name).filter_map(Address::parse).count();
    }
}

/// What a stream gives that comes in parts of these sizes, and how it ended.
fn pieces(stream: &[u8], mut size: impl FnMut(usize) -> usize) -> (Vec<Piece>, Option<Fault>) {
    let (mut framer, mut found, mut rest) = (Framer::default(), Vec::new(), stream);
    while !rest.is_empty() {
        let (part, tail) = rest.split_at(size(rest.len()).clamp(1, rest.len()));
        rest = tail;
        if let Err(fault) = framer.push(part) {
            return (found, Some(fault));
        }
        loop {
            match framer.pop() {
                Ok(Some(piece)) => found.push(piece),
                Ok(None) => break,
                Err(fault) => return (found, Some(fault)),
            }
        }
    }
    (found, None)
}
