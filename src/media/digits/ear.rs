//! Keys in the sound of a peer, packet by packet.
use super::detect::{Detector, Heard};
use crate::media::PACKET_SAMPLES;
use crate::media::codec::{Codec, Decoder, Encoder};
use crate::wire::rtp::Packet;

/// Samples without sound after which a key is over, whatever comes then: 60 ms. A lost packet is not so long.
const PAUSE: u32 = 480;
/// Silence that ends it.
const SILENCE: usize = 320;
/// Half of the sequence numbers lie behind.
const HALF: u16 = 0x8000;

/// What goes in the place of a tone: as much silence, of a stream of its own.
#[must_use]
pub fn silence(codec: Codec, octets: usize) -> heapless::Vec<u8, PACKET_SAMPLES> {
    let mut encoder = Encoder::new(codec);
    (0..octets.min(PACKET_SAMPLES)).map(|_| encoder.encode(0)).collect()
}

/// Listens to one stream.
#[derive(Default)]
pub struct Ear {
    detector: Detector,
    decoder: Decoder,
    /// Source and number of the next packet, timestamp of its first sample.
    next: Option<(u32, u16, u32)>,
    down: Option<char>,
}

impl Ear {
    /// One packet as it came; one that comes late, or again, is not listened to. `begun`: keys that are pressed from now on.
    pub fn listen(&mut self, packet: &Packet<'_>, codec: Codec, begun: &mut impl FnMut(char)) {
        if self.next.is_some_and(|(ssrc, ..)| ssrc != packet.ssrc) {
            *self = Self::default();
        }
        if let Some((_, sequence, timestamp)) = self.next {
            if packet.sequence.wrapping_sub(sequence) >= HALF {
                return;
            }
            if packet.timestamp.wrapping_sub(timestamp) > PAUSE {
                self.hear(&mut [0; SILENCE].into_iter(), begun);
            }
        }
        let length = u32::try_from(packet.payload.len()).unwrap_or(0);
        let (sequence, timestamp) = (packet.sequence.wrapping_add(1), packet.timestamp.wrapping_add(length));
        self.next = Some((packet.ssrc, sequence, timestamp));
        let mut decoder = core::mem::take(&mut self.decoder);
        decoder.turn_to(codec);
        self.hear(&mut packet.payload.iter().map(|octet| decoder.decode(*octet)), begun);
        self.decoder = decoder;
    }

    /// The key that sounds.
    #[must_use]
    pub const fn is_down(&self) -> bool {
        self.down.is_some()
    }

    fn hear(&mut self, sound: &mut impl Iterator<Item = i16>, begun: &mut impl FnMut(char)) {
        let Self { detector, down, .. } = self;
        detector.listen(sound, &mut |heard| match heard {
            Heard::Begin(digit) => {
                *down = Some(digit);
                begun(digit);
            }
            Heard::End => *down = None,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::tones::Tones;
    use super::*;
    use crate::media::FRAME;

    /// Packets of 20 ms with these keys, 120 ms each and 100 ms apart.
    fn packets(codec: Codec, keys: &str) -> Vec<Vec<u8>> {
        let (mut tones, mut encoder) = (Tones::default(), Encoder::new(codec));
        keys.chars().for_each(|key| assert!(tones.push(key)));
        let frames = keys.len() * 11 + 5;
        let frame = |_| {
            let mut frame = [0; FRAME];
            tones.overlay(&mut frame);
            frame.iter().map(|sample| encoder.encode(*sample)).collect()
        };
        (0..frames).map(frame).collect()
    }

    fn heard(codec: Codec, packets: impl IntoIterator<Item = (u16, Vec<u8>)>) -> (String, bool) {
        let (mut ear, mut all) = (Ear::default(), String::new());
        for (n, payload) in packets {
            let (sequence, timestamp) = (n.wrapping_add(65_530), u32::from(n) * 160);
            let packet = Packet {
                marker: false,
                payload_type: 8,
                sequence,
                timestamp: timestamp.wrapping_sub(700),
                ssrc: 1,
                payload: &payload,
            };
            ear.listen(&packet, codec, &mut |key| all.push(key));
        }
        (all, ear.is_down())
    }

    #[test]
    fn keys_are_heard_once() {
        for codec in [Codec::Pcma, Codec::Pcmu, Codec::G722] {
            let all = || (0..).zip(packets(codec, "159*0#77"));
            assert_eq!(heard(codec, all()), ("159*0#77".to_owned(), false));
            let doubled = all().flat_map(|(n, packet)| [(n, packet.clone()), (n, packet)]);
            assert_eq!(heard(codec, doubled).0, "159*0#77");
            // In each key the third packet is lost.
            let some_lost = all().filter(|(n, _)| n % 11 != 2);
            assert_eq!(heard(codec, some_lost).0, "159*0#77");
            // The fourth of each key comes before the third, which is left out then.
            let mut swapped: Vec<_> = all().collect();
            swapped.chunks_exact_mut(11).for_each(|key| key.swap(2, 3));
            assert_eq!(heard(codec, swapped).0, "159*0#77");
        }
    }

    #[test]
    fn a_key_ends_with_its_stream() {
        let packets = || packets(Codec::Pcma, "5");
        let heard = |packets: Vec<(u16, Vec<u8>)>| heard(Codec::Pcma, packets);
        let cut = (0..).zip(packets()).take(5).collect();
        assert_eq!(heard(cut), ("5".to_owned(), true));
        // Silence suppression: nothing comes for a second, then the next press.
        let (one, two) = (packets(), packets());
        let apart = (0..).zip(one).take(5).chain((60..).zip(two)).collect();
        assert_eq!(heard(apart), ("55".to_owned(), false));
    }
}
