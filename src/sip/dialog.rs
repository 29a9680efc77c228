//! Dialogs: what two peers agreed on about how to reach each other. RFC 3261 section 12.
use crate::wire::sip::{Address, CSeq, Message, Method, Uri, header};

/// Names a dialog from our side.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DialogId {
    pub call_id: String,
    pub local_tag: String,
    /// Empty for a peer of RFC 2543.
    pub remote_tag: String,
}

impl DialogId {
    /// The dialog that a request from outside means; `None`: it is in none.
    pub fn of_request(request: &Message) -> Option<Self> {
        Some(Self {
            call_id: request.call_id()?.to_owned(),
            local_tag: request.to()?.tag()?.to_owned(),
            remote_tag: request.from()?.tag().unwrap_or_default().to_owned(),
        })
    }
}

/// One dialog, early or confirmed.
#[derive(Clone, Debug)]
pub struct Dialog {
    id: DialogId,
    /// From of our requests, with our tag.
    local: Address,
    /// To of our requests, with the peer's tag.
    remote: Address,
    /// Of our last request.
    local_cseq: u32,
    /// Of the peer's last request.
    remote_cseq: Option<u32>,
    /// Route values, the first hop first.
    route_set: Vec<String>,
    /// The peer's Contact: Request-URI of our requests.
    remote_target: Uri,
}

impl Dialog {
    /// From our request and the peer's response to it, section 12.1.2. Without a Contact in the response (some leave it out of a 180)
    /// our request's URI goes on to be the target.
    pub fn uac(request: &Message, response: &Message) -> Option<Self> {
        let (local, remote) = (request.from()?, response.to()?);
        let mut route_set: Vec<String> = response.items(header::RECORD_ROUTE).map(str::to_owned).collect();
        route_set.reverse();
        let remote_target = match response.contacts().next() {
            Some(contact) => contact.uri,
            None => request.uri()?.clone(),
        };
        Some(Self {
            id: DialogId {
                call_id: request.call_id()?.to_owned(),
                local_tag: local.tag()?.to_owned(),
                remote_tag: remote.tag().unwrap_or_default().to_owned(),
            },
            local,
            remote,
            local_cseq: request.cseq()?.number,
            remote_cseq: None,
            route_set,
            remote_target,
        })
    }

    /// From the peer's request, section 12.1.1. `None`: it has no Contact, or lacks what every request has.
    pub fn uas(request: &Message, local_tag: &str) -> Option<Self> {
        let (local, remote) = (request.to()?.with_tag(local_tag), request.from()?);
        Some(Self {
            id: DialogId {
                call_id: request.call_id()?.to_owned(),
                local_tag: local_tag.to_owned(),
                remote_tag: remote.tag().unwrap_or_default().to_owned(),
            },
            local,
            remote,
            // Ours begins anywhere below 2^31 (section 8.1.1.5).
            local_cseq: 0,
            remote_cseq: Some(request.cseq()?.number),
            route_set: request.items(header::RECORD_ROUTE).map(str::to_owned).collect(),
            remote_target: request.contacts().next()?.uri,
        })
    }

    pub const fn id(&self) -> &DialogId {
        &self.id
    }

    /// Where requests of ours go.
    pub const fn remote_target(&self) -> &Uri {
        &self.remote_target
    }

    /// Ours is the higher one from now on: a request of the dialog was sent again with it.
    pub fn next_cseq(&mut self) -> u32 {
        self.local_cseq = self.local_cseq.wrapping_add(1) & 0x7fff_ffff;
        self.local_cseq
    }

    /// A request of ours in this dialog, section 12.2.1.1; not for ACK.
    pub fn request(&mut self, method: Method) -> Message {
        let number = self.next_cseq();
        self.build(method, number)
    }

    /// ACK for a 2xx, section 13.2.2.4: the CSeq number and the credentials of its INVITE.
    pub fn ack(&self, invite: &Message) -> Message {
        let number = invite.cseq().map_or(self.local_cseq, |c| c.number);
        let mut ack = self.build(Method::Ack, number);
        for name in [header::AUTHORIZATION, header::PROXY_AUTHORIZATION] {
            for value in invite.all(name) {
                ack.push(name, value);
            }
        }
        ack
    }

    fn build(&self, method: Method, number: u32) -> Message {
        let (uri, route) = self.target();
        let mut request = Message::request(method.clone(), uri);
        for value in route {
            request.push(header::ROUTE, value);
        }
        request.push(header::MAX_FORWARDS, "70");
        request.push(header::FROM, self.local.to_string());
        request.push(header::TO, self.remote.to_string());
        request.push(header::CALL_ID, self.id.call_id.as_str());
        request.push(header::CSEQ, CSeq { number, method }.to_string());
        request
    }

    /// Request-URI and Route. Where the first hop is a strict router (no `lr`), it is the Request-URI, and the remote target comes last.
    fn target(&self) -> (Uri, Vec<String>) {
        let first = self.route_set.first().and_then(|r| Address::parse(r));
        match first {
            Some(hop) if !hop.uri.params.has("lr") => {
                let mut route: Vec<String> = self.route_set.iter().skip(1).cloned().collect();
                route.push(format!("<{}>", self.remote_target));
                (Uri { headers: None, ..hop.uri }, route)
            }
            _ => (self.remote_target.clone(), self.route_set.clone()),
        }
    }

    /// Takes the CSeq of a request of the peer, section 12.2.2.
    ///
    /// # Errors
    /// The status to answer with: it is older than one that was here before.
    pub fn take_cseq(&mut self, request: &Message) -> Result<(), u16> {
        let number = request.cseq().map(|c| c.number);
        if number < self.remote_cseq {
            return Err(500);
        }
        self.remote_cseq = number;
        Ok(())
    }

    /// An early dialog becomes a confirmed one: the numbers of requests in it go on (the route set is that of the 2xx, section
    /// 13.2.2.4).
    pub fn take_over(&mut self, early: &Self) {
        self.local_cseq = self.local_cseq.max(early.local_cseq);
        self.remote_cseq = early.remote_cseq;
    }

    /// A re-INVITE or its 2xx may move the peer's Contact. The route set stays.
    pub fn refresh_target(&mut self, message: &Message) {
        if let Some(contact) = message.contacts().next() {
            self.remote_target = contact.uri;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> Message {
        Message::parse(text.replace('\n', "\r\n").as_bytes()).unwrap()
    }

    const INVITE: &str = "INVITE sip:20@example.net SIP/2.0\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\n\
        From: \"Ten\" <sip:10@example.net>;tag=ours\nTo: <sip:20@example.net>\nCall-ID: c\nCSeq: 7 INVITE\n\
        Contact: <sip:10@192.0.2.1>\nRecord-Route: <sip:p2;lr>, <sip:p1;lr>\nProxy-Authorization: Digest x\n\n";
    const OK: &str = "SIP/2.0 200 OK\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\nFrom: \"Ten\" <sip:10@example.net>;tag=ours\n\
        To: <sip:20@example.net>;tag=theirs\nCall-ID: c\nCSeq: 7 INVITE\nContact: <sip:20@192.0.2.2:5070>\n\
        Record-Route: <sip:p2;lr>, <sip:p1;lr>\n\n";

    #[test]
    fn the_callers_route_set_is_turned_round() {
        let mut dialog = Dialog::uac(&message(INVITE), &message(OK)).unwrap();
        let bye = dialog.request(Method::Bye);
        assert_eq!(bye.uri().unwrap().to_string(), "sip:20@192.0.2.2:5070");
        assert_eq!(bye.all(header::ROUTE).collect::<Vec<_>>(), ["<sip:p1;lr>", "<sip:p2;lr>"]);
        assert_eq!(bye.get(header::FROM), Some("\"Ten\" <sip:10@example.net>;tag=ours"));
        assert_eq!(bye.get(header::TO), Some("<sip:20@example.net>;tag=theirs"));
        assert_eq!(bye.get(header::CSEQ), Some("8 BYE"));
    }

    #[test]
    fn an_ack_has_number_and_credentials_of_its_invite() {
        let dialog = Dialog::uac(&message(INVITE), &message(OK)).unwrap();
        let ack = dialog.ack(&message(INVITE));
        assert_eq!(ack.get(header::CSEQ), Some("7 ACK"));
        assert_eq!(ack.get(header::PROXY_AUTHORIZATION), Some("Digest x"));
    }

    #[test]
    fn the_callees_route_set_is_not() {
        let mut dialog = Dialog::uas(&message(INVITE), "mine").unwrap();
        assert_eq!(
            *dialog.id(),
            DialogId { call_id: "c".into(), local_tag: "mine".into(), remote_tag: "ours".into() }
        );
        let bye = dialog.request(Method::Bye);
        assert_eq!(bye.uri().unwrap().to_string(), "sip:10@192.0.2.1");
        assert_eq!(bye.all(header::ROUTE).collect::<Vec<_>>(), ["<sip:p2;lr>", "<sip:p1;lr>"]);
        assert_eq!(bye.get(header::FROM), Some("<sip:20@example.net>;tag=mine"));
        assert_eq!(bye.get(header::TO), Some("\"Ten\" <sip:10@example.net>;tag=ours"));
    }

    #[test]
    fn a_strict_router_gets_the_request_line() {
        let ok = OK.replace("<sip:p1;lr>", "<sip:p1>");
        let mut dialog = Dialog::uac(&message(INVITE), &message(&ok)).unwrap();
        let bye = dialog.request(Method::Bye);
        assert_eq!(bye.uri().unwrap().to_string(), "sip:p1");
        assert_eq!(bye.all(header::ROUTE).collect::<Vec<_>>(), ["<sip:p2;lr>", "<sip:20@192.0.2.2:5070>"]);
    }

    #[test]
    fn requests_may_skip_numbers_but_not_go_back() {
        let mut dialog = Dialog::uas(&message(INVITE), "mine").unwrap();
        for (number, want) in [(8, Ok(())), (20, Ok(())), (19, Err(500)), (21, Ok(()))] {
            let info = message(&INVITE.replace("7 INVITE", &format!("{number} INVITE")));
            assert_eq!(dialog.take_cseq(&info), want, "{number}");
        }
    }

    #[test]
    fn without_contact_there_is_no_dialog_for_the_callee() {
        assert!(Dialog::uas(&message(&INVITE.replace("Contact", "X-Contact")), "mine").is_none());
    }
}
