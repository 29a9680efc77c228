//! Texts in and out, the full store, status reports.

#![allow(clippy::unwrap_used, clippy::panic)]

mod rig;

use e1750::hex;
use rig::Rig;
use serde_json::json;
use std::time::Duration;

/// The UTF-16 units of a UCS2 part behind its 6-octet header.
fn ucs2_part(pdu: &str, text_octets: usize) -> Vec<u16> {
    let octets = hex::decode(pdu).unwrap();
    let text = &octets[octets.len() - text_octets..];
    text.chunks(2).map(|p| u16::from_be_bytes([p[0], p[1]])).collect()
}

#[test]
fn two_parts_of_cyrillic_and_emoji() {
    let mut rig = Rig::start(&[]);
    let mut at = rig.ready();
    let text = "Привет, тут 😋 и ещё много слов, чтобы не хватило одной части: раз, два, три 😋😋";
    let sent = rig.tell(json!({"do": "sms", "from": "+4915112345678", "text": text, "ref": 9,
        "order": [2, 1], "scts": "2026-11-20T12:00:00+01:00"}));
    assert_eq!(sent["parts"], json!(2));
    at.expect(&rig, "\r\n+CMTI: \"SM\",0\r\n");
    at.expect(&rig, "\r\n+CMTI: \"SM\",1\r\n");
    let list = at.command(&rig, "AT+CMGL=4", "\r\n\r\nOK\r\n");
    let pdus: Vec<&str> = list.lines().filter(|l| l.starts_with("0791")).collect();
    assert_eq!(pdus, [sent["pdus"][1].as_str().unwrap(), sent["pdus"][0].as_str().unwrap()]);
    assert!(pdus[0].contains("0500030902020") || pdus[0].contains("050003090202"), "{}", pdus[0]);
    assert!(pdus[1].contains("62110221000040"), "{}", pdus[1]);
    let units: usize = text.encode_utf16().count();
    let first = hex::decode(pdus[1]).unwrap();
    let udl = first.iter().position(|b| *b == 0x40).map(|at| usize::from(first[at + 1])).unwrap();
    let mut joined = ucs2_part(pdus[1], udl - 6);
    let rest = units - joined.len();
    joined.extend(ucs2_part(pdus[0], rest * 2));
    assert_eq!(String::from_utf16(&joined).unwrap(), text);
    at.command(&rig, "AT+CMGD=0", "OK\r\n");
    at.command(&rig, "AT+CMGD=1", "OK\r\n");
    assert_eq!(rig.tell(json!({"do": "slots"}))["slots"], json!([]));
    assert_eq!(rig.offences(), json!({}));
}

#[test]
fn a_full_store_keeps_the_network_waiting() {
    let mut rig = Rig::start(&["--slots", "3"]);
    let mut at = rig.ready();
    let long = "x".repeat(153 * 5);
    let sent = rig.tell(json!({"do": "sms", "from": "Bank", "text": long, "double": [2], "omit": [5]}));
    assert_eq!(sent["parts"], json!(5));
    for n in 0..3 {
        at.expect(&rig, &format!("+CMTI: \"SM\",{n}\r\n"));
    }
    at.expect(&rig, "^SMMEMFULL:\"SM\"\r\n");
    assert_eq!(rig.tell(json!({"do": "slots"}))["waiting"], json!(2));
    at.command(&rig, "AT+CPMS?", "+CPMS: \"SM\",3,3,");
    at.expect(&rig, "OK\r\n");
    at.command(&rig, "AT+CMGR=1", "\r\n+CMGR: 0,,157\r\n");
    at.expect(&rig, "\r\n\r\nOK\r\n");
    at.command(&rig, "AT+CMGD=1", "OK\r\n");
    at.expect(&rig, "+CMTI: \"SM\",1\r\n");
    at.command(&rig, "AT+CMGD=2", "OK\r\n");
    at.expect(&rig, "+CMTI: \"SM\",2\r\n");
    rig.until("delivered", |s| s["network"]["waiting"] == json!(0));
    assert_eq!(rig.offences(), json!({"delete_unread": 1}));
    at.command(&rig, "AT+CMGR=1", "\r\n+CMGR: 0,,157\r\n");
    at.expect(&rig, "OK\r\n");
    at.command(&rig, "AT+CMGR=1", "\r\n+CMGR: 1,,157\r\n");
    at.expect(&rig, "OK\r\n");
    assert_eq!(rig.offences(), json!({"delete_unread": 1, "slot_read_twice": 1}));
}

#[test]
fn nothing_comes_while_unplugged_and_all_comes_after() {
    let mut rig = Rig::start(&["--absent"]);
    rig.tell(json!({"do": "sms", "from": "123", "text": "later {€}"}));
    assert_eq!(rig.state()["network"]["waiting"], json!(1));
    rig.tell(json!({"do": "plug"}));
    rig.until("delivered", |s| s["network"]["waiting"] == json!(0));
    let mut at = rig.at();
    let list = at.command(&rig, "AT+CMGL=4", "\r\n\r\nOK\r\n");
    assert!(list.contains("+CMGL: 0,0,,2"), "{list}");
}

#[test]
fn sending_with_prompt_escape_and_results() {
    let mut rig = Rig::start(&[]);
    let mut at = rig.ready();
    let pdu = b"0001000B919130079229F000000AE8329BFD4697D9EC37\x1a";
    assert_eq!(at.command(&rig, "AT+CMGS=22", "> "), "\r\n> ");
    at.send(b"\x1b");
    at.expect(&rig, "\r\nOK\r\n");
    at.command(&rig, "AT+CMGS=22", "> ");
    at.send(pdu);
    assert_eq!(at.expect(&rig, "OK\r\n"), "\r\n+CMGS: 0\r\n\r\nOK\r\n");
    let sent = rig.tell(json!({"do": "sent"}));
    assert_eq!(sent["sent"][0]["to"], json!("+19037029920"));
    assert_eq!(sent["sent"][0]["text"], json!("hellohello"));
    rig.tell(json!({"do": "send_result", "next": ["cms 500", "silent_sent", "silent_lost", "ok"]}));
    at.command(&rig, "AT+CMGS=22", "> ");
    at.send(pdu);
    at.expect(&rig, "\r\n+CMS ERROR: 500\r\n");
    for _ in 0..2 {
        at.command(&rig, "AT+CMGS=22", "> ");
        at.send(pdu);
        assert_eq!(at.gather(Duration::from_millis(100)), b"");
    }
    assert_eq!(rig.tell(json!({"do": "sent"}))["sent"].as_array().unwrap().len(), 2);
    assert_eq!(rig.offences(), json!({}));
    at.command(&rig, "AT+CMGS=21", "> ");
    at.send(pdu);
    at.expect(&rig, "\r\n+CMS ERROR: 304\r\n");
    at.command(&rig, "AT+CMGS=165", "\r\n+CMS ERROR: 304\r\n");
    at.send(pdu);
    at.command(&rig, "AT", "OK\r\n");
    let offences = json!({"bad_pdu": 1, "pdu_too_long": 1, "write_after_prompt_lost": 1});
    assert_eq!(rig.offences(), offences);
}

#[test]
fn urcs_around_a_prompt() {
    let mut rig = Rig::start(&[]);
    let mut at = rig.ready();
    rig.tell(json!({"do": "urc_before_prompt", "text": "RING"}));
    assert_eq!(at.command(&rig, "AT+CMGS=22", "> "), "\r\nRING\r\n\r\n> ");
    rig.tell(json!({"do": "urc", "text": "^BOOT:1,0,0,0,5"}));
    assert_eq!(at.gather(Duration::from_millis(50)), b"", "kept back while the prompt is open");
    at.send(b"\x1b");
    at.expect(&rig, "\r\nOK\r\n\r\n^BOOT:1,0,0,0,5\r\n");
    rig.tell(json!({"do": "urc_inside", "command": "AT+CSQ", "text": "^MODE:3,2"}));
    at.command(&rig, "AT+CSQ", "+CSQ: 20,99\r\n\r\n^MODE:3,2\r\n\r\nOK\r\n");
}

#[test]
fn reports_come_back() {
    let mut rig = Rig::start(&["--quirk", "auto_report"]);
    let mut at = rig.ready();
    at.command(&rig, "AT+CMGS=22", "> ");
    at.send(b"0021000B919130079229F000000AE8329BFD4697D9EC37\x1a");
    at.expect(&rig, "+CMGS: 0\r\n\r\nOK\r\n");
    at.expect(&rig, "\r\n+CDSI: \"SM\",0\r\n");
    let text = at.command(&rig, "AT+CMGR=0", "\r\n\r\nOK\r\n");
    assert!(text.contains("0600"), "{text}");
    assert!(text.contains("0B919130079229F0"), "{text}");
    at.command(&rig, "AT+CNMI=2,1,0,1,0", "OK\r\n");
    rig.tell(json!({"do": "report", "mr": 0, "st": 70}));
    let direct = at.expect(&rig, "46\r\n");
    assert!(direct.contains("\r\n+CDS: 25\r\n"), "{direct}");
    assert_eq!(rig.ask(json!({"do": "report", "mr": 77}))["ok"], json!(false));
}

#[test]
fn habits_of_the_store() {
    let cases: [(&str, &str, &str, &str); 9] = [
        ("cmgr_two_fields", "+CMTI: \"SM\",0", "AT+CMGR=0", "\r\n+CMGR: 0,2"),
        ("alpha_field", "+CMTI: \"SM\",0", "AT+CMGL=4", "\r\n+CMGL: 0,0,\"Anna, B.\",2"),
        ("cmti_minus_one", "+CMTI: \"SM\",-1", "AT+CMGL=4", "\r\n+CMGL: 0,0,,2"),
        ("cmti_other", "+CMTI: \"ME\",0", "AT+CPMS=\"ME\";+CMGR=0", "\r\n+CMGR: 0,,2"),
        ("me_storage", "+CMTI: \"ME\",0", "AT+CMGR=0", "\r\n+CMGR: 0,,2"),
        ("cmgr_wedge=0", "+CMTI: \"SM\",0", "AT+CMGR=0", "^BOOT:"),
        ("delete_fails", "+CMTI: \"SM\",0", "AT+CMGD=0", "\r\n+CMS ERROR: 500\r\n"),
        ("cmgl_stat1_only", "+CMTI: \"SM\",0", "AT+CMGL=4", "\r\nOK\r\n"),
        ("flash_cmt", "\r\n+CMT: ,2", "AT+CMGL=4", "\r\nOK\r\n"),
    ];
    for (quirk, urc, command, wanted) in cases {
        let mut rig = Rig::start(&["--quirk", quirk]);
        let mut at = rig.ready();
        let class = if quirk == "flash_cmt" { json!(0) } else { json!(null) };
        rig.tell(json!({"do": "sms", "from": "+491", "text": "hello you", "class": class}));
        at.expect(&rig, urc);
        at.expect(&rig, "\r\n");
        at.command(&rig, command, wanted);
    }
}

#[test]
fn too_long_a_pdu_can_hang_the_stick() {
    let mut rig = Rig::start(&["--quirk", "long_pdu_hangs"]);
    let mut at = rig.ready();
    at.send(b"AT+CMGS=180\r");
    at.expect(&rig, "^BOOT:");
    assert_eq!(rig.offences(), json!({"pdu_too_long": 1}));
}
