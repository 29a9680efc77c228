//! Imports go down only, and nothing below `io` reaches for the world. ARCHITECTURE.md draws the layers.
#![allow(clippy::unwrap_used, clippy::panic)]
use std::fs;
use std::path::{Path, PathBuf};

/// Each layer and what it may import besides itself.
const MAY_IMPORT: [(&str, &[&str]); 10] = [
    ("util", &[]),
    ("wire", &["util"]),
    ("config", &["wire", "util"]),
    // Machines: they do not know each other. Settings reach them as the configuration's types.
    ("modem", &["config", "wire", "util"]),
    ("message", &["config", "wire", "util"]),
    ("sip", &["config", "wire", "util"]),
    ("media", &["wire", "util"]),
    ("switch", &["sip", "media", "modem", "message", "config", "wire", "util"]),
    ("io", &["switch", "sip", "media", "modem", "message", "config", "wire", "util"]),
    ("cli", &["io", "wire", "util"]),
];

/// Words that mean the world, and why they may not stand below `io`.
const WORLD: [&str; 15] = [
    "Instant::now",
    "SystemTime",
    "std::fs",
    // Addresses are values; sockets are the world.
    "UdpSocket",
    "TcpStream",
    "TcpListener",
    "ToSocketAddrs",
    "std::env",
    "std::thread",
    "std::process",
    "std::os",
    "async_channel",
    "nix::",
    "libc::",
    "lettre::",
];

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// Files of a layer: relative path and lines without comments.
fn layer(name: &str) -> Vec<(String, Vec<String>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    files(&root.join("src").join(name), &mut found);
    assert!(!found.is_empty(), "layer {name} has no files: has it moved?");
    let read = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        let lines = text.lines().map(|l| l.split("//").next().unwrap_or("").to_owned()).collect();
        (path.strip_prefix(root).unwrap().display().to_string(), lines)
    };
    found.iter().map(read).collect()
}

#[test]
fn imports_go_down_only() {
    let names: Vec<&str> = MAY_IMPORT.iter().map(|(name, _)| *name).collect();
    let mut wrong = Vec::new();
    for (name, allowed) in MAY_IMPORT {
        for (file, lines) in layer(name) {
            for (at, line) in lines.iter().enumerate() {
                for other in names.iter().filter(|o| **o != name && !allowed.contains(*o)) {
                    if line.contains(&format!("crate::{other}")) {
                        wrong.push(format!("{file}:{}: {name} may not import {other}", at + 1));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_below_io_reaches_for_the_world() {
    let mut wrong = Vec::new();
    for name in ["util", "wire", "config", "modem", "message", "switch"] {
        for (file, lines) in layer(name) {
            let tests_from = lines.iter().position(|l| l.contains("#[cfg(test)]")).unwrap_or(lines.len());
            for (at, line) in lines.iter().take(tests_from).enumerate() {
                for word in WORLD.iter().filter(|w| line.contains(*w)) {
                    wrong.push(format!("{file}:{}: {word}", at + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_stay_readable() {
    for (name, _) in MAY_IMPORT {
        for (file, lines) in layer(name) {
            assert!(lines.len() <= 800, "{file} has {} lines: one subject a file", lines.len());
        }
    }
}

#[test]
fn groups_of_imports_are_seen() {
    // `use crate::{switch, io}` would slip past the first test.
    for (name, _) in MAY_IMPORT.iter().filter(|(n, _)| *n != "io" && *n != "cli") {
        for (file, lines) in layer(name) {
            let grouped = lines.iter().any(|l| l.contains("use crate::{"));
            assert!(!grouped, "{file}: write one `use crate::layer` a line");
        }
    }
}
