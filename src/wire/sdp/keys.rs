//! What two descriptions of one stream have for the keys of a telephone: telephone events, and codecs of ours, which tones survive.
use super::carry::{is_keys, is_sound, name_of, pairs};
use super::{Codec, Session};
use crate::util::limits::RECEIVE_TYPES;
use heapless::Vec;

/// Of one peer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyTypes {
    /// Events that may come, as we number them.
    pub receive: Vec<u8, RECEIVE_TYPES>,
    /// How the peer numbers those that it takes, and their clock in Hz: that of its sound before others (RFC 4733 section 2.1).
    pub send: Option<(u8, u32)>,
    /// Sound that may come, as we number it.
    pub sounds: Vec<(u8, Codec), RECEIVE_TYPES>,
    /// What the peer likes best and how it numbers that, if it is ours.
    pub sound: Option<(u8, Codec)>,
}

/// Of the stream at this port of ours; `None`: there is none.
#[must_use]
pub fn key_types(ours: &Session, said: &Session, port: u16) -> Option<KeyTypes> {
    let line = ours.media.iter().position(|media| media.port == port && port != 0)?;
    let (own, theirs) = (ours.media.get(line)?, said.media.get(line)?);
    let mut types = KeyTypes::default();
    for (payload_type, _) in pairs(own, theirs) {
        // More than fit are not listed by anybody.
        if is_keys(own, payload_type) {
            let _ = types.receive.push(payload_type);
        } else if let Some(codec) = own.codec(payload_type) {
            let _ = types.sounds.push((payload_type, codec));
        }
    }
    let clock = |payload_type| name_of(theirs, payload_type).map(|name| name.clock_hz);
    let sound = pairs(theirs, own).map(|(pt, _)| pt).find(|pt| is_sound(theirs, &pt.to_string()));
    types.sound = sound.and_then(|pt| Some((pt, theirs.codec(pt)?)));
    let events = || pairs(theirs, own).map(|(pt, _)| pt).filter(|pt| is_keys(theirs, *pt));
    let same_clock = events().find(|pt| clock(*pt) == sound.and_then(clock));
    types.send = same_clock.or_else(|| events().next()).and_then(|pt| Some((pt, clock(pt)?)));
    Some(types)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(media: &str) -> Session {
        let text =
            format!("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n{media}");
        Session::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn what_both_have() {
        let ours = line("m=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n");
        let said = line("m=audio 5000 RTP/AVP 8 96 0\r\na=rtpmap:96 telephone-event/8000\r\n");
        let types = key_types(&ours, &said, 4_000).unwrap();
        assert_eq!((&types.receive[..], types.send), (&[101][..], Some((96, 8_000))));
        assert_eq!(types.sounds[..], [(0, Codec::Pcmu), (8, Codec::Pcma)]);
        assert_eq!(types.sound, Some((8, Codec::Pcma)));
        assert_eq!(key_types(&ours, &said, 4_002), None);
        let without = line("m=audio 5000 RTP/AVP 0\r\n");
        let types = key_types(&ours, &without, 4_000).unwrap();
        assert_eq!((types.receive.len(), types.send, types.sound), (0, None, Some((0, Codec::Pcmu))));
    }

    #[test]
    fn clocks_of_events() {
        let opus = "m=audio 4000 RTP/AVP 96 0 101 102\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:101 telephone-event/8000\r\n\
                    a=rtpmap:102 telephone-event/48000\r\n";
        let types = key_types(&line(opus), &line(opus), 4_000).unwrap();
        assert_eq!(
            (&types.receive[..], types.send, types.sound),
            (&[101, 102][..], Some((102, 48_000)), None)
        );
        assert_eq!(types.sounds[..], [(0, Codec::Pcmu)]);
        let narrow = opus.replace(" 96 0", " 0");
        let types = key_types(&line(&narrow), &line(&narrow), 4_000).unwrap();
        assert_eq!((types.send, types.sound), (Some((101, 8_000)), Some((0, Codec::Pcmu))));
        let wide = opus.replace(" 101 102", " 102");
        let types = key_types(&line(&wide.replace(" 96 0", " 0")), &line(&wide), 4_000).unwrap();
        assert_eq!((&types.receive[..], types.send), (&[102][..], Some((102, 48_000))));
    }
}
