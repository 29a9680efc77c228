//! The SMS codec against the vectors of other implementations and against itself.
//!
//! `tests/data/pdu_vectors.json` says of every entry where it comes from, `tests/data/gsm7_tables.json` has every
//! position of the alphabets.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;
use tandem::cli::pdu;
use tandem::util::hex;
use tandem::wire::sms::gsm7::{self, ESCAPE};
use tandem::wire::sms::timestamp;
use tandem::wire::sms::{
    Address, AddressKind, Concat, Content, Decoded, Deliver, Direction, Element, Pdu, Segment, Submit, Text,
    UserData, Validity, encode_submit, join, segment_count, ussd,
};

fn data(name: &str) -> Value {
    let path = format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn vectors() -> Value {
    data("pdu_vectors.json")
}

/// Entries of the list `name`.
fn each(name: &str) -> Vec<Value> {
    let list = vectors()[name].as_array().unwrap().clone();
    assert!(!list.is_empty());
    list
}

fn text<'a>(entry: &'a Value, field: &str) -> &'a str {
    entry[field].as_str().unwrap_or_else(|| panic!("{field} of {entry}"))
}

fn octets(entry: &Value, field: &str) -> Vec<u8> {
    hex::decode(text(entry, field)).unwrap()
}

fn small(value: &Value) -> u8 {
    value.as_u64().unwrap().try_into().unwrap()
}

/// What describes a vector, not its PDU.
const NOT_FIELDS: [&str; 9] = [
    "pdu",
    "source",
    "note",
    "group",
    "verified_against_source",
    "decode_origin",
    "expect_error",
    "force_lock",
    "force_single",
];

#[test]
fn every_vector_in_every_field() {
    for vector in each("vectors") {
        let decoded = pdu::decode(text(&vector, "pdu"));
        if vector["expect_error"] == true {
            let error = decoded.unwrap_err();
            assert!(error.starts_with("octet "), "{error}: {vector}");
            continue;
        }
        let decoded = decoded.unwrap_or_else(|error| panic!("{error}: {vector}"));
        let forced = vector.get("force_lock").is_some();
        for (field, value) in vector.as_object().unwrap() {
            let skipped = NOT_FIELDS.contains(&field.as_str()) || (forced && field == "text");
            if !skipped {
                assert_eq!(&decoded[field], value, "{field} of {vector}");
            }
        }
        for field in decoded.as_object().unwrap().keys() {
            assert!(vector.get(field).is_some(), "{field} is not in {vector}, but in {decoded}");
        }
    }
}

/// Texts whose tables the source's test set, not the PDU.
#[test]
fn forced_tables() {
    let forced: Vec<Value> = each("vectors").into_iter().filter(|v| v.get("force_lock").is_some()).collect();
    assert_eq!(forced.len(), 7);
    for vector in forced {
        let pdu = octets(&vector, "pdu");
        // SMSC, first octet, reference, destination of 8 octets, PID, DCS, length.
        let packed = &pdu[14..];
        let septets = gsm7::unpack(packed, 0, usize::from(pdu[13]));
        let (lock, single) = (small(&vector["force_lock"]), small(&vector["force_single"]));
        assert_eq!(gsm7::decode(&septets, lock, single), text(&vector, "text"), "{vector}");
    }
}

#[test]
fn texts_reassembled() {
    let file = vectors();
    for (group, whole) in file["reassembled"].as_object().unwrap() {
        let mut parts = BTreeMap::new();
        for vector in each("vectors").iter().filter(|v| v["group"] == group.as_str()) {
            let user = user_of(&octets(vector, "pdu"));
            parts.insert(user.concat().unwrap().part, user.content);
        }
        assert_eq!(join(parts.values()).as_deref(), whole.as_str(), "{group}");
    }
}

fn parse(pdu: &[u8]) -> Decoded {
    Decoded::parse(pdu, Direction::Stored).unwrap_or_else(|error| panic!("{error}: {}", hex::encode(pdu)))
}

fn user_of(octets: &[u8]) -> UserData {
    match parse(octets).pdu {
        Pdu::Deliver(deliver) => deliver.user,
        Pdu::Submit(submit) => submit.user,
        Pdu::StatusReport(report) => panic!("{report:?}"),
    }
}

#[test]
fn every_position_of_every_table() {
    let tables = data("gsm7_tables.json");
    for language in 0..=14_u8 {
        let of = |kind: &str, septet: u8| {
            let known = if language <= 13 { language } else { 0 };
            let table = tables[kind].get(known.to_string()).unwrap_or(&tables[kind]["0"]);
            table.get(format!("{septet:02X}")).and_then(Value::as_str).map(str::to_owned)
        };
        for septet in (0..128).filter(|septet| *septet != ESCAPE) {
            let plain = of("locking", septet).unwrap_or("\u{FFFD}".into());
            assert_eq!(gsm7::decode(&[septet], language, 0), plain, "{language} locking {septet:02X}");
            let shifted = of("single", septet).unwrap_or(plain);
            let shown = gsm7::decode(&[ESCAPE, septet], language, language);
            assert_eq!(shown, shifted, "{language} single {septet:02X}");
        }
    }
}

#[test]
fn septets_packed() {
    for entry in each("septet_packing") {
        let septets = octets(&entry, "septets_hex");
        assert_eq!(gsm7::encode(text(&entry, "text")), Some(septets.clone()), "{entry}");
        assert_eq!(gsm7::pack(&septets, 0), octets(&entry, "packed_hex"), "{entry}");
        assert_eq!(gsm7::unpack(&octets(&entry, "packed_hex"), 0, septets.len()), septets, "{entry}");
        assert_eq!(gsm7::decode(&septets, 0, 0), text(&entry, "text"), "{entry}");
    }
}

/// A DELIVER of one character around its fields.
fn deliver(smsc: &[u8], originator: &[u8], stamp: &[u8]) -> Vec<u8> {
    [smsc, &[0x04], originator, &[0, 0], stamp, &[1, 0x61]].concat()
}

const NO_SMSC: [u8; 1] = [0];
const SENDER: [u8; 4] = [3, 0x81, 0x21, 0xF3];
const NOON: [u8; 7] = [0x42, 0x10, 0x10, 0x21, 0, 0, 0];

#[test]
fn address_fields() {
    for entry in each("address_field") {
        let Pdu::Deliver(deliver) = parse(&deliver(&NO_SMSC, &octets(&entry, "field"), &NOON)).pdu else {
            panic!("{entry}")
        };
        assert_eq!(deliver.originator.to_string(), text(&entry, "number"), "{entry}");
        assert_eq!(deliver.originator.field(), octets(&entry, "field"), "{entry}");
        let is_name = deliver.originator.kind == AddressKind::Alphanumeric;
        assert_eq!(deliver.originator.is_number(), !is_name, "{entry}");
    }
}

#[test]
fn smsc_fields() {
    for entry in each("smsc_field") {
        let sca = parse(&deliver(&octets(&entry, "field"), &SENDER, &NOON)).sca.unwrap();
        assert_eq!(sca.to_string(), text(&entry, "number"), "{entry}");
        assert_eq!(sca.smsc_field(), octets(&entry, "field"), "{entry}");
    }
    assert_eq!(parse(&deliver(&NO_SMSC, &SENDER, &NOON)).sca, None::<Address>);
}

#[test]
fn relative_validity() {
    for entry in each("relative_validity") {
        let period = Validity::Relative(small(&entry["vp"])).period().unwrap();
        assert_eq!(period.as_secs(), entry["minutes"].as_u64().unwrap() * 60, "{entry}");
    }
    for step in 1..=255 {
        assert!(Validity::Relative(step).period() > Validity::Relative(step - 1).period());
    }
    let absolute = Validity::Absolute([0x31, 0x70, 0x01, 0x31, 0x93, 0x00, 0x80]);
    assert_eq!(absolute.until().unwrap().to_string(), "2013-07-10T13:39:00+02:00");
}

#[test]
fn timestamps() {
    for entry in each("timestamp") {
        let seven: [u8; 7] = octets(&entry, "octets").try_into().unwrap();
        assert_eq!(timestamp::parse(&seven).unwrap().to_string(), text(&entry, "iso"), "{entry}");
        let shown = pdu::describe(&parse(&deliver(&NO_SMSC, &SENDER, &seven)));
        assert_eq!(shown["timestamp"], entry["iso"]);
    }
}

#[test]
fn concatenation_elements() {
    for entry in each("concat_ie") {
        let ie = octets(&entry, "ie");
        let element = Element { id: ie[0], bytes: ie[2..].to_vec() };
        let concat = Concat::of(&element).unwrap();
        assert_eq!(u64::from(concat.reference), entry["ref"].as_u64().unwrap(), "{entry}");
        assert_eq!(concat.wide, entry["bits"] == 16, "{entry}");
        assert_eq!((concat.total, concat.part), (small(&entry["parts"]), small(&entry["seq"])), "{entry}");
        assert_eq!(concat.element(), element);
    }
}

#[test]
fn segments_counted() {
    for entry in each("segment_counts") {
        let long = text(&entry, "char").repeat(entry["count"].as_u64().unwrap().try_into().unwrap());
        let parts = usize::from(small(&entry["parts"]));
        assert_eq!(segment_count(&long), parts, "{entry}");
        assert_eq!(segments("123", &long).len(), parts, "{entry}");
    }
}

#[test]
fn ussd_answers_and_requests() {
    for entry in each("ussd") {
        let line = text(&entry, "line");
        let answer = match (line.find('"'), line.rfind('"')) {
            (Some(first), Some(last)) => &line[first + 1..last],
            _ => line.rsplit(", ").next().unwrap(),
        };
        let dcs = entry["dcs"].as_u64().map(|dcs| dcs.try_into().unwrap());
        assert_eq!(ussd::text_of_answer(answer, dcs), text(&entry, "text"), "{entry}");
    }
    for entry in each("ussd_request_packed") {
        let packed = ussd::pack(text(&entry, "code")).unwrap();
        assert_eq!(packed, octets(&entry, "packed"), "{entry}");
        assert_eq!(ussd::unpack(&packed), text(&entry, "code"));
    }
}

fn segments(destination: &str, text: &str) -> Vec<Segment> {
    encode_submit(&Text { destination, text, reference: 7, report: false }).unwrap()
}

/// The texts of all vectors, sent by us, arrive as they were.
#[test]
fn vectors_sent_again() {
    for vector in each("vectors").iter().filter(|v| v["text"].is_string()) {
        let sent = text(vector, "text");
        let parts: Vec<Content> =
            segments("+46708251358", sent).iter().map(|segment| user_of(&segment.pdu).content).collect();
        assert_eq!(join(&parts).as_deref(), Some(sent), "{vector}");
    }
}

/// A small generator, xorshift, so that a failure repeats.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }

    fn pick(&mut self, from: &[char]) -> char {
        from[self.roll(from.len())]
    }
}

/// Default alphabet in one and two septets; then what needs UTF-16, in one and two units.
const GSM: [char; 16] =
    ['a', 'Z', '@', '0', ' ', '\n', 'ß', 'Δ', '€', '{', '}', '~', '\\', '\u{c}', 'à', '\r'];
const WIDE: [char; 8] = ['ő', 'я', '你', '😋', '🚀', '\u{FFFD}', 'a', '€'];

#[test]
fn random_texts_round_trip() {
    let mut dice = Dice(0x2545_F491_4F6C_DD1D);
    for round in 0..3_000 {
        let of: &[char] = if round % 2 == 0 { &GSM } else { &WIDE };
        let length = dice.roll(if round % 2 == 0 { 700 } else { 300 });
        let sent: String = (0..length).map(|_| dice.pick(of)).collect();
        let reference = u16::try_from(dice.roll(0x1_0000)).unwrap();
        let text = Text { destination: "+123", text: &sent, reference, report: round % 3 == 0 };
        check_parts(&text, &encode_submit(&text).unwrap());
    }
}

fn check_parts(text: &Text, segments: &[Segment]) {
    let mut contents = Vec::new();
    for (index, segment) in segments.iter().enumerate() {
        let decoded = parse(&segment.pdu);
        assert_eq!((decoded.tpdu_len, decoded.sca), (segment.tpdu_len, None::<Address>));
        assert!(segment.tpdu_len <= 164, "{}", segment.tpdu_len);
        let Pdu::Submit(submit) = decoded.pdu else { panic!("{segment:?}") };
        assert_eq!((submit.destination.to_string().as_str(), submit.report_requested), ("+123", text.report));
        assert_eq!((usize::from(segment.part), usize::from(segment.total)), (index + 1, segments.len()));
        check_concat(text, segment, &submit.user);
        // Each part reads alone: no escape pair and no surrogate pair was split.
        contents.push(Content::Text(submit.user.text().unwrap()));
    }
    assert_eq!(join(&contents).as_deref(), Some(text.text));
}

fn check_concat(text: &Text, segment: &Segment, user: &UserData) {
    let wide = text.reference > 255;
    let concat = Concat { reference: text.reference, wide, total: segment.total, part: segment.part };
    assert_eq!(user.concat(), (segment.total > 1).then_some(concat));
}

#[test]
fn pairs_are_not_split() {
    // An escape pair and a surrogate pair across every position of the border.
    for lead in 140..165 {
        let sent = format!("{}€{}", "x".repeat(lead), "y".repeat(160));
        let text = Text { destination: "+123", text: &sent, reference: 1, report: false };
        check_parts(&text, &encode_submit(&text).unwrap());
    }
    for lead in 55..72 {
        let sent = format!("{}😋{}", "ő".repeat(lead), "y".repeat(70));
        let text = Text { destination: "+123", text: &sent, reference: 300, report: true };
        check_parts(&text, &encode_submit(&text).unwrap());
    }
}

/// Most characters of a text: 255 septets.
const MOST_CHARACTERS: usize = 255;

/// Decoding ends, without a panic, in a value of bounded size or an error that names an octet.
fn survives(octets: &[u8]) -> Option<Decoded> {
    match Decoded::parse(octets, Direction::Stored) {
        Ok(decoded) => {
            if let Pdu::Deliver(Deliver { user, .. }) | Pdu::Submit(Submit { user, .. }) = &decoded.pdu {
                assert!(user.text().unwrap_or_default().chars().count() <= MOST_CHARACTERS, "{user:?}");
            }
            Some(decoded)
        }
        Err(error) => {
            assert!(error.at <= octets.len(), "{error}: {}", hex::encode(octets));
            None
        }
    }
}

/// The same for the other direction and for what the command line prints.
fn survives_and_shows(octets: &[u8]) {
    if let Some(decoded) = survives(octets) {
        assert!(pdu::describe(&decoded).to_string().len() < 8_192, "{}", hex::encode(octets));
        let submit = matches!(decoded.pdu, Pdu::Submit(_));
        assert_eq!(Decoded::parse(octets, Direction::FromNetwork).is_err(), submit);
    }
}

#[test]
fn every_prefix() {
    for vector in each("vectors") {
        let whole = octets(&vector, "pdu");
        for end in 0..=whole.len() {
            survives_and_shows(&whole[..end]);
        }
    }
}

#[test]
fn every_octet_with_every_value() {
    for vector in each("vectors") {
        let mut pdu = octets(&vector, "pdu");
        for at in 0..pdu.len() {
            let kept = pdu[at];
            for value in 0..=255 {
                pdu[at] = value;
                survives(&pdu);
            }
            pdu[at] = kept;
        }
    }
}

#[test]
fn random_octets() {
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    for _ in 0..50_000 {
        let length = dice.roll(200);
        let octets: Vec<u8> = (0..length).map(|_| u8::try_from(dice.roll(256)).unwrap()).collect();
        survives_and_shows(&octets);
        assert!(ussd::unpack(&octets).chars().count() <= 229);
    }
}
