//! Bytes of a message from a name server, each looked at where it is.
use super::NAME;

pub struct Reader<'a> {
    /// From the beginning, where pointers of names count from, to the end of this part.
    message: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub const fn new(message: &'a [u8]) -> Self {
        Self { message, at: 0 }
    }

    pub const fn is_at_end(&self) -> bool {
        self.at == self.message.len()
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(count)?;
        let taken = self.message.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    pub fn skip(&mut self, count: usize) -> Option<()> {
        self.take(count).map(drop)
    }

    /// A reader of the next `count` bytes alone; this one goes on behind them.
    pub fn part(&mut self, count: usize) -> Option<Self> {
        let at = self.at;
        self.skip(count)?;
        Some(Self { message: self.message.get(..self.at)?, at })
    }

    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    /// A character string (RFC 1035 section 3.3).
    pub fn text(&mut self) -> Option<String> {
        let length = usize::from(self.u8()?);
        Some(self.take(length)?.iter().map(|b| plain(*b)).collect())
    }

    /// A name in lower case, without the last dot. RFC 1035 section 4.1.4: a pointer leads to an earlier place, and each further one to
    /// a still earlier one, so that they end.
    pub fn name(&mut self) -> Option<String> {
        let mut name = String::new();
        let mut earliest = self.at;
        let mut after = None;
        loop {
            let length = self.u8()?;
            match length >> 6 {
                0 if length == 0 => break,
                0 => {
                    if !name.is_empty() {
                        name.push('.');
                    }
                    name.extend(self.take(length.into())?.iter().map(|b| plain(*b)));
                    if name.len() > NAME {
                        return None;
                    }
                }
                3 => {
                    let to = usize::from(u16::from_be_bytes([length & 0x3F, self.u8()?]));
                    after.get_or_insert(self.at);
                    if to >= earliest {
                        return None;
                    }
                    (earliest, self.at) = (to, to);
                }
                _ => return None,
            }
        }
        self.at = after.unwrap_or(self.at);
        Some(name)
    }
}

/// What is no character of a host name can't be asked for either, and does no harm as a question mark. A dot inside a label is none.
const fn plain(byte: u8) -> char {
    match byte {
        b'.' => '?',
        b'!'..=b'~' => byte.to_ascii_lowercase() as char,
        _ => '?',
    }
}
