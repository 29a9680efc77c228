//! A stream gives the same pieces however it is cut, and in time that grows with its length only.
use super::*;
use crate::util::limits::SIP_MESSAGE;

const ONE: &[u8] = b"OPTIONS sip:1@h SIP/2.0\r\nX: y\r\nContent-Length:\r\n 3\r\n\r\nabc";
const TWO: &[u8] = b"SIP/2.0 200 OK\nl: 0\n\n";

/// All pieces, with the stream cut into parts of `size`.
fn pieces(stream: &[u8], size: usize) -> (Vec<Piece>, Option<Fault>) {
    let (mut framer, mut found) = (Framer::default(), Vec::new());
    for part in stream.chunks(size) {
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

#[test]
fn cuts_change_nothing() {
    let stream =
        [ONE, b"\r\n", TWO, b"\r\n\r\n\r\n\r\n", ONE, b"\n\r\r\n\r\n\r\n\r\n", TWO, TWO, b"\r\n"].concat();
    let (one, two) = (Piece::Message(ONE.to_vec()), Piece::Message(TWO.to_vec()));
    let all = vec![
        one.clone(),
        two.clone(),
        Piece::Ping,
        Piece::Ping,
        one,
        Piece::Ping,
        Piece::Ping,
        two.clone(),
        two,
    ];
    for size in 1..=stream.len() {
        assert_eq!(pieces(&stream, size), (all.clone(), None), "parts of {size}");
    }
}

#[test]
fn a_stream_without_right_lengths_is_given_up() {
    for head in [
        "A b\r\n\r\n",
        "A b\r\nContent-Length: x\r\n\r\n",
        "A b\r\nContent-Length: -1\r\n\r\n",
        "A b\r\nl: 1\r\nContent-Length: 2\r\n\r\n",
        // The length of a folded line is another header's value.
        "A b\r\nX: y\r\n Content-Length: 3\r\n\r\n",
        "A b\r\nX: y\r\n l: 3\r\n\r\n",
    ] {
        for size in [1, 7, 100] {
            assert_eq!(pieces(head.as_bytes(), size), (vec![], Some(Fault::Length)), "{head}");
        }
    }
    let huge = format!("A b\r\nl: {SIP_MESSAGE}\r\n\r\n");
    assert_eq!(pieces(huge.as_bytes(), 9).1, Some(Fault::TooLarge));
    assert_eq!(pieces(&vec![b'a'; 3 * SIP_MESSAGE], 1_000).1, Some(Fault::TooLarge));
    assert_eq!(Framer::default().push(&vec![b'a'; 3 * SIP_MESSAGE]), Err(Fault::TooLarge));
}

#[test]
fn what_cannot_be_followed_can_be_answered() {
    let text = b"OPTIONS sip:1@h SIP/2.0\r\nVia: SIP/2.0/TCP h\r\n\r\n";
    let mut framer = Framer::default();
    framer.push(&[TWO, text].concat()).unwrap();
    assert!(matches!(framer.pop(), Ok(Some(Piece::Message(_)))));
    let fault = framer.pop().unwrap_err();
    assert_eq!(framer.pending(), text);
    assert_eq!(Message::refusal(framer.pending(), fault, "t").unwrap().status(), Some(400));
}

#[test]
fn each_byte_is_looked_at_once() {
    // Looked at again with each byte these would take minutes: 64 kB of head, byte by byte; pings pushed at once.
    let head = [b"A b\r\nX: ".as_slice(), &vec![b','; SIP_MESSAGE - 100], b"\r\nl: 0\r\n\r\n"].concat();
    for _ in 0..5 {
        assert_eq!(pieces(&head, 1).0.len(), 1);
    }
    let pings = b"\r\n\r\n".repeat(SIP_MESSAGE / 2);
    assert_eq!(pieces(&pings, pings.len()).0.len(), SIP_MESSAGE / 2);
    assert_eq!(pieces(&pings, 1).0.len(), SIP_MESSAGE / 2);
}

#[test]
fn long_lists_of_nothing_are_read_in_linear_time() {
    for junk in [",", ";", "\"", "<", "\\", "=", "<,", "\",", ";=", "@", ":", "%", "\r", " \n ", "a,", "a;"] {
        let flood = junk.repeat((SIP_MESSAGE - 400) / junk.len());
        for name in ["Via", "From", "To", "Contact", "Supported", "CSeq"] {
            let text = format!("A sip:h SIP/2.0\r\n{name}: {flood}\r\n\r\n");
            if let Ok(message) = Message::parse(text.as_bytes()) {
                let _ = (message.check(), message.via(), message.from(), message.contacts().count());
                let _ = message.items(header::SUPPORTED).count();
            }
            let _ = Message::refusal(text.as_bytes(), Fault::Header, "t");
        }
        let _ = Uri::parse(&format!("sip:{flood}"));
    }
}
