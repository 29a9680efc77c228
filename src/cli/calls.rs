//! Calls, phones and USSD in words.
use super::show::{all, append_reason, duration, number, word};
use crate::util::MEDIA;
use crate::util::text::one_line;
use serde_json::Value;
use std::fmt::Write as _;

/// The part of `status` about phones, trunks and listening places.
pub fn status(out: &mut String, answer: &Value) {
    for place in all(answer, "listen") {
        let _ = write!(out, "listening at {}", word(place, "where"));
        if word(place, "state") != "up" {
            let _ = write!(out, ": {}", word(place, "state"));
        }
        append_reason(out, place);
        out.push('\n');
    }
    for extension in all(answer, "extensions") {
        let contacts = all(extension, "contacts");
        let state = if contacts.is_empty() { "not registered" } else { "registered" };
        let _ = write!(out, "extension {}: {state}", word(extension, "name"));
        for contact in contacts {
            let (address, agent) = (word(contact, "address"), word(contact, "user_agent"));
            let _ = write!(out, ", {} ({})", one_line(address, 60), one_line(agent, 40));
        }
        append_set(out, extension.get("set").unwrap_or(&Value::Null));
        match number(extension, "texts_waiting") {
            0 => {}
            1 => out.push_str(", a text waits for it"),
            waiting => {
                let _ = write!(out, ", {waiting} texts wait for it");
            }
        }
        out.push('\n');
    }
    for trunk in all(answer, "trunks") {
        let _ = write!(out, "trunk {}: {}", word(trunk, "name"), word(trunk, "state"));
        append_reason(out, trunk);
        out.push('\n');
    }
    let calls = number(answer, "calls");
    if calls > 0 {
        let _ = writeln!(out, "calls: {calls}; 'tandem calls' shows them");
    }
}

#[cfg(feature = "office")]
pub fn extension(answer: &Value) -> String {
    let mut out = format!("extension {}", word(answer, "name"));
    append_set(&mut out, answer);
    out.push('\n');
    out
}

/// Do not disturb, forwarding.
fn append_set(out: &mut String, set: &Value) {
    if set.get("dnd").and_then(Value::as_bool) == Some(true) {
        out.push_str(", do not disturb");
    }
    for when in ["always", "busy", "no_answer", "unreachable"] {
        let to = word(set, when);
        if !to.is_empty() {
            let _ = write!(out, ", forward {when} to {}", one_line(to, 40));
        }
    }
}

pub fn list(answer: &Value) -> String {
    let mut out = String::new();
    for call in all(answer, "calls") {
        let _ = writeln!(
            out,
            "{:>4}  {} -> {}  {}, {}",
            number(call, "id"),
            one_line(word(call, "from"), 40),
            one_line(word(call, "to"), 40),
            word(call, "state"),
            duration(number(call, "seconds"))
        );
        if MEDIA {
            all(call, "legs").iter().for_each(|leg| append_leg(&mut out, leg));
        }
        for leg in all(call, "encrypted").iter().filter(|_| MEDIA) {
            let (party, suite) = (one_line(word(leg, "party"), 40), one_line(word(leg, "suite"), 40));
            let _ = write!(out, "      encrypted with {party}: {suite}");
            for (what, count) in [("forged", number(leg, "forged")), ("replayed", number(leg, "replayed"))] {
                if count > 0 {
                    let _ = write!(out, ", {count} {what} packets dropped");
                }
            }
            out.push('\n');
        }
    }
    if out.is_empty() {
        out.push_str("no calls now\n");
    }
    for call in all(answer, "recent") {
        let talked = call.get("talked_s").and_then(Value::as_i64);
        let talked = talked.map_or_else(|| "not answered".to_owned(), |s| format!("{} talked", duration(s)));
        let _ = writeln!(
            out,
            "{:>4}  {}  {} -> {}  {talked}, {}",
            number(call, "id"),
            word(call, "began"),
            one_line(word(call, "from"), 40),
            one_line(word(call, "to"), 40),
            word(call, "cause")
        );
    }
    out
}

/// How one side of a call is heard, and hears.
fn append_leg(out: &mut String, leg: &Value) {
    let _ = write!(out, "      {}: ", one_line(word(leg, "party"), 40));
    let _ = write!(out, "{} packets, {} lost", number(leg, "received"), number(leg, "lost"));
    let more = [("discarded", "too late"), ("duplicates", "twice")];
    for (key, what) in more.into_iter().filter(|(key, _)| number(leg, key) > 0) {
        let _ = write!(out, ", {} {what}", number(leg, key));
    }
    let _ = write!(out, ", jitter {} ms", number(leg, "jitter_ms"));
    if number(leg, "concealed_ms") > 0 {
        let _ = write!(out, ", {} ms made up", number(leg, "concealed_ms"));
    }
    if let Some(trip) = leg.get("round_trip_ms").and_then(Value::as_i64) {
        let _ = write!(out, ", round trip {trip} ms");
    }
    append_mos(out, leg);
    if let Some(told) = leg.get("told").filter(|told| told.is_object()) {
        let (lost, sent) = (number(told, "lost"), number(leg, "sent"));
        let _ = write!(out, "; hears: {lost} of {sent} lost, jitter {} ms", number(told, "jitter_ms"));
        append_mos(out, told);
    }
    if !word(leg, "silent").is_empty() {
        let _ = write!(out, "; no sound: {}", one_line(word(leg, "silent"), 160));
    }
    out.push('\n');
}

fn append_mos(out: &mut String, of: &Value) {
    // By its text: what writes numbers with a point is 10 kB of the program.
    let text = of.get("mos").filter(|mos| mos.is_number()).map(Value::to_string);
    let Some((whole, part)) = text.as_deref().and_then(|text| text.split_once('.')) else { return };
    let digits = |text: &str| text.parse::<u32>().unwrap_or_default();
    let hundredths =
        digits(part.get(..2).unwrap_or(part)).saturating_mul(if part.len() < 2 { 10 } else { 1 });
    let tenths = digits(whole).saturating_mul(10).saturating_add(hundredths.saturating_add(5) / 10);
    let _ = write!(out, ", MOS {}.{}", tenths / 10, tenths % 10);
}

pub fn dialled(answer: &Value) -> String {
    format!("call {}: the phone rings\n", number(answer, "id"))
}

pub fn ended(answer: &Value) -> String {
    match number(answer, "ended") {
        0 => "no call to end\n".to_owned(),
        1 => "1 call ended\n".to_owned(),
        n => format!("{n} calls ended\n"),
    }
}

pub fn ussd(answer: &Value) -> String {
    let mut out = String::new();
    for line in word(answer, "text").lines() {
        let _ = writeln!(out, "{}", one_line(line, 500));
    }
    if answer.get("more").and_then(Value::as_bool) == Some(true) {
        out.push_str("(the network waits for an answer: 'tandem ussd ANSWER')\n");
    }
    out
}

/// `route explain`: the decision, each way in order, then what every rule says.
#[cfg(feature = "office")]
pub fn explained(answer: &Value) -> String {
    let mut out = String::new();
    let ways = all(answer, "ways");
    match word(answer, "decision") {
        "refused" => {
            let _ = writeln!(out, "refused: {}", word(answer, "reason"));
        }
        "emergency" => out.push_str("an emergency number: before every rule and permission\n"),
        _ => {
            let _ = writeln!(out, "rule {}", word(answer, "rule"));
        }
    }
    for (at, way) in ways.iter().enumerate() {
        let _ = write!(out, "  {}. {} {}", at.saturating_add(1), word(way, "kind"), word(way, "name"));
        if !word(way, "number").is_empty() {
            let _ = write!(out, ": {}", one_line(word(way, "number"), 50));
        }
        if !word(way, "caller_id").is_empty() {
            let _ = write!(out, ", shown as {}", one_line(word(way, "caller_id"), 50));
        }
        if way.get("hide") == Some(&Value::Bool(true)) {
            out.push_str(", number hidden");
        }
        if way.get("up") == Some(&Value::Bool(false)) {
            out.push_str(" (not there now)");
        }
        out.push('\n');
    }
    if ways.is_empty() && word(answer, "decision") == "emergency" {
        out.push_str("  there is no trunk and no dongle: it can not go out\n");
    }
    for route in all(answer, "routes") {
        let _ = writeln!(out, "route {} {}", word(route, "route"), word(route, "says"));
    }
    match word(answer, "at") {
        "" => out.push_str("the clock is not set: what counts at some hours does not count\n"),
        at => {
            let _ = writeln!(out, "it is {at}");
        }
    }
    out
}

// Builds without it show no sides.
#[cfg(all(test, feature = "media"))]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_sides_of_a_call() {
        let told = json!({"lost": 2, "lost_percent": 0, "jitter_ms": 4, "mos": 4.21});
        let good = json!({"party": "100", "received": 500, "lost": 0, "duplicates": 0, "discarded": 3, "jitter_ms": 5,
                          "concealed_ms": 60, "round_trip_ms": 41, "sent": 510, "mos": 4.36, "told": told,
                          "silent": null});
        let silent = json!({"party": "101", "received": 0, "lost": 0, "jitter_ms": 0, "round_trip_ms": null, "mos": null,
                            "told": null, "silent": "no packet from 203.0.113.9 since the answer: NAT or firewall"});
        let call = json!({"id": 7, "from": "100", "to": "101", "state": "up", "seconds": 61, "legs": [good, silent]});
        let text = list(&json!({"calls": [call], "recent": []}));
        let lines: Vec<&str> = text.lines().skip(1).collect();
        let want = [
            "      100: 500 packets, 0 lost, 3 too late, jitter 5 ms, 60 ms made up, round trip 41 ms, MOS 4.4; \
             hears: 2 of 510 lost, jitter 4 ms, MOS 4.2",
            "      101: 0 packets, 0 lost, jitter 0 ms; no sound: no packet from 203.0.113.9 since the answer: NAT or firewall",
        ];
        assert_eq!(lines, want);
    }
}
