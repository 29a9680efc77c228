//! The stick driven by hand: start-up, PIN, unplugging, habits of the line.

#![allow(clippy::unwrap_used, clippy::panic)]

mod rig;

use rig::Rig;
use serde_json::json;
use std::time::{Duration, Instant};

#[test]
fn start_up_dialogue() {
    let mut rig = Rig::start(&["--imei", "357784040000001", "--operator", "Net 1"]);
    rig.registered();
    let mut at = rig.open("ttyUSB2");
    at.send(b"\x1b\r");
    assert!(at.command(&rig, "AT", "OK\r\n").ends_with("AT\r\r\nOK\r\n"), "echo is on after power-up");
    assert_eq!(at.command(&rig, "ATE0", "OK\r\n"), "ATE0\r\r\nOK\r\n");
    assert_eq!(at.command(&rig, "AT", "OK\r\n"), "\r\nOK\r\n");
    for (command, line) in [
        ("AT+CMEE=1", ""),
        ("AT^CURC=1", ""),
        ("AT+CGMI", "huawei"),
        ("AT+CGMM", "E1750"),
        ("AT+CGSN", "357784040000001"),
        ("AT+CFUN?", "+CFUN: 1"),
        ("AT+CPIN?", "+CPIN: READY"),
        ("AT^CPIN?", "^CPIN: READY,,10,3,10,3"),
        ("AT^ICCID?", "^ICCID: 89490200001234567890"),
        ("AT+CIMI", "262011234567890"),
        ("AT^CVOICE?", "^CVOICE:0,8000,16,20"),
        ("AT+CLIP=1", ""),
        ("AT+CRC=0", ""),
        ("AT+CSSN=1,1", ""),
        ("AT+CVHU=0", ""),
        ("AT+COPS=3,0", ""),
        ("AT+CREG=2", ""),
        ("AT+CREG?", "+CREG: 2,1,\"00C3\",\"01A2B3\""),
        ("AT+CSCS=\"GSM\"", ""),
        ("AT+CMGF=0", ""),
        ("AT+CPMS?", "+CPMS: \"SM\",0,20,\"SM\",0,20,\"SM\",0,20"),
        ("AT+CPMS=\"SM\",\"SM\",\"SM\"", "+CPMS: 0,20,0,20,0,20"),
        ("AT+CNMI=2,1,0,2,0", ""),
        ("AT+CMGL=4", ""),
        ("AT+CSCA?", "+CSCA: \"+491710760000\",145"),
        ("AT+CNUM", "+CNUM: \"\",\"+4915112345678\",145"),
        ("AT+CUSD=1", ""),
        ("AT+CSQ", "+CSQ: 20,99"),
        ("AT^SYSINFO", "^SYSINFO:2,3,0,5,1,,4"),
        ("AT+COPS?", "+COPS: 0,0,\"Net 1\",2"),
        ("AT^GETPORTMODE", "^GETPORTMODE:TYPE:WCDMA:Qualcomm,MDM:0,DIAG:1,PCUI:2,CDROM:3,SD:4"),
    ] {
        let wanted = if line.is_empty() { "\r\nOK\r\n".into() } else { format!("\r\n{line}\r\n\r\nOK\r\n") };
        assert_eq!(at.command(&rig, command, "OK\r\n"), wanted, "{command}");
    }
    assert!(at.command(&rig, "ATI;+CIMI", "OK\r\n").contains("IMEI: 357784040000001"));
    at.command(&rig, "AT+NONSENSE", "\r\n+CME ERROR: 4\r\n");
    at.command(&rig, "AT+CPIN=\"1\"", "\r\n+CME ERROR: 3\r\n");
    assert_eq!(rig.offences(), json!({}));
}

#[test]
fn a_second_command_is_lost_and_an_offence() {
    let mut rig = Rig::start(&[]);
    let mut at = rig.ready();
    at.send(b"AT+CGMM\rAT+CGMR\r");
    at.expect(&rig, "E1750\r\n\r\nOK\r\n");
    at.command(&rig, "AT+CGMI", "huawei\r\n\r\nOK\r\n");
    assert_eq!(rig.offences(), json!({"two_in_flight": 1}));
}

#[test]
fn a_late_answer_shifts_the_next() {
    let mut rig = Rig::start(&[]);
    let mut at = rig.ready();
    rig.tell(json!({"do": "late", "command": "+CGMM", "seconds": 6.0}));
    let start = Instant::now();
    at.send(b"AT+CGMM\r");
    // The command time-out of a host is 5 s.
    assert_eq!(at.gather(Duration::from_millis(5200)), b"");
    at.send(b"AT+CGMI\r");
    assert!(at.expect(&rig, "OK\r\n").ends_with("\r\nE1750\r\n\r\nOK\r\n"));
    assert!(start.elapsed() > Duration::from_secs(6));
    assert_eq!(at.expect(&rig, "OK\r\n"), "\r\nhuawei\r\n\r\nOK\r\n");
    assert_eq!(rig.offences(), json!({}));
}

#[test]
fn pin_is_counted_and_leads_to_the_puk() {
    let mut rig = Rig::start(&["--pin", "4711"]);
    let mut at = rig.at();
    at.command(&rig, "AT+CMEE=1", "OK\r\n");
    at.command(&rig, "AT+CPIN?", "+CPIN: SIM PIN\r\n\r\nOK\r\n");
    at.query(&rig, "AT^CPIN?", "^CPIN: SIM PIN,3,10,3,10,3\r\n");
    at.command(&rig, "AT+CIMI", "+CME ERROR: 11\r\n");
    at.command(&rig, "AT+CMGL=4", "+CMS ERROR: 311\r\n");
    at.command(&rig, "AT^ICCID?", "OK\r\n");
    at.command(&rig, "AT+CPIN=\"0000\"", "+CME ERROR: 16\r\n");
    assert_eq!(rig.offences(), json!({}));
    at.command(&rig, "AT+CPIN=\"0000\"", "+CME ERROR: 16\r\n");
    assert_eq!(rig.offences(), json!({"pin_retried": 1}));
    assert_eq!(rig.state()["pin_tries"], json!(1));
    at.command(&rig, "AT+CPIN=\"1111\"", "+CME ERROR: 12\r\n");
    at.query(&rig, "AT+CPIN?", "+CPIN: SIM PUK\r\n");
    at.command(&rig, "AT+CPIN=\"12345678\",\"4712\"", "OK\r\n");
    rig.registered();
    // The lock comes back with the power, tries are kept.
    rig.tell(json!({"do": "unplug"}));
    rig.tell(json!({"do": "plug"}));
    let mut at = rig.at();
    at.command(&rig, "AT+CPIN=\"4712\"", "OK\r\n");
    rig.registered();
    at.query(&rig, "AT+CLCK=\"SC\",2", "+CLCK: 1\r\n");
    at.command(&rig, "AT+CLCK=\"SC\",0,\"4712\"", "OK\r\n");
    at.query(&rig, "AT+CLCK=\"SC\",2", "+CLCK: 0\r\n");
}

#[test]
fn unplugging_hangs_up_and_plugging_moves_names() {
    let mut rig = Rig::start(&[]);
    let mut at = rig.ready();
    let mut voice = rig.open("ttyUSB1");
    rig.until("open flags", |s| s["open"] == json!({"at": true, "modem": false, "voice": true}));
    rig.tell(json!({"do": "preload", "hex": "0791947101670000040B", "stat": 1, "slot": 4}));
    rig.tell(json!({"do": "unplug"}));
    assert!(at.hangs_up() && voice.hangs_up());
    assert_eq!(std::fs::read_dir(rig.dir.join("dev")).unwrap().count(), 0);
    assert_eq!(std::fs::read_dir(rig.dir.join("sys/bus/usb/devices")).unwrap().count(), 0);
    rig.tell(json!({"do": "plug", "tty_base": 5, "layout": "1436"}));
    let product = std::fs::read_to_string(rig.dir.join("sys/bus/usb/devices/1-1.2/idProduct")).unwrap();
    assert_eq!(product, "1436\n");
    assert!(rig.dir.join("sys/bus/usb/devices/1-1.2:1.4/ttyUSB7/port_number").exists());
    let mut at = rig.open("ttyUSB7");
    at.command(&rig, "AT", "AT\r\r\nOK\r\n");
    drop(at);
    rig.until("closed", |s| s["open"]["at"] == json!(false));
    let slots = rig.tell(json!({"do": "slots"}));
    assert_eq!(slots["slots"][0]["index"], json!(4));
    assert!(rig.ask(json!({"do": "plug"}))["error"].is_string());
}

#[test]
fn a_reset_takes_the_stick_away_and_back() {
    let mut rig = Rig::start(&[]);
    let mut at = rig.ready();
    at.command(&rig, "AT+CFUN=1,1", "OK\r\n");
    assert!(at.hangs_up());
    rig.until("back", |s| s["plugged"] == json!(true));
    let mut at = rig.at();
    at.query(&rig, "AT+CMEE?", "+CMEE: 0\r\n");
}

#[test]
fn a_hung_engine_swallows_commands_and_goes_on_with_boot() {
    let mut rig = Rig::start(&[]);
    let mut at = rig.ready();
    rig.tell(json!({"do": "hang", "seconds": 0}));
    at.send(b"AT\r");
    assert!(!at.expect(&rig, "^BOOT:").contains("OK"));
    rig.tell(json!({"do": "unhang"}));
    at.command(&rig, "AT", "\r\nOK\r\n");
    rig.tell(json!({"do": "hang", "seconds": 0.2}));
    rig.until("over", |s| s["hung"] == json!(false));
    at.command(&rig, "AT", "\r\nOK\r\n");
    assert_eq!(rig.offences(), json!({}));
}

#[test]
fn registration_comes_and_goes() {
    let mut rig = Rig::start(&[]);
    let mut at = rig.ready();
    at.command(&rig, "AT+CREG=2", "OK\r\n");
    rig.tell(json!({"do": "network", "registered": false}));
    at.expect(&rig, "\r\n+CREG: 2\r\n");
    at.query(&rig, "AT+COPS?", "+COPS: 0\r\n");
    at.query(&rig, "AT+CSQ", "+CSQ: 99,99\r\n");
    rig.tell(json!({"do": "network", "denied": true}));
    at.query(&rig, "AT+CREG?", "+CREG: 2,3\r\n");
    rig.tell(json!({"do": "network", "registered": true, "denied": false, "roaming": true}));
    at.expect(&rig, "\r\n+CREG: 5,\"00C3\",\"01A2B3\"\r\n");
    rig.tell(json!({"do": "signal", "csq": 7}));
    at.expect(&rig, "^RSSI:7\r\n");
    at.command(&rig, "AT+CFUN=4", "OK\r\n");
    at.query(&rig, "AT+CREG?", "+CREG: 2,0\r\n");
    at.command(&rig, "AT+CFUN=1", "OK\r\n");
    rig.registered();
}

#[test]
fn habits_of_the_line() {
    for (quirk, command, wanted) in [
        ("echo_stays", "ATE0", "ATE0\r\r\nOK\r\n"),
        ("echo_stays", "AT", "AT\r\r\nOK\r\n"),
        ("crcrlf", "AT+CGMI", "\r\r\nhuawei\r\r\n\r\r\nOK\r\r\n"),
        ("no_space", "AT+CSQ", "\r\n+CSQ:20,99\r\n"),
        ("caret_space", "AT^SYSINFO", "\r\n^SYSINFO: 2,"),
        ("nul_padding", "AT+CGMI", "\r\nhuawei \0\r\n"),
        ("glued_urc", "AT+CGMI", "\r\nOK^RSSI:20\r\n"),
        ("cnum_glued", "AT+CNUM", "\r\nERROR+CNUM: \"\","),
        ("urc_inside", "AT+CSQ", "\r\n+CSQ: 20,99\r\n\r\n^RSSI:20\r\n\r\nOK\r\n"),
        ("split_output", "AT+CGMI", "\r\nhuawei\r\n\r\nOK\r\n"),
        ("capitals_only", "at+cgmi", "\r\nERROR\r\n"),
        ("not_supported=+CSQ,^ICCID", "AT+CSQ", "\r\nCOMMAND NOT SUPPORT\r\n"),
        ("too_many=+CVHU", "AT+CVHU=0", "\r\nTOO MANY PARAMETERS\r\n"),
        ("no_cgsn", "AT+CGSN", "\r\n+CME ERROR: 4\r\n"),
        ("cmee_refused", "AT+CMEE=1", "\r\nERROR\r\n"),
        ("csca_ucs2", "AT+CSCA?", "+CSCA: \"002B0034"),
        ("sm_refused", "AT+CPMS=\"SM\",\"SM\",\"SM\"", "\r\n+CMS ERROR: 302\r\n"),
        ("me_storage", "AT+CPMS?", "+CPMS: \"ME\",0,23,"),
        ("cnmi_only=none", "AT+CNMI=2,1,0,2,0", "\r\n+CMS ERROR: 303\r\n"),
        ("cnmi_only", "AT+CNMI=1,1,0,1,0", "\r\nOK\r\n"),
        ("clck_refused", "AT+CLCK=\"SC\",0,\"1\"", "\r\n+CME ERROR: 13\r\n"),
        ("no_voice", "AT^CVOICE?", "\r\nCOMMAND NOT SUPPORT\r\n"),
        ("cvoice_off", "AT^CVOICE?", "^CVOICE:1,"),
        ("creg_bare", "AT+CREG=2;+CREG?", "+CREG: 2,1,00C3,81DE445,2\r\n"),
        ("creg_broken", "AT+CREG=2;+CREG?", "+CREG: 2,1,\"0B,\"0100701\",7\r\n"),
        ("cops_junk", "AT+COPS?", "Testfunk@@\u{81}\u{ff}\u{1}\""),
        ("csq_over", "AT+CSQ", "+CSQ: 199,99"),
        ("sysinfo_empty", "AT^SYSINFO", "^SYSINFO:2,3,0,5,1,,4,,\r\n"),
        ("empty_321", "AT+CMGR=3", "\r\n+CMS ERROR: 321\r\n"),
        ("cfun_off=7", "AT+CFUN?", "+CFUN: 7\r\n"),
        ("ddsetex_error", "AT^DDSETEX=2", "\r\nERROR\r\n"),
        ("boot_storm", "AT", "^BOOT:"),
        ("urc_noise", "AT", "^"),
    ] {
        let mut rig = Rig::start(&["--quirk", quirk]);
        if !quirk.starts_with("cfun_off") {
            rig.registered();
        }
        let mut at = rig.open("ttyUSB2");
        at.send(b"ATE0\r");
        at.expect(&rig, "OK");
        if quirk != "cmee_refused" {
            at.command(&rig, "AT+CMEE=1", "OK");
        }
        at.command(&rig, command, wanted);
    }
}

#[test]
fn silence_at_the_start_and_later() {
    let mut rig = Rig::start(&["--quirk", "silent_at=2", "--quirk", "stops_responding=4"]);
    let mut at = rig.open("ttyUSB2");
    at.send(b"ATE0\r");
    at.send(b"ATE0\r");
    at.command(&rig, "ATE0", "OK\r\n");
    at.command(&rig, "AT", "OK\r\n");
    at.send(b"AT\r");
    at.expect(&rig, "^BOOT:");
    assert_eq!(rig.state()["hung"], json!(true));
    assert_eq!(rig.offences(), json!({}));
}

#[test]
fn a_slow_stick_takes_its_time() {
    let mut rig = Rig::start(&["--profile", "slow", "--seed", "7"]);
    rig.until("tty", |s| s["plugged"] == json!(true));
    let end = Instant::now() + Duration::from_secs(5);
    while !rig.dir.join("dev/ttyUSB2").exists() {
        assert!(Instant::now() < end);
    }
    let mut at = rig.open("ttyUSB2");
    let start = Instant::now();
    while rig.state()["hung"] == json!(true) {
        assert!(start.elapsed() < Duration::from_secs(5));
    }
    let start = Instant::now();
    at.command(&rig, "AT+CSQ", "OK\r\n");
    assert!(start.elapsed() >= Duration::from_millis(50), "{:?}", start.elapsed());
    assert_eq!(rig.state()["registered"], json!(false));
}

#[test]
fn help_lists_every_quirk() {
    let out = std::process::Command::new(env!("CARGO_BIN_EXE_e1750")).arg("--help").output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    for (_, name, ..) in e1750::quirks::TABLE {
        assert!(text.contains(name), "{name}");
        assert!(readme.contains(&format!("`{name}`")), "README.md: {name}");
    }
}

#[test]
fn habits_of_starting_and_dying() {
    let mut rig =
        Rig::start(&["--quirk", "cpin_busy=300", "--quirk", "cimi_late=300", "--quirk", "sysinfo_255=300"]);
    let mut at = rig.at();
    at.command(&rig, "AT+CMEE=1", "OK\r\n");
    at.command(&rig, "AT+CPIN?", "+CME ERROR: 14\r\n");
    at.query(&rig, "AT^SYSINFO", "^SYSINFO:0,0,0,0,255,,0\r\n");
    rig.until("SIM is ready", |s| s["sim"] == json!("ready"));
    at.command(&rig, "AT+CIMI", "+CME ERROR: 14\r\n");
    rig.registered();
    let end = Instant::now() + Duration::from_secs(5);
    loop {
        at.send(b"AT+CIMI\r");
        let line = at.expect(&rig, "\r\n") + &at.expect(&rig, "\r\n");
        if line.contains("262011234567890") {
            break;
        }
        assert!(Instant::now() < end, "{line:?}");
    }

    let mut rig = Rig::start(&["--quirk", "ttys_appear_slowly", "--quirk", "getportmode_crash"]);
    let device = rig.dir.join("sys/bus/usb/devices/1-1.2:1.2");
    assert!(device.exists());
    let end = Instant::now() + Duration::from_secs(5);
    while !device.join("ttyUSB2/port_number").exists() {
        assert!(Instant::now() < end);
    }
    let mut at = rig.at();
    at.send(b"AT^GETPORTMODE\r");
    assert!(at.hangs_up());
    rig.until("back", |s| s["plugged"] == json!(true));

    let mut rig = Rig::start(&["--quirk", "unread_port_crash", "--quirk", "urc_noise=1"]);
    let mut at = rig.at();
    assert!(at.hangs_up(), "4 KiB unread on the modem port");
    rig.until("back", |s| s["plugged"] == json!(true));
}
