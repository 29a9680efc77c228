//! Text from outside, made fit for one line.

/// `text` on one line of at most `max` characters: control characters (CR and LF among them) become spaces.
/// For log lines, mail headers and tables: whoever writes the text must not be able to begin a line of his own.
#[must_use]
pub fn one_line(text: &str, max: usize) -> String {
    text.chars().take(max).map(|c| if is_unsafe_in_a_line(c) { ' ' } else { c }).collect()
}

/// A number as people write it, without what only serves the eye.
#[must_use]
pub fn dialable(number: &str) -> String {
    number.chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')' | '/' | '.')).collect()
}

/// Control characters and Unicode's own line and paragraph separators; direction overrides, which make a line
/// read as something else.
fn is_unsafe_in_a_line(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_its_own() {
        assert_eq!(one_line("a\r\nBcc: x\u{2028}y", 99), "a  Bcc: x y");
        assert_eq!(one_line("абвгд", 3), "абв");
    }
}
