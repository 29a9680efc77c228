//! Encryption of one leg (SRTP with keys in the SDP). All else knows plain RTP: what comes is opened before anybody looks at it, what
//! goes is closed behind everybody.
use super::{Call, CallId, End, Side, SipLeg};
use crate::media::srtp::{Receiver, Refused, Sender};
use crate::switch::Switch;
use crate::util::MEDIA;
use crate::util::random::Random;
use crate::wire::rtp::HEADER;
use crate::wire::sdp::Session;
use crate::wire::sdp::crypto::{Crypto, KEY_BYTES, MasterKey, Suite};
use crate::wire::sdp::secure::{
    Offered, Policy, Proposed, is_secure, secure_profile, take_answer, take_offer, write,
};
use std::borrow::Cow;

/// What we offer: one that everybody has, and one for whoever wants longer keys. More would not fit into a datagram beside the rest.
const OFFERED: [Suite; 2] = [Suite::AesCm128Sha1_80, Suite::AeadAes256Gcm];

/// What was said of encryption with one peer, and what came of it.
pub struct Secure {
    policy: Policy,
    random: Random,
    /// Counts their words, so that one answer of ours may be written twice.
    round: u32,
    /// Their offer, while the last word but ours is theirs.
    offered: Vec<Offered>,
    /// Ours.
    proposed: Vec<Proposed>,
    /// By our port.
    streams: Vec<(u16, Stream)>,
}

enum Stream {
    Plain,
    Keyed(Box<Keyed>),
}

struct Keyed {
    tag: u32,
    /// It is RTP/SAVP.
    profile: bool,
    round: u32,
    receiver: Receiver,
    /// Packets under the key of before may be on the way.
    previous: Option<Receiver>,
    sender: Sender,
    forged: u32,
    replayed: u32,
}

/// For people.
pub(super) struct Seen {
    pub suite: Suite,
    pub forged: u32,
    pub replayed: u32,
}

/// Its keys are in there.
impl std::fmt::Debug for Secure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secure({:?})", self.policy)
    }
}

impl Secure {
    /// `chance`: a generator of its own for its keys.
    fn new(policy: Policy, chance: &mut Random) -> Self {
        Self {
            policy,
            random: Random::new(chance.block()),
            round: 0,
            offered: Vec::new(),
            proposed: Vec::new(),
            streams: Vec::new(),
        }
    }

    fn new_key(&mut self, suite: Suite) -> MasterKey {
        let mut bytes = [0; KEY_BYTES];
        for part in bytes.chunks_mut(32) {
            part.iter_mut().zip(self.random.block()).for_each(|(place, byte)| *place = byte);
        }
        MasterKey::new(suite, &bytes)
    }

    fn stream(&self, port: u16) -> Option<&Stream> {
        self.streams.iter().find(|(p, _)| *p == port).map(|(_, stream)| stream)
    }

    fn keyed(&self) -> impl Iterator<Item = &Keyed> {
        self.streams.iter().filter_map(|(_, stream)| match stream {
            Stream::Keyed(keyed) => Some(&**keyed),
            Stream::Plain => None,
        })
    }

    /// Our answer to what was offered. What is agreed on holds from now on.
    fn answer(&mut self, ours: &Session) -> Session {
        let mut written = ours.clone();
        let offered = self.offered.clone();
        for (media, line) in written.media.iter_mut().zip(&offered) {
            let keys: Vec<Crypto> = match line.key.filter(|_| media.port != 0) {
                Some(theirs) => {
                    let key = self.key_beside(media.port, &theirs.key);
                    let ours = Crypto { tag: theirs.tag, key };
                    self.install(media.port, ours, theirs.key, is_secure(&line.protocol));
                    vec![ours]
                }
                None => {
                    self.clear(media.port);
                    Vec::new()
                }
            };
            write(media, &line.protocol, &keys);
        }
        self.keep_only(ours);
        written
    }

    /// Ours stays while theirs does. With a new one of theirs ours is new, too: some peers begin to count anew in both directions.
    fn key_beside(&mut self, port: u16, theirs: &MasterKey) -> MasterKey {
        match self.stream(port) {
            Some(Stream::Keyed(keyed)) if keyed.receiver.key() == theirs => *keyed.sender.key(),
            _ => self.new_key(theirs.suite()),
        }
    }

    /// Our offer: what is agreed on stays as it is.
    fn offer(&mut self, ours: &Session) -> Session {
        self.offered.clear();
        let mut written = ours.clone();
        let before = std::mem::take(&mut self.proposed);
        for media in &mut written.media {
            let port = media.port;
            let (keys, profile) = match self.stream(port) {
                _ if port == 0 => (Vec::new(), false),
                Some(Stream::Keyed(k)) => (vec![Crypto { tag: k.tag, key: *k.sender.key() }], k.profile),
                Some(Stream::Plain) => (Vec::new(), false),
                None => self.proposal(port, &before),
            };
            let plain = media.protocol.clone();
            let protocol = if profile { secure_profile(&plain) } else { &plain };
            write(media, protocol, &keys);
            self.proposed.push(Proposed { port, protocol: protocol.to_owned(), keys });
        }
        written
    }

    /// Of a new stream; the same ones again if it was not answered.
    fn proposal(&mut self, port: u16, before: &[Proposed]) -> (Vec<Crypto>, bool) {
        let profile = self.policy == Policy::Required || self.keyed().any(|keyed| keyed.profile);
        let has_keys = self.keyed().next().is_some();
        if !has_keys && (!self.policy.offers() || !self.streams.is_empty()) {
            return (Vec::new(), false);
        }
        if let Some(line) = before.iter().find(|line| line.port == port && !line.keys.is_empty()) {
            return (line.keys.clone(), profile);
        }
        let keys = (1..).zip(OFFERED).map(|(tag, suite)| Crypto { tag, key: self.new_key(suite) }).collect();
        (keys, profile)
    }

    /// Their answer, made plain. What is agreed on holds from now on.
    fn take_answer(&mut self, said: &mut Session) {
        self.round = self.round.wrapping_add(1);
        let proposed = self.proposed.clone();
        let taken = take_answer(said, &proposed);
        for (line, taken) in proposed.iter().zip(taken).filter(|(line, _)| line.port != 0) {
            match taken {
                Some((ours, theirs)) => self.install(line.port, ours, theirs.key, is_secure(&line.protocol)),
                None => self.clear(line.port),
            }
        }
    }

    fn install(&mut self, port: u16, ours: Crypto, theirs: MasterKey, profile: bool) {
        let round = self.round;
        let place = self.streams.iter_mut().find(|(p, _)| *p == port).map(|(_, stream)| stream);
        match place {
            Some(Stream::Keyed(keyed)) => {
                if *keyed.receiver.key() != theirs {
                    keyed.previous = Some(std::mem::replace(&mut keyed.receiver, Receiver::new(&theirs)));
                } else if keyed.round != round {
                    keyed.receiver.renew();
                }
                if *keyed.sender.key() != ours.key {
                    keyed.sender = Sender::new(&ours.key);
                }
                (keyed.tag, keyed.profile, keyed.round) = (ours.tag, profile, round);
            }
            place => {
                let keyed = Stream::Keyed(Box::new(Keyed {
                    tag: ours.tag,
                    profile,
                    round,
                    receiver: Receiver::new(&theirs),
                    previous: None,
                    sender: Sender::new(&ours.key),
                    forged: 0,
                    replayed: 0,
                }));
                match place {
                    Some(place) => *place = keyed,
                    None => self.streams.push((port, keyed)),
                }
            }
        }
    }

    /// This stream is plain.
    fn clear(&mut self, port: u16) {
        if port == 0 {
            return;
        }
        match self.streams.iter_mut().find(|(p, _)| *p == port) {
            Some((_, stream)) => *stream = Stream::Plain,
            None => self.streams.push((port, Stream::Plain)),
        }
    }

    fn keep_only(&mut self, ours: &Session) {
        self.streams.retain(|(port, _)| ours.media.iter().any(|media| media.port == *port));
    }

    fn open(&mut self, port: u16, packet: &mut [u8]) -> Option<usize> {
        match self.streams.iter_mut().find(|(p, _)| *p == port).map(|(_, stream)| stream) {
            Some(Stream::Plain) => Some(packet.len()),
            Some(Stream::Keyed(keyed)) => keyed.open(packet),
            // Nothing is agreed on yet.
            None => None,
        }
    }

    fn close(&mut self, port: u16, packet: &mut Vec<u8>) -> bool {
        // What opens the way through a NAT is no packet and says nothing.
        if packet.len() < HEADER && packet.iter().all(|byte| *byte == 0) {
            return true;
        }
        match self.streams.iter_mut().find(|(p, _)| *p == port).map(|(_, stream)| stream) {
            Some(Stream::Plain) => true,
            Some(Stream::Keyed(keyed)) => keyed.sender.close(packet).is_ok(),
            None => false,
        }
    }
}

impl Keyed {
    fn open(&mut self, packet: &mut [u8]) -> Option<usize> {
        match self.receiver.open(packet) {
            Ok(length) => {
                self.previous = None;
                Some(length)
            }
            Err(refused) => {
                if let Some(Ok(length)) = self.previous.as_mut().map(|previous| previous.open(packet)) {
                    return Some(length);
                }
                let counter = match refused {
                    Refused::Replayed => &mut self.replayed,
                    Refused::Forged | Refused::UsedUp => &mut self.forged,
                    // What is no RTP at all proves no ill will: linphone asks by STUN at each port where it is.
                    Refused::Malformed => return None,
                };
                *counter = counter.saturating_add(1);
                None
            }
        }
    }
}

impl SipLeg {
    /// Our first offer to this peer, as it goes out.
    pub(super) fn first_offer(
        ours: &Session,
        policy: Policy,
        chance: &mut Random,
    ) -> (Vec<u8>, Option<Box<Secure>>) {
        if !MEDIA || !policy.offers() {
            return (ours.to_string().into_bytes(), None);
        }
        let mut secure = Box::new(Secure::new(policy, chance));
        (secure.offer(ours).to_string().into_bytes(), Some(secure))
    }

    /// Their offer, made plain. False: it was.
    pub(super) fn take_secure_offer(&mut self, said: &mut Session, chance: &mut Random) -> bool {
        if !MEDIA || self.srtp == Policy::Off {
            return false;
        }
        let offered = take_offer(said, self.srtp);
        let is_secure = offered.iter().any(|line| line.key.is_some());
        if self.secure.is_none() && !is_secure {
            return self.srtp == Policy::Required;
        }
        let secure = self.secure.get_or_insert_with(|| Box::new(Secure::new(self.srtp, chance)));
        secure.round = secure.round.wrapping_add(1);
        secure.offered = offered;
        true
    }

    /// With their INVITE. `theirs` has its body.
    pub(super) fn take_first_words(&mut self, offer: Option<Session>, chance: &mut Random) {
        match offer {
            Some(mut offer) => {
                if self.take_secure_offer(&mut offer, chance) {
                    self.theirs = Some(offer.to_string().into_bytes().into());
                }
                self.offer = Some(offer);
            }
            None if MEDIA && self.srtp.offers() => {
                self.secure = Some(Box::new(Secure::new(self.srtp, chance)))
            }
            None => {}
        }
    }

    /// The body of a new offer, made plain.
    pub(super) fn opened_offer<'a>(&mut self, body: &'a [u8], chance: &mut Random) -> Cow<'a, [u8]> {
        let Some(mut said) = Session::parse(body).ok().filter(|_| MEDIA) else { return Cow::Borrowed(body) };
        if self.take_secure_offer(&mut said, chance) {
            return Cow::Owned(said.to_string().into_bytes());
        }
        Cow::Borrowed(body)
    }

    /// The body of their answer, made plain.
    pub(super) fn opened_answer<'a>(&mut self, body: &'a [u8]) -> Cow<'a, [u8]> {
        let Some(secure) = self.secure.as_mut().filter(|_| MEDIA) else { return Cow::Borrowed(body) };
        let Ok(mut said) = Session::parse(body) else { return Cow::Borrowed(body) };
        secure.take_answer(&mut said);
        Cow::Owned(said.to_string().into_bytes())
    }

    /// An offer of ours, as it goes out.
    pub(super) fn offer_text(&mut self, ours: &Session) -> Vec<u8> {
        match self.secure.as_mut().filter(|_| MEDIA) {
            Some(secure) => secure.offer(ours).to_string().into_bytes(),
            None => ours.to_string().into_bytes(),
        }
    }

    /// Our answer to what they offered last, as it goes out; the same again where it goes out again.
    pub(super) fn answer_text(&mut self, ours: &Session) -> Vec<u8> {
        match self.secure.as_mut().filter(|_| MEDIA) {
            Some(secure) if secure.offered.is_empty() => secure.offer(ours).to_string().into_bytes(),
            Some(secure) => secure.answer(ours).to_string().into_bytes(),
            None => ours.to_string().into_bytes(),
        }
    }

    /// A packet that came in at this port of ours; what is left of it is plain. False: it is to be dropped.
    pub(super) fn open_packet(&mut self, port: u16, packet: &mut Vec<u8>) -> bool {
        let Some(secure) = self.secure.as_mut().filter(|_| MEDIA) else { return true };
        let length = secure.open(port, packet);
        packet.truncate(length.unwrap_or(0));
        length.is_some()
    }

    /// A packet that goes out of this port of ours. False: it must not go out.
    pub(super) fn close_packet(&mut self, port: u16, packet: &mut Vec<u8>) -> bool {
        match self.secure.as_mut().filter(|_| MEDIA) {
            Some(secure) => secure.close(port, packet),
            None => true,
        }
    }

    /// How its sound is encrypted.
    pub(super) fn seen(&self) -> Option<Seen> {
        let secure = self.secure.as_ref().filter(|_| MEDIA)?;
        match secure.stream(self.port)? {
            Stream::Plain => None,
            Stream::Keyed(keyed) => Some(Seen {
                suite: keyed.receiver.key().suite(),
                forged: secure.keyed().fold(0, |sum, k| k.forged.saturating_add(sum)),
                replayed: secure.keyed().fold(0, |sum, k| k.replayed.saturating_add(sum)),
            }),
        }
    }
}

impl Call {
    /// A packet that came in at this port of ours. False: it is to be dropped.
    pub(super) fn open_packet(&mut self, port: u16, packet: &mut Vec<u8>) -> bool {
        !MEDIA || leg_at(&mut self.a, &mut self.b, port).is_none_or(|leg| leg.open_packet(port, packet))
    }

    /// A packet that goes out of this port of ours. False: it must not go out.
    pub(super) fn close_packet(&mut self, port: u16, packet: &mut Vec<u8>) -> bool {
        close_packet(&mut self.a, &mut self.b, port, packet)
    }
}

/// The same, of these sides.
pub(super) fn close_packet(a: &mut Side, b: &mut [Side], port: u16, packet: &mut Vec<u8>) -> bool {
    !MEDIA || leg_at(a, b, port).is_none_or(|leg| leg.close_packet(port, packet))
}

/// The leg whose port this is. The legs of one fork share theirs; none of them has sound before it is alone.
fn leg_at<'a>(a: &'a mut Side, b: &'a mut [Side], port: u16) -> Option<&'a mut SipLeg> {
    let sides = std::iter::once(a).chain(b);
    sides.filter_map(|side| side.leg.sip_mut()).find(|leg| leg.slot_of(port).is_some())
}

impl Switch {
    /// A new offer of this side, as one of plain RTP.
    pub(super) fn opened_offer<'a>(&mut self, id: CallId, end: End, body: &'a [u8]) -> Cow<'a, [u8]> {
        let Self { calls, random, .. } = self;
        let leg = calls.all.get_mut(&id).and_then(|c| c.side_mut(end)).and_then(|s| s.leg.sip_mut());
        match leg {
            Some(leg) => leg.opened_offer(body, random),
            None => Cow::Borrowed(body),
        }
    }
}
