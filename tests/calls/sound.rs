//! RTP and G.711 by hand.

/// An octet that no silence has, and the sample it stands for in PCMU; bytes of the sample differ, so a swap shows.
pub const PHONE_SAYS: u8 = 0x9a;
pub const STICK_SAYS: i16 = 0x0d7c;

pub fn from_ulaw(octet: u8) -> i16 {
    let octet = !octet;
    let magnitude = ((i16::from(octet & 0x0f) << 3) + 0x84) << ((octet & 0x70) >> 4);
    if octet & 0x80 == 0 { magnitude - 0x84 } else { 0x84 - magnitude }
}

pub fn from_alaw(octet: u8) -> i16 {
    let octet = octet ^ 0x55;
    let (segment, step) = ((octet & 0x70) >> 4, i16::from(octet & 0x0f) << 4);
    let magnitude = if segment == 0 { step + 8 } else { (step + 0x108) << (segment - 1) };
    if octet & 0x80 == 0 { -magnitude } else { magnitude }
}

/// The nearest octet.
pub fn to_law(sample: i16, decode: fn(u8) -> i16) -> u8 {
    (0..=255).min_by_key(|octet| i32::from(sample).abs_diff(i32::from(decode(*octet)))).unwrap()
}

const HZ: [f64; 8] = [697.0, 770.0, 852.0, 941.0, 1_209.0, 1_336.0, 1_477.0, 1_633.0];
const KEYS: [&str; 4] = ["123A", "456B", "789C", "*0#D"];

/// The tones of a key, 100 ms, and 100 ms of silence.
pub fn tone(digit: char) -> Vec<i16> {
    let row = KEYS.iter().position(|row| row.contains(digit)).unwrap();
    let column = KEYS[row].find(digit).unwrap() + 4;
    let wave = |place: usize, n: usize| (n as f64 * HZ[place] / 8_000.0 * std::f64::consts::TAU).sin();
    let sound = (0..800).map(|n| (7_000.0 * (wave(row, n) + wave(column, n))) as i16);
    sound.chain([0; 800]).collect()
}

/// The key that fills these 20 ms.
fn key_of(frame: &[i16]) -> Option<char> {
    let mean = frame.iter().map(|s| f64::from(*s)).sum::<f64>() / frame.len() as f64;
    let all: f64 = frame.iter().map(|s| (f64::from(*s) - mean).powi(2)).sum();
    let power = |hz: f64| {
        let angle = |n: usize| n as f64 * hz / 8_000.0 * std::f64::consts::TAU;
        let part = |f: fn(f64) -> f64| -> f64 {
            frame.iter().enumerate().map(|(n, s)| (f64::from(*s) - mean) * f(angle(n))).sum()
        };
        (part(f64::sin).powi(2) + part(f64::cos).powi(2)) * 2.0 / frame.len() as f64
    };
    let best = |places: std::ops::Range<usize>| {
        places.map(|p| (power(HZ[p]), p)).max_by(|a, b| a.0.total_cmp(&b.0)).unwrap()
    };
    let ((low, row), (high, column)) = (best(0..4), best(4..8));
    let is_key = all > 1e8 && low + high > 0.8 * all && low > 0.2 * all && high > 0.2 * all;
    is_key.then(|| KEYS[row].chars().nth(column - 4).unwrap())
}

/// Keys that sound for 60 ms or longer.
pub fn keys_in(sound: &[i16]) -> String {
    let (mut keys, mut last, mut length) = (String::new(), None, 0);
    for frame in sound.chunks_exact(80) {
        let key = key_of(frame);
        length = if key == last { length + 1 } else { 1 };
        last = key;
        if length == 6 {
            keys.extend(key);
        }
    }
    keys
}

#[test]
fn tones_are_keys() {
    let sound: Vec<i16> = "1590*#377".chars().flat_map(tone).collect();
    assert_eq!(keys_in(&sound), "1590*#377");
    assert_eq!(keys_in(&[STICK_SAYS; 8_000]), "");
}

#[derive(Clone, Debug)]
pub struct Rtp {
    pub payload_type: u8,
    pub sequence: u16,
    pub timestamp: u32,
    pub payload: Vec<u8>,
}

impl Rtp {
    pub fn parse(bytes: &[u8]) -> Self {
        assert_eq!(bytes[0], 0x80, "version 2, nothing else");
        Self {
            payload_type: bytes[1] & 0x7f,
            sequence: u16::from_be_bytes([bytes[2], bytes[3]]),
            timestamp: u32::from_be_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
            payload: bytes[12..].to_vec(),
        }
    }

    pub fn to_bytes(&self, marker: bool, ssrc: u32) -> Vec<u8> {
        let mut bytes = vec![0x80, self.payload_type | u8::from(marker) << 7];
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(self.timestamp.to_be_bytes());
        bytes.extend(ssrc.to_be_bytes());
        bytes.extend(&self.payload);
        bytes
    }
}

#[test]
fn known_points_of_g711() {
    assert_eq!((from_ulaw(0xff), from_ulaw(0x80), from_ulaw(0x00)), (0, 32124, -32124));
    assert_eq!((from_alaw(0xd5), from_alaw(0x55), from_alaw(0xaa)), (8, -8, 32256));
}
