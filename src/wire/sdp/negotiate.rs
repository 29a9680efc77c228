//! Offer and answer for one stream of a codec of ours with telephone events. RFC 3264, RFC 4733.
//!
//! An INVITE without an offer is the caller's matter: it makes an offer in the 200 and reads the answer in the ACK.
use super::{Codec, Direction, Fmtp, MediaLine, Origin, Place, RtpMap, Session};
use std::net::{IpAddr, SocketAddr};

/// The payload type that everybody gives to telephone events.
const EVENT_TYPE: u8 = 101;
/// The sixteen keys of a telephone. RFC 4733 section 3.2.
const EVENTS: &str = "0-15";
const EVENT_ENCODING: &str = "telephone-event";
/// All codecs of ours and their events count at this rate, G.722 too (RFC 3551 section 4.5.2); `audio/telephone-event` at another belongs to another codec.
const CLOCK_HZ: u32 = 8_000;
/// Milliseconds in a packet where nothing else is asked for.
const PTIME: u8 = 20;

/// What we bring to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ours {
    /// Where the other side's media shall go.
    pub local: IpAddr,
    pub rtp_port: u16,
    /// In order of preference.
    pub codecs: Vec<Codec>,
    /// `o=`: one id for the whole call.
    pub session_id: u64,
    /// `o=`: one more whenever our description differs from the last.
    pub version: u64,
    /// Milliseconds in a packet: 10 to 60.
    pub ptime: u8,
    /// `SendRecv`, but for a call that we hold.
    pub direction: Direction,
}

/// What both sides can do, seen from ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// Where our media go. While the address is unspecified `direction` doesn't send.
    pub remote: SocketAddr,
    /// What we send.
    pub codec: Codec,
    /// How the other side numbers it.
    pub payload_type: u8,
    /// What may come, as we number it; the codec can change from packet to packet.
    pub receive_types: Vec<(u8, Codec)>,
    /// How the other side numbers telephone events; `None`: it takes none.
    pub event_send: Option<u8>,
    /// How we number them.
    pub event_receive: Option<u8>,
    /// Milliseconds in each packet that we send.
    pub ptime_ms: u8,
    /// What WE may do.
    pub direction: Direction,
}

/// Why there can be no call with this description: 488.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unacceptable {
    /// No audio line, or only refused ones.
    NoAudio,
    /// Only encrypted audio, or a transport that is not RTP.
    Protocol,
    /// No address, a host name, or one that is no single host.
    Address,
    /// No codec that both have.
    Codec,
}

impl Unacceptable {
    #[must_use]
    pub const fn status(self) -> u16 {
        488
    }

    /// For a `Warning` header and the log. RFC 3261 section 20.43 has the codes.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NoAudio => "no audio is offered",
            Self::Protocol => "only plain RTP is spoken here",
            Self::Address => "the media address can't be used",
            Self::Codec => "no codec is offered that can be spoken here",
        }
    }

    /// The warn-code of RFC 3261 section 20.43.
    #[must_use]
    pub const fn warning(self) -> u16 {
        match self {
            Self::NoAudio => 304,
            Self::Protocol => 302,
            Self::Address => 301,
            Self::Codec => 305,
        }
    }
}

/// Our first word.
#[must_use]
pub fn offer(ours: &Ours) -> Session {
    let mut media = ours.line("RTP/AVP", ours.ptime, ours.direction);
    for codec in &ours.codecs {
        media.add(codec.payload_type(), codec.encoding());
    }
    media.add_events(EVENT_TYPE);
    ours.session(vec![media])
}

/// What we say to an offer: the first usable audio line is taken, every other one refused in its place.
///
/// # Errors
/// Nothing of it can be taken.
pub fn answer(offer: &Session, ours: &Ours) -> Result<(Session, Agreed), Unacceptable> {
    let (at, theirs) = choose(offer, &ours.codecs)?;
    let agreed = theirs.agreed(ours.direction, ours.ptime);
    let lines = offer.media.iter().enumerate().map(|(line, media)| {
        if line != at {
            return refused(media);
        }
        let mut taken = ours.line(&media.protocol, agreed.ptime_ms, agreed.direction);
        // The numbers of the offer serve both ways (RFC 3264 section 6.1).
        taken.add(agreed.payload_type, agreed.codec.encoding());
        agreed.event_send.into_iter().for_each(|event| taken.add_events(event));
        taken.mux_like(media);
        taken
    });
    Ok((ours.session(lines.collect()), agreed))
}

/// What an offer gives with these codecs, whatever was said to it.
///
/// # Errors
/// Nothing of it can be taken.
pub fn usable(offer: &Session, codecs: &[Codec]) -> Result<Agreed, Unacceptable> {
    let (_, theirs) = choose(offer, codecs)?;
    Ok(theirs.agreed(Direction::SendRecv, PTIME))
}

/// What the answer to our offer gives. The other side's order counts (RFC 3264 section 7), each side's numbers are for
/// what it receives.
///
/// # Errors
/// The answer takes nothing of what we offered.
pub fn agreed(offer: &Session, answer: &Session) -> Result<Agreed, Unacceptable> {
    agreed_of(offer, answer, Codec::KNOWN)
}

/// The same with these codecs: what we offered may have more in it that is another one's.
///
/// # Errors
/// The answer takes none of them.
pub fn agreed_of(offer: &Session, answer: &Session, codecs: &[Codec]) -> Result<Agreed, Unacceptable> {
    let ours = offer.media.iter().find(|m| m.is_audio()).ok_or(Unacceptable::NoAudio)?;
    let mut receive_types = ours.codecs();
    receive_types.retain(|(_, codec)| codecs.contains(codec));
    let codecs: Vec<Codec> = receive_types.iter().map(|(_, codec)| *codec).collect();
    let (_, theirs) = choose(answer, &codecs)?;
    let event_receive = ours.events();
    Ok(Agreed {
        remote: theirs.remote,
        codec: theirs.codec,
        payload_type: theirs.payload_type,
        receive_types,
        // What is not in our offer can't be in an answer.
        event_send: theirs.event.filter(|_| event_receive.is_some()),
        event_receive: event_receive.filter(|_| theirs.event.is_some()),
        ptime_ms: theirs.ptime(ours.ptime.unwrap_or(PTIME)),
        direction: theirs.direction.and(offer.direction_of(ours)),
    })
}

/// What one audio line of the other side gives us.
struct Theirs {
    remote: SocketAddr,
    codec: Codec,
    payload_type: u8,
    /// All that both have.
    types: Vec<(u8, Codec)>,
    event: Option<u8>,
    ptime: Option<u8>,
    maxptime: Option<u8>,
    /// Seen from us.
    direction: Direction,
}

impl Theirs {
    fn of(session: &Session, media: &MediaLine, codecs: &[Codec]) -> Result<Self, Unacceptable> {
        if media.port == 0 {
            return Err(Unacceptable::NoAudio);
        }
        if !["RTP/AVP", "RTP/AVPF"].iter().any(|p| p.eq_ignore_ascii_case(&media.protocol)) {
            return Err(Unacceptable::Protocol);
        }
        let mut types = media.codecs();
        types.retain(|(_, codec)| codecs.contains(codec));
        let (payload_type, codec) = *types.first().ok_or(Unacceptable::Codec)?;
        let ip = session.place_of(media).and_then(Place::ip).filter(is_host).ok_or(Unacceptable::Address)?;
        let reachable = Direction::new(!ip.is_unspecified(), true);
        Ok(Self {
            remote: SocketAddr::new(ip, media.port),
            codec,
            payload_type,
            types,
            event: media.events(),
            ptime: media.ptime,
            maxptime: media.maxptime,
            direction: session.direction_of(media).reversed().and(reachable),
        })
    }

    /// If this is an offer, and all of it is taken.
    fn agreed(self, direction: Direction, ptime: u8) -> Agreed {
        Agreed {
            ptime_ms: self.ptime(ptime),
            remote: self.remote,
            codec: self.codec,
            payload_type: self.payload_type,
            receive_types: self.types,
            event_send: self.event,
            event_receive: self.event,
            direction: self.direction.and(direction),
        }
    }

    /// What the other side asks for, if it is a length of ours, else `default`; never more than its greatest.
    fn ptime(&self, default: u8) -> u8 {
        let fits = |ms: &u8| (10..=60).contains(ms) && ms.is_multiple_of(10);
        let wanted = self.ptime.unwrap_or(default);
        let wanted = Some(wanted).filter(fits).unwrap_or(PTIME);
        // A greatest length below our shortest can't be meant.
        self.maxptime.map(|max| max / 10 * 10).filter(|max| *max >= 10).map_or(wanted, |max| wanted.min(max))
    }
}

/// The first line that serves, or what is wrong with the first audio line that is not refused.
fn choose(session: &Session, codecs: &[Codec]) -> Result<(usize, Theirs), Unacceptable> {
    let mut problem = Unacceptable::NoAudio;
    for (at, media) in session.media.iter().enumerate().filter(|(_, m)| m.is_audio()) {
        match Theirs::of(session, media, codecs) {
            Ok(theirs) => return Ok((at, theirs)),
            Err(found) if problem == Unacceptable::NoAudio => problem = found,
            Err(_) => {}
        }
    }
    Err(problem)
}

pub(super) const fn is_host(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => !v4.is_multicast() && !v4.is_broadcast(),
        IpAddr::V6(v6) => !v6.is_multicast(),
    }
}

/// RFC 3264 section 6: the line stays, with port 0 and at least one format.
pub(super) fn refused(media: &MediaLine) -> MediaLine {
    MediaLine {
        kind: media.kind.clone(),
        protocol: media.protocol.clone(),
        formats: media.formats.clone(),
        ..MediaLine::default()
    }
}

impl Ours {
    fn line(&self, protocol: &str, ptime: u8, direction: Direction) -> MediaLine {
        MediaLine {
            kind: "audio".to_owned(),
            port: self.rtp_port,
            protocol: protocol.to_owned(),
            ptime: Some(ptime),
            direction: Some(direction),
            ..MediaLine::default()
        }
    }

    pub(super) fn session(&self, media: Vec<MediaLine>) -> Session {
        let place = Place::Ip(self.local);
        let (session_id, version) = (self.session_id, self.version);
        Session {
            origin: Origin { username: "-".to_owned(), session_id, version, address: place.clone() },
            name: "-".to_owned(),
            connection: Some(place),
            direction: None,
            attributes: Vec::new(),
            media,
        }
    }
}

impl MediaLine {
    pub(super) fn is_audio(&self) -> bool {
        self.kind.eq_ignore_ascii_case("audio")
    }

    pub(super) fn add(&mut self, payload_type: u8, encoding: &str) {
        self.formats.push(payload_type.to_string());
        let map = RtpMap { payload_type, encoding: encoding.to_owned(), clock_hz: CLOCK_HZ, channels: 1 };
        self.rtpmaps.push(map);
    }

    pub(super) fn add_events(&mut self, payload_type: u8) {
        self.add(payload_type, EVENT_ENCODING);
        self.fmtps.push(Fmtp { payload_type, parameters: EVENTS.to_owned() });
    }

    pub(super) fn payload_types(&self) -> impl Iterator<Item = u8> {
        self.formats.iter().filter_map(|f| f.parse().ok()).filter(|pt| *pt < 128)
    }

    /// Codecs of ours in this line, in its order.
    pub(super) fn codecs(&self) -> Vec<(u8, Codec)> {
        self.payload_types().filter_map(|pt| Some((pt, self.codec(pt)?))).collect()
    }

    /// The map counts, without one the static number (RFC 3551 section 6).
    pub(super) fn codec(&self, payload_type: u8) -> Option<Codec> {
        match self.rtpmap(payload_type) {
            Some(map) => {
                Codec::parse(&map.encoding).filter(|_| map.clock_hz == CLOCK_HZ && map.channels == 1)
            }
            None => Codec::KNOWN.iter().copied().find(|c| c.payload_type() == payload_type),
        }
    }

    pub(super) fn events(&self) -> Option<u8> {
        self.payload_types().find(|pt| {
            self.rtpmap(*pt)
                .is_some_and(|m| m.encoding.eq_ignore_ascii_case(EVENT_ENCODING) && m.clock_hz == CLOCK_HZ)
        })
    }
}
