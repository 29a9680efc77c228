//! What two peers say to each other through us: lines and formats as they wrote them, with our addresses and ports in them.
//!
//! G.711, which every telephone has, is passed on where the configuration allows it; every other format, and every further RTP
//! stream, is none of our business: both sides agree on it or don't. `transcoding` says what is to be done where they don't.
use super::negotiate::{Ours, Unacceptable, refused};
use super::{Codec, Direction, MediaLine, Place, Session};
use crate::util::MEDIA;
use crate::util::limits::{CARRIED_FORMATS, CARRIED_STREAMS};
use std::borrow::Cow;
use std::net::SocketAddr;

/// Attributes that are between us and one peer: how its packets travel. The other one has nothing of them.
const BETWEEN_US: [&str; 20] = [
    "candidate",
    "remote-candidates",
    "end-of-candidates",
    "ice-ufrag",
    "ice-pwd",
    "ice-lite",
    "ice-options",
    "ice-mismatch",
    "rtcp",
    "rtcp-mux",
    "rtcp-mux-only",
    "rtcp-rsize",
    "crypto",
    "fingerprint",
    "setup",
    "connection",
    "ssrc",
    "ssrc-group",
    "mid",
    "msid",
];

/// One peer: what it wrote last, and which port of ours belongs to each line of it.
#[derive(Debug)]
pub struct Peer<'a> {
    said: &'a Session,
    /// Our port for each line; 0: none.
    places: Vec<u16>,
    /// What we answered: of each line only what stands there too.
    within: Option<&'a Session>,
    /// Of the sound, then of each further stream.
    ports: &'a [u16],
}

/// One stream of a peer as its packets travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    pub remote: SocketAddr,
    /// What WE may do.
    pub direction: Direction,
}

/// A payload type as it comes from one peer, and as the other one wants it.
pub type TypePair = (u8, u8);

impl<'a> Peer<'a> {
    /// With a new offer. `ours`: what we told it last, `None` before our first word; `ports`: with those for its new lines.
    #[must_use]
    pub fn offering(said: &'a Session, ours: Option<&Session>, ports: &'a [u16]) -> Self {
        let mut places = Vec::with_capacity(said.media.len());
        let main = main_line(said);
        let taken = |line: usize| ours.and_then(|o| o.media.get(line)).map_or(0, |m| m.port);
        let mut free: Vec<u16> = ports.iter().skip(1).copied().collect();
        free.retain(|port| !ours.is_some_and(|o| o.media.iter().any(|m| m.port == *port)));
        let mut free = free.into_iter();
        for (line, media) in said.media.iter().enumerate() {
            let place = match taken(line) {
                _ if !is_carried(media) => 0,
                port @ 1.. if ports.contains(&port) => port,
                _ if Some(line) == main => ports.first().copied().unwrap_or(0),
                _ => free.next().unwrap_or(0),
            };
            // One line for each port: a second audio line is a stream of its own.
            places.push(if places.contains(&place) { 0 } else { place });
        }
        Self { said, places, within: None, ports }
    }

    /// After offer and answer.
    #[must_use]
    pub fn settled(said: &'a Session, ours: &'a Session, ports: &'a [u16]) -> Self {
        let places = ours.media.iter().map(|m| m.port).collect();
        Self { said, places, within: Some(ours), ports }
    }

    /// How many streams it has, the sound not counted; at most what is carried.
    #[must_use]
    pub fn further(said: &Session) -> usize {
        let main = main_line(said);
        let lines = said.media.iter().enumerate();
        lines.filter(|(line, media)| Some(*line) != main && is_carried(media)).count().min(CARRIED_STREAMS)
    }

    /// It has sound that both descriptions have, and an address to send it to.
    #[must_use]
    pub fn has_sound(&self) -> bool {
        self.way(0).is_some() && self.sound().is_some()
    }

    /// The line of its sound, and the type that it likes best.
    fn sound(&self) -> Option<(Cow<'a, MediaLine>, u8)> {
        let stream = self.stream(0)?;
        let best = stream.payload_types().find(|pt| is_sound(&stream, &pt.to_string()))?;
        Some((stream, best))
    }

    /// Both can hear each other as they are, and have the same streams.
    #[must_use]
    pub fn fits(&self, other: &Peer<'_>) -> bool {
        let (Some((one, pt)), Some((two, _))) = (self.sound(), other.sound()) else { return false };
        let hears = pairs(&one, &two).any(|(p, _)| p == pt);
        hears && (1..=CARRIED_STREAMS).all(|slot| self.stream(slot).is_some() == other.stream(slot).is_some())
    }

    /// What `other` likes best is offered here.
    #[must_use]
    pub fn has_sound_of(&self, other: &Peer<'_>) -> bool {
        let (Some(one), Some((two, pt))) = (self.stream(0), other.sound()) else { return false };
        pairs(&two, &one).any(|(p, _)| p == pt)
    }

    /// An offer that asks for what `other` is not told of yet: its streams, or who sends a picture. `told`: what we told `other`.
    #[must_use]
    pub fn asks_for_more(&self, other: &Peer<'_>, told: &Session) -> bool {
        let is_held = self.way(0).is_none_or(|way| way.direction != Direction::SendRecv);
        (1..=CARRIED_STREAMS).any(|slot| match (self.stream(slot), other.line_of(slot), other.stream(slot)) {
            (Some(stream), Some(line), Some(_)) => {
                let told = told.media.get(line).map(|m| told.direction_of(m));
                !is_held && told != Some(self.said.direction_of(&stream))
            }
            (offered, _, known) => offered.is_some() != known.is_some(),
        })
    }

    fn line_of(&self, slot: usize) -> Option<usize> {
        let port = self.ports.get(slot).filter(|port| **port != 0)?;
        self.places.iter().position(|place| place == port)
    }

    fn slot_of(&self, line: usize) -> Option<usize> {
        let place = self.places.get(line).filter(|place| **place != 0)?;
        self.ports.iter().position(|port| port == place)
    }

    /// What it has in this place: only formats that both descriptions have.
    fn stream(&self, slot: usize) -> Option<Cow<'a, MediaLine>> {
        let line = self.line_of(slot)?;
        let media = self.said.media.get(line).filter(|m| is_carried(m))?;
        let Some(within) = self.within.and_then(|w| w.media.get(line)) else {
            return Some(Cow::Borrowed(media));
        };
        let both: Vec<String> = pairs(media, within).map(|(pt, _)| pt.to_string()).collect();
        (!both.is_empty()).then(|| Cow::Owned(MediaLine { formats: both, ..media.clone() }))
    }

    /// Where its packets of this stream go, and who may send; `None`: there is no such stream.
    #[must_use]
    pub fn way(&self, slot: usize) -> Option<Stream> {
        let media = self.said.media.get(self.line_of(slot)?).filter(|m| m.port != 0)?;
        let ip = self.said.place_of(media).and_then(Place::ip).filter(super::negotiate::is_host)?;
        let reachable = Direction::new(!ip.is_unspecified(), true);
        let direction = self.said.direction_of(media).reversed().and(reachable);
        Some(Stream { remote: SocketAddr::new(ip, media.port), direction })
    }
}

/// The other one's offer to a peer whose codecs are `ours.codecs`: in the lines of `last`, which is what we told that peer before,
/// new ones after them.
///
/// # Errors
/// It has no sound for this peer.
pub fn pass_offer(
    from: &Peer<'_>,
    last: Option<&Session>,
    ports: &[u16],
    ours: &Ours,
) -> Result<Session, Unacceptable> {
    pass(from, last, ports, ours, &[])
}

/// `plain`: codecs of ours at the end of it, if they are not in it.
fn pass(
    from: &Peer<'_>,
    last: Option<&Session>,
    ports: &[u16],
    ours: &Ours,
    plain: &[Codec],
) -> Result<Session, Unacceptable> {
    let mut lines: Vec<MediaLine> = match last {
        Some(last) => last.media.iter().map(refused).collect(),
        None => from.said.media.iter().map(refused).collect(),
    };
    for (slot, port) in ports.iter().enumerate() {
        let Some(stream) = from.stream(slot) else {
            if slot == 0 {
                return Err(Unacceptable::NoAudio);
            }
            continue;
        };
        let mut media = passed(&stream, *port, from.said.direction_of(&stream));
        if slot == 0 {
            media.formats.retain(|f| may_pass(&stream, f, &ours.codecs));
            if plain.is_empty() && !media.formats.iter().any(|f| is_sound(&stream, f)) {
                return Err(Unacceptable::Codec);
            }
            // Hold is between us and one peer: who is told of it would have to be told of its end.
            media.direction = Some(ours.direction);
        }
        media.formats.truncate(CARRIED_FORMATS);
        keep_listed(&mut media);
        if slot == 0 {
            let listed: Vec<Codec> = media.codecs().into_iter().map(|(_, codec)| codec).collect();
            for codec in plain.iter().filter(|codec| !listed.contains(codec)) {
                // Static numbers are nobody else's.
                media.add(codec.payload_type(), codec.encoding());
            }
        }
        let place = match last {
            // A line that is out of use is taken again (RFC 3264 section 8.1).
            Some(last) => last.media.iter().position(|m| m.port == *port).or_else(|| {
                lines.iter().position(|m| m.port == 0 && m.kind.eq_ignore_ascii_case(&media.kind))
            }),
            None => from.line_of(slot),
        };
        if let Some(before) = place.and_then(|place| last?.media.get(place)) {
            media.mux_like(before);
        }
        match place.and_then(|place| lines.get_mut(place)) {
            Some(line) => *line = media,
            None => lines.push(media),
        }
    }
    Ok(ours.session(lines))
}

/// The same, and at the end of it those of `plain` that are not in it.
///
/// # Errors
/// It has no sound at all.
pub fn pass_offer_and_plain(
    from: &Peer<'_>,
    ports: &[u16],
    ours: &Ours,
    plain: &[Codec],
) -> Result<Session, Unacceptable> {
    pass(from, None, ports, ours, plain)
}

/// What comes from one peer and the other one has not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transcoding {
    /// Types of codecs of ours, as we listed them to who sends.
    pub sound: Vec<(u8, Codec)>,
    /// What the other one gets.
    pub codec: Codec,
    pub payload_type: u8,
    /// Keys and silence: as they come, and as the other one knows them.
    pub passed: Vec<TypePair>,
    /// What is likely to come is what the other one has.
    pub reserve: bool,
}

/// What may come from `from`, to whom we said `from_ours`, that `to` does not understand, and what becomes of it: sound in the codec of
/// `codecs` that `to` likes best. `None`: nothing may come, or it has none of them.
#[must_use]
pub fn transcoding(
    from: &Peer<'_>,
    from_ours: &Session,
    to: &Peer<'_>,
    codecs: &[Codec],
) -> Option<Transcoding> {
    let port = from.ports.first().filter(|port| **port != 0)?;
    let ours = from_ours.media.iter().find(|m| m.port == *port)?;
    let theirs = to.stream(0)?;
    let both: Vec<TypePair> = pairs(ours, &theirs).collect();
    let sound = ours.codecs();
    if sound.iter().all(|(pt, _)| both.iter().any(|(known, _)| known == pt)) {
        return None;
    }
    let (payload_type, codec) = theirs.codecs().into_iter().find(|(_, codec)| codecs.contains(codec))?;
    let same_clock = |pt: u8| name_of(ours, pt).is_some_and(|name| name.clock_hz == 8_000);
    let beside = |(pt, _): &TypePair| same_clock(*pt) && (is_keys(ours, *pt) || is_silence(ours, *pt));
    let passed = both.iter().copied().filter(beside).collect();
    Some(Transcoding { sound, codec, payload_type, passed, reserve: to.has_sound_of(from) })
}

/// Our own offer of our codecs in place of what was carried: its line stays where it is, the others are refused.
#[must_use]
pub fn plain_offer(ours: &Ours, last: &Session) -> Session {
    let mut lines: Vec<MediaLine> = last.media.iter().map(refused).collect();
    let plain = super::offer(ours).media;
    let place = last.media.iter().position(|m| m.port == ours.rtp_port).unwrap_or(0);
    match (lines.get_mut(place), plain.into_iter().next()) {
        (Some(line), Some(mut plain)) => {
            last.media.iter().skip(place).take(1).for_each(|before| plain.mux_like(before));
            *line = plain;
        }
        (None, Some(plain)) => lines.push(plain),
        (_, None) => {}
    }
    ours.session(lines)
}

/// The other one's answer to this peer's offer.
///
/// # Errors
/// They have no sound in common.
pub fn pass_answer(to: &Peer<'_>, from: &Peer<'_>, ours: &Ours) -> Result<Session, Unacceptable> {
    let mut problem = Unacceptable::NoAudio;
    let mut has_sound = false;
    let mut answer = |(line, media): (usize, &MediaLine)| {
        let slot = to.slot_of(line)?;
        let stream = from.stream(slot)?;
        let mut both: Vec<TypePair> = pairs(&stream, media).collect();
        if slot == 0 {
            both.retain(|(_, pt)| may_pass(media, &pt.to_string(), &ours.codecs));
            one_sound(media, &mut both);
            let sound = both.iter().any(|(_, pt)| is_sound(media, &pt.to_string()));
            has_sound |= sound;
            if !sound {
                problem = Unacceptable::Codec;
            }
        }
        both.truncate(CARRIED_FORMATS);
        if both.is_empty() {
            return None;
        }
        let wish = to.said.direction_of(media).reversed();
        let theirs = if slot == 0 { ours.direction } else { from.said.direction_of(&stream) };
        let port = to.ports.get(slot).copied()?;
        let mut taken = passed(&stream, port, theirs.and(wish));
        taken.protocol.clone_from(&media.protocol);
        renumber(&mut taken, media, &both);
        if MEDIA && slot == 0 {
            keep_keys(&mut taken, media);
        }
        taken.mux_like(media);
        Some(taken)
    };
    let lines = to.said.media.iter().enumerate();
    let lines: Vec<MediaLine> =
        lines.map(|(line, media)| answer((line, media)).unwrap_or_else(|| refused(media))).collect();
    if has_sound { Ok(ours.session(lines)) } else { Err(problem) }
}

/// Which type of what comes from `from` is which of `to`, in this place; what stands nowhere is dropped. And ticks of its clock
/// in a millisecond.
#[must_use]
pub fn types(from_ours: &Session, from_port: u16, to: &Peer<'_>, slot: usize) -> (Vec<TypePair>, u16) {
    let ours = from_ours.media.iter().find(|m| m.port == from_port && from_port != 0);
    let theirs = to.line_of(slot).and_then(|line| to.said.media.get(line));
    let (Some(ours), Some(theirs)) = (ours, theirs) else { return (Vec::new(), 8) };
    let types: Vec<TypePair> = pairs(ours, theirs).take(CARRIED_FORMATS).collect();
    let first = types.first().map(|(pt, _)| name_of(ours, *pt));
    let clock = first.flatten().map_or(8_000, |name| name.clock_hz);
    (types, u16::try_from(clock / 1_000).unwrap_or(8).max(1))
}

/// Codecs of ours in the line that has this port.
#[must_use]
pub fn codecs_at(session: &Session, port: u16) -> Vec<Codec> {
    let line = session.media.iter().find(|m| m.port == port && port != 0);
    line.map(|m| m.codecs().into_iter().map(|(_, codec)| codec).collect()).unwrap_or_default()
}

/// The first audio line that is carried, else none.
fn main_line(said: &Session) -> Option<usize> {
    said.media.iter().position(|m| m.is_audio() && is_carried(m))
}

fn is_carried(media: &MediaLine) -> bool {
    media.port != 0 && ["RTP/AVP", "RTP/AVPF"].iter().any(|p| p.eq_ignore_ascii_case(&media.protocol))
}

/// The line as the other peer reads it.
fn passed(media: &MediaLine, port: u16, direction: Direction) -> MediaLine {
    let mut passed = MediaLine { port, connection: None, direction: Some(direction), ..media.clone() };
    passed.attributes.retain(|line| {
        let name = line.split(':').next().unwrap_or_default();
        !BETWEEN_US.iter().any(|b| b.eq_ignore_ascii_case(name))
    });
    passed
}

/// Attributes of formats that are not in the list any more go with them.
fn keep_listed(media: &mut MediaLine) {
    let listed: Vec<u8> = media.payload_types().collect();
    media.rtpmaps.retain(|m| listed.contains(&m.payload_type));
    media.fmtps.retain(|f| listed.contains(&f.payload_type));
    media.attributes.retain(|line| {
        let of = line.strip_prefix("rtcp-fb:").and_then(|rest| rest.split(' ').next()?.parse().ok());
        of.is_none_or(|pt: u8| listed.contains(&pt))
    });
}

/// The answering peer's formats under the numbers of the offer (RFC 3264 section 6.1 wants the same ones both ways).
fn renumber(media: &mut MediaLine, offer: &MediaLine, both: &[TypePair]) {
    let number = |theirs: u8| both.iter().find(|(pt, _)| *pt == theirs).map(|(_, pt)| *pt);
    media.formats = both.iter().map(|(_, pt)| pt.to_string()).collect();
    let in_list = |pt: u8| both.iter().any(|(_, listed)| *listed == pt);
    media.rtpmaps = offer.rtpmaps.iter().filter(|m| in_list(m.payload_type)).cloned().collect();
    media.fmtps.retain_mut(|f| number(f.payload_type).map(|pt| f.payload_type = pt).is_some());
    media.attributes.retain_mut(|line| match line.strip_prefix("rtcp-fb:").and_then(|r| r.split_once(' ')) {
        None | Some(("*", _)) => true,
        Some((pt, rest)) => match pt.parse().ok().and_then(number) {
            Some(pt) => {
                *line = format!("rtcp-fb:{pt} {rest}");
                true
            }
            None => false,
        },
    });
}

/// Keys beside a codec of ours are told to the other one in another way where it has no events: who has only events keeps them.
fn keep_keys(taken: &mut MediaLine, offer: &MediaLine) {
    let has_keys = taken.payload_types().any(|pt| is_keys(taken, pt));
    let is_ours = !taken.codecs().is_empty();
    if let Some(events) = offer.events().filter(|_| is_ours && !has_keys) {
        taken.add_events(events);
    }
}

/// Of sound one format, so that no phone has to follow from one packet to the next; its keys and its silence with it.
fn one_sound(media: &MediaLine, both: &mut Vec<TypePair>) {
    let sound = both.iter().map(|(_, pt)| *pt).find(|pt| is_sound(media, &pt.to_string()));
    let clock = sound.and_then(|pt| name_of(media, pt)).map(|n| n.clock_hz);
    let same_clock = |pt: u8| name_of(media, pt).map(|n| n.clock_hz) == clock;
    let has_keys = both.iter().any(|(_, pt)| is_keys(media, *pt) && same_clock(*pt));
    both.retain(|(_, pt)| {
        Some(*pt) == sound
            || (is_keys(media, *pt) && (same_clock(*pt) || !has_keys))
            || (is_silence(media, *pt) && same_clock(*pt))
    });
}

/// G.711 only where it is allowed. G.722 may always pass, as what is none of ours: the configuration says where we speak it.
fn may_pass(media: &MediaLine, format: &str, codecs: &[Codec]) -> bool {
    let Some(pt) = format.parse().ok() else { return false };
    match media.codec(pt).filter(|codec| codec.is_narrow()) {
        Some(codec) => codecs.contains(&codec),
        None => is_sound(media, format) || is_keys(media, pt) || is_silence(media, pt),
    }
}

/// Neither keys nor silence nor a second copy.
pub(super) fn is_sound(media: &MediaLine, format: &str) -> bool {
    let Some(pt) = format.parse().ok() else { return false };
    let other = name_of(media, pt).is_some_and(|n| n.is("red"));
    !other && !is_keys(media, pt) && !is_silence(media, pt)
}

pub(super) fn is_keys(media: &MediaLine, pt: u8) -> bool {
    name_of(media, pt).is_some_and(|n| n.is("telephone-event"))
}

fn is_silence(media: &MediaLine, pt: u8) -> bool {
    name_of(media, pt).is_some_and(|n| n.is("CN"))
}

/// Formats of `one` that `other` has too, in the order of `one`: the one of the same number if it is the same, else the first.
pub(super) fn pairs<'a>(one: &'a MediaLine, other: &'a MediaLine) -> impl Iterator<Item = TypePair> + 'a {
    one.payload_types().filter_map(|pt| {
        let name = name_of(one, pt);
        let same = |theirs: u8| match (&name, name_of(other, theirs)) {
            (Some(a), Some(b)) => a.same_as(&b),
            (None, None) => theirs == pt,
            _ => false,
        };
        let listed = || other.payload_types();
        listed().find(|t| *t == pt && same(*t)).or_else(|| listed().find(|t| same(*t))).map(|t| (pt, t))
    })
}

/// What a payload type is.
pub(super) struct Name<'a> {
    encoding: &'a str,
    pub clock_hz: u32,
    channels: u8,
}

impl Name<'_> {
    const fn is(&self, encoding: &str) -> bool {
        self.encoding.eq_ignore_ascii_case(encoding)
    }

    fn same_as(&self, other: &Self) -> bool {
        self.is(other.encoding) && self.clock_hz == other.clock_hz && self.channels == other.channels
    }
}

/// By its map, else by its static number (RFC 3551 table 4: those that are met).
pub(super) fn name_of(media: &MediaLine, payload_type: u8) -> Option<Name<'_>> {
    if let Some(map) = media.rtpmap(payload_type) {
        return Some(Name { encoding: &map.encoding, clock_hz: map.clock_hz, channels: map.channels });
    }
    let (encoding, clock_hz) = match payload_type {
        0 => ("PCMU", 8_000),
        3 => ("GSM", 8_000),
        4 => ("G723", 8_000),
        8 => ("PCMA", 8_000),
        9 => ("G722", 8_000),
        13 => ("CN", 8_000),
        18 => ("G729", 8_000),
        31 => ("H261", 90_000),
        34 => ("H263", 90_000),
        _ => return None,
    };
    Some(Name { encoding, clock_hz, channels: 1 })
}
