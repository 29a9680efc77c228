//! Answers in words. Texts and names from outside are shown on one line, without control characters: a terminal obeys them.
use crate::util::text::one_line;
use serde_json::Value;
use std::fmt::Write as _;

pub(super) fn word<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or("")
}

pub(super) fn number(value: &Value, key: &str) -> i64 {
    value.get(key).and_then(Value::as_i64).unwrap_or(0)
}

pub(super) fn all<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

pub fn status(answer: &Value) -> String {
    let mut out =
        format!("tandem {}, running for {}\n", word(answer, "version"), duration(number(answer, "uptime_s")));
    for dongle in all(answer, "dongles") {
        status_of_dongle(&mut out, dongle);
    }
    super::calls::status(&mut out, answer);
    for server in all(answer, "mail") {
        let _ = write!(out, "mail {}: {}", word(server, "name"), word(server, "state"));
        append_reason(&mut out, server);
        if let Some(wait) = server.get("next_try_s").and_then(Value::as_i64) {
            let _ = write!(out, ", next try in {}", duration(wait));
        }
        out.push('\n');
    }
    if let Some(m) = answer.get("messages") {
        let n = |key| number(m, key);
        let _ = writeln!(
            out,
            "texts: {} in ({} waiting, {} sent, {} refused, {} failed, {} incomplete, {} kept without a target), {} out",
            n("in"),
            n("waiting"),
            n("sent"),
            n("refused"),
            n("failed"),
            n("incomplete"),
            n("kept"),
            n("out")
        );
    }
    if let Some(trouble) = answer.pointer("/storage/trouble").and_then(Value::as_str) {
        let _ = writeln!(out, "storage: {trouble}; texts stay on the SIM until they are delivered");
    }
    if let Some(config) = answer.get("config") {
        out.push_str(&findings(config));
    }
    out
}

fn status_of_dongle(out: &mut String, dongle: &Value) {
    let _ = write!(out, "dongle {}: {}", word(dongle, "name"), word(dongle, "state"));
    append_reason(out, dongle);
    if let Some(tries) = dongle.get("pin_tries").and_then(Value::as_i64).filter(|n| *n < 3) {
        let _ = write!(out, ", {tries} PIN tries left");
    }
    if !word(dongle, "operator").is_empty() {
        let _ = write!(out, ", {}", one_line(word(dongle, "operator"), 32));
    }
    if let Some(dbm) = dongle.get("signal_dbm").and_then(Value::as_i64) {
        let _ = write!(out, ", {dbm} dBm");
    }
    if !word(dongle, "model").is_empty() {
        let _ = write!(out, ", {} at {}", one_line(word(dongle, "model"), 40), word(dongle, "at_port"));
    }
    out.push('\n');
}

pub(super) fn append_reason(out: &mut String, value: &Value) {
    if !word(value, "reason").is_empty() {
        let _ = write!(out, " ({})", one_line(word(value, "reason"), 200));
    }
}

fn findings(config: &Value) -> String {
    let mut out = String::new();
    for problem in all(config, "problems").iter().filter_map(Value::as_str) {
        let _ = writeln!(out, "problem: {problem}");
    }
    for notice in all(config, "notices").iter().filter_map(Value::as_str) {
        let _ = writeln!(out, "note: {notice}");
    }
    out
}

pub fn reloaded(answer: &Value) -> String {
    let found = findings(answer);
    if found.is_empty() { "read again, no problems\n".to_owned() } else { found }
}

pub fn list(answer: &Value) -> String {
    let mut out = String::new();
    for text in all(answer, "messages") {
        let direction = if word(text, "direction") == "in" { "from" } else { "to  " };
        let _ = writeln!(
            out,
            "{}  {}  {direction} {:<16} {:<10} {}",
            word(text, "id"),
            word(text, "timestamp"),
            one_line(word(text, "number"), 32),
            word(text, "state"),
            one_line(word(text, "text"), 60)
        );
    }
    if out.is_empty() { "no texts\n".to_owned() } else { out }
}

pub fn text(answer: &Value) -> String {
    let mut out = String::new();
    let direction = if word(answer, "direction") == "in" { "from" } else { "to" };
    let _ =
        writeln!(out, "text {}, {direction} {}", word(answer, "id"), one_line(word(answer, "number"), 32));
    let _ = writeln!(
        out,
        "{}, dongle {}: {}",
        word(answer, "timestamp"),
        word(answer, "dongle"),
        word(answer, "state")
    );
    if !all(answer, "missing").is_empty() {
        let _ = writeln!(out, "parts missing: {}", Value::Array(all(answer, "missing").to_vec()));
    }
    for delivery in all(answer, "deliveries") {
        let _ = write!(
            out,
            "  {}: {}, {} attempt(s)",
            word(delivery, "to"),
            word(delivery, "state"),
            number(delivery, "attempts")
        );
        if !word(delivery, "reply").is_empty() {
            let _ = write!(out, ", \"{}\"", one_line(word(delivery, "reply"), 200));
        }
        out.push('\n');
    }
    out.push('\n');
    for line in word(answer, "text").lines() {
        let _ = writeln!(out, "{}", one_line(line, 2_000));
    }
    out
}

pub fn accepted(answer: &Value) -> String {
    let id = word(answer, "id");
    format!("accepted as {id}; 'tandem sms show {id}' tells how it goes\n")
}

pub fn retried(answer: &Value) -> String {
    format!("{} is tried again now\n", word(answer, "id"))
}

pub fn deleted(answer: &Value) -> String {
    format!("{} is deleted\n", word(answer, "id"))
}

pub(super) fn duration(seconds: i64) -> String {
    match seconds {
        ..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}
