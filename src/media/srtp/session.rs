//! The keys of RTP and of RTCP that are made of a master key, and what is done with them.
use super::aes::Aes;
use super::{ENCRYPTED, RTCP_HEAD, RTCP_INDEX, Refused, word_at};
use crate::wire::sdp::crypto::{MasterKey, Suite};
use ghash::GHash;
use ghash::universal_hash::{KeyInit as _, UniversalHash as _};
use hmac::{Hmac, Mac as _};
use sha1::Sha1;

/// Bytes of a proof by GCM.
const GCM_TAG: usize = 16;
/// Bytes of a proof of RTCP by HMAC, of every suite.
const RTCP_TAG: usize = 10;

/// Both of a direction.
pub(super) struct Streams {
    pub rtp: Session,
    pub rtcp: Session,
}

impl Streams {
    pub fn new(key: &MasterKey) -> Self {
        Self { rtp: Session::derive(key, 0, rtp_tag(key.suite())), rtcp: Session::derive(key, 3, RTCP_TAG) }
    }
}

const fn rtp_tag(suite: Suite) -> usize {
    match suite {
        Suite::AesCm128Sha1_32 | Suite::AesCm256Sha1_32 => 4,
        _ => 10,
    }
}

/// The keys of one kind of packets in one direction.
pub(super) struct Session {
    cipher: Aes,
    /// As the front of a counter.
    salt: [u8; 16],
    proof: Proof,
}

enum Proof {
    /// The first bytes of HMAC-SHA1.
    Sha1 { mac: Hmac<Sha1>, bytes: usize },
    /// GHASH under the key of this session.
    Gcm(GHash),
}

impl Session {
    /// RFC 3711 section 4.3.1 with a rate of zero: `label` is that of the key, behind it those of proof and salt.
    fn derive(master: &MasterKey, label: u8, tag: usize) -> Self {
        let aes = Aes::new(master.key());
        let derived = |label: u8, out: &mut [u8]| {
            let mut counter = [0; 16];
            counter.iter_mut().zip(master.salt()).for_each(|(place, salt)| *place = *salt);
            if let Some(place) = counter.get_mut(7) {
                *place ^= label;
            }
            aes.add_stream(counter, out);
        };
        let (mut key, mut auth, mut salt) = ([0; 32], [0; 20], [0; 16]);
        let key = key.get_mut(..master.key().len()).unwrap_or_default();
        derived(label, key);
        derived(label.saturating_add(1), &mut auth);
        derived(label.saturating_add(2), salt.get_mut(..master.salt().len()).unwrap_or_default());
        let auth = (!master.suite().is_aead()).then_some((&auth[..], tag));
        Self::new(key, salt, auth)
    }

    /// `auth`: key and length of a proof by HMAC; without it GCM.
    pub(super) fn new(key: &[u8], salt: [u8; 16], auth: Option<(&[u8], usize)>) -> Self {
        let cipher = Aes::new(key);
        let proof = match auth {
            Some((key, bytes)) => {
                // HMAC fills up with zeros itself (RFC 2104 section 2).
                let mut block = [0; 64];
                block.iter_mut().zip(key).for_each(|(place, byte)| *place = *byte);
                Proof::Sha1 { mac: <Hmac<Sha1> as hmac::Mac>::new(&block.into()), bytes }
            }
            None => Proof::Gcm(GHash::new(&cipher.block([0; 16]).into())),
        };
        Self { cipher, salt, proof }
    }

    /// `head`: bytes in front of the payload.
    pub fn close_rtp(&self, packet: &mut Vec<u8>, head: usize, ssrc: u32, index: u64) {
        match &self.proof {
            Proof::Sha1 { mac, bytes } => {
                self.add_stream(self.counter(ssrc, index), packet.get_mut(head..));
                let counter = roll_over(index);
                let tag = proof(mac, [packet, &counter]);
                packet.extend_from_slice(tag.get(..*bytes).unwrap_or_default());
            }
            Proof::Gcm(hash) => {
                let counter = self.gcm_counter(ssrc, index);
                self.add_stream(second(counter), packet.get_mut(head..));
                let (front, text) = packet.split_at_checked(head).unwrap_or_default();
                let tag = self.gcm_tag(hash, counter, [front, &[]], text);
                packet.extend_from_slice(&tag);
            }
        }
    }

    pub fn open_rtp(&self, packet: &mut [u8], head: usize, ssrc: u32, index: u64) -> Result<usize, Refused> {
        let length = packet.len().checked_sub(self.tag_bytes()).filter(|length| *length >= head);
        let length = length.ok_or(Refused::Malformed)?;
        let (text, tag) = packet.split_at_mut_checked(length).ok_or(Refused::Malformed)?;
        let stream = match &self.proof {
            Proof::Sha1 { mac, .. } => {
                check(&proof(mac, [text, &roll_over(index)]), tag)?;
                self.counter(ssrc, index)
            }
            Proof::Gcm(hash) => {
                let counter = self.gcm_counter(ssrc, index);
                let (front, text) = text.split_at_checked(head).unwrap_or_default();
                check(&self.gcm_tag(hash, counter, [front, &[]], text), tag)?;
                second(counter)
            }
        };
        self.add_stream(stream, text.get_mut(head..));
        Ok(length)
    }

    /// `word`: the packet's number, and that it is encrypted. By RFC 3711 section 3.4 the word stands before the proof, by RFC 7714
    /// section 9.2 behind it.
    pub fn close_rtcp(&self, packet: &mut Vec<u8>, ssrc: u32, word: u32) {
        let index = u64::from(word & !ENCRYPTED);
        match &self.proof {
            Proof::Sha1 { mac, bytes } => {
                self.add_stream(self.counter(ssrc, index), packet.get_mut(RTCP_HEAD..));
                packet.extend_from_slice(&word.to_be_bytes());
                let tag = proof(mac, [packet, &[]]);
                packet.extend_from_slice(tag.get(..*bytes).unwrap_or_default());
            }
            Proof::Gcm(hash) => {
                let counter = self.gcm_counter(ssrc, index);
                self.add_stream(second(counter), packet.get_mut(RTCP_HEAD..));
                let (front, text) = packet.split_at_checked(RTCP_HEAD).unwrap_or_default();
                let tag = self.gcm_tag(hash, counter, [front, &word.to_be_bytes()], text);
                packet.extend_from_slice(&tag);
                packet.extend_from_slice(&word.to_be_bytes());
            }
        }
    }

    /// The number of a packet, and whether it is encrypted.
    pub fn rtcp_word(&self, packet: &[u8]) -> Result<u32, Refused> {
        let behind = match &self.proof {
            Proof::Sha1 { bytes, .. } => *bytes,
            Proof::Gcm(_) => 0,
        };
        let at = packet.len().checked_sub(behind.saturating_add(RTCP_INDEX));
        word_at(packet, at.ok_or(Refused::Malformed)?)
    }

    pub fn open_rtcp(&self, packet: &mut [u8], ssrc: u32, word: u32) -> Result<usize, Refused> {
        let index = u64::from(word & !ENCRYPTED);
        let is_encrypted = word & ENCRYPTED != 0;
        let extra = self.tag_bytes().saturating_add(RTCP_INDEX);
        let length = packet.len().checked_sub(extra).filter(|length| *length >= RTCP_HEAD);
        let length = length.ok_or(Refused::Malformed)?;
        let (text, behind) = packet.split_at_mut_checked(length).ok_or(Refused::Malformed)?;
        let stream = match &self.proof {
            Proof::Sha1 { mac, .. } => {
                let (index_bytes, tag) = behind.split_at_checked(RTCP_INDEX).ok_or(Refused::Malformed)?;
                check(&proof(mac, [text, index_bytes]), tag)?;
                self.counter(ssrc, index)
            }
            Proof::Gcm(hash) => {
                let (tag, index_bytes) = behind.split_at_checked(GCM_TAG).ok_or(Refused::Malformed)?;
                let counter = self.gcm_counter(ssrc, index);
                // What is not encrypted is proven all the same (RFC 7714 section 9.3).
                let head = if is_encrypted { RTCP_HEAD } else { text.len() };
                let (front, text) = text.split_at_checked(head).unwrap_or_default();
                check(&self.gcm_tag(hash, counter, [front, index_bytes], text), tag)?;
                second(counter)
            }
        };
        if is_encrypted {
            self.add_stream(stream, text.get_mut(RTCP_HEAD..));
        }
        Ok(length)
    }

    const fn tag_bytes(&self) -> usize {
        match &self.proof {
            Proof::Sha1 { bytes, .. } => *bytes,
            Proof::Gcm(_) => GCM_TAG,
        }
    }

    fn add_stream(&self, counter: [u8; 16], data: Option<&mut [u8]>) {
        if let Some(data) = data {
            self.cipher.add_stream(counter, data);
        }
    }

    /// RFC 3711 section 4.1.1: salt, SSRC and index, and two bytes that count blocks.
    fn counter(&self, ssrc: u32, index: u64) -> [u8; 16] {
        let number = u128::from(ssrc) << 64 | u128::from(index) << 16;
        (u128::from_be_bytes(self.salt) ^ number).to_be_bytes()
    }

    /// RFC 7714 sections 8.1 and 9.1: the index of RTP is 48 bits long, that of RTCP 31, and both stand at the end of twelve bytes.
    fn gcm_counter(&self, ssrc: u32, index: u64) -> [u8; 16] {
        let number = u128::from(ssrc) << 80 | u128::from(index) << 32;
        // The first block of a packet's counter is 1.
        ((u128::from_be_bytes(self.salt) ^ number) | 1).to_be_bytes()
    }

    /// NIST SP 800-38D section 7: of what is only proven, in two parts, and what is encrypted.
    fn gcm_tag(&self, hash: &GHash, counter: [u8; 16], proven: [&[u8]; 2], text: &[u8]) -> [u8; GCM_TAG] {
        let mut hash = hash.clone();
        let bits = |bytes: usize| u64::try_from(bytes).unwrap_or(0).saturating_mul(8);
        let [front, word] = proven;
        let proven_bytes = front.len().saturating_add(word.len());
        update(&mut hash, front, word);
        update(&mut hash, text, &[]);
        let lengths = u128::from(bits(proven_bytes)) << 64 | u128::from(bits(text.len()));
        hash.update(&[lengths.to_be_bytes().into()]);
        let mask = self.cipher.block(counter);
        (u128::from_be_bytes(hash.finalize().into()) ^ u128::from_be_bytes(mask)).to_be_bytes()
    }
}

/// Two parts as one, filled up with zeros to whole blocks.
fn update(hash: &mut GHash, front: &[u8], more: &[u8]) {
    let (blocks, rest) = front.as_chunks::<16>();
    for block in blocks {
        hash.update(&[(*block).into()]);
    }
    // The first part ends anywhere where there is a second one, of four bytes.
    let mut last = [0; 32];
    last.iter_mut().zip(rest.iter().chain(more)).for_each(|(place, byte)| *place = *byte);
    let filled = rest.len().saturating_add(more.len()).div_ceil(16);
    let (blocks, _) = last.as_chunks::<16>();
    for block in blocks.iter().take(filled) {
        hash.update(&[(*block).into()]);
    }
}

/// The counter behind this one: where the text begins.
const fn second(counter: [u8; 16]) -> [u8; 16] {
    u128::from_be_bytes(counter).wrapping_add(1).to_be_bytes()
}

/// The upper part of an index, as it is proven with each packet.
fn roll_over(index: u64) -> [u8; 4] {
    let [_, _, a, b, c, d, _, _] = index.to_be_bytes();
    [a, b, c, d]
}

fn proof(mac: &Hmac<Sha1>, parts: [&[u8]; 2]) -> [u8; 20] {
    let [one, two] = parts;
    mac.clone().chain_update(one).chain_update(two).finalize().into_bytes().into()
}

/// As many bytes as came, without telling by the time it takes where they part.
fn check(ours: &[u8], theirs: &[u8]) -> Result<(), Refused> {
    let differ = ours.iter().zip(theirs).fold(0, |differ, (a, b)| differ | (a ^ b));
    if differ == 0 && !theirs.is_empty() && theirs.len() <= ours.len() {
        Ok(())
    } else {
        Err(Refused::Forged)
    }
}
