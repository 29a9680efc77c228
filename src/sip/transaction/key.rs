//! Which transaction a message belongs to. RFC 3261 sections 17.1.3 and 17.2.3.
//!
//! A key is a hash of what the RFC compares, with a secret of ours: 64 bits in place of some strings for each of the many transactions
//! that linger. Two keys that are equal by chance are to be met once in 10^13 calls or so; on purpose nobody can make them.
use crate::util::index::Secret;
use crate::wire::sip::{MAGIC, Message, Method};

/// A response finds its request by the branch that we made and the method in CSeq.
pub fn client_key(secret: &Secret, branch: &str, method: &Method) -> u64 {
    secret.hash(&(branch, method.name()))
}

pub fn key_of_response(secret: &Secret, response: &Message) -> Option<u64> {
    Some(client_key(secret, response.via()?.branch()?, &response.cseq()?.method))
}

/// A request finds the one that it repeats. `None`: a header that every request has is missing.
pub fn key_of_request(secret: &Secret, request: &Message) -> Option<u64> {
    server_key(secret, request, request.method()?)
}

/// That of the INVITE which this ACK or CANCEL is about.
pub fn key_of_its_invite(secret: &Secret, request: &Message) -> Option<u64> {
    server_key(secret, request, &Method::Invite)
}

fn server_key(secret: &Secret, request: &Message, method: &Method) -> Option<u64> {
    let via = request.via()?;
    let branch = via.branch().unwrap_or_default();
    if branch.len() > MAGIC.len() && branch.starts_with(MAGIC) {
        return Some(secret.hash(&(branch, via.sent_by(), method.name())));
    }
    // Without the magic cookie (RFC 2543) the branch says nothing alone. The To tag is not among these fields: an ACK has one where
    // its INVITE has none, and the others tell two requests apart without it.
    let from = request.from()?;
    let (uri, cseq) = (request.uri()?.to_string(), request.cseq()?.number);
    Some(secret.hash(&(branch, via.sent_by(), method.name(), uri, from.tag(), request.call_id()?, cseq)))
}

/// What two copies of one request have in common that came by different ways. RFC 3261 section 8.2.2.2.
pub fn origin_of(secret: &Secret, request: &Message) -> Option<u64> {
    let (from, cseq) = (request.from()?, request.cseq()?);
    Some(secret.hash(&(from.tag(), request.call_id()?, cseq.number, cseq.method.name())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, via: &str, cseq: u32, to: &str) -> Message {
        let text = format!(
            "{method} sip:20@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP {via}\r\nFrom: <sip:10@a>;tag=f\r\nTo: {to}\r\n\
             Call-ID: c\r\nCSeq: {cseq} {method}\r\n\r\n"
        );
        Message::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn the_branch_and_the_sender_and_the_method_are_the_key() {
        let invite = request("INVITE", "192.0.2.9:5060;branch=z9hG4bKa", 1, "<sip:20@a>");
        let secret = Secret::new([1, 2]);
        let key = key_of_request(&secret, &invite).unwrap();
        for (method, via, same, is_about_it) in [
            ("INVITE", "192.0.2.9:5060;branch=z9hG4bKa", true, true),
            ("INVITE", "192.0.2.9;branch=z9hG4bKa", true, true),
            ("INVITE", "192.0.2.9:5061;branch=z9hG4bKa", false, false),
            ("INVITE", "192.0.2.8;branch=z9hG4bKa", false, false),
            ("INVITE", "192.0.2.9;branch=z9hG4bKb", false, false),
            ("ACK", "192.0.2.9;branch=z9hG4bKa", false, true),
            ("CANCEL", "192.0.2.9;branch=z9hG4bKa", false, true),
            ("BYE", "192.0.2.9;branch=z9hG4bKb", false, false),
        ] {
            let other = request(method, via, 1, "<sip:20@a>;tag=t");
            assert_eq!(key_of_request(&secret, &other).unwrap() == key, same, "{method} {via}");
            assert_eq!(key_of_its_invite(&secret, &other).unwrap() == key, is_about_it, "{method} {via}");
        }
    }

    #[test]
    fn without_the_magic_cookie_the_other_fields_are() {
        let invite = request("INVITE", "192.0.2.9;branch=1", 1, "<sip:20@a>");
        let secret = Secret::new([1, 2]);
        let key = key_of_request(&secret, &invite).unwrap();
        for (method, via, cseq, want) in [
            ("INVITE", "192.0.2.9;branch=1", 1, true),
            ("ACK", "192.0.2.9;branch=1", 1, true),
            ("CANCEL", "192.0.2.9;branch=1", 1, true),
            ("INVITE", "192.0.2.9;branch=1", 2, false),
            ("INVITE", "192.0.2.9", 1, false),
        ] {
            let other = request(method, via, cseq, "<sip:20@a>;tag=t");
            assert_eq!(key_of_its_invite(&secret, &other).unwrap() == key, want, "{method} {via} {cseq}");
        }
    }
}
