//! RTCP of real phones (baresip): what they report is seen in the list of calls, and what we report at the phones.
use house::home::Options;
use house::phone::{Phone, PhoneOptions, Source, Transport};
use house::telephony::{LEVEL, Telephony, assert_hears};
use house::wait::poll;
use serde_json::{Value, json};

const A_HZ: f64 = 1_020.0;
const B_HZ: f64 = 620.0;

/// A side of the only call, once the phone there has told of what it gets from us, and how long that is under way.
fn wait_told(home: &mut Telephony, at: usize) -> Value {
    let leg = poll(30.0, || {
        let calls = home.home.daemon.get("calls", &json!({}));
        let leg = calls["calls"][0]["legs"][at].clone();
        (leg["told"].is_object() && leg["round_trip_ms"].is_u64()).then_some(leg)
    });
    leg.unwrap_or_else(|| panic!("nothing is told\n{}", home.tails()))
}

/// On one machine nothing is lost, and nothing takes long.
fn assert_good(leg: &Value) {
    let number = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("{leg}"));
    let received = number(&leg["received"]);
    assert!(received > 100.0 && number(&leg["lost"]) <= received / 50.0, "{leg}");
    assert!(number(&leg["round_trip_ms"]) < 200.0 && number(&leg["jitter_ms"]) < 40.0, "{leg}");
    assert!(number(&leg["told"]["lost"]) <= number(&leg["sent"]) / 50.0, "{leg}");
    assert!(number(&leg["told"]["jitter_ms"]) < 40.0, "{leg}");
    assert!(number(&leg["mos"]) > 3.8 && number(&leg["told"]["mos"]) > 3.8, "{leg}");
    assert_eq!(leg["silent"], Value::Null, "{leg}");
}

/// The phone's own count at the end of a call: of what it sent, and of what came, by the other side's reports.
fn last_words(phone: &Phone) -> String {
    let words = poll(10.0, || {
        let tail = phone.tail(400);
        let (_, audio) = tail.rsplit_once("\naudio           Transmit:")?;
        audio.contains("jitter:").then(|| audio.lines().take(12).collect::<Vec<_>>().join("\n"))
    });
    words.unwrap_or_else(|| panic!("it says nothing of its sound\n{}", phone.tail(200)))
}

/// `lost: 0 0`: sent, received.
fn figures(words: &str, name: &str) -> (f64, f64) {
    let line =
        words.lines().find_map(|l| l.strip_prefix(name)).unwrap_or_else(|| panic!("no {name} in {words}"));
    let mut numbers = line.split_whitespace().map_while(|n| n.parse().ok());
    numbers.next().zip(numbers.next()).unwrap_or_else(|| panic!("no figures: {line}"))
}

#[test]
fn two_phones_report_to_each_other_and_both_are_seen() {
    let extensions = ["201", "202"].map(|n| format!("config extension '{n}'\n\toption secret 'secret'\n"));
    let mut home = Telephony::ready("reports-relay", Options::default(), &extensions.concat());
    let mut phone = |user: &str, hz: f64, config: &str| {
        let mut options = PhoneOptions::new(user).source(Source::Tone { hz, dbfs: LEVEL });
        config.clone_into(&mut options.config);
        home.phone_with(options, Transport::Udp)
    };
    // One takes RTCP where RTP comes, the other one does not.
    let (mut a, mut b) = (phone("201", A_HZ, "rtcp_mux yes\n"), phone("202", B_HZ, "rtcp_mux no\n"));
    a.dial("202");
    b.wait_incoming(10.0);
    b.accept();
    a.wait_established(10.0);
    assert_hears(&mut a, B_HZ);
    let muxes = |phone: &Phone| phone.tail(400).matches("a=rtcp-mux").count();
    assert!(muxes(&a) >= 2 && muxes(&b) == 0, "offered and answered\n{}", a.tail(100));
    for at in [0, 1] {
        assert_good(&wait_told(&mut home, at));
    }
    assert_eq!(home.counters()["rtcp_refused"], 0, "{}", home.tails());
    let shown = home.home.daemon.cli(&["calls"]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("201: ") && shown.contains("MOS 4."), "{shown}");
    a.hangup();
    b.wait_closed(10.0);
    for phone in [&a, &b] {
        let words = last_words(phone);
        let (sent, _) = figures(&words, "packets:");
        let (lost_there, lost_here) = figures(&words, "lost:");
        assert!(lost_there <= sent / 50.0 && lost_here <= sent / 50.0, "{words}");
    }
    let line = home.home.daemon.child().find_line(0, "; 202: ", 5.0);
    assert!(
        line.is_some_and(|line| line.contains("round trip") && line.contains("MOS 4.")),
        "{}",
        home.tails()
    );
    home.end();
}

/// A stick has no RTCP: the reports that its phone gets are ours.
#[test]
fn a_phone_gets_reports_of_a_call_by_the_stick() {
    let mut home = Telephony::ready("reports-stick", Options::default(), "");
    let mut phone = home.phone("100", Transport::Udp);
    home.talk(&mut phone);
    home.far_speaks();
    home.assert_phone_hears(&mut phone);
    assert_good(&wait_told(&mut home, 0));
    phone.hangup();
    let words = last_words(&phone);
    let (sent, _) = figures(&words, "packets:");
    let (lost_there, lost_here) = figures(&words, "lost:");
    assert!(lost_there <= sent / 50.0 && lost_here <= sent / 50.0, "{words}");
    // Only who gets a block about what it sent knows of the other side's jitter.
    let (jitter_there, _) = figures(&words, "jitter:");
    assert!(jitter_there < 40.0, "{words}");
    home.end();
}
