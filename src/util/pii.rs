//! Personal data on its way to a log.
use std::fmt::{self, Write as _};

/// Shows the last two characters of a number or name: `..78`. Everything that identifies a person goes to the
/// log through this.
pub struct Pii<'a>(pub &'a str);

impl fmt::Display for Pii<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")?;
        let count = self.0.chars().count();
        // Of a short text two characters would be most of it.
        let shown = if count >= 5 { 2 } else { 0 };
        for c in self.0.chars().skip(count.saturating_sub(shown)) {
            f.write_char(if c.is_control() { '?' } else { c })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_two_characters_at_most() {
        for (text, shown) in [("+4915123456778", "..78"), ("bank", ".."), ("", ".."), ("abcd\r\n", "..??")] {
            assert_eq!(Pii(text).to_string(), shown);
        }
    }
}
