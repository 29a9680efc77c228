//! From text to a `Session`. Strict where an answer depends on it, lenient elsewhere: unknown lines and attributes are
//! ignored (RFC 8866 section 5), a missing `s=` or `t=` is forgiven.
use super::{Direction, Fault, Fmtp, MediaLine, Origin, Place, RtpMap, Session};
use crate::util::limits::{SDP_ATTRIBUTES, SDP_FORMATS, SDP_MEDIA};

impl Session {
    /// The body of a message with `Content-Type: application/sdp`.
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        let text = String::from_utf8_lossy(bytes);
        // Other control characters would be lost when it is written again.
        let text = text.replace(|c: char| c.is_control() && !matches!(c, '\r' | '\n'), " ");
        let mut lines = text.split(['\r', '\n']).map(str::trim_ascii_end).filter(|line| !line.is_empty());
        if lines.next() != Some("v=0") {
            return Err(Fault::Version);
        }
        let mut session = Self::empty();
        let mut origin = None;
        for line in lines {
            let (kind, value) = line.split_once('=').filter(|(k, _)| k.len() == 1).ok_or(Fault::Line)?;
            let value = value.trim_ascii_start();
            match (kind, session.media.last_mut()) {
                ("m", _) => session.take_media(value)?,
                ("a", Some(media)) => media.take_attribute(value),
                ("a", None) => session.take_attribute(value),
                ("c", Some(media)) if media.connection.is_none() => {
                    media.connection = Some(connection(value)?)
                }
                ("c", None) if session.connection.is_none() => session.connection = Some(connection(value)?),
                ("o", None) if origin.is_none() => origin = Some(Origin::parse(value).ok_or(Fault::Origin)?),
                ("s", None) => value.clone_into(&mut session.name),
                _ => {}
            }
        }
        session.origin = origin.ok_or(Fault::Origin)?;
        Ok(session)
    }

    const fn empty() -> Self {
        let nowhere = Place::Name(String::new());
        Self {
            origin: Origin { username: String::new(), session_id: 0, version: 0, address: nowhere },
            name: String::new(),
            connection: None,
            direction: None,
            attributes: Vec::new(),
            media: Vec::new(),
        }
    }

    fn take_media(&mut self, value: &str) -> Result<(), Fault> {
        if self.media.len() >= SDP_MEDIA {
            return Err(Fault::TooLarge);
        }
        self.media.push(MediaLine::parse(value).ok_or(Fault::Media)?);
        Ok(())
    }

    fn take_attribute(&mut self, value: &str) {
        match Direction::parse(value) {
            Some(direction) => self.direction = Some(direction),
            None => keep(&mut self.attributes, value),
        }
    }
}

impl Origin {
    fn parse(value: &str) -> Option<Self> {
        let mut words = value.split_ascii_whitespace();
        let username = words.next()?.to_owned();
        let (session_id, version) = (number(words.next()?), number(words.next()?));
        let (_network, _family) = (words.next()?, words.next()?);
        Some(Self { username, session_id, version, address: Place::parse(words.next()?) })
    }
}

impl MediaLine {
    fn parse(value: &str) -> Option<Self> {
        let mut words = value.split_ascii_whitespace();
        let kind = words.next()?.to_owned();
        // `49170/2` are two pairs of ports; the first is used.
        let port = words.next()?.split('/').next()?.parse().ok()?;
        let protocol = words.next()?.to_owned();
        let formats: Vec<String> = words.take(SDP_FORMATS).map(str::to_owned).collect();
        (!formats.is_empty()).then(|| Self { kind, port, protocol, formats, ..Self::default() })
    }

    fn take_attribute(&mut self, line: &str) {
        if let Some(direction) = Direction::parse(line) {
            self.direction = Some(direction);
            return;
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        match name {
            "rtpmap" => match RtpMap::parse(value) {
                Some(map) if self.rtpmaps.len() < SDP_ATTRIBUTES => self.rtpmaps.push(map),
                Some(_) => {}
                None => keep(&mut self.attributes, line),
            },
            "fmtp" => match Fmtp::parse(value) {
                Some(fmtp) if self.fmtps.len() < SDP_ATTRIBUTES => self.fmtps.push(fmtp),
                Some(_) => {}
                None => keep(&mut self.attributes, line),
            },
            "ptime" => self.ptime = milliseconds(value),
            "maxptime" => self.maxptime = milliseconds(value),
            _ => keep(&mut self.attributes, line),
        }
    }
}

impl RtpMap {
    fn parse(value: &str) -> Option<Self> {
        let (payload_type, rest) = value.trim_ascii().split_once([' ', '\t'])?;
        let mut parts = rest.trim_ascii().split('/');
        let encoding = parts.next().map(str::trim_ascii).filter(|e| !e.is_empty())?.to_owned();
        let clock_hz = parts.next()?.trim_ascii().parse().ok()?;
        let channels = match parts.next() {
            Some(channels) => channels.trim_ascii().parse().ok()?,
            None => 1,
        };
        Some(Self { payload_type: payload_type.parse().ok()?, encoding, clock_hz, channels })
    }
}

impl Fmtp {
    fn parse(value: &str) -> Option<Self> {
        let (payload_type, parameters) = value.trim_ascii().split_once([' ', '\t'])?;
        Some(Self {
            payload_type: payload_type.parse().ok()?,
            parameters: parameters.trim_ascii().to_owned(),
        })
    }
}

fn connection(value: &str) -> Result<Place, Fault> {
    let mut words = value.split_ascii_whitespace();
    match (words.next(), words.next(), words.next()) {
        (Some("IN"), Some(_), Some(address)) => Ok(Place::parse(address)),
        _ => Err(Fault::Connection),
    }
}

/// Ids go up to 2^63 and beyond in the wild: the largest stands for what doesn't fit, 0 for what is no number.
fn number(word: &str) -> u64 {
    let digits = !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
    word.parse().unwrap_or(if digits { u64::MAX } else { 0 })
}

fn milliseconds(value: &str) -> Option<u8> {
    value.trim_ascii().parse().ok()
}

fn keep(attributes: &mut Vec<String>, line: &str) {
    if attributes.len() < SDP_ATTRIBUTES {
        attributes.push(line.to_owned());
    }
}
