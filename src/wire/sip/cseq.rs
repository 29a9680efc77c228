//! `CSeq: 4711 INVITE`. RFC 3261 section 20.16.
use super::{Method, header};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CSeq {
    /// Less than 2^31, RFC 3261 section 8.1.1.5.
    pub number: u32,
    pub method: Method,
}

impl CSeq {
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (number, method) = text.trim().split_once([' ', '\t'])?;
        let number = header::number(number).filter(|n| *n < 1 << 31)?;
        let method = method.trim();
        (!method.is_empty() && !method.contains([' ', '\t']))
            .then(|| Self { number, method: Method::parse(method) })
    }
}

impl std::fmt::Display for CSeq {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.number, self.method)
    }
}
