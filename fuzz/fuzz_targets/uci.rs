//! Configuration text: whatever stands in it, reading ends with an answer within its bounds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tandem::config::Loaded;
use tandem::util::limits;
use tandem::wire::uci;

fuzz_target!(|text: &[u8]| {
    let parsed = uci::parse(text);
    assert!(parsed.sections.len() <= limits::CONFIG_SECTIONS);
    assert!(parsed.faults.len() <= limits::CONFIG_PROBLEMS);
    let loaded = Loaded::parse(text);
    assert!(loaded.problems.len() <= limits::CONFIG_PROBLEMS + 1);
    assert!(parsed.faults.is_empty() || !loaded.is_right());
    assert!(loaded.to_string().lines().all(|line| !line.contains(char::is_control)));
});
