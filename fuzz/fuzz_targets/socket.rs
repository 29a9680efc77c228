//! Lines of the control socket: each gets one answer of bounded length, and none harms the switch.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tandem::config::Loaded;
use tandem::switch::{Output, Switch};
use tandem::util::time::{Instant, Now, Wall};

const CONFIG: &[u8] = b"config dongle 'sim'\n\toption at_port '/dev/null'\n";

fuzz_target!(|bytes: &[u8]| {
    let now = Now { mono: Instant::ZERO, wall: Wall(1_795_000_000) };
    let mut switch = Switch::new(Loaded::parse(CONFIG), "fuzz", &[], [7; 32], now);
    for (client, line) in bytes.split(|b| *b == b'\n').take(64).enumerate() {
        switch.handle_request(client as u64, &String::from_utf8_lossy(line), now);
        let mut outputs = 0;
        while let Some(output) = switch.poll_output() {
            outputs += 1;
            assert!(outputs < 1_000, "the switch does not come to rest");
            match output {
                Output::Reply { text, .. } => {
                    assert!(!text.contains('\n') && text.len() < 4_000_000);
                    assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
                }
                Output::Store { token, .. } => switch.handle_stored(token, Ok(()), now),
                Output::Reload { client, id } => switch.reply_reloaded(client, &id, Ok(())),
                _ => {}
            }
        }
    }
});
