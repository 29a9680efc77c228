//! RTCP: what phones report reaches the other phone as that one knows it; where nobody reports we do; who is not heard is named.
use super::house::*;
use super::peer::Answer;
use super::world::World;
use std::net::SocketAddr;

const P102: usize = 2;
/// 2026-11-18 in seconds since 1900.
const START: u64 = 1_795_000_000 + 2_208_988_800;

// --- RTCP by hand (RFC 3550 section 6) ---

fn words(head: [u8; 2], words: &[u32]) -> Vec<u8> {
    let mut bytes = vec![head[0], head[1], 0, u8::try_from(words.len()).unwrap()];
    words.iter().for_each(|word| bytes.extend(word.to_be_bytes()));
    bytes
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Block {
    ssrc: u32,
    fraction: u8,
    lost: u32,
    highest: u32,
    jitter: u32,
    last: u32,
    delay: u32,
}

impl Block {
    fn words(self) -> [u32; 6] {
        let lost = u32::from(self.fraction) << 24 | self.lost;
        [self.ssrc, lost, self.highest, self.jitter, self.last, self.delay]
    }
}

/// At this NTP time (middle word `ntp`), and one block; then a name.
fn sender_report(ssrc: u32, ntp: u32, timestamp: u32, block: Block) -> Vec<u8> {
    let mut all = vec![ssrc, ntp >> 16, ntp << 16, timestamp, 10, 1_600];
    all.extend(block.words());
    let mut bytes = words([0x81, 200], &all);
    bytes.extend(words([0x81, 202], &[ssrc, 0x0103_6162, 0x6300_0000]));
    bytes
}

fn receiver_report(ssrc: u32, block: Block) -> Vec<u8> {
    let mut all = vec![ssrc];
    all.extend(block.words());
    words([0x81, 201], &all)
}

/// What is in one packet of a datagram: its type and its words.
fn parts(bytes: &[u8]) -> Vec<(u8, u8, Vec<u32>)> {
    let mut parts = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        assert_eq!(rest[0] >> 6, 2);
        let length = 4 * usize::from(u16::from_be_bytes([rest[2], rest[3]])) + 4;
        let words = rest[4..length].chunks(4).map(|c| u32::from_be_bytes(c.try_into().unwrap())).collect();
        parts.push((rest[1], rest[0] & 31, words));
        rest = &rest[length..];
    }
    parts
}

/// Of the last datagram that a phone got.
fn last(w: &World, peer: usize, talk: usize) -> Vec<(u8, u8, Vec<u32>)> {
    let reports = &w.peers[peer].talks[talk].reports;
    parts(&reports.last().unwrap_or_else(|| panic!("no report\n{}", w.story())).2)
}

fn block(words: &[u32]) -> Block {
    Block {
        ssrc: words[0],
        fraction: u8::try_from(words[1] >> 24).unwrap(),
        lost: words[1] & 0xff_ffff,
        highest: words[2],
        jitter: words[3],
        last: words[4],
        delay: words[5],
    }
}

// --- two phones, or a phone and a stick ---

/// 100 has called 101, and they talk.
fn talking(config: impl FnOnce(&mut World)) -> World {
    let mut w = home();
    w.peers[P101].answer = Answer::After(200);
    config(&mut w);
    dial(&mut w, P100, "101");
    w.run(2.0);
    assert!(w.peers[P100].talks[0].is_up(), "{}", w.story());
    w
}

/// 100 talks to the SIM's far end.
fn by_stick(config: impl FnOnce(&mut World)) -> World {
    let mut w = home();
    config(&mut w);
    dial(&mut w, P100, "0301234567");
    w.run(8.0);
    assert!(w.peers[P100].talks[0].is_up(), "{}", w.story());
    w
}

fn ssrc(w: &World, peer: usize) -> u32 {
    w.peers[peer].talks[0].ssrc()
}

fn leg(w: &mut World, at: usize) -> serde_json::Value {
    w.request("calls", serde_json::Value::Null)["result"]["calls"][0]["legs"][at].clone()
}

fn counter(w: &mut World, name: &str) -> u64 {
    w.request("counters", serde_json::Value::Null)["result"][name].as_u64().unwrap()
}

fn end(mut w: World) {
    w.with(P100, |p, now| p.bye(0, now));
    w.run(1.0);
    w.end();
}

#[test]
fn what_a_phone_reports_reaches_the_other_one() {
    let mut w = talking(|_| ());
    let (one, two) = (ssrc(&w, P100), ssrc(&w, P101));
    let about =
        Block { ssrc: two, fraction: 5, lost: 7, highest: 0x2_0042, jitter: 33, last: 0x1234, delay: 9 };
    let report = sender_report(one, 0x4321_8765, 16_000, about);
    w.report(P100, 0, &report);
    let (_, at, got) = w.peers[P101].talks[0].reports.last().cloned().unwrap();
    assert_eq!((at.port(), got), (w.peers[P101].talks[0].rtp_at.port() + 1, report), "as it came");
    assert!(w.peers[P100].talks[0].reports.is_empty());
    end(w);
}

#[test]
fn a_goodbye_stays_here() {
    let mut w = talking(|_| ());
    let one = ssrc(&w, P100);
    let report = receiver_report(one, Block { ssrc: ssrc(&w, P101), ..Block::default() });
    w.report(P100, 0, &[report.clone(), words([0x81, 203], &[one])].concat());
    assert_eq!(
        w.peers[P101].talks[0].reports.last().unwrap().2,
        report,
        "its stream goes on with another source"
    );
    w.with(P100, |p, now| p.bye(0, now));
    w.run(1.0);
    let goodbye = last(&w, P101, 0).pop().unwrap();
    assert_eq!(goodbye, (203, 1, vec![one]), "the last word is ours");
    w.end();
}

/// After a transfer each phone hears of the other one under the numbers that it knows.
#[test]
fn reports_follow_a_transfer() {
    let mut w = home_with(&format!("{CONFIG}config extension '102'\n\toption secret 'geheimst'\n"));
    w.peers.push(phone("102", "geheimst", 102));
    w.with(P102, |p, now| p.register(3_600, now));
    w.run(1.0);
    for p in [P101, P102] {
        w.peers[p].answer = Answer::After(200);
    }
    dial(&mut w, P100, "101");
    w.run(3.0);
    let first = ssrc(&w, P101);
    w.with(P101, |p, now| p.refer(0, &uri("102"), &[], now));
    w.run(3.0);
    let third = ssrc(&w, P102);
    assert_ne!(first, third);
    // What 102 sends comes to 100 as the stream of 101, with shifted numbers.
    let heard = w.peers[P100].talks[0].heard.last().unwrap().1.clone();
    let (sequence, timestamp) = w.peers[P102].talks[0].sent();
    assert_ne!(heard.sequence, sequence);

    let about = Block { ssrc: ssrc(&w, P100), highest: 500, ..Block::default() };
    w.report(P102, 0, &sender_report(third, 0x1_0001, timestamp, about));
    let (kind, _, words_of) = last(&w, P100, 0).remove(0);
    assert_eq!((kind, words_of[0], words_of[3]), (200, first, heard.timestamp), "{}", w.story());
    assert_eq!(block(&words_of[6..]), about, "100 was never another one");
    assert_eq!(last(&w, P100, 0)[1].2[0], first, "its name too");

    let about =
        Block { ssrc: first, lost: 3, highest: 0x1_0000 | u32::from(heard.sequence), ..Block::default() };
    let nack = [ssrc(&w, P100), first, u32::from(heard.sequence) << 16];
    let report = [receiver_report(ssrc(&w, P100), about), words([0x81, 205], &nack)].concat();
    w.report(P100, 0, &report);
    let got = last(&w, P102, 0);
    let got_block = block(&got[0].2[1..]);
    assert_eq!((got_block.ssrc, got_block.lost), (third, 3));
    assert_eq!(got_block.highest & 0xffff, u32::from(sequence), "its own number");
    assert_eq!(got[1].2, [ssrc(&w, P100), third, u32::from(sequence) << 16]);
    end(w);
}

#[test]
fn one_phone_muxes_and_the_other_does_not() {
    let mut w = talking(|w| w.peers[P100].muxes = true);
    assert!(w.peers[P100].talks[0].theirs.contains("a=rtcp-mux\r\n"), "{}", w.peers[P100].talks[0].theirs);
    assert!(!w.peers[P101].talks[0].theirs.contains("rtcp-mux"), "not offered");
    let (one, two) = (ssrc(&w, P100), ssrc(&w, P101));
    let report = receiver_report(one, Block { ssrc: two, ..Block::default() });
    w.report(P100, 0, &report);
    let (_, at, got) = w.peers[P101].talks[0].reports.last().cloned().unwrap();
    assert_eq!((at.port() & 1, got), (1, report));
    let report = receiver_report(two, Block { ssrc: one, ..Block::default() });
    w.report(P101, 0, &report);
    let (_, at, got) = w.peers[P100].talks[0].reports.last().cloned().unwrap();
    assert_eq!((at, got), (w.peers[P100].talks[0].rtp_at, report));
    // A new offer without it goes back to two ports.
    w.peers[P100].talks[0].muxes = false;
    w.with(P100, |p, now| p.reinvite(0, "sendrecv", true, now));
    w.run(1.0);
    let report = receiver_report(two, Block { ssrc: one, lost: 1, ..Block::default() });
    w.report(P101, 0, &report);
    let (_, at, got) = w.peers[P100].talks[0].reports.last().cloned().unwrap();
    assert_eq!((at.port() & 1, got), (1, report));
    end(w);
}

/// RFC 3605.
#[test]
fn rtcp_at_another_port() {
    let mut w = talking(|_| ());
    let sdp = w.peers[P100].talks[0].sdp(&[0], true);
    let sdp = sdp.replace("a=ptime:20\r\n", "a=ptime:20\r\na=rtcp:41235 IN IP4 203.0.113.77\r\n");
    w.with(P100, |p, now| p.reinvite_with(0, &sdp, now));
    w.run(1.0);
    assert_eq!(w.peers[P100].talks[0].last_status, 200, "{}", w.story());
    w.peers[P100].talks[0].rtp_at.set_port(41_234);
    w.report(P101, 0, &receiver_report(ssrc(&w, P101), Block { ssrc: ssrc(&w, P100), ..Block::default() }));
    let (_, at, _) = w.peers[P100].talks[0].reports.last().cloned().unwrap();
    assert_eq!(at, "192.168.1.100:41235".parse::<SocketAddr>().unwrap(), "on the host of the sound");
    w.peers[P100].talks[0].next_rtp = None;
    end(w);
}

#[test]
fn a_picture_is_asked_for() {
    let mut w = talking(|w| {
        w.peers[P100].video = Some(120);
        w.peers[P101].video = Some(120);
    });
    let (from, to) = {
        let talk = &w.peers[P101].talks[0];
        (talk.picture_at(), talk.video.unwrap().to.unwrap().0)
    };
    // PLI and FIR of 101, about the picture of 100.
    let (own, about) = (ssrc(&w, P101) + 1, ssrc(&w, P100) + 1);
    let asks = [words([0x81, 206], &[own, about]), words([0x84, 206], &[own, 0, about, 0x0100_0000])];
    for ask in asks {
        let from = SocketAddr::new(from.ip(), from.port() + 1).to_string();
        w.datagram(&from, SocketAddr::new(to.ip(), to.port() + 1), &ask);
        let (_, at, got) = w.peers[P100].talks[0].reports.last().cloned().unwrap();
        assert_eq!((at.port(), got), (w.peers[P100].talks[0].picture_at().port() + 1, ask));
    }
    end(w);
}

/// We are the end of the stream: what we say of it is right, and tells nothing of people.
#[test]
fn a_call_by_the_stick_has_reports_of_ours() {
    let mut w = by_stick(|_| ());
    w.run(2.0);
    w.peers[P100].talks[0].lose(10);
    w.run(20.0);
    let reports = w.peers[P100].talks[0].reports.clone();
    assert!((3..=10).contains(&reports.len()), "{} in some 28 s", reports.len());
    assert!(reports.iter().all(|(_, at, _)| at.port() == w.peers[P100].talks[0].rtp_at.port() + 1));
    let blocks =
        reports.iter().map(|(_, _, bytes)| parts(bytes).remove(0).2).filter(|words| words.len() == 12);
    let blocks: Vec<Block> = blocks.map(|words| block(&words[6..])).collect();
    assert!(blocks.iter().all(|b| b.ssrc == ssrc(&w, P100)));
    let newest = blocks.last().unwrap();
    assert_eq!((newest.lost, newest.fraction), (10, 0), "{blocks:?}");
    assert_eq!(blocks.iter().filter(|b| b.fraction > 0).count(), 1, "once: {blocks:?}");
    let (at, _, bytes) = reports.last().unwrap();
    let parts = parts(bytes);
    let [(200, 1, report), (202, 1, names)] = &parts[..] else { panic!("{parts:?}") };
    // The middle of a second is that of the clock; timestamps pass with it.
    let seconds = START + at / 1_000_000;
    assert!(u64::from(report[1]).abs_diff(seconds) <= 1, "{} {seconds}", report[1]);
    let heard = &w.peers[P100].talks[0].heard;
    let (us, rtp) = heard.iter().rfind(|(us, _)| us <= at).unwrap();
    let want = u64::from(rtp.timestamp) + 160 + (at - us) / 125;
    assert!(u64::from(report[3]).abs_diff(want) <= 160, "{} {want}", report[3]);
    assert!(newest.highest & 0xffff > 1_000 && report[4] > 1_000 && report[5] == report[4] * 160);
    let text: Vec<u8> = names.iter().flat_map(|w| w.to_be_bytes()).collect();
    let name = String::from_utf8_lossy(&text[6..6 + usize::from(text[5])]).into_owned();
    assert!(text[4] == 1 && name.len() == 16 && name.bytes().all(|b| b.is_ascii_hexdigit()), "{name}");
    let (ours, stick) = (report[0], reports.len());
    w.with(P100, |p, now| p.bye(0, now));
    w.run(1.0);
    assert_eq!(last(&w, P100, 0).pop().unwrap(), (203, 1, vec![ours]));
    assert_eq!(w.peers[P100].talks[0].reports.len(), stick + 1);
    w.end();
}

/// Packets that come 0 and 10 ms late in turn have a jitter of about 10 ms: 80 units of their clock.
#[test]
fn jitter_is_told_in_units_of_the_clock() {
    let mut w = by_stick(|w| w.peers[P100].packets = Some(1));
    let (from, to) = (w.peers[P100].talks[0].rtp_at.to_string(), w.peers[P100].talks[0].rtp_to.unwrap());
    for n in 0..500_u16 {
        let packet = super::sound::Rtp {
            payload_type: 0,
            sequence: 500 + n,
            timestamp: 100_000 + u32::from(n) * 160,
            payload: vec![0xff; 160],
        };
        let bytes = packet.to_bytes(false, 4_242);
        w.run(if n % 2 == 0 { 0.010 } else { 0.030 });
        w.datagram(&from, to, &bytes);
    }
    w.run(8.0);
    let got = last(&w, P100, 0)[0].2.clone();
    let block = block(&got[got.len() - 6..]);
    assert_eq!(block.ssrc, 4_242);
    assert!((70..=80).contains(&block.jitter), "{block:?}");
    assert_eq!(leg(&mut w, 0)["jitter_ms"], block.jitter / 8);
    end(w);
}

/// What lay at the phone does not count.
#[test]
fn round_trips_are_seen() {
    let mut w = by_stick(|_| ());
    w.run(10.0);
    let before = w.peers[P100].talks[0].reports.len();
    w.run_until("a report", 10.0, |w| w.peers[P100].talks[0].reports.len() > before);
    let (at, _, bytes) = w.peers[P100].talks[0].reports.last().cloned().unwrap();
    let report = &parts(&bytes)[0].2;
    let middle = report[1] << 16 | report[2] >> 16;
    w.run(1.0);
    // It says that it held it 0.75 s.
    let about = Block {
        ssrc: report[0],
        fraction: 128,
        lost: 4,
        highest: 9,
        jitter: 160,
        last: middle,
        delay: 0xc000,
    };
    let trip = (w.us - at) / 1_000 - 750;
    w.report(P100, 0, &receiver_report(ssrc(&w, P100), about));
    let leg = leg(&mut w, 0);
    assert!(leg["round_trip_ms"].as_u64().unwrap().abs_diff(trip) <= 1, "{leg} {trip}");
    assert_eq!((&leg["told"]["lost"], &leg["told"]["lost_percent"]), (&4.into(), &50.into()), "{leg}");
    assert_eq!(leg["told"]["jitter_ms"], 20, "{leg}");
    let mos = leg["mos"].as_f64().unwrap();
    assert!((3.5..=4.42).contains(&mos), "{leg}");
    end(w);
}

/// Between two phones we only speak for one that says nothing.
#[test]
fn who_reports_nothing_is_spoken_for() {
    let mut w = talking(|_| ());
    let (one, two) = (ssrc(&w, P100), ssrc(&w, P101));
    // 100 speaks, each second.
    for _ in 0..20 {
        w.report(P100, 0, &receiver_report(one, Block { ssrc: two, ..Block::default() }));
        w.run(1.0);
    }
    let reports = |w: &World, p: usize| w.peers[p].talks[0].reports.len();
    assert_eq!(reports(&w, P101), 20, "what 100 says, and nothing twice");
    let ours = reports(&w, P100);
    assert!((1..=8).contains(&ours), "{ours}");
    let (kind, _, words) = last(&w, P100, 0).remove(0);
    assert_eq!((kind, words[0], words[6]), (200, two, one), "as 101 would: its stream, and what it gets");
    // Now 101 speaks too.
    for _ in 0..10 {
        w.report(P101, 0, &receiver_report(two, Block { ssrc: one, ..Block::default() }));
        w.run(1.0);
    }
    assert_eq!(reports(&w, P100), ours + 10);
    end(w);
}

#[test]
fn rtcp_of_strangers_changes_nothing() {
    let mut w = talking(|_| ());
    let (one, two) = (ssrc(&w, P100), ssrc(&w, P101));
    let to = w.peers[P100].talks[0].rtp_to.unwrap();
    let above = SocketAddr::new(to.ip(), to.port() + 1);
    let report = receiver_report(one, Block { ssrc: two, lost: 999, ..Block::default() });
    for n in 0..100_u32 {
        w.datagram("192.0.2.66:5001", if n % 2 == 0 { above } else { to }, &report);
        w.datagram("192.168.1.100:41000", above, &report[..report.len() - 1]);
    }
    assert_eq!(counter(&mut w, "rtcp_refused"), 200);
    assert!(w.peers[P101].talks[0].reports.is_empty());
    assert_eq!(leg(&mut w, 0)["told"], serde_json::Value::Null);
    // Nor does it get what is for 100.
    w.report(P101, 0, &receiver_report(two, Block { ssrc: one, ..Block::default() }));
    assert_eq!(w.peers[P100].talks[0].reports.len(), 1);
    end(w);
}

/// Each prefix of a report, and each with a wrong byte, of the phone itself.
#[test]
fn garbage_is_dropped_and_counted() {
    let mut w = talking(|_| ());
    let (one, two) = (ssrc(&w, P100), ssrc(&w, P101));
    let nack = words([0x81, 205], &[one, two, 0x0007_0001]);
    let whole = [sender_report(one, 1, 2, Block { ssrc: two, ..Block::default() }), nack].concat();
    let mut sent = 0;
    for length in 0..whole.len() {
        w.report(P100, 0, &whole[..length]);
        sent += 1;
    }
    for at in 0..whole.len() {
        for value in [0, 0x3f, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] = value;
            w.report(P100, 0, &bytes);
            sent += 1;
        }
    }
    let passed = w.peers[P101].talks[0].reports.clone();
    let refused = counter(&mut w, "rtcp_refused");
    // A goodbye is neither.
    assert!(refused + u64::try_from(passed.len()).unwrap() <= sent && refused > 50, "{refused} of {sent}");
    passed.iter().for_each(|(_, _, bytes)| assert!(!parts(bytes).is_empty()));
    end(w);
}

// --- who is not heard ---

fn silent(w: &mut World, at: usize) -> String {
    leg(w, at)["silent"].as_str().unwrap_or_default().to_owned()
}

/// 100 has called there and sends nothing.
fn quiet(number: &str) -> World {
    let mut w = home();
    w.peers[P101].answer = Answer::After(200);
    dial(&mut w, P100, number);
    w.peers[P100].talks[0].muted = true;
    w.run(6.0);
    assert!(w.peers[P100].talks[0].is_up(), "{}", w.story());
    w
}

#[test]
fn a_phone_that_is_not_heard_is_named() {
    for by_the_stick in [false, true] {
        let number = if by_the_stick { "0301234567" } else { "101" };
        let mut w = quiet(number);
        w.run(6.0);
        let words = silent(&mut w, 0);
        assert_eq!(words, "no packet from 192.168.1.100 since the answer: NAT or firewall", "{}", w.story());
        if !by_the_stick {
            assert_eq!(silent(&mut w, 1), "");
            // It tells of what it hears.
            let about = Block { ssrc: ssrc(&w, P101), ..Block::default() };
            w.report(P100, 0, &receiver_report(ssrc(&w, P100), about));
            assert_eq!(silent(&mut w, 0), "it sends nothing though it hears us");
        }
        // Taken back.
        w.peers[P100].talks[0].muted = false;
        w.run(2.0);
        assert_eq!(silent(&mut w, 0), "");
        w.peers[P100].talks[0].muted = true;
        w.run(15.0);
        assert!(silent(&mut w, 0).starts_with("no packet for 1"), "{}", silent(&mut w, 0));
        end(w);
    }
}

#[test]
fn sound_from_elsewhere_is_named() {
    let mut w = quiet("101");
    let to = w.peers[P100].talks[0].rtp_to.unwrap();
    for n in 0..10 {
        let packet = super::sound::Rtp {
            payload_type: 0,
            sequence: n,
            timestamp: u32::from(n) * 160,
            payload: vec![0; 160],
        };
        w.datagram("203.0.113.9:7000", to, &packet.to_bytes(false, 5));
    }
    w.run(6.0);
    let words = silent(&mut w, 0);
    assert!(words.starts_with("packets come from 203.0.113.9:7000 instead of 192.168.1.100"), "{words}");
    end(w);
}

/// Hold is no trouble, and after it there is time to begin again.
#[test]
fn who_is_held_is_not_missed() {
    for hold in ["recvonly", "inactive"] {
        let mut w = talking(|_| ());
        w.with(P100, |p, now| p.reinvite(0, hold, true, now));
        w.peers[P100].talks[0].muted = true;
        w.run(20.0);
        assert_eq!(silent(&mut w, 0), "on hold", "{}", w.story());
        w.with(P100, |p, now| p.reinvite(0, "sendrecv", true, now));
        w.run(2.0);
        assert_eq!(silent(&mut w, 0), "");
        w.peers[P100].talks[0].muted = false;
        w.run(6.0);
        assert_eq!((silent(&mut w, 0), silent(&mut w, 1)), (String::new(), String::new()));
        end(w);
    }
}
