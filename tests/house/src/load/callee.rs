//! The peer that is called: 180 and 200 to an INVITE, 200 to a BYE. The 200 again until its ACK.
use super::batch::Wire;
use super::text::{after, header, lines};
use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// RFC 3261: T1, T2 and 64*T1.
const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(4);
const GIVE_UP: Duration = Duration::from_secs(32);

struct Unacked {
    answer: Vec<u8>,
    began: Instant,
    interval: Duration,
}

pub struct Callee {
    pub wire: Wire,
    contact: String,
    /// What each call is answered with.
    pub sdp: String,
    /// Where the server wants the sound of each call since this was taken.
    pub media: Vec<SocketAddr>,
    /// By our tag.
    unacked: HashMap<u64, Unacked>,
    due: VecDeque<(Instant, u64)>,
    pub resent: u64,
    /// INVITEs and BYEs that came twice.
    pub repeated: u64,
}

impl Callee {
    #[must_use]
    pub fn new(wire: Wire) -> Self {
        let at = wire.address();
        Self {
            contact: format!("Contact: <sip:peer@{at}>\r\n"),
            sdp: sdp(at, PCMU),
            media: Vec::new(),
            wire,
            unacked: HashMap::new(),
            due: VecDeque::new(),
            resent: 0,
            repeated: 0,
        }
    }

    /// Each answer has its ACK.
    pub fn is_quiet(&self) -> bool {
        self.unacked.is_empty()
    }

    pub fn take(&mut self, message: &[u8], now: Instant) {
        let method = message.split(|b| *b == b' ').next().unwrap_or_default();
        match method {
            b"INVITE" => self.on_invite(message, now),
            b"ACK" => {
                if let Some(tag) = our_tag(message) {
                    self.unacked.remove(&tag);
                }
            }
            b"SIP/2.0" => {}
            // BYE, and OPTIONS of who wants to know whether we are there.
            _ => {
                let tag = our_tag(message).unwrap_or_default();
                answer(message, "200 OK", tag, "", "", self.wire.fresh());
            }
        }
    }

    fn on_invite(&mut self, message: &[u8], now: Instant) {
        // The same for a repetition, without a table of all calls.
        let mut hasher = DefaultHasher::new();
        header(message, "Call-ID").hash(&mut hasher);
        let tag = hasher.finish();
        if let Some(unacked) = self.unacked.get(&tag) {
            self.repeated += 1;
            self.wire.fresh().extend_from_slice(&unacked.answer);
            return;
        }
        self.media.extend(media_of(message));
        answer(message, "180 Ringing", tag, &self.contact, "", self.wire.fresh());
        let mut ok = Vec::new();
        answer(message, "200 OK", tag, &self.contact, &self.sdp, &mut ok);
        self.wire.fresh().extend_from_slice(&ok);
        self.unacked.insert(tag, Unacked { answer: ok, began: now, interval: FIRST });
        self.due.push_back((now + FIRST, tag));
    }

    /// Sends again what is due; when it wants to be asked next.
    pub fn on_time(&mut self, now: Instant) -> Option<Instant> {
        while let Some(&(at, tag)) = self.due.front() {
            if at > now {
                return Some(at);
            }
            self.due.pop_front();
            let Some(unacked) = self.unacked.get_mut(&tag) else { continue };
            if now >= unacked.began + GIVE_UP {
                self.unacked.remove(&tag);
                continue;
            }
            self.resent += 1;
            self.wire.fresh().extend_from_slice(&unacked.answer);
            unacked.interval = (unacked.interval * 2).min(LONGEST);
            // Not quite in order, and each still comes within the next one's interval.
            self.due.push_back((now + unacked.interval, tag));
        }
        None
    }
}

fn our_tag(message: &[u8]) -> Option<u64> {
    let tag = after(header(message, "To")?, b"tag=peer")?;
    std::str::from_utf8(tag).ok()?.parse().ok()
}

/// A response: what every one copies, with our tag.
fn answer(request: &[u8], status: &str, tag: u64, more: &str, sdp: &str, out: &mut Vec<u8>) {
    let _ = write!(out, "SIP/2.0 {status}\r\n");
    let copied: [&[u8]; 5] = [b"Via:", b"From:", b"Call-ID:", b"CSeq:", b"Record-Route:"];
    for line in lines(request).skip(1) {
        let begins = |name: &[u8]| line.get(..name.len()).is_some_and(|l| l.eq_ignore_ascii_case(name));
        if copied.iter().any(|name| begins(name)) {
            out.extend_from_slice(line);
            out.extend_from_slice(b"\r\n");
        } else if begins(b"To:") {
            out.extend_from_slice(line);
            if after(line, b";tag=").is_none() {
                let _ = write!(out, ";tag=peer{tag}");
            }
            out.extend_from_slice(b"\r\n");
        }
    }
    out.extend_from_slice(more.as_bytes());
    body(sdp, out);
}

/// The last headers, and the body.
pub fn body(sdp: &str, out: &mut Vec<u8>) {
    if !sdp.is_empty() {
        out.extend_from_slice(b"Content-Type: application/sdp\r\n");
    }
    let _ = write!(out, "Content-Length: {}\r\n\r\n{sdp}", sdp.len());
}

/// Formats of the one stream, and their attributes.
pub const PCMU: (&str, &str) = ("0", "a=rtpmap:0 PCMU/8000\r\n");

/// Sound at this address.
#[must_use]
pub fn sdp(at: SocketAddr, (formats, attributes): (&str, &str)) -> String {
    let (ip, port) = (at.ip(), at.port());
    format!(
        "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP {formats}\r\n\
         {attributes}a=ptime:20\r\n"
    )
}

/// Where the sound that a message describes goes.
#[must_use]
pub fn media_of(message: &[u8]) -> Option<SocketAddr> {
    let text = String::from_utf8_lossy(message);
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key));
    let port = value("m=audio ")?.split(' ').next()?.parse().ok()?;
    Some(SocketAddr::new(value("c=IN IP4 ")?.trim().parse().ok()?, port))
}
