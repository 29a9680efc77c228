//! A request or a response with its headers and body.
use super::{Address, CSeq, Method, Uri, Via, header};
use crate::util::limits::SIP_ITEMS;
use std::borrow::Cow;

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    Request { method: Method, uri: Uri },
    Response { status: u16, reason: String },
}

/// One message. `to_bytes` writes `Content-Length`; it is no header here.
#[derive(Clone, Debug)]
pub struct Message {
    pub start: Start,
    headers: Vec<Line>,
    /// The values of all lines, one after the other: one piece of memory for a dozen of them.
    values: String,
    pub body: Vec<u8>,
}

/// One header line; its value lies from `begin` to `end` in `values`. What was removed is left there: messages do not live long.
#[derive(Clone, Debug)]
struct Line {
    name: Cow<'static, str>,
    begin: usize,
    end: usize,
}

impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        self.start == other.start && self.body == other.body && self.lines().eq(other.lines())
    }
}

impl Eq for Message {}

impl Message {
    #[must_use]
    pub const fn request(method: Method, uri: Uri) -> Self {
        Self::new(Start::Request { method, uri })
    }

    pub(super) const fn new(start: Start) -> Self {
        Self { start, headers: Vec::new(), values: String::new(), body: Vec::new() }
    }

    /// A message with so many bytes of headers follows.
    pub(super) fn reserve(&mut self, bytes: usize) {
        self.headers.reserve(16);
        self.values.reserve(bytes);
    }

    /// Every line, as it goes out.
    fn lines(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().map(|line| (&*line.name, self.value(line)))
    }

    fn value(&self, line: &Line) -> &str {
        self.values.get(line.begin..line.end).unwrap_or_default()
    }

    pub(super) const fn count(&self) -> usize {
        self.headers.len()
    }

    /// A line whose value has no line end in it.
    pub(super) fn add(&mut self, name: Cow<'static, str>, value: &str) {
        let begin = self.values.len();
        self.values.push_str(value);
        self.headers.push(Line { name, begin, end: self.values.len() });
    }

    /// The last line that was added goes on here. False: there is none.
    pub(super) fn extend_last(&mut self, more: &str) -> bool {
        let Some(last) = self.headers.last_mut() else { return false };
        if last.end > last.begin {
            self.values.push(' ');
        }
        self.values.push_str(more);
        last.end = self.values.len();
        true
    }

    /// With the reason phrase of RFC 3261 section 21.
    #[must_use]
    pub fn response(status: u16) -> Self {
        let reason = reason_phrase(status).to_owned();
        Self::new(Start::Response { status, reason })
    }

    /// RFC 3261 section 8.2.6: Via, From, To, Call-ID and CSeq of the request; To without a tag gets `tag`.
    #[must_use]
    pub fn response_to(request: &Self, status: u16, tag: &str) -> Self {
        let mut response = Self::response(status);
        for name in [header::VIA, header::FROM, header::TO, header::CALL_ID, header::CSEQ, header::TIMESTAMP]
        {
            for value in request.all(name) {
                let tagless = name == header::TO
                    && status > 100
                    && Address::parse(value).is_none_or(|a| a.tag().is_none());
                response.add(Cow::Borrowed(name), value);
                if tagless {
                    response.values.push_str(";tag=");
                    response.values.push_str(tag);
                    if let Some(line) = response.headers.last_mut() {
                        line.end = response.values.len();
                    }
                }
            }
        }
        response
    }

    #[must_use]
    pub const fn method(&self) -> Option<&Method> {
        match &self.start {
            Start::Request { method, .. } => Some(method),
            Start::Response { .. } => None,
        }
    }

    #[must_use]
    pub const fn uri(&self) -> Option<&Uri> {
        match &self.start {
            Start::Request { uri, .. } => Some(uri),
            Start::Response { .. } => None,
        }
    }

    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        match &self.start {
            Start::Response { status, .. } => Some(*status),
            Start::Request { .. } => None,
        }
    }

    #[must_use]
    pub const fn is_request(&self) -> bool {
        matches!(self.start, Start::Request { .. })
    }

    /// The first value of this name, one of `header`'s constants.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|line| line.name == name).map(|line| self.value(line))
    }

    /// Every line of this name, as it came.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |line| line.name == name).map(|line| self.value(line))
    }

    /// Every item of this name, lines split at their commas. Of too many the first.
    pub fn items<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.all(name).flat_map(header::split).take(SIP_ITEMS)
    }

    /// A further line. Line ends in the value become blanks: what strangers wrote can't begin a header.
    pub fn push(&mut self, name: &str, value: impl AsRef<str>) {
        let value = value.as_ref();
        let name = header::canonical(name);
        if value.bytes().any(|b| matches!(b, b'\r' | b'\n' | 0)) {
            self.add(name, &value.replace(['\r', '\n', '\0'], " "));
        } else {
            self.add(name, value);
        }
    }

    /// Before all others: a Via.
    pub fn push_front(&mut self, name: &str, value: impl AsRef<str>) {
        self.push(name, value);
        self.headers.rotate_right(1);
    }

    /// In place of all lines of this name.
    pub fn set(&mut self, name: &str, value: impl AsRef<str>) {
        self.remove(name);
        self.push(name, value);
    }

    pub fn remove(&mut self, name: &str) {
        self.headers.retain(|line| line.name != name);
    }

    /// A body with its type.
    pub fn set_body(&mut self, content_type: &str, body: Vec<u8>) {
        self.set(header::CONTENT_TYPE, content_type);
        self.body = body;
    }

    /// The topmost Via.
    #[must_use]
    pub fn via(&self) -> Option<Via> {
        self.items(header::VIA).next().and_then(Via::parse)
    }

    #[must_use]
    pub fn from(&self) -> Option<Address> {
        self.get(header::FROM).and_then(Address::parse)
    }

    #[must_use]
    pub fn to(&self) -> Option<Address> {
        self.get(header::TO).and_then(Address::parse)
    }

    #[must_use]
    pub fn call_id(&self) -> Option<&str> {
        self.get(header::CALL_ID)
    }

    #[must_use]
    pub fn cseq(&self) -> Option<CSeq> {
        self.get(header::CSEQ).and_then(CSeq::parse)
    }

    /// Contacts that can be read, without `*`.
    pub fn contacts(&self) -> impl Iterator<Item = Address> {
        self.items(header::CONTACT).filter_map(Address::parse)
    }

    /// The number in a header that holds one; the largest where it doesn't fit.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u32> {
        self.get(name).and_then(|v| header::number(v.trim()))
    }

    /// As it goes out.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        use std::io::Write as _;
        let heads = self.headers.len().saturating_mul(20).saturating_add(128);
        let room = heads.saturating_add(self.values.len()).saturating_add(self.body.len());
        let mut out = Vec::with_capacity(room);
        // Writing to a Vec can't fail.
        let _ = match &self.start {
            Start::Request { method, uri } => write!(out, "{method} {uri} SIP/2.0\r\n"),
            Start::Response { status, reason } => write!(out, "SIP/2.0 {status} {reason}\r\n"),
        };
        for (name, value) in self.lines() {
            for part in [name, ": ", value, "\r\n"] {
                out.extend_from_slice(part.as_bytes());
            }
        }
        let _ = write!(out, "Content-Length: {}\r\n\r\n", self.body.len());
        out.extend_from_slice(&self.body);
        out
    }
}

/// Reason phrases. RFC 3261 section 21 and the extensions in use.
#[must_use]
pub fn reason_phrase(status: u16) -> &'static str {
    match status {
        100 => "Trying",
        180 => "Ringing",
        181 => "Call Is Being Forwarded",
        182 => "Queued",
        183 => "Session Progress",
        200 => "OK",
        202 => "Accepted",
        301 => "Moved Permanently",
        302 => "Moved Temporarily",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        410 => "Gone",
        413 => "Request Entity Too Large",
        415 => "Unsupported Media Type",
        416 => "Unsupported URI Scheme",
        420 => "Bad Extension",
        421 => "Extension Required",
        422 => "Session Interval Too Small",
        423 => "Interval Too Brief",
        469 => "Bad Info Package",
        480 => "Temporarily Unavailable",
        481 => "Call/Transaction Does Not Exist",
        482 => "Loop Detected",
        483 => "Too Many Hops",
        484 => "Address Incomplete",
        485 => "Ambiguous",
        486 => "Busy Here",
        487 => "Request Terminated",
        488 => "Not Acceptable Here",
        489 => "Bad Event",
        491 => "Request Pending",
        500 => "Server Internal Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Server Time-out",
        505 => "Version Not Supported",
        513 => "Message Too Large",
        600 => "Busy Everywhere",
        603 => "Decline",
        604 => "Does Not Exist Anywhere",
        606 => "Not Acceptable",
        other => match other / 100 {
            1 => "Progress",
            2 => "OK",
            3 => "Moved",
            4 => "Request Failure",
            5 => "Server Failure",
            _ => "Global Failure",
        },
    }
}
