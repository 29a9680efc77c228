//! SRTP as a phone has it, by hand: AES_CM_128 with HMAC_SHA1_80 or _32, one key each way. RFC 3711, RFC 4568.
use aes::Aes128;
use aes::cipher::{BlockEncrypt, KeyInit};
use hmac::{Hmac, Mac};
use sha1::Sha1;

/// What a phone offers, or answers with.
#[derive(Clone, Debug)]
pub struct Srtp {
    /// Of its offers.
    pub profile: &'static str,
    pub suite: &'static str,
    /// Ours: 16 bytes of key, 14 of salt.
    pub key: [u8; 30],
    pub theirs: Option<[u8; 30]>,
    /// Both sides have a key: the profile and tag that the other side wrote.
    pub agreed: Option<(String, String)>,
    /// Packets that did not open.
    pub failed: u32,
    pub sent: u64,
    pub heard: u64,
    pub reports: u32,
}

const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn to_text(key: &[u8]) -> String {
    let bits: Vec<u8> = key.iter().flat_map(|b| (0..8).rev().map(move |n| b >> n & 1)).collect();
    bits.chunks(6).map(|c| LETTERS[c.iter().fold(0, |n, b| n * 2 + usize::from(*b))] as char).collect()
}

fn from_text(text: &str) -> Vec<u8> {
    let value = |c: u8| LETTERS.iter().position(|l| *l == c).unwrap();
    let bits: Vec<usize> = text.bytes().flat_map(|c| (0..6).rev().map(move |n| value(c) >> n & 1)).collect();
    bits.chunks_exact(8).map(|c| c.iter().fold(0, |n, b| n * 2 + *b) as u8).collect()
}

/// So many bytes of the stream that begins at this counter.
fn stream(key: &[u8], mut counter: [u8; 16], length: usize) -> Vec<u8> {
    let aes = Aes128::new_from_slice(key).unwrap();
    let mut out = Vec::new();
    for n in 0..length.div_ceil(16) {
        counter[14..].copy_from_slice(&u16::try_from(n).unwrap().to_be_bytes());
        let mut block = counter.into();
        aes.encrypt_block(&mut block);
        out.extend(block);
    }
    out
}

fn derived(key: &[u8; 30], label: u8, length: usize) -> Vec<u8> {
    let mut counter = [0; 16];
    counter[..14].copy_from_slice(&key[16..]);
    counter[7] ^= label;
    stream(&key[..16], counter, length)[..length].to_vec()
}

fn crypt(key: &[u8; 30], label: u8, ssrc: &[u8], index: u64, text: &mut [u8]) {
    let mut counter = [0; 16];
    counter[..14].copy_from_slice(&derived(key, label + 2, 14));
    for (at, byte) in (4..).zip(ssrc) {
        counter[at] ^= byte;
    }
    for (at, byte) in (8..).zip(&index.to_be_bytes()[2..]) {
        counter[at] ^= byte;
    }
    let stream = stream(&derived(key, label, 16), counter, text.len());
    text.iter_mut().zip(stream).for_each(|(byte, key)| *byte ^= key);
}

fn tag(key: &[u8; 30], label: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = <Hmac<Sha1> as Mac>::new_from_slice(&derived(key, label + 1, 20)).unwrap();
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

impl Srtp {
    pub fn new(profile: &'static str, key: u8) -> Self {
        let suite = "AES_CM_128_HMAC_SHA1_80";
        let key = [key; 30];
        Self { profile, suite, key, theirs: None, agreed: None, failed: 0, sent: 0, heard: 0, reports: 0 }
    }

    /// From here on with another one.
    pub fn new_key(&mut self, key: u8) {
        (self.key, self.sent) = ([key; 30], 0);
    }

    /// As it stands in the SDP.
    pub fn key_text(&self) -> String {
        to_text(&self.key)
    }

    pub fn line(&self, tag: &str) -> String {
        format!("a=crypto:{tag} {} inline:{}|2^31\r\n", self.suite, self.key_text())
    }

    /// What the other side wrote.
    pub fn take(&mut self, sdp: &str) {
        let audio =
            sdp.split("\r\nm=").find(|m| m.starts_with("audio ") && !m.starts_with("audio 0 ")).unwrap_or("");
        let profile = audio.split(' ').nth(2).unwrap_or("").to_owned();
        let found = audio.split("\r\n").filter_map(|l| l.strip_prefix("a=crypto:")).find_map(|l| {
            let words: Vec<&str> = l.split(' ').collect();
            (words[1] == self.suite).then(|| (words[0].to_owned(), words[2].strip_prefix("inline:").unwrap()))
        });
        let Some((tag, key)) = found else {
            self.agreed = None;
            return;
        };
        let key: [u8; 30] = from_text(key).try_into().unwrap();
        assert!(key != self.key, "each side has a key of its own");
        if self.theirs.replace(key) != Some(key) {
            self.heard = 0;
        }
        self.agreed = Some((profile, tag));
    }

    const fn tag_bytes(&self) -> usize {
        if self.suite.as_bytes()[self.suite.len() - 2] == b'3' { 4 } else { 10 }
    }

    pub fn close(&mut self, mut packet: Vec<u8>) -> Vec<u8> {
        if self.agreed.is_none() {
            return packet;
        }
        let sequence = u64::from(u16::from_be_bytes([packet[2], packet[3]]));
        let rounds = self.sent >> 16;
        let rounds = if sequence < (self.sent & 0xffff) { rounds + 1 } else { rounds };
        self.sent = rounds << 16 | sequence;
        let (head, text) = packet.split_at_mut(12);
        crypt(&self.key, 0, &head[8..], self.sent, text);
        let proof = tag(&self.key, 0, &[&packet, &self.sent.to_be_bytes()[2..6]]);
        packet.extend(&proof[..self.tag_bytes()]);
        packet
    }

    /// `None`: it is not from there.
    pub fn open(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let (Some(key), Some(_)) = (self.theirs, &self.agreed) else { return Some(packet.to_vec()) };
        let sequence = u64::from(u16::from_be_bytes([packet[2], packet[3]]));
        let (rounds, last) = (self.heard >> 16, self.heard & 0xffff);
        let rounds = if last > sequence + 0x8000 { rounds + 1 } else { rounds };
        let index = rounds << 16 | sequence;
        let (front, proof) = packet.split_at(packet.len() - self.tag_bytes());
        if tag(&key, 0, &[front, &index.to_be_bytes()[2..6]])[..proof.len()] != *proof {
            self.failed += 1;
            return None;
        }
        self.heard = self.heard.max(index);
        let mut plain = front.to_vec();
        let (head, text) = plain.split_at_mut(12);
        crypt(&key, 0, &head[8..], index, text);
        Some(plain)
    }

    pub fn close_report(&mut self, mut packet: Vec<u8>) -> Vec<u8> {
        if self.agreed.is_none() {
            return packet;
        }
        self.reports += 1;
        let (head, text) = packet.split_at_mut(8);
        crypt(&self.key, 3, &head[4..], u64::from(self.reports), text);
        packet.extend((self.reports | 1 << 31).to_be_bytes());
        let proof = tag(&self.key, 3, &[&packet]);
        packet.extend(&proof[..10]);
        packet
    }

    pub fn open_report(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let (Some(key), Some(_)) = (self.theirs, &self.agreed) else { return Some(packet.to_vec()) };
        let (front, proof) = packet.split_at(packet.len() - 10);
        if tag(&key, 3, &[front])[..10] != *proof {
            self.failed += 1;
            return None;
        }
        let (front, word) = front.split_at(front.len() - 4);
        let word = u32::from_be_bytes(word.try_into().unwrap());
        assert!(word >> 31 == 1, "it is encrypted");
        let mut plain = front.to_vec();
        let (head, text) = plain.split_at_mut(8);
        crypt(&key, 3, &head[4..], u64::from(word & 0x7fff_ffff), text);
        Some(plain)
    }
}
