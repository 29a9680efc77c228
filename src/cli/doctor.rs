//! `tandem doctor` in words.
use super::show::{all, number, word};
use super::{Exit, args, client, print, refused};
use crate::util::text::one_line;
use serde_json::{Value, json};
use std::fmt::Write as _;

pub fn run(doctor: &args::Doctor) -> Exit {
    match client::request(&doctor.socket, "doctor", &json!({"dongle": doctor.dongle})) {
        Ok(answer) => {
            print(&if doctor.json { format!("{answer}\n") } else { words(&answer) });
            if number(&answer, "wrong") == 0 { Exit::Fine } else { Exit::Failed }
        }
        Err(why) => refused(why, &doctor.socket),
    }
}

fn words(answer: &Value) -> String {
    let mut out = format!("dongle {}\n", word(answer, "dongle"));
    for step in all(answer, "steps") {
        let mark = match word(step, "verdict") {
            "fine" => "ok   ",
            "wrong" => "WRONG",
            "mind" => "mind ",
            _ => "-    ",
        };
        let _ = writeln!(out, "{mark} {:<9} {}", word(step, "step"), one_line(word(step, "says"), 400));
        if !word(step, "cure").is_empty() {
            let _ = writeln!(out, "                -> {}", one_line(word(step, "cure"), 400));
        }
    }
    match number(answer, "wrong") {
        0 => out.push_str("nothing is wrong\n"),
        1 => out.push_str("one thing is wrong\n"),
        n => {
            let _ = writeln!(out, "{n} things are wrong");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_stands_out_with_its_cure() {
        let answer = json!({"dongle": "home", "wrong": 1, "steps": [
            {"step": "usb", "verdict": "fine", "says": "the stick is at socket 1-1.2", "cure": null},
            {"step": "pin", "verdict": "wrong", "says": "wants\nits \u{1b}[2JPIN", "cure": "set it"},
            {"step": "network", "verdict": "skipped", "says": "not looked at: 'pin' is first", "cure": null},
        ]});
        let shown = words(&answer);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines[1], "ok    usb       the stick is at socket 1-1.2");
        assert!(lines[2].starts_with("WRONG pin ") && !shown.contains('\u{1b}'), "{shown}");
        assert_eq!(lines[3].trim(), "-> set it");
        assert_eq!(lines.last(), Some(&"one thing is wrong"));
    }
}
