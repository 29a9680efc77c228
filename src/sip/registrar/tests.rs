//! Ladders on the virtual clock: each row a REGISTER, what comes back, and what is there then.
use super::*;
use crate::sip::Transport;
use crate::util::time::{Now, Wall};
use crate::wire::sip::Message;

const DESK: &str = "<sip:100@192.0.2.10:5060>";
const SOFT: &str = "<sip:100@192.0.2.11:5062>;+sip.instance=\"<urn:uuid:1>\"";

struct Ladder {
    registrar: Registrar,
    policy: Policy,
    call_id: String,
    cseq: u32,
    flow: Flow,
}

fn flow(transport: Transport, id: u32, remote: &str) -> Flow {
    Flow { transport, id, local: "192.0.2.1:5060".parse().unwrap(), remote: remote.parse().unwrap() }
}

const fn at(seconds: u64) -> Instant {
    Instant::from_micros(seconds * 1_000_000)
}

impl Registrar {
    /// When something is really due; the registrar never wants to be called later.
    fn soonest(&self) -> Option<Instant> {
        let soonest = self.all().flat_map(|(_, b)| [Some(b.expires_at), b.asks_at()]).flatten().min();
        assert!(soonest.is_none_or(|at| self.poll_timeout().is_some_and(|due| due <= at)));
        soonest
    }
}

impl Ladder {
    fn new() -> Self {
        Self {
            registrar: Registrar::new([5; 32]),
            policy: Policy { max_contacts: 3, qualify: None, expires: (60, 7_200) },
            call_id: "a".into(),
            cseq: 0,
            flow: flow(Transport::Udp, 1, "192.0.2.10:5060"),
        }
    }

    fn qualified(seconds: u64) -> Self {
        let mut ladder = Self::new();
        ladder.policy.qualify = Some(Duration::from_secs(seconds));
        ladder
    }

    /// A REGISTER with the next CSeq and these lines.
    fn ask(&mut self, seconds: u64, lines: &str) -> Message {
        self.cseq += 1;
        let text = format!(
            "REGISTER sip:pbx SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKx\nFrom: <sip:100@pbx>;tag=f\n\
             To: <sip:100@pbx>\nCall-ID: {}\nCSeq: {} REGISTER\nUser-Agent: Desk 1\n{lines}\n\n",
            self.call_id, self.cseq
        );
        let request = Message::parse(text.as_bytes()).unwrap();
        let now = Now { mono: at(seconds), wall: Wall(0) };
        self.registrar.register("100", self.policy, &request, self.flow, now)
    }

    /// The contacts of the 200.
    fn register(&mut self, seconds: u64, lines: &str) -> Vec<String> {
        let response = self.ask(seconds, lines);
        assert_eq!(response.status(), Some(200), "{response:?}");
        response.all("Contact").map(str::to_owned).collect()
    }

    fn changes(&mut self) -> Vec<Change> {
        std::iter::from_fn(|| self.registrar.poll_event()).map(|e| e.change).collect()
    }

    fn count(&self) -> usize {
        self.registrar.bindings("100").count()
    }
}

#[test]
fn registered_refreshed_removed() {
    let mut l = Ladder::new();
    assert_eq!(l.register(0, &format!("Contact: {DESK};expires=300")), [format!("{DESK};expires=300")]);
    assert_eq!(l.changes(), [Change::Registered]);
    // A fetch changes nothing and counts down.
    assert_eq!(l.register(100, ""), [format!("{DESK};expires=200")]);
    assert_eq!(
        l.register(200, &format!("Contact: {DESK}\nExpires: 600")),
        [format!("{DESK};expires=600")],
        "refreshed, by the header"
    );
    assert_eq!(l.changes(), []);
    assert_eq!(l.registrar.soonest(), Some(at(800)));
    assert!(l.register(300, &format!("Contact: {DESK};expires=0")).is_empty());
    assert_eq!(l.changes(), [Change::Removed]);
    assert_eq!((l.count(), l.registrar.soonest()), (0, None));
}

#[test]
fn the_answer_has_what_phones_look_for() {
    let mut l = Ladder::new();
    let lines = format!("Contact: {SOFT};expires=60;+x=\"a;b\"\nPath: <sip:edge;lr>, <sip:edge2;lr>");
    let response = l.ask(0, &lines);
    assert_eq!(
        response.get("Contact"),
        Some("<sip:100@192.0.2.11:5062>;+sip.instance=\"<urn:uuid:1>\";+x=\"a;b\";expires=60")
    );
    assert_eq!(response.get("Path"), Some("<sip:edge;lr>, <sip:edge2;lr>"));
    assert_eq!(response.get("Date"), None, "the clock is not set");
    assert!(response.to().unwrap().tag().is_some());
    let binding = l.registrar.bindings("100").next().unwrap();
    assert_eq!(binding.path, ["<sip:edge;lr>", "<sip:edge2;lr>"]);
    assert_eq!((binding.flow, binding.user_agent.as_str()), (l.flow, "Desk 1"));
    assert_eq!(binding.instance.as_deref(), Some("<urn:uuid:1>"));

    let request = Message::parse(
        b"REGISTER sip:pbx SIP/2.0\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\nFrom: <sip:a@b>;tag=f\nTo: <sip:a@b>\n\
          Call-ID: a\nCSeq: 9 REGISTER\n\n",
    );
    let now = Now { mono: at(1), wall: Wall(1_800_000_000) };
    let response = l.registrar.register("100", l.policy, &request.unwrap(), l.flow, now);
    assert_eq!(response.get("Date"), Some("Fri, 15 Jan 2027 08:00:00 GMT"));
}

#[test]
fn refused_whole_and_nothing_changed() {
    let long = format!("Contact: <sip:100@192.0.2.9>;x={}", "y".repeat(1_100));
    let many = format!("Contact: {}", ["<sip:a@b>"; 11].join(","));
    for (lines, status) in [
        ("Contact: *", 400),
        ("Contact: *\nExpires: 60", 400),
        ("Contact: *, <sip:100@192.0.2.9>\nExpires: 0", 400),
        ("Contact: <sip:100@192.0.2.9>\nContact: <http://192.0.2.9>", 400),
        ("Contact: <sip:100@192.0.2.9>, broken", 400),
        (long.as_str(), 400),
        (many.as_str(), 400),
    ] {
        let mut l = Ladder::new();
        l.register(0, &format!("Contact: {DESK}"));
        assert_eq!(l.ask(1, lines).status(), Some(status), "{lines}");
        assert_eq!(l.register(2, ""), [format!("{DESK};expires=3598")], "{lines}");
    }
}

#[test]
fn star_with_zero_removes_all() {
    let mut l = Ladder::new();
    l.register(0, &format!("Contact: {DESK}, {SOFT}"));
    l.changes();
    assert!(l.register(1, "Contact: *\nExpires: 0").is_empty());
    assert_eq!(l.changes(), [Change::Removed, Change::Removed]);
}

#[test]
fn an_older_request_of_the_same_call_changes_nothing() {
    let mut l = Ladder::new();
    l.cseq = 10;
    l.register(0, &format!("Contact: {DESK};expires=600"));
    for lines in [format!("Contact: {DESK};expires=0"), "Contact: *\nExpires: 0".into()] {
        l.cseq = 4;
        assert_eq!(l.ask(1, &lines).status(), Some(500), "{lines}");
        assert_eq!(l.count(), 1);
    }
    // Another Call-ID counts for itself: the phone has restarted.
    l.call_id = "b".into();
    l.cseq = 0;
    assert!(l.register(2, &format!("Contact: {DESK};expires=0")).is_empty());
}

#[test]
fn one_phone_has_one_binding() {
    let instance = ";+sip.instance=\"<urn:uuid:1>\"";
    for (first, second, count, why) in [
        ("<sip:100@192.0.2.9>", "<sip:100@192.0.2.9;foo=1>", 1, "a parameter that means nothing"),
        ("<sip:100@192.0.2.9>", "<sip:100@192.0.2.9:5060>", 2, "a port is a difference"),
        ("<sip:100@192.0.2.9>", "<sip:100@192.0.2.8>", 2, ""),
        (
            &format!("<sip:100@192.0.2.9>{instance}"),
            &format!("<sip:100@192.0.2.8>{instance}"),
            1,
            "its instance",
        ),
        (
            &format!("<sip:100@192.0.2.9>{instance};reg-id=1"),
            &format!("<sip:100@192.0.2.8>{instance};reg-id=2"),
            2,
            "two flows of one instance",
        ),
        (
            "<sip:100@192.0.2.9>;+sip.instance=\"<urn:uuid:2>\"",
            &format!("<sip:100@192.0.2.9>{instance}"),
            2,
            "two instances behind one address",
        ),
    ] {
        let mut l = Ladder::new();
        l.register(0, &format!("Contact: {first}"));
        l.call_id = "b".into();
        assert_eq!(l.register(1, &format!("Contact: {second}")).len(), count, "{first} {second} {why}");
    }
}

#[test]
fn the_same_call_from_a_new_port_replaces() {
    let mut l = Ladder::new();
    l.register(0, "Contact: <sip:100@192.0.2.10:40001;transport=tcp>");
    l.flow = flow(Transport::Udp, 1, "192.0.2.10:40002");
    let now = l.register(60, "Contact: <sip:100@192.0.2.10:40002;transport=tcp>");
    assert_eq!(now, ["<sip:100@192.0.2.10:40002;transport=tcp>;expires=3600"]);
    assert_eq!(l.changes(), [Change::Registered, Change::Replaced, Change::Registered]);
    // Two contacts in one REGISTER are two.
    assert_eq!(l.register(61, &format!("Contact: {DESK}, {SOFT}")).len(), 3);
}

#[test]
fn behind_nat_the_source_counts_and_follows_the_phone() {
    let mut l = Ladder::new();
    l.flow = flow(Transport::Udp, 1, "198.51.100.7:1024");
    l.register(0, "Contact: <sip:100@10.0.0.5:5060>");
    l.flow = flow(Transport::Udp, 1, "198.51.100.7:1099");
    l.register(60, "Contact: <sip:100@10.0.0.5:5060>");
    assert_eq!(l.registrar.bindings("100").next().unwrap().flow, l.flow);
    assert_eq!(l.changes(), [Change::Registered, Change::Moved]);
}

#[test]
fn a_contact_too_many_pushes_out_the_oldest() {
    let mut l = Ladder::new();
    for (seconds, host) in [(0, 1), (1, 2), (2, 3), (3, 1), (4, 4)] {
        l.call_id = format!("of {host}");
        l.register(seconds, &format!("Contact: <sip:100@192.0.2.{host}>"));
    }
    let hosts: Vec<&str> = l.registrar.bindings("100").map(|b| b.contact.host.as_str()).collect();
    // 1 was refreshed, so 2 is the oldest; the freshest comes first.
    assert_eq!(hosts, ["192.0.2.4", "192.0.2.1", "192.0.2.3"]);
    assert_eq!(l.changes().last(), Some(&Change::Replaced));
    l.policy.max_contacts = 1;
    l.call_id = "new".into();
    assert_eq!(l.register(5, "Contact: <sip:100@192.0.2.5>").len(), 1);
}

#[test]
fn by_q_then_the_freshest() {
    let mut l = Ladder::new();
    l.register(0, "Contact: <sip:100@a>;q=0.5, <sip:100@b>;q=1, <sip:100@c>;q=0.7");
    let hosts: Vec<&str> = l.registrar.bindings("100").map(|b| b.contact.host.as_str()).collect();
    assert_eq!(hosts, ["b", "c", "a"]);
}

#[test]
fn ciscos_keep_alive_removes_nothing() {
    let mut l = Ladder::new();
    l.register(0, &format!("Contact: {DESK};expires=600"));
    for contact in [format!("{DESK};expires=0;cisco-keep-alive"), format!("{DESK};cisco-keep-alive")] {
        let listed = l.register(10, &format!("Contact: {contact}\nExpires: 0"));
        assert_eq!(listed, [format!("{DESK};expires=590")]);
    }
    assert_eq!(l.changes(), [Change::Registered]);
}

#[test]
fn expiry_on_the_clock() {
    let mut l = Ladder::new();
    l.register(0, &format!("Contact: {DESK};expires=300, {SOFT};expires=200"));
    l.changes();
    for (seconds, left, next) in
        [(199, 2, Some(200)), (200, 1, Some(300)), (299, 1, Some(300)), (300, 0, None)]
    {
        l.registrar.handle_timeout(at(seconds));
        assert_eq!((l.count(), l.registrar.soonest()), (left, next.map(at)), "{seconds}");
    }
    assert_eq!(l.changes(), [Change::Expired, Change::Expired]);
    assert!(l.registrar.aors.is_empty(), "no extension is kept without a contact");
}

#[test]
fn a_lost_connection_takes_its_binding_along() {
    let mut l = Ladder::new();
    l.register(0, &format!("Contact: {DESK}"));
    l.call_id = "b".into();
    l.flow = flow(Transport::Tcp, 1, "192.0.2.11:40000");
    l.register(1, &format!("Contact: {SOFT}"));
    l.changes();
    // The UDP socket of the same number is something else.
    l.registrar.flow_closed(2);
    assert_eq!(l.count(), 2);
    l.registrar.flow_closed(1);
    assert_eq!(l.registrar.bindings("100").next().unwrap().flow.transport, Transport::Udp);
    assert_eq!((l.count(), l.changes()), (1, vec![Change::ConnectionLost]));
    l.registrar.forget("100");
    assert_eq!((l.count(), l.changes()), (0, vec![Change::Forgotten]));
}

#[test]
fn asked_by_options_and_answered() {
    let mut l = Ladder::qualified(30);
    l.register(0, &format!("Contact: {DESK}\nPath: <sip:edge;lr>"));
    let due = l.registrar.soonest().unwrap();
    assert!(due < at(30), "spread over the first interval");
    assert!(l.registrar.poll_qualify(at(0)).is_none());
    let probe = l.registrar.poll_qualify(at(30)).unwrap();
    assert_eq!(probe.request.uri().unwrap().to_string(), "sip:100@192.0.2.10:5060");
    assert_eq!(probe.request.get("From"), Some("<sip:tandem@192.0.2.1:5060>"));
    assert_eq!(probe.request.get("Route"), Some("<sip:edge;lr>"));
    assert_eq!(probe.flow, l.flow);
    assert!(l.registrar.poll_qualify(at(31)).is_none(), "one question at a time");
    l.registrar.handle_qualified(probe.key, true, Instant::from_micros(30_040_000));
    let binding = l.registrar.bindings("100").next().unwrap();
    assert_eq!(binding.reach(), Reach::Reachable { rtt: Duration::from_millis(40) });
    assert_eq!(l.registrar.soonest(), Some(Instant::from_micros(60_040_000)));
}

#[test]
fn three_times_no_answer_is_unreachable_and_one_answer_mends_it() {
    let mut l = Ladder::qualified(30);
    l.register(0, &format!("Contact: {DESK}"));
    l.changes();
    let mut now = 30;
    for (failures, next) in [(1, 10), (2, 10), (3, 30)] {
        let probe = l.registrar.poll_qualify(at(now)).unwrap();
        l.registrar.handle_qualified(probe.key, false, at(now));
        assert_eq!(l.registrar.soonest(), Some(at(now + next)), "{failures}");
        let is_away = l.registrar.bindings("100").next().unwrap().reach() == Reach::Unreachable;
        assert_eq!(is_away, failures == 3);
        now += next;
    }
    assert_eq!(l.changes(), [Change::Unreachable]);
    let probe = l.registrar.poll_qualify(at(now)).unwrap();
    l.registrar.handle_qualified(probe.key, true, at(now));
    assert_eq!(l.changes(), [Change::Reachable]);
}

#[test]
fn a_register_mends_it_too() {
    let mut l = Ladder::qualified(30);
    l.register(0, &format!("Contact: {DESK}"));
    for now in [30, 40, 50] {
        let probe = l.registrar.poll_qualify(at(now)).unwrap();
        l.registrar.handle_qualified(probe.key, false, at(now));
    }
    l.register(51, &format!("Contact: {DESK}"));
    assert_eq!(l.registrar.bindings("100").next().unwrap().reach(), Reach::Unknown);
}

#[test]
fn a_question_whose_end_nobody_told_counts_as_unanswered() {
    let mut l = Ladder::qualified(30);
    l.register(0, &format!("Contact: {DESK}"));
    l.registrar.poll_qualify(at(30)).unwrap();
    assert_eq!(l.registrar.soonest(), Some(at(90)));
    assert!(l.registrar.poll_qualify(at(90)).is_none());
    assert_eq!(l.registrar.soonest(), Some(at(100)));
    // And the answer to a phone that is gone is nobody's.
    let probe = l.registrar.poll_qualify(at(100)).unwrap();
    l.registrar.forget("100");
    l.registrar.handle_qualified(probe.key, true, at(101));
    assert_eq!(l.registrar.soonest(), None);
}

#[test]
fn never_more_than_the_bounds() {
    let mut l = Ladder::new();
    l.policy.max_contacts = usize::MAX;
    for host in 0..50 {
        l.call_id = format!("of {host}");
        l.register(host, &format!("Contact: <sip:100@192.0.2.{host}>"));
    }
    assert_eq!(l.count(), crate::util::limits::REGISTRAR_CONTACTS);
    for name in 0..=crate::util::limits::REGISTRAR_AORS {
        let text = format!(
            "REGISTER sip:pbx SIP/2.0\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\nFrom: <sip:a@b>;tag=f\nTo: <sip:a@b>\n\
             Call-ID: {name}\nCSeq: 9 REGISTER\nContact: <sip:a@b>\n\n"
        );
        let request = Message::parse(text.as_bytes()).unwrap();
        l.registrar.register(&format!("x{name}"), l.policy, &request, l.flow, Now::default());
    }
    assert_eq!(l.registrar.aors.len(), crate::util::limits::REGISTRAR_AORS);
    assert_eq!(l.registrar.events.len(), REGISTRAR_EVENTS);
}

#[test]
fn damaged_requests_never_break_the_bounds() {
    let whole = format!(
        "REGISTER sip:pbx SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=f\r\nTo: <sip:a@b>\r\n\
         Call-ID: a\r\nCSeq: 9 REGISTER\r\nContact: {SOFT};q=0.5;reg-id=1;expires=300, <sip:b@[::1]:5060;lr>\r\n\
         Path: <sip:edge;lr>\r\nExpires: 60\r\n\r\n"
    );
    let mut l = Ladder::qualified(30);
    for position in 0..whole.len() {
        for byte in [0, b' ', b'"', b'\\', b',', b';', b'<', b'9', b'*', 0xff] {
            let mut bytes = whole.clone().into_bytes();
            *bytes.get_mut(position).unwrap() = byte;
            let Ok(request) = Message::parse(&bytes) else { continue };
            let response = l.registrar.register("100", l.policy, &request, l.flow, Now::default());
            assert!(matches!(response.status(), Some(200 | 400 | 500)), "{response:?}");
            assert!(l.count() <= l.policy.max_contacts);
            while let Some(probe) = l.registrar.poll_qualify(at(40)) {
                l.registrar.handle_qualified(probe.key, position % 2 == 0, at(40));
            }
        }
    }
}
