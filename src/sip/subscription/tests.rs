//! Ladders on the virtual clock: each step a SUBSCRIBE, a change or an answer, and what goes out then.
use super::*;
use crate::sip::Transport;
use crate::sip::endpoint::Endpoint;
use crate::wire::sip::Method;

const fn at(ms: u64) -> Instant {
    Instant::from_micros(ms * 1_000)
}

struct Ladder {
    notifier: Notifier,
    endpoint: Endpoint,
    flow: Flow,
    calls: Vec<Seen>,
    cseq: u32,
    to: String,
    client: Option<(SubscriptionId, ClientId)>,
}

fn call(id: &str, stage: Stage) -> Seen {
    let party = |number: &str| Party { display: None, number: Some(number.to_owned()) };
    Seen {
        id: id.to_owned(),
        direction: Direction::Recipient,
        stage,
        replaces: None,
        local: party("100"),
        remote: party("101"),
        held: false,
    }
}

impl Ladder {
    fn new() -> Self {
        let (local, remote) = ("192.0.2.1:5060".parse().unwrap(), "192.0.2.10:5060".parse().unwrap());
        Self {
            notifier: Notifier::new([3; 32]),
            endpoint: Endpoint::new([4; 32], "t"),
            flow: Flow { transport: Transport::Udp, id: 1, local, remote },
            calls: Vec::new(),
            cseq: 0,
            to: "<sip:100@pbx>".to_owned(),
            client: None,
        }
    }

    fn subscribe(&mut self, ms: u64, lines: &str) -> u16 {
        self.cseq += 1;
        let text = format!(
            "SUBSCRIBE sip:100@pbx;user=phone SIP/2.0\nVia: SIP/2.0/UDP a;branch=z9hG4bK{0}\nFrom: <sip:101@pbx>;tag=f\nTo: {1}\n\
             Call-ID: c\nCSeq: {0} SUBSCRIBE\nContact: <sip:101@192.0.2.10>\nRecord-Route: <sip:p1;lr>\n{lines}\n\n",
            self.cseq, self.to
        );
        let request = Message::parse(text.replace('\n', "\r\n").as_bytes()).unwrap();
        let contact = Uri::sip(Some("tandem"), "192.0.2.1", Some(5060));
        let sender = Sender { name: "101", flow: self.flow, contact: &contact };
        let response = self.notifier.handle_subscribe(&request, sender, |_, user| user.ok_or(404), at(ms));
        if response.status() == Some(200) {
            self.to = response.get("To").unwrap().to_owned();
            assert_eq!(response.get("Record-Route"), Some("<sip:p1;lr>"));
        }
        response.status().unwrap()
    }

    fn changed(&mut self, calls: Vec<Seen>) {
        self.calls = calls;
        let state = State::Calls(self.calls.clone());
        self.notifier.changed(&[Package::Dialog], |_, _| state.clone());
    }

    /// The NOTIFY that goes out now.
    fn notify(&mut self, ms: u64) -> Option<Message> {
        let due = self.notifier.poll_due(at(ms))?;
        let (flow, request) = self.notifier.notify(due.id, &State::Calls(self.calls.clone()), at(ms))?;
        let client = self.endpoint.send(flow, request.clone(), at(ms)).unwrap();
        self.notifier.sent(due.id, client);
        self.client = Some((due.id, client));
        assert_eq!(request.method(), Some(&Method::Notify));
        assert_eq!(request.uri().unwrap().to_string(), "sip:101@192.0.2.10");
        assert_eq!(request.get("Route"), Some("<sip:p1;lr>"));
        Some(request)
    }

    fn answer(&mut self, ms: u64, answer: Answer) -> bool {
        let (_, client) = self.client.take().unwrap();
        self.notifier.handle_answer(client, answer, at(ms))
    }

    fn answered(&mut self, ms: u64, status: u16) -> bool {
        self.answer(ms, Answer::Final { status, wait: None })
    }
}

fn shows(message: &Message, what: &str) -> bool {
    String::from_utf8_lossy(&message.body).contains(what)
}

#[test]
fn one_at_a_time_and_the_newest_wins() {
    let mut l = Ladder::new();
    assert_eq!(l.subscribe(0, "Event: dialog\nExpires: 600"), 200);
    let first = l.notify(0).unwrap();
    assert!(shows(&first, "version=\"0\""), "{first:?}");
    assert_eq!(first.get("Subscription-State"), Some("active;expires=600"));
    assert!(shows(&first, "entity=\"sip:100@pbx\""));
    // Not before it is answered, nor within half a second.
    l.changed(vec![call("a", Stage::Early)]);
    assert!(l.notify(10_000).is_none());
    assert!(l.answered(10_000, 200));
    assert!(shows(&l.notify(10_000).unwrap(), "<state>early</state>"));
    assert!(l.answered(10_010, 200));
    l.changed(vec![call("a", Stage::Confirmed)]);
    assert!(l.notify(10_499).is_none());
    assert_eq!(l.notifier.poll_timeout(), Some(at(10_500)));
    l.changed(Vec::new());
    l.changed(vec![call("b", Stage::Early)]);
    let next = l.notify(10_500).unwrap();
    assert!(shows(&next, "version=\"2\"") && shows(&next, "<dialog id=\"b\""), "{next:?}");
    assert!(shows(&next, "<dialog id=\"a\"><state>terminated</state>"), "{next:?}");
    assert!(l.answered(10_600, 200));
    // There and back again is no news.
    l.changed(Vec::new());
    l.changed(vec![call("b", Stage::Early)]);
    assert!(l.notify(20_000).is_none());
}

#[test]
fn what_an_answer_means() {
    for (status, is_over) in [
        (200, false),
        (202, false),
        (481, true),
        (404, true),
        (489, true),
        (603, true),
        (500, false),
        (503, false),
        (401, false),
    ] {
        let mut l = Ladder::new();
        assert_eq!(l.subscribe(0, "Event: dialog"), 200);
        l.notify(0).unwrap();
        assert!(l.answered(100, status));
        assert_eq!(l.notifier.count() == 0, is_over, "{status}");
    }
    let mut l = Ladder::new();
    l.subscribe(0, "Event: dialog");
    l.notify(0).unwrap();
    assert!(l.answer(32_000, Answer::Silence));
    assert_eq!((l.notifier.count(), l.notifier.poll_timeout()), (0, None));
}

/// A phone that is overloaded is asked again when it said so, three times.
#[test]
fn refused_for_now() {
    let mut l = Ladder::new();
    l.subscribe(0, "Event: dialog");
    for (ms, wait) in [(0, Some(30)), (30_100, None), (40_200, None)] {
        assert!(l.notify(ms).is_some(), "{ms}");
        assert!(l.answer(ms + 100, Answer::Final { status: 503, wait }));
        assert!(l.notify(ms + 9_000).is_none());
    }
    assert_eq!(l.notifier.count(), 0);
}

#[test]
fn a_lost_way_waits_for_the_phone() {
    let mut l = Ladder::new();
    l.subscribe(0, "Event: dialog\nExpires: 100");
    l.notify(0).unwrap();
    assert!(l.answer(100, Answer::NoWay));
    assert!(l.notify(50_000).is_none());
    let other = Flow { id: 2, ..l.flow };
    l.notifier.follow("102", &Uri::parse("sip:102@192.0.2.10").unwrap(), other);
    assert!(l.notify(50_000).is_none());
    l.notifier.follow("101", &Uri::parse("sip:101@192.0.2.10").unwrap(), other);
    assert_eq!(l.notifier.poll_due(at(50_000)).map(|d| d.flow.id), Some(2));
    assert!(l.notify(50_000).is_some());
    assert!(l.answer(50_100, Answer::NoWay));
    // It did not come back.
    assert_eq!(l.notifier.poll_timeout(), Some(at(100_000)));
    assert!(l.notify(100_000).is_none());
    assert_eq!(l.notifier.count(), 0);
}

#[test]
fn the_last_one_waits_too() {
    let mut l = Ladder::new();
    l.subscribe(0, "Event: dialog");
    l.notify(0).unwrap();
    l.answered(10, 200);
    assert_eq!(l.subscribe(100, "Event: dialog\nExpires: 0"), 200);
    assert!(l.notify(499).is_none());
    let last = l.notify(500).unwrap();
    assert_eq!(last.get("Subscription-State"), Some("terminated;reason=timeout"));
    assert_eq!(l.notifier.count(), 0);
}

/// In the order of RFC 3261 section 12.2.2: an old CSeq is refused, another package is another dialog.
#[test]
fn refreshes_that_are_none() {
    let mut l = Ladder::new();
    l.subscribe(0, "Event: dialog");
    l.cseq = 0;
    assert_eq!(l.subscribe(1, "Event: presence"), 481);
    l.cseq = 5;
    assert_eq!(l.subscribe(1, "Event: dialog"), 200);
    l.cseq = 3;
    assert_eq!(l.subscribe(1, "Event: dialog"), 500);
    l.to = "<sip:100@pbx>;tag=other".to_owned();
    assert_eq!(l.subscribe(1, "Event: dialog"), 481);
}

#[test]
fn bounded() {
    use crate::util::limits::SUBSCRIPTIONS_PER_EXTENSION;
    let mut l = Ladder::new();
    for n in 0..=SUBSCRIPTIONS_PER_EXTENSION {
        l.to = "<sip:100@pbx>".to_owned();
        let status = l.subscribe(0, &format!("Event: dialog;id={n}"));
        assert_eq!(status, if n < SUBSCRIPTIONS_PER_EXTENSION { 200 } else { 503 }, "{n}");
    }
    assert_eq!(l.notifier.count(), SUBSCRIPTIONS_PER_EXTENSION);
    let many: Vec<Seen> = (0..200).map(|n| call(&n.to_string(), Stage::Early)).collect();
    l.calls = many;
    assert!(l.notify(0).unwrap().to_bytes().len() < 1_300);
    l.changed(vec![call("x", Stage::Early)]);
    l.answered(10, 200);
    // Calls that were never shown are not shown as ended.
    while let Some(request) = l.notify(600) {
        assert!(request.to_bytes().len() < 1_600, "{request:?}");
    }
}
