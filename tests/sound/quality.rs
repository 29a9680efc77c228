//! Speech through a call: from a phone to a stick by a network that loses packets, and back.
use super::espeak::say;
use super::judge::{Verdict, at_level, judge};
use super::world::{Dice, Heard, Network, World, remote};
use tandem::media::Codec;

/// Three voices, about 40 s at -20 dBFS, as they are behind a telephone's coder.
pub fn speech() -> Vec<i16> {
    let voices = [
        (
            "en-us",
            "45",
            "The boat leaves at half past seven. If the wind is from the west, we sail to the island, \
          eat by the old lighthouse and are back before dark. Bring a warm jacket and two bottles of water.",
        ),
        (
            "en-gb+f3",
            "60",
            "I called about the kitchen window. The carpenter wanted to come on Monday, then on Thursday, \
          and now nobody knows. Could you ask him once more? My number has not changed, and somebody is always here.",
        ),
        (
            "de",
            "35",
            "Der Zug aus Hamburg hat heute eine halbe Stunde Verspätung. Wir treffen uns deshalb erst um neun \
          vor dem Bahnhof. Wenn es regnet, warte bitte in der Halle neben der großen Uhr.",
        ),
    ];
    let all: Vec<i16> = voices
        .iter()
        .flat_map(|(voice, pitch, text)| {
            [at_level(&say(voice, pitch, "150", text), -20.0), vec![0; 2_400]].concat()
        })
        .collect();
    // Whole packets, also where it is said again and again.
    coded(&all[..all.len() / 160 * 160])
}

/// Through G.711 once: what it does is not the network's doing.
pub fn coded(sound: &[i16]) -> Vec<i16> {
    sound.iter().map(|sample| Codec::Pcma.decode(Codec::Pcma.encode(*sample))).collect()
}

/// A network that loses some packets of a hundred, each by itself.
pub fn losing(percent: u64, seed: u64) -> Network {
    let mut dice = Dice(seed);
    Box::new(move |_| if dice.roll(100) < percent { vec![] } else { vec![5_000 + dice.roll(4_000)] })
}

/// One that loses as many as five in a hundred, but two to six in a row.
pub fn bursts(seed: u64) -> Network {
    let (mut dice, mut left) = (Dice(seed), 0);
    Box::new(move |_| {
        if left == 0 && dice.roll(1_000) < 13 {
            left = 2 + dice.roll(5);
        }
        let lost = left > 0;
        left = left.saturating_sub(1);
        if lost { vec![] } else { vec![5_000 + dice.roll(4_000)] }
    })
}

/// What a stick hears of a phone.
pub fn to_stick(said: &[i16], network: Network) -> Vec<i16> {
    let mut world = World::new(remote());
    world.network = network;
    let sound = said.to_vec();
    world.phone_says = Box::new(move |n| sound.get(n as usize).copied().unwrap_or(0));
    let mut heard = Vec::new();
    let until = said.len() as u64 * 125 + 500_000;
    world.run(until, &mut |_, output| {
        if let Heard::Voice(samples) = output {
            heard.extend_from_slice(samples);
        }
    });
    heard
}

/// What a phone gets of a stick, by the timestamps.
pub fn to_phone(said: &[i16]) -> Vec<i16> {
    let mut world = World::new(remote());
    let sound = said.to_vec();
    world.stick_says = Box::new(move |n| sound.get(n as usize).copied().unwrap_or(0));
    let mut heard = Vec::new();
    world.run(said.len() as u64 * 125 + 500_000, &mut |at, output| {
        if let Heard::Rtp(packet) = output {
            // Its place is the moment at which it went out.
            let place = (at / 125) as usize;
            heard.resize(heard.len().max(place + packet.payload.len()), 0);
            for (slot, byte) in heard[place..].iter_mut().zip(packet.payload) {
                *slot = Codec::Pcma.decode(*byte);
            }
        }
    });
    heard
}

/// The same losses where silence is played for what is lost: what a listener would have without concealment.
pub fn with_silence(said: &[i16], mut network: Network) -> Vec<i16> {
    let mut heard = vec![0; 400];
    for (n, packet) in said.chunks(160).enumerate() {
        let lost = network(n as u64).is_empty();
        heard.extend(packet.iter().map(|sample| if lost { 0 } else { *sample }));
    }
    heard.resize(said.len() + 8_000, 0);
    heard
}

/// One network: its name, our sound, and that with silence for what is lost.
pub struct Case {
    pub name: &'static str,
    pub ours: Verdict,
    pub silence: Verdict,
}

/// A network's name, and how one is made: each listener gets a fresh one.
type Lossy = (&'static str, fn() -> Network);

/// All networks that the sound is judged in.
pub fn cases(said: &[i16]) -> Vec<Case> {
    let networks: [Lossy; 5] = [
        ("loss_0", || losing(0, 1)),
        ("loss_1", || losing(1, 2)),
        ("loss_5", || losing(5, 3)),
        ("loss_10", || losing(10, 4)),
        ("bursts", || bursts(5)),
    ];
    let case = |(name, network): &Lossy| Case {
        name,
        ours: judge(said, &to_stick(said, network())),
        silence: judge(said, &with_silence(said, network())),
    };
    networks.iter().map(case).collect()
}
