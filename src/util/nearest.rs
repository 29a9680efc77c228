//! "Did you mean": the known word next to a mistyped one.

/// Words longer than this are no typing slips, and the table stays small.
const LONGEST: usize = 32;

/// The candidate that `word` is most likely a slip of: at most two letters wrong, missing, doubled or swapped,
/// and fewer than half of the word. The first one wins where two are as near.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (word.chars().count() / 2).min(2);
    let mut best: Option<(usize, &'a str)> = None;
    for candidate in candidates {
        let Some(steps) = distance(word, candidate) else { continue };
        if steps <= allowed && best.is_none_or(|(least, _)| steps < least) {
            best = Some((steps, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Insertions, deletions, replacements and swaps of neighbours between two short words (optimal string
/// alignment); case does not count.
fn distance(a: &str, b: &str) -> Option<usize> {
    let a: Vec<char> = a.chars().map(|c| c.to_ascii_lowercase()).collect();
    let b: Vec<char> = b.chars().map(|c| c.to_ascii_lowercase()).collect();
    if a.len() > LONGEST || b.len() > LONGEST {
        return None;
    }
    let mut before: Vec<usize> = vec![0; b.len() + 1];
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let mut least = (above[j] + usize::from(x != y)).min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut above, row);
    }
    above.last().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_finger() {
        let known = ["pin", "imei", "imsi", "enabled", "option", "incomplete_after"];
        for (word, want) in [
            ("pinn", Some("pin")),
            ("PIN", Some("pin")),
            ("pni", Some("pin")),
            ("optoin", Some("option")),
            ("incomplete_afte", Some("incomplete_after")),
            ("imi", Some("imei")),
            ("password", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), want, "{word}");
        }
        assert_eq!(nearest(&"p".repeat(10_000), known), None);
    }
}
