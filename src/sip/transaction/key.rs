//! Which transaction a message belongs to. RFC 3261 sections 17.1.3 and 17.2.3.
use crate::wire::sip::{MAGIC, Message, Method};

/// A response finds its request by the branch that we made and the method in CSeq.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientKey {
    branch: String,
    method: String,
}

impl ClientKey {
    pub fn new(branch: &str, method: &Method) -> Self {
        Self { branch: branch.to_owned(), method: method.name().to_owned() }
    }

    pub fn of_response(response: &Message) -> Option<Self> {
        let via = response.via()?;
        Some(Self::new(via.branch()?, &response.cseq()?.method))
    }
}

/// A request finds the one that it repeats, acknowledges or cancels.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ServerKey {
    Branch {
        branch: String,
        sent_by: (String, u16),
        method: String,
    },
    /// Without the magic cookie (RFC 2543) the branch says nothing alone. The To tag is not among these fields: an ACK has one where
    /// its INVITE has none, and the others tell two requests apart without it.
    Old {
        request_uri: String,
        from_tag: String,
        call_id: String,
        cseq: u32,
        via: (String, u16, String),
        method: String,
    },
}

impl ServerKey {
    /// `None`: a header that every request has is missing.
    pub fn of_request(request: &Message) -> Option<Self> {
        Self::with_method(request, request.method()?)
    }

    /// That of the INVITE which this ACK or CANCEL is about.
    pub fn of_its_invite(request: &Message) -> Option<Self> {
        Self::with_method(request, &Method::Invite)
    }

    fn with_method(request: &Message, method: &Method) -> Option<Self> {
        let via = request.via()?;
        let method = method.name().to_owned();
        let branch = via.branch().unwrap_or_default();
        if branch.len() > MAGIC.len() && branch.starts_with(MAGIC) {
            return Some(Self::Branch { branch: branch.to_owned(), sent_by: via.sent_by(), method });
        }
        let (host, port) = via.sent_by();
        Some(Self::Old {
            request_uri: request.uri()?.to_string(),
            from_tag: request.from()?.tag().unwrap_or_default().to_owned(),
            call_id: request.call_id()?.to_owned(),
            cseq: request.cseq()?.number,
            via: (host, port, branch.to_owned()),
            method,
        })
    }
}

/// What two copies of one request have in common that came by different ways. RFC 3261 section 8.2.2.2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    from_tag: String,
    call_id: String,
    cseq: u32,
    method: Method,
}

impl Origin {
    pub fn of(request: &Message) -> Option<Self> {
        let cseq = request.cseq()?;
        Some(Self {
            from_tag: request.from()?.tag().unwrap_or_default().to_owned(),
            call_id: request.call_id()?.to_owned(),
            cseq: cseq.number,
            method: cseq.method,
        })
    }
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
        let key = ServerKey::of_request(&invite).unwrap();
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
            assert_eq!(ServerKey::of_request(&other).unwrap() == key, same, "{method} {via}");
            assert_eq!(ServerKey::of_its_invite(&other).unwrap() == key, is_about_it, "{method} {via}");
        }
    }

    #[test]
    fn without_the_magic_cookie_the_other_fields_are() {
        let invite = request("INVITE", "192.0.2.9;branch=1", 1, "<sip:20@a>");
        let key = ServerKey::of_request(&invite).unwrap();
        for (method, via, cseq, want) in [
            ("INVITE", "192.0.2.9;branch=1", 1, true),
            ("ACK", "192.0.2.9;branch=1", 1, true),
            ("CANCEL", "192.0.2.9;branch=1", 1, true),
            ("INVITE", "192.0.2.9;branch=1", 2, false),
            ("INVITE", "192.0.2.9", 1, false),
        ] {
            let other = request(method, via, cseq, "<sip:20@a>;tag=t");
            assert_eq!(ServerKey::of_its_invite(&other).unwrap() == key, want, "{method} {via} {cseq}");
        }
    }
}
