//! Bytes from the stick to lines and prompts.
use crate::util::limits::{AT_BUFFER, AT_LINE};
use std::collections::VecDeque;

/// What a stick sent, cut into pieces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// A line without its ends, trimmed. Never empty.
    Line(String),
    /// `> `: the stick waits for a PDU. Only when the caller awaits it: a text may begin with it too.
    Prompt,
}

/// Cuts the stream. Lines end with CR, LF, CR LF or CR CR LF (E8372, E1752); empty ones are dropped; NULs and
/// blanks around a line too.
#[derive(Debug, Default)]
pub struct Tokens {
    bytes: VecDeque<u8>,
    /// The current line grew over `AT_LINE`: skip to its end.
    skipping: bool,
    /// Lines cut short or dropped because they were too long.
    pub overlong: u32,
}

impl Tokens {
    /// Take bytes in. More than `AT_BUFFER` without a line end is dropped, oldest first.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
        if self.bytes.len() > AT_BUFFER && !self.bytes.iter().any(|b| is_end(*b)) {
            self.drop_line();
        }
    }

    /// Forget everything: the port was opened anew or its content can't be trusted.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.skipping = false;
    }

    /// The next piece. `prompt`: a prompt is awaited.
    pub fn pop(&mut self, prompt: bool) -> Option<Token> {
        loop {
            self.skip_blank(prompt);
            if prompt && !self.skipping && self.bytes.front() == Some(&b'>') {
                match self.bytes.get(1) {
                    None => return None,
                    Some(b' ') => {
                        self.bytes.drain(..2);
                        return Some(Token::Prompt);
                    }
                    Some(_) => {}
                }
            }
            let Some(end) = self.bytes.iter().position(|b| is_end(*b)) else {
                if self.bytes.len() > AT_LINE {
                    self.drop_line();
                }
                return None;
            };
            let raw: Vec<u8> = self.bytes.drain(..=end).collect();
            if std::mem::take(&mut self.skipping) {
                continue;
            }
            if raw.len() > AT_LINE.saturating_add(1) {
                self.overlong = self.overlong.saturating_add(1);
                continue;
            }
            let text = String::from_utf8_lossy(&raw);
            let line = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
            if !line.is_empty() {
                return Some(Token::Line(line.to_owned()));
            }
        }
    }

    fn skip_blank(&mut self, prompt: bool) {
        while let Some(b) = self.bytes.front() {
            // A blank before a prompt is not part of it; inside a line the trim takes care.
            if !self.skipping && (is_end(*b) || *b == 0 || (prompt && *b == b' ')) {
                self.bytes.pop_front();
            } else {
                return;
            }
        }
    }

    fn drop_line(&mut self) {
        self.overlong = self.overlong.saturating_add(1);
        self.bytes.clear();
        self.skipping = true;
    }
}

const fn is_end(b: u8) -> bool {
    matches!(b, b'\r' | b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8]) -> Vec<String> {
        let mut tokens = Tokens::default();
        tokens.push(bytes);
        std::iter::from_fn(|| tokens.pop(false))
            .map(|t| match t {
                Token::Line(l) => l,
                Token::Prompt => "PROMPT".to_owned(),
            })
            .collect()
    }

    #[test]
    fn line_ends_of_all_firmwares() {
        assert_eq!(lines(b"\r\nOK\r\n"), ["OK"]);
        assert_eq!(lines(b"AT\r\r\nOK\r\n"), ["AT", "OK"]);
        assert_eq!(lines(b"+CSQ: 5,99\r\r\n\r\r\nOK\r\r\n"), ["+CSQ: 5,99", "OK"]);
        assert_eq!(lines(b"\0\0OK \0\r\n"), ["OK"]);
        assert_eq!(lines(b"\xff\xfe\r\nOK\r\n"), ["\u{fffd}\u{fffd}", "OK"]);
    }

    #[test]
    fn prompt_only_when_awaited() {
        let mut tokens = Tokens::default();
        tokens.push(b"\r\nRING\r\n\r\n> ");
        assert_eq!(tokens.pop(true), Some(Token::Line("RING".into())));
        assert_eq!(tokens.pop(false), None);
        assert_eq!(tokens.pop(true), Some(Token::Prompt));
        tokens.push(b"> not a prompt\r\n");
        assert_eq!(tokens.pop(false), Some(Token::Line("> not a prompt".into())));
    }

    #[test]
    fn prompt_in_two_reads() {
        let mut tokens = Tokens::default();
        tokens.push(b"\r\n>");
        assert_eq!(tokens.pop(true), None);
        tokens.push(b" ");
        assert_eq!(tokens.pop(true), Some(Token::Prompt));
    }

    #[test]
    fn endless_line_is_dropped_to_its_end() {
        let mut tokens = Tokens::default();
        for _ in 0..10_000 {
            tokens.push(&[b'x'; 100]);
            assert_eq!(tokens.pop(false), None);
            assert!(tokens.bytes.len() <= AT_BUFFER + 100);
        }
        tokens.push(b"yz\r\nOK\r\n");
        assert_eq!(tokens.pop(false), Some(Token::Line("OK".into())));
        assert!(tokens.overlong > 0);
    }
}
