//! Phones that watch lines: SUBSCRIBEs of any shape, calls with any names, answers in any order. What goes out stays a document of
//! ours with a version that rises, whatever strangers call themselves; Replaces is written as it was read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::collections::BTreeMap;
use tandem::sip::subscription::{
    Answer, Direction, Notifier, Package, Party, Seen, Sender, Stage, State, Summary,
};
use tandem::sip::{ClientId, Endpoint, Flow, Transport};
use tandem::util::time::Instant;
use tandem::wire::sip::{Message, Replaces, Uri};

const EVENTS: [&str; 5] = ["dialog", "dialog;id=7", "message-summary", "presence", "reg"];
const STAGES: [Stage; 3] = [Stage::Trying, Stage::Early, Stage::Confirmed];

struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn next(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::from(self.next()) % limit
    }

    fn text(&mut self) -> String {
        let length = self.below(24).min(self.0.len());
        let (piece, rest) = self.0.split_at(length);
        self.0 = rest;
        String::from_utf8_lossy(piece).into_owned()
    }
}

fn seen(bytes: &mut Bytes) -> Seen {
    let party = |bytes: &mut Bytes| Party { display: Some(bytes.text()), number: Some(bytes.text()) };
    Seen {
        id: bytes.text(),
        direction: if bytes.next().is_multiple_of(2) { Direction::Initiator } else { Direction::Recipient },
        stage: STAGES[bytes.below(3)],
        replaces: (bytes.next().is_multiple_of(2)).then(|| [bytes.text(), bytes.text(), bytes.text()]),
        local: party(bytes),
        remote: party(bytes),
        held: bytes.next().is_multiple_of(2),
    }
}

fn state(package: Package, calls: &[Seen]) -> State {
    let count = u32::try_from(calls.len()).unwrap_or(0);
    match package {
        Package::Dialog => State::Calls(calls.to_vec()),
        Package::MessageSummary => State::Messages(Summary { voice: (count, 1), text: (0, count) }),
        Package::Presence => State::Presence { registered: true, busy: count > 0 },
    }
}

/// Every `<` has its `>`, and nothing of strangers is between.
fn is_sound(body: &str) -> bool {
    let mut open = false;
    body.chars().all(|c| match c {
        '<' => !std::mem::replace(&mut open, true),
        '>' => std::mem::replace(&mut open, false),
        c => !c.is_control() || c == '\r' || c == '\n',
    }) && !open
}

fuzz_target!(|data: &[u8]| {
    let mut bytes = Bytes(data);
    if let Some(replaces) = Replaces::parse(&String::from_utf8_lossy(data)) {
        assert_eq!(Replaces::parse(&replaces.to_string()), Some(replaces));
    }
    let mut notifier = Notifier::new([1; 32]);
    let mut endpoint = Endpoint::new([2; 32], "fuzz");
    let (local, remote) = ("192.0.2.1:5060".parse().unwrap(), "192.0.2.9:5060".parse().unwrap());
    let flow = Flow { transport: Transport::Udp, id: 1, local, remote };
    let contact = Uri::sip(Some("tandem"), "192.0.2.1", None);
    let (mut calls, mut tags, mut us) = (Vec::new(), vec![String::new()], 0_u64);
    let mut clients: Vec<ClientId> = Vec::new();
    let mut versions: BTreeMap<String, u64> = BTreeMap::new();
    let mut steps = 0_u32;
    while !bytes.0.is_empty() && steps < 300 {
        steps += 1;
        let now = Instant::from_micros(us);
        match bytes.next() % 6 {
            0 => {
                let (tag, event, user) = (bytes.below(tags.len()), EVENTS[bytes.below(5)], bytes.text());
                let text = format!(
                    "SUBSCRIBE sip:100@pbx SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK{steps}\r\nFrom: <sip:1@pbx>;tag=f\r\n\
                     To: <sip:100@pbx>{}\r\nCall-ID: c{}\r\nCSeq: {steps} SUBSCRIBE\r\nContact: <sip:{}@192.0.2.9>\r\n\
                     Event: {event}\r\nExpires: {}\r\nX: {}\r\n\r\n",
                    tags[tag],
                    bytes.next() % 2,
                    bytes.next(),
                    u32::from(bytes.next()) * 60,
                    user.replace(['\r', '\n'], " ")
                );
                let Ok(request) = Message::parse(text.as_bytes()) else { continue };
                let name = ["101", "102"][bytes.below(2)];
                let sender = Sender { name, flow, contact: &contact };
                let response = notifier.handle_subscribe(&request, sender, |_, user| user.ok_or(404), now);
                if response.status() == Some(200) {
                    let tag = response.to().and_then(|to| to.tag().map(|t| format!(";tag={t}")));
                    tags.push(tag.expect("a dialog has a tag"));
                    tags.truncate(16);
                }
            }
            1 => {
                calls = (0..bytes.below(6)).map(|_| seen(&mut bytes)).collect();
                let all = [Package::Dialog, Package::MessageSummary, Package::Presence];
                notifier.changed(&all, |package, _| state(package, &calls));
            }
            2 => us += u64::from(bytes.next()) * 10_000,
            3 => us += u64::from(bytes.next()) * 10_000_000,
            4 if !clients.is_empty() => {
                let client = clients.swap_remove(bytes.below(clients.len()));
                let status = 200 + u16::from(bytes.next()) * 2;
                let answer = [Answer::Final { status, wait: None }, Answer::Silence, Answer::NoWay][bytes.below(3)];
                notifier.handle_answer(client, answer, now);
            }
            _ => notifier.follow("101", &contact, flow),
        }
        let now = Instant::from_micros(us);
        let mut rounds = 0;
        while let Some(due) = notifier.poll_due(now) {
            rounds += 1;
            assert!(rounds < 2_000, "it does not come to rest");
            let Some((flow, request)) = notifier.notify(due.id, &state(due.package, &calls), now) else { continue };
            let body = String::from_utf8(request.body.clone()).expect("text");
            if due.package != Package::MessageSummary {
                assert!(is_sound(&body), "{body}");
            }
            if let Some((_, version)) = body.split_once("dialog-info\" version=\"") {
                let version: u64 = version.split('"').next().and_then(|v| v.parse().ok()).expect("a number");
                let tag = request.from().and_then(|f| f.tag().map(str::to_owned)).expect("a tag");
                let last = versions.insert(tag, version);
                assert_eq!(version, last.map_or(0, |l| l + 1));
            }
            match endpoint.send(flow, request, now) {
                Ok(client) => {
                    clients.push(client);
                    notifier.sent(due.id, client);
                }
                Err(_) => notifier.not_sent(due.id, now),
            }
        }
        assert!(notifier.poll_timeout().is_none_or(|at| at > now), "a timer in the past");
    }
});
