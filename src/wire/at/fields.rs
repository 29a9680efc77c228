//! The values behind a prefix: `+CMGR: 0,"",23`.

/// Comma-separated values of a line, quotes taken off. A missing value is empty, never an error: sticks leave out what
/// they don't know (`+CLCC: 1,1,4,0,0,"",,"",`).
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    rest: Option<&'a str>,
}

impl<'a> Fields<'a> {
    /// The values of `line` if it has this prefix (`+CSQ:`). Behind the colon there may be a blank or none.
    #[must_use]
    pub fn of(line: &'a str, prefix: &str) -> Option<Self> {
        line.strip_prefix(prefix).map(|rest| Self { rest: Some(rest.trim()) })
    }

    /// How many values are left, empty ones included.
    #[must_use]
    pub fn count_left(&self) -> usize {
        self.clone().count()
    }

    /// The next value as a number; `None` when it is missing or none.
    pub fn number<N: std::str::FromStr>(&mut self) -> Option<N> {
        self.next()?.parse().ok()
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.rest?;
        let mut quoted = false;
        let end = rest.char_indices().find(|(_, c)| {
            quoted ^= *c == '"';
            *c == ',' && !quoted
        });
        let (value, left) = match end {
            Some((at, _)) => (rest.get(..at).unwrap_or(""), rest.get(at.saturating_add(1)..)),
            None => (rest, None),
        };
        self.rest = left;
        Some(value.trim().trim_matches('"'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_commas_and_gaps() {
        let all = |line| Fields::of(line, "+X:").map(|f| f.collect::<Vec<_>>());
        assert_eq!(all("+X: 1,\"a,b\",,\"\","), Some(vec!["1", "a,b", "", "", ""]));
        assert_eq!(all("+X:0"), Some(vec!["0"]));
        assert_eq!(all("+X:"), Some(vec![""]));
        assert_eq!(all("+Y: 1"), None);
        // DONGLE field log: a quote that never closes.
        assert_eq!(all("+X: 1,\"0B,\"0100701\",7"), Some(vec!["1", "0B,\"0100701\",7"]));
    }
}
