//! A ladder on the terminal, line by line as it happens: we stand on the left, each peer has a column.
use crate::util::text::one_line;
use std::fmt::Write as _;

/// Characters from one column to the next.
const WIDTH: usize = 30;
/// Peers side by side; who comes after them shares the last column.
const COLUMNS: usize = 4;

/// Who stands where.
#[derive(Default)]
pub struct Ladder {
    peers: Vec<(String, String)>,
}

/// One arrow.
pub struct Arrow<'a> {
    /// `12:00:01.250`
    pub time: &'a str,
    /// From us.
    pub out: bool,
    /// An address, and whose it is where that is known.
    pub remote: &'a str,
    pub who: &'a str,
    pub call: Option<u64>,
    /// `INVITE`, `180 Ringing`
    pub label: &'a str,
}

impl Ladder {
    /// The lines for one message.
    pub fn line(&mut self, arrow: &Arrow<'_>) -> String {
        let mut out = String::new();
        let column = self.column(arrow, &mut out);
        let _ = write!(out, "{} {:>5}  |", arrow.time, arrow.call.map_or(String::new(), |c| format!("#{c}")));
        let length = WIDTH.saturating_mul(column.saturating_add(1)).saturating_sub(1);
        let label = one_line(arrow.label, WIDTH.saturating_sub(7));
        let dashes = length.saturating_sub(label.chars().count().saturating_add(5));
        let (left, right) = (2, dashes);
        if arrow.out {
            let _ = write!(out, "{} {label} {}>|", "-".repeat(left), "-".repeat(right));
        } else {
            let _ = write!(out, "<{} {label} {}|", "-".repeat(left), "-".repeat(right));
        }
        for _ in column.saturating_add(1)..self.peers.len().min(COLUMNS) {
            let _ = write!(out, "{}|", " ".repeat(WIDTH.saturating_sub(1)));
        }
        out.push('\n');
        out
    }

    /// The column of a peer. A new one is announced by a line of its own.
    fn column(&mut self, arrow: &Arrow<'_>, out: &mut String) -> usize {
        let known = self
            .peers
            .iter()
            .position(|(remote, who)| remote == arrow.remote && (who == arrow.who || arrow.who.is_empty()));
        let at = known.unwrap_or_else(|| {
            self.peers.push((arrow.remote.to_owned(), arrow.who.to_owned()));
            let mut names = format!("{:20}tandem", "");
            for (at, (remote, who)) in self.peers.iter().take(COLUMNS).enumerate() {
                let name = if who.is_empty() { remote.clone() } else { format!("{who} {remote}") };
                // The first stands beside our own.
                let width = if at == 0 { WIDTH.saturating_sub(5) } else { WIDTH };
                let _ = write!(names, "{:>width$}", one_line(&name, WIDTH.saturating_sub(6)));
            }
            out.push_str(names.trim_end());
            out.push('\n');
            self.peers.len().saturating_sub(1)
        });
        at.min(COLUMNS.saturating_sub(1))
    }
}

/// `INVITE`, `180 Ringing (INVITE)`: the first line of a message in short.
pub fn label(message: &str) -> String {
    let first = message.lines().next().unwrap_or_default();
    let mut words = first.splitn(3, ' ');
    let (one, two, three) =
        (words.next().unwrap_or_default(), words.next().unwrap_or_default(), words.next());
    if one != "SIP/2.0" {
        return one.to_owned();
    }
    let cseq = message
        .lines()
        .find_map(|l| l.split_once(':').filter(|(n, _)| n.trim().eq_ignore_ascii_case("cseq")));
    let method = cseq.and_then(|(_, value)| value.split_whitespace().nth(1)).unwrap_or_default();
    format!("{two} {} ({method})", three.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_between_two() {
        let mut ladder = Ladder::default();
        let mut text = String::new();
        for (out, remote, who, call, label) in [
            (false, "192.168.1.100:5070", "100", None, "INVITE"),
            (true, "192.168.1.101:5070", "101", Some(7), "INVITE"),
            (false, "192.168.1.101:5070", "101", Some(7), "180 Ringing (INVITE)"),
            (true, "192.168.1.100:5070", "100", Some(7), "180 Ringing (INVITE)"),
        ] {
            text += &ladder.line(&Arrow { time: "12:00:01.250", out, remote, who, call, label });
        }
        let want = [
            "                    tandem   100 192.168.1.100:5070",
            "12:00:01.250        |<-- INVITE ------------------|",
            "                    tandem   100 192.168.1.100:5070        101 192.168.1.101:5070",
            "12:00:01.250    #7  |-- INVITE ------------------------------------------------>|",
            "12:00:01.250    #7  |<-- 180 Ringing (INVITE) ----------------------------------|",
            "12:00:01.250    #7  |-- 180 Ringing (INVITE) ---->|                             |",
            "",
        ];
        let want = want.join("\n");
        assert_eq!(text, want, "\n{text}");
    }

    #[test]
    fn first_lines() {
        let ok = "SIP/2.0 480 Temporarily Unavailable\r\nVia: x\r\nCSeq: 7 INVITE\r\n\r\n";
        assert_eq!(label(ok), "480 Temporarily Unavailable (INVITE)");
        assert_eq!(label("BYE sip:a SIP/2.0\r\n"), "BYE");
        assert_eq!(label(""), "");
    }
}
