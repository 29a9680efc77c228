//! A SIP user agent: a phone, or the provider. Its own few transactions, so that it lives with a network that loses packets.
mod life;

use super::digest;
use super::srtp::Srtp;
use super::talk::{State, Talk, Video};
use super::text::{Msg, tag_of, uri_of};
use std::net::SocketAddr;

const T1: u64 = 500_000;
const T2: u64 = 4_000_000;
const GIVE_UP: u64 = 64 * T1;

/// What it does when it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Rings at once and answers after so many milliseconds.
    After(u64),
    /// Rings at once, refuses after so many milliseconds.
    Refuse(u16, u64),
    Rings,
    /// Answers nothing at all, no request whatsoever.
    Gone,
}

/// A request of ours.
#[derive(Debug)]
struct Client {
    branch: String,
    msg: Msg,
    bytes: Vec<u8>,
    due: Option<u64>,
    interval: u64,
    until: u64,
    began: u64,
    talk: Option<usize>,
    tries: u8,
    done: bool,
    ack: Vec<u8>,
}

/// A final answer to an INVITE that waits for its ACK.
#[derive(Debug)]
struct Final {
    call_id: String,
    cseq: u32,
    bytes: Vec<u8>,
    due: u64,
    interval: u64,
    until: u64,
    is_ok: bool,
}

#[derive(Debug)]
pub struct Peer {
    /// In the ladder.
    pub name: String,
    pub user: String,
    pub secret: String,
    /// Where its packets come from, and what it thinks its address is.
    pub at: SocketAddr,
    pub shown: SocketAddr,
    /// The address of the switch as it knows it.
    pub server: SocketAddr,
    pub tcp: Option<u32>,
    pub is_tcp: bool,
    pub answer: Answer,
    pub codecs: Vec<u8>,
    pub events: bool,
    pub event_number: u8,
    /// The number of its video, where it has some.
    pub video: Option<u8>,
    /// It offers to take RTCP where RTP comes.
    pub muxes: bool,
    /// What it encrypts with, if it does.
    pub srtp: Option<Srtp>,
    /// Its INVITEs have no SDP; the answer goes in the ACK.
    pub late_offer: bool,
    /// Session-Expires of its 200; empty: it knows no session timers.
    pub timer: &'static str,
    /// Where a 302 of it leads.
    pub moved_to: String,
    /// Further headers of its INVITEs.
    pub extra: Vec<(String, String)>,
    /// It says what there is to hear before the answer, by 183.
    pub early: bool,
    /// A provider asks for a password.
    pub challenges: bool,
    /// And not only for the first request of a call.
    pub challenges_all: bool,
    /// In whose name it asks for calls.
    pub call_realm: &'static str,
    /// Where the switch registered itself here.
    pub registered: Option<String>,
    pub registrations: u32,
    /// The status of our last REGISTER.
    pub register_status: u16,
    pub talks: Vec<Talk>,
    /// How it answers requests that are no calls, where not by 200.
    pub takes: Vec<(&'static str, u16)>,
    /// Requests that came, without repetitions.
    pub requests: Vec<Msg>,
    /// Responses that came to our requests, without repetitions.
    pub responses: Vec<Msg>,
    /// Answers given, by branch and method.
    served: Vec<(String, Vec<u8>)>,
    clients: Vec<Client>,
    finals: Vec<Final>,
    /// When a ringing call is answered: time, call, status.
    decisions: Vec<(u64, usize, u16)>,
    /// The name of its host, where it is a provider. Empty: any name that no other has.
    pub host: String,
    /// RTP packets that it sends in each call; None: all the time.
    pub packets: Option<u32>,
    /// How often it was switched off and on.
    pub boots: u32,
    /// Calls that are no longer in `talks`.
    forgotten: usize,
    count: u32,
    cseq: u32,
    /// Requests of ours, other than INVITE, that got no answer at all.
    pub unanswered: usize,
    pub outbox: Vec<Vec<u8>>,
}

impl Peer {
    pub fn new(name: &str, secret: &str, at: &str, server: &str) -> Self {
        let at: SocketAddr = at.parse().unwrap();
        Self {
            name: name.to_owned(),
            user: name.trim_end_matches(char::is_alphabetic).to_owned(),
            secret: secret.to_owned(),
            at,
            shown: at,
            server: server.parse().unwrap(),
            tcp: None,
            is_tcp: false,
            answer: Answer::After(3_000),
            codecs: vec![0, 8],
            events: true,
            event_number: 101,
            video: None,
            muxes: false,
            srtp: None,
            late_offer: false,
            timer: "",
            moved_to: String::new(),
            extra: Vec::new(),
            early: false,
            challenges: false,
            challenges_all: false,
            call_realm: "provider",
            registered: None,
            registrations: 0,
            register_status: 0,
            talks: Vec::new(),
            takes: Vec::new(),
            requests: Vec::new(),
            responses: Vec::new(),
            served: Vec::new(),
            clients: Vec::new(),
            finals: Vec::new(),
            decisions: Vec::new(),
            host: String::new(),
            packets: None,
            boots: 0,
            forgotten: 0,
            count: 0,
            cseq: 0,
            unanswered: 0,
            outbox: Vec::new(),
        }
    }

    fn token(&mut self, what: &str) -> String {
        self.count += 1;
        format!("{what}-{}-{}", self.name, self.count)
    }

    fn contact(&self) -> String {
        let transport = if self.is_tcp { ";transport=tcp" } else { "" };
        format!("<sip:{}@{}{transport}>", self.user, self.shown)
    }

    fn rtp_at(&self) -> SocketAddr {
        SocketAddr::new(
            self.at.ip(),
            40_000 + 2 * u16::try_from((self.forgotten + self.talks.len()) % 10_000).unwrap(),
        )
    }

    // --- what it does by itself ---

    pub fn register(&mut self, expires: u32, now: u64) {
        let (user, host) = (self.user.clone(), self.server.ip());
        let mut msg = Msg::request("REGISTER", &format!("sip:{host}"));
        self.cseq += 1;
        let tag = self.token("tag");
        msg.add("From", &format!("<sip:{user}@{host}>;tag={tag}"));
        msg.add("To", &format!("<sip:{user}@{host}>"));
        msg.add("Call-ID", &format!("register-{}-{}", self.name, self.boots));
        msg.add("CSeq", &format!("{} REGISTER", self.cseq));
        msg.add("Contact", &self.contact());
        msg.add("Expires", &expires.to_string());
        self.begin(msg, None, now);
    }

    /// Calls `uri`; the number of the talk.
    pub fn call(&mut self, uri: &str, from: &str, now: u64) -> usize {
        let call_id = self.token("call");
        let tag = self.token("tag");
        let mut msg = Msg::request("INVITE", uri);
        msg.add("From", &format!("{from};tag={tag}"));
        msg.add("To", &format!("<{uri}>"));
        msg.add("Call-ID", &call_id);
        msg.add("CSeq", "1 INVITE");
        msg.add("Contact", &self.contact());
        msg.add("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO");
        self.extra.iter().for_each(|(name, value)| msg.add(name, value));
        let mut talk = Talk::new(&call_id, true, &msg, self.rtp_at());
        (talk.event_number, talk.video) = (self.event_number, self.video.map(Video::new));
        talk.muxes = self.muxes;
        talk.srtp.clone_from(&self.srtp);
        talk.packets = self.packets;
        if !self.late_offer {
            msg = msg.with_sdp(&talk.sdp(&self.codecs, self.events));
        }
        talk.invite = msg.clone();
        self.talks.push(talk);
        let at = self.talks.len() - 1;
        self.begin(msg, Some(at), now);
        at
    }

    fn in_dialog(&mut self, talk: usize, method: &str) -> Msg {
        let contact = self.contact();
        let talk = &mut self.talks[talk];
        talk.cseq += 1;
        let mut msg = Msg::request(method, &talk.target);
        msg.add("From", &talk.local);
        msg.add("To", &talk.remote);
        msg.add("Call-ID", &talk.call_id);
        msg.add("CSeq", &format!("{} {method}", talk.cseq));
        msg.add("Contact", &contact);
        msg
    }

    pub fn bye(&mut self, talk: usize, now: u64) {
        if self.talks[talk].is_over() {
            return;
        }
        let msg = self.in_dialog(talk, "BYE");
        self.talks[talk].over("us", "");
        self.begin(msg, Some(talk), now);
    }

    pub fn cancel(&mut self, talk: usize, now: u64) {
        if self.talks[talk].progress.is_empty() {
            self.talks[talk].want_cancel = true;
            return;
        }
        if self.talks[talk].state != State::Calling || self.talks[talk].cancelled {
            return;
        }
        self.talks[talk].cancelled = true;
        let invite = self.talks[talk].invite.clone();
        // Who has started anew knows nothing of it any more (RFC 3261 section 9.1).
        let is_it = |c: &&mut Client| c.branch == invite.branch() && c.msg.method() == "INVITE" && !c.done;
        if let Some(client) = self.clients.iter_mut().find(is_it) {
            client.until = now + GIVE_UP;
        }
        let mut msg = Msg::request("CANCEL", invite.uri());
        for name in ["Via", "From", "To", "Call-ID"] {
            msg.add(name, invite.get(name));
        }
        msg.add("CSeq", &format!("{} CANCEL", invite.cseq().0));
        msg.add("Max-Forwards", "70");
        self.start(msg, Some(talk), now);
    }

    /// A new offer, or none.
    pub fn reinvite(&mut self, talk: usize, direction: &'static str, sdp: bool, now: u64) {
        let msg = self.in_dialog(talk, "INVITE");
        let talk_at = talk;
        let talk = &mut self.talks[talk];
        talk.direction = direction;
        talk.last_status = 0;
        let body = if sdp { talk.sdp(&self.codecs, self.events) } else { String::new() };
        let msg = msg.with_sdp(&body);
        self.begin(msg, Some(talk_at), now);
    }

    /// A re-INVITE with this text.
    pub fn reinvite_with(&mut self, talk: usize, sdp: &str, now: u64) {
        let msg = self.in_dialog(talk, "INVITE").with_sdp(sdp);
        self.talks[talk].last_status = 0;
        self.begin(msg, Some(talk), now);
    }

    pub fn info(&mut self, talk: usize, digit: char, now: u64) {
        let mut msg = self.in_dialog(talk, "INFO");
        msg.add("Content-Type", "application/dtmf-relay");
        msg.body = format!("Signal={digit}\r\nDuration=160\r\n");
        self.begin(msg, Some(talk), now);
    }

    /// INFO with this body.
    pub fn info_with(&mut self, talk: usize, kind: &str, body: &str, now: u64) {
        let mut msg = self.in_dialog(talk, "INFO");
        msg.add("Content-Type", kind);
        msg.body = body.to_owned();
        self.talks[talk].last_status = 0;
        self.begin(msg, Some(talk), now);
    }

    /// Keys that came by INFO.
    pub fn infos(&self) -> String {
        let infos = self.requests.iter().filter(|msg| msg.method() == "INFO");
        let mut keys = String::new();
        for msg in infos {
            assert_eq!(msg.get("Content-Type"), "application/dtmf-relay");
            let (signal, rest) = msg.body.strip_prefix("Signal=").unwrap().split_once("\r\n").unwrap();
            let duration = rest.strip_prefix("Duration=").unwrap().trim_end();
            assert!((40..=8_000).contains(&duration.parse::<u32>().unwrap()), "{}", msg.body);
            keys.push_str(signal);
        }
        keys
    }

    /// Transfers the other side of a call there.
    pub fn refer(&mut self, talk: usize, to: &str, extra: &[(&str, &str)], now: u64) {
        let mut msg = self.in_dialog(talk, "REFER");
        msg.add("Refer-To", &format!("<{to}>"));
        extra.iter().for_each(|(name, value)| msg.add(name, value));
        self.talks[talk].last_status = 0;
        self.begin(msg, Some(talk), now);
    }

    /// A request outside of calls.
    pub fn ask(&mut self, method: &str, extra: &[(&str, &str)], now: u64) {
        let host = self.server.ip();
        let mut msg = Msg::request(method, &format!("sip:{host}"));
        let (tag, call_id) = (self.token("tag"), self.token("call"));
        msg.add("From", &format!("<sip:{}@{host}>;tag={tag}", self.user));
        msg.add("To", &format!("<sip:{host}>"));
        msg.add("Call-ID", &call_id);
        msg.add("CSeq", &format!("1 {method}"));
        extra.iter().for_each(|(name, value)| msg.add(name, value));
        self.begin(msg, None, now);
    }

    /// SUBSCRIBE to the lamp or the messages of `whom`; its From, To and Call-ID come first in the 200.
    pub fn subscribe(&mut self, event: &str, whom: &str, expires: u32, now: u64) {
        let uri = format!("sip:{whom}@{}", self.server.ip());
        let (tag, call_id) = (self.token("tag"), self.token("call"));
        let from = format!("<sip:{}@{}>;tag={tag}", self.user, self.server.ip());
        let headers = [("From", from), ("To", format!("<{uri}>")), ("Call-ID", call_id)];
        self.subscribe_with(&uri, &headers, event, expires, now);
    }

    /// Within the dialog of this 200.
    pub fn refresh(&mut self, ok: &Msg, event: &str, expires: u32, now: u64) {
        let headers = ["From", "To", "Call-ID"].map(|name| (name, ok.get(name).to_owned()));
        let uri = uri_of(ok.get("Contact")).to_owned();
        self.subscribe_with(&uri, &headers, event, expires, now);
    }

    fn subscribe_with(&mut self, uri: &str, headers: &[(&str, String)], event: &str, expires: u32, now: u64) {
        let mut msg = Msg::request("SUBSCRIBE", uri);
        headers.iter().for_each(|(name, value)| msg.add(name, value));
        self.cseq += 1;
        msg.add("CSeq", &format!("{} SUBSCRIBE", self.cseq));
        msg.add("Contact", &self.contact());
        msg.add("Event", event);
        msg.add("Expires", &expires.to_string());
        self.begin(msg, None, now);
    }

    /// A text for somebody.
    pub fn message(&mut self, whom: &str, text: &str, now: u64) {
        let uri = format!("sip:{whom}@{}", self.server.ip());
        let mut msg = Msg::request("MESSAGE", &uri);
        let (tag, call_id) = (self.token("tag"), self.token("call"));
        msg.add("From", &format!("<sip:{}@{}>;tag={tag}", self.user, self.server.ip()));
        msg.add("To", &format!("<{uri}>"));
        msg.add("Call-ID", &call_id);
        self.cseq += 1;
        msg.add("CSeq", &format!("{} MESSAGE", self.cseq));
        msg.add("Content-Type", "text/plain");
        msg.body = text.to_owned();
        self.begin(msg, None, now);
    }

    /// Requests of this method that came.
    pub fn heard(&self, method: &str) -> Vec<&Msg> {
        self.requests.iter().filter(|m| m.method() == method).collect()
    }

    /// The status of our last request.
    pub fn status(&self) -> u16 {
        self.responses.last().map_or(0, Msg::status)
    }

    /// An INVITE that was heard on the wire, once more as a new call.
    pub fn replay(&mut self, heard: &Msg, now: u64) {
        let mut msg = heard.clone();
        for name in ["Via", "Max-Forwards", "Call-ID"] {
            msg.remove(name);
        }
        let call_id = self.token("call");
        msg.add("Call-ID", &call_id);
        let talk = Talk::new(&call_id, true, &msg, self.rtp_at());
        self.talks.push(talk);
        self.begin(msg, Some(self.talks.len() - 1), now);
    }

    /// The human takes the ringing call, or refuses it.
    pub fn decide(&mut self, talk: usize, status: u16, now: u64) {
        self.decisions.push((now, talk, status));
    }

    // --- requests of ours ---

    fn begin(&mut self, mut msg: Msg, talk: Option<usize>, now: u64) {
        let branch = self.token("z9hG4bK");
        let transport = if self.is_tcp { "TCP" } else { "UDP" };
        let via = format!("SIP/2.0/{transport} {};branch={branch};rport", self.shown);
        msg.headers.insert(0, ("Via".to_owned(), via));
        msg.add("Max-Forwards", "70");
        if msg.method() == "INVITE"
            && let Some(talk) = talk
        {
            self.talks[talk].invite = msg.clone();
        }
        self.start(msg, talk, now);
    }

    fn start(&mut self, msg: Msg, talk: Option<usize>, now: u64) {
        let bytes = msg.to_bytes();
        self.outbox.push(bytes.clone());
        let (branch, due) = (msg.branch(), (!self.is_tcp).then_some(now + T1));
        let until = now + GIVE_UP;
        let tries = 0;
        let (interval, done, ack, began) = (T1, false, Vec::new(), now);
        self.clients.push(Client { branch, msg, bytes, due, interval, until, began, talk, tries, done, ack });
    }

    fn on_response(&mut self, msg: &Msg, now: u64) {
        let key = (msg.branch(), msg.method().to_owned());
        let Some(at) = self.clients.iter().position(|c| c.branch == key.0 && c.msg.method() == key.1) else {
            // Before it was switched off it may have asked.
            assert!(self.boots > 0, "{}: an answer to nothing: {}", self.name, msg.start);
            return;
        };
        let (status, talk) = (msg.status(), self.clients[at].talk);
        let is_invite = key.1 == "INVITE";
        if self.clients[at].done {
            // Again, for the ACK was lost or late.
            let ack = self.clients[at].ack.clone();
            if is_invite && status >= 200 {
                self.outbox.push(ack);
            }
            return;
        }
        self.responses.push(msg.clone());
        if status < 200 {
            if is_invite {
                self.clients[at].due = None;
                self.clients[at].until = u64::MAX;
                self.on_progress(talk.unwrap(), msg, now);
            }
            return;
        }
        self.clients[at].done = true;
        self.clients[at].due = None;
        if is_invite {
            let ack = self.ack_for(at, msg);
            self.clients[at].ack.clone_from(&ack);
            self.outbox.push(ack);
        }
        if matches!(status, 401 | 407) && self.clients[at].tries == 0 {
            return self.retry(at, msg, now);
        }
        match (talk, key.1.as_str()) {
            (Some(talk), "INVITE") => self.on_invite_answered(talk, msg, now),
            (Some(talk), _) => self.talks[talk].last_status = status,
            (None, "REGISTER") => self.register_status = status,
            _ => {}
        }
    }

    fn retry(&mut self, at: usize, msg: &Msg, now: u64) {
        let mut again = self.clients[at].msg.clone();
        let talk = self.clients[at].talk;
        let (header, challenge) = match msg.status() {
            401 => ("Authorization", msg.get("WWW-Authenticate")),
            _ => ("Proxy-Authorization", msg.get("Proxy-Authenticate")),
        };
        let (method, uri) = (again.method().to_owned(), again.uri().to_owned());
        let proof = digest::credentials(challenge, &self.user, &self.secret, &method, &uri);
        for name in ["Via", "Max-Forwards", "CSeq"] {
            again.remove(name);
        }
        let number = match talk {
            Some(talk) => {
                self.talks[talk].cseq += 1;
                self.talks[talk].cseq
            }
            None => {
                self.cseq += 1;
                self.cseq
            }
        };
        again.add("CSeq", &format!("{number} {method}"));
        again.add(header, &proof);
        self.begin(again, talk, now);
        self.clients.last_mut().unwrap().tries = 1;
    }

    fn on_progress(&mut self, talk: usize, msg: &Msg, now: u64) {
        let codecs = self.codecs.clone();
        let talk_at = talk;
        let talk = &mut self.talks[talk];
        talk.progress.push(msg.status());
        if !msg.body.is_empty() {
            talk.early = true;
            talk.take_sdp(&msg.body, &codecs);
        }
        if std::mem::take(&mut talk.want_cancel) {
            self.cancel(talk_at, now);
        }
    }

    /// With the branch of the INVITE for a refusal, with its own for a 200. A 200 with an offer gets its answer there.
    fn ack_for(&mut self, at: usize, msg: &Msg) -> Vec<u8> {
        let is_ok = msg.status() < 300;
        let contact = uri_of(msg.get("Contact")).to_owned();
        let invite = self.clients[at].msg.clone();
        let uri = if is_ok && !contact.is_empty() { contact } else { invite.uri().to_owned() };
        let mut ack = Msg::request("ACK", &uri);
        let via = invite.get("Via").to_owned();
        let via = if is_ok { via.replace(&invite.branch(), &self.token("z9hG4bK")) } else { via };
        ack.add("Via", &via);
        ack.add("From", invite.get("From"));
        ack.add("To", msg.get("To"));
        ack.add("Call-ID", invite.get("Call-ID"));
        ack.add("CSeq", &format!("{} ACK", invite.cseq().0));
        ack.add("Max-Forwards", "70");
        if is_ok
            && invite.body.is_empty()
            && let Some(talk) = self.clients[at].talk
        {
            let (codecs, events) = (self.codecs.clone(), self.events);
            ack = ack.with_sdp(&self.talks[talk].sdp(&codecs, events));
        }
        ack.to_bytes()
    }

    fn on_invite_answered(&mut self, at: usize, msg: &Msg, now: u64) {
        let codecs = self.codecs.clone();
        let status = msg.status();
        let talk = &mut self.talks[at];
        if talk.is_up() || (talk.is_over() && talk.status != 0) {
            // A re-INVITE.
            talk.last_status = status;
            if status < 300 {
                talk.take_sdp(&msg.body, &codecs);
            }
            return;
        }
        talk.status = status;
        if status >= 300 {
            return talk.over(&status.to_string(), msg.get("Reason"));
        }
        talk.remote = msg.get("To").to_owned();
        talk.target = uri_of(msg.get("Contact")).to_owned();
        talk.state = State::Up;
        talk.take_sdp(&msg.body, &codecs);
        talk.start_rtp(now);
        if talk.cancelled || talk.want_cancel {
            // The answer crossed the CANCEL.
            self.bye(at, now);
        }
    }

    // --- requests of others ---

    pub fn handle(&mut self, bytes: &[u8], now: u64) {
        if self.answer == Answer::Gone {
            return;
        }
        let msg = Msg::parse(bytes);
        if !msg.is_request() {
            return self.on_response(&msg, now);
        }
        let key = format!("{} {}", msg.branch(), msg.method());
        if msg.method() == "ACK" {
            return self.on_ack(&msg);
        }
        if let Some((_, bytes)) = self.served.iter().find(|(k, _)| *k == key) {
            self.outbox.push(bytes.clone());
            return;
        }
        self.requests.push(msg.clone());
        match msg.method() {
            "INVITE" => self.on_invite(&msg, now),
            "CANCEL" => self.on_cancel(&msg, now),
            "BYE" => self.on_bye(&msg),
            "REGISTER" => self.on_register(&msg),
            method => {
                let status = self.takes.iter().find(|(m, _)| *m == method).map_or(200, |(_, status)| *status);
                self.respond(&msg, status, &[], "");
            }
        }
    }

    fn respond(&mut self, request: &Msg, status: u16, headers: &[(&str, String)], sdp: &str) -> Vec<u8> {
        let tag = format!("tag-{}-{}", self.name, request.get("Call-ID"));
        let mut response = Msg::response(request, status, &tag);
        headers.iter().for_each(|(name, value)| response.add(name, value));
        let bytes = response.with_sdp(sdp).to_bytes();
        let key = format!("{} {}", request.branch(), request.method());
        self.served.retain(|(k, _)| *k != key);
        self.served.push((key, bytes.clone()));
        self.outbox.push(bytes.clone());
        bytes
    }

    fn respond_finally(&mut self, request: &Msg, status: u16, sdp: &str, now: u64) {
        let mut contact = vec![("Contact", self.contact())];
        if !self.timer.is_empty() && request.method() == "INVITE" {
            contact.push(("Session-Expires", self.timer.to_owned()));
        }
        let moved = [("Contact", format!("<sip:{}@192.168.1.1>", self.moved_to))];
        let headers: &[(&str, String)] = match status {
            ..=299 => &contact,
            300..=399 => &moved,
            _ => &[],
        };
        let bytes = self.respond(request, status, headers, sdp);
        let is_ok = status < 300;
        let due = if is_ok || !self.is_tcp { now + T1 } else { u64::MAX };
        let (call_id, cseq) = (request.get("Call-ID").to_owned(), request.cseq().0);
        self.finals.push(Final { call_id, cseq, bytes, due, interval: T1, until: now + GIVE_UP, is_ok });
    }

    fn asks_for_password(&mut self, msg: &Msg) -> bool {
        let nonce = "feedbeef";
        let (status, asked, answered) = match msg.method() {
            "REGISTER" => (401, "WWW-Authenticate", "Authorization"),
            _ => (407, "Proxy-Authenticate", "Proxy-Authorization"),
        };
        if !self.challenges || digest::proves(msg.get(answered), nonce, &self.secret, msg.method()) {
            return false;
        }
        let realm = if status == 401 { "provider" } else { self.call_realm };
        let challenge = format!("Digest realm=\"{realm}\", nonce=\"{nonce}\", qop=\"auth\", algorithm=MD5");
        self.respond(msg, status, &[(asked, challenge)], "");
        true
    }

    fn on_register(&mut self, msg: &Msg) {
        if self.asks_for_password(msg) {
            return;
        }
        self.registrations += 1;
        self.registered = Some(uri_of(msg.get("Contact")).to_owned());
        let expires = Some(msg.get("Expires")).filter(|e| !e.is_empty()).unwrap_or("300");
        let contact = format!("<{}>;expires={expires}", uri_of(msg.get("Contact")));
        self.respond(msg, 200, &[("Contact", contact)], "");
    }

    fn on_invite(&mut self, msg: &Msg, now: u64) {
        let codecs = self.codecs.clone();
        let known = self.talks.iter().position(|t| t.call_id == msg.get("Call-ID"));
        if !tag_of(msg.get("To")).is_empty() {
            if self.challenges_all && self.asks_for_password(msg) {
                return;
            }
            let Some(at) = known.filter(|at| self.talks[*at].is_up()) else {
                return self.respond_finally(msg, 481, "", now);
            };
            let media = msg.body.split("\r\n").find(|l| l.starts_with("m=audio "));
            let mut offered = media.into_iter().flat_map(|l| l.split(' ').skip(3));
            if media.is_some() && !offered.any(|f| f.parse().is_ok_and(|f| codecs.contains(&f))) {
                return self.respond_finally(msg, 488, "", now);
            }
            self.talks[at].take_sdp(&msg.body, &codecs);
            let chosen = if msg.body.is_empty() { codecs } else { vec![self.talks[at].payload_type] };
            let sdp = self.talks[at].sdp(&chosen, self.events);
            return self.respond_finally(msg, 200, &sdp, now);
        }
        if self.asks_for_password(msg) {
            return;
        }
        let audio = msg.body.split("\r\n").find_map(|l| l.strip_prefix("m=audio "));
        if audio.is_some_and(|l| !l.split(' ').skip(2).any(|f| f.parse().is_ok_and(|f| codecs.contains(&f))))
        {
            return self.respond_finally(msg, 488, "", now);
        }
        let mut talk = Talk::new(msg.get("Call-ID"), false, msg, self.rtp_at());
        (talk.event_number, talk.video) = (self.event_number, self.video.map(Video::new));
        talk.muxes = self.muxes;
        talk.srtp.clone_from(&self.srtp);
        talk.packets = self.packets;
        talk.local = format!("{};tag=tag-{}-{}", msg.get("To"), self.name, talk.call_id);
        talk.take_sdp(&msg.body, &codecs);
        self.talks.push(talk);
        let at = self.talks.len() - 1;
        let contact = [("Contact", self.contact())];
        match self.answer {
            Answer::After(wait) => self.decisions.push((now + wait * 1_000, at, 200)),
            Answer::Refuse(status, wait) => self.decisions.push((now + wait * 1_000, at, status)),
            Answer::Rings | Answer::Gone => {}
        }
        if self.early {
            let sdp = self.talks[at].sdp(&codecs[..1], self.events);
            self.talks[at].start_rtp(now);
            self.respond(msg, 183, &contact, &sdp);
        } else if !matches!(self.answer, Answer::Refuse(_, 0)) {
            self.respond(msg, 180, &contact, "");
        }
    }

    fn on_cancel(&mut self, msg: &Msg, now: u64) {
        let Some(at) = self.talks.iter().position(|t| t.call_id == msg.get("Call-ID")) else {
            self.respond(msg, 481, &[], "");
            return;
        };
        self.respond(msg, 200, &[], "");
        if self.talks[at].state == State::Ringing {
            let invite = self.talks[at].invite.clone();
            assert_eq!(invite.branch(), msg.branch(), "{}: CANCEL of another INVITE", self.name);
            self.talks[at].over("CANCEL", msg.get("Reason"));
            self.respond_finally(&invite, 487, "", now);
        }
    }

    fn on_bye(&mut self, msg: &Msg) {
        if self.challenges_all && self.asks_for_password(msg) {
            return;
        }
        let Some(at) = self.talks.iter().position(|t| t.call_id == msg.get("Call-ID")) else {
            self.respond(msg, 481, &[], "");
            return;
        };
        self.respond(msg, 200, &[], "");
        self.talks[at].over("BYE", msg.get("Reason"));
    }

    fn on_ack(&mut self, msg: &Msg) {
        let number = msg.cseq().0;
        self.finals.retain(|f| f.call_id != msg.get("Call-ID") || f.cseq != number);
        let codecs = self.codecs.clone();
        if let Some(talk) = self.talks.iter_mut().find(|t| t.call_id == msg.get("Call-ID")) {
            talk.acked = true;
            talk.take_sdp(&msg.body, &codecs);
        }
    }

    // --- time ---

    pub fn poll_timeout(&self) -> Option<u64> {
        let clients = self.clients.iter().filter(|c| !c.done).map(|c| c.due.unwrap_or(c.until));
        let finals = self.finals.iter().map(|f| f.due);
        let decisions = self.decisions.iter().map(|d| d.0);
        let sound = self.talks.iter().filter_map(|t| t.next_rtp);
        clients.chain(finals).chain(decisions).chain(sound).min().filter(|at| *at != u64::MAX)
    }

    /// Sound that goes out: from, to, bytes.
    pub fn handle_timeout(&mut self, now: u64) -> Vec<(SocketAddr, SocketAddr, Vec<u8>)> {
        for at in 0..self.clients.len() {
            self.client_timeout(at, now);
        }
        let mut lost = Vec::new();
        for f in self.finals.iter_mut().filter(|f| f.due <= now) {
            f.interval = (f.interval * 2).min(T2);
            f.due = now + f.interval;
            self.outbox.push(f.bytes.clone());
            if now >= f.until {
                f.due = u64::MAX;
                lost.push((f.call_id.clone(), f.is_ok));
            }
        }
        self.finals.retain(|f| f.due != u64::MAX);
        for (call_id, _) in lost.into_iter().filter(|(_, is_ok)| *is_ok) {
            let at = self.talks.iter().position(|t| t.call_id == call_id).unwrap();
            self.bye(at, now);
        }
        while let Some(at) = self.decisions.iter().position(|d| d.0 <= now) {
            let (_, talk, status) = self.decisions.remove(at);
            self.carry_out(talk, status, now);
        }
        let mut sound = Vec::new();
        for talk in self.talks.iter_mut().filter(|t| t.next_rtp.is_some_and(|at| at <= now)) {
            let (from, to) = (talk.rtp_at, talk.rtp_to.unwrap());
            sound.extend(talk.picture());
            sound.extend(talk.tick(now).into_iter().map(|bytes| (from, to, bytes)));
        }
        sound
    }

    fn client_timeout(&mut self, at: usize, now: u64) {
        let client = &mut self.clients[at];
        if client.done {
            return;
        }
        if now >= client.until {
            client.done = true;
            self.unanswered += usize::from(client.msg.method() != "INVITE");
            if let Some(talk) = client.talk.filter(|_| client.msg.method() == "INVITE") {
                self.talks[talk].over("timeout", "");
            }
            return;
        }
        if client.due.is_some_and(|due| due <= now) {
            let longest = if client.msg.method() == "INVITE" { GIVE_UP } else { T2 };
            client.interval = (client.interval * 2).min(longest);
            client.due = Some(now + client.interval);
            self.outbox.push(client.bytes.clone());
        }
    }

    fn carry_out(&mut self, at: usize, status: u16, now: u64) {
        if self.talks[at].state != State::Ringing {
            return;
        }
        let (codecs, events) = (self.codecs.clone(), self.events);
        let invite = self.talks[at].invite.clone();
        let talk = &mut self.talks[at];
        if status >= 300 {
            talk.over(&status.to_string(), "");
            return self.respond_finally(&invite, status, "", now);
        }
        // An answer has one codec that was offered, and events where they were.
        let chosen: Vec<u8> = if talk.theirs.is_empty() { codecs } else { vec![talk.payload_type] };
        let events = events && (talk.theirs.is_empty() || talk.event_type.is_some());
        let sdp = talk.sdp(&chosen, events);
        talk.state = State::Up;
        talk.start_rtp(now);
        self.respond_finally(&invite, status, &sdp, now);
    }
}
