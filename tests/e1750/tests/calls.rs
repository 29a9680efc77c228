//! Calls, their sound, and USSD.

#![allow(clippy::unwrap_used, clippy::panic)]

mod rig;

use rig::Rig;
use serde_json::json;
use std::time::Duration;

#[test]
fn a_dialled_call_with_sound_both_ways() {
    let mut rig = Rig::start(&[]);
    let mut at = rig.ready();
    let mut voice = rig.open("ttyUSB1");
    at.command(&rig, "ATD+4915123456789;", "\r\nOK\r\n");
    at.expect(&rig, "\r\n^ORIG:1,0\r\n");
    at.expect(&rig, "\r\n^CONF:1\r\n");
    at.expect(&rig, "\r\n^CONN:1,0\r\n");
    at.command(&rig, "AT+CLCC", "+CLCC: 1,0,0,0,0,\"+4915123456789\",145\r\n\r\nOK\r\n");
    rig.tell(json!({"do": "play", "hz": 1000, "level_db": -10}));
    at.command(&rig, "AT^DDSETEX=2", "OK\r\n");
    let sound = voice.gather(Duration::from_millis(500));
    assert!((20 * 320..=26 * 320).contains(&sound.len()), "{}", sound.len());
    assert!(sound.chunks_exact(2).any(|s| i16::from_le_bytes([s[0], s[1]]) > 8000));
    let crossings = sound.chunks_exact(2).map(|s| i16::from_le_bytes([s[0], s[1]]) >= 0).collect::<Vec<_>>();
    let count = crossings.windows(2).filter(|w| w[0] != w[1]).count();
    let seconds = sound.len() as f64 / 16_000.0;
    assert!((count as f64 / seconds - 2000.0).abs() < 60.0, "{count} in {seconds} s");
    for n in 0..5u8 {
        voice.send(&[n; 320]);
    }
    rig.until("heard", |s| s["call"]["audio"]["received"] == json!(1600));
    at.command(&rig, "AT^DTMF=1,5", "OK\r\n");
    assert_eq!(rig.tell(json!({"do": "dtmf"}))["digits"], json!("5"));
    at.command(&rig, "AT+CHUP", "OK\r\n");
    at.expect(&rig, "\r\n^CEND:1,0,29,16\r\n");
    let path = rig.dir.join("x.wav");
    assert_eq!(rig.tell(json!({"do": "record", "path": path}))["samples"], json!(800));
    assert_eq!(e1750::wav::read(&path).unwrap()[799], 0x0404);
    assert_eq!(rig.offences(), json!({}));
}

#[test]
fn pcm_into_the_idle_port_is_an_offence_and_a_probe_is_not() {
    let mut rig = Rig::start(&[]);
    let mut voice = rig.open("ttyUSB1");
    voice.send(b"AT\rATE0\r");
    assert_eq!(voice.gather(Duration::from_millis(50)), b"");
    assert_eq!(rig.offences(), json!({}));
    voice.send(&[0; 320]);
    rig.until("offence", |s| s["counters"]["offences"] == json!({"pcm_while_idle": 1}));
}

#[test]
fn dialling_fails_in_many_ways() {
    let mut rig = Rig::start(&[]);
    let mut at = rig.ready();
    rig.tell(json!({"do": "dial_result", "next": ["busy", "reject", "no_answer", "cause 68", "error"]}));
    for tail in ["104,17", "104,21", "104,19", "104,68"] {
        at.command(&rig, "ATD123;", "OK\r\n");
        at.expect(&rig, &format!("\r\n^CEND:1,0,{tail}\r\n"));
    }
    at.command(&rig, "ATD123;", "\r\nERROR\r\n");
    at.command(&rig, "AT^DDSETEX=2", "\r\nERROR\r\n");
    at.command(&rig, "ATA", "\r\nNO CARRIER\r\n");
}

#[test]
fn a_caller_rings_is_answered_and_leaves() {
    let mut rig = Rig::start(&[]);
    let mut at = rig.ready();
    rig.tell(json!({"do": "ring", "from": "+48500000000"}));
    at.expect(&rig, "\r\nRING\r\n\r\n+CLIP: \"+48500000000\",145,,,,0\r\n");
    at.expect(&rig, "\r\nRING\r\n");
    at.command(&rig, "AT+CLCC", "+CLCC: 1,1,4,0,0,\"+48500000000\",145\r\n\r\nOK\r\n");
    at.command(&rig, "ATA", "\r\nOK\r\n\r\n^CONN:1,0\r\n");
    rig.tell(json!({"do": "remote_hangup", "cause": 16}));
    at.expect(&rig, "\r\n^CEND:1,0,104,16\r\n");
    rig.tell(json!({"do": "ring", "from": null}));
    at.expect(&rig, "+CLIP: \"\",128,,,,1\r\n");
    at.command(&rig, "AT+CHUP", "OK\r\n");
    at.expect(&rig, "\r\n^CEND:1,0,102,21\r\n");
}

#[test]
fn sound_in_odd_pieces_keeps_every_sample() {
    let mut rig = Rig::start(&[]);
    let mut at = rig.ready();
    let mut voice = rig.open("ttyUSB1");
    rig.tell(json!({"do": "audio", "pieces": "odd"}));
    at.command(&rig, "ATD1;", "OK\r\n");
    at.expect(&rig, "^CONN:1,0\r\n");
    rig.tell(json!({"do": "play", "dtmf": "1"}));
    at.command(&rig, "AT^DDSETEX=2", "OK\r\n");
    let sound = voice.gather(Duration::from_millis(300));
    // 697 and 1209 Hz at -10 dB: no sample jumps as white noise would.
    let samples: Vec<i32> =
        sound.chunks_exact(2).map(|s| i32::from(i16::from_le_bytes([s[0], s[1]]))).take(800).collect();
    let jump = samples.windows(2).map(|w| (w[0] - w[1]).abs()).max().unwrap();
    assert!(jump > 1000 && jump < 20_000, "{jump}");
    rig.tell(json!({"do": "audio", "stall_ms": 400}));
    voice.gather(Duration::from_millis(60));
    assert_eq!(voice.gather(Duration::from_millis(200)), b"");
}

#[test]
fn ussd_in_its_dialects() {
    for (quirk, request, answer) in [
        ("", "AA180C3602", "\"C73A1D1D1697DD3A504CC69AD140C5AA14\",15"),
        ("ussd_plain", "*100#", "\"Guthaben: 12,34 EUR\",15"),
        ("ussd_ucs2", "002A0031003000300023", "\"004700750074"),
        ("ussd_answer_ucs2", "AA180C3602", ",72\r\n"),
        ("ussd_no_dcs", "AA180C3602", "C5AA14\"\r\n"),
        ("ussd_unquoted", "AA180C3602", "+CUSD: 0,C73A"),
        ("ussd_plain", "AA180C3602", "+CUSD: 5\r\n"),
    ] {
        let mut rig = Rig::start(&["--quirk", if quirk.is_empty() { "raw_tty" } else { quirk }]);
        let mut at = rig.ready();
        at.command(&rig, &format!("AT+CUSD=1,\"{request}\",15"), "\r\nOK\r\n");
        at.expect(&rig, answer);
    }
    let mut rig = Rig::start(&["--quirk", "cusd_before_ok", "--quirk", "ussd_mode_raw"]);
    let mut at = rig.ready();
    at.command(&rig, "AT+CUSD=1,\"*101#\",15", "+CME ERROR: 100\r\n");
    at.command(&rig, "AT^USSDMODE=0", "OK\r\n");
    let text = at.command(&rig, "AT+CUSD=1,\"*101#\",15", "\r\nOK\r\n");
    assert_eq!(text, "\r\n+CUSD: 1,\"1 Konto\r\n2 Tarif\",15\r\n\r\nOK\r\n");
    at.command(&rig, "AT+CUSD=1,\"2\",15", "\"Tarif: {Basis}\",15\r\n");
}

#[test]
fn habits_of_calls() {
    let dial = ["ATD1;"];
    let answered = ["ATD1;", "^CONN:1,0", "AT+CHUP"];
    for (quirk, steps, wanted, never) in [
        ("missing_conn", &dial[..], "^CONF:1\r\n", "^CONN"),
        ("cssi_unterminated", &dial[..], "\r\n+CSSI: 1\r\n^CONF:1\r\n", "^CEND"),
        ("cend_short", &answered[..], "^CEND:1,0,29\r\n", "^CEND:1,0,29,"),
        ("busy_line", &answered[..], "^CEND:1,0,29,16\r\n\r\nNO CARRIER\r\n", "BUSY"),
        ("lost_cend", &answered[..], "\r\nOK\r\n", "^CEND"),
        ("curc_hides_calls", &["AT^CURC=0;D1;"][..], "\r\nOK\r\n", "^ORIG"),
        ("ccwa_wedges", &["AT+CCWA=0,0,1"][..], "^BOOT:", "OK"),
        ("dtmf_fails", &["ATD1;", "^CONN:1,0", "AT^DTMF=1,5"][..], "", "ERROR"),
    ] {
        let mut rig = Rig::start(&["--quirk", quirk]);
        let mut at = rig.ready();
        let mut seen = String::new();
        for step in steps {
            match step.strip_prefix("AT") {
                Some(_) => at.send(format!("{step}\r").as_bytes()),
                None => drop(at.expect(&rig, step)),
            }
        }
        if !wanted.is_empty() {
            seen = at.expect(&rig, wanted);
        }
        seen.extend(at.gather(Duration::from_millis(150)).iter().map(|b| char::from(*b)));
        assert!(!seen.contains(never), "{quirk}: {seen:?}");
    }
}

#[test]
fn habits_of_callers() {
    for (quirk, from, wanted) in [
        ("cring_always", Some("+491"), "\r\n+CRING: VOICE\r\n\r\n+CLIP: \"+491\",145,,,,0\r\n"),
        ("clip_late", Some("0123"), "\r\nRING\r\n\r\nRING\r\n\r\n+CLIP: \"0123\",129,,,,0\r\n"),
        ("clip_quoted", None, "+CLIP: \"\",128,\"\",128,\"\",1\r\n"),
        ("clcc_empty", None, "\r\n+CLCC: 1,1,4,0,0,\"\",,\"\",\r\n"),
        ("conn_before_ok", Some("1"), "\r\n^CONN:1,0\r\n\r\nOK\r\n"),
    ] {
        let mut rig = Rig::start(&["--quirk", quirk]);
        let mut at = rig.ready();
        rig.tell(json!({"do": "ring", "from": from}));
        match quirk {
            "clcc_empty" => drop(at.command(&rig, "AT+CLCC", wanted)),
            "conn_before_ok" => drop(at.command(&rig, "ATA", wanted)),
            _ => drop(at.expect(&rig, wanted)),
        }
    }
}

#[test]
fn habits_of_the_voice_port() {
    for (quirk, port, repeats) in [("pcm_on_second", "ttyUSB1", 2), ("pcm_elsewhere", "ttyUSB0", 1)] {
        let mut rig = Rig::start(&["--quirk", quirk]);
        let mut at = rig.ready();
        let mut voice = rig.open(port);
        at.command(&rig, "ATD1;", "^CONN:1,0\r\n");
        for n in 1..=repeats {
            at.command(&rig, "AT^DDSETEX=2", "OK\r\n");
            let sound = voice.gather(Duration::from_millis(150));
            assert_eq!(sound.len() >= 320, n == repeats, "{quirk} {n}: {}", sound.len());
        }
    }
}
