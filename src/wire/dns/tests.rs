use super::*;

/// A question for `_sip._udp.example.com` SRV and an answer with all kinds of records, names compressed as name servers do.
fn sample() -> Vec<u8> {
    let mut bytes = vec![0x12, 0x34, 0x81, 0x80, 0, 1, 0, 6, 0, 0, 0, 0];
    // At 12; "example.com" is at 22.
    bytes.extend(b"\x04_sip\x04_udp\x07EXAMPLE\x03com\0\0\x21\0\x01");
    let mut record = |owner: &[u8], kind: u8, data: &[u8]| {
        bytes.extend(owner);
        bytes.extend([0, kind, 0, 1, 0, 0, 0, 60, 0, data.len() as u8]);
        bytes.extend(data);
    };
    record(b"\xC0\x0C", 5, b"\x03alt\xC0\x16");
    record(b"\x03ALT\xC0\x16", 33, b"\0\x01\0\x02\x13\xC4\x04sip1\xC0\x16");
    record(b"\x04sip1\xC0\x16", 1, &[192, 0, 2, 1]);
    record(b"\x04sip1\xC0\x16", 28, &[0x20, 1, 0xD, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    record(b"\xC0\x16", 35, b"\0\x0A\0\x14\x01s\x07SIP+D2U\0\xC0\x0C");
    // A text record, which nobody asked for.
    record(b"\xC0\x16", 16, b"\x02hi");
    bytes
}

#[test]
fn an_answer_is_read() {
    let answer = Answer::parse(&sample()).unwrap();
    assert!(answer.is_to(0x1234, "_sip._udp.example.com.", Kind::Srv));
    for (id, name, kind) in [
        (0x1235, "_sip._udp.example.com", Kind::Srv),
        (0x1234, "_sip._tcp.example.com", Kind::Srv),
        (0x1234, "_sip._udp.example.com", Kind::A),
    ] {
        assert!(!answer.is_to(id, name, kind), "{name}");
    }
    let srv = Srv { priority: 1, weight: 2, port: 5_060, target: "sip1.example.com".to_owned() };
    let behind_alias = ("alt.example.com".to_owned(), vec![Data::Srv(srv)]);
    assert_eq!(answer.data("_SIP._udp.example.com"), behind_alias);
    let addresses =
        vec![Data::Address("192.0.2.1".parse().unwrap()), Data::Address("2001:db8::1".parse().unwrap())];
    assert_eq!(answer.data("sip1.example.com").1, addresses);
    let text = str::to_owned;
    let naptr = Naptr {
        order: 10,
        preference: 20,
        flags: text("s"),
        service: text("sip+d2u"),
        replacement: text("_sip._udp.example.com"),
    };
    assert_eq!(answer.data("example.com").1, [Data::Naptr(naptr)]);
    assert_eq!(answer.data("other.example").1, []);
}

#[test]
fn a_question_is_written() {
    let bytes = query(0xABCD, "_sips._tcp.example.com", Kind::Srv).unwrap();
    assert_eq!(bytes, b"\xAB\xCD\x01\0\0\x01\0\0\0\0\0\0\x05_sips\x04_tcp\x07example\x03com\0\0\x21\0\x01");
    assert_eq!(query(1, "example.com.", Kind::Naptr).unwrap()[24..], [0, 0, 35, 0, 1]);
    let longest = format!("{0}.{0}.{0}.{1}", "a".repeat(63), "b".repeat(61));
    assert!(query(1, &longest, Kind::A).is_some());
    for name in ["", ".", "a..b", "a b", "a/b", &"a".repeat(64), &format!("{longest}b")] {
        assert_eq!(query(1, name, Kind::A), None, "{name}");
    }
}

#[test]
fn every_prefix_and_every_changed_byte() {
    let sample = sample();
    for end in 0..sample.len() {
        assert_eq!(Answer::parse(&sample[..end]), None, "cut at {end}");
    }
    let mut accepted = 0;
    for at in 0..sample.len() {
        for byte in 0..=255 {
            let mut changed = sample.clone();
            changed[at] = byte;
            if let Some(answer) = Answer::parse(&changed) {
                accepted += 1;
                for name in ["_sip._udp.example.com", "sip1.example.com", "example.com"] {
                    let (_, data) = answer.data(name);
                    assert!(data.len() <= DNS_RECORDS);
                }
            }
        }
    }
    assert!(accepted > 1_000, "most bytes of ids, times and data change no form: {accepted}");
}

#[test]
fn pointers_end() {
    let head = |answers: u8| vec![0, 1, 0x81, 0x80, 0, 1, 0, answers, 0, 0, 0, 0];
    // A question that points to itself, forward, behind the end, into the header, and at another pointer.
    for (name, is_right) in [
        (&b"\xC0\x0C"[..], false),
        (b"\xC0\x0E", false),
        (b"\xFF\xFF", false),
        (b"\x01a\xC0\x0C", false),
        (b"\x01a\xC0\x0E", false),
        // The header has zero bytes, which are names without a label; who wants may ask for them.
        (b"\xC0\x04", true),
        (b"\x80", false),
        (b"\x40", false),
    ] {
        let mut bytes = head(0);
        bytes.extend(name);
        bytes.extend([0, 1, 0, 1]);
        assert_eq!(Answer::parse(&bytes).is_some(), is_right, "{name:02x?}");
    }
    // Every record's owner points to the one before it, with one more letter: a name of any length.
    let mut bytes = head(255);
    bytes.extend(b"\x01a\0\0\x01\0\x01");
    let mut before = 12_u16;
    for _ in 0..255 {
        let here = u16::try_from(bytes.len()).unwrap();
        bytes.extend(b"\x01b");
        bytes.extend((0xC000 | before).to_be_bytes());
        bytes.extend([0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4]);
        before = here;
    }
    let records = Answer::parse(&bytes).map(|answer| answer.records.len());
    assert_eq!(records, Some(DNS_RECORDS), "the rest is not looked at");
}

#[test]
fn aliases_end() {
    let mut bytes = vec![0, 1, 0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 0];
    bytes.extend(b"\x01a\0\0\x01\0\x01");
    bytes.extend(b"\x01a\0\0\x05\0\x01\0\0\0\0\0\x03\x01b\0");
    bytes.extend(b"\x01b\0\0\x05\0\x01\0\0\0\0\0\x03\x01a\0");
    let answer = Answer::parse(&bytes).unwrap();
    assert_eq!(answer.data("a").1, []);
}

fn srvs(all: &[(u16, u16, u16)]) -> Vec<Srv> {
    let srv = |&(priority, weight, port)| Srv { priority, weight, port, target: "t".to_owned() };
    all.iter().map(srv).collect()
}

#[test]
fn priority_first_then_chance_by_weight() {
    let all = srvs(&[(2, 0, 1), (1, 90, 2), (1, 10, 3), (1, 0, 4)]);
    let order = |chance: &[u32]| {
        let mut chance = chance.iter().copied();
        let ordered = srv_order(all.clone(), |below| chance.next().unwrap_or(0).min(below - 1));
        ordered.iter().map(|srv| srv.port).collect::<Vec<_>>()
    };
    // Sums: 0 for the one without weight, 10, 100.
    assert_eq!(order(&[0, 0]), [4, 3, 2, 1]);
    assert_eq!(order(&[1, 0]), [3, 4, 2, 1]);
    assert_eq!(order(&[10, 1]), [3, 2, 4, 1]);
    assert_eq!(order(&[11, 1]), [2, 3, 4, 1]);
    assert_eq!(order(&[100, 10, 0]), [2, 3, 4, 1]);
    assert_eq!(srv_order(Vec::new(), |_| 0), []);
    let heavy = srvs(&[(0, 65_535, 1); 64]);
    assert_eq!(srv_order(heavy, |below| below - 1).len(), 64);
}

#[test]
fn services_by_order_and_preference() {
    let naptr = |order, preference, flags: &str, service: &str, replacement: &str| Naptr {
        order,
        preference,
        flags: flags.to_owned(),
        service: service.to_owned(),
        replacement: replacement.to_owned(),
    };
    let all = vec![
        naptr(2, 1, "S", "SIP+D2U", "u"),
        naptr(1, 9, "s", "sip+d2t", "t"),
        naptr(1, 8, "s", "SIPS+D2T", "s"),
        naptr(0, 0, "u", "SIP+D2U", "rule"),
        naptr(0, 0, "s", "SIP+D2U", ""),
    ];
    let wanted = |service: &str| (service != "sips+d2t").then(|| service.to_owned());
    let found = services(all, wanted);
    assert_eq!(found, [("sip+d2t".to_owned(), "t".to_owned()), ("sip+d2u".to_owned(), "u".to_owned())]);
}
