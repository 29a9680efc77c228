//! The fixture: a peer at 192.0.2.9 that sends what the test says, and checks each arrow of ours.
use crate::sip::endpoint::{Endpoint, Event, Invite, SessionId};
use crate::sip::{Flow, Transport};
use crate::util::time::Instant;
use crate::wire::sip::{Address, Message, Uri, header};
use std::collections::VecDeque;
use std::time::Duration;

pub const SDP: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\n";
/// What ours says.
pub const OURS: &str = "v=0\r\no=- 2 2 IN IP4 192.0.2.1\r\ns=-\r\n";

pub struct Ladder {
    pub endpoint: Endpoint,
    pub flow: Flow,
    pub now: Instant,
    sent: VecDeque<(Flow, Message)>,
    events: VecDeque<Event>,
}

impl Ladder {
    pub fn new() -> Self {
        Self::over(Transport::Udp)
    }

    pub fn tcp() -> Self {
        Self::over(Transport::Tcp)
    }

    fn over(transport: Transport) -> Self {
        let flow = Flow {
            transport,
            id: 1,
            local: "192.0.2.1:5060".parse().unwrap(),
            remote: "192.0.2.9:5060".parse().unwrap(),
        };
        Self {
            endpoint: Endpoint::new([1; 32], "tandem"),
            flow,
            now: Instant::ZERO,
            sent: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// We hang up, and the peer is content.
    pub fn hang_up(&mut self, session: SessionId) {
        self.endpoint.hangup(session, None, 480, &[], self.now);
        let bye = self.sent("BYE");
        self.respond(&bye, 200, "", "");
    }

    // ---- the peer's arrows ----

    /// What the peer sends; `\n` ends a line.
    pub fn recv(&mut self, text: &str) {
        let text = text.replace("\r\n", "\n").replace('\n', "\r\n");
        self.endpoint.handle_message(self.flow, text.as_bytes(), self.now);
        self.collect();
    }

    /// A request of the peer in its own call `call`: branch, method, CSeq, To tag or "", further headers and body.
    pub fn request(&mut self, method: &str, branch: &str, cseq: u32, to_tag: &str, rest: &str) {
        let to_tag = if to_tag.is_empty() { String::new() } else { format!(";tag={to_tag}") };
        let rest = if rest.contains("\n\n") { rest.to_owned() } else { format!("{rest}\n") };
        self.recv(&format!(
            "{method} sip:20@192.0.2.1 SIP/2.0\nVia: SIP/2.0/{} 192.0.2.9:5060;branch=z9hG4bK{branch}\n\
             Max-Forwards: 70\nFrom: <sip:10@192.0.2.1>;tag=theirs\nTo: <sip:20@192.0.2.1>{to_tag}\nCall-ID: call\n\
             CSeq: {cseq} {method}\nContact: <sip:10@192.0.2.9>\n{rest}",
            self.flow.transport.name(),
        ));
    }

    /// The peer's INVITE with an offer, and the session of it.
    pub fn invited(&mut self) -> SessionId {
        self.request("INVITE", "i", 1, "", &with_sdp(SDP));
        match self.event() {
            Event::Invite { session, .. } => session,
            other => panic!("{other:?}"),
        }
    }

    /// The peer's response to a request of ours.
    pub fn respond(&mut self, request: &Message, status: u16, tag: &str, rest: &str) {
        let mut response = Message::response_to(request, status, tag);
        if tag.is_empty() {
            response.set(header::TO, request.get(header::TO).unwrap());
        }
        response.push(header::CONTACT, "<sip:20@192.0.2.9>");
        let (headers, body) = rest.split_once("\n\n").unwrap_or((rest, ""));
        for line in headers.lines().filter(|l| !l.is_empty()) {
            let (name, value) = line.split_once(':').unwrap();
            response.push(name, value.trim());
        }
        response.body = body.replace("\r\n", "\n").replace('\n', "\r\n").into_bytes();
        self.endpoint.handle_message(self.flow, &response.to_bytes(), self.now);
        self.collect();
    }

    // ---- ours ----

    /// We call the peer.
    pub fn call(&mut self) -> (SessionId, Message) {
        let spec = self.spec();
        self.call_by(spec)
    }

    pub fn call_by(&mut self, spec: Invite) -> (SessionId, Message) {
        let session = self.endpoint.invite(spec, self.now).unwrap();
        let invite = self.sent("INVITE");
        (session, invite)
    }

    pub fn spec(&self) -> Invite {
        let uri = Uri::parse("sip:20@192.0.2.9").unwrap();
        Invite {
            flow: self.flow,
            uri: uri.clone(),
            from: Address::new(Uri::parse("sip:10@192.0.2.1").unwrap()),
            to: Address::new(uri),
            contact: Uri::parse("sip:tandem@192.0.2.1:5060").unwrap(),
            call_id: None,
            route: Vec::new(),
            headers: Vec::new(),
            sdp: Some(OURS.into()),
            ring_limit: None,
        }
    }

    /// The next message that we sent is this request, or a response with this status.
    pub fn sent(&mut self, what: &str) -> Message {
        self.collect();
        let Some((_, message)) = self.sent.pop_front() else { panic!("nothing was sent, want {what}") };
        let is = match (message.method(), message.status()) {
            (Some(method), _) => method.name().to_owned(),
            (_, status) => status.unwrap().to_string(),
        };
        assert_eq!(is, what, "{}", String::from_utf8_lossy(&message.to_bytes()));
        message
    }

    /// The next message that we sent, whatever it is.
    pub fn sent_any(&mut self) -> Option<Message> {
        self.collect();
        self.sent.pop_front().map(|(_, message)| message)
    }

    pub fn nothing_sent(&mut self) {
        self.collect();
        let left: Vec<String> =
            self.sent.iter().map(|(_, m)| String::from_utf8_lossy(&m.to_bytes()).into_owned()).collect();
        assert!(left.is_empty(), "{}", left.join("\n"));
    }

    pub fn event(&mut self) -> Event {
        self.collect();
        self.events.pop_front().expect("an event")
    }

    pub fn no_event(&mut self) {
        self.collect();
        assert!(self.events.is_empty(), "{:?}", self.events);
    }

    // ---- time ----

    /// So much time passes; every timer fires at its moment.
    pub fn wait(&mut self, ms: u64) {
        let until = self.now + Duration::from_millis(ms);
        let mut rounds = 0;
        while let Some(at) = self.endpoint.poll_timeout().filter(|at| *at <= until) {
            rounds += 1;
            assert!(rounds < 10_000, "a timer that never ends");
            self.now = self.now.max(at);
            self.endpoint.handle_timeout(self.now);
        }
        self.now = until;
        self.collect();
    }

    /// The next timer is due now, so many ms after the last input.
    pub fn timer(&mut self, ms: u64) {
        let at = self.now + Duration::from_millis(ms);
        assert_eq!(self.endpoint.poll_timeout(), Some(at), "the next timer");
        self.now = at;
        self.endpoint.handle_timeout(at);
        self.collect();
    }

    /// The end of every ladder: nothing unexpected was sent or said, and when all timers ran out, nothing is left.
    pub fn ends(mut self) {
        self.nothing_sent();
        self.no_event();
        self.wait(100_000);
        self.no_event();
        assert!(self.endpoint.is_idle(), "{:?} {:?}", self.endpoint.counts(), self.endpoint);
    }

    fn collect(&mut self) {
        while let Some(output) = self.endpoint.poll_output() {
            let message = Message::parse(&output.bytes).expect("what we send can be read");
            self.sent.push_back((output.flow, message));
        }
        while let Some(event) = self.endpoint.poll_event() {
            self.events.push_back(event);
        }
    }
}

/// Headers and body of a message with a session description.
pub fn with_sdp(sdp: &str) -> String {
    format!("Content-Type: application/sdp\n\n{sdp}")
}

pub fn to_tag(message: &Message) -> String {
    message.to().unwrap().tag().expect("a To tag").to_owned()
}

impl Endpoint {
    /// `accept` did something.
    pub fn has_accepted(&self, session: SessionId) -> bool {
        self.sessions.get(session.0).is_some_and(crate::sip::session::Session::is_accepted)
    }
}
