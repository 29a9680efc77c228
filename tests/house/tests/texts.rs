//! The main job end to end: the real program between the emulated stick and a real mail server.
use house::home::{Home, Options};
use house::stick::IMEI;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const SENDER: &str = "+4915112345678";
const RUSSIAN: &str =
    "Ваш код 123456. Никому его не сообщайте, даже сотрудникам банка 😀. Срок действия пять минут.";

/// The text as it stands in a mail: before the line `-- `.
fn text_of(mail: &Value) -> String {
    let body = mail["body"].as_str().unwrap_or_default();
    body.split("\n\n-- \n").next().unwrap_or_default().to_owned()
}

fn texts_of(mails: &[Value]) -> BTreeSet<String> {
    mails.iter().map(text_of).collect()
}

/// Every text once, the SIM empty, nothing waiting.
#[track_caller]
fn assert_settled(home: &mut Home, mails: usize) {
    home.assert_clean();
    home.daemon.wait_status("nothing waits", 10.0, |s| s["messages"]["waiting"] == 0);
    assert_eq!(home.mail.count(), mails, "{}", home.daemon.tail(60));
}

#[test]
fn one_text() {
    let mut home = Home::ready("one", Options::default());
    home.stick.sms_with(SENDER, "Hello from home", &json!({ "scts": "2026-11-20T12:00:00+01:00" }));
    let mails = home.wait_mails(1, 15.0);
    let body = mails[0]["body"].as_str().unwrap();
    assert_eq!(text_of(&mails[0]), "Hello from home");
    for line in [format!("From: {SENDER}"), "Sent: 2026-11-20 12:00:00 +01:00".into(), "Received: ".into()] {
        assert!(body.lines().any(|l| l.starts_with(&line)), "{line}: {body}");
    }
    assert!(body.lines().any(|l| l.starts_with("Dongle: home_sim") && l.contains("+919876543210")), "{body}");
    assert_eq!(mails[0]["subject"], format!("SMS from {SENDER}: Hello from home"));
    assert_eq!(mails[0]["from_name"], "home_sim (tandem)");
    assert_eq!(mails[0]["envelope_from"], "router@example.com");
    assert_eq!(mails[0]["envelope_to"], json!([house::home::READER]));
    let text = home.daemon.wait_text("delivered", 10.0, |t| t["state"] == "sent");
    assert_eq!((&text["direction"], &text["number"]), (&json!("in"), &json!(SENDER)));
    assert_eq!((&text["text"], &text["parts"]), (&json!("Hello from home"), &json!(1)));
    assert!(text["deliveries"][0]["reply"].as_str().unwrap().starts_with("250"), "{text:#}");
    assert_settled(&mut home, 1);
    // Neither the number nor the text in clear.
    for secret in ["Hello from", "12345678"] {
        assert_eq!(home.daemon.child().count_lines(secret), 0, "{secret}");
    }
}

#[test]
fn parts_in_any_order_doubled_and_late() {
    let mut home = Home::ready("parts", Options::default());
    let long = RUSSIAN.repeat(3);
    let cases = [
        (RUSSIAN.to_owned(), json!({ "order": [1, 2], "ref": 11 })),
        (RUSSIAN.to_owned() + "2", json!({ "order": [2, 1], "ref": 12 })),
        (RUSSIAN.to_owned() + "3", json!({ "order": [2, 1], "double": [2], "ref": 13, "width": 16 })),
        (RUSSIAN.to_owned() + "4", json!({ "double": [1, 2], "ref": 14 })),
        (long.clone(), json!({ "order": [5, 3, 1, 4, 2], "ref": 15 })),
        ("{[~€]}\\^|".repeat(30), json!({ "order": [4, 1, 3, 2], "ref": 16 })),
    ];
    let mut want = BTreeSet::new();
    for (text, how) in &cases {
        let plain = json!({ "from": SENDER });
        let parts = home.stick.sms_with(SENDER, text, if how.is_object() { how } else { &plain });
        assert!(parts >= 2, "{parts}: {text}");
        want.insert(text.clone());
    }
    let mails = home.wait_mails(cases.len(), 30.0);
    assert_eq!(texts_of(&mails), want);
    assert_settled(&mut home, cases.len());
}

#[test]
fn a_missing_part_is_waited_for() {
    let mut home = Home::ready("missing", Options::default());
    home.stick.sms_with(SENDER, RUSSIAN, &json!({ "ref": 77, "omit": [1] }));
    let text = home.daemon.wait_text("incomplete", 15.0, |t| t["state"] == "incomplete");
    assert_eq!(text["missing"], json!([1]), "{text:#}");
    home.assert_clean();
    // The daemon may restart in between.
    home.daemon.kill9();
    home.daemon.restart();
    home.stick.sms_with(SENDER, RUSSIAN, &json!({ "ref": 77, "omit": [2] }));
    let mails = home.wait_mails(1, 30.0);
    assert_eq!(text_of(&mails[0]), RUSSIAN);
    assert_settled(&mut home, 1);
}

#[test]
fn a_backlog_of_a_full_sim() {
    let mut home = Home::prepare("backlog", Options::default());
    let want: BTreeSet<String> = (1..=25).map(|n| format!("backlog text {n:02}")).collect();
    for text in &want {
        home.stick.sms(SENDER, text);
    }
    home.stick.wait_slots(20, 20.0);
    home.daemon.restart();
    let mails = home.wait_mails(want.len(), 60.0);
    assert_eq!(texts_of(&mails), want);
    assert_settled(&mut home, want.len());
}

#[test]
fn the_store_fills_up_while_the_stick_is_deaf() {
    let mut home = Home::ready("full", Options::default());
    home.stick.ask(&json!({ "do": "hang", "seconds": 0 }));
    let want: BTreeSet<String> = (1..=23).map(|n| format!("while deaf {n:02}")).collect();
    for text in &want {
        home.stick.sms(SENDER, text);
    }
    home.stick.tell("unhang");
    let mails = home.wait_mails(want.len(), 90.0);
    assert_eq!(texts_of(&mails), want);
    assert_settled(&mut home, want.len());
}

#[test]
fn a_burst_of_a_hundred() {
    let mut home = Home::ready("burst", Options::default());
    let want: BTreeSet<String> = (1..=100).map(|n| format!("burst text {n:03}")).collect();
    for text in &want {
        home.stick.sms(SENDER, text);
    }
    let mails = home.wait_mails(want.len(), 90.0);
    assert_eq!(texts_of(&mails), want);
    let ids: BTreeSet<&str> = mails.iter().filter_map(|m| m["message_id"].as_str()).collect();
    assert_eq!(ids.len(), want.len(), "a Message-ID each");
    assert_settled(&mut home, want.len());
}

#[test]
fn a_sender_with_line_ends() {
    let mut home = Home::ready("crlf", Options::default());
    home.stick.sms("A\r\nBcc: b@c", "who am I");
    let mails = home.wait_mails(1, 15.0);
    let headers = mails[0]["headers"].as_array().unwrap();
    assert!(!headers.iter().any(|h| h[0] == "Bcc"), "{headers:#?}");
    assert_eq!(mails[0]["envelope_to"], json!([house::home::READER]));
    assert_eq!(text_of(&mails[0]), "who am I");
    assert_settled(&mut home, 1);
}

#[test]
fn what_cannot_be_read_comes_as_hex() {
    let mut home = Home::ready("hex", Options::default());
    // Five septets promised, one octet there; and a length byte that leads nowhere.
    let broken = ["07919471060040340404A1214300006211201200004005C8", "07919471060040340412A1"];
    for hex in broken {
        home.stick.ask(&json!({ "do": "pdu", "hex": hex }));
    }
    let mails = home.wait_mails(2, 20.0);
    for hex in broken {
        let found = mails.iter().find(|m| m["body"].as_str().unwrap().to_uppercase().contains(hex));
        let mail = found.unwrap_or_else(|| panic!("{hex}: {mails:#?}"));
        assert!(mail["subject"].as_str().unwrap().contains("could not be read"), "{mail:#}");
    }
    assert_settled(&mut home, 2);
}

#[test]
fn the_mail_server_goes_and_comes_back() {
    let mut home = Home::ready("down", Options::default());
    home.mail.down();
    home.stick.sms(SENDER, "while the server is down");
    home.assert_clean();
    let status = home
        .daemon
        .wait_status("mail down", 20.0, |s| s["mail"][0]["state"] == "down" && s["mail"][0]["waiting"] == 1);
    assert!(status["mail"][0]["reason"].as_str().unwrap().contains("refused"), "{status:#}");
    home.daemon.kill9();
    home.daemon.restart();
    home.mail.up();
    // By itself: the first pause is a minute.
    let mails = home.wait_mails(1, 100.0);
    assert_eq!(text_of(&mails[0]), "while the server is down");
    assert_settled(&mut home, 1);
}

#[test]
fn put_off_and_refused() {
    let mut home = Home::ready("putoff", Options::default());
    home.mail.script("rcpt", "451 greylisted", 1);
    home.stick.sms(SENDER, "put off");
    let put_off = |t: &Value| t["deliveries"][0]["state"] == "waiting" && t["deliveries"][0]["attempts"] == 1;
    let text = home.daemon.wait_text("put off", 15.0, put_off);
    assert!(text["deliveries"][0]["reply"].as_str().unwrap().contains("greylisted"), "{text:#}");
    let id = text["id"].as_str().unwrap().to_owned();
    let retried = home.daemon.cli(&["sms", "retry", &id]);
    assert!(retried.status.success(), "{retried:?}");
    let mails = home.wait_mails(1, 15.0);

    home.mail.script("body", "554 no spam", 1);
    home.stick.sms(SENDER, "refused");
    let text = home.daemon.wait_text("refused", 15.0, |t| t["state"] == "refused");
    assert!(text["deliveries"][0]["reply"].as_str().unwrap().contains("no spam"), "{text:#}");
    // Only a person sends it again; the mail is the same.
    let id = text["id"].as_str().unwrap().to_owned();
    assert!(home.daemon.cli(&["sms", "retry", &id]).status.success());
    let again = home.wait_mails(2, 15.0);
    assert_ne!(again[1]["message_id"], mails[0]["message_id"]);
    assert_settled(&mut home, 2);
}

#[test]
fn killed_between_store_and_delete() {
    let mut home = Home::ready("between", Options::default());
    let mut mails = 0;
    let mut hits = 0;
    for round in 1..=60 {
        let text = format!("between {round}");
        if home.kill_after_store(SENDER, &text) {
            hits += 1;
        }
        home.daemon.restart();
        mails += 1;
        home.wait_mails(mails, 30.0);
        if hits == 3 {
            break;
        }
    }
    assert!(hits > 0, "never hit the moment");
    let got = home.mail.mails();
    // The kill may also have come between the server's 250 and our note of it.
    for text in texts_of(&got) {
        let ids: BTreeSet<_> =
            got.iter().filter(|m| text_of(m) == text).map(|m| m["message_id"].to_string()).collect();
        assert_eq!(ids.len(), 1, "{text}: {ids:?}");
    }
    assert_eq!(texts_of(&got).len(), mails);
    if !home.stick.emptied(20.0) {
        panic!("left on the SIM\n{}", home.daemon.tail(50));
    }
}

#[test]
fn pulled_and_put_back_under_other_names() {
    let mut home = Home::ready("pull", Options::default());
    let before = home.daemon.dongle();
    for (round, base) in [(1, 5), (2, 0), (3, 12)] {
        home.stick.unplug();
        home.daemon.wait_dongle("absent", 10.0);
        home.stick.plug(base);
        let after = home.daemon.wait_dongle("ready", 30.0);
        assert_ne!(after["at_port"], before["at_port"].as_str().filter(|_| base != 0).unwrap_or("none"));
        home.stick.sms(SENDER, &format!("after {round}"));
        home.wait_mails(round, 15.0);
    }
    assert_settled(&mut home, 3);
}

#[test]
fn deaf_for_a_while() {
    let mut home = Home::ready("deaf", Options::default());
    home.stick.ask(&json!({ "do": "hang", "seconds": 0 }));
    home.stick.sms(SENDER, "during the silence");
    // The daemon notices by itself, and says so.
    home.daemon.wait_status("noticed", 120.0, |s| s["dongles"][0]["state"] != "ready");
    home.stick.tell("unhang");
    home.daemon.wait_dongle("ready", 120.0);
    home.stick.sms(SENDER, "after it");
    let mails = home.wait_mails(2, 30.0);
    let want = ["during the silence", "after it"].map(str::to_owned);
    assert_eq!(texts_of(&mails), want.into());
    assert_settled(&mut home, 2);
}

#[test]
fn the_pin_is_entered_once() {
    let mut home =
        Home::start("pin", Options::default().stick(&["--pin", "0000"]).dongle("option pin '0000'"));
    home.daemon.wait_dongle("ready", 30.0);
    home.stick.sms(SENDER, "unlocked");
    home.wait_mails(1, 15.0);
    assert_settled(&mut home, 1);
}

#[test]
fn a_wrong_pin_is_never_tried_twice() {
    let mut home =
        Home::start("wrongpin", Options::default().stick(&["--pin", "0000"]).dongle("option pin '9999'"));
    let wrong =
        |s: &Value| s["dongles"][0]["reason"].as_str().is_some_and(|r| r.to_uppercase().contains("PIN"));
    home.daemon.wait_status("PIN refused", 30.0, wrong);
    let tries = |home: &mut Home| home.stick.tell("state").to_string();
    assert!(home.stick.offences().is_empty(), "{:#?}", home.stick.offences());
    for how in ["kill", "replug", "reload"] {
        match how {
            "kill" => {
                home.daemon.kill9();
                home.daemon.restart();
            }
            "replug" => {
                home.stick.unplug();
                home.daemon.wait_dongle("absent", 10.0);
                home.stick.plug(3);
            }
            _ => home.daemon.reload(&(home.config() + "\n# touched\n")),
        }
        home.daemon.wait_status("still refused", 30.0, wrong);
        let offences = home.stick.offences();
        assert!(offences.is_empty(), "{how}: {offences:#?} {}", tries(&mut home));
    }
    // The right one in the file: tried at once, and the texts come.
    home.options.dongle = vec!["option pin '0000'".into()];
    let config = home.config();
    home.daemon.reload(&config);
    home.daemon.wait_dongle("ready", 40.0);
    home.stick.sms(SENDER, "unlocked at last");
    home.wait_mails(1, 15.0);
    assert_settled(&mut home, 1);
}

#[test]
fn texts_are_sent() {
    let mut home = Home::ready("send", Options::default());
    let emoji = "😀".repeat(100);
    let cases = [
        ("Hello", 1),
        ("Preis: 5 € {brutto} [~]", 1),
        ("Привет, буду в восемь", 1),
        (RUSSIAN, 2),
        (&"seven bits ".repeat(30), 3),
        (&("x".repeat(152) + "€" + &"y".repeat(100)), 2),
        // 33 surrogate pairs fit a part, 33 and a half would.
        (&emoji, 4),
    ];
    for (text, _) in cases {
        let out = home.daemon.cli(&["sms", "send", SENDER, text]);
        assert!(out.status.success(), "{out:?}\n{}", home.daemon.tail(30));
        let done = |t: &Value| t["text"] == text && (t["state"] == "sent" || t["state"] == "delivered");
        let sent = home.daemon.wait_text(text, 30.0, done);
        assert!(!sent["references"].as_array().unwrap().is_empty(), "{sent:#}");
    }
    let sent = home.stick.sent();
    let mut rest = sent.iter();
    for (text, parts) in cases {
        let mine: Vec<&Value> = rest.by_ref().take(parts).collect();
        let joined: String = mine.iter().filter_map(|p| p["text"].as_str()).collect();
        assert_eq!(joined, text, "{mine:#?}");
        assert!(mine.iter().all(|p| p["to"] == SENDER), "{mine:#?}");
    }
    assert_eq!(rest.count(), 0, "{sent:#?}");
    home.assert_clean();
}

#[test]
fn a_prompt_with_a_ring_in_between() {
    let mut home = Home::ready("prompt", Options::default());
    for urc in ["RING", "^RSSI:17", "+CMTI: \"SM\",19"] {
        home.stick.ask(&json!({ "do": "urc_before_prompt", "text": urc }));
        let text = format!("after {urc}");
        home.daemon.get("sms_send", &json!({ "to": SENDER, "text": text }));
        home.daemon.wait_text(urc, 30.0, |t| t["text"] == text.as_str() && t["state"] == "sent");
    }
    assert_eq!(home.stick.sent().len(), 3);
    home.assert_clean();
}

#[test]
fn a_lost_answer_is_not_sent_again() {
    let mut home = Home::ready("lost", Options::default());
    home.stick.ask(&json!({ "do": "send_result", "next": ["silent_sent"] }));
    home.daemon.get("sms_send", &json!({ "to": SENDER, "text": "did it go?" }));
    let unknown = |t: &Value| t["text"] == "did it go?" && t["state"] == "unknown";
    home.daemon.wait_text("unknown", 240.0, unknown);
    // Nor after a restart, nor when the next one goes out.
    home.daemon.kill9();
    home.daemon.restart();
    home.daemon.wait_dongle("ready", 60.0);
    home.daemon.get("sms_send", &json!({ "to": SENDER, "text": "next" }));
    home.daemon.wait_text("next", 60.0, |t| t["text"] == "next" && t["state"] == "sent");
    home.daemon.wait_text("still unknown", 5.0, unknown);
    let sent: Vec<Value> = home.stick.sent().iter().map(|s| s["text"].clone()).collect();
    assert_eq!(sent, ["did it go?", "next"]);
}

#[test]
fn a_refused_text_says_why() {
    let mut home = Home::ready("cms", Options::default());
    home.stick.ask(&json!({ "do": "send_result", "next": ["cms 28"] }));
    home.daemon.get("sms_send", &json!({ "to": SENDER, "text": "no such number" }));
    home.daemon.wait_text("failed", 60.0, |t| t["text"] == "no such number" && t["state"] == "failed");
    assert_eq!(home.stick.sent().len(), 0);
}

#[test]
fn reload_touches_only_what_changed() {
    let mut home = Home::ready("reload", Options::default());
    let id = home.daemon.id();
    let starts = home.daemon.child().count_lines("ready");
    let config = home.config().replace("email/me@example.com", "email/other@example.com");
    home.daemon.reload(&config);
    let mut count = 0;
    house::wait::poll(20.0, || {
        count += 1;
        home.stick.sms(SENDER, &format!("probe {count}"));
        home.wait_mails(count, 15.0).last().filter(|m| m["to"] == "other@example.com").map(drop)
    })
    .unwrap_or_else(|| panic!("the new address isn't used\n{}", home.daemon.tail(40)));
    assert_eq!(home.daemon.id(), id);
    assert_eq!(home.daemon.child().count_lines("ready"), starts, "the dongle was left alone");
    // A file that can't be read as a whole changes nothing.
    home.daemon.reload("config smtp 'mail\n");
    home.daemon.wait_status("a problem", 10.0, |s| !s["config"]["problems"].as_array().unwrap().is_empty());
    home.assert_clean();
}

#[test]
fn a_bad_section_is_left_out_and_shown() {
    let bad = "config forward 'bad'\n\tlist to 'fax/123'\n";
    let mut home = Home::ready("bad", Options { sections: bad.into(), ..Options::default() });
    let problems = home.daemon.status()["config"]["problems"].to_string();
    assert!(problems.contains("section 'bad' (forward): option 'to' is 'fax/123'"), "{problems}");
    home.stick.sms(SENDER, "in spite of it");
    home.wait_mails(1, 15.0);
    let path = home.daemon.config_path();
    let check = house::daemon::cli(&["check", path.to_str().unwrap()], None);
    assert_eq!(check.status.code(), Some(4), "{check:?}");
    assert!(String::from_utf8_lossy(&check.stdout).contains("option 'to' is 'fax/123'"), "{check:?}");
    assert_settled(&mut home, 1);
}

#[test]
fn the_command_line() {
    let mut home = Home::ready("cli", Options::default());
    home.stick.sms(SENDER, "for the list");
    home.wait_mails(1, 15.0);
    home.daemon.wait_text("delivered", 10.0, |t| t["state"] == "sent");
    let run = |arguments: &[&str]| {
        let out = home.daemon.cli(arguments);
        (out.status.code(), String::from_utf8_lossy(&out.stdout).into_owned())
    };
    let (code, text) = run(&["status"]);
    assert!(code == Some(0) && text.contains("home_sim") && text.contains("ready"), "{text}");
    let (_, text) = run(&["status", "--json"]);
    let status: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(status["dongles"][0]["imei"], IMEI);
    let (_, text) = run(&["sms", "list"]);
    assert!(text.contains("for the list"), "{text}");
    let (_, text) = run(&["sms", "list", "--json"]);
    let list: Value = serde_json::from_str(&text).unwrap();
    let list = list.get("messages").unwrap_or(&list);
    let id = list[0]["id"].as_str().unwrap().to_owned();
    let (code, text) = run(&["sms", "show", &id]);
    assert!(code == Some(0) && text.contains("for the list"), "{text}");
    assert_eq!(run(&["sms", "delete", &id]).0, Some(0));
    assert_eq!(run(&["sms", "show", &id]).0, Some(1));
    assert_eq!(run(&["sms", "nonsense"]).0, Some(2));
    let nobody = house::daemon::cli(&["status"], Some(std::path::Path::new("/nowhere/tandem.sock")));
    assert_eq!(nobody.status.code(), Some(3), "{nobody:?}");
}
