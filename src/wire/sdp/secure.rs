//! Encryption taken out of a description and put into one, so that offer and answer know plain RTP only. RFC 4568, and RFC 3711 with keys
//! in lines of RTP/AVP as phones write them.
use super::crypto::Crypto;
use super::{MediaLine, Session};

/// Whether the packets of a peer are encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Never.
    Off,
    /// Where the peer offers it.
    Accept,
    /// Where the peer has it: it is offered, too.
    Optional,
    /// Always: without it there is no call.
    Required,
}

impl Policy {
    #[must_use]
    pub const fn offers(self) -> bool {
        matches!(self, Self::Optional | Self::Required)
    }
}

/// Each profile and the one with encryption (RFC 3551, RFC 4585, RFC 3711, RFC 5124).
const PROFILES: [(&str, &str); 2] = [("RTP/AVP", "RTP/SAVP"), ("RTP/AVPF", "RTP/SAVPF")];

/// The profile without encryption of one that has it.
fn plain_profile(secure: &str) -> Option<&'static str> {
    PROFILES.iter().find(|(_, s)| s.eq_ignore_ascii_case(secure)).map(|(plain, _)| *plain)
}

/// The profile says that the packets are encrypted.
#[must_use]
pub fn is_secure(protocol: &str) -> bool {
    plain_profile(protocol).is_some()
}

/// The profile with encryption, where there is one.
#[must_use]
pub fn secure_profile(plain: &str) -> &str {
    PROFILES.iter().find(|(p, _)| p.eq_ignore_ascii_case(plain)).map_or(plain, |(_, secure)| secure)
}

fn is_plain(protocol: &str) -> bool {
    PROFILES.iter().any(|(plain, _)| plain.eq_ignore_ascii_case(protocol))
}

/// A line of the peer's offer, as it was.
#[derive(Clone, Debug)]
pub struct Offered {
    /// What its answer has to say, too.
    pub protocol: String,
    /// The first key that we can use, if the line is to be encrypted.
    pub key: Option<Crypto>,
}

/// A line of our offer, as it was written.
#[derive(Clone, Debug)]
pub struct Proposed {
    pub port: u16,
    pub protocol: String,
    /// In the order of their tags; none: plain.
    pub keys: Vec<Crypto>,
}

/// The peer's offer as one of plain RTP: what can't be had is refused, or keeps a profile that nobody here speaks.
pub fn take_offer(said: &mut Session, policy: Policy) -> Vec<Offered> {
    let mut lines: Vec<Offered> = said.media.iter_mut().map(|media| take_line(media, policy)).collect();
    // The same in two lines: one of them is answered, the encrypted one.
    let encrypted: Vec<String> = said
        .media
        .iter()
        .zip(&lines)
        .filter(|(_, line)| line.key.is_some() && is_secure(&line.protocol))
        .map(|(media, _)| media.kind.to_ascii_lowercase())
        .collect();
    for (media, line) in said.media.iter_mut().zip(&mut lines) {
        let is_second = line.key.is_none() && encrypted.contains(&media.kind.to_ascii_lowercase());
        if is_second || (policy == Policy::Required && line.key.is_none()) {
            media.port = 0;
        }
    }
    lines
}

fn take_line(media: &mut MediaLine, policy: Policy) -> Offered {
    let protocol = media.protocol.clone();
    let known = is_plain(&protocol) || is_secure(&protocol);
    let key = keys(media).next().filter(|_| known && media.port != 0 && policy != Policy::Off);
    if let Some(plain) = plain_profile(&protocol).filter(|_| key.is_some()) {
        plain.clone_into(&mut media.protocol);
    }
    forget_keys(media);
    Offered { protocol, key }
}

/// The peer's answer as one of plain RTP. Of each line the key that it took of ours, and its own.
pub fn take_answer(said: &mut Session, proposed: &[Proposed]) -> Vec<Option<(Crypto, Crypto)>> {
    let lines = said.media.iter_mut().zip(proposed);
    lines
        .map(|(media, line)| {
            let ours = |key: Crypto| {
                let same = |k: &&Crypto| k.tag == key.tag && k.key.suite() == key.key.suite();
                line.keys.iter().find(same).map(|ours| (*ours, key))
            };
            let taken = keys(media).find_map(ours).filter(|_| media.port != 0);
            if taken.is_some() {
                if let Some(plain) = plain_profile(&media.protocol) {
                    plain.clone_into(&mut media.protocol);
                }
            } else if is_secure(&line.protocol) {
                // Nothing else was offered.
                media.port = 0;
            }
            forget_keys(media);
            taken
        })
        .collect()
}

fn keys(media: &MediaLine) -> impl Iterator<Item = Crypto> {
    media.attributes.iter().filter_map(|line| Crypto::parse(value(line)?))
}

fn value(attribute: &str) -> Option<&str> {
    let (name, value) = attribute.split_once(':')?;
    name.eq_ignore_ascii_case("crypto").then_some(value)
}

/// They are between the peer and us, and read.
fn forget_keys(media: &mut MediaLine) {
    media.attributes.retain(|line| value(line).is_none());
}

/// One line as it goes out.
pub fn write(media: &mut MediaLine, protocol: &str, keys: &[Crypto]) {
    protocol.clone_into(&mut media.protocol);
    media.attributes.extend(keys.iter().map(|key| format!("crypto:{key}")));
}

#[cfg(test)]
mod tests {
    use super::super::crypto::{KEY_BYTES, MasterKey, Suite};
    use super::*;

    fn crypto(tag: u32, suite: Suite) -> Crypto {
        Crypto { tag, key: MasterKey::new(suite, &[1; KEY_BYTES]) }
    }

    fn read(lines: &str) -> Session {
        let text = format!("v=0\no=- 1 1 IN IP4 192.0.2.9\ns=-\nc=IN IP4 192.0.2.9\nt=0 0\n{lines}");
        Session::parse(text.as_bytes()).unwrap()
    }

    fn line(what: &str, keys: &[Crypto]) -> String {
        let keys: String = keys.iter().map(|key| format!("a=crypto:{key}\n")).collect();
        format!("m={what}\n{keys}a=label:1\n")
    }

    /// What stands in the lines after that, and whether they are encrypted.
    fn taken(lines: &str, policy: Policy) -> Vec<(String, u16, Option<u32>)> {
        let mut said = read(lines);
        let offered = take_offer(&mut said, policy);
        assert!(said.media.iter().all(|m| m.attributes == ["label:1"]), "{said}");
        let seen = said.media.iter().zip(offered);
        seen.map(|(m, line)| (m.protocol.clone(), m.port, line.key.map(|k| k.tag))).collect()
    }

    fn of(list: &[(&str, u16, Option<u32>)]) -> Vec<(String, u16, Option<u32>)> {
        list.iter().map(|(protocol, port, tag)| ((*protocol).to_owned(), *port, *tag)).collect()
    }

    #[test]
    fn offers() {
        use Policy::{Accept, Off, Optional, Required};
        let keys = [crypto(1, Suite::AeadAes256Gcm), crypto(2, Suite::AesCm128Sha1_80)];
        let savp = line("audio 4000 RTP/SAVP 0", &keys);
        let savpf = line("audio 4000 RTP/SAVPF 0", &keys[1..]);
        let avp = line("audio 4000 RTP/AVP 0", &keys);
        let plain = line("audio 4002 RTP/AVP 0", &[]);
        let dtls = line("audio 4000 UDP/TLS/RTP/SAVPF 0", &keys);
        for (text, policy, want) in [
            (&savp, Off, &[("RTP/SAVP", 4_000, None)][..]),
            (&savp, Accept, &[("RTP/AVP", 4_000, Some(1))]),
            (&savpf, Optional, &[("RTP/AVPF", 4_000, Some(2))]),
            (&avp, Off, &[("RTP/AVP", 4_000, None)]),
            (&avp, Accept, &[("RTP/AVP", 4_000, Some(1))]),
            (&avp, Required, &[("RTP/AVP", 4_000, Some(1))]),
            (&plain, Optional, &[("RTP/AVP", 4_002, None)]),
            (&plain, Required, &[("RTP/AVP", 0, None)]),
            (&line("audio 4000 RTP/SAVP 0", &[]), Optional, &[("RTP/SAVP", 4_000, None)]),
            (&dtls, Optional, &[("UDP/TLS/RTP/SAVPF", 4_000, None)]),
            (&format!("{plain}{savp}"), Accept, &[("RTP/AVP", 0, None), ("RTP/AVP", 4_000, Some(1))]),
            (&format!("{savp}{plain}"), Off, &[("RTP/SAVP", 4_000, None), ("RTP/AVP", 4_002, None)]),
            (
                &format!("{savp}{}", line("video 4004 RTP/AVP 96", &[])),
                Accept,
                &[("RTP/AVP", 4_000, Some(1)), ("RTP/AVP", 4_004, None)],
            ),
        ] {
            assert_eq!(taken(text, policy), of(want), "{policy:?} {text}");
        }
    }

    #[test]
    fn answers() {
        let ours = [crypto(1, Suite::AesCm128Sha1_80), crypto(2, Suite::AeadAes256Gcm)];
        let theirs = |tag, suite| [Crypto { tag, key: MasterKey::new(suite, &[2; KEY_BYTES]) }];
        let proposed = |protocol: &str, keys: &[Crypto]| {
            [Proposed { port: 9_000, protocol: protocol.to_owned(), keys: keys.to_vec() }]
        };
        for (proposed, answer, want) in [
            (
                proposed("RTP/SAVP", &ours),
                line("audio 4000 RTP/SAVP 0", &theirs(2, Suite::AeadAes256Gcm)),
                ("RTP/AVP", 4_000, Some(2)),
            ),
            (
                proposed("RTP/AVP", &ours),
                line("audio 4000 RTP/AVP 0", &theirs(1, Suite::AesCm128Sha1_80)),
                ("RTP/AVP", 4_000, Some(1)),
            ),
            (proposed("RTP/AVP", &ours), line("audio 4000 RTP/AVP 0", &[]), ("RTP/AVP", 4_000, None)),
            // Its tag is of another suite, or none of ours.
            (
                proposed("RTP/AVP", &ours),
                line("audio 4000 RTP/AVP 0", &theirs(1, Suite::AeadAes256Gcm)),
                ("RTP/AVP", 4_000, None),
            ),
            (
                proposed("RTP/SAVP", &ours),
                line("audio 4000 RTP/SAVP 0", &theirs(3, Suite::AesCm128Sha1_80)),
                ("RTP/SAVP", 0, None),
            ),
            (proposed("RTP/SAVP", &ours), line("audio 4000 RTP/AVP 0", &[]), ("RTP/AVP", 0, None)),
            (
                proposed("RTP/AVP", &[]),
                line("audio 4000 RTP/SAVP 0", &theirs(1, Suite::AesCm128Sha1_80)),
                ("RTP/SAVP", 4_000, None),
            ),
        ] {
            let mut said = read(&answer);
            let taken = take_answer(&mut said, &proposed);
            let media = &said.media[0];
            let tag = taken[0].map(|(ours, theirs)| {
                assert_eq!((ours.tag, ours.key.suite()), (theirs.tag, theirs.key.suite()));
                ours.tag
            });
            assert_eq!((media.protocol.as_str(), media.port, tag), want, "{answer}");
            assert_eq!(media.attributes, ["label:1"]);
        }
    }
}
