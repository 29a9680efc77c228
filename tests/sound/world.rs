//! A phone, a network and a stick around one gateway, each with its own clock; all of it virtual.
use std::collections::BTreeMap;
use std::f64::consts::TAU;
use tandem::media::{Codec, Direction, Gateway, Output, Remote, Seed, Stats};
use tandem::util::time::Instant;
use tandem::wire::dtmf::Dtmf;
use tandem::wire::rtp::{Packet, write_header};

pub const PHONE: &str = "192.0.2.7:4000";
pub const EVENTS: u8 = 101;
pub const RATE: f64 = 8_000.0;

pub fn remote() -> Remote {
    Remote {
        addr: PHONE.parse().unwrap(),
        codec: Codec::Pcma,
        payload_type: 8,
        receive_types: heapless::Vec::from_slice(&[(0, Codec::Pcmu), (8, Codec::Pcma)]).unwrap(),
        event_send: None,
        event_receive: Some(EVENTS),
        ptime_ms: 20,
        direction: Direction::SendRecv,
        symmetric: false,
        dtmf: Dtmf::Auto,
    }
}

/// Small numbers that look random, the same in every run.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }

    pub fn noise(&mut self, level: f64) -> f64 {
        (self.roll(20_001) as f64 / 10_000.0 - 1.0) * level
    }
}

pub fn sine(hz: f64, level: f64, n: u64) -> i16 {
    ((n as f64 * hz / RATE).fract() * TAU).sin().mul_add(level, 0.0).round() as i16
}

/// A sine whose periods a table holds: fast enough for hours.
pub struct Sine(Vec<i16>);

impl Sine {
    /// 440 Hz repeats itself after 200 samples.
    pub fn a440(level: f64) -> Self {
        Self((0..200).map(|n| sine(440.0, level, n)).collect())
    }

    pub fn at(&self, n: u64) -> i16 {
        self.0[(n % 200) as usize]
    }
}

/// What the network does with packet `n`: the moments in microseconds after its sending when it arrives; none: lost.
pub type Network = Box<dyn FnMut(u64) -> Vec<u64>>;

pub fn calm() -> Network {
    Box::new(|_| vec![5_000])
}

/// What goes on around the gateway, and how fast each clock runs.
pub struct World {
    pub gateway: Gateway,
    pub phone_ppm: f64,
    pub stick_ppm: f64,
    pub phone_ptime: u64,
    pub network: Network,
    /// What phone and stick hear from their people.
    pub phone_says: Box<dyn FnMut(u64) -> i16>,
    pub stick_says: Box<dyn FnMut(u64) -> i16>,
    pub packets: u64,
    pub frames: u64,
    /// Another SSRC, and what is added to the timestamps from now on.
    pub rewrite: Option<(u32, u32)>,
    stalled: bool,
    /// Codes by sample: hours go faster.
    alaw: Vec<u8>,
    in_flight: BTreeMap<(u64, u64), Vec<u8>>,
    arrivals: u64,
    pub now_us: u64,
}

/// What came out: moment, and a frame for the stick or a datagram.
pub enum Heard<'a> {
    Voice(&'a [i16]),
    Rtp(Packet<'a>),
    Digit(char),
}

impl World {
    pub fn new(remote: Remote) -> Self {
        let mut gateway = Gateway::new(Seed { ssrc: 7, sequence: 65_000, timestamp: u32::MAX - 100_000 });
        gateway.set_remote(remote, Instant::ZERO);
        gateway.open_voice(Instant::ZERO);
        let tone = Sine::a440(8_000.0);
        Self {
            gateway,
            phone_ppm: 0.0,
            stick_ppm: 0.0,
            phone_ptime: 20,
            network: calm(),
            phone_says: Box::new(move |n| tone.at(n)),
            stick_says: Box::new(|_| 0),
            packets: 0,
            frames: 0,
            alaw: (0..=u16::MAX).map(|sample| Codec::Pcma.encode(sample as i16)).collect(),
            rewrite: None,
            stalled: false,
            in_flight: BTreeMap::new(),
            arrivals: 0,
            now_us: 0,
        }
    }

    pub fn stats(&self) -> &Stats {
        self.gateway.stats()
    }

    /// Samples that must be put in until now (below zero: taken out), as the clocks disagree.
    pub fn demand(&self) -> f64 {
        (self.stick_ppm - self.phone_ppm) * 1e-6 * RATE * self.now_us as f64 / 1e6
    }

    /// Frames lost or made up beyond what the drift demands.
    pub fn slips(&self) -> f64 {
        let stats = self.stats();
        let net = stats.inserted_samples as f64 - stats.skipped_samples as f64;
        let wrong_way = stats.inserted_samples.min(stats.skipped_samples) * 2;
        // The delay itself may end up to 20 ms from where it began.
        let off = ((net - self.demand()).abs() - 160.0).max(0.0);
        (off + wrong_way as f64 + stats.concealed_samples as f64) / 160.0
    }

    /// Moment at which the phone has recorded this sample.
    pub fn phone_time(&self, sample: u64) -> u64 {
        (sample as f64 * 125.0 / (1.0 + self.phone_ppm / 1e6)) as u64 + 3_000
    }

    fn stick_time(&self, frame: u64) -> u64 {
        (frame as f64 * 20_000.0 / (1.0 + self.stick_ppm / 1e6)) as u64 + 20_000
    }

    /// Runs until this moment; `heard` gets what comes out and when.
    pub fn run(&mut self, until_us: u64, heard: &mut dyn FnMut(u64, Heard)) {
        loop {
            let sent_at = self.phone_time((self.packets + 1) * self.phone_ptime * 8);
            let frame_at = if self.stalled { u64::MAX } else { self.stick_time(self.frames) };
            let arrives = self.in_flight.keys().next().map_or(u64::MAX, |key| key.0);
            let timer = self.gateway.poll_timeout().map_or(u64::MAX, Instant::as_micros).max(self.now_us);
            let next = sent_at.min(frame_at).min(arrives).min(timer);
            if next >= until_us {
                self.now_us = until_us;
                return;
            }
            self.now_us = next;
            let now = Instant::from_micros(next);
            if next == arrives {
                let (_, bytes) = self.in_flight.pop_first().unwrap();
                self.gateway.handle_rtp(PHONE.parse().unwrap(), &bytes, now);
            } else if next == sent_at {
                self.send();
            } else if next == frame_at {
                let bytes = self.frame();
                self.gateway.handle_voice(&bytes, now);
            } else {
                self.gateway.handle_timeout(now);
            }
            self.fetch(heard);
        }
    }

    /// All goes on but the stick.
    pub fn stall(&mut self, for_us: u64, heard: &mut dyn FnMut(u64, Heard)) {
        self.stalled = true;
        self.run(self.now_us + for_us, heard);
        self.stalled = false;
    }

    /// The stick's next frame.
    pub fn frame(&mut self) -> Vec<u8> {
        let first = self.frames * 160;
        self.frames += 1;
        let mut bytes = Vec::with_capacity(320);
        (first..first + 160).for_each(|n| bytes.extend_from_slice(&(self.stick_says)(n).to_le_bytes()));
        bytes
    }

    pub fn fetch(&mut self, heard: &mut dyn FnMut(u64, Heard)) {
        while let Some(output) = self.gateway.poll_output() {
            match output {
                Output::Voice(bytes) => {
                    let mut samples = [0; 160];
                    for (sample, pair) in samples.iter_mut().zip(bytes.chunks(2)) {
                        *sample = i16::from_le_bytes([pair[0], pair[1]]);
                    }
                    heard(self.now_us, Heard::Voice(&samples));
                }
                Output::Rtp { to, bytes } => {
                    assert_eq!(to, PHONE.parse().unwrap());
                    heard(self.now_us, Heard::Rtp(Packet::parse(&bytes).unwrap()));
                }
                Output::Inform(digit) => panic!("{digit} by INFO"),
                Output::Digit(digit) => heard(self.now_us, Heard::Digit(digit)),
            }
        }
    }

    fn send(&mut self) {
        let (n, samples) = (self.packets, self.phone_ptime * 8);
        self.packets += 1;
        let sent_at = self.phone_time(self.packets * samples);
        let payload: Vec<u8> = (n * samples..(n + 1) * samples)
            .map(|n| self.alaw[usize::from((self.phone_says)(n) as u16)])
            .collect();
        // Numbers that wrap early.
        let sequence = (n as u16).wrapping_add(65_400);
        let timestamp = ((n * samples) as u32).wrapping_add(u32::MAX - 9_999);
        let (ssrc, jump) = self.rewrite.unwrap_or((0xfeed, 0));
        let header = write_header(n == 0, 8, sequence, timestamp.wrapping_add(jump), ssrc);
        let bytes = [&header[..], &payload].concat();
        for delay in (self.network)(n) {
            self.arrivals += 1;
            self.in_flight.insert((sent_at + delay, self.arrivals), bytes.clone());
        }
    }
}

/// Finds steps that a tone can't have, after the first seconds.
pub struct Clicks {
    last: Option<i16>,
    pub largest: i32,
    pub silent: u64,
    pub samples: u64,
    run: u64,
}

impl Clicks {
    pub fn new() -> Self {
        Self { last: None, largest: 0, silent: 0, samples: 0, run: 0 }
    }

    pub fn listen(&mut self, samples: &[i16]) {
        for sample in samples {
            if let Some(last) = self.last {
                self.largest = self.largest.max((i32::from(*sample) - i32::from(last)).abs());
            }
            self.last = Some(*sample);
            self.samples += 1;
            self.run = if sample.abs() < 100 { self.run + 1 } else { 0 };
            // A tone is never near zero for ten samples.
            self.silent += u64::from(self.run >= 10);
        }
    }
}

/// A tone's largest step from sample to sample, and what A-law adds at this level.
pub fn slope(hz: f64, level: f64) -> i32 {
    (TAU * hz / RATE * level) as i32 + 256
}
