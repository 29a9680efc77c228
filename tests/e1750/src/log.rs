//! The log: one JSON object a line, written at once, and the counters of offences.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::time::monotonic;

#[derive(Debug)]
pub struct Log {
    file: File,
    pub offences: BTreeMap<&'static str, u64>,
}

impl Log {
    pub fn create(path: &Path) -> std::io::Result<Log> {
        Ok(Log { file: File::create(path)?, offences: BTreeMap::new() })
    }

    /// Writes one event. `more` is an object whose fields join `t` and `event`.
    pub fn event(&mut self, event: &str, more: Value) {
        let mut line = Map::new();
        line.insert("t".into(), json!((monotonic() * 1e6).round() / 1e6));
        line.insert("event".into(), json!(event));
        if let Value::Object(fields) = more {
            line.extend(fields);
        }
        let mut text = Value::Object(line).to_string();
        text.push('\n');
        // A full disk must not stop the stick; the test then misses its line and says so.
        let _ = self.file.write_all(text.as_bytes());
    }

    /// Records that the daemon broke a rule.
    pub fn offence(&mut self, what: &'static str, more: Value) {
        *self.offences.entry(what).or_insert(0) += 1;
        let mut fields = Map::new();
        fields.insert("what".into(), json!(what));
        if let Value::Object(more) = more {
            fields.extend(more);
        }
        self.event("offence", Value::Object(fields));
    }
}
